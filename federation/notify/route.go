package notify

import (
	"errors"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/planner/rules"
)

// route decides which events a webhook gets.
type route struct {
	kinds map[Kind]bool
	match func(*Event) bool
}

func newRoute(s *Spec) (*route, error) {
	expr, err := filter.Parse(s.Filter)
	var match func(*Event) bool
	if err == nil {
		match, err = filter.Compile(expr, fields())
	}
	if err != nil {
		var mistake *filter.Error
		if errors.As(err, &mistake) {
			return nil, &Error{Kind: Invalid, Pointer: "/filter", Detail: mistake.Error()}
		}
		return nil, err
	}
	r := &route{kinds: map[Kind]bool{}, match: match}
	for _, k := range s.Events {
		r.kinds[k] = true
	}
	return r, nil
}

func (r *route) matches(e *Event) bool { return r.kinds[e.Kind] && r.match(e) }

// Fields are the names that a route's filter may use, sorted.
func Fields() []string { return fields().Names() }

// fields of a route are all fields of the findings list too, so that a digest can ask that list with the same filter.
func fields() filter.Fields[*Event] {
	return filter.Of(
		filter.Text("site", func(e *Event) string { return e.Site }),
		filter.Text("country", func(e *Event) string { return e.Country }),
		filter.Texts("region", func(e *Event) []string { return e.Regions }),
		filter.Keyed("tag", func(e *Event, k string) string { return e.Tags[k] }),
		filter.Text("cluster", func(e *Event) string { return e.Cluster }),
		filter.Text("infrastructure", func(e *Event) string { return e.Infrastructure }),
		filter.Text("node", func(e *Event) string { return e.Node }),
		filter.Text("rule", func(e *Event) string { return e.Rule }),
		filter.Ordered("severity", severities(), func(e *Event) string { return string(e.Severity) }),
		filter.Enum("verdict", []string{string(rules.Fail), string(rules.Unknown)}, func(e *Event) string { return string(e.Verdict) }),
		filter.Enum("confidence", []string{string(rules.Official), string(rules.Inferred), string(rules.ByPolicy), string(rules.UserRule)}, func(e *Event) string {
			return string(e.Confidence)
		}),
		filter.Bool("waived", func(e *Event) (bool, bool) { return e.Waived, true }),
	)
}
