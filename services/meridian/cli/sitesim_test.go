package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/planner/sitesim/planners"
	"github.com/meridian-federation/meridian/services/meridian/cli"
)

// The same seed writes the same bytes, another one others, and assess reads them.
func TestSitesimWrites(t *testing.T) {
	written := func(args ...string) map[string]string {
		dir := filepath.Join(t.TempDir(), "sites")
		code, _, stderr := run(t.Context(), append([]string{"sitesim", "--out", dir, "--sites", "5"}, args...)...)
		if code != cli.ExitClean || !strings.Contains(stderr, "5 files written") {
			t.Fatalf("%v: %d %s", args, code, stderr)
		}
		out := map[string]string{}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			out[e.Name()] = string(text)
		}
		if code, _, stderr := run(t.Context(), "assess", "--fail-on", "never", dir); code != cli.ExitClean {
			t.Errorf("assess: %d %s", code, stderr)
		}
		return out
	}
	first := written("--seed", "7", "--duration", "3h")
	if d := cmp.Diff(first, written("--seed", "7", "--duration", "3h")); d != "" || len(first) != 5 {
		t.Errorf("%d files, and others with the same seed:\n%s", len(first), d)
	}
	if cmp.Equal(first, written("--seed", "8", "--duration", "3h")) || cmp.Equal(first, written("--seed", "7", "--duration", "9h")) {
		t.Error("neither the seed nor the duration makes a difference")
	}
}

// A simulation ends by itself and counts what it sent; without a hub nothing is applied, which is no success.
func TestSitesimPublishes(t *testing.T) {
	s := bustest.Start(t)
	s.Hub(t)
	code, stdout, stderr := run(t.Context(), "sitesim", "--sites", "20", "--rate", "3600", "--duration", "2s", "--settle", "0s", "--nats", s.URL(), "--nats-credentials", s.CredentialsFile(), "-o", "json")
	var counts planners.Counts
	if err := json.Unmarshal([]byte(stdout), &counts); err != nil {
		t.Fatalf("%v: %s %s", err, stdout, stderr)
	}
	if code != cli.ExitIncomplete || counts.Accepted < 40 || counts.Behind != 20 || !strings.Contains(stderr, "20 sites not applied") {
		t.Errorf("%d %+v %s", code, counts, stderr)
	}
}

func TestSitesimRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"is not of this machine": {"--nats", "nats://nats.plants.example:4222"},
		"--allow-remote":         {"--nats", "nats://127.0.0.1:4222,nats://192.0.2.1:4222"},
		"no URL":                 {"--nats", "localhost"},
		"--sites":                {"--out", "x", "--sites", "0"},
		"--rate":                 {"--out", "x", "--rate", "0"},
		"--duration":             {"--out", "x", "--duration", "-1s"},
		"--conns":                {"--nats", "nats://127.0.0.1:4222", "--conns", "0"},
		"--beat":                 {"--nats", "nats://127.0.0.1:4222", "--beat", "1ms"},
		"missing flags":          {},
		"can't be used together": {"--out", "x", "--nats", "nats://127.0.0.1:4222"},
	} {
		code, stdout, stderr := run(t.Context(), append([]string{"sitesim"}, args...)...)
		if code != cli.ExitError || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d %q %q, want %q", args, code, stdout, stderr, want)
		}
	}
}

// The demonstration takes its size from the simulator: simulated sites are listed like all others.
func TestUpSimulatesSites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errs := &firstLine{line: make(chan string, 1)}, &firstLine{line: make(chan string, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, cli.Environment{Args: []string{"up", "--listen", "127.0.0.1:0", "--data", dir, "--demo-sites", "9"}, Stdout: out, Stderr: errs, Version: "v1.2.3"})
	}()
	var address string
	select {
	case ready := <-out.line:
		address, _, _ = strings.Cut(strings.TrimPrefix(ready, "ready "), "/#token=")
	case code := <-ended:
		t.Fatalf("up ended with %d: %s", code, errs)
	case <-time.After(patience):
		t.Fatalf("not ready within %s: %s", patience, errs)
	}
	bustest.Eventually(t, "nine simulated sites", func() bool {
		_, _, stderr := run(t.Context(), "sites", "--server", address, "--data", dir)
		return strings.Contains(stderr, "9 sites")
	})
	cancel()
	if code := <-ended; code != cli.ExitClean {
		t.Errorf("up ended with %d: %s", code, errs)
	}
	if code, _, stderr := run(t.Context(), "up", "--data", dir, "--demo-sites", "100001"); code != cli.ExitError || !strings.Contains(stderr, "--demo-sites") {
		t.Errorf("too many sites: %d %s", code, stderr)
	}
}
