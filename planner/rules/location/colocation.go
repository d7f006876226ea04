package location

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func colocationRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: databaseRegion, Entry: rule.Entry{
			ID: "COL-001", Topic: "colocation", Title: "ThingWorx and its database are in different regions", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Severities: []rule.Severity{rule.Critical, rule.High}, Confidence: rule.Official,
			Basis:     "PTC recommends ThingWorx Server and Azure PostgreSQL Flexible Server at the same geographical location. Round trips are Microsoft's published 95th percentiles or measured by probes. That a round trip of 20 ms makes it critical is our inference; PTC publishes no limit.",
			Why:       "Every service call and property write waits for the database, often several times in sequence. Between regions each wait costs ten times and more of what it costs within one, and the link between the regions becomes one more thing that can fail.",
			Remedy:    "Move the database to the region of the Foundation nodes, or the Foundation nodes to the database. The recommendation of the cluster compares both ways.",
			Reference: rule.RefArchitectures + "; " + rule.RefAzureLatency,
			Parameters: []rule.Parameter{{
				Name: "criticalRoundTrip", Kind: rule.DurationParameter, Default: "20ms", Unit: "duration",
				Meaning: "Published or measured round trip (95th percentile) from which the finding is critical. Assumption: PTC publishes none.",
			}},
		}},
		{Cluster: databaseZone, Entry: rule.Entry{
			ID: "COL-002", Topic: "colocation", Title: "ThingWorx and its database are in different zones, or would be after a failover", Scope: rule.OfInfrastructure,
			Severity: rule.Low, Confidence: rule.Inferred,
			Basis:     "Inferred from PTC's request for one location and Microsoft's target of less than about 2 ms between zones of a region.",
			Why:       "Between zones every database call takes a little longer, and two zones have to be up instead of one. A standby in another zone brings this about at the moment of a failover.",
			Remedy:    "Keep the database in the zone of the Foundation nodes where that is possible. Where its standby has to be in another zone, test the load with the standby active.",
			Reference: rule.RefPractices,
		}},
		{Cluster: regionsKnown, Entry: rule.Entry{
			ID: "COL-003", Topic: "colocation", Title: "The region of ThingWorx or of its database is not known", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "A host name such as NAME.postgres.database.azure.com does not contain the region, so the inventory has to carry it.",
			Why:       "While a region is not known nobody can say whether ThingWorx and its database are at one location. That is not a pass.",
			Remedy:    "Give the placement of the Foundation nodes and of the database in the site file, or let the planner read it from Azure.",
			Reference: rule.RefMeridian,
		}},
		{Cluster: influxRegion, Entry: rule.Entry{
			ID: "COL-004", Topic: "colocation", Title: "InfluxDB is not in Foundation's region", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "Inferred from PTC's request to have ThingWorx and its database at one location; PTC does not name InfluxDB there.",
			Why:       "Value streams are written to InfluxDB in batches and queried by mashups. With a region between them the write queue grows and queries slow down; what is queued when a node crashes is lost.",
			Remedy:    "Move InfluxDB to the region of the Foundation nodes.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: storageRegion, Entry: rule.Entry{
			ID: "COL-005", Topic: "colocation", Title: "Shared storage is not in Foundation's region, or in one zone under nodes of several", Scope: rule.OfInfrastructure,
			Severity: rule.High, Severities: []rule.Severity{rule.High, rule.Medium}, Confidence: rule.Inferred,
			Basis:     "Inferred: file repositories are used as a local file system. That storage without zone redundancy is in one zone is stated by Microsoft.",
			Why:       "ThingworxStorage is read and written like a local disk. From another region each file operation waits for the wide area network; on storage of one zone, nodes in other zones do not help when that zone is lost.",
			Remedy:    "Put the storage into the region of the Foundation nodes; under nodes of several zones take zone-redundant storage.",
			Reference: rule.RefStorage,
		}},
		{Cluster: oneZone, Entry: rule.Entry{
			ID: "COL-006", Topic: "colocation", Title: "Foundation or Ignite nodes of one cluster are spread over zones or regions", Scope: rule.OfCluster,
			Severity: rule.Critical, Severities: []rule.Severity{rule.Critical, rule.Medium}, Confidence: rule.Official,
			Basis:     "PTC does not support it for high availability. Generic Azure advice says the opposite.",
			Why:       "The nodes of a cluster keep their shared state in Ignite and synchronise the model through the database; in clustered mode a single script call may be a remote round trip. Latency between nodes slows every one of them, and a lost link between them splits the cache.",
			Remedy:    "Place all Foundation and Ignite nodes of the cluster in one region and one zone, on separate machines. Protect against the loss of a zone or region with a tested recovery in another one.",
			Reference: rule.RefArchitectures,
			Contradiction: &rule.Contradiction{
				Source: "Azure Proactive Resiliency Library", Advice: "ca87914f-aac4-4783-ab67-82a6f936f194",
				Says: "Enable high availability with zone redundancy, so that a standby in another zone takes over.",
				Wins: []rule.Win{
					{Components: []string{"foundation", "ignite"}, Side: "PTC", Why: "The nodes share state at memory speed and PTC does not support them apart; zone redundancy advice must not be carried over from the database to them."},
					{Components: []string{"database", "storage", "load-balancer"}, Side: "Microsoft", Why: "Their redundancy over zones is a function of the service, works without ThingWorx and does not stretch the cluster; COL-002 tells the price of it."},
				},
				Why:    "The advice judges one resource by itself. ThingWorx is not a set of stateless servers: its nodes have to be close to each other and to the database more than they have to be apart.",
				Waiver: "Exempt: this resource serves a ThingWorx cluster whose Foundation and Ignite nodes have to run in one zone, because PTC does not support a cluster spread over zones. Loss of the zone is covered by the recovery plan of the cluster. Reviewed with Meridian rule COL-006.",
			},
		}},
		{Cluster: measuredRoundTrip, Entry: rule.Entry{
			ID: "COL-007", Topic: "colocation", Title: "The measured round trip to the database is too long for one region", Scope: rule.OfInfrastructure,
			Severity: rule.Medium, Confidence: rule.Inferred,
			Basis:     "Microsoft designs for less than about 2 ms between zones of one region. The limit is our inference.",
			Why:       "Both sides are said to be in one region, yet the network between them behaves as if they were not: a detour over a firewall or a peering, a wrong placement, or an overloaded link.",
			Remedy:    "Trace the path between the Foundation nodes and the database: peering, firewalls, DNS that resolves to a distant endpoint. Check that the placement is right.",
			Reference: rule.RefPractices,
			Parameters: []rule.Parameter{{
				Name: "maximumRoundTrip", Kind: rule.DurationParameter, Default: "2ms", Unit: "duration",
				Meaning: "Longest measured round trip (95th percentile) within one region. From Microsoft's design target between zones.",
			}},
		}},
		{Cluster: zooKeeperRegion, Entry: rule.Entry{
			ID: "COL-008", Topic: "colocation", Title: "ZooKeeper is not in the region of the cluster it coordinates", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "Inferred from what ZooKeeper does for ThingWorx: service discovery, singletons and the decision which node is alive.",
			Why:       "A cluster that loses its link to ZooKeeper loses discovery and singletons. Between regions that link is longer and fails more often than one within a data centre.",
			Remedy:    "Run the ZooKeeper ensemble in the region of the cluster. Clusters of several regions take one ensemble each.",
			Reference: rule.RefCentralZK,
		}},
		{Site: infrastructurePlacements, Cluster: clusterPlacements, Entry: rule.Entry{
			ID: "COL-009", Topic: "colocation", Title: "The declared placement differs from the observed one", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "A comparison of what a person or file declared with what a source observed, of what two sources or files observed, and of the placements that nodes of one machine give.",
			Why:       "Every statement about regions and residency rests on placements. One that is declared wrongly makes them wrong without anybody noticing.",
			Remedy:    "Correct the declaration, or move the part to where it should be.",
			Reference: rule.RefMeridian,
		}},
	}
}

