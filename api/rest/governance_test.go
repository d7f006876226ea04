package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/resttest"
	"github.com/meridian-federation/meridian/federation/audit"
)

// change is a write that succeeds with its role.
type change struct {
	act, method, path, body string
	role                    rest.Role
	headers                 []string
}

const waiverBody = `{"rule":"COL-001","match":{"site":"plant-001"},"reason":"moves in spring","expires":"2026-12-24T00:00:00Z"}`

const webhookBody = `{"name":"x","url":"https://example.com","events":["site.lost"]}`

// changes is one request of every write of the contract that leaves an entry in the audit.
func changes() []change {
	asJSON := []string{"Content-Type", "application/json"}
	return []change{
		{"requestWaiver", "POST", "/api/v1/waivers", waiverBody, rest.Planner, asJSON},
		{"approveWaiver", "POST", "/api/v1/waivers/w-requested/approve", `{"note":"once"}`, rest.Approver, asJSON},
		{"rejectWaiver", "POST", "/api/v1/waivers/w-requested/reject", `{"reason":"no"}`, rest.Approver, asJSON},
		{"withdrawWaiver", "POST", "/api/v1/waivers/w-approved/withdraw", `{"reason":"mended"}`, rest.Approver, asJSON},
		{"draftPolicy", "POST", "/api/v1/policies", `{"document":"apiVersion: meridian/v1\nkind: Policy\n","note":"tidy"}`, rest.Planner, asJSON},
		{"activatePolicy", "POST", "/api/v1/policies/2/activate", `{"reason":"agreed"}`, rest.Approver, asJSON},
		{"createToken", "POST", "/api/v1/tokens", `{"name":"portal","role":"viewer","scope":{"sites":["plant-001"]}}`, rest.Admin, asJSON},
		{"revokeToken", "POST", "/api/v1/tokens/tokengood/revoke", `{"reason":"lost"}`, rest.Admin, asJSON},
		{"putSiteInventory", "PUT", "/api/v1/sites/plant-001/inventory", siteDocument("plant-001", "2026-11-20T08:00:00Z", ""), rest.Planner, []string{"Content-Type", "application/yaml"}},
		{"putSiteHeartbeat", "PUT", "/api/v1/sites/plant-001/heartbeat", `{"interval":"1m"}`, rest.Admin, asJSON},
		{"createEnrolment", "POST", "/api/v1/enrolments", `{"site":"plant-001","note":"new machine"}`, rest.Admin, asJSON},
		{"approveEnrolment", "POST", "/api/v1/enrolments/" + resttest.EnrolmentID(1) + "/approve", "", rest.Approver, asJSON},
		{"revokeEnrolment", "POST", "/api/v1/enrolments/" + resttest.EnrolmentID(1) + "/revoke", `{"reason":"lost"}`, rest.Admin, asJSON},
		{"join", "POST", "/api/v1/join", `{"token":"` + resttest.JoinToken + `","site":"plant-001","publicKey":"U","signature":"AAAA"}`, "", asJSON},
		{"createWebhook", "POST", "/api/v1/webhooks", webhookBody, rest.Admin, asJSON},
		{"updateWebhook", "PUT", "/api/v1/webhooks/" + resttest.WebhookID(1), webhookBody, rest.Admin, append([]string{"If-Match", "*"}, asJSON...)},
		{"deleteWebhook", "DELETE", "/api/v1/webhooks/" + resttest.WebhookID(1), "", rest.Admin, []string{"If-Match", "*"}},
		{"testWebhook", "POST", "/api/v1/webhooks/" + resttest.WebhookID(1) + "/test", "", rest.Admin, nil},
		{"redeliver", "POST", "/api/v1/webhooks/" + resttest.WebhookID(1) + "/redeliver", `{"ids":["finding-opened-1"]}`, rest.Admin, asJSON},
		{"createSession", "POST", "/api/v1/session", `{"token":"` + resttest.Token(rest.Viewer) + `"}`, "", asJSON},
		{"deleteSession", "DELETE", "/api/v1/session", "", rest.Viewer, nil},
	}
}

// governed is a server whose trail of the audit the test sees.
func governed(t *testing.T, change ...func(*rest.Options)) (*server, *audit.Trail) {
	t.Helper()
	var trail *audit.Trail
	s := newServer(t, append([]func(*rest.Options){func(o *rest.Options) { trail = resttest.Govern(o) }}, change...)...)
	return s, trail
}

