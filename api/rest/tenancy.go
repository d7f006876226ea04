package rest

import (
	"context"

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
