package terraform

import (
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestContract(t *testing.T) {
	sourcetest.Run(t, sourcetest.Contract{
		Collect: sourcetest.Imported(Import),
		Fixtures: map[string][]sourcetest.Input{
			"state": sourcetest.Folder(t, "testdata/state"),
			"plan":  sourcetest.Folder(t, "testdata/plan"),
		},
		IDs:   true,
		Names: []string{"state.json"},
		Hostile: map[string]sourcetest.Text{
			"machines":    {Head: `{"version":4,"terraform_version":"1","resources":[`, Row: `{"type":"azurerm_linux_virtual_machine","instances":[{"attributes":{"name":"twx-{#}","location":"nowhere{#}"}}]},`, Tail: "{}]}"},
			"clusters":    {Head: `{"version":4,"terraform_version":"1","resources":[`, Row: `{"type":"azurerm_linux_virtual_machine","instances":[{"attributes":{"name":"twx-{#}","resource_group_name":"rg{#}","tags":{"meridian:cluster":"c{#}","meridian:component":"foundation"}}}]},{"type":"azurerm_lb","instances":[{"attributes":{"name":"twx-lb-{#}","resource_group_name":"rg{#}"}}]},`, Tail: "{}]}"},
			"flat":        {Head: `{"version":3,"terraform_version":"0.9","modules":[{"resources":{"a.b":{"type":"azurerm_lb","primary":{"attributes":{`, Row: `"a.{#}.b":"1",`, Tail: `"a.#":"1"}}}}}]}`},
			"flat, deep":  {Head: `{"version":3,"terraform_version":"0.9","modules":[{"resources":{"a.b":{"type":"azurerm_lb","primary":{"attributes":{"`, Row: `a.`, Tail: `":"1"}}}}}]}`},
			"flat, apart": {Head: `{"version":3,"terraform_version":"0.9","modules":[{"resources":{"a.b":{"type":"azurerm_lb","primary":{"attributes":{`, Row: `"a{#}.b.c":"1",`, Tail: `"x":"1"}}}}}]}`},
			"modules":     {Head: `{"format_version":"1.0","terraform_version":"1","planned_values":{"root_module":{"child_modules":[`, Row: `{"resources":[{"type":"azurerm_lb","values":{"name":"a"}}]},`, Tail: `{}]}}}`},
			"foreign":     {Head: `{"version":4,"terraform_version":"1","resources":[`, Row: `{"type":"p{#}_x","instances":[{"attributes":{}}]},`, Tail: "{}]}"},
		},
	})
}

// Every fact of a plan says that it is one.
func TestPlannedValuesAreMarked(t *testing.T) {
	r := Import(sourcetest.Folder(t, "testdata/plan"), options(t))
	if len(r.Site.Provenance) == 0 {
		t.Fatal("no provenance")
	}
	for _, p := range r.Site.Provenance {
		if !strings.HasPrefix(p.Source, SourcePlan) && p.Source != importer.SourceSKU {
			t.Errorf("%s comes from %s", p.Path, p.Source)
		}
	}
	for _, s := range r.Site.Sources {
		if s.Name != SourcePlan || s.Status != inventory.SourceOK {
			t.Errorf("source %+v", s)
		}
	}
}
