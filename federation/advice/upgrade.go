package advice

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Upgrade brings a hub and its spokes to one version, in waves after each of which no spoke is apart from its hub that was not before.
// PTC supports federation between equal versions only.
type Upgrade struct {
	Hub     string   `json:"hub"` // site
	Target  string   `json:"target"`
	Why     string   `json:"why"`
	Waves   []Wave   `json:"waves"`
	Blocked []string `json:"blocked"` // what has to be settled first; the waves hold once it is
	Effort  float64  `json:"effort"`  // hours, an assumption
}

// Wave is what is upgraded before the next wave begins.
type Wave struct {
	Clusters []string `json:"clusters"`
	Together bool     `json:"together"` // in one window, since they are apart while only some of them are done
	Why      string   `json:"why"`
}

// member is a cluster of a federation of hub and spokes.
type member struct {
	key, version string
	hub          bool
}

func (p *planner) upgrades() {
	for _, r := range p.records {
		if r.Inventory.Site.Role != inventory.RoleHub {
			continue
		}
		spokes := p.base.Spokes(r.ID)
		if len(spokes) == 0 || slices.ContainsFunc(spokes, func(id string) bool { return !p.within(id) }) {
			continue
		}
		if u, ok := p.upgrade(r, spokes); ok {
			p.plan.Upgrades = append(p.plan.Upgrades, u)
		}
	}
}

func (p *planner) upgrade(hub *fleet.Record, spokes []string) (Upgrade, bool) {
	u := Upgrade{Hub: hub.ID, Waves: []Wave{}, Blocked: []string{}}
	var members []member
	production := slices.ContainsFunc(hub.Inventory.Clusters, func(c inventory.Cluster) bool { return c.Environment == inventory.Production })
	for i := range hub.Inventory.Clusters {
		if c := &hub.Inventory.Clusters[i]; !production || c.Environment == inventory.Production {
			members = append(members, member{hub.Inventory.Key(c), c.ThingworxVersion, true})
		}
	}
	for _, id := range spokes {
		r, ok := p.base.View.Site(id)
		if !ok || id == hub.ID {
			continue
		}
		if r.Liveness == fleet.Stale || r.Liveness == fleet.Lost {
			u.Blocked = append(u.Blocked, fmt.Sprintf("%s has not been heard of for long: its versions may be others by now", id))
		}
		for i := range r.Inventory.Clusters {
			if c := &r.Inventory.Clusters[i]; c.Environment != inventory.Development && c.Environment != inventory.Test {
				members = append(members, member{r.Inventory.Key(c), c.ThingworxVersion, false})
			}
		}
	}
	if hub.Inventory.Site.Hub != "" {
		u.Blocked = append(u.Blocked, hub.ID+" is a hub and names a hub of its own")
	}
	var known []member
	for _, m := range members {
		if len(numbers(m.version)) == 0 {
			u.Blocked = append(u.Blocked, "the version of "+m.key+" is not known")
			continue
		}
		known = append(known, m)
		if CompareVersions(m.version, u.Target) > 0 {
			u.Target = m.version
		}
	}
	slices.SortFunc(known, func(a, b member) int { return cmp.Compare(a.key, b.key) })
	u.Waves = waves(known, u.Target)
	if len(u.Waves) == 0 {
		return u, false
	}
	n := 0
	for _, w := range u.Waves {
		n += len(w.Clusters)
	}
	u.Effort = p.effort.action("upgrade") * float64(n)
	u.Why = fmt.Sprintf("%d of %d federated clusters do not run %s, the highest version among them.", n, len(known), u.Target)
	u.Blocked = append(u.Blocked, p.stops(u)...)
	return u, true
}

// stops lists what would fail at the target version.
func (p *planner) stops(u Upgrade) []string {
	documents := map[string]*inventory.Site{}
	for _, w := range u.Waves {
		for _, key := range w.Clusters {
			s := documents[siteOf(key)]
			if s == nil {
				r, _ := p.base.View.Site(siteOf(key))
				s = inventory.Clone(r.Inventory)
				documents[siteOf(key)] = s
			}
			c := clusterIn(s, idOf(key))
			c.ThingworxVersion = u.Target
			for i := range c.Components {
				for k := range c.Components[i].Nodes {
					if v := &c.Components[i].Nodes[k].Settings.ThingworxVersion; *v != "" {
						*v = u.Target
					}
				}
			}
		}
	}
	list := make([]*inventory.Site, 0, len(documents))
	for _, s := range documents {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *inventory.Site) int { return cmp.Compare(a.Site.ID, b.Site.ID) })
	o, ok := p.try(list...)
	if !ok {
		return []string{"what the upgrade would open could not be judged"}
	}
	var out []string
	for _, c := range o.opened {
		if p.within(c.Site) && (c.Severity == rules.Critical || c.Severity == rules.High) {
			out = append(out, fmt.Sprintf("%s would fail about %s (%s)", c.Rule, c.Subject, c.Severity))
		}
	}
	return out
}

// waves orders the upgrade of members of known versions to the target. A spoke goes with its hub as long as one cluster of the hub has its
// version.
func waves(members []member, target string) []Wave {
	var hubs, spokes []member
	for _, m := range members {
		if m.hub {
			hubs = append(hubs, m)
		} else {
			spokes = append(spokes, m)
		}
	}
	if len(hubs) == 0 {
		return []Wave{}
	}
	var out []Wave
	at := func(list []member, v string) int {
		n := 0
		for _, m := range list {
			if m.version == v {
				n++
			}
		}
		return n
	}
	raise := func(list []member, which func(member) bool) (keys []string) {
		for i := range list {
			if list[i].version != target && which(list[i]) {
				keys = append(keys, list[i].key)
				list[i].version = target
			}
		}
		return keys
	}
	if at(hubs, target) == 0 {
		first := slices.IndexFunc(hubs, func(h member) bool { return at(hubs, h.version) > 1 || at(spokes, h.version) == 0 })
		if first >= 0 {
			key := hubs[first].key
			hubs[first].version = target
			out = append(out, Wave{[]string{key}, false, "No spoke needs the version that this cluster of the hub leaves."})
		} else {
			left := map[string]bool{}
			for _, h := range hubs {
				left[h.version] = true
			}
			keys := raise(hubs, func(member) bool { return true })
			keys = append(keys, raise(spokes, func(m member) bool { return left[m.version] })...)
			slices.Sort(keys)
			out = append(out, Wave{keys, len(keys) > 1, "The hub and the spokes that go with it now leave their version together."})
		}
	}
	if keys := raise(spokes, func(member) bool { return true }); len(keys) > 0 {
		out = append(out, Wave{keys, false, "The hub has the version already: each of these joins it by itself, in any order."})
	}
	if keys := raise(hubs, func(member) bool { return true }); len(keys) > 0 {
		out = append(out, Wave{keys, false, "No spoke needs the old version of the hub any more."})
	}
	return out
}

// CompareVersions compares versions by their numbers: 9.10 comes after 9.9.
func CompareVersions(a, b string) int {
	if c := slices.Compare(numbers(a), numbers(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

func numbers(v string) []int {
	var out []int
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(part); err == nil {
			out = append(out, n)
		}
	}
	return out
}
