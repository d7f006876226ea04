package hub

import (
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/state"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// TestPlansAreMadeOnce: a plan is made again when something changed that it depends on, and not for a heartbeat, nor for the next reader.
func TestPlansAreMadeOnce(t *testing.T) {
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.New()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	record := func(revision string, judged time.Time, liveness fleet.Liveness) *fleet.Record {
		return &fleet.Record{
			ID: "a", Revision: revision, AcceptedAt: at, Liveness: liveness, Inventory: &inventory.Site{Site: inventory.Identity{ID: "a"}},
			Assessment: &assess.Assessment{At: judged, RulePack: assess.RulePack{Hash: "h"}},
		}
	}
	commit := func(r *fleet.Record) {
		t.Helper()
		if _, err := store.Commit([]*fleet.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	var p plans
	made := 0
	pol := policy.Default()
	ask := func(within func(string) bool) *advice.Plan {
		return p.of(fingerprint(&whatif.Base{View: store.View(), Engine: engine, Policy: pol}, within), func() *advice.Plan {
			made++
			return &advice.Plan{Tried: made}
		})
	}
	expect := func(what string, want int, within func(string) bool) {
		t.Helper()
		for range 2 {
			if got := ask(within); made != want || got.Tried != want {
				t.Errorf("%s: %d plans were made, the answer is number %d; want %d", what, made, got.Tried, want)
			}
		}
	}
	all := func(string) bool { return true }
	commit(record("r1", at, fleet.Live))
	expect("at first", 1, all)
	expect("another reader of everything", 1, nil)
	commit(record("r1", at, fleet.Late))
	expect("after a change of liveness", 1, all)
	commit(record("r1", at.Add(time.Nanosecond), fleet.Late))
	expect("judged anew", 2, all)
	commit(record("r2", at.Add(time.Nanosecond), fleet.Late))
	expect("another document", 3, all)
	expect("a reader who sees nothing of it", 4, func(string) bool { return false })
	enabled := false
	pol = &policy.Policy{Rules: map[string]policy.RuleTune{"TEN-008": {Enabled: &enabled}}}
	expect("another policy", 5, all)

	// Of many who ask at once one makes it, and what is not asked for any more is forgotten.
	var group sync.WaitGroup
	before := made
	name := plan{1}
	for range 8 {
		group.Go(func() { p.of(name, func() *advice.Plan { made++; return new(advice.Plan) }) })
	}
	group.Wait()
	if made != before+1 {
		t.Errorf("%d plans were made of one", made-before)
	}
	for i := range byte(2 * plansKept) {
		p.of(plan{2, i}, func() *advice.Plan { return nil })
	}
	if len(p.kept) != plansKept {
		t.Errorf("%d plans are kept, the bound is %d", len(p.kept), plansKept)
	}
}
