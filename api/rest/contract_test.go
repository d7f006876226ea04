package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/meridian-federation/meridian/api"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

// plain lets the validator take bodies of reports and metrics as text.
func plain(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
	b, err := io.ReadAll(body)
	return string(b), err
}

func specRouter(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatalf("the contract is not valid OpenAPI: %v", err)
	}
	r, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, ct := range []string{"text/html", "text/markdown", "text/event-stream", "text/vnd.graphviz"} {
		openapi3filter.RegisterBodyDecoder(ct, plain)
	}
	return doc, r
}

// conforms checks an answer against the contract.
func conforms(t *testing.T, router routers.Router, method, target string, headers []string, a answer) {
	t.Helper()
	req := httptest.NewRequest(method, target, http.NoBody)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	route, params, err := router.FindRoute(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	options := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: options},
		Status:                 a.Code, Header: a.Header(), Options: options, Body: io.NopCloser(bytes.NewReader([]byte(a.body))),
	}
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		t.Errorf("%s %s answered %d against the contract: %v\n%.600s", method, target, a.Code, err, a.body)
	}
}

// targets are addresses that cover every GET operation of the contract.
func targets() []string {
	return []string{
		"/api/v1/sites", "/api/v1/sites?limit=3&sort=severity&filter=country%3DDE", "/api/v1/sites/plant-001", "/api/v1/sites/plant-002/inventory",
		"/api/v1/sites/plant-003/assessment", "/api/v1/sites/plant-003/assessment?all=true", "/api/v1/clusters", "/api/v1/clusters?limit=2",
		"/api/v1/clusters/plant-001/prod", "/api/v1/clusters/plant-003/test", "/api/v1/findings", "/api/v1/findings?all=true", "/api/v1/findings?sort=severity&limit=4",
		"/api/v1/region-mismatches", "/api/v1/recommendations", "/api/v1/tenancy", "/api/v1/plans/fleet", "/api/v1/tenancy/graph", "/api/v1/tenancy/graph?format=dot", "/api/v1/tenancy/graph?format=mermaid",
		"/api/v1/infrastructure", "/api/v1/infrastructure?limit=2", "/api/v1/infrastructure/plant-003/zk-central", "/api/v1/infrastructure/plant-001/nowhere", "/api/v1/versions", "/api/v1/rejections", "/api/v1/rules", "/api/v1/rules/COL-001",
		"/api/v1/architectures", "/api/v1/regions", "/api/v1/reports/compliance?format=json", "/api/v1/reports/compliance", "/api/v1/changes?from=2026-11-18T00:00:00Z",
		"/api/v1/diff?from=2026-11-18T00:00:00Z&limit=3", "/api/v1/trends?from=2026-11-18T00:00:00Z&by=region", "/api/v1/sites?asOf=2026-11-18T00:00:00Z",
		"/api/v1/sites/plant-001?asOf=2026-11-20T08:00:00Z&rules=now", "/api/v1/findings?asOf=2026-11-20T08:00:00Z&all=true", "/api/v1/me", "/api/v1/openapi.json",
		"/api/v1/schemas/site-inventory.json", "/healthz", "/readyz", "/metrics",
		"/api/v1/waivers", "/api/v1/waivers?limit=1&filter=unused%3Dtrue", "/api/v1/waivers/w-approved", "/api/v1/waivers/nothing", "/api/v1/policies", "/api/v1/policies/2",
		"/api/v1/policies/file", "/api/v1/policies/99", "/api/v1/policies/2/preview", "/api/v1/audit", "/api/v1/audit?limit=1", "/api/v1/tokens",
		"/api/v1/enrolments", "/api/v1/enrolments?limit=1&filter=state%3Djoined", "/api/v1/enrolments/" + resttest.EnrolmentID(3), "/api/v1/enrolments/aaaaaaaaaaaaaaaa",
		"/api/v1/webhooks", "/api/v1/webhooks?limit=1&filter=disabled%3Dtrue", "/api/v1/webhooks/" + resttest.WebhookID(2), "/api/v1/webhooks/zzzzzzzzzzzzzzzz",
		"/api/v1/webhooks/" + resttest.WebhookID(1) + "/deliveries", "/api/v1/webhooks/" + resttest.WebhookID(1) + "/dead-letters?limit=1",
		"/api/v1/sites/nowhere", "/api/v1/clusters/plant-001/nowhere", "/api/v1/rules/NO-1", "/api/v1/sites?limit=0", "/api/v1/findings?filter=oops",
	}
}

