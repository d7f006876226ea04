package assess_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	samples "github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
)

var at = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func engine(t testing.TB) *assess.Engine {
	t.Helper()
	e, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sample returns the sample federation, normalised, by site id.
func sample(t testing.TB, e *assess.Engine) map[string]*inventory.Site {
	t.Helper()
	files, err := samples.Inventories(at)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*inventory.Site{}
	for name, data := range files {
		s, err := inventory.Parse(name, data, e.Regions)
		if err != nil {
			t.Fatal(err)
		}
		out[s.Site.ID] = inventory.Normalise(s, e.Regions)
	}
	return out
}

func all(sites map[string]*inventory.Site) []*inventory.Site {
	var out []*inventory.Site
	for _, s := range sites {
		out = append(out, s)
	}
	return out
}

func text(t testing.TB, a *assess.Assessment) string {
	t.Helper()
	b, err := assess.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSameInputSameBytes: the order in which sites are given is no input, and judging changes nothing of its input.
func TestSameInputSameBytes(t *testing.T) {
	e := engine(t)
	sites := sample(t, e)
	before := map[string]*inventory.Site{}
	for id, s := range sites {
		before[id] = inventory.Clone(s)
	}
	want := text(t, assess.Merge(e.Sites(all(sites), assess.View{At: at})))
	for range 5 {
		if got := text(t, assess.Merge(e.Sites(all(sites), assess.View{At: at}))); got != want {
			t.Fatal("the same sites in another order give other bytes")
		}
	}
	if d := cmp.Diff(before, sites); d != "" {
		t.Errorf("judging changed its input:\n%s", d)
	}
}

func TestTogetherIsEachWithItsNeighbours(t *testing.T) {
	e := engine(t)
	sites := sample(t, e)
	for _, part := range e.Sites(all(sites), assess.View{At: at}) {
		id := part.Inventories[0].Site
		var neighbours []*inventory.Site
		switch id {
		case "ber-02":
			neighbours = []*inventory.Site{sites["ham-03"], sites["hq-01"]}
		case "ham-03":
			neighbours = []*inventory.Site{sites["ber-02"], sites["hq-01"]}
		case "hq-01":
		default:
			neighbours = []*inventory.Site{sites["hq-01"]}
		}
		alone := e.Site(assess.View{Site: sites[id], Neighbours: neighbours, At: at})
		if d := cmp.Diff(text(t, alone), text(t, part)); d != "" {
			t.Errorf("%s judged with its neighbours differs from judged with everybody:\n%s", id, d)
		}
	}
}

func TestDocument(t *testing.T) {
	e := engine(t)
	muc := sample(t, e)["muc-01"]
	a := e.Site(assess.View{Site: muc, At: at})
	if len(a.Clusters) != 1 {
		t.Fatalf("%d clusters", len(a.Clusters))
	}
	r := a.Clusters[0].Regions
	if !slices.Equal(r.ThingWorx, []string{"westeurope"}) || r.Database != "northeurope" || r.Match == nil || *r.Match ||
		r.RoundTrip == nil || r.RoundTrip.P95.String() != "20ms" || r.RoundTrip.Source != "published" || r.RoundTrip.Measured.String() != "22ms" || r.DistanceKm == nil {
		t.Errorf("regions: %+v", r)
	}
	if a.Inventories[0].Revision != inventory.Revision(muc) || a.RulePack.Hash == "" || a.Coverage.Sites != 1 || a.Coverage.Fresh != 1 {
		t.Errorf("head: %+v %+v %+v", a.Inventories, a.RulePack, a.Coverage)
	}
	whole := e.Site(assess.View{Site: muc, At: at, All: true})
	if v := whole.Verdicts; v != a.Verdicts || len(whole.Findings) != v.Pass+v.Fail+v.Unknown+v.NotApplicable || len(a.Findings) != v.Fail+v.Unknown {
		t.Errorf("%d and %d findings for %+v", len(a.Findings), len(whole.Findings), v)
	}
	// What is left out is named, subject by subject.
	count := func(findings []rules.Finding) map[string]int {
		out := map[string]int{}
		for _, f := range findings {
			out[fmt.Sprint(f.Subject.Cluster, " ", f.Rule, " ", f.Verdict)]++
		}
		return out
	}
	entries := map[string]*rules.Entry{}
	for _, entry := range e.Rules.Entries() {
		entries[entry.ID] = &entry
	}
	named := a.WithPassed(entries)
	if diff := cmp.Diff(count(whole.Findings), count(named.Findings)); diff != "" {
		t.Errorf("findings of all verdicts differ (-judged +named):\n%s", diff)
	}
	if whole.Passed != nil || named.Passed != nil || whole.WithPassed(entries) != whole {
		t.Error("what is listed is named as left out")
	}
	for _, f := range named.Findings {
		if f.Title == "" || f.ID == "" {
			t.Errorf("a finding without title or id: %+v", f)
		}
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(text(t, e.Site(assess.View{Site: muc, At: at, WithoutRecommendation: true}))), &doc); err != nil {
		t.Fatal(err)
	}
	if null := nulls("", doc); len(null) > 0 {
		t.Errorf("lists are null: %v", null)
	}
}

// nulls lists the paths of null values other than those that mean something.
func nulls(path string, v any) []string {
	var out []string
	switch v := v.(type) {
	case nil:
		if !strings.HasSuffix(path, "/waiver") {
			out = append(out, path)
		}
	case map[string]any:
		for k, x := range v {
			out = append(out, nulls(path+"/"+k, x)...)
		}
	case []any:
		for _, x := range v {
			out = append(out, nulls(path, x)...)
		}
	}
	return out
}

func TestRegionsThatAreNotKnown(t *testing.T) {
	e := engine(t)
	muc := sample(t, e)["muc-01"]
	for name, c := range map[string]struct {
		change func(*inventory.Site)
		match  *bool
		source string
	}{
		"database without a region":                  {func(s *inventory.Site) { s.Infra("pg-1").Placement.Region = "" }, nil, "measured"},
		"one node without a region, the other apart": {func(s *inventory.Site) { s.Clusters[0].Components[0].Nodes[1].Placement.Region = "" }, new(false), "published"},
		"one node without a region, the other at home": {func(s *inventory.Site) {
			s.Clusters[0].Components[0].Nodes[1].Placement.Region = ""
			s.Infra("pg-1").Placement.Region = "westeurope"
		}, nil, "measured"},
		"provider of the database not given": {func(s *inventory.Site) { s.Infra("pg-1").Placement = inventory.Placement{Region: "westeurope"} }, new(true), "measured"},
		"standby apart": {func(s *inventory.Site) {
			s.Infra("pg-1").Nodes = []inventory.Node{{Name: "b", Role: "standby"}, {Name: "a", Role: "primary", Placement: inventory.Placement{Provider: "azure", Region: "westeurope"}}}
		}, new(false), "published"},
		"read replica apart": {func(s *inventory.Site) {
			s.Infra("pg-1").Nodes = []inventory.Node{{Name: "b", Role: "replica"}, {Name: "a", Role: "primary", Placement: inventory.Placement{Provider: "azure", Region: "westeurope"}}}
		}, new(true), "measured"},
		"no database": {func(s *inventory.Site) { s.Clusters[0].Uses = nil }, nil, ""},
		"region of the primary": {func(s *inventory.Site) {
			db := s.Infra("pg-1")
			db.Placement = inventory.Placement{}
			here := inventory.Placement{Provider: "azure", Region: "westeurope"}
			db.Nodes = []inventory.Node{{Name: "b", Role: "standby"}, {Name: "a", Role: "primary", Placement: here}}
		}, nil, "measured"},
		"region of the first node": {func(s *inventory.Site) {
			db := s.Infra("pg-1")
			db.Placement = inventory.Placement{}
			db.Nodes = []inventory.Node{{Name: "a", Placement: inventory.Placement{Provider: "azure", Region: "westeurope"}}}
		}, new(true), "measured"},
	} {
		t.Run(name, func(t *testing.T) {
			s := inventory.Clone(muc)
			c.change(s)
			judged := e.Site(assess.View{Site: s, At: at, All: true})
			got := judged.Clusters[0].Regions
			for _, f := range judged.Findings {
				if want := map[rules.Verdict]*bool{rules.Pass: new(true), rules.Fail: new(false)}[f.Verdict]; f.Rule == "COL-001" && ((want == nil) != (got.Match == nil) || want != nil && *want != *got.Match) {
					t.Errorf("COL-001 says %s, regions %+v", f.Verdict, got)
				}
			}
			if (got.Match == nil) != (c.match == nil) || got.Match != nil && *got.Match != *c.match {
				t.Errorf("match is %v, want %v", got.Match, c.match)
			}
			source := ""
			if got.RoundTrip != nil {
				source = got.RoundTrip.Source
			}
			if source != c.source {
				t.Errorf("round trip from %q, want %q", source, c.source)
			}
		})
	}
}

func TestPreviousAssessmentKeepsTheBeginning(t *testing.T) {
	e := engine(t)
	muc := sample(t, e)["muc-01"]
	first := e.Site(assess.View{Site: muc, At: at})
	later := inventory.Clone(muc)
	later.ObservedAt = later.ObservedAt.Add(time.Hour)
	second := e.Site(assess.View{Site: later, At: at.Add(time.Hour), Previous: first})
	for _, f := range second.Findings {
		if f.Verdict == rules.Fail && !f.FailingSince.Equal(muc.ObservedAt) {
			t.Errorf("%s fails since %s, want since the first observation", f.Rule, f.FailingSince)
		}
	}
}

func TestMergeOfNothing(t *testing.T) {
	if got := text(t, assess.Merge(nil)); !strings.Contains(got, `"findings": []`) || !strings.Contains(got, `"clusters": []`) {
		t.Errorf("an empty federation is %s", got)
	}
}

// TestHashNamesEverythingThatDecides: another policy, catalogue or size pack is another identity, the same ones are the same.
func TestHashNamesEverythingThatDecides(t *testing.T) {
	e, again := engine(t), engine(t)
	plain := e.Hash(policy.Default())
	if plain != again.Hash(policy.Default()) {
		t.Error("the same data have two hashes")
	}
	off := false
	tuned := policy.Default()
	tuned.Rules = map[string]policy.RuleTune{"COL-001": {Enabled: &off}}
	seen := map[string]string{plain: "the built-in data"}
	note := func(what, hash string) {
		t.Helper()
		if other, ok := seen[hash]; ok {
			t.Errorf("%s and %s have one hash", what, other)
		}
		seen[hash] = what
	}
	note("another policy", e.Hash(tuned))
	sizes := *e.Sizes
	sizes.Version += ".1"
	note("another size pack", (&assess.Engine{Catalog: e.Catalog, Sizes: &sizes, Rules: e.Rules, Regions: e.Regions}).Hash(policy.Default()))
	empty := new(catalog.Catalog)
	note("another catalogue", (&assess.Engine{Catalog: empty, Sizes: e.Sizes, Rules: e.Rules, Regions: e.Regions}).Hash(policy.Default()))
}
