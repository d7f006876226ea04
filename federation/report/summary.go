package report

import (
	"cmp"
	"maps"
	"slices"

	"github.com/meridian-federation/meridian/planner/rules"
)

func (b *builder) summary(r *Report) Summary {
	s := Summary{BySeverity: []SeverityCount{}, ByRule: []RuleCount{}}
	for i := range r.Sites {
		s.Sites.add(r.Sites[i].Status)
	}
	byArch := map[ArchitectureDiff]int{}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		s.Clusters.add(c.Status)
		byArch[ArchitectureDiff{Recognised: c.Recognised, Recommended: c.Recommended}]++
		switch {
		case c.Regions.Match == nil:
			s.Regions.Unknown++
		case *c.Regions.Match:
			s.Regions.Match++
		default:
			s.Regions.Mismatch++
		}
	}
	s.ByArch = []ArchitectureDiff{}
	for diff, n := range byArch {
		diff.Clusters = n
		s.ByArch = append(s.ByArch, diff)
	}
	slices.SortFunc(s.ByArch, func(x, y ArchitectureDiff) int {
		return cmp.Or(cmp.Compare(x.Recognised, y.Recognised), cmp.Compare(x.Recommended, y.Recommended))
	})
	bySeverity := make([]Verdicts, rules.Info.Rank()+2) // by rank; the last is of severities that are none
	for i := range b.findings {
		f := &b.findings[i]
		s.Findings.add(f)
		bySeverity[min(f.decides.severity.Rank(), len(bySeverity)-1)].add(f)
	}
	for id, passed := range b.passed {
		for _, v := range []*Verdicts{&s.Findings, &bySeverity[min(b.rule(id).Severity.Rank(), len(bySeverity)-1)]} {
			v.Pass += passed.Pass
			v.NotApplicable += passed.NotApplicable
		}
	}
	for _, severity := range rules.Severities() {
		s.BySeverity = append(s.BySeverity, SeverityCount{severity, bySeverity[severity.Rank()]})
	}
	s.ByRule = b.byRule()
	s.ByCountry = b.group(r, func(c *Cluster) []string { return []string{b.sites[c.Site].Country} }, true)
	s.ByRegion = b.group(r, func(c *Cluster) []string {
		if len(c.Regions.ThingWorx) == 0 {
			return []string{""}
		}
		return c.Regions.ThingWorx
	}, false)
	return s
}

// byRule counts every rule that judged something, those that fail worst first.
func (b *builder) byRule() []RuleCount {
	type count struct {
		RuleCount
		decided bool // the severity is that of a finding that counts against somebody
	}
	counts := map[string]*count{}
	for i := range b.findings {
		f := &b.findings[i]
		d := &f.decides
		c := counts[d.rule]
		if c == nil {
			title, confidence, reference := f.words()
			c = &count{RuleCount: RuleCount{Rule: d.rule, Title: title, Severity: d.severity, Confidence: confidence, Reference: reference}}
			counts[d.rule] = c
		}
		against := d.verdict == rules.Fail || d.verdict == rules.Unknown
		worse := d.severity.Rank() < c.Severity.Rank()
		if against && (!c.decided || worse) || !against && !c.decided && worse {
			c.Severity = d.severity
		}
		c.decided = c.decided || against
		c.add(f)
	}
	for id, v := range b.passed {
		c := counts[id]
		if c == nil {
			e := b.rule(id)
			c = &count{RuleCount: RuleCount{Rule: id, Title: e.Title, Severity: e.Severity, Confidence: e.Confidence, Reference: e.Reference}}
			counts[id] = c
		}
		c.Pass += v.Pass
		c.NotApplicable += v.NotApplicable
	}
	out := make([]RuleCount, 0, len(counts))
	for _, c := range counts {
		out = append(out, c.RuleCount)
	}
	slices.SortFunc(out, func(x, y RuleCount) int {
		return cmp.Or(cmp.Compare(kind(y.Verdicts), kind(x.Verdicts)), cmp.Compare(x.Severity.Rank(), y.Severity.Rank()),
			cmp.Compare(y.Fail, x.Fail), cmp.Compare(y.Unknown, x.Unknown), cmp.Compare(x.Rule, y.Rule))
	})
	return out
}

// rule is what is known of a rule; of one that is gone only that it was.
func (b *builder) rule(id string) *rules.Entry {
	if e := b.in.Rules[id]; e != nil {
		return e
	}
	return &rules.Entry{Title: id, Severity: rules.Info, Confidence: rules.Inferred}
}

// kind orders rules: some fail, some are unknown, some are waived, none.
func kind(v Verdicts) int {
	switch {
	case v.Fail > 0:
		return 3
	case v.Unknown > 0:
		return 2
	case v.Waived > 0:
		return 1
	}
	return 0
}

// group counts clusters and sites by a name. allSites adds the sites without clusters under their country.
func (b *builder) group(r *Report, names func(*Cluster) []string, allSites bool) []GroupCount {
	type group struct {
		GroupCount
		last string // site that was counted; clusters come in order of site
	}
	groups := map[string]*group{}
	at := func(name, site string) *group {
		g := groups[name]
		if g == nil {
			g = &group{GroupCount: GroupCount{Name: name}}
			groups[name] = g
		}
		if g.last != site {
			g.last = site
			g.Sites++
		}
		return g
	}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		for _, name := range names(c) {
			g := at(name, c.Site)
			g.Clusters.add(c.Status)
			g.Fail += c.Findings.Fail
		}
	}
	if allSites {
		for _, g := range groups {
			g.Sites, g.last = 0, ""
		}
		for i := range r.Sites {
			g := at(r.Sites[i].Country, r.Sites[i].ID)
			if r.Sites[i].Freshness == NoData {
				g.NoData++
			}
		}
	}
	out := []GroupCount{}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		out = append(out, groups[name].GroupCount)
	}
	return out
}
