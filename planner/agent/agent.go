// Package agent is the loop of the planner's daemon: it collects a site's inventory, has it assessed here, queues it on
// disk, publishes it, and knows of each revision whether the hub has accepted and applied it. It works without a hub for
// as long as the outbox has room. It reads no configuration and starts no connection; services/planner gives it both.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/agent/dirlock"
	"github.com/meridian-federation/meridian/planner/agent/outbox"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Source is where an inventory comes from.
type Source interface {
	// Name is what the inventory's sources and provenance call it.
	Name() string
	// Collect returns the site as it is now. The list tells how each part of the source fared; nil stands for one ok entry
	// with the source's name. An error means that there is no usable document; its text names place and remedy and holds no
	// secret.
	Collect(ctx context.Context) (*inventory.Site, []inventory.Source, error)
	// Watch calls changed when it is worth collecting again, until the context ends (nil). A source that cannot tell waits
	// for the context.
	Watch(ctx context.Context, changed func()) error
}

// Hub is the way to the federation; *bus.Conn is one.
type Hub interface {
	PublishInventory(ctx context.Context, inv bus.Inventory) (bus.Ack, error)
	PublishHeartbeat(ctx context.Context, h bus.Heartbeat) error
	WatchAssessment(ctx context.Context, site string, handler func(bus.Assessment)) error
	WatchRejection(ctx context.Context, site string, handler func(bus.Rejection)) error
	Requests(ctx context.Context, site string, handler func(context.Context, bus.Request) bus.Reply) error
	Status() bus.Status
	Reconnected() <-chan struct{} // closed when the connection comes back, or is closed for good
}

// Clock tells the time and when some of it has passed.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// After implements Clock.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Defaults and bounds of Options.
const (
	DefaultInterval  = 15 * time.Minute
	DefaultHeartbeat = time.Minute
	MinHeartbeat     = 5 * time.Second // what the hub may ask for at most and at least
	MaxHeartbeat     = time.Hour

	// jitter is the share of an interval that is left to chance, so that sites started together drift apart.
	jitter = 0.1

	retryFirst = time.Second
	retryMax   = 30 * time.Second
)

// Options are what an agent works with.
type Options struct {
	Site    string // id; a source that describes another site is refused
	Dir     string // state: lock, outbox, status and last assessment
	Version string // of the planner
	// Source delivers the whole inventory. Several sources are merged before they get here.
	Source  Source
	Hub     Hub // nil works without one
	Regions *geo.Table
	// Assess judges a normalised site at an instant.
	Assess func(*inventory.Site, time.Time) (*assess.Assessment, error)

	Interval  time.Duration  // between collections; 0 means DefaultInterval
	Heartbeat time.Duration  // 0 means DefaultHeartbeat
	Outbox    outbox.Options // bounds; Dir and Now are set by New
	Clock     Clock          // nil means SystemClock
	Logger    *slog.Logger   // nil discards
}

// Agent is one site's planner. Create it with New.
type Agent struct {
	o    Options
	box  *outbox.Box
	lock *dirlock.Lock

	collectNow chan bool     // true: publish even if nothing changed
	publishNow chan struct{} // the outbox has something to send
	beatNow    chan struct{} // the interval of heartbeats changed
	dirty      chan struct{} // the status changed

	mu     sync.Mutex
	status Status
	good   *inventory.Site    // last good inventory as it was queued, with the sources' state of then
	local  *assess.Assessment // of good
	hub    *assess.Assessment // last heard
	beat   time.Duration
}

// New locks the state directory and opens the outbox. A second agent on the directory gets dirlock.ErrHeld.
func New(o Options) (*Agent, error) {
	a, err := newAgent(o)
	if err != nil {
		return nil, fmt.Errorf("start the planner: %w", err)
	}
	return a, nil
}

