package history_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/history/historytest"
)

// TestRetention brings filled tables from keeping all to an age, to another and back: what is too old goes, what is not stays,
// and nothing more goes once all is kept again.
func TestRetention(t *testing.T) {
	server := historytest.Server(t)
	conn, err := clickhouse.Open(loginOf(t, server))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	now := time.Now().UTC().Truncate(time.Second)
	day := func(n int) time.Time { return now.AddDate(0, 0, -n) }
	fill := func(s *history.Store) {
		t.Helper()
		for n := range 10 { // Ages 5, 15, … 95 days; one far in the future.
			at := day(10*n + 5)
			inventory, judged := historytest.Inventory("a", n), historytest.Assessment("a", n, historytest.Finding(fmt.Sprint("f", n)))
			inventory.ObservedAt, inventory.AcceptedAt, judged.At = at, at, at
			judged.Recommendations = []history.Recommendation{historytest.Recommendation("prod")}
			inventory.Document = fmt.Appendf(nil, `{"probes":[{"from":"a","to":"b","kind":"tcp-connect","at":%q}]}`, at.Format(time.RFC3339))
			err := errors.Join(s.WriteInventories(t.Context(), []history.InventoryRow{inventory}), s.WriteAssessments(t.Context(), []history.AssessmentRow{judged}),
				s.WriteRejections(t.Context(), []history.RejectionRow{{Site: "a", At: at}}), s.WriteAudit(t.Context(), []history.AuditEntry{{ID: "a", At: at}}))
			if err != nil {
				t.Fatal(err)
			}
		}
		future := historytest.Assessment("z", 0)
		future.At = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
		if err := s.WriteAssessments(t.Context(), []history.AssessmentRow{future}); err != nil {
			t.Fatal(err)
		}
	}
	open := func(r history.Retention) *history.Store {
		return historytest.Open(t, history.Options{DSN: server.DSN(), Retention: r})
	}
	counts := func(s *history.Store) history.Counts {
		t.Helper()
		for _, table := range []string{"inventory_revisions", "acceptances", "facts", "assessments", "finding_events", "recommendations", "probe_samples", "rejections", "audit_entries"} {
			if err := conn.Exec(t.Context(), "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
				t.Fatal(err)
			}
		}
		c, err := s.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	forever := open(history.Retention{})
	fill(forever)
	all := counts(forever)
	if all.Revisions != 10 || all.Assessments != 11 || all.AuditEntries != 10 {
		t.Fatalf("before: %+v", all)
	}
	const days = 24 * time.Hour
	some := open(history.Retention{
		Inventories: 50 * days, Facts: 40 * days, Assessments: 30 * days, Changes: 60 * days, Recommendations: 20 * days, Probes: 10 * days, Rejections: 70 * days, Audit: 80 * days,
	})
	if got := counts(some); got.Revisions != 5 || got.Facts != 16 || got.Assessments != 4 || got.FindingEvents >= all.FindingEvents || got.Recommendations != 2 ||
		got.ProbeSamples != 1 || got.Rejections != 7 || got.AuditEntries != 8 {
		t.Errorf("with an age: %+v of %+v", got, all)
	}
	less := counts(open(history.Retention{Inventories: 20 * days}))
	if less.Revisions != 2 || less.Assessments != 4 {
		t.Errorf("with a lower age and no other: %+v", less)
	}
	last := open(history.Retention{})
	fill(last)
	if got := counts(last); got.Revisions != all.Revisions || got.AuditEntries != all.AuditEntries || got.Assessments != all.Assessments {
		t.Errorf("without an age: %+v", got)
	}
}

func TestRetentionRefused(t *testing.T) {
	short := history.Retention{Facts: time.Hour, Audit: -time.Hour}
	if err := short.Check(); !errors.Is(err, history.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if _, err := history.Open(t.Context(), history.Options{DSN: "clickhouse://127.0.0.1:1/x", Retention: short}); !errors.Is(err, history.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if err := (&history.Retention{Facts: 24 * time.Hour}).Check(); err != nil {
		t.Error(err)
	}
}
