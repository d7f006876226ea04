// Package up runs the whole of Meridian in one process: NATS, ClickHouse, hub, REST, web client and planners. The command
// line calls it; what it prints on stdout is the ready line alone.
package up

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/api/bus/embedded"
	"github.com/meridian-federation/meridian/api/bus/link"
	"github.com/meridian-federation/meridian/api/rest"
	"github.com/meridian-federation/meridian/api/rest/govern"
	"github.com/meridian-federation/meridian/deployments/demo"
	"github.com/meridian-federation/meridian/federation/history"
	clickhouse "github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/planner/agent/dirlock"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/atomicfile"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/planner/sitesim/planners"
	"github.com/meridian-federation/meridian/planner/sources/file"
	"github.com/meridian-federation/meridian/services/federation/hub"
	"github.com/meridian-federation/meridian/services/internal/boot"
	"github.com/meridian-federation/meridian/services/internal/conf"
	"github.com/meridian-federation/meridian/services/planner/daemon"
	webclient "github.com/meridian-federation/meridian/web-client"
)

// Command is "meridian up" with its flags.
type Command struct {
	Listen          string   `help:"Address of REST and the web client; ${default} when absent." default:"127.0.0.1:8420" placeholder:"HOST:PORT"`
	Data            string   `help:"Folder of everything that is kept; ${default} when absent." default:"meridian-data" type:"path" placeholder:"DIR"`
	Demo            bool     `help:"Load the sample federation." xor:"demo"`
	DemoSites       int      `help:"Simulate this many sites, up to 100000, instead of loading the sample federation." placeholder:"N" xor:"demo"`
	Import          []string `help:"Inventories and folders of them; each site gets a planner that follows its file." placeholder:"PATH" type:"path"`
	NATS            string   `name:"nats" help:"Use this NATS server instead of the embedded one." placeholder:"URL"`
	NATSSeed        string   `name:"nats-seed" help:"File with the NKey seed for --nats." placeholder:"FILE"`
	NATSCreds       string   `name:"nats-credentials" help:"NATS credentials file for --nats." placeholder:"FILE"`
	NATSKeys        string   `name:"nats-keys" help:"Folder of keys with which planners are let in to --nats; see \"meridian nats keys\"." placeholder:"DIR" type:"path"`
	NATSListen      string   `name:"nats-listen" help:"Address at which the embedded NATS takes planners; ${default} when absent, where port 0 is the one of the last start or any free one." default:"127.0.0.1:0" placeholder:"HOST:PORT"`
	NATSURL         string   `name:"nats-url" help:"URL of the embedded NATS that planners are told; the address it listens on when absent." placeholder:"URL"`
	upTLS           `embed:""`
	upNotifications `embed:""`
	ClickHouse      string `name:"clickhouse" help:"Use this ClickHouse instead of the embedded one." placeholder:"DSN"`
	Policy          string `help:"Policy file." placeholder:"FILE"`
	LogLevel        string `help:"What is logged on stderr: ${enum}." enum:"debug,info,warn,error" default:"warn"`
}

// upTLS is needed as soon as others than this machine are to reach REST or the embedded NATS.
type upTLS struct {
	TLSCert     string `name:"tls-cert" help:"Certificate of REST, the web client and the embedded NATS." placeholder:"FILE" type:"path"`
	TLSKey      string `name:"tls-key" help:"Its key." placeholder:"FILE" type:"path"`
	TLSCA       string `name:"tls-ca" help:"Authorities of the certificate, told to planners; needed where their machines do not know them." placeholder:"FILE" type:"path"`
	TLSClientCA string `name:"tls-client-ca" help:"Ask every client for a certificate of these authorities." placeholder:"FILE" type:"path"`
	PlainText   bool   `name:"plain-text" help:"Allow --listen without TLS on an address that others can reach, where TLS ends in front of this process."`
}

// appliedWithin is how long the ready line waits for the imported sites; a site that takes longer is told on stderr.
const appliedWithin = 30 * time.Second

// Environment is what the program has from outside.
type Environment struct {
	Stdout, Stderr io.Writer
	Version        string
	Now            func() time.Time
	Tell           func(error) // tells a problem that stops nothing
}

// Run runs everything in one process until the context ends.
func (c *Command) Run(ctx context.Context, e Environment) error {
	u := &up{c: c, e: e}
	err := u.run(ctx)
	if closeErr := u.close(); err == nil {
		err = closeErr
	}
	return err
}

