package catalog

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

func builtin(t testing.TB) *Catalog {
	t.Helper()
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t testing.TB, id string) *Architecture {
	t.Helper()
	a, ok := builtin(t).Get(id)
	if !ok {
		t.Fatalf("no architecture %q", id)
	}
	return a
}

func TestBuiltinHoldsEveryArchitecture(t *testing.T) {
	c := builtin(t)
	var ids []string
	for _, a := range c.All() {
		ids = append(ids, a.ID)
	}
	want := []string{Development, BasicProduction, LargeProduction, HACluster, MinimumFootprint, SharedInfrastructure, Distributed}
	if !slices.Equal(ids, want) {
		t.Fatalf("architectures are %v, want %v", ids, want)
	}
	if n, o := len(c.Architectures()), len(c.Overlays()); n != 5 || o != 2 {
		t.Errorf("%d architectures and %d overlays, want 5 and 2", n, o)
	}
	if _, ok := c.Get("nonsense"); ok {
		t.Error("an architecture that does not exist was found")
	}
}

func TestEveryArchitectureSpeaksToPeople(t *testing.T) {
	for _, a := range builtin(t).All() {
		if a.Title == "" || a.Summary == "" || len(a.Text) < 200 {
			t.Errorf("%s: title, summary or text is missing or too short to help", a.ID)
		}
		for _, s := range a.Sources {
			if s.Title == "" || s.Where == "" {
				t.Errorf("%s: source %+v does not say where to look", a.ID, s)
			}
		}
		for _, p := range a.Parts {
			if p.Why == "" || p.Confidence == "" {
				t.Errorf("%s: part %s says neither why nor how sure", a.ID, p.Kind)
			}
		}
		for _, p := range a.Placement {
			if p.Why == "" {
				t.Errorf("%s: placement of %s says no reason", a.ID, p.Part)
			}
		}
		if a.Overlay {
			continue
		}
		if len(a.Hosting) == 0 || len(a.OperatedBy) == 0 {
			t.Errorf("%s: hosting or operation is not said", a.ID)
		}
		if a.HighlyAvailable != a.Clustered {
			t.Errorf("%s: PTC's highly available architectures are the clustered ones", a.ID)
		}
		if a.Production && slices.ContainsFunc(a.Databases, func(d DatabaseChoice) bool { return d.Engine == inventory.EngineH2 }) {
			t.Errorf("%s: H2 is never for production", a.ID)
		}
	}
}

// The returned slices are the caller's: changing them leaves the catalogue alone.
func TestAllIsACopy(t *testing.T) {
	c := builtin(t)
	c.All()[0].ID = "changed"
	if c.All()[0].ID != Development {
		t.Error("a caller changed the catalogue")
	}
}

const minimal = `id: mine
title: Mine
summary: One of ours.
databases: [{engine: postgresql}]
timeseries: [relational]
parts:
  - {kind: foundation, min: 1, max: 1, confidence: inferred}
sources: [{title: House standard, where: wiki, confidence: inferred}]
`

func TestLoad(t *testing.T) {
	c, err := Load(map[string][]byte{"mine.yaml": []byte(minimal)})
	if err != nil {
		t.Fatal(err)
	}
	a, ok := c.Get("mine")
	if !ok || len(a.Parts) != 1 || a.Parts[0].Weight != 1 || a.Parts[0].Recommend.Count(Demand{}) != 1 {
		t.Fatalf("read %+v", a)
	}
}

