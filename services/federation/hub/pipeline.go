package hub

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/ingest"
)

const (
	// ahead bounds the inventories that are read but not applied.
	ahead = 512
	// together bounds those that are applied in one commit. What has come is applied at once; a commit grows only while the
	// one before is under way.
	together = 128
)

// admission is one inventory on its way from the bus to the fleet.
type admission struct {
	message   ingest.Message
	done      chan struct{} // closed when it was looked at
	update    *fleet.Update
	rejection *fleet.Rejection
	passed    chan struct{} // instead of all others: closed when everything before was taken
}

// pipeline looks at inventories on all processors, and hands them on in the order in which they came.
type pipeline struct {
	admit func(ingest.Message) (*fleet.Update, *fleet.Rejection)
	take  func(context.Context, []*admission)
	work  chan *admission
	order chan *admission
}

func newPipeline(admit func(ingest.Message) (*fleet.Update, *fleet.Rejection), take func(context.Context, []*admission)) *pipeline {
	return &pipeline{admit: admit, take: take, work: make(chan *admission, ahead), order: make(chan *admission, ahead)}
}

// put accepts an inventory; it waits while too many are under way. It is called from one goroutine.
func (p *pipeline) put(ctx context.Context, m ingest.Message) {
	a := &admission{message: m, done: make(chan struct{})}
	for _, to := range [...]chan *admission{p.work, p.order} {
		select {
		case to <- a:
		case <-ctx.Done():
			return
		}
	}
}

// drain waits until all that was put has been taken; false when the context ended before.
func (p *pipeline) drain(ctx context.Context) bool {
	a := &admission{passed: make(chan struct{})}
	select {
	case p.order <- a:
	case <-ctx.Done():
		return false
	}
	select {
	case <-a.passed:
		return true
	case <-ctx.Done():
		return false
	}
}

// run works until the context ends.
func (p *pipeline) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for {
				select {
				case a := <-p.work:
					a.update, a.rejection = p.admit(a.message)
					a.message.Body = nil
					close(a.done)
				case <-ctx.Done():
					return nil
				}
			}
		})
	}
	group.Go(func() error {
		for {
			select {
			case a := <-p.order:
				p.gather(ctx, a)
			case <-ctx.Done():
				return nil
			}
		}
	})
	return group.Wait()
}

// gather takes an inventory and what has come behind it meanwhile.
func (p *pipeline) gather(ctx context.Context, a *admission) {
	batch := make([]*admission, 0, together)
	for more := true; more; {
		if a.passed != nil {
			break
		}
		select {
		case <-a.done:
			batch = append(batch, a)
			a = nil
		case <-ctx.Done():
			return
		}
		if more = len(batch) < together; more {
			select {
			case a = <-p.order:
			default:
				more = false
			}
		}
	}
	if len(batch) > 0 {
		p.take(ctx, batch)
	}
	if a != nil {
		close(a.passed)
	}
}
