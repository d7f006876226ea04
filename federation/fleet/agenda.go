package fleet

import (
	"container/heap"
	"time"
)

// agenda says when time alone may change something of a site, so that a tick looks at those sites and no others.
type agenda struct {
	order []look // a heap
	place map[string]int
}

type look struct {
	site string
	at   time.Time
}

func newAgenda() *agenda { return &agenda{place: map[string]int{}} }

// set notes when a site is to be looked at next, in place of what was noted before.
func (a *agenda) set(site string, at time.Time) {
	if i, known := a.place[site]; known {
		a.order[i].at = at
		heap.Fix(a, i)
		return
	}
	heap.Push(a, look{site, at})
}

// due takes the sites off that are to be looked at by now.
func (a *agenda) due(now time.Time) []string {
	var out []string
	for len(a.order) > 0 && !a.order[0].at.After(now) {
		out = append(out, heap.Pop(a).(look).site)
	}
	return out
}

// Len, Less, Swap, Push and Pop are heap.Interface.
func (a *agenda) Len() int           { return len(a.order) }
func (a *agenda) Less(i, j int) bool { return a.order[i].at.Before(a.order[j].at) }

func (a *agenda) Swap(i, j int) {
	a.order[i], a.order[j] = a.order[j], a.order[i]
	a.place[a.order[i].site], a.place[a.order[j].site] = i, j
}

// Push appends.
func (a *agenda) Push(x any) {
	l := x.(look)
	a.place[l.site] = len(a.order)
	a.order = append(a.order, l)
}

// Pop removes the last.
func (a *agenda) Pop() any {
	last := a.order[len(a.order)-1]
	a.order = a.order[:len(a.order)-1]
	delete(a.place, last.site)
	return last
}

// plan notes when time alone may change a record next: when it is to be judged again, or when its silence reaches the next threshold. Heartbeats only move the latter on, so that it is reckoned again when it
// comes. A site that is not live may become so with its next sign of life.
func (f *Fleet) plan(r *Record) {
	var next time.Time
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if at, more := f.next(r); more {
		sooner(at)
	}
	f.life.Lock()
	p := f.presence(r.ID)
	heard, interval := p.heard, p.interval
	f.life.Unlock()
	late, stale, lost := thresholds(interval, r.Planner.Instance != "")
	switch r.Liveness {
	case Live:
		sooner(heard.Add(late))
	case Late:
		sooner(heard.Add(stale))
	case Stale:
		sooner(heard.Add(lost))
	case Lost:
	}
	if !next.IsZero() {
		f.agenda.set(r.ID, next)
	}
}

// dueSites are the sites that a tick has to look at.
func (f *Fleet) dueSites(now time.Time) map[string]struct{} {
	f.life.Lock()
	out := f.woken
	f.woken = map[string]struct{}{}
	f.life.Unlock()
	for _, site := range f.agenda.due(now) {
		out[site] = struct{}{}
	}
	return out
}
