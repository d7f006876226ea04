package custom_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/rules/custom"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func compiled(t testing.TB, name, text string) []rules.Extra {
	t.Helper()
	extras, err := custom.Compile(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return extras
}

func regions(t testing.TB) *geo.Table {
	t.Helper()
	table, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestCases(t *testing.T) {
	extras := compiled(t, "acme.yaml", string(read(t, "testdata/acme.yaml")))
	if err := custom.Verify(extras, "acme.cases.yaml", read(t, "testdata/acme.cases.yaml"), regions(t)); err != nil {
		t.Error(err)
	}
	e := extras[0].Entry
	if e.Confidence != rules.UserRule || e.Topic != "custom" || time.Duration(e.Grace) != 24*time.Hour || e.Why != "Operations supports one version." || e.Basis == "" {
		t.Errorf("entry %+v", e)
	}
}

// site is a site of one cluster for rules made in tests.
func site() *inventory.Site {
	return &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC),
		Site: inventory.Identity{ID: "lyo-07"},
		Clusters: []inventory.Cluster{{
			ID: "prod", ThingworxVersion: "9.6.2",
			Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: []inventory.Node{{Name: "f1", CPU: 8, MemoryGiB: 15.5}, {Name: "f2", CPU: 8}}}},
			Uses:       []inventory.Use{{Infrastructure: "pg", As: inventory.AsDatabase, PoolMax: 100}},
		}},
		Infrastructure: []inventory.Infrastructure{{ID: "pg", Kind: inventory.KindDatabase}},
	}
}

func judged(t testing.TB, extras []rules.Extra) []rules.Finding {
	t.Helper()
	pack, err := rules.Builtin().With(extras)
	if err != nil {
		t.Fatal(err)
	}
	s := site()
	var out []rules.Finding
	for _, f := range pack.Evaluate(rules.Input{Site: s, At: s.ObservedAt}) {
		if f.Confidence == rules.UserRule {
			out = append(out, f)
		}
	}
	if diff := cmp.Diff(site(), s); diff != "" {
		t.Errorf("a rule changed the inventory: %s", diff)
	}
	return out
}

func one(scope, expression string) string {
	return "apiVersion: meridian/v1\nkind: RuleSet\nrules:\n  - {id: T-001X, title: t, scope: " + scope + ", severity: low, message: m, remedy: r,\n     expression: '" + expression + "'}\n"
}

func rule(scope, expression string) string {
	return strings.Replace(one(scope, expression), "T-001X", "TST-001", 1)
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		scope, expression string
		verdict           rules.Verdict
		missing           string
	}{
		{"cluster", `cluster.thingworxVersion == "9.6.2"`, rules.Pass, ""},
		{"cluster", `cluster.components[0].nodes.size() == 2`, rules.Pass, ""},
		{"cluster", `cluster.components[0].nodes[0].cpu * 2.0 == 16.0`, rules.Pass, ""},
		{"cluster", `cluster.components[0].nodes.exists(n, has(n.memoryGiB) && n.memoryGiB < 15)`, rules.Fail, ""},
		{"cluster", `cluster.environment == "production"`, rules.Unknown, "environment of lyo-07/prod"},
		{"infrastructure", `use.poolMax + 1 == 101`, rules.Pass, ""},
		{"infrastructure", `infrastructure.engine == "h2"`, rules.Unknown, "engine of lyo-07/pg"},
		{"site", `site.infrastructure.exists(i, i.id == "pg")`, rules.Pass, ""},
		{"site", `site.site.country == "DE"`, rules.Unknown, "country of lyo-07"},
		{"site", `site.site.id`, rules.Unknown, "result of TST-001"},
		{"site", `1 / (site.clusters.size() - 1) == 1`, rules.Unknown, "result of TST-001"},
		{"site", `[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9].all(d, [0,1,2,3,4,5,6,7,8,9].all(e, [0,1,2,3,4,5,6,7,8,9].all(f, a + b + c + d + e + f >= site.clusters.size() - 1))))))`, rules.Unknown, "result of TST-001"},
	} {
		t.Run(c.scope+" "+c.expression[:min(40, len(c.expression))], func(t *testing.T) {
			got := judged(t, compiled(t, "x.yaml", rule(c.scope, c.expression)))
			if len(got) != 1 || got[0].Verdict != c.verdict || strings.Join(got[0].Missing, ",") != c.missing {
				t.Errorf("%+v", got)
			}
			if got[0].Verdict == rules.Unknown && got[0].Message == "" {
				t.Error("an unknown verdict without a reason")
			}
		})
	}
}

