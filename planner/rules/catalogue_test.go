package rules_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

// severities of all rules, worst first, as the published list of the rule pack gives them. Ids are never reused.
var published = map[string][]rules.Severity{
	"COL-001": {rules.Critical, rules.High}, "COL-002": {rules.Low}, "COL-003": {rules.High}, "COL-004": {rules.High}, "COL-005": {rules.High, rules.Medium},
	"COL-006": {rules.Critical, rules.Medium}, "COL-007": {rules.Medium}, "COL-008": {rules.High}, "COL-009": {rules.High},
	"RES-001": {rules.Critical}, "RES-002": {rules.High},
	"HA-001": {rules.Critical}, "HA-002": {rules.Medium}, "HA-003": {rules.High}, "HA-004": {rules.High}, "HA-005": {rules.High}, "HA-006": {rules.High},
	"HA-007": {rules.High}, "HA-008": {rules.Critical, rules.Medium}, "HA-009": {rules.High}, "HA-010": {rules.Critical}, "HA-011": {rules.High},
	"HA-012": {rules.High}, "HA-013": {rules.High}, "HA-014": {rules.High}, "HA-015": {rules.Medium}, "HA-016": {rules.Medium}, "HA-017": {rules.Medium},
	"HA-018": {rules.High}, "HA-019": {rules.High},
	"ARC-001": {rules.Medium}, "ARC-002": {rules.High}, "ARC-003": {rules.Critical}, "ARC-004": {rules.Critical}, "ARC-005": {rules.Info},
	"ARC-006": {rules.Critical}, "ARC-007": {rules.High},
	"SIZ-001": {rules.High}, "SIZ-002": {rules.High}, "SIZ-003": {rules.Medium}, "SIZ-004": {rules.Medium}, "SIZ-005": {rules.High}, "SIZ-006": {rules.Low},
	"TEN-001": {rules.Critical}, "TEN-002": {rules.Critical}, "TEN-003": {rules.Critical}, "TEN-004": {rules.Critical}, "TEN-005": {rules.High},
	"TEN-006": {rules.High}, "TEN-007": {rules.Medium}, "TEN-008": {rules.Medium}, "TEN-009": {rules.High},
	"CFG-001": {rules.High}, "CFG-002": {rules.High}, "CFG-003": {rules.Low}, "CFG-004": {rules.High}, "CFG-005": {rules.Medium},
	"FED-001": {rules.Medium}, "FED-002": {rules.High},
	"DQ-001": {rules.High, rules.Medium}, "DQ-002": {rules.Medium}, "DQ-003": {rules.Medium}, "DQ-004": {rules.Medium},
	"DQ-005": {rules.High},
}

// neverUnknown are the rules that a fact cannot lack: what is not listed is judged, or there is nothing to judge.
var neverUnknown = []string{"ARC-004", "CFG-005", "COL-009", "DQ-001", "DQ-002", "DQ-004", "DQ-005", "TEN-006", "TEN-008", "TEN-009"}

// alwaysApplicable are the rules that every subject of their scope has an answer for. COL-003 never fails: a region that is
// not known is unknown.
var alwaysApplicable = []string{"ARC-001", "ARC-003", "COL-001", "COL-003", "DQ-001", "SIZ-002"}

