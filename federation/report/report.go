// Package report turns assessments into the compliance report an auditor reads: who complies, under which rules, on what
// evidence, how fresh it is, and what is not known. It is pure from data: it reads no clock and no store, so the same
// assessments and instant give the same bytes and the same content hash. services/federation and the CLI call it.
package report

import (
	"iter"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/planner/rules"
)

// APIVersion and Kind head every report in JSON.
const (
	APIVersion = "meridian/v1"
	Kind       = "ComplianceReport"
)

// Input is what a report is made of. At and the assessments or their extracts are needed, the rest has defaults.
type Input struct {
	Title       string // default "Compliance report"
	At          time.Time
	Assessments []*assess.Assessment // in force at At; each site in at most one of them
	// Extracts are of assessments that are not among them, kept from when they were made. Each is taken up before the next is asked
	// for, so that one Extract may read them all. An error ends the report.
	Extracts iter.Seq2[*Extract, error]
	// Sites are the sites the report is about. One without an assessment is reported as unknown. Sites of assessments that
	// are not listed are added without name and country.
	Sites     []Site
	Policy    string         // name of the policy the judgement was made under
	RulesOf   string         // "then": as judged at the time, "now": judged again under the present rules; default "then"
	Filter    string         // the filter the findings were selected by, as the user wrote it; empty: none
	Threshold rules.Severity // findings at least this severe decide about compliance; default high
	FreshFor  time.Duration  // older observations are stale; default 72 h, as in rule DQ-001
	All       bool           // list findings that pass or do not apply, too, where assessments list them; they are counted in any case
	// Rules tell of the rules that assessments name as passed; one that is gone from them is counted by its id.
	Rules map[string]*rules.Entry
}

// Site is what is known of a site beside its assessment.
type Site struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	Country  string `json:"country,omitempty"`  // ISO 3166-1 alpha-2
	Liveness string `json:"liveness,omitempty"` // live | late | stale | lost at the instant of the report
}

// Status says whether a site or cluster complies.
type Status string

// Statuses. Unknown is never better than compliant: what is not known was not shown to comply.
const (
	NonCompliant Status = "non-compliant" // a failing finding at or above the threshold without a waiver in force
	NotKnown     Status = "unknown"       // such a finding cannot be excluded: facts are missing, too old, or there are none
	Waived       Status = "waived"        // only findings under a waiver in force stand against it
	Compliant    Status = "compliant"
)

// Statuses lists all statuses, worst first. The array is a copy.
func Statuses() [4]Status { return [4]Status{NonCompliant, NotKnown, Waived, Compliant} }

func (s Status) rank() int {
	for i, x := range Statuses() {
		if s == x {
			return i
		}
	}
	return 0
}

// Report is the whole content. Writers add nothing to it.
type Report struct {
	APIVersion  string         `json:"apiVersion"`
	Kind        string         `json:"kind"`
	Title       string         `json:"title"`
	At          time.Time      `json:"at"`
	Policy      string         `json:"policy,omitempty"`
	Rules       string         `json:"rules"` // then | now
	Filter      string         `json:"filter,omitempty"`
	Threshold   rules.Severity `json:"threshold"`
	FreshFor    string         `json:"freshFor"`
	RulePacks   []RulePack     `json:"rulePacks"`
	Coverage    Coverage       `json:"coverage"`
	Summary     Summary        `json:"summary"`
	Clusters    []Cluster      `json:"clusters"`
	Sites       []SiteResult   `json:"sites"`
	Findings    []Finding      `json:"findings"`
	Shared      []Shared       `json:"sharedInfrastructure"`
	Methodology []Paragraph    `json:"methodology"`
	Assumptions []Assumption   `json:"assumptions"`
	Hash        string         `json:"hash"` // SHA-256 of the report's JSON with an empty hash; "" until it is written
}

// RulePack is one set of rules and policy that judgements were made under.
type RulePack struct {
	Version string `json:"version"`
	Hash    string `json:"hash"`
	Sites   int    `json:"sites"`
}

// Coverage says what the report rests on. Fresh, Stale and NoData add up to Sites.
type Coverage struct {
	Sites       int        `json:"sites"`
	Fresh       int        `json:"fresh"`
	Stale       int        `json:"stale"`
	NoData      int        `json:"noData"`
	FactsKnown  int        `json:"factsKnown"`
	FactsNeeded int        `json:"factsNeeded"`
	Oldest      *time.Time `json:"oldest,omitempty"` // observation the report rests on
	Newest      *time.Time `json:"newest,omitempty"`
}

// Tally counts sites or clusters by status.
type Tally struct {
	Total        int `json:"total"`
	Compliant    int `json:"compliant"`
	Waived       int `json:"waived"`
	NonCompliant int `json:"nonCompliant"`
	Unknown      int `json:"unknown"`
}

func (t *Tally) add(s Status) {
	t.Total++
	switch s {
	case Compliant:
		t.Compliant++
	case Waived:
		t.Waived++
	case NonCompliant:
		t.NonCompliant++
	case NotKnown:
		t.Unknown++
	}
}

// Verdicts counts findings. Fail excludes those under a waiver in force.
type Verdicts struct {
	Fail          int `json:"fail"`
	Waived        int `json:"waived"`
	Unknown       int `json:"unknown"`
	Pass          int `json:"pass"`
	NotApplicable int `json:"notApplicable"`
}

