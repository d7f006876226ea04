package client

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/federation/diagram"
	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Me tells who the caller is.
func (c *Client) Me(ctx context.Context) (*gen.Me, error) { return get[gen.Me](ctx, c, "/me", nil) }

// Site returns one site.
func (c *Client) Site(ctx context.Context, site string) (*gen.SiteDetail, error) {
	return get[gen.SiteDetail](ctx, c, "/sites/"+url.PathEscape(site), nil)
}

// Inventory returns a site's inventory in force and its ETag for PutInventory.
func (c *Client) Inventory(ctx context.Context, site string) (*inventory.Site, string, error) {
	resp, err := c.send(ctx, http.MethodGet, "/sites/"+url.PathEscape(site)+"/inventory", nil, nil, nil)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	doc, err := decode[inventory.Site](c, resp)
	return doc, resp.Header.Get("ETag"), err
}

// PutInventory publishes a SiteInventory document in JSON or YAML. ifMatch, when given, is the ETag of the inventory it
// replaces. It returns once the stream has accepted the document; the assessment follows.
func (c *Client) PutInventory(ctx context.Context, site string, body []byte, ifMatch string) (*gen.Accepted, error) {
	h := http.Header{"Content-Type": {"application/yaml"}} // JSON is YAML
	if ifMatch != "" {
		h.Set("If-Match", ifMatch)
	}
	resp, err := c.send(ctx, http.MethodPut, "/sites/"+url.PathEscape(site)+"/inventory", nil, body, h)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return decode[gen.Accepted](c, resp)
}

// Assessment returns a site's assessment, with all verdicts when all is set.
func (c *Client) Assessment(ctx context.Context, site string, all bool) (*assess.Assessment, error) {
	q := url.Values{}
	if all {
		q.Set("all", "true")
	}
	return get[assess.Assessment](ctx, c, "/sites/"+url.PathEscape(site)+"/assessment", q)
}

// Cluster returns one cluster.
func (c *Client) Cluster(ctx context.Context, site, cluster string) (*gen.ClusterDetail, error) {
	return get[gen.ClusterDetail](ctx, c, "/clusters/"+url.PathEscape(site)+"/"+url.PathEscape(cluster), nil)
}

// InfrastructureDetail returns one infrastructure as a site lists it.
func (c *Client) InfrastructureDetail(ctx context.Context, site, id string) (*gen.InfrastructureDetail, error) {
	return get[gen.InfrastructureDetail](ctx, c, "/infrastructure/"+url.PathEscape(site)+"/"+url.PathEscape(id), nil)
}

// TenancyGraph returns who shares what.
func (c *Client) TenancyGraph(ctx context.Context) (*diagram.Graph, error) {
	return get[diagram.Graph](ctx, c, "/tenancy/graph", nil)
}

// Simulate answers what would differ if the federation changed. Nothing is changed.
func (c *Client) Simulate(ctx context.Context, r *whatif.Request) (*whatif.Answer, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, &Error{Code: Invalid, Detail: "the changes cannot be written as JSON", Err: err}
	}
	resp, err := c.send(ctx, http.MethodPost, "/simulations", nil, body, http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return decode[whatif.Answer](c, resp)
}

// FleetPlan returns what the federation should do beyond each cluster.
func (c *Client) FleetPlan(ctx context.Context) (*advice.Plan, error) {
	return get[advice.Plan](ctx, c, "/plans/fleet", nil)
}

// Rule returns one rule.
func (c *Client) Rule(ctx context.Context, id string) (*rules.Entry, error) {
	return get[rules.Entry](ctx, c, "/rules/"+url.PathEscape(id), nil)
}

// Trends counts the verdicts in force at instants every so far apart, by group; by is "" for none, site, rule, severity, region,
// country or tag.NAME. The zero distance leaves the choice to the hub: a round one of which the
// span has at most 30.
func (c *Client) Trends(ctx context.Context, from, to time.Time, every time.Duration, by string) (*gen.Trends, error) {
	q := Span{From: from, To: to}.values()
	if every != 0 {
		q.Set("every", every.String())
	}
	if by != "" {
		q.Set("by", by)
	}
	return get[gen.Trends](ctx, c, "/trends", q)
}

// ReportQuery asks for a compliance report.
type ReportQuery struct {
	Format string    // html, csv, json, md, pdf or xlsx; html when empty
	AsOf   time.Time // zero means now
	Then   bool      // judge by the rules in force at AsOf
	Filter string
}

// Report is a finished report.
type Report struct {
	ContentType string
	Name        string // file name the server proposes
	Body        []byte
}

// ComplianceReport makes a compliance report.
func (c *Client) ComplianceReport(ctx context.Context, r ReportQuery) (*Report, error) {
	q := url.Values{}
	if r.Format != "" {
		q.Set("format", r.Format)
	}
	if !r.AsOf.IsZero() {
		q.Set("asOf", r.AsOf.UTC().Format(time.RFC3339Nano))
	}
	if r.Then {
		q.Set("rules", "then")
	}
	if r.Filter != "" {
		q.Set("filter", r.Filter)
	}
	resp, err := c.send(ctx, http.MethodGet, "/reports/compliance", q, nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, &Error{Code: Unavailable, Status: resp.StatusCode, Detail: "the report broke off", Err: err}
	}
	out := &Report{ContentType: resp.Header.Get("Content-Type"), Body: body}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		out.Name = params["filename"]
	}
	return out, nil
}
