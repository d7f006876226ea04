// Package policy keeps the versions of the policy that the federation is judged under: drafts are written, previewed,
// activated by somebody, and an earlier version is activated again to go back. What was in force at an instant follows from
// the log of activations alone, so that all replicas judge alike. Compare is pure; Service keeps the documents for the hub.
package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/federation/act"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Act is who did something when.
type Act = act.Act

// Version is one version of the policy. It never changes.
type Version struct {
	ID      string         `json:"id"` // "1", "2", …
	Policy  *policy.Policy `json:"policy"`
	Hash    string         `json:"hash"` // Policy.Hash
	Created Act            `json:"created"`
}

// Activation is one turn of the federation to a version.
type Activation struct {
	Version string `json:"version"`
	Act
}

// Log is every activation, oldest first. Their instants ascend.
type Log struct {
	Activations []Activation `json:"activations"`
}

// Active is the version in force at an instant, "" before the first activation.
func (l Log) Active(at time.Time) string {
	for i := len(l.Activations) - 1; i >= 0; i-- {
		if !l.Activations[i].At.After(at) {
			return l.Activations[i].Version
		}
	}
	return ""
}

// Delta is what another policy would change in the findings.
type Delta struct {
	Opened  []Change `json:"opened"`  // fails under the other policy, and did not
	Closed  []Change `json:"closed"`  // failed, and does not under the other policy
	Changed []Change `json:"changed"` // fails under both, with another severity
	Unknown []Change `json:"unknown"` // cannot be decided under the other policy, and could, or did not apply
	Sites   int      `json:"sites"`   // that were compared
}

// Change is one finding that the other policy changes.
type Change struct {
	Finding  string         `json:"finding"`
	Rule     string         `json:"rule"`
	Subject  rules.Subject  `json:"subject"`
	Severity rules.Severity `json:"severity"` // under the other policy; of a closed one as it was
	Before   rules.Severity `json:"before,omitempty"`
	Message  string         `json:"message"`
}

// Compare adds to a delta what differs between two assessments of one site. Waivers are no matter of the policy: a
// waived finding counts as failing.
func (d *Delta) Compare(before, after *assess.Assessment) {
	d.Sites++
	was := map[string]*rules.Finding{}
	for i := range before.Findings {
		was[before.Findings[i].ID] = &before.Findings[i]
	}
	for i := range after.Findings {
		f := &after.Findings[i]
		old := was[f.ID]
		delete(was, f.ID)
		change := Change{Finding: f.ID, Rule: f.Rule, Subject: f.Subject, Severity: f.Severity, Message: f.Message}
		failed := old != nil && old.Verdict == rules.Fail
		switch {
		case f.Verdict == rules.Fail && !failed:
			d.Opened = append(d.Opened, change)
		case f.Verdict == rules.Fail && old.Severity != f.Severity:
			change.Before = old.Severity
			d.Changed = append(d.Changed, change)
		case f.Verdict == rules.Fail:
		case failed:
			d.close(old)
		case f.Verdict == rules.Unknown && (old == nil || old.Verdict != rules.Unknown):
			d.Unknown = append(d.Unknown, change)
		}
	}
	for _, old := range was {
		if old.Verdict == rules.Fail {
			d.close(old)
		}
	}
}

func (d *Delta) close(f *rules.Finding) {
	d.Closed = append(d.Closed, Change{Finding: f.ID, Rule: f.Rule, Subject: f.Subject, Severity: f.Severity, Message: f.Message})
}

// Add joins the delta of other sites.
func (d *Delta) Add(o *Delta) {
	d.Opened, d.Closed = append(d.Opened, o.Opened...), append(d.Closed, o.Closed...)
	d.Changed, d.Unknown = append(d.Changed, o.Changed...), append(d.Unknown, o.Unknown...)
	d.Sites += o.Sites
}

// Sort puts the changes in order: site, cluster, rule, id.
func (d *Delta) Sort() {
	for _, list := range [...]*[]Change{&d.Opened, &d.Closed, &d.Changed, &d.Unknown} {
		if *list == nil {
			*list = []Change{}
		}
		slices.SortFunc(*list, func(a, b Change) int {
			return cmp.Or(strings.Compare(a.Subject.Site, b.Subject.Site), strings.Compare(a.Subject.Cluster, b.Subject.Cluster), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Finding, b.Finding))
		})
	}
}
