// Package register keeps the waivers in a bucket of the bus that all replicas of the hub share, and each replica a mirror of
// it. What may happen to a waiver and whether it applies is for package waiver to say. services/federation/hub runs it.
package register

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/federation/state/mirror"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Bucket is where the waivers lie, by id.
func Bucket() bus.BucketOptions {
	return bus.BucketOptions{Name: "waivers", Description: "Waivers of findings, by id", History: 10, MaxValue: 32 << 10}
}

// Store keeps the waivers; *bus.Bucket[waiver.Waiver] is one.
type Store interface {
	Create(ctx context.Context, key string, w waiver.Waiver) (bus.Entry[waiver.Waiver], error)
	Get(ctx context.Context, key string) (bus.Entry[waiver.Waiver], error)
	Update(ctx context.Context, key string, w waiver.Waiver, revision uint64) (bus.Entry[waiver.Waiver], error)
	Watch(ctx context.Context, handler func(bus.Entry[waiver.Waiver]), caughtUp func()) error
}

// Entry is a waiver with the revision that the next change must name.
type Entry struct {
	Waiver   waiver.Waiver
	Revision uint64
}

// Options are what a Service works with.
type Options struct {
	Store  Store
	Limits waiver.Limits
	// Rules are those that exist; a waiver for none of them would never be used.
	Rules []rules.Entry
	// Changed is told of the waivers after every change, and of the first ones at the start. It must not wait long.
	Changed func(*waiver.Set)
	Now     func() time.Time
	Logger  *slog.Logger
}

// Service is one replica's. Run keeps its view current.
type Service struct {
	o     Options
	ready chan struct{}

	mu     sync.Mutex // of those who change known
	known  *mirror.Mirror[waiver.Waiver]
	loaded bool
}

// NewService prepares a service.
func NewService(o Options) *Service {
	return &Service{o: o, ready: make(chan struct{}), known: mirror.New[waiver.Waiver]()}
}

// Ready closes when the stored waivers are known.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run works until the context ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	return s.o.Store.Watch(ctx, s.heard, func() {
		s.mu.Lock()
		s.loaded = true
		s.tell()
		s.mu.Unlock()
		close(s.ready)
	})
}

func (s *Service) heard(e bus.Entry[waiver.Waiver]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Err != nil:
		// What cannot be read waives nothing: a finding shown as failing too long is seen, one that is hidden is not.
		s.o.Logger.Error("a waiver cannot be read and waives nothing", "waiver", e.Key, "error", e.Err)
		s.known.Remove(e.Key)
	case e.Deleted:
		s.known.Remove(e.Key)
	case !s.known.Put(mirror.Entry[waiver.Waiver]{Key: e.Key, Revision: e.Revision, Value: e.Value}):
		return
	}
	if s.loaded {
		s.tell()
	}
}

// tell is called under mu, so that sets are told of in order.
func (s *Service) tell() {
	var waivers []waiver.Waiver
	for e := range s.known.All() {
		waivers = append(waivers, e.Value)
	}
	s.o.Changed(waiver.NewSet(waivers))
}

// List returns all waivers in order of id.
func (s *Service) List() []Entry {
	out := []Entry{}
	for e := range s.known.All() {
		out = append(out, Entry{e.Value, e.Revision})
	}
	return out
}

// Get reads one waiver as it is stored now.
func (s *Service) Get(ctx context.Context, id string) (Entry, error) {
	e, err := s.o.Store.Get(ctx, id)
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrInvalid) {
		return Entry{}, refuse.Because(refuse.NotFound, "there is no such waiver")
	}
	if err != nil {
		return Entry{}, stored(err)
	}
	return Entry{e.Value, e.Revision}, nil
}

func stored(err error) error {
	switch {
	case errors.Is(err, bus.ErrConflict):
		return &refuse.Error{Code: refuse.Stale, Detail: "the waiver was changed meanwhile; read it again", Err: err}
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed), errors.Is(err, bus.ErrFull):
		return &refuse.Error{Code: refuse.Unavailable, Detail: "waivers cannot be kept at the moment; try again later", Err: err}
	}
	return err
}

func (s *Service) knownRule(rule string) error {
	ids := make([]string, len(s.o.Rules))
	for i := range s.o.Rules {
		ids[i] = s.o.Rules[i].ID
	}
	if slices.Contains(ids, rule) {
		return nil
	}
	remedy := "see meridian rules"
	if near := document.Nearest(rule, ids); near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	}
	return refuse.Because(refuse.Invalid, "the waiver is not valid", document.Problem{Path: "/rule", What: fmt.Sprintf("there is no rule %q", rule), Remedy: remedy})
}

// Request stores a new waiver that waits for an approver.
func (s *Service) Request(ctx context.Context, by waiver.Act, r waiver.Request) (Entry, error) {
	by.At = s.o.Now().UTC()
	id := "w-" + strings.ToLower(rand.Text()[:16])
	w, err := waiver.New(id, r, by, s.o.Limits)
	if err == nil {
		err = s.knownRule(r.Rule)
	}
	if err != nil {
		return Entry{}, err
	}
	e, err := s.o.Store.Create(ctx, id, w)
	if err != nil {
		return Entry{}, stored(err)
	}
	s.heard(e)
	return Entry{w, e.Revision}, nil
}

// Approve puts a requested waiver in force.
func (s *Service) Approve(ctx context.Context, by waiver.Act, id string, revision uint64) (before, after Entry, err error) {
	return s.change(ctx, id, revision, func(w waiver.Waiver) (waiver.Waiver, error) { return w.Approve(s.stamp(by), s.o.Limits) })
}

// Reject refuses a requested waiver for good.
func (s *Service) Reject(ctx context.Context, by waiver.Act, id string, revision uint64) (before, after Entry, err error) {
	return s.change(ctx, id, revision, func(w waiver.Waiver) (waiver.Waiver, error) { return w.Reject(s.stamp(by)) })
}

// Withdraw takes a waiver back that is requested or in force.
func (s *Service) Withdraw(ctx context.Context, by waiver.Act, id string, revision uint64) (before, after Entry, err error) {
	return s.change(ctx, id, revision, func(w waiver.Waiver) (waiver.Waiver, error) { return w.Withdraw(s.stamp(by)) })
}

func (s *Service) stamp(by waiver.Act) waiver.Act {
	by.At = s.o.Now().UTC()
	return by
}

// change applies one change to the stored waiver. revision 0 is whatever is stored.
func (s *Service) change(ctx context.Context, id string, revision uint64, f func(waiver.Waiver) (waiver.Waiver, error)) (before, after Entry, err error) {
	if before, err = s.Get(ctx, id); err != nil {
		return before, before, err
	}
	if revision != 0 && revision != before.Revision {
		return before, before, refuse.Because(refuse.Stale, "another revision of the waiver is in force than the one named; read it again")
	}
	w, err := f(before.Waiver)
	if err != nil {
		return before, before, err
	}
	e, err := s.o.Store.Update(ctx, id, w, before.Revision)
	if err != nil {
		return before, before, stored(err)
	}
	s.heard(e)
	return before, Entry{w, e.Revision}, nil
}
