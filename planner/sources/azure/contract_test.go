package azure

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestContract(t *testing.T) {
	const row = `{"id":"/subscriptions/0a1b2c3d-1111-2222-3333-444455556666/resourceGroups/thingworx/providers/Microsoft.Compute/virtualMachines/twx-{#}","type":"Microsoft.Compute/virtualMachines","location":"nowhere{#}"},`
	const head = `{"$schema":"https://x/deploymentTemplate.json#","contentVersion":"1",`
	sourcetest.Run(t, sourcetest.Contract{
		Collect: sourcetest.Imported(Import),
		Fixtures: map[string][]sourcetest.Input{
			"plant":    sourcetest.Folder(t, "testdata/plant"),
			"template": sourcetest.Folder(t, "testdata/template"),
			"request":  sourcetest.Folder(t, "testdata/request"),
			"parameters": append(sourcetest.Folder(t, "testdata/template"), sourcetest.Input{Name: "main.parameters.json", Data: []byte(`{"$schema":"https://x/deploymentParameters.json#","contentVersion":"1.0.0.0",
 "parameters":{"pw":{"value":"S3CR3T"},"place":{"value":"westeurope"},"vault":{"reference":{"keyVault":{"id":"/S3CR3T"},"secretName":"S3CR3T"}}}}`)}),
		},
		IDs:   true,
		Step:  3,
		Names: []string{"export.json"},
		Hostile: map[string]sourcetest.Text{
			"machines":       {Head: "[", Row: row, Tail: "{}]"},
			"table":          {Head: "Name  Location  PowerState\n----  --------  ----------\n", Row: "a  b  c  d\n"},
			"table, wide":    {Row: "a  ", Tail: "\n-  -\n"},
			"one long row":   {Head: "Name  Location  PowerState\n----  --------  ----------\n", Row: "a  "},
			"resources":      {Head: head + `"resources":[`, Row: `{"type":"Microsoft.Sql/servers","name":"[concat('a',{#})]","location":"[parameters('x')]"},`, Tail: "{}]}"},
			"variables":      {Head: head + `"variables":{`, Row: `"v{#}":"[variables('v{#}')]",`, Tail: `"a":1},"resources":[{"type":"Microsoft.Sql/servers","name":"[variables('v1')]"}]}`},
			"look-ups":       {Head: head + `"variables":{"v":[{"v":1},{"v":2}]},"resources":[{"type":"Microsoft.Sql/servers","name":"x","tags":[`, Row: `"[variables('v')]",`, Tail: `1]}]}`},
			"one expression": {Head: head + `"resources":[{"type":"Microsoft.Sql/servers","name":"[`, Row: `concat(`, Tail: `]"}]}`},
		},
	})
}
