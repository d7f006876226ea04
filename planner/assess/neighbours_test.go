package assess_test

import (
	"slices"
	"testing"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// TestDependantsAreTheInverseOfNeighbours: a site must be judged again when, and only when, another changes that it looks at.
func TestDependantsAreTheInverseOfNeighbours(t *testing.T) {
	e := engine(t)
	sites := sample(t, e)
	bySite := func(id string) (*inventory.Site, bool) { s, ok := sites[id]; return s, ok }
	byKey := func(k tenancy.Key) []string {
		var ids []string
		for id, s := range sites {
			for i := range s.Infrastructure {
				if slices.Contains(tenancy.KeysOf(id, &s.Infrastructure[i]), k) {
					ids = append(ids, id)
				}
			}
		}
		return ids
	}
	spokes := func(hub string) []string {
		var ids []string
		for id, s := range sites {
			if s.Site.Hub == hub {
				ids = append(ids, id)
			}
		}
		return ids
	}
	pairs := 0
	for id, s := range sites {
		for other := range sites {
			if id == other {
				continue
			}
			looks := slices.ContainsFunc(assess.Neighbours(s, bySite, byKey), func(n *inventory.Site) bool { return n.Site.ID == other })
			concerned := slices.Contains(assess.Dependants(sites[other], bySite, byKey, spokes), id)
			if looks != concerned {
				t.Errorf("%s looks at %s: %v; a change of %s concerns %s: %v", id, other, looks, other, id, concerned)
			}
			if looks {
				pairs++
			}
		}
	}
	if pairs < 9 {
		t.Errorf("only %d pairs are related; the sample has no test of the law", pairs)
	}
}
