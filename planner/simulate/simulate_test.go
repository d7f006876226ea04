package simulate_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/availability/availabilitytest"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/simulate"
)

func in(zone string) inventory.Placement {
	return inventory.Placement{Provider: "azure", Region: "westeurope", Zone: zone}
}

// munich is a cluster of two machines in two zones with a ZooKeeper node on each and a third elsewhere, a redundant load balancer,
// a managed database in another region and zone-redundant storage.
func munich() *inventory.Site {
	on := true
	return &inventory.Site{
		Site: inventory.Identity{ID: "muc-01"},
		Clusters: []inventory.Cluster{{
			ID: "prod", ClusteredMode: &on,
			Components: []inventory.Component{
				{Kind: inventory.Foundation, Nodes: []inventory.Node{{Name: "twx-1", Machine: "vm-a", Placement: in("1")}, {Name: "twx-2", Machine: "vm-b", Placement: in("2")}}},
				{Kind: inventory.ConnectionServer, Nodes: []inventory.Node{{Name: "cx-1", Machine: "vm-a", Placement: in("1")}, {Name: "cx-2", Machine: "vm-b", Placement: in("2")}}},
			},
			Uses: []inventory.Use{
				{Infrastructure: "zk-1", As: inventory.AsZooKeeper},
				{Infrastructure: "pg-1", As: inventory.AsDatabase},
				{Infrastructure: "nas-1", As: inventory.AsStorage},
				{Infrastructure: "lb-1", As: inventory.AsLoadBalancer},
			},
		}},
		Infrastructure: []inventory.Infrastructure{
			{ID: "zk-1", Kind: inventory.KindZooKeeper, Nodes: []inventory.Node{
				{Name: "zk1", Machine: "vm-a", Placement: in("1")}, {Name: "zk2", Machine: "vm-b", Placement: in("2")}, {Name: "zk3", Machine: "vm-c", Placement: in("1")},
			}},
			{ID: "pg-1", Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Placement: inventory.Placement{Provider: "azure", Region: "northeurope", Zone: "1"}, HighAvailability: &inventory.HighAvailability{Mode: inventory.HAZoneRedundant}},
			{ID: "nas-1", Kind: inventory.KindStorage, Redundancy: inventory.RedundancyZone, Placement: in("")},
			{ID: "lb-1", Kind: inventory.KindLoadBalancer, Redundant: &on, Placement: in("")},
			{ID: "spare", Kind: inventory.KindStorage, Placement: inventory.Placement{Provider: "azure", Region: "francecentral"}},
		},
	}
}

func model(s *inventory.Site) *simulate.Model {
	return simulate.New(tenants(s), availabilitytest.Chances())
}

func tenants(s *inventory.Site) []availability.Tenant {
	var out []availability.Tenant
	for i := range s.Clusters {
		out = append(out, availability.Tenant{Site: s, Cluster: &s.Clusters[i], Need: 1})
	}
	return out
}

