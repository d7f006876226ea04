package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/internal/boot"
	"github.com/meridian-federation/meridian/services/internal/conf"
	"github.com/meridian-federation/meridian/services/planner/daemon"
	"github.com/meridian-federation/meridian/services/planner/join"
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
	Join      joinConfig            `json:"join" envPrefix:"JOIN_"`
	NATS      natsConfig            `json:"nats" envPrefix:"NATS_"`
	Log       boot.Log              `json:"log" envPrefix:"LOG_"`
	Tracing   boot.Tracing          `json:"tracing" envPrefix:"TRACING_"`
}

// joinConfig says how the planner gets a credential of its own. Once it has one it needs the server to renew it.
type joinConfig struct {
	Server    string `json:"server"`    // address of the federation, https:// unless it is this machine
	TokenFile string `json:"tokenFile"` // file with the token that "meridian enrol" printed; not needed once the planner has joined
	CA        string `json:"ca"`        // authorities of the server's certificate instead of the system's
	Cert      string `json:"cert"`      // certificate to show to the server
	Key       string `json:"key"`
}

type natsConfig struct {
	URL          string `json:"url"`         // what the federation said when the planner joined, else without a hub, when empty
	Credentials  string `json:"credentials"` // NATS .creds file
	Seed         string `json:"seed"`        // file with an NKey seed
	User         string `json:"user"`
	PasswordFile string `json:"passwordFile"`
	CA           string `json:"ca"`
	Cert         string `json:"cert"`
	Key          string `json:"key"`
	PlainText    bool   `json:"plainText"` // allow nats:// to another machine, in a network that is private by other means
	// Domain is the JetStream domain of the hub; needed over a leaf node, whose own domain says nothing of the hub.
	Domain string `json:"domain"`
	// SiteInbox must be set when the credential may only read the site's own subjects and did not come by joining.
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
	if c.Join.TokenFile != "" && c.Join.Server == "" {
		problems = append(problems, errors.New("join.server is empty: give the address of the federation, for example https://meridian.example.com"))
	}
	if c.NATS.URL != "" {
		if err := c.bus().Check(); err != nil {
			problems = append(problems, fmt.Errorf("nats.url: %w", err))
		}
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
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	o := daemon.Options{
		Site: c.Site, Sources: c.sources(), Dir: c.State, Engine: engine, Policy: pol,
		Interval: time.Duration(c.Interval), Heartbeat: time.Duration(c.Heartbeat), Version: version, Logger: logger,
	}
	identity, err := c.identity(ctx, o)
	if err != nil {
		return ended(ctx, err)
	}
	if o.Bus, err = c.connect(ctx, identity, logger); err != nil {
		return err
	}
	if o.Bus != nil {
		defer o.Bus.Close()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return work(ctx, o) })
	if identity != nil {
		keep, err := c.joining(version, logger)
		if err != nil {
			return err
		}
		group.Go(func() error { return identity.Keep(ctx, keep) })
	}
	return group.Wait()
}

// work runs the planner until the context ends.
func work(ctx context.Context, o daemon.Options) (err error) {
	d, err := daemon.New(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Run(ctx)
}

// identity is what the planner is in the federation, nil when it shall not join one. A planner that still has to join works
// meanwhile without the hub and keeps what it finds.
func (c *config) identity(ctx context.Context, o daemon.Options) (*join.Identity, error) {
	identity, err := join.Load(c.State)
	switch {
	case err == nil && identity.Site != c.Site:
		return nil, fmt.Errorf("the state folder %s is that of site %s, the configuration says %s", c.State, identity.Site, c.Site)
	case !errors.Is(err, join.ErrNotJoined):
		return identity, err
	case c.Join.TokenFile == "":
		return nil, nil
	}
	token, err := conf.Secret(c.Join.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read the join token: %w", err)
	}
	options, err := c.joining(o.Version, o.Logger)
	if err != nil {
		return nil, err
	}
	group, waiting := errgroup.WithContext(ctx)
	alone, joined := context.WithCancel(waiting)
	group.Go(func() error { return work(alone, o) })
	group.Go(func() error {
		defer joined()
		identity, err = join.Until(waiting, options, token)
		return err
	})
	return identity, group.Wait()
}

func (c *config) joining(version string, logger *slog.Logger) (join.Options, error) {
	encrypted, err := conf.ClientTLS(c.Join.CA, c.Join.Cert, c.Join.Key)
	if err != nil {
		return join.Options{}, err
	}
	return join.Options{
		Server: c.Join.Server, Site: c.Site, Dir: c.State, UserAgent: "meridian-planner/" + version, Now: time.Now, Logger: logger,
		HTTP: &http.Client{Timeout: time.Minute, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: encrypted}},
	}, nil
}

