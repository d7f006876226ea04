// Package planners lets simulated sites talk to a federation as their planners would: heartbeats, inventories with message
// ids in order of each site, repeated until the stream has accepted them, and a look at what the hub has applied. Many
// sites share few connections. It ends by itself when the simulated time is over; the sitesim command and the
// demonstration call it.
package planners

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// Hub is the way to the federation; *bus.Conn is one. Its credential may publish for every site.
type Hub interface {
	PublishInventory(ctx context.Context, inv bus.Inventory) (bus.Ack, error)
	PublishHeartbeat(ctx context.Context, h bus.Heartbeat) error
	Assessments(ctx context.Context, handler func(context.Context, bus.Assessment), caughtUp func()) error
}

// Options are what a simulation works with.
type Options struct {
	Fleet    *sitesim.Fleet
	Hubs     []Hub         // one or more; sites are spread over them
	Duration time.Duration // of simulated life, in real time; 0 means until the context ends
	// Heartbeat is the interval of each site's heartbeats; 0 means one minute.
	Heartbeat time.Duration
	// Settle is how long is waited in the end for the hub to apply what was accepted; 0 does not wait.
	Settle  time.Duration
	Version string // that the planners say they have
	Now     func() time.Time
	Logger  *slog.Logger // nil discards
}

// Counts are what a simulation did.
type Counts struct {
	Sites      int `json:"sites"`
	Accepted   int `json:"accepted"`   // revisions that the stream took
	Duplicates int `json:"duplicates"` // of them, those it held already
	Retries    int `json:"retries"`    // sendings that were not accepted and were repeated
	Unsent     int `json:"unsent"`     // revisions that were due and not accepted when the end came
	Heartbeats int `json:"heartbeats"`
	Silences   int `json:"silences"`
	Applied    int `json:"applied"` // sites whose last accepted revision the hub has assessed
	Behind     int `json:"behind"`  // sites whose last accepted revision it has not
}

const (
	workers    = 64 // over all sites; each waits for one receipt at a time
	queued     = 64 // events that may wait for a worker
	pulse      = 100 * time.Millisecond
	retryFirst = 100 * time.Millisecond
	retryMax   = 5 * time.Second
)

// Run lives the fleet's life: an event at the fleet's instant t happens t - Fleet.Start after the call. It returns what it
// did when the duration is over, or when the context ends, which is no error.
func Run(ctx context.Context, o Options) (Counts, error) {
	if len(o.Hubs) == 0 || o.Fleet == nil || o.Fleet.Len() == 0 {
		return Counts{}, errors.New("simulate planners: it needs sites and a connection")
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &run{o: o, began: o.Now(), sites: make([]site, o.Fleet.Len()), byID: make(map[string]int, o.Fleet.Len())}
	for i := range r.sites {
		r.byID[o.Fleet.ID(i)] = i
	}
	r.counts.Sites = len(r.sites)
	if err := r.live(ctx); err != nil {
		return r.result(), fmt.Errorf("simulate planners: %w", err)
	}
	return r.result(), nil
}

// site is what a planner remembers.
type site struct {
	silent   bool
	sequence uint64 // of the last revision made
	accepted string // last revision the stream took
	position uint64 // where
	applied  string // last revision the hub has assessed
}

type run struct {
	o     Options
	began time.Time
	byID  map[string]int

	mu     sync.Mutex
	sites  []site
	counts Counts
}

func (r *run) result() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	for i := range r.sites {
		switch s := &r.sites[i]; s.accepted {
		case "":
		case s.applied:
			c.Applied++
		default:
			c.Behind++
		}
	}
	return c
}

func (r *run) live(parent context.Context) error {
	group, ctx := errgroup.WithContext(parent)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	caughtUp := make(chan struct{})
	group.Go(func() error {
		return r.o.Hubs[0].Assessments(ctx, r.heard, func() { close(caughtUp) })
	})
	group.Go(func() error { return r.beat(ctx) })
	group.Go(func() error {
		defer stop()
		if err := r.publish(ctx); err != nil {
			return err
		}
		r.settle(ctx, caughtUp)
		return nil
	})
	err := group.Wait()
	if parent.Err() != nil {
		return nil
	}
	return err
}

