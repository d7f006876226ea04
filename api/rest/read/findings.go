package read

import (
	"fmt"
	"iter"
	"time"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/rules"
)

// findingItem is one finding in a list, with its site.
type findingItem struct {
	*summary
	finding *rules.Finding
}

// maxWhole is how many sites are judged anew for one request that asks for all verdicts.
const maxWhole = 256

// isOpen reports whether a finding is listed without being asked for all.
func isOpen(f *rules.Finding) bool { return f.Verdict == rules.Fail || f.Verdict == rules.Unknown }

// findingCollection lists what fails or is unknown.
func findingCollection() *collection[findingItem] {
	return &collection[findingItem]{
		fields: findingFields(false), key: findingKey, rank: findingRank,
		site: func(s *Snapshot, sum *summary, yield func(findingItem) bool) bool {
			return s.eachFinding(sum, isOpen, yield)
		},
	}
}

// wholeCollection lists all verdicts of sites judged for the request.
func wholeCollection(sites []*summary) *collection[findingItem] {
	return &collection[findingItem]{
		fields: findingFields(true), key: findingKey, rank: findingRank,
		each: func(s *Snapshot) iter.Seq[findingItem] {
			return func(yield func(findingItem) bool) {
				for _, sum := range sites {
					if !s.eachFinding(sum, func(*rules.Finding) bool { return true }, yield) {
						return
					}
				}
			}
		},
	}
}

func findingKey(i findingItem) []string {
	f := i.finding
	return []string{i.record.ID, f.Subject.Cluster, f.Rule, f.Subject.Infrastructure, f.Subject.Node, f.ID}
}

func findingRank(i findingItem) int { return i.finding.Severity.Rank() }

func (s *Snapshot) eachFinding(sum *summary, listed func(*rules.Finding) bool, yield func(findingItem) bool) bool {
	red := s.redactor(sum)
	return sum.each(func(f *rules.Finding) bool {
		return !listed(f) || yield(findingItem{sum, red.finding(f)})
	})
}

// whole judges a record anew, with all verdicts. One that was never judged has none.
func whole(r *fleet.Record, all Judge) (*summary, error) {
	if r.Assessment == nil {
		return summarise(r), nil
	}
	full, err := all(r)
	if err != nil {
		return nil, fmt.Errorf("assess %s with all verdicts: %w", r.ID, err)
	}
	again := *r
	again.Assessment = full
	return summarise(&again), nil
}

func (s *Snapshot) wholeFleet(all Judge) (*collection[findingItem], error) {
	var sites []*summary
	for r := range s.records() {
		if len(sites) == maxWhole {
			return nil, parameter("all", "too many sites to judge anew; ask GET /sites/{site}/assessment?all=true for one site")
		}
		sum, err := whole(r, all)
		if err != nil {
			return nil, err
		}
		sites = append(sites, sum)
	}
	return wholeCollection(sites), nil
}

// Findings lists what fails or is unknown, or with a judge all verdicts.
func (s *Snapshot) Findings(q Query, all Judge) (*gen.FindingList, error) {
	c := s.reader.findings
	if all != nil {
		var err error
		if c, err = s.wholeFleet(all); err != nil {
			return nil, err
		}
	}
	p, err := c.page(s, q)
	if err != nil {
		return nil, err
	}
	items := render(p.items, func(i findingItem) rules.Finding { return *i.finding })
	return &gen.FindingList{Items: items, Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

func findingFields(all bool) filter.Fields[findingItem] {
	type t = findingItem
	verdicts := []string{string(rules.Fail), string(rules.Unknown)}
	if all {
		verdicts = append(verdicts, string(rules.Pass), string(rules.NotApplicable))
	}
	return filter.Of(
		filter.Text("id", func(i t) string { return i.finding.ID }),
		filter.Text("rule", func(i t) string { return i.finding.Rule }),
		filter.Text("title", func(i t) string { return i.finding.Title }),
		filter.Enum("verdict", verdicts, func(i t) string { return string(i.finding.Verdict) }),
		filter.Ordered("severity", severityNames(), func(i t) string { return string(i.finding.Severity) }),
		filter.Enum("confidence", []string{"official", "inferred", "policy", "user"}, func(i t) string { return string(i.finding.Confidence) }),
		filter.Text("site", func(i t) string { return i.record.ID }),
		filter.Text("cluster", func(i t) string { return i.finding.Subject.Cluster }),
		filter.Text("infrastructure", func(i t) string { return i.finding.Subject.Infrastructure }),
		filter.Text("node", func(i t) string { return i.finding.Subject.Node }),
		filter.Text("message", func(i t) string { return i.finding.Message }),
		filter.Texts("missing", func(i t) []string { return i.finding.Missing }),
		filter.Time("firstSeen", func(i t) (time.Time, bool) { return deref(i.finding.FirstSeen) }),
		filter.Time("failingSince", func(i t) (time.Time, bool) { return deref(i.finding.FailingSince) }),
		filter.Text("waiver", func(i t) string {
			if i.finding.Waiver == nil {
				return ""
			}
			return i.finding.Waiver.ID
		}),
		filter.Bool("waived", func(i t) (bool, bool) { return i.finding.Waiver != nil, true }),
		filter.Text("country", func(i t) string { return i.inventory.Site.Country }),
		filter.Texts("region", func(i t) []string { return regionsOf(i.record, i.finding.Subject.Cluster) }),
		filter.Keyed("tag", func(i t, k string) string { return i.inventory.Site.Tags[k] }),
	)
}

// regionsOf are the regions of a cluster and of its database, or of all clusters of the site for what is about none.
func regionsOf(r *fleet.Record, cluster string) []string {
	if r.Assessment == nil {
		return nil
	}
	return r.Assessment.RegionsOf(cluster)
}

// FindingFilter compiles a filter of the findings list, for exports that must select what the list selects. It takes every
// verdict, since a report counts what passes as well. The error is a *filter.Error.
func FindingFilter(expression string) (func(*fleet.Record, *rules.Finding) bool, error) {
	expr, err := filter.Parse(expression)
	if err != nil {
		return nil, err
	}
	match, err := filter.Compile(expr, findingFields(true))
	if err != nil {
		return nil, err
	}
	return func(r *fleet.Record, f *rules.Finding) bool {
		return match(findingItem{&summary{record: r, inventory: inventoryOf(r)}, f})
	}, nil
}
