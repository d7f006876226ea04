// Package outbox keeps a site's inventory revisions on disk until the hub has them, and for a while after. It knows
// nothing of the network and judges nothing; planner/agent writes and reads it. One process may use a directory at a time,
// which its owner sees to.
//
// Each revision is one file, written under another name, synced, renamed and its folder synced before Add returns: what
// was reported as queued survives the death of the process and of the machine at any instant. An acknowledgement is a
// rename that is not synced; if a power cut undoes it the revision is sent again, which the hub's stream recognises.
package outbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Defaults of Options.
const (
	DefaultMaxEntries = 2000      // three weeks at one revision every 15 minutes
	DefaultMaxBytes   = 256 << 20 // some 30,000 documents of 8 kB
	// DefaultKeep is how long acknowledged revisions stay: two sync intervals of JetStream are 4 minutes, within which the
	// hub may lose what it acknowledged.
	DefaultKeep = 10 * time.Minute
	// MinKeep is the least value of Options.Keep.
	MinKeep = 4 * time.Minute
)

// Errors of Add. The revision is not queued, and what was queued before is untouched.
var (
	ErrDiskFull = errors.New("the disk is full")
	ErrTooLarge = errors.New("the document is larger than the outbox may be")
)

// Options bound an outbox.
type Options struct {
	Dir        string           // made with mode 0700 when missing
	MaxEntries int              // acknowledged and not; 0 means DefaultMaxEntries
	MaxBytes   int64            // of the files; 0 means DefaultMaxBytes
	Keep       time.Duration    // of acknowledged entries; 0 means DefaultKeep; the last one always stays
	Now        func() time.Time // nil means time.Now
}

// Entry is one revision. Body is only there where a function says so.
type Entry struct {
	Sequence uint64 // grows by one with each revision of the instance, over restarts
	Revision string
	QueuedAt time.Time
	Body     []byte

	Acknowledged   bool
	AcknowledgedAt time.Time
	StreamSequence uint64 // where the hub's stream put it

	size int64 // of the file
}

// Stats tell what an outbox holds and what it lost.
type Stats struct {
	Queued  int    `json:"queued"`  // not acknowledged
	Kept    int    `json:"kept"`    // acknowledged and still here
	Bytes   int64  `json:"bytes"`   // of both
	Dropped uint64 `json:"dropped"` // never acknowledged and removed, because the outbox was full or the hub cannot take it; since the outbox was made
	Damaged int    `json:"damaged"` // files found unreadable when the outbox was opened; they were set aside
}

// Box is an open outbox. Safe for concurrent use.
type Box struct {
	o     Options
	write func(path string, parts ...[]byte) error

	mu      sync.Mutex
	head    head
	entries []Entry // by sequence
	bytes   int64
	damaged int
}

// Open reads the directory. Unreadable files are set aside and counted, never sent.
func Open(o Options) (*Box, error) {
	b, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("open the outbox %s: %w", o.Dir, err)
	}
	return b, nil
}

func open(o Options) (*Box, error) {
	if o.MaxEntries == 0 {
		o.MaxEntries = DefaultMaxEntries
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case o.Dir == "":
		return nil, errors.New("no directory is given")
	case o.MaxEntries < 2 || o.MaxBytes < 0:
		return nil, fmt.Errorf("%d entries and %d bytes: an outbox needs room for two revisions", o.MaxEntries, o.MaxBytes)
	case o.Keep < MinKeep:
		return nil, fmt.Errorf("acknowledged revisions must stay for %s at least, not %s: the hub may lose what it acknowledged within that time", MinKeep, o.Keep)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	b := &Box{o: o, write: writeWhole}
	if err := b.load(); err != nil {
		return nil, err
	}
	return b, nil
}

// Instance identifies this outbox. It was made once, at random.
func (b *Box) Instance() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.head.Instance
}

