package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/report"
	"github.com/meridian-federation/meridian/federation/state"
	"github.com/meridian-federation/meridian/federation/tenancy"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/meridian/cli"
)

// TestOneVerdictOnEverySurface asks the live view, the list over REST, what history holds of the instant, the report, the
// export and the command line about one waived finding, at and around every instant at which the waiver begins or ends.
func TestOneVerdictOnEverySurface(t *testing.T) {
	start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	approved, expires := start.Add(time.Hour), start.Add(3*time.Hour)
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	files, err := demo.Inventories(start)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	inventoryFile, waiverFile := filepath.Join(folder, "muc-01.yaml"), filepath.Join(folder, "waivers.yaml")
	text := fmt.Sprintf("apiVersion: meridian/v1\nkind: Waivers\nwaivers:\n  - {id: w, rule: COL-001, match: {site: muc-01}, reason: moves in spring, requestedBy: anna, approvedBy: bert, approvedAt: %s, expires: %s}\n",
		approved.Format(time.RFC3339Nano), expires.Format(time.RFC3339Nano))
	for path, content := range map[string][]byte{inventoryFile: files["muc-01.yaml"], waiverFile: []byte(text)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := waiver.Parse(waiverFile, []byte(text), waiver.Limits{})
	if err != nil {
		t.Fatal(err)
	}

	store, err := state.New()
	if err != nil {
		t.Fatal(err)
	}
	var rows []history.AssessmentRow
	f := fleet.New(fleet.Options{
		Engine: engine, Policy: policy.Default(), Store: store, Graph: tenancy.New(),
		Publish: func(_ context.Context, records []*fleet.Record) []fleet.Published {
			for _, r := range records {
				row, err := history.NewAssessmentRow(r.ID, r.Revision, r.Sequence, r.Assessment)
				if err != nil {
					t.Error(err)
				}
				rows = append(rows, row)
			}
			return make([]fleet.Published, len(records))
		},
	})
	site, err := inventory.Parse("muc-01.yaml", files["muc-01.yaml"], engine.Regions)
	if err != nil {
		t.Fatal(err)
	}
	site = inventory.Normalise(site, engine.Regions)
	f.SetWaivers(waiver.NewSet(list))
	if err := f.Apply(t.Context(), fleet.Update{Site: site, Revision: inventory.Revision(site), Sequence: 1, AcceptedAt: start}); err != nil {
		t.Fatal(err)
	}
	var now time.Time
	auth, err := rest.NewTokens(rest.Token{Name: "t", SHA256: rest.HashToken("secret-of-this-test"), Role: rest.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	server, err := rest.New(rest.Options{View: func() fleet.View { return store.View() }, Regions: engine.Regions, Rules: engine.Rules.Entries(), Auth: auth, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	waived := func(findings []rules.Finding) string {
		for i := range findings {
			if f := &findings[i]; f.Rule == "COL-001" && f.Verdict == rules.Fail {
				return fmt.Sprintf("waived %t", f.Waiver != nil)
			}
		}
		return "no finding"
	}
	surfaces := map[string]func() string{
		"live view": func() string {
			r, _ := store.View().Site("muc-01")
			return waived(r.Assessment.Findings)
		},
		"REST": func() string {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/findings?filter=rule%3DCOL-001", http.NoBody)
			req.Header.Set("Authorization", "Bearer secret-of-this-test")
			w := httptest.NewRecorder()
			server.ServeHTTP(w, req)
			var page struct{ Items []rules.Finding }
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
				t.Error(err)
			}
			return waived(page.Items)
		},
		"history": func() string {
			var last *history.AssessmentRow
			for i := range rows {
				if !rows[i].At.After(now) && (last == nil || rows[i].At.After(last.At)) {
					last = &rows[i]
				}
			}
			for _, f := range last.Findings {
				if f.Rule == "COL-001" && f.Verdict == "fail" {
					return fmt.Sprintf("waived %t", f.Waiver != "")
				}
			}
			return "no finding"
		},
		"judged anew for an instant": func() string {
			parts := engine.Sites([]*inventory.Site{site}, assess.View{At: now})
			waiver.Apply(f.Waivers().Of(site.Site), parts[0], func(string) inventory.Identity { return site.Site })
			return waived(parts[0].Findings)
		},
		"report": func() string {
			r, _ := store.View().Site("muc-01")
			built, err := report.New(report.Input{At: now, RulesOf: "now", Sites: []report.Site{{ID: "muc-01"}}, Assessments: []*assess.Assessment{f.Explain(r, store.View())}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range built.Findings {
				if x := &built.Findings[i]; x.Rule == "COL-001" && x.Verdict == rules.Fail {
					return fmt.Sprintf("waived %t", x.Waived)
				}
			}
			return "no finding"
		},
		"command line": func() string {
			return waived(asked(t, now, "assess", "--waivers", waiverFile, "--at", now.Format(time.RFC3339Nano), "-o", "json", "--fail-on", "never", inventoryFile))
		},
		"exit code": func() string {
			var stderr bytes.Buffer
			code := cli.Run(t.Context(), cli.Environment{
				Args:   []string{"assess", "--waivers", waiverFile, "--at", now.Format(time.RFC3339Nano), "--fail-on", "critical", "-o", "csv", inventoryFile},
				Stdout: &bytes.Buffer{}, Stderr: &stderr, Stdin: strings.NewReader(""), Version: "test", Now: func() time.Time { return now },
			})
			return fmt.Sprintf("waived %t", code != cli.ExitFindings)
		},
	}
	for _, step := range []struct {
		at     time.Time
		waived bool
	}{
		{start, false}, {approved.Add(-1), false}, {approved, true}, {approved.Add(1), true}, {expires.Add(-1), true}, {expires, false}, {expires.Add(1), false},
	} {
		now = step.at
		if err := f.Tick(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("waived %t", step.waived)
		for name, ask := range surfaces {
			if got := ask(); got != want {
				t.Errorf("%s at %s: %s, want %s", name, now.Format(time.RFC3339Nano), got, want)
			}
		}
	}
}

// asked are the findings that the command line prints.
func asked(t *testing.T, now time.Time, args ...string) []rules.Finding {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), cli.Environment{Args: args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Version: "test", Now: func() time.Time { return now }})
	var a assess.Assessment
	if err := json.Unmarshal(stdout.Bytes(), &a); err != nil {
		t.Fatalf("exit %d: %v: %s", code, err, stderr.String())
	}
	return a.Findings
}
