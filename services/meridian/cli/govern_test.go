package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/services/meridian/cli"
)

// TestGovernance takes a waiver and a policy through their lives at a running server, by people with tokens of their own, over a
// restart.
func TestGovernance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	address, stop := upOn(t, dir, "--demo")
	as := func(token string, want int, args ...string) (stdout, stderr string) {
		t.Helper()
		if token != "" {
			args = append(args, "--token", token)
		}
		code, stdout, stderr := run(t.Context(), append(args, "--server", address, "--data", dir)...)
		if code != want {
			t.Fatalf("%v: exit %d: %s%s", args, code, stdout, stderr)
		}
		return stdout, stderr
	}
	tokenOf := func(name, role string) string {
		t.Helper()
		secret, _ := as("", cli.ExitClean, "tokens", "create", name, "--role", role)
		return strings.TrimSpace(secret)
	}
	anna, bert, again := tokenOf("Anna", "planner"), tokenOf("Bert", "approver"), tokenOf("anna", "approver")

	// What a finding is, as the server lists it.
	mismatch := func() gen.Finding {
		t.Helper()
		var page struct{ Items []gen.Finding }
		out, _ := as(anna, cli.ExitClean, "findings", "--filter", "rule=COL-001 and site=muc-01", "--fail-on", "never", "-o", "json")
		if err := json.Unmarshal([]byte(out), &page); err != nil || len(page.Items) != 1 {
			t.Fatalf("%s %v", out, err)
		}
		return page.Items[0]
	}
	waivers := func(only string) (ids []string) {
		t.Helper()
		var page struct{ Items []gen.Waiver }
		out, _ := as(anna, cli.ExitClean, "waivers", "list", "--only", only, "-o", "json")
		if err := json.Unmarshal([]byte(out), &page); err != nil {
			t.Fatal(err)
		}
		for i := range page.Items {
			ids = append(ids, page.Items[i].Id)
		}
		return ids
	}
	eventually := func(what string, f func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !f(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: not within %s", what, patience)
			}
		}
	}
	out, hints := as(anna, cli.ExitClean, "waive", "COL-001", "muc-01", "--until", "30d", "--reason", "moves in spring", "-o", "json")
	var w gen.Waiver
	if err := json.Unmarshal([]byte(out), &w); err != nil || w.State != "requested" || w.Requested.Name != "Anna" || hints != "" {
		t.Fatalf("%s%s %v", out, hints, err)
	}
	if f := mismatch(); f.Waiver != nil {
		t.Errorf("a request waives: %+v", f.Waiver)
	}
	if _, stderr := as(anna, cli.ExitError, "waivers", "approve", w.Id); !strings.Contains(stderr, "approver") {
		t.Errorf("a planner approves: %s", stderr)
	}
	if _, stderr := as(again, cli.ExitError, "waivers", "approve", w.Id); !strings.Contains(stderr, "who requested a waiver may not approve it") {
		t.Errorf("approved with another token of the same person: %s", stderr)
	}
	if out, _ := as(bert, cli.ExitClean, "waivers", "approve", w.Id, "--note", "agreed"); !strings.Contains(out, "approved") {
		t.Error(out)
	}
	eventually("the finding is waived", func() bool { f := mismatch(); return f.Waiver != nil && f.Waiver.ID == w.Id && f.Verdict == "fail" })
	if got := waivers("in-force"); !slices.Equal(got, []string{w.Id}) {
		t.Errorf("in force are %v", got)
	}
	// What-if asks the same function.
	if out, _ := as(anna, cli.ExitClean, "findings", "--filter", "waived=true", "--fail-on", "never", "-o", "csv"); strings.Count(out, "COL-001") != 1 {
		t.Error(out)
	}

	// A policy is drafted, previewed and activated, and it is gone back from.
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: meridian/v1\nkind: Policy\nname: mild\nrules: {COL-001: {severity: low}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var v gen.PolicyVersion
	out, _ = as(anna, cli.ExitClean, "policies", "draft", file, "--note", "less noise", "-o", "json")
	if err := json.Unmarshal([]byte(out), &v); err != nil || v.Id != "1" || v.Active {
		t.Fatalf("%s %v", out, err)
	}
	if out, stderr := as(anna, cli.ExitClean, "policies", "preview", v.Id); !strings.Contains(out, "COL-001") || !strings.Contains(stderr, "compared") {
		t.Errorf("%s%s", out, stderr)
	}
	if _, stderr := as(anna, cli.ExitError, "policies", "activate", v.Id, "--reason", "mine"); !strings.Contains(stderr, "approver") {
		t.Error(stderr)
	}
	as(bert, cli.ExitClean, "policies", "activate", v.Id, "--reason", "agreed")
	eventually("the severity is the policy's", func() bool { return mismatch().Severity == "low" })
	if out, _ := as(anna, cli.ExitClean, "policies", "show", v.Id); !strings.Contains(out, "mild") {
		t.Error(out)
	}
	if out, _ := as(anna, cli.ExitClean, "policies", "diff", "file", v.Id); !strings.Contains(out, "COL-001") {
		t.Error(out)
	}
	if _, stderr := as(bert, cli.ExitError, "policies", "activate", "7", "--reason", "x"); !strings.Contains(stderr, "no such version") {
		t.Error(stderr)
	}

	// It is all there after a restart, and the audit tells who did what.
	stop()
	address, stop = upOn(t, dir, "--demo")
	eventually("the same holds after a restart", func() bool {
		f := mismatch()
		return f.Waiver != nil && f.Waiver.ID == w.Id && f.Severity == "low"
	})
	audit, _ := as("", cli.ExitClean, "audit", "-o", "csv")
	for _, act := range []string{"requestWaiver", "approveWaiver", "draftPolicy", "activatePolicy", "createToken"} {
		if !strings.Contains(audit, act) {
			t.Errorf("the audit does not tell of %s", act)
		}
	}
	if out, _ := as(anna, cli.ExitClean, "waivers", "withdraw", w.Id, "--reason", "moved"); !strings.Contains(out, "withdrawn") {
		t.Error(out)
	}
	eventually("the finding is waived no more", func() bool { return mismatch().Waiver == nil })
	second, _ := as(anna, cli.ExitClean, "waive", "COL-001", "muc-01", "--until", "30d", "--reason", "once more", "-o", "json")
	if err := json.Unmarshal([]byte(second), &w); err != nil {
		t.Fatal(err)
	}
	as(bert, cli.ExitClean, "waivers", "reject", w.Id, "--reason", "move it")
	if got := waivers("in-force"); len(got) != 0 {
		t.Errorf("in force are %v", got)
	}
	stop()
}
