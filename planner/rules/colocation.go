package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
)

func colocationRules() []rule {
	return []rule{
		{cluster: databaseRegion, Entry: Entry{ID: "COL-001", Topic: "colocation", Title: "ThingWorx and its database are in different regions", Scope: OfInfrastructure,
			Severity: Critical, Severities: []Severity{Critical, High}, Confidence: Official,
			Basis:     "PTC recommends ThingWorx Server and Azure PostgreSQL Flexible Server at the same geographical location. Round trips are Microsoft's published 95th percentiles or measured by probes. That a round trip of 20 ms makes it critical is our inference; PTC publishes no limit.",
			Why:       "Every service call and property write waits for the database, often several times in sequence. Between regions each wait costs ten times and more of what it costs within one, and the link between the regions becomes one more thing that can fail.",
			Remedy:    "Move the database to the region of the Foundation nodes, or the Foundation nodes to the database. The recommendation of the cluster compares both ways.",
			Reference: refArchitectures + "; " + refAzureLatency,
			Parameters: []Parameter{{Name: "criticalRoundTrip", Kind: DurationParameter, Default: "20ms", Unit: "duration",
				Meaning: "Published or measured round trip (95th percentile) from which the finding is critical. Assumption: PTC publishes none."}}}},
		{cluster: databaseZone, Entry: Entry{ID: "COL-002", Topic: "colocation", Title: "ThingWorx and its database are in different zones, or would be after a failover", Scope: OfInfrastructure,
			Severity: Low, Confidence: Inferred,
			Basis:     "Inferred from PTC's request for one location and Microsoft's target of less than about 2 ms between zones of a region.",
			Why:       "Between zones every database call takes a little longer, and two zones have to be up instead of one. A standby in another zone brings this about at the moment of a failover.",
			Remedy:    "Keep the database in the zone of the Foundation nodes where that is possible. Where its standby has to be in another zone, test the load with the standby active.",
			Reference: refPractices}},
		{cluster: regionsKnown, Entry: Entry{ID: "COL-003", Topic: "colocation", Title: "The region of ThingWorx or of its database is not known", Scope: OfCluster,
			Severity: High, Confidence: Inferred,
			Basis:     "A host name such as NAME.postgres.database.azure.com does not contain the region, so the inventory has to carry it.",
			Why:       "While a region is not known nobody can say whether ThingWorx and its database are at one location. That is not a pass.",
			Remedy:    "Give the placement of the Foundation nodes and of the database in the site file, or let the planner read it from Azure.",
			Reference: refMeridian}},
		{cluster: influxRegion, Entry: Entry{ID: "COL-004", Topic: "colocation", Title: "InfluxDB is not in Foundation's region", Scope: OfInfrastructure,
			Severity: High, Confidence: Inferred,
			Basis:     "Inferred from PTC's request to have ThingWorx and its database at one location; PTC does not name InfluxDB there.",
			Why:       "Value streams are written to InfluxDB in batches and queried by mashups. With a region between them the write queue grows and queries slow down; what is queued when a node crashes is lost.",
			Remedy:    "Move InfluxDB to the region of the Foundation nodes.",
			Reference: refArchitectures}},
		{cluster: storageRegion, Entry: Entry{ID: "COL-005", Topic: "colocation", Title: "Shared storage is not in Foundation's region, or in one zone under nodes of several", Scope: OfInfrastructure,
			Severity: High, Severities: []Severity{High, Medium}, Confidence: Inferred,
			Basis:     "Inferred: file repositories are used as a local file system. That storage without zone redundancy is in one zone is stated by Microsoft.",
			Why:       "ThingworxStorage is read and written like a local disk. From another region each file operation waits for the wide area network; on storage of one zone, nodes in other zones do not help when that zone is lost.",
			Remedy:    "Put the storage into the region of the Foundation nodes; under nodes of several zones take zone-redundant storage.",
			Reference: refStorage}},
		{cluster: oneZone, Entry: Entry{ID: "COL-006", Topic: "colocation", Title: "Foundation or Ignite nodes of one cluster are spread over zones or regions", Scope: OfCluster,
			Severity: Critical, Severities: []Severity{Critical, Medium}, Confidence: Official,
			Basis:     "PTC does not support it for high availability. Generic Azure advice says the opposite.",
			Why:       "The nodes of a cluster keep their shared state in Ignite and synchronise the model through the database; in clustered mode a single script call may be a remote round trip. Latency between nodes slows every one of them, and a lost link between them splits the cache.",
			Remedy:    "Place all Foundation and Ignite nodes of the cluster in one region and one zone, on separate machines. Protect against the loss of a zone or region with a tested recovery in another one.",
			Reference: refArchitectures,
			Contradiction: &Contradiction{Source: "Azure Proactive Resiliency Library", Advice: "ca87914f-aac4-4783-ab67-82a6f936f194",
				Says: "Enable high availability with zone redundancy, so that a standby in another zone takes over.",
				Wins: []Win{
					{Components: []string{"foundation", "ignite"}, Side: "PTC", Why: "The nodes share state at memory speed and PTC does not support them apart; zone redundancy advice must not be carried over from the database to them."},
					{Components: []string{"database", "storage", "load-balancer"}, Side: "Microsoft", Why: "Their redundancy over zones is a function of the service, works without ThingWorx and does not stretch the cluster; COL-002 tells the price of it."},
				},
				Why:    "The advice judges one resource by itself. ThingWorx is not a set of stateless servers: its nodes have to be close to each other and to the database more than they have to be apart.",
				Waiver: "Exempt: this resource serves a ThingWorx cluster whose Foundation and Ignite nodes have to run in one zone, because PTC does not support a cluster spread over zones. Loss of the zone is covered by the recovery plan of the cluster. Reviewed with Meridian rule COL-006."}}},
		{cluster: measuredRoundTrip, Entry: Entry{ID: "COL-007", Topic: "colocation", Title: "The measured round trip to the database is too long for one region", Scope: OfInfrastructure,
			Severity: Medium, Confidence: Inferred,
			Basis:     "Microsoft designs for less than about 2 ms between zones of one region. The limit is our inference.",
			Why:       "Both sides are said to be in one region, yet the network between them behaves as if they were not: a detour over a firewall or a peering, a wrong placement, or an overloaded link.",
			Remedy:    "Trace the path between the Foundation nodes and the database: peering, firewalls, DNS that resolves to a distant endpoint. Check that the placement is right.",
			Reference: refPractices,
			Parameters: []Parameter{{Name: "maximumRoundTrip", Kind: DurationParameter, Default: "2ms", Unit: "duration",
				Meaning: "Longest measured round trip (95th percentile) within one region. From Microsoft's design target between zones."}}}},
		{cluster: zooKeeperRegion, Entry: Entry{ID: "COL-008", Topic: "colocation", Title: "ZooKeeper is not in the region of the cluster it coordinates", Scope: OfInfrastructure,
			Severity: High, Confidence: Inferred,
			Basis:     "Inferred from what ZooKeeper does for ThingWorx: service discovery, singletons and the decision which node is alive.",
			Why:       "A cluster that loses its link to ZooKeeper loses discovery and singletons. Between regions that link is longer and fails more often than one within a data centre.",
			Remedy:    "Run the ZooKeeper ensemble in the region of the cluster. Clusters of several regions take one ensemble each.",
			Reference: refCentralZK}},
		{site: infrastructurePlacements, cluster: clusterPlacements, Entry: Entry{ID: "COL-009", Topic: "colocation", Title: "The declared placement differs from the observed one", Scope: OfCluster,
			Severity: High, Confidence: Inferred,
			Basis:     "A comparison of what a person or file declared with what a source observed, and of the placements that nodes of one machine give.",
			Why:       "Every statement about regions and residency rests on placements. One that is declared wrongly makes them wrong without anybody noticing.",
			Remedy:    "Correct the declaration, or move the part to where it should be.",
			Reference: refMeridian}},
	}
}