// publish hands the events to workers, each of which has its own sites, so that the revisions of a site stay in order.
func (r *run) publish(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	work := make([]chan sitesim.Event, workers)
	for i := range work {
		work[i] = make(chan sitesim.Event, queued)
		group.Go(func() error {
			for e := range work[i] {
				if err := r.act(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer func() {
			for _, w := range work {
				close(w)
			}
		}()
		until := r.o.Fleet.Start().Add(r.o.Duration)
		if r.o.Duration <= 0 {
			until = r.o.Fleet.Start().AddDate(100, 0, 0)
		}
		for e := range r.o.Fleet.Life(until) {
			if !r.wait(ctx, e.At.Sub(r.o.Fleet.Start())) {
				return nil
			}
			select {
			case work[e.Site%workers] <- e:
			case <-ctx.Done():
				return nil
			}
		}
		r.wait(ctx, until.Sub(r.o.Fleet.Start()))
		return nil
	})
	return group.Wait()
}

// wait returns at an offset from the beginning, false when the context ended before.
func (r *run) wait(ctx context.Context, offset time.Duration) bool {
	left := offset - r.o.Now().Sub(r.began)
	if left <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// act does what an event says. Errors are those that no repetition cures.
func (r *run) act(ctx context.Context, e sitesim.Event) error {
	if e.Kind != sitesim.Publish {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.sites[e.Site].silent = e.Kind == sitesim.Silent; r.sites[e.Site].silent {
			r.counts.Silences++
		}
		return nil
	}
	doc := r.o.Fleet.Site(e.Site, e.Step)
	body, err := inventory.Canonical(doc)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.sites[e.Site].sequence++
	sequence := r.sites[e.Site].sequence
	r.mu.Unlock()
	inv := bus.Inventory{
		Site: doc.Site.ID, Revision: inventory.Revision(doc), Body: body, Instance: r.instance(e.Site), InstanceSequence: sequence, PlannerVersion: r.o.Version,
	}
	for gap := retryFirst; ; gap = min(2*gap, retryMax) {
		ack, err := r.hub(e.Site).PublishInventory(ctx, inv)
		if err == nil {
			r.accepted(e.Site, inv.Revision, ack)
			return nil
		}
		r.mu.Lock()
		if ctx.Err() != nil {
			r.counts.Unsent++
			r.mu.Unlock()
			return nil
		}
		r.counts.Retries++
		r.mu.Unlock()
		if !errors.Is(err, bus.ErrUnavailable) && !errors.Is(err, bus.ErrFull) {
			return err
		}
		r.o.Logger.Debug("a revision is sent again", "site", inv.Site, "revision", inv.Revision, "after", gap, "error", err)
		t := time.NewTimer(gap)
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

func (r *run) hub(site int) Hub { return r.o.Hubs[site%len(r.o.Hubs)] }

// instance names a site's outbox of this run: a later run is another outbox, as after a new installation.
func (r *run) instance(site int) string {
	return fmt.Sprintf("sitesim-%d-%d", site, r.began.UnixMilli())
}

func (r *run) accepted(number int, revision string, ack bus.Ack) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Accepted++
	if ack.Duplicate {
		r.counts.Duplicates++
	}
	r.sites[number].accepted, r.sites[number].position = revision, ack.StreamSequence
}

func (r *run) heard(_ context.Context, a bus.Assessment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, ours := r.byID[a.Site]; ours && a.DecodeErr == nil {
		r.sites[i].applied = a.Revision
	}
}

// beat sends each site's heartbeat at its own moment of the interval.
func (r *run) beat(ctx context.Context) error {
	pulses := max(1, int(r.o.Heartbeat/pulse))
	ticker := time.NewTicker(r.o.Heartbeat / time.Duration(pulses))
	defer ticker.Stop()
	for n := 0; ; n = (n + 1) % pulses {
		for i := n * len(r.sites) / pulses; i < (n+1)*len(r.sites)/pulses; i++ {
			r.mu.Lock()
			s := r.sites[i]
			r.mu.Unlock()
			if s.silent || s.sequence == 0 {
				continue
			}
			err := r.hub(i).PublishHeartbeat(ctx, bus.Heartbeat{
				Site: r.o.Fleet.ID(i), Revision: s.accepted, InstanceSequence: s.sequence, StreamSequence: s.position, Instance: r.instance(i),
				PlannerVersion: r.o.Version, At: r.o.Now().UTC(), Interval: inventory.Duration(r.o.Heartbeat),
			})
			switch {
			case ctx.Err() != nil:
				return nil
			case err == nil:
				r.mu.Lock()
				r.counts.Heartbeats++
				r.mu.Unlock()
			case !errors.Is(err, bus.ErrUnavailable):
				return err
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// settle waits until the hub has applied everything, but not for ever.
func (r *run) settle(ctx context.Context, caughtUp <-chan struct{}) {
	if r.o.Settle <= 0 {
		return
	}
	limit := time.NewTimer(r.o.Settle)
	defer limit.Stop()
	select {
	case <-caughtUp:
	case <-limit.C:
		return
	case <-ctx.Done():
		return
	}
	look := time.NewTicker(pulse)
	defer look.Stop()
	for r.result().Behind > 0 {
		select {
		case <-look.C:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
