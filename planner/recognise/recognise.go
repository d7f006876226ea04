package recognise

import (
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// Cluster recognises one cluster. shared tells whether it shares infrastructure with another cluster.
func Cluster(s *inventory.Site, c *inventory.Cluster, size sizing.Result, shared bool, cat *catalog.Catalog) Result {
	panic("stub")
}
