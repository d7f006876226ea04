package availability

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// Compile turns clusters into one System, in the order given. Infrastructures of several sites that share a key of
// inventory.Keys become one, with the facts of the spelling that lists the most. Sites must be normalised.
func Compile(tenants []Tenant, p policy.Availability) *System {
	b := builder{chances: filled(p)}
	b.reserve(tenants)
	if len(tenants) > 1 {
		b.identify(tenants)
	}
	for i := range tenants {
		b.cluster(&tenants[i])
	}
	var given map[int32]float64
	for i := range tenants {
		if i == 0 || tenants[i].Site != tenants[i-1].Site {
			given = b.overrides(tenants[i].Site, given)
		}
	}
	return &b.System
}

// linear is the number of elements up to which searching them beats a map.
const linear = 48

type elementKey struct {
	kind    ElementKind
	a, b, c string
}

// record is an infrastructure while it is compiled.
type record struct {
	infra *inventory.Infrastructure // the spelling whose facts are used
	site  string
	at    int32 // index into System.Infras; -1 while no cluster uses it
	// role is the use the groups were made for; groups is the first of them and count their number.
	role          inventory.UseAs
	groups, count int32
	aliases       [][2]string // the other spellings, site and id
	unknown       []string    // facts missing about it
	assumed       []string
}

type builder struct {
	System
	chances policy.Availability

	byKey   map[elementKey]int32
	records []record
	byInfra map[*inventory.Infrastructure]int32 // nil for one tenant
	used    []int32                             // record of each use of the cluster at hand, -1 when not listed
	pool    []int32                             // backing of the groups' units
	last    [2]struct {                         // the place of the node before, by region and zone
		key elementKey
		at  int32
	}
}

// reserve allocates what the first tenant is likely to need; more tenants grow it.
func (b *builder) reserve(tenants []Tenant) {
	n := 8
	for i := range tenants {
		for j := range tenants[i].Cluster.Components {
			n += len(tenants[i].Cluster.Components[j].Nodes)
		}
		if i == 0 {
			for j := range tenants[i].Site.Infrastructure {
				f := &tenants[i].Site.Infrastructure[j]
				n += 1 + len(f.Nodes) + len(f.PgPool)
			}
		}
	}
	b.Elements = make([]Element, 0, n+4)
	b.Units = make([]Unit, 0, n)
	b.Groups = make([]Group, 0, 8*len(tenants)+4)
	b.Clusters = make([]Structure, 0, len(tenants))
	b.pool = make([]int32, 0, n+16*len(tenants))
	if len(tenants) == 1 {
		uses := len(tenants[0].Cluster.Uses)
		b.records = make([]record, 0, uses)
		b.Infras = make([]Infra, 0, uses)
		b.used = make([]int32, 0, uses)
	}
}

// lookup finds an element by name; -1 when there is none.
func (b *builder) lookup(kind ElementKind, first, second, third string) int32 {
	if b.byKey != nil {
		if at, ok := b.byKey[elementKey{kind, first, second, third}]; ok {
			return at
		}
		return -1
	}
	for i := range b.Elements {
		if e := &b.Elements[i]; e.Kind == kind && e.B == second && e.C == third && e.A == first {
			return int32(i)
		}
	}
	return -1
}

// element interns a region, a zone or a named machine.
func (b *builder) element(kind ElementKind, first, second, third string, up float64) int32 {
	if at := b.lookup(kind, first, second, third); at >= 0 {
		return at
	}
	at := b.fresh(kind, first, second, third, up)
	switch {
	case b.byKey != nil:
		b.byKey[elementKey{kind, first, second, third}] = at
	case len(b.Elements) > linear:
		b.byKey = make(map[elementKey]int32, 4*linear)
		for i := range b.Elements {
			if e := &b.Elements[i]; e.named() {
				b.byKey[elementKey{e.Kind, e.A, e.B, e.C}] = int32(i)
			}
		}
	}
	return at
}

