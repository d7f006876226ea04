package hostconfig

import (
	"regexp"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Role is what a container image runs.
type Role string

// Roles of an image. RoleOther is another product or a helper; RoleUnknown cannot be told.
const (
	RoleUnknown    Role = ""
	RoleFoundation Role = "foundation"
	RoleConnection Role = "connection-server"
	RoleIgnite     Role = "ignite"
	RoleZooKeeper  Role = "zookeeper"
	RoleDatabase   Role = "database"
	RolePgpool     Role = "pgpool"
	RoleInflux     Role = "influxdb"
	RoleBalancer   Role = "load-balancer"
	RoleOther      Role = "other"
)

// Image is what the name of a container image tells.
type Image struct {
	Role    Role
	Engine  inventory.Engine // of a database, or the provider in an image of Foundation
	Version string           // "" when the tag is none
}

var imageVersion = regexp.MustCompile(`^v?(\d+\.\d+(?:\.\d+)*)`)

// ReadImage tells what an image runs by the last part of its name and its tag.
func ReadImage(image string) Image {
	name, _, _ := strings.Cut(image, "@")
	slash := strings.LastIndexByte(name, '/')
	tag := ""
	if colon := strings.LastIndexByte(name, ':'); colon > slash {
		name, tag = name[:colon], name[colon+1:]
	}
	whole := strings.ToLower(name)
	last := whole[slash+1:]
	parent := strings.TrimSuffix(whole[:slash+1], "/")
	var out Image
	if m := imageVersion.FindStringSubmatch(tag); m != nil {
		out.Version = m[1]
	}
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(last, w) {
				return true
			}
		}
		return false
	}
	engine, _ := engineOf(last)
	product := strings.Contains(whole, "thingworx") || strings.Contains(last, "twx")
	switch {
	case expression(image) != "" && !has("platform", "zookeeper", "ignite", "postgres"):
	case has("exporter", "-init", "_init", "security", "admin", "backup", "operator", "installer", "pgbouncer", "client", "analytics", "metrics", "sidecar"):
		out.Role = RoleOther
	case has("cxserver", "cx-server", "connection-server", "connectionserver"):
		out.Role = RoleConnection
	case has("pgpool"):
		out.Role = RolePgpool
	case has("zookeeper"):
		out.Role = RoleZooKeeper
	case has("ignite"):
		out.Role = RoleIgnite
	case has("influxdb"):
		out.Role = RoleInflux
	case has("haproxy"):
		out.Role = RoleBalancer
	case has("platform", "foundation") && product && !has("-db"):
		out.Role, out.Engine = RoleFoundation, engine
	case product && (last == "thingworx" || last == "twx"):
		out.Role = RoleFoundation
	case last == "server" && strings.HasSuffix(parent, "mssql"), has("mssql", "sqlserver"):
		out.Role, out.Engine, out.Version = RoleDatabase, inventory.EngineSQLServer, ""
		if year, _, _ := strings.Cut(tag, "-"); len(year) == 4 && strings.Trim(year, "0123456789") == "" {
			out.Version = year
		}
	case has("postgres", "spilo"):
		if out.Role, out.Engine = RoleDatabase, inventory.EnginePostgreSQL; product {
			out.Version = "" // The tag counts ThingWorx's versions.
		} else if out.Version == "" && tag != "" && len(tag) <= 2 && strings.Trim(tag, "0123456789") == "" {
			out.Version = tag
		}
	case last != "":
		out.Role = RoleOther
	}
	return out
}
