package hostconfig

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Variables are the environment variables of one container or one file. Only variables that Foundation reads are asked
// for; those that hold users, passwords and keys never are.
type Variables struct {
	Get     func(name string) (value string, line int, ok bool)
	Problem func(line int, name, what string) // name is the variable's
}

// Foundation reads the variables of PTC's image of Foundation. image is the product by the image's name, "" when it does
// not tell. Defaults of the image are not assumed.
func (v Variables) Foundation(image inventory.Engine) deployment.Foundation {
	f := deployment.Foundation{}
	value, line, ok := v.Get("ENABLE_CLUSTERED_MODE")
	switch b, err := strconv.ParseBool(strings.ToLower(value)); {
	case !ok || value == "":
	case err == nil:
		f.Clustered, f.Joins = &b, b
	default:
		v.unknown(line, "ENABLE_CLUSTERED_MODE", value, "is neither true nor false")
	}
	if u, ok := v.zookeeper(&f); ok && (f.Clustered == nil || *f.Clustered) {
		f.Uses = append(f.Uses, u)
	}
	if d, line, ok := v.database(image); ok {
		u := d.Use()
		u.Server.Line = line
		if value, line, ok := v.Get("MAX_POOL_SIZE"); ok {
			if n, err := strconv.Atoi(value); err == nil && n > 0 && n <= maxPool {
				u.PoolMax = n
			} else {
				v.unknown(line, "MAX_POOL_SIZE", value, "is no number")
			}
		}
		f.Uses = append(f.Uses, u)
	}
	return f
}

// PlatformID is the node's own id, "" when it is not set or not known.
func (v Variables) PlatformID() string {
	value, line, _ := v.Get("PLATFORM_ID")
	id := importer.Token(value)
	if id == "" && value != "" {
		v.unknown(line, "PLATFORM_ID", value, "is not made of letters and digits")
	}
	return id
}

func (v Variables) unknown(line int, name, value, what string) {
	if e := expression(value); e != "" {
		what = "is not known" + isExpression(e)
	}
	v.Problem(line, name, name+" "+what)
}

func (v Variables) zookeeper(f *deployment.Foundation) (deployment.Use, bool) {
	u := deployment.Use{Use: inventory.Use{As: inventory.AsZooKeeper}}
	u.Server.Kind = inventory.KindZooKeeper
	found := false
	for _, name := range []string{"COORDINATOR_HOSTS", "IGNITE_ZK_CONNECTION"} {
		value, line, _ := v.Get(name)
		if value == "" {
			continue
		}
		if name == "IGNITE_ZK_CONNECTION" {
			f.HasIgnite = true
		}
		if found {
			continue
		}
		found = true
		u.Server.Line = line
		if e := expression(value); e != "" {
			u.Server.Unknown = e
			v.unknown(line, name, value, "")
			continue
		}
		hosts, odd := deployment.ParseHosts(value)
		if u.Server.Hosts = hosts; odd > 0 {
			v.unknown(line, name, "", "holds a part that is no address")
		}
	}
	if value, line, _ := v.Get("IGNITE_CLIENT_MODE"); value != "" {
		f.HasIgnite = true
		switch b, err := strconv.ParseBool(strings.ToLower(value)); {
		case err != nil:
			v.unknown(line, "IGNITE_CLIENT_MODE", value, "is neither true nor false")
		case b:
			f.Ignite = inventory.IgniteSeparate
		default:
			f.Ignite = inventory.IgniteEmbedded
		}
	}
	for _, p := range []struct {
		names []string
		field string
		to    *string
	}{
		{[]string{"ZK_NAMESPACE", "ZOOKEEPER_NAMESPACE"}, "namespace", &u.Namespace},
		{[]string{"IGNITE_ZK_BASE_PATH", "IGNITE_BASE_PATH"}, "igniteBasePath", &u.IgniteBasePath},
	} {
		for _, name := range p.names {
			value, line, _ := v.Get(name)
			switch {
			case value == "":
			case expression(value) != "":
				unknown(&u, p.field, expression(value))
				v.unknown(line, name, value, "")
			case !pathLike(value, "/"):
				v.unknown(line, name, value, "is no path")
			default:
				*p.to = value
			}
		}
	}
	return u, found || u.Namespace != ""
}

