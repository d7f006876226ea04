package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/audit"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/history/historytest"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

// readPast reads one answer of a hub.
func readPast[T any](t *testing.T, h *running, path string, query ...string) T {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/api/v1"+path+"?"+values.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out T
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s: %v", path, values.Encode(), resp.Status, err)
	}
	return out
}

// TestPast follows a site through three revisions: what the lists said while each was in force, they say of that instant
// later, and the differences, changes and trends between the instants are those between the lists.
func TestPast(t *testing.T) {
	store := historytest.Open(t, history.Options{DSN: historytest.Server(t).DSN()})
	conn := bustest.Start(t).Hub(t)
	var options hub.Options
	h := run(t, conn, func(o *hub.Options) { o.Past, options = store, *o })
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() { written <- hub.WriteHistory(ctx, options, store) }()
	defer func() {
		cancel()
		if err := <-written; err != nil {
			t.Errorf("the history ended with %v", err)
		}
	}()

	type list struct {
		Items []json.RawMessage
		Total int
	}
	begin := time.Now()
	resources := []string{"/sites", "/clusters", "/findings", "/region-mismatches", "/recommendations", "/tenancy"}
	said := map[string][]string{}
	var instants []time.Time
	// The third revision is the first once more.
	for i, things := range []int{12000, 400000, 12000} {
		revision, body := munich(t, begin.Add(-time.Hour), things)
		if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: revision, Body: body, Newest: true}); err != nil {
			t.Fatal(err)
		}
		bustest.Eventually(t, fmt.Sprintf("revision %d is in force", i), func() bool {
			r, ok := h.View().Site("muc-01")
			return ok && r.Revision == revision && r.Assessment != nil && r.Assessment.Inventories[0].Revision == revision
		})
		for _, resource := range resources {
			l := readPast[list](t, h, resource)
			said[resource] = append(said[resource], comparable(t, l.Items))
		}
		// Without the monotonic reading: what lies between two instants is then what their texts say.
		instants = append(instants, time.Now().Round(0))
		counts := func() history.Counts {
			c, err := store.Counts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		bustest.Eventually(t, "the history has it", func() bool {
			c := counts()
			return c.Assessments >= uint64(i)+1 && c.Revisions >= uint64(min(i, 1))+1
		})
	}
	bustest.Eventually(t, "the return to the first is known", func() bool {
		present, err := store.Present(t.Context(), time.Now(), nil)
		return err == nil && present["muc-01"].After(instants[1])
	})
	for i, at := range instants {
		for _, resource := range resources {
			for _, rules := range []string{"then", "now"} {
				l := readPast[list](t, h, resource, "asOf", at.Format(time.RFC3339Nano), "rules", rules)
				if got := comparable(t, l.Items); got != said[resource][i] {
					t.Errorf("%s at instant %d under the rules of %s:\n%s\nwas said to be\n%s", resource, i, rules, got, said[resource][i])
				}
			}
		}
	}
	if l := readPast[list](t, h, "/sites", "asOf", begin.Add(-time.Minute).Format(time.RFC3339Nano)); l.Total != 0 {
		t.Errorf("before the first revision there were %d sites", l.Total)
	}

	// A report of an instant is the same whenever it is made: its rows, their order and its hash. It counts what passed.
	type compliance struct {
		Hash    string
		Summary struct {
			Findings struct{ Fail, Pass, NotApplicable int }
		}
	}
	report := func(at time.Time, more ...string) compliance {
		return readPast[compliance](t, h, "/reports/compliance", append([]string{"format", "json", "rules", "then", "asOf", at.Format(time.RFC3339Nano)}, more...)...)
	}
	first := report(instants[0])
	if again := report(instants[0]); first.Hash == "" || again != first {
		t.Errorf("a report made twice: %+v and %+v", first, again)
	}
	if n := first.Summary.Findings; n.Pass == 0 || n.NotApplicable == 0 || n.Fail == 0 {
		t.Errorf("the report of an instant counts %+v", n)
	}
	if some := report(instants[0], "filter", "verdict=pass"); some.Summary.Findings.Pass != first.Summary.Findings.Pass || some.Summary.Findings.Fail != 0 {
		t.Errorf("what passed is filtered to %+v of %+v", some.Summary.Findings, first.Summary.Findings)
	}
	anew := readPast[compliance](t, h, "/reports/compliance", "format", "json", "rules", "now", "asOf", instants[0].Format(time.RFC3339Nano))
	if anew.Summary.Findings != first.Summary.Findings {
		t.Errorf("under equal rules then counts %+v and now %+v", first.Summary.Findings, anew.Summary.Findings)
	}

	span := func(from, to int) []string {
		return []string{"from", instants[from].Format(time.RFC3339Nano), "to", instants[to].Format(time.RFC3339Nano), "limit", "1000"}
	}
	differences := readPast[gen.DifferenceList](t, h, "/diff", span(0, 1)...)
	kinds := map[string]int{}
	for _, d := range differences.Items {
		kinds[string(d.Kind)]++
	}
	if kinds["fact"] != 1 || kinds["finding"]+kinds["cluster"] == 0 || kinds["site"] != 0 {
		t.Errorf("between two revisions: %+v", differences.Items)
	}
	if d := readPast[gen.DifferenceList](t, h, "/diff", span(0, 2)...); d.Total != 0 {
		t.Errorf("between a content and the same again: %+v", d.Items)
	}
	if d := readPast[gen.DifferenceList](t, h, "/diff", "from", begin.Add(-time.Minute).Format(time.RFC3339Nano), "filter", "kind=site"); d.Total != 1 || d.Items[0].Change != "joined" {
		t.Errorf("since before the site: %+v", d.Items)
	}
	changes := readPast[gen.ChangeList](t, h, "/changes", span(0, 1)...)
	if changes.Total != kinds["finding"] {
		t.Errorf("%d changes for %d findings that differ", changes.Total, kinds["finding"])
	}
	trends := readPast[gen.Trends](t, h, "/trends", "from", instants[0].Format(time.RFC3339Nano), "to", instants[2].Format(time.RFC3339Nano), "every", instants[2].Sub(instants[0]).String())
	if len(trends.Series) != 1 || len(trends.Series[0].Points) != 2 || trends.Series[0].Points[0].Fail == 0 || trends.Series[0].Points[0].Fail != trends.Series[0].Points[1].Fail {
		t.Errorf("trends: %+v", trends)
	}
	for _, by := range []string{"site", "rule", "severity", "region", "country", "tag.division", "tag.none"} {
		x := readPast[gen.Trends](t, h, "/trends", "from", instants[0].Format(time.RFC3339Nano), "to", instants[2].Format(time.RFC3339Nano), "by", by)
		if len(x.Series) == 0 || (x.Series[0].Group == "") != (by == "tag.none") {
			t.Errorf("trends by %s: %+v", by, x.Series)
		}
	}
}

