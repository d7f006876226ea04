package rest

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
)

// ListSites implements the contract.
func (a *api) ListSites(ctx context.Context, req gen.ListSitesRequestObject) (gen.ListSitesResponseObject, error) {
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Sites(read.Query{Limit: req.Params.Limit, Cursor: req.Params.Cursor, Filter: req.Params.Filter, BySeverity: req.Params.Sort != ""})
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// GetSite implements the contract.
func (a *api) GetSite(ctx context.Context, req gen.GetSiteRequestObject) (gen.GetSiteResponseObject, error) {
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Site(req.Site)
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, s, v)
}

// GetSiteInventory implements the contract.
func (a *api) GetSiteInventory(ctx context.Context, req gen.GetSiteInventoryRequestObject) (gen.GetSiteInventoryResponseObject, error) {
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Inventory(req.Site)
	if err != nil {
		return nil, err
	}
	return a.own(ctx, s, v)
}

// GetSiteAssessment implements the contract.
func (a *api) GetSiteAssessment(ctx context.Context, req gen.GetSiteAssessmentRequestObject) (gen.GetSiteAssessmentResponseObject, error) {
	all, err := a.judge(ctx, req.Params.All, req.Params.AsOf)
	if err != nil {
		return nil, err
	}
	s, err := a.snapshotAt(ctx, req.Params.AsOf, string(req.Params.Rules))
	if err != nil {
		return nil, err
	}
	v, err := s.Assessment(req.Site, all)
	if err != nil {
		return nil, err
	}
	// The canonical text, so that this answer and "meridian assess" over the same inventories are equal byte for byte.
	body, err := assess.Marshal(v)
	if err != nil {
		return nil, err
	}
	return a.keep(callOf(ctx), s, bytes.TrimSuffix(s.Scrub(body), []byte("\n"))), nil
}

// PutSiteHeartbeat implements the contract.
func (a *api) PutSiteHeartbeat(ctx context.Context, req gen.PutSiteHeartbeatRequestObject) (gen.PutSiteHeartbeatResponseObject, error) {
	c := callOf(ctx)
	c.entry.Site, c.entry.Target = req.Site, req.Site
	s := a.snapshot(c)
	if _, err := s.Site(req.Site); err != nil {
		return nil, err
	}
	if a.SetHeartbeat == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server reaches no planners"}
	}
	if err := a.SetHeartbeat(ctx, req.Site, time.Duration(req.Body.Interval)); err != nil {
		return nil, err
	}
	c.wrote(req.Site, nil, req.Body)
	return &reply{call: c, status: http.StatusNoContent}, nil
}

// ListVersions implements the contract.
func (a *api) ListVersions(ctx context.Context, _ gen.ListVersionsRequestObject) (gen.ListVersionsResponseObject, error) {
	s := a.snapshot(callOf(ctx))
	v := s.Versions()
	v.Hub = gen.HubVersion{
		Version: a.Version, Protocol: a.Supported.Protocol, OldestProtocol: a.Supported.OldestProtocol, OldestPlanner: a.Supported.OldestPlanner,
	}
	return a.own(ctx, s, v)
}

// judge is nil unless all verdicts are asked for.
func (a *api) judge(ctx context.Context, all bool, asOf time.Time) (read.Judge, error) {
	if !all {
		return nil, nil
	}
	if !asOf.IsZero() {
		return a.judgePast(), nil
	}
	if a.Assess == nil {
		return nil, &Error{Code: CodeUnavailable, Detail: "this server does not judge anew for all verdicts"}
	}
	return func(r *fleet.Record) (*assess.Assessment, error) { return a.Assess(ctx, r) }, nil
}
