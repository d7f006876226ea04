package historytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/history"
)

func hour(h float64) time.Time { return T0().Add(time.Duration(h * float64(time.Hour))) }

func recommendations(t *testing.T, s *history.Store) {
	ctx := t.Context()
	read := func(at time.Time, sites ...string) (out []history.Recommendation) {
		must(t, s.RecommendationsAsOf(ctx, at, sites, func(r history.Recommendation) error { out = append(out, r); return nil }))
		return out
	}
	filled := func(row history.AssessmentRow, r history.Recommendation) history.Recommendation {
		r.Site, r.At, r.Revision, r.PackHash = row.Site, row.At, row.Revision, row.PackHash
		return r
	}
	first, second, other := Assessment("a", 0), Assessment("a", 1), Assessment("b", 0)
	unknown := history.Recommendation{Cluster: "test"}
	first.Recommendations = []history.Recommendation{Recommendation("prod"), unknown}
	second.Recommendations = []history.Recommendation{Recommendation("prod")}
	other.Recommendations = []history.Recommendation{Recommendation("prod")}
	for range 2 {
		must(t, s.WriteAssessments(ctx, []history.AssessmentRow{second, other, first}))
	}
	same(t, "before", read(hour(-1)), []history.Recommendation(nil))
	want := []history.Recommendation{filled(first, Recommendation("prod")), filled(first, unknown), filled(other, Recommendation("prod"))}
	same(t, "at first", read(hour(0)), want)
	same(t, "a cluster that is gone", read(hour(1), "a"), []history.Recommendation{filled(second, Recommendation("prod"))})
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{{Site: "a", At: hour(2), Removed: true}}))
	same(t, "a site that is gone", read(hour(3), "a"), []history.Recommendation(nil))
	counts, err := s.Counts(ctx)
	must(t, err)
	if counts.Recommendations != 4 {
		t.Errorf("%d recommendations", counts.Recommendations)
	}
}

func trends(t *testing.T, s *history.Store) {
	ctx := t.Context()
	waived := Finding("f2")
	waived.Waiver = "w"
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{
		Assessment("a", 0, Finding("f1")), Assessment("a", 1, Finding("f1"), waived), Assessment("a", 2), Assessment("a", 9, Finding("f1")),
		Assessment("b", 3, Finding("f3")),
		{Site: "b", At: hour(5), Removed: true},
	}))
	read := func(from time.Time, step time.Duration, n int, sites ...string) []string {
		var out []string
		must(t, s.Trend(ctx, from, step, n, sites, func(r history.Standing) error {
			line := fmt.Sprintf("%s %d %v", r.Site, r.Point, r.Removed)
			for _, f := range r.Findings {
				line += " " + f.Rule + f.Waiver
			}
			out = append(out, line)
			return nil
		}))
		return out
	}
	// Of what happens between two points the last counts, and of what happened before the first.
	same(t, "trend", read(hour(1.5), 2*time.Hour, 3), []string{
		"a 0 false COL-001 COL-001w", "a 1 false", "b 1 false COL-001", "b 2 true",
	})
	same(t, "an instant counts to its own point", read(hour(0), time.Hour, 2, "a", "c"), []string{"a 0 false COL-001", "a 1 false COL-001 COL-001w"})
	same(t, "before all", read(hour(-3), time.Hour, 2), []string(nil))
	if err := s.Trend(ctx, hour(0), 0, 1, nil, nil); err == nil {
		t.Error("a trend without step gives no error")
	}
	must(t, s.WriteInventories(ctx, []history.InventoryRow{Inventory("a", 0), Inventory("a", 4), Inventory("b", 0)}))
	var facts []string
	must(t, s.FactsAsOf(ctx, hour(1), nil, []string{"/site/id"}, "/clusters/0/s", func(site, path, value string) error {
		facts = append(facts, site+path+"="+value)
		return nil
	}))
	same(t, "facts as of", facts, []string{"a/clusters/0/size=0", `a/site/id="a"`, "b/clusters/0/size=0", `b/site/id="b"`})
}

