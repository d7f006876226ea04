package simulate_test

import (
	"fmt"
	"testing"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/availability/availabilitytest"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/simulate"
)

// fleet is n clusters, five a site, in thirty regions; the clusters of a site share ZooKeeper and have the rest for
// themselves.
func fleet(n int) []availability.Tenant {
	on := true
	var out []availability.Tenant
	for at := 0; at < n; at += 5 {
		place := inventory.Placement{Provider: "azure", Region: fmt.Sprintf("region-%d", at/5%30), Zone: "1"}
		s := &inventory.Site{Site: inventory.Identity{ID: fmt.Sprintf("site-%d", at/5)}}
		zk := inventory.Infrastructure{ID: "zk", Kind: inventory.KindZooKeeper}
		for i := range 3 {
			zk.Nodes = append(zk.Nodes, inventory.Node{Name: fmt.Sprintf("zk%d", i), Machine: fmt.Sprintf("zk-%d", i), Placement: place})
		}
		s.Infrastructure = append(s.Infrastructure, zk)
		for k := range min(5, n-at) {
			c := inventory.Cluster{ID: fmt.Sprintf("c%d", k), ClusteredMode: &on}
			for _, kind := range []inventory.ComponentKind{inventory.Foundation, inventory.ConnectionServer} {
				comp := inventory.Component{Kind: kind}
				for i := range 3 {
					comp.Nodes = append(comp.Nodes, inventory.Node{Name: fmt.Sprintf("%s-%d", kind, i), Machine: fmt.Sprintf("vm-%d-%d", k, i), Placement: place})
				}
				c.Components = append(c.Components, comp)
			}
			db, nas := fmt.Sprintf("pg-%d", k), fmt.Sprintf("nas-%d", k)
			s.Infrastructure = append(s.Infrastructure,
				inventory.Infrastructure{ID: db, Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Placement: place},
				inventory.Infrastructure{ID: nas, Kind: inventory.KindStorage, Redundancy: inventory.RedundancyZone, Placement: place})
			c.Uses = []inventory.Use{{Infrastructure: "zk", As: inventory.AsZooKeeper}, {Infrastructure: db, As: inventory.AsDatabase}, {Infrastructure: nas, As: inventory.AsStorage}}
			s.Clusters = append(s.Clusters, c)
		}
		for i := range s.Clusters {
			out = append(out, availability.Tenant{Site: s, Cluster: &s.Clusters[i], Need: 1})
		}
	}
	return out
}

// BenchmarkSweep compares the incremental sweep with evaluating every cluster for every failure. The latter is measured
// on a part of the failures and told per failure.
func BenchmarkSweep(b *testing.B) {
	for _, c := range []struct{ depth, clusters int }{{1, 10000}, {2, 500}} {
		tenants := fleet(c.clusters)
		m := simulate.New(tenants, availabilitytest.Chances())
		b.Run(fmt.Sprintf("depth=%d/clusters=%d/incremental", c.depth, c.clusters), func(b *testing.B) {
			total := 0
			for b.Loop() {
				s, err := m.Sweep(simulate.Options{Depth: c.depth})
				if err != nil {
					b.Fatal(err)
				}
				total = s.Total
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(total), "ns/failure")
		})
		sys := availability.Compile(tenants, availabilitytest.Chances())
		b.Run(fmt.Sprintf("depth=%d/clusters=%d/every", c.depth, c.clusters), func(b *testing.B) {
			st := sys.Whole()
			down := 0
			i := 0
			for b.Loop() {
				e := i % len(sys.Elements)
				i++
				st.Elements[e] = true
				for k := range sys.Clusters {
					if serving, _ := sys.Judge(st, int32(k)); !serving {
						down++
					}
				}
				st.Elements[e] = false
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/failure")
		})
	}
}

func BenchmarkNew(b *testing.B) {
	tenants := fleet(10000)
	for b.Loop() {
		simulate.New(tenants, availabilitytest.Chances())
	}
}