// database reads DATABASE_HOST and its like. The product is told by the image, DB_TYPE or the port's default of neither.
func (v Variables) database(image inventory.Engine) (Database, int, bool) {
	d := Database{Engine: image, Unknown: map[string]string{}}
	if kind, _, _ := v.Get("DB_TYPE"); d.Engine == "" && kind != "" {
		d.Engine, _ = engineOf(kind)
	}
	host, line, _ := v.Get("DATABASE_HOST")
	if d.Engine == inventory.EngineH2 {
		return d, line, true // The image of H2 passes over DATABASE_HOST, which guides set all the same.
	}
	if host == "" {
		return d, line, d.Engine != ""
	}
	if e := expression(host); e != "" {
		d.Unknown["endpoint"] = e
		v.unknown(line, "DATABASE_HOST", host, "")
	} else {
		hosts, odd := deployment.ParseHosts(host)
		if d.Hosts = hosts; odd > 0 {
			v.unknown(line, "DATABASE_HOST", "", "is no host name")
		}
	}
	if port, line, _ := v.Get("DATABASE_PORT"); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			v.unknown(line, "DATABASE_PORT", port, "is no port")
		} else {
			for i := range d.Hosts {
				if d.Hosts[i].Port == 0 {
					d.Hosts[i].Port = n
				}
			}
		}
	}
	for _, p := range []struct {
		name, field string
		to          *string
	}{{"TWX_DATABASE_DBNAME", "database", &d.Name}, {"TWX_DATABASE_SCHEMA", "schema", &d.Schema}} {
		value, line, _ := v.Get(p.name)
		switch {
		case value == "":
		case expression(value) != "":
			d.Unknown[p.field] = expression(value)
			v.unknown(line, p.name, value, "")
		case plainName(value) == "":
			v.unknown(line, p.name, value, "is no name of a database")
		default:
			*p.to = value
		}
	}
	for _, h := range d.Hosts {
		d.Engine = cloudEngine(d.Engine, h.Host)
	}
	return d, line, true
}

var assignment = regexp.MustCompile(`^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)

// variables reads a file of NAME=value lines. DEFAULT_ variables and build arguments are of an image and describe no
// deployment.
func (r *reader) variables(data []byte) {
	r.report.Kind = "variables of an image"
	r.out.Source = Source
	type entry struct {
		value string
		line  int
	}
	all := map[string]entry{}
	lines(data, func(n int, line string) {
		if line == "" || line[0] == '#' {
			return
		}
		m := assignment.FindStringSubmatch(line)
		if m == nil {
			r.problem(n, "", "a line is neither a comment nor NAME=value", "correct the line")
			return
		}
		all[m[1]] = entry{strings.Trim(m[2], `"'`), n}
	})
	v := Variables{
		Get: func(name string) (string, int, bool) {
			e, ok := all[name]
			return e.value, e.line, ok
		},
		Problem: func(line int, _, what string) { r.problem(line, "", what, "give the file with its values filled in") },
	}
	for _, name := range []string{"ENABLE_CLUSTERED_MODE", "DATABASE_HOST", "COORDINATOR_HOSTS", "PLATFORM_ID"} {
		if all[name].line == 0 {
			continue
		}
		r.report.Kind = "variables of Foundation"
		f := v.Foundation("")
		node := r.node(first(importer.Slug(all["PLATFORM_ID"].value), "foundation"))
		node.Settings.PlatformID = v.PlatformID()
		f.Nodes = []inventory.Node{node}
		f.Line = all[name].line
		r.out.Foundations = append(r.out.Foundations, f)
		return
	}
	r.note(0, "", "defaults or build arguments of an image, which describe no deployment")
	r.report.Count("variables", importer.ClassContext)
}
