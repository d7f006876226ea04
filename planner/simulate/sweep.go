package simulate

import (
	"cmp"
	"fmt"
	"slices"
)

// Sweep is the result of failing everything once, or every two things together.
type Sweep struct {
	Depth    int       `json:"depth"`    // 1 or 2
	Failures []Outcome `json:"failures"` // worst first, at most as many as asked for
	Total    int       `json:"total"`    // failures examined, listed or not
	Losing   int       `json:"losing"`   // of these, how many take at least one cluster down
	// Nested counts pairs of which one contains the other, such as a zone and a machine in it. They do what the wider one
	// does alone and are counted, but not listed.
	Nested int `json:"nested,omitempty"`
}

// Outcome is what one failure, or two together, take down. Clusters that do not serve even when everything is up are not
// counted.
type Outcome struct {
	Failed   []Failure `json:"failed"`
	Down     int       `json:"down"`
	Degraded int       `json:"degraded"`
	Together int       `json:"together,omitempty"` // of Down, how many neither failure takes down alone
	Clusters []string  `json:"clusters"`           // those down, sorted
}

// Options choose what a sweep fails and how much it tells.
type Options struct {
	Depth int    // 1 for every single failure, 2 for every pair
	Kinds []Kind // empty takes all but sites
	Limit int    // outcomes told; 0 or less takes 100
	// OnlyTogether lists only pairs that take down a cluster which neither takes down alone.
	OnlyTogether bool
}

// defaultLimit is the number of outcomes told when none is asked for.
const defaultLimit = 100

// Sweep fails every single thing of the kinds, or every pair of two, and ranks them by clusters lost, then by those lost
// only together, then by clusters degraded, then in the order of kind and id.
//
// Only clusters that depend on what fails are looked at. Of pairs, only those with a dependent cluster in common are
// simulated; any other pair does exactly what its two failures do alone, so that the worst of them are found from the
// ranking of single failures.
func (m *Model) Sweep(o Options) (Sweep, error) {
	if o.Depth != 1 && o.Depth != 2 {
		return Sweep{}, fmt.Errorf("sweep failures: depth %d is not possible; use 1 for single failures or 2 for pairs", o.Depth)
	}
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	if len(o.Kinds) == 0 {
		o.Kinds = []Kind{Region, Zone, Machine, Infrastructure, Node}
	}
	for _, k := range o.Kinds {
		if !slices.Contains(Kinds(), k) {
			return Sweep{}, fmt.Errorf("sweep failures: unknown kind %q; use one of %s", k, kindList())
		}
	}
	s := newSweeper(m, o)
	s.singles()
	if o.Depth == 1 {
		return s.rankSingles(), nil
	}
	return s.rankPairs(), nil
}

// effect is what one failure does by itself.
type effect struct {
	target         int32
	down, degraded int32
	touches, downs []int32 // clusters that depend on it, and those it takes down, sorted
}

// pair is what two failures do together; a and b are indexes into sweeper.effects, a before b.
type pair struct {
	a, b                     int32
	down, degraded, together int32
}

// sweeper holds the counters that a failure moves: units down per group, groups broken per cluster, units down per
// cluster. Failing and mending move them in proportion to what depends on the failure.
type sweeper struct {
	*Model
	limit   int
	effects []effect
	only    bool // list only pairs that lose something together

	downs    []int32 // failures that hold a unit down
	lost     []int32 // units down per group
	broken   []int32 // unsatisfied groups per cluster
	touched  []int32 // units down per cluster
	baseline []bool  // clusters that do not serve with everything up
	total    struct{ down, touched int32 }
}

