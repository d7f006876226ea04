package govern

import (
	"context"
	"net/http"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/federation/waiver/register"
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

func (s *Server) waivers() (Waivers, error) {
	if s.o.Waivers == nil {
		return nil, refuse.Because(refuse.Unavailable, "this server keeps no waivers")
	}
	return s.o.Waivers, nil
}

// ListWaivers implements the contract.
func (s *Server) ListWaivers(ctx context.Context, req gen.ListWaiversRequestObject) (gen.ListWaiversResponseObject, error) {
	service, err := s.waivers()
	if err != nil {
		return nil, err
	}
	entries := service.List()
	list := make([]waiver.Waiver, len(entries))
	for i := range entries {
		list[i] = entries[i].Waiver
	}
	snap := s.o.Snapshot(ctx)
	v, err := snap.Waivers(snap.VisibleWaivers(list, s.o.Clock()), read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, true)
}

// GetWaiver implements the contract.
func (s *Server) GetWaiver(ctx context.Context, req gen.GetWaiverRequestObject) (gen.GetWaiverResponseObject, error) {
	_, v, err := s.waiver(ctx, req.Waiver)
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, true)
}

// waiver reads one that the caller may see; another one does not exist for it.
func (s *Server) waiver(ctx context.Context, id string) (register.Entry, gen.Waiver, error) {
	service, err := s.waivers()
	if err != nil {
		return register.Entry{}, gen.Waiver{}, err
	}
	e, err := service.Get(ctx, id)
	if err != nil {
		return e, gen.Waiver{}, err
	}
	visible := s.o.Snapshot(ctx).VisibleWaivers([]waiver.Waiver{e.Waiver}, s.o.Clock())
	if len(visible) == 0 {
		return e, gen.Waiver{}, refuse.Because(refuse.NotFound, "there is no such waiver")
	}
	return e, visible[0], nil
}

// mayDecide refuses those who would decide about sites that they do not see.
func mayDecide(c Caller, m *waiver.Match) error {
	if c.Scope.All() || m.Site != "" && c.Scope.Allows(m.Site) {
		return nil
	}
	if m.Site == "" {
		return refuse.Because(refuse.Forbidden, "a waiver that names no site needs a token that sees all sites")
	}
	return refuse.Because(refuse.Forbidden, "the token's scope does not include the site "+m.Site)
}

// RequestWaiver implements the contract.
func (s *Server) RequestWaiver(ctx context.Context, req gen.RequestWaiverRequestObject) (gen.RequestWaiverResponseObject, error) {
	service, err := s.waivers()
	if err != nil {
		return nil, err
	}
	c := s.o.Caller(ctx)
	c.Entry.Site, c.Entry.Why = req.Body.Match.Site, req.Body.Reason
	if err := mayDecide(c, &req.Body.Match); err != nil {
		return nil, err
	}
	e, err := service.Request(ctx, deed(c, ""), waiver.Request{
		Rule: req.Body.Rule, Match: req.Body.Match, Reason: req.Body.Reason, Ticket: req.Body.Ticket, Owner: req.Body.Owner, Expires: req.Body.Expires,
	})
	if err != nil {
		return nil, err
	}
	v := read.WaiverView(e.Waiver, s.o.Clock())
	c.wrote(v.Id, nil, e.Waiver)
	return s.private(ctx, http.StatusCreated, "/waivers/"+v.Id, v)
}

// ApproveWaiver implements the contract.
func (s *Server) ApproveWaiver(ctx context.Context, req gen.ApproveWaiverRequestObject) (gen.ApproveWaiverResponseObject, error) {
	note := ""
	if req.Body != nil {
		note = req.Body.Note
	}
	return s.changeWaiver(ctx, req.Waiver, note, Waivers.Approve)
}

// RejectWaiver implements the contract.
func (s *Server) RejectWaiver(ctx context.Context, req gen.RejectWaiverRequestObject) (gen.RejectWaiverResponseObject, error) {
	return s.changeWaiver(ctx, req.Waiver, req.Body.Reason, Waivers.Reject)
}

// WithdrawWaiver implements the contract.
func (s *Server) WithdrawWaiver(ctx context.Context, req gen.WithdrawWaiverRequestObject) (gen.WithdrawWaiverResponseObject, error) {
	return s.changeWaiver(ctx, req.Waiver, req.Body.Reason, func(w Waivers, ctx context.Context, by waiver.Act, id string, revision uint64) (before, after register.Entry, err error) {
		if c := s.o.Caller(ctx); c.Role == "planner" {
			if e, err := w.Get(ctx, id); err != nil || !e.Waiver.Document().Requested.SamePerson(by) {
				return before, after, refuse.Because(refuse.Forbidden, "a planner withdraws what it requested itself; ask an approver")
			}
		}
		return w.Withdraw(ctx, by, id, revision)
	})
}

func (s *Server) changeWaiver(ctx context.Context, id, why string, do func(Waivers, context.Context, waiver.Act, string, uint64) (before, after register.Entry, err error)) (*reply, error) {
	c := s.o.Caller(ctx)
	c.Entry.Target, c.Entry.Why = id, why
	e, v, err := s.waiver(ctx, id)
	if err != nil {
		return nil, err
	}
	c.Entry.Site = v.Match.Site
	if err := mayDecide(c, &v.Match); err != nil {
		return nil, err
	}
	revision := uint64(0)
	if c.IfMatch != "" && c.IfMatch != "*" {
		current, err := s.document(ctx, v, true)
		if err != nil {
			return nil, err
		}
		if !current.Matches(c.IfMatch) {
			return nil, refuse.Because(refuse.Stale, "the waiver is another than If-Match names; read it again")
		}
		revision = e.Revision
	}
	before, after, err := do(s.o.Waivers, ctx, deed(c, why), id, revision)
	if err != nil {
		return nil, err
	}
	c.wrote(id, before.Waiver, after.Waiver)
	return s.private(ctx, http.StatusOK, "", read.WaiverView(after.Waiver, s.o.Clock()))
}

func deed(c Caller, note string) waiver.Act {
	return waiver.Act{By: c.ID, Name: c.Name, Note: note}
}
