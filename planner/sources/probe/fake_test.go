package probe

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

const planted = "pl4nted-s3cret-Qz"

// reach waits for the server to have counted n connections: it does so after the client has them.
func reach(t *testing.T, counter *atomic.Int64, n int64) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for counter.Load() < n && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := counter.Load(); got != n {
		t.Errorf("%d connections, want %d", got, n)
	}
}

// once runs a prober over one infrastructure or ThingWorx server and returns the only component.
func once(t *testing.T, c Config, infra ...inventory.Infrastructure) *Component {
	t.Helper()
	if c.Samples == 0 {
		c.Samples = 2
	}
	p, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := p.Run(context.Background(), &inventory.Site{Site: inventory.Identity{ID: "s"}, Infrastructure: infra})
	if len(r.Components) != 1 {
		t.Fatalf("%d components: %+v", len(r.Components), r.Components)
	}
	if strings.Contains(fmt.Sprintf("%+v", r), planted) {
		t.Errorf("a secret is in %+v", r)
	}
	return &r.Components[0]
}

func TestThingWorx(t *testing.T) {
	pages := func(ready, health int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" || r.Method != http.MethodGet {
				t.Errorf("%s with %v", r.Method, r.Header)
			}
			switch r.URL.Path {
			case "/Thingworx/ready":
				w.Header().Set("Location", "/elsewhere?"+planted)
				w.WriteHeader(ready)
			case "/Thingworx/health":
				w.WriteHeader(health)
			default:
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = io.WriteString(w, planted)
		}
	}
	for name, c := range map[string]struct {
		ready, health int
		status        inventory.SourceStatus
		want          string
	}{
		"ready":       {200, 200, inventory.SourceOK, "/Thingworx/ready 200, /Thingworx/health 200"},
		"not ready":   {503, 200, inventory.SourcePartial, "says it is not ready"},
		"dead":        {503, 503, inventory.SourceFailed, "/Thingworx/health says it is not ready"},
		"redirects":   {302, 200, inventory.SourcePartial, "redirects elsewhere"},
		"credentials": {401, 200, inventory.SourcePartial, "asks for credentials"},
		"no such":     {404, 404, inventory.SourceFailed, "does not exist"},
		"odd":         {500, 200, inventory.SourcePartial, "status 500"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(pages(c.ready, c.health))
			defer server.Close()
			x := once(t, Config{ThingWorx: []ThingWorx{{Cluster: "prod", Node: "twx-1", URL: server.URL}}})
			if x.Name != "probe/prod/twx-1" || x.Status != c.status || !strings.Contains(x.Detail, c.want) {
				t.Errorf("%s %s %q", x.Name, x.Status, x.Detail)
			}
		})
	}
	t.Run("TLS", func(t *testing.T) {
		server := httptest.NewUnstartedServer(pages(200, 200))
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the test
		server.StartTLS()
		defer server.Close()
		for mode, want := range map[wire.Mode]string{"": "unknown authority", wire.Require: "ready 200"} {
			if x := once(t, Config{ThingWorx: []ThingWorx{{Cluster: "prod", URL: server.URL, TLS: wire.TLS{Mode: mode}}}}); !strings.Contains(x.Detail, want) {
				t.Errorf("%s: %q", mode, x.Detail)
			}
		}
	})
}

func TestHTTPFaults(t *testing.T) {
	head := func(f func(net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			if _, err := bufio.NewReader(c).ReadString('\n'); err == nil {
				f(c)
			}
		}
	}
	for name, c := range map[string]struct {
		server func(net.Conn)
		want   string
	}{
		"silent":   {sourcetest.Silent, "did not answer in time"},
		"hangs up": {func(net.Conn) {}, "closed the connection"},
		"garbage":  {head(func(c net.Conn) { _, _ = io.WriteString(c, planted+"\r\n\r\n") }), "something else than HTTP"},
		"huge head": {head(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(c, "X: "+strings.Repeat("x", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}), ""},
		"endless 1xx": {head(func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 100)+"\r\n\r\n"); err != nil {
					return
				}
			}
		}), ""},
		"drip": {head(sourcetest.Drip("HTTP/1.1 200 OK\r\nX: ")), "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			address, n := sourcetest.Serve(t, c.server)
			x := once(t, Config{Timeout: inventory.Duration(400 * time.Millisecond), ThingWorx: []ThingWorx{{Cluster: "prod", URL: "http://" + address}}})
			reach(t, n, 1)
			if x.Status != inventory.SourceFailed || !strings.Contains(x.Detail, c.want) {
				t.Errorf("%s %q", x.Status, x.Detail)
			}
		})
	}
}

func TestInfluxHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		version, build string
		status         int
		want           inventory.SourceStatus
		release        string
		edition        inventory.Edition
	}{
		"1.x OSS":        {"1.8.10", "OSS", 204, inventory.SourceOK, "1.8.10", inventory.EditionOSS},
		"2.x":            {"v2.7.1", "OSS", 204, inventory.SourceOK, "2.7.1", inventory.EditionOSS},
		"Enterprise":     {"1.11.6-c1.11.6", "ENT", 204, inventory.SourceOK, "1.11.6", inventory.EditionEnterprise},
		"old Enterprise": {"1.3.5-c1.3.5", "", 204, inventory.SourceOK, "1.3.5", inventory.EditionEnterprise},
		"old":            {"1.2.0", "", 204, inventory.SourceOK, "1.2.0", ""},
		"no version":     {"", "", 204, inventory.SourceFailed, "", ""},
		"planted":        {planted, planted, 204, inventory.SourceFailed, "", ""},
		"forbidden":      {"1.8.10", "OSS", 403, inventory.SourceFailed, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/ping" {
					t.Errorf("asked for %s", r.URL)
				}
				w.Header().Set("X-Influxdb-Version", c.version)
				w.Header().Set("X-Influxdb-Build", c.build)
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			x := once(t, Config{All: true}, inventory.Infrastructure{ID: "i", Kind: inventory.KindInfluxDB, Identity: inventory.ResourceIdentity{Endpoint: strings.TrimPrefix(server.URL, "http://")}})
			got := map[Field]string{}
			for _, f := range x.Facts {
				got[f.Field] = f.Value
			}
			if x.Status != c.want || got[FieldVersion] != c.release || got[FieldEdition] != string(c.edition) {
				t.Errorf("%s %q %v", x.Status, x.Detail, got)
			}
		})
	}
}

func TestSQLServer(t *testing.T) {
	answer := func(body []byte) func(net.Conn) {
		return func(c net.Conn) {
			head := make([]byte, tdsHeader)
			if _, err := io.ReadFull(c, head); err != nil {
				return // a connect sample
			}
			if rest, err := io.ReadAll(io.LimitReader(c, preLoginLength-tdsHeader)); err != nil || head[0] != tdsPreLogin || head[3] != preLoginLength || len(rest) != preLoginLength-tdsHeader || rest[len(rest)-1] != tdsNoEncrypt {
				t.Errorf("asked with % x % x", head, rest)
			}
			m := []byte{tdsAnswer, 1, 0, 0, 0, 0, 1, 0}
			binary.BigEndian.PutUint16(m[2:], uint16(tdsHeader+len(body)))
			_, _ = c.Write(append(m, body...))
		}
	}
	for name, c := range map[string]struct {
		server func(net.Conn)
		status inventory.SourceStatus
		want   string
	}{
		"2019":         {answer([]byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 15, 0, 0x08, 0x3e, 0, 0, 2}), inventory.SourceOK, "is SQL Server 15.0.2110"},
		"no version":   {answer([]byte{1, 0, 6, 0, 1, 0xff, 2}), inventory.SourceFailed, "something else"},
		"beyond":       {answer([]byte{0, 0xff, 0xff, 0, 6, 0xff}), inventory.SourceFailed, "something else"},
		"cut":          {answer([]byte{0, 0}), inventory.SourceFailed, "something else"},
		"garbage":      {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 "+planted) }, inventory.SourceFailed, "something else"},
		"hangs up":     {func(net.Conn) {}, inventory.SourceFailed, "closed the connection"},
		"silent":       {sourcetest.Silent, inventory.SourceFailed, "did not answer in time"},
		"cut off":      {func(c net.Conn) { _, _ = c.Write([]byte{4, 1, 0, 40, 0, 0, 1, 0, 1}); sourcetest.Silent(c) }, inventory.SourceFailed, "did not answer in time"},
		"wrong length": {func(c net.Conn) { _, _ = c.Write([]byte{4, 1, 0xff, 0xff, 0, 0, 1, 0}); sourcetest.Silent(c) }, inventory.SourceFailed, "something else"},
	} {
		t.Run(name, func(t *testing.T) {
			address, n := sourcetest.Serve(t, c.server)
			x := once(t, Config{All: true, Timeout: inventory.Duration(400 * time.Millisecond)},
				inventory.Infrastructure{ID: "m", Kind: inventory.KindDatabase, Engine: inventory.EngineSQLServer, Identity: inventory.ResourceIdentity{Endpoint: "jdbc:sqlserver://" + address + ";user=sa;password=" + planted}})
			if x.Status != c.status || !strings.Contains(x.Detail, c.want) {
				t.Errorf("%s %q", x.Status, x.Detail)
			}
			if n.Load() > 3 {
				t.Errorf("%d connections", n.Load())
			}
		})
	}
}

