# Twenty rules of the built-in pack, written in Rego as an author with an eye on speed would: what several rules need is a
# function of scalars, whose results are kept within a query; look-ups go by key; verdicts are chains of else.
#
# The input is one SiteInventory in canonical spelling; data.zoned holds the regions that have availability zones. Messages,
# evidence and severities are left out: only the verdicts are computed.
#
# Two differences are known, and canonical documents without mistakes show neither: a region without a provider counts as a region
# of its own, and of two uses of one infrastructure in one role both verdicts are given instead of the worse.
package meridian

# One verdict for each rule and subject: [rule, cluster, infrastructure or "", verdict].
findings contains [rule, c.id, "", verdict] if {
	some i, c in input.clusters
	some rule, verdict in of_cluster(i)
}

findings contains [rule, c.id, u.infrastructure, verdict] if {
	some i, c in input.clusters
	some k, u in c.uses
	some rule, verdict in of_use(i, k, u.infrastructure, u.as)
}

of_cluster(i) := object.union_n([
	{
		"COL-003": col_003(i),
		"COL-006": col_006(i),
		"HA-004": ha_004(i),
		"HA-005": ha_005(i),
		"ARC-006": arc_006(i),
		"SIZ-001": siz_001(i),
		"CFG-001": cfg_001(i),
		"CFG-003": cfg_003(i),
	},
	without_database(i),
	without_zookeeper(i),
	without_storage(i),
	balancers_by_themselves(i),
	probes_by_themselves(i),
])

of_use(i, _, id, "database") := {
	"COL-001": col_001(i, id),
	"COL-002": col_002(i, id),
	"HA-014": ha_014(i, id),
	"ARC-002": arc_002(i, id),
	"ARC-003": arc_003(i, id),
}

of_use(i, _, id, "zookeeper") := {
	"COL-008": col_008(i, id),
	"HA-001": ha_001(i, id),
	"HA-002": ha_002(i, id),
}

of_use(i, _, id, "storage") := {
	"COL-005": col_005(i, id),
	"HA-007": ha_007(i, id),
}

of_use(i, k, id, "load-balancer") := object.union(ha_006(i, id), ha_016(i, k, id))

without_database(i) := {} if {
	"database" in roles(i)
} else := {"COL-001": "unknown", "COL-002": "unknown", "HA-014": "unknown", "ARC-002": "unknown", "ARC-003": "unknown"}

without_zookeeper(i) := {} if {
	"zookeeper" in roles(i)
} else := {"COL-008": "not-applicable", "HA-001": "fail", "HA-002": "not-applicable"} if {
	clustered(i) == true
} else := {"COL-008": "not-applicable", "HA-001": "not-applicable", "HA-002": "not-applicable"} if {
	clustered(i) == false
} else := {"COL-008": "unknown", "HA-001": "unknown", "HA-002": "unknown"}

without_storage(i) := {} if {
	"storage" in roles(i)
} else := {"COL-005": "not-applicable", "HA-007": when_required(i, "fail")}

# --- facts of the inventory -------------------------------------------------------------------------------------------

infra := {x.id: x | some x in input.infrastructure}

clustered(i) := object.get(input.clusters[i], "clusteredMode", null)

environment(i) := object.get(input.clusters[i], "environment", "")

roles(i) := {u.as | some u in input.clusters[i].uses}

kinds(i) := {x.kind | some x in input.clusters[i].components}

nodes(i, kind) := [n |
	some x in input.clusters[i].components
	x.kind == kind
	some n in x.nodes
]

foundation(i) := nodes(i, "foundation")

ignite(i) := [n |
	some x in input.clusters[i].components
	x.kind == "ignite"
	not x.mode == "embedded"
	some n in x.nodes
]

engine(id) := object.get(infra[id], "engine", "")

nodes_of(id) := object.get(infra[id], "nodes", [])

# A rule that PTC states for active-active clusters does not apply before ThingWorx 9.0.
before(i, major, minor) if {
	[a, b] := version(i)
	[a, b] < [major, minor]
}