// up opens in order and closes in reverse.
type up struct {
	c       *Command
	e       Environment
	logger  *slog.Logger
	closers []func() error
}

func (u *up) onClose(f func() error) { u.closers = append(u.closers, f) }

func (u *up) close() error {
	var failed []error
	for i := len(u.closers) - 1; i >= 0; i-- {
		failed = append(failed, u.closers[i]())
	}
	return errors.Join(failed...)
}

func (u *up) run(ctx context.Context) error {
	c := u.c
	if c.DemoSites < 0 || c.DemoSites > sitesim.MostSites {
		return fmt.Errorf("--demo-sites: %d is not between 0 and %d", c.DemoSites, sitesim.MostSites)
	}
	var err error
	if u.logger, err = boot.Logger(u.e.Stderr, boot.Log{Level: c.LogLevel}); err != nil {
		return err
	}
	engine, err := assess.Builtin()
	if err != nil {
		return err
	}
	pol, err := conf.Policy(c.Policy, engine.Rules)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := dirlock.Acquire(c.Data)
	if err != nil {
		return fmt.Errorf("use the data folder %s: %w; choose another with --data, or stop the other process", c.Data, err)
	}
	u.onClose(lock.Release)
	sites, err := u.sites(engine)
	if err != nil {
		return err
	}
	listener, err := u.listen(ctx)
	if err != nil {
		return err
	}
	secret, auth, err := u.token()
	if err != nil {
		return err
	}
	conn, enrolment, err := u.connect(ctx)
	if err != nil {
		return err
	}
	store, err := u.history(ctx)
	if err != nil {
		return err
	}
	options := hub.Options{Bus: conn, Engine: engine, Policy: pol, Logger: u.logger, Now: u.e.Now, Past: store}
	progress := boot.NewProgress(u.e.Stderr, "inventories loaded")
	options.Progress = func() { progress.Add(1, 0) }
	h, err := hub.New(options)
	if err != nil {
		return err
	}
	planners, err := u.planners(sites, engine, pol, conn)
	if err != nil {
		return err
	}
	notifier, err := u.notifier(ctx, h, listener.Addr().String())
	if err != nil {
		return err
	}
	enrolment.Told = notifier.Enrolled
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return notifier.Run(ctx) })
	var enrolments rest.Enrolments
	if enrolment.Keys != "" {
		service, run, err := hub.Enrol(ctx, options, enrolment)
		if err != nil {
			return err
		}
		enrolments = service
		group.Go(func() error { return run(ctx) })
	}
	group.Go(func() error { return h.Run(ctx) })
	group.Go(func() error { return hub.WriteHistory(ctx, options, store) })
	group.Go(func() error { return u.serve(ctx, h, listener, auth, enrolments, notifier) })
	for _, p := range planners {
		group.Go(func() error { return p.Run(ctx) })
	}
	if c.DemoSites > 0 {
		group.Go(func() error { return u.simulate(ctx, h, conn) })
	}
	group.Go(func() error {
		u.announce(ctx, h, listener.Addr().String(), secret, planners)
		return nil
	})
	return group.Wait()
}

// simulate lets the sites of --demo-sites live as long as the process does, the same ones at each start.
func (u *up) simulate(ctx context.Context, h *hub.Hub, conn *bus.Conn) error {
	select {
	case <-ctx.Done():
		return nil
	case <-h.Ready():
	}
	_, err := planners.Run(ctx, planners.Options{
		Fleet:   sitesim.New(sitesim.Options{Seed: 1, Sites: u.c.DemoSites, Start: u.e.Now().UTC().Truncate(time.Millisecond)}),
		Hubs:    []planners.Hub{conn},
		Version: u.e.Version, Logger: u.logger,
	})
	return err
}

// announce prints the ready line once the federation is loaded and the hub has applied the imported inventories.
func (u *up) announce(ctx context.Context, h *hub.Hub, addr, secret string, planners []*daemon.Daemon) {
	select {
	case <-ctx.Done():
		return
	case <-h.Ready():
	}
	limit := time.NewTimer(appliedWithin)
	defer limit.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for waiting := planners; ; {
		waiting = slices.DeleteFunc(slices.Clone(waiting), func(d *daemon.Daemon) bool { return d.Status().InSync })
		if len(waiting) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			continue
		case <-limit.C:
		}
		for _, d := range waiting {
			s := d.Status()
			why := "the hub has not answered"
			if s.LastError != nil {
				why = s.LastError.Op + ": " + s.LastError.What
			}
			fmt.Fprintf(u.e.Stderr, "meridian: site %s is not applied yet: %s; its planner goes on\n", s.Site, why)
		}
		break
	}
	fmt.Fprintf(u.e.Stdout, "ready %s/#token=%s\n", u.address(addr), secret)
}

