// Package govern serves what people decide over REST: waivers, versions of the policy, tokens, and the audit of it all. It
// knows the contract's types and no transport; api/rest authenticates, asks it, and writes the answers.
package govern

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/audit"
	"github.com/meridian-federation/meridian/federation/refuse"
)

// Caller is who asks, as far as it matters here.
type Caller struct {
	ID, Name, Role string
	Scope          read.Scope
	IfMatch        string       // the header
	Entry          *audit.Entry // of this write
}

// Wrote notes what a write changed. The values hold no secrets.
func (c Caller) wrote(target string, before, after any) {
	c.Entry.Target = target
	c.Entry.Before, c.Entry.After = Text(before), Text(after)
}

// Text is a value as an entry of the audit holds it.
func Text(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil // documents that were decoded from JSON
	}
	return b
}

// Reply writes an answer.
type Reply interface {
	Write(w http.ResponseWriter) error
	Matches(ifMatch string) bool // reports whether the header names this representation
}

// Options are what a Server works with. Waivers, Policies, Tokens, Audit and Webhooks may be nil, which switches their operations off.
type Options struct {
	Waivers  Waivers
	Policies *Policies
	Tokens   AccessTokens
	Audit    Audit
	Webhooks Webhooks

	Clock    func() time.Time
	Caller   func(ctx context.Context) Caller
	Snapshot func(ctx context.Context) *read.Snapshot
	// Document answers a read; scrub drops what is outside the caller's scope from its texts.
	Document func(ctx context.Context, v any, scrub bool) (Reply, error)
	// Private answers with what belongs to the caller alone, nil with the status alone. path is where the new thing is, below the base path, or empty.
	Private func(ctx context.Context, status int, path string, v any) (Reply, error)
}

// Server implements the operations of the contract.
type Server struct{ o Options }

// New returns a server.
func New(o Options) *Server { return &Server{o} }

// Audit keeps the audit; *audit.Trail is one.
type Audit interface {
	Record(ctx context.Context, e audit.Entry) error
	Entries() []audit.Entry // newest first, a copy
}

// ListAudit implements the contract.
func (s *Server) ListAudit(ctx context.Context, req gen.ListAuditRequestObject) (gen.ListAuditResponseObject, error) {
	if s.o.Audit == nil {
		return nil, refuse.Because(refuse.Unavailable, "this server keeps no audit")
	}
	v, err := s.o.Snapshot(ctx).Audit(s.o.Audit.Entries(), read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, true)
}

// reply stands in for every generated response type.
type reply struct{ Reply }

func (s *Server) document(ctx context.Context, v any, scrub bool) (*reply, error) {
	r, err := s.o.Document(ctx, v, scrub)
	if err != nil {
		return nil, err
	}
	return &reply{r}, nil
}

func (s *Server) private(ctx context.Context, status int, path string, v any) (*reply, error) {
	r, err := s.o.Private(ctx, status, path, v)
	if err != nil {
		return nil, err
	}
	return &reply{r}, nil
}

func (r *reply) VisitListAuditResponse(w http.ResponseWriter) error      { return r.Write(w) }
func (r *reply) VisitListWaiversResponse(w http.ResponseWriter) error    { return r.Write(w) }
func (r *reply) VisitGetWaiverResponse(w http.ResponseWriter) error      { return r.Write(w) }
func (r *reply) VisitRequestWaiverResponse(w http.ResponseWriter) error  { return r.Write(w) }
func (r *reply) VisitApproveWaiverResponse(w http.ResponseWriter) error  { return r.Write(w) }
func (r *reply) VisitRejectWaiverResponse(w http.ResponseWriter) error   { return r.Write(w) }
func (r *reply) VisitWithdrawWaiverResponse(w http.ResponseWriter) error { return r.Write(w) }
func (r *reply) VisitListPoliciesResponse(w http.ResponseWriter) error   { return r.Write(w) }
func (r *reply) VisitGetPolicyResponse(w http.ResponseWriter) error      { return r.Write(w) }
func (r *reply) VisitDraftPolicyResponse(w http.ResponseWriter) error    { return r.Write(w) }
func (r *reply) VisitPreviewPolicyResponse(w http.ResponseWriter) error  { return r.Write(w) }
func (r *reply) VisitActivatePolicyResponse(w http.ResponseWriter) error { return r.Write(w) }
func (r *reply) VisitListTokensResponse(w http.ResponseWriter) error     { return r.Write(w) }
func (r *reply) VisitCreateTokenResponse(w http.ResponseWriter) error    { return r.Write(w) }
func (r *reply) VisitRevokeTokenResponse(w http.ResponseWriter) error    { return r.Write(w) }
