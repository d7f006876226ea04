// Package embedded runs ClickHouse as a supervised child process out of libchdb, for `meridian up`, tests and small
// single hosts. It starts, restarts and stops the server and hands out a DSN; it creates no tables and reads none.
// services/federation and history's tests call it; production uses a ClickHouse cluster by DSN instead.
//
// A program that calls Start must call Main as the first thing in main (tests: in TestMain), because the child is the
// same executable started again.
package embedded

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/meridian-federation/meridian/planner/atomicfile"
)

// User and Database are the login and the database every started server has.
const (
	User     = "fed"
	Database = "meridian"
)

// Errors of Start, to be compared with errors.Is.
var (
	// ErrUnsupported tells that this build cannot run ClickHouse as a child.
	ErrUnsupported = errors.New("embedded ClickHouse is supported on Linux with glibc on amd64 and arm64 only; use a ClickHouse server of your own with --clickhouse")
	// ErrInUse tells that another process runs a server on the same folder.
	ErrInUse = errors.New("the folder is in use by another process")
	// ErrNoLibrary tells that libchdb.so was not found.
	ErrNoLibrary = errors.New("the ClickHouse library libchdb.so was not found")

	errForeign = errors.New("somebody else's server answers on the port")
)

const (
	defaultStartTimeout = 20 * time.Second
	defaultMaxMemory    = 3_000_000_000
	// ClickHouse itself gives open connections 5 s, which cannot be configured in this mode, and ends by force then.
	stopTimeout   = 8 * time.Second
	pingInterval  = 5 * time.Millisecond
	startAttempts = 3
	backoffFirst  = 100 * time.Millisecond
	backoffMax    = 30 * time.Second
	// A child that served this long counts as healthy, so the next death starts again with the shortest backoff.
	backoffReset = time.Minute
)

// Options say where and how a server runs. Only Dir is needed.
type Options struct {
	Dir          string        // everything the server writes; made with mode 0700
	Library      string        // path of libchdb.so; empty looks for it, see FindLibrary
	Logger       *slog.Logger  // nil logs nothing
	Port         int           // TCP port on 127.0.0.1; 0 takes a free one
	StartTimeout time.Duration // for one attempt to become ready; 0 means 20 s
	MaxMemory    int64         // bytes the server may use; 0 means 3 GB
	// Config holds further elements of the server's configuration, such as <zookeeper> and <macros>.
	Config string
}

// Server is a running ClickHouse child and its supervisor. All methods may be called from any goroutine.
type Server struct {
	options  Options
	password string
	port     int
	lock     *os.File
	logger   *slog.Logger
	stop     context.CancelFunc
	done     chan struct{}

	mu       sync.Mutex
	current  *process
	restarts int
	err      error
	closeErr error
}

// Start starts ClickHouse on the folder and returns once a client can log in. ctx bounds the start alone; the server runs
// until Close. A child that dies later is started again with the same port and password, so a pool of connections
// recovers by itself. Errors: ErrUnsupported, ErrNoLibrary, ErrInUse, or why the server did not become ready.
func Start(ctx context.Context, options Options) (*Server, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	if options.Library, err = FindLibrary(options.Library, options.Dir); err != nil {
		return nil, err
	}
	if err := complete(options.Library); err != nil {
		return nil, err
	}
	if err := makeDir(options.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(ctx, options.Dir)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // Never fails: the runtime ends the program instead.
	s := &Server{
		options: options, password: hex.EncodeToString(secret), lock: lock, logger: options.Logger,
		done: make(chan struct{}),
	}
	if err := s.startFirst(ctx); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go s.supervise(running)
	return s, nil
}

func (o Options) complete() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("start ClickHouse: Options.Dir is empty")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, fmt.Errorf("start ClickHouse: %w", err)
	}
	o.Dir = dir
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = defaultStartTimeout
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = defaultMaxMemory
	}
	return o, nil
}

// startFirst makes the first child ready. A free port can be lost between its choice and the child's listen, so the
// attempt is repeated with another one unless the caller fixed the port.
func (s *Server) startFirst(ctx context.Context) error {
	var last error
	for range startAttempts {
		s.port = s.options.Port
		if s.port == 0 {
			port, err := freePort(ctx)
			if err != nil {
				return err
			}
			s.port = port
		}
		if err := s.writeConfig(); err != nil {
			return err
		}
		child, err := s.startChild(ctx)
		if err == nil {
			s.setCurrent(child, nil)
			return s.createDatabase(ctx)
		}
		last = err
		if ctx.Err() != nil {
			break
		}
		s.logger.Warn("ClickHouse did not start", "port", s.port, "error", err)
	}
	return last
}

// startChild starts one child and waits until it serves; on error no child is left.
func (s *Server) startChild(ctx context.Context) (*process, error) {
	child, err := spawn(s.options.Dir, s.options.Library, s.lock)
	if err != nil {
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, s.options.StartTimeout)
	defer cancel()
	began := time.Now()
	if err := s.awaitReady(ready, child); err != nil {
		child.end(0)
		return nil, fmt.Errorf("start ClickHouse: %w%s", err, child.tail())
	}
	s.logger.Info("ClickHouse is ready", "pid", child.pid(), "port", s.port, "after", time.Since(began).Round(time.Millisecond))
	return child, nil
}

