package deployment

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// cluster is a cluster of the document in the making.
type cluster struct {
	cluster  inventory.Cluster
	servers  []*merged // of each use; nil for uses that were there before
	paths    []string  // of each use of a storage: where Foundation sees it
	proofs   []inventory.Provenance
	disputes []inventory.Provenance // what files say otherwise, by the path beneath the cluster
	said     origins
	told     []spot // of each use; file -1 is that of the cluster
	labels   []map[string]string
	names    map[string]bool // of nodes and their machines, by kind
	source   string
	scope    string
	workload string
	mounts   []string
	provides string
	at       int
	existing bool
	joins    bool   // its nodes may stand in several files
	health   string // readiness path of a Kubernetes workload
}

func (a *assembly) foundations() {
	for i := range a.fragments {
		for j := range a.fragments[i].Foundations {
			a.foundation(&a.fragments[i].Foundations[j], i, j)
		}
	}
}

func (a *assembly) foundation(f *Foundation, file, index int) {
	fragment := &a.fragments[file]
	servers := make([]*merged, len(f.Uses))
	var local []*merged // what answers on the Foundation's machine, and fails with it
	for i := range f.Uses {
		s := &f.Uses[i].Server
		if s.Host == "" && len(f.Nodes) == 1 {
			// Without a name for the machine it is at least the same one for all that this file says.
			s.Host = first(f.Nodes[0].Machine, "#"+strconv.Itoa(file)+" "+strconv.Itoa(index))
		}
		servers[i] = a.server(s, file)
		servers[i].used = true
		if f.Workload == "" && len(f.Nodes) == 1 && s.Kind != inventory.KindStorage && (s.Engine == inventory.EngineH2 && len(s.Hosts) == 0 ||
			slices.ContainsFunc(s.Hosts, func(h HostPort) bool { return Loopback(h.Host) })) {
			local = append(local, servers[i])
		}
	}
	c := a.clusterOf(f, fragment, servers)
	if c == nil {
		c = &cluster{source: fragment.Source, said: origins{first: a.witness(file, f.Place)}, scope: fragment.Scope, workload: f.Workload, joins: f.Joins}
		c.cluster.ID = a.id("cluster", "thingworx", f.Title, a.namespace(f), a.database(f))
		a.clusters = append(a.clusters, c)
	}
	if f.Labels != nil {
		c.labels = append(c.labels, f.Labels)
	}
	c.mounts = append(c.mounts, f.Mounts...)
	c.provides = first(c.provides, f.Provides)
	for _, m := range local {
		n := &f.Nodes[0]
		n.Machine = first(n.Machine, c.cluster.ID+"-"+n.Name)
		at := m.root()
		a.nodes(&at.infra.Nodes, []inventory.Node{{Name: n.Machine, Machine: n.Machine}}, telling{said: &at.said, base: "/nodes", here: a.witness(file, f.Place)})
	}
	a.complete(c, f, fragment.Source, file)
	for i := range f.Uses {
		a.use(c, &f.Uses[i], servers[i], fragment.Source, file)
	}
}

func (a *assembly) namespace(f *Foundation) string {
	for _, u := range f.Uses {
		if u.As == inventory.AsZooKeeper {
			return u.Namespace
		}
	}
	return ""
}

func (a *assembly) database(f *Foundation) string {
	for _, u := range f.Uses {
		if u.As == inventory.AsDatabase {
			return first(u.Database, u.Schema)
		}
	}
	return ""
}

// clusterOf finds the cluster that a Foundation is part of, nil when it is one of its own.
func (a *assembly) clusterOf(f *Foundation, fragment *Fragment, servers []*merged) *cluster {
	var byName []*cluster
	for _, c := range a.clusters {
		if f.Workload != "" && c.workload == f.Workload && c.scope == fragment.Scope {
			return c
		}
		if c.scope == fragment.Scope && (f.Provides != "" && slices.Contains(c.mounts, f.Provides) || c.provides != "" && slices.Contains(f.Mounts, c.provides)) {
			return c
		}
		if c.existing && f.Workload == "" && c.has(inventory.Foundation, f.Nodes) {
			byName = append(byName, c)
		}
	}
	if len(byName) == 1 {
		return byName[0]
	}
	if !f.Joins {
		return nil
	}
	for _, c := range a.clusters {
		if !c.existing && c.joins && c.scope == fragment.Scope && c.fits(f, servers) {
			return c
		}
	}
	return nil
}

// has reports whether one of the nodes is a node of the cluster, by its name or its machine's.
func (c *cluster) has(kind inventory.ComponentKind, nodes []inventory.Node) bool {
	return slices.ContainsFunc(nodes, func(n inventory.Node) bool {
		return c.names[string(kind)+" node "+short(n.Name)] || n.Machine != "" && c.names[string(kind)+" machine "+short(n.Machine)]
	})
}

