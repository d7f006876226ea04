package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// layout draws clustered ThingWorx sites: nodes on machines in zones of one to three regions, all drawn at random, so that
// every part shares machines, zones and regions with every other.
type layout struct {
	*rand.Rand
	nodes, machines, zones int
	clusters               int     // one, or two that share their infrastructures
	stray                  float64 // share of nodes that name another place than their machine's

	left    int // nodes still to be given out
	regions int
	of      map[string]inventory.Placement // by machine
	n       int
}

func (l *layout) place() inventory.Placement {
	z := l.IntN(l.zones)
	p := inventory.Placement{Provider: "azure", Region: fmt.Sprintf("region-%d", z%l.regions), Zone: fmt.Sprint(z)}
	if l.IntN(20) == 0 {
		p.Zone = ""
	}
	return p
}

// some makes n nodes, fewer when that many are not left.
func (l *layout) some(n int, role string) []inventory.Node {
	out := make([]inventory.Node, max(0, min(n, l.left)))
	l.left -= len(out)
	for i := range out {
		l.n++
		machine := fmt.Sprintf("vm-%d", l.IntN(l.machines))
		at, ok := l.of[machine]
		if !ok {
			at = l.place()
			l.of[machine] = at
		}
		if l.Float64() < l.stray {
			at = l.place()
		}
		out[i] = inventory.Node{Name: fmt.Sprintf("n%d", l.n), Machine: machine, Placement: at, Role: role}
		if l.IntN(10) == 0 {
			up := []float64{1, 0.9, 0.99, 0.999}[l.IntN(4)]
			if l.IntN(20) == 0 {
				up = 0
			}
			out[i].Availability = &up
		}
	}
	return out
}

// site draws a site and how many Foundation nodes the peak of each cluster takes.
func (l *layout) site() (s *inventory.Site, need []int) {
	yes := true
	l.left, l.regions, l.of = l.nodes/2, min(1+l.IntN(3), l.zones), map[string]inventory.Placement{}
	pick := func(of ...int) int { return of[l.IntN(len(of))] }
	s = &inventory.Site{Site: inventory.Identity{ID: "layout"}}
	var uses []inventory.Use
	add := func(f inventory.Infrastructure, as inventory.UseAs) {
		f.ID = fmt.Sprintf("i%d", len(s.Infrastructure))
		s.Infrastructure = append(s.Infrastructure, f)
		uses = append(uses, inventory.Use{Infrastructure: f.ID, As: as})
	}
	add(inventory.Infrastructure{Kind: inventory.KindZooKeeper, Nodes: l.some(pick(3, 5, 7), "")}, inventory.AsZooKeeper)
	for range pick(1, 1, 2) {
		f := inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Placement: l.place()}
		if l.IntN(3) > 0 {
			f = inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Nodes: l.some(pick(1, 2, 3), ""), PgPool: l.some(pick(0, 2, 3), "")}
		}
		add(f, inventory.AsDatabase)
	}
	for range pick(0, 1, 2) {
		add(inventory.Infrastructure{Kind: inventory.KindStorage, Redundancy: []inventory.Redundancy{inventory.RedundancyLocal, inventory.RedundancyZone}[l.IntN(2)], Placement: l.place()}, inventory.AsStorage)
	}
	if l.IntN(2) == 0 {
		redundant := l.IntN(2) == 0
		add(inventory.Infrastructure{Kind: inventory.KindLoadBalancer, Redundant: &redundant, Placement: l.place()}, inventory.AsLoadBalancer)
	}
	if l.IntN(3) > 0 {
		f := inventory.Infrastructure{Kind: inventory.KindInfluxDB, Edition: inventory.EditionEnterprise, Nodes: append(l.some(3, "meta"), l.some(pick(2, 3, 4, 6), "data")...)}
		f.ReplicationFactor = pick(1, 2, 3)
		add(f, inventory.AsTimeseries)
	}
	l.left += l.nodes - l.nodes/2 // the infrastructures take half at most
	for i := range l.clusters {
		c := inventory.Cluster{ID: fmt.Sprintf("c%d", i), ClusteredMode: &yes, Uses: uses}
		some := func(kind inventory.ComponentKind, n int) int {
			nodes := l.some(n, "")
			if len(nodes) > 0 {
				c.Components = append(c.Components, inventory.Component{Kind: kind, Mode: inventory.IgniteSeparate, Nodes: nodes})
			}
			return len(nodes)
		}
		some(inventory.LoadBalancerNode, pick(0, 1, 2))
		some(inventory.Ignite, pick(0, 1, 2, 3))
		share := l.left / (l.clusters - i)
		foundation := max(1, share/4+l.IntN(share/2+1))
		some(inventory.Foundation, foundation)
		some(inventory.ConnectionServer, share-foundation)
		s.Clusters = append(s.Clusters, c)
		need = append(need, 1+l.IntN(foundation))
	}
	return s, need
}

// tenants draws a site as the clusters to be compiled.
func (l *layout) tenants() []availability.Tenant {
	s, need := l.site()
	out := make([]availability.Tenant, len(need))
	for i := range out {
		out[i] = availability.Tenant{Site: s, Cluster: &s.Clusters[i], Need: need[i]}
	}
	return out
}
