package facts

import (
	"path"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// AtLeast compares a ThingWorx version such as 9.6.2 or 10.1.0-b12 with major.minor. known is false when v is not a version.
func AtLeast(v string, major, minor int) (yes, known bool) {
	a, b, ok := MajorMinor(v)
	return a > major || a == major && b >= minor, ok
}

// MajorMinor reads the first two numbers of a version; a version of one number has the minor 0.
func MajorMinor(v string) (major, minor int, ok bool) {
	first, rest, dotted := strings.Cut(strings.TrimPrefix(strings.TrimSpace(v), "v"), ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		return 0, 0, false
	}
	if !dotted {
		return major, 0, true
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	minor, err = strconv.Atoi(rest[:end])
	return major, minor, err == nil
}

// Ensemble returns the number of ZooKeeper servers: the nodes listed, or else the hosts of a connect string of several.
// A connect string of one host says nothing: it may be one server or a name that stands for all.
func Ensemble(i *inventory.Infrastructure) (int, bool) {
	if n := len(i.Nodes); n > 0 {
		return n, true
	}
	hosts, _, _ := strings.Cut(i.Identity.Endpoint, "/")
	n := 0
	for h := range strings.SplitSeq(hosts, ",") {
		if strings.TrimSpace(h) != "" {
			n++
		}
	}
	return n, n > 1
}

// Namespace returns the path under which a tenant lives in its ZooKeeper: the chroot of the connect string and ZKNamespace,
// without leading and trailing slashes. "" means the root. Before ThingWorx 9.3.0 an unset ZKNamespace is "ThingWorx"
// (PTC, platform settings for ThingWorx HA).
func Namespace(t *Tenant) string {
	ns := ZKNamespace(t.Use.Namespace, t.Cluster.ThingworxVersion)
	chroot := ""
	if t.Infra != nil {
		_, chroot, _ = strings.Cut(t.Infra.Identity.Endpoint, "/")
	}
	return strings.Trim(strings.Trim(chroot, "/ ")+"/"+ns, "/")
}

// ZKNamespace returns a ZKNamespace without slashes around it, or the default of the version when it is not set.
func ZKNamespace(ns, version string) string {
	ns = strings.Trim(strings.TrimSpace(ns), "/")
	if ns == "" {
		if later, known := AtLeast(version, 9, 3); known && !later {
			return "ThingWorx"
		}
	}
	return ns
}

// IgnitePath returns the path under which a tenant's Ignite nodes register, without slashes around it. The default is
// "services" (Apache Ignite, TcpDiscoveryZookeeperIpFinder).
func IgnitePath(t *Tenant) string {
	p := t.Use.IgniteBasePath
	if p == "" {
		p = separateIgnitePath(t.Cluster)
	}
	if p = strings.Trim(strings.TrimSpace(p), "/"); p == "" {
		p = DefaultIgnitePath
	}
	if t.Infra != nil {
		if _, chroot, _ := strings.Cut(t.Infra.Identity.Endpoint, "/"); chroot != "" {
			return strings.Trim(chroot, "/ ") + "/" + p
		}
	}
	return p
}

// DefaultIgnitePath is where Ignite nodes register when no base path is set.
const DefaultIgnitePath = "services"

// Database returns the name of a tenant's database, from its use or from the JDBC URL of the infrastructure; "" when not known.
func Database(t *Tenant) string {
	if t.Use.Database != "" || t.Infra == nil {
		return t.Use.Database
	}
	_, rest, jdbc := strings.Cut(t.Infra.Identity.Endpoint, "://")
	if !jdbc {
		return ""
	}
	_, name, _ := strings.Cut(rest, "/")
	name, _, _ = strings.Cut(name, "?")
	return name
}

// StoragePath returns the path of a tenant's storage from the root of the file server: its path lies below the export that
// the endpoint names unless it repeats it. "" when not known.
func StoragePath(t *Tenant) string {
	p := strings.TrimSpace(t.Use.Path)
	export := ""
	if t.Infra != nil {
		export = exportOf(t.Infra.Identity.Endpoint)
		if strings.EqualFold(t.Infra.Protocol, "smb") {
			p, export = strings.ToLower(strings.ReplaceAll(p, `\`, "/")), strings.ToLower(export)
		}
	}
	if p == "" {
		return ""
	}
	if addressed(p) {
		return exportOf(p)
	}
	p = path.Clean("/" + p)
	if export == "/" || within(p, export) {
		return p
	}
	return path.Join(export, p)
}

// addressed reports whether a path names its file server, as in host:/path, //host/path and scheme://host/path. The letter of a
// drive is no server.
func addressed(p string) bool {
	p = strings.ReplaceAll(p, `\`, "/")
	colon := strings.IndexByte(p, ':')
	return strings.HasPrefix(p, "//") || colon > 1 && strings.HasPrefix(p[colon:], ":/") && !strings.Contains(p[:colon], "/")
}

// Overlap reports whether two paths are the same or one lies in the other.
func Overlap(a, b string) bool { return within(a, b) || within(b, a) }

func within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir) && len(p) > len(dir) && p[len(dir)] == '/'
}

// exportOf returns the path part of host:/path, //host/path, scheme://host/path or host/path; "/" when there is none.
func exportOf(endpoint string) string {
	e := strings.ReplaceAll(strings.TrimSpace(endpoint), `\`, "/")
	if _, rest, ok := strings.Cut(e, "://"); ok {
		e = rest
	}
	_, p, _ := strings.Cut(strings.TrimLeft(e, "/"), "/")
	return path.Clean("/" + p)
}

// DefaultConnections returns the default max_connections of a Flexible Server SKU, from Microsoft's limits page.
func DefaultConnections(sku string) (int, bool) {
	name := strings.ToLower(sku)
	if _, rest, ok := strings.Cut(name, "standard_"); ok {
		name = rest
	}
	switch name {
	case "b1ms":
		return 50, true
	case "b2s":
		return 429, true
	case "b2ms":
		return 859, true
	}
	series, cores := inventory.FlexibleSKU(sku)
	switch {
	case series == 'D' && cores == 2:
		return 859, true
	case series == 'D' && cores == 4, series == 'E' && cores == 2:
		return 1718, true
	case series == 'D' && cores == 8, series == 'E' && cores == 4:
		return 3437, true
	case series == 'D' && cores >= 16 && cores <= 96:
		return 5000, true
	}
	return 0, false
}
