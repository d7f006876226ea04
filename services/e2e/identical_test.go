package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSameBytesOfflineAndFederated: the running federation and "meridian assess" over the same files say the same bytes.
func TestSameBytesOfflineAndFederated(t *testing.T) {
	files := samples(t)
	s := up(t, t.TempDir(), "--import", files)
	var sites list[struct{ ID string }]
	s.get("/sites", &sites)
	if len(sites.Items) < 5 {
		t.Fatalf("%d sites are loaded", len(sites.Items))
	}
	for _, site := range sites.Items {
		federated := s.get("/sites/"+site.ID+"/assessment", nil)
		var head struct{ At time.Time }
		if err := json.Unmarshal(federated, &head); err != nil {
			t.Fatal(err)
		}
		// The planner adds how its source fared, so the inventory in force is assessed offline as the hub has it.
		dir := t.TempDir()
		for _, other := range sites.Items {
			if err := os.WriteFile(filepath.Join(dir, other.ID+".json"), s.get("/sites/"+other.ID+"/inventory", nil), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		code, offline, stderr := run(t, "assess", "--only", site.ID, "--at", head.At.Format(time.RFC3339Nano), "-o", "json", "--fail-on", "never", dir)
		if code != 0 && code != 3 {
			t.Fatalf("assess ended with %d: %s", code, stderr)
		}
		if offline != string(federated) {
			t.Errorf("site %s: offline and federated differ:\n%s", site.ID, firstDifference(offline, string(federated)))
		}
	}
}

// samples is the sample federation as files.
func samples(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../deployments/demo")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	found, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no samples in %s: %v", dir, err)
	}
	for _, f := range found {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, filepath.Base(f)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func firstDifference(a, b string) string {
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(left), len(right)) {
		if left[i] != right[i] {
			return fmt.Sprintf("line %d: %.300q against %.300q", i+1, left[i], right[i])
		}
	}
	return fmt.Sprintf("%d lines against %d", len(left), len(right))
}

// TestExamples: each example of the corpus gives what its head comment says.
func TestExamples(t *testing.T) {
	examples := corpus(t, "examples")
	at := "2026-11-20T09:00:00Z"
	judge := func(t *testing.T, sites ...string) (failing map[string]string, architectures map[string]string) {
		t.Helper()
		args := []string{"assess", "--at", at, "-o", "json", "--fail-on", "never"}
		for _, s := range sites {
			args = append(args, filepath.Join(examples, s+".yaml"))
		}
		code, stdout, stderr := run(t, args...)
		if code != 0 && code != 3 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		var doc struct {
			Clusters []struct {
				ID         string
				Recognised struct{ Architecture string }
			}
			Findings []findingRow
		}
		if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
			t.Fatal(err)
		}
		failing, architectures = map[string]string{}, map[string]string{}
		for _, c := range doc.Clusters {
			architectures[c.ID] = c.Recognised.Architecture
		}
		for _, f := range doc.Findings {
			if f.Verdict == "fail" {
				failing[f.Rule+" "+f.Subject.Site] = f.Severity
			}
		}
		return failing, architectures
	}
	want := func(t *testing.T, failing map[string]string, severity string, keys ...string) {
		t.Helper()
		for _, k := range keys {
			if got := failing[k]; got == "" || severity != "" && got != severity {
				t.Errorf("%s is %q, want it to fail %s", k, got, severity)
			}
		}
	}
	t.Run("Munich", func(t *testing.T) {
		failing, _ := judge(t, "muc-01")
		want(t, failing, "critical", "COL-001 muc-01")
		want(t, failing, "", "HA-015 muc-01", "CFG-003 muc-01")
		for k := range failing {
			if !slices.Contains([]string{"COL-001 muc-01", "HA-015 muc-01", "CFG-003 muc-01"}, k) {
				t.Errorf("%s fails, the rest should pass", k)
			}
		}
	})
	t.Run("Singapore", func(t *testing.T) {
		failing, architectures := judge(t, "sin-04")
		want(t, failing, "high", "SIZ-001 sin-04", "COL-004 sin-04")
		if got := architectures["sin-04/prod"]; got != "large-production" {
			t.Errorf("recognised as %s", got)
		}
	})
	t.Run("Berlin alone", func(t *testing.T) {
		failing, architectures := judge(t, "ber-02")
		for k := range failing {
			if strings.HasPrefix(k, "TEN-") {
				t.Errorf("%s fails although nobody else is in view", k)
			}
		}
		if got := architectures["ber-02/prod"]; got != "minimum-footprint" {
			t.Errorf("recognised as %s", got)
		}
	})
	t.Run("Berlin and Hamburg", func(t *testing.T) {
		failing, _ := judge(t, "ber-02", "ham-03")
		for _, site := range []string{"ber-02", "ham-03"} {
			want(t, failing, "critical", "TEN-001 "+site, "TEN-002 "+site, "TEN-003 "+site)
		}
		want(t, failing, "high", "TEN-006 ham-03")
	})
	t.Run("the fleet", func(t *testing.T) {
		failing, architectures := judge(t, "ber-02", "ham-03", "hq-01", "muc-01", "sin-04")
		want(t, failing, "medium", "FED-001 ham-03")
		if got := architectures["hq-01/central"]; got != "basic-production" {
			t.Errorf("the hub is recognised as %s", got)
		}
	})
}

