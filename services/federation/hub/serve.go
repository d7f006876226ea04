package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/changefeed"
	"github.com/meridian-federation/meridian/api/rest/govern"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
)

const (
	changesKept       = 10_000
	defaultDrain      = 10 * time.Second
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
)

// Serve says how the hub answers over HTTP.
type Serve struct {
	Listener      net.Listener
	Auth          rest.Authenticator
	SessionKey    []byte
	SecureCookies bool
	Web           fs.FS
	Version       string
	Registry      *prometheus.Registry
	Enrolments    rest.Enrolments // nil lets no planner in
	Webhooks      govern.Webhooks // nil sends no notifications
	Drain         time.Duration   // how long requests under way may take after the stop; 0 means 10 s; event streams end at once
}

// Serve answers requests until the context ends, then lets those under way finish.
func (h *Hub) Serve(ctx context.Context, s Serve) error {
	h.registerMetrics(s.Registry)
	drain := cmp.Or(s.Drain, defaultDrain)
	closing := make(chan struct{})
	var past rest.Past
	if h.o.Past != nil {
		past = archive{h}
	}
	handler, err := rest.New(rest.Options{ //nolint:contextcheck // Requests bring their own contexts; this one bounds the server.
		View: h.View, Regions: h.o.Engine.Regions, Rules: h.o.Engine.Rules.Entries(), Architectures: h.o.Engine.Catalog.All(),
		Schema: inventory.Schema(), Assess: h.assessAll, PutInventory: h.putInventory,
		SetHeartbeat: h.setHeartbeat, Supported: h.supported(), Report: h.Compliance, Past: past, Branch: h.branch, FleetPlan: h.fleetPlan, Changes: h.feed, Enrolments: s.Enrolments, Webhooks: s.Webhooks, Ready: h.readiness,
		Waivers: h.waivers, Policies: h.policyOptions(), Tokens: h.tokens, Audit: h.audit,
		Auth: h.authenticators(s.Auth), SessionKey: s.SessionKey, SecureCookies: s.SecureCookies,
		Web: s.Web, Closing: closing, Version: s.Version, Clock: h.o.Now, Logger: h.o.Logger, Registry: s.Registry,
	})
	if err != nil {
		return fmt.Errorf("set up REST: %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(h.o.Logger.Handler(), slog.LevelInfo),
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		close(closing)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		err := server.Shutdown(limit)
		if errors.Is(err, context.DeadlineExceeded) {
			h.o.Logger.Warn("requests under way were cut off", "after", drain)
			err = server.Close()
		}
		stopped <- err
	}()
	if err := server.Serve(s.Listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve REST: %w", err)
	}
	return <-stopped
}

// committed turns a commit into events, one for each site.
func (h *Hub) committed(index uint64, records []*fleet.Record) {
	for _, r := range records {
		h.changes++
		h.feed.Publish(changefeed.Change{ID: h.changes, Index: index, Site: r.ID})
	}
}

func (h *Hub) supported() rest.Supported {
	return rest.Supported{Protocol: bus.Protocol, OldestProtocol: bus.OldestProtocol, OldestPlanner: h.o.OldestPlanner}
}

func (h *Hub) readiness(context.Context) error {
	select {
	case <-h.ready:
	default:
		return errors.New("the federation is being loaded from the streams")
	}
	if !h.o.Bus.Connected() {
		return errors.New("the message bus cannot be reached; answers come from memory")
	}
	return nil
}

// putInventory sends a document that came over REST through the same stream as a planner's.
func (h *Hub) putInventory(ctx context.Context, site string, body []byte) (string, error) {
	doc, err := inventory.Parse("body", body, h.o.Engine.Regions)
	if err != nil {
		return "", err
	}
	normal := inventory.Normalise(doc, h.o.Engine.Regions)
	canonical, err := inventory.Canonical(normal)
	if err != nil {
		return "", err
	}
	revision := inventory.Revision(normal)
	if _, err := h.o.Bus.PublishInventory(ctx, bus.Inventory{Site: site, Revision: revision, Body: canonical, Newest: true}); err != nil {
		return "", fmt.Errorf("publish the inventory of site %s: %w", site, err)
	}
	return revision, nil
}

// assessAll judges a record again at its own instant, to list what passes as well.
func (h *Hub) assessAll(_ context.Context, r *fleet.Record) (*assess.Assessment, error) {
	if r.Assessment == nil {
		return nil, fmt.Errorf("site %s has no assessment yet", r.ID)
	}
	return h.fleet.Explain(r, h.View()), nil
}
