package sitesim

import (
	"container/heap"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Chances say how probable each happening is at one step of one site. At most one comes about at a step.
type Chances struct {
	Demand   float64 // the declared workload is revised
	Failover float64 // the standby of a database takes over, or the primary comes back
	Upgrade  float64 // ThingWorx is brought to its next version
	Silence  float64 // the site falls silent
}

// DefaultChances are assumptions, since nobody publishes such rates: at a step every 15 minutes a workload is revised once
// in five hours, a database fails over twice a month, a version changes every two months and a site falls silent once in five days.
func DefaultChances() Chances {
	return Chances{Demand: 0.05, Failover: 0.0007, Upgrade: 0.00017, Silence: 0.002}
}

// longestSilence is how many steps a silent site misses at most; assumption.
const longestSilence = 12

// happening is what a step brings beside new measurements.
type happening int

const (
	nothing happening = iota
	demandMoves
	failsOver
	isUpgraded
	fallsSilent
)

// happens is what the step brings to site i. The generator is handed on for what else the happening needs.
func (f *Fleet) happens(i, step int) (happening, *rand.Rand) {
	r := f.random(i, purposeLife+uint64(step))
	x, c := r.Float64(), f.o.Chances
	for _, h := range [...]struct {
		is     happening
		chance float64
	}{{demandMoves, c.Demand}, {failsOver, c.Failover}, {isUpgraded, c.Upgrade}, {fallsSilent, c.Silence}} {
		if x < h.chance {
			return h.is, r
		}
		x -= h.chance
	}
	return nothing, r
}

// past counts what happened to a site up to a step.
type past struct{ demands, failovers, upgrades int }

func (f *Fleet) past(i, step int) past {
	var p past
	for k := 1; k <= step; k++ {
		switch h, _ := f.happens(i, k); h {
		case demandMoves:
			p.demands++
		case failsOver:
			p.failovers++
		case isUpgraded:
			p.upgrades++
		case nothing, fallsSilent:
		}
	}
	return p
}

// happened brings a site as it was built to what became of it.
func (b *builder) happened(p past) {
	for i := range b.site.Clusters {
		c := &b.site.Clusters[i]
		for n := range p.demands {
			b.moveDemand(c, b.random(b.number, purposeDemand+uint64(n)))
		}
		upgrade(c, p.upgrades)
	}
	if p.failovers%2 == 1 {
		for i := range b.site.Infrastructure {
			failOver(&b.site.Infrastructure[i])
		}
	}
}

// moveDemand revises a workload by some percent.
func (b *builder) moveDemand(c *inventory.Cluster, r *rand.Rand) {
	if c.Workload == nil {
		return
	}
	for k := range c.Workload.Mashups {
		c.Workload.Mashups[k].Users += r.IntN(1 + c.Workload.Mashups[k].Users/10)
	}
	c.Workload.Things[r.IntN(len(c.Workload.Things))].Count += r.IntN(20)
}

// failOver exchanges the primary and the standby of a database server that has one.
func failOver(db *inventory.Infrastructure) {
	if db.Kind != inventory.KindDatabase {
		return
	}
	if ha := db.HighAvailability; ha != nil && ha.StandbyZone != "" && db.Placement.Zone != "" {
		ha.StandbyZone, db.Placement.Zone = db.Placement.Zone, ha.StandbyZone
	}
	if len(db.Nodes) > 1 && db.Nodes[0].Role == "primary" && db.Nodes[1].Role == "standby" {
		db.Nodes[0].Role, db.Nodes[1].Role = "standby", "primary"
	}
}

// upgrade brings a cluster some versions on, with the nodes that say theirs.
func upgrade(c *inventory.Cluster, times int) {
	order := [...]string{"8.5.7", "8.5.12", "9.3.4", "9.4.1", "9.5.3", "9.6.0", "9.6.1", "9.6.2", "9.7.0", "10.1.0"}
	next := func(v string) string {
		for i, known := range order {
			if known == v {
				return order[min(i+times, len(order)-1)]
			}
		}
		return v
	}
	c.ThingworxVersion = next(c.ThingworxVersion)
	for k := range c.Components {
		for n := range c.Components[k].Nodes {
			s := &c.Components[k].Nodes[n].Settings
			s.ThingworxVersion = next(s.ThingworxVersion)
		}
	}
}

// EventKind says what a planner does.
type EventKind int

// Kinds of event.
const (
	Publish EventKind = iota // it sends the inventory of the step
	Silent                   // nothing is heard of it from now on
	Back                     // it is heard of again
)

// Event is what the planner of a site does at an instant.
type Event struct {
	At   time.Time
	Site int // number
	Kind EventKind
	Step int // of what is published; Fleet.At(Site, Step) is when it was observed, which is before At after a silence
}

// Life yields what the planners of all sites do from the start until an instant, in the order of time, and of number at the
// same time. A site falls silent in one of two ways, as often the one as the other: its connection is cut, and what it
// observed meanwhile is sent when it is back, oldest first; or its planner stands still, and what it would have observed never is.
func (f *Fleet) Life(until time.Time) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		q := make(agenda, f.o.Sites)
		for i := range q {
			q[i] = &life{at: f.o.Start, site: i}
		}
		heap.Init(&q)
		for len(q) > 0 {
			l := q[0]
			if l.at.After(until) {
				return
			}
			for _, e := range l.act(f) {
				if !yield(e) {
					return
				}
			}
			heap.Fix(&q, 0)
		}
	}
}

// life is where one site stands: the step that comes next, and when.
type life struct {
	at     time.Time
	site   int
	step   int
	silent int // steps that passed since it fell silent
	length int // of the silence, in steps; 0 is heard of
	cut    bool
}

// act does what is due and moves on.
func (l *life) act(f *Fleet) []Event {
	var out []Event
	emit := func(kind EventKind, step int) {
		out = append(out, Event{At: l.at, Site: l.site, Kind: kind, Step: step})
	}
	switch h, r := f.happens(l.site, l.step); {
	case l.length > 0 && l.silent < l.length:
		l.silent++
	case l.length > 0:
		emit(Back, l.step)
		first := l.step
		if l.cut {
			first -= l.silent
		}
		for k := first; k <= l.step; k++ {
			emit(Publish, k)
		}
		l.length, l.silent = 0, 0
	case h == fallsSilent && l.step > 0:
		l.length, l.cut, l.silent = 1+r.IntN(longestSilence), r.IntN(2) == 0, 1
		emit(Silent, l.step)
	default:
		emit(Publish, l.step)
	}
	l.step++
	l.at = f.At(l.site, l.step)
	return out
}

// agenda orders lives by what is due first.
type agenda []*life

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a agenda) Less(i, j int) bool {
	if c := a[i].at.Compare(a[j].at); c != 0 {
		return c < 0
	}
	return a[i].site < a[j].site
}

// Push and Pop complete heap.Interface; the number of sites never changes.
func (a *agenda) Push(x any) { *a = append(*a, x.(*life)) }

// Pop removes the last one.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
