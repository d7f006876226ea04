package inventory

import "fmt"

// kindOf is the kind of infrastructure that can serve in a role; a relational database may hold the time series too.
func kindOf(as UseAs) []InfrastructureKind {
	switch as {
	case AsZooKeeper:
		return []InfrastructureKind{KindZooKeeper}
	case AsDatabase:
		return []InfrastructureKind{KindDatabase}
	case AsStorage:
		return []InfrastructureKind{KindStorage}
	case AsLoadBalancer:
		return []InfrastructureKind{KindLoadBalancer}
	case AsTimeseries:
		return []InfrastructureKind{KindInfluxDB, KindDatabase}
	}
	return nil
}

func (v *validator) uses(uses []Use) {
	for i := range uses {
		v.item("uses", i)
		v.use(&uses[i])
		v.leave()
	}
}

func (v *validator) use(u *Use) {
	word(v, "as", "role", u.As, true, AsZooKeeper, AsDatabase, AsStorage, AsLoadBalancer, AsTimeseries)
	v.atLeastZero("poolMax", float64(u.PoolMax))
	infra := v.infra(u.Infrastructure)
	if infra == nil {
		v.fail("infrastructure", cite("infrastructure", u.Infrastructure)+" names no infrastructure of this document", v.nearInfrastructure(u.Infrastructure))
		return
	}
	kinds := kindOf(u.As)
	fits := len(kinds) == 0 || infra.Kind == ""
	for _, k := range kinds {
		fits = fits || infra.Kind == k
	}
	if !fits {
		v.fail("as", fmt.Sprintf("%s is used as %s, but its kind is %s", cite("infrastructure", infra.ID), u.As, cite("kind", string(infra.Kind))), "name an infrastructure of kind "+list(kinds))
	}
}

func (v *validator) infrastructures() {
	seen := make(map[string]int, len(v.site.Infrastructure))
	for i := range v.site.Infrastructure {
		x := &v.site.Infrastructure[i]
		v.item("infrastructure", i)
		v.id("id", x.ID)
		v.unique(seen, i, "id", x.ID, "infrastructure")
		word(v, "kind", "kind", x.Kind, true, KindDatabase, KindZooKeeper, KindStorage, KindLoadBalancer, KindInfluxDB)
		v.placement(x.Placement)
		names := make(map[nodeName]bool, len(x.Nodes)+len(x.PgPool))
		v.nodes("nodes", x.Nodes, "nodes", names)
		v.nodes("pgpool", x.PgPool, "pgpool", names)
		word(v, "engine", "engine", x.Engine, false, EnginePostgreSQL, EngineAzurePostgreSQLFlexible, EngineSQLServer, EngineAzureSQL, EngineH2)
		if x.HighAvailability != nil {
			word(v, "highAvailability/mode", "mode", x.HighAvailability.Mode, true, HANone, HASameZone, HAZoneRedundant)
		}
		word(v, "protocol", "protocol", x.Protocol, false, "nfs", "smb", "disk")
		word(v, "redundancy", "redundancy", x.Redundancy, false, RedundancyNone, RedundancyLocal, RedundancyZone, RedundancyGeo)
		word(v, "edition", "edition", x.Edition, false, EditionOSS, EditionEnterprise)
		for _, n := range [...]struct {
			key   string
			value float64
		}{
			{"cpu", x.CPU},
			{"memoryGiB", x.MemoryGiB},
			{"storageGiB", x.StorageGiB},
			{"maxConnections", float64(x.MaxConnections)},
			{"replicationFactor", float64(x.ReplicationFactor)},
		} {
			v.atLeastZero(n.key, n.value)
		}
		for j, r := range x.Replicas {
			v.item("replicas", j)
			v.region("region", x.provider(), r.Region)
			word(v, "role", "role", r.Role, false, "read", "geo-backup", "failover")
			v.leave()
		}
		v.leave()
	}
}
