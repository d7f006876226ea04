package merge

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

var table = sync.OnceValues(geo.Builtin)

func regions(t interface{ Fatal(...any) }) *geo.Table {
	regions, err := table()
	if err != nil {
		t.Fatal(err)
	}
	return regions
}

// sources draws what several sources say about one site: each sees a part of it, in its own words, and some err.
func sources(t *rapid.T) []Input {
	var out []Input
	names := []string{"site-file", "hostconfig", "azure", "terraform", "kubernetes", "site-file"}
	for k := range rapid.IntRange(1, 4).Draw(t, "sources") {
		name := rapid.SampledFrom(names).Draw(t, "name")
		out = append(out, Input{Source: name, Observed: name == "azure" || name == "hostconfig", Site: site(t, fmt.Sprint(k))})
	}
	return out
}

func site(t *rapid.T, tag string) *inventory.Site {
	pick := func(what string, words ...string) string { return rapid.SampledFrom(words).Draw(t, tag+what) }
	maybe := func(what string) bool { return rapid.Bool().Draw(t, tag+what) }
	place := func(what string) inventory.Placement {
		return inventory.Placement{Provider: pick(what+"provider", "", "azure"), Region: pick(what+"region", "", "West Europe", "northeurope", "westeurope"), Zone: pick(what+"zone", "", "1", "2")}
	}
	s := &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: start.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, tag+"at")) * time.Hour),
		Site: inventory.Identity{ID: "muc-01", Name: pick("site", "", "Munich", "München"), Tags: map[string]string{"a/b~c": pick("tag", "x", "y")}},
	}
	for i := range rapid.IntRange(0, 3).Draw(t, tag+"infra") {
		x := inventory.Infrastructure{
			ID: fmt.Sprintf("%s-%d", pick(fmt.Sprint("id", i), "pg", "database", "db"), i), Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL,
			Version: pick(fmt.Sprint("version", i), "", "15", "15.18", "14"), Placement: place(fmt.Sprint("place", i)), SKU: pick(fmt.Sprint("sku", i), "", "A", "B"),
			CPU: float64(rapid.IntRange(0, 2).Draw(t, tag+fmt.Sprint("cpu", i))),
		}
		x.Identity.Endpoint = pick(fmt.Sprint("endpoint", i), "", "pg-1.example.com", "pg-2.example.com:5433", "10.0.0.1", "jdbc:postgresql://user:planted@pg-1.example.com/db?password=planted")
		x.Identity.ARMID = pick(fmt.Sprint("arm", i), "", "", "/subscriptions/1/x", "/Subscriptions/1/Y")
		if maybe(fmt.Sprint("address", i)) {
			x.Identity.Addresses = []string{pick(fmt.Sprint("addr", i), "10.0.0.2", "pg-1.example.com", "pg-3.example.com")}
		}
		for k := range rapid.IntRange(0, 2).Draw(t, tag+fmt.Sprint("nodes", i)) {
			x.Nodes = append(x.Nodes, inventory.Node{
				Name: fmt.Sprintf("pg%d%s", k, pick(fmt.Sprint("node", i, k), "", ".example.com")), Machine: pick(fmt.Sprint("machine", i, k), "", "vm-a", "vm-b"),
				Role: pick(fmt.Sprint("role", i, k), "", "primary", "standby"), Placement: place(fmt.Sprint("node", i, k)),
			})
		}
		if maybe(fmt.Sprint("replica", i)) {
			x.Replicas = []inventory.Replica{{Name: pick(fmt.Sprint("replica", i), "", "r"), Region: pick(fmt.Sprint("replicaRegion", i), "westeurope", "northeurope")}}
		}
		s.Infrastructure = append(s.Infrastructure, x)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, tag+"clusters") {
		c := inventory.Cluster{ID: fmt.Sprintf("%s-%d", pick(fmt.Sprint("cluster", i), "prod", "thingworx"), i), ThingworxVersion: pick(fmt.Sprint("twx", i), "", "9.6", "9.6.2", "9.5")}
		if maybe(fmt.Sprint("mode", i)) {
			on := maybe(fmt.Sprint("on", i))
			c.ClusteredMode = &on
		}
		for range rapid.IntRange(0, 2).Draw(t, tag+fmt.Sprint("components", i)) {
			x := inventory.Component{Kind: inventory.ComponentKind(pick(fmt.Sprint("kind", i), "foundation", "ignite"))}
			for k := range rapid.IntRange(0, 2).Draw(t, tag+fmt.Sprint("foundations", i)) {
				x.Nodes = append(x.Nodes, inventory.Node{
					Name: fmt.Sprintf("twx-%d-%d", len(c.Components), k), Machine: pick(fmt.Sprint("vm", i, k), "", "vm-a", "vm-c"),
					Settings: inventory.NodeSettings{PlatformID: pick(fmt.Sprint("platform", i, k), "", "twx1", "twx2")}, CPU: float64(k),
				})
			}
			c.Components = append(c.Components, x)
		}
		if len(s.Infrastructure) > 0 {
			c.Uses = append(c.Uses, inventory.Use{
				Infrastructure: s.Infrastructure[0].ID, As: inventory.AsDatabase, Database: pick(fmt.Sprint("db", i), "", "thingworx"), Schema: pick(fmt.Sprint("schema", i), "", "a", "b"), PoolMax: i * 10,
			})
			if len(c.Components) > 0 && len(c.Components[0].Nodes) > 0 {
				probe := inventory.Probe{From: "muc-01/" + c.ID + "/" + c.Components[0].Nodes[0].Name, To: s.Infrastructure[0].ID, Kind: inventory.ProbeTCPConnect, P50: inventory.Duration(time.Millisecond), Samples: 3, At: s.ObservedAt}
				s.Probes = append(s.Probes, probe)
			}
		}
		s.Clusters = append(s.Clusters, c)
	}
	if len(s.Infrastructure) > 0 && maybe("proof") {
		s.Provenance = append(s.Provenance, inventory.Provenance{Path: "/infrastructure/0", Source: pick("proofSource", "azure", "terraform-plan", "sku-default"), ObservedAt: start})
		s.Provenance = append(s.Provenance, inventory.Provenance{Path: "/infrastructure/0/placement/region", Source: "azure", ObservedAt: start, Declared: pick("declared", "", "eastus", "${var.region}")})
	}
	if maybe("reported") {
		s.Sources = []inventory.Source{{Name: "part" + tag, Status: inventory.SourcePartial, At: start, Detail: "half"}}
	}
	return s
}

