package read

import (
	"iter"

	"github.com/meridian-federation/meridian/api/rest/read/follow"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
)

// Snapshot is one consistent read on behalf of one caller. Hold it briefly.
type Snapshot struct {
	reader *Reader
	view   fleet.View
	scope  Scope
}

// Index is the view's.
func (s *Snapshot) Index() uint64 { return s.view.Index() }

// View is what is read, of all sites: what is made of it has to keep to the scope by itself.
func (s *Snapshot) View() fleet.View { return s.view }

// records yields the records the caller may see, in order of site.
func (s *Snapshot) records() iter.Seq[*fleet.Record] {
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
func (s *Snapshot) site(id string) (*summary, error) {
	if s.scope.Allows(id) {
		if r, ok := s.view.Site(id); ok {
			return s.reader.summaries.Of(r), nil
		}
	}
	var known []string
	for r := range s.records() {
		known = append(known, r.ID)
	}
	return nil, &NotFound{"site " + id, "site", document.Nearest(id, known)}
}

// liveness of a record that tells none is lost: unknown is never live.
func liveness(r *fleet.Record) fleet.Liveness {
	if r.Liveness == "" {
		return fleet.Lost
	}
	return r.Liveness
}

// coverage sums what the answers to this caller rest on.
func (s *Snapshot) coverage() assess.Coverage {
	if s.scope.all {
		return s.fleet().Coverage()
	}
	var c assess.Coverage
	for r := range s.records() {
		follow.Cover(&c, r)
	}
	return c
}

func (s *Snapshot) fleet() *follow.Index[*summary] { return s.reader.summaries.At(s.view) }
