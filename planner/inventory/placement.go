package inventory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
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

// placementAt returns the placement at a JSON pointer, nil when there is none.
func placementAt(s *Site, pointer string) *Placement {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	if len(parts) < 3 || parts[len(parts)-1] != "placement" {
		return nil
	}
	parts = parts[:len(parts)-1]
	if parts[0] == "infrastructure" {
		x := item(s.Infrastructure, parts[1])
		switch {
		case x == nil:
			return nil
		case len(parts) == 2:
			return &x.Placement
		case len(parts) == 4 && parts[2] == "nodes":
			return nodePlacement(x.Nodes, parts[3])
		case len(parts) == 4 && parts[2] == "pgpool":
			return nodePlacement(x.PgPool, parts[3])
		}
		return nil
	}
	if len(parts) != 6 || parts[0] != "clusters" || parts[2] != "components" || parts[4] != "nodes" {
		return nil
	}
	if c := item(s.Clusters, parts[1]); c != nil {
		if k := item(c.Components, parts[3]); k != nil {
			return nodePlacement(k.Nodes, parts[5])
		}
	}
	return nil
}

func item[T any](list []T, index string) *T {
	if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(list) {
		return &list[i]
	}
	return nil
}

func nodePlacement(nodes []Node, index string) *Placement {
	if n := item(nodes, index); n != nil {
		return &n.Placement
	}
	return nil
}
