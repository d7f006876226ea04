package recommend

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// drawn is a random cluster in a random state, with random demand and objectives.
func drawn(t *rapid.T, e *engine) Input {
	a := rapid.SampledFrom(e.catalog.Architectures()).Draw(t, "architecture").ID
	arch, _ := e.catalog.Get(a)
	p := arch.NewPlan(catalog.Demand{ConnectionServers: 1, FoundationNodes: 1})
	db := rapid.SampledFrom(arch.Databases).Draw(t, "database").Engine
	p.Site = inventory.Identity{ID: "site", Country: "DE"}
	p.Version = rapid.SampledFrom([]string{"", "9.2.1", "9.6.2"}).Draw(t, "version")
	if db.Managed() || rapid.Bool().Draw(t, "cloud") {
		region := rapid.SampledFrom([]string{"westeurope", "northeurope", "eastus", "westus"}).Draw(t, "region")
		p.Provider, p.Region, p.Hosting, p.Zone = "azure", region, inventory.HostingAzure, "1"
		if region == "westus" {
			p.Zone = ""
		}
	} else {
		p.Region = "dc-1"
	}
	p.Engine, p.Mode = db, arch.BestMode(db)
	p.Timeseries = rapid.SampledFrom(arch.Timeseries).Draw(t, "series")
	if len(arch.Ignite) > 0 {
		p.Ignite = rapid.SampledFrom(arch.Ignite).Draw(t, "ignite")
	}
	p.Environment = rapid.SampledFrom([]inventory.Environment{inventory.Production, inventory.Production, inventory.Test, inventory.Development, ""}).Draw(t, "environment")
	for _, k := range []catalog.Kind{catalog.KindZooKeeper, catalog.KindDatabase, catalog.KindStorage} {
		p.Shared.Set(k, rapid.IntRange(0, 4).Draw(t, "shared") == 0)
	}
	p.Recount()
	s := catalog.Generate(p)
	worn(t, s)
	s.ObservedAt = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	c := &s.Clusters[0]
	c.Workload = workload(t)
	c.Objectives = &inventory.Objectives{
		HighAvailability: rapid.SampledFrom([]inventory.Need{inventory.Required, inventory.Preferred, inventory.NotNeeded, ""}).Draw(t, "need"),
		Availability:     rapid.SampledFrom([]float64{0, 0.99, 0.995, 0.9995, 0.99999}).Draw(t, "objective"),
		Sharing: inventory.Sharing{
			ZooKeeper: permission(t), Database: permission(t), Storage: permission(t),
		},
	}
	if rapid.Bool().Draw(t, "geographies") {
		c.Objectives.Geographies = []string{"Europe"}
	}
	if rapid.IntRange(0, 3).Draw(t, "rto") == 0 {
		d := rapid.SampledFrom([]inventory.Duration{inventory.Duration(time.Minute), inventory.Duration(15 * time.Minute), inventory.Duration(8 * time.Hour)}).Draw(t, "rto")
		c.Objectives.RTO = &d
	}
	if rapid.IntRange(0, 3).Draw(t, "rpo") == 0 {
		d := rapid.SampledFrom([]inventory.Duration{0, inventory.Duration(time.Hour)}).Draw(t, "rpo")
		c.Objectives.RPO = &d
	}
	if rapid.IntRange(0, 5).Draw(t, "recovery") == 0 {
		on := true
		c.Objectives.DisasterRecovery = &on
	}
	if rapid.IntRange(0, 4).Draw(t, "hosting") == 0 {
		c.Objectives.Hosting = []inventory.Hosting{rapid.SampledFrom([]inventory.Hosting{
			inventory.HostingAzure, inventory.HostingOnPremise, inventory.HostingPTCCloud, inventory.HostingAWS,
		}).Draw(t, "hosting")}
	}
	in := e.input(inventory.Normalise(s, e.regions))
	in.Rules = nil
	return in
}

func permission(t *rapid.T) inventory.Permission {
	return rapid.SampledFrom([]inventory.Permission{"", inventory.Allowed, inventory.Forbidden}).Draw(t, "permission")
}

