package faults

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// source delivers the n-th state of a site.
type source struct {
	mu      sync.Mutex
	site    string
	n, pad  int
	at      time.Time
	now     func() time.Time // of the planner's clock when that is not the machine's
	changed func()
}

func (*source) Name() string { return "site-file" }

func (s *source) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: s.at.Add(time.Duration(s.n) * time.Millisecond),
		Site:     inventory.Identity{ID: s.site, Name: fmt.Sprintf("State %d %s", s.n, strings.Repeat("x", s.pad)), Country: "DE"},
		Clusters: []inventory.Cluster{{ID: "prod", Environment: "production", ThingworxVersion: "9.6.2"}},
	}, nil, nil
}

func (s *source) Watch(ctx context.Context, changed func()) error {
	s.mu.Lock()
	s.changed = changed
	s.mu.Unlock()
	<-ctx.Done()
	return nil
}

// plant is a site with its planner.
type plant struct {
	site      string
	source    *source
	agent     *agent.Agent
	revisions []string // queued, in order
	stop      func()
}

// newPlant starts a planner. change may adapt its options.
func newPlant(t *testing.T, site string, o bus.Options, change ...func(*agent.Options)) *plant {
	t.Helper()
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	o.WaitConnected = false
	conn := bustest.Dial(t, o)
	p := &plant{site: site, source: &source{site: site, at: time.Now().Add(-time.Hour).UTC().Truncate(time.Second)}}
	options := agent.Options{
		Site: site, Dir: filepath.Join(t.TempDir(), "state"), Version: "1.0.0", Source: p.source, Hub: conn, Regions: regions, Heartbeat: agent.MinHeartbeat,
		Assess: func(s *inventory.Site, at time.Time) (*assess.Assessment, error) {
			return &assess.Assessment{At: at, Inventories: []assess.InventoryRef{{Site: s.Site.ID, Revision: inventory.Revision(s)}}}, nil
		},
	}
	for _, f := range change {
		f(&options)
	}
	if options.Clock != nil {
		p.source.now = options.Clock.Now
		p.source.at = p.source.now().Add(-time.Minute)
	}
	if p.agent, err = agent.New(options); err != nil {
		t.Fatal(err)
	}
	end := bustest.Background(t, p.agent.Run)
	p.stop = sync.OnceFunc(func() {
		end()
		if err := p.agent.Close(); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
	t.Cleanup(p.stop)
	p.collected(t)
	return p
}

// collected waits until the planner has queued its present state.
func (p *plant) collected(t *testing.T) {
	t.Helper()
	known := ""
	if n := len(p.revisions); n > 0 {
		known = p.revisions[n-1]
	}
	eventually(t, p.site+" collects its next state", func() error {
		s := p.agent.Status()
		if s.Collected == nil || s.Collected.Revision == known {
			return fmt.Errorf("it holds %+v; %+v", s.Collected, s.LastError)
		}
		p.revisions = append(p.revisions, s.Collected.Revision)
		return nil
	})
}

// observe has the planner see the next states.
func (p *plant) observe(t *testing.T, states int) {
	t.Helper()
	for range states {
		p.source.mu.Lock()
		p.source.n++
		if p.source.now != nil {
			p.source.at = p.source.now().Add(-time.Minute)
		}
		p.source.mu.Unlock()
		p.agent.Refresh(false)
		p.collected(t)
	}
}

// applied waits until the hub has applied what the planner observed last.
func (p *plant) applied(t *testing.T) {
	t.Helper()
	eventually(t, p.site+" is applied", func() error {
		s := p.agent.Status()
		if !s.InSync || s.Outbox.Queued > 0 {
			return fmt.Errorf("collected %+v, applied %+v, %+v, last error %+v", s.Collected, s.Applied, s.Outbox, s.LastError)
		}
		return nil
	})
	if s := p.agent.Status(); s.Outbox.Dropped > 0 || s.Outbox.Damaged > 0 {
		t.Errorf("%s lost revisions: %+v", p.site, s.Outbox)
	}
}

// count demands that every revision of the plants is in the inventory stream once and in order, that the stream holds no
// more than one verdict on each and one on the last, that a hub has the last in force, and that the history holds each once.
func count(t *testing.T, conn *bus.Conn, view func() fleet.View, store *history.Store, plants ...*plant) {
	t.Helper()
	inventories, verdicts := stored(t, conn, bus.StreamInventory, plants), stored(t, conn, bus.StreamAssessment, plants)
	total := 0
	for _, p := range plants {
		total += len(p.revisions)
		if kept := inventories[p.site]; !slices.Equal(kept, p.revisions) {
			t.Errorf("%s: the stream holds %d revisions, %d were observed:\n%v\n%v", p.site, len(kept), len(p.revisions), kept, p.revisions)
		}
		judged := map[string]int{}
		for _, r := range verdicts[p.site] {
			judged[r]++
		}
		last := p.revisions[len(p.revisions)-1]
		for _, r := range p.revisions {
			if n := judged[r]; n > 1 || r == last && n != 1 {
				t.Errorf("%s: %d verdicts on revision %s", p.site, n, r)
			}
		}
		eventually(t, "the hub has the last revision of "+p.site+" in force", func() error {
			if r, ok := view().Site(p.site); !ok || r.Revision != last {
				return fmt.Errorf("it has %+v, want %s", r, last)
			}
			return nil
		})
		if store != nil {
			remembered(t, store, p)
		}
	}
	if store == nil {
		return
	}
	counts, err := store.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if counts.Revisions != uint64(total) {
		t.Errorf("the history holds %d revisions, %d were observed", counts.Revisions, total)
	}
}

func remembered(t *testing.T, store *history.Store, p *plant) {
	t.Helper()
	eventually(t, "the history has every revision of "+p.site, func() error {
		rows, n, err := store.Revisions(t.Context(), p.site, 2*len(p.revisions))
		if err != nil {
			return err
		}
		if n != uint64(len(p.revisions)) {
			return fmt.Errorf("%d of %d", n, len(p.revisions))
		}
		have := map[string]bool{}
		for _, r := range rows {
			have[r.Revision] = true
		}
		for _, r := range p.revisions {
			if !have[r] {
				return fmt.Errorf("revision %s is missing", r)
			}
		}
		return nil
	})
}

// stored lists the revisions in a stream by site, in its order, once the last of each plant is there.
func stored(t *testing.T, conn *bus.Conn, stream string, plants []*plant) map[string][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	durable := strings.Map(func(r rune) rune { return 'a' + r%26 }, rand.Text()) // a reader of its own, from the start
	waiting := map[string]bool{}
	for _, p := range plants {
		waiting[p.site+" "+p.revisions[len(p.revisions)-1]] = true
	}
	out := map[string][]string{}
	err := conn.Batches(ctx, stream, durable, 200, time.Second, func(_ context.Context, batch []bus.Message) error {
		for i := range batch {
			out[batch[i].Site] = append(out[batch[i].Site], batch[i].Revision)
			delete(waiting, batch[i].Site+" "+batch[i].Revision)
		}
		if len(waiting) == 0 {
			cancel()
		}
		return nil
	})
	if err != nil || len(waiting) > 0 {
		t.Fatalf("stream %s lacks %v: %v", stream, waiting, err)
	}
	return out
}