// know enters nodes among the names of the cluster.
func (c *cluster) know(kind inventory.ComponentKind, nodes []inventory.Node) {
	if c.names == nil {
		c.names = map[string]bool{}
	}
	for _, n := range nodes {
		c.names[string(kind)+" node "+short(n.Name)] = true
		if n.Machine != "" {
			c.names[string(kind)+" machine "+short(n.Machine)] = true
		}
	}
}

// fits reports whether a node in clustered mode is one of the cluster: the same ZooKeeper and namespace, and nothing
// that contradicts.
func (c *cluster) fits(f *Foundation, servers []*merged) bool {
	joined := false
	for i := range f.Uses {
		u := &f.Uses[i]
		if u.As == inventory.AsStorage {
			continue
		}
		listed, matched := false, false
		for j := range c.cluster.Uses {
			have := &c.cluster.Uses[j]
			if have.As != u.As {
				continue
			}
			listed = true
			matched = matched || c.servers[j].root() == servers[i].root() && !differ(have.Database, u.Database) && !differ(have.Schema, u.Schema) &&
				!differ(have.IgniteBasePath, u.IgniteBasePath) && (u.As != inventory.AsZooKeeper || strings.Trim(have.Namespace, "/") == strings.Trim(u.Namespace, "/"))
		}
		if listed && !matched {
			return false
		}
		joined = joined || matched && u.As == inventory.AsZooKeeper
	}
	return joined
}

func differ(x, y string) bool {
	return x != "" && y != "" && strings.Trim(x, "/") != strings.Trim(y, "/")
}

// complete fills a cluster from one of its Foundations.
func (a *assembly) complete(c *cluster, f *Foundation, source string, file int) {
	to, from := &c.cluster, &f.Cluster
	if to.Environment == "" {
		to.Environment = from.Environment
	}
	switch {
	case to.ThingworxVersion == "":
		to.ThingworxVersion = from.ThingworxVersion
	case from.ThingworxVersion != "" && from.ThingworxVersion != to.ThingworxVersion:
		for i := range f.Nodes {
			f.Nodes[i].Settings.ThingworxVersion = from.ThingworxVersion
		}
	}
	switch {
	case to.ClusteredMode == nil:
		to.ClusteredMode = f.Clustered
		if f.Clustered != nil {
			c.said.set("/clusteredMode", a.witness(file, f.Place))
		}
	case f.Clustered != nil && *f.Clustered != *to.ClusteredMode:
		own, other := strconv.FormatBool(*to.ClusteredMode), strconv.FormatBool(*f.Clustered)
		if a.clusterDispute(c, "/clusteredMode", "clustered mode", &own, other, file, f.Place) && own == other {
			to.ClusteredMode = f.Clustered
		}
	}
	if to.Settings == (inventory.ClusterSettings{}) {
		to.Settings = from.Settings
		if to.Settings != (inventory.ClusterSettings{}) {
			c.proofs = append(c.proofs, inventory.Provenance{Path: "/settings", Source: source})
		}
	} else if !reflect.DeepEqual(from.Settings, to.Settings) {
		for i := range f.Nodes {
			f.Nodes[i].Settings.ClusterSettings = from.Settings
		}
	}
	c.health = first(c.health, f.Health)
	a.component(c, inventory.Foundation, "", "", f.Nodes, file, f.Place)
	for _, kind := range f.Extra {
		a.component(c, kind, "", "", nil, file, f.Place)
	}
	if f.HasIgnite {
		a.component(c, inventory.Ignite, f.Ignite, "", nil, file, f.Place)
	}
}

// clusterDispute settles what a further file says otherwise of a cluster, with a note that names both places.
func (a *assembly) clusterDispute(c *cluster, path, what string, own *string, other string, file int, place Place) bool {
	before, there := *own, a.origin(c, path)
	if !dispute(&c.disputes, path, own, other, a.name(there), a.name(a.witness(file, place))) {
		return false
	}
	a.note(file, place, a.differs("cluster "+importer.Name(c.cluster.ID), what, other, before, there, *own), "bring the files into line")
	return true
}

// component adds nodes to a component of the cluster, and returns its position; without nodes it only lists the component.
func (a *assembly) component(c *cluster, kind inventory.ComponentKind, mode inventory.IgniteMode, base string, nodes []inventory.Node, file int, place Place) int {
	at := slices.IndexFunc(c.cluster.Components, func(x inventory.Component) bool { return x.Kind == kind })
	if at < 0 {
		at = len(c.cluster.Components)
		c.cluster.Components = append(c.cluster.Components, inventory.Component{Kind: kind})
	}
	x := &c.cluster.Components[at]
	if mode == inventory.IgniteSeparate || x.Mode == "" {
		x.Mode = mode
	}
	x.BasePath = first(x.BasePath, base)
	a.nodes(&x.Nodes, nodes, telling{&c.said, "/components/" + strconv.Itoa(at) + "/nodes", a.witness(file, place), func(what, path string, own *string, other string) {
		a.clusterDispute(c, path, what, own, other, file, place)
	}})
	c.know(kind, nodes)
	return at
}

