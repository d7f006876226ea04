package history

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// ProbeSample is one measurement of a probe.
type ProbeSample struct {
	Site       string // whose inventory tells it
	MeasuredAt time.Time
	From, To   string // site/cluster/node, and an infrastructure's id
	Kind       string
	P50, P95   time.Duration // 0 when not measured
	Samples    int
}

const (
	insertProbes = `INSERT INTO probe_samples (site, measured_at, source, target, kind, p50, p95, samples)`

	selectProbes = `SELECT site, measured_at, source, target, kind, p50, p95, samples
FROM probe_samples FINAL
WHERE site = {site:String} AND ({target:String} = '' OR target = {target:String})
    AND measured_at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND measured_at < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
ORDER BY site, target, kind, source, measured_at`
)

// probeColumns are rows of the table probe_samples, column by column.
type probeColumns struct {
	site, source, target, kind []string
	measured                   []time.Time
	p50, p95                   []int64
	samples                    []uint32
}

// add takes over the list of probes of an inventory. What has another form is no probe.
func (p *probeColumns) add(r *InventoryRow, list []byte) {
	var probes []inventory.Probe
	if json.Unmarshal(list, &probes) != nil {
		return
	}
	for i := range probes {
		x := &probes[i]
		at := x.At
		if at.IsZero() {
			at = r.ObservedAt
		}
		p.site, p.source, p.target = append(p.site, r.Site), append(p.source, x.From), append(p.target, x.To)
		p.kind = append(p.kind, string(x.Kind))
		p.measured, p.samples = append(p.measured, instant(at)), append(p.samples, uint32(min(max(x.Samples, 0), 1<<31)))
		p.p50, p.p95 = append(p.p50, int64(x.P50)), append(p.p95, int64(x.P95))
	}
}

func (p *probeColumns) columns() []any {
	return []any{p.site, p.measured, p.source, p.target, p.kind, p.p50, p.p95, p.samples}
}

// ProbeSamples calls each with what a site's probes measured of an infrastructure, or of all for "", in a span of time, from
// inclusive and to exclusive. The order is by target, kind, source and time. It stops at the first error of each and returns it.
func (s *Store) ProbeSamples(ctx context.Context, site, target string, from, to time.Time, each func(ProbeSample) error) error {
	arguments := []any{clickhouse.Named("site", site), clickhouse.Named("target", target), nanos("from", from), nanos("to", to)}
	return wrap("read probe samples", s.each(ctx, selectProbes, arguments, func(scan func(...any) error) error {
		var p ProbeSample
		var p50, p95 int64
		var samples uint32
		if err := scan(&p.Site, &p.MeasuredAt, &p.From, &p.To, &p.Kind, &p50, &p95, &samples); err != nil {
			return err
		}
		p.P50, p.P95, p.Samples = time.Duration(p50), time.Duration(p95), int(samples)
		return each(p)
	}))
}
