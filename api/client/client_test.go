package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/changefeed"
	"github.com/meridian-federation/meridian/api/rest/resttest"
	"github.com/meridian-federation/meridian/federation/whatif"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, change ...func(*rest.Options)) (string, *changefeed.Feed) {
	t.Helper()
	feed := changefeed.New(16)
	o := resttest.Options(resttest.NewHolder(resttest.Sample(12)), feed)
	for _, f := range change {
		f(&o)
	}
	srv := httptest.NewServer(resttest.Handler(o))
	t.Cleanup(srv.Close)
	return srv.URL, feed
}

func connect(t *testing.T, base, token string) *client.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(client.Options{Server: base + "/", Token: token, HTTP: &http.Client{Transport: transport, Timeout: 30 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func count[T any](t *testing.T, l *client.List[T], want int) {
	t.Helper()
	n := 0
	for _, err := range l.Items(t.Context()) {
		if err != nil {
			t.Fatalf("%T: %v", l, err)
		}
		n++
	}
	whole, err := l.Collect(t.Context())
	if err != nil || n != want || len(whole.Items) != want || whole.Total != want || whole.Coverage.Sites != 12 {
		t.Errorf("%T: %d items, want %d: %+v %v", l, n, want, whole, err)
	}
}

func TestLists(t *testing.T) {
	base, _ := start(t)
	c := connect(t, base, resttest.Token(rest.Admin))
	small := client.Query{PageSize: 2, BySeverity: true}
	count(t, c.Sites(small), 12)
	count(t, c.Sites(client.Query{Filter: "country=DE", PageSize: 1}), 4)
	count(t, c.Clusters(small), 15)
	count(t, c.Findings(small), 15)
	count(t, c.Findings(client.Query{All: true, Filter: "verdict=pass"}), 12)
	count(t, c.RegionMismatches(small), 3)
	count(t, c.Recommendations(small), 15)
	count(t, c.Tenancy(client.Query{PageSize: 1}), 3)
	count(t, c.Infrastructure(client.Query{PageSize: 1, Filter: "kind=zookeeper"}), 3)
	count(t, c.Rejections(client.Query{}), 3)
	count(t, c.Rules(client.Query{PageSize: 1}), 2)
	count(t, c.Architectures(client.Query{}), 2)
	for r, err := range c.Regions(client.Query{Filter: "code=westeurope"}).Items(t.Context()) {
		if err != nil || r.Name != "West Europe" {
			t.Errorf("%+v %v", r, err)
		}
		break
	}
}

func TestResources(t *testing.T) {
	ctx := t.Context()
	base, _ := start(t)
	c := connect(t, base, resttest.Token(rest.Admin))
	if me, err := c.Me(ctx); err != nil || me.Role != "admin" || !me.AllSites {
		t.Errorf("%+v %v", me, err)
	}
	if s, err := c.Site(ctx, "plant-001"); err != nil || s.Site.Id != "plant-001" || len(s.Mismatches) != 1 {
		t.Errorf("%+v %v", s, err)
	}
	if a, err := c.Assessment(ctx, "plant-001", true); err != nil || len(a.Findings) != 3 {
		t.Errorf("%+v %v", a, err)
	}
	if x, err := c.Cluster(ctx, "plant-003", "test"); err != nil || x.Row.Id != "plant-003/test" {
		t.Errorf("%+v %v", x, err)
	}
	if x, err := c.InfrastructureDetail(ctx, "plant-003", "zk-central"); err != nil || len(x.Uses) != 2 {
		t.Errorf("%+v %v", x, err)
	}
	if g, err := c.TenancyGraph(ctx); err != nil || len(g.Nodes) != 12 || len(g.Edges) != 9 {
		t.Errorf("%+v %v", g, err)
	}
	if p, err := c.FleetPlan(ctx); err != nil || len(p.Assumptions) != 1 {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := c.Simulate(ctx, &whatif.Request{Changes: []whatif.Change{{Do: whatif.Lose, What: "region:azure/westeurope"}}}); client.CodeOf(err) != client.Unavailable {
		t.Errorf("a server without simulations: %v", err)
	}
	if r, err := c.Rule(ctx, "COL-001"); err != nil || r.ID != "COL-001" {
		t.Errorf("%+v %v", r, err)
	}
	doc, tag, err := c.Inventory(ctx, "plant-001")
	if err != nil || doc.Site.ID != "plant-001" || tag == "" {
		t.Fatalf("%+v %q %v", doc, tag, err)
	}
	body := []byte(`{"apiVersion":"meridian/v1","kind":"SiteInventory","observedAt":"2026-11-20T08:00:00Z","site":{"id":"plant-001"}}`)
	if a, err := c.PutInventory(ctx, "plant-001", body, tag); err != nil || a.Revision == "" {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := c.PutInventory(ctx, "plant-001", body, `"other"`); client.CodeOf(err) != client.Conflict {
		t.Errorf("%v", err)
	}
	r, err := c.ComplianceReport(ctx, client.ReportQuery{Format: "csv", AsOf: resttest.Now(), Then: true, Filter: "severity=high"})
	if err != nil || r.Name != "compliance.csv" || !strings.HasPrefix(r.ContentType, "text/csv") || string(r.Body) != "{}" {
		t.Errorf("%+v %v", r, err)
	}
}

func TestErrors(t *testing.T) {
	ctx := t.Context()
	base, _ := start(t)
	admin := connect(t, base, resttest.Token(rest.Admin))
	check := func(name string, err error, code client.Code, words ...string) {
		t.Helper()
		var e *client.Error
		if !errors.As(err, &e) || e.Code != code || client.CodeOf(fmt.Errorf("asking: %w", err)) != code {
			t.Errorf("%s: %#v", name, err)
			return
		}
		for _, w := range words {
			if !strings.Contains(e.Error(), w) {
				t.Errorf("%s: %q lacks %q", name, e.Error(), w)
			}
		}
	}
	_, err := admin.Site(ctx, "nowhere")
	check("not found", err, client.NotFound, "there is no site nowhere")
	_, err = connect(t, base, "nope").Me(ctx)
	check("token", err, client.Unauthorised, "not valid")
	_, err = connect(t, base, "").Me(ctx)
	check("no token", err, client.Unauthorised)
	_, err = connect(t, base, resttest.Token(rest.Viewer)).Rejections(client.Query{}).Page(ctx, "")
	check("role", err, client.Forbidden, "viewer")
	_, err = admin.Findings(client.Query{Filter: "sevrity=high"}).Collect(ctx)
	check("filter", err, client.Invalid, "filter, character 1: unknown field sevrity; fields are")
	_, err = admin.PutInventory(ctx, "plant-001", []byte("apiVersion: meridian/v1\ncolour: red\n"), "")
	check("document", err, client.Invalid, "line 2: /colour: unknown key")
	for item, err := range admin.Sites(client.Query{PageSize: 5000}).Items(ctx) {
		if item.Id != "" {
			t.Error("an item with an error")
		}
		check("limit", err, client.Invalid, "limit: ")
	}
	_, err = connect(t, "http://127.0.0.1:1", "x").Me(ctx)
	check("nobody there", err, client.Unavailable)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = admin.Me(cancelled)
	check("cancelled", err, client.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Error("the cause is lost")
	}
	_, err = client.New(client.Options{Server: "localhost:8420"})
	check("address", err, client.Invalid, "https://")
	if client.CodeOf(nil) != "" || client.CodeOf(errors.New("x")) != client.Internal {
		t.Error("CodeOf")
	}
}

func TestOtherServers(t *testing.T) {
	for _, c := range []struct {
		status     int
		kind, body string
		code       client.Code
	}{
		{404, "text/html", "<h1>nginx</h1>", client.Internal},
		{502, "text/html", "bad gateway", client.Unavailable},
		{200, "text/html", "<html>", client.Internal},
		{200, "application/json", `{"items":[`, client.Unavailable},
		{500, "application/problem+json", `{"title":"Internal Server Error","status":500}`, client.Internal},
		{429, "application/problem+json", `{"title":"Too Many Requests","status":429}`, client.Unavailable},
		{409, "application/problem+json", `{"title":"Conflict","status":409}`, client.Conflict},
		{200, "application/json", `{"items":[],"next":"same","total":0}`, client.Internal},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.UserAgent() != "meridian-client" {
				t.Errorf("user agent %q", r.UserAgent())
			}
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		cl := connect(t, srv.URL, "x")
		if _, err := cl.Sites(client.Query{}).Collect(t.Context()); client.CodeOf(err) != c.code {
			t.Errorf("%d %s: %v", c.status, c.body, err)
		}
		var last error
		for _, last = range cl.Sites(client.Query{}).Items(t.Context()) {
			continue
		}
		if client.CodeOf(last) != c.code {
			t.Errorf("%d %s: %v", c.status, c.body, last)
		}
		srv.Close()
	}
}

func TestEvents(t *testing.T) {
	base, feed := start(t)
	c := connect(t, base, resttest.Token(rest.Viewer))
	feed.Publish(changefeed.Change{ID: 1, Index: 1, Site: "plant-001"})
	feed.Publish(changefeed.Change{ID: 2, Index: 2, Site: "plant-002", Removed: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []client.Event
	for e, err := range c.Events(ctx, "1") {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e); len(got) == 2 {
			break
		}
	}
	want := []client.Event{{ID: "2", Type: "site", Index: 2, Site: "plant-002", Removed: true}, {ID: "2", Type: "fleet", Index: 2}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for _, err := range connect(t, base, "nope").Events(ctx, "") {
		if client.CodeOf(err) != client.Unauthorised {
			t.Error(err)
		}
	}
}

func TestEventStreamEnds(t *testing.T) {
	closing := make(chan struct{})
	base, feed := start(t, func(o *rest.Options) { o.Closing = closing })
	feed.Publish(changefeed.Change{ID: 1, Index: 1, Site: "plant-001"})
	feed.Publish(changefeed.Change{ID: 2, Index: 2, Site: "plant-001"})
	var last error
	for _, err := range connect(t, base, resttest.Token(rest.Viewer)).Events(t.Context(), "1") {
		if last = err; err == nil {
			select {
			case <-closing:
			default:
				close(closing)
			}
		}
	}
	if client.CodeOf(last) != client.Unavailable {
		t.Errorf("%v", last)
	}
}
