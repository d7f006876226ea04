package availability

import "slices"

// maxStates bounds the work on one question. No plausible cluster comes near: 60 nodes of 8 groups in 5 zones take some
// thousand states.
const maxStates = 1 << 21

// demand is one group in a question, with the label that its failure leaves.
type demand struct {
	group int32
	class uint8
}

// absorbed is the label of outcomes that no longer need to be told apart.
const absorbed = 0xff

// labels is a small automaton over what has failed so far. Label 0 is nothing; after[f*classes+c] is the label after a
// group of class c fails under label f.
type labels struct {
	count   int
	classes int
	after   []uint8
}

// question asks for the distribution of labels once every group of demands is decided.
//
// The method: machines and own chances are independent leaves of a tree root → region → zone → leaf. The leaves are
// taken one after another in the order of that tree, carrying the distribution over (units up so far in each open group,
// label). A region or zone is a mixture of the distribution with its leaves taken and of the one with them left down. A
// group is open from its first to its last leaf only. A machine whose nodes lie in several zones is no leaf of the tree: its state is
// carried as one more open dimension. All terms are non-negative and nothing is subtracted, so that small
// probabilities keep their relative precision.
type question struct {
	sys     *System
	demands []demand
	labels  labels
}

// leaf is one element's units within one zone and region.
type leaf struct {
	own, zone, region int32
	from, to          int32 // range of runner.incs
	key               int32 // order within the zone
	bit               int32 // index of the split element, -1 for a plain leaf
}

// inc is how many units of a group a leaf holds.
type inc struct {
	demand int32
	count  int32
}

// entry is one unit of one group before leaves are collected.
type entry struct {
	own, zone, region, demand int32
}

// span is the range of leaves in which a group or a split element is open.
type span struct{ first, last int32 }

// dimension is one open group (or split element) of the distribution.
type dimension struct {
	id     int32 // demand index, or the number of demands plus the bit
	need   int32
	stride int32
}

// frame is a distribution over (label, digit of each open dimension), with what has been absorbed.
type frame struct {
	at       []float64
	absorbed float64
}

// runner answers questions about one system, reusing its memory. The zero value is ready.
type runner struct {
	entries []entry
	incs    []inc
	leaves  []leaf
	spans   []span  // per demand, then per bit
	bits    []int32 // split elements
	open    []dimension
	frames  [3]frame // root, region, zone: what is down at that level, the last one in use is current
	memory  []float64
}

// run answers the question: the chance of each label, and the chance absorbed. ok is false when the question has more
// than maxStates states.
func (r *runner) run(q *question, out []float64) (lost float64, ok bool) {
	r.collect(q)
	size := r.peak(q)
	if size > maxStates {
		return 0, false
	}
	if cap(r.memory) < 3*size {
		r.memory = make([]float64, 3*size)
	}
	for i := range r.frames {
		r.frames[i] = frame{at: r.memory[i*size : i*size+q.labels.count : (i+1)*size]}
	}
	clear(r.frames[0].at)
	r.frames[0].at[0] = 1
	w := walk{runner: r, q: q, region: -1, zone: -1}
	for i := range q.demands {
		if g := &q.sys.Groups[q.demands[i].group]; len(g.Units) < g.Need {
			w.fail(q.demands[i].class)
		}
	}
	for i := range r.leaves {
		w.enter(&r.leaves[i])
		w.openAt(int32(i))
		w.take(&r.leaves[i])
		w.closeAt(int32(i))
	}
	w.leave(0)
	copy(out, r.frames[0].at)
	return r.frames[0].absorbed, true
}