func (c change) do(s *server) answer {
	headers := c.headers
	if c.role != "" {
		headers = append(slices.Clone(headers), as(c.role)...)
	}
	return s.do(c.method, c.path, c.body, headers...)
}

// TestEveryWriteLeavesOneEntry walks the contract: every operation that writes leaves exactly one entry when it succeeds.
func TestEveryWriteLeavesOneEntry(t *testing.T) {
	doc, _ := specRouter(t)
	acts := map[string]bool{}
	for _, c := range changes() {
		acts[c.act] = true
		s, trail := governed(t, func(o *rest.Options) {
			o.SetHeartbeat = func(context.Context, string, time.Duration) error { return nil }
		})
		before := len(trail.Entries())
		a := c.do(s)
		entries := trail.Entries()
		if a.Code >= 300 || len(entries) != before+1 {
			t.Errorf("%s: %d, %d entries more: %s", c.act, a.Code, len(entries)-before, a.body)
			continue
		}
		e := entries[0]
		if e.Act != c.act || e.Outcome != audit.Done || e.RequestID != "test-request" || e.By == "" || e.Remote == "" || e.Status != 0 {
			t.Errorf("%s: %+v", c.act, e)
		}
		if c.role != "" && e.Role != string(c.role) {
			t.Errorf("%s: the entry names the role %q", c.act, e.Role)
		}
		if (e.After == nil) != (strings.HasSuffix(c.act, "Session") || strings.HasPrefix(c.act, "delete")) {
			t.Errorf("%s: the entry tells %s", c.act, e.After)
		}
	}
	acts["renewCredential"] = true  // the sample refuses it; TestRefusedWrites asks it
	acts["createSimulation"] = true // it answers a question and keeps nothing
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if method != http.MethodGet && !acts[op.OperationID] {
				t.Errorf("%s %s (%s) writes and is not in the list of changes", method, path, op.OperationID)
			}
		}
	}
}

// TestRefusedWrites: a write that reached its operation leaves one entry that says so; one without a valid token, role or
// body leaves none.
func TestRefusedWrites(t *testing.T) {
	asJSON := []string{"Content-Type", "application/json"}
	for name, c := range map[string]struct {
		change
		status, entries int
	}{
		"no token":              {change{"", "POST", "/api/v1/waivers", waiverBody, "", asJSON}, 401, 0},
		"role":                  {change{"", "POST", "/api/v1/waivers", waiverBody, rest.Viewer, asJSON}, 403, 0},
		"body":                  {change{"", "POST", "/api/v1/waivers", `{"rule":"COL-001"}`, rest.Planner, asJSON}, 400, 0},
		"unknown rule":          {change{"requestWaiver", "POST", "/api/v1/waivers", strings.Replace(waiverBody, "COL-001", "NO-1", 1), rest.Planner, asJSON}, 422, 1},
		"in the past":           {change{"requestWaiver", "POST", "/api/v1/waivers", strings.Replace(waiverBody, "2026-12", "2025-12", 1), rest.Planner, asJSON}, 422, 1},
		"for everything":        {change{"requestWaiver", "POST", "/api/v1/waivers", strings.Replace(waiverBody, `"site":"plant-001"`, "", 1), rest.Planner, asJSON}, 422, 1},
		"approved already":      {change{"approveWaiver", "POST", "/api/v1/waivers/w-approved/approve", "{}", rest.Approver, asJSON}, 409, 1},
		"another's":             {change{"withdrawWaiver", "POST", "/api/v1/waivers/w-requested/withdraw", `{"reason":"x"}`, rest.Planner, asJSON}, 403, 1},
		"no such waiver":        {change{"rejectWaiver", "POST", "/api/v1/waivers/nothing/reject", `{"reason":"x"}`, rest.Approver, asJSON}, 404, 1},
		"changed meanwhile":     {change{"approveWaiver", "POST", "/api/v1/waivers/w-requested/approve", "{}", rest.Approver, append([]string{"If-Match", `"other"`}, asJSON...)}, 412, 1},
		"policy's problem":      {change{"draftPolicy", "POST", "/api/v1/policies", `{"document":"kind: Policy\nrulez: {}\n"}`, rest.Planner, asJSON}, 422, 1},
		"active already":        {change{"activatePolicy", "POST", "/api/v1/policies/1/activate", `{"reason":"x"}`, rest.Approver, asJSON}, 409, 1},
		"revoked already":       {change{"revokeToken", "POST", "/api/v1/tokens/tokenrevoked/revoke", `{"reason":"x"}`, rest.Admin, asJSON}, 409, 1},
		"login":                 {change{"createSession", "POST", "/api/v1/session", `{"token":"wrong"}`, "", asJSON}, 401, 1},
		"inventory of another":  {change{"putSiteInventory", "PUT", "/api/v1/sites/plant-001/inventory", siteDocument("plant-002", "2026-11-20T08:00:00Z", ""), rest.Planner, []string{"Content-Type", "application/yaml"}}, 422, 1},
		"longer than a year":    {change{"createToken", "POST", "/api/v1/tokens", `{"name":"x","role":"viewer","expiresIn":"9000h"}`, rest.Admin, asJSON}, 422, 1},
		"renewal":               {change{"renewCredential", "POST", "/api/v1/join/renew", `{"enrolment":"x","oldKey":"U","newKey":"V","at":"2026-11-20T08:00:00Z","signature":"AAAA","proof":"AAAA"}`, "", asJSON}, 403, 1},
		"no planner to be told": {change{"putSiteHeartbeat", "PUT", "/api/v1/sites/nowhere/heartbeat", `{"interval":"1m"}`, rest.Admin, asJSON}, 404, 1},
	} {
		s, trail := governed(t)
		before := len(trail.Entries())
		a := c.do(s)
		entries := trail.Entries()
		if a.Code != c.status || len(entries)-before != c.entries {
			t.Errorf("%s: %d with %d entries: %s", name, a.Code, len(entries)-before, a.body)
			continue
		}
		if c.entries == 1 && (entries[0].Act != c.act || entries[0].Outcome != audit.Refused || entries[0].Status != c.status || entries[0].Why == "" || entries[0].After != nil) {
			t.Errorf("%s: %+v", name, entries[0])
		}
		if strings.Contains(a.body, "hash-of") {
			t.Errorf("%s: the answer tells a hash", name)
		}
	}
}

