package main

import (
	"context"
	"fmt"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/simulate"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// tenants are the first n clusters of a fleet.
func tenants(c config, n int) ([]availability.Tenant, error) {
	sizes, err := sizing.Builtin()
	if err != nil {
		return nil, fmt.Errorf("read the size pack: %w", err)
	}
	f := sitesim.New(sitesim.Options{Seed: c.seed, Sites: n})
	out := make([]availability.Tenant, 0, n)
	for i := 0; len(out) < n; i++ {
		s := f.Site(i, 0)
		for k := range s.Clusters {
			if len(out) < n {
				out = append(out, availability.Tenant{Site: s, Cluster: &s.Clusters[k], Need: max(1, sizing.InSite(s, &s.Clusters[k], sizes).FoundationNodes)})
			}
		}
	}
	return out, nil
}

// sweeps is B12.
func sweeps(ctx context.Context, c config) ([]Figure, error) {
	var out []Figure
	for _, x := range []struct {
		depth, clusters int
		figure          string
	}{
		{1, c.size(10000, 200), "all single failures over %d clusters"},
		{2, c.size(500, 30), "all pairs of failures over %d clusters"},
	} {
		list, err := tenants(c, x.clusters)
		if err != nil {
			return nil, err
		}
		chances := policy.Default().Availability.WithDefaults()
		model := simulate.New(list, chances)
		sys := availability.Compile(list, chances)
		failures, down, next := 0, 0, 0
		st := sys.Whole()
		step := max(1, len(sys.Elements)/101)
		r, err := measure(ctx, c, func() int {
			sweep, e := model.Sweep(simulate.Options{Depth: x.depth})
			if e != nil {
				err = e
			}
			failures = sweep.Total
			return 1
		}, func() int {
			// A sample of the failures, spread over all kinds of elements; each takes the same time, whatever fails.
			for i := range x.depth {
				st.Elements[(next+i*step*7)%len(sys.Elements)] = true
			}
			for k := range sys.Clusters {
				if serving, _ := sys.Judge(st, int32(k)); !serving {
					down++
				}
			}
			for i := range x.depth {
				st.Elements[(next+i*step*7)%len(sys.Elements)] = false
			}
			next = (next + step) % len(sys.Elements)
			return 1
		})
		if err != nil {
			return nil, err
		}
		if failures == 0 || down == 0 {
			return nil, fmt.Errorf("%d failures were swept and %d clusters went down in the sample", failures, down)
		}
		each := median(r.raw)
		for i := range r.raw {
			r.raw[i] *= float64(failures)
		}
		out = append(out, compared(Figure{
			ID: "B12", Figure: fmt.Sprintf(x.figure, x.clusters),
			Ours: Side{Does: fmt.Sprintf("Model.Sweep of %d failures, ranked, the worst named; the model made before", failures)},
			Raw:  Side{Does: fmt.Sprintf("System.Judge of every cluster for every failure, neither ranked nor told; measured on a sample (%s for one failure), extrapolated to all; the system compiled before", duration(each))},
		}, r, true).atLeast(100))
	}
	return out, nil
}
