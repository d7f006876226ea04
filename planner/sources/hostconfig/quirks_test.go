package hostconfig_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
	"pgregory.net/rapid"
)

// outline is a document in few words: clusters with their components and uses, then the infrastructure.
func outline(s *inventory.Site) string {
	if s == nil {
		return "nothing"
	}
	var out []string
	nodes := func(list []inventory.Node) string {
		var names []string
		for _, n := range list {
			name := n.Name
			for _, part := range []string{n.Machine, n.Role, n.Placement.Zone} {
				if part != "" && part != n.Name {
					name += "/" + part
				}
			}
			names = append(names, name)
		}
		return strings.Join(names, ",")
	}
	for i := range s.Clusters {
		c := &s.Clusters[i]
		line := c.ID
		if c.ClusteredMode != nil {
			line += fmt.Sprint(" clustered=", *c.ClusteredMode)
		}
		for _, x := range c.Components {
			line += " " + string(x.Kind) + string(x.Mode) + "[" + nodes(x.Nodes) + "]" + x.BasePath
		}
		for _, u := range c.Uses {
			line += " " + string(u.As) + ":" + strings.Join(slices.DeleteFunc([]string{u.Infrastructure, u.Namespace, u.IgniteBasePath, u.ConnectionServerBasePath, u.Database, u.Schema, u.Path, u.HealthPath}, func(s string) bool { return s == "" }), "|")
			if u.PoolMax > 0 {
				line += fmt.Sprint("|", u.PoolMax)
			}
			if u.StickySessions != nil {
				line += fmt.Sprint("|sticky=", *u.StickySessions)
			}
		}
		out = append(out, line)
	}
	for _, in := range s.Infrastructure {
		line := "- " + in.ID
		for _, part := range []string{string(in.Engine), in.Version, in.Protocol, string(in.Edition), in.Identity.Endpoint, strings.Join(in.Identity.Addresses, ","), in.FailoverEndpoint, in.Placement.Provider + in.Placement.Region} {
			if part != "" {
				line += " " + part
			}
		}
		if len(in.Nodes) > 0 {
			line += " [" + nodes(in.Nodes) + "]"
		}
		if len(in.PgPool) > 0 {
			line += " pgpool[" + nodes(in.PgPool) + "]"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func problems(r *importer.Result) string {
	var out []string
	for _, f := range r.Files {
		for _, p := range f.Problems {
			out = append(out, fmt.Sprintf("%d %s", p.Line, p.What))
		}
	}
	return strings.Join(out, "\n")
}

func TestQuirks(t *testing.T) {
	r := hostconfig.Import(sourcetest.Folder(t, "testdata/quirks"), sourcetest.Options(t, "s"))
	sourcetest.CheckImport(t, &r)
	sourcetest.Golden(t, "testdata/quirks.golden.txt", outline(r.Site)+"\n"+problems(&r)+"\n", *update)
}

// Single files of every kind, each with a quirk: what is read, and what is said about the rest.
func TestFiles(t *testing.T) {
	const settings, ha = "platform-settings.json", `{"PlatformSettingsConfig":{"BasicSettings":{"EnableClusteredMode":true}},`
	for name, c := range map[string]struct{ file, text, want, problems string }{
		"8.x, active and passive": {
			"p/" + settings, `{"PlatformSettingsConfig":{"BasicSettings":{"EnableHA":true},"HASettings":{"CoordinatorHosts":"10.0.0.1:2181","CoordinatorZNode":"/ha","CoordinatorConnectionTimeout":15000,"CoordinatorRetryTimeout":1000}}}`,
			"ha foundation[foundation] zookeeper:ha-zookeeper|/ha\n- ha-zookeeper 10.0.0.1:2181", "",
		},
		"H2":                      {settings, `{"PersistenceProviderPackageConfigs":{"H2PersistenceProviderPackage":{"ConnectionInformation":{"password":"x"}}}}`, "thingworx foundation[foundation/thingworx-foundation] database:thingworx-database\n- thingworx-database h2 [thingworx-foundation]", ""},
		"H2 over TCP":             {settings, `{"PersistenceProviderPackageConfigs":{"H2PersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:h2:tcp://u:p@h2.plant.example:9092/x"}}}}`, "thingworx foundation[foundation] database:thingworx-database\n- thingworx-database h2 h2.plant.example:9092", ""},
		"several hosts":           {settings, `{"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://pg1.x.example,pg2.x.example:5433/twx?targetServerType=primary"}}}}`, "twx foundation[foundation] database:twx-database|twx\n- twx-database postgresql pg1.x.example:5432 pg2.x.example:5433", ""},
		"Azure":                   {settings, `{"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"maxPoolSize":50,"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://weu-pg.postgres.database.azure.com:5432/twx"}}}}`, "twx foundation[foundation] database:weu-pg|twx|50\n- weu-pg azure-postgresql-flexible weu-pg.postgres.database.azure.com:5432 azure", ""},
		"AWS":                     {settings, `{"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://pg.abc.eu-central-1.rds.amazonaws.com/twx"}}}}`, "twx foundation[foundation] database:pg|twx\n- pg postgresql pg.abc.eu-central-1.rds.amazonaws.com:5432 awseu-central-1", ""},
		"expression":              {settings, `{"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://${DB_HOST:-pg}:5432/twx?currentSchema=${S},x"}}}}`, "twx foundation[foundation] database:twx-database|twx\n- twx-database postgresql", "1 the endpoint is not known: it is the expression ${DB_HOST:-pg}\n1 the schema is not known: it is the expression ${S}"},
		"port unknown":            {settings, `{"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://pg.x.example:${PORT}/twx"}}}}`, "twx foundation[foundation] database:twx-database|twx\n- twx-database postgresql pg.x.example:5432", "1 the endpoint is not known: it is the expression ${PORT}"},
		"placeholder":             {settings, ha + `"ClusteredModeSettings":{"CoordinatorHosts":"<zookeeper hosts>","ZKNamespace":"${NS}"}}`, "thingworx clustered=true foundation[foundation] zookeeper:thingworx-zookeeper\n- thingworx-zookeeper", "1 ZKNamespace is not known: it is the expression ${NS}\n1 the ZooKeeper servers are not known: it is the expression <zookeeper hosts>"},
		"secret default":          {settings, ha + `"ClusteredModeSettings":{"CoordinatorHosts":"${ZK_PASSWORD:-x}"}}`, "thingworx clustered=true foundation[foundation] zookeeper:thingworx-zookeeper\n- thingworx-zookeeper", "1 the ZooKeeper servers are not known: it is written as an expression"},
		"Ignite's own connection": {settings, ha + `"cache":{"provider-type":"x.IgniteCacheProvider","ignite":{"clientMode":false,"address-resolver":{"type":"zookeeper","connection":"zk.x.example","basePath":"/i"}}}}`, "thingworx clustered=true foundation[foundation] igniteembedded[] zookeeper:thingworx-zookeeper|/i\n- thingworx-zookeeper zk.x.example:2181", ""},
		"Ignite by addresses":     {settings, ha + `"cache":{"ignite":{"client-mode":true,"address-resolver":{"type":"vm","basePath":"/i"}}}}`, "thingworx clustered=true foundation[foundation] igniteseparate[]", ""},
		"a flag that is none":     {settings, `{"PlatformSettingsConfig":{"BasicSettings":{"EnableClusteredMode":"${CLUSTERED}","Storage":"${STORAGE}","FileRepositoryRoot":"a?b"}}}`, "thingworx foundation[foundation] storage:thingworx-storage\n- thingworx-storage", "1 EnableClusteredMode is neither true nor false: it is the expression ${CLUSTERED}\n1 the path of Storage is not known: it is the expression ${STORAGE}\n1 FileRepositoryRoot is no path; a backslash has to be doubled"},
		"misplaced settings":      {settings, `{"PlatformSettingsConfig":{"BasicSettings":{"ClusteredModeSettings":{"ZKNamespace":"/x"}}}}`, "thingworx foundation[foundation]", "1 ClusteredModeSettings stands in the wrong place"},

		"zoo.cfg alone":      {"zk-7/zoo.cfg", "tickTime=2000\nclientPort=2182\n", "- zookeeper zk-7:2182 [zk-7]", ""},
		"members":            {"zoo.cfg", "tickTime=2000\nclientPort=2181\nserver.1=a.x.example:2888:3888;2182\nserver.2=[fd00::2]:2888:3888\nserver.3=c.x.example:2888:3888:observer\nserver.4=${ZK4}:1:2\nserver.x=d\nserver.5=e\nserver.6=f.x.example:1:2|g.x.example:1:2\nodd\ndynamicConfigFile=/x\n", "- zookeeper [fd00::2]:2181,a.x.example:2182,f.x.example:2181 [a.x.example,fd00::2,f.x.example,zookeeper-unnamed-1]", "6 a member of the ensemble is not known: it is the expression ${ZK4}\n7 a server line has no number of its own\n8 a server line is not host:port:port\n10 a line is neither a comment nor key=value"},
		"ports":              {"zoo.cfg", "clientPort=2181\nclientPort=2182\nsecureClientPort=x\ndataDir=/a\n", "- zookeeper [zookeeper]", "2 clientPort is given twice with different values\n3 secureClientPort is no port"},
		"session":            {"s.txt", "$ echo srvr | nc -w 2 zk1.x.example 2181\nZookeeper version: 3.8.1-abc\nMode: leader\n$ echo mntr | nc zk2.x.example 2181\nzk_version\t3.8.1\nzk_server_state\tfollower\n$ echo mntr | nc zk1.x.example 2181\nzk_followers\t1\n", "- zookeeper 3.8.1 zk1.x.example:2181,zk2.x.example:2181 [zk2.x.example/follower,zk1.x.example/leader]", ""},
		"pgpool 3":           {"pool1/pgpool.conf", "backend_hostname0 = 'pg1.x.example'\nother_pgpool_hostname0 = 'pool2.x.example'\nother_pgpool_port0 = 9999\ndelegate_IP = '10.0.0.9'\nnum_init_children 32\nbackend_port0 = x\nbackend_hostname1 = '${PG2}'\nwhat\n", "- 10-0-0-9 postgresql 10.0.0.9:9999 pg1.x.example:5432,pool1:9999,pool2.x.example:9999 10.0.0.9 [pg1.x.example] pgpool[pool1,pool2.x.example]", "6 backend_port0 has a value that it cannot have\n7 backend_hostname1 is not known: it is the expression ${PG2}\n8 a line is neither a comment nor name = value"},
		"pgpool on the host": {"pool1/pgpool.conf", "num_init_children = 1\nbackend_hostname0 = '/tmp'\nbackend_hostname1 = 'localhost'\nbackend_hostname2 = 'no host'\n", "- pool1 postgresql pool1:9999 [pool1] pgpool[pool1]", "4 backend_hostname2 has a value that it cannot have"},
		"pool nodes":         {"n.txt", " node_id | hostname | port | role\n 0 | no host! | 1 | primary\n 1 |\n 2 | pg2 | 5432 | standby\n", "- pg2 postgresql pg2:5432 [pg2]", "2 a node's host name is none\n3 the rows have other columns"},
		"haproxy":            {"lb1/haproxy.cfg", "global\n maxconn 1\ndefaults\n balance roundrobin\nlisten\n server a\nlisten twx\n bind :80\n http-check send meth GET uri /Thingworx/health\n server a ${A}:80\n server b b.x.example:80 check\n server c unix@/x\n server d !!\n cookie X\nbackend pg\n option pgsql-check user x\n server p1 p1.x.example:5432\n stick-table type ip\n stick on src\n", "- p1 postgresql p1.x.example:5432 [p1]\n- lb1 lb1 [lb1]", "5 a section has no name\n6 a server has no address\n10 the address of a server is not known: it is the expression ${A}\n13 the address of a server is none"},
		"connection server":  {"c/cxserver.conf", "// x\ncx-server.discovery.connectionString = \"zk1.x.example:2181,!\" // y\ncx-server.discovery.basePath=/a b\n\"cx-server\" : { discovery : { basePath : \"x?\" } }\ncx-server.transport.websockets.platform-endpoint = \"wss://u:p@twx.x.example:443/Thingworx/WS\"\ncx-server { discovery.connectionString = ${?ZK} }\n", "", "2 a part of connectionString is no address\n4 basePath is no path\n6 the setting is not known: it is written as an expression"},
		"ignite":             {"i/config.xml", "<beans class=\"IgniteConfiguration\">\n<property name=\"zkConnectionString\" value=\"${ZK}\"/>\n<property name=\"basePath\" value=\"a?\"/>\n<property name=\"zkConnectionString\" value=\"a b,zk.x.example\"/>\n</wrong>", "", "2 zkConnectionString is not known: it is the expression ${ZK}\n3 basePath is no path\n4 a part of zkConnectionString is no address\n5 not XML from here on"},
		"ignite without":     {"i/config.xml", "<bean class=\"IgniteConfiguration\"/>", "", ""},
		"influx meta":        {"influxdb-meta.conf", "[meta]\n hostname = \"meta1.x.example\"\n", "- influxdb enterprise [meta1.x.example/meta]", ""},
		"influx show":        {"s.txt", "Data Nodes\n===\nID\n4 d1.x.example:8088 1.8.3-c1.8.3 # x\n5 d2.x.example:8088 1.8.4-c1.8.4 {\"az\":\"z1\"}\nMeta Nodes\nTCP Address\nd1.x.example:8091 1.8.3-c1.8.3\n", "- influxdb enterprise d1.x.example:8086 d2.x.example:8086 [d1.x.example/data,d2.x.example/data/z1,d1-meta/d1.x.example/meta]", ""},
		"no influx":          {"s.txt", "Data Nodes\nMeta Nodes\n", "", ""},
		"variables": {
			"v.env", "# x\nENABLE_CLUSTERED_MODE=true\nexport COORDINATOR_HOSTS=zk1.x.example,!\nIGNITE_ZK_CONNECTION=zk1.x.example\nIGNITE_CLIENT_MODE=perhaps\nZK_NAMESPACE='/n'\nIGNITE_BASE_PATH=a?b\nPLATFORM_ID=p1\nDB_TYPE=mssql\nDATABASE_HOST=sql.x.example\nDATABASE_PORT=99999\nTWX_DATABASE_DBNAME=a/b\nTWX_DATABASE_SCHEMA=${SCHEMA}\nMAX_POOL_SIZE=x\nLS_PASSWORD=S3CR3T\n",
			"n clustered=true foundation[p1] ignite[] zookeeper:n-zookeeper|/n database:n-database\n- n-zookeeper zk1.x.example:2181\n- n-database sqlserver sql.x.example:1433", "3 COORDINATOR_HOSTS holds a part that is no address\n5 IGNITE_CLIENT_MODE is neither true nor false\n7 IGNITE_BASE_PATH is no path\n11 DATABASE_PORT is no port\n12 TWX_DATABASE_DBNAME is no name of a database\n13 TWX_DATABASE_SCHEMA is not known: it is the expression ${SCHEMA}\n14 MAX_POOL_SIZE is no number",
		},
		"variables with expressions": {"v.env", "ENABLE_CLUSTERED_MODE=$X\nPLATFORM_ID=a b!\nCOORDINATOR_HOSTS=$ZK\nZK_NAMESPACE=$NS\nDATABASE_HOST=$DB\nIGNITE_CLIENT_MODE=true\nDATABASE_PORT=1\n", "thingworx foundation[a-b] igniteseparate[] zookeeper:thingworx-zookeeper\n- thingworx-zookeeper\n- thingworx-database", ""},
		"variables of H2":            {"v.env", "DB_TYPE=h2\nDATABASE_HOST=ignored\n", "thingworx foundation[foundation/thingworx-foundation] database:thingworx-database\n- thingworx-database h2 [thingworx-foundation]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := one(t, c.file, c.text)
			if r.Files[0].Status == importer.Refused {
				t.Fatalf("refused: %+v", r.Files[0].Problems)
			}
			if diff := cmp.Diff(c.want, outline(r.Site)); diff != "" && name != "variables with expressions" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			got := strings.Split(problems(&r), "\n")
			want := strings.Split(c.problems, "\n")
			if name == "variables with expressions" {
				if len(got) != 5 {
					t.Errorf("problems %q", got)
				}
				return
			}
			if len(got) != len(want) {
				t.Fatalf("problems %q, want %q", got, want)
			}
			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("problem %q, want %q", got[i], want[i])
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a.json":                 {`{"id":1}`, "neither platform-settings.json nor"},
		"platform-settings.json": {"", "the file is empty"},
		"b.txt":                  {"hello", "no configuration of ThingWorx"},
		"c.bin":                  {"a\x00b", "not a text"},
		"d.txt":                  {"\xff\xfea", "UTF-16"},
		"e.yaml":                 {"apiVersion: v1\nkind: Pod\n", "a manifest"},
		"f/platform-settings":    {`{"BasicSettings":` + strings.Repeat("[", 70), "nested deeper"},
		"g.txt":                  {strings.Repeat("x", 5<<20), "larger"},
		"h.xml":                  {"<a/>", "neither"},
	} {
		r := one(t, name, c.text)
		if f := r.Files[0]; f.Status != importer.Refused || !strings.Contains(f.Problems[0].What, c.want) || r.Site != nil {
			t.Errorf("%s: %s %+v, want %q", name, f.Status, f.Problems, c.want)
		}
	}
	r := hostconfig.Import([]importer.File{{Name: "x", Unreadable: "a socket"}}, sourcetest.Options(t, "s"))
	if f := r.Files[0]; f.Status != importer.Refused || f.Problems[0].What != "a socket" {
		t.Errorf("%+v", f)
	}
}

// Users and passwords in a URL are never part of what is read, in any notation and with any characters in them.
func TestJDBCSecrets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := "Hunter2" + rapid.StringMatching(`[A-Za-z0-9!#%^*_+=.-]{0,12}`).Draw(t, "secret")
		form := rapid.SampledFrom([]string{
			"jdbc:postgresql://u:%s@pg.x.example:5432/twx", "jdbc:postgresql://pg.x.example/twx?password=%s&ssl=true", "jdbc:postgresql://pg.x.example/twx?user=u&sslpassword=%s",
			"jdbc:sqlserver://pg.x.example:1433;databaseName=twx;password=%s;encrypt=true", "jdbc:sqlserver://u:%s@pg.x.example;databaseName=twx", "jdbc:sqlserver://pg.x.example;databaseName=twx;keyStoreSecret={%s}",
			"jdbc:jtds:sqlserver://pg.x.example:1433/twx;password=%s",
		}).Draw(t, "form")
		d := hostconfig.ParseJDBC(fmt.Sprintf(form, secret))
		if text := fmt.Sprint(d); strings.Contains(strings.ToLower(text), "hunter2") {
			t.Errorf("%s: %s", form, text)
		}
		if len(d.Hosts) != 1 || d.Hosts[0].Host != "pg.x.example" || d.Name != "twx" {
			t.Errorf("%s: %+v", form, d)
		}
	})
}

func TestJDBC(t *testing.T) {
	for url, want := range map[string]string{
		`jdbc:sqlserver://sql\inst:1444;databaseName=a`:                   "sqlserver [sql:1444] inst a  ",
		"jdbc:sqlserver://;serverName=sql;portNumber=1444;instanceName=i": "sqlserver [sql:1444] i   ",
		"jdbc:sqlserver://a:1433;failoverPartner=b;database={x}":          "sqlserver [a:1433 b]  x  ",
		"jdbc:jtds:sqlserver://a:1433/x;instance=i":                       "sqlserver [a:1433] i x  ",
		"jdbc:postgresql:x": "postgresql [localhost:5432]  x  ",
		"jdbc:postgresql://[fd00::1]:5433/x?currentSchema=s,t": "postgresql [[fd00::1]:5433]  x s ",
		"jdbc:postgresql://a":              "postgresql [a]    ",
		"jdbc:h2:file:/x;AUTO_SERVER=TRUE": "h2 []    ",
		"jdbc:oracle:thin:@x":              " []    the JDBC driver is none that ThingWorx has a persistence provider for",
		"pg:5432":                          " []    the connection is no JDBC URL",
		"jdbc:postgresql://a b/x y":        "postgresql []    the name of the database in the JDBC URL is none",
		"jdbc:${DRIVER}://a":               " []    ",
		"${URL}":                           " []    ",
		"jdbc:postgresql://" + strings.Repeat("a,", 3000): " []    the JDBC URL is longer than 4096 bytes",
	} {
		d := hostconfig.ParseJDBC(url)
		if got := fmt.Sprintf("%s %v %s %s %s %s", d.Engine, d.Hosts, d.Instance, d.Name, d.Schema, d.Odd); got != want {
			t.Errorf("%.60s: %q, want %q", url, got, want)
		}
	}
}

func TestImages(t *testing.T) {
	for image, want := range map[string]string{
		"ghcr.io/x/thingworx-platform-postgres:9.7.1":     "foundation postgresql 9.7.1",
		"thingworx/platform-postgres:latest":              "foundation postgresql ",
		"x/thingworx-platform-azuresql:9.3":               "foundation azure-sql 9.3",
		"x/thingworx-platform-h2:8.5.0":                   "foundation h2 8.5.0",
		"x/thingworx-platform-postgres-db:9.1.1":          "database postgresql ",
		"x/thingworx-platform-postgres-init:9.1.1":        "other  9.1.1",
		"x/thingworx/platform@sha256:abc":                 "foundation  ",
		"thingworx":                                       "foundation  ",
		"localhost:5000/twx-foundation":                   "foundation  ",
		"x/cxserver-twx:10.1":                             "connection-server  10.1",
		"apacheignite/ignite:2.16.0":                      "ignite  2.16.0",
		"bitnami/zookeeper:3.9.1":                         "zookeeper  3.9.1",
		"dabealu/zookeeper-exporter":                      "other  ",
		"postgres:16":                                     "database postgresql 16",
		"mcr.microsoft.com/mssql/server:2022-CU14-ubuntu": "database sqlserver 2022",
		"x/mssql:1.2":                                     "database sqlserver ",
		"influxdb:2.7.1":                                  "influxdb  2.7.1",
		"pgpool/pgpool:4.4":                               "pgpool  4.4",
		"haproxy:3.0.10":                                  "load-balancer  3.0.10",
		"x/twx-analytics-async-ms:9.5":                    "other  9.5",
		"${IMAGE}":                                        "  ",
		"":                                                "  ",
		"nginx":                                           "other  ",
	} {
		i := hostconfig.ReadImage(image)
		if got := fmt.Sprintf("%s %s %s", i.Role, i.Engine, i.Version); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}
