// Package waiver holds what owners accept for a time: a failing finding that is waived stays a failing finding and says
// who accepted it, why and until when. Whether a waiver applies is decided by Decide alone, for the live view, the past,
// the command line, exports, reports and notifications. The decision is pure; Service keeps the documents for the hub.
package waiver

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/federation/act"
	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// State is how far a waiver has come.
type State string

// States.
const (
	Requested State = "requested" // waits for an approver
	Approved  State = "approved"  // in force
	Rejected  State = "rejected"
	Withdrawn State = "withdrawn"
	Expired   State = "expired" // of one that was requested or approved
)

// Act is who did something when.
type Act = act.Act

// Match says which findings of a rule a waiver is for: all that is given must agree. Site, tags, country or region must be
// given, so that no waiver is for everything.
type Match struct {
	Site           string            `json:"site,omitempty"`
	Cluster        string            `json:"cluster,omitempty"`        // id within the site; needs site
	Infrastructure string            `json:"infrastructure,omitempty"` // site/id; needs site
	Tags           map[string]string `json:"tags,omitempty"`           // of the site; each must have this value
	Country        string            `json:"country,omitempty"`
	// Region is the one region that ThingWorx of the finding's cluster runs in. A cluster over two regions, one whose region
	// is not known, and a finding about no cluster do not match.
	Region string `json:"region,omitempty"`
}

// Document is a waiver as it is stored and shown.
type Document struct {
	ID        string    `json:"id"`
	Rule      string    `json:"rule"`
	Match     Match     `json:"match"`
	Reason    string    `json:"reason"`
	Ticket    string    `json:"ticket,omitempty"`
	Owner     string    `json:"owner"` // who answers for the risk
	Expires   time.Time `json:"expires"`
	State     State     `json:"state"` // as stored: never expired
	Requested Act       `json:"requested"`
	Decided   *Act      `json:"decided,omitempty"`   // the approval or rejection
	Withdrawn *Act      `json:"withdrawn,omitempty"` // when it was taken back
}

// Waiver is a checked Document. Only of makes one, which refuses a document without an expiry: New, decoding from JSON and
// reading a file all end there. The zero Waiver applies to nothing.
type Waiver struct{ d Document }

// Limits bound what may be waived.
type Limits struct {
	// Longest is the longest time from the request, or the approval, to the expiry; 0 means DefaultLongest.
	Longest time.Duration
}

// DefaultLongest is an assumption: a waiver is looked at again once a year at least.
const DefaultLongest = 366 * 24 * time.Hour

const (
	maxText  = 2000
	maxShort = 200
	maxTags  = 16
)

func (l Limits) longest() time.Duration {
	if l.Longest <= 0 {
		return DefaultLongest
	}
	return l.Longest
}

// of checks a document. It is the only way to a Waiver.
func of(d Document) (Waiver, error) {
	var problems []document.Problem
	fail := func(pointer, what, remedy string) {
		problems = append(problems, document.Problem{Path: pointer, What: what, Remedy: remedy})
	}
	if d.ID == "" {
		fail("/id", "the waiver has no id", "give one")
	}
	if d.Rule == "" || len(d.Rule) > maxShort {
		fail("/rule", "the waiver names no rule", "give the id of one rule, like COL-001")
	}
	checkMatch(&d.Match, fail)
	for _, f := range [...]struct {
		pointer, text string
		longest       int
		needed        bool
	}{{"/reason", d.Reason, maxText, true}, {"/owner", d.Owner, maxShort, true}, {"/ticket", d.Ticket, maxShort, false}} {
		if f.needed && strings.TrimSpace(f.text) == "" {
			fail(f.pointer, "it is empty", "say "+map[string]string{"/reason": "why the risk is accepted", "/owner": "who answers for the risk"}[f.pointer])
		}
		if len(f.text) > f.longest {
			fail(f.pointer, "it is too long", fmt.Sprintf("give at most %d characters", f.longest))
		}
	}
	if d.Expires.IsZero() {
		fail("/expires", "the waiver has no expiry", "say until when the risk is accepted; a waiver without an end does not exist")
	}
	checkAct("/requested", &d.Requested, "requested", fail)
	if !d.Expires.IsZero() && !d.Expires.After(d.Requested.At) {
		fail("/expires", "the waiver ends before it begins", "give a time that is to come")
	}
	checkState(&d, fail)
	if len(problems) > 0 {
		return Waiver{}, refuse.Because(refuse.Invalid, "the waiver is not valid", problems...)
	}
	d.Expires, d.Requested.At = d.Expires.UTC(), d.Requested.At.UTC()
	return Waiver{d}, nil
}

