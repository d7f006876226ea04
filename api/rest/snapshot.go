package rest

import (
	"iter"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
)

// snapshot is one consistent read on behalf of one caller.
type snapshot struct {
	api   *api
	view  fleet.View
	index uint64
	scope scope
}

func (a *api) snapshot(c *call) *snapshot {
	v := a.View()
	return &snapshot{api: a, view: v, index: v.Index(), scope: c.scope}
}

// records yields the records the caller may see, in order of site.
func (s *snapshot) records() iter.Seq[*fleet.Record] {
	if s.scope.all {
		return s.view.Sites("")
	}
	return func(yield func(*fleet.Record) bool) {
		for _, id := range s.scope.sites {
			if r, ok := s.view.Site(id); ok && !yield(r) {
				return
			}
		}
	}
}

// site returns one record, or 404 whether it does not exist or is out of scope.
func (s *snapshot) site(id string) (*summary, error) {
	if s.scope.allows(id) {
		if r, ok := s.view.Site(id); ok {
			return s.api.summaries.of(r), nil
		}
	}
	return nil, fail(404, "there is no site "+id)
}

// liveness of a record that tells none is lost: unknown is never live.
func liveness(r *fleet.Record) fleet.Liveness {
	if r.Liveness == "" {
		return fleet.Lost
	}
	return r.Liveness
}

// coverage sums what the answers to this caller rest on.
func (s *snapshot) coverage() assess.Coverage {
	if s.scope.all {
		return s.fleet().coverage
	}
	var c assess.Coverage
	for r := range s.records() {
		cover(&c, r)
	}
	return c
}

func (s *snapshot) fleet() *fleetIndex { return s.api.summaries.whole(s.view) }

// cover adds one site. One that is stale or lost counts as stale.
func cover(c *assess.Coverage, r *fleet.Record) {
	c.Sites++
	if l := liveness(r); l == fleet.Stale || l == fleet.Lost {
		c.Stale++
	} else {
		c.Fresh++
	}
	if r.Assessment != nil {
		c.FactsKnown += r.Assessment.Coverage.FactsKnown
		c.FactsNeeded += r.Assessment.Coverage.FactsNeeded
	}
}
