package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/inventory"
)

const (
	// kindLiveness is the kind of change that tells of a site's liveness.
	kindLiveness = "site.liveness"

	// checkers look whether the stream holds what heartbeats name; one of them waits for a planner's answer at a time.
	checkers      = 8
	checksWaiting = 1024
	// resendGap is the least time between two requests to one planner to send again: time for it to have done so.
	resendGap = 30 * time.Second
)

// livenessChange is the body of a change of liveness, from which other replicas and one that starts later know when it was.
type livenessChange struct {
	Site     string            `json:"site"`
	Liveness fleet.Liveness    `json:"liveness"`
	HeardAt  time.Time         `json:"heardAt"`
	Entered  fleet.Transitions `json:"entered"`
}

// remember takes over what this or another replica announces of the sites' liveness.
func (h *Hub) remember(ch bus.Change) {
	var c livenessChange
	if ch.DecodeErr != nil || json.Unmarshal(ch.Body, &c) != nil {
		h.o.Logger.Warn("an announced change of liveness cannot be read", "site", ch.Site, "error", ch.DecodeErr)
		return
	}
	h.fleet.Remember(ch.Site, ch.StreamSequence, c.HeardAt, c.Entered)
}

func (h *Hub) announce(ctx context.Context, r *fleet.Record, after uint64) (position uint64, err error) {
	body, err := json.Marshal(livenessChange{Site: r.ID, Liveness: r.Liveness, HeardAt: r.HeardAt, Entered: r.Entered})
	if err != nil {
		return 0, err
	}
	at := r.Entered.Of(r.Liveness)
	id := fmt.Sprintf("%s:%s:%s:%d", kindLiveness, r.ID, r.Liveness, at.UnixNano())
	if after > 0 {
		id += fmt.Sprintf(":%d", after)
	}
	ack, err := h.o.Bus.PublishChange(ctx, bus.Change{ID: id, Kind: kindLiveness, Site: r.ID, At: at, Body: body})
	return ack.StreamSequence, err
}

// heartbeat notes a sign of life and has it checked whether the stream holds what the planner believes it to hold.
func (h *Hub) heartbeat(b bus.Heartbeat) {
	h.metrics.heartbeats.Inc()
	if h.beating.Load() {
		h.clock.hear(b.AcceptedAt)
	}
	interval := time.Duration(b.Interval)
	if interval <= 0 {
		interval = fleet.Beat
	}
	h.fleet.Heard(fleet.Sign{
		Site: b.Site, At: b.AcceptedAt, Interval: interval, Planner: fleet.Planner{Version: b.PlannerVersion, Instance: b.Instance, Protocol: b.Protocol},
	})
	h.backlog(b)
	select {
	case h.checks <- b:
	default: // the next heartbeat of the site asks again
		h.metrics.resends.WithLabelValues("postponed").Inc()
	}
}

// backlog notes what a planner says of its outbox.
func (h *Hub) backlog(b bus.Heartbeat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b.Queued == 0 && b.Dropped == 0 {
		delete(h.outboxes, b.Site)
	} else {
		h.outboxes[b.Site] = outbox{b.Queued, b.Dropped}
	}
}

// held is a revision that was found in the stream, while the connection that it was found over stands.
type held struct {
	instance   string
	sequence   uint64
	connection uint64
}

// check asks a planner to send again what the stream does not hold any more.
func (h *Hub) check(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-h.checks:
			if err := h.checkOne(ctx, b); err != nil && ctx.Err() == nil {
				h.o.Logger.Warn("have a planner send again", "site", b.Site, "revision", b.Revision, "error", err)
			}
		}
	}
}

func (h *Hub) checkOne(ctx context.Context, b bus.Heartbeat) error {
	is := held{b.Instance, b.InstanceSequence, h.o.Bus.Status().Reconnects}
	now := h.clock.elapsed()
	h.mu.Lock()
	asked, before := h.asked[b.Site]
	skip := h.held[b.Site] == is || before && now-asked < resendGap
	h.mu.Unlock()
	if skip {
		return nil
	}
	ok, after, err := h.o.Bus.Holds(ctx, b)
	if err != nil {
		return err
	}
	h.mu.Lock()
	if ok {
		h.held[b.Site] = is
		delete(h.asked, b.Site)
	} else {
		h.asked[b.Site] = now
	}
	h.mu.Unlock()
	if ok {
		return nil
	}
	h.o.Logger.Warn("the stream has lost what a planner sent; asking for it", "site", b.Site, "revision", b.Revision, "after", after)
	reply, err := h.o.Bus.Request(ctx, b.Site, bus.Request{Kind: bus.RequestResend, Instance: b.Instance, After: after})
	switch {
	case errors.Is(err, bus.ErrNoSite):
		h.metrics.resends.WithLabelValues("no-planner").Inc()
		return err
	case err == nil && !reply.OK:
		err = errors.New(reply.Detail)
	}
	if err != nil {
		h.metrics.resends.WithLabelValues("failed").Inc()
		return err
	}
	h.metrics.resends.WithLabelValues("asked").Inc()
	return nil
}

// setHeartbeat has a site's planner beat at another interval.
func (h *Hub) setHeartbeat(ctx context.Context, site string, interval time.Duration) error {
	reply, err := h.o.Bus.Request(ctx, site, bus.Request{Kind: bus.RequestHeartbeatInterval, Interval: inventory.Duration(interval)})
	switch {
	case errors.Is(err, bus.ErrNoSite):
		return &rest.Error{Code: rest.CodeUnavailable, Detail: "no planner of the site is connected; try again when one is", Err: err}
	case err != nil:
		return &rest.Error{Code: rest.CodeUnavailable, Detail: "the site's planner did not answer; try again later", Err: err}
	case !reply.OK:
		return &rest.Error{Code: rest.CodeInvalid, Detail: "the site's planner refused: " + reply.Detail}
	}
	return nil
}