// awaitReady pings until the child answers to its own password.
func (s *Server) awaitReady(ctx context.Context, child *process) error {
	conn, err := clickhouse.Open(s.login(""))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // The pool held one connection for pings; nothing can be lost with it.
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		err := conn.Ping(ctx)
		var exception *clickhouse.Exception
		switch {
		case err == nil:
			return nil
		case errors.As(err, &exception):
			return fmt.Errorf("%w %d: %s", errForeign, s.port, exception.Message)
		}
		select {
		case <-child.exited:
			return errors.New("the child process ended")
		case <-ctx.Done():
			return fmt.Errorf("not ready in time (%w): %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func (s *Server) createDatabase(ctx context.Context) error {
	conn, err := clickhouse.Open(s.login(""))
	if err == nil {
		err = errors.Join(conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+Database), conn.Close())
	}
	if err != nil {
		s.process().end(stopTimeout)
		return fmt.Errorf("create database %s: %w", Database, err)
	}
	return nil
}

func (s *Server) login(database string) *clickhouse.Options {
	return &clickhouse.Options{
		Addr:         []string{s.Addr()},
		Auth:         clickhouse.Auth{Database: database, Username: User, Password: s.password},
		DialTimeout:  min(2*time.Second, s.options.StartTimeout),
		MaxOpenConns: 1,
		MaxIdleConns: 1,
	}
}

// supervise starts the child again whenever it ends, until Close.
func (s *Server) supervise(ctx context.Context) {
	defer close(s.done)
	backoff := backoffFirst
	for {
		child := s.process()
		began := time.Now()
		select {
		case <-ctx.Done():
			s.shutdown(child)
			return
		case <-child.exited:
		}
		if time.Since(began) > backoffReset {
			backoff = backoffFirst
		}
		err := fmt.Errorf("ClickHouse ended unexpectedly: %s%s", child.state(), child.tail())
		s.setCurrent(child, err)
		s.logger.Error("ClickHouse ended unexpectedly and is started again", "error", err, "in", backoff)
		for {
			if !pause(ctx, backoff) {
				s.shutdown(child)
				return
			}
			backoff = min(2*backoff, backoffMax)
			next, err := s.startChild(ctx)
			if err == nil {
				s.setCurrent(next, nil)
				break
			}
			if ctx.Err() == nil {
				s.setCurrent(child, err)
				s.logger.Error("ClickHouse cannot be started again", "error", err, "retry", backoff)
			}
		}
	}
}

func (s *Server) shutdown(child *process) {
	killed := child.end(stopTimeout)
	err := s.lock.Close()
	if killed {
		err = errors.Join(fmt.Errorf("ClickHouse did not stop within %s and was killed; were all connections closed before?", stopTimeout), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeErr, s.err = err, net.ErrClosed
}

// Close stops the server and waits until it is gone. Close the pools of connections first: ClickHouse waits up to five
// seconds for open ones and for queries that were cancelled a moment ago. After eight seconds it is killed, which loses
// nothing that was acknowledged; the error tells so. Close may be called more than once.
func (s *Server) Close() error {
	s.stop()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeErr
}

// Addr is the host and port of the native protocol, stable over restarts of the child.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// DSN is what history.Open takes. It holds a password made at random by Start: do not log it.
func (s *Server) DSN() string {
	return (&url.URL{Scheme: "clickhouse", User: url.UserPassword(User, s.password), Host: s.Addr(), Path: "/" + Database}).String()
}

// Done is closed after the server has stopped for good.
func (s *Server) Done() <-chan struct{} { return s.done }

// Wait blocks until the server has stopped for good and returns what Close returns.
func (s *Server) Wait() error {
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeErr
}

// Err tells why the server does not serve at present: nil while it does, net.ErrClosed after Close.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Restarts counts how often the child had to be started again.
func (s *Server) Restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restarts
}

// PID is the process id of the present child.
func (s *Server) PID() int { return s.process().pid() }

func (s *Server) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

func (s *Server) setCurrent(child *process, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.current != child {
		s.restarts++
	}
	s.current, s.err = child, err
}

func (s *Server) writeConfig() error {
	sum := sha256.Sum256([]byte(s.password))
	for name, text := range map[string]string{
		usersFile:  usersXML(hex.EncodeToString(sum[:])),
		configFile: configXML(s.options.Dir, s.port, s.options.MaxMemory, s.options.Config),
	} {
		if err := atomicfile.Write(filepath.Join(s.options.Dir, name), []byte(text)); err != nil {
			return fmt.Errorf("write ClickHouse configuration: %w", err)
		}
	}
	return nil
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return port, nil
}

// pause waits and reports whether the time passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
