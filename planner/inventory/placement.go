package inventory

import (
	"cmp"
	"slices"
)

// PlacementConflict is a machine whose nodes are said to be in different places.
type PlacementConflict struct {
	Machine    string      `json:"machine"`
	Nodes      []string    `json:"nodes"`      // cluster/node, or infrastructure/node, in document order
	Placements []Placement `json:"placements"` // the different ones, in document order
}

// PlacementConflicts lists the machines of a normalised site whose nodes contradict each other about provider, region or zone,
// sorted by machine. A part of a placement that is not given contradicts nothing.
func PlacementConflicts(s *Site) []PlacementConflict {
	type located struct {
		node  string
		place Placement
	}
	machines := map[string][]located{}
	add := func(owner string, nodes []Node) {
		for i := range nodes {
			if n := &nodes[i]; n.Machine != "" {
				machines[n.Machine] = append(machines[n.Machine], located{owner + "/" + n.Name, n.Placement})
			}
		}
	}
	for i := range s.Clusters {
		for j := range s.Clusters[i].Components {
			add(s.Clusters[i].ID, s.Clusters[i].Components[j].Nodes)
		}
	}
	for i := range s.Infrastructure {
		add(s.Infrastructure[i].ID, s.Infrastructure[i].Nodes)
		add(s.Infrastructure[i].ID, s.Infrastructure[i].PgPool)
	}
	var out []PlacementConflict
	for machine, nodes := range machines {
		conflict := PlacementConflict{Machine: machine}
		contradicted := false
		for i, n := range nodes {
			conflict.Nodes = append(conflict.Nodes, n.node)
			if !slices.Contains(conflict.Placements, n.place) {
				conflict.Placements = append(conflict.Placements, n.place)
			}
			for _, other := range nodes[:i] {
				contradicted = contradicted || contradict(n.place, other.place)
			}
		}
		if contradicted {
			out = append(out, conflict)
		}
	}
	slices.SortFunc(out, func(a, b PlacementConflict) int { return cmp.Compare(a.Machine, b.Machine) })
	return out
}

func contradict(a, b Placement) bool {
	differ := func(x, y string) bool { return x != "" && y != "" && x != y }
	return differ(a.Provider, b.Provider) || differ(a.Region, b.Region) || differ(a.Zone, b.Zone) || differ(a.PhysicalZone, b.PhysicalZone)
}
