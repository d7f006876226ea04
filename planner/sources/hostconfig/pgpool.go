package hostconfig

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

var numbered = regexp.MustCompile(`^(backend_hostname|backend_port|backend_flag|other_pgpool_hostname|other_pgpool_port|hostname|pgpool_port)(\d{1,3})$`)

// Pgpool collects the settings of pgpool-II that tell places, from pgpool.conf or from variables of its image.
type Pgpool struct {
	backends map[int]*backend
	others   map[int]string
	delegate string
	port     int
}

type backend struct {
	host string
	port int
	flag string
	line int
}

// Set takes one setting; false when its value is not what it should be. Settings that tell no place are passed over.
func (p *Pgpool) Set(line int, key, value string) bool {
	switch key {
	case "port":
		p.port, _ = strconv.Atoi(value)
		return true
	case "delegate_ip", "delegate_ip_address":
		p.delegate = deployment.Host(value)
		return value == "" || p.delegate != ""
	}
	m := numbered.FindStringSubmatch(key)
	if m == nil {
		return true
	}
	n, _ := strconv.Atoi(m[2])
	if p.backends == nil {
		p.backends, p.others = map[int]*backend{}, map[int]string{}
	}
	if strings.HasPrefix(m[1], "backend_") && p.backends[n] == nil {
		p.backends[n] = &backend{line: line}
	}
	switch m[1] {
	case "backend_hostname":
		p.backends[n].host = deployment.Host(value)
		return p.backends[n].host != "" || strings.HasPrefix(value, "/") || value == ""
	case "backend_port":
		port, err := strconv.Atoi(value)
		p.backends[n].port = port
		return err == nil && port > 0 && port < 1<<16
	case "backend_flag":
		p.backends[n].flag = value
	case "other_pgpool_hostname", "hostname":
		p.others[n] = deployment.Host(value)
		return p.others[n] != "" || value == ""
	}
	return true
}

// Known reports whether a setting tells a place.
func Known(key string) bool {
	return key == "port" || key == "delegate_ip" || numbered.MatchString(key)
}

// Server is the PostgreSQL server behind pgpool-II; false when no backend is named. own is the node pgpool-II runs on.
func (p *Pgpool) Server(own inventory.Node) (deployment.Server, bool) {
	s := deployment.Server{}
	s.Kind, s.Engine = inventory.KindDatabase, inventory.EnginePostgreSQL
	ids := make([]int, 0, len(p.backends))
	for n := range p.backends {
		ids = append(ids, n)
	}
	slices.Sort(ids)
	port := p.port
	if port == 0 {
		port = 9999
	}
	if p.delegate != "" {
		s.FailoverEndpoint = p.delegate
		s.Hosts = append(s.Hosts, deployment.HostPort{Host: p.delegate, Port: port})
	}
	found := false
	for _, n := range ids {
		b := p.backends[n]
		if b.host == "" {
			continue
		}
		found = true
		if s.Line == 0 {
			s.Line = b.line
		}
		at := b.port
		if at == 0 {
			at = 5432
		}
		s.Hosts = append(s.Hosts, deployment.HostPort{Host: b.host, Port: at})
		if deployment.Loopback(b.host) {
			continue
		}
		node := inventory.Node{Name: b.host}
		if strings.Contains(strings.ToUpper(b.flag), "ALWAYS_PRIMARY") {
			node.Role = "primary"
		}
		s.Nodes = append(s.Nodes, node)
	}
	if own.Name != "" {
		s.PgPool = append(s.PgPool, own)
		if own.Machine != "" {
			s.Hosts = append(s.Hosts, deployment.HostPort{Host: own.Machine, Port: port})
		}
	}
	others := make([]int, 0, len(p.others))
	for n := range p.others {
		others = append(others, n)
	}
	slices.Sort(others)
	for _, n := range others {
		h := p.others[n]
		if h == "" || deployment.Loopback(h) || h == own.Name {
			continue
		}
		if own.Machine == "" && len(s.PgPool) == 1 && s.PgPool[0].Name == own.Name {
			s.PgPool = nil // The list names every node, the one whose file this is among them.
		}
		s.PgPool = append(s.PgPool, inventory.Node{Name: h})
		s.Hosts = append(s.Hosts, deployment.HostPort{Host: h, Port: port})
	}
	return s, found
}