// databaseRegion is COL-001.
func databaseRegion(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if u.Infra.Engine == inventory.EngineH2 {
			j.Pass(s, "H2 runs inside Foundation.")
			return
		}
		foundation, database, apart, ok := compareRegions(j, c, s, u)
		if !ok {
			return
		}
		if !apart {
			j.Pass(s, "Foundation and its database run in one region.")
			return
		}
		measured, isMeasured := j.View.Measured(c, u.Infrastructure)
		span, _ := j.View.Farthest(foundation, database)
		f := rule.Failure{Severity: rule.High, Evidence: map[string]any{"foundationRegions": facts.Codes(foundation), "databaseRegions": facts.Codes(database)}}
		var detail []string
		if span.KmKnown {
			detail = append(detail, strconv.Itoa(span.Km)+" km apart")
			f.Evidence["distanceKm"] = span.Km
		}
		limit := j.Duration(0)
		if span.Published {
			detail = append(detail, "published round trip "+rule.Millis(span.RoundTrip)+" (p95)")
			f.Evidence["publishedRoundTrip"] = inventory.Duration(span.RoundTrip).String()
		}
		if isMeasured {
			detail = append(detail, "measured "+rule.Millis(measured))
			f.Evidence["measuredRoundTrip"] = inventory.Duration(measured).String()
		}
		if span.Published && span.RoundTrip >= limit || isMeasured && measured >= limit {
			f.Severity = rule.Critical
		}
		if from, to, differ := geographies(j, foundation, database); differ {
			f.Severity = rule.Critical
			f.Evidence["geographies"] = []string{from, to}
			detail = append(detail, "geographies "+from+" and "+to)
		}
		if len(detail) == 0 {
			detail = append(detail, "two locations, with a wide area network in every database call")
		}
		f.Message = fmt.Sprintf("Foundation of %s runs in %s, its database %s in %s: %s.", c.Key, rule.Joined(facts.Codes(foundation)), u.Name, rule.Joined(facts.Codes(database)), strings.Join(detail, ", "))
		j.Fail(s, f)
	})
}

