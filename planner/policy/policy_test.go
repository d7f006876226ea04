package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

const example = `
apiVersion: meridian/v1
kind: Policy
name: drives
geographies:
  - {match: {country: DE}, allow: [Europe, US]}
  - {match: {tags: {division: defence}}, allow: [Germany]}
  - {match: {site: sha-01}, allow: [Asia Pacific]}
rules:
  COL-001: {parameters: {criticalRoundTrip: 20ms}}
  ARC-005: {severity: info, enabled: true, grace: 168h}
  ACME-0007: {severity: critical}
availability: {machine: 0.998, managed: {azure-postgresql-flexible: {none: 0.99}}}
`

func parse(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse("p.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParse(t *testing.T) {
	p := parse(t, example)
	if p.Name != "drives" || len(p.Geographies) != 3 || p.Rule("COL-001").Parameters["criticalRoundTrip"] != "20ms" || !*p.Rule("ARC-005").Enabled || p.Rule("ARC-005").Grace.String() != "168h" || p.Rule("X").Severity != "" {
		t.Errorf("%+v", p)
	}
	if (*Policy)(nil).Rule("COL-001").Severity != "" {
		t.Error("no policy tunes a rule")
	}
}

func TestProblems(t *testing.T) {
	const head = "apiVersion: meridian/v1\nkind: Policy\n"
	for _, c := range []struct{ doc, want string }{
		{"{}", "p.yaml:1:1: /apiVersion: apiVersion is missing or not meridian/v1; write apiVersion: meridian/v1\np.yaml:1:1: /kind: kind is missing or not Policy; write kind: Policy"},
		{"[", "p.yaml:1:1: a value is expected here; close every bracket"},
		{head + "rule: {}", `p.yaml:3:1: /rule: unknown key "rule"; did you mean "rules"?`},
		{head + "geographies: [{match: {country: DE}, allow: [Erope]}]", `p.yaml:3:46: /geographies/0/allow/0: "Erope" is not a known geography; did you mean "Europe"?`},
		{head + "geographies: [{match: {country: DE}, allow: [Narnia]}]", `p.yaml:3:46: /geographies/0/allow/0: "Narnia" is not a known geography; give one of Africa, Asia Pacific, Canada, Central America, EU, Europe, Mexico, Middle East, North America, South America, UK, US, or a country`},
		{head + "geographies: [{match: {country: Germany}, allow: []}]", "p.yaml:3:33: /geographies/0/match/country: \"Germany\" is not the code of a country; write the two letters of ISO 3166-1, like DE\np.yaml:3:50: /geographies/0/allow: no geography is allowed; name at least one, or remove the rule to allow any"},
		{head + "geographies: [{match: {site: A B}, allow: [EU]}]", `p.yaml:3:30: /geographies/0/match/site: "A B" is not a site id; use lower-case letters, digits and dashes`},
		{head + "rules: {col-1: {}}", `p.yaml:3:16: /rules/col-1: "col-1" is not a rule id; write it like COL-001`},
		{head + "rules: {COL-001: {severity: hihg}}", `p.yaml:3:29: /rules/COL-001/severity: "hihg" is not a severity; did you mean "high"?`},
		{head + "rules: {COL-001: {severity: terrible}}", `p.yaml:3:29: /rules/COL-001/severity: "terrible" is not a severity; give one of critical, high, medium, low, info`},
		{head + "rules: {COL-001: {grace: -1h, parameters: {a: ' '}}}", "p.yaml:3:26: /rules/COL-001/grace: grace is negative; give a duration of at least 0s\np.yaml:3:47: /rules/COL-001/parameters/a: the parameter has no value; give one, or leave it out for its default"},
		{head + "availability: {machine: 99.9, zone: -1, region: 0.5, redundant: 1}", "p.yaml:3:25: /availability/machine: the probability 99.9 is outside 0 to 1; give a share between 0 and 1: 99.9 % is 0.999\np.yaml:3:37: /availability/zone: the probability -1 is outside 0 to 1; give a share between 0 and 1"},
		{head + "availability: {managed: {azure-postgres-flexible: {none: 0.9}}}", `p.yaml:3:51: /availability/managed/azure-postgres-flexible: "azure-postgres-flexible" is not a managed engine; did you mean "azure-postgresql-flexible"?`},
		{head + "availability: {managed: {azure-sql: {both: 2}}}", "p.yaml:3:44: /availability/managed/azure-sql/both: \"both\" is not a mode; give one of none, same-zone, zone-redundant"},
		{head + "name: jdbc:x://u:hunter2@h\nrules: {'password=hunter2': {severity: 'token=hunter2'}}", ""},
	} {
		_, err := Parse("p.yaml", []byte(c.doc))
		var e *document.Error
		switch {
		case !errors.As(err, &e):
			t.Errorf("%q: %v", c.doc, err)
		case c.want == "":
			for _, p := range e.Problems {
				if strings.Contains(p.What+p.Remedy, "hunter2") {
					t.Errorf("the message cites a secret: %v", p)
				}
			}
		case !strings.HasPrefix(err.Error(), c.want):
			t.Errorf("%q:\n got %v\nwant %s", c.doc, err, c.want)
		}
	}
	if _, err := Parse("p.yaml", make([]byte, MaxDocument+1)); err == nil || !strings.Contains(err.Error(), "limit is 1048576") {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	tb, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if problems := Validate(Default(), tb); len(problems) != 0 {
		t.Errorf("the default policy is invalid: %v", problems)
	}
	if problems := Validate(&Policy{}, tb); len(problems) != 2 {
		t.Errorf("%v", problems)
	}
}

func TestDefaults(t *testing.T) {
	const pg, sql = inventory.EngineAzurePostgreSQLFlexible, inventory.EngineAzureSQL
	d := Defaults()
	if d.Machine != 0.999 || d.Zone != 0.9999 || d.Region != 0.99995 || d.Redundant != 0.9999 ||
		d.Managed[pg][inventory.HANone] != 0.999 || d.Managed[pg][inventory.HASameZone] != 0.9995 || d.Managed[pg][inventory.HAZoneRedundant] != 0.9999 {
		t.Errorf("%+v", d)
	}
	if diff := cmp.Diff(d, (Availability{}).WithDefaults()); diff != "" {
		t.Error(diff)
	}
	given := Availability{Machine: 0.5, Managed: map[inventory.Engine]map[inventory.HAMode]float64{pg: {inventory.HANone: 0.25, inventory.HASameZone: 0}, "other": {inventory.HANone: 0.125}}}
	before := Availability{Machine: 0.5, Managed: map[inventory.Engine]map[inventory.HAMode]float64{pg: {inventory.HANone: 0.25, inventory.HASameZone: 0}, "other": {inventory.HANone: 0.125}}}
	a := given.WithDefaults()
	if a.Machine != 0.5 || a.Zone != d.Zone || a.Managed[pg][inventory.HANone] != 0.25 || a.Managed[pg][inventory.HASameZone] != 0.9995 || a.Managed["other"][inventory.HANone] != 0.125 || a.Managed[sql][inventory.HANone] != 0.999 {
		t.Errorf("%+v", a)
	}
	a.Managed[pg][inventory.HANone] = 1
	if diff := cmp.Diff(before, given); diff != "" {
		t.Errorf("the argument changed: %s", diff)
	}
	if diff := cmp.Diff(a, a.WithDefaults()); diff != "" {
		t.Errorf("filling twice changes something: %s", diff)
	}
	want := []string{"machine", "managed/azure-sql/none", "managed/azure-sql/same-zone", "managed/azure-sql/zone-redundant", "redundant", "region", "zone"}
	if diff := cmp.Diff(want, (Availability{}).Assumptions()); diff != "" {
		t.Error(diff)
	}
	if got := Defaults().Assumptions(); len(got) != 0 {
		t.Errorf("what the policy gives is no assumption of ours: %v", got)
	}
}

func TestAllowedGeographies(t *testing.T) {
	p := parse(t, example)
	for _, c := range []struct {
		site inventory.Identity
		want []string
		ok   bool
	}{
		{inventory.Identity{ID: "muc-01", Country: "DE"}, []string{"Europe", "US"}, true},
		{inventory.Identity{ID: "muc-01", Country: "de"}, []string{"Europe", "US"}, true},
		{inventory.Identity{ID: "muc-01", Country: "DE", Tags: map[string]string{"division": "defence"}}, []string{"Germany"}, true},
		{inventory.Identity{ID: "lyo-07", Country: "FR"}, nil, false},
		{inventory.Identity{ID: "sha-01", Country: "DE"}, nil, true},
		{inventory.Identity{ID: "sha-01"}, []string{"Asia Pacific"}, true},
	} {
		got, ok := p.AllowedGeographies(c.site)
		if ok != c.ok || !cmp.Equal(got, c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("%+v: %v, %v", c.site, got, ok)
		}
	}
	if _, ok := (*Policy)(nil).AllowedGeographies(inventory.Identity{}); ok {
		t.Error("no policy restricts a site")
	}
	p = &Policy{Geographies: []GeographyRule{{Allow: []string{"Germany", "US"}}, {Allow: []string{"EU", "us", "europe"}}}}
	if got, _ := p.AllowedGeographies(inventory.Identity{}); !cmp.Equal(got, []string{"Germany", "US"}) {
		t.Errorf("%v", got)
	}
	if p.Geographies[0].Allow[0] != "Germany" || p.Geographies[1].Allow[0] != "EU" {
		t.Error("the policy changed")
	}
}

func TestMoreRulesAllowLess(t *testing.T) {
	tb, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"Europe", "EU", "Germany", "FR", "US", "North America", "Asia Pacific"}), 1, 3)
	country := rapid.SampledFrom([]string{"DE", "FR", "CH", "US", "CA", "SG", "GB"})
	within := func(c string, words []string) bool {
		for _, w := range words {
			if in, _ := tb.CountryWithin(c, w); in {
				return true
			}
		}
		return false
	}
	rapid.Check(t, func(t *rapid.T) {
		p := &Policy{}
		for range rapid.IntRange(1, 3).Draw(t, "rules") {
			p.Geographies = append(p.Geographies, GeographyRule{Allow: words.Draw(t, "allow")})
		}
		c := country.Draw(t, "country")
		allowed, _ := p.AllowedGeographies(inventory.Identity{})
		want := true
		for _, g := range p.Geographies {
			want = want && within(c, g.Allow)
		}
		if got := within(c, allowed); got != want {
			t.Fatalf("%s within %v is %v, within each of %v is %v", c, allowed, got, p.Geographies, want)
		}
	})
}

