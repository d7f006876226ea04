package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/meridian-federation/meridian/api/bus/embedded"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// daemons is B14: a planner that has published its site and waits, beside the nats command that holds a subscription. Both
// are programs of their own, built here.
func daemons(ctx context.Context, c config) (figures []Figure, err error) {
	dir, err := os.MkdirTemp("", "meridian-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := embedded.Start(ctx, embedded.Options{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		return nil, fmt.Errorf("start NATS: %w", err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	planner, nats := filepath.Join(dir, "planner"), filepath.Join(dir, "nats-cli")
	for out, args := range map[string][]string{
		planner: {"build", "-C", "../..", "-o", planner, "./services/planner"},
		nats:    {"build", "-C", "natscli", "-o", nats, "github.com/nats-io/natscli/nats"},
	} {
		if text, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w: %s", filepath.Base(out), err, text)
		}
	}
	site := sitesim.New(sitesim.Options{Seed: c.seed, Sites: 1, Start: time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond), Every: time.Minute}).Site(0, 0)
	body, err := inventory.Canonical(site)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf("site: %s\ninventory: %s\nstate: %s\nnats: {url: %q, credentials: %s}\n", site.Site.ID, filepath.Join(dir, "site.json"), filepath.Join(dir, "state"), server.URL(), server.CredentialsFile())
	for name, text := range map[string]string{"site.json": string(body), "planner.yaml": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	ours, err := startIdle(ctx, planner, "--config", filepath.Join(dir, "planner.yaml"))
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	raw, err := startIdle(ctx, nats, "--server", server.URL(), "--creds", server.CredentialsFile(), "sub", "meridian.v1.request."+site.Site.ID)
	if err != nil {
		return nil, err
	}
	defer raw.stop()
	if err := wait(ctx, 15*time.Second); err != nil { // both have started and collected their garbage
		return nil, err
	}
	var memory, busy rounds
	for range c.rounds {
		before, err := ours.usage()
		if err != nil {
			return nil, err
		}
		if err := wait(ctx, 20*time.Second); err != nil {
			return nil, err
		}
		after, err := ours.usage()
		if err != nil {
			return nil, err
		}
		peer, err := raw.usage()
		if err != nil {
			return nil, err
		}
		memory.ours, memory.raw = append(memory.ours, after.resident), append(memory.raw, peer.resident)
		// One tick of the kernel's clock at least, so that a ratio can be told: the figure is "at most".
		busy.ours, busy.raw = append(busy.ours, max(float64(after.cpu-before.cpu), 1e7)), append(busy.raw, float64(20*time.Second))
	}
	return []Figure{
		compared(Figure{ID: "B14", Figure: "resident memory of a planner", Unit: "bytes", Ours: Side{Does: "meridian-planner, its site published"}, Raw: Side{Does: "nats sub, the command line of NATS"}}, memory, false).atMost(3),
		compared(Figure{ID: "B14", Figure: "processor time of an idle planner", Ours: Side{Does: "at most, in 20 s: the kernel counts in hundredths of a second"}, Raw: Side{Does: "20 s of one processor"}}, busy, false).atMost(0.005),
	}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// idle is a program that runs.
type idle struct{ cmd *exec.Cmd }

func startIdle(ctx context.Context, path string, args ...string) (*idle, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(path), err)
	}
	return &idle{cmd}, nil
}

func (i *idle) stop() {
	_ = i.cmd.Process.Signal(syscall.SIGTERM) // one that has ended already told so by its usage
	_ = i.cmd.Wait()
}

type usage struct {
	resident float64 // bytes
	cpu      time.Duration
}

// usage reads what the kernel says of the process; other systems than Linux have no /proc.
func (i *idle) usage() (usage, error) {
	proc := "/proc/" + strconv.Itoa(i.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		return usage{}, fmt.Errorf("read what %s uses: %w", filepath.Base(i.cmd.Path), err)
	}
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return usage{}, fmt.Errorf("read what %s uses: %w", filepath.Base(i.cmd.Path), err)
	}
	var u usage
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				return usage{}, fmt.Errorf("read what %s uses: %w", filepath.Base(i.cmd.Path), err)
			}
			u.resident = kib * 1024
		}
	}
	// The name of the program stands in parentheses and may hold spaces; utime and stime are the 14th and 15th field.
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 || u.resident == 0 {
		return usage{}, fmt.Errorf("%s has ended", filepath.Base(i.cmd.Path))
	}
	for _, f := range fields[11:13] {
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return usage{}, fmt.Errorf("read what %s uses: %w", filepath.Base(i.cmd.Path), err)
		}
		u.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	return u, nil
}
