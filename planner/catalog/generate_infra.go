package catalog

import (
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Failover is how long the loss of the database is tolerated in a generated cluster. Azure gives 60 to 120 s for a failover
// of Flexible Server and says that it may take longer; the half more is our margin.
const Failover = 180 * time.Second

// PoolMax is the connection pool a generated Foundation node gets: PTC's documented default of its other providers.
const PoolMax = 100

// ToleratedErrors is the ModelSyncMaxDBUnavailableErrors that tolerates Failover at a poll interval.
func ToleratedErrors(poll inventory.Duration) int {
	if poll <= 0 {
		poll = defaultPoll
	}
	return int((Failover + time.Duration(poll) - 1) / time.Duration(poll))
}

// defaultPoll is PTC's default of ModelSyncPollInterval.
const defaultPoll = inventory.Duration(100 * time.Millisecond)

// infra starts the infrastructure of a part: a copy of the present one when it stays what and where it is, else a new one.
// The flag tells which.
func (g *generator) infra(k Kind, kind inventory.InfrastructureKind, id string, keep func(*inventory.Infrastructure) bool) (*inventory.Infrastructure, bool) {
	var was *inventory.Infrastructure
	if have := g.shape.Parts.Of(k).Infra; len(have) > 0 {
		was = have[0]
	}
	g.site.Infrastructure = append(g.site.Infrastructure, inventory.Infrastructure{ID: id, Kind: kind, Placement: g.place()})
	inf := &g.site.Infrastructure[len(g.site.Infrastructure)-1]
	kept := false
	switch {
	case was == nil:
		inf.ID = g.freshID(id)
	case !g.leaves(k) && (was.Placement.Region == g.p.Region || was.Placement.Region == "" && g.nodesIn(was)) && keep(was):
		*inf = *was
		inf.Nodes, inf.PgPool = nil, nil
		if inf.Placement.Region == "" && len(was.Nodes) == 0 {
			inf.Placement = g.place()
		}
		kept = true
	default:
		inf.ID = g.freshID(was.ID + "-" + either(g.p.Region, g.p.Provider))
		if was.Placement.Region == g.p.Region {
			inf.ID = g.freshID(was.ID + "-2")
		}
	}
	if g.p.Shared.Of(k) {
		yes := true
		inf.Shared = &yes
	}
	return inf, kept
}

// nodesIn reports whether an infrastructure whose own placement is not given has its nodes in the plan's region; one of
// which nothing is known is taken to be there.
func (g *generator) nodesIn(inf *inventory.Infrastructure) bool {
	for i := range inf.Nodes {
		if inf.Nodes[i].Placement.Region != "" {
			return inf.Nodes[i].Placement.Region == g.p.Region
		}
	}
	return true
}

// freshID makes an id that neither the present site nor the new one uses.
func (g *generator) freshID(id string) string {
	taken := func(id string) bool {
		for i := range g.site.Infrastructure[:len(g.site.Infrastructure)-1] {
			if g.site.Infrastructure[i].ID == id {
				return true
			}
		}
		return g.p.Present != nil && g.p.Present.Infra(id) != nil
	}
	for taken(id) {
		id += "-2"
	}
	return id
}

// addUse adds the cluster's use of an infrastructure, declared shared where the plan shares the part.
func (g *generator) addUse(k Kind, u inventory.Use) {
	if g.p.Shared.Of(k) {
		yes := true
		u.Shared = &yes
	}
	g.cluster.Uses = append(g.cluster.Uses, u)
}

func (g *generator) database() {
	p := g.p
	if p.Counts.Of(KindDatabase) == 0 {
		return
	}
	inf, kept := g.infra(KindDatabase, inventory.KindDatabase, "database", func(was *inventory.Infrastructure) bool { return was.Engine == p.Engine })
	inf.Engine = p.Engine
	size := p.Machines.Of(KindDatabase)
	if p.Engine.Managed() {
		inf.CPU, inf.MemoryGiB, inf.SKU, inf.StorageGiB = size.CPU, size.MemoryGiB, size.SKU, max(size.StorageGiB, inf.StorageGiB)
		inf.Nodes = nil
		g.managedMode(inf, kept)
	} else {
		inf.Nodes = g.nodes(KindDatabase)
		for i := range inf.Nodes {
			inf.Nodes[i].Role = "standby"
			if i == 0 {
				inf.Nodes[i].Role = "primary"
			}
		}
		inf.PgPool = g.nodes(KindPgPool)
		if len(inf.Nodes) > 0 {
			inf.CPU, inf.MemoryGiB = 0, 0
		}
		if kept && len(g.shape.Parts.Of(KindDatabase).Nodes) == 0 && g.p.Shared.Of(KindDatabase) {
			// A shared server whose nodes another site lists stays what it is.
			inf.Nodes, inf.PgPool = nil, nil
		}
	}
	g.recovery(inf)
	u := inventory.Use{As: inventory.AsDatabase, Infrastructure: inf.ID, Database: "thingworx", Schema: "twadmin", PoolMax: PoolMax}
	if p.Shared.Of(KindDatabase) || g.isolates(KindDatabase) {
		own := g.isolated(KindDatabase)
		u.Database, u.Schema = own.Database, own.Schema
	}
	if was := g.use(KindDatabase); was != nil {
		if !g.isolates(KindDatabase) {
			u.Database, u.Schema = either(was.Database, u.Database), either(was.Schema, u.Schema)
		}
		if was.PoolMax > 0 {
			u.PoolMax = was.PoolMax
		}
	}
	// The pools of all Foundation nodes together must fit; 15 connections are the ones Flexible Server keeps for itself.
	own := !kept && !p.Engine.Managed() && p.Engine != inventory.EngineH2
	if need := u.PoolMax*p.Counts.Of(KindFoundation) + 15; (own || inf.MaxConnections > 0) && inf.MaxConnections < need {
		inf.MaxConnections = need
	}
	g.addUse(KindDatabase, u)
}

// managedMode sets the mode and tier of a managed database. Burstable servers have no high availability.
func (g *generator) managedMode(inf *inventory.Infrastructure, kept bool) {
	p := g.p
	if p.Engine == inventory.EngineAzureSQL {
		return
	}
	if p.Mode != "" {
		h := inventory.HighAvailability{Mode: p.Mode}
		if p.Mode == inventory.HAZoneRedundant {
			h.StandbyZone = p.StandbyZone
			if kept && inf.HighAvailability != nil && inf.HighAvailability.Mode == p.Mode && inf.HighAvailability.StandbyZone != "" {
				h.StandbyZone = inf.HighAvailability.StandbyZone
			}
		}
		inf.HighAvailability = &h
	}
	if inf.Tier = inventory.FlexibleTier(inf.Tier, inf.SKU); inf.Tier == "" || inf.Tier == inventory.TierBurstable {
		inf.Tier = inventory.TierGeneralPurpose
	}
	if inf.Placement.Zone == "" {
		inf.Placement.Zone = p.Zone
	}
	if inf.HighAvailability != nil && inf.HighAvailability.StandbyZone == inf.Placement.Zone {
		inf.HighAvailability.StandbyZone = ""
	}
}

// recovery adds a copy of the database in another region.
func (g *generator) recovery(inf *inventory.Infrastructure) {
	if g.p.RecoveryRegion == "" {
		return
	}
	for _, r := range inf.Replicas {
		if r.Region != "" && r.Region != g.p.Region {
			return
		}
	}
	inf.Replicas = append(append([]inventory.Replica(nil), inf.Replicas...), inventory.Replica{Name: inf.ID + "-recovery", Region: g.p.RecoveryRegion, Role: "failover"})
}

func (g *generator) zookeeper() {
	if g.p.Counts.Of(KindZooKeeper) == 0 {
		return
	}
	inf, kept := g.infra(KindZooKeeper, inventory.KindZooKeeper, "zookeeper", func(*inventory.Infrastructure) bool { return true })
	if !kept || len(g.shape.Parts.Of(KindZooKeeper).Nodes) > 0 || !g.p.Shared.Of(KindZooKeeper) {
		inf.Nodes = g.nodes(KindZooKeeper)
		if kept && len(inf.Nodes) != Members(inf.Identity.Endpoint) {
			inf.Identity.Endpoint = ""
		}
	}
	namespace := g.base(KindZooKeeper, func(u *inventory.Use) string { return u.Namespace }, g.isolated(KindZooKeeper).Namespace)
	g.addUse(KindZooKeeper, inventory.Use{
		As: inventory.AsZooKeeper, Infrastructure: inf.ID, Namespace: namespace,
		IgniteBasePath:           g.ignitePath(),
		ConnectionServerBasePath: namespace + "/services",
	})
}

func (g *generator) storage() {
	if g.p.Counts.Of(KindStorage) == 0 {
		return
	}
	p := g.p
	inf, kept := g.infra(KindStorage, inventory.KindStorage, "storage", func(*inventory.Infrastructure) bool { return true })
	if !kept {
		inf.Protocol = "nfs"
		if !p.Architecture.Clustered {
			inf.Protocol = "disk"
		}
	}
	if p.Architecture.Clustered && inf.Protocol == "disk" {
		inf.Protocol = "nfs"
	}
	inf.Redundancy = p.Storage
	if inf.Redundancy == inventory.RedundancyZone || inf.Redundancy == inventory.RedundancyGeo {
		inf.Placement.Zone = ""
	}
	path := "/ThingworxStorage"
	if p.Architecture.Clustered || p.Shared.Of(KindStorage) {
		path = g.isolated(KindStorage).Path
	}
	g.addUse(KindStorage, inventory.Use{As: inventory.AsStorage, Infrastructure: inf.ID, Path: g.base(KindStorage, func(u *inventory.Use) string { return u.Path }, path)})
}

// loadBalancer adds one infrastructure for all instances: PTC lets one appliance serve them.
func (g *generator) loadBalancer() {
	if g.p.Counts.Of(KindLoadBalancer) == 0 {
		return
	}
	inf, kept := g.infra(KindLoadBalancer, inventory.KindLoadBalancer, "load-balancer", func(was *inventory.Infrastructure) bool { return len(was.Nodes) == 0 })
	redundant := g.p.Architecture.HighlyAvailable || kept && inf.Redundant != nil && *inf.Redundant
	inf.Redundant = &redundant
	if redundant {
		inf.Placement.Zone = ""
	}
	sticky := true
	g.addUse(KindLoadBalancer, inventory.Use{As: inventory.AsLoadBalancer, Infrastructure: inf.ID, HealthPath: "/Thingworx/ready", StickySessions: &sticky})
}

func (g *generator) timeseries() {
	p := g.p
	if p.Timeseries == TimeseriesRelational || p.Timeseries == "" {
		return
	}
	enterprise := p.Timeseries == TimeseriesEnterprise
	part := KindInflux
	if enterprise {
		part = KindInfluxData
	}
	inf, _ := g.infra(part, inventory.KindInfluxDB, "influxdb", func(*inventory.Infrastructure) bool { return true })
	if enterprise {
		inf.Edition = inventory.EditionEnterprise
		if inf.ReplicationFactor == 0 {
			inf.ReplicationFactor = max(2, int(p.Demand.ReplicationFactor))
		}
		for _, role := range []struct {
			kind Kind
			name string
		}{{KindInfluxMeta, "meta"}, {KindInfluxData, "data"}} {
			nodes := g.nodes(role.kind)
			for i := range nodes {
				nodes[i].Role = role.name
			}
			inf.Nodes = append(inf.Nodes, nodes...)
		}
	} else {
		inf.Edition = inventory.EditionOSS
		inf.Nodes = g.nodes(KindInflux)
	}
	u := inventory.Use{As: inventory.AsTimeseries, Infrastructure: inf.ID, Database: "thingworx"}
	if p.Shared.Of(part) {
		u.Database = "thingworx_" + p.Tenant()
	}
	u.Database = g.base(KindInflux, func(u *inventory.Use) string { return u.Database }, u.Database)
	g.addUse(part, u)
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
