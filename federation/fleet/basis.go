package fleet

import (
	"crypto/sha256"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recommend"
)

// basis identifies all that a recommendation rests on beside rules and policy: the structure of the site and of its
// neighbours. Most revisions measure anew and change neither, and a recommendation costs ten times what all else of an
// assessment does. The zero value is not known.
type basis [sha256.Size]byte

func (f *Fleet) basis(r *Record, neighbours []*inventory.Site, lookup func(string) (*Record, bool)) basis {
	if r.structure == (inventory.Structure{}) {
		return basis{}
	}
	sum := sha256.New()
	_, _ = sum.Write(r.structure[:])
	for _, n := range neighbours {
		other, ok := lookup(n.Site.ID)
		if !ok || other.structure == (inventory.Structure{}) {
			return basis{}
		}
		// A structure names its site.
		_, _ = sum.Write(other.structure[:])
	}
	return basis(sum.Sum(nil))
}

// recommended are the recommendations of the previous assessment that hold still. One that states a measured round trip
// rests on measurements too, and is made anew.
func recommended(previous *assess.Assessment, before, now basis) map[string]recommend.Recommendation {
	if previous == nil || before == (basis{}) || before != now {
		return nil
	}
	out := make(map[string]recommend.Recommendation, len(previous.Clusters))
	for i := range previous.Clusters {
		if c := &previous.Clusters[i]; !c.Recommendation.Measured() {
			out[c.Cluster] = c.Recommendation
		}
	}
	return out
}