// writes are requests of every POST operation that has nothing to do with sessions.
func writes() []struct{ path, body string } {
	return []struct{ path, body string }{
		{"/api/v1/enrolments", `{"site":"plant-001","expiresIn":"1h","note":"new machine"}`},
		{"/api/v1/enrolments", `{"site":"NOT A SITE"}`},
		{"/api/v1/enrolments", `{"site":"plant-001","expiresIn":"soon"}`},
		{"/api/v1/enrolments/" + resttest.EnrolmentID(1) + "/approve", ""},
		{"/api/v1/enrolments/" + resttest.EnrolmentID(1) + "/revoke", `{"reason":"machine lost"}`},
		{"/api/v1/enrolments/aaaaaaaaaaaaaaaa/revoke", `{"reason":"x"}`},
		{"/api/v1/webhooks", `{"name":"x","url":"https://example.com","events":["finding.opened"],"digest":{"every":"15m"},"headers":{"X-Y":"z"}}`},
		{"/api/v1/webhooks", `{"name":"x","events":["finding.exploded"]}`},
		{"/api/v1/webhooks/" + resttest.WebhookID(1) + "/test", ""},
		{"/api/v1/webhooks/" + resttest.WebhookID(1) + "/redeliver", `{"ids":["site-lost-2"]}`},
		{"/api/v1/webhooks/zzzzzzzzzzzzzzzz/redeliver", `{}`},
		{"/api/v1/join", `{"token":"` + resttest.JoinToken + `","site":"plant-001","publicKey":"U","signature":"AAAA"}`},
		{"/api/v1/join", `{"token":"wrong","site":"plant-001","publicKey":"U","signature":"AAAA"}`},
		{"/api/v1/join/renew", `{"enrolment":"x","oldKey":"U","newKey":"V","at":"2026-11-20T08:00:00Z","signature":"AAAA","proof":"AAAA"}`},
	}
}

func TestAnswersFollowTheContract(t *testing.T) {
	_, router := specRouter(t)
	s := newServer(t)
	for _, target := range targets() {
		for _, auth := range [][]string{as(rest.Admin), scoped(), nil} {
			conforms(t, router, http.MethodGet, target, auth, s.do(http.MethodGet, target, "", auth...))
		}
	}
	body := `{"token":"` + resttest.Token(rest.Viewer) + `"}`
	conforms(t, router, http.MethodPost, "/api/v1/session", nil, s.do(http.MethodPost, "/api/v1/session", body, "Content-Type", "application/json"))
	for _, w := range writes() {
		for _, auth := range [][]string{as(rest.Admin), scoped(), nil} {
			conforms(t, router, http.MethodPost, w.path, auth, s.do(http.MethodPost, w.path, w.body, append(auth, "Content-Type", "application/json")...))
		}
	}
	conforms(t, router, http.MethodDelete, "/api/v1/session", nil, s.do(http.MethodDelete, "/api/v1/session", "", as(rest.Viewer)...))
}

func TestEveryOperationIsCovered(t *testing.T) {
	doc, router := specRouter(t)
	covered := map[string]bool{"streamEvents": true, "createSession": true, "createSimulation": true, "deleteSession": true, "putSiteInventory": true, "putSiteHeartbeat": true, "updateWebhook": true, "deleteWebhook": true}
	for _, target := range targets() {
		route, _, err := router.FindRoute(httptest.NewRequest(http.MethodGet, target, http.NoBody))
		if err != nil {
			t.Fatal(target, err)
		}
		covered[route.Operation.OperationID] = true
	}
	for _, c := range changes() {
		route, _, err := router.FindRoute(httptest.NewRequest(c.method, c.path, http.NoBody))
		if err != nil {
			t.Fatal(c.path, err)
		}
		covered[route.Operation.OperationID] = true
	}
	for _, w := range writes() {
		route, _, err := router.FindRoute(httptest.NewRequest(http.MethodPost, w.path, http.NoBody))
		if err != nil {
			t.Fatal(w.path, err)
		}
		covered[route.Operation.OperationID] = true
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if !covered[op.OperationID] {
				t.Errorf("%s %s (%s) has no request in this test", method, path, op.OperationID)
			}
		}
	}
}

