package migrate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

func builtin(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// build generates an instance of an architecture in a data centre, changed by adjust before it is generated.
func build(t testing.TB, id string, adjust func(p *catalog.Plan)) *inventory.Site {
	t.Helper()
	a, ok := builtin(t).Get(id)
	if !ok {
		t.Fatal(id)
	}
	p := a.NewPlan(catalog.Demand{ConnectionServers: 1, FoundationNodes: 1})
	adjust(p)
	return catalog.Generate(p)
}

func asIs(*catalog.Plan) {}

func state(s *inventory.Site) *State { return StateOf(s, &s.Clusters[0]) }

func input(from, to *inventory.Site) Input {
	return Input{From: state(from), To: state(to), Chances: policy.Defaults()}
}

func serving(s *inventory.Site) float64 {
	return availability.Cluster(s, &s.Clusters[0], 1, policy.Defaults()).Serving
}

func text(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "%s [%s] %s\n", s.Do, s.Text(), s.Precondition)
	}
	return b.String()
}

// order fails unless the phrases occur in this order.
func order(t *testing.T, steps []Step, phrases ...string) {
	t.Helper()
	all, at := text(steps), 0
	for _, p := range phrases {
		i := strings.Index(all[at:], p)
		if i < 0 {
			t.Fatalf("%q does not come next in\n%s", p, all)
		}
		at += i
	}
}

func TestNothingToDo(t *testing.T) {
	s := build(t, catalog.HACluster, asIs)
	if got := Plan(input(s, inventory.Clone(s))); got != nil {
		t.Errorf("from a state to itself takes %v", got)
	}
	if Count(Changes(state(s), state(inventory.Clone(s)))) != 0 {
		t.Error("a state differs from itself")
	}
}

func TestFromOneServerToACluster(t *testing.T) {
	from := build(t, catalog.BasicProduction, asIs)
	to := build(t, catalog.HACluster, func(p *catalog.Plan) {
		p.Layout, p.Present, p.PresentCluster = catalog.LayoutPresent, from, &from.Clusters[0]
	})
	steps := Plan(input(from, to))
	order(t, steps, "Back up", "Provision machines", "ZooKeeper ensemble of 3 members", "storage", "Bring PostgreSQL to 3 nodes", "Start the connection server", "switch to clustered mode")
	sound(t, from, to, steps)
	if Downtime(steps) == 0 {
		t.Error("switching to clustered mode takes no downtime")
	}
	for _, s := range steps {
		if strings.Contains(s.Do, "clustered mode") && (s.Downtime == 0 || !s.Assumed || !strings.Contains(s.Precondition, "ZooKeeper has a leader")) {
			t.Errorf("the switch is %+v", s)
		}
	}
}

func TestFromAClusterToOneServer(t *testing.T) {
	from := build(t, catalog.HACluster, asIs)
	to := build(t, catalog.BasicProduction, func(p *catalog.Plan) { p.Present, p.PresentCluster = from, &from.Clusters[0] })
	steps := Plan(input(from, to))
	order(t, steps, "switch clustered mode off", "Drain and stop")
	sound(t, from, to, steps)
	if !strings.Contains(text(steps), "ZooKeeper members zookeeper-1, zookeeper-2") {
		t.Errorf("ZooKeeper is not removed:\n%s", text(steps))
	}
}

func TestANewCluster(t *testing.T) {
	to := build(t, catalog.HACluster, func(p *catalog.Plan) { p.Timeseries = catalog.TimeseriesEnterprise; p.Recount() })
	empty := &inventory.Site{Clusters: []inventory.Cluster{{ID: "cluster"}}}
	in := input(empty, to)
	in.FromServing = 1e-300
	steps := Plan(in)
	order(t, steps, "Provision machines", "Install a ZooKeeper ensemble", "Set up the storage", "Set up PostgreSQL as database", "Set up InfluxDB", "Start the connection servers", "Install ThingWorx", "Set up the load balancer")
	if Downtime(steps) != 0 || strings.Contains(text(steps), "Back up") {
		t.Errorf("nothing runs yet:\n%s", text(steps))
	}
}

