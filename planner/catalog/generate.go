package catalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Generate builds the inventory a plan describes: the site with this one cluster and the infrastructure it uses, complete
// with namespaces, paths and settings as PTC asks for them. Parts that the plan leaves as they are keep their names,
// machines and identities. The same plan gives the same inventory.
func Generate(p *Plan) *inventory.Site {
	g := &generator{p: p, shape: p.PresentShape, machines: make(map[string]machineUse, 16)}
	if p.Present != nil && p.PresentCluster != nil {
		if g.shape == nil {
			g.shape = ShapeOf(p.Present, p.PresentCluster)
		}
		g.present = p.PresentCluster
	} else {
		g.shape = &Shape{}
	}
	g.site = &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: p.ObservedAt, Site: p.Site,
		Clusters: make([]inventory.Cluster, 1), Infrastructure: make([]inventory.Infrastructure, 0, 5),
	}
	clustered := p.Architecture.Clustered
	g.cluster = inventory.Cluster{
		ID: p.Cluster, Environment: p.Environment, ThingworxVersion: p.Version, Hosting: p.Hosting, OperatedBy: p.OperatedBy,
		ClusteredMode: &clustered, Settings: g.settings(), Workload: p.Workload, Objectives: p.Objectives,
		Components: make([]inventory.Component, 0, 3), Uses: make([]inventory.Use, 0, 5),
	}
	foundation := g.nodes(KindFoundation)
	g.platformIDs(foundation)
	g.component(inventory.Foundation, foundation)
	g.database()
	g.zookeeper()
	g.component(inventory.ConnectionServer, g.nodes(KindConnectionServer))
	g.ignite()
	g.storage()
	g.loadBalancer()
	g.timeseries()
	g.site.Clusters[0] = g.cluster
	return g.site
}

type machineUse struct {
	at    inventory.Placement
	kinds uint16 // a bit for each kind, by Index
}

func (u machineUse) has(k Kind) bool { return u.kinds&(1<<k.Index()) != 0 }

type generator struct {
	p        *Plan
	shape    *Shape // of the present cluster; empty for a new one
	present  *inventory.Cluster
	site     *inventory.Site
	cluster  inventory.Cluster
	machines map[string]machineUse
	// foundation are the machines of the Foundation nodes, in order.
	foundation []string
}

func (g *generator) place() inventory.Placement {
	return inventory.Placement{Provider: g.p.Provider, Region: g.p.Region, Zone: g.p.Zone}
}

// nodes places the nodes of a kind: those of the present cluster that may stay, then new ones.
func (g *generator) nodes(k Kind) []inventory.Node {
	count := g.p.Counts.Of(k)
	if count == 0 {
		return nil
	}
	old := g.shape.Parts.Of(k).Nodes
	former := old // their names are taken, also of those that are left to other clusters
	if g.leaves(k) {
		old = nil
	}
	if slices.ContainsFunc(old, func(n *inventory.Node) bool { return !g.inPlace(k, n) }) {
		// Nodes that can stay come first, so that a smaller count removes the others.
		staying := make([]*inventory.Node, 0, len(old))
		var moving []*inventory.Node
		for _, n := range old {
			if g.inPlace(k, n) {
				staying = append(staying, n)
			} else {
				moving = append(moving, n)
			}
		}
		old = append(staying, moving...)
	}
	size := g.p.Machines.Of(k)
	out := make([]inventory.Node, 0, count)
	for i := range count {
		n := inventory.Node{CPU: size.CPU, MemoryGiB: size.MemoryGiB, SKU: size.SKU}
		var was *inventory.Node
		if i < len(old) {
			was = old[i]
			n.Name, n.Availability = was.Name, was.Availability
			n.Settings.PlatformID = was.Settings.PlatformID
		} else {
			n.Name = g.freshName(k, i, former, out)
		}
		n.Machine, n.Placement = g.machine(k, i, was)
		if was != nil && was.Machine != n.Machine && was.Machine != "" {
			// What is said of the machine, and who the node is in the cluster, stays behind.
			n.Availability, n.Settings.PlatformID = nil, ""
		}
		out = append(out, n)
	}
	return out
}

// inPlace reports whether a present node is where the plan wants its kind.
func (g *generator) inPlace(k Kind, n *inventory.Node) bool {
	at := n.Placement
	if at.Region != g.p.Region || at.Provider != "" && at.Provider != g.p.Provider {
		return false
	}
	oneZone := k == KindFoundation || k == KindIgnite
	return !oneZone || at.Zone == "" || g.p.Zone == "" || at.Zone == g.p.Zone
}

