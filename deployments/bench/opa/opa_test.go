package opa_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/deployments/bench/opa"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// rig judges sites by both engines.
type rig struct {
	*testing.T
	regions *geo.Table
	sizes   *sizing.Pack
	pack    *rules.Pack
	engine  *opa.Engine
}

func newRig(t *testing.T) rig {
	t.Helper()
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := sizing.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := opa.New(t.Context(), regions)
	if err != nil {
		t.Fatal(err)
	}
	return rig{t, regions, sizes, rules.Builtin(), engine}
}

// ours judges a site by itself, without neighbours, by the rules that are also written in Rego.
func (r rig) ours(s *inventory.Site) []opa.Finding {
	in := rules.Input{Site: s, Policy: policy.Default(), Regions: r.regions, At: s.ObservedAt.Add(time.Hour)}
	for i := range s.Clusters {
		in.Clusters = append(in.Clusters, rules.ClusterFacts{Sizing: sizing.InSite(s, &s.Clusters[i], r.sizes)})
	}
	var out []opa.Finding
	for _, f := range r.pack.Evaluate(in) {
		if slices.Contains(opa.Rules(), f.Rule) {
			out = append(out, opa.Finding{Rule: f.Rule, Cluster: f.Subject.Cluster, Infrastructure: opa.Local(f.Subject.Infrastructure), Verdict: string(f.Verdict)})
		}
	}
	slices.SortFunc(out, opa.Compare)
	return out
}

func (r rig) theirs(s *inventory.Site) []opa.Finding {
	r.Helper()
	in, err := opa.NewInput(s)
	if err != nil {
		r.Fatal(err)
	}
	parsed, err := r.engine.Parsed(r.Context(), in)
	if err != nil {
		r.Fatal(err)
	}
	decoded, err := r.engine.Decoded(r.Context(), in)
	if err != nil {
		r.Fatal(err)
	}
	if parsed.Compare(decoded) != 0 {
		r.Errorf("%s: the two forms of the input are judged differently", s.Site.ID)
	}
	out, err := opa.Findings(parsed)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

// TestSameVerdicts is what makes the comparison honest: both engines give the same verdicts on the same subjects, for every
// rule in every way that a fleet of sites with common faults brings about.
func TestSameVerdicts(t *testing.T) {
	r := newRig(t)
	seen := map[string]map[string]int{}
	for _, s := range sitesim.New(sitesim.Options{Seed: 1, Sites: 1000}).Sites(0) {
		ours := r.ours(s)
		if d := cmp.Diff(ours, r.theirs(s)); d != "" {
			t.Fatalf("%s (-ours +Rego):\n%s", s.Site.ID, d)
		}
		for _, f := range ours {
			if seen[f.Rule] == nil {
				seen[f.Rule] = map[string]int{}
			}
			seen[f.Rule][f.Verdict]++
		}
	}
	for _, id := range opa.Rules() {
		if seen[id]["pass"] == 0 || seen[id]["fail"] == 0 && id != "COL-003" || seen[id]["unknown"] == 0 {
			t.Errorf("%s has only the verdicts %v", id, seen[id])
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d rules have findings", len(seen))
	}
}

// TestRulePackCases runs both engines on the cases of the rule pack itself, made for the edges of each rule. Those with
// neighbours or a world of their own are left out: Rego sees one document.
func TestRulePackCases(t *testing.T) {
	r := newRig(t)
	ran := 0
	for _, id := range opa.Rules() {
		paths, err := filepath.Glob("../../../planner/rules/testdata/" + id + "/*.yaml")
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s has no cases: %v", id, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(text, []byte("\n---\n")) {
				continue
			}
			s, err := inventory.Parse(path, text, r.regions)
			if err != nil {
				t.Fatal(err)
			}
			s = inventory.Normalise(s, r.regions)
			if d := cmp.Diff(r.ours(s), r.theirs(s)); d != "" {
				t.Errorf("%s (-ours +Rego):\n%s", path, d)
			}
			ran++
		}
	}
	if ran < 60 {
		t.Errorf("only %d cases ran", ran)
	}
}
