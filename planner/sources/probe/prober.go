package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// Prober asks what its configuration names. It may be used by several goroutines.
type Prober struct {
	config Config
	now    func() time.Time
}

// New checks the configuration. now tells the time of results; nil is the machine's clock.
func New(c Config, now func() time.Time) (*Prober, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &Prober{config: c.filled(), now: now}, nil
}

// run is one run's state.
type run struct {
	*Prober
	site    *inventory.Site
	dialer  *wire.Dialer
	timeout time.Duration
	pause   time.Duration
}

type task struct {
	name, infrastructure string
	do                   func(ctx context.Context, c *Component) (secrets []string)
}

// Run asks everything once, within the budget, and returns the outcome of each target in the order of the configuration,
// then of the inventory. It never fails as a whole: what cannot be asked is a failed component.
func (p *Prober) Run(ctx context.Context, site *inventory.Site) *Results {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.config.Budget))
	defer cancel()
	r := &run{
		Prober: p, site: inventory.Normalise(site, nil), dialer: wire.NewDialer(p.config.Connections),
		timeout: time.Duration(p.config.Timeout), pause: time.Duration(p.config.Pause),
	}
	tasks := r.tasks()
	out := &Results{Site: site.Site.ID, Components: make([]Component, len(tasks), len(tasks)+1)}
	// A task holds one connection at a time, so that none waits for one that waits for it.
	var group errgroup.Group
	group.SetLimit(p.config.Connections)
	for i := range tasks {
		c := &out.Components[i]
		c.Name, c.Infrastructure = Source+"/"+tasks[i].name, tasks[i].infrastructure
		group.Go(func() error {
			// The context's own timer may fire a little late.
			if end, _ := ctx.Deadline(); ctx.Err() != nil || !time.Now().Before(end) {
				c.problem("was not asked: the time for the whole run was used up")
				c.finish()
			} else {
				c.seal(tasks[i].do(ctx, c))
			}
			c.At = p.now().UTC()
			return nil
		})
	}
	_ = group.Wait() // a task has no error: its outcome is the component
	out.At = p.now().UTC()
	if p.config.From != "" {
		if r.origin() {
			out.From = site.Site.ID + "/" + p.config.From
		} else {
			c := Component{Name: Source, At: out.At}
			c.problem("from names no node of the inventory, so that round trips are not recorded: correct it")
			c.finish()
			out.Components = append(out.Components, c)
		}
	}
	return out
}

// origin reports whether the inventory has the node that measures.
func (r *run) origin() bool {
	cluster, node, _ := strings.Cut(r.config.From, "/")
	for i := range r.site.Clusters {
		if c := &r.site.Clusters[i]; c.ID == cluster {
			for j := range c.Components {
				if slices.ContainsFunc(c.Components[j].Nodes, func(n inventory.Node) bool { return n.Name == node }) {
					return true
				}
			}
		}
	}
	return false
}

func (r *run) tasks() []task {
	var out []task
	for i := range r.config.ThingWorx {
		t := &r.config.ThingWorx[i]
		name := t.Cluster
		if t.Node != "" {
			name += "/" + t.Node
		}
		out = append(out, task{name, "", func(ctx context.Context, c *Component) []string { r.thingworx(ctx, c, t); return nil }})
	}
	named := map[string]bool{}
	for i := range r.config.Targets {
		t := &r.config.Targets[i]
		named[t.Infrastructure] = true
		infra := r.site.Infra(t.Infrastructure)
		if infra == nil {
			out = append(out, task{t.Infrastructure, "", func(_ context.Context, c *Component) []string {
				c.problem("the inventory has no such infrastructure: correct the target")
				c.finish()
				return nil
			}})
			continue
		}
		out = append(out, r.task(infra, t))
	}
	if !r.config.All {
		return out
	}
	for i := range r.site.Infrastructure {
		infra := &r.site.Infrastructure[i]
		if named[infra.ID] || infra.Identity.Endpoint == "" || infra.Engine == inventory.EngineH2 || infra.Protocol == "disk" {
			continue
		}
		t := &Target{Infrastructure: infra.ID}
		if _, err := r.aim(infra, t); err != nil && infra.Kind == inventory.KindLoadBalancer {
			continue // a load balancer's name alone tells no port
		}
		out = append(out, r.task(infra, t))
	}
	return out
}

