package catalog

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// plans yields the plan of every architecture with every database and store of logged values it allows.
func plans(t testing.TB, d Demand, each func(name string, p *Plan)) {
	for _, a := range builtin(t).Architectures() {
		for _, db := range a.Databases {
			for _, ts := range a.Timeseries {
				p := a.NewPlan(d)
				p.Engine, p.Mode, p.Timeseries = db.Engine, a.BestMode(db.Engine), ts
				p.Recount()
				each(fmt.Sprintf("%s/%s/%s", a.ID, db.Engine, ts), p)
			}
		}
	}
}

func TestGenerateMeetsEveryCount(t *testing.T) {
	plans(t, Demand{Things: 250000, ConnectionServers: 3, FoundationNodes: 1}, func(name string, p *Plan) {
		if p.Architecture.ID == BasicProduction || p.Architecture.ID == Development {
			p.Demand = Demand{ConnectionServers: 1, FoundationNodes: 1}
			p.Recount()
		}
		s := Generate(p)
		sh := ShapeOf(s, &s.Clusters[0])
		for _, k := range Kinds() {
			want, got := p.Counts.Of(k), sh.Parts.Of(k)
			switch {
			case k == KindLoadBalancer, k == KindDatabase && p.Engine.Managed():
				if (want > 0) != got.Present() {
					t.Errorf("%s: %s present %v, planned %d", name, k, got.Present(), want)
				}
			case got.Count != want:
				t.Errorf("%s: %d of %s, planned %d", name, got.Count, k, want)
			}
		}
		if sh.Timeseries != p.Timeseries || sh.Engine != p.Engine {
			t.Errorf("%s: reads back as %s with %s", name, sh.Engine, sh.Timeseries)
		}
	})
}

var platformID = regexp.MustCompile(`^[a-zA-Z0-9]{1,32}$`)

func TestGenerateConfiguresWhatPTCAsksFor(t *testing.T) {
	p := get(t, HACluster).NewPlan(Demand{FoundationNodes: 2, ConnectionServers: 1})
	p.Site.ID, p.Cluster, p.Ignite = "muc-01", "prod-1", inventory.IgniteSeparate
	p.Recount()
	s := Generate(p)
	c := &s.Clusters[0]
	seen := map[string]bool{}
	for _, n := range c.Nodes(inventory.Foundation) {
		if id := n.Settings.PlatformID; !platformID.MatchString(id) || seen[id] {
			t.Errorf("platform id %q is not valid or not unique", id)
		}
		seen[n.Settings.PlatformID] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d Foundation nodes, want the two of the peak and one more", len(seen))
	}
	zk := c.Used(inventory.AsZooKeeper)[0]
	if zk.Namespace != "/muc-01-prod-1" || zk.IgniteBasePath != zk.Namespace || zk.ConnectionServerBasePath != zk.Namespace+"/services" {
		t.Errorf("ZooKeeper is used as %+v", zk)
	}
	for _, comp := range c.Components {
		if comp.Kind == inventory.Ignite && (comp.BasePath != zk.IgniteBasePath || len(comp.Nodes) != 2) {
			t.Errorf("separate Ignite is %+v, want two nodes on Foundation's base path", comp)
		}
	}
	lb := c.Used(inventory.AsLoadBalancer)[0]
	if lb.HealthPath != "/Thingworx/ready" || lb.StickySessions == nil || !*lb.StickySessions {
		t.Errorf("the load balancer is used as %+v", lb)
	}
	if n := c.Settings.ModelSyncMaxDBUnavailableErrors; n == nil || *n != 1800 {
		t.Errorf("the cluster tolerates %v failed polls, want 1800 of 100 ms: three minutes", n)
	}
	if db := s.Infra("database"); db.MaxConnections != 3*PoolMax+15 {
		t.Errorf("max_connections is %d, want room for three pools", db.MaxConnections)
	}
}

func TestToleratedErrors(t *testing.T) {
	if got := ToleratedErrors(0); got != 1800 {
		t.Errorf("at PTC's default interval %d, want 1800", got)
	}
	if got := ToleratedErrors(inventory.Duration(Failover) * 2); got != 1 {
		t.Errorf("at an interval longer than the failover %d, want 1", got)
	}
}

func yes() *bool { b := true; return &b }

