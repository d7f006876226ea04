package probe

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/pg"
	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
)

// database is what the servers of one infrastructure and the pgpool-II before them told.
type database struct {
	*aim
	c       *Component
	primary *pg.Server // nil when there is not exactly one
	servers []*pg.Server
	pooled  []string // addresses of pgpool-II that answered
	through string   // address at which round trips were measured
}

// postgres asks the servers and pgpool-II. It returns the secrets used.
func (r *run) postgres(ctx context.Context, c *Component, a *aim) []string {
	access := pg.Access{
		User: a.target.User, Database: a.target.Database, TLS: a.secure(wire.Prefer),
		Fallback: orElse(a.target.TLS.Mode, wire.Prefer) == wire.Prefer, Verified: a.target.TLS.Mode.Verified(),
	}
	if a.target.PasswordFile != "" {
		password, err := wire.Secret(a.target.PasswordFile)
		if err != nil {
			c.problem(a.infra.ID + " " + wire.Explain(err))
			c.finish()
			return nil
		}
		access.Password = password
	}
	asker := &pg.Asker{Dialer: r.dialer, Timeout: r.timeout, Samples: r.config.Samples, Pause: r.pause}
	d := &database{aim: a, c: c}
	var pooled []pool
	for _, address := range a.pools {
		// ThingWorx goes through pgpool-II where there is one, and so do the samples.
		nodes, s := asker.Pool(ctx, address, access, d.through == "")
		d.take(r, s, "pgpool-II ")
		if s.Err == nil {
			pooled = append(pooled, pool{address, nodes})
		}
	}
	for _, address := range a.addresses {
		s := asker.Ask(ctx, address, access, d.through == "")
		d.take(r, s, "")
		d.servers = append(d.servers, s)
	}
	told := d.answered()
	for _, p := range pooled {
		told = append(told, d.pool(p))
		d.pooled = append(d.pooled, p.address)
	}
	d.named()
	if d.through != "" {
		d.connects(ctx, r)
	}
	if len(told) > 0 {
		told = append(told, c.told())
	}
	c.finish(told...)
	return []string{access.Password}
}

type pool struct {
	address string
	nodes   []pg.PoolNode
}

// take notes what is missing, and the round trips.
func (d *database) take(r *run, s *pg.Server, what string) {
	if s.Err != nil {
		d.c.problem(what + label(d.aim, s.Address) + " " + pg.Explain(s.Err))
		return
	}
	for _, m := range s.Missing {
		d.c.problem(what + label(d.aim, s.Address) + ": " + m)
	}
	if len(s.RoundTrips) > 0 {
		d.c.roundTrip(inventory.ProbeDatabaseRoundTrip, s.RoundTrips, r.now())
		d.through = s.Address
	}
}

func (d *database) connects(ctx context.Context, r *run) { r.connects(ctx, d.c, []string{d.through}) }

func (d *database) answered() []string {
	var told, versions []string
	var primaries []*pg.Server
	hidden := false
	for _, s := range d.servers {
		if s.Err != nil {
			continue
		}
		role := "primary"
		if s.Standby {
			role = "standby"
		} else {
			primaries = append(primaries, s)
		}
		text := role + " " + label(d.aim, s.Address)
		if s.Version != "" {
			text += " " + s.Version
			if !slices.Contains(versions, s.Version) {
				versions = append(versions, s.Version)
			}
		}
		if s.Standby && s.Receiving != "" {
			text += " " + s.Receiving
		}
		told = append(told, text)
		if name := d.node(s.Address); name != "" {
			d.c.fact(name, FieldRole, role)
		}
		hidden = hidden || s.Hidden
		if s.Standby && s.Receiving == "" && !s.Hidden {
			d.c.problem(label(d.aim, s.Address) + " receives nothing from a primary")
		}
	}
	switch {
	case len(primaries) == 1:
		d.primary = primaries[0]
		told = append(told, d.ofPrimary()...)
	case len(primaries) > 1:
		var names []string
		for _, s := range primaries {
			names = append(names, label(d.aim, s.Address))
		}
		d.c.problem("several servers say they are the primary: " + strings.Join(names, ", "))
	case len(told) > 0:
		d.c.problem("no server says it is the primary")
	}
	if len(versions) > 1 {
		slices.Sort(versions)
		d.c.problem("the servers run different versions: " + strings.Join(versions, ", "))
	}
	if hidden {
		d.c.problem("the user does not see the state of replication: grant pg_monitor")
	}
	return told
}