func TestMessageFallsBack(t *testing.T) {
	text := strings.Replace(rule("site", "false"), "message: m", "message: m, messageExpression: 'site.site.hub'", 1)
	if got := judged(t, compiled(t, "x.yaml", text)); got[0].Verdict != rules.Fail || got[0].Message != "m" {
		t.Errorf("%+v", got)
	}
	text = strings.Replace(text, "site.site.hub", `site.site.id + " is wrong."`, 1)
	if got := judged(t, compiled(t, "x.yaml", text)); got[0].Message != "lyo-07 is wrong." {
		t.Errorf("the computed message is %q", got[0].Message)
	}
}

// TestNothingButTheInventory tries what an expression must not reach.
func TestNothingButTheInventory(t *testing.T) {
	for _, expression := range []string{"now() == at", `env("HOME") == ""`, `readFile("/etc/passwd") == ""`, "cluster.id == site.site.id"} {
		if _, err := custom.Compile("x.yaml", []byte(rule("site", expression))); err == nil || !strings.Contains(err.Error(), "undeclared") {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	const head = "apiVersion: meridian/v1\nkind: RuleSet\nrules:\n"
	const tail = "\n    title: t\n    scope: site\n    severity: low\n    message: m\n    remedy: r\n    expression: "
	for _, c := range []struct {
		name, text string
		line       int
		column     int // 0 is not looked at
		what       string
	}{
		{"plain", head + "  - id: ACME-001" + tail + "site.x ==\n", 10, 0, "Syntax error"},
		{"column", head + "  - id: ACME-001" + tail + "true && nothing\n", 10, 25, "undeclared reference"},
		{"quoted", head + "  - id: ACME-001" + tail + "\"true && nothing\"\n", 10, 26, "undeclared reference"},
		{"block", head + "  - id: ACME-001" + tail + "|\n      true &&\n        nothing\n", 12, 9, "undeclared reference"},
		{"folded", head + "  - id: ACME-001" + tail + ">\n      true &&\n      nothing\n", 10, 0, "undeclared reference"},
		{"field", head + "  - id: ACME-001" + tail + "true && site.site.naem == 'x'\n", 10, 34, `no field "naem" here`},
		{"field of an element", head + "  - id: ACME-001" + tail + "site.clusters.exists(c, c.components.all(k, k.nodes[0].memory > 4))\n", 10, 71, `no field "memory" here`},
		{"field asked for", head + "  - id: ACME-001" + tail + "has(site.clusters[0].objectives.rpoo)\n", 10, 20, `no field "rpoo" here`},
		{"type", head + "  - id: ACME-001" + tail + "1 + 1\n", 10, 0, "gives int, not bool"},
		{"id", head + "  - id: acme-1" + tail + "1 == 1\n", 4, 0, `"acme-1" is not an id`},
		{"reserved", head + "  - id: COL-100" + tail + "1 == 1\n", 4, 0, "belongs to the built-in rules"},
		{"twice", head + "  - id: ACME-001" + tail + "1 == 1\n  - id: ACME-001" + tail + "1 == 1\n", 11, 0, "used twice"},
		{"severity", strings.Replace(head+"  - id: ACME-001"+tail+"1 == 1\n", "severity: low", "severity: worst", 1), 7, 0, "not a severity"},
		{"scope", strings.Replace(head+"  - id: ACME-001"+tail+"1 == 1\n", "scope: site", "scope: fleet", 1), 6, 0, "not a scope"},
		{"no message", strings.Replace(head+"  - id: ACME-001"+tail+"1 == 1\n", "message: m", "message: ' '", 1), 8, 0, "no message"},
		{"unknown key", head + "  - id: ACME-001" + tail + "1 == 1\n    expresion: 'true'\n", 11, 0, "expresion"},
		{"kind", "apiVersion: meridian/v1\nkind: Rules\nrules: [{}]\n", 2, 0, "not the kind"},
		{"version", "apiVersion: v0\nkind: RuleSet\nrules: [{}]\n", 1, 0, "not a version"},
		{"none", "apiVersion: meridian/v1\nkind: RuleSet\nrules: []\n", 3, 0, "no rules"},
		{"yaml", "apiVersion: [\n", 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := custom.Compile("acme.yaml", []byte(c.text))
			var list *document.Error
			if !errors.As(err, &list) {
				t.Fatalf("error %v", err)
			}
			for _, p := range list.Problems {
				if p.File == "acme.yaml" && (c.line == 0 || p.Line == c.line) && (c.column == 0 || p.Column == c.column) && strings.Contains(p.What, c.what) {
					return
				}
			}
			t.Errorf("no problem in line %d, column %d with %q in:\n%v", c.line, c.column, c.what, err)
		})
	}
}

func TestVerifyTells(t *testing.T) {
	extras := compiled(t, "x.yaml", rule("cluster", `cluster.thingworxVersion == "9.6.2"`))
	const head = "apiVersion: meridian/v1\nkind: RuleCases\ncases:\n"
	inv := func(version string) string {
		return "{apiVersion: meridian/v1, kind: SiteInventory, observedAt: 2026-11-20T08:00:00Z, site: {id: a}, clusters: [{id: prod, thingworxVersion: \"" + version + "\"}]}"
	}
	for _, c := range []struct {
		name, text, what string
		line             int
	}{
		{"verdict", head + "  - {name: n, rule: TST-001, expect: fail, inventory: " + inv("9.6.2") + "}\n", "is pass, not fail", 4},
		{"missing case", head + "  - {name: n, rule: TST-001, expect: pass, inventory: " + inv("9.6.2") + "}\n", "no case that expects fail", 0},
		{"rule", head + "  - {name: n, rule: TST-002, expect: pass, inventory: {}}\n", `no rule "TST-002"`, 4},
		{"inventory", head + "  - {name: n, rule: TST-001, expect: pass, inventory: {kind: SiteInventory}}\n", "inventory is not valid", 4},
		{"no subject", head + "  - {name: n, rule: TST-001, expect: pass, inventory: {apiVersion: meridian/v1, kind: SiteInventory, observedAt: 2026-11-20T08:00:00Z, site: {id: a}}}\n", "no subject", 4},
		{"kind", "apiVersion: meridian/v1\nkind: RuleSet\ncases: []\n", "not a file of cases", 2},
		{"unknown key", head + "  - {nam: n}\n", "nam", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := custom.Verify(extras, "x.cases.yaml", []byte(c.text), regions(t))
			var list *document.Error
			if !errors.As(err, &list) {
				t.Fatalf("error %v", err)
			}
			for _, p := range list.Problems {
				if (c.line == 0 || p.Line == c.line) && strings.Contains(p.What, c.what) {
					return
				}
			}
			t.Errorf("no problem in line %d with %q in:\n%v", c.line, c.what, err)
		})
	}
	if err := custom.Verify([]rules.Extra{{Entry: rules.Entry{ID: "COL-001"}, Judge: extras[0].Judge}}, "x", []byte(head+"  []\n"), regions(t)); err == nil {
		t.Error("a rule with a built-in id is accepted")
	}
}

