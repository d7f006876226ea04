package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/agent/outbox"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/atomicfile"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Files in the state directory, replaced as a whole, for "meridian-planner status" and for whoever looks.
const (
	statusFile     = "status.json"
	assessmentFile = "assessment.json" // of the last good inventory, judged here
	beatFile       = "heartbeat.json"  // the interval that the hub asked for
)

// maxDifferences bounds the list in the status; the total is always told.
const maxDifferences = 200

// Status tells how a site's planner stands. Revisions move down the list: collected, queued, acknowledged, applied.
type Status struct {
	Site           string    `json:"site"`
	Instance       string    `json:"instance"`
	PlannerVersion string    `json:"plannerVersion,omitempty"`
	StartedAt      time.Time `json:"startedAt"`
	At             time.Time `json:"at"` // when this status was made

	Sources         []inventory.Source `json:"sources,omitempty"`        // outcome of the last collection
	LastCollectedAt time.Time          `json:"lastCollectedAt,omitzero"` // last collection that succeeded
	Collected       *Mark              `json:"collected,omitempty"`      // the inventory in force
	Outbox          outbox.Stats       `json:"outbox"`
	Acknowledged    *Mark              `json:"acknowledged,omitempty"` // last revision the hub's stream has
	Applied         *Mark              `json:"applied,omitempty"`      // last revision whose assessment came back from the hub
	InSync          bool               `json:"inSync"`                 // the inventory in force is applied
	AtHub           *Mark              `json:"atHub,omitempty"`        // the revision the hub judged last, whoever sent it
	Rejected        *Rejected          `json:"rejected,omitempty"`     // last revision the hub refused
	Refused         *Mark              `json:"refused,omitempty"`      // last revision that could not be sent at all

	Verdicts        map[rules.Verdict]int  `json:"verdicts,omitempty"` // judged here
	Failing         map[rules.Severity]int `json:"failing,omitempty"`  // fails by severity, judged here
	RulePack        assess.RulePack        `json:"rulePack,omitzero"`
	HubRulePack     assess.RulePack        `json:"hubRulePack,omitzero"`
	Differences     []Difference           `json:"differences,omitempty"` // what the hub judges differently in the same revision
	DifferenceCount int                    `json:"differenceCount"`

	Hub               *bus.Status        `json:"hub,omitempty"` // the connection; absent without one
	HeartbeatAt       time.Time          `json:"heartbeatAt,omitzero"`
	HeartbeatInterval inventory.Duration `json:"heartbeatInterval,omitzero"`
	LastError         *Problem           `json:"lastError,omitempty"`
}

// Mark is a revision and when something happened to it.
type Mark struct {
	Revision       string    `json:"revision"`
	ObservedAt     time.Time `json:"observedAt,omitzero"`
	At             time.Time `json:"at"`
	StreamSequence uint64    `json:"streamSequence,omitempty"`
	Detail         string    `json:"detail,omitempty"`
}

// Rejected is a revision the hub refused. Reason is the hub's record of it.
type Rejected struct {
	Revision string          `json:"revision,omitempty"`
	At       time.Time       `json:"at"`
	Reason   json.RawMessage `json:"reason"`
}

// Problem is the last thing that went wrong.
type Problem struct {
	Op   string    `json:"op"`
	What string    `json:"what"`
	At   time.Time `json:"at"`

	passing bool // a later publication that succeeds proves it over
}

// Operations whose success proves that their last failure is over.
const (
	opCollect = "collect the inventory"
	opBeat    = "send a heartbeat"
)

// over forgets the last error when it was the operation's.
func (s *Status) over(op string) {
	if s.LastError != nil && s.LastError.Op == op {
		s.LastError = nil
	}
}

// Difference is a finding on which this planner and the hub disagree although they judged the same revision. The hub sees
// the neighbours, and its policy and waivers may be others.
type Difference struct {
	Finding string        `json:"finding"` // id
	Rule    string        `json:"rule"`
	Subject rules.Subject `json:"subject"`
	Here    string        `json:"here"` // verdict, "absent", or "waived"
	Hub     string        `json:"hub"`
}

