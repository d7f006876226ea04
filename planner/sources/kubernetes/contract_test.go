package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/kubernetes"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestContract(t *testing.T) {
	const set = "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: NAME}\nspec: {replicas: 1000, serviceName: s, template: {metadata: {labels: {a: b}}, spec: {containers: [{image: \"IMAGE\"}]}}}\n"
	const service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: s{#}}\nspec: {type: LoadBalancer, selector: {a: b}}\n"
	sourcetest.Run(t, sourcetest.Contract{
		Collect:  sourcetest.Imported(kubernetes.Import),
		Fixtures: map[string][]sourcetest.Input{"plant": sourcetest.Folder(t, "testdata/plant")},
		IDs:      true,
		Step:     3,
		Names:    []string{"cluster.yaml"},
		Hostile: map[string]sourcetest.Text{
			"one object":  {Head: "apiVersion: v1\nkind: ConfigMap\ndata:\n", Row: "  a: b\n"},
			"documents":   {Head: "apiVersion: v1\nkind: X\n", Row: "---\napiVersion: v1\nkind: Y\n"},
			"workloads":   {Row: strings.NewReplacer("NAME", "n", "IMAGE", "zookeeper:3").Replace(set)},
			"different":   {Row: strings.NewReplacer("NAME", "n{#}", "IMAGE", foundation).Replace(set) + service},
			"flow":        {Head: "apiVersion: v1\nkind: [", Row: "a,"},
			"nested":      {Head: "apiVersion: v1\nkind: X\na: ", Row: "["},
			"nested maps": {Head: "apiVersion: v1\nkind: X\na: ", Row: "{a: "},
			"aliases":     {Head: "apiVersion: v1\nkind: X\na: &a [1,2,3]\nb:\n", Row: "- *a\n"},
			"text":        {Head: "apiVersion: v1\nkind: ConfigMap\ndata:\n  zoo.cfg: |\n    tickTime=1\n", Row: "    server.1=a:1:2\n"},
			"separators":  {Head: "apiVersion: v1\nkind: X\n", Row: "---\n"},
			"template":    {Head: "apiVersion: v1\nkind: X\n", Row: "{{ x }}\n"},
		},
	})
}