// present is a cluster that grew by hand: a connection server beside Foundation, ZooKeeper across machines, database elsewhere.
func present() *inventory.Site {
	at := func(z string) inventory.Placement {
		return inventory.Placement{Provider: "azure", Region: "westeurope", Zone: z}
	}
	node := func(name, machine string) inventory.Node {
		return inventory.Node{Name: name, Machine: machine, Placement: at("1"), CPU: 16, MemoryGiB: 32}
	}
	return &inventory.Site{
		Site: inventory.Identity{ID: "a"},
		Clusters: []inventory.Cluster{{
			ID: "prod", ClusteredMode: yes(), Environment: inventory.Production,
			Components: []inventory.Component{
				{Kind: inventory.Foundation, Nodes: []inventory.Node{node("f1", "vm-1"), node("f2", "vm-2")}},
				{Kind: inventory.ConnectionServer, Nodes: []inventory.Node{node("c1", "vm-1")}},
				{Kind: inventory.Ignite, Mode: inventory.IgniteEmbedded},
			},
			Uses: []inventory.Use{
				{Infrastructure: "zk", As: inventory.AsZooKeeper, Namespace: "/prod"},
				{Infrastructure: "pg", As: inventory.AsDatabase, Database: "twx", Schema: "s", PoolMax: 50},
				{Infrastructure: "nas", As: inventory.AsStorage, Path: "/x"},
				{Infrastructure: "lb", As: inventory.AsLoadBalancer, HealthPath: "/Thingworx/health"},
			},
		}},
		Infrastructure: []inventory.Infrastructure{
			{ID: "zk", Kind: inventory.KindZooKeeper, Nodes: []inventory.Node{node("z1", "vm-1"), node("z2", "vm-2"), node("z3", "")}},
			{
				ID: "pg", Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Tier: "Burstable", MaxConnections: 80,
				Placement: inventory.Placement{Provider: "azure", Region: "northeurope", Zone: "1"}, Identity: inventory.ResourceIdentity{Endpoint: "pg.example"},
			},
			{ID: "nas", Kind: inventory.KindStorage, Redundancy: inventory.RedundancyNone, Protocol: "disk", Placement: at("1")},
			{ID: "lb", Kind: inventory.KindLoadBalancer, Placement: at("")},
		},
	}
}

func presentPlan(t testing.TB, layout Layout) *Plan {
	s := present()
	p := get(t, HACluster).NewPlan(Demand{FoundationNodes: 1, ConnectionServers: 1})
	p.Site, p.Cluster, p.Present, p.PresentCluster = s.Site, "prod", s, &s.Clusters[0]
	p.Provider, p.Region, p.Zone, p.StandbyZone, p.Hosting = "azure", "westeurope", "1", "2", inventory.HostingAzure
	p.Engine, p.Mode, p.Storage, p.Layout = inventory.EngineAzurePostgreSQLFlexible, inventory.HAZoneRedundant, inventory.RedundancyZone, layout
	p.Recount()
	return p
}

func TestGenerateKeepsWhatMayStay(t *testing.T) {
	s := Generate(presentPlan(t, LayoutPresent))
	c := &s.Clusters[0]
	machines := func(nodes []*inventory.Node) (out []string) {
		for _, n := range nodes {
			out = append(out, n.Name+"@"+n.Machine)
		}
		return out
	}
	if got := machines(c.Nodes(inventory.Foundation)); !slices.Equal(got, []string{"f1@vm-1", "f2@vm-2"}) {
		t.Errorf("Foundation is %v", got)
	}
	if got := machines(c.Nodes(inventory.ConnectionServer)); !slices.Equal(got, []string{"c1@vm-1", "connection-server-2@prod-connection-server-2"}) {
		t.Errorf("connection servers are %v", got)
	}
	zk := s.Infra("zk")
	if zk == nil || len(zk.Nodes) != 3 || zk.Nodes[2].Machine != "" {
		t.Errorf("ZooKeeper is %+v", zk)
	}
	if s.Infra("pg") != nil || s.Infra("pg-westeurope") == nil {
		t.Error("the database in another region is not replaced")
	}
	if u := c.Used(inventory.AsDatabase)[0]; u.Infrastructure != "pg-westeurope" || u.Database != "twx" || u.PoolMax != 50 {
		t.Errorf("the database is used as %+v", u)
	}
	nas := s.Infra("nas")
	if nas.Redundancy != inventory.RedundancyZone || nas.Placement.Zone != "" || nas.Protocol != "nfs" {
		t.Errorf("storage is %+v", nas)
	}
	if u := c.Used(inventory.AsLoadBalancer)[0]; u.HealthPath != "/Thingworx/ready" {
		t.Errorf("the load balancer probes %s", u.HealthPath)
	}
}