func differences(t *testing.T, s *history.Store) {
	ctx := t.Context()
	read := func(from, to time.Time, sites ...string) []string {
		var out []string
		must(t, s.Diff(ctx, from, to, sites, func(d history.Difference) error {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s: %s > %s", d.Site, d.Kind, d.Change, d.Cluster, d.What, d.Before, d.After)))
			return nil
		}))
		return out
	}
	worse, waived := Finding("f1"), Finding("f2")
	worse.Severity, waived.Waiver = "critical", "w"
	better := Recommendation("prod")
	better.Architecture, better.Serving, better.Database = "ha-cluster", 0.9995, "westeurope"
	before, after := Assessment("a", 0, Finding("f1"), Finding("f2"), Finding("f3")), Assessment("a", 6, worse, waived, Finding("f4"))
	before.Recommendations = []history.Recommendation{Recommendation("prod")}
	after.Recommendations = []history.Recommendation{better}
	must(t, s.WriteInventories(ctx, []history.InventoryRow{Inventory("a", 0), Inventory("a", 6), Inventory("b", 5), Inventory("c", 0)}))
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{before, after, Assessment("c", 0, Finding("f9")), {Site: "c", At: hour(4), Removed: true}}))
	want := []string{
		"a cluster changed prod architecture: basic-production > ha-cluster",
		"a cluster changed prod databaseRegion: northeurope > westeurope",
		"a cluster changed prod serving: 0.991 > 0.9995",
		"a fact changed  /clusters/0/size: 0 > 3",
		`a fact changed  /probes/0/p95: "20ms" > "26ms"`,
		"a finding changed prod f1: fail high > fail critical",
		"a finding waived prod f2: fail high > fail high",
		"a finding closed prod f3: fail high >",
		"a finding opened prod f4:  > fail high",
		"b site joined  :  > " + Inventory("b", 5).Revision,
		"c finding closed prod f9: fail high >",
		"c site left  : " + Inventory("c", 0).Revision + " >",
	}
	same(t, "differences", read(hour(1), hour(9)), want)
	same(t, "of one site", read(hour(1), hour(9), "b"), want[9:10])
	present, err := s.Present(ctx, hour(1), nil)
	must(t, err)
	same(t, "sites before", present, map[string]time.Time{"a": Inventory("a", 0).AcceptedAt, "c": Inventory("c", 0).AcceptedAt})
	present, err = s.Present(ctx, hour(9), nil)
	must(t, err)
	same(t, "sites after", present, map[string]time.Time{"a": Inventory("a", 6).AcceptedAt, "b": Inventory("b", 5).AcceptedAt})
	same(t, "of one instant", read(hour(9), hour(9)), []string(nil))
	if back := read(hour(9), hour(1)); len(back) != len(want) {
		t.Errorf("backwards there are %d differences, forwards %d:\n%s", len(back), len(want), strings.Join(back, "\n"))
	}
}

func probes(t *testing.T, s *history.Store) {
	ctx := t.Context()
	for range 2 {
		must(t, s.WriteInventories(ctx, []history.InventoryRow{Inventory("a", 0), Inventory("a", 1), Inventory("b", 1)}))
	}
	odd := Inventory("c", 0)
	odd.Document = []byte(`{"probes":[{"from":7}]}`)
	must(t, s.WriteInventories(ctx, []history.InventoryRow{odd}))
	var got []history.ProbeSample
	must(t, s.ProbeSamples(ctx, "a", "", hour(-1), hour(9), func(p history.ProbeSample) error { got = append(got, p); return nil }))
	sample := history.ProbeSample{
		Site: "a", MeasuredAt: hour(0), From: "x/prod/n1", To: "pg-1", Kind: "database-round-trip", P50: 18 * time.Millisecond, P95: 20 * time.Millisecond, Samples: 200,
	}
	next := sample
	next.MeasuredAt, next.P95 = hour(1), 21*time.Millisecond
	same(t, "probe samples", got, []history.ProbeSample{sample, next})
	got = nil
	must(t, s.ProbeSamples(ctx, "a", "pg-1", hour(0), hour(1), func(p history.ProbeSample) error { got = append(got, p); return nil }))
	same(t, "of a span", got, []history.ProbeSample{sample})
	counts, err := s.Counts(ctx)
	must(t, err)
	if counts.ProbeSamples != 3 {
		t.Errorf("%d samples", counts.ProbeSamples)
	}
}

func audit(t *testing.T, s *history.Store) {
	ctx := t.Context()
	must(t, s.WriteAudit(ctx, nil))
	entry := func(n int, actor string) history.AuditEntry {
		before, err := json.Marshal(map[string]int{"n": n})
		must(t, err)
		return history.AuditEntry{
			ID: fmt.Sprint("e", n), At: hour(float64(n / 2)), Actor: actor, Action: "waiver.approve", Object: "waivers/w-1",
			Reason: "it's planned\\", Before: string(before), RequestID: "r",
		}
	}
	all := []history.AuditEntry{entry(4, "anna"), entry(3, "ben"), entry(2, "anna"), entry(1, "ben"), entry(0, "anna")}
	for range 2 {
		must(t, s.WriteAudit(ctx, all))
	}
	got, total, err := s.Audit(ctx, history.AuditFilter{})
	must(t, err)
	same(t, "newest first", got, all)
	if total != 5 {
		t.Errorf("total %d", total)
	}
	got, total, err = s.Audit(ctx, history.AuditFilter{Limit: 2, Before: &all[1]})
	must(t, err)
	same(t, "a later page", got, all[2:4])
	if total != 5 {
		t.Errorf("total %d", total)
	}
	got, total, err = s.Audit(ctx, history.AuditFilter{
		Actors: []string{"ben"}, Actions: []string{"waiver.approve"}, Objects: []string{"waivers/w-1"}, From: hour(1), To: hour(2),
	})
	must(t, err)
	same(t, "filtered", got, all[1:2])
	if total != 1 {
		t.Errorf("total %d of the filtered", total)
	}
}

