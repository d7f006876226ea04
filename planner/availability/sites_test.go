package availability_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// berlin lists the shared ensemble with its nodes on the machines that also run Foundation; hamburg knows it under another id
// and spelling.
func berlin() *inventory.Site {
	s := shape(2, 2, 3, func(string) func(int) string { return ownMachine("host") })
	s.Site.ID = "ber-02"
	s.Infrastructure[0].Identity.Endpoint = "zk1.corp.example:2181,zk2.corp.example:2181,zk3.corp.example:2181"
	return s
}

func hamburg(zk ...inventory.Node) *inventory.Site {
	s := shape(2, 2, 0, ownMachine2)
	s.Site.ID = "ham-03"
	s.Infrastructure[0] = inventory.Infrastructure{
		ID: "zk-central", Kind: inventory.KindZooKeeper, Nodes: zk,
		Identity: inventory.ResourceIdentity{Endpoint: "zk3.corp.example:2181, zk1.corp.example, zk2.corp.example:2181"},
	}
	s.Clusters[0].Uses[0].Infrastructure = "zk-central"
	return s
}

func tenantsOf(sites ...*inventory.Site) []availability.Tenant {
	var out []availability.Tenant
	for _, s := range sites {
		for i := range s.Clusters {
			out = append(out, availability.Tenant{Site: s, Cluster: &s.Clusters[i], Need: 1})
		}
	}
	return out
}

// TestPairsAcrossSites computes by hand: both are down when the ensemble is, or else when both lose all their own nodes.
func TestPairsAcrossSites(t *testing.T) {
	p, q := 0.99, 0.01
	// Hamburg is down by itself when it loses both Foundation nodes or both connection servers. Berlin has its two nodes of
	// each kind on host-1 and host-2, whose loss takes the majority with it.
	zk := 3*p*q*q + q*q*q
	want := zk
	for _, c := range []struct {
		name    string
		hamburg *inventory.Site
	}{
		{"known by its endpoint", hamburg()},
		{"listed again on machines of other names", hamburg(nodes("z", 3, ownMachine("ensemble"))...)},
	} {
		for _, order := range [][]availability.Tenant{tenantsOf(berlin(), c.hamburg), tenantsOf(c.hamburg, berlin())} {
			got := availability.Pairs(order, ninetyNine)
			if len(got) != 1 || got[0].Clusters != [2]string{"ber-02/c", "ham-03/c"} {
				t.Fatalf("%s: %+v", c.name, got)
			}
			if math.Abs(got[0].AllDown-want) > exact {
				t.Errorf("%s: %v, want %v", c.name, got[0].AllDown, want)
			}
		}
	}
}

// TestOneNodeHasOneMachine puts a node of the shared ensemble on a machine that runs Hamburg's only nodes, by Hamburg's
// own listing, while the facts used are Berlin's, which lists more.
func TestOneNodeHasOneMachine(t *testing.T) {
	ber := berlin()
	ham := hamburg(inventory.Node{Name: "z3", Machine: "vm"})
	ham.Clusters[0].Components = foundation(inventory.Node{Name: "f", Machine: "vm"})
	sys := availability.Compile(tenantsOf(ber, ham), ninetyNine)
	if diff := cmp.Diff(map[[2]string][2]string{{"ham-03", "vm"}: {"ber-02", "host-3"}}, sys.Machines); diff != "" {
		t.Error(diff)
	}
	p, q := 0.99, 0.01
	// Without host-3 Hamburg is down; with it, when both others are. Berlin is down when two of three are.
	want := q*(2*p*q+q*q) + p*q*q
	if got := sys.Pairs(); len(got) != 1 || math.Abs(got[0].AllDown-want) > exact {
		t.Errorf("%+v, want %v", got, want)
	}
	// Hamburg by itself needs host-3 and one of the others.
	if got := sys.Result(1).Serving; math.Abs(got-p*(1-q*q)) > exact {
		t.Errorf("hamburg serves %v, want %v", got, p*(1-q*q))
	}
	if len(sys.Infras) != 1 || sys.Infras[0].Site != "ber-02" || len(sys.Infras[0].Aliases) != 1 {
		t.Errorf("%+v", sys.Infras)
	}
}

