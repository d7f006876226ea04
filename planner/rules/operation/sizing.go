package operation

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
	"github.com/meridian-federation/meridian/planner/sizing"
)

func sizingRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: enoughConnectionServers, Entry: rule.Entry{
			ID: "SIZ-001", Topic: "sizing", Title: "Too few connection servers for the things", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC: connection servers = things / 100 000, rounded up. Development clusters are not judged.",
			Why:       "A connection server holds the connections of its devices. Beyond its number connections are refused or dropped at peak.",
			Remedy:    "Add connection servers until there is one for each 100 000 things, and one more for high availability.",
			Reference: "PTC Help Center, ThingWorx Sizing Guide: Example 1",
			Parameters: []rule.Parameter{{
				Name: "thingsPerServer", Kind: rule.NumberParameter, Default: "100000", Unit: "things",
				Meaning: "Things one connection server is planned for. PTC's divisor; no hard maximum is published.",
			}},
		}},
		{Cluster: writesWithoutInflux, Entry: rule.Entry{
			ID: "SIZ-002", Topic: "sizing", Title: "More property writes than the relational database is meant for", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Official,
			Basis:     "PTC: PostgreSQL serves implementations up to 15 000 property writes a second.",
			Why:       "Beyond that the write queue grows, values arrive late, and what is queued is lost when a node crashes.",
			Remedy:    "Keep value streams in InfluxDB, or log fewer properties or less often.",
			Reference: rule.RefDataStorage,
			Parameters: []rule.Parameter{{
				Name: "maximumWrites", Kind: rule.NumberParameter, Default: "15000", Unit: "property writes per second",
				Meaning: "Property writes a second up to which the relational database alone will do. PTC, for PostgreSQL.",
			}},
		}},
		{Cluster: foundationSize, Entry: rule.Entry{
			ID: "SIZ-003", Topic: "sizing", Title: "Foundation nodes too small or of unequal size", Scope: rule.OfCluster,
			Severity: rule.Medium, Confidence: rule.Official,
			Basis:     "PTC's hardware table, by the size that the workload asks for; where PTC publishes no threshold the size pack's assumption decides. Clustering does not make a node smaller. Development clusters are not judged.",
			Why:       "Each node holds the whole model. A node smaller than the others is the first to fail, and its load then falls on the rest.",
			Remedy:    "Give all Foundation nodes the same size, at least the one required.",
			Reference: rule.RefSizing + "; " + rule.RefClusterSizing,
		}},
		{Cluster: databaseSize, Entry: rule.Entry{
			ID: "SIZ-004", Topic: "sizing", Title: "Database smaller than required", Scope: rule.OfInfrastructure,
			Severity: rule.Medium, Confidence: rule.Official,
			Basis:     "PTC's hardware table, by the size that the workload asks for. Size of a Flexible Server from its SKU (Microsoft). Development clusters are not judged.",
			Why:       "Every Foundation node waits for the database; more Foundation nodes do not make up for a small one.",
			Remedy:    "Move the database to the required size.",
			Reference: rule.RefSizing,
		}},
		{Cluster: connectionBudget, Entry: rule.Entry{
			ID: "SIZ-005", Topic: "sizing", Title: "Connection pools can exceed the database's connections", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "Arithmetic: Foundation nodes times maximum pool size, over all clusters on the server, against max_connections. A Flexible Server keeps 15 of them for itself (Microsoft).",
			Why:       "At peak, or when all nodes start at once, the database refuses connections to whichever cluster comes last.",
			Remedy:    "Lower the pool sizes, raise max_connections (or the server's size), or move a cluster to another server.",
			Reference: rule.RefLimits,
		}},
		{Cluster: nearThreshold, Entry: rule.Entry{
			ID: "SIZ-006", Topic: "sizing", Title: "Write load close to the next size on a high-availability database", Scope: rule.OfCluster,
			Severity: rule.Low, Confidence: rule.Official,
			Basis:     "PTC: a high-availability database writes slightly slower; when property writes are near a threshold take the next size.",
			Why:       "The published sizes were measured without a standby. Near the threshold the standby uses up what was left.",
			Remedy:    "Plan with the next size.",
			Reference: "PTC Help Center, ThingWorx Sizing Guide: Data Processing",
			Parameters: []rule.Parameter{{
				Name: "margin", Kind: rule.PercentParameter, Default: "10%", Unit: "percent of the threshold",
				Meaning: "Share of the size's limit that has to be free. Assumption: PTC says near and gives no number.",
			}},
		}},
	}
}

