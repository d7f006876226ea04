// Package hub joins the parts of the federation: it reads the inventories from the bus, keeps the fleet's assessments
// current in the state, publishes them, writes history and serves REST. The federation daemon and "meridian up" run it;
// it keeps no state of its own that the streams could not rebuild.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/rest/changefeed"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/ingest"
	"github.com/meridian-federation/meridian/federation/state"
	"github.com/meridian-federation/meridian/federation/tenancy"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// tick is how often time alone is looked at: ages of inventories, silent sites, assessments that still have to be published.
const tick = 2 * time.Second

// busRetry is the pause before a start asks the message bus again.
const busRetry = time.Second

// Options are what a hub works with.
type Options struct {
	Bus     *bus.Conn
	Streams bus.StreamOptions
	Engine  *assess.Engine
	Policy  *policy.Policy
	Logger  *slog.Logger
	Now     func() time.Time
	Past    Past // nil runs without history
	Limits  ingest.Limits
	// OldestPlanner is the oldest version of planners that is supported, major.minor; empty supports all that the bus can read.
	OldestPlanner string
	// LongestWaiver is the longest time a waiver may last; 0 is waiver.DefaultLongest.
	LongestWaiver time.Duration
	// PolicyApproval demands that somebody else than the author activates a version of the policy the first time.
	PolicyApproval bool
	// Progress is told of each inventory that is loaded at the start; it may be nil.
	Progress func()
}

// Hub is one replica.
type Hub struct {
	o      Options
	state  *state.Store
	fleet  *fleet.Fleet
	ingest *ingest.Gate
	words  *ingest.Words // of inventories and of stored assessments
	ready  chan struct{}
	feed   *changefeed.Feed
	queue  *ingest.Queue
	clock  *clock
	checks chan bus.Heartbeat
	// beating tells that the heartbeats from before the start are through: those that come now were just sent.
	beating atomic.Bool
	metrics *metrics
	plans   plans
	ticks   atomic.Uint64
	*governance
	// changes numbers the events; only the fleet's commits, one after the other, count it on. It begins at the start's
	// time, so that a browser that knew an earlier process is told to read again.
	changes uint64

	mu      sync.Mutex
	loading map[string]fleet.Update // before the start's backlog is through: the latest of each site
	refused map[string]struct{}     // sites whose latest inventory was refused meanwhile

	held     map[string]held          // by site: what the stream was found to hold
	asked    map[string]time.Duration // by site: when its planner was asked to send again, as clock.elapsed counts
	outboxes map[string]outbox        // by site, where it holds or lost anything
}

// New prepares a hub; Run works.
func New(o Options) (*Hub, error) {
	store, err := state.New()
	if err != nil {
		return nil, err
	}
	h := &Hub{
		o: o, state: store, words: ingest.NewWords(), ready: make(chan struct{}), loading: map[string]fleet.Update{}, refused: map[string]struct{}{},
		feed: changefeed.New(changesKept), changes: uint64(o.Now().UnixMicro()),
		queue: ingest.NewQueue(o.Limits), clock: newClock(o.Now), checks: make(chan bus.Heartbeat, checksWaiting), metrics: newMetrics(),
		held: map[string]held{}, asked: map[string]time.Duration{}, outboxes: map[string]outbox{},
	}
	h.ingest = ingest.New(o.Engine.Regions, h.words, h.known)
	h.fleet = fleet.New(fleet.Options{
		Engine: o.Engine, Policy: o.Policy, Store: store, Graph: tenancy.New(),
		Publish: h.publish, Committed: h.committed,
		Announce: h.announce, Oldest: h.oldest(),
	})
	h.governance = h.newGovernance()
	return h, nil
}

// View returns the current view of the federation.
func (h *Hub) View() fleet.View { return h.state.View() }

// Ready closes when the backlog of the streams is loaded and answers are complete.
func (h *Hub) Ready() <-chan struct{} { return h.ready }

// Evaluations counts the judgements made since start.
func (h *Hub) Evaluations() uint64 { return h.fleet.Evaluations() }

// Ticks counts how often time alone was looked at since start.
func (h *Hub) Ticks() uint64 { return h.ticks.Load() }

