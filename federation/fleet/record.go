// Package fleet keeps the assessments of all sites current: one changed inventory costs in proportion to that site and
// the sites that share infrastructure with it. It defines the record of a site that the state store keeps and that REST
// and reports read. It owns no storage and no transport; the caller passes both.
package fleet

import (
	"iter"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Record is the current view of one site. It is immutable once stored: a change stores a new Record.
type Record struct {
	ID         string
	Revision   string             // revision of Inventory
	Sequence   uint64             // position of the inventory in the stream
	AcceptedAt time.Time          // when the stream accepted the inventory
	Inventory  *inventory.Site    // normalised
	Assessment *assess.Assessment // of exactly Revision; its At may be later than AcceptedAt
	HeardAt    time.Time          // last heartbeat or inventory, whichever was later when Liveness last changed
	Liveness   Liveness
	Entered    Transitions
	Planner    Planner // the planner that sent the inventory, zero when it came over REST
	// Rivals are the instances that speak for the site in turns, sorted, and RivalsSince is when the second was first heard.
	Rivals      []string
	RivalsSince time.Time
	Limited     time.Time // since when the site's inventories are limited, zero when they are not

	judged    judged // what of the planner Assessment rests on
	structure inventory.Structure
}

// Structure is that of the document that Inventory was read from; the zero value is not known.
func (r *Record) Structure() inventory.Structure { return r.structure }

// Transitions are the times at which a site last entered each state of liveness, as the stream's clock gives them; zero for
// never. The latest is the state it is in.
type Transitions struct {
	Live  time.Time `json:"live,omitzero"`
	Late  time.Time `json:"late,omitzero"`
	Stale time.Time `json:"stale,omitzero"`
	Lost  time.Time `json:"lost,omitzero"`
}

// Planner identifies the daemon behind a site.
type Planner struct {
	Version  string
	Instance string // made once per outbox; two instances at work for one site are a mistake worth telling
	Sequence uint64 // grows by one with each revision an instance sends; a lower one than before was sent again
	Protocol int    // of the bus; 0 is not known
	Behind   bool   // older than the hub supports
}

// Liveness says how long ago a site was heard of.
type Liveness string

// States of liveness. Unknown is never live.
const (
	Live  Liveness = "live"
	Late  Liveness = "late"
	Stale Liveness = "stale"
	Lost  Liveness = "lost"
)

// Rejection is an inventory the hub refused, with the reason.
type Rejection struct {
	Site     string            `json:"site"` // of the subject it arrived on
	Revision string            `json:"revision,omitempty"`
	At       time.Time         `json:"at"`
	Reason   string            `json:"reason"` // schema | size | site-mismatch | future | unreadable
	Detail   string            `json:"detail"`
	Problems []RejectedProblem `json:"problems,omitempty"`
	Sequence uint64            `json:"sequence"` // position of the refused message in the inventory stream
}

// RejectedProblem is one problem of a refused document.
type RejectedProblem struct {
	Path   string `json:"path,omitempty"` // JSON pointer
	Line   int    `json:"line,omitempty"`
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"`
}

// View is a consistent read of the whole federation. It stays valid while later changes are committed; hold it briefly.
type View interface {
	// Index grows with every commit; equal indexes mean equal content. Strong ETags are made of it.
	Index() uint64
	// Site returns one site's record.
	Site(id string) (*Record, bool)
	// Sites yields records in order of id, beginning after the given id ("" begins at the start).
	Sites(after string) iter.Seq[*Record]
	// Count is the number of sites.
	Count() int
	// Changed names the sites, in order, whose records are others than at an index at which the same store was read before; not
	// known when that is too long ago, and any site may be another one then.
	Changed(since uint64) (sites []string, known bool)
	// Tenancy yields the infrastructures used by more than one cluster, in order of Shared.Infrastructure, beginning after the given one.
	Tenancy(after string) iter.Seq[*tenancy.Shared]
	// Rejections yields the latest rejections in order of site, then newest first.
	Rejections() iter.Seq[*Rejection]
}
