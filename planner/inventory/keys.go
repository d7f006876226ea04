package inventory

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Keys returns the identities under which an infrastructure is known beyond its document, sorted: "arm:…" for a cloud resource,
// "zk:host:port" for each member of a ZooKeeper ensemble, "nfs:host" for storage, "host:name" for a load balancer and
// "host:name:port" for databases and InfluxDB. Two infrastructures of the same kind that share a key are one. Names that only mean
// something inside a site (no dot, loopback, private addresses, names of a container network) are prefixed "site/<id>|".
// The infrastructure need not be normalised.
func Keys(site string, i *Infrastructure) []string {
	var out []string
	if id := canonicalARM(i.Identity.ARMID); id != "" {
		out = append(out, "arm:"+id)
	}
	main, _ := readEndpoint(i.Identity.Endpoint, i.Kind, i.Engine)
	port := main.defaultPort(i.Kind, i.Engine)
	if len(main.hosts) > 0 && main.hosts[0].port != 0 {
		port = main.hosts[0].port
	}
	out = appendKeys(out, site, i.Kind, main, main.defaultPort(i.Kind, i.Engine))
	for _, a := range i.Identity.Addresses {
		// A further name of the same thing stands for the same port.
		e, _ := readEndpoint(a, i.Kind, i.Engine)
		out = appendKeys(out, site, i.Kind, e, port)
	}
	if i.FailoverEndpoint != "" {
		e, _ := readEndpoint(i.FailoverEndpoint, i.Kind, i.Engine)
		out = appendKeys(out, site, i.Kind, e, e.defaultPort(i.Kind, i.Engine))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func appendKeys(out []string, site string, kind InfrastructureKind, e endpoint, standard int) []string {
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
		switch {
		case kind == KindStorage:
			key = "nfs:" + name
		case kind == KindZooKeeper:
			key = "zk:" + name + ":" + strconv.Itoa(port)
		case kind != KindLoadBalancer && port != 0:
			key += ":" + strconv.Itoa(port)
		}
		if local(h.host) {
			key = "site/" + site + "|" + key
		}
		out = append(out, key)
	}
	return out
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
	if !strings.Contains(host, ".") {
		return true
	}
	for _, zone := range []string{".localhost", ".localdomain", ".cluster.local", ".svc", ".docker.internal", ".ec2.internal", ".internal.cloudapp.net"} {
		if strings.HasSuffix(host, zone) {
			return true
		}
	}
	return false
}

// canonicalARM is an Azure resource id in lower case, with one slash before it and none after it.
func canonicalARM(id string) string {
	id = strings.ToLower(strings.Trim(strings.TrimSpace(id), "/"))
	if id == "" {
		return ""
	}
	return "/" + id
}
