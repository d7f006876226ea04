package rest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/limit"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/api/rest/resttest"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
)

func decode[T any](t interface {
	Helper()
	Fatalf(string, ...any)
}, a answer,
) T {
	t.Helper()
	var v T
	if a.Code != http.StatusOK {
		t.Fatalf("status %d: %s", a.Code, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

type anyList struct {
	Items    []map[string]any `json:"items"`
	Next     string           `json:"next"`
	Total    int              `json:"total"`
	Coverage assess.Coverage  `json:"coverage"`
}

func TestSiteRows(t *testing.T) {
	s := newServer(t)
	l := decode[gen.SiteList](t, s.get("/sites"))
	if l.Total != 12 || len(l.Items) != 12 || l.Next != "" {
		t.Fatalf("total %d, items %d, next %q", l.Total, len(l.Items), l.Next)
	}
	if l.Coverage != (assess.Coverage{Sites: 12, Fresh: 9, Stale: 3, FactsKnown: 12*40 - 18, FactsNeeded: 12 * 44}) {
		t.Errorf("coverage %+v", l.Coverage)
	}
	mismatch, unknown, shared := l.Items[1], l.Items[2], l.Items[3]
	if mismatch.Id != "plant-001" || *mismatch.Severity != "critical" || *mismatch.RegionMatch || mismatch.Findings.Fail != 2 || mismatch.Findings.Critical != 1 || mismatch.Findings.Medium != 1 {
		t.Errorf("%+v", mismatch)
	}
	if unknown.Severity != nil || unknown.RegionMatch != nil || unknown.Findings.Unknown != 1 || unknown.Liveness != fleet.Stale || unknown.Planner != (gen.Planner{}) {
		t.Errorf("%+v", unknown)
	}
	if shared.Clusters != 2 || *shared.Severity != "high" || shared.Findings.Waived != 1 || shared.Verdicts.Pass != 30 || !*shared.RegionMatch {
		t.Errorf("%+v", shared)
	}
}

func TestMismatchRows(t *testing.T) {
	s := newServer(t)
	l := decode[gen.RegionMismatchList](t, s.get("/region-mismatches"))
	if l.Total != 3 {
		t.Fatalf("total %d", l.Total)
	}
	m := l.Items[0]
	if m.Id != "plant-001/prod" || *m.Infrastructure != "plant-001/pg-prod" || *m.DistanceKm != 870 || *m.Severity != "critical" || *m.Finding != "plant-001-prod-COL-001" ||
		m.Thingworx[0].Region != "westeurope" || m.Database.Region != "northeurope" || m.Advice != "move database to westeurope: nothing else depends on it" {
		t.Errorf("%+v", m)
	}
	if m.Database.Latitude == nil || m.Database.Name == "northeurope" {
		t.Errorf("the region table knows northeurope: %+v", m.Database)
	}
}

// TestFilterOnScreenAndInExport: the list and the predicate given to reports select the same findings.
func TestFilterOnScreenAndInExport(t *testing.T) {
	view := resttest.Sample(12)
	s := newServer(t)
	for _, f := range []string{"", "severity>=high", `rule~"COL-*" and country=US`, "verdict=unknown or tag.division=pumps", "waived=true", "not has(infrastructure)"} {
		match, err := read.FindingFilter(f)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, r := range view.Records {
			for i := range r.Assessment.Findings {
				if match(r, &r.Assessment.Findings[i]) {
					want = append(want, r.Assessment.Findings[i].ID)
				}
			}
		}
		for _, x := range decode[gen.FindingList](t, s.get("/findings?filter="+url.QueryEscape(f))).Items {
			got = append(got, x.ID)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) || len(want) == 0 {
			t.Errorf("%s: list %v, export %v", f, got, want)
		}
	}
	if _, err := read.FindingFilter("nope=1"); err == nil {
		t.Error("a wrong filter compiles")
	}
}

// TestPaging: for any limit, order and filter the pages put together are the whole list, without repetition, and every
// page tells the same total.
func TestPaging(t *testing.T) {
	s := newServer(t)
	filters := map[string][]string{
		"/sites":             {"", "country=DE", "severity>=high", "liveness=live and clusters>1", "site>plant-005"},
		"/clusters":          {"", "architecture=ha-cluster", "regionMatch=true", "cluster=test"},
		"/findings":          {"", "severity>=high", "rule~COL-*", "site=plant-003"},
		"/region-mismatches": {"", "severity=critical", "distanceKm>100"},
		"/recommendations":   {"", "change=false", "has(objective)"},
		"/tenancy":           {"", "kind=zookeeper"},
		"/infrastructure":    {"", "kind=zookeeper", "tenants>1"},
		"/rejections":        {"", "reason=schema"},
		"/rules":             {"", "severity=critical"},
		"/architectures":     {"", "clustered=true"},
		"/regions":           {"", "provider=azure"},
	}
	var paths []string
	for p := range filters {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	rapid.Check(t, func(rt *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(rt, "path")
		q := url.Values{"filter": {rapid.SampledFrom(filters[path]).Draw(rt, "filter")}}
		if slices.Contains([]string{"/sites", "/clusters", "/findings", "/region-mismatches", "/recommendations"}, path) && rapid.Bool().Draw(rt, "bySeverity") {
			q.Set("sort", "severity")
		}
		q.Set("limit", "1000")
		whole := decode[anyList](rt, s.get(path+"?"+q.Encode()))
		q.Set("limit", fmt.Sprint(rapid.IntRange(1, 40).Draw(rt, "limit")))
		var items []map[string]any
		for pages := 0; ; pages++ {
			p := decode[anyList](rt, s.get(path+"?"+q.Encode()))
			if p.Total != whole.Total || p.Coverage != whole.Coverage {
				rt.Fatalf("page %d: total %d of %d", pages, p.Total, whole.Total)
			}
			items = append(items, p.Items...)
			if p.Next == "" {
				break
			}
			if pages > whole.Total {
				rt.Fatalf("no end of pages")
			}
			q.Set("cursor", p.Next)
		}
		if len(items) != whole.Total || fmt.Sprint(items) != fmt.Sprint(whole.Items) {
			rt.Fatalf("%s?%s: pages give %d items, the list %d", path, q.Encode(), len(items), whole.Total)
		}
	})
}

func TestSortBySeverity(t *testing.T) {
	s := newServer(t)
	rank := map[string]int{"critical": 0, "high": 1, "medium": 2, "low": 3, "info": 4}
	last := 0
	for _, f := range decode[gen.FindingList](t, s.get("/findings?sort=severity")).Items {
		if r := rank[string(f.Severity)]; r < last {
			t.Errorf("%s after a milder one", f.ID)
		} else {
			last = r
		}
	}
	if code := s.get("/sites?sort=severity&cursor=" + decode[anyList](t, s.get("/sites?limit=1")).Next).Code; code != http.StatusBadRequest {
		t.Errorf("a cursor of another order: %d", code)
	}
}

func TestPagesAreStableWhileSitesComeAndGo(t *testing.T) {
	view := resttest.Sample(12)
	h := resttest.NewHolder(view)
	s := newServer(t, func(o *rest.Options) { o.View = h.View })
	first := decode[anyList](t, s.get("/sites?limit=4"))
	without := *view
	without.At, without.Records = 2, slices.Delete(slices.Clone(view.Records), 3, 6) // the cursor's own site leaves as well
	h.Set(&without)
	second := decode[anyList](t, s.get("/sites?limit=4&cursor="+first.Next))
	if second.Items[0]["id"] != "plant-006" {
		t.Errorf("continued at %v", second.Items[0]["id"])
	}
}

func TestETags(t *testing.T) {
	view := resttest.Sample(12)
	h := resttest.NewHolder(view)
	s := newServer(t, func(o *rest.Options) { o.View = h.View })
	for _, path := range []string{"/sites", "/sites/plant-001", "/sites/plant-001/inventory", "/sites/plant-001/assessment", "/clusters/plant-001/prod", "/findings", "/rules/COL-001", "/openapi.json", "/schemas/site-inventory.json"} {
		tag := s.get(path).Header().Get("ETag")
		if !strings.HasPrefix(tag, `"`) || len(tag) < 10 {
			t.Errorf("%s: ETag %q is not strong", path, tag)
		}
		a := s.get(path, "If-None-Match", `"other", `+tag)
		if a.Code != http.StatusNotModified || a.body != "" || a.Header().Get("ETag") != tag {
			t.Errorf("%s: %d %q", path, a.Code, a.body)
		}
		if a := s.get(path, "If-None-Match", `"other"`); a.Code != http.StatusOK {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
	before := s.get("/sites/plant-001").Header().Get("ETag")
	other := s.get("/sites/plant-002").Header().Get("ETag")
	changed := *view
	changed.At, changed.Records = 2, slices.Clone(view.Records)
	r := *changed.Records[1]
	r.Revision = "20261120T090000Z-new"
	changed.Records[1] = &r
	h.Set(&changed)
	if s.get("/sites/plant-001").Header().Get("ETag") == before {
		t.Error("the ETag of a changed site is the same")
	}
	if s.get("/sites/plant-002").Header().Get("ETag") != other {
		t.Error("the ETag of an unchanged site changed")
	}
	if a := s.get("/sites", "If-None-Match", before); a.Code != http.StatusOK {
		t.Errorf("a tag of another resource answers %d", a.Code)
	}
}

func TestGzip(t *testing.T) {
	s := newServer(t)
	plain := s.get("/sites")
	z := s.get("/sites", "Accept-Encoding", "br, gzip;q=0.5")
	if z.Header().Get("Content-Encoding") != "gzip" || z.Header().Get("ETag") == plain.Header().Get("ETag") || z.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers %v", z.Header())
	}
	r, err := gzip.NewReader(bytes.NewReader(z.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil || string(body) != plain.body {
		t.Errorf("%v: the compressed body differs", err)
	}
	if a := s.get("/sites", "Accept-Encoding", "gzip", "If-None-Match", z.Header().Get("ETag")); a.Code != http.StatusNotModified || a.Header().Get("Content-Encoding") != "" {
		t.Errorf("%d %v", a.Code, a.Header())
	}
	for _, no := range []string{"", "br", "gzip;q=0", "gzip;q=x"} {
		if a := s.get("/sites", "Accept-Encoding", no); a.Header().Get("Content-Encoding") != "" {
			t.Errorf("%q is compressed", no)
		}
	}
}

func TestCacheServesOnlyWhatIsCurrent(t *testing.T) {
	view := resttest.Sample(4)
	h := resttest.NewHolder(view)
	s := newServer(t, func(o *rest.Options) { o.View = h.View })
	a, again := s.get("/sites"), s.get("/sites")
	if a.body != again.body {
		t.Error("the cached answer differs")
	}
	if one := s.do(http.MethodGet, "/api/v1/sites", "", scoped()...); decode[anyList](t, one).Total != 1 {
		t.Errorf("another scope gets the cached answer: %s", one.body)
	}
	if code := s.do(http.MethodGet, "/api/v1/sites", "").Code; code != http.StatusUnauthorized {
		t.Errorf("no token gets the cached answer: %d", code)
	}
	more := resttest.Sample(5)
	more.At = 2
	h.Set(more)
	if got := decode[anyList](t, s.get("/sites")).Total; got != 5 {
		t.Errorf("total %d after a change", got)
	}
}

// TestScope: a caller that sees one site meets no other site's id or name anywhere, and is told how many share with it.
func TestScope(t *testing.T) {
	s := newServer(t)
	foreign := func(t *testing.T, path, body string) {
		t.Helper()
		for i := range 12 {
			if id := resttest.SiteID(i); id != "plant-003" && i != 0 && (strings.Contains(body, id) || strings.Contains(body, "P"+id[1:5]+" "+id[6:])) {
				t.Errorf("%s names %s: %s", path, id, body)
			}
		}
	}
	for _, path := range targets() {
		if strings.Contains(path, "plant-00") && !strings.Contains(path, "plant-003") || strings.HasPrefix(path, "/api/v1/openapi") {
			continue
		}
		a := s.do(http.MethodGet, path, "", scoped()...)
		foreign(t, path, a.body)
		// The hub is named in the site's own document and row, nowhere else.
		if !strings.Contains(path, "/sites") && strings.Contains(a.body, "plant-000") || strings.Contains(a.body, "Plant 000") {
			t.Errorf("%s names the neighbour: %s", path, a.body)
		}
	}
	for _, path := range []string{"/sites/plant-000", "/sites/plant-000/inventory", "/sites/plant-000/assessment", "/clusters/plant-000/prod"} {
		if a := s.do(http.MethodGet, "/api/v1"+path, "", scoped()...); a.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
	tenancy := decode[gen.TenancyList](t, s.do(http.MethodGet, "/api/v1/tenancy", "", scoped()...))
	if tenancy.Total != 1 {
		t.Fatalf("%+v", tenancy)
	}
	got := tenancy.Items[0]
	if got.Infrastructure != "plant-003/zk-central" || len(got.Aliases) != 0 || got.OtherTenants != 1 || !slices.Equal(got.Tenants, []string{"plant-003/prod", "plant-003/test"}) || !slices.Equal(got.Regions, []string{"westeurope"}) {
		t.Errorf("%+v", got)
	}
	f := decode[gen.FindingList](t, s.do(http.MethodGet, "/api/v1/findings?filter=rule%3DTEN-006", "", scoped()...)).Items[0]
	if f.Subject.Infrastructure != "plant-003/zk-central" || f.Message != "ZooKeeper another site is used by another site of another site as well, and another site does not declare it" {
		t.Errorf("%+v", f)
	}
	if a := decode[anyList](t, s.do(http.MethodGet, "/api/v1/findings?filter=message~*plant-000*", "", scoped()...)); a.Total != 0 {
		t.Error("a filter finds out what the answer hides")
	}
	me := decode[gen.Me](t, s.do(http.MethodGet, "/api/v1/me", "", scoped()...))
	if me.AllSites || !slices.Equal(me.Sites, resttest.Scope()) || me.CsrfToken != nil {
		t.Errorf("%+v", me)
	}
}

func TestPutInventory(t *testing.T) {
	var site, body string
	s := newServer(t, func(o *rest.Options) {
		o.PutInventory = func(_ context.Context, at string, b []byte) (string, error) {
			site, body = at, string(b)
			return "20261120T080000Z-cafe", nil
		}
	})
	doc := document1("plant-001")
	tag := s.get("/sites/plant-001/inventory").Header().Get("ETag")
	a := s.do(http.MethodPut, "/api/v1/sites/plant-001/inventory", doc, append(as(rest.Planner), "Content-Type", "application/yaml", "If-Match", tag)...)
	if a.Code != http.StatusAccepted || a.Header().Get("Location") != "/api/v1/sites/plant-001/inventory" || site != "plant-001" || body != doc {
		t.Fatalf("%d %s", a.Code, a.body)
	}
	var got gen.Accepted
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Revision != "20261120T080000Z-cafe" {
		t.Errorf("%v %+v", err, got)
	}
	if a := s.do(http.MethodPut, "/api/v1/sites/plant-001/inventory", doc, append(as(rest.Planner), "Content-Type", "application/json")...); a.Code != http.StatusBadRequest {
		t.Errorf("YAML as JSON: %d", a.Code)
	}
	large := doc + strings.Repeat("#", 9<<20)
	if a := s.do(http.MethodPut, "/api/v1/sites/plant-001/inventory", large, append(as(rest.Planner), "Content-Type", "application/yaml")...); a.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("9 MiB: %d %s", a.Code, a.body)
	}
}

func document1(site string) string { return siteDocument(site, "2026-11-20T08:00:00Z", "") }

func TestErrorsOfPassedFunctions(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{&rest.Error{Code: rest.CodeInvalid, Detail: "x", Problems: []document.Problem{{Line: 3, Path: "/a", What: "w"}}}, 422},
		{&rest.Error{Code: rest.CodeForbidden}, 403},
		{&rest.Error{Code: rest.CodeNotFound}, 404},
		{&rest.Error{Code: rest.CodeConflict}, 409},
		{&rest.Error{Code: rest.CodeTooLarge}, 413},
		{&rest.Error{Code: rest.CodeUnavailable}, 503},
		{&rest.Error{Code: "other"}, 500},
		{&document.Error{Problems: []document.Problem{{What: "w"}}}, 422},
		{errors.New("no route to host"), 503},
		{context.DeadlineExceeded, 503},
	} {
		s := newServer(t, func(o *rest.Options) {
			o.PutInventory = func(context.Context, string, []byte) (string, error) { return "", fmt.Errorf("publish: %w", c.err) }
		})
		a := s.do(http.MethodPut, "/api/v1/sites/plant-001/inventory", document1("plant-001"), append(as(rest.Planner), "Content-Type", "application/yaml")...)
		if a.Code != c.status || strings.Contains(a.body, "no route") {
			t.Errorf("%v: %d %s", c.err, a.Code, a.body)
		}
		if after := a.Header().Get("Retry-After"); (after != "") != (c.status == http.StatusServiceUnavailable) {
			t.Errorf("%v: %d with Retry-After %q", c.err, a.Code, after)
		}
	}
	s := newServer(t, func(o *rest.Options) {
		o.Auth = authFunc(func(string) (rest.Principal, error) { return rest.Principal{}, errors.New("store is down") })
	})
	if code := s.get("/sites").Code; code != http.StatusServiceUnavailable {
		t.Errorf("tokens cannot be checked: %d", code)
	}
	s = newServer(t, func(o *rest.Options) {
		o.Auth = authFunc(func(string) (rest.Principal, error) { return rest.Principal{Role: "king"}, nil })
	})
	if code := s.get("/sites").Code; code != http.StatusForbidden {
		t.Errorf("unknown role: %d", code)
	}
	s = newServer(t, func(o *rest.Options) {
		o.PutInventory, o.Report, o.Changes, o.Assess, o.Schema = nil, nil, nil, nil, nil
	})
	for _, path := range []string{"/reports/compliance", "/events", "/findings?all=true", "/sites/plant-001/assessment?all=true"} {
		if code := s.get(path).Code; code != http.StatusServiceUnavailable {
			t.Errorf("%s switched off: %d", path, code)
		}
	}
	if code := s.get("/schemas/site-inventory.json").Code; code != http.StatusNotFound {
		t.Errorf("no schema: %d", code)
	}
}

type authFunc func(string) (rest.Principal, error)

func (f authFunc) Authenticate(_ context.Context, token string) (rest.Principal, error) {
	return f(token)
}

func TestAllVerdicts(t *testing.T) {
	s := newServer(t)
	open := decode[anyList](t, s.get("/findings"))
	all := decode[anyList](t, s.get("/findings?all=true"))
	if all.Total != open.Total+12 {
		t.Errorf("open %d, all %d", open.Total, all.Total)
	}
	if got := decode[anyList](t, s.get("/findings?all=true&filter=verdict%3Dpass")).Total; got != 12 {
		t.Errorf("pass %d", got)
	}
	if got := decode[assess.Assessment](t, s.get("/sites/plant-001/assessment?all=true")).Findings; len(got) != 3 {
		t.Errorf("%d findings of the site", len(got))
	}
	many := newServer(t, func(o *rest.Options) { o.View = resttest.NewHolder(resttest.Sample(300)).View })
	if code := many.get("/findings?all=true").Code; code != http.StatusBadRequest {
		t.Errorf("300 sites: %d", code)
	}
}

func TestSession(t *testing.T) {
	now := resttest.Now()
	s := newServer(t, func(o *rest.Options) { o.Clock = func() time.Time { return now } })
	login := s.do(http.MethodPost, "/api/v1/session", `{"token":"`+resttest.Token(rest.Planner)+`"}`, "Content-Type", "application/json")
	if login.Code != http.StatusCreated {
		t.Fatalf("%d %s", login.Code, login.body)
	}
	cookie := login.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || strings.Contains(cookie.Value, "secret") {
		t.Errorf("%+v", cookie)
	}
	var me gen.Me
	if err := json.Unmarshal([]byte(login.body), &me); err != nil || me.CsrfToken == nil || me.Role != "planner" {
		t.Fatalf("%v %s", err, login.body)
	}
	with := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	again := decode[gen.Me](t, s.do(http.MethodGet, "/api/v1/me", "", with...))
	if *again.CsrfToken != *me.CsrfToken || !again.Expires.Equal(now.Add(12*time.Hour)) {
		t.Errorf("%+v", again)
	}
	put := func(headers ...string) int {
		return s.do(http.MethodPut, "/api/v1/sites/plant-001/inventory", document1("plant-001"), append(headers, "Content-Type", "application/yaml")...).Code
	}
	if code := put(with...); code != http.StatusForbidden {
		t.Errorf("a write without CSRF token: %d", code)
	}
	if code := put(append(with, "X-CSRF-Token", "wrong")...); code != http.StatusForbidden {
		t.Errorf("a write with a wrong CSRF token: %d", code)
	}
	if code := put(append(with, "X-CSRF-Token", *me.CsrfToken)...); code != http.StatusAccepted {
		t.Errorf("a write with the CSRF token: %d", code)
	}
	if code := s.do(http.MethodGet, "/api/v1/sites", "", "Cookie", cookie.Name+"="+cookie.Value[:len(cookie.Value)-2]+"xx").Code; code != http.StatusUnauthorized {
		t.Errorf("a forged cookie: %d", code)
	}
	if code := s.do(http.MethodPost, "/api/v1/session", `{"token":"x"}`, "Content-Type", "application/json", "Sec-Fetch-Site", "cross-site").Code; code != http.StatusForbidden {
		t.Errorf("a session begun from elsewhere: %d", code)
	}
	out := s.do(http.MethodDelete, "/api/v1/session", "", append(with, "X-CSRF-Token", *me.CsrfToken)...)
	if out.Code != http.StatusNoContent || out.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("%d %v", out.Code, out.Header())
	}
	now = now.Add(12 * time.Hour)
	if code := s.do(http.MethodGet, "/api/v1/sites", "", with...).Code; code != http.StatusUnauthorized {
		t.Errorf("an expired session: %d", code)
	}
}

func TestSessionsOfAnotherReplica(t *testing.T) {
	key := bytes.Repeat([]byte{7}, rest.SessionKeySize)
	one := newServer(t, func(o *rest.Options) { o.SessionKey = key })
	two := newServer(t, func(o *rest.Options) { o.SessionKey = key })
	three := newServer(t)
	login := one.do(http.MethodPost, "/api/v1/session", `{"token":"`+resttest.Token(rest.Viewer)+`"}`, "Content-Type", "application/json")
	cookie := login.Result().Cookies()[0]
	if code := two.do(http.MethodGet, "/api/v1/sites", "", "Cookie", cookie.String()).Code; code != http.StatusOK {
		t.Errorf("the same key: %d", code)
	}
	if code := three.do(http.MethodGet, "/api/v1/sites", "", "Cookie", cookie.String()).Code; code != http.StatusUnauthorized {
		t.Errorf("another key: %d", code)
	}
}

func TestHeaders(t *testing.T) {
	s := newServer(t)
	a := s.get("/sites")
	for k, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "private, no-cache", "X-Request-Id": "test-request",
		"Access-Control-Allow-Origin": "",
	} {
		if got := a.Header().Get(k); got != want {
			t.Errorf("%s: %q", k, got)
		}
	}
	if got := s.get("/sites", "X-Request-Id", "evil\tid").Header().Get("X-Request-Id"); got == "evil\tid" || len(got) < 16 {
		t.Errorf("request id %q", got)
	}
	if got := s.do("DELETE", "/api/v1/sites", "").Header().Get("Allow"); !strings.Contains(got, "GET") {
		t.Errorf("Allow: %q", got)
	}
	if got := s.do("GET", "/api/v1/sites", "").Header().Get("WWW-Authenticate"); got == "" {
		t.Error("no WWW-Authenticate")
	}
	if head := s.do(http.MethodHead, "/api/v1/sites", "", as(rest.Viewer)...); head.Code != http.StatusOK || head.Header().Get("ETag") == "" {
		t.Errorf("HEAD: %d", head.Code)
	}
	if head := s.do(http.MethodHead, "/api/v1/events", "", as(rest.Viewer)...); head.Code != http.StatusMethodNotAllowed {
		t.Errorf("HEAD of a stream: %d", head.Code)
	}
}

func TestRateLimit(t *testing.T) {
	now := resttest.Now()
	s := newServer(t, func(o *rest.Options) {
		o.Rate = limit.Rate{PerSecond: 1, Burst: 3}
		o.Clock = func() time.Time { return now }
	})
	for range 3 {
		if code := s.get("/me").Code; code != http.StatusOK {
			t.Fatal(code)
		}
	}
	a := s.get("/me")
	if a.Code != http.StatusTooManyRequests || a.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", a.Code, a.Header())
	}
	if code := s.do(http.MethodGet, "/api/v1/me", "", as(rest.Viewer)...).Code; code != http.StatusOK {
		t.Errorf("another token: %d", code)
	}
	now = now.Add(2 * time.Second)
	if code := s.get("/me").Code; code != http.StatusOK {
		t.Errorf("later: %d", code)
	}
	last := 0
	for range 5 {
		last = s.do(http.MethodGet, "/api/v1/me", "", "Authorization", "Bearer guess").Code
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("guessing: %d", last)
	}
}

func TestWebClient(t *testing.T) {
	files := fstest.MapFS{"index.html": {Data: []byte("<html>app</html>")}, "assets/app-1a2b.js": {Data: []byte("run()")}, "favicon.svg": {Data: []byte("<svg/>")}}
	s := newServer(t, func(o *rest.Options) { o.Web = files })
	for _, c := range []struct {
		path, body, cache string
		code              int
	}{
		{"/", "app", "no-cache", 200},
		{"/index.html", "app", "no-cache", 200},
		{"/clusters/plant-001/prod", "app", "no-cache", 200},
		{"/assets/app-1a2b.js", "run()", "public, max-age=31536000, immutable", 200},
		{"/favicon.svg", "<svg/>", "no-cache", 200},
		{"/assets/gone.js", "there is nothing", "no-store", 404},
		{"/../../etc/passwd.txt", "there is nothing", "no-store", 404},
		{"/api/v1/nowhere", "there is nothing", "no-store", 404},
		{"/api", "there is nothing", "no-store", 404},
	} {
		a := s.do(http.MethodGet, c.path, "")
		if a.Code != c.code || !strings.Contains(a.body, c.body) || a.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d %q %q", c.path, a.Code, a.Header().Get("Cache-Control"), a.body)
		}
	}
	o := resttest.Options(resttest.NewHolder(resttest.Sample(1)), nil)
	o.Web = fstest.MapFS{}
	if _, err := rest.New(o); err == nil {
		t.Error("a web client without index.html is taken")
	}
}

func TestOperations(t *testing.T) {
	var logged bytes.Buffer
	ready := errors.New("state is loading")
	s := newServer(t, func(o *rest.Options) {
		o.Ready = func(context.Context) error { return ready }
		o.Logger = slog.New(slog.NewJSONHandler(&logged, nil))
	})
	if a := s.do(http.MethodGet, "/healthz", ""); a.Code != http.StatusOK || !strings.Contains(a.body, `"ok"`) {
		t.Errorf("%d %s", a.Code, a.body)
	}
	if a := s.do(http.MethodGet, "/readyz", ""); a.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", a.Code, a.body)
	}
	ready = nil
	if a := s.do(http.MethodGet, "/readyz", ""); a.Code != http.StatusOK {
		t.Errorf("%d %s", a.Code, a.body)
	}
	s.get("/sites/plant-001")
	s.do("BREW", "/api/v1/pot", "")
	metrics := s.do(http.MethodGet, "/metrics", "").body
	for _, want := range []string{`meridian_http_requests_total{method="GET",route="/api/v1/sites/:site",status="200"} 1`, `method="other"`, `meridian_http_request_duration_seconds_count{route="/api/v1/sites/:site"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	if l := logged.String(); !strings.Contains(l, `"requestId":"test-request"`) || !strings.Contains(l, `"route":"/api/v1/sites/:site"`) || strings.Contains(l, "secret") {
		t.Error(l)
	}
}

func TestOptions(t *testing.T) {
	if _, err := rest.New(rest.Options{}); err == nil {
		t.Error("empty options are taken")
	}
	o := resttest.Options(resttest.NewHolder(resttest.Sample(1)), nil)
	o.SessionKey = []byte("short")
	if _, err := rest.New(o); err == nil {
		t.Error("a short session key is taken")
	}
	for _, bad := range []rest.Token{{SHA256: "zz", Role: rest.Viewer}, {SHA256: rest.HashToken("x"), Role: "king"}} {
		if _, err := rest.NewTokens(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	none, err := rest.NewTokens(rest.Token{SHA256: rest.HashToken("x"), Role: rest.Viewer, Sites: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := none.Authenticate(context.Background(), "x"); err != nil || p.Sites == nil {
		t.Errorf("an empty scope became all sites: %+v %v", p, err)
	}
}

func TestEmptyFleetAndUnassessedSite(t *testing.T) {
	_, router := specRouter(t)
	for _, view := range []*resttest.View{{At: 1}, {At: 1, Records: []*fleet.Record{{ID: "plant-001"}}}} {
		s := newServer(t, func(o *rest.Options) { o.View = resttest.NewHolder(view).View })
		for _, target := range targets() {
			a := s.do(http.MethodGet, target, "", as(rest.Admin)...)
			if a.Code >= 500 {
				t.Errorf("%s: %d %s", target, a.Code, a.body)
			}
			if len(view.Records) == 0 {
				conforms(t, router, http.MethodGet, target, as(rest.Admin), a)
			}
		}
	}
}

func TestAMisspelledNameIsAnsweredWithTheNearest(t *testing.T) {
	s := newServer(t)
	for path, want := range map[string]gen.ProblemError{
		"/sites/plant-01":                          {Parameter: "site", Remedy: `did you mean "plant-001"?`},
		"/clusters/plant-01/prod":                  {Parameter: "site", Remedy: `did you mean "plant-001"?`},
		"/clusters/plant-001/prd":                  {Parameter: "cluster", Remedy: `did you mean "prod"?`},
		"/infrastructure/plant-003/zk-centrl":      {Parameter: "infrastructure", Remedy: `did you mean "zk-central"?`},
		"/rules/COL-0001":                          {Parameter: "rule", Remedy: `did you mean "COL-001"?`},
		"/sites/nowhere":                           {},
		"/infrastructure/plant-003/something-else": {},
	} {
		a := s.get(path)
		var got gen.Problem
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		want.Detail = "the name is not known"
		switch {
		case a.Code != http.StatusNotFound:
			t.Errorf("%s: %d", path, a.Code)
		case want.Remedy == "" && len(got.Errors) > 0, want.Remedy != "" && (len(got.Errors) != 1 || got.Errors[0] != want):
			t.Errorf("%s: %+v, want %+v", path, got.Errors, want)
		}
	}
	// Of a site that the caller does not see, only those that it does see are told.
	for _, path := range []string{"/sites/plant-000", "/sites/plant-0001"} {
		a := s.do(http.MethodGet, "/api/v1"+path, "", scoped()...)
		var got gen.Problem
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		if a.Code != http.StatusNotFound || len(got.Errors) != 1 || got.Errors[0].Remedy != `did you mean "plant-003"?` {
			t.Errorf("%s within a scope: %d %s", path, a.Code, a.body)
		}
	}
}
