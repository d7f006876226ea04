package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// refetch is how often a watcher asks for the kept message although the connection never broke, in case a live one was
// lost between two servers.
const refetch = 5 * time.Minute

// WatchAssessment calls handler with the last assessment the hub keeps for the site, if there is one, and then with each
// new one, until the context ends (nil) or the connection is closed (ErrClosed). After a lost connection it asks again
// for the last. Calls come one at a time; the same message is not delivered twice in a row. ErrDenied when the credential
// may not listen to the site.
func (c *Conn) WatchAssessment(ctx context.Context, site string, handler func(Assessment)) error {
	return c.watch(ctx, StreamAssessment, subjects.Assessment, site, func(m *stored) {
		if a, err := c.codec.assessment(m); err == nil {
			handler(a)
		}
	})
}

// WatchRejection is WatchAssessment for the refusals of the site's inventories.
func (c *Conn) WatchRejection(ctx context.Context, site string, handler func(Rejection)) error {
	return c.watch(ctx, StreamRejected, subjects.Rejected, site, func(m *stored) {
		if r, err := c.codec.rejection(m); err == nil {
			handler(r)
		}
	})
}

func (c *Conn) watch(ctx context.Context, stream, prefix, site string, deliver func(*stored)) error {
	op := "listen to " + prefix + site
	subject, err := subjects.Of(prefix, site)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	// Live messages and kept ones meet under the lock. A kept one that was asked for before a live one arrived is older and
	// dropped.
	var (
		mu   sync.Mutex
		live uint64
		last string
	)
	give := func(m *stored) {
		id := envelope.First(m.header, envelope.HeaderMessageID)
		if id != "" && id == last {
			return
		}
		last = id
		deliver(m)
	}
	sub, err := c.nc.Subscribe(subject, func(msg *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		live++
		give(&stored{stream: stream, subject: msg.Subject, header: msg.Header, data: msg.Data, time: c.now().UTC()})
	})
	if err != nil {
		return mapError(ctx, op, err)
	}
	defer c.unsubscribe(sub)
	refused, done := c.guardedForever(ctx, subject)
	defer done()
	for attempt := 1; ; attempt++ {
		changed := c.change()
		mu.Lock()
		seen := live
		mu.Unlock()
		m, err := c.lastOf(refused, stream, subject)
		wait := backoff(attempt, retryFirst, retryMax)
		if err == nil {
			attempt, wait = 0, refetch
			if m != nil {
				mu.Lock()
				if live == seen {
					give(m)
				}
				mu.Unlock()
			}
		} else if refused.Err() == nil {
			c.log.Debug("ask for the kept message", "subject", subject, "error", err)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-changed:
		case <-refused.Done():
		}
		t.Stop()
		switch {
		case ctx.Err() != nil:
			return nil
		case refused.Err() != nil:
			return mapError(ctx, op, context.Cause(refused))
		case c.nc.IsClosed():
			return fmt.Errorf("%s: %w", op, ErrClosed)
		}
	}
}

func (c *Conn) unsubscribe(sub *nats.Subscription) {
	if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
		c.log.Debug("unsubscribe", "subject", sub.Subject, "error", err)
	}
}

func (c *Conn) listen(ctx context.Context, subject string, handler func(*nats.Msg)) error {
	op := "listen to " + subject
	sub, err := c.nc.Subscribe(subject, handler)
	if err != nil {
		return mapError(ctx, op, err)
	}
	defer c.unsubscribe(sub)
	refused, done := c.guardedForever(ctx, subject)
	defer done()
	for {
		changed := c.change()
		if c.nc.IsClosed() {
			return fmt.Errorf("%s: %w", op, ErrClosed)
		}
		select {
		case <-changed:
		case <-refused.Done():
			if ctx.Err() != nil {
				return nil
			}
			return mapError(ctx, op, context.Cause(refused))
		}
	}
}