func TestClone(t *testing.T) {
	p, same := parse(t, example), parse(t, example)
	c := p.Clone()
	if diff := cmp.Diff(p, c); diff != "" {
		t.Fatal(diff)
	}
	c.Geographies[0].Allow[0], c.Geographies[1].Match.Tags["division"] = "x", "x"
	c.Rules["COL-001"].Parameters["criticalRoundTrip"] = "x"
	*c.Rules["ARC-005"].Enabled = false
	delete(c.Rules, "ACME-0007")
	c.Availability.Managed[inventory.EngineAzurePostgreSQLFlexible][inventory.HANone] = 0
	if diff := cmp.Diff(same, p); diff != "" {
		t.Errorf("changing the copy changed the original: %s", diff)
	}
}

func TestCanonical(t *testing.T) {
	canonical := func(p *Policy) string {
		data, err := p.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if canonical(nil) != canonical(Default()) || canonical(nil) != canonical(&Policy{Name: "x", Rules: map[string]RuleTune{}, Geographies: []GeographyRule{}}) {
		t.Error("policies that judge alike differ")
	}
	p := parse(t, example)
	if canonical(p) == canonical(nil) || canonical(p) != canonical(parse(t, strings.Replace(example, "drives", "pumps", 1))) || canonical(p) == canonical(parse(t, strings.Replace(example, "20ms", "21ms", 1))) {
		t.Error("the name decides, or a parameter does not")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("p.yaml", data)
		if err != nil {
			var e *document.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return
		}
		if _, err := p.Canonical(); err != nil {
			t.Fatal(err)
		}
		p.AllowedGeographies(inventory.Identity{ID: "a"})
	})
}

func TestDocumentedPolicy(t *testing.T) {
	parse(t, `
apiVersion: meridian/v1
kind: Policy
geographies: [{match: {country: DE}, allow: [Europe]}]
rules: {COL-001: {parameters: {criticalRoundTrip: 20ms}}, ARC-005: {severity: info, enabled: true, grace: 168h}}
availability: {machine: 0.999, zone: 0.9999, region: 0.99995, managed: {azure-postgresql-flexible: {none: 0.999, same-zone: 0.9995, zone-redundant: 0.9999}}}
`)
}
