package rest

import (
	"context"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
)

// ListClusters implements the contract.
func (a *api) ListClusters(ctx context.Context, req gen.ListClustersRequestObject) (gen.ListClustersResponseObject, error) {
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Clusters(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter, BySeverity: req.Params.Sort != ""})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// GetCluster implements the contract.
func (a *api) GetCluster(ctx context.Context, req gen.GetClusterRequestObject) (gen.GetClusterResponseObject, error) {
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Cluster(req.Site, req.Cluster)
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// ListRecommendations implements the contract.
func (a *api) ListRecommendations(ctx context.Context, req gen.ListRecommendationsRequestObject) (gen.ListRecommendationsResponseObject, error) {
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Recommendations(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter, BySeverity: req.Params.Sort != ""})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}
