package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/audit"
)

// Audit keeps the audit; *audit.Trail is one.
type Audit interface {
	Record(ctx context.Context, e audit.Entry) error
	Entries() []audit.Entry // newest first, a copy
}

// audited leaves exactly one entry of every write that reaches its operation. When it cannot be stored after the write was
// done, the caller is told so: the write holds, and the whole entry is in the log.
func (a *api) audited(next gen.StrictHandlerFunc, operation string) gen.StrictHandlerFunc {
	operationID := strings.ToLower(operation[:1]) + operation[1:] // the generated server writes it as a type's name
	if !a.contract.routes[operationID].writes() {
		return next
	}
	return func(c echo.Context, request any) (any, error) {
		ctx := c.Request().Context()
		ca := callOf(ctx)
		ca.entry = audit.Entry{}
		response, err := next(c, request)
		if failed := a.recordAudit(ctx, ca, operationID, err); failed != nil && err == nil {
			return nil, failed
		}
		return response, err
	}
}

func (r *route) writes() bool { return r.spec.Method != http.MethodGet }

func (a *api) recordAudit(ctx context.Context, c *call, operationID string, err error) error {
	if a.Audit == nil {
		return nil
	}
	e := c.entry
	e.At = a.Clock().UTC()
	e.ID = audit.NewID(e.At)
	e.By, e.Name, e.Role = c.principal.ID, c.principal.Name, string(c.principal.Role)
	e.Remote, e.RequestID, e.Act, e.Outcome = c.remote, c.requestID, operationID, audit.Done
	if err != nil {
		f := toFailure(err)
		e.Status, e.Outcome = f.status, audit.Refused
		if f.status >= http.StatusInternalServerError {
			e.Outcome = audit.Failed
		}
		if e.Why != "" {
			e.Why += "; "
		}
		e.Why += f.detail
	}
	// The entry of a write that is done is stored also when the caller has gone meanwhile.
	if failed := a.Audit.Record(context.WithoutCancel(ctx), e); failed != nil {
		return &Error{Code: CodeUnavailable, Detail: "the change is made, but its entry could not be stored in the audit; it is in the server's log. Do not repeat the change", Err: failed}
	}
	return nil
}

// wrote notes what a write changed. The values hold no secrets.
func (c *call) wrote(target string, before, after any) {
	c.entry.Target = target
	c.entry.Before, c.entry.After = text(before), text(after)
}

func text(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil // documents that were decoded from JSON
	}
	return b
}

// ListAudit implements the contract.
func (a *api) ListAudit(ctx context.Context, req gen.ListAuditRequestObject) (gen.ListAuditResponseObject, error) {
	if a.Audit == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server keeps no audit"}
	}
	s := a.snapshot(callOf(ctx))
	v, err := s.Audit(a.Audit.Entries(), read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

func (r *reply) VisitListAuditResponse(w http.ResponseWriter) error { return r.write(w) }
