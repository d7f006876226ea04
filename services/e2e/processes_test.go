package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	natsembedded "github.com/meridian-federation/meridian/api/bus/embedded"
	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/history"
	clickhouse "github.com/meridian-federation/meridian/federation/history/embedded"
)

// program is a running daemon of its own process.
type program struct {
	cmd *exec.Cmd
	out *output
	// ended is closed when the process is gone.
	ended chan struct{}
	err   error
}

func start(t *testing.T, path string, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.CommandContext(t.Context(), path, args...), out: &output{}, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGKILL) }
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s %s:\n%s", filepath.Base(path), strings.Join(args, " "), p.out)
		}
	})
	return p
}

// stop ends the program as an operator would and demands that it ends cleanly.
func (p *program) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
		if p.err != nil {
			t.Errorf("%s ended with %v", p.cmd.Path, p.err)
		}
	case <-time.After(patience):
		t.Errorf("%s did not end within %s", p.cmd.Path, patience)
	}
}

// TestThreePlannersOneHub runs the daemons as processes of their own over one NATS and one ClickHouse.
func TestThreePlannersOneHub(t *testing.T) {
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+string(filepath.Separator), "../planner", "../federation")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the daemons: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := t.TempDir()
	nats, err := natsembedded.Start(ctx, natsembedded.Options{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer nats.Close()
	db, err := clickhouse.Start(ctx, clickhouse.Options{Dir: filepath.Join(dir, "clickhouse")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	const secret = "a-secret-of-this-test-only-0123456789"
	sum := sha256.Sum256([]byte(secret))
	address := freeAddress(t)
	hubConfig := filepath.Join(dir, "federation.yaml")
	writeFile(t, hubConfig, fmt.Sprintf(`listen: %s
nats: {url: %q, credentials: %q}
enrolment: {keys: %q}
clickhouse: {dsn: %q}
tokens: [{name: test, role: admin, sha256: %s}]
`, address, nats.URL(), nats.CredentialsFile(), nats.KeysDir(), db.DSN(), hex.EncodeToString(sum[:])))
	hub := start(t, filepath.Join(bin, "federation"), "--config", hubConfig)
	base := "http://" + address

	var planners []*program
	var configs []string
	for _, site := range []string{"muc-01", "ber-02", "ham-03"} {
		config := filepath.Join(dir, site+"-planner.yaml")
		inventory, err := filepath.Abs(filepath.Join("../../deployments/demo", site+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		token := filepath.Join(dir, site+".token")
		writeFile(t, token, joinToken(t, base, secret, site))
		writeFile(t, config, fmt.Sprintf("site: %s\ninventory: %q\nstate: %q\nheartbeat: 5s\njoin: {server: %q, tokenFile: %q}\n",
			site, inventory, filepath.Join(dir, site), base, token))
		planners = append(planners, start(t, filepath.Join(bin, "planner"), "--config", config))
		configs = append(configs, config)
	}

	s := &server{t: t, url: base, token: secret}
	eventually(t, "the hub is ready with three sites", func() error {
		sites, err := tryList(t.Context(), base+"/api/v1/sites", secret)
		if err != nil {
			return err
		}
		if !strings.Contains(sites, `"total":3`) {
			return fmt.Errorf("%.200s", sites)
		}
		return nil
	})
	eventually(t, "each planner says that its inventory is applied", func() error {
		for _, config := range configs {
			status := exec.CommandContext(t.Context(), filepath.Join(bin, "planner"), "status", "--config", config)
			if out, err := status.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
		}
		return nil
	})
	var findings list[findingRow]
	s.get("/findings?filter=rule%3DTEN-001%20and%20verdict%3Dfail", &findings)
	if findings.Total != 2 {
		t.Errorf("%d sites see that they share a ZooKeeper, want Berlin and Hamburg", findings.Total)
	}
	store, err := history.Open(ctx, history.Options{DSN: db.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	eventually(t, "the history has every revision and assessment", func() error {
		for _, site := range []string{"muc-01", "ber-02", "ham-03"} {
			revisions, total, err := store.Revisions(ctx, site, 10)
			if err != nil {
				return err
			}
			if total != 1 || len(revisions) != 1 {
				return fmt.Errorf("%s has %d revisions in the history, want the one it sent", site, total)
			}
		}
		judged := 0
		err := store.AsOf(ctx, time.Now().Add(time.Hour), nil, func(history.AssessmentRow) error { judged++; return nil })
		if err == nil && judged != 3 {
			err = fmt.Errorf("%d sites are judged in the history, want 3", judged)
		}
		return err
	})
	for _, p := range planners {
		p.stop(t)
	}
	hub.stop(t)

	t.Run("a wrong configuration is refused", func(t *testing.T) {
		bad := filepath.Join(dir, "bad.yaml")
		writeFile(t, bad, "listen: 127.0.0.1:1\nnatz: {url: x}\n")
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "federation"), "--check-config", "--config", bad)
		cmd.Stderr = &out
		if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "bad.yaml:2") || !strings.Contains(out.String(), "nats") {
			t.Errorf("%v: %s", err, out.String())
		}
	})
}

func tryList(ctx context.Context, url, token string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	return b.String(), err
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddress finds a port that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// joinToken requests an enrolment as soon as the hub answers.
func joinToken(t *testing.T, base, secret, site string) string {
	t.Helper()
	api, err := client.New(client.Options{Server: base, Token: secret})
	if err != nil {
		t.Fatal(err)
	}
	var token string
	eventually(t, "the hub lets site "+site+" in", func() error {
		e, err := api.Enrol(t.Context(), gen.EnrolmentRequest{Site: site})
		if err == nil {
			token = e.Token
		}
		return err
	})
	return token
}
