package probe

import (
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Results are what one run learned.
type Results struct {
	Site       string    // id of the site asked
	From       string    // site/cluster/node of the round trips; "" leaves them out of an inventory
	At         time.Time // end of the run, UTC
	Components []Component
}

// Component is the outcome for one infrastructure or one ThingWorx server.
type Component struct {
	Name           string // of its entry among the sources: probe/pg-1, probe/prod/twx-1
	Infrastructure string // id; "" for ThingWorx
	Status         inventory.SourceStatus
	Detail         string // for people; holds no secret and no text of a server
	At             time.Time
	Learned        time.Time // when facts and members were, if before At: the last run that had an answer
	Facts          []Fact
	Members        *Membership // nil when not known
	RoundTrips     []RoundTrip
	Problems       []string // why the status is not ok; part of Detail
}

// Fact is one observed value.
type Fact struct {
	Node  string // name of the infrastructure's node it is about; "" for the infrastructure itself
	Field Field
	Value string // as an inventory writes it; "" for a role that a node no longer has
}

// Field names what a fact is about.
type Field string

// Fields. Their names are the keys of an inventory.
const (
	FieldRole           Field = "role"
	FieldVersion        Field = "version"
	FieldMaxConnections Field = "maxConnections"
	FieldEdition        Field = "edition"
)

// Membership is which nodes an infrastructure has, by its own account.
type Membership struct {
	Count int      // of all members; 0 is not known
	Nodes []string // names of members that are told apart: of the inventory's nodes, the target's, or their addresses
	Added []string // host names of members that are none of the inventory's nodes
	// Strangers are nodes of the inventory that are none of the infrastructure's, like the pgpool-II whose address it has.
	Strangers []string `json:",omitempty"`
	PgPool    []string `json:",omitempty"` // names of the pgpool-II nodes that answered
	// Machine carries the members that the inventory does not list; "" is not known.
	Machine string `json:",omitempty"`
	// Whole: nodes of the inventory that are not among Nodes are no members.
	Whole bool
}

// RoundTrip is one measurement.
type RoundTrip struct {
	Kind     inventory.ProbeKind
	P50, P95 time.Duration
	Samples  int
	At       time.Time
}

// Sources returns the entries for an inventory's sources, in the order of the components.
func (r *Results) Sources() []inventory.Source {
	out := make([]inventory.Source, 0, len(r.Components))
	for i := range r.Components {
		c := &r.Components[i]
		out = append(out, inventory.Source{Name: c.Name, Status: c.Status, At: c.At, Detail: c.Detail})
	}
	return out
}

// remember gives components that had no answer the facts of the last run that had one, with the time of that run: a server
// that does not answer has not become what somebody once declared it to be.
func (r *Results) remember(last *Results) {
	if last == nil || last.Site != r.Site {
		return
	}
	for i := range r.Components {
		c := &r.Components[i]
		old := last.Component(c.Name)
		if old == nil || c.Status != inventory.SourceFailed || old.Infrastructure != c.Infrastructure || len(c.Facts)+len(c.RoundTrips) > 0 || c.Members != nil {
			continue
		}
		c.Facts, c.Members, c.RoundTrips, c.Learned = old.Facts, old.Members, old.RoundTrips, old.learned()
		if len(c.Facts)+len(c.RoundTrips) > 0 || c.Members != nil {
			c.Detail += "; what it said at " + c.Learned.Format(time.RFC3339) + " is kept"
		}
	}
}

// learned is when the facts were.
func (c *Component) learned() time.Time {
	if c.Learned.IsZero() {
		return c.At
	}
	return c.Learned
}

// Component returns the outcome of a name, or nil.
func (r *Results) Component(name string) *Component {
	for i := range r.Components {
		if r.Components[i].Name == name {
			return &r.Components[i]
		}
	}
	return nil
}

func (c *Component) fact(node string, field Field, value string) {
	c.Facts = append(c.Facts, Fact{node, field, value})
}

func (c *Component) problem(text string) { c.Problems = append(c.Problems, text) }

// maxDetail bounds a detail in bytes.
const maxDetail = 900

// finish sets status and detail: told is what was learned, nothing of it means failure.
func (c *Component) finish(told ...string) {
	var parts []string
	for _, t := range told {
		if t != "" {
			parts = append(parts, t)
		}
	}
	switch {
	case len(parts) == 0:
		c.Status = inventory.SourceFailed
	case len(c.Problems) > 0:
		c.Status = inventory.SourcePartial
	default:
		c.Status = inventory.SourceOK
	}
	c.Detail = strings.Join(append(parts, c.Problems...), "; ")
}

// seal removes secrets from everything that leaves the package. Texts are made of this program's words and of values
// checked by their shape; this is the second lock.
func (c *Component) seal(secrets []string) {
	const gone = "…"
	clean := func(s string) string {
		for _, secret := range secrets {
			if len(secret) > 2 {
				s = strings.ReplaceAll(s, secret, gone)
			}
		}
		return s
	}
	for i := range c.Problems {
		c.Problems[i] = clean(c.Problems[i])
	}
	c.Detail = clean(c.Detail)
	if len(c.Detail) > maxDetail {
		c.Detail = strings.ToValidUTF8(c.Detail[:maxDetail], "") + " …"
	}
	facts := c.Facts[:0]
	for _, f := range c.Facts {
		if clean(f.Value) == f.Value {
			facts = append(facts, f)
		}
	}
	c.Facts = facts
}