// maxUses bounds the tenancies of one cluster.
const maxUses = 64

// use adds a tenancy to a cluster, or completes the one it has of the same infrastructure.
func (a *assembly) use(c *cluster, u *Use, m *merged, source string, file int) {
	at := -1
	for i := range c.cluster.Uses {
		have := &c.cluster.Uses[i]
		if have.As != u.As || differ(have.Database, u.Database) || differ(have.Schema, u.Schema) {
			continue
		}
		if i < len(c.servers) && c.servers[i] != nil && c.servers[i].root() == m.root() || m.root().existing && have.Infrastructure == m.root().infra.ID {
			at = i
			break
		}
		if i < len(c.servers) && c.servers[i] != nil && c.same(i, u, m.root()) {
			// One of the two has no identity of its own: a second file says the same in fewer words.
			known := c.servers[i].root()
			if m.root().named && !known.named {
				a.join(m.root(), known)
			} else {
				a.join(known, m.root())
			}
			at = i
			break
		}
	}
	if at < 0 && len(c.cluster.Uses) == maxUses {
		return // More than a cluster can have; what is left out is listed as used by none.
	}
	if at < 0 {
		at = len(c.cluster.Uses)
		c.cluster.Uses = append(c.cluster.Uses, u.Use)
		for len(c.told) < at {
			c.told = append(c.told, spot{file: -1})
		}
		c.told = append(c.told, spotOf(file, u.Server.Place))
		for len(c.servers) < at {
			c.servers = append(c.servers, nil)
		}
		c.servers = append(c.servers, m)
		for len(c.paths) < at {
			c.paths = append(c.paths, "")
		}
		c.paths = append(c.paths, first(u.Mount, u.Path))
		c.proofs = append(c.proofs, inventory.Provenance{Path: "/uses/" + strconv.Itoa(at), Source: source})
		if m.root().infra.ID == "" {
			m.root().infra.ID = c.cluster.ID + "-" + string(u.As)
		}
	} else {
		have := &c.cluster.Uses[at]
		for _, pair := range [...]struct {
			to   *string
			from string
			name string
		}{
			{&have.Namespace, u.Namespace, "namespace"},
			{&have.IgniteBasePath, u.IgniteBasePath, "igniteBasePath"},
			{&have.Database, u.Database, "database"},
			{&have.Schema, u.Schema, "schema"},
			{&have.Path, u.Path, "path"},
			{&have.HealthPath, u.HealthPath, "healthPath"},
		} {
			if pair.name == "path" && (u.Mount != "" || *pair.to != c.paths[at]) {
				// A path inside a container and one of the server that holds the files are one.
				if u.Mount != "" {
					*pair.to = pair.from
				}
				continue
			}
			if differ(*pair.to, pair.from) {
				a.clusterDispute(c, "/uses/"+strconv.Itoa(at)+"/"+pair.name, pair.name+" of the "+string(u.As), pair.to, pair.from, file, u.Server.Place)
			}
			if *pair.to == "" && pair.from != "" {
				*pair.to = pair.from
				c.said.set("/uses/"+strconv.Itoa(at)+"/"+pair.name, a.witness(file, u.Server.Place))
			}
		}
		if have.PoolMax == 0 {
			have.PoolMax = u.PoolMax
		}
		if have.StickySessions == nil {
			have.StickySessions = u.StickySessions
		}
	}
	for _, field := range sorted(u.Unknown) {
		path := "/uses/" + strconv.Itoa(at) + "/" + field
		if !slices.ContainsFunc(c.proofs, func(p inventory.Provenance) bool { return p.Path == path }) {
			c.proofs = append(c.proofs, inventory.Provenance{Path: path, Source: source, Declared: u.Unknown[field]})
		}
	}
}

// same reports whether a use without an identity and the use at a position are the same one: the same path, or the same
// product of database.
func (c *cluster) same(at int, u *Use, m *merged) bool {
	known := c.servers[at].root()
	if m == known || m.named && known.named || m.existing || known.existing {
		return false
	}
	switch u.As {
	case inventory.AsStorage:
		return c.paths[at] == first(u.Mount, u.Path)
	case inventory.AsDatabase:
		x, y := known.infra.Engine, m.infra.Engine
		return x == "" || y == "" || product(x) == product(y)
	case inventory.AsZooKeeper:
		return true
	case inventory.AsLoadBalancer, inventory.AsTimeseries:
	}
	return false
}

// product is the engine without regard to who runs it.
func product(e inventory.Engine) inventory.Engine {
	switch e {
	case inventory.EngineAzurePostgreSQLFlexible:
		return inventory.EnginePostgreSQL
	case inventory.EngineAzureSQL:
		return inventory.EngineSQLServer
	case inventory.EnginePostgreSQL, inventory.EngineSQLServer, inventory.EngineH2:
	}
	return e
}

func sorted(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