func (g *generator) freshName(k Kind, i int, old []*inventory.Node, made []inventory.Node) string {
	for n := i + 1; ; n++ {
		name := string(k) + "-" + strconv.Itoa(n)
		if !slices.ContainsFunc(old, func(x *inventory.Node) bool { return x.Name == name }) &&
			!slices.ContainsFunc(made, func(x inventory.Node) bool { return x.Name == name }) {
			return name
		}
	}
}

// machine chooses the machine of node i of a kind.
func (g *generator) machine(k Kind, i int, was *inventory.Node) (string, inventory.Placement) {
	packed := g.p.Layout == LayoutPacked && (k == KindConnectionServer || k == KindZooKeeper && !g.p.Shared.Of(KindZooKeeper))
	if packed && i < len(g.foundation) {
		m := g.foundation[i]
		return m, g.take(m, g.machines[m].at, k)
	}
	if was != nil && g.inPlace(k, was) && g.mayStay(k, was.Machine) {
		at := was.Placement
		if at.Zone == "" && (k == KindFoundation || k == KindIgnite) {
			at.Zone = g.p.Zone
		}
		switch {
		case was.Machine != "":
			return was.Machine, g.take(was.Machine, at, k)
		case k != KindFoundation || g.p.Layout != LayoutPacked && g.p.Architecture.Production:
			return "", at
		}
		// Others are to run on this machine, so it needs a name.
		return was.Name, g.take(was.Name, at, k)
	}
	name := g.freshMachine(k, i)
	return name, g.take(name, g.place(), k)
}

// mayStay reports whether a node of a kind may stay on a machine given what the plan has put there already.
func (g *generator) mayStay(k Kind, machine string) bool {
	if !g.p.Architecture.Production && g.p.Layout != LayoutPresent {
		return len(g.foundation) == 0 || machine == g.foundation[0]
	}
	if machine == "" {
		return true
	}
	use, taken := g.machines[machine]
	if use.has(k) {
		return false
	}
	if (k == KindDatabase || k == KindInflux || k == KindInfluxData) && use.has(KindFoundation) && g.p.Architecture.Production {
		return false
	}
	packs := g.p.Layout == LayoutPacked && (k == KindZooKeeper || k == KindConnectionServer)
	return !taken || packs || g.p.Layout == LayoutPresent || k == KindPgPool
}

func (g *generator) take(machine string, at inventory.Placement, k Kind) inventory.Placement {
	use, taken := g.machines[machine]
	if taken {
		at = use.at
	}
	use.at = at
	use.kinds |= 1 << k.Index()
	g.machines[machine] = use
	if k == KindFoundation {
		g.foundation = append(g.foundation, machine)
	}
	return at
}

// freshMachine names a new machine. A development system has one for everything, and pgpool-II runs beside PostgreSQL.
func (g *generator) freshMachine(k Kind, i int) string {
	if !g.p.Architecture.Production && len(g.foundation) > 0 && g.foundation[0] != "" {
		return g.foundation[0]
	}
	for n := i + 1; ; n++ {
		name := g.p.Cluster + "-" + string(k) + "-" + strconv.Itoa(n)
		if _, taken := g.machines[name]; !taken && !g.known(name) {
			return name
		}
	}
}

// known reports whether the present site has a machine of the name.
func (g *generator) known(machine string) bool {
	for i := range g.shape.Parts {
		for _, n := range g.shape.Parts[i].Nodes {
			if n.Machine == machine {
				return true
			}
		}
	}
	return false
}

func (g *generator) component(k inventory.ComponentKind, nodes []inventory.Node) {
	if len(nodes) > 0 {
		g.cluster.Components = append(g.cluster.Components, inventory.Component{Kind: k, Nodes: nodes})
	}
}

// platformIDs gives every Foundation node a PlatformId of its own, 1 to 32 letters and digits.
func (g *generator) platformIDs(nodes []inventory.Node) {
	if !g.p.Architecture.Clustered {
		return
	}
	used, present := map[string]bool{}, map[string]bool{}
	for _, n := range g.shape.Parts.Of(KindFoundation).Nodes {
		present[n.Settings.PlatformID] = true
	}
	base := letters(g.p.Cluster)
	next := 1
	for i := range nodes {
		id := nodes[i].Settings.PlatformID
		for id == "" || used[id] || letters(id) != id || len(id) > 32 {
			// An id of a node that leaves is not given away: both run for a while.
			for id = base + strconv.Itoa(next); present[id]; id = base + strconv.Itoa(next) {
				next++
			}
			next++
		}
		used[id] = true
		nodes[i].Settings.PlatformID = id
	}
}

