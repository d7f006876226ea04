package bustest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/trust"
)

// PowerCut brings the store of a stopped server back to what it was when the returned function was made, as a machine
// that lost power before its last writes reached the disk.
func (s *Server) PowerCut(t testing.TB) (restore func()) {
	t.Helper()
	backup, store := t.TempDir(), filepath.Join(s.dir, "jetstream")
	if err := os.CopyFS(backup, os.DirFS(store)); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.RemoveAll(store); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(store, os.DirFS(backup)); err != nil {
			t.Fatal(err)
		}
	}
}

// Cluster is three servers that share their streams. Each keeps its ports and its store over a restart.
type Cluster struct {
	options [3]*server.Options
	servers [3]*server.Server
}

// StartCluster runs a cluster until the test ends. Its clients need no credential.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{}
	var routes []*url.URL
	for i := range c.options {
		routes = append(routes, &url.URL{Scheme: "nats", Host: freeAddress(t)})
		o := serverOptions(t, fmt.Sprintf("node-%d", i))
		o.JetStream, o.StoreDir = true, t.TempDir()
		_, port := split(t, routes[i].Host)
		o.Cluster = server.ClusterOpts{Name: "hub", Host: "127.0.0.1", Port: port}
		c.options[i] = o
	}
	for i := range c.options {
		c.options[i].Routes = routes
		c.Up(t, i)
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.Down(i)
		}
	})
	Eventually(t, "the cluster has a leader", func() bool {
		for _, s := range c.servers {
			if s.JetStreamIsLeader() {
				return len(s.JetStreamClusterPeers()) == len(c.servers)
			}
		}
		return false
	})
	return c
}

// Up starts one server where it was before Down.
func (c *Cluster) Up(t testing.TB, i int) {
	t.Helper()
	c.servers[i] = run(t, c.options[i])
}

// Down stops one server.
func (c *Cluster) Down(i int) {
	if c.servers[i] != nil {
		c.servers[i].Shutdown()
		c.servers[i].WaitForShutdown()
		c.servers[i] = nil
	}
}

// Options connect to whichever server is there and come back quickly.
func (c *Cluster) Options() bus.Options {
	var urls []string
	for _, o := range c.options {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", o.Port))
	}
	return bus.Options{URL: strings.Join(urls, ","), WaitConnected: true, ReconnectWait: 50 * time.Millisecond, PublishTimeout: 3 * time.Second}
}

// Leaf is a hub's server and a leaf node of a site that is connected to it with the site's credential. The site's clients
// know the leaf node only, which asks them for none.
type Leaf struct {
	hub, leaf  *server.Options
	keys, site string
}

// hubDomain is what a site's clients reach the hub's JetStream by; without a domain the API does not cross a leaf node.
const hubDomain = "hub"

// StartLeaf runs both until the test ends; with store the leaf node has a JetStream of its own.
func StartLeaf(t testing.TB, site string, store bool) (l *Leaf, hubDown, hubUp func()) {
	t.Helper()
	l = &Leaf{leaf: serverOptions(t, "leaf"), keys: filepath.Join(t.TempDir(), "keys"), site: site}
	if _, err := trust.Create(l.keys); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("include %q\nresolver: MEMORY\n", trust.ServerFile)
	path := filepath.Join(l.keys, "hub.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.hub, err = server.ProcessConfigFile(path); err != nil {
		t.Fatal(err)
	}
	plain := serverOptions(t, "hub")
	l.hub.ServerName, l.hub.Host, l.hub.Port, l.hub.NoSigs, l.hub.NoLog = plain.ServerName, plain.Host, plain.Port, plain.NoSigs, plain.NoLog
	l.hub.JetStream, l.hub.StoreDir, l.hub.JetStreamDomain = true, t.TempDir(), hubDomain
	address := freeAddress(t)
	_, port := split(t, address)
	l.hub.LeafNode = server.LeafNodeOpts{Host: "127.0.0.1", Port: port}
	if store {
		l.leaf.JetStream, l.leaf.StoreDir, l.leaf.JetStreamDomain = true, t.TempDir(), "leaf"
	}
	credential := issue(t, l.keys, site, time.Now().Add(time.Hour))
	l.leaf.LeafNode = server.LeafNodeOpts{
		ReconnectInterval: 50 * time.Millisecond,
		Remotes:           []*server.RemoteLeafOpts{{URLs: []*url.URL{{Scheme: "nats-leaf", Host: address}}, Credentials: credential.File}},
	}
	hub, leaf := run(t, l.hub), run(t, l.leaf)
	stop := func(s *server.Server) {
		s.Shutdown()
		s.WaitForShutdown()
	}
	hubDown = func() { stop(hub) }
	hubUp = func() { hub = run(t, l.hub) }
	t.Cleanup(func() { stop(leaf); stop(hub) })
	Eventually(t, "the leaf node is connected", func() bool { return hub.NumLeafNodes() == 1 })
	return l, hubDown, hubUp
}

// HubOptions connect to the hub's server with all rights.
func (l *Leaf) HubOptions() bus.Options {
	o := leafOptions(l.hub)
	o.CredentialsFile = filepath.Join(l.keys, trust.HubFile)
	return o
}

// LeafOptions connect to the leaf node.
func (l *Leaf) LeafOptions() bus.Options {
	o := leafOptions(l.leaf)
	o.InboxPrefix = bus.InboxPrefix(l.site)
	return o
}

func leafOptions(o *server.Options) bus.Options {
	return bus.Options{
		URL: fmt.Sprintf("nats://127.0.0.1:%d", o.Port), Domain: hubDomain, WaitConnected: true, ReconnectWait: 50 * time.Millisecond, PublishTimeout: time.Second,
	}
}

func serverOptions(t testing.TB, name string) *server.Options {
	t.Helper()
	_, port := split(t, freeAddress(t))
	return &server.Options{ServerName: name, Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true}
}

func run(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	s, err := server.NewServer(o.Clone())
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(Patience) {
		t.Fatalf("%s is not ready", o.ServerName)
	}
	return s
}

// freeAddress finds a port that was free a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func split(t testing.TB, address string) (host string, port int) {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.IP.String(), a.Port
}