// databaseRegion is COL-001.
func databaseRegion(j *judge, c *facts.Cluster) {
	j.databases(c, func(s Subject, u *facts.Use) {
		if u.Infra.Engine == inventory.EngineH2 {
			j.pass(s, "H2 runs inside Foundation.")
			return
		}
		foundation, database, apart, ok := j.regions(c, s, u)
		if !ok {
			return
		}
		if !apart {
			j.pass(s, "Foundation and its database run in one region.")
			return
		}
		measured, isMeasured := j.site.Measured(c, u.Infrastructure)
		span, _ := j.site.Farthest(foundation, database)
		f := failure{severity: High, evidence: map[string]any{"foundationRegions": facts.Codes(foundation), "databaseRegions": facts.Codes(database)}}
		var detail []string
		if span.KmKnown {
			detail = append(detail, strconv.Itoa(span.Km)+" km apart")
			f.evidence["distanceKm"] = span.Km
		}
		limit := j.tuned.duration(0)
		if span.Published {
			detail = append(detail, "published round trip "+millis(span.RoundTrip)+" (p95)")
			f.evidence["publishedRoundTrip"] = inventory.Duration(span.RoundTrip).String()
		}
		if isMeasured {
			detail = append(detail, "measured "+millis(measured))
			f.evidence["measuredRoundTrip"] = inventory.Duration(measured).String()
		}
		if span.Published && span.RoundTrip >= limit || isMeasured && measured >= limit {
			f.severity = Critical
		}
		from, fromKnown := j.site.Geography(span.From)
		to, toKnown := j.site.Geography(span.To)
		if fromKnown && toKnown && from != to {
			f.severity = Critical
			f.evidence["geographies"] = []string{from, to}
			detail = append(detail, "geographies "+from+" and "+to)
		}
		if len(detail) == 0 {
			detail = append(detail, "two locations, with a wide area network in every database call")
		}
		f.message = fmt.Sprintf("Foundation of %s runs in %s, its database %s in %s: %s.", c.Key, joined(facts.Codes(foundation)), u.Name, joined(facts.Codes(database)), strings.Join(detail, ", "))
		j.fail(s, f)
	})
}

