package sitesim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// list adds an infrastructure to the site, once.
func (b *builder) list(i *inventory.Infrastructure) {
	if !slices.ContainsFunc(b.site.Infrastructure, func(x inventory.Infrastructure) bool { return x.ID == i.ID }) {
		b.site.Infrastructure = append(b.site.Infrastructure, *i)
	}
}

// use lets a cluster use an infrastructure and lists it. One that several clusters use is listed by whoever made it.
func (b *builder) use(c *inventory.Cluster, i *inventory.Infrastructure, u inventory.Use) {
	u.Infrastructure = i.ID
	c.Uses = append(c.Uses, u)
	if !strings.HasSuffix(i.ID, "-shared") {
		b.list(i)
	}
}

// ensemble is a ZooKeeper: the site's own, or the one that its division runs for all.
func (b *builder) ensemble() *inventory.Infrastructure {
	i := &inventory.Infrastructure{ID: "zk-shared", Kind: inventory.KindZooKeeper, Version: "3.8.4", Nodes: b.nodes(3, "zk", 1, 2, 2)}
	names := make([]string, 3)
	for n := range names {
		names[n] = b.host("zk", fmt.Sprint(n+1))
	}
	i.Identity.Endpoint = strings.Join(names, ",")
	return i
}

// zooKeeper gives a cluster its coordination.
func (b *builder) zooKeeper(c *inventory.Cluster) {
	zk := b.ensemble()
	switch r := b.Float64(); {
	case r < 0.20:
		b.central(zk)
	case r < 0.25:
		// Two servers and a connect string of two: the third node of the site carries no ZooKeeper.
		zk.Nodes = zk.Nodes[:2]
		zk.Identity.Endpoint = zk.Identity.Endpoint[:strings.LastIndexByte(zk.Identity.Endpoint, ',')]
		c.Components[1].Nodes = append(c.Components[1].Nodes, b.nodes(1, c.ID+"-cx-spare", 1, 4, 8)...)
	case r < 0.29:
		// The ensemble is known by a name that stands for all of it.
		zk.Nodes, zk.Identity.Endpoint = nil, b.host("zk")
		c.Components[1].Nodes = append(c.Components[1].Nodes, b.nodes(3, c.ID+"-cx-spare", 1, 4, 8)...)
	case r < 0.34 && b.onAzure:
		for n := range zk.Nodes {
			zk.Nodes[n].Placement = inventory.Placement{Provider: "azure", Region: b.where.near, Zone: fmt.Sprint(n + 1)}
		}
	case r < 0.40:
		zk.Nodes[1].Machine = zk.Nodes[0].Machine
	}
	b.zooKeeperOf(c, zk)
}

// zooKeeperOf makes an ensemble a cluster's own.
func (b *builder) zooKeeperOf(c *inventory.Cluster, zk *inventory.Infrastructure) {
	zk.ID = "zk-" + c.ID
	b.register(c, zk)
	b.list(zk)
}

// central makes an ensemble that of the division, which all its members list under one name.
func (b *builder) central(zk *inventory.Infrastructure) {
	group := b.number / groupSize
	hub := b.place(group * groupSize)
	names := make([]string, len(zk.Nodes))
	for n := range zk.Nodes {
		zk.Nodes[n].Machine = fmt.Sprintf("d%d-zk-%d", group, n+1)
		zk.Nodes[n].Name = fmt.Sprintf("d%d-zk-%d", group, n+1)
		zk.Nodes[n].Placement = inventory.Placement{Provider: "azure", Region: hub.region}
		if hub.zones {
			zk.Nodes[n].Placement.Zone = fmt.Sprint(n + 1)
		}
		names[n] = fmt.Sprintf("zk-%d.d%d.plants.example", n+1, group)
	}
	zk.Identity.Endpoint = strings.Join(names, ",")
	if b.chance(0.7) {
		zk.Shared = yes()
	}
}

// register is a cluster's tenancy of a ZooKeeper.
func (b *builder) register(c *inventory.Cluster, zk *inventory.Infrastructure) {
	root := fmt.Sprintf("/%s%d-%s", b.where.code, b.number, c.ID)
	if b.chance(0.1) {
		root = "/" + c.ID
	}
	u := inventory.Use{Infrastructure: zk.ID, As: inventory.AsZooKeeper, Namespace: root, IgniteBasePath: "/" + c.ID + "/services", ConnectionServerBasePath: root + "/services"}
	if b.chance(0.05) {
		u.ConnectionServerBasePath = "/services"
	}
	c.Uses = append(c.Uses, u)
}