version(i) := [to_number(parts[0]), minor_of(parts)] if {
	parts := split(trim_prefix(input.clusters[i].thingworxVersion, "v"), ".")
	regex.match(`^[0-9]+$`, parts[0])
}

minor_of(parts) := 0 if {
	count(parts) == 1
} else := to_number(regex.find_n(`^[0-9]+`, parts[1], 1)[0])

# The verdict of a rule on clusters in clustered mode.
when_clustered(i, verdict) := verdict if {
	clustered(i) == true
} else := "not-applicable" if {
	clustered(i) == false
} else := "unknown"

# The verdict of a rule on clusters that need high availability.
when_required(i, verdict) := verdict if {
	need(i) == "required"
} else := "unknown" if {
	need(i) == ""
	environment(i) != "development"
} else := "not-applicable"

need(i) := object.get(input.clusters[i], ["objectives", "highAvailability"], "")

# --- facts of places --------------------------------------------------------------------------------------------------

place(n) := object.get(n, "placement", {})

foundation_places(i) := [place(n) | some n in foundation(i)]

# Where an infrastructure serves: its nodes but read replicas, which take from it what they do not say themselves, or itself.
serving(id) := [place(infra[id])] if {
	count(nodes_of(id)) == 0
} else := kept if {
	kept := [node_place(id, k) | some k, n in nodes_of(id); not n.role == "replica"]
	count(kept) > 0
} else := [node_place(id, k) | some k, _ in nodes_of(id)]

node_place(id, k) := nodes_of(id)[k].placement if {
	nodes_of(id)[k].placement.region
} else := object.union(object.filter(place(infra[id]), ["provider", "region"]), object.filter(nodes_of(id)[k].placement, ["zone", "physicalZone"])) if {
	nodes_of(id)[k].placement.zone
} else := place(infra[id])

regions(places) := {[object.get(p, "provider", ""), p.region] | some p in places}

foundation_regions(i) := regions(foundation_places(i))

serving_regions(id) := regions(serving(id))

unplaced(places) if {
	some p in places
	not p.region
}

has_zones(p) if data.zoned[p.provider][p.region]

# Physical zones compare across subscriptions, but only when every place names its own.
zone_key(places) := "physicalZone" if {
	every p in places {
		p.physicalZone
	}
} else := "zone"

zones(places, key) := {p[key] | some p in places}

unzoned(places, key) if {
	some p in places
	not p[key]
}

# How the regions of Foundation and of an infrastructure compare.
compared(i, id) := "apart" if {
	count(foundation_regions(i)) > 0
	count(serving_regions(id)) > 0
	count(foundation_regions(i) | serving_regions(id)) > 1
} else := "unknown" if {
	count(foundation(i)) == 0
} else := "unknown" if {
	unplaced(foundation_places(i))
} else := "unknown" if {
	unplaced(serving(id))
} else := "same"

# --- colocation -------------------------------------------------------------------------------------------------------

col_001(i, id) := "unknown" if {
	not infra[id]
} else := "pass" if {
	engine(id) == "h2"
} else := {"apart": "fail", "unknown": "unknown", "same": "pass"}[compared(i, id)]

col_002(i, id) := "unknown" if {
	not infra[id]
} else := "not-applicable" if {
	engine(id) == "h2"
} else := "unknown" if {
	compared(i, id) == "unknown"
} else := "not-applicable" if {
	compared(i, id) == "apart"
} else := database_zone(i, id, zone_key(array.concat(foundation_places(i), serving(id))))

