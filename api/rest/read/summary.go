package read

import (
	"cmp"
	"slices"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// summary is what lists show of one record, computed once per record.
type summary struct {
	record      *fleet.Record
	inventory   *inventory.Site
	assessment  *assess.Assessment
	tally       tally
	clusters    []clusterSummary // in order of id
	findings    []int            // positions in assessment.Findings in order of key, nil when they are in order already
	regions     []string
	regionMatch *bool
}

type clusterSummary struct {
	judged    *assess.Cluster
	inventory *inventory.Cluster // never nil
	tally     tally
}

// tally counts findings and keeps the ids of the rules that fail, sorted.
type tally struct {
	counts gen.FindingCounts
	rules  []string
}

func (t *tally) add(f *rules.Finding) {
	switch f.Verdict {
	case rules.Unknown:
		t.counts.Unknown++
	case rules.Fail:
		if f.Waiver != nil {
			t.counts.Waived++
			return
		}
		t.counts.Fail++
		switch f.Severity {
		case rules.Critical:
			t.counts.Critical++
		case rules.High:
			t.counts.High++
		case rules.Medium:
			t.counts.Medium++
		case rules.Low:
			t.counts.Low++
		case rules.Info:
			t.counts.Info++
		}
		if i, found := slices.BinarySearch(t.rules, f.Rule); !found {
			t.rules = slices.Insert(t.rules, i, f.Rule)
		}
	}
}

// worst is the worst severity of what fails unwaived, "" when nothing does.
func (t *tally) worst() rules.Severity {
	switch c := &t.counts; {
	case c.Critical > 0:
		return rules.Critical
	case c.High > 0:
		return rules.High
	case c.Medium > 0:
		return rules.Medium
	case c.Low > 0:
		return rules.Low
	case c.Info > 0:
		return rules.Info
	}
	return ""
}

func (t *tally) severity() gen.WorstSeverity {
	if w := t.worst(); w != "" {
		return &w
	}
	return nil
}

// Record implements follow.Made.
func (s *summary) Record() *fleet.Record { return s.record }

func summarise(r *fleet.Record) *summary {
	s := &summary{record: r, inventory: r.Inventory, assessment: r.Assessment}
	if s.inventory == nil {
		s.inventory = &inventory.Site{Site: inventory.Identity{ID: r.ID}}
	}
	if s.assessment == nil {
		s.assessment = &assess.Assessment{}
	}
	s.addClusters()
	s.addFindings()
	return s
}

func (s *summary) addClusters() {
	known := true
	for i := range s.assessment.Clusters {
		c := &s.assessment.Clusters[i]
		cs := clusterSummary{judged: c, inventory: &inventory.Cluster{ID: c.Cluster}}
		for j := range s.inventory.Clusters {
			if s.inventory.Clusters[j].ID == c.Cluster {
				cs.inventory = &s.inventory.Clusters[j]
			}
		}
		s.clusters = append(s.clusters, cs)
		s.regions = append(s.regions, c.Regions.ThingWorx...)
		if c.Regions.Database != "" {
			s.regions = append(s.regions, c.Regions.Database)
		}
		switch m := c.Regions.Match; {
		case m == nil:
			known = false
		case !*m:
			no := false
			s.regionMatch = &no
		}
	}
	if s.regionMatch == nil && known && len(s.clusters) > 0 {
		yes := true
		s.regionMatch = &yes
	}
	slices.Sort(s.regions)
	s.regions = slices.Compact(s.regions)
	slices.SortStableFunc(s.clusters, func(a, b clusterSummary) int { return cmp.Compare(a.judged.Cluster, b.judged.Cluster) })
}

func (s *summary) addFindings() {
	all := s.assessment.Findings
	order := make([]int, len(all))
	sorted := true
	for i := range all {
		order[i] = i
		s.tally.add(&all[i])
		for j := range s.clusters {
			if s.clusters[j].concerns(s.record.ID, &all[i]) {
				s.clusters[j].tally.add(&all[i])
			}
		}
		sorted = sorted && (i == 0 || compareFindings(&all[i-1], &all[i]) <= 0)
	}
	if !sorted {
		slices.SortStableFunc(order, func(a, b int) int { return compareFindings(&all[a], &all[b]) })
		s.findings = order
	}
}

// each calls f with every finding in order of key until it returns false.
func (s *summary) each(f func(*rules.Finding) bool) bool {
	all := s.assessment.Findings
	for i := range all {
		j := i
		if s.findings != nil {
			j = s.findings[i]
		}
		if !f(&all[j]) {
			return false
		}
	}
	return true
}

// concerns reports whether a finding is about the cluster, or about an infrastructure of its site that it uses.
func (c *clusterSummary) concerns(site string, f *rules.Finding) bool {
	if f.Subject.Cluster != "" || f.Subject.Infrastructure == "" {
		return f.Subject.Cluster != "" && f.Subject.Cluster == c.judged.Cluster
	}
	for i := range c.inventory.Uses {
		id := c.inventory.Uses[i].Infrastructure
		if sub := f.Subject.Infrastructure; len(sub) == len(site)+1+len(id) && sub[:len(site)] == site && sub[len(site)] == '/' && sub[len(site)+1:] == id {
			return true
		}
	}
	return false
}

func (s *summary) cluster(id string) *clusterSummary {
	for i := range s.clusters {
		if s.clusters[i].judged.Cluster == id {
			return &s.clusters[i]
		}
	}
	return nil
}

func (s *summary) name() string {
	if n := s.inventory.Site.Name; n != "" {
		return n
	}
	return s.record.ID
}

// compareFindings orders by cluster, rule and subject, and at last by id, so that the order is total.
func compareFindings(a, b *rules.Finding) int {
	return cmp.Or(
		cmp.Compare(a.Subject.Cluster, b.Subject.Cluster), cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Subject.Infrastructure, b.Subject.Infrastructure), cmp.Compare(a.Subject.Node, b.Subject.Node), cmp.Compare(a.ID, b.ID))
}
