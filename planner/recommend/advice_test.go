package recommend

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// far returns the situation of a database in another region, to be changed before it is judged.
func far(t *testing.T, change func(s *inventory.Site, in *Input)) Recommendation {
	t.Helper()
	e := builtin(t)
	s := e.read(t, "testdata/far-database.yaml")
	in := e.input(s)
	change(s, &in)
	return Cluster(in)
}

func preferred(t *testing.T, r Recommendation) Advice {
	t.Helper()
	if len(r.Advice) != 2 || r.Advice[0].Move != "database" || r.Advice[1].Move != "thingworx" {
		t.Fatalf("advice is %+v, want one for either side", r.Advice)
	}
	i := slices.IndexFunc(r.Advice, func(a Advice) bool { return a.Preferred })
	if i < 0 {
		return Advice{}
	}
	if r.Advice[1-i].Preferred {
		t.Fatal("both sides are preferred")
	}
	return r.Advice[i]
}

func TestAdviceMovesTheDatabaseByDefault(t *testing.T) {
	r := far(t, func(*inventory.Site, *Input) {})
	a := preferred(t, r)
	if a.Move != "database" || a.To != "westeurope" || !strings.HasPrefix(a.RoundTrip, "20ms") || !strings.HasPrefix(a.Residency, "allowed") || !strings.Contains(a.Why, "20ms") {
		t.Errorf("preferred is %+v", a)
	}
	other := r.Advice[1]
	for _, want := range []string{"zookeeper zk", "storage files", "load-balancer gate", "connection server c1", "the hub paris that pulls from this spoke"} {
		if !slices.Contains(other.Dependants, want) {
			t.Errorf("%q does not depend on ThingWorx in %v", want, other.Dependants)
		}
	}
}

func TestAdviceKeepsADatabaseThatOthersUse(t *testing.T) {
	shared := []tenancy.Shared{{Infrastructure: "dublin/pg", Aliases: []string{"lyon/pg"}, Kind: "database", Tenants: []string{"dublin/line", "lyon/line"}, Regions: []string{"northeurope", "westeurope"}}}
	a := preferred(t, far(t, func(_ *inventory.Site, in *Input) { in.Shared = shared }))
	if a.Move != "thingworx" || a.To != "northeurope" || !strings.Contains(a.Why, "dublin/line") {
		t.Errorf("preferred is %+v", a)
	}
	// A tenant somewhere else altogether is far from either place and keeps nothing.
	shared[0].Regions = []string{"eastus", "northeurope", "westeurope"}
	r := far(t, func(_ *inventory.Site, in *Input) { in.Shared = shared })
	if a := r.Advice[0]; !slices.Equal(a.Dependants, []string{"dublin/line"}) || strings.Contains(r.Advice[1].Why, "dublin/line") {
		t.Errorf("advice is %+v", r.Advice)
	}
}

// The side that advice prefers is where the recommended option brings both together.
func TestAdviceAgreesWithTheRecommendedOption(t *testing.T) {
	e := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t, e)
		r := Cluster(in)
		for _, a := range r.Advice {
			if len(r.Options) == 0 || !a.Preferred {
				continue
			}
			for _, b := range r.Options[0].Components {
				if b.Kind == "foundation" && b.Region != a.To && slices.ContainsFunc(r.Advice, func(x Advice) bool { return x.To == b.Region }) {
					t.Fatalf("advice moves to %s, the recommended option is in %s", a.To, b.Region)
				}
			}
		}
	})
}

func TestAdviceCountsTenantsOfTheSameSite(t *testing.T) {
	second := func(s *inventory.Site, region string) {
		c := inventory.Clone(s).Clusters[0]
		c.ID = "line-2"
		for i := range c.Components {
			for j := range c.Components[i].Nodes {
				c.Components[i].Nodes[j].Placement.Region = region
			}
		}
		s.Clusters = append(s.Clusters, c)
	}
	near := preferred(t, far(t, func(s *inventory.Site, in *Input) { second(s, "northeurope"); in.Cluster = &s.Clusters[0] }))
	if !strings.Contains(near.Why, "lyon/line-2") {
		t.Errorf("with a tenant beside the database preferred is %+v", near)
	}
	same := preferred(t, far(t, func(s *inventory.Site, in *Input) { second(s, "westeurope"); in.Cluster = &s.Clusters[0] }))
	if same.Move != "database" {
		t.Errorf("with a tenant beside ThingWorx preferred is %+v", same)
	}
}

