package read

import (
	"iter"
	"slices"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/rules"
)

// fixed is a collection over a list that does not change while the process runs.
func fixed[T any](items []T, fields filter.Fields[T], key func(T) []string) *collection[T] {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b T) int { return slices.Compare(key(a), key(b)) })
	return &collection[T]{
		fields: fields, key: key,
		each: func(*Snapshot) iter.Seq[T] { return slices.Values(items) },
	}
}

func ruleCollection(entries []rules.Entry) *collection[rules.Entry] {
	type t = rules.Entry
	return fixed(entries, filter.Of(
		filter.Text("id", func(r t) string { return r.ID }),
		filter.Text("topic", func(r t) string { return r.Topic }),
		filter.Text("title", func(r t) string { return r.Title }),
		filter.Text("scope", func(r t) string { return string(r.Scope) }),
		filter.Ordered("severity", severityNames(), func(r t) string { return string(r.Severity) }),
		filter.Text("confidence", func(r t) string { return string(r.Confidence) }),
	), func(r t) []string { return []string{r.ID} })
}

func architectureCollection(architectures []catalog.Architecture) *collection[catalog.Architecture] {
	type t = catalog.Architecture
	return fixed(architectures, filter.Of(
		filter.Text("id", func(x t) string { return x.ID }),
		filter.Text("title", func(x t) string { return x.Title }),
		filter.Bool("overlay", func(x t) (bool, bool) { return x.Overlay, true }),
		filter.Bool("production", func(x t) (bool, bool) { return x.Production, true }),
		filter.Bool("highlyAvailable", func(x t) (bool, bool) { return x.HighlyAvailable, true }),
		filter.Bool("clustered", func(x t) (bool, bool) { return x.Clustered, true }),
	), func(x t) []string { return []string{orderKey(x.Order), x.ID} })
}

// orderKey makes a number sort as text.
func orderKey(n int) string {
	const digits = "0123456789"
	b := []byte("000000")
	for i := len(b) - 1; i >= 0 && n > 0; i-- {
		b[i] = digits[n%10]
		n /= 10
	}
	return string(b)
}

func regionCollection(regions []geo.Region) *collection[geo.Region] {
	type t = geo.Region
	return fixed(regions, filter.Of(
		filter.Text("provider", func(r t) string { return r.Provider }),
		filter.Text("code", func(r t) string { return r.Code }),
		filter.Text("name", func(r t) string { return r.Name }),
		filter.Text("geography", func(r t) string { return r.Geography }),
		filter.Text("country", func(r t) string { return r.Country }),
		filter.Bool("zones", func(r t) (bool, bool) { return r.Zones, true }),
		filter.Text("pair", func(r t) string { return r.Pair }),
		filter.Text("access", func(r t) string { return string(r.Access) }),
	), func(r t) []string { return []string{r.Provider, r.Code} })
}

// Rules lists one page of the collection.
func (s *Snapshot) Rules(q Query) (*gen.RuleList, error) {
	p, err := s.reader.rules.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.RuleList{Items: orEmpty(p.items), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

// Rule returns one rule.
func (s *Snapshot) Rule(id string) (*rules.Entry, error) {
	i := slices.IndexFunc(s.reader.entries, func(e rules.Entry) bool { return e.ID == id })
	if i < 0 {
		known := make([]string, len(s.reader.entries))
		for i := range known {
			known[i] = s.reader.entries[i].ID
		}
		return nil, &NotFound{"such rule", "rule", document.Nearest(id, known)}
	}
	return &s.reader.entries[i], nil
}

// Architectures lists one page of the collection.
func (s *Snapshot) Architectures(q Query) (*gen.ArchitectureList, error) {
	p, err := s.reader.architectures.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.ArchitectureList{Items: render(p.items, sourced), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

// sourced returns an architecture whose list of sources is never null.
func sourced(x catalog.Architecture) catalog.Architecture {
	x.Sources = orEmpty(x.Sources)
	return x
}

// Regions lists one page of the collection.
func (s *Snapshot) Regions(q Query) (*gen.RegionList, error) {
	p, err := s.reader.regions.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.RegionList{Items: orEmpty(p.items), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