func newAgent(o Options) (*Agent, error) {
	if !bus.ValidSite(o.Site) {
		return nil, fmt.Errorf("site id %.80q does not match ^[a-z0-9][a-z0-9-]{0,62}$", o.Site)
	}
	if o.Source == nil || o.Assess == nil || o.Dir == "" {
		return nil, errors.New("it needs a source, a judge and a state directory")
	}
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = DefaultHeartbeat
	}
	if o.Interval < time.Second || o.Heartbeat < MinHeartbeat || o.Heartbeat > MaxHeartbeat {
		return nil, fmt.Errorf("interval %s and heartbeat %s: at least 1s, and between %s and %s", o.Interval, o.Heartbeat, MinHeartbeat, MaxHeartbeat)
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := dirlock.Acquire(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("another planner may be running for this site: %w", err)
	}
	o.Outbox.Dir, o.Outbox.Now = filepath.Join(o.Dir, "outbox"), o.Clock.Now
	box, err := outbox.Open(o.Outbox)
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	a := &Agent{
		o: o, box: box, lock: lock,
		collectNow: make(chan bool, 1), publishNow: make(chan struct{}, 1), beatNow: make(chan struct{}, 1), dirty: make(chan struct{}, 1),
	}
	a.beat = a.recallBeat()
	a.recall()
	return a, nil
}

// Close gives the state directory free. Call it after Run has returned.
func (a *Agent) Close() error { return a.lock.Release() }

// Run works until the context ends, which is no error. It ends earlier only when the connection to the hub was closed for
// good; everything else is noted in the status and tried again.
func (a *Agent) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.collecting(ctx) })
	group.Go(func() error {
		return a.again(ctx, "watch source "+a.o.Source.Name(), func() error {
			err := a.o.Source.Watch(ctx, func() { a.Refresh(false) })
			if err == nil {
				<-ctx.Done() // the source has nothing to watch
			}
			return err
		})
	})
	group.Go(func() error { return a.reporting(ctx) })
	if a.o.Hub != nil {
		group.Go(func() error { return a.publishing(ctx) })
		group.Go(func() error { return a.beating(ctx) })
		group.Go(func() error {
			return a.again(ctx, "listen for verdicts", func() error { return a.o.Hub.WatchAssessment(ctx, a.o.Site, a.hearAssessment) })
		})
		group.Go(func() error {
			return a.again(ctx, "listen for rejections", func() error { return a.o.Hub.WatchRejection(ctx, a.o.Site, a.hearRejection) })
		})
		group.Go(func() error {
			return a.again(ctx, "listen for requests", func() error { return a.o.Hub.Requests(ctx, a.o.Site, a.answer) })
		})
	}
	return group.Wait()
}

// again runs f until the context ends; f is tried again when it fails, unless the connection is closed for good.
func (a *Agent) again(ctx context.Context, op string, f func() error) error {
	for attempt := 1; ; attempt++ {
		back := a.back()
		err := f()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, bus.ErrClosed):
			return fmt.Errorf("%s: %w", op, err)
		case err != nil:
			a.fail(op, err)
		}
		if a.rest(ctx, retryAfter(attempt), back) {
			attempt = 0
		}
	}
}

// back is closed when the connection to the hub comes back; nil, which never is, without a hub.
func (a *Agent) back() <-chan struct{} {
	if a.o.Hub == nil {
		return nil
	}
	return a.o.Hub.Reconnected()
}

// rest waits until the time has passed, the connection is back (true) or the context ends.
func (a *Agent) rest(ctx context.Context, d time.Duration, back <-chan struct{}) bool {
	select {
	case <-a.o.Clock.After(d):
	case <-back:
		return true
	case <-ctx.Done():
	}
	return false
}

// retryAfter is the wait before an attempt is repeated, counted from 1.
func retryAfter(attempt int) time.Duration {
	d := retryMax
	if attempt < 6 {
		d = min(retryMax, retryFirst<<(attempt-1))
	}
	return spread(d)
}

// spread changes a duration by chance within its jitter.
func spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - jitter + 2*jitter*rand.Float64()))
}

// Refresh has the inventory collected as soon as possible; with publish it is sent even if it did not change.
func (a *Agent) Refresh(publish bool) {
	for {
		select {
		case a.collectNow <- publish:
			return
		default:
		}
		// A wish is waiting already. It must not lose its urgency.
		select {
		case waiting := <-a.collectNow:
			publish = publish || waiting
		default:
		}
	}
}

// wake sends a signal unless one is waiting.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
