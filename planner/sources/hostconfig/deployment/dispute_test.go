package deployment_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

func server(region, version string) string {
	return `{"id":"` + id + `Microsoft.DBforPostgreSQL/flexibleServers/twx-pg","name":"twx-pg","type":"Microsoft.DBforPostgreSQL/flexibleServers","location":"` + region + `","resourceGroup":"thingworx","version":"` + version + `"}`
}

// Where files of one import say different things, provenance has both with their places, and a finding tells it.
func TestDisputes(t *testing.T) {
	node := settings("zk1.x.example", "/a", "pg.x.example/twx")
	with := func(level string) string {
		return strings.Replace(node, `"BasicSettings"`, `"ExtensionPackageImportPolicy":{"haCompatibilityImportLevel":"`+level+`"},"BasicSettings"`, 1)
	}
	pool := func(one, two string) string {
		return " node_id | hostname | port | status | lb_weight | role\n---------+------+------+------+------+------\n 0 | db1 | 5432 | up | 0.5 | " + one + "\n 1 | db2 | 5432 | up | 0.5 | " + two + "\n(2 rows)\n"
	}
	for name, c := range map[string]struct {
		files   map[string]string
		want    []inventory.Provenance // those with something overruled or declared
		finding string                 // rule and words of its message
		note    string
	}{
		"two answers of Azure": {
			files: map[string]string{"new.json": server("westeurope", "15"), "old.json": "\n" + server("northeurope", "14")},
			want: []inventory.Provenance{
				{Path: "/infrastructure/0/placement/region", Source: "azure/new.json:1", Overruled: []inventory.Overruled{{Source: "azure/old.json:2", Value: "northeurope"}}},
				{Path: "/infrastructure/0/version", Source: "azure/new.json:1", Overruled: []inventory.Overruled{{Source: "azure/old.json:2", Value: "14"}}},
			},
			finding: "COL-009 the region of twx-pg is westeurope by azure/new.json:1 and northeurope by azure/old.json:2",
			note:    `new.json:1:1: "twx-pg" is described differently in old.json:2: region "westeurope" and "northeurope", version 15 and 14; the first was taken; import only the newer of the two files`,
		},
		"who was primary": {
			files: map[string]string{"a.txt": pool("primary", "standby"), "b.txt": pool("standby", "primary")},
			want: []inventory.Provenance{
				{Path: "/infrastructure/0/nodes/0/role", Source: "hostconfig/a.txt:1", Overruled: []inventory.Overruled{{Source: "hostconfig/b.txt:1", Value: "standby"}}},
				{Path: "/infrastructure/0/nodes/1/role", Source: "hostconfig/a.txt:1", Overruled: []inventory.Overruled{{Source: "hostconfig/b.txt:1", Value: "primary"}}},
			},
			note: `b.txt:1: the database "db1": the role of "db1" is "standby" here and "primary" in a.txt:1; "primary" was taken; correct the one that is out of date`,
		},
		"base paths": {
			files: map[string]string{
				"a/platform-settings.json": with("DENY"),
				"b/cxserver.conf":          "cx-server.discovery.connectionString=zk1.x.example\ncx-server.discovery.basePath=/a/services\n",
				"c/cxserver.conf":          "cx-server.discovery.connectionString=zk1.x.example\ncx-server.discovery.basePath=/b/services\n",
			},
			want:    []inventory.Provenance{{Path: "/clusters/0/uses/0/connectionServerBasePath", Source: "hostconfig/b/cxserver.conf:2", Overruled: []inventory.Overruled{{Source: "hostconfig/c/cxserver.conf:2", Value: "/b/services"}}}},
			finding: "CFG-004 connectionServerBasePath of a-zookeeper is /a/services by hostconfig/b/cxserver.conf:2 and /b/services by hostconfig/c/cxserver.conf:2",
		},
		"a manifest and what runs": {
			files: map[string]string{
				"compose.yml": "name: p\nservices:\n  zoo1: {image: \"zookeeper:3.8.4\", hostname: zk1.x.example}\n",
				"mntr.txt":    "$ echo mntr | nc zk1.x.example 2181\nzk_version\t3.9.1\nzk_server_state\tstandalone\n",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			names := make([]string, 0, len(c.files))
			for n := range c.files {
				names = append(names, n)
			}
			slices.Sort(names)
			r := run(t, c.files, names...)
			var got []inventory.Provenance
			for _, p := range r.Site.Provenance {
				if len(p.Overruled) > 0 || p.Declared != "" {
					got = append(got, p)
				}
			}
			times := cmpopts.IgnoreFields(inventory.Provenance{}, "ObservedAt")
			if diff := cmp.Diff(c.want, got, times, cmpopts.IgnoreFields(inventory.Overruled{}, "ObservedAt")); diff != "" {
				t.Errorf("provenance (-want +got):\n%s", diff)
			}
			if c.note != "" && !slices.ContainsFunc(r.Notes, func(p document.Problem) bool { return p.String() == c.note }) {
				t.Errorf("notes %+v", r.Notes)
			}
			engine, err := assess.Builtin()
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for _, f := range engine.Site(assess.View{Site: r.Site, At: r.Site.ObservedAt, WithoutRecommendation: true}).Findings {
				if f.Verdict == rules.Fail {
					told = append(told, f.Rule+" "+f.Message)
				}
			}
			rule, words, _ := strings.Cut(c.finding, " ")
			if !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, rule) && strings.Contains(s, words) }) && c.finding != "" {
				t.Errorf("findings %q", told)
			}
		})
	}
}

