package hostconfig

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
)

// ignite reads the Spring configuration of Ignite nodes: the ZooKeeper in which they register, and the path. The file may
// be a part of one, with elements left open.
func (r *reader) ignite(data []byte) {
	r.report.Kind = "Ignite configuration"
	r.out.Source = Source
	s := deployment.Satellite{Name: "ignite", Nodes: []inventory.Node{r.node("ignite")}, Place: deployment.Place{Line: 1}}
	if r.host == "" {
		s.Nodes = nil
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = true
	d.Entity = map[string]string{}
	found := false
	open := 0
	for tokens := 0; tokens < 100_000; tokens++ {
		t, err := d.Token()
		line, _ := d.InputPos()
		var syntax *xml.SyntaxError
		switch {
		case errors.Is(err, io.EOF):
		case errors.As(err, &syntax) && open > 0 && bytes.Count(data, []byte("\n"))+1 <= syntax.Line+1 && strings.Contains(syntax.Msg, "unexpected EOF"):
			r.problem(syntax.Line, "", "elements are not closed at the end; what stands before was read", "give the file whole")
		case err != nil:
			r.problem(line, "", "not XML from here on; what stands before was read", "correct the file at this place")
		}
		if err != nil {
			break
		}
		switch e := t.(type) {
		case xml.StartElement:
			if open++; open > 64 {
				r.problem(line, "", "nested deeper than 64", "")
				tokens = 100_000
			}
			found = r.property(&s, e, line) || found
		case xml.EndElement:
			open--
		}
	}
	if !found {
		r.note(0, "", "the nodes do not find each other through ZooKeeper, or its settings stand elsewhere")
	}
	r.out.Ignites = append(r.out.Ignites, s)
}

// property reads <property name="…" value="…"/> of the discovery.
func (r *reader) property(s *deployment.Satellite, e xml.StartElement, line int) bool {
	name, value := "", ""
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "name":
			name = a.Value
		case "value":
			value = strings.TrimSpace(a.Value)
		}
	}
	if e.Name.Local != "property" || name != "zkConnectionString" && name != "basePath" || value == "" {
		return false
	}
	s.Line = line
	if expression(value) != "" {
		r.hidden(line, value, name+" is not known")
		return true
	}
	if name == "basePath" {
		if s.BasePath = value; !pathLike(value, "/") {
			s.BasePath = ""
			r.problem(line, "", "basePath is no path", "correct the line")
		}
		return true
	}
	hosts, odd := deployment.ParseHosts(value)
	s.ZooKeeper = hosts
	if odd > 0 {
		r.problem(line, "", "a part of zkConnectionString is no address", "correct the line")
	}
	return true
}

// connection reads the configuration of a connection server (HOCON): cx-server.discovery.connectionString and basePath,
// and the address of Foundation. Keys may be nested or dotted. Source of the keys: PTC Help Center, Connection Services,
// Service Discovery Configuration.
func (r *reader) connection(data []byte) {
	r.report.Kind = "connection server configuration"
	r.out.Source = Source
	s := deployment.Satellite{Name: "connection server", Place: deployment.Place{Line: 1}, Nodes: []inventory.Node{r.node("connection-server")}}
	var path []string
	lines(data, func(n int, line string) {
		if i := strings.Index(line, "//"); i == 0 || i > 0 && line[i-1] == ' ' {
			line = strings.TrimSpace(line[:i])
		}
		if line == "" || line[0] == '#' {
			return
		}
		for line != "" {
			i := strings.IndexAny(line, "{}=:\"")
			if i < 0 {
				return
			}
			switch line[i] {
			case '}':
				if line = line[i+1:]; len(path) > 0 {
					path = path[:len(path)-1]
				}
				continue
			case '{':
				key := strings.Trim(strings.TrimSpace(line[:i]), `"=: `)
				if len(path) < 64 {
					path = append(path, key)
				}
				line = line[i+1:]
				continue
			}
			key, rest := line, ""
			if k := strings.IndexAny(line, "=:"); k >= 0 && !strings.Contains(line[:k], "{") {
				key, rest = line[:k], strings.TrimSpace(line[k+1:])
				key = strings.TrimRight(key, "+ ")
			}
			if strings.HasPrefix(rest, "{") {
				line = strings.Trim(strings.TrimSpace(key), `"`) + rest
				continue
			}
			value := rest
			line = ""
			if after, ok := strings.CutPrefix(value, `"`); ok {
				value, line, _ = strings.Cut(after, `"`)
			} else if j := strings.IndexAny(value, " }#"); j >= 0 && expression(value) == "" {
				value, line = value[:j], value[j:]
			}
			full := append(append([]string{}, path...), strings.Trim(strings.TrimSpace(key), `"`))
			r.connectionKey(&s, n, strings.ToLower(strings.Join(full, ".")), value)
		}
	})
	r.out.Connections = append(r.out.Connections, s)
}

func (r *reader) connectionKey(s *deployment.Satellite, n int, key, value string) {
	switch key {
	case "cx-server.discovery.connectionstring", "cx-server.discovery.basepath", "cx-server.transport.websockets.platform-endpoint", "cx-server.transport.websockets.platform.endpoint":
	default:
		return
	}
	s.Line = n
	if expression(value) != "" {
		r.hidden(n, value, "the setting is not known")
		return
	}
	switch {
	case strings.HasSuffix(key, "connectionstring"):
		hosts, odd := deployment.ParseHosts(value)
		s.ZooKeeper = hosts
		if odd > 0 {
			r.problem(n, "", "a part of connectionString is no address", "correct the line")
		}
	case strings.HasSuffix(key, "basepath"):
		if s.BasePath = value; !pathLike(value, "/") {
			s.BasePath = ""
			r.problem(n, "", "basePath is no path", "correct the line")
		}
	default:
		_, rest, _ := strings.Cut(value, "://")
		address, _, _ := strings.Cut(dropUser(rest), "/")
		if h, ok := deployment.ParseHost(address); ok {
			s.Platform = h.Host
		}
	}
}
