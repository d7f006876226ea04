package availability

import (
	"cmp"
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// Weakest ranks the single elements a cluster's serving depends on by the share of its unavailability that would vanish if
// the element never failed, greatest first. Machines without a name are told by their node, as node:site/owner/name.
// It answers one question per element, and so is for detail views and not for every assessment. The result is nil when
// the cluster is too entangled to compute.
func Weakest(s *inventory.Site, c *inventory.Cluster, need int, p policy.Availability) []Contribution {
	sys := Compile([]Tenant{{s, c, need}}, p)
	st := &sys.Clusters[0]
	var r runner
	q := question{sys: sys, labels: labels{count: 1, classes: 1, after: anyPart[:]}}
	for _, g := range st.Serving {
		q.demands = append(q.demands, demand{g, 0})
	}
	var serving [1]float64
	down, ok := r.run(&q, serving[:])
	if !ok {
		return nil
	}
	out := []Contribution{}
	for _, e := range sys.elements(st.Serving, nil) {
		held := sys.Elements[e].Up
		sys.Elements[e].Up = 1
		without, ok := r.run(&q, serving[:])
		sys.Elements[e].Up = held
		if !ok {
			return nil
		}
		out = append(out, Contribution{sys.elementName(e), share(down-without, down)})
	}
	slices.SortFunc(out, func(a, b Contribution) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Part, b.Part))
	})
	return out
}

// elementName names an element as Contribution.Part does.
func (s *System) elementName(at int32) string {
	e := &s.Elements[at]
	switch {
	case e.Kind == Region:
		return "region:" + e.A + "/" + e.B
	case e.Kind == Zone:
		return "zone:" + e.A + "/" + e.B + "/" + e.C
	case e.Kind == Chance:
		return "infrastructure:" + e.A + "/" + e.B
	case e.B != "":
		return "machine:" + e.A + "/" + e.B
	}
	for i := range s.Units {
		if u := &s.Units[i]; u.Own == at {
			return "node:" + u.Site + "/" + u.Owner + "/" + u.Node
		}
	}
	return "machine:" + e.A + "/"
}
