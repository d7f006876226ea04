package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a clock that stands still until it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)} }

func must(t testing.TB, o Options) *Box {
	t.Helper()
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func add(t testing.TB, b *Box, n int) Entry {
	t.Helper()
	e, added, err := b.Add(revision(n), body(n))
	if err != nil || !added {
		t.Fatalf("add %d: %t, %v", n, added, err)
	}
	return e
}

func revision(n int) string { return fmt.Sprintf("r%04d", n) }
func body(n int) []byte     { return fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, n, strings.Repeat("x", n%50)) }

// drain acknowledges everything in order and returns the revisions.
func drain(t testing.TB, b *Box) []string {
	t.Helper()
	var out []string
	for {
		e, ok, err := b.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return out
		}
		out = append(out, e.Revision)
		if err := b.Acknowledge(e.Sequence, uint64(len(out))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOrderAndContentOutliveAReopening(t *testing.T) {
	o := Options{Dir: filepath.Join(t.TempDir(), "outbox"), Now: newClock().now}
	b := must(t, o)
	instance := b.Instance()
	var want []string
	for n := 1; n <= 30; n++ {
		if e := add(t, b, n); e.Sequence != uint64(n) {
			t.Fatalf("sequence %d, want %d", e.Sequence, n)
		}
		want = append(want, revision(n))
		if n%7 == 0 {
			b = must(t, o)
		}
	}
	e, ok, err := b.Next()
	if err != nil || !ok || !bytes.Equal(e.Body, body(1)) || e.QueuedAt.IsZero() {
		t.Fatalf("next %+v, %t, %v", e, ok, err)
	}
	if got := drain(t, b); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	b = must(t, o)
	if got := drain(t, b); got != nil {
		t.Fatalf("acknowledged revisions come again: %v", got)
	}
	if e := add(t, b, 31); e.Sequence != 31 || b.Instance() != instance || instance == "" {
		t.Fatalf("sequence %d, instance %q before %q", e.Sequence, b.Instance(), instance)
	}
}

func TestSameRevisionIsNotQueuedTwiceInARow(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	b := must(t, o)
	add(t, b, 1)
	for range 2 {
		if e, added, err := b.Add(revision(1), body(1)); err != nil || added || e.Sequence != 1 {
			t.Fatalf("again: %+v, %t, %v", e, added, err)
		}
		b = must(t, o)
	}
	drain(t, b)
	if _, added, err := b.Add(revision(1), body(1)); err != nil || added {
		t.Fatalf("again after its acknowledgement: %t, %v", added, err)
	}
	add(t, b, 2)
	if e := add(t, b, 1); e.Sequence != 3 {
		t.Fatalf("a return to an earlier content is a revision of its own, got %d", e.Sequence)
	}
}

func TestAcknowledgedRevisionsStayForAWhile(t *testing.T) {
	c := newClock()
	o := Options{Dir: t.TempDir(), Now: c.now, Keep: 5 * time.Minute}
	b := must(t, o)
	for n := 1; n <= 3; n++ {
		add(t, b, n)
	}
	drain(t, b)
	c.at = c.at.Add(4 * time.Minute)
	add(t, b, 4)
	if s := b.Stats(); s.Kept != 3 || s.Queued != 1 {
		t.Fatalf("after four minutes: %+v", s)
	}
	c.at = c.at.Add(time.Minute)
	add(t, b, 5)
	if s := b.Stats(); s.Kept != 1 || s.Queued != 2 {
		t.Fatalf("after five minutes only the last acknowledged one stays: %+v", s)
	}
	if e, ok := b.LastAcknowledged(); !ok || e.Revision != revision(3) || e.StreamSequence != 3 {
		t.Fatalf("last acknowledged %+v, %t", e, ok)
	}
}

func TestRequeue(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	b := must(t, o)
	if n, err := b.Requeue(""); n != 0 || err != nil {
		t.Fatalf("empty: %d, %v", n, err)
	}
	for n := 1; n <= 4; n++ {
		add(t, b, n)
	}
	drain(t, b)
	add(t, b, 5)
	for _, c := range []struct {
		from string
		n    int
		want []string
	}{
		{revision(3), 2, []string{revision(3), revision(4), revision(5)}},
		{"", 1, []string{revision(5)}},
		{"unknown", 1, []string{revision(5)}},
		{revision(1), 5, []string{revision(1), revision(2), revision(3), revision(4), revision(5)}},
	} {
		n, err := b.Requeue(c.from)
		if err != nil || n != c.n {
			t.Fatalf("from %q: %d, %v, want %d", c.from, n, err, c.n)
		}
		b = must(t, o)
		if got := drain(t, b); !slices.Equal(got, c.want) {
			t.Fatalf("from %q: %v, want %v", c.from, got, c.want)
		}
	}
}

func TestWhatDoesNotFitIsDroppedOldestFirstAndCounted(t *testing.T) {
	for name, o := range map[string]Options{
		"by number": {MaxEntries: 5},
		"by bytes":  {MaxBytes: 5*int64(recordSize(t)) + 10},
	} {
		t.Run(name, func(t *testing.T) {
			o.Dir = t.TempDir()
			b := must(t, o)
			for n := 100; n < 108; n++ {
				if _, _, err := b.Add(revision(n), []byte(`{"fixed":"size"}`)); err != nil {
					t.Fatal(err)
				}
			}
			if s := b.Stats(); s.Dropped != 3 || s.Queued != 5 {
				t.Fatalf("%+v", s)
			}
			b = must(t, o)
			if s := b.Stats(); s.Dropped != 3 {
				t.Fatalf("after reopening: %+v", s)
			}
			if got, want := drain(t, b), []string{"r0103", "r0104", "r0105", "r0106", "r0107"}; !slices.Equal(got, want) {
				t.Fatalf("left %v, want %v", got, want)
			}
			// Acknowledged ones make room before anything is lost.
			for n := 108; n < 112; n++ {
				if _, _, err := b.Add(revision(n), []byte(`{"fixed":"size"}`)); err != nil {
					t.Fatal(err)
				}
			}
			if s := b.Stats(); s.Dropped != 3 || s.Queued != 4 || s.Kept != 1 {
				t.Fatalf("acknowledged ones first: %+v", s)
			}
		})
	}
}

func recordSize(t *testing.T) int {
	t.Helper()
	r, err := encodeRecord(Entry{Sequence: 5, Revision: revision(100), QueuedAt: time.Now().UTC().Truncate(time.Second).Add(123456789)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return len(r) + len(`{"fixed":"size"}`)
}

func TestCrashWhileDroppingCountsOnce(t *testing.T) {
	o := Options{Dir: t.TempDir(), MaxEntries: 3}
	b := must(t, o)
	for n := 1; n <= 3; n++ {
		add(t, b, n)
	}
	// The count is written, the process dies before the file goes.
	h := b.head
	h.Dropped, h.DroppedThrough = 1, 1
	if err := b.writeHead(h); err != nil {
		t.Fatal(err)
	}
	b = must(t, o)
	if s := b.Stats(); s.Dropped != 1 || s.Queued != 2 {
		t.Fatalf("%+v", s)
	}
	add(t, b, 4)
	if s := b.Stats(); s.Dropped != 1 || s.Queued != 3 {
		t.Fatalf("%+v", s)
	}
}

// TestTruncatedAtEveryByte cuts each file of an outbox at every length and reopens it. What is whole stays, in order and
// unchanged; what is not is never returned.
func TestTruncatedAtEveryByte(t *testing.T) {
	source := t.TempDir()
	b := must(t, Options{Dir: source})
	for n := 1; n <= 4; n++ {
		add(t, b, n)
	}
	if err := b.Acknowledge(1, 10); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		whole, err := os.ReadFile(filepath.Join(source, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		cut, isRecord := parseName(f.Name())
		for length := range len(whole) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(dir, f.Name()), int64(length)); err != nil {
				t.Fatal(err)
			}
			b := must(t, Options{Dir: dir})
			var want []string
			for n := 2; n <= 4; n++ {
				if !isRecord || cut.Sequence != uint64(n) {
					want = append(want, revision(n))
				}
			}
			for _, r := range want {
				e, ok, err := b.Next()
				if err != nil || !ok || e.Revision != r || !bytes.Equal(e.Body, body(int(e.Sequence))) {
					t.Fatalf("%s cut to %d of %d bytes: got %q %t %v, want %s", f.Name(), length, len(whole), e.Revision, ok, err, r)
				}
				if err := b.Acknowledge(e.Sequence, 1); err != nil {
					t.Fatal(err)
				}
			}
			if e, ok, err := b.Next(); ok || err != nil {
				t.Fatalf("%s cut to %d bytes: more came: %+v %v", f.Name(), length, e, err)
			}
			damaged := isRecord || length < len(whole)-1 // the last byte of the head is a line end
			if s := b.Stats(); (s.Damaged == 1) != damaged {
				t.Fatalf("%s cut to %d bytes: %+v", f.Name(), length, s)
			}
			if e := add(t, b, 5); e.Sequence < 5 {
				t.Fatalf("%s cut to %d bytes: sequence %d is used twice", f.Name(), length, e.Sequence)
			}
		}
	}
}

// TestDyingAtAnyInstantOfAdd leaves behind what the file system may hold when the process dies between two calls of Add.
func TestDyingAtAnyInstantOfAdd(t *testing.T) {
	dir := t.TempDir()
	b := must(t, Options{Dir: dir})
	add(t, b, 1)
	record, err := encodeRecord(Entry{Sequence: 2, Revision: revision(2), QueuedAt: time.Now()}, body(2))
	if err != nil {
		t.Fatal(err)
	}
	whole := append(record, body(2)...)
	for length := range len(whole) + 1 {
		if err := os.WriteFile(filepath.Join(dir, partPrefix+"part-1"), whole[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		b := must(t, Options{Dir: dir})
		if s := b.Stats(); s.Queued != 1 || s.Damaged != 0 {
			t.Fatalf("%d bytes were written: %+v", length, s)
		}
		if left, err := filepath.Glob(filepath.Join(dir, partPrefix+"*")); err != nil || len(left) != 0 {
			t.Fatalf("left over: %v %v", left, err)
		}
	}
}

func TestSequencesAreNeverUsedTwice(t *testing.T) {
	dir := t.TempDir()
	b := must(t, Options{Dir: dir})
	for n := 1; n <= 70; n++ {
		add(t, b, n)
	}
	records, err := filepath.Glob(filepath.Join(dir, "*.queued"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := os.Remove(r); err != nil {
			t.Fatal(err)
		}
	}
	instance := b.Instance()
	b = must(t, Options{Dir: dir})
	if e := add(t, b, 71); e.Sequence <= 70 || b.Instance() != instance {
		t.Fatalf("sequence %d of instance %s after %s", e.Sequence, b.Instance(), instance)
	}
}

func TestFullDiskKeepsWhatIsThere(t *testing.T) {
	b := must(t, Options{Dir: t.TempDir()})
	add(t, b, 1)
	write := b.write
	b.write = func(path string, _ ...[]byte) error {
		return diskFull(&os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC})
	}
	_, added, err := b.Add(revision(2), body(2))
	if !errors.Is(err, ErrDiskFull) || added || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("got %t, %v", added, err)
	}
	b.write = write
	if e := add(t, b, 2); e.Sequence != 2 {
		t.Fatalf("sequence %d", e.Sequence)
	}
	if got := drain(t, b); !slices.Equal(got, []string{revision(1), revision(2)}) {
		t.Fatalf("got %v", got)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no directory": {},
		"no room":      {Dir: t.TempDir(), MaxEntries: 1},
		"short keep":   {Dir: t.TempDir(), Keep: time.Minute},
		"not a folder": {Dir: "/dev/null/x"},
	} {
		if _, err := Open(o); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	b := must(t, Options{Dir: t.TempDir(), MaxBytes: 1000})
	if _, _, err := b.Add("r", make([]byte, 2000)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a document larger than the outbox: %v", err)
	}
	if _, _, err := b.Add(strings.Repeat("r", 5000), nil); err == nil {
		t.Error("a name of 5,000 bytes was taken")
	}
	if _, ok := b.Last(); ok {
		t.Error("an empty outbox has a last entry")
	}
	if err := b.Acknowledge(99, 1); err != nil {
		t.Errorf("acknowledging what is gone: %v", err)
	}
}

func TestDamageWhileRunning(t *testing.T) {
	dir := t.TempDir()
	b := must(t, Options{Dir: dir})
	for n := 1; n <= 3; n++ {
		add(t, b, n)
	}
	if err := os.WriteFile(b.path(Entry{Sequence: 1}), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.path(Entry{Sequence: 3}), b.path(Entry{Sequence: 2})); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, b); got != nil {
		t.Fatalf("damaged, replaced and missing files were sent: %v", got)
	}
	if _, ok := b.Last(); ok {
		t.Fatal("a missing file was read")
	}
	if s := b.Stats(); s.Damaged != 3 || s.Queued != 0 || s.Bytes != 0 {
		t.Fatalf("%+v", s)
	}
}

// TestModel compares an outbox that is reopened at random with the list it should be.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "model")
		if err != nil {
			rt.Fatal(err)
		}
		c := newClock()
		o := Options{Dir: dir, MaxEntries: 6, Now: c.now}
		b := must(t, o)
		var queued []string
		var dropped uint64
		kept, n := 0, 0
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 2).Draw(rt, "step") {
			case 0:
				n++
				add(t, b, n)
				if len(queued)+kept == o.MaxEntries {
					if kept > 1 {
						kept--
					} else if kept == 1 && len(queued) == o.MaxEntries-1 {
						// The last acknowledged entry is older than all queued ones and goes before any of them.
						kept = 0
					} else {
						queued, dropped = queued[1:], dropped+1
					}
				}
				queued = append(queued, revision(n))
			case 1:
				e, ok, err := b.Next()
				if err != nil || ok != (len(queued) > 0) || ok && e.Revision != queued[0] {
					rt.Fatalf("next %q %t %v, want %v", e.Revision, ok, err, queued)
				}
				if ok {
					if err := b.Acknowledge(e.Sequence, 1); err != nil {
						rt.Fatal(err)
					}
					queued, kept = queued[1:], kept+1
				}
			case 2:
				b = must(t, o)
			}
			if s := b.Stats(); s.Queued != len(queued) || s.Dropped != dropped || s.Kept != kept || s.Damaged != 0 {
				rt.Fatalf("%+v, want %d queued, %d kept, %d dropped", s, len(queued), kept, dropped)
			}
		}
		if got := drain(t, b); !slices.Equal(got, queued) {
			rt.Fatalf("left %v, want %v", got, queued)
		}
	})
}

func FuzzRecord(f *testing.F) {
	r, err := encodeRecord(Entry{Sequence: 7, Revision: "r", QueuedAt: time.Unix(1, 0).UTC()}, []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(r, "{}"...))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeRecord(b)
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Fatal(err)
			}
			return
		}
		again, err := encodeRecord(e, e.Body)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeRecord(append(again, e.Body...)); err != nil || back.Sequence != e.Sequence || back.Revision != e.Revision || !bytes.Equal(back.Body, e.Body) {
			t.Fatalf("%+v became %+v: %v", e, back, err)
		}
	})
}
