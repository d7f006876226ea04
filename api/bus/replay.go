package bus

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// Inventories reads the inventories of all sites: first the last one of each site, then every new one, until the context
// ends (nil) or the connection is closed (ErrClosed). Each replica reads the whole stream for itself and leaves nothing on
// the server. handler is called from one goroutine, in stream order; a message that cannot be read arrives with
// DecodeErr set. caughtUp, which may be nil, is called once, when what the stream held at the start has been handled.
//
// After a lost connection or a restart of the server reading goes on where it stopped. If the server has lost the end of
// the stream or the stream was made anew, the last message of each site is read again, so a message can come twice and
// StreamSequence can go back; Instance and InstanceSequence tell what is newer.
func (c *Conn) Inventories(ctx context.Context, handler func(context.Context, Inventory), caughtUp func()) error {
	return c.inventories(ctx, &reader{filter: subjects.Inventory + "*", caughtUp: caughtUp}, handler)
}

// KeptInventories reads all inventories of one site that the stream keeps, oldest first, and returns when they are through.
func (c *Conn) KeptInventories(ctx context.Context, site string, handler func(Inventory)) error {
	subject, err := subjects.Of(subjects.Inventory, site)
	if err != nil {
		return fmt.Errorf("read the inventories of a site: %w", err)
	}
	return c.inventories(ctx, &reader{filter: subject, all: true, once: true}, func(_ context.Context, inv Inventory) { handler(inv) })
}

func (c *Conn) inventories(ctx context.Context, r *reader, handler func(context.Context, Inventory)) error {
	r.c, r.stream = c, StreamInventory
	r.handle = func(ctx context.Context, m *stored) error {
		inv, err := c.codec.decodeInventory(m)
		if err != nil {
			c.log.Warn("message on a subject that is no site's", "subject", m.subject, "error", err)
			return nil
		}
		if inv.DecodeErr == nil && isPointer(m) {
			if inv.Body, err = c.getDocument(ctx, inv.Site, m); transient(err) {
				return err
			}
			inv.DecodeErr = err
		}
		handler(envelope.WithTrace(ctx, m.header), inv)
		return nil
	}
	return r.run(ctx)
}

// LastAssessments reads the last assessment of each site and returns when they are through. It also fills what
// PublishAssessment must know, so that a hub that calls it first saves a question per site.
func (c *Conn) LastAssessments(ctx context.Context, handler func(Assessment)) error {
	return c.assessments(ctx, func(_ context.Context, a Assessment) { handler(a) }, nil, true)
}

// Assessments is Inventories for the assessment stream.
func (c *Conn) Assessments(ctx context.Context, handler func(context.Context, Assessment), caughtUp func()) error {
	return c.assessments(ctx, handler, caughtUp, false)
}

func (c *Conn) assessments(ctx context.Context, handler func(context.Context, Assessment), caughtUp func(), once bool) error {
	r := &reader{c: c, stream: StreamAssessment, filter: subjects.Assessment + "*", caughtUp: caughtUp, once: once}
	r.handle = func(ctx context.Context, m *stored) error {
		a, err := c.codec.assessment(m)
		if err != nil {
			c.log.Warn("message on a subject that is no site's", "subject", m.subject, "error", err)
			return nil
		}
		if a.DecodeErr == nil && once {
			c.setJudged(a.Site, a.stored(a.StreamSequence))
		}
		handler(envelope.WithTrace(ctx, m.header), a)
		return nil
	}
	return r.run(ctx)
}

// Rejections is Inventories for the rejections: all that are kept, oldest first, then every new one.
func (c *Conn) Rejections(ctx context.Context, handler func(context.Context, Rejection), caughtUp func()) error {
	r := &reader{c: c, stream: StreamRejected, filter: subjects.Rejected + "*", caughtUp: caughtUp, all: true}
	r.handle = func(ctx context.Context, m *stored) error {
		rej, err := c.codec.rejection(m)
		if err != nil {
			c.log.Warn("message on a subject that is no site's", "subject", m.subject, "error", err)
			return nil
		}
		handler(envelope.WithTrace(ctx, m.header), rej)
		return nil
	}
	return r.run(ctx)
}