// named reports whether other units can refer to the element.
func (e *Element) named() bool { return e.Kind != Chance && (e.Kind != Machine || e.B != "") }

// fresh adds an element that nothing else names.
func (b *builder) fresh(kind ElementKind, first, second, third string, up float64) int32 {
	b.Elements = append(b.Elements, Element{Kind: kind, Up: up, A: first, B: second, C: third})
	return int32(len(b.Elements) - 1)
}

// place interns the zone and region of a placement. Without a region or a zone there is none that could fail.
func (b *builder) place(p *inventory.Placement) (zone, region int32) {
	zone, region = -1, -1
	if p.Region != "" {
		k := elementKey{Region, p.Provider, p.Region, ""}
		if l := &b.last[0]; l.key == k {
			region = l.at
		} else {
			region = b.element(Region, p.Provider, p.Region, "", b.chances.Region)
			l.key, l.at = k, region
		}
	}
	if p.Zone != "" {
		k := elementKey{Zone, p.Provider, p.Region, p.Zone}
		if l := &b.last[1]; l.key == k {
			zone = l.at
		} else {
			zone = b.element(Zone, p.Provider, p.Region, p.Zone, b.chances.Zone)
			l.key, l.at = k, zone
		}
	}
	return zone, region
}

// node adds a unit for a node.
func (b *builder) node(site, owner string, infra bool, n *inventory.Node) int32 {
	u := Unit{Site: site, Owner: owner, Node: n.Name, Infrastructure: infra}
	if n.Machine == "" {
		up := b.chances.Machine
		if n.Availability != nil {
			up = chance(*n.Availability)
		}
		u.Own = b.fresh(Machine, site, "", "", up)
	} else {
		at := b.machine(site, n.Machine)
		u.Own = b.element(Machine, at[0], at[1], "", b.chances.Machine)
	}
	u.Zone, u.Region = b.place(&n.Placement)
	b.Units = append(b.Units, u)
	return int32(len(b.Units) - 1)
}

// machine returns the name under which a machine is compiled.
func (b *builder) machine(site, name string) [2]string {
	at := [2]string{site, name}
	if other, ok := b.Machines[at]; ok {
		return other
	}
	return at
}

// begin and end delimit the units of one group in the pool.
func (b *builder) begin() int { return len(b.pool) }

func (b *builder) end(from int) []int32 { return slices.Clip(b.pool[from:]) }

func (b *builder) group(part Part, need int, units []int32, what string) int32 {
	b.Groups = append(b.Groups, Group{Part: part, Need: need, Units: units, What: what})
	return int32(len(b.Groups) - 1)
}

// cluster compiles one cluster.
func (b *builder) cluster(t *Tenant) {
	c := t.Cluster
	s := Structure{Site: t.Site.Site.ID, Cluster: c.ID, Serving: make([]int32, 0, 10), Infra: make([]int32, 0, len(c.Uses))}
	b.used = b.used[:0]
	for i := range c.Uses {
		r := b.record(t.Site, c.Uses[i].Infrastructure)
		if r < 0 {
			s.Unknown = append(s.Unknown, "infrastructure "+c.Uses[i].Infrastructure+" is used and not listed; "+takenUp)
		}
		b.used = append(b.used, r)
	}
	b.balancers(t, &s)
	b.alike(t, &s, inventory.ConnectionServer, ConnectionServer, 1)
	b.alike(t, &s, inventory.Foundation, Foundation, max(t.Need, 1))
	coordinated := b.uses(t, &s, inventory.AsZooKeeper)
	switch {
	case c.ClusteredMode == nil:
		s.Unknown = append(s.Unknown, "clusteredMode is not given; "+takenOff)
	case *c.ClusteredMode && !coordinated:
		s.Unknown = append(s.Unknown, "clustered mode is on and no zookeeper is listed; "+takenUp)
	}
	b.ignite(t, &s)
	if !b.uses(t, &s, inventory.AsDatabase) {
		s.Unknown = append(s.Unknown, "no database is listed; "+takenUp)
	}
	b.uses(t, &s, inventory.AsStorage)
	b.uses(t, &s, inventory.AsTimeseries)
	b.Clusters = append(b.Clusters, s)
}