database_zone(i, id, key) := "not-applicable" if {
	count(zones(foundation_places(i), key)) == 0
	count(zones(serving(id), key)) == 0
	not has_zones(serving(id)[0])
} else := "fail" if {
	count(zones(foundation_places(i), key)) > 0
	count(zones(serving(id), key)) > 0
	count(zones(foundation_places(i), key) | zones(serving(id), key)) > 1
} else := "fail" if {
	infra[id].highAvailability.mode == "zone-redundant"
	count(zones(foundation_places(i), key)) > 0
	count(zones(serving(id), key)) > 0
} else := "unknown" if {
	unzoned(foundation_places(i), key)
} else := "unknown" if {
	unzoned(serving(id), key)
} else := "unknown" if {
	engine(id) == "azure-postgresql-flexible"
	not infra[id].highAvailability
} else := "pass"

col_003(i) := "unknown" if {
	count(foundation(i)) == 0
} else := "unknown" if {
	unplaced(foundation_places(i))
} else := "unknown" if {
	not "database" in roles(i)
} else := "unknown" if {
	some u in input.clusters[i].uses
	u.as == "database"
	unknown_region(u.infrastructure)
} else := "pass"

unknown_region(id) if not infra[id]

unknown_region(id) if {
	engine(id) != "h2"
	unplaced(serving(id))
}

col_005(i, id) := "unknown" if {
	not infra[id]
} else := "pass" if {
	attached(id)
	count(foundation(i)) == 1
} else := "unknown" if {
	compared(i, id) == "unknown"
} else := "fail" if {
	compared(i, id) == "apart"
} else := "pass" if {
	infra[id].redundancy in {"zone", "geo"}
} else := storage_zone(i, id, zone_key(foundation_places(i)))

# A disk of which no place is given is where the node is that it is attached to.
attached(id) if {
	lower(infra[id].protocol) == "disk"
	not infra[id].placement.region
	count(nodes_of(id)) == 0
}

storage_zone(i, id, key) := "fail" if {
	infra[id].redundancy
	count(zones(foundation_places(i), key)) > 1
} else := "unknown" if {
	unzoned(foundation_places(i), key)
	matters(i, key)
} else := "unknown" if {
	count(zones(foundation_places(i), key)) > 1
} else := "pass"

matters(i, key) if count(zones(foundation_places(i), key)) > 0

matters(i, _) if {
	count(foundation(i)) > 1
	has_zones(foundation_places(i)[0])
}

col_006(i) := "unknown" if {
	count(foundation(i)) == 0
} else := "not-applicable" if {
	count(close(i)) == 1
} else := "fail" if {
	count(regions(close(i))) > 1
} else := "fail" if {
	count(zones(close(i), zone_key(close(i)))) > 1
} else := "unknown" if {
	unplaced(close(i))
} else := "unknown" if {
	unzoned(close(i), zone_key(close(i)))
	close_has_zones(i)
} else := "pass"

# Foundation and Ignite nodes have to be close to each other.
close(i) := array.concat(foundation_places(i), [place(n) | some n in ignite(i)])

close_has_zones(i) if count(zones(close(i), zone_key(close(i)))) > 0

close_has_zones(i) if has_zones(close(i)[0])

col_008(i, id) := "unknown" if {
	not infra[id]
} else := when_clustered(i, {"apart": "fail", "unknown": "unknown", "same": "pass"}[compared(i, id)])

# --- availability -----------------------------------------------------------------------------------------------------

# The servers of an ensemble: its nodes, or the hosts of a connect string of several. 0 is not known.
ensemble(id) := count(nodes_of(id)) if {
	count(nodes_of(id)) > 0
} else := n if {
	n := count([h | some h in split(split(infra[id].identity.endpoint, "/")[0], ","); trim_space(h) != ""])
	n > 1
} else := 0

ha_001(i, id) := "unknown" if {
	not infra[id]
} else := when_clustered(i, "unknown") if {
	ensemble(id) == 0
} else := when_clustered(i, "fail") if {
	ensemble(id) < 3
} else := when_clustered(i, "pass")

ha_002(i, id) := "unknown" if {
	not infra[id]
} else := when_clustered(i, "unknown") if {
	ensemble(id) == 0
} else := when_clustered(i, "fail") if {
	ensemble(id) % 2 == 0
} else := when_clustered(i, "pass")