func letters(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	return s[:min(len(s), 28)]
}

// settings keeps what is known. In clustered mode extensions that are not made for it are refused, as PTC allows, and the
// loss of the database is tolerated for as long as its failover takes.
func (g *generator) settings() inventory.ClusterSettings {
	s := g.p.Settings
	if !g.p.Architecture.Clustered {
		return s
	}
	s.HACompatibilityImportLevel = "DENY"
	if s.ModelSyncPollInterval == 0 {
		s.ModelSyncPollInterval = defaultPoll
	}
	if tolerated := ToleratedErrors(s.ModelSyncPollInterval); s.ModelSyncMaxDBUnavailableErrors == nil || *s.ModelSyncMaxDBUnavailableErrors < tolerated {
		s.ModelSyncMaxDBUnavailableErrors = &tolerated
	}
	return s
}

func (g *generator) ignite() {
	switch {
	case !g.p.Architecture.Clustered || g.p.Ignite == "":
	case g.p.Ignite == inventory.IgniteSeparate:
		g.cluster.Components = append(g.cluster.Components, inventory.Component{
			Kind: inventory.Ignite, Mode: inventory.IgniteSeparate, BasePath: g.ignitePath(), Nodes: g.nodes(KindIgnite),
		})
	default:
		g.cluster.Components = append(g.cluster.Components, inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteEmbedded})
	}
}

// Tenant names the cluster in shared infrastructure: its site and its id.
func (p *Plan) Tenant() string {
	if p.Site.ID == "" {
		return p.Cluster
	}
	return p.Site.ID + "-" + p.Cluster
}

// leaves reports whether the cluster gets a part of its own in place of one that it uses together with others.
func (p *Plan) leaves(k Kind) bool {
	switch k {
	case KindPgPool:
		k = KindDatabase
	case KindInfluxMeta:
		k = KindInfluxData
	}
	return p.Occupied.Of(k) && !p.Shared.Of(k)
}

// leaves reports whether the cluster gets a part anew: others keep the present one, or the plan has another database product.
func (g *generator) leaves(k Kind) bool {
	another := (k == KindDatabase || k == KindPgPool) && g.shape.Engine != "" && g.shape.Engine != g.p.Engine
	return another || g.p.leaves(k)
}

// Isolated returns the isolation in a shared part of a tenant that goes by a name there; other fields are empty.
func Isolated(k Kind, tenant string) inventory.Use {
	switch k {
	case KindZooKeeper:
		return inventory.Use{Namespace: "/" + tenant, IgniteBasePath: "/" + tenant}
	case KindDatabase:
		return inventory.Use{Database: "thingworx_" + tenant, Schema: "twadmin_" + tenant}
	case KindStorage:
		return inventory.Use{Path: "/export/" + tenant + "/ThingworxStorage"}
	}
	return inventory.Use{}
}

// isolated is the cluster's isolation in a part where it has none of its own yet, or does not keep it.
func (g *generator) isolated(k Kind) inventory.Use {
	if name := g.p.Isolate.Of(k); name != "" {
		return Isolated(k, name)
	}
	return Isolated(k, g.p.Tenant())
}

func (g *generator) ignitePath() string {
	return g.base(KindZooKeeper, func(u *inventory.Use) string { return u.IgniteBasePath }, g.isolated(KindZooKeeper).IgniteBasePath)
}

// use returns the present use of a part, or nil.
func (g *generator) use(k Kind) *inventory.Use {
	if g.present == nil {
		return nil
	}
	as := roleOf(k)
	for i := range g.present.Uses {
		if g.present.Uses[i].As == as {
			return &g.present.Uses[i]
		}
	}
	return nil
}

// base is a field of the present use of a part where it is set and kept.
func (g *generator) base(k Kind, field func(*inventory.Use) string, otherwise string) string {
	if u := g.use(k); u != nil && field(u) != "" && field(u) != "/" && !g.isolates(k) {
		return field(u)
	}
	return otherwise
}

// isolates reports whether a part gets an isolation of its own in place of the present one.
func (g *generator) isolates(k Kind) bool { return g.p.Isolate.Of(k) != "" }

func roleOf(k Kind) inventory.UseAs {
	switch k {
	case KindZooKeeper:
		return inventory.AsZooKeeper
	case KindDatabase, KindPgPool:
		return inventory.AsDatabase
	case KindStorage:
		return inventory.AsStorage
	case KindLoadBalancer:
		return inventory.AsLoadBalancer
	case KindInflux, KindInfluxMeta, KindInfluxData:
		return inventory.AsTimeseries
	}
	return ""
}
