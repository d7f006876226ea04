package deployment

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// merged is one infrastructure of the document in the making.
type merged struct {
	infra    inventory.Infrastructure
	hosts    []HostPort
	instance string
	size     int // of an ensemble, with those whose hosts no file names
	labels   []map[string]string
	source   string
	file     int
	place    Place
	scope    string
	scoped   bool // some address means something only within the scope
	unknown  string
	at       int  // position in the document
	existing bool // made by package importer
	named    bool // it has an identity
	used     bool
	backends []Backend
	gone     *merged // the one it was joined to
	said     origins
	disputes []inventory.Provenance // what other files say otherwise, by the path beneath the infrastructure
}

func (m *merged) root() *merged {
	for m.gone != nil {
		m = m.gone
	}
	return m
}

// host is the first host by which the infrastructure is known, "" when there is none.
func (m *merged) host() string {
	if len(m.hosts) == 0 {
		return ""
	}
	return m.hosts[0].Host
}

// maxAddresses bounds the addresses of one infrastructure.
const maxAddresses = 256

// keys are the identities of a server within this import: those of inventory.Keys, bound to the scope or the machine
// where the name means something only there.
func (a *assembly) keys(s *Server, scope string) []string {
	kind := string(s.Kind) + " "
	var out []string
	if s.Key != "" {
		out = append(out, kind+"key "+scope+" "+s.Key)
	}
	for _, h := range s.Hosts {
		if Loopback(h.Host) {
			if s.Host != "" {
				out = append(out, kind+"on "+s.Host+" "+strconv.Itoa(h.Port))
			}
			continue
		}
		in := inventory.Infrastructure{Kind: s.Kind, Engine: s.Engine}
		in.Identity.Endpoint = h.String()
		for _, k := range inventory.Keys("", &in) {
			// A site-local name is bound to its scope; a private address is one wherever it stands.
			if strings.HasPrefix(k, "site/") && !strings.ContainsAny(h.Host, ".:") {
				k = scope + " " + k
			}
			if s.Instance != "" {
				k += " " + strings.ToLower(s.Instance)
			}
			out = append(out, kind+k)
		}
	}
	return out
}

// server enters an infrastructure, or finds the one that is known under one of its identities and completes it.
func (a *assembly) server(s *Server, file int) *merged {
	f := a.fragments[file]
	s.Hosts = s.Hosts[:min(len(s.Hosts), maxAddresses)]
	for i, h := range s.Hosts {
		if h.Port == 0 && s.Instance == "" {
			s.Hosts[i].Port = standardPort(s)
		}
	}
	var m *merged
	keys := a.keys(s, f.Scope)
	for _, k := range keys {
		known, ok := a.byKey[k]
		switch {
		case !ok:
		case m == nil:
			m = known.root()
		case known.root() != m:
			a.join(m, known.root())
		}
	}
	if m == nil {
		m = &merged{source: f.Source, file: file, place: s.Place, scope: f.Scope, infra: inventory.Infrastructure{Kind: s.Kind}, said: origins{first: a.witness(file, s.Place)}}
		a.servers = append(a.servers, m)
	}
	m.named = m.named || len(keys) > 0
	for _, k := range keys {
		a.byKey[k] = m
	}
	for _, h := range s.Hosts {
		if !Loopback(h.Host) && len(m.hosts) < maxAddresses && !slices.Contains(m.hosts, h) {
			m.hosts = append(m.hosts, h)
		}
		m.scoped = m.scoped || f.Scope != "" && !strings.Contains(h.Host, ".")
	}
	if s.Host != "" && s.Host[0] != '#' && (s.Kind == inventory.KindDatabase || s.Kind == inventory.KindZooKeeper) && len(s.Nodes) == 0 &&
		slices.ContainsFunc(s.Hosts, func(h HostPort) bool { return Loopback(h.Host) }) {
		a.nodes(&m.infra.Nodes, []inventory.Node{{Name: s.Host, Machine: s.Host}}, telling{said: &m.said, base: "/nodes", here: a.witness(file, s.Place)})
	}
	if s.Labels != nil {
		m.labels = append(m.labels, s.Labels)
	}
	if m.instance == "" {
		m.instance = s.Instance
	}
	m.size = max(m.size, s.Members)
	if m.unknown == "" {
		m.unknown = s.Unknown
	}
	a.fill(m, &s.Infrastructure, file, s.Place)
	return m
}

