package simulate

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// target is one thing that can fail, with what fails by it.
type target struct {
	Failure
	elements []int32
	units    []int32 // that fail by themselves, not by an element
	down     []int32 // all units down by it, sorted
	alias    bool    // another name of something listed already; a sweep leaves it out
}

// Model answers what-if questions about a fixed set of clusters. It is read-only once made and may be used concurrently.
type Model struct {
	sys     *availability.System
	targets []target // sorted by kind and id
	byName  map[Failure]int32

	byOwn     [][]int32 // units by element
	unitUsers [][]int32 // clusters that list a unit, needed or not
	unitIn    [][]int32 // groups by unit
	groupUses [][]int32 // clusters that need a group to serve
}

// New compiles clusters into a model. Need of a tenant is the number of Foundation nodes its peak takes. Sites must be
// normalised; everything that they list can fail, whether or not a cluster depends on it.
func New(tenants []availability.Tenant, p policy.Availability) *Model {
	m := &Model{sys: availability.Compile(tenants, p), byName: make(map[Failure]int32)}
	m.reverse()
	m.elements()
	m.infrastructures()
	m.nodes()
	var last *inventory.Site
	seen := make(map[*inventory.Site]bool)
	for i := range tenants {
		if s := tenants[i].Site; s != last && !seen[s] {
			last, seen[s] = s, true
			m.listed(s)
		}
	}
	m.sites(seen)
	m.finish()
	return m
}

// Clusters returns the keys of the clusters in the order of a report.
func (m *Model) Clusters() []string {
	out := make([]string, len(m.sys.Clusters))
	for i := range m.sys.Clusters {
		out[i] = m.sys.Clusters[i].ID()
	}
	return out
}

// Failures lists everything of a kind that can fail, sorted.
func (m *Model) Failures(k Kind) []Failure {
	var out []Failure
	for i := range m.targets {
		if m.targets[i].Kind == k {
			out = append(out, m.targets[i].Failure)
		}
	}
	return out
}

// reverse builds the indexes from elements to units to groups to clusters.
func (m *Model) reverse() {
	s := m.sys
	m.byOwn = make([][]int32, len(s.Elements))
	m.unitUsers = make([][]int32, len(s.Units))
	m.unitIn = make([][]int32, len(s.Units))
	m.groupUses = make([][]int32, len(s.Groups))
	for u := range s.Units {
		for _, e := range [3]int32{s.Units[u].Own, s.Units[u].Zone, s.Units[u].Region} {
			if e >= 0 {
				m.byOwn[e] = append(m.byOwn[e], int32(u))
			}
		}
	}
	for g := range s.Groups {
		for _, u := range s.Groups[g].Units {
			m.unitIn[u] = append(m.unitIn[u], int32(g))
		}
	}
	for c := range s.Clusters {
		st := &s.Clusters[c]
		use := func(units []int32) {
			for _, u := range units {
				if n := len(m.unitUsers[u]); n == 0 || m.unitUsers[u][n-1] != int32(c) {
					m.unitUsers[u] = append(m.unitUsers[u], int32(c))
				}
			}
		}
		for _, g := range st.Serving {
			m.groupUses[g] = append(m.groupUses[g], int32(c))
			use(s.Groups[g].Units)
		}
		for _, g := range st.Extra {
			use(s.Groups[g].Units)
		}
		use(st.Idle)
	}
}

// add names a target and returns it; a name that exists is returned as it is.
func (m *Model) add(k Kind, id string) *target {
	f := Failure{k, id}
	at, ok := m.byName[f]
	if !ok {
		at = int32(len(m.targets))
		m.byName[f] = at
		m.targets = append(m.targets, target{Failure: f})
	}
	return &m.targets[at]
}

func (m *Model) elements() {
	for i := range m.sys.Elements {
		e := &m.sys.Elements[i]
		var t *target
		switch {
		case e.Kind == availability.Region:
			t = m.add(Region, e.A+"/"+e.B)
		case e.Kind == availability.Zone:
			t = m.add(Zone, e.A+"/"+e.B+"/"+e.C)
		case e.Kind == availability.Machine && e.B != "":
			t = m.add(Machine, e.A+"/"+e.B)
		default:
			continue
		}
		t.elements = append(t.elements, int32(i))
	}
	for other, name := range m.sys.Machines {
		if same, ok := m.byName[Failure{Machine, name[0] + "/" + name[1]}]; ok {
			elements := m.targets[same].elements
			if t := m.add(Machine, other[0]+"/"+other[1]); len(t.elements) == 0 {
				t.elements, t.alias = elements, true
			}
		}
	}
}

func (m *Model) infrastructures() {
	for i := range m.sys.Infras {
		f := &m.sys.Infras[i]
		t := m.add(Infrastructure, f.Site+"/"+f.ID)
		t.units = f.Units
		for _, a := range f.Aliases {
			t := m.add(Infrastructure, a[0]+"/"+a[1])
			t.units, t.alias = f.Units, true
		}
	}
}

