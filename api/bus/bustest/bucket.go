package bustest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/meridian-federation/meridian/api/bus"
)

// note is the document of the suite's buckets.
type note struct {
	Text string `json:"text"`
	Pad  string `json:"pad,omitempty"`
}

func notes(t testing.TB, c *bus.Conn, b Bus, o bus.BucketOptions) *bus.Bucket[note] {
	t.Helper()
	o.Name = "notes"
	bucket, err := bus.OpenBucket[note](t.Context(), c, b.Streams, o)
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func must(t testing.TB) func(bus.Entry[note], error) bus.Entry[note] {
	t.Helper()
	return func(e bus.Entry[note], err error) bus.Entry[note] {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
}

func bucketKeeps(t *testing.T, b Bus, hub *bus.Conn) {
	bucket, other := notes(t, hub, b, bus.BucketOptions{History: 3, MaxValue: 100}), notes(t, b.Hub(t), b, bus.BucketOptions{History: 3, MaxValue: 100})
	if _, err := bucket.Get(t.Context(), "muc-01.a"); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("get of nothing: %v", err)
	}
	if list, err := bucket.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("list of nothing: %v, %v", list, err)
	}
	one := must(t)(bucket.Create(t.Context(), "muc-01.a", note{Text: "one"}))
	if _, err := other.Create(t.Context(), "muc-01.a", note{Text: "another"}); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("create of what is there: %v", err)
	}
	two := must(t)(other.Update(t.Context(), "muc-01.a", note{Text: "two"}, one.Revision))
	if _, err := bucket.Update(t.Context(), "muc-01.a", note{Text: "late"}, one.Revision); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("update of an old revision: %v", err)
	}
	if err := bucket.Delete(t.Context(), "muc-01.a", one.Revision); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("delete of an old revision: %v", err)
	}
	if _, err := bucket.Update(t.Context(), "ber-02", note{}, two.Revision); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("update of nothing: %v", err)
	}
	if got := must(t)(bucket.Get(t.Context(), "muc-01.a")); got.Value.Text != "two" || got.Revision != two.Revision || got.At.IsZero() {
		t.Errorf("got %+v", got)
	}
	must(t)(bucket.Create(t.Context(), "ber-02", note{Text: "b"}))
	if list, err := bucket.List(t.Context()); err != nil || len(list) != 2 || list[0].Key != "ber-02" || list[1].Value.Text != "two" {
		t.Errorf("list %+v, %v", list, err)
	}
	if err := bucket.Delete(t.Context(), "muc-01.a", two.Revision); err != nil {
		t.Error(err)
	}
	if _, err := other.Get(t.Context(), "muc-01.a"); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("get of what was deleted: %v", err)
	}
	if list, err := bucket.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("list after the deletion %+v, %v", list, err)
	}
	must(t)(bucket.Create(t.Context(), "muc-01.a", note{Text: "again"}))
	past, err := bucket.History(t.Context(), "muc-01.a")
	var told []string
	for _, e := range past {
		told = append(told, fmt.Sprint(e.Value.Text, " ", e.Deleted))
	}
	if want := []string{"two false", " true", "again false"}; err != nil || !slices.Equal(told, want) {
		t.Errorf("history %v, %v, want %v", told, err, want)
	}
}

func bucketRefuses(t *testing.T, b Bus, hub *bus.Conn) {
	bucket := notes(t, hub, b, bus.BucketOptions{MaxValue: 100})
	if _, err := bucket.Create(t.Context(), "a", note{Pad: strings.Repeat("x", 100)}); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("value over the limit: %v", err)
	}
	for _, key := range []string{"", "*", "a.>", ".a", "a.", "a..b", "a b", "ä", "a\r\nPUB x", strings.Repeat("a", 300)} {
		if _, err := bucket.Create(t.Context(), key, note{}); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("create %q: %v", key, err)
		}
		if _, err := bucket.Get(t.Context(), key); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("get %q: %v", key, err)
		}
		if _, err := bucket.History(t.Context(), key); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("history %q: %v", key, err)
		}
	}
	if _, err := bucket.Update(t.Context(), "a", note{}, 0); !errors.Is(err, bus.ErrInvalid) {
		t.Errorf("update without a revision: %v", err)
	}
	if err := bucket.Delete(t.Context(), "a", 0); !errors.Is(err, bus.ErrInvalid) {
		t.Errorf("delete without a revision: %v", err)
	}
	for _, o := range []bus.BucketOptions{{}, {Name: "A"}, {Name: "a.b"}, {Name: "a", History: 65}, {Name: "a", MaxValue: bus.MaxMessage + 1}} {
		if _, err := bus.OpenBucket[note](t.Context(), hub, b.Streams, o); !errors.Is(err, bus.ErrInvalid) {
			t.Errorf("options %+v: %v", o, err)
		}
	}
	verify := b.Streams
	verify.VerifyOnly = true
	if _, err := bus.OpenBucket[note](t.Context(), hub, verify, bus.BucketOptions{Name: "absent"}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("bucket that may not be created: %v", err)
	}
	// What somebody else wrote under the same key is told, not guessed at.
	odd, err := bus.OpenBucket[string](t.Context(), hub, b.Streams, bus.BucketOptions{Name: "notes", MaxValue: 100})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := odd.Create(t.Context(), "odd", "not a note"); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Get(t.Context(), "odd"); !errors.Is(err, bus.ErrUnreadable) {
		t.Errorf("unreadable value: %v", err)
	}
	if list, err := bucket.List(t.Context()); err != nil || len(list) != 1 || !errors.Is(list[0].Err, bus.ErrUnreadable) {
		t.Errorf("list with an unreadable value: %+v, %v", list, err)
	}
	site := b.Site(t, "muc-01")
	if _, err := bus.OpenBucket[note](t.Context(), site, b.Streams, bus.BucketOptions{Name: "notes"}); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("a site opens a bucket: %v", err)
	}
}

