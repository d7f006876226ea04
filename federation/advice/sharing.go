package advice

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// candidate is an infrastructure that one site lists and whose clusters are all in view and in its region.
type candidate struct {
	name    string // site/id
	site    *inventory.Site
	infra   *inventory.Infrastructure
	tenants []string
	group   string // what it could be shared with: kind, region, product, environment
	region  string
	global  bool // identified beyond its site
}

// triesEach is how many partners an infrastructure is tried with.
const triesEach = 4

// consolidations proposes pairs of infrastructure of one region that could be one. Each infrastructure is in one proposal at most, so that
// all of them hold together.
func (p *planner) consolidations() {
	groups := map[string][]*candidate{}
	var order []string
	taken := map[string]bool{}
	for _, s := range p.plan.Separations {
		for _, name := range s.Infrastructure {
			taken[name] = true // what is to be shared less is not to be shared more
		}
	}
	for _, r := range p.records {
		for i := range r.Assessment.Tenancy {
			c, ok := p.candidate(r.Inventory, &r.Assessment.Tenancy[i])
			if !ok || taken[c.name] {
				continue
			}
			if groups[c.group] == nil {
				order = append(order, c.group)
			}
			groups[c.group] = append(groups[c.group], c)
		}
	}
	slices.Sort(order)
	for _, g := range order {
		list := groups[g]
		used := make([]bool, len(list))
		for i := range list {
			tries := 0
			for k := i + 1; k < len(list) && !used[i] && tries < triesEach; k++ {
				if used[k] || !together(list[i], list[k]) {
					continue
				}
				tries++
				if x, ok := p.consolidate(list[i], list[k]); ok {
					p.plan.Consolidations = append(p.plan.Consolidations, x)
					used[i], used[k] = true, true
				}
			}
		}
	}
	slices.SortStableFunc(p.plan.Consolidations, func(a, b Proposal) int { return cmp.Compare(a.Machines, b.Machines) })
}

func (p *planner) candidate(s *inventory.Site, t *tenancy.Shared) (*candidate, bool) {
	x := s.Infra(idOf(t.Infrastructure))
	if siteOf(t.Infrastructure) != s.Site.ID || x == nil || len(t.Aliases) > 0 || len(t.Tenants) == 0 || len(t.Regions) != 1 {
		return nil, false
	}
	switch x.Kind {
	case inventory.KindZooKeeper, inventory.KindDatabase, inventory.KindStorage:
	default:
		return nil, false
	}
	place := x.Placement
	if place.Region == "" && len(x.Nodes) > 0 {
		place = x.Nodes[0].Placement
	}
	environment := inventory.Environment("")
	for _, key := range t.Tenants {
		c := clusterIn(s, idOf(key))
		if c == nil || c.Environment == "" || environment != "" && environment != c.Environment || permission(c, x.Kind) == inventory.Forbidden {
			return nil, false
		}
		environment = c.Environment
	}
	if place.Region == "" || place.Region != t.Regions[0] {
		return nil, false
	}
	region := place.Provider + "/" + place.Region
	global := slices.ContainsFunc(tenancy.KeysOf(s.Site.ID, x), func(k tenancy.Key) bool { return !strings.Contains(string(k), " site/") })
	group := strings.Join([]string{string(x.Kind), region, string(x.Engine), x.Version, x.Protocol, string(environment)}, "|")
	return &candidate{t.Infrastructure, s, x, t.Tenants, group, region, global}, true
}

// together tells whether two could be one by what they are. The first stays, so that other sites must be able to name it.
func together(a, b *candidate) bool {
	return a.site.Site.ID == b.site.Site.ID || a.global
}

func clusterIn(s *inventory.Site, id string) *inventory.Cluster {
	for i := range s.Clusters {
		if s.Clusters[i].ID == id {
			return &s.Clusters[i]
		}
	}
	return nil
}

func permission(c *inventory.Cluster, kind inventory.InfrastructureKind) inventory.Permission {
	if c.Objectives == nil {
		return ""
	}
	switch kind {
	case inventory.KindZooKeeper:
		return c.Objectives.Sharing.ZooKeeper
	case inventory.KindDatabase:
		return c.Objectives.Sharing.Database
	case inventory.KindStorage:
		return c.Objectives.Sharing.Storage
	}
	return ""
}

