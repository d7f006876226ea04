package follow

import (
	"iter"
	"slices"
	"sync"
)

// Bounds of what is remembered of filters.
const (
	rememberedFilters = 8
	rememberedItems   = 200000
)

// Selection is what a filter selects of each site of an Index.
type Selection[S Made, T any] struct {
	of    *Index[S]
	parts []*part[T] // parallel to of.chunks
	total int
}

// part is what a filter selects of the sites of a chunk.
type part[T any] struct {
	hits  [][]T // parallel to what is made of them
	total int
}

// Total counts what is selected.
func (s *Selection[S, T]) Total() int { return s.total }

// From yields what is selected, site by site, from the chunk on that a site is in; "" begins with the first.
func (s *Selection[S, T]) From(id string) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		first := 0
		if id != "" {
			first = s.of.chunk(id)
		}
		for _, p := range s.parts[first:] {
			for _, hits := range p.hits {
				if !yield(hits) {
					return
				}
			}
		}
	}
}

// Selections remembers the selections of the latest filters, so that a new index costs an evaluation of the sites that changed.
type Selections[S Made, T any] struct {
	mu      sync.Mutex
	entries []*remembered[S, T] // the most recently used last
}

type remembered[S Made, T any] struct {
	filter string
	mu     sync.Mutex
	last   *Selection[S, T]
}

func (m *Selections[S, T]) entry(filter string) *remembered[S, T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.entries, func(e *remembered[S, T]) bool { return e.filter == filter })
	e := &remembered[S, T]{filter: filter}
	if i >= 0 {
		e = m.entries[i]
		m.entries = slices.Delete(m.entries, i, i+1)
	} else if len(m.entries) == rememberedFilters {
		m.entries = slices.Delete(m.entries, 0, 1)
	}
	m.entries = append(m.entries, e)
	return e
}

// Of selects the items of every site that match. items yields one site's in order.
func (m *Selections[S, T]) Of(f *Index[S], filter string, items func(S, func(T) bool) bool, match func(T) bool) *Selection[S, T] {
	e := m.entry(filter)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last != nil && e.last.of.index == f.index {
		return e.last
	}
	s := e.last.next(f, func(made S) (hits []T) {
		items(made, func(t T) bool {
			if match(t) {
				hits = append(hits, t)
			}
			return true
		})
		return hits
	})
	if s.total <= rememberedItems && (e.last == nil || e.last.of.index < f.index) {
		e.last = s
	}
	return s
}

// next selects of another index, and takes over from the selection before, if there is one, what is in both.
func (s *Selection[S, T]) next(f *Index[S], hits func(S) []T) *Selection[S, T] {
	out := &Selection[S, T]{of: f, parts: make([]*part[T], len(f.chunks))}
	for i, c := range f.chunks {
		p := s.part(i, c)
		if p == nil {
			p = &part[T]{hits: make([][]T, len(c.made))}
			for k, made := range c.made {
				var known bool
				if p.hits[k], known = s.hits(made); !known {
					p.hits[k] = hits(made)
				}
				p.total += len(p.hits[k])
			}
		}
		out.parts[i] = p
		out.total += p.total
	}
	return out
}

// part is what is selected of a chunk, nil when it is not known. The chunk stands where it stood unless one before it was split.
func (s *Selection[S, T]) part(guess int, c *chunk[S]) *part[T] {
	if s == nil || len(s.of.chunks) == 0 {
		return nil
	}
	if guess >= len(s.of.chunks) || s.of.chunks[guess] != c {
		guess = s.of.chunk(c.made[0].Record().ID)
	}
	if s.of.chunks[guess] != c {
		return nil
	}
	return s.parts[guess]
}

// hits is what is selected of what is made of one site, when that is known.
func (s *Selection[S, T]) hits(made S) (hits []T, known bool) {
	if s == nil {
		return nil, false
	}
	c, at, found := s.of.place(made.Record().ID)
	if !found || s.of.chunks[c].made[at] != made {
		return nil, false
	}
	return s.parts[c].hits[at], true
}
