// Package resttest offers a federation in memory for tests of the REST server and of its clients: a View over given
// records and a small sample fleet. It is never part of a running server.
package resttest

import (
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// View is a fleet.View over fixed content.
type View struct {
	At       uint64
	Records  []*fleet.Record // in order of id
	Shared   []*tenancy.Shared
	Rejected []*fleet.Rejection
}

// Index implements fleet.View.
func (v *View) Index() uint64 { return v.At }

// Count implements fleet.View.
func (v *View) Count() int { return len(v.Records) }

// Changed implements fleet.View.
func (v *View) Changed(uint64) ([]string, bool) { return nil, false }

// Site implements fleet.View.
func (v *View) Site(id string) (*fleet.Record, bool) {
	i, ok := slices.BinarySearchFunc(v.Records, id, func(r *fleet.Record, id string) int { return strings.Compare(r.ID, id) })
	if !ok {
		return nil, false
	}
	return v.Records[i], true
}

// Sites implements fleet.View.
func (v *View) Sites(after string) iter.Seq[*fleet.Record] {
	return func(yield func(*fleet.Record) bool) {
		for _, r := range v.Records {
			if r.ID > after && !yield(r) {
				return
			}
		}
	}
}

// Tenancy implements fleet.View.
func (v *View) Tenancy(after string) iter.Seq[*tenancy.Shared] {
	return func(yield func(*tenancy.Shared) bool) {
		for _, s := range v.Shared {
			if s.Infrastructure > after && !yield(s) {
				return
			}
		}
	}
}

// Rejections implements fleet.View.
func (v *View) Rejections() iter.Seq[*fleet.Rejection] { return slices.Values(v.Rejected) }

// Holder holds the current view of a test and lets it change while a server reads.
type Holder struct{ v atomic.Pointer[View] }

// NewHolder returns a holder of v.
func NewHolder(v *View) *Holder {
	h := &Holder{}
	h.Set(v)
	return h
}

// View returns the current view.
func (h *Holder) View() fleet.View { return h.v.Load() }

// Set replaces the view. It must not be changed afterwards.
func (h *Holder) Set(v *View) { h.v.Store(v) }
