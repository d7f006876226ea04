package merge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// written reads a SiteInventory of site muc-01 that a test writes.
func written(t *testing.T, at time.Time, text string) *inventory.Site {
	t.Helper()
	s, err := inventory.Parse("test.yaml", []byte("apiVersion: meridian/v1\nkind: SiteInventory\nobservedAt: "+at.Format(time.RFC3339)+"\nsite: {id: muc-01, country: DE}\n"+text), regions(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const declared = `clusters:
  - id: prod
    environment: production
    components:
      - {kind: foundation, nodes: [{name: twx-1, machine: vm-a, cpu: 8, placement: {provider: azure, region: West Europe, zone: "1"}}]}
    uses: [{infrastructure: pg-1, as: database, poolMax: 100}, {infrastructure: zk-1, as: zookeeper}]
infrastructure:
  - {id: pg-1, kind: database, engine: postgresql, version: "15", sku: D4, cpu: 4, placement: {provider: azure, region: West Europe, zone: "2"}, identity: {endpoint: "10.0.0.4:5432"}}
  - {id: zk-1, kind: zookeeper, nodes: [{name: zk1}, {name: zk2}, {name: zk3}]}
`

const observed = `clusters:
  - id: thingworx
    components:
      - {kind: foundation, nodes: [{name: twx-1.plant.example, placement: {provider: azure, region: northeurope}, settings: {platformId: twx1}}]}
    uses: [{infrastructure: pg-1, as: database, database: thingworx, schema: tw, poolMax: 80}, {infrastructure: zookeeper, as: zookeeper, namespace: /prod}]
infrastructure:
  - {id: pg-1, kind: database, engine: postgresql, version: "15.18", sku: D8, placement: {provider: azure, region: northeurope}, identity: {armId: /subscriptions/1/pg, endpoint: pg-1.example.com}}
  - {id: zookeeper, kind: zookeeper, identity: {endpoint: "zk1.plant.example:2181,zk2.plant.example:2181,zk3.plant.example:2181"}, nodes: [{name: zk1.plant.example, role: leader}]}
`

func TestDeclaredAndObserved(t *testing.T) {
	r, err := Merge([]Input{
		{Source: "azure", Observed: true, Site: written(t, start, observed)},
		{Source: "site-file", Site: written(t, start.Add(time.Hour), declared)},
	}, regions(t))
	if err != nil {
		t.Fatal(err)
	}
	s := r.Site
	if len(s.Clusters) != 1 || len(s.Infrastructure) != 2 || len(s.Clusters[0].Uses) != 2 || len(s.Infra("zk-1").Nodes) != 3 || len(r.Notes) != 0 {
		t.Fatalf("not one of each: %s\n%v", text(s), r.Notes)
	}
	pg, node, use := s.Infra("pg-1"), s.Clusters[0].Components[0].Nodes[0], s.Clusters[0].Uses[0]
	if s.Clusters[0].ID != "prod" || node.Name != "twx-1" || node.Settings.PlatformID != "twx1" || node.CPU != 8 || use.PoolMax != 80 || use.Schema != "tw" || s.Clusters[0].Uses[1].Infrastructure != "zk-1" {
		t.Errorf("%s", text(s.Clusters[0]))
	}
	if node.Placement.Region != "northeurope" || node.Placement.Zone != "" || pg.Placement.Zone != "" || pg.CPU != 0 || pg.SKU != "D8" || pg.Version != "15.18" {
		t.Errorf("a zone, or a size, of something else came along: %s %s", text(node), text(pg))
	}
	if pg.Identity.Endpoint != "pg-1.example.com" || !slices.Equal(pg.Identity.Addresses, []string{"10.0.0.4"}) {
		t.Errorf("an identity is lost: %+v", pg.Identity)
	}
	want := map[string]inventory.Provenance{
		"/clusters/0/components/0/nodes/0/placement/region": {Source: "azure", Declared: "westeurope"},
		"/infrastructure/0/placement/region":                {Source: "azure", Declared: "westeurope"},
		"/clusters/0/uses/0/poolMax":                        {Source: "azure", Declared: "100"},
		"/infrastructure/0/sku":                             {Source: "azure", Declared: "D4"},
	}
	for _, p := range s.Provenance {
		if w, ok := want[p.Path]; ok {
			if p.Source != w.Source || p.Declared != w.Declared || !p.ObservedAt.Equal(start) {
				t.Errorf("%+v", p)
			}
			delete(want, p.Path)
		}
	}
	if len(want) != 0 {
		t.Errorf("no provenance of %v in %+v", want, s.Provenance)
	}
	if problems := inventory.Validate(s, regions(t)); len(problems) > 0 {
		t.Errorf("%v", problems)
	}
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, f := range engine.Site(assess.View{Site: s, At: s.ObservedAt, WithoutRecommendation: true}).Findings {
		if f.Rule == "COL-009" && f.Verdict == rules.Fail {
			told = append(told, f.Message)
		}
	}
	if len(told) == 0 || !strings.Contains(strings.Join(told, " "), "is declared as westeurope, but azure observed northeurope") {
		t.Errorf("COL-009 says %v", told)
	}
}

func TestTheLaterOfEquals(t *testing.T) {
	version := func(v string) string {
		return "infrastructure: [{id: pg-1, kind: database, version: \"" + v + "\"}]\n"
	}
	r, err := Merge([]Input{
		{Source: "terraform", Observed: true, Site: written(t, start.Add(time.Hour), version("16"))},
		{Source: "azure", Observed: true, Site: written(t, start, version("14"))},
		{Source: "site-file", Site: written(t, start.Add(9*time.Hour), version("13"))},
		{Source: "compose", Site: written(t, start.Add(2*time.Hour), version("12"))},
	}, regions(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Site.Infrastructure[0].Version; got != "16" {
		t.Errorf("version %s", got)
	}
	for _, p := range r.Site.Provenance {
		if p.Path == "/infrastructure/0/version" {
			want := []inventory.Overruled{{Source: "azure", Value: "14", ObservedAt: start}, {Source: "compose", Value: "12", ObservedAt: start.Add(2 * time.Hour)}}
			if p.Source != "terraform" || p.Declared != "13" || !slices.Equal(p.Overruled, want) {
				t.Errorf("%+v", p)
			}
		}
	}
}

func TestWhatIsUndecidedStandsApart(t *testing.T) {
	for name, c := range map[string]struct{ mine, theirs, note string }{
		"one of two": {
			`infrastructure: [{id: nas-a, kind: storage, identity: {endpoint: "nas.example.com:/a"}}, {id: nas-b, kind: storage, identity: {endpoint: "nas.example.com:/b"}}]` + "\n",
			`infrastructure: [{id: files, kind: storage, identity: {endpoint: "nas.example.com:/c"}}]` + "\n", "they share the same identity",
		},
		"two resources of a cloud": {
			`infrastructure: [{id: pg, kind: database, engine: postgresql, identity: {armId: /x/1, endpoint: pg.example.com}}]` + "\n",
			`infrastructure: [{id: pg, kind: database, engine: postgresql, identity: {armId: /x/2, endpoint: pg.example.com}}]` + "\n", "contradict each other",
		},
		"two databases of one cluster": {
			"clusters: [{id: prod, uses: [{infrastructure: pg, as: database}]}]\n" + `infrastructure: [{id: pg, kind: database, engine: postgresql, identity: {endpoint: 10.0.0.1}}]` + "\n",
			"clusters: [{id: prod, uses: [{infrastructure: other, as: database}]}]\n" + `infrastructure: [{id: other, kind: database, engine: postgresql, identity: {endpoint: pg.example.com}}]` + "\n", "nothing tells whether they are one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Merge([]Input{{Source: "site-file", Site: written(t, start, c.mine)}, {Source: "azure", Observed: true, Site: written(t, start, c.theirs)}}, regions(t))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Notes) == 0 || !strings.Contains(r.Notes[0].String(), c.note) || len(r.Site.Infrastructure) < 2 {
				t.Errorf("%v\n%s", r.Notes, text(r.Site.Infrastructure))
			}
			if problems := inventory.Validate(r.Site, regions(t)); len(problems) > 0 {
				t.Errorf("%v", problems)
			}
		})
	}
}

func TestOtherClustersStandApart(t *testing.T) {
	r, err := Merge([]Input{
		{Source: "site-file", Site: written(t, start, "clusters: [{id: prod, environment: production, components: [{kind: foundation, nodes: [{name: twx-1, machine: vm-a}]}]}]\n")},
		{Source: "compose", Site: written(t, start, "clusters: [{id: test, environment: test, components: [{kind: foundation, nodes: [{name: twx-9, machine: vm-a}]}]}]\n")},
	}, regions(t))
	if err != nil || len(r.Site.Clusters) != 2 {
		t.Errorf("%v %s", err, text(r.Site.Clusters))
	}
}

func TestStandings(t *testing.T) {
	for _, c := range []struct {
		source, kind string
		observed     bool
		want         Standing
	}{
		{"", nodeKind, false, Declared},
		{"", nodeKind, true, Observed},
		{"sku-default", infrastructureKind, true, Assumed},
		{"azure-name", clusterKind, true, Assumed},
		{"azure-name", nodeKind, true, Observed},
		{"azure-rule", clusterKind, true, Assumed},
		{"azure-rule", useKind, true, Assumed},
		{"azure-rule", nodeKind, true, Observed},
		{"azure-tag", clusterKind, false, Observed},
		{"azure-request", nodeKind, true, Declared},
		{"terraform-plan", nodeKind, true, Declared},
		{"probe/pg-1", nodeKind, false, Observed},
		{"compose", nodeKind, true, Declared},
		{"somebody", nodeKind, true, Observed},
	} {
		if got := standing(c.source, c.kind, &Input{Observed: c.observed}); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestARuleOutranksNothing has a rule about names put a node that Azure observed into a cluster, of which a file says more.
func TestARuleOutranksNothing(t *testing.T) {
	guessed := written(t, start, `clusters:
  - id: prod
    environment: test
    components:
      - {kind: foundation, nodes: [{name: twx-1, cpu: 16}]}
provenance:
  - {path: /clusters/0, source: azure-rule}
`)
	for _, of := range []Input{{Source: "site-file"}, {Source: "hostconfig", Observed: true}} {
		of.Site = written(t, start.Add(-time.Hour), declared)
		r, err := Merge([]Input{{Source: "azure", Observed: true, Site: guessed}, of}, regions(t))
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Site.Clusters[0]; len(r.Site.Clusters) != 1 || c.Environment != inventory.Production {
			t.Errorf("%s: the rule's guess counts: %s", of.Source, text(r.Site.Clusters))
		}
		for _, f := range r.Facts {
			if f.Path == "/clusters/0/environment" && f.Value == "test" && (f.InForce || f.Standing != Assumed || f.Source != "azure-rule") {
				t.Errorf("%s: %+v", of.Source, f)
			}
		}
		// What Azure saw of the machine itself is no guess.
		if n := r.Site.Clusters[0].Components[0].Nodes[0]; n.CPU != 16 {
			t.Errorf("%s: %s", of.Source, text(n))
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	if _, err := Merge([]Input{{Source: "site-file"}}, regions(t)); err == nil {
		t.Error("nothing was merged into something")
	}
	other := written(t, start, "")
	other.Site.ID = "ber-02"
	if _, err := Merge([]Input{{Source: "site-file", Site: written(t, start, "")}, {Source: "azure", Site: other}}, regions(t)); err == nil || !strings.Contains(err.Error(), "ber-02") {
		t.Errorf("two sites became one: %v", err)
	}
}
