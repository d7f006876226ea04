package sizing

import (
	"math"
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Reserve is reverse sizing: how much more the cluster as it stands takes, and what breaks first.
type Reserve struct {
	// Known is false when the inventory gives no workload, no Foundation node or not the nodes' size.
	Known bool `json:"known"`
	// Size is the largest size whose Foundation machine the smallest node is; empty when it is smaller than Small.
	Size   Size `json:"size,omitempty"`
	Nodes  int  `json:"nodes"`  // Foundation nodes listed
	Usable int  `json:"usable"` // of these, without the spare node that PTC asks for in a cluster (N+1)

	Criteria    []Margin `json:"criteria,omitempty"`    // the one that breaks first comes first
	BreaksFirst string   `json:"breaksFirst,omitempty"` // its criterion
	// Factor is how many times the present load of everything fits, until the first criterion breaks; below 1 it does not fit now.
	Factor float64 `json:"factor,omitempty"`
	// Years until the first criterion breaks with the workload's growthPerYear; absent without growth, 0 when broken now.
	Years       *float64 `json:"years,omitempty"`
	Assumptions []string `json:"assumptions,omitempty"`
}

// Margin compares one criterion's load with what the cluster carries.
type Margin struct {
	Criterion string  `json:"criterion"` // things | wps | requests | connections
	Load      float64 `json:"load"`
	Capacity  float64 `json:"capacity"`
	// Factor is capacity over load; 0 capacity gives 0. A criterion without load is left out.
	Factor float64 `json:"factor"`
}

// Reverse tells how much more of its workload a cluster takes, from the size and number of the nodes it lists. It sees
// the cluster alone, like Cluster; ReverseInSite sees the database too.
func Reverse(c *inventory.Cluster, p *Pack) Reserve { return reverse(nil, c, p) }

// ReverseInSite is Reverse with the database and time-series store that the site lists for the cluster.
func ReverseInSite(s *inventory.Site, c *inventory.Cluster, p *Pack) Reserve { return reverse(s, c, p) }

// reverse takes each node of a size to carry that size's requests, and its writes as Foundation processes them; things do
// not divide over nodes, and writes to a relational database are bounded by that database's size.
func reverse(s *inventory.Site, c *inventory.Cluster, p *Pack) Reserve {
	var r Reserve
	nodes := c.Nodes(inventory.Foundation)
	r.Nodes = len(nodes)
	r.Usable = r.Nodes
	if c.Clustered() && r.Nodes > 1 {
		r.Usable--
		r.Assumptions = append(r.Assumptions, "one Foundation node is the spare of N+1 and carries no peak load")
	}
	cpu, memory, known := smallest(nodes)
	if !known || c.Workload == nil || len(c.Workload.Things)+len(c.Workload.Mashups) == 0 {
		return r
	}
	r.Known = true
	load, left := Measure(c.Workload)
	r.Assumptions = append(r.Assumptions, left...)
	t := target(s, c)
	class := p.fits(cpu, memory)
	var capacity [3]float64
	if class != nil {
		r.Size = class.Size
		nodes := float64(r.Usable)
		capacity = [3]float64{class.limit(0, true), nodes * class.limit(1, true), nodes * class.limit(2, true)}
	} else {
		r.Assumptions = append(r.Assumptions, "the smallest Foundation node is below the smallest size; nothing is promised of it")
	}
	if !t.InfluxDB {
		capacity[1] = min(capacity[1], p.databaseWrites(s, c, class, t, &r))
	}
	servers := len(c.Nodes(inventory.ConnectionServer))
	loads := [3]float64{float64(load.Things), load.WPS, load.Requests}
	for k, name := range criteria {
		r.margin(name, loads[k], capacity[k])
	}
	if servers > 0 {
		if c.Clustered() && servers > 1 {
			servers--
		}
		r.margin(CriterionConnections, float64(load.Things), float64(servers)*p.ConnectionServer.Things.Value)
	}
	r.Assumptions = append(r.Assumptions, p.assumptions(t)...)
	r.first(c.Workload.GrowthPerYear)
	return r
}

// smallest returns the least vCPU and memory of the nodes; false when a node's size is not known.
func smallest(nodes []*inventory.Node) (cpu, memory float64, known bool) {
	for i, n := range nodes {
		if !(n.CPU > 0) || !(n.MemoryGiB > 0) {
			return 0, 0, false
		}
		if i == 0 {
			cpu, memory = n.CPU, n.MemoryGiB
		}
		cpu, memory = min(cpu, n.CPU), min(memory, n.MemoryGiB)
	}
	return cpu, memory, len(nodes) > 0
}

// fits returns the largest size whose Foundation machine is no larger than the one given, or nil.
func (p *Pack) fits(cpu, memory float64) *Class {
	for i := len(p.Sizes) - 1; i >= 0; i-- {
		if m := p.Sizes[i].Foundation; m.CPU <= cpu && m.MemoryGiB <= memory {
			return &p.Sizes[i]
		}
	}
	return nil
}

// databaseWrites bounds the writes to a relational database by the largest size whose database machine it is. Where its
// size is not known it is taken to match the Foundation nodes.
func (p *Pack) databaseWrites(s *inventory.Site, c *inventory.Cluster, class *Class, t Target, r *Reserve) float64 {
	matching := 0.0
	if class != nil {
		matching = class.limit(1, false)
	}
	db := database(s, c)
	cpu, memory := 0.0, 0.0
	if db != nil {
		cpu, memory = db.CPU, db.MemoryGiB
		if skuCPU, skuMemory, ok := inventory.FlexibleCapacity(db.SKU); ok && t.Engine == inventory.EngineAzurePostgreSQLFlexible && !(cpu > 0 && memory > 0) {
			cpu, memory = skuCPU, skuMemory
		}
		if len(db.Nodes) > 0 {
			pointers := make([]*inventory.Node, len(db.Nodes))
			for i := range db.Nodes {
				pointers[i] = &db.Nodes[i]
			}
			if nodeCPU, nodeMemory, ok := smallest(pointers); ok {
				cpu, memory = nodeCPU, nodeMemory
			}
		}
	}
	if !(cpu > 0) || !(memory > 0) {
		r.Assumptions = append(r.Assumptions, "the size of the database is not known; it is taken to match the Foundation nodes")
		return matching
	}
	for i := len(p.Sizes) - 1; i >= 0; i-- {
		m := p.Sizes[i].Database
		if flexible := p.Sizes[i].Flexible; t.Engine == inventory.EngineAzurePostgreSQLFlexible && flexible.CPU > 0 {
			m = flexible
		}
		if m.CPU <= cpu && m.MemoryGiB <= memory {
			return p.Sizes[i].limit(1, false)
		}
	}
	r.Assumptions = append(r.Assumptions, "the database is below the smallest size; nothing is promised of it")
	return 0
}

// database returns the first database the cluster uses, or nil.
func database(s *inventory.Site, c *inventory.Cluster) *inventory.Infrastructure {
	if s == nil {
		return nil
	}
	for i := range c.Uses {
		if c.Uses[i].As == inventory.AsDatabase {
			return s.Infra(c.Uses[i].Infrastructure)
		}
	}
	return nil
}

func (r *Reserve) margin(criterion string, load, capacity float64) {
	if load > 0 {
		r.Criteria = append(r.Criteria, Margin{criterion, load, capacity, capacity / load})
	}
}

// first ranks the criteria and dates the first break at a yearly growth.
func (r *Reserve) first(growth float64) {
	if len(r.Criteria) == 0 {
		return
	}
	slices.SortStableFunc(r.Criteria, func(a, b Margin) int {
		switch {
		case a.Factor < b.Factor:
			return -1
		case a.Factor > b.Factor:
			return 1
		}
		return 0
	})
	r.BreaksFirst, r.Factor = r.Criteria[0].Criterion, r.Criteria[0].Factor
	switch {
	case r.Factor < 1:
		r.Years = new(float64)
	case growth > 0:
		years := math.Log(r.Factor) / math.Log1p(growth)
		r.Years = &years
	}
}
