package recommend

import (
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// Input is the world of one recommendation.
type Input struct {
	Site       *inventory.Site
	Cluster    *inventory.Cluster
	Recognised recognise.Result
	Sizing     sizing.Result
	Catalog    *catalog.Catalog
	Sizes      *sizing.Pack
	Policy     *policy.Policy
	Regions    *geo.Table
}

// Cluster recommends an architecture for one cluster.
func Cluster(in Input) Recommendation {
	return Recommendation{Architecture: in.Recognised.Architecture, Reasons: []string{}, Options: []Option{}, Rejected: []Rejected{}}
}
