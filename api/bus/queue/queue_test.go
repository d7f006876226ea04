package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/queue"
)

func open(t *testing.T, c *bus.Conn, o queue.Options) *queue.Queue {
	t.Helper()
	o.Name = "work"
	q, err := queue.Open(t.Context(), c, bus.StreamOptions{}, o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func put(t *testing.T, q *queue.Queue, lane, id string) {
	t.Helper()
	if err := q.Put(t.Context(), lane, id, []byte(id)); err != nil {
		t.Fatal(err)
	}
}

// log is what workers were handed.
type log struct {
	mu   sync.Mutex
	seen []string
}

func (l *log) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, s)
}

func (l *log) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

func work(t *testing.T, q *queue.Queue, lane string, f func(context.Context, queue.Entry) queue.Outcome) {
	t.Helper()
	bustest.Background(t, func(ctx context.Context) error { return q.Work(ctx, lane, f) })
}

// TestInOrderOverAttemptsWorkersAndARestart: two workers of two connections, every third entry fails twice, the server is
// restarted in the middle. Each entry is done once, in order.
func TestInOrderOverAttemptsWorkersAndARestart(t *testing.T) {
	server := bustest.Start(t)
	a, b := open(t, server.Connect(t), queue.Options{Lease: 2 * time.Second}), open(t, server.Connect(t), queue.Options{Lease: 2 * time.Second})
	const entries = 30
	var want []string
	for i := range entries {
		want = append(want, strconv.Itoa(i))
		put(t, a, "one", strconv.Itoa(i))
		put(t, b, "one", strconv.Itoa(i))
	}
	var done, attempts log
	handle := func(_ context.Context, e queue.Entry) queue.Outcome {
		id := string(e.Body)
		attempts.add(fmt.Sprint(id, "/", e.Attempt))
		if n, _ := strconv.Atoi(id); n%3 == 0 && e.Attempt < 3 {
			return queue.Outcome{Again: 20 * time.Millisecond}
		}
		done.add(id)
		return queue.Outcome{Done: true}
	}
	work(t, a, "one", handle)
	work(t, b, "one", handle)
	bustest.Eventually(t, "ten are done", func() bool { return len(done.all()) >= 10 })
	server.Restart(t)
	bustest.Eventually(t, "all are done", func() bool { return len(done.all()) >= entries })
	// What was done while the server went down may be handed out once more; nothing else may.
	if got := slices.Compact(done.all()); !slices.Equal(got, want) {
		t.Errorf("done %v", got)
	}
	bustest.Eventually(t, "the lane is empty", func() bool {
		n, err := a.Waiting(t.Context(), "one")
		return err == nil && n == 0
	})
	if !slices.Contains(attempts.all(), "3/3") {
		t.Errorf("attempts are not counted: %v", attempts.all())
	}
}

func TestALaneDoesNotWaitForAnother(t *testing.T) {
	q := open(t, bustest.Start(t).Connect(t), queue.Options{})
	put(t, q, "slow", "a")
	put(t, q, "quick", "b")
	var done log
	work(t, q, "slow", func(ctx context.Context, _ queue.Entry) queue.Outcome {
		<-ctx.Done()
		return queue.Outcome{}
	})
	work(t, q, "quick", func(_ context.Context, e queue.Entry) queue.Outcome {
		done.add(string(e.Body))
		return queue.Outcome{Done: true}
	})
	bustest.Eventually(t, "the quick lane", func() bool { return slices.Equal(done.all(), []string{"b"}) })
}

// TestAWorkerThatDies: its entry goes to another one after the lease.
func TestAWorkerThatDies(t *testing.T) {
	server := bustest.Start(t)
	first, second := server.Connect(t), open(t, server.Connect(t), queue.Options{Lease: time.Second})
	dying := open(t, first, queue.Options{Lease: time.Second})
	put(t, second, "one", "a")
	taken := make(chan struct{})
	go func() {
		_ = dying.Work(t.Context(), "one", func(context.Context, queue.Entry) queue.Outcome {
			first.Close() // as a kill would
			close(taken)
			return queue.Outcome{Done: true}
		})
	}()
	<-taken
	var done log
	work(t, second, "one", func(_ context.Context, e queue.Entry) queue.Outcome {
		done.add(fmt.Sprint(string(e.Body), "/", e.Attempt))
		return queue.Outcome{Done: true}
	})
	bustest.Eventually(t, "the entry comes again", func() bool { return slices.Equal(done.all(), []string{"a/2"}) })
}

func TestAFullLaneAndARemovedOne(t *testing.T) {
	q := open(t, bustest.Start(t).Connect(t), queue.Options{PerLane: 2})
	put(t, q, "one", "a")
	put(t, q, "one", "b")
	if err := q.Put(t.Context(), "one", "c", nil); !errors.Is(err, bus.ErrFull) {
		t.Errorf("a third entry: %v", err)
	}
	put(t, q, "two", "a")
	if err := q.Remove(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	for lane, want := range map[string]int{"one": 0, "two": 1} {
		if n, err := q.Waiting(t.Context(), lane); err != nil || n != want {
			t.Errorf("lane %s holds %d, %v; want %d", lane, n, err, want)
		}
	}
	for _, lane := range []string{"", "a.b", "*", ">", "a b"} {
		if err := q.Put(t.Context(), lane, "x", nil); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("lane %q: %v", lane, err)
		}
	}
}
