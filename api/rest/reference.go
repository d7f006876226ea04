package rest

import (
	"context"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
)

// ListRules implements the contract.
func (a *api) ListRules(ctx context.Context, req gen.ListRulesRequestObject) (gen.ListRulesResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	v, err := s.Rules(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, v)
}

// GetRule implements the contract.
func (a *api) GetRule(ctx context.Context, req gen.GetRuleRequestObject) (gen.GetRuleResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	v, err := s.Rule(req.Rule)
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, v)
}

// ListArchitectures implements the contract.
func (a *api) ListArchitectures(ctx context.Context, req gen.ListArchitecturesRequestObject) (gen.ListArchitecturesResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	v, err := s.Architectures(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, v)
}

// ListRegions implements the contract.
func (a *api) ListRegions(ctx context.Context, req gen.ListRegionsRequestObject) (gen.ListRegionsResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	v, err := s.Regions(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, v)
}
