package facts

import (
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Place is where one node, or an infrastructure without nodes, runs.
type Place struct {
	Name string // of the node, or the id of the infrastructure
	inventory.Placement
	Node *inventory.Node // nil for an infrastructure without nodes
}

// Region is a region of a provider.
type Region struct{ Provider, Code string }

// Same reports whether two regions are one. A provider that is not given agrees with any.
func (r Region) Same(o Region) bool {
	return strings.EqualFold(r.Code, o.Code) && (r.Provider == o.Provider || r.Provider == "" || o.Provider == "")
}

// Of returns the places of an infrastructure: of its nodes, which take from the infrastructure what they do not say
// themselves, or of itself when it lists none.
func Of(infra *inventory.Infrastructure) []Place {
	if len(infra.Nodes) == 0 {
		return []Place{{Name: infra.ID, Placement: infra.Placement}}
	}
	return appendPlaces(nil, infra.Nodes, infra.Placement)
}

func appendPlaces(to []Place, nodes []inventory.Node, fallback inventory.Placement) []Place {
	to = slices.Grow(to, len(nodes))
	for i := range nodes {
		p := nodes[i].Placement
		if p.Region == "" {
			p.Region, p.Provider = fallback.Region, fallback.Provider
			if p.Zone == "" {
				p.Zone, p.PhysicalZone = fallback.Zone, fallback.PhysicalZone
			}
		}
		to = append(to, Place{Name: nodes[i].Name, Placement: p, Node: &nodes[i]})
	}
	return to
}

func serving(places []Place) []Place {
	keep := func(p Place) bool { return p.Node == nil || p.Node.Role != "replica" }
	n := 0
	for _, p := range places {
		if keep(p) {
			n++
		}
	}
	if n == 0 || n == len(places) {
		return places
	}
	out := make([]Place, 0, n)
	for _, p := range places {
		if keep(p) {
			out = append(out, p)
		}
	}
	return out
}

// RegionsOf returns the distinct regions of places, sorted by code, and the names of the places without one.
func RegionsOf(places []Place) (regions []Region, without []string) {
	for i := range places {
		p := &places[i]
		if p.Region == "" {
			without = append(without, p.Name)
			continue
		}
		r := Region{p.Provider, p.Region}
		if !slices.ContainsFunc(regions, r.Same) {
			regions = append(regions, r)
		}
	}
	if len(regions) > 1 {
		slices.SortFunc(regions, func(a, b Region) int { return strings.Compare(a.Code+" "+a.Provider, b.Code+" "+b.Provider) })
	}
	return regions, without
}

// Codes returns the codes of regions.
func Codes(regions []Region) []string {
	out := make([]string, len(regions))
	for i, r := range regions {
		out[i] = r.Code
	}
	return out
}

// Physical reports whether every place names its physical zone, so that zones compare across subscriptions.
func Physical(groups ...[]Place) bool {
	for _, places := range groups {
		for i := range places {
			if places[i].PhysicalZone == "" {
				return false
			}
		}
	}
	return true
}

// ZoneIn returns the physical or the logical zone of a place, "" when not known.
func (p *Place) ZoneIn(physical bool) string {
	if physical {
		return p.PhysicalZone
	}
	return p.Zone
}

// ZonesOf returns the distinct zones of places, sorted, and the names of the places without one.
func ZonesOf(places []Place, physical bool) (zones, without []string) {
	for i := range places {
		z := places[i].ZoneIn(physical)
		if z == "" {
			without = append(without, places[i].Name)
		} else if !slices.Contains(zones, z) {
			zones = append(zones, z)
		}
	}
	slices.Sort(zones)
	return zones, without
}

// HasZones reports whether the region of a place is known to have zones, so that a zone not given is a missing fact.
func (s *Site) HasZones(p *Place) bool {
	if s.Regions == nil || p.Provider == "" {
		return false
	}
	r, ok := s.Regions.Find(p.Provider, p.Region)
	return ok && r.Zones
}

// Geography returns the geography of a region: that of the provider's table, or for a data centre of one's own that of
// the site's country.
func (s *Site) Geography(r Region) (string, bool) {
	if s.Regions == nil || r.Code == "" && r.Provider != "on-premise" {
		return "", false
	}
	if r.Provider == "on-premise" {
		return s.Regions.CountryGeography(s.Site.Site.Country)
	}
	found, ok := s.Regions.Find(r.Provider, r.Code)
	return found.Geography, ok && found.Geography != ""
}

// Lies reports whether a region lies in one of the geographies or countries named: a data centre of one's own by the site's
// country. unclear are the words that nothing can be said about: nobody understands them, or the place is not known.
func (s *Site) Lies(r Region, words []string) (in bool, unclear []string) {
	for _, word := range words {
		within, known := false, false
		switch {
		case s.Regions == nil:
		case r.Provider == "on-premise":
			within, known = s.Regions.CountryWithin(s.Site.Site.Country, word)
		default:
			if found, ok := s.Regions.Find(r.Provider, r.Code); ok {
				within, known = s.Regions.Within(found, word)
			}
		}
		switch {
		case within:
			return true, nil
		case !known:
			unclear = append(unclear, word)
		}
	}
	return false, unclear
}

// Pair returns the paired region, false when the region is not known to have one.
func (s *Site) Pair(r Region) (Region, bool) {
	if s.Regions == nil || r.Provider == "" {
		return Region{}, false
	}
	found, ok := s.Regions.Find(r.Provider, r.Code)
	return Region{found.Provider, found.Pair}, ok && found.Pair != ""
}

// Span is the distance between two regions.
type Span struct {
	From, To  Region
	Km        int
	KmKnown   bool
	RoundTrip time.Duration // published 95th percentile
	Published bool
}

// Farthest returns the pair of different regions with the longest published round trip, then the longest distance, then
// the first in order. ok is false when all regions are one.
func (s *Site) Farthest(a, b []Region) (worst Span, ok bool) {
	for _, from := range a {
		for _, to := range b {
			if from.Same(to) {
				continue
			}
			span := Span{From: from, To: to}
			if s.Regions != nil && from.Provider == to.Provider {
				span.Km, span.KmKnown = s.Regions.DistanceKm(from.Provider, from.Code, to.Code)
				span.RoundTrip, span.Published = s.Regions.RoundTrip(from.Provider, from.Code, to.Code)
			}
			if !ok || span.RoundTrip > worst.RoundTrip || span.RoundTrip == worst.RoundTrip && span.Km > worst.Km {
				worst, ok = span, true
			}
		}
	}
	return worst, ok
}

// Measured returns the worst 95th percentile of the database round trips measured from a cluster to an infrastructure.
func (s *Site) Measured(c *Cluster, infrastructure string) (p95 time.Duration, ok bool) {
	for i := range s.Probes {
		p := &s.Probes[i]
		if p.Kind != inventory.ProbeDatabaseRoundTrip || p.P95 <= 0 || !s.isInfra(p.To, infrastructure) {
			continue
		}
		if rest, of := strings.CutPrefix(p.From, c.Key); !of || rest != "" && rest[0] != '/' {
			continue
		}
		p95, ok = max(p95, time.Duration(p.P95)), true
	}
	return p95, ok
}

// isInfra reports whether a probe's target, an id or site/id, is the infrastructure.
func (s *Site) isInfra(to, id string) bool {
	return to == id || len(to) == len(s.Site.Site.ID)+1+len(id) && strings.HasPrefix(to, s.Site.Site.ID+"/") && strings.HasSuffix(to, id)
}

type machine struct {
	name  string
	place *inventory.Placement
}

func machines(site *inventory.Site) []machine {
	n := 0
	for i := range site.Clusters {
		for k := range site.Clusters[i].Components {
			n += len(site.Clusters[i].Components[k].Nodes)
		}
	}
	for i := range site.Infrastructure {
		n += len(site.Infrastructure[i].Nodes) + len(site.Infrastructure[i].PgPool)
	}
	out := make([]machine, 0, n)
	add := func(nodes []inventory.Node) {
		for i := range nodes {
			if nodes[i].Machine != "" {
				out = append(out, machine{nodes[i].Machine, &nodes[i].Placement})
			}
		}
	}
	for i := range site.Clusters {
		for k := range site.Clusters[i].Components {
			add(site.Clusters[i].Components[k].Nodes)
		}
	}
	for i := range site.Infrastructure {
		add(site.Infrastructure[i].Nodes)
		add(site.Infrastructure[i].PgPool)
	}
	slices.SortStableFunc(out, func(a, b machine) int { return strings.Compare(a.name, b.name) })
	return out
}

// Contradicted reports whether the nodes of one machine name different places for it, and on how many nodes it carries.
func (s *Site) Contradicted(name string) (contradicted bool, nodes int) {
	i, found := slices.BinarySearchFunc(s.machines, name, func(m machine, n string) int { return strings.Compare(m.name, n) })
	if !found || name == "" {
		return false, 0
	}
	var seen inventory.Placement
	for ; i < len(s.machines) && s.machines[i].name == name; i++ {
		nodes++
		p := s.machines[i].place
		contradicted = contradicted || differ(&seen.Provider, p.Provider) || differ(&seen.Region, p.Region) ||
			differ(&seen.Zone, p.Zone) || differ(&seen.PhysicalZone, p.PhysicalZone)
	}
	return contradicted, nodes
}

func differ(seen *string, got string) bool {
	if got == "" {
		return false
	}
	if *seen == "" {
		*seen = got
	}
	return !strings.EqualFold(*seen, got)
}
