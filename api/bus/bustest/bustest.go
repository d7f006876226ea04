// Package bustest gives tests a real message bus on a free port and holds the suite that says what every user of the bus
// may rely on. It is imported by tests only.
package bustest

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/embedded"
	"github.com/meridian-federation/meridian/api/bus/trust"
)

// Patience is how long tests of the bus wait for something that must happen, on a machine however busy.
const Patience = 2 * time.Minute

// Server is a message bus for one test. It keeps its port and its store over a restart.
type Server struct {
	dir    string
	listen string
	server *embedded.Server
	sites  map[string]*Credential
}

// Credential is what a site connects with.
type Credential struct {
	Site      string
	PublicKey string
	File      string // NATS credentials file
	Expires   time.Time
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), listen: "127.0.0.1:0", sites: map[string]*Credential{}}
	s.Up(t)
	t.Cleanup(func() { s.Down(t) })
	return s
}

// Up starts the server where it was before Down.
func (s *Server) Up(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	var err error
	if s.server, err = embedded.Start(ctx, embedded.Options{Dir: s.dir, Listen: s.listen}); err != nil {
		t.Fatal(err)
	}
	s.listen = strings.TrimPrefix(s.server.URL(), "nats://")
}

// Down stops the server. Its clients lose their connections and try to come back.
func (s *Server) Down(t testing.TB) {
	t.Helper()
	if s.server == nil {
		return
	}
	if err := s.server.Close(); err != nil {
		t.Error(err)
	}
	s.server = nil
}

// Restart is Down and Up.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Down(t)
	s.Up(t)
}

// Dir is the server's directory.
func (s *Server) Dir() string { return s.dir }

// URL is the server's address.
func (s *Server) URL() string { return "nats://" + s.listen }

// KeysDir is the folder with the keys of the server's accounts.
func (s *Server) KeysDir() string { return s.server.KeysDir() }

// CredentialsFile is the credential that has all rights in the account of the federation.
func (s *Server) CredentialsFile() string { return filepath.Join(s.dir, "keys", trust.HubFile) }

// InProcessConn implements bus.InProcess.
func (s *Server) InProcessConn() (net.Conn, error) { return s.server.InProcessConn() }

// Options connect with all rights and come back quickly after a restart.
func (s *Server) Options() bus.Options {
	return bus.Options{URL: s.URL(), CredentialsFile: s.CredentialsFile(), WaitConnected: true, ReconnectWait: 50 * time.Millisecond}
}

// Connect opens a connection with all rights that ends with the test.
func (s *Server) Connect(t testing.TB) *bus.Conn {
	t.Helper()
	return Dial(t, s.Options())
}

// Hub is Connect after the streams were made.
func (s *Server) Hub(t testing.TB) *bus.Conn {
	t.Helper()
	c := s.Connect(t)
	if err := c.EnsureStreams(t.Context(), bus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// SiteOptions connect with a credential of the site's own, limited to its subjects.
func (s *Server) SiteOptions(t testing.TB, site string) bus.Options {
	t.Helper()
	if s.sites[site] == nil {
		s.sites[site] = s.Issue(t, site, time.Now().Add(time.Hour))
	}
	return s.With(s.sites[site])
}

// With connects with a credential.
func (s *Server) With(c *Credential) bus.Options {
	o := s.Options()
	o.CredentialsFile, o.InboxPrefix, o.Name = c.File, bus.InboxPrefix(c.Site), "planner "+c.Site
	return o
}

// Issue makes another credential for a site.
func (s *Server) Issue(t testing.TB, site string, expires time.Time) *Credential {
	t.Helper()
	return issue(t, s.KeysDir(), site, expires)
}

func issue(t testing.TB, keys, site string, expires time.Time) *Credential {
	t.Helper()
	authority, err := trust.Open(keys, nil, time.Now)
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
	token, err := authority.Issue(site, public, expires)
	if err != nil {
		t.Fatal(err)
	}
	file, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	return &Credential{Site: site, PublicKey: public, File: WriteFile(t, "site.creds", file), Expires: expires}
}

// SigningKey is the key that signs the credentials of sites, as a thief would have it.
func (s *Server) SigningKey(t testing.TB) nkeys.KeyPair {
	t.Helper()
	seed, err := os.ReadFile(filepath.Join(s.KeysDir(), trust.SitesFile))
	if err != nil {
		t.Fatal(err)
	}
	kp, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		t.Fatal(err)
	}
	return kp
}

// HubAccount is the public key of the hub's account.
func (s *Server) HubAccount(t testing.TB) string {
	t.Helper()
	servers, err := trust.ReadServers(s.KeysDir())
	if err != nil {
		t.Fatal(err)
	}
	return servers.Hub
}

// Authority is a connection to the system account with what can be done over it. It ends with the test.
func (s *Server) Authority(t testing.TB) *trust.Authority {
	t.Helper()
	authority, err := trust.Open(s.KeysDir(), Dial(t, trust.System(s.KeysDir(), s.Options())), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// Revoke takes a site's credential back.
func (s *Server) Revoke(t testing.TB, site string) {
	t.Helper()
	c := s.sites[site]
	delete(s.sites, site)
	if _, err := s.Authority(t).Reconcile(t.Context(), map[string]time.Time{c.PublicKey: c.Expires}); err != nil {
		t.Fatal(err)
	}
}

// Site is Connect with the credential of a site.
func (s *Server) Site(t testing.TB, site string) *bus.Conn {
	t.Helper()
	return Dial(t, s.SiteOptions(t, site))
}

// Dial connects and closes the connection when the test ends.
func Dial(t testing.TB, o bus.Options) *bus.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	c, err := bus.Connect(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Eventually polls until the condition holds and fails the test after Patience.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", Patience, what)
		}
		<-tick.C
	}
}
