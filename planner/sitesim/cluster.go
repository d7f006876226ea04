package sitesim

import (
	"fmt"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// managedCluster is a clustered ThingWorx with separate Ignite on Azure's managed PostgreSQL.
func (b *builder) managedCluster() {
	c := b.clustered("prod", inventory.Production, 3, 3)
	separate := inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteSeparate, BasePath: "/" + c.ID + "/services", Nodes: b.nodes(2, "ignite", 1, 8, 16)}
	if b.chance(0.05) {
		separate.BasePath = "/ignite"
	}
	c.Components[2] = separate
	b.zooKeeper(c)
	b.use(c, b.flexible(), inventory.Use{As: inventory.AsDatabase, Database: "thingworx", Schema: "twadmin", PoolMax: pick(b, 100, 200, 500)})
	b.storage(c)
	b.balancer(c, nil)
	b.influx(c)
	b.finish(c)
}

// enterpriseCluster is a cluster with embedded Ignite, its time series in InfluxDB Enterprise.
func (b *builder) enterpriseCluster() {
	c := b.clustered("prod", inventory.Production, 2, 2)
	b.zooKeeperOf(c, b.ensemble())
	b.use(c, b.flexible(), inventory.Use{As: inventory.AsDatabase, Database: "thingworx", Schema: "twadmin", PoolMax: pick(b, 100, 200)})
	b.storage(c)
	b.balancer(c, nil)
	b.influxEnterprise(c)
	b.finish(c)
}

// large is PTC's large production system without high availability, and a single server for tests beside it.
func (b *builder) large() {
	prod := b.single("prod", inventory.Production, 4)
	prod.Components[0].Nodes[0].CPU, prod.Components[0].Nodes[0].MemoryGiB = 16, 64
	test := b.single("test", inventory.Test, 1)
	for _, c := range []*inventory.Cluster{prod, test} {
		b.use(c, b.postgres("pg-"+c.ID, 1), inventory.Use{As: inventory.AsDatabase, Database: "thingworx", Schema: "public", PoolMax: 100})
	}
	b.storage(prod)
	b.balancer(prod, b.nodes(2, "haproxy", 1, 2, 4))
	b.influx(prod)
	b.finish(prod)
	b.finish(test)
}

// postgresCluster is a cluster with embedded Ignite on a PostgreSQL of its own behind pgpool-II.
func (b *builder) postgresCluster() {
	foundation, connection := 2, 2
	switch r := b.Float64(); {
	case r < 0.06:
		foundation, connection = 1, 3
	case r < 0.12:
		foundation, connection = 3, 1
	}
	c := b.clustered("prod", inventory.Production, foundation, connection)
	b.zooKeeper(c)
	db := b.postgres("pg-prod", 3)
	db.PgPool = b.nodes(2, "pgpool", 1, 2, 4)
	b.use(c, db, inventory.Use{As: inventory.AsDatabase, Database: "thingworx", Schema: "public", PoolMax: 100})
	b.storage(c)
	b.balancer(c, nil)
	b.finish(c)
}

// sqlServerCluster is a cluster in the plant's own hall, on SQL Server, with load balancers of its own.
func (b *builder) sqlServerCluster() {
	c := b.clustered("prod", inventory.Production, 3, 2)
	c.Components = append(c.Components, inventory.Component{Kind: inventory.LoadBalancerNode, Nodes: b.nodes(2, "haproxy", 1, 2, 4)})
	b.zooKeeper(c)
	db := b.database("sql-prod", inventory.EngineSQLServer, 2)
	db.FailoverEndpoint = b.host("sql", "listener")
	b.use(c, db, inventory.Use{As: inventory.AsDatabase, Database: "thingworx", Schema: "dbo", PoolMax: 100})
	b.storage(c)
	b.finish(c)
}

// footprint is PTC's minimum cluster footprint: two clusters on the same few boxes, with everything else shared.
func (b *builder) footprint() {
	first := b.clustered("prod", inventory.Production, 2, 2)
	zk := b.ensemble()
	db := b.postgres("pg-shared", 1)
	nas, balancer := b.share(), b.front(nil)
	second := b.clustered("quality", inventory.Test, 2, 2)
	for i, c := range []*inventory.Cluster{first, second} {
		for k := range c.Components {
			for n := range c.Components[k].Nodes {
				c.Components[k].Nodes[n].Machine = b.name("box", fmt.Sprint(n+1))
			}
		}
		schema := c.ID
		if i == 1 && b.chance(0.15) {
			schema = first.ID
		}
		b.register(c, zk)
		b.use(c, db, inventory.Use{As: inventory.AsDatabase, Database: "thingworx", Schema: schema, PoolMax: 100})
		b.use(c, nas, inventory.Use{As: inventory.AsStorage, Path: "/export/" + c.ID + "/ThingworxStorage"})
		b.use(c, balancer, b.route())
	}
	for i := range zk.Nodes {
		zk.Nodes[i].Machine = b.name("box", fmt.Sprint(i+1))
	}
	if b.chance(0.3) {
		db.Nodes[0].Machine = b.name("box", "1")
	}
	for _, x := range []*inventory.Infrastructure{zk, db, nas, balancer} {
		if b.chance(0.8) {
			x.Shared = yes()
		}
		b.list(x)
	}
	b.finish(first)
	b.finish(second)
}