// TestHistoryOutlivesTheSite: a site that was removed is told of as long as it was there, by the rules of then, which the
// verdicts name by their hash.
func TestHistoryOutlivesTheSite(t *testing.T) {
	store := historytest.Open(t, history.Options{DSN: historytest.Server(t).DSN()})
	h := run(t, bustest.Start(t).Hub(t), func(o *hub.Options) { o.Past = store })
	at := time.Now().Add(-time.Hour).UTC()
	revision, body := munich(t, at, 12000)
	judged := &assess.Assessment{
		At: at, RulePack: assess.RulePack{Version: "0.1", Hash: "of-another-time"}, Inventories: []assess.InventoryRef{{Site: "muc-01", Revision: revision, ObservedAt: at}},
		Findings: []rules.Finding{{ID: "f", Rule: "OLD-001", Title: "A rule that is gone", Verdict: rules.Fail, Severity: rules.High, Confidence: rules.Official, Subject: rules.Subject{Site: "muc-01"}}},
		Passed:   []assess.Passed{{Subject: "muc-01", Pass: "OLD-002"}},
	}
	row, err := history.NewAssessmentRow("muc-01", revision, 1, judged)
	if err != nil {
		t.Fatal(err)
	}
	removed := history.AssessmentRow{Site: "muc-01", At: at.Add(30 * time.Minute), Removed: true}
	inventories := []history.InventoryRow{{Site: "muc-01", Revision: revision, ObservedAt: at, AcceptedAt: at, Document: body}}
	if err := errors.Join(store.WriteInventories(t.Context(), inventories), store.WriteAssessments(t.Context(), []history.AssessmentRow{row, removed})); err != nil {
		t.Fatal(err)
	}
	during, after := at.Add(10*time.Minute).Format(time.RFC3339), at.Add(40*time.Minute).Format(time.RFC3339)
	if l := readPast[gen.FindingList](t, h, "/findings", "asOf", during); l.Total != 1 || l.Items[0].Rule != "OLD-001" {
		t.Errorf("while it was there: %+v", l.Items)
	}
	if l := readPast[gen.FindingList](t, h, "/findings", "asOf", during, "all", "true", "filter", "rule=OLD-002"); l.Total != 1 || l.Items[0].Verdict != rules.Pass {
		t.Errorf("what passed: %+v", l.Items)
	}
	if l := readPast[gen.SiteList](t, h, "/sites", "asOf", after); l.Total != 0 {
		t.Errorf("after it left: %+v", l.Items)
	}
	changes := readPast[gen.ChangeList](t, h, "/changes", "from", at.Add(-time.Minute).Format(time.RFC3339))
	if changes.Total != 2 || changes.Items[0].Change != "closed" || changes.Items[1].Change != "opened" || changes.Items[1].RulePackHash != "of-another-time" {
		t.Errorf("changes: %+v", changes.Items)
	}
	if d := readPast[gen.DifferenceList](t, h, "/diff", "from", during, "to", after, "filter", "kind=site"); d.Total != 1 || d.Items[0].Change != "left" {
		t.Errorf("differences: %+v", d.Items)
	}
	if x := readPast[gen.Trends](t, h, "/trends", "from", during, "to", after, "every", "30m"); len(x.Series) != 1 || len(x.Series[0].Points) != 1 {
		t.Errorf("trends: %+v", x.Series)
	}
}

