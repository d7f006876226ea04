package deployment_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/compose"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/kubernetes"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func run(t *testing.T, files map[string]string, names ...string) importer.Result {
	t.Helper()
	list := make([]importer.File, len(names))
	for i, n := range names {
		list[i] = importer.File{Name: n, Data: []byte(files[n])}
	}
	r := deployment.Import(list, sourcetest.Options(t, "s"), []deployment.Reader{kubernetes.Read, compose.Read, hostconfig.Read}, azure.Read)
	sourcetest.CheckImport(t, &r)
	return r
}

const id = "/subscriptions/0a1b2c3d-1111-2222-3333-444455556666/resourceGroups/thingworx/providers/"

// Exports of a cloud tell where things are, settings tell who uses them: together they are one cluster on one database.
func TestWithCloudResources(t *testing.T) {
	settings := `{"PlatformSettingsConfig":{"BasicSettings":{"EnableClusteredMode":true},"ClusteredModeSettings":{"PlatformId":"NODE","CoordinatorHosts":"10.0.0.7:2181","ZKNamespace":"/a"}},
"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://twx-pg.postgres.database.azure.com/twx","password":"S3CR3T"}}}}`
	files := map[string]string{
		"vms.json": `[{"id":"` + id + `Microsoft.Compute/virtualMachines/twx-1","name":"twx-1","type":"Microsoft.Compute/virtualMachines","location":"westeurope","resourceGroup":"thingworx","hardwareProfile":{"vmSize":"Standard_F8s_v2"}},
{"id":"` + id + `Microsoft.Compute/virtualMachines/twx-2","name":"twx-2","type":"Microsoft.Compute/virtualMachines","location":"westeurope","resourceGroup":"thingworx","hardwareProfile":{"vmSize":"Standard_F8s_v2"}}]`,
		"pg.json":                      `{"id":"` + id + `Microsoft.DBforPostgreSQL/flexibleServers/twx-pg","name":"twx-pg","type":"Microsoft.DBforPostgreSQL/flexibleServers","location":"northeurope","resourceGroup":"thingworx","fullyQualifiedDomainName":"twx-pg.postgres.database.azure.com","version":"15"}`,
		"twx-1/platform-settings.json": strings.ReplaceAll(settings, "NODE", "n1"),
		"twx-2/platform-settings.json": strings.ReplaceAll(settings, "NODE", "n2"),
	}
	r := run(t, files, "vms.json", "pg.json", "twx-1/platform-settings.json", "twx-2/platform-settings.json")
	s := r.Site
	if len(s.Clusters) != 1 || len(s.Clusters[0].Nodes(inventory.Foundation)) != 2 {
		t.Fatalf("clusters %s", sourcetest.JSON(t, s.Clusters))
	}
	c := &s.Clusters[0]
	for i, n := range c.Nodes(inventory.Foundation) {
		if n.Placement.Region != "westeurope" || n.Settings.PlatformID != []string{"n1", "n2"}[i] {
			t.Errorf("node %+v", n)
		}
	}
	uses := c.Used(inventory.AsDatabase)
	if len(uses) != 1 || uses[0].Database != "twx" || s.Infra(uses[0].Infrastructure).Placement.Region != "northeurope" {
		t.Errorf("database %+v of %s", uses, sourcetest.JSON(t, s.Infrastructure))
	}
	if zk := c.Used(inventory.AsZooKeeper); len(zk) != 1 || zk[0].Namespace != "/a" || !c.Clustered() {
		t.Errorf("ZooKeeper %+v", zk)
	}
	var names []string
	for _, x := range s.Sources {
		names = append(names, x.Name)
	}
	if diff := cmp.Diff([]string{"azure", "hostconfig"}, names); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if len(r.Notes) != 0 || len(r.Unassigned) != 0 {
		t.Errorf("notes %+v, unassigned %+v", r.Notes, r.Unassigned)
	}
}

const clustered = `{"PlatformSettingsConfig":{"BasicSettings":{"EnableClusteredMode":true,"Storage":"/s"},"ClusteredModeSettings":{"CoordinatorHosts":"ZK","ZKNamespace":"NS"}},
"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://DB"}}}}`