// TestOnePgPoolHasOneMachine is the same for a pgpool-II node, on a machine that a chain of spellings names three times.
func TestOnePgPoolHasOneMachine(t *testing.T) {
	site := func(id, pool string, more ...inventory.Node) *inventory.Site {
		s := shape(1, 1, 1, ownMachine2)
		s.Site.ID = id
		s.Infrastructure = append(s.Infrastructure, inventory.Infrastructure{
			ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Nodes: more,
			PgPool:   []inventory.Node{{Name: "pool", Machine: pool}},
			Identity: inventory.ResourceIdentity{Endpoint: "pg.corp.example:5432"},
		})
		s.Clusters[0].Components = foundation(inventory.Node{Name: "f", Machine: pool})
		s.Clusters[0].Uses = []inventory.Use{{Infrastructure: "pg", As: inventory.AsDatabase}}
		*s.Clusters[0].ClusteredMode = false
		return s
	}
	sys := availability.Compile(tenantsOf(site("a", "vm-a", nodes("p", 2, ownMachine("p"))...), site("b", "vm-b"), site("c", "vm-c")), ninetyNine)
	if diff := cmp.Diff(map[[2]string][2]string{{"b", "vm-b"}: {"a", "vm-a"}, {"c", "vm-c"}: {"a", "vm-a"}}, sys.Machines); diff != "" {
		t.Error(diff)
	}
	p, q := 0.99, 0.01
	for i := range sys.Clusters {
		if got := sys.Result(i); math.Abs(got.Serving-p*(1-q*q)) > exact || len(got.Unknown) > 0 {
			t.Errorf("%s serves %v, want %v; unknown is %v", sys.Clusters[i].ID(), got.Serving, p*(1-q*q), got.Unknown)
		}
	}
}

// TestMachinesAreFollowedThroughInfrastructures has Berlin and Hamburg name one ZooKeeper node, and Hamburg and Munich one
// database node on the same machine: the three names are one machine.
func TestMachinesAreFollowedThroughInfrastructures(t *testing.T) {
	on := func(id, endpoint string, kind inventory.InfrastructureKind, machine string, more ...inventory.Node) inventory.Infrastructure {
		return inventory.Infrastructure{
			ID: id, Kind: kind, Engine: inventory.EnginePostgreSQL, Identity: inventory.ResourceIdentity{Endpoint: endpoint},
			Nodes: append([]inventory.Node{{Name: "n", Machine: machine}}, more...),
		}
	}
	site := func(id string, infra ...inventory.Infrastructure) *inventory.Site {
		s := onDatabase(inventory.Infrastructure{Kind: inventory.KindDatabase})
		s.Site.ID, s.Infrastructure, s.Clusters[0].Uses = id, infra, nil
		for _, f := range infra {
			as := inventory.AsDatabase
			if f.Kind == inventory.KindZooKeeper {
				as = inventory.AsZooKeeper
			}
			s.Clusters[0].Uses = append(s.Clusters[0].Uses, inventory.Use{Infrastructure: f.ID, As: as})
		}
		return s
	}
	more := inventory.Node{Name: "more", Machine: "other"}
	sys := availability.Compile(tenantsOf(
		site("ber", on("zk", "zk.corp.example", inventory.KindZooKeeper, "b")),
		site("ham", on("zk", "zk.corp.example", inventory.KindZooKeeper, "h", more), on("pg", "pg.corp.example:5432", inventory.KindDatabase, "h")),
		site("muc", on("pg", "pg.corp.example:5432", inventory.KindDatabase, "m", more)),
	), ninetyNine)
	if diff := cmp.Diff(map[[2]string][2]string{{"ber", "b"}: {"muc", "m"}, {"ham", "h"}: {"muc", "m"}}, sys.Machines); diff != "" {
		t.Error(diff)
	}
}

// TestPairsOfSeparateEnsembles gives the figures of shared against own ZooKeeper, 3.0e-4 against 2.5e-7.
func TestPairsOfSeparateEnsembles(t *testing.T) {
	one, two := shape(2, 2, 3, ownMachine2), shape(2, 2, 3, ownMachine2)
	two.Site.ID = "t"
	if got := availability.Pairs(tenantsOf(one, two), ninetyNine); len(got) != 0 {
		t.Errorf("nothing is shared, yet %v", got)
	}
	// A region that never fails is shared and changes nothing else.
	for _, s := range []*inventory.Site{one, two} {
		for i := range s.Infrastructure[0].Nodes {
			s.Infrastructure[0].Nodes[i].Placement = inventory.Placement{Provider: "azure", Region: "westeurope"}
		}
	}
	sure := policy.Availability{Machine: 0.99, Region: 1}
	own := availability.Pairs(tenantsOf(one, two), sure)
	one.Infrastructure[0].Identity.Endpoint = "zk.corp.example"
	two.Infrastructure[0].Identity.Endpoint = "zk.corp.example:2181"
	shared := availability.Pairs(tenantsOf(one, two), sure)
	if len(own) != 1 || len(shared) != 1 || math.Abs(own[0].AllDown-2.5e-7) > 5e-9 || math.Abs(shared[0].AllDown-3.0e-4) > 5e-6 {
		t.Errorf("own %v shared %v", own, shared)
	}
}

