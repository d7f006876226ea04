package rest

import (
	"context"
	"fmt"

	"github.com/meridian-federation/meridian/api/rest/gen"
)

// GetFleetPlan implements the contract.
func (a *api) GetFleetPlan(ctx context.Context, _ gen.GetFleetPlanRequestObject) (gen.GetFleetPlanResponseObject, error) {
	if a.FleetPlan == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server makes no plan for the fleet"}
	}
	c := callOf(ctx)
	s := a.snapshot(c)
	plan, err := a.FleetPlan(ctx, s.View(), c.scope.Allows)
	if err != nil {
		return nil, fmt.Errorf("make the plan for the fleet: %w", err)
	}
	return a.answer(ctx, s, plan)
}
