package bus_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// publishSurely repeats a publication until the stream has acknowledged it, as the planner's outbox does.
func publishSurely(t *testing.T, c *bus.Conn, inv bus.Inventory) {
	t.Helper()
	bustest.Eventually(t, "revision "+inv.Revision+" accepted", func() bool {
		_, err := c.PublishInventory(t.Context(), inv)
		if err != nil && !errors.Is(err, bus.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
}

func TestNothingIsLostOrDoubledOverThreeRestarts(t *testing.T) {
	const revisions, restarts = 500, 3
	s := bustest.Start(t)
	s.Hub(t)
	hub, sites := s.Connect(t), []*bus.Conn{s.Site(t, "muc-01"), s.Site(t, "ber-02")}
	if err := hub.EnsureStreams(t.Context(), bus.StreamOptions{InventoryPerSite: revisions}); err != nil {
		t.Fatal(err)
	}
	l := bustest.Follow(t, hub)
	bustest.Eventually(t, "caught up", func() bool { return l.Caught() == 1 })
	due := make(chan struct{}, restarts)
	var wg sync.WaitGroup
	for i, site := range []string{"muc-01", "ber-02"} {
		wg.Go(func() {
			for n := 1; n <= revisions/2; n++ {
				publishSurely(t, sites[i], bustest.Revision(site, n, 2000))
				if i == 0 && n%(revisions/2/(restarts+1)) == 0 && n < revisions/2 {
					select {
					case due <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	for range restarts {
		select {
		case <-due:
		case <-time.After(bustest.Patience):
			t.Fatal("the publishers stand still")
		}
		s.Restart(t)
	}
	wg.Wait()
	bustest.Eventually(t, "all revisions", func() bool { return len(l.Heard()) >= revisions })
	times := map[string]int{}
	last := map[string]uint64{}
	for _, inv := range l.Heard() {
		times[inv.Site+inv.Revision]++
		if inv.InstanceSequence != last[inv.Site]+1 {
			t.Errorf("site %s: revision %d after %d", inv.Site, inv.InstanceSequence, last[inv.Site])
		}
		last[inv.Site] = inv.InstanceSequence
	}
	for revision, n := range times {
		if n != 1 {
			t.Errorf("revision %s came %d times", revision, n)
		}
	}
	if len(times) != revisions || l.Caught() != 1 {
		t.Errorf("%d different revisions, want %d; caught up %d times", len(times), revisions, l.Caught())
	}
}

func TestReaderNoticesThatTheStreamLostItsEnd(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	for n := 1; n <= 3; n++ {
		bustest.Publish(t, hub, bustest.Revision("muc-01", n, 300))
	}
	s.Down(t)
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(s.Dir())); err != nil {
		t.Fatal(err)
	}
	s.Up(t)
	l := bustest.Follow(t, hub)
	for n := 4; n <= 8; n++ {
		publishSurely(t, hub, bustest.Revision("muc-01", n, 300))
	}
	bustest.Eventually(t, "revisions 3 to 8", func() bool { h := l.Heard(); return len(h) > 0 && h[len(h)-1].InstanceSequence == 8 })

	// The power fails: the server comes back as it was at revision 3, and its positions 4 to 8 go to other messages
	// before the reader is back.
	s.Down(t)
	if err := os.RemoveAll(s.Dir() + "/jetstream"); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.Dir()+"/jetstream", os.DirFS(backup+"/jetstream")); err != nil {
		t.Fatal(err)
	}
	heard := len(l.Heard())
	elsewhere, err := embedded.Start(t.Context(), embedded.Options{Dir: s.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	o := s.Options()
	o.URL = elsewhere.URL()
	writer := bustest.Dial(t, o)
	bustest.Publish(t, writer, bustest.Revision("ham-03", 1, 300)) // takes position 4, which the reader has passed
	for n := 101; n <= 109; n++ {
		bustest.Publish(t, writer, bustest.Revision("ber-02", n, 300))
	}
	bustest.Publish(t, writer, bustest.Revision("muc-01", 8, 300))
	writer.Close()
	if err := elsewhere.Close(); err != nil {
		t.Fatal(err)
	}
	s.Up(t)
	bustest.Eventually(t, "what took the lost positions", func() bool {
		rest := l.Heard()[heard:]
		return slices.ContainsFunc(rest, func(i bus.Inventory) bool { return i.Site == "ham-03" && i.StreamSequence == 4 }) &&
			slices.ContainsFunc(rest, func(i bus.Inventory) bool { return i.Site == "muc-01" && i.InstanceSequence == 8 })
	})
	if l.Caught() != 1 {
		t.Errorf("caught up %d times", l.Caught())
	}
}

// TestBucketWatcherNoticesThatTheBucketLostItsEnd: what was written after the last sync is gone after a power cut, and so
// it must be for everybody who mirrors the bucket.
func TestBucketWatcherNoticesThatTheBucketLostItsEnd(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	bucket, err := bus.OpenBucket[string](t.Context(), hub, bus.StreamOptions{}, bus.BucketOptions{Name: "words"})
	if err != nil {
		t.Fatal(err)
	}
	first, err := bucket.Create(t.Context(), "a", "1")
	if err != nil {
		t.Fatal(err)
	}
	s.Down(t)
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(s.Dir())); err != nil {
		t.Fatal(err)
	}
	s.Up(t)
	m := bustest.Mirror(t, bucket)
	bustest.Eventually(t, "caught up", func() bool { return m.Caught() == 1 })
	bustest.Eventually(t, "the writes that will be lost", func() bool {
		_, updated := bucket.Update(t.Context(), "a", "2", first.Revision)
		_, created := bucket.Create(t.Context(), "lost", "x")
		return (updated == nil || errors.Is(updated, bus.ErrConflict)) && (created == nil || errors.Is(created, bus.ErrConflict))
	})
	bustest.Eventually(t, "the writes are seen", func() bool { return m.Now()["a"] == "2" && m.Now()["lost"] == "x" })
	s.Down(t)
	if err := os.RemoveAll(s.Dir() + "/jetstream"); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.Dir()+"/jetstream", os.DirFS(backup+"/jetstream")); err != nil {
		t.Fatal(err)
	}
	s.Up(t)
	bustest.Eventually(t, "what is left", func() bool {
		now := m.Now()
		_, there := now["lost"]
		return now["a"] == "1" && !there
	})
	if m.Caught() != 1 {
		t.Errorf("caught up %d times", m.Caught())
	}
}

func TestReaderWaitsForAServerThatIsNotThere(t *testing.T) {
	s := bustest.Start(t)
	s.Hub(t)
	s.Down(t)
	o := s.Options()
	o.WaitConnected = false
	c := bustest.Dial(t, o)
	l := bustest.Follow(t, c)
	if _, err := c.PublishInventory(t.Context(), bustest.Revision("muc-01", 1, 300)); !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("publish without a server: %v", err)
	}
	if c.Connected() || l.Caught() != 0 {
		t.Fatal("connected to nothing")
	}
	s.Up(t)
	publishSurely(t, c, bustest.Revision("muc-01", 1, 300))
	bustest.Eventually(t, "the revision", func() bool { return len(l.Heard()) == 1 && l.Caught() == 1 })
}

func TestNothingIsSkippedAfterAnEmptyStart(t *testing.T) {
	s := bustest.Start(t)
	l := bustest.Follow(t, s.Hub(t))
	bustest.Eventually(t, "caught up", func() bool { return l.Caught() == 1 })
	s.Down(t)
	elsewhere, err := embedded.Start(t.Context(), embedded.Options{Dir: s.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	o := s.Options()
	o.URL = elsewhere.URL()
	writer := bustest.Dial(t, o)
	for n := 1; n <= 3; n++ {
		bustest.Publish(t, writer, bustest.Revision("muc-01", n, 300))
	}
	writer.Close()
	if err := elsewhere.Close(); err != nil {
		t.Fatal(err)
	}
	s.Up(t)
	bustest.Eventually(t, "all three", func() bool { return len(l.Heard()) == 3 })
}

func TestConnectThatMayNotWaitFails(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := bus.Connect(ctx, bus.Options{URL: "nats://127.0.0.1:1", WaitConnected: true})
	if !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if _, err := bus.Connect(t.Context(), bus.Options{}); !errors.Is(err, bus.ErrInvalid) {
		t.Fatalf("without URL: %v", err)
	}
}

func TestWrongCredentialIsDenied(t *testing.T) {
	s := bustest.Start(t)
	other := bustest.Start(t)
	o := s.Options()
	o.CredentialsFile = other.CredentialsFile()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := bus.Connect(ctx, o); !errors.Is(err, bus.ErrDenied) {
		t.Fatalf("a credential of another server: %v", err)
	}
	o.CredentialsFile = ""
	ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := bus.Connect(ctx, o); !errors.Is(err, bus.ErrDenied) {
		t.Fatalf("no credential: %v", err)
	}
}

func TestRevokedSiteIsRefusedAndComesBackWithANewCredential(t *testing.T) {
	s := bustest.Start(t)
	s.Hub(t)
	c := s.Site(t, "muc-01")
	bustest.Publish(t, c, bustest.Revision("muc-01", 1, 300))
	s.Revoke(t, "muc-01")
	bustest.Eventually(t, "the refusal in the status", func() bool { st := c.Status(); return !st.Connected && st.LastError != "" && st.Denied })
	if _, err := c.PublishInventory(t.Context(), bustest.Revision("muc-01", 2, 300)); !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
}

func TestClosedConnectionEndsItsReaders(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	words, err := bus.OpenBucket[string](t.Context(), hub, bus.StreamOptions{}, bus.BucketOptions{Name: "words"})
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]func(context.Context) error{
		"inventories": func(ctx context.Context) error {
			return hub.Inventories(ctx, func(context.Context, bus.Inventory) {}, nil)
		},
		"rejections": func(ctx context.Context) error {
			return hub.Rejections(ctx, func(context.Context, bus.Rejection) {}, nil)
		},
		"changes": func(ctx context.Context) error {
			return hub.Changes(ctx, 0, func(context.Context, bus.Change) {}, nil)
		},
		"assessments": func(ctx context.Context) error {
			return hub.Assessments(ctx, func(context.Context, bus.Assessment) {}, nil)
		},
		"heartbeats": func(ctx context.Context) error { return hub.Heartbeats(ctx, func(bus.Heartbeat) {}, nil) },
		"watch":      func(ctx context.Context) error { return hub.WatchAssessment(ctx, "muc-01", func(bus.Assessment) {}) },
		"watch rejections": func(ctx context.Context) error {
			return hub.WatchRejection(ctx, "muc-01", func(bus.Rejection) {})
		},
		"requests": func(ctx context.Context) error {
			return hub.Requests(ctx, "muc-01", func(context.Context, bus.Request) bus.Reply { return bus.Reply{} })
		},
		"bucket": func(ctx context.Context) error {
			return words.Watch(ctx, func(bus.Entry[string]) {}, nil)
		},
		"batches": func(ctx context.Context) error {
			return hub.Batches(ctx, bus.StreamChange, "history", 10, 20*time.Millisecond, func(context.Context, []bus.Message) error { return nil })
		},
	}
	type end struct {
		name string
		err  error
	}
	ends := make(chan end)
	for _, closing := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		for name, read := range readers {
			go func() { ends <- end{name, read(ctx)} }()
		}
		if closing {
			hub.Close()
		} else {
			cancel()
		}
		for range readers {
			select {
			case e := <-ends:
				if closing && !errors.Is(e.err, bus.ErrClosed) || !closing && e.err != nil {
					t.Errorf("%s, connection closed %t: %v", e.name, closing, e.err)
				}
			case <-time.After(bustest.Patience):
				t.Fatal("a reader does not end")
			}
		}
		cancel()
	}
}

func TestRejectionsAndChanges(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	site := s.Site(t, "muc-01")
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	heard := make(chan bus.Rejection, 10)
	bustest.Background(t, func(ctx context.Context) error {
		return site.WatchRejection(ctx, "muc-01", func(r bus.Rejection) { heard <- r })
	})
	want := bus.Rejection{Site: "muc-01", Revision: "r1", At: at, Sequence: 7, Body: []byte(`{"reason":"schema"}`)}
	for replica := range 2 {
		ack, err := hub.PublishRejection(t.Context(), want)
		if err != nil || ack.Duplicate != (replica == 1) {
			t.Fatalf("replica %d: %+v, %v", replica, ack, err)
		}
	}
	select {
	case got := <-heard:
		if got.DecodeErr != nil || got.Site != want.Site || got.Revision != want.Revision || got.Sequence != 7 || !got.At.Equal(at) || string(got.Body) != string(want.Body) {
			t.Errorf("the site heard %+v", got)
		}
	case <-time.After(bustest.Patience):
		t.Fatal("the site heard nothing")
	}
	for i, kind := range []string{"finding.opened", "site-added"} {
		if _, err := hub.PublishChange(t.Context(), bus.Change{ID: fmt.Sprint(i), Kind: kind, Site: "muc-01", At: at, Body: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []string{"", "a..b", "*", "a.>", "A", "a b"} {
		if _, err := hub.PublishChange(t.Context(), bus.Change{ID: "x", Kind: kind, Site: "muc-01", At: at, Body: []byte(`{}`)}); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("kind %q: %v", kind, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var changes []string
	if err := hub.Changes(ctx, 1, func(_ context.Context, ch bus.Change) {
		changes = append(changes, fmt.Sprint(ch.StreamSequence, " ", ch.Kind, " ", ch.Site, " ", ch.ID, " ", ch.DecodeErr))
	}, cancel); err != nil {
		t.Fatal(err)
	}
	if want := []string{"2 site-added muc-01 1 <nil>"}; !slices.Equal(changes, want) {
		t.Errorf("changes %v, want %v", changes, want)
	}
	var rejections int
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	if err := hub.Rejections(ctx, func(context.Context, bus.Rejection) { rejections++ }, cancel); err != nil {
		t.Fatal(err)
	}
	if rejections != 1 {
		t.Errorf("%d rejections", rejections)
	}
}

func TestWatchHearsTheLastAfterAnOutage(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	site := s.Site(t, "muc-01")
	var mu sync.Mutex
	var heard []string
	bustest.Background(t, func(ctx context.Context) error {
		return site.WatchAssessment(ctx, "muc-01", func(a bus.Assessment) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, a.Revision)
		})
	})
	last := func(revision string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(heard) > 0 && heard[len(heard)-1] == revision
		}
	}
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for n := 1; n <= 3; n++ {
		bustest.Eventually(t, "publish", func() bool {
			_, err := hub.PublishAssessment(t.Context(), bustest.Judgement("muc-01", n, uint64(n), at))
			return err == nil
		})
		bustest.Eventually(t, "the verdict", last(fmt.Sprintf("r%08d", n)))
		s.Restart(t)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(slices.Compact(slices.Clone(heard))) != len(heard) {
		t.Errorf("the same verdict twice in a row: %v", heard)
	}
}

func TestTraceContextTravels(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled})
	if _, err := hub.PublishInventory(trace.ContextWithSpanContext(t.Context(), sc), bustest.Revision("muc-01", 1, 300)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got trace.SpanContext
	if err := hub.Inventories(ctx, func(ctx context.Context, _ bus.Inventory) { got = trace.SpanContextFromContext(ctx) }, cancel); err != nil {
		t.Fatal(err)
	}
	if got.TraceID() != sc.TraceID() || got.SpanID() != sc.SpanID() || !got.IsRemote() {
		t.Fatalf("got %v", got)
	}
}

func TestLostPiecesMakeTheDocumentUnreadableAndNothingElse(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	if err := hub.EnsureStreams(t.Context(), bus.StreamOptions{InventoryPerSite: 1}); err != nil {
		t.Fatal(err)
	}
	// Pieces are kept for twice as many revisions as inventories; an inventory that was resent for ever would outlive its
	// pieces. Here the pieces of a pointer are pushed out by three documents whose pointers never arrived.
	bustest.Publish(t, hub, bustest.Incompressible("muc-01", 1, 2<<20))
	for n := 2; n <= 4; n++ {
		inv := bustest.Incompressible("muc-01", n, 2<<20)
		inv.Revision = "bad\nrevision" // refused after its pieces were sent
		if _, err := hub.PublishInventory(t.Context(), inv); !errors.Is(err, bus.ErrInvalid) {
			t.Fatalf("got %v", err)
		}
	}
	bustest.Publish(t, hub, bustest.Revision("ber-02", 1, 300))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	if err := hub.Inventories(ctx, func(_ context.Context, inv bus.Inventory) {
		got = append(got, fmt.Sprint(inv.Site, " ", errors.Is(inv.DecodeErr, bus.ErrUnreadable), " ", inv.Body == nil))
	}, cancel); err != nil {
		t.Fatal(err)
	}
	if want := []string{"muc-01 true true", "ber-02 false false"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestInvalidMessagesAreRefusedBeforeTheyLeave(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	for name, change := range map[string]func(*bus.Inventory){
		"no revision":       func(i *bus.Inventory) { i.Revision = "" },
		"line in header":    func(i *bus.Inventory) { i.PlannerVersion = "1\r\nx: y" },
		"long header":       func(i *bus.Inventory) { i.Instance = strings.Repeat("x", 2000) },
		"body is not JSON":  func(i *bus.Inventory) { i.Body = []byte("{") },
		"body is empty":     func(i *bus.Inventory) { i.Body = nil },
		"revision not text": func(i *bus.Inventory) { i.Revision = "r\x00" },
	} {
		inv := bustest.Revision("muc-01", 1, 300)
		change(&inv)
		if _, err := hub.PublishInventory(t.Context(), inv); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := hub.PublishAssessment(t.Context(), bus.Assessment{Site: "muc-01", Body: []byte("{}")}); !errors.Is(err, bus.ErrInvalid) {
		t.Errorf("no message id: %v", err)
	}
	if err := hub.Batches(t.Context(), bus.StreamChange, "a.b", 1, time.Second, nil); !errors.Is(err, bus.ErrInvalid) {
		t.Errorf("durable name with a dot: %v", err)
	}
}

func TestMissingStreamIsTold(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	if err := hub.EnsureStreams(t.Context(), bus.StreamOptions{VerifyOnly: true}); err != nil {
		t.Fatal(err)
	}
	other := bustest.Start(t).Connect(t)
	if err := other.EnsureStreams(t.Context(), bus.StreamOptions{VerifyOnly: true}); !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("no streams: %v", err)
	}
	if _, err := other.PublishInventory(t.Context(), bustest.Revision("muc-01", 1, 300)); !errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("publish without a stream: %v", err)
	}
}

// TestBacklogIsWholeWhileOthersWrite: a replica that starts while another one is at work gets the last message of every
// site before its backlog is through, however many are replaced at that moment.
func TestBacklogIsWholeWhileOthersWrite(t *testing.T) {
	const sites, rounds = 30, 40
	s := bustest.Start(t)
	writer, reading := s.Hub(t), s.Connect(t)
	write := func(ctx context.Context, sequence uint64) error {
		for i := range sites {
			_, err := writer.PublishAssessment(ctx, bus.Assessment{
				Site: fmt.Sprintf("site-%d", i), Revision: "r", MessageID: fmt.Sprintf("%d:%d", i, sequence), InventorySequence: sequence, Body: []byte(`{}`),
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := write(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() {
		var err error
		for n := uint64(2); ctx.Err() == nil && err == nil; n++ {
			err = write(ctx, n)
		}
		written <- err
	}()
	for round := range rounds {
		seen := map[string]bool{}
		if err := reading.LastAssessments(t.Context(), func(a bus.Assessment) { seen[a.Site] = true }); err != nil {
			t.Fatal(err)
		}
		if len(seen) != sites {
			t.Errorf("round %d: the backlog held %d of %d sites", round, len(seen), sites)
		}
	}
	cancel()
	if err := <-written; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