func checkState(d *Document, fail func(pointer, what, remedy string)) {
	switch d.State {
	case Requested:
	case Approved, Rejected:
		checkAct("/decided", d.Decided, "approved or rejected", fail)
	case Withdrawn:
		checkAct("/withdrawn", d.Withdrawn, "withdrawn", fail)
	default:
		fail("/state", fmt.Sprintf("%q is not a state that is stored", d.State), "give requested, approved, rejected or withdrawn")
	}
	if d.State != Rejected && d.Decided != nil && d.Decided.By != "" && d.Decided.By == d.Requested.By {
		fail("/decided/by", "who requested a waiver may not approve it", "ask somebody else")
	}
}

func checkAct(pointer string, a *Act, did string, fail func(pointer, what, remedy string)) {
	if a == nil || a.By == "" {
		fail(pointer+"/by", "it is not said by whom the waiver was "+did, "give the name")
	}
	if a == nil || a.At.IsZero() {
		fail(pointer+"/at", "it is not said when the waiver was "+did, "give the time")
	}
}

func checkMatch(m *Match, fail func(pointer, what, remedy string)) {
	if m.Site == "" && len(m.Tags) == 0 && m.Country == "" && m.Region == "" {
		fail("/match", "the waiver is for every site", "give site, tags, country or region")
	}
	if m.Site == "" && (m.Cluster != "" || m.Infrastructure != "") {
		fail("/match/site", "a cluster or an infrastructure needs its site", "give the site")
	}
	if m.Site != "" && !inventory.ValidID(m.Site) {
		fail("/match/site", "it is not a site id", "use lower-case letters, digits and dashes")
	}
	if m.Infrastructure != "" {
		if site, _, ok := strings.Cut(m.Infrastructure, "/"); !ok || site == "" {
			fail("/match/infrastructure", "it is not site/id", "write it as the finding does, like muc-01/pg-1")
		}
	}
	if len(m.Tags) > maxTags {
		fail("/match/tags", "there are too many tags", fmt.Sprintf("give at most %d", maxTags))
	}
	for k, v := range m.Tags {
		if strings.TrimSpace(k) == "" || strings.TrimSpace(v) == "" || strings.ContainsAny(v, "*?") {
			fail("/match/tags", "a tag has no name or no plain value", "give each tag with the one value that is meant; there are no wildcards")
			break
		}
	}
}

// Request is what somebody asks for.
type Request struct {
	Rule    string
	Match   Match
	Reason  string
	Ticket  string
	Owner   string // empty is the requester
	Expires time.Time
}

// New makes a requested waiver. The expiry must come after at, by the limit's time at most.
func New(id string, r Request, by Act, limits Limits) (Waiver, error) {
	owner := r.Owner
	if owner == "" {
		owner = by.Name
	}
	w, err := of(Document{
		ID: id, Rule: r.Rule, Match: r.Match, Reason: strings.TrimSpace(r.Reason), Ticket: strings.TrimSpace(r.Ticket), Owner: owner, Expires: r.Expires, State: Requested, Requested: by,
	})
	if err != nil {
		return Waiver{}, err
	}
	return w, tooLong(&w.d, by.At, limits)
}

