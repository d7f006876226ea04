package hostconfig

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
)

// Database is what a JDBC URL or the variables of an image say about a database, without users and passwords.
type Database struct {
	Engine   inventory.Engine
	Hosts    []deployment.HostPort
	Instance string
	Name     string // of the database
	Schema   string
	Unknown  map[string]string // "endpoint", "database" or "schema" to the expression that hides it
	Odd      string            // what could not be read, in words
}

// expressions are those of shells and compose files, of Jinja and Go templates, and placeholders a person was to fill in.
var expressions = regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}|\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Za-z_]\w*|<[A-Za-z][^<>]*>|%[A-Za-z_]+%|@[A-Za-z_]+@`)

// expression returns a text with an expression for a message and provenance, "" for a text without one. A default that
// could be a secret is left out.
func expression(text string) string {
	text = text[:min(len(text), maxURL)]
	found := findExpressions(text, 4)
	if len(found) == 0 {
		return ""
	}
	shown, end := "", 0
	for _, at := range found {
		if end > 0 && at[0] == end+1 && text[end] == ':' {
			shown += ":" // between a host and its port
		}
		shown += text[at[0]:at[1]]
		end = at[1]
	}
	if len(shown) > 160 || secretWord(shown) || strings.ContainsFunc(shown, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(` _-.,:|/<>(){}$"'`, c)
	}) {
		return hiddenExpression
	}
	return shown
}

// findExpressions returns the places of at most n expressions. A bare $NAME is one where it stands alone between the
// separators of an address or a path: a password or the name of a share may hold a dollar sign.
func findExpressions(text string, n int) [][]int {
	found := expressions.FindAllStringIndex(text, n)
	return slices.DeleteFunc(found, func(at []int) bool {
		if text[at[0]] != '$' || strings.ContainsRune("{(", rune(text[at[0]+1])) {
			return false
		}
		return at[0] > 0 && !strings.ContainsRune(":/,= ", rune(text[at[0]-1])) || at[1] < len(text) && !strings.ContainsRune(":/,;=&? ", rune(text[at[1]]))
	})
}

// isExpression says for a message which expression hides a value.
func isExpression(e string) string {
	if e == hiddenExpression {
		return ": it is written as an expression"
	}
	return ": it is the expression " + e
}

const hiddenExpression = "an expression"

// Expression is expression for the other sources of deployments.
func Expression(text string) string { return expression(text) }

func secretWord(s string) bool {
	s = strings.ToLower(s)
	for _, w := range []string{"pass", "pwd", "secret", "token", "credential", "key", "user", "licen"} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// maxURL bounds a JDBC URL; drivers' options make some hundred bytes.
const maxURL = 4096

// ParseJDBC reads a JDBC URL of PostgreSQL, SQL Server (Microsoft's driver and jTDS) or H2, with several hosts and with
// expressions in it. User, password and every option that tells no place are dropped unread.
func ParseJDBC(url string) Database {
	var d Database
	if len(url) > maxURL {
		d.Odd = "the JDBC URL is longer than " + strconv.Itoa(maxURL) + " bytes"
		return d
	}
	var held []string
	whole, text, done := strings.TrimSpace(url), "", 0
	for _, at := range findExpressions(whole, -1) {
		text += whole[done:at[0]] + "\x01" + strconv.Itoa(len(held)) + "\x02"
		held = append(held, whole[at[0]:at[1]])
		done = at[1]
	}
	text += whole[done:]
	restore := func(s string) string {
		for i, e := range held {
			s = strings.ReplaceAll(s, "\x01"+strconv.Itoa(i)+"\x02", e)
		}
		return s
	}
	d.read(text, restore)
	for i := range d.Hosts {
		d.Engine = cloudEngine(d.Engine, d.Hosts[i].Host)
	}
	return d
}

// cloudEngine tells a managed database by its host name. The names of Azure hold no region.
func cloudEngine(e inventory.Engine, host string) inventory.Engine {
	switch {
	case strings.HasSuffix(host, ".postgres.database.azure.com") && e == inventory.EnginePostgreSQL:
		return inventory.EngineAzurePostgreSQLFlexible
	case strings.HasSuffix(host, ".database.windows.net") && e == inventory.EngineSQLServer:
		return inventory.EngineAzureSQL
	}
	return e
}

func (d *Database) read(text string, restore func(string) string) {
	lower := strings.ToLower(text)
	if !strings.HasPrefix(lower, "jdbc:") {
		d.hide("endpoint", text, restore)
		if len(d.Unknown) == 0 {
			d.Odd = "the connection is no JDBC URL"
		}
		return
	}
	rest := text[len("jdbc:"):]
	driver, rest, _ := strings.Cut(rest, ":")
	switch strings.ToLower(driver) {
	case "postgresql":
		d.Engine = inventory.EnginePostgreSQL
		d.postgres(rest, restore)
	case "sqlserver":
		d.Engine = inventory.EngineSQLServer
		d.sqlServer(strings.TrimPrefix(rest, "//"), restore)
	case "jtds":
		d.Engine = inventory.EngineSQLServer
		_, rest, _ = strings.Cut(rest, "//")
		address, options, _ := strings.Cut(rest, ";")
		address, name, _ := strings.Cut(dropUser(address), "/")
		d.hosts(address, restore)
		d.set("database", &d.Name, name, restore)
		d.options(options, ";", restore)
	case "h2":
		d.Engine = inventory.EngineH2
		for _, remote := range []string{"tcp://", "ssl://"} {
			if r, ok := strings.CutPrefix(rest, remote); ok {
				address, _, _ := strings.Cut(dropUser(r), "/")
				d.hosts(address, restore)
			}
		}
	default:
		if d.hide("endpoint", driver, restore); len(d.Unknown) == 0 {
			d.Odd = "the JDBC driver is none that ThingWorx has a persistence provider for"
		}
	}
}

// postgres reads //host:port,host:port/database?options, ///database and database.
func (d *Database) postgres(rest string, restore func(string) string) {
	rest, options, _ := strings.Cut(rest, "?")
	local := []deployment.HostPort{{Host: "localhost", Port: 5432}}
	address, name := "", rest
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if i := strings.LastIndexByte(after, '/'); i >= 0 {
			address, name = after[:i], after[i+1:]
		} else {
			address, name = after, ""
		}
	}
	if address = dropUser(address); address == "" {
		d.Hosts = local
	} else {
		d.hosts(address, restore)
	}
	d.set("database", &d.Name, name, restore)
	d.options(options, "&", restore)
}

