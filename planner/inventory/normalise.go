package inventory

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/geo"
)

// Normalise returns a copy in canonical spelling: region codes, lower-case ARM ids and host names, default ports left out,
// geographies as the table words them, times in UTC, and no secret in any endpoint; the order of lists is kept, except that
// the members of a ZooKeeper connect string are sorted. It never fails: what it cannot resolve stays as written. Normalising twice
// changes nothing. regions may be nil, and then no region is resolved.
func Normalise(s *Site, regions *geo.Table) *Site {
	if regions == nil {
		regions = &geo.Table{}
	}
	n := normaliser{regions}
	out := Clone(s)
	dropSecrets(out)
	out.Site.Country = strings.ToUpper(strings.TrimSpace(out.Site.Country))
	for i := range out.Clusters {
		n.cluster(&out.Clusters[i])
	}
	for i := range out.Infrastructure {
		n.infrastructure(&out.Infrastructure[i])
	}
	n.measured(out)
	return out
}

type normaliser struct{ regions *geo.Table }

// measured normalises what is no part of a site's structure; what a fact's provenance names is normalised before.
func (n normaliser) measured(out *Site) {
	out.ObservedAt = out.ObservedAt.UTC()
	for i := range out.Probes {
		out.Probes[i].At = out.Probes[i].At.UTC()
	}
	for i := range out.Provenance {
		out.Provenance[i].ObservedAt = out.Provenance[i].ObservedAt.UTC()
		out.Provenance[i].AttestedUntil = out.Provenance[i].AttestedUntil.UTC()
		if p := placementAt(out, strings.TrimSuffix(out.Provenance[i].Path, "/region")); p != nil {
			out.Provenance[i].Declared = n.region(p.Provider, out.Provenance[i].Declared)
		}
		for k := range out.Provenance[i].Overruled {
			out.Provenance[i].Overruled[k].ObservedAt = out.Provenance[i].Overruled[k].ObservedAt.UTC()
		}
	}
	for i := range out.Sources {
		out.Sources[i].At = out.Sources[i].At.UTC()
	}
}

func (n normaliser) cluster(c *Cluster) {
	c.ThingworxVersion = canonicalVersion(c.ThingworxVersion)
	if c.Objectives != nil {
		for i, g := range c.Objectives.Geographies {
			if word, ok := n.regions.Geography(g); ok {
				c.Objectives.Geographies[i] = word
			}
		}
	}
	for i := range c.Components {
		c.Components[i].BasePath = canonicalZNode(c.Components[i].BasePath)
		n.nodes(c.Components[i].Nodes)
	}
	for i := range c.Uses {
		u := &c.Uses[i]
		u.Namespace = canonicalZNode(u.Namespace)
		u.IgniteBasePath = canonicalZNode(u.IgniteBasePath)
		u.ConnectionServerBasePath = canonicalZNode(u.ConnectionServerBasePath)
		u.Database = strings.TrimSpace(u.Database)
		u.Schema = strings.TrimSpace(u.Schema)
		u.Path = canonicalPath(u.Path)
	}
}

func (n normaliser) nodes(nodes []Node) {
	for i := range nodes {
		n.placement(&nodes[i].Placement)
		nodes[i].Settings.ThingworxVersion = canonicalVersion(nodes[i].Settings.ThingworxVersion)
	}
}

func (n normaliser) infrastructure(i *Infrastructure) {
	n.placement(&i.Placement)
	n.nodes(i.Nodes)
	n.nodes(i.PgPool)
	for r := range i.Replicas {
		i.Replicas[r].Region = n.region(i.provider(), i.Replicas[r].Region)
		i.Replicas[r].Zone = strings.TrimSpace(i.Replicas[r].Zone)
	}
	if i.HighAvailability != nil {
		i.HighAvailability.StandbyZone = strings.TrimSpace(i.HighAvailability.StandbyZone)
	}
	i.Version = canonicalVersion(i.Version)
	i.Identity.ARMID = canonicalARM(i.Identity.ARMID)
	i.Identity.Endpoint = canonicalEndpoint(i.Identity.Endpoint, i.Kind, i.Engine)
	i.FailoverEndpoint = canonicalEndpoint(i.FailoverEndpoint, i.Kind, i.Engine)
	for a, s := range i.Identity.Addresses {
		i.Identity.Addresses[a] = canonicalEndpoint(s, i.Kind, i.Engine)
	}
}

