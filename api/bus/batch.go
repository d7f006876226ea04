package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/subjects"
)

const (
	// ackWait is after how long a message that is neither acknowledged nor worked on is delivered again, to any replica: how
	// long the history waits for what a replica held that was killed.
	ackWait     = 20 * time.Second
	maxBatchGap = time.Minute // greatest wait after a failed batch
)

// Batches hands the messages of a stream to f in batches of at most maximum, or fewer once wait has passed since the
// batch began, until the context ends (nil) or the connection is closed (ErrClosed). The position is kept on the server
// under the durable name, and replicas that use the same name share the work.
//
// A batch is acknowledged when f has returned nil, never before and never in part. On an error all of it is given back
// and delivered again after a growing pause, for ever; nothing is dropped. A batch may also come again after a crash
// between f and the acknowledgement, so f must be idempotent by stream and sequence. While f runs its messages are kept
// from other replicas.
func (c *Conn) Batches(ctx context.Context, stream, durable string, maximum int, wait time.Duration, f func(context.Context, []Message) error) error {
	op := "read stream " + stream + " as " + durable
	if maximum < 1 || wait <= 0 || !subjects.ValidToken(durable) {
		return fmt.Errorf("%s: %w: needs a durable name of lower-case letters and dashes, at least one message and a time to wait", op, ErrInvalid)
	}
	b := &batches{c: c, stream: stream, durable: durable, maximum: maximum, wait: wait, f: f}
	for attempt := 1; ; attempt++ {
		changed := c.change()
		done, err := b.session(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case c.nc.IsClosed():
			return fmt.Errorf("%s: %w", op, ErrClosed)
		}
		if done > 0 {
			attempt = 1
		}
		c.log.Warn("reading batches is interrupted", "stream", stream, "durable", durable, "error", err)
		c.pause(ctx, changed, attempt)
	}
}

type batches struct {
	c        *Conn
	stream   string
	durable  string
	maximum  int
	wait     time.Duration
	f        func(context.Context, []Message) error
	failures int // in a row
}

// session works until the server cannot be read. done counts the batches that were acknowledged.
func (b *batches) session(ctx context.Context) (done int, err error) {
	if err := b.c.ready(); err != nil {
		return 0, err
	}
	pending := max(1000, 4*b.maximum)
	if b.maximum == 1 {
		pending = 1
	}
	call, cancel := context.WithTimeout(ctx, b.c.timeout)
	cons, err := b.c.js.CreateOrUpdateConsumer(call, b.stream, jetstream.ConsumerConfig{
		Durable: b.durable, DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxDeliver: -1, MaxAckPending: pending,
	})
	cancel()
	if err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		msgs, err := b.fetch(ctx, cons)
		if len(msgs) > 0 {
			ok, ackErr := b.deliver(ctx, msgs)
			if ackErr != nil {
				return done, ackErr
			}
			if ok {
				done++
			}
		}
		if err != nil {
			return done, err
		}
	}
	return done, ctx.Err()
}

func (b *batches) fetch(ctx context.Context, cons jetstream.Consumer) ([]jetstream.Msg, error) {
	call, cancel := context.WithTimeout(ctx, b.wait)
	defer cancel()
	batch, err := cons.Fetch(b.maximum, jetstream.FetchContext(call))
	if err != nil {
		return nil, err
	}
	var msgs []jetstream.Msg
	for m := range batch.Messages() {
		msgs = append(msgs, m)
	}
	err = batch.Error()
	if ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jetstream.ErrNoMessages)) {
		err = nil
	}
	return msgs, err
}

// deliver runs f and settles the batch. An error means that the server could not be told; it delivers the batch again.
func (b *batches) deliver(ctx context.Context, msgs []jetstream.Msg) (ok bool, err error) {
	batch := make([]Message, 0, len(msgs))
	for _, msg := range msgs {
		m, _, err := storedFrom(msg)
		if err != nil {
			return false, err
		}
		out := b.c.codec.message(m)
		if out.DecodeErr == nil && isPointer(m) {
			out.Body, out.DecodeErr = b.c.getDocument(ctx, out.Site, m)
			if transient(out.DecodeErr) {
				return false, out.DecodeErr
			}
		}
		batch = append(batch, out)
	}
	if err := b.call(ctx, msgs, batch); err != nil {
		b.failures++
		gap := backoff(b.failures, time.Second, maxBatchGap)
		level := slog.LevelWarn
		if ctx.Err() != nil {
			level = slog.LevelDebug // the stop cut it off
		}
		b.c.log.Log(ctx, level, "a batch failed and will come again", "stream", b.stream, "durable", b.durable, "messages", len(msgs), "after", gap, "error", err)
		for _, msg := range msgs {
			if err := msg.NakWithDelay(gap); err != nil {
				return false, err
			}
		}
		b.rest(ctx, gap)
		return false, nil
	}
	b.failures = 0
	for _, msg := range msgs[:len(msgs)-1] {
		if err := msg.Ack(); err != nil {
			return false, err
		}
	}
	// The server handles the acknowledgements of a connection in order, so its answer to the last one covers all.
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.c.timeout)
	defer cancel()
	if err := msgs[len(msgs)-1].DoubleAck(call); err != nil {
		return false, err
	}
	return true, nil
}

// call runs f and tells the server meanwhile that the batch is being worked on.
func (b *batches) call(ctx context.Context, msgs []jetstream.Msg, batch []Message) error {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(ackWait / 3)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-t.C:
				for _, msg := range msgs {
					if msg.InProgress() != nil {
						return
					}
				}
			}
		}
	})
	defer wg.Wait()
	defer close(stop)
	return b.f(ctx, batch)
}

func (b *batches) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