// Total is the number of findings.
func (v Verdicts) Total() int { return v.Fail + v.Waived + v.Unknown + v.Pass + v.NotApplicable }

// Summary is the report in numbers. Every list is complete.
type Summary struct {
	Sites      Tally              `json:"sites"`
	Clusters   Tally              `json:"clusters"`
	Findings   Verdicts           `json:"findings"`
	BySeverity []SeverityCount    `json:"bySeverity"`
	ByRule     []RuleCount        `json:"byRule"`
	ByCountry  []GroupCount       `json:"byCountry"`
	ByRegion   []GroupCount       `json:"byRegion"` // of ThingWorx; a cluster in several regions counts in each
	ByArch     []ArchitectureDiff `json:"byArchitecture"`
	Regions    RegionCount        `json:"regionMatch"`
}

// SeverityCount counts the findings of one severity.
type SeverityCount struct {
	Severity rules.Severity `json:"severity"`
	Verdicts
}

// RuleCount counts the findings of one rule.
type RuleCount struct {
	Rule       string           `json:"rule"`
	Title      string           `json:"title"`
	Severity   rules.Severity   `json:"severity"` // the worst that failed or was unknown, else the worst
	Confidence rules.Confidence `json:"confidence"`
	Reference  string           `json:"reference,omitempty"`
	Verdicts
}

// GroupCount is the state of the clusters of a country or region.
type GroupCount struct {
	Name     string `json:"name"` // "" when not known
	Sites    int    `json:"sites"`
	NoData   int    `json:"noData"` // sites without an assessment
	Clusters Tally  `json:"clusters"`
	Fail     int    `json:"fail"` // failing findings without waiver in force
}

// ArchitectureDiff counts clusters by what they are and what they should be.
type ArchitectureDiff struct {
	Recognised  string `json:"recognised"`
	Recommended string `json:"recommended"`
	Clusters    int    `json:"clusters"`
}

// RegionCount counts clusters by whether ThingWorx and database are in one region.
type RegionCount struct {
	Match    int `json:"match"`
	Mismatch int `json:"mismatch"`
	Unknown  int `json:"unknown"`
}

// Cluster is one cluster's line.
type Cluster struct {
	Line
	Status   Status   `json:"status"`
	Because  []string `json:"because,omitempty"` // why it is not compliant
	Findings Verdicts `json:"findings"`

	text  string // Line as JSON
	brief bool   // of Line only what the summary needs is filled in
}

// Line is what an assessment says of a cluster.
type Line struct {
	ID              string             `json:"id"`
	Site            string             `json:"site"`
	Cluster         string             `json:"cluster"`
	Environment     string             `json:"environment,omitempty"`
	Recognised      string             `json:"recognised"`
	Overlays        []string           `json:"overlays,omitempty"`
	Distance        float64            `json:"distance"`
	Deviations      []string           `json:"deviations,omitempty"`
	Recommended     string             `json:"recommended"`
	Reasons         []string           `json:"reasons,omitempty"`
	Regions         assess.Regions     `json:"regions"`
	Advice          []recommend.Advice `json:"advice,omitempty"`
	Serving         float64            `json:"serving"`
	DowntimePerYear string             `json:"downtimePerYear"`
}

// SiteResult is one site's line.
type SiteResult struct {
	Site
	Status     Status     `json:"status"`
	Because    []string   `json:"because,omitempty"`
	Revision   string     `json:"revision,omitempty"`
	ObservedAt *time.Time `json:"observedAt,omitempty"`
	JudgedAt   *time.Time `json:"judgedAt,omitempty"`
	Age        string     `json:"age,omitempty"` // of the observation at the instant of the report
	Freshness  string     `json:"freshness"`     // fresh | stale | no data
	RulePack   string     `json:"rulePack,omitempty"`
	Clusters   int        `json:"clusters"`
	Findings   Verdicts   `json:"findings"`
}

// Freshness of a site's data.
const (
	Fresh  = "fresh"
	Stale  = "stale"
	NoData = "no data"
)

// Finding is one finding with what an auditor needs beside it. Of one that the history told, all but its text is read when a
// format needs it: until then Finding is nil.
type Finding struct {
	*rules.Finding
	Waived     bool       `json:"waived"`               // its waiver is in force at the instant of the report
	ObservedAt *time.Time `json:"observedAt,omitempty"` // when the facts it rests on were seen

	decides deciding
	text    string // Finding as JSON
}

// deciding is what of a finding decides about a report.
type deciding struct {
	rule                          string
	verdict                       rules.Verdict
	severity                      rules.Severity
	site, cluster, infrastructure string
	waiver                        *rules.Waiver
}

// Shared is an infrastructure used by several clusters.
type Shared struct {
	Infrastructure string   `json:"infrastructure"`
	Aliases        []string `json:"aliases,omitempty"`
	Kind           string   `json:"kind"`
	Tenants        []string `json:"tenants"`
	Regions        []string `json:"regions,omitempty"`
}

// Paragraph is one point of the method.
type Paragraph struct {
	Heading string `json:"heading"`
	Text    string `json:"text"`
}

// Assumption is something a computation took for granted, and for how many clusters.
type Assumption struct {
	Text     string `json:"text"`
	Clusters int    `json:"clusters"`
}
