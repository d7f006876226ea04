// Package changefeed tells those who listen which sites changed, and keeps the latest changes for those who reconnect.
package changefeed

import (
	"context"
	"slices"
	"sync"
)

// Change tells that one site changed.
type Change struct {
	ID      uint64 // greater than that of every change before; the same on every replica when taken from the stream
	Index   uint64 // of the view that shows it
	Site    string
	Removed bool
	// Missed tells that changes before this one were lost to the subscriber; the other fields but ID and Index are empty.
	Missed bool
}

// Source is where event streams come from.
type Source interface {
	// Changes yields the changes after since, 0 meaning from now on. When those are no longer kept the first one is Missed.
	// The channel closes when ctx ends or when the reader falls too far behind; it may then ask again with the last id it saw.
	Changes(ctx context.Context, since uint64) <-chan Change
}

// Buffer is how many changes one subscriber may fall behind.
const Buffer = 256

// Feed is a Source that keeps the latest changes in memory.
type Feed struct {
	mu      sync.Mutex
	keep    int
	kept    []Change // in order of ID
	last    uint64
	index   uint64
	readers map[*reader]struct{}
}

type reader struct {
	ch     chan Change
	closed bool
}

// New returns a feed that keeps the given number of changes for those who reconnect.
func New(keep int) *Feed {
	return &Feed{keep: max(keep, 1), readers: map[*reader]struct{}{}}
}

// Publish hands a change to all subscribers. Ids must grow; a change with an id not greater than the last one is ignored.
// It never waits: a subscriber whose buffer is full is dropped and has to ask again.
func (f *Feed) Publish(c Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.ID <= f.last {
		return
	}
	f.last, f.index = c.ID, c.Index
	f.kept = append(f.kept, c)
	if over := len(f.kept) - f.keep; over > 0 {
		f.kept = f.kept[over:] // moved only when append needs room, not for each change
	}
	for r := range f.readers {
		select {
		case r.ch <- c:
		default:
			f.drop(r)
		}
	}
}

func (f *Feed) drop(r *reader) {
	if !r.closed {
		r.closed = true
		close(r.ch)
		delete(f.readers, r)
	}
}

// Changes implements Source.
func (f *Feed) Changes(ctx context.Context, since uint64) <-chan Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	var missed []Change
	if since > 0 && since != f.last {
		at, found := slices.BinarySearchFunc(f.kept, since, func(c Change, id uint64) int {
			switch {
			case c.ID < id:
				return -1
			case c.ID > id:
				return 1
			}
			return 0
		})
		if found {
			missed = slices.Clone(f.kept[at+1:])
		} else {
			missed = []Change{{ID: f.last, Index: f.index, Missed: true}}
		}
	}
	r := &reader{ch: make(chan Change, Buffer+len(missed))}
	for _, c := range missed {
		r.ch <- c
	}
	f.readers[r] = struct{}{}
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.drop(r)
	})
	return r.ch
}
