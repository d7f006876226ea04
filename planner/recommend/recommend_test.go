package recommend

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// judged reads a situation, changes it, and recommends.
func judged(t *testing.T, name string, change func(s *inventory.Site, c *inventory.Cluster)) Recommendation {
	t.Helper()
	e := builtin(t)
	s := e.read(t, "testdata/"+name+".yaml")
	change(s, &s.Clusters[0])
	return Cluster(e.input(s))
}

func option(t *testing.T, r Recommendation, o Objective) Option {
	t.Helper()
	for _, x := range r.Options {
		if x.Objective == o || slices.Contains(x.Also, o) {
			return x
		}
	}
	t.Fatalf("no option is %s: %+v", o, r)
	return Option{}
}

func items(o Option, kind string) []BillItem {
	var out []BillItem
	for _, c := range o.Components {
		if c.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}

func count(o Option, kind string) int {
	n := 0
	for _, c := range items(o, kind) {
		n += c.Count
	}
	return n
}

func because(r Recommendation, id string) string {
	for _, x := range r.Rejected {
		if x.Architecture == id {
			return x.Because
		}
	}
	return ""
}

func TestSmallSitesAreToldThatTheyDoNotNeedIt(t *testing.T) {
	r := judged(t, "central", func(*inventory.Site, *inventory.Cluster) {})
	if !strings.HasPrefix(because(r, catalog.HACluster), "you do not need high availability: Basic production serves 99.") {
		t.Errorf("the HA cluster is rejected because %q", because(r, catalog.HACluster))
	}
	if r.Reasons[0] != "You do not need high availability: Basic production meets the objectives." {
		t.Errorf("the first reason is %q", r.Reasons[0])
	}
}

func TestNeeds(t *testing.T) {
	day := inventory.Duration(24 * time.Hour)
	minute := inventory.Duration(time.Minute)
	hour := inventory.Duration(time.Hour)
	zero := inventory.Duration(0)
	tests := []struct {
		name   string
		change func(s *inventory.Site, c *inventory.Cluster)
		want   string // architecture; "" for none
		id     string // of a rejected architecture
		says   string // why, or a reason when id is ""
	}{
		{"required", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.HighAvailability = inventory.Required }, catalog.HACluster, catalog.BasicProduction, "single point of failure"},
		{"preferred", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.HighAvailability = inventory.Preferred }, catalog.HACluster, catalog.BasicProduction, "preferred and to be had"},
		{"not stated", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.HighAvailability = "" }, catalog.BasicProduction, "", "do not say whether"},
		{"not needed but out of reach otherwise", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.Availability = 0.999 }, catalog.HACluster, catalog.BasicProduction, "at best it serves 99.66"},
		{"out of reach", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.Availability = 0.99999 }, "", "", "PTC keeps the Foundation nodes of a cluster in one zone"},
		{"time to recover", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.RTO = &hour }, catalog.HACluster, catalog.BasicProduction, "assumed 4h"},
		{"no time to recover", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.RTO = &minute }, "", catalog.HACluster, "a failover takes up to 3m"},
		{"long time to recover", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.RTO = &day }, catalog.BasicProduction, "", ""},
		{"no loss", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.RPO = &zero }, catalog.BasicProduction, "", ""},
		{"old version", func(_ *inventory.Site, c *inventory.Cluster) {
			c.ThingworxVersion, c.Objectives.HighAvailability = "8.5.3", inventory.Required
		}, "", catalog.HACluster, "it needs ThingWorx 9.0 or later"},
		{"many things", func(_ *inventory.Site, c *inventory.Cluster) {
			c.Workload.Things[0].Count, c.Workload.Things[0].Properties[0].Count = 150000, 1
		}, catalog.LargeProduction, catalog.BasicProduction, "150,000 things take 2 connection servers"},
		{"many writes", func(_ *inventory.Site, c *inventory.Cluster) {
			c.Workload.Things[0].Count, c.Workload.Things[0].Properties[0].Every = 100, inventory.Duration(time.Second)
		}, catalog.LargeProduction, catalog.BasicProduction, "20,000 property writes per second"},
		{"many users", func(_ *inventory.Site, c *inventory.Cluster) { c.Workload.Mashups[0].Users = 300000 }, catalog.HACluster, catalog.BasicProduction, "Foundation nodes, it has 1"},
		{"nowhere allowed", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.Geographies = []string{"Antarctica"} }, "", catalog.BasicProduction, "no region of an accepted hosting lies in"},
		{"not known what it is for", func(_ *inventory.Site, c *inventory.Cluster) { c.Environment = "" }, catalog.BasicProduction, catalog.Development, "does not say"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judged(t, "central", tt.change)
			if r.Architecture != tt.want {
				t.Fatalf("recommended %q, want %q: %+v", r.Architecture, tt.want, r.Rejected)
			}
			text := strings.Join(r.Reasons, "\n")
			if tt.id != "" {
				text = because(r, tt.id)
			}
			if !strings.Contains(text, tt.says) {
				t.Errorf("says %q, want %q", text, tt.says)
			}
		})
	}
}

