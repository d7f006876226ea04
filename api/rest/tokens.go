package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/access"
	"github.com/meridian-federation/meridian/federation/waiver"
)

// AccessTokens keep the tokens that are made at run time; *access.Service is one. They are taken when Auth takes them.
type AccessTokens interface {
	List() []access.Token
	Create(ctx context.Context, by access.Act, r access.Request) (access.Token, string, error)
	Revoke(ctx context.Context, by access.Act, id, why string) (before, after access.Token, err error)
}

func (a *api) tokens(ctx context.Context) (AccessTokens, error) {
	if a.Tokens == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server makes no tokens; those of its configuration file are in force"}
	}
	return a.Tokens, wholeFederation(callOf(ctx), "the list of tokens")
}

// ListTokens implements the contract.
func (a *api) ListTokens(ctx context.Context, req gen.ListTokensRequestObject) (gen.ListTokensResponseObject, error) {
	service, err := a.tokens(ctx)
	if err != nil {
		return nil, err
	}
	found := service.List()
	list := make([]gen.ApiToken, len(found))
	for i := range found {
		list[i] = a.tokenView(&found[i])
	}
	s := a.snapshot(callOf(ctx))
	v, err := s.Tokens(list, read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, v)
}

// CreateToken implements the contract.
func (a *api) CreateToken(ctx context.Context, req gen.CreateTokenRequestObject) (gen.CreateTokenResponseObject, error) {
	c := callOf(ctx)
	c.entry.Why = req.Body.Note
	service, err := a.tokens(ctx)
	if err != nil {
		return nil, err
	}
	var ttl time.Duration
	if req.Body.ExpiresIn != "" {
		if ttl, err = time.ParseDuration(req.Body.ExpiresIn); err != nil {
			return nil, fail(http.StatusUnprocessableEntity, "the token cannot be made", gen.ProblemError{Pointer: "/expiresIn", Detail: "this is no duration", Remedy: "write it like 2160h"})
		}
	}
	if !slices.Contains(Roles(), Role(req.Body.Role)) {
		return nil, fail(http.StatusUnprocessableEntity, "there is no such role")
	}
	t, secret, err := service.Create(ctx, access.Act(deed(c, "")), access.Request{Name: req.Body.Name, Role: string(req.Body.Role), Scope: req.Body.Scope, TTL: ttl, Note: req.Body.Note})
	if err != nil {
		return nil, accessFailure(err)
	}
	v := a.tokenView(&t)
	c.wrote(t.ID, nil, v)
	return a.private(ctx, http.StatusCreated, gen.TokenSecret{Token: v, Secret: secret})
}

// RevokeToken implements the contract.
func (a *api) RevokeToken(ctx context.Context, req gen.RevokeTokenRequestObject) (gen.RevokeTokenResponseObject, error) {
	c := callOf(ctx)
	c.entry.Target, c.entry.Why = req.Token, req.Body.Reason
	service, err := a.tokens(ctx)
	if err != nil {
		return nil, err
	}
	before, after, err := service.Revoke(ctx, access.Act(deed(c, "")), req.Token, req.Body.Reason)
	if err != nil {
		return nil, accessFailure(err)
	}
	v := a.tokenView(&after)
	c.wrote(req.Token, a.tokenView(&before), v)
	return a.private(ctx, http.StatusOK, v)
}

func (a *api) tokenView(t *access.Token) gen.ApiToken {
	v := gen.ApiToken{Id: t.ID, Name: t.Name, Role: gen.AccessRole(t.Role), Scope: t.Scope, Created: waiver.Act(t.Created), Expires: t.Expires, State: "good"}
	switch {
	case t.Revoked != nil:
		v.State, v.Revoked = "revoked", waiver.Act(*t.Revoked)
	case !t.Good(a.Clock()):
		v.State = "expired"
	}
	return v
}

func accessFailure(err error) error {
	var e *access.Error
	if !errors.As(err, &e) {
		return err
	}
	out := &Error{Detail: e.Detail, Err: e.Err}
	switch e.Code {
	case access.CodeInvalid:
		out.Code = CodeInvalid
	case access.CodeNotFound:
		out.Code = CodeNotFound
	case access.CodeConflict:
		out.Code = CodeConflict
	case access.CodeUnavailable:
		out.Code = CodeUnavailable
	}
	return out
}

func (r *reply) VisitListTokensResponse(w http.ResponseWriter) error  { return r.write(w) }
func (r *reply) VisitCreateTokenResponse(w http.ResponseWriter) error { return r.write(w) }
func (r *reply) VisitRevokeTokenResponse(w http.ResponseWriter) error { return r.write(w) }
