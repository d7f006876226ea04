package history

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kinds of difference.
const (
	DiffSite    = "site"
	DiffCluster = "cluster"
	DiffFinding = "finding"
	DiffFact    = "fact"
)

// Difference is one thing that is otherwise at a later instant than at an earlier one.
type Difference struct {
	Kind    string
	Change  string // joined | left for sites, else opened, changed, closed, waived or unwaived
	Site    string
	Cluster string // id within the site, empty for what concerns none
	// What is the finding's id, the fact's JSON pointer or the name of the cluster's property: architecture, recommended,
	// serving, environment, thingworxRegions or databaseRegion.
	What string
	// Before and After are texts: of a fact JSON, of a finding its verdict and severity. Empty is absent.
	Before, After string
	Finding       *Finding // as it is after, or was before when it is closed
}

const (
	selectAcceptedAsOf = `SELECT site, argMax(revision, (accepted_at, sequence))
FROM acceptances
WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
GROUP BY site
ORDER BY site`

	selectFindingsAsOf = `SELECT site, at, revision, sequence, pack_hash, removed, ` + findingArrays + `
FROM assessments
WHERE (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
    GROUP BY site)
ORDER BY site, at, revision, pack_hash`

	// together bounds the documents that are in memory while facts are compared.
	together = 500
)