func workload(t *rapid.T) *inventory.Workload {
	if rapid.IntRange(0, 4).Draw(t, "no workload") == 0 {
		return nil
	}
	every := rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute}).Draw(t, "every")
	return &inventory.Workload{
		Things:  []inventory.ThingGroup{{Count: rapid.SampledFrom([]int{10, 3000, 90000, 240000}).Draw(t, "things"), Properties: []inventory.PropertyGroup{{Count: rapid.IntRange(0, 10).Draw(t, "properties"), Every: inventory.Duration(every)}}}},
		Mashups: []inventory.Mashup{{Services: 10, Users: rapid.SampledFrom([]int{0, 100, 20000}).Draw(t, "users"), LoadsPerUser: 2, Window: inventory.Duration(time.Hour)}},
	}
}

// worn gives a new cluster the faults of old ones: nodes that are gone, on one machine, elsewhere, or of another size.
func worn(t *rapid.T, s *inventory.Site) {
	each := func(nodes *[]inventory.Node) {
		if len(*nodes) > 1 && rapid.IntRange(0, 4).Draw(t, "gone") == 0 {
			*nodes = (*nodes)[1:]
		}
		for i := range *nodes {
			n := &(*nodes)[i]
			switch rapid.IntRange(0, 11).Draw(t, "worn") {
			case 0:
				n.Machine = "crowded"
			case 1:
				n.Machine = ""
			case 2:
				n.Placement.Region, n.Placement.Zone = "northeurope", ""
			case 3:
				n.CPU, n.MemoryGiB = 64, 256
			case 4:
				n.CPU, n.MemoryGiB = 2, 4
			}
		}
	}
	for i := range s.Clusters[0].Components {
		each(&s.Clusters[0].Components[i].Nodes)
	}
	for i := range s.Infrastructure {
		inf := &s.Infrastructure[i]
		each(&inf.Nodes)
		switch rapid.IntRange(0, 7).Draw(t, "infra") {
		case 0:
			inf.Placement.Region = "northeurope"
		case 1:
			inf.Placement.Region = ""
		case 2:
			s.Clusters[0].Uses = slices.DeleteFunc(s.Clusters[0].Uses, func(u inventory.Use) bool { return u.Infrastructure == inf.ID })
		case 3:
			inf.Tier, inf.Redundancy = "Burstable", inventory.RedundancyNone
			inf.SKU, inf.CPU, inf.MemoryGiB = "Standard_B2s", 2, 4
			if inf.Kind != inventory.KindDatabase {
				inf.Tier, inf.SKU, inf.CPU, inf.MemoryGiB = "", "", 0, 0
			}
		}
	}
	// A machine is in one place.
	at := map[string]inventory.Placement{}
	for i := range s.Clusters[0].Components {
		settle(at, s.Clusters[0].Components[i].Nodes)
	}
	for i := range s.Infrastructure {
		settle(at, s.Infrastructure[i].Nodes)
		settle(at, s.Infrastructure[i].PgPool)
	}
}

func settle(at map[string]inventory.Placement, nodes []inventory.Node) {
	for i := range nodes {
		n := &nodes[i]
		if n.Machine == "" {
			continue
		}
		if p, ok := at[n.Machine]; ok {
			n.Placement = p
		}
		at[n.Machine] = n.Placement
	}
}

func TestOptionsKeepTheLaws(t *testing.T) {
	e := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t, e)
		before := marshalRapid(t, in.Site)
		r := Cluster(in)
		if !bytes.Equal(marshalRapid(t, r), marshalRapid(t, Cluster(in))) {
			t.Fatal("the same input gave two recommendations")
		}
		if !bytes.Equal(before, marshalRapid(t, in.Site)) {
			t.Fatal("the inventory was changed")
		}
		wellFormed(t, in, r)
		sites := Inventory(in)
		if len(sites) != len(r.Options) {
			t.Fatalf("%d inventories for %d options", len(sites), len(r.Options))
		}
		for i, s := range sites {
			holds(t, e, in, &r.Options[i], s)
		}
	})
}

