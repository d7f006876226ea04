package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/audit"
)

// Waivers lists waivers in every state.
func (c *Client) Waivers(q Query) *List[gen.Waiver] { return list[gen.Waiver](c, "/waivers", q) }

// Policies lists the versions of the policy, newest first.
func (c *Client) Policies(q Query) *List[gen.PolicyVersion] {
	return list[gen.PolicyVersion](c, "/policies", q)
}

// Audit lists who wrote what, newest first.
func (c *Client) Audit(q Query) *List[audit.Entry] { return list[audit.Entry](c, "/audit", q) }

// Tokens lists the API tokens that were made at run time.
func (c *Client) Tokens(q Query) *List[gen.ApiToken] { return list[gen.ApiToken](c, "/tokens", q) }

// Waiver returns one waiver and its ETag, which the decisions about it may name.
func (c *Client) Waiver(ctx context.Context, id string) (*gen.Waiver, string, error) {
	resp, err := c.send(ctx, http.MethodGet, "/waivers/"+url.PathEscape(id), nil, nil, nil)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	w, err := decode[gen.Waiver](c, resp)
	return w, resp.Header.Get("ETag"), err
}

// RequestWaiver asks for a waiver; somebody else approves it.
func (c *Client) RequestWaiver(ctx context.Context, r gen.WaiverRequest) (*gen.Waiver, error) {
	return write[gen.Waiver](ctx, c, "/waivers", r, "")
}

// ApproveWaiver puts a waiver in force. ifMatch, when given, is the ETag of what was read.
func (c *Client) ApproveWaiver(ctx context.Context, id, note, ifMatch string) (*gen.Waiver, error) {
	return write[gen.Waiver](ctx, c, "/waivers/"+url.PathEscape(id)+"/approve", gen.Note{Note: note}, ifMatch)
}

// RejectWaiver refuses a requested waiver for good.
func (c *Client) RejectWaiver(ctx context.Context, id, reason, ifMatch string) (*gen.Waiver, error) {
	return write[gen.Waiver](ctx, c, "/waivers/"+url.PathEscape(id)+"/reject", gen.Reason{Reason: reason}, ifMatch)
}

// WithdrawWaiver takes a waiver back.
func (c *Client) WithdrawWaiver(ctx context.Context, id, reason, ifMatch string) (*gen.Waiver, error) {
	return write[gen.Waiver](ctx, c, "/waivers/"+url.PathEscape(id)+"/withdraw", gen.Reason{Reason: reason}, ifMatch)
}

// Policy returns one version of the policy; "file" is the one of the server's configuration.
func (c *Client) Policy(ctx context.Context, id string) (*gen.PolicyVersion, error) {
	return get[gen.PolicyVersion](ctx, c, "/policies/"+url.PathEscape(id), nil)
}

// DraftPolicy stores a version of the policy, which is not in force.
func (c *Client) DraftPolicy(ctx context.Context, document, note string) (*gen.PolicyVersion, error) {
	return write[gen.PolicyVersion](ctx, c, "/policies", gen.PolicyDraft{Document: document, Note: note}, "")
}

// PreviewPolicy tells what a version would change.
func (c *Client) PreviewPolicy(ctx context.Context, id string) (*gen.PolicyPreview, error) {
	return get[gen.PolicyPreview](ctx, c, "/policies/"+url.PathEscape(id)+"/preview", nil)
}

// ActivatePolicy puts a version in force.
func (c *Client) ActivatePolicy(ctx context.Context, id, reason string) (*gen.PolicyVersion, error) {
	return write[gen.PolicyVersion](ctx, c, "/policies/"+url.PathEscape(id)+"/activate", gen.Reason{Reason: reason}, "")
}

// CreateToken makes a token; its secret is in this answer alone.
func (c *Client) CreateToken(ctx context.Context, r gen.TokenRequest) (*gen.TokenSecret, error) {
	return write[gen.TokenSecret](ctx, c, "/tokens", r, "")
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, id, reason string) (*gen.ApiToken, error) {
	return write[gen.ApiToken](ctx, c, "/tokens/"+url.PathEscape(id)+"/revoke", gen.Reason{Reason: reason}, "")
}

func write[T any](ctx context.Context, c *Client, path string, v any, ifMatch string) (*T, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, &Error{Code: Invalid, Detail: "the request cannot be made", Err: err}
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if ifMatch != "" {
		h.Set("If-Match", ifMatch)
	}
	resp, err := c.send(ctx, http.MethodPost, path, nil, body, h)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return decode[T](c, resp)
}