// alike adds the group of one kind of node. No Foundation node at all leaves a group that nothing satisfies; of the
// other kinds none listed means none needed.
func (b *builder) alike(t *Tenant, s *Structure, kind inventory.ComponentKind, part Part, need int) {
	from, listed := b.begin(), false
	for i := range t.Cluster.Components {
		comp := &t.Cluster.Components[i]
		if comp.Kind != kind {
			continue
		}
		listed = true
		for j := range comp.Nodes {
			b.pool = append(b.pool, b.node(s.Site, s.Cluster, false, &comp.Nodes[j]))
		}
	}
	units := b.end(from)
	switch {
	case kind == inventory.Foundation:
		s.Known = len(units) > 0
		if !s.Known {
			s.Unknown = append(s.Unknown, "no foundation node is listed")
		} else if len(units) < need {
			s.Assumptions = append(s.Assumptions, "the peak takes more foundation nodes than are listed, so the cluster never serves it")
		}
	case len(units) == 0:
		if listed {
			s.Unknown = append(s.Unknown, string(kind)+" is listed without nodes; "+takenUp)
		}
		return
	}
	s.Serving = append(s.Serving, b.group(part, need, units, string(kind)))
}

// balancers adds the one group of all load balancers, nodes and infrastructures alike.
func (b *builder) balancers(t *Tenant, s *Structure) {
	listed, own, used, only := false, 0, 0, int32(-1)
	for i := range t.Cluster.Components {
		if comp := &t.Cluster.Components[i]; comp.Kind == inventory.LoadBalancerNode {
			listed = true
			own += len(comp.Nodes)
		}
	}
	for i, r := range b.used {
		if r >= 0 && t.Cluster.Uses[i].As == inventory.AsLoadBalancer {
			b.infra(r, inventory.AsLoadBalancer, s)
			used++
			only = r
		}
	}
	switch {
	case own == 0 && used == 1:
		s.Serving = append(s.Serving, b.records[only].groups)
		return
	case own == 0 && used == 0:
		if listed {
			s.Unknown = append(s.Unknown, "load-balancer is listed without nodes; "+takenUp)
		}
		return
	}
	from := b.begin()
	for i := range t.Cluster.Components {
		if comp := &t.Cluster.Components[i]; comp.Kind == inventory.LoadBalancerNode {
			for j := range comp.Nodes {
				b.pool = append(b.pool, b.node(s.Site, s.Cluster, false, &comp.Nodes[j]))
			}
		}
	}
	for i, r := range b.used {
		if r < 0 || t.Cluster.Uses[i].As != inventory.AsLoadBalancer {
			continue
		}
		for _, unit := range b.Groups[b.records[r].groups].Units {
			if !slices.Contains(b.pool[from:], unit) {
				b.pool = append(b.pool, unit)
			}
		}
	}
	s.Serving = append(s.Serving, b.group(LoadBalancer, 1, b.end(from), "load-balancer"))
}

// ignite adds the separate Ignite nodes, of which one must be up. Embedded Ignite shares Foundation's fate.
func (b *builder) ignite(t *Tenant, s *Structure) {
	separate := false
	for i := range t.Cluster.Components {
		comp := &t.Cluster.Components[i]
		if comp.Kind != inventory.Ignite {
			continue
		}
		if comp.Mode == inventory.IgniteEmbedded || comp.Mode == "" && len(comp.Nodes) == 0 {
			return
		}
		separate = true
	}
	if separate {
		b.alike(t, s, inventory.Ignite, Ignite, 1)
	}
}

