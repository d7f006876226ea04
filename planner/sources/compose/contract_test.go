package compose_test

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/compose"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestContract(t *testing.T) {
	sourcetest.Run(t, sourcetest.Contract{
		Collect:  sourcetest.Imported(compose.Import),
		Fixtures: map[string][]sourcetest.Input{"plant": sourcetest.Folder(t, "testdata/plant")},
		IDs:      true,
		Names:    []string{"docker-compose.yml"},
		Hostile: map[string]sourcetest.Text{
			"services":  {Head: "services:\n", Row: "  s{#}: {image: " + foundation + ", scale: 100, environment: {ENABLE_CLUSTERED_MODE: true, COORDINATOR_HOSTS: \"zk{#}\"}}\n"},
			"same":      {Head: "services:\n", Row: "  a: {image: \"zookeeper:3\"}\n"},
			"variables": {Head: "services:\n  a:\n    image: " + foundation + "\n    environment:\n", Row: "      - A=b\n"},
			"volumes":   {Head: "services:\n  a:\n    image: " + foundation + "\n    volumes:\n", Row: "      - a{#}:/b\n"},
			"links":     {Head: "services:\n  a:\n    image: postgres\n    links:\n", Row: "      - a:b{#}\n"},
			"aliases":   {Head: "services:\n  a: &a {image: zookeeper}\n", Row: "  b{#}: *a\n"},
			"nested":    {Head: "services: ", Row: "{a: "},
			"text":      {Head: "services:\n  a: {image: \"", Row: "$"},
		},
	})
}
