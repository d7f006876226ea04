// Package availabilitytest draws random small sites for property tests of the packages that work on the availability
// model: machines, zones, regions and infrastructures are shared freely, so that every common cause occurs.
package availabilitytest

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// Chances are low enough for failures of several things to weigh in every figure.
func Chances() policy.Availability {
	return policy.Availability{
		Machine: 0.9, Zone: 0.93, Region: 0.97, Redundant: 0.99,
		Managed: map[inventory.Engine]map[inventory.HAMode]float64{
			inventory.EngineAzurePostgreSQLFlexible: {inventory.HANone: 0.94, inventory.HASameZone: 0.96, inventory.HAZoneRedundant: 0.98},
		},
	}
}

// Draw makes sites.
type Draw struct {
	*rapid.T
	Consistent bool // every machine has one placement, as a real one has
	Budget     int  // nodes at most
	n          int
	placements map[string]inventory.Placement
}

// Pick draws a number from low to high.
func (d *Draw) Pick(label string, low, high int) int {
	return rapid.IntRange(low, high).Draw(d.T, label)
}

func (d *Draw) place() inventory.Placement {
	switch d.Pick("placement", 0, 5) {
	case 0:
		return inventory.Placement{}
	case 1:
		return inventory.Placement{Provider: "azure", Region: "r1"}
	case 2, 3:
		return inventory.Placement{Provider: "azure", Region: "r1", Zone: fmt.Sprint(d.Pick("zone", 1, 2))}
	case 4:
		return inventory.Placement{Provider: "azure", Region: "r2", Zone: "1"}
	}
	return inventory.Placement{Provider: "on-premise", Zone: "hall"}
}

func (d *Draw) nodes(low, high int, roles ...string) []inventory.Node {
	var out []inventory.Node
	for range d.Pick("nodes", low, high) {
		if d.Budget == 0 {
			break
		}
		d.Budget--
		d.n++
		n := inventory.Node{Name: fmt.Sprintf("n%d", d.n), Placement: d.place()}
		if len(roles) > 0 {
			n.Role = roles[d.Pick("role", 0, len(roles)-1)]
		}
		if m := d.Pick("machine", 0, 5); m > 0 {
			n.Machine = fmt.Sprintf("m%d", m)
			if p, ok := d.placements[n.Machine]; ok && d.Consistent {
				n.Placement = p
			}
			d.placements[n.Machine] = n.Placement
		}
		if d.Pick("own", 0, 7) == 0 {
			up := float64(d.Pick("up", 0, 10)) / 10
			n.Availability = &up
		}
		out = append(out, n)
	}
	return out
}

// Site draws a site with clusters c0, c1 and so on. Each has at least one Foundation node while the budget lasts.
func (d *Draw) Site(clusters int) *inventory.Site {
	s := &inventory.Site{Site: inventory.Identity{ID: "s"}}
	d.placements = map[string]inventory.Placement{}
	yes := true
	modes := []inventory.HAMode{inventory.HANone, inventory.HASameZone, inventory.HAZoneRedundant}
	reds := []inventory.Redundancy{"", inventory.RedundancyNone, inventory.RedundancyLocal, inventory.RedundancyZone, inventory.RedundancyGeo}
	managed := inventory.Infrastructure{
		ID: "flex", Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Placement: d.place(),
		HighAvailability: &inventory.HighAvailability{Mode: modes[d.Pick("mode", 0, 2)]},
	}
	own := inventory.Infrastructure{ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Placement: d.place(), Nodes: d.nodes(0, 2), PgPool: d.nodes(0, 2)}
	zk := inventory.Infrastructure{ID: "zk", Kind: inventory.KindZooKeeper, Placement: d.place(), Nodes: d.nodes(0, 4)}
	nas := inventory.Infrastructure{ID: "nas", Kind: inventory.KindStorage, Redundancy: reds[d.Pick("redundancy", 0, 4)], Placement: d.place()}
	lb := inventory.Infrastructure{ID: "lb", Kind: inventory.KindLoadBalancer, Placement: d.place()}
	if d.Pick("redundant", 0, 1) == 1 {
		lb.Redundant = &yes
	}
	influx := inventory.Infrastructure{ID: "ts", Kind: inventory.KindInfluxDB, Placement: d.place()}
	if d.Pick("enterprise", 0, 1) == 1 {
		influx.Edition = inventory.EditionEnterprise
		influx.Nodes = d.nodes(0, 4, "meta", "data")
		data := 0
		for _, n := range influx.Nodes {
			if n.Role == "data" {
				data++
			}
		}
		influx.ReplicationFactor = d.Pick("factor", 1, max(data, 1))
	} else {
		influx.Nodes = d.nodes(0, 1)
	}
	s.Infrastructure = []inventory.Infrastructure{managed, own, zk, nas, lb, influx}
	for i := range clusters {
		clustered := d.Pick("clustered", 0, 3) > 0
		c := inventory.Cluster{ID: fmt.Sprintf("c%d", i), ClusteredMode: &clustered}
		for _, k := range []inventory.ComponentKind{inventory.Foundation, inventory.ConnectionServer, inventory.LoadBalancerNode} {
			low := 0
			if k == inventory.Foundation {
				low = 1
			}
			if nodes := d.nodes(low, 3); len(nodes) > 0 || k == inventory.Foundation {
				c.Components = append(c.Components, inventory.Component{Kind: k, Nodes: nodes})
			}
		}
		switch d.Pick("ignite", 0, 2) {
		case 1:
			c.Components = append(c.Components, inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteEmbedded})
		case 2:
			c.Components = append(c.Components, inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteSeparate, Nodes: d.nodes(0, 2)})
		}
		for _, u := range []inventory.Use{
			{Infrastructure: "flex", As: inventory.AsDatabase},
			{Infrastructure: "pg", As: inventory.AsDatabase},
			{Infrastructure: "zk", As: inventory.AsZooKeeper},
			{Infrastructure: "nas", As: inventory.AsStorage},
			{Infrastructure: "lb", As: inventory.AsLoadBalancer},
			{Infrastructure: "ts", As: inventory.AsTimeseries},
		} {
			if d.Pick("uses "+u.Infrastructure, 0, 1) == 1 {
				c.Uses = append(c.Uses, u)
			}
		}
		s.Clusters = append(s.Clusters, c)
	}
	return s
}
