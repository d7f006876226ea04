package recognise

import (
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// facts are what the measures read, computed once for all architectures.
type facts struct {
	cluster *inventory.Cluster
	shape   *catalog.Shape
	demand  catalog.Demand
	shared  bool
}

func factsOf(s *inventory.Site, c *inventory.Cluster, size sizing.Result, shared bool) *facts {
	f := &facts{cluster: c, shape: catalog.ShapeOf(s, c), shared: shared || declaresSharing(s, c)}
	f.demand = catalog.DemandOf(size.Things, size.WPS, size.RequestsPerSecond, size.ConnectionServers, size.FoundationNodes, f.shape)
	return f
}

func declaresSharing(s *inventory.Site, c *inventory.Cluster) bool {
	for i := range c.Uses {
		if sh := c.Uses[i].Shared; sh != nil {
			if *sh {
				return true
			}
			continue
		}
		if inf := s.Infra(c.Uses[i].Infrastructure); inf != nil && inf.Shared != nil && *inf.Shared {
			return true
		}
	}
	return false
}

func (f *facts) any() bool {
	for i := range f.shape.Parts {
		if f.shape.Parts[i].Present() {
			return true
		}
	}
	return false
}

func (f *facts) nodes(k catalog.Kind) []*inventory.Node { return f.shape.Parts[k.Index()].Nodes }

// onMachine counts the nodes of a kind on a machine. A node without machine has one of its own.
func (f *facts) onMachine(k catalog.Kind, machine string) int {
	if machine == "" {
		return 0
	}
	n := 0
	for _, x := range f.nodes(k) {
		if x.Machine == machine {
			n++
		}
	}
	return n
}

// packed reports whether the whole ZooKeeper ensemble, of at least need nodes, runs on machines of Foundation.
func (f *facts) packed(need int) bool {
	zk := f.nodes(catalog.KindZooKeeper)
	if len(zk) < need || len(zk) == 0 {
		return false
	}
	for _, n := range zk {
		if f.onMachine(catalog.KindFoundation, n.Machine) == 0 {
			return false
		}
	}
	return true
}