// sized returns the sizing of a cluster, or records for the subject that its workload is not known.
func sized(j *rule.Judge, c *facts.Cluster, s rule.Subject) (*sizing.Result, bool) {
	f := j.Facts(c)
	if f == nil || !f.Sizing.Known {
		j.Unknown(s, "The workload of the cluster is not known.", "workload of "+c.Key)
		return nil, false
	}
	return &f.Sizing, true
}

// development records for a development cluster that it is not judged, and reports whether it is one.
func development(j *rule.Judge, c *facts.Cluster, s rule.Subject) bool {
	if c.Environment == inventory.Development {
		j.Skip(s, "It is a development cluster.")
		return true
	}
	return false
}

// enoughConnectionServers is SIZ-001.
func enoughConnectionServers(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	if development(j, c, s) {
		return
	}
	size, ok := sized(j, c, s)
	if !ok {
		return
	}
	per := max(1, j.Number(0))
	need, have := int(math.Ceil(float64(size.Things)/per)), len(c.Connection)
	switch {
	case have == 0 && need > 0 && c.Lists(inventory.ConnectionServer):
		j.Unknown(s, "The number of connection servers is not known.", "connection-server nodes of "+c.Key)
	case have < need:
		j.Fail(s, rule.Failure{
			Evidence: map[string]any{"things": size.Things, "have": have, "need": need},
			Message:  fmt.Sprintf("%s has %s for %s things and needs %d, one for each %s.", c.Key, rule.Count(have, "connection server", "connection servers"), sizing.Thousands(size.Things), need, sizing.Thousands(per)),
		})
	default:
		j.Pass(s, "There are enough connection servers for the things.")
	}
}

// writesWithoutInflux is SIZ-002.
func writesWithoutInflux(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	size, ok := sized(j, c, s)
	switch {
	case !ok:
	case c.UsesKind(inventory.AsTimeseries, inventory.KindInfluxDB):
		j.Pass(s, "The time series are kept in InfluxDB.")
	case size.WPS > j.Number(0):
		wps := int(math.Round(size.WPS))
		j.Fail(s, rule.Failure{
			Evidence: map[string]any{"writesPerSecond": wps, "limit": int(j.Number(0))},
			Message:  fmt.Sprintf("%s writes %s properties a second into its relational database, which is meant for %s.", c.Key, sizing.Thousands(wps), sizing.Thousands(j.Number(0))),
		})
	default:
		j.Pass(s, "The relational database is meant for the property writes.")
	}
}

// foundationSize is SIZ-003.
func foundationSize(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	if development(j, c, s) {
		return
	}
	if len(c.Foundation) == 0 {
		j.Unknown(s, "The Foundation nodes are not known.", "foundation nodes of "+c.Key)
		return
	}
	var lacking, sizes []string
	first, unequal := c.Foundation[0].Node, false
	for i := range c.Foundation {
		n := c.Foundation[i].Node
		if n.CPU == 0 {
			lacking = append(lacking, "cpu of "+n.Name)
		}
		if n.MemoryGiB == 0 {
			lacking = append(lacking, "memoryGiB of "+n.Name)
		}
		unequal = unequal || bothDiffer(n.CPU, first.CPU) || bothDiffer(n.MemoryGiB, first.MemoryGiB)
	}
	if unequal {
		for i := range c.Foundation {
			n := c.Foundation[i].Node
			sizes = append(sizes, n.Name+" "+hardware(n.CPU, n.MemoryGiB))
		}
		slices.Sort(sizes)
		j.Fail(s, rule.Failure{Evidence: map[string]any{"sizes": sizes}, Message: fmt.Sprintf("The Foundation nodes of %s are of unequal size: %s.", c.Key, rule.Joined(sizes))})
		return
	}
	size, ok := sized(j, c, s)
	if !ok {
		return
	}
	need := size.Foundation
	for i := range c.Foundation {
		if n := c.Foundation[i].Node; smaller(n.CPU, n.MemoryGiB, need) {
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"node": n.Name, "cpu": n.CPU, "memoryGiB": n.MemoryGiB, "requiredCpu": need.CPU, "requiredMemoryGiB": need.MemoryGiB, "size": string(size.Size)},
				Message:  fmt.Sprintf("Foundation node %s of %s has %s; size %s needs %s.", n.Name, c.Key, hardware(n.CPU, n.MemoryGiB), size.Size, hardware(need.CPU, need.MemoryGiB)),
			})
			return
		}
	}
	if need.CPU == 0 {
		lacking = append(lacking, "required size of "+c.Key)
	}
	if len(lacking) > 0 {
		j.Unknown(s, "Whether the Foundation nodes have the required size is not known.", lacking...)
		return
	}
	j.Pass(s, "The Foundation nodes have the required size and are equal.")
}

