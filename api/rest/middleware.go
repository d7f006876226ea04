package rest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/seal"
)

const (
	basePath = "/api/v1"
	// maxSmallBody bounds the body of every operation but the inventory.
	maxSmallBody = 64 << 10
	apiPolicy    = "default-src 'none'; frame-ancestors 'none'"
	// pagePolicy allows what the web client needs: its own files, inline styles of its component library, and a worker
	// made from a blob for layouts.
	pagePolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// observe is the outermost middleware: request id, security headers, panics, errors, log and metrics.
func (a *api) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := a.Clock()
		r, w := c.Request(), c.Response()
		ca := &call{request: r, requestID: requestID(r.Header.Get(echo.HeaderXRequestID)), remote: c.RealIP()}
		c.SetRequest(r.WithContext(withCall(r.Context(), ca)))
		ca.request = c.Request()
		secure(w.Header(), r)
		w.Header().Set(echo.HeaderXRequestID, ca.requestID)
		if r.ContentLength != 0 {
			// A caller who sends a body a byte an hour would otherwise hold its connection as long as it likes, signed in or not.
			// What cannot set deadlines, as a recorder in a test, has no such caller.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(a.BodyTime))
		}
		err := a.protect(c, next)
		if err != nil {
			a.respond(c, ca, err)
		}
		a.record(c, ca, err, began)
		return nil
	}
}

func secure(h http.Header, r *http.Request) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if isAPI(r.URL.Path) {
		h.Set("Content-Security-Policy", apiPolicy)
	} else {
		h.Set("Content-Security-Policy", pagePolicy)
	}
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func isAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

// requestID takes the caller's id when it is harmless in a header and a log.
func requestID(given string) string {
	if len(given) > 0 && len(given) <= 64 && strings.IndexFunc(given, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	}) < 0 {
		return given
	}
	return rand.Text()
}

func (a *api) protect(c echo.Context, next echo.HandlerFunc) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler { //nolint:errorlint // the value itself is the signal
				panic(v)
			}
			a.Logger.LogAttrs(c.Request().Context(), slog.LevelError, "panic while answering",
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			err = errors.New("panic")
		}
	}()
	return next(c)
}

func (a *api) respond(c echo.Context, ca *call, err error) {
	if c.Response().Committed {
		return
	}
	f := toFailure(err)
	if f.status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", `Bearer realm="meridian"`)
	}
	if werr := writeProblem(c.Response(), c.Request(), f, ca.requestID); werr != nil {
		a.Logger.LogAttrs(c.Request().Context(), slog.LevelDebug, "answer not delivered", slog.Any("error", werr))
	}
}

func (a *api) record(c echo.Context, ca *call, err error, began time.Time) {
	took := a.Clock().Sub(began)
	status := c.Response().Status
	route := c.Path()
	if route == "" || route == "/*" {
		route = "other"
	}
	a.metrics.Observe(route, c.Request().Method, status, took, route != basePath+"/events")
	level := slog.LevelInfo
	var attrs []slog.Attr
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
		attrs = append(attrs, slog.Any("error", err))
	}
	if !a.Logger.Enabled(c.Request().Context(), level) {
		return
	}
	attrs = append(attrs,
		slog.String("method", c.Request().Method), slog.String("path", c.Request().URL.Path), slog.String("route", route),
		slog.Int("status", status), slog.Int64("bytes", c.Response().Size), slog.Duration("took", took),
		slog.String("requestId", ca.requestID), slog.String("principal", ca.principal.ID), slog.String("remote", c.Request().RemoteAddr))
	a.Logger.LogAttrs(c.Request().Context(), level, "request", attrs...)
}

// operation is what the contract says about one operation.
type operation struct {
	id     string
	roles  []Role
	public bool
	body   bool // takes a body that the validator must not read
}