func FuzzPreLogin(f *testing.F) {
	f.Add([]byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 15, 0, 0x08, 0x3e, 0, 0, 2})
	f.Fuzz(func(t *testing.T, body []byte) {
		if v, err := preLoginVersion(body); err == nil {
			if _, ok := wire.Version(v); !ok {
				t.Errorf("version %q", v)
			}
		}
	})
}

func TestListenersAndBalancers(t *testing.T) {
	address, n := sourcetest.Serve(t, sourcetest.Silent)
	host, _, _ := net.SplitHostPort(address)
	x := once(t, Config{Targets: []Target{{Infrastructure: "nas", Addresses: []string{address}}}, Samples: 5},
		inventory.Infrastructure{ID: "nas", Kind: inventory.KindStorage, Identity: inventory.ResourceIdentity{Endpoint: host + ":/export"}})
	reach(t, n, 5)
	if x.Status != inventory.SourceOK || len(x.RoundTrips) != 1 || x.RoundTrips[0].Samples != 5 || x.RoundTrips[0].P95 < x.RoundTrips[0].P50 {
		t.Errorf("%s %q, %+v", x.Status, x.Detail, x.RoundTrips)
	}
	for path, want := range map[string]inventory.SourceStatus{"": inventory.SourceOK, "/other": inventory.SourcePartial} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/Thingworx/ready" {
				w.WriteHeader(http.StatusNotFound)
			}
		}))
		x = once(t, Config{Targets: []Target{{Infrastructure: "lb", Path: path}}}, inventory.Infrastructure{ID: "lb", Kind: inventory.KindLoadBalancer, Identity: inventory.ResourceIdentity{Endpoint: server.URL}})
		if x.Status != want {
			t.Errorf("%q: %s %q", path, x.Status, x.Detail)
		}
		server.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	x = once(t, Config{All: true}, inventory.Infrastructure{ID: "lb", Kind: inventory.KindLoadBalancer, Identity: inventory.ResourceIdentity{Endpoint: "http://" + closed}})
	if x.Status != inventory.SourceFailed || !strings.Contains(x.Detail, "refused the connection") {
		t.Errorf("%s %q", x.Status, x.Detail)
	}
}

