package remote

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

// spanFlags are those of what looks at a span of time.
type spanFlags struct {
	Flags
	From   Instant       `help:"Begin of the span (RFC 3339); a week before its end when absent." placeholder:"TIME"`
	To     Instant       `help:"End of the span (RFC 3339); now when absent." placeholder:"TIME"`
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

const week = 7 * 24 * time.Hour

// span fills in what is absent, so that all pages are of one span.
func (f spanFlags) span(e *Environment) (from, to time.Time) {
	from, to = f.From.Time, f.To.Time
	if to.IsZero() {
		to = e.Now().UTC().Truncate(time.Second)
	}
	if from.IsZero() {
		from = to.Add(-week)
	}
	return from, to
}

type changesCommand struct {
	spanFlags
	Filter string `help:"Condition in the filter language, e.g. 'change=opened and severity>=high'." placeholder:"CONDITION"`
}

// Run lists changes of findings.
func (c *changesCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	columns := []output.Column{
		{Name: "at"},
		{Name: "change"},
		{Name: "severity"},
		{Name: "verdict"},
		{Name: "rule"},
		{Name: "subject"},
		{Name: "message"},
		{Name: "waiver", Wide: true},
		{Name: "finding", Wide: true},
		{Name: "revision", Wide: true},
		{Name: "rule pack", Wide: true},
	}
	from, to := c.span(e)
	changes := api.Changes(client.Span{From: from, To: to, Filter: c.Filter, PageSize: 1000})
	return printList(ctx, e, api, c.Output, changes, "change", columns, func(x *gen.FindingChange) []string {
		subject := x.Site
		if x.Cluster != "" {
			subject += "/" + x.Cluster
		}
		if x.Infrastructure != "" {
			subject += " " + x.Infrastructure
		}
		return []string{
			x.At.UTC().Format(time.RFC3339), string(x.Change), x.Severity, x.Verdict, x.Rule, subject, x.Message, x.Waiver, x.Finding, x.Revision, x.RulePackHash,
		}
	})
}

type diffCommand struct {
	spanFlags
	Site   string `help:"Only this site." placeholder:"SITE"`
	Filter string `help:"Condition in the filter language, e.g. 'kind=cluster and what=architecture'." placeholder:"CONDITION"`
}

// Run compares two instants.
func (c *diffCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	columns := []output.Column{
		{Name: "site"}, {Name: "kind"}, {Name: "change"}, {Name: "cluster"}, {Name: "what"}, {Name: "before"}, {Name: "after"}, {Name: "message", Wide: true},
	}
	from, to := c.span(e)
	differences := api.Differences(client.Span{From: from, To: to, Site: c.Site, Filter: c.Filter, PageSize: 1000})
	return printList(ctx, e, api, c.Output, differences, "difference", columns, func(d *gen.Difference) []string {
		what := d.What
		if d.Rule != "" {
			what = d.Rule
		}
		return []string{d.Site, string(d.Kind), string(d.Change), d.Cluster, what, d.Before, d.After, d.Message}
	})
}

type trendsCommand struct {
	spanFlags
	Every time.Duration `help:"Distance of the points; when absent, a round one of which the span has at most 30." placeholder:"DURATION"`
	By    string        `help:"Group by site, rule, severity, region, country or tag.NAME; one group of all when absent." placeholder:"WHAT"`
}

// Run counts verdicts over time.
func (c *trendsCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	from, to := c.span(e)
	trends, err := api.Trends(ctx, from, to, c.Every, c.By)
	if err != nil {
		return api.Explain(err)
	}
	s := output.Sheet{
		Columns: []output.Column{{Name: "group"}, {Name: "at"}, {Name: "sites"}, {Name: "fail"}, {Name: "unknown"}, {Name: "waived"}},
		Value:   trends, Empty: "Nothing was judged then.",
	}
	for _, group := range trends.Series {
		for _, p := range group.Points {
			s.Rows = append(s.Rows, []string{
				group.Group, p.At.UTC().Format(time.RFC3339), strconv.Itoa(p.Sites), strconv.Itoa(p.Fail), strconv.Itoa(p.Unknown), strconv.Itoa(p.Waived),
			})
		}
	}
	if err := s.Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if c.Output.ForPeople() {
		fmt.Fprintf(e.Stderr, "%s; the federation of now %s\n", words.Count(len(trends.Series), "group"), words.Coverage(trends.Coverage))
	}
	return nil
}
