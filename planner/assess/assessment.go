// Package assess runs the pure packages in order: normalised inventory and neighbours in, assessment out. It does no I/O
// and reads no clock, so the same input gives the same bytes in the daemon, the hub and the CLI.
package assess

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Kind heads every Assessment document.
const Kind = "Assessment"

// Assessment is everything computed from one or more inventory revisions under one rule pack and policy.
type Assessment struct {
	APIVersion  string           `json:"apiVersion"`
	Kind        string           `json:"kind"`
	RulePack    RulePack         `json:"rulePack"`
	Policy      PolicyRef        `json:"policy"`
	At          time.Time        `json:"at"` // the instant of the judgement, an argument and not a clock reading
	Inventories []InventoryRef   `json:"inventories"`
	Coverage    Coverage         `json:"coverage"`
	Verdicts    Verdicts         `json:"verdicts"`
	Passed      []Passed         `json:"passed,omitempty"` // in order of subject; absent when Findings leaves nothing out
	Clusters    []Cluster        `json:"clusters"`
	Findings    []rules.Finding  `json:"findings"`
	Tenancy     []tenancy.Shared `json:"tenancy"`

	// Basis is no part of the document: the federation sends it beside it.
	Basis Basis `json:"-"`
}

// Basis identifies what a judgement rests on: the structures of a site and of its neighbours (inventory.Structure), the rules and the policy. What is
// not in it are the site's own measurements and instants, which change from revision to revision. The zero value is not known.
type Basis [16]byte

// String is the basis in hexadecimal digits, empty when it is not known.
func (b Basis) String() string {
	if b == (Basis{}) {
		return ""
	}
	return hex.EncodeToString(b[:])
}

// ParseBasis is the reverse of String; what it did not write is not known.
func ParseBasis(text string) (b Basis) {
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(b) {
		copy(b[:], raw)
	}
	return b
}

// RulePack identifies what a judgement was made under.
type RulePack struct {
	Version string `json:"version"`
	Hash    string `json:"hash"` // Engine.Hash: over rules, policy, catalogue, size pack, regions and reasoning
}

// PolicyRef identifies the policy of a judgement. RulePack.Hash covers what it decides.
type PolicyRef struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"` // where the hub keeps versions; empty for a file
	Hash    string `json:"hash"`              // Policy.Hash
}

// RefOf names a policy without a version.
func RefOf(p *policy.Policy) PolicyRef { return PolicyRef{Name: p.Name, Hash: p.Hash()} }

// InventoryRef names the inventory revision of a site that was judged.
type InventoryRef struct {
	Site       string    `json:"site"`
	Name       string    `json:"name,omitempty"`
	Revision   string    `json:"revision"`
	ObservedAt time.Time `json:"observedAt"`
}

// Coverage says what a statement rests on.
type Coverage struct {
	Sites       int `json:"sites"`
	Fresh       int `json:"fresh"`
	Stale       int `json:"stale"`
	FactsKnown  int `json:"factsKnown"`
	FactsNeeded int `json:"factsNeeded"`
}

// Add sums two coverages.
func (c Coverage) Add(o Coverage) Coverage {
	return Coverage{c.Sites + o.Sites, c.Fresh + o.Fresh, c.Stale + o.Stale, c.FactsKnown + o.FactsKnown, c.FactsNeeded + o.FactsNeeded}
}

// Verdicts counts all findings, also those that Findings leaves out.
type Verdicts struct {
	Pass          int `json:"pass"`
	Fail          int `json:"fail"`
	Unknown       int `json:"unknown"`
	NotApplicable int `json:"notApplicable"`
}

// Add sums two counts.
func (v Verdicts) Add(o Verdicts) Verdicts {
	return Verdicts{v.Pass + o.Pass, v.Fail + o.Fail, v.Unknown + o.Unknown, v.NotApplicable + o.NotApplicable}
}

