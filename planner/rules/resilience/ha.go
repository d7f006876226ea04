package resilience

import (
	"fmt"
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func haClusterRules() []rule.Rule {
	return []rule.Rule{
		{Cluster: zooKeeperCount, Entry: rule.Entry{
			ID: "HA-001", Topic: "availability", Title: "Fewer than three ZooKeeper nodes", Scope: rule.OfInfrastructure,
			Severity: rule.Critical, Confidence: rule.Official,
			Basis:     "PTC lists three ZooKeeper nodes for a cluster.",
			Why:       "ZooKeeper decides by majority which Foundation node is alive. Of one or two nodes none may fail without the cluster losing that majority.",
			Remedy:    "Run three ZooKeeper nodes on three machines; PTC sizes each with 2 vCPU and 2 GiB.",
			Reference: rule.RefArchitectures + "; " + rule.RefClusterSizing,
		}},
		{Cluster: zooKeeperOdd, Entry: rule.Entry{
			ID: "HA-002", Topic: "availability", Title: "An even number of ZooKeeper nodes", Scope: rule.OfInfrastructure,
			Severity: rule.Medium, Confidence: rule.Official,
			Basis:     "PTC asks for an odd number of ZooKeeper nodes for the quorum.",
			Why:       "A fourth node raises the majority from two to three and so tolerates no more failures than three nodes do, while there is one more to fail.",
			Remedy:    "Add or remove one ZooKeeper node, so that their number is odd.",
			Reference: rule.RefClusterSizing,
		}},
		{Cluster: zooKeeperMajority, Entry: rule.Entry{
			ID: "HA-003", Topic: "availability", Title: "One machine or zone carries the ZooKeeper majority", Scope: rule.OfInfrastructure,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "Arithmetic on majority and placement. A zone counts only where Foundation would survive its loss: PTC wants the nodes of a cluster in one zone, and what is lost together anyway is not made worse.",
			Why:       "When that machine or zone fails, the remaining ZooKeeper nodes are no majority and the cluster stops, although its other nodes are well.",
			Remedy:    "Spread the ZooKeeper nodes over as many machines as there are nodes, and over the zones that Foundation runs in plus one where Foundation spans zones.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: foundationCount, Entry: rule.Entry{
			ID: "HA-004", Topic: "availability", Title: "A cluster with fewer than two Foundation nodes", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC lists two or more Foundation nodes, all active.",
			Why:       "Clustered mode with one node has the cost of clustering and none of its use: that node's failure stops the cluster.",
			Remedy:    "Add a Foundation node of the same size on a machine of its own, or switch clustered mode off.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: connectionCount, Entry: rule.Entry{
			ID: "HA-005", Topic: "availability", Title: "A cluster with fewer than two connection servers", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC lists two or more connection servers for a cluster.",
			Why:       "Connection servers distribute the devices over the Foundation nodes. When the only one fails all devices are cut off.",
			Remedy:    "Add a connection server on another machine.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: igniteCount, Entry: rule.Entry{
			ID: "HA-013", Topic: "availability", Title: "Separate Ignite with fewer than two nodes", Scope: rule.OfCluster,
			Severity: rule.High, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC lists Ignite either embedded or on two or more nodes of its own.",
			Why:       "Ignite holds the shared state of all Foundation nodes. A single Ignite node is a single point of failure for all of them.",
			Remedy:    "Run two or more Ignite nodes on different machines, or embed Ignite in the Foundation nodes.",
			Reference: rule.RefArchitectures,
		}},
		{Cluster: spareNodes, Entry: rule.Entry{
			ID: "HA-017", Topic: "availability", Title: "Peak load needs every node", Scope: rule.OfCluster,
			Severity: rule.Medium, Confidence: rule.Official, Versions: rule.Active(),
			Basis:     "PTC: deploy at least one more Foundation node and one more connection server than the peak needs. How many the peak needs is computed from the workload.",
			Why:       "When one node fails at peak the others cannot carry its load, and a failure of one becomes a failure of all.",
			Remedy:    "Add a Foundation node or connection server, so that one can fail at peak.",
			Reference: rule.RefClusterSizing,
		}},
	}
}

// ensemble returns the number of ZooKeeper nodes, or records for the subject that it is not known.
func ensemble(j *rule.Judge, s rule.Subject, u *facts.Use) (int, bool) {
	n, known := u.Spelling(facts.Ensemble)
	if !known {
		j.Unknown(s, "The number of ZooKeeper nodes is not known: the inventory lists none, and a connect string of one host does not tell.", "nodes of "+u.Name)
	}
	return n, known
}

// zooKeeperCount is HA-001.
func zooKeeperCount(j *rule.Judge, c *facts.Cluster) {
	j.ZooKeepers(c, func(s rule.Subject) {
		j.Fail(s, rule.Failure{Evidence: map[string]any{"nodes": 0}, Message: c.Key + " runs in clustered mode without a ZooKeeper; it needs three nodes."})
	}, func(s rule.Subject, u *facts.Use) {
		n, known := ensemble(j, s, u)
		switch {
		case !known:
		case n < 3:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"nodes": n},
				Message:  fmt.Sprintf("The ZooKeeper %s of %s has %s; three are needed so that one may fail.", u.Name, c.Key, rule.Count(n, "node", "nodes")),
			})
		default:
			j.Pass(s, "There are at least three ZooKeeper nodes.")
		}
	})
}

