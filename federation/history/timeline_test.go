package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

// memory is a Store's tables for assessments and events, as far as the timeline is concerned.
type memory struct {
	assessments map[assessmentKey]AssessmentRow
	events      map[eventKey]FindingEvent
}

func (m *memory) neighbours(bounds map[string]bound) []AssessmentRow {
	var out []AssessmentRow
	for site, b := range bounds {
		var before, after time.Time
		for _, r := range m.assessments {
			if r.Site != site {
				continue
			}
			if r.At.Before(b.low) && r.At.After(before) {
				before = r.At
			}
			if r.At.After(b.high) && (after.IsZero() || r.At.Before(after)) {
				after = r.At
			}
		}
		for _, r := range m.assessments {
			if r.Site == site && (r.At.Equal(before) || r.At.Equal(after) || !r.At.Before(b.low) && !r.At.After(b.high)) {
				out = append(out, r)
			}
		}
	}
	return out
}

// write does what Store.WriteAssessments does; stop leaves it after the events or not at all.
func (m *memory) write(rows []AssessmentRow, stopAfterEvents bool) {
	rows = unique(rows)
	wanted, judged := deriveEvents(rows, m.neighbours(boundsOf(rows)))
	var present []FindingEvent
	for _, e := range m.events {
		if slices.Contains(judged, e.key().assessmentKey) {
			present = append(present, e)
		}
	}
	write, withdraw := compareEvents(wanted, present)
	for _, e := range write {
		m.events[e.key()] = e
	}
	for _, e := range withdraw {
		delete(m.events, e.key())
	}
	if stopAfterEvents {
		return
	}
	for _, r := range rows {
		m.assessments[r.key()] = r
	}
}

func (m *memory) sorted() []FindingEvent {
	var out []FindingEvent
	for _, e := range m.events {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b FindingEvent) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), a.At.Compare(b.At), cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Finding.ID, b.Finding.ID))
	})
	return out
}

// Whatever the order of arrival, the cutting into batches, the repetitions and the crashes, the events are those of the
// assessments in their own order.
func TestEventsDoNotDependOnDelivery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		finding := rapid.Custom(func(t *rapid.T) Finding {
			return Finding{
				ID: rapid.SampledFrom([]string{"f1", "f2", "f3"}).Draw(t, "id"), Verdict: rapid.SampledFrom([]string{"fail", "unknown"}).Draw(t, "verdict"),
				Severity: rapid.SampledFrom([]string{"high", "low"}).Draw(t, "severity"),
			}
		})
		var rows []AssessmentRow
		for _, site := range []string{"a", "b"} {
			for i := range rapid.IntRange(0, 6).Draw(t, "assessments") {
				r := AssessmentRow{
					Site: site, At: time.Unix(int64(rapid.IntRange(1, 5).Draw(t, "at")), 0).UTC(), Revision: fmt.Sprint("r", i), Sequence: uint64(i),
					Findings: rapid.SliceOfNDistinct(finding, 0, 3, func(f Finding) string { return f.ID }).Draw(t, "findings"),
				}
				if rapid.IntRange(0, 6).Draw(t, "removed") == 0 {
					r.Removed, r.Findings = true, nil
				}
				rows = append(rows, r)
			}
		}
		want := memory{map[assessmentKey]AssessmentRow{}, map[eventKey]FindingEvent{}}
		if len(rows) > 0 {
			want.write(rows, false)
		}
		got := memory{map[assessmentKey]AssessmentRow{}, map[eventKey]FindingEvent{}}
		rest := rapid.Permutation(rows).Draw(t, "order")
		for len(rest) > 0 {
			n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
			if rapid.Bool().Draw(t, "crash") {
				got.write(rest[:n], true)
			}
			got.write(rest[:n], false)
			if rapid.Bool().Draw(t, "again") {
				got.write(rest[:n], false)
			}
			rest = rest[n:]
		}
		if diff := gocmp.Diff(want.sorted(), got.sorted()); diff != "" {
			t.Fatalf("events differ (-in order +delivered):\n%s", diff)
		}
	})
}

func TestSameKeys(t *testing.T) {
	a, b := AssessmentRow{Site: "a"}, AssessmentRow{Site: "b"}
	for _, c := range []struct {
		x, y []AssessmentRow
		want bool
	}{
		{nil, nil, true},
		{[]AssessmentRow{a, b}, []AssessmentRow{b, a, a}, true},
		{[]AssessmentRow{a}, []AssessmentRow{b}, false},
		{[]AssessmentRow{a}, []AssessmentRow{a, b}, false},
	} {
		if got := sameKeys(c.x, c.y); got != c.want {
			t.Errorf("sameKeys(%v, %v) = %v", c.x, c.y, got)
		}
	}
}

func TestNewAssessmentRow(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	seen := at.Add(-time.Hour)
	a := &assess.Assessment{
		At: at, RulePack: assess.RulePack{Version: "v", Hash: "h"}, Clusters: make([]assess.Cluster, 2),
		Verdicts: assess.Verdicts{Pass: 1, Fail: 1, Unknown: 1, NotApplicable: 1},
		Findings: []rules.Finding{
			{ID: "1", Verdict: rules.Pass},
			{ID: "2", Verdict: rules.NotApplicable},
			{
				ID: "3", Rule: "R", Verdict: rules.Fail, Severity: rules.High, Message: "m", FirstSeen: &seen, FailingSince: &at,
				Subject: rules.Subject{Site: "s", Cluster: "c", Infrastructure: "s/i", Node: "n"}, Waiver: &rules.Waiver{ID: "w"},
			},
			{ID: "4", Verdict: rules.Unknown},
		},
	}
	row, err := NewAssessmentRow("s", "r", 7, a)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	want := AssessmentRow{
		Site: "s", At: at, Revision: "r", Sequence: 7, PackVersion: "v", PackHash: "h", Clusters: 2,
		Counts: Verdicts{Pass: 1, Fail: 1, Unknown: 1, NotApplicable: 1, Waived: 1}, Document: document,
		Recommendations: make([]Recommendation, 2),
		Findings: []Finding{
			{
				ID: "3", Rule: "R", Verdict: "fail", Severity: "high", Cluster: "c", Infrastructure: "s/i", Node: "n", Message: "m",
				FirstSeen: seen, FailingSince: at, Waiver: "w",
			},
			{ID: "4", Verdict: "unknown"},
		},
	}
	if diff := gocmp.Diff(want, row); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a.Findings[0].Evidence = "{"
	if _, err := NewAssessmentRow("s", "r", 7, a); err == nil {
		t.Error("evidence that is no JSON gives no error")
	}
}
