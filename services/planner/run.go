package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/internal/boot"
	"github.com/meridian-federation/meridian/services/internal/conf"
	"github.com/meridian-federation/meridian/services/planner/daemon"
)

// config is the daemon's configuration file. Every value can be overridden by an environment variable: MERIDIAN_NATS_URL sets nats.url.
type config struct {
	Site      string                `json:"site"`            // id
	Inventory string                `json:"inventory"`       // SiteInventory file, followed for changes
	Sources   []daemon.SourceConfig `json:"sources" env:"-"` // further sources, in any order
	State     string                `json:"state"`           // folder of the outbox and the status
	Policy    string                `json:"policy"`          // file
	Interval  inventory.Duration    `json:"interval"`        // between collections when nothing tells of a change
	Heartbeat inventory.Duration    `json:"heartbeat"`
	NATS      natsConfig            `json:"nats" envPrefix:"NATS_"`
	Log       boot.Log              `json:"log" envPrefix:"LOG_"`
	Tracing   boot.Tracing          `json:"tracing" envPrefix:"TRACING_"`
}

type natsConfig struct {
	URL          string `json:"url"`         // empty works without a hub
	Credentials  string `json:"credentials"` // NATS .creds file
	Seed         string `json:"seed"`        // file with an NKey seed
	User         string `json:"user"`
	PasswordFile string `json:"passwordFile"`
	CA           string `json:"ca"`
	Cert         string `json:"cert"`
	Key          string `json:"key"`
	// Domain is the JetStream domain of the hub; needed over a leaf node, whose own domain says nothing of the hub.
	Domain string `json:"domain"`
	// SiteInbox must be set when the credential may only read the site's own subjects.
	SiteInbox bool `json:"siteInbox"`
}

func defaults() config {
	return config{
		State: "/var/lib/meridian-planner", Interval: inventory.Duration(agent.DefaultInterval), Heartbeat: inventory.Duration(agent.DefaultHeartbeat),
	}
}

// sources are all of them, the site's own file first.
func (c *config) sources() []daemon.SourceConfig {
	if c.Inventory == "" {
		return c.Sources
	}
	return append([]daemon.SourceConfig{{SiteFile: &daemon.SiteFileConfig{Path: c.Inventory}}}, c.Sources...)
}

// check returns all problems as one error; with files it looks whether what the configuration names can be read, too.
func (c *config) check(files bool) error {
	var problems []error
	if !inventory.ValidID(c.Site) {
		problems = append(problems, fmt.Errorf("site %q is not a site id: lower-case letters, digits and dashes, at most 63", c.Site))
	}
	if c.Inventory == "" && len(c.Sources) == 0 {
		problems = append(problems, errors.New("inventory and sources are empty: give the path of the SiteInventory file, or a source"))
	}
	if err := daemon.CheckSources(c.sources(), files); err != nil {
		problems = append(problems, err)
	}
	if c.State == "" {
		problems = append(problems, errors.New("state is empty: give a folder that only this planner uses"))
	}
	if c.Interval < inventory.Duration(time.Second) {
		problems = append(problems, errors.New("interval is below 1s"))
	}
	return errors.Join(problems...)
}

// run opens in order and closes in reverse.
func run(ctx context.Context, c config, version string, stderr io.Writer) (err error) {
	logger, err := boot.Logger(stderr, c.Log)
	if err != nil {
		return err
	}
	flush, err := boot.Traces(ctx, c.Tracing, "meridian-planner", version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, flush(context.WithoutCancel(ctx))) }()
	engine, err := assess.Builtin()
	if err != nil {
		return err
	}
	pol, err := conf.Policy(c.Policy, engine.Rules)
	if err != nil {
		return err
	}
	var conn *bus.Conn
	if c.NATS.URL != "" {
		o := bus.Options{
			URL: c.NATS.URL, CredentialsFile: c.NATS.Credentials, SeedFile: c.NATS.Seed, User: c.NATS.User, PasswordFile: c.NATS.PasswordFile,
			CAFile: c.NATS.CA, CertFile: c.NATS.Cert, KeyFile: c.NATS.Key, Domain: c.NATS.Domain, Name: "meridian-planner " + c.Site, Logger: logger,
		}
		if c.NATS.SiteInbox {
			o.InboxPrefix = bus.InboxPrefix(c.Site)
		}
		if conn, err = bus.Connect(ctx, o); err != nil {
			return err
		}
		defer conn.Close()
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	d, err := daemon.New(daemon.Options{
		Site: c.Site, Sources: c.sources(), Dir: c.State, Engine: engine, Policy: pol, Bus: conn,
		Interval: time.Duration(c.Interval), Heartbeat: time.Duration(c.Heartbeat), Version: version, Logger: logger,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Run(ctx)
}

// errBehind is no failure of the command: it tells that the hub has not applied what the planner holds.
var errBehind = errors.New("the hub has not applied the inventory in force")

// Run prints the status that the running planner left in its state folder.
func (s *statusCommand) Run(context.Context) error {
	c, err := s.load()
	if err != nil {
		return err
	}
	status, err := agent.ReadStatus(c.State)
	if err != nil {
		return err
	}
	if err := printStatus(os.Stdout, &status, s.JSON); err != nil {
		return err
	}
	if !status.InSync {
		return errBehind
	}
	return nil
}

func printStatus(w io.Writer, s *agent.Status, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) { fmt.Fprintf(tw, "%s\t%s\n", name, text) }
	line("site", s.Site)
	line("status of", s.At.Format(time.RFC3339))
	line("collected", mark(s.Collected))
	line("queued", fmt.Sprintf("%d waiting, %d dropped", s.Outbox.Queued, s.Outbox.Dropped))
	line("acknowledged", mark(s.Acknowledged))
	line("applied", mark(s.Applied))
	if s.Rejected != nil {
		line("rejected", fmt.Sprintf("%s at %s: %s", s.Rejected.Revision, s.Rejected.At.Format(time.RFC3339), s.Rejected.Reason))
	}
	for _, src := range s.Sources {
		at := ""
		if !src.At.IsZero() {
			at = " at " + src.At.Format(time.RFC3339)
		}
		line("source "+src.Name, strings.TrimSpace(string(src.Status)+at+": "+src.Detail))
	}
	for _, verdict := range []rules.Verdict{rules.Fail, rules.Unknown, rules.Pass, rules.NotApplicable} {
		line("verdict "+string(verdict), fmt.Sprint(s.Verdicts[verdict]))
	}
	line("differs at the hub", fmt.Sprint(s.DifferenceCount))
	for _, d := range s.Differences {
		line("  "+d.Rule, fmt.Sprintf("%s here, %s at the hub", d.Here, d.Hub))
	}
	if s.LastError != nil {
		line("last error", s.LastError.Op+": "+s.LastError.What)
	}
	return tw.Flush()
}

func mark(m *agent.Mark) string {
	if m == nil {
		return "never"
	}
	return m.Revision + " at " + m.At.Format(time.RFC3339)
}