// reported: what a report takes of every site, and of rows that were written without it.
func reported(t *testing.T, s *history.Store) {
	ctx := t.Context()
	read := func(at time.Time, sites ...string) (out []history.Reported) {
		must(t, s.ReportedAsOf(ctx, at, sites, func(r history.Reported) error { out = append(out, r); return nil }))
		return out
	}
	name := func(site string, n int) string {
		return fmt.Sprintf("%s %d: \"Münster\", back\\slash, <&>, 大阪 \u2028 😀", site, n)
	}
	country := func(site string) string {
		if site == "c" {
			return ""
		}
		return "DE"
	}
	extracted := func(site string, n int) history.AssessmentRow {
		r := Assessment(site, n)
		r.Extract = fmt.Sprintf("extract %s %d", site, n)
		return r
	}
	inventory := func(site string, n int) history.InventoryRow {
		r := Inventory(site, n)
		r.AcceptedAt = hour(float64(n))
		identity, err := json.Marshal(map[string]string{"id": site, "name": name(site, n), "country": country(site)})
		must(t, err)
		r.Document = bytes.Replace(r.Document, fmt.Appendf(nil, `{"id":%q}`, site), identity, 1)
		return r
	}
	identify := func(r *history.Reported, n int) { r.Name, r.Country = name(r.Site, n), country(r.Site) }
	for range 2 {
		must(t, s.WriteInventories(ctx, []history.InventoryRow{inventory("a", 0), inventory("a", 2), inventory("b", 1), inventory("c", 1)}))
		must(t, s.WriteAssessments(ctx, []history.AssessmentRow{extracted("a", 0), extracted("a", 3), extracted("b", 2), {Site: "b", At: hour(5), Removed: true}}))
	}
	same(t, "before", read(hour(-1)), []history.Reported(nil))
	a := history.Reported{Site: "a", AcceptedAt: hour(0), Extract: "extract a 0"}
	identify(&a, 0)
	same(t, "at first", read(hour(0.5)), []history.Reported{a})
	a.AcceptedAt, a.Extract = hour(2), "extract a 3"
	identify(&a, 2)
	b := history.Reported{Site: "b", AcceptedAt: hour(1), Extract: "extract b 2"}
	identify(&b, 1)
	c := history.Reported{Site: "c", AcceptedAt: hour(1)}
	identify(&c, 1)
	same(t, "with one that is not judged", read(hour(4)), []history.Reported{a, b, c})
	same(t, "one that left", read(hour(6)), []history.Reported{a, c})
	same(t, "some", read(hour(6), "a", "b"), []history.Reported{a})
	must(t, s.WriteInventories(ctx, []history.InventoryRow{inventory("b", 7)}))
	b.AcceptedAt, b.Extract = hour(7), ""
	identify(&b, 7)
	same(t, "one that came back", read(hour(8), "b"), []history.Reported{b})

	// Without an extract the document is read, until it is filled in.
	plain := Assessment("b", 8)
	must(t, s.WriteAssessments(ctx, []history.AssessmentRow{plain, Assessment("c", 8)}))
	b.Document, c.Document = plain.Document, Assessment("c", 8).Document
	same(t, "without extract", read(hour(9)), []history.Reported{a, b, c})
	before := AsOf(t, s, hour(9))
	refuse := func(document []byte) (string, error) { return "", fmt.Errorf("no extract of %s", document) }
	if n, err := s.Fill(ctx, refuse); n != 0 || err != nil {
		t.Errorf("what nobody can extract: %d, %v", n, err)
	}
	same(t, "refused", read(hour(9)), []history.Reported{a, b, c})
	if n, err := s.Fill(ctx, func(document []byte) (string, error) { return "of " + string(document), nil }); n != 2 || err != nil {
		t.Errorf("filled %d, %v", n, err)
	}
	b.Extract, c.Extract, b.Document, c.Document = "of "+string(b.Document), "of "+string(c.Document), nil, nil
	same(t, "filled", read(hour(9)), []history.Reported{a, b, c})
	same(t, "the rest of what is filled", AsOf(t, s, hour(9)), before)
	if n, err := s.Fill(ctx, refuse); n != 0 || err != nil {
		t.Errorf("filled again: %d, %v", n, err)
	}
	stop := errors.New("enough")
	if err := s.ReportedAsOf(ctx, hour(9), nil, func(history.Reported) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}
