// Package client asks a Meridian server over HTTP: typed reads, pages as iterators, and errors by code. It keeps nothing
// and starts no goroutine; the command line and portals written in Go call it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
)

const (
	basePath = "/api/v1"
	// maxAnswer bounds what is read of one answer, so that a wrong server cannot fill the memory.
	maxAnswer = 256 << 20
)

// Options say which server to ask and as whom.
type Options struct {
	Server    string       // base address, for example https://meridian.example.com
	Token     string       // bearer token
	UserAgent string       // "meridian-client" when empty
	HTTP      *http.Client // a client with a timeout of a minute when nil
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base  string
	token string
	agent string
	http  *http.Client
}

// New checks the options. It does not connect.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.Server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, &Error{Code: Invalid, Detail: fmt.Sprintf("%q is no server address; write it like https://meridian.example.com", o.Server), Err: err}
	}
	c := &Client{base: strings.TrimRight(u.Scheme+"://"+u.Host+u.Path, "/"), token: o.Token, agent: o.UserAgent, http: o.HTTP}
	if c.agent == "" {
		c.agent = "meridian-client"
	}
	if c.http == nil {
		c.http = &http.Client{Timeout: time.Minute}
	}
	return c, nil
}

// Code says what went wrong.
type Code string

// Codes of errors.
const (
	Invalid      Code = "invalid"      // the request or its document is wrong
	Unauthorised Code = "unauthorised" // no token, or one that is not accepted
	Forbidden    Code = "forbidden"    // the token's role or scope does not allow it
	NotFound     Code = "not-found"
	Conflict     Code = "conflict"    // it changed since it was read
	Unavailable  Code = "unavailable" // not reachable, overloaded or not ready: try again later
	Internal     Code = "internal"    // the server failed, or what answers is no Meridian server
)

// Error is every error of this package.
type Error struct {
	Code      Code
	Status    int // 0 when no answer came
	Detail    string
	RequestID string             // to find the request in the server's log
	Problems  []gen.ProblemError // places in the parameters or the body
	Err       error
}

// Error implements error: the detail, and each problem on a line of its own.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Detail)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		switch {
		case p.Line > 0:
			fmt.Fprintf(&b, "line %d: ", p.Line)
		case p.Position > 0:
			fmt.Fprintf(&b, "%s, character %d: ", p.Parameter, p.Position)
		case p.Parameter != "":
			b.WriteString(p.Parameter + ": ")
		}
		if p.Pointer != "" {
			b.WriteString(p.Pointer + ": ")
		}
		b.WriteString(p.Detail)
		if p.Remedy != "" {
			b.WriteString("; " + p.Remedy)
		}
	}
	if e.RequestID != "" && e.Code == Internal {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of an error of this package, Internal for any other and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

func codeOf(status int) Code {
	switch status {
	case http.StatusUnauthorized:
		return Unauthorised
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound:
		return NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return Conflict
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Unavailable
	}
	if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
		return Invalid
	}
	return Internal
}

// send asks once. The caller closes the body of an answer that comes without an error; its status is below 300.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body []byte, header http.Header) (*http.Response, error) {
	target := c.base + basePath + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Code: Invalid, Detail: "the request cannot be made", Err: err}
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", c.agent)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &Error{Code: Unavailable, Detail: "the server cannot be reached", Err: err}
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		defer func() { _ = resp.Body.Close() }()
		return nil, c.problem(resp)
	}
	return resp, nil
}

func (c *Client) problem(resp *http.Response) error {
	e := &Error{Code: codeOf(resp.StatusCode), Status: resp.StatusCode, RequestID: resp.Header.Get("X-Request-Id")}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var p gen.Problem
	if kind != "application/problem+json" || json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p) != nil {
		e.Detail = fmt.Sprintf("%s answers %s without a problem document; is it a Meridian server?", c.base, resp.Status)
		if e.Code != Unavailable {
			e.Code = Internal
		}
		return e
	}
	e.Detail, e.Problems = p.Detail, p.Errors
	if e.Detail == "" {
		e.Detail = p.Title
	}
	return e
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	resp, err := c.send(ctx, http.MethodGet, path, query, nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return decode[T](c, resp)
}

func decode[T any](c *Client, resp *http.Response) (*T, error) {
	var v T
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "application/json" {
		return nil, &Error{Code: Internal, Status: resp.StatusCode, Detail: fmt.Sprintf("%s answers with %q instead of JSON; is it a Meridian server?", c.base, kind)}
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&v); err != nil {
		return nil, &Error{Code: Unavailable, Status: resp.StatusCode, Detail: "the answer broke off", Err: err}
	}
	return &v, nil
}