// TestDigest changes each text that judges and expects another pack.
func TestDigest(t *testing.T) {
	hash := func(text string) string {
		pack, err := rules.Builtin().With(compiled(t, "x.yaml", text))
		if err != nil {
			t.Fatal(err)
		}
		return pack.Hash(nil)
	}
	base := rule("site", "true")
	for _, other := range []string{rule("site", "true && true"), strings.Replace(base, "message: m", "message: other", 1), strings.Replace(base, "title: t", "title: t, when: 'true'", 1), strings.Replace(base, "severity: low", "severity: high", 1)} {
		if hash(base) == hash(other) {
			t.Errorf("the same hash for\n%s", other)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(string(read(f, "testdata/acme.yaml")))
	f.Add(rule("site", "site.x"))
	f.Add("apiVersion: meridian/v1\nkind: RuleSet\nrules:\n  - expression: |\n      a +\n")
	f.Fuzz(func(t *testing.T, text string) {
		extras, err := custom.Compile("x.yaml", []byte(text))
		if err == nil {
			s := site()
			for _, x := range extras {
				x.Judge(&rules.World{Input: &rules.Input{Site: s, At: s.ObservedAt}, Cluster: &s.Clusters[0], Use: &s.Clusters[0].Uses[0], Infrastructure: &s.Infrastructure[0]})
			}
		}
	})
}

// What an inventory may have compiles: tags of the owner's own, settings, elements by index and by macro, values in a form of their own.
func TestFieldsThatExist(t *testing.T) {
	for _, expression := range []string{
		`site.site.tags.anything == "x" && site.site.tags["other"] == "y"`,
		`site.clusters.exists(c, c.settings.modelSyncPollInterval == "100ms" && c.components.all(k, k.nodes.exists(n, n.placement.zone == "1")))`,
		`site.infrastructure.filter(i, i.kind == "database").map(i, i.highAvailability.mode).exists(m, m == "same-zone")`,
		`has(site.clusters[0].objectives.rpo) && site.observedAt != ""`,
		`site.clusters.map(c, c.workload).exists(w, w.growthPerYear > 0.5)`,
	} {
		if _, err := custom.Compile("x.yaml", []byte(rule("site", expression))); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}
