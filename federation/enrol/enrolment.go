// Package enrol decides which planner may speak for a site. An administrator requests an enrolment and gets a join token;
// the planner exchanges the token, once, for a NATS credential over a key that never leaves it, renews the credential with
// that key, and loses it when the enrolment is revoked. State lies in a bucket of the bus that all replicas share; the
// package knows neither HTTP nor NATS. api/rest and services/federation/hub call it.
package enrol

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// State is how far an enrolment has come.
type State string

// States. An enrolment only goes down this list.
const (
	Requested State = "requested" // waits for an approver
	Open      State = "open"      // the token can be exchanged
	Joined    State = "joined"    // a planner has the credential
	Expired   State = "expired"   // the token was not exchanged in time, or the credential was not renewed in time
	Revoked   State = "revoked"
)

// Act is who did something when.
type Act struct {
	By   string    `json:"by"`   // stable id of the principal
	Name string    `json:"name"` // for people
	At   time.Time `json:"at"`
}

// Key is a public key for which a credential was issued.
type Key struct {
	Public  string    `json:"public"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

// Enrolment is the way of one planner into the federation.
type Enrolment struct {
	ID           string    `json:"id"`
	Site         string    `json:"site"`
	State        State     `json:"state"`
	Note         string    `json:"note,omitempty"`
	Requested    Act       `json:"requested"`
	Approved     *Act      `json:"approved,omitempty"`
	Joined       time.Time `json:"joined,omitzero"`
	Revoked      *Act      `json:"revoked,omitempty"`
	Reason       string    `json:"reason,omitempty"` // of the revocation
	TokenSHA256  string    `json:"tokenSHA256"`
	TokenExpires time.Time `json:"tokenExpires"`
	Keys         []Key     `json:"keys,omitempty"` // oldest first
}

// At returns the enrolment as it stands at an instant: what nobody exchanged or renewed in time has expired.
func (e Enrolment) At(now time.Time) Enrolment {
	switch e.State {
	case Requested, Open:
		if !now.Before(e.TokenExpires) {
			e.State = Expired
		}
	case Joined:
		if !now.Before(e.Expires()) {
			e.State = Expired
		}
	}
	return e
}

// Expires is when the newest credential ends; zero before the planner has joined.
func (e *Enrolment) Expires() time.Time {
	var last time.Time
	for _, k := range e.Keys {
		if k.Expires.After(last) {
			last = k.Expires
		}
	}
	return last
}

// holds returns the expiry of a key that is good at an instant.
func (e *Enrolment) holds(public string, now time.Time) (time.Time, bool) {
	for _, k := range e.Keys {
		if k.Public == public && now.Before(k.Expires) {
			return k.Expires, true
		}
	}
	return time.Time{}, false
}

// Person is who asks over REST.
type Person struct {
	ID, Name string
}

// Kind classifies an error for the caller.
type Kind string

// Kinds of Error.
const (
	Invalid      Kind = "invalid"      // the request is wrong
	Unauthorised Kind = "unauthorised" // token or signature are not good
	Forbidden    Kind = "forbidden"    // good, but not allowed now
	NotFound     Kind = "not-found"
	Conflict     Kind = "conflict"    // the state does not allow it any more
	Unavailable  Kind = "unavailable" // try again later
)

// Error is an error the caller may see. Any other error of this package is internal.
type Error struct {
	Kind   Kind
	Detail string
	Err    error // for the log
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

func refuse(kind Kind, detail string) *Error { return &Error{Kind: kind, Detail: detail} }

// Event is an entry of the audit.
type Event struct {
	At        time.Time
	Who       string
	Act       string // "enrolment.requested", "enrolment.approved", "enrolment.joined", "enrolment.renewed", "enrolment.revoked", "enrolment.refused"
	Site      string
	Enrolment string
	Detail    string
}

// Audit is told of every act.
type Audit func(context.Context, Event)

const (
	tokenPrefix = "mjt_"
	idLength    = 16
	secretBytes = 32
)

// newToken makes the id of an enrolment and its join token, mjt_<id>_<secret>, of which only the hash is kept.
func newToken() (id, token, hash string) {
	id = strings.ToLower(rand.Text()[:idLength])
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails, as documented
	secret := base64.RawURLEncoding.EncodeToString(raw)
	return id, tokenPrefix + id + "_" + secret, hashOf(secret)
}

func splitToken(token string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(rest) < idLength+2 || rest[idLength] != '_' {
		return "", "", false
	}
	return rest[:idLength], rest[idLength+1:], validID(rest[:idLength])
}

func validID(id string) bool {
	return len(id) == idLength && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func (e *Enrolment) takes(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(hashOf(secret)), []byte(e.TokenSHA256)) == 1
}
