// Package refuse is how the parts of the federation that people write to say no: a code, words for the caller, the places in
// what was sent, and the cause for the log. api/rest answers it with a status; any other error is internal.
package refuse

import "github.com/meridian-federation/meridian/planner/document"

// Code classifies a refusal.
type Code string

// Codes.
const (
	Invalid     Code = "invalid"
	Forbidden   Code = "forbidden"
	NotFound    Code = "not-found"
	Conflict    Code = "conflict"    // the state does not allow it
	Stale       Code = "stale"       // something else than the caller named is in force
	Unavailable Code = "unavailable" // try again later
)

// Error is an error the caller may see.
type Error struct {
	Code     Code
	Detail   string
	Problems []document.Problem
	Err      error // for the log
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Because makes a refusal.
func Because(code Code, detail string, problems ...document.Problem) *Error {
	return &Error{Code: code, Detail: detail, Problems: problems}
}