// zooKeeperOdd is HA-002.
func zooKeeperOdd(j *rule.Judge, c *facts.Cluster) {
	j.ZooKeepers(c, func(s rule.Subject) { j.Skip(s, "The cluster lists no ZooKeeper; HA-001 judges that.") }, func(s rule.Subject, u *facts.Use) {
		n, known := ensemble(j, s, u)
		switch {
		case !known:
		case n%2 == 0:
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"nodes": n},
				Message:  fmt.Sprintf("The ZooKeeper %s of %s has %d nodes; an even number tolerates no more failures than one node fewer.", u.Name, c.Key, n),
			})
		default:
			j.Pass(s, "The number of ZooKeeper nodes is odd.")
		}
	})
}

// zooKeeperMajority is HA-003.
func zooKeeperMajority(j *rule.Judge, c *facts.Cluster) {
	j.ZooKeepers(c, func(s rule.Subject) { j.Skip(s, "The cluster lists no ZooKeeper; HA-001 judges that.") }, func(s rule.Subject, u *facts.Use) {
		nodes := u.Infra.Nodes
		if len(nodes) == 0 {
			j.Unknown(s, "On which machines ZooKeeper runs is not known.", "nodes of "+u.Name)
			return
		}
		for i := range nodes {
			m := nodes[i].Machine
			if carried := on(nodes, m); m != "" && len(nodes)-carried <= len(nodes)/2 {
				j.Fail(s, rule.Failure{
					Evidence: map[string]any{"machine": m, "zookeeperNodes": carried, "nodes": len(nodes)},
					Message:  fmt.Sprintf("Machine %s carries %d of %s of the ZooKeeper %s; without it %s has no majority.", m, carried, rule.Count(len(nodes), "node", "nodes"), u.Name, c.Key),
				})
				return
			}
		}
		if len(nodes) == 1 {
			j.Fail(s, rule.Failure{Evidence: map[string]any{"nodes": 1}, Message: fmt.Sprintf("The ZooKeeper %s of %s has a single node; without it there is no majority.", u.Name, c.Key)})
			return
		}
		zoneMajority(j, c, s, u)
	})
}

// zoneMajority judges the loss of a zone that Foundation would survive.
func zoneMajority(j *rule.Judge, c *facts.Cluster, s rule.Subject, u *facts.Use) {
	physical := facts.Physical(c.Foundation, u.Places)
	zones, without := facts.ZonesOf(u.Places, physical)
	own, ownWithout := facts.ZonesOf(c.Foundation, physical)
	for _, z := range zones {
		lost := 0
		for i := range u.Places {
			if u.Places[i].ZoneIn(physical) == z {
				lost++
			}
		}
		survives := slices.ContainsFunc(own, func(o string) bool { return o != z })
		if survives && len(u.Places)-lost <= len(u.Places)/2 {
			j.Fail(s, rule.Failure{
				Evidence: map[string]any{"zone": z, "zookeeperNodes": lost, "nodes": len(u.Places), "foundationZones": own},
				Message:  fmt.Sprintf("Zone %s carries %d of %d nodes of the ZooKeeper %s; without it %s has no majority, although Foundation also runs elsewhere.", z, lost, len(u.Places), u.Name, c.Key),
			})
			return
		}
	}
	// Zones matter only where there are some: named on either side, or known of the provider's region.
	if len(zones) > 0 || len(own) > 0 || j.View.HasZones(&u.Places[0]) {
		if lacking := append(rule.Missing("placement.zone", without), rule.Missing("placement.zone", ownWithout)...); len(lacking) > 0 {
			j.Unknown(s, "Whether one zone carries the ZooKeeper majority is not known.", lacking...)
			return
		}
	}
	j.Pass(s, "No machine, and no zone that Foundation would survive, carries the majority.")
}