// nodes names every node. Nodes of one name in one cluster or infrastructure fail together, since nothing tells them apart.
func (m *Model) nodes() {
	for i := range m.sys.Units {
		if u := &m.sys.Units[i]; u.Node != "" {
			t := m.add(Node, u.Site+"/"+u.Owner+"/"+u.Node)
			t.units = append(t.units, int32(i))
		}
	}
	for i := range m.sys.Infras {
		f := &m.sys.Infras[i]
		for _, a := range f.Aliases {
			for _, u := range f.Units {
				if name := m.sys.Units[u].Node; name != "" {
					t := m.add(Node, a[0]+"/"+a[1]+"/"+name)
					t.units, t.alias = append(t.units, u), true
				}
			}
		}
	}
}

// listed names what a site lists and no cluster depends on: its failure is known and changes nothing.
func (m *Model) listed(s *inventory.Site) {
	place := func(p inventory.Placement) {
		if p.Region != "" {
			m.add(Region, p.Provider+"/"+p.Region)
		}
		if p.Zone != "" {
			m.add(Zone, p.Provider+"/"+p.Region+"/"+p.Zone)
		}
	}
	nodes := func(owner string, nodes []inventory.Node) {
		for i := range nodes {
			n := &nodes[i]
			if n.Name != "" {
				m.add(Node, s.Site.ID+"/"+owner+"/"+n.Name)
			}
			if n.Machine != "" {
				m.add(Machine, s.Site.ID+"/"+n.Machine)
			}
			place(n.Placement)
		}
	}
	for i := range s.Clusters {
		for j := range s.Clusters[i].Components {
			nodes(s.Clusters[i].ID, s.Clusters[i].Components[j].Nodes)
		}
	}
	for i := range s.Infrastructure {
		f := &s.Infrastructure[i]
		m.add(Infrastructure, s.Site.ID+"/"+f.ID)
		place(f.Placement)
		nodes(f.ID, f.Nodes)
		nodes(f.ID, f.PgPool)
	}
}

// sites adds the loss of each site: its clusters' nodes with their machines, and the infrastructures that stand there. An
// infrastructure that one site alone lists stands there. One that several list stands at each of them whose clusters run
// in one of its regions, or wherever either is not known, so that a loss is rather told too great than too small.
func (m *Model) sites(all map[*inventory.Site]bool) {
	ids := make(map[string]bool, len(all))
	for s := range all {
		ids[s.Site.ID] = true
		m.add(Site, s.Site.ID)
	}
	own := make(map[string][]int32, len(ids))
	regions := make(map[string]map[int32]bool, len(ids))
	for u := range m.sys.Units {
		unit := &m.sys.Units[u]
		if unit.Infrastructure {
			continue
		}
		own[unit.Site] = append(own[unit.Site], int32(u))
		if unit.Region >= 0 {
			if regions[unit.Site] == nil {
				regions[unit.Site] = make(map[int32]bool)
			}
			regions[unit.Site][unit.Region] = true
		}
	}
	for i := range m.sys.Infras {
		f := &m.sys.Infras[i]
		at := []string{f.Site}
		for _, a := range f.Aliases {
			if !slices.Contains(at, a[0]) {
				at = append(at, a[0])
			}
		}
		for _, site := range at {
			if len(at) == 1 || m.stands(f, regions[site]) {
				own[site] = append(own[site], f.Units...)
			}
		}
	}
	for id, units := range own {
		t := m.add(Site, id)
		t.units = units
		for _, u := range units {
			if e := &m.sys.Elements[m.sys.Units[u].Own]; e.Kind == availability.Machine {
				t.elements = append(t.elements, m.sys.Units[u].Own)
			}
		}
	}
}

func (m *Model) stands(f *availability.Infra, regions map[int32]bool) bool {
	known := false
	for _, u := range f.Units {
		if r := m.sys.Units[u].Region; r >= 0 {
			known = true
			if regions[r] {
				return true
			}
		}
	}
	return !known || len(regions) == 0
}

// finish sorts the targets and works out the units each takes down.
func (m *Model) finish() {
	slices.SortFunc(m.targets, func(a, b target) int {
		if a.Kind != b.Kind {
			return rank(a.Kind) - rank(b.Kind)
		}
		return compare(a.ID, b.ID)
	})
	for i := range m.targets {
		t := &m.targets[i]
		m.byName[t.Failure] = int32(i)
		t.down = append(t.down, t.units...)
		for _, e := range t.elements {
			t.down = append(t.down, m.byOwn[e]...)
		}
		slices.Sort(t.down)
		t.down = slices.Compact(t.down)
	}
}

func rank(k Kind) int { return slices.Index(Kinds(), k) }

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