func TestLoadNamesFileLineAndRemedy(t *testing.T) {
	edit := func(old, now string) string {
		if !strings.Contains(minimal, old) {
			t.Fatalf("the fixture does not contain %q", old)
		}
		return strings.Replace(minimal, old, now, 1)
	}
	tests := []struct {
		name, text string
		line       int
		want       string
	}{
		{"not YAML", "id: [", 1, ""},
		{"unknown key", edit("title:", "tilte:"), 2, "tilte"},
		{"bad id", edit("id: mine", "id: Mine!"), 1, "lower-case"},
		{"no title", edit("title: Mine\n", ""), 1, "no title"},
		{"no summary", edit("summary: One of ours.\n", ""), 1, "no summary"},
		{"no source", edit("sources: [{title: House standard, where: wiki, confidence: inferred}]\n", ""), 1, "no source"},
		{"unknown engine", edit("engine: postgresql", "engine: oracle"), 4, "oracle"},
		{"unknown mode", edit("engine: postgresql", "engine: postgresql, modes: [half]"), 4, "half"},
		{"no database", edit("databases: [{engine: postgresql}]\n", ""), 1, "no database"},
		{"unknown store", edit("[relational]", "[paper]"), 5, "paper"},
		{"no store", edit("timeseries: [relational]\n", ""), 1, "no store"},
		{"unknown kind", edit("kind: foundation", "kind: fundament"), 7, "fundament"},
		{"no foundation", edit("kind: foundation", "kind: zookeeper"), 7, "no part is foundation"},
		{"bad expression", edit("max: 1", "max: two"), 7, "unknown name"},
		{"missing count", edit("max: 1, ", ""), 7, `no "max"`},
		{"swapped counts", edit("max: 1", "max: 0"), 7, "less than at least"},
		{"negative weight", edit("max: 1", "max: 1, weight: -1"), 7, "negative"},
		{"unknown confidence", edit("max: 1, confidence: inferred", "max: 1, confidence: certain"), 7, "certain"},
		{"unknown engine of a part", edit("max: 1", "max: 1, when: {engines: [oracle]}"), 7, "oracle"},
		{"unknown store of a part", edit("max: 1", "max: 1, when: {timeseries: [paper]}"), 7, "paper"},
		{"unknown sign", minimal + "signs: [{sign: odd, weight: 1}]\n", 9, "unknown sign"},
		{"sign without weight", minimal + "signs: [{sign: clustered}]\n", 9, "no weight"},
		{"unknown placement", minimal + "placement: [{rule: near, part: foundation, confidence: inferred}]\n", 9, "near"},
		{"placement without others", minimal + "placement: [{rule: apart, part: foundation, confidence: inferred}]\n", 9, "without others"},
		{"placement with others", minimal + "placement: [{rule: spread, part: foundation, others: [database], confidence: inferred}]\n", 9, "alone"},
		{"unknown other", minimal + "placement: [{rule: apart, part: foundation, others: [moon], confidence: inferred}]\n", 9, "moon"},
		{"unknown shared kind", minimal + "sharing: [{kind: moon, confidence: inferred}]\n", 9, "moon"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(map[string][]byte{"house.yaml": []byte(tt.text)})
			var bad *document.Error
			if !errors.As(err, &bad) {
				t.Fatalf("error is %v, want a *document.Error", err)
			}
			i := slices.IndexFunc(bad.Problems, func(p document.Problem) bool { return strings.Contains(p.What+p.Remedy, tt.want) })
			if i < 0 {
				t.Fatalf("no problem says %q: %v", tt.want, err)
			}
			if p := bad.Problems[i]; p.File != "house.yaml" || p.Line != tt.line {
				t.Errorf("place is %s:%d, want house.yaml:%d (%v)", p.File, p.Line, tt.line, p)
			}
		})
	}
}

func TestLoadRefusesTwoOfOneID(t *testing.T) {
	_, err := Load(map[string][]byte{"a.yaml": []byte(minimal), "b.yaml": []byte(minimal)})
	if err == nil || !strings.Contains(err.Error(), "b.yaml:1") || !strings.Contains(err.Error(), "a.yaml") {
		t.Fatalf("error is %v, want both files named", err)
	}
}

