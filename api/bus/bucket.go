package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/envelope"
)

// BucketOptions describe a bucket of documents. Copies, compression and the right to create it come from StreamOptions.
type BucketOptions struct {
	Name        string // lower-case letters, digits and dashes
	Description string // shown in the server's monitoring
	History     int    // values kept of each key, 1 to 64; 0 means 1
	MaxValue    int    // greatest size of a value as JSON, in bytes; 0 means MaxMessage
}

// Bucket is a set of documents by key, kept by the hub's JetStream and equal in all replicas. Every change names the
// revision it is based on, so that of two writers one gets ErrConflict instead of the other's work being lost. Nobody but
// the hub may read or write it. Values are JSON; a reader ignores fields it does not know. Safe for concurrent use.
type Bucket[T any] struct {
	c        *Conn
	kv       jetstream.KeyValue
	stream   string
	prefix   string
	maxValue int
}

// Entry is a document of a bucket.
type Entry[T any] struct {
	Key      string
	Value    T
	Revision uint64    // changes with every write; the next one must name it
	At       time.Time // when it was written
	Deleted  bool      // Watch only: the key is gone, Value is zero
	Err      error     // List, History and Watch: the value cannot be read (ErrUnreadable), Value is zero
}

const (
	bucketStream  = "KV_"
	bucketSubject = "$KV."
	maxKey        = 256
	valueHeadroom = 1 << 10 // for the headers of a value's message
	headerKV      = "KV-Operation"
)

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	bucketKey  = regexp.MustCompile(`^[A-Za-z0-9_=/-]+(\.[A-Za-z0-9_=/-]+)*$`)
)

// OpenBucket creates a bucket or brings its limits to the options. Any number of replicas may call it.
func OpenBucket[T any](ctx context.Context, c *Conn, streams StreamOptions, o BucketOptions) (*Bucket[T], error) {
	op := fmt.Sprintf("open bucket %.80q", o.Name)
	limit := or(o.MaxValue, MaxMessage)
	if !bucketName.MatchString(o.Name) || o.History < 0 || o.History > jetstream.KeyValueMaxHistory || limit < 0 || limit > MaxMessage {
		return nil, fmt.Errorf("%s: %w: the name matches %s, history is 1 to %d, a value has at most %d bytes", op, ErrInvalid, bucketName, jetstream.KeyValueMaxHistory, MaxMessage)
	}
	if err := c.ready(); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	b := &Bucket[T]{c: c, stream: bucketStream + o.Name, prefix: bucketSubject + o.Name + ".", maxValue: limit}
	call, done := c.guarded(ctx, c.api(apiInfo), c.api(apiStream+"UPDATE."+b.stream), c.api(apiStream+"CREATE."+b.stream), c.api(apiStream+"INFO."+b.stream))
	defer done()
	var err error
	if streams.VerifyOnly {
		if b.kv, err = c.js.KeyValue(call, o.Name); errors.Is(err, jetstream.ErrBucketNotFound) {
			err = fmt.Errorf("%w: it does not exist and this hub may not create it", ErrUnavailable)
		}
	} else {
		b.kv, err = c.js.CreateOrUpdateKeyValue(call, jetstream.KeyValueConfig{
			Bucket: o.Name, Description: o.Description, History: uint8(or(o.History, 1)), //nolint:gosec // Checked above to be at most 64.
			MaxValueSize: int32(limit + valueHeadroom), MaxBytes: streams.MaxBytes, //nolint:gosec // Checked above to be at most MaxMessage.
			Storage: jetstream.FileStorage, Replicas: or(streams.Replicas, 1), Compression: streams.Compress,
		})
	}
	if err != nil {
		return nil, mapError(ctx, op, cause(ctx, call, err))
	}
	return b, nil
}

// Create writes the first value of a key. ErrConflict when the key has one already.
func (b *Bucket[T]) Create(ctx context.Context, key string, value T) (Entry[T], error) {
	return b.write(ctx, "create", key, value, b.kv.Create)
}

// Update replaces the value that has the revision. ErrConflict when another one, or none, is there.
func (b *Bucket[T]) Update(ctx context.Context, key string, value T, revision uint64) (Entry[T], error) {
	if revision == 0 {
		return Entry[T]{}, fmt.Errorf("%s: %w: no revision is given", b.op("update", key), ErrInvalid)
	}
	return b.write(ctx, "update", key, value, func(ctx context.Context, key string, body []byte, _ ...jetstream.KVCreateOpt) (uint64, error) {
		return b.kv.Update(ctx, key, body, revision)
	})
}

func (b *Bucket[T]) write(ctx context.Context, verb, key string, value T, put func(context.Context, string, []byte, ...jetstream.KVCreateOpt) (uint64, error)) (Entry[T], error) {
	op := b.op(verb, key)
	body, err := json.Marshal(value)
	if err != nil {
		return Entry[T]{}, fmt.Errorf("%s: %w: %w", op, ErrInvalid, err)
	}
	if len(body) > b.maxValue {
		return Entry[T]{}, fmt.Errorf("%s: %w: %d bytes, the limit is %d", op, ErrTooLarge, len(body), b.maxValue)
	}
	e := Entry[T]{Key: key, Value: value}
	err = b.call(ctx, op, key, func(call context.Context) error {
		e.Revision, err = put(call, key, body)
		return err
	})
	if err != nil {
		return Entry[T]{}, err
	}
	e.At = b.c.now().UTC()
	return e, nil
}

