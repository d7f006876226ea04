package wire

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Failures of an Exchange itself.
var (
	ErrTooMuch = errors.New("the answer is longer than the limit")
	ErrDials   = errors.New("the number of connections for this exchange is used up")
)

// Dialer opens connections, at most a number of them at one time over everything that shares it.
type Dialer struct{ slots chan struct{} }

// NewDialer returns a dialer for at most n connections at one time.
func NewDialer(n int) *Dialer { return &Dialer{slots: make(chan struct{}, max(n, 1))} }

// Limits bound one exchange.
type Limits struct {
	Timeout time.Duration // from the moment a connection may be opened, and again after each Renew
	Bytes   int64         // read from the server over all connections of the exchange
	Dials   int           // connections opened, refused ones included
}

// Exchange is one bounded conversation with a server. Its time does not grow with each byte the server sends, so that one
// that answers byte by byte is given up like one that is silent.
type Exchange struct {
	dialer *Dialer
	limits Limits

	mu       sync.Mutex
	deadline time.Time
	left     int64
	dials    int
	open     []*conn
}

// Exchange begins a conversation.
func (d *Dialer) Exchange(l Limits) *Exchange {
	return &Exchange{dialer: d, limits: l, left: l.Bytes}
}

// Dial opens a connection. Waiting for a free slot does not count against the exchange's time.
func (e *Exchange) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	e.mu.Lock()
	e.dials++
	refused := e.dials > e.limits.Dials
	e.mu.Unlock()
	if refused {
		return nil, ErrDials
	}
	select {
	case e.dialer.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	e.mu.Lock()
	if e.deadline.IsZero() {
		e.deadline = time.Now().Add(e.limits.Timeout)
	}
	deadline := e.deadline
	e.mu.Unlock()
	begin := time.Now()
	raw, err := (&net.Dialer{Deadline: deadline, KeepAlive: -1}).DialContext(ctx, network, address)
	if err != nil {
		<-e.dialer.slots
		return nil, err
	}
	c := &conn{Conn: raw, exchange: e, took: time.Since(begin)}
	c.stop = context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	e.mu.Lock()
	err = raw.SetDeadline(e.deadline)
	e.open = append(e.open, c)
	e.mu.Unlock()
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Renew gives the exchange its time again. Whoever talks calls it between one question and the next, never while an
// answer is coming in.
func (e *Exchange) Renew() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deadline = time.Now().Add(e.limits.Timeout)
	for _, c := range e.open {
		_ = c.Conn.SetDeadline(e.deadline) // a closed connection says so at the next read
	}
}

// Close closes what the exchange has open.
func (e *Exchange) Close() {
	e.mu.Lock()
	open := e.open
	e.open = nil
	e.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}

// conn is a connection whose deadline can be made shorter than the exchange's, never longer.
type conn struct {
	net.Conn
	exchange *Exchange
	stop     func() bool
	once     sync.Once
	took     time.Duration // to open it
}

func (c *conn) Read(p []byte) (int, error) {
	c.exchange.mu.Lock()
	left := c.exchange.left
	c.exchange.mu.Unlock()
	if left <= 0 {
		return 0, ErrTooMuch
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := c.Conn.Read(p)
	c.exchange.mu.Lock()
	c.exchange.left -= int64(n)
	c.exchange.mu.Unlock()
	return n, err
}

func (c *conn) Close() error {
	err := error(nil)
	c.once.Do(func() {
		c.stop()
		err = c.Conn.Close()
		<-c.exchange.dialer.slots
	})
	return err
}

func (c *conn) bound(t time.Time) time.Time {
	c.exchange.mu.Lock()
	defer c.exchange.mu.Unlock()
	if t.IsZero() || t.After(c.exchange.deadline) {
		return c.exchange.deadline
	}
	return t
}

func (c *conn) SetDeadline(t time.Time) error      { return c.Conn.SetDeadline(c.bound(t)) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.Conn.SetReadDeadline(c.bound(t)) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.bound(t)) }
