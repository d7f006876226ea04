package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// reader follows one stream with short-lived consumers that acknowledge nothing. Its position is kept here, not on the
// server, so that any number of replicas read side by side.
type reader struct {
	c        *Conn
	stream   string
	filter   string
	all      bool   // begin with everything kept instead of the last message of each subject
	after    uint64 // with all: begin behind this position
	once     bool   // return when the backlog is through
	handle   func(context.Context, *stored) error
	caughtUp func()
	through  func() // may be nil; called each time a backlog is through, before caughtUp

	created  time.Time // of the stream that was read
	cursor   uint64    // last position handled
	target   uint64    // last position of the stream when the backlog began
	backlog  bool      // the backlog is being read
	backlogs int       // how often one was begun
	reported bool      // caughtUp was called
	recent   []place   // last places handled, oldest first
}

// place is a message that was handled. A server that lost its last writes gives their positions to other messages, whose
// times differ.
type place struct {
	sequence uint64
	time     time.Time
}

const (
	recentPlaces = 64

	readerMessages = 1000
	readerBytes    = 16 << 20 // must exceed the largest message the server takes, or reading stalls
	readerInactive = time.Minute
	readerExpiry   = 30 * time.Second
	readerPulse    = 5 * time.Second

	retryFirst = 100 * time.Millisecond
	retryMax   = 5 * time.Second
)

var (
	errThrough = errors.New("backlog read")
	errGap     = errors.New("a message was missed")
)

func (r *reader) run(ctx context.Context) error {
	op := "read stream " + r.stream
	for attempt := 1; ; attempt++ {
		before := r.cursor
		changed := r.c.change()
		err := r.session(ctx, changed)
		switch {
		case errors.Is(err, errThrough):
			return nil
		case ctx.Err() != nil && r.once:
			return fmt.Errorf("%s: %w", op, ctx.Err())
		case ctx.Err() != nil:
			return nil
		case r.c.nc.IsClosed():
			return fmt.Errorf("%s: %w", op, ErrClosed)
		case r.once && errors.Is(err, ErrDenied):
			return fmt.Errorf("%s: %w", op, err)
		}
		if r.cursor != before {
			attempt = 1
		}
		r.c.log.Info("reading a stream is interrupted", "stream", r.stream, "position", r.cursor, "error", err)
		r.c.pause(ctx, changed, attempt)
	}
}

// pause waits before the next attempt: until the connection comes back, the backoff has passed or the context ends.
func (c *Conn) pause(ctx context.Context, changed <-chan struct{}, attempt int) {
	t := time.NewTimer(backoff(attempt, retryFirst, retryMax))
	defer t.Stop()
	select {
	case <-t.C:
	case <-changed:
	case <-ctx.Done():
	}
}

// backoff is the wait before an attempt, counted from 1: doubling from shortest to longest, half of it by chance so that
// many sites do not come back at the same moment.
func backoff(attempt int, shortest, longest time.Duration) time.Duration {
	d := shortest
	for i := 1; i < attempt && d < longest; i++ {
		d *= 2
	}
	d = min(d, longest)
	return d/2 + rand.N(d/2+1)
}

// session reads until something goes wrong or the connection changes: consumers in memory do not outlive a server, and
// waiting for a missed heartbeat would cost seconds.
func (r *reader) session(parent context.Context, changed <-chan struct{}) error {
	if err := r.c.ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(parent)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		select {
		case <-changed:
			cancel(fmt.Errorf("%w: the connection changed", ErrUnavailable))
		case <-ctx.Done():
		}
	}()
	err := r.read(ctx)
	if parent.Err() == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cancel(nil)
	<-watching
	return err
}

