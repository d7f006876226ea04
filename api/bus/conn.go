package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/meridian-federation/meridian/api/bus/envelope"
	"github.com/meridian-federation/meridian/api/bus/link"
	"github.com/meridian-federation/meridian/api/bus/subjects"
)

// InProcess is a server in the same process; embedded.Server is one.
type InProcess interface {
	InProcessConn() (net.Conn, error)
}

// Options say where the bus is and who connects.
type Options struct {
	URL       string    // one or more nats:// or tls:// URLs, comma separated
	InProcess InProcess // instead of URL

	// One of these, or none where the server asks for none.
	CredentialsFile string // NATS .creds file (JWT and seed)
	SeedFile        string // NKey seed; must not be readable by others
	User            string
	PasswordFile    string

	CAFile   string // TLS: trust these authorities instead of the system's
	CertFile string // mutual TLS
	KeyFile  string
	// PlainText allows a connection without TLS to a server that is not on this machine, for networks that are private by
	// other means. Without it such a URL is refused, and TLS is never given up for a server that offers none.
	PlainText bool

	// Domain is the JetStream domain of the hub's streams, where its servers name one. A receipt from another domain, such as
	// that of a leaf node with a store of its own, counts as none.
	Domain string

	Name        string // shown in the server's monitoring
	InboxPrefix string // bus.InboxPrefix(site) for a site's credential
	// WaitConnected makes Connect wait for the first connection until its context ends. Without it Connect returns at once
	// and the connection is established when the server can be reached.
	WaitConnected bool

	PublishTimeout time.Duration // 0 means 10s
	ReconnectWait  time.Duration // greatest wait between attempts; 0 means 5s
	Logger         *slog.Logger  // nil discards
	Now            func() time.Time
}

func (o Options) link() link.Options {
	return link.Options{
		URL: o.URL, InProcess: o.InProcess != nil, CredentialsFile: o.CredentialsFile, SeedFile: o.SeedFile, User: o.User, PasswordFile: o.PasswordFile,
		CAFile: o.CAFile, CertFile: o.CertFile, KeyFile: o.KeyFile, PlainText: o.PlainText,
	}
}

// Check refuses options whose connection would leave the machine without encryption. Connect does it too.
func (o Options) Check() error {
	if err := o.link().Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// Conn is a connection to the bus. It reconnects for ever; calls made meanwhile fail with ErrUnavailable and readers
// resume. Safe for concurrent use.
type Conn struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	codec   codec
	log     *slog.Logger
	now     func() time.Time
	timeout time.Duration
	domain  string

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced at each reconnection
	lastErr   error
	lastErrAt time.Time
	calls     map[string]map[*pending]struct{} // under way, by subject
	judged    map[string]judged                // last assessment known per site
}

