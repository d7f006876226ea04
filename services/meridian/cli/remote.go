package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

// serverFlags say which server is asked and as whom.
type serverFlags struct {
	Server string `help:"Address of the server." default:"http://127.0.0.1:8420" env:"MERIDIAN_SERVER" placeholder:"URL"`
	Token  string `help:"Token; better given in the environment. When absent, that of a \"meridian up\" on --data is used." env:"MERIDIAN_TOKEN" placeholder:"TOKEN"`
	Data   string `help:"Data folder of a \"meridian up\" of this user." default:"meridian-data" type:"path" placeholder:"DIR"`
}

func (f serverFlags) client(e *Environment) (*client.Client, error) {
	token := f.Token
	if token == "" {
		local, err := os.ReadFile(filepath.Join(f.Data, "admin.token"))
		if errors.Is(err, os.ErrNotExist) {
			return nil, errors.New("no token: give --token, set MERIDIAN_TOKEN, or name the data folder of a running \"meridian up\" with --data")
		}
		if err != nil {
			return nil, fmt.Errorf("read the token of the local server: %w", err)
		}
		token = strings.TrimSpace(string(local))
	}
	return client.New(client.Options{Server: f.Server, Token: token, UserAgent: "meridian/" + e.Version})
}

// listFlags are those of every list.
type listFlags struct {
	serverFlags
	Filter string        `help:"Condition in the filter language, e.g. 'severity>=high and country=DE'." placeholder:"CONDITION"`
	Worst  bool          `help:"Worst first instead of by name."`
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

func (f listFlags) query() client.Query {
	return client.Query{Filter: f.Filter, BySeverity: f.Worst, PageSize: 1000}
}

// printList reads all pages and prints them; the totals and what they rest on go to stderr, where a person looks.
func printList[T any](ctx context.Context, e *Environment, f output.Format, list *client.List[T], noun string, columns []output.Column, row func(*T) []string) error {
	page, err := list.Collect(ctx)
	if err != nil {
		return err
	}
	s := output.Sheet{Columns: columns, Value: page, Empty: "No " + noun + "."}
	for i := range page.Items {
		s.Rows = append(s.Rows, row(&page.Items[i]))
	}
	if err := s.Write(e.Stdout, f); err != nil {
		return err
	}
	if f == output.Table || f == output.Wide {
		fmt.Fprintf(e.Stderr, "%d %s; %s\n", page.Total, noun, coverageText(page.Coverage))
	}
	return nil
}

func coverageText(c assess.Coverage) string {
	return fmt.Sprintf("rests on %d sites, %d fresh and %d not; %d of %d facts known", c.Sites, c.Fresh, c.Stale, c.FactsKnown, c.FactsNeeded)
}

type sitesCommand struct{ listFlags }

// Run lists sites.
func (c *sitesCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	columns := []output.Column{
		{Name: "site"}, {Name: "name"}, {Name: "country"}, {Name: "state"}, {Name: "clusters"}, {Name: "worst"}, {Name: "critical"}, {Name: "high"}, {Name: "medium"},
		{Name: "unknown"}, {Name: "region match"}, {Name: "observed"}, {Name: "role", Wide: true}, {Name: "hub", Wide: true}, {Name: "revision", Wide: true},
	}
	return printList(ctx, e, c.Output, api.Sites(c.query()), "sites", columns, func(s *gen.SiteRow) []string {
		return []string{
			s.Id, s.Name, s.Country, string(s.Liveness), strconv.Itoa(s.Clusters), severityText(s.Severity),
			strconv.Itoa(s.Findings.Critical), strconv.Itoa(s.Findings.High), strconv.Itoa(s.Findings.Medium), strconv.Itoa(s.Findings.Unknown),
			matchText(s.RegionMatch), s.ObservedAt.UTC().Format(time.RFC3339), string(s.Role), s.Hub, s.Revision,
		}
	})
}

type clustersCommand struct{ listFlags }

// Run lists clusters.
func (c *clustersCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	columns := []output.Column{
		{Name: "cluster"}, {Name: "environment"}, {Name: "version"}, {Name: "architecture"}, {Name: "distance"}, {Name: "recommended"},
		{Name: "thingworx in"}, {Name: "database in"}, {Name: "worst"}, {Name: "serving"}, {Name: "size", Wide: true}, {Name: "overlays", Wide: true}, {Name: "hosting", Wide: true},
	}
	return printList(ctx, e, c.Output, api.Clusters(c.query()), "clusters", columns, func(r *gen.ClusterRow) []string {
		return []string{
			r.Id, string(r.Environment), r.ThingworxVersion, r.Architecture, strconv.FormatFloat(r.Distance, 'f', 2, 64), r.Recommended,
			strings.Join(r.Regions.ThingWorx, " "), r.Regions.Database, severityText(r.Severity), strconv.FormatFloat(r.Serving, 'f', 6, 64),
			r.Size, strings.Join(r.Overlays, " "), string(r.Hosting),
		}
	})
}

type findingsCommand struct {
	listFlags
	All    bool   `help:"Also show what passes and what does not apply."`
	FailOn string `help:"Exit with 1 when a finding is at least this severe: ${enum}." enum:"critical,high,medium,low,info,never" default:"high"`
}

// Run lists findings and answers with the exit code of a judgement.
func (c *findingsCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	q := c.query()
	q.All = c.All
	page, err := api.Findings(q).Collect(ctx)
	if err != nil {
		return err
	}
	s := findingSheet(page.Items)
	s.Value = page
	if err := s.Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if c.Output == output.Table || c.Output == output.Wide {
		fmt.Fprintf(e.Stderr, "%d findings; %s\n", page.Total, coverageText(page.Coverage))
	}
	return verdict(page.Items, rules.Severity(c.FailOn), 0)
}

type recommendationsCommand struct{ listFlags }

// Run lists recommendations.
func (c *recommendationsCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	columns := []output.Column{
		{Name: "cluster"}, {Name: "is"}, {Name: "distance"}, {Name: "should be"}, {Name: "serving"}, {Name: "objective"}, {Name: "options"}, {Name: "why"}, {Name: "rejected", Wide: true},
	}
	return printList(ctx, e, c.Output, api.Recommendations(c.query()), "recommendations", columns, func(r *gen.ClusterRecommendation) []string {
		why, objective := "", ""
		if len(r.Recommendation.Reasons) > 0 {
			why = r.Recommendation.Reasons[0]
		}
		if r.Objective > 0 {
			objective = strconv.FormatFloat(r.Objective, 'f', -1, 64)
		}
		var options, rejected []string
		for _, o := range r.Recommendation.Options {
			options = append(options, fmt.Sprintf("%s (%s)", o.Architecture, o.Objective))
		}
		for _, x := range r.Recommendation.Rejected {
			rejected = append(rejected, x.Architecture+": "+x.Because)
		}
		return []string{
			r.Id, r.Architecture, strconv.FormatFloat(r.Distance, 'f', 2, 64), r.Recommended, strconv.FormatFloat(r.Serving, 'f', 6, 64), objective,
			strings.Join(options, ", "), why, strings.Join(rejected, "; "),
		}
	})
}

type tenancyCommand struct {
	serverFlags
	Filter string        `help:"Condition in the filter language, e.g. 'kind=zookeeper'." placeholder:"CONDITION"`
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Run lists shared infrastructure.
func (c *tenancyCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	columns := []output.Column{{Name: "infrastructure"}, {Name: "kind"}, {Name: "also known as"}, {Name: "used by"}, {Name: "regions"}}
	q := client.Query{Filter: c.Filter, PageSize: 1000}
	return printList(ctx, e, c.Output, api.Tenancy(q), "shared infrastructures", columns, func(t *gen.Tenancy) []string {
		tenants := strings.Join(t.Tenants, " ")
		if t.OtherTenants > 0 {
			tenants += fmt.Sprintf(" and %d of other sites", t.OtherTenants)
		}
		return []string{t.Infrastructure, string(t.Kind), strings.Join(t.Aliases, " "), tenants, strings.Join(t.Regions, " ")}
	})
}

type reportCommand struct {
	Compliance complianceCommand `cmd:"" help:"Who complies, under which rules, on what evidence, how fresh it is, and what is unknown."`
}

type complianceCommand struct {
	serverFlags
	AsOf   time.Time `help:"Instant of the report (RFC 3339); now when absent." placeholder:"TIME"`
	Rules  string    `help:"Judge by the rules in force then, or by those of now." enum:"then,now" default:"now"`
	Filter string    `help:"Only findings that match, in the filter language." placeholder:"CONDITION"`
	Output string    `short:"o" help:"Format: ${enum}." enum:"html,pdf,xlsx,csv,json,md" default:"html"`
}

// Run writes the report to stdout.
func (c *complianceCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	r, err := api.ComplianceReport(ctx, client.ReportQuery{Format: c.Output, AsOf: c.AsOf, Then: c.Rules == "then", Filter: c.Filter})
	if err != nil {
		return err
	}
	_, err = e.Stdout.Write(r.Body)
	return err
}

func matchText(match *bool) string {
	switch {
	case match == nil:
		return "unknown"
	case *match:
		return "yes"
	default:
		return "no"
	}
}

// severityText says none where nothing fails; what is unknown has a column of its own.
func severityText(s *rules.Severity) string {
	if s == nil {
		return "none"
	}
	return string(*s)
}