// azure turns a plan into one on Azure with a managed database.
func azure(region, zone string, mode inventory.HAMode) func(p *catalog.Plan) {
	return func(p *catalog.Plan) {
		p.Provider, p.Region, p.Zone, p.Hosting = "azure", region, zone, inventory.HostingAzure
		p.Engine, p.Mode, p.Storage = inventory.EngineAzurePostgreSQLFlexible, mode, inventory.RedundancyZone
		p.Machines.Set(catalog.KindDatabase, catalog.Machine{CPU: 16, MemoryGiB: 64, SKU: "D16ds_v5"})
		p.Machines.Set(catalog.KindFoundation, catalog.Machine{CPU: 8, MemoryGiB: 16})
		p.Recount()
	}
}

// after builds a target from a present site on Azure.
func after(from *inventory.Site, region, zone string, mode inventory.HAMode, more func(p *catalog.Plan)) func(p *catalog.Plan) {
	return func(p *catalog.Plan) {
		azure(region, zone, mode)(p)
		p.Layout, p.Present, p.PresentCluster = catalog.LayoutPresent, from, &from.Clusters[0]
		more(p)
	}
}

func TestTheDatabaseMovesByReplica(t *testing.T) {
	from := build(t, catalog.HACluster, azure("westeurope", "1", inventory.HAZoneRedundant))
	from.Infra("database").Placement.Region = "northeurope"
	to := build(t, catalog.HACluster, after(from, "westeurope", "1", inventory.HAZoneRedundant, asIs))
	steps := Plan(input(from, to))
	order(t, steps, "Move the database from northeurope to westeurope: create a read replica", "burstable servers have no replicas", "the former database database")
	sound(t, from, to, steps)
}

func TestSelfManagedDatabasesMoveByReplication(t *testing.T) {
	from := build(t, catalog.HACluster, asIs)
	to := inventory.Clone(from)
	to.Infra("database").ID = "database-2"
	to.Clusters[0].Used(inventory.AsDatabase)[0].Infrastructure = "database-2"
	from.Infra("database").Nodes, from.Infra("database").PgPool = nil, nil
	order(t, Plan(input(from, to)), "build database-2 as a replica of database")
}

func TestFoundationMovesInOneWindow(t *testing.T) {
	from := build(t, catalog.HACluster, azure("westeurope", "1", inventory.HAZoneRedundant))
	to := build(t, catalog.HACluster, after(from, "northeurope", "1", inventory.HAZoneRedundant, asIs))
	steps := Plan(input(from, to))
	order(t, steps, "Set up ZooKeeper, storage and the database in northeurope", "Stop Foundation and the connection servers", "Remove what is left in the old place")
	sound(t, from, to, steps)
	for _, s := range steps {
		regions := map[string]bool{}
		for _, n := range s.After.Clusters[0].Nodes(inventory.Foundation) {
			regions[n.Placement.Region] = true
		}
		if len(regions) > 1 {
			t.Errorf("after %q Foundation is in two regions, which PTC does not support", s.Do)
		}
	}
	zone := build(t, catalog.HACluster, after(from, "westeurope", "2", inventory.HAZoneRedundant, asIs))
	order(t, Plan(input(from, zone)), "Stop Foundation and the connection servers")
}

func TestOneServerMovesWithDowntime(t *testing.T) {
	from := build(t, catalog.BasicProduction, asIs)
	to := inventory.Clone(from)
	to.Clusters[0].Nodes(inventory.Foundation)[0].Machine = "other"
	steps := Plan(input(from, to))
	order(t, steps, "Stop Foundation, start it on its new machine", "Drain and stop")
	sound(t, from, to, steps)
}

func TestSelfManagedDatabaseChanges(t *testing.T) {
	from := build(t, catalog.HACluster, asIs)
	for name, tt := range map[string]struct {
		edit func(s *inventory.Site)
		says string
	}{
		"fewer nodes": {func(s *inventory.Site) { db := s.Infra("database"); db.Nodes = db.Nodes[:2] }, "Take the nodes that are no longer needed out of the replication"},
		"more pools": {func(s *inventory.Site) {
			db := s.Infra("database")
			db.PgPool = append(db.PgPool, inventory.Node{Name: "q"})
		}, "3 pgpool-II nodes"},
		"larger nodes":               {func(s *inventory.Site) { resize(s.Infra("database").Nodes) }, "Change the size of the database to 64 vCPU"},
		"another store":              {func(s *inventory.Site) { s.Infra("storage").Redundancy = inventory.RedundancyGeo }, "redundancy geo"},
		"protocol":                   {func(s *inventory.Site) { s.Infra("storage").Protocol = "smb" }, "protocol smb"},
		"larger CS":                  {func(s *inventory.Site) { resize(s.Clusters[0].Components[1].Nodes) }, "Replace the connection servers by ones of the new size"},
		"larger nodes of Foundation": {func(s *inventory.Site) { resize(s.Clusters[0].Components[0].Nodes) }, "starting the new before draining and stopping the old: foundation-1, foundation-2"},
	} {
		t.Run(name, func(t *testing.T) {
			sized := inventory.Clone(from)
			for _, nodes := range [][]inventory.Node{sized.Infra("database").Nodes, sized.Clusters[0].Components[0].Nodes, sized.Clusters[0].Components[1].Nodes} {
				for i := range nodes {
					nodes[i].CPU, nodes[i].MemoryGiB = 8, 16
				}
			}
			to := inventory.Clone(sized)
			tt.edit(to)
			steps := Plan(input(sized, to))
			order(t, steps, tt.says)
			sound(t, sized, to, steps)
		})
	}
}

