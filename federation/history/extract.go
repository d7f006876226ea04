package history

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Reported is what the history tells a report of one site.
type Reported struct {
	Site       string
	AcceptedAt time.Time // of the last inventory
	Name       string    // of the site, as that inventory says
	Country    string    // ISO 3166-1 alpha-2, as that inventory says; "" when it does not
	// Extract is of the assessment in force, as AssessmentRow.Extract. When that was written without one, Document is the assessment
	// itself as JSON. Both are empty when there is none.
	Extract  string
	Document []byte
}

const (
	selectIdentitiesAsOf = `SELECT site, accepted_at, sequence, identified, JSONExtractString(identity, 'name'), JSONExtractString(identity, 'country')
FROM acceptances
WHERE (site, accepted_at) IN (
    SELECT site, max(accepted_at)
    FROM acceptances
    WHERE accepted_at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
    GROUP BY site)
ORDER BY site, accepted_at, sequence`

	selectExtractsAsOf = `SELECT site, at, sequence, removed, extract
FROM assessments
WHERE (site, at) IN (
    SELECT site, max(at)
    FROM assessments
    WHERE at <= fromUnixTimestamp64Nano({t:Int64}, 'UTC')%s
    GROUP BY site)
ORDER BY site, at, revision, pack_hash`
)

// ReportedAsOf calls each with every site that belonged to the federation at t, as Present has it, in order of site. No sites asks
// for all. It stops at the first error of each and returns it.
func (s *Store) ReportedAsOf(ctx context.Context, t time.Time, sites []string, each func(Reported) error) error {
	found, err := s.identitiesAsOf(ctx, t, sites)
	if err == nil {
		found, err = s.extractsAsOf(ctx, t, sites, found)
	}
	if err == nil {
		err = s.documentsAsOf(ctx, t, found)
	}
	if err != nil {
		return wrap("read what reports take as of", err)
	}
	for i := range found {
		if err := each(found[i].Reported); err != nil {
			return wrap("read what reports take as of", err)
		}
	}
	return nil
}

// reported is what was read of a site, with the row of its assessment that counts.
type reported struct {
	Reported
	accepted, sequence          uint64
	at                          time.Time
	identified, judged, removed bool
}

func (s *Store) identitiesAsOf(ctx context.Context, t time.Time, sites []string) ([]reported, error) {
	var found []reported
	query, arguments := asOfQuery(selectIdentitiesAsOf, t, sites)
	return found, s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var r reported
		if err := scan(&r.Site, &r.AcceptedAt, &r.accepted, &r.identified, &r.Name, &r.Country); err != nil {
			return err
		}
		r.AcceptedAt = r.AcceptedAt.UTC()
		last := len(found) - 1
		switch {
		case last < 0 || found[last].Site != r.Site:
			found = append(found, r)
		case r.accepted > found[last].accepted || r.identified:
			found[last] = r
		}
		return nil
	})
}

// extractsAsOf adds the extracts and leaves out the sites that had been removed. Both queries give sites in one order.
func (s *Store) extractsAsOf(ctx context.Context, t time.Time, sites []string, found []reported) ([]reported, error) {
	query, arguments := asOfQuery(selectExtractsAsOf, t, sites)
	i := 0
	err := s.each(ctx, query, arguments, func(scan func(...any) error) error {
		var n reported
		if err := scan(&n.Site, &n.at, &n.sequence, &n.removed, &n.Extract); err != nil {
			return err
		}
		for i < len(found) && found[i].Site < n.Site {
			i++
		}
		if i == len(found) || found[i].Site != n.Site {
			return nil
		}
		// A row that was filled has the key and the sequence of the one that it replaces.
		if r := &found[i]; !r.judged || n.sequence > r.sequence || n.sequence == r.sequence && n.Extract != "" {
			r.judged, r.at, r.sequence, r.removed, r.Extract = true, n.at, n.sequence, n.removed, n.Extract
		}
		return nil
	})
	found = slices.DeleteFunc(found, func(r reported) bool { return r.removed && !r.AcceptedAt.After(r.at) })
	return found, err
}

