package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// chances are low enough for failures of several things to weigh in the result.
func chances() policy.Availability {
	return policy.Availability{Machine: 0.99, Zone: 0.995, Region: 0.999, Redundant: 0.999}.WithDefaults()
}

// wide is one clustered ThingWorx with nodes nodes on machines machines in zones zones, none for 0: the parts share the
// machines in a pattern that makes every part depend on every zone, and many machines carry two parts.
func wide(nodes, machines, zones int) *inventory.Site {
	yes := true
	at := 0
	some := func(name string, n int) []inventory.Node {
		out := make([]inventory.Node, n)
		for i := range out {
			m := at * 7 % machines
			at++
			out[i] = inventory.Node{Name: fmt.Sprintf("%s-%d", name, i), Machine: fmt.Sprintf("vm-%d", m)}
			if zones > 0 {
				out[i].Placement = inventory.Placement{Provider: "azure", Region: "westeurope", Zone: fmt.Sprint(m%zones + 1)}
			}
		}
		return out
	}
	zk, db, pool, ignite := 5, 3, 2, 2
	if nodes < 20 {
		zk, db, pool, ignite = 3, 1, 0, 0
	}
	rest := nodes - zk - db - pool - ignite
	c := inventory.Cluster{
		ID: "prod", ClusteredMode: &yes,
		Components: []inventory.Component{
			{Kind: inventory.Foundation, Nodes: some("twx", (rest+1)/2)},
			{Kind: inventory.ConnectionServer, Nodes: some("cx", rest/2)},
			{Kind: inventory.Ignite, Mode: inventory.IgniteEmbedded},
		},
		Uses: []inventory.Use{{Infrastructure: "zk", As: inventory.AsZooKeeper}, {Infrastructure: "pg", As: inventory.AsDatabase}},
	}
	if ignite > 0 {
		c.Components[2] = inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteSeparate, Nodes: some("ignite", ignite)}
	}
	s := &inventory.Site{Site: inventory.Identity{ID: "wide"}, Infrastructure: []inventory.Infrastructure{
		{ID: "zk", Kind: inventory.KindZooKeeper, Nodes: some("zk", zk)},
		{ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Nodes: some("pg", db), PgPool: some("pgpool", pool)},
	}}
	if zones > 0 {
		place := inventory.Placement{Provider: "azure", Region: "westeurope", Zone: "1"}
		s.Infrastructure = append(s.Infrastructure,
			inventory.Infrastructure{ID: "nas", Kind: inventory.KindStorage, Redundancy: inventory.RedundancyZone, Placement: place},
			inventory.Infrastructure{ID: "lb", Kind: inventory.KindLoadBalancer, Redundant: &yes, Placement: place})
		c.Uses = append(c.Uses, inventory.Use{Infrastructure: "nas", As: inventory.AsStorage}, inventory.Use{Infrastructure: "lb", As: inventory.AsLoadBalancer})
	}
	s.Clusters = []inventory.Cluster{c}
	return s
}

// need is how many Foundation nodes the peak takes in a cluster of so many nodes.
func need(nodes int) int { return max(1, nodes/15) }

// brute is the chance of serving by looking at every combination of elements up and down.
func brute(sys *availability.System) float64 {
	st := sys.Whole()
	var sum, carry float64 // summed with compensation, so that the many small terms are not lost
	var each func(element int, chance float64)
	each = func(element int, chance float64) {
		if element == len(sys.Elements) {
			if serving, _ := sys.Judge(st, 0); serving {
				y := chance - carry
				t := sum + y
				carry = t - sum - y
				sum = t
			}
			return
		}
		up := sys.Elements[element].Up
		each(element+1, chance*up)
		st.Elements[element] = true
		each(element+1, chance*(1-up))
		st.Elements[element] = false
	}
	each(0, 1)
	return sum
}

func compile(s *inventory.Site, need int) *availability.System {
	return availability.Compile([]availability.Tenant{{Site: s, Cluster: &s.Clusters[0], Need: need}}, chances())
}

// availabilityOfMany is B11.
func availabilityOfMany(ctx context.Context, c config) ([]Figure, error) {
	const limit, tolerance = 10e6, 1e-12
	large := wide(60, 40, 5)
	elements := len(compile(large, need(60)).Elements)
	// Brute force follows as far as the machines of a run without zones, and its time doubles with every further element.
	follow := c.size(20, 12)
	small := wide(follow*3/2, follow, 0)
	sys := compile(small, need(follow))
	if len(sys.Elements) != follow {
		return nil, fmt.Errorf("the small cluster has %d elements and should have %d", len(sys.Elements), follow)
	}
	var exact, counted float64
	r, err := measure(ctx, c, func() int {
		exact = availability.Cluster(large, &large.Clusters[0], need(60), chances()).Serving
		return 1
	}, func() int {
		counted = brute(sys)
		return 1
	})
	if err != nil {
		return nil, err
	}
	measured := median(r.raw)
	for i := range r.raw {
		r.raw[i] *= math.Pow(2, float64(elements-follow))
	}
	worst := math.Abs(availability.Cluster(small, &small.Clusters[0], need(follow), chances()).Serving - counted)
	zoned := wide(12, 8, 3)
	other := math.Abs(availability.Cluster(zoned, &zoned.Clusters[0], need(12), chances()).Serving - brute(compile(zoned, need(12))))
	drawn := layout{Rand: rand.New(rand.NewPCG(c.seed, 0)), nodes: 12, machines: 5, zones: 3, clusters: 1, stray: 0.5}
	few, among := c.size(50, 3), 0.0
	for range few {
		t := drawn.tenants()
		among = max(among, math.Abs(availability.Cluster(t[0].Site, t[0].Cluster, t[0].Need, chances()).Serving-brute(availability.Compile(t, chances()))))
	}
	f := compared(Figure{
		ID: "B11", Figure: "availability of 60 nodes on 40 machines in 5 zones",
		Ours: Side{Does: "availability.Cluster: serving, full and the contributions of all parts, from the inventory"},
		Raw:  Side{Does: fmt.Sprintf("serving alone, by every combination of %d machines without zones (%s), extrapolated to the %d elements of the large cluster: twice the time for each", follow, duration(measured), elements)},
	}, r, true)
	met := f.Ours.Nano < limit && max(worst, other, among) <= tolerance && exact > 0
	f.Target, f.Met = "< 10 ms, error ≤ 1e-12", &met
	f.Notes = []string{fmt.Sprintf("error against brute force: %.1e for %d machines, %.1e for 8 machines in 3 zones of a region, %.1e among %d drawn layouts of 12 nodes", worst, follow, other, among, few)}
	more, err := randomLayouts(ctx, c)
	return append([]Figure{f}, more...), err
}
