package rules_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

var update = flag.Bool("update", false, "write the golden files anew")

// world is a document of kind Case beside the inventories of a case file: everything else an evaluation is given.
type world struct {
	Kind      string           `json:"kind"`
	At        time.Time        `json:"at,omitzero"`
	HubInView bool             `json:"hubInView,omitempty"`
	Policy    *policy.Policy   `json:"policy,omitempty"`
	Facts     []clusterFacts   `json:"facts,omitempty"`  // in the order of the clusters
	Shared    []tenancy.Shared `json:"shared,omitempty"` // instead of what the inventories say
	Planner   *planner         `json:"planner,omitempty"`
}

type clusterFacts struct {
	Recognised   recognise.Result    `json:"recognised,omitzero"`
	Sizing       sizing.Result       `json:"sizing,omitzero"`
	Availability availability.Result `json:"availability,omitzero"`
	Recommended  string              `json:"recommended,omitempty"`
}

type planner struct {
	Version        string `json:"version,omitempty"`
	Protocol       int    `json:"protocol,omitempty"`
	OldestVersion  string `json:"oldestVersion,omitempty"`
	OldestProtocol int    `json:"oldestProtocol,omitempty"`

	Instances []string  `json:"instances,omitempty"`
	Since     time.Time `json:"since,omitzero"`
}

// judgedAt is the instant of the cases that give none: an hour after their inventories.
var judgedAt = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func regionTable(t testing.TB) *geo.Table {
	t.Helper()
	table, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// fataler is a test of Go or of rapid.
type fataler interface {
	Helper()
	Fatal(...any)
}

// readCase reads a case file: the site to judge, then its neighbours and the world in any order.
func readCase(t fataler, path string, regions *geo.Table) rules.Input {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in := rules.Input{Regions: regions, At: judgedAt, Policy: policy.Default()}
	for _, part := range bytes.Split(data, []byte("\n---\n")) {
		if bytes.Contains(part, []byte("kind: Case")) {
			var w world
			if err := document.Decode(path, part, &w); err != nil {
				t.Fatal(err)
			}
			in.HubInView, in.Shared = w.HubInView, w.Shared
			if w.Policy != nil {
				in.Policy = w.Policy
			}
			if !w.At.IsZero() {
				in.At = w.At
			}
			for _, f := range w.Facts {
				in.Clusters = append(in.Clusters, rules.ClusterFacts(f))
			}
			if w.Planner != nil {
				p := rules.Planner(*w.Planner)
				in.Planner = &p
			}
			continue
		}
		site, err := inventory.Parse(path, part, regions)
		if err != nil {
			t.Fatal(err)
		}
		if site = inventory.Normalise(site, regions); in.Site == nil {
			in.Site = site
		} else {
			in.Neighbours = append(in.Neighbours, site)
		}
	}
	if in.Shared == nil {
		in.Shared = tenancy.Of(in.Site, in.Neighbours)
	}
	return in
}

func only(rule string, fs []rules.Finding) []rules.Finding {
	out := []rules.Finding{}
	for _, f := range fs {
		if f.Rule == rule {
			out = append(out, f)
		}
	}
	return out
}

func verdicts(fs []rules.Finding) map[rules.Verdict]int {
	out := map[rules.Verdict]int{}
	for _, f := range fs {
		out[f.Verdict]++
	}
	return out
}

// TestCases judges every case by its rule alone. The name of the case tells the verdict, the golden file everything else.
func TestCases(t *testing.T) {
	pack, regions := rules.Builtin(), regionTable(t)
	all := map[string]map[string][]rules.Finding{}
	for _, path := range casePaths(t) {
		rule, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(rule+"/"+name, func(t *testing.T) {
			in := readCase(t, path, regions)
			if err := pack.Validate(in.Policy); err != nil {
				t.Fatal(err)
			}
			got := only(rule, pack.Evaluate(in))
			seen := verdicts(got)
			var ok bool
			switch {
			case strings.HasPrefix(name, "fires"):
				ok = seen[rules.Fail] > 0
			case strings.HasPrefix(name, "silent"):
				ok = seen[rules.Pass] > 0 && seen[rules.Fail]+seen[rules.Unknown] == 0
			case strings.HasPrefix(name, "unknown"):
				ok = seen[rules.Unknown] > 0 && seen[rules.Fail] == 0
			case strings.HasPrefix(name, "not-applicable"):
				ok = len(got) > 0 && seen[rules.NotApplicable] == len(got)
			}
			if !ok {
				t.Errorf("verdicts %v do not fit the name of the case", seen)
			}
			if all[rule] == nil {
				all[rule] = map[string][]rules.Finding{}
			}
			all[rule][name] = got
		})
	}
	for rule, cases := range all {
		t.Run(rule, func(t *testing.T) { golden(t, filepath.Join("testdata", rule, "golden.json"), cases) })
	}
}

func casePaths(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*-*/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return paths
}

func golden(t *testing.T, path string, v any) {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("findings differ (-want +got):\n%s", diff)
	}
}

// TestEveryFindingIsComplete holds what every finding of every case has to have.
func TestEveryFindingIsComplete(t *testing.T) {
	pack, regions := rules.Builtin(), regionTable(t)
	for _, path := range casePaths(t) {
		findings := pack.Evaluate(readCase(t, path, regions))
		ids := map[string]bool{}
		for _, f := range findings {
			where := path + " " + f.Rule
			if ids[f.ID] {
				t.Errorf("%s: %+v has two findings", where, f.Subject)
			}
			ids[f.ID] = true
			if f.ID != rules.ID(f.Rule, f.Subject) {
				t.Errorf("%s: id %q", where, f.ID)
			}
			if f.Message == "" || f.Title == "" || f.Reference == "" || f.Subject.Site == "" || f.Waiver != nil {
				t.Errorf("%s: incomplete finding %+v", where, f)
			}
			if last := f.Message[len(f.Message)-1]; last != '.' {
				t.Errorf("%s: message is no sentence: %q", where, f.Message)
			}
			open := f.Verdict == rules.Fail || f.Verdict == rules.Unknown
			if open != (f.FirstSeen != nil && f.FailingSince != nil && f.Remedy != "") || !open && (f.FirstSeen != nil || f.FailingSince != nil || f.Remedy != "") {
				t.Errorf("%s: history and remedy do not fit the verdict %s: %+v", where, f.Verdict, f)
			}
			if (f.Verdict == rules.Unknown) != (len(f.Missing) > 0) {
				t.Errorf("%s: %s lists %v as missing", where, f.Verdict, f.Missing)
			}
			for i, m := range f.Missing {
				if m == "" || slices.Contains(f.Missing[:i], m) {
					t.Errorf("%s: missing %q is empty or repeated", where, f.Missing)
				}
			}
			for k, v := range f.Evidence.Facts() {
				switch v.(type) {
				case string, float64, bool, []any:
				default:
					t.Errorf("%s: evidence %s is a %T", where, k, v)
				}
			}
		}
		if !slices.IsSortedFunc(findings, func(a, b rules.Finding) int {
			return slices.Compare([]string{a.Subject.Site, a.Subject.Cluster, a.Rule, a.Subject.Infrastructure}, []string{b.Subject.Site, b.Subject.Cluster, b.Rule, b.Subject.Infrastructure})
		}) {
			t.Errorf("%s: findings are not in order", path)
		}
	}
}