// TestEveryRouteIsDescribed holds routes and contract together in both directions.
func TestEveryRouteIsDescribed(t *testing.T) {
	doc, _ := specRouter(t)
	var described []string
	for path, item := range doc.Paths.Map() {
		base := "/api/v1"
		if len(item.Servers) > 0 {
			base = ""
		}
		for method := range item.Operations() {
			described = append(described, method+" "+base+strings.NewReplacer("{", ":", "}", "").Replace(path))
		}
	}
	sort.Strings(described)
	o := resttest.Options(resttest.NewHolder(resttest.Sample(1)), nil)
	got, err := rest.Routes(o)
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(got)
	if !slices.Equal(described, got) {
		t.Errorf("described:\n%s\nregistered:\n%s", strings.Join(described, "\n"), strings.Join(got, "\n"))
	}
}

func TestFilterFieldsAreDescribed(t *testing.T) {
	doc, _ := specRouter(t)
	o := resttest.Options(resttest.NewHolder(resttest.Sample(1)), nil)
	fields, err := rest.FilterFields(o)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			raw, ok := op.Extensions["x-filter-fields"]
			if !ok {
				if op.Parameters.GetByInAndName("query", "filter") != nil {
					t.Errorf("%s takes a filter and describes no fields", path)
				}
				continue
			}
			var want []string
			b, err := json.Marshal(raw)
			if err == nil {
				err = json.Unmarshal(b, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			sort.Strings(want)
			if got := fields[op.OperationID]; !slices.Equal(got, want) {
				t.Errorf("%s: described %v, filters %v", path, want, got)
			}
		}
	}
}