func TestAdviceObeysResidency(t *testing.T) {
	allow := func(geographies ...string) func(*inventory.Site, *Input) {
		return func(s *inventory.Site, in *Input) {
			s.Clusters[0].Objectives.Geographies = nil
			in.Policy = policy.Default()
			in.Policy.Geographies = []policy.GeographyRule{{Match: policy.Match{Country: "FR"}, Allow: geographies}, {Match: policy.Match{Country: "US"}, Allow: []string{"US"}}}
		}
	}
	if a := preferred(t, far(t, allow("IE"))); a.Move != "thingworx" || !strings.HasPrefix(a.Residency, "allowed: northeurope") {
		t.Errorf("with Ireland only, preferred is %+v", a)
	}
	if a := preferred(t, far(t, allow("NL"))); a.Move != "database" {
		t.Errorf("with the Netherlands only, preferred is %+v", a)
	}
	r := far(t, allow("Japan"))
	if a := preferred(t, r); a.Move != "" {
		t.Errorf("with Japan only, preferred is %+v", a)
	}
	for _, a := range r.Advice {
		if !strings.HasPrefix(a.Residency, "forbidden") || !strings.Contains(a.Why, "move both") {
			t.Errorf("neither may stay, advice is %+v", a)
		}
	}
	if a := preferred(t, far(t, allow("nowhere"))); !strings.HasPrefix(a.Residency, "unknown") {
		t.Errorf("with a word nobody knows, residency is %q", a.Residency)
	}
	if a := preferred(t, far(t, func(s *inventory.Site, _ *Input) { s.Clusters[0].Objectives.Geographies = nil })); !strings.Contains(a.Residency, "neither objectives nor policy") {
		t.Errorf("without any rule, residency is %q", a.Residency)
	}
}

func TestAdviceTakesTheMeasuredRoundTrip(t *testing.T) {
	e := builtin(t)
	s := e.read(t, "testdata/silent-tenant.yaml")
	s.Probes = []inventory.Probe{
		{From: "wien/shop/f1", To: "db", Kind: inventory.ProbeDatabaseRoundTrip, P95: inventory.Duration(6 * time.Millisecond)},
		{From: "wien/shop/f2", To: "db", Kind: inventory.ProbeDatabaseRoundTrip, P95: inventory.Duration(9 * time.Millisecond)},
		{From: "wien/other/f2", To: "db", Kind: inventory.ProbeDatabaseRoundTrip, P95: inventory.Duration(time.Second)},
		{From: "wien/shop/f1", To: "db", Kind: inventory.ProbeTCPConnect, P95: inventory.Duration(time.Second)},
	}
	if a := preferred(t, Cluster(e.input(s))); a.RoundTrip != "9ms (measured p95)" {
		t.Errorf("the round trip is %q", a.RoundTrip)
	}
	s.Probes = nil
	if a := preferred(t, Cluster(e.input(s))); a.RoundTrip != "" {
		t.Errorf("a round trip that nobody knows is %q", a.RoundTrip)
	}
}

func TestNoAdviceWhereNothingIsApart(t *testing.T) {
	for name, in := range builtin(t).situations(t) {
		apart := name == "far-database" || name == "silent-tenant"
		if got := len(Cluster(in).Advice) > 0; got != apart {
			t.Errorf("%s: advice is given: %v", name, got)
		}
	}
	r := far(t, func(s *inventory.Site, _ *Input) {
		s.Clusters[0].Nodes(inventory.Foundation)[1].Placement.Region = "northeurope"
	})
	if len(r.Advice) != 0 {
		t.Errorf("ThingWorx in two regions is another problem than its database: %+v", r.Advice)
	}
}

func TestAHubsSpokesDependOnIt(t *testing.T) {
	r := far(t, func(s *inventory.Site, _ *Input) { s.Site.Role = inventory.RoleHub })
	if !slices.Contains(r.Advice[1].Dependants, "the spokes that send to this hub") {
		t.Errorf("dependants are %v", r.Advice[1].Dependants)
	}
}
