package inventory

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEndpointSpelling(t *testing.T) {
	for _, c := range []struct {
		kind     InfrastructureKind
		engine   Engine
		in, want string
	}{
		{KindDatabase, EnginePostgreSQL, "PG.Corp.Example.", "pg.corp.example"},
		{KindDatabase, EnginePostgreSQL, " pg.corp.example:5432 ", "pg.corp.example"},
		{KindDatabase, EnginePostgreSQL, "pg.corp.example:6432", "pg.corp.example:6432"},
		{KindDatabase, EngineSQLServer, "sql.corp.example:1433", "sql.corp.example"},
		{KindDatabase, EnginePostgreSQL, "jdbc:postgresql://PG.corp.example:5432/thingworx", "jdbc:postgresql://pg.corp.example/thingworx"},
		{KindDatabase, EnginePostgreSQL, "JDBC:PostgreSQL://pg:5432/thingworx?user=twadmin&password=s&sslmode=require", "jdbc:postgresql://pg/thingworx?sslmode=require"},
		{KindDatabase, EnginePostgreSQL, "jdbc:postgresql://pg1:5432,PG2:5433/twx?targetServerType=primary&loadBalanceHosts=true", "jdbc:postgresql://pg1,pg2:5433/twx?loadBalanceHosts=true&targetServerType=primary"},
		{KindDatabase, EnginePostgreSQL, "jdbc:postgresql:thingworx", "jdbc:postgresql://localhost/thingworx"},
		{KindDatabase, EnginePostgreSQL, "jdbc:postgresql://[2001:DB8::1]:5432/t", "jdbc:postgresql://[2001:db8::1]/t"},
		{KindDatabase, EnginePostgreSQL, "postgres://u:p@pg.corp.example:5432/t", "postgres://pg.corp.example/t"},
		{KindDatabase, EnginePostgreSQL, "postgresql://u:p/w@pg.corp.example/t", "postgresql://pg.corp.example/t"},
		{KindDatabase, EngineSQLServer, `jdbc:sqlserver://SQL1\Inst1:1433;databaseName=twx;user=sa;password={s;x};encrypt=true`, "jdbc:sqlserver://sql1;databaseName=twx;encrypt=true"},
		{KindDatabase, EngineSQLServer, `jdbc:sqlserver://SQL1\Inst1;databaseName=twx`, "jdbc:sqlserver://sql1;databaseName=twx;instanceName=inst1"},
		{KindDatabase, EngineSQLServer, `jdbc:sqlserver://SQL1\MSSQLSERVER`, "jdbc:sqlserver://sql1"},
		{KindDatabase, EngineSQLServer, `SQL1.corp.example.\Inst1`, "jdbc:sqlserver://sql1.corp.example;instanceName=inst1"},
		{KindDatabase, EngineSQLServer, `tcp:sql1.corp.example, 1444`, "jdbc:sqlserver://sql1.corp.example:1444"},
		{KindDatabase, EnginePostgreSQL, "pg1,pg2", "pg1,pg2"},
		{KindDatabase, EngineSQLServer, "jdbc:sqlserver://;serverName=sql1.corp.example;portNumber=1444;database=twx", "jdbc:sqlserver://sql1.corp.example:1444;databaseName=twx"},
		{KindDatabase, EngineSQLServer, "jdbc:jtds:sqlserver://sql1:1433/twx;instance=I;domain=x", "jdbc:jtds:sqlserver://sql1;databaseName=twx;instanceName=i"},
		{KindDatabase, EngineAzureSQL, "jdbc:sqlserver://x.database.windows.net:1433;database=t;user=u@x;password=p@q;encrypt=true;hostNameInCertificate=*.database.windows.net;", "jdbc:sqlserver://x.database.windows.net;databaseName=t;encrypt=true"},
		{KindDatabase, EngineH2, "jdbc:h2:file:/ThingworxStorage/db;USER=sa", "jdbc:h2:file:/ThingworxStorage/db"},
		{KindDatabase, "", "pg:5432", "pg:5432"},
		{KindZooKeeper, "", "zk3.corp.example.:2181, zk1.corp.example:2181,ZK2.corp.example", "zk1.corp.example,zk2.corp.example,zk3.corp.example"},
		{KindZooKeeper, "", "zk2:2182,zk1:2181/thingworx/", "zk1,zk2:2182/thingworx"},
		{KindZooKeeper, "", "zk1:2181,zk1,ZK1.", "zk1"},
		{KindZooKeeper, "", "server.example:2888:3888:participant", "server.example"},
		{KindZooKeeper, "", "zk2:2181/t,zk1:2181/t", "zk1,zk2/t"},
		{KindZooKeeper, "", "zk2,zk1/a,b", "zk1,zk2/a,b"},
		{KindStorage, "", `\\?\UNC\NAS\Share`, `\\nas\Share`},
		{KindStorage, "", `\\nas.corp.example@SSL@8443\DavWWWRoot\Share`, `\\nas.corp.example\DavWWWRoot\Share`},
		{KindStorage, "", "NAS.corp.example:/export/prod/", "nas.corp.example:/export/prod"},
		{KindStorage, "", "nas.corp.example:2049:/export", "nas.corp.example:/export"},
		{KindStorage, "", "[2001:DB8::1]:/export", "[2001:db8::1]:/export"},
		{KindStorage, "", "nfs://nas.corp.example:2049/export//a", "nfs://nas.corp.example/export/a"},
		{KindStorage, "", `\\NAS.corp.example\Share\`, `\\nas.corp.example\Share`},
		{KindStorage, "", "//NAS/Share/", "//nas/Share"},
		{KindStorage, "", "/mnt/data/", "/mnt/data"},
		{KindStorage, "", "acct.file.core.windows.net", "acct.file.core.windows.net"},
		{KindStorage, "", "https://acct.file.core.windows.net/share?sv=2021&sig=abc", "https://acct.file.core.windows.net/share"},
		{KindStorage, "", "smb://dom;u:p@nas/share", "smb://nas/share"},
		{KindInfluxDB, "", "http://Influx.sin.example:8086/", "http://influx.sin.example:8086"},
		{KindInfluxDB, "", "influx.sin.example:8086", "influx.sin.example"},
		{KindInfluxDB, "", "https://admin:pw@influx:443/query?u=admin&p=pw&db=x", "https://influx/query"},
		{KindLoadBalancer, "", "https://LB.corp.example:443/Thingworx", "https://lb.corp.example/Thingworx"},
		{KindLoadBalancer, "", "10.0.0.1:8443", "10.0.0.1:8443"},
		{KindLoadBalancer, "", "::ffff:10.0.0.1", "10.0.0.1"},
		{KindDatabase, EnginePostgreSQL, "", ""},
		{KindDatabase, EnginePostgreSQL, "pg:99999", "pg"},
	} {
		got := canonicalEndpoint(c.in, c.kind, c.engine)
		if got != c.want {
			t.Errorf("%s %q:\n got %q\nwant %q", c.kind, c.in, got, c.want)
		}
		if again := canonicalEndpoint(got, c.kind, c.engine); again != got {
			t.Errorf("%q becomes %q", got, again)
		}
	}
}

func TestKeys(t *testing.T) {
	const arm = "/subscriptions/0000/resourceGroups/RG/providers/Microsoft.DBforPostgreSQL/flexibleServers/PG-1"
	for _, c := range []struct {
		name  string
		infra Infrastructure
		want  []string
	}{
		{"nothing", Infrastructure{Kind: KindStorage}, nil},
		{
			"managed database",
			Infrastructure{Kind: KindDatabase, Engine: EngineAzurePostgreSQLFlexible, Identity: ResourceIdentity{ARMID: arm + "/", Endpoint: "PG-1.postgres.database.azure.com"}},
			[]string{"arm:" + strings.ToLower(arm), "host:pg-1.postgres.database.azure.com:5432"},
		},
		{
			"private link",
			Infrastructure{Kind: KindDatabase, Engine: EngineAzurePostgreSQLFlexible, Identity: ResourceIdentity{Endpoint: "pg-1.privatelink.postgres.database.azure.com:5432"}},
			[]string{"host:pg-1.postgres.database.azure.com:5432"},
		},
		{
			"several hosts",
			Infrastructure{Kind: KindDatabase, Engine: EnginePostgreSQL, Identity: ResourceIdentity{Endpoint: "jdbc:postgresql://b.example,a.example:5433/t"}},
			[]string{"host:a.example:5433", "host:b.example:5432"},
		},
		{
			"further names",
			Infrastructure{Kind: KindDatabase, Engine: EnginePostgreSQL, Identity: ResourceIdentity{Endpoint: "a.example:6000", Addresses: []string{"B.example.", "192.0.2.1", "10.1.2.3"}}, FailoverEndpoint: "vip.example:9999"},
			[]string{"host:192.0.2.1:6000", "host:a.example:6000", "host:b.example:6000", "host:vip.example:9999", "site/s|host:10.1.2.3:6000"},
		},
		{"sql server", Infrastructure{Kind: KindDatabase, Engine: EngineSQLServer, Identity: ResourceIdentity{Endpoint: `jdbc:sqlserver://sql.example\i:1433;databaseName=x`}}, []string{"host:sql.example:1433"}},
		{"sql server by name", Infrastructure{Kind: KindDatabase, Engine: EngineSQLServer, Identity: ResourceIdentity{Endpoint: `sql.example\i`, Addresses: []string{"192.0.2.7"}}}, []string{`host:192.0.2.7\i`, `host:sql.example\i`}},
		{"azure sql database", Infrastructure{Kind: KindDatabase, Engine: EngineAzureSQL, Identity: ResourceIdentity{
			ARMID: "https://management.azure.com/subscriptions/0/resourceGroups/rg/providers/Microsoft.Sql/servers/S/databases/twx?api-version=2023-08-01",
		}}, []string{"arm:/subscriptions/0/resourcegroups/rg/providers/microsoft.sql/servers/s"}},
		{"volume", Infrastructure{Kind: KindStorage, Identity: ResourceIdentity{ARMID: "/subscriptions/0/resourceGroups/rg/providers/Microsoft.NetApp/netAppAccounts/a/capacityPools/p/volumes/v"}}, []string{
			"arm:/subscriptions/0/resourcegroups/rg/providers/microsoft.netapp/netappaccounts/a/capacitypools/p/volumes/v",
		}},
		{"pool of a managed server", Infrastructure{Kind: KindDatabase, Engine: EngineAzurePostgreSQLFlexible, Identity: ResourceIdentity{Endpoint: "pg-1.postgres.database.azure.com:6432"}}, []string{"host:pg-1.postgres.database.azure.com:5432"}},
		{"slip", Infrastructure{Kind: KindLoadBalancer, Identity: ResourceIdentity{Endpoint: "10.0.0.300"}}, []string{"site/s|host:10.0.0.300"}},
		{"embedded database", Infrastructure{Kind: KindDatabase, Engine: EngineH2, Identity: ResourceIdentity{Endpoint: "jdbc:h2:file:/x"}}, nil},
		{
			"zookeeper",
			Infrastructure{Kind: KindZooKeeper, Identity: ResourceIdentity{Endpoint: "z2.example:2181,z1.example,z3/chroot"}},
			[]string{"site/s|zk:z3:2181", "zk:z1.example:2181", "zk:z2.example:2181"},
		},
		{"nfs", Infrastructure{Kind: KindStorage, Identity: ResourceIdentity{Endpoint: "nas.example:/export"}}, []string{"nfs:nas.example"}},
		{"azure files", Infrastructure{Kind: KindStorage, Identity: ResourceIdentity{Endpoint: `\\acct.privatelink.file.core.windows.net\share`}}, []string{"nfs:acct.file.core.windows.net"}},
		{"disk", Infrastructure{Kind: KindStorage, Identity: ResourceIdentity{Endpoint: "/mnt/x"}}, nil},
		{"influx", Infrastructure{Kind: KindInfluxDB, Identity: ResourceIdentity{Endpoint: "http://influx.example:8086"}}, []string{"host:influx.example:8086"}},
		{"influx bare", Infrastructure{Kind: KindInfluxDB, Identity: ResourceIdentity{Endpoint: "influx.example"}}, []string{"host:influx.example:8086"}},
		{"load balancer", Infrastructure{Kind: KindLoadBalancer, Identity: ResourceIdentity{Endpoint: "https://lb.example:8443/x"}}, []string{"host:lb.example"}},
		{"public ipv6", Infrastructure{Kind: KindLoadBalancer, Identity: ResourceIdentity{Endpoint: "[2606:4700::1]:443"}}, []string{"host:[2606:4700::1]"}},
	} {
		if got := Keys("s", &c.infra); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestLocalNames(t *testing.T) {
	for host, want := range map[string]bool{
		"pg": true, "localhost": true, "127.0.0.1": true, "10.1.2.3": true, "172.16.0.1": true, "172.32.0.1": false, "192.168.1.1": true, "169.254.1.1": true, "100.64.0.1": true,
		"8.8.8.8": false, "::1": true, "fe80::1": true, "fd00::1": true, "2606:4700::1": false, "0.0.0.0": true, "pg.corp.example": false, "zk-0.zk.default.svc.cluster.local": true,
		"zk.default.svc": true, "ip-10-0-0-1.ec2.internal": true, "vm.x.internal.cloudapp.net": true, "db.localdomain": true, "224.0.0.1": true,
	} {
		if got := local(host); got != want {
			t.Errorf("local(%q) is %v", host, got)
		}
	}
}

func TestSpellingIsStable(t *testing.T) {
	kinds := rapid.SampledFrom([]InfrastructureKind{KindDatabase, KindZooKeeper, KindStorage, KindLoadBalancer, KindInfluxDB, ""})
	engines := rapid.SampledFrom([]Engine{EnginePostgreSQL, EngineSQLServer, EngineH2, ""})
	pieces := rapid.SampledFrom([]string{"pg", "Host.Example", ".", ":", "5432", "2181", "/", "//", `\`, `\\`, ",", "@", "?", "&", ";", "#", "=", "[", "]", "::1", "10.0.0.1", "jdbc:", "postgresql:", "sqlserver:", "h2:", "http://", "nfs://", "smb:", "ssl", "databaseName", "instance", "server", "port", "a", " ", "%", "é", "password", "hunter2"})
	rapid.Check(t, func(t *rapid.T) {
		kind, engine := kinds.Draw(t, "kind"), engines.Draw(t, "engine")
		in := strings.Join(rapid.SliceOfN(pieces, 0, 10).Draw(t, "pieces"), "")
		once := canonicalEndpoint(in, kind, engine)
		twice := canonicalEndpoint(once, kind, engine)
		if once != twice {
			t.Fatalf("%q becomes %q, then %q", in, once, twice)
		}
		i := Infrastructure{Kind: kind, Engine: engine, Identity: ResourceIdentity{Endpoint: in}}
		j := Infrastructure{Kind: kind, Engine: engine, Identity: ResourceIdentity{Endpoint: once}}
		if a, b := Keys("s", &i), Keys("s", &j); !slices.Equal(a, b) {
			t.Fatalf("%q has keys %q, in canonical spelling %q", in, a, b)
		}
	})
}
