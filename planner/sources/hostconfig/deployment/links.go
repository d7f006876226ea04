package deployment

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

const importRemedy = "import the platform-settings.json of its cluster too"

// satellite gives connection servers or Ignite nodes to their cluster.
func (a *assembly) satellite(s *Satellite, file int, kind inventory.ComponentKind) {
	fragment := &a.fragments[file]
	zk := a.ensemble(s, fragment.Scope)
	var near []*cluster
	for _, c := range a.clusters {
		if c.has(kind, s.Nodes) {
			near = []*cluster{c}
			break
		}
		switch {
		case zk != nil && c.uses(zk) >= 0:
			near = append(near, c)
		case zk == nil && len(s.ZooKeeper) == 0 && fragment.Scope != "" && c.scope == fragment.Scope,
			zk == nil && s.Platform != "" && c.has(inventory.Foundation, []inventory.Node{{Name: s.Platform}}):
			near = append(near, c)
		}
	}
	several := len(near) > 1
	if several {
		near = slices.DeleteFunc(near, func(c *cluster) bool { return !c.expects(s, kind, zk) })
	}
	if len(near) != 1 {
		reason := "no cluster is known that uses its ZooKeeper"
		if several {
			reason = "several clusters could be its own, and its base path does not tell which"
		} else if len(s.ZooKeeper) == 0 {
			reason = "it names no ZooKeeper that would tell its cluster"
		}
		a.unassigned(file, s.Place, string(kind), s.Name, reason, importRemedy)
		return
	}
	c := near[0]
	mode, base := inventory.IgniteMode(""), ""
	if kind == inventory.Ignite {
		mode, base = inventory.IgniteSeparate, s.BasePath
	}
	at := a.component(c, kind, mode, base, s.Nodes, file, s.Place)
	c.proofs = append(c.proofs, inventory.Provenance{Path: "/components/" + strconv.Itoa(at), Source: fragment.Source})
	if kind == inventory.ConnectionServer && s.BasePath != "" && zk != nil {
		if at := c.uses(zk); at >= 0 {
			u := &c.cluster.Uses[at]
			if differ(u.ConnectionServerBasePath, s.BasePath) {
				a.clusterDispute(c, "/uses/"+strconv.Itoa(at)+"/connectionServerBasePath", "base path of the connection servers", &u.ConnectionServerBasePath, s.BasePath, file, s.Place)
			}
			if u.ConnectionServerBasePath == "" {
				u.ConnectionServerBasePath = s.BasePath
				c.said.set("/uses/"+strconv.Itoa(at)+"/connectionServerBasePath", a.witness(file, s.Place))
			}
		}
	}
}

// ensemble finds the ZooKeeper that a satellite names, nil when no other file does.
func (a *assembly) ensemble(s *Satellite, scope string) *merged {
	server := Server{Hosts: slices.Clone(s.ZooKeeper)}
	server.Kind = inventory.KindZooKeeper
	for i := range server.Hosts {
		if server.Hosts[i].Port == 0 {
			server.Hosts[i].Port = standardPort(&server)
		}
	}
	if len(s.Nodes) == 1 {
		server.Host = first(s.Nodes[0].Machine, s.Nodes[0].Name)
	}
	for _, k := range a.keys(&server, scope) {
		if m := a.byKey[k]; m != nil {
			return m.root()
		}
	}
	return nil
}

// uses is the position of the cluster's use of an infrastructure, -1 when there is none.
func (c *cluster) uses(m *merged) int {
	for i, s := range c.servers {
		if s != nil && s.root() == m {
			return i
		}
	}
	if m.existing {
		return slices.IndexFunc(c.cluster.Uses, func(u inventory.Use) bool { return u.Infrastructure == m.infra.ID })
	}
	return -1
}

// expects reports whether the base path of a satellite is the one that fits the cluster's namespace.
func (c *cluster) expects(s *Satellite, kind inventory.ComponentKind, zk *merged) bool {
	if zk == nil || s.BasePath == "" {
		return false
	}
	u := c.cluster.Uses[c.uses(zk)]
	have := strings.Trim(s.BasePath, "/")
	if kind == inventory.Ignite {
		return have == strings.Trim(u.IgniteBasePath, "/")
	}
	return have == strings.Trim(strings.Trim(u.Namespace, "/")+"/services", "/")
}

// sighting gives what a ZooKeeper server told to the node of its name.
func (a *assembly) sighting(s *Sighting, file int) {
	for _, m := range a.servers {
		if m.gone != nil || m.infra.Kind != inventory.KindZooKeeper || s.Host == "" {
			continue
		}
		for i := range m.infra.Nodes {
			n := &m.infra.Nodes[i]
			if short(n.Name) != short(s.Host) {
				continue
			}
			n.Role = first(s.Role, n.Role)
			m.infra.Version = first(m.infra.Version, s.Version)
			return
		}
	}
	reason := "no ensemble with a member of that name is known"
	if s.Host == "" {
		reason = "nothing tells which server gave the answer"
	}
	a.unassigned(file, s.Place, "zookeeper server", s.Host, reason, "put the output into a folder named like the server, and import the zoo.cfg too")
}

// balancer gives a load balancer to the clusters behind it.
func (a *assembly) balancer(b *Balancer, file int) {
	m := a.server(&b.Server, file)
	fragment := &a.fragments[file]
	tied := map[*cluster]bool{}
	product := false
	for _, back := range b.Backends {
		product = product || back.ThingWorx
		for _, c := range a.clusters {
			if len(c.cluster.Uses) < maxUses && c.behind(&back, fragment.Scope, a) {
				a.front(c, &back, b, m, file)
				tied[c] = true
			}
		}
	}
	if len(tied) > 0 {
		return
	}
	if product && len(a.clusters) == 1 {
		for i := range b.Backends {
			if b.Backends[i].ThingWorx {
				a.front(a.clusters[0], &b.Backends[i], b, m, file)
			}
		}
	}
}

// front records that a cluster is reached through a load balancer's pool. The health check of the pool with Foundation
// behind it counts, which is the one with a path of ThingWorx.
func (a *assembly) front(c *cluster, back *Backend, b *Balancer, m *merged, file int) {
	m.used = true
	u := Use{Use: inventory.Use{As: inventory.AsLoadBalancer, StickySessions: back.Sticky, HealthPath: back.Health}, Server: b.Server}
	if u.HealthPath != "" && !strings.HasPrefix(strings.ToLower(u.HealthPath), "/thingworx/") {
		u.HealthPath = ""
	}
	u.HealthPath = first(u.HealthPath, c.health)
	a.use(c, &u, m, a.fragments[file].Source, file)
}

// behind reports whether a pool holds nodes of the cluster or a service in front of them.
func (c *cluster) behind(back *Backend, scope string, a *assembly) bool {
	for _, h := range back.Hosts {
		if Loopback(h.Host) {
			continue
		}
		if scope != "" && scope == c.scope {
			for _, selector := range a.services[scope+" "+h.Host] {
				if slices.ContainsFunc(c.labels, func(l map[string]string) bool { return selects(selector, l) }) {
					return true
				}
			}
		}
		if nodes := []inventory.Node{{Name: h.Host}}; c.has(inventory.Foundation, nodes) || c.has(inventory.ConnectionServer, nodes) {
			return true
		}
	}
	return false
}
