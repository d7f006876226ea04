package availability_test

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// brute evaluates the contract's definition word by word over all states of everything that can fail. It shares no code
// with the package and is of use for small systems only.
type brute struct {
	index map[string]int
	up    []float64
	p     policy.Availability
}

func newBrute(p policy.Availability) *brute { return &brute{index: map[string]int{}, p: p} }

func (b *brute) add(name string, up float64) int {
	at, ok := b.index[name]
	if !ok {
		at = len(b.up)
		b.index[name] = at
		b.up = append(b.up, up)
	}
	return at
}

// node returns the elements that must be up.
func (b *brute) node(s *inventory.Site, owner string, n *inventory.Node) []int {
	name := "machine " + s.Site.ID + "/" + n.Machine
	up := b.p.Machine
	if n.Machine == "" {
		name = "machine of " + s.Site.ID + "/" + owner + "/" + n.Name
		if n.Availability != nil {
			up = *n.Availability
		}
	} else if low, ok := lowest(s, n.Machine); ok {
		up = low
	}
	return append([]int{b.add(name, up)}, b.placed(n.Placement)...)
}

func lowest(s *inventory.Site, machine string) (float64, bool) {
	low, ok := 0.0, false
	see := func(nodes []inventory.Node) {
		for _, n := range nodes {
			if n.Machine == machine && n.Availability != nil && (!ok || *n.Availability < low) {
				low, ok = *n.Availability, true
			}
		}
	}
	for _, c := range s.Clusters {
		for _, comp := range c.Components {
			see(comp.Nodes)
		}
	}
	for _, f := range s.Infrastructure {
		see(f.Nodes)
		see(f.PgPool)
	}
	return low, ok
}

func (b *brute) placed(p inventory.Placement) []int {
	var out []int
	if p.Zone != "" {
		out = append(out, b.add(strings.Join([]string{"zone", p.Provider, p.Region, p.Zone}, " "), b.p.Zone))
	}
	if p.Region != "" {
		out = append(out, b.add(strings.Join([]string{"region", p.Provider, p.Region}, " "), b.p.Region))
	}
	return out
}

// alone returns the elements of an infrastructure without nodes.
func (b *brute) alone(s *inventory.Site, f *inventory.Infrastructure) []int {
	up, overZones := b.p.Machine, false
	switch {
	case f.Kind == inventory.KindDatabase && f.Engine.Managed():
		mode := inventory.HANone
		if f.HighAvailability != nil {
			mode = f.HighAvailability.Mode
		}
		up, overZones = b.p.Managed[f.Engine][mode], mode == inventory.HAZoneRedundant
	case f.Kind == inventory.KindLoadBalancer && f.Redundant != nil && *f.Redundant:
		up, overZones = b.p.Redundant, true
	case f.Kind == inventory.KindStorage && f.Redundancy != inventory.RedundancyNone && f.Redundancy != "":
		up, overZones = b.p.Redundant, f.Redundancy != inventory.RedundancyLocal
	}
	p := f.Placement
	if overZones {
		p.Zone = ""
	}
	return append([]int{b.add("infrastructure "+s.Site.ID+"/"+f.ID, up)}, b.placed(p)...)
}

type judge struct {
	terms map[string]func(state []bool) bool
	store func(state []bool) bool
}

func all(state []bool, elements []int) bool {
	for _, n := range elements {
		if !state[n] {
			return false
		}
	}
	return true
}

func upOf(units [][]int) func([]bool) int {
	return func(state []bool) int {
		n := 0
		for _, u := range units {
			if all(state, u) {
				n++
			}
		}
		return n
	}
}

// judge compiles the terms of a cluster by part.
func (b *brute) judge(s *inventory.Site, c *inventory.Cluster, need int) judge {
	j := judge{terms: map[string]func([]bool) bool{}, store: func([]bool) bool { return true }}
	and := func(part string, f func([]bool) bool) {
		if old := j.terms[part]; old != nil {
			j.terms[part] = func(st []bool) bool { return old(st) && f(st) }
		} else {
			j.terms[part] = f
		}
	}
	nodes := func(kind inventory.ComponentKind) [][]int {
		var out [][]int
		for _, n := range c.Nodes(kind) {
			out = append(out, b.node(s, c.ID, n))
		}
		return out
	}
	list := func(f *inventory.Infrastructure, of []inventory.Node) [][]int {
		var out [][]int
		for i := range of {
			out = append(out, b.node(s, f.ID, &of[i]))
		}
		return out
	}
	either := func(f *inventory.Infrastructure) [][]int {
		if len(f.Nodes) == 0 {
			return [][]int{b.alone(s, f)}
		}
		return list(f, f.Nodes)
	}
	one := func(part string, units [][]int) {
		if len(units) > 0 {
			n := upOf(units)
			and(part, func(st []bool) bool { return n(st) >= 1 })
		}
	}
	lbs := nodes(inventory.LoadBalancerNode)
	one("connection-server", nodes(inventory.ConnectionServer))
	foundation := upOf(nodes(inventory.Foundation))
	and("foundation", func(st []bool) bool { return foundation(st) >= need })
	for _, comp := range c.Components {
		if comp.Kind == inventory.Ignite && comp.Mode == inventory.IgniteSeparate {
			one("ignite", nodes(inventory.Ignite))
		}
	}
	for _, u := range c.Uses {
		f := s.Infra(u.Infrastructure)
		switch u.As {
		case inventory.AsLoadBalancer:
			lbs = append(lbs, either(f)...)
		case inventory.AsZooKeeper:
			units := either(f)
			if c.Clustered() {
				n := upOf(units)
				and("zookeeper", func(st []bool) bool { return 2*n(st) > len(units) })
			}
		case inventory.AsDatabase:
			one("database", either(f))
			if !f.Engine.Managed() {
				one("database", list(f, f.PgPool))
			}
		case inventory.AsStorage:
			one("storage", either(f))
		case inventory.AsTimeseries:
			if f.Edition != inventory.EditionEnterprise || len(f.Nodes) == 0 {
				n, total := upOf(either(f)), len(either(f))
				j.store = func(st []bool) bool { return n(st) == total }
				continue
			}
			var meta, data [][]int
			for i := range f.Nodes {
				if f.Nodes[i].Role == "meta" {
					meta = append(meta, b.node(s, f.ID, &f.Nodes[i]))
				} else {
					data = append(data, b.node(s, f.ID, &f.Nodes[i]))
				}
			}
			m, d := upOf(meta), upOf(data)
			j.store = func(st []bool) bool {
				return (len(meta) == 0 || 2*m(st) > len(meta)) && (len(data) == 0 || d(st) > len(data)-f.ReplicationFactor)
			}
		}
	}
	one("load-balancer", lbs)
	return j
}

func (j *judge) serving(st []bool, without string) bool {
	for part, term := range j.terms {
		if part != without && !term(st) {
			return false
		}
	}
	return true
}

// each calls f with every state and its chance.
func (b *brute) each(f func(state []bool, p float64)) {
	state := make([]bool, len(b.up))
	for bits := range 1 << len(b.up) {
		p := 1.0
		for i, up := range b.up {
			state[i] = bits>>i&1 == 1
			if state[i] {
				p *= up
			} else {
				p *= 1 - up
			}
		}
		if p > 0 {
			f(state, p)
		}
	}
}
