package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
)

// Recommendation is what an assessment says of one cluster: what it is, where it runs, and what it should be.
type Recommendation struct {
	Site, Cluster string // id within the site
	At            time.Time
	Revision      string // of the inventory that was judged
	PackHash      string
	Environment   string
	Architecture  string  // recognised
	Distance      float64 // of the recognised architecture, 0..1
	Serving       float64 // availability, 0..1
	ThingWorx     []string
	Database      string // region, empty when not known
	RegionMatch   *bool  // nil when either side is not known
	Recommended   string // empty when no option meets the objectives
	Options       []Option
}

// Option is one recommended variant.
type Option struct {
	Objective, Architecture string
	Serving                 float64
	CostIndex               float64 // 1 is the cheapest of the cluster
	Changes                 int
}

func recommendationsOf(a *assess.Assessment) []Recommendation {
	var out []Recommendation
	for i := range a.Clusters {
		c := &a.Clusters[i]
		r := Recommendation{
			Cluster: c.Cluster, Environment: string(c.Environment), Architecture: c.Recognised.Architecture, Distance: c.Recognised.Distance,
			Serving: c.Availability.Serving, ThingWorx: c.Regions.ThingWorx, Database: c.Regions.Database, RegionMatch: c.Regions.Match,
			Recommended: c.Recommendation.Architecture,
		}
		options := c.Recommendation.Open().Options
		for j := range options {
			o := &options[j]
			r.Options = append(r.Options, Option{string(o.Objective), o.Architecture, o.Availability.Serving, o.CostIndex, o.Changes})
		}
		out = append(out, r)
	}
	return out
}

const (
	insertRecommendations = `INSERT INTO recommendations (site, at, cluster, revision, pack_hash, environment, architecture, distance, serving,
    thingworx_regions, database_region, region_match, recommended,
    option_objective, option_architecture, option_serving, option_cost_index, option_changes)`

	// The clusters of the last assessment of every site at or before t, as selectAssessmentsAsOf finds it.
	selectRecommendationsAsOf = `SELECT site, at, cluster, revision, pack_hash, environment, architecture, distance, serving,
    thingworx_regions, database_region, region_match, recommended,
    option_objective, option_architecture, option_serving, option_cost_index, option_changes
FROM recommendations FINAL
WHERE (site, at, revision, pack_hash) IN (
    SELECT site, a, tupleElement(last, 2), tupleElement(last, 3)
    FROM (
        SELECT site, max(at) AS a, argMax((removed, revision, pack_hash), (at, sequence, revision, pack_hash)) AS last
        FROM assessments
        WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
        GROUP BY site)
    WHERE NOT tupleElement(last, 1))
ORDER BY site, at, cluster`
)

func (s *Store) insertRecommendations(ctx context.Context, rows []AssessmentRow) error {
	if !slices.ContainsFunc(rows, func(r AssessmentRow) bool { return len(r.Recommendations) > 0 }) {
		return nil
	}
	batch, err := s.conn.PrepareBatch(ctx, insertRecommendations)
	if err != nil {
		return err
	}
	defer func() { _ = batch.Close() }() // After Send it does nothing; before, it gives the connection back.
	for i := range rows {
		row := &rows[i]
		for j := range row.Recommendations {
			r := &row.Recommendations[j]
			n := len(r.Options)
			objective, architecture := make([]string, n), make([]string, n)
			serving, cost, changes := make([]float64, n), make([]float64, n), make([]uint32, n)
			for k, o := range r.Options {
				objective[k], architecture[k], serving[k], cost[k], changes[k] = o.Objective, o.Architecture, o.Serving, o.CostIndex, uint32(max(o.Changes, 0))
			}
			err := batch.Append(row.Site, row.At, r.Cluster, row.Revision, row.PackHash, r.Environment, r.Architecture, r.Distance, r.Serving,
				r.ThingWorx, r.Database, r.RegionMatch, r.Recommended, objective, architecture, serving, cost, changes)
			if err != nil {
				return fmt.Errorf("cluster %s/%s: %w", row.Site, r.Cluster, err)
			}
		}
	}
	return batch.Send()
}

// RecommendationsAsOf calls each with what the assessments in force at t say of every cluster, in order of site and cluster.
// No sites means all. It stops at the first error of each and returns it.
func (s *Store) RecommendationsAsOf(ctx context.Context, t time.Time, sites []string, each func(Recommendation) error) error {
	query, arguments := asOfQuery(selectRecommendationsAsOf, t, sites)
	return wrap("read recommendations as of", s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var r Recommendation
		var objective, architecture []string
		var serving, cost []float64
		var changes []uint32
		err := scan(&r.Site, &r.At, &r.Cluster, &r.Revision, &r.PackHash, &r.Environment, &r.Architecture, &r.Distance, &r.Serving,
			&r.ThingWorx, &r.Database, &r.RegionMatch, &r.Recommended, &objective, &architecture, &serving, &cost, &changes)
		if err != nil {
			return err
		}
		for k := range objective {
			r.Options = append(r.Options, Option{objective[k], architecture[k], serving[k], cost[k], int(changes[k])})
		}
		return each(r)
	}))
}
