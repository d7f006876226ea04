package migrate

import (
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// side says which end a part is at.
type side uint8

const (
	atFrom side = iota
	atBoth      // the nodes of both ends run
	atTo
)

// phase is the progress of every part; comparable.
type phase struct {
	mode, ignite                                   side
	zookeeper, storage, database, series, balancer side
	connections, foundation                        side
}

var start = phase{}

// compose builds the inventory of a phase from the parts of both ends.
func (p *planner) compose(ph phase) *inventory.Site {
	from, to := p.in.From, p.in.To
	site := &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: from.Site.ObservedAt, Site: to.Site.Site,
	}
	c := *to.Cluster
	if ph.mode == atFrom {
		c.ClusteredMode, c.Settings = from.Cluster.ClusteredMode, from.Cluster.Settings
	}
	c.Components = make([]inventory.Component, 0, 4)
	c.Uses = make([]inventory.Use, 0, len(from.Cluster.Uses)+1)
	site.Infrastructure = make([]inventory.Infrastructure, 0, len(from.Cluster.Uses)+1)
	c.Components = p.component(c.Components, inventory.Foundation, ph.foundation)
	c.Components = p.component(c.Components, inventory.ConnectionServer, ph.connections)
	c.Components = p.whole(c.Components, inventory.Ignite, ph.ignite)
	c.Components = p.whole(c.Components, inventory.LoadBalancerNode, ph.balancer)
	for _, r := range []struct {
		as inventory.UseAs
		at side
	}{
		{inventory.AsZooKeeper, ph.zookeeper},
		{inventory.AsDatabase, ph.database},
		{inventory.AsStorage, ph.storage},
		{inventory.AsLoadBalancer, ph.balancer},
		{inventory.AsTimeseries, ph.series},
	} {
		src := from
		if r.at == atTo {
			src = to
		}
		for i := range src.Cluster.Uses {
			u := &src.Cluster.Uses[i]
			if u.As != r.as {
				continue
			}
			c.Uses = append(c.Uses, *u)
			if inf := src.Site.Infra(u.Infrastructure); inf != nil && site.Infra(inf.ID) == nil {
				site.Infrastructure = append(site.Infrastructure, *inf)
			}
		}
	}
	site.Clusters = []inventory.Cluster{c}
	return site
}

// component lists the nodes of a kind at one end or at both, each once.
func (p *planner) component(out []inventory.Component, k inventory.ComponentKind, at side) []inventory.Component {
	nodes := make([]inventory.Node, 0, len(p.in.From.nodes(catalog.Kind(k)))+len(p.in.To.nodes(catalog.Kind(k))))
	if at != atTo {
		for _, n := range p.in.From.Cluster.Nodes(k) {
			if now := find(p.in.To.nodes(catalog.Kind(k)), n.Name); at == atBoth && now != nil && sameMachine(n, now) {
				n = now // a node that stays has the settings of the others
			}
			nodes = append(nodes, *n)
		}
	}
	if at != atFrom {
		for _, n := range p.in.To.Cluster.Nodes(k) {
			if at == atBoth && containsNode(p.in.From.Cluster.Nodes(k), n) {
				continue
			}
			nodes = append(nodes, *n)
		}
	}
	if len(nodes) == 0 {
		return out
	}
	return append(out, inventory.Component{Kind: k, Nodes: nodes})
}

func containsNode(nodes []*inventory.Node, n *inventory.Node) bool {
	was := find(nodes, n.Name)
	return was != nil && sameMachine(was, n)
}

// whole takes the components of a kind from one end.
func (p *planner) whole(out []inventory.Component, k inventory.ComponentKind, at side) []inventory.Component {
	src := p.in.From.Cluster
	if at == atTo {
		src = p.in.To.Cluster
	}
	for i := range src.Components {
		if src.Components[i].Kind == k {
			out = append(out, src.Components[i])
		}
	}
	return out
}

// regionOf is the region of the Foundation nodes, "" when they are in several or none is known.
func regionOf(s *State) string {
	region := ""
	for i, n := range s.nodes(catalog.KindFoundation) {
		if i > 0 && n.Placement.Region != region {
			return ""
		}
		region = n.Placement.Region
	}
	return region
}