func settings(zk, ns, db string) string {
	return strings.NewReplacer(`"ZK"`, `"`+zk+`"`, `"NS"`, `"`+ns+`"`, "//DB", "//"+db).Replace(clustered)
}

// Which settings files are of one cluster: never two clusters made one, because sharing is what the rules are about.
func TestOneClusterOrTwo(t *testing.T) {
	base := settings("zk1.x.example:2181,zk2.x.example:2181", "/a", "pg.x.example/twx")
	for name, c := range map[string]struct {
		other    string
		clusters int
	}{
		"the same":              {base, 1},
		"a part of the list":    {settings("zk2.x.example", "/a/", "pg.x.example/twx"), 1},
		"another namespace":     {settings("zk1.x.example", "/b", "pg.x.example/twx"), 2},
		"no namespace":          {settings("zk1.x.example", "", "pg.x.example/twx"), 2},
		"another database":      {settings("zk1.x.example", "/a", "pg.x.example/other"), 2},
		"another server":        {settings("zk1.x.example", "/a", "pg2.x.example/twx"), 2},
		"another ensemble":      {settings("zk9.x.example", "/a", "pg.x.example/twx"), 2},
		"not in clustered mode": {strings.Replace(base, "true", "false", 1), 2},
		"not told":              {strings.Replace(base, `"EnableClusteredMode":true,`, "", 1), 2},
	} {
		r := run(t, map[string]string{"a1/platform-settings.json": base, "b1/platform-settings.json": c.other}, "a1/platform-settings.json", "b1/platform-settings.json")
		if n := len(r.Site.Clusters); n != c.clusters {
			t.Errorf("%s: %d clusters, want %d", name, n, c.clusters)
		}
	}
}

// A cluster may have several providers; the nodes of one cluster have the same ones.
func TestSeveralProviders(t *testing.T) {
	text := strings.Replace(settings("zk1.x.example", "/a", "pg.x.example/model"), `"PostgresPersistenceProviderPackage"`, `"SecondPostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://data.x.example/twx"}},
"ThirdPostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://pg.x.example/other"}},"PostgresPersistenceProviderPackage"`, 1)
	r := run(t, map[string]string{"a1/platform-settings.json": text, "b1/platform-settings.json": text}, "a1/platform-settings.json", "b1/platform-settings.json")
	if c := r.Site.Clusters; len(c) != 1 || len(c[0].Nodes(inventory.Foundation)) != 2 || len(c[0].Used(inventory.AsDatabase)) != 3 || len(r.Notes) != 0 {
		t.Errorf("%s %+v", sourcetest.JSON(t, c), r.Notes)
	}
	if len(r.Databases) != 2 || r.Databases[0].Known {
		t.Errorf("databases %+v", r.Databases)
	}
	r = run(t, map[string]string{"a1/platform-settings.json": settings("zk1.x.example", "/a", "pg.c.xx-nowhere-9.rds.amazonaws.com/twx")}, "a1/platform-settings.json")
	if p := r.Site.Infrastructure[1].Placement; p.Region != "" && len(r.Notes) == 0 {
		t.Errorf("placement %+v, notes %+v", p, r.Notes)
	}
}

// Addresses that mean the machine itself, or something in a container network, are not one thing because they read alike.
func TestLocalAddresses(t *testing.T) {
	local := settings("localhost:2181", "/a", "127.0.0.1/twx")
	r := run(t, map[string]string{"a1/platform-settings.json": local, "b1/platform-settings.json": local, "a1/zoo.cfg": "tickTime=1\nserver.1=localhost:1:2\n"},
		"a1/platform-settings.json", "b1/platform-settings.json", "a1/zoo.cfg")
	if len(r.Site.Clusters) != 2 || len(r.Site.Infrastructure) < 6 {
		t.Errorf("%s", sourcetest.JSON(t, r.Site))
	}
	for _, in := range r.Site.Infrastructure {
		if in.Identity.Endpoint != "" && strings.Contains(in.Identity.Endpoint, "127.") {
			t.Errorf("endpoint %s", in.Identity.Endpoint)
		}
	}
	file := "services:\n  pg: {image: \"postgres:15\"}\n  twx: {image: \"x/thingworx-platform-postgres:9.5\", environment: {DATABASE_HOST: pg}}\n"
	r = run(t, map[string]string{"a/compose.yml": file, "b/compose.yml": file}, "a/compose.yml", "b/compose.yml")
	if len(r.Site.Infrastructure) != 2 || r.Site.Infrastructure[0].Identity.Endpoint != "" || r.Site.Clusters[0].Uses[0].Infrastructure == r.Site.Clusters[1].Uses[0].Infrastructure {
		t.Errorf("%s", sourcetest.JSON(t, r.Site))
	}
	// Two settings in one folder are not of one machine.
	r = run(t, map[string]string{"a1/platform-settings.json": local, "a1/platform-settings-2.json": local}, "a1/platform-settings.json", "a1/platform-settings-2.json")
	for i := range r.Site.Clusters {
		for _, n := range r.Site.Clusters[i].Nodes(inventory.Foundation) {
			if n.Machine == "a1" {
				t.Errorf("node %+v", n)
			}
		}
	}
}

