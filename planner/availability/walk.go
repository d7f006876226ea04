package availability

// walk is one pass over the leaves of a question.
type walk struct {
	*runner
	q            *question
	region, zone int32
	depth        int // frames above the root in use
}

// enter leaves the zone and region of the leaf before and enters those of this one. Entering keeps a copy of the
// distribution for the case that everything below is down.
func (w *walk) enter(l *leaf) {
	if l.region == w.region && l.zone == w.zone {
		return
	}
	if l.region != w.region {
		w.leave(0)
	} else {
		w.leave(w.regions())
	}
	if l.region >= 0 && w.region != l.region {
		w.push()
	}
	if l.zone >= 0 {
		w.push()
	}
	w.region, w.zone = l.region, l.zone
}

// regions is the depth at which the current region's own leaves are taken.
func (w *walk) regions() int {
	if w.region >= 0 {
		return 1
	}
	return 0
}

// push copies the current distribution: the copy goes on, the original waits for the case of being down.
func (w *walk) push() {
	from, to := &w.frames[w.depth], &w.frames[w.depth+1]
	to.at = to.at[:len(from.at)]
	copy(to.at, from.at)
	to.absorbed = from.absorbed
	w.depth++
}

// leave goes up to a depth, mixing at each level what went on with what stayed down.
func (w *walk) leave(depth int) {
	for ; w.depth > depth; w.depth-- {
		e := w.zone
		if w.zone >= 0 {
			w.zone = -1
		} else {
			e, w.region = w.region, -1
		}
		up := w.q.sys.Elements[e].Up
		down := 1 - up
		off, on := &w.frames[w.depth-1], &w.frames[w.depth]
		for i, v := range on.at {
			off.at[i] = down*off.at[i] + up*v
		}
		off.absorbed = down*off.absorbed + up*on.absorbed
	}
	if depth == 0 {
		w.region = -1
	}
}

// openAt opens the groups and split elements whose first leaf this is.
func (w *walk) openAt(i int32) {
	for id := range w.spans {
		if w.spans[id].first != i || w.single(w.q, id) {
			continue
		}
		need := w.need(w.q, id)
		d := dimension{id: int32(id), need: int32(need), stride: int32(len(w.frames[0].at))}
		w.open = append(w.open, d)
		for f := range w.frames[:w.depth+1] {
			fr := &w.frames[f]
			n := len(fr.at)
			fr.at = fr.at[:n*(need+1)]
			clear(fr.at[n:])
		}
		if id >= len(w.q.demands) {
			w.toss(&w.open[len(w.open)-1], w.q.sys.Elements[w.bits[id-len(w.q.demands)]].Up)
		}
	}
}

// toss decides a split element: digit 1 is up.
func (w *walk) toss(d *dimension, up float64) {
	down := 1 - up
	for f := range w.frames[:w.depth+1] {
		at := w.frames[f].at
		for i := range int(d.stride) {
			v := at[i]
			at[i] = down * v
			at[i+int(d.stride)] = up * v
		}
	}
}

// closeAt closes the groups and split elements whose last leaf this is.
func (w *walk) closeAt(i int32) {
	for k := len(w.open) - 1; k >= 0; k-- {
		d := w.open[k]
		if w.spans[d.id].last != i {
			continue
		}
		for f := range w.frames[:w.depth+1] {
			if int(d.id) >= len(w.q.demands) {
				w.frames[f].sum(d)
			} else {
				w.frames[f].decide(d, w.q.labels, w.q.demands[d.id].class)
			}
		}
		for j := k + 1; j < len(w.open); j++ {
			w.open[j-1] = w.open[j]
			w.open[j-1].stride /= d.need + 1
		}
		w.open = w.open[:len(w.open)-1]
	}
}

// sum forgets a dimension.
func (f *frame) sum(d dimension) {
	s := int(d.stride)
	for u, to := 0, 0; u < len(f.at); u, to = u+2*s, to+s {
		for i := range s {
			f.at[to+i] = f.at[u+i] + f.at[u+s+i]
		}
	}
	f.at = f.at[:len(f.at)/2]
}

