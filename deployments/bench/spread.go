package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/availability"
)

// spread is what random layouts took, in nanoseconds and in order, and how many were given up as unknown.
type spread struct {
	took    []float64
	unknown int
}

func (s *spread) at(share float64) float64 {
	return s.took[min(int(share*float64(len(s.took))), len(s.took)-1)]
}

func (s *spread) greatest() float64 { return s.took[len(s.took)-1] }

// draw measures count layouts, each by the median of the rounds.
func draw(ctx context.Context, c config, l layout, count int) (*spread, error) {
	out := &spread{}
	l.Rand = rand.New(rand.NewPCG(c.seed, uint64(l.nodes)))
	calls := make([]float64, c.rounds)
	for range count {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		tenants, known := l.tenants(), true
		for i := range calls {
			start := now()
			known = answer(tenants)
			calls[i] = float64(now() - start)
		}
		if !known {
			out.unknown++
		}
		out.took = append(out.took, max(median(calls), 1))
	}
	slices.Sort(out.took)
	return out, nil
}

// answer computes one cluster's availability, or the joint chance of two.
func answer(tenants []availability.Tenant) (known bool) {
	t := tenants[0]
	if len(tenants) == 1 {
		r := availability.Cluster(t.Site, t.Cluster, t.Need, chances())
		return !slices.ContainsFunc(r.Unknown, func(u string) bool { return strings.HasPrefix(u, "too many") })
	}
	for _, j := range availability.Pairs(tenants, chances()) {
		if j.Unknown {
			return false
		}
	}
	return true
}

func (s *spread) figure(c config, name string) Figure {
	return Figure{
		ID: "B11", Figure: name, Rounds: c.rounds, Is: "greatest / median",
		Ours: Side{Does: fmt.Sprintf("the greatest of %d layouts, each the median of the rounds", len(s.took)), Nano: s.greatest()},
		Raw:  Side{Does: "the median layout", Nano: s.at(0.5)},
		Notes: []string{fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s; given up as unknown: %d",
			duration(s.at(0.5)), duration(s.at(0.9)), duration(s.at(0.99)), duration(s.greatest()), s.unknown)},
	}.with([]float64{s.greatest() / s.at(0.5)})
}

// randomLayouts is B11 over layouts that nobody chose, and its growth with the number of nodes.
func randomLayouts(ctx context.Context, c config) ([]Figure, error) {
	const limit = 10e6
	var out []Figure
	for _, k := range []struct {
		name     string
		clusters int
		stray    float64
	}{
		{"machines in one place", 1, 0},
		{"a tenth of the nodes elsewhere than their machine", 1, 0.1},
		{"every node anywhere", 1, 1},
		{"two clusters down together, machines in one place", 2, 0},
		{"two clusters down together, a tenth of the nodes elsewhere", 2, 0.1},
		{"two clusters down together, every node anywhere", 2, 1},
	} {
		s, err := draw(ctx, c, layout{nodes: 60, machines: 40, zones: 5, clusters: k.clusters, stray: k.stray}, c.size(2000, 5))
		if err != nil {
			return nil, err
		}
		f := s.figure(c, "availability of 60 nodes on 40 machines in 5 zones, drawn: "+k.name)
		met := s.greatest() < limit && s.unknown == 0
		f.Target, f.Met = "< 10 ms, all known", &met
		out = append(out, f)
	}
	var before *spread
	for _, n := range []int{15, 30, 60, 120, 240} {
		s, err := draw(ctx, c, layout{nodes: n, machines: n * 2 / 3, zones: 5, clusters: 1, stray: 0.1}, c.size(300, 5))
		if err != nil {
			return nil, err
		}
		f := s.figure(c, fmt.Sprintf("availability of %d nodes on %d machines in 5 zones, drawn", n, n*2/3))
		if before != nil {
			f.Notes = append(f.Notes, fmt.Sprintf("twice the nodes: the median grows as nodes^%.2g, the greatest as nodes^%.2g",
				math.Log2(s.at(0.5)/before.at(0.5)), math.Log2(s.greatest()/before.greatest())))
		}
		before = s
		out = append(out, f)
	}
	return out, nil
}
