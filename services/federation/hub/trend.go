package hub

import (
	"maps"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/history"
)

// trend counts what is in force at each point, by group.
type trend struct {
	query    rest.TrendQuery
	sites    map[string][]string            // groups of a site
	clusters map[string]map[string][]string // groups of a cluster, by site
	counts   map[string][]gen.TrendPoint
	open     *history.Standing // of the site that is being read, not yet counted
}

func newTrend(q rest.TrendQuery) *trend {
	return &trend{query: q, sites: map[string][]string{}, clusters: map[string]map[string][]string{}, counts: map[string][]gen.TrendPoint{}}
}

// locate puts a site, and one of its clusters unless it is empty, into groups.
func (t *trend) locate(site, cluster string, groups []string) {
	distinct := func(list []string) []string {
		slices.Sort(list)
		return slices.Compact(list)
	}
	t.sites[site] = distinct(append(t.sites[site], groups...))
	if cluster != "" {
		if t.clusters[site] == nil {
			t.clusters[site] = map[string][]string{}
		}
		t.clusters[site][cluster] = distinct(groups)
	}
}

// add takes the standings in order of site and point. Each is in force until the next of its site.
func (t *trend) add(s *history.Standing) {
	if t.open != nil {
		until := t.query.Points
		if t.open.Site == s.Site {
			until = s.Point
		}
		t.count(t.open, until)
	}
	t.open = s
}

// count adds a standing to the points until the given one.
func (t *trend) count(s *history.Standing, until int) {
	if s.Removed || until <= s.Point {
		return
	}
	of := map[string]*gen.TrendPoint{}
	group := func(name string) *gen.TrendPoint {
		if of[name] == nil {
			of[name] = &gen.TrendPoint{Sites: 1}
		}
		return of[name]
	}
	if t.query.By != "rule" && t.query.By != "severity" {
		for _, name := range t.groupsOf(s, nil) {
			group(name)
		}
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		for _, name := range t.groupsOf(s, f) {
			switch p := group(name); {
			case f.Verdict == "unknown":
				p.Unknown++
			case f.Waiver != "":
				p.Waived++
			default:
				p.Fail++
			}
		}
	}
	for name, p := range of {
		series := t.counts[name]
		if series == nil {
			series = make([]gen.TrendPoint, t.query.Points)
			t.counts[name] = series
		}
		for i := s.Point; i < until; i++ {
			series[i].Sites += p.Sites
			series[i].Fail += p.Fail
			series[i].Unknown += p.Unknown
			series[i].Waived += p.Waived
		}
	}
}

// groupsOf are the groups a finding counts in, or without one the site.
func (t *trend) groupsOf(s *history.Standing, f *history.Finding) []string {
	switch t.query.By {
	case "":
		return []string{""}
	case "site":
		return []string{s.Site}
	case "rule":
		return []string{f.Rule}
	case "severity":
		return []string{f.Severity}
	}
	if f != nil && f.Cluster != "" {
		if groups := t.clusters[s.Site][f.Cluster]; len(groups) > 0 {
			return groups
		}
	}
	if groups := t.sites[s.Site]; len(groups) > 0 {
		return groups
	}
	return []string{""}
}

// series ends the count. Groups come in order; a point at which a group has no site is left out.
func (t *trend) series() []gen.TrendSeries {
	if t.open != nil {
		t.count(t.open, t.query.Points)
		t.open = nil
	}
	out := []gen.TrendSeries{}
	for _, name := range slices.Sorted(maps.Keys(t.counts)) {
		s := gen.TrendSeries{Group: name, Points: []gen.TrendPoint{}}
		for i, p := range t.counts[name] {
			if p.Sites > 0 {
				p.At = t.query.From.Add(time.Duration(i) * t.query.Every)
				s.Points = append(s.Points, p)
			}
		}
		out = append(out, s)
	}
	return out
}
