package historytest

import (
	"fmt"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/history"
)

// T0 is the instant the rows of the suite begin at.
func T0() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 123456789, time.UTC) }

// Open returns a migrated store on the server, closed after the test and before the server.
func Open(t testing.TB, options history.Options) *history.Store {
	t.Helper()
	store, err := history.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// Inventory makes the n-th revision of a site, an hour after the one before.
func Inventory(site string, n int) history.InventoryRow {
	at := T0().Add(time.Duration(n) * time.Hour)
	return history.InventoryRow{
		Site: site, Revision: fmt.Sprintf("%s-%04x", at.Format("20060102T150405"), n), Sequence: uint64(100*n + 7),
		ObservedAt: at, AcceptedAt: at.Add(3 * time.Second), PlannerVersion: "1.2.3", Instance: "i-" + site,
		Document: fmt.Appendf(nil, `{"site":{"id":%q},"clusters":[{"id":"prod","size":%d,"empty":[]}],`+
			`"probes":[{"from":"x/prod/n1","to":"pg-1","kind":"database-round-trip","p50":"18ms","p95":"%dms","samples":200,"at":%q}],`+
			`"provenance":[{"path":"/clusters/0/size","source":"azure"}]}`, site, n/2, 20+n, at.Format(time.RFC3339Nano)),
	}
}

// Finding makes a failing finding.
func Finding(id string) history.Finding {
	return history.Finding{
		ID: id, Rule: "COL-001", Verdict: "fail", Severity: "high", Cluster: "prod", Infrastructure: "a/pg-1", Node: "n1",
		Message: "tab\there, quote ' and backslash \\ in " + id, FirstSeen: T0(), FailingSince: T0().Add(time.Second),
	}
}

// Recommendation is what an assessment says of a cluster.
func Recommendation(cluster string) history.Recommendation {
	no := false
	return history.Recommendation{
		Cluster: cluster, Environment: "production", Architecture: "basic-production", Distance: 0.25, Serving: 0.991,
		ThingWorx: []string{"northeurope", "westeurope"}, Database: "northeurope", RegionMatch: &no, Recommended: "ha-cluster",
		Options: []history.Option{{Objective: "cheapest", Architecture: "ha-cluster", Serving: 0.9995, CostIndex: 1, Changes: 4}},
	}
}

// Assessment makes the n-th assessment of a site with the findings.
func Assessment(site string, n int, findings ...history.Finding) history.AssessmentRow {
	row := history.AssessmentRow{
		Site: site, At: T0().Add(time.Duration(n) * time.Hour), Revision: fmt.Sprintf("r%04d", n), Sequence: uint64(n),
		PackVersion: "2026.1", PackHash: "h1", Clusters: 1, Findings: findings,
		Document: fmt.Appendf(nil, `{"kind":"Assessment","n":%d}`, n),
	}
	row.Counts.Pass = 10
	for _, f := range findings {
		if f.Verdict == "unknown" {
			row.Counts.Unknown++
		} else {
			row.Counts.Fail++
		}
		if f.Waiver != "" {
			row.Counts.Waived++
		}
	}
	return row
}

// Reads is everything that can be read of the suite's sites.
type Reads struct {
	Counts      history.Counts
	Revisions   map[string][]history.Revision
	Inventories []history.InventoryRow
	AsOf        [][]history.AssessmentRow // at every hour
	Events      []history.FindingEvent
	Rejections  []history.RejectionRow
}

// ReadAll reads everything; a failed read ends the test.
func ReadAll(t testing.TB, s *history.Store, hours int, sites ...string) Reads {
	t.Helper()
	ctx := t.Context()
	var r Reads
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r.Counts, err = s.Counts(ctx)
	check(err)
	r.Revisions = map[string][]history.Revision{}
	for _, site := range sites {
		revisions, total, err := s.Revisions(ctx, site, 1000)
		check(err)
		if uint64(len(revisions)) != total {
			t.Errorf("%s: %d revisions of %d", site, len(revisions), total)
		}
		r.Revisions[site] = revisions
	}
	end := T0().Add(time.Duration(hours) * time.Hour)
	check(s.InventoriesAsOf(ctx, end, nil, func(row history.InventoryRow) error {
		r.Inventories = append(r.Inventories, row)
		return nil
	}))
	for h := range hours {
		r.AsOf = append(r.AsOf, AsOf(t, s, T0().Add(time.Duration(h)*time.Hour)))
	}
	r.Events = Events(t, s, history.EventFilter{})
	r.Rejections, _, err = s.Rejections(ctx, "", 10000)
	check(err)
	return r
}

// AsOf collects the assessments in force at an instant.
func AsOf(t testing.TB, s *history.Store, at time.Time, sites ...string) []history.AssessmentRow {
	t.Helper()
	var rows []history.AssessmentRow
	err := s.AsOf(t.Context(), at, sites, func(r history.AssessmentRow) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Events collects all pages of a filter, and checks that they agree with the total.
func Events(t testing.TB, s *history.Store, filter history.EventFilter) []history.FindingEvent {
	t.Helper()
	var events []history.FindingEvent
	for {
		page, err := s.FindingEvents(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, page.Events...)
		if page.Next == "" {
			if uint64(len(events)) != page.Total {
				t.Errorf("%d events on all pages, total %d", len(events), page.Total)
			}
			return events
		}
		filter.After = page.Next
	}
}
