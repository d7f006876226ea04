package advice

import (
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
	"github.com/meridian-federation/meridian/federation/tenancy"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

var at = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func federation(t testing.TB, sites []*inventory.Site) whatif.Base {
	t.Helper()
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.New()
	if err != nil {
		t.Fatal(err)
	}
	relation := tenancy.New()
	byID := map[string]*inventory.Site{}
	var records []*fleet.Record
	for _, s := range sites {
		relation.Set(s)
		byID[s.Site.ID] = s
	}
	for _, a := range engine.Sites(sites, assess.View{At: at, HubInView: true, WithoutRecommendation: true}) {
		id := a.Inventories[0].Site
		records = append(records, &fleet.Record{ID: id, AcceptedAt: at, Inventory: byID[id], Assessment: a, Liveness: fleet.Live})
	}
	if _, err := store.Commit(records); err != nil {
		t.Fatal(err)
	}
	return whatif.Base{View: store.View(), Engine: engine, Listing: relation.Sites, Spokes: relation.Spokes}
}

func sample(t testing.TB) []*inventory.Site {
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
	return sites
}

func effort(t testing.TB) *Effort {
	t.Helper()
	e, err := DefaultEffort()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// check holds what every plan promises.
func check(t *testing.T, base whatif.Base, plan *Plan) {
	t.Helper()
	hard := func(list []Consequence) bool {
		return slices.ContainsFunc(list, func(c Consequence) bool {
			return c.Severity == rules.Critical || c.Severity == rules.High || strings.HasPrefix(c.Rule, "TEN-") || strings.HasPrefix(c.Rule, "RES-")
		})
	}
	once := map[string]bool{}
	for _, x := range plan.Consolidations {
		if hard(x.Opened) || x.Machines >= 0 || len(x.Joint) == 0 || x.BlastRadius.After <= x.BlastRadius.Before || len(x.Steps) == 0 {
			t.Errorf("%+v", x)
		}
		for _, n := range x.Infrastructure {
			if once[n] {
				t.Errorf("%s is in two consolidations", n)
			}
			once[n] = true
		}
		for _, s := range x.Serving {
			r, _ := base.View.Site(siteOf(s.Cluster))
			c := clusterIn(r.Inventory, idOf(s.Cluster))
			if o := c.Objectives; s.After < s.Before-1e-12 && (o == nil || o.Availability == 0 || s.After < o.Availability) {
				t.Errorf("%s would serve with %v instead of %v", s.Cluster, s.After, s.Before)
			}
			if kind := x.Kind; permission(c, inventory.InfrastructureKind(kind)) == inventory.Forbidden {
				t.Errorf("%s is to share its %s, which its objectives forbid", s.Cluster, kind)
			}
		}
	}
	for _, x := range plan.Separations {
		if hard(x.Opened) || len(x.Closed) == 0 || x.BlastRadius.After >= x.BlastRadius.Before || once[x.Infrastructure[0]] {
			t.Errorf("%+v", x)
		}
		for _, s := range x.Serving {
			if s.After < s.Before-1e-12 {
				t.Errorf("%s would serve with %v instead of %v", s.Cluster, s.After, s.Before)
			}
		}
	}
	last := 0.0
	for i, f := range plan.Queue {
		if i > 0 && f.Score > last {
			t.Errorf("%s of %s comes after what gains less", f.Rule, f.Subject)
		}
		if last = f.Score; f.Effort <= 0 || hard(f.Opened) || len(f.Steps) == 0 || f.Hours < -1e-9 {
			t.Errorf("%+v", f)
		}
		if named := len(f.Changes) > 0; named != (f.Do == "move-database" && f.NotComputed != notListed) {
			t.Errorf("%s of %s names the changes %+v", f.Do, f.Subject, f.Changes)
		} else if named {
			closes(t, base, &f)
		}
	}
}

// closes: the changes that a fix names close its finding in a what-if.
func closes(t *testing.T, base whatif.Base, f *Fix) {
	t.Helper()
	b, err := whatif.New(base, &whatif.Request{Changes: f.Changes}, nil)
	if err != nil {
		t.Errorf("%s of %s: %v", f.Do, f.Subject, err)
		return
	}
	r, _ := b.Site(f.Site)
	for i := range r.Assessment.Findings {
		if x := &r.Assessment.Findings[i]; x.ID == f.Finding && x.Verdict == rules.Fail {
			t.Errorf("%s of %s leaves it failing: %s", f.Do, f.Subject, x.Message)
		}
	}
}

func TestSampleFederation(t *testing.T) {
	base := federation(t, sample(t))
	plan := Fleet(base, Options{Effort: effort(t)})
	check(t, base, plan)
	// Hamburg shares Berlin's ZooKeeper and database over a wide area network.
	i := slices.IndexFunc(plan.Separations, func(p Proposal) bool { return slices.Contains(p.Infrastructure, "ham-03/zk-central") })
	if i < 0 || !slices.Equal(plan.Separations[i].Clusters, []string{"ham-03/prod"}) {
		t.Errorf("separations: %+v", plan.Separations)
	} else if j := plan.Separations[i].Joint; len(j) != 1 || j[0].After > j[0].Before {
		t.Errorf("joint: %+v", j)
	}
	if len(plan.Upgrades) != 1 || plan.Upgrades[0].Hub != "hq-01" || len(plan.Upgrades[0].Waves) == 0 {
		t.Errorf("upgrades: %+v", plan.Upgrades)
	}
	computed := 0
	for _, f := range plan.Queue {
		if f.Computed && f.Hours > 0 {
			computed++
		}
	}
	for _, site := range []string{"gru-06", "muc-01", "ham-03"} {
		if !slices.ContainsFunc(plan.Queue, func(f Fix) bool { return f.Site == site && len(f.Changes) == 1 && f.Changes[0].Cluster == site+"/prod" }) {
			t.Errorf("no fix names the move of the database of %s", site)
		}
	}
	if computed < 3 || plan.Untried != 0 {
		t.Errorf("%d fixes gain hours, %d were not tried", computed, plan.Untried)
	}
}

// twins are sites of one region whose clusters could share, but for what change makes of the second.
func twins(change func(*inventory.Site)) []*inventory.Site {
	place := inventory.Placement{Provider: "azure", Region: "westeurope"}
	node := func(n string) inventory.Node {
		return inventory.Node{Name: n, Machine: n, Placement: place, CPU: 8, MemoryGiB: 32}
	}
	yes := true
	var out []*inventory.Site
	for _, id := range []string{"a", "b"} {
		s := &inventory.Site{
			APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: at.Add(-time.Hour), Site: inventory.Identity{ID: id, Country: "NL"},
			Clusters: []inventory.Cluster{{
				ID: "prod", Environment: inventory.Production, ThingworxVersion: "9.6.2", Hosting: inventory.HostingAzure, ClusteredMode: &yes,
				Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: []inventory.Node{node("f1"), node("f2")}}, {Kind: inventory.ConnectionServer, Nodes: []inventory.Node{node("c1"), node("c2")}}},
				Uses:       []inventory.Use{{Infrastructure: "zk", As: inventory.AsZooKeeper}},
				Objectives: &inventory.Objectives{Availability: 0.99, Sharing: inventory.Sharing{ZooKeeper: inventory.Allowed}},
			}},
			Infrastructure: []inventory.Infrastructure{{
				ID: "zk", Kind: inventory.KindZooKeeper, Placement: place, Version: "3.8.4", Nodes: []inventory.Node{node("z1"), node("z2"), node("z3")},
				Identity: inventory.ResourceIdentity{Endpoint: fmt.Sprintf("z1.%s.example,z2.%s.example,z3.%s.example", id, id, id)},
			}},
		}
		if id == "b" && change != nil {
			change(s)
		}
		out = append(out, s)
	}
	return out
}