// collect gathers the leaves of all groups, in the order of the tree, and the span of each group.
func (r *runner) collect(q *question) {
	n := 0
	for d := range q.demands {
		n += len(q.sys.Groups[q.demands[d].group].Units)
	}
	r.entries, r.incs, r.leaves = slices.Grow(r.entries[:0], n), slices.Grow(r.incs[:0], n), slices.Grow(r.leaves[:0], n)
	r.open, r.bits = slices.Grow(r.open[:0], len(q.demands)), r.bits[:0]
	for d := range q.demands {
		g := &q.sys.Groups[q.demands[d].group]
		if len(g.Units) < g.Need {
			continue
		}
		for _, u := range g.Units {
			unit := &q.sys.Units[u]
			r.entries = append(r.entries, entry{unit.Own, unit.Zone, unit.Region, int32(d)})
		}
	}
	slices.SortFunc(r.entries, func(a, b entry) int {
		switch {
		case a.own != b.own:
			return int(a.own - b.own)
		case a.region != b.region:
			return int(a.region - b.region)
		case a.zone != b.zone:
			return int(a.zone - b.zone)
		}
		return int(a.demand - b.demand)
	})
	for i := range r.entries {
		e := &r.entries[i]
		var before *leaf
		if n := len(r.leaves); n > 0 {
			before = &r.leaves[n-1]
		}
		switch {
		case before == nil || before.own != e.own || before.zone != e.zone || before.region != e.region:
			bit := int32(-1)
			if before != nil && before.own == e.own {
				if bit = before.bit; bit < 0 {
					bit = int32(len(r.bits))
					r.bits = append(r.bits, e.own)
					before.bit = bit
				}
			}
			at := int32(len(r.incs))
			r.leaves = append(r.leaves, leaf{own: e.own, zone: e.zone, region: e.region, from: at, to: at + 1, key: e.demand, bit: bit})
			r.incs = append(r.incs, inc{e.demand, 1})
		case r.incs[len(r.incs)-1].demand == e.demand:
			r.incs[len(r.incs)-1].count++
		default:
			r.incs = append(r.incs, inc{e.demand, 1})
			before.to++
		}
	}
	// Within a zone the leaves with several groups come first and open them; the others follow group by group, so that one
	// group after another can be closed.
	for i := range r.leaves {
		if l := &r.leaves[i]; l.to-l.from == 1 && l.bit < 0 {
			l.key += int32(len(q.demands))
		}
	}
	slices.SortFunc(r.leaves, func(a, b leaf) int {
		switch {
		case a.region != b.region:
			return int(a.region - b.region)
		case a.zone != b.zone:
			return int(a.zone - b.zone)
		case a.key != b.key:
			return int(a.key - b.key)
		}
		return int(a.own - b.own)
	})
	n = len(q.demands) + len(r.bits)
	r.spans = slices.Grow(r.spans[:0], n)[:n]
	for i := range r.spans {
		r.spans[i] = span{-1, -1}
	}
	for i := range r.leaves {
		l := &r.leaves[i]
		for _, c := range r.incs[l.from:l.to] {
			r.spans[c.demand].cover(int32(i))
		}
		if l.bit >= 0 {
			r.spans[len(q.demands)+int(l.bit)].cover(int32(i))
		}
	}
}

func (s *span) cover(i int32) {
	if s.first < 0 {
		s.first = i
	}
	s.last = i
}

// need is the number of units a dimension counts to: of a group those needed, of a split element one.
func (r *runner) need(q *question, id int) int {
	if id >= len(q.demands) {
		return 1
	}
	return q.sys.Groups[q.demands[id].group].Need
}

// peak is the greatest number of states the walk will hold, or more than maxStates.
func (r *runner) peak(q *question) int {
	size, peak := q.labels.count, q.labels.count
	for i := range r.leaves {
		for id := range r.spans {
			if s := r.spans[id]; int(s.first) == i && !r.single(q, id) {
				size *= r.need(q, id) + 1
				if peak = max(peak, size); peak > maxStates {
					return peak
				}
			}
		}
		for id := range r.spans {
			if s := r.spans[id]; int(s.last) == i && !r.single(q, id) {
				size /= r.need(q, id) + 1
			}
		}
	}
	return peak
}

// single reports whether a dimension is a group with all its units on one plain leaf of its own: it is decided at once
// and never opened.
func (r *runner) single(q *question, id int) bool {
	s := r.spans[id]
	if id >= len(q.demands) || s.first < 0 || s.first != s.last {
		return false
	}
	l := &r.leaves[s.first]
	return l.bit < 0 && l.to-l.from == 1
}
