package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bare"
	"github.com/meridian-federation/meridian/planner/assess"
)

// scale is B5, B6 and B7: a large fleet is loaded, some of its sites change beside the same change in a small fleet, and
// the hub is started again and again.
func scale(ctx context.Context, c config) (figures []Figure, err error) {
	sites, few := c.sites, c.size(1000, 16)
	if c.quick {
		sites = 48
	}
	large, err := filled(ctx, c, sites)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, large.close()) }()
	document := float64(large.bytes) / float64(sites)
	small, err := filled(ctx, c, few)
	if err != nil {
		return nil, err
	}
	changed, err := changes(ctx, c, large, small)
	if err = errors.Join(err, small.close()); err != nil {
		return nil, err
	}
	figures, err = restarts(ctx, c, large, document)
	if err != nil {
		return nil, err
	}
	return append(figures, changed), nil
}

// filled is a plant whose hub has judged the first inventory of every site.
func filled(ctx context.Context, c config, sites int) (*plant, error) {
	p, err := newPlant(ctx, c, sites)
	if err != nil {
		return nil, err
	}
	if _, err = p.publish(ctx, sites); err == nil {
		if err = p.start(ctx); err == nil {
			err = p.applied(ctx, sites)
		}
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// changes is B7.
func changes(ctx context.Context, c config, large, small *plant) (Figure, error) {
	n := c.size(500, 8)
	through := func(p *plant) (cost, error) {
		if err := p.door.Cut(); err != nil {
			return cost{}, fmt.Errorf("cut the hub off: %w", err)
		}
		if _, err := p.publish(ctx, n); err != nil {
			return cost{}, err
		}
		return p.through(ctx, n)
	}
	var all costs
	for range c.rounds {
		ours, err := through(large)
		if err != nil {
			return Figure{}, err
		}
		raw, err := through(small)
		if err != nil {
			return Figure{}, err
		}
		all.add(ours, raw, n)
	}
	return all.figure(Figure{
		ID: "B7", Figure: fmt.Sprintf("one changed site of %d", large.fleet.Len()),
		Ours: Side{Does: "the hub works off what so many sites changed while it was cut off"}, Raw: Side{Does: fmt.Sprintf("the same sites change in a fleet of %d", small.fleet.Len())},
		Notes: []string{fmt.Sprintf("%d changes a round", n)},
	}, false).atMost(1.3), nil
}

// restarts is B5 and B6.
func restarts(ctx context.Context, c config, p *plant, document float64) ([]Figure, error) {
	if err := p.stopHub(); err != nil {
		return nil, err
	}
	n := p.fleet.Len()
	var both, inventories costs
	var heap []float64
	for range c.rounds {
		one, err := p.replay(ctx, bus.StreamInventory, p.decode)
		if err != nil {
			return nil, err
		}
		other, err := p.replay(ctx, bus.StreamAssessment, func(data []byte, encoding string) error {
			var a assess.Assessment
			return p.decodeInto(data, encoding, &a)
		})
		if err != nil {
			return nil, err
		}
		ours, err := timed(func() error { return p.start(ctx) })
		if err != nil {
			return nil, err
		}
		if judged := p.hub.Evaluations(); judged > 0 && !c.quick {
			return nil, fmt.Errorf("%d sites were judged again after a restart", judged)
		}
		// Against what is left afterwards: what the server caches for a while is in both, and differs from before the start.
		held := live()
		if err := p.stopHub(); err != nil {
			return nil, err
		}
		heap = append(heap, (held-live())/float64(n))
		both.add(ours, cost{one.cpu + other.cpu, one.wall + other.wall}, n)
		inventories.add(ours, one, n)
	}
	ours := Side{Does: "from the start of a hub until it is ready, for each site"}
	f := Figure{ID: "B6", Figure: fmt.Sprintf("live heap of a site, %d sites", n), Ours: Side{Does: fmt.Sprintf("%.0f bytes: the heap after a collection, less what is left when the hub has stopped", median(heap)), Nano: median(heap)}, Raw: Side{Does: fmt.Sprintf("%.0f bytes: the document as JSON", document), Nano: document}, Is: "ours / raw", Rounds: len(heap), Unit: "bytes"}
	sizes := make([]float64, len(heap))
	for i := range heap {
		sizes[i] = document
	}
	return []Figure{
		both.figure(Figure{ID: "B5", Figure: fmt.Sprintf("ready after a restart with %d sites", n), Ours: ours, Raw: Side{Does: "the last inventory and the last assessment of each site are read and decoded with encoding/json"}}, false).atMost(1.5),
		inventories.figure(Figure{ID: "B5", Figure: "the same, against inventories alone", Ours: ours, Raw: Side{Does: "the last inventory of each site is read and decoded with encoding/json"}}, false),
		f.with(ratios(heap, sizes)).atMost(2.5),
	}, nil
}

// live is the heap in use after a collection.
func live() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// replay reads the last message of each subject of a stream.
func (p *plant) replay(ctx context.Context, stream string, handle bare.Handler) (cost, error) {
	return timed(func() error { return p.bare.Last(ctx, stream, p.fleet.Len(), handle) })
}
