package read

import (
	"encoding/base64"
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/read/follow"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

const (
	defaultLimit = 100
	ranks        = 6 // five severities and none
)

// Query is what a caller asks of a collection. The zero value is the first page of everything.
type Query struct {
	Limit      int    // 100 when 0; the contract bounds it
	Cursor     string // next of the page before
	Filter     string
	BySeverity bool // worst first
}

// collection lists items of one kind. Items come in the order of key, which is unique; a cursor is the key of the last
// item given, so that pages neither repeat nor skip what stays while other items come and go.
type collection[T any] struct {
	fields filter.Fields[T]
	key    func(T) []string
	rank   func(T) int // of severity, 0 the worst; nil when the collection has none
	// site yields the items of one site, in order, and returns false when yield did. They depend on the site's record
	// alone, and their keys begin with the site's id.
	site func(s *Snapshot, sum *summary, yield func(T) bool) bool
	each func(s *Snapshot) iter.Seq[T] // instead of site, when items are not of one site each
	seen follow.Selections[*summary, T]
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
		return nil, parameter("cursor", "the cursor is not one that this query gave; begin again without it")
	}
	return &c, nil
}

func (c *collection[T]) page(s *Snapshot, q Query) (*page[T], error) {
	after, err := decodeCursor(q.Cursor, q.BySeverity)
	if err != nil {
		return nil, err
	}
	expr, err := filter.Parse(q.Filter)
	if err != nil {
		return nil, err
	}
	match, err := filter.Compile(expr, c.fields)
	if err != nil {
		return nil, err
	}
	b := &builder[T]{c: c, after: after, limit: q.Limit, bySeverity: q.BySeverity}
	if b.limit == 0 {
		b.limit = defaultLimit
	}
	switch {
	case c.each != nil:
		for item := range c.each(s) {
			if match(item) {
				b.add(item)
			}
		}
	case s.scope.all:
		c.fromFleet(s, expr, match, b)
	default:
		for r := range s.records() {
			c.site(s, s.reader.summaries.Of(r), func(item T) bool {
				if match(item) {
					b.add(item)
				}
				return true
			})
		}
	}
	return b.page(s.coverage()), nil
}

// fromFleet takes a page from what is remembered of the filter. Without an order by severity it looks at no site before
// the cursor's and at none after the page's end.
func (c *collection[T]) fromFleet(s *Snapshot, expr *filter.Expr, match func(T) bool, b *builder[T]) {
	sel := c.seen.Of(s.fleet(), expr.String(), func(sum *summary, yield func(T) bool) bool { return c.site(s, sum, yield) }, match)
	from := ""
	if b.after != nil && !b.bySeverity {
		from = b.after.Key[0]
	}
	for hits := range sel.From(from) {
		if b.full() {
			break
		}
		for _, item := range hits {
			b.add(item)
		}
	}
	b.total = sel.Total()
}

// builder collects one page and one item more, which tells that there is a next page. Without an order by severity only
// bucket 0 fills.
type builder[T any] struct {
	c          *collection[T]
	after      *cursor
	limit      int
	bySeverity bool
	total      int
	buckets    [ranks][]T
}

func (b *builder[T]) full() bool { return !b.bySeverity && len(b.buckets[0]) > b.limit }

func (b *builder[T]) rank(item T) int {
	if !b.bySeverity {
		return 0
	}
	return min(b.c.rank(item), ranks-1)
}

func (b *builder[T]) add(item T) {
	b.total++
	r := b.rank(item)
	if len(b.buckets[r]) > b.limit || (b.after != nil && !b.c.follows(item, r, b.after)) {
		return
	}
	b.buckets[r] = append(b.buckets[r], item)
}

func (b *builder[T]) page(coverage assess.Coverage) *page[T] {
	p := &page[T]{total: b.total, coverage: coverage}
	for r := range b.buckets {
		p.items = append(p.items, b.buckets[r]...)
	}
	if len(p.items) <= b.limit {
		return p
	}
	p.items = p.items[:b.limit]
	last := p.items[b.limit-1]
	next := cursor{Key: b.c.key(last)}
	if b.bySeverity {
		r := b.rank(last)
		next.Rank = &r
	}
	p.next = next.encode()
	return p
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
