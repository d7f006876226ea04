package enrol

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Join is what a planner sends to exchange its token.
type Join struct {
	Token     string
	Site      string
	PublicKey string // of an NKey user made by the planner
	Signature []byte // by that key, of JoinText
	Remote    string // address the request came from, for the audit
}

// JoinText is what the planner signs to show that it holds the key.
func JoinText(id, site, publicKey string) []byte {
	return []byte("meridian join v1\n" + id + "\n" + site + "\n" + publicKey)
}

// TokenID is the id of the enrolment a join token belongs to; empty when the text is no join token.
func TokenID(token string) string {
	id, _, _ := splitToken(token)
	return id
}

// Renewal is what a planner sends to get a credential for a new key before the one it has expires.
type Renewal struct {
	Enrolment string
	OldKey    string // public key of the credential in force
	NewKey    string
	At        time.Time
	Signature []byte // by the old key, of RenewalText
	Proof     []byte // by the new key, of the same
	Remote    string
}

// RenewalText is what the planner signs with both keys.
func RenewalText(id, oldKey, newKey string, at time.Time) []byte {
	return []byte("meridian renewal v1\n" + id + "\n" + oldKey + "\n" + newKey + "\n" + at.UTC().Format(time.RFC3339Nano))
}

// Credential is what a planner gets.
type Credential struct {
	Enrolment     string
	Site          string
	JWT           string // worth nothing without the seed
	Expires       time.Time
	RenewFrom     time.Time
	NATS          []string
	NATSAuthority string // PEM; may be empty
}

// errToken is all that is told to somebody who does not hold a token's secret.
var errToken = refuse(Unauthorised, "the join token is not valid")

// Join exchanges a token for a credential. It does so once: afterwards only the same key gets the same credential again, and
// only until the token expires, so that an answer that was lost on the way is no loss.
func (s *Service) Join(ctx context.Context, j Join) (Credential, error) {
	id, secret, ok := splitToken(j.Token)
	who := "planner at " + j.Remote
	if !ok {
		s.refused(ctx, who, &Enrolment{Site: j.Site}, errToken)
		return Credential{}, errToken
	}
	e, err := s.change(ctx, id, func(e *Enrolment, now time.Time) error {
		if !e.takes(secret) {
			return errToken
		}
		return s.admit(e, j, now)
	})
	var refusal *Error
	if errors.As(err, &refusal) {
		if refusal.Kind == NotFound {
			refusal = errToken
		}
		if refusal.Kind != Unavailable {
			s.refused(ctx, who, &Enrolment{ID: id, Site: j.Site}, refusal)
		}
		return Credential{}, refusal
	}
	if err != nil {
		return Credential{}, err
	}
	c, err := s.issue(&e, j.PublicKey)
	if err == nil {
		s.audit(ctx, who, "enrolment.joined", &e, "key "+j.PublicKey)
	}
	return c, err
}

// admit checks a join whose secret is right and notes its key.
func (s *Service) admit(e *Enrolment, j Join, now time.Time) error {
	switch {
	case e.Site != j.Site:
		return refuse(Invalid, "the join token was made for another site")
	case !s.o.Verify(j.PublicKey, JoinText(e.ID, j.Site, j.PublicKey), j.Signature):
		return refuse(Invalid, "the signature is not one of the public key over this request")
	case e.State == Revoked:
		return refuse(Conflict, "the enrolment was revoked")
	case !now.Before(e.TokenExpires):
		return refuse(Conflict, "the join token has expired; request the enrolment again")
	case e.State == Requested:
		return refuse(Forbidden, "the enrolment waits for its approval; try again when it is given")
	case e.State == Joined:
		if _, same := e.holds(j.PublicKey, now); !same || e.Keys[0].Public != j.PublicKey {
			return refuse(Conflict, "the join token was used already; if that was not this planner, revoke the enrolment")
		}
		return nil
	}
	e.State, e.Joined = Joined, now
	e.Keys = []Key{{Public: j.PublicKey, Issued: now, Expires: now.Add(s.o.CredentialTTL).Truncate(time.Second)}}
	return nil
}

// Renew gives a planner that holds a good credential another one for a new key. The old one stays good until it expires.
func (s *Service) Renew(ctx context.Context, r Renewal) (Credential, error) {
	who := "planner at " + r.Remote
	e, err := s.change(ctx, r.Enrolment, func(e *Enrolment, now time.Time) error {
		text := RenewalText(e.ID, r.OldKey, r.NewKey, r.At)
		_, good := e.holds(r.OldKey, now)
		switch {
		case !good || !s.o.Verify(r.OldKey, text, r.Signature):
			return refuse(Unauthorised, "the renewal is not signed by a key of this enrolment that is still good; join again with a new token")
		case e.State == Revoked:
			return refuse(Conflict, "the enrolment was revoked")
		case r.At.Before(now.Add(-maxSkew)) || r.At.After(now.Add(maxSkew)):
			return refuse(Unauthorised, fmt.Sprintf("the renewal was signed more than %s from now, %s; check the planner's clock", maxSkew, now.Format(time.RFC3339)))
		case r.NewKey == r.OldKey || !s.o.Verify(r.NewKey, text, r.Proof):
			return refuse(Invalid, "the proof is not a signature by the new key")
		}
		if _, again := e.holds(r.NewKey, now); again {
			return nil
		}
		e.Keys = slices.DeleteFunc(e.Keys, func(k Key) bool { return !now.Before(k.Expires) })
		if len(e.Keys) >= maxKeys {
			return refuse(Conflict, fmt.Sprintf("the enrolment has %d credentials already; revoke it and join again if that was not this planner", len(e.Keys)))
		}
		e.Keys = append(e.Keys, Key{Public: r.NewKey, Issued: now, Expires: now.Add(s.o.CredentialTTL).Truncate(time.Second)})
		return nil
	})
	var refusal *Error
	if errors.As(err, &refusal) {
		if refusal.Kind == NotFound {
			refusal = refuse(Unauthorised, "the renewal is not signed by a key of this enrolment that is still good; join again with a new token")
		}
		if refusal.Kind != Unavailable {
			s.refused(ctx, who, &Enrolment{ID: r.Enrolment}, refusal)
		}
		return Credential{}, refusal
	}
	if err != nil {
		return Credential{}, err
	}
	c, err := s.issue(&e, r.NewKey)
	if err == nil {
		s.audit(ctx, who, "enrolment.renewed", &e, "key "+r.NewKey)
	}
	return c, err
}

func (s *Service) refused(ctx context.Context, who string, e *Enrolment, why *Error) {
	e.ID, e.Site = printable(e.ID), printable(e.Site)
	s.audit(ctx, who, "enrolment.refused", e, why.Detail)
}

// printable keeps what a stranger sent from growing in the audit.
func printable(text string) string {
	if len(text) > 64 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%.64q", text)
	}
	return text
}

func (s *Service) issue(e *Enrolment, public string) (Credential, error) {
	i := slices.IndexFunc(e.Keys, func(k Key) bool { return k.Public == public })
	key := e.Keys[i]
	token, err := s.o.Authority.Issue(e.Site, public, key.Expires)
	if err != nil {
		return Credential{}, err
	}
	life := key.Expires.Sub(key.Issued)
	return Credential{
		Enrolment: e.ID, Site: e.Site, JWT: token, Expires: key.Expires, RenewFrom: key.Issued.Add(time.Duration(float64(life) * renewShare)).Truncate(time.Second),
		NATS: s.o.NATS, NATSAuthority: s.o.NATSAuthority,
	}, nil
}