// comparable is a list without what a record of the past does not hold: heartbeats, and when findings were first seen when
// they are judged anew.
func comparable(t *testing.T, items []json.RawMessage) string {
	t.Helper()
	var b strings.Builder
	for _, raw := range items {
		var item map[string]any
		if err := json.Unmarshal(raw, &item); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"liveness", "entered", "heardAt", "acceptedAt", "planner", "limited", "rivals", "firstSeen", "failingSince"} {
			delete(item, key)
		}
		text, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}

// TestTheAuditIsRemembered: what the stream of the audit holds is in the history as well, once.
func TestTheAuditIsRemembered(t *testing.T) {
	store := historytest.Open(t, history.Options{DSN: historytest.Server(t).DSN()})
	conn := bustest.Start(t).Hub(t)
	options := hub.Options{Bus: conn, Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	if err := conn.EnsureAudit(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	e := audit.Entry{ID: audit.NewID(time.Now()), At: time.Now().UTC(), By: "p1", Act: "approveWaiver", Target: "w-1", Why: "agreed", After: json.RawMessage(`{"state":"approved"}`), RequestID: "r-1"}
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := conn.PublishAudit(t.Context(), bus.Audit{ID: e.ID, At: e.At, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() { written <- hub.WriteHistory(ctx, options, store) }()
	defer func() {
		cancel()
		if err := <-written; err != nil {
			t.Errorf("the history ended with %v", err)
		}
	}()
	var found []history.AuditEntry
	bustest.Eventually(t, "the entry is in the history", func() bool {
		found, _, err = store.Audit(t.Context(), history.AuditFilter{})
		return err == nil && len(found) > 0
	})
	if len(found) != 1 || found[0].ID != e.ID || found[0].Actor != "p1" || found[0].Object != "w-1" || found[0].After != `{"state":"approved"}` || !found[0].At.Equal(e.At) {
		t.Errorf("remembered %+v", found)
	}
}
