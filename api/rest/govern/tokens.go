package govern

import (
	"context"
	"net/http"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/access"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/document"
)

// AccessTokens keep the tokens that are made at run time; *access.Service is one. They are taken when Auth takes them.
type AccessTokens interface {
	List() []access.Token
	Create(ctx context.Context, by access.Act, r access.Request) (access.Token, string, error)
	Revoke(ctx context.Context, by access.Act, id, why string) (before, after access.Token, err error)
}

func (s *Server) tokens(ctx context.Context) (AccessTokens, error) {
	if s.o.Tokens == nil {
		return nil, refuse.Because(refuse.Unavailable, "this server makes no tokens; those of its configuration file are in force")
	}
	return s.o.Tokens, wholeFederation(s.o.Caller(ctx), "the list of tokens")
}

// ListTokens implements the contract.
func (s *Server) ListTokens(ctx context.Context, req gen.ListTokensRequestObject) (gen.ListTokensResponseObject, error) {
	service, err := s.tokens(ctx)
	if err != nil {
		return nil, err
	}
	found := service.List()
	list := make([]gen.ApiToken, len(found))
	for i := range found {
		list[i] = s.tokenView(&found[i])
	}
	snap := s.o.Snapshot(ctx)
	v, err := snap.Tokens(list, read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return s.document(ctx, v, false)
}

// CreateToken implements the contract.
func (s *Server) CreateToken(ctx context.Context, req gen.CreateTokenRequestObject) (gen.CreateTokenResponseObject, error) {
	c := s.o.Caller(ctx)
	c.Entry.Why = req.Body.Note
	service, err := s.tokens(ctx)
	if err != nil {
		return nil, err
	}
	var ttl time.Duration
	if req.Body.ExpiresIn != "" {
		if ttl, err = time.ParseDuration(req.Body.ExpiresIn); err != nil {
			return nil, refuse.Because(refuse.Invalid, "the token cannot be made", document.Problem{Path: "/expiresIn", What: "this is no duration", Remedy: "write it like 2160h"})
		}
	}
	t, secret, err := service.Create(ctx, deed(c, ""), access.Request{Name: req.Body.Name, Role: string(req.Body.Role), Scope: req.Body.Scope, TTL: ttl, Note: req.Body.Note})
	if err != nil {
		return nil, err
	}
	v := s.tokenView(&t)
	c.wrote(t.ID, nil, v)
	return s.private(ctx, http.StatusCreated, "", gen.TokenSecret{Token: v, Secret: secret})
}

// RevokeToken implements the contract.
func (s *Server) RevokeToken(ctx context.Context, req gen.RevokeTokenRequestObject) (gen.RevokeTokenResponseObject, error) {
	c := s.o.Caller(ctx)
	c.Entry.Target, c.Entry.Why = req.Token, req.Body.Reason
	service, err := s.tokens(ctx)
	if err != nil {
		return nil, err
	}
	before, after, err := service.Revoke(ctx, deed(c, ""), req.Token, req.Body.Reason)
	if err != nil {
		return nil, err
	}
	v := s.tokenView(&after)
	c.wrote(req.Token, s.tokenView(&before), v)
	return s.private(ctx, http.StatusOK, "", v)
}

func (s *Server) tokenView(t *access.Token) gen.ApiToken {
	v := gen.ApiToken{Id: t.ID, Name: t.Name, Role: gen.AccessRole(t.Role), Scope: t.Scope, Created: t.Created, Expires: t.Expires, State: "good"}
	switch {
	case t.Revoked != nil:
		v.State, v.Revoked = "revoked", *t.Revoked
	case !t.Good(s.o.Clock()):
		v.State = "expired"
	}
	return v
}
