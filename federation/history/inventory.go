package history

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// InventoryRow is one inventory revision of a site.
type InventoryRow struct {
	Site           string
	Revision       string
	Sequence       uint64    // position in the inventory stream
	ObservedAt     time.Time // of the document
	AcceptedAt     time.Time // by the stream
	PlannerVersion string    // empty when the inventory came over REST
	Instance       string    // of the planner
	Document       []byte    // the normalised SiteInventory as JSON
}

// Revision is an InventoryRow without its document.
type Revision struct {
	Site           string    `ch:"site"`
	Revision       string    `ch:"revision"`
	Sequence       uint64    `ch:"sequence"`
	ObservedAt     time.Time `ch:"observed_at"`
	AcceptedAt     time.Time `ch:"accepted_at"`
	PlannerVersion string    `ch:"planner_version"`
	Instance       string    `ch:"instance"`
	Bytes          uint64    `ch:"bytes"` // length of the document
}

const (
	insertInventories = `INSERT INTO inventory_revisions (site, revision, sequence, observed_at, accepted_at, planner_version, instance, document)`

	insertAcceptances = `INSERT INTO acceptances (site, accepted_at, sequence, observed_at, revision, identity)`

	insertFacts = `INSERT INTO facts (site, revision, observed_at, path, value, source)`

	selectRevisions = `SELECT site, revision, sequence, observed_at, accepted_at, planner_version, instance, length(document) AS bytes
FROM inventory_revisions FINAL
WHERE site = {site:String}
ORDER BY observed_at DESC, revision DESC
LIMIT {limit:UInt64}`

	countRevisions = `SELECT count() FROM inventory_revisions FINAL WHERE site = {site:String}`

	selectInventory = `SELECT site, revision, sequence, observed_at, accepted_at, planner_version, instance, document
FROM inventory_revisions FINAL
WHERE site = {site:String} AND revision = {revision:String}
ORDER BY observed_at DESC
LIMIT 1`

	// The last accepted revision of every site; rows come in the order of the sorting key and so need no sort.
	selectInventoriesAsOf = `SELECT site, revision, sequence, observed_at, accepted_at, planner_version, instance, document
FROM inventory_revisions FINAL
WHERE (site, observed_at, revision) IN (
    SELECT site, argMax(observed_at, (accepted_at, sequence)), argMax(revision, (accepted_at, sequence))
    FROM acceptances
    WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
    GROUP BY site)
ORDER BY site, observed_at, revision`

	// Consecutive observations of one value are one row.
	selectFactHistory = `SELECT observed_at, revision, value, source
FROM (
    SELECT observed_at, revision, value, source,
        lagInFrame(value, 1, '') OVER (ORDER BY observed_at, revision ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
    FROM facts FINAL
    WHERE site = {site:String} AND path = {path:String})
WHERE value != before
ORDER BY observed_at DESC, revision DESC
LIMIT {limit:UInt64}`

	onlySites = ` AND site IN {sites:Array(String)}`
)

// WriteInventories stores inventory revisions, their facts and their probe samples. It may be repeated with the same rows, also after an
// error that left some of them written. A document that is not JSON is stored without facts.
func (s *Store) WriteInventories(ctx context.Context, rows []InventoryRow) error {
	if len(rows) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	identity, probes, err := s.writeFacts(ctx, rows)
	if err != nil {
		return wrap("write facts", err)
	}
	if len(probes.site) > 0 {
		if err := s.insert(ctx, insertProbes, probes.columns()); err != nil {
			return wrap("write probe samples", err)
		}
	}
	n := len(rows)
	site, revision, version, instance, document := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	sequence, observed, accepted := make([]uint64, n), make([]time.Time, n), make([]time.Time, n)
	for i, r := range rows {
		site[i], revision[i], version[i], instance[i], document[i] = r.Site, r.Revision, r.PlannerVersion, r.Instance, string(r.Document)
		sequence[i], observed[i], accepted[i] = r.Sequence, instant(r.ObservedAt), instant(r.AcceptedAt)
	}
	if err := s.insert(ctx, insertInventories, []any{site, revision, sequence, observed, accepted, version, instance, document}); err != nil {
		return wrap("write inventories", err)
	}
	// At last: what was accepted is there.
	return wrap("write acceptances", s.insert(ctx, insertAcceptances, []any{site, accepted, sequence, observed, revision, identity}))
}

