package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/queue"
	"github.com/meridian-federation/meridian/federation/notify"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that tests set. Safe for concurrent use.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// world is what replicas of one test share.
type world struct {
	server *bustest.Server
	clock  *clock
	counts notify.Counts
	allow  []netip.Prefix
	tuning notify.Tuning
	queue  queue.Options
	folder string // of secrets

	mu   sync.Mutex
	acts []notify.Act
	logs strings.Builder

	sequence uint64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		server: bustest.Start(t), clock: newClock(), allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, folder: t.TempDir(),
		tuning: notify.Tuning{Timeout: 3 * time.Second, FirstRetry: 10 * time.Millisecond, MaxRetry: 50 * time.Millisecond, Attempts: 6, Tick: 20 * time.Millisecond},
		queue:  queue.Options{Lease: 2 * time.Second},
	}
}

func (w *world) audit(_ context.Context, a notify.Act) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acts = append(w.acts, a)
}

// Write implements io.Writer for the log.
func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logs.Write(b)
}

func (w *world) written() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	acts, _ := json.Marshal(w.acts)
	return w.logs.String() + string(acts)
}

// replica is one service on a connection of its own.
type replica struct {
	*notify.Service
	stores notify.Stores
	conn   *bus.Conn
	stop   func()
}

func (w *world) replica(t *testing.T) *replica {
	t.Helper()
	conn := w.server.Connect(t)
	stores, err := notify.Open(t.Context(), conn, bus.StreamOptions{}, w.queue)
	if err != nil {
		t.Fatal(err)
	}
	s, err := notify.New(notify.Options{
		Stores: stores, Key: []byte(strings.Repeat("k", notify.KeySize)), Secrets: w.folder, Link: "https://meridian.example.com",
		Site: func(id string) (notify.Site, bool) {
			return notify.Site{Name: "Plant " + id, Country: "DE", Regions: []string{"westeurope"}, Tags: map[string]string{"division": "drives"}}, true
		},
		Count: func(string) (notify.Counts, error) { return w.counts, nil },
		Audit: w.audit, Allow: w.allow, Now: w.clock.Now, Logger: logger(w), Tuning: w.tuning, Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{Service: s, stores: stores, conn: conn, stop: bustest.Background(t, s.Run)}
	select {
	case <-s.Ready():
	case <-time.After(bustest.Patience):
		t.Fatal("the service is not ready")
	}
	return r
}

// kill ends a replica without a word to anybody.
func (r *replica) kill() {
	r.conn.Close()
	r.stop()
}

func person() notify.Person { return notify.Person{ID: "p1", Name: "Ada"} }

// webhook creates one and waits until the replicas know it.
func (r *replica) webhook(t *testing.T, url string, f func(*notify.Change), others ...*replica) (notify.Entry, []byte) {
	t.Helper()
	c := notify.Change{Spec: notify.Spec{Name: "hook", Events: notify.Kinds()}, URL: url, Enabled: true}
	if f != nil {
		f(&c)
	}
	e, secret, err := r.Create(t.Context(), person(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range append(others, r) {
		bustest.Eventually(t, "the webhook is known", func() bool { return x.Knows(e.ID, e.Revision) })
	}
	if secret == "" {
		return e, nil
	}
	raw, err := notify.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return e, raw
}

// received is one request that a receiver got.
type received struct {
	header http.Header
	body   []byte
}

// receiver is a real HTTP server that keeps what it accepted.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	accepted []received
	requests int
	answer   func(n int, w http.ResponseWriter, r *http.Request) bool // true accepts; nil accepts all
}

func newReceiver(t *testing.T, answer func(int, http.ResponseWriter, *http.Request) bool) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.requests++
	n := r.requests
	r.mu.Unlock()
	if r.answer != nil && !r.answer(n, w, req) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted = append(r.accepted, received{req.Header, body})
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.accepted)
}

// envelope is a CloudEvent in structured mode.
type envelope struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Subject string          `json:"subject"`
	Data    json.RawMessage `json:"data"`
}

func (r *receiver) events(t *testing.T) []envelope {
	t.Helper()
	var out []envelope
	for _, a := range r.all() {
		var e envelope
		if err := json.Unmarshal(a.body, &e); err != nil {
			t.Fatalf("%v: %s", err, a.body)
		}
		out = append(out, e)
	}
	return out
}

// told is what the receiver accepted, in order, without repetitions.
func (r *receiver) told(t *testing.T) []string {
	t.Helper()
	var out []string
	seen := map[string]bool{}
	for _, e := range r.events(t) {
		if !seen[e.ID] {
			seen[e.ID] = true
			out = append(out, e.ID)
		}
	}
	return out
}

// finding is one that fails, or is unknown or waived.
func finding(site, id string, change ...func(*rules.Finding)) rules.Finding {
	f := rules.Finding{
		ID: id, Rule: "COL-001", Title: "Database in another region", Verdict: rules.Fail, Severity: rules.High, Confidence: rules.Official,
		Subject: rules.Subject{Site: site, Cluster: "prod"}, Message: "Foundation is in westeurope, its database in northeurope.", Remedy: "Move the database.",
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func unknown(f *rules.Finding) { f.Verdict = rules.Unknown }
func low(f *rules.Finding)     { f.Severity = rules.Low }
func waived(f *rules.Finding) {
	f.Waiver = &rules.Waiver{ID: "w1", Reason: "maintenance", Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func assessed(site string, sequence uint64, at time.Time, findings ...rules.Finding) notify.Assessed {
	return notify.Assessed{Site: site, Sequence: sequence, Assessment: &assess.Assessment{
		At: at, Findings: findings, Clusters: []assess.Cluster{{Site: site, Cluster: "prod", Regions: assess.Regions{ThingWorx: []string{"westeurope"}}}},
	}}
}

// kinds are those of what the receiver accepted, without what came again after a kill.
func kinds(t *testing.T, r *receiver) []string {
	t.Helper()
	var out []string
	seen := map[string]bool{}
	for _, e := range r.events(t) {
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(e.Type, "meridian."), ".v1"))
	}
	return out
}

func eventually(t *testing.T, what string, got func() any, want any) {
	t.Helper()
	w := fmt.Sprint(want)
	defer func() {
		if t.Failed() {
			t.Logf("%s: got %v, want %s", what, got(), w)
		}
	}()
	bustest.Eventually(t, what, func() bool { return fmt.Sprint(got()) == w })
}

// next counts positions in the stream of assessments.
func (w *world) next() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sequence++
	return w.sequence
}