// provider is where the regions of an infrastructure's replicas are: what its placement says, or else its engine.
func (i *Infrastructure) provider() string {
	if i.Placement.Provider == "" && i.Engine.Managed() {
		return "azure"
	}
	return i.Placement.Provider
}

func (n normaliser) placement(p *Placement) {
	p.Provider = strings.ToLower(strings.TrimSpace(p.Provider))
	p.Region = n.region(p.Provider, p.Region)
	p.Zone = strings.TrimSpace(p.Zone)
	p.PhysicalZone = strings.ToLower(strings.TrimSpace(p.PhysicalZone))
}

func (n normaliser) region(provider, name string) string {
	if name == "" {
		return ""
	}
	if r, ok := n.regions.Find(provider, name); ok {
		return r.Code
	}
	return strings.TrimSpace(name)
}

// canonicalVersion leaves out a leading v.
func canonicalVersion(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 1 && (s[0] == 'v' || s[0] == 'V') && s[1] >= '0' && s[1] <= '9' {
		return s[1:]
	}
	return s
}

// canonicalZNode writes a ZooKeeper path absolute and without a slash at its end: every znode is below the root.
func canonicalZNode(s string) string {
	s = trimSlash(strings.TrimSpace(s))
	if s == "" || strings.HasPrefix(s, "/") {
		return s
	}
	return "/" + s
}

// canonicalPath leaves out slashes that change nothing. A share's name keeps its two leading ones.
func canonicalPath(s string) string {
	s = strings.TrimSpace(s)
	switch {
	case strings.Trim(s, "/") == "":
		return s[:min(1, len(s))]
	case strings.Contains(s, "://"):
		scheme, rest, _ := strings.Cut(s, "://")
		return scheme + "://" + trimSlash(rest)
	case strings.HasPrefix(s, "//"):
		return "/" + trimSlash(s[1:])
	case strings.Contains(s, `\`):
		return strings.TrimRight(s, `\`)
	}
	return trimSlash(s)
}

// dropSecrets leaves out user info and options that may hold one, wherever the document has room for an address or free text.
func dropSecrets(s *Site) {
	for i := range s.Infrastructure {
		x := &s.Infrastructure[i]
		for _, e := range []*string{&x.Identity.Endpoint, &x.FailoverEndpoint} {
			if hasSecret(*e) {
				*e = canonicalEndpoint(*e, x.Kind, x.Engine)
			}
		}
		for a, e := range x.Identity.Addresses {
			if hasSecret(e) {
				x.Identity.Addresses[a] = canonicalEndpoint(e, x.Kind, x.Engine)
			}
		}
	}
	for i := range s.Clusters {
		for u := range s.Clusters[i].Uses {
			use := &s.Clusters[i].Uses[u]
			use.Path, use.HealthPath = Scrub(use.Path), Scrub(use.HealthPath)
		}
	}
	dropSecretsOfEvidence(s)
}

func dropSecretsOfEvidence(s *Site) {
	for i := range s.Sources {
		s.Sources[i].Detail = Scrub(s.Sources[i].Detail)
	}
	for i := range s.Provenance {
		s.Provenance[i].Declared = Scrub(s.Provenance[i].Declared)
		for k := range s.Provenance[i].Overruled {
			s.Provenance[i].Overruled[k].Value = Scrub(s.Provenance[i].Overruled[k].Value)
		}
	}
}
