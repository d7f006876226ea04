package history

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// RejectionRow is one inventory the hub refused.
type RejectionRow struct {
	Site     string    `ch:"site"` // of the subject it arrived on
	At       time.Time `ch:"at"`
	Sequence uint64    `ch:"sequence"` // of the refused message in the inventory stream
	Revision string    `ch:"revision"` // as the sender named it, may be empty
	Reason   string    `ch:"reason"`
	Detail   string    `ch:"detail"`
	Problems string    `ch:"problems"` // a JSON array, or empty
}

const (
	insertRejections = `INSERT INTO rejections (site, at, sequence, revision, reason, detail, problems)`

	selectRejections = `SELECT site, at, sequence, revision, reason, detail, problems
FROM rejections FINAL
WHERE {site:String} = '' OR site = {site:String}
ORDER BY at DESC, site, sequence DESC
LIMIT {limit:UInt64}`

	countRejections = `SELECT count() FROM rejections FINAL WHERE {site:String} = '' OR site = {site:String}`

	selectCounts = `SELECT
    (SELECT count() FROM inventory_revisions FINAL),
    (SELECT count() FROM facts FINAL),
    (SELECT count() FROM assessments FINAL),
    (SELECT count() FROM finding_events FINAL),
    (SELECT count() FROM rejections FINAL),
    (SELECT count() FROM recommendations FINAL),
    (SELECT count() FROM probe_samples FINAL),
    (SELECT count() FROM audit_entries FINAL)`
)

// WriteRejections stores rejections. It may be repeated with the same rows.
func (s *Store) WriteRejections(ctx context.Context, rows []RejectionRow) error {
	if len(rows) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	n := len(rows)
	site, revision, reason, detail, problems := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	at, sequence := make([]time.Time, n), make([]uint64, n)
	for i, r := range rows {
		site[i], revision[i], reason[i], detail[i], problems[i] = r.Site, r.Revision, r.Reason, r.Detail, r.Problems
		at[i], sequence[i] = instant(r.At), r.Sequence
	}
	return wrap("write rejections", s.insert(ctx, insertRejections, []any{site, at, sequence, revision, reason, detail, problems}))
}

// Rejections returns the newest rejections of a site, or of all sites for "", newest first, at most limit of them, and how
// many there are in all.
func (s *Store) Rejections(ctx context.Context, site string, limit int) (rejections []RejectionRow, total uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err = s.conn.Select(ctx, &rejections, selectRejections, clickhouse.Named("site", site), clickhouse.Named("limit", uint64(max(limit, 0))))
	if err == nil {
		err = s.conn.QueryRow(ctx, countRejections, clickhouse.Named("site", site)).Scan(&total)
	}
	if err != nil {
		return nil, 0, wrap("read rejections", err)
	}
	return rejections, total, nil
}

// Counts says how much the history holds, repeated writes counted once.
type Counts struct {
	Revisions, Facts, Assessments, FindingEvents, Rejections, Recommendations, ProbeSamples, AuditEntries uint64
}

// Counts counts every table.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var c Counts
	err := s.conn.QueryRow(ctx, selectCounts).Scan(&c.Revisions, &c.Facts, &c.Assessments, &c.FindingEvents, &c.Rejections,
		&c.Recommendations, &c.ProbeSamples, &c.AuditEntries)
	return c, wrap("count history", err)
}
