package resilience

import (
	"fmt"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func architectureRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: recommendedArchitecture, Entry: rule.Entry{
			ID: "ARC-001", Topic: "architecture", Title: "The architecture is not the recommended one", Scope: rule.OfCluster,
			Severity: rule.Medium, Confidence: rule.Inferred,
			Basis:     "The recogniser's nearest reference architecture of PTC compared with the recommender's for the cluster's workload and objectives.",
			Why:       "The cluster has another shape than its workload and objectives ask for: too little, too much or something else.",
			Remedy:    "Follow the migration steps of one of the recommended options.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: databaseMachine, Entry: rule.Entry{
			ID: "ARC-002", Topic: "architecture", Title: "A production database shares a machine with Foundation", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC recommends a separate server for the database of a production system.",
			Why:       "Both compete for memory and disk, and the failure of one machine takes both.",
			Remedy:    "Move the database to a machine of its own.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: h2, Entry: rule.Entry{
			ID: "ARC-003", Topic: "architecture", Title: "H2 where it is not supported", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Confidence: rule.Official,
			Basis:     "PTC: H2 is never for production and is not supported from 9.5 on.",
			Why:       "H2 is an embedded database without failover, and newer versions do not start with it.",
			Remedy:    "Move to PostgreSQL, SQL Server or one of their managed forms.",
			Reference: "PTC Help Center, Using H2 as the Persistence Provider",
		}},
		{Cluster: influxAlone, Entry: rule.Entry{
			ID: "ARC-004", Topic: "architecture", Title: "InfluxDB without a relational database", Scope: rule.OfCluster,
			Severity: rule.Critical, Confidence: rule.Official,
			Basis:     "PTC: a relational database is still required to maintain the ThingWorx model.",
			Why:       "InfluxDB stores streams and value streams only. Without a relational database there is nowhere for the model.",
			Remedy:    "Give the cluster a relational database, or list the one it has in the inventory.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: moreThanNeeded, Entry: rule.Entry{
			ID: "ARC-005", Topic: "architecture", Title: "More than the objectives need", Scope: rule.OfCluster,
			Severity: rule.Info, Confidence: rule.Inferred,
			Basis:     "The objectives say that high availability is not needed; parts that serve nothing else are listed.",
			Why:       "Clustering costs processing for synchronisation, slows single operations and has more parts to run. Who does not need it should not pay for it.",
			Remedy:    "Consider a single Foundation server with a database without standby, or state the objective that needs the parts.",
			Reference: rule.RefClusterSizing,
		}},
		{Cluster: sharedStorage, Entry: rule.Entry{
			ID: "ARC-006", Topic: "architecture", Title: "Clustered mode without shared storage, or with a shared /ThingworxPlatform", Scope: rule.OfCluster,
			Severity: rule.Critical, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC: /ThingworxStorage is shared by the nodes of one cluster, /ThingworxPlatform is local to each node and must not be shared.",
			Why:       "Without shared storage the nodes have different repositories and keystores. With a shared /ThingworxPlatform they overwrite each other's settings, PlatformId and licence.",
			Remedy:    "Mount one share as /ThingworxStorage on all nodes of the cluster, and keep /ThingworxPlatform on each node's own disk.",
			Reference: rule.RefStorage,
		}},
		{Cluster: connectionServers, Entry: rule.Entry{
			ID: "ARC-007", Topic: "architecture", Title: "Clustered mode without connection servers", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC: in clustered operation connection servers are required.",
			Why:       "Without them the devices' connections cannot be distributed over the Foundation nodes, nor moved when one fails.",
			Remedy:    "Add two or more connection servers.",
			Reference: rule.RefArchitectures,
		}},
	}
}

