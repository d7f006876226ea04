package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clickhouse "github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/services/meridian/cli"
)

func TestMain(m *testing.M) {
	clickhouse.Main() // Returns at once unless this process was started as the embedded ClickHouse.
	// Tests run in their own folder; the engine that task chdb fetches lies under the root.
	if os.Getenv("MERIDIAN_CHDB") == "" {
		found, err := filepath.Glob("../../deployments/embedded-clickhouse/node_modules/@chdb/*/libchdb.so")
		if err == nil && len(found) > 0 {
			if library, err := filepath.Abs(found[0]); err == nil {
				os.Setenv("MERIDIAN_CHDB", library)
			}
		}
	}
	os.Exit(m.Run())
}

// patience bounds every wait for something that happens by itself; the machine may be slow and busy.
const patience = 60 * time.Second

// server is a running "meridian up".
type server struct {
	t     *testing.T
	url   string // without the token
	token string
	ready string // the ready line's address
	dir   string
	stop  func() int
	err   *output
}

// output collects what a program writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// up runs the whole of Meridian in this process on a free port, until the test ends or stop is called.
func up(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	s := &server{t: t, dir: dir, err: &output{}}
	code := make(chan int, 1)
	go func() {
		code <- cli.Run(ctx, cli.Environment{
			Args:   append([]string{"up", "--listen", "127.0.0.1:0", "--data", dir}, args...),
			Stdout: in, Stderr: s.err, Getenv: os.Getenv, Version: "v0.0.0-test",
		})
		in.Close()
	}()
	s.stop = sync.OnceValue(func() int {
		cancel()
		select {
		case c := <-code:
			return c
		case <-time.After(patience):
			t.Errorf("up did not end within %s; stderr:\n%s", patience, s.err)
			return -1
		}
	})
	t.Cleanup(func() {
		if c := s.stop(); c != 0 {
			t.Errorf("up ended with %d; stderr:\n%s", c, s.err)
		}
	})
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		first, err := r.ReadString('\n')
		if err != nil {
			first = ""
		}
		line <- first
		rest, _ := io.ReadAll(r)
		if len(rest) > 0 {
			t.Errorf("up wrote more than the ready line to stdout: %q", rest)
		}
	}()
	select {
	case first := <-line:
		address, ok := strings.CutPrefix(strings.TrimSpace(first), "ready ")
		if !ok {
			t.Fatalf("the first line of stdout is %q; stderr:\n%s", first, s.err)
		}
		s.ready = address
		s.url, s.token, ok = strings.Cut(address, "/#token=")
		if !ok {
			t.Fatalf("the ready line has no token: %q", first)
		}
	case <-time.After(patience):
		t.Fatalf("up was not ready within %s; stderr:\n%s", patience, s.err)
	}
	return s
}

func request(t *testing.T, method, url, token string, body []byte) (int, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/yaml")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, data
}

// get reads a path of the API into v, which may be nil, and returns the bytes.
func (s *server) get(path string, v any) []byte {
	s.t.Helper()
	status, data := request(s.t, http.MethodGet, s.url+"/api/v1"+path, s.token, nil)
	if status != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, status, data)
	}
	if v != nil {
		if err := json.Unmarshal(data, v); err != nil {
			s.t.Fatalf("GET %s: %v in %s", path, err, data)
		}
	}
	return data
}

// eventually asks until the answer is nil or patience ends.
func eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// run runs one command of the command line to its end.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs output
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code = cli.Run(ctx, cli.Environment{Args: args, Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }, Version: "v0.0.0-test"})
	return code, out.String(), errs.String()
}

// corpus returns a folder of the corpus of real input, which CI has and other machines may not.
func corpus(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("MERIDIAN_CORPUS")
	if root == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("MERIDIAN_CORPUS is not set: in CI the corpus must be tested")
		}
		t.Skip("MERIDIAN_CORPUS names no folder of real input")
	}
	return filepath.Join(append([]string{root}, parts...)...)
}

type list[T any] struct {
	Items []T `json:"items"`
	Total int `json:"total"`
}

type findingRow struct {
	Rule     string `json:"rule"`
	Verdict  string `json:"verdict"`
	Severity string `json:"severity"`
	Subject  struct {
		Site    string `json:"site"`
		Cluster string `json:"cluster"`
	} `json:"subject"`
}

func (f findingRow) String() string {
	return fmt.Sprintf("%s %s %s %s/%s", f.Rule, f.Verdict, f.Severity, f.Subject.Site, f.Subject.Cluster)
}
