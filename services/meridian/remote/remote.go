// Package remote has the commands that ask a server. They print what it answers and judge nothing; cli runs them.
package remote

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
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

// Environment is what the commands have from outside.
type Environment struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Version        string
	Now            func() time.Time
}

// Commands are those that ask a server.
type Commands struct {
	Sites           sitesCommand           `cmd:"" help:"List the sites of a federation." group:"server"`
	Clusters        clustersCommand        `cmd:"" help:"List the clusters of a federation." group:"server"`
	Recommendations recommendationsCommand `cmd:"" help:"List the recommended architecture of each cluster." group:"server"`
	Tenancy         tenancyCommand         `cmd:"" help:"List the infrastructure that several clusters share." group:"server"`
	Changes         changesCommand         `cmd:"" help:"List what happened to findings in a span of time." group:"server"`
	Diff            diffCommand            `cmd:"" help:"Compare a federation at two instants." group:"server"`
	Trends          trendsCommand          `cmd:"" help:"Count what fails at equally spaced instants." group:"server"`
	Waive           waiveCommand           `cmd:"" help:"Request a waiver: accept a failing finding for a time." group:"server"`
	Waivers         waiversCommand         `cmd:"" help:"List, approve, reject and withdraw waivers." group:"server"`
	Policies        policiesCommand        `cmd:"" help:"Versions of the policy: list, show, draft, preview, activate, compare." group:"server"`
	Audit           auditCommand           `cmd:"" help:"List who wrote what, when and why." group:"server"`
	Tokens          tokensCommand          `cmd:"" help:"List, make and revoke API tokens." group:"server"`
	Enrol           enrolCommand           `cmd:"" help:"Let planners in, list, approve and revoke." group:"server"`
	Webhooks        webhooksCommand        `cmd:"" help:"Send notifications to other systems." group:"server"`
	NATS            natsCommand            `cmd:"" name:"nats" help:"Prepare a NATS cluster for a federation."`
	Report          reportCommand          `cmd:"" help:"Write reports of a federation." group:"server"`
}

// DefaultServer is where "meridian up" listens.
const DefaultServer = "http://127.0.0.1:8420"

// Flags say which server is asked and as whom. A flag wins over the environment.
type Flags struct {
	Server string `help:"Address of the server; $MERIDIAN_SERVER or ${local} when absent." placeholder:"URL"`
	Token  string `help:"Token; better given as $MERIDIAN_TOKEN, where no list of processes shows it. When absent, that of a \"meridian up\" on this machine is used." placeholder:"TOKEN"`
	Data   string `help:"Data folder of that \"meridian up\"; ${default} when absent." default:"meridian-data" type:"path" placeholder:"DIR"`
}

// Server is one server with what helps to explain its errors.
type Server struct {
	*client.Client
	address, from string
}

// Client connects as the flags say.
func (f Flags) Client(e *Environment) (*Server, error) {
	s := &Server{address: cmp.Or(f.Server, e.Getenv("MERIDIAN_SERVER"), DefaultServer), from: "--token"}
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
		return nil, s.Explain(err)
	}
	return s, nil
}