// recommendedArchitecture is ARC-001.
func recommendedArchitecture(j *rule.Judge, c *facts.Cluster) {
	s, f := j.OfCluster(c), j.Facts(c)
	var lacking []string
	if f == nil || f.Recognised.Architecture == "" {
		lacking = append(lacking, "recognised architecture of "+c.Key)
	}
	if f == nil || f.Recommended == "" {
		lacking = append(lacking, "recommended architecture of "+c.Key)
	}
	switch {
	case len(lacking) > 0:
		j.Unknown(s, "The architecture cannot be compared with the recommended one.", lacking...)
	case f.Recognised.Architecture != f.Recommended:
		j.Fail(s, rule.Failure{
			Evidence: map[string]any{"recognised": f.Recognised.Architecture, "recommended": f.Recommended, "distance": f.Recognised.Distance},
			Message:  fmt.Sprintf("%s comes nearest to the architecture %s; for its workload and objectives %s is recommended.", c.Key, f.Recognised.Architecture, f.Recommended),
		})
	default:
		j.Pass(s, "The cluster has the recommended architecture.")
	}
}

// databaseMachine is ARC-002.
func databaseMachine(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		switch {
		case c.Environment != inventory.Production && c.Environment != "":
			j.Skip(s, "It is not a production cluster.")
			return
		case u.Infra.Engine.Managed():
			j.Skip(s, "The provider runs the database.")
			return
		case u.Infra.Engine == inventory.EngineH2:
			j.Skip(s, "H2 runs inside Foundation; ARC-003 judges that.")
			return
		case len(u.Infra.Nodes) == 0:
			j.Unknown(s, "On which machines the database runs is not known.", "nodes of "+u.Name)
			return
		}
		for i := range u.Infra.Nodes {
			m := u.Infra.Nodes[i].Machine
			if m == "" || !runsFoundation(j, m) {
				continue
			}
			if c.Environment == "" {
				j.Unknown(s, "The database shares a machine with Foundation, and whether the cluster is for production is not known.", "environment of "+c.Key)
				return
			}
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"machine": m},
				Message:  fmt.Sprintf("The production database %s of %s runs on machine %s, which also runs Foundation.", u.Name, c.Key, m),
			})
			return
		}
		j.Pass(s, "The database has machines of its own.")
	})
}

func runsFoundation(j *rule.Judge, machine string) bool {
	for i := range j.View.Clusters {
		for k := range j.View.Clusters[i].Foundation {
			if j.View.Clusters[i].Foundation[k].Node.Machine == machine {
				return true
			}
		}
	}
	return false
}

// h2 is ARC-003.
func h2(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if u.Infra.Engine == "" {
			j.Unknown(s, "Which database product it is is not known.", "engine of "+u.Name)
			return
		}
		if u.Infra.Engine != inventory.EngineH2 {
			j.Pass(s, "The database is not H2.")
			return
		}
		later, versionKnown := facts.AtLeast(c.ThingworxVersion, 9, 5)
		evidence := map[string]any{"engine": "h2", "environment": string(c.Environment), "thingworxVersion": c.ThingworxVersion}
		switch {
		case later:
			j.Fail(s, rule.Failure{Evidence: evidence, Message: fmt.Sprintf("%s runs ThingWorx %s on H2, which PTC does not support from 9.5 on.", c.Key, c.ThingworxVersion)})
		case c.Environment != "" && c.Environment != inventory.Development:
			j.Fail(s, rule.Failure{Evidence: evidence, Message: fmt.Sprintf("%s is a %s cluster on H2, which is for development only.", c.Key, c.Environment)})
		case c.Environment == "":
			j.Unknown(s, "Whether the cluster on H2 is for development only is not known.", "environment of "+c.Key)
		case !versionKnown:
			j.Unknown(s, "Whether this version of ThingWorx supports H2 is not known.", "thingworxVersion of "+c.Key)
		default:
			j.Pass(s, "It is a development cluster of a version that supports H2.")
		}
	})
}

// influxAlone is ARC-004.
func influxAlone(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	switch {
	case !c.UsesKind(inventory.AsTimeseries, inventory.KindInfluxDB):
		j.Skip(s, "The cluster uses no InfluxDB.")
	case c.UsesKind(inventory.AsDatabase, inventory.KindDatabase):
		j.Pass(s, "The model is kept in a relational database.")
	default:
		j.Fail(s, rule.Failure{Message: c.Key + " uses InfluxDB but no relational database, which the model needs."})
	}
}

