package historytest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meridian-federation/meridian/federation/history"
)

// Run is the contract of a Store. newStore gives an empty migrated one each time.
func Run(t *testing.T, newStore func(t testing.TB) *history.Store) {
	t.Run("inventories", func(t *testing.T) { inventories(t, newStore(t)) })
	t.Run("assessments", func(t *testing.T) { assessments(t, newStore(t)) })
	t.Run("finding events", func(t *testing.T) { events(t, newStore(t)) })
	t.Run("late assessments", func(t *testing.T) { late(t, newStore(t)) })
	t.Run("rejections", func(t *testing.T) { rejections(t, newStore(t)) })
	t.Run("recommendations", func(t *testing.T) { recommendations(t, newStore(t)) })
	t.Run("reported", func(t *testing.T) { reported(t, newStore(t)) })
	t.Run("trends", func(t *testing.T) { trends(t, newStore(t)) })
	t.Run("differences", func(t *testing.T) { differences(t, newStore(t)) })
	t.Run("probe samples", func(t *testing.T) { probes(t, newStore(t)) })
	t.Run("audit", func(t *testing.T) { audit(t, newStore(t)) })
	t.Run("repeated batches", func(t *testing.T) { repeated(t, newStore(t)) })
	t.Run("extremes", func(t *testing.T) { extremes(t, newStore(t)) })
	t.Run("two writers", func(t *testing.T) { twoWriters(t, newStore(t)) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func inventories(t *testing.T, s *history.Store) {
	ctx := t.Context()
	must(t, s.WriteInventories(ctx, nil))
	must(t, s.WriteInventories(ctx, []history.InventoryRow{Inventory("b", 0), Inventory("a", 0), Inventory("a", 1), Inventory("a", 2)}))

	revisions, total, err := s.Revisions(ctx, "a", 2)
	must(t, err)
	if total != 3 || len(revisions) != 2 {
		t.Fatalf("%d revisions of %d", len(revisions), total)
	}
	want := Inventory("a", 2)
	same(t, "newest revision", revisions[0], history.Revision{
		Site: "a", Revision: want.Revision, Sequence: want.Sequence, ObservedAt: want.ObservedAt, AcceptedAt: want.AcceptedAt,
		PlannerVersion: "1.2.3", Instance: "i-a", Bytes: uint64(len(want.Document)),
	})
	got, err := s.Inventory(ctx, "a", Inventory("a", 1).Revision)
	must(t, err)
	same(t, "one revision", got, Inventory("a", 1))
	if _, err := s.Inventory(ctx, "a", "none"); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("a revision that is not there: %v", err)
	}

	asOf := func(at time.Time, sites ...string) (rows []history.InventoryRow) {
		must(t, s.InventoriesAsOf(ctx, at, sites, func(r history.InventoryRow) error { rows = append(rows, r); return nil }))
		return rows
	}
	// What was observed but not accepted yet was not known.
	same(t, "before acceptance", asOf(T0()), []history.InventoryRow(nil))
	same(t, "at acceptance", asOf(Inventory("a", 1).AcceptedAt), []history.InventoryRow{Inventory("a", 1), Inventory("b", 0)})
	same(t, "one site", asOf(T0().AddDate(1, 0, 0), "a"), []history.InventoryRow{Inventory("a", 2)})
	stop := errors.New("stop")
	if err := s.InventoriesAsOf(ctx, T0().AddDate(1, 0, 0), nil, func(history.InventoryRow) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the reader's error: %v", err)
	}

	// A revision accepted again keeps the first acceptance.
	again := Inventory("a", 1)
	again.Sequence, again.AcceptedAt = 9999, again.AcceptedAt.AddDate(0, 1, 0)
	must(t, s.WriteInventories(ctx, []history.InventoryRow{again}))
	got, err = s.Inventory(ctx, "a", again.Revision)
	must(t, err)
	same(t, "accepted again", got, Inventory("a", 1))

	same(t, "before it returned to that content", asOf(again.AcceptedAt.Add(-time.Second), "a"), []history.InventoryRow{Inventory("a", 2)})
	same(t, "after it returned to that content", asOf(again.AcceptedAt, "a"), []history.InventoryRow{Inventory("a", 1)})

	facts, err := s.FactHistory(ctx, "a", "/clusters/0/size", 10)
	must(t, err)
	same(t, "history of a fact", facts, []history.Fact{
		{ObservedAt: Inventory("a", 2).ObservedAt, Revision: Inventory("a", 2).Revision, Value: "1", Source: "azure"},
		{ObservedAt: T0(), Revision: Inventory("a", 0).Revision, Value: "0", Source: "azure"},
	})
	facts, err = s.FactHistory(ctx, "a", "/clusters/0/empty", 10)
	must(t, err)
	if len(facts) != 1 || facts[0].Value != "[]" || facts[0].Source != "" {
		t.Errorf("an empty list: %+v", facts)
	}
}

func assessments(t *testing.T, s *history.Store) {
	ctx := t.Context()
	must(t, s.WriteAssessments(ctx, nil))
	a0, a2, b1 := Assessment("a", 0, Finding("f1")), Assessment("a", 2), Assessment("b", 1, Finding("f2"), Finding("f3"))
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{a0, a2, b1}))
	at := func(h float64) time.Time { return T0().Add(time.Duration(h * float64(time.Hour))) }
	for _, c := range []struct {
		at   time.Time
		want []history.AssessmentRow
	}{
		{at(0).Add(-1), nil},
		{at(0), []history.AssessmentRow{a0}},
		{at(1).Add(-1), []history.AssessmentRow{a0}},
		{at(1), []history.AssessmentRow{a0, b1}},
		{at(1.9), []history.AssessmentRow{a0, b1}},
		{at(2), []history.AssessmentRow{a2, b1}},
		{at(9999), []history.AssessmentRow{a2, b1}},
	} {
		same(t, "as of "+c.at.String(), AsOf(t, s, c.at), c.want)
	}
	same(t, "one site", AsOf(t, s, at(9), "b", "none"), []history.AssessmentRow{b1})

	// Of two at one instant the one later in the stream is in force.
	other := Assessment("a", 2, Finding("f9"))
	other.PackHash, other.Sequence = "h0", 77
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{other}))
	same(t, "equal instants", AsOf(t, s, at(3), "a"), []history.AssessmentRow{other})

	removed := history.AssessmentRow{Site: "b", At: at(4), Removed: true}
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{removed}))
	same(t, "a removed site", AsOf(t, s, at(5)), []history.AssessmentRow{other})
	same(t, "before its removal", AsOf(t, s, at(3.9)), []history.AssessmentRow{other, b1})
	if closed := Events(t, s, history.EventFilter{Sites: []string{"b"}, Changes: []history.Change{history.Closed}}); len(closed) != 2 {
		t.Errorf("removal closes %d findings of 2", len(closed))
	}

	stop := errors.New("stop")
	for _, n := range []string{"a", "b"} { // Once at a change of site, once at the end.
		err := s.AsOf(ctx, at(3), nil, func(r history.AssessmentRow) error {
			if r.Site == n {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) {
			t.Errorf("the reader's error: %v", err)
		}
	}
}

// brief renders events for comparison: hour, change, finding.
func brief(events []history.FindingEvent) []string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%s %g %s %s %s", e.Site, e.At.Sub(T0()).Hours(), e.Change, e.Finding.ID, e.Finding.Verdict))
	}
	slices.Sort(out)
	return out
}