ha_004(i) := at_least_two(i, "foundation")

ha_005(i) := at_least_two(i, "connection-server")

at_least_two(i, _) := "not-applicable" if {
	before(i, 9, 0)
}

at_least_two(i, kind) := when_clustered(i, count_verdict(i, kind)) if {
	not before(i, 9, 0)
}

count_verdict(i, kind) := "pass" if {
	count(nodes(i, kind)) > 1
} else := "fail" if {
	count(nodes(i, kind)) == 1
} else := "unknown" if {
	kind in kinds(i)
} else := "fail"

balancers_by_themselves(i) := {"HA-006": when_required(i, "pass")} if {
	count(nodes(i, "load-balancer")) > 1
} else := {} if {
	"load-balancer" in roles(i)
} else := {"HA-006": when_required(i, "unknown")} if {
	count(nodes(i, "load-balancer")) == 0
	"load-balancer" in kinds(i)
} else := {"HA-006": when_required(i, "fail")}

ha_006(i, id) := {} if {
	count(nodes(i, "load-balancer")) > 1
} else := {"HA-006": "unknown"} if {
	not infra[id]
} else := {"HA-006": when_required(i, "pass")} if {
	infra[id].redundant == true
} else := {"HA-006": when_required(i, "pass")} if {
	count(nodes_of(id)) > 1
} else := {"HA-006": when_required(i, "fail")} if {
	infra[id].redundant == false
} else := {"HA-006": when_required(i, "fail")} if {
	count(nodes_of(id)) > 0
} else := {"HA-006": when_required(i, "unknown")}

ha_007(i, id) := "unknown" if {
	not infra[id]
} else := when_required(i, "unknown") if {
	not infra[id].redundancy
} else := when_required(i, "fail") if {
	infra[id].redundancy == "none"
} else := when_required(i, "pass")

ha_014(i, id) := "unknown" if {
	not infra[id]
} else := "unknown" if {
	engine(id) == ""
} else := "not-applicable" if {
	engine(id) != "azure-postgresql-flexible"
} else := when_required(i, "fail") if {
	burstable(id)
} else := when_required(i, "fail") if {
	infra[id].highAvailability.mode == "none"
} else := when_required(i, "unknown") if {
	not infra[id].highAvailability.mode
} else := when_required(i, "pass")

burstable(id) if lower(infra[id].tier) == "burstable"

burstable(id) if {
	not infra[id].tier
	startswith(trim_prefix(lower(infra[id].sku), "standard_"), "b")
}

# Where there is one Foundation node only, neither the probe nor stickiness chooses anything.
probes_by_themselves(i) := {"HA-016": "not-applicable"} if {
	not routes(i)
} else := {} if {
	"load-balancer" in roles(i)
} else := {"HA-016": "unknown"}

routes(i) if {
	not before(i, 9, 0)
	not alone(i)
}

alone(i) if {
	clustered(i) == false
	count(foundation(i)) < 2
}

ha_016(i, k, id) := {} if {
	not routes(i)
} else := {"HA-016": "unknown"} if {
	not infra[id]
} else := {"HA-016": "unknown"} if {
	clustered(i) == null
	count(foundation(i)) < 2
} else := {"HA-016": "fail"} if {
	lower(probed(input.clusters[i].uses[k].healthPath)) != "/thingworx/ready"
} else := {"HA-016": "fail"} if {
	input.clusters[i].uses[k].stickySessions == false
} else := {"HA-016": "unknown"} if {
	not input.clusters[i].uses[k].healthPath
} else := {"HA-016": "unknown"} if {
	not input.clusters[i].uses[k].stickySessions
} else := {"HA-016": "pass"}

# The path of a health check, which may be written as a path, a URL or a request line.
probed(check) := trim_right(split(check, "?")[0], "/") if {
	startswith(check, "/")
	not contains(check, " ")
} else := trim_right(split(paths[0], "?")[0], "/") if {
	paths := [path | some word in split(check, " "); path := path_in(word)]
	count(paths) > 0
} else := check

