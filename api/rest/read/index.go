package read

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
)

// fleetIndex holds the summaries of all sites at one index of the view. It is immutable. The next one shares with it what did not
// change, so that it costs in proportion to what did.
type fleetIndex struct {
	index    uint64
	chunks   []*chunk // none of them empty
	coverage assess.Coverage
}

// chunk holds the summaries of some sites that follow each other, in order of id. It is immutable.
type chunk struct {
	sums     []*summary
	coverage assess.Coverage
}

// chunkSites is how many sites a chunk has at first. It is split when it has twice as many.
const chunkSites = 64

func newChunk(sums []*summary) *chunk {
	c := &chunk{sums: sums}
	for _, s := range sums {
		cover(&c.coverage, s.record)
	}
	return c
}

func compareID(s *summary, id string) int { return strings.Compare(s.record.ID, id) }

// chunk is the position of the chunk that a site is in, or would be.
func (f *fleetIndex) chunk(id string) int {
	i, found := slices.BinarySearchFunc(f.chunks, id, func(c *chunk, id string) int { return compareID(c.sums[0], id) })
	if found {
		return i
	}
	return max(0, i-1)
}

func (f *fleetIndex) find(id string) *summary {
	if len(f.chunks) == 0 {
		return nil
	}
	c := f.chunks[f.chunk(id)]
	if i, found := slices.BinarySearchFunc(c.sums, id, compareID); found {
		return c.sums[i]
	}
	return nil
}

// buildIndex brings the index before, if there is one, to a view.
func buildIndex(v fleet.View, before *fleetIndex) *fleetIndex {
	if before != nil && len(before.chunks) > 0 {
		if changed, known := v.Changed(before.index); known {
			return before.with(v, changed)
		}
	}
	f := &fleetIndex{index: v.Index(), chunks: make([]*chunk, 0, v.Count()/chunkSites+1)}
	sums := make([]*summary, 0, chunkSites)
	for r := range v.Sites("") {
		s := (*summary)(nil)
		if before != nil {
			s = before.find(r.ID)
		}
		if s == nil || s.record != r {
			s = summarise(r)
		}
		if sums = append(sums, s); len(sums) == chunkSites {
			f.chunks, sums = append(f.chunks, newChunk(sums)), make([]*summary, 0, chunkSites)
		}
	}
	if len(sums) > 0 {
		f.chunks = append(f.chunks, newChunk(sums))
	}
	return f.covered()
}

// with is the index with what changed; no site ever goes.
func (f *fleetIndex) with(v fleet.View, changed []string) *fleetIndex {
	out := &fleetIndex{index: v.Index(), chunks: make([]*chunk, 0, len(f.chunks)+1)}
	at := 0 // of the chunks that are not taken over yet
	for len(changed) > 0 {
		i := f.chunk(changed[0])
		n := 1
		for n < len(changed) && f.chunk(changed[n]) == i {
			n++
		}
		out.chunks = append(append(out.chunks, f.chunks[at:i]...), f.chunks[i].with(v, changed[:n])...)
		at, changed = i+1, changed[n:]
	}
	out.chunks = append(out.chunks, f.chunks[at:]...)
	return out.covered()
}

func (f *fleetIndex) covered() *fleetIndex {
	f.coverage = assess.Coverage{}
	for _, c := range f.chunks {
		f.coverage = f.coverage.Add(c.coverage)
	}
	return f
}

func (c *chunk) with(v fleet.View, changed []string) []*chunk {
	sums := slices.Clone(c.sums)
	for _, id := range changed {
		r, ok := v.Site(id)
		if !ok {
			continue
		}
		switch i, found := slices.BinarySearchFunc(sums, id, compareID); {
		case !found:
			sums = slices.Insert(sums, i, summarise(r))
		case sums[i].record != r:
			sums[i] = summarise(r)
		}
	}
	if len(sums) < 2*chunkSites {
		return []*chunk{newChunk(sums)}
	}
	var out []*chunk
	for part := range slices.Chunk(sums, chunkSites) {
		out = append(out, newChunk(part))
	}
	return out
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
		if s := f.find(r.ID); s != nil && s.record == r {
			return s
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
	parts []*part[T] // parallel to of.chunks
	total int
}

// part is what a filter selects of the sites of a chunk.
type part[T any] struct {
	hits  [][]T // parallel to the chunk's sums
	total int
}

// from yields what is selected of the chunk that a site is in and of those behind it, site by site.
func (s *selection[T]) from(id string) iter.Seq[[]T] {
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
	s := e.last.next(f, func(sum *summary) (hits []T) {
		items(sum, func(t T) bool {
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
func (s *selection[T]) next(f *fleetIndex, hits func(*summary) []T) *selection[T] {
	out := &selection[T]{of: f, parts: make([]*part[T], len(f.chunks))}
	for i, c := range f.chunks {
		p := s.part(i, c)
		if p == nil {
			p = &part[T]{hits: make([][]T, len(c.sums))}
			for k, sum := range c.sums {
				var known bool
				if p.hits[k], known = s.hits(sum); !known {
					p.hits[k] = hits(sum)
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
func (s *selection[T]) part(guess int, c *chunk) *part[T] {
	if s == nil || len(s.of.chunks) == 0 {
		return nil
	}
	if guess >= len(s.of.chunks) || s.of.chunks[guess] != c {
		guess = s.of.chunk(c.sums[0].record.ID)
	}
	if s.of.chunks[guess] != c {
		return nil
	}
	return s.parts[guess]
}

// hits is what is selected of a summary, when that is known.
func (s *selection[T]) hits(sum *summary) (hits []T, known bool) {
	if s == nil || len(s.of.chunks) == 0 {
		return nil, false
	}
	i := s.of.chunk(sum.record.ID)
	k, found := slices.BinarySearchFunc(s.of.chunks[i].sums, sum.record.ID, compareID)
	if !found || s.of.chunks[i].sums[k] != sum {
		return nil, false
	}
	return s.parts[i].hits[k], true
}
