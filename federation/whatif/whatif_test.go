package whatif_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/state"
	graph "github.com/meridian-federation/meridian/federation/tenancy"
	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/simulate"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

var at = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// federation is a base over a real store.
func federation(t testing.TB, sites []*inventory.Site) whatif.Base { return judged(t, sites, false) }

// judged is federation, with verdicts only if asked for: a recommendation costs ten times all else.
func judged(t testing.TB, sites []*inventory.Site, verdictsOnly bool) whatif.Base {
	t.Helper()
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.New()
	if err != nil {
		t.Fatal(err)
	}
	relation := graph.New()
	var records []*fleet.Record
	byID := map[string]*inventory.Site{}
	for _, s := range sites {
		relation.Set(s)
		byID[s.Site.ID] = s
	}
	for _, a := range engine.Sites(sites, assess.View{At: at, HubInView: true, WithoutRecommendation: verdictsOnly}) {
		id := a.Inventories[0].Site
		records = append(records, &fleet.Record{ID: id, Revision: a.Inventories[0].Revision, AcceptedAt: at, Inventory: byID[id], Assessment: a})
	}
	if _, err := store.Commit(records); err != nil {
		t.Fatal(err)
	}
	return whatif.Base{View: store.View(), Engine: engine, VerdictsOnly: verdictsOnly, Listing: relation.Sites, Spokes: relation.Spokes}
}

func sample(t testing.TB) whatif.Base {
	t.Helper()
	files, err := demo.Inventories(at)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var sites []*inventory.Site
	for name, data := range files {
		s, err := inventory.Parse(name, data, engine.Regions)
		if err != nil {
			t.Fatal(err)
		}
		sites = append(sites, inventory.Normalise(s, engine.Regions))
	}
	return federation(t, sites)
}

func request(changes ...whatif.Change) *whatif.Request { return &whatif.Request{Changes: changes} }