func resize(nodes []inventory.Node) {
	for i := range nodes {
		nodes[i].CPU, nodes[i].MemoryGiB = 64, 256
	}
}

func TestSQLServerGetsAPartner(t *testing.T) {
	from := build(t, catalog.BasicProduction, func(p *catalog.Plan) { p.Engine = inventory.EngineSQLServer; p.Recount() })
	to := inventory.Clone(from)
	db := to.Infra("database")
	db.Nodes = append(db.Nodes, inventory.Node{Name: "database-2", Machine: "sql2"})
	order(t, Plan(input(from, to)), "Add database-2 to SQL Server as a failover partner")
}

func TestZooKeeper(t *testing.T) {
	from := build(t, catalog.HACluster, asIs)
	larger := inventory.Clone(from)
	zk := larger.Infra("zookeeper")
	zk.Nodes = append(zk.Nodes, inventory.Node{Name: "z4", Machine: "z4"}, inventory.Node{Name: "z5", Machine: "z5"})
	steps := Plan(input(from, larger))
	order(t, steps, "Bring the ZooKeeper ensemble to its 5 members: add new ones", "so that the restart of one leaves a majority")
	if Downtime(steps) != 0 {
		t.Errorf("members are added while the others serve:\n%s", text(steps))
	}
	named := inventory.Clone(from)
	named.Clusters[0].Used(inventory.AsZooKeeper)[0].Namespace = "/own"
	steps = Plan(input(from, named))
	order(t, steps, "Stop all Foundation nodes and connection servers, set ZKNamespace /own")
	if Downtime(steps) != restart {
		t.Errorf("a new namespace takes %v", Downtime(steps))
	}
}

func TestSettingsAndIgnite(t *testing.T) {
	from := build(t, catalog.HACluster, asIs)
	few := 10
	from.Clusters[0].Settings.ModelSyncMaxDBUnavailableErrors = &few
	from.Clusters[0].Settings.HACompatibilityImportLevel = "WARN"
	to := build(t, catalog.HACluster, func(p *catalog.Plan) {
		p.Layout, p.Present, p.PresentCluster, p.Ignite = catalog.LayoutPresent, from, &from.Clusters[0], inventory.IgniteSeparate
		p.Recount()
	})
	steps := Plan(input(from, to))
	order(t, steps, "Set ModelSyncMaxDBUnavailableErrors 1800, haCompatibilityImportLevel DENY", "switch the cache to Ignite separate")
	sound(t, from, to, steps)
}

func TestLoadBalancers(t *testing.T) {
	from := build(t, catalog.HACluster, asIs)
	no := false
	from.Infra("load-balancer").Redundant = &no
	from.Clusters[0].Used(inventory.AsLoadBalancer)[0].HealthPath = "/Thingworx/health"
	to := build(t, catalog.HACluster, asIs)
	order(t, Plan(input(from, to)), "Change the load balancer: redundant, health path /Thingworx/ready")
	without := build(t, catalog.HACluster, asIs)
	without.Clusters[0].Uses = slices.DeleteFunc(without.Clusters[0].Uses, func(u inventory.Use) bool { return u.As == inventory.AsLoadBalancer })
	steps := Plan(input(to, without))
	order(t, steps, "Drain and stop")
	if strings.Contains(text(steps), "Set up the load balancer") {
		t.Errorf("a load balancer that goes is set up:\n%s", text(steps))
	}
}

