package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/loose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

func (s *service) foundation() {
	v := s.variables()
	f := v.Foundation(s.image.Engine)
	f.Place, f.Title, f.Nodes = s.place(), s.project, s.nodes()
	f.Cluster.ThingworxVersion = s.image.Version
	if len(f.Nodes) > 1 {
		f.Workload = s.name
	} else if len(f.Nodes) == 1 {
		f.Nodes[0].Settings.PlatformID = v.PlatformID()
	}
	if from := s.v.Get("env_file"); from != nil {
		s.problem(from, s.pointer+"/env_file", "variables of another file are not read here, and what they set stays unknown", "give the file as docker compose config prints it")
	}
	if s.v.Has("extends") {
		s.problem(s.v.Get("extends"), s.pointer+"/extends", "what the service takes from another one is not read", "give the file as docker compose config prints it")
	}
	if m := s.mount("/ThingworxStorage"); m != nil {
		f.Uses = append(f.Uses, s.storage(m))
	}
	if m := s.mount("/ThingworxPlatform"); m != nil && len(f.Nodes) > 1 {
		shared := true
		for i := range f.Nodes {
			f.Nodes[i].Settings.ThingworxPlatformShared = &shared
		}
	}
	s.out.Foundations = append(s.out.Foundations, f)
}

// mounted is a volume of a service: a name, or a folder of the machine.
type mounted struct {
	v    *loose.Value
	from string
}

// mount finds what is mounted at a path, nil when nothing is.
func (s *service) mount(target string) *mounted {
	list := s.v.Get("volumes")
	for i := range list.Len() {
		v := list.At(i)
		from, to := v.Get("source").Text(), v.Get("target").Text()
		if v.Kind() == loose.Text {
			// source:target[:mode]; the source of Windows has a colon of its own.
			text := v.Text()
			at := strings.Index(text, ":/")
			if at < 0 {
				continue
			}
			from, to = text[:at], text[at+1:]
			to, _, _ = strings.Cut(to, ":")
		}
		if strings.TrimRight(to, "/") == target {
			return &mounted{v, from}
		}
	}
	return nil
}

// storage is the volume with Foundation's files. Two services that mount one volume share it.
func (s *service) storage(m *mounted) deployment.Use {
	u := deployment.Use{Use: inventory.Use{As: inventory.AsStorage, Path: "/ThingworxStorage"}}
	line, column := m.v.Place()
	u.Server.Kind = inventory.KindStorage
	u.Server.Place = deployment.Place{Line: line, Column: column, Pointer: s.pointer + "/volumes"}
	if hostconfig.Expression(m.from) == "" {
		u.Server.Key = m.from
	} else {
		u.Server.Unknown = hostconfig.Expression(m.from)
		s.problem(m.v, s.pointer+"/volumes", "the source of a volume is not known: it is the expression "+u.Server.Unknown, "give the file as docker compose config prints it")
	}
	return u
}

func (s *service) connection() {
	c := deployment.Satellite{Place: s.place(), Name: s.name, Nodes: s.nodes()}
	v := s.variables()
	if value, line, ok := s.get("SERVICE_DISCOVERY_ENDPOINT"); ok && value != "" {
		if e := hostconfig.Expression(value); e != "" {
			v.Problem(line, "SERVICE_DISCOVERY_ENDPOINT", "SERVICE_DISCOVERY_ENDPOINT is not known: it is the expression "+e)
		} else {
			hosts, odd := deployment.ParseHosts(value)
			if c.ZooKeeper = hosts; odd > 0 {
				v.Problem(line, "SERVICE_DISCOVERY_ENDPOINT", "SERVICE_DISCOVERY_ENDPOINT holds a part that is no address")
			}
		}
	}
	s.out.Connections = append(s.out.Connections, c)
}

