package simulate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/availability/availabilitytest"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/simulate"
)

func node(name, machine, region string) inventory.Node {
	return inventory.Node{Name: name, Machine: machine, Placement: inventory.Placement{Provider: "on-premise", Region: region}}
}

// federation is Berlin and Hamburg on one ZooKeeper, which stands in Berlin, and a development server in Hamburg that
// lists the ZooKeeper without needing it. Both list a database of a third place.
func federation() []*inventory.Site {
	on, off := true, false
	uses := func(zk string) []inventory.Use {
		return []inventory.Use{{Infrastructure: zk, As: inventory.AsZooKeeper}, {Infrastructure: "db", As: inventory.AsDatabase}}
	}
	db := inventory.Infrastructure{ID: "db", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Placement: inventory.Placement{Provider: "azure", Region: "westeurope"}, Identity: inventory.ResourceIdentity{Endpoint: "db.corp.example:5432"}}
	return []*inventory.Site{
		{
			Site: inventory.Identity{ID: "ber-02"},
			Clusters: []inventory.Cluster{{ID: "prod", ClusteredMode: &on, Uses: uses("zk"), Components: []inventory.Component{
				{Kind: inventory.Foundation, Nodes: []inventory.Node{node("n1", "host-1", "ber"), node("n2", "host-2", "ber")}},
			}}},
			Infrastructure: []inventory.Infrastructure{db, {
				ID: "zk", Kind: inventory.KindZooKeeper, Identity: inventory.ResourceIdentity{Endpoint: "zk1.corp.example,zk2.corp.example,zk3.corp.example"},
				Nodes: []inventory.Node{node("zk1", "host-1", "ber"), node("zk2", "host-2", "ber"), node("zk3", "host-3", "ber")},
			}},
		},
		{
			Site: inventory.Identity{ID: "ham-03"},
			Clusters: []inventory.Cluster{
				{ID: "prod", ClusteredMode: &on, Uses: uses("zk-central"), Components: []inventory.Component{
					{Kind: inventory.Foundation, Nodes: []inventory.Node{node("n1", "ham-1", "ham"), node("n2", "", "ham")}},
				}},
				{ID: "dev", ClusteredMode: &off, Uses: uses("zk-central")[:1], Components: []inventory.Component{
					{Kind: inventory.Foundation, Nodes: []inventory.Node{node("n1", "ham-2", "ham")}},
				}},
			},
			Infrastructure: []inventory.Infrastructure{db, {
				ID: "zk-central", Kind: inventory.KindZooKeeper, Identity: inventory.ResourceIdentity{Endpoint: "zk2.corp.example:2181"},
				Nodes: []inventory.Node{{Name: "zk2", Machine: "remote"}},
			}},
		},
	}
}

func fleetModel() *simulate.Model {
	var all []availability.Tenant
	for _, s := range federation() {
		all = append(all, tenants(s)...)
	}
	return simulate.New(all, availabilitytest.Chances())
}

func TestFailuresReachAcrossSites(t *testing.T) {
	m := fleetModel()
	if diff := cmp.Diff([]string{"ber-02/prod", "ham-03/prod", "ham-03/dev"}, m.Clusters()); diff != "" {
		t.Fatal(diff)
	}
	for _, c := range []struct {
		kind   simulate.Kind
		id     string
		states string // of ber-02/prod, ham-03/prod and ham-03/dev
	}{
		{simulate.Infrastructure, "ber-02/zk", "down down degraded"},
		{simulate.Infrastructure, "ham-03/zk-central", "down down degraded"},
		{simulate.Infrastructure, "ham-03/db", "down down up"},
		{simulate.Node, "ham-03/zk-central/zk2", "degraded degraded degraded"},
		{simulate.Machine, "ham-03/remote", "degraded degraded degraded"},
		{simulate.Machine, "ber-02/host-2", "degraded degraded degraded"},
		{simulate.Node, "ham-03/prod/n2", "up degraded up"},
		{simulate.Node, "ham-03/dev/n1", "up up down"},
		{simulate.Region, "on-premise/ham", "up down down"},
		{simulate.Region, "on-premise/ber", "down down degraded"},
		{simulate.Region, "azure/westeurope", "down down up"},
		// The ensemble stands in Berlin and the database in neither place.
		{simulate.Site, "ham-03", "up down down"},
		{simulate.Site, "ber-02", "down down degraded"},
	} {
		r, err := m.Fail(simulate.Failure{Kind: c.kind, ID: c.id})
		if err != nil {
			t.Errorf("%s: %v", c.id, err)
			continue
		}
		var states []string
		for _, cluster := range r.Clusters {
			states = append(states, string(cluster.State))
			if (cluster.State == simulate.Up) != (len(cluster.Causes) == 0) {
				t.Errorf("%s %s: %s is %s because of %v", c.kind, c.id, cluster.ID, cluster.State, cluster.Causes)
			}
		}
		if got := strings.Join(states, " "); got != c.states {
			t.Errorf("%s %s: %s, want %s", c.kind, c.id, got, c.states)
		}
	}
	r, err := m.Fail(simulate.Failure{Kind: simulate.Machine, ID: "ham-03/remote"})
	if err != nil || !slices.Contains(r.Clusters[2].Causes, "machine ham-03/remote: down, not needed while clustered mode is off") {
		t.Errorf("%v %v", r.Clusters[2], err)
	}
}

