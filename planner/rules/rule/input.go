package rule

import (
	"time"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Input is the world of one evaluation. Sites are normalised and never changed.
type Input struct {
	Site       *inventory.Site
	Neighbours []*inventory.Site // sites that share infrastructure with Site, and its hub; sorted by id, without Site
	Shared     []tenancy.Shared  // infrastructures of Site with all tenants in view
	Clusters   []ClusterFacts    // in the order of Site.Clusters
	Policy     *policy.Policy
	Regions    *geo.Table
	At         time.Time
	// HubInView tells whether absence of the site's hub from Neighbours means that there is none (the federation knows)
	// or merely that it was not given (a single site judged by itself).
	HubInView bool
	Planner   *Planner // the planner that sent the inventory; nil when it is judged without one in view
}

// Planner is what the federation knows of a site's planner, with the oldest protocol and version that it supports. Zero and
// "" are not known, or for the oldest that anything will do.
type Planner struct {
	Version        string // major.minor.patch
	Protocol       int
	OldestVersion  string
	OldestProtocol int
	// Instances are the outboxes that speak for the site in turns, sorted, when there are several, and Since is when the
	// second was heard for the first time.
	Instances []string
	Since     time.Time
}

// ClusterFacts are the results of the other pure packages for one cluster.
type ClusterFacts struct {
	Recognised   recognise.Result
	Sizing       sizing.Result
	Availability availability.Result
	Recommended  string // architecture id, "" when no recommendation was computed
}