func (r *reader) read(ctx context.Context) error {
	cons, confirmed, err := r.consumer(ctx)
	if err != nil {
		return err
	}
	info := cons.CachedInfo()
	defer r.remove(ctx, info.Name)
	if info.NumPending == 0 {
		if err := r.finish(); err != nil {
			return err
		}
	}
	it, err := cons.Messages(
		jetstream.PullMaxMessagesWithBytesLimit(readerMessages, readerBytes), jetstream.PullExpiry(readerExpiry),
		jetstream.PullHeartbeat(readerPulse), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer it.Stop()
	// The backlog is what the consumer had before it when it was made. Positions do not tell its end: when a subject's last
	// message is replaced before the consumer is made, the first one delivered may lie behind the stream's former end.
	for expected := uint64(1); ; expected++ {
		msg, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		m, delivered, err := storedFrom(msg)
		if err != nil {
			return err
		}
		if delivered != expected {
			return errGap
		}
		if m.sequence > confirmed && !r.handled(m) {
			if err := r.handle(ctx, m); err != nil {
				return err
			}
			r.remember(m)
		}
		if r.backlog && (m.pending == 0 || expected >= info.NumPending) {
			if err := r.finish(); err != nil {
				return err
			}
		}
	}
}

// consumer makes the server-side reader for this session. confirmed is the position up to which everything is known to
// have been handled.
func (r *reader) consumer(ctx context.Context) (cons jetstream.Consumer, confirmed uint64, err error) {
	call, done := r.c.guarded(ctx, r.c.api(apiStream+"INFO."+r.stream))
	defer done()
	s, err := r.c.js.Stream(call, r.stream)
	if err != nil {
		return nil, 0, cause(ctx, call, err)
	}
	info := s.CachedInfo()
	if r.cursor > 0 && info.Created.Equal(r.created) && info.State.LastSeq >= r.cursor {
		if confirmed, err = r.confirm(ctx); err != nil {
			return nil, 0, err
		}
	}
	// A stream that was empty when its backlog was through has lost nothing, and everything in it is new.
	fresh := r.cursor == 0 && r.reported && r.target == 0 && info.Created.Equal(r.created)
	if confirmed == 0 && !fresh {
		if r.cursor > 0 {
			r.c.log.Warn("the stream lost messages that were read, or was made anew: reading it from the start", "stream", r.stream, "position", r.cursor, "last", info.State.LastSeq)
			r.after = 0
		}
		if r.after > info.State.LastSeq {
			r.after = 0
		}
		r.cursor, r.recent, r.backlog, r.target, r.created = 0, nil, true, info.State.LastSeq, info.Created
		r.backlogs++
	}
	cfg := jetstream.ConsumerConfig{
		FilterSubject: r.filter, AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: readerInactive, MemoryStorage: true, Replicas: 1,
	}
	switch {
	case !r.all && r.backlog:
		cfg.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy
	case confirmed > 0 || r.after > 0:
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, max(confirmed, r.after)+1
	default:
		cfg.DeliverPolicy = jetstream.DeliverAllPolicy
	}
	if cons, err = r.c.js.CreateConsumer(call, r.stream, cfg); err != nil {
		return nil, 0, cause(ctx, call, err)
	}
	return cons, confirmed, nil
}

// confirm returns the newest position that was handled and still holds the same message, 0 when there is none or when it
// holds another one. What lies behind it is read again, because its positions may have been lost and used anew.
func (r *reader) confirm(ctx context.Context) (uint64, error) {
	for i := len(r.recent) - 1; i >= 0; i-- {
		p := r.recent[i]
		m, err := r.c.at(ctx, r.stream, p.sequence)
		switch {
		case err != nil:
			return 0, err
		case m == nil:
			continue
		case m.time.Equal(p.time):
			return p.sequence, nil
		}
		return 0, nil
	}
	return 0, nil
}

// handled reports whether the message is one of the recent places.
func (r *reader) handled(m *stored) bool {
	if m.sequence > r.cursor {
		return false
	}
	for _, p := range r.recent {
		if p.sequence == m.sequence && p.time.Equal(m.time) {
			return true
		}
	}
	return false
}

func (r *reader) remember(m *stored) {
	r.cursor = max(r.cursor, m.sequence)
	if len(r.recent) == recentPlaces {
		copy(r.recent, r.recent[1:])
		r.recent = r.recent[:recentPlaces-1]
	}
	r.recent = append(r.recent, place{m.sequence, m.time})
}

// finish notes that the backlog is through.
func (r *reader) finish() error {
	if !r.backlog {
		return nil
	}
	r.backlog = false
	if r.through != nil {
		r.through()
	}
	if !r.reported {
		r.reported = true
		if r.caughtUp != nil {
			r.caughtUp()
		}
	}
	if r.once {
		return errThrough
	}
	return nil
}

// remove deletes the consumer, so that the server need not wait for its inactivity. Failure does no harm.
func (r *reader) remove(ctx context.Context, name string) {
	if r.c.ready() != nil {
		return
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := r.c.js.DeleteConsumer(call, r.stream, name); err != nil {
		r.c.log.Debug("remove a consumer", "stream", r.stream, "error", err)
	}
}
