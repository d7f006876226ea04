package importer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// group is a cluster in the making.
type group struct {
	key     string
	cluster inventory.Cluster
	tagged  bool
	source  string          // of the machine or tag that made it
	places  map[string]bool // resource groups its machines are in, see place
	members []*member
}

// member is one machine in one or several roles of a cluster.
type member struct {
	resource *Resource
	roles    []role
	owner    owner
	common   bool             // tagged with several clusters
	nodes    []inventory.Node // empty for the further clusters that share the machine's ensemble
}

// owner tells which machines form one ensemble: those of one meridian:infrastructure tag, else those of one cluster.
type owner struct {
	key   string
	id    string // of the tag, or of the cluster
	named bool   // by the tag
}

// claim is what tags and names say about one resource.
type claim struct {
	clusters []string // ids by tag
	roles    []role
	group    string // key by name: group, environment and place
	env      inventory.Environment
	reason   string // why nothing is claimed
	remedy   string
}

const tagRemedy = "tag it meridian:cluster and meridian:component"

func (a *assembly) clusters() {
	instances := a.instances()
	names := map[string]int{}
	for _, i := range a.merged {
		if r := &a.all[i]; r.Machine != nil {
			names[strings.ToLower(r.Name)]++
		}
	}
	for _, i := range a.merged {
		r := &a.all[i]
		if r.Machine == nil {
			continue
		}
		if r.Machine.Set && instances[r.Key] {
			r.final = ClassContext
			continue
		}
		a.machine(r, names)
	}
	a.drop()
	for _, g := range a.order {
		a.build(g)
	}
	a.uses()
}

// instances tells which scale sets have their instances among the files.
func (a *assembly) instances() map[string]bool {
	out := map[string]bool{}
	for _, i := range a.merged {
		if m := a.all[i].Machine; m != nil && m.ScaleSet != "" {
			out[m.ScaleSet] = true
		}
	}
	return out
}

// claim reads tags, then names, of a resource; of an instance also those of its scale set.
func (a *assembly) claim(r *Resource) claim {
	name, from := r.Name, r
	if r.Machine != nil && r.Machine.ScaleSet != "" {
		if set := a.find(r.Machine.ScaleSet, "machine"); set != nil {
			name = set.Name
			if r.Tag("cluster") == "" && r.Tag("component") == "" {
				from = set
			}
		}
	}
	if site := from.Tag("site"); site != "" && Slug(site) != a.site.Site.ID {
		return claim{reason: "tagged for site " + Quote(Slug(site)), remedy: "import it with --site " + Slug(site)}
	}
	n, g := readName(name), readName(r.Group)
	g.product = g.product || a.belongs(r) || a.belongs(from)
	c := claim{env: environmentOf(from.Tag("environment"))}
	if c.env == "" {
		c.env = n.env
	}
	if c.env == "" {
		c.env = g.env
	}
	for _, w := range words(from.Tag("component")) {
		ro, ok := roleOfTag(w)
		if !ok {
			return claim{reason: "tag meridian:component holds " + Quote(w) + ", which is no component", remedy: "use foundation, connection-server, load-balancer, ignite, zookeeper, database, pgpool, influxdb, influxdb-meta, influxdb-data or storage"}
		}
		if !slices.Contains(c.roles, ro) {
			c.roles = append(c.roles, ro)
		}
	}
	for _, w := range strings.FieldsFunc(from.Tag("cluster"), func(r rune) bool { return r == ',' || r == ';' || r == '|' }) {
		if id := Slug(w); id != "" && !slices.Contains(c.clusters, id) {
			c.clusters = append(c.clusters, id)
		}
	}
	if len(c.roles) == 0 {
		c.roles, c.reason = byName(n, g)
	}
	switch {
	case len(c.clusters) > 0:
		if len(c.roles) == 0 && r.Machine != nil {
			c.reason, c.remedy = "tagged with a cluster, but neither tag nor name tells its component", "tag it meridian:component"
		} else {
			c.reason = ""
		}
	case c.reason != "":
		c.remedy = tagRemedy
	case !n.product && !g.product:
		c.reason, c.remedy = Unrelated, tagRemedy
	default:
		c.group = strings.ToLower(r.Group) + "|" + string(c.env) + "|" + a.place(r)
	}
	return c
}

