package rules

import (
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
)

// judge is one evaluation: the input prepared, the rule at work and the findings so far.
type judge struct {
	Input
	site     *facts.Site
	observed time.Time
	rule     *rule
	tuned    *tuned
	out      []Finding
	instant  *time.Time // observed, shared by the findings that rest on this site alone
}

// failure is what a failing verdict says. Zero fields take the entry's severity and remedy and the site's observation.
type failure struct {
	severity Severity
	message  string
	evidence map[string]any
	remedy   string
	since    time.Time
}

func (j *judge) ofSite() Subject { return Subject{Site: j.site.Site.Site.ID} }

func (j *judge) ofCluster(c *facts.Cluster) Subject {
	return Subject{Site: j.site.Site.Site.ID, Cluster: c.ID}
}

func (j *judge) of(c *facts.Cluster, u *facts.Use) Subject {
	return Subject{Site: j.site.Site.Site.ID, Cluster: c.ID, Infrastructure: u.Name}
}

// add appends a finding. One subject has one finding per rule: of two, as when a cluster uses one database twice, the
// worse stays.
func (j *judge) add(f *Finding) {
	f.Rule, f.Title, f.Confidence, f.Reference = j.rule.ID, j.rule.Title, j.rule.Confidence, j.rule.Reference
	if n := len(j.out); n > 0 && j.out[n-1].Rule == f.Rule && j.out[n-1].Subject == f.Subject {
		if worse(f, &j.out[n-1]) {
			j.out[n-1] = *f
		}
		return
	}
	j.out = append(j.out, *f)
}

func worse(a, b *Finding) bool {
	if a.Verdict != b.Verdict {
		return weight(a.Verdict) > weight(b.Verdict)
	}
	return a.Severity.Rank() < b.Severity.Rank()
}

func weight(v Verdict) int {
	switch v {
	case Fail:
		return 3
	case Unknown:
		return 2
	case Pass:
		return 1
	}
	return 0
}

func (j *judge) severity(own Severity) Severity {
	switch {
	case j.tuned.severity != "":
		return j.tuned.severity
	case own != "":
		return own
	}
	return j.rule.Severity
}

func (j *judge) pass(s Subject, message string) {
	j.add(&Finding{Verdict: Pass, Severity: j.severity(""), Subject: s, Message: message})
}

func (j *judge) skip(s Subject, message string) {
	j.add(&Finding{Verdict: NotApplicable, Severity: j.severity(""), Subject: s, Message: message})
}

func (j *judge) unknown(s Subject, message string, missing ...string) {
	at := j.instantOf(time.Time{})
	j.add(&Finding{Verdict: Unknown, Severity: j.severity(""), Subject: s, Message: message, Missing: missing,
		Remedy: "Add the missing facts to the inventory: " + strings.Join(missing, ", ") + ".", FirstSeen: at, FailingSince: at})
}

func (j *judge) fail(s Subject, f failure) {
	at := j.instantOf(f.since)
	out := Finding{Verdict: Fail, Severity: j.severity(f.severity), Subject: s, Message: f.message, Evidence: f.evidence, Remedy: f.remedy, FirstSeen: at, FailingSince: at}
	if out.Remedy == "" {
		out.Remedy = j.rule.Remedy
	}
	if end := j.tuned.graceEnd(*at); end.After(j.At) && j.tuned.grace > 0 {
		if out.Evidence == nil {
			out.Evidence = make(map[string]any, 3)
		}
		out.Evidence[graceUntil] = end.UTC().Format(time.RFC3339Nano)
		out.Evidence[severityAfterGrace] = string(out.Severity)
		out.Evidence[judgedAt] = j.At.UTC().Format(time.RFC3339Nano)
		out.Severity = Info
	}
	j.add(&out)
}

// outcome records what an extra rule says.
func (j *judge) outcome(s Subject, o Outcome) {
	switch o.Verdict {
	case Fail:
		j.fail(s, failure{message: o.Message, evidence: o.Evidence})
	case Pass:
		j.pass(s, o.Message)
	case NotApplicable:
		j.skip(s, o.Message)
	default:
		j.unknown(s, o.Message, o.Missing...)
	}
}

func (j *judge) instantOf(since time.Time) *time.Time {
	if !since.IsZero() && !since.Equal(j.observed) {
		return &since
	}
	if j.instant == nil {
		at := j.observed
		j.instant = &at
	}
	return j.instant
}

// clustered reports whether clustered mode is on. When it is off or not known it records that for the subject itself.
func (j *judge) clustered(c *facts.Cluster, s Subject) bool {
	switch {
	case c.ClusteredMode == nil:
		j.unknown(s, "Whether the cluster runs in clustered mode is not known.", "clusteredMode of "+c.Key)
		return false
	case !*c.ClusteredMode:
		j.skip(s, "The cluster does not run in clustered mode.")
		return false
	}
	return true
}

// haRequired reports whether the objectives require high availability. When they do not, or do not say, it records that
// for the subject itself. A development cluster without objectives needs none.
func (j *judge) haRequired(c *facts.Cluster, s Subject) bool {
	need := haNeed(c)
	switch {
	case need == inventory.Required:
		return true
	case need == "" && c.Environment != inventory.Development:
		j.unknown(s, "Whether the cluster needs high availability is not known.", "objectives.highAvailability of "+c.Key)
	default:
		j.skip(s, "High availability is not required of the cluster.")
	}
	return false
}

func haNeed(c *facts.Cluster) inventory.Need {
	if c.Objectives == nil {
		return ""
	}
	return c.Objectives.HighAvailability
}

// facts returns the results of the other packages for a cluster, or nil.
func (j *judge) facts(c *facts.Cluster) *ClusterFacts {
	if c.Index < len(j.Clusters) {
		return &j.Clusters[c.Index]
	}
	return nil
}

// each calls judgement for every use in a role and reports whether there was one. A use of something the inventory does
// not list is recorded as unknown.
func (j *judge) each(c *facts.Cluster, as inventory.UseAs, judgement func(Subject, *facts.Use)) bool {
	any := false
	for i := range c.Uses {
		u := &c.Uses[i]
		if u.As != as {
			continue
		}
		any = true
		if u.Infra == nil {
			j.unknown(j.of(c, u), "The inventory does not list what the cluster uses.", "infrastructure "+u.Name)
			continue
		}
		judgement(j.of(c, u), u)
	}
	return any
}

// databases judges every model database. A cluster always has one, so none listed is a missing fact.
func (j *judge) databases(c *facts.Cluster, judgement func(Subject, *facts.Use)) {
	if !j.each(c, inventory.AsDatabase, judgement) {
		j.unknown(j.ofCluster(c), "The inventory does not say which database the cluster uses.", "database of "+c.Key)
	}
}

func joined(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// missing names a fact of several things, for Finding.Missing.
func missing(fact string, of []string) []string {
	out := make([]string, len(of))
	for i, name := range of {
		out[i] = fact + " of " + name
	}
	return out
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64) + " ms"
}
