package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/audit"
)

// call is what the middleware knows about one request. It lives as long as the request.
type call struct {
	request   *http.Request
	requestID string
	remote    string // address without port
	principal Principal
	scope     read.Scope
	cookie    string      // the session cookie, "" for a bearer token
	expires   time.Time   // of the session
	guarded   bool        // the operation's guard has let it pass
	entry     audit.Entry // of a write, for the audit
	cacheKey  string      // "" when the answer may not be cached
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callOf returns the request's call. A handler reached without the middleware sees nothing: the zero scope allows no site.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{request: &http.Request{Header: http.Header{}}}
}
