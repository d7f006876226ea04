package notify_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/federation/notify"
)

func lost(site string, at time.Time, n int) notify.Event {
	return notify.NewEvent(notify.SiteLost, site, at, "It has been silent.", fmt.Sprint(n))
}

// TestEveryEventArrives: two replicas tell the same events, one is killed and replaced in the middle of deliveries, the
// message bus is restarted, one receiver refuses every third request, another one hangs. Every event is counted at the end.
func TestEveryEventArrives(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(t), w.replica(t)
	good := newReceiver(t, nil)
	shaky := newReceiver(t, func(n int, rw http.ResponseWriter, _ *http.Request) bool {
		if n%3 == 0 {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		return n%3 != 0
	})
	hang := make(chan struct{})
	hanging := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-hang:
			return true
		case <-r.Context().Done():
			return false
		}
	})
	_, secret := a.webhook(t, good.URL, nil, b)
	a.webhook(t, shaky.URL, nil, b)
	h, _ := a.webhook(t, hanging.URL, nil, b)

	const events = 60
	var want []string
	tell := func(r *replica, e notify.Event) {
		// What fails is told again, as the reader of the stream does.
		bustest.Eventually(t, "an event is told", func() bool { return r.Tell(t.Context(), e) == nil })
	}
	replicas := []*replica{a, b}
	for i := range events {
		e := lost(fmt.Sprint("site-", i%4), w.clock.Now(), i)
		want = append(want, e.ID)
		for _, r := range replicas {
			tell(r, e)
		}
		switch i {
		case 20:
			replicas = replicas[1:]
			a.kill()
		case 30:
			replicas = append(replicas, w.replica(t))
		case 40:
			w.server.Restart(t)
		}
	}
	for name, r := range map[string]*receiver{"the good one": good, "the shaky one": shaky} {
		eventually(t, "every event in order at "+name, func() any { return r.told(t) }, want)
	}
	// Nothing comes twice but what a kill or the restart cut off: at most one delivery each.
	if n := len(good.all()); n > events+2 {
		t.Errorf("%d requests for %d events", n, events)
	}
	for _, m := range good.all() {
		if err := notify.Verify(secret, m.header.Get(notify.HeaderID), m.header.Get(notify.HeaderTimestamp), m.header.Get(notify.HeaderSignature), m.body, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if len(hanging.all()) != 0 {
		t.Error("the hanging receiver accepted something")
	}
	close(hang)
	// What hung until it was given up lies in the dead letters; with what arrived nothing is missing.
	eventually(t, "every event of the hanging one", func() any {
		dead, err := b.DeadLetters(t.Context(), h.ID)
		if err != nil {
			return err
		}
		ids := hanging.told(t)
		for _, d := range dead {
			ids = append(ids, d.ID)
		}
		return slices.Compact(slices.Sorted(slices.Values(ids)))
	}, slices.Sorted(slices.Values(want)))
}

func TestDeadLettersAndWhatAnswersMean(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	for _, c := range []struct {
		name   string
		answer func(int, http.ResponseWriter)
		// requests until it is given up, and whether the webhook is disabled then
		requests int
		disabled bool
	}{
		{"a server's error is tried until the end", func(_ int, w http.ResponseWriter) { w.WriteHeader(500) }, 6, false},
		{"a mistake is not tried again", func(_ int, w http.ResponseWriter) { w.WriteHeader(400) }, 1, false},
		{"a redirect is not followed", func(_ int, w http.ResponseWriter) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(302)
		}, 1, false},
		{"gone disables", func(_ int, w http.ResponseWriter) { w.WriteHeader(410) }, 1, true},
		{"retry-after, a mistake", func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.Header().Set("Retry-After", "7200")
				w.WriteHeader(429)
				return
			}
			w.WriteHeader(403)
		}, 2, false},
		{"a large answer does no harm", func(_ int, w http.ResponseWriter) {
			w.WriteHeader(404)
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
		}, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var healed atomic.Bool
			sink := newReceiver(t, func(n int, w http.ResponseWriter, _ *http.Request) bool {
				if healed.Load() {
					return true
				}
				c.answer(n, w)
				return false
			})
			e, _ := r.webhook(t, sink.URL+"/path-secret?key=query-secret", nil)
			event := lost("a", w.clock.Now(), 1)
			if err := r.Tell(t.Context(), event); err != nil {
				t.Fatal(err)
			}
			bustest.Eventually(t, "given up", func() bool {
				dead, err := r.DeadLetters(t.Context(), e.ID)
				return err == nil && len(dead) == 1 && dead[0].ID == event.ID && dead[0].Last.Error != ""
			})
			sink.mu.Lock()
			n := sink.requests
			sink.mu.Unlock()
			if n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			got, err := r.Get(t.Context(), e.ID)
			if err != nil || (got.Disabled != nil) != c.disabled {
				t.Fatalf("%+v, %v", got, err)
			}
			healed.Store(true)
			if c.disabled {
				if _, err := r.Redeliver(t.Context(), person(), e.ID, nil); err == nil {
					t.Error("a disabled webhook takes dead letters")
				}
				change := notify.Change{Spec: got.Spec, Enabled: true}
				if got, _, err = r.Update(t.Context(), person(), e.ID, got.Revision, change); err != nil {
					t.Fatal(err)
				}
				bustest.Eventually(t, "enabled", func() bool { return r.Knows(e.ID, got.Revision) })
			}
			if n, err := r.Redeliver(t.Context(), person(), e.ID, []string{event.ID}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			eventually(t, "the dead letter arrives", func() any { return sink.told(t) }, []string{event.ID})
			bustest.Eventually(t, "the log tells it", func() bool {
				l, waiting, err := r.Deliveries(t.Context(), e.ID)
				return err == nil && waiting == 0 && l.Delivered == 1 && l.Failed == uint64(c.requests) && l.Attempts[0].Status == 200
			})
			if dead, err := r.DeadLetters(t.Context(), e.ID); err != nil || len(dead) != 0 {
				t.Errorf("%v, %v", dead, err)
			}
		})
	}
	for _, secret := range []string{"path-secret", "query-secret"} {
		if strings.Contains(w.written(), secret) {
			t.Errorf("log or audit hold %q:\n%s", secret, w.written())
		}
	}
}

func TestAFullQueueLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.queue.PerLane = 3
	r := w.replica(t)
	release := make(chan struct{})
	sink := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-release:
			return true
		case <-r.Context().Done():
			return false
		}
	})
	e, _ := r.webhook(t, sink.URL, nil)
	var want []string
	for i := range 6 {
		event := lost("a", w.clock.Now(), i)
		want = append(want, event.ID)
		if err := r.Tell(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	dead, err := r.DeadLetters(t.Context(), e.ID)
	if err != nil || len(dead) != 3 || !strings.Contains(dead[0].Last.Error, "full") {
		t.Fatalf("%+v, %v", dead, err)
	}
	close(release)
	eventually(t, "what fitted", func() any { return sink.told(t) }, want[:3])
	if n, err := r.Redeliver(t.Context(), person(), e.ID, nil); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	eventually(t, "all", func() any { return slices.Sorted(slices.Values(sink.told(t))) }, slices.Sorted(slices.Values(want)))
}

// TestDeadLettersAreBounded: of a receiver that nobody mends the newest dead letters are kept, and what is dropped is told in the
// log of the program, in that of the webhook and in the audit.
func TestDeadLettersAreBounded(t *testing.T) {
	w := newWorld(t)
	w.queue.PerLane, w.tuning.DeadLetters = 3, 5
	r := w.replica(t)
	release := make(chan struct{})
	sink := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-release:
			return true
		case <-r.Context().Done():
			return false
		}
	})
	defer close(release)
	e, _ := r.webhook(t, sink.URL, nil)
	other, _ := r.webhook(t, sink.URL, nil)
	var ids []string
	for i := range 3 + 17 {
		event := lost("a", w.clock.forward(time.Second), i)
		ids = append(ids, event.ID)
		if err := r.Tell(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{e.ID, other.ID} {
		dead, err := r.DeadLetters(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var kept []string
		for i := range dead {
			kept = append(kept, dead[i].ID)
		}
		if want := slices.Sorted(slices.Values(ids[len(ids)-5:])); !slices.Equal(slices.Sorted(slices.Values(kept)), want) {
			t.Errorf("kept are %v, the newest are %v", kept, want)
		}
		l, _, err := r.Deliveries(t.Context(), id)
		if err != nil || l.Dropped != 12 || l.DroppedAt.IsZero() {
			t.Errorf("the log of the webhook tells of %d dropped at %s: %v", l.Dropped, l.DroppedAt, err)
		}
	}
	if text := w.written(); !strings.Contains(text, "dead letters of a webhook were dropped") || !strings.Contains(text, "webhook.dropped") {
		t.Error("neither log nor audit tell of it")
	}
	// A replica that starts later counts at its first one.
	w.tuning.DeadLetters = 2
	later := w.replica(t)
	if err := later.Tell(t.Context(), lost("a", w.clock.forward(time.Second), 99)); err != nil {
		t.Fatal(err)
	}
	if dead, err := later.DeadLetters(t.Context(), e.ID); err != nil || len(dead) != 2 {
		t.Errorf("%d are kept: %v", len(dead), err)
	}
}

// TestForbiddenAddresses: what a webhook may not reach it does not, also when a name leads there or a redirect does.
func TestForbiddenAddresses(t *testing.T) {
	w := newWorld(t)
	w.allow = nil
	r := w.replica(t)
	sink := newReceiver(t, nil)
	_, port, _ := strings.Cut(strings.TrimPrefix(sink.URL, "http://"), ":")
	for _, url := range []string{
		sink.URL, "http://localhost:" + port, "http://[::1]:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port, "http://10.0.0.1", "http://192.168.0.1",
		"http://172.16.0.1", "http://169.254.169.254/latest/meta-data", "http://[fe80::1]", "http://[fd00::1]", "http://100.64.0.1", "http://[64:ff9b::7f00:1]", "http://[2002:7f00:1::]",
		"http://224.0.0.1", "http://255.255.255.255", "http://0x7f.1", "http://2130706433:" + port,
	} {
		e, _ := r.webhook(t, url, nil)
		a, err := r.TryOut(t.Context(), person(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		resolved := strings.Contains(a.Error, "notifications.allow")
		if a.Status != 0 || a.Error == "" || !resolved && !strings.Contains(a.Error, "lookup") && !strings.Contains(a.Error, "no such host") {
			t.Errorf("%s: %+v", url, a)
		}
		if err := r.Delete(t.Context(), person(), e.ID, e.Revision); err != nil {
			t.Fatal(err)
		}
	}
	if sink.requests != 0 {
		t.Errorf("%d requests came through", sink.requests)
	}
	for _, url := range []string{"", "ftp://example.com", "file:///etc/passwd", "//example.com", "http://", "https://user:password@example.com", "http://example.com/#x", "http://exa mple.com", "gopher://127.0.0.1"} {
		_, _, err := r.Create(t.Context(), person(), notify.Change{Spec: notify.Spec{Name: "x", Events: notify.Kinds()}, URL: url})
		var e *notify.Error
		if !errors.As(err, &e) || e.Kind != notify.Invalid || e.Pointer != "/url" {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestAllowedRangesOpenNothingElse(t *testing.T) {
	w := newWorld(t)
	w.allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	r := w.replica(t)
	sink := newReceiver(t, func(_ int, rw http.ResponseWriter, _ *http.Request) bool {
		rw.Header().Set("Location", "http://127.0.0.2/")
		rw.WriteHeader(http.StatusTemporaryRedirect)
		return true
	})
	e, _ := r.webhook(t, sink.URL, nil)
	if a, err := r.TryOut(t.Context(), person(), e.ID); err != nil || a.Status != http.StatusTemporaryRedirect || len(sink.all()) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	other, _ := r.webhook(t, "http://127.0.0.2:1/", nil)
	if a, err := r.TryOut(t.Context(), person(), other.ID); err != nil || !strings.Contains(a.Error, "notifications.allow") {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestNothingSecretIsShown: neither answers, nor what is stored, nor log, audit or errors hold URL path, header or secret.
func TestNothingSecretIsShown(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	sink := newReceiver(t, func(n int, rw http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			rw.WriteHeader(500)
		}
		return n > 1
	})
	e, secret := r.webhook(t, sink.URL+"/T000/planted-path", func(c *notify.Change) {
		c.Headers = map[string]string{"authorization": "Bearer planted-header"}
	})
	if err := r.Tell(t.Context(), lost("a", w.clock.Now(), 1)); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "delivered", func() bool { return len(sink.all()) == 1 })
	if got := sink.all()[0].header.Get("Authorization"); got != "Bearer planted-header" {
		t.Errorf("header %q", got)
	}
	if _, err := r.TryOut(t.Context(), person(), e.ID); err != nil {
		t.Fatal(err)
	}
	list, err := r.List(t.Context())
	if err != nil || len(list) != 1 || len(list[0].Headers) != 1 || list[0].Headers[0] != "Authorization" || list[0].Host != sink.URL {
		t.Fatalf("%+v, %v", list, err)
	}
	stored, err := r.stores.Webhooks.Get(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	everything := fmt.Sprintf("%+v %s %+v %s", list, stored.Value.Sealed, stored, w.written())
	for _, planted := range []string{"planted-path", "planted-header", notify.FormatSecret(secret), string(secret)} {
		if strings.Contains(everything, planted) {
			t.Errorf("%q is shown", planted)
		}
	}
	// Another key opens nothing, and says what to do.
	other, err := notify.New(notify.Options{
		Stores: r.stores, Key: []byte(strings.Repeat("x", notify.KeySize)), Audit: w.audit, Now: w.clock.Now,
		Site: func(string) (notify.Site, bool) { return notify.Site{}, false }, Count: func(string) (notify.Counts, error) { return notify.Counts{}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.Get(t.Context(), e.ID); err != nil || !strings.Contains(got.Broken, "former key") {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := notify.New(notify.Options{Key: []byte("short")}); err == nil {
		t.Error("a short key is taken")
	}
}

func TestASecretInAFile(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	sink := newReceiver(t, nil)
	secret := bytes.Repeat([]byte("s"), 32)
	if err := os.WriteFile(filepath.Join(w.folder, "erp"), []byte(notify.FormatSecret(secret)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"absent", "../erp", "/etc/passwd", ".."} {
		_, _, err := r.Create(t.Context(), person(), notify.Change{Spec: notify.Spec{Name: "x", Events: notify.Kinds(), Secret: name}, URL: sink.URL})
		var e *notify.Error
		if !errors.As(err, &e) || e.Pointer != "/secretFile" {
			t.Errorf("%q: %v", name, err)
		}
	}
	e, told := r.webhook(t, sink.URL, func(c *notify.Change) { c.Secret = "erp" })
	if told != nil {
		t.Error("a secret that lies in a file is told")
	}
	if a, err := r.TryOut(t.Context(), person(), e.ID); err != nil || a.Status != 200 {
		t.Fatalf("%+v, %v", a, err)
	}
	m := sink.all()[0]
	if err := notify.Verify(secret, m.header.Get(notify.HeaderID), m.header.Get(notify.HeaderTimestamp), m.header.Get(notify.HeaderSignature), m.body, w.clock.Now()); err != nil {
		t.Error(err)
	}
}

func TestChangesNameTheRevisionTheyAreBasedOn(t *testing.T) {
	w := newWorld(t)
	r := w.replica(t)
	e, _ := r.webhook(t, "https://example.com/x", nil)
	again, secret, err := r.Update(t.Context(), person(), e.ID, e.Revision, notify.Change{Spec: notify.Spec{Name: "renamed", Events: e.Spec.Events}, Enabled: true})
	if err != nil || secret != "" || again.Spec.Name != "renamed" || again.Host != "https://example.com" {
		t.Fatalf("%+v, %q, %v", again, secret, err)
	}
	_, _, late := r.Update(t.Context(), person(), e.ID, e.Revision, notify.Change{Spec: e.Spec})
	for _, err := range []error{late, r.Delete(t.Context(), person(), e.ID, e.Revision)} {
		var refused *notify.Error
		if !errors.As(err, &refused) || refused.Kind != notify.Conflict {
			t.Errorf("%v", err)
		}
	}
	if _, secret, err = r.Update(t.Context(), person(), e.ID, again.Revision, notify.Change{Spec: e.Spec, Rotate: true}); err != nil || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("%q, %v", secret, err)
	}
	last, err := r.Get(t.Context(), e.ID)
	if err != nil || last.Disabled == nil {
		t.Fatalf("%+v, %v", last, err)
	}
	if err := r.Delete(t.Context(), person(), e.ID, last.Revision); err != nil {
		t.Fatal(err)
	}
	if _, err := r.stores.Webhooks.Get(t.Context(), e.ID); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("%v", err)
	}
	var acts []string
	for _, a := range w.acts {
		acts = append(acts, a.Act+" "+a.Who.Name)
	}
	if want := []string{"webhook.created Ada", "webhook.updated Ada", "webhook.updated Ada", "webhook.deleted Ada"}; !slices.Equal(acts, want) {
		t.Errorf("audit %v", acts)
	}
}
