package availability

import (
	"cmp"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// maxLabels is the greatest number of labels a question has: nothing failed, or exactly one part.
const maxLabels = 1 + int(parts)

// Tenant is one cluster with its site and its need, for joint results.
type Tenant struct {
	Site    *inventory.Site
	Cluster *inventory.Cluster
	Need    int
}

// Cluster computes one cluster's availability. need is the number of Foundation nodes its peak takes (1 without workload).
func Cluster(s *inventory.Site, c *inventory.Cluster, need int, p policy.Availability) Result {
	tenant := [1]Tenant{{s, c, need}}
	sys := Compile(tenant[:], p)
	return sys.Result(0)
}

// Result computes the availability of one cluster of the system.
func (s *System) Result(cluster int) Result {
	var r runner
	st := &s.Clusters[cluster]
	out := Result{Known: st.Known, Unknown: st.Unknown, Assumptions: st.Assumptions, Contributions: []Contribution{}}
	var demands [16]demand
	q := question{sys: s, demands: demands[:0], labels: labels{count: maxLabels, classes: int(parts), after: onePart[:]}}
	var present [parts]bool
	for _, g := range st.Serving {
		part := s.Groups[g].Part
		present[part] = true
		q.demands = append(q.demands, demand{g, uint8(part)})
	}
	var chances [maxLabels]float64
	lost, ok := r.run(&q, chances[:])
	if !ok {
		out.Known = false
		out.Unknown = append(slices.Clip(out.Unknown), "too many nodes share machines across zones to compute the availability")
		return out
	}
	down := lost
	for _, v := range chances[1:] {
		down += v
	}
	out.Serving = chance(chances[0])
	out.Full = out.Serving
	out.DowntimePerYear = downtime(down)
	if len(st.Extra) > 0 {
		q.demands = q.demands[:0]
		for _, g := range st.Serving {
			q.demands = append(q.demands, demand{g, 0})
		}
		for _, g := range st.Extra {
			present[Timeseries] = true
			if !slices.Contains(st.Serving, g) {
				q.demands = append(q.demands, demand{g, 0})
			}
		}
		q.labels = labels{count: 1, classes: 1, after: anyPart[:]}
		var full [1]float64
		if _, ok := r.run(&q, full[:]); ok {
			out.Full = min(chance(full[0]), out.Serving)
		} else {
			out.Unknown = append(slices.Clip(out.Unknown), "too many nodes share machines across zones to compute full service")
			out.Full = 0
		}
	}
	out.Contributions = make([]Contribution, 0, parts)
	for part := range parts {
		if present[part] {
			out.Contributions = append(out.Contributions, Contribution{part.String(), share(chances[1+part], down)})
		}
	}
	slices.SortStableFunc(out.Contributions, func(a, b Contribution) int { return cmp.Compare(b.Share, a.Share) })
	return out
}

// share of down that some failure alone makes.
func share(alone, down float64) float64 {
	if down <= 0 {
		return 0
	}
	return chance(alone / down)
}

// onePart tells apart nothing failed, exactly one part failed (label 1 + part), and more, which no single part would mend.
var onePart = func() (after [maxLabels * int(parts)]uint8) {
	for label := range maxLabels {
		for class := range int(parts) {
			to := uint8(absorbed)
			if label == 0 || label == 1+class {
				to = uint8(1 + class)
			}
			after[label*int(parts)+class] = to
		}
	}
	return after
}()

// anyPart absorbs every failure.
var anyPart = [1]uint8{absorbed}

// downtime tells a share of a year of 365 days in minutes, below an hour in seconds.
func downtime(down float64) string {
	d := time.Duration(chance(down) * 365 * 24 * float64(time.Hour))
	unit := time.Minute
	if d < time.Hour {
		unit = time.Second
	}
	d = d.Round(unit)
	if d == 0 {
		return "0s"
	}
	return inventory.Duration(d).String()
}