func bothDiffer(a, b float64) bool { return a != 0 && b != 0 && a != b }

func smaller(cpu, memory float64, need sizing.Hardware) bool {
	return cpu != 0 && cpu < need.CPU || memory != 0 && memory < need.MemoryGiB
}

func hardware(cpu, memory float64) string {
	text := func(v float64) string {
		if v == 0 {
			return "?"
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return text(cpu) + " vCPU/" + text(memory) + " GiB"
}

// databaseSize is SIZ-004.
func databaseSize(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if development(j, c, s) {
			return
		}
		if u.Infra.Engine == inventory.EngineH2 {
			j.Skip(s, "H2 runs inside Foundation.")
			return
		}
		size, ok := sized(j, c, s)
		if !ok {
			return
		}
		need := size.Database
		var lacking []string
		check := func(name string, cpu, memory float64, sku string) bool {
			if u.Infra.Engine == inventory.EngineAzurePostgreSQLFlexible && (cpu == 0 || memory == 0) {
				if skuCPU, skuMemory, ok := inventory.FlexibleCapacity(sku); ok {
					cpu, memory = skuCPU, skuMemory
				}
			}
			if smaller(cpu, memory, need) {
				j.Fail(s, rule.Failure{
					Evidence: map[string]any{"cpu": cpu, "memoryGiB": memory, "requiredCpu": need.CPU, "requiredMemoryGiB": need.MemoryGiB, "size": string(size.Size)},
					Message:  fmt.Sprintf("The database %s of %s has %s; size %s needs %s.", name, c.Key, hardware(cpu, memory), size.Size, hardware(need.CPU, need.MemoryGiB)),
				})
				return false
			}
			if cpu == 0 {
				lacking = append(lacking, "cpu of "+name)
			}
			if memory == 0 {
				lacking = append(lacking, "memoryGiB of "+name)
			}
			return true
		}
		for i := range u.Infra.Nodes {
			n := &u.Infra.Nodes[i]
			if !check(n.Name+" of "+u.Name, n.CPU, n.MemoryGiB, n.SKU) {
				return
			}
		}
		if len(u.Infra.Nodes) == 0 && !check(u.Name, u.Infra.CPU, u.Infra.MemoryGiB, u.Infra.SKU) {
			return
		}
		if need.CPU == 0 {
			lacking = append(lacking, "required size of "+c.Key)
		}
		if len(lacking) > 0 {
			j.Unknown(s, "Whether the database has the required size is not known.", lacking...)
			return
		}
		j.Pass(s, "The database has the required size.")
	})
}

// reserved is how many connections a Flexible Server keeps for itself (Microsoft, limits page).
const reserved = 15

// connections returns how many connections a database gives its users.
func connections(i *inventory.Infrastructure) (int, bool) {
	n := i.MaxConnections
	if i.Engine != inventory.EngineAzurePostgreSQLFlexible {
		return n, n > 0
	}
	if n == 0 {
		n, _ = facts.DefaultConnections(i.SKU)
	}
	return max(0, n-reserved), n > 0
}

