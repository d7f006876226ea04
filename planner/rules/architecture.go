package rules

import (
	"fmt"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
)

func architectureRules() []rule {
	return []rule{
		{cluster: recommendedArchitecture, Entry: Entry{ID: "ARC-001", Topic: "architecture", Title: "The architecture is not the recommended one", Scope: OfCluster,
			Severity: Medium, Confidence: Inferred,
			Basis:     "The recogniser's nearest reference architecture of PTC compared with the recommender's for the cluster's workload and objectives.",
			Why:       "The cluster has another shape than its workload and objectives ask for: too little, too much or something else.",
			Remedy:    "Follow the migration steps of one of the recommended options.",
			Reference: refArchitectures}},
		{cluster: databaseMachine, Entry: Entry{ID: "ARC-002", Topic: "architecture", Title: "A production database shares a machine with Foundation", Scope: OfInfrastructure,
			Severity: High, Confidence: Official,
			Basis:     "PTC recommends a separate server for the database of a production system.",
			Why:       "Both compete for memory and disk, and the failure of one machine takes both.",
			Remedy:    "Move the database to a machine of its own.",
			Reference: refArchitectures}},
		{cluster: h2, Entry: Entry{ID: "ARC-003", Topic: "architecture", Title: "H2 where it is not supported", Scope: OfInfrastructure,
			Severity: Critical, Confidence: Official,
			Basis:     "PTC: H2 is never for production and is not supported from 9.5 on.",
			Why:       "H2 is an embedded database without failover, and newer versions do not start with it.",
			Remedy:    "Move to PostgreSQL, SQL Server or one of their managed forms.",
			Reference: "PTC Help Center, Using H2 as the Persistence Provider"}},
		{cluster: influxAlone, Entry: Entry{ID: "ARC-004", Topic: "architecture", Title: "InfluxDB without a relational database", Scope: OfCluster,
			Severity: Critical, Confidence: Official,
			Basis:     "PTC: a relational database is still required to maintain the ThingWorx model.",
			Why:       "InfluxDB stores streams and value streams only. Without a relational database there is nowhere for the model.",
			Remedy:    "Give the cluster a relational database, or list the one it has in the inventory.",
			Reference: refArchitectures}},
		{cluster: moreThanNeeded, Entry: Entry{ID: "ARC-005", Topic: "architecture", Title: "More than the objectives need", Scope: OfCluster,
			Severity: Info, Confidence: Inferred,
			Basis:     "The objectives say that high availability is not needed; parts that serve nothing else are listed.",
			Why:       "Clustering costs processing for synchronisation, slows single operations and has more parts to run. Who does not need it should not pay for it.",
			Remedy:    "Consider a single Foundation server with a database without standby, or state the objective that needs the parts.",
			Reference: refClusterSizing}},
		{cluster: sharedStorage, Entry: Entry{ID: "ARC-006", Topic: "architecture", Title: "Clustered mode without shared storage, or with a shared /ThingworxPlatform", Scope: OfCluster,
			Severity: Critical, Confidence: Official, Versions: &active,
			Basis:     "PTC: /ThingworxStorage is shared by the nodes of one cluster, /ThingworxPlatform is local to each node and must not be shared.",
			Why:       "Without shared storage the nodes have different repositories and keystores. With a shared /ThingworxPlatform they overwrite each other's settings, PlatformId and licence.",
			Remedy:    "Mount one share as /ThingworxStorage on all nodes of the cluster, and keep /ThingworxPlatform on each node's own disk.",
			Reference: refStorage}},
		{cluster: connectionServers, Entry: Entry{ID: "ARC-007", Topic: "architecture", Title: "Clustered mode without connection servers", Scope: OfCluster,
			Severity: High, Confidence: Official, Versions: &active,
			Basis:     "PTC: in clustered operation connection servers are required.",
			Why:       "Without them the devices' connections cannot be distributed over the Foundation nodes, nor moved when one fails.",
			Remedy:    "Add two or more connection servers.",
			Reference: refArchitectures}},
	}
}

