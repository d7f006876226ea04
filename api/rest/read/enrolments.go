package read

import (
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
)

func enrolmentCollection(list []gen.Enrolment) *collection[*gen.Enrolment] {
	return &collection[*gen.Enrolment]{
		fields: enrolmentFields(),
		key:    enrolmentKey,
		each: func(s *Snapshot) iter.Seq[*gen.Enrolment] {
			return func(yield func(*gen.Enrolment) bool) {
				for i := range list {
					if s.scope.Allows(list[i].Site) && !yield(&list[i]) {
						return
					}
				}
			}
		},
	}
}

// enrolmentKey orders by site and then newest first: the time counts down.
func enrolmentKey(e *gen.Enrolment) []string {
	return []string{e.Site, fmt.Sprintf("%020d", math.MaxInt64-max(e.Requested.At.UnixNano(), 0)), e.Id}
}

func enrolmentFields() filter.Fields[*gen.Enrolment] {
	type t = *gen.Enrolment
	return filter.Of(
		filter.Text("id", func(e t) string { return e.Id }),
		filter.Text("site", func(e t) string { return e.Site }),
		filter.Text("state", func(e t) string { return string(e.State) }),
		filter.Time("requestedAt", func(e t) (time.Time, bool) { return known(e.Requested.At) }),
		filter.Text("requestedBy", func(e t) string { return e.Requested.Name }),
		filter.Time("tokenExpires", func(e t) (time.Time, bool) { return known(e.TokenExpires) }),
		filter.Time("expires", func(e t) (time.Time, bool) { return known(e.Expires) }),
	)
}

// Enrolments lists one page of enrolments, which are given in order of site and newest first.
func (s *Snapshot) Enrolments(list []gen.Enrolment, q Query) (*gen.EnrolmentList, error) {
	p, err := enrolmentCollection(list).page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.EnrolmentList{Items: render(p.items, func(e *gen.Enrolment) gen.Enrolment { return *e }), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
