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
