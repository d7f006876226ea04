package read

import (
	"time"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read/follow"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
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
		site:   func(_ *Snapshot, sum *summary, yield func(siteItem) bool) bool { return yield(itemOf(sum)) },
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
		filter.Text("plannerVersion", func(i t) string { return i.record.Planner.Version }),
		filter.Number("protocol", func(i t) (float64, bool) { return float64(i.record.Planner.Protocol), i.record.Planner.Protocol > 0 }),
		filter.Bool("behind", func(i t) (bool, bool) { return i.record.Planner.Behind, i.record.Planner.Instance != "" }),
		filter.Bool("limited", func(i t) (bool, bool) { return !i.record.Limited.IsZero(), true }),
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
		Verdicts: i.assessment.Verdicts, RegionMatch: i.regionMatch, Entered: i.record.Entered, Rivals: i.record.Rivals,
	}
	if since := i.record.Limited; !since.IsZero() {
		row.LimitedSince = &since
	}
	follow.Cover(&row.Coverage, i.record)
	if p := i.record.Planner; p != (fleet.Planner{}) {
		row.Planner = gen.Planner{Version: p.Version, Instance: p.Instance, Sequence: int64(p.Sequence), Protocol: p.Protocol, Behind: p.Behind} //nolint:gosec // counts revisions of one planner
	}
	return row
}

// filled returns a cluster's judgement whose lists are never null.
func filled(c assess.Cluster) assess.Cluster {
	c.Regions.ThingWorx = orEmpty(c.Regions.ThingWorx)
	c.Availability.Contributions = orEmpty(c.Availability.Contributions)
	return c
}

// Sites lists one page of the collection.
func (s *Snapshot) Sites(q Query) (*gen.SiteList, error) {
	p, err := s.reader.sites.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.SiteList{Items: render(p.items, siteRow), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

// Site returns one site with its clusters.
func (s *Snapshot) Site(id string) (*gen.SiteDetail, error) {
	sum, err := s.site(id)
	if err != nil {
		return nil, err
	}
	item := itemOf(sum)
	out := &gen.SiteDetail{
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
	return out, nil
}

// Inventory returns a site's normalised inventory, read-only.
func (s *Snapshot) Inventory(id string) (*inventory.Site, error) {
	sum, err := s.site(id)
	if err != nil {
		return nil, err
	}
	return sum.inventory, nil
}

// Judge assesses one record with all verdicts, also those that the record's own assessment leaves out.
type Judge func(r *fleet.Record) (*assess.Assessment, error)

// Assessment returns a site's assessment: what fails or is unknown, or with a judge everything.
func (s *Snapshot) Assessment(id string, all Judge) (*assess.Assessment, error) {
	sum, err := s.site(id)
	if err != nil {
		return nil, err
	}
	if all != nil {
		if sum, err = whole(sum.record, all); err != nil {
			return nil, err
		}
	}
	out := *sum.assessment
	out.APIVersion, out.Kind = inventory.APIVersion, assess.Kind
	out.Inventories = orEmpty(out.Inventories)
	out.Clusters = render(out.Clusters, filled)
	out.Findings = []rules.Finding{}
	red := s.redactor(sum)
	sum.each(func(f *rules.Finding) bool {
		if all != nil || isOpen(f) {
			out.Findings = append(out.Findings, *red.finding(f))
		}
		return true
	})
	out.Tenancy = red.tenancy(out.Tenancy)
	return &out, nil
}

// Sight is the assessment of a site as the caller sees it, for comparisons.
func (s *Snapshot) Sight(id string) (*assess.Assessment, bool) {
	a, err := s.Assessment(id, nil)
	return a, err == nil
}
