package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
)

// Dead is a delivery that was given up. It stays until it is redelivered, removed, or its webhook is deleted, or until
// Tuning.DeadLetters newer ones of its webhook are there: a receiver that nobody mends would fill the bus.
type Dead struct {
	Webhook string          `json:"webhook"`
	ID      string          `json:"id"` // of the event or digest
	At      time.Time       `json:"at"` // when it was given up
	Last    Attempt         `json:"last"`
	Body    json.RawMessage `json:"body"` // delivery
}

func deadKey(webhook, id string) string { return webhook + "." + id }

// bury gives a delivery up.
func (s *Service) bury(ctx context.Context, webhook string, d *delivery, last Attempt) error {
	body, err := d.encode()
	if err != nil {
		return err
	}
	if s.many(webhook) {
		if err := s.trim(ctx, webhook); err != nil {
			// The letter is kept all the same, which is what counts; the next one counts again.
			s.o.Logger.Warn("the dead letters of a webhook cannot be counted", "webhook", webhook, "error", err)
		} else {
			s.mu.Lock()
			s.buried[webhook] = 0
			s.mu.Unlock()
		}
	}
	last.Next = time.Time{}
	dead := Dead{Webhook: webhook, ID: d.ID, At: s.o.Now().UTC(), Last: last, Body: body}
	if _, err := s.o.Stores.Dead.Create(ctx, deadKey(webhook, d.ID), dead); err != nil && !errors.Is(err, bus.ErrConflict) {
		return fmt.Errorf("keep a delivery that was given up: %w", err)
	}
	s.o.Logger.Warn("a delivery to a webhook was given up and is kept as a dead letter", "webhook", webhook, "delivery", d.ID, "error", last.Error)
	return nil
}

// many tells that the dead letters of a webhook are to be counted: at the first one of this process, and after as many as a tenth of
// what is kept, since counting reads them.
func (s *Service) many(webhook string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, known := s.buried[webhook]
	s.buried[webhook] = n + 1
	return !known || n+1 >= max(1, s.o.Tuning.DeadLetters/10)
}

// trim drops the oldest dead letters of a webhook, so that with the next one there are as many as are kept, and tells how many: in
// the log of the program, in that of the webhook and in the audit.
func (s *Service) trim(ctx context.Context, webhook string) error {
	entries, err := s.dead(ctx, webhook)
	over := len(entries) + 1 - s.o.Tuning.DeadLetters
	if err != nil || over <= 0 {
		return err
	}
	slices.SortFunc(entries, func(a, b bus.Entry[Dead]) int {
		return cmp.Or(a.Value.At.Compare(b.Value.At), cmp.Compare(a.Revision, b.Revision))
	})
	dropped := 0
	var failed error
	for _, e := range entries[:min(over, len(entries))] {
		// Another replica may have dropped or redelivered it meanwhile.
		switch err := s.o.Stores.Dead.Delete(ctx, e.Key, e.Revision); {
		case err == nil:
			dropped++
		case !errors.Is(err, bus.ErrConflict) && !errors.Is(err, bus.ErrNotFound):
			failed = err
		}
	}
	if dropped > 0 {
		s.o.Logger.Error("dead letters of a webhook were dropped, the oldest first", "webhook", webhook, "dropped", dropped, "kept", s.o.Tuning.DeadLetters)
		s.audit(ctx, Person{}, "webhook.dropped", webhook, fmt.Sprintf("%d dead letters, the oldest; %d are kept", dropped, s.o.Tuning.DeadLetters))
		failed = errors.Join(failed, s.log(ctx, webhook, func(l *Log) {
			l.Dropped, l.DroppedAt = l.Dropped+uint64(dropped), s.o.Now().UTC()
		}))
	}
	return failed
}

// DeadLetters lists what was given up of a webhook, by id.
func (s *Service) DeadLetters(ctx context.Context, webhook string) ([]Dead, error) {
	entries, err := s.dead(ctx, webhook)
	if err != nil {
		return nil, err
	}
	out := make([]Dead, len(entries))
	for i := range entries {
		out[i] = entries[i].Value
	}
	return out, nil
}

func (s *Service) dead(ctx context.Context, webhook string) ([]bus.Entry[Dead], error) {
	all, err := s.o.Stores.Dead.List(ctx)
	if err != nil {
		return nil, unavailable("the dead letters cannot be read", err)
	}
	var out []bus.Entry[Dead]
	for _, e := range all {
		if e.Err == nil && strings.HasPrefix(e.Key, webhook+".") {
			out = append(out, e)
		}
	}
	return out, nil
}

// Redeliver puts dead letters of a webhook back in its queue, those with the ids or, without ids, all. It returns how many.
func (s *Service) Redeliver(ctx context.Context, by Person, webhook string, ids []string) (int, error) {
	w, err := s.Get(ctx, webhook)
	if err != nil {
		return 0, err
	}
	if w.Disabled != nil {
		return 0, &Error{Kind: Conflict, Detail: "the webhook is disabled: " + w.Disabled.Reason + "; enable it first"}
	}
	entries, err := s.dead(ctx, webhook)
	if err != nil {
		return 0, err
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	n := 0
	for _, e := range entries {
		if len(ids) > 0 && !wanted[e.Value.ID] {
			continue
		}
		var d delivery
		if err := json.Unmarshal(e.Value.Body, &d); err != nil {
			return n, unavailable("a dead letter cannot be read", err)
		}
		d.Again++
		body, err := d.encode()
		if err != nil {
			return n, err
		}
		switch err := s.o.Stores.Queue.Put(ctx, webhook, d.queueID(), body); {
		case errors.Is(err, bus.ErrFull):
			return n, &Error{Kind: Unavailable, Detail: "the queue of the webhook is full; redeliver the rest later", Err: err}
		case err != nil:
			return n, unavailable("a dead letter cannot be put back in the queue", err)
		}
		// Another one may have redelivered it meanwhile.
		if err := s.o.Stores.Dead.Delete(ctx, e.Key, e.Revision); err != nil && !errors.Is(err, bus.ErrConflict) {
			return n, unavailable("a dead letter cannot be removed", err)
		}
		n++
	}
	if len(ids) > 0 && n == 0 {
		return 0, &Error{Kind: NotFound, Detail: "there is no such dead letter"}
	}
	s.audit(ctx, by, "webhook.redelivered", webhook, fmt.Sprintf("%d dead letters", n))
	return n, nil
}

func unavailable(detail string, err error) error {
	return &Error{Kind: Unavailable, Detail: detail + "; try again later", Err: err}
}