// wellFormed checks the form of a recommendation.
func wellFormed(t *rapid.T, in Input, r Recommendation) {
	if len(r.Options) > 3 {
		t.Fatalf("%d options", len(r.Options))
	}
	if len(r.Options) == 0 != (r.Architecture == "") || len(r.Options) > 0 && r.Options[0].Architecture != r.Architecture {
		t.Fatalf("recommends %q with %d options", r.Architecture, len(r.Options))
	}
	if len(r.Reasons) == 0 {
		t.Fatal("no reason is given")
	}
	seen := map[Objective]bool{}
	named := map[string]bool{}
	for i := range r.Options {
		o := &r.Options[i]
		for _, x := range append([]Objective{o.Objective}, o.Also...) {
			if seen[x] {
				t.Fatalf("two options are %s", x)
			}
			seen[x] = true
		}
		if o.CostIndex < 1 || slices.Contains(append(o.Also, o.Objective), Cheapest) != (o.CostIndex == 1) && slices.Contains(append(o.Also, o.Objective), Cheapest) {
			t.Fatalf("%s option costs %v", o.Objective, o.CostIndex)
		}
		for j := range i {
			p := r.Options[j]
			if p.Architecture == o.Architecture && slices.Equal(p.Components, o.Components) && p.Changes == o.Changes && slices.Equal(p.Migration, o.Migration) {
				t.Fatalf("options %s and %s are the same", p.Objective, o.Objective)
			}
		}
		named[o.Architecture] = true
	}
	if want := len(r.Options) > 0; seen[Cheapest] != want || seen[MostAvailable] != want || seen[FewestChanges] != want {
		t.Fatalf("objectives named are %v", seen)
	}
	for _, x := range r.Rejected {
		if x.Because == "" || named[x.Architecture] {
			t.Fatalf("rejected %s because %q", x.Architecture, x.Because)
		}
		named[x.Architecture] = true
	}
	for _, a := range in.Catalog.Architectures() {
		if !named[a.ID] {
			t.Fatalf("nothing is said about %s", a.ID)
		}
	}
}

// holds checks one option turned back into an inventory: it breaks no hard rule, reaches the objective, is an instance of
// its architecture, and its migration never leaves the cluster worse than both ends.
func holds(t *rapid.T, e *engine, in Input, o *Option, s *inventory.Site) {
	c := &s.Clusters[0]
	size := sizing.InSite(s, c, e.sizes)
	shared := len(o.Overlays) > 0
	recognised := recognise.Cluster(s, c, size, shared, e.catalog)
	if recognised.Architecture != o.Architecture {
		t.Fatalf("the %s option of %s is recognised as %+v", o.Objective, o.Architecture, recognised)
	}
	got := availability.Cluster(s, c, max(1, size.FoundationNodes), in.Policy.Availability)
	if got.Serving != o.Availability.Serving || got.Serving < in.Cluster.Objectives.Availability-slack {
		t.Fatalf("serves %v, said %v, objective %v", got.Serving, o.Availability.Serving, in.Cluster.Objectives.Availability)
	}
	findings := e.rules.Evaluate(rules.Input{
		Site: s, Policy: in.Policy, Regions: in.Regions, At: s.ObservedAt,
		Clusters: []rules.ClusterFacts{{Recognised: recognised, Sizing: size, Availability: got, Recommended: o.Architecture}},
	})
	for i := range findings {
		f := &findings[i]
		hard := f.Severity.Rank() <= rules.High.Rank() && (f.Confidence == rules.Official || f.Confidence == rules.ByPolicy)
		if f.Verdict == rules.Fail && (hard || f.Rule == "SIZ-004" || f.Rule == "SIZ-003" || f.Rule == "SIZ-005" || f.Rule == "HA-017") {
			t.Fatalf("the %s option of %s fails %s (%s): %s", o.Objective, o.Architecture, f.Rule, f.Severity, f.Message)
		}
	}
	exists(t, in, s)
	from := availability.Cluster(in.Site, in.Cluster, max(1, in.Sizing.FoundationNodes), in.Policy.Availability).Serving
	for i, step := range o.Migration {
		if step.Step != i+1 || step.Do == "" || step.Rollback == "" || step.Downtime == "" {
			t.Fatalf("step %d is %+v", i+1, step)
		}
		if floor := min(from, got.Serving); step.Serving < floor-1e-9 {
			t.Fatalf("step %d leaves %v, below %v and %v: %s", i+1, step.Serving, from, got.Serving, step.Do)
		}
	}
}