// regions compares the regions of Foundation with those of an infrastructure. When a region that could matter is not known it
// records that for the subject and ok is false; regions that differ already need no further ones.
func (j *judge) regions(c *facts.Cluster, s Subject, u *facts.Use) (foundation, other []facts.Region, apart, ok bool) {
	foundation, other = c.Regions, u.Regions
	if len(foundation) > 0 && len(other) > 0 && (len(foundation) > 1 || len(other) > 1 || !foundation[0].Same(other[0])) {
		return foundation, other, true, true
	}
	lacking := append(missing("placement.region", c.Unplaced), missing("placement.region", u.Unplaced)...)
	if len(c.Foundation) == 0 {
		lacking = append(lacking, "foundation nodes of "+c.Key)
	}
	if len(lacking) > 0 {
		j.unknown(s, "The regions cannot be compared because not all of them are known.", lacking...)
		return nil, nil, false, false
	}
	return foundation, other, false, true
}

// databaseZone is COL-002.
func databaseZone(j *judge, c *facts.Cluster) {
	j.databases(c, func(s Subject, u *facts.Use) {
		if u.Infra.Engine == inventory.EngineH2 {
			j.skip(s, "H2 runs inside Foundation.")
			return
		}
		places := u.Serving
		_, _, apart, ok := j.regions(c, s, u)
		if !ok {
			return
		}
		if apart {
			j.skip(s, "The regions differ already; COL-001 judges that.")
			return
		}
		physical := facts.Physical(c.Foundation, places)
		mine, noMine := facts.ZonesOf(c.Foundation, physical)
		theirs, noTheirs := facts.ZonesOf(places, physical)
		if len(mine) == 0 && len(theirs) == 0 && !j.site.HasZones(&places[0]) {
			j.skip(s, "The region has no zones.")
			return
		}
		evidence := map[string]any{"foundationZones": mine, "databaseZones": theirs, "physicalZones": physical}
		if len(mine) > 0 && len(theirs) > 0 && (len(mine) > 1 || len(theirs) > 1 || mine[0] != theirs[0]) {
			j.fail(s, failure{evidence: evidence, message: fmt.Sprintf("Foundation of %s runs in zone %s, its database %s in zone %s of the same region.", c.Key, joined(mine), u.Name, joined(theirs))})
			return
		}
		if ha := u.Infra.HighAvailability; ha != nil && ha.Mode == inventory.HAZoneRedundant && len(mine) > 0 && len(theirs) > 0 {
			standby := "another zone"
			if ha.StandbyZone != "" {
				standby = "zone " + ha.StandbyZone
				evidence["standbyZone"] = ha.StandbyZone
			}
			j.fail(s, failure{evidence: evidence, message: fmt.Sprintf("Foundation of %s and its database %s run in zone %s, but after a failover the database runs in %s.", c.Key, u.Name, mine[0], standby)})
			return
		}
		lacking := append(missing("placement.zone", noMine), missing("placement.zone", noTheirs)...)
		if u.Infra.Engine == inventory.EngineAzurePostgreSQLFlexible && u.Infra.HighAvailability == nil {
			lacking = append(lacking, "highAvailability of "+u.Name)
		}
		if len(lacking) > 0 {
			j.unknown(s, "The zones of Foundation and its database cannot be compared because not all of them are known.", lacking...)
			return
		}
		j.pass(s, "Foundation and its database run in one zone, also after a failover.")
	})
}