// Run works until the context ends; that is no error.
func (h *Hub) Run(ctx context.Context) error {
	var prior map[string]*assess.Assessment
	err := h.o.persist(ctx, "prepare the streams", func() (err error) {
		if err = h.o.Bus.EnsureStreams(ctx, h.o.Streams); err == nil {
			err = h.openBuckets(ctx)
		}
		if err == nil {
			prior, err = h.priorAssessments(ctx)
		}
		return err
	})
	if err != nil {
		return ended(ctx, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	known, announced, beating := make(chan struct{}), make(chan struct{}), make(chan struct{})
	p := newPipeline(h.ingest.Admit, h.take)
	group.Go(func() error {
		return h.o.Bus.Rejections(ctx, h.rejection, func() { close(known) })
	})
	group.Go(func() error {
		// What was refused before must be known first, or it would be refused and published once more, and so must be who was
		// heard, or every site would look silent at first.
		// What was in force when must be known before anything is judged.
		if !all(ctx, known, beating, h.waivers.Ready(), h.policies.Ready()) {
			return nil
		}
		return h.o.Bus.Inventories(ctx, func(ctx context.Context, m bus.Inventory) { h.inventory(ctx, p, &m) }, func() {
			if p.drain(ctx) {
				h.load(ctx, prior)
				prior = nil // or they would stay in memory when their sites have others
			}
		})
	})
	group.Go(func() error { return p.run(ctx) })
	group.Go(func() error {
		return h.o.Bus.ChangesOfKind(ctx, kindLiveness, h.remember, func() { close(announced) })
	})
	group.Go(func() error {
		// A sign of life is read by what came before it.
		if !all(ctx, announced) {
			return nil
		}
		return h.o.Bus.Heartbeats(ctx, h.heartbeat, func() {
			h.beating.Store(true)
			close(beating)
		})
	})
	group.Go(func() error {
		h.queue.Run(ctx, h.clock.now, p.put)
		return nil
	})
	for range checkers {
		group.Go(func() error { return h.check(ctx) })
	}
	group.Go(func() error { return h.tickWhileReady(ctx) })
	h.govern(ctx, group)
	return ended(ctx, group.Wait())
}

// all waits until all channels are closed and reports whether they are, or false when the context ends before.
func all(ctx context.Context, channels ...<-chan struct{}) bool {
	for _, c := range channels {
		select {
		case <-c:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// persist repeats what a start needs of the message bus while the bus is away: a server that restarts just then ends no hub.
// Streams that are missing and that this hub may not make are not waited for.
func (o *Options) persist(ctx context.Context, what string, f func() error) error {
	for {
		err := f()
		if err == nil || ctx.Err() != nil || !errors.Is(err, bus.ErrUnavailable) || o.Streams.VerifyOnly && o.Bus.Connected() {
			return err
		}
		o.Logger.Warn(what+": tried again", "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(busRetry):
		}
	}
}

// ended makes nothing of an error that only tells that the context ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, bus.ErrClosed) || errors.Is(err, bus.ErrUnavailable)) {
		return nil
	}
	return err
}

func (h *Hub) priorAssessments(ctx context.Context) (map[string]*assess.Assessment, error) {
	prior := map[string]*assess.Assessment{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	err := h.o.Bus.LastAssessments(ctx, func(a bus.Assessment) {
		group.Go(func() error {
			doc, err := new(assess.Assessment), a.DecodeErr
			if err == nil {
				err = json.Unmarshal(a.Body, doc)
				doc.Basis = assess.ParseBasis(a.Basis)
				assess.Words(doc, h.words.Word)
			}
			if err != nil {
				h.o.Logger.Warn("a stored assessment cannot be read and is computed anew", "site", a.Site, "error", err)
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			// One that is replaced while it is read comes twice.
			if other := prior[a.Site]; other == nil || other.At.Before(doc.At) {
				prior[a.Site] = doc
			}
			return nil
		})
	})
	_ = group.Wait() // None fails.
	if err != nil {
		return nil, fmt.Errorf("read the last assessments: %w", err)
	}
	return prior, nil
}

// oldest are the planners that are supported.
func (h *Hub) oldest() fleet.Oldest {
	return fleet.Oldest{Protocol: bus.OldestProtocol, Version: h.o.OldestPlanner}
}

func received(m *bus.Inventory) ingest.Message {
	return ingest.Message{
		Site: m.Site, Revision: m.Revision, Body: m.Body, Sequence: m.StreamSequence, AcceptedAt: m.AcceptedAt, Err: m.DecodeErr,
		Planner: fleet.Planner{Version: m.PlannerVersion, Instance: m.Instance, Sequence: m.InstanceSequence, Protocol: m.Protocol},
	}
}

// inventory takes one message from the stream. After the start it waits for its turn.
func (h *Hub) inventory(ctx context.Context, p *pipeline, m *bus.Inventory) {
	h.mu.Lock()
	loading := h.loading != nil
	h.mu.Unlock()
	if loading {
		p.put(ctx, received(m))
		return
	}
	h.clock.hear(m.AcceptedAt)
	if err := h.queue.Put(ctx, received(m)); err != nil {
		h.o.Logger.Debug("an inventory is left to the next start", "site", m.Site, "revision", m.Revision, "error", err)
	}
}

// known is what the latest record says of a site.
func (h *Hub) known(site string) (*inventory.Site, inventory.Structure) {
	r, ok := h.state.View().Site(site)
	if !ok {
		return nil, inventory.Structure{}
	}
	return r.Inventory, r.Structure()
}

// take handles what was admitted or refused. Errors end here: one bad inventory never stops the others.
func (h *Hub) take(ctx context.Context, admitted []*admission) {
	h.mu.Lock()
	loading := h.loading != nil
	for _, a := range admitted {
		switch {
		case !loading:
		case a.rejection != nil:
			h.refused[a.message.Site] = struct{}{}
		default:
			h.loading[a.message.Site] = *a.update
		}
	}
	h.mu.Unlock()
	updates := make([]fleet.Update, 0, len(admitted))
	for _, a := range admitted {
		switch {
		case a.rejection != nil:
			// Who sees a refusal sees what came before it, too.
			h.apply(ctx, updates)
			updates = updates[:0]
			h.metrics.inventories.WithLabelValues("rejected").Inc()
			h.reject(ctx, a.rejection)
		case !loading:
			updates = append(updates, *a.update)
		case h.o.Progress != nil:
			h.o.Progress()
		}
	}
	h.apply(ctx, updates)
}

func (h *Hub) apply(ctx context.Context, updates []fleet.Update) {
	if len(updates) == 0 {
		return
	}
	h.metrics.inventories.WithLabelValues("applied").Add(float64(len(updates)))
	if err := h.fleet.Apply(ctx, updates...); err != nil {
		h.o.Logger.Error("apply inventories", "first", updates[0].Site.Site.ID, "revision", updates[0].Revision, "number", len(updates), "error", err)
	}
}

func (h *Hub) load(ctx context.Context, prior map[string]*assess.Assessment) {
	h.mu.Lock()
	refused := h.refused
	for site := range h.loading {
		delete(refused, site)
	}
	h.mu.Unlock()
	for site := range refused {
		h.lastGood(ctx, site)
	}
	h.mu.Lock()
	updates := make([]fleet.Update, 0, len(h.loading))
	for _, u := range h.loading {
		updates = append(updates, u)
	}
	h.loading, h.refused = nil, nil
	h.mu.Unlock()
	if err := h.fleet.Load(ctx, updates, prior, h.clock.now()); err != nil {
		h.o.Logger.Error("load the federation", "sites", len(updates), "error", err)
	}
	close(h.ready)
}

// lastGood loads what was in force before a site's latest inventory was refused, as it still is in a hub that kept running.
func (h *Hub) lastGood(ctx context.Context, site string) {
	err := h.o.Bus.KeptInventories(ctx, site, func(m bus.Inventory) {
		if update, _ := h.ingest.Admit(received(&m)); update != nil {
			h.mu.Lock()
			h.loading[site] = *update
			h.mu.Unlock()
		}
	})
	if err != nil && ctx.Err() == nil {
		h.o.Logger.Error("look for the inventory before one that was refused", "site", site, "error", err)
	}
}

// rejection takes over what this or another replica refused, now or before the start.
func (h *Hub) rejection(_ context.Context, m bus.Rejection) {
	var r fleet.Rejection
	err := m.DecodeErr
	if err == nil {
		err = json.Unmarshal(m.Body, &r)
	}
	if err == nil && r.Site == m.Site && !h.state.Rejected(&r) {
		_, err = h.state.Reject(&r)
	}
	if err != nil {
		h.o.Logger.Warn("a stored rejection cannot be read", "site", m.Site, "error", err)
	}
}

func (h *Hub) reject(ctx context.Context, r *fleet.Rejection) {
	if h.state.Rejected(r) {
		return
	}
	h.o.Logger.Warn("inventory refused", "site", r.Site, "revision", r.Revision, "reason", r.Reason, "detail", r.Detail)
	if _, err := h.state.Reject(r); err != nil {
		h.o.Logger.Error("keep a rejection", "site", r.Site, "error", err)
	}
	body, err := json.Marshal(r)
	if err == nil {
		_, err = h.o.Bus.PublishRejection(ctx, bus.Rejection{Site: r.Site, Revision: r.Revision, At: r.At, Sequence: r.Sequence, Body: body})
	}
	if err != nil {
		h.o.Logger.Error("publish a rejection", "site", r.Site, "error", err)
	}
}

func (h *Hub) tickWhileReady(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-h.ready:
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		h.ticks.Add(1)
		now := h.clock.now()
		h.queue.Limited(now, h.fleet.Limit)
		if err := h.fleet.Tick(ctx, now); err != nil && ctx.Err() == nil {
			h.o.Logger.Error("bring the federation up to date", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-h.wake:
		}
	}
}