func TestGenerateOwnMachinesSeparates(t *testing.T) {
	s := Generate(presentPlan(t, LayoutOwn))
	used := map[string]string{}
	each := func(kind string, nodes []inventory.Node) {
		for _, n := range nodes {
			if n.Machine != "" && used[n.Machine] != "" {
				t.Errorf("%s %s shares %s with %s", kind, n.Name, n.Machine, used[n.Machine])
			}
			used[n.Machine] = kind
		}
	}
	for _, comp := range s.Clusters[0].Components {
		each(string(comp.Kind), comp.Nodes)
	}
	for _, inf := range s.Infrastructure {
		each(string(inf.Kind), inf.Nodes)
	}
}

func TestGenerateKeepsAManagedDatabaseInPlace(t *testing.T) {
	p := presentPlan(t, LayoutPresent)
	p.Present.Infrastructure[1].Placement.Region = "westeurope"
	p.RecoveryRegion = "northeurope"
	p.Counts.Set(KindFoundation, 3)
	s := Generate(p)
	pg := s.Infra("pg")
	if pg == nil || pg.Identity.Endpoint != "pg.example" {
		t.Fatalf("the database was replaced: %+v", s.Infrastructure)
	}
	if pg.Tier != "GeneralPurpose" || pg.HighAvailability.Mode != inventory.HAZoneRedundant || pg.HighAvailability.StandbyZone != "2" {
		t.Errorf("high availability is %+v on tier %s", pg.HighAvailability, pg.Tier)
	}
	if pg.MaxConnections != 3*50+15 {
		t.Errorf("max_connections is %d, want room for three pools of 50", pg.MaxConnections)
	}
	if len(pg.Replicas) != 1 || pg.Replicas[0].Region != "northeurope" {
		t.Errorf("replicas are %+v", pg.Replicas)
	}
	again := *p
	again.Present, again.PresentCluster = s, &s.Clusters[0]
	if got := Generate(&again).Infra("pg").Replicas; len(got) != 1 {
		t.Errorf("a second run adds a replica: %+v", got)
	}
}

func TestGenerateSharesWithIsolation(t *testing.T) {
	p := get(t, MinimumFootprint).NewPlan(Demand{FoundationNodes: 1, ConnectionServers: 1})
	p.Site.ID = "ber-02"
	for _, k := range []Kind{KindZooKeeper, KindDatabase, KindStorage} {
		p.Shared.Set(k, true)
	}
	p.Recount()
	s := Generate(p)
	if n := p.Counts.Of(KindFoundation); n != 2 {
		t.Errorf("%d cluster nodes, want 2: ZooKeeper is shared and needs none of them", n)
	}
	for _, id := range []string{"zookeeper", "database", "storage"} {
		if inf := s.Infra(id); inf.Shared == nil || !*inf.Shared {
			t.Errorf("%s is not declared shared", id)
		}
	}
	for _, u := range s.Clusters[0].Uses {
		if u.As != inventory.AsLoadBalancer && (u.Shared == nil || !*u.Shared) {
			t.Errorf("the use of %s is not declared shared", u.Infrastructure)
		}
		if u.As == inventory.AsDatabase && (u.Schema != "twadmin_ber-02-cluster" || u.Database != "thingworx_ber-02-cluster") {
			t.Errorf("the database is not the cluster's own: %+v", u)
		}
	}
}

// What other clusters use as well is left to them: the cluster gets a part of its own on other machines.
func TestUnsharingLeavesThePartToTheOthers(t *testing.T) {
	p := presentPlan(t, LayoutPresent)
	for _, k := range []Kind{KindZooKeeper, KindDatabase, KindStorage} {
		p.Occupied.Set(k, true)
	}
	s := Generate(p)
	for i := range s.Infrastructure {
		inf := &s.Infrastructure[i]
		was := p.Present.Infra(inf.ID)
		if own := inf.Kind != inventory.KindLoadBalancer; own != (was == nil) {
			t.Errorf("%s %s is kept: %v", inf.Kind, inf.ID, was != nil)
		}
		if inf.Kind == inventory.KindZooKeeper {
			for _, n := range inf.Nodes {
				if slices.ContainsFunc(p.Present.Infra("zk").Nodes, func(x inventory.Node) bool { return x.Name == n.Name || x.Machine == n.Machine && n.Machine != "" }) {
					t.Errorf("%s on %s is a member of the ensemble that is left to the others", n.Name, n.Machine)
				}
			}
		}
	}
}

