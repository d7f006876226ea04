package rule

import (
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
)

// Evidence keys of a failing finding within its rule's grace: until when its severity is lowered to info, the severity it
// takes then, and the instant it was judged at.
const (
	GraceUntil         = "graceUntil"
	SeverityAfterGrace = "severityAfterGrace"
	JudgedAt           = "judgedAt"
)

// Judge is one evaluation: the input prepared, the rule at work and the findings so far.
type Judge struct {
	Input
	View     *facts.Site // the site prepared
	Observed time.Time   // when the site was observed
	rule     *Rule
	tuned    *Tuned
	all      bool   // keep what passes or is not applicable
	last     latest // still open to a worse one of the same rule and subject
	out      []Finding
	tally    Tally
	leftOut  *leftOut   // nil when nobody asks what is not kept
	Prepared any        // by extra rules for each other
	instant  *time.Time // observed, shared by the findings that rest on this site alone
}

// latest is a verdict before it becomes a finding: most pass, and only what is kept is written out.
type latest struct {
	rule     *Rule // nil for none
	verdict  Verdict
	severity Severity
	subject  Subject
	message  string
	evidence map[string]any
	missing  []string
	remedy   string
	since    *time.Time // fails or is unknown since
}

// Tally counts verdicts, also those of findings that are not kept, and the facts that they rest on. A finding that passes or fails
// asked for one fact, its verdict's, and had it; an unknown one asked for each fact it lists as missing, at least one, and had
// none; one that is not applicable asked for nothing.
type Tally struct {
	Pass, Fail, Unknown, NotApplicable int
	FactsKnown, FactsNeeded            int
}

func (t *Tally) add(f *latest) {
	switch f.verdict {
	case Pass:
		t.Pass++
		t.FactsKnown++
		t.FactsNeeded++
	case Fail:
		t.Fail++
		t.FactsKnown++
		t.FactsNeeded++
	case Unknown:
		t.Unknown++
		t.FactsNeeded += max(1, len(f.missing))
	default:
		t.NotApplicable++
	}
}

// Failure is what a failing verdict says. Zero fields take the entry's severity and remedy and the site's observation.
type Failure struct {
	Severity Severity
	Message  string
	Evidence map[string]any
	Remedy   string
	Since    time.Time
}

// OfSite is the site as a subject.
func (j *Judge) OfSite() Subject { return Subject{Site: j.View.Site.Site.ID} }

// OfCluster is a cluster as a subject.
func (j *Judge) OfCluster(c *facts.Cluster) Subject {
	return Subject{Site: j.View.Site.Site.ID, Cluster: c.ID}
}

// Of is a cluster's use of an infrastructure as a subject.
func (j *Judge) Of(c *facts.Cluster, u *facts.Use) Subject {
	return Subject{Site: j.View.Site.Site.ID, Cluster: c.ID, Infrastructure: u.Name}
}

// OfListed is an infrastructure judged by itself, whoever uses it.
func (j *Judge) OfListed(l *facts.Listed) Subject {
	return Subject{Site: j.View.Site.Site.ID, Infrastructure: l.Name}
}

// add records a verdict. One subject has one finding per rule: of two, as when a cluster uses one database twice, the
// worse stays.
func (j *Judge) add(v Verdict, own Severity, s Subject, message string) *latest {
	f := &j.last
	severity := j.severity(own)
	switch {
	case f.rule != j.rule || f.subject != s:
		j.settle()
	case !worse(v, severity, f):
		return new(latest)
	}
	f.rule, f.verdict, f.severity, f.subject, f.message = j.rule, v, severity, s, message
	f.evidence, f.missing, f.remedy, f.since = nil, nil, "", nil
	return f
}

// settle counts the latest verdict, which no other of its subject can follow, and writes it out where that is asked for.
func (j *Judge) settle() {
	f := &j.last
	if f.rule == nil {
		return
	}
	j.tally.add(f)
	if j.leftOut != nil {
		j.leftOut.add(f)
	}
	if j.all || f.verdict == Fail || f.verdict == Unknown {
		j.out = append(j.out, Finding{
			Rule: f.rule.ID, Title: f.rule.Title, Verdict: f.verdict, Severity: f.severity, Confidence: f.rule.Confidence, Subject: f.subject,
			Message: f.message, Evidence: NewEvidence(f.evidence), Missing: f.missing, Remedy: f.remedy, Reference: f.rule.Reference,
			FirstSeen: f.since, FailingSince: f.since,
		})
	}
}

