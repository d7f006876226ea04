package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/govern"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/audit"
	"github.com/meridian-federation/meridian/federation/refuse"
)

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
	c.entry.Before, c.entry.After = govern.Text(before), govern.Text(after)
}

// governing answers what people decide.
func (a *api) governing() *govern.Server {
	return govern.New(govern.Options{
		Waivers: a.Waivers, Policies: a.Policies, Tokens: a.Tokens, Audit: a.Audit, Webhooks: a.Webhooks, Clock: a.Clock,
		Snapshot: func(ctx context.Context) *read.Snapshot { return a.snapshot(callOf(ctx)) },
		Caller: func(ctx context.Context) govern.Caller {
			c := callOf(ctx)
			return govern.Caller{
				ID: c.principal.ID, Name: c.principal.Name, Role: string(c.principal.Role), Scope: c.scope, IfMatch: c.request.Header.Get("If-Match"), Entry: &c.entry,
			}
		},
		Document: func(ctx context.Context, v any, scrub bool) (govern.Reply, error) {
			if scrub {
				return a.answer(ctx, a.snapshot(callOf(ctx)), v)
			}
			return a.own(ctx, a.snapshot(callOf(ctx)), v)
		},
		Private: func(ctx context.Context, status int, path string, v any) (govern.Reply, error) {
			if v == nil {
				return &reply{call: callOf(ctx), status: status}, nil
			}
			r, err := a.private(ctx, status, v)
			if err == nil && path != "" {
				r.location = basePath + path
			}
			return r, err
		},
	})
}

// Write implements govern.Reply.
func (r *reply) Write(w http.ResponseWriter) error { return r.write(w) }

// Matches implements govern.Reply.
func (r *reply) Matches(ifMatch string) bool { return noneMatch(ifMatch, r.doc.etag) }

func refusal(e *refuse.Error) *failure {
	if e.Code == refuse.Stale {
		return fail(http.StatusPreconditionFailed, e.Detail)
	}
	return ownFailure(&Error{Code: Code(e.Code), Detail: e.Detail, Problems: e.Problems, Err: e.Err})
}
