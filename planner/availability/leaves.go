package availability

import "slices"

// odds are the chances of being up and of being down. Both are kept, since 1 - up is imprecise where down is small.
type odds struct{ up, down float64 }

func oddsOf(up float64) odds { return odds{up, 1 - up} }

// and are the odds that both are up.
func (o odds) and(p odds) odds { return odds{o.up * p.up, o.down + o.up*p.down} }

// place is a zone or region that units of the question lie in and that can fail.
type place struct {
	element int32
	odds          // with those of its region when that is merged into it
	region  int32 // of a zone: the place of its region, -1 when it has none
	leaves  int32 // in it
	split   bool  // a machine has units in it and elsewhere
	merged  bool  // a region whose leaves all lie in one zone is part of that zone's chance
	bit     int8  // in the states enumerated; -1 when it is not held
}

// entry is the units of one group on one element within one place.
type entry struct {
	own          int32
	zone, region int32 // places, -1 for none
	demand       int32
	count        int32
	rank         int32 // of its leaf in the plan, -1 for one taken alone

	// As the plan has it: the chance of the leaf, the held places that must be up, and the places it is taken in.
	odds
	mask             uint32
	inZone, inRegion int32
}

// leaf is one element's units that are up in a state of the held places, all in one zone and region.
type leaf struct {
	odds
	zone, region int32 // places it is taken in, -1 for none
	from, to     int32 // range of runner.incs
	next         int32 // of alone: the next leaf of the group, -1 for the last

	entry, entries int32 // range of runner.entries
}

// inc is how many units of a group a leaf holds.
type inc struct {
	demand int32
	count  int32
}

// dimension is a group while its question is answered.
type dimension struct {
	need, units int32 // units needed, and units not down with a held place
	class       uint8
	lost        bool  // fewer units than needed
	failed      bool  // counts what has failed, not what is up
	most        int32 // the greatest digit, which stands for all above it
	taken       int32 // units on leaves that are taken one by one
	first, last int32 // leaf that opens and leaf that closes it, -1 without any
	alone       int32 // first of its leaves in runner.alone, -1 without any
	stride      int   // while open

	// While leaves are ordered: its leaves not ordered yet, whether one is, and a mark.
	left   int32
	opened bool
	seen   int32
}

// gather collects the entries and places of the groups asked for. Units that can never be up are left out, and places
// that never fail.
func (r *runner) gather(q *question) {
	n := 0
	for d := range q.demands {
		n += len(q.sys.Groups[q.demands[d].group].Units)
	}
	r.entries, r.places = slices.Grow(r.entries[:0], n), slices.Grow(r.places[:0], 8)
	r.leaves, r.alone, r.incs = slices.Grow(r.leaves[:0], n), slices.Grow(r.alone[:0], n), slices.Grow(r.incs[:0], n)
	r.open = slices.Grow(r.open[:0], len(q.demands))
	for d := range q.demands {
		for _, u := range q.sys.Groups[q.demands[d].group].Units {
			unit := &q.sys.Units[u]
			if q.sys.Elements[unit.Own].Up == 0 {
				continue
			}
			region, ok := r.place(q.sys, unit.Region, -1)
			if !ok {
				continue
			}
			zone, ok := r.place(q.sys, unit.Zone, region)
			if !ok {
				continue
			}
			r.entries = append(r.entries, entry{own: unit.Own, zone: zone, region: region, demand: int32(d), count: 1})
		}
	}
	r.sort()
	r.spread()
}

// sort brings together what is on one element.
func (r *runner) sort() {
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
}

// place returns the place of an element, -1 when there is none that can fail; ok is false when it never is up.
func (r *runner) place(s *System, element, region int32) (at int32, ok bool) {
	if element < 0 {
		return -1, true
	}
	switch up := s.Elements[element].Up; up {
	case 0:
		return -1, false
	case 1:
		return -1, true
	default:
		for i := range r.places {
			if r.places[i].element == element {
				return int32(i), true
			}
		}
		r.places = append(r.places, place{element: element, region: region, odds: oddsOf(up)})
		return int32(len(r.places) - 1), true
	}
}

