package availability_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

func nodes(prefix string, n int, machine func(i int) string) []inventory.Node {
	out := make([]inventory.Node, n)
	for i := range out {
		out[i] = inventory.Node{Name: fmt.Sprintf("%s%d", prefix, i+1), Machine: machine(i)}
	}
	return out
}

func ownMachine(prefix string) func(int) string {
	return func(i int) string { return fmt.Sprintf("%s-%d", prefix, i+1) }
}

func shape(cs, foundation, zookeeper int, machine func(kind string) func(int) string) *inventory.Site {
	on := true
	return &inventory.Site{
		Site: inventory.Identity{ID: "s"},
		Clusters: []inventory.Cluster{{
			ID: "c", ClusteredMode: &on,
			Components: []inventory.Component{
				{Kind: inventory.Foundation, Nodes: nodes("f", foundation, machine("f"))},
				{Kind: inventory.ConnectionServer, Nodes: nodes("c", cs, machine("c"))},
				{Kind: inventory.Ignite, Mode: inventory.IgniteEmbedded},
			},
			Uses: []inventory.Use{{Infrastructure: "zk", As: inventory.AsZooKeeper}},
		}},
		Infrastructure: []inventory.Infrastructure{{ID: "zk", Kind: inventory.KindZooKeeper, Nodes: nodes("z", zookeeper, machine("z"))}},
	}
}

var ninetyNine = policy.Availability{Machine: 0.99}

func TestKnownShapes(t *testing.T) {
	together := func(string) func(int) string { return ownMachine("m") }
	p, q := 0.99, 0.01
	for _, c := range []struct {
		name                       string
		cs, foundation, zookeepers int
		machine                    func(string) func(int) string
		want                       float64
	}{
		{"three boxes, majority of them", 3, 3, 3, together, p*p*p + 3*p*p*q},
		{"separate 2+2+3", 2, 2, 3, ownMachine2, (1 - q*q) * (1 - q*q) * (p*p*p + 3*p*p*q)},
		{"separate 2+2+4: any 3 of 4", 2, 2, 4, ownMachine2, (1 - q*q) * (1 - q*q) * (p*p*p*p + 4*p*p*p*q)},
		{"one of each on one box", 1, 1, 1, together, p},
	} {
		s := shape(c.cs, c.foundation, c.zookeepers, c.machine)
		got := availability.Cluster(s, &s.Clusters[0], 1, ninetyNine)
		if math.Abs(got.Serving-c.want) > exact {
			t.Errorf("%s: %.15f, want %.15f", c.name, got.Serving, c.want)
		}
	}
	if v := p*p*p + 3*p*p*q; math.Abs(v-0.999702) > 5e-7 {
		t.Errorf("three boxes of 99 %% are %.6f, the published figure is 0.999702", v)
	}
}

func ownMachine2(kind string) func(int) string { return ownMachine(kind) }

func TestFourZooKeepersAreWorseThanThree(t *testing.T) {
	three, four := shape(2, 2, 3, ownMachine2), shape(2, 2, 4, ownMachine2)
	a := availability.Cluster(three, &three.Clusters[0], 1, ninetyNine).Serving
	b := availability.Cluster(four, &four.Clusters[0], 1, ninetyNine).Serving
	if b >= a {
		t.Errorf("four %v, three %v", b, a)
	}
}

func TestSharedZooKeeperBringsBothDown(t *testing.T) {
	s := shape(8, 8, 3, ownMachine2)
	other := s.Clusters[0]
	other.ID = "d"
	other.Components = []inventory.Component{
		{Kind: inventory.Foundation, Nodes: nodes("g", 8, ownMachine("g"))},
		{Kind: inventory.ConnectionServer, Nodes: nodes("h", 8, ownMachine("h"))},
	}
	s.Clusters = append(s.Clusters, other)
	tenants := []availability.Tenant{{Site: s, Cluster: &s.Clusters[0], Need: 1}, {Site: s, Cluster: &s.Clusters[1], Need: 1}}
	shared := availability.Compile(tenants, ninetyNine).Pairs()
	if len(shared) != 1 || math.Abs(shared[0].AllDown-2.98e-4) > 1e-9 {
		t.Fatalf("shared ensemble: %v, want 2.98e-4", shared)
	}
	zk2 := inventory.Infrastructure{ID: "zk2", Kind: inventory.KindZooKeeper, Nodes: nodes("y", 3, ownMachine("y"))}
	s.Infrastructure = append(s.Infrastructure, zk2)
	s.Clusters[1].Uses = []inventory.Use{{Infrastructure: "zk2", As: inventory.AsZooKeeper}}
	if own := availability.Compile(tenants, ninetyNine).Pairs(); len(own) != 0 {
		t.Fatalf("nothing shared, yet %v", own)
	}
	for i := range s.Clusters {
		for j := range s.Clusters[i].Components {
			for k := range s.Clusters[i].Components[j].Nodes {
				s.Clusters[i].Components[j].Nodes[k].Placement = inventory.Placement{Provider: "azure", Region: "westeurope"}
			}
		}
	}
	sure := ninetyNine
	sure.Region = 1
	own := availability.Compile(tenants, sure).Pairs()
	one := availability.Cluster(s, &s.Clusters[0], 1, sure)
	if len(own) != 1 || math.Abs(own[0].AllDown-(1-one.Serving)*(1-one.Serving)) > exact || math.Abs(own[0].AllDown-8.88e-8) > 1e-9 {
		t.Fatalf("own ensembles: %v", own)
	}
}