// moreThanNeeded is ARC-005.
func moreThanNeeded(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	switch rule.HANeed(c) {
	case inventory.NotNeeded:
	case "":
		j.Unknown(s, "Whether the cluster needs high availability is not known.", "objectives.highAvailability of "+c.Key)
		return
	default:
		j.Skip(s, "High availability is asked for.")
		return
	}
	var parts []string
	if c.Clustered() {
		parts = append(parts, "clustered mode with "+rule.Count(len(c.Foundation), "Foundation node", "Foundation nodes"))
	}
	if c.IgniteMode() == inventory.IgniteSeparate {
		parts = append(parts, "separate Ignite nodes")
	}
	for i := range c.Uses {
		u := &c.Uses[i]
		switch {
		case u.Infra == nil:
		case u.As == inventory.AsZooKeeper && c.ClusteredMode != nil && !c.Clustered():
			parts = append(parts, "the ZooKeeper "+u.Name+" without clustered mode")
		case u.As == inventory.AsDatabase && facts.Standby(u.Infra) && !needsStandby(c.Objectives):
			parts = append(parts, "a standby of the database "+u.Name)
		}
	}
	if len(parts) > 0 {
		j.Fail(s, rule.Failure{Evidence: map[string]any{"parts": parts}, Message: fmt.Sprintf("High availability is not needed of %s, yet it has %s.", c.Key, rule.Joined(parts))})
		return
	}
	if c.ClusteredMode == nil {
		j.Unknown(s, "Whether the cluster runs in clustered mode is not known.", "clusteredMode of "+c.Key)
		return
	}
	j.Pass(s, "The cluster has no part that only high availability needs.")
}

// needsStandby reports whether other objectives can be the reason for a standby: a recovery time or point, or an
// availability above the 99.9 % that Microsoft promises for a server without one.
func needsStandby(o *inventory.Objectives) bool {
	return o.RTO != nil || o.RPO != nil || o.Availability > 0.999
}

// sharedStorage is ARC-006.
func sharedStorage(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	if !j.Clustered(c, s) {
		return
	}
	for i := range c.Foundation {
		n := c.Foundation[i].Node
		if shared := n.Settings.ThingworxPlatformShared; shared != nil && *shared {
			j.Fail(s, rule.Failure{Evidence: map[string]any{"node": n.Name}, Message: fmt.Sprintf("/ThingworxPlatform of %s on %s lies on a share; it has to be local to each node.", c.Key, n.Name)})
			return
		}
	}
	shares, disks := 0, []string(nil)
	for i := range c.Uses {
		u := &c.Uses[i]
		switch {
		case u.As != inventory.AsStorage:
		case strings.Contains(strings.ToLower(u.Path), "thingworxplatform"):
			j.Fail(s, rule.Failure{Evidence: map[string]any{"path": u.Path}, Message: fmt.Sprintf("%s uses %s on the storage %s as /ThingworxPlatform, which has to be local to each node.", c.Key, u.Path, u.Name)})
			return
		case u.Infra != nil && strings.EqualFold(u.Infra.Protocol, "disk"):
			disks = append(disks, u.Name)
		default:
			shares++
		}
	}
	switch {
	case shares > 0:
		j.Pass(s, "The cluster has shared storage, and no node is known to share /ThingworxPlatform.")
	case len(disks) > 0:
		j.Fail(s, rule.Failure{Evidence: map[string]any{"disks": disks}, Message: fmt.Sprintf("%s runs in clustered mode, but its storage %s is an attached disk that its nodes cannot share.", c.Key, rule.Joined(disks))})
	default:
		j.Fail(s, rule.Failure{Message: c.Key + " runs in clustered mode without shared storage."})
	}
}

// connectionServers is ARC-007.
func connectionServers(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	switch {
	case !j.Clustered(c, s):
	case !c.Lists(inventory.ConnectionServer):
		j.Fail(s, rule.Failure{Message: c.Key + " runs in clustered mode without connection servers."})
	default:
		j.Pass(s, "The cluster has connection servers.")
	}
}
