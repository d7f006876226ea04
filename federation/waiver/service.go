package waiver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
)

// Bucket is where the waivers lie, by id.
func Bucket() bus.BucketOptions {
	return bus.BucketOptions{Name: "waivers", Description: "Waivers of findings, by id", History: 10, MaxValue: 32 << 10}
}

// Store keeps the waivers; *bus.Bucket[Waiver] is one.
type Store interface {
	Create(ctx context.Context, key string, w Waiver) (bus.Entry[Waiver], error)
	Get(ctx context.Context, key string) (bus.Entry[Waiver], error)
	Update(ctx context.Context, key string, w Waiver, revision uint64) (bus.Entry[Waiver], error)
	Watch(ctx context.Context, handler func(bus.Entry[Waiver]), caughtUp func()) error
}

// Code classifies an error for the caller.
type Code string

// Codes of Error.
const (
	CodeInvalid     Code = "invalid"
	CodeForbidden   Code = "forbidden"
	CodeNotFound    Code = "not-found"
	CodeConflict    Code = "conflict" // the state does not allow it, or the waiver was changed meanwhile
	CodeStale       Code = "stale"    // another revision than the caller named is in force
	CodeUnavailable Code = "unavailable"
)

// Error is an error the caller may see.
type Error struct {
	Code   Code
	Detail string
	Err    error // for the log, or *Invalid
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func refuse(code Code, detail string) error { return &Error{Code: code, Detail: detail} }

// Entry is a waiver with the revision that the next change must name.
type Entry struct {
	Waiver   Waiver
	Revision uint64
}

// Options are what a Service works with.
type Options struct {
	Store  Store
	Limits Limits
	// KnownRule reports whether a rule exists; a waiver for none would never be used.
	KnownRule func(id string) bool
	// Changed is told of the waivers after every change, and of the first ones at the start. It must not wait long.
	Changed func(*Set)
	Now     func() time.Time
	Logger  *slog.Logger
}

// Service is one replica's. Run keeps its view current.
type Service struct {
	o     Options
	ready chan struct{}

	mu     sync.Mutex
	known  map[string]Entry
	loaded bool
}

// NewService prepares a service.
func NewService(o Options) *Service {
	return &Service{o: o, ready: make(chan struct{}), known: map[string]Entry{}}
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

func (s *Service) heard(e bus.Entry[Waiver]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Err != nil:
		// What cannot be read waives nothing: a finding shown as failing too long is seen, one that is hidden is not.
		s.o.Logger.Error("a waiver cannot be read and waives nothing", "waiver", e.Key, "error", e.Err)
		delete(s.known, e.Key)
	case e.Deleted:
		delete(s.known, e.Key)
	case e.Revision <= s.known[e.Key].Revision:
		return
	default:
		s.known[e.Key] = Entry{e.Value, e.Revision}
	}
	if s.loaded {
		s.tell()
	}
}

// tell is called under mu, so that sets are told of in order.
func (s *Service) tell() {
	waivers := make([]Waiver, 0, len(s.known))
	for _, e := range s.known {
		waivers = append(waivers, e.Waiver)
	}
	s.o.Changed(NewSet(waivers))
}

// List returns all waivers in order of id.
func (s *Service) List() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Entry, 0, len(s.known))
	for _, id := range slices.Sorted(maps.Keys(s.known)) {
		out = append(out, s.known[id])
	}
	return out
}

// Get reads one waiver as it is stored now.
func (s *Service) Get(ctx context.Context, id string) (Entry, error) {
	e, err := s.o.Store.Get(ctx, id)
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrInvalid) {
		return Entry{}, refuse(CodeNotFound, "there is no such waiver")
	}
	if err != nil {
		return Entry{}, stored(err)
	}
	return Entry{e.Value, e.Revision}, nil
}

func stored(err error) error {
	switch {
	case errors.Is(err, bus.ErrConflict):
		return &Error{Code: CodeStale, Detail: "the waiver was changed meanwhile; read it again", Err: err}
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed), errors.Is(err, bus.ErrFull):
		return &Error{Code: CodeUnavailable, Detail: "waivers cannot be kept at the moment; try again later", Err: err}
	}
	return err
}

