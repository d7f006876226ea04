// Package advice recommends for the federation what no cluster can be recommended alone: infrastructure that clusters could share safely,
// sharing that should end, the order in which federated servers are upgraded, and one queue of what to mend first. Every proposal was
// applied to a branch and judged there. It is pure; the hub gives it a view, the command line one over files.
package advice

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// hoursPerYear is a year of 365 days, as availability has it.
const hoursPerYear = 365 * 24

// Bounds of one plan: the branches that are judged for each of its parts, and the fixes that are listed.
const (
	triesOfPart = 1000
	fixesListed = 1000
)

// Plan is the recommendation for the federation.
type Plan struct {
	Consolidations []Proposal `json:"consolidations"`
	Separations    []Proposal `json:"separations"`
	Upgrades       []Upgrade  `json:"upgrades"`
	Queue          []Fix      `json:"queue"` // the most gained per hour of work first, a thousand at most
	QueueTotal     int        `json:"queueTotal"`
	Sites          int        `json:"sites"` // looked at
	// Tried is how many changes were judged; Untried how many were not, because the bound was reached: their gain is not known.
	Tried       int      `json:"tried"`
	Untried     int      `json:"untried"`
	Assumptions []string `json:"assumptions"`
}

// Proposal is a change of who shares what.
type Proposal struct {
	Do             string        `json:"do"` // consolidate | separate
	Kind           string        `json:"kind"`
	Region         string        `json:"region"`         // provider/region
	Infrastructure []string      `json:"infrastructure"` // site/id; of a consolidation the one that stays first
	Clusters       []string      `json:"clusters"`       // those that get another infrastructure
	Why            string        `json:"why"`
	Serving        []Serving     `json:"serving"` // of all clusters that use it before or after
	Joint          []Joint       `json:"joint"`   // pairs that come to share it, or cease to
	BlastRadius    Count         `json:"blastRadius"`
	Machines       int           `json:"machines"` // nodes more (or, below zero, fewer) than before; a managed server counts as one
	Closed         []Consequence `json:"closed"`   // findings that it closes
	Opened         []Consequence `json:"opened"`   // and opens, none of them critical, high or about sharing
	Steps          []string      `json:"steps"`
	Effort         float64       `json:"effort"` // hours, an assumption
}

// Serving is the chance that a cluster serves, before and after.
type Serving struct {
	Cluster string  `json:"cluster"`
	Before  float64 `json:"before"`
	After   float64 `json:"after"`
}

// Joint is the chance that both clusters are down, before and after.
type Joint struct {
	Clusters [2]string `json:"clusters"`
	Before   float64   `json:"before"`
	After    float64   `json:"after"`
}

// Count is a number before and after: how many clusters one infrastructure takes down.
type Count struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

// Consequence is a finding that opens or closes.
type Consequence struct {
	Rule     string         `json:"rule"`
	Severity rules.Severity `json:"severity"`
	Site     string         `json:"site"`
	Subject  string         `json:"subject"` // site/cluster, or site/infrastructure, or the site
}

// Options tune a plan; the zero value has defaults but for Effort, which is needed.
type Options struct {
	Effort *Effort
	Within func(site string) bool // the sites that the reader sees; nil is all
}

// planner makes one plan.
type planner struct {
	base    whatif.Base
	effort  *Effort
	within  func(string) bool
	chances policy.Availability
	records []*fleet.Record
	plan    *Plan
	left    int // branches that the present part may still judge

	together int // clusters that one infrastructure may take down, by TEN-008
}

// Fleet makes the plan. The same view has the same plan.
func Fleet(base whatif.Base, o Options) *Plan {
	base.VerdictsOnly = true
	if base.Policy == nil {
		base.Policy = policy.Default()
	}
	if base.PackHash == "" {
		base.PackHash = base.Engine.Hash(base.Policy)
	}
	p := &planner{base: base, effort: o.Effort, within: o.Within, chances: base.Policy.Availability.WithDefaults(), plan: &Plan{
		Consolidations: []Proposal{}, Separations: []Proposal{}, Upgrades: []Upgrade{}, Queue: []Fix{},
		Assumptions: []string{"hours of work and the weights of gains are assumptions (" + cmp.Or(o.Effort.Name, "a file of your own") + "); replace them by a file of your own"},
	}}
	if p.within == nil {
		p.within = func(string) bool { return true }
	}
	for r := range base.View.Sites("") {
		if p.within(r.ID) && r.Assessment != nil && r.Inventory != nil {
			p.records = append(p.records, r)
		}
	}
	p.plan.Sites = len(p.records)
	if limit, ok := base.Engine.Rules.Number(base.Policy, "TEN-008", "maximumClusters"); ok {
		p.together = max(1, int(limit))
	}
	for _, part := range []func(){p.separations, p.consolidations, p.upgrades, p.queue} {
		p.left = triesOfPart
		part()
	}
	return p.plan
}

// outcome is what a branch comes to.
type outcome struct {
	before, after  map[string]cluster // by site/cluster, of the sites concerned
	opened, closed []Consequence
	unknown        []string // rules that are unknown and were not
}