type failingTrail struct{ *audit.Trail }

func (failingTrail) Record(context.Context, audit.Entry) error { return errors.New("no stream") }

// TestAnAuditThatFails: the caller is told that the write holds and its entry is missing.
func TestAnAuditThatFails(t *testing.T) {
	s, _ := governed(t, func(o *rest.Options) { o.Audit = failingTrail{} })
	a := changes()[0].do(s)
	if a.Code != http.StatusServiceUnavailable || !strings.Contains(a.body, "Do not repeat") {
		t.Errorf("%d %s", a.Code, a.body)
	}
}

// TestNoSecretsAnywhere: a token's secret is told once; neither it nor its hash is in a list or in the audit.
func TestNoSecretsAnywhere(t *testing.T) {
	s, _ := governed(t)
	var made gen.TokenSecret
	told := s.do("POST", "/api/v1/tokens", `{"name":"portal","role":"viewer"}`, append(as(rest.Admin), "Content-Type", "application/json")...)
	if err := json.Unmarshal([]byte(told.body), &made); err != nil || len(made.Secret) < 40 || told.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%v: %s", err, told.body)
	}
	for _, path := range []string{"/api/v1/tokens", "/api/v1/audit"} {
		a := s.do("GET", path, "", as(rest.Admin)...)
		if a.Code != 200 || strings.Contains(a.body, made.Secret) || strings.Contains(a.body, "hash-of") || strings.Contains(strings.ToLower(a.body), "sha256") {
			t.Errorf("%s: %d %s", path, a.Code, a.body)
		}
	}
}