// address is that of the web client.
func (u *up) address(addr string) string {
	if u.c.TLSCert != "" {
		return "https://" + addr
	}
	return "http://" + addr
}

// token makes this run's administrator token and leaves it in the data folder for other commands of the same user.
func (u *up) token() (string, *rest.Tokens, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return "", nil, fmt.Errorf("make a token: %w", err)
	}
	secret := hex.EncodeToString(raw)
	path := filepath.Join(u.c.Data, "admin.token")
	if err := atomicfile.WriteUnsynced(path, []byte(secret+"\n")); err != nil {
		return "", nil, fmt.Errorf("keep the token: %w", err)
	}
	u.onClose(func() error { return ignoreMissing(os.Remove(path)) })
	auth, err := rest.NewTokens(rest.Token{Name: "local administrator", SHA256: rest.HashToken(secret), Role: rest.Admin})
	return secret, auth, err
}

// listen opens the address of REST, encrypted when there is a certificate.
func (u *up) listen(ctx context.Context) (net.Listener, error) {
	c := u.c
	host, _, err := net.SplitHostPort(c.Listen)
	if err == nil && c.TLSCert == "" && !c.PlainText && !link.Loopback(host) {
		return nil, fmt.Errorf("listen on %s: it can be reached from elsewhere and would not be encrypted; give --tls-cert and --tls-key, or --plain-text where TLS ends in front of this process", c.Listen)
	}
	var encrypted *tls.Config
	if c.TLSCert != "" {
		if encrypted, err = conf.ServerTLS(c.TLSCert, c.TLSKey, c.TLSClientCA); err != nil {
			return nil, err
		}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another address with --listen", c.Listen, err)
	}
	if encrypted != nil {
		listener = tls.NewListener(listener, encrypted)
	}
	u.onClose(func() error { return ignoreClosed(listener.Close()) })
	return listener, nil
}

func (u *up) connect(ctx context.Context) (*bus.Conn, hub.Enrolment, error) {
	c := u.c
	o := bus.Options{Name: "meridian-up", Logger: u.logger, WaitConnected: true, URL: c.NATS, SeedFile: c.NATSSeed, CredentialsFile: c.NATSCreds}
	e := hub.Enrolment{Keys: c.NATSKeys, NATS: []string{c.NATS}}
	if c.NATS == "" {
		listen, err := u.samePort(ctx)
		if err != nil {
			return nil, e, err
		}
		server, err := embedded.Start(ctx, embedded.Options{
			Dir: filepath.Join(c.Data, "nats"), Listen: listen, Logger: u.logger, CertFile: c.TLSCert, KeyFile: c.TLSKey, ClientCAFile: c.TLSClientCA,
		})
		if err != nil {
			return nil, e, fmt.Errorf("start the embedded NATS: %w", err)
		}
		u.onClose(server.Close)
		if err := atomicfile.WriteUnsynced(filepath.Join(c.Data, natsAddressFile), []byte(server.URL()+"\n")); err != nil {
			return nil, e, fmt.Errorf("keep the address of the embedded NATS: %w", err)
		}
		o.InProcess, o.CredentialsFile = server, server.CredentialsFile()
		e = hub.Enrolment{Keys: server.KeysDir(), NATS: []string{cmp.Or(c.NATSURL, server.URL())}, CAFile: c.TLSCA}
	}
	e.System = o
	conn, err := bus.Connect(ctx, o)
	if err != nil {
		return nil, e, err
	}
	u.onClose(func() error { conn.Close(); return nil })
	return conn, e, nil
}

// natsAddressFile holds the URL of the embedded NATS, for planners outside and for the next start.
const natsAddressFile = "nats.url"