// decide closes a group: outcomes with fewer units up than needed take the label of its failure.
func (f *frame) decide(d dimension, l labels, class uint8) {
	s, n := int(d.stride), int(d.need)
	for u, to := 0, 0; u < len(f.at); u, to = u+s*(n+1), to+s {
		for i := 0; i < s; i += l.count {
			var block [maxLabels]float64
			copy(block[:l.count], f.at[u+n*s+i:])
			for k := range n {
				f.fail(block[:l.count], f.at[u+k*s+i:u+k*s+i+l.count], 1, l, class)
			}
			copy(f.at[to+i:to+i+l.count], block[:l.count])
		}
	}
	f.at = f.at[:len(f.at)/(n+1)]
}

// fail adds share times the block, with the labels after a failure of the class, to sum.
func (f *frame) fail(sum, block []float64, share float64, l labels, class uint8) {
	for label, v := range block {
		if v == 0 {
			continue
		}
		if to := l.after[label*l.classes+int(class)]; to == absorbed {
			f.absorbed += share * v
		} else {
			sum[to] += share * v
		}
	}
}

// fail applies the failure of a class to everything.
func (w *walk) fail(class uint8) {
	for f := range w.frames[:w.depth+1] {
		w.frames[f].singly(0, w.q.labels, class)
	}
}

// singly takes a group that one leaf decides: up with the chance given, else failed.
func (f *frame) singly(up float64, l labels, class uint8) {
	down := 1 - up
	for i := 0; i < len(f.at); i += l.count {
		var block [maxLabels]float64
		for k, v := range f.at[i : i+l.count] {
			block[k] = up * v
		}
		f.fail(block[:l.count], f.at[i:i+l.count], down, l, class)
		copy(f.at[i:i+l.count], block[:l.count])
	}
}

// take decides one leaf: with its chance the units on it are counted. Frames below the current one stay as they are,
// since there the leaf's zone or region is down.
func (w *walk) take(l *leaf) {
	incs := w.incs[l.from:l.to]
	up := w.q.sys.Elements[l.own].Up
	if l.bit < 0 && len(incs) == 1 && w.single(w.q, int(incs[0].demand)) {
		class := w.q.demands[incs[0].demand].class
		for f := range w.frames[:w.depth] {
			w.frames[f].singly(0, w.q.labels, class)
		}
		w.frames[w.depth].singly(up, w.q.labels, class)
		return
	}
	at := w.frames[w.depth].at
	if l.bit < 0 && len(incs) == 1 {
		count(at, w.dimension(incs[0].demand), incs[0].count, up)
		return
	}
	w.countAll(at, l, incs, up)
}

func (w *walk) dimension(id int32) dimension {
	for i := range w.open {
		if w.open[i].id == id {
			return w.open[i]
		}
	}
	return dimension{}
}

// count moves the share up of every outcome by n units of one group, at most to its need. Digits are taken from the
// highest, so that nothing moves twice.
func count(at []float64, d dimension, n int32, up float64) {
	down := 1 - up
	s := int(d.stride)
	for u := 0; u < len(at); u += s * int(d.need+1) {
		for k := d.need - 1; k >= 0; k-- {
			from := at[u+int(k)*s:][:s]
			to := at[u+int(min(k+n, d.need))*s:][:s]
			for i, v := range from {
				if v != 0 {
					to[i] += up * v
					from[i] = down * v
				}
			}
		}
	}
}

// countAll is count for a leaf with units of several groups, or for a part of a split element, which moves everything
// where the element is up and nothing elsewhere.
func (w *walk) countAll(at []float64, l *leaf, incs []inc, up float64) {
	var held [8]dimension
	dims := held[:0]
	for _, c := range incs {
		dims = append(dims, w.dimension(c.demand))
	}
	var bit dimension
	if l.bit >= 0 {
		bit = w.dimension(int32(len(w.q.demands)) + l.bit)
		up = 1
	}
	down := 1 - up
	labels := w.q.labels.count
	for base := len(at) - labels; base >= 0; base -= labels {
		if l.bit >= 0 && uint32(base)/uint32(bit.stride)%2 == 0 {
			continue
		}
		move := 0
		for k := range dims {
			d := &dims[k]
			digit := int32(uint32(base) / uint32(d.stride) % uint32(d.need+1))
			move += int(min(incs[k].count, d.need-digit)) * int(d.stride)
		}
		if move == 0 {
			continue
		}
		from, to := at[base:base+labels], at[base+move:base+move+labels]
		for i, v := range from {
			if v != 0 {
				to[i] += up * v
				from[i] = down * v
			}
		}
	}
}
