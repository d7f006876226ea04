package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Query selects and orders a list. The zero value is everything in the list's own order.
type Query struct {
	Filter     string // in the filter language
	BySeverity bool   // worst first; sites, clusters, findings, mismatches and recommendations only
	PageSize   int    // the server's default when 0
	All        bool   // findings only: with the verdicts pass and not-applicable
	// AsOf reads what the server knew at that instant; zero reads the present. Not for reference data and rejections.
	AsOf time.Time
	// RulesOfNow judges the past anew instead of taking what was judged then.
	RulesOfNow bool
}

// Span asks for what happened in a span of time.
type Span struct {
	From, To time.Time // To is now when zero
	Site     string    // differences only: of this site
	Filter   string    // in the filter language
	PageSize int       // the server's default when 0
}

func (s Span) values() url.Values {
	v := Query{Filter: s.Filter, PageSize: s.PageSize}.values()
	v.Set("from", s.From.UTC().Format(time.RFC3339Nano))
	if !s.To.IsZero() {
		v.Set("to", s.To.UTC().Format(time.RFC3339Nano))
	}
	if s.Site != "" {
		v.Set("site", s.Site)
	}
	return v
}

// Page is one page of a list.
type Page[T any] struct {
	Items    []T             `json:"items"`
	Next     string          `json:"next"` // cursor of the next page, empty on the last
	Total    int             `json:"total"`
	Coverage assess.Coverage `json:"coverage"`
}

// List is a list on the server that has not been asked for yet.
type List[T any] struct {
	client *Client
	path   string
	query  url.Values
}

func list[T any](c *Client, path string, q Query) *List[T] { return &List[T]{c, path, q.values()} }

func (q Query) values() url.Values {
	v := url.Values{}
	if q.Filter != "" {
		v.Set("filter", q.Filter)
	}
	if q.BySeverity {
		v.Set("sort", "severity")
	}
	if q.PageSize > 0 {
		v.Set("limit", strconv.Itoa(q.PageSize))
	}
	if q.All {
		v.Set("all", "true")
	}
	if !q.AsOf.IsZero() {
		v.Set("asOf", q.AsOf.UTC().Format(time.RFC3339Nano))
		if q.RulesOfNow {
			v.Set("rules", "now")
		}
	}
	return v
}

// Page asks for one page; the empty cursor is the first.
func (l *List[T]) Page(ctx context.Context, cursor string) (*Page[T], error) {
	q := url.Values{}
	for k, v := range l.query {
		q[k] = v
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return get[Page[T]](ctx, l.client, l.path, q)
}

// Items asks for page after page and yields every item. It ends with the first error, yielded with a zero item.
func (l *List[T]) Items(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		cursor := ""
		for {
			p, err := l.Page(ctx, cursor)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.Next == "" {
				return
			}
			if p.Next == cursor {
				var zero T
				yield(zero, &Error{Code: Internal, Detail: "the server's pages do not advance"})
				return
			}
			cursor = p.Next
		}
	}
}

// Collect asks for all pages and puts them together. Total and coverage are the last page's.
func (l *List[T]) Collect(ctx context.Context) (*Page[T], error) {
	out := &Page[T]{Items: []T{}}
	cursor := ""
	for {
		p, err := l.Page(ctx, cursor)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, p.Items...)
		out.Total, out.Coverage = p.Total, p.Coverage
		if p.Next == "" {
			return out, nil
		}
		if p.Next == cursor {
			return nil, &Error{Code: Internal, Detail: "the server's pages do not advance"}
		}
		cursor = p.Next
	}
}

// Sites lists sites.
func (c *Client) Sites(q Query) *List[gen.SiteRow] { return list[gen.SiteRow](c, "/sites", q) }

// Clusters lists clusters.
func (c *Client) Clusters(q Query) *List[gen.ClusterRow] {
	return list[gen.ClusterRow](c, "/clusters", q)
}

// Findings lists findings.
func (c *Client) Findings(q Query) *List[rules.Finding] {
	return list[rules.Finding](c, "/findings", q)
}

// RegionMismatches lists clusters whose database is in another region.
func (c *Client) RegionMismatches(q Query) *List[gen.RegionMismatch] {
	return list[gen.RegionMismatch](c, "/region-mismatches", q)
}

// Recommendations lists the recommended architecture of each cluster.
func (c *Client) Recommendations(q Query) *List[gen.ClusterRecommendation] {
	return list[gen.ClusterRecommendation](c, "/recommendations", q)
}

// Tenancy lists shared infrastructure.
func (c *Client) Tenancy(q Query) *List[gen.Tenancy] { return list[gen.Tenancy](c, "/tenancy", q) }

// Infrastructure lists what sites list, each resource once.
func (c *Client) Infrastructure(q Query) *List[gen.InfrastructureRow] {
	return list[gen.InfrastructureRow](c, "/infrastructure", q)
}

// Rejections lists inventories the hub refused.
func (c *Client) Rejections(q Query) *List[fleet.Rejection] {
	return list[fleet.Rejection](c, "/rejections", q)
}

// Changes lists changes of findings, newest first.
func (c *Client) Changes(s Span) *List[gen.FindingChange] {
	return &List[gen.FindingChange]{c, "/changes", s.values()}
}

// Differences lists what differs between two instants.
func (c *Client) Differences(s Span) *List[gen.Difference] {
	return &List[gen.Difference]{c, "/diff", s.values()}
}

// Rules lists the rule pack.
func (c *Client) Rules(q Query) *List[rules.Entry] { return list[rules.Entry](c, "/rules", q) }

// Architectures lists the reference architectures.
func (c *Client) Architectures(q Query) *List[catalog.Architecture] {
	return list[catalog.Architecture](c, "/architectures", q)
}

// Regions lists the regions known.
func (c *Client) Regions(q Query) *List[geo.Region] { return list[geo.Region](c, "/regions", q) }
