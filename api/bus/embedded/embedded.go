// Package embedded runs a NATS server with JetStream inside this process, for the all-in-one start, for tests and for
// small installations on one machine. It must not be needed by anything that only talks to a server: the planner's daemon
// does not import it. services/meridian and services/federation start it, bustest uses it.
//
// The server writes acknowledged messages to its files at once but asks the operating system to sync them every two
// minutes by default: a crash of the process loses nothing, a power cut may lose the last acknowledged messages. The
// planners keep acknowledged revisions for longer than that and send them again on request. SyncAlways trades throughput
// for certainty.
package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/meridian-federation/meridian/api/bus/link"
	"github.com/meridian-federation/meridian/api/bus/trust"
	"github.com/meridian-federation/meridian/planner/agent/dirlock"
	"github.com/meridian-federation/meridian/planner/atomicfile"
)

// Options say where the server keeps its files and where it listens.
type Options struct {
	Dir string // configuration, keys and store; made with mode 0700 when missing
	// Listen is host:port of the listener; empty means 127.0.0.1:0, port 0 takes a free one. Addresses other than loopback
	// need a certificate.
	Listen string

	CertFile     string // TLS for the listener
	KeyFile      string
	ClientCAFile string // ask clients for a certificate of these authorities as well

	MaxStoreBytes int64         // limit of the store; 0 means three quarters of the free disk, as the server decides
	SyncInterval  time.Duration // 0 means the server's two minutes
	SyncAlways    bool
	Logger        *slog.Logger // nil discards
}

// Files in Options.Dir.
const (
	configFile  = "nats.conf"
	keysDir     = "keys"
	accountsDir = "accounts" // JWTs of the accounts as they are in force
	storeDir    = "jetstream"

	authSeconds  = 10               // as long as a client waits: a crowd that comes back at once is not sent away
	startTimeout = 30 * time.Second // recovery of 1 GB in 100,000 subjects takes some 0.7 s
)

// ErrInUse is returned when another server holds the directory.
var ErrInUse = errors.New("another server uses the store")

// Server is a running server.
type Server struct {
	dir    string
	listen string
	o      Options
	srv    *server.Server
	lock   *dirlock.Lock
	closed sync.Once
}

// Start runs the server until Close. Nobody may connect without a credential: local processes use CredentialsFile, sites what
// a trust.Authority over KeysDir issues to them. It returns when clients can connect and the store is recovered, or when the context ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start the embedded message bus: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (_ *Server, err error) {
	if o.Dir == "" {
		return nil, errors.New("no directory is given")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Server{dir: dir, o: o}
	if s.listen, err = checkListen(o); err != nil {
		return nil, err
	}
	if s.lock, err = dirlock.Acquire(dir); err != nil {
		if errors.Is(err, dirlock.ErrHeld) {
			return nil, fmt.Errorf("%w: %w; stop it or choose another data directory", ErrInUse, err)
		}
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.lock.Release())
		}
	}()
	if _, err := os.Stat(s.KeysDir()); errors.Is(err, os.ErrNotExist) {
		if _, err := trust.Create(s.KeysDir()); err != nil {
			return nil, err
		}
	}
	opts, err := s.options()
	if err != nil {
		return nil, err
	}
	if s.srv, err = server.NewServer(opts); err != nil {
		return nil, err
	}
	log := &logger{log: o.Logger}
	s.srv.SetLoggerV2(log, false, false, false)
	s.srv.Start()
	if err := s.await(ctx, log); err != nil {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
		return nil, err
	}
	// URL names the port that was taken.
	if a, ok := s.srv.Addr().(*net.TCPAddr); ok {
		host, _, splitErr := net.SplitHostPort(s.listen)
		if splitErr == nil {
			s.listen = net.JoinHostPort(host, strconv.Itoa(a.Port))
		}
	}
	return s, nil
}

func (s *Server) await(ctx context.Context, log *logger) error {
	deadline := time.Now().Add(startTimeout)
	for !s.srv.ReadyForConnections(50 * time.Millisecond) {
		switch {
		case log.fatal.Load() != nil:
			return errors.New(*log.fatal.Load())
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("not ready within %s", startTimeout)
		}
	}
	if !s.srv.JetStreamEnabled() {
		return errors.New("JetStream did not start")
	}
	return nil
}

func checkListen(o Options) (string, error) {
	listen := o.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("listen address %q: %w", listen, err)
	}
	if !link.Loopback(host) && (o.CertFile == "" || o.KeyFile == "") {
		return "", fmt.Errorf("listen address %q is not loopback: give a certificate and its key, or listen on 127.0.0.1", listen)
	}
	return listen, nil
}

