package read

import (
	"fmt"
	"iter"
	"math"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/fleet"
)

func rejectionCollection() *collection[*fleet.Rejection] {
	return &collection[*fleet.Rejection]{
		fields: rejectionFields(),
		key:    rejectionKey,
		each: func(s *Snapshot) iter.Seq[*fleet.Rejection] {
			return func(yield func(*fleet.Rejection) bool) {
				for r := range s.view.Rejections() {
					if s.scope.Allows(r.Site) && !yield(r) {
						return
					}
				}
			}
		},
	}
}

// rejectionKey orders by site and then newest first: the time counts down.
func rejectionKey(r *fleet.Rejection) []string {
	return []string{r.Site, fmt.Sprintf("%020d", math.MaxInt64-max(r.At.UnixNano(), 0)), fmt.Sprintf("%020d", math.MaxUint64-r.Sequence)}
}

func rejectionFields() filter.Fields[*fleet.Rejection] {
	type t = *fleet.Rejection
	return filter.Of(
		filter.Text("site", func(r t) string { return r.Site }),
		filter.Text("revision", func(r t) string { return r.Revision }),
		filter.Time("at", func(r t) (time.Time, bool) { return known(r.At) }),
		filter.Text("reason", func(r t) string { return r.Reason }),
		filter.Text("detail", func(r t) string { return r.Detail }),
		filter.Text("sequence", func(r t) string { return strconv.FormatUint(r.Sequence, 10) }),
	)
}

// Rejections lists one page of the collection.
func (s *Snapshot) Rejections(q Query) (*gen.RejectionList, error) {
	p, err := s.reader.rejections.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.RejectionList{Items: render(p.items, func(r *fleet.Rejection) fleet.Rejection { return *r }), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
