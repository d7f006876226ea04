package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/meridian-federation/meridian/api/rest/gen"
)

// Enrolments lists the enrolments of planners.
func (c *Client) Enrolments(q Query) *List[gen.Enrolment] {
	return list[gen.Enrolment](c, "/enrolments", q)
}

// Enrol requests an enrolment and returns it with its join token, which is told this once.
func (c *Client) Enrol(ctx context.Context, r gen.EnrolmentRequest) (*gen.EnrolmentToken, error) {
	return post[gen.EnrolmentToken](ctx, c, "/enrolments", r)
}

// ApproveEnrolment approves an enrolment that somebody else requested.
func (c *Client) ApproveEnrolment(ctx context.Context, id string) (*gen.Enrolment, error) {
	return post[gen.Enrolment](ctx, c, "/enrolments/"+url.PathEscape(id)+"/approve", nil)
}

// RevokeEnrolment ends an enrolment.
func (c *Client) RevokeEnrolment(ctx context.Context, id, reason string) (*gen.Enrolment, error) {
	return post[gen.Enrolment](ctx, c, "/enrolments/"+url.PathEscape(id)+"/revoke", gen.Revocation{Reason: reason})
}

// Join exchanges a join token for a credential. It needs no token of Options.
func (c *Client) Join(ctx context.Context, r gen.JoinRequest) (*gen.PlannerCredential, error) {
	return post[gen.PlannerCredential](ctx, c, "/join", r)
}

// RenewCredential gets a credential for a new key. It needs no token of Options.
func (c *Client) RenewCredential(ctx context.Context, r gen.RenewalRequest) (*gen.PlannerCredential, error) {
	return post[gen.PlannerCredential](ctx, c, "/join/renew", r)
}

// post sends a body as JSON, none when it is nil.
func post[T any](ctx context.Context, c *Client, path string, v any) (*T, error) {
	var body []byte
	header := http.Header{}
	if v != nil {
		var err error
		if body, err = json.Marshal(v); err != nil {
			return nil, &Error{Code: Invalid, Detail: "the request cannot be encoded", Err: err}
		}
		header.Set("Content-Type", "application/json")
	}
	resp, err := c.send(ctx, http.MethodPost, path, nil, body, header)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return decode[T](c, resp)
}
