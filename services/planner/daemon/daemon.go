// Package daemon joins the parts of a site's planner: the sources of its inventory, the engine, the outbox and the bus. The
// planner daemon runs one, "meridian up" one for each imported site.
package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// SourceName is what inventories call the site's own file.
const SourceName = "site-file"

// Options are what a planner works with.
type Options struct {
	Site      string         // id; a source that describes another site is refused
	Sources   []SourceConfig // followed for changes
	Dir       string         // state
	Engine    *assess.Engine
	Policy    *policy.Policy
	Bus       *bus.Conn // nil works without a hub
	Interval  time.Duration
	Heartbeat time.Duration
	Version   string
	Logger    *slog.Logger
}

// Daemon is one site's planner.
type Daemon struct{ agent *agent.Agent }

// New opens the planner's state. A second planner on the same state directory is refused.
func New(o Options) (*Daemon, error) {
	source, err := o.source()
	if err != nil {
		return nil, fmt.Errorf("open the planner of site %s: %w", o.Site, err)
	}
	options := agent.Options{
		Site: o.Site, Dir: o.Dir, Version: o.Version, Source: source, Regions: o.Engine.Regions,
		Interval: o.Interval, Heartbeat: o.Heartbeat, Logger: o.Logger,
		Assess: func(s *inventory.Site, at time.Time) (*assess.Assessment, error) {
			return o.Engine.Site(assess.View{Site: s, Policy: o.Policy, At: at}), nil
		},
	}
	if o.Bus != nil {
		options.Hub = o.Bus
	}
	a, err := agent.New(options)
	if err != nil {
		return nil, fmt.Errorf("open the planner of site %s: %w", o.Site, err)
	}
	return &Daemon{a}, nil
}

// Run works until the context ends.
func (d *Daemon) Run(ctx context.Context) error { return d.agent.Run(ctx) }

// Close gives the state free; call it after Run has returned.
func (d *Daemon) Close() error { return d.agent.Close() }

// Status tells how the planner stands.
func (d *Daemon) Status() agent.Status { return d.agent.Status() }
