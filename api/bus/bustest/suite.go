package bustest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Bus is a message bus under test.
type Bus struct {
	Hub     func(testing.TB) *bus.Conn         // all rights
	Site    func(testing.TB, string) *bus.Conn // rights of one site
	Restart func(testing.TB)                   // nil when the suite may not restart it
	Streams bus.StreamOptions
}

// Embedded is a fresh Server as the suite wants it.
func Embedded(t testing.TB) Bus {
	t.Helper()
	s := Start(t)
	return Bus{Hub: s.Connect, Site: s.Site, Restart: s.Restart}
}

// WriteFile writes a file readable by its owner into a folder of the test and returns its path.
func WriteFile(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Revision makes a sendable revision of a site: number n, with a JSON body of about size bytes.
func Revision(site string, n, size int) bus.Inventory {
	pad := strings.Repeat("x", max(0, size-60))
	body, err := json.Marshal(map[string]any{"kind": "SiteInventory", "n": n, "pad": pad})
	if err != nil {
		panic(err) // strings and integers always encode
	}
	return bus.Inventory{
		Site: site, Revision: fmt.Sprintf("r%08d", n), Body: body, Instance: "instance-" + site, InstanceSequence: uint64(n), PlannerVersion: "1.2.3",
	}
}

// Incompressible is a revision that does not fit in one message.
func Incompressible(site string, n, size int) bus.Inventory {
	random := rand.NewChaCha8([32]byte{byte(n)})
	b := make([]byte, size*6/8)
	for i := range b {
		b[i] = byte(random.Uint64())
	}
	body, err := json.Marshal(map[string]any{"n": n, "random": b})
	if err != nil {
		panic(err) // bytes always encode
	}
	inv := Revision(site, n, 0)
	inv.Body = body
	return inv
}

// Log collects what a reader of inventories hears. Safe for concurrent use.
type Log struct {
	mu     sync.Mutex
	heard  []bus.Inventory
	caught int
}

// Hear is a handler for bus.Conn.Inventories.
func (l *Log) Hear(_ context.Context, inv bus.Inventory) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, inv)
}

// CaughtUp is the other one.
func (l *Log) CaughtUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.caught++
}

// Caught is how often CaughtUp was called.
func (l *Log) Caught() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.caught
}

// Heard is what came so far.
func (l *Log) Heard() []bus.Inventory {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard)
}

// Follow reads the inventories in the background until the test ends.
func Follow(t testing.TB, c *bus.Conn) *Log {
	t.Helper()
	l := &Log{}
	Background(t, func(ctx context.Context) error { return c.Inventories(ctx, l.Hear, l.CaughtUp) })
	return l
}

