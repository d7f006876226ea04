package fleet_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// structured is update with the structure of the document, as ingest gives it.
func (r *rig) structured(s *inventory.Site, at time.Time) fleet.Update {
	r.t.Helper()
	text, err := inventory.Canonical(s)
	if err != nil {
		r.t.Fatal(err)
	}
	u := r.update(s, at)
	u.Structure = inventory.StructureOf(text)
	return u
}

// same compares what two fleets say of a site, but for the instant of the judgement.
func same(t *testing.T, what string, a, b *rig, site string) {
	t.Helper()
	one, other := *a.record(site).Assessment, *b.record(site).Assessment
	other.At = one.At
	got, err := assess.Marshal(&one)
	if err != nil {
		t.Fatal(err)
	}
	want, err := assess.Marshal(&other)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Fatalf("%s, %s: kept\n%s\nanew\n%s", what, site, got, want)
	}
}

// TestWhatHoldsIsKept: a fleet that knows the structures of its sites keeps what follows from them and leaves neighbours alone that a
// revision does not concern. It says byte for byte what one says that makes all anew, and so does one that starts later.
func TestWhatHoldsIsKept(t *testing.T) {
	kept, anew := newRig(t), newRig(t)
	sim := sitesim.New(sitesim.Options{Seed: 6, Sites: 24, Start: start, Chances: sitesim.Chances{Demand: 0.1, Failover: 0.1, Upgrade: 0.05}})
	rnd := rand.New(rand.NewPCG(3, 4))
	shared := 0
	last := map[string]fleet.Update{}
	for step := range 5 {
		for k, i := range rnd.Perm(sim.Len()) {
			s := sim.Site(i, step)
			at := start.Add(time.Duration(step)*time.Hour + time.Duration(k)*time.Second)
			u := kept.structured(s, at)
			before, known := kept.store.View().Site(s.Site.ID)
			kept.apply(u)
			plain := u
			plain.Structure = inventory.Structure{}
			anew.apply(plain)
			last[s.Site.ID] = u
			if known {
				for k, c := range kept.record(s.Site.ID).Assessment.Clusters {
					if c.Recommendation.Shares(&before.Assessment.Clusters[k].Recommendation) {
						shared++
					}
				}
			}
		}
		for i := range sim.Len() {
			same(t, "live", kept, anew, sim.ID(i))
		}
		var updates []fleet.Update
		for _, u := range last {
			updates = append(updates, u)
		}
		later := newRig(t)
		if err := later.fleet.Load(context.Background(), updates, kept.published, start.Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		for i := range sim.Len() {
			if got, want := later.bytes(sim.ID(i)), kept.bytes(sim.ID(i)); got != want {
				t.Fatalf("%s at step %d: after a start\n%s\nbefore\n%s", sim.ID(i), step, got, want)
			}
		}
		if n := later.fleet.Evaluations(); n != 0 {
			t.Errorf("step %d: a start judged %d sites again whose assessments hold", step, n)
		}
	}
	if shared == 0 {
		t.Error("no recommendation was kept")
	}
	if k, a := kept.fleet.Evaluations(), anew.fleet.Evaluations(); k*10 > a*7 {
		t.Errorf("%d judgements where all anew took %d", k, a)
	}
}

// TestMeasurementsConcernNobodyElse: a revision that measures anew or moves the workload costs one judgement, also at a site that others look at; one that
// changes what else the site is made of reaches them, also when nobody looked meanwhile.
func TestMeasurementsConcernNobodyElse(t *testing.T) {
	live := newRig(t)
	updates := map[string]fleet.Update{}
	for id, s := range live.sample() {
		updates[id] = live.structured(s, start)
		live.apply(updates[id])
	}
	cost := func(u fleet.Update) uint64 {
		before := live.fleet.Evaluations()
		live.apply(u)
		updates[u.Site.Site.ID] = u
		return live.fleet.Evaluations() - before
	}
	measured := inventory.Clone(live.record("hq-01").Inventory)
	measured.ObservedAt = measured.ObservedAt.Add(time.Minute)
	if got := cost(live.structured(measured, start.Add(time.Minute))); got != 1 {
		t.Errorf("new measurements cost %d judgements", got)
	}
	restart := func(what string, want uint64) {
		var all []fleet.Update
		for _, u := range updates {
			all = append(all, u)
		}
		later := newRig(t)
		if err := later.fleet.Load(context.Background(), all, live.published, start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := later.fleet.Evaluations(); got != want {
			t.Errorf("a start after %s judges %d sites, want %d", what, got, want)
		}
	}
	restart("new measurements", 0)
	busier := inventory.Clone(measured)
	busier.Clusters[0].Workload = &inventory.Workload{Things: []inventory.ThingGroup{{Count: 17}}}
	if got := cost(live.structured(busier, start.Add(90*time.Second))); got != 1 {
		t.Errorf("another workload costs %d judgements", got)
	}
	restart("another workload", 0)
	upgraded := inventory.Clone(measured)
	upgraded.Clusters[0].ThingworxVersion = "9.7.1"
	u := live.structured(upgraded, start.Add(2*time.Minute))
	updates["hq-01"] = u
	restart("a change that nobody saw", 9)
	if got := cost(u); got != 9 {
		t.Errorf("another version of the hub costs %d judgements, want one of each spoke and its own", got)
	}
	restart("the change", 0)
}

// TestAStartJudgesAsThoseWhoWereThere: what was measured while a replica was away it judges to the same bytes as another one that was there,
// although it hears of all sites at once.
func TestAStartJudgesAsThoseWhoWereThere(t *testing.T) {
	live := newRig(t)
	updates := map[string]fleet.Update{}
	for id, s := range live.sample() {
		updates[id] = live.structured(s, start)
		live.apply(updates[id])
	}
	prior := maps.Clone(live.published)
	for i, id := range []string{"det-05", "ber-02", "hq-01"} {
		s := inventory.Clone(live.record(id).Inventory)
		s.ObservedAt = s.ObservedAt.Add(time.Second)
		updates[id] = live.structured(s, start.Add(time.Duration(i+1)*time.Second))
		live.apply(updates[id])
	}
	later := newRig(t)
	if err := later.fleet.Load(context.Background(), slices.Collect(maps.Values(updates)), prior, start.Add(10*time.Second)); err != nil {
		t.Fatal(err)
	}
	for id := range updates {
		if live.bytes(id) != later.bytes(id) {
			t.Errorf("%s is judged at %s and, by one that starts, at %s", id, live.record(id).Assessment.At, later.record(id).Assessment.At)
		}
	}
}