// documentsAsOf reads whole documents of the sites whose rows hold no extract or identity yet.
func (s *Store) documentsAsOf(ctx context.Context, t time.Time, found []reported) error {
	var noIdentity, noExtract []string
	at := make(map[string]*reported, len(found))
	for i := range found {
		r := &found[i]
		if !r.identified {
			noIdentity = append(noIdentity, r.Site)
			at[r.Site] = r
		}
		if r.judged && !r.removed && r.Extract == "" {
			noExtract = append(noExtract, r.Site)
			at[r.Site] = r
		}
	}
	for sites := range slices.Chunk(noIdentity, together) {
		err := s.InventoriesAsOf(ctx, t, sites, func(r InventoryRow) (err error) {
			at[r.Site].Name, at[r.Site].Country, err = identityOf(&r)
			return err
		})
		if err != nil {
			return err
		}
	}
	for sites := range slices.Chunk(noExtract, together) {
		err := s.AsOf(ctx, t, sites, func(r AssessmentRow) error {
			at[r.Site].Document = r.Document
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func identityOf(r *InventoryRow) (name, country string, err error) {
	var document struct {
		Site struct{ Name, Country string }
	}
	if err := json.Unmarshal(r.Document, &document); err != nil {
		return "", "", fmt.Errorf("revision %s of site %s: %w", r.Revision, r.Site, err)
	}
	return document.Site.Name, document.Site.Country, nil
}

const (
	selectUnidentified = `SELECT DISTINCT toYYYYMM(accepted_at) AS month FROM acceptances FINAL WHERE NOT identified ORDER BY month`

	// The acceptances of a month without identity, written once more with it. A revision that is not there any more, or no JSON, gives none.
	fillIdentities = `INSERT INTO acceptances (site, accepted_at, sequence, observed_at, revision, identity)
SELECT a.site, a.accepted_at, a.sequence, a.observed_at, a.revision, i.identity
FROM (SELECT site, accepted_at, sequence, observed_at, revision FROM acceptances FINAL WHERE NOT identified AND toYYYYMM(accepted_at) = {month:UInt32}) AS a
INNER JOIN (
    SELECT site, observed_at, revision, JSONExtractRaw(document, 'site') AS identity
    FROM inventory_revisions
    WHERE (site, observed_at, revision) IN (
        SELECT site, observed_at, revision FROM acceptances FINAL WHERE NOT identified AND toYYYYMM(accepted_at) = {month:UInt32})
    LIMIT 1 BY site, observed_at, revision) AS i USING (site, observed_at, revision)
WHERE i.identity != ''`

	selectUnextracted = `SELECT site, at
FROM assessments FINAL
WHERE NOT extracted AND NOT removed AND (site, at) > ({site:String}, fromUnixTimestamp64Nano({at:Int64}, 'UTC'))
ORDER BY site, at
LIMIT 1 BY site, at
LIMIT {limit:UInt64}`

	selectAssessmentsAt = `SELECT ` + assessmentColumns + `
FROM assessments FINAL
WHERE (site, toUnixTimestamp64Nano(at)) IN arrayZip({sites:Array(String)}, {instants:Array(Int64)})
    AND site >= {first:String} AND site <= {last:String} AND NOT extracted AND NOT removed
ORDER BY site, at, revision, pack_hash`
)

// Fill gives the rows that were written before there were extracts and identities what they lack, and returns how many
// assessments it gave one. extract makes the extract of an assessment's JSON; what it refuses stays as it is and is told to the
// log. Rows are replaced by equal ones, so that several may fill at once, and one that is stopped begins where it ended.
func (s *Store) Fill(ctx context.Context, extract func(document []byte) (string, error)) (filled int, err error) {
	months, err := s.months(ctx)
	if err != nil {
		return 0, wrap("look for acceptances without identity", err)
	}
	for _, month := range months {
		call, cancel := context.WithTimeout(ctx, s.options.Timeout)
		err := s.conn.Exec(call, fillIdentities, clickhouse.Named("month", month))
		cancel()
		if err != nil {
			return 0, wrap("fill in identities", err)
		}
	}
	site, at := "", time.Unix(0, 0)
	for {
		var sites []string
		var instants []int64
		err := s.each(ctx, selectUnextracted, []any{clickhouse.Named("site", site), nanos("at", at), clickhouse.Named("limit", uint64(together))},
			func(scan func(...any) error) error {
				err := scan(&site, &at)
				sites, instants = append(sites, site), append(instants, at.UnixNano())
				return err
			})
		if err != nil {
			return filled, wrap("look for assessments without extract", err)
		}
		if len(sites) == 0 {
			return filled, nil
		}
		rows, err := s.extracted(ctx, sites, instants, extract)
		if err == nil && len(rows) > 0 {
			call, cancel := context.WithTimeout(ctx, s.options.Timeout)
			err = s.insertAssessments(call, rows)
			cancel()
		}
		if err != nil {
			return filled, wrap("fill in extracts", err)
		}
		filled += len(rows)
	}
}

func (s *Store) months(ctx context.Context) (months []uint32, err error) {
	return months, s.each(ctx, selectUnidentified, nil, func(scan func(...any) error) error {
		var month uint32
		err := scan(&month)
		months = append(months, month)
		return err
	})
}

// extracted reads the assessments of some instants and makes their extracts.
func (s *Store) extracted(ctx context.Context, sites []string, instants []int64, extract func([]byte) (string, error)) ([]AssessmentRow, error) {
	var rows []AssessmentRow
	arguments := []any{
		clickhouse.Named("sites", sites), clickhouse.Named("instants", instants),
		clickhouse.Named("first", sites[0]), clickhouse.Named("last", sites[len(sites)-1]),
	}
	err := s.each(ctx, selectAssessmentsAt, arguments, func(scan func(...any) error) error {
		r, err := scanAssessment(scan)
		if err != nil {
			return err
		}
		if r.Extract, err = extract(r.Document); err != nil {
			s.logger.Warn("an assessment stays without extract", "site", r.Site, "at", r.At, "error", err)
			return nil
		}
		rows = append(rows, r)
		return nil
	})
	return rows, err
}
