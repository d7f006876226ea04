package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/seal"
)

const csrfHeader = "X-CSRF-Token"

// SessionKeySize is the length of Options.SessionKey.
const SessionKeySize = seal.KeySize

func (a *api) me(p *Principal, csrf *string, expires *time.Time) gen.Me {
	me := gen.Me{Id: p.ID, Name: p.Name, Role: accessRole(p.Role), AllSites: p.Sites == nil, Sites: []string{}, CsrfToken: csrf, Expires: expires, Version: a.Version}
	me.Sites = append(me.Sites, p.Sites...)
	return me
}

// GetMe implements the contract.
func (a *api) GetMe(ctx context.Context, _ gen.GetMeRequestObject) (gen.GetMeResponseObject, error) {
	c := callOf(ctx)
	if c.cookie == "" {
		return a.private(ctx, http.StatusOK, a.me(&c.principal, nil, nil))
	}
	csrf := a.sessions.CSRF(c.cookie)
	return a.private(ctx, http.StatusOK, a.me(&c.principal, &csrf, &c.expires))
}

// CreateSession implements the contract.
func (a *api) CreateSession(ctx context.Context, req gen.CreateSessionRequestObject) (gen.CreateSessionResponseObject, error) {
	c := callOf(ctx)
	if c.request.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return nil, fail(http.StatusForbidden, "a session begins on this site's own pages")
	}
	principal, err := a.authenticate(ctx, req.Body.Token)
	if err != nil {
		return nil, err
	}
	c.principal = principal
	expires := a.Clock().Add(a.sessions.TTL()).UTC().Truncate(time.Second)
	value, err := a.sessions.Seal(req.Body.Token, expires)
	if err != nil {
		return nil, err
	}
	csrf := a.sessions.CSRF(value)
	r, err := a.private(ctx, http.StatusCreated, a.me(&principal, &csrf, &expires))
	if err != nil {
		return nil, err
	}
	r.setCookie = a.sessions.Cookie(value, int(a.sessions.TTL()/time.Second), c.request.TLS != nil)
	return r, nil
}

// DeleteSession implements the contract.
func (a *api) DeleteSession(ctx context.Context, _ gen.DeleteSessionRequestObject) (gen.DeleteSessionResponseObject, error) {
	c := callOf(ctx)
	return &reply{call: c, status: http.StatusNoContent, setCookie: a.sessions.Cookie("", -1, c.request.TLS != nil)}, nil
}
