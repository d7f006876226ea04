package policy

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/federation/state/mirror"
	"github.com/meridian-federation/meridian/planner/policy"
)

// Versions is where the versions lie, by id.
func Versions() bus.BucketOptions {
	return bus.BucketOptions{Name: "policies", Description: "Versions of the policy, by number", History: 1}
}

// Activations is where the log of activations lies, under one key.
func Activations() bus.BucketOptions {
	return bus.BucketOptions{Name: "policy-activations", Description: "Which version of the policy was in force when", History: 2}
}

const (
	logKey       = "log"
	maxConflicts = 8
	// maxLog bounds the log: 4,000 activations are one a day for ten years, and fit into one value.
	maxLog = 4000
)

// Store keeps documents; *bus.Bucket is one.
type Store[T any] interface {
	Create(ctx context.Context, key string, value T) (bus.Entry[T], error)
	Get(ctx context.Context, key string) (bus.Entry[T], error)
	Update(ctx context.Context, key string, value T, revision uint64) (bus.Entry[T], error)
	Watch(ctx context.Context, handler func(bus.Entry[T]), caughtUp func()) error
}

// Options are what a Service works with.
type Options struct {
	Versions Store[Version]
	Log      Store[Log]
	// Approval demands that somebody else than the author activates a version for the first time.
	Approval bool
	// Changed is told of the activations and the versions that they name after every change, and once at the start.
	Changed func([]Regime)
	Now     func() time.Time
	Logger  *slog.Logger
}

// Regime is a policy from an instant on.
type Regime struct {
	From    time.Time
	Version Version
}

// Service is one replica's. Run keeps its view current.
type Service struct {
	o     Options
	ready chan struct{}

	mu       sync.Mutex
	versions *mirror.Mirror[Version]
	log      Log
	revision uint64
	waiting  int // buckets whose backlog is not through
}

// NewService prepares a service.
func NewService(o Options) *Service {
	return &Service{o: o, ready: make(chan struct{}), versions: mirror.New[Version](), waiting: 2}
}

// Ready closes when the stored versions are known.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run works until the context ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.o.Versions.Watch(ctx, s.version, s.through) })
	group.Go(func() error { return s.o.Log.Watch(ctx, s.activated, s.through) })
	return group.Wait()
}

func (s *Service) through() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.tell()
		close(s.ready)
	}
}

func (s *Service) version(e bus.Entry[Version]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Err != nil || !e.Deleted && e.Value.Policy == nil:
		s.o.Logger.Error("a version of the policy cannot be read", "version", e.Key, "error", e.Err)
	case e.Deleted:
		// A version that was in force must stay known: assessments name it.
		s.o.Logger.Error("a version of the policy was deleted from its bucket; it stays in force here until the next start", "version", e.Key)
	default:
		s.versions.Put(mirror.Entry[Version]{Key: e.Key, Revision: e.Revision, Value: e.Value})
		s.tell()
	}
}

func (s *Service) activated(e bus.Entry[Log]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Err != nil || e.Deleted:
		s.o.Logger.Error("the log of the policy's activations cannot be read; what was in force stays in force here", "error", e.Err)
	case e.Revision > s.revision:
		s.log, s.revision = e.Value, e.Revision
		s.tell()
	}
}

// tell is called under mu. An activation whose version is not known yet is told of when it is.
func (s *Service) tell() {
	if s.waiting > 0 {
		return
	}
	regimes := make([]Regime, 0, len(s.log.Activations))
	for _, a := range s.log.Activations {
		v, ok := s.versions.Get(a.Version)
		if !ok {
			s.o.Logger.Warn("an active version of the policy is not known yet", "version", a.Version)
			return
		}
		regimes = append(regimes, Regime{a.At, v.Value})
	}
	s.o.Changed(regimes)
}

func stored(err error) error {
	switch {
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed), errors.Is(err, bus.ErrFull):
		return &refuse.Error{Code: refuse.Unavailable, Detail: "policies cannot be kept at the moment; try again later", Err: err}
	}
	return err
}

// List returns all versions, newest first, and the log.
func (s *Service) List() ([]Version, Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Version
	for e := range s.versions.All() {
		list = append(list, e.Value)
	}
	slices.SortFunc(list, func(a, b Version) int { return cmp.Compare(number(b.ID), number(a.ID)) })
	return list, Log{slices.Clone(s.log.Activations)}
}

func number(id string) uint64 {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != id {
		return 0
	}
	return n
}

// Get returns one version.
func (s *Service) Get(id string) (Version, error) {
	v, ok := s.versions.Get(id)
	if !ok {
		return Version{}, refuse.Because(refuse.NotFound, "there is no such version of the policy")
	}
	return v.Value, nil
}

// Draft stores a new version. It is not in force.
func (s *Service) Draft(ctx context.Context, by Act, p *policy.Policy) (Version, error) {
	var err error
	by.At = s.o.Now().UTC()
	for range maxConflicts {
		next := uint64(1)
		for known := range s.versions.All() {
			next = max(next, number(known.Key)+1)
		}
		v := Version{ID: strconv.FormatUint(next, 10), Policy: p, Hash: p.Hash(), Created: by}
		e, cerr := s.o.Versions.Create(ctx, v.ID, v)
		if cerr == nil {
			s.version(e)
			return v, nil
		}
		if err = cerr; !errors.Is(err, bus.ErrConflict) {
			return Version{}, stored(err)
		}
		// Another replica took the number, and this one may not have heard of it yet.
		if other, gerr := s.o.Versions.Get(ctx, v.ID); gerr == nil {
			s.version(other)
		}
	}
	return Version{}, &refuse.Error{Code: refuse.Unavailable, Detail: "others are writing versions at the same time; try again", Err: err}
}

// Activate puts a version in force from now on; one that was in force before is how to go back.
func (s *Service) Activate(ctx context.Context, by Act, id string) (before string, a Activation, err error) {
	v, err := s.Get(id)
	if err != nil {
		return "", a, err
	}
	e, err := s.o.Log.Get(ctx, logKey)
	found := !errors.Is(err, bus.ErrNotFound)
	if err != nil && found {
		return "", a, stored(err)
	}
	log := e.Value
	by.At = s.o.Now().UTC()
	if n := len(log.Activations); n > 0 {
		last := log.Activations[n-1]
		if before = last.Version; before == id {
			return before, a, refuse.Because(refuse.Conflict, "the version is in force already")
		}
		if !by.At.After(last.At) {
			by.At = last.At.Add(1)
		}
	}
	if s.o.Approval && v.Created.SamePerson(by) && !slices.ContainsFunc(log.Activations, func(a Activation) bool { return a.Version == id }) {
		return before, a, refuse.Because(refuse.Forbidden, "who wrote a version may not activate it the first time; ask another approver")
	}
	if len(log.Activations) >= maxLog {
		log.Activations = log.Activations[1:]
	}
	a = Activation{id, by}
	log.Activations = append(slices.Clone(log.Activations), a)
	var written bus.Entry[Log]
	if found {
		written, err = s.o.Log.Update(ctx, logKey, log, e.Revision)
	} else {
		written, err = s.o.Log.Create(ctx, logKey, log)
	}
	if errors.Is(err, bus.ErrConflict) {
		return before, a, &refuse.Error{Code: refuse.Conflict, Detail: "another version was activated meanwhile; look at it first", Err: err}
	}
	if err != nil {
		return before, a, stored(err)
	}
	s.activated(written)
	return before, a, nil
}
