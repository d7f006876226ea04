package read

import (
	"slices"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// clusterItem is one cluster in a list, with its site.
type clusterItem struct {
	siteItem
	cluster *clusterSummary
}

func clusterKey(i clusterItem) []string { return []string{i.record.ID, i.cluster.judged.Cluster} }

func eachCluster(_ *Snapshot, sum *summary, yield func(clusterItem) bool) bool {
	for i := range sum.clusters {
		if !yield(clusterItem{itemOf(sum), &sum.clusters[i]}) {
			return false
		}
	}
	return true
}

func clusterCollection() *collection[clusterItem] {
	return &collection[clusterItem]{
		fields: clusterFields(), key: clusterKey, site: eachCluster,
		rank: func(i clusterItem) int { return i.cluster.tally.worst().Rank() },
	}
}

// placeFields tell where a cluster belongs; every collection of clusters has them.
func placeFields[T any](of func(T) clusterItem) []filter.Field[T] {
	return []filter.Field[T]{
		filter.Text("id", func(t T) string { i := of(t); return key(i.record.ID, i.cluster.judged.Cluster) }),
		filter.Text("site", func(t T) string { return of(t).record.ID }),
		filter.Text("cluster", func(t T) string { return of(t).cluster.judged.Cluster }),
		filter.Text("country", func(t T) string { return of(t).inventory.Site.Country }),
		filter.Enum("environment", []string{"development", "test", "production"}, func(t T) string { return string(of(t).cluster.inventory.Environment) }),
		filter.Enum("liveness", livenesses(), func(t T) string { return string(of(t).liveness) }),
		filter.Keyed("tag", func(t T, k string) string { return of(t).inventory.Site.Tags[k] }),
	}
}

func self(i clusterItem) clusterItem { return i }

func clusterFields() filter.Fields[clusterItem] {
	type t = clusterItem
	fields := append(placeFields(self), tallyFields(func(i t) *tally { return &i.cluster.tally })...)
	return filter.Of(append(fields,
		filter.Text("version", func(i t) string { return i.cluster.inventory.ThingworxVersion }),
		filter.Text("hosting", func(i t) string { return string(i.cluster.inventory.Hosting) }),
		filter.Text("operatedBy", func(i t) string { return string(i.cluster.inventory.OperatedBy) }),
		filter.Text("architecture", func(i t) string { return i.cluster.judged.Recognised.Architecture }),
		filter.Texts("overlay", func(i t) []string { return i.cluster.judged.Recognised.Overlays }),
		filter.Text("recommended", func(i t) string { return i.cluster.judged.Recommendation.Architecture }),
		filter.Number("distance", func(i t) (float64, bool) {
			return i.cluster.judged.Recognised.Distance, i.cluster.judged.Recognised.Architecture != ""
		}),
		filter.Bool("regionMatch", func(i t) (bool, bool) { return deref(i.cluster.judged.Regions.Match) }),
		filter.Texts("region", func(i t) []string { return i.cluster.judged.Regions.ThingWorx }),
		filter.Text("databaseRegion", func(i t) string { return i.cluster.judged.Regions.Database }),
		filter.Number("distanceKm", func(i t) (float64, bool) {
			km, ok := deref(i.cluster.judged.Regions.DistanceKm)
			return float64(km), ok
		}),
		filter.Number("serving", func(i t) (float64, bool) { return i.cluster.judged.Availability.Serving, true }),
		filter.Number("things", func(i t) (float64, bool) {
			return float64(i.cluster.judged.Sizing.Things), i.cluster.judged.Sizing.Known
		}),
		filter.Number("wps", func(i t) (float64, bool) { return i.cluster.judged.Sizing.WPS, i.cluster.judged.Sizing.Known }),
		filter.Text("size", func(i t) string { return string(i.cluster.judged.Sizing.Size) }),
	)...)
}

func clusterRow(i clusterItem) gen.ClusterRow {
	j, inv := i.cluster.judged, i.cluster.inventory
	regions := j.Regions
	regions.ThingWorx = orEmpty(regions.ThingWorx)
	return gen.ClusterRow{
		Id: key(i.record.ID, j.Cluster), Site: i.record.ID, SiteName: i.name(), Cluster: j.Cluster,
		Country: i.inventory.Site.Country, Tags: i.inventory.Site.Tags,
		Environment: inv.Environment, ThingworxVersion: inv.ThingworxVersion, Hosting: inv.Hosting, OperatedBy: inv.OperatedBy,
		Architecture: j.Recognised.Architecture, ArchitectureName: j.Recognised.Name, Overlays: orEmpty(j.Recognised.Overlays), Distance: j.Recognised.Distance,
		Recommended: j.Recommendation.Architecture, Regions: regions,
		Serving: j.Availability.Serving, DowntimePerYear: j.Availability.DowntimePerYear,
		Things: j.Sizing.Things, Wps: j.Sizing.WPS, Size: string(j.Sizing.Size),
		Severity: i.cluster.tally.severity(), Findings: i.cluster.tally.counts,
		Liveness: i.liveness, ObservedAt: i.inventory.ObservedAt,
	}
}

// Clusters lists one page of the collection.
func (s *Snapshot) Clusters(q Query) (*gen.ClusterList, error) {
	p, err := s.reader.clusters.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.ClusterList{Items: render(p.items, clusterRow), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

// Cluster returns one cluster with its parts, judgement, findings and tenancies.
func (s *Snapshot) Cluster(site, cluster string) (*gen.ClusterDetail, error) {
	sum, err := s.site(site)
	if err != nil {
		return nil, err
	}
	c := sum.cluster(cluster)
	if c == nil {
		known := make([]string, len(sum.inventory.Clusters))
		for i := range known {
			known[i] = sum.inventory.Clusters[i].ID
		}
		return nil, &NotFound{"cluster " + key(site, cluster), "cluster", document.Nearest(cluster, known)}
	}
	item := clusterItem{itemOf(sum), c}
	red := s.redactor(sum)
	out := &gen.ClusterDetail{
		Row: clusterRow(item), Assessment: filled(*c.judged), Inventory: *c.inventory,
		Infrastructure: []inventory.Infrastructure{}, Findings: []rules.Finding{}, Tenancy: []gen.Tenancy{},
	}
	for i := range sum.inventory.Infrastructure {
		infra := &sum.inventory.Infrastructure[i]
		if slices.ContainsFunc(c.inventory.Uses, func(u inventory.Use) bool { return u.Infrastructure == infra.ID }) {
			out.Infrastructure = append(out.Infrastructure, *infra)
		}
	}
	sum.each(func(f *rules.Finding) bool {
		if c.concerns(sum.record.ID, f) {
			out.Findings = append(out.Findings, *red.finding(f))
		}
		return true
	})
	id := key(site, cluster)
	for i := range sum.assessment.Tenancy {
		if t := &sum.assessment.Tenancy[i]; slices.Contains(t.Tenants, id) {
			out.Tenancy = append(out.Tenancy, s.tenancyItem(t))
		}
	}
	if m, ok := mismatchOf(item); ok {
		row := s.mismatch(m)
		out.Mismatch = &row
	}
	return out, nil
}
