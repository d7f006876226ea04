package fleet_test

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// TestRecommendationsThatHoldAreKept: a fleet that knows the structures of its sites keeps recommendations, and says byte
// for byte what one says that makes all anew.
func TestRecommendationsThatHoldAreKept(t *testing.T) {
	kept, anew := newRig(t), newRig(t)
	sim := sitesim.New(sitesim.Options{Seed: 6, Sites: 24, Start: start, Chances: sitesim.Chances{Demand: 0.1, Failover: 0.1, Upgrade: 0.05}})
	shared := 0
	for step := range 5 {
		for i := range sim.Len() {
			s := sim.Site(i, step)
			text, err := inventory.Canonical(s)
			if err != nil {
				t.Fatal(err)
			}
			u := kept.update(s, sim.At(i, step))
			before, known := kept.store.View().Site(s.Site.ID)
			plain := u
			u.Structure = inventory.StructureOf(text)
			kept.apply(u)
			anew.apply(plain)
			if known {
				for k, c := range kept.record(s.Site.ID).Assessment.Clusters {
					was := before.Assessment.Clusters[k].Recommendation.Options
					if len(c.Recommendation.Options) > 0 && len(was) > 0 && &c.Recommendation.Options[0] == &was[0] {
						shared++
					}
				}
			}
		}
		for i := range sim.Len() {
			if got, want := kept.bytes(sim.ID(i)), anew.bytes(sim.ID(i)); got != want {
				t.Fatalf("%s at step %d: kept\n%s\nanew\n%s", sim.ID(i), step, got, want)
			}
		}
	}
	if shared == 0 {
		t.Error("no recommendation was kept")
	}
}
