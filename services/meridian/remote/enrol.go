package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meridian-federation/meridian/api/bus/trust"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

type enrolCommand struct {
	Site    enrolSiteCommand    `cmd:"" default:"withargs" help:"Let a planner in: prints the one-time token with which it joins."`
	List    enrolListCommand    `cmd:"" help:"List the enrolments."`
	Approve enrolApproveCommand `cmd:"" help:"Approve an enrolment that somebody else requested."`
	Revoke  enrolRevokeCommand  `cmd:"" help:"End an enrolment: its token and credentials are refused, live connections end."`
}

// oneFlags are those of a command about one enrolment.
type oneFlags struct {
	Flags
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,json,yaml" default:"table"`
}

type enrolSiteCommand struct {
	SiteID    string        `arg:"" name:"site" help:"Site id."`
	ExpiresIn time.Duration `help:"How long the token is good, at most 168h; ${default} when absent." default:"24h" placeholder:"DURATION"`
	Note      string        `help:"For whom or why, for those who read the list." placeholder:"TEXT"`
	oneFlags
}

// Run requests an enrolment and prints its token, alone on stdout, so that it can go straight into a file.
func (c *enrolSiteCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	t, err := api.Enrol(ctx, gen.EnrolmentRequest{Site: c.SiteID, ExpiresIn: c.ExpiresIn.String(), Note: c.Note})
	if err != nil {
		return api.Explain(err)
	}
	if !c.Output.ForPeople() {
		return (&output.Sheet{Value: t}).Write(e.Stdout, c.Output)
	}
	if _, err := fmt.Fprintln(e.Stdout, t.Token); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	fmt.Fprintf(e.Stderr, "Enrolment %s of site %s. The token above is shown this once and is good until %s.\n", t.Enrolment.Id, t.Enrolment.Site, t.Enrolment.TokenExpires.Format(time.RFC3339))
	if t.Enrolment.State == gen.EnrolmentStateRequested {
		fmt.Fprintf(e.Stderr, "Somebody else must approve it first: meridian enrol approve %s\n", t.Enrolment.Id)
	}
	fmt.Fprintf(e.Stderr, "At the planner: meridian-planner join --server %s --token-file FILE --config planner.yaml\n", api.address)
	return nil
}

type enrolListCommand struct{ listFlags }

// Run lists enrolments.
func (c *enrolListCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	if c.Worst {
		return errors.New("enrolments have no severity; leave out --worst")
	}
	return printList(ctx, e, api, c.Output, api.Enrolments(c.Query()), "enrolment", enrolmentColumns(), enrolmentRow)
}

func enrolmentColumns() []output.Column {
	return []output.Column{
		{Name: "enrolment"},
		{Name: "site"},
		{Name: "state"},
		{Name: "requested"},
		{Name: "by"},
		{Name: "good until"},
		{Name: "approved by", Wide: true},
		{Name: "revoked by", Wide: true},
		{Name: "reason", Wide: true},
		{Name: "note", Wide: true},
	}
}

func enrolmentRow(x *gen.Enrolment) []string {
	until := x.TokenExpires
	if !x.Expires.IsZero() {
		until = x.Expires
	}
	return []string{
		x.Id, x.Site, string(x.State), x.Requested.At.UTC().Format(time.RFC3339), x.Requested.Name, until.UTC().Format(time.RFC3339),
		x.Approved.Name, x.Revoked.Name, x.Reason, x.Note,
	}
}

func printEnrolment(e *Environment, f output.Format, x *gen.Enrolment) error {
	return (&output.Sheet{Columns: enrolmentColumns(), Rows: [][]string{enrolmentRow(x)}, Value: x}).Write(e.Stdout, f)
}

type enrolApproveCommand struct {
	ID string `arg:"" name:"enrolment" help:"Id of the enrolment."`
	oneFlags
}

// Run approves an enrolment.
func (c *enrolApproveCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	x, err := api.ApproveEnrolment(ctx, c.ID)
	if err != nil {
		return api.Explain(err)
	}
	return printEnrolment(e, c.Output, x)
}

type enrolRevokeCommand struct {
	ID     string `arg:"" name:"enrolment" help:"Id of the enrolment."`
	Reason string `help:"Why; kept with the enrolment." required:"" placeholder:"TEXT"`
	oneFlags
}

// Run revokes an enrolment.
func (c *enrolRevokeCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e)
	if err != nil {
		return err
	}
	x, err := api.RevokeEnrolment(ctx, c.ID, c.Reason)
	if err != nil {
		return api.Explain(err)
	}
	return printEnrolment(e, c.Output, x)
}

type natsCommand struct {
	Keys natsKeysCommand `cmd:"" help:"Make the keys of a federation on a NATS cluster of its own."`
}

type natsKeysCommand struct {
	Dir string `arg:"" help:"Folder for the keys; it must hold none yet." type:"path"`
}

// Run makes the keys and says where each goes.
func (c *natsKeysCommand) Run(e *Environment) error {
	if _, err := trust.Create(c.Dir); err != nil {
		return err
	}
	fmt.Fprintf(e.Stderr, `Keys of the federation in %s:
  %-14s include it in the configuration of every NATS server; no secret
  %-14s the hub's credential: nats.credentials of the hub
  %s, %s, %s
  %14s with it and %s they are enrolment.keys of the hub
  %-14s move it to a safe place offline; nothing needs it in operation
`, c.Dir, trust.ServerFile, trust.HubFile, trust.SystemFile, trust.SitesFile, trust.OperatorFile, "", trust.ServerFile, trust.RootsFolder+"/")
	return nil
}
