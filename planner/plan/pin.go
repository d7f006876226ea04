package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// pin moves the options to the region that the request constrains. The recommender chooses the region of a new cluster by
// itself, and for one provider nothing that it computes depends on which region it is but for its having zones: the
// exchange of two such regions gives the same availability, cost and steps.
func (p *Plan) pin(e *assess.Engine, k *Constraints) error {
	if k.Region == "" || k.Provider == string(inventory.HostingOnPremise) {
		return nil
	}
	to, known := e.Regions.Find(k.Provider, k.Region)
	for i, s := range p.Inventories {
		from := chosen(s)
		if known {
			chose, ok := e.Regions.Find(k.Provider, from)
			if !ok || chose.Zones != to.Zones {
				return document.NewError([]document.Problem{{
					Path: "/constraints/region", What: fmt.Sprintf("no plan can be made for %s: %s", to.Code, zones(to.Zones, from)),
					Remedy: "choose a region with availability zones, or leave the region out",
				}})
			}
		}
		x := exchange{a: from, b: k.Region}
		x.site(s)
		o := &p.Options[i]
		for j := range o.Components {
			o.Components[j].Region = x.code(o.Components[j].Region)
		}
		o.Assumptions = slices.DeleteFunc(o.Assumptions, func(text string) bool {
			return strings.HasPrefix(text, "region "+from+" is taken") || strings.HasPrefix(text, "the region is to be chosen")
		})
		for j := range o.Assumptions {
			o.Assumptions[j] = x.text(o.Assumptions[j])
		}
		for j := range o.Migration {
			m := &o.Migration[j]
			m.Do, m.Rollback, m.Precondition = x.text(m.Do), x.text(m.Rollback), x.text(m.Precondition)
		}
	}
	return nil
}

func zones(has bool, from string) string {
	if has {
		return "it has availability zones, and the region the options were computed for, " + from + ", has none"
	}
	return "it has no availability zones, and the options were computed for " + from + ", which has some"
}

// chosen is the region of a generated site's Foundation nodes.
func chosen(s *inventory.Site) string {
	for i := range s.Clusters[0].Components {
		c := &s.Clusters[0].Components[i]
		if c.Kind == inventory.Foundation && len(c.Nodes) > 0 {
			return c.Nodes[0].Placement.Region
		}
	}
	return ""
}

// exchange swaps two regions; a recovery region that is the constrained one becomes the one first chosen.
type exchange struct{ a, b string }

func (x exchange) code(region string) string {
	switch region {
	case x.a:
		return x.b
	case x.b:
		return x.a
	}
	return region
}

// text exchanges whole words only: a region's code may be the beginning of another's.
func (x exchange) text(s string) string {
	if x.a == "" {
		return s
	}
	var b strings.Builder
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return !letter(r) })
		if n < 0 {
			n = len(s)
		}
		b.WriteString(x.code(s[:n]))
		s = s[n:]
		if n = strings.IndexFunc(s, letter); n < 0 {
			n = len(s)
		}
		b.WriteString(s[:n])
		s = s[n:]
	}
	return b.String()
}

func letter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

func (x exchange) site(s *inventory.Site) {
	nodes := func(nodes []inventory.Node) {
		for i := range nodes {
			nodes[i].Placement.Region = x.code(nodes[i].Placement.Region)
		}
	}
	for i := range s.Clusters {
		for j := range s.Clusters[i].Components {
			nodes(s.Clusters[i].Components[j].Nodes)
		}
	}
	for i := range s.Infrastructure {
		f := &s.Infrastructure[i]
		f.Placement.Region = x.code(f.Placement.Region)
		nodes(f.Nodes)
		nodes(f.PgPool)
		for j := range f.Replicas {
			f.Replicas[j].Region = x.code(f.Replicas[j].Region)
		}
	}
}
