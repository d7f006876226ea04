package waiver_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/federation/refuse"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

var (
	start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	anna  = waiver.Act{By: "p-anna", Name: "Anna", At: start}
	bert  = waiver.Act{By: "p-bert", Name: "Bert", At: start.Add(time.Hour)}
)

func request() waiver.Request {
	return waiver.Request{Rule: "COL-001", Match: waiver.Match{Site: "muc-01"}, Reason: "moves in spring", Owner: "Plant IT", Expires: start.Add(48 * time.Hour)}
}

func approved(t *testing.T, id string, change ...func(*waiver.Request)) waiver.Waiver {
	t.Helper()
	r := request()
	for _, f := range change {
		f(&r)
	}
	w, err := waiver.New(id, r, anna, waiver.Limits{})
	if err == nil {
		w, err = w.Approve(bert, waiver.Limits{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func finding(change ...func(*rules.Finding)) *rules.Finding {
	f := &rules.Finding{ID: "f", Rule: "COL-001", Verdict: rules.Fail, Subject: rules.Subject{Site: "muc-01", Cluster: "prod", Infrastructure: "muc-01/pg-1"}}
	for _, c := range change {
		c(f)
	}
	return f
}

func munich() waiver.Subject {
	return waiver.Subject{Site: inventory.Identity{ID: "muc-01", Country: "DE", Tags: map[string]string{"division": "drives", "wave": "1"}}, Regions: []string{"westeurope"}}
}

// TestNoExpiryNoWaiver: no way leads to a waiver without an end.
func TestNoExpiryNoWaiver(t *testing.T) {
	without := func(r *waiver.Request) { r.Expires = time.Time{} }
	r := request()
	without(&r)
	_, err := waiver.New("w", r, anna, waiver.Limits{})
	refused(t, "New", err, "/expires")

	text, err := json.Marshal(approved(t, "w"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, end := range []any{nil, "0001-01-01T00:00:00Z"} {
		doc["expires"] = end
		bare, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var w waiver.Waiver
		refused(t, "JSON", json.Unmarshal(bare, &w), "/expires")
		if got := waiver.Decide([]waiver.Waiver{w}, finding(), munich(), start.Add(2*time.Hour)); got != nil {
			t.Errorf("what was refused waives: %+v", got)
		}
	}
	if _, err := waiver.Parse("w.yaml", []byte(strings.Replace(file, "expires: 2026-12-01T00:00:00Z", "", 1)), waiver.Limits{}); err == nil || !strings.Contains(err.Error(), "expires") {
		t.Errorf("a file without an expiry: %v", err)
	}
	if got := waiver.Decide([]waiver.Waiver{{}}, finding(func(f *rules.Finding) { f.Rule = "" }), waiver.Subject{}, start); got != nil {
		t.Errorf("the zero waiver waives: %+v", got)
	}
	for i := range reflect.TypeFor[waiver.Waiver]().NumField() {
		if f := reflect.TypeFor[waiver.Waiver]().Field(i); f.IsExported() {
			t.Errorf("the field %s can be set without a check", f.Name)
		}
	}
}

func refused(t *testing.T, how string, err error, pointer string) {
	t.Helper()
	var invalid *refuse.Error
	if !errors.As(err, &invalid) {
		t.Errorf("%s: %v, want a refusal at %s", how, err, pointer)
		return
	}
	for _, p := range invalid.Problems {
		if p.Path == pointer {
			return
		}
	}
	t.Errorf("%s: %v, want a refusal at %s", how, err, pointer)
}

func TestWhatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*waiver.Request)
		pointer string
	}{
		"no reason":                {func(r *waiver.Request) { r.Reason = " " }, "/reason"},
		"no rule":                  {func(r *waiver.Request) { r.Rule = "" }, "/rule"},
		"past":                     {func(r *waiver.Request) { r.Expires = start }, "/expires"},
		"longer than the maximum":  {func(r *waiver.Request) { r.Expires = start.Add(waiver.DefaultLongest + 1) }, "/expires"},
		"for everything":           {func(r *waiver.Request) { r.Match = waiver.Match{} }, "/match"},
		"cluster without its site": {func(r *waiver.Request) { r.Match = waiver.Match{Country: "DE", Cluster: "prod"} }, "/match/site"},
		"wildcard in a tag":        {func(r *waiver.Request) { r.Match = waiver.Match{Tags: map[string]string{"division": "*"}} }, "/match/tags"},
		"infrastructure's form":    {func(r *waiver.Request) { r.Match.Infrastructure = "pg-1" }, "/match/infrastructure"},
	} {
		r := request()
		c.change(&r)
		_, err := waiver.New("w", r, anna, waiver.Limits{})
		refused(t, name, err, c.pointer)
	}
	r := request()
	r.Expires = start.Add(waiver.DefaultLongest)
	if _, err := waiver.New("w", r, anna, waiver.Limits{}); err != nil {
		t.Errorf("as long as is allowed: %v", err)
	}
	if _, err := waiver.New("w", r, anna, waiver.Limits{Longest: time.Hour}); err == nil {
		t.Error("longer than the configured maximum is taken")
	}
}

// TestLife: who requested may not approve, what is decided stays decided, and every state is told at every instant.
func TestLife(t *testing.T) {
	w, err := waiver.New("w", request(), anna, waiver.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var e *refuse.Error
	if _, err := w.Approve(waiver.Act{By: "p-anna", Name: "also Anna", At: start.Add(time.Minute)}, waiver.Limits{}); !errors.As(err, &e) || e.Code != refuse.Forbidden {
		t.Errorf("approved by who requested: %v", err)
	}
	good := approved(t, "w")
	for what, do := range map[string]func() (waiver.Waiver, error){
		"approve again": func() (waiver.Waiver, error) { return good.Approve(bert, waiver.Limits{}) },
		"reject":        func() (waiver.Waiver, error) { return good.Reject(bert) },
		"withdraw what has expired": func() (waiver.Waiver, error) {
			return good.Withdraw(waiver.Act{By: "p-anna", At: start.Add(48 * time.Hour)})
		},
	} {
		if _, err := do(); !errors.As(err, &e) || e.Code != refuse.Conflict {
			t.Errorf("%s: %v", what, err)
		}
	}
	back, err := good.Withdraw(waiver.Act{By: "p-anna", Name: "Anna", At: start.Add(3 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	no, err := w.Reject(bert)
	if err != nil {
		t.Fatal(err)
	}
	type at = map[time.Duration]waiver.State
	for _, c := range []struct {
		w    waiver.Waiver
		want at
	}{
		{w, at{0: waiver.Requested, 48*time.Hour - 1: waiver.Requested, 48 * time.Hour: waiver.Expired}},
		{good, at{0: waiver.Requested, time.Hour - 1: waiver.Requested, time.Hour: waiver.Approved, 48*time.Hour - 1: waiver.Approved, 48 * time.Hour: waiver.Expired}},
		{back, at{time.Hour: waiver.Approved, 3*time.Hour - 1: waiver.Approved, 3 * time.Hour: waiver.Withdrawn, 49 * time.Hour: waiver.Withdrawn}},
		{no, at{time.Hour - 1: waiver.Requested, time.Hour: waiver.Rejected, 49 * time.Hour: waiver.Rejected}},
	} {
		for after, want := range c.want {
			got := c.w.At(start.Add(after))
			if got != want {
				t.Errorf("after %s: %s, want %s", after, got, want)
			}
			if waived := waiver.Decide([]waiver.Waiver{c.w}, finding(), munich(), start.Add(after)) != nil; waived != (want == waiver.Approved) {
				t.Errorf("after %s: waived %t while %s", after, waived, want)
			}
		}
	}
	// A clock that runs behind does not put the withdrawal before the approval.
	behind, err := good.Withdraw(waiver.Act{By: "p-anna", Name: "Anna", At: start})
	if err != nil || !behind.Document().Withdrawn.At.After(bert.At) {
		t.Errorf("withdrawn at %v, approved at %v: %v", behind.Document().Withdrawn, bert.At, err)
	}
}

func TestDecide(t *testing.T) {
	at := start.Add(2 * time.Hour)
	for name, c := range map[string]struct {
		match   waiver.Match
		finding func(*rules.Finding)
		subject func(*waiver.Subject)
		waived  bool
	}{
		"site":                       {match: waiver.Match{Site: "muc-01"}, waived: true},
		"another site":               {match: waiver.Match{Site: "ber-02"}},
		"cluster":                    {match: waiver.Match{Site: "muc-01", Cluster: "prod"}, waived: true},
		"another cluster":            {match: waiver.Match{Site: "muc-01", Cluster: "test"}},
		"infrastructure":             {match: waiver.Match{Site: "muc-01", Infrastructure: "muc-01/pg-1"}, waived: true},
		"another infrastructure":     {match: waiver.Match{Site: "muc-01", Infrastructure: "muc-01/zk-1"}},
		"tags":                       {match: waiver.Match{Tags: map[string]string{"division": "drives"}}, waived: true},
		"one of two tags":            {match: waiver.Match{Tags: map[string]string{"division": "drives", "wave": "2"}}},
		"a tag the site lacks":       {match: waiver.Match{Tags: map[string]string{"colour": "red"}}},
		"country":                    {match: waiver.Match{Country: "de"}, waived: true},
		"another country":            {match: waiver.Match{Country: "FR"}},
		"region":                     {match: waiver.Match{Region: "westeurope"}, waived: true},
		"region and others":          {match: waiver.Match{Region: "westeurope"}, subject: func(s *waiver.Subject) { s.Regions = []string{"northeurope", "westeurope"} }},
		"region of no known place":   {match: waiver.Match{Region: "westeurope"}, subject: func(s *waiver.Subject) { s.Regions = nil }},
		"region and no cluster":      {match: waiver.Match{Region: "westeurope"}, finding: func(f *rules.Finding) { f.Subject.Cluster = "" }},
		"another rule":               {match: waiver.Match{Site: "muc-01"}, finding: func(f *rules.Finding) { f.Rule = "COL-002" }},
		"what is unknown stays open": {match: waiver.Match{Site: "muc-01"}, finding: func(f *rules.Finding) { f.Verdict = rules.Unknown }},
		"what passes needs none":     {match: waiver.Match{Site: "muc-01"}, finding: func(f *rules.Finding) { f.Verdict = rules.Pass }},
	} {
		f, s := finding(), munich()
		if c.finding != nil {
			c.finding(f)
		}
		if c.subject != nil {
			c.subject(&s)
		}
		w := approved(t, "w", func(r *waiver.Request) { r.Match = c.match })
		if got := waiver.Decide([]waiver.Waiver{w}, f, s, at); (got != nil) != c.waived {
			t.Errorf("%s: %+v", name, got)
		}
	}
	short, long := approved(t, "a"), approved(t, "b", func(r *waiver.Request) { r.Expires = start.Add(72 * time.Hour) })
	for _, list := range [][]waiver.Waiver{{short, long}, {long, short}} {
		if got := waiver.Decide(list, finding(), munich(), at); got == nil || got.ID != "b" || got.Reason != "moves in spring" || !got.Expires.Equal(start.Add(72*time.Hour)) {
			t.Errorf("of two the one that lasts longer: %+v", got)
		}
	}
}

const file = `apiVersion: meridian/v1
kind: Waivers
waivers:
  - id: spring
    rule: COL-001
    match: {site: muc-01, cluster: prod}
    reason: moves in spring
    ticket: CHG-1
    requestedBy: anna
    approvedBy: bert
    approvedAt: 2026-11-20T10:00:00Z
    expires: 2026-12-01T00:00:00Z
`

func TestFile(t *testing.T) {
	list, err := waiver.Parse("w.yaml", []byte(file), waiver.Limits{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d waivers: %v", len(list), err)
	}
	if d := list[0].Document(); d.Owner != "anna" || d.State != waiver.Approved || !d.Decided.At.Equal(start.Add(time.Hour)) {
		t.Errorf("%+v", d)
	}
	for name, c := range map[string]struct{ from, to, says string }{
		"approved by who requested":     {"approvedBy: bert", "approvedBy: anna", "w.yaml:10:"},
		"approved by who is spelled so": {"approvedBy: bert", "approvedBy: \"ANNA \"", "may not approve"},
		"too long":                      {"2026-12-01", "2030-12-01", "/waivers/0/expires"},
		"when":                          {"    approvedAt: 2026-11-20T10:00:00Z\n", "", "/waivers/0/approvedAt"},
		"unknown key":                   {"ticket", "tiket", "ticket"},
		"kind":                          {"kind: Waivers", "kind: Policy", "/kind"},
	} {
		_, err := waiver.Parse("w.yaml", []byte(strings.Replace(file, c.from, c.to, 1)), waiver.Limits{})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	twice := file + strings.SplitAfterN(file, "waivers:\n", 2)[1]
	if _, err := waiver.Parse("w.yaml", []byte(twice), waiver.Limits{}); err == nil || !strings.Contains(err.Error(), "/waivers/1/id") {
		t.Errorf("one id twice: %v", err)
	}
}
