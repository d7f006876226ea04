package assess

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// regions compares where a cluster's Foundation nodes and its model database run, as COL-001 does. With several databases
// listed the first use counts: ThingWorx has exactly one model provider.
func (e *Engine) regions(s *inventory.Site, c *inventory.Cluster) Regions {
	out := Regions{ThingWorx: []string{}}
	var foundation []inventory.Placement
	for _, n := range c.Nodes(inventory.Foundation) {
		out.ThingWorx = append(out.ThingWorx, n.Placement.Region)
		foundation = append(foundation, n.Placement)
	}
	out.ThingWorx = sortedUnique(out.ThingWorx)

	db := database(s, c)
	if db == nil {
		return out
	}
	servers := databasePlacements(db)
	out.Database = servers[0].Region
	out.Match = match(foundation, servers)
	for _, from := range foundation {
		for _, to := range servers {
			if to.Region == from.Region || from.Provider != to.Provider {
				continue
			}
			if rtt, ok := e.Regions.RoundTrip(from.Provider, from.Region, to.Region); ok && (out.RoundTrip == nil || inventory.Duration(rtt) > out.RoundTrip.P95) {
				out.RoundTrip = &RoundTrip{P95: inventory.Duration(rtt), Source: "published"}
			}
			if km, ok := e.Regions.DistanceKm(from.Provider, from.Region, to.Region); ok && (out.DistanceKm == nil || km > *out.DistanceKm) {
				out.DistanceKm = &km
			}
		}
	}
	measured := inventory.Duration(0)
	for i := range s.Probes {
		p := &s.Probes[i]
		if (p.To == db.ID || p.To == s.Site.ID+"/"+db.ID) && p.Kind == inventory.ProbeDatabaseRoundTrip && fromCluster(p.From, s, c) {
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

// match reports whether all places are known to be in one region: false as soon as two differ, nil while one is missing.
func match(foundation, database []inventory.Placement) *bool {
	all := append(append([]inventory.Placement(nil), foundation...), database...)
	known := len(foundation) > 0
	for i := range all {
		known = known && all[i].Region != ""
		for k := range i {
			if all[i].Region != "" && all[k].Region != "" && !together(all[i], all[k]) {
				no := false
				// Two Foundation nodes apart say nothing about a database of which nothing is known.
				if database[0].Region != "" && foundation != nil {
					return &no
				}
			}
		}
	}
	if !known {
		return nil
	}
	yes := true
	return &yes
}

// together reports whether two places are in one region. A provider that is not given agrees with any.
func together(a, b inventory.Placement) bool {
	return a.Region == b.Region && (a.Provider == b.Provider || a.Provider == "" || b.Provider == "")
}

// databasePlacements are the places of the server, or of its nodes but for read replicas, the primary first. A node that says
// nothing of its region is where the server is.
func databasePlacements(db *inventory.Infrastructure) []inventory.Placement {
	var out []inventory.Placement
	for i := range db.Nodes {
		n := &db.Nodes[i]
		at := n.Placement
		if at.Region == "" {
			at = db.Placement
		}
		switch n.Role {
		case "primary":
			out = append([]inventory.Placement{at}, out...)
		case "replica":
		default:
			out = append(out, at)
		}
	}
	if len(out) == 0 && len(db.Nodes) > 0 && db.Nodes[0].Placement.Region != "" {
		return []inventory.Placement{db.Nodes[0].Placement}
	}
	if len(out) == 0 {
		return []inventory.Placement{db.Placement}
	}
	return out
}

func fromCluster(from string, s *inventory.Site, c *inventory.Cluster) bool {
	rest, ok := strings.CutPrefix(from, s.Key(c))
	return ok && (rest == "" || rest[0] == '/')
}
