package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/services/meridian/cli"
)

// TestWebhooks takes a webhook through its life at a running server, over a restart.
func TestWebhooks(t *testing.T) {
	var requests, refuse atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Header.Get("X-Plant") != "planted-value" {
			w.WriteHeader(http.StatusBadRequest)
		}
		w.WriteHeader(int(refuse.Load()))
	}))
	defer receiver.Close()
	refuse.Store(http.StatusOK)
	dir := filepath.Join(t.TempDir(), "data")
	address, stop := upOn(t, dir, "--webhook-allow", "127.0.0.1/32")
	ask := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		code, stdout, stderr := run(t.Context(), append(args, "--server", address, "--data", dir)...)
		if code != want {
			t.Fatalf("%v: exit %d: %s%s", args, code, stdout, stderr)
		}
		return stdout, stderr
	}
	url := receiver.URL + "/planted-path"
	secret, hints := ask(cli.ExitClean, "webhooks", "add", "ops", "--url", url, "--events", "finding.opened,site.lost", "--filter", "severity>=high", "--header", "X-Plant=planted-value")
	if !strings.HasPrefix(secret, "whsec_") || strings.Count(secret, "\n") != 1 || !strings.Contains(hints, "meridian webhooks test ") {
		t.Fatalf("%s\n%s", secret, hints)
	}
	if _, stderr := ask(cli.ExitError, "webhooks", "add", "bad", "--url", url, "--events", "site.lost", "--filter", "colour=red"); !strings.Contains(stderr, "colour") {
		t.Error(stderr)
	}
	if _, stderr := ask(cli.ExitError, "webhooks", "add", "bad", "--url", url); !strings.Contains(stderr, "--events") {
		t.Error(stderr)
	}
	stop()
	address, stop = upOn(t, dir, "--webhook-allow", "127.0.0.1/32")
	list, stderr := ask(cli.ExitClean, "webhooks", "-o", "json")
	var page struct{ Items []gen.Webhook }
	if err := json.Unmarshal([]byte(list), &page); err != nil || len(page.Items) != 1 || page.Items[0].Filter != "severity>=high" {
		t.Fatalf("%s %v", list, err)
	}
	for _, planted := range []string{"planted", strings.TrimSpace(secret)} {
		if strings.Contains(list+stderr+hints, planted) {
			t.Errorf("%q is shown", planted)
		}
	}
	id := page.Items[0].Id
	if out, _ := ask(cli.ExitClean, "webhooks", "test", id); !strings.Contains(out, "200") || requests.Load() != 1 {
		t.Errorf("%d requests: %s", requests.Load(), out)
	}
	refuse.Store(http.StatusTeapot)
	if _, stderr := ask(cli.ExitError, "webhooks", "test", id); !strings.Contains(stderr, "418") {
		t.Error(stderr)
	}
	if out, stderr := ask(cli.ExitClean, "webhooks", "deliveries", id); strings.Count(out, "test-") != 2 || !strings.Contains(stderr, "1 delivered, 1 attempts failed, 0 wait") {
		t.Errorf("%s%s", out, stderr)
	}
	if out, _ := ask(cli.ExitClean, "webhooks", "set", id, "--daily-at", "07:30", "--time-zone", "Europe/Berlin", "--disable"); !strings.Contains(out, "daily at 07:30 Europe/Berlin") || !strings.Contains(out, "disabled") {
		t.Error(out)
	}
	if out, _ := ask(cli.ExitClean, "webhooks", "set", id, "--enable", "--at-once", "--rotate-secret"); !strings.HasPrefix(out, "whsec_") || out == secret {
		t.Error(out)
	}
	if out, _ := ask(cli.ExitClean, "webhooks", "-o", "wide"); !strings.Contains(out, "at once") || !strings.Contains(out, "enabled") || !strings.Contains(out, "X-Plant") {
		t.Error(out)
	}
	if _, stderr := ask(cli.ExitClean, "webhooks", "dead-letters", id); !strings.Contains(stderr, "No dead letters") && !strings.Contains(stderr, "0 dead letters") {
		t.Error(stderr)
	}
	if _, stderr := ask(cli.ExitClean, "webhooks", "redeliver", id); !strings.Contains(stderr, "0 dead letters") {
		t.Error(stderr)
	}
	ask(cli.ExitClean, "webhooks", "remove", id)
	if out, _ := ask(cli.ExitClean, "webhooks", "-o", "json"); !strings.Contains(out, `"total": 0`) {
		t.Error(out)
	}
	if info, err := os.Stat(filepath.Join(dir, "notifications.key")); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Errorf("%v %v", info, err)
	}
	stop()
}
