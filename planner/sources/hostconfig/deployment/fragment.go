// Package deployment assembles what configuration files, manifests and compose files say about ThingWorx into one
// SiteInventory: nodes of one cluster from several files, and infrastructure that several files name in different words,
// joined by identity. It reads no file and no clock, and completes what package importer made of cloud exports. The
// sources hostconfig, kubernetes and compose hand it fragments; `meridian import` calls Import with their readers.
package deployment

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Reader understands files of one kind of source. It keeps nothing from one file to the next.
type Reader func(f importer.File) (importer.FileReport, Fragment)

// Fragment is what one file says.
type Fragment struct {
	Source string // name in provenance and among the sources; "" when the file is none of the reader's
	Scope  string // names without a dot mean something only within it: a compose project, a namespace; "" is the site

	Foundations []Foundation
	Connections []Satellite // connection servers
	Ignites     []Satellite // Ignite nodes outside Foundation
	Servers     []Server
	Balancers   []Balancer
	Sightings   []Sighting
	Aliases     []Alias
	Open        []Open
}

// Place is a place in a file.
type Place struct {
	Line, Column int
	Pointer      string
}

// HostPort is a network address; port 0 is none given.
type HostPort struct {
	Host string
	Port int
}

func (h HostPort) String() string {
	host := h.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if h.Port == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(h.Port)
}

// Foundation is the configuration of one Foundation node, or of several equal ones.
type Foundation struct {
	Place
	Title     string // what the file calls it, for the id of its cluster; "" takes the ZooKeeper namespace or the database
	Workload  string // identity of a group of equal nodes; "" for the settings of a single node
	Labels    map[string]string
	Mounts    []string // names of the settings files of its own scope that a workload mounts
	Provides  string   // name under which a workload mounts these settings
	Clustered *bool
	Joins     bool                      // it coordinates with other nodes through ZooKeeper
	Cluster   inventory.Cluster         // environment, version, hosting, settings
	Nodes     []inventory.Node          // at least one, unless their number is not known
	HasIgnite bool                      // it uses Ignite
	Ignite    inventory.IgniteMode      // "" when not known
	Health    string                    // path of the readiness probe that takes a node out of its load balancer
	Extra     []inventory.ComponentKind // components of the cluster whose nodes are not known
	Uses      []Use
}

// Use is a tenancy with what it refers to.
type Use struct {
	inventory.Use
	Server  Server
	Mount   string            // of storage: the path inside a container, where Path is another one
	Unknown map[string]string // JSON key of the use, or "endpoint" of what is used, to the expression that hides the value
}

// Satellite is a connection server or separate Ignite nodes; they belong to the cluster whose ZooKeeper they name.
type Satellite struct {
	Place
	Name      string // for messages
	Nodes     []inventory.Node
	Labels    map[string]string
	ZooKeeper []HostPort
	BasePath  string
	Platform  string // host of Foundation, where a connection server names it and not ZooKeeper
}

// Server is an infrastructure as one file describes it or refers to it. ID is the id wanted, Identity stays empty.
type Server struct {
	Place
	inventory.Infrastructure
	Hosts    []HostPort
	Instance string // named instance of SQL Server
	Members  int    // of an ensemble, those that the file gives no host of among them; 0 is not known
	Labels   map[string]string
	Key      string // identity within the scope beside the network's: a compose service, a volume
	Host     string // machine on which loopback addresses are
	Unknown  string // expression that hides the address
}

// Balancer is a load balancer with what is behind it.
type Balancer struct {
	Server
	Backends []Backend
}

// Backend is a pool of a load balancer.
type Backend struct {
	Name      string
	Hosts     []HostPort
	ThingWorx bool // its name, path or health check says so
	Health    string
	Sticky    *bool
}

// Sighting is what a ZooKeeper server told about itself.
type Sighting struct {
	Place
	Host    string
	Role    string // leader | follower, "" when it stands alone
	Version string
}

// Open is something that could be part of a cluster and that nothing in the file assigns.
type Open struct {
	Place
	Type, Name, Reason, Remedy string
}

// Alias is a name under which other parts of the scope reach what carries the labels.
type Alias struct {
	Hosts    []HostPort
	Selector map[string]string
}

// Loopback reports whether a host is the machine itself.
func Loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasPrefix(host, "localhost.") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.Unmap().IsLoopback() || a.IsUnspecified())
}

// Host returns a host name or an address in canonical spelling, "" for anything else. Underscores are allowed, because
// container networks have them.
func Host(s string) string {
	s = strings.ToLower(strings.TrimRight(strings.TrimSpace(s), "."))
	if a := importer.Address(strings.Trim(s, "[]")); a != "" {
		return a
	}
	if strings.Trim(s, "0123456789.") == "" || importer.Host(strings.ReplaceAll(s, "_", "-")) == "" {
		return ""
	}
	return s
}

// ParseHost reads host, host:port and [address]:port; false for anything else.
func ParseHost(s string) (HostPort, bool) {
	s = strings.TrimSpace(s)
	host, port := s, ""
	switch i := strings.LastIndexByte(s, ':'); {
	case strings.HasPrefix(s, "["):
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return HostPort{}, false
		}
		host, port = s[1:end], strings.TrimPrefix(s[end+1:], ":")
		if port == "" && end+1 < len(s) {
			return HostPort{}, false
		}
	case i >= 0 && strings.Count(s, ":") == 1:
		host, port = s[:i], s[i+1:]
	}
	h := HostPort{Host: Host(host)}
	if port != "" {
		n, err := strconv.Atoi(strings.TrimSpace(port))
		if err != nil || n < 1 || n > 65535 {
			return HostPort{}, false
		}
		h.Port = n
	}
	return h, h.Host != ""
}

// maxHosts bounds the members of one connect string; ensembles have less than ten.
const maxHosts = 64

// ParseHosts reads a list of addresses separated by commas, with or without the chroot of a ZooKeeper connect string. It
// returns those that could be read and how many could not.
func ParseHosts(list string) (hosts []HostPort, odd int) {
	list, _, _ = strings.Cut(list, "/")
	for part := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		h, ok := ParseHost(part)
		if !ok || len(hosts) == maxHosts {
			odd++
			continue
		}
		hosts = append(hosts, h)
	}
	return hosts, odd
}

// short is the first label of a host name, by which files name machines; an address is whole.
func short(host string) string {
	host = strings.ToLower(host)
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}
