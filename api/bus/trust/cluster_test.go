package trust_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/bus/trust"
)

// TestClusterOfDeployments runs the configuration of deployments/nats as three servers with TLS: sites are let in and
// revoked wherever they are connected, and a server that was away learns of it.
func TestClusterOfDeployments(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if _, err := trust.Create(keys); err != nil {
		t.Fatal(err)
	}
	cert, key := bustest.Certificate(t)
	c := &cluster{keys: keys, ca: cert, listens: ports(t, 3), routes: ports(t, 3)}
	for i := range 3 {
		c.conf[i] = c.configure(t, cert, key)
	}
	for i := range 3 {
		c.up(t, i)
	}
	bustest.Eventually(t, "the cluster has a leader", c.led)
	hub := bustest.Dial(t, c.options(0, 1, 2))
	bustest.Eventually(t, "the streams are made", func() bool {
		err := hub.EnsureStreams(t.Context(), bus.StreamOptions{Replicas: 3})
		return err == nil
	})
	authority, err := trust.Open(keys, bustest.Dial(t, trust.System(keys, c.options(0, 1, 2))), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var conns []*bus.Conn
	var sites []bus.Options
	var publics []string
	revoked := map[string]time.Time{}
	for i, site := range []string{"muc-01", "ber-02", "ham-03"} {
		o, public, expires := c.site(t, authority, site, i)
		conn := bustest.Dial(t, o)
		bustest.Publish(t, conn, bustest.Revision(site, 1, 300))
		conns, sites, publics = append(conns, conn), append(sites, o), append(publics, public)
		if i < 2 {
			revoked[public] = expires
		}
	}
	c.down(2)
	// Its connection may have been to the server that went.
	bustest.Eventually(t, "the servers that are left are told who is revoked", func() bool {
		_, err := authority.Reconcile(t.Context(), revoked)
		return err == nil
	})
	for i := range 2 {
		bustest.Eventually(t, "the revoked one is disconnected from its server", func() bool { return !conns[i].Connected() })
	}
	c.up(t, 2)
	bustest.Eventually(t, "the one that was not revoked is back", func() bool {
		_, err := conns[2].PublishInventory(t.Context(), bustest.Revision("ham-03", 2, 300))
		return err == nil
	})
	bustest.Eventually(t, "the server that was away knows who is revoked", func() bool { return c.agree(t, revoked) })

	// The servers take two accounts of one id for the same, whatever they say, so that none of them would mend this.
	held := c.holds(t, 2)
	held.Revocations = nil
	c.hold(t, 2, held)
	back := sites[0]
	back.URL = c.options(2).URL
	again := bustest.Dial(t, back)
	system := bustest.Dial(t, trust.System(keys, c.options(0)))
	near, err := trust.Open(keys, system, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := near.Reconcile(t.Context(), revoked)
	if err == nil && !changed {
		// A server that answers late is left out, but not twice.
		changed, err = near.Reconcile(t.Context(), revoked)
	}
	if err != nil || !changed {
		t.Errorf("one server holds less than the others: changed %t, %v", changed, err)
	}
	bustest.Eventually(t, "the servers agree who is revoked", func() bool { return c.agree(t, revoked) })
	bustest.Eventually(t, "the revoked one is disconnected from the server that let it in again", func() bool { return !again.Connected() })

	// A client that a server overlooked while it took over the revocation is found. What is written to the files behind the
	// servers' backs leaves them in the same state.
	held = c.holds(t, 0)
	held.Revocations[publics[2]] = time.Now().Add(time.Hour).Unix()
	token := signed(t, keys, held)
	for i := range c.servers {
		_, path := c.account(t, i)
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := c.connections(t, system, publics[2])
	if len(before) != 1 || !conns[2].Connected() {
		t.Fatalf("connections of the one that will be revoked: %v", before)
	}
	bustest.Eventually(t, "the overlooked one is disconnected", func() bool {
		changed, err := near.Reconcile(t.Context(), revoked)
		if changed {
			t.Fatal("all servers hold the same, and it is changed")
		}
		return err == nil && !slices.Contains(c.connections(t, system, publics[2]), before[0])
	})
}

type cluster struct {
	keys, ca        string
	listens, routes []string
	conf, accounts  [3]string
	servers         [3]*server.Server
	next            int
}

// ports are addresses that were free a moment ago. They are below those that the system gives to connections, so that none of
// these takes the address of a server that is down.
func ports(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for len(out) < n {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, l.Addr().String())
	}
	return out
}

// configure lays the files of deployments/nats out as README.md says and returns the configuration's path.
func (c *cluster) configure(t *testing.T, cert, key string) string {
	t.Helper()
	i := c.next
	c.next++
	dir := t.TempDir()
	for from, to := range map[string]string{"../../../deployments/nats/server.conf": "server.conf", filepath.Join(c.keys, trust.ServerFile): trust.ServerFile} {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if to == "server.conf" {
			// The values of all three are set in one process, under names of their own.
			for _, name := range []string{
				"NATS_NAME", "NATS_LISTEN", "NATS_CLUSTER_LISTEN", "NATS_ROUTE_1", "NATS_ROUTE_2", "NATS_CERT", "NATS_KEY", "NATS_CA", "NATS_STORE", "NATS_ACCOUNTS",
			} {
				if !strings.Contains(string(b), "$"+name) {
					t.Errorf("server.conf has no %s", name)
				}
				b = []byte(strings.ReplaceAll(string(b), "$"+name+"\n", fmt.Sprintf("$%s_%d\n", name, i)))
				b = []byte(strings.ReplaceAll(string(b), "$"+name+",", fmt.Sprintf("$%s_%d,", name, i)))
				b = []byte(strings.ReplaceAll(string(b), "$"+name+"]", fmt.Sprintf("$%s_%d]", name, i)))
			}
		}
		if err := os.WriteFile(filepath.Join(dir, to), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.accounts[i] = filepath.Join(dir, "accounts")
	for name, value := range map[string]string{
		"NATS_NAME": fmt.Sprintf("nats-%d", i), "NATS_LISTEN": c.listens[i], "NATS_CLUSTER_LISTEN": c.routes[i],
		"NATS_ROUTE_1": "nats-route://" + c.routes[(i+1)%3], "NATS_ROUTE_2": "nats-route://" + c.routes[(i+2)%3],
		"NATS_CERT": cert, "NATS_KEY": key, "NATS_CA": cert, "NATS_STORE": filepath.Join(dir, "store"), "NATS_ACCOUNTS": c.accounts[i],
	} {
		t.Setenv(fmt.Sprintf("%s_%d", name, i), value)
	}
	return filepath.Join(dir, "server.conf")
}

func (c *cluster) up(t *testing.T, i int) {
	t.Helper()
	opts, err := server.ProcessConfigFile(c.conf[i])
	if err != nil {
		t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	c.servers[i] = s
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(bustest.Patience) {
		t.Fatal("a server does not start")
	}
}

func (c *cluster) down(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
}

func (c *cluster) led() bool {
	for _, s := range c.servers {
		if s.JetStreamIsLeader() {
			return true
		}
	}
	return false
}

// account is the file in which a server keeps the account of the sites.
func (c *cluster) account(t *testing.T, i int) (key, path string) {
	t.Helper()
	accounts, err := trust.ReadServers(c.keys)
	if err != nil {
		t.Fatal(err)
	}
	return accounts.Sites, filepath.Join(c.accounts[i], accounts.Sites+".jwt")
}

// holds is the account of the sites as a server holds it.
func (c *cluster) holds(t *testing.T, i int) *jwt.AccountClaims {
	t.Helper()
	_, path := c.account(t, i)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A file that is being written is not the account yet.
	claims, err := jwt.DecodeAccountClaims(string(b))
	if err != nil {
		return &jwt.AccountClaims{}
	}
	return claims
}

// connections are those of a site's key.
func (c *cluster) connections(t *testing.T, system *bus.Conn, public string) []trust.Connection {
	t.Helper()
	account, _ := c.account(t, 0)
	all, err := trust.Connections(t.Context(), system, account)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(one trust.Connection) bool {
		claims, err := jwt.DecodeUserClaims(one.JWT)
		return err != nil || claims.Subject != public
	})
}

// hold gives an account to one server.
func (c *cluster) hold(t *testing.T, i int, claims *jwt.AccountClaims) {
	t.Helper()
	key, _ := c.account(t, i)
	if err := c.servers[i].AccountResolver().(*server.DirAccResolver).SaveAcc(key, signed(t, c.keys, claims)); err != nil {
		t.Fatal(err)
	}
}

// agree reports whether all servers hold the same account, which revokes these.
func (c *cluster) agree(t *testing.T, revoked map[string]time.Time) bool {
	t.Helper()
	for i := range c.servers {
		claims := c.holds(t, i)
		for key := range revoked {
			if claims.Revocations[key] == 0 {
				return false
			}
		}
		if claims.ID != c.holds(t, 0).ID {
			return false
		}
	}
	return true
}

// options connect with the hub's rights to some of the servers.
func (c *cluster) options(servers ...int) bus.Options {
	var urls []string
	for _, i := range servers {
		urls = append(urls, "tls://"+c.listens[i])
	}
	return bus.Options{
		URL: strings.Join(urls, ","), CredentialsFile: filepath.Join(c.keys, trust.HubFile), CAFile: c.ca, WaitConnected: true, ReconnectWait: 50 * time.Millisecond,
	}
}

func (c *cluster) site(t *testing.T, a *trust.Authority, site string, at int) (o bus.Options, public string, expires time.Time) {
	t.Helper()
	k, err := trust.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	expires = time.Now().Add(time.Hour)
	token, err := a.Issue(site, k.Public(), expires)
	if err != nil {
		t.Fatal(err)
	}
	file, err := k.Credentials(token)
	if err != nil {
		t.Fatal(err)
	}
	o = c.options(at)
	o.CredentialsFile, o.InboxPrefix = bustest.WriteFile(t, "site.creds", file), bus.InboxPrefix(site)
	return o, k.Public(), expires
}
