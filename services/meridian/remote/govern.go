package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/meridian-federation/meridian/api/client"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/access"
	"github.com/meridian-federation/meridian/services/meridian/govern"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

// queryFlags are those of a list that has no severities.
type queryFlags struct {
	Flags
	Filter string        `help:"Condition in the filter language." placeholder:"CONDITION"`
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

func (f queryFlags) Query() client.Query { return client.Query{Filter: f.Filter, PageSize: 1000} }

// answerFlags are those of a command that prints one thing.
type answerFlags struct {
	Flags
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// one asks for one thing and prints it as a row.
func one[T any](e *Environment, f answerFlags, columns []output.Column, row func(*T) []string, ask func(*Server) (*T, error)) error {
	api, err := f.Client(e)
	if err != nil {
		return err
	}
	v, err := ask(api)
	if err != nil {
		return api.Explain(err)
	}
	return (&output.Sheet{Columns: columns, Rows: [][]string{row(v)}, Value: v}).Write(e.Stdout, f.Output)
}

func oneWaiver(e *Environment, f answerFlags, ask func(*Server) (*gen.Waiver, error)) error {
	return one(e, f, govern.WaiverColumns(), govern.WaiverRow, ask)
}

func oneVersion(e *Environment, f answerFlags, ask func(*Server) (*gen.PolicyVersion, error)) error {
	return one(e, f, govern.PolicyColumns(), govern.PolicyRow, ask)
}

// many asks for a list and prints it.
func many[T any](ctx context.Context, e *Environment, f queryFlags, noun string, columns []output.Column, row func(*T) []string, ask func(*Server) *client.List[T]) error {
	api, err := f.Client(e)
	if err != nil {
		return err
	}
	return printList(ctx, e, api, f.Output, ask(api), noun, columns, row)
}

type waiveCommand struct {
	Rule           string            `arg:"" help:"Rule, like COL-001."`
	For            string            `arg:"" optional:"" name:"subject" help:"Site, or site/cluster."`
	Infrastructure string            `help:"Only findings about this infrastructure, site/id." placeholder:"SITE/ID"`
	Tag            map[string]string `help:"Every site with this tag; may be repeated." placeholder:"NAME=VALUE"`
	Country        string            `help:"Every site in this country." placeholder:"CODE"`
	Region         string            `help:"Every cluster whose ThingWorx runs in this region alone." placeholder:"REGION"`
	Until          string            `help:"Until when: a day, an instant, or a time from now like 90d." required:"" placeholder:"WHEN"`
	Reason         string            `help:"Why the risk is accepted." required:"" placeholder:"TEXT"`
	Ticket         string            `help:"Where it is tracked." placeholder:"TEXT"`
	Owner          string            `help:"Who answers for the risk; you when absent." placeholder:"NAME"`
	answerFlags
}

// Help is shown below the usage.
func (waiveCommand) Help() string {
	return "The waiver is in force once somebody else approves it (meridian waivers approve). What it covers still fails, and says so."
}

// Run requests a waiver.
func (c *waiveCommand) Run(ctx context.Context, e *Environment) error {
	until, err := govern.Expiry(c.Until, e.Now())
	if err != nil {
		return fmt.Errorf("--until: %w", err)
	}
	m, id := govern.Subject(c.For, c.Infrastructure), ""
	m.Tags, m.Country, m.Region = c.Tag, c.Country, c.Region
	err = oneWaiver(e, c.answerFlags, func(api *Server) (*gen.Waiver, error) {
		w, err := api.RequestWaiver(ctx, gen.WaiverRequest{Rule: c.Rule, Match: m, Reason: c.Reason, Ticket: c.Ticket, Owner: c.Owner, Expires: until})
		if err == nil {
			id = w.Id
		}
		return w, err
	})
	if err == nil && c.Output.ForPeople() {
		fmt.Fprintf(e.Stderr, "It waits for an approver other than you: meridian waivers approve %s\n", id)
	}
	return err
}

type waiversCommand struct {
	List     waiverListCommand     `cmd:"" default:"withargs" help:"List waivers in every state."`
	Approve  waiverApproveCommand  `cmd:"" help:"Put a waiver in force that somebody else requested."`
	Reject   waiverRejectCommand   `cmd:"" help:"Refuse a requested waiver for good."`
	Withdraw waiverWithdrawCommand `cmd:"" help:"Take back a waiver that is requested or in force."`
}

type waiverListCommand struct {
	queryFlags
	Only string `help:"Only those: ${enum}." enum:"all,in-force,requested,expiring,unused,expired" default:"all"`
}

// Run lists waivers.
func (c *waiverListCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	only := map[string]string{
		"in-force": "state=approved", "requested": "state=requested", "expiring": "expiring=true", "unused": "unused=true", "expired": "state=expired",
	}[c.Only]
	q := c.Query()
	switch {
	case only != "" && q.Filter != "":
		q.Filter = only + " and (" + q.Filter + ")"
	case only != "":
		q.Filter = only
	}
	return printList(ctx, e, api, c.Output, api.Waivers(q), "waiver", govern.WaiverColumns(), govern.WaiverRow)
}

type waiverApproveCommand struct {
	ID   string `arg:"" name:"waiver" help:"Id of the waiver."`
	Note string `help:"Kept with the waiver." placeholder:"TEXT"`
	answerFlags
}

// Run approves a waiver as it is read now.
func (c *waiverApproveCommand) Run(ctx context.Context, e *Environment) error {
	return oneWaiver(e, c.answerFlags, func(api *Server) (*gen.Waiver, error) {
		_, etag, err := api.Waiver(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		return api.ApproveWaiver(ctx, c.ID, c.Note, etag)
	})
}

type waiverRejectCommand struct {
	ID     string `arg:"" name:"waiver" help:"Id of the waiver."`
	Reason string `help:"Why; kept with the waiver." required:"" placeholder:"TEXT"`
	answerFlags
}

// Run rejects a waiver.
func (c *waiverRejectCommand) Run(ctx context.Context, e *Environment) error {
	return oneWaiver(e, c.answerFlags, func(api *Server) (*gen.Waiver, error) { return api.RejectWaiver(ctx, c.ID, c.Reason, "") })
}

type waiverWithdrawCommand struct {
	ID     string `arg:"" name:"waiver" help:"Id of the waiver."`
	Reason string `help:"Why; kept with the waiver." required:"" placeholder:"TEXT"`
	answerFlags
}

// Run withdraws a waiver.
func (c *waiverWithdrawCommand) Run(ctx context.Context, e *Environment) error {
	return oneWaiver(e, c.answerFlags, func(api *Server) (*gen.Waiver, error) { return api.WithdrawWaiver(ctx, c.ID, c.Reason, "") })
}

type policiesCommand struct {
	List     policyListCommand     `cmd:"" default:"withargs" help:"List the versions of the policy."`
	Show     policyShowCommand     `cmd:"" help:"Print one version as a policy file."`
	Draft    policyDraftCommand    `cmd:"" help:"Store a policy file as a new version, which is not in force."`
	Preview  policyPreviewCommand  `cmd:"" help:"Show which findings a version would open and close."`
	Activate policyActivateCommand `cmd:"" help:"Put a version in force; an earlier one to go back."`
	Diff     policyDiffCommand     `cmd:"" help:"Compare two versions."`
}

type policyListCommand struct{ queryFlags }

// Run lists versions.
func (c *policyListCommand) Run(ctx context.Context, e *Environment) error {
	return many(ctx, e, c.queryFlags, "version", govern.PolicyColumns(), govern.PolicyRow, func(api *Server) *client.List[gen.PolicyVersion] { return api.Policies(c.Query()) })
}

type policyShowCommand struct {
	ID string `arg:"" name:"version" help:"Number of the version, or file."`
	Flags
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"json,yaml" default:"yaml"`
}

// Run prints a version.
func (c *policyShowCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	v, err := api.Policy(ctx, c.ID)
	if err != nil {
		return api.Explain(err)
	}
	return (&output.Sheet{Value: v.Policy}).Write(e.Stdout, c.Output)
}

type policyDraftCommand struct {
	File string `arg:"" help:"Policy file." type:"existingfile"`
	Note string `help:"Why; kept with the version." placeholder:"TEXT"`
	answerFlags
}

// Run stores a version.
func (c *policyDraftCommand) Run(ctx context.Context, e *Environment) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	return oneVersion(e, c.answerFlags, func(api *Server) (*gen.PolicyVersion, error) { return api.DraftPolicy(ctx, string(text), c.Note) })
}

type policyPreviewCommand struct {
	ID string `arg:"" name:"version" help:"Number of the version."`
	answerFlags
}

// Run previews a version.
func (c *policyPreviewCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	p, err := api.PreviewPolicy(ctx, c.ID)
	if err != nil {
		return api.Explain(err)
	}
	if err := govern.PreviewDocument(p).Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if c.Output.ForPeople() {
		fmt.Fprintf(e.Stderr, "%s compared; %d would open, %d close, %d change, %d be unknown\n", words.Count(p.Sites, "site"), len(p.Opened), len(p.Closed), len(p.Changed), len(p.Unknown))
	}
	return nil
}

type policyActivateCommand struct {
	ID     string `arg:"" name:"version" help:"Number of the version."`
	Reason string `help:"Why; kept with the activation." required:"" placeholder:"TEXT"`
	answerFlags
}

// Run activates a version.
func (c *policyActivateCommand) Run(ctx context.Context, e *Environment) error {
	return oneVersion(e, c.answerFlags, func(api *Server) (*gen.PolicyVersion, error) { return api.ActivatePolicy(ctx, c.ID, c.Reason) })
}

type policyDiffCommand struct {
	From string `arg:"" help:"Number of a version, or file."`
	To   string `arg:"" help:"Number of another."`
	answerFlags
}

// Run compares two versions.
func (c *policyDiffCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	from, err := api.Policy(ctx, c.From)
	if err != nil {
		return api.Explain(err)
	}
	to, err := api.Policy(ctx, c.To)
	if err != nil {
		return api.Explain(err)
	}
	list, err := govern.Diff(from, to)
	if err != nil {
		return err
	}
	return govern.DiffSheet(list).Write(e.Stdout, c.Output)
}

type auditCommand struct{ queryFlags }

// Run lists the audit.
func (c *auditCommand) Run(ctx context.Context, e *Environment) error {
	return many(ctx, e, c.queryFlags, "write", govern.AuditColumns(), govern.AuditRow, func(api *Server) *client.List[gen.AuditEntry] { return api.Audit(c.Query()) })
}

type tokensCommand struct {
	List   tokenListCommand   `cmd:"" default:"withargs" help:"List the API tokens made at run time."`
	Create tokenCreateCommand `cmd:"" help:"Make a token: prints its secret, this once."`
	Revoke tokenRevokeCommand `cmd:"" help:"End a token, and with it its sessions."`
}

type tokenListCommand struct{ queryFlags }

// Run lists tokens.
func (c *tokenListCommand) Run(ctx context.Context, e *Environment) error {
	return many(ctx, e, c.queryFlags, "token", govern.TokenColumns(), govern.TokenRow, func(api *Server) *client.List[gen.ApiToken] { return api.Tokens(c.Query()) })
}

type tokenCreateCommand struct {
	Name      string            `arg:"" help:"Who uses it."`
	Role      string            `help:"Role: ${enum}." enum:"viewer,auditor,planner,approver,admin" required:""`
	Site      []string          `help:"Sees this site; may be repeated." placeholder:"SITE"`
	Tag       map[string]string `help:"Sees the sites with every tag given." placeholder:"NAME=VALUE"`
	Region    []string          `help:"Sees the sites in this region; may be repeated." placeholder:"REGION"`
	ExpiresIn time.Duration     `help:"How long it is good, at most 8784h." default:"2160h" placeholder:"DURATION"`
	Note      string            `help:"Why; kept in the audit." placeholder:"TEXT"`
	answerFlags
}

// Run makes a token and prints its secret alone on stdout, so that it can go straight into a file.
func (c *tokenCreateCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	t, err := api.CreateToken(ctx, gen.TokenRequest{
		Name: c.Name, Role: gen.AccessRole(c.Role), Scope: access.Scope{Sites: c.Site, Tags: c.Tag, Regions: c.Region}, ExpiresIn: c.ExpiresIn.String(), Note: c.Note,
	})
	if err != nil {
		return api.Explain(err)
	}
	if !c.Output.ForPeople() {
		return (&output.Sheet{Columns: govern.TokenColumns(), Rows: [][]string{govern.TokenRow(&t.Token)}, Value: t}).Write(e.Stdout, c.Output)
	}
	_, err = fmt.Fprintln(e.Stdout, t.Secret)
	fmt.Fprintf(e.Stderr, "Token %s of %s. Its secret above is shown this once; it is good until %s.\n", t.Token.Id, t.Token.Name, t.Token.Expires.UTC().Format(time.RFC3339))
	return errors.Join(err)
}

type tokenRevokeCommand struct {
	ID     string `arg:"" name:"token" help:"Id of the token."`
	Reason string `help:"Why; kept with the token." required:"" placeholder:"TEXT"`
	answerFlags
}

// Run revokes a token.
func (c *tokenRevokeCommand) Run(ctx context.Context, e *Environment) error {
	return one(e, c.answerFlags, govern.TokenColumns(), govern.TokenRow, func(api *Server) (*gen.ApiToken, error) { return api.RevokeToken(ctx, c.ID, c.Reason) })
}