// pgpool reads pgpool.conf. Lines that are commented out are the sample's and say nothing.
func (r *reader) pgpool(data []byte) {
	r.report.Kind = "pgpool.conf"
	r.out.Source = Source
	var p Pgpool
	hidden := false
	lines(data, func(n int, line string) {
		if line == "" || line[0] == '#' {
			return
		}
		key, value, ok := strings.Cut(line, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !ok {
			if k, v, space := strings.Cut(line, " "); space {
				key, value, ok = strings.ToLower(k), v, true // PostgreSQL's syntax allows to leave the equals sign out.
			}
		}
		if !ok {
			r.problem(n, "", "a line is neither a comment nor name = value", "correct the line")
			return
		}
		if !Known(key) {
			return
		}
		value = confValue(value)
		if expression(value) != "" {
			hidden = true
			r.hidden(n, value, key+" is not known")
			return
		}
		if !p.Set(n, key, value) {
			r.problem(n, "", key+" has a value that it cannot have", "correct the line")
		}
	})
	s, found := p.Server(r.node("pgpool"))
	if !found {
		if !hidden {
			r.note(0, "", "no backend is set: a sample, or backends by other means")
		}
		r.report.Count("pgpool", importer.ClassContext)
		return
	}
	s.Host = r.host
	r.out.Servers = append(r.out.Servers, s)
}

// confValue takes the value from what follows the equals sign: quoted or not, with a comment after it.
func confValue(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "'"); ok {
		value, _, _ := strings.Cut(rest, "'")
		return value
	}
	value, _, _ := strings.Cut(s, "#")
	return strings.TrimSpace(value)
}

var poolHead = regexp.MustCompile(`(?m)^\s*node_id\s*\|\s*hostname\s*\|`)

// poolNodes reads what SHOW POOL_NODES prints. The columns are split at their bars: cells may be wider than the heads.
func (r *reader) poolNodes(data []byte) {
	r.report.Kind = "SHOW POOL_NODES"
	r.out.Source = Source
	s := deployment.Server{}
	s.Kind, s.Engine = inventory.KindDatabase, inventory.EnginePostgreSQL
	var head []string
	wide := false
	lines(data, func(n int, line string) {
		if !strings.Contains(line, "|") {
			return
		}
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[0] == "node_id" {
			head, s.Line = cells, n
			return
		}
		if _, err := strconv.Atoi(cells[0]); err != nil || head == nil || len(s.Nodes) == maxMembers {
			return
		}
		if len(cells) != len(head) && !wide {
			wide = true
			r.problem(n, "", "the rows have other columns than the heading; only node and host were read", "copy the output whole")
		}
		if len(cells) < 3 {
			return
		}
		host := deployment.Host(cells[1])
		if strings.HasPrefix(cells[1], "/") {
			r.note(n, "", "a node is reached through a socket; its machine is the one of pgpool-II")
			return
		}
		if host == "" {
			r.problem(n, "", "a node's host name is none", "correct the row")
			return
		}
		port, _ := strconv.Atoi(cells[2])
		node := inventory.Node{Name: host}
		status := ""
		for i := range min(len(cells), len(head)) {
			switch head[i] {
			case "role":
				if !wide && (cells[i] == "primary" || cells[i] == "standby") {
					node.Role = cells[i]
				}
			case "status":
				status = cells[i]
			}
		}
		if status == "down" || status == "3" {
			r.note(n, "", "node "+importer.Quote(host)+" was down when the answer was given")
		}
		s.Nodes = append(s.Nodes, node)
		s.Hosts = append(s.Hosts, deployment.HostPort{Host: host, Port: port})
	})
	if len(s.Nodes) == 0 {
		r.note(0, "", "no node has a host name")
		r.report.Count("pgpool", importer.ClassContext)
		return
	}
	r.out.Servers = append(r.out.Servers, s)
}