func TestFail(t *testing.T) {
	m := model(munich())
	for _, c := range []struct {
		fail   string
		state  simulate.State
		causes []string
	}{
		{"", simulate.Up, []string{}},
		{"zone:azure/westeurope/1", simulate.Down, []string{
			"zone azure/westeurope/1 -> machine muc-01/vm-a -> zookeeper zk1: 1 of 3 up, majority lost",
			"zone azure/westeurope/1 -> machine muc-01/vm-c -> zookeeper zk3: 1 of 3 up, majority lost",
		}},
		{"zone:azure/westeurope/2", simulate.Degraded, []string{
			"zone azure/westeurope/2 -> machine muc-01/vm-b -> connection-server cx-2: 1 of 2 up",
			"zone azure/westeurope/2 -> machine muc-01/vm-b -> foundation twx-2: 1 of 2 up",
			"zone azure/westeurope/2 -> machine muc-01/vm-b -> zookeeper zk2: 2 of 3 up",
		}},
		{"machine:muc-01/vm-c", simulate.Degraded, []string{"machine muc-01/vm-c -> zookeeper zk3: 2 of 3 up"}},
		{"machine:muc-01/vm-a machine:muc-01/vm-b", simulate.Down, []string{
			"machine muc-01/vm-a -> connection-server cx-1: 0 of 2 up, 1 needed",
			"machine muc-01/vm-b -> connection-server cx-2: 0 of 2 up, 1 needed",
			"machine muc-01/vm-a -> foundation twx-1: 0 of 2 up, 1 needed",
			"machine muc-01/vm-b -> foundation twx-2: 0 of 2 up, 1 needed",
			"machine muc-01/vm-a -> zookeeper zk1: 1 of 3 up, majority lost",
			"machine muc-01/vm-b -> zookeeper zk2: 1 of 3 up, majority lost",
		}},
		{"node:muc-01/zk-1/zk1", simulate.Degraded, []string{"node muc-01/zk-1/zk1 -> zookeeper zk1: 2 of 3 up"}},
		{"node:muc-01/prod/twx-1", simulate.Degraded, []string{"node muc-01/prod/twx-1 -> foundation twx-1: 1 of 2 up"}},
		{"infrastructure:muc-01/pg-1", simulate.Down, []string{"infrastructure muc-01/pg-1 -> database pg-1: down"}},
		{"region:azure/northeurope", simulate.Down, []string{"region azure/northeurope -> database pg-1: down"}},
		{"infrastructure:muc-01/spare", simulate.Up, []string{}},
		{"region:azure/francecentral", simulate.Up, []string{}},
		{"zone:azure/northeurope/1", simulate.Up, []string{}},
	} {
		var failures []simulate.Failure
		for _, f := range strings.Fields(c.fail) {
			one, err := simulate.ParseFailure(f)
			if err != nil {
				t.Fatal(err)
			}
			failures = append(failures, one)
		}
		r, err := m.Fail(failures...)
		if err != nil {
			t.Errorf("%s: %v", c.fail, err)
			continue
		}
		want := []simulate.Cluster{{ID: "muc-01/prod", State: c.state, Causes: c.causes}}
		if diff := cmp.Diff(want, r.Clusters); diff != "" {
			t.Errorf("%s: %s", c.fail, diff)
		}
		if (r.Down == 1) != (c.state == simulate.Down) || (r.Degraded == 1) != (c.state == simulate.Degraded) {
			t.Errorf("%s: down %d degraded %d", c.fail, r.Down, r.Degraded)
		}
	}
	r, err := m.Fail(simulate.Failure{Kind: simulate.Site, ID: "muc-01"})
	if err != nil || r.Down != 1 || !slices.Contains(r.Clusters[0].Causes, "site muc-01 -> machine muc-01/vm-a -> foundation twx-1: 0 of 2 up, 1 needed") {
		t.Errorf("site: %v %v", r, err)
	}
}

func TestUnknownIDsNameTheNearest(t *testing.T) {
	_, err := model(munich()).Fail(simulate.Failure{Kind: simulate.Machine, ID: "muc-1/vm-a"})
	var unknown *simulate.UnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("%v is no UnknownError", err)
	}
	if len(unknown.Nearest) == 0 || unknown.Nearest[0] != "muc-01/vm-a" {
		t.Errorf("nearest %v", unknown.Nearest)
	}
	for _, part := range []string{"machine:muc-1/vm-a", "muc-01/vm-a"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
}

func TestParseFailure(t *testing.T) {
	for _, bad := range []string{"", "machine", "machine:", "disk:x", ":x"} {
		if f, err := simulate.ParseFailure(bad); err == nil {
			t.Errorf("%q is read as %v", bad, f)
		}
	}
	for _, k := range simulate.Kinds() {
		f := simulate.Failure{Kind: k, ID: "a/b:c"}
		if got, err := simulate.ParseFailure(f.String()); err != nil || got != f {
			t.Errorf("%v comes back as %v, %v", f, got, err)
		}
	}
}

