package hostconfig_test

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestContract(t *testing.T) {
	const settings, providers = `{"PlatformSettingsConfig":{`, `{"PersistenceProviderPackageConfigs":{`
	sourcetest.Run(t, sourcetest.Contract{
		Collect: sourcetest.Imported(hostconfig.Import),
		Fixtures: map[string][]sourcetest.Input{
			"plant":  sourcetest.Folder(t, "testdata/plant"),
			"quirks": sourcetest.Folder(t, "testdata/quirks"),
		},
		Step:  2,
		Names: []string{"platform-settings.json", "zoo.cfg"},
		Hostile: map[string]sourcetest.Text{
			"platform-settings.json":     {Head: settings, Row: `"a":1,`},
			"platform-settings-keys":     {Head: settings, Row: `"a{#}":1,`},
			"platform-settings-open":     {Head: settings, Row: `"a":[`},
			"platform-settings-lists":    {Head: `{"PlatformSettingsConfig":[`, Row: `[],`},
			"platform-settings-words":    {Head: settings, Row: `a b `},
			"platform-settings-quotes":   {Head: settings, Row: "\"a\n"},
			"platform-settings-template": {Head: `{"PlatformSettingsConfig":{"a":"`, Row: `{{ `},
			"platform-settings-curly":    {Head: settings, Row: "“a”:“b” "},
			"platform-settings-comments": {Head: settings, Row: "/* a */ // b\n# c\n"},
			"platform-settings-provider": {Head: providers, Row: `"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://a.b,c/d"}},`},
			"platform-settings-url":      {Head: providers + `"PostgresPersistenceProviderPackage":{"ConnectionInformation":{"jdbcUrl":"jdbc:postgresql://`, Row: `${A}:1,`, Tail: `"}}}}`},
			"zoo.cfg":                    {Head: "tickTime=2000\n", Row: "server.1=a:1:2\n"},
			"zoo.cfg many":               {Head: "tickTime=2000\n", Row: "server.{#}=a{#}:1:2\n"},
			"zoo.cfg blank":              {Head: "tickTime=2000\n", Row: "\n"},
			"haproxy.cfg":                {Head: "global\n", Row: "backend b{#}\n server s h{#}:1 check\n"},
			"haproxy.cfg servers":        {Head: "global\nbackend b\n", Row: "server s{#} h{#}:1\n"},
			"pgpool.conf":                {Head: "num_init_children = 1\n", Row: "backend_hostname0 = 'a'\n"},
			"pgpool.conf many":           {Head: "num_init_children = 1\n", Row: "backend_hostname{#} = 'a{#}'\n"},
			"ignite.xml":                 {Head: "<bean class=\"IgniteConfiguration\">", Row: "<a b=\"c\">"},
			"cxserver.conf":              {Head: "cx-server {\n", Row: "a { b = \"c\" {"},
			"mntr":                       {Head: "zk_version\t3.4\n", Row: "echo mntr | nc a{#} 2181\n"},
			"show":                       {Head: "Data Nodes\nMeta Nodes\n", Row: "1 a{#}:1 v {\"az\":\"x\"}\n"},
			"pool_nodes":                 {Head: "node_id | hostname | port\n", Row: "{#} | a{#} | 1\n"},
			"variables.env":              {Head: "DATABASE_HOST=a\n", Row: "A=b\n"},
			"words":                      {Row: "global x "},
		},
	})
}
