package ingest

import (
	"context"
	"sync"
	"time"
)

// Limits bound what one site may have applied and what may wait. The zero value takes the defaults.
type Limits struct {
	// Burst is how many revisions of a site are applied one by one before it is limited: more than a planner collects in a
	// day at its usual interval, so that one that comes back after a day is not. 0 means 120.
	Burst int
	// Every is the interval at which a site earns another revision; 0 means 5 s.
	Every time.Duration
	// MaxBytes bounds the documents that wait; reading the stream pauses above it. A quarter of it is one site's. 0 means 64 MiB.
	MaxBytes int
}

const (
	defaultBurst    = 120
	defaultEvery    = 5 * time.Second
	defaultMaxBytes = 64 << 20

	// calm is how long a site must keep within its limit before it no longer counts as limited.
	calm = time.Minute
)

func (l Limits) complete() Limits {
	if l.Burst <= 0 {
		l.Burst = defaultBurst
	}
	if l.Every <= 0 {
		l.Every = defaultEvery
	}
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	return l
}

// Queue holds the inventories between the stream and the fleet. Sites take turns, so that none waits for another's
// backlog. Of a site beyond its limit only the latest revision is kept and applied when the limit allows it; those between
// stay in the stream, from where the history takes them. The limit counts by the times at which the stream took the
// messages, so that every replica decides alike.
type Queue struct {
	limits Limits

	mu        sync.Mutex
	lines     map[string]*line
	turns     []string // sites with messages within their limit, whose turn comes first first
	bytes     int
	waiting   int
	coalesced uint64
	changed   chan struct{} // closed and replaced when something was put or taken
}

// line is what waits of one site.
type line struct {
	waiting []Message // within the limit, oldest first
	held    *Message  // the latest beyond it
	until   time.Time
	next    time.Time // when the site would have earned all it was given
	over    time.Time // when it was last beyond its limit
	since   time.Time // since when it is limited; zero when it is not
	bytes   int
}

// NewQueue returns an empty queue.
func NewQueue(l Limits) *Queue {
	return &Queue{limits: l.complete(), lines: map[string]*line{}, changed: make(chan struct{})}
}

// Stats tell how a queue stands.
type Stats struct {
	Waiting   int    // messages within their limit
	Held      int    // sites whose latest revision waits for their limit
	Limited   int    // sites beyond their limit, now or within the last minute
	Bytes     int    // of the documents that wait
	Coalesced uint64 // revisions that a later one has replaced since the start
}

// Stats tells how the queue stands.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Stats{Waiting: q.waiting, Bytes: q.bytes, Coalesced: q.coalesced}
	for _, l := range q.lines {
		if l.held != nil {
			s.Held++
		}
		if !l.since.IsZero() {
			s.Limited++
		}
	}
	return s
}

// Put queues a message. It waits while the queue is full; the error is the context's.
func (q *Queue) Put(ctx context.Context, m Message) error {
	for {
		q.mu.Lock()
		if q.bytes == 0 || q.bytes+len(m.Body) <= q.limits.MaxBytes {
			q.put(m)
			q.mu.Unlock()
			return nil
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *Queue) put(m Message) {
	at, site := m.AcceptedAt, m.Site
	l := q.lines[site]
	if l == nil {
		l = &line{}
		q.lines[site] = l
	}
	if l.held != nil && !at.Before(l.until) && l.bytes <= q.limits.MaxBytes/4 {
		q.release(site, l)
	}
	if at.After(l.next) {
		l.next = at
	}
	earned := l.next.Add(-time.Duration(q.limits.Burst-1) * q.limits.Every)
	size := len(m.Body)
	switch {
	case l.held == nil && !earned.After(at) && (l.bytes == 0 || l.bytes+size <= q.limits.MaxBytes/4):
		l.next = l.next.Add(q.limits.Every)
		q.append(site, l, m)
	case l.held == nil:
		l.held, l.until = &m, earned
		q.limit(l, at)
	default:
		q.account(l, -len(l.held.Body))
		l.held = &m
		q.coalesced++
		q.limit(l, at)
	}
	q.account(l, size)
	q.signal()
}

func (q *Queue) limit(l *line, at time.Time) {
	l.over = at
	if l.since.IsZero() {
		l.since = at
	}
}

func (q *Queue) account(l *line, size int) {
	l.bytes += size
	q.bytes += size
}

// release moves the held message to those within the limit.
func (q *Queue) release(site string, l *line) {
	m := *l.held
	l.held = nil
	if l.until.After(l.next) {
		l.next = l.until
	}
	l.next = l.next.Add(q.limits.Every)
	q.append(site, l, m)
}

func (q *Queue) append(site string, l *line, m Message) {
	if len(l.waiting) == 0 {
		q.turns = append(q.turns, site)
	}
	l.waiting = append(l.waiting, m)
	q.waiting++
}

func (q *Queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// take returns the message whose turn it is at an instant. When there is none, wait is how long until a held one may go;
// 0 means that nothing waits.
func (q *Queue) take(now time.Time) (m Message, ok bool, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for site, l := range q.lines {
		switch {
		case l.held == nil:
		case !l.until.After(now):
			q.release(site, l)
		case wait == 0 || l.until.Sub(now) < wait:
			wait = l.until.Sub(now)
		}
	}
	if len(q.turns) == 0 {
		return Message{}, false, wait
	}
	site := q.turns[0]
	q.turns = q.turns[1:]
	l := q.lines[site]
	m, l.waiting = l.waiting[0], l.waiting[1:]
	q.waiting--
	q.account(l, -len(m.Body))
	if len(l.waiting) > 0 {
		q.turns = append(q.turns, site)
	}
	q.signal()
	return m, true, 0
}

// Run hands the messages to handle, one at a time, until the context ends. now is the stream's clock.
func (q *Queue) Run(ctx context.Context, now func() time.Time, handle func(context.Context, Message)) {
	for ctx.Err() == nil {
		q.mu.Lock()
		changed := q.changed
		q.mu.Unlock()
		m, ok, wait := q.take(now())
		if ok {
			handle(ctx, m)
			continue
		}
		var due <-chan time.Time
		if wait > 0 {
			t := time.NewTimer(wait)
			defer t.Stop() //nolint:gocritic // at most one for each time a limited site waits
			due = t.C
		}
		select {
		case <-changed:
		case <-due:
		case <-ctx.Done():
		}
	}
}

// Limited calls each with the sites that are limited at an instant and since when, and with those that are not any more,
// for which since is zero. A site without anything to say is forgotten.
func (q *Queue) Limited(now time.Time, each func(site string, since time.Time)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for site, l := range q.lines {
		if l.held == nil && !l.since.IsZero() && now.Sub(l.over) >= calm {
			l.since = time.Time{}
			each(site, time.Time{})
		} else if !l.since.IsZero() {
			each(site, l.since)
		}
		if l.held == nil && len(l.waiting) == 0 && l.since.IsZero() && !l.next.After(now) {
			delete(q.lines, site)
		}
	}
}