// samePort is where the embedded NATS shall listen. Any free port is the one of the last start while nobody else has it, so
// that planners find their hub again.
func (u *up) samePort(ctx context.Context) (string, error) {
	host, port, err := net.SplitHostPort(u.c.NATSListen)
	if err != nil {
		return "", fmt.Errorf("read --nats-listen: %w", err)
	}
	if port != "0" {
		return u.c.NATSListen, nil
	}
	last, err := os.ReadFile(filepath.Join(u.c.Data, natsAddressFile))
	if errors.Is(err, os.ErrNotExist) {
		return u.c.NATSListen, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the last address of the embedded NATS: %w", err)
	}
	before, err := url.Parse(strings.TrimSpace(string(last)))
	if err != nil {
		return u.c.NATSListen, nil
	}
	address := net.JoinHostPort(host, before.Port())
	probe, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		fmt.Fprintf(u.e.Stderr, "meridian: the embedded NATS cannot have port %s again; planners outside this process do not find it until it can: %v\n", before.Port(), err)
		return u.c.NATSListen, nil
	}
	return address, probe.Close()
}

func (u *up) history(ctx context.Context) (*history.Store, error) {
	dsn := u.c.ClickHouse
	if dsn == "" {
		server, err := clickhouse.Start(ctx, clickhouse.Options{Dir: filepath.Join(u.c.Data, "clickhouse"), Logger: u.logger})
		if err != nil {
			return nil, fmt.Errorf("start the embedded ClickHouse: %w", err)
		}
		u.onClose(server.Close)
		dsn = server.DSN()
	}
	store, err := history.Open(ctx, history.Options{DSN: dsn, Logger: u.logger})
	if err != nil && u.c.ClickHouse != "" {
		return nil, fmt.Errorf("use the ClickHouse server given with --clickhouse: %w; check address, user and password, or leave the option out to run the embedded one", err)
	}
	if err != nil {
		return nil, err
	}
	u.onClose(store.Close)
	return store, nil
}

func (u *up) serve(ctx context.Context, h *hub.Hub, listener net.Listener, auth rest.Authenticator, enrolments rest.Enrolments, webhooks govern.Webhooks) error {
	web, built, err := webclient.FS()
	if err != nil {
		return err
	}
	if !built {
		fmt.Fprintln(u.e.Stderr, "meridian: this program was built without the web client; task build builds it in")
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return h.Serve(ctx, hub.Serve{Listener: listener, Auth: auth, Enrolments: enrolments, Webhooks: webhooks, SecureCookies: u.c.TLSCert != "", Web: web, Version: u.e.Version, Registry: registry})
}

// imported is one site whose file a planner follows.
type imported struct{ site, path string }

func (u *up) planners(sites []imported, engine *assess.Engine, pol *policy.Policy, conn *bus.Conn) ([]*daemon.Daemon, error) {
	var out []*daemon.Daemon
	for _, s := range sites {
		dir := filepath.Join(u.c.Data, "planners", s.site)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the planner's folder: %w", err)
		}
		d, err := daemon.New(daemon.Options{
			Site: s.site, Sources: []daemon.SourceConfig{{SiteFile: &daemon.SiteFileConfig{Path: s.path}}}, Dir: dir, Engine: engine, Policy: pol, Bus: conn, Version: u.e.Version, Logger: u.logger,
		})
		if err != nil {
			return nil, err
		}
		u.onClose(d.Close)
		out = append(out, d)
	}
	return out, nil
}

// sites returns the imported sites; broken ones are told and left out.
func (u *up) sites(engine *assess.Engine) ([]imported, error) {
	paths := u.c.Import
	if u.c.Demo {
		dir, err := u.demo()
		if err != nil {
			return nil, err
		}
		paths = append([]string{dir}, paths...)
	}
	if len(paths) == 0 {
		return nil, nil
	}
	read := file.Read(engine.Regions, paths...)
	for _, ignored := range read.Ignored {
		fmt.Fprintf(u.e.Stderr, "%s: left out: %s\n", ignored.Path, ignored.Reason)
	}
	if err := read.Err(); err != nil {
		u.e.Tell(err)
	}
	var sites []imported
	for _, d := range read.Documents {
		if len(d.Problems) == 0 {
			sites = append(sites, imported{d.Site.Site.ID, d.Path})
		}
	}
	if len(sites) == 0 {
		return nil, errors.New("none of the paths given to --import holds an inventory that can be read")
	}
	return sites, nil
}

// demo writes the sample federation into the data folder, observed just now, unless it is there from an earlier start:
// its files are there to be changed.
func (u *up) demo() (string, error) {
	dir := filepath.Join(u.c.Data, "demo")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("write the sample federation: %w", err)
	}
	files, err := demo.Inventories(u.e.Now())
	if err != nil {
		return "", err
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := atomicfile.Write(path, data); err != nil {
			return "", fmt.Errorf("write the sample federation: %w", err)
		}
	}
	return dir, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
