package hostconfig

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// proxy is one section of haproxy.cfg.
type proxy struct {
	kind     string // frontend | backend | listen | defaults
	name     string
	line     int
	binds    []deployment.HostPort
	servers  []deployment.HostPort
	names    []string // of the servers
	to       []string // backends of a frontend
	health   string
	sticky   *bool
	cookie   bool // inserted by HAProxy
	database bool
	product  bool // a path or a name of ThingWorx
}

// haproxy reads haproxy.cfg: what is behind each frontend, by which path it is checked, and whether sessions stick.
func (r *reader) haproxy(data []byte) {
	r.report.Kind = "haproxy.cfg"
	r.out.Source = Source
	var all []*proxy
	var at *proxy
	defaults := &proxy{}
	section := ""
	lines(data, func(n int, line string) {
		if i := strings.Index(line, " #"); i >= 0 {
			line = strings.TrimSpace(line[:i])
		}
		if line == "" || line[0] == '#' {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "mailers", "program", "cache", "http-errors", "ring", "fcgi-app", "log-forward", "crt-store", "acme":
			section, at = words[0], nil
			switch section {
			case "defaults":
				at = defaults
			case "frontend", "backend", "listen":
				if len(words) < 2 {
					r.problem(n, "", "a section has no name", "name it")
					words = append(words, section)
				}
				at = &proxy{kind: section, name: words[1], line: n, product: productName(words[1])}
				if len(all) == maxServers {
					r.problem(n, "", "more than "+strconv.Itoa(maxServers)+" sections; the rest was left out", "")
				}
				if len(all) < maxServers {
					all = append(all, at)
				}
			}
			return
		}
		if section == "" {
			r.problem(n, "", "a line stands before the first section", "make it a comment")
			return
		}
		if at != nil {
			r.directive(at, n, words, line)
		}
	})
	r.balancers(all, defaults)
}

// maxServers bounds the sections, and the servers of one.
const maxServers = 256

// productName reports whether a section is named after ThingWorx.
func productName(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "thingworx") || strings.Contains(name, "twx")
}

func (r *reader) directive(p *proxy, n int, words []string, line string) {
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch words[0] {
	case "bind":
		if h, ok := deployment.ParseHost(strings.TrimPrefix(arg(1), "*")); ok && !deployment.Loopback(h.Host) {
			p.binds = append(p.binds, h)
		}
	case "server", "server-template":
		r.serverLine(p, n, words, line)
	case "default_backend", "use_backend":
		p.to = append(p.to, arg(1))
	case "balance":
		p.stick(arg(1) == "source" || arg(1) == "hash", arg(1) == "roundrobin" || arg(1) == "leastconn")
	case "cookie":
		p.cookie = true
	case "stick", "stick-table", "appsession":
		p.stick(words[0] != "stick-table", false)
	case "option":
		switch arg(1) {
		case "httpchk":
			for _, w := range words[2:] {
				if strings.HasPrefix(w, "/") {
					p.health = w
				}
			}
		case "pgsql-check":
			p.database = true
		}
	case "http-check":
		if i := slices.Index(words, "uri"); i > 0 {
			p.health = arg(i + 1)
		}
	case "acl", "http-request":
		p.product = p.product || strings.Contains(strings.ToLower(line), "/thingworx")
	default:
		if (strings.Contains(words[0], "{{") || strings.HasPrefix(words[0], "{%")) && strings.Contains(line, "server") {
			r.problem(n, "", "the servers are not known, because a template writes them", "give the file with its values filled in")
		}
	}
	if p.health != "" && !pathLike(p.health, "/?=&%") {
		p.health = ""
		r.problem(n, "", "the path of the health check is none", "correct the line")
	}
	p.product = p.product || strings.HasPrefix(strings.ToLower(p.health), "/thingworx")
}

func (p *proxy) stick(yes, no bool) {
	switch {
	case yes:
		p.sticky = &yes
	case no && p.sticky == nil:
		var off bool
		p.sticky = &off
	}
}

