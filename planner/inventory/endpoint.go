package inventory

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Default ports of what an inventory may name.
const (
	portZooKeeper  = 2181
	portPostgreSQL = 5432
	portSQLServer  = 1433
	portInfluxDB   = 8086
	portNFS        = 2049
)

// hostPort is one address; port 0 means that none was written.
type hostPort struct {
	host string
	port int
}

// endpoint is a network address in any of the notations people use, taken apart.
type endpoint struct {
	prefix  string // what stands before the hosts: "", "jdbc:postgresql://", "https://", `\\`
	hosts   []hostPort
	tail    string   // path, database, chroot or export, with the separator before it
	options []string // name=value, harmless ones only, sorted; written the way the prefix demands
	// instance is the named instance of SQL Server that is looked up by its name, "" where a port decides.
	instance string
	raw      string // what is no address at all, such as jdbc:h2:file:/data; the rest is empty then
}

// harmless lists the connection options kept. All others could hold a secret, now or in a later driver.
func harmless(option string) bool {
	switch strings.ToLower(option) {
	case "ssl", "sslmode", "encrypt", "targetservertype", "loadbalancehosts", "databasename", "database", "instancename", "instance",
		"failoverpartner", "multisubnetfailover", "applicationintent", "currentschema", "trustservercertificate", "vers", "nconnect":
		return true
	}
	return false
}

// parseEndpoint never fails: what it does not understand comes back as it is, without anything secret.
func parseEndpoint(s string, kind InfrastructureKind) endpoint {
	s = strings.TrimSpace(s)
	e := takeApart(s, kind)
	if e.raw != "" || s == "" || e.plausible() {
		return e
	}
	if bare := strings.TrimSpace(dropUser(dropQuery(s))); bare != s {
		return parseEndpoint(bare, kind)
	}
	return endpoint{raw: s}
}

// plausible reports whether there is a host, and every host could be one.
func (e endpoint) plausible() bool {
	for _, h := range e.hosts {
		if strings.ContainsFunc(h.host, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_' && r != ':' && r < 0x80
		}) {
			return false
		}
		if _, ok := parseAddr(h.host); !ok && (strings.Contains(h.host, ":") || strings.Trim(h.host, ".-_") == "") {
			return false
		}
	}
	return len(e.hosts) > 0
}

