package recognise

import (
	"math"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// Cluster recognises one cluster. shared tells whether it shares infrastructure with another cluster; a cluster that
// declares so itself counts as sharing, too.
func Cluster(s *inventory.Site, c *inventory.Cluster, size sizing.Result, shared bool, cat *catalog.Catalog) Result {
	f := factsOf(s, c, size, shared)
	overlays := overlaysOf(s, f, cat)
	if !f.any() {
		return Result{Distance: 1, Overlays: overlays}
	}
	var best *catalog.Architecture
	var bestScore score
	for _, a := range cat.Architectures() {
		sc := f.measure(a, nil)
		if best == nil || sc.before(bestScore) {
			best, bestScore = a, sc
		}
	}
	if best == nil {
		return Result{Distance: 1, Overlays: overlays}
	}
	out := Result{Architecture: best.ID, Name: best.Title, Overlays: overlays, Distance: bestScore.distance}
	f.measure(best, &out)
	return out
}

// Distance returns how far a cluster is from one architecture of the catalogue, in [0,1].
func Distance(s *inventory.Site, c *inventory.Cluster, size sizing.Result, shared bool, a *catalog.Architecture) float64 {
	return factsOf(s, c, size, shared).measure(a, nil).distance
}

// score orders architectures: by distance, then by how much of the cluster the architecture accounts for, so that of two
// that fit the one that says more wins.
type score struct {
	distance float64
	matched  float64
}

func (a score) before(b score) bool {
	if math.Abs(a.distance-b.distance) > 1e-12 {
		return a.distance < b.distance
	}
	return a.matched > b.matched+1e-12
}

func overlaysOf(s *inventory.Site, f *facts, cat *catalog.Catalog) []string {
	var out []string
	for _, o := range cat.Overlays() {
		switch o.ID {
		case catalog.SharedInfrastructure:
			if f.shared {
				out = append(out, o.ID)
			}
		case catalog.Distributed:
			if s.Site.Role == inventory.RoleHub || s.Site.Role == inventory.RoleSpoke {
				out = append(out, o.ID)
			}
		}
	}
	return out
}
