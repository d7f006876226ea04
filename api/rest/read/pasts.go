package read

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/meridian-federation/meridian/federation/fleet"
)

const (
	// pastsKept bounds the memory of past views, each of which is a federation of its own.
	pastsKept = 2
	// pastFor is how long a view answers, so that what the history receives late shows before long.
	pastFor = time.Minute
)

// Instant names a past view.
type Instant struct {
	At   time.Time
	Then bool // as judged then, not anew
}

// Pasts keeps the past views that were asked for last, so that the pages of one list are of one view. It is safe for concurrent use.
type Pasts struct {
	view   func(context.Context, Instant) (fleet.View, error)
	reader func() *Reader

	mu      sync.Mutex
	entries []*past // the most recently made last
	making  sync.Mutex
}

// NewPasts returns none yet. view makes one, and reader what reads it; a reader remembers what it derived from one line of views.
func NewPasts(view func(context.Context, Instant) (fleet.View, error), reader func() *Reader) *Pasts {
	return &Pasts{view: view, reader: reader}
}

type past struct {
	Instant
	until time.Time     // when it is made anew
	done  chan struct{} // closed when the rest is there
	view  fleet.View
	read  *Reader
	err   error
}

// Snapshot begins a read of a past view for a scope. The error is the context's or that of making the view.
func (ps *Pasts) Snapshot(ctx context.Context, at Instant, now time.Time, scope Scope) (*Snapshot, error) {
	p, mine := ps.get(at, now)
	if mine {
		// Others may wait for it, so that it is made to its end when this caller goes away.
		go ps.fill(context.WithoutCancel(ctx), p)
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.read.Snapshot(p.view, scope), nil
}

// get returns the view of an instant, and whether the caller has to make it.
func (ps *Pasts) get(at Instant, now time.Time) (p *past, mine bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.entries = slices.DeleteFunc(ps.entries, func(p *past) bool { return !now.Before(p.until) })
	for _, p := range ps.entries {
		if p.At.Equal(at.At) && p.Then == at.Then {
			return p, false
		}
	}
	p = &past{Instant: at, until: now.Add(pastFor), done: make(chan struct{})}
	if ps.entries = append(ps.entries, p); len(ps.entries) > pastsKept {
		ps.entries = slices.Delete(ps.entries, 0, 1)
	}
	return p, true
}

func (ps *Pasts) fill(ctx context.Context, p *past) {
	// One at a time: each takes the memory of a federation.
	ps.making.Lock()
	defer ps.making.Unlock()
	defer close(p.done)
	if p.view, p.err = ps.view(ctx, p.Instant); p.err != nil {
		// The next caller tries again.
		ps.mu.Lock()
		defer ps.mu.Unlock()
		ps.entries = slices.DeleteFunc(ps.entries, func(x *past) bool { return x == p })
		return
	}
	p.read = ps.reader()
}
