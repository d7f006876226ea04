// Package follow keeps what lists show of each site, and what filters select of it, at the pace of the store: what is made of a site is made
// again when its record changed and taken over otherwise, so that a read amid many commits costs in proportion to what they changed.
package follow

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
)

// Made is what is made of one record. It is immutable, and so is what it refers to.
type Made interface {
	comparable
	Record() *fleet.Record
}

// Index holds what is made of all sites at one index of the view, in order of id. It is immutable. The next one shares with it what
// did not change.
type Index[S Made] struct {
	index    uint64
	chunks   []*chunk[S] // none of them empty
	coverage assess.Coverage
}

// chunk holds what is made of some sites that follow each other, in order of id. It is immutable.
type chunk[S Made] struct {
	made     []S
	coverage assess.Coverage
}

// chunkSites is how many sites a chunk has at first. It is split when it has twice as many.
const chunkSites = 64

func newChunk[S Made](made []S) *chunk[S] {
	c := &chunk[S]{made: made}
	for _, s := range made {
		Cover(&c.coverage, s.Record())
	}
	return c
}

func compareID[S Made](s S, id string) int { return strings.Compare(s.Record().ID, id) }

// Cover adds what an answer rests on of one site. One that is stale or lost counts as stale, and so does one of which nothing is told.
func Cover(c *assess.Coverage, r *fleet.Record) {
	c.Sites++
	if r.Liveness == fleet.Live || r.Liveness == fleet.Late {
		c.Fresh++
	} else {
		c.Stale++
	}
	if r.Assessment != nil {
		c.FactsKnown += r.Assessment.Coverage.FactsKnown
		c.FactsNeeded += r.Assessment.Coverage.FactsNeeded
	}
}

// Coverage is what an answer about all sites rests on.
func (f *Index[S]) Coverage() assess.Coverage { return f.coverage }

// chunk is the position of the chunk that a site is in, or would be.
func (f *Index[S]) chunk(id string) int {
	i, found := slices.BinarySearchFunc(f.chunks, id, func(c *chunk[S], id string) int { return compareID(c.made[0], id) })
	if found {
		return i
	}
	return max(0, i-1)
}

// place is where what is made of a site stands.
func (f *Index[S]) place(id string) (chunk, at int, found bool) {
	if f == nil || len(f.chunks) == 0 {
		return 0, 0, false
	}
	chunk = f.chunk(id)
	at, found = slices.BinarySearchFunc(f.chunks[chunk].made, id, compareID)
	return chunk, at, found
}

// of is what was made of a record.
func (f *Index[S]) of(r *fleet.Record) (s S, known bool) {
	if c, at, found := f.place(r.ID); found {
		s = f.chunks[c].made[at]
		return s, s.Record() == r
	}
	return s, false
}

// Latest keeps the latest Index that was asked for.
type Latest[S Made] struct {
	make func(*fleet.Record) S
	mu   sync.Mutex // held while building, so that readers of a new index build it once
	last atomic.Pointer[Index[S]]
}

// New returns what keeps all that is made by a function.
func New[S Made](make func(*fleet.Record) S) *Latest[S] { return &Latest[S]{make: make} }

// At is the index of a view.
func (l *Latest[S]) At(v fleet.View) *Index[S] {
	index := v.Index()
	if f := l.last.Load(); f != nil && f.index == index {
		return f
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.last.Load()
	if before != nil && before.index == index {
		return before
	}
	f := l.build(v, before)
	if before == nil || before.index < index {
		l.last.Store(f)
	}
	return f
}

// Of is what is made of one record. The others are left alone.
func (l *Latest[S]) Of(r *fleet.Record) S {
	if s, known := l.last.Load().of(r); known {
		return s
	}
	return l.make(r)
}

// build brings the index before, if there is one, to a view.
func (l *Latest[S]) build(v fleet.View, before *Index[S]) *Index[S] {
	if before != nil && len(before.chunks) > 0 {
		if changed, known := v.Changed(before.index); known {
			return l.follow(before, v, changed)
		}
	}
	f := &Index[S]{index: v.Index(), chunks: make([]*chunk[S], 0, v.Count()/chunkSites+1)}
	var made []S
	for r := range v.Sites("") {
		s, known := before.of(r)
		if !known {
			s = l.make(r)
		}
		if made = append(made, s); len(made) == chunkSites {
			f.chunks, made = append(f.chunks, newChunk(made)), nil
		}
	}
	if len(made) > 0 {
		f.chunks = append(f.chunks, newChunk(made))
	}
	return f.covered()
}

// follow is an index with what changed. No site ever goes.
func (l *Latest[S]) follow(f *Index[S], v fleet.View, changed []string) *Index[S] {
	out := &Index[S]{index: v.Index(), chunks: make([]*chunk[S], 0, len(f.chunks)+1)}
	at := 0 // of the chunks that are not taken over yet
	for len(changed) > 0 {
		i, n := f.chunk(changed[0]), 1
		for n < len(changed) && f.chunk(changed[n]) == i {
			n++
		}
		out.chunks = append(append(out.chunks, f.chunks[at:i]...), l.replace(f.chunks[i], v, changed[:n])...)
		at, changed = i+1, changed[n:]
	}
	out.chunks = append(out.chunks, f.chunks[at:]...)
	return out.covered()
}

func (l *Latest[S]) replace(c *chunk[S], v fleet.View, changed []string) []*chunk[S] {
	made := slices.Clone(c.made)
	for _, id := range changed {
		r, ok := v.Site(id)
		if !ok {
			continue
		}
		switch i, found := slices.BinarySearchFunc(made, id, compareID); {
		case !found:
			made = slices.Insert(made, i, l.make(r))
		case made[i].Record() != r:
			made[i] = l.make(r)
		}
	}
	if len(made) < 2*chunkSites {
		return []*chunk[S]{newChunk(made)}
	}
	var out []*chunk[S]
	for part := range slices.Chunk(made, chunkSites) {
		out = append(out, newChunk(part))
	}
	return out
}

func (f *Index[S]) covered() *Index[S] {
	for _, c := range f.chunks {
		f.coverage = f.coverage.Add(c.coverage)
	}
	return f
}
