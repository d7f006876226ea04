package availability

import (
	"math/bits"
	"slices"
)

// frame is a distribution over label and digit of each open dimension, with what has been absorbed.
type frame struct {
	live     set // labels that something has
	absorbed float64
}

// set is a set of labels.
type set uint32

// first is the least label of a set that has any, and rest the set without it.
func (s set) first() (label int, rest set) { return bits.TrailingZeros32(uint32(s)), s & (s - 1) }

// none is the first label of the empty set.
const none = 32

func (s set) has(label int) bool { return s>>label&1 == 1 }

// walk is one pass over the leaves of one state of the held places.
type walk struct {
	*runner
	q            *question
	region, zone int32
	depth        int // frames above the root in use
	size         int // outcomes of one label
}

// walk takes all leaves and decides all groups. The answer is in the root frame.
func (r *runner) walk(q *question, label uint8) {
	w := walk{runner: r, q: q, region: -1, zone: -1, size: 1}
	r.frames[0] = frame{live: 1 << label}
	w.at(0, int(label))[0] = 1
	r.open = r.open[:0]
	for i := range r.leaves {
		l := &r.leaves[i]
		w.enter(l)
		w.openAt(int32(i), l)
		w.take(l)
		w.closeAt(int32(i), l)
	}
	w.leave(0)
	for d := range r.dims {
		if dim := &r.dims[d]; dim.first < 0 && !dim.lost {
			dim.stride = 1
			w.decide(int32(d))
		}
	}
}

// at is the outcomes of a label in a frame.
func (w *walk) at(frame, label int) []float64 {
	return w.memory[(frame*w.q.labels.count+label)*w.room:][:w.size]
}

// of is the same, none so far when the frame had nothing with the label.
func (w *walk) of(frame, label int) []float64 {
	at := w.at(frame, label)
	if f := &w.frames[frame]; !f.live.has(label) {
		f.live |= 1 << label
		clear(at)
	}
	return at
}

// enter leaves the zone and region of the leaf before and enters those of this one. Entering keeps a copy of the
// distribution for the case that everything below is down.
func (w *walk) enter(l *leaf) {
	if l.region == w.region && l.zone == w.zone {
		return
	}
	switch {
	case l.region != w.region:
		w.leave(0)
		if l.region >= 0 {
			w.push()
		}
	case w.zone >= 0:
		w.leave(w.depth - 1)
	}
	if l.zone >= 0 {
		w.push()
	}
	w.region, w.zone = l.region, l.zone
}

// push copies the current distribution: the copy goes on, the original waits for the case of being down.
func (w *walk) push() {
	w.frames[w.depth+1] = w.frames[w.depth]
	for l, rest := w.frames[w.depth].live.first(); l < none; l, rest = rest.first() {
		copy(w.at(w.depth+1, l), w.at(w.depth, l))
	}
	w.depth++
}

// leave goes up to a depth, mixing at each level what went on with what stayed down.
func (w *walk) leave(depth int) {
	for ; w.depth > depth; w.depth-- {
		if w.zone >= 0 {
			w.mix(w.places[w.zone].odds)
			w.zone = -1
		} else {
			w.mix(w.places[w.region].odds)
			w.region = -1
		}
	}
}

// mix makes the frame below the current one the distribution that is the current one where the place is up.
func (w *walk) mix(p odds) {
	off, on := &w.frames[w.depth-1], &w.frames[w.depth]
	off.absorbed = p.down*off.absorbed + p.up*on.absorbed
	for l, rest := (off.live | on.live).first(); l < none; l, rest = rest.first() {
		to := w.of(w.depth-1, l)
		for i := range to {
			to[i] *= p.down
		}
		if on.live.has(l) {
			for i, v := range w.at(w.depth, l) {
				to[i] += p.up * v
			}
		}
	}
}

// openAt opens the groups whose first leaf this is.
func (w *walk) openAt(i int32, l *leaf) {
	for _, c := range w.incs[l.from:l.to] {
		d := &w.dims[c.demand]
		if d.first != i {
			continue
		}
		d.stride = w.size
		w.open = append(w.open, c.demand)
		w.size *= int(d.most) + 1
		for f := range w.frames[:w.depth+1] {
			for l, rest := w.frames[f].live.first(); l < none; l, rest = rest.first() {
				clear(w.at(f, l)[d.stride:])
			}
		}
	}
}

// closeAt decides the groups whose last leaf this is.
func (w *walk) closeAt(i int32, l *leaf) {
	for _, c := range w.incs[l.from:l.to] {
		d := &w.dims[c.demand]
		if d.last != i {
			continue
		}
		w.decide(c.demand)
		at := slices.Index(w.open, c.demand)
		w.open = slices.Delete(w.open, at, at+1)
		for _, later := range w.open[at:] {
			w.dims[later].stride /= int(d.most) + 1
		}
	}
}

// take decides one leaf: with its chance the units on it are up. In the frames below the current one its zone or region is
// down, and so is the leaf.
func (w *walk) take(l *leaf) {
	incs := w.incs[l.from:l.to]
	for f := range w.frames[:w.depth] {
		for label, rest := w.frames[f].live.first(); label < none; label, rest = rest.first() {
			w.move(w.at(f, label), incs, true)
		}
	}
	for label, rest := w.frames[w.depth].live.first(); label < none; label, rest = rest.first() {
		at := w.at(w.depth, label)
		if len(incs) > 1 {
			w.several(at, incs, l.odds)
			continue
		}
		d := &w.dims[incs[0].demand]
		count(at, d.stride, int(d.most), int(incs[0].count), d.counted(l.odds))
	}
}

