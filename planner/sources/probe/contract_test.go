package probe

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

// stub answers with the inputs of the collection under way: the words of ZooKeeper by their names, else the one input
// whose name is the server's.
type stub struct {
	mu      sync.Mutex
	answers map[string]string
}

func (s *stub) set(inputs []sourcetest.Input) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = map[string]string{}
	for _, in := range inputs {
		s.answers[in.Name] = string(in.Data)
	}
}

func (s *stub) get(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[name]
}

func (s *stub) serve(name string) func(net.Conn) {
	return func(c net.Conn) {
		head := make([]byte, 4)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		answer := s.get(name)
		if name == "zookeeper" {
			answer = s.get(string(head))
		}
		_, _ = io.WriteString(c, answer)
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.CloseWrite()
		}
		sourcetest.Silent(c)
	}
}

// fixed is a base source of one inventory.
type fixed struct{ site *inventory.Site }

func (f fixed) Name() string { return "file" }
func (f fixed) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	return inventory.Clone(f.site), []inventory.Source{{Name: "file", Status: inventory.SourceOK, At: noon}}, nil
}
func (f fixed) Watch(context.Context, func()) error { return nil }

func TestContract(t *testing.T) {
	s := &stub{}
	start := func(name string) string {
		address, _ := sourcetest.Serve(t, s.serve(name))
		return address
	}
	site := &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, Site: inventory.Identity{ID: "s"}, ObservedAt: noon,
		Infrastructure: []inventory.Infrastructure{
			{ID: "zk", Kind: inventory.KindZooKeeper, Identity: inventory.ResourceIdentity{Endpoint: start("zookeeper")}},
			{ID: "ts", Kind: inventory.KindInfluxDB, Identity: inventory.ResourceIdentity{Endpoint: "http://" + start("ping")}},
		},
		Provenance: []inventory.Provenance{
			{Path: "/infrastructure/0", Source: "site-file", ObservedAt: noon},
			{Path: "/infrastructure/1", Source: "site-file", ObservedAt: noon},
		},
	}
	config := Config{All: true, Samples: -1, Timeout: inventory.Duration(time.Second), ThingWorx: []ThingWorx{{Cluster: "prod", Node: "twx-1", URL: "http://" + start("thingworx")}}}
	page := "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Key: S3CR3T\r\nConnection: close\r\n\r\nS3CR3T"
	sourcetest.Run(t, sourcetest.Contract{
		Collect: func(t testing.TB, inputs []sourcetest.Input) sourcetest.Outcome {
			t.Helper()
			s.set(inputs)
			p, err := New(config, func() time.Time { return noon })
			if err != nil {
				t.Fatal(err)
			}
			return sourcetest.Collected(t.Context(), Over(fixed{site}, p))
		},
		Fixtures: map[string][]sourcetest.Input{"servers": {
			{Name: "srvr", Data: []byte("Zookeeper version: 3.9.2-e454, built on x\nMode: standalone\nNode count: 7\n")},
			{Name: "mntr", Data: []byte("zk_version\t3.9.2-e454, built on x\nzk_server_state\tstandalone\n")},
			{Name: "conf", Data: []byte("clientPort=2181\ndataDir=/S3CR3T\nserverId=0\n")},
			{Name: "ping", Data: []byte("HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.8.10\r\nX-Influxdb-Build: OSS\r\nX-Token: S3CR3T\r\nConnection: close\r\n\r\n")},
			{Name: "thingworx", Data: []byte(page)},
		}},
		Answers: true,
		Step:    2,
		Hostile: map[string]sourcetest.Text{
			"srvr":      {Head: "Zookeeper version: 3.9.2-x\n", Row: "a: b\n"},
			"mntr":      {Head: "zk_version\t3.9.2-x\n", Row: "zk_followers\t1\n"},
			"conf":      {Head: "clientPort=2181\n", Row: "server.{#}=a{#}:1:2;3\n"},
			"ping":      {Head: "HTTP/1.1 204 No Content\r\n", Row: "X-Influxdb-Version: 1\r\n"},
			"thingworx": {Head: "HTTP/1.1 200 OK\r\n\r\n", Row: strings.Repeat("x", 100)},
		},
	})
}
