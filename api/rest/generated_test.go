package rest_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/api/rest"
)

// TestGeneratedRequests sends ten thousand requests made of good, bad and absurd parts. None may fail the server, and
// every answer that is not a success must be a problem document with the status it is sent with.
func TestGeneratedRequests(t *testing.T) {
	s := newServer(t)
	paths := []string{
		"/sites", "/sites/", "/sites/plant-001", "/sites/%2e%2e", "/sites/x/inventory", "/sites/plant-001/inventory", "/sites/plant-001/assessment", "/clusters",
		"/clusters/plant-001/prod", "/clusters/a/b/c", "/findings", "/region-mismatches", "/recommendations", "/tenancy", "/tenancy/graph", "/infrastructure", "/infrastructure/plant-003/zk-central", "/infrastructure/a/%2F", "/rules", "/rules/COL-001", "/rules/%00",
		"/rules/a%2Fb", "/architectures", "/regions", "/rejections", "/changes", "/diff", "/trends", "/reports/compliance", "/schemas/site-inventory.json", "/openapi.json", "/me", "/session", "/", "//", "/ünbekannt",
	}
	names := []string{"limit", "cursor", "filter", "sort", "all", "format", "asOf", "rules", "from", "to", "every", "by", "types", "x", "Limit", ""}
	values := []string{
		"", "1", "0", "-1", "1000", "1001", "99999999999999999999", "abc", "true", "severity", "severity>=high", "site=plant-001 and (", "has(x)", "not not not rule~\"*\"", "tag.a=b",
		"eyJrIjpbInBsYW50LTAwMSJdfQ", "eyJrIjpbXX0", "eyJyIjotMSwiayI6WyJhIl19", "eyJyIjo1LCJrIjpbImEiXX0", "2026-11-20T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-18T00:00:00.5+02:00", "html", "json", "then", "now", "1h", "1ns", "rule", "tag.a", "\x00", "%", "ü", "' or 1=1 --", strings.Repeat("(", 100), strings.Repeat("a", 5000),
	}
	bodies := []string{"", "{}", "[]", "null", "{", `{"token":1}`, `{"token":"` + strings.Repeat("x", 5000) + `"}`, siteDocument("plant-001", "2026-11-20T08:00:00Z", ""), "- a\n- b", "\xff\xfe", strings.Repeat("[", 100000), strings.Repeat("a: &a [*a]\n", 3), strings.Repeat(" ", 70000)}
	types := []string{"", "application/json", "application/yaml", "text/plain", "multipart/form-data; boundary=x", "application/json; charset=latin1", ";;"}
	tokens := append([]string{"", "Bearer", "Bearer ", "Bearer nope", "Basic eDp5", "bearer " + "secret-of-one-plant"}, func() (out []string) {
		for _, r := range rest.Roles() {
			out = append(out, as(r)[1])
		}
		return
	}()...)
	methods := []string{"GET", "GET", "GET", "GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW"}
	requests := 0
	for requests < 10000 {
		rapid.Check(t, func(rt *rapid.T) {
			requests++
			var query []string
			for range rapid.IntRange(0, 3).Draw(rt, "parameters") {
				v := rapid.SampledFrom(values).Draw(rt, "value")
				if rapid.Bool().Draw(rt, "escaped") {
					v = strings.NewReplacer("%", "%25", " ", "%20", "\x00", "%00", "&", "%26", "#", "%23").Replace(v)
				}
				query = append(query, rapid.SampledFrom(names).Draw(rt, "name")+"="+v)
			}
			method := rapid.SampledFrom(methods).Draw(rt, "method")
			req := httptest.NewRequest(method, "http://hub.example", strings.NewReader(rapid.SampledFrom(bodies).Draw(rt, "body")))
			path := "/api/v1" + rapid.SampledFrom(paths).Draw(rt, "path")
			req.URL.RawPath, req.URL.Path = path, strings.NewReplacer("%2e", ".", "%2F", "/", "%00", "\x00").Replace(path)
			req.URL.RawQuery = strings.Join(query, "&")
			for _, h := range []struct {
				name   string
				values []string
			}{
				{"Authorization", tokens},
				{"Content-Type", types},
				{"If-None-Match", []string{"", "*", `"a"`, `W/"x", `, ",,"}},
				{"If-Match", []string{"", "*", `"a"`}},
				{"Cookie", []string{"", "meridian_session=x", "meridian_session=" + strings.Repeat("A", 80)}},
				{"Accept-Encoding", []string{"", "gzip", "gzip;q=", "*"}},
				{"X-Csrf-Token", []string{"", "x"}},
			} {
				if v := rapid.SampledFrom(h.values).Draw(rt, h.name); v != "" {
					req.Header.Set(h.name, v)
				}
			}
			w := httptest.NewRecorder()
			s.h.ServeHTTP(w, req)
			if w.Code >= 500 {
				rt.Fatalf("%s %s?%s: %d %s", method, path, req.URL.RawQuery, w.Code, w.Body)
			}
			if w.Code < 400 {
				return
			}
			var p struct {
				Type   string `json:"type"`
				Status int    `json:"status"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || !strings.HasPrefix(p.Type, "urn:meridian:problem:") || w.Header().Get("Content-Type") != "application/problem+json" {
				rt.Fatalf("%s %s: %d is no problem document: %s", method, path, w.Code, w.Body)
			}
		})
		if t.Failed() {
			return
		}
	}
}
