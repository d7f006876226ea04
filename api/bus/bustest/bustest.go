// Package bustest gives tests a real message bus on a free port and holds the suite that says what every user of the bus
// may rely on. It is imported by tests only.
package bustest

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/embedded"
)

// Patience is how long tests of the bus wait for something that must happen.
const Patience = 30 * time.Second

// Server is a message bus for one test. It keeps its port and its store over a restart.
type Server struct {
	dir    string
	listen string
	server *embedded.Server
	keys   map[string]string // public key by site
	seeds  map[string]string // seed file by site
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), listen: "127.0.0.1:0", keys: map[string]string{}, seeds: map[string]string{}}
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

// SeedFile is the NKey seed that has all rights.
func (s *Server) SeedFile() string { return s.dir + "/local.nk" }

// InProcessConn implements bus.InProcess.
func (s *Server) InProcessConn() (net.Conn, error) { return s.server.InProcessConn() }

// Options connect with all rights and come back quickly after a restart.
func (s *Server) Options() bus.Options {
	return bus.Options{URL: s.URL(), SeedFile: s.SeedFile(), WaitConnected: true, ReconnectWait: 50 * time.Millisecond}
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
	if s.keys[site] == "" {
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
		s.keys[site], s.seeds[site] = public, WriteFile(t, "site.nk", seed)
		if err := s.server.SetSites(s.keys); err != nil {
			t.Fatal(err)
		}
	}
	o := s.Options()
	o.SeedFile, o.InboxPrefix, o.Name = s.seeds[site], bus.InboxPrefix(site), "planner "+site
	return o
}

// Revoke takes a site's credential back.
func (s *Server) Revoke(t testing.TB, site string) {
	t.Helper()
	delete(s.keys, site)
	if err := s.server.SetSites(s.keys); err != nil {
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