// geographies returns the first pair of known geographies that differ between two lists of regions.
func geographies(j *rule.Judge, a, b []facts.Region) (from, to string, differ bool) {
	for _, x := range a {
		for _, y := range b {
			from, known := j.View.Geography(x)
			to, ok := j.View.Geography(y)
			if known && ok && from != to {
				return from, to, true
			}
		}
	}
	return "", "", false
}

// compareRegions compares the regions of Foundation with those of an infrastructure. When a region that could matter is not known it
// records that for the subject and ok is false; regions that differ already need no further ones.
func compareRegions(j *rule.Judge, c *facts.Cluster, s rule.Subject, u *facts.Use) (foundation, other []facts.Region, apart, ok bool) {
	foundation, other = c.Regions, u.Regions
	if len(foundation) > 0 && len(other) > 0 && (len(foundation) > 1 || len(other) > 1 || !foundation[0].Same(other[0])) {
		return foundation, other, true, true
	}
	lacking := append(rule.Missing("placement.region", c.Unplaced), rule.Missing("placement.region", u.Unplaced)...)
	if len(c.Foundation) == 0 {
		lacking = append(lacking, "foundation nodes of "+c.Key)
	}
	if len(lacking) > 0 {
		j.Unknown(s, "The regions cannot be compared because not all of them are known.", lacking...)
		return nil, nil, false, false
	}
	return foundation, other, false, true
}

// databaseZone is COL-002.
func databaseZone(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if u.Infra.Engine == inventory.EngineH2 {
			j.Skip(s, "H2 runs inside Foundation.")
			return
		}
		places := u.Serving
		_, _, apart, ok := compareRegions(j, c, s, u)
		if !ok {
			return
		}
		if apart {
			j.Skip(s, "The regions differ already; COL-001 judges that.")
			return
		}
		physical := facts.Physical(c.Foundation, places)
		mine, noMine := facts.ZonesOf(c.Foundation, physical)
		theirs, noTheirs := facts.ZonesOf(places, physical)
		if len(mine) == 0 && len(theirs) == 0 && !j.View.HasZones(&places[0]) {
			j.Skip(s, "The region has no zones.")
			return
		}
		evidence := map[string]any{"foundationZones": mine, "databaseZones": theirs, "physicalZones": physical}
		if len(mine) > 0 && len(theirs) > 0 && (len(mine) > 1 || len(theirs) > 1 || mine[0] != theirs[0]) {
			j.Fail(s, rule.Failure{Evidence: evidence, Message: fmt.Sprintf("Foundation of %s runs in zone %s, its database %s in zone %s of the same region.", c.Key, rule.Joined(mine), u.Name, rule.Joined(theirs))})
			return
		}
		if ha := u.Infra.HighAvailability; ha != nil && ha.Mode == inventory.HAZoneRedundant && len(mine) > 0 && len(theirs) > 0 {
			standby := "another zone"
			if ha.StandbyZone != "" {
				standby = "zone " + ha.StandbyZone
				evidence["standbyZone"] = ha.StandbyZone
			}
			j.Fail(s, rule.Failure{Evidence: evidence, Message: fmt.Sprintf("Foundation of %s and its database %s run in zone %s, but after a failover the database runs in %s.", c.Key, u.Name, mine[0], standby)})
			return
		}
		lacking := append(rule.Missing("placement.zone", noMine), rule.Missing("placement.zone", noTheirs)...)
		if u.Infra.Engine == inventory.EngineAzurePostgreSQLFlexible && u.Infra.HighAvailability == nil {
			lacking = append(lacking, "highAvailability of "+u.Name)
		}
		if len(lacking) > 0 {
			j.Unknown(s, "The zones of Foundation and its database cannot be compared because not all of them are known.", lacking...)
			return
		}
		j.Pass(s, "Foundation and its database run in one zone, also after a failover.")
	})
}