// recommendedArchitecture is ARC-001.
func recommendedArchitecture(j *judge, c *facts.Cluster) {
	s, f := j.ofCluster(c), j.facts(c)
	var lacking []string
	if f == nil || f.Recognised.Architecture == "" {
		lacking = append(lacking, "recognised architecture of "+c.Key)
	}
	if f == nil || f.Recommended == "" {
		lacking = append(lacking, "recommended architecture of "+c.Key)
	}
	switch {
	case len(lacking) > 0:
		j.unknown(s, "The architecture cannot be compared with the recommended one.", lacking...)
	case f.Recognised.Architecture != f.Recommended:
		j.fail(s, failure{evidence: map[string]any{"recognised": f.Recognised.Architecture, "recommended": f.Recommended, "distance": f.Recognised.Distance},
			message: fmt.Sprintf("%s comes nearest to the architecture %s; for its workload and objectives %s is recommended.", c.Key, f.Recognised.Architecture, f.Recommended)})
	default:
		j.pass(s, "The cluster has the recommended architecture.")
	}
}

// databaseMachine is ARC-002.
func databaseMachine(j *judge, c *facts.Cluster) {
	j.databases(c, func(s Subject, u *facts.Use) {
		switch {
		case c.Environment != inventory.Production && c.Environment != "":
			j.skip(s, "It is not a production cluster.")
			return
		case u.Infra.Engine.Managed():
			j.skip(s, "The provider runs the database.")
			return
		case u.Infra.Engine == inventory.EngineH2:
			j.skip(s, "H2 runs inside Foundation; ARC-003 judges that.")
			return
		case len(u.Infra.Nodes) == 0:
			j.unknown(s, "On which machines the database runs is not known.", "nodes of "+u.Name)
			return
		}
		for i := range u.Infra.Nodes {
			m := u.Infra.Nodes[i].Machine
			if m == "" || !j.runsFoundation(m) {
				continue
			}
			if c.Environment == "" {
				j.unknown(s, "The database shares a machine with Foundation, and whether the cluster is for production is not known.", "environment of "+c.Key)
				return
			}
			j.fail(s, failure{evidence: map[string]any{"machine": m},
				message: fmt.Sprintf("The production database %s of %s runs on machine %s, which also runs Foundation.", u.Name, c.Key, m)})
			return
		}
		j.pass(s, "The database has machines of its own.")
	})
}

func (j *judge) runsFoundation(machine string) bool {
	for i := range j.site.Clusters {
		for k := range j.site.Clusters[i].Foundation {
			if j.site.Clusters[i].Foundation[k].Node.Machine == machine {
				return true
			}
		}
	}
	return false
}

// h2 is ARC-003.
func h2(j *judge, c *facts.Cluster) {
	j.databases(c, func(s Subject, u *facts.Use) {
		if u.Infra.Engine == "" {
			j.unknown(s, "Which database product it is is not known.", "engine of "+u.Name)
			return
		}
		if u.Infra.Engine != inventory.EngineH2 {
			j.pass(s, "The database is not H2.")
			return
		}
		later, versionKnown := facts.AtLeast(c.ThingworxVersion, 9, 5)
		evidence := map[string]any{"engine": "h2", "environment": string(c.Environment), "thingworxVersion": c.ThingworxVersion}
		switch {
		case later:
			j.fail(s, failure{evidence: evidence, message: fmt.Sprintf("%s runs ThingWorx %s on H2, which PTC does not support from 9.5 on.", c.Key, c.ThingworxVersion)})
		case c.Environment != "" && c.Environment != inventory.Development:
			j.fail(s, failure{evidence: evidence, message: fmt.Sprintf("%s is a %s cluster on H2, which is for development only.", c.Key, c.Environment)})
		case c.Environment == "":
			j.unknown(s, "Whether the cluster on H2 is for development only is not known.", "environment of "+c.Key)
		case !versionKnown:
			j.unknown(s, "Whether this version of ThingWorx supports H2 is not known.", "thingworxVersion of "+c.Key)
		default:
			j.pass(s, "It is a development cluster of a version that supports H2.")
		}
	})
}

// influxAlone is ARC-004.
func influxAlone(j *judge, c *facts.Cluster) {
	s := j.ofCluster(c)
	switch {
	case !c.UsesKind(inventory.AsTimeseries, inventory.KindInfluxDB):
		j.skip(s, "The cluster uses no InfluxDB.")
	case c.UsesKind(inventory.AsDatabase, inventory.KindDatabase):
		j.pass(s, "The model is kept in a relational database.")
	default:
		j.fail(s, failure{message: c.Key + " uses InfluxDB but no relational database, which the model needs."})
	}
}

