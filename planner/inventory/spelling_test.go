package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// resource is one real thing with the ways in which people write it.
type resource struct {
	name   string // unique
	kind   InfrastructureKind
	engine Engine
	spell  func(t *rapid.T) ResourceIdentity
}

// cased writes a name with letters of either case.
func cased(t *rapid.T, s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] >= 'a' && b[i] <= 'z' && rapid.Bool().Draw(t, "upper") {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// host writes a name, or an address as it is, with or without the final dot, and the port unless it is the default one.
func host(t *rapid.T, name string, port, standard int) string {
	s := cased(t, name)
	if !strings.ContainsAny(name, "0123456789[") || strings.HasSuffix(name, "example") {
		s += rapid.SampledFrom([]string{"", "."}).Draw(t, "dot")
	}
	if port != standard || rapid.Bool().Draw(t, "port") {
		s += fmt.Sprintf(":%d", port)
	}
	return s
}

func one(endpoint string) ResourceIdentity { return ResourceIdentity{Endpoint: endpoint} }

func postgres(name string, port int) resource {
	return resource{fmt.Sprintf("postgresql %s %d", name, port), KindDatabase, EnginePostgreSQL, func(t *rapid.T) ResourceIdentity {
		h := host(t, name, port, 5432)
		forms := []string{h, " " + h + " ", "jdbc:postgresql://" + h + "/thingworx", "JDBC:PostgreSQL://" + h + "/other?user=u&password=p&ssl=true", "postgres://u:p%40ss@" + h + "/t", "jdbc:postgresql://" + h + "/"}
		return one(rapid.SampledFrom(forms).Draw(t, "form"))
	}}
}

func sqlServerAt(name string, port int) resource {
	return resource{fmt.Sprintf("sqlserver %s %d", name, port), KindDatabase, EngineSQLServer, func(t *rapid.T) ResourceIdentity {
		h := host(t, name, port, 1433)
		forms := []string{
			h, "jdbc:sqlserver://" + h + ";databaseName=twx;user=sa;password={a;b}", "jdbc:jtds:sqlserver://" + h + "/twx", fmt.Sprintf("tcp:%s,%d", name, port),
			fmt.Sprintf(`jdbc:sqlserver://%s\ignored:%d`, name, port), fmt.Sprintf("jdbc:sqlserver://;serverName=%s;portNumber=%d", name, port), fmt.Sprintf(`%s\any,%d`, name, port),
		}
		return one(rapid.SampledFrom(forms).Draw(t, "form"))
	}}
}

func sqlServerNamed(name, instance string) resource {
	return resource{fmt.Sprintf("sqlserver %s %s", name, instance), KindDatabase, EngineSQLServer, func(t *rapid.T) ResourceIdentity {
		n, i := cased(t, name), cased(t, instance)
		forms := []string{n + `\` + i, "jdbc:sqlserver://" + n + `\` + i + ";databaseName=a", "jdbc:sqlserver://" + n + ";instanceName=" + i, "jdbc:jtds:sqlserver://" + n + ":1433/twx;instance=" + i, "jdbc:sqlserver://;server=" + n + `\` + i}
		return one(rapid.SampledFrom(forms).Draw(t, "form"))
	}}
}

func ensemble(port int, members ...string) resource {
	return resource{fmt.Sprintf("zookeeper %v %d", members, port), KindZooKeeper, "", func(t *rapid.T) ResourceIdentity {
		order := rapid.Permutation(members).Draw(t, "order")
		order = order[:rapid.IntRange(len(members)/2+1, len(members)).Draw(t, "members")] // two majorities have a member in common
		chroot := rapid.SampledFrom([]string{"", "/", "/prod", "/a/b/"}).Draw(t, "chroot")
		each := chroot != "" && rapid.Bool().Draw(t, "behind each")
		for i := range order {
			order[i] = host(t, order[i], port, 2181)
			if each && i < len(order)-1 {
				order[i] += chroot
			}
		}
		return one(strings.Join(order, rapid.SampledFrom([]string{",", ", "}).Draw(t, "comma")) + chroot)
	}}
}

func share(name string) resource {
	return resource{"storage " + name, KindStorage, "", func(t *rapid.T) ResourceIdentity {
		h := cased(t, name)
		path := rapid.SampledFrom([]string{"export", "export/prod", "export/prod/ThingworxStorage/"}).Draw(t, "path")
		forms := []string{h + ":/" + path, h + ":2049:/" + path, "nfs://" + h + "/" + path, `\\` + h + `\` + strings.ReplaceAll(path, "/", `\`), "//" + h + "/" + path, "smb://dom;u:p@" + h + "/" + path, `\\?\UNC\` + h + `\share`, h}
		return one(rapid.SampledFrom(forms).Draw(t, "form"))
	}}
}

func cloud(provider, name, fqdn string, kind InfrastructureKind, engine Engine) resource {
	return resource{"cloud " + provider + " " + name, kind, engine, func(t *rapid.T) ResourceIdentity {
		id := cased(t, "/subscriptions/0000-1/resourcegroups/rg/providers/"+provider+"/"+name)
		id = rapid.SampledFrom([]string{id, id + "/", id + "/databases/twx", " " + id, "https://management.azure.com" + id + "?api-version=1"}).Draw(t, "id")
		return ResourceIdentity{ARMID: id, Endpoint: rapid.SampledFrom([]string{"", fqdn, strings.Replace(fqdn, ".", ".privatelink.", 1)}).Draw(t, "endpoint")}
	}}
}

// resources are all different, though some differ little.
func resources() []resource {
	return []resource{
		postgres("db1.corp.example", 5432), postgres("db1.corp.example", 5433), postgres("db10.corp.example", 5432), postgres("db1.corp.example.example", 5432),
		postgres("192.0.2.1", 5432), postgres("192.0.2.10", 5432), postgres("[2606:4700::1]", 5432),
		sqlServerAt("sql1.corp.example", 1433), sqlServerAt("sql1.corp.example", 1434), sqlServerNamed("sql1.corp.example", "prod"), sqlServerNamed("sql1.corp.example", "test"), sqlServerNamed("sql2.corp.example", "prod"),
		ensemble(2181, "zk1.corp.example", "zk2.corp.example", "zk3.corp.example"), ensemble(2182, "zk1.corp.example", "zk2.corp.example", "zk3.corp.example"),
		ensemble(2181, "zk4.corp.example", "zk5.corp.example", "zk6.corp.example", "zk7.corp.example", "zk8.corp.example"),
		share("nas.corp.example"), share("nas1.corp.example"), share("192.0.2.1"),
		cloud("microsoft.dbforpostgresql/flexibleservers", "pg-1", "pg-1.postgres.database.azure.com", KindDatabase, EngineAzurePostgreSQLFlexible),
		cloud("microsoft.dbforpostgresql/flexibleservers", "pg-10", "pg-10.postgres.database.azure.com", KindDatabase, EngineAzurePostgreSQLFlexible),
		cloud("microsoft.sql/servers", "pg-1", "pg-1.database.windows.net", KindDatabase, EngineAzureSQL),
	}
}

// TestSpellingsOfOneResourceAreOne: whoever writes it however, two sites that know a resource share a key, normalised or not, and two
// resources never do.
func TestSpellingsOfOneResourceAreOne(t *testing.T) {
	all := resources()
	written := func(t *rapid.T, site string, r resource) []string {
		i := Infrastructure{ID: "x", Kind: r.kind, Engine: r.engine, Identity: r.spell(t)}
		if rapid.Bool().Draw(t, "normalised") {
			i = Normalise(&Site{Infrastructure: []Infrastructure{i}}, nil).Infrastructure[0]
		}
		keys := Keys(site, &i)
		if len(keys) == 0 {
			t.Fatalf("%s as %+v has no key", r.name, i.Identity)
		}
		for n := range keys {
			keys[n] = string(r.kind) + " " + keys[n]
		}
		return keys
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom(all).Draw(t, "one")
		b := rapid.SampledFrom(all).Draw(t, "other")
		ka, kb := written(t, "s1", a), written(t, "s2", b)
		common := slices.ContainsFunc(ka, func(k string) bool { return slices.Contains(kb, k) })
		if common != (a.name == b.name) {
			t.Fatalf("%s has keys %q and %s has keys %q", a.name, ka, b.name, kb)
		}
	})
}

// TestLocalNamesStayInTheirSite: what means something only inside a site is one thing there, and nothing in common with another site.
func TestLocalNamesStayInTheirSite(t *testing.T) {
	for _, r := range []resource{postgres("pg", 5432), postgres("10.1.2.3", 5432), sqlServerNamed("sql", "prod"), ensemble(2181, "zk1", "zk2", "zk3"), share("nas"), share("192.168.1.9")} {
		rapid.Check(t, func(t *rapid.T) {
			keys := func(site string) []string {
				return Keys(site, &Infrastructure{Kind: r.kind, Engine: r.engine, Identity: r.spell(t)})
			}
			first, second, elsewhere := keys("s1"), keys("s1"), keys("s2")
			if !slices.ContainsFunc(first, func(k string) bool { return slices.Contains(second, k) }) {
				t.Fatalf("%s is two things in one site: %q and %q", r.name, first, second)
			}
			if slices.ContainsFunc(first, func(k string) bool { return slices.Contains(elsewhere, k) }) {
				t.Fatalf("%s is one thing in two sites: %q and %q", r.name, first, elsewhere)
			}
		})
	}
}
