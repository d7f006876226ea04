package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/link"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/federation/enrol"
	"github.com/meridian-federation/meridian/federation/history"
	"github.com/meridian-federation/meridian/federation/ingest"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/services/federation/hub"
	"github.com/meridian-federation/meridian/services/internal/boot"
	"github.com/meridian-federation/meridian/services/internal/conf"
	webclient "github.com/meridian-federation/meridian/web-client"
)

// config is the daemon's configuration file. Every value can be overridden by an environment variable: MERIDIAN_NATS_URL sets nats.url.
type config struct {
	Listen        string        `json:"listen"` // host:port of REST and the web client
	TLS           tlsFiles      `json:"tls" envPrefix:"TLS_"`
	NATS          natsConfig    `json:"nats" envPrefix:"NATS_"`
	Enrolment     enrolment     `json:"enrolment" envPrefix:"ENROLMENT_"`
	Notifications notifications `json:"notifications" envPrefix:"NOTIFICATIONS_"`
	ClickHouse    clickHouse    `json:"clickhouse" envPrefix:"CLICKHOUSE_"`
	Policy        string        `json:"policy"` // file
	Planners      planners      `json:"planners" envPrefix:"PLANNERS_"`
	Governance    governing     `json:"governance" envPrefix:"GOVERNANCE_"`
	Tokens        []token       `json:"tokens" env:"-"`
	Session       sessions      `json:"session" envPrefix:"SESSION_"`
	Log           boot.Log      `json:"log" envPrefix:"LOG_"`
	Tracing       boot.Tracing  `json:"tracing" envPrefix:"TRACING_"`
}

type tlsFiles struct {
	Cert     string `json:"cert"`
	Key      string `json:"key"`
	ClientCA string `json:"clientCA"` // ask every client for a certificate of these authorities
	// PlainText allows to listen without TLS on an address that others can reach, where TLS ends in front of the daemon.
	PlainText bool `json:"plainText"`
}

// enrolment lets planners in; without keys none is.
type enrolment struct {
	Keys          string             `json:"keys"` // folder made by "meridian nats keys"
	NATS          []string           `json:"nats"` // URLs for planners; nats.url when absent
	CA            string             `json:"ca"`   // authorities of the NATS servers' certificates for planners; nats.ca when absent
	Approval      bool               `json:"approval"`
	CredentialTTL inventory.Duration `json:"credentialTTL"`
}

// notifications go to webhooks; without a key none is sent.
type notifications struct {
	KeyFile string   `json:"keyFile"` // 32 random bytes, the same on every replica: they seal URLs, headers and secrets of webhooks
	Secrets string   `json:"secrets"` // folder of secrets that webhooks may name instead of a generated one
	Link    string   `json:"link"`    // address of the web client for links in messages
	Allow   []string `json:"allow"`   // private ranges that webhooks may reach, as 10.1.0.0/16
}

type natsConfig struct {
	URL          string `json:"url"`
	Credentials  string `json:"credentials"` // NATS .creds file
	Seed         string `json:"seed"`        // file with an NKey seed
	User         string `json:"user"`
	PasswordFile string `json:"passwordFile"`
	CA           string `json:"ca"`
	Cert         string `json:"cert"`
	Key          string `json:"key"`
	PlainText    bool   `json:"plainText"` // allow nats:// to another machine, in a network that is private by other means
	Domain       string `json:"domain"`    // JetStream domain, where the servers name one
	Replicas     int    `json:"replicas"`  // of the streams, in a NATS cluster
	// Streams are the limits of the hub's streams; what is absent takes the defaults.
	Streams streams `json:"streams" envPrefix:"STREAMS_"`
}

type streams struct {
	InventoryPerSite  int                `json:"inventoryPerSite"`
	InventoryMaxAge   inventory.Duration `json:"inventoryMaxAge"`
	AssessmentPerSite int                `json:"assessmentPerSite"`
	AssessmentMaxAge  inventory.Duration `json:"assessmentMaxAge"`
	RejectedPerSite   int                `json:"rejectedPerSite"`
	RejectedMaxAge    inventory.Duration `json:"rejectedMaxAge"`
	ChangeMaxAge      inventory.Duration `json:"changeMaxAge"`
	MaxBytes          int64              `json:"maxBytes"` // of each stream
	Compress          bool               `json:"compress"`
	VerifyOnly        bool               `json:"verifyOnly"` // somebody else makes the streams
}