// sqlServer reads host\instance:port;name=value;name=value, where host and port may stand among the options too.
func (d *Database) sqlServer(rest string, restore func(string) string) {
	address, options, _ := strings.Cut(rest, ";")
	address = dropUser(address)
	if host, more, ok := strings.Cut(address, `\`); ok {
		instance, port, _ := strings.Cut(more, ":")
		d.Instance = plainName(instance)
		if address = host; port != "" {
			address += ":" + port
		}
	}
	if address != "" {
		d.hosts(strings.TrimSuffix(address, "/"), restore)
	}
	d.options(options, ";", restore)
}

// options takes the few options that tell a place and drops all others, among them user and password.
func (d *Database) options(text, separator string, restore func(string) string) {
	port := ""
	for part := range strings.SplitSeq(text, separator) {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value = strings.Trim(strings.TrimSpace(value), "{}")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "databasename", "database":
			d.set("database", &d.Name, value, restore)
		case "currentschema":
			value, _, _ = strings.Cut(value, ",")
			d.set("schema", &d.Schema, value, restore)
		case "instancename", "instance":
			d.Instance = plainName(value)
		case "servername", "server", "failoverpartner":
			d.hosts(value, restore)
		case "portnumber", "port":
			port = value
		}
	}
	if n, err := strconv.Atoi(port); err == nil && n > 0 && n < 1<<16 && len(d.Hosts) == 1 && d.Hosts[0].Port == 0 {
		d.Hosts[0].Port = n
	}
}

func (d *Database) hosts(address string, restore func(string) string) {
	var plain []string
	for part := range strings.SplitSeq(address, ",") {
		if strings.ContainsRune(part, '\x01') {
			// A host may be known although its port is not.
			host, _, _ := strings.Cut(part, ":")
			if d.hide("endpoint", part, restore); strings.ContainsRune(host, '\x01') || host == "" {
				continue
			}
			part = host
		}
		plain = append(plain, part)
	}
	found, odd := deployment.ParseHosts(strings.Join(plain, ","))
	d.Hosts = append(d.Hosts, found...)
	if odd > 0 {
		d.Odd = "a part of the address in the JDBC URL is neither a host nor a port"
	}
}

func (d *Database) set(field string, to *string, value string, restore func(string) string) {
	switch {
	case value == "":
	case strings.ContainsRune(value, '\x01'):
		d.hide(field, value, restore)
	case plainName(value) == "":
		d.Odd = "the name of the " + field + " in the JDBC URL is none"
	default:
		*to = value
	}
}

func (d *Database) hide(field, text string, restore func(string) string) {
	if !strings.ContainsRune(text, '\x01') {
		return
	}
	if d.Unknown == nil {
		d.Unknown = map[string]string{}
	}
	if e := expression(restore(text)); d.Unknown[field] == "" {
		d.Unknown[field] = e
	}
}

// dropUser leaves out user and password before the hosts; a password may hold any character, so the last @ counts.
func dropUser(s string) string { return s[strings.LastIndexByte(s, '@')+1:] }

// plainName returns the name of a database, schema or instance, "" for anything else.
func plainName(s string) string {
	if len(s) > 128 || strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-.$#", c)
	}) {
		return ""
	}
	return s
}

var awsHost = regexp.MustCompile(`\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com$`)

// Use turns it into a use with the server it is on. The cloud is told by the host's name, and at AWS the region too.
func (d *Database) Use() deployment.Use {
	u := deployment.Use{Use: inventory.Use{As: inventory.AsDatabase, Database: d.Name, Schema: d.Schema}}
	s := &u.Server
	s.Kind, s.Engine, s.Hosts, s.Instance = inventory.KindDatabase, d.Engine, d.Hosts, d.Instance
	s.Unknown = d.Unknown["endpoint"]
	for field, e := range d.Unknown {
		if field != "endpoint" {
			unknown(&u, field, e)
		}
	}
	for _, h := range d.Hosts {
		if d.Engine.Managed() {
			s.Placement.Provider = "azure"
			s.ID, _, _ = strings.Cut(h.Host, ".")
		}
		if m := awsHost.FindStringSubmatch(h.Host); m != nil {
			s.Placement.Provider, s.Placement.Region = "aws", m[1]
			s.ID, _, _ = strings.Cut(h.Host, ".")
		}
	}
	return u
}
