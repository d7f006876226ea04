package live

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resourcegraph/armresourcegraph"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resourcegraph/armresourcegraph/fake"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Subscriptions of the fixtures.
const (
	subA = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
	subB = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb"
	subC = "cccccccc-cccc-cccc-cccc-cccccccccccc"
)

// secret begins every value that must never come out.
const secret = "s3cret-"

var builtin = sync.OnceValues(geo.Builtin)

func regions(t testing.TB) *geo.Table {
	t.Helper()
	table, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// sky stands for Azure: Resource Graph is the SDK's fake over rows, everything else a server with ARM's answers. hook, if
// not nil, answers a request of either kind first.
type sky struct {
	t      testing.TB
	rows   []map[string]any
	arm    map[string]json.RawMessage
	page   int      // rows on a page
	groups []string // paths of the resource groups there are; nil has all
	graph  *fake.ServerTransport
	server *httptest.Server
	hook   func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests map[string]int
}

func newSky(t testing.TB) *sky {
	t.Helper()
	c := &sky{t: t, page: 1000, requests: map[string]int{}, arm: map[string]json.RawMessage{}}
	read(t, "testdata/resources.json", &c.rows)
	var arm map[string]json.RawMessage
	read(t, "testdata/arm.json", &arm)
	for path, body := range arm {
		c.arm[strings.ToLower(path)] = body
	}
	c.graph = fake.NewServerTransport(&fake.Server{Resources: c.resources})
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that a test gave up
	c.server.StartTLS()
	t.Cleanup(c.server.Close)
	return c
}

func read(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Do implements transporter. Requests that hook does not want go on to the fake or the server.
func (c *sky) Do(req *http.Request) (*http.Response, error) {
	name, graph := req.Context().Value(runtime.CtxAPINameKey{}).(string)
	c.mu.Lock()
	c.requests[req.Method+" "+req.URL.Path]++
	c.mu.Unlock()
	if req.Header.Get("Authorization") != "Bearer fake_token" {
		c.t.Errorf("%s %s: the token is missing", req.Method, req.URL.Path)
	}
	if graph && name == "Client.Resources" {
		if c.hook != nil {
			w := httptest.NewRecorder()
			if c.hook(w, req) {
				resp := w.Result()
				resp.Request = req
				return resp, nil
			}
		}
		return c.graph.Do(req)
	}
	there, err := url.Parse(c.server.URL)
	if err != nil {
		return nil, err
	}
	out := req.Clone(req.Context())
	out.URL.Scheme, out.URL.Host, out.Host = there.Scheme, there.Host, ""
	return c.server.Client().Do(out)
}

func (c *sky) count(of string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests[of]
}

const graphPath = "/providers/Microsoft.ResourceGraph/resources"

var (
	typesOf  = regexp.MustCompile(`'([a-z./]+)'`)
	groupsOf = regexp.MustCompile(`resourceGroup in~ \(([^)]*)\)`)
)

// resources answers a query for types in subscriptions, page by page.
func (c *sky) resources(_ context.Context, q armresourcegraph.QueryRequest, _ *armresourcegraph.ClientResourcesOptions) (resp azfake.Responder[armresourcegraph.ClientResourcesResponse], errResp azfake.ErrorResponder) {
	var types []string
	for _, m := range typesOf.FindAllStringSubmatch(*q.Query, -1) {
		types = append(types, m[1])
	}
	matching := []any{}
	for _, row := range c.rows {
		id, _ := row["id"].(string)
		kind, _ := row["type"].(string)
		in := slices.ContainsFunc(q.Subscriptions, func(s *string) bool { return strings.HasPrefix(id, "/subscriptions/"+*s+"/") })
		if m := groupsOf.FindStringSubmatch(*q.Query); m != nil {
			_, rest, _ := strings.Cut(strings.ToLower(id), "/resourcegroups/")
			group, _, _ := strings.Cut(rest, "/")
			in = in && strings.Contains(m[1], "'"+group+"'")
		}
		if in && slices.Contains(types, kind) {
			matching = append(matching, row)
		}
	}
	from := 0
	if q.Options.SkipToken != nil {
		from, _ = strconv.Atoi(*q.Options.SkipToken)
	}
	end := min(from+c.page, len(matching))
	answer := armresourcegraph.QueryResponse{
		Count: to.Ptr(int64(end - from)), TotalRecords: to.Ptr(int64(len(matching))), Data: matching[from:end], ResultTruncated: to.Ptr(armresourcegraph.ResultTruncatedFalse),
	}
	if end < len(matching) {
		answer.SkipToken = to.Ptr(strconv.Itoa(end))
	}
	resp.SetResponse(http.StatusOK, armresourcegraph.ClientResourcesResponse{QueryResponse: answer}, nil)
	return resp, errResp
}

func (c *sky) serve(w http.ResponseWriter, r *http.Request) {
	if c.hook != nil && c.hook(w, r) {
		return
	}
	if body, ok := c.arm[strings.ToLower(r.URL.Path)]; ok {
		_, _ = w.Write(body)
		return
	}
	if c.groups != nil && strings.Contains(r.URL.Path, "/resourcegroups/") && !slices.ContainsFunc(c.groups, func(g string) bool { return strings.Contains(r.URL.Path, g+"/providers/") }) {
		refuse(w, http.StatusNotFound, "ResourceGroupNotFound")
		return
	}
	if strings.Contains(r.URL.Path, "/resourceGroups/") {
		refuse(w, http.StatusNotFound, "ResourceNotFound")
		return
	}
	_, _ = io.WriteString(w, `{"value":[]}`)
}

// refuse answers as ARM does, with a secret where a message quotes the request.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"error":{"code":"`+code+`","message":"`+secret+`message"}}`)
}

// asked are the subscriptions of a query to Resource Graph.
func asked(t testing.TB, r *http.Request) []string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	var q struct{ Subscriptions []string }
	if err := json.Unmarshal(body, &q); err != nil {
		t.Error(err)
	}
	return q.Subscriptions
}