// consolidate tries to have the clusters of b use a.
func (p *planner) consolidate(a, b *candidate) (Proposal, bool) {
	stays := inventory.Clone(a.site)
	leaves := stays
	documents := []*inventory.Site{stays}
	if b.site.Site.ID != a.site.Site.ID {
		leaves = inventory.Clone(b.site)
		documents = append(documents, leaves)
	}
	yes := true
	kept := stays.Infra(a.infra.ID)
	kept.Shared = &yes
	into := kept.ID
	drop(leaves, b.infra.ID)
	if leaves != stays {
		x := inventory.Clone(&inventory.Site{Infrastructure: []inventory.Infrastructure{*kept}}).Infrastructure[0]
		x.ID = unusedID(leaves, x.ID)
		for _, nodes := range [][]inventory.Node{x.Nodes, x.PgPool} {
			for i := range nodes {
				if nodes[i].Machine != "" {
					nodes[i].Machine = stays.Site.ID + "." + nodes[i].Machine
				}
			}
		}
		leaves.Infrastructure = append(leaves.Infrastructure, x)
		into = x.ID
	}
	var steps []string
	for _, side := range []struct {
		site    *inventory.Site
		tenants []string
		from    string
		to      string
	}{{stays, a.tenants, a.infra.ID, a.infra.ID}, {leaves, b.tenants, b.infra.ID, into}} {
		for _, key := range side.tenants {
			c := clusterIn(side.site, idOf(key))
			for i := range c.Uses {
				if u := &c.Uses[i]; u.Infrastructure == side.from {
					u.Infrastructure, u.Shared = side.to, nil
					if step := isolate(side.site, c, u, side.from != side.to || side.site != stays); step != "" {
						steps = append(steps, step)
					}
				}
			}
		}
	}
	o, ok := p.try(documents...)
	if !ok || !o.sound() {
		return Proposal{}, false
	}
	clusters := append(slices.Clone(a.tenants), b.tenants...)
	slices.Sort(clusters)
	serving, known := o.serving(clusters)
	if !known {
		return Proposal{}, false
	}
	for _, s := range serving {
		objective := 0.0
		if obj := o.before[s.Cluster].tenant.Cluster.Objectives; obj != nil {
			objective = obj.Availability
		}
		// Less is acceptable only to who said how much is needed and still has it.
		if s.After < s.Before-1e-12 && (objective == 0 || s.After < objective) {
			return Proposal{}, false
		}
	}
	out := Proposal{
		Do: "consolidate", Kind: string(a.infra.Kind), Region: a.region, Infrastructure: []string{a.name, b.name}, Clusters: b.tenants, Serving: serving,
		Why:         fmt.Sprintf("%s and %s are %ss of one product in %s, for clusters of one environment that may share; one of them is enough.", a.name, b.name, a.infra.Kind, a.region),
		BlastRadius: Count{max(len(a.tenants), len(b.tenants)), len(clusters)}, Machines: -machines(b.infra),
		Closed: orEmpty(o.closed), Opened: orEmpty(o.opened), Effort: p.effort.action("consolidate") * float64(len(b.tenants)),
	}
	for _, x := range a.tenants {
		for _, y := range b.tenants {
			pair := [2]string{min(x, y), max(x, y)}
			out.Joint = append(out.Joint, Joint{pair, p.joint(o.before, x, y), p.joint(o.after, x, y)})
		}
	}
	out.Joint = orEmpty(out.Joint)
	out.Steps = append(steps, fmt.Sprintf("Have the owners of %s agree, and declare %s as shared.", joined(clusters), a.name),
		fmt.Sprintf("Move %s to %s, one cluster after the other, each in a window of its own.", joined(b.tenants), a.name),
		fmt.Sprintf("Keep %s until every cluster has run for a week without it, then remove it.", b.name))
	return out, true
}

func joined(words []string) string { return strings.Join(words, ", ") }

// machines is how many nodes an infrastructure takes: those listed, the members that a connect string names, or one.
func machines(x *inventory.Infrastructure) int {
	n := len(x.Nodes) + len(x.PgPool)
	if members, known := facts.Ensemble(x); n == 0 && known && x.Kind == inventory.KindZooKeeper {
		n = members
	}
	return max(1, n)
}

// isolate gives a use what has to be the cluster's own in a shared infrastructure, where it is missing, or where the cluster comes anew.
func isolate(s *inventory.Site, c *inventory.Cluster, u *inventory.Use, anew bool) string {
	own := s.Site.ID + "-" + c.ID
	key := s.Key(c)
	switch u.As {
	case inventory.AsZooKeeper:
		if !anew && u.Namespace != "" && u.IgniteBasePath != "" {
			return ""
		}
		if anew || u.Namespace == "" {
			u.Namespace, u.ConnectionServerBasePath = "/"+own, "/"+own+"/services"
		}
		if anew || u.IgniteBasePath == "" {
			u.IgniteBasePath = "/" + own
			for i := range c.Components {
				if c.Components[i].Kind == inventory.Ignite && c.Components[i].Mode == inventory.IgniteSeparate {
					c.Components[i].BasePath = u.IgniteBasePath
				}
			}
		}
		return fmt.Sprintf("Give %s the ZooKeeper namespace %s and the Ignite base path %s.", key, u.Namespace, u.IgniteBasePath)
	case inventory.AsDatabase:
		if !anew {
			return ""
		}
		u.Database = "thingworx_" + strings.ReplaceAll(own, "-", "_")
		return fmt.Sprintf("Move the data of %s to a database %s with a user of its own.", key, u.Database)
	case inventory.AsStorage:
		if !anew {
			return ""
		}
		u.Path = "/" + own + "/ThingworxStorage"
		return fmt.Sprintf("Copy the storage of %s to %s.", key, u.Path)
	}
	return ""
}