func TestDevelopmentFitsOneMachine(t *testing.T) {
	p := get(t, Development).NewPlan(Demand{})
	s := Generate(p)
	machine := s.Clusters[0].Nodes(inventory.Foundation)[0].Machine
	for _, n := range s.Infra("database").Nodes {
		if n.Machine != machine {
			t.Errorf("%s is on %s, want %s", n.Name, n.Machine, machine)
		}
	}
}

func TestPackedNeedsNamedMachines(t *testing.T) {
	s := present()
	for i := range s.Clusters[0].Components[0].Nodes {
		s.Clusters[0].Components[0].Nodes[i].Machine = ""
	}
	p := get(t, MinimumFootprint).NewPlan(Demand{})
	p.Present, p.PresentCluster, p.Cluster = s, &s.Clusters[0], "prod"
	p.Provider, p.Region, p.Zone = "azure", "westeurope", "1"
	g := Generate(p)
	f, cs := g.Clusters[0].Nodes(inventory.Foundation), g.Clusters[0].Nodes(inventory.ConnectionServer)
	if len(f) != 3 || len(cs) != 3 {
		t.Fatalf("%d and %d nodes, want three boxes", len(f), len(cs))
	}
	for i := range f {
		if f[i].Machine == "" || f[i].Machine != cs[i].Machine {
			t.Errorf("box %d has Foundation on %q and its connection server on %q", i, f[i].Machine, cs[i].Machine)
		}
	}
}

// The same plan gives the same bytes, and building does not change what it starts from.
func TestGenerateIsPure(t *testing.T) {
	p := presentPlan(t, LayoutPresent)
	before := mustJSON(t, p.Present)
	first, second := mustJSON(t, Generate(p)), mustJSON(t, Generate(p))
	if first != second {
		t.Error("the same plan gave two inventories")
	}
	if mustJSON(t, p.Present) != before {
		t.Error("the present inventory was changed")
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every generated node has a name of its own, all nodes of one machine one placement, and Foundation one zone.
func TestGeneratedInventoriesAreSane(t *testing.T) {
	c := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom(c.Architectures()).Draw(t, "architecture")
		p := a.NewPlan(Demand{
			ConnectionServers: float64(rapid.IntRange(0, 5).Draw(t, "cs")), FoundationNodes: float64(rapid.IntRange(1, 4).Draw(t, "nodes")),
			ReplicationFactor: float64(rapid.IntRange(0, 3).Draw(t, "factor")),
		})
		db := rapid.SampledFrom(a.Databases).Draw(t, "database")
		p.Engine, p.Mode = db.Engine, a.BestMode(db.Engine)
		p.Timeseries = rapid.SampledFrom(a.Timeseries).Draw(t, "series")
		if len(a.Ignite) > 0 {
			p.Ignite = rapid.SampledFrom(a.Ignite).Draw(t, "ignite")
		}
		if rapid.Bool().Draw(t, "from present") {
			s := present()
			p.Present, p.PresentCluster, p.Provider, p.Region, p.Zone, p.Cluster = s, &s.Clusters[0], "azure", "westeurope", "1", "prod"
			p.Layout = rapid.SampledFrom([]Layout{p.Layout, LayoutPresent}).Draw(t, "layout")
		}
		p.Shared.Set(KindZooKeeper, rapid.Bool().Draw(t, "shared"))
		p.Recount()
		s := Generate(p)
		names, places := map[string]bool{}, map[string]inventory.Placement{}
		each := func(k string, nodes []inventory.Node) {
			for _, n := range nodes {
				if names[k+n.Name] {
					t.Fatalf("two nodes of %s are called %s", k, n.Name)
				}
				names[k+n.Name] = true
				if at, ok := places[n.Machine]; ok && n.Machine != "" && at != n.Placement {
					t.Fatalf("machine %s is in %v and %v", n.Machine, at, n.Placement)
				}
				places[n.Machine] = n.Placement
			}
		}
		cl := &s.Clusters[0]
		for _, comp := range cl.Components {
			each(string(comp.Kind), comp.Nodes)
		}
		for _, inf := range s.Infrastructure {
			each(inf.ID, inf.Nodes)
			each("pool "+inf.ID, inf.PgPool)
		}
		for _, n := range cl.Nodes(inventory.Foundation) {
			if n.Placement.Region != p.Region || n.Placement.Zone != p.Zone {
				t.Fatalf("Foundation node %s is in %v", n.Name, n.Placement)
			}
		}
		for _, u := range cl.Uses {
			if s.Infra(u.Infrastructure) == nil {
				t.Fatalf("%s is used and not listed", u.Infrastructure)
			}
		}
	})
}