// moreThanNeeded is ARC-005.
func moreThanNeeded(j *judge, c *facts.Cluster) {
	s := j.ofCluster(c)
	switch haNeed(c) {
	case inventory.NotNeeded:
	case "":
		j.unknown(s, "Whether the cluster needs high availability is not known.", "objectives.highAvailability of "+c.Key)
		return
	default:
		j.skip(s, "High availability is asked for.")
		return
	}
	var parts []string
	if c.Clustered() {
		parts = append(parts, "clustered mode with "+count(len(c.Foundation), "Foundation node", "Foundation nodes"))
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
		case u.As == inventory.AsDatabase && standby(u.Infra) && !needsStandby(c.Objectives):
			parts = append(parts, "a standby of the database "+u.Name)
		}
	}
	if len(parts) > 0 {
		j.fail(s, failure{evidence: map[string]any{"parts": parts}, message: fmt.Sprintf("High availability is not needed of %s, yet it has %s.", c.Key, joined(parts))})
		return
	}
	if c.ClusteredMode == nil {
		j.unknown(s, "Whether the cluster runs in clustered mode is not known.", "clusteredMode of "+c.Key)
		return
	}
	j.pass(s, "The cluster has no part that only high availability needs.")
}

func standby(i *inventory.Infrastructure) bool {
	if i.Engine.Managed() {
		return i.HighAvailability != nil && i.HighAvailability.Mode != inventory.HANone && i.HighAvailability.Mode != ""
	}
	return len(i.Nodes)-inRole(i.Nodes, "replica") > 1
}

// needsStandby reports whether other objectives can be the reason for a standby: a recovery time or point, or an
// availability above the 99.9 % that Microsoft promises for a server without one.
func needsStandby(o *inventory.Objectives) bool {
	return o.RTO != nil || o.RPO != nil || o.Availability > 0.999
}

// sharedStorage is ARC-006.
func sharedStorage(j *judge, c *facts.Cluster) {
	s := j.ofCluster(c)
	if !j.clustered(c, s) {
		return
	}
	for i := range c.Foundation {
		n := c.Foundation[i].Node
		if shared := n.Settings.ThingworxPlatformShared; shared != nil && *shared {
			j.fail(s, failure{evidence: map[string]any{"node": n.Name}, message: fmt.Sprintf("/ThingworxPlatform of %s on %s lies on a share; it has to be local to each node.", c.Key, n.Name)})
			return
		}
	}
	shares, disks := 0, []string(nil)
	for i := range c.Uses {
		u := &c.Uses[i]
		switch {
		case u.As != inventory.AsStorage:
		case strings.Contains(strings.ToLower(u.Path), "thingworxplatform"):
			j.fail(s, failure{evidence: map[string]any{"path": u.Path}, message: fmt.Sprintf("%s uses %s on the storage %s as /ThingworxPlatform, which has to be local to each node.", c.Key, u.Path, u.Name)})
			return
		case u.Infra != nil && strings.EqualFold(u.Infra.Protocol, "disk"):
			disks = append(disks, u.Name)
		default:
			shares++
		}
	}
	switch {
	case shares > 0:
		j.pass(s, "The cluster has shared storage, and no node is known to share /ThingworxPlatform.")
	case len(disks) > 0:
		j.fail(s, failure{evidence: map[string]any{"disks": disks}, message: fmt.Sprintf("%s runs in clustered mode, but its storage %s is an attached disk that its nodes cannot share.", c.Key, joined(disks))})
	default:
		j.fail(s, failure{message: c.Key + " runs in clustered mode without shared storage."})
	}
}

// connectionServers is ARC-007.
func connectionServers(j *judge, c *facts.Cluster) {
	s := j.ofCluster(c)
	switch {
	case !j.clustered(c, s):
	case !c.Lists(inventory.ConnectionServer):
		j.fail(s, failure{message: c.Key + " runs in clustered mode without connection servers."})
	default:
		j.pass(s, "The cluster has connection servers.")
	}
}