func (r *reader) serverLine(p *proxy, n int, words []string, line string) {
	if len(words) < 3 {
		r.problem(n, "", "a server has no address", "correct the line")
		return
	}
	if expression(line) != "" || strings.Contains(line, "{{") {
		r.hidden(n, line, "the address of a server is not known")
		return
	}
	if strings.HasPrefix(words[2], "/") || strings.HasPrefix(words[2], "unix@") || strings.HasPrefix(words[2], "abns@") {
		return // Another process of the same HAProxy.
	}
	h, ok := deployment.ParseHost(strings.TrimPrefix(words[2], "ipv4@"))
	if !ok {
		r.problem(n, "", "the address of a server is none", "correct the line")
		return
	}
	if len(p.servers) == maxServers {
		return
	}
	p.servers = append(p.servers, h)
	name := strings.ToLower(words[1])
	p.names = append(p.names, name)
	p.database = p.database || strings.Contains(name, "postgres") || strings.Contains(name, "pgsql")
	p.product = p.product || productName(name)
	if slices.Contains(words[3:], "cookie") && p.cookie {
		p.stick(true, false)
	}
}

// balancers makes one load balancer of the sections that lead to web servers, and a database of those that lead to one.
func (r *reader) balancers(all []*proxy, defaults *proxy) {
	b := deployment.Balancer{}
	b.Kind = inventory.KindLoadBalancer
	paths := map[string]bool{}
	for _, p := range all {
		if p.product {
			for _, to := range p.to {
				paths[to] = true
			}
		}
	}
	for _, p := range all {
		if p.kind != "backend" || len(p.servers) == 0 {
			b.Hosts = append(b.Hosts, p.binds...)
		}
		if len(p.servers) == 0 {
			continue
		}
		if p.database {
			s := deployment.Server{Place: deployment.Place{Line: p.line}, Host: r.host}
			s.Kind, s.Engine, s.Hosts = inventory.KindDatabase, inventory.EnginePostgreSQL, p.servers
			for i, h := range p.servers {
				if !deployment.Loopback(h.Host) {
					s.Nodes = append(s.Nodes, inventory.Node{Name: first(deployment.Host(p.names[i]), h.Host)})
				}
			}
			if local := len(p.servers) - len(s.Nodes); local > 0 && r.host == "" {
				r.note(p.line, "", "servers of this section are on the machine of HAProxy itself, whose name the file does not tell; they are no nodes of the database in the inventory")
			}
			s.Hosts = append(slices.Clone(s.Hosts), p.binds...)
			r.out.Servers = append(r.out.Servers, s)
			continue
		}
		if b.Line == 0 {
			b.Line = p.line
		}
		back := deployment.Backend{Name: p.name, Hosts: p.servers, ThingWorx: p.product || paths[p.name], Health: first(p.health, defaults.health), Sticky: p.sticky}
		for _, name := range p.names {
			if h := deployment.Host(name); h != "" {
				back.Hosts = append(back.Hosts, deployment.HostPort{Host: h})
			}
		}
		if back.Sticky == nil {
			back.Sticky = defaults.sticky
		}
		if p.cookie && (back.Sticky == nil || !*back.Sticky) {
			r.note(p.line, "", "a cookie is set, but the servers have no cookie values, so that sessions do not stick")
		}
		b.Backends = append(b.Backends, back)
	}
	if len(b.Backends) == 0 {
		if len(r.out.Servers) == 0 {
			r.note(0, "", "no section leads to a server, so that nothing of the file is in the inventory")
		}
		r.report.Count("haproxy", importer.ClassContext)
		return
	}
	b.Name = "haproxy"
	b.Nodes = []inventory.Node{r.node("haproxy")}
	b.ID = first(r.host, "haproxy")
	if r.host != "" && len(b.Hosts) == 0 {
		b.Hosts = []deployment.HostPort{{Host: r.host}}
	}
	r.out.Balancers = append(r.out.Balancers, b)
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
