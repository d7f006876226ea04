package simulate

import "slices"

func (s *sweeper) rankPairs() Sweep {
	n := len(s.effects)
	out := Sweep{Depth: 2, Total: n * (n - 1) / 2, Failures: []Outcome{}}
	harmless := 0
	for i := range s.effects {
		s.dependants(&s.effects[i])
		if s.effects[i].down == 0 {
			harmless++
		}
	}
	// Two failures that are harmless alone lose nothing, unless simulation finds that they do together.
	out.Losing = out.Total - harmless*(harmless-1)/2
	best := &top{limit: s.limit}
	partners := newPartners(s)
	inFirst := make([]bool, len(s.sys.Clusters))
	apart := !s.only
	for a := range s.effects {
		of := partners.after(int32(a))
		if len(of) > 0 {
			s.simulate(int32(a), of, inFirst, best, &out)
		}
		if apart {
			apart = s.apart(int32(a), of, best)
		}
	}
	for _, p := range best.sorted() {
		out.Failures = append(out.Failures, s.outcome(int(p.down), int(p.degraded), int(p.together), s.effects[p.a].target, s.effects[p.b].target))
	}
	return out
}

// dependants lists the clusters that an effect touches and takes down.
func (s *sweeper) dependants(e *effect) {
	s.fail(e.target)
	for _, u := range s.targets[e.target].down {
		e.touches = append(e.touches, s.unitUsers[u]...)
	}
	slices.Sort(e.touches)
	e.touches = slices.Compact(e.touches)
	if e.down > 0 {
		for _, c := range e.touches {
			if s.broken[c] > 0 && !s.baseline[c] {
				e.downs = append(e.downs, c)
			}
		}
	}
	s.mend(e.target)
}

// simulate fails a together with each of the later effects that have a dependent cluster in common with it. inFirst is
// memory for one flag a cluster, all false.
func (s *sweeper) simulate(a int32, of []int32, inFirst []bool, best *top, out *Sweep) {
	ea := &s.effects[a]
	s.fail(ea.target)
	for _, c := range ea.downs {
		inFirst[c] = true
	}
	for _, b := range of {
		eb := &s.effects[b]
		s.fail(eb.target)
		if s.covered(ea.target) || s.covered(eb.target) {
			out.Nested++
			s.mend(eb.target)
			continue
		}
		p := pair{a: a, b: b, down: s.total.down, degraded: s.total.touched - s.total.down}
		s.mend(eb.target)
		p.together = p.down - ea.down - eb.down
		for _, c := range eb.downs {
			if inFirst[c] {
				p.together++
			}
		}
		if p.down > 0 && ea.down == 0 && eb.down == 0 {
			out.Losing++
		}
		if p.together > 0 || !s.only {
			best.offer(p)
		}
	}
	for _, c := range ea.downs {
		inFirst[c] = false
	}
	s.mend(ea.target)
}

// covered reports whether every unit of a failed target is held down by another failure too.
func (s *sweeper) covered(target int32) bool {
	for _, u := range s.targets[target].down {
		if s.downs[u] < 2 {
			return false
		}
	}
	return true
}

// apart offers the pairs of a with later effects that have no dependent cluster in common with it: what they do adds up.
// The effects are ranked, so that the first pair which is not good enough ends the search; when that is already the first
// pair of a, no later a has a better one and the answer is false.
func (s *sweeper) apart(a int32, except []int32, best *top) bool {
	ea := &s.effects[a]
	for b := a + 1; int(b) < len(s.effects); b++ {
		for len(except) > 0 && except[0] < b {
			except = except[1:]
		}
		if len(except) > 0 && except[0] == b {
			continue
		}
		eb := &s.effects[b]
		if !best.offer(pair{a: a, b: b, down: ea.down + eb.down, degraded: ea.degraded + eb.degraded}) {
			return b > a+1
		}
	}
	return true
}

// partners finds the effects that share a dependent cluster.
type partners struct {
	*sweeper
	byCluster [][]int32
	marked    []int32
	out       []int32
}

func newPartners(s *sweeper) *partners {
	p := &partners{sweeper: s, byCluster: make([][]int32, len(s.sys.Clusters)), marked: make([]int32, len(s.effects))}
	for e := range s.effects {
		for _, c := range s.effects[e].touches {
			p.byCluster[c] = append(p.byCluster[c], int32(e))
		}
	}
	return p
}

// after returns the partners of a that come after it, sorted; the slice is reused by the next call.
func (p *partners) after(a int32) []int32 {
	p.out = p.out[:0]
	for _, c := range p.effects[a].touches {
		of := p.byCluster[c]
		from, _ := slices.BinarySearch(of, a+1)
		for _, b := range of[from:] {
			if p.marked[b] != a+1 {
				p.marked[b] = a + 1
				p.out = append(p.out, b)
			}
		}
	}
	slices.Sort(p.out)
	return p.out
}

// top keeps the worst pairs.
type top struct {
	limit int
	kept  []pair
	bound *pair // nothing that ranks behind it can be among the worst
}

// offer keeps a pair that may be among the worst; false means that it is not, nor is any that ranks behind it.
func (t *top) offer(p pair) bool {
	if t.bound != nil && worse(p, *t.bound) >= 0 {
		return false
	}
	t.kept = append(t.kept, p)
	if len(t.kept) >= 2*t.limit {
		t.shrink()
	}
	return true
}

func (t *top) shrink() {
	slices.SortFunc(t.kept, worse)
	if len(t.kept) >= t.limit {
		t.kept = t.kept[:t.limit]
		last := t.kept[t.limit-1]
		t.bound = &last
	}
}

func (t *top) sorted() []pair {
	t.shrink()
	return t.kept
}
