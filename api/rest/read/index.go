package read

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
)

// fleetIndex holds the summaries of all sites at one index of the view, in order of id. It is immutable. The next one
// takes over what did not change: records are immutable, so that the same address is the same content.
type fleetIndex struct {
	index    uint64
	sums     []*summary
	coverage assess.Coverage
}

func (f *fleetIndex) find(id string) int {
	i, _ := slices.BinarySearchFunc(f.sums, id, func(s *summary, id string) int { return strings.Compare(s.record.ID, id) })
	return i
}

func buildIndex(v fleet.View, before *fleetIndex) *fleetIndex {
	f := &fleetIndex{index: v.Index(), sums: make([]*summary, 0, v.Count())}
	at := 0
	for r := range v.Sites("") {
		var s *summary
		if before != nil {
			for at < len(before.sums) && before.sums[at].record.ID < r.ID {
				at++
			}
			if at < len(before.sums) && before.sums[at].record == r {
				s = before.sums[at]
			}
		}
		if s == nil {
			s = summarise(r)
		}
		f.sums = append(f.sums, s)
		cover(&f.coverage, r)
	}
	return f
}

// summaries keeps the latest fleetIndex that was asked for.
type summaries struct {
	mu   sync.Mutex // held while building, so that readers of a new index build it once
	last atomic.Pointer[fleetIndex]
}

func (m *summaries) whole(v fleet.View) *fleetIndex {
	index := v.Index()
	if f := m.last.Load(); f != nil && f.index == index {
		return f
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.last.Load()
	if before != nil && before.index == index {
		return before
	}
	f := buildIndex(v, before)
	if before == nil || before.index < index {
		m.last.Store(f)
	}
	return f
}

// of returns the summary of one record without building those of all.
func (m *summaries) of(r *fleet.Record) *summary {
	if f := m.last.Load(); f != nil {
		if i := f.find(r.ID); i < len(f.sums) && f.sums[i].record == r {
			return f.sums[i]
		}
	}
	return summarise(r)
}

// Bounds of what is remembered of filters.
const (
	rememberedFilters = 8
	rememberedItems   = 200000
)

// selection is what a filter selects of each site of a fleetIndex.
type selection[T any] struct {
	of    *fleetIndex
	hits  [][]T // parallel to of.sums
	total int
}

// selections remembers the selections of the latest filters, so that a new index costs one look at each site and an
// evaluation of those that changed.
type selections[T any] struct {
	mu      sync.Mutex
	entries []*remembered[T] // the most recently used last
}

type remembered[T any] struct {
	filter string
	mu     sync.Mutex
	last   *selection[T]
}

func (m *selections[T]) entry(filter string) *remembered[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.entries, func(e *remembered[T]) bool { return e.filter == filter })
	e := &remembered[T]{filter: filter}
	if i >= 0 {
		e = m.entries[i]
		m.entries = slices.Delete(m.entries, i, i+1)
	} else if len(m.entries) == rememberedFilters {
		m.entries = slices.Delete(m.entries, 0, 1)
	}
	m.entries = append(m.entries, e)
	return e
}

// of selects the items of every site that match. items yields one site's in order.
func (m *selections[T]) of(f *fleetIndex, filter string, items func(*summary, func(T) bool) bool, match func(T) bool) *selection[T] {
	e := m.entry(filter)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last != nil && e.last.of.index == f.index {
		return e.last
	}
	s := &selection[T]{of: f, hits: make([][]T, len(f.sums))}
	at := 0
	for i, sum := range f.sums {
		known := false
		if e.last != nil {
			for at < len(e.last.of.sums) && e.last.of.sums[at].record.ID < sum.record.ID {
				at++
			}
			if known = at < len(e.last.of.sums) && e.last.of.sums[at] == sum; known {
				s.hits[i] = e.last.hits[at]
			}
		}
		if !known {
			items(sum, func(t T) bool {
				if match(t) {
					s.hits[i] = append(s.hits[i], t)
				}
				return true
			})
		}
		s.total += len(s.hits[i])
	}
	if s.total <= rememberedItems && (e.last == nil || e.last.of.index < f.index) {
		e.last = s
	}
	return s
}
