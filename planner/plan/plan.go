package plan

import (
	"fmt"
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
	id := r.identity()
	site := r.site(v.At)
	c := &site.Clusters[0]
	size := sizing.InSite(site, c, e.Sizes)
	in := recommend.Input{
		Site: site, Cluster: c, Sizing: size, Catalog: e.Catalog, Sizes: e.Sizes, Policy: v.Policy, Regions: e.Regions, Prices: v.Prices, Rules: e.Rules,
		Place: recommend.Place{Provider: r.Constraints.Provider, Region: r.Constraints.Region},
	}
	if db := r.Constraints.Database; db != "" {
		in.Engines = []inventory.Engine{db}
	}
	out := &Plan{
		APIVersion: inventory.APIVersion, Kind: ResultKind, Name: r.Name, At: v.At.UTC(),
		RulePack: assess.RulePack{Version: e.Rules.Version(), Hash: e.Hash(v.Policy)},
		Site:     id.ID, Cluster: id.ID + "/" + c.ID, Sizing: size,
	}
	out.Recommendation = recommend.Cluster(in)
	out.Inventories = recommend.Inventory(in)
	return out, nil
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

// site is the request as a site with one cluster that has no components yet.
func (r *Request) site(at time.Time) *inventory.Site {
	k := &r.Constraints
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
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: at.UTC(), Site: r.identity(), Clusters: []inventory.Cluster{c},
	}
}