// TestScopesOfGovernance: a caller with a bounded scope sees and decides what is about its sites.
func TestScopesOfGovernance(t *testing.T) {
	auth := func(role rest.Role) func(*rest.Options) {
		return func(o *rest.Options) {
			tokens, err := rest.NewTokens(rest.Token{Name: "one plant", SHA256: rest.HashToken("scoped"), Role: role, Sites: resttest.Scope()})
			if err != nil {
				t.Fatal(err)
			}
			o.Auth = tokens
		}
	}
	bearer := []string{"Authorization", "Bearer scoped", "Content-Type", "application/json"}
	for _, c := range []struct {
		role               rest.Role
		method, path, body string
		status             int
	}{
		{rest.Viewer, "GET", "/waivers/w-approved", "", 200},
		{rest.Viewer, "GET", "/waivers/w-requested", "", 404},
		{rest.Viewer, "GET", "/waivers/w-pattern", "", 404},
		{rest.Approver, "POST", "/waivers/w-requested/approve", "{}", 404},
		{rest.Approver, "POST", "/waivers/w-approved/withdraw", `{"reason":"x"}`, 200},
		{rest.Planner, "POST", "/waivers", waiverBody, 403},
		{rest.Planner, "POST", "/waivers", strings.Replace(waiverBody, "plant-001", resttest.SiteID(3), 1), 201},
		{rest.Planner, "POST", "/waivers", strings.Replace(waiverBody, `"site":"plant-001"`, `"country":"DE"`, 1), 403},
		{rest.Planner, "POST", "/policies", `{"document":"apiVersion: meridian/v1\nkind: Policy\n"}`, 403},
		{rest.Planner, "GET", "/policies/2/preview", "", 403},
		{rest.Viewer, "GET", "/policies/2", "", 200},
		{rest.Approver, "POST", "/policies/2/activate", `{"reason":"x"}`, 403},
		{rest.Admin, "GET", "/tokens", "", 403},
		{rest.Admin, "POST", "/tokens", `{"name":"x","role":"admin"}`, 403},
		{rest.Admin, "POST", "/tokens/tokengood/revoke", `{"reason":"x"}`, 403},
	} {
		s, _ := governed(t, auth(c.role))
		if a := s.do(c.method, "/api/v1"+c.path, c.body, bearer...); a.Code != c.status {
			t.Errorf("%s %s as %s of one plant: %d, want %d: %s", c.method, c.path, c.role, a.Code, c.status, a.body)
		}
	}
	s, _ := governed(t, auth(rest.Auditor))
	list := decode[gen.AuditList](t, s.do("GET", "/api/v1/audit", "", bearer...))
	if list.Total != 1 || list.Items[0].Site != resttest.SiteID(3) {
		t.Errorf("the audit of one plant: %+v", list)
	}
	waivers := decode[gen.WaiverList](t, s.do("GET", "/api/v1/waivers", "", bearer...))
	if waivers.Total != 1 || waivers.Items[0].Id != resttest.WaiverApproved {
		t.Errorf("the waivers of one plant: %+v", waivers)
	}
}

// TestMe: the caller's id is the one under which its deeds are kept, so that a client can tell its own from those of others.
func TestMe(t *testing.T) {
	s := newServer(t)
	auth := append(as(rest.Planner), "Content-Type", "application/json")
	me := decode[gen.Me](t, s.do(http.MethodGet, "/api/v1/me", "", auth...))
	a := s.do(http.MethodPost, "/api/v1/waivers", waiverBody, auth...)
	var w gen.Waiver
	if err := json.Unmarshal([]byte(a.body), &w); err != nil || a.Code != http.StatusCreated {
		t.Fatalf("%d %s: %v", a.Code, a.body, err)
	}
	if me.Id == "" || w.Requested.By != me.Id {
		t.Errorf("the caller is %q, the waiver was requested by %q", me.Id, w.Requested.By)
	}
}

// TestIfMatch: of two who read the same waiver one decides.
func TestIfMatch(t *testing.T) {
	s, _ := governed(t)
	etag := s.do("GET", "/api/v1/waivers/w-requested", "", as(rest.Approver)...).Header().Get("ETag")
	decide := func(how, body string) answer {
		return s.do("POST", "/api/v1/waivers/w-requested/"+how, body, append(as(rest.Approver), "Content-Type", "application/json", "If-Match", etag)...)
	}
	if a := decide("approve", `{"note":"agreed"}`); a.Code != 200 {
		t.Fatalf("%d %s", a.Code, a.body)
	}
	if a := decide("reject", `{"reason":"no"}`); a.Code != http.StatusPreconditionFailed {
		t.Errorf("%d %s", a.Code, a.body)
	}
	w := decode[gen.Waiver](t, s.do("GET", "/api/v1/waivers/w-requested", "", as(rest.Viewer)...))
	if w.State != "approved" || w.Decided.Name != "approver" || w.Decided.Note != "agreed" || !w.Expiring {
		t.Errorf("%+v", w)
	}
}
