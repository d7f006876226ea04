package resilience

import (
	"fmt"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func haDatabaseRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: postgresCount, Entry: rule.Entry{
			ID: "HA-008", Topic: "availability", Title: "Self-managed PostgreSQL with too few nodes for high availability", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Severities: []rule.Severity{rule.Critical, rule.Medium}, Confidence: rule.Official,
			Basis:     "PTC asks for two PostgreSQL nodes at least, ideally three.",
			Why:       "All Foundation nodes depend on the database. With one node its failure stops the cluster; with two there is no second copy while one is repaired.",
			Remedy:    "Run three equally sized PostgreSQL nodes with synchronous replication, or move to a managed database with high availability.",
			Reference: rule.RefArchitectures + "; " + rule.RefPostgresHA,
		}},
		{Cluster: postgresFailover, Entry: rule.Entry{
			ID: "HA-009", Topic: "availability", Title: "Several PostgreSQL nodes without a redundant way to the primary", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC lists two pgpool-II nodes at least. In a cloud a DNS name that follows the primary may replace them. PTC's support does not cover pgpool-II.",
			Why:       "A standby helps only if ThingWorx finds it. With one pgpool-II node, or none, the failover itself has a single point of failure or is done by hand.",
			Remedy:    "Run two pgpool-II nodes behind a virtual IP, or give ThingWorx an endpoint that follows the primary.",
			Reference: rule.RefPostgresHA,
		}},
		{Cluster: sqlServerCount, Entry: rule.Entry{
			ID: "HA-010", Topic: "availability", Title: "SQL Server without a second node to fail over to", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Confidence: rule.Official,
			Basis:     "PTC asks for two or more SQL Server nodes in a failover configuration.",
			Why:       "All Foundation nodes depend on the database; its failure stops the cluster.",
			Remedy:    "Add a second SQL Server node in a failover configuration.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: influxMeta, Entry: rule.Entry{
			ID: "HA-011", Topic: "availability", Title: "InfluxDB Enterprise without an odd number of at least three meta nodes", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC: an odd number of meta nodes, three in most cases.",
			Why:       "Meta nodes decide by majority. Fewer than three tolerate no failure; an even number tolerates no more than one fewer.",
			Remedy:    "Run three meta nodes.",
			Reference: rule.RefInflux,
		}},
		{Cluster: influxData, Entry: rule.Entry{
			ID: "HA-012", Topic: "availability", Title: "InfluxDB Enterprise data nodes too few or not divisible by the replication factor", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC advises two or more data nodes, their number divisible by the replication factor.",
			Why:       "With one data node its failure stops ingestion. A number that the factor does not divide leaves shards unevenly placed.",
			Remedy:    "Add data nodes until there are two or more and the replication factor divides their number.",
			Reference: rule.RefArchitectures + "; " + rule.RefInflux,
		}},
		{Cluster: flexibleHA, Entry: rule.Entry{
			ID: "HA-014", Topic: "availability", Title: "Flexible Server without high availability", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "Microsoft: without high availability the service is promised at 99.9 %; the burstable tier cannot have it.",
			Why:       "All Foundation nodes depend on the database. Without a standby it is down for as long as Azure takes to bring the server up again.",
			Remedy:    "Switch the server to the general purpose or memory optimised tier if it is burstable, and enable high availability.",
			Reference: rule.RefFlexible,
		}},
		{Cluster: failoverWindow, Entry: rule.Entry{
			ID: "HA-015", Topic: "availability", Title: "A database failover takes longer than the cluster tolerates", Scope: rule.OfInfrastructure,
			Severity: rule.Medium, Confidence: rule.Inferred, Versions: rule.Active(),
			Basis:     "Inferred: Foundation shuts down after ModelSyncMaxDBUnavailableErrors failed synchronisations, one each ModelSyncPollInterval (PTC; defaults 10 and 100 ms). A Flexible Server fails over in typically 60 to 120 s (Microsoft). The true window is longer when each attempt blocks.",
			Why:       "A failover that the database survives by design can shut down all Foundation nodes at once.",
			Remedy:    "Raise ModelSyncMaxDBUnavailableErrors until ModelSyncPollInterval times it exceeds the failover, and test a forced failover.",
			Reference: rule.RefHASettings + "; " + rule.RefFlexible,
			Parameters: []rule.Parameter{
				{Name: "failover", Kind: rule.DurationParameter, Default: "120s", Unit: "duration", Meaning: "Time a Flexible Server takes to fail over. Microsoft: typically 60 to 120 s."},
				{Name: "otherFailover", Kind: rule.DurationParameter, Default: "0s", Unit: "duration", Meaning: "Time any other database takes to fail over. Nobody publishes one; 0s means not known."},
			},
		}},
		{Cluster: disasterRecovery, Entry: rule.Entry{
			ID: "HA-019", Topic: "availability", Title: "Disaster recovery is asked for and only clustering is in place", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC: clustering is no disaster recovery. Judged by whether the database has a copy in another region.",
			Why:       "A cluster lives in one region. When that is lost or the data are destroyed there is nothing to start from.",
			Remedy:    "Keep a copy of the database in another allowed region (read replica, or geo-redundant backup chosen at creation) and of the storage, and exercise the recovery.",
			Reference: rule.RefArchitectures + "; " + rule.RefFlexible,
		}},
	}
}

