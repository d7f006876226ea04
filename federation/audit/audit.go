// Package audit keeps who wrote what, when and why: one entry for each write that reached its operation, in a stream of
// which nothing can be deleted. It knows neither HTTP nor NATS; api/rest makes the entries, services/federation/hub runs it.
package audit

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Outcome is what became of a write.
type Outcome string

// Outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused" // the caller was told that it may not be, or not so
	Failed  Outcome = "failed"  // the server could not; whether something was written is in After
)

// Entry is one write. Before and After never hold a secret: the types they are made of have none.
type Entry struct {
	ID        string          `json:"id"`
	At        time.Time       `json:"at"`
	By        string          `json:"by,omitempty"` // stable id of the principal, empty for a login that failed
	Name      string          `json:"name,omitempty"`
	Role      string          `json:"role,omitempty"`
	Remote    string          `json:"remote,omitempty"` // address of the caller
	RequestID string          `json:"requestId,omitempty"`
	Act       string          `json:"act"` // operation of the contract
	Outcome   Outcome         `json:"outcome"`
	Status    int             `json:"status,omitempty"` // of the answer, where it was refused or failed
	Site      string          `json:"site,omitempty"`   // when it concerns one site
	Target    string          `json:"target,omitempty"` // id of what was written
	Why       string          `json:"why,omitempty"`    // the caller's reason, or why it was refused
	Before    json.RawMessage `json:"before,omitempty"`
	After     json.RawMessage `json:"after,omitempty"`
}

// NewID makes the id of an entry. Ids of one process ascend with time.
func NewID(at time.Time) string {
	return fmt.Sprintf("%016x-%s", at.UnixNano(), strings.ToLower(rand.Text()[:10]))
}

// Kept is how many entries a replica holds in memory, the newest. Older ones are in the stream and in the history.
const Kept = 100_000

// Options are what a Trail works with.
type Options struct {
	// Append stores an entry for good and returns once it is.
	Append func(ctx context.Context, id string, at time.Time, body []byte) error
	// Read tells of every stored entry from the beginning, oldest first, then of every new one, until the context ends.
	Read   func(ctx context.Context, handler func(body []byte, err error), caughtUp func()) error
	Logger *slog.Logger
	Kept   int // 0 means Kept
}

// Trail is one replica's view of the audit. Run keeps it current.
type Trail struct {
	o     Options
	ready chan struct{}

	mu      sync.Mutex
	entries []Entry // oldest first
	known   map[string]struct{}
	total   int
}

// New prepares a trail.
func New(o Options) *Trail {
	if o.Kept == 0 {
		o.Kept = Kept
	}
	return &Trail{o: o, ready: make(chan struct{}), known: map[string]struct{}{}}
}

// Run works until the context ends, which is no error.
func (t *Trail) Run(ctx context.Context) error {
	return t.o.Read(ctx, func(body []byte, err error) {
		var e Entry
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		if err != nil {
			t.o.Logger.Error("an entry of the audit cannot be read", "error", err)
			return
		}
		t.add(e)
	}, func() { close(t.ready) })
}

// Ready closes when the stored entries are known.
func (t *Trail) Ready() <-chan struct{} { return t.ready }

func (t *Trail) add(e Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.known[e.ID]; ok {
		return
	}
	t.known[e.ID] = struct{}{}
	t.total++
	t.entries = append(t.entries, e)
	if over := len(t.entries) - t.o.Kept; over > 0 {
		for _, old := range t.entries[:over] {
			delete(t.known, old.ID)
		}
		t.entries = slices.Delete(t.entries, 0, over)
	}
}

// Record stores an entry. An error means that it may not be stored; the whole entry is in the log then.
func (t *Trail) Record(ctx context.Context, e Entry) error {
	body, err := json.Marshal(e)
	if err == nil {
		err = t.o.Append(ctx, e.ID, e.At, body)
	}
	if err != nil {
		t.o.Logger.ErrorContext(ctx, "an entry could not be appended to the audit", "entry", string(body), "error", err)
		return fmt.Errorf("append to the audit: %w", err)
	}
	t.add(e)
	return nil
}

// Entries returns the entries in memory, newest first.
func (t *Trail) Entries() []Entry {
	t.mu.Lock()
	out := slices.Clone(t.entries)
	t.mu.Unlock()
	slices.SortStableFunc(out, func(a, b Entry) int { return strings.Compare(b.ID, a.ID) })
	return out
}