// Background runs f until the test ends; the returned function ends it earlier. An error of f fails the test.
func Background(t testing.TB, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, bus.ErrClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// Publish sends a revision and fails the test if that fails.
func Publish(t testing.TB, c *bus.Conn, inv bus.Inventory) bus.Ack {
	t.Helper()
	ack, err := c.PublishInventory(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// Contract is what every user of the bus may rely on. start makes a fresh bus for each part.
func Contract(t *testing.T, start func(testing.TB) Bus) {
	for _, part := range []struct {
		name string
		run  func(*testing.T, Bus, *bus.Conn)
	}{
		{"what is sent is what is read", sentIsRead},
		{"sending again stores nothing", againStoresNothing},
		{"a reader begins with the last of each site", lastOfEach},
		{"an assessment reaches its site, before and after it listens", assessmentReaches},
		{"an older assessment never follows a newer one", noOlderAssessment},
		{"the first assessment on a basis counts", oneOnABasis},
		{"batches come until they are acknowledged", batchesRepeat},
		{"a site is asked and answers", siteAnswers},
		{"a site cannot speak for another", siteIsConfined},
		{"a bucket keeps documents", bucketKeeps},
		{"a bucket refuses what it cannot keep", bucketRefuses},
		{"no write to a bucket is lost to another", bucketRaces},
		{"a watcher of a bucket knows what is in it", bucketWatch},
	} {
		t.Run(part.name, func(t *testing.T) {
			b := start(t)
			hub := b.Hub(t)
			if err := hub.EnsureStreams(t.Context(), b.Streams); err != nil {
				t.Fatal(err)
			}
			part.run(t, b, hub)
		})
	}
}

func sentIsRead(t *testing.T, b Bus, hub *bus.Conn) {
	l := Follow(t, hub)
	site := b.Site(t, "muc-01")
	sent := []bus.Inventory{
		Revision("muc-01", 1, 500),
		Revision("muc-01", 2, bus.CompressAbove+1000),
		Revision("muc-01", 3, 3<<20), // compresses well
		Incompressible("muc-01", 4, 3<<20),
	}
	for _, inv := range sent {
		ack := Publish(t, site, inv)
		if ack.Duplicate || ack.StreamSequence == 0 {
			t.Fatalf("receipt %+v", ack)
		}
	}
	Eventually(t, "all revisions", func() bool { return len(l.Heard()) >= len(sent) })
	for i, got := range l.Heard() {
		want := sent[i]
		if got.DecodeErr != nil {
			t.Fatalf("revision %s: %v", want.Revision, got.DecodeErr)
		}
		if got.Site != want.Site || got.Revision != want.Revision || !bytes.Equal(got.Body, want.Body) || got.Instance != want.Instance ||
			got.InstanceSequence != want.InstanceSequence || got.PlannerVersion != want.PlannerVersion {
			t.Errorf("revision %s came back changed", want.Revision)
		}
		if got.StreamSequence != uint64(i+1) || got.AcceptedAt.IsZero() || got.Protocol != bus.Protocol {
			t.Errorf("revision %s: sequence %d, accepted %s, protocol %d", want.Revision, got.StreamSequence, got.AcceptedAt, got.Protocol)
		}
	}
	Eventually(t, "caught up", func() bool { return l.Caught() == 1 })
	tooLarge := Incompressible("muc-01", 5, inventory.MaxDocument+100)
	if _, err := site.PublishInventory(t.Context(), tooLarge); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("document over the limit: %v", err)
	}
}

func againStoresNothing(t *testing.T, b Bus, hub *bus.Conn) {
	site := b.Site(t, "muc-01")
	one := Publish(t, site, Revision("muc-01", 1, 500))
	again := Publish(t, site, Revision("muc-01", 1, 500))
	if !again.Duplicate || again.StreamSequence != one.StreamSequence {
		t.Fatalf("first %+v, again %+v", one, again)
	}
	l := Follow(t, hub)
	Eventually(t, "caught up", func() bool { return l.Caught() == 1 })
	if n := len(l.Heard()); n != 1 {
		t.Fatalf("%d messages", n)
	}
}

func lastOfEach(t *testing.T, b Bus, hub *bus.Conn) {
	for n := 1; n <= 3; n++ {
		for _, site := range []string{"ber-02", "muc-01"} {
			Publish(t, b.Site(t, site), Revision(site, n, 300))
		}
	}
	l := Follow(t, hub)
	Eventually(t, "caught up", func() bool { return l.Caught() == 1 })
	var got []string
	for _, inv := range l.Heard() {
		got = append(got, inv.Site+" "+inv.Revision)
	}
	if want := []string{"ber-02 r00000003", "muc-01 r00000003"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if b.Restart != nil {
		b.Restart(t)
	}
	Eventually(t, "publish after the restart", func() bool {
		_, err := b.Hub(t).PublishInventory(t.Context(), Revision("muc-01", 4, 300))
		return err == nil
	})
	Eventually(t, "the next revision", func() bool { return len(l.Heard()) == 3 })
	if l.Caught() != 1 {
		t.Errorf("caught up %d times", l.Caught())
	}
}

func batchesRepeat(t *testing.T, b Bus, hub *bus.Conn) {
	const sent = 25
	for n := 1; n <= sent; n++ {
		Publish(t, hub, Revision("muc-01", n, 300))
	}
	var mu sync.Mutex
	seen := map[uint64]int{}
	failed := false
	read := func(_ context.Context, batch []bus.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if len(batch) > 10 {
			t.Errorf("batch of %d", len(batch))
		}
		if !failed {
			failed = true
			return errors.New("the database is away")
		}
		for _, m := range batch {
			seen[m.Sequence]++
			if m.DecodeErr != nil || m.Site != "muc-01" || m.Type != bus.TypeInventory || m.Stream != bus.StreamInventory || len(m.Body) == 0 || m.Revision == "" {
				t.Errorf("message %+v", m)
			}
		}
		return nil
	}
	stop := Background(t, func(ctx context.Context) error {
		return hub.Batches(ctx, bus.StreamInventory, "history", 10, 50*time.Millisecond, read)
	})
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(seen)
	}
	Eventually(t, "every message in spite of the failed batch", func() bool { return count() == sent })
	stop()
	Publish(t, hub, Revision("muc-01", sent+1, 300))
	Background(t, func(ctx context.Context) error {
		return b.Hub(t).Batches(ctx, bus.StreamInventory, "history", 10, 50*time.Millisecond, read)
	})
	Eventually(t, "the message sent meanwhile", func() bool { return count() == sent+1 })
	mu.Lock()
	defer mu.Unlock()
	for sequence, times := range seen {
		if times != 1 {
			t.Errorf("message %d came %d times after it was acknowledged", sequence, times)
		}
	}
}

func siteAnswers(t *testing.T, b Bus, hub *bus.Conn) {
	if _, err := hub.Request(t.Context(), "muc-01", bus.Request{Kind: bus.RequestRefresh}); !errors.Is(err, bus.ErrNoSite) {
		t.Fatalf("nobody listens: %v", err)
	}
	site := b.Site(t, "muc-01")
	Background(t, func(ctx context.Context) error {
		return site.Requests(ctx, "muc-01", func(_ context.Context, r bus.Request) bus.Reply {
			return bus.Reply{OK: true, Detail: string(r.Kind) + " " + r.Revision, Body: json.RawMessage(`{"queued":3}`)}
		})
	})
	var reply bus.Reply
	Eventually(t, "an answer", func() bool {
		var err error
		reply, err = hub.Request(t.Context(), "muc-01", bus.Request{Kind: bus.RequestResend, Revision: "r7"})
		return err == nil
	})
	if !reply.OK || reply.Detail != "resend r7" || string(reply.Body) != `{"queued":3}` {
		t.Fatalf("reply %+v", reply)
	}
	beats := make(chan bus.Heartbeat, 100)
	Background(t, func(ctx context.Context) error {
		return hub.Heartbeats(ctx, func(h bus.Heartbeat) {
			select {
			case beats <- h:
			default:
			}
		}, nil)
	})
	want := bus.Heartbeat{Site: "muc-01", Revision: "r7", InstanceSequence: 7, Instance: "i", PlannerVersion: "1.2.3", At: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Interval: inventory.Duration(time.Minute), Queued: 2, Dropped: 1}
	Eventually(t, "a heartbeat", func() bool {
		if err := site.PublishHeartbeat(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-beats:
			if got.AcceptedAt.IsZero() || got.Protocol != bus.Protocol {
				t.Fatalf("accepted at %s, protocol %d", got.AcceptedAt, got.Protocol)
			}
			got.AcceptedAt, got.Protocol = time.Time{}, 0
			if got != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			return true
		default:
			return false
		}
	})
}

func siteIsConfined(t *testing.T, b Bus, hub *bus.Conn) {
	site := b.Site(t, "muc-01")
	begin := time.Now()
	if _, err := site.PublishInventory(t.Context(), Revision("ber-02", 1, 300)); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("inventory of another site: %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the refusal took %s", took)
	}
	if err := site.WatchAssessment(t.Context(), "ber-02", func(bus.Assessment) {}); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("assessment of another site: %v", err)
	}
	if err := site.EnsureStreams(t.Context(), bus.StreamOptions{}); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("streams: %v", err)
	}
	if _, err := site.PublishAssessment(t.Context(), Judgement("muc-01", 1, 0, time.Now())); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("own assessment: %v", err)
	}
	for _, id := range []string{"", "*", ">", "a.b", "a b", "A", "-a", "muc-01.>", strings.Repeat("a", 64), "a\r\nPUB x"} {
		if _, err := hub.PublishInventory(t.Context(), Revision(id, 1, 300)); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("site id %q: %v", id, err)
		}
	}
}