func TestCatalogue(t *testing.T) {
	entries := rules.Builtin().Entries()
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.ID] {
			t.Errorf("%s: the id is used twice", e.ID)
		}
		seen[e.ID] = true
		want, ok := published[e.ID]
		if !ok {
			t.Errorf("%s: the id is not in the published list", e.ID)
			continue
		}
		have := e.Severities
		if len(have) == 0 {
			have = []rules.Severity{e.Severity}
		}
		if e.Severity != have[0] {
			t.Errorf("%s: severity %s is not its worst %s", e.ID, e.Severity, have[0])
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: severities (-published +entry): %s", e.ID, diff)
		}
		texts := map[string]string{"title": e.Title, "topic": e.Topic, "basis": e.Basis, "why": e.Why, "remedy": e.Remedy, "reference": e.Reference}
		for name, text := range texts {
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s: %s is empty or has spaces around it", e.ID, name)
			}
		}
		for _, name := range []string{"basis", "why", "remedy"} {
			if !strings.HasSuffix(texts[name], ".") {
				t.Errorf("%s: %s does not end as a sentence", e.ID, name)
			}
		}
		if !slices.Contains([]rules.Scope{rules.OfSite, rules.OfCluster, rules.OfInfrastructure}, e.Scope) || !slices.Contains([]rules.Confidence{rules.Official, rules.Inferred, rules.ByPolicy}, e.Confidence) {
			t.Errorf("%s: scope %q, confidence %q", e.ID, e.Scope, e.Confidence)
		}
		for _, p := range e.Parameters {
			if p.Name == "" || p.Unit == "" || p.Meaning == "" {
				t.Errorf("%s: parameter %+v is incomplete", e.ID, p)
			}
			tune := &policy.Policy{Rules: map[string]policy.RuleTune{e.ID: {Parameters: map[string]string{p.Name: p.Default}}}}
			if err := rules.Builtin().Validate(tune); err != nil {
				t.Errorf("%s: default of %s: %v", e.ID, p.Name, err)
			}
		}
	}
	for id := range published {
		if !seen[id] {
			t.Errorf("%s is missing from the pack", id)
		}
	}
	if !slices.IsSortedFunc(entries, func(a, b rules.Entry) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("entries are not in order of id")
	}
}

// TestEveryRuleHasItsCases wants a case that fires, one that is silent and one unknown for every rule, and one not applicable.
func TestEveryRuleHasItsCases(t *testing.T) {
	for id := range published {
		files, err := os.ReadDir(filepath.Join("testdata", id))
		if err != nil {
			t.Error(err)
			continue
		}
		has := func(kind string) bool {
			return slices.ContainsFunc(files, func(f os.DirEntry) bool {
				return strings.HasPrefix(f.Name(), kind) && strings.HasSuffix(f.Name(), ".yaml")
			})
		}
		if !has("fires") && id != "COL-003" {
			t.Errorf("%s: no case fires", id)
		}
		if !has("silent") {
			t.Errorf("%s: no case is silent", id)
		}
		if has("unknown") == slices.Contains(neverUnknown, id) {
			t.Errorf("%s: a case is unknown: %v", id, has("unknown"))
		}
		if has("not-applicable") == slices.Contains(alwaysApplicable, id) {
			t.Errorf("%s: a case is not applicable: %v", id, has("not-applicable"))
		}
	}
}

// TestContradiction holds the one contradiction known today: who wins where, why, and a text to waive it elsewhere.
func TestContradiction(t *testing.T) {
	for _, e := range rules.Builtin().Entries() {
		if e.ID != "COL-006" {
			continue
		}
		c := e.Contradiction
		if c == nil || !strings.HasPrefix(c.Advice, "ca87914f") || c.Says == "" || c.Why == "" || c.Waiver == "" {
			t.Fatalf("contradiction %+v", c)
		}
		sides := map[string]string{}
		for _, w := range c.Wins {
			for _, comp := range w.Components {
				sides[comp] = w.Side
			}
			if w.Why == "" {
				t.Errorf("no reason why %s wins", w.Side)
			}
		}
		if sides["foundation"] != "PTC" || sides["ignite"] != "PTC" || sides["database"] != "Microsoft" {
			t.Errorf("sides %v", sides)
		}
		return
	}
	t.Fatal("no COL-006")
}

// TestEntriesAreCopies changes what Entries returns and expects the pack unchanged.
func TestEntriesAreCopies(t *testing.T) {
	pack := rules.Builtin()
	before := pack.Hash(nil)
	for _, e := range pack.Entries() {
		for i := range e.Parameters {
			e.Parameters[i].Default = "1"
		}
		for i := range e.Severities {
			e.Severities[i] = rules.Info
		}
		if e.Versions != nil {
			e.Versions.From = "1.0"
		}
		if e.Contradiction != nil {
			e.Contradiction.Wins[0].Side = ""
		}
	}
	for _, e := range pack.Entries() {
		if e.ID == "COL-006" && (e.Contradiction.Wins[0].Side == "" || e.Severities[0] == rules.Info) || e.ID == "COL-001" && e.Parameters[0].Default == "1" || e.Versions != nil && e.Versions.From == "1.0" {
			t.Errorf("%s changed with a copy", e.ID)
		}
	}
	if pack.Hash(nil) != before || rules.Builtin().Hash(nil) != before {
		t.Error("the hash of the pack is not stable")
	}
}
