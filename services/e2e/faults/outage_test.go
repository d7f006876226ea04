package faults

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/embedded"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/agent"
)

// wire is a TCP connection to a server that can be cut.
type wire struct {
	target string
	listen string

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
	done     sync.WaitGroup
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	w := &wire{target: target, listen: "127.0.0.1:0", open: map[net.Conn]bool{}}
	w.mend(t)
	t.Cleanup(w.cut)
	return w
}

func (w *wire) mend(t *testing.T) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", w.listen)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.listener, w.listen = l, l.Addr().String()
	w.mu.Unlock()
	w.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", w.target)
			if err != nil {
				_ = c.Close()
				continue
			}
			w.mu.Lock()
			w.open[c], w.open[s] = true, true
			w.mu.Unlock()
			for from, to := range map[net.Conn]net.Conn{c: s, s: c} {
				w.done.Go(func() {
					_, _ = io.Copy(to, from) // ends with either end
					_ = to.Close()
					_ = from.Close()
				})
			}
		}
	})
}

// cut closes the connections and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	_ = w.listener.Close()
	for c := range w.open {
		_ = c.Close()
	}
	clear(w.open)
	w.mu.Unlock()
	w.done.Wait()
}

// TestClickHouseAwayForAnHour: the engine is killed in the middle of a write and stays away for an hour's traffic at one
// revision every five minutes. The present does not wait for it, and the history catches up.
func TestClickHouseAwayForAnHour(t *testing.T) {
	t.Parallel()
	server, db := bustest.Start(t), database(t)
	w := newWire(t, db.Addr())
	dsn := "clickhouse://" + login(db.DSN()) + "@" + w.listen + "/meridian"
	r, _ := startReplica(t, settings{URL: server.URL(), Credentials: server.CredentialsFile(), DSN: dsn, Listen: "127.0.0.1:0"})
	all := plants(t, 4, func(site string) bus.Options { return server.SiteOptions(t, site) })
	observe(t, all, 2)
	if err := syscall.Kill(db.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.cut()
	observe(t, all, 12)
	applied(t, all) // with the history away
	w.mend(t)
	observe(t, all, 1)
	applied(t, all)
	count(t, server.Connect(t), r.View, openHistory(t, db.DSN()), all...)
}

// login is the part of a DSN with user and password.
func login(dsn string) string {
	const scheme = "clickhouse://"
	for i := len(scheme); i < len(dsn); i++ {
		if dsn[i] == '@' {
			return dsn[len(scheme):i]
		}
	}
	return ""
}

// TestDiskFullAtTheHub: the store of the streams has no room. The planner is told and keeps what it has; with more room
// everything is delivered.
func TestDiskFullAtTheHub(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(listen string, limit int64) *embedded.Server {
		t.Helper()
		s, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Listen: listen, MaxStoreBytes: limit})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	address := freeAddress(t)
	small := open(address, 400<<10)
	o := bus.Options{URL: small.URL(), CredentialsFile: small.CredentialsFile(), ReconnectWait: 50 * time.Millisecond, PublishTimeout: 2 * time.Second}
	r, _ := startReplica(t, settings{URL: o.URL, Credentials: o.CredentialsFile, Listen: "127.0.0.1:0"})
	p := newPlant(t, "plant-0", o)
	p.source.mu.Lock()
	p.source.pad = 12 << 10 // below the size from which documents are compressed
	p.source.mu.Unlock()
	p.observe(t, 40)
	eventually(t, "the planner is told that the hub has no room", func() error {
		if s := p.agent.Status(); s.LastError == nil || !strings.Contains(s.LastError.What, bus.ErrFull.Error()) || s.Outbox.Queued == 0 || s.Outbox.Dropped > 0 {
			return fmt.Errorf("%+v, %+v", s.Outbox, s.LastError)
		}
		return nil
	})
	if err := small.Close(); err != nil {
		t.Fatal(err)
	}
	large := open(address, 64<<20)
	t.Cleanup(func() {
		p.stop()
		if err := large.Close(); err != nil {
			t.Error(err)
		}
	})
	p.applied(t)
	conn := bustest.Dial(t, o)
	count(t, conn, r.View, nil, p)
}

// TestTwoPlannersWithOneIdentity: both are heard in turns, which is a finding of the site until one is left.
func TestTwoPlannersWithOneIdentity(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	s := settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: freeAddress(t)}
	r, _ := startReplica(t, s)
	one := newPlant(t, "plant-0", server.SiteOptions(t, "plant-0"))
	one.applied(t)
	two := newPlant(t, "plant-0", server.SiteOptions(t, "plant-0"))
	eventually(t, "the second is in force", func() error {
		if rec, ok := r.View().Site("plant-0"); !ok || rec.Planner.Instance != two.agent.Status().Instance {
			return fmt.Errorf("%+v", rec)
		}
		return nil
	})
	one.observe(t, 1)
	rivals := func(r *replica) func() error {
		return func() error {
			rec, ok := r.View().Site("plant-0")
			if !ok || len(rec.Rivals) != 2 {
				return fmt.Errorf("%+v", rec)
			}
			for i := range rec.Assessment.Findings {
				if f := &rec.Assessment.Findings[i]; f.Rule == "DQ-005" && f.Verdict == "fail" {
					return nil
				}
			}
			return fmt.Errorf("DQ-005 does not fail: %+v", rec.Assessment.Verdicts)
		}
	}
	eventually(t, "both planners are told", rivals(r))
	before, _ := r.View().Site("plant-0")
	// A hub that starts now has not heard both, yet knows it from the stream.
	other := s
	other.Listen = freeAddress(t)
	second, _ := startReplica(t, other)
	if err := rivals(second)(); err != nil {
		t.Errorf("a hub that starts later: %v", err)
	}
	if after, _ := second.View().Site("plant-0"); !after.RivalsSince.Equal(before.RivalsSince) {
		t.Errorf("the rivals speak since %s, after a restart since %s", before.RivalsSince, after.RivalsSince)
	}
	agree(t, []string{"plant-0"}, s.Listen, other.Listen)
}

// TestSilenceIsNoRecovery: a hub that starts while a planner is away says of the site what was said before, not better.
func TestSilenceIsNoRecovery(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	s := settings{URL: server.URL(), Credentials: server.CredentialsFile(), Listen: freeAddress(t)}
	r, stop := startReplica(t, s)
	p := newPlant(t, "plant-0", server.SiteOptions(t, "plant-0"), func(o *agent.Options) { o.Heartbeat = time.Minute })
	p.applied(t)
	eventually(t, "it is announced as live", func() error {
		if rec, ok := r.View().Site("plant-0"); !ok || rec.Liveness != fleet.Live || rec.Entered.Live.IsZero() {
			return fmt.Errorf("%+v", rec)
		}
		return nil
	})
	before, _ := r.View().Site("plant-0")
	stop()
	p.stop()
	fresh, _ := startReplica(t, s)
	after, ok := fresh.View().Site("plant-0")
	if !ok || !after.Entered.Live.Equal(before.Entered.Live) || !after.HeardAt.Equal(before.HeardAt) {
		t.Errorf("before the restart heard at %s, live since %s; after it %s and %s", before.HeardAt, before.Entered.Live, after.HeardAt, after.Entered.Live)
	}
}
