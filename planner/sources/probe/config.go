// Package probe asks running servers who they are: ThingWorx whether it is ready, ZooKeeper, PostgreSQL, pgpool-II,
// SQL Server and InfluxDB for version, role and members, and the network how long it takes. It sends nothing that changes
// anything, stays within the configured time and number of connections, and lets no secret into a result. The planner's
// daemon calls it; Apply is pure and merges what was learned into a copy of an inventory.
package probe

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// Source is the name of this source in provenance; the entries among a document's sources are "probe/" and what was asked.
const Source = "probe"

// Defaults and bounds of Config. They are choices of this program.
const (
	DefaultInterval    = 5 * time.Minute
	DefaultTimeout     = 3 * time.Second
	DefaultBudget      = time.Minute
	DefaultSamples     = 20
	DefaultPause       = 10 * time.Millisecond
	DefaultConnections = 4
	DefaultRefresh     = time.Hour

	minInterval    = 10 * time.Second
	maxTimeout     = time.Minute
	maxBudget      = 10 * time.Minute
	maxSamples     = 1000
	maxConnections = 32
	maxTargets     = 500
)

// Config says what is asked, how, and how much at most. To one address of a database go, in one run, no more than
// samples + 2 connections and samples + 3 queries; to a ZooKeeper server four connections; to others samples + 2 connections.
type Config struct {
	// From is the node beside which the planner runs, cluster/node. Round trips go into the inventory as measured from it;
	// without it they are only told in the detail.
	From      string      `json:"from,omitempty"`
	All       bool        `json:"all,omitempty"` // every infrastructure of the inventory that has an endpoint, besides the targets
	Targets   []Target    `json:"targets,omitempty"`
	ThingWorx []ThingWorx `json:"thingworx,omitempty"`

	Interval    inventory.Duration `json:"interval,omitzero"`     // between two runs
	Refresh     inventory.Duration `json:"refresh,omitzero"`      // a result that says the same as the one before takes its place only after this time
	Timeout     inventory.Duration `json:"timeout,omitzero"`      // for one question, and for opening a connection with a log-in
	Budget      inventory.Duration `json:"budget,omitzero"`       // for a whole run
	Samples     int                `json:"samples,omitempty"`     // round trips measured per target; -1 measures none
	Pause       inventory.Duration `json:"pause,omitzero"`        // between two samples
	Connections int                `json:"connections,omitempty"` // open at one time, over all targets
}

// Target is one infrastructure to ask, and how.
type Target struct {
	Infrastructure string            `json:"infrastructure"`      // id in the inventory
	Addresses      []string          `json:"addresses,omitempty"` // host:port, instead of the inventory's endpoint
	Nodes          map[string]string `json:"nodes,omitempty"`     // host:port of nodes by their names in the inventory; one that it lacks is added when it answers
	PgPool         map[string]string `json:"pgpool,omitempty"`    // host:port of pgpool-II by the names of its nodes, which are added likewise
	User           string            `json:"user,omitempty"`      // database: may do no more than log in, and be in pg_monitor to see replication
	PasswordFile   string            `json:"passwordFile,omitempty"`
	Database       string            `json:"database,omitempty"` // to log in to; "" is postgres
	TLS            wire.TLS          `json:"tls,omitzero"`       // database: prefer by default; ZooKeeper, InfluxDB: as the endpoint's scheme says
	Path           string            `json:"path,omitempty"`     // load balancer with an http endpoint; "" is /Thingworx/ready
}

// ThingWorx is one Foundation node, or what stands before it, to ask for its readiness.
type ThingWorx struct {
	Cluster string   `json:"cluster"`
	Node    string   `json:"node,omitempty"`
	URL     string   `json:"url"`          // scheme, host and port; without user, query and /Thingworx
	TLS     wire.TLS `json:"tls,omitzero"` // verify-full by default for https
}

// Load reads a configuration file, strictly, and checks it.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration of the probes: %w", err)
	}
	defer f.Close() // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, 1<<20+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration of the probes: %w", err)
	}
	if len(data) > 1<<20 {
		return nil, errors.New("read the configuration of the probes: " + path + " is larger than 1 MiB, which no configuration is")
	}
	c := &Config{}
	if err := document.Decode(path, data, c); err != nil {
		return nil, fmt.Errorf("read the configuration of the probes: %w", err)
	}
	return c, c.Check()
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// filled returns the configuration with the defaults in place of what is not given.
func (c Config) filled() Config {
	c.Interval = orElse(c.Interval, inventory.Duration(DefaultInterval))
	c.Refresh = orElse(c.Refresh, inventory.Duration(DefaultRefresh))
	c.Timeout = orElse(c.Timeout, inventory.Duration(DefaultTimeout))
	c.Budget = orElse(c.Budget, inventory.Duration(DefaultBudget))
	c.Samples = max(orElse(c.Samples, DefaultSamples), 0)
	c.Pause = orElse(c.Pause, inventory.Duration(DefaultPause))
	c.Connections = orElse(c.Connections, DefaultConnections)
	return c
}

