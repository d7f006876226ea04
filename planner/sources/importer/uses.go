package importer

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// uses joins clusters to the infrastructure that stands by itself: by tag, by what a load balancer's backends prove,
// then by the name of the resource or its group where only one candidate is left.
func (a *assembly) uses() {
	for _, i := range a.merged {
		r := &a.all[i]
		if n, ok := a.infraOf[r]; ok {
			a.useByTag(r, n)
		}
	}
	pools := a.pools()
	for _, i := range a.merged {
		r := &a.all[i]
		if n, ok := a.infraOf[r]; ok && r.Balancer != nil {
			a.useByBackend(r, n, pools)
		}
	}
	rivals := map[string][]*Resource{}
	for _, i := range a.merged {
		if r := &a.all[i]; a.stands(r) {
			rivals[a.rivalry(r)] = append(rivals[a.rivalry(r)], r)
		}
	}
	near := map[string][]*group{}
	for _, g := range a.order {
		for place := range g.places {
			near[place] = append(near[place], g)
		}
	}
	for _, i := range a.merged {
		r := &a.all[i]
		if n, ok := a.infraOf[r]; ok {
			a.useByHost(r, n)
		}
	}
	out := a.leftOut()
	for _, i := range a.merged {
		r := &a.all[i]
		n, ok := a.infraOf[r]
		switch {
		case !ok || a.used(n):
		case out[n]:
			a.unassigned(r, Unrelated, tagRemedy)
		default:
			a.useByName(r, n, near[a.place(r)], rivals[a.rivalry(r)])
		}
	}
	a.remove(out)
}

func (a *assembly) used(n int) bool {
	return a.inUse[a.site.Infrastructure[n].ID]
}

// pools lists the interfaces by the keys of everything that their pools are part of.
func (a *assembly) pools() map[string][]*Resource {
	out := map[string][]*Resource{}
	for _, i := range a.merged {
		nic := &a.all[i]
		if nic.Interface == nil {
			continue
		}
		for _, p := range nic.Interface.Pools {
			for at := range len(p) {
				if p[at] == '/' && at > 0 {
					out[p[:at]] = append(out[p[:at]], nic)
				}
			}
		}
	}
	return out
}

// stands reports whether the resource stands in the inventory by itself.
func (a *assembly) stands(r *Resource) bool {
	_, ok := a.infraOf[r]
	return ok
}

// rivalry is what resources that could be meant for each other have in common.
func (a *assembly) rivalry(r *Resource) string { return string(as(r)) + " " + a.place(r) }

func as(r *Resource) inventory.UseAs {
	switch {
	case r.Database != nil:
		return inventory.AsDatabase
	case r.Balancer != nil:
		return inventory.AsLoadBalancer
	default:
		return inventory.AsStorage
	}
}

func (a *assembly) useByTag(r *Resource, n int) {
	c := a.claim(r)
	if len(c.clusters) > 1 {
		shared := true
		a.site.Infrastructure[n].Shared = &shared
	}
	for _, id := range c.clusters {
		g := a.tagged(id, c.env, r)
		a.join(g, r, n, r.tagSource())
	}
}

// join links and fills what the resource tells about the use.
func (a *assembly) join(g *group, r *Resource, n int, source string) {
	before := len(g.cluster.Uses)
	a.link(g, n, as(r), source)
	if b := r.Balancer; b != nil && len(g.cluster.Uses) > before {
		use := &g.cluster.Uses[before]
		use.StickySessions = b.Sticky
		if len(b.HealthPaths) == 1 {
			use.HealthPath = b.HealthPaths[0]
		}
	}
}

func (a *assembly) useByBackend(r *Resource, n int, pools map[string][]*Resource) {
	behind := map[string]bool{}
	for _, key := range r.Balancer.Backends {
		behind[key] = true
		if nic := a.find(key, "interface"); nic != nil {
			behind[nic.Interface.Machine] = true
			nic.final = ClassUsed
		}
	}
	if r.Key != "" {
		for _, nic := range pools[r.Key] {
			behind[nic.Interface.Machine] = true
			nic.final = ClassUsed
		}
	}
	if len(behind) == 0 {
		return
	}
	for _, g := range a.order {
		for _, m := range g.members {
			if m.behind(behind) {
				a.join(g, r, n, r.Source)
				break
			}
		}
	}
}

// behind reports whether the machine is among the keys, by itself, its scale set or one of its interfaces, in a role
// that clients reach through a load balancer.
func (m *member) behind(keys map[string]bool) bool {
	if !slices.Contains(m.roles, roleFoundation) && !slices.Contains(m.roles, roleConnection) {
		return false
	}
	r := m.resource
	return r.Key != "" && keys[r.Key] || r.Machine.ScaleSet != "" && keys[r.Machine.ScaleSet] ||
		slices.ContainsFunc(r.Machine.Interfaces, func(k string) bool { return keys[k] })
}

func (a *assembly) useByName(r *Resource, n int, groups []*group, others []*Resource) {
	name, place := readName(r.Name), readName(r.Group)
	place.product = place.product || a.belongs(r)
	if site := r.Tag("site"); site != "" && Slug(site) != a.site.Site.ID {
		a.unassigned(r, "in the inventory, and tagged for site "+Quote(Slug(site)), "import it with --site "+Slug(site))
		return
	}
	env := name.env
	if env == "" {
		env = place.env
	}
	var near []*group
	for _, g := range groups {
		if env == "" || g.cluster.Environment == "" || g.cluster.Environment == env {
			near = append(near, g)
		}
	}
	remedy := "tag it meridian:cluster"
	switch {
	case !name.product && !place.product || len(near) == 0:
		a.unassigned(r, "in the inventory, but no cluster is known to use it", remedy)
	case len(near) > 1:
		a.unassigned(r, "in the inventory, but several clusters of its resource group could use it", remedy)
	case a.rivals(r, others, name.product || a.belongs(r)):
		a.unassigned(r, "in the inventory, but its resource group has several of its kind", remedy)
	default:
		a.join(near[0], r, n, r.Source+"-name")
	}
}

// rivals reports whether another infrastructure of the kind and group could be meant as well: one that carries
// ThingWorx's name or belongs to it otherwise, or any when this one does neither.
func (a *assembly) rivals(r *Resource, others []*Resource, product bool) bool {
	return slices.ContainsFunc(others, func(other *Resource) bool {
		return other != r && (readName(other.Name).product || a.belongs(other) || !product)
	})
}