// Passed names the rules whose findings on one subject are left out, because they pass or the rule does not apply. Each list
// is of rule ids in order, separated by spaces, an id once for each finding: it stays with every assessment in memory, where a
// hundred findings would take a hundred times as much.
type Passed struct {
	Subject       string `json:"subject"` // site/cluster; the site's id for what concerns no cluster
	Pass          string `json:"pass,omitempty"`
	NotApplicable string `json:"notApplicable,omitempty"`
}

// WithPassed returns the assessment with the findings it left out, as far as Passed tells of them: rule, verdict, site and
// cluster, and what the entries say of the rule today; of a rule that is gone its id. One that is judged with View.All tells more, and the assessment
// itself when it left nothing out.
func (a *Assessment) WithPassed(entries map[string]*rules.Entry) *Assessment {
	if len(a.Passed) == 0 {
		return a
	}
	out := *a
	out.Passed, out.Findings = nil, slices.Clone(a.Findings)
	for i := range a.Passed {
		p := &a.Passed[i]
		out.Findings = p.append(out.Findings, rules.Pass, p.Pass, entries)
		out.Findings = p.append(out.Findings, rules.NotApplicable, p.NotApplicable, entries)
	}
	return &out
}

func (p *Passed) append(to []rules.Finding, verdict rules.Verdict, ids string, entries map[string]*rules.Entry) []rules.Finding {
	site, cluster, _ := strings.Cut(p.Subject, "/")
	n := 0
	for id := range strings.FieldsSeq(ids) {
		n++
		f := rules.Finding{
			ID: fmt.Sprintf("%s:%s:%d", p.Subject, id, n), Rule: id, Title: id, Verdict: verdict, Severity: rules.Info, Confidence: rules.Inferred,
			Subject: rules.Subject{Site: site, Cluster: cluster}, Message: "judged so; the record keeps no more of it",
		}
		if e := entries[id]; e != nil {
			f.Title, f.Severity, f.Confidence, f.Reference = e.Title, e.Severity, e.Confidence, e.Reference
		}
		to = append(to, f)
	}
	return to
}

// Cluster is the judgement of one cluster.
type Cluster struct {
	ID             string                `json:"id"` // site/cluster
	Site           string                `json:"site"`
	Cluster        string                `json:"cluster"`
	Environment    inventory.Environment `json:"environment,omitempty"`
	Recognised     recognise.Result      `json:"recognised"`
	Regions        Regions               `json:"regions"`
	Sizing         sizing.Result         `json:"sizing"`
	Availability   availability.Result   `json:"availability"`
	Recommendation recommend.Packed      `json:"recommendation"`
}

// Regions compares where ThingWorx and its model database run.
type Regions struct {
	ThingWorx  []string   `json:"thingworx"` // region codes of the Foundation nodes, sorted
	Database   string     `json:"database"`  // "" when not known
	Match      *bool      `json:"match"`     // null when either side is not known
	RoundTrip  *RoundTrip `json:"roundTrip,omitempty"`
	DistanceKm *int       `json:"distanceKm,omitempty"`
}

// RegionsOf are the regions of a cluster and of its database, or of all clusters when cluster is empty, sorted.
func (a *Assessment) RegionsOf(cluster string) []string {
	var out []string
	for i := range a.Clusters {
		c := &a.Clusters[i]
		if cluster != "" && c.Cluster != cluster {
			continue
		}
		out = append(out, c.Regions.ThingWorx...)
		if c.Regions.Database != "" {
			out = append(out, c.Regions.Database)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// RoundTrip is the 95th percentile of the round trip between ThingWorx and its database: the provider's published figure
// where there is one, else the measured one. Measured is given beside a published figure when a probe saw the way itself.
type RoundTrip struct {
	P95      inventory.Duration `json:"p95"`
	Source   string             `json:"source"` // published | measured
	Measured inventory.Duration `json:"measured,omitzero"`
}