// postgresCount is HA-008.
func postgresCount(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if !isEngine(j, s, u, inventory.EnginePostgreSQL, "PostgreSQL") || !j.HARequired(c, s) {
			return
		}
		switch n := len(u.Infra.Nodes); n {
		case 0:
			j.Unknown(s, "The number of PostgreSQL nodes is not known.", "nodes of "+u.Name)
		case 1:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"nodes": n},
				Message:  fmt.Sprintf("High availability is required of %s, but its PostgreSQL %s has a single node.", c.Key, u.Name),
			})
		case 2:
			j.Fail(s, rule.Failure{
				Severity: rule.Medium, Evidence: map[string]any{"nodes": n},
				Message: fmt.Sprintf("The PostgreSQL %s of %s has two nodes, PTC's minimum; three are ideal.", u.Name, c.Key),
			})
		default:
			j.Pass(s, "There are three or more PostgreSQL nodes.")
		}
	})
}

// isEngine reports whether a database is of the engine; otherwise it records why the rule does not apply.
func isEngine(j *rule.Judge, s rule.Subject, u *facts.Use, engine inventory.Engine, name string) bool {
	switch u.Infra.Engine {
	case engine:
		return true
	case "":
		j.Unknown(s, "Which database product it is is not known.", "engine of "+u.Name)
	default:
		j.Skip(s, "The database is not "+name+".")
	}
	return false
}

// postgresFailover is HA-009.
func postgresFailover(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if !isEngine(j, s, u, inventory.EnginePostgreSQL, "PostgreSQL") {
			return
		}
		nodes, candidates := u.Infra.Nodes, 0
		for i := range nodes {
			if nodes[i].Role != "replica" {
				candidates++
			}
		}
		switch {
		case len(nodes) == 0:
			j.Unknown(s, "The PostgreSQL nodes are not known.", "nodes of "+u.Name)
		case len(nodes) == 1 || candidates < 2 && rule.HANeed(c) != inventory.Required:
			j.Skip(s, "There is no second node to fail over to.")
		case u.Infra.FailoverEndpoint != "" || len(u.Infra.PgPool) >= 2:
			j.Pass(s, "There is a redundant way to the primary.")
		default:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"nodes": len(nodes), "pgpool": len(u.Infra.PgPool)},
				Message:  fmt.Sprintf("The PostgreSQL %s of %s has %d nodes but %s and no other endpoint that follows the primary.", u.Name, c.Key, len(nodes), rule.Count(len(u.Infra.PgPool), "pgpool-II node", "pgpool-II nodes")),
			})
		}
	})
}

// sqlServerCount is HA-010.
func sqlServerCount(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if !isEngine(j, s, u, inventory.EngineSQLServer, "SQL Server") || !j.HARequired(c, s) {
			return
		}
		switch n := len(u.Infra.Nodes); n {
		case 0:
			j.Unknown(s, "The number of SQL Server nodes is not known.", "nodes of "+u.Name)
		case 1:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"nodes": n},
				Message:  fmt.Sprintf("High availability is required of %s, but its SQL Server %s has no second node to fail over to.", c.Key, u.Name),
			})
		default:
			j.Pass(s, "There is a node to fail over to.")
		}
	})
}

