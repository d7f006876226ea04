// Package ingest decides whether an inventory from the bus is admitted: readable, of the site whose subject it came on,
// valid, and not from the future. What it refuses gets a reason that the site and the API show. It keeps nothing, and the
// stream's time is its clock, so that every replica decides alike.
package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Reasons of a rejection.
const (
	ReasonUnreadable   = "unreadable"
	ReasonSize         = "size"
	ReasonSchema       = "schema"
	ReasonSiteMismatch = "site-mismatch"
	ReasonFuture       = "future"
)

// problemsKept bounds what a rejection lists; the total is in its detail.
const problemsKept = 50

// Message is one inventory as it came.
type Message struct {
	Site       string // of the subject, which the sender's credential is bound to
	Revision   string
	Body       []byte
	Sequence   uint64
	AcceptedAt time.Time
	Planner    fleet.Planner
	Err        error // why the transport could not read it, nil when it could
}

// Known tells what is known of a site: its normalised inventory, and the structure of the document that it was read from.
type Known func(site string) (*inventory.Site, inventory.Structure)

// Gate admits inventories.
type Gate struct {
	regions *geo.Table
	known   Known
	words   *Words
}

// New returns a gate that knows regions by the table. Of a document that only measures anew what is known of its site, the rest is not read again;
// known may be nil. Of texts that documents have in common the words keep one copy.
func New(regions *geo.Table, words *Words, known Known) *Gate {
	if known == nil {
		known = func(string) (*inventory.Site, inventory.Structure) { return nil, inventory.Structure{} }
	}
	return &Gate{regions, known, words}
}

// Admit returns either the update to apply or the rejection to tell.
func (g *Gate) Admit(m Message) (*fleet.Update, *fleet.Rejection) {
	if m.Err != nil {
		return nil, refuse(m, ReasonUnreadable, m.Err)
	}
	if len(m.Body) > inventory.MaxDocument {
		return nil, refuse(m, ReasonSize, fmt.Errorf("the document has %d bytes, the limit is %d: split the site", len(m.Body), inventory.MaxDocument))
	}
	site, structure, problems, err := g.read(m)
	if err != nil {
		return nil, refuse(m, ReasonSchema, fmt.Errorf("the document is not a SiteInventory: %w", err))
	}
	if len(problems) > 0 {
		return nil, refuse(m, ReasonSchema, document.NewError(problems))
	}
	if site.Site.ID != m.Site {
		return nil, refuse(m, ReasonSiteMismatch, fmt.Errorf("the document is of site %q but came on the subject of %q: correct site.id or use that site's credential", site.Site.ID, m.Site))
	}
	if err := inventory.CheckTime(site, m.AcceptedAt); err != nil {
		return nil, refuse(m, ReasonFuture, err)
	}
	return &fleet.Update{
		Site: site, Structure: structure, Revision: m.Revision, Sequence: m.Sequence,
		AcceptedAt: m.AcceptedAt, Planner: m.Planner,
	}, nil
}

// read gives the normalised site of a document, or what is wrong with it. Unknown keys are ignored here, unlike in documents that people write: a newer
// planner may know more than this hub.
func (g *Gate) read(m Message) (*inventory.Site, inventory.Structure, []document.Problem, error) {
	structure := inventory.StructureOf(m.Body)
	if known, its := g.known(m.Site); known != nil && its == structure {
		if site, problems, ok := inventory.Remeasured(m.Body, known, g.regions); ok {
			return site, structure, problems, nil
		}
	}
	site := new(inventory.Site)
	if err := json.Unmarshal(m.Body, site); err != nil {
		return nil, inventory.Structure{}, nil, err //nolint:wrapcheck // Admit says what was read
	}
	if problems := inventory.Validate(site, g.regions); len(problems) > 0 {
		return nil, inventory.Structure{}, problems, nil
	}
	site = inventory.Normalise(site, g.regions)
	inventory.Words(site, g.words.Word)
	return site, structure, nil, nil
}

func refuse(m Message, reason string, err error) *fleet.Rejection {
	r := &fleet.Rejection{Site: m.Site, Revision: m.Revision, At: m.AcceptedAt, Reason: reason, Detail: err.Error(), Sequence: m.Sequence}
	var d *document.Error
	if errors.As(err, &d) {
		r.Detail = fmt.Sprintf("%d problems; the first: %s", len(d.Problems), d.Problems[0].String())
		for _, p := range d.Problems[:min(len(d.Problems), problemsKept)] {
			r.Problems = append(r.Problems, fleet.RejectedProblem{Path: p.Path, Line: p.Line, What: p.What, Remedy: p.Remedy})
		}
	}
	return r
}