func tooLong(d *Document, from time.Time, limits Limits) error {
	if last := from.Add(limits.longest()); d.Expires.After(last) {
		return refuse.Because(refuse.Invalid, "the waiver is not valid", document.Problem{Path: "/expires", What: fmt.Sprintf("the waiver would last longer than %s", limits.longest()), Remedy: "give a time until " + last.UTC().Format(time.RFC3339) + ", and ask again when it is due"})
	}
	return nil
}

// Document returns what the waiver says.
func (w Waiver) Document() Document { return w.d }

// ID is the waiver's.
func (w Waiver) ID() string { return w.d.ID }

// MarshalJSON writes the document.
func (w Waiver) MarshalJSON() ([]byte, error) { return json.Marshal(w.d) }

// UnmarshalJSON reads a document and refuses one that New would refuse.
func (w *Waiver) UnmarshalJSON(data []byte) error {
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	checked, err := of(d)
	*w = checked
	return err
}

// At is the waiver's state at an instant. It is what the document says of that instant, also when more happened later.
func (w Waiver) At(at time.Time) State {
	d := &w.d
	switch {
	case d.Withdrawn != nil && !at.Before(d.Withdrawn.At):
		return Withdrawn
	case d.Decided != nil && !at.Before(d.Decided.At) && d.rejected():
		return Rejected
	case !at.Before(d.Expires):
		return Expired
	case d.Decided != nil && !at.Before(d.Decided.At):
		return Approved
	}
	return Requested
}

// rejected tells what was decided. One that is withdrawn was approved if it was decided at all: a rejection is final.
func (d *Document) rejected() bool { return d.State == Rejected }

// boundaries are the instants at which what the waiver decides changes: approval, withdrawal and expiry, ascending.
func (w Waiver) boundaries() []time.Time {
	d := &w.d
	if d.Decided == nil || d.rejected() {
		return nil
	}
	end := d.Expires
	if d.Withdrawn != nil && d.Withdrawn.At.Before(end) {
		end = d.Withdrawn.At
	}
	if !d.Decided.At.Before(end) {
		return nil
	}
	return []time.Time{d.Decided.At, end}
}

// Subject is where a finding stands.
type Subject struct {
	Site inventory.Identity
	// Regions are those that ThingWorx of the finding's cluster runs in.
	Regions []string
}

// Covers reports whether a waiver is for a finding, in force or not.
func (w Waiver) Covers(f *rules.Finding, s Subject) bool {
	m := &w.d.Match
	switch {
	case w.d.Rule != f.Rule || !w.Selects(s.Site):
		return false
	case m.Cluster != "" && m.Cluster != f.Subject.Cluster:
		return false
	case m.Infrastructure != "" && m.Infrastructure != f.Subject.Infrastructure:
		return false
	case m.Region != "":
		return f.Subject.Cluster != "" && len(s.Regions) == 1 && s.Regions[0] == m.Region
	}
	return true
}

