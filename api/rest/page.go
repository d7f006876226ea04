package rest

import (
	"encoding/base64"
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/api/rest/filter"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
	ranks        = 6 // five severities and none
)

// query is what a caller asks of a collection.
type query struct {
	limit      int
	cursor     string
	filter     string
	bySeverity bool
}

// collection lists items of one kind. Items come in the order of key, which is unique; a cursor is the key of the last
// item given, so that pages neither repeat nor skip what stays while other items come and go.
type collection[T any] struct {
	fields filter.Fields[T]
	each   func(s *snapshot) iter.Seq[T]
	key    func(T) []string
	rank   func(T) int // of severity, 0 the worst; nil when the collection has none
}

type page[T any] struct {
	items    []T
	next     string
	total    int
	coverage assess.Coverage
}

type cursor struct {
	Rank *int     `json:"r,omitempty"`
	Key  []string `json:"k"`
}

func (c *cursor) encode() string {
	b, err := json.Marshal(c)
	if err != nil {
		return "" // strings and an integer always encode
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeCursor(text string, bySeverity bool) (*cursor, error) {
	if text == "" {
		return nil, nil
	}
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || len(c.Key) == 0 || len(c.Key) > 8 || (c.Rank != nil) != bySeverity || (c.Rank != nil && (*c.Rank < 0 || *c.Rank >= ranks)) {
		return nil, badParameter("cursor", "the cursor is not one that this query gave; begin again without it")
	}
	return &c, nil
}

func (c *collection[T]) page(s *snapshot, q query) (*page[T], error) {
	after, err := decodeCursor(q.cursor, q.bySeverity)
	if err != nil {
		return nil, err
	}
	expr, err := filter.Parse(q.filter)
	if err != nil {
		return nil, err
	}
	match, err := filter.Compile(expr, c.fields)
	if err != nil {
		return nil, err
	}
	limit := q.limit
	if limit == 0 {
		limit = defaultLimit
	}
	p := &page[T]{coverage: s.coverage()}
	// One item more than the page holds tells whether there is a next page. Without an order by severity only bucket 0 fills.
	var buckets [ranks][]T
	for item := range c.each(s) {
		if !match(item) {
			continue
		}
		p.total++
		r := 0
		if q.bySeverity {
			r = min(c.rank(item), ranks-1)
		}
		if len(buckets[r]) > limit || (after != nil && !c.follows(item, r, after)) {
			continue
		}
		buckets[r] = append(buckets[r], item)
	}
	for r := range buckets {
		p.items = append(p.items, buckets[r]...)
	}
	if len(p.items) > limit {
		p.items = p.items[:limit]
		last := p.items[limit-1]
		next := cursor{Key: c.key(last)}
		if q.bySeverity {
			r := min(c.rank(last), ranks-1)
			next.Rank = &r
		}
		p.next = next.encode()
	}
	return p, nil
}

func (c *collection[T]) follows(item T, r int, after *cursor) bool {
	if after.Rank != nil && r != *after.Rank {
		return r > *after.Rank
	}
	return slices.Compare(c.key(item), after.Key) > 0
}

// render maps a page's items to their JSON form; the result is never nil.
func render[T, R any](items []T, f func(T) R) []R {
	out := make([]R, len(items))
	for i := range items {
		out[i] = f(items[i])
	}
	return out
}

func severityNames() []string {
	var out []string
	for _, s := range rules.Severities() {
		out = append(out, string(s))
	}
	return out
}

func orEmpty[S ~[]E, E any](s S) S {
	if s == nil {
		return S{}
	}
	return s
}

func key(site, cluster string) string { return site + "/" + cluster }

func splitKey(k string) (site, rest string) {
	site, rest, _ = strings.Cut(k, "/")
	return site, rest
}