// byName is the component a name tells: exactly one, or Foundation for the product's name with nothing else in it than
// words of its resource group.
func byName(n, g named) ([]role, string) {
	switch {
	case len(n.roles) == 1:
		return n.roles, ""
	case len(n.roles) > 1:
		return nil, "its name tells several components"
	case !n.product && !g.product:
		return nil, Unrelated
	case !n.product:
		return nil, "its name tells no component"
	}
	for _, w := range n.rest {
		if !slices.Contains(g.rest, w) {
			return nil, "its name tells no component"
		}
	}
	return []role{roleFoundation}, ""
}

func (a *assembly) machine(r *Resource, names map[string]int) {
	c := a.claim(r)
	if c.reason == "" && r.Name == "" {
		c.reason, c.remedy = "it has no name", "export it with its name"
	}
	if c.reason == "" && slices.Contains(c.roles, roleDatabase) && engineOf(r, roleDatabase) == "" {
		c.reason, c.remedy = "neither tag nor name tells which database it runs", "tag it meridian:component: postgresql or sqlserver"
	}
	if c.reason == "" && r.Machine.Set && r.Machine.Count == 0 {
		c.reason, c.remedy = "a scale set whose number of instances is not in the files", "export its instances too (az vmss list-instances)"
	}
	if c.reason == "" && len(c.clusters) > 1 && slices.ContainsFunc(c.roles, belongsToOne) {
		c.reason, c.remedy = "tagged with several clusters, but its component belongs to one", "tag it with one cluster"
	}
	if c.reason != "" {
		r.final = ClassUnassigned
		a.unassigned(r, c.reason, c.remedy)
		return
	}
	r.final = ClassUsed
	own := a.nodes(r, names)
	if len(c.clusters) == 0 {
		g := a.group(c, r)
		g.members = append(g.members, &member{resource: r, roles: c.roles, owner: ownerOf(r, g), nodes: own})
		g.places[a.place(r)] = true
		return
	}
	// A machine of an ensemble that several clusters share is listed once, with the first; the others only use it.
	var first owner
	for i, id := range c.clusters {
		g := a.tagged(id, c.env, r)
		g.places[a.place(r)] = true
		if i == 0 {
			first = ownerOf(r, g)
		} else {
			own = nil
		}
		g.members = append(g.members, &member{resource: r, roles: c.roles, owner: first, common: len(c.clusters) > 1, nodes: own})
	}
}

// place names the resource's group in lower case, with the account where several accounts have a group of that name.
func (a *assembly) place(r *Resource) string {
	group := strings.ToLower(r.Group)
	if a.accounts == nil {
		a.accounts = map[string]string{}
		for _, i := range a.merged {
			account, name := a.all[i].Account, strings.ToLower(a.all[i].Group)
			switch known := a.accounts[name]; {
			case account == "" || known == account:
			case known == "":
				a.accounts[name] = account
			default:
				a.accounts[name] = several
			}
		}
	}
	if a.accounts[group] == several {
		return group + " " + r.Account
	}
	return group
}

// several stands for more than one account.
const several = "*"

func ownerOf(r *Resource, g *group) owner {
	if id := Slug(r.Tag("infrastructure")); id != "" {
		return owner{key: "tag " + id, id: id, named: true}
	}
	return owner{key: "cluster " + g.key, id: g.cluster.ID}
}

// belongsToOne reports whether a component belongs to one cluster alone.
func belongsToOne(r role) bool {
	return r == roleFoundation || r == roleConnection || r == roleIgnite || r == roleBalancer
}

func (a *assembly) tagged(id string, env inventory.Environment, r *Resource) *group {
	key := "tag " + id
	g := a.groups[key]
	if g == nil {
		g = &group{key: key, tagged: true, source: r.tagSource(), places: map[string]bool{}, cluster: inventory.Cluster{ID: id, Hosting: hosting(r.Provider)}}
		a.groups[key] = g
		a.order = append(a.order, g)
	}
	if g.cluster.Environment == "" {
		g.cluster.Environment = env
	}
	return g
}