// Selects reports whether a waiver may be for findings of a site.
func (w Waiver) Selects(site inventory.Identity) bool {
	m := &w.d.Match
	if w.d.Rule == "" || m.Site != "" && m.Site != site.ID || m.Country != "" && !strings.EqualFold(m.Country, site.Country) {
		return false
	}
	for k, v := range m.Tags {
		if have, ok := site.Tags[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// Decide says which waiver applies to a finding at an instant, nil for none. Only a failing finding can be waived: what is
// unknown is nothing that anybody could accept. Of several waivers in force the one that lasts longest applies.
func Decide(waivers []Waiver, f *rules.Finding, s Subject, at time.Time) *rules.Waiver {
	if f.Verdict != rules.Fail {
		return nil
	}
	var best *Document
	for i := range waivers {
		w := &waivers[i]
		if w.At(at) != Approved || !w.Covers(f, s) {
			continue
		}
		if d := &w.d; best == nil || d.Expires.After(best.Expires) || d.Expires.Equal(best.Expires) && d.ID < best.ID {
			best = d
		}
	}
	if best == nil {
		return nil
	}
	return &rules.Waiver{ID: best.ID, Reason: best.Reason, Expires: best.Expires}
}

// Holds reports whether what Decide said of a finding at the instant of its judgement still holds at one at or after it.
func Holds(f *rules.Finding, at time.Time) bool {
	return f.Verdict == rules.Fail && f.Waiver != nil && at.Before(f.Waiver.Expires)
}

// Apply decides on every finding of an assessment at the assessment's instant. The assessment must not be shared yet.
func Apply(waivers []Waiver, a *assess.Assessment, site func(id string) inventory.Identity) {
	each(a, site, func(f *rules.Finding, s Subject) bool {
		f.Waiver = Decide(waivers, f, s, a.At)
		return true
	})
}

// Own is the identity of a site for what judges it alone: of another site that a finding names only the id counts.
func Own(site inventory.Identity) func(id string) inventory.Identity {
	return func(id string) inventory.Identity {
		if id == site.ID {
			return site
		}
		return inventory.Identity{ID: id}
	}
}

// Differs reports whether the findings of an assessment would be waived otherwise at an instant.
func Differs(waivers []Waiver, a *assess.Assessment, site func(id string) inventory.Identity, at time.Time) bool {
	return !each(a, site, func(f *rules.Finding, s Subject) bool { return same(f.Waiver, Decide(waivers, f, s, at)) })
}

func same(a, b *rules.Waiver) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Expires.Equal(b.Expires) && a.Reason == b.Reason
}

func each(a *assess.Assessment, site func(id string) inventory.Identity, do func(*rules.Finding, Subject) bool) bool {
	regions := map[string][]string{}
	for i := range a.Clusters {
		regions[a.Clusters[i].ID] = a.Clusters[i].Regions.ThingWorx
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		s := Subject{Site: site(f.Subject.Site)}
		if f.Subject.Cluster != "" {
			s.Regions = regions[f.Subject.Site+"/"+f.Subject.Cluster]
		}
		if !do(f, s) {
			return false
		}
	}
	return true
}

// Set is an immutable set of waivers, indexed by the sites they may be for.
type Set struct {
	bySite  map[string][]Waiver
	pattern []Waiver // without a site
	all     []Waiver // in order of id
}

// NewSet indexes waivers.
func NewSet(waivers []Waiver) *Set {
	s := &Set{bySite: map[string][]Waiver{}, all: slices.SortedFunc(slices.Values(waivers), func(a, b Waiver) int { return strings.Compare(a.d.ID, b.d.ID) })}
	for _, w := range s.all {
		if id := w.d.Match.Site; id != "" {
			s.bySite[id] = append(s.bySite[id], w)
		} else {
			s.pattern = append(s.pattern, w)
		}
	}
	return s
}

// All returns the waivers in order of id. The caller does not change them.
func (s *Set) All() []Waiver {
	if s == nil {
		return nil
	}
	return s.all
}

// Of returns the waivers that may be for findings of a site, in whatever state.
func (s *Set) Of(site inventory.Identity) []Waiver {
	if s == nil {
		return nil
	}
	var out []Waiver
	for _, list := range [...][]Waiver{s.bySite[site.ID], s.pattern} {
		for _, w := range list {
			if w.Selects(site) {
				out = append(out, w)
			}
		}
	}
	return out
}

// Boundaries are the instants after one at which what the waivers decide changes, ascending.
func Boundaries(waivers []Waiver, after time.Time) []time.Time {
	var out []time.Time
	for _, w := range waivers {
		for _, b := range w.boundaries() {
			if b.After(after) {
				out = append(out, b)
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// Covering returns the ids of the waivers that are for a failing finding of an assessment, in force or not.
func Covering(waivers []Waiver, a *assess.Assessment, site func(id string) inventory.Identity) map[string]bool {
	out := map[string]bool{}
	each(a, site, func(f *rules.Finding, s Subject) bool {
		for i := range waivers {
			if f.Verdict == rules.Fail && waivers[i].Covers(f, s) {
				out[waivers[i].d.ID] = true
			}
		}
		return true
	})
	return out
}