// on counts the nodes of a machine.
func on(nodes []inventory.Node, machine string) int {
	n := 0
	for i := range nodes {
		if nodes[i].Machine == machine {
			n++
		}
	}
	return n
}

// foundationCount is HA-004.
func foundationCount(j *rule.Judge, c *facts.Cluster) {
	atLeastTwo(j, c, inventory.Foundation, len(c.Foundation), "Foundation node", "Foundation nodes")
}

// connectionCount is HA-005.
func connectionCount(j *rule.Judge, c *facts.Cluster) {
	atLeastTwo(j, c, inventory.ConnectionServer, len(c.Connection), "connection server", "connection servers")
}

// atLeastTwo judges a count in clustered mode. A component listed without nodes is one whose nodes are not known.
func atLeastTwo(j *rule.Judge, c *facts.Cluster, kind inventory.ComponentKind, n int, one, many string) {
	s := j.OfCluster(c)
	switch {
	case !j.Clustered(c, s):
	case n == 0 && c.Lists(kind):
		j.Unknown(s, "The inventory lists the component without its nodes.", string(kind)+" nodes of "+c.Key)
	case n < 2:
		j.Fail(s, rule.Failure{Evidence: map[string]any{"nodes": n}, Message: fmt.Sprintf("%s runs in clustered mode with %s; two or more are needed.", c.Key, rule.Count(n, one, many))})
	default:
		j.Pass(s, "There are at least two.")
	}
}

// igniteCount is HA-013.
func igniteCount(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	switch c.IgniteMode() {
	case inventory.IgniteEmbedded:
		j.Skip(s, "Ignite is embedded in the Foundation nodes.")
	case inventory.IgniteSeparate:
		switch n := len(c.Ignite); {
		case n == 0:
			j.Unknown(s, "The inventory lists a separate Ignite without its nodes.", "ignite nodes of "+c.Key)
		case n < 2:
			j.Fail(s, rule.Failure{Evidence: map[string]any{"nodes": n}, Message: c.Key + " keeps its shared state on a single separate Ignite node; two or more are needed."})
		default:
			j.Pass(s, "There are at least two Ignite nodes.")
		}
	default:
		if j.Clustered(c, s) {
			j.Unknown(s, "Whether Ignite is embedded or separate is not known.", "ignite mode of "+c.Key)
		}
	}
}

// spareNodes is HA-017.
func spareNodes(j *rule.Judge, c *facts.Cluster) {
	s := j.OfCluster(c)
	if !j.Clustered(c, s) {
		return
	}
	f := j.Facts(c)
	if f == nil || !f.Sizing.Known {
		j.Unknown(s, "How many nodes the peak needs is not known.", "workload of "+c.Key)
		return
	}
	var lacking, short []string
	evidence := map[string]any{}
	check := func(kind inventory.ComponentKind, have, need int, one, many string) {
		if have == 0 && c.Lists(kind) {
			lacking = append(lacking, string(kind)+" nodes of "+c.Key)
		} else if have <= need {
			short = append(short, rule.Count(have, one, many)+" where the peak needs "+fmt.Sprint(need))
			evidence[string(kind)+"Have"], evidence[string(kind)+"Peak"] = have, need
		}
	}
	check(inventory.Foundation, len(c.Foundation), f.Sizing.FoundationNodes, "Foundation node", "Foundation nodes")
	check(inventory.ConnectionServer, len(c.Connection), f.Sizing.ConnectionServers, "connection server", "connection servers")
	switch {
	case len(short) > 0:
		j.Fail(s, rule.Failure{Evidence: evidence, Message: fmt.Sprintf("%s has %s; one more of each is needed so that one may fail.", c.Key, rule.Joined(short))})
	case len(lacking) > 0:
		j.Unknown(s, "How many nodes there are is not known.", lacking...)
	default:
		j.Pass(s, "One Foundation node and one connection server may fail at peak.")
	}
}