// Add queues a revision unless it is the one queued last. When it returns true, the revision is on the disk.
func (b *Box) Add(revision string, body []byte) (Entry, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.entries); n > 0 && b.entries[n-1].Revision == revision {
		return b.entries[n-1], false, nil
	}
	e, err := b.add(revision, body)
	if err != nil {
		return Entry{}, false, fmt.Errorf("queue revision %s: %w", revision, err)
	}
	return e, true, nil
}

func (b *Box) add(revision string, body []byte) (Entry, error) {
	e := Entry{Sequence: b.head.next, Revision: revision, QueuedAt: b.o.Now().UTC()}
	record, err := encodeRecord(e, body)
	if err != nil {
		return Entry{}, err
	}
	e.size = int64(len(record) + len(body))
	if e.size > b.o.MaxBytes {
		return Entry{}, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, e.size, b.o.MaxBytes)
	}
	if err := b.makeRoom(e.size); err != nil {
		return Entry{}, err
	}
	if err := b.store(e, record, body); errors.Is(err, ErrDiskFull) {
		// What the hub has already makes room for what it has not, though it may lose it still: the newest state counts more.
		before := len(b.entries)
		b.prune(func(Entry) bool { return true })
		if len(b.entries) == before {
			return Entry{}, err
		}
		if err := b.store(e, record, body); err != nil {
			return Entry{}, err
		}
	} else if err != nil {
		return Entry{}, err
	}
	b.head.next++
	b.entries = append(b.entries, e)
	b.bytes += e.size
	return e, nil
}

func (b *Box) store(e Entry, record, body []byte) error {
	if err := b.reserve(); err != nil {
		return err
	}
	return b.write(b.path(e), record, body)
}

// makeRoom removes acknowledged entries whose time is over, then, if the new one would not fit, further acknowledged ones
// and at last the oldest that never were, which it counts.
func (b *Box) makeRoom(size int64) error {
	b.prune(func(e Entry) bool { return b.o.Now().Sub(e.AcknowledgedAt) >= b.o.Keep })
	full := func() bool { return len(b.entries)+1 > b.o.MaxEntries || b.bytes+size > b.o.MaxBytes }
	if full() {
		b.prune(func(Entry) bool { return full() })
	}
	for full() && len(b.entries) > 0 {
		if err := b.drop(); err != nil {
			return err
		}
	}
	return nil
}

// prune removes the acknowledged entries that may go, oldest first, but never the last acknowledged one: it is what the
// hub asks for when it lost its end.
func (b *Box) prune(may func(Entry) bool) {
	last := b.lastAcknowledged()
	for i := 0; i < len(b.entries); {
		e := b.entries[i]
		if !e.Acknowledged || e.Sequence == last || !may(e) || b.remove(i) != nil {
			i++
		}
	}
}

func (b *Box) lastAcknowledged() uint64 {
	for _, e := range slices.Backward(b.entries) {
		if e.Acknowledged {
			return e.Sequence
		}
	}
	return 0
}

// drop removes the oldest entry. The count is on the disk before the entry goes, with the sequence it reaches to, so that
// a crash in between counts it once.
func (b *Box) drop() error {
	if e := b.entries[0]; !e.Acknowledged {
		next := b.head
		next.Dropped++
		next.DroppedThrough = e.Sequence
		if err := b.writeHead(next); err != nil {
			return err
		}
	}
	return b.remove(0)
}

func (b *Box) remove(i int) error {
	e := b.entries[i]
	if err := os.Remove(b.path(e)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove revision %s: %w", e.Revision, err)
	}
	b.bytes -= e.size
	b.entries = slices.Delete(b.entries, i, i+1)
	return nil
}

