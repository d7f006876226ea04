package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/federation/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// trail is one replica over the stream of a real bus, as the hub makes it.
func trail(t *testing.T, s *bustest.Server, kept int, logger *slog.Logger) *audit.Trail {
	t.Helper()
	conn := s.Connect(t)
	if err := conn.EnsureAudit(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	tr := audit.New(audit.Options{
		Append: func(ctx context.Context, id string, at time.Time, body []byte) error {
			_, err := conn.PublishAudit(ctx, bus.Audit{ID: id, At: at, Body: body})
			return err
		},
		Read: func(ctx context.Context, handler func([]byte, error), caughtUp func()) error {
			return conn.Audits(ctx, func(a bus.Audit) { handler(a.Body, a.DecodeErr) }, caughtUp)
		},
		Logger: logger, Kept: kept,
	})
	bustest.Background(t, tr.Run)
	<-tr.Ready()
	return tr
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func entry(n int) audit.Entry {
	at := start.Add(time.Duration(n) * time.Second)
	return audit.Entry{ID: audit.NewID(at), At: at, By: "p-1", Name: "Anna", Act: "approveWaiver", Outcome: audit.Done, Target: fmt.Sprint("w-", n), After: json.RawMessage(`{"n":1}`)}
}

func ids(list []audit.Entry) (out []string) {
	for i := range list {
		out = append(out, list[i].ID)
	}
	return out
}

// TestTwoReplicas: what either replica records both tell, newest first and once, and so does one that starts later.
func TestTwoReplicas(t *testing.T) {
	s := bustest.Start(t)
	s.Hub(t)
	one, two := trail(t, s, 0, quiet()), trail(t, s, 0, quiet())
	var want []string
	var mu sync.Mutex
	var group sync.WaitGroup
	for i, tr := range []*audit.Trail{one, two} {
		group.Go(func() {
			for n := range 10 {
				e := entry(2*n + i)
				if err := tr.Record(t.Context(), e); err != nil {
					t.Errorf("record: %v", err)
				}
				if n%3 == 0 { // Told again, as after an answer that got lost.
					if err := tr.Record(t.Context(), e); err != nil {
						t.Errorf("record again: %v", err)
					}
				}
				mu.Lock()
				want = append(want, e.ID)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	slices.Sort(want)
	slices.Reverse(want)
	for i, tr := range []*audit.Trail{one, two, trail(t, s, 0, quiet())} {
		bustest.Eventually(t, fmt.Sprintf("replica %d tells all", i), func() bool { return slices.Equal(ids(tr.Entries()), want) })
	}
	// The caller's copy is its own.
	list := one.Entries()
	list[0].Act = "forged"
	if one.Entries()[0].Act != "approveWaiver" {
		t.Error("a reader can change what is kept")
	}
}

// TestKept: a replica holds the newest only; the stream holds all.
func TestKept(t *testing.T) {
	s := bustest.Start(t)
	s.Hub(t)
	few, all := trail(t, s, 3, quiet()), trail(t, s, 0, quiet())
	var last []string
	for n := range 8 {
		e := entry(n)
		if err := few.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		last = append([]string{e.ID}, last...)
	}
	if got := ids(few.Entries()); !slices.Equal(got, last[:3]) {
		t.Errorf("kept are %v, want %v", got, last[:3])
	}
	bustest.Eventually(t, "the others hold all", func() bool { return slices.Equal(ids(all.Entries()), last) })
}

// TestNothingIsLostSilently: an entry that cannot be stored is an error and stands in the log as a whole; one that cannot be read is
// in the log, and those after it are told.
func TestNothingIsLostSilently(t *testing.T) {
	s := bustest.Start(t)
	hub := s.Hub(t)
	var log bytes.Buffer
	var mu sync.Mutex
	tr := trail(t, s, 0, slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(b)
	}), nil)))
	logged := func(text string) bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(log.String(), text)
	}
	if _, err := hub.PublishAudit(t.Context(), bus.Audit{ID: "odd", At: start, Body: []byte(`{"id":`)}); err != nil {
		t.Fatal(err)
	}
	good := entry(1)
	if err := tr.Record(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "what cannot be read is in the log", func() bool { return logged("cannot be read") })
	if got := ids(tr.Entries()); !slices.Equal(got, []string{good.ID}) {
		t.Errorf("told are %v", got)
	}
	s.Down(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	lost := entry(2)
	if err := tr.Record(ctx, lost); !errors.Is(err, bus.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("recorded without the bus: %v", err)
	}
	if !logged(lost.ID) || !logged("w-2") {
		t.Error("an entry that could not be stored is not in the log as a whole")
	}
	if got := ids(tr.Entries()); slices.Contains(got, lost.ID) {
		t.Error("what is not stored is told as if it were")
	}
	s.Up(t)
	bustest.Eventually(t, "entries are stored again", func() bool { return tr.Record(t.Context(), entry(3)) == nil })
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func TestIDsAscend(t *testing.T) {
	seen := map[string]bool{}
	last := ""
	for n := range 1000 {
		id := audit.NewID(start.Add(time.Duration(n)))
		if seen[id] || id <= last {
			t.Fatalf("%s after %s", id, last)
		}
		seen[id], last = true, id
	}
	if a, b := audit.NewID(start), audit.NewID(start); a == b {
		t.Error("two entries of one instant have one id")
	}
}
