package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

func TestMain(m *testing.M) {
	embedded.Main() // Returns at once unless this process was started as the embedded ClickHouse.
	goleak.VerifyTestMain(m)
}

const secret = "a-secret-of-this-test-only-0123456789"

// running is a hub at work.
type running struct {
	*hub.Hub
	stop func()
	url  string
}

func run(t *testing.T, conn *bus.Conn, change ...func(*hub.Options)) *running {
	t.Helper()
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	o := hub.Options{Bus: conn, Engine: engine, Policy: policy.Default(), Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	for _, f := range change {
		f(&o)
	}
	h, err := hub.New(o)
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
	ended := make(chan error, 2)
	go func() { ended <- h.Run(ctx) }()
	go func() {
		ended <- h.Serve(ctx, hub.Serve{Listener: listener, Auth: auth, Registry: prometheus.NewRegistry(), Drain: 50 * time.Millisecond})
	}()
	r := &running{Hub: h, url: "http://" + listener.Addr().String()}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Errorf("the hub ended with %v", err)
			}
		}
	}
	t.Cleanup(r.stop)
	select {
	case <-h.Ready():
	case <-time.After(bustest.Patience):
		t.Fatal("the hub is not ready")
	}
	return r
}

// munich is the sample's site as it is observed at an instant, with a number of things.
func munich(t *testing.T, observed time.Time, things int) (revision string, body []byte) {
	t.Helper()
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	files, err := demo.Inventories(observed)
	if err != nil {
		t.Fatal(err)
	}
	site, err := inventory.Parse("muc-01.yaml", files["muc-01.yaml"], engine.Regions)
	if err != nil {
		t.Fatal(err)
	}
	site.Clusters[0].Workload.Things[0].Count = things
	site = inventory.Normalise(site, engine.Regions)
	if body, err = inventory.Canonical(site); err != nil {
		t.Fatal(err)
	}
	return inventory.Revision(site), body
}

func inForce(h *running, site string) string {
	r, ok := h.View().Site(site)
	if !ok {
		return "none"
	}
	return r.Revision
}

func rejections(h *running) []fleet.Rejection {
	var out []fleet.Rejection
	for r := range h.View().Rejections() {
		out = append(out, *r)
	}
	return out
}

// TestRefusedInventoryLeavesTheSite: when a site's latest inventory was refused, the one before stays in force, in a hub
// that kept running and in one that starts afterwards; the refusal is told by both and published once.
func TestRefusedInventoryLeavesTheSite(t *testing.T) {
	server := bustest.Start(t)
	conn := server.Hub(t)
	first := run(t, conn)
	good, body := munich(t, time.Now(), 12000)
	if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: good, Body: body}); err != nil {
		t.Fatal(err)
	}
	bad, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: "broken", Body: []byte(`{"kind":"Nonsense"}`)})
	if err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the second is refused", func() bool { return len(rejections(first)) == 1 })
	if got := inForce(first, "muc-01"); got != good {
		t.Fatalf("in force is %s, want %s", got, good)
	}
	before, _ := first.View().Site("muc-01")
	told := rejections(first)
	first.stop()

	second := run(t, server.Connect(t))
	after, ok := second.View().Site("muc-01")
	if !ok {
		t.Fatal("the site is gone after a restart")
	}
	if was, is := marshal(t, before.Assessment), marshal(t, after.Assessment); was != is {
		t.Error("the restarted hub judges the site differently")
	}
	if got := rejections(second); !slices.EqualFunc(told, got, func(a, b fleet.Rejection) bool { return marshal(t, a) == marshal(t, b) }) || got[0].Sequence != bad.StreamSequence {
		t.Errorf("the restarted hub tells the refusals %+v, want %+v", got, told)
	}
	var published []uint64
	ctx, cancel := context.WithCancel(t.Context())
	if err := conn.Rejections(ctx, func(_ context.Context, r bus.Rejection) { published = append(published, r.Sequence) }, cancel); err != nil {
		t.Fatal(err)
	}
	if len(published) != 1 {
		t.Errorf("the refusal was published as %v, want once", published)
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// put sends an inventory over REST and returns the revision it was given.
func put(t *testing.T, h *running, body []byte) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, h.url+"/api/v1/sites/muc-01/inventory", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Revision string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return answer.Revision
}

// TestUploadOfAnEarlierRevisionIsInForce: what was uploaded last counts, also when it was there before and the stream
// still remembers it; the same upload twice is stored once.
func TestUploadOfAnEarlierRevisionIsInForce(t *testing.T) {
	conn := bustest.Start(t).Hub(t)
	h := run(t, conn)
	at := time.Now()
	_, one := munich(t, at, 12000)
	_, two := munich(t, at, 13000)
	for i, body := range [][]byte{one, one, two, one, one, two} {
		want := put(t, h, body)
		bustest.Eventually(t, fmt.Sprintf("upload %d is in force", i), func() bool { return inForce(h, "muc-01") == want })
	}
	kept := 0
	if err := conn.KeptInventories(t.Context(), "muc-01", func(bus.Inventory) { kept++ }); err != nil {
		t.Fatal(err)
	}
	if kept != 4 {
		t.Errorf("the stream holds %d inventories, want one for each change", kept)
	}
}

// TestSlowRequestDoesNotFailTheStop: a caller that never finishes its request is cut off, which is no error of the hub.
func TestSlowRequestDoesNotFailTheStop(t *testing.T) {
	h := run(t, bustest.Start(t).Hub(t))
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", h.url[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "PUT /api/v1/sites/muc-01/inventory HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", secret); err != nil {
		t.Fatal(err)
	}
	// The request is under way once the server waits for its body: it does not answer.
	if err := c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := c.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("the server did not wait for the body: %v", err)
	}
	h.stop()
}

// TestNothingIsLostToTheHistory: what a planner brings at once after a long absence waits in the streams until the history
// has it, revision by revision.
func TestNothingIsLostToTheHistory(t *testing.T) {
	conn := bustest.Start(t).Hub(t)
	h := run(t, conn)
	const revisions = 80
	at := time.Now().Add(-time.Hour)
	last := ""
	var all []string
	for i := range revisions {
		revision, body := munich(t, at.Add(time.Duration(i)*time.Second), 12000+i)
		if _, err := conn.PublishInventory(t.Context(), bus.Inventory{Site: "muc-01", Revision: revision, Body: body}); err != nil {
			t.Fatal(err)
		}
		last = revision
		all = append(all, revision)
	}
	bustest.Eventually(t, "the last is in force", func() bool { return inForce(h, "muc-01") == last })
	// The history begins only now, as if ClickHouse had been away.
	for _, stream := range []string{bus.StreamInventory, bus.StreamAssessment} {
		seen := map[string]bool{}
		ctx, cancel := context.WithTimeout(t.Context(), bustest.Patience)
		err := conn.Batches(ctx, stream, "history", 1000, 50*time.Millisecond, func(_ context.Context, batch []bus.Message) error {
			for _, m := range batch {
				seen[m.Revision] = true
			}
			if seen[last] {
				cancel()
			}
			return nil
		})
		cancel()
		if err != nil || len(seen) != revisions {
			missing := slices.DeleteFunc(slices.Clone(all), func(r string) bool { return seen[r] })
			t.Errorf("%s holds %d of %d revisions for the history: %v; missing %v, the last is %s", stream, len(seen), revisions, err, missing, last)
		}
	}
}