func branch(t *testing.T, base whatif.Base, changes ...whatif.Change) (*whatif.Branch, *whatif.Answer) {
	t.Helper()
	b, err := whatif.New(base, request(changes...), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.Answer(sight(base.View), sight(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, a
}

func sight(v fleet.View) whatif.Sight {
	return func(id string) (*assess.Assessment, bool) {
		r, ok := v.Site(id)
		if !ok {
			return nil, false
		}
		return r.Assessment, true
	}
}

// timeless is what an assessment says but for when it was first said.
func timeless(a *assess.Assessment) string {
	c := *a
	c.Findings = slices.Clone(a.Findings)
	for i := range c.Findings {
		c.Findings[i].FirstSeen, c.Findings[i].FailingSince = nil, nil
	}
	text, err := assess.Marshal(&c)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func bytesOf(t interface{ Fatal(...any) }, v fleet.View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d\n", v.Index(), v.Count())
	for r := range v.Sites("") {
		for _, part := range []any{r.Inventory, r.Assessment, r.Revision} {
			text, err := json.Marshal(part)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(text)
		}
	}
	return b.String()
}

// equalsReal holds what a branch promises: every site, judged or not, says what it would say if the changes were made for real.
func equalsReal(t interface {
	Helper()
	Fatalf(string, ...any)
}, base whatif.Base, b *whatif.Branch,
) {
	t.Helper()
	var sites []*inventory.Site
	for r := range b.Sites("") {
		sites = append(sites, r.Inventory)
	}
	if len(sites) != b.Count() {
		t.Fatalf("%d sites, counted as %d", len(sites), b.Count())
	}
	for _, want := range base.Engine.Sites(sites, assess.View{At: at, HubInView: true, WithoutRecommendation: base.VerdictsOnly}) {
		r, ok := b.Site(want.Inventories[0].Site)
		if !ok || timeless(r.Assessment) != timeless(want) {
			t.Fatalf("site %s of the branch:\n%s\nfor real:\n%s", want.Inventories[0].Site, timeless(r.Assessment), timeless(want))
		}
	}
}

func ids(list []rules.Finding, site string) string {
	var out []string
	for _, f := range list {
		if f.Subject.Site == site {
			out = append(out, f.Rule)
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

func cluster(a *whatif.Answer, id string) *whatif.ClusterChange {
	for i := range a.Clusters {
		if a.Clusters[i].ID == id {
			return &a.Clusters[i]
		}
	}
	return nil
}

func TestMoveDatabase(t *testing.T) {
	base := sample(t)
	before := bytesOf(t, base.View)
	b, a := branch(t, base, whatif.Change{Do: whatif.MoveDatabase, Cluster: "muc-01/prod", To: "westeurope"})
	equalsReal(t, base, b)
	c := cluster(a, "muc-01/prod")
	if a.Judged != 1 || c == nil || c.Before.RegionMatch == nil || *c.Before.RegionMatch || !*c.After.RegionMatch {
		t.Errorf("judged %d, %+v", a.Judged, c)
	}
	if got := ids(append(slices.Clone(a.Findings.Opened), a.Findings.Closed...), "muc-01"); !strings.Contains(got, "COL-001") {
		t.Errorf("a database moves and COL-001 stays as it is: %s", got)
	}
	// Hamburg's database is Berlin's under another name: it moves for both.
	b, a = branch(t, base, whatif.Change{Do: whatif.MoveDatabase, Cluster: "ham-03/prod", To: "ham-dc1"})
	equalsReal(t, base, b)
	for _, site := range []string{"ber-02", "ham-03"} {
		r, _ := b.Site(site)
		for i := range r.Inventory.Infrastructure {
			if x := &r.Inventory.Infrastructure[i]; x.Kind == inventory.KindDatabase && x.Placement.Region != "ham-dc1" {
				t.Errorf("the database of %s is in %s", site, x.Placement.Region)
			}
		}
	}
	if a.Judged != 2 {
		t.Errorf("judged %d", a.Judged)
	}
	if _, again := branch(t, base, whatif.Change{Do: whatif.MoveDatabase, Cluster: "ham-03/prod", To: "ham-dc1"}); !reflect.DeepEqual(a, again) {
		t.Error("the same changes have another answer")
	}
	if bytesOf(t, base.View) != before {
		t.Error("the federation itself changed")
	}
}

func TestLose(t *testing.T) {
	base := sample(t)
	_, a := branch(t, base, whatif.Change{Do: whatif.Lose, What: "region:on-premise/ber-dc1"})
	if a.Judged != 0 || a.Down < 2 {
		t.Errorf("judged %d, %d down: %+v", a.Judged, a.Down, a.Clusters)
	}
	c := cluster(a, "ham-03/prod")
	if c == nil || c.State != simulate.Down || *c.Serving != 0 || len(c.Causes) == 0 {
		t.Errorf("Hamburg lives on Berlin's ZooKeeper and database: %+v", c)
	}
	_, a = branch(t, base, whatif.Change{Do: whatif.Lose, What: "zone:azure/westeurope/1"}, whatif.Change{Do: whatif.Lose, What: "site:ham-03"})
	if cluster(a, "ham-03/prod") == nil {
		t.Errorf("%+v", a.Clusters)
	}
	for _, c := range a.Clusters {
		if c.State == simulate.Degraded && c.Serving != nil && (*c.Serving >= c.After.Serving || *c.Serving <= 0) {
			t.Errorf("%s lost something and serves with %v instead of %v", c.ID, *c.Serving, c.After.Serving)
		}
	}
}

func TestMergeUpgradeAndSet(t *testing.T) {
	base := sample(t)
	b, a := branch(t, base, whatif.Change{Do: whatif.Merge, Site: "ham-03", Into: "ber-02"})
	equalsReal(t, base, b)
	r, _ := b.Site("ber-02")
	if _, there := b.Site("ham-03"); there || !slices.Equal(a.Gone, []string{"ham-03"}) || len(r.Inventory.Clusters) < 2 || b.Count() != base.View.Count()-1 {
		t.Errorf("gone %v, Berlin has %d clusters", a.Gone, len(r.Inventory.Clusters))
	}
	// Hamburg's ZooKeeper and database are Berlin's: they are listed once.
	for _, kind := range []inventory.InfrastructureKind{inventory.KindZooKeeper, inventory.KindDatabase} {
		n := 0
		for i := range r.Inventory.Infrastructure {
			if r.Inventory.Infrastructure[i].Kind == kind {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d of kind %s", n, kind)
		}
	}
	b, _ = branch(t, base, whatif.Change{Do: whatif.Merge, Site: "hq-01", Into: "muc-01"})
	equalsReal(t, base, b)
	if r, _ := b.Site("ham-03"); r.Inventory.Site.Hub != "muc-01" {
		t.Errorf("the hub of Hamburg is %q", r.Inventory.Site.Hub)
	}
	hub, _ := base.View.Site("hq-01")
	b, a = branch(t, base, whatif.Change{Do: whatif.Upgrade, Site: "ham-03", Version: hub.Inventory.Clusters[0].ThingworxVersion})
	equalsReal(t, base, b)
	if got := ids(a.Findings.Closed, "ham-03"); !strings.Contains(got, "FED-001") {
		t.Errorf("closed %s", got)
	}
	b, a = branch(t, base, whatif.Change{Do: whatif.Set, Site: "muc-01", Pointer: "/clusters/prod/objectives/availability", Value: 0.9999999})
	equalsReal(t, base, b)
	if got := ids(a.Findings.Opened, "muc-01"); !strings.Contains(got, "HA-018") {
		t.Errorf("opened %s", got)
	}
}

func TestWhatIsNotPossible(t *testing.T) {
	base := sample(t)
	for want, c := range map[string]whatif.Change{
		"there is no site nowhere":                {Do: whatif.Upgrade, Site: "nowhere", Version: "9.6"},
		"has no cluster \"none\"":                 {Do: whatif.Upgrade, Cluster: "muc-01/none", Version: "9.6"},
		`did you mean "westeurope"?`:              {Do: whatif.MoveDatabase, Cluster: "muc-01/prod", To: "azure/westeurop"},
		`no site muc-1; did you mean "muc-01"?`:   {Do: whatif.MoveDatabase, Cluster: "muc-1/prod", To: "azure/westeurope"},
		`no site mcu-01; did you mean "muc-01"?`:  {Do: whatif.Merge, Site: "ham-03", Into: "mcu-01"},
		`no site muc_01; did you mean "muc-01"?`:  {Do: whatif.Lose, What: "machine:muc_01/vm"},
		`no cluster "prd"; did you mean "prod"?`:  {Do: whatif.MoveDatabase, Cluster: "muc-01/prd", To: "azure/westeurope"},
		`no cluster "pord"; did you mean "prod"?`: {Do: whatif.Upgrade, Cluster: "muc-01/pord", Version: "9.6"},
		"the list of":                 {Do: whatif.Set, Site: "muc-01", Pointer: "/clusters/none/environment", Value: "test"},
		"below a plain value":         {Do: whatif.Set, Site: "muc-01", Pointer: "/site/name/x", Value: "test"},
		"a site keeps its id":         {Do: whatif.Set, Site: "muc-01", Pointer: "/site", Value: map[string]any{"id": "other"}},
		"unknown key":                 {Do: whatif.Set, Site: "muc-01", Pointer: "/clusters/prod/colour", Value: "test"},
		"does not begin with a slash": {Do: whatif.Set, Site: "muc-01", Pointer: "clusters", Value: "test"},
	} {
		_, err := whatif.New(base, request(c), nil)
		var e *whatif.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	if _, err := whatif.New(base, request(whatif.Change{Do: whatif.Upgrade, Site: "muc-01", Version: "9.6"}), func(s string) bool { return s == "ham-03" }); err == nil || !strings.Contains(err.Error(), "there is no site muc-01") {
		t.Errorf("a site out of scope: %v", err)
	}
	if _, err := whatif.New(base, request(whatif.Change{Do: whatif.Upgrade, Site: "muc-1", Version: "9.6"}), func(s string) bool { return s == "ham-03" }); err == nil || strings.Contains(err.Error(), "muc-01") {
		t.Errorf("a misspelled site out of scope: %v", err)
	}
	b, err := whatif.New(base, request(whatif.Change{Do: whatif.Lose, What: "region:azure/nowhere"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Answer(sight(base.View), sight(b), nil); err == nil || !strings.Contains(err.Error(), "azure/nowhere") {
		t.Errorf("a region that nobody uses: %v", err)
	}
	hamburg := func(s string) bool { return s == "ham-03" }
	for _, c := range []struct {
		what   string
		within func(string) bool
		want   string
	}{
		{"region:azure/westeurop", nil, "azure/westeurope"},
		{"zone:azure/westeurop/1", nil, "azure/westeurope/1"},
		{"infrastructure:ham-03/shar", nil, "ham-03/share"},
		{"region:azure/westeurop", hamburg, ""},
		{"zone:azure/westeurop/1", hamburg, ""},
	} {
		b, err := whatif.New(base, request(whatif.Change{Do: whatif.Lose, What: c.what}), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Answer(sight(base.View), sight(b), c.within)
		var unknown *whatif.UnknownError
		if !errors.As(err, &unknown) || unknown.Nearest != c.want || c.want != "" && !strings.Contains(err.Error(), "did you mean \""+c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	r, err := whatif.Parse("f.yaml", []byte("apiVersion: meridian/v1\nkind: WhatIf\nchanges:\n  - {do: set, site: a, pointer: /site/name, value: {b: [1]}}\n"))
	if err != nil || len(r.Changes) != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	_, err = whatif.Parse("f.yaml", []byte("apiVersion: meridian/v1\nkind: WhatIf\nchanges:\n  - {do: mvoe-database, cluster: a/b}\n  - {do: upgrade}\n  - {do: lose, what: moon}\n  - {do: merge, site: a, into: a}\n"))
	for _, want := range []string{"f.yaml:4:", "write move-database", "needs version", "either cluster or site", "KIND:ID", "merged into itself"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// TestBranchesEqualTheRealThing makes random changes of a simulated federation. Whatever they are, the base stays, each site of the branch
// says what it would say for real, and nothing was judged that the changes do not concern.
func TestBranchesEqualTheRealThing(t *testing.T) {
	sites := sitesim.New(sitesim.Options{Seed: 7, Sites: 24}).Sites(0)
	base := judged(t, sites, true)
	before := bytesOf(t, base.View)
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string) *inventory.Site { return rapid.SampledFrom(sites).Draw(t, label) }
		var changes []whatif.Change
		gone := map[string]bool{}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			s := pick("site")
			if gone[s.Site.ID] {
				continue
			}
			key := s.Site.ID + "/" + s.Clusters[0].ID
			switch rapid.IntRange(0, 3).Draw(t, "change") {
			case 0:
				changes = append(changes, whatif.Change{Do: whatif.Upgrade, Cluster: key, Version: rapid.SampledFrom([]string{"9.3.1", "9.6.2", "9.7.0"}).Draw(t, "version")})
			case 1:
				if s.Clusters[0].ID != "" && len(s.Clusters[0].Used(inventory.AsDatabase)) > 0 && s.Infra(s.Clusters[0].Used(inventory.AsDatabase)[0].Infrastructure) != nil && len(gone) == 0 {
					changes = append(changes, whatif.Change{Do: whatif.MoveDatabase, Cluster: key, To: "azure/" + rapid.SampledFrom([]string{"westeurope", "eastus", "northeurope"}).Draw(t, "region")})
				}
			case 2:
				changes = append(changes, whatif.Change{Do: whatif.Set, Site: s.Site.ID, Pointer: "/clusters/0/environment", Value: rapid.SampledFrom([]string{"test", "production", "development"}).Draw(t, "environment")})
			case 3:
				if o := pick("into"); o.Site.ID != s.Site.ID && !gone[o.Site.ID] {
					gone[s.Site.ID] = true
					changes = append(changes, whatif.Change{Do: whatif.Merge, Site: s.Site.ID, Into: o.Site.ID})
				}
			}
		}
		if len(changes) == 0 {
			return
		}
		b, err := whatif.New(base, request(changes...), nil)
		if err != nil {
			t.Fatalf("%+v: %v", changes, err)
		}
		equalsReal(t, base, b)
	})
	if bytesOf(t, base.View) != before {
		t.Error("the federation itself changed")
	}
}

// TestCostIsThatOfWhatIsConcerned: the same change of a site costs the same judgements in a federation ten times as large.
func TestCostIsThatOfWhatIsConcerned(t *testing.T) {
	cost := func(n int) int {
		sites := sitesim.New(sitesim.Options{Seed: 3, Sites: n}).Sites(0)
		b, err := whatif.New(judged(t, sites, true), request(whatif.Change{Do: whatif.Upgrade, Site: sites[1].Site.ID, Version: "9.7.0"}), nil)
		if err != nil {
			t.Fatal(err)
		}
		return b.Judged()
	}
	if small, large := cost(16), cost(160); small != large || small > 8 {
		t.Errorf("%d judgements in a small federation, %d in a large one", small, large)
	}
}

// Waivers cover the findings of a branch as they cover those of the base: one function decides on both sides.
func TestWaiversHold(t *testing.T) {
	base := sample(t)
	approved := func(id, rule string, m waiver.Match) waiver.Waiver {
		w, err := waiver.New(id, waiver.Request{Rule: rule, Match: m, Reason: "agreed", Expires: at.AddDate(0, 1, 0)}, waiver.Act{By: "p-anna", Name: "Anna", At: at.Add(-2 * time.Hour)}, waiver.Limits{})
		if err == nil {
			w, err = w.Approve(waiver.Act{By: "p-bert", Name: "Bert", At: at.Add(-time.Hour)}, waiver.Limits{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	// The first cluster whose database is elsewhere.
	var mismatch *rules.Finding
	for r := range base.View.Sites("") {
		for i := range r.Assessment.Findings {
			if f := &r.Assessment.Findings[i]; f.Rule == "COL-001" && f.Verdict == rules.Fail && f.Subject.Cluster != "" && mismatch == nil {
				mismatch = f
			}
		}
	}
	if mismatch == nil {
		t.Fatal("no cluster of the sample has its database elsewhere")
	}
	site := mismatch.Subject.Site
	key := site + "/" + mismatch.Subject.Cluster
	set := waiver.NewSet([]waiver.Waiver{approved("w-1", "COL-001", waiver.Match{Site: site})})
	records := []*fleet.Record{}
	for r := range base.View.Sites("") {
		waiver.Apply(set.Of(r.Inventory.Site), r.Assessment, waiver.Own(r.Inventory.Site))
		records = append(records, r)
	}
	store, err := state.New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Commit(records); err != nil {
		t.Fatal(err)
	}
	base.View, base.Waivers = store.View(), set.Of
	count := func(v fleet.View, ids []string) (c whatif.Counts) {
		for _, id := range ids {
			r, ok := v.Site(id)
			if !ok {
				continue
			}
			for i := range r.Assessment.Findings {
				switch f := &r.Assessment.Findings[i]; {
				case f.Verdict == rules.Fail && f.Waiver != nil:
					c.Fail, c.Waived = c.Fail+1, c.Waived+1
				case f.Verdict == rules.Fail:
					c.Fail++
				case f.Verdict == rules.Unknown:
					c.Unknown++
				}
			}
		}
		return c
	}
	waived := func(f *rules.Finding) bool { return f.Waiver != nil && f.Waiver.ID == "w-1" }

	// Another version, the same mismatch: it stays waived, and nothing is told of it.
	b, a := branch(t, base, whatif.Change{Do: whatif.Upgrade, Cluster: key, Version: "9.7.0"})
	if a.Findings.Before.Waived == 0 || a.Findings.After.Waived != a.Findings.Before.Waived {
		t.Errorf("waived before and after an upgrade: %+v and %+v", a.Findings.Before, a.Findings.After)
	}
	if want := count(base.View, b.Concerned()); a.Findings.Before != want {
		t.Errorf("before: %+v, the lists say %+v", a.Findings.Before, want)
	}
	if want := count(b, b.Concerned()); a.Findings.After != want {
		t.Errorf("after: %+v, the branch says %+v", a.Findings.After, want)
	}
	for _, f := range a.Findings.Changed {
		if waived(&f.Before) != waived(&f.After) {
			t.Errorf("the waiver of %s came or went", f.After.Rule)
		}
	}

	// To a third region: the mismatch is another one and still waived. Home: what closes is shown with its waiver.
	_, a = branch(t, base, whatif.Change{Do: whatif.MoveDatabase, Cluster: key, To: "azure/japaneast"})
	found := false
	for _, f := range a.Findings.Changed {
		found = found || f.After.ID == mismatch.ID && waived(&f.Before) && waived(&f.After)
	}
	if !found {
		t.Errorf("a mismatch that is another one is not told as waived: %+v", a.Findings.Changed)
	}

	// Without the waiver in the branch's terms, the same finding is told to have lost it.
	bare := base
	bare.Waivers = func(inventory.Identity) []waiver.Waiver { return nil }
	_, a = branch(t, bare, whatif.Change{Do: whatif.Upgrade, Cluster: key, Version: "9.7.0"})
	lost := 0
	for _, f := range a.Findings.Changed {
		if waived(&f.Before) && f.After.Waiver == nil {
			lost++
		}
	}
	if lost == 0 || a.Findings.After.Waived != 0 {
		t.Errorf("%d findings lost their waiver: %+v", lost, a.Findings.After)
	}
}