// Changes reads the change feed from behind a position (0: all that is kept), then every new change.
func (c *Conn) Changes(ctx context.Context, after uint64, handler func(context.Context, Change), caughtUp func()) error {
	r := &reader{c: c, stream: StreamChange, filter: subjects.Change + ">", caughtUp: caughtUp, all: true, after: after}
	r.handle = func(ctx context.Context, m *stored) error {
		ch, err := c.codec.change(m)
		if err != nil {
			c.log.Warn("message on a subject that is no change's", "subject", m.subject, "error", err)
			return nil
		}
		handler(envelope.WithTrace(ctx, m.header), ch)
		return nil
	}
	return r.run(ctx)
}

// Heartbeats is Inventories for the heartbeats: first the last one of each site, then every new one. What cannot be read
// is dropped and logged.
func (c *Conn) Heartbeats(ctx context.Context, handler func(Heartbeat), caughtUp func()) error {
	r := &reader{c: c, stream: StreamHeartbeat, filter: subjects.Heartbeat + "*", caughtUp: caughtUp}
	r.handle = func(_ context.Context, m *stored) error {
		h, err := decodeHeartbeat(&nats.Msg{Subject: m.subject, Header: m.header, Data: m.data})
		if err != nil {
			c.log.Warn("heartbeat dropped", "subject", m.subject, "error", err)
			return nil
		}
		h.AcceptedAt = m.time
		handler(h)
		return nil
	}
	return r.run(ctx)
}

// ChangesOfKind is Inventories for the changes of one kind: first the last one of each site, then every new one.
func (c *Conn) ChangesOfKind(ctx context.Context, kind string, handler func(Change), caughtUp func()) error {
	subject, err := subjects.OfChange(kind, "any")
	if err != nil {
		return fmt.Errorf("read the changes of a kind: %w", err)
	}
	r := &reader{c: c, stream: StreamChange, filter: strings.TrimSuffix(subject, "any") + "*", caughtUp: caughtUp}
	r.handle = func(_ context.Context, m *stored) error {
		if ch, err := c.codec.change(m); err == nil {
			handler(ch)
		}
		return nil
	}
	return r.run(ctx)
}

// LastAssessment returns the last assessment of a site; ok is false when there is none.
func (c *Conn) LastAssessment(ctx context.Context, site string) (a Assessment, ok bool, err error) {
	const op = "read the last assessment"
	subject, err := subjects.Of(subjects.Assessment, site)
	if err != nil {
		return Assessment{}, false, fmt.Errorf("%s: %w", op, err)
	}
	m, err := c.lastOf(ctx, StreamAssessment, subject)
	if err != nil || m == nil {
		return Assessment{}, false, mapError(ctx, op, err)
	}
	a, err = c.codec.assessment(m)
	return a, err == nil, mapError(ctx, op, err)
}

// Holds reports whether the inventory stream holds the revision that a heartbeat names, or what its planner sent later. A
// server that lost its last writes does not. When it is not held, after is the sequence from which on the planner should
// send again what it sent.
func (c *Conn) Holds(ctx context.Context, h Heartbeat) (held bool, after uint64, err error) {
	const op = "look for the revision that a heartbeat names"
	subject, err := subjects.Of(subjects.Inventory, h.Site)
	if err != nil {
		return false, 0, fmt.Errorf("%s: %w", op, err)
	}
	if h.Revision == "" || h.StreamSequence == 0 {
		return true, 0, nil
	}
	last, err := c.lastOf(ctx, StreamInventory, subject)
	if err != nil {
		return false, 0, mapError(ctx, op, err)
	}
	if last != nil && envelope.First(last.header, envelope.HeaderInstance) == h.Instance {
		after, err = envelope.DecodeNumber(last.header, envelope.HeaderInstanceSequence)
		return after >= h.InstanceSequence, after, mapError(ctx, op, err)
	}
	at, err := c.at(ctx, StreamInventory, h.StreamSequence)
	switch {
	case err != nil:
		return false, 0, mapError(ctx, op, err)
	case at != nil:
		return at.subject == subject && envelope.First(at.header, envelope.HeaderRevision) == h.Revision, 0, nil
	}
	// A position that is empty before a later message of the site was removed by the stream's limits.
	return last != nil && last.sequence > h.StreamSequence, 0, nil
}