func (n *natsConfig) streams() bus.StreamOptions {
	s := n.Streams
	return bus.StreamOptions{
		Replicas: n.Replicas, InventoryPerSite: s.InventoryPerSite, InventoryMaxAge: time.Duration(s.InventoryMaxAge),
		AssessmentPerSite: s.AssessmentPerSite, AssessmentMaxAge: time.Duration(s.AssessmentMaxAge),
		RejectedPerSite: s.RejectedPerSite, RejectedMaxAge: time.Duration(s.RejectedMaxAge), ChangeMaxAge: time.Duration(s.ChangeMaxAge),
		MaxBytes: s.MaxBytes, Compress: s.Compress, VerifyOnly: s.VerifyOnly,
	}
}

// planners are what the hub asks of the sites' planners.
type planners struct {
	Oldest string             `json:"oldest"` // version, major.minor; older ones are told (DQ-003)
	Burst  int                `json:"burst"`  // revisions of a site that are applied one by one at once
	Every  inventory.Duration `json:"every"`  // interval at which a site earns another
}

// governing says how people decide.
type governing struct {
	LongestWaiver inventory.Duration `json:"longestWaiver"` // 8784h, a year, when absent
	// PolicyApproval demands that somebody else than the author activates a version of the policy the first time.
	PolicyApproval bool `json:"policyApproval"`
}

type clickHouse struct {
	DSN          string `json:"dsn"` // clickhouse://user@host:9000/database; empty runs without history
	PasswordFile string `json:"passwordFile"`
	Replicated   bool   `json:"replicated"`
	Cluster      string `json:"cluster"`
	// Retention is how long each kind of row is kept; what is absent is kept for ever.
	Retention retention `json:"retention" envPrefix:"RETENTION_"`
}

type retention struct {
	Inventories     inventory.Duration `json:"inventories"`
	Facts           inventory.Duration `json:"facts"`
	Assessments     inventory.Duration `json:"assessments"`
	Changes         inventory.Duration `json:"changes"` // of findings
	Recommendations inventory.Duration `json:"recommendations"`
	Probes          inventory.Duration `json:"probes"`
	Rejections      inventory.Duration `json:"rejections"`
	Audit           inventory.Duration `json:"audit"`
}

func (r *retention) history() history.Retention {
	return history.Retention{
		Inventories: time.Duration(r.Inventories), Facts: time.Duration(r.Facts), Assessments: time.Duration(r.Assessments), Changes: time.Duration(r.Changes),
		Recommendations: time.Duration(r.Recommendations), Probes: time.Duration(r.Probes), Rejections: time.Duration(r.Rejections), Audit: time.Duration(r.Audit),
	}
}

type token struct {
	Name   string    `json:"name"`
	SHA256 string    `json:"sha256"` // of the secret, in hexadecimal digits
	Role   rest.Role `json:"role"`
	Sites  []string  `json:"sites"` // absent means all
}

type sessions struct {
	KeyFile string `json:"keyFile"` // the same on every replica, so that a browser may change between them
	// SecureCookies tells browsers to send the cookie over TLS only; set it where TLS ends in front of the daemon.
	SecureCookies bool `json:"secureCookies"`
}

func defaults() config {
	return config{Listen: "127.0.0.1:8420", NATS: natsConfig{URL: "nats://127.0.0.1:4222"}}
}

