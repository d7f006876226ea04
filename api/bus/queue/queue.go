// Package queue is a durable work queue on the message bus, in lanes that do not wait for each other. Each entry of a lane
// is handed to one worker of any replica, one at a time and in order, until it says that the entry is done. The package
// knows nothing of what is in an entry; federation/notify puts deliveries in it.
package queue

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus"
)

// Options size a queue. The zero values of all but the name take the defaults.
type Options struct {
	Name    string        // lower-case letters and dashes; the stream is MERIDIAN_QUEUE_<name>
	PerLane int           // entries that a lane holds before Put says ErrFull; 0 means 10,000
	Lease   time.Duration // after which an entry goes to another worker when its own has said nothing, as after a crash; 0 means 30 s
	Memory  time.Duration // for how long an entry that is put again under the same id is recognised; 0 means 10 minutes
}

const (
	defaultPerLane = 10_000
	defaultLease   = 30 * time.Second
	defaultMemory  = 10 * time.Minute

	waitForEntry = 5 * time.Second
	answerWithin = 10 * time.Second
	retryFirst   = 100 * time.Millisecond
	retryMax     = 5 * time.Second
)

var laneName = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// Queue is open on one connection. Safe for concurrent use.
type Queue struct {
	js     jetstream.JetStream
	stream string
	prefix string
	lease  time.Duration
}

// Open creates the queue or brings its limits to the options. Any number of replicas may call it.
func Open(ctx context.Context, c *bus.Conn, streams bus.StreamOptions, o Options) (*Queue, error) {
	op := fmt.Sprintf("open queue %.80q", o.Name)
	if !laneName.MatchString(o.Name) {
		return nil, fmt.Errorf("%s: %w: the name matches %s", op, bus.ErrInvalid, laneName)
	}
	q := &Queue{js: c.JetStream(), stream: "MERIDIAN_QUEUE_" + o.Name, prefix: "meridian.v1.queue." + o.Name + ".", lease: orDefault(o.Lease, defaultLease)}
	call, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if streams.VerifyOnly {
		if _, err := q.js.Stream(call, q.stream); err != nil {
			return nil, bus.Error(ctx, op, err)
		}
		return q, nil
	}
	cfg := jetstream.StreamConfig{
		Name: q.stream, Subjects: []string{q.prefix + "*"}, Description: "Work queue " + o.Name + ", one subject for each lane",
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: max(streams.Replicas, 1),
		// A full lane refuses what is new, so that nothing in it is lost and the other lanes go on.
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: int64(orDefault(o.PerLane, defaultPerLane)),
		MaxMsgs: -1, MaxBytes: -1, Duplicates: orDefault(o.Memory, defaultMemory),
	}
	if streams.MaxBytes > 0 {
		cfg.MaxBytes = streams.MaxBytes
	}
	if streams.Compress {
		cfg.Compression = jetstream.S2Compression
	}
	if _, err := q.js.CreateOrUpdateStream(call, cfg); err != nil {
		return nil, bus.Error(ctx, op, err)
	}
	return q, nil
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (q *Queue) subject(lane string) (string, error) {
	if !laneName.MatchString(lane) {
		return "", fmt.Errorf("%w: lane %.80q does not match %s", bus.ErrInvalid, lane, laneName)
	}
	return q.prefix + lane, nil
}

// Put adds an entry at the end of a lane. What was put under the same id a short while ago is not put again. bus.ErrFull
// when the lane holds all that it may.
func (q *Queue) Put(ctx context.Context, lane, id string, body []byte) error {
	op := "put an entry in lane " + lane
	subject, err := q.subject(lane)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	call, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if _, err := q.js.Publish(call, subject, body, jetstream.WithMsgID(lane+":"+id), jetstream.WithExpectStream(q.stream)); err != nil {
		return bus.Error(ctx, op, err)
	}
	return nil
}

// Waiting counts the entries of a lane, with the one that is being worked on.
func (q *Queue) Waiting(ctx context.Context, lane string) (int, error) {
	op := "count the entries of lane " + lane
	subject, err := q.subject(lane)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", op, err)
	}
	call, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	s, err := q.js.Stream(call, q.stream)
	if err != nil {
		return 0, bus.Error(ctx, op, err)
	}
	info, err := s.Info(call, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, bus.Error(ctx, op, err)
	}
	return int(info.State.Subjects[subject]), nil //nolint:gosec // bounded by PerLane
}