func canonical(t *rapid.T, s *inventory.Site) string {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func merged(t *rapid.T, inputs []Input) *Result {
	r, err := Merge(inputs, regions(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMergeIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := merged(t, sources(t))
		again := merged(t, []Input{{Source: "site-file", Site: first.Site}})
		if x, y := canonical(t, first.Site), canonical(t, again.Site); x != y {
			t.Fatalf("once\n%s\ntwice\n%s", x, y)
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := sources(t)
		one := merged(t, in)
		other := slices.Clone(in)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		two := merged(t, other)
		if x, y := canonical(t, one.Site), canonical(t, two.Site); x != y {
			t.Fatalf("one\n%s\nother order\n%s", x, y)
		}
		if len(one.Facts) != len(two.Facts) || len(one.Notes) != len(two.Notes) {
			t.Fatal("the reports differ")
		}
	})
}

func TestOneSourceStaysAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := site(t, "0")
		norm := inventory.Normalise(s, regions(t))
		if x, y := canonical(t, norm), canonical(t, merged(t, []Input{{Source: "site-file", Site: s}}).Site); x != y {
			t.Fatalf("alone\n%s\nwas\n%s", y, x)
		}
		// The rebuilt document must be the same too, or what is said of several sources would not hold for one.
		m := &merger{result: &Result{}, docs: []*doc{{Input: Input{Source: "site-file", Site: norm}}}}
		if err := m.docs[0].read(); err != nil {
			t.Fatal(err)
		}
		m.match()
		built, err := m.build()
		if err != nil {
			t.Fatal(err)
		}
		if x, y := canonical(t, bare(norm)), canonical(t, bare(built)); x != y {
			t.Fatalf("rebuilt\n%s\nwas\n%s", y, x)
		}
		twice := merged(t, []Input{{Source: "site-file", Site: s}, {Source: "site-file", Site: s}})
		if x, y := canonical(t, bare(norm)), canonical(t, bare(twice.Site)); x != y {
			t.Fatalf("with itself\n%s\nwas\n%s", y, x)
		}
		for _, f := range twice.Facts {
			if !f.InForce && f.Why != "another source knows the value" && !strings.HasPrefix(f.Why, "its path names nothing") && f.Why != "it is not a value" {
				t.Fatalf("a source overrules itself: %+v", f)
			}
		}
		if len(twice.Notes) != 0 {
			t.Fatalf("a source is told apart from itself: %v", twice.Notes)
		}
	})
}