// standardPort is the port meant where none is written; 0 where there is none.
func standardPort(s *Server) int {
	switch s.Kind {
	case inventory.KindZooKeeper:
		return 2181
	case inventory.KindInfluxDB:
		return 8086
	case inventory.KindDatabase:
		switch s.Engine {
		case inventory.EnginePostgreSQL, inventory.EngineAzurePostgreSQLFlexible:
			return 5432
		case inventory.EngineSQLServer, inventory.EngineAzureSQL:
			return 1433
		case inventory.EngineH2:
		}
	case inventory.KindLoadBalancer, inventory.KindStorage:
	}
	return 0
}

// join makes two infrastructures one, because a third file names both.
func (a *assembly) join(to, from *merged) {
	if from.existing && !to.existing {
		to, from = from, to
	}
	if from.existing {
		return // Two resources of the cloud are two, whatever a file calls them.
	}
	from.gone = to
	for _, h := range from.hosts {
		if !slices.Contains(to.hosts, h) {
			to.hosts = append(to.hosts, h)
		}
	}
	to.labels = append(to.labels, from.labels...)
	for _, d := range from.disputes {
		if !strings.HasPrefix(d.Path, "/nodes/") && !strings.HasPrefix(d.Path, "/pgpool/") { // the lists are joined by name
			to.disputes = append(to.disputes, d)
		}
	}
	to.scoped = to.scoped || from.scoped
	to.used = to.used || from.used
	to.size = max(to.size, from.size)
	to.named = to.named || from.named
	to.backends = append(to.backends, from.backends...)
	a.fill(to, &from.infra, from.file, from.place)
	if to.unknown == "" {
		to.unknown = from.unknown
	}
}

// fill completes an infrastructure from another description of it. Where two files disagree the better founded counts,
// else the first; provenance and a note name both places.
func (a *assembly) fill(m *merged, s *inventory.Infrastructure, file int, place Place) {
	to := &m.infra
	here := a.witness(file, place)
	differ := func(what, path string, own *string, other string) {
		before, there := *own, m.said.of(path)
		if dispute(&m.disputes, path, own, other, a.name(there), a.name(here)) {
			a.note(file, place, a.differs("the "+string(to.Kind)+" "+importer.Name(first(to.Name, to.ID, m.host())), what, other, before, there, *own), "correct the one that is out of date")
		}
	}
	text := func(what, path string, to *string, from string) {
		switch {
		case *to == "" && from != "":
			*to = from
			m.said.set(path, here)
		case from != "" && *to != from:
			differ(what, path, to, from)
		}
	}
	if to.ID == "" {
		to.ID = s.ID
	}
	if to.Name == "" {
		to.Name = s.Name
	}
	switch {
	case to.Engine == "":
		to.Engine = s.Engine
	case s.Engine != "" && to.Engine != s.Engine && (!to.Engine.Managed() || s.Engine.Managed()):
		if s.Engine.Managed() && !to.Engine.Managed() {
			to.Engine = s.Engine
		} else {
			differ("engine", "/engine", (*string)(&to.Engine), string(s.Engine))
		}
	}
	text("version", "/version", &to.Version, s.Version)
	text("protocol", "/protocol", &to.Protocol, s.Protocol)
	text("provider", "/placement/provider", &to.Placement.Provider, s.Placement.Provider)
	text("region", "/placement/region", &to.Placement.Region, s.Placement.Region)
	text("failover endpoint", "/failoverEndpoint", &to.FailoverEndpoint, s.FailoverEndpoint)
	text("edition", "/edition", (*string)(&to.Edition), string(s.Edition))
	if to.StorageGiB == 0 {
		to.StorageGiB = s.StorageGiB
	}
	if to.MaxConnections == 0 {
		to.MaxConnections = s.MaxConnections
	}
	if to.Redundant == nil {
		to.Redundant = s.Redundant
	}
	a.nodes(&to.Nodes, s.Nodes, telling{&m.said, "/nodes", here, differ})
	a.nodes(&to.PgPool, s.PgPool, telling{&m.said, "/pgpool", here, differ})
}