type cluster struct {
	judged *assess.Cluster
	tenant availability.Tenant
}

// try judges documents in a branch. ok is false when that could not be done.
func (p *planner) try(documents ...*inventory.Site) (*outcome, bool) {
	if !p.may() {
		return nil, false
	}
	b, err := whatif.With(p.base, documents...)
	if err != nil {
		return nil, false
	}
	return p.outcome(b)
}

// may counts a branch that is about to be judged.
func (p *planner) may() bool {
	if p.left == 0 {
		p.plan.Untried++
		return false
	}
	p.left--
	p.plan.Tried++
	return true
}

// outcome compares a branch with the base. ok is false when a site of it is not judged.
func (p *planner) outcome(b *whatif.Branch) (*outcome, bool) {
	out := &outcome{before: map[string]cluster{}, after: map[string]cluster{}}
	for _, id := range b.Concerned() {
		was, _ := p.base.View.Site(id)
		is, ok := b.Site(id)
		if !ok || was.Assessment == nil {
			return nil, false
		}
		p.note(out.before, was)
		p.note(out.after, is)
		out.compare(was.Assessment.Findings, is.Assessment.Findings)
	}
	return out, true
}

func (p *planner) note(into map[string]cluster, r *fleet.Record) {
	for i := range r.Assessment.Clusters {
		j := &r.Assessment.Clusters[i]
		for k := range r.Inventory.Clusters {
			if c := &r.Inventory.Clusters[k]; c.ID == j.Cluster {
				into[j.ID] = cluster{j, availability.Tenant{Site: r.Inventory, Cluster: c, Need: max(1, sizing.InSite(r.Inventory, c, p.base.Engine.Sizes).FoundationNodes)}}
			}
		}
	}
}

func (o *outcome) compare(before, after []rules.Finding) {
	verdicts := func(list []rules.Finding) map[string]*rules.Finding {
		out := make(map[string]*rules.Finding, len(list))
		for i := range list {
			// It is about the recommendation, which a branch does not make.
			if list[i].Rule != "ARC-001" {
				out[list[i].ID] = &list[i]
			}
		}
		return out
	}
	was, is := verdicts(before), verdicts(after)
	for _, f := range before {
		if now := is[f.ID]; was[f.ID] != nil && f.Verdict == rules.Fail && (now == nil || now.Verdict != rules.Fail) {
			o.closed = append(o.closed, consequence(&f))
		}
	}
	for _, f := range after {
		then := was[f.ID]
		switch {
		case is[f.ID] == nil:
		case f.Verdict == rules.Fail && (then == nil || then.Verdict != rules.Fail):
			o.opened = append(o.opened, consequence(&f))
		case f.Verdict == rules.Unknown && (then == nil || then.Verdict != rules.Unknown):
			o.unknown = append(o.unknown, f.Rule)
		}
	}
}

func consequence(f *rules.Finding) Consequence {
	subject := f.Subject.Site
	if f.Subject.Cluster != "" {
		subject += "/" + f.Subject.Cluster
	}
	return Consequence{f.Rule, f.Severity, f.Subject.Site, cmp.Or(f.Subject.Infrastructure, subject)}
}

// sound reports whether nothing opened that a recommendation must not open: what is critical or high, and what is about sharing, places
// and budgets. What became unknown there is no better.
func (o *outcome) sound() bool {
	hard := func(rule string) bool {
		return strings.HasPrefix(rule, "TEN-") || strings.HasPrefix(rule, "RES-") || strings.HasPrefix(rule, "COL-") || rule == "SIZ-005"
	}
	return !slices.ContainsFunc(o.opened, func(c Consequence) bool {
		return c.Severity == rules.Critical || c.Severity == rules.High || hard(c.Rule)
	}) && !slices.ContainsFunc(o.unknown, hard)
}

// serving compares the chances of clusters; ok is false when one is not known.
func (o *outcome) serving(clusters []string) (out []Serving, ok bool) {
	for _, id := range clusters {
		x, y := o.before[id], o.after[id]
		if x.judged == nil || y.judged == nil || !x.judged.Availability.Known || !y.judged.Availability.Known {
			return nil, false
		}
		out = append(out, Serving{id, x.judged.Availability.Serving, y.judged.Availability.Serving})
	}
	return out, true
}

// joint is the chance that both are down, by the exact joint model where they share something.
func (p *planner) joint(side map[string]cluster, a, b string) float64 {
	x, y := side[a], side[b]
	for _, j := range availability.Pairs([]availability.Tenant{x.tenant, y.tenant}, p.chances) {
		if !j.Unknown {
			return j.AllDown
		}
	}
	return (1 - x.judged.Availability.Serving) * (1 - y.judged.Availability.Serving)
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func siteOf(key string) string {
	site, _, _ := strings.Cut(key, "/")
	return site
}

func idOf(key string) string {
	_, id, _ := strings.Cut(key, "/")
	return id
}
