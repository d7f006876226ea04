package plan

import (
	"slices"
	"time"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recommend"
)

// someInstant stands for the observation that a request does not have and validation asks for.
func someInstant() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func (r *Request) identity() inventory.Identity {
	id := r.Site.ID
	if id == "" {
		id = "site"
	}
	return inventory.Identity{ID: id, Name: r.Site.Name, Country: r.Site.Country, Tags: r.Site.Tags}
}

func (r *Request) clusterID() string {
	if r.Cluster == "" {
		return "prod"
	}
	return r.Cluster
}

// hostings lists the hostings that objectives, constraints and operator accept. A request that names none accepts Azure
// and the premises, the two PTC gives hardware for, or the one that its provider or operator names.
func (r *Request) hostings() []inventory.Hosting {
	k := &r.Constraints
	var out []inventory.Hosting
	switch {
	case len(k.Hosting) > 0:
		out = slices.Clone(k.Hosting)
		if r.Objectives != nil && len(r.Objectives.Hosting) > 0 {
			out = slices.DeleteFunc(out, func(h inventory.Hosting) bool { return !slices.Contains(r.Objectives.Hosting, h) })
		}
	case r.Objectives != nil && len(r.Objectives.Hosting) > 0:
		out = slices.Clone(r.Objectives.Hosting)
	case k.OperatedBy == inventory.OperatorPTCCloudServices:
		out = []inventory.Hosting{inventory.HostingPTCCloud}
	case k.Provider != "":
		out = []inventory.Hosting{inventory.Hosting(k.Provider)}
	default:
		out = []inventory.Hosting{inventory.HostingAzure, inventory.HostingOnPremise}
	}
	return slices.DeleteFunc(out, func(h inventory.Hosting) bool {
		if k.Provider != "" && recommend.ProviderOf(h) != k.Provider || k.Database.Managed() && recommend.ProviderOf(h) != string(inventory.HostingAzure) {
			return true
		}
		switch k.OperatedBy {
		case "":
			return false
		case inventory.OperatorPTCCloudServices:
			return h != inventory.HostingPTCCloud
		}
		return h == inventory.HostingPTCCloud
	})
}

// provider is the constraint, or the only provider the accepted hostings run on; "" when there are several.
func (r *Request) provider() string {
	if r.Constraints.Provider != "" {
		return r.Constraints.Provider
	}
	out := ""
	for _, h := range r.hostings() {
		if p := recommend.ProviderOf(h); out == "" {
			out = p
		} else if p != out {
			return ""
		}
	}
	return out
}

// complete fills in what the request leaves to be inferred, and writes regions as their codes.
func (r *Request) complete(regions *geo.Table) {
	k := &r.Constraints
	if k.Environment == "" {
		k.Environment = inventory.Production
	}
	if k.Region != "" {
		k.Provider = r.provider()
		if found, ok := regions.Find(k.Provider, k.Region); ok {
			k.Region = found.Code
		}
	}
}
