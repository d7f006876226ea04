package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/planner/atomicfile"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Base is a source of a whole inventory, as the planner's agent takes one.
type Base interface {
	Name() string
	Collect(ctx context.Context) (*inventory.Site, []inventory.Source, error)
	Watch(ctx context.Context, changed func()) error
}

// Live is a source whose inventory is another's with what the probes learned in it. Make one with Over.
type Live struct {
	base   Base
	prober *Prober

	mu       sync.Mutex
	revision string    // of the base's inventory at the last run
	ran      time.Time // zero: never
	last     *Results
	kept     *Results // what is told: last, or an earlier one that says the same
	path     string   // of the file that outlives the process; "" is none
}

// Over returns a source that asks what base's inventory names, at most once an interval as long as that inventory stays
// the same.
func Over(base Base, p *Prober) *Live { return &Live{base: base, prober: p} }

// Name is the base's: the inventory as a whole is its.
func (l *Live) Name() string { return l.base.Name() }

// Collect collects from the base and adds what the probes learn. Probes that fail never fail the collection.
func (l *Live) Collect(ctx context.Context) (*inventory.Site, []inventory.Source, error) {
	site, sources, err := l.base.Collect(ctx)
	if err != nil || site == nil {
		return site, sources, err
	}
	results := l.results(ctx, site)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if len(sources) == 0 {
		sources = []inventory.Source{{Name: l.base.Name(), Status: inventory.SourceOK, At: l.prober.now().UTC()}}
	}
	return Apply(site, results), append(slices.Clone(sources), results.Sources()...), nil
}

func (l *Live) results(ctx context.Context, site *inventory.Site) *Results {
	l.mu.Lock()
	defer l.mu.Unlock()
	revision := inventory.Revision(inventory.Normalise(site, nil))
	now := l.prober.now()
	// A timer that fires a little early is no reason to wait another interval.
	if due := l.ran.Add(time.Duration(l.prober.config.Interval) * 9 / 10); l.kept != nil && revision == l.revision && now.Before(due) {
		return l.kept
	}
	fresh := l.prober.Run(ctx, site)
	if ctx.Err() != nil {
		return fresh // cut short: no measure of anything
	}
	fresh.remember(l.last)
	// A round trip that is longer once is noise; it counts when the run before saw the same.
	moved := l.kept != nil && !l.kept.says(fresh) && l.last != nil && !l.kept.says(l.last)
	if l.kept == nil || revision != l.revision || moved || !l.kept.knows(fresh) || fresh.At.Sub(l.kept.At) >= time.Duration(l.prober.config.Refresh) {
		l.kept = fresh
	}
	l.last, l.ran, l.revision = fresh, now, revision
	l.write()
	return l.kept
}

// Remember takes up what an earlier process learned, from a file that is written after each run, so that a server that does
// not answer after a restart is still known as it was. Call it before the first collection.
func (l *Live) Remember(path string) error {
	var err error
	l.path = path
	l.last, err = ReadResults(path)
	return err
}

// ReadResults reads what the probes of a planner learned last, nil when they have not run yet.
func ReadResults(path string) (*Results, error) {
	body, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the probes learned: %w", err)
	}
	r := &Results{}
	if err := json.Unmarshal(body, r); err != nil {
		return nil, fmt.Errorf("read what the probes learned in %s: %w: remove it, and they begin anew", path, err)
	}
	return r, nil
}

// write leaves failures to the next run: the file only matters after a restart.
func (l *Live) write() {
	if l.path == "" {
		return
	}
	body, err := json.Marshal(l.last)
	if err != nil {
		return
	}
	_ = atomicfile.WriteUnsynced(l.path, body)
}

// Watch tells of the base's changes and of each interval that has passed.
func (l *Live) Watch(ctx context.Context, changed func()) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.base.Watch(ctx, changed) })
	group.Go(func() error {
		t := time.NewTicker(time.Duration(l.prober.config.Interval))
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-t.C:
				changed()
			}
		}
	})
	return group.Wait()
}

// says reports whether another run learned the same: statuses, facts and problems alike, round trips near each other.
// Without it every run would make a new revision out of measuring noise.
func (r *Results) says(o *Results) bool {
	return r.knows(o) && slices.EqualFunc(r.Components, o.Components, func(a, b Component) bool {
		return slices.EqualFunc(a.RoundTrips, b.RoundTrips, func(x, y RoundTrip) bool { return near(x.P50, y.P50) && near(x.P95, y.P95) })
	})
}

// knows reports whether another run learned the same but for how long round trips took.
func (r *Results) knows(o *Results) bool {
	return r.Site == o.Site && r.From == o.From && slices.EqualFunc(r.Components, o.Components, func(a, b Component) bool {
		return a.Name == b.Name && a.Status == b.Status && slices.Equal(a.Facts, b.Facts) && slices.Equal(a.Problems, b.Problems) &&
			a.Members.equal(b.Members) && slices.EqualFunc(a.RoundTrips, b.RoundTrips, func(x, y RoundTrip) bool { return x.Kind == y.Kind })
	})
}

func (m *Membership) equal(o *Membership) bool {
	if m == nil || o == nil {
		return m == o
	}
	return m.Count == o.Count && m.Whole == o.Whole && m.Machine == o.Machine && slices.Equal(m.Nodes, o.Nodes) && slices.Equal(m.Added, o.Added) &&
		slices.Equal(m.Strangers, o.Strangers) && slices.Equal(m.PgPool, o.PgPool)
}
