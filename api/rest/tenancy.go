package rest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
)

// ListTenancy implements the contract.
func (a *api) ListTenancy(ctx context.Context, req gen.ListTenancyRequestObject) (gen.ListTenancyResponseObject, error) {
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Tenancy(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// ListInfrastructure implements the contract.
func (a *api) ListInfrastructure(ctx context.Context, req gen.ListInfrastructureRequestObject) (gen.ListInfrastructureResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	v, err := s.Infrastructures(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// GetInfrastructure implements the contract.
func (a *api) GetInfrastructure(ctx context.Context, req gen.GetInfrastructureRequestObject) (gen.GetInfrastructureResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	v, err := s.Infrastructure(req.Site, req.Infrastructure)
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// GetTenancyGraph implements the contract.
func (a *api) GetTenancyGraph(ctx context.Context, req gen.GetTenancyGraphRequestObject) (gen.GetTenancyGraphResponseObject, error) {
	c := callOf(ctx)
	s := a.snapshot(c)
	g := s.Graph()
	switch req.Params.Format {
	case "dot":
		return a.keepAs(c, s, graphvizType, []byte(g.DOT())), nil
	case "mermaid":
		return a.keepAs(c, s, textType, []byte(g.Mermaid())), nil
	}
	body, err := json.Marshal(g)
	if err != nil {
		return nil, fmt.Errorf("encode the tenancy graph: %w", err)
	}
	return a.keep(c, s, s.Scrub(body)), nil
}