func TestNoLossNeedsAStandby(t *testing.T) {
	r := judged(t, "central", func(_ *inventory.Site, c *inventory.Cluster) {
		zero := inventory.Duration(0)
		c.Objectives.RPO = &zero
	})
	for _, o := range r.Options {
		if db := items(o, "database")[0]; db.Mode == "none" || db.Mode == "" {
			t.Errorf("%s: a database in mode %q loses data", o.Objective, db.Mode)
		}
	}
}

func TestADatabaseProductIsKeptUnlessRuledOut(t *testing.T) {
	r := judged(t, "far-database", func(*inventory.Site, *inventory.Cluster) {})
	for _, o := range r.Options {
		if db := items(o, "database")[0]; db.Engine != "azure-postgresql-flexible" || db.Mode != "zone-redundant" || db.Region != "westeurope" {
			t.Errorf("%s: the database is %+v", o.Objective, db)
		}
	}
	if text := strings.Join(r.Reasons, "\n"); !strings.Contains(text, "alternatives: PostgreSQL (three nodes") {
		t.Errorf("no alternative is named: %s", text)
	}
	h2 := judged(t, "bench", func(_ *inventory.Site, c *inventory.Cluster) { c.ThingworxVersion = "9.6.0" })
	if db := items(h2.Options[0], "database")[0]; db.Engine != "postgresql" {
		t.Errorf("H2 is not supported from 9.5, the database is %s", db.Engine)
	}
	if text := strings.Join(h2.Reasons, "\n"); !strings.Contains(text, "instead of H2") {
		t.Errorf("the change of product is not told: %s", text)
	}
}

func TestFewestChangesKeepsMachines(t *testing.T) {
	r := judged(t, "far-database", func(*inventory.Site, *inventory.Cluster) {})
	few, cheap := option(t, r, FewestChanges), option(t, r, Cheapest)
	if few.Changes != 2 || few.Changes >= cheap.Changes {
		t.Errorf("fewest changes are %d, the cheapest option has %d; want the database and the settings", few.Changes, cheap.Changes)
	}
	if f := items(few, "foundation")[0]; f.CPU != 16 || f.Count != 2 {
		t.Errorf("Foundation becomes %+v", f)
	}
	if f := items(cheap, "foundation")[0]; f.CPU != 8 || f.SKU != "Standard_F8s_v2" {
		t.Errorf("the cheapest Foundation is %+v", f)
	}
	if few.CostIndex <= 1 || cheap.CostIndex != 1 {
		t.Errorf("costs are %v and %v", few.CostIndex, cheap.CostIndex)
	}
}

func TestNothingHasToChange(t *testing.T) {
	e := builtin(t)
	in := e.input(e.read(t, "testdata/shared-boxes.yaml"))
	best := Inventory(in)[0]
	again := Cluster(e.input(inventory.Normalise(best, e.regions)))
	few := option(t, again, FewestChanges)
	if few.Changes != 0 || len(few.Migration) != 0 {
		t.Errorf("an option that was built still takes %d changes: %+v", few.Changes, few.Migration)
	}
}

