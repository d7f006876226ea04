package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
)

// Entry is a webhook with the revision that a change of it must name.
type Entry struct {
	Webhook
	Revision uint64
	Broken   string // why it cannot be used, empty when it can
}

func (s *Service) entry(e bus.Entry[Webhook]) Entry {
	out := Entry{Webhook: e.Value, Revision: e.Revision}
	if t := s.open(e); t.broken != nil {
		out.Broken = t.broken.Error()
	}
	return out
}

// List returns all webhooks in order of id.
func (s *Service) List(ctx context.Context) ([]Entry, error) {
	all, err := s.o.Stores.Webhooks.List(ctx)
	if err != nil {
		return nil, unavailable("the webhooks cannot be read", err)
	}
	out := make([]Entry, 0, len(all))
	for _, e := range all {
		if e.Err != nil {
			e.Value.ID = e.Key
		}
		out = append(out, s.entry(e))
	}
	return out, nil
}

// Get returns one webhook.
func (s *Service) Get(ctx context.Context, id string) (Entry, error) {
	e, err := s.get(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	return s.entry(e), nil
}

func (s *Service) get(ctx context.Context, id string) (bus.Entry[Webhook], error) {
	e, err := s.o.Stores.Webhooks.Get(ctx, id)
	switch {
	case errors.Is(err, bus.ErrNotFound), errors.Is(err, bus.ErrInvalid):
		return e, &Error{Kind: NotFound, Detail: "there is no such webhook"}
	case err != nil:
		return e, unavailable("the webhook cannot be read", err)
	}
	return e, nil
}

// Create adds a webhook. The secret is told this once when it was generated, and is empty when it lies in a file.
func (s *Service) Create(ctx context.Context, by Person, c Change) (Entry, string, error) {
	all, err := s.o.Stores.Webhooks.List(ctx)
	if err != nil {
		return Entry{}, "", unavailable("the webhooks cannot be read", err)
	}
	if len(all) >= maxWebhooks {
		return Entry{}, "", &Error{Kind: Conflict, Detail: fmt.Sprintf("there are %d webhooks already; delete one first", maxWebhooks)}
	}
	w := Webhook{ID: strings.ToLower(rand.Text())[:16], CreatedBy: by.Name, CreatedAt: s.o.Now().UTC()}
	p := private{}
	c.Rotate = true
	if c.URL == "" {
		return Entry{}, "", invalid("/url", "a webhook needs a URL")
	}
	secret, err := s.change(&w, &p, c)
	if err != nil {
		return Entry{}, "", err
	}
	e, err := s.o.Stores.Webhooks.Create(ctx, w.ID, w)
	if err != nil {
		return Entry{}, "", unavailable("the webhook cannot be stored", err)
	}
	s.audit(ctx, by, "webhook.created", w.ID, describe(&w))
	return s.entry(e), secret, nil
}

// Update changes the webhook that has the revision. The secret is told when a new one was made.
func (s *Service) Update(ctx context.Context, by Person, id string, revision uint64, c Change) (Entry, string, error) {
	e, err := s.get(ctx, id)
	if err != nil {
		return Entry{}, "", err
	}
	if e.Revision != revision {
		return Entry{}, "", changedMeanwhile(nil)
	}
	p, err := s.seal.open(&e.Value)
	if err != nil && (c.URL == "" || !c.Rotate && c.Secret == "") {
		return Entry{}, "", &Error{Kind: Invalid, Pointer: "/url", Detail: "what was sealed of the webhook cannot be opened; give its URL and headers again and rotate its secret", Err: err}
	}
	w := e.Value
	if c.Secret == "" && len(p.Secret) == 0 {
		c.Rotate = true // it lay in a file until now
	}
	secret, err := s.change(&w, &p, c)
	if err != nil {
		return Entry{}, "", err
	}
	if e, err = s.o.Stores.Webhooks.Update(ctx, id, w, revision); err != nil {
		if errors.Is(err, bus.ErrConflict) {
			return Entry{}, "", changedMeanwhile(err)
		}
		return Entry{}, "", unavailable("the webhook cannot be stored", err)
	}
	s.audit(ctx, by, "webhook.updated", id, describe(&w))
	return s.entry(e), secret, nil
}

func changedMeanwhile(err error) error {
	return &Error{Kind: Conflict, Detail: "the webhook was changed meanwhile; read it again", Err: err}
}

// change applies what a person gave.
func (s *Service) change(w *Webhook, p *private, c Change) (secret string, err error) {
	if err := c.check(); err != nil {
		return "", err
	}
	if c.Secret != "" {
		if _, err := readSecret(s.o.Secrets, c.Secret); err != nil {
			return "", &Error{Kind: Invalid, Pointer: "/secretFile", Detail: "the secret's file cannot be used: " + err.Error()}
		}
	}
	if c.URL != "" {
		if w.Host, err = checkURL(c.URL); err != nil {
			return "", err
		}
		p.URL = c.URL
	}
	if c.Headers != nil {
		if err := checkHeaders(c.Headers); err != nil {
			return "", err
		}
		p.Headers = map[string]string{}
		for name, value := range c.Headers {
			p.Headers[http.CanonicalHeaderKey(name)] = value
		}
		w.Headers = slices.Sorted(maps.Keys(p.Headers))
	}
	w.Spec = c.Spec
	switch {
	case c.Secret != "":
		p.Secret = nil
	case c.Rotate:
		p.Secret = newSecret()
		secret = FormatSecret(p.Secret)
	}
	switch {
	case c.Enabled:
		w.Disabled = nil
	case w.Disabled == nil:
		w.Disabled = &Disabled{At: s.o.Now().UTC(), Reason: "by an administrator"}
	}
	w.Sealed, err = s.seal.close(w.ID, *p)
	return secret, err
}

// describe is what the audit says of a webhook.
func describe(w *Webhook) string {
	state := "enabled"
	if w.Disabled != nil {
		state = "disabled: " + w.Disabled.Reason
	}
	return fmt.Sprintf("%s to %s, %s, events %v, filter %q", w.Spec.Name, w.Host, state, w.Spec.Events, w.Spec.Filter)
}

// Delete removes the webhook that has the revision, with its queue, dead letters and log.
func (s *Service) Delete(ctx context.Context, by Person, id string, revision uint64) error {
	e, err := s.get(ctx, id)
	if err != nil {
		return err
	}
	if e.Revision != revision {
		return changedMeanwhile(nil)
	}
	if err := s.o.Stores.Webhooks.Delete(ctx, id, revision); err != nil {
		if errors.Is(err, bus.ErrConflict) {
			return changedMeanwhile(err)
		}
		return unavailable("the webhook cannot be deleted", err)
	}
	s.audit(ctx, by, "webhook.deleted", id, describe(&e.Value))
	// The webhook is gone; what is left of it does no harm, and its id is never used again.
	if err := s.clear(ctx, id); err != nil {
		s.o.Logger.Warn("something is left of a webhook that was deleted", "webhook", id, "error", err)
	}
	return nil
}

func (s *Service) clear(ctx context.Context, id string) error {
	failed := []error{s.o.Stores.Queue.Remove(ctx, id)}
	if l, err := s.o.Stores.Logs.Get(ctx, id); err == nil {
		failed = append(failed, s.o.Stores.Logs.Delete(ctx, id, l.Revision))
	}
	if d, err := s.o.Stores.Digests.Get(ctx, id); err == nil {
		failed = append(failed, s.o.Stores.Digests.Delete(ctx, id, d.Revision))
	}
	dead, err := s.dead(ctx, id)
	failed = append(failed, err)
	for _, d := range dead {
		failed = append(failed, s.o.Stores.Dead.Delete(ctx, d.Key, d.Revision))
	}
	return errors.Join(failed...)
}

// disable stops a webhook; its queue waits until somebody enables it again.
func (s *Service) disable(ctx context.Context, id, why string) error {
	for range conflicts {
		e, err := s.o.Stores.Webhooks.Get(ctx, id)
		if err != nil || e.Value.Disabled != nil {
			return err
		}
		e.Value.Disabled = &Disabled{At: s.o.Now().UTC(), Reason: why}
		_, err = s.o.Stores.Webhooks.Update(ctx, id, e.Value, e.Revision)
		if err == nil {
			s.audit(ctx, Person{}, "webhook.disabled", id, why)
		}
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
	return bus.ErrConflict
}

// TryOut sends a test event at once and tells what the receiver answered. It is not tried again.
func (s *Service) TryOut(ctx context.Context, by Person, id string) (Attempt, error) {
	e, err := s.get(ctx, id)
	if err != nil {
		return Attempt{}, err
	}
	t := s.open(e)
	if t.broken != nil {
		return Attempt{}, &Error{Kind: Conflict, Detail: t.broken.Error()}
	}
	event := NewEvent(Test, "test", s.o.Now(), "This is a test. Nothing has happened at any site.", rand.Text())
	a := s.send(ctx, t, &delivery{ID: event.ID, Event: &event}, nil)
	a.Number = 1
	s.note(ctx, id, a.Attempt)
	s.audit(ctx, by, "webhook.tested", id, fmt.Sprintf("status %d %s", a.Status, a.Error))
	return a.Attempt, nil
}

// Deliveries returns the last attempts of a webhook and how many entries wait in its queue.
func (s *Service) Deliveries(ctx context.Context, id string) (Log, int, error) {
	if _, err := s.get(ctx, id); err != nil {
		return Log{}, 0, err
	}
	l, err := s.o.Stores.Logs.Get(ctx, id)
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return Log{}, 0, unavailable("the log of the webhook cannot be read", err)
	}
	waiting, err := s.o.Stores.Queue.Waiting(ctx, id)
	if err != nil {
		return Log{}, 0, unavailable("the queue of the webhook cannot be read", err)
	}
	return l.Value, waiting, nil
}

func (s *Service) audit(ctx context.Context, by Person, act, webhook, detail string) {
	s.o.Audit(ctx, Act{Act: act, Who: by, At: s.o.Now().UTC().Round(time.Millisecond), Webhook: webhook, Detail: detail})
}