// A third file can tell that two infrastructures are one; where files disagree, a note says so.
func TestJoiningAndDisagreement(t *testing.T) {
	r := run(t, map[string]string{
		"a1/zoo.cfg":                "tickTime=1\nclientPort=2181\nserver.1=zk1.x.example:1:2\nserver.2=zk2.x.example:1:2\n",
		"b1/zoo.cfg":                "tickTime=1\nclientPort=2181\nserver.3=zk3.x.example:1:2\nserver.4=zk4.x.example:1:2\n",
		"c1/platform-settings.json": settings("zk2.x.example,zk3.x.example", "/a", "pg.x.example/twx?currentSchema=one"),
		"d1/platform-settings.json": strings.Replace(settings("zk2.x.example", "/a", "pg.x.example/twx"), `"Storage":"/s"`, `"Storage":"/t"`, 1),
		"e1/cxserver.conf":          "cx-server.discovery.connectionString=zk1.x.example\ncx-server.discovery.basePath=/a/services\n",
		"f1/cxserver.conf":          "cx-server.discovery.connectionString=zk1.x.example\ncx-server.discovery.basePath=/b/services\n",
		"g1/cxserver.conf":          "cx-server.discovery.connectionString=zk9.x.example\n",
		"h1/cxserver.conf":          "cx-server.transport.websockets.platform-endpoint=\"wss://c1.x.example:443/x\"\n",
		"i1/cxserver.conf":          "cx-server.thing.name=x\n",
		"zk4/mntr.txt":              "zk_version\t3.8\nzk_server_state\tfollower\n",
	}, "a1/zoo.cfg", "b1/zoo.cfg", "c1/platform-settings.json", "d1/platform-settings.json", "e1/cxserver.conf", "f1/cxserver.conf", "g1/cxserver.conf", "h1/cxserver.conf", "i1/cxserver.conf", "zk4/mntr.txt")
	s := r.Site
	if len(s.Clusters) != 1 {
		t.Fatalf("%s", sourcetest.JSON(t, s.Clusters))
	}
	zk := s.Infra(s.Clusters[0].Used(inventory.AsZooKeeper)[0].Infrastructure)
	if len(zk.Nodes) != 4 || zk.Nodes[3].Role != "follower" || zk.Version != "3.8" {
		t.Errorf("ensemble %+v", zk)
	}
	if n := len(s.Clusters[0].Nodes(inventory.ConnectionServer)); n != 3 {
		t.Errorf("%d connection servers", n)
	}
	if len(r.Unassigned) != 2 || len(r.Notes) != 1 || r.Notes[0].String() != `f1/cxserver.conf:2: cluster "a": the base path of the connection servers is "/b/services" here and "/a/services" in e1/cxserver.conf:2; "/a/services" was taken; bring the files into line` {
		t.Errorf("unassigned %+v, notes %+v", r.Unassigned, r.Notes)
	}
	if n := len(s.Clusters[0].Used(inventory.AsStorage)); n != 2 {
		t.Errorf("%d storages", n)
	}
}

