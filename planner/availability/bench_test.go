package availability_test

import (
	"fmt"
	"testing"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/availability/availabilitytest"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// wide is n nodes on m machines in z zones of one region, with load balancer, database and storage; the nodes are spread
// over all components, so that machines and zones are shared between them.
func wide(n, m, z int) *inventory.Site {
	on := true
	used := 0
	some := func(prefix string, count int) []inventory.Node {
		out := make([]inventory.Node, count)
		for i := range out {
			at := used % m
			used++
			out[i] = inventory.Node{Name: fmt.Sprintf("%s%d", prefix, i), Machine: fmt.Sprintf("m%d", at)}
			if z > 0 {
				out[i].Placement = inventory.Placement{Provider: "azure", Region: "westeurope", Zone: fmt.Sprint(at%z + 1)}
			}
		}
		return out
	}
	place := inventory.Placement{Provider: "azure", Region: "westeurope", Zone: "1"}
	zk, pg, pp, ig := 5, 3, 2, 2
	if n < 20 {
		zk, pg, pp, ig = 3, 2, 0, 0
	}
	rest := n - zk - pg - pp - ig
	c := inventory.Cluster{
		ID: "c", ClusteredMode: &on,
		Components: []inventory.Component{
			{Kind: inventory.Foundation, Nodes: some("f", rest/2)},
			{Kind: inventory.ConnectionServer, Nodes: some("c", rest-rest/2)},
		},
		Uses: []inventory.Use{
			{Infrastructure: "zk", As: inventory.AsZooKeeper},
			{Infrastructure: "pg", As: inventory.AsDatabase},
			{Infrastructure: "nas", As: inventory.AsStorage},
			{Infrastructure: "lb", As: inventory.AsLoadBalancer},
		},
	}
	if ig > 0 {
		c.Components = append(c.Components, inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteSeparate, Nodes: some("i", ig)})
	}
	return &inventory.Site{
		Site: inventory.Identity{ID: "s"}, Clusters: []inventory.Cluster{c},
		Infrastructure: []inventory.Infrastructure{
			{ID: "zk", Kind: inventory.KindZooKeeper, Nodes: some("z", zk)},
			{ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Nodes: some("p", pg), PgPool: some("q", pp)},
			{ID: "nas", Kind: inventory.KindStorage, Redundancy: inventory.RedundancyZone, Placement: place},
			{ID: "lb", Kind: inventory.KindLoadBalancer, Redundant: &on, Placement: place},
		},
	}
}

func BenchmarkCluster(b *testing.B) {
	for _, n := range []int{12, 20, 40, 60, 80, 100} {
		for _, z := range []int{1, 5} {
			s := wide(n, n*2/3, z)
			b.Run(fmt.Sprintf("nodes=%d/zones=%d", n, z), func(b *testing.B) {
				b.ReportAllocs()
				p := availabilitytest.Chances()
				for b.Loop() {
					availability.Cluster(s, &s.Clusters[0], max(1, n/15), p)
				}
			})
		}
	}
}

// BenchmarkPairs has clusters that share a region and a zone, in pairs also their ZooKeeper.
func BenchmarkPairs(b *testing.B) {
	var tenants []availability.Tenant
	for i := range 100 {
		s := wide(12, 8, 1)
		s.Site.ID = fmt.Sprint(i)
		s.Infrastructure[0].Identity.Endpoint = fmt.Sprintf("zk-%d.corp.example", i/2)
		tenants = append(tenants, availability.Tenant{Site: s, Cluster: &s.Clusters[0], Need: 1})
	}
	p := availabilitytest.Chances()
	b.ReportAllocs()
	for b.Loop() {
		if got := len(availability.Pairs(tenants, p)); got != 100*99/2 {
			b.Fatal(got)
		}
	}
}
