package facts

import (
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Site is a normalised site prepared for judgement.
type Site struct {
	*inventory.Site
	Neighbours []*inventory.Site
	Regions    *geo.Table
	Clusters   []Cluster // in order of id
	Listed     []Listed  // the infrastructures, in order of id

	machines []machine // in order of name; only machines that carry several nodes matter
}

// Cluster is one cluster with its nodes by kind and its uses resolved.
type Cluster struct {
	*inventory.Cluster
	Index         int    // position in Site.Clusters of the document
	Key           string // site/cluster
	Foundation    []Place
	Regions       []Region // of the Foundation nodes
	Unplaced      []string // Foundation nodes without a region
	Connection    []*inventory.Node
	Ignite        []Place // nodes of a separate Ignite
	LoadBalancers []*inventory.Node
	Uses          []Use // in order of infrastructure id
}

// Listed is one infrastructure of the document with everybody who uses it.
type Listed struct {
	Infra  *inventory.Infrastructure // nil when the document does not list it
	Index  int                       // position in Site.Infrastructure of the document
	Name   string                    // site/id
	Places []Place                   // of the infrastructure's nodes, or of itself when it lists none
	// Serving are the places without read replicas, which may stand elsewhere on purpose, unless there is nothing else.
	Serving  []Place
	Regions  []Region // of Serving
	Unplaced []string // of Serving, those without a region
	Tenants  []Tenant // in order of Key
	Unseen   []string // keys of tenants that share it but whose sites are not in view, sorted
}

// Use is one use of a cluster. Infra is nil when the document does not list what is used.
type Use struct {
	*inventory.Use
	*Listed
}

// Tenant is one cluster's use of an infrastructure, under that site's own spelling of it.
type Tenant struct {
	Key     string // site/cluster
	Site    *inventory.Site
	Cluster *inventory.Cluster
	Use     *inventory.Use
	Infra   *inventory.Infrastructure
}

// New prepares a site. shared may be nil: then only the clusters of the site itself can share something.
func New(site *inventory.Site, neighbours []*inventory.Site, shared []tenancy.Shared, regions *geo.Table) *Site {
	s := &Site{Site: site, Neighbours: neighbours, Regions: regions, Clusters: make([]Cluster, len(site.Clusters))}
	s.Listed = make([]Listed, len(site.Infrastructure))
	order := make([]int, len(site.Infrastructure))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(site.Infrastructure[a].ID, site.Infrastructure[b].ID) })
	for i, at := range order {
		infra := &site.Infrastructure[at]
		l := &s.Listed[i]
		l.Infra, l.Index, l.Name, l.Places = infra, at, site.Site.ID+"/"+infra.ID, Of(infra)
		l.Serving = serving(l.Places)
		l.Regions, l.Unplaced = RegionsOf(l.Serving)
		l.Tenants, l.Unseen = s.tenants(l.Name, infra, shared)
	}
	for i := range site.Clusters {
		s.Clusters[i] = s.cluster(i)
	}
	slices.SortFunc(s.Clusters, func(a, b Cluster) int { return strings.Compare(a.ID, b.ID) })
	s.machines = machines(site)
	return s
}

func (s *Site) cluster(index int) Cluster {
	c := &s.Site.Clusters[index]
	out := Cluster{Cluster: c, Index: index, Key: s.Key(c)}
	for i := range c.Components {
		comp := &c.Components[i]
		switch comp.Kind {
		case inventory.Foundation:
			out.Foundation = appendPlaces(out.Foundation, comp.Nodes, inventory.Placement{})
		case inventory.Ignite:
			if comp.Mode != inventory.IgniteEmbedded {
				out.Ignite = appendPlaces(out.Ignite, comp.Nodes, inventory.Placement{})
			}
		case inventory.ConnectionServer:
			out.Connection = appendNodes(out.Connection, comp.Nodes)
		case inventory.LoadBalancerNode:
			out.LoadBalancers = appendNodes(out.LoadBalancers, comp.Nodes)
		}
	}
	out.Regions, out.Unplaced = RegionsOf(out.Foundation)
	out.Uses = make([]Use, len(c.Uses))
	for i := range c.Uses {
		u := &out.Uses[i]
		u.Use = &c.Uses[i]
		for k := range s.Listed {
			if s.Listed[k].Infra.ID == u.Infrastructure {
				u.Listed = &s.Listed[k]
				break
			}
		}
		if u.Listed == nil {
			u.Listed = &Listed{Index: -1, Name: s.Site.Site.ID + "/" + u.Infrastructure}
		}
	}
	slices.SortStableFunc(out.Uses, func(a, b Use) int { return strings.Compare(a.Infrastructure, b.Infrastructure) })
	return out
}

func appendNodes(to []*inventory.Node, nodes []inventory.Node) []*inventory.Node {
	to = slices.Grow(to, len(nodes))
	for i := range nodes {
		to = append(to, &nodes[i])
	}
	return to
}

// Lists reports whether the cluster lists a component of the kind, with or without nodes.
func (c *Cluster) Lists(kind inventory.ComponentKind) bool {
	for i := range c.Components {
		if c.Components[i].Kind == kind {
			return true
		}
	}
	return false
}

