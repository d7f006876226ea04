package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/limit"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/enrol"
)

// Enrolments are the enrolments of planners; *enrol.Service is one.
type Enrolments interface {
	List() []enrol.Enrolment
	Get(ctx context.Context, id string) (enrol.Enrolment, error)
	Request(ctx context.Context, by enrol.Person, site string, ttl time.Duration, note string) (enrol.Enrolment, string, error)
	Approve(ctx context.Context, by enrol.Person, id string) (enrol.Enrolment, error)
	Revoke(ctx context.Context, by enrol.Person, id, reason string) (enrol.Enrolment, error)
	Join(ctx context.Context, j enrol.Join) (enrol.Credential, error)
	Renew(ctx context.Context, r enrol.Renewal) (enrol.Credential, error)
}

// joinFailures bounds how often an address may offer a token or a signature that is not good. A token has 256 random bits;
// the bound keeps guessing from becoming load.
func joinFailures() limit.Rate { return limit.Rate{PerSecond: 1.0 / 30, Burst: 10} }

func (a *api) enrolments() (Enrolments, error) {
	if a.Enrolments == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server enrols no planners: it was given no keys of the message bus"}
	}
	return a.Enrolments, nil
}

// ListEnrolments implements the contract.
func (a *api) ListEnrolments(ctx context.Context, req gen.ListEnrolmentsRequestObject) (gen.ListEnrolmentsResponseObject, error) {
	e, err := a.enrolments()
	if err != nil {
		return nil, err
	}
	found := e.List()
	list := make([]gen.Enrolment, len(found))
	for i := range found {
		list[i] = enrolmentView(&found[i])
	}
	s := a.snapshot(callOf(ctx))
	v, err := s.Enrolments(list, read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// GetEnrolment implements the contract.
func (a *api) GetEnrolment(ctx context.Context, req gen.GetEnrolmentRequestObject) (gen.GetEnrolmentResponseObject, error) {
	e, err := a.enrolment(ctx, req.Enrolment)
	if err != nil {
		return nil, err
	}
	return a.own(ctx, a.snapshot(callOf(ctx)), enrolmentView(e))
}

// enrolment reads one that the caller may see; another one does not exist for it.
func (a *api) enrolment(ctx context.Context, id string) (*enrol.Enrolment, error) {
	service, err := a.enrolments()
	if err != nil {
		return nil, err
	}
	e, err := service.Get(ctx, id)
	if err != nil {
		return nil, enrolFailure(err)
	}
	if !callOf(ctx).scope.Allows(e.Site) {
		return nil, fail(http.StatusNotFound, "there is no such enrolment")
	}
	return &e, nil
}

// CreateEnrolment implements the contract.
func (a *api) CreateEnrolment(ctx context.Context, req gen.CreateEnrolmentRequestObject) (gen.CreateEnrolmentResponseObject, error) {
	service, err := a.enrolments()
	if err != nil {
		return nil, err
	}
	c := callOf(ctx)
	c.entry.Site, c.entry.Why = req.Body.Site, req.Body.Note
	if !c.scope.Allows(req.Body.Site) {
		return nil, fail(http.StatusForbidden, "the token's scope does not include the site "+req.Body.Site)
	}
	var ttl time.Duration
	if req.Body.ExpiresIn != "" {
		if ttl, err = time.ParseDuration(req.Body.ExpiresIn); err != nil {
			return nil, fail(http.StatusUnprocessableEntity, "the enrolment cannot be requested", gen.ProblemError{
				Pointer: "/expiresIn", Detail: "this is no duration", Remedy: "write it like 24h or 90m",
			})
		}
	}
	e, token, err := service.Request(ctx, person(c), req.Body.Site, ttl, req.Body.Note)
	if err != nil {
		return nil, enrolFailure(err)
	}
	c.wrote(e.ID, nil, enrolmentView(&e))
	r, err := a.private(ctx, http.StatusCreated, gen.EnrolmentToken{Enrolment: enrolmentView(&e), Token: token})
	if err != nil {
		return nil, err
	}
	r.location = basePath + "/enrolments/" + e.ID
	return r, nil
}

// ApproveEnrolment implements the contract.
func (a *api) ApproveEnrolment(ctx context.Context, req gen.ApproveEnrolmentRequestObject) (gen.ApproveEnrolmentResponseObject, error) {
	c := callOf(ctx)
	c.entry.Target = req.Enrolment
	before, err := a.enrolment(ctx, req.Enrolment)
	if err != nil {
		return nil, err
	}
	c.entry.Site = before.Site
	e, err := a.Enrolments.Approve(ctx, person(c), req.Enrolment)
	if err != nil {
		return nil, enrolFailure(err)
	}
	c.wrote(e.ID, enrolmentView(before), enrolmentView(&e))
	return a.private(ctx, http.StatusOK, enrolmentView(&e))
}

// RevokeEnrolment implements the contract.
func (a *api) RevokeEnrolment(ctx context.Context, req gen.RevokeEnrolmentRequestObject) (gen.RevokeEnrolmentResponseObject, error) {
	c := callOf(ctx)
	c.entry.Target, c.entry.Why = req.Enrolment, req.Body.Reason
	before, err := a.enrolment(ctx, req.Enrolment)
	if err != nil {
		return nil, err
	}
	c.entry.Site = before.Site
	e, err := a.Enrolments.Revoke(ctx, person(c), req.Enrolment, req.Body.Reason)
	if err != nil {
		return nil, enrolFailure(err)
	}
	c.wrote(e.ID, enrolmentView(before), enrolmentView(&e))
	return a.private(ctx, http.StatusOK, enrolmentView(&e))
}

// Join implements the contract.
func (a *api) Join(ctx context.Context, req gen.JoinRequestObject) (gen.JoinResponseObject, error) {
	callOf(ctx).entry.Site = req.Body.Site
	return a.credential(ctx, func(service Enrolments, remote string) (enrol.Credential, error) {
		return service.Join(ctx, enrol.Join{
			Token: req.Body.Token, Site: req.Body.Site, PublicKey: req.Body.PublicKey, Signature: req.Body.Signature, Remote: remote,
		})
	})
}

// RenewCredential implements the contract.
func (a *api) RenewCredential(ctx context.Context, req gen.RenewCredentialRequestObject) (gen.RenewCredentialResponseObject, error) {
	callOf(ctx).entry.Target = req.Body.Enrolment
	return a.credential(ctx, func(service Enrolments, remote string) (enrol.Credential, error) {
		return service.Renew(ctx, enrol.Renewal{
			Enrolment: req.Body.Enrolment, OldKey: req.Body.OldKey, NewKey: req.Body.NewKey, At: req.Body.At,
			Signature: req.Body.Signature, Proof: req.Body.Proof, Remote: remote,
		})
	})
}

func (a *api) credential(ctx context.Context, get func(Enrolments, string) (enrol.Credential, error)) (*reply, error) {
	service, err := a.enrolments()
	if err != nil {
		return nil, err
	}
	remote := callOf(ctx).remote
	if err := tooMany(a.joins.Peek(remote, a.Clock())); err != nil {
		return nil, err
	}
	c, err := get(service, remote)
	var refused *enrol.Error
	if errors.As(err, &refused) && refused.Kind == enrol.Unauthorised {
		if err := tooMany(a.joins.Take(remote, a.Clock())); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, enrolFailure(err)
	}
	// The planner is who joins: it has no token, and its credential stays out of the audit.
	ca := callOf(ctx)
	ca.principal = Principal{ID: "planner-" + c.Enrolment, Name: "planner of " + c.Site}
	ca.entry.Site = c.Site
	ca.wrote(c.Enrolment, nil, map[string]any{"enrolment": c.Enrolment, "site": c.Site, "expires": c.Expires})
	return a.private(ctx, http.StatusOK, gen.PlannerCredential{
		Enrolment: c.Enrolment, Site: c.Site, Jwt: c.JWT, Expires: c.Expires, RenewFrom: c.RenewFrom, Nats: c.NATS, NatsAuthority: c.NATSAuthority,
	})
}

func person(c *call) enrol.Person { return enrol.Person{ID: c.principal.ID, Name: c.principal.Name} }

func act(a *enrol.Act) gen.Act {
	if a == nil {
		return gen.Act{}
	}
	return gen.Act{By: a.By, Name: a.Name, At: a.At}
}

func enrolmentView(e *enrol.Enrolment) gen.Enrolment {
	v := gen.Enrolment{
		Id: e.ID, Site: e.Site, State: gen.EnrolmentState(e.State), Note: e.Note, Requested: act(&e.Requested), Approved: act(e.Approved), Joined: e.Joined,
		Revoked: act(e.Revoked), Reason: e.Reason, TokenExpires: e.TokenExpires, Expires: e.Expires(),
	}
	for _, k := range e.Keys {
		v.Keys = append(v.Keys, gen.PlannerKey{Public: k.Public, Issued: k.Issued, Expires: k.Expires})
	}
	return v
}

func enrolFailure(err error) error {
	var e *enrol.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case enrol.Invalid:
		return &Error{Code: CodeInvalid, Detail: e.Detail, Err: e.Err}
	case enrol.Unauthorised:
		return fail(http.StatusUnauthorized, e.Detail)
	case enrol.Forbidden:
		return &Error{Code: CodeForbidden, Detail: e.Detail, Err: e.Err}
	case enrol.NotFound:
		return &Error{Code: CodeNotFound, Detail: e.Detail, Err: e.Err}
	case enrol.Conflict:
		return &Error{Code: CodeConflict, Detail: e.Detail, Err: e.Err}
	case enrol.Unavailable:
		return &Error{Code: CodeUnavailable, Detail: e.Detail, Err: e.Err}
	}
	return err
}

func (r *reply) VisitListEnrolmentsResponse(w http.ResponseWriter) error   { return r.write(w) }
func (r *reply) VisitGetEnrolmentResponse(w http.ResponseWriter) error     { return r.write(w) }
func (r *reply) VisitCreateEnrolmentResponse(w http.ResponseWriter) error  { return r.write(w) }
func (r *reply) VisitApproveEnrolmentResponse(w http.ResponseWriter) error { return r.write(w) }
func (r *reply) VisitRevokeEnrolmentResponse(w http.ResponseWriter) error  { return r.write(w) }
func (r *reply) VisitJoinResponse(w http.ResponseWriter) error             { return r.write(w) }
func (r *reply) VisitRenewCredentialResponse(w http.ResponseWriter) error  { return r.write(w) }