func TestHostingMoves(t *testing.T) {
	for hosting, want := range map[inventory.Hosting]struct{ provider, region, engine string }{
		inventory.HostingAzure:     {"azure", "austriaeast", "postgresql"},
		inventory.HostingPTCCloud:  {"azure", "austriaeast", "postgresql"},
		inventory.HostingAWS:       {"aws", "", "postgresql"},
		inventory.HostingOnPremise: {"on-premise", "graz-dc", "postgresql"},
	} {
		r := judged(t, "shared-boxes", func(_ *inventory.Site, c *inventory.Cluster) {
			c.Objectives.Hosting = []inventory.Hosting{hosting}
			c.Objectives.Sharing = inventory.Sharing{}
		})
		if len(r.Options) == 0 {
			t.Fatalf("%s: no option: %+v", hosting, r.Rejected)
		}
		f := items(r.Options[0], "foundation")[0]
		if f.Provider != want.provider || f.Region != want.region {
			t.Errorf("%s: Foundation is in %s %s, want %s %s", hosting, f.Provider, f.Region, want.provider, want.region)
		}
		moved := hosting != inventory.HostingOnPremise
		if got := fmt.Sprint(r.Options[0].Assumptions); moved != strings.Contains(got, "region") {
			t.Errorf("%s: assumptions are %s", hosting, got)
		}
	}
}

func TestAManagedDatabaseDoesNotLeaveItsCloud(t *testing.T) {
	r := judged(t, "far-database", func(_ *inventory.Site, c *inventory.Cluster) {
		c.Objectives.Hosting = []inventory.Hosting{inventory.HostingOnPremise}
	})
	o := r.Options[0]
	if count(o, "database") != 3 || count(o, "pgpool") != 2 || items(o, "database")[0].Engine != "postgresql" {
		t.Errorf("on the premises the database is %+v", items(o, "database"))
	}
	if !strings.Contains(strings.Join(r.Reasons, "\n"), "instead of Azure Database for PostgreSQL Flexible Server") {
		t.Errorf("reasons are %v", r.Reasons)
	}
}

func TestDisasterRecovery(t *testing.T) {
	on := true
	want := func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.DisasterRecovery = &on }
	cloud := judged(t, "far-database", want)
	found := false
	for _, db := range items(cloud.Options[0], "database") {
		found = found || db.Mode == "recovery" && db.Region == "northeurope"
	}
	if !found || !strings.Contains(fmt.Sprint(cloud.Options[0].Assumptions), "northeurope is asynchronous") {
		t.Errorf("no copy in the paired region: %+v", cloud.Options[0])
	}
	boxes := judged(t, "shared-boxes", want)
	if !strings.Contains(fmt.Sprint(boxes.Options[0].Assumptions), "called graz-recovery here") {
		t.Errorf("the second data centre is not named: %v", boxes.Options[0].Assumptions)
	}
	e := builtin(t)
	s := e.read(t, "testdata/far-database.yaml")
	want(s, &s.Clusters[0])
	s.Clusters[0].Objectives.Geographies = []string{"NL"}
	in := e.input(s)
	in.Rules = nil
	if only := Cluster(in); !strings.Contains(fmt.Sprint(only.Options[0].Assumptions), "name an allowed region") {
		t.Errorf("with one region allowed there is no recovery, assumptions are %v", only.Options[0].Assumptions)
	}
}

func TestSharingFollowsPermission(t *testing.T) {
	r := judged(t, "shared-boxes", func(_ *inventory.Site, c *inventory.Cluster) { c.Objectives.Sharing.Database = inventory.Forbidden })
	for _, o := range r.Options {
		for _, db := range items(o, "database") {
			if db.Shared {
				t.Errorf("%s: the database is shared, which is forbidden", o.Objective)
			}
		}
		if !slices.Contains(o.Overlays, catalog.SharedInfrastructure) {
			t.Errorf("%s: ZooKeeper and storage may stay shared, overlays are %v", o.Objective, o.Overlays)
		}
	}
}

func TestMoreTenantsShareTheCost(t *testing.T) {
	e := builtin(t)
	s := e.read(t, "testdata/shared-boxes.yaml")
	in := e.input(s)
	two := base(in)
	in.Shared = []tenancy.Shared{{Infrastructure: "graz/db", Kind: "database", Tenants: []string{"a/x", "b/x", "c/x", "graz/shop"}}}
	if four := base(in); four >= two {
		t.Errorf("with four tenants it costs %v, with two %v", four, two)
	}
	// Seen to be shared, although nothing declares it.
	for i := range s.Infrastructure {
		s.Infrastructure[i].Shared = nil
	}
	in = e.input(s)
	alone := base(in)
	in.Shared = []tenancy.Shared{{Infrastructure: "a/db", Aliases: []string{"graz/db"}, Kind: "database", Tenants: []string{"a/x", "graz/shop"}}}
	if seen := base(in); seen >= alone {
		t.Errorf("seen to be shared it costs %v, alone %v", seen, alone)
	}
}