// ofPrimary gives the facts that hold for the infrastructure as a whole.
func (d *database) ofPrimary() []string {
	s := d.primary
	if s.Version != "" {
		d.c.fact("", FieldVersion, s.Version)
	}
	var told []string
	if s.MaxConnections > 0 {
		d.c.fact("", FieldMaxConnections, strconv.Itoa(s.MaxConnections))
		told = append(told, fmt.Sprintf("%d of %d connections in use, %d reserved", s.InUse, s.MaxConnections, s.Reserved))
	}
	for i := range d.infra.Nodes {
		n := &d.infra.Nodes[i]
		if n.Role == "primary" && d.node(s.Address) != "" && n.Name != d.node(s.Address) && !d.answers(n.Name) {
			d.c.fact(n.Name, FieldRole, "") // there is one primary, and it is another
		}
	}
	if d.infra.Engine.Managed() {
		return told // the standby of a managed server is none of its user's replicas
	}
	streaming, expected := 0, 0
	for _, replica := range s.Replicas {
		if replica.State == "streaming" || replica.State == "" {
			streaming++
		}
	}
	for i := range d.infra.Nodes {
		if d.infra.Nodes[i].Role != "replica" {
			expected++
		}
	}
	expected = max(expected, len(d.servers)) - 1
	if expected > 0 || streaming > 0 {
		told = append(told, fmt.Sprintf("%d of %d standbys stream from it", streaming, max(expected, streaming)))
	}
	if streaming < expected {
		d.c.problem(fmt.Sprintf("%d of %d standbys do not stream from the primary", expected-streaming, expected))
	}
	return told
}

func (d *database) answers(name string) bool {
	return slices.ContainsFunc(d.servers, func(s *pg.Server) bool { return s.Err == nil && d.node(s.Address) == name })
}

// pool compares what pgpool-II says with the servers' own words.
func (d *database) pool(p pool) string {
	up := 0
	m := &Membership{Count: len(p.nodes)}
	for _, n := range p.nodes {
		name := d.node(n.Address)
		shown := n.Address
		if shown == "" {
			shown = "backend " + strconv.Itoa(n.ID)
		} else {
			shown = label(d.aim, shown)
		}
		switch {
		case name != "":
			m.Nodes = append(m.Nodes, name)
		case n.Address != "" && !everywhere(wire.Host(n.Address)):
			name = wire.Host(n.Address)
			m.Added = append(m.Added, name)
		case n.Address != "" && everywhere(wire.Host(p.address)):
			name = n.Address // several servers of this machine are told apart by their ports
			m.Added = append(m.Added, name)
		}
		if n.Up {
			up++
		} else if n.Known {
			d.c.problem("pgpool-II " + label(d.aim, p.address) + " has " + shown + " down")
		}
		own := d.server(n.Address)
		switch {
		case own != nil && own.Err == nil:
			if n.Up && n.Role != "" && (n.Role == "standby") != own.Standby {
				d.c.problem("pgpool-II " + label(d.aim, p.address) + " takes " + shown + " for a " + n.Role + ", which it is not")
			}
		case own == nil && name != "" && n.Role != "" && n.Up:
			d.c.fact(name, FieldRole, n.Role)
		}
		if n.Up && n.Role == "standby" && n.Stream != "" && n.Stream != "streaming" {
			d.c.problem(shown + " is in state " + n.Stream)
		}
	}
	if d.c.Members == nil && !d.infra.Engine.Managed() {
		d.complete(m, p.address)
		d.c.Members = m
	}
	return fmt.Sprintf("pgpool-II %s has %d of %d backends up", label(d.aim, p.address), up, len(p.nodes))
}

// complete decides what pgpool-II's account of its backends changes in the inventory's list of nodes. Where only the address
// of a JDBC URL was known, the list holds pgpool-II itself as if it were the database.
func (d *database) complete(m *Membership, pool string) {
	stranger := match(d.infra.Nodes, wire.Host(pool))
	if stranger == "" && everywhere(wire.Host(pool)) && len(d.infra.Nodes) == 1 && d.onlyPools() {
		stranger = d.infra.Nodes[0].Name
	}
	if slices.Contains(m.Nodes, stranger) {
		stranger = ""
	}
	unseen := 0
	for i := range d.infra.Nodes {
		if name := d.infra.Nodes[i].Name; name != stranger && !slices.Contains(m.Nodes, name) {
			unseen++
		}
	}
	if unseen > 0 {
		m.Added = nil // a backend with a strange name may be a node known under another one
	}
	if stranger != "" && len(m.Nodes)+len(m.Added) == m.Count {
		m.Strangers = []string{stranger}
	}
}

// onlyPools reports whether the inventory's endpoint is that of pgpool-II and of nothing else.
func (d *database) onlyPools() bool {
	given, err := wire.Addresses(d.infra.Identity.Endpoint, standardPort(d.infra))
	return err == nil && !slices.ContainsFunc(given, func(a string) bool { return !slices.Contains(d.pools, a) })
}

// named adds the nodes that the target names and that answered. How many there are in all only pgpool-II tells.
func (d *database) named() {
	if d.infra.Engine.Managed() {
		return
	}
	m := d.c.Members
	if m == nil {
		m = &Membership{}
	}
	for _, s := range d.servers {
		if name := d.names[s.Address]; name != "" && s.Err == nil && !slices.Contains(m.Nodes, name) {
			m.Nodes = append(m.Nodes, name)
		}
	}
	for _, address := range d.pooled {
		m.PgPool = append(m.PgPool, d.names[address])
	}
	if m.Machine = d.machine(); len(m.Nodes)+len(m.Added)+len(m.PgPool) > 0 {
		d.c.Members = m
	}
}

func (d *database) server(address string) *pg.Server {
	for _, s := range d.servers {
		if s.Address == address {
			return s
		}
	}
	return nil
}
