package rules

import (
	"fmt"
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
)

func haClusterRules() []rule {
	return []rule{
		{cluster: zooKeeperCount, Entry: Entry{ID: "HA-001", Topic: "availability", Title: "Fewer than three ZooKeeper nodes", Scope: OfInfrastructure,
			Severity: Critical, Confidence: Official,
			Basis:     "PTC lists three ZooKeeper nodes for a cluster.",
			Why:       "ZooKeeper decides by majority which Foundation node is alive. Of one or two nodes none may fail without the cluster losing that majority.",
			Remedy:    "Run three ZooKeeper nodes on three machines; PTC sizes each with 2 vCPU and 2 GiB.",
			Reference: refArchitectures + "; " + refClusterSizing}},
		{cluster: zooKeeperOdd, Entry: Entry{ID: "HA-002", Topic: "availability", Title: "An even number of ZooKeeper nodes", Scope: OfInfrastructure,
			Severity: Medium, Confidence: Official,
			Basis:     "PTC asks for an odd number of ZooKeeper nodes for the quorum.",
			Why:       "A fourth node raises the majority from two to three and so tolerates no more failures than three nodes do, while there is one more to fail.",
			Remedy:    "Add or remove one ZooKeeper node, so that their number is odd.",
			Reference: refClusterSizing}},
		{cluster: zooKeeperMajority, Entry: Entry{ID: "HA-003", Topic: "availability", Title: "One machine or zone carries the ZooKeeper majority", Scope: OfInfrastructure,
			Severity: High, Confidence: Inferred,
			Basis:     "Arithmetic on majority and placement. A zone counts only where Foundation would survive its loss: PTC wants the nodes of a cluster in one zone, and what is lost together anyway is not made worse.",
			Why:       "When that machine or zone fails, the remaining ZooKeeper nodes are no majority and the cluster stops, although its other nodes are well.",
			Remedy:    "Spread the ZooKeeper nodes over as many machines as there are nodes, and over the zones that Foundation runs in plus one where Foundation spans zones.",
			Reference: refArchitectures}},
		{cluster: foundationCount, Entry: Entry{ID: "HA-004", Topic: "availability", Title: "A cluster with fewer than two Foundation nodes", Scope: OfCluster,
			Severity: High, Confidence: Official, Versions: &active,
			Basis:     "PTC lists two or more Foundation nodes, all active.",
			Why:       "Clustered mode with one node has the cost of clustering and none of its use: that node's failure stops the cluster.",
			Remedy:    "Add a Foundation node of the same size on a machine of its own, or switch clustered mode off.",
			Reference: refArchitectures}},
		{cluster: connectionCount, Entry: Entry{ID: "HA-005", Topic: "availability", Title: "A cluster with fewer than two connection servers", Scope: OfCluster,
			Severity: High, Confidence: Official, Versions: &active,
			Basis:     "PTC lists two or more connection servers for a cluster.",
			Why:       "Connection servers distribute the devices over the Foundation nodes. When the only one fails all devices are cut off.",
			Remedy:    "Add a connection server on another machine.",
			Reference: refArchitectures}},
		{cluster: igniteCount, Entry: Entry{ID: "HA-013", Topic: "availability", Title: "Separate Ignite with fewer than two nodes", Scope: OfCluster,
			Severity: High, Confidence: Official, Versions: &active,
			Basis:     "PTC lists Ignite either embedded or on two or more nodes of its own.",
			Why:       "Ignite holds the shared state of all Foundation nodes. A single Ignite node is a single point of failure for all of them.",
			Remedy:    "Run two or more Ignite nodes on different machines, or embed Ignite in the Foundation nodes.",
			Reference: refArchitectures}},
		{cluster: spareNodes, Entry: Entry{ID: "HA-017", Topic: "availability", Title: "Peak load needs every node", Scope: OfCluster,
			Severity: Medium, Confidence: Official, Versions: &active,
			Basis:     "PTC: deploy at least one more Foundation node and one more connection server than the peak needs. How many the peak needs is computed from the workload.",
			Why:       "When one node fails at peak the others cannot carry its load, and a failure of one becomes a failure of all.",
			Remedy:    "Add a Foundation node or connection server, so that one can fail at peak.",
			Reference: refClusterSizing}},
	}
}