// Two clusters on one ensemble: satellites go where their paths fit, and nowhere when they fit both or none.
func TestSatellitesOfTwoClusters(t *testing.T) {
	cache := func(ns, db, path string) string {
		return strings.Replace(settings("zk1.x.example", ns, db), `"ClusteredModeSettings"`, `"cache":{"provider-type":"Ignite","ignite":{"address-resolver":{"basePath":"`+path+`"}}},"ClusteredModeSettings"`, 1)
	}
	ignite := `<bean class="IgniteConfiguration"><property name="zkConnectionString" value="zk1.x.example"/><property name="basePath" value="/ib"/></bean>`
	r := run(t, map[string]string{
		"a1/platform-settings.json": cache("/a", "pg.x.example/a", "/ia"), "b1/platform-settings.json": cache("/b", "pg.x.example/b", "/ib"),
		"c1/cxserver.conf": "cx-server.discovery.connectionString=zk1.x.example\ncx-server.discovery.basePath=/b/services\n",
		"d1/cxserver.conf": "cx-server.discovery.connectionString=zk1.x.example\n",
		"e1/config.xml":    ignite,
		"lb1/haproxy.cfg":  "global\nbackend x\n option httpchk GET /Thingworx/ready\n server a1 a1.x.example:80\nbackend y\n server b1 10.0.0.1:80\nbackend z\n server z1 127.0.0.1:80\n",
	}, "a1/platform-settings.json", "b1/platform-settings.json", "c1/cxserver.conf", "d1/cxserver.conf", "e1/config.xml", "lb1/haproxy.cfg")
	s := r.Site
	if len(s.Clusters) != 2 || len(s.Clusters[0].Nodes(inventory.ConnectionServer)) != 0 || len(s.Clusters[1].Nodes(inventory.ConnectionServer)) != 1 || len(s.Clusters[1].Nodes(inventory.Ignite)) != 1 {
		t.Errorf("%s", sourcetest.JSON(t, s.Clusters))
	}
	if len(r.Unassigned) != 1 || !strings.Contains(r.Unassigned[0].Reason, "several clusters") {
		t.Errorf("unassigned %+v", r.Unassigned)
	}
	for i := range s.Clusters {
		if len(s.Clusters[i].Used(inventory.AsLoadBalancer)) != 1 {
			t.Errorf("load balancer of %s: %+v", s.Clusters[i].ID, s.Clusters[i].Uses)
		}
	}
}

func TestBalancerOfTheOnlyCluster(t *testing.T) {
	files := map[string]string{
		"a1/platform-settings.json": settings("zk1.x.example", "/a", "pg.x.example/a"),
		"haproxy.cfg":               "global\nbackend twx\n option httpchk GET /Thingworx/health\n server s1 10.0.0.1:80\n",
	}
	r := run(t, files, "a1/platform-settings.json", "haproxy.cfg")
	if u := r.Site.Clusters[0].Used(inventory.AsLoadBalancer); len(u) != 1 || u[0].HealthPath != "/Thingworx/health" || u[0].StickySessions != nil {
		t.Errorf("uses %+v", u)
	}
	files["haproxy.cfg"] = strings.NewReplacer("twx", "web", "/Thingworx/health", "/").Replace(files["haproxy.cfg"])
	r = run(t, files, "a1/platform-settings.json", "haproxy.cfg")
	if u := r.Site.Clusters[0].Used(inventory.AsLoadBalancer); len(u) != 0 || len(r.Unassigned) != 1 {
		t.Errorf("uses %+v, unassigned %+v", u, r.Unassigned)
	}
}

func TestSettingsOfOneNodeDiffer(t *testing.T) {
	base := settings("zk1.x.example", "/a", "pg.x.example/a")
	other := strings.Replace(base, `"ZKNamespace"`, `"ModelSyncPollInterval":200,"ZKNamespace"`, 1)
	first := strings.Replace(base, `"ZKNamespace"`, `"ModelSyncPollInterval":100,"ZKNamespace"`, 1)
	r := run(t, map[string]string{"a1/platform-settings.json": first, "b1/platform-settings.json": other, "c1/platform-settings.json": first}, "a1/platform-settings.json", "b1/platform-settings.json", "c1/platform-settings.json")
	nodes := r.Site.Clusters[0].Nodes(inventory.Foundation)
	if len(nodes) != 3 || nodes[0].Settings.ModelSyncPollInterval != 0 || nodes[1].Settings.ModelSyncPollInterval.String() != "200ms" || nodes[2].Settings.ModelSyncPollInterval != 0 {
		t.Errorf("%s", sourcetest.JSON(t, r.Site.Clusters))
	}
}

