package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

// scopedAs is a principal of a role that sees one plant only.
func scopedAs(role rest.Role) func(*rest.Options) {
	return func(o *rest.Options) {
		auth, err := rest.NewTokens(rest.Token{Name: "one plant", SHA256: rest.HashToken("scoped"), Role: role, Sites: resttest.Scope()})
		if err != nil {
			panic(err) // constant
		}
		o.Auth = auth
	}
}

func TestEnrolmentsOfOtherSitesDoNotExist(t *testing.T) {
	s := newServer(t, scopedAs(rest.Admin))
	auth := []string{"Authorization", "Bearer scoped", "Content-Type", "application/json"}
	list := decode[gen.EnrolmentList](t, s.do(http.MethodGet, "/api/v1/enrolments", "", auth...))
	if list.Total != 2 || list.Items[0].Site != resttest.SiteID(3) || list.Items[1].Site != resttest.SiteID(3) {
		t.Errorf("%+v", list)
	}
	other, own := resttest.EnrolmentID(1), resttest.EnrolmentID(3)
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/" + other, "", 404},
		{"POST", "/" + other + "/approve", "", 404},
		{"POST", "/" + other + "/revoke", `{"reason":"x"}`, 404},
		{"POST", "", `{"site":"plant-001"}`, 403},
		{"GET", "/" + own, "", 200},
		{"POST", "/" + own + "/approve", "", 200},
		{"POST", "/" + own + "/revoke", `{"reason":"x"}`, 200},
		{"POST", "", `{"site":"plant-003"}`, 201},
		{"POST", "/" + own + "/revoke", `{"reason":""}`, 400},
		{"POST", "/" + own + "/revoke", "", 400},
	} {
		if a := s.do(c.method, "/api/v1/enrolments"+c.path, c.body, auth...); a.Code != c.want {
			t.Errorf("%s %s %s: %d, want %d: %s", c.method, c.path, c.body, a.Code, c.want, a.body)
		}
	}
}

func TestATokenIsToldOnceAndItsHashNever(t *testing.T) {
	s := newServer(t)
	a := s.do(http.MethodPost, "/api/v1/enrolments", `{"site":"plant-001"}`, append(as(rest.Admin), "Content-Type", "application/json")...)
	if !strings.Contains(a.body, resttest.JoinToken) || a.Header().Get("Cache-Control") != "no-store" || a.Header().Get("Location") != "/api/v1/enrolments/"+resttest.EnrolmentID(1) {
		t.Errorf("%v %s", a.Header(), a.body)
	}
	for _, path := range []string{"/enrolments", "/enrolments/" + resttest.EnrolmentID(3)} {
		if a := s.get(path); strings.Contains(a.body, resttest.JoinToken) || strings.Contains(strings.ToLower(a.body), "hash") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

func TestWithoutKeysNobodyIsEnrolled(t *testing.T) {
	s := newServer(t, func(o *rest.Options) { o.Enrolments = nil })
	for _, w := range writes() {
		if strings.Contains(w.path, "/webhooks") {
			continue
		}
		if a := s.do(http.MethodPost, w.path, w.body, append(as(rest.Admin), "Content-Type", "application/json")...); a.Code != http.StatusServiceUnavailable && a.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", w.path, a.Code)
		}
	}
	if a := s.get("/enrolments"); a.Code != http.StatusServiceUnavailable || !strings.Contains(a.body, "keys") {
		t.Errorf("%d %s", a.Code, a.body)
	}
}