// enterprise reports whether an InfluxDB is an Enterprise cluster whose nodes and their roles are known; otherwise it
// records why it cannot be judged.
func enterprise(j *rule.Judge, s rule.Subject, u *facts.Use) bool {
	switch u.Infra.Edition {
	case inventory.EditionEnterprise:
	case "":
		j.Unknown(s, "The edition of InfluxDB is not known.", "edition of "+u.Name)
		return false
	default:
		j.Skip(s, "It is not InfluxDB Enterprise.")
		return false
	}
	if len(u.Infra.Nodes) == 0 {
		j.Unknown(s, "The nodes of InfluxDB Enterprise are not known.", "nodes of "+u.Name)
		return false
	}
	var lacking []string
	for i := range u.Infra.Nodes {
		if u.Infra.Nodes[i].Role == "" {
			lacking = append(lacking, "role of "+u.Infra.Nodes[i].Name)
		}
	}
	if len(lacking) > 0 {
		j.Unknown(s, "Which nodes are meta and which are data nodes is not known.", lacking...)
	}
	return len(lacking) == 0
}

// influxMeta is HA-011.
func influxMeta(j *rule.Judge, c *facts.Cluster) {
	j.Influx(c, func(s rule.Subject, u *facts.Use) {
		if !enterprise(j, s, u) {
			return
		}
		if n := facts.InRole(u.Infra.Nodes, "meta"); n < 3 || n%2 == 0 {
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"metaNodes": n},
				Message:  fmt.Sprintf("InfluxDB Enterprise %s of %s has %s; an odd number of at least three is needed.", u.Name, c.Key, rule.Count(n, "meta node", "meta nodes")),
			})
			return
		}
		j.Pass(s, "The number of meta nodes is odd and at least three.")
	})
}

// influxData is HA-012.
func influxData(j *rule.Judge, c *facts.Cluster) {
	j.Influx(c, func(s rule.Subject, u *facts.Use) {
		if !enterprise(j, s, u) {
			return
		}
		n, factor := facts.InRole(u.Infra.Nodes, "data"), u.Infra.ReplicationFactor
		switch {
		case n < 2 || factor > 0 && n%factor != 0:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"dataNodes": n, "replicationFactor": factor},
				Message:  fmt.Sprintf("InfluxDB Enterprise %s of %s has %s with replication factor %d; two or more, divisible by the factor, are needed.", u.Name, c.Key, rule.Count(n, "data node", "data nodes"), factor),
			})
		case factor == 0:
			j.Unknown(s, "The replication factor is not known.", "replicationFactor of "+u.Name)
		default:
			j.Pass(s, "The data nodes are enough and divisible by the replication factor.")
		}
	})
}

// burstable reports whether a Flexible Server is of the burstable tier.
func burstable(i *inventory.Infrastructure) (yes, known bool) {
	tier := inventory.FlexibleTier(i.Tier, i.SKU)
	return strings.EqualFold(tier, inventory.TierBurstable), tier != "" || i.SKU != ""
}

// flexibleHA is HA-014.
func flexibleHA(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if !isEngine(j, s, u, inventory.EngineAzurePostgreSQLFlexible, "an Azure Database for PostgreSQL Flexible Server") || !j.HARequired(c, s) {
			return
		}
		ha := u.Infra.HighAvailability
		weak, tierKnown := burstable(u.Infra)
		switch {
		case weak:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"tier": u.Infra.Tier, "sku": u.Infra.SKU},
				Message:  fmt.Sprintf("High availability is required of %s, but its database %s is of the burstable tier, which cannot have it.", c.Key, u.Name),
			})
		case ha != nil && ha.Mode == inventory.HANone:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"mode": string(ha.Mode)},
				Message:  fmt.Sprintf("High availability is required of %s, but it is disabled on its database %s.", c.Key, u.Name),
			})
		case ha == nil || ha.Mode == "":
			lacking := []string{"highAvailability of " + u.Name}
			if !tierKnown {
				lacking = append(lacking, "tier of "+u.Name)
			}
			j.Unknown(s, "Whether high availability is enabled on the database is not known.", lacking...)
		default:
			j.Pass(s, "High availability is enabled on the database.")
		}
	})
}

// failoverOf says whether a database can fail over, and how long that takes; zero is not known.
func failoverOf(j *rule.Judge, i *inventory.Infrastructure) (takes time.Duration, can, known bool) {
	switch i.Engine {
	case inventory.EngineAzurePostgreSQLFlexible:
		if i.HighAvailability == nil || i.HighAvailability.Mode == "" {
			return 0, false, false
		}
		return j.Duration(0), i.HighAvailability.Mode != inventory.HANone, true
	case inventory.EngineH2:
		return 0, false, true
	case inventory.EngineAzureSQL:
		return j.Duration(1), true, true
	case "":
		return 0, false, false
	}
	if len(i.Nodes) == 0 && i.FailoverEndpoint == "" {
		return 0, false, false
	}
	return j.Duration(1), len(i.Nodes)-facts.InRole(i.Nodes, "replica") > 1 || i.FailoverEndpoint != "", true
}

