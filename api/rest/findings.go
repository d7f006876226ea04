package rest

import (
	"context"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
)

// ListFindings implements the contract.
func (a *api) ListFindings(ctx context.Context, req gen.ListFindingsRequestObject) (gen.ListFindingsResponseObject, error) {
	all, err := a.judge(ctx, req.Params.All, req.Params.AsOf)
	if err != nil {
		return nil, err
	}
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Findings(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter, BySeverity: req.Params.Sort != ""}, all)
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// ListRegionMismatches implements the contract.
func (a *api) ListRegionMismatches(ctx context.Context, req gen.ListRegionMismatchesRequestObject) (gen.ListRegionMismatchesResponseObject, error) {
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.RegionMismatches(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter, BySeverity: req.Params.Sort != ""})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}