// Status tells how the connection stands.
type Status struct {
	Connected   bool      `json:"connected"`
	Server      string    `json:"server,omitempty"`
	Reconnects  uint64    `json:"reconnects"`
	LastError   string    `json:"lastError,omitempty"`
	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`
	Denied      bool      `json:"denied,omitempty"` // the last error is that the servers refuse the credential
}

const (
	defaultPublishTimeout = 10 * time.Second
	defaultReconnectWait  = 5 * time.Second
	firstReconnectWait    = 100 * time.Millisecond
	// connectTimeout is longer than the client's 2 s: of a thousand sites that come back at once a server answers some late,
	// and who gives up and begins again keeps it from answering the others.
	connectTimeout = 10 * time.Second
	pingInterval   = 20 * time.Second // a dead link is noticed after two missed answers
	waitFirst      = 2 * time.Second  // before somebody who waits for the first connection is told
	waitAgain      = 30 * time.Second
)

// Connect opens the connection. With WaitConnected the error is ErrUnavailable or ErrDenied when the context ends first.
func Connect(ctx context.Context, o Options) (*Conn, error) {
	k, err := envelope.NewCodec()
	if err != nil {
		return nil, err
	}
	c := &Conn{
		codec: codec{k}, log: o.Logger, now: o.Now, timeout: o.PublishTimeout, domain: o.Domain,
		changed: make(chan struct{}), calls: map[string]map[*pending]struct{}{}, judged: map[string]judged{},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.timeout <= 0 {
		c.timeout = defaultPublishTimeout
	}
	opts, err := c.options(o)
	if err != nil {
		return nil, err
	}
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("connect to the message bus: %w", err)
	}
	who, err := o.link().NATS()
	if err != nil {
		return nil, fmt.Errorf("connect to the message bus: %w", err)
	}
	if c.nc, err = nats.Connect(o.URL, append(opts, who...)...); err != nil {
		return nil, mapError(ctx, "connect to the message bus", err)
	}
	if c.js, err = newJetStream(c.nc, o.Domain, jetstream.WithPublishAsyncMaxPending(4096), jetstream.WithPublishAsyncTimeout(c.timeout)); err != nil {
		c.nc.Close()
		return nil, fmt.Errorf("connect to the message bus: %w", err)
	}
	if o.WaitConnected {
		if err := c.waitConnected(ctx); err != nil {
			c.nc.Close()
			return nil, err
		}
	}
	return c, nil
}

func newJetStream(nc *nats.Conn, domain string, opts ...jetstream.JetStreamOpt) (jetstream.JetStream, error) {
	if domain == "" {
		return jetstream.New(nc, opts...)
	}
	return jetstream.NewWithDomain(nc, domain, opts...)
}

// api is a subject of the JetStream API in the hub's domain.
func (c *Conn) api(rest string) string { return subjects.API(c.domain, rest) }

func (c *Conn) options(o Options) ([]nats.Option, error) {
	longest := o.ReconnectWait
	if longest <= 0 {
		longest = defaultReconnectWait
	}
	opts := []nats.Option{
		nats.Name(o.Name),
		nats.RetryOnFailedConnect(true),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a credential that is renewed later must be tried again
		nats.ReconnectBufSize(-1),   // a publish without connection fails at once; the outbox repeats it
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		nats.CustomReconnectDelay(func(attempts int) time.Duration {
			return backoff(attempts, firstReconnectWait, longest)
		}),
		nats.ConnectHandler(func(*nats.Conn) { c.reconnected() }),
		nats.ReconnectHandler(func(*nats.Conn) { c.reconnected() }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.note(err)
				c.log.Warn("connection to the message bus lost", "error", err)
			}
			c.abandon(err)
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.note(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.asyncError(err) }),
	}
	if o.InProcess != nil {
		opts = append(opts, nats.InProcessServer(o.InProcess))
	}
	if o.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(o.InboxPrefix))
	}
	return opts, nil
}

func (c *Conn) waitConnected(ctx context.Context) error {
	patience := time.NewTimer(waitFirst)
	defer patience.Stop()
	for {
		changed := c.change()
		if c.nc.IsConnected() {
			return nil
		}
		select {
		case <-changed:
		case <-patience.C:
			c.log.Warn("waiting for the message bus", "error", c.lastError())
			patience.Reset(waitAgain)
		case <-ctx.Done():
			err := c.lastError()
			if err == nil {
				err = ctx.Err()
			}
			if s := sentinel(err); s == nil {
				err = fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			return mapError(context.WithoutCancel(ctx), "connect to the message bus", err)
		}
	}
}

// Close ends the connection after what was sent has left, at most within two seconds. Readers return ErrClosed.
func (c *Conn) Close() {
	if c.nc.IsConnected() {
		if err := c.nc.FlushTimeout(2 * time.Second); err != nil {
			c.log.Debug("flush before close", "error", err)
		}
	}
	c.nc.Close()
	c.reconnected() // wakes readers that wait for a connection
	if err := c.codec.Close(); err != nil {
		c.log.Debug("close the encoder", "error", err)
	}
}

// Connected reports whether the connection stands now.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Status returns how the connection stands.
func (c *Conn) Status() Status {
	s := Status{Connected: c.nc.IsConnected(), Server: c.nc.ConnectedServerName(), Reconnects: c.nc.Stats().Reconnects}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lastErr != nil {
		s.LastError, s.LastErrorAt = c.lastErr.Error(), c.lastErrAt
		s.Denied = errors.Is(sentinel(c.lastErr), ErrDenied)
	}
	return s
}

// reconnected wakes everybody who waits for the connection to change.
func (c *Conn) reconnected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Reconnected returns a channel that is closed when the connection comes back the next time, or is closed for good.
func (c *Conn) Reconnected() <-chan struct{} { return c.change() }

// change is closed at the next reconnection or at Close.
func (c *Conn) change() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *Conn) note(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastErr, c.lastErrAt = err, c.now().UTC()
}

func (c *Conn) lastError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastErr
}

// asyncError hears what the server says apart from any call. A refused publish gets no other answer, so the call that
// waits for its receipt is told here.
func (c *Conn) asyncError(err error) {
	c.note(err)
	if !errors.Is(err, nats.ErrPermissionViolation) {
		c.log.Warn("message bus", "error", err)
		return
	}
	c.log.Warn("message bus refused a subject", "error", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	for subject, waiting := range c.calls {
		if strings.Contains(err.Error(), `"`+subject+`"`) {
			for w := range waiting {
				w.cancel(fmt.Errorf("%w: %w", ErrDenied, err))
			}
		}
	}
}

// pending is a call under way.
type pending struct {
	cancel context.CancelCauseFunc
	answer bool // it waits for an answer, which is lost with the connection
}

// abandon ends the calls whose answers cannot come any more.
func (c *Conn) abandon(err error) {
	reason := fmt.Errorf("%w: the connection was lost before the answer", ErrUnavailable)
	if err != nil {
		reason = fmt.Errorf("%w: %w", reason, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, waiting := range c.calls {
		for w := range waiting {
			if w.answer {
				w.cancel(reason)
			}
		}
	}
}

// guarded returns a context for a call that waits for an answer. It ends at the publish timeout, when the connection is
// lost, and as soon as the server refuses one of the subjects; the cause tells which.
func (c *Conn) guarded(ctx context.Context, subjects ...string) (context.Context, func()) {
	ctx, stopTimer := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("%w: no answer within %s", ErrUnavailable, c.timeout))
	ctx, done := c.register(ctx, true, subjects)
	return ctx, func() {
		done()
		stopTimer()
	}
}

// guardedForever is for a subscription: it ends when the server refuses one of the subjects.
func (c *Conn) guardedForever(ctx context.Context, subjects ...string) (context.Context, func()) {
	return c.register(ctx, false, subjects)
}

func (c *Conn) register(ctx context.Context, answer bool, subjects []string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &pending{cancel: cancel, answer: answer}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, subject := range subjects {
		if c.calls[subject] == nil {
			c.calls[subject] = map[*pending]struct{}{}
		}
		c.calls[subject][p] = struct{}{}
	}
	return ctx, func() {
		cancel(nil)
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, subject := range subjects {
			if delete(c.calls[subject], p); len(c.calls[subject]) == 0 {
				delete(c.calls, subject)
			}
		}
	}
}

// JetStream is the connection's way to streams, for the packages below this one that keep some of their own.
func (c *Conn) JetStream() jetstream.JetStream { return c.js }

// Error wraps an error of the client with the operation and with one of this package's, for the packages below it.
func Error(ctx context.Context, op string, err error) error { return mapError(ctx, op, err) }