// TestRoleMatrix asks every operation with every role and compares with x-roles.
func TestRoleMatrix(t *testing.T) {
	doc, _ := specRouter(t)
	s := newServer(t, func(o *rest.Options) { o.Changes = nil })
	path := strings.NewReplacer("{site}", "plant-001", "{cluster}", "prod", "{rule}", "COL-001", "{infrastructure}", "zk-central", "{enrolment}", resttest.EnrolmentID(1), "{waiver}", "w-approved", "{policy}", "2", "{token}", "tokengood", "{webhook}", resttest.WebhookID(1))
	for p, item := range doc.Paths.Map() {
		if len(item.Servers) > 0 {
			continue
		}
		for method, op := range item.Operations() {
			var allowed []string
			if raw, ok := op.Extensions["x-roles"]; ok {
				b, err := json.Marshal(raw)
				if err == nil {
					err = json.Unmarshal(b, &allowed)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			public := op.Security != nil
			if got := s.do(method, "/api/v1"+path.Replace(p), "").Code; !public && got != http.StatusUnauthorized {
				t.Errorf("%s %s without a token: %d", method, p, got)
			}
			if got := s.do(method, "/api/v1"+path.Replace(p), "", "Authorization", "Bearer wrong").Code; !public && got != http.StatusUnauthorized {
				t.Errorf("%s %s with a wrong token: %d", method, p, got)
			}
			for _, role := range rest.Roles() {
				got := s.do(method, "/api/v1"+path.Replace(p), "", as(role)...).Code
				if want := slices.Contains(allowed, string(role)) || public; want == (got == http.StatusForbidden) || got == http.StatusUnauthorized {
					t.Errorf("%s %s as %s: %d, x-roles %v", method, p, role, got, allowed)
				}
			}
		}
	}
}

func TestProblems(t *testing.T) {
	s := newServer(t, func(o *rest.Options) {
		o.Report = func(context.Context, rest.ReportRequest) (rest.Report, error) { panic("boom at /secret/path") }
		o.PutInventory = func(context.Context, string, []byte) (string, error) {
			return "", &rest.Error{Code: rest.CodeUnavailable, Detail: "the stream is not reachable", Err: fmt.Errorf("dial 10.0.0.1")}
		}
	})
	planner := as(rest.Planner)
	cases := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
	}{
		{"no-token", "GET", "/sites", "", nil, 401},
		{"wrong-token", "GET", "/sites", "", []string{"Authorization", "Bearer nope"}, 401},
		{"basic-auth", "GET", "/sites", "", []string{"Authorization", "Basic YTpi"}, 401},
		{"forbidden-role", "GET", "/rejections", "", as(rest.Viewer), 403},
		{"unknown-site", "GET", "/sites/nowhere", "", as(rest.Viewer), 404},
		{"unknown-path", "GET", "/nowhere", "", as(rest.Viewer), 404},
		{"method", "DELETE", "/sites", "", as(rest.Viewer), 405},
		{"limit-range", "GET", "/sites?limit=0", "", as(rest.Viewer), 400},
		{"limit-type", "GET", "/sites?limit=many", "", as(rest.Viewer), 400},
		{"unknown-parameter", "GET", "/sites?fitler=x", "", as(rest.Viewer), 400},
		{"repeated-parameter", "GET", "/sites?limit=1&limit=2", "", as(rest.Viewer), 400},
		{"bad-query", "GET", "/sites?filter=%zz", "", as(rest.Viewer), 400},
		{"bad-cursor", "GET", "/sites?cursor=xyz", "", as(rest.Viewer), 400},
		{"filter-syntax", "GET", "/findings?filter=severity%3E%3Dhigh+and+", "", as(rest.Viewer), 400},
		{"filter-field", "GET", "/findings?filter=sevrity%3Dhigh", "", as(rest.Viewer), 400},
		{"filter-value", "GET", "/findings?filter=severity%3Dhuge", "", as(rest.Viewer), 400},
		{"filter-verdict", "GET", "/findings?filter=verdict%3Dpass", "", as(rest.Viewer), 400},
		{"site-pattern", "GET", "/sites/NOT_A_SITE", "", as(rest.Viewer), 400},
		{"report-format", "GET", "/reports/compliance?format=doc", "", as(rest.Auditor), 400},
		{"report-future", "GET", "/reports/compliance?asOf=2031-01-01T00:00:00Z", "", as(rest.Auditor), 400},
		{"panic", "GET", "/reports/compliance", "", as(rest.Auditor), 500},
		{"put-media-type", "PUT", "/sites/plant-001/inventory", "x", append(planner, "Content-Type", "text/plain"), 415},
		{"put-syntax", "PUT", "/sites/plant-001/inventory", `{"apiVersion":`, append(planner, "Content-Type", "application/json"), 400},
		{"put-unknown-key", "PUT", "/sites/plant-001/inventory", siteDocument("plant-001", "2026-11-20T08:00:00Z", "colour: red\n"), append(planner, "Content-Type", "application/yaml"), 422},
		{"put-other-site", "PUT", "/sites/plant-001/inventory", siteDocument("plant-002", "2026-11-20T08:00:00Z", ""), append(planner, "Content-Type", "application/yaml"), 422},
		{"put-future", "PUT", "/sites/plant-001/inventory", siteDocument("plant-001", "2027-11-20T08:00:00Z", ""), append(planner, "Content-Type", "application/yaml"), 422},
		{"put-unavailable", "PUT", "/sites/plant-001/inventory", siteDocument("plant-001", "2026-11-20T08:00:00Z", ""), append(planner, "Content-Type", "application/yaml"), 503},
		{"put-if-match", "PUT", "/sites/plant-001/inventory", siteDocument("plant-001", "2026-11-20T08:00:00Z", ""), append(planner, "Content-Type", "application/yaml", "If-Match", `"other"`), 412},
		{"session-body", "POST", "/session", `{"tokn":"x"}`, []string{"Content-Type", "application/json"}, 400},
		{"session-type", "POST", "/session", `token=x`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"session-token", "POST", "/session", `{"token":"x"}`, []string{"Content-Type", "application/json"}, 401},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := s.do(c.method, "/api/v1"+c.path, c.body, c.headers...)
			if a.Code != c.status {
				t.Errorf("status %d, want %d: %s", a.Code, c.status, a.body)
			}
			if ct := a.Header().Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("content type %q", ct)
			}
			for _, leak := range []string{"boom", "/secret", "10.0.0.1", "goroutine"} {
				if strings.Contains(a.body, leak) {
					t.Errorf("the answer leaks %q: %s", leak, a.body)
				}
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, []byte(a.body), "", "  "); err != nil {
				t.Fatal(err)
			}
			golden(t, "problem-"+c.name+".json", pretty.String())
		})
	}
}

func siteDocument(site, at, more string) string {
	return "apiVersion: meridian/v1\nkind: SiteInventory\nobservedAt: " + at + "\nsite: {id: " + site + "}\n" + more
}