func worse(v Verdict, severity Severity, than *latest) bool {
	if v != than.verdict {
		return weight(v) > weight(than.verdict)
	}
	return severity.Rank() < than.severity.Rank()
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

func (j *Judge) severity(own Severity) Severity {
	switch {
	case j.tuned.Severity != "":
		return j.tuned.Severity
	case own != "":
		return own
	}
	return j.rule.Severity
}

// Pass records that the subject is as the rule wants it.
func (j *Judge) Pass(s Subject, message string) {
	j.add(Pass, "", s, message)
}

// Skip records that the rule does not apply to the subject, and why.
func (j *Judge) Skip(s Subject, message string) {
	j.add(NotApplicable, "", s, message)
}

// Unknown records that the rule cannot judge the subject for lack of facts.
func (j *Judge) Unknown(s Subject, message string, missing ...string) {
	f := j.add(Unknown, "", s, message)
	f.missing, f.remedy = missing, j.rule.Remedy
	if len(missing) > 0 {
		f.remedy = "Add to the inventory what is missing: " + strings.Join(missing, ", ") + "."
	}
	f.since = j.instantOf(time.Time{})
}

// Fail records that the subject is not as the rule wants it, within the rule's grace as info only.
func (j *Judge) Fail(s Subject, why Failure) {
	f := j.add(Fail, why.Severity, s, why.Message)
	f.evidence, f.remedy, f.since = why.Evidence, why.Remedy, j.instantOf(why.Since)
	if f.remedy == "" {
		f.remedy = j.rule.Remedy
	}
	if end := f.since.Add(j.tuned.Grace); j.tuned.Grace > 0 && end.After(j.At) {
		if f.evidence == nil {
			f.evidence = make(map[string]any, 3)
		}
		f.evidence[GraceUntil] = end.UTC().Format(time.RFC3339Nano)
		f.evidence[SeverityAfterGrace] = string(f.severity)
		f.evidence[JudgedAt] = j.At.UTC().Format(time.RFC3339Nano)
		f.severity = Info
	}
}

// Outcome records what an extra rule says.
func (j *Judge) Outcome(s Subject, o Outcome) {
	switch o.Verdict {
	case Fail:
		j.Fail(s, Failure{Message: o.Message, Evidence: o.Evidence})
	case Pass:
		j.Pass(s, o.Message)
	case NotApplicable:
		j.Skip(s, o.Message)
	default:
		j.Unknown(s, o.Message, o.Missing...)
	}
}

func (j *Judge) instantOf(since time.Time) *time.Time {
	if !since.IsZero() && !since.Equal(j.Observed) {
		at := since // a copy, so that the argument itself stays off the heap
		return &at
	}
	if j.instant == nil {
		at := j.Observed
		j.instant = &at
	}
	return j.instant
}

// Clustered reports whether clustered mode is on. When it is off or not known it records that for the subject itself.
func (j *Judge) Clustered(c *facts.Cluster, s Subject) bool {
	switch {
	case c.ClusteredMode == nil:
		j.Unknown(s, "Whether the cluster runs in clustered mode is not known.", "clusteredMode of "+c.Key)
		return false
	case !*c.ClusteredMode:
		j.Skip(s, "The cluster does not run in clustered mode.")
		return false
	}
	return true
}

// HARequired reports whether the objectives require high availability. When they do not, or do not say, it records that
// for the subject itself. A development cluster without objectives needs none.
func (j *Judge) HARequired(c *facts.Cluster, s Subject) bool {
	need := HANeed(c)
	switch {
	case need == inventory.Required:
		return true
	case need == "" && c.Environment != inventory.Development:
		j.Unknown(s, "Whether the cluster needs high availability is not known.", "objectives.highAvailability of "+c.Key)
	default:
		j.Skip(s, "High availability is not required of the cluster.")
	}
	return false
}

// HANeed returns what the objectives say about high availability.
func HANeed(c *facts.Cluster) inventory.Need {
	if c.Objectives == nil {
		return ""
	}
	return c.Objectives.HighAvailability
}

// Facts returns the results of the other packages for a cluster, or nil.
func (j *Judge) Facts(c *facts.Cluster) *ClusterFacts {
	if c.Index < len(j.Clusters) {
		return &j.Clusters[c.Index]
	}
	return nil
}

// Each calls judgement for every use in a role and reports whether there was one. A use of something the inventory does
// not list is recorded as unknown.
func (j *Judge) Each(c *facts.Cluster, as inventory.UseAs, judgement func(Subject, *facts.Use)) bool {
	any := false
	for i := range c.Uses {
		u := &c.Uses[i]
		if u.As != as {
			continue
		}
		any = true
		if u.Infra == nil {
			j.Unknown(j.Of(c, u), "The inventory does not list what the cluster uses.", "infrastructure "+u.Name)
			continue
		}
		judgement(j.Of(c, u), u)
	}
	return any
}

// Databases judges every model database. A cluster always has one, so none listed is a missing fact.
func (j *Judge) Databases(c *facts.Cluster, judgement func(Subject, *facts.Use)) {
	if !j.Each(c, inventory.AsDatabase, judgement) {
		j.Unknown(j.OfCluster(c), "The inventory does not say which database the cluster uses.", "database of "+c.Key)
	}
}

// NewJudge prepares the evaluation of an input. all keeps the findings that pass or are not applicable, too; room is how many
// findings it makes room for.
func NewJudge(in Input, all bool, room int) *Judge {
	j := &Judge{
		Input: in, View: facts.New(in.Site, in.Neighbours, in.Shared, in.Regions), Observed: in.Site.ObservedAt,
		all: all, out: make([]Finding, 0, room),
	}
	if j.Observed.IsZero() {
		j.Observed = in.At
	}
	return j
}

// Begin lets the judge speak for a rule from now on.
func (j *Judge) Begin(r *Rule, t *Tuned) { j.rule, j.tuned = r, t }

// NoteLeftOut has the judge note the rules of the findings that it does not keep; LeftOut tells them after the end.
func (j *Judge) NoteLeftOut() { j.leftOut = &leftOut{} }

// LeftOut tells what was noted.
func (j *Judge) LeftOut() []LeftOut { return j.leftOut.lists() }

// End returns the findings kept, in the order they were given and without identities.
func (j *Judge) End() []Finding {
	j.settle()
	j.last = latest{}
	return j.out
}

// Tally is the count of all findings, after the end.
func (j *Judge) Tally() Tally { return j.tally }

// Number returns a parameter of the rule at work; percentages are shares of one.
func (j *Judge) Number(parameter int) float64 { return j.tuned.Values[parameter] }

// Duration returns a parameter of the rule at work that is a duration.
func (j *Judge) Duration(parameter int) time.Duration { return j.tuned.Duration(parameter) }

// Duration returns a parameter that is a duration.
func (t *Tuned) Duration(parameter int) time.Duration {
	return time.Duration(t.Values[parameter] * float64(time.Second))
}

// Influx judges every InfluxDB in use; a cluster without one is not applicable.
func (j *Judge) Influx(c *facts.Cluster, judgement func(Subject, *facts.Use)) {
	if !j.Each(c, inventory.AsTimeseries, func(s Subject, u *facts.Use) {
		if u.Infra.Kind != inventory.KindInfluxDB {
			j.Skip(s, "The time series are not kept in InfluxDB.")
			return
		}
		judgement(s, u)
	}) {
		j.Skip(j.OfCluster(c), "The cluster uses no InfluxDB.")
	}
}

// ZooKeepers judges every ZooKeeper of a cluster in clustered mode. none is called when it lists none.
func (j *Judge) ZooKeepers(c *facts.Cluster, none func(Subject), judgement func(Subject, *facts.Use)) {
	if j.Each(c, inventory.AsZooKeeper, func(s Subject, u *facts.Use) {
		if j.Clustered(c, s) {
			judgement(s, u)
		}
	}) {
		return
	}
	if s := j.OfCluster(c); j.Clustered(c, s) {
		none(s)
	}
}