// localToken reads the token that a running "meridian up" leaves in its data folder. It is an administrator's and never
// goes to another machine.
func (f Flags) localToken(address string) (token, from string, err error) {
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

// Explain adds to a server's error what a person does next.
func (s *Server) Explain(err error) error {
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

// FilterFlags choose and order.
type FilterFlags struct {
	Filter string `help:"Condition in the filter language, e.g. 'severity>=high and country=DE'." placeholder:"CONDITION"`
	Worst  bool   `help:"Worst first instead of by name."`
	pastFlags
}

// pastFlags choose the instant of a read.
type pastFlags struct {
	AsOf  Instant `help:"Read what the server knew at this instant (RFC 3339); now when absent." placeholder:"TIME"`
	Rules string  `help:"With --as-of: take what was judged then, or judge anew by the rules of now: ${enum}." enum:"then,now" default:"then"`
}

func (f pastFlags) in(q client.Query) client.Query {
	q.AsOf, q.RulesOfNow = f.AsOf.Time, f.Rules == "now"
	return q
}

// listFlags are those of every list.
type listFlags struct {
	Flags
	FilterFlags
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Query is what the flags ask for.
func (f FilterFlags) Query() client.Query {
	return f.in(client.Query{Filter: f.Filter, BySeverity: f.Worst, PageSize: 1000})
}

// printList reads all pages and prints them; the totals and what they rest on go to stderr, where a person looks.
func printList[T any](ctx context.Context, e *Environment, api *Server, f output.Format, list *client.List[T], noun string, columns []output.Column, row func(*T) []string) error {
	page, err := list.Collect(ctx)
	if err != nil {
		return api.Explain(err)
	}
	s := output.Sheet{Columns: columns, Value: page, Empty: "No " + noun + "s."}
	for i := range page.Items {
		s.Rows = append(s.Rows, row(&page.Items[i]))
	}
	if err := s.Write(e.Stdout, f); err != nil {
		return err
	}
	if f.ForPeople() {
		fmt.Fprintf(e.Stderr, "%s; %s\n", words.Count(page.Total, noun), words.Coverage(page.Coverage))
	}
	return nil
}

type sitesCommand struct{ listFlags }

// Run lists sites.
func (c *sitesCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
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
	return printList(ctx, e, api, c.Output, api.Sites(c.Query()), "site", columns, func(s *gen.SiteRow) []string {
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
	api, err := c.Client(e)
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
	return printList(ctx, e, api, c.Output, api.Clusters(c.Query()), "cluster", columns, func(r *gen.ClusterRow) []string {
		return []string{
			r.Id, string(r.Environment), r.ThingworxVersion, r.Architecture, strconv.FormatFloat(r.Distance, 'f', 2, 64), r.Recommended,
			words.OrUnknown(strings.Join(r.Regions.ThingWorx, " ")), words.OrUnknown(r.Regions.Database), words.Severity(r.Severity), strconv.FormatFloat(r.Serving, 'f', 6, 64),
			r.Size, strings.Join(r.Overlays, " "), string(r.Hosting),
		}
	})
}

type recommendationsCommand struct{ listFlags }

// Run lists recommendations.
func (c *recommendationsCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	columns := []output.Column{
		{Name: "cluster"}, {Name: "is"}, {Name: "distance"}, {Name: "should be"}, {Name: "serving"}, {Name: "objective"}, {Name: "options"}, {Name: "why"}, {Name: "rejected", Wide: true},
	}
	return printList(ctx, e, api, c.Output, api.Recommendations(c.Query()), "recommendation", columns, func(r *gen.ClusterRecommendation) []string {
		why, objective := "", ""
		recommendation := r.Recommendation.Open()
		if len(recommendation.Reasons) > 0 {
			why = recommendation.Reasons[0]
		}
		if r.Objective > 0 {
			objective = strconv.FormatFloat(r.Objective, 'f', -1, 64)
		}
		var options, rejected []string
		for _, o := range recommendation.Options {
			options = append(options, fmt.Sprintf("%s (%s)", o.Architecture, o.Objective))
		}
		for _, x := range recommendation.Rejected {
			rejected = append(rejected, x.Architecture+": "+x.Because)
		}
		return []string{
			r.Id, r.Architecture, strconv.FormatFloat(r.Distance, 'f', 2, 64), r.Recommended, strconv.FormatFloat(r.Serving, 'f', 6, 64), objective,
			strings.Join(options, ", "), why, strings.Join(rejected, "; "),
		}
	})
}

type tenancyCommand struct {
	Flags
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
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	if c.Output == formatDOT || c.Output == formatMermaid {
		if c.Filter != "" {
			return errors.New("--filter: a drawing shows everything that is shared; leave the filter out, or choose a table")
		}
		g, err := api.TenancyGraph(ctx)
		if err != nil {
			return api.Explain(err)
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
	Flags
	AsOf   Instant `help:"Instant of the report (RFC 3339); now when absent." placeholder:"TIME"`
	Rules  string  `help:"Judge by the rules in force then, or by those of now: ${enum}." enum:"then,now" default:"now"`
	Filter string  `help:"Only findings that match, in the filter language." placeholder:"CONDITION"`
	Output string  `short:"o" help:"Format: ${enum}." enum:"html,pdf,xlsx,csv,json,md" default:"html"`
}

// Run writes the report to stdout.
func (c *complianceCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	r, err := api.ComplianceReport(ctx, client.ReportQuery{Format: c.Output, AsOf: c.AsOf.Time, Then: c.Rules == "then", Filter: c.Filter})
	if err != nil {
		return api.Explain(err)
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

// Instant is an instant given by a flag.
type Instant struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *Instant) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return fmt.Errorf("%q is no instant; write it like 2026-11-20T08:00:00Z", text)
	}
	i.Time = at
	return nil
}
