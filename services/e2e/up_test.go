package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUp starts everything with the sample federation and follows one inventory from its file to the answers.
func TestUp(t *testing.T) {
	dir := t.TempDir()
	s := up(t, dir, "--demo", "--webhook-allow", "127.0.0.0/8")

	var sites list[struct{ ID, Name, Liveness string }]
	s.get("/sites", &sites)
	if sites.Total != 9 || len(sites.Items) != 9 {
		t.Errorf("sites: %d of %d, want the 9 of the sample federation", len(sites.Items), sites.Total)
	}
	t.Run("finds the Munich mismatch", func(t *testing.T) {
		var mismatches list[struct {
			ID, Severity string
			Database     struct{ Region string }
			RoundTrip    struct{ P95, Source string }
		}]
		s.get("/region-mismatches?filter=site%3Dmuc-01", &mismatches)
		if len(mismatches.Items) != 1 {
			t.Fatalf("mismatches of Munich: %+v", mismatches)
		}
		m := mismatches.Items[0]
		if m.ID != "muc-01/prod" || m.Severity != "critical" || m.Database.Region != "northeurope" || m.RoundTrip.P95 != "20ms" || m.RoundTrip.Source != "published" {
			t.Errorf("the Munich mismatch is %+v", m)
		}
	})
	t.Run("finds who shares what", func(t *testing.T) {
		var findings list[findingRow]
		s.get("/findings?filter=rule~%22TEN-00*%22%20and%20severity%3Dcritical", &findings)
		want := map[string]bool{}
		for _, rule := range []string{"TEN-001", "TEN-002", "TEN-003"} {
			want[rule+" fail critical ber-02/prod"], want[rule+" fail critical ham-03/prod"] = true, true
		}
		for _, f := range findings.Items {
			if !want[f.String()] {
				t.Errorf("not expected: %s", f)
			}
			delete(want, f.String())
		}
		for missing := range want {
			t.Errorf("missing: %s", missing)
		}
	})
	t.Run("the pages show it", func(t *testing.T) { browse(t, s) })
	t.Run("reports of now and then", func(t *testing.T) { reports(t, s) })
	t.Run("a change of the file is applied", func(t *testing.T) {
		path := filepath.Join(dir, "demo", "muc-01.yaml")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		healed := strings.Replace(string(data), "region: North Europe", "region: West Europe", 1)
		if err := os.WriteFile(path, []byte(healed), 0o600); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the mismatch heals", func() error {
			var left list[struct{ ID string }]
			s.get("/region-mismatches?filter=site%3Dmuc-01", &left)
			if left.Total != 0 {
				return fmt.Errorf("%d left", left.Total)
			}
			return nil
		})
		if err := os.WriteFile(path, []byte("site: {id: muc-01, nam: x}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the broken file is told and the last good inventory stays", func() error {
			var d struct {
				Sources []struct{ Name, Status, Detail string }
			}
			s.get("/sites/muc-01", &d)
			for _, src := range d.Sources {
				if src.Status == "failed" && strings.Contains(src.Detail, "nam") {
					return nil
				}
			}
			return fmt.Errorf("sources are %+v", d.Sources)
		})
	})
	t.Run("REST goes the same way", func(t *testing.T) {
		status, body := request(t, http.MethodPut, s.url+"/api/v1/sites/lys-09/inventory", s.token, []byte(lyon))
		if status != http.StatusAccepted {
			t.Fatalf("PUT: %d %s", status, body)
		}
		eventually(t, "the site is applied", func() error {
			if status, body := request(t, http.MethodGet, s.url+"/api/v1/sites/lys-09", s.token, nil); status != http.StatusOK {
				return fmt.Errorf("%d %s", status, body)
			}
			return nil
		})
	})
	t.Run("bad input names place and remedy", func(t *testing.T) {
		for _, c := range []struct{ name, site, body, want string }{
			{"broken YAML", "lys-09", "site: {id: lys-09", "line"},
			{"unknown key", "lys-09", strings.Replace(lyon, "country:", "county:", 1), "country"},
			{"unknown region", "lys-09", strings.Replace(lyon, "francecentral", "francecentrl", 1), "francecentral"},
			{"wrong site", "muc-01", lyon, "lys-09"},
			{"future", "lys-09", strings.Replace(lyon, "2026-", "2096-", 1), "clock"},
			{"too large", "lys-09", lyon + strings.Repeat("# padding\n", 1<<20), "larger than 8388608 bytes"},
		} {
			t.Run(c.name, func(t *testing.T) {
				status, body := request(t, http.MethodPut, s.url+"/api/v1/sites/"+c.site+"/inventory", s.token, []byte(c.body))
				if status < 400 || status >= 500 || !strings.Contains(string(body), c.want) {
					t.Errorf("%d %s\nwant a refusal that says %q", status, body, c.want)
				}
			})
		}
	})
	t.Run("a second start on the folder is refused", func(t *testing.T) {
		code, _, stderr := run(t, "up", "--listen", "127.0.0.1:0", "--data", dir)
		if code != 2 || !strings.Contains(stderr, dir) || !strings.Contains(stderr, "--data") {
			t.Errorf("exit %d, stderr %q", code, stderr)
		}
	})

	before := s.get("/sites/ham-03/assessment", nil)
	if code := s.stop(); code != 0 {
		t.Fatalf("stopped with %d: %s", code, s.err)
	}
	again := up(t, dir)
	eventually(t, "the federation is as it was after a restart", func() error {
		if after := again.get("/sites/ham-03/assessment", nil); string(after) != string(before) {
			return errors.New("the assessment of Hamburg differs")
		}
		return nil
	})
}

