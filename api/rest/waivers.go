package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/federation/waiver/register"
	"github.com/meridian-federation/meridian/planner/document"
)

// Waivers keep the waivers; *register.Service is one. A revision of 0 is whatever is in force.
type Waivers interface {
	List() []register.Entry
	Get(ctx context.Context, id string) (register.Entry, error)
	Request(ctx context.Context, by waiver.Act, r waiver.Request) (register.Entry, error)
	Approve(ctx context.Context, by waiver.Act, id string, revision uint64) (before, after register.Entry, err error)
	Reject(ctx context.Context, by waiver.Act, id string, revision uint64) (before, after register.Entry, err error)
	Withdraw(ctx context.Context, by waiver.Act, id string, revision uint64) (before, after register.Entry, err error)
}

func (a *api) waivers() (Waivers, error) {
	if a.Waivers == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server keeps no waivers"}
	}
	return a.Waivers, nil
}

// ListWaivers implements the contract.
func (a *api) ListWaivers(ctx context.Context, req gen.ListWaiversRequestObject) (gen.ListWaiversResponseObject, error) {
	service, err := a.waivers()
	if err != nil {
		return nil, err
	}
	entries := service.List()
	list := make([]waiver.Waiver, len(entries))
	for i := range entries {
		list[i] = entries[i].Waiver
	}
	s := a.snapshot(callOf(ctx))
	v, err := s.Waivers(s.VisibleWaivers(list, a.Clock()), read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// GetWaiver implements the contract.
func (a *api) GetWaiver(ctx context.Context, req gen.GetWaiverRequestObject) (gen.GetWaiverResponseObject, error) {
	_, v, err := a.waiver(ctx, req.Waiver)
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, a.snapshot(callOf(ctx)), v)
}

// waiver reads one that the caller may see; another one does not exist for it.
func (a *api) waiver(ctx context.Context, id string) (register.Entry, gen.Waiver, error) {
	service, err := a.waivers()
	if err != nil {
		return register.Entry{}, gen.Waiver{}, err
	}
	e, err := service.Get(ctx, id)
	if err != nil {
		return e, gen.Waiver{}, waiverFailure(err)
	}
	visible := a.snapshot(callOf(ctx)).VisibleWaivers([]waiver.Waiver{e.Waiver}, a.Clock())
	if len(visible) == 0 {
		return e, gen.Waiver{}, fail(http.StatusNotFound, "there is no such waiver")
	}
	return e, visible[0], nil
}

// mayDecide refuses those who would decide about sites that they do not see.
func mayDecide(c *call, m *waiver.Match) error {
	if c.scope.All() || m.Site != "" && c.scope.Allows(m.Site) {
		return nil
	}
	if m.Site == "" {
		return fail(http.StatusForbidden, "a waiver that names no site needs a token that sees all sites")
	}
	return fail(http.StatusForbidden, "the token's scope does not include the site "+m.Site)
}

// RequestWaiver implements the contract.
func (a *api) RequestWaiver(ctx context.Context, req gen.RequestWaiverRequestObject) (gen.RequestWaiverResponseObject, error) {
	service, err := a.waivers()
	if err != nil {
		return nil, err
	}
	c := callOf(ctx)
	c.entry.Site, c.entry.Why = req.Body.Match.Site, req.Body.Reason
	if err := mayDecide(c, &req.Body.Match); err != nil {
		return nil, err
	}
	e, err := service.Request(ctx, deed(c, ""), waiver.Request{
		Rule: req.Body.Rule, Match: req.Body.Match, Reason: req.Body.Reason, Ticket: req.Body.Ticket, Owner: req.Body.Owner, Expires: req.Body.Expires,
	})
	if err != nil {
		return nil, waiverFailure(err)
	}
	v := read.WaiverView(e.Waiver, a.Clock())
	c.wrote(v.Id, nil, e.Waiver)
	r, err := a.private(ctx, http.StatusCreated, v)
	if err != nil {
		return nil, err
	}
	r.location = basePath + "/waivers/" + v.Id
	return r, nil
}

// ApproveWaiver implements the contract.
func (a *api) ApproveWaiver(ctx context.Context, req gen.ApproveWaiverRequestObject) (gen.ApproveWaiverResponseObject, error) {
	note := ""
	if req.Body != nil {
		note = req.Body.Note
	}
	return a.changeWaiver(ctx, req.Waiver, note, Waivers.Approve)
}

// RejectWaiver implements the contract.
func (a *api) RejectWaiver(ctx context.Context, req gen.RejectWaiverRequestObject) (gen.RejectWaiverResponseObject, error) {
	return a.changeWaiver(ctx, req.Waiver, req.Body.Reason, Waivers.Reject)
}

// WithdrawWaiver implements the contract.
func (a *api) WithdrawWaiver(ctx context.Context, req gen.WithdrawWaiverRequestObject) (gen.WithdrawWaiverResponseObject, error) {
	return a.changeWaiver(ctx, req.Waiver, req.Body.Reason, func(w Waivers, ctx context.Context, by waiver.Act, id string, revision uint64) (before, after register.Entry, err error) {
		if c := callOf(ctx); c.principal.Role == Planner {
			if e, err := w.Get(ctx, id); err != nil || e.Waiver.Document().Requested.By != c.principal.ID {
				return before, after, fail(http.StatusForbidden, "a planner withdraws what it requested itself; ask an approver")
			}
		}
		return w.Withdraw(ctx, by, id, revision)
	})
}

func (a *api) changeWaiver(ctx context.Context, id, why string, do func(Waivers, context.Context, waiver.Act, string, uint64) (before, after register.Entry, err error)) (*reply, error) {
	c := callOf(ctx)
	c.entry.Target, c.entry.Why = id, why
	e, v, err := a.waiver(ctx, id)
	if err != nil {
		return nil, err
	}
	c.entry.Site = v.Match.Site
	if err := mayDecide(c, &v.Match); err != nil {
		return nil, err
	}
	revision := uint64(0)
	if header := c.request.Header.Get("If-Match"); header != "" && header != "*" {
		current, err := a.answer(ctx, a.snapshot(c), v)
		if err != nil {
			return nil, err
		}
		if !noneMatch(header, current.doc.etag) {
			return nil, fail(http.StatusPreconditionFailed, "the waiver is another than If-Match names; read it again")
		}
		revision = e.Revision
	}
	before, after, err := do(a.Waivers, ctx, deed(c, why), id, revision)
	if err != nil {
		return nil, waiverFailure(err)
	}
	c.wrote(id, before.Waiver, after.Waiver)
	return a.private(ctx, http.StatusOK, read.WaiverView(after.Waiver, a.Clock()))
}

func deed(c *call, note string) waiver.Act {
	return waiver.Act{By: c.principal.ID, Name: c.principal.Name, Note: note}
}

func waiverFailure(err error) error {
	var e *waiver.Error
	if !errors.As(err, &e) {
		return err
	}
	out := &Error{Detail: e.Detail, Err: e.Err}
	var invalid *waiver.Invalid
	if errors.As(e.Err, &invalid) {
		for _, p := range invalid.Problems {
			out.Problems = append(out.Problems, document.Problem{Path: p.Pointer, What: p.What, Remedy: p.Remedy})
		}
	}
	switch e.Code {
	case waiver.CodeInvalid:
		out.Code = CodeInvalid
	case waiver.CodeForbidden:
		out.Code = CodeForbidden
	case waiver.CodeNotFound:
		out.Code = CodeNotFound
	case waiver.CodeConflict:
		out.Code = CodeConflict
	case waiver.CodeStale:
		return fail(http.StatusPreconditionFailed, e.Detail)
	case waiver.CodeUnavailable:
		out.Code = CodeUnavailable
	}
	return out
}

func (r *reply) VisitListWaiversResponse(w http.ResponseWriter) error    { return r.write(w) }
func (r *reply) VisitGetWaiverResponse(w http.ResponseWriter) error      { return r.write(w) }
func (r *reply) VisitRequestWaiverResponse(w http.ResponseWriter) error  { return r.write(w) }
func (r *reply) VisitApproveWaiverResponse(w http.ResponseWriter) error  { return r.write(w) }
func (r *reply) VisitRejectWaiverResponse(w http.ResponseWriter) error   { return r.write(w) }
func (r *reply) VisitWithdrawWaiverResponse(w http.ResponseWriter) error { return r.write(w) }