// uses adds the groups of every infrastructure used in a role, and tells whether there is one.
func (b *builder) uses(t *Tenant, s *Structure, role inventory.UseAs) bool {
	listed := false
	for i := range t.Cluster.Uses {
		if t.Cluster.Uses[i].As != role {
			continue
		}
		listed = true
		r := b.used[i]
		if r < 0 {
			continue
		}
		b.infra(r, role, s)
		rec := &b.records[r]
		for g := rec.groups; g < rec.groups+rec.count; g++ {
			switch {
			case role == inventory.AsZooKeeper && !t.Cluster.Clustered():
				s.Idle = append(s.Idle, b.Groups[g].Units...)
			case role == inventory.AsTimeseries:
				if !slices.Contains(s.Extra, g) {
					s.Extra = append(s.Extra, g)
				}
			case !slices.Contains(s.Serving, g):
				s.Serving = append(s.Serving, g)
			}
		}
	}
	return listed
}

// overrides applies the chances that a site's nodes give for their machines. Nodes of one machine that differ leave the
// lowest.
func (b *builder) overrides(s *inventory.Site, given map[int32]float64) map[int32]float64 {
	each := func(nodes []inventory.Node) {
		for i := range nodes {
			n := &nodes[i]
			if n.Availability == nil || n.Machine == "" {
				continue
			}
			at := b.machine(s.Site.ID, n.Machine)
			m := b.lookup(Machine, at[0], at[1], "")
			if m < 0 {
				continue
			}
			up := chance(*n.Availability)
			if had, ok := given[m]; ok && had != up {
				b.contradicted(m)
				up = min(up, had)
			}
			if given == nil {
				given = make(map[int32]float64)
			}
			given[m] = up
			b.Elements[m].Up = up
		}
	}
	for i := range s.Clusters {
		for j := range s.Clusters[i].Components {
			each(s.Clusters[i].Components[j].Nodes)
		}
	}
	for i := range s.Infrastructure {
		each(s.Infrastructure[i].Nodes)
		each(s.Infrastructure[i].PgPool)
	}
	return given
}

// contradicted notes on every cluster with a node on the machine that its nodes give different chances.
func (b *builder) contradicted(m int32) {
	note := "nodes of machine " + b.Elements[m].B + " give different availabilities; the lowest is taken"
	for i := range b.Clusters {
		s := &b.Clusters[i]
		if b.touches(s, m) && !slices.Contains(s.Assumptions, note) {
			s.Assumptions = append(s.Assumptions, note)
		}
	}
}

// touches reports whether a unit of the cluster runs on the machine.
func (b *builder) touches(s *Structure, m int32) bool {
	for _, groups := range [2][]int32{s.Serving, s.Extra} {
		for _, g := range groups {
			for _, u := range b.Groups[g].Units {
				if b.Units[u].Own == m {
					return true
				}
			}
		}
	}
	return false
}

// chance keeps what a document gives within 0..1.
func chance(p float64) float64 {
	if !(p > 0) {
		return 0
	}
	return min(p, 1)
}

// filled applies the policy's defaults where a chance is missing. A policy that gives all single chances is left as it is,
// since copying its maps costs more than many a cluster; managed looks the missing ones up.
func filled(p policy.Availability) policy.Availability {
	if p.Machine == 0 || p.Zone == 0 || p.Region == 0 || p.Redundant == 0 {
		p = p.WithDefaults()
	}
	p.Machine, p.Zone, p.Region, p.Redundant = chance(p.Machine), chance(p.Zone), chance(p.Region), chance(p.Redundant)
	return p
}

// managed returns the chance of a managed database, 0 when neither the policy nor its defaults know it.
func (b *builder) managed(e inventory.Engine, m inventory.HAMode) float64 {
	if up := b.chances.Managed[e][m]; up != 0 {
		return chance(up)
	}
	return chance(b.chances.WithDefaults().Managed[e][m])
}
