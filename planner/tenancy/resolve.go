package tenancy

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Resolve returns every infrastructure that a site of sites uses or lists, each with all the spellings and tenants among
// sites, in order of Shared.Infrastructure. Sites must be normalised; their order does not matter.
func Resolve(sites []*inventory.Site) []Shared {
	g := group(sites)
	out := make([]Shared, 0, len(g.members))
	for _, members := range g.members {
		out = append(out, g.shared(members))
	}
	slices.SortFunc(out, func(a, b Shared) int { return compare(a.Infrastructure, b.Infrastructure) })
	return out
}

// Of returns the infrastructures that a site lists, with all their tenants among the site and its neighbours.
func Of(site *inventory.Site, neighbours []*inventory.Site) []Shared {
	sites := make([]*inventory.Site, 0, 1+len(neighbours))
	sites = append(append(sites, site), neighbours...)
	g := group(sites)
	out := make([]Shared, 0, len(site.Infrastructure))
	for _, members := range g.members {
		for _, m := range members {
			if g.spellings[m].site == site {
				out = append(out, g.shared(members))
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b Shared) int { return compare(a.Infrastructure, b.Infrastructure) })
	return out
}

// Key is an infrastructure's identity in the relation: two infrastructures that have one key in common are one.
// It is a kind and an identity of inventory.Keys.
type Key string

// KeysOf returns the keys of one infrastructure of a site.
func KeysOf(site string, i *inventory.Infrastructure) []Key {
	ids := inventory.Keys(site, i)
	out := make([]Key, len(ids))
	for n, id := range ids {
		out[n] = Key(string(i.Kind) + " " + id)
	}
	return out
}

// Related reports the ids of the sites that know an infrastructure of this site, sorted, without the site itself. Two sites
// are also related when a third knows the infrastructure under the names of both. byKey answers which sites list a key,
// bySite returns a site's document.
func Related(site *inventory.Site, byKey func(Key) []string, bySite func(id string) (*inventory.Site, bool)) []string {
	known := map[Key]bool{}
	var open []Key
	add := func(keys []Key) {
		for _, k := range keys {
			if !known[k] {
				known[k] = true
				open = append(open, k)
			}
		}
	}
	for i := range site.Infrastructure {
		add(KeysOf(site.Site.ID, &site.Infrastructure[i]))
	}
	var out []string
	for len(open) > 0 {
		k := open[len(open)-1]
		open = open[:len(open)-1]
		for _, id := range byKey(k) {
			if id == site.Site.ID {
				continue
			}
			out = append(out, id)
			other, ok := bySite(id)
			if !ok {
				continue
			}
			for i := range other.Infrastructure {
				if keys := KeysOf(id, &other.Infrastructure[i]); slices.Contains(keys, k) {
					add(keys)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

type spelling struct {
	site  *inventory.Site
	infra *inventory.Infrastructure
	name  string // site/id
}

type grouping struct {
	spellings []spelling
	members   [][]int // indexes of the spellings of each infrastructure, sorted by name
}

// identity is a key of group before it is written as one text.
type identity struct {
	kind inventory.InfrastructureKind
	id   string
}

// group unites spellings that share a key (union by the lower name, so that the result is independent of input order).
func group(sites []*inventory.Site) grouping {
	n := 0
	for _, s := range sites {
		n += len(s.Infrastructure)
	}
	g := grouping{spellings: make([]spelling, 0, n)}
	for _, s := range sites {
		for i := range s.Infrastructure {
			g.spellings = append(g.spellings, spelling{s, &s.Infrastructure[i], s.Site.ID + "/" + s.Infrastructure[i].ID})
		}
	}
	slices.SortFunc(g.spellings, func(a, b spelling) int { return compare(a.name, b.name) })
	parent := make([]int, n)
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := make(map[identity]int)
	for i, sp := range g.spellings {
		// Keys are of one kind. Where a kind is listed once there is nothing to compare, and reading its addresses can be spared.
		if !slices.ContainsFunc(g.spellings, func(o spelling) bool { return o.infra != sp.infra && o.infra.Kind == sp.infra.Kind }) {
			continue
		}
		for _, id := range inventory.Keys(sp.site.Site.ID, sp.infra) {
			k := identity{sp.infra.Kind, id}
			j, seen := first[k]
			if !seen {
				first[k] = i
				continue
			}
			a, b := root(i), root(j)
			parent[max(a, b)] = min(a, b)
		}
	}
	size := make([]int, n)
	for i := range parent {
		size[root(i)]++
	}
	at, room := make([]int, n), make([]int, n)
	for i := range parent {
		r := root(i)
		if r == i {
			at[i] = len(g.members)
			g.members = append(g.members, room[:0:size[i]])
			room = room[size[i]:]
		}
		g.members[at[r]] = append(g.members[at[r]], i)
	}
	return g
}

func (g grouping) shared(members []int) Shared {
	head := g.spellings[members[0]]
	out := Shared{Infrastructure: head.name, Kind: string(head.infra.Kind), Tenants: []string{}, Regions: []string{}}
	for _, m := range members {
		sp := g.spellings[m]
		if m != members[0] {
			out.Aliases = append(out.Aliases, sp.name)
		}
		addRegion(&out.Regions, sp.infra.Placement.Region)
		for i := range sp.infra.Nodes {
			addRegion(&out.Regions, sp.infra.Nodes[i].Placement.Region)
		}
		for c := range sp.site.Clusters {
			cluster := &sp.site.Clusters[c]
			if !uses(cluster, sp.infra.ID) {
				continue
			}
			out.Tenants = append(out.Tenants, sp.site.Key(cluster))
			for _, n := range cluster.Nodes(inventory.Foundation) {
				addRegion(&out.Regions, n.Placement.Region)
			}
		}
	}
	slices.Sort(out.Tenants)
	out.Tenants = slices.Compact(out.Tenants)
	slices.Sort(out.Regions)
	return out
}

func uses(c *inventory.Cluster, infrastructure string) bool {
	return slices.ContainsFunc(c.Uses, func(u inventory.Use) bool { return u.Infrastructure == infrastructure })
}

func addRegion(regions *[]string, region string) {
	if region != "" && !slices.Contains(*regions, region) {
		*regions = append(*regions, region)
	}
}

// compare orders site/id names by site first, so that "a/x" comes before "a-b/x" as the order of sites demands.
func compare(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		default:
			return 1
		}
	}
	return len(a) - len(b)
}