// Status returns how things stand now. The caller may change it.
func (a *Agent) Status() Status {
	last, acknowledged := a.box.LastAcknowledged() // before the numbers, so that what it names is not counted as waiting
	stats := a.box.Stats()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.status
	s.At, s.Outbox = a.o.Clock.Now().UTC(), stats
	s.Sources = slices.Clone(s.Sources)
	if acknowledged {
		s.Acknowledged = &Mark{Revision: last.Revision, At: last.AcknowledgedAt, StreamSequence: last.StreamSequence}
	}
	s.InSync = s.Collected != nil && s.Applied != nil && s.AtHub != nil && s.Collected.Revision == s.Applied.Revision && s.AtHub.Revision == s.Applied.Revision
	if a.o.Hub != nil {
		hub := a.o.Hub.Status()
		s.Hub, s.HeartbeatInterval = &hub, inventory.Duration(a.beat)
	}
	if a.local != nil {
		s.RulePack = a.local.RulePack
		v := a.local.Verdicts
		s.Verdicts = map[rules.Verdict]int{rules.Pass: v.Pass, rules.Fail: v.Fail, rules.Unknown: v.Unknown, rules.NotApplicable: v.NotApplicable}
		s.Failing = failing(a.local.Findings)
	}
	if a.hub != nil {
		s.HubRulePack = a.hub.RulePack
	}
	if a.local != nil && a.hub != nil && revisionOf(a.local, a.o.Site) == revisionOf(a.hub, a.o.Site) {
		s.Differences = differences(a.local.Findings, a.hub.Findings)
		s.DifferenceCount = len(s.Differences)
		s.Differences = s.Differences[:min(len(s.Differences), maxDifferences)]
	}
	return s
}

func failing(findings []rules.Finding) map[rules.Severity]int {
	out := map[rules.Severity]int{}
	for i := range findings {
		if f := &findings[i]; f.Verdict == rules.Fail {
			out[f.Severity]++
		}
	}
	return out
}

func revisionOf(a *assess.Assessment, site string) string {
	for _, ref := range a.Inventories {
		if ref.Site == site {
			return ref.Revision
		}
	}
	return ""
}

func differences(here, hub []rules.Finding) []Difference {
	type pair struct{ here, hub *rules.Finding }
	pairs := make(map[string]pair, len(here))
	for i := range here {
		pairs[here[i].ID] = pair{here: &here[i]}
	}
	for i := range hub {
		p := pairs[hub[i].ID]
		p.hub = &hub[i]
		pairs[hub[i].ID] = p
	}
	var out []Difference
	for id, p := range pairs {
		d := Difference{Finding: id, Here: word(p.here), Hub: word(p.hub)}
		if d.Here == d.Hub {
			continue
		}
		f := p.here
		if f == nil {
			f = p.hub
		}
		d.Rule, d.Subject = f.Rule, f.Subject
		out = append(out, d)
	}
	slices.SortFunc(out, func(x, y Difference) int {
		return cmp.Or(cmp.Compare(x.Subject.Cluster, y.Subject.Cluster), cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Finding, y.Finding))
	})
	return out
}

// word is how a finding stands. A finding that is not listed, passed or does not apply says the same in both lists: one
// of them may have been made with all verdicts and the other without.
func word(f *rules.Finding) string {
	switch {
	case f == nil, f.Verdict == rules.Pass, f.Verdict == rules.NotApplicable:
		return "absent"
	case f.Verdict == rules.Fail && f.Waiver != nil:
		return "waived"
	}
	return string(f.Verdict)
}

// update changes the status and has it written.
func (a *Agent) update(change func(*Status)) {
	a.mu.Lock()
	change(&a.status)
	a.mu.Unlock()
	wake(a.dirty)
}

// fail notes an error; the loop goes on.
func (a *Agent) fail(op string, err error) {
	text := detail(err)
	passing := errors.Is(err, bus.ErrUnavailable) || errors.Is(err, bus.ErrDenied) || errors.Is(err, bus.ErrFull)
	a.o.Logger.Warn(op, "error", text)
	a.update(func(s *Status) {
		s.LastError = &Problem{Op: op, What: text, At: a.o.Clock.Now().UTC(), passing: passing}
	})
}

// reporting keeps the status file up to date.
func (a *Agent) reporting(ctx context.Context) error {
	for {
		if err := a.writeStatus(); err != nil {
			// Not through fail, which would ask for another attempt at once.
			a.o.Logger.Warn("write the status", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.dirty:
		}
	}
}

func (a *Agent) writeStatus() error {
	body, err := json.MarshalIndent(a.Status(), "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteUnsynced(a.path(statusFile), append(body, '\n'))
}

func (a *Agent) path(name string) string { return filepath.Join(a.o.Dir, name) }

// ReadStatus reads the status another process wrote into its state directory.
func ReadStatus(dir string) (Status, error) {
	var s Status
	body, err := os.ReadFile(filepath.Join(dir, statusFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("read the planner's status: no planner has run with the state directory %s: %w", dir, err)
	}
	if err != nil {
		return s, fmt.Errorf("read the planner's status: %w", err)
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("read the planner's status %s: %w", filepath.Join(dir, statusFile), err)
	}
	return s, nil
}
