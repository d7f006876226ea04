package waiver

import (
	"time"
)

// Code classifies an error for the caller.
type Code string

// Codes of Error.
const (
	CodeInvalid     Code = "invalid"
	CodeForbidden   Code = "forbidden"
	CodeNotFound    Code = "not-found"
	CodeConflict    Code = "conflict" // the state does not allow it, or the waiver was changed meanwhile
	CodeStale       Code = "stale"    // another revision than the caller named is in force
	CodeUnavailable Code = "unavailable"
)

// Error is an error the caller may see.
type Error struct {
	Code   Code
	Detail string
	Err    error // for the log, or *Invalid
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

func refuse(code Code, detail string) error { return &Error{Code: code, Detail: detail} }

// Approve puts a requested waiver in force at by.At. Who requested it may not approve it.
func (w Waiver) Approve(by Act, limits Limits) (Waiver, error) {
	by.At = w.after(by.At)
	if err := w.waits(by.At); err != nil {
		return Waiver{}, err
	}
	if w.d.Requested.By == by.By {
		return Waiver{}, refuse(CodeForbidden, "who requested a waiver may not approve it; ask another approver")
	}
	if err := tooLong(&w.d, by.At, limits); err != nil {
		return Waiver{}, &Error{Code: CodeInvalid, Detail: "the waiver cannot be approved", Err: err}
	}
	d := w.d
	d.State, d.Decided = Approved, &by
	return of(d)
}

// Reject refuses a requested waiver for good.
func (w Waiver) Reject(by Act) (Waiver, error) {
	by.At = w.after(by.At)
	if err := w.waits(by.At); err != nil {
		return Waiver{}, err
	}
	d := w.d
	d.State, d.Decided = Rejected, &by
	return of(d)
}

func (w Waiver) waits(at time.Time) error {
	if state := w.At(at); state != Requested {
		return refuse(CodeConflict, "the waiver is "+string(state)+" and waits for nobody")
	}
	return nil
}

// Withdraw takes a waiver back that is requested or in force.
func (w Waiver) Withdraw(by Act) (Waiver, error) {
	by.At = w.after(by.At)
	if state := w.At(by.At); state != Requested && state != Approved {
		return Waiver{}, refuse(CodeConflict, "the waiver is "+string(state)+" already")
	}
	d := w.d
	d.State, d.Withdrawn = Withdrawn, &by
	return of(d)
}

// after keeps the acts of a waiver in the order in which they happened although the clocks of two replicas differ.
func (w Waiver) after(at time.Time) time.Time {
	last := w.d.Requested.At
	if w.d.Decided != nil {
		last = w.d.Decided.At
	}
	if !at.After(last) {
		return last.Add(1)
	}
	return at.UTC()
}