func TestAUseMayDenySharing(t *testing.T) {
	no := false
	r := judged(t, "shared-boxes", func(_ *inventory.Site, c *inventory.Cluster) {
		for i := range c.Uses {
			c.Uses[i].Shared = &no
		}
	})
	for _, o := range r.Options {
		if len(o.Overlays) > 0 {
			t.Errorf("%s: nothing is shared, overlays are %v", o.Objective, o.Overlays)
		}
	}
}

// A rule of the owner's that no variant can keep leaves no option, and says so.
func TestRulesRankOptionsOut(t *testing.T) {
	e := builtin(t)
	in := e.input(e.read(t, "testdata/central.yaml"))
	in.Policy = policy.Default()
	in.Policy.Rules = map[string]policy.RuleTune{"SIZ-004": {Severity: "high"}}
	if r := Cluster(in); r.Architecture != catalog.BasicProduction {
		t.Errorf("a rule that every option keeps changes the recommendation to %q", r.Architecture)
	}
	s := inventory.Clone(in.Site)
	s.Clusters[0].Objectives.Geographies = []string{"Europe"}
	in = e.input(s)
	in.Policy = policy.Default()
	in.Policy.Geographies = []policy.GeographyRule{{Match: policy.Match{Site: "paris", Tags: map[string]string{"none": "such"}}, Allow: []string{"US"}}}
	if r := Cluster(in); r.Architecture == "" {
		t.Error("a rule for other sites ruled this one out")
	}
}

func TestAnUnsoundVariantIsPassedOver(t *testing.T) {
	e := builtin(t)
	in := e.input(e.read(t, "testdata/far-database.yaml"))
	w := newWorld(in)
	o := w.options()
	first := o.chosen[0].variant
	if !w.sound(first) || first.broken != "" {
		t.Fatalf("the first option breaks %s", first.broken)
	}
	// A database that is far away again is what COL-001 forbids.
	first.judged = false
	for i := range first.site.Infrastructure {
		if first.site.Infrastructure[i].Kind == inventory.KindDatabase {
			first.site.Infrastructure[i].Placement.Region = "eastus"
		}
	}
	if w.sound(first) || !strings.HasPrefix(first.broken, "COL-001") {
		t.Errorf("a database across the ocean breaks %q", first.broken)
	}
	first.judged, first.broken = true, "TST-001: it is forbidden"
	if got := w.choose([]*variant{first}); got != nil {
		t.Errorf("an unsound variant was chosen: %v", got)
	}
	if text := w.outdone(first.arch, []*variant{first}, &options{base: 1}); !strings.Contains(text, "TST-001") {
		t.Errorf("it is rejected because %q", text)
	}
}

func TestNewClusters(t *testing.T) {
	r := judged(t, "new-plant", func(*inventory.Site, *inventory.Cluster) {})
	for _, o := range r.Options {
		if o.Changes != 0 {
			t.Errorf("%s: a new cluster has %d changes", o.Objective, o.Changes)
		}
		for _, s := range o.Migration {
			if s.Downtime != "0s" {
				t.Errorf("%s: nothing runs yet, but step %d has a downtime of %s", o.Objective, s.Step, s.Downtime)
			}
		}
		if len(o.Migration) < 5 {
			t.Errorf("%s: %d steps to build a cluster", o.Objective, len(o.Migration))
		}
	}
	anywhere := judged(t, "new-plant", func(_ *inventory.Site, c *inventory.Cluster) {
		c.Objectives.Hosting, c.Objectives.Geographies = nil, nil
	})
	if len(anywhere.Options) == 0 {
		t.Errorf("nothing fits: %+v", anywhere.Rejected)
	}
}