// TestBadInput: each broken document is told with file, place and remedy, and the good one is judged all the same.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("good.yaml", lyon)
	write("broken.yaml", "site: {id: x\n")
	write("unknown-key.yaml", strings.Replace(strings.Replace(lyon, "lys-09", "lys-10", 1), "clusteredMode", "clusterdMode", 1))
	write("unknown-region.yaml", strings.Replace(strings.Replace(lyon, "lys-09", "lys-11", 1), "region: francecentral", "region: francecentrl", 1))
	write("future.yaml", strings.Replace(strings.Replace(lyon, "lys-09", "lys-12", 1), "2026-", "2096-", 1))
	write("large.yaml", lyon+strings.Repeat("# padding\n", 1<<20))
	write("notes.txt", "not an inventory")
	code, stdout, stderr := run(t, "assess", "--at", "2026-11-20T09:00:00Z", "--fail-on", "never", "-o", "json", dir)
	if code != 3 || !strings.Contains(stdout, "lys-09/prod") {
		t.Errorf("exit %d, want 3 with the good site judged; stdout %.200s", code, stdout)
	}
	for _, want := range []string{
		"broken.yaml:", `clusterdMode`, `clusteredMode`, "unknown-region.yaml:", "francecentral", "future.yaml", "clock", "large.yaml", "limit", "notes.txt",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr does not say %q:\n%s", want, stderr)
		}
	}
}

// TestImportCorpus: every exported file is understood, or refused with a reason that names it.
func TestImportCorpus(t *testing.T) {
	for _, folder := range []string{"1_flexible_server", "2_compute_network_storage"} {
		t.Run(folder, func(t *testing.T) {
			path := corpus(t, "data", folder)
			files := 0
			err := filepath.WalkDir(path, func(_ string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					files++
				}
				return err
			})
			if err != nil || files == 0 {
				t.Fatalf("%d files in %s: %v", files, path, err)
			}
			code, stdout, stderr := run(t, "import", "--from", "azure", "--site", "corpus", "--report", "-o", "table", path)
			if code != 0 && code != 3 {
				t.Errorf("exit %d", code)
			}
			if !strings.Contains(stderr, fmt.Sprintf("%d files:", files)) {
				t.Errorf("the report does not account for all %d files:\n%.2000s", files, stderr)
			}
			for _, line := range strings.Split(stderr, "\n") {
				if strings.Contains(line, ": refused:") && !strings.Contains(line, path) {
					t.Errorf("a refused file is not named: %s", line)
				}
			}
			if folder == "1_flexible_server" && !strings.Contains(stdout, "eastus") {
				t.Errorf("no region is printed:\n%.1000s", stdout)
			}
			code, inventory, _ := run(t, "import", "--from", "azure", "--site", "corpus", path)
			if code != 0 && code != 3 {
				t.Fatalf("exit %d", code)
			}
			file := filepath.Join(t.TempDir(), "corpus.yaml")
			if err := os.WriteFile(file, []byte(inventory), 0o600); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := run(t, "assess", "--fail-on", "never", file); code != 0 && code != 3 {
				t.Errorf("the imported inventory is refused: exit %d, %s", code, stderr)
			}
		})
	}
}
