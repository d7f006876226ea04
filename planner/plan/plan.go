package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// ResultKind heads every plan.
const ResultKind = "Plan"

// View is what a request is answered under.
type View struct {
	Policy *policy.Policy    // nil takes policy.Default
	Prices *recommend.Prices // nil takes relative costs
	At     time.Time
}

// Plan is the answer to a request.
type Plan struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Name       string          `json:"name,omitempty"`
	At         time.Time       `json:"at"`
	RulePack   assess.RulePack `json:"rulePack"`
	Site       string          `json:"site"`
	Cluster    string          `json:"cluster"` // site/cluster
	Sizing     sizing.Result   `json:"sizing"`
	recommend.Recommendation
	// Inventories are the options as inventories, in their order, for assess, simulate and availability.
	Inventories []*inventory.Site `json:"-"`
}

// Make plans the cluster of a request that Parse returned. It fails when a constraint cannot be planned for; that no
// architecture meets the objectives is an answer and no error.
func Make(e *assess.Engine, r *Request, v View) (*Plan, error) {
	if v.Policy == nil {
		v.Policy = policy.Default()
	}
	if err := r.permitted(e, v.Policy); err != nil {
		return nil, err
	}
	cat, excluded, err := narrow(e.Catalog, &r.Constraints)
	if err != nil {
		return nil, err
	}
	id := r.identity()
	site := r.site(e, v.At)
	c := &site.Clusters[0]
	size := sizing.InSite(site, c, e.Sizes)
	in := recommend.Input{
		Site: site, Cluster: c, Sizing: size, Catalog: cat, Sizes: e.Sizes, Policy: forSite(v.Policy, id), Regions: e.Regions, Prices: v.Prices, Rules: e.Rules,
	}
	out := &Plan{
		APIVersion: inventory.APIVersion, Kind: ResultKind, Name: r.Name, At: v.At.UTC(),
		RulePack: assess.RulePack{Version: e.Rules.Version(), Hash: e.Hash(v.Policy)},
		Site:     id.ID, Cluster: id.ID + "/" + c.ID, Sizing: size,
	}
	out.Recommendation = recommend.Cluster(in)
	out.Inventories = recommend.Inventory(in)
	for _, s := range out.Inventories {
		s.Site = id
	}
	out.Rejected = append(out.Rejected, excluded...)
	slices.SortStableFunc(out.Rejected, func(a, b recommend.Rejected) int { return order(e, a.Architecture) - order(e, b.Architecture) })
	if err := out.pin(e, &r.Constraints); err != nil {
		return nil, err
	}
	return out, nil
}

// forSite returns the policy as it applies to one site, whatever id and country it goes by.
func forSite(p *policy.Policy, site inventory.Identity) *policy.Policy {
	allowed, limited := p.AllowedGeographies(site)
	p = p.Clone()
	p.Geographies = nil
	if limited {
		p.Geographies = []policy.GeographyRule{{Allow: allowed}}
	}
	return p
}

// order is the place of an architecture in the catalogue, simplest first.
func order(e *assess.Engine, id string) int {
	return slices.IndexFunc(e.Catalog.All(), func(a architecture) bool { return a.ID == id })
}

// permitted refuses a region that the policy does not allow the site.
func (r *Request) permitted(e *assess.Engine, p *policy.Policy) error {
	allowed, limited := p.AllowedGeographies(r.identity())
	region, ok := e.Regions.Find(r.Constraints.Provider, r.Constraints.Region)
	if !limited || !ok {
		return nil
	}
	for _, g := range allowed {
		if within, known := e.Regions.Within(region, g); within || !known {
			return nil
		}
	}
	return document.NewError([]document.Problem{{
		Path: "/constraints/region", What: fmt.Sprintf("%s lies in %s, which the policy does not allow site %s", region.Code, region.Geography, r.identity().ID),
		Remedy: "choose a region the policy allows, or change its geographies",
	}})
}

// site is the request as a site with one cluster that has no components yet. The recommender calls a new data centre by
// the id of its site, and prefers regions of the site's country: a constrained place is told to it in these.
func (r *Request) site(e *assess.Engine, at time.Time) *inventory.Site {
	k := &r.Constraints
	id := r.identity()
	if k.Provider == string(inventory.HostingOnPremise) && k.Region != "" {
		id.ID = k.Region
	}
	if region, ok := e.Regions.Find(k.Provider, k.Region); ok {
		id.Country = region.Country
	}
	o := inventory.Objectives{}
	if r.Objectives != nil {
		o = *r.Objectives
	}
	o.Hosting = r.hostings()
	mine := permissions(&k.Sharing)
	for i, p := range permissions(&o.Sharing) {
		if *p.value == "" {
			*p.value = *mine[i].value
		}
	}
	c := inventory.Cluster{
		ID: r.clusterID(), Environment: k.Environment, ThingworxVersion: k.ThingworxVersion, OperatedBy: k.OperatedBy,
		Workload: r.Workload, Objectives: &o,
	}
	return &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: at.UTC(), Site: id, Clusters: []inventory.Cluster{c},
	}
}