// singles are three installations without clustering: production, test and a developer's.
func (b *builder) singles() {
	prod := b.single("prod", inventory.Production, 3)
	test := b.single("test", inventory.Test, 1)
	dev := b.single("dev", inventory.Development, 0)
	for _, c := range []*inventory.Cluster{prod, test} {
		b.use(c, b.postgres("pg-"+c.ID, 1), inventory.Use{As: inventory.AsDatabase, Database: "thingworx", Schema: "public", PoolMax: 100})
	}
	if b.chance(0.2) {
		b.site.Infrastructure[0].Nodes[0].Machine = prod.Components[0].Nodes[0].Machine
	}
	b.storage(prod)
	front := b.nodes(2, "haproxy", 1, 2, 4)
	b.balancer(prod, front)
	b.influx(prod)
	h2 := &inventory.Infrastructure{ID: "h2-dev", Kind: inventory.KindDatabase, Engine: inventory.EngineH2, Placement: b.here(1)}
	b.use(dev, h2, inventory.Use{As: inventory.AsDatabase})
	if b.chance(0.15) {
		dev.Environment = pick(b, inventory.Test, "")
	}
	if b.chance(0.7) {
		dev.ThingworxVersion = pick(b, "9.3.4", "9.4.1", "8.5.7")
	}
	for _, c := range []*inventory.Cluster{prod, test, dev} {
		b.finish(c)
	}
}

// single is an installation with one Foundation server.
func (b *builder) single(id string, e inventory.Environment, connection int) *inventory.Cluster {
	c := &inventory.Cluster{
		ID: id, Environment: e, ThingworxVersion: b.version(), Hosting: b.hosting(), OperatedBy: inventory.OperatorSelf, ClusteredMode: no(),
		Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: b.nodes(1, id+"-twx", 1, 8, 16)}},
		Objectives: &inventory.Objectives{HighAvailability: pick(b, inventory.NotNeeded, inventory.NotNeeded, inventory.Preferred, inventory.Required)},
	}
	if connection > 0 {
		c.Components = append(c.Components, inventory.Component{Kind: inventory.ConnectionServer, Nodes: b.nodes(connection, id+"-cx", 1, 4, 8)})
	}
	b.demand(c)
	return c
}

// clustered is an installation in clustered mode with embedded Ignite as its third component.
func (b *builder) clustered(id string, e inventory.Environment, foundation, connection int) *inventory.Cluster {
	c := &inventory.Cluster{
		ID: id, Environment: e, ThingworxVersion: b.version(), Hosting: b.hosting(),
		OperatedBy: pick(b, inventory.OperatorSelf, inventory.OperatorSelf, inventory.OperatorPartner), ClusteredMode: yes(),
		Settings: b.settings(), Objectives: b.objectives(),
		Components: []inventory.Component{
			{Kind: inventory.Foundation, Nodes: b.nodes(foundation, id+"-twx", 1, 16, 32)},
			{Kind: inventory.ConnectionServer, Nodes: b.nodes(connection, id+"-cx", 1, 4, 8)},
			{Kind: inventory.Ignite, Mode: inventory.IgniteEmbedded},
		},
	}
	nodes := c.Components[0].Nodes
	for i := range nodes {
		nodes[i].Settings = inventory.NodeSettings{PlatformID: fmt.Sprintf("%s%d%s%d", b.where.code, b.number, id, i+1), ThingworxPlatformShared: no()}
		nodes[i].Settings.ThingworxVersion = c.ThingworxVersion
	}
	if b.chance(0.3) {
		for i := range c.Components[1].Nodes {
			c.Components[1].Nodes[i].Machine = nodes[i%len(nodes)].Machine
		}
	}
	b.demand(c)
	return c
}

func (b *builder) version() string {
	return pick(b, "9.6.2", "9.6.2", "9.6.1", "9.5.3", "9.7.0", "10.1.0")
}

func (b *builder) hosting() inventory.Hosting {
	if b.onAzure {
		return inventory.HostingAzure
	}
	return inventory.HostingOnPremise
}