func TestOverride(t *testing.T) {
	base := builtin(t)
	own := strings.Replace(minimal, "id: mine", "id: basic-production", 1)
	c, err := base.Override(map[string][]byte{"mine.yaml": []byte(minimal), "basic.yaml": []byte(own)})
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := c.Get(BasicProduction); a.Title != "Mine" {
		t.Errorf("basic production is still %q", a.Title)
	}
	if len(c.All()) != 8 {
		t.Errorf("%d architectures, want the seven with one replaced and one added", len(c.All()))
	}
	if a, _ := base.Get(BasicProduction); a.Title == "Mine" {
		t.Error("the catalogue overridden was changed")
	}
	if _, err := base.Override(map[string][]byte{"bad.yaml": []byte("id: 1x x")}); err == nil {
		t.Error("a broken file was accepted")
	}
}

func TestVersionsContain(t *testing.T) {
	tests := []struct {
		from, before, version string
		want                  bool
	}{
		{"9.0", "", "9.6.2", true},
		{"9.0", "", "8.5.12", false},
		{"9.0", "", "9", true},
		{"9.0", "", "10.1", true},
		{"", "9.5", "9.4.1-b12", true},
		{"", "9.5", "9.5", false},
		{"", "9.5", "9.5.0", false},
		{"9.0", "9.5", "", true},
		{"", "", "anything", true},
	}
	for _, tt := range tests {
		if got := (Versions{From: tt.from, Before: tt.before}).Contains(tt.version); got != tt.want {
			t.Errorf("[%s, %s) contains %q: %v, want %v", tt.from, tt.before, tt.version, got, tt.want)
		}
	}
}

func TestKindsAndIndexAgree(t *testing.T) {
	var p PerKind[int]
	for i, k := range Kinds() {
		if k.Index() != i {
			t.Errorf("%s has index %d, want %d", k, k.Index(), i)
		}
		p.Set(k, i+1)
		if p.Of(k) != i+1 {
			t.Errorf("%s does not hold its value", k)
		}
	}
	p.Set("moon", 9)
	if Kind("moon").Index() != -1 || p.Of("moon") != 0 {
		t.Error("an unknown kind has a place")
	}
}

func TestChoices(t *testing.T) {
	ha, basic := get(t, HACluster), get(t, BasicProduction)
	if !ha.AllowsIgnite(inventory.IgniteSeparate) || ha.AllowsIgnite("") || !basic.AllowsIgnite("") || basic.AllowsIgnite(inventory.IgniteEmbedded) {
		t.Error("Ignite belongs to clusters and only to them")
	}
	if get(t, MinimumFootprint).AllowsIgnite(inventory.IgniteSeparate) {
		t.Error("the minimum footprint embeds Ignite")
	}
	if !ha.AllowsHosting(inventory.HostingPTCCloud) || ha.AllowsHosting("moon") {
		t.Error("hosting is not read")
	}
	if got := ha.BestMode(inventory.EngineAzurePostgreSQLFlexible); got != inventory.HAZoneRedundant {
		t.Errorf("best mode of an HA cluster is %q", got)
	}
	if got := basic.BestMode(inventory.EngineAzurePostgreSQLFlexible); got != inventory.HANone {
		t.Errorf("mode of a basic production system is %q", got)
	}
	if got := ha.BestMode(inventory.EnginePostgreSQL); got != "" {
		t.Errorf("a self-managed database has mode %q", got)
	}
	if basic.AllowsTimeseries(TimeseriesInflux) || !get(t, LargeProduction).AllowsTimeseries(TimeseriesInflux) {
		t.Error("InfluxDB belongs to the large production system")
	}
}

// What the API shows of an architecture says the counts as the file does.
func TestCountsAreShown(t *testing.T) {
	text := mustJSON(t, get(t, HACluster))
	for _, want := range []string{`"min":"max(2, foundationNodes)"`, `"max":"n"`, `"recommend":"max(2, foundationNodes + 1)"`, `"multipleOf":"replicationFactor"`, `"published":"2..n"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}
