package catalog

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// PerKind holds one value for each kind of part.
type PerKind[T any] [kindCount]T

// Of returns the value of a kind; the zero value for an unknown one.
func (p *PerKind[T]) Of(k Kind) T {
	if i := k.Index(); i >= 0 {
		return p[i]
	}
	var zero T
	return zero
}

// Set stores the value of a kind and ignores an unknown one.
func (p *PerKind[T]) Set(k Kind, v T) {
	if i := k.Index(); i >= 0 {
		p[i] = v
	}
}

// PartFacts is what an inventory says about one kind of part of a cluster.
type PartFacts struct {
	Nodes []*inventory.Node
	// Infra are the infrastructures the part consists of or runs in; empty for what belongs to the cluster alone.
	Infra []*inventory.Infrastructure
	// Count is the number of instances known: nodes, members of a ZooKeeper connect string, one for a single managed server.
	Count int
	// Managed: at least one infrastructure lists no nodes and is taken to have as many instances as are asked for.
	Managed bool
	// NotRedundant: at least one storage or load balancer is declared to have no redundancy.
	NotRedundant bool
}

// Present reports whether the cluster has the part at all.
func (f *PartFacts) Present() bool { return f.Count > 0 || f.Managed }

// Shape is a cluster as the parts the architectures speak of.
type Shape struct {
	Parts      PerKind[PartFacts]
	Engine     inventory.Engine // of the model database; "" when there is none or it is not known
	Mode       inventory.HAMode // of a managed database; "" when not known
	Timeseries TimeseriesChoice
	Ignite     inventory.IgniteMode // "" when the cluster is known not to be clustered and lists none
}

// ShapeOf finds the parts of a cluster in its components and in the infrastructure it uses.
func ShapeOf(s *inventory.Site, c *inventory.Cluster) *Shape {
	sh := &Shape{Timeseries: TimeseriesRelational}
	for i := range c.Components {
		sh.component(&c.Components[i])
	}
	model := false
	for i := range c.Uses {
		u := &c.Uses[i]
		inf := s.Infra(u.Infrastructure)
		if inf == nil {
			continue
		}
		switch u.As {
		case inventory.AsDatabase:
			// The first database is the one of the model; further ones are data providers of the user's own.
			if !model {
				sh.database(inf)
			}
			model = true
		case inventory.AsZooKeeper:
			sh.zookeeper(inf)
		case inventory.AsStorage:
			sh.single(KindStorage, inf, inf.Redundancy == inventory.RedundancyNone)
		case inventory.AsLoadBalancer:
			sh.single(KindLoadBalancer, inf, inf.Redundant != nil && !*inf.Redundant)
		case inventory.AsTimeseries:
			sh.timeseries(inf)
		}
	}
	if sh.Ignite == "" && (c.ClusteredMode == nil && sh.Parts[KindFoundation.Index()].Count > 1 || c.Clustered()) {
		sh.Ignite = inventory.IgniteEmbedded
	}
	return sh
}

func (sh *Shape) part(k Kind) *PartFacts { return &sh.Parts[k.Index()] }

func (sh *Shape) component(c *inventory.Component) {
	k := Kind(c.Kind)
	if k == KindIgnite {
		if c.Mode != inventory.IgniteSeparate && len(c.Nodes) == 0 {
			sh.Ignite = inventory.IgniteEmbedded
			return
		}
		sh.Ignite = inventory.IgniteSeparate
	}
	if k.Index() < 0 {
		return
	}
	sh.nodes(k, c.Nodes)
}

func (sh *Shape) nodes(k Kind, nodes []inventory.Node) {
	p := sh.part(k)
	if p.Nodes == nil {
		p.Nodes = make([]*inventory.Node, 0, len(nodes))
	}
	for i := range nodes {
		p.Nodes = append(p.Nodes, &nodes[i])
	}
	p.Count += len(nodes)
}

// single takes an infrastructure without nodes as one instance that is redundant unless it is known not to be.
func (sh *Shape) single(k Kind, inf *inventory.Infrastructure, alone bool) {
	p := sh.part(k)
	p.Infra = append(p.Infra, inf)
	if len(inf.Nodes) > 0 && k == KindLoadBalancer {
		sh.nodes(k, inf.Nodes)
		return
	}
	p.Count++
	if alone {
		p.NotRedundant = true
	} else if k == KindLoadBalancer {
		p.Managed = true
	}
}

