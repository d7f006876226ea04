package availability

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/meridian-federation/meridian/planner/policy"
)

// Pairs computes the joint chance for every pair of tenants that shares infrastructure (by inventory.Keys), a machine, a
// zone or a region, sorted by their keys. Sites must be normalised.
func Pairs(tenants []Tenant, p policy.Availability) []Joint {
	return Compile(tenants, p).Pairs()
}

// Pairs computes the joint chance for every pair of the system's clusters that shares something.
func (s *System) Pairs() []Joint {
	out := []Joint{}
	if len(s.Clusters) < 2 {
		return out
	}
	j := newJoiner(s)
	for a := range s.Clusters {
		for _, b := range j.partners(int32(a)) {
			joint := Joint{Clusters: [2]string{s.Clusters[a].ID(), s.Clusters[b].ID()}}
			joint.AllDown, joint.Unknown = j.allDown(int32(a), b)
			if joint.Clusters[1] < joint.Clusters[0] {
				joint.Clusters[0], joint.Clusters[1] = joint.Clusters[1], joint.Clusters[0]
			}
			out = append(out, joint)
		}
	}
	slices.SortFunc(out, func(a, b Joint) int {
		return cmp.Or(cmp.Compare(a.Clusters[0], b.Clusters[0]), cmp.Compare(a.Clusters[1], b.Clusters[1]))
	})
	return out
}

// maxConditioned is the greatest number of shared elements whose states are enumerated; with more, both clusters are
// taken in one question.
const maxConditioned = 6

// joiner answers for pairs. It sets chances of its own copy of the elements and so is not the System's.
type joiner struct {
	sys    System
	runner runner
	// needs lists per cluster the elements its serving depends on, sorted; touches also those of all else it lists.
	needs, touches [][]int32
	byElement      [][]int32 // clusters that touch an element
	byInfra        [][]int32 // clusters that use an infrastructure
	given          []map[string][]float64
	marked         []int32
	key            []byte
}

func newJoiner(s *System) *joiner {
	j := &joiner{
		sys:       *s,
		needs:     make([][]int32, len(s.Clusters)),
		touches:   make([][]int32, len(s.Clusters)),
		byElement: make([][]int32, len(s.Elements)),
		byInfra:   make([][]int32, len(s.Infras)),
		given:     make([]map[string][]float64, len(s.Clusters)),
		marked:    make([]int32, len(s.Clusters)),
	}
	j.sys.Elements = slices.Clone(s.Elements)
	for c := range s.Clusters {
		st := &s.Clusters[c]
		j.needs[c] = s.elements(st.Serving, nil)
		touched := s.elements(st.Extra, st.Idle)
		touched = append(touched, j.needs[c]...)
		slices.Sort(touched)
		j.touches[c] = slices.Compact(touched)
		for _, e := range j.touches[c] {
			j.byElement[e] = append(j.byElement[e], int32(c))
		}
		for _, f := range st.Infra {
			j.byInfra[f] = append(j.byInfra[f], int32(c))
		}
	}
	return j
}

// elements lists the elements of the units of groups and of further units, sorted, each once.
func (s *System) elements(groups, units []int32) []int32 {
	var out []int32
	add := func(u int32) {
		unit := &s.Units[u]
		for _, e := range [3]int32{unit.Own, unit.Zone, unit.Region} {
			if e >= 0 {
				out = append(out, e)
			}
		}
	}
	for _, g := range groups {
		for _, u := range s.Groups[g].Units {
			add(u)
		}
	}
	for _, u := range units {
		add(u)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// partners returns the clusters after a that share something with it.
func (j *joiner) partners(a int32) []int32 {
	var out []int32
	see := func(clusters []int32) {
		for _, b := range clusters {
			if b > a && j.marked[b] != a+1 {
				j.marked[b] = a + 1
				out = append(out, b)
			}
		}
	}
	for _, e := range j.touches[a] {
		see(j.byElement[e])
	}
	for _, f := range j.sys.Clusters[a].Infra {
		see(j.byInfra[f])
	}
	slices.Sort(out)
	return out
}

// allDown is the chance that neither cluster serves. Given the states of the elements they share, the clusters are
// independent; with few of those, each cluster's chances given their states are computed once and serve all its pairs.
func (j *joiner) allDown(a, b int32) (down float64, unknown bool) {
	var shared []int32
	for x, y := 0, 0; x < len(j.needs[a]) && y < len(j.needs[b]); {
		switch d := j.needs[a][x] - j.needs[b][y]; {
		case d < 0:
			x++
		case d > 0:
			y++
		default:
			shared = append(shared, j.needs[a][x])
			x++
			y++
		}
	}
	if len(shared) > maxConditioned {
		return j.together(a, b)
	}
	of, ok := j.conditioned(a, shared)
	with, ok2 := j.conditioned(b, shared)
	if !ok || !ok2 {
		return 0, true
	}
	for state := range of {
		p := of[state] * with[state]
		for i, e := range shared {
			if up := j.sys.Elements[e].Up; state>>i&1 == 1 {
				p *= up
			} else {
				p *= 1 - up
			}
		}
		down += p
	}
	return chance(down), false
}

// conditioned returns the chance that a cluster does not serve for each state of the elements; bit i of the index is set
// when element i is up.
func (j *joiner) conditioned(c int32, shared []int32) ([]float64, bool) {
	j.key = j.key[:0]
	for _, e := range shared {
		j.key = append(j.key, byte(e), byte(e>>8), byte(e>>16), byte(e>>24))
	}
	if known, ok := j.given[c][string(j.key)]; ok {
		return known, known != nil
	}
	if j.given[c] == nil {
		j.given[c] = make(map[string][]float64)
	}
	var held [maxConditioned]float64
	for i, e := range shared {
		held[i] = j.sys.Elements[e].Up
	}
	q := question{sys: &j.sys, labels: labels{count: 1, classes: 1, after: anyPart[:]}}
	for _, g := range j.sys.Clusters[c].Serving {
		q.demands = append(q.demands, demand{g, 0})
	}
	out := make([]float64, 1<<len(shared))
	var serving [1]float64
	for state := range out {
		for i, e := range shared {
			j.sys.Elements[e].Up = float64(state >> i & 1)
		}
		lost, ok := j.runner.run(&q, serving[:])
		if !ok {
			out = nil
			break
		}
		out[state] = lost
	}
	for i, e := range shared {
		j.sys.Elements[e].Up = held[i]
	}
	j.given[c][string(j.key)] = out
	return out, out != nil
}

// together asks for both clusters in one question: label 1 is the first down, 2 the second, and both down is absorbed.
func (j *joiner) together(a, b int32) (down float64, unknown bool) {
	q := question{sys: &j.sys, labels: labels{count: 3, classes: 4, after: eachOfTwo[:]}}
	for bit, c := range [2]int32{a, b} {
		for _, g := range j.sys.Clusters[c].Serving {
			at := slices.IndexFunc(q.demands, func(d demand) bool { return d.group == g })
			if at < 0 {
				at = len(q.demands)
				q.demands = append(q.demands, demand{group: g})
			}
			q.demands[at].class |= 1 << bit
		}
	}
	var some [3]float64
	lost, ok := j.runner.run(&q, some[:])
	return chance(lost), !ok
}

// eachOfTwo: a label and a class are the set of clusters down, bit 0 the first; both down is absorbed.
var eachOfTwo = func() (after [3 * 4]uint8) {
	for label := range 3 {
		for class := range 4 {
			to := uint8(label | class)
			if bits.OnesCount8(to) == 2 {
				to = absorbed
			}
			after[label*4+class] = to
		}
	}
	return after
}()
