package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/meridian/exchange"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

// defaultServer is where "meridian up" listens.
const defaultServer = "http://127.0.0.1:8420"

// serverFlags say which server is asked and as whom. A flag wins over the environment.
type serverFlags struct {
	Server string `help:"Address of the server; $MERIDIAN_SERVER or ${local} when absent." placeholder:"URL"`
	Token  string `help:"Token; better given as $MERIDIAN_TOKEN, where no list of processes shows it. When absent, that of a \"meridian up\" on this machine is used." placeholder:"TOKEN"`
	Data   string `help:"Data folder of that \"meridian up\"; ${default} when absent." default:"meridian-data" type:"path" placeholder:"DIR"`
}

// server is one server with what helps to explain its errors.
type server struct {
	*client.Client
	address, from string
}

func (f serverFlags) client(e *Environment) (*server, error) {
	s := &server{address: cmp.Or(f.Server, e.Getenv("MERIDIAN_SERVER"), defaultServer), from: "--token"}
	token := f.Token
	if token == "" {
		token, s.from = e.Getenv("MERIDIAN_TOKEN"), "MERIDIAN_TOKEN"
	}
	if token == "" {
		var err error
		if token, s.from, err = f.localToken(s.address); err != nil {
			return nil, err
		}
	}
	var err error
	if s.Client, err = client.New(client.Options{Server: s.address, Token: token, UserAgent: "meridian/" + e.Version}); err != nil {
		return nil, s.explain(err)
	}
	return s, nil
}

// localToken reads the token that a running "meridian up" leaves in its data folder. It is an administrator's and never
// goes to another machine.
func (f serverFlags) localToken(address string) (token, from string, err error) {
	const remedy = "give --token, set MERIDIAN_TOKEN, or name the data folder of a running \"meridian up\" with --data"
	if !loopback(address) {
		return "", "", fmt.Errorf("no token for %s: give --token or set MERIDIAN_TOKEN", address)
	}
	path := filepath.Join(f.Data, "admin.token")
	local, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", "", errors.New("no token: " + remedy)
	}
	if err != nil {
		return "", "", fmt.Errorf("read the token of the local server: %w", err)
	}
	if token = strings.TrimSpace(string(local)); token == "" {
		return "", "", fmt.Errorf("no token: %s is empty; %s", path, remedy)
	}
	return token, path, nil
}

func loopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// explain adds to a server's error what a person does next.
func (s *server) explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var e *client.Error
	answered := errors.As(err, &e) && e.Status != 0
	switch code := client.CodeOf(err); {
	case code == client.Unavailable && !answered:
		return fmt.Errorf("ask %s: %w; start \"meridian up\", or name the server with --server or MERIDIAN_SERVER", s.address, err)
	case code == client.Unavailable:
		return fmt.Errorf("ask %s: %w; try again later", s.address, err)
	case code == client.Invalid && !answered:
		return fmt.Errorf("read the server's address: %w", err)
	case code == client.NotFound:
		return fmt.Errorf("ask %s: %w; check the address in --server or MERIDIAN_SERVER", s.address, err)
	case code == client.Unauthorised:
		return fmt.Errorf("ask %s: %w; the token came from %s", s.address, err, s.from)
	case code == client.Forbidden:
		return fmt.Errorf("ask %s: %w; use a token of a role that may", s.address, err)
	}
	return fmt.Errorf("ask %s: %w", s.address, err)
}

// filterFlags choose and order.
type filterFlags struct {
	Filter string `help:"Condition in the filter language, e.g. 'severity>=high and country=DE'." placeholder:"CONDITION"`
	Worst  bool   `help:"Worst first instead of by name."`
	pastFlags
}

// pastFlags choose the instant of a read.
type pastFlags struct {
	AsOf  instant `help:"Read what the server knew at this instant (RFC 3339); now when absent." placeholder:"TIME"`
	Rules string  `help:"With --as-of: take what was judged then, or judge anew by the rules of now: ${enum}." enum:"then,now" default:"then"`
}

func (f pastFlags) in(q client.Query) client.Query {
	q.AsOf, q.RulesOfNow = f.AsOf.Time, f.Rules == "now"
	return q
}