func newSweeper(m *Model, o Options) *sweeper {
	s := &sweeper{
		Model: m, limit: o.Limit, only: o.OnlyTogether,
		downs: make([]int32, len(m.sys.Units)), lost: make([]int32, len(m.sys.Groups)),
		broken: make([]int32, len(m.sys.Clusters)), touched: make([]int32, len(m.sys.Clusters)),
		baseline: make([]bool, len(m.sys.Clusters)),
	}
	whole := m.sys.Whole()
	for c := range m.sys.Clusters {
		serving, _ := m.sys.Judge(whole, int32(c))
		s.baseline[c] = !serving
	}
	for i := range m.targets {
		if t := &m.targets[i]; !t.alias && slices.Contains(o.Kinds, t.Kind) {
			s.effects = append(s.effects, effect{target: int32(i)})
		}
	}
	return s
}

// fail takes a target's units down and moves the counters.
func (s *sweeper) fail(target int32) {
	for _, u := range s.targets[target].down {
		s.downs[u]++
		if s.downs[u] > 1 {
			continue
		}
		for _, c := range s.unitUsers[u] {
			s.touched[c]++
			if s.touched[c] == 1 && !s.baseline[c] {
				s.total.touched++
			}
		}
		for _, g := range s.unitIn[u] {
			s.lost[g]++
			group := &s.sys.Groups[g]
			if int(s.lost[g]) != len(group.Units)-group.Need+1 {
				continue
			}
			for _, c := range s.groupUses[g] {
				s.broken[c]++
				if s.broken[c] == 1 && !s.baseline[c] {
					s.total.down++
				}
			}
		}
	}
}

// mend undoes fail.
func (s *sweeper) mend(target int32) {
	for _, u := range s.targets[target].down {
		s.downs[u]--
		if s.downs[u] > 0 {
			continue
		}
		for _, c := range s.unitUsers[u] {
			s.touched[c]--
			if s.touched[c] == 0 && !s.baseline[c] {
				s.total.touched--
			}
		}
		for _, g := range s.unitIn[u] {
			group := &s.sys.Groups[g]
			if int(s.lost[g]) == len(group.Units)-group.Need+1 {
				for _, c := range s.groupUses[g] {
					s.broken[c]--
					if s.broken[c] == 0 && !s.baseline[c] {
						s.total.down--
					}
				}
			}
			s.lost[g]--
		}
	}
}

func (s *sweeper) singles() {
	for i := range s.effects {
		e := &s.effects[i]
		s.fail(e.target)
		e.down, e.degraded = s.total.down, s.total.touched-s.total.down
		s.mend(e.target)
	}
	slices.SortStableFunc(s.effects, func(a, b effect) int {
		return cmp.Or(cmp.Compare(b.down, a.down), cmp.Compare(b.degraded, a.degraded))
	})
}

func (s *sweeper) rankSingles() Sweep {
	out := Sweep{Depth: 1, Total: len(s.effects), Failures: []Outcome{}}
	for _, e := range s.effects {
		if e.down > 0 {
			out.Losing++
		}
	}
	for _, e := range s.effects[:min(s.limit, len(s.effects))] {
		out.Failures = append(out.Failures, s.outcome(int(e.down), int(e.degraded), 0, e.target))
	}
	return out
}

// outcome fails the targets once more to name the clusters down.
func (s *sweeper) outcome(down, degraded, together int, targets ...int32) Outcome {
	out := Outcome{Down: down, Degraded: degraded, Together: together, Clusters: []string{}}
	for _, t := range targets {
		out.Failed = append(out.Failed, s.targets[t].Failure)
		s.fail(t)
	}
	for _, t := range targets {
		for _, u := range s.targets[t].down {
			for _, c := range s.unitUsers[u] {
				if s.broken[c] > 0 && !s.baseline[c] {
					out.Clusters = append(out.Clusters, s.sys.Clusters[c].ID())
				}
			}
		}
	}
	for _, t := range targets {
		s.mend(t)
	}
	slices.Sort(out.Clusters)
	out.Clusters = slices.Compact(out.Clusters)
	return out
}

// worse orders pairs as a sweep ranks them.
func worse(a, b pair) int {
	return cmp.Or(
		cmp.Compare(b.down, a.down), cmp.Compare(b.together, a.together), cmp.Compare(b.degraded, a.degraded),
		cmp.Compare(a.a, b.a), cmp.Compare(a.b, b.b),
	)
}
