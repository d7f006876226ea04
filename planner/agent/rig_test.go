package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// clock stands still until it is moved.
type clock struct {
	mu      sync.Mutex
	at      time.Time
	waiting map[chan time.Time]time.Time
}

func newClock() *clock {
	return &clock{at: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), waiting: map[chan time.Time]time.Time{}}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := make(chan time.Time, 1)
	c.waiting[w] = c.at.Add(d)
	return w
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	for w, due := range c.waiting {
		if !due.After(c.at) {
			w <- c.at
			delete(c.waiting, w)
		}
	}
}

// source delivers what the test puts there.
type source struct {
	mu      sync.Mutex
	site    *inventory.Site
	err     error
	asked   int
	unasked bool // put since it was asked
	changed func()
}

func (s *source) Name() string { return "site-file" }

func (s *source) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.unasked = false
	return s.site, nil, s.err
}

// Watch tells, as a watch of files does, also of what changed before it began.
func (s *source) Watch(ctx context.Context, changed func()) error {
	s.mu.Lock()
	s.changed = changed
	missed := s.unasked
	s.mu.Unlock()
	if missed {
		changed()
	}
	<-ctx.Done()
	return nil
}

func (s *source) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// put changes what the source delivers and tells the agent, if it listens.
func (s *source) put(site *inventory.Site, err error) {
	s.mu.Lock()
	s.site, s.err, s.unasked = site, err, true
	changed := s.changed
	s.mu.Unlock()
	if changed != nil {
		changed()
	}
}

// site makes the n-th state of a site.
func site(n int) *inventory.Site {
	return &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: time.Date(2026, 11, 20, 7, 0, n, 0, time.UTC),
		Site:     inventory.Identity{ID: "muc-01", Name: fmt.Sprint("Munich ", n)},
		Clusters: []inventory.Cluster{{ID: "prod", ThingworxVersion: "9.6.2"}},
	}
}

func revision(t *testing.T, s *inventory.Site, status inventory.SourceStatus, at time.Time) string {
	t.Helper()
	c := inventory.Normalise(s, regions(t))
	c.Sources = []inventory.Source{{Name: "site-file", Status: status, At: at}}
	return inventory.Revision(c)
}

func regions(t testing.TB) *geo.Table {
	t.Helper()
	table, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// judge finds COL-001 failing here; what the hub finds is the test's business.
func judge(s *inventory.Site, at time.Time) (*assess.Assessment, error) {
	return &assess.Assessment{
		APIVersion: inventory.APIVersion, Kind: assess.Kind, At: at, RulePack: assess.RulePack{Version: "1", Hash: "here"},
		Inventories: []assess.InventoryRef{{Site: s.Site.ID, Revision: inventory.Revision(s), ObservedAt: s.ObservedAt}},
		Verdicts:    assess.Verdicts{Pass: 3, Fail: 1, Unknown: 1}, // findings that pass are left out
		Findings: []rules.Finding{
			{ID: "f1", Rule: "COL-001", Verdict: rules.Fail, Severity: rules.High, Subject: rules.Subject{Site: s.Site.ID, Cluster: "prod"}},
			{ID: "f2", Rule: "ARC-005", Verdict: rules.Unknown, Severity: rules.Low, Subject: rules.Subject{Site: s.Site.ID, Cluster: "prod"}},
		},
	}, nil
}

type rig struct {
	clock  *clock
	source *source
	o      agent.Options
}

func newRig(t *testing.T, hub agent.Hub) *rig {
	t.Helper()
	r := &rig{clock: newClock(), source: &source{site: site(1)}}
	r.o = agent.Options{
		Site: "muc-01", Dir: filepath.Join(t.TempDir(), "state"), Version: "1.2.3", Source: r.source, Hub: hub, Regions: regions(t), Assess: judge, Clock: r.clock,
	}
	return r
}

// start runs an agent until stop is called or the test ends.
func (r *rig) start(t *testing.T) (a *agent.Agent, stop func()) {
	t.Helper()
	a, err := agent.New(r.o)
	if err != nil {
		t.Fatal(err)
	}
	end := bustest.Background(t, a.Run)
	stop = sync.OnceFunc(func() {
		end()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return a, stop
}

func eventually(t *testing.T, a *agent.Agent, what string, holds func(agent.Status) bool) agent.Status {
	t.Helper()
	var s agent.Status
	bustest.Eventually(t, what, func() bool { s = a.Status(); return holds(s) })
	return s
}

// move lets time pass until the condition holds.
func (r *rig) move(t *testing.T, a *agent.Agent, step time.Duration, what string, holds func(agent.Status) bool) {
	t.Helper()
	eventually(t, a, what, func(s agent.Status) bool {
		if holds(s) {
			return true
		}
		r.clock.move(step)
		return false
	})
}

func assessmentOf(t *testing.T, site, revision string, findings ...rules.Finding) []byte {
	t.Helper()
	body, err := json.Marshal(assess.Assessment{
		APIVersion: inventory.APIVersion, Kind: assess.Kind, RulePack: assess.RulePack{Version: "1", Hash: "hub"},
		Inventories: []assess.InventoryRef{{Site: site, Revision: revision}}, Findings: findings,
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}