// exists checks that the provider offers what an option is built of: what was there before may stay, whatever it is.
func exists(t *rapid.T, in Input, s *inventory.Site) {
	for i := range s.Infrastructure {
		inf := &s.Infrastructure[i]
		was := in.Site.Infra(inf.ID)
		region, known := in.Regions.Find(inf.Placement.Provider, inf.Placement.Region)
		if inf.Kind == inventory.KindStorage && (was == nil || was.Redundancy != inf.Redundancy) {
			if offered := catalog.Redundancies(inf.Placement.Provider, !known || region.Zones); !slices.Contains(offered, inf.Redundancy) {
				t.Fatalf("storage %s in %s is to have redundancy %q, offered are %v", inf.ID, inf.Placement.Region, inf.Redundancy, offered)
			}
		}
		if was != nil && inf.Kind == inventory.KindStorage && redundancyRank(inf.Redundancy) < redundancyRank(was.Redundancy) {
			t.Fatalf("storage %s loses redundancy: %s after %s", inf.ID, inf.Redundancy, was.Redundancy)
		}
		if inf.Engine == inventory.EngineH2 && len(inf.Replicas) > 0 {
			t.Fatalf("H2 has replicas: %v", inf.Replicas)
		}
		if inf.Engine != inventory.EngineAzurePostgreSQLFlexible {
			continue
		}
		mode := inf.HighAvailability.Mode
		if known && !region.Zones && (mode == inventory.HAZoneRedundant || inf.HighAvailability.StandbyZone != "") {
			t.Fatalf("%s in %s, which has no zones, is %s with its standby in zone %q", inf.ID, region.Code, mode, inf.HighAvailability.StandbyZone)
		}
		if inf.Tier == inventory.TierBurstable || inventory.FlexibleTier(inf.Tier, inf.SKU) != inf.Tier {
			t.Fatalf("%s is of tier %s and of type %s", inf.ID, inf.Tier, inf.SKU)
		}
	}
}

// Whoever shares with the cluster now, no option leaves it in the same ZooKeeper path, schema or storage path as another tenant.
func TestOptionsAreKeptApartFromTheirNeighbours(t *testing.T) {
	e := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t, e)
		for i := range in.Site.Infrastructure {
			in.Site.Infrastructure[i].Identity.Endpoint = in.Site.Infrastructure[i].ID + ".corp.example"
		}
		other := inventory.Clone(in.Site)
		other.Site.ID = "other"
		nested(t, in.Site, other)
		in.Neighbours = []*inventory.Site{other}
		in.Shared = tenancy.Of(in.Site, in.Neighbours)
		for i, s := range Inventory(in) {
			findings := e.rules.Evaluate(rules.Input{
				Site: s, Neighbours: in.Neighbours, Shared: tenancy.Of(s, in.Neighbours), Policy: in.Policy, Regions: in.Regions, At: s.ObservedAt,
				Clusters: make([]rules.ClusterFacts, 1),
			})
			for _, f := range findings {
				if f.Verdict == rules.Fail && slices.Contains([]string{"TEN-001", "TEN-002", "TEN-003", "TEN-004", "TEN-006", "TEN-009"}, f.Rule) {
					t.Fatalf("option %d fails %s: %s", i, f.Rule, f.Message)
				}
			}
		}
		for _, o := range Cluster(in).Options {
			for _, step := range o.Migration {
				if step.Do == "" || step.Rollback == "" {
					t.Fatalf("step %+v", step)
				}
			}
		}
	})
}