// bare is a site without what a merge adds.
func bare(s *inventory.Site) *inventory.Site {
	c := *s
	c.Provenance = nil
	return &c
}

func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := sources(t)
		r := merged(t, in)
		// Every leaf of every source is among the facts.
		have := map[string]int{}
		for _, f := range r.Facts {
			have[text(f.Value)]++
			if f.InForce != (f.Why == "") {
				t.Fatalf("%+v", f)
			}
		}
		want := map[string]int{}
		for _, i := range in {
			m := &doc{Input: i}
			m.Site = inventory.Normalise(i.Site, regions(t))
			if err := m.read(); err != nil {
				t.Fatal(err)
			}
			count(m.root, want)
		}
		for v, n := range want {
			if have[v] < n {
				t.Fatalf("%q was said %d times and is told %d times", v, n, have[v])
			}
		}
		// What is in force is in the document, and what is in the document was said by somebody.
		var tree any
		if err := json.Unmarshal([]byte(canonical(t, r.Site)), &tree); err != nil {
			t.Fatal(err)
		}
		said := map[string]bool{}
		for _, f := range r.Facts {
			v, ok := lookup(tree, f.Path)
			if f.InForce && (!ok || !holds(f, text(v))) {
				t.Fatalf("%s is in force with %v, the document has %v", f.Path, f.Value, v)
			}
			said[f.Path] = true
		}
		for _, p := range leaves(tree, "") {
			switch first, _, _ := strings.Cut(p[1:], "/"); first {
			case "apiVersion", "kind", "observedAt", "sources", "provenance":
			default:
				if !said[p] {
					t.Fatalf("nobody said %s", p)
				}
			}
		}
		if problems := inventory.Validate(r.Site, regions(t)); len(problems) > 0 {
			for _, i := range in {
				if len(inventory.Validate(inventory.Normalise(i.Site, regions(t)), regions(t))) > 0 {
					return // nothing is promised of what is invalid itself
				}
			}
			t.Fatalf("the merged inventory is invalid: %v\n%s", problems, canonical(t, r.Site))
		}
		if strings.Contains(canonical(t, r.Site), "planted") {
			t.Fatal("a secret came through")
		}
		for _, f := range r.Facts {
			if strings.Contains(text(f.Value), "planted") {
				t.Fatal("a secret is among the facts")
			}
		}
	})
}

// holds reports whether a document's value is what a fact says: the same, the same more exactly, or the same in canonical
// spelling. References follow what they name.
func holds(f Fact, v string) bool {
	last := f.Path[strings.LastIndexByte(f.Path, '/')+1:]
	switch last {
	case "infrastructure", "to", "from", "region", "endpoint":
		return true
	case "version", "thingworxVersion":
		return v == text(f.Value) || strings.HasPrefix(v, text(f.Value)+".")
	}
	return v == text(f.Value)
}

func count(e *entity, n map[string]int) {
	for _, l := range e.leaves {
		n[text(l.value)]++
	}
	for _, list := range e.lists {
		for _, c := range list {
			count(c, n)
		}
	}
}

func lookup(tree any, path string) (any, bool) {
	for _, token := range strings.Split(path, "/")[1:] {
		switch v := tree.(type) {
		case map[string]any:
			next, ok := v[unescape(token)]
			if !ok {
				return nil, false
			}
			tree = next
		case []any:
			i := 0
			if _, err := fmt.Sscan(token, &i); err != nil || i >= len(v) {
				return nil, false
			}
			tree = v[i]
		default:
			return nil, false
		}
	}
	return tree, true
}

func leaves(v any, path string) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			out = append(out, leaves(x, path+"/"+strings.ReplaceAll(strings.ReplaceAll(k, "~", "~0"), "/", "~1"))...)
		}
	case []any:
		for i, x := range v {
			out = append(out, leaves(x, fmt.Sprintf("%s/%d", path, i))...)
		}
	default:
		out = append(out, path)
	}
	return out
}
