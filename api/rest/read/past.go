package read

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/assess"
)

// Source hands items over one at a time until each returns an error, which it returns.
type Source[T any] func(each func(*T) error) error

// errEnough ends a source whose reader wants no more.
var errEnough = errors.New("enough")

// collected is a collection over a source that is read once. failed is set when the source breaks off.
func collected[T any](fields filter.Fields[*T], key func(*T) []string, source Source[T], failed *error) *collection[*T] {
	return &collection[*T]{fields: fields, key: key, each: func(*Snapshot) iter.Seq[*T] {
		return func(yield func(*T) bool) {
			err := source(func(t *T) error {
				if !yield(t) {
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, errEnough) {
				*failed = err
			}
		}
	}}
}

func collect[T any](s *Snapshot, q Query, fields filter.Fields[*T], key func(*T) []string, source Source[T]) (*page[*T], error) {
	var failed error
	p, err := collected(fields, key, source, &failed).page(s, q)
	if err != nil {
		return nil, err
	}
	return p, failed
}

// IsQueryError reports whether an error tells that the caller's query has no meaning.
func IsQueryError(err error) bool {
	var p *ParameterError
	var f *filter.Error
	return errors.As(err, &p) || errors.As(err, &f)
}

// Coverage sums what the snapshot rests on.
func (s *Snapshot) Coverage() assess.Coverage { return s.coverage() }

// pastMessage leaves the text of a past finding to those who see all sites: it may name neighbours by names that they had
// then, which nothing here knows to hide.
func (s *Snapshot) pastMessage(text string) string {
	if s.scope.all {
		return text
	}
	return ""
}

// changeKey orders newest first: the time counts down.
func changeKey(c *gen.FindingChange) []string {
	return []string{fmt.Sprintf("%020d", math.MaxInt64-max(c.At.UnixNano(), 0)), c.Site, c.Finding, c.Revision, c.RulePackHash}
}

func changeFields(s *Snapshot) filter.Fields[*gen.FindingChange] {
	type t = *gen.FindingChange
	return filter.Of(
		filter.Time("at", func(c t) (time.Time, bool) { return known(c.At) }),
		filter.Enum("change", []string{"opened", "changed", "closed", "waived", "unwaived"}, func(c t) string { return string(c.Change) }),
		filter.Text("site", func(c t) string { return c.Site }),
		filter.Text("cluster", func(c t) string { return c.Cluster }),
		filter.Text("infrastructure", func(c t) string { return c.Infrastructure }),
		filter.Text("node", func(c t) string { return c.Node }),
		filter.Text("finding", func(c t) string { return c.Finding }),
		filter.Text("rule", func(c t) string { return c.Rule }),
		filter.Enum("verdict", []string{"fail", "unknown"}, func(c t) string { return c.Verdict }),
		filter.Ordered("severity", severityNames(), func(c t) string { return c.Severity }),
		filter.Text("message", func(c t) string { return s.pastMessage(c.Message) }),
		filter.Text("waiver", func(c t) string { return c.Waiver }),
	)
}

// Changes lists one page of the changes that the source gives.
func (s *Snapshot) Changes(q Query, source Source[gen.FindingChange]) (*gen.ChangeList, error) {
	p, err := collect(s, q, changeFields(s), changeKey, source)
	if err != nil {
		return nil, err
	}
	items := render(p.items, func(c *gen.FindingChange) gen.FindingChange {
		out := *c
		out.Message = s.pastMessage(c.Message)
		return out
	})
	return &gen.ChangeList{Items: items, Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

func differenceKey(d *gen.Difference) []string {
	return []string{d.Site, string(d.Kind), d.Cluster, d.What}
}

func differenceFields() filter.Fields[*gen.Difference] {
	type t = *gen.Difference
	return filter.Of(
		filter.Enum("kind", []string{"site", "cluster", "finding", "fact"}, func(d t) string { return string(d.Kind) }),
		filter.Enum("change", []string{"joined", "left", "opened", "changed", "closed", "waived", "unwaived"}, func(d t) string { return string(d.Change) }),
		filter.Text("site", func(d t) string { return d.Site }),
		filter.Text("cluster", func(d t) string { return d.Cluster }),
		filter.Text("what", func(d t) string { return d.What }),
		filter.Text("before", func(d t) string { return plain(d.Before) }),
		filter.Text("after", func(d t) string { return plain(d.After) }),
		filter.Text("rule", func(d t) string { return d.Rule }),
		filter.Ordered("severity", severityNames(), func(d t) string { return d.Severity }),
	)
}

// plain is a JSON string without its quotes, as people write it in a filter; all else as it is.
func plain(text string) string {
	if unquoted, err := strconv.Unquote(text); err == nil {
		return unquoted
	}
	return text
}

// Differences lists one page of the differences that the source gives.
func (s *Snapshot) Differences(q Query, source Source[gen.Difference]) (*gen.DifferenceList, error) {
	p, err := collect(s, q, differenceFields(), differenceKey, source)
	if err != nil {
		return nil, err
	}
	items := render(p.items, func(d *gen.Difference) gen.Difference {
		out := *d
		out.Message = s.pastMessage(d.Message)
		return out
	})
	return &gen.DifferenceList{Items: items, Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
