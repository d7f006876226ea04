package resttest

import (
	"context"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/federation/enrol"
)

// EnrolmentID is the id of the sample's enrolment number n, from 1 to 3.
func EnrolmentID(n int) string { return strings.Repeat(string(rune('a'+n)), 16) }

// JoinToken is the token that Enrolments take.
const JoinToken = "the-join-token"

// Enrolments are three enrolments that never change: one of SiteID(1) that waits, one of SiteID(3) that was revoked, one of
// SiteID(3) whose planner has joined.
type Enrolments struct{}

// List implements rest.Enrolments.
func (Enrolments) List() []enrol.Enrolment {
	act := enrol.Act{By: "p1", Name: "Ada", At: Now().Add(-time.Hour)}
	key := enrol.Key{Public: "UABC", Issued: Now().Add(-time.Hour), Expires: Now().Add(time.Hour)}
	return []enrol.Enrolment{
		{ID: EnrolmentID(1), Site: SiteID(1), State: enrol.Requested, Requested: act, TokenSHA256: "hash", TokenExpires: Now().Add(time.Hour)},
		{ID: EnrolmentID(2), Site: SiteID(3), State: enrol.Revoked, Requested: act, Revoked: &act, Reason: "lost", TokenSHA256: "hash", TokenExpires: Now(), Keys: []enrol.Key{key}},
		{ID: EnrolmentID(3), Site: SiteID(3), State: enrol.Joined, Requested: act, Approved: &act, Joined: Now(), TokenSHA256: "hash", TokenExpires: Now(), Keys: []enrol.Key{key}},
	}
}

// Get implements rest.Enrolments.
func (e Enrolments) Get(_ context.Context, id string) (enrol.Enrolment, error) {
	for _, x := range e.List() {
		if x.ID == id {
			return x, nil
		}
	}
	return enrol.Enrolment{}, &enrol.Error{Kind: enrol.NotFound, Detail: "there is no such enrolment"}
}

// Request implements rest.Enrolments.
func (e Enrolments) Request(_ context.Context, by enrol.Person, site string, ttl time.Duration, note string) (enrol.Enrolment, string, error) {
	return enrol.Enrolment{
		ID: EnrolmentID(1), Site: site, State: enrol.Open, Note: note, Requested: enrol.Act{By: by.ID, Name: by.Name, At: Now()}, TokenSHA256: "hash", TokenExpires: Now().Add(ttl),
	}, JoinToken, nil
}

// Approve implements rest.Enrolments.
func (e Enrolments) Approve(ctx context.Context, _ enrol.Person, id string) (enrol.Enrolment, error) {
	return e.Get(ctx, id)
}

// Revoke implements rest.Enrolments.
func (e Enrolments) Revoke(ctx context.Context, _ enrol.Person, id, _ string) (enrol.Enrolment, error) {
	return e.Get(ctx, id)
}

// Join implements rest.Enrolments.
func (Enrolments) Join(_ context.Context, j enrol.Join) (enrol.Credential, error) {
	if j.Token != JoinToken {
		return enrol.Credential{}, &enrol.Error{Kind: enrol.Unauthorised, Detail: "the join token is not valid"}
	}
	return enrol.Credential{Enrolment: EnrolmentID(1), Site: j.Site, JWT: "jwt", Expires: Now(), RenewFrom: Now(), NATS: []string{"tls://nats:4222"}}, nil
}

// Renew implements rest.Enrolments.
func (Enrolments) Renew(context.Context, enrol.Renewal) (enrol.Credential, error) {
	return enrol.Credential{}, &enrol.Error{Kind: enrol.Forbidden, Detail: "the enrolment was revoked"}
}