func (r *run) task(infra *inventory.Infrastructure, t *Target) task {
	return task{infra.ID, infra.ID, func(ctx context.Context, c *Component) []string {
		a, err := r.aim(infra, t)
		if err != nil {
			c.problem(err.Error())
			c.finish()
			return nil
		}
		switch {
		case infra.Kind == inventory.KindZooKeeper:
			r.zookeeper(ctx, c, a)
		case infra.Kind == inventory.KindInfluxDB:
			r.influx(ctx, c, a)
		case infra.Kind == inventory.KindDatabase && (infra.Engine == inventory.EngineSQLServer || infra.Engine == inventory.EngineAzureSQL):
			r.sqlserver(ctx, c, a)
		case infra.Kind == inventory.KindDatabase && infra.Engine != inventory.EngineH2 && t.User != "":
			return r.postgres(ctx, c, a)
		case infra.Kind == inventory.KindLoadBalancer && a.scheme != "":
			r.balancer(ctx, c, a)
		default:
			r.listener(ctx, c, a, "")
		}
		return nil
	}}
}

// aim is a target with its addresses worked out.
type aim struct {
	infra     *inventory.Infrastructure
	target    *Target
	scheme    string   // http or https, when the endpoint has one
	addresses []string // never empty; without pgpool's own
	pools     []string // addresses of pgpool-II
	names     map[string]string
}

func (r *run) aim(infra *inventory.Infrastructure, t *Target) (*aim, error) {
	a := &aim{infra: infra, target: t, names: map[string]string{}}
	lower := strings.ToLower(infra.Identity.Endpoint)
	for _, scheme := range []string{"http", "https"} {
		if strings.HasPrefix(lower, scheme+"://") {
			a.scheme = scheme
		}
	}
	for _, name := range sorted(t.PgPool) {
		address, err := wire.Address(t.PgPool[name], 0)
		if err != nil {
			return nil, err
		}
		a.pools = append(a.pools, address)
		a.names[address] = name
	}
	given := t.Addresses
	if len(given) == 0 && infra.Identity.Endpoint != "" {
		var err error
		if given, err = wire.Addresses(infra.Identity.Endpoint, standardPort(infra)); err != nil && len(t.Nodes) == 0 {
			return nil, fmt.Errorf("the endpoint cannot be used: %w: give addresses in the target", err)
		}
	}
	for _, name := range sorted(t.Nodes) {
		address, err := wire.Address(t.Nodes[name], 0)
		if err != nil {
			return nil, err
		}
		a.names[address] = name
		given = append(given[:len(given):len(given)], address)
	}
	for _, s := range given {
		address, err := wire.Address(s, 0)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(a.addresses, address) && !slices.Contains(a.pools, address) {
			a.addresses = append(a.addresses, address)
		}
	}
	if len(a.addresses)+len(a.pools) == 0 {
		return nil, wire.Fail("the inventory has no endpoint for it: give addresses in the target")
	}
	return a, nil
}

