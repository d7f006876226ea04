package enrol

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
)

// Store keeps the enrolments by id; *bus.Bucket[Enrolment] is one.
type Store interface {
	Create(ctx context.Context, key string, e Enrolment) (bus.Entry[Enrolment], error)
	Get(ctx context.Context, key string) (bus.Entry[Enrolment], error)
	Update(ctx context.Context, key string, e Enrolment, revision uint64) (bus.Entry[Enrolment], error)
	Watch(ctx context.Context, handler func(bus.Entry[Enrolment]), caughtUp func()) error
}

// Authority issues and revokes credentials; *trust.Authority is one.
type Authority interface {
	Issue(site, publicKey string, expires time.Time) (string, error)
	Reconcile(ctx context.Context, revoked map[string]time.Time) (bool, error)
}

// Bucket is where the enrolments lie.
func Bucket() bus.BucketOptions {
	return bus.BucketOptions{Name: "enrolments", Description: "Enrolments of planners, by id", History: 5, MaxValue: 16 << 10}
}

// Defaults and bounds. None of them is published by anybody: assumptions, to be changed by configuration.
const (
	DefaultTokenTTL      = 24 * time.Hour
	MaxTokenTTL          = 7 * 24 * time.Hour
	DefaultCredentialTTL = 90 * 24 * time.Hour
	MinCredentialTTL     = time.Hour

	// renewShare is the share of a credential's life after which the planner renews it. The last third bridges a hub that is
	// away for weeks.
	renewShare = 2.0 / 3
	maxKeys    = 8               // credentials of one enrolment that are good at the same time
	maxSkew    = 5 * time.Minute // between the clocks of planner and hub, for a renewal
	maxNote    = 500

	// reconcileEvery bounds how long a server may hold less than the others, and how long a server that could not be told is.
	reconcileEvery = 5 * time.Second
	maxConflicts   = 8
)

// Options are what the service works with.
type Options struct {
	Store         Store
	Authority     Authority
	Verify        func(publicKey string, text, signature []byte) bool
	Audit         Audit
	Approval      bool          // an approver other than the requester must agree before the token can be exchanged
	CredentialTTL time.Duration // 0 means DefaultCredentialTTL
	NATS          []string      // URLs for planners
	NATSAuthority string        // PEM of the authorities that signed the servers' certificates; empty where the system's are
	Now           func() time.Time
	Logger        *slog.Logger
}

// Service is one replica's. Run keeps its view current and the revocations in force.
type Service struct {
	o     Options
	ready chan struct{}
	wake  chan struct{} // somebody was revoked

	mu    sync.Mutex
	known map[string]bus.Entry[Enrolment]
	ours  map[string]uint64 // revision this replica wrote and has not heard of yet
}

// New prepares the service.
func New(o Options) (*Service, error) {
	o.CredentialTTL = cmp.Or(o.CredentialTTL, DefaultCredentialTTL)
	if o.CredentialTTL < MinCredentialTTL {
		return nil, fmt.Errorf("enrolment: credentials that live for %s: at least %s, so that planners have time to renew them", o.CredentialTTL, MinCredentialTTL)
	}
	if len(o.NATS) == 0 {
		return nil, errors.New("enrolment: no URL of the message bus is given for planners")
	}
	return &Service{
		o: o, ready: make(chan struct{}), wake: make(chan struct{}, 1), known: map[string]bus.Entry[Enrolment]{}, ours: map[string]uint64{},
	}, nil
}

// Run works until the context ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.o.Store.Watch(ctx, s.heard, func() { close(s.ready) }) })
	group.Go(func() error { return s.enforcing(ctx) })
	return group.Wait()
}

func (s *Service) heard(e bus.Entry[Enrolment]) {
	s.mu.Lock()
	revoked := false
	switch {
	case e.Err != nil:
		s.o.Logger.Error("an enrolment cannot be read and is left out", "enrolment", e.Key, "error", e.Err)
	case e.Revision < s.ours[e.Key]:
	case e.Deleted:
		delete(s.known, e.Key)
	default:
		delete(s.ours, e.Key)
		s.known[e.Key] = e
		revoked = e.Value.State == Revoked
	}
	s.mu.Unlock()
	if revoked {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// wrote takes over what this replica stored itself, before the store tells of it.
func (s *Service) wrote(e bus.Entry[Enrolment]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Revision > s.known[e.Key].Revision {
		s.known[e.Key], s.ours[e.Key] = e, e.Revision
	}
}

// enforcing tells the servers of revocations: at the start, whenever one is heard of, and every few seconds in case that one
// of them was away or another replica told them less.
func (s *Service) enforcing(ctx context.Context) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil
	}
	for {
		if err := s.enforce(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Error("tell the message bus who is revoked", "error", err, "again", reconcileEvery)
		}
		t := time.NewTimer(reconcileEvery)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-t.C:
		}
		t.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

func (s *Service) enforce(ctx context.Context) error {
	revoked := map[string]time.Time{}
	s.mu.Lock()
	for _, e := range s.known {
		if e.Value.State == Revoked {
			for _, k := range e.Value.Keys {
				revoked[k.Public] = k.Expires
			}
		}
	}
	s.mu.Unlock()
	changed, err := s.o.Authority.Reconcile(ctx, revoked)
	if changed {
		s.o.Logger.Info("the message bus knows the rights and revocations of the sites", "revoked", len(revoked))
	}
	return err
}

// List returns all enrolments as they stand now, by site and then newest first.
func (s *Service) List() []Enrolment {
	now := s.o.Now()
	s.mu.Lock()
	out := make([]Enrolment, 0, len(s.known))
	for _, e := range s.known {
		out = append(out, e.Value.At(now))
	}
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b Enrolment) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), b.Requested.At.Compare(a.Requested.At), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Get returns one enrolment as it stands now.
func (s *Service) Get(ctx context.Context, id string) (Enrolment, error) {
	e, err := s.load(ctx, id)
	if err != nil {
		return Enrolment{}, err
	}
	return e.Value.At(s.o.Now()), nil
}

