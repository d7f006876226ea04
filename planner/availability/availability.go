package availability

import (
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// Cluster computes one cluster's availability. need is the number of Foundation nodes its peak takes (1 without workload).
func Cluster(s *inventory.Site, c *inventory.Cluster, need int, p policy.Availability) Result {
	panic("stub")
}

// Tenant is one cluster with its site and its need, for joint results.
type Tenant struct {
	Site    *inventory.Site
	Cluster *inventory.Cluster
	Need    int
}

// Pairs computes the joint chance for every pair of tenants that shares infrastructure (by inventory.Keys), a machine, a zone or a region.
func Pairs(tenants []Tenant, p policy.Availability) []Joint { panic("stub") }
