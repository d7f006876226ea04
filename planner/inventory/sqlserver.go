package inventory

import (
	"slices"
	"strconv"
	"strings"
)

const (
	sqlServer = "jdbc:sqlserver://"
	jtds      = "jdbc:jtds:sqlserver://"
	// defaultInstance is the name of the instance that has none.
	defaultInstance = "mssqlserver"
)

// bareSQLServer tells the notation of SQL Server's own tools: [tcp:]host[\instance][,port].
func bareSQLServer(s string) bool {
	if strings.Contains(s, `\`) {
		return true
	}
	host, port, ok := strings.Cut(s, ",")
	return ok && portOf(port) != 0 && portOf(host) == 0
}

func parseBareSQLServer(s string) endpoint {
	if scheme, rest, ok := strings.Cut(s, ":"); ok && slices.Contains([]string{"tcp", "np", "lpc", "admin"}, strings.ToLower(strings.TrimSpace(scheme))) {
		s = rest
	}
	address, port, _ := strings.Cut(dropUser(dropQuery(s)), ",")
	if portOf(port) != 0 {
		address += ":" + strings.TrimSpace(port)
	}
	return parseSQLServer(sqlServer, address)
}

// parseSQLServer reads host[\instance][:port][/database][;name=value…]. Host, instance, port and database may stand among the options too.
func parseSQLServer(prefix, rest string) endpoint {
	address, query, _ := strings.Cut(rest, ";")
	e := parseURL(prefix, dropUser(address))
	instance := ""
	for i, h := range e.hosts {
		if host, name, ok := strings.Cut(h.host, `\`); ok {
			e.hosts[i].host, instance = host, name
		}
	}
	var kept []string
	for _, o := range append(e.options, parseOptions(query, ";")...) {
		name, value, _ := strings.Cut(o, "=")
		switch strings.ToLower(name) {
		case "databasename", "database":
			kept = append(kept, "databaseName="+value)
		case "instancename", "instance":
			instance = value
		default:
			kept = append(kept, o)
		}
	}
	for part := range strings.SplitSeq(query, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "servername", "server":
			if len(e.hosts) == 0 {
				e.hosts = parseHosts(value)
				if len(e.hosts) > 0 {
					if host, name, ok := strings.Cut(e.hosts[0].host, `\`); ok {
						e.hosts[0].host, instance = host, name
					}
				}
			}
		case "portnumber", "port":
			if port, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && len(e.hosts) == 1 && e.hosts[0].port == 0 && port > 0 && port < 1<<16 {
				e.hosts[0].port = port
			}
		}
	}
	if database := strings.Trim(e.tail, "/"); database != "" {
		kept = append(kept, "databaseName="+database)
	}
	e.name(strings.ToLower(strings.TrimSpace(instance)))
	if e.instance != "" {
		kept = append(kept, "instanceName="+e.instance)
	}
	slices.Sort(kept)
	e.tail, e.options = "", slices.Compact(kept)
	return e
}

// name decides between instance and port. Microsoft's driver takes the port where both are given, and jTDS the instance; what is not
// taken says nothing about the server.
func (e *endpoint) name(instance string) {
	switch {
	case instance == "" || instance == defaultInstance:
	case e.prefix == jtds:
		e.instance = instance
		for i := range e.hosts {
			e.hosts[i].port = 0
		}
	case !slices.ContainsFunc(e.hosts, func(h hostPort) bool { return h.port != 0 }):
		e.instance = instance
	}
}
