package read

import (
	"fmt"
	"time"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// colocation is the rule that judges whether ThingWorx and its database are in one region.
const colocation = "COL-001"

// mismatchItem is one cluster whose database is in another region.
type mismatchItem struct {
	clusterItem
	finding  *rules.Finding            // of colocation, nil when the rule is off
	database *inventory.Infrastructure // nil when it cannot be told
}

// mismatchOf reports whether the cluster's database is known to be in another region.
func mismatchOf(i clusterItem) (mismatchItem, bool) {
	m := mismatchItem{clusterItem: i}
	if match := i.cluster.judged.Regions.Match; match == nil || *match {
		return m, false
	}
	i.each(func(f *rules.Finding) bool {
		if f.Rule == colocation && f.Subject.Cluster == i.cluster.judged.Cluster && (m.finding == nil || m.finding.Verdict != rules.Fail) {
			m.finding = f
		}
		return true
	})
	if m.finding != nil {
		if site, id := splitKey(m.finding.Subject.Infrastructure); site == i.record.ID {
			m.database = i.inventory.Infra(id)
		}
	}
	if m.database == nil {
		for _, u := range i.cluster.inventory.Used(inventory.AsDatabase) {
			if d := i.inventory.Infra(u.Infrastructure); d != nil && d.Placement.Region == i.cluster.judged.Regions.Database {
				m.database = d
				break
			}
		}
	}
	return m, true
}

func (m *mismatchItem) severity() rules.Severity {
	if m.finding == nil || m.finding.Verdict != rules.Fail {
		return ""
	}
	return m.finding.Severity
}

func (m *mismatchItem) infrastructure() string {
	if m.database == nil {
		return ""
	}
	return key(m.record.ID, m.database.ID)
}

func (m *mismatchItem) waived() bool { return m.finding != nil && m.finding.Waiver != nil }

func mismatchCollection() *collection[mismatchItem] {
	return &collection[mismatchItem]{
		fields: mismatchFields(),
		key:    func(m mismatchItem) []string { return clusterKey(m.clusterItem) },
		rank:   func(m mismatchItem) int { return m.severity().Rank() },
		site: func(s *Snapshot, sum *summary, yield func(mismatchItem) bool) bool {
			return eachCluster(s, sum, func(i clusterItem) bool {
				m, ok := mismatchOf(i)
				return !ok || yield(m)
			})
		},
	}
}

func mismatchFields() filter.Fields[mismatchItem] {
	type t = mismatchItem
	return filter.Of(append(placeFields(func(m t) clusterItem { return m.clusterItem }),
		filter.Texts("region", func(m t) []string { return m.cluster.judged.Regions.ThingWorx }),
		filter.Text("databaseRegion", func(m t) string { return m.cluster.judged.Regions.Database }),
		filter.Text("infrastructure", func(m t) string { return m.infrastructure() }),
		filter.Number("distanceKm", func(m t) (float64, bool) {
			km, ok := deref(m.cluster.judged.Regions.DistanceKm)
			return float64(km), ok
		}),
		filter.Duration("roundTrip", func(m t) (time.Duration, bool) {
			rt, ok := deref(m.cluster.judged.Regions.RoundTrip)
			return time.Duration(rt.P95), ok
		}),
		filter.Ordered("severity", severityNames(), func(m t) string { return string(m.severity()) }),
		filter.Bool("waived", func(m t) (bool, bool) { return m.waived(), true }),
		filter.Time("failingSince", func(m t) (time.Time, bool) {
			if m.finding == nil {
				return time.Time{}, false
			}
			return deref(m.finding.FailingSince)
		}),
	)...)
}

func (s *Snapshot) mismatch(m mismatchItem) gen.RegionMismatch {
	regions := &m.cluster.judged.Regions
	row := gen.RegionMismatch{
		Id: key(m.record.ID, m.cluster.judged.Cluster), Site: m.record.ID, SiteName: m.name(), Cluster: m.cluster.judged.Cluster,
		Country: m.inventory.Site.Country, Environment: m.cluster.inventory.Environment,
		Thingworx: []gen.RegionPoint{}, RoundTrip: regions.RoundTrip, DistanceKm: regions.DistanceKm,
		Waived: m.waived(), Advice: adviceOf(m.clusterItem), Liveness: m.liveness, ObservedAt: m.inventory.ObservedAt,
	}
	for _, r := range regions.ThingWorx {
		row.Thingworx = append(row.Thingworx, s.point(m.providerOf(r), r))
	}
	if regions.Database != "" {
		provider := ""
		if m.database != nil {
			provider = m.database.Placement.Provider
		}
		p := s.point(provider, regions.Database)
		row.Database = &p
	}
	if id := m.infrastructure(); id != "" {
		row.Infrastructure = &id
	}
	if f := m.finding; f != nil {
		verdict := gen.RegionMismatchVerdict(f.Verdict)
		row.Verdict, row.Finding, row.FailingSince = &verdict, &f.ID, f.FailingSince
		if sev := m.severity(); sev != "" {
			row.Severity = &sev
		}
	}
	return row
}

// providerOf is the provider of the Foundation nodes in a region.
func (m *mismatchItem) providerOf(region string) string {
	for _, n := range m.cluster.inventory.Nodes(inventory.Foundation) {
		if n.Placement.Region == region {
			return n.Placement.Provider
		}
	}
	return ""
}

func (s *Snapshot) point(provider, region string) gen.RegionPoint {
	p := gen.RegionPoint{Provider: provider, Region: region, Name: region}
	if r, ok := s.reader.table.Find(provider, region); ok {
		p.Name, p.Geography = r.Name, r.Geography
		if r.Located() {
			p.Latitude, p.Longitude = &r.Latitude, &r.Longitude
		}
	}
	return p
}

// adviceOf is the preferred advice in one line.
func adviceOf(i clusterItem) string {
	advice := i.cluster.judged.Recommendation.Advice
	if len(advice) == 0 {
		return ""
	}
	best := &advice[0]
	for k := range advice {
		if advice[k].Preferred {
			best = &advice[k]
			break
		}
	}
	return fmt.Sprintf("move %s to %s: %s", best.Move, best.To, best.Why)
}

// RegionMismatches lists one page of the collection.
func (s *Snapshot) RegionMismatches(q Query) (*gen.RegionMismatchList, error) {
	p, err := s.reader.mismatches.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.RegionMismatchList{Items: render(p.items, s.mismatch), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