// regionsKnown is COL-003.
func regionsKnown(j *judge, c *facts.Cluster) {
	lacking := missing("placement.region", c.Unplaced)
	if len(c.Foundation) == 0 {
		lacking = append(lacking, "foundation nodes of "+c.Key)
	}
	for i := range c.Uses {
		switch u := &c.Uses[i]; {
		case u.As != inventory.AsDatabase:
		case u.Infra == nil:
			lacking = append(lacking, "infrastructure "+u.Name)
		case u.Infra.Engine != inventory.EngineH2:
			lacking = append(lacking, missing("placement.region", u.Unplaced)...)
		}
	}
	if !c.Has(inventory.AsDatabase) {
		lacking = append(lacking, "database of "+c.Key)
	}
	if len(lacking) > 0 {
		j.unknown(j.ofCluster(c), "It cannot be established whether ThingWorx and its database of "+c.Key+" are in one region.", lacking...)
		return
	}
	j.pass(j.ofCluster(c), "The regions of Foundation and its database are known.")
}

// influxRegion is COL-004.
func influxRegion(j *judge, c *facts.Cluster) {
	j.influx(c, func(s Subject, u *facts.Use) { j.sameRegion(c, s, u, "InfluxDB", "") })
}

// influx judges every InfluxDB in use; a cluster without one is not applicable.
func (j *judge) influx(c *facts.Cluster, judgement func(Subject, *facts.Use)) {
	if !j.each(c, inventory.AsTimeseries, func(s Subject, u *facts.Use) {
		if u.Infra.Kind != inventory.KindInfluxDB {
			j.skip(s, "The time series are not kept in InfluxDB.")
			return
		}
		judgement(s, u)
	}) {
		j.skip(j.ofCluster(c), "The cluster uses no InfluxDB.")
	}
}

// sameRegion records whether an infrastructure is in Foundation's region, and reports whether it is.
func (j *judge) sameRegion(c *facts.Cluster, s Subject, u *facts.Use, what, pass string) bool {
	foundation, other, apart, ok := j.regions(c, s, u)
	if !ok {
		return false
	}
	if !apart {
		if pass == "" {
			pass = "It runs in Foundation's region."
		}
		j.pass(s, pass)
		return true
	}
	f := failure{evidence: map[string]any{"foundationRegions": facts.Codes(foundation), "regions": facts.Codes(other)}}
	f.message = fmt.Sprintf("Foundation of %s runs in %s, %s %s in %s", c.Key, joined(facts.Codes(foundation)), what, u.Name, joined(facts.Codes(other)))
	if span, ok := j.site.Farthest(foundation, other); ok && span.Published {
		f.evidence["publishedRoundTrip"] = inventory.Duration(span.RoundTrip).String()
		f.message += ": published round trip " + millis(span.RoundTrip) + " (p95)"
	}
	f.message += "."
	j.fail(s, f)
	return false
}

// storageRegion is COL-005.
func storageRegion(j *judge, c *facts.Cluster) {
	if !j.each(c, inventory.AsStorage, func(s Subject, u *facts.Use) {
		_, _, apart, ok := j.regions(c, s, u)
		if ok && !apart {
			j.storageZone(c, s, u)
		} else if ok {
			j.sameRegion(c, s, u, "its storage", "")
		}
	}) {
		j.skip(j.ofCluster(c), "The inventory lists no storage for the cluster; ARC-006 judges that where it is needed.")
	}
}

