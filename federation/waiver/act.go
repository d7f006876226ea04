package waiver

import (
	"time"

	"github.com/meridian-federation/meridian/federation/refuse"
)

// Approve puts a requested waiver in force at by.At. Who requested it may not approve it, with whichever token.
func (w Waiver) Approve(by Act, limits Limits) (Waiver, error) {
	by.At = w.after(by.At)
	if err := w.waits(by.At); err != nil {
		return Waiver{}, err
	}
	if w.d.Requested.SamePerson(by) {
		return Waiver{}, refuse.Because(refuse.Forbidden, "who requested a waiver may not approve it; ask another approver")
	}
	if err := tooLong(&w.d, by.At, limits); err != nil {
		return Waiver{}, err
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
		return refuse.Because(refuse.Conflict, "the waiver is "+string(state)+" and waits for nobody")
	}
	return nil
}

// Withdraw takes a waiver back that is requested or in force.
func (w Waiver) Withdraw(by Act) (Waiver, error) {
	by.At = w.after(by.At)
	if state := w.At(by.At); state != Requested && state != Approved {
		return Waiver{}, refuse.Because(refuse.Conflict, "the waiver is "+string(state)+" already")
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
