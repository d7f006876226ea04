// Package history keeps what was: every inventory revision, its facts, every assessment, every change of a finding and
// every rejection, in ClickHouse. It is append-only and safe to repeat: writing the same batch again changes no read.
// It must not be on the way to the current state, which lives in memory; services/federation feeds it from the durable
// stream and reads it for as-of answers, trends and reports.
package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ErrUnavailable tells that ClickHouse could not be reached or could not answer now; the same call may succeed later.
var ErrUnavailable = errors.New("the history is not available")

// ErrNotFound tells that the history holds no such thing.
var ErrNotFound = errors.New("not in the history")

// ErrInvalid tells that an argument cannot be used, such as a cursor of another query.
var ErrInvalid = errors.New("invalid argument")

// Options say which ClickHouse to use and how. Only DSN is needed.
type Options struct {
	DSN         string        // clickhouse://user:password@host:9000,host2:9000/database?secure=true
	Password    string        // overrides the DSN's, for passwords kept in files
	DialTimeout time.Duration // to connect or to get a free connection; 0 means 5 s
	Timeout     time.Duration // for one call of the Store; 0 means 60 s
	Connections int           // at most; 0 means 8
	Logger      *slog.Logger  // nil logs nothing

	// Replicated takes the Replicated engines, whose paths come from the server's default_replica_path.
	Replicated bool
	// Cluster names the ClickHouse cluster the tables are made on; empty makes them on the connected server.
	Cluster string

	Retention Retention

	// MayBeAway lets Open succeed although ClickHouse cannot be reached now: the current state needs no history, and the
	// calls of the Store work once it is there. A server that answers and refuses is an error all the same.
	MayBeAway bool
}

// Store reads and writes the history. It is safe for concurrent use.
type Store struct {
	options Options
	login   *clickhouse.Options
	conn    clickhouse.Conn
	logger  *slog.Logger
}

// Open connects and pings. It creates nothing: call Migrate before the first read or write.
func Open(ctx context.Context, options Options) (*Store, error) {
	login, err := clickhouse.ParseDSN(options.DSN)
	if err != nil {
		// The driver's error may quote the DSN, which holds a password.
		return nil, fmt.Errorf("open history: %w: the ClickHouse DSN cannot be read; it looks like clickhouse://user@host:9000/database", ErrInvalid)
	}
	if login.Protocol != clickhouse.Native {
		return nil, fmt.Errorf("open history: %w: the DSN must use the native protocol (clickhouse://, port 9000 or 9440)", ErrInvalid)
	}
	if err := options.Retention.Check(); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	if options.Password != "" {
		login.Auth.Password = options.Password
	}
	if options.DialTimeout <= 0 {
		options.DialTimeout = 5 * time.Second
	}
	if options.Timeout <= 0 {
		options.Timeout = time.Minute
	}
	if options.Connections <= 0 {
		options.Connections = 8
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	login.DialTimeout = options.DialTimeout
	login.ReadTimeout = options.Timeout
	login.MaxOpenConns = options.Connections
	login.MaxIdleConns = options.Connections
	login.ConnMaxLifetime = 30 * time.Minute
	login.ClientInfo.Products = append(login.ClientInfo.Products, struct{ Name, Version string }{"meridian", "1"})
	if login.Compression == nil {
		login.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	if login.Settings == nil {
		login.Settings = clickhouse.Settings{}
	}
	// Old observations may spread one batch over any number of months; refusing them would stop the stream for good.
	login.Settings["max_partitions_per_insert_block"] = 0
	// Every sorting key holds the instant its partition is made of, so equal keys are always in one partition.
	login.Settings["do_not_merge_across_partitions_select_final"] = 1

	conn, err := clickhouse.Open(login)
	if err != nil {
		return nil, wrap("open history", err)
	}
	s := &Store{options: options, login: login, conn: conn, logger: options.Logger}
	err = s.Ping(ctx)
	switch {
	case err == nil:
	case options.MayBeAway && ctx.Err() == nil && errors.Is(err, ErrUnavailable):
		s.logger.Warn("the history cannot be reached; the current state does not wait for it", "error", err)
	default:
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// Ping asks ClickHouse whether it serves.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	return wrap("ping history", s.conn.Ping(ctx))
}

// Close closes all connections.
func (s *Store) Close() error { return wrap("close history", s.conn.Close()) }

// wrap names the operation and marks what may succeed later with ErrUnavailable. A nil error stays nil.
func wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) {
		return fmt.Errorf("%s: %w", operation, err)
	}
	var exception *clickhouse.Exception
	if errors.As(err, &exception) && !transient(exception.Code) {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return fmt.Errorf("%s: %w: %w", operation, ErrUnavailable, err)
}

// transient lists ClickHouse's error codes that say "not now" rather than "not so".
func transient(code int32) bool {
	switch code {
	case 159, // TIMEOUT_EXCEEDED
		202, // TOO_MANY_SIMULTANEOUS_QUERIES
		209, // SOCKET_TIMEOUT
		210, // NETWORK_ERROR
		236, // ABORTED
		241, // MEMORY_LIMIT_EXCEEDED
		242, // TABLE_IS_READ_ONLY
		243, // NOT_ENOUGH_SPACE
		252, // TOO_MANY_PARTS
		319, // UNKNOWN_STATUS_OF_INSERT
		394, // QUERY_WAS_CANCELLED
		999: // KEEPER_EXCEPTION
		return true
	}
	return false
}

// Instants the nanosecond columns can hold. What lies outside is moved to the nearest, because one absurd clock must not
// stop a batch.
func instant(t time.Time) time.Time {
	first, last := time.Unix(0, 0).UTC(), time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t.UTC()
}

// optional is instant for times that may be absent.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = instant(t)
	return &t
}

func value(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// nanos is an instant as a query parameter. The text form of DateTime64 does not read back every instant.
func nanos(name string, t time.Time) driver.NamedValue {
	return clickhouse.Named(name, instant(t).UnixNano())
}