// zooKeepers judges every ZooKeeper of a cluster in clustered mode. none is called when it lists none.
func (j *judge) zooKeepers(c *facts.Cluster, none func(Subject), judgement func(Subject, *facts.Use)) {
	if j.each(c, inventory.AsZooKeeper, func(s Subject, u *facts.Use) {
		if j.clustered(c, s) {
			judgement(s, u)
		}
	}) {
		return
	}
	if s := j.ofCluster(c); j.clustered(c, s) {
		none(s)
	}
}

// ensemble returns the number of ZooKeeper nodes, or records for the subject that it is not known.
func (j *judge) ensemble(s Subject, u *facts.Use) (int, bool) {
	n, known := u.Spelling(facts.Ensemble)
	if !known {
		j.unknown(s, "The number of ZooKeeper nodes is not known: the inventory lists none, and a connect string of one host does not tell.", "nodes of "+u.Name)
	}
	return n, known
}

// zooKeeperCount is HA-001.
func zooKeeperCount(j *judge, c *facts.Cluster) {
	j.zooKeepers(c, func(s Subject) {
		j.fail(s, failure{evidence: map[string]any{"nodes": 0}, message: c.Key + " runs in clustered mode without a ZooKeeper; it needs three nodes."})
	}, func(s Subject, u *facts.Use) {
		n, known := j.ensemble(s, u)
		switch {
		case !known:
		case n < 3:
			j.fail(s, failure{evidence: map[string]any{"nodes": n},
				message: fmt.Sprintf("The ZooKeeper %s of %s has %s; three are needed so that one may fail.", u.Name, c.Key, count(n, "node", "nodes"))})
		default:
			j.pass(s, "There are at least three ZooKeeper nodes.")
		}
	})
}

// zooKeeperOdd is HA-002.
func zooKeeperOdd(j *judge, c *facts.Cluster) {
	j.zooKeepers(c, func(s Subject) { j.skip(s, "The cluster lists no ZooKeeper; HA-001 judges that.") }, func(s Subject, u *facts.Use) {
		n, known := j.ensemble(s, u)
		switch {
		case !known:
		case n%2 == 0:
			j.fail(s, failure{evidence: map[string]any{"nodes": n},
				message: fmt.Sprintf("The ZooKeeper %s of %s has %d nodes; an even number tolerates no more failures than one node fewer.", u.Name, c.Key, n)})
		default:
			j.pass(s, "The number of ZooKeeper nodes is odd.")
		}
	})
}

// zooKeeperMajority is HA-003.
func zooKeeperMajority(j *judge, c *facts.Cluster) {
	j.zooKeepers(c, func(s Subject) { j.skip(s, "The cluster lists no ZooKeeper; HA-001 judges that.") }, func(s Subject, u *facts.Use) {
		nodes := u.Infra.Nodes
		if len(nodes) == 0 {
			j.unknown(s, "On which machines ZooKeeper runs is not known.", "nodes of "+u.Name)
			return
		}
		for i := range nodes {
			m := nodes[i].Machine
			if carried := on(nodes, m); m != "" && len(nodes)-carried <= len(nodes)/2 {
				j.fail(s, failure{evidence: map[string]any{"machine": m, "zookeeperNodes": carried, "nodes": len(nodes)},
					message: fmt.Sprintf("Machine %s carries %d of %s of the ZooKeeper %s; without it %s has no majority.", m, carried, count(len(nodes), "node", "nodes"), u.Name, c.Key)})
				return
			}
		}
		if len(nodes) == 1 {
			j.fail(s, failure{evidence: map[string]any{"nodes": 1}, message: fmt.Sprintf("The ZooKeeper %s of %s has a single node; without it there is no majority.", u.Name, c.Key)})
			return
		}
		j.zoneMajority(c, s, u)
	})
}

