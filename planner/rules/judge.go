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
	prepared any        // by extra rules for each other
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

// ofListed is an infrastructure judged by itself, whoever uses it.
func (j *judge) ofListed(l *facts.Listed) Subject {
	return Subject{Site: j.site.Site.Site.ID, Infrastructure: l.Name}
}

// add appends a finding. One subject has one finding per rule: of two, as when a cluster uses one database twice, the
// worse stays.
func (j *judge) add(v Verdict, own Severity, s Subject, message string) *Finding {
	if n := len(j.out); n > 0 && j.out[n-1].Rule == j.rule.ID && j.out[n-1].Subject == s {
		last := &j.out[n-1]
		severity := j.severity(own)
		if !worse(v, severity, last) {
			return new(Finding)
		}
		*last = Finding{}
	} else {
		j.out = append(j.out, Finding{})
	}
	f, r := &j.out[len(j.out)-1], j.rule
	f.Rule, f.Title, f.Confidence, f.Reference = r.ID, r.Title, r.Confidence, r.Reference
	f.Verdict, f.Severity, f.Subject, f.Message = v, j.severity(own), s, message
	return f
}

func worse(v Verdict, severity Severity, than *Finding) bool {
	if v != than.Verdict {
		return weight(v) > weight(than.Verdict)
	}
	return severity.Rank() < than.Severity.Rank()
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
	j.add(Pass, "", s, message)
}

func (j *judge) skip(s Subject, message string) {
	j.add(NotApplicable, "", s, message)
}

func (j *judge) unknown(s Subject, message string, missing ...string) {
	f := j.add(Unknown, "", s, message)
	f.Missing, f.Remedy = missing, j.rule.Remedy
	if len(missing) > 0 {
		f.Remedy = "Add to the inventory what is missing: " + strings.Join(missing, ", ") + "."
	}
	f.FirstSeen = j.instantOf(time.Time{})
	f.FailingSince = f.FirstSeen
}

func (j *judge) fail(s Subject, why failure) {
	f := j.add(Fail, why.severity, s, why.message)
	f.Evidence, f.Remedy, f.FirstSeen = why.evidence, why.remedy, j.instantOf(why.since)
	f.FailingSince = f.FirstSeen
	if f.Remedy == "" {
		f.Remedy = j.rule.Remedy
	}
	if end := f.FirstSeen.Add(j.tuned.grace); j.tuned.grace > 0 && end.After(j.At) {
		if f.Evidence == nil {
			f.Evidence = make(map[string]any, 3)
		}
		f.Evidence[graceUntil] = end.UTC().Format(time.RFC3339Nano)
		f.Evidence[severityAfterGrace] = string(f.Severity)
		f.Evidence[judgedAt] = j.At.UTC().Format(time.RFC3339Nano)
		f.Severity = Info
	}
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
		at := since // a copy, so that the argument itself stays off the heap
		return &at
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
	if len(of) == 0 {
		return nil
	}
	out := make([]string, len(of))
	for i, name := range of {
		out[i] = fact + " of " + name
	}
	return out
}

func count(n int, one, many string) string {
	switch n {
	case 0:
		return "no " + one
	case 1:
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64) + " ms"
}