// Request stores a new waiver that waits for an approver.
func (s *Service) Request(ctx context.Context, by Act, r Request) (Entry, error) {
	by.At = s.o.Now().UTC()
	id := "w-" + strings.ToLower(rand.Text()[:16])
	w, err := New(id, r, by, s.o.Limits)
	if err == nil && !s.o.KnownRule(r.Rule) {
		err = &Invalid{[]Problem{{"/rule", fmt.Sprintf("there is no rule %q", r.Rule), "see meridian rules"}}}
	}
	if err != nil {
		return Entry{}, &Error{Code: CodeInvalid, Detail: "the waiver cannot be requested", Err: err}
	}
	e, err := s.o.Store.Create(ctx, id, w)
	if err != nil {
		return Entry{}, stored(err)
	}
	s.heard(e)
	return Entry{w, e.Revision}, nil
}

// Approve puts a requested waiver in force. Who requested it may not approve it.
func (s *Service) Approve(ctx context.Context, by Act, id string, revision uint64) (before, after Entry, err error) {
	return s.decide(ctx, by, id, revision, Approved)
}

// Reject refuses a requested waiver for good.
func (s *Service) Reject(ctx context.Context, by Act, id string, revision uint64) (before, after Entry, err error) {
	return s.decide(ctx, by, id, revision, Rejected)
}

func (s *Service) decide(ctx context.Context, by Act, id string, revision uint64, to State) (before, after Entry, err error) {
	return s.change(ctx, by, id, revision, func(d *Document, w Waiver, by Act) error {
		if state := w.At(by.At); state != Requested {
			return refuse(CodeConflict, "the waiver is "+string(state)+" and waits for nobody")
		}
		if to == Approved {
			if d.Requested.By == by.By {
				return refuse(CodeForbidden, "who requested a waiver may not approve it; ask another approver")
			}
			if err := tooLong(d, by.At, s.o.Limits); err != nil {
				return &Error{Code: CodeInvalid, Detail: "the waiver cannot be approved", Err: err}
			}
		}
		d.State, d.Decided = to, &by
		return nil
	})
}

// Withdraw takes a waiver back that is requested or in force.
func (s *Service) Withdraw(ctx context.Context, by Act, id string, revision uint64) (before, after Entry, err error) {
	return s.change(ctx, by, id, revision, func(d *Document, w Waiver, by Act) error {
		if state := w.At(by.At); state != Requested && state != Approved {
			return refuse(CodeConflict, "the waiver is "+string(state)+" already")
		}
		d.State, d.Withdrawn = Withdrawn, &by
		return nil
	})
}

// change applies one change. revision 0 is whatever is stored.
func (s *Service) change(ctx context.Context, by Act, id string, revision uint64, f func(*Document, Waiver, Act) error) (before, after Entry, err error) {
	before, err = s.Get(ctx, id)
	if err != nil {
		return before, before, err
	}
	if revision != 0 && revision != before.Revision {
		return before, before, refuse(CodeStale, "another revision of the waiver is in force than the one named; read it again")
	}
	by.At = later(s.o.Now().UTC(), before.Waiver.d)
	d := before.Waiver.d
	if err := f(&d, before.Waiver, by); err != nil {
		return before, before, err
	}
	w, err := of(d)
	if err != nil {
		return before, before, &Error{Code: CodeInvalid, Detail: "the waiver cannot be changed so", Err: err}
	}
	e, err := s.o.Store.Update(ctx, id, w, before.Revision)
	if err != nil {
		return before, before, stored(err)
	}
	s.heard(e)
	return before, Entry{w, e.Revision}, nil
}

// later keeps the acts of a waiver in the order in which they happened although the clocks of two replicas differ.
func later(now time.Time, d Document) time.Time {
	last := d.Requested.At
	if d.Decided != nil {
		last = d.Decided.At
	}
	if !now.After(last) {
		return last.Add(1)
	}
	return now
}