func TestConsolidation(t *testing.T) {
	base := federation(t, twins(nil))
	plan := Fleet(base, Options{Effort: effort(t)})
	check(t, base, plan)
	if len(plan.Consolidations) != 1 || plan.Consolidations[0].Machines != -3 || plan.Consolidations[0].Joint[0].After <= plan.Consolidations[0].Joint[0].Before {
		t.Fatalf("%+v", plan.Consolidations)
	}
	for what, change := range map[string]func(*inventory.Site){
		"the objectives forbid it": func(s *inventory.Site) { s.Clusters[0].Objectives.Sharing.ZooKeeper = inventory.Forbidden },
		"another region": func(s *inventory.Site) {
			s.Infrastructure[0].Placement.Region = "northeurope"
			for i := range s.Infrastructure[0].Nodes {
				s.Infrastructure[0].Nodes[i].Placement.Region = "northeurope"
			}
		},
		"a test cluster":         func(s *inventory.Site) { s.Clusters[0].Environment = inventory.Test },
		"an unknown environment": func(s *inventory.Site) { s.Clusters[0].Environment = "" },
		"another version":        func(s *inventory.Site) { s.Infrastructure[0].Version = "3.4.10" },
		"an unknown region": func(s *inventory.Site) {
			s.Infrastructure[0].Placement = inventory.Placement{}
			s.Infrastructure[0].Nodes = nil
		},
		"too much is asked for": func(s *inventory.Site) {
			s.Infrastructure[0].Nodes = append(s.Infrastructure[0].Nodes, s.Infrastructure[0].Nodes[0], s.Infrastructure[0].Nodes[1])
			s.Infrastructure[0].Nodes[3].Name, s.Infrastructure[0].Nodes[4].Name = "z4", "z5"
			s.Infrastructure[0].Nodes[3].Machine, s.Infrastructure[0].Nodes[4].Machine = "z4", "z5"
			s.Clusters[0].Objectives.Availability = 0.99999999
		},
	} {
		if got := Fleet(federation(t, twins(change)), Options{Effort: effort(t)}).Consolidations; len(got) != 0 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	local := twins(nil)
	local[0].Infrastructure[0].Identity.Endpoint = "z1,z2,z3"
	if got := Fleet(federation(t, local), Options{Effort: effort(t)}).Consolidations; len(got) != 0 && got[0].Infrastructure[0] == "a/zk" {
		t.Errorf("another site cannot name it: %+v", got)
	}
}

// TestPlansOfSimulatedFederations: whatever the federation, the plan keeps its promises, is the same again and leaves the view as it is.
func TestPlansOfSimulatedFederations(t *testing.T) {
	proposals := [3]int{}
	for seed := range uint64(4) {
		base := federation(t, sitesim.New(sitesim.Options{Seed: seed, Sites: 32}).Sites(0))
		plan := Fleet(base, Options{Effort: effort(t)})
		check(t, base, plan)
		for i, n := range []int{len(plan.Consolidations), len(plan.Separations), len(plan.Upgrades)} {
			proposals[i] += n
		}
		if again := Fleet(base, Options{Effort: effort(t)}); !reflect.DeepEqual(plan, again) {
			t.Errorf("seed %d: the same view has another plan", seed)
		}
		one := ""
		for r := range base.View.Sites("") {
			one = r.ID
		}
		scoped := Fleet(base, Options{Effort: effort(t), Within: func(s string) bool { return s == one }})
		for r := range base.View.Sites("") {
			if text := fmt.Sprintf("%+v", scoped); r.ID != one && strings.Contains(text, r.ID) {
				t.Errorf("seed %d: the plan of %s names %s", seed, one, r.ID)
			}
		}
	}
	if proposals[0] < 10 || proposals[1] < 5 || proposals[2] < 4 {
		t.Errorf("%v consolidations, separations and upgrades: the federations test too little", proposals)
	}
}

// TestWavesKeepTogetherWhatIsTogether: after each wave every spoke that went with its hub still does, and in the end all do.
func TestWavesKeepTogetherWhatIsTogether(t *testing.T) {
	versions := []string{"9.3.1", "9.5.0", "9.6.2", "9.10.0", "10.0.0"}
	rapid.Check(t, func(t *rapid.T) {
		var members []member
		target := ""
		for i, n := range []int{rapid.IntRange(1, 3).Draw(t, "hubs"), rapid.IntRange(0, 6).Draw(t, "spokes")} {
			for k := range n {
				v := rapid.SampledFrom(versions).Draw(t, "version")
				members = append(members, member{fmt.Sprintf("%d/%d", i, k), v, i == 0})
				if CompareVersions(v, target) > 0 {
					target = v
				}
			}
		}
		now := map[string]string{}
		apart := func() map[string]bool {
			out := map[string]bool{}
			for _, m := range members {
				if !m.hub && !slices.ContainsFunc(members, func(h member) bool { return h.hub && now[h.key] == now[m.key] }) {
					out[m.key] = true
				}
			}
			return out
		}
		for _, m := range members {
			now[m.key] = m.version
		}
		before := apart()
		for _, w := range waves(slices.Clone(members), target) {
			steps := [][]string{w.Clusters}
			if !w.Together {
				steps = nil
				for _, c := range rapid.Permutation(w.Clusters).Draw(t, "order") {
					steps = append(steps, []string{c})
				}
			}
			for _, step := range steps {
				for _, c := range step {
					if now[c] == target {
						t.Fatalf("%s is upgraded twice", c)
					}
					now[c] = target
				}
				after := apart()
				for k := range after {
					if !before[k] {
						t.Fatalf("%s is apart from its hub after %v of %+v", k, step, members)
					}
				}
				before = after
			}
		}
		for k, v := range now {
			if v != target {
				t.Fatalf("%s stays at %s", k, v)
			}
		}
	})
}

func TestEffortFile(t *testing.T) {
	_, err := ParseEffort("e.yaml", []byte("apiVersion: meridian/v1\nkind: Efort\nother: 0\nrules: {HA-001: -1}\nweights: {hour: -2}\n"))
	for _, want := range []string{"write Effort", "/other", "/rules/HA-001", "/weights"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

// crowd is n clusters of one site on one ZooKeeper ensemble.
func crowd(n int) []*inventory.Site {
	s := twins(nil)[0]
	first := s.Clusters[0]
	s.Clusters = nil
	for i := range n {
		c := inventory.Clone(&inventory.Site{Clusters: []inventory.Cluster{first}}).Clusters[0]
		c.ID = fmt.Sprintf("p%d", i)
		for k := range c.Components {
			for j := range c.Components[k].Nodes {
				x := &c.Components[k].Nodes[j]
				x.Name, x.Machine = c.ID+x.Name, c.ID+x.Machine
			}
		}
		path := "/" + c.ID
		c.Uses[0].Namespace, c.Uses[0].IgniteBasePath = path, path
		s.Clusters = append(s.Clusters, c)
	}
	yes := true
	s.Infrastructure[0].Shared = &yes
	return []*inventory.Site{s}
}

// TestSeparationsAskThePolicy: as many clusters stay together as the policy's parameter of TEN-008 lets, and none leaves below it.
func TestSeparationsAskThePolicy(t *testing.T) {
	for limit, leave := range map[string]int{"": 3, "2": 4, "4": 2, "5": 1, "6": 0} {
		base := federation(t, crowd(6))
		base.Policy = policy.Default()
		if limit != "" {
			base.Policy.Rules = map[string]policy.RuleTune{"TEN-008": {Parameters: map[string]string{"maximumClusters": limit}}}
		}
		// Judged under that policy, as the federation would be.
		b, err := whatif.With(base, crowd(6)...)
		if err != nil {
			t.Fatal(err)
		}
		base.View = b
		plan := Fleet(base, Options{Effort: effort(t)})
		switch {
		case leave == 0 && len(plan.Separations) == 0:
		case len(plan.Separations) != 1 || len(plan.Separations[0].Clusters) != leave || plan.Separations[0].BlastRadius.After != 6-leave:
			t.Errorf("limit %q: %+v", limit, plan.Separations)
		}
	}
}

// TestQueueTellsWhyNot: every fix is computed or says why not; what can be mended by structure is computed, whatever gains most comes
// first, and findings decide only between equals.
func TestQueueTellsWhyNot(t *testing.T) {
	sites := twins(nil)
	a := sites[0]
	for i := range a.Infrastructure[0].Nodes { // One machine carries the majority.
		a.Infrastructure[0].Nodes[i].Machine = "z1"
	}
	b := sites[1]
	b.Infrastructure[0].Nodes = b.Infrastructure[0].Nodes[:2]
	b.Infrastructure[0].Identity.Endpoint = "z1.b.example,z2.b.example"
	base := federation(t, sites)
	plan := Fleet(base, Options{Effort: effort(t)})
	check(t, base, plan)
	computed := map[string]bool{}
	for i, f := range plan.Queue {
		if f.Computed == (f.NotComputed != "") {
			t.Errorf("%s of %s: computed %v, because %q", f.Rule, f.Subject, f.Computed, f.NotComputed)
		}
		if f.Computed {
			computed[f.Rule+" "+f.Site] = f.Hours > 0
		}
		if i > 0 && f.Score == plan.Queue[i-1].Score && f.Findings > plan.Queue[i-1].Findings {
			t.Errorf("%s of %s comes after what weighs less", f.Rule, f.Subject)
		}
	}
	for _, want := range []string{"HA-003 a", "HA-001 b"} {
		if !computed[want] {
			t.Errorf("%s gains no computed hours: %+v", want, computed)
		}
	}
	if len(plan.Queue) == 0 || !plan.Queue[0].Computed || plan.Queue[0].Score <= 0 {
		t.Errorf("the queue begins with %+v", plan.Queue)
	}
}
