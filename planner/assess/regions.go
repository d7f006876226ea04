package assess

import (
	"github.com/meridian-federation/meridian/planner/inventory"
)

// regions compares where a cluster's Foundation nodes and its model database run. With several databases listed the
// first use counts: ThingWorx has exactly one model provider.
func (e *Engine) regions(s *inventory.Site, c *inventory.Cluster) Regions {
	out := Regions{ThingWorx: []string{}}
	unplaced := false
	provider := ""
	for _, n := range c.Nodes(inventory.Foundation) {
		out.ThingWorx = append(out.ThingWorx, n.Placement.Region)
		unplaced = unplaced || n.Placement.Region == ""
		provider = n.Placement.Provider
	}
	out.ThingWorx = sortedUnique(out.ThingWorx)

	db := database(s, c)
	if db == nil {
		return out
	}
	where := databasePlacement(db)
	out.Database = where.Region
	if out.Database != "" && len(out.ThingWorx) > 0 && !unplaced {
		match := len(out.ThingWorx) == 1 && out.ThingWorx[0] == out.Database && provider == where.Provider
		out.Match = &match
	}
	for _, from := range out.ThingWorx {
		if from == out.Database || provider != where.Provider {
			continue
		}
		if rtt, ok := e.Regions.RoundTrip(provider, from, out.Database); ok && (out.RoundTrip == nil || inventory.Duration(rtt) > out.RoundTrip.P95) {
			out.RoundTrip = &RoundTrip{P95: inventory.Duration(rtt), Source: "published"}
		}
		if km, ok := e.Regions.DistanceKm(provider, from, out.Database); ok && (out.DistanceKm == nil || km > *out.DistanceKm) {
			out.DistanceKm = &km
		}
	}
	measured := inventory.Duration(0)
	for i := range s.Probes {
		p := &s.Probes[i]
		if p.To == db.ID && p.Kind == inventory.ProbeDatabaseRoundTrip && fromCluster(p.From, s, c) {
			measured = max(measured, p.P95)
		}
	}
	switch {
	case measured == 0:
	case out.RoundTrip == nil:
		out.RoundTrip = &RoundTrip{P95: measured, Source: "measured"}
	default:
		out.RoundTrip.Measured = measured
	}
	return out
}

func database(s *inventory.Site, c *inventory.Cluster) *inventory.Infrastructure {
	for _, u := range c.Used(inventory.AsDatabase) {
		if i := s.Infra(u.Infrastructure); i != nil {
			return i
		}
	}
	return nil
}

// databasePlacement is the server's own placement, or that of its primary, or of its first node.
func databasePlacement(db *inventory.Infrastructure) inventory.Placement {
	if db.Placement.Region != "" {
		return db.Placement
	}
	for i := range db.Nodes {
		if db.Nodes[i].Role == "primary" {
			return db.Nodes[i].Placement
		}
	}
	if len(db.Nodes) > 0 {
		return db.Nodes[0].Placement
	}
	return db.Placement
}

func fromCluster(from string, s *inventory.Site, c *inventory.Cluster) bool {
	prefix := s.Key(c) + "/"
	return len(from) > len(prefix) && from[:len(prefix)] == prefix
}