// reports asks for the compliance report in every format, and as of an instant at which the history must have it.
func reports(t *testing.T, s *server) {
	for format, mark := range map[string]string{"html": "<!doctype html>", "csv": "COL-001", "json": `"hash"`, "md": "# ", "pdf": "%PDF-", "xlsx": "PK"} {
		status, body := request(t, http.MethodGet, s.url+"/api/v1/reports/compliance?format="+format, s.token, nil)
		if status != http.StatusOK || !strings.Contains(strings.ToLower(string(body)), strings.ToLower(mark)) {
			t.Errorf("%s: %d, %d bytes, want %q in it: %.200s", format, status, len(body), mark, body)
		}
	}
	type summary struct {
		Summary struct {
			Clusters struct{ Total, NonCompliant int }
			Findings struct{ Pass, Fail int }
		}
	}
	var now summary
	s.get("/reports/compliance?format=json", &now)
	if now.Summary.Clusters.Total != 9 || now.Summary.Clusters.NonCompliant == 0 || now.Summary.Findings.Pass == 0 || now.Summary.Findings.Fail == 0 {
		t.Errorf("the present report says %+v", now)
	}
	for _, rules := range []string{"then", "now"} {
		eventually(t, "the report as of now under the rules of "+rules, func() error {
			var past summary
			s.get("/reports/compliance?format=json&rules="+rules+"&asOf="+url.QueryEscape(time.Now().UTC().Format(time.RFC3339Nano)), &past)
			if past.Summary.Clusters != now.Summary.Clusters || past.Summary.Findings.Fail != now.Summary.Findings.Fail || rules == "now" && past.Summary.Findings != now.Summary.Findings {
				return fmt.Errorf("it says %+v, the present one %+v", past, now)
			}
			return nil
		})
	}
	var before summary
	s.get("/reports/compliance?format=json&rules=then&asOf=2020-01-01T00:00:00Z", &before)
	if before.Summary.Clusters.Total != 0 {
		t.Errorf("before anything was known the report says %+v", before)
	}
}

// browse runs the browser over the pages; screenshots are kept where MERIDIAN_ARTIFACTS says, else with the test's files.
func browse(t *testing.T, s *server) {
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if _, err := os.Stat("../../web-client/dist/index.html"); err != nil || chromium == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("the web client is not built (%v) or there is no Chromium (%q)", err, chromium)
		}
		t.Skip("the web client is not built or there is no Chromium; task test has both")
	}
	shots := os.Getenv("MERIDIAN_ARTIFACTS")
	if shots == "" {
		shots = t.TempDir()
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "tests/browser/pages.mjs")
	cmd.Dir = "../../web-client"
	cmd.Env = append(os.Environ(), "MERIDIAN_URL="+s.ready, "CHROMIUM="+chromium, "SHOTS="+shots)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// lyon is a basic production system with nothing to find fault with but what is not known of it.
const lyon = `apiVersion: meridian/v1
kind: SiteInventory
observedAt: 2026-11-20T08:00:00Z
site: {id: lys-09, name: Lyon, country: FR}
clusters:
  - id: prod
    environment: production
    thingworxVersion: "9.6.2"
    hosting: azure
    operatedBy: self
    clusteredMode: false
    components:
      - {kind: foundation, nodes: [{name: twx, placement: {provider: azure, region: francecentral, zone: "1"}, cpu: 8, memoryGiB: 16}]}
      - {kind: connection-server, nodes: [{name: cx, placement: {provider: azure, region: francecentral, zone: "1"}}]}
    uses:
      - {infrastructure: pg, as: database, database: thingworx, schema: twadmin, poolMax: 100}
infrastructure:
  - {id: pg, kind: database, engine: azure-postgresql-flexible, identity: {endpoint: lys-pg.postgres.database.azure.com}, placement: {provider: azure, region: francecentral, zone: "1"}, highAvailability: {mode: none}, tier: GeneralPurpose, sku: Standard_D16ds_v5}
`
