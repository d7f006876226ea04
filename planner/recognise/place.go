package recognise

import (
	"fmt"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// placed returns the share of a part's required instances that stand where they should not.
func (f *facts) placed(a *catalog.Architecture, k catalog.Kind, slots int, out *Result) float64 {
	part := &f.shape.Parts[k.Index()]
	if len(part.Nodes) == 0 {
		return f.placedInfra(a, part, k, out)
	}
	var sum float64
	for i, n := range part.Nodes {
		var v float64
		for j := range a.Placement {
			p := &a.Placement[j]
			if p.Part != k {
				continue
			}
			by := f.violation(a, p, i, n)
			if by == 0 {
				continue
			}
			v += by * share(p)
			if out != nil {
				out.Misplaced = append(out.Misplaced, Misplaced{Kind: string(k), Node: n.Name, Why: f.text(p, n) + "; " + p.Why})
			}
		}
		sum += min(placementCap, v)
	}
	// Spare instances dilute: three of six in the wrong place are half of what is required, not all of it.
	return sum / float64(max(slots, len(part.Nodes)))
}

func (f *facts) placedInfra(a *catalog.Architecture, part *catalog.PartFacts, k catalog.Kind, out *Result) float64 {
	var sum float64
	for _, inf := range part.Infra {
		for j := range a.Placement {
			p := &a.Placement[j]
			if p.Part != k || p.Rule != catalog.SameRegion || !f.elsewhere(p, inf.Placement) {
				continue
			}
			sum += share(p)
			if out != nil {
				out.Misplaced = append(out.Misplaced, Misplaced{Kind: string(k), Node: inf.ID, Why: f.elsewhereText(p, inf.Placement) + "; " + p.Why})
			}
		}
	}
	return min(placementCap, sum/float64(max(1, len(part.Infra))))
}

func share(p *catalog.Placement) float64 {
	if p.Required {
		return requiredShare
	}
	return advisedShare
}

// violation returns by how much node i of a part violates a placement, in [0,1].
func (f *facts) violation(a *catalog.Architecture, p *catalog.Placement, i int, n *inventory.Node) float64 {
	switch p.Rule {
	case catalog.Apart:
		var v float64
		for _, o := range p.Others {
			if c := f.onMachine(o, n.Machine); c > 0 {
				v += float64(c) / float64(max(1, f.need(a, o)))
			}
		}
		return min(1, v)
	case catalog.OnMachine:
		for _, o := range p.Others {
			if f.onMachine(o, n.Machine) > 0 && !f.earlier(p.Part, i, n.Machine) {
				return 0
			}
		}
		return 1
	case catalog.Spread:
		return wrong(f.earlier(p.Part, i, n.Machine))
	case catalog.SameRegion:
		return wrong(f.elsewhere(p, n.Placement))
	case catalog.OneZone:
		return wrong(n.Placement.Region != "" && !samePlace(f.home(p.Part), n.Placement))
	}
	return 0
}

// text says how a node violates a placement.
func (f *facts) text(p *catalog.Placement, n *inventory.Node) string {
	switch p.Rule {
	case catalog.Apart:
		with := p.Others[0]
		for _, o := range p.Others {
			if f.onMachine(o, n.Machine) > 0 {
				with = o
			}
		}
		return fmt.Sprintf("shares machine %s with %s", n.Machine, with)
	case catalog.OnMachine:
		return fmt.Sprintf("is not alone of its kind on a machine of %s", p.Others[0])
	case catalog.Spread:
		return "shares machine " + n.Machine + " with another " + string(p.Part)
	case catalog.SameRegion:
		return f.elsewhereText(p, n.Placement)
	default:
		return fmt.Sprintf("is in %s, others are in %s", placeName(n.Placement), placeName(f.home(p.Part)))
	}
}

// earlier reports whether a node of the kind before i is on the machine.
func (f *facts) earlier(k catalog.Kind, i int, machine string) bool {
	if machine == "" {
		return false
	}
	for _, x := range f.nodes(k)[:i] {
		if x.Machine == machine {
			return true
		}
	}
	return false
}

// elsewhere reports whether a placement is known to be in the region of none of the others. Others that are missing
// altogether leave it elsewhere; one whose region is not known leaves it undecided.
func (f *facts) elsewhere(p *catalog.Placement, at inventory.Placement) bool {
	if at.Region == "" {
		return false
	}
	for _, o := range p.Others {
		part := &f.shape.Parts[o.Index()]
		for _, n := range part.Nodes {
			if n.Placement.Region == "" || sameRegion(n.Placement, at) {
				return false
			}
		}
		if len(part.Nodes) > 0 {
			continue
		}
		for _, inf := range part.Infra {
			if inf.Placement.Region == "" || sameRegion(inf.Placement, at) {
				return false
			}
		}
	}
	return true
}

func (f *facts) elsewhereText(p *catalog.Placement, at inventory.Placement) string {
	for _, o := range p.Others {
		for _, n := range f.nodes(o) {
			return fmt.Sprintf("is in %s, %s in %s", at.Region, o, n.Placement.Region)
		}
	}
	return fmt.Sprintf("is in %s, %s is missing", at.Region, p.Others[0])
}

// home is the place of most nodes of a kind; of equals the one listed first.
func (f *facts) home(k catalog.Kind) inventory.Placement {
	var best inventory.Placement
	most := 0
	for _, n := range f.nodes(k) {
		if n.Placement.Region == "" {
			continue
		}
		c := 0
		for _, m := range f.nodes(k) {
			if samePlace(n.Placement, m.Placement) {
				c++
			}
		}
		if c > most {
			best, most = n.Placement, c
		}
	}
	return best
}

func sameRegion(a, b inventory.Placement) bool {
	return a.Region == b.Region && (a.Provider == b.Provider || a.Provider == "" || b.Provider == "")
}

// samePlace compares region and zone; a zone that is not known agrees with any.
func samePlace(a, b inventory.Placement) bool {
	return sameRegion(a, b) && (a.Zone == b.Zone || a.Zone == "" || b.Zone == "")
}

func placeName(p inventory.Placement) string {
	if p.Zone == "" {
		return p.Region
	}
	return p.Region + " zone " + p.Zone
}
