package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/embedded"
	"github.com/meridian-federation/meridian/api/bus/trust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o embedded.Options) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	start(t, embedded.Options{Dir: dir})
	for name, want := range map[string]os.FileMode{".": 0o700, "nats.conf": 0o600, "keys": 0o700, "keys/hub.creds": 0o600, "keys/roots/sites.nk": 0o600, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), want)
		}
	}
	conf, err := os.ReadFile(filepath.Join(dir, "nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(conf), "-----BEGIN") || regexp.MustCompile(`"S[AOU][A-Z0-9]{56}`).Match(conf) {
		t.Error("the configuration holds a seed")
	}
}

func TestNobodyConnectsWithoutCredential(t *testing.T) {
	s := start(t, embedded.Options{Dir: t.TempDir()})
	for name, opts := range map[string][]nats.Option{
		"over TCP":    nil,
		"with a name": {nats.UserInfo("admin", "admin")},
	} {
		nc, err := nats.Connect(s.URL(), opts...)
		if err == nil {
			nc.Close()
		}
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw, err := s.InProcessConn()
	if err != nil {
		t.Fatal(err)
	}
	hello, err := bufio.NewReader(raw).ReadString('\n')
	if err != nil || !strings.Contains(hello, `"auth_required":true`) {
		t.Errorf("in the process: %s %v", hello, err)
	}
	if err := raw.Close(); err != nil {
		t.Error(err)
	}
	for name, o := range map[string]bus.Options{
		"over TCP":       {URL: s.URL(), CredentialsFile: s.CredentialsFile(), WaitConnected: true},
		"in the process": {InProcess: s, CredentialsFile: s.CredentialsFile(), WaitConnected: true},
	} {
		c := bustest.Dial(t, o)
		if err := c.EnsureStreams(t.Context(), bus.StreamOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

func TestSecondServerOnTheSameStoreIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := start(t, embedded.Options{Dir: dir})
	_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir})
	if !errors.Is(err, embedded.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v", err)
	}
	c := bustest.Dial(t, bus.Options{URL: first.URL(), CredentialsFile: first.CredentialsFile(), WaitConnected: true})
	if !c.Connected() {
		t.Error("the first server suffered")
	}
	c.Close()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.Options{Dir: dir})
}

func TestDataAndCredentialsOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	s := start(t, embedded.Options{Dir: dir, SyncAlways: true, MaxStoreBytes: 1 << 30})
	issuer, err := trust.Open(s.KeysDir(), nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	kp, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := kp.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := kp.Seed()
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Issue("muc-01", public, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	admin := bus.Options{URL: s.URL(), CredentialsFile: s.CredentialsFile(), WaitConnected: true}
	c := bustest.Dial(t, admin)
	if err := c.EnsureStreams(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	bustest.Publish(t, c, bustest.Revision("muc-01", 1, 300))
	c.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, embedded.Options{Dir: dir, SyncInterval: time.Second})
	site := bustest.Dial(t, bus.Options{
		URL: s.URL(), CredentialsFile: bustest.WriteFile(t, "site.creds", creds), InboxPrefix: bus.InboxPrefix("muc-01"), WaitConnected: true,
	})
	if ack := bustest.Publish(t, site, bustest.Revision("muc-01", 2, 300)); ack.StreamSequence != 2 {
		t.Errorf("the stream goes on at %d, want 2", ack.StreamSequence)
	}
	site.Close()
}

func TestBadOptionsAreExplained(t *testing.T) {
	taken := start(t, embedded.Options{Dir: t.TempDir()})
	noKeys := t.TempDir()
	if err := os.Mkdir(filepath.Join(noKeys, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    embedded.Options
		want string
	}{
		"no directory":   {embedded.Options{}, "no directory"},
		"not loopback":   {embedded.Options{Dir: t.TempDir(), Listen: "0.0.0.0:0"}, "certificate"},
		"not an address": {embedded.Options{Dir: t.TempDir(), Listen: "nonsense"}, "nonsense"},
		"port taken":     {embedded.Options{Dir: t.TempDir(), Listen: strings.TrimPrefix(taken.URL(), "nats://")}, "in use"},
		"keys are gone":  {embedded.Options{Dir: noKeys}, "accounts.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := embedded.Start(t.Context(), c.o)
			if err == nil {
				t.Fatal("started", s.Close())
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want it to mention %q", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := embedded.Start(ctx, embedded.Options{Dir: t.TempDir()}); err == nil {
		// A server that is ready at the first look need not notice that nobody waits.
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