// guard authenticates, authorises and limits the callers of one operation, and answers from the cache when it can.
func (a *api) guard(op operation, cacheable bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			ca := callOf(ctx)
			if !op.body {
				ca.request.Body = http.MaxBytesReader(c.Response(), ca.request.Body, maxSmallBody)
			}
			if op.public {
				if err := tooMany(a.limits.Take(c.RealIP(), a.Clock())); err != nil {
					return err
				}
				ca.guarded = true
				return next(c)
			}
			if err := a.identify(ctx, ca); err != nil {
				if lerr := tooMany(a.limits.Take(c.RealIP(), a.Clock())); lerr != nil {
					return lerr
				}
				return err
			}
			if err := tooMany(a.limits.Take("token:"+ca.principal.ID, a.Clock())); err != nil {
				return err
			}
			if !slices.Contains(op.roles, ca.principal.Role) {
				return fail(http.StatusForbidden, fmt.Sprintf("the role %s may not do this; it takes one of %s", ca.principal.Role, join(op.roles)))
			}
			ca.guarded = true
			if cacheable && !ca.request.URL.Query().Has("asOf") {
				return a.fromCache(c, ca, next)
			}
			return next(c)
		}
	}
}

// fromCache answers with what an earlier caller with the same scope and query was told of the present index.
func (a *api) fromCache(c echo.Context, ca *call, next echo.HandlerFunc) error {
	ca.cacheKey = ca.scope.Key() + "\n" + ca.request.URL.EscapedPath() + "?" + ca.request.URL.RawQuery
	index := a.View().Index()
	for {
		d, wait, done := a.cache.Get(ca.cacheKey, index)
		switch {
		case d != nil:
			return (&reply{call: ca, status: http.StatusOK, doc: d}).write(c.Response())
		case done != nil:
			defer done()
			return next(c)
		}
		select {
		case <-wait:
		case <-c.Request().Context().Done():
			return &Error{Code: CodeUnavailable, Detail: "the request was given up", Err: c.Request().Context().Err()}
		}
	}
}

// guardedOnly refuses an operation that was registered without its guard.
func guardedOnly(next gen.StrictHandlerFunc, operationID string) gen.StrictHandlerFunc {
	return func(c echo.Context, request any) (any, error) {
		if !callOf(c.Request().Context()).guarded {
			return nil, errors.New("operation " + operationID + " has no guard")
		}
		return next(c, request)
	}
}

func join(roles []Role) string {
	s := make([]string, len(roles))
	for i, r := range roles {
		s[i] = string(r)
	}
	return strings.Join(s, ", ")
}

// identify finds the principal of a request by bearer token or session cookie. A write with the cookie needs its CSRF token.
func (a *api) identify(ctx context.Context, ca *call) error {
	r := ca.request
	token, bearer := "", false
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, value, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return fail(http.StatusUnauthorized, "the Authorization header does not hold a bearer token")
		}
		token, bearer = strings.TrimSpace(value), true
	} else if cookie, err := r.Cookie(seal.CookieName); err == nil {
		var ok bool
		if token, ca.expires, ok = a.sessions.Open(cookie.Value, a.Clock()); !ok {
			return fail(http.StatusUnauthorized, "the session has ended; sign in again")
		}
		ca.cookie = cookie.Value
	}
	if token == "" {
		return fail(http.StatusUnauthorized, "sign in, or send a bearer token")
	}
	if !bearer && r.Method != http.MethodGet && !a.sessions.Valid(ca.cookie, r.Header.Get(csrfHeader)) {
		return fail(http.StatusForbidden, "a write with the session cookie needs the header "+csrfHeader)
	}
	p, err := a.authenticate(ctx, token)
	if err != nil {
		return err
	}
	ca.principal, ca.scope = p, p.scope()
	return nil
}

func (a *api) authenticate(ctx context.Context, token string) (Principal, error) {
	p, err := a.Auth.Authenticate(ctx, token)
	switch {
	case errors.Is(err, ErrUnauthenticated):
		return Principal{}, fail(http.StatusUnauthorized, "the token is not valid")
	case err != nil:
		return Principal{}, &Error{Code: CodeUnavailable, Detail: "tokens cannot be checked at the moment", Err: err}
	case !slices.Contains(Roles(), p.Role):
		return Principal{}, fail(http.StatusForbidden, "the token has no role")
	}
	return p, nil
}

func retryAfter(d time.Duration) http.Header {
	return http.Header{"Retry-After": {strconv.Itoa(int(d/time.Second) + 1)}}
}