// check refuses what can be seen to be wrong without connecting anywhere.
func (c *config) check() error {
	var problems []error
	if c.Listen == "" {
		problems = append(problems, errors.New("listen is empty: give host:port, for example 127.0.0.1:8420"))
	}
	if c.NATS.URL == "" {
		problems = append(problems, errors.New("nats.url is empty: give tls://host:4222"))
	} else if err := c.bus().Check(); err != nil {
		problems = append(problems, fmt.Errorf("nats.url: %w", err))
	}
	streams := c.NATS.streams()
	if err := streams.Check(); err != nil {
		problems = append(problems, fmt.Errorf("nats.streams: %w", err))
	}
	keep := c.ClickHouse.Retention.history()
	if err := keep.Check(); err != nil {
		problems = append(problems, fmt.Errorf("clickhouse.retention: %w", err))
	}
	if c.Planners.Burst < 0 || c.Planners.Every < 0 {
		problems = append(problems, errors.New("planners: burst and every are positive, or absent"))
	}
	if c.Governance.LongestWaiver < 0 {
		problems = append(problems, errors.New("governance.longestWaiver is negative: give how long a waiver may last, for example 4392h"))
	}
	if v := c.Planners.Oldest; v != "" {
		if _, _, ok := facts.MajorMinor(v); !ok {
			problems = append(problems, fmt.Errorf("planners.oldest is %q: give major.minor, for example 1.2", v))
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		problems = append(problems, errors.New("tls needs cert and key, or neither"))
	}
	if c.TLS.ClientCA != "" && c.TLS.Cert == "" {
		problems = append(problems, errors.New("tls.clientCA needs tls.cert and tls.key"))
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && c.TLS.Cert == "" && !c.TLS.PlainText && !link.Loopback(host) {
		problems = append(problems, fmt.Errorf("listen %s can be reached from elsewhere and would not be encrypted: give tls.cert and tls.key, listen on 127.0.0.1, or set tls.plainText where TLS ends in front of the daemon", c.Listen))
	}
	if _, err := c.Notifications.allowed(); err != nil {
		problems = append(problems, err)
	}
	if u, err := url.Parse(c.Notifications.Link); c.Notifications.Link != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		problems = append(problems, errors.New("notifications.link is no address: give one like https://meridian.example.com"))
	}
	if _, err := c.auth(); err != nil {
		problems = append(problems, err)
	}
	if len(c.Tokens) == 0 {
		problems = append(problems, errors.New("tokens is empty: nobody could sign in; give name, role and sha256 of a secret"))
	}
	return errors.Join(problems...)
}

func (n notifications) allowed() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range n.Allow {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("notifications.allow: %q is no range of addresses; write one like 10.1.0.0/16", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (c *config) auth() (*rest.Tokens, error) {
	tokens := make([]rest.Token, len(c.Tokens))
	for i, t := range c.Tokens {
		tokens[i] = rest.Token{Name: t.Name, SHA256: t.SHA256, Role: t.Role, Sites: t.Sites}
	}
	return rest.NewTokens(tokens...)
}

func (c *config) bus() bus.Options {
	n := c.NATS
	return bus.Options{
		URL: n.URL, CredentialsFile: n.Credentials, SeedFile: n.Seed, User: n.User, PasswordFile: n.PasswordFile,
		CAFile: n.CA, CertFile: n.Cert, KeyFile: n.Key, PlainText: n.PlainText, Domain: n.Domain, Name: "meridian-federation", WaitConnected: true,
	}
}

func (c *config) natsForPlanners() []string {
	if len(c.Enrolment.NATS) > 0 {
		return c.Enrolment.NATS
	}
	return strings.Split(c.NATS.URL, ",")
}

// daemon opens in order and closes in reverse.
type daemon struct {
	config  config
	version string
	stderr  io.Writer
	// listening is told the address once REST listens; tests listen on port 0.
	listening func(addr string)
}

func (d *daemon) run(ctx context.Context) (err error) {
	logger, err := boot.Logger(d.stderr, d.config.Log)
	if err != nil {
		return err
	}
	flush, err := boot.Traces(ctx, d.config.Tracing, "meridian-federation", d.version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, flush(context.WithoutCancel(ctx))) }()

	engine, err := assess.Builtin()
	if err != nil {
		return err
	}
	pol, err := conf.Policy(d.config.Policy, engine.Rules)
	if err != nil {
		return err
	}
	auth, err := d.config.auth()
	if err != nil {
		return err
	}
	listener, err := d.listen(ctx)
	if err != nil {
		return err
	}
	defer listener.Close()

	server := d.config.bus()
	server.Logger = logger
	conn, err := bus.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close()

	progress := boot.NewProgress(d.stderr, "inventories loaded")
	options := hub.Options{
		Bus: conn, Streams: d.config.NATS.streams(), Engine: engine, Policy: pol, Logger: logger,
		Limits:        ingest.Limits{Burst: d.config.Planners.Burst, Every: time.Duration(d.config.Planners.Every)},
		LongestWaiver: time.Duration(d.config.Governance.LongestWaiver), PolicyApproval: d.config.Governance.PolicyApproval,
		OldestPlanner: d.config.Planners.Oldest, Now: time.Now, Progress: func() { progress.Add(1, 0) },
	}
	var store *history.Store
	if d.config.ClickHouse.DSN != "" {
		if store, err = d.history(ctx, logger); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		options.Past = store
	}
	h, err := hub.New(options)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	var (
		enrolments rest.Enrolments
		webhooks   rest.Webhooks
		told       enrol.Audit
	)
	if d.config.Notifications.KeyFile != "" {
		n, err := d.notifier(ctx, h)
		if err != nil {
			return err
		}
		webhooks, told = n, n.Enrolled
		group.Go(func() error { return n.Run(ctx) })
	}
	if e := d.config.Enrolment; e.Keys != "" {
		service, run, err := hub.Enrol(ctx, options, hub.Enrolment{
			Keys: e.Keys, System: server, NATS: d.config.natsForPlanners(), CAFile: cmp.Or(e.CA, d.config.NATS.CA), Approval: e.Approval, CredentialTTL: time.Duration(e.CredentialTTL), Told: told,
		})
		if err != nil {
			return err
		}
		enrolments = service
		group.Go(func() error { return run(ctx) })
	}
	group.Go(func() error { return h.Run(ctx) })
	if store != nil {
		group.Go(func() error { return hub.WriteHistory(ctx, options, store) })
	}
	group.Go(func() error { return d.serve(ctx, h, listener, auth, enrolments, webhooks) })
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-h.Ready():
			progress.Done()
			logger.Info("ready", "address", listener.Addr().String(), "sites", h.View().Count())
		}
		return nil
	})
	if d.listening != nil {
		d.listening(listener.Addr().String())
	}
	return group.Wait()
}