// Delete removes the value that has the revision. ErrConflict when another one, or none, is there.
func (b *Bucket[T]) Delete(ctx context.Context, key string, revision uint64) error {
	op := b.op("delete", key)
	if revision == 0 {
		return fmt.Errorf("%s: %w: no revision is given", op, ErrInvalid)
	}
	return b.call(ctx, op, key, func(call context.Context) error { return b.kv.Delete(call, key, jetstream.LastRevision(revision)) })
}

func (b *Bucket[T]) op(verb, key string) string {
	return fmt.Sprintf("%s %.80q in bucket %s", verb, key, strings.TrimPrefix(b.stream, bucketStream))
}

func (b *Bucket[T]) call(ctx context.Context, op, key string, f func(context.Context) error) error {
	if err := checkKey(key); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if err := b.c.ready(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	call, done := b.c.guarded(ctx, b.prefix+key)
	defer done()
	if err := f(call); err != nil {
		return mapError(ctx, op, cause(ctx, call, err))
	}
	return nil
}

func checkKey(key string) error {
	if len(key) > maxKey || !bucketKey.MatchString(key) {
		return fmt.Errorf("%w: a key has at most %d characters and matches %s", ErrInvalid, maxKey, bucketKey)
	}
	return nil
}

// Get reads the value of a key. ErrNotFound when there is none, ErrUnreadable when it is not what the bucket holds.
func (b *Bucket[T]) Get(ctx context.Context, key string) (Entry[T], error) {
	op := b.op("read", key)
	if err := checkKey(key); err != nil {
		return Entry[T]{}, fmt.Errorf("%s: %w", op, err)
	}
	m, err := b.c.lastOf(ctx, b.stream, b.prefix+key)
	if err != nil {
		return Entry[T]{}, mapError(ctx, op, err)
	}
	if m == nil {
		return Entry[T]{}, fmt.Errorf("%s: %w", op, ErrNotFound)
	}
	e := b.entry(m)
	switch {
	case e.Deleted:
		return Entry[T]{}, fmt.Errorf("%s: %w", op, ErrNotFound)
	case e.Err != nil:
		return Entry[T]{}, fmt.Errorf("%s: %w", op, e.Err)
	}
	return e, nil
}

func (b *Bucket[T]) entry(m *stored) Entry[T] {
	e := Entry[T]{Key: strings.TrimPrefix(m.subject, b.prefix), Revision: m.sequence, At: m.time, Deleted: envelope.First(m.header, headerKV) != ""}
	if e.Deleted {
		return e
	}
	if err := json.Unmarshal(m.data, &e.Value); err != nil {
		var zero T
		e.Value, e.Err = zero, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return e
}

// List reads all documents, in the order of their keys.
func (b *Bucket[T]) List(ctx context.Context) ([]Entry[T], error) {
	found := map[string]Entry[T]{}
	r := &reader{c: b.c, stream: b.stream, filter: b.prefix + ">", once: true}
	r.handle = func(_ context.Context, m *stored) error {
		e := b.entry(m)
		if e.Deleted {
			delete(found, e.Key)
		} else {
			found[e.Key] = e
		}
		return nil
	}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(found), func(x, y Entry[T]) int { return strings.Compare(x.Key, y.Key) }), nil
}

// History reads what the bucket keeps of one key, oldest first, with its deletions.
func (b *Bucket[T]) History(ctx context.Context, key string) ([]Entry[T], error) {
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("%s: %w", b.op("read the history of", key), err)
	}
	var found []Entry[T]
	r := &reader{c: b.c, stream: b.stream, filter: b.prefix + key, all: true, once: true}
	r.handle = func(_ context.Context, m *stored) error {
		found = append(found, b.entry(m))
		return nil
	}
	return found, r.run(ctx)
}

// Watch tells of every document there is, then calls caughtUp, which may be nil, once, then tells of every change, until
// the context ends (nil) or the connection is closed (ErrClosed). handler is called from one goroutine, in the order of the
// writes; of several writes between two looks it may hear the last alone. After a lost connection it goes on where it
// stopped. When the server lost what was read, every document is told again and every one that is no longer there is told
// as deleted, so that what handler built is always what the bucket holds.
func (b *Bucket[T]) Watch(ctx context.Context, handler func(Entry[T]), caughtUp func()) error {
	known := map[string]int{} // reading of the whole bucket in which the key was last seen
	r := &reader{c: b.c, stream: b.stream, filter: b.prefix + ">", caughtUp: caughtUp}
	r.handle = func(_ context.Context, m *stored) error {
		e := b.entry(m)
		_, have := known[e.Key]
		switch {
		case !e.Deleted:
			known[e.Key] = r.backlogs
		case have:
			delete(known, e.Key)
		default:
			return nil
		}
		handler(e)
		return nil
	}
	r.through = func() {
		for _, key := range slices.Sorted(maps.Keys(known)) {
			if known[key] < r.backlogs {
				delete(known, key)
				handler(Entry[T]{Key: key, Deleted: true, At: b.c.now().UTC()})
			}
		}
	}
	return r.run(ctx)
}