func (sh *Shape) database(inf *inventory.Infrastructure) {
	sh.Engine = inf.Engine
	p := sh.part(KindDatabase)
	p.Infra = append(p.Infra, inf)
	if inf.Engine.Managed() {
		p.Count = 1
		if inf.HighAvailability != nil {
			sh.Mode = inf.HighAvailability.Mode
		}
		if sh.Mode != inventory.HANone || inf.Engine == inventory.EngineAzureSQL {
			p.Managed = true
		}
		return
	}
	sh.nodes(KindDatabase, inf.Nodes)
	if len(inf.Nodes) == 0 {
		p.Managed = true
	}
	pool := sh.part(KindPgPool)
	if len(inf.PgPool) > 0 || inf.FailoverEndpoint != "" || len(inf.Nodes) == 0 {
		pool.Infra = append(pool.Infra, inf)
	}
	sh.nodes(KindPgPool, inf.PgPool)
	if len(inf.PgPool) == 0 && inf.Engine == inventory.EnginePostgreSQL {
		// A failover endpoint does what pgpool-II does; without any node listed nothing is known.
		pool.Managed = inf.FailoverEndpoint != "" || len(inf.Nodes) == 0
	}
}

func (sh *Shape) zookeeper(inf *inventory.Infrastructure) {
	p := sh.part(KindZooKeeper)
	p.Infra = append(p.Infra, inf)
	switch n := Members(inf.Identity.Endpoint); {
	case len(inf.Nodes) > 0:
		sh.nodes(KindZooKeeper, inf.Nodes)
	case n > 0:
		p.Count += n
	default:
		p.Managed = true
	}
}

func (sh *Shape) timeseries(inf *inventory.Infrastructure) {
	enterprise := inf.Edition == inventory.EditionEnterprise
	if !enterprise {
		sh.Timeseries = TimeseriesInflux
		p := sh.part(KindInflux)
		p.Infra = append(p.Infra, inf)
		sh.nodes(KindInflux, inf.Nodes)
		if len(inf.Nodes) == 0 {
			p.Count++
		}
		return
	}
	sh.Timeseries = TimeseriesEnterprise
	meta, data := sh.part(KindInfluxMeta), sh.part(KindInfluxData)
	meta.Infra, data.Infra = append(meta.Infra, inf), append(data.Infra, inf)
	if len(inf.Nodes) == 0 {
		meta.Managed, data.Managed = true, true
	}
	for i := range inf.Nodes {
		p := data
		if inf.Nodes[i].Role == "meta" {
			p = meta
		}
		p.Nodes = append(p.Nodes, &inf.Nodes[i])
		p.Count++
	}
}

// Members counts the hosts of a ZooKeeper connect string, 0 when it is empty. A chroot after the last host is no host.
func Members(endpoint string) int {
	if i := strings.IndexByte(endpoint, '/'); i >= 0 {
		endpoint = endpoint[:i]
	}
	n := 0
	for host := range strings.SplitSeq(endpoint, ",") {
		if strings.TrimSpace(host) != "" {
			n++
		}
	}
	return n
}

// Placements returns where a part runs: the placement of each node, or of each infrastructure without nodes.
func (f *PartFacts) Placements() []inventory.Placement {
	if len(f.Nodes) > 0 {
		out := make([]inventory.Placement, len(f.Nodes))
		for i, n := range f.Nodes {
			out[i] = n.Placement
		}
		return out
	}
	out := make([]inventory.Placement, len(f.Infra))
	for i, inf := range f.Infra {
		out[i] = inf.Placement
	}
	return out
}

// DemandOf is the demand of an architecture on a workload that is known only as the counts a sizing gives.
// A replication factor that the cluster's InfluxDB does not state is read as 2.
func DemandOf(things int, wps, requests float64, connectionServers, foundationNodes int, sh *Shape) Demand {
	d := Demand{
		Things: float64(things), WPS: wps, Requests: requests,
		ConnectionServers: float64(connectionServers), FoundationNodes: float64(foundationNodes),
	}
	if sh != nil {
		for _, inf := range sh.part(KindInfluxData).Infra {
			d.ReplicationFactor = float64(inf.ReplicationFactor)
		}
	}
	return d
}