func bucketRaces(t *testing.T, b Bus, hub *bus.Conn) {
	const writers, rounds = 4, 25
	bucket := notes(t, hub, b, bus.BucketOptions{})
	must(t)(bucket.Create(t.Context(), "sum", note{}))
	var wg sync.WaitGroup
	for range writers {
		mine := notes(t, b.Hub(t), b, bus.BucketOptions{})
		wg.Go(func() {
			for added := 0; added < rounds; {
				e, err := mine.Get(t.Context(), "sum")
				if err == nil {
					_, err = mine.Update(t.Context(), "sum", note{Text: e.Value.Text + "x"}, e.Revision)
				}
				switch {
				case err == nil:
					added++
				case !errors.Is(err, bus.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := must(t)(bucket.Get(t.Context(), "sum")); len(got.Value.Text) != writers*rounds {
		t.Errorf("%d additions are left of %d", len(got.Value.Text), writers*rounds)
	}
}

func bucketWatch(t *testing.T, b Bus, hub *bus.Conn) {
	bucket := notes(t, hub, b, bus.BucketOptions{})
	a := must(t)(bucket.Create(t.Context(), "a", note{Text: "a1"}))
	must(t)(bucket.Create(t.Context(), "b", note{Text: "b1"}))
	gone := must(t)(bucket.Create(t.Context(), "gone", note{}))
	if err := bucket.Delete(t.Context(), "gone", gone.Revision); err != nil {
		t.Fatal(err)
	}
	m := Mirror(t, bucket)
	Eventually(t, "caught up", func() bool { return m.Caught() == 1 })
	if got := m.First(); !maps.Equal(got, map[string]note{"a": {Text: "a1"}, "b": {Text: "b1"}}) {
		t.Errorf("before it was caught up: %v", got)
	}
	must(t)(bucket.Update(t.Context(), "a", note{Text: "a2"}, a.Revision))
	Eventually(t, "the change", func() bool { return m.Now()["a"].Text == "a2" })
	if b.Restart != nil {
		b.Restart(t)
	}
	Eventually(t, "a write after the restart", func() bool {
		_, err := bucket.Create(t.Context(), "c", note{Text: "c1"})
		return err == nil || errors.Is(err, bus.ErrConflict)
	})
	e := must(t)(bucket.Get(t.Context(), "b"))
	if err := bucket.Delete(t.Context(), "b", e.Revision); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "what happened since", func() bool { return maps.Equal(m.Now(), map[string]note{"a": {Text: "a2"}, "c": {Text: "c1"}}) })
	if m.Caught() != 1 {
		t.Errorf("caught up %d times", m.Caught())
	}
}

// Reflection is what a watcher of a bucket built from what it was told. Safe for concurrent use.
type Reflection[T any] struct {
	mu     sync.Mutex
	now    map[string]T
	first  map[string]T
	caught int
}

// Mirror watches a bucket until the test ends.
func Mirror[T any](t testing.TB, bucket *bus.Bucket[T]) *Reflection[T] {
	t.Helper()
	r := &Reflection[T]{now: map[string]T{}}
	Background(t, func(ctx context.Context) error { return bucket.Watch(ctx, r.hear, r.caughtUp) })
	return r
}

func (r *Reflection[T]) hear(e bus.Entry[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Deleted {
		delete(r.now, e.Key)
	} else {
		r.now[e.Key] = e.Value
	}
}

func (r *Reflection[T]) caughtUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.caught++
	r.first = maps.Clone(r.now)
}

// Now is what the bucket holds as far as the watcher knows.
func (r *Reflection[T]) Now() map[string]T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.now)
}

// First is what was known when the watcher was caught up.
func (r *Reflection[T]) First() map[string]T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.first)
}

// Caught is how often the watcher was caught up.
func (r *Reflection[T]) Caught() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.caught
}