// everything lists all failures of a model.
func everything(m *simulate.Model, kinds ...simulate.Kind) []simulate.Failure {
	var out []simulate.Failure
	for _, k := range kinds {
		out = append(out, m.Failures(k)...)
	}
	return out
}

// TestSimulationIsTheAvailabilityModel sums the chances of all states of the elements in which a cluster is not down, in
// which it is full, and in which two are down together, and compares with what is computed without enumeration.
func TestSimulationIsTheAvailabilityModel(t *testing.T) {
	compared := 0
	check := func(t *rapid.T) {
		d := &availabilitytest.Draw{T: t, Budget: 7, Consistent: rapid.Bool().Draw(t, "consistent")}
		s := d.Site(2)
		// Every node on a named machine, so that every element can be failed by name.
		for i := range s.Clusters {
			for j := range s.Clusters[i].Components {
				name(s.Clusters[i].Components[j].Nodes)
			}
		}
		for i := range s.Infrastructure {
			name(s.Infrastructure[i].Nodes)
			name(s.Infrastructure[i].PgPool)
		}
		both := tenants(s)
		for i := range both {
			both[i].Need = d.Pick("need", 1, 2)
		}
		sys := availability.Compile(both, availabilitytest.Chances())
		if len(sys.Elements) > 11 {
			return
		}
		compared++
		m := simulate.New(both, availabilitytest.Chances())
		var serving, full [2]float64
		var bothDown float64
		for bits := range 1 << len(sys.Elements) {
			p := 1.0
			var failed []simulate.Failure
			for i := range sys.Elements {
				e := &sys.Elements[i]
				if bits>>i&1 == 0 {
					p *= e.Up
					continue
				}
				p *= 1 - e.Up
				failed = append(failed, failure(e))
			}
			r, err := m.Fail(failed...)
			if err != nil {
				t.Fatal(err)
			}
			for c := range r.Clusters {
				if r.Clusters[c].State != simulate.Down {
					serving[c] += p
					if !lostTimeseries(r.Clusters[c].Causes) {
						full[c] += p
					}
				}
			}
			if r.Down == 2 {
				bothDown += p
			}
		}
		for c := range sys.Clusters {
			if want := sys.Result(c); math.Abs(serving[c]-want.Serving) > 1e-12 || math.Abs(full[c]-want.Full) > 1e-12 {
				t.Fatalf("all states: serving %v full %v; availability says %v and %v", serving[c], full[c], want.Serving, want.Full)
			}
		}
		for _, j := range sys.Pairs() {
			if math.Abs(bothDown-j.AllDown) > 1e-12 {
				t.Fatalf("all states: both down %v; availability says %v", bothDown, j.AllDown)
			}
		}
	}
	for compared < 100 { // the others have too many states to look at
		rapid.Check(t, check)
	}
}

func name(nodes []inventory.Node) {
	for i := range nodes {
		if nodes[i].Machine == "" {
			nodes[i].Machine = "own-" + nodes[i].Name
		}
	}
}

func failure(e *availability.Element) simulate.Failure {
	switch e.Kind {
	case availability.Region:
		return simulate.Failure{Kind: simulate.Region, ID: e.A + "/" + e.B}
	case availability.Zone:
		return simulate.Failure{Kind: simulate.Zone, ID: e.A + "/" + e.B + "/" + e.C}
	case availability.Machine:
		return simulate.Failure{Kind: simulate.Machine, ID: e.A + "/" + e.B}
	}
	return simulate.Failure{Kind: simulate.Infrastructure, ID: e.A + "/" + e.B}
}

// lostTimeseries reads from the causes whether the time-series store is lost, not merely short of a node.
func lostTimeseries(causes []string) bool {
	return slices.ContainsFunc(causes, func(c string) bool {
		return strings.Contains(c, "-> timeseries") && (strings.HasSuffix(c, "lost") || strings.HasSuffix(c, "needed") || strings.HasSuffix(c, "down"))
	})
}