// Next returns the oldest entry that is not acknowledged, with its body; false when there is none. A file that has become
// unreadable is set aside and the next one is returned.
func (b *Box) Next() (Entry, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := 0; i < len(b.entries); {
		e := b.entries[i]
		if e.Acknowledged {
			i++
			continue
		}
		read, err := b.read(e)
		if err == nil {
			return read, true, nil
		}
		if !errors.Is(err, errDamaged) {
			return Entry{}, false, fmt.Errorf("read revision %s: %w", e.Revision, err)
		}
		if err := b.setAside(filepath.Base(b.path(e))); err != nil {
			return Entry{}, false, fmt.Errorf("read revision %s: %w", e.Revision, err)
		}
		b.bytes -= e.size
		b.entries = slices.Delete(b.entries, i, i+1)
	}
	return Entry{}, false, nil
}

// Acknowledge notes that the hub's stream has the entry at a position. It is no error if the entry is gone.
func (b *Box) Acknowledge(sequence, streamSequence uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, ok := b.find(sequence)
	if !ok {
		return nil
	}
	e := b.entries[i]
	e.Acknowledged, e.AcknowledgedAt, e.StreamSequence = true, b.o.Now().UTC(), streamSequence
	if err := os.Rename(b.path(b.entries[i]), b.path(e)); err != nil {
		return fmt.Errorf("note the acknowledgement of revision %s: %w", e.Revision, err)
	}
	b.entries[i] = e
	b.prune(func(e Entry) bool { return b.o.Now().Sub(e.AcknowledgedAt) >= b.o.Keep })
	return nil
}

// Discard gives up an entry that can never be sent, and counts it as dropped.
func (b *Box) Discard(sequence uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, ok := b.find(sequence)
	if !ok {
		return nil
	}
	next := b.head
	next.Dropped++
	if err := b.writeHead(next); err != nil {
		return fmt.Errorf("discard revision %s: %w", b.entries[i].Revision, err)
	}
	return b.remove(i)
}

// Requeue makes the acknowledged entries from a revision on (or the last one, when the revision is empty or not here any
// more) wait for acknowledgement again and returns how many.
func (b *Box) Requeue(revision string) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from := len(b.entries)
	for i, e := range b.entries {
		if revision != "" && e.Revision == revision {
			from = i
			break
		}
		if e.Acknowledged {
			from = i
		}
	}
	return b.requeue(from)
}

// RequeueAfter is Requeue for the acknowledged entries with a greater sequence.
func (b *Box) RequeueAfter(sequence uint64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from, _ := b.find(sequence + 1)
	return b.requeue(from)
}

func (b *Box) requeue(from int) (int, error) {
	n := 0
	for i := from; i < len(b.entries); i++ {
		e := b.entries[i]
		if !e.Acknowledged {
			continue
		}
		e.Acknowledged, e.AcknowledgedAt, e.StreamSequence = false, time.Time{}, 0
		if err := os.Rename(b.path(b.entries[i]), b.path(e)); err != nil {
			return n, fmt.Errorf("queue revision %s again: %w", e.Revision, err)
		}
		b.entries[i] = e
		n++
	}
	return n, nil
}

// Last returns the newest readable entry with its body, acknowledged or not; false when there is none.
func (b *Box) Last() (Entry, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range slices.Backward(b.entries) {
		if read, err := b.read(e); err == nil {
			return read, true
		}
	}
	return Entry{}, false
}

// LastAcknowledged returns the newest acknowledged entry without its body; false when there is none.
func (b *Box) LastAcknowledged() (Entry, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, ok := b.find(b.lastAcknowledged())
	if !ok {
		return Entry{}, false
	}
	return b.entries[i], true
}

// Entries lists what is here, oldest first, without bodies.
func (b *Box) Entries() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.entries)
}

// Stats tells what is here.
func (b *Box) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Stats{Bytes: b.bytes, Dropped: b.head.Dropped, Damaged: b.damaged}
	for _, e := range b.entries {
		if e.Acknowledged {
			s.Kept++
		} else {
			s.Queued++
		}
	}
	return s
}

func (b *Box) find(sequence uint64) (int, bool) {
	return slices.BinarySearchFunc(b.entries, sequence, func(e Entry, s uint64) int {
		switch {
		case e.Sequence < s:
			return -1
		case e.Sequence > s:
			return 1
		}
		return 0
	})
}
