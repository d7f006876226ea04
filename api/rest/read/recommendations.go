package read

import (
	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
)

func recommendationCollection() *collection[clusterItem] {
	return &collection[clusterItem]{
		fields: recommendationFields(), key: clusterKey, site: eachCluster,
		rank: func(i clusterItem) int { return i.cluster.tally.worst().Rank() },
	}
}

func recommendationFields() filter.Fields[clusterItem] {
	type t = clusterItem
	return filter.Of(append(placeFields(self),
		filter.Text("architecture", func(i t) string { return i.cluster.judged.Recognised.Architecture }),
		filter.Text("recommended", func(i t) string { return i.cluster.judged.Recommendation.Architecture }),
		filter.Bool("change", func(i t) (bool, bool) { return changes(i), i.cluster.judged.Recommendation.Architecture != "" }),
		filter.Number("serving", func(i t) (float64, bool) { return i.cluster.judged.Availability.Serving, true }),
		filter.Number("objective", func(i t) (float64, bool) { v := objectiveOf(i); return v, v > 0 }),
		filter.Ordered("severity", severityNames(), func(i t) string { return string(i.cluster.tally.worst()) }),
	)...)
}

func changes(i clusterItem) bool {
	r := i.cluster.judged.Recommendation.Architecture
	return r != "" && r != i.cluster.judged.Recognised.Architecture
}

func objectiveOf(i clusterItem) float64 {
	if o := i.cluster.inventory.Objectives; o != nil {
		return o.Availability
	}
	return 0
}

func clusterRecommendation(i clusterItem) gen.ClusterRecommendation {
	j := i.cluster.judged
	return gen.ClusterRecommendation{
		Id: key(i.record.ID, j.Cluster), Site: i.record.ID, SiteName: i.name(), Cluster: j.Cluster,
		Country: i.inventory.Site.Country, Environment: i.cluster.inventory.Environment,
		Architecture: j.Recognised.Architecture, Distance: j.Recognised.Distance, Recommended: j.Recommendation.Architecture, Change: changes(i),
		Serving: j.Availability.Serving, Objective: objectiveOf(i), Severity: i.cluster.tally.severity(),
		Recommendation: j.Recommendation, Liveness: i.liveness, ObservedAt: i.inventory.ObservedAt,
	}
}

// Recommendations lists one page of the collection.
func (s *Snapshot) Recommendations(q Query) (*gen.RecommendationList, error) {
	p, err := s.reader.recommendations.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.RecommendationList{Items: render(p.items, clusterRecommendation), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