func sorted(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// standardPort is the port of an endpoint that names none: the products' own defaults.
func standardPort(i *inventory.Infrastructure) int {
	switch i.Kind {
	case inventory.KindZooKeeper:
		return 2181
	case inventory.KindInfluxDB:
		return 8086
	case inventory.KindStorage:
		if i.Protocol == "smb" {
			return 445
		}
		return 2049
	case inventory.KindDatabase:
		if i.Engine == inventory.EngineSQLServer || i.Engine == inventory.EngineAzureSQL {
			return 1433
		}
		return 5432
	}
	return 0
}

// node returns the name of the inventory's node at an address: as the target names it, else the only one whose name or
// machine is the host, or the host's first label. "" when there is none, or more than one.
func (a *aim) node(address string) string {
	if name, ok := a.names[address]; ok {
		return name
	}
	return match(a.infra.Nodes, wire.Host(address))
}

func match(nodes []inventory.Node, host string) string {
	label, _, _ := strings.Cut(host, ".")
	for _, want := range []string{host, label} {
		found := ""
		for i := range nodes {
			if n := &nodes[i]; strings.EqualFold(n.Name, want) || strings.EqualFold(n.Machine, want) {
				if found != "" {
					return ""
				}
				found = n.Name
			}
		}
		if found != "" || strings.Trim(host, "0123456789.:") == "" {
			return found
		}
	}
	return ""
}

// machine is where members run that are only reached on loopback: that of the inventory's nodes, if it is one. Host
// configuration writes a database on localhost down as on the machine whose file says so.
func (a *aim) machine() string {
	for _, address := range append(slices.Clone(a.pools), a.addresses...) {
		if !everywhere(wire.Host(address)) {
			return ""
		}
	}
	machine := ""
	for i := range a.infra.Nodes {
		n := &a.infra.Nodes[i]
		if n.Machine == "" || machine != "" && n.Machine != machine {
			return ""
		}
		machine = n.Machine
	}
	return machine
}

// secure returns how to encrypt towards this target; def is the mode where the target names none.
func (a *aim) secure(def wire.Mode) func(host string) (*tls.Config, error) {
	return func(host string) (*tls.Config, error) { return a.target.TLS.Config(host, def) }
}

// connects measures how long opening a connection takes, at the first of the addresses that takes one.
func (r *run) connects(ctx context.Context, c *Component, addresses []string) (at string) {
	if r.config.Samples == 0 {
		addresses = addresses[:min(1, len(addresses))]
	}
	for _, address := range addresses {
		resolved, err := wire.Resolve(ctx, address, r.timeout)
		if err == nil {
			var times []time.Duration
			times, err = wire.Sample(ctx, max(r.config.Samples, 1), r.pause, func() (time.Duration, error) {
				return wire.Connect(ctx, r.dialer, resolved, r.timeout)
			})
			c.roundTrip(inventory.ProbeTCPConnect, times, r.now())
			if len(times) > 0 {
				at = address
			}
		}
		if err != nil {
			c.problem(address + " " + wire.Explain(err))
		}
		if at != "" {
			return at
		}
	}
	return ""
}

// roundTrip notes samples; none leave no trace.
func (c *Component) roundTrip(kind inventory.ProbeKind, times []time.Duration, at time.Time) {
	if len(times) == 0 {
		return
	}
	round := func(d time.Duration) time.Duration { return max(d.Round(time.Microsecond), time.Microsecond) }
	c.RoundTrips = append(c.RoundTrips, RoundTrip{
		Kind: kind, P50: round(wire.Percentile(times, 0.5)), P95: round(wire.Percentile(times, 0.95)), Samples: len(times), At: at.UTC(),
	})
}

// told puts measurements into words.
func (c *Component) told() string {
	var parts []string
	for _, t := range c.RoundTrips {
		parts = append(parts, fmt.Sprintf("%s %s p50, %s p95 of %d", t.Kind, t.P50, t.P95, t.Samples))
	}
	return strings.Join(parts, "; ")
}

// listener asks nothing but whether a connection is taken.
func (r *run) listener(ctx context.Context, c *Component, a *aim, why string) {
	at := r.connects(ctx, c, append(slices.Clone(a.pools), a.addresses...))
	if at == "" {
		c.finish()
		return
	}
	if why == "" && a.infra.Kind == inventory.KindDatabase {
		why = ", no user is configured to ask more"
	}
	c.finish(at+" takes connections"+why, c.told())
}