func TestAliasesAreSweptOnce(t *testing.T) {
	m := fleetModel()
	s, err := m.Sweep(simulate.Options{Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range s.Failures {
		seen[f.Failed[0].String()] = true
	}
	for _, id := range []string{"infrastructure:ham-03/zk-central", "node:ham-03/zk-central/zk2", "machine:ham-03/remote"} {
		if seen[id] {
			t.Errorf("%s is another name and swept too", id)
		}
	}
	if len(seen) != s.Total || !seen["infrastructure:ber-02/zk"] {
		t.Errorf("%d of %d: %v", len(seen), s.Total, seen)
	}
	if got := s.Failures[0]; got.Down != 2 || len(got.Clusters) != 2 {
		t.Errorf("worst: %+v", got)
	}
}

// TestSharedEverywhereStandsEverywhere has two sites list one storage of which no region is known.
func TestSharedEverywhereStandsEverywhere(t *testing.T) {
	var all []availability.Tenant
	for _, id := range []string{"a", "b"} {
		s := &inventory.Site{
			Site:           inventory.Identity{ID: id},
			Clusters:       []inventory.Cluster{{ID: "c", Uses: []inventory.Use{{Infrastructure: "nas", As: inventory.AsStorage}}, Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: []inventory.Node{node("n", "m", "r-"+id)}}}}},
			Infrastructure: []inventory.Infrastructure{{ID: "nas", Kind: inventory.KindStorage, Identity: inventory.ResourceIdentity{Endpoint: "nas.corp.example:/export"}}},
		}
		all = append(all, tenants(s)...)
	}
	r, err := simulate.New(all, availabilitytest.Chances()).Fail(simulate.Failure{Kind: simulate.Site, ID: "a"})
	if err != nil || r.Down != 2 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestClustersThatNeverServe(t *testing.T) {
	s := munich()
	bare := inventory.Cluster{ID: "bare"}
	few := inventory.Cluster{ID: "few", Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: []inventory.Node{{Name: "f", Machine: "vm-a"}}}}}
	s.Clusters = append(s.Clusters, bare, few)
	all := tenants(s)
	all[2].Need = 2
	m := simulate.New(all, availabilitytest.Chances())
	r, err := m.Fail()
	if err != nil || r.Down != 2 || r.Failed == nil {
		t.Fatalf("%+v %v", r, err)
	}
	if diff := cmp.Diff([]string{"foundation: none listed"}, r.Clusters[1].Causes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"foundation: 1 of 1 up, 2 needed at peak"}, r.Clusters[2].Causes); diff != "" {
		t.Error(diff)
	}
	sweep, err := m.Sweep(simulate.Options{Depth: 1})
	if err != nil || sweep.Failures[0].Down != 1 || !slices.Equal(sweep.Failures[0].Clusters, []string{"muc-01/prod"}) {
		t.Errorf("%+v %v", sweep.Failures[0], err)
	}
}

func TestReportIsTheContracts(t *testing.T) {
	r, err := model(munich()).Fail(simulate.Failure{Kind: simulate.Infrastructure, ID: "muc-01/pg-1"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"failed":[{"kind":"infrastructure","id":"muc-01/pg-1"}],"clusters":[{"id":"muc-01/prod","state":"down","causes":["infrastructure muc-01/pg-1 -\u003e database pg-1: down"]}],"down":1,"degraded":0}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestDeterministic compiles the same federation many times: maps inside must not show.
func TestDeterministic(t *testing.T) {
	first, err := fleetModel().Sweep(simulate.Options{Depth: 2, Kinds: simulate.Kinds()})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		again, err := fleetModel().Sweep(simulate.Options{Depth: 2, Kinds: simulate.Kinds()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatal(diff)
		}
	}
}

func FuzzParseFailure(f *testing.F) {
	f.Add("machine:muc-01/vm-a")
	f.Add("zone:azure/westeurope/1")
	f.Add("node:")
	f.Add("::")
	m := model(munich())
	f.Fuzz(func(t *testing.T, text string) {
		one, err := simulate.ParseFailure(text)
		if err != nil {
			return
		}
		if again, err := simulate.ParseFailure(one.String()); err != nil || again != one {
			t.Fatalf("%q is read as %v and then %v, %v", text, one, again, err)
		}
		if _, err := m.Fail(one); err != nil && len(one.ID) < 256 && !strings.Contains(err.Error(), "nearest") {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