// URL is the address for clients on this machine.
func (s *Server) URL() string {
	scheme := "nats://"
	if s.o.CertFile != "" {
		scheme = "tls://"
	}
	host, port, err := net.SplitHostPort(s.listen)
	if err != nil {
		return ""
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port)
}

// KeysDir is the folder with the keys of the server's accounts, see package trust. It is made at the first start and kept.
func (s *Server) KeysDir() string { return filepath.Join(s.dir, keysDir) }

// CredentialsFile is the credential for processes of this machine; it gives all rights but those of the system account.
func (s *Server) CredentialsFile() string { return filepath.Join(s.KeysDir(), trust.HubFile) }

// InProcessConn implements bus.InProcess. The credential is asked for here too.
func (s *Server) InProcessConn() (net.Conn, error) { return s.srv.InProcessConn() }

// Close stops the server after its clients were told, and gives the directory free.
func (s *Server) Close() error {
	var err error
	s.closed.Do(func() {
		s.srv.Shutdown()
		s.srv.WaitForShutdown()
		err = s.lock.Release()
	})
	return err
}

// options writes the configuration file and reads it as the server would, so that an administrator can see and run it.
func (s *Server) options() (*server.Options, error) {
	conf, err := s.config()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, configFile)
	if err := atomicfile.Write(path, conf); err != nil {
		return nil, err
	}
	opts, err := server.ProcessConfigFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	opts.NoSigs = true
	return opts, nil
}

// config is the server's configuration as JSON, which its format includes, so that every value is quoted.
func (s *Server) config() ([]byte, error) {
	host, portText, err := net.SplitHostPort(s.listen)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("port of the listen address %q: %w", s.listen, err)
	}
	if port == 0 {
		port = -1 // the server's word for any free port
	}
	js := map[string]any{"store_dir": filepath.Join(s.dir, storeDir)}
	if s.o.MaxStoreBytes > 0 {
		js["max_file_store"] = s.o.MaxStoreBytes
	}
	switch {
	case s.o.SyncAlways:
		js["sync_interval"] = "always"
	case s.o.SyncInterval > 0:
		js["sync_interval"] = s.o.SyncInterval.String()
	}
	accounts, err := trust.ReadServers(s.KeysDir())
	if err != nil {
		return nil, err
	}
	resolver := filepath.Join(s.dir, accountsDir)
	for account := range accounts.Preload {
		// What was revoked since the keys were made stands here. The server prefers it to the configuration only if it is
		// younger by a second.
		kept, err := os.ReadFile(filepath.Join(resolver, account+".jwt"))
		switch {
		case err == nil:
			accounts.Preload[account] = string(kept)
		case !errors.Is(err, os.ErrNotExist):
			return nil, err
		}
	}
	conf := map[string]any{
		"server_name": "meridian", "host": host, "port": port, "jetstream": js,
		"operator": accounts.Operator, "system_account": accounts.System, "resolver_preload": accounts.Preload,
		"authorization": map[string]any{"timeout": authSeconds},
		// There is no other server to ask for an account that is not known here.
		"resolver": map[string]any{"type": "full", "dir": resolver, "allow_delete": false, "timeout": "50ms"},
	}
	if s.o.CertFile != "" {
		tls := map[string]any{"cert_file": s.o.CertFile, "key_file": s.o.KeyFile, "min_version": "1.3"}
		if s.o.ClientCAFile != "" {
			tls["ca_file"], tls["verify"] = s.o.ClientCAFile, true
		}
		conf["tls"] = tls
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the format knows no \u003e, which the wildcard of a subject would become
	enc.SetIndent("", "  ")
	if err := enc.Encode(conf); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// logger hands the server's log to slog. Notices are the server's account of its start and are of no interest to others.
type logger struct {
	log   *slog.Logger
	fatal atomic.Pointer[string]
}

// Noticef implements server.Logger.
func (l *logger) Noticef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }

// Warnf implements server.Logger.
func (l *logger) Warnf(format string, v ...any) { l.write(slog.LevelWarn, format, v) }

// Errorf implements server.Logger.
func (l *logger) Errorf(format string, v ...any) { l.write(slog.LevelError, format, v) }

// Debugf implements server.Logger.
func (l *logger) Debugf(format string, v ...any) { l.write(slog.LevelDebug, format, v) }

// Tracef implements server.Logger.
func (l *logger) Tracef(format string, v ...any) { l.write(slog.LevelDebug, format, v) }

// Fatalf implements server.Logger. The server does not end the process; the message becomes the error of Start.
func (l *logger) Fatalf(format string, v ...any) {
	msg := fmt.Sprintf(format, v...)
	l.fatal.CompareAndSwap(nil, &msg)
	l.write(slog.LevelError, format, v)
}

func (l *logger) write(level slog.Level, format string, v []any) {
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	l.log.Log(context.Background(), level, fmt.Sprintf(format, v...), "component", "nats-server")
}