// flexible is an Azure Database for PostgreSQL Flexible Server; it may be the division's.
func (b *builder) flexible() *inventory.Infrastructure {
	name := b.name("pg")
	group := b.number / groupSize
	i := &inventory.Infrastructure{
		ID: "pg-prod", Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Version: "16.4", Placement: b.here(1),
		HighAvailability: &inventory.HighAvailability{Mode: inventory.HAZoneRedundant, StandbyZone: "2"}, Tier: "GeneralPurpose", SKU: "Standard_D16ds_v5",
		CPU: 16, MemoryGiB: 64, StorageGiB: 1024, MaxConnections: 5000, GeoRedundantBackup: pick(b, no(), yes()),
	}
	if b.chance(0.1) {
		name = fmt.Sprintf("division-%d-pg", group)
		hub := b.place(group * groupSize)
		i.Placement = inventory.Placement{Provider: "azure", Region: hub.region, Zone: "1"}
		i.Shared = yes()
	}
	i.Name = name
	i.Identity.ARMID = fmt.Sprintf("/subscriptions/%08x-0000-4000-8000-%012x/resourcegroups/rg-thingworx/providers/microsoft.dbforpostgresql/flexibleservers/%s", group, group, name)
	i.Identity.Endpoint = name + ".postgres.database.azure.com"
	if b.apart {
		i.Placement = inventory.Placement{Provider: "azure", Region: pick(b, b.where.near, b.where.far), Zone: "1"}
	}
	switch r := b.Float64(); {
	case r < 0.06:
		i.Placement.Region, i.Placement.Zone = "", ""
	case r < 0.12:
		i.Placement.Zone = ""
	case r < 0.18:
		i.HighAvailability = nil
	case r < 0.28:
		i.HighAvailability = &inventory.HighAvailability{Mode: inventory.HANone}
	case r < 0.45:
		i.HighAvailability = &inventory.HighAvailability{Mode: inventory.HASameZone}
	case r < 0.50:
		i.Tier, i.SKU, i.CPU, i.MemoryGiB, i.MaxConnections = "Burstable", "Standard_B2ms", 2, 8, 859
		i.HighAvailability = &inventory.HighAvailability{Mode: inventory.HANone}
	case r < 0.55:
		i.Placement.Zone = "3"
	}
	return i
}

// database is a self-managed server with a primary and standbys.
func (b *builder) database(id string, e inventory.Engine, n int) *inventory.Infrastructure {
	i := &inventory.Infrastructure{
		ID: id, Kind: inventory.KindDatabase, Engine: e, Placement: b.here(1), MaxConnections: 1000,
		Nodes: b.nodes(n, id, 1, 16, 64), Identity: inventory.ResourceIdentity{Endpoint: b.host(id), Addresses: []string{b.host(id, "1")}},
	}
	for k := range i.Nodes {
		i.Nodes[k].Role = "standby"
	}
	i.Nodes[0].Role = "primary"
	if n > 2 && b.chance(0.1) {
		i.Nodes[n-1].Role = "replica"
	}
	if b.apart && b.onAzure {
		for k := range i.Nodes {
			i.Nodes[k].Placement = inventory.Placement{Provider: "azure", Region: b.where.near, Zone: "1"}
		}
		i.Placement = i.Nodes[0].Placement
	}
	if b.chance(0.03) {
		i.Engine = ""
	}
	return i
}

func (b *builder) postgres(id string, n int) *inventory.Infrastructure {
	i := b.database(id, inventory.EnginePostgreSQL, n)
	i.Version = "16.4"
	return i
}

// share is the shared storage of a cluster.
func (b *builder) share() *inventory.Infrastructure {
	i := &inventory.Infrastructure{ID: "nas-shared", Kind: inventory.KindStorage, Protocol: "nfs", Placement: b.here(1), StorageGiB: 2048}
	i.Placement.Zone = ""
	i.Identity.Endpoint = b.host("nas") + ":/export"
	i.Redundancy = pick(b, inventory.RedundancyLocal, inventory.RedundancyLocal, inventory.RedundancyZone, inventory.RedundancyNone, "")
	if b.onAzure {
		i.Protocol = "smb"
		i.Identity.Endpoint = fmt.Sprintf("//%s%dfiles.file.core.windows.net/thingworx", b.where.code, b.number)
		i.Redundancy = pick(b, inventory.RedundancyZone, inventory.RedundancyZone, inventory.RedundancyLocal, "")
		if b.chance(0.05) {
			i.Placement.Region = b.where.near
		}
	}
	return i
}

func (b *builder) storage(c *inventory.Cluster) {
	if b.chance(0.03) {
		return
	}
	i := b.share()
	i.ID = "nas-" + c.ID
	if b.chance(0.04) {
		i.Protocol = "disk"
	}
	b.use(c, i, inventory.Use{As: inventory.AsStorage, Path: "/export/" + c.ID + "/ThingworxStorage"})
}

// front is a load balancer. Without nodes it is a service.
func (b *builder) front(nodes []inventory.Node) *inventory.Infrastructure {
	i := &inventory.Infrastructure{ID: "lb-shared", Kind: inventory.KindLoadBalancer, Placement: b.here(1), Redundant: pick(b, yes(), yes(), yes(), no(), nil), Nodes: nodes}
	i.Placement.Zone = ""
	i.Identity.Endpoint = b.host("thingworx")
	return i
}