// regionsKnown is COL-003.
func regionsKnown(j *rule.Judge, c *facts.Cluster) {
	lacking := rule.Missing("placement.region", c.Unplaced)
	if len(c.Foundation) == 0 {
		lacking = append(lacking, "foundation nodes of "+c.Key)
	}
	for i := range c.Uses {
		switch u := &c.Uses[i]; {
		case u.As != inventory.AsDatabase:
		case u.Infra == nil:
			lacking = append(lacking, "infrastructure "+u.Name)
		case u.Infra.Engine != inventory.EngineH2:
			lacking = append(lacking, rule.Missing("placement.region", u.Unplaced)...)
		}
	}
	if !c.Has(inventory.AsDatabase) {
		lacking = append(lacking, "database of "+c.Key)
	}
	if len(lacking) > 0 {
		j.Unknown(j.OfCluster(c), "It cannot be established whether ThingWorx and its database of "+c.Key+" are in one region.", lacking...)
		return
	}
	j.Pass(j.OfCluster(c), "The regions of Foundation and its database are known.")
}

// influxRegion is COL-004.
func influxRegion(j *rule.Judge, c *facts.Cluster) {
	j.Influx(c, func(s rule.Subject, u *facts.Use) { sameRegion(j, c, s, u, "InfluxDB", "") })
}

// sameRegion records whether an infrastructure is in Foundation's region, and reports whether it is.
func sameRegion(j *rule.Judge, c *facts.Cluster, s rule.Subject, u *facts.Use, what, pass string) bool {
	foundation, other, apart, ok := compareRegions(j, c, s, u)
	if !ok {
		return false
	}
	if !apart {
		if pass == "" {
			pass = "It runs in Foundation's region."
		}
		j.Pass(s, pass)
		return true
	}
	f := rule.Failure{Evidence: map[string]any{"foundationRegions": facts.Codes(foundation), "regions": facts.Codes(other)}}
	f.Message = fmt.Sprintf("Foundation of %s runs in %s, %s %s in %s", c.Key, rule.Joined(facts.Codes(foundation)), what, u.Name, rule.Joined(facts.Codes(other)))
	if span, ok := j.View.Farthest(foundation, other); ok && span.Published {
		f.Evidence["publishedRoundTrip"] = inventory.Duration(span.RoundTrip).String()
		f.Message += ": published round trip " + rule.Millis(span.RoundTrip) + " (p95)"
	}
	f.Message += "."
	j.Fail(s, f)
	return false
}

// storageRegion is COL-005.
func storageRegion(j *rule.Judge, c *facts.Cluster) {
	if !j.Each(c, inventory.AsStorage, func(s rule.Subject, u *facts.Use) {
		if attached(u.Infra) && len(c.Foundation) == 1 {
			j.Pass(s, "The storage is a disk attached to the Foundation node.")
			return
		}
		_, _, apart, ok := compareRegions(j, c, s, u)
		if ok && !apart {
			storageZone(j, c, s, u)
		} else if ok {
			sameRegion(j, c, s, u, "its storage", "")
		}
	}) {
		j.Skip(j.OfCluster(c), "The inventory lists no storage for the cluster; ARC-006 judges that where it is needed.")
	}
}

// attached reports whether a storage is a disk of which no place is given: it is where the node is that it is attached to.
func attached(i *inventory.Infrastructure) bool {
	return strings.EqualFold(i.Protocol, "disk") && i.Placement.Region == "" && len(i.Nodes) == 0
}

