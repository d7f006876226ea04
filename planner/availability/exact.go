package availability

import "slices"

// Bounds on one question. No plausible cluster comes near: 60 nodes of 8 groups on 40 machines that hop between 5 zones
// take less than a hundred thousand steps.
const (
	maxHeld   = 16      // places whose states are enumerated
	maxStates = 1 << 21 // outcomes held at a time
	maxWork   = 1 << 28 // outcomes visited in all
	// modest is the work below which no other plan is looked for.
	modest = 1 << 11
)

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

func (l *labels) next(label, class uint8) uint8 { return l.after[int(label)*l.classes+int(class)] }

// question asks for the distribution of labels once every group of demands is decided.
//
// The method: what one machine (or own chance) holds within one zone and region is a leaf. The leaves are taken one after
// another, carrying the distribution over (units counted so far in each open group) for each label. A group is open from
// its first to its last leaf only, and the order is chosen so that few are open together. Leaves that hold units of one
// group alone are never carried: their count has a distribution of its own, which is added when the group is decided. A
// group counts what is up or what has failed, whichever takes fewer digits.
//
// Zones and regions are dealt with in two ways. Either leaves are taken place by place, and a place is a mixture of the
// distribution with its leaves taken and of the one with them left down; or the states of the place are enumerated (it
// is held), which frees the order. The estimate of the work decides. A machine whose nodes lie in several places is one leaf
// only where those are held, so that they always are.
//
// All terms are non-negative and nothing is subtracted, so that small probabilities keep their relative precision.
type question struct {
	sys     *System
	demands []demand
	labels  labels
}

// runner answers questions about one system, reusing its memory. The zero value is ready.
type runner struct {
	entries []entry
	places  []place
	held    []int32 // places whose states are enumerated, by bit

	dims   []dimension // by demand
	leaves []leaf      // taken one by one, in order
	alone  []leaf      // outside all places with units of one group only, chained by dimension
	incs   []inc

	open   []int32  // demands, in the order of their strides
	frames [3]frame // root, region, zone: what is down at that level, the last one in use is current
	memory []float64
	room   int       // outcomes that each label has memory for
	spare  []float64 // as much once more
	tails  []float64
}

// run answers the question: the chance of each label, and the chance absorbed. ok is false when the question takes more
// work than the bounds allow.
func (r *runner) run(q *question, out []float64) (lost float64, ok bool) {
	r.gather(q)
	p := r.choose(q)
	if p.work > maxWork || p.states > maxStates {
		return 0, false
	}
	r.reserve(q, &p)
	out = out[:q.labels.count]
	clear(out)
	for state := range uint32(1) << len(r.held) {
		weight := r.weight(state)
		if weight == 0 {
			continue
		}
		label := p.label
		if len(r.held) > 0 { // otherwise the plan's leaves are those of the only state
			label = r.collect(q, state)
		}
		if label == absorbed {
			lost += weight
			continue
		}
		r.walk(q, label)
		for l, rest := r.frames[0].live.first(); l < none; l, rest = rest.first() {
			out[l] += weight * r.memory[l*r.room]
		}
		lost += weight * r.frames[0].absorbed
	}
	return lost, true
}

// choose returns the plan that takes less, of the two there are. The runner is left as that plan has it.
func (r *runner) choose(q *question) plan {
	p := r.plan(q, false)
	if p.work <= modest || !r.plannable(true) {
		return p
	}
	r.sort()
	if other := r.plan(q, true); other.work < p.work {
		return other
	}
	r.sort()
	return r.plan(q, false)
}

// weight is the chance of a state of the held places, 0 for one that another stands for: the zones of a region that is
// down are down.
func (r *runner) weight(state uint32) float64 {
	w := 1.0
	for bit, at := range r.held {
		p := &r.places[at]
		up := state>>bit&1 == 1
		if p.region >= 0 {
			if over := &r.places[p.region]; over.bit >= 0 && state>>over.bit&1 == 0 {
				if up {
					return 0
				}
				continue
			}
		}
		if up {
			w *= p.up
		} else {
			w *= p.down
		}
	}
	return w
}

// plan is the way chosen to answer a question, with what it takes at most.
type plan struct {
	work   float64 // outcomes visited in all
	states float64 // outcomes held at a time for one label
	depth  int     // frames above the root
	label  uint8   // with everything held up
}

// plannable reports whether the places that a plan would hold are few enough.
func (r *runner) plannable(all bool) bool {
	n := 0
	for i := range r.places {
		if r.places[i].hold(all) {
			n++
		}
	}
	return n <= maxHeld
}

// plan holds the places that machines hop between, or all, and orders the leaves. With everything up there are as many
// leaves and units as there can be, so that no other state takes more.
func (r *runner) plan(q *question, all bool) plan {
	if !r.plannable(all) {
		r.held = r.held[:0]
		return plan{work: 2 * maxWork}
	}
	r.hold(q, all)
	label := r.collect(q, 1<<len(r.held)-1)
	if label == absorbed {
		return plan{states: 1, label: label}
	}
	p := r.order(q)
	p.label = label
	states := 0
	for state := range uint32(1) << len(r.held) {
		if r.weight(state) > 0 {
			states++
		}
	}
	p.work = (p.work + float64(len(r.entries))) * float64(states)
	return p
}

// hold chooses the places whose states are enumerated and tells every entry where that leaves it.
func (r *runner) hold(q *question, all bool) {
	r.held = r.held[:0]
	for i := range r.places {
		p := &r.places[i]
		p.bit = -1
		if p.hold(all) {
			p.bit = int8(len(r.held))
			r.held = append(r.held, int32(i))
		}
	}
	for i := range r.entries {
		e := &r.entries[i]
		e.odds, e.mask = oddsOf(q.sys.Elements[e.own].Up), 0
		e.inZone, e.inRegion = r.within(e, e.zone), r.within(e, e.region)
	}
}

// within returns the place as one that the entry's leaf is taken in, or takes it into account and returns -1.
func (r *runner) within(e *entry, at int32) int32 {
	if at < 0 {
		return -1
	}
	switch p := &r.places[at]; {
	case p.bit >= 0:
		e.mask |= 1 << p.bit
	case p.merged:
	case p.leaves == 1:
		e.odds = e.and(p.odds)
	default:
		return at
	}
	return -1
}

// hold reports whether a place's states are enumerated. One that a single leaf lies in is part of that leaf's chance.
func (p *place) hold(all bool) bool {
	return !p.merged && (p.split || all && p.leaves > 1)
}

// reserve makes the memory that a plan takes.
func (r *runner) reserve(q *question, p *plan) {
	r.room = max(int(p.states), 2)
	n := ((p.depth+1)*q.labels.count + 1) * r.room
	r.memory = slices.Grow(r.memory[:0], n)[:n]
	r.spare = r.memory[n-r.room:]
}
