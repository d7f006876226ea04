package fleet

import (
	"crypto/sha256"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recommend"
)

// basis is what a judgement of a site rests on beside rules, policy and measurements. Most revisions measure anew and change no structure, and
// what follows from structures costs many times what all else of an assessment does.
func (f *Fleet) basis(r *Record, neighbours []*inventory.Site, lookup func(string) (*Record, bool)) assess.Basis {
	if r.structure == (inventory.Structure{}) {
		return assess.Basis{}
	}
	sum := sha256.New()
	_, _ = sum.Write(r.structure.Site[:])
	for _, n := range neighbours {
		other, ok := lookup(n.Site.ID)
		if !ok || other.structure == (inventory.Structure{}) {
			return assess.Basis{}
		}
		// A structure names its site.
		_, _ = sum.Write(other.structure.Seen[:])
	}
	return assess.Basis(sum.Sum(nil)[:len(assess.Basis{})])
}

// rests reports whether an assessment rests on a basis that is known.
func rests(a *assess.Assessment, on assess.Basis) bool {
	return a != nil && on != (assess.Basis{}) && a.Basis == on
}

// recommended are the recommendations of an assessment, without those that rest on measurements.
func recommended(a *assess.Assessment) map[string]recommend.Packed {
	out := make(map[string]recommend.Packed, len(a.Clusters))
	for i := range a.Clusters {
		if c := &a.Clusters[i]; !c.Recommendation.Measured() {
			out[c.Cluster] = c.Recommendation
		}
	}
	return out
}
