package recognise

import (
	"fmt"
	"math"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Shares of an instance's worth. They are ours: PTC ranks no deviation.
const (
	requiredShare  = 0.5  // an instance against a required placement
	advisedShare   = 0.4  // an instance against an advised placement
	placementCap   = 0.75 // all placements of one instance together; less than a missing one
	extraShare     = 0.5  // at most, for instances beyond the maximum
	evenShare      = 0.25 // an even count where an odd one is asked for, or one not divisible as asked
	redundantShare = 0.5  // redundancy missing where it is asked for
	engineShare    = 0.5  // a database product the architecture does not allow
)

// measure computes the score of one architecture. With out it also lists the deviations.
func (f *facts) measure(a *catalog.Architecture, out *Result) score {
	var total, weight, matched float64
	var covered [16]bool
	sh := f.shape
	for i := range a.Parts {
		p := &a.Parts[i]
		if !p.When.Applies(sh.Engine, sh.Timeseries, sh.Ignite) && !f.standsIn(a, p) {
			continue
		}
		covered[p.Kind.Index()] = true
		have := &sh.Parts[p.Kind.Index()]
		need := p.Min.Count(f.demand)
		if need == 0 && !have.Present() {
			continue
		}
		d := f.part(a, p, need, out)
		weight += p.Weight
		total += p.Weight * d
		if have.Present() {
			matched += p.Weight * (1 - d)
		}
	}
	for _, k := range catalog.Kinds() {
		p := &sh.Parts[k.Index()]
		if covered[k.Index()] || !p.Present() {
			continue
		}
		w := foreignWeight(k)
		weight += w
		total += w
		if out != nil {
			out.Extra = append(out.Extra, Deviation{Kind: string(k), Have: max(1, p.Count), Need: 0, Why: fmt.Sprintf("%s has no part of this kind", a.Title)})
		}
	}
	for i := range a.Signs {
		weight += a.Signs[i].Weight
		v := f.sign(a, a.Signs[i].Sign)
		total += a.Signs[i].Weight * v
		if v > 0 && out != nil {
			out.Misplaced = append(out.Misplaced, Misplaced{Kind: "cluster", Why: signText(a.Signs[i].Sign) + "; " + a.Signs[i].Why})
		}
	}
	if weight == 0 {
		return score{distance: 1}
	}
	return score{distance: min(1, max(0, round(total/weight))), matched: matched}
}

// standsIn lets the first database line of an architecture speak for a cluster whose engine is not known or not allowed, so
// that a missing or wrong database always counts.
func (f *facts) standsIn(a *catalog.Architecture, p *catalog.Part) bool {
	if p.Kind != catalog.KindDatabase {
		return false
	}
	for i := range a.Parts {
		if a.Parts[i].Kind == catalog.KindDatabase && a.Parts[i].When.Applies(f.shape.Engine, f.shape.Timeseries, f.shape.Ignite) {
			return false
		}
	}
	for i := range a.Parts {
		if a.Parts[i].Kind == catalog.KindDatabase {
			return &a.Parts[i] == p
		}
	}
	return false
}

// part returns how far one part falls short, in [0,1].
func (f *facts) part(a *catalog.Architecture, p *catalog.Part, need int, out *Result) float64 {
	have := &f.shape.Parts[p.Kind.Index()]
	n, most := have.Count, p.Max.Count(f.demand)
	if have.Managed {
		n = max(n, need)
	}
	if p.Redundant && have.NotRedundant && p.Kind == catalog.KindLoadBalancer {
		n = min(n, need)
	}
	slots := max(1, need)
	var d float64
	if n < need {
		d += float64(need-n) / float64(slots)
		if out != nil {
			out.Missing = append(out.Missing, Deviation{Kind: string(p.Kind), Have: n, Need: need, Why: p.Why})
		}
	}
	if n > most && !have.Managed {
		d += extraShare * min(1, float64(n-most)/float64(max(1, most)))
		if out != nil {
			out.Extra = append(out.Extra, Deviation{Kind: string(p.Kind), Have: n, Need: most, Why: fmt.Sprintf("%s has at most %d", a.Title, most)})
		}
	}
	d += f.arithmetic(p, n, need, most, out)
	if p.Redundant && p.Kind == catalog.KindStorage && have.NotRedundant && n >= need {
		d += redundantShare
		if out != nil {
			out.Missing = append(out.Missing, Deviation{Kind: string(p.Kind), Have: 1, Need: 2, Why: "the storage has no redundancy"})
		}
	}
	if p.Kind == catalog.KindDatabase && f.shape.Engine != "" {
		if _, ok := a.Database(f.shape.Engine); !ok {
			d += engineShare
			if out != nil {
				out.Misplaced = append(out.Misplaced, Misplaced{Kind: string(p.Kind), Why: fmt.Sprintf("%s is not a database for %s", f.shape.Engine, a.Title)})
			}
		}
	}
	if have.Present() {
		d += f.placed(a, p.Kind, slots, out)
	}
	return min(1, d)
}

// arithmetic judges counts that must be odd or divisible. Only counts that are high enough are judged, so that one more
// missing instance never looks better.
func (f *facts) arithmetic(p *catalog.Part, n, need, most int, out *Result) float64 {
	if n <= need || n > most {
		return 0
	}
	if p.Odd && n%2 == 0 {
		if out != nil {
			out.Extra = append(out.Extra, Deviation{Kind: string(p.Kind), Have: n, Need: n - 1, Why: "an even count tolerates no more failures than one less"})
		}
		return evenShare
	}
	if m := p.MultipleOf.Count(f.demand); m > 1 && n%m != 0 {
		if out != nil {
			out.Extra = append(out.Extra, Deviation{Kind: string(p.Kind), Have: n, Need: n - n%m, Why: fmt.Sprintf("the count is not divisible by the replication factor %d", m)})
		}
		return evenShare
	}
	return 0
}

// foreignWeight is the weight of a part an architecture does not have.
func foreignWeight(k catalog.Kind) float64 {
	switch k {
	case catalog.KindPgPool:
		return 0.5
	case catalog.KindFoundation, catalog.KindDatabase, catalog.KindInflux, catalog.KindInfluxData, catalog.KindZooKeeper, catalog.KindConnectionServer:
		return 2
	}
	return 1
}

// sign returns 0 when a sign holds or is not known, 1 when it does not, between for a share.
func (f *facts) sign(a *catalog.Architecture, s catalog.SignName) float64 {
	c := f.cluster
	switch s {
	case catalog.SignClustered:
		return wrong(c.ClusteredMode != nil && !*c.ClusteredMode)
	case catalog.SignNotClustered:
		return wrong(c.Clustered())
	case catalog.SignProduction:
		return wrong(c.Environment == inventory.Development)
	case catalog.SignNotProduction:
		return wrong(c.Environment == inventory.Production)
	case catalog.SignPackedOrShared:
		return wrong(!f.shared && !f.packed(f.need(a, catalog.KindZooKeeper)))
	case catalog.SignConnectionsShare:
		need := max(1, f.need(a, catalog.KindFoundation))
		with := 0
		for _, n := range f.nodes(catalog.KindFoundation) {
			if f.onMachine(catalog.KindConnectionServer, n.Machine) > 0 {
				with++
			}
		}
		return 1 - min(1, float64(with)/float64(max(need, len(f.nodes(catalog.KindFoundation)))))
	}
	return 0
}

// need is the required count of a kind in an architecture for the cluster's choices.
func (f *facts) need(a *catalog.Architecture, k catalog.Kind) int {
	for i := range a.Parts {
		p := &a.Parts[i]
		if p.Kind == k && p.When.Applies(f.shape.Engine, f.shape.Timeseries, f.shape.Ignite) {
			return p.Min.Count(f.demand)
		}
	}
	return 0
}

func signText(s catalog.SignName) string {
	switch s {
	case catalog.SignClustered:
		return "clustered mode is off"
	case catalog.SignNotClustered:
		return "clustered mode is on"
	case catalog.SignProduction:
		return "the cluster is used for development"
	case catalog.SignNotProduction:
		return "the cluster is used for production"
	case catalog.SignPackedOrShared:
		return "ZooKeeper has machines of its own and no infrastructure is shared"
	default:
		return "a Foundation machine runs no connection server"
	}
}

func wrong(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// round removes the noise of summation, so that equal clusters print equal distances.
func round(v float64) float64 { return math.Round(v*1e9) / 1e9 }
