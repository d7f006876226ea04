package availability

import "slices"

// order puts the entries into the order in which their leaves are best taken, and returns what that takes.
func (r *runner) order(q *question) plan {
	if len(r.leaves) > 1 {
		r.rank()
		slices.SortFunc(r.entries, func(a, b entry) int {
			switch {
			case a.inRegion != b.inRegion:
				return int(a.inRegion - b.inRegion)
			case a.inZone != b.inZone:
				return int(a.inZone - b.inZone)
			case a.rank != b.rank:
				return int(a.rank - b.rank)
			case a.own != b.own:
				return int(a.own - b.own)
			}
			return int(a.demand - b.demand)
		})
		r.collect(q, 1<<len(r.held)-1)
	}
	return r.estimate(q)
}

// rank ranks the leaves so that one group after the other is decided, the next always being the one whose leaves open the
// fewest outcomes.
func (r *runner) rank() {
	for i := range r.entries {
		r.entries[i].rank = -1
	}
	left := 0
	for d := range r.dims {
		if r.dims[d].left > 0 {
			left++
		}
	}
	for rank := int32(0); left > 0; {
		best, least := int32(-1), 0.0
		for d := range r.dims {
			if r.dims[d].left > 0 {
				if cost := r.opens(int32(d)); best < 0 || cost < least {
					best, least = int32(d), cost
				}
			}
		}
		for at := r.dims[best].first; at <= r.dims[best].last; at++ {
			l := &r.leaves[at]
			if r.entries[l.entry].rank >= 0 || !r.holds(l, best) {
				continue
			}
			for i := l.entry; i < l.entries; i++ {
				r.entries[i].rank = rank
			}
			rank++
			for _, c := range r.incs[l.from:l.to] {
				d := &r.dims[c.demand]
				d.opened = true
				if d.left--; d.left == 0 {
					left--
				}
			}
		}
	}
}

// opens is by how much the outcomes grow until a group is decided.
func (r *runner) opens(demand int32) float64 {
	grow := 1.0
	for at := r.dims[demand].first; at <= r.dims[demand].last; at++ {
		l := &r.leaves[at]
		if r.entries[l.entry].rank >= 0 || !r.holds(l, demand) {
			continue
		}
		for _, c := range r.incs[l.from:l.to] {
			if d := &r.dims[c.demand]; !d.opened && d.seen != demand+1 {
				d.seen = demand + 1
				grow *= float64(d.most + 1)
			}
		}
	}
	for d := range r.dims {
		r.dims[d].seen = 0
	}
	return grow
}

// holds reports whether a leaf has units of a group.
func (r *runner) holds(l *leaf, demand int32) bool {
	for _, c := range r.incs[l.from:l.to] {
		if c.demand == demand {
			return true
		}
	}
	return false
}

// estimate follows the walk without its outcomes.
func (r *runner) estimate(q *question) plan {
	p := plan{states: 1}
	size, labels := 1.0, 1
	for i := range r.leaves {
		l := &r.leaves[i]
		depth := 0
		if l.region >= 0 {
			depth++
		}
		if l.zone >= 0 {
			depth++
		}
		p.depth = max(p.depth, depth)
		for _, c := range r.incs[l.from:l.to] {
			if d := &r.dims[c.demand]; d.first == int32(i) {
				size *= float64(d.most + 1)
			}
		}
		p.states = max(p.states, size)
		p.work += size * float64(labels*(1+depth))
		for _, c := range r.incs[l.from:l.to] {
			if d := &r.dims[c.demand]; d.last == int32(i) {
				size /= float64(d.most + 1)
				labels = min(labels+1, q.labels.count)
			}
		}
	}
	return p
}
