// Package access keeps API tokens that administrators make at run time: the secret is told once and only its hash is kept,
// a token has a role, a scope of sites, an expiry, and ends when it is revoked. Documents lie in a bucket of the bus that
// all replicas share; the package knows no HTTP. services/federation/hub runs it.
package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/federation/act"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Act is who did something when.
type Act = act.Act

// Scope is which sites a token sees: those that are named, and those that have every tag, or run in one of the regions. The
// zero value is all sites.
type Scope struct {
	Sites   []string          `json:"sites,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	Regions []string          `json:"regions,omitempty"` // of any node or infrastructure of the site
}

// All reports whether the scope has no bounds.
func (s *Scope) All() bool { return len(s.Sites) == 0 && len(s.Tags) == 0 && len(s.Regions) == 0 }

// Allows reports whether a site is in the scope.
func (s *Scope) Allows(site *inventory.Site) bool {
	if s.All() || slices.Contains(s.Sites, site.Site.ID) {
		return true
	}
	tagged := len(s.Tags) > 0
	for k, v := range s.Tags {
		if have, ok := site.Site.Tags[k]; !ok || have != v {
			tagged = false
		}
	}
	return tagged || len(s.Regions) > 0 && slices.ContainsFunc(regions(site), func(r string) bool { return slices.Contains(s.Regions, r) })
}

func regions(s *inventory.Site) []string {
	var out []string
	nodes := func(list []inventory.Node) {
		for i := range list {
			out = append(out, list[i].Placement.Region)
		}
	}
	for i := range s.Clusters {
		for k := range s.Clusters[i].Components {
			nodes(s.Clusters[i].Components[k].Nodes)
		}
	}
	for i := range s.Infrastructure {
		out = append(out, s.Infrastructure[i].Placement.Region)
		nodes(s.Infrastructure[i].Nodes)
	}
	return slices.DeleteFunc(out, func(r string) bool { return r == "" })
}

// Token is what is known of a token: never its secret.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Scope   Scope     `json:"scope"`
	SHA256  string    `json:"sha256"` // of the secret, hex
	Created Act       `json:"created"`
	Expires time.Time `json:"expires"`
	Revoked *Act      `json:"revoked,omitempty"`
}

// Good reports whether the token is taken at an instant.
func (t *Token) Good(at time.Time) bool { return t.Revoked == nil && at.Before(t.Expires) }

// Bucket is where the tokens lie, by id.
func Bucket() bus.BucketOptions {
	return bus.BucketOptions{Name: "tokens", Description: "API tokens, hashed, by id", History: 2, MaxValue: 32 << 10}
}

// Store keeps the tokens; *bus.Bucket[Token] is one.
type Store interface {
	Create(ctx context.Context, key string, t Token) (bus.Entry[Token], error)
	Get(ctx context.Context, key string) (bus.Entry[Token], error)
	Update(ctx context.Context, key string, t Token, revision uint64) (bus.Entry[Token], error)
	Watch(ctx context.Context, handler func(bus.Entry[Token]), caughtUp func()) error
}

// Bounds of a token's life. Nobody publishes them: assumptions.
const (
	DefaultTTL = 90 * 24 * time.Hour
	MaxTTL     = 366 * 24 * time.Hour
)

const (
	prefix   = "mat_"
	idLength = 16
)

// Options are what a Service works with.
type Options struct {
	Store  Store
	Now    func() time.Time
	Logger *slog.Logger
}

// Service is one replica's. Run keeps its view current.
type Service struct {
	o     Options
	ready chan struct{}

	mu    sync.RWMutex
	known map[string]bus.Entry[Token]
}

// New prepares a service.
func New(o Options) *Service {
	return &Service{o: o, ready: make(chan struct{}), known: map[string]bus.Entry[Token]{}}
}

// Run works until the context ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	return s.o.Store.Watch(ctx, s.heard, func() { close(s.ready) })
}

func (s *Service) heard(e bus.Entry[Token]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e.Err != nil || e.Deleted:
		if e.Err != nil {
			s.o.Logger.Error("a token cannot be read and is not taken", "token", e.Key, "error", e.Err)
		}
		delete(s.known, e.Key)
	case e.Revision > s.known[e.Key].Revision:
		s.known[e.Key] = e
	}
}

// List returns all tokens, by name.
func (s *Service) List() []Token {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]Token, 0, len(s.known))
	for _, e := range s.known {
		out = append(out, e.Value)
	}
	slices.SortFunc(out, func(a, b Token) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	return out
}

// Request describes a new token.
type Request struct {
	Name  string
	Role  string
	Scope Scope
	TTL   time.Duration // 0 means DefaultTTL
	Note  string
}

// Create makes a token and returns its secret, which is told this once.
func (s *Service) Create(ctx context.Context, by Act, r Request) (Token, string, error) {
	ttl := cmp.Or(r.TTL, DefaultTTL)
	name := strings.TrimSpace(r.Name)
	switch {
	case name == "" || len(name) > 200:
		return Token{}, "", &refuse.Error{Code: refuse.Invalid, Detail: "a token has a name of at most 200 characters: say who uses it"}
	case ttl < time.Minute || ttl > MaxTTL:
		return Token{}, "", &refuse.Error{Code: refuse.Invalid, Detail: fmt.Sprintf("a token is good for a minute to %s", MaxTTL)}
	}
	by.At, by.Note = s.o.Now().UTC(), r.Note
	id := strings.ToLower(rand.Text()[:idLength])
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails, as documented
	secret := prefix + id + "_" + base64.RawURLEncoding.EncodeToString(raw)
	t := Token{ID: id, Name: name, Role: r.Role, Scope: r.Scope, SHA256: hash(secret), Created: by, Expires: by.At.Add(ttl)}
	e, err := s.o.Store.Create(ctx, id, t)
	if err != nil {
		return Token{}, "", stored(err)
	}
	s.heard(e)
	return t, secret, nil
}

// Revoke ends a token at once in this replica, and in the others as soon as they hear of it.
func (s *Service) Revoke(ctx context.Context, by Act, id, why string) (before, after Token, err error) {
	e, err := s.o.Store.Get(ctx, id)
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrInvalid) {
		return before, after, &refuse.Error{Code: refuse.NotFound, Detail: "there is no such token"}
	}
	if err != nil {
		return before, after, stored(err)
	}
	before = e.Value
	if before.Revoked != nil {
		return before, before, &refuse.Error{Code: refuse.Conflict, Detail: "the token is revoked already"}
	}
	by.At, by.Note = s.o.Now().UTC(), why
	after = before
	after.Revoked = &by
	if e, err = s.o.Store.Update(ctx, id, after, e.Revision); err != nil {
		return before, before, stored(err)
	}
	s.heard(e)
	return before, after, nil
}

func stored(err error) error {
	switch {
	case errors.Is(err, bus.ErrConflict):
		return &refuse.Error{Code: refuse.Conflict, Detail: "the token was changed meanwhile; read it again", Err: err}
	case errors.Is(err, bus.ErrUnavailable), errors.Is(err, bus.ErrClosed), errors.Is(err, bus.ErrFull):
		return &refuse.Error{Code: refuse.Unavailable, Detail: "tokens cannot be kept at the moment; try again later", Err: err}
	}
	return err
}

// Find returns the token of a secret, if there is a good one. The secret has 256 random bits, and what is compared is its
// hash, so that the time it takes tells nothing.
func (s *Service) Find(secret string) (Token, bool) {
	rest, ok := strings.CutPrefix(secret, prefix)
	if !ok || len(rest) < idLength+2 || rest[idLength] != '_' {
		return Token{}, false
	}
	s.mu.RLock()
	e, ok := s.known[rest[:idLength]]
	s.mu.RUnlock()
	if !ok || e.Value.SHA256 != hash(secret) || !e.Value.Good(s.o.Now()) {
		return Token{}, false
	}
	return e.Value, true
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
