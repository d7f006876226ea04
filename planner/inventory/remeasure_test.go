package inventory_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// whole reads a document as if nothing were known of its site.
func whole(text []byte, regions *geo.Table) (*inventory.Site, []document.Problem, error) {
	s := new(inventory.Site)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, nil, err
	}
	if problems := inventory.Validate(s, regions); len(problems) > 0 {
		return nil, problems, nil
	}
	return inventory.Normalise(s, regions), nil, nil
}

// remeasured reports whether a document is read from its measurements, and fails when it is then another than when it is read whole.
func remeasured(t *testing.T, known, text []byte, regions *geo.Table) bool {
	t.Helper()
	before, problems, err := whole(known, regions)
	if err != nil || len(problems) > 0 {
		t.Fatalf("the known document cannot be read: %v, %v", err, problems)
	}
	if inventory.StructureOf(known) != inventory.StructureOf(text) {
		return false
	}
	kept := inventory.Clone(before)
	got, found, ok := inventory.Remeasured(text, before, regions)
	if !reflect.DeepEqual(before, kept) {
		t.Errorf("reading\n%s\nchanges what was known", text)
	}
	if !ok {
		return false
	}
	want, problems, err := whole(text, regions)
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(found, problems) {
		t.Errorf("the measurements of\n%s\ngive %+v and %v, the whole %+v and %v, %v", text, got, found, want, problems, err)
	}
	return true
}

func simulated(t testing.TB, i, step int) []byte {
	text, err := inventory.Canonical(sitesim.New(sitesim.Options{Seed: 9, Sites: 30, Start: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}).Site(i, step))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRemeasured: of what programs write, the measurements alone are read where nothing else changed, and give the same site.
func TestRemeasured(t *testing.T) {
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for i := range 30 {
		for step := range 4 {
			if remeasured(t, simulated(t, i, step), simulated(t, i, step+1), regions) {
				taken++
			}
		}
	}
	if taken < 60 {
		t.Errorf("%d of 120 steps were read from their measurements", taken)
	}
	known := simulated(t, 0, 0)
	site, _, err := whole(known, regions)
	if err != nil {
		t.Fatal(err)
	}
	site.Sources = append(site.Sources, inventory.Source{Name: "ü", Status: inventory.SourceOK, Detail: "jdbc:postgresql://u:p@h/d"})
	site.Provenance = append(site.Provenance, inventory.Provenance{Path: "/infrastructure/0/placement/region", Source: "azure", Declared: "West Europe", ObservedAt: site.ObservedAt.In(time.FixedZone("", 7200))})
	evidence, err := inventory.Canonical(site)
	if err != nil {
		t.Fatal(err)
	}
	if !remeasured(t, known, evidence, regions) {
		t.Error("new evidence is not read from the measurements")
	}
	for what, change := range map[string]func(string) string{
		"a key in another spelling":  func(s string) string { return strings.Replace(s, `"observedAt"`, `"ObservedAt"`, 1) },
		"a key twice":                func(s string) string { return strings.Replace(s, `{`, `{"probes":[],`, 1) },
		"an unknown key":             func(s string) string { return strings.Replace(s, `{`, `{"x":1,`, 1) },
		"text behind":                func(s string) string { return s + "x" },
		"a space before":             func(s string) string { return " " + s },
		"a bracket that is no match": func(s string) string { return strings.Replace(s, `"probes":[`, `"probes":{`, 1) },
		"cut off":                    func(s string) string { return s[:len(s)-1] },
		"no measurement":             func(s string) string { return strings.Replace(s, `"p95":"`, `"p95":"x`, 1) },
	} {
		if text := change(string(known)); remeasured(t, known, []byte(text), regions) {
			t.Errorf("%s: read from the measurements", what)
		}
	}
}

// TestDocumentKeysAreTheTypes: a document of the type itself is read from its measurements, so that a new member does not end that unnoticed.
func TestDocumentKeysAreTheTypes(t *testing.T) {
	typ := reflect.TypeFor[inventory.Site]()
	keys := map[string]bool{}
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		keys[name] = true
	}
	var written map[string]json.RawMessage
	if err := json.Unmarshal(simulated(t, 3, 1), &written); err != nil {
		t.Fatal(err)
	}
	for key := range keys {
		if written[key] == nil {
			t.Errorf("a simulated document has no %s: Remeasured is not seen to know the key", key)
		}
	}
}

func FuzzRemeasured(f *testing.F) {
	regions, err := geo.Builtin()
	if err != nil {
		f.Fatal(err)
	}
	known := simulated(f, 3, 0)
	for step := range 3 {
		f.Add(simulated(f, 3, step))
	}
	f.Add([]byte(strings.Replace(string(known), `"probes"`, `"sources"`, 1)))
	f.Fuzz(func(t *testing.T, text []byte) { remeasured(t, known, text, regions) })
}