// Check returns all problems of the configuration as one error; each names the place and the remedy, none a secret.
func (c *Config) Check() error {
	f := c.filled()
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	between := func(key string, v, lowest, highest time.Duration) {
		if v < lowest || v > highest {
			add("%s: %s lies outside %s to %s", key, v, lowest, highest)
		}
	}
	between("interval", time.Duration(f.Interval), minInterval, 24*time.Hour)
	between("refresh", time.Duration(f.Refresh), 0, 24*time.Hour)
	between("timeout", time.Duration(f.Timeout), time.Millisecond, maxTimeout)
	between("budget", time.Duration(f.Budget), time.Duration(f.Timeout), maxBudget)
	between("pause", time.Duration(f.Pause), 0, 10*time.Second)
	if c.Samples < -1 || c.Samples > maxSamples {
		add("samples: %d lies outside 1 to %d; -1 measures none", c.Samples, maxSamples)
	}
	if f.Connections < 1 || f.Connections > maxConnections {
		add("connections: %d lies outside 1 to %d", c.Connections, maxConnections)
	}
	if cluster, node, ok := strings.Cut(c.From, "/"); c.From != "" && (!ok || cluster == "" || node == "" || strings.Contains(node, "/")) {
		add("from: write cluster/node, like prod/twx-1")
	}
	if len(c.Targets)+len(c.ThingWorx) > maxTargets {
		add("targets: there are more than %d", maxTargets)
	}
	seen := map[string]bool{}
	for i := range c.Targets {
		t := &c.Targets[i]
		at := fmt.Sprintf("targets/%d", i)
		if t.Infrastructure == "" {
			add("%s: infrastructure is missing: give the id of the inventory", at)
		}
		if seen[t.Infrastructure] {
			add("%s: the infrastructure has a target already", at)
		}
		seen[t.Infrastructure] = true
		for _, err := range t.check() {
			add("%s: %w", at, err)
		}
	}
	for i := range c.ThingWorx {
		t := &c.ThingWorx[i]
		at := fmt.Sprintf("thingworx/%d", i)
		if t.Cluster == "" {
			add("%s: cluster is missing: give the id of the inventory", at)
		}
		if _, err := t.base(); err != nil {
			add("%s: %w", at, err)
		}
		if err := t.TLS.Check(); err != nil {
			add("%s: %w", at, err)
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("the configuration of the probes: %w", errors.Join(problems...))
	}
	return nil
}

func (t *Target) check() []error {
	var problems []error
	for _, a := range t.Addresses {
		if _, err := wire.Address(a, 0); err != nil {
			problems = append(problems, fmt.Errorf("addresses: %w: write host:port", err))
		}
	}
	for key, m := range map[string]map[string]string{"nodes": t.Nodes, "pgpool": t.PgPool} {
		for _, a := range m {
			if _, err := wire.Address(a, 0); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w: write host:port", key, err))
			}
		}
	}
	if (t.PasswordFile != "" || t.Database != "") && t.User == "" {
		problems = append(problems, errors.New("user is missing"))
	}
	if t.Path != "" && (!strings.HasPrefix(t.Path, "/") || strings.ContainsAny(t.Path, "?#@ ")) {
		problems = append(problems, errors.New("path: begin it with a slash and leave out query and user"))
	}
	if err := t.TLS.Check(); err != nil {
		problems = append(problems, err)
	}
	return problems
}

// base is the scheme and address of a ThingWorx server.
func (t *ThingWorx) base() (string, error) {
	u, err := url.Parse(t.URL)
	switch {
	case err != nil:
		return "", errors.New("url: it is no URL") // the parser's own text repeats it, a password included
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("url: begin it with http:// or https://")
	case u.User != nil:
		return "", errors.New("url: leave out the user: the probe needs no credentials")
	case u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "", errors.New("url: give scheme, host and port only")
	}
	addresses, err := wire.Addresses(t.URL, 0)
	if err != nil {
		return "", fmt.Errorf("url: %w", err)
	}
	return u.Scheme + "://" + addresses[0], nil
}