// TestOutcomesAreTheirOwn has a settings file refused beside an export that was understood: only the source of the settings
// has failed.
func TestOutcomesAreTheirOwn(t *testing.T) {
	r := run(t, map[string]string{"a/platform-settings.json": "nothing of that kind", "pg.json": server("westeurope", "15")}, "a/platform-settings.json", "pg.json")
	var got []string
	for _, s := range r.Site.Sources {
		got = append(got, s.Name+" "+string(s.Status)+" "+s.Detail)
	}
	if len(got) != 2 || got[0] != "azure ok 1 file read" || !strings.HasPrefix(got[1], "hostconfig failed a/platform-settings.json") {
		t.Errorf("%q", got)
	}
}

// What a person reads of files that say little: what is not known, and why, at its place.
func TestWordsForPeople(t *testing.T) {
	files := map[string]string{
		"a/mntr.txt":               "zk_version\t3.8.4\nzk_server_state\tstandalone\n",
		"b/haproxy.cfg":            "global\n maxconn 10\nlisten pg\n bind :5000\n server postgresql_1 127.0.0.1:5432 check\n server postgresql_2 127.0.0.1:5433 check\n",
		"c/haproxy.cfg":            "words\nglobal\n maxconn 10\n",
		"d/platform-settings.json": `{"PlatformSettingsConfig":{"BasicSettings":{"Storage":"/s"}},"x":1}`,
		"e/overrides.json.j2":      `{"PersistenceProviderPackageConfigs":{"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://{{ env_var("DATABASE_HOST", "pg") }}:{{ env_var("DATABASE_PORT", "5432") }}/twx"}}}}`,
		"f/haproxy.tmpl":           "global\n maxconn 1\nlisten pg\n bind :5000\n{{range gets}} server {{.Key}} {{.Value}}\n{{end}}\n",
		"g/main.bicep":             "param location string\nresource x 'Microsoft.X' = {}\n",
		"h/main.tf":                "resource \"azurerm_lb\" \"x\" {}\n",
		"i/docker-compose.yml":     "services:\n  zoo: {image: \"zookeeper:3.8\"}\n",
		"j/azuredeploy.json":       `{"$schema":"https://x/deploymentTemplate.json#","contentVersion":"1","parameters":{"n":{"type":"string"}},"resources":[{"type":"Microsoft.DBforPostgreSQL/flexibleServers","name":"[parameters('n')]","location":"westeurope"}]}`,
	}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	r := run(t, files, names...)
	var said []string
	for i := range r.Files {
		for _, p := range slices.Concat(r.Files[i].Problems, r.Files[i].Notes) {
			said = append(said, p.String())
		}
		if r.Files[i].Path == "a/mntr.txt" && r.Files[i].Used != 0 {
			t.Error("an answer that nothing assigns counts as used")
		}
	}
	for _, u := range r.Unassigned {
		said = append(said, u.File+": "+u.Type+": "+u.Reason)
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{
		"a/mntr.txt: zookeeper server: nothing tells which server gave the answer",
		"b/haproxy.cfg:3: servers of this section are on the machine of HAProxy itself",
		"c/haproxy.cfg: no section leads to a server",
		"d/platform-settings.json: the file configures no persistence provider",
		"e/overrides.json.j2: a template",
		`it is the expression {{ env_var("DATABASE_HOST", "pg") }}:{{ env_var("DATABASE_PORT", "5432") }};`,
		"f/haproxy.tmpl:5: the servers are not known, because a template writes them; give",
		"g/main.bicep:1:1: the source of a Bicep template, which is not read; export",
		"h/main.tf:1:1: the source of a Terraform configuration, which is not read; export",
		`i/docker-compose.yml: all containers of a compose file run on one machine, which the file does not name; it is called "i-docker-host"`,
		"a resource of type microsoft.dbforpostgresql/flexibleservers whose name is not known, so that it is not in the inventory",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nobody says %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