// A file that a source knows as its own stays refused for its reason, whatever the readers after it say.
func TestRefusals(t *testing.T) {
	r := run(t, map[string]string{"x/platform-settings.json": "garbage", "y.json": `{"what":1}`, "z.txt": "hello", "w.yml": "services:\n a: [\n"}, "x/platform-settings.json", "y.json", "z.txt", "w.yml")
	if r.Status() != importer.Refused || r.Site != nil || len(r.Files) != 4 {
		t.Errorf("%s", sourcetest.JSON(t, r))
	}
	if !strings.Contains(r.Files[3].Kind, "compose") || !strings.Contains(r.Files[0].Kind, "platform-settings") && !strings.Contains(r.Files[0].Kind, "other") {
		t.Errorf("kinds %q %q", r.Files[0].Kind, r.Files[3].Kind)
	}
	many := map[string]string{}
	var names []string
	for i := range 15 {
		name := "h" + string(rune('a'+i)) + "/platform-settings.json"
		many[name], names = `{"PlatformSettingsConfig":{},}`, append(names, name)
	}
	r = run(t, many, names...)
	if d := r.Site.Sources[0].Detail; !strings.Contains(d, "and 5 further files") {
		t.Errorf("detail %q", d)
	}
	r = deployment.Import([]importer.File{{Name: "platform-settings.json", Data: []byte(`{"PlatformSettingsConfig":{}}`)}}, sourcetest.Options(t, ""), []deployment.Reader{hostconfig.Read})
	if r.Site.Site.ID != "import" || len(r.Notes) != 1 {
		t.Errorf("site %q, notes %+v", r.Site.Site.ID, r.Notes)
	}
}

func TestParseHost(t *testing.T) {
	for in, want := range map[string]string{
		"A.X.example.:80": "a.x.example:80", "10.0.0.1": "10.0.0.1", "[::1]:5432": "[::1]:5432", "[::1]": "[::1]", "fd00::1": "[fd00::1]", "my_db:1": "my_db:1",
		"": "", "a b": "", "a:": "a", "a:0": "", "a:x": "", "[::1": "", "[::1]x": "", "1.2.3": "", "a:70000": "", "[zz]:1": "zz:1",
	} {
		h, ok := deployment.ParseHost(in)
		if got := h.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v, want %q", in, got, ok, want)
		}
	}
	for host, want := range map[string]bool{"localhost": true, "a.localhost": true, "localhost.localdomain": true, "127.9.9.9": true, "0.0.0.0": true, "::1": true, "::ffff:127.0.0.1": true, "db": false, "10.0.0.1": false} {
		if deployment.Loopback(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	if hosts, odd := deployment.ParseHosts("a:1, b ,,!,c/chroot"); len(hosts) != 3 || odd != 1 {
		t.Errorf("%v %d", hosts, odd)
	}
}

// All real files with all readers: every one is understood or says why not, only source text of a program is refused, and
// no password that was blacked out in them comes through.
func TestCorpus(t *testing.T) {
	for folder, want := range map[string][3]int{"5_thingworx": {23, 7, 1}, "6_infra": {35, 6, 0}} {
		r := deployment.Import(sourcetest.Corpus(t, folder), sourcetest.Options(t, "corpus"), []deployment.Reader{kubernetes.Read, compose.Read, hostconfig.Read}, azure.Read)
		sourcetest.CheckImport(t, &r)
		var got [3]int
		for _, f := range r.Files {
			got[map[importer.Status]int{importer.Understood: 0, importer.Partial: 1, importer.Refused: 2}[f.Status]]++
		}
		if got != want {
			t.Errorf("%s: understood, partial, refused %v, want %v", folder, got, want)
		}
		if strings.Contains(sourcetest.JSON(t, r), "REDACTED") {
			t.Errorf("%s: a password comes through", folder)
		}
	}
}