// What is decided already holds for every option: place and database product.
func TestDecisionsHold(t *testing.T) {
	e := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t, e)
		in.Place = rapid.SampledFrom([]Place{
			{Provider: "azure"},
			{Provider: "azure", Region: "westeurope"},
			{Provider: "azure", Region: "eastus2"},
			{Provider: "azure", Region: "westus"},
			{Provider: "on-premise", Region: "hall-3"},
			{Provider: "aws", Region: "eu-central-1"},
		}).Draw(t, "place")
		if rapid.Bool().Draw(t, "engine") {
			in.Engines = []inventory.Engine{rapid.SampledFrom([]inventory.Engine{
				inventory.EnginePostgreSQL, inventory.EngineSQLServer, inventory.EngineAzurePostgreSQLFlexible, inventory.EngineAzureSQL,
			}).Draw(t, "engine")}
		}
		r := Cluster(in)
		wellFormed(t, in, r)
		for i, s := range Inventory(in) {
			holds(t, e, in, &r.Options[i], s)
			for _, b := range r.Options[i].Components {
				if b.Provider != "" && b.Provider != in.Place.Provider || b.Mode != "recovery" && b.Region != "" && in.Place.Region != "" && b.Region != in.Place.Region {
					t.Fatalf("to be in %+v: %+v", in.Place, b)
				}
			}
			for j := range s.Infrastructure {
				if inf := &s.Infrastructure[j]; inf.Kind == inventory.KindDatabase && len(in.Engines) > 0 && inf.Engine != in.Engines[0] {
					t.Fatalf("%s is %s, wanted %s", inf.ID, inf.Engine, in.Engines[0])
				}
			}
		}
	})
}

// nested draws how the storage paths of two sites on one file server lie to each other: as they are, one in the other, at the root,
// below an export that an address names, or where an option would look for a free place.
func nested(t *rapid.T, own, other *inventory.Site) {
	for i := range other.Clusters[0].Uses {
		u, mine := &other.Clusters[0].Uses[i], &own.Clusters[0].Uses[i]
		if u.As != inventory.AsStorage {
			continue
		}
		switch rapid.IntRange(0, 7).Draw(t, "path") {
		case 0:
			u.Path = mine.Path + "/backup"
		case 1:
			mine.Path = u.Path + "/x/y"
		case 2:
			u.Path = "/"
		case 3:
			u.Path = "/export"
		case 4:
			u.Path = "/export/site-cluster"
		case 5:
			u.Path = "/export/site-cluster-2/ThingworxStorage"
		case 6:
			other.Infra(u.Infrastructure).Identity.Endpoint += ":/export/site-cluster"
			u.Path = "/storage"
		}
	}
}

func marshalRapid(t *rapid.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// No step of a migration makes a hard rule fail that fails neither before nor after it.
func TestMigrationsBreakNoRuleOnTheWay(t *testing.T) {
	e := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t, e)
		w := newWorld(in)
		for _, c := range w.options().chosen {
			ends := append(hard(e, in, in.Site, in.Cluster), hard(e, in, c.variant.site, &c.variant.site.Clusters[0])...)
			for i, step := range w.migration(c.variant) {
				for _, rule := range hard(e, in, step.After, &step.After.Clusters[0]) {
					if !slices.Contains(ends, rule) {
						t.Fatalf("step %d of the way to %s fails %s, which fails at neither end: %s", i+1, c.variant.arch.ID, rule, step.Do)
					}
				}
			}
		}
	})
}

// hard lists the hard rules a cluster fails.
func hard(e *engine, in Input, s *inventory.Site, c *inventory.Cluster) []string {
	size := sizing.InSite(s, c, e.sizes)
	findings := e.rules.Evaluate(rules.Input{
		Site: s, Policy: in.Policy, Regions: in.Regions, At: s.ObservedAt,
		Clusters: []rules.ClusterFacts{{
			Recognised: recognise.Cluster(s, c, size, false, e.catalog), Sizing: size,
			Availability: availability.Cluster(s, c, max(1, size.FoundationNodes), in.Policy.Availability),
		}},
	})
	var out []string
	for i := range findings {
		f := &findings[i]
		if f.Verdict == rules.Fail && f.Severity.Rank() <= rules.High.Rank() && (f.Confidence == rules.Official || f.Confidence == rules.ByPolicy) {
			out = append(out, f.Rule)
		}
	}
	return out
}
