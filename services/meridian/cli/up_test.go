package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/services/meridian/cli"
)

// patience bounds every wait for something that happens by itself.
const patience = 60 * time.Second

// firstLine passes on the first line written, and keeps everything.
type firstLine struct {
	mu   sync.Mutex
	all  bytes.Buffer
	line chan string
}

func (f *firstLine) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := bytes.Contains(f.all.Bytes(), []byte("\n"))
	f.all.Write(p)
	if line, _, ok := strings.Cut(f.all.String(), "\n"); ok && !before {
		f.line <- line
	}
	return len(p), nil
}

func (f *firstLine) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all.String()
}

func run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = cli.Run(ctx, cli.Environment{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "v1.2.3"})
	return code, out.String(), errs.String()
}

// The whole of Meridian comes up on the sample federation, other commands find its token in the data folder, a second
// one leaves the folder alone, and the end is clean.
func TestUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	own := filepath.Join(t.TempDir(), "lyo-07.yaml")
	if err := os.WriteFile(own, []byte("apiVersion: meridian/v1\nkind: SiteInventory\nobservedAt: 2026-11-20T08:00:00Z\nsite: {id: lyo-07}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("kind: SiteInventory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errs := &firstLine{line: make(chan string, 1)}, &firstLine{line: make(chan string, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, cli.Environment{
			Args:   []string{"up", "--listen", "127.0.0.1:0", "--data", dir, "--demo", "--import", own, "--import", broken},
			Stdout: out, Stderr: errs, Version: "v1.2.3",
		})
	}()
	var ready string
	select {
	case ready = <-out.line:
	case code := <-ended:
		t.Fatalf("up ended with %d: %s", code, errs)
	case <-time.After(patience):
		t.Fatalf("not ready within %s: %s", patience, errs)
	}
	address, token, ok := strings.Cut(strings.TrimPrefix(ready, "ready "), "/#token=")
	if !ok || !strings.HasPrefix(ready, "ready http://127.0.0.1:") || len(token) != 64 {
		t.Errorf("ready line %q", ready)
	}
	info, err := os.Stat(filepath.Join(dir, "admin.token"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("token file: %v %v", info, err)
	}
	if code, stdout, stderr := run(t.Context(), "sites", "--server", address, "--data", dir); code != cli.ExitClean || !strings.Contains(stdout, "lyo-07") || !strings.Contains(stderr, "10 sites") {
		t.Errorf("sites: %d\n%s\n%s", code, stdout, stderr)
	}
	if !strings.Contains(errs.String(), "broken.yaml") {
		t.Errorf("the broken file is not told: %s", errs)
	}
	if code, _, stderr := run(t.Context(), "up", "--listen", "127.0.0.1:0", "--data", dir); code != cli.ExitError || !strings.Contains(stderr, "choose another with --data") {
		t.Errorf("a second up on the folder: %d %s", code, stderr)
	}
	if code, _, stderr := run(t.Context(), "up", "--listen", strings.TrimPrefix(address, "http://"), "--data", dir+"2"); code != cli.ExitError || !strings.Contains(stderr, "choose another address with --listen") {
		t.Errorf("a second up on the address: %d %s", code, stderr)
	}
	cancel()
	select {
	case code := <-ended:
		if code != cli.ExitClean {
			t.Errorf("up ended with %d: %s", code, errs)
		}
	case <-time.After(patience):
		t.Fatalf("up did not end within %s: %s", patience, errs)
	}
	if text := out.String(); strings.Count(text, "\n") != 1 {
		t.Errorf("more than the ready line on stdout: %q", text)
	}
	if _, err := os.Stat(filepath.Join(dir, "admin.token")); !os.IsNotExist(err) {
		t.Errorf("the token outlives the process: %v", err)
	}
}

// What stands in the way of up is told before anything is started.
func TestUpRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--data", filepath.Join(file, "below")}, "make the data folder"},
		{[]string{"--data", data, "--import", filepath.Join(dir, "nowhere.yaml")}, "none of the paths given to --import"},
		{[]string{"--data", data, "--listen", "nowhere"}, "choose another address with --listen"},
		{[]string{"--data", data, "--policy", filepath.Join(dir, "nowhere.yaml")}, "read the policy"},
		{[]string{"--data", data, "--log-level", "loud"}, "must be one of"},
		{[]string{"--data", data, "--listen", "127.0.0.1:0", "--demo", "--clickhouse", "clickhouse://127.0.0.1:1/default"}, "history"},
		{[]string{"--data", data, "--listen", "127.0.0.1:0", "--nats", "nats://127.0.0.1:1", "--nats-seed", filepath.Join(dir, "nowhere.nk")}, "nowhere.nk"},
	} {
		if code, stdout, stderr := run(t.Context(), append([]string{"up"}, c.args...)...); code != cli.ExitError || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: %d %q\n%s\nwant %s", c.args, code, stdout, stderr, c.want)
		}
	}
}

// failing is a stdout that is closed, as that of a pipe whose reader has gone.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// No command takes data that nobody got for a success.
func TestClosedStdout(t *testing.T) {
	dir := t.TempDir()
	inventory, request := filepath.Join(dir, "site.yaml"), filepath.Join(dir, "request.yaml")
	for path, text := range map[string]string{
		inventory: "apiVersion: meridian/v1\nkind: SiteInventory\nobservedAt: 2026-11-20T08:00:00Z\nsite: {id: lyo-07}\nclusters: [{id: prod, components: [{kind: foundation, nodes: [{name: f}]}]}]\n",
		request:   "apiVersion: meridian/v1\nkind: PlanRequest\nworkload: {things: [{count: 10, properties: [{count: 1, every: 1m}]}]}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commands := [][]string{{"version"}, {"schema"}, {"rules"}, {"rules", "COL-001"}}
	for _, f := range []string{"table", "json", "yaml", "csv", "md", "sarif", "junit"} {
		commands = append(commands, []string{"assess", "-o", f, inventory})
		if f != "sarif" && f != "junit" {
			commands = append(commands, []string{"plan", "-o", f, request}, []string{"availability", "-o", f, inventory}, []string{"simulate", "--sweep", "1", "-o", f, inventory})
		}
	}
	for _, args := range commands {
		var errs bytes.Buffer
		if code := cli.Run(t.Context(), cli.Environment{Args: args, Stdout: failing{}, Stderr: &errs, Now: now}); code != cli.ExitError || !strings.Contains(errs.String(), "closed pipe") {
			t.Errorf("%q: %d %s", args, code, errs.String())
		}
	}
}
