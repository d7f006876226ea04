package catalog

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
)

func TestMembers(t *testing.T) {
	for endpoint, want := range map[string]int{
		"": 0, "zk1:2181": 1, "zk1:2181,zk2:2181,zk3": 3, "zk1:2181, zk2:2181 ,": 2, "a,b,c/chroot/x": 3, "/chroot": 0,
	} {
		if got := Members(endpoint); got != want {
			t.Errorf("%q has %d members, want %d", endpoint, got, want)
		}
	}
}

func shapeWith(uses []inventory.Use, infra ...inventory.Infrastructure) *Shape {
	s := &inventory.Site{Infrastructure: infra, Clusters: []inventory.Cluster{{ID: "c", Uses: uses}}}
	return ShapeOf(s, &s.Clusters[0])
}

func use(id string, as inventory.UseAs) inventory.Use {
	return inventory.Use{Infrastructure: id, As: as}
}

func TestShapeOfInfrastructure(t *testing.T) {
	no := false
	nodes := []inventory.Node{{Name: "a"}, {Name: "b", Role: "meta"}}
	tests := []struct {
		name    string
		as      inventory.UseAs
		infra   inventory.Infrastructure
		kind    Kind
		count   int
		managed bool
		single  bool
	}{
		{"managed with a standby", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EngineAzurePostgreSQLFlexible, HighAvailability: &inventory.HighAvailability{Mode: inventory.HASameZone}}, KindDatabase, 1, true, false},
		{"managed without a standby", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EngineAzurePostgreSQLFlexible, HighAvailability: &inventory.HighAvailability{Mode: inventory.HANone}}, KindDatabase, 1, false, false},
		{"managed, not known", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EngineAzurePostgreSQLFlexible}, KindDatabase, 1, true, false},
		{"Azure SQL", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EngineAzureSQL}, KindDatabase, 1, true, false},
		{"self-managed with nodes", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EnginePostgreSQL, Nodes: nodes}, KindDatabase, 2, false, false},
		{"self-managed without nodes", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EnginePostgreSQL}, KindDatabase, 0, true, false},
		{"pgpool not known", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EnginePostgreSQL}, KindPgPool, 0, true, false},
		{"no pgpool", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EnginePostgreSQL, Nodes: nodes}, KindPgPool, 0, false, false},
		{"endpoint instead of pgpool", inventory.AsDatabase, inventory.Infrastructure{Engine: inventory.EnginePostgreSQL, Nodes: nodes, FailoverEndpoint: "vip"}, KindPgPool, 0, true, false},
		{"ZooKeeper nodes", inventory.AsZooKeeper, inventory.Infrastructure{Nodes: nodes}, KindZooKeeper, 2, false, false},
		{"ZooKeeper connect string", inventory.AsZooKeeper, inventory.Infrastructure{Identity: inventory.ResourceIdentity{Endpoint: "a,b,c"}}, KindZooKeeper, 3, false, false},
		{"ZooKeeper not known", inventory.AsZooKeeper, inventory.Infrastructure{}, KindZooKeeper, 0, true, false},
		{"redundant balancer", inventory.AsLoadBalancer, inventory.Infrastructure{Redundant: yes()}, KindLoadBalancer, 1, true, false},
		{"single balancer", inventory.AsLoadBalancer, inventory.Infrastructure{Redundant: &no}, KindLoadBalancer, 1, false, true},
		{"balancer nodes", inventory.AsLoadBalancer, inventory.Infrastructure{Nodes: nodes}, KindLoadBalancer, 2, false, false},
		{"storage", inventory.AsStorage, inventory.Infrastructure{Redundancy: inventory.RedundancyZone}, KindStorage, 1, false, false},
		{"storage alone", inventory.AsStorage, inventory.Infrastructure{Redundancy: inventory.RedundancyNone}, KindStorage, 1, false, true},
		{"Influx", inventory.AsTimeseries, inventory.Infrastructure{Nodes: nodes[:1]}, KindInflux, 1, false, false},
		{"Influx without nodes", inventory.AsTimeseries, inventory.Infrastructure{}, KindInflux, 1, false, false},
		{"Influx Enterprise meta", inventory.AsTimeseries, inventory.Infrastructure{Edition: inventory.EditionEnterprise, Nodes: nodes}, KindInfluxMeta, 1, false, false},
		{"Influx Enterprise data", inventory.AsTimeseries, inventory.Infrastructure{Edition: inventory.EditionEnterprise, Nodes: nodes}, KindInfluxData, 1, false, false},
		{"Influx Enterprise not known", inventory.AsTimeseries, inventory.Infrastructure{Edition: inventory.EditionEnterprise}, KindInfluxData, 0, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.infra.ID = "x"
			p := shapeWith([]inventory.Use{use("x", tt.as)}, tt.infra).Parts.Of(tt.kind)
			if p.Count != tt.count || p.Managed != tt.managed || p.NotRedundant != tt.single {
				t.Errorf("counts %d, managed %v, not redundant %v; want %d, %v, %v", p.Count, p.Managed, p.NotRedundant, tt.count, tt.managed, tt.single)
			}
		})
	}
}

