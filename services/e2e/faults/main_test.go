// Package faults breaks the running system in every way that operation brings and counts each revision afterwards:
// nothing is lost and nothing is there twice, in the streams, in the hub's memory and in the history.
package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/federation/history"
	clickhouse "github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/federation/notify"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/services/federation/hub"
)

// Roles that this binary plays as a process of its own.
const (
	roleVariable = "MERIDIAN_FAULTS_ROLE"
	roleHub      = "hub"
	roleFullDisk = "planner on a full disk"
)

func TestMain(m *testing.M) {
	clickhouse.Main() // Returns at once unless this process was started as the embedded ClickHouse.
	switch os.Getenv(roleVariable) {
	case roleHub:
		exit(playHub())
	case roleFullDisk:
		exit(playFullDisk())
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	patience = 120 * time.Second
	secret   = "a-secret-of-this-test-only-0123456789"
)

// eventually polls until ask answers nil.
func eventually(t testing.TB, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s: %v", patience, what, err)
		}
		<-tick.C
	}
}

// settings of a hub, also for one in a process of its own.
type settings struct {
	URL, Credentials, DSN, Listen string
	Replicas                      int
	Notify                        bool
	Now                           func() time.Time `json:"-"`
}

// replica is a hub at work with its history and its REST.
type replica struct {
	*hub.Hub
	conn  *bus.Conn
	store *history.Store // nil without
	run   func(context.Context) error
}

func newReplica(ctx context.Context, s settings) (*replica, error) {
	engine, err := assess.Builtin()
	if err != nil {
		return nil, err
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	conn, err := bus.Connect(ctx, bus.Options{URL: s.URL, CredentialsFile: s.Credentials, WaitConnected: true, ReconnectWait: 50 * time.Millisecond, PublishTimeout: 3 * time.Second})
	if err != nil {
		return nil, err
	}
	r := &replica{conn: conn}
	o := hub.Options{
		Bus: conn, Streams: bus.StreamOptions{Replicas: s.Replicas}, Engine: engine, Policy: policy.Default(), Logger: slog.New(slog.DiscardHandler), Now: s.Now,
	}
	if s.DSN != "" {
		r.store, err = history.Open(ctx, history.Options{DSN: s.DSN, DialTimeout: time.Second, Timeout: 20 * time.Second, MayBeAway: true})
		if err != nil {
			return nil, err
		}
	}
	if r.Hub, err = hub.New(o); err != nil {
		return nil, err
	}
	auth, err := rest.NewTokens(rest.Token{Name: "test", SHA256: rest.HashToken(secret), Role: rest.Admin})
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return nil, err
	}
	serve := hub.Serve{Listener: listener, Auth: auth, Registry: prometheus.NewRegistry(), Drain: 50 * time.Millisecond}
	var notifier *hub.Notifier
	if s.Notify {
		notifier, err = hub.NewNotifier(ctx, r.Hub, hub.Notification{
			Key: []byte(secret)[:notify.KeySize], Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Tuning: notify.Tuning{FirstRetry: 50 * time.Millisecond, FlapLimit: 1000},
		})
		if err != nil {
			return nil, err
		}
		serve.Webhooks = notifier
	}
	r.run = func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return r.Run(ctx) })
		group.Go(func() error { return r.Serve(ctx, serve) })
		if notifier != nil {
			group.Go(func() error { return notifier.Run(ctx) })
		}
		if r.store != nil {
			group.Go(func() error { return hub.WriteHistory(ctx, o, r.store) })
		}
		err := group.Wait()
		if r.store != nil {
			if closing := r.store.Close(); err == nil {
				err = closing
			}
		}
		conn.Close()
		return err
	}
	return r, nil
}

// startReplica runs a hub in this process until stop is called or the test ends.
func startReplica(t *testing.T, s settings) (r *replica, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r, err := newReplica(ctx, s)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the hub ended with %v", err)
		}
	}
	t.Cleanup(stop)
	select {
	case <-r.Ready():
	case <-time.After(patience):
		t.Fatal("the hub is not ready")
	}
	return r, stop
}

// playHub is a hub in a process of its own, which can be killed.
func playHub() error {
	var s settings
	if err := json.Unmarshal([]byte(os.Getenv("MERIDIAN_FAULTS_SETTINGS")), &s); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	r, err := newReplica(ctx, s)
	if err != nil {
		return err
	}
	return r.run(ctx)
}

// hubProcess starts a hub in a process of its own.
func hubProcess(t *testing.T, s settings) (kill func()) {
	t.Helper()
	body, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+roleHub, "MERIDIAN_FAULTS_SETTINGS="+string(body))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if killed {
			return
		}
		killed = true
		_ = cmd.Process.Kill() // gone already: Wait tells
		if err := cmd.Wait(); err == nil {
			t.Error("the hub ended by itself")
		}
	}
	t.Cleanup(kill)
	return kill
}

// database starts a real ClickHouse.
func database(t *testing.T) *clickhouse.Server {
	t.Helper()
	library := ""
	if os.Getenv("MERIDIAN_CHDB") == "" {
		found, err := filepath.Glob("../../../deployments/embedded-clickhouse/node_modules/@chdb/*/libchdb.so")
		if err != nil || len(found) == 0 {
			t.Fatalf("this test needs ClickHouse; fetch it with the task chdb: %v", err)
		}
		if library, err = filepath.Abs(found[0]); err != nil {
			t.Fatal(err)
		}
	}
	server, err := clickhouse.Start(t.Context(), clickhouse.Options{Dir: t.TempDir(), Library: library})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func openHistory(t *testing.T, dsn string) *history.Store {
	t.Helper()
	store, err := history.Open(t.Context(), history.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