// zookeeper keeps a server until all are known: which of them are one ensemble is told by ZOO_SERVERS, or by ids of
// their own.
func (s *service) zookeeper(aliases []string) {
	k := keeper{server: s.server(inventory.KindZooKeeper, aliases)}
	k.id, _, _ = s.get("ZOO_MY_ID")
	for _, name := range []string{"ZOO_SERVERS", "ZOO_SERVER_LIST"} {
		value, line, _ := s.get(name)
		if value == "" {
			continue
		}
		if e := hostconfig.Expression(value); e != "" {
			s.variables().Problem(line, name, name+" is not known: it is the expression "+e)
			continue
		}
		for _, member := range strings.FieldsFunc(value, func(c rune) bool { return c == ' ' || c == ',' }) {
			_, after, ok := strings.Cut(member, "=")
			if !ok {
				after = member
			}
			host, _, _ := strings.Cut(after, ":")
			if h := deployment.Host(host); h != "" && !deployment.Loopback(h) {
				k.listed = true
				k.server.Hosts = append(k.server.Hosts, deployment.HostPort{Host: h})
			}
		}
	}
	s.keepers = append(s.keepers, k)
}

// ensembles joins the servers with ids of their own to one ensemble; the members that a server names join by name.
func (r *reader) ensembles() {
	ids := map[string]bool{}
	twice := false
	for _, k := range r.keepers {
		twice = twice || k.id != "" && ids[k.id]
		ids[k.id] = true
	}
	var one *deployment.Server
	for i := range r.keepers {
		k := &r.keepers[i]
		if twice || k.id == "" || k.listed || len(r.keepers) < 2 {
			r.out.Servers = append(r.out.Servers, k.server)
			continue
		}
		if one == nil {
			one = &k.server
			one.ID = importer.Slug(r.project + "-zookeeper")
			continue
		}
		one.Hosts = append(one.Hosts, k.server.Hosts...)
		one.Nodes = append(one.Nodes, k.server.Nodes...)
	}
	if one != nil {
		r.report.Note(document.Problem{Line: one.Line, What: "the ZooKeeper servers with ids of their own (ZOO_MY_ID) were taken for one ensemble"})
		r.out.Servers = append(r.out.Servers, *one)
	}
}

// pgpool reads the backends of pgpool-II from the variables of its images.
func (s *service) pgpool(aliases []string) {
	var p hostconfig.Pgpool
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		key, ok := strings.CutPrefix(name, "PGPOOL_PARAMS_")
		if key = strings.ToLower(key); !ok || !hostconfig.Known(key) {
			continue
		}
		value, line, _ := s.get(name)
		if e := hostconfig.Expression(value); e != "" {
			s.variables().Problem(line, name, name+" is not known: it is the expression "+e)
		} else if !p.Set(line, key, value) {
			s.variables().Problem(line, name, name+" has a value that it cannot have")
		}
	}
	if list, line, _ := s.get("PGPOOL_BACKEND_NODES"); list != "" {
		for part := range strings.SplitSeq(list, ",") {
			n, address, _ := strings.Cut(strings.TrimSpace(part), ":")
			host, port, _ := strings.Cut(address, ":")
			port, _, _ = strings.Cut(port, ":")
			if !p.Set(line, "backend_hostname"+n, host) || port != "" && !p.Set(line, "backend_port"+n, port) {
				s.variables().Problem(line, "PGPOOL_BACKEND_NODES", "PGPOOL_BACKEND_NODES holds a part that is no backend")
			}
		}
	}
	nodes := s.nodes()
	own := inventory.Node{}
	if len(nodes) > 0 {
		own = nodes[0]
		own.Machine = ""
	}
	x, _ := p.Server(own)
	names := s.server(inventory.KindDatabase, aliases)
	x.Place, x.Key, x.ID, x.PgPool = s.place(), s.name, names.ID, nodes
	for _, h := range names.Hosts {
		x.Hosts = append(x.Hosts, deployment.HostPort{Host: h.Host, Port: 5432}, deployment.HostPort{Host: h.Host, Port: 9999})
	}
	s.out.Servers = append(s.out.Servers, x)
}
