package history

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Standing is what one assessment says of a site's findings, in force from a point of a trend on.
type Standing struct {
	Site     string
	Point    int // the first of the trend's instants at which it is in force
	Removed  bool
	Clusters int
	Findings []Finding // rule, verdict, severity, cluster, infrastructure and waiver only
}

const (
	// The last assessment of every site before each point, and none where nothing was judged since the point before: at most
	// one row per site and point, whatever came in between. Those of before the first point are its latest.
	selectTrend = `SELECT site, greatest(0, intDiv(toUnixTimestamp64Nano(at) - {from:Int64} + {step:Int64} - 1, {step:Int64})) AS point, removed, clusters,
    finding_rule, finding_verdict, finding_severity, finding_cluster, finding_infrastructure, finding_waiver
FROM assessments
WHERE (at > fromUnixTimestamp64Nano({from:Int64}, 'UTC') OR (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({from:Int64}, 'UTC')
    GROUP BY site)) AND at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
ORDER BY site, point, at DESC, sequence DESC, revision DESC, pack_hash DESC
LIMIT 1 BY site, point`

	// Facts of the inventories that were in force at t.
	selectFactsAsOf = `SELECT site, path, value
FROM facts
WHERE (path IN {paths:Array(String)} OR {prefix:String} != '' AND startsWith(path, {prefix:String})) AND (site, observed_at, revision) IN (
    SELECT site, argMax(observed_at, (accepted_at, sequence)), argMax(revision, (accepted_at, sequence))
    FROM acceptances
    WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
    GROUP BY site)
ORDER BY site, path
LIMIT 1 BY site, path`
)

// Trend calls each with the standings that make up the state of all sites at the instants from, from+step, … up to n of them,
// in order of site and point. No sites means all. It stops at the first error of each and returns it.
func (s *Store) Trend(ctx context.Context, from time.Time, step time.Duration, n int, sites []string, each func(Standing) error) error {
	if step <= 0 || n < 1 {
		return fmt.Errorf("read a trend: %w: it takes a positive step and at least one instant", ErrInvalid)
	}
	query, arguments := asOfQuery(selectTrend, from.Add(time.Duration(n-1)*step), sites)
	arguments = append(arguments, nanos("from", from), clickhouse.Named("step", int64(step)))
	return wrap("read a trend", s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var r Standing
		var point int64
		var clusters uint32
		var rule, verdict, severity, cluster, infrastructure, waiver []string
		if err := scan(&r.Site, &point, &r.Removed, &clusters, &rule, &verdict, &severity, &cluster, &infrastructure, &waiver); err != nil {
			return err
		}
		r.Point, r.Clusters = int(point), int(clusters)
		for i := range rule {
			r.Findings = append(r.Findings, Finding{
				Rule: rule[i], Verdict: verdict[i], Severity: severity[i], Cluster: cluster[i], Infrastructure: infrastructure[i], Waiver: waiver[i],
			})
		}
		return each(r)
	}))
}

// FactsAsOf calls each with the facts at the paths, and below the prefix unless it is empty, of the inventories in force at t,
// in order of site and path. No sites means all. value is JSON text. It stops at the first error of each and returns it.
func (s *Store) FactsAsOf(ctx context.Context, t time.Time, sites, paths []string, prefix string, each func(site, path, value string) error) error {
	query, arguments := asOfQuery(selectFactsAsOf, t, sites)
	arguments = append(arguments, clickhouse.Named("paths", paths), clickhouse.Named("prefix", prefix))
	return wrap("read facts as of", s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var site, path, value string
		if err := scan(&site, &path, &value); err != nil {
			return err
		}
		return each(site, path, value)
	}))
}
