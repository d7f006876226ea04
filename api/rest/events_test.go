package rest_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/changefeed"
	"github.com/meridian-federation/meridian/api/rest/resttest"
)

// listener is one open event stream.
type listener struct {
	t     *testing.T
	lines chan string
}

func listen(t *testing.T, base, path string, headers ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/events"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req) //nolint:bodyclose // closed by the cleanup below
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	l := &listener{t: t, lines: make(chan string, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(l.lines)
		sc := bufio.NewScanner(resp.Body)
		for sc.Scan() {
			if sc.Text() != "" {
				l.lines <- sc.Text()
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		_ = resp.Body.Close()
		<-done
	})
	l.expect("retry: 2000") // the server has subscribed once this is here
	return l
}

func (l *listener) expect(want ...string) {
	l.t.Helper()
	for _, w := range want {
		select {
		case got, ok := <-l.lines:
			if !ok || got != w {
				l.t.Fatalf("got %q, want %q", got, w)
			}
		case <-time.After(10 * time.Second):
			l.t.Fatalf("waited for %q", w)
		}
	}
}

func events(t *testing.T, change ...func(*rest.Options)) (*changefeed.Feed, string) {
	t.Helper()
	feed := changefeed.New(8)
	o := resttest.Options(resttest.NewHolder(resttest.Sample(4)), feed)
	for _, f := range change {
		f(&o)
	}
	srv := httptest.NewServer(resttest.Handler(o))
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return feed, srv.URL
}

func TestEvents(t *testing.T) {
	feed, base := events(t)
	l := listen(t, base, "", as(rest.Viewer)...)
	feed.Publish(changefeed.Change{ID: 1, Index: 5, Site: "plant-001"})
	feed.Publish(changefeed.Change{ID: 2, Index: 6, Site: "plant-002"})
	feed.Publish(changefeed.Change{ID: 3, Index: 7, Site: "plant-001", Removed: true})
	l.expect(
		"id: 2", "event: site", `data: {"change":"updated","index":6,"site":"plant-002"}`,
		"id: 3", "event: site", `data: {"change":"removed","index":7,"site":"plant-001"}`,
		"id: 3", "event: fleet", `data: {"index":7}`)
}

func TestEventsResume(t *testing.T) {
	feed, base := events(t)
	for i := range uint64(12) {
		feed.Publish(changefeed.Change{ID: i + 1, Index: i + 1, Site: "plant-001"})
	}
	feed.Publish(changefeed.Change{ID: 3, Index: 99, Site: "old"}) // ids only grow
	// Kept: 5 to 12.
	l := listen(t, base, "?types=site", append(as(rest.Viewer), "Last-Event-ID", "10")...)
	l.expect("id: 12", "event: site")
	l = listen(t, base, "?types=fleet", append(as(rest.Viewer), "Last-Event-ID", "5")...)
	l.expect("id: 12", "event: fleet", `data: {"index":12}`)
	for _, unknown := range []string{"2", "400"} {
		l = listen(t, base, "", append(as(rest.Viewer), "Last-Event-ID", unknown)...)
		l.expect("id: 12", "event: reset", `data: {"index":12}`)
	}
	l = listen(t, base, "", append(as(rest.Viewer), "Last-Event-ID", "12")...)
	feed.Publish(changefeed.Change{ID: 13, Index: 13, Site: "plant-003"})
	l.expect("id: 13", "event: site")
}

func TestEventsOfAScope(t *testing.T) {
	feed, base := events(t)
	l := listen(t, base, "", scoped()...)
	feed.Publish(changefeed.Change{ID: 1, Index: 5, Site: "plant-000"})
	l.expect("id: 1", "event: fleet", `data: {"index":5}`)
	feed.Publish(changefeed.Change{ID: 2, Index: 6, Site: "plant-003"})
	l.expect("id: 2", "event: site", `data: {"change":"updated","index":6,"site":"plant-003"}`, "id: 2", "event: fleet")
}

func TestHeartbeatAndClosing(t *testing.T) {
	closing := make(chan struct{})
	_, base := events(t, func(o *rest.Options) { o.Heartbeat, o.Closing = 5*time.Millisecond, closing })
	l := listen(t, base, "", as(rest.Viewer)...)
	l.expect(": still here", ": still here")
	close(closing)
	for range l.lines {
		continue // the stream ends
	}
}

func TestEventRequests(t *testing.T) {
	s := newServer(t)
	for path, headers := range map[string][]string{
		"/events?types=weather": nil, "/events": {"Last-Event-ID", "x"}, "/events?types=": nil,
	} {
		if code := s.get(path, headers...).Code; code != http.StatusBadRequest {
			t.Errorf("%s %v: %d", path, headers, code)
		}
	}
}

// TestSlowReader: a subscriber that does not read is dropped, holds nobody up and finds its place again.
func TestSlowReader(t *testing.T) {
	feed := changefeed.New(1000)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	slow := feed.Changes(ctx, 0)
	for i := range uint64(600) {
		feed.Publish(changefeed.Change{ID: i + 1, Site: "s"})
	}
	var last uint64
	for c := range slow {
		last = c.ID
	}
	if last == 0 || last >= 600 {
		t.Fatalf("the slow reader saw %d", last)
	}
	again := feed.Changes(ctx, last)
	if c := <-again; c.ID != last+1 {
		t.Errorf("continued at %d after %d", c.ID, last)
	}
	cancel()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case _, ok := <-again:
			if !ok {
				return
			}
		case <-deadline:
			t.Fatal("the channel stays open after its context")
		}
	}
}