func takeApart(s string, kind InfrastructureKind) endpoint {
	lower := strings.ToLower(s)
	switch {
	case s == "":
		return endpoint{}
	case strings.HasPrefix(lower, "jdbc:"):
		return parseJDBC(s)
	case strings.Contains(s, "://"):
		scheme, rest, _ := strings.Cut(s, "://")
		return parseURL(strings.ToLower(scheme)+"://", rest)
	case strings.HasPrefix(s, `\\`):
		if long := `\\?\unc\`; strings.HasPrefix(lower, long) {
			s = `\\` + s[len(long):]
		}
		host, path, _ := strings.Cut(s[2:], `\`)
		// WebDAV writes host@SSL@port.
		if server, rest, ok := strings.Cut(host, "@"); ok && strings.HasPrefix(strings.ToLower(rest)+"@", "ssl@") {
			host = server
		}
		e := endpoint{prefix: `\\`, hosts: parseHosts(dropUser(host))}
		if path = strings.Trim(path, `\`); path != "" {
			e.tail = `\` + path
		}
		return e
	case strings.HasPrefix(s, "//"):
		return parseURL("//", s[2:])
	case kind == KindStorage:
		return parseExport(s)
	case kind == KindZooKeeper:
		return parseURL("", oneChroot(s))
	case kind == KindDatabase && bareSQLServer(s):
		return parseBareSQLServer(s)
	}
	return parseURL("", s)
}

// oneChroot writes the chroot of a connect string once, behind the last member, where some repeat it behind each.
func oneChroot(s string) string {
	members := strings.Split(s, ",")
	chroot := ""
	for i, m := range members {
		host, path, ok := strings.Cut(m, "/")
		switch {
		case ok:
			members[i], chroot = host, "/"+path
		case chroot != "" && !strings.Contains(m, ":"):
			return s // a comma within the chroot
		}
	}
	return strings.Join(members, ",") + chroot
}

// parseExport reads host:/export and host:export, the notation of NFS mounts; an address in brackets is one of IPv6.
func parseExport(s string) endpoint {
	if strings.HasPrefix(s, "/") {
		return endpoint{raw: trimSlash(s)}
	}
	at := strings.Index(s, ":/")
	if at < 0 {
		return parseURL("", s)
	}
	if i := strings.LastIndexByte(s, '@'); i > at && strings.Contains(s[i:], ":/") {
		return parseExport(s[i+1:])
	}
	return endpoint{hosts: parseHosts(dropUser(s[:at])), tail: ":" + trimSlash(dropQuery(s[at+1:]))}
}

// parseURL reads hosts[/path][?options] with optional user info, after the scheme.
func parseURL(prefix, rest string) endpoint {
	e := endpoint{prefix: prefix}
	rest = dropUserInfo(rest)
	authority := rest
	if i := strings.IndexAny(rest, "/?;#"); i >= 0 {
		authority, rest = rest[:i], rest[i:]
	} else {
		rest = ""
	}
	e.hosts = parseHosts(authority)
	path, query := rest, ""
	if i := strings.IndexAny(rest, "?;#"); i >= 0 {
		path, query = rest[:i], rest[i+1:]
	}
	e.tail = trimSlash(path)
	e.options = parseOptions(query, "&;#")
	return e
}

// parseJDBC reads the URLs of the PostgreSQL, SQL Server and jTDS drivers, and others of the same shape.
func parseJDBC(s string) endpoint {
	s = s[len("jdbc:"):]
	at := strings.Index(s, "//")
	if at < 0 {
		// jdbc:postgresql:database is the local host; a file of H2 has no host.
		name, rest, _ := strings.Cut(s, ":")
		rest = dropQuery(rest)
		if strings.EqualFold(name, "postgresql") {
			return endpoint{prefix: "jdbc:postgresql://", hosts: []hostPort{{host: "localhost"}}, tail: "/" + strings.Trim(rest, "/")}
		}
		return endpoint{raw: "jdbc:" + strings.ToLower(name) + ":" + dropUser(rest)}
	}
	prefix := "jdbc:" + strings.ToLower(s[:at]) + "//"
	if !strings.Contains(prefix, "sqlserver") {
		return parseURL(prefix, s[at+2:])
	}
	return parseSQLServer(prefix, s[at+2:])
}

func parseOptions(query, separators string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if ok && harmless(name) && !strings.ContainsAny(value, "@{}") {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func parseHosts(list string) []hostPort {
	var out []hostPort
	for part := range strings.SplitSeq(list, ",") {
		if h := parseHost(part); h.host != "" {
			out = append(out, h)
		}
	}
	return out
}

// parseHost reads host, host:port, an IPv6 address with or without brackets and port, and ZooKeeper's host:port:port:role,
// whose ports are those between the members and not the one of clients.
func parseHost(s string) hostPort {
	s = strings.TrimSpace(s)
	if addr, ok := parseAddr(s); ok {
		return hostPort{host: addr.Unmap().WithZone("").String()}
	}
	if inner, rest, ok := strings.Cut(strings.TrimPrefix(s, "["), "]"); ok && strings.HasPrefix(s, "[") {
		return hostPort{host: canonicalHost(inner), port: portOf(strings.TrimPrefix(rest, ":"))}
	}
	host, rest, _ := strings.Cut(s, ":")
	port, peer, _ := strings.Cut(rest, ":")
	if peer != "" {
		port = ""
	}
	return hostPort{host: canonicalHost(host), port: portOf(port)}
}

// parseAddr reads an IP address. Most hosts are names, of which netip would make an error each.
func parseAddr(s string) (netip.Addr, bool) {
	if strings.IndexByte(s, ':') < 0 && strings.Trim(s, "0123456789.") != "" {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(s)
	return addr, err == nil
}

func portOf(s string) int {
	if s == "" {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || port <= 0 || port >= 1<<16 {
		return 0
	}
	return port
}

// canonicalHost is lower case without the final dot of a fully qualified name; addresses are in their shortest form.
func canonicalHost(s string) string {
	s = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), "."))
	if addr, ok := parseAddr(s); ok {
		return addr.Unmap().WithZone("").String()
	}
	return s
}

// dropUserInfo leaves out what stands before the hosts of a URL. A password may hold any character, even an unescaped one
// that ends the user info by the standard, and so the last @ counts, unless it belongs to the value of an option.
func dropUserInfo(s string) string {
	if options := strings.IndexAny(s, "?;"); options >= 0 {
		if at := strings.LastIndexByte(s, '@'); at > options && strings.Contains(s[options:at], "=") {
			return dropUser(s[:options]) + s[options:]
		}
	}
	return dropUser(s)
}

// dropUser leaves out user info: everything up to the last @.
func dropUser(s string) string { return s[strings.LastIndexByte(s, '@')+1:] }

func dropQuery(s string) string {
	if i := strings.IndexAny(s, "?;#"); i >= 0 {
		return s[:i]
	}
	return s
}

// trimSlash makes /export/ and /export//a one spelling with /export and /export/a.
func trimSlash(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return strings.TrimRight(path, "/")
}

// defaultPort is the port meant where none is written.
func (e endpoint) defaultPort(kind InfrastructureKind, engine Engine) int {
	switch scheme := strings.TrimSuffix(strings.TrimPrefix(e.prefix, "jdbc:"), "://"); {
	case scheme == "http":
		return 80
	case scheme == "https":
		return 443
	case scheme == "nfs":
		return portNFS
	case strings.HasPrefix(scheme, "postgres"):
		return portPostgreSQL
	case strings.Contains(scheme, "sqlserver"):
		return portSQLServer
	}
	switch kind {
	case KindZooKeeper:
		return portZooKeeper
	case KindInfluxDB:
		return portInfluxDB
	case KindStorage:
		return portNFS
	case KindDatabase:
		switch engine {
		case EnginePostgreSQL, EngineAzurePostgreSQLFlexible:
			return portPostgreSQL
		case EngineSQLServer, EngineAzureSQL:
			return portSQLServer
		}
	}
	return 0
}

// format writes the endpoint in canonical spelling: default ports left out, members of an ensemble sorted.
func (e endpoint) format(kind InfrastructureKind, engine Engine) string {
	if e.raw != "" {
		return e.raw
	}
	standard := e.defaultPort(kind, engine)
	parts := make([]string, len(e.hosts))
	for i, h := range e.hosts {
		parts[i] = h.host
		if strings.Contains(h.host, ":") {
			parts[i] = "[" + h.host + "]"
		}
		if h.port != 0 && h.port != standard {
			parts[i] += ":" + strconv.Itoa(h.port)
		}
	}
	if kind == KindZooKeeper {
		slices.Sort(parts)
		parts = slices.Compact(parts)
	}
	var b strings.Builder
	b.WriteString(e.prefix)
	b.WriteString(strings.Join(parts, ","))
	b.WriteString(e.tail)
	before := "?"
	between := "&"
	if strings.Contains(e.prefix, "sqlserver") {
		before, between = ";", ";"
	}
	for _, o := range e.options {
		b.WriteString(before)
		b.WriteString(o)
		before = between
	}
	return b.String()
}

// readEndpoint takes an address apart in its canonical spelling, in which no secret is left, also of what is no address. What is odd
// enough to read differently once it is spelled canonically, is read again, so that an address and its canonical spelling are always
// the same thing.
func readEndpoint(s string, kind InfrastructureKind, engine Engine) (endpoint, string) {
	e := parseEndpoint(s, kind)
	text := Scrub(e.format(kind, engine))
	for n := 0; n < 8 && text != s; n++ {
		s = text
		e = parseEndpoint(s, kind)
		text = Scrub(e.format(kind, engine))
	}
	return e, text
}

func canonicalEndpoint(s string, kind InfrastructureKind, engine Engine) string {
	_, text := readEndpoint(s, kind, engine)
	return text
}

// hasSecret reports whether a text could hold more than an address and harmless options.
func hasSecret(s string) bool { return strings.ContainsAny(s, "@?;#") }

// Scrub leaves out user info of URLs and the values of options that tell of a secret, and keys and certificates in
// PEM, in text of any kind.
func Scrub(s string) string {
	for {
		from := strings.Index(s, "-----BEGIN")
		if from < 0 {
			break
		}
		// A key without an end is cut off, and all that follows is part of it.
		end := len(s)
		if i := strings.Index(s[from:], "-----END"); i >= 0 {
			i += from + len("-----END")
			if j := strings.Index(s[i:], "-----"); j >= 0 {
				end = i + j + len("-----")
			}
		}
		s = s[:from] + s[end:]
	}
	if !strings.ContainsAny(s, "@=:") {
		return s
	}
	if strings.Contains(s, `"`) {
		s = quotedOption.ReplaceAllStringFunc(s, func(member string) string {
			if secretOption(quotedOption.FindStringSubmatch(member)[1]) {
				return ""
			}
			return member
		})
	}
	words := strings.FieldsFunc(s, func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\n' || r == '"' || r == '\'' || r == '<' || r == '>'
	})
	for _, w := range words {
		if clean := scrubWord(w); clean != w {
			s = strings.ReplaceAll(s, w, clean)
		}
	}
	return s
}