// group is the cluster a name tells. It joins the only cluster that tags made in the same resource group.
func (a *assembly) group(c claim, r *Resource) *group {
	var same []*group
	for _, g := range a.order {
		if g.tagged && g.places[a.place(r)] && (c.env == "" || g.cluster.Environment == "" || c.env == g.cluster.Environment) {
			same = append(same, g)
		}
	}
	if len(same) == 1 {
		return same[0]
	}
	key := "name " + c.group
	g := a.groups[key]
	if g == nil {
		id := string(c.env)
		if id == "" {
			id = "thingworx"
		}
		g = &group{key: key, source: r.Source + "-name", places: map[string]bool{}, cluster: inventory.Cluster{ID: id, Environment: c.env, Hosting: hosting(r.Provider)}}
		a.groups[key] = g
		a.order = append(a.order, g)
	}
	return g
}

func hosting(provider string) inventory.Hosting { return inventory.Hosting(provider) }

// drop gives up clusters that names made without a Foundation machine, and tells apart those of one id.
func (a *assembly) drop() {
	var keep []*group
	for _, g := range a.order {
		if !g.tagged && !slices.ContainsFunc(g.members, func(m *member) bool { return slices.Contains(m.roles, roleFoundation) }) {
			for _, m := range g.members {
				m.resource.final = ClassUnassigned
				a.unassigned(m.resource, "named like "+string(m.roles[0])+", but no machine of its resource group is named like ThingWorx Foundation", tagRemedy)
			}
			delete(a.groups, g.key)
			continue
		}
		keep = append(keep, g)
	}
	a.order = keep
	count := map[string]int{}
	for _, g := range keep {
		count[g.cluster.ID]++
	}
	taken := map[string]bool{}
	for _, g := range keep {
		if g.tagged || count[g.cluster.ID] == 1 {
			taken[g.cluster.ID] = true
		}
	}
	for _, g := range keep {
		if g.tagged || count[g.cluster.ID] == 1 {
			continue
		}
		place, _, _ := strings.Cut(strings.TrimPrefix(g.key, "name "), "|")
		base := Slug(g.cluster.ID + "-" + place)
		id := base
		for n := 2; taken[id]; n++ {
			id = base[:min(len(base), 58)] + "-" + strconv.Itoa(n)
		}
		taken[id] = true
		g.cluster.ID = id
	}
}

// nodes are the running instances of a machine: one, or those of a scale set that lists none.
func (a *assembly) nodes(r *Resource, names map[string]int) []inventory.Node {
	m := r.Machine
	name := r.Name
	if shownName(name) != name {
		name = Slug(name)
	}
	if names[strings.ToLower(r.Name)] > 1 && r.Group != "" {
		name += "-" + strings.ToLower(r.Group)
	}
	node := inventory.Node{Name: name, Machine: name, Placement: a.placement(r), CPU: m.CPU, MemoryGiB: m.MemoryGiB, SKU: m.SKU}
	if m.Count == 0 {
		return []inventory.Node{node}
	}
	out := make([]inventory.Node, 0, min(m.Count, maxInstances))
	for i := range min(m.Count, maxInstances) {
		n := node
		n.Name = name + "-" + strconv.Itoa(i+1)
		n.Machine = n.Name
		out = append(out, n)
	}
	return out
}

// maxInstances is the most instances a scale set may have (Azure's own limit is 1,000).
const maxInstances = 1000

// build turns a group's members into components, and into infrastructure with nodes.
func (a *assembly) build(g *group) {
	a.proofs = append(a.proofs, proof{group: g, source: g.source})
	for _, m := range g.members {
		for _, r := range m.roles {
			switch r {
			case roleFoundation:
				a.component(g, m, inventory.Foundation, "")
			case roleConnection:
				a.component(g, m, inventory.ConnectionServer, "")
			case roleBalancer:
				a.component(g, m, inventory.LoadBalancerNode, "")
			case roleIgnite:
				a.component(g, m, inventory.Ignite, inventory.IgniteSeparate)
			default:
				a.ensemble(g, m, r)
			}
		}
	}
}