func events(t *testing.T, s *history.Store) {
	ctx := t.Context()
	f1, f2, low := Finding("f1"), Finding("f2"), Finding("f3")
	low.Severity, low.Rule, low.Cluster = "low", "HA-002", "test"
	unknown, waived, reworded := f1, f1, f1
	unknown.Verdict, waived.Waiver, reworded.Message = "unknown", "w-1", "in other words"
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{Assessment("a", 0, f1, low)}))
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{Assessment("a", 1, unknown, low), Assessment("a", 2, waived, f2)}))
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{Assessment("a", 3, reworded, f2), Assessment("a", 4), Assessment("a", 5, f2)}))
	all := Events(t, s, history.EventFilter{})
	same(t, "events", brief(all), []string{
		"a 0 opened f1 fail", "a 0 opened f3 fail", "a 1 changed f1 unknown", "a 2 closed f3 fail", "a 2 opened f2 fail", "a 2 waived f1 fail",
		"a 3 unwaived f1 fail", "a 4 closed f1 fail", "a 4 closed f2 fail", "a 5 opened f2 fail",
	})
	first := Assessment("a", 0)
	same(t, "whole event", all[len(all)-2], history.FindingEvent{
		Site: "a", At: first.At, Change: history.Opened, Finding: f1, Revision: first.Revision, PackHash: first.PackHash,
	})
	at := func(h int) time.Time { return T0().Add(time.Duration(h) * time.Hour) }
	for _, c := range []struct {
		name   string
		filter history.EventFilter
		want   int
	}{
		{"sites", history.EventFilter{Sites: []string{"b", "c"}}, 0},
		{"rules", history.EventFilter{Rules: []string{"HA-002"}}, 2},
		{"severities", history.EventFilter{Severities: []string{"low", "info"}}, 2},
		{"clusters", history.EventFilter{Clusters: []string{"a/test"}}, 2},
		{"changes", history.EventFilter{Changes: []history.Change{history.Changed, history.Closed}}, 4},
		{"waivers", history.EventFilter{Changes: []history.Change{history.Waived, history.Unwaived}}, 2},
		{"from", history.EventFilter{From: at(4)}, 3},
		{"to", history.EventFilter{To: at(4)}, 7},
		{"span", history.EventFilter{From: at(1), To: at(3), Rules: []string{"COL-001"}}, 3},
		{"quote in a value", history.EventFilter{Sites: []string{`a' OR '1'='1`, `\`, "\n"}}, 0},
	} {
		if got := Events(t, s, c.filter); len(got) != c.want {
			t.Errorf("%s: %v, want %d", c.name, brief(got), c.want)
		}
	}
	same(t, "pages of 1", Events(t, s, history.EventFilter{Limit: 1}), all)
	same(t, "pages of 3", Events(t, s, history.EventFilter{Limit: 3}), all)
	for _, cursor := range []string{"?", "e30x", "bnVsbA=="} {
		if _, err := s.FindingEvents(ctx, history.EventFilter{After: cursor}); !errors.Is(err, history.ErrInvalid) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// late writes one history in any order and compares with the history written in order.
func late(t *testing.T, s *history.Store) {
	random := rand.New(rand.NewPCG(1, 2))
	const sites, hours = 3, 8
	site := func(prefix string, i int) string { return fmt.Sprintf("%s%d", prefix, i) }
	var ordered, shuffled []history.AssessmentRow
	for i := range sites {
		for h := range hours {
			var findings []history.Finding
			for _, id := range []string{"f1", "f2", "f3"} {
				if random.IntN(3) > 0 {
					f := Finding(id)
					if random.IntN(3) == 0 {
						f.Verdict = "unknown"
					}
					findings = append(findings, f)
				}
			}
			ordered = append(ordered, Assessment(site("o", i), h, findings...))
			shuffled = append(shuffled, Assessment(site("s", i), h, findings...))
		}
	}
	must(t, s.WriteAssessments(t.Context(), ordered))
	random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for chunk := range slices.Chunk(shuffled, 5) {
		must(t, s.WriteAssessments(t.Context(), chunk))
	}
	for i := range sites {
		want := Events(t, s, history.EventFilter{Sites: []string{site("o", i)}})
		got := Events(t, s, history.EventFilter{Sites: []string{site("s", i)}})
		for j := range want {
			want[j].Site = site("s", i)
		}
		same(t, "events of rows written in another order", got, want)
	}
}

func rejections(t *testing.T, s *history.Store) {
	ctx := t.Context()
	must(t, s.WriteRejections(ctx, nil))
	row := func(site string, n int) history.RejectionRow {
		return history.RejectionRow{
			Site: site, At: T0().Add(time.Duration(n) * time.Minute), Sequence: uint64(n), Revision: "r", Reason: "schema", Detail: "d",
			Problems: `[{"what":"x"}]`,
		}
	}
	must(t, s.WriteRejections(ctx, []history.RejectionRow{row("a", 1), row("b", 2), row("a", 3), row("a", 1)}))
	got, total, err := s.Rejections(ctx, "", 2)
	must(t, err)
	same(t, "newest rejections", got, []history.RejectionRow{row("a", 3), row("b", 2)})
	if total != 3 {
		t.Errorf("total %d", total)
	}
	got, total, err = s.Rejections(ctx, "a", 9)
	must(t, err)
	same(t, "of one site", got, []history.RejectionRow{row("a", 3), row("a", 1)})
	if total != 2 {
		t.Errorf("total %d", total)
	}
}

// Batches returns what a consumer would write: batches of inventories, assessments and rejections of some sites.
func Batches(sites []string, hours int) []func(context.Context, *history.Store) error {
	var out []func(context.Context, *history.Store) error
	for h := 0; h < hours; h += 3 {
		var inv []history.InventoryRow
		var ass []history.AssessmentRow
		var rej []history.RejectionRow
		for i, site := range sites {
			for n := h; n < min(h+3, hours); n++ {
				inv = append(inv, Inventory(site, n))
				var findings []history.Finding
				for k := range (n + i) % 4 {
					findings = append(findings, Finding(fmt.Sprintf("f%d", k)))
				}
				judged := Assessment(site, n, findings...)
				judged.Recommendations = []history.Recommendation{Recommendation("prod"), Recommendation("test")}
				ass = append(ass, judged)
			}
			rej = append(rej, history.RejectionRow{Site: site, At: T0().Add(time.Duration(h) * time.Hour), Sequence: uint64(h), Reason: "schema"})
		}
		out = append(out,
			func(ctx context.Context, s *history.Store) error { return s.WriteInventories(ctx, inv) },
			func(ctx context.Context, s *history.Store) error { return s.WriteAssessments(ctx, ass) },
			func(ctx context.Context, s *history.Store) error { return s.WriteRejections(ctx, rej) })
	}
	return out
}

func repeated(t *testing.T, s *history.Store) {
	sites := []string{"a", "b"}
	const hours = 9
	batches := Batches(sites, hours)
	for _, write := range batches {
		must(t, write(t.Context(), s))
	}
	once := ReadAll(t, s, hours, sites...)
	want := history.Counts{
		Revisions: 18, Facts: 198, Assessments: 18, FindingEvents: once.Counts.FindingEvents, Rejections: 6, Recommendations: 36, ProbeSamples: 18,
	}
	same(t, "counts", once.Counts, want)
	if once.Counts.FindingEvents == 0 {
		t.Error("no events")
	}
	for _, write := range batches {
		must(t, write(t.Context(), s))
		must(t, write(t.Context(), s))
	}
	same(t, "reads after writing all again", ReadAll(t, s, hours, sites...), once)
}

// extremes writes what a broken clock or document may send: it must not stop the batch it is in.
func extremes(t *testing.T, s *history.Store) {
	ctx := t.Context()
	bad := Inventory("a", 0)
	bad.Document = []byte("not JSON \xff")
	var rows []history.InventoryRow
	for i := range 130 { // More months than ClickHouse takes in one block by default.
		r := Inventory("old", i)
		r.ObservedAt = T0().AddDate(0, -i, 0)
		rows = append(rows, r)
	}
	zero, future := Inventory("zero", 0), Inventory("future", 0)
	zero.ObservedAt, zero.AcceptedAt = time.Time{}, time.Time{}
	future.ObservedAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	must(t, s.WriteInventories(ctx, append(rows, bad, zero, future)))
	got, err := s.Inventory(ctx, "a", bad.Revision)
	must(t, err)
	same(t, "a document that is not JSON", string(got.Document), string(bad.Document))
	counts, err := s.Counts(ctx)
	must(t, err)
	if counts.Revisions != 133 {
		t.Errorf("%d revisions", counts.Revisions)
	}
	got, err = s.Inventory(ctx, "zero", zero.Revision)
	must(t, err)
	same(t, "no time", got.ObservedAt, time.Unix(0, 0).UTC())

	odd := Finding("f")
	odd.FirstSeen, odd.FailingSince = time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 2 {
		must(t, s.WriteAssessments(ctx, []history.AssessmentRow{{Site: "z", Findings: []history.Finding{odd}}}))
	}
	all := Events(t, s, history.EventFilter{})
	if len(all) != 1 || !all[0].Finding.FirstSeen.IsZero() || all[0].Finding.FailingSince.Year() != 2262 {
		t.Errorf("events %+v", all)
	}
}

// twoWriters lets two writers take turns with the assessments of one site, at the same time.
func twoWriters(t *testing.T, s *history.Store) {
	const hours = 10
	write := func(from int) chan error {
		done := make(chan error, 1)
		go func() {
			for h := from; h < hours; h += 2 {
				var findings []history.Finding
				if h%4 < 2 {
					findings = append(findings, Finding("f"))
				}
				if err := s.WriteAssessments(t.Context(), []history.AssessmentRow{Assessment("a", h, findings...)}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		return done
	}
	even, odd := write(0), write(1)
	must(t, errors.Join(<-even, <-odd))
	same(t, "events", brief(Events(t, s, history.EventFilter{})), []string{
		"a 0 opened f fail", "a 2 closed f fail", "a 4 opened f fail", "a 6 closed f fail", "a 8 opened f fail",
	})
}