func TestShapeOfTakesTheFirstDatabaseForTheModel(t *testing.T) {
	sh := shapeWith([]inventory.Use{use("gone", inventory.AsDatabase), use("a", inventory.AsDatabase), use("b", inventory.AsDatabase)},
		inventory.Infrastructure{ID: "a", Engine: inventory.EngineSQLServer, Nodes: []inventory.Node{{Name: "1"}}},
		inventory.Infrastructure{ID: "b", Engine: inventory.EnginePostgreSQL, Nodes: []inventory.Node{{Name: "2"}, {Name: "3"}}})
	if sh.Engine != inventory.EngineSQLServer || sh.Parts.Of(KindDatabase).Count != 1 {
		t.Errorf("the model is in %s on %d nodes", sh.Engine, sh.Parts.Of(KindDatabase).Count)
	}
}

func TestShapeOfIgnite(t *testing.T) {
	no := false
	two := []inventory.Node{{Name: "a"}, {Name: "b"}}
	tests := []struct {
		name    string
		cluster inventory.Cluster
		want    inventory.IgniteMode
	}{
		{"embedded", inventory.Cluster{Components: []inventory.Component{{Kind: inventory.Ignite, Mode: inventory.IgniteEmbedded}}}, inventory.IgniteEmbedded},
		{"nodes", inventory.Cluster{Components: []inventory.Component{{Kind: inventory.Ignite, Nodes: two}}}, inventory.IgniteSeparate},
		{"clustered and not listed", inventory.Cluster{ClusteredMode: yes()}, inventory.IgniteEmbedded},
		{"two nodes, mode not known", inventory.Cluster{Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: two}}}, inventory.IgniteEmbedded},
		{"not clustered", inventory.Cluster{ClusteredMode: &no, Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: two}}}, ""},
		{"unknown kind", inventory.Cluster{Components: []inventory.Component{{Kind: "moon", Nodes: two}}}, ""},
	}
	for _, tt := range tests {
		if got := ShapeOf(&inventory.Site{}, &tt.cluster).Ignite; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPlacementsAndDemand(t *testing.T) {
	sh := shapeWith([]inventory.Use{use("i", inventory.AsTimeseries), use("d", inventory.AsStorage)},
		inventory.Infrastructure{ID: "i", Edition: inventory.EditionEnterprise, ReplicationFactor: 3, Nodes: []inventory.Node{{Name: "1", Placement: inventory.Placement{Region: "x"}}}},
		inventory.Infrastructure{ID: "d", Placement: inventory.Placement{Region: "y"}})
	data, storage := sh.Parts.Of(KindInfluxData), sh.Parts.Of(KindStorage)
	if got := data.Placements(); len(got) != 1 || got[0].Region != "x" {
		t.Errorf("data nodes are at %v", got)
	}
	if got := storage.Placements(); len(got) != 1 || got[0].Region != "y" {
		t.Errorf("storage is at %v", got)
	}
	if d := DemandOf(5, 6, 7, 1, 2, sh); d.ReplicationFactor != 3 || d.Things != 5 || d.FoundationNodes != 2 {
		t.Errorf("demand is %+v", d)
	}
	if d := DemandOf(5, 6, 7, 1, 2, nil); d.ReplicationFactor != 0 {
		t.Errorf("without a cluster the replication factor is %v", d.ReplicationFactor)
	}
}