func (b *builder) settings() inventory.ClusterSettings {
	errors := pick(b, 10, 10, 600, 1200)
	return inventory.ClusterSettings{
		ModelSyncPollInterval: inventory.Duration(100 * time.Millisecond), ModelSyncWaitPeriod: inventory.Duration(3 * time.Second),
		ModelSyncTimeout: inventory.Duration(2 * time.Minute), ModelSyncMaxDBUnavailableErrors: &errors,
		CoordinatorSessionTimeout: inventory.Duration(90 * time.Second), CoordinatorConnectionTimeout: inventory.Duration(10 * time.Second),
		HACompatibilityImportLevel: pick(b, "WARN", "DENY", "DENY", ""),
	}
}

func (b *builder) objectives() *inventory.Objectives {
	rto, rpo := inventory.Duration(15*time.Minute), inventory.Duration(0)
	return &inventory.Objectives{
		HighAvailability: pick(b, inventory.Required, inventory.Required, inventory.Required, inventory.Preferred, ""),
		Availability:     pick(b, 0.99, 0.999, 0.999, 0.9995), RTO: &rto, RPO: &rpo, DisasterRecovery: pick(b, no(), no(), yes(), nil),
		Geographies: b.geographies(),
		Sharing:     inventory.Sharing{ZooKeeper: inventory.Allowed, Database: pick(b, inventory.Allowed, inventory.Forbidden), Storage: inventory.Allowed},
	}
}

func (b *builder) geographies() []string {
	switch b.where.country {
	case "DE", "FR", "IT", "SE", "GB":
		return []string{"Europe"}
	case "US":
		return []string{"US"}
	}
	return nil
}

// demand is what the plant's devices and users ask of a cluster.
func (b *builder) demand(c *inventory.Cluster) {
	w := &inventory.Workload{GrowthPerYear: pick(b, 0, 0.1, 0.2, 0.3)}
	scale := pick(b, 1, 1, 1, 4, 20)
	for _, kind := range []string{"press", "robot", "meter", "conveyor"} {
		w.Things = append(w.Things, inventory.ThingGroup{
			Name: kind, Count: scale * (200 + b.IntN(3000)),
			Properties: []inventory.PropertyGroup{
				{Count: 4 + b.IntN(16), Every: inventory.Duration(time.Duration(pick(b, 1, 5, 10)) * time.Minute)},
				{Count: 2 + b.IntN(6), Every: inventory.Duration(time.Duration(pick(b, 30, 60)) * time.Minute)},
			},
		})
	}
	for _, view := range []string{"andon", "shift-report", "maintenance", "energy"} {
		w.Mashups = append(w.Mashups, inventory.Mashup{
			Name: view, Services: 3 + b.IntN(12), Users: 10 + b.IntN(300), LoadsPerUser: float64(1 + b.IntN(4)), Window: inventory.Duration(time.Hour),
		})
	}
	c.Workload = w
}

// finish puts faults into a cluster, as often as real ones have them, and adds it to the site.
func (b *builder) finish(c *inventory.Cluster) {
	foundation := &c.Components[0]
	clustered := c.Clustered()
	if b.chance(0.04) {
		c.Environment = ""
	}
	if clustered && b.chance(0.04) {
		c.ClusteredMode = nil
	}
	if b.chance(0.04) {
		c.Objectives = nil
	}
	if b.chance(0.03) {
		c.Workload = nil
	}
	if b.chance(0.02) && clustered {
		c.ThingworxVersion = "8.5.12"
	}
	if b.onAzure && b.where.zones && b.chance(0.15) {
		for i := range foundation.Nodes {
			foundation.Nodes[i].Placement.Zone = fmt.Sprint(1 + i%3)
		}
	}
	if b.chance(0.03) {
		foundation.Nodes[0].Placement.Region = ""
		foundation.Nodes[0].Placement.Zone = ""
	}
	if b.onAzure && b.chance(0.04) {
		foundation.Nodes[len(foundation.Nodes)-1].Placement.Zone = ""
	}
	if clustered {
		b.faultyNodes(foundation.Nodes)
	}
	b.site.Clusters = append(b.site.Clusters, *c)
}

func (b *builder) faultyNodes(nodes []inventory.Node) {
	last := &nodes[len(nodes)-1]
	switch r := b.Float64(); {
	case r < 0.03:
		last.Settings.PlatformID = nodes[0].Settings.PlatformID
	case r < 0.06:
		last.Settings.PlatformID = "node_2"
	case r < 0.09:
		last.Settings.PlatformID = ""
	case r < 0.12:
		for i := range nodes {
			nodes[i].Settings = inventory.NodeSettings{}
		}
	case r < 0.14:
		last.Settings.ThingworxPlatformShared = yes()
	case r < 0.17:
		last.Settings.ThingworxVersion = "9.6.0"
	case r < 0.20:
		last.CPU, last.MemoryGiB = 8, 16
	case r < 0.22:
		nodes[0].Settings.HACompatibilityImportLevel = "WARN"
	}
}