// TestSweepIsFailingOneByOne compares the incremental sweep with failing everything in turn.
func TestSweepIsFailingOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &availabilitytest.Draw{T: t, Budget: 12, Consistent: true}
		s := d.Site(3)
		m := model(s)
		kinds := []simulate.Kind{simulate.Region, simulate.Zone, simulate.Machine, simulate.Infrastructure}
		all := everything(m, kinds...)
		whole, _ := m.Fail()
		states := func(failures ...simulate.Failure) map[string]simulate.State {
			r, err := m.Fail(failures...)
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]simulate.State{}
			for i, c := range r.Clusters {
				if whole.Clusters[i].State == simulate.Up {
					out[c.ID] = c.State
				}
			}
			return out
		}
		count := func(st map[string]simulate.State, want simulate.State) (n int) {
			for _, s := range st {
				if s == want {
					n++
				}
			}
			return n
		}
		one, err := m.Sweep(simulate.Options{Depth: 1, Kinds: kinds, Limit: 1 << 20})
		if err != nil || one.Total != len(all) || len(one.Failures) != len(all) {
			t.Fatalf("%d of %d failures swept: %v", len(one.Failures), len(all), err)
		}
		losing := 0
		for _, f := range one.Failures {
			st := states(f.Failed...)
			if f.Down != count(st, simulate.Down) || f.Degraded != count(st, simulate.Degraded) || f.Down != len(f.Clusters) {
				t.Fatalf("%+v, one by one %v", f, st)
			}
			if f.Down > 0 {
				losing++
			}
		}
		if losing != one.Losing {
			t.Fatalf("losing %d, one by one %d", one.Losing, losing)
		}
		two, err := m.Sweep(simulate.Options{Depth: 2, Kinds: kinds, Limit: 1 << 20})
		if err != nil || two.Total != len(all)*(len(all)-1)/2 || len(two.Failures)+two.Nested != two.Total {
			t.Fatalf("%d listed and %d nested of %d pairs: %v", len(two.Failures), two.Nested, two.Total, err)
		}
		for _, f := range two.Failures {
			st, first, second := states(f.Failed...), states(f.Failed[0]), states(f.Failed[1])
			together := 0
			for c := range st {
				if st[c] == simulate.Down && first[c] != simulate.Down && second[c] != simulate.Down {
					together++
				}
			}
			if f.Down != count(st, simulate.Down) || f.Degraded != count(st, simulate.Degraded) || f.Together != together || f.Down != len(f.Clusters) {
				t.Fatalf("%+v, one by one %v, together %d", f, st, together)
			}
		}
		losing = 0
		for i := range all {
			for j := range i {
				if count(states(all[i], all[j]), simulate.Down) > 0 {
					losing++
				}
			}
		}
		if losing != two.Losing {
			t.Fatalf("losing pairs %d, one by one %d", two.Losing, losing)
		}
		for i := 1; i < len(two.Failures); i++ {
			if two.Failures[i].Down > two.Failures[i-1].Down {
				t.Fatalf("rank %d loses more than the one before", i)
			}
		}
		few, err := m.Sweep(simulate.Options{Depth: 2, Kinds: kinds, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(two.Failures[:min(3, len(two.Failures))], few.Failures); diff != "" {
			t.Fatalf("the three worst differ: %s", diff)
		}
	})
}

func TestSweepOptions(t *testing.T) {
	m := model(munich())
	for _, o := range []simulate.Options{{}, {Depth: 3}, {Depth: 1, Kinds: []simulate.Kind{"disk"}}} {
		if _, err := m.Sweep(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	s, err := m.Sweep(simulate.Options{Depth: 2, OnlyTogether: true})
	if err != nil || len(s.Failures) == 0 {
		t.Fatalf("%v %v", s, err)
	}
	for _, f := range s.Failures {
		if f.Together == 0 {
			t.Errorf("%v loses nothing together", f.Failed)
		}
	}
}