// failoverWindow is HA-015.
func failoverWindow(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if !j.Clustered(c, s) {
			return
		}
		takes, can, known := failoverOf(j, u.Infra)
		window, given := modelSyncWindow(c)
		switch {
		case !known && u.Infra.Engine == inventory.EngineAzurePostgreSQLFlexible:
			j.Unknown(s, "Whether the database can fail over is not known.", "highAvailability of "+u.Name)
		case !known && u.Infra.Engine == "":
			j.Unknown(s, "Which database product it is is not known.", "engine of "+u.Name)
		case !known:
			j.Unknown(s, "Whether the database can fail over is not known.", "nodes of "+u.Name)
		case !can:
			j.Skip(s, "The database has no failover.")
		case takes == 0:
			j.Unknown(s, "How long a failover of this database takes is published by nobody.", "failover time of "+u.Name+" (rule parameter otherFailover)")
		case window < takes:
			f := rule.Failure{Evidence: map[string]any{"window": inventory.Duration(window).String(), "failover": inventory.Duration(takes).String(), "defaultsApply": !given}}
			f.Message = fmt.Sprintf("%s tolerates losing its database %s for about %s, but a failover takes up to %s: its Foundation nodes may all shut down.", c.Key, u.Name, inventory.Duration(window), inventory.Duration(takes))
			if !given {
				f.Message += " PTC's default applies to what the inventory does not set."
			}
			j.Fail(s, f)
		default:
			j.Pass(s, "The cluster tolerates losing the database for as long as a failover takes.")
		}
	})
}

// modelSyncWindow returns for how long the least tolerant Foundation node bears the loss of the database, and whether all
// it is computed from was given: PTC's defaults, 100 ms and 10, stand for what is not.
func modelSyncWindow(c *facts.Cluster) (window time.Duration, given bool) {
	one := func(node, cluster *inventory.ClusterSettings) (time.Duration, bool) {
		poll, errors, given := 100*time.Millisecond, 10, true
		switch {
		case node != nil && node.ModelSyncPollInterval > 0:
			poll = time.Duration(node.ModelSyncPollInterval)
		case cluster.ModelSyncPollInterval > 0:
			poll = time.Duration(cluster.ModelSyncPollInterval)
		default:
			given = false
		}
		switch {
		case node != nil && node.ModelSyncMaxDBUnavailableErrors != nil:
			errors = *node.ModelSyncMaxDBUnavailableErrors
		case cluster.ModelSyncMaxDBUnavailableErrors != nil:
			errors = *cluster.ModelSyncMaxDBUnavailableErrors
		default:
			given = false
		}
		return poll * time.Duration(errors), given
	}
	window, given = one(nil, &c.Settings)
	for i := range c.Foundation {
		w, g := one(&c.Foundation[i].Node.Settings.ClusterSettings, &c.Settings)
		if i == 0 || w < window {
			window, given = w, g
		}
	}
	return window, given
}

// disasterRecovery is HA-019.
func disasterRecovery(j *rule.Judge, c *facts.Cluster) {
	if c.Objectives == nil || c.Objectives.DisasterRecovery == nil || !*c.Objectives.DisasterRecovery {
		j.Skip(j.OfCluster(c), "The objectives do not ask for disaster recovery.")
		return
	}
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		regions, without := facts.RegionsOf(u.Places)
		copied := len(regions) > 1 || u.Infra.GeoRedundantBackup != nil && *u.Infra.GeoRedundantBackup
		for _, r := range u.Infra.Replicas {
			copied = copied || len(regions) > 0 && r.Region != "" && !strings.EqualFold(r.Region, regions[0].Code)
		}
		switch {
		case copied:
			j.Pass(s, "The database has a copy in another region.")
		case len(without) > 0 && (len(u.Infra.Replicas) > 0 || len(u.Places) > 1):
			j.Unknown(s, "Whether the database has a copy in another region is not known.", rule.Missing("placement.region", without)...)
		case u.Infra.GeoRedundantBackup == nil && u.Infra.Engine.Managed():
			j.Unknown(s, "Whether the database has a copy in another region is not known.", "geoRedundantBackup of "+u.Name)
		default:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"replicas": len(u.Infra.Replicas), "regions": facts.Codes(regions)},
				Message:  fmt.Sprintf("The objectives of %s ask for disaster recovery, but its database %s has no copy in another region; clustering does not replace one.", c.Key, u.Name),
			})
		}
	})
}