func (d *daemon) notifier(ctx context.Context, h *hub.Hub) (*hub.Notifier, error) {
	c := d.config.Notifications
	allow, err := c.allowed()
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the key of notifications: %w", err)
	}
	return hub.NewNotifier(ctx, h, hub.Notification{Key: key, Secrets: c.Secrets, Link: c.Link, Allow: allow, Version: d.version})
}

func (d *daemon) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", d.config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another address with listen", d.config.Listen, err)
	}
	if d.config.TLS.Cert == "" {
		return listener, nil
	}
	encrypted, err := conf.ServerTLS(d.config.TLS.Cert, d.config.TLS.Key, d.config.TLS.ClientCA)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return tls.NewListener(listener, encrypted), nil
}

func (d *daemon) history(ctx context.Context, logger *slog.Logger) (*history.Store, error) {
	o := history.Options{DSN: d.config.ClickHouse.DSN, Replicated: d.config.ClickHouse.Replicated, Cluster: d.config.ClickHouse.Cluster, Retention: d.config.ClickHouse.Retention.history(), Logger: logger, MayBeAway: true}
	if f := d.config.ClickHouse.PasswordFile; f != "" {
		password, err := conf.Secret(f)
		if err != nil {
			return nil, err
		}
		o.Password = password
	}
	return history.Open(ctx, o)
}

func (d *daemon) serve(ctx context.Context, h *hub.Hub, listener net.Listener, auth rest.Authenticator, enrolments rest.Enrolments, webhooks rest.Webhooks) error {
	web, _, err := webclient.FS()
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s := hub.Serve{
		Listener: listener, Auth: auth, Enrolments: enrolments, Webhooks: webhooks, Web: web, Version: d.version, Registry: registry,
		SecureCookies: d.config.Session.SecureCookies || d.config.TLS.Cert != "",
	}
	if f := d.config.Session.KeyFile; f != "" {
		key, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("read the session key: %w", err)
		}
		s.SessionKey = key
	}
	return h.Serve(ctx, s)
}