func (c *config) bus() bus.Options {
	return bus.Options{
		URL: c.NATS.URL, CredentialsFile: c.NATS.Credentials, SeedFile: c.NATS.Seed, User: c.NATS.User, PasswordFile: c.NATS.PasswordFile,
		CAFile: c.NATS.CA, CertFile: c.NATS.Cert, KeyFile: c.NATS.Key, PlainText: c.NATS.PlainText, Domain: c.NATS.Domain, Name: "meridian-planner " + c.Site,
	}
}

// connect opens the connection to the bus; nil without one.
func (c *config) connect(ctx context.Context, identity *join.Identity, logger *slog.Logger) (*bus.Conn, error) {
	o := c.bus()
	o.Logger = logger
	if identity != nil {
		o.URL, o.CAFile = cmp.Or(o.URL, strings.Join(identity.NATS, ",")), cmp.Or(o.CAFile, identity.AuthorityFile())
		o.CredentialsFile = identity.CredentialsFile()
	}
	if o.URL == "" {
		return nil, nil
	}
	if identity != nil || c.NATS.SiteInbox {
		o.InboxPrefix = bus.InboxPrefix(c.Site)
	}
	return bus.Connect(ctx, o)
}

// ended makes nothing of an error that only tells that the context ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Run joins the federation and ends. The planner itself does the same when it starts with join.tokenFile.
func (j *joinCommand) Run(ctx context.Context, stderr io.Writer) error {
	c, err := j.load()
	if err != nil {
		return err
	}
	logger, err := boot.Logger(stderr, c.Log)
	if err != nil {
		return err
	}
	if _, err := join.Load(c.State); err == nil && !j.Again {
		return fmt.Errorf("this planner has joined already, see %s; give --again to replace its credential", c.State)
	}
	c.Join.Server, c.Join.TokenFile = cmp.Or(j.Server, c.Join.Server), cmp.Or(j.TokenFile, c.Join.TokenFile)
	if c.Join.Server == "" || c.Join.TokenFile == "" {
		return errors.New("give --server and --token-file, or join.server and join.tokenFile in the configuration")
	}
	token, err := conf.Secret(c.Join.TokenFile)
	if err != nil {
		return fmt.Errorf("read the join token: %w", err)
	}
	o, err := c.joining(version, logger)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	identity, err := join.Join(ctx, o, token)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "joined %s as site %s; the credential is renewed from %s on and ends at %s\n",
		identity.Server, identity.Site, identity.RenewFrom.Format(time.RFC3339), identity.Expires.Format(time.RFC3339))
	return nil
}

// notWell is no failure of the command: it tells why nobody can rely on what a status says of the hub.
type notWell string

// Error implements error.
func (n notWell) Error() string { return string(n) }

const (
	errBehind = notWell("the hub has not applied the inventory in force")
	errAway   = notWell("the planner is not connected to the hub")
	errSilent = notWell("the planner has written no status for a while: is it running?")
)

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
	return standing(&status, time.Now())
}

// standing is nil for a planner that is at work and whose inventory the hub has applied. One that is connected, or tries to be, writes
// its status with every heartbeat at least.
func standing(s *agent.Status, now time.Time) error {
	switch {
	case s.Hub != nil && now.Sub(s.At) > 3*time.Duration(s.HeartbeatInterval):
		return errSilent
	case s.Hub != nil && !s.Hub.Connected:
		return errAway
	case !s.InSync:
		return errBehind
	}
	return nil
}

func connection(h *bus.Status) string {
	switch {
	case h == nil:
		return "none is configured"
	case h.Connected:
		return strings.TrimSpace("connected to " + h.Server)
	case h.LastError == "":
		return "not connected"
	}
	text := fmt.Sprintf("not connected: %s at %s", h.LastError, h.LastErrorAt.Format(time.RFC3339))
	if h.Denied {
		text += "; the credential has ended or was revoked: have a new token made (meridian enrol) and join with it (meridian-planner join --again)"
	}
	return text
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
	line("hub", connection(s.Hub))
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
		line("source "+src.Name, strings.TrimSuffix(string(src.Status)+at+": "+src.Detail, ": "))
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