// zoneMajority judges the loss of a zone that Foundation would survive.
func (j *judge) zoneMajority(c *facts.Cluster, s Subject, u *facts.Use) {
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
			j.fail(s, failure{evidence: map[string]any{"zone": z, "zookeeperNodes": lost, "nodes": len(u.Places), "foundationZones": own},
				message: fmt.Sprintf("Zone %s carries %d of %d nodes of the ZooKeeper %s; without it %s has no majority, although Foundation also runs elsewhere.", z, lost, len(u.Places), u.Name, c.Key)})
			return
		}
	}
	// Zones matter only where there are some: named on either side, or known of the provider's region.
	if len(zones) > 0 || len(own) > 0 || j.site.HasZones(&u.Places[0]) {
		if lacking := append(missing("placement.zone", without), missing("placement.zone", ownWithout)...); len(lacking) > 0 {
			j.unknown(s, "Whether one zone carries the ZooKeeper majority is not known.", lacking...)
			return
		}
	}
	j.pass(s, "No machine, and no zone that Foundation would survive, carries the majority.")
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
func foundationCount(j *judge, c *facts.Cluster) {
	j.atLeastTwo(c, inventory.Foundation, len(c.Foundation), "Foundation node", "Foundation nodes")
}

// connectionCount is HA-005.
func connectionCount(j *judge, c *facts.Cluster) {
	j.atLeastTwo(c, inventory.ConnectionServer, len(c.Connection), "connection server", "connection servers")
}

// atLeastTwo judges a count in clustered mode. A component listed without nodes is one whose nodes are not known.
func (j *judge) atLeastTwo(c *facts.Cluster, kind inventory.ComponentKind, n int, one, many string) {
	s := j.ofCluster(c)
	switch {
	case !j.clustered(c, s):
	case n == 0 && c.Lists(kind):
		j.unknown(s, "The inventory lists the component without its nodes.", string(kind)+" nodes of "+c.Key)
	case n < 2:
		j.fail(s, failure{evidence: map[string]any{"nodes": n}, message: fmt.Sprintf("%s runs in clustered mode with %s; two or more are needed.", c.Key, count(n, one, many))})
	default:
		j.pass(s, "There are at least two.")
	}
}

// igniteCount is HA-013.
func igniteCount(j *judge, c *facts.Cluster) {
	s := j.ofCluster(c)
	switch c.IgniteMode() {
	case inventory.IgniteEmbedded:
		j.skip(s, "Ignite is embedded in the Foundation nodes.")
	case inventory.IgniteSeparate:
		switch n := len(c.Ignite); {
		case n == 0:
			j.unknown(s, "The inventory lists a separate Ignite without its nodes.", "ignite nodes of "+c.Key)
		case n < 2:
			j.fail(s, failure{evidence: map[string]any{"nodes": n}, message: c.Key + " keeps its shared state on a single separate Ignite node; two or more are needed."})
		default:
			j.pass(s, "There are at least two Ignite nodes.")
		}
	default:
		if j.clustered(c, s) {
			j.unknown(s, "Whether Ignite is embedded or separate is not known.", "ignite mode of "+c.Key)
		}
	}
}

// spareNodes is HA-017.
func spareNodes(j *judge, c *facts.Cluster) {
	s := j.ofCluster(c)
	if !j.clustered(c, s) {
		return
	}
	f := j.facts(c)
	if f == nil || !f.Sizing.Known {
		j.unknown(s, "How many nodes the peak needs is not known.", "workload of "+c.Key)
		return
	}
	var lacking, short []string
	evidence := map[string]any{}
	check := func(kind inventory.ComponentKind, have, need int, one, many string) {
		if have == 0 && c.Lists(kind) {
			lacking = append(lacking, string(kind)+" nodes of "+c.Key)
		} else if have <= need {
			short = append(short, count(have, one, many)+" where the peak needs "+fmt.Sprint(need))
			evidence[string(kind)+"Have"], evidence[string(kind)+"Peak"] = have, need
		}
	}
	check(inventory.Foundation, len(c.Foundation), f.Sizing.FoundationNodes, "Foundation node", "Foundation nodes")
	check(inventory.ConnectionServer, len(c.Connection), f.Sizing.ConnectionServers, "connection server", "connection servers")
	switch {
	case len(short) > 0:
		j.fail(s, failure{evidence: evidence, message: fmt.Sprintf("%s has %s; one more of each is needed so that one may fail.", c.Key, joined(short))})
	case len(lacking) > 0:
		j.unknown(s, "How many nodes there are is not known.", lacking...)
	default:
		j.pass(s, "One Foundation node and one connection server may fail at peak.")
	}
}