// drop takes an infrastructure out of a document, with what was said about it.
func drop(s *inventory.Site, id string) {
	s.Infrastructure = slices.DeleteFunc(s.Infrastructure, func(x inventory.Infrastructure) bool { return x.ID == id })
	s.Probes = slices.DeleteFunc(s.Probes, func(p inventory.Probe) bool { return p.To == id || p.To == s.Site.ID+"/"+id })
	s.Provenance = slices.DeleteFunc(s.Provenance, func(p inventory.Provenance) bool { return strings.HasPrefix(p.Path, "/infrastructure") })
}

func unusedID(s *inventory.Site, id string) string {
	next := id
	for n := 2; s.Infra(next) != nil; n++ {
		next = id + "-" + strconv.Itoa(n)
	}
	return next
}

// due lists the rules that say that sharing should end, and what each says.
func due() map[string]string {
	return map[string]string{
		"TEN-005": "its clusters run in different regions", "TEN-007": "production shares it with non-production",
		"TEN-008": "its loss takes down too many clusters", "TEN-009": "the objectives of a cluster forbid sharing it",
	}
}

// separations proposes for each shared infrastructure about which such a rule fails that clusters leave it for one of their own.
func (p *planner) separations() {
	for _, r := range p.records {
		for i := range r.Assessment.Tenancy {
			t := &r.Assessment.Tenancy[i]
			names := append([]string{t.Infrastructure}, t.Aliases...)
			seen := !slices.ContainsFunc(append(slices.Clone(names), t.Tenants...), func(n string) bool { return !p.within(siteOf(n)) })
			if siteOf(t.Infrastructure) != r.ID || len(t.Tenants) < 2 || !seen {
				continue
			}
			failing := p.failing(names)
			if len(failing) == 0 {
				continue
			}
			if x, ok := p.separate(t, names, failing); ok {
				p.plan.Separations = append(p.plan.Separations, x)
			}
		}
	}
}

