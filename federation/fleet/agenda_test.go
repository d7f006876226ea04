package fleet_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// TestTicksMissNothing: after a tick every site is as live and its inventory as old as it would be if all had been looked
// at, whatever happened in whatever order; and a tick at which nothing is due commits nothing.
func TestTicksMissNothing(t *testing.T) {
	r := newRig(t)
	rng := rand.New(rand.NewPCG(1, 2))
	ages := r.engine.Rules.Freshness(policy.Default())
	type known struct {
		heard, observed time.Time
		planner         bool
	}
	sites, now, sequence := map[string]*known{}, start, uint64(0)
	planner := func(k *known) fleet.Planner {
		if !k.planner {
			return fleet.Planner{}
		}
		sequence++
		return fleet.Planner{Instance: "one", Sequence: sequence}
	}
	for range 400 {
		id := fmt.Sprintf("site-%d", rng.IntN(6))
		k := sites[id]
		switch n := rng.IntN(10); {
		case n < 2 || k == nil:
			k = &known{heard: now, observed: now.Add(-time.Duration(rng.IntN(200)) * time.Hour), planner: rng.IntN(2) == 0}
			sites[id] = k
			u := r.update(&inventory.Site{APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: k.observed, Site: inventory.Identity{ID: id}}, now)
			u.Planner = planner(k)
			r.apply(u)
		case n < 5:
			r.fleet.Heard(fleet.Sign{Site: id, At: now})
			k.heard = now
		default:
			now = now.Add(time.Duration(rng.Int64N(int64([]time.Duration{time.Minute, time.Hour, 40 * time.Hour}[rng.IntN(3)]))))
		}
		for again := range 2 {
			before := r.store.View().Index()
			if err := r.fleet.Tick(context.Background(), now); err != nil {
				t.Fatal(err)
			}
			if again == 1 && r.store.View().Index() != before {
				t.Fatal("a second tick at the same instant did something")
			}
		}
		for id, k := range sites {
			rec := r.record(id)
			limits := []time.Duration{24 * time.Hour, 72 * time.Hour, 168 * time.Hour}
			if k.planner {
				limits = []time.Duration{3 * time.Minute, time.Hour, 24 * time.Hour}
			}
			want := fleet.Live
			for i, state := range []fleet.Liveness{fleet.Late, fleet.Stale, fleet.Lost} {
				if now.Sub(k.heard) >= limits[i] {
					want = state
				}
			}
			if rec.Liveness != want {
				t.Fatalf("%s was heard %s ago and is %s, want %s", id, now.Sub(k.heard), rec.Liveness, want)
			}
			for _, age := range ages {
				if at := k.observed.Add(age); !at.After(now) && rec.Assessment.At.Before(at) {
					t.Fatalf("%s was observed %s ago and judged %s ago", id, now.Sub(k.observed), now.Sub(rec.Assessment.At))
				}
			}
		}
	}
}
