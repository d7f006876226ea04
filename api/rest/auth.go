package rest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
)

// ErrUnauthenticated is what an Authenticator returns for a token it does not accept. Any other error of it is answered with 503.
var ErrUnauthenticated = errors.New("the token is not valid")

// Role is what a principal may do; the contract names the roles each operation takes (x-roles).
type Role string

// Roles.
const (
	Viewer   Role = "viewer"   // reads
	Auditor  Role = "auditor"  // reads, reports and rejections
	Planner  Role = "planner"  // publishes inventories as well
	Approver Role = "approver" // approves what others ask for
	Admin    Role = "admin"    // everything
)

// Roles lists all roles.
func Roles() []Role { return []Role{Viewer, Auditor, Planner, Approver, Admin} }

// Principal is an authenticated caller.
type Principal struct {
	ID    string   // stable key of the token, for rate limits and logs; never the token
	Name  string   // for people
	Role  Role     //
	Sites []string // the sites it may see, sorted; nil means all, empty none
}

// Authenticator turns a bearer token into a principal. It must be safe for concurrent use and quick: it is called for
// every request.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (Principal, error)
}

// Token is one entry of Tokens: the SHA-256 of a random secret of at least 128 bits, never the secret.
type Token struct {
	Name   string
	SHA256 string // hex
	Role   Role
	Sites  []string // nil means all
}

// HashToken returns the SHA256 of a Token for a secret.
func HashToken(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Tokens is an Authenticator over a fixed list.
type Tokens struct{ entries map[[8]byte][]tokenEntry }

type tokenEntry struct {
	sum       [sha256.Size]byte
	principal Principal
}

// NewTokens checks and indexes tokens.
func NewTokens(tokens ...Token) (*Tokens, error) {
	out := &Tokens{entries: map[[8]byte][]tokenEntry{}}
	for _, t := range tokens {
		raw, err := hex.DecodeString(t.SHA256)
		if err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("token %q: the hash is not 64 hexadecimal digits", t.Name)
		}
		if !slices.Contains(Roles(), t.Role) {
			return nil, fmt.Errorf("token %q: unknown role %q", t.Name, t.Role)
		}
		e := tokenEntry{principal: Principal{ID: hex.EncodeToString(raw[:8]), Name: t.Name, Role: t.Role}}
		if t.Sites != nil {
			e.principal.Sites = slices.Compact(slices.Sorted(slices.Values(t.Sites)))
			if e.principal.Sites == nil {
				e.principal.Sites = []string{}
			}
		}
		copy(e.sum[:], raw)
		key := [8]byte(raw[:8])
		out.entries[key] = append(out.entries[key], e)
	}
	return out, nil
}

// Authenticate implements Authenticator. The time it takes says nothing about how much of a hash agrees beyond the
// first eight bytes, which an attacker cannot steer towards a secret.
func (t *Tokens) Authenticate(_ context.Context, token string) (Principal, error) {
	sum := sha256.Sum256([]byte(token))
	for _, e := range t.entries[[8]byte(sum[:8])] {
		if subtle.ConstantTimeCompare(e.sum[:], sum[:]) == 1 {
			return e.principal, nil
		}
	}
	return Principal{}, ErrUnauthenticated
}

func (p *Principal) scope() read.Scope {
	if p.Sites == nil {
		return read.Everything()
	}
	return read.Only(p.Sites)
}

func accessRole(r Role) gen.AccessRole { return gen.AccessRole(r) }
