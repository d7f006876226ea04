// Package daemon joins the parts of a site's planner: the source of its inventory, the engine, the outbox and the bus. The
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
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/sources/file"
)

// SourceName is what inventories call the site's own file.
const SourceName = "site-file"

// Options are what a planner works with.
type Options struct {
	Site      string // id; a file that describes another site is refused
	Path      string // the SiteInventory file, followed for changes
	Dir       string // state
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
	options := agent.Options{
		Site: o.Site, Dir: o.Dir, Version: o.Version, Source: source{o.Path, o.Engine.Regions}, Regions: o.Engine.Regions,
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

// source is a SiteInventory file.
type source struct {
	path    string
	regions *geo.Table
}

// Name implements agent.Source.
func (source) Name() string { return SourceName }

// Collect implements agent.Source.
func (s source) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	read := file.Read(s.regions, s.path)
	if err := read.Err(); err != nil {
		return nil, nil, err
	}
	sites := read.Sites()
	if len(sites) != 1 {
		return nil, nil, document.NewError([]document.Problem{{
			File: s.path, What: fmt.Sprintf("%d inventories where one is expected", len(sites)), Remedy: "give the file of one site",
		}})
	}
	return sites[0], nil, nil
}

// Watch implements agent.Source.
func (s source) Watch(ctx context.Context, changed func()) error {
	return file.Watch(ctx, s.path, changed)
}
