package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/history/historytest"
)

// document is about as large as a 12-node site's.
func document(site string, n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"site":{"id":%q,"country":"DE"},"clusters":[`, site)
	for c := range 4 {
		if c > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"c%d","environment":"production","thingworxVersion":"9.6.2","nodes":[`, c)
		for i := range 12 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"name":"node-%d","machine":"vm-%s-%d","placement":{"provider":"azure","region":"westeurope","zone":"%d"},"cpu":%d,"memoryGiB":32}`,
				i, site, i, i%3+1, n%7+8)
		}
		b.WriteString(`]}`)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func batch(sites, n int) []history.InventoryRow {
	rows := make([]history.InventoryRow, sites)
	for i := range rows {
		site := fmt.Sprintf("site-%05d", i)
		rows[i] = historytest.Inventory(site, n)
		rows[i].Document = document(site, n)
	}
	return rows
}

// BenchmarkWriteInventories writes batches of 1,000 inventories with their facts.
func BenchmarkWriteInventories(b *testing.B) {
	server := historytest.Server(b)
	store := historytest.Open(b, history.Options{DSN: server.DSN()})
	b.SetBytes(int64(len(document("site-00000", 0))) * 1000)
	n := 0
	for b.Loop() {
		b.StopTimer()
		rows := batch(1000, n)
		n++
		b.StartTimer()
		if err := store.WriteInventories(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
	}
	reportRows(b, store)
}

func reportRows(b *testing.B, store *history.Store) {
	b.Helper()
	b.StopTimer()
	counts, err := store.Counts(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(counts.Revisions+counts.Facts+counts.Assessments+counts.FindingEvents)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkBareFacts writes the rows of the same facts with nothing but the driver.
func BenchmarkBareFacts(b *testing.B) {
	server := historytest.Server(b)
	store := historytest.Open(b, history.Options{DSN: server.DSN()})
	conn, err := clickhouse.Open(loginOf(b, server))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	const rows = 1000 * 388
	site, path, value, source, observed := make([]string, rows), make([]string, rows), make([]string, rows), make([]string, rows), make([]time.Time, rows)
	for i := range rows {
		site[i], path[i], value[i] = fmt.Sprintf("site-%05d", i/388), fmt.Sprintf("/clusters/%d/nodes/%d", i%388/97, i%97), fmt.Sprintf("%q", "westeurope")
	}
	n := 0
	for b.Loop() {
		n++
		revision := make([]string, rows)
		for i := range rows {
			revision[i], observed[i] = fmt.Sprint(n), historytest.T0().Add(time.Duration(n)*time.Hour)
		}
		batch, err := conn.PrepareBatch(b.Context(), "INSERT INTO facts (site, revision, observed_at, path, value, source)")
		if err != nil {
			b.Fatal(err)
		}
		for i, c := range []any{site, revision, observed, path, value, source} {
			if err := batch.Column(i).Append(c); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			b.Fatal(err)
		}
	}
	reportRows(b, store)
}

// BenchmarkWriteAssessments writes batches of 1,000 assessments of 30 kB with 20 findings each, a few of which change.
func BenchmarkWriteAssessments(b *testing.B) {
	server := historytest.Server(b)
	store := historytest.Open(b, history.Options{DSN: server.DSN()})
	n := 0
	for b.Loop() {
		b.StopTimer()
		rows := assessmentBatch(1000, n)
		n++
		b.StartTimer()
		if err := store.WriteAssessments(b.Context(), rows); err != nil {
			b.Fatal(err)
		}
	}
	reportRows(b, store)
}

func assessmentBatch(sites, n int) []history.AssessmentRow {
	rows := make([]history.AssessmentRow, sites)
	for i := range rows {
		var findings []history.Finding
		for f := range 20 {
			if (f+n)%10 > 0 {
				findings = append(findings, historytest.Finding(fmt.Sprint("f", f)))
			}
		}
		site := fmt.Sprintf("site-%05d", i)
		rows[i] = historytest.Assessment(site, n, findings...)
		rows[i].Document = []byte(strings.Repeat(string(document(site, n))[:6800], 4))
	}
	return rows
}

// BenchmarkAsOf reads the assessments in force of 10,000 sites with a history.
func BenchmarkAsOf(b *testing.B) {
	server := historytest.Server(b)
	store := historytest.Open(b, history.Options{DSN: server.DSN()})
	for n := range 12 {
		for from := 0; from < 10000; from += 1000 {
			rows := assessmentBatch(1000, n)
			for i := range rows {
				rows[i].Site = fmt.Sprintf("site-%05d", from+i)
				rows[i].At = historytest.T0().AddDate(0, n-12, 0)
			}
			if err := store.WriteAssessments(b.Context(), rows); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		n := 0
		err := store.AsOf(b.Context(), historytest.T0(), nil, func(history.AssessmentRow) error { n++; return nil })
		if err != nil || n != 10000 {
			b.Fatal(n, err)
		}
	}
}