func TestUnknownWorkloadKeepsMachines(t *testing.T) {
	r := judged(t, "far-database", func(_ *inventory.Site, c *inventory.Cluster) { c.Workload = nil })
	for _, o := range r.Options {
		if f := items(o, "foundation")[0]; f.CPU != 16 {
			t.Errorf("%s: Foundation is sized %v without a workload", o.Objective, f.CPU)
		}
		if !strings.Contains(fmt.Sprint(o.Assumptions), "no workload is given") {
			t.Errorf("%s: assumptions are %v", o.Objective, o.Assumptions)
		}
	}
	empty := judged(t, "new-plant", func(_ *inventory.Site, c *inventory.Cluster) { c.Workload = nil })
	if f := items(empty.Options[0], "foundation")[0]; f.CPU != 4 || f.MemoryGiB != 16 {
		t.Errorf("a new node without a workload has %v vCPU, want PTC's least", f.CPU)
	}
}

func TestGrowthIsTold(t *testing.T) {
	r := judged(t, "central", func(_ *inventory.Site, c *inventory.Cluster) { c.Workload.GrowthPerYear = 0.25 })
	if !slices.Contains(r.Options[0].Assumptions, "sized for the load of today; it grows by 25 % a year") {
		t.Errorf("assumptions are %v", r.Options[0].Assumptions)
	}
}

// A cluster of another architecture stays with it unless another one saves enough.
func TestThePresentArchitectureIsKeptForASmallSaving(t *testing.T) {
	e := builtin(t)
	arch := func(id string) *catalog.Architecture { a, _ := e.catalog.Get(id); return a }
	w := &world{Input: Input{Recognised: recognise.Result{Architecture: catalog.MinimumFootprint}}, shape: &catalog.Shape{}}
	named := func(cost float64) []chosen {
		return []chosen{
			{variant: &variant{arch: arch(catalog.HACluster), cost: 100}, objective: Cheapest},
			{variant: &variant{arch: arch(catalog.MinimumFootprint), cost: cost}, objective: FewestChanges},
		}
	}
	if got := w.lead(named(120)); got != 1 {
		t.Errorf("for a saving of a sixth the architecture is changed")
	}
	if got := w.lead(named(200)); got != 0 {
		t.Errorf("for a saving of a half the architecture is kept")
	}
	more := named(120)
	more[1].variant.count = 1
	if got := w.lead(more); got != 0 {
		t.Errorf("the present architecture is kept though that costs more and changes more")
	}
	w.Recognised.Architecture = catalog.BasicProduction
	if got := w.lead(named(120)); got != 0 {
		t.Errorf("an architecture that is no option leads with %d", got)
	}
}

func TestWithoutTables(t *testing.T) {
	e := builtin(t)
	in := e.input(e.read(t, "testdata/far-database.yaml"))
	in.Regions, in.Sizes, in.Policy, in.Rules = nil, nil, nil, nil
	r := Cluster(in)
	if len(r.Options) == 0 {
		t.Fatalf("without tables nothing is recommended: %+v", r.Rejected)
	}
	if !strings.Contains(fmt.Sprint(r.Options[0].Assumptions), "whether data may be in") {
		t.Errorf("that the geography is not known is not told: %v", r.Options[0].Assumptions)
	}
}

func TestOwnArchitecturesAreRecommended(t *testing.T) {
	e := builtin(t)
	own := `id: house
order: 15
title: House standard
summary: One server and its database.
production: true
databases: [{engine: azure-postgresql-flexible}]
timeseries: [relational]
parts:
  - {kind: foundation, min: 1, max: 1, confidence: inferred}
  - {kind: connection-server, min: 1, max: 2, confidence: inferred}
  - {kind: database, min: 1, max: 1, confidence: inferred}
sources: [{title: House standard, where: wiki, confidence: inferred}]
`
	cat, err := e.catalog.Override(map[string][]byte{"house.yaml": []byte(own)})
	if err != nil {
		t.Fatal(err)
	}
	in := e.input(e.read(t, "testdata/central.yaml"))
	in.Catalog = cat
	if r := Cluster(in); option(t, r, Cheapest).Architecture != "house" {
		t.Errorf("the owner's architecture is %q", because(r, "house"))
	}
}

func BenchmarkCluster(b *testing.B) {
	e := builtin(b)
	for _, name := range []string{"far-database", "shared-boxes", "silent-tenant", "central", "meters"} {
		in := e.input(e.read(b, "testdata/"+name+".yaml"))
		for _, judge := range []*rules.Pack{nil, e.rules} {
			in.Rules = judge
			b.Run(fmt.Sprintf("%s/rules=%v", name, judge != nil), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					Cluster(in)
				}
			})
		}
	}
}