// nobody is an instance metadata service that is not there.
type nobody struct{}

func (nobody) Do(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// source is a source over the cloud whose waits are short.
func (c *sky) source(t testing.TB, config Config, o Options) (*Source, *clock) {
	t.Helper()
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	o.Site, o.Regions = "plant-a", regions(t)
	s, err := build(config, o, &credential{inner: &azfake.TokenCredential{}, kind: "fake"}, c, policy.RetryOptions{MaxRetries: 2, RetryDelay: time.Millisecond, MaxRetryDelay: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	at := &clock{now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	s.now, s.imds = at.Now, nobody{}
	return s, at
}

// plant is the configuration of the fixtures' site.
func plant() Config {
	return Config{Hosts: []HostRule{{Host: "PG-plant.privatelink.postgres.database.azure.com:5432", Cluster: "production"}}}
}

func result(t testing.TB, s *Source) *Result {
	t.Helper()
	r, err := s.Result(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	clean(t, r)
	return r
}

// clean asserts that the document is valid and that nothing planted came out.
func clean(t testing.TB, r *Result) {
	t.Helper()
	data, err := json.Marshal(r.Site)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inventory.Parse("azure.json", data, regions(t)); err != nil {
		t.Errorf("the inventory is not valid: %v", err)
	}
	all, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(all), secret) {
		t.Errorf("a secret came out: %s", all)
	}
}

func status(t testing.TB, r *Result, name string) inventory.Source {
	t.Helper()
	for _, s := range r.Sources {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no entry %s among %+v", name, r.Sources)
	return inventory.Source{}
}

// expect asserts the status of parts; the others must be ok.
func expect(t testing.TB, r *Result, parts map[string]inventory.SourceStatus) {
	t.Helper()
	for _, s := range r.Sources {
		if want := orElse(parts[s.Name], inventory.SourceOK); s.Status != want {
			t.Errorf("%s is %s, want %s: %s", s.Name, s.Status, want, s.Detail)
		}
	}
	for name := range parts {
		status(t, r, name)
	}
}
