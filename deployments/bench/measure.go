package main

import (
	"context"
	"runtime"
	"slices"
	"time"
)

// config says how much is measured.
type config struct {
	quick  bool
	rounds int
	sites  int // of the large fleet
	past   int // sites with a history
	seed   uint64
}

// size takes the full size, or the small one of a quick run.
func (c config) size(full, quick int) int {
	if c.quick {
		return quick
	}
	return full
}

// rounds holds the nanoseconds per unit of two sides, round by round.
type rounds struct{ ours, raw []float64 }

// side does its work once and returns how many units that was.
type side func() int

// measure runs both sides in turn, round by round, so that what else the machine does falls on both. Each round repeats a side
// until it took at least the shortest time worth reading. A first run of each is not counted.
func measure(ctx context.Context, c config, ours, raw side) (rounds, error) {
	var r rounds
	ours()
	raw()
	for range c.rounds {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		r.ours = append(r.ours, c.perUnit(ours))
		r.raw = append(r.raw, c.perUnit(raw))
	}
	return r, nil
}

func (c config) perUnit(do side) float64 {
	least := 300 * time.Millisecond
	if c.quick {
		least = time.Millisecond
	}
	// Each side pays for its own garbage, and not for that of the side before.
	runtime.GC()
	units := 0
	start := now()
	for {
		units += do()
		if took := now() - start; took >= least {
			return float64(took.Nanoseconds()) / float64(max(units, 1))
		}
	}
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// ratios are a/b, round by round.
func ratios(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}