// listFlags are those of every list.
type listFlags struct {
	serverFlags
	filterFlags
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

func (f filterFlags) query() client.Query {
	return f.in(client.Query{Filter: f.Filter, BySeverity: f.Worst, PageSize: 1000})
}

// printList reads all pages and prints them; the totals and what they rest on go to stderr, where a person looks.
func printList[T any](ctx context.Context, e *Environment, api *server, f output.Format, list *client.List[T], noun string, columns []output.Column, row func(*T) []string) error {
	page, err := list.Collect(ctx)
	if err != nil {
		return api.explain(err)
	}
	s := output.Sheet{Columns: columns, Value: page, Empty: "No " + noun + "s."}
	for i := range page.Items {
		s.Rows = append(s.Rows, row(&page.Items[i]))
	}
	if err := s.Write(e.Stdout, f); err != nil {
		return err
	}
	if f.ForPeople() {
		fmt.Fprintf(e.Stderr, "%s; %s\n", count(page.Total, noun), words.Coverage(page.Coverage))
	}
	return nil
}

type sitesCommand struct{ listFlags }

// Run lists sites.
func (c *sitesCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	columns := []output.Column{
		{Name: "site"},
		{Name: "name"},
		{Name: "country"},
		{Name: "state"},
		{Name: "clusters"},
		{Name: "worst"},
		{Name: "critical"},
		{Name: "high"},
		{Name: "medium"},
		{Name: "unknown"},
		{Name: "region match"},
		{Name: "observed"},
		{Name: "role", Wide: true},
		{Name: "hub", Wide: true},
		{Name: "revision", Wide: true},
		{Name: "state since", Wide: true},
		{Name: "planner", Wide: true},
		{Name: "protocol", Wide: true},
		{Name: "supported", Wide: true},
	}
	return printList(ctx, e, api, c.Output, api.Sites(c.query()), "site", columns, func(s *gen.SiteRow) []string {
		return []string{
			s.Id, s.Name, s.Country, string(s.Liveness), strconv.Itoa(s.Clusters), words.Severity(s.Severity),
			strconv.Itoa(s.Findings.Critical), strconv.Itoa(s.Findings.High), strconv.Itoa(s.Findings.Medium), strconv.Itoa(s.Findings.Unknown),
			words.Match(s.RegionMatch), s.ObservedAt.UTC().Format(time.RFC3339), string(s.Role), s.Hub, s.Revision,
			words.Instant(s.Entered.Of(s.Liveness)), s.Planner.Version, words.Protocol(s.Planner), words.Support(s),
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
		{Name: "cluster"},
		{Name: "environment"},
		{Name: "version"},
		{Name: "architecture"},
		{Name: "distance"},
		{Name: "recommended"},
		{Name: "thingworx in"},
		{Name: "database in"},
		{Name: "worst"},
		{Name: "serving"},
		{Name: "size", Wide: true},
		{Name: "overlays", Wide: true},
		{Name: "hosting", Wide: true},
	}
	return printList(ctx, e, api, c.Output, api.Clusters(c.query()), "cluster", columns, func(r *gen.ClusterRow) []string {
		return []string{
			r.Id, string(r.Environment), r.ThingworxVersion, r.Architecture, strconv.FormatFloat(r.Distance, 'f', 2, 64), r.Recommended,
			unknownIfNone(strings.Join(r.Regions.ThingWorx, " ")), unknownIfNone(r.Regions.Database), words.Severity(r.Severity), strconv.FormatFloat(r.Serving, 'f', 6, 64),
			r.Size, strings.Join(r.Overlays, " "), string(r.Hosting),
		}
	})
}

type findingsCommand struct {
	serverFlags
	filterFlags
	All bool `help:"Also show what passes and what does not apply."`
	failOnFlag
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md,sarif,junit" default:"table"`
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
		return api.explain(err)
	}
	if c.Output == formatSARIF || c.Output == formatJUnit {
		err = e.exchange(c.Output, exchange.Export{Findings: page.Items})
	} else {
		s := findingSheet(page.Items, nil)
		s.Value = page
		err = s.Write(e.Stdout, c.Output)
	}
	if err != nil {
		return err
	}
	if c.Output.ForPeople() {
		fmt.Fprintf(e.Stderr, "%s; %s\n", count(page.Total, "finding"), words.Coverage(page.Coverage))
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
	return printList(ctx, e, api, c.Output, api.Recommendations(c.query()), "recommendation", columns, func(r *gen.ClusterRecommendation) []string {
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
	pastFlags
	Filter string        `help:"Condition in the filter language, e.g. 'kind=zookeeper'; not for drawings." placeholder:"CONDITION"`
	Output output.Format `short:"o" help:"Format: ${enum}. dot (Graphviz) and mermaid draw who shares what." enum:"table,wide,json,yaml,csv,md,dot,mermaid" default:"table"`
}

// Formats of drawings.
const (
	formatDOT     output.Format = "dot"
	formatMermaid output.Format = "mermaid"
)

// Run lists shared infrastructure.
func (c *tenancyCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	if c.Output == formatDOT || c.Output == formatMermaid {
		if c.Filter != "" {
			return errors.New("--filter: a drawing shows everything that is shared; leave the filter out, or choose a table")
		}
		g, err := api.TenancyGraph(ctx)
		if err != nil {
			return api.explain(err)
		}
		text := g.DOT()
		if c.Output == formatMermaid {
			text = g.Mermaid()
		}
		if _, err := io.WriteString(e.Stdout, text); err != nil {
			return fmt.Errorf("write the drawing: %w", err)
		}
		return nil
	}
	columns := []output.Column{{Name: "infrastructure"}, {Name: "kind"}, {Name: "also known as"}, {Name: "used by"}, {Name: "regions"}}
	q := c.in(client.Query{Filter: c.Filter, PageSize: 1000})
	return printList(ctx, e, api, c.Output, api.Tenancy(q), "shared infrastructure", columns, func(t *gen.Tenancy) []string {
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
	AsOf   instant `help:"Instant of the report (RFC 3339); now when absent." placeholder:"TIME"`
	Rules  string  `help:"Judge by the rules in force then, or by those of now: ${enum}." enum:"then,now" default:"now"`
	Filter string  `help:"Only findings that match, in the filter language." placeholder:"CONDITION"`
	Output string  `short:"o" help:"Format: ${enum}." enum:"html,pdf,xlsx,csv,json,md" default:"html"`
}

// Run writes the report to stdout.
func (c *complianceCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.client(e)
	if err != nil {
		return err
	}
	r, err := api.ComplianceReport(ctx, client.ReportQuery{Format: c.Output, AsOf: c.AsOf.Time, Then: c.Rules == "then", Filter: c.Filter})
	if err != nil {
		return api.explain(err)
	}
	// A login page or a proxy's greeting must not pass for the report that somebody files.
	if !strings.HasSuffix(r.Name, "."+c.Output) {
		return fmt.Errorf("ask %s: the answer, %q, is no report; is it a Meridian server?", api.address, r.ContentType)
	}
	if _, err = e.Stdout.Write(r.Body); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