func TestRicherSpellingIsUsed(t *testing.T) {
	yes := true
	poor := onDatabase(inventory.Infrastructure{Kind: inventory.KindLoadBalancer, Identity: inventory.ResourceIdentity{Endpoint: "lb.corp.example"}})
	rich := onDatabase(inventory.Infrastructure{Kind: inventory.KindLoadBalancer, Redundant: &yes, Identity: inventory.ResourceIdentity{Endpoint: "LB.corp.example"}})
	rich.Site.ID = "t"
	p := ninetyNine
	p.Redundant = 0.9999
	if got := availability.Pairs(tenantsOf(poor, rich), p); len(got) != 1 || math.Abs(got[0].AllDown-1e-4) > exact {
		t.Errorf("%v", got)
	}
}

// TestEveryFactMakesASpellingRicher gives the second site one fact more than the first.
func TestEveryFactMakesASpellingRicher(t *testing.T) {
	yes := true
	poor := inventory.Infrastructure{Kind: inventory.KindDatabase, Identity: inventory.ResourceIdentity{ARMID: "/subscriptions/x/y"}}
	for name, add := range map[string]func(*inventory.Infrastructure){
		"engine":     func(f *inventory.Infrastructure) { f.Engine = inventory.EnginePostgreSQL },
		"mode":       func(f *inventory.Infrastructure) { f.HighAvailability = &inventory.HighAvailability{} },
		"redundancy": func(f *inventory.Infrastructure) { f.Redundancy = inventory.RedundancyNone },
		"redundant":  func(f *inventory.Infrastructure) { f.Redundant = &yes },
		"edition":    func(f *inventory.Infrastructure) { f.Edition = inventory.EditionOSS },
		"region":     func(f *inventory.Infrastructure) { f.Placement.Region = "r" },
		"zone":       func(f *inventory.Infrastructure) { f.Placement.Zone = "1" },
		"pgpool":     func(f *inventory.Infrastructure) { f.PgPool = make([]inventory.Node, 1) },
	} {
		rich := poor
		add(&rich)
		a, b := onDatabase(poor), onDatabase(rich)
		b.Site.ID = "t"
		if sys := availability.Compile(tenantsOf(a, b), ninetyNine); len(sys.Infras) != 1 || sys.Infras[0].Site != "t" {
			t.Errorf("%s: the facts of %+v are used", name, sys.Infras)
		}
		// With as many facts the first in order is used.
		if sys := availability.Compile(tenantsOf(onDatabase(rich), b), ninetyNine); sys.Infras[0].Site != "s" {
			t.Errorf("%s: among equals the facts of %+v are used", name, sys.Infras)
		}
	}
}

// TestMissingChancesTakeTheDefaults leaves out one chance after the other.
func TestMissingChancesTakeTheDefaults(t *testing.T) {
	all := policy.Availability{Machine: 0.9, Zone: 0.8, Region: 0.7, Redundant: 0.6}
	s := onDatabase(inventory.Infrastructure{Kind: inventory.KindStorage, Redundancy: inventory.RedundancyLocal, Placement: inventory.Placement{Provider: "azure", Region: "r", Zone: "1"}})
	s.Clusters[0].Components[0].Nodes[0].Availability = nil
	for _, c := range []struct {
		without func(*policy.Availability)
		want    float64
	}{
		{func(*policy.Availability) {}, 0.9 * 0.8 * 0.7 * 0.6},
		{func(p *policy.Availability) { p.Machine = 0 }, 0.999 * 0.8 * 0.7 * 0.6},
		{func(p *policy.Availability) { p.Zone = 0 }, 0.9 * 0.9999 * 0.7 * 0.6},
		{func(p *policy.Availability) { p.Region = 0 }, 0.9 * 0.8 * 0.99995 * 0.6},
		{func(p *policy.Availability) { p.Redundant = 0 }, 0.9 * 0.8 * 0.7 * 0.9999},
	} {
		p := all
		c.without(&p)
		if got := availability.Cluster(s, &s.Clusters[0], 1, p).Serving; math.Abs(got-c.want) > exact {
			t.Errorf("%+v: %v, want %v", p, got, c.want)
		}
	}
}

