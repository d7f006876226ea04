package hub

import (
	"context"

	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/whatif"
)

// branch puts changes over a view of the federation.
func (h *Hub) branch(_ context.Context, v fleet.View, r *whatif.Request, allowed func(string) bool) (*whatif.Branch, error) {
	return whatif.New(h.base(v), r, allowed)
}

// fleetPlan recommends for the whole federation, or for what a scope sees of it.
func (h *Hub) fleetPlan(_ context.Context, v fleet.View, within func(string) bool) (*advice.Plan, error) {
	effort, err := advice.DefaultEffort()
	if err != nil {
		return nil, err
	}
	return advice.Fleet(h.base(v), advice.Options{Effort: effort, Within: within}), nil
}

func (h *Hub) base(v fleet.View) whatif.Base {
	pol, _ := h.fleet.Policy(h.o.Now())
	return whatif.Base{
		View: v, Engine: h.o.Engine, Policy: pol, Listing: h.fleet.Listing, Spokes: h.fleet.Spokes, Planner: h.fleet.PlannerOf, Waivers: h.fleet.Waivers().Of,
	}
}