func storageZone(j *rule.Judge, c *facts.Cluster, s rule.Subject, u *facts.Use) {
	zones, without := facts.ZonesOf(c.Foundation, facts.Physical(c.Foundation))
	switch u.Infra.Redundancy {
	case inventory.RedundancyZone, inventory.RedundancyGeo:
		j.Pass(s, "The storage is in Foundation's region and not bound to one zone.")
		return
	}
	if len(zones) > 1 && u.Infra.Redundancy != "" {
		j.Fail(s, rule.Failure{
			Severity: rule.Medium, Evidence: map[string]any{"foundationZones": zones, "redundancy": string(u.Infra.Redundancy)},
			Message: fmt.Sprintf("Foundation nodes of %s run in zones %s, but the storage %s has redundancy %s and is lost with its zone.", c.Key, rule.Joined(zones), u.Name, u.Infra.Redundancy),
		})
		return
	}
	if len(without) > 0 && (len(zones) > 0 || len(c.Foundation) > 1 && j.View.HasZones(&c.Foundation[0])) {
		j.Unknown(s, "Whether the storage is in the zone of all nodes is not known.", rule.Missing("placement.zone", without)...)
		return
	}
	if len(zones) > 1 {
		j.Unknown(s, "The nodes run in several zones and the redundancy of the storage is not known.", "redundancy of "+u.Name)
		return
	}
	j.Pass(s, "The storage is in Foundation's region and the nodes are in one zone.")
}

// oneZone is COL-006.
func oneZone(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	nodes := c.Foundation
	if len(c.Ignite) > 0 {
		nodes = append(append([]facts.Place(nil), c.Foundation...), c.Ignite...)
	}
	if len(c.Foundation) == 0 {
		j.Unknown(s, "Where the nodes run is not known.", "foundation nodes of "+c.Key)
		return
	}
	if len(nodes) == 1 {
		j.Skip(s, "One node cannot be spread.")
		return
	}
	regions, noRegion := c.Regions, c.Unplaced
	if len(c.Ignite) > 0 {
		regions, noRegion = facts.RegionsOf(nodes)
	}
	if len(regions) > 1 {
		codes := facts.Codes(regions)
		j.Fail(s, rule.Failure{
			Severity: rule.Critical, Evidence: map[string]any{"regions": codes},
			Message: fmt.Sprintf("Foundation and Ignite nodes of %s are spread over the regions %s, which PTC does not support for high availability.", c.Key, rule.Joined(codes)),
		})
		return
	}
	physical := facts.Physical(nodes)
	zones, noZone := facts.ZonesOf(nodes, physical)
	if len(zones) > 1 {
		j.Fail(s, rule.Failure{
			Severity: rule.Medium, Evidence: map[string]any{"zones": zones, "physicalZones": physical},
			Message: fmt.Sprintf("Foundation and Ignite nodes of %s are spread over the zones %s of one region, which PTC does not support for high availability.", c.Key, rule.Joined(zones)),
		})
		return
	}
	lacking := rule.Missing("placement.region", noRegion)
	if len(zones) > 0 || j.View.HasZones(&nodes[0]) {
		lacking = append(lacking, rule.Missing("placement.zone", noZone)...)
	}
	if len(lacking) > 0 {
		j.Unknown(s, "Whether the nodes are in one region and zone is not known.", lacking...)
		return
	}
	j.Pass(s, "All Foundation and Ignite nodes run in one place.")
}

// measuredRoundTrip is COL-007.
func measuredRoundTrip(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if u.Infra.Engine == inventory.EngineH2 {
			j.Skip(s, "H2 runs inside Foundation.")
			return
		}
		_, _, apart, ok := compareRegions(j, c, s, u)
		if !ok {
			return
		}
		if apart {
			j.Skip(s, "The regions differ; COL-001 judges the round trip.")
			return
		}
		limit := j.Duration(0)
		switch measured, isMeasured := j.View.Measured(c, u.Infrastructure); {
		case !isMeasured:
			j.Unknown(s, "No round trip to the database has been measured.", "probe database-round-trip to "+u.Name)
		case measured > limit:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"measuredRoundTrip": inventory.Duration(measured).String(), "limit": inventory.Duration(limit).String()},
				Message:  fmt.Sprintf("The round trip from %s to its database %s was measured with %s (p95), although both are in one region; %s is the limit.", c.Key, u.Name, rule.Millis(measured), rule.Millis(limit)),
			})
		default:
			j.Pass(s, "The measured round trip is within the limit.")
		}
	})
}

// zooKeeperRegion is COL-008.
func zooKeeperRegion(j *rule.Judge, c *facts.Cluster) {
	if !j.Each(c, inventory.AsZooKeeper, func(s rule.Subject, u *facts.Use) {
		if j.Clustered(c, s) {
			sameRegion(j, c, s, u, "its ZooKeeper", "ZooKeeper runs in the cluster's region.")
		}
	}) && j.Clustered(c, j.OfCluster(c)) {
		j.Skip(j.OfCluster(c), "The inventory lists no ZooKeeper for the cluster; HA-001 judges that.")
	}
}