func (a *assembly) component(g *group, m *member, kind inventory.ComponentKind, mode inventory.IgniteMode) {
	at := slices.IndexFunc(g.cluster.Components, func(c inventory.Component) bool { return c.Kind == kind })
	if at < 0 {
		at = len(g.cluster.Components)
		g.cluster.Components = append(g.cluster.Components, inventory.Component{Kind: kind, Mode: mode})
	}
	c := &g.cluster.Components[at]
	for _, n := range m.nodes {
		path := "/components/" + strconv.Itoa(at) + "/nodes/" + strconv.Itoa(len(c.Nodes))
		c.Nodes = append(c.Nodes, n)
		a.provePlace(g, path+"/placement", m.resource)
		a.proveDisputes(g, path, m.resource)
	}
}

// ensemble adds a machine to the ZooKeeper, database, storage or InfluxDB it is part of.
func (a *assembly) ensemble(g *group, m *member, r role) {
	kind, as, suffix := inventory.KindZooKeeper, inventory.AsZooKeeper, "zookeeper"
	switch r {
	case roleDatabase, rolePgPool:
		kind, as, suffix = inventory.KindDatabase, inventory.AsDatabase, "database"
	case roleInflux, roleInfluxMeta, roleInfluxData:
		kind, as, suffix = inventory.KindInfluxDB, inventory.AsTimeseries, "influxdb"
	case roleStorage:
		kind, as, suffix = inventory.KindStorage, inventory.AsStorage, "storage"
	default:
	}
	key := m.owner.key + " " + suffix
	n, ok := a.nodeInfra[key]
	if !ok {
		in := inventory.Infrastructure{Kind: kind}
		name := m.owner.id
		if !m.owner.named {
			name += "-" + suffix
		}
		if kind == inventory.KindDatabase {
			in.Engine = engineOf(m.resource, r)
		}
		n = len(a.site.Infrastructure)
		in.ID = a.id(name, "", suffix)
		a.site.Infrastructure = append(a.site.Infrastructure, in)
		a.nodeInfra[key] = n
		a.prove("/infrastructure/"+strconv.Itoa(n), g.source, "")
	}
	in := &a.site.Infrastructure[n]
	if m.common {
		shared := true
		in.Shared = &shared
	}
	list, name := &in.Nodes, "/nodes/"
	if r == rolePgPool {
		list, name = &in.PgPool, "/pgpool/"
	}
	for _, node := range m.nodes {
		switch r {
		case roleInfluxMeta:
			node.Role, in.Edition = "meta", inventory.EditionEnterprise
		case roleInfluxData:
			node.Role, in.Edition = "data", inventory.EditionEnterprise
		default:
		}
		path := "/infrastructure/" + strconv.Itoa(n) + name + strconv.Itoa(len(*list))
		a.provePlace(nil, path+"/placement", m.resource)
		a.proveDisputes(nil, path, m.resource)
		*list = append(*list, node)
	}
	a.link(g, n, as, g.source)
}

// engineOf is the product of a database machine, as its tag or name tells, "" when they do not; pgpool-II stands in
// front of PostgreSQL only.
func engineOf(r *Resource, ro role) inventory.Engine {
	text := strings.ToLower(r.Tag("component") + " " + r.Name)
	switch {
	case ro == rolePgPool || strings.Contains(text, "postgres") || slices.ContainsFunc(tokens(text), func(t string) bool { return t == "pg" || t == "pgsql" }):
		return inventory.EnginePostgreSQL
	case strings.Contains(text, "sql"):
		return inventory.EngineSQLServer
	}
	return ""
}

// link records that a cluster uses an infrastructure, once.
func (a *assembly) link(g *group, n int, as inventory.UseAs, source string) {
	id := a.site.Infrastructure[n].ID
	if a.linked[[2]string{g.key, id}] {
		return
	}
	a.linked[[2]string{g.key, id}], a.inUse[id] = true, true
	a.proofs = append(a.proofs, proof{group: g, rest: "/uses/" + strconv.Itoa(len(g.cluster.Uses)), source: source})
	g.cluster.Uses = append(g.cluster.Uses, inventory.Use{Infrastructure: id, As: as})
}