// connectionBudget is SIZ-005.
func connectionBudget(j *rule.Judge, c *facts.Cluster) {
	j.Databases(c, func(s rule.Subject, u *facts.Use) {
		if u.Infra.Engine == inventory.EngineH2 {
			j.Skip(s, "H2 runs inside Foundation.")
			return
		}
		var lacking []string
		limit, known := u.Spelling(connections)
		if !known {
			lacking = append(lacking, "maxConnections of "+u.Name)
		}
		sum := 0
		for i := range u.Tenants {
			t := &u.Tenants[i]
			nodes := foundationNodes(t.Cluster)
			if nodes == 0 {
				lacking = append(lacking, "foundation nodes of "+t.Key)
			}
			if t.Use.PoolMax == 0 && t.Use.As != inventory.AsDatabase && alsoDatabase(u.Tenants, t) {
				continue
			}
			if t.Use.PoolMax == 0 {
				lacking = append(lacking, "poolMax of "+t.Key+" on "+u.Name)
			}
			sum += nodes * t.Use.PoolMax
		}
		lacking = append(lacking, rule.Missing("poolMax", u.Unseen)...)
		if known && sum > limit {
			tenants := u.Others(c.Key)
			message := fmt.Sprintf("The connection pools of %s on its database %s can grow to %s; the database gives %s connections.", c.Key, u.Name, sizing.Thousands(sum), sizing.Thousands(limit))
			if len(tenants) > 0 {
				message = fmt.Sprintf("The connection pools of %s and %s on the database %s can grow to %s; the database gives %s connections.", c.Key, rule.Joined(tenants), u.Name, sizing.Thousands(sum), sizing.Thousands(limit))
			}
			j.Fail(s, rule.Failure{Since: u.Observed(), Message: message, Evidence: map[string]any{"pools": sum, "connections": limit, "otherClusters": tenants}})
			return
		}
		if len(lacking) > 0 {
			j.Unknown(s, "Whether the connection pools fit the database is not known.", rule.Compact(lacking)...)
			return
		}
		j.Pass(s, "The connection pools fit the database.")
	})
}

// alsoDatabase reports whether a tenant uses the server as its model database too: values kept there go over the same pool
// unless they have one of their own.
func alsoDatabase(tenants []facts.Tenant, t *facts.Tenant) bool {
	return slices.ContainsFunc(tenants, func(o facts.Tenant) bool { return o.Key == t.Key && o.Use.As == inventory.AsDatabase })
}

func foundationNodes(c *inventory.Cluster) int {
	n := 0
	for i := range c.Components {
		if c.Components[i].Kind == inventory.Foundation {
			n += len(c.Components[i].Nodes)
		}
	}
	return n
}

// nearThreshold is SIZ-006.
func nearThreshold(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	redundant, unsure := "", ""
	for i := range c.Uses {
		u := &c.Uses[i]
		switch {
		case u.As != inventory.AsDatabase || u.Infra == nil:
		case facts.Standby(u.Infra):
			redundant = u.Name
		case u.Infra.Engine == inventory.EngineAzurePostgreSQLFlexible && u.Infra.HighAvailability == nil:
			unsure = "highAvailability of " + u.Name
		case !u.Infra.Engine.Managed() && u.Infra.Engine != inventory.EngineH2 && len(u.Infra.Nodes) == 0:
			unsure = "nodes of " + u.Name
		}
	}
	if !c.Has(inventory.AsDatabase) {
		unsure = "database of " + c.Key
	}
	if redundant == "" && unsure == "" {
		j.Skip(s, "The database has no standby.")
		return
	}
	size, ok := sized(j, c, s)
	if !ok {
		return
	}
	free, known := size.Headroom["wps"]
	// Sizing has taken the next size already where the writes alone ask for it. The headroom is that of the next size then.
	raised := redundant != "" && size.NearThreshold && free >= j.Number(0) && size.Sizes.WPS == size.Size && size.Sizes.Things != size.Size && size.Sizes.Requests != size.Size
	switch {
	case !known:
		j.Unknown(s, "The headroom of the property writes is not known.", "headroom of "+c.Key)
	case raised:
		j.Fail(s, rule.Failure{
			Evidence: map[string]any{"size": string(size.Size), "writesPerSecond": int(math.Round(size.WPS))},
			Message:  fmt.Sprintf("The property writes of %s come close to the threshold of size %s, and its database %s has a standby, which writes slower: plan with %s.", c.Key, size.Size, redundant, size.Size),
		})
	case free >= j.Number(0):
		j.Pass(s, "The property writes keep clear of the next size.")
	case redundant == "":
		j.Unknown(s, "The property writes are close to the next size, and whether the database has a standby is not known.", unsure)
	default:
		j.Fail(s, rule.Failure{
			Evidence: map[string]any{"free": free, "size": string(size.Size), "writesPerSecond": int(math.Round(size.WPS))},
			Message:  fmt.Sprintf("The property writes of %s leave %s of size %s free, and its database %s has a standby, which writes slower.", c.Key, rule.Share(max(0, free)), size.Size, redundant),
		})
	}
}