// Remove ends a lane and all that is in it.
func (q *Queue) Remove(ctx context.Context, lane string) error {
	op := "remove lane " + lane
	subject, err := q.subject(lane)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	call, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	s, err := q.js.Stream(call, q.stream)
	if err == nil {
		err = s.Purge(call, jetstream.WithPurgeSubject(subject))
	}
	if err == nil {
		if err = s.DeleteConsumer(call, lane); errors.Is(err, jetstream.ErrConsumerNotFound) {
			err = nil
		}
	}
	return bus.Error(ctx, op, err)
}

// Entry is one piece of work.
type Entry struct {
	Body     []byte
	Attempt  int       // counted from 1, over all replicas
	PutAt    time.Time // when the queue took it
	Sequence uint64    // position in the queue
}

// Outcome says what becomes of an entry.
type Outcome struct {
	Done  bool          // it leaves the queue
	Again time.Duration // otherwise: how long until it is handed out again
}

// Work hands the entries of a lane to f until the context ends, which is no error. All workers of a lane, in all replicas,
// together have one entry at a time, so the order is kept while an entry waits for its next attempt. An entry whose worker
// died is handed out again after the lease; f must bear that.
func (q *Queue) Work(ctx context.Context, lane string, f func(context.Context, Entry) Outcome) error {
	if _, err := q.subject(lane); err != nil {
		return fmt.Errorf("work on lane %s: %w", lane, err)
	}
	wait := retryFirst
	for {
		worked, err := q.session(ctx, lane, f)
		if ctx.Err() != nil {
			return nil
		}
		if worked || err == nil {
			wait = retryFirst
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		wait = min(2*wait, retryMax)
	}
}

// session works until the server cannot be asked.
func (q *Queue) session(ctx context.Context, lane string, f func(context.Context, Entry) Outcome) (worked bool, err error) {
	call, cancel := context.WithTimeout(ctx, answerWithin)
	cons, err := q.js.CreateOrUpdateConsumer(call, q.stream, jetstream.ConsumerConfig{
		Durable: lane, FilterSubject: q.prefix + lane, DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: q.lease, MaxDeliver: -1, MaxAckPending: 1,
	})
	cancel()
	if err != nil {
		return false, err
	}
	for ctx.Err() == nil {
		msg, err := q.next(ctx, cons)
		if err != nil {
			return worked, err
		}
		if msg == nil {
			continue
		}
		worked = true
		if err := q.handle(ctx, msg, f); err != nil {
			return worked, err
		}
	}
	return worked, nil
}

// next waits for an entry; nil when none came for a while.
func (q *Queue) next(ctx context.Context, cons jetstream.Consumer) (jetstream.Msg, error) {
	call, cancel := context.WithTimeout(ctx, waitForEntry)
	defer cancel()
	batch, err := cons.Fetch(1, jetstream.FetchContext(call))
	if err != nil {
		return nil, err
	}
	var found jetstream.Msg
	for m := range batch.Messages() {
		found = m
	}
	if found != nil {
		return found, nil
	}
	err = batch.Error()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jetstream.ErrNoMessages) {
		err = nil
	}
	return nil, err
}

// handle runs f, keeps the entry from other workers meanwhile, and settles it. When the server cannot be told, the entry
// comes again after the lease.
func (q *Queue) handle(ctx context.Context, msg jetstream.Msg, f func(context.Context, Entry) Outcome) error {
	meta, err := msg.Metadata()
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	var holding sync.WaitGroup
	holding.Go(func() {
		t := time.NewTicker(q.lease / 3)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-t.C:
				if msg.InProgress() != nil {
					return
				}
			}
		}
	})
	out := f(ctx, Entry{Body: msg.Data(), Attempt: int(meta.NumDelivered), PutAt: meta.Timestamp, Sequence: meta.Sequence.Stream}) //nolint:gosec // attempts are few
	close(stop)
	holding.Wait()
	if !out.Done {
		return msg.NakWithDelay(max(out.Again, time.Millisecond))
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	return msg.DoubleAck(call)
}