// failing lists the rules of due that fail about an infrastructure under any of its names, sorted.
func (p *planner) failing(names []string) []string {
	var out []string
	for _, n := range names {
		r, ok := p.base.View.Site(siteOf(n))
		if !ok || r.Assessment == nil {
			continue
		}
		for i := range r.Assessment.Findings {
			if f := &r.Assessment.Findings[i]; f.Verdict == rules.Fail && f.Subject.Infrastructure == n && due()[f.Rule] != "" {
				out = append(out, f.Rule)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// tenant is one use of the infrastructure that may end.
type tenant struct {
	key, infra string // site/cluster, id in the site's document
	cluster    *inventory.Cluster
	site       *inventory.Site
	place      inventory.Placement
}

func (p *planner) separate(t *tenancy.Shared, names, failing []string) (Proposal, bool) {
	var tenants []tenant
	for _, key := range t.Tenants {
		r, ok := p.base.View.Site(siteOf(key))
		if !ok {
			return Proposal{}, false
		}
		c := clusterIn(r.Inventory, idOf(key))
		nodes := c.Nodes(inventory.Foundation)
		if len(nodes) == 0 || nodes[0].Placement.Region == "" {
			return Proposal{}, false
		}
		for _, u := range c.Uses {
			if name := r.ID + "/" + u.Infrastructure; slices.Contains(names, name) {
				tenants = append(tenants, tenant{key, u.Infrastructure, c, r.Inventory, nodes[0].Placement})
				break
			}
		}
	}
	head, _ := p.base.View.Site(siteOf(t.Infrastructure))
	shared := head.Inventory.Infra(idOf(t.Infrastructure))
	leaving := p.leaving(tenants, shared, failing)
	if len(leaving) == 0 || len(leaving) >= len(tenants) {
		return Proposal{}, false
	}
	documents := map[string]*inventory.Site{}
	var clusters, steps []string
	added := 0
	region := ""
	for _, x := range leaving {
		s := documents[siteOf(x.key)]
		if s == nil {
			s = inventory.Clone(x.site)
			documents[siteOf(x.key)] = s
		}
		own := ownCopy(s, x, shared)
		c := clusterIn(s, idOf(x.key))
		for i := range c.Uses {
			if c.Uses[i].Infrastructure == x.infra {
				c.Uses[i].Infrastructure, c.Uses[i].Shared = own.ID, nil
			}
		}
		if !slices.ContainsFunc(s.Clusters, func(c inventory.Cluster) bool {
			return slices.ContainsFunc(c.Uses, func(u inventory.Use) bool { return u.Infrastructure == x.infra })
		}) {
			drop(s, x.infra)
		}
		added += machines(own)
		clusters = append(clusters, x.key)
		region = x.place.Provider + "/" + x.place.Region
		steps = append(steps, fmt.Sprintf("Set up a %s for %s in %s like the one it shares, move %s to it in a window, and keep the way back for a week.", shared.Kind, x.key, region, x.key))
	}
	list := make([]*inventory.Site, 0, len(documents))
	for _, s := range documents {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *inventory.Site) int { return cmp.Compare(a.Site.ID, b.Site.ID) })
	o, ok := p.try(list...)
	if !ok || !o.sound() {
		return Proposal{}, false
	}
	ends := slices.ContainsFunc(o.closed, func(c Consequence) bool { return slices.Contains(failing, c.Rule) })
	serving, known := o.serving(t.Tenants)
	if !known || !ends || slices.ContainsFunc(serving, func(s Serving) bool { return s.After < s.Before-1e-12 }) {
		return Proposal{}, false
	}
	var why []string
	for _, rule := range failing {
		why = append(why, due()[rule]+" ("+rule+")")
	}
	out := Proposal{
		Do: "separate", Kind: t.Kind, Region: region, Infrastructure: names, Clusters: clusters, Serving: serving, Joint: []Joint{},
		Why: fmt.Sprintf("%s should be shared less: %s.", t.Infrastructure, strings.Join(why, ", ")), BlastRadius: Count{len(t.Tenants), len(t.Tenants) - len(leaving)},
		Machines: added, Closed: orEmpty(o.closed), Opened: orEmpty(o.opened), Steps: steps, Effort: p.effort.action("separate") * float64(len(leaving)),
	}
	for _, x := range leaving {
		for _, y := range t.Tenants {
			if !slices.Contains(clusters, y) {
				out.Joint = append(out.Joint, Joint{[2]string{min(x.key, y), max(x.key, y)}, p.joint(o.before, x.key, y), p.joint(o.after, x.key, y)})
			}
		}
	}
	return out, true
}

// leaving chooses the clusters that go, so that as few as possible do.
func (p *planner) leaving(tenants []tenant, shared *inventory.Infrastructure, failing []string) []tenant {
	home := shared.Placement.Region
	if home == "" && len(shared.Nodes) > 0 {
		home = shared.Nodes[0].Placement.Region
	}
	production := slices.ContainsFunc(tenants, func(t tenant) bool { return t.cluster.Environment == inventory.Production })
	var out []tenant
	for _, t := range tenants {
		switch {
		case slices.Contains(failing, "TEN-009") && permission(t.cluster, shared.Kind) == inventory.Forbidden,
			slices.Contains(failing, "TEN-005") && home != "" && t.place.Region != home,
			slices.Contains(failing, "TEN-007") && production && t.cluster.Environment != inventory.Production:
			out = append(out, t)
		}
	}
	if slices.Contains(failing, "TEN-008") {
		for i := len(tenants) - 1; i >= 0 && len(tenants)-len(out) > p.together; i-- {
			if !slices.ContainsFunc(out, func(t tenant) bool { return t.key == tenants[i].key }) {
				out = append(out, tenants[i])
			}
		}
	}
	slices.SortFunc(out, func(a, b tenant) int { return cmp.Compare(a.key, b.key) })
	return out
}

// ownCopy adds to a document an infrastructure like the shared one for one cluster, on machines of its own where the cluster runs.
func ownCopy(s *inventory.Site, t tenant, shared *inventory.Infrastructure) *inventory.Infrastructure {
	x := inventory.Clone(&inventory.Site{Infrastructure: []inventory.Infrastructure{*shared}}).Infrastructure[0]
	x.ID = unusedID(s, t.infra+"-"+t.cluster.ID)
	x.Name, x.Identity, x.FailoverEndpoint = "", inventory.ResourceIdentity{}, ""
	no := false
	x.Shared = &no
	move := func(p *inventory.Placement) {
		if p.Region != t.place.Region || p.Provider != t.place.Provider {
			*p = inventory.Placement{Provider: t.place.Provider, Region: t.place.Region}
		}
	}
	move(&x.Placement)
	for _, nodes := range [][]inventory.Node{x.Nodes, x.PgPool} {
		for i := range nodes {
			nodes[i].Machine = ""
			move(&nodes[i].Placement)
		}
	}
	s.Infrastructure = append(s.Infrastructure, x)
	return &s.Infrastructure[len(s.Infrastructure)-1]
}
