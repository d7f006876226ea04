package rest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/document"
)

// Code classifies what went wrong in a function passed in through Options.
type Code string

// Codes, each answered with the status beside it.
const (
	CodeInvalid     Code = "invalid"     // 422
	CodeForbidden   Code = "forbidden"   // 403
	CodeNotFound    Code = "not-found"   // 404
	CodeConflict    Code = "conflict"    // 409
	CodeTooLarge    Code = "too-large"   // 413
	CodeUnavailable Code = "unavailable" // 503
)

// Error is an error that callers of the API may see. Any other error is answered with 500 and no detail.
type Error struct {
	Code     Code
	Detail   string             // for the caller
	Problems []document.Problem // places in the body
	Err      error              // for the log
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Code) + ": " + e.Detail + ": " + e.Err.Error()
	}
	return string(e.Code) + ": " + e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failure is an error with its HTTP status.
type failure struct {
	status int
	detail string
	errors []gen.ProblemError
	header http.Header
	cause  error
}

func (f *failure) Error() string {
	s := strconv.Itoa(f.status) + " " + f.detail
	if f.cause != nil {
		s += ": " + f.cause.Error()
	}
	return s
}

func (f *failure) Unwrap() error { return f.cause }

func fail(status int, detail string, errs ...gen.ProblemError) *failure {
	return &failure{status: status, detail: detail, errors: errs}
}

func badParameter(name, detail string) *failure {
	return fail(http.StatusBadRequest, "a parameter is not valid", gen.ProblemError{Parameter: name, Detail: detail})
}

// typeNames are the last words of the problem types' URNs.
func typeName(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "invalid"
	case http.StatusUnauthorized:
		return "unauthorised"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "not-found"
	case http.StatusMethodNotAllowed:
		return "method-not-allowed"
	case http.StatusConflict:
		return "conflict"
	case http.StatusPreconditionFailed:
		return "precondition-failed"
	case http.StatusRequestEntityTooLarge:
		return "too-large"
	case http.StatusUnsupportedMediaType:
		return "unsupported-media-type"
	case http.StatusUnprocessableEntity:
		return "unprocessable"
	case http.StatusTooManyRequests:
		return "rate-limited"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	if status < http.StatusInternalServerError {
		return "request"
	}
	return "internal"
}

// toFailure finds the status and the words for the caller. What it does not know becomes 500 without detail.
func toFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var own *Error
	if errors.As(err, &own) {
		return ownFailure(own)
	}
	var refused *refuse.Error
	if errors.As(err, &refused) {
		return refusal(refused)
	}
	var syntax *filter.Error
	if errors.As(err, &syntax) {
		return fail(http.StatusBadRequest, "the filter is not valid", gen.ProblemError{
			Parameter: "filter", Position: syntax.Position, Detail: syntax.What, Remedy: syntax.Remedy,
		})
	}
	var missing *read.NotFound
	if errors.As(err, &missing) {
		if missing.Nearest == "" {
			return fail(http.StatusNotFound, missing.Error())
		}
		return fail(http.StatusNotFound, missing.Error(), gen.ProblemError{
			Parameter: missing.Kind, Detail: "the name is not known", Remedy: fmt.Sprintf("did you mean %q?", missing.Nearest),
		})
	}
	var bad *read.ParameterError
	if errors.As(err, &bad) {
		return badParameter(bad.Name, bad.Detail)
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return fail(http.StatusRequestEntityTooLarge, "the body is larger than "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes")
	}
	var he *echo.HTTPError
	if errors.As(err, &he) {
		return echoFailure(he)
	}
	if errs := validationErrors(err); errs != nil {
		return requestFailure(err, errs)
	}
	return &failure{status: http.StatusInternalServerError, detail: "the server failed to answer; the request id helps to find out why", cause: err}
}

func ownFailure(e *Error) *failure {
	f := &failure{detail: e.Detail, errors: problemErrors(e.Problems), cause: e.Err}
	switch e.Code {
	case CodeInvalid:
		f.status = http.StatusUnprocessableEntity
	case CodeForbidden:
		f.status = http.StatusForbidden
	case CodeNotFound:
		f.status = http.StatusNotFound
	case CodeConflict:
		f.status = http.StatusConflict
	case CodeTooLarge:
		f.status = http.StatusRequestEntityTooLarge
	case CodeUnavailable:
		f.status = http.StatusServiceUnavailable
		f.header = http.Header{"Retry-After": {"5"}}
	default:
		f.status, f.detail = http.StatusInternalServerError, "the server failed to answer; the request id helps to find out why"
	}
	return f
}

func problemErrors(problems []document.Problem) []gen.ProblemError {
	out := make([]gen.ProblemError, 0, len(problems))
	for _, p := range problems {
		out = append(out, gen.ProblemError{Pointer: p.Path, Line: p.Line, Column: p.Column, Detail: p.What, Remedy: p.Remedy})
	}
	return out
}

