package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
)

// digest is what the next digest of a webhook tells.
type digest struct {
	Last   time.Time `json:"last"`             // instant for which the last one was put in the queue
	Sent   time.Time `json:"sent,omitzero"`    // of the last one that was delivered
	Events []Event   `json:"events,omitempty"` // the first maxDigestEvents
	IDs    []string  `json:"ids,omitempty"`    // of all, up to maxDigestIDs, in the order in which they came
	More   bool      `json:"more,omitempty"`   // there were more
}

// Bounds of a digest; a message that nobody can read helps nobody.
const (
	maxDigestEvents = 100
	maxDigestIDs    = 5000
	maxDigestText   = 300 // characters of an event's message and remedy
)

// gather adds an event to the next digest of a webhook.
func (s *Service) gather(ctx context.Context, webhook string, e *Event) error {
	return s.changeDigest(ctx, webhook, func(d *digest) bool {
		switch {
		case slices.Contains(d.IDs, e.ID), d.More:
			return false
		case len(d.IDs) == maxDigestIDs:
			d.More = true
			return true
		}
		d.IDs = append(d.IDs, e.ID)
		if len(d.Events) < maxDigestEvents {
			short := *e
			short.Message, short.Remedy, short.Tags = cut(e.Message, maxDigestText), cut(e.Remedy, maxDigestText), nil
			d.Events = append(d.Events, short)
		}
		return true
	})
}

// changeDigest changes a webhook's digest by f, which returns false when there is nothing to change.
func (s *Service) changeDigest(ctx context.Context, webhook string, f func(*digest) bool) error {
	for {
		e, err := s.o.Stores.Digests.Get(ctx, webhook)
		if err != nil && !errors.Is(err, bus.ErrNotFound) {
			return err
		}
		if !f(&e.Value) {
			return nil
		}
		if e.Revision == 0 {
			_, err = s.o.Stores.Digests.Create(ctx, webhook, e.Value)
		} else {
			_, err = s.o.Stores.Digests.Update(ctx, webhook, e.Value, e.Revision)
		}
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
}

// digests puts those that are due in the queue. Every replica does; the id tells that it is one.
func (s *Service) digests(ctx context.Context) error {
	now := s.o.Now().UTC()
	for _, t := range s.enabled() {
		schedule := t.entry.Value.Spec.Digest
		if schedule == nil {
			continue
		}
		due := schedule.Due(now)
		e, err := s.o.Stores.Digests.Get(ctx, t.entry.Key)
		if errors.Is(err, bus.ErrNotFound) {
			continue // nothing has happened yet
		}
		if err != nil {
			return fmt.Errorf("look whether the digest of webhook %s is due: %w", t.entry.Key, err)
		}
		if !due.After(e.Value.Last) || !due.After(t.entry.Value.CreatedAt) || len(e.Value.IDs) == 0 {
			continue
		}
		d := &delivery{ID: fmt.Sprintf("digest-%s-%d", t.entry.Key, due.Unix()), Digest: due}
		if err := s.enqueue(ctx, t.entry.Key, d); err != nil {
			return fmt.Errorf("put the digest of webhook %s in the queue: %w", t.entry.Key, err)
		}
		err = s.changeDigest(ctx, t.entry.Key, func(d *digest) bool {
			if !due.After(d.Last) {
				return false
			}
			d.Last = due
			return true
		})
		if err != nil {
			return fmt.Errorf("note the digest of webhook %s: %w", t.entry.Key, err)
		}
	}
	return nil
}

// compose makes a digest as it stands now; false when nothing is left to tell.
func (s *Service) compose(ctx context.Context, t *target, d *delivery) (*summary, bool, error) {
	e, err := s.o.Stores.Digests.Get(ctx, t.entry.Key)
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return nil, false, err
	}
	if len(e.Value.IDs) == 0 {
		return nil, false, nil
	}
	spec := &t.entry.Value.Spec
	counts, err := s.o.Count(spec.Filter)
	if err != nil {
		return nil, false, fmt.Errorf("count the findings: %w", err)
	}
	from := e.Value.Sent
	if from.IsZero() {
		from = t.entry.Value.CreatedAt
	}
	return &summary{
		ID: d.ID, Kind: Digest, At: s.o.Now().UTC(), From: from, To: d.Digest, Filter: spec.Filter, Counts: counts,
		Events: e.Value.Events, Number: len(e.Value.IDs), More: e.Value.More, Link: s.link("/findings", "filter", spec.Filter),
	}, true, nil
}

// told removes from a webhook's digest what was delivered.
func (s *Service) told(ctx context.Context, webhook string, sent *summary) error {
	return s.changeDigest(ctx, webhook, func(d *digest) bool {
		n := min(sent.Number, len(d.IDs))
		k := min(len(sent.Events), len(d.Events))
		d.IDs, d.Events, d.Sent = slices.Clone(d.IDs[n:]), slices.Clone(d.Events[k:]), sent.At
		if sent.More {
			d.More = false
		}
		return true
	})
}
