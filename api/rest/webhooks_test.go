package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

// TestAChangeOfAWebhookNamesWhatWasRead: without If-Match, or with another ETag, nothing changes.
func TestAChangeOfAWebhookNamesWhatWasRead(t *testing.T) {
	s := newServer(t)
	path := "/api/v1/webhooks/" + resttest.WebhookID(1)
	tag := s.do(http.MethodGet, path, "", as(rest.Admin)...).Header().Get("ETag")
	if tag == "" {
		t.Fatal("a webhook has no ETag")
	}
	const body = `{"name":"x","events":["site.lost"]}`
	for _, c := range []struct {
		method, ifMatch, body string
		want                  int
	}{
		{http.MethodPut, "", body, 400},
		{http.MethodPut, `"other"`, body, 412},
		{http.MethodPut, tag, body, 200},
		{http.MethodPut, tag, `{"name":"x"}`, 400},
		{http.MethodPut, tag, `{"name":"x","events":["site.lost"],"colour":"red"}`, 400},
		{http.MethodDelete, "", "", 400},
		{http.MethodDelete, `"other"`, "", 412},
		{http.MethodDelete, tag, "", 204},
	} {
		headers := append(as(rest.Admin), "Content-Type", "application/json")
		if c.ifMatch != "" {
			headers = append(headers, "If-Match", c.ifMatch)
		}
		if a := s.do(c.method, path, c.body, headers...); a.Code != c.want {
			t.Errorf("%s with %q: %d, want %d: %s", c.method, c.ifMatch, a.Code, c.want, a.body)
		}
	}
}

func TestAWebhooksSecretIsToldOnce(t *testing.T) {
	s := newServer(t)
	a := s.do(http.MethodPost, "/api/v1/webhooks", `{"name":"x","url":"https://example.com","events":["site.lost"]}`, append(as(rest.Admin), "Content-Type", "application/json")...)
	if a.Code != http.StatusCreated || !strings.Contains(a.body, resttest.WebhookSecret) || a.Header().Get("Cache-Control") != "no-store" || a.Header().Get("Location") != "/api/v1/webhooks/"+resttest.WebhookID(1) {
		t.Errorf("%d %v %s", a.Code, a.Header(), a.body)
	}
	for _, path := range []string{"/webhooks", "/webhooks/" + resttest.WebhookID(1)} {
		if a := s.get(path); a.Code != http.StatusOK || strings.Contains(a.body, "whsec_") {
			t.Errorf("%s: %d %s", path, a.Code, a.body)
		}
	}
}

// TestWebhooksTellOfAllSites: an administrator of some plants gets none, and a server without a key says what is missing.
func TestWebhooksTellOfAllSites(t *testing.T) {
	s := newServer(t, scopedAs(rest.Admin))
	for _, path := range []string{"", "/" + resttest.WebhookID(1), "/" + resttest.WebhookID(1) + "/deliveries", "/" + resttest.WebhookID(1) + "/dead-letters"} {
		if a := s.do(http.MethodGet, "/api/v1/webhooks"+path, "", "Authorization", "Bearer scoped"); a.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, a.Code, a.body)
		}
	}
	s = newServer(t, func(o *rest.Options) { o.Webhooks = nil })
	if a := s.get("/webhooks"); a.Code != http.StatusServiceUnavailable || !strings.Contains(a.body, "keyFile") {
		t.Errorf("%d %s", a.Code, a.body)
	}
}