func (s *Service) load(ctx context.Context, id string) (bus.Entry[Enrolment], error) {
	if !validID(id) {
		return bus.Entry[Enrolment]{}, refuse(NotFound, "there is no such enrolment")
	}
	e, err := s.o.Store.Get(ctx, id)
	if errors.Is(err, bus.ErrNotFound) {
		return e, refuse(NotFound, "there is no such enrolment")
	}
	return e, store(err)
}

func store(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed), errors.Is(err, bus.ErrFull):
		return &Error{Kind: Unavailable, Detail: "enrolments cannot be kept at the moment; try again later", Err: err}
	}
	return err
}

// Request makes an enrolment and its join token, which is told this once. ttl 0 means DefaultTokenTTL.
func (s *Service) Request(ctx context.Context, by Person, site string, ttl time.Duration, note string) (Enrolment, string, error) {
	ttl = cmp.Or(ttl, DefaultTokenTTL)
	switch {
	case !bus.ValidSite(site):
		return Enrolment{}, "", refuse(Invalid, "the site id does not match ^[a-z0-9][a-z0-9-]{0,62}$")
	case ttl < time.Minute || ttl > MaxTokenTTL:
		return Enrolment{}, "", refuse(Invalid, fmt.Sprintf("a join token is good for a minute to %s", MaxTokenTTL))
	case len(note) > maxNote:
		return Enrolment{}, "", refuse(Invalid, fmt.Sprintf("a note has at most %d characters", maxNote))
	}
	now := s.o.Now().UTC()
	id, token, hash := newToken()
	e := Enrolment{
		ID: id, Site: site, State: Open, Note: note, Requested: Act{By: by.ID, Name: by.Name, At: now}, TokenSHA256: hash, TokenExpires: now.Add(ttl),
	}
	if s.o.Approval {
		e.State = Requested
	}
	entry, err := s.o.Store.Create(ctx, id, e)
	if err != nil {
		return Enrolment{}, "", store(err)
	}
	s.wrote(entry)
	s.audit(ctx, by.Name, "enrolment.requested", &e, note)
	return e, token, nil
}

// Approve lets the token of a requested enrolment be exchanged. Who requested it may not approve it.
func (s *Service) Approve(ctx context.Context, by Person, id string) (Enrolment, error) {
	e, err := s.change(ctx, id, func(e *Enrolment, now time.Time) error {
		switch e.At(now).State {
		case Requested:
		case Expired:
			return refuse(Conflict, "the join token has expired; request the enrolment again")
		default:
			return refuse(Conflict, "the enrolment is "+string(e.State)+" and waits for nobody")
		}
		if e.Requested.By == by.ID {
			return refuse(Forbidden, "who requested an enrolment may not approve it; ask another approver")
		}
		e.State, e.Approved = Open, &Act{By: by.ID, Name: by.Name, At: now}
		return nil
	})
	if err == nil {
		s.audit(ctx, by.Name, "enrolment.approved", &e, "")
	}
	return e, err
}

// Revoke ends an enrolment: its token is worth nothing, its credentials are refused and live connections with them end.
// It may be called again; an error of kind Unavailable means that the servers are told as soon as they can be reached.
func (s *Service) Revoke(ctx context.Context, by Person, id, reason string) (Enrolment, error) {
	if len(reason) > maxNote {
		return Enrolment{}, refuse(Invalid, fmt.Sprintf("a reason has at most %d characters", maxNote))
	}
	again := false
	e, err := s.change(ctx, id, func(e *Enrolment, now time.Time) error {
		if again = e.State == Revoked; !again {
			e.State, e.Revoked, e.Reason = Revoked, &Act{By: by.ID, Name: by.Name, At: now}, reason
		}
		return nil
	})
	if err != nil {
		return e, err
	}
	if !again {
		s.audit(ctx, by.Name, "enrolment.revoked", &e, reason)
	}
	if err := s.enforce(ctx); err != nil {
		return e, &Error{Kind: Unavailable, Detail: "the enrolment is revoked, but the message bus could not be told yet; it will be as soon as it can be reached", Err: err}
	}
	return e, nil
}

// change applies a change to the stored enrolment, again when another replica was faster.
func (s *Service) change(ctx context.Context, id string, f func(*Enrolment, time.Time) error) (Enrolment, error) {
	var err error
	for range maxConflicts {
		var entry bus.Entry[Enrolment]
		if entry, err = s.load(ctx, id); err != nil {
			return Enrolment{}, err
		}
		now := s.o.Now().UTC()
		if err := f(&entry.Value, now); err != nil {
			return Enrolment{}, err
		}
		if entry, err = s.o.Store.Update(ctx, id, entry.Value, entry.Revision); err == nil {
			s.wrote(entry)
			return entry.Value.At(now), nil
		}
		if !errors.Is(err, bus.ErrConflict) {
			return Enrolment{}, store(err)
		}
	}
	return Enrolment{}, &Error{Kind: Unavailable, Detail: "others are changing the same enrolment; try again", Err: err}
}

func (s *Service) audit(ctx context.Context, who, act string, e *Enrolment, detail string) {
	s.o.Audit(ctx, Event{At: s.o.Now().UTC(), Who: who, Act: act, Site: e.Site, Enrolment: e.ID, Detail: detail})
}