// TestManyClusters has enough elements for the indexes to change over, and pairs that share a zone and a region only.
func TestManyClusters(t *testing.T) {
	var sites []*inventory.Site
	for i := range 40 {
		s := shape(2, 2, 3, ownMachine2)
		s.Site.ID = fmt.Sprintf("s-%02d", i)
		for j := range s.Clusters[0].Components {
			for k := range s.Clusters[0].Components[j].Nodes {
				s.Clusters[0].Components[j].Nodes[k].Placement = inventory.Placement{Provider: "azure", Region: fmt.Sprint(i % 2), Zone: "1"}
			}
		}
		sites = append(sites, s)
	}
	p := policy.Availability{Machine: 0.99, Zone: 0.98, Region: 0.97}
	alone := 1 - availability.Cluster(sites[0], &sites[0].Clusters[0], 1, p).Serving
	if got := 1 - availability.Cluster(sites[39], &sites[39].Clusters[0], 1, p).Serving; math.Abs(got-alone) > exact {
		t.Errorf("alike clusters are down %v and %v", got, alone)
	}
	pairs := availability.Pairs(tenantsOf(sites...), p)
	if len(pairs) != 2*20*19/2 {
		t.Fatalf("%d pairs", len(pairs))
	}
	// Given zone and region, up with chance u, both are down independently.
	u := 0.98 * 0.97
	given := (alone - (1 - u)) / u
	for i, j := range pairs {
		if want := (1 - u) + u*given*given; math.Abs(j.AllDown-want) > exact {
			t.Fatalf("%v: %v, want %v", j.Clusters, j.AllDown, want)
		}
		if i > 0 && pairs[i-1].Clusters[0] > j.Clusters[0] {
			t.Fatalf("%v after %v", j.Clusters, pairs[i-1].Clusters)
		}
	}
	if got := availability.Pairs(tenantsOf(sites[0]), p); got == nil || len(got) != 0 {
		t.Errorf("one cluster makes pairs %v", got)
	}
}

// TestManyBoxes has more elements than are searched one by one, and nodes before and after that on the same machines.
func TestManyBoxes(t *testing.T) {
	const n = 61
	s := shape(n, n, n, func(string) func(int) string { return ownMachine("box") })
	sys := availability.Compile(tenantsOf(s), ninetyNine)
	if len(sys.Elements) != n {
		t.Fatalf("%d elements", len(sys.Elements))
	}
	p := policy.Availability{Machine: 0.6}
	want, choose := 0.0, 1.0
	for up := 0; up <= n; up++ {
		if up > n/2 {
			want += choose * math.Pow(0.6, float64(up)) * math.Pow(0.4, float64(n-up))
		}
		choose *= float64(n-up) / float64(up+1)
	}
	if got := availability.Cluster(s, &s.Clusters[0], 1, p).Serving; math.Abs(got-want) > exact {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestJudge compares the evaluation of single states with the enumeration's, over all states of a three-box cluster.
func TestJudge(t *testing.T) {
	s := shape(3, 3, 3, func(string) func(int) string { return ownMachine("m") })
	sys := availability.Compile(tenantsOf(s), ninetyNine)
	st := sys.Whole()
	for bits := range 8 {
		up := 0
		for e := range sys.Elements {
			st.Elements[e] = bits>>e&1 == 1
			if !st.Elements[e] {
				up++
			}
		}
		serving, full := sys.Judge(st, 0)
		if serving != (up >= 2) || full != serving {
			t.Errorf("%d boxes up: serving %v full %v", up, serving, full)
		}
	}
	clear(st.Elements)
	for u := range sys.Units {
		st.Units[u] = sys.Units[u].Infrastructure
	}
	if serving, _ := sys.Judge(st, 0); serving {
		t.Error("serves with every ZooKeeper node failed by itself")
	}
	if got := availability.Part(99).String(); got != "unknown" {
		t.Errorf("a part that is none is %s", got)
	}
}