// Diff calls each with what differs between the federation as it was known at two instants, in order of site, kind, cluster and
// what. No sites means all. It stops at the first error of each and returns it.
func (s *Store) Diff(ctx context.Context, from, to time.Time, sites []string, each func(Difference) error) error {
	before, err := s.federationAsOf(ctx, from, sites)
	if err != nil {
		return wrap("compare two instants", err)
	}
	after, err := s.federationAsOf(ctx, to, sites)
	if err != nil {
		return wrap("compare two instants", err)
	}
	all := slices.Sorted(maps.Keys(before))
	for site := range after {
		if _, ok := before[site]; !ok {
			all = append(all, site)
		}
	}
	slices.Sort(all)
	for chunk := range slices.Chunk(all, together) {
		facts, err := s.factsBetween(ctx, from, to, chunk, before, after)
		if err != nil {
			return wrap("compare two instants", err)
		}
		for _, site := range chunk {
			found := append(diffSite(site, before[site], after[site]), facts[site]...)
			slices.SortStableFunc(found, func(a, b Difference) int {
				return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.What, b.What))
			})
			for _, d := range found {
				if err := each(d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// siteState is what a diff compares of one site.
type siteState struct {
	revision   string
	assessment *AssessmentRow
	clusters   map[string]*Recommendation
}

func (s *Store) federationAsOf(ctx context.Context, t time.Time, sites []string) (map[string]*siteState, error) {
	out := map[string]*siteState{}
	at := func(site string) *siteState {
		if out[site] == nil {
			out[site] = &siteState{clusters: map[string]*Recommendation{}}
		}
		return out[site]
	}
	query, arguments := asOfQuery(selectAcceptedAsOf, t, sites)
	err := s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var site, revision string
		err := scan(&site, &revision)
		at(site).revision = revision
		return err
	})
	if err != nil {
		return nil, err
	}
	query, arguments = asOfQuery(selectFindingsAsOf, t, sites)
	err = s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var r AssessmentRow
		var a findingColumns
		err := scan(&r.Site, &r.At, &r.Revision, &r.Sequence, &r.PackHash, &r.Removed,
			&a.id, &a.rule, &a.verdict, &a.severity, &a.cluster, &a.infrastructure, &a.node, &a.message, &a.firstSeen, &a.failingSince, &a.waiver)
		if err != nil {
			return err
		}
		r.Findings = a.findings()
		if state := at(r.Site); state.assessment == nil || overrides(&r, state.assessment) {
			state.assessment = &r
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(out, func(_ string, state *siteState) bool { return state.assessment != nil && state.assessment.Removed })
	return out, s.RecommendationsAsOf(ctx, t, sites, func(r Recommendation) error {
		at(r.Site).clusters[r.Cluster] = &r
		return nil
	})
}

func diffSite(site string, before, after *siteState) []Difference {
	var out []Difference
	none := &siteState{}
	switch {
	case before == nil:
		out = append(out, Difference{Kind: DiffSite, Change: "joined", Site: site, After: after.revision})
		before = none
	case after == nil:
		out = append(out, Difference{Kind: DiffSite, Change: "left", Site: site, Before: before.revision})
		after = none
	}
	old, now := before.assessment, after.assessment
	if now == nil {
		now = &AssessmentRow{Site: site, Removed: true}
	}
	was := map[string]*Finding{}
	if old != nil {
		for i := range old.Findings {
			was[old.Findings[i].ID] = &old.Findings[i]
		}
	}
	for _, e := range eventsBetween(old, now) {
		f := e.Finding
		d := Difference{Kind: DiffFinding, Change: string(e.Change), Site: site, Cluster: f.Cluster, What: f.ID, Finding: &f}
		if b := was[f.ID]; b != nil {
			d.Before = b.Verdict + " " + b.Severity
		}
		if e.Change != Closed {
			d.After = f.Verdict + " " + f.Severity
		}
		out = append(out, d)
	}
	return append(out, diffClusters(site, before.clusters, after.clusters)...)
}

// properties are what a diff compares of a cluster, as texts.
func (r *Recommendation) properties() [6][2]string {
	if r == nil {
		r = &Recommendation{}
	}
	serving := ""
	if r.Serving > 0 {
		serving = strconv.FormatFloat(r.Serving, 'g', -1, 64)
	}
	return [6][2]string{
		{"architecture", r.Architecture},
		{"databaseRegion", r.Database},
		{"environment", r.Environment},
		{"recommended", r.Recommended},
		{"serving", serving},
		{"thingworxRegions", strings.Join(r.ThingWorx, " ")},
	}
}

func diffClusters(site string, before, after map[string]*Recommendation) []Difference {
	ids := slices.Collect(maps.Keys(before))
	for id := range after {
		if before[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var out []Difference
	for _, id := range ids {
		x, y := before[id].properties(), after[id].properties()
		for i := range x {
			if x[i][1] != y[i][1] {
				out = append(out, Difference{
					Kind: DiffCluster, Change: changeOf(x[i][1] != "", y[i][1] != ""), Site: site, Cluster: id, What: x[i][0], Before: x[i][1], After: y[i][1],
				})
			}
		}
	}
	return out
}

func changeOf(before, after bool) string {
	switch {
	case !before:
		return string(Opened)
	case !after:
		return string(Closed)
	}
	return string(Changed)
}

// factsBetween compares the leaves of the inventories of those sites that were there at both instants with another revision.
func (s *Store) factsBetween(ctx context.Context, from, to time.Time, sites []string, before, after map[string]*siteState) (map[string][]Difference, error) {
	var changed []string
	for _, site := range sites {
		if b, a := before[site], after[site]; b != nil && a != nil && b.revision != a.revision {
			changed = append(changed, site)
		}
	}
	if len(changed) == 0 {
		return nil, nil
	}
	old := map[string]map[string]string{}
	err := s.InventoriesAsOf(ctx, from, changed, func(r InventoryRow) error {
		old[r.Site] = leaves(&r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := map[string][]Difference{}
	err = s.InventoriesAsOf(ctx, to, changed, func(r InventoryRow) error {
		was, now := old[r.Site], leaves(&r)
		delete(old, r.Site)
		for path, value := range now {
			if b, ok := was[path]; !ok || b != value {
				out[r.Site] = append(out[r.Site], Difference{Kind: DiffFact, Change: changeOf(ok, true), Site: r.Site, What: path, Before: b, After: value})
			}
			delete(was, path)
		}
		for path, value := range was {
			out[r.Site] = append(out[r.Site], Difference{Kind: DiffFact, Change: string(Closed), Site: r.Site, What: path, Before: value})
		}
		return nil
	})
	return out, err
}

// leaves are the facts of a document by path, without the times at which they were learned. One that is not JSON has none.
func leaves(r *InventoryRow) map[string]string {
	var f factColumns
	if f.add(r) != nil {
		return map[string]string{}
	}
	out := make(map[string]string, len(f.path))
	for i, path := range f.path {
		learned := strings.HasSuffix(path, "/at") && (strings.HasPrefix(path, "/sources/") || strings.HasPrefix(path, "/probes/"))
		if path != "/observedAt" && !learned {
			out[path] = f.value[i]
		}
	}
	return out
}
