package sizing

import (
	"math"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Load is what a workload asks for at its peak, by PTC's formulas (ThingWorx help 9.x, Installation/Sizing).
type Load struct {
	Things   int
	WPS      float64 // sum over device types of T x sum(P x F), F in writes per second
	Requests float64 // per second: sum over mashups of (S + 1) x U x L / t
}

// Measure applies the formulas. What cannot be counted, such as properties without a frequency, is left out and named in
// the second result. Negative counts are taken as zero.
func Measure(w *inventory.Workload) (Load, []string) {
	var l Load
	var left []string
	for i := range w.Things {
		g := &w.Things[i]
		t := max(g.Count, 0)
		// Device types beyond what an int holds are nonsense, but must not wrap round to a small load.
		if l.Things > math.MaxInt-t {
			l.Things = math.MaxInt
		} else {
			l.Things += t
		}
		var perThing float64
		for _, p := range g.Properties {
			switch {
			case p.Count <= 0:
			case p.Every <= 0:
				left = append(left, "properties of "+named(g.Name, "a device type")+" without a write interval are not counted")
			default:
				perThing += float64(p.Count) / time.Duration(p.Every).Seconds()
			}
		}
		l.WPS += float64(t) * perThing
	}
	for i := range w.Mashups {
		m := &w.Mashups[i]
		switch {
		case m.Users <= 0 || !(m.LoadsPerUser > 0):
		case m.Window <= 0:
			left = append(left, "loads of "+named(m.Name, "a mashup")+" without a window are not counted")
		default:
			l.Requests += float64(max(m.Services, 0)+1) * float64(m.Users) * m.LoadsPerUser / time.Duration(m.Window).Seconds()
		}
	}
	return l, left
}

// Grow returns the load after years of growth of everything by perYear (0.2 is 20 %).
func (l Load) Grow(perYear, years float64) Load {
	f := math.Pow(1+perYear, years)
	if !(f > 0) || math.IsInf(f, 0) {
		return l
	}
	things := math.Ceil(float64(l.Things) * f)
	if things >= math.MaxInt {
		things = math.MaxInt / 2
	}
	return Load{Things: int(things), WPS: l.WPS * f, Requests: l.Requests * f}
}

func named(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

// ratio is load over limit rounded up, at least one, and bounded so that absurd loads stay countable.
func ratio(load, limit float64) int {
	n := math.Ceil(load / limit)
	switch {
	case !(n > 1):
		return 1
	case n > math.MaxInt32:
		return math.MaxInt32
	}
	return int(n)
}