func (j *judge) storageZone(c *facts.Cluster, s Subject, u *facts.Use) {
	zones, without := facts.ZonesOf(c.Foundation, facts.Physical(c.Foundation))
	switch u.Infra.Redundancy {
	case inventory.RedundancyZone, inventory.RedundancyGeo:
		j.pass(s, "The storage is in Foundation's region and not bound to one zone.")
		return
	}
	if len(zones) > 1 && u.Infra.Redundancy != "" {
		j.fail(s, failure{severity: Medium, evidence: map[string]any{"foundationZones": zones, "redundancy": string(u.Infra.Redundancy)},
			message: fmt.Sprintf("Foundation nodes of %s run in zones %s, but the storage %s has redundancy %s and is lost with its zone.", c.Key, joined(zones), u.Name, u.Infra.Redundancy)})
		return
	}
	if len(without) > 0 && (len(zones) > 0 || len(c.Foundation) > 1 && j.site.HasZones(&c.Foundation[0])) {
		j.unknown(s, "Whether the storage is in the zone of all nodes is not known.", missing("placement.zone", without)...)
		return
	}
	if len(zones) > 1 {
		j.unknown(s, "The nodes run in several zones and the redundancy of the storage is not known.", "redundancy of "+u.Name)
		return
	}
	j.pass(s, "The storage is in Foundation's region and the nodes are in one zone.")
}

// oneZone is COL-006.
func oneZone(j *judge, c *facts.Cluster) {
	s := j.ofCluster(c)
	nodes := c.Foundation
	if len(c.Ignite) > 0 {
		nodes = append(append([]facts.Place(nil), c.Foundation...), c.Ignite...)
	}
	if len(c.Foundation) == 0 {
		j.unknown(s, "Where the nodes run is not known.", "foundation nodes of "+c.Key)
		return
	}
	if len(nodes) == 1 {
		j.skip(s, "One node cannot be spread.")
		return
	}
	regions, noRegion := c.Regions, c.Unplaced
	if len(c.Ignite) > 0 {
		regions, noRegion = facts.RegionsOf(nodes)
	}
	if len(regions) > 1 {
		codes := facts.Codes(regions)
		j.fail(s, failure{severity: Critical, evidence: map[string]any{"regions": codes},
			message: fmt.Sprintf("Foundation and Ignite nodes of %s are spread over the regions %s, which PTC does not support for high availability.", c.Key, joined(codes))})
		return
	}
	physical := facts.Physical(nodes)
	zones, noZone := facts.ZonesOf(nodes, physical)
	if len(zones) > 1 {
		j.fail(s, failure{severity: Medium, evidence: map[string]any{"zones": zones, "physicalZones": physical},
			message: fmt.Sprintf("Foundation and Ignite nodes of %s are spread over the zones %s of one region, which PTC does not support for high availability.", c.Key, joined(zones))})
		return
	}
	lacking := missing("placement.region", noRegion)
	if len(zones) > 0 || j.site.HasZones(&nodes[0]) {
		lacking = append(lacking, missing("placement.zone", noZone)...)
	}
	if len(lacking) > 0 {
		j.unknown(s, "Whether the nodes are in one region and zone is not known.", lacking...)
		return
	}
	j.pass(s, "All Foundation and Ignite nodes run in one place.")
}

// measuredRoundTrip is COL-007.
func measuredRoundTrip(j *judge, c *facts.Cluster) {
	j.databases(c, func(s Subject, u *facts.Use) {
		if u.Infra.Engine == inventory.EngineH2 {
			j.skip(s, "H2 runs inside Foundation.")
			return
		}
		_, _, apart, ok := j.regions(c, s, u)
		if !ok {
			return
		}
		if apart {
			j.skip(s, "The regions differ; COL-001 judges the round trip.")
			return
		}
		limit := j.tuned.duration(0)
		switch measured, isMeasured := j.site.Measured(c, u.Infrastructure); {
		case !isMeasured:
			j.unknown(s, "No round trip to the database has been measured.", "probe database-round-trip to "+u.Name)
		case measured > limit:
			j.fail(s, failure{evidence: map[string]any{"measuredRoundTrip": inventory.Duration(measured).String(), "limit": inventory.Duration(limit).String()},
				message: fmt.Sprintf("The round trip from %s to its database %s was measured with %s (p95), although both are in one region; %s is the limit.", c.Key, u.Name, millis(measured), millis(limit))})
		default:
			j.pass(s, "The measured round trip is within the limit.")
		}
	})
}

// zooKeeperRegion is COL-008.
func zooKeeperRegion(j *judge, c *facts.Cluster) {
	if !j.each(c, inventory.AsZooKeeper, func(s Subject, u *facts.Use) {
		if j.clustered(c, s) {
			j.sameRegion(c, s, u, "its ZooKeeper", "ZooKeeper runs in the cluster's region.")
		}
	}) && j.clustered(c, j.ofCluster(c)) {
		j.skip(j.ofCluster(c), "The inventory lists no ZooKeeper for the cluster; HA-001 judges that.")
	}
}