// nodes adds nodes to a list; those of one name are one.
func (a *assembly) nodes(list *[]inventory.Node, from []inventory.Node, t telling) {
	index := make(map[string]int, len(*list))
	for i := range *list {
		index[short((*list)[i].Name)] = i
	}
	for _, n := range from {
		i, known := index[short(n.Name)]
		if !known {
			index[short(n.Name)] = len(*list)
			if t.here != t.said.first {
				t.said.set(t.base+"/"+strconv.Itoa(len(*list)), t.here)
			}
			*list = append(*list, n)
			continue
		}
		have := &(*list)[i]
		if *have == n {
			continue // Replicas of a workload are described over and over.
		}
		have.Machine = first(have.Machine, n.Machine)
		for _, fact := range [...]struct {
			what, field string
			own         *string
			other       string
		}{
			{"role", "/role", &have.Role, n.Role},
			{"zone", "/placement/zone", &have.Placement.Zone, n.Placement.Zone},
			{"region", "/placement/region", &have.Placement.Region, n.Placement.Region},
			{"provider", "/placement/provider", &have.Placement.Provider, n.Placement.Provider},
			{"PlatformId", "/settings/platformId", &have.Settings.PlatformID, n.Settings.PlatformID},
		} {
			if fact.other == "" || *fact.own == fact.other {
				continue
			}
			path := t.base + "/" + strconv.Itoa(i) + fact.field
			if *fact.own == "" {
				*fact.own = fact.other
				t.said.set(path, t.here)
			} else {
				t.differ(fact.what+" of "+importer.Name(have.Name), path, fact.own, fact.other)
			}
		}
		if have.Settings.ClusterSettings == (inventory.ClusterSettings{}) {
			have.Settings.ClusterSettings = n.Settings.ClusterSettings
		}
		if have.CPU == 0 {
			have.CPU, have.MemoryGiB = n.CPU, n.MemoryGiB
		}
		if have.Settings.ThingworxPlatformShared == nil {
			have.Settings.ThingworxPlatformShared = n.Settings.ThingworxPlatformShared
		}
	}
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// aliases gives the names of services to what they stand for.
func (a *assembly) aliases() {
	for i := range a.fragments {
		for _, alias := range a.fragments[i].Aliases {
			if len(alias.Selector) == 0 {
				continue
			}
			for _, h := range alias.Hosts {
				key := a.fragments[i].Scope + " " + h.Host
				a.services[key] = append(a.services[key], alias.Selector)
			}
			for j := range a.fragments {
				if a.fragments[j].Scope != a.fragments[i].Scope {
					continue
				}
				for k := range a.fragments[j].Servers {
					s := &a.fragments[j].Servers[k]
					if selects(alias.Selector, s.Labels) {
						s.Hosts = append(s.Hosts, alias.Hosts...)
					}
				}
			}
		}
	}
}

func selects(selector, labels map[string]string) bool {
	if len(selector) == 0 || len(labels) == 0 {
		return false
	}
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// endpoints writes the addresses of what the document lists. An address that two of them have, because it means
// something only within its scope, is left out: it would make them one.
func (a *assembly) endpoints() {
	count := map[string]int{}
	for _, m := range a.servers {
		for _, h := range m.hosts {
			if m.gone == nil && m.scoped {
				count[string(m.infra.Kind)+h.Host]++
			}
		}
	}
	for _, m := range a.servers {
		if m.gone != nil || m.existing {
			continue
		}
		var hosts []HostPort
		for _, h := range m.hosts {
			if (!m.scoped || count[string(m.infra.Kind)+h.Host] < 2) && !m.longer(h) {
				hosts = append(hosts, h)
			}
		}
		if len(hosts) == 0 {
			continue
		}
		id := &m.infra.Identity
		switch {
		case m.infra.Kind == inventory.KindZooKeeper:
			id.Endpoint, id.Addresses = m.members(hosts)
		case m.instance != "":
			id.Endpoint = "jdbc:sqlserver://" + hosts[0].String() + ";instanceName=" + m.instance
		default:
			id.Endpoint = hosts[0].String()
		}
		if m.infra.Kind != inventory.KindZooKeeper {
			for _, h := range hosts[1:] {
				id.Addresses = append(id.Addresses, h.String())
			}
		}
	}
}

// members is the connect string of an ensemble: its nodes' addresses, or all that are known when none is a node's. Other
// names, such as that of a service in front, stand beside it.
func (m *merged) members(hosts []HostPort) (endpoint string, others []string) {
	var list []string
	for _, h := range hosts {
		if slices.ContainsFunc(m.infra.Nodes, func(n inventory.Node) bool { return short(n.Name) == short(h.Host) || n.Name == h.Host }) {
			list = append(list, h.String())
		} else {
			others = append(others, h.String())
		}
	}
	if len(list) == 0 {
		list, others = others, nil
	}
	slices.Sort(list)
	return strings.Join(list, ","), others
}

// longer reports whether the full name of a host that is written short is known too.
func (m *merged) longer(h HostPort) bool {
	return !strings.ContainsAny(h.Host, ".:") && slices.ContainsFunc(m.hosts, func(o HostPort) bool {
		return o.Port == h.Port && o.Host != h.Host && short(o.Host) == h.Host
	})
}
