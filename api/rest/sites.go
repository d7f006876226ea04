package rest

import (
	"context"
	"time"

	"github.com/meridian-federation/meridian/api/rest/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// siteItem is one site in a list.
type siteItem struct {
	*summary
	liveness fleet.Liveness
}

func itemOf(sum *summary) siteItem { return siteItem{sum, liveness(sum.record)} }

func siteCollection() *collection[siteItem] {
	return &collection[siteItem]{
		fields: siteFields(),
		key:    func(i siteItem) []string { return []string{i.record.ID} },
		rank:   func(i siteItem) int { return i.tally.worst().Rank() },
		site:   func(_ *snapshot, sum *summary, yield func(siteItem) bool) bool { return yield(itemOf(sum)) },
	}
}

func siteFields() filter.Fields[siteItem] {
	type t = siteItem
	return filter.Of(append(tallyFields(func(i t) *tally { return &i.tally }),
		filter.Text("site", func(i t) string { return i.record.ID }),
		filter.Text("name", func(i t) string { return i.name() }),
		filter.Text("country", func(i t) string { return i.inventory.Site.Country }),
		filter.Enum("role", []string{"hub", "spoke"}, func(i t) string { return string(i.inventory.Site.Role) }),
		filter.Text("hub", func(i t) string { return i.inventory.Site.Hub }),
		filter.Enum("liveness", livenesses(), func(i t) string { return string(i.liveness) }),
		filter.Time("observedAt", func(i t) (time.Time, bool) { return known(i.inventory.ObservedAt) }),
		filter.Time("acceptedAt", func(i t) (time.Time, bool) { return known(i.record.AcceptedAt) }),
		filter.Text("revision", func(i t) string { return i.record.Revision }),
		filter.Number("clusters", func(i t) (float64, bool) { return float64(len(i.clusters)), true }),
		filter.Bool("regionMatch", func(i t) (bool, bool) { return deref(i.regionMatch) }),
		filter.Texts("region", func(i t) []string { return i.regions }),
		filter.Keyed("tag", func(i t, k string) string { return i.inventory.Site.Tags[k] }),
	)...)
}

// tallyFields are the fields about findings, the same in every collection that counts them.
func tallyFields[T any](of func(T) *tally) []filter.Field[T] {
	count := func(name string, get func(*gen.FindingCounts) int) filter.Field[T] {
		return filter.Number(name, func(t T) (float64, bool) { return float64(get(&of(t).counts)), true })
	}
	return []filter.Field[T]{
		filter.Ordered("severity", severityNames(), func(t T) string { return string(of(t).worst()) }),
		filter.Texts("rule", func(t T) []string { return of(t).rules }),
		count("fail", func(c *gen.FindingCounts) int { return c.Fail }),
		count("critical", func(c *gen.FindingCounts) int { return c.Critical }),
		count("high", func(c *gen.FindingCounts) int { return c.High }),
		count("medium", func(c *gen.FindingCounts) int { return c.Medium }),
		count("low", func(c *gen.FindingCounts) int { return c.Low }),
		count("info", func(c *gen.FindingCounts) int { return c.Info }),
		count("unknown", func(c *gen.FindingCounts) int { return c.Unknown }),
	}
}

func livenesses() []string {
	return []string{string(fleet.Live), string(fleet.Late), string(fleet.Stale), string(fleet.Lost)}
}

func known(t time.Time) (time.Time, bool) { return t, !t.IsZero() }

func deref[T any](p *T) (v T, ok bool) {
	if p == nil {
		return v, false
	}
	return *p, true
}

func siteRow(i siteItem) gen.SiteRow {
	id := &i.inventory.Site
	row := gen.SiteRow{
		Id: i.record.ID, Name: i.name(), Country: id.Country, Role: id.Role, Hub: id.Hub, Tags: id.Tags,
		Liveness: i.liveness, ObservedAt: i.inventory.ObservedAt, AcceptedAt: i.record.AcceptedAt, HeardAt: i.record.HeardAt,
		Revision: i.record.Revision, Clusters: len(i.clusters), Severity: i.tally.severity(), Findings: i.tally.counts,
		Verdicts: i.assessment.Verdicts, RegionMatch: i.regionMatch,
	}
	cover(&row.Coverage, i.record)
	if p := i.record.Planner; p != (fleet.Planner{}) {
		row.Planner = gen.Planner{Version: p.Version, Instance: p.Instance, Sequence: int64(p.Sequence)} //nolint:gosec // counts revisions of one planner
	}
	return row
}

// ListSites implements the contract.
func (a *api) ListSites(ctx context.Context, req gen.ListSitesRequestObject) (gen.ListSitesResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	p, err := a.sites.page(s, query{req.Params.Limit, req.Params.Cursor, req.Params.Filter, req.Params.Sort != ""})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, gen.SiteList{Items: render(p.items, siteRow), Next: p.next, Total: p.total, Coverage: p.coverage})
}

// GetSite implements the contract.
func (a *api) GetSite(ctx context.Context, req gen.GetSiteRequestObject) (gen.GetSiteResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	sum, err := s.site(req.Site)
	if err != nil {
		return nil, err
	}
	item := itemOf(sum)
	out := gen.SiteDetail{
		Site: siteRow(item), Sources: orEmpty(sum.inventory.Sources), RulePack: sum.assessment.RulePack, AssessedAt: sum.assessment.At,
		Clusters: []gen.ClusterRow{}, Mismatches: []gen.RegionMismatch{},
	}
	for i := range sum.clusters {
		c := clusterItem{item, &sum.clusters[i]}
		out.Clusters = append(out.Clusters, clusterRow(c))
		if m, ok := mismatchOf(c); ok {
			out.Mismatches = append(out.Mismatches, s.mismatch(m))
		}
	}
	return a.answer(ctx, s, out)
}

// GetSiteInventory implements the contract.
func (a *api) GetSiteInventory(ctx context.Context, req gen.GetSiteInventoryRequestObject) (gen.GetSiteInventoryResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	sum, err := s.site(req.Site)
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, sum.inventory)
}

// GetSiteAssessment implements the contract.
func (a *api) GetSiteAssessment(ctx context.Context, req gen.GetSiteAssessmentRequestObject) (gen.GetSiteAssessmentResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	sum, err := s.site(req.Site)
	if err != nil {
		return nil, err
	}
	if req.Params.All {
		if sum, err = a.whole(ctx, sum.record); err != nil {
			return nil, err
		}
	}
	out := *sum.assessment
	out.APIVersion, out.Kind = "meridian/v1", assess.Kind
	out.Inventories = orEmpty(out.Inventories)
	out.Clusters = render(out.Clusters, filled)
	out.Findings = []rules.Finding{}
	red := s.redactor(sum)
	sum.each(func(f *rules.Finding) bool {
		if req.Params.All || isOpen(f) {
			out.Findings = append(out.Findings, *red.finding(f))
		}
		return true
	})
	out.Tenancy = red.tenancy(out.Tenancy)
	return a.answer(ctx, s, out)
}

// filled returns a cluster's judgement whose lists are never null.
func filled(c assess.Cluster) assess.Cluster {
	c.Regions.ThingWorx = orEmpty(c.Regions.ThingWorx)
	c.Availability.Contributions = orEmpty(c.Availability.Contributions)
	c.Recommendation = filledRecommendation(c.Recommendation)
	return c
}
