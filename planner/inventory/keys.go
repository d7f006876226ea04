package inventory

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Keys returns the identities under which an infrastructure is known beyond its document, sorted: "arm:…" for a cloud resource,
// "zk:host:port" for each member of a ZooKeeper ensemble, "nfs:host" for storage, "host:name" for a load balancer and
// "host:name:port" for databases and InfluxDB, "host:name\instance" for a SQL Server that is looked up by name. Two infrastructures
// of the same kind that share a key are one. Names that only mean something inside a site (no dot, loopback, private addresses, names
// of a container network) are prefixed "site/<id>|". The infrastructure need not be normalised.
func Keys(site string, i *Infrastructure) []string {
	var out []string
	if id := armServer(canonicalARM(i.Identity.ARMID)); id != "" {
		out = append(out, "arm:"+id)
	}
	main, _ := readEndpoint(i.Identity.Endpoint, i.Kind, i.Engine)
	port, instance := main.defaultPort(i.Kind, i.Engine), main.instance
	if len(main.hosts) > 0 && main.hosts[0].port != 0 {
		port = main.hosts[0].port
	}
	out = appendKeys(out, site, i.Kind, main, main.defaultPort(i.Kind, i.Engine), instance)
	for _, a := range i.Identity.Addresses {
		// A further name of the same thing stands for the same port, or the same instance.
		e, _ := readEndpoint(a, i.Kind, i.Engine)
		out = appendKeys(out, site, i.Kind, e, port, cmp.Or(e.instance, instance))
	}
	if i.FailoverEndpoint != "" {
		e, _ := readEndpoint(i.FailoverEndpoint, i.Kind, i.Engine)
		out = appendKeys(out, site, i.Kind, e, e.defaultPort(i.Kind, i.Engine), e.instance)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func appendKeys(out []string, site string, kind InfrastructureKind, e endpoint, standard int, instance string) []string {
	for _, h := range e.hosts {
		port := h.port
		if port == 0 {
			port = standard
		}
		name := publicName(h.host)
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		key := "host:" + name
		managed := managedPort(name)
		switch {
		case kind == KindStorage:
			key = "nfs:" + name
		case kind == KindZooKeeper:
			key = "zk:" + name + ":" + strconv.Itoa(port)
		case kind == KindLoadBalancer:
		case kind == KindDatabase && managed != 0:
			// The name is that of one server, whichever of its ports is used: its connection pool has one of its own.
			key += ":" + strconv.Itoa(managed)
		case h.port == 0 && instance != "":
			key += `\` + instance
		case port != 0:
			key += ":" + strconv.Itoa(port)
		}
		if local(h.host) {
			key = "site/" + site + "|" + key
		}
		out = append(out, key)
	}
	return out
}

// managedPort is the port of a database server that Azure runs, by the zone of its name; 0 for any other name.
func managedPort(name string) int {
	for _, cloud := range []string{".database.azure.com", ".database.chinacloudapi.cn", ".database.usgovcloudapi.net"} {
		if strings.HasSuffix(name, ".postgres"+cloud) {
			return portPostgreSQL
		}
	}
	for _, cloud := range []string{".database.windows.net", ".database.chinacloudapi.cn", ".database.usgovcloudapi.net"} {
		if strings.HasSuffix(name, cloud) {
			return portSQLServer
		}
	}
	return 0
}

// publicName undoes the label that Azure Private Link puts into a service's name: the private name is an alias of the public one.
func publicName(host string) string { return strings.Replace(host, ".privatelink.", ".", 1) }

// carrierNAT is the shared address space of RFC 6598.
func carrierNAT() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)
}

// local tells names and addresses that another site may use for something else.
func local(host string) bool {
	if addr, ok := parseAddr(host); ok {
		return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() || addr.IsMulticast() || carrierNAT().Contains(addr)
	}
	if !strings.Contains(host, ".") || strings.Trim(host, "0123456789.") == "" {
		return true // four numbers that are no address are a slip, which two sites may make alike
	}
	for _, zone := range []string{".localhost", ".localdomain", ".cluster.local", ".svc", ".docker.internal", ".ec2.internal", ".internal.cloudapp.net"} {
		if strings.HasSuffix(host, zone) {
			return true
		}
	}
	return false
}

// canonicalARM is an Azure resource id in lower case, with one slash before it and none after it. What a portal or an API writes
// before it and after it is left out.
func canonicalARM(id string) string {
	id = strings.ToLower(strings.TrimSpace(id))
	id, _, _ = strings.Cut(id, "?")
	if i := strings.Index(id, "/subscriptions/"); i > 0 {
		id = id[i:]
	}
	id = strings.Trim(trimSlash(id), "/")
	if id == "" {
		return ""
	}
	return "/" + id
}

// armServer cuts the id of a part, such as a database on a server or a share of an account, down to the server or account, which is
// what clusters share. Of other types each resource is one of its own.
func armServer(id string) string {
	parts := strings.Split(id, "/") // "", subscriptions, S, resourcegroups, G, providers, namespace, type, name, …
	if len(parts) < 10 || parts[5] != "providers" {
		return id
	}
	switch parts[6] + "/" + parts[7] {
	case "microsoft.dbforpostgresql/flexibleservers", "microsoft.dbforpostgresql/servers", "microsoft.sql/servers", "microsoft.sql/managedinstances",
		"microsoft.storage/storageaccounts", "microsoft.network/loadbalancers", "microsoft.network/applicationgateways":
		return strings.Join(parts[:9], "/")
	}
	return id
}
