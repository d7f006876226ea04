package fleet_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// TestTogetherAsOneByOne: inventories that are applied in one commit give the judgements, the intermediate ones too, that
// they give one by one, and the same in the end.
func TestTogetherAsOneByOne(t *testing.T) {
	together, single := newRig(t), newRig(t)
	sim := sitesim.New(sitesim.Options{Seed: 9, Sites: 16, Start: start, Chances: sitesim.Chances{Demand: 0.1, Failover: 0.2}})
	var updates []fleet.Update
	for step := range 3 {
		for i := range sim.Len() {
			u := together.update(sim.Site(i, step), sim.At(i, step))
			u.Planner = fleet.Planner{Instance: "one", Sequence: uint64(step) + 1}
			updates = append(updates, u)
		}
	}
	updates = append(updates, updates[0]) // sent again
	for _, u := range updates {
		single.apply(u)
	}
	index := together.store.View().Index()
	if err := together.fleet.Apply(context.Background(), updates...); err != nil {
		t.Fatal(err)
	}
	if got := together.store.View().Index(); got != index+1 {
		t.Errorf("%d commits", got-index)
	}
	if d := cmp.Diff(sayings(t, single.log), sayings(t, together.log)); d != "" {
		t.Errorf("published one by one and together:\n%s", d)
	}
	for i := range sim.Len() {
		if single.bytes(sim.ID(i)) != together.bytes(sim.ID(i)) {
			t.Errorf("%s is judged otherwise", sim.ID(i))
		}
	}
	if err := together.fleet.Apply(context.Background(), updates...); err != nil || together.store.View().Index() != index+1 {
		t.Errorf("the same once more: %v, %d commits", err, together.store.View().Index()-index)
	}
}

func sayings(t *testing.T, log []*fleet.Record) []string {
	t.Helper()
	out := make([]string, len(log))
	for i, r := range log {
		text, err := assess.Marshal(r.Assessment)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = r.ID + " " + r.Revision + "\n" + string(text)
	}
	return out
}