path_in(word) := word if {
	startswith(word, "/")
} else := concat("/", array.concat([""], array.slice(parts, 1, count(parts)))) if {
	at := indexof(word, "://")
	at >= 0
	parts := split(substring(word, at + 3, -1), "/")
}

# --- architecture, sizing, configuration ------------------------------------------------------------------------------

arc_002(i, id) := "unknown" if {
	not infra[id]
} else := "not-applicable" if {
	not environment(i) in {"production", ""}
} else := "not-applicable" if {
	engine(id) in {"azure-postgresql-flexible", "azure-sql", "h2"}
} else := "unknown" if {
	count(nodes_of(id)) == 0
} else := "pass" if {
	count({n.machine | some n in nodes_of(id)} & foundation_machines) == 0
} else := "unknown" if {
	environment(i) == ""
} else := "fail"

foundation_machines := {n.machine |
	some i, _ in input.clusters
	some n in foundation(i)
}

arc_003(i, id) := "unknown" if {
	not infra[id]
} else := "unknown" if {
	engine(id) == ""
} else := "pass" if {
	engine(id) != "h2"
} else := "fail" if {
	version(i)
	not before(i, 9, 5)
} else := "fail" if {
	not environment(i) in {"", "development"}
} else := "unknown" if {
	environment(i) == ""
} else := "unknown" if {
	not version(i)
} else := "pass"

arc_006(i) := "not-applicable" if {
	before(i, 9, 0)
} else := when_clustered(i, storage_verdict(i))

storage_verdict(i) := "fail" if {
	some n in foundation(i)
	n.settings.thingworxPlatformShared
} else := "fail" if {
	some u in storages(i)
	contains(lower(u.path), "thingworxplatform")
} else := "pass" if {
	some u in storages(i)
	not lower(infra[u.infrastructure].protocol) == "disk"
} else := "fail"

storages(i) := [u | some u in input.clusters[i].uses; u.as == "storage"]

siz_001(i) := "not-applicable" if {
	environment(i) == "development"
} else := "unknown" if {
	not loaded(i)
} else := "pass" if {
	count(nodes(i, "connection-server")) >= servers_needed(i)
} else := "unknown" if {
	count(nodes(i, "connection-server")) == 0
	"connection-server" in kinds(i)
} else := "fail"

loaded(i) if count(input.clusters[i].workload.things) > 0

loaded(i) if count(input.clusters[i].workload.mashups) > 0

servers_needed(i) := ceil(sum([x.count | some x in input.clusters[i].workload.things]) / 100000)

cfg_001(i) := "not-applicable" if {
	before(i, 9, 0)
} else := when_clustered(i, platform_ids(i))

platform_ids(i) := "unknown" if {
	count(ids_of(i)) == 0
} else := "fail" if {
	count(ids_of(i)) < count(foundation(i))
} else := "fail" if {
	count({id | some id in ids_of(i)}) < count(ids_of(i))
} else := "fail" if {
	some id in ids_of(i)
	not regex.match(`^[a-zA-Z0-9]{1,32}$`, id)
} else := "pass"

ids_of(i) := [n.settings.platformId | some n in foundation(i)]

cfg_003(i) := "not-applicable" if {
	before(i, 9, 0)
} else := when_clustered(i, import_verdict(levels(i)))

# The level of each node; what a node does not give is the cluster's.
levels(i) := {upper(object.get(n, ["settings", "haCompatibilityImportLevel"], level)) | some n in foundation(i)} if {
	level := cluster_level(i)
	count(foundation(i)) > 0
} else := {upper(cluster_level(i))}

cluster_level(i) := object.get(input.clusters[i], ["settings", "haCompatibilityImportLevel"], "")

import_verdict(found) := "fail" if {
	count(found - {"", "DENY"}) > 0
} else := "unknown" if {
	"" in found
} else := "pass"