func TestTimeseries(t *testing.T) {
	plain := build(t, catalog.HACluster, asIs)
	with := build(t, catalog.HACluster, func(p *catalog.Plan) { p.Timeseries = catalog.TimeseriesEnterprise; p.Recount() })
	order(t, Plan(input(plain, with)), "Set up InfluxDB with its nodes", "the model needs it")
	order(t, Plan(input(with, plain)), "to the relational database and migrate", "Drain and stop")
	more := inventory.Clone(with)
	more.Infra("influxdb").Nodes = append(more.Infra("influxdb").Nodes, inventory.Node{Name: "d9", Role: "data"}, inventory.Node{Name: "d8", Role: "data"})
	order(t, Plan(input(with, more)), "Change InfluxDB: the InfluxDB data nodes d9, d8 added")
}

func TestUpgradeComesFirst(t *testing.T) {
	from, to := build(t, catalog.BasicProduction, asIs), build(t, catalog.HACluster, asIs)
	from.Clusters[0].ThingworxVersion, to.Clusters[0].ThingworxVersion = "9.2.0", "9.6.0"
	order(t, Plan(input(from, to)), "Back up", "Upgrade ThingWorx from 9.2.0 to 9.6.0", "Provision")
}

func TestInfrastructureWithoutNodesIsCountedOnce(t *testing.T) {
	from := build(t, catalog.HACluster, asIs)
	from.Infra("zookeeper").Nodes = nil
	from.Infra("zookeeper").ID = "central"
	from.Clusters[0].Used(inventory.AsZooKeeper)[0].Infrastructure = "central"
	to := build(t, catalog.HACluster, asIs)
	got := Changes(state(from), state(to))
	if Count(got) != 4 {
		t.Errorf("three nodes come and one ensemble goes, counted %d: %+v", Count(got), got)
	}
	back := Changes(state(to), state(from))
	if Count(back) != 4 {
		t.Errorf("three nodes go and one ensemble comes, counted %d: %+v", Count(back), back)
	}
	gone := inventory.Clone(from)
	gone.Clusters[0].Uses = slices.DeleteFunc(gone.Clusters[0].Uses, func(u inventory.Use) bool { return u.As == inventory.AsZooKeeper })
	if got := Changes(state(from), state(gone)); Count(got) != 1 || got[0].What != Removed {
		t.Errorf("an ensemble goes: %+v", got)
	}
	if got := Changes(state(gone), state(from)); Count(got) != 1 || got[0].What != Added {
		t.Errorf("an ensemble comes: %+v", got)
	}
}

func TestHostingIsAChange(t *testing.T) {
	from := build(t, catalog.BasicProduction, asIs)
	to := inventory.Clone(from)
	to.Clusters[0].Hosting = inventory.HostingPTCCloud
	if got := Changes(state(from), state(to)); Count(got) != 1 || got[0].Detail != "hosting ptc-cloud" {
		t.Errorf("changes are %+v", got)
	}
}

// reporter is what both testing.T and rapid.T offer.
type reporter interface {
	Fatalf(format string, args ...any)
}

// sound checks the law: no state between two steps is less available than the lower of both ends, every step says what to
// do and how to take it back, and the last one leaves the target.
func sound(t reporter, from, to *inventory.Site, steps []Step) {
	floor := min(serving(from), serving(to))
	for i := range steps {
		s := &steps[i]
		if s.Do == "" || s.Rollback == "" || s.After == nil {
			t.Fatalf("step %d is incomplete: %+v", i+1, s)
		}
		if got := serving(s.After); got != s.Serving || got < floor-slack {
			t.Fatalf("step %d leaves %v (said %v), below %v: %s", i+1, got, s.Serving, floor, s.Do)
		}
	}
	if len(steps) > 0 && steps[len(steps)-1].After != to {
		t.Fatalf("the last step does not leave the target: %s", steps[len(steps)-1].Do)
	}
}

func TestNoStateIsWorseThanBothEnds(t *testing.T) {
	cat := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		from := anyInstance(t, cat, nil)
		var to *inventory.Site
		if rapid.Bool().Draw(t, "keeps names") {
			to = anyInstance(t, cat, from)
		} else {
			to = anyInstance(t, cat, nil)
		}
		steps := Plan(input(from, to))
		sound(t, from, to, steps)
		if changes := Changes(state(from), state(to)); (len(changes) == 0) != (len(steps) == 0) {
			t.Fatalf("%d changes take %d steps", len(changes), len(steps))
		}
		again := Plan(input(from, to))
		if text(again) != text(steps) {
			t.Fatal("the same ends gave two plans")
		}
		windows := 0
		for i := range steps {
			if strings.HasPrefix(steps[i].Do, "In one maintenance window") {
				windows++
				if steps[i].Downtime == 0 {
					t.Fatalf("a maintenance window without downtime: %+v", steps[i])
				}
			}
		}
	})
}