// echoFailure keeps the words of echo and of the generated binder, which repeat nothing but the parameter's name and type.
func echoFailure(he *echo.HTTPError) *failure {
	switch he.Code {
	case http.StatusNotFound:
		return fail(he.Code, "there is nothing at this address")
	case http.StatusMethodNotAllowed:
		return fail(he.Code, "the address does not take this method")
	case http.StatusUnsupportedMediaType:
		return fail(he.Code, "the body's media type is not one this address takes")
	case http.StatusRequestEntityTooLarge:
		return fail(he.Code, "the body is too large")
	}
	if he.Code >= http.StatusInternalServerError || he.Code < http.StatusBadRequest {
		return &failure{status: http.StatusInternalServerError, detail: "the server failed to answer; the request id helps to find out why", cause: he}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(he.Internal, &tooLarge) {
		return fail(http.StatusRequestEntityTooLarge, "the body is too large")
	}
	return &failure{status: he.Code, detail: "the request cannot be read", cause: he}
}

// validationErrors lists the single errors of a rejected request, nil when err is none of the validator's. The kinds nest
// in each other and answer As for what they hold, so that only the outermost type tells which one it is.
func validationErrors(err error) []*openapi3filter.RequestError {
	switch e := err.(type) { //nolint:errorlint // see above
	case openapi3.MultiError:
		var out []*openapi3filter.RequestError
		for _, x := range e {
			out = append(out, validationErrors(x)...)
		}
		return out
	case *openapi3filter.RequestError:
		return []*openapi3filter.RequestError{e}
	}
	return nil
}

func requestFailure(err error, errs []*openapi3filter.RequestError) *failure {
	f := &failure{status: http.StatusBadRequest, detail: "the request does not follow the contract", cause: err}
	for _, re := range errs {
		if re.Parameter == nil && strings.Contains(re.Reason, "Content-Type") {
			return fail(http.StatusUnsupportedMediaType, "the body's media type is not one this address takes")
		}
		var tooLarge *http.MaxBytesError
		if errors.As(re.Err, &tooLarge) {
			return fail(http.StatusRequestEntityTooLarge, "the body is too large")
		}
		f.errors = append(f.errors, requestError(re)...)
	}
	return f
}

func requestError(re *openapi3filter.RequestError) []gen.ProblemError {
	name := ""
	if re.Parameter != nil {
		name = re.Parameter.Name
	}
	var out []gen.ProblemError
	for _, se := range schemaErrors(re.Err) {
		pe := gen.ProblemError{Parameter: name, Detail: se.Reason, Remedy: remedy(re.Parameter)}
		if name == "" {
			pe.Pointer = "/" + strings.Join(se.JSONPointer(), "/")
		}
		switch {
		case se.SchemaField == "format" && se.Schema.Format == "date-time":
			pe.Detail, pe.Remedy = "it is no instant", "write it with its zone, like 2026-11-20T08:00:00Z"
		case se.SchemaField == "pattern":
			// The expression is for programs; what a person is told is what the contract says of the parameter, if it does.
			pe.Detail, pe.Remedy = "the value does not have the form that it must have", cmp.Or(pe.Remedy, "it must match "+se.Schema.Pattern)
		}
		out = append(out, pe)
	}
	if out != nil {
		return out
	}
	detail := re.Reason
	switch {
	case errors.Is(re.Err, openapi3filter.ErrInvalidRequired):
		detail = "a value is needed"
	case errors.Is(re.Err, openapi3filter.ErrInvalidEmptyValue):
		detail = "the value is empty"
	case name != "":
		detail = "the value cannot be read as the contract's type"
	case detail == "":
		detail = "the body cannot be read"
	}
	return []gen.ProblemError{{Parameter: name, Detail: detail, Remedy: remedy(re.Parameter)}}
}

// remedy is what the contract says of a parameter, "" of a body.
func remedy(p *openapi3.Parameter) string {
	if p == nil {
		return ""
	}
	if p.Schema != nil && p.Schema.Value.Type.Is(openapi3.TypeInteger) {
		return "write a whole number"
	}
	return p.Description
}

func schemaErrors(err error) []*openapi3.SchemaError {
	switch e := err.(type) { //nolint:errorlint // as in validationErrors
	case openapi3.MultiError:
		var out []*openapi3.SchemaError
		for _, x := range e {
			out = append(out, schemaErrors(x)...)
		}
		return out
	case *openapi3.SchemaError:
		return []*openapi3.SchemaError{e}
	}
	return nil
}

// writeProblem answers with application/problem+json.
func writeProblem(w http.ResponseWriter, r *http.Request, f *failure, requestID string) error {
	p := gen.Problem{
		Type: "urn:meridian:problem:" + typeName(f.status), Title: http.StatusText(f.status), Status: f.status,
		Detail: f.detail, Instance: r.URL.Path, RequestId: requestID, Errors: f.errors,
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	h := w.Header()
	for k, v := range f.header {
		h[k] = v
	}
	for _, k := range []string{"ETag", "Content-Encoding", "Content-Length", "Last-Modified", "Content-Disposition"} {
		h.Del(k)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(f.status)
	_, err = w.Write(append(body, '\n'))
	return err
}

// tooMany refuses a caller who has to wait; nobody has to for 0.
func tooMany(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	f := fail(http.StatusTooManyRequests, "too many requests; try again later")
	f.header = retryAfter(wait)
	return f
}