func scrubWord(w string) string {
	if scheme, rest, ok := strings.Cut(w, "://"); ok {
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			w = scheme + "://" + rest[i+1:]
		}
	}
	// Options are taken apart from the right, so that leaving one out leaves the separators of the others.
	for end := len(w); end > 0; {
		start := strings.LastIndexAny(w[:end], "?&;,") + 1
		name, _, ok := strings.Cut(w[start:end], "=")
		if ok && secretOption(name) || colonOption(w[start:end]) {
			from, to := max(start-1, 0), end
			if start > 0 && w[start-1] == '?' && to < len(w) {
				from, to = start, end+1 // the question mark introduces what follows
			}
			w = w[:from] + w[to:]
		}
		end = start - 1
	}
	return w
}

// quotedOption is a member of a JSON object with a text.
var quotedOption = regexp.MustCompile(`"([A-Za-z0-9_.-]{1,64})"\s*:\s*"[^"]*"`)

// colonOption reports whether a part of a word is a secret behind a name and a colon, as in Java properties. A port is none,
// and neither is a line of a file.
func colonOption(part string) bool {
	name, value, ok := strings.Cut(part, ":")
	if !ok || strings.Trim(value, "0123456789:/") == "" || strings.HasPrefix(value, "//") || !secretOption(name) {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '.' && r != '-' && r != '%'
	}) < 0
}

func secretOption(name string) bool {
	if unescaped, err := url.QueryUnescape(name); err == nil {
		name = unescaped
	}
	name = strings.ToLower(name)
	for _, word := range []string{"pass", "pwd", "secret", "token", "credential", "key", "sig", "user", "uid"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