func TestTargetsThatCannotBeAsked(t *testing.T) {
	infra := []inventory.Infrastructure{
		{ID: "h2", Kind: inventory.KindDatabase, Engine: inventory.EngineH2, Identity: inventory.ResourceIdentity{Endpoint: "jdbc:h2:file:/data"}},
		{ID: "none", Kind: inventory.KindZooKeeper},
		{ID: "disk", Kind: inventory.KindStorage, Protocol: "disk", Identity: inventory.ResourceIdentity{Endpoint: "h:/x"}},
		{ID: "lb", Kind: inventory.KindLoadBalancer, Identity: inventory.ResourceIdentity{Endpoint: "lb.example"}},
	}
	p, err := New(Config{All: true, From: "prod/twx-1", Targets: []Target{{Infrastructure: "none"}, {Infrastructure: "gone"}, {Infrastructure: "h2"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := p.Run(context.Background(), &inventory.Site{Site: inventory.Identity{ID: "s"}, Infrastructure: infra})
	var got []string
	for _, s := range r.Sources() {
		if s.Status != inventory.SourceFailed || s.Detail == "" || s.At.IsZero() {
			t.Errorf("%+v", s)
		}
		got = append(got, s.Name)
	}
	if want := "probe/none probe/gone probe/h2 probe"; strings.Join(got, " ") != want || r.From != "" {
		t.Errorf("%v from %q", got, r.From)
	}
}

func TestBudgetAndConnections(t *testing.T) {
	var open, most atomic.Int64
	address, _ := sourcetest.Serve(t, func(c net.Conn) {
		n := open.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			continue
		}
		sourcetest.Silent(c)
		open.Add(-1)
	})
	var infra []inventory.Infrastructure
	for i := range 12 {
		infra = append(infra, inventory.Infrastructure{ID: fmt.Sprintf("zk%d", i), Kind: inventory.KindZooKeeper, Identity: inventory.ResourceIdentity{Endpoint: address}})
	}
	p, err := New(Config{All: true, Connections: 3, Timeout: inventory.Duration(300 * time.Millisecond), Budget: inventory.Duration(600 * time.Millisecond)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := p.Run(context.Background(), &inventory.Site{Site: inventory.Identity{ID: "s"}, Infrastructure: infra})
	late := 0
	for _, c := range r.Components {
		if c.Status != inventory.SourceFailed {
			t.Errorf("%+v", c)
		}
		if strings.Contains(c.Detail, "time for the whole run") {
			late++
		}
	}
	// The server sees an end later than the client, so that each connection may overlap with the next.
	if most.Load() > 6 || late == 0 {
		t.Errorf("%d connections at one time, %d not asked", most.Load(), late)
	}
}

func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	load := func(text string) error {
		path := filepath.Join(dir, "probes.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		return err
	}
	if err := load("from: prod/twx-1\nall: true\ninterval: 1m\nsamples: 40\ntargets:\n  - {infrastructure: pg-1, user: meridian, passwordFile: /etc/meridian/pg, tls: {mode: verify-full}, nodes: {pg-a: \"pg-a:5432\"}, pgpool: {p1: \"p1:9999\"}}\nthingworx:\n  - {cluster: prod, node: twx-1, url: \"https://twx-1:8443\"}\n"); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"frm: x":               "from",
		"from: twx-1":          "cluster/node",
		"interval: 1s":         "interval",
		"timeout: 2m":          "timeout",
		"budget: 1s":           "budget",
		"samples: 5000":        "samples",
		"samples: -2":          "samples",
		"connections: 100":     "connections",
		"pause: 1m":            "pause",
		"targets: [{user: x}]": "infrastructure is missing",
		"targets: [{infrastructure: a}, {infrastructure: a}]":                         "has a target already",
		"targets: [{infrastructure: a, passwordFile: /x}]":                            "user is missing",
		"targets: [{infrastructure: a, addresses: [host]}]":                           "host:port",
		"targets: [{infrastructure: a, nodes: {n: host}}]":                            "nodes: ",
		"targets: [{infrastructure: a, pgpool: {n: \"x:y\"}}]":                        "pgpool: ",
		"targets: [{infrastructure: a, tls: {mode: maybe}}]":                          "tls.mode",
		"targets: [{infrastructure: a, path: x}]":                                     "path: ",
		"thingworx: [{url: \"https://h:1\"}]":                                         "cluster is missing",
		"thingworx: [{cluster: a, url: \"ftp://h\"}]":                                 "http://",
		"thingworx: [{cluster: a, url: \"https://u:" + planted + "@h\"}]":             "leave out the user",
		"thingworx: [{cluster: a, url: \"https://h/?token=" + planted + "\"}]":        "scheme, host and port only",
		"thingworx: [{cluster: a, url: \"https://h:" + planted + "\"}]":               "it is no URL",
		"thingworx: [{cluster: a, url: \"https://h\", tls: {mode: require, ca: /x}}]": "of no use",
	} {
		if err := load(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Load(filepath.Join(dir, "none")); err == nil {
		t.Error("a missing file is read")
	}
	if err := load(strings.Repeat("#", 1<<20+1)); err == nil {
		t.Error("a file of any size is read")
	}
	if _, err := New(Config{Samples: -5}, nil); err == nil {
		t.Error("New takes anything")
	}
}
