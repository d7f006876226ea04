package rest

import (
	"context"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
)

// ListRejections implements the contract.
func (a *api) ListRejections(ctx context.Context, req gen.ListRejectionsRequestObject) (gen.ListRejectionsResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	v, err := s.Rejections(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}
