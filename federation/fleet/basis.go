package fleet

import (
	"crypto/sha256"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recommend"
)

// structures are what a judgement of a site rests on of that site and of its neighbours; the zero value is not known. Most revisions measure anew and
// change no structure, and what follows from structures costs many times what all else of an assessment does.
type structures [sha256.Size]byte

func structuresOf(r *Record, neighbours []*inventory.Site, lookup func(string) (*Record, bool)) structures {
	if r.structure == (inventory.Structure{}) {
		return structures{}
	}
	sum := sha256.New()
	_, _ = sum.Write(r.structure.Site[:])
	for _, n := range neighbours {
		other, ok := lookup(n.Site.ID)
		if !ok || other.structure == (inventory.Structure{}) {
			return structures{}
		}
		// A structure names its site.
		_, _ = sum.Write(other.structure.Seen[:])
	}
	return structures(sum.Sum(nil))
}

// under is the basis of a judgement under the rules and the policy of a hash.
func (s structures) under(hash string) assess.Basis {
	if s == (structures{}) {
		return assess.Basis{}
	}
	sum := sha256.Sum256(append(s[:], hash...))
	return assess.Basis(sum[:len(assess.Basis{})])
}

// rests reports whether an assessment rests on a basis that is known.
func rests(a *assess.Assessment, on assess.Basis) bool {
	return a != nil && on != (assess.Basis{}) && a.Basis == on
}

// alone reports whether an update changes nothing that another site's judgement looks at but for instants: from when a failure counts that was there
// before stays as it is.
func alone(before *Record, u *Update) bool {
	return u.Structure != (inventory.Structure{}) && u.Structure.Seen == before.structure.Seen
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
