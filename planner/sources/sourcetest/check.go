package sourcetest

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// check holds one outcome against what is true of every one, and returns whether all components are ok.
func check(t testing.TB, o *Outcome, written bool) (allOK bool) {
	t.Helper()
	o.silent(t, written)
	if o.Site == nil {
		if o.Whole || len(o.Problems) == 0 {
			t.Errorf("no inventory and no reason: whole %v, %+v", o.Whole, o.Problems)
		}
		for _, p := range o.Problems {
			if p.What == "" {
				t.Errorf("a problem that says nothing: %+v", p)
			}
		}
		return false
	}
	text := valid(t, o.Site)
	allOK = o.components(t, written)
	if !written {
		proven(t, o.Site, text)
	}
	return allOK
}

// silent looks for the planted secret in everything that came out.
func (o *Outcome) silent(t testing.TB, written bool) {
	t.Helper()
	words := o.words(t)
	if written {
		words = words[1:] // what people write as a name is one
	}
	for _, s := range words {
		if at := strings.Index(s, Secret); at >= 0 {
			t.Errorf("a secret got out: %s", s[max(0, at-200):min(len(s), at+60)])
		}
	}
}

// words is everything that came out.
func (o *Outcome) words(t testing.TB) []string {
	t.Helper()
	out := []string{JSON(t, o.Site), JSON(t, o.Sources), JSON(t, o.Problems)}
	for _, said := range o.Said {
		if text, ok := said.(string); ok {
			out = append(out, text)
		} else {
			out = append(out, JSON(t, said))
		}
	}
	return out
}

// schema is compiled once.
var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(inventory.Schema()))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:meridian:v1:site-inventory", doc); err != nil {
		return nil, err
	}
	return c.Compile("urn:meridian:v1:site-inventory")
})

// valid puts the inventory through the JSON Schema and the strict reader, and returns it as plain values.
func valid(t testing.TB, site *inventory.Site) any {
	t.Helper()
	data, err := json.Marshal(site)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inventory.Parse("collected.json", data, Regions(t)); err != nil {
		t.Errorf("the inventory is not valid: %v\n%s", err, data)
	}
	s, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("the schema refuses the inventory: %v\n%s", err, data)
	}
	return v
}

// components checks what the components report, and returns whether all are ok.
func (o *Outcome) components(t testing.TB, written bool) bool {
	t.Helper()
	sources := o.Sources
	if sources == nil {
		sources = o.Site.Sources
	}
	if len(sources) == 0 && !written {
		t.Error("no component reports how it went")
	}
	ok := true
	for i := range sources {
		s := &sources[i]
		switch s.Status {
		case inventory.SourceOK:
		case inventory.SourcePartial, inventory.SourceFailed:
			ok = false
			if s.Detail == "" {
				t.Errorf("component %s is %s and says not why", s.Name, s.Status)
			}
		default:
			t.Errorf("component %s has status %q", s.Name, s.Status)
		}
		if s.Name == "" || s.At.IsZero() {
			t.Errorf("a component without name or time: %+v", s)
		}
	}
	if !written && !ok && o.Whole {
		t.Errorf("everything was understood, and the components are %+v", sources)
	}
	return ok
}

// proven checks that each provenance names something that is there, and that each fact has one.
func proven(t testing.TB, site *inventory.Site, text any) {
	t.Helper()
	paths := map[string]bool{}
	for _, p := range site.Provenance {
		at := p.Path
		if p.Declared != "" && !exists(text, at) {
			at = strings.TrimSuffix(item.FindString(at), "/") // of a value that is not known, with the expression in its place
		}
		if !exists(text, at) {
			t.Errorf("a provenance of %s, which the inventory does not have", p.Path)
		}
		if p.Source == "" || p.ObservedAt.IsZero() && p.AttestedUntil.IsZero() {
			t.Errorf("a provenance without source or time: %+v", p)
		}
		paths[p.Path] = true
	}
	root, ok := text.(map[string]any)
	if !ok {
		t.Fatalf("the inventory is %T", text)
	}
	for _, key := range []string{"clusters", "infrastructure", "probes"} {
		if part, ok := root[key]; ok {
			facts(t, part, "/"+key, paths, false)
		}
	}
}

// item is the beginning of a pointer that ends at an entry of a list.
var item = regexp.MustCompile(`^.*/\d+(?:/|$)`)

// facts looks for single values without a provenance of their own or of something around them. The id of a cluster is
// the document's own.
func facts(t testing.TB, v any, at string, paths map[string]bool, covered bool) {
	t.Helper()
	covered = covered || paths[at]
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if k != "id" {
				facts(t, m, document.Pointer(at, k), paths, covered)
			}
		}
	case []any:
		for i, m := range v {
			facts(t, m, at+"/"+strconv.Itoa(i), paths, covered)
		}
	default:
		if !covered {
			t.Errorf("nothing says where %s = %v comes from", at, v)
		}
	}
}

func exists(v any, pointer string) bool {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[token]
			if !ok {
				return false
			}
			v = next
		case []any:
			n, err := strconv.Atoi(token)
			if err != nil || n < 0 || n >= len(at) {
				return false
			}
			v = at[n]
		default:
			return false
		}
	}
	return true
}

// checkReports holds for the reports of every import: kind, status and reason, classes that add up.
func checkReports(t testing.TB, r *importer.Result) {
	t.Helper()
	for i := range r.Files {
		f := &r.Files[i]
		if f.Kind == "" || f.Status == "" {
			t.Errorf("%s: status %q, kind %q", f.Path, f.Status, f.Kind)
		}
		if (f.Status != importer.Understood) != (len(f.Problems) > 0) {
			t.Errorf("%s: %s with the reasons %+v", f.Path, f.Status, f.Problems)
		}
		if f.Status == importer.Refused && (len(f.Problems) == 0 || f.Problems[0].Remedy == "") {
			t.Errorf("%s: refused without a remedy: %+v", f.Path, f.Problems)
		}
		sum := 0
		for _, n := range f.Types {
			sum += n.Count
		}
		if sum != f.Resources {
			t.Errorf("%s: %d resources, %d in classes", f.Path, f.Resources, sum)
		}
		for _, p := range f.Problems {
			if p.File != f.Path || p.What == "" {
				t.Errorf("a problem without its file: %+v", p)
			}
		}
	}
}
