package importer

import (
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// role is a component kind of design.md section 2 as a tag or a name tells it.
type role string

const (
	roleFoundation role = "foundation"
	roleConnection role = "connection-server"
	roleBalancer   role = "load-balancer"
	roleIgnite     role = "ignite"
	roleZooKeeper  role = "zookeeper"
	roleDatabase   role = "database"
	rolePgPool     role = "pgpool"
	roleInflux     role = "influxdb"
	roleInfluxMeta role = "influxdb-meta"
	roleInfluxData role = "influxdb-data"
	roleStorage    role = "storage"
)

// maxNameTokens bounds the words read of a name; Azure's longest names have fewer.
const maxNameTokens = 24

// roleOfTag reads one word of a meridian:component tag.
func roleOfTag(word string) (role, bool) {
	switch r := role(strings.ToLower(word)); r {
	case roleFoundation, roleConnection, roleBalancer, roleIgnite, roleZooKeeper, roleDatabase, rolePgPool, roleInflux, roleInfluxMeta, roleInfluxData, roleStorage:
		return r, true
	case "thingworx", "twx", "platform":
		return roleFoundation, true
	case "cx", "connectionserver":
		return roleConnection, true
	case "zk":
		return roleZooKeeper, true
	case "lb", "haproxy":
		return roleBalancer, true
	case "influx":
		return roleInflux, true
	case "postgresql", "postgres", "sqlserver":
		return roleDatabase, true
	}
	return "", false
}

// IsComponent reports whether a word is one that the tag meridian:component may hold.
func IsComponent(word string) bool {
	_, ok := roleOfTag(word)
	return ok
}

// IsEnvironment reports whether a word tells an environment.
func IsEnvironment(word string) bool { return environmentOf(word) != "" }

// words splits the value of a tag that may hold several.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '+' || r == '/' || r == '|' })
}

// tokens splits a name into its words: at anything but letters and digits, between letters and digits, and after a
// product's name that is glued to the next word (twxprod, influxmeta).
func tokens(name string) []string {
	var out []string
	word := ""
	flush := func() {
		for _, prefix := range []string{"thingworx", "twx", "influxdb", "influx"} {
			if rest, ok := strings.CutPrefix(word, prefix); ok && rest != "" && (prefix != "influx" || rest != "db") {
				out, word = append(out, prefix), rest
				break
			}
		}
		if word != "" {
			out = append(out, word)
		}
		word = ""
	}
	digit := false
	for _, r := range strings.ToLower(name) {
		letter, number := r >= 'a' && r <= 'z', r >= '0' && r <= '9'
		if !letter && !number || word != "" && number != digit {
			flush()
		}
		if letter || number {
			word += string(r)
			digit = number
		}
		if len(out) >= maxNameTokens {
			return out
		}
	}
	flush()
	return out
}

// named is what a name tells.
type named struct {
	product bool // carries ThingWorx's name
	roles   []role
	env     inventory.Environment
	rest    []string // words that say nothing known
}

func readName(name string) named {
	var n named
	add := func(r role) {
		if !slices.Contains(n.roles, r) {
			n.roles = append(n.roles, r)
		}
	}
	ts := tokens(name)
	meta, data := slices.Contains(ts, "meta"), slices.Contains(ts, "data")
	for i, t := range ts {
		next := ""
		if i+1 < len(ts) {
			next = ts[i+1]
		}
		switch t {
		case "thingworx", "twx":
			n.product = true
		case "foundation":
			add(roleFoundation)
		case "zk", "zookeeper":
			add(roleZooKeeper)
		case "cx", "cxs", "cxserver", "connectionserver", "connserver", "connsvr":
			add(roleConnection)
		case "connection", "conn":
			if next == "server" || next == "servers" || next == "svr" || next == "srv" {
				add(roleConnection)
			} else {
				n.rest = append(n.rest, t)
			}
		case "ignite":
			add(roleIgnite)
		case "influx", "influxdb":
			switch {
			case meta && !data:
				add(roleInfluxMeta)
			case data && !meta:
				add(roleInfluxData)
			default:
				add(roleInflux)
			}
		case "pgpool":
			add(rolePgPool)
		case "postgres", "postgresql", "pg", "pgsql":
			add(roleDatabase)
		case "lb", "haproxy", "loadbalancer":
			add(roleBalancer)
		case "prod", "prd", "production":
			n.env = inventory.Production
		case "test", "tst", "qa", "uat", "staging":
			n.env = inventory.Test
		case "dev", "development":
			n.env = inventory.Development
		case "vm", "vmss", "node", "server", "servers", "svr", "srv", "host", "platform", "core", "app", "meta", "data", "rg", "db", "sql", "storage", "st", "nfs", "files":
		default:
			if t[0] < '0' || t[0] > '9' {
				n.rest = append(n.rest, t)
			}
		}
	}
	return n
}

// environmentOf reads a meridian:environment tag.
func environmentOf(tag string) inventory.Environment {
	return readName(tag).env
}