// IgniteMode returns the cluster's Ignite mode. A component that lists nodes but no mode is separate; "" is not known.
func (c *Cluster) IgniteMode() inventory.IgniteMode {
	for i := range c.Components {
		comp := &c.Components[i]
		switch {
		case comp.Kind != inventory.Ignite:
		case comp.Mode != "":
			return comp.Mode
		case len(comp.Nodes) > 0:
			return inventory.IgniteSeparate
		}
	}
	return ""
}

// SeparateIgnitePath returns the base path configured on separate Ignite nodes, "" when not known.
func (c *Cluster) SeparateIgnitePath() string { return separateIgnitePath(c.Cluster) }

func separateIgnitePath(c *inventory.Cluster) string {
	for i := range c.Components {
		comp := &c.Components[i]
		if comp.Kind == inventory.Ignite && comp.Mode != inventory.IgniteEmbedded && comp.BasePath != "" {
			return comp.BasePath
		}
	}
	return ""
}

// Has reports whether the cluster uses anything in a role.
func (c *Cluster) Has(as inventory.UseAs) bool {
	for i := range c.Uses {
		if c.Uses[i].As == as {
			return true
		}
	}
	return false
}

// UsesKind reports whether the cluster uses, in a role, an infrastructure of a kind.
func (c *Cluster) UsesKind(as inventory.UseAs, kind inventory.InfrastructureKind) bool {
	for i := range c.Uses {
		if u := &c.Uses[i]; u.As == as && u.Infra != nil && u.Infra.Kind == kind {
			return true
		}
	}
	return false
}

// SharedBeyond reports whether a cluster other than the given one uses the infrastructure as well.
func (l *Listed) SharedBeyond(key string) bool {
	if len(l.Unseen) > 0 {
		return true
	}
	for i := range l.Tenants {
		if l.Tenants[i].Key != key {
			return true
		}
	}
	return false
}

// Others returns the keys of the other clusters that use the infrastructure, in order, each once.
func (l *Listed) Others(key string) []string {
	out := slices.Clone(l.Unseen)
	for i := range l.Tenants {
		if l.Tenants[i].Key != key {
			out = append(out, l.Tenants[i].Key)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Observed returns the latest observation among the sites that share the infrastructure.
func (l *Listed) Observed() time.Time {
	var at time.Time
	for i := range l.Tenants {
		if t := l.Tenants[i].Site.ObservedAt; t.After(at) {
			at = t
		}
	}
	return at
}

// Spelling returns the first answer of ask over the spellings of the infrastructure in view, this site's own first: a fact
// that one site does not give may be known to another.
func (l *Listed) Spelling(ask func(*inventory.Infrastructure) (int, bool)) (int, bool) {
	if n, ok := ask(l.Infra); ok {
		return n, true
	}
	for i := range l.Tenants {
		if n, ok := ask(l.Tenants[i].Infra); ok {
			return n, true
		}
	}
	return 0, false
}

// tenants collects who uses an infrastructure under any of its spellings.
func (s *Site) tenants(name string, infra *inventory.Infrastructure, shared []tenancy.Shared) (out []Tenant, unseen []string) {
	var entry *tenancy.Shared
	for i := range shared {
		if shared[i].Infrastructure == name || slices.Contains(shared[i].Aliases, name) {
			entry = &shared[i]
			break
		}
	}
	if entry == nil {
		out = tenantsOf(nil, s.Site, infra)
		sortTenants(out)
		return out, nil
	}
	out = s.spelled(out, entry.Infrastructure)
	for _, alias := range entry.Aliases {
		out = s.spelled(out, alias)
	}
	sortTenants(out)
	for _, key := range entry.Tenants {
		if !slices.ContainsFunc(out, func(t Tenant) bool { return t.Key == key }) {
			unseen = append(unseen, key)
		}
	}
	slices.Sort(unseen)
	return out, unseen
}

func sortTenants(ts []Tenant) {
	if len(ts) > 1 {
		slices.SortStableFunc(ts, func(a, b Tenant) int { return strings.Compare(a.Key, b.Key) })
	}
}

// spelled appends the tenants of the infrastructure named site/id.
func (s *Site) spelled(to []Tenant, name string) []Tenant {
	site, id, _ := strings.Cut(name, "/")
	if site == s.Site.Site.ID {
		return tenantsOf(to, s.Site, s.Infra(id))
	}
	for _, n := range s.Neighbours {
		if n.Site.ID == site {
			return tenantsOf(to, n, n.Infra(id))
		}
	}
	return to
}

func tenantsOf(to []Tenant, site *inventory.Site, infra *inventory.Infrastructure) []Tenant {
	if infra == nil {
		return to
	}
	for i := range site.Clusters {
		c := &site.Clusters[i]
		for k := range c.Uses {
			if c.Uses[k].Infrastructure == infra.ID {
				to = append(to, Tenant{Key: site.Key(c), Site: site, Cluster: c, Use: &c.Uses[k], Infra: infra})
			}
		}
	}
	return to
}

// InRole counts the nodes of a role.
func InRole(nodes []inventory.Node, role string) int {
	n := 0
	for i := range nodes {
		if nodes[i].Role == role {
			n++
		}
	}
	return n
}

// Standby reports whether a database is known to have something to fail over to.
func Standby(i *inventory.Infrastructure) bool {
	if i.Engine.Managed() {
		return i.HighAvailability != nil && i.HighAvailability.Mode != inventory.HANone && i.HighAvailability.Mode != ""
	}
	return len(i.Nodes)-InRole(i.Nodes, "replica") > 1
}
