package hostconfig

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

var (
	metaSection   = regexp.MustCompile(`(?m)^\s*\[meta\]`)
	influxVersion = regexp.MustCompile(`^(\d+\.\d+\.\d+)[-_]c\d+\.\d+\.\d+`)
)

// influxShow reads what influxd-ctl show prints: the data and meta nodes of InfluxDB Enterprise. The label az is the zone
// that the operator names.
func (r *reader) influxShow(data []byte) {
	r.report.Kind = "influxd-ctl show"
	r.out.Source = Source
	s := deployment.Server{Place: deployment.Place{Line: 1}}
	s.Kind, s.Edition = inventory.KindInfluxDB, inventory.EditionEnterprise
	role, versions := "", map[string]bool{}
	lines(data, func(n int, line string) {
		switch {
		case line == "Data Nodes":
			role = "data"
			return
		case line == "Meta Nodes":
			role = "meta"
			return
		case line == "" || strings.HasPrefix(line, "=") || role == "" || strings.HasPrefix(line, "ID") || strings.HasPrefix(line, "TCP Address"):
			return
		}
		fields := strings.Fields(line)
		if strings.Trim(fields[0], "0123456789") == "" {
			fields = fields[1:]
		}
		if len(fields) == 0 || len(s.Nodes) == maxMembers {
			return
		}
		h, ok := deployment.ParseHost(fields[0])
		if !ok {
			r.hidden(n, fields[0], "the address of a node is not known")
			return
		}
		node := inventory.Node{Name: h.Host, Role: role}
		for _, f := range fields[1:] {
			if m := influxVersion.FindStringSubmatch(f); m != nil && len(versions) < 2 {
				versions[m[1]] = true
			}
			if strings.HasPrefix(f, "#") {
				break
			}
		}
		var labels struct {
			AZ string `json:"az"`
		}
		if i := strings.LastIndexByte(line, '{'); i >= 0 && i+1 < len(line) && line[i+1] != '{' && json.Unmarshal([]byte(line[i:strings.LastIndexByte(line, '}')+1]), &labels) == nil {
			node.Placement.Zone = importer.Token(labels.AZ)
		}
		for i := range s.Nodes {
			if s.Nodes[i].Name == node.Name {
				// One machine in both roles: two nodes that fail together.
				s.Nodes[i].Machine, node.Machine = node.Name, node.Name
				label, _, _ := strings.Cut(node.Name, ".")
				node.Name = label + "-" + role
			}
		}
		s.Nodes = append(s.Nodes, node)
		if role == "data" {
			s.Hosts = append(s.Hosts, deployment.HostPort{Host: h.Host, Port: 8086})
		}
	})
	for v := range versions {
		if s.Version = v; len(versions) > 1 {
			s.Version = ""
			r.note(0, "", "the nodes run different versions")
		}
	}
	if len(s.Nodes) == 0 {
		r.report.Count("influxdb", importer.ClassContext)
		return
	}
	r.out.Servers = append(r.out.Servers, s)
}

// influxMeta reads influxdb-meta.conf, which is the file of a meta node of InfluxDB Enterprise; it tells that there is one.
func (r *reader) influxMeta(data []byte) {
	r.report.Kind = "influxdb-meta.conf"
	r.out.Source = Source
	s := deployment.Server{Place: deployment.Place{Line: 1}}
	s.Kind, s.Edition = inventory.KindInfluxDB, inventory.EditionEnterprise
	node := r.node("influxdb-meta")
	node.Role = "meta"
	lines(data, func(n int, line string) {
		key, value, ok := strings.Cut(line, "=")
		if strings.TrimSpace(key) != "hostname" || !ok {
			return
		}
		if h := deployment.Host(strings.Trim(strings.TrimSpace(value), `"'`)); h != "" && !deployment.Loopback(h) {
			node.Name, node.Machine = h, h
		}
	})
	s.Nodes = []inventory.Node{node}
	r.out.Servers = append(r.out.Servers, s)
}