// counted are the odds of what a dimension counts: of being up, or of having failed.
func (d *dimension) counted(o odds) odds {
	if d.failed {
		return odds{up: o.down, down: o.up}
	}
	return o
}

// several takes a leaf with units of several groups.
func (w *walk) several(at []float64, incs []inc, o odds) {
	on := w.spare[:len(at)]
	for i, v := range at {
		on[i] = o.up * v
		at[i] = o.down * v
	}
	w.move(on, incs, false)
	w.move(at, incs, true)
	for i, v := range on {
		at[i] += v
	}
}

// move counts the units of a leaf that is up or down wherever that is what the dimension counts.
func (w *walk) move(at []float64, incs []inc, failed bool) {
	for _, c := range incs {
		if d := &w.dims[c.demand]; d.failed == failed {
			shift(at, d.stride, int(d.most), int(c.count))
		}
	}
}

// shift moves every outcome n digits up, at most to the last.
func shift(at []float64, stride, most, n int) {
	n = min(n, most)
	if most == 1 && stride == 1 {
		for i := 0; i+1 < len(at); i += 2 {
			at[i+1] += at[i]
			at[i] = 0
		}
		return
	}
	for ; len(at) > 0; at = at[stride*(most+1):] {
		top := at[stride*most : stride*(most+1)]
		for k := most - n; k < most; k++ {
			for i, v := range at[k*stride : (k+1)*stride] {
				top[i] += v
			}
		}
		copy(at[n*stride:most*stride], at[:(most-n)*stride])
		clear(at[:n*stride])
	}
}

// count moves the share up of every outcome n digits up, at most to the last. Digits are taken from the highest, so that
// nothing moves twice.
func count(at []float64, stride, most, n int, o odds) {
	for ; len(at) > 0; at = at[stride*(most+1):] {
		for k := most - 1; k >= 0; k-- {
			from := at[k*stride:][:stride]
			to := at[min(k+n, most)*stride:][:stride]
			for i, v := range from {
				to[i] += o.up * v
				from[i] = o.down * v
			}
		}
	}
}

// decide closes a group: the outcomes that it fails by its digit and by the leaves of its own take the label of its failure.
func (w *walk) decide(demand int32) {
	d := &w.dims[demand]
	digits := 1
	if d.first >= 0 {
		digits = int(d.most) + 1
	}
	up, down := w.tail(d, digits)
	was := w.size
	w.size /= digits
	for f := range w.frames[:w.depth+1] {
		// What failed waits behind what did not until all labels are through, so that none fails twice.
		had := w.frames[f].live
		for l, rest := had.first(); l < none; l, rest = rest.first() {
			at, failed := w.at(f, l)[:was], w.spare[:w.size]
			part(at, failed, d.stride, up, down)
			copy(w.waiting(f, l), failed)
		}
		for l, rest := had.first(); l < none; l, rest = rest.first() {
			w.fail(f, w.q.labels.next(uint8(l), d.class), w.waiting(f, l))
		}
	}
}

// waiting is the memory behind the outcomes of a label.
func (w *walk) waiting(frame, label int) []float64 {
	return w.at(frame, label)[w.size : 2*w.size]
}

// fail adds outcomes to those of a label.
func (w *walk) fail(frame int, label uint8, failed []float64) {
	sum := 0.0
	for _, v := range failed {
		sum += v
	}
	switch {
	case label == absorbed:
		w.frames[frame].absorbed += sum
	case sum > 0:
		to := w.of(frame, int(label))
		for i, v := range failed {
			to[i] += v
		}
	}
}

// part divides the outcomes by whether the group is up or failed, given the chances of either for each of its digits. Those
// up are left at the beginning of at.
func part(at, failed []float64, stride int, up, down []float64) {
	for to := 0; len(at) > 0 && to < len(failed); to += stride {
		block := at[to*len(up):][:stride*len(up)]
		for i := range stride {
			var kept, lost float64
			for k := range up {
				v := block[k*stride+i]
				kept += up[k] * v
				lost += down[k] * v
			}
			at[to+i], failed[to+i] = kept, lost
		}
	}
}

// tail returns for each digit of a group the chance that the leaves of its own, which are not taken one by one, make it up,
// and that they do not.
func (w *walk) tail(d *dimension, digits int) (up, down []float64) {
	limit := int(d.need)
	if d.failed {
		limit = int(d.units-d.need) + 1
	}
	w.tails = slices.Grow(w.tails[:0], limit+1+2*digits)[:limit+1+2*digits]
	counted, reached, short := w.tails[:limit+1], w.tails[limit+1:][:digits], w.tails[limit+1+digits:]
	clear(w.tails)
	counted[0] = 1
	for at := d.alone; at >= 0; at = w.alone[at].next {
		l := &w.alone[at]
		count(counted, 1, limit, int(w.incs[l.from].count), d.counted(l.odds))
	}
	for k := range digits {
		for j, p := range counted {
			if j+k >= limit {
				reached[k] += p
			} else {
				short[k] += p
			}
		}
	}
	if d.failed {
		return short, reached
	}
	return reached, short
}