// anyInstance draws an instance with some of its parts gone, so that ends of every quality meet.
func anyInstance(t *rapid.T, cat *catalog.Catalog, present *inventory.Site) *inventory.Site {
	a := rapid.SampledFrom(cat.Architectures()).Draw(t, "architecture")
	p := a.NewPlan(catalog.Demand{ConnectionServers: 1, FoundationNodes: 1})
	db := rapid.SampledFrom(a.Databases).Draw(t, "database")
	p.Engine, p.Mode = db.Engine, a.BestMode(db.Engine)
	p.Timeseries = rapid.SampledFrom(a.Timeseries).Draw(t, "series")
	if len(a.Ignite) > 0 {
		p.Ignite = rapid.SampledFrom(a.Ignite).Draw(t, "ignite")
	}
	p.Storage = rapid.SampledFrom([]inventory.Redundancy{inventory.RedundancyNone, inventory.RedundancyLocal, ""}).Draw(t, "storage")
	p.Region = rapid.SampledFrom([]string{"here", "here", "there"}).Draw(t, "region")
	p.Zone = rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "zone")
	if present != nil {
		p.Present, p.PresentCluster, p.Layout = present, &present.Clusters[0], catalog.LayoutPresent
	}
	p.Recount()
	s := catalog.Generate(p)
	c := &s.Clusters[0]
	if rapid.IntRange(0, 2).Draw(t, "part gone") == 0 && len(c.Uses) > 0 {
		i := rapid.IntRange(0, len(c.Uses)-1).Draw(t, "use")
		c.Uses = slices.Delete(c.Uses, i, i+1)
	}
	if rapid.IntRange(0, 2).Draw(t, "nodes gone") == 0 && len(c.Components) > 1 {
		i := rapid.IntRange(1, len(c.Components)-1).Draw(t, "component")
		c.Components = slices.Delete(c.Components, i, i+1)
	}
	for i := range s.Infrastructure {
		if nodes := s.Infrastructure[i].Nodes; len(nodes) > 1 && rapid.IntRange(0, 3).Draw(t, "member gone") == 0 {
			s.Infrastructure[i].Nodes = nodes[1:]
		}
	}
	return s
}

func TestATenantLeavesTheSchemaOfAnother(t *testing.T) {
	from, to := build(t, catalog.HACluster, asIs), build(t, catalog.HACluster, asIs)
	use := func(s *inventory.Site, as inventory.UseAs) *inventory.Use { return s.Clusters[0].Used(as)[0] }
	use(to, inventory.AsDatabase).Schema = "twadmin_own"
	steps := Plan(input(from, to))
	if len(steps) != 2 || !strings.Contains(steps[1].Do, "with schema twadmin_own and a user for this cluster alone") || steps[1].Downtime != switchDatabase || !steps[1].Assumed {
		t.Errorf("the schema alone: %s", text(steps))
	}
	for i, s := range []*inventory.Site{from, to} {
		s.Infra(use(s, inventory.AsDatabase).Infrastructure).Nodes[0].CPU = float64(4 + 4*i)
	}
	steps = Plan(input(from, to))
	if len(steps) != 2 || !strings.Contains(steps[1].Do, "Change the size of the database") || !strings.Contains(steps[1].Do, "twadmin_own") || steps[1].Downtime != restart+switchDatabase && steps[1].Downtime != flexibleFailover+switchDatabase {
		t.Errorf("schema and size: %s", text(steps))
	}
	from, to = build(t, catalog.HACluster, asIs), build(t, catalog.HACluster, asIs)
	use(to, inventory.AsStorage).Path = "/export/own"
	steps = Plan(input(from, to))
	if len(steps) != 2 || !strings.Contains(steps[1].Do, "path /export/own") || steps[1].Downtime != copyStorage || steps[1].Rollback != "Mount the former path again." {
		t.Errorf("the path: %s", text(steps))
	}
	// What the start does not tell is not known to differ.
	use(from, inventory.AsStorage).Path = ""
	if steps = Plan(input(from, to)); len(steps) != 0 {
		t.Errorf("a path that was not known: %s", text(steps))
	}
}