// writeFacts stores the facts of documents, and returns who each says its site is and what probes they tell. Facts go to the driver
// some thousands at a time, which keeps what is between small enough for the processor's caches.
func (s *Store) writeFacts(ctx context.Context, rows []InventoryRow) (identity []string, probes *probeColumns, err error) {
	const some = 8000
	// Facts first: a revision that is there has its facts.
	batch, err := s.conn.PrepareBatch(ctx, insertFacts)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = batch.Close() }() // After Send it does nothing; before, it gives the connection back.
	var facts factColumns
	identity = make([]string, len(rows))
	for i := range rows {
		if err := facts.add(&rows[i]); err != nil {
			s.logger.Warn("inventory stored without facts", "site", rows[i].Site, "revision", rows[i].Revision, "error", err)
		}
		identity[i] = facts.identity
		if len(facts.path) > some || i == len(rows)-1 {
			if err := appendColumns(batch, facts.columns()); err != nil {
				return nil, nil, err
			}
			facts.reset()
		}
	}
	return identity, &facts.probes, batch.Send()
}

// insert sends slices of equal length as the columns of one block.
func (s *Store) insert(ctx context.Context, statement string, columns []any) error {
	batch, err := s.conn.PrepareBatch(ctx, statement)
	if err != nil {
		return err
	}
	defer func() { _ = batch.Close() }() // After Send it does nothing; before, it gives the connection back.
	if err := appendColumns(batch, columns); err != nil {
		return err
	}
	return batch.Send()
}

func appendColumns(batch driver.Batch, columns []any) error {
	for i, c := range columns {
		if err := batch.Column(i).Append(c); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	return nil
}

// Revisions returns the newest revisions of a site, newest first, at most limit of them, and how many there are in all.
func (s *Store) Revisions(ctx context.Context, site string, limit int) (revisions []Revision, total uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err = s.conn.Select(ctx, &revisions, selectRevisions, clickhouse.Named("site", site), clickhouse.Named("limit", uint64(max(limit, 0))))
	if err == nil {
		err = s.conn.QueryRow(ctx, countRevisions, clickhouse.Named("site", site)).Scan(&total)
	}
	if err != nil {
		return nil, 0, wrap("read revisions", err)
	}
	return revisions, total, nil
}

// Inventory returns one revision with its document, or ErrNotFound.
func (s *Store) Inventory(ctx context.Context, site, revision string) (InventoryRow, error) {
	var found *InventoryRow
	err := s.eachInventory(ctx, selectInventory, []any{clickhouse.Named("site", site), clickhouse.Named("revision", revision)},
		func(r InventoryRow) error { found = &r; return nil })
	switch {
	case err != nil:
		return InventoryRow{}, wrap("read inventory", err)
	case found == nil:
		return InventoryRow{}, fmt.Errorf("revision %s of site %s: %w", revision, site, ErrNotFound)
	}
	return *found, nil
}

// InventoriesAsOf calls each with the revision the hub had last accepted from every site at t, in order of site. No sites
// means all. Sequence and AcceptedAt are those of the revision's first acceptance. It stops at the first error of each and returns it.
func (s *Store) InventoriesAsOf(ctx context.Context, t time.Time, sites []string, each func(InventoryRow) error) error {
	query, arguments := asOfQuery(selectInventoriesAsOf, t, sites)
	return wrap("read inventories as of", s.eachInventory(ctx, query, arguments, each))
}

func asOfQuery(template string, t time.Time, sites []string) (string, []any) {
	arguments := []any{nanos("t", t)}
	condition := ""
	if len(sites) > 0 {
		condition = onlySites
		arguments = append(arguments, clickhouse.Named("sites", sites))
	}
	return fmt.Sprintf(template, condition), arguments
}

func (s *Store) eachInventory(ctx context.Context, query string, arguments []any, each func(InventoryRow) error) error {
	return s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var r InventoryRow
		if err := scan(&r.Site, &r.Revision, &r.Sequence, &r.ObservedAt, &r.AcceptedAt, &r.PlannerVersion, &r.Instance, &r.Document); err != nil {
			return err
		}
		return each(r)
	})
}

// each runs a query and hands over one row at a time.
func (s *Store) each(ctx context.Context, query string, arguments []any, row func(scan func(...any) error) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	rows, err := s.conn.Query(ctx, query, arguments...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // What went wrong before is in rows.Err.
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
