package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/notify"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

// notifying is a hub that sends notifications, on a connection of its own.
type notifying struct {
	*hub.Hub
	api  *client.Client
	kill func()
}

// shift is how far the hubs' clocks are ahead.
type shift struct{ atomic.Int64 }

func (s *shift) now() time.Time { return time.Now().Add(time.Duration(s.Load())) }

func runNotifying(t *testing.T, server *bustest.Server, s *shift) *notifying {
	t.Helper()
	conn := server.Hub(t)
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	h, err := hub.New(hub.Options{Bus: conn, Engine: engine, Policy: policy.Default(), Logger: slog.New(slog.DiscardHandler), Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	auth, err := rest.NewTokens(rest.Token{Name: "test", SHA256: rest.HashToken(secret), Role: rest.Admin})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n, err := hub.NewNotifier(ctx, h, hub.Notification{
		Key: []byte(strings.Repeat("k", notify.KeySize)), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Tuning: notify.Tuning{Tick: 50 * time.Millisecond, FirstRetry: 10 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 3)
	go func() { ended <- h.Run(ctx) }()
	go func() { ended <- n.Run(ctx) }()
	go func() {
		ended <- h.Serve(ctx, hub.Serve{Listener: listener, Auth: auth, Webhooks: n, Registry: prometheus.NewRegistry(), Drain: 50 * time.Millisecond})
	}()
	r := &notifying{Hub: h}
	r.kill = sync.OnceFunc(func() {
		conn.Close() // first, so that nothing more is said on the bus
		cancel()
		for range 3 {
			if err := <-ended; err != nil {
				t.Log("a killed hub says:", err)
			}
		}
	})
	t.Cleanup(r.kill)
	select {
	case <-h.Ready():
	case <-time.After(bustest.Patience):
		t.Fatal("the hub is not ready")
	}
	if r.api, err = client.New(client.Options{Server: "http://" + listener.Addr().String(), Token: secret}); err != nil {
		t.Fatal(err)
	}
	return r
}

// inbox is a receiver that keeps the data of what it got, by id.
type inbox struct {
	*httptest.Server
	mu    sync.Mutex
	order []string
	data  map[string]json.RawMessage
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	b := &inbox{data: map[string]json.RawMessage{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct {
			ID   string          `json:"id"`
			Data json.RawMessage `json:"data"`
		}
		raw, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(raw, &e)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.data[e.ID] == nil {
			b.order = append(b.order, e.ID)
			b.data[e.ID] = e.Data
		}
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *inbox) events(t *testing.T) []notify.Event {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]notify.Event, len(b.order))
	for i, id := range b.order {
		if err := json.Unmarshal(b.data[id], &out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// open are the findings that a receiver believes to be open, from transitions alone.
func (b *inbox) open(t *testing.T) []string {
	t.Helper()
	open := map[string]bool{}
	for _, e := range b.events(t) {
		switch e.Kind {
		case notify.FindingOpened, notify.FindingWaived, notify.FindingChanged:
			open[e.Finding] = true
		case notify.FindingClosed:
			delete(open, e.Finding)
		}
	}
	return slices.Sorted(maps.Keys(open))
}

func findings(t *testing.T, api *client.Client, filter string) (ids []string, total int) {
	t.Helper()
	page, err := api.Findings(client.Query{Filter: filter}).Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range page.Items {
		ids = append(ids, page.Items[i].ID)
	}
	return slices.Sorted(slices.Values(ids)), page.Total
}

func publish(t *testing.T, conn *bus.Conn, at time.Time, things int) string {
	t.Helper()
	revision, body := munich(t, at, things)
	if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: revision, Body: body}); err != nil {
		t.Fatal(err)
	}
	return revision
}

// TestReceiversKnowWhatTheListSays: two replicas, one of them killed and replaced between changes. What a receiver makes of
// the transitions is at each rest what the findings list answers, and a digest's counts are those of the list for its filter.
func TestReceiversKnowWhatTheListSays(t *testing.T) {
	server, ahead := bustest.Start(t), &shift{}
	a, b := runNotifying(t, server, ahead), runNotifying(t, server, ahead)
	sender := server.Connect(t)
	all, digest := newInbox(t), newInbox(t)
	const filter = "severity >= medium and region = northeurope and tag.division = drives"
	events := []gen.WebhookEvent{gen.FindingOpened, gen.FindingChanged, gen.FindingClosed, gen.FindingWaived, gen.InventoryRejected, gen.SiteLive}
	made, err := a.api.CreateWebhook(t.Context(), gen.WebhookRequest{Name: "all", Url: all.URL, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.api.CreateWebhook(t.Context(), gen.WebhookRequest{Name: "digest", Url: digest.URL, Events: events, Filter: filter, Digest: gen.WebhookDigest{Every: "1h"}}); err != nil {
		t.Fatal(err)
	}
	knowsBoth := func(n *notifying) {
		bustest.Eventually(t, "the webhooks are known", func() bool {
			l, err := n.api.Webhooks(client.Query{}).Collect(t.Context())
			if err != nil || l.Total != 2 {
				return false
			}
			w, err := n.api.TestWebhook(t.Context(), made.Webhook.Id)
			return err == nil && w.Status == http.StatusOK
		})
	}
	knowsBoth(a)
	knowsBoth(b)

	at := time.Now().Add(-time.Minute)
	rest := func(n *notifying, what, revision string) {
		t.Helper()
		bustest.Eventually(t, what+" is in force", func() bool { return inForce(&running{Hub: n.Hub}, "muc-01") == revision })
		want, _ := findings(t, n.api, "")
		defer func() {
			if t.Failed() {
				t.Logf("%s: receiver %v, list %v", what, all.open(t), want)
			}
		}()
		bustest.Eventually(t, what+" is known to the receiver", func() bool { return slices.Equal(all.open(t), want) })
	}
	first := publish(t, sender, at, 12000)
	rest(a, "the first inventory", first)
	if len(all.open(t)) == 0 {
		t.Fatal("the sample has no findings, so this test shows nothing")
	}
	before := len(all.events(t))
	second := publish(t, sender, at, 9_000_000)
	a.kill()
	rest(b, "the second inventory", second)
	if len(all.events(t)) == before {
		t.Error("the second inventory changed no finding, so this test shows little")
	}
	c := runNotifying(t, server, ahead)
	third := publish(t, sender, at, 12001)
	rest(c, "the third inventory", third)
	if _, err := sender.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: "broken", Body: []byte(`{"kind":"Nonsense"}`)}); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the refusal is told", func() bool {
		return slices.ContainsFunc(all.events(t), func(e notify.Event) bool { return e.Kind == notify.InventoryRejected })
	})
	bustest.Eventually(t, "the site's life is told", func() bool {
		return slices.ContainsFunc(all.events(t), func(e notify.Event) bool { return e.Kind == notify.SiteLive })
	})
	for _, e := range all.events(t) {
		if e.Kind != notify.Test && (e.Site != "muc-01" || e.SiteName == "" || len(e.Regions) == 0) {
			t.Errorf("%s does not name site and region: %+v", e.ID, e)
		}
	}
	if events := digest.events(t); len(events) != 0 {
		t.Fatalf("a digest came before its time: %+v", events)
	}
	ahead.Add(int64(time.Hour))
	bustest.Eventually(t, "the digest", func() bool { return len(digest.events(t)) == 1 })
	var d struct {
		Counts map[string]int `json:"counts"`
	}
	digest.mu.Lock()
	err = json.Unmarshal(digest.data[digest.order[0]], &d)
	digest.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for name, condition := range map[string]string{
		"total": "", "unknown": " and verdict = unknown", "waived": " and waived = true",
		"critical": " and verdict = fail and severity = critical and waived = false", "high": " and verdict = fail and severity = high and waived = false",
		"medium": " and verdict = fail and severity = medium and waived = false", "low": " and verdict = fail and severity = low and waived = false",
		"info": " and verdict = fail and severity = info and waived = false",
	} {
		_, want[name] = findings(t, c.api, filter+condition)
	}
	if want["total"] == 0 || fmt.Sprint(d.Counts) != fmt.Sprint(want) {
		t.Errorf("the digest counts %v, the list %v", d.Counts, want)
	}
}

// TestManageWebhooks goes over REST on the real service: mistakes are told with their place.
func TestManageWebhooks(t *testing.T) {
	n := runNotifying(t, bustest.Start(t), &shift{})
	for pointer, r := range map[string]gen.WebhookRequest{
		"/url":          {Url: "https://u:p@example.com"},
		"/filter":       {Url: "https://example.com", Filter: "colour = red"},
		"/digest/every": {Url: "https://example.com", Digest: gen.WebhookDigest{Every: "soon"}},
		"/secretFile":   {Url: "https://example.com", SecretFile: "x"},
	} {
		r.Name, r.Events = "x", []gen.WebhookEvent{gen.SiteLost}
		_, err := n.api.CreateWebhook(t.Context(), r)
		var e *client.Error
		if !errors.As(err, &e) || e.Status != http.StatusUnprocessableEntity || len(e.Problems) != 1 || e.Problems[0].Pointer != pointer {
			t.Errorf("%s: %+v", pointer, err)
		}
	}
	made, err := n.api.CreateWebhook(t.Context(), gen.WebhookRequest{Name: "x", Url: "https://example.com/secret-path", Events: []gen.WebhookEvent{gen.SiteLost}})
	if err != nil {
		t.Fatal(err)
	}
	w, etag, err := n.api.Webhook(t.Context(), made.Webhook.Id)
	if err != nil || w.Host != "https://example.com" || etag == "" {
		t.Fatalf("%+v %q %v", w, etag, err)
	}
	changed, err := n.api.UpdateWebhook(t.Context(), w.Id, etag, gen.WebhookRequest{Name: "y", Events: w.Events, Disabled: true})
	if err != nil || changed.Webhook.Name != "y" || changed.Webhook.Disabled.At.IsZero() || changed.Secret != "" {
		t.Fatalf("%+v, %v", changed, err)
	}
	if err := n.api.DeleteWebhook(t.Context(), w.Id, etag); client.CodeOf(err) != client.Conflict && client.CodeOf(err) != client.Invalid {
		t.Errorf("deleted by an old ETag: %v", err)
	}
	if _, etag, err = n.api.Webhook(t.Context(), w.Id); err != nil {
		t.Fatal(err)
	}
	if err := n.api.DeleteWebhook(t.Context(), w.Id, etag); err != nil {
		t.Error(err)
	}
	for _, path := range []func() error{
		func() error { _, _, err := n.api.Webhook(t.Context(), w.Id); return err },
		func() error { _, err := n.api.TestWebhook(t.Context(), w.Id); return err },
		func() error { _, err := n.api.WebhookDeliveries(t.Context(), w.Id); return err },
		func() error { _, err := n.api.DeadLetters(w.Id, client.Query{}).Collect(t.Context()); return err },
		func() error { _, err := n.api.Redeliver(t.Context(), w.Id, nil); return err },
	} {
		if err := path(); client.CodeOf(err) != client.NotFound {
			t.Errorf("a webhook that was removed: %v", err)
		}
	}
}