// route is a cluster's use of a load balancer.
func (b *builder) route() inventory.Use {
	u := inventory.Use{As: inventory.AsLoadBalancer, HealthPath: "/Thingworx/ready", StickySessions: yes()}
	switch r := b.Float64(); {
	case r < 0.12:
		u.HealthPath = "/Thingworx/health"
	case r < 0.20:
		u.HealthPath = ""
	case r < 0.25:
		u.StickySessions = no()
	case r < 0.30:
		u.StickySessions = nil
	}
	return u
}

func (b *builder) balancer(c *inventory.Cluster, nodes []inventory.Node) {
	i := b.front(nodes)
	i.ID = "lb-" + c.ID
	b.use(c, i, b.route())
}

// influx is a single InfluxDB.
func (b *builder) influx(c *inventory.Cluster) {
	i := &inventory.Infrastructure{ID: "influx-" + c.ID, Kind: inventory.KindInfluxDB, Edition: inventory.EditionOSS, Version: "1.8.10", Nodes: b.nodes(1, "influx", 1, 8, 16)}
	i.Identity.Endpoint = b.host("influx")
	b.use(c, i, inventory.Use{As: inventory.AsTimeseries, Database: "thingworx"})
}

// influxEnterprise is an InfluxDB Enterprise of three meta and two data nodes.
func (b *builder) influxEnterprise(c *inventory.Cluster) {
	i := &inventory.Infrastructure{ID: "influx-" + c.ID, Kind: inventory.KindInfluxDB, Edition: inventory.EditionEnterprise, Version: "1.11.6", ReplicationFactor: 2, Placement: b.here(1)}
	i.Nodes = append(b.nodes(3, "influx-meta", 1, 2, 4), b.nodes(2, "influx-data", 1, 8, 16)...)
	for n := range i.Nodes {
		i.Nodes[n].Role = "meta"
		if n >= 3 {
			i.Nodes[n].Role = "data"
		}
	}
	if b.chance(0.1) {
		i.ReplicationFactor = 3
	}
	i.Identity.Endpoint = b.host("influx")
	b.use(c, i, inventory.Use{As: inventory.AsTimeseries, Database: "thingworx"})
}

// evidence says where the facts come from: sources, and for each node who saw its placement and size.
func (b *builder) evidence() {
	s := b.site
	source := "site-file"
	s.Sources = []inventory.Source{{Name: "site-file", Status: inventory.SourceOK, At: b.now}, {Name: "hostconfig", Status: inventory.SourceOK, At: b.now}}
	if b.onAzure {
		source = "azure"
		s.Sources = append(s.Sources, inventory.Source{Name: "azure", Status: inventory.SourceOK, At: b.now})
		if b.chance(0.08) {
			s.Sources[2].Status, s.Sources[2].Detail = inventory.SourcePartial, "one subscription is forbidden"
		}
	}
	note := func(format string, args ...any) {
		s.Provenance = append(s.Provenance, inventory.Provenance{Path: fmt.Sprintf(format, args...), Source: source, ObservedAt: b.now})
	}
	for i := range s.Clusters {
		for k := range s.Clusters[i].Components {
			for n := range s.Clusters[i].Components[k].Nodes {
				note("/clusters/%d/components/%d/nodes/%d/placement/region", i, k, n)
			}
		}
	}
	for i := range s.Infrastructure {
		note("/infrastructure/%d/placement/region", i)
	}
	if len(s.Provenance) > 2 && b.chance(0.1) {
		s.Provenance[0].Declared = b.where.near
	}
}

// probes measures the way of every cluster to its database; round trips scatter.
func (b *builder) probes(r *rand.Rand) {
	for i := range b.site.Clusters {
		c := &b.site.Clusters[i]
		for _, u := range c.Used(inventory.AsDatabase) {
			if db := b.site.Infra(u.Infrastructure); db != nil && db.Engine != inventory.EngineH2 {
				b.probe(r, c, db)
			}
		}
	}
}

// probe measures the way from the Foundation nodes to the database: within a region, to a near one or to a far one, each of
// an order of magnitude that Microsoft's table of round trips shows.
func (b *builder) probe(r *rand.Rand, c *inventory.Cluster, db *inventory.Infrastructure) {
	base := 600 * time.Microsecond
	switch db.Placement.Region {
	case b.where.near:
		base = 8 * time.Millisecond
	case b.where.far:
		base = 75 * time.Millisecond
	}
	for i := range c.Components[0].Nodes {
		p50 := base + time.Duration(r.IntN(40))*10*time.Microsecond
		b.site.Probes = append(b.site.Probes, inventory.Probe{
			From: b.site.Key(c) + "/" + c.Components[0].Nodes[i].Name, To: db.ID, Kind: inventory.ProbeDatabaseRoundTrip,
			P50: inventory.Duration(p50), P95: inventory.Duration((p50 + p50/3).Round(10 * time.Microsecond)), Samples: 200, At: b.now.Add(-time.Minute),
		})
	}
}
