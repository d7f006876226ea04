package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/bustest"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/services/meridian/cli"
	"github.com/meridian-federation/meridian/services/planner/join"
)

// upOn runs the whole of Meridian over a data folder and returns its address; stop ends it.
func upOn(t *testing.T, dir string, args ...string) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, errs := &firstLine{line: make(chan string, 1)}, &firstLine{line: make(chan string, 1)}
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, cli.Environment{
			Args: append([]string{"up", "--listen", "127.0.0.1:0", "--data", dir}, args...), Stdout: out, Stderr: errs, Version: "v1.2.3",
		})
	}()
	stop = func() {
		cancel()
		if code := <-ended; code != cli.ExitClean {
			t.Errorf("up ended with %d: %s", code, errs)
		}
	}
	select {
	case ready := <-out.line:
		address, _, _ = strings.Cut(strings.TrimPrefix(ready, "ready "), "/#token=")
	case code := <-ended:
		cancel()
		t.Fatalf("up ended with %d: %s", code, errs)
	case <-time.After(patience):
		cancel()
		t.Fatalf("not ready within %s: %s", patience, errs)
	}
	return address, stop
}

// TestEnrolment takes two planners from outside through their lives at the embedded server: joined, kept over a restart,
// revoked.
func TestEnrolment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	address, stop := upOn(t, dir)
	ask := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := run(t.Context(), append(args, "--server", address, "--data", dir)...)
		if code != want {
			t.Fatalf("%v: exit %d: %s%s", args, code, stdout, stderr)
		}
		return stdout, stderr
	}
	dial := func(i *join.Identity) (*bus.Conn, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return bus.Connect(ctx, bus.Options{
			URL: strings.Join(i.NATS, ","), CredentialsFile: i.CredentialsFile(), InboxPrefix: bus.InboxPrefix(i.Site), WaitConnected: true, ReconnectWait: 50 * time.Millisecond,
		})
	}
	planners := map[string]*join.Identity{}
	conns := map[string]*bus.Conn{}
	for _, site := range []string{"lyo-08", "par-09"} {
		token, hints := ask(cli.ExitClean, "enrol", site, "--note", "plant "+site)
		if !strings.HasPrefix(token, "mjt_") || strings.Count(token, "\n") != 1 || !strings.Contains(hints, "meridian-planner join --server "+address) {
			t.Fatalf("%s\n%s", token, hints)
		}
		i, err := join.Join(t.Context(), join.Options{Server: address, Site: site, Dir: t.TempDir(), Now: time.Now, Logger: slog.New(slog.DiscardHandler)}, token)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := dial(i)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		planners[site], conns[site] = i, conn
		bustest.Publish(t, conn, bustest.Revision(site, 1, 300))
	}
	var list struct{ Items []gen.Enrolment }
	enrolments := func() map[string]gen.Enrolment {
		t.Helper()
		stdout, _ := ask(cli.ExitClean, "enrol", "list", "-o", "json")
		if err := json.Unmarshal([]byte(stdout), &list); err != nil {
			t.Fatal(err)
		}
		out := map[string]gen.Enrolment{}
		for _, e := range list.Items {
			out[e.Site] = e
		}
		return out
	}
	if l := enrolments(); len(l) != 2 || l["lyo-08"].State != gen.EnrolmentStateJoined || l["par-09"].Note != "plant par-09" {
		t.Errorf("%+v", l)
	}
	if stdout, stderr := ask(cli.ExitClean, "enrol", "list"); !strings.Contains(stdout, "lyo-08") || !strings.Contains(stderr, "2 enrolments") {
		t.Errorf("%s%s", stdout, stderr)
	}
	if _, stderr := ask(cli.ExitError, "enrol", "approve", enrolments()["lyo-08"].Id); !strings.Contains(stderr, "waits for nobody") {
		t.Error(stderr)
	}
	stop()
	address, stop = upOn(t, dir)
	for site, conn := range conns {
		bustest.Eventually(t, site+" is back after the restart", func() bool {
			_, err := conn.PublishInventory(t.Context(), bustest.Revision(site, 2, 300))
			return err == nil
		})
	}
	if stdout, _ := ask(cli.ExitClean, "enrol", "revoke", enrolments()["lyo-08"].Id, "--reason", "machine stolen"); !strings.Contains(stdout, "revoked") {
		t.Error(stdout)
	}
	bustest.Eventually(t, "the revoked planner is disconnected", func() bool { return !conns["lyo-08"].Connected() })
	stop()
	_, stop = upOn(t, dir)
	defer stop()
	if conn, err := dial(planners["lyo-08"]); !errors.Is(err, bus.ErrDenied) {
		t.Errorf("revoked, after another restart: %v", err)
		if err == nil {
			conn.Close()
		}
	}
	bustest.Publish(t, conns["par-09"], bustest.Revision("par-09", 3, 300))
}

func TestPlainTextIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{"REST": {"--listen", "0.0.0.0:0"}, "NATS": {"--listen", "127.0.0.1:0", "--nats-listen", "0.0.0.0:0"}} {
		code, _, stderr := run(t.Context(), append([]string{"up", "--data", filepath.Join(dir, name)}, args...)...)
		if code != cli.ExitError || !strings.Contains(stderr, "certificate") && !strings.Contains(stderr, "--tls-cert") {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
	keys := filepath.Join(dir, "keys")
	if code, _, stderr := run(t.Context(), "nats", "keys", keys); code != cli.ExitClean || !strings.Contains(stderr, "accounts.conf") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	before, err := os.ReadFile(filepath.Join(keys, "sites.nk"))
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t.Context(), "nats", "keys", keys); code != cli.ExitError || !strings.Contains(stderr, "must not be replaced") {
		t.Errorf("twice: exit %d: %s", code, stderr)
	}
	if after, err := os.ReadFile(filepath.Join(keys, "sites.nk")); err != nil || string(after) != string(before) {
		t.Errorf("the keys changed: %v", err)
	}
}