// spread joins units of one group on one leaf, counts the leaves of each place, and finds the machines that hop between
// places and the regions that are as good as their only zone.
func (r *runner) spread() {
	n := 0
	for i, e := range r.entries {
		var before *entry
		if n > 0 {
			before = &r.entries[n-1]
		}
		hops := before != nil && before.own == e.own
		if hops && before.zone == e.zone && before.region == e.region {
			if before.demand == e.demand {
				before.count++
				continue
			}
		} else {
			for _, at := range [2]int32{e.zone, e.region} {
				if at >= 0 {
					r.places[at].leaves++
				}
			}
			if hops {
				r.split(before.zone, e.zone)
				r.split(before.region, e.region)
			}
		}
		r.entries[n] = r.entries[i]
		n++
	}
	r.entries = r.entries[:n]
	for i := range r.places {
		zone := &r.places[i]
		if zone.region < 0 {
			continue
		}
		if region := &r.places[zone.region]; region.leaves == zone.leaves {
			region.merged = true
			zone.odds = zone.and(region.odds)
			zone.region = -1
		}
	}
}

// split notes that a machine has units in two places.
func (r *runner) split(a, b int32) {
	if a == b {
		return
	}
	for _, at := range [2]int32{a, b} {
		if at >= 0 {
			r.places[at].split = true
		}
	}
}

// collect makes the leaves and dimensions of one state of the held places, and returns the label of the groups that are
// lost by it.
func (r *runner) collect(q *question, state uint32) (label uint8) {
	r.dims = slices.Grow(r.dims[:0], len(q.demands))[:len(q.demands)]
	for d := range r.dims {
		r.dims[d] = dimension{need: int32(q.sys.Groups[q.demands[d].group].Need), class: q.demands[d].class, first: -1, last: -1, alone: -1}
	}
	for i := range r.entries {
		if e := &r.entries[i]; e.mask&^state == 0 {
			r.dims[e.demand].units += e.count
		}
	}
	for d := range r.dims {
		if dim := &r.dims[d]; dim.units < dim.need {
			dim.lost = true
			if label = q.labels.next(label, dim.class); label == absorbed {
				return label
			}
		}
	}
	r.leaves, r.alone, r.incs = r.leaves[:0], r.alone[:0], r.incs[:0]
	for i := 0; i < len(r.entries); {
		i = r.leaf(i, state)
	}
	for i := range r.leaves {
		for _, c := range r.incs[r.leaves[i].from:r.leaves[i].to] {
			d := &r.dims[c.demand]
			d.left++
			if d.taken += c.count; d.first < 0 {
				d.first = int32(i)
			}
			d.last = int32(i)
		}
	}
	for d := range r.dims {
		dim := &r.dims[d]
		enough := dim.units - dim.need + 1 // failures
		dim.failed = enough < dim.need
		dim.most = min(dim.need, enough, dim.taken)
	}
	return label
}

// leaf makes the leaf of the entries of one element from i, and returns the first entry after them.
func (r *runner) leaf(i int, state uint32) int {
	l := leaf{from: int32(len(r.incs)), next: -1, entry: int32(i)}
	own := r.entries[i].own
	for ; i < len(r.entries) && r.entries[i].own == own; i++ {
		e := &r.entries[i]
		if e.mask&^state != 0 || r.dims[e.demand].lost {
			continue
		}
		l.odds, l.zone, l.region = e.odds, e.inZone, e.inRegion
		r.inc(l.from, e)
	}
	l.to, l.entries = int32(len(r.incs)), int32(i)
	switch {
	case l.to == l.from:
	case l.to == l.from+1 && l.zone < 0 && l.region < 0:
		d := &r.dims[r.incs[l.from].demand]
		l.next, d.alone = d.alone, int32(len(r.alone))
		r.alone = append(r.alone, l)
	default:
		r.leaves = append(r.leaves, l)
	}
	return i
}

// inc adds the units of an entry to the leaf whose increments begin at from.
func (r *runner) inc(from int32, e *entry) {
	for k := range r.incs[from:] {
		if c := &r.incs[int(from)+k]; c.demand == e.demand {
			c.count += e.count
			return
		}
	}
	r.incs = append(r.incs, inc{e.demand, e.count})
}
