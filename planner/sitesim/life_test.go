package sitesim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// restless are chances under which much happens in few steps.
func restless() sitesim.Chances {
	return sitesim.Chances{Demand: 0.1, Failover: 0.1, Upgrade: 0.05, Silence: 0.1}
}

// TestLife: events come in the order of time, each step of a site at most once and in order; what a cut site observed
// comes after it is back, and nothing comes from a silent one.
func TestLife(t *testing.T) {
	o := sitesim.Options{Seed: 3, Sites: 60, Chances: restless()}
	f := sitesim.New(o)
	until := f.Start().Add(20 * time.Hour)
	events := slices.Collect(f.Life(until))
	if d := cmp.Diff(events, slices.Collect(sitesim.New(o).Life(until))); d != "" {
		t.Fatalf("the same seed lives differently:\n%s", d)
	}
	last, step, silent := f.Start(), map[int]int{}, map[int]bool{}
	published, late, missed, backs := 0, 0, 0, 0
	for _, e := range events {
		if e.At.Before(last) || e.At.After(until) {
			t.Fatalf("%+v comes after %s", e, last)
		}
		last = e.At
		switch e.Kind {
		case sitesim.Silent:
			if silent[e.Site] {
				t.Errorf("%+v: it is silent already", e)
			}
			silent[e.Site] = true
		case sitesim.Back:
			if !silent[e.Site] {
				t.Errorf("%+v: it was not silent", e)
			}
			silent[e.Site] = false
			backs++
		case sitesim.Publish:
			published++
			if silent[e.Site] {
				t.Errorf("%+v: it is silent", e)
			}
			before, known := step[e.Site]
			if known && e.Step <= before || !known && e.Step != 0 {
				t.Errorf("%+v comes after step %d", e, before)
			}
			if known && e.Step > before+1 {
				missed++
			}
			step[e.Site] = e.Step
			switch observed := f.At(e.Site, e.Step); {
			case observed.Before(e.At):
				late++
			case observed.After(e.At):
				t.Errorf("%+v is sent before it is observed at %s", e, observed)
			}
		}
	}
	if len(step) != 60 || published < 60*40 || late == 0 || missed == 0 || backs == 0 {
		t.Errorf("%d sites published %d revisions, %d of them late; %d gaps, %d came back", len(step), published, late, missed, backs)
	}
	for e := range f.Life(until) {
		if e.Site != 0 {
			break // a reader may stop
		}
	}
}

// TestHappenings: databases fail over, versions go up and never down, demand moves, and measurements move at every step.
func TestHappenings(t *testing.T) {
	f := sitesim.New(sitesim.Options{Seed: 5, Sites: 40, Chances: restless()})
	demands, failovers, upgrades := 0, 0, 0
	for i := range f.Len() {
		before := f.Site(i, 0)
		for step := 1; step < 12; step++ {
			now := f.Site(i, step)
			if len(now.Probes) > 0 && cmp.Equal(before.Probes, now.Probes) {
				t.Errorf("%s measured the same at step %d", now.Site.ID, step)
			}
			if !cmp.Equal(before.Infrastructure, now.Infrastructure) {
				failovers++
			}
			for k := range now.Clusters {
				if !cmp.Equal(before.Clusters[k].Workload, now.Clusters[k].Workload) {
					demands++
				}
				if before.Clusters[k].ThingworxVersion != now.Clusters[k].ThingworxVersion {
					upgrades++
				}
				last := before.Clusters[k]
				last.Workload, last.ThingworxVersion = now.Clusters[k].Workload, now.Clusters[k].ThingworxVersion
				if cmp.Equal(before.Clusters[k].ThingworxVersion, now.Clusters[k].ThingworxVersion) && !cmp.Equal(last, now.Clusters[k]) && !otherVersions(before.Clusters[k], now.Clusters[k]) {
					t.Errorf("%s is rebuilt at step %d:\n%s", now.Site.ID, step, cmp.Diff(last, now.Clusters[k]))
				}
			}
			before = now
		}
	}
	if demands == 0 || failovers == 0 || upgrades == 0 {
		t.Errorf("%d workloads were revised, %d databases failed over, %d clusters were upgraded", demands, failovers, upgrades)
	}
}

// otherVersions reports whether nodes say other versions than before: one that stayed behind catches up.
func otherVersions(a, b inventory.Cluster) bool {
	for k := range a.Components {
		for n := range a.Components[k].Nodes {
			if a.Components[k].Nodes[n].Settings.ThingworxVersion != b.Components[k].Nodes[n].Settings.ThingworxVersion {
				return true
			}
		}
	}
	return false
}
