package azure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/folder"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

func template(parameters, variables, resources string) string {
	return `{"$schema":"https://schema.example/deploymentTemplate.json#","contentVersion":"1.0.0.0","parameters":{` + parameters + `},"variables":{` + variables + `},"resources":[` + resources + `]}`
}

func TestTemplates(t *testing.T) {
	r := one(t, template(
		`"place":{"type":"string","defaultValue":"westeurope"},"pw":{"type":"secureString","defaultValue":"S3CR3T"},"none":{"type":"string"},"ha":{"type":"object","defaultValue":{"mode":"ZoneRedundant"}}`,
		`"size":"[variables('base')]","base":"Standard_D4ds_v5","loop":"[variables('loop')]","zone":{"primary":"1"}`,
		`{"type":"Microsoft.DBforPostgreSQL/flexibleServers","name":"pg-t","location":"[parameters('place')]","sku":{"name":"[variables('size')]","tier":"GeneralPurpose"},"properties":{"administratorLoginPassword":"[parameters('pw')]","version":"[parameters('none')]","availabilityZone":"[variables('zone').primary]","highAvailability":"[parameters('ha')]","storage":{"storageSizeGB":128}}},
		 {"type":"Microsoft.DBforPostgreSQL/flexibleServers","name":"[concat('a',parameters('pw'))]","location":"[resourceGroup().location]","sku":{"name":"[variables('loop')]"},"copy":{"name":"x","count":2},"properties":{"administratorLoginPassword":"S3CR3T","version":"[parameters('pw')]"},"resources":[{"type":"Microsoft.Cache/Redis","name":"r"},7]},
		 {"type":"Microsoft.Resources/deployments","name":"inner","properties":{"template":{"parameters":{"place":{"defaultValue":"northeurope"}},"resources":{"sql":{"type":"Microsoft.Sql/servers","name":"sql-t","location":"[parameters('place')]"}}}}},
		 {"type":"Microsoft.Resources/deployments","name":"linked","properties":{"templateLink":{"uri":"https://x/?sig=S3CR3T"}}}`))
	want := []inventory.Infrastructure{
		{
			ID: "pg-t", Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Tier: "GeneralPurpose", SKU: "Standard_D4ds_v5", CPU: 4, MemoryGiB: 16, StorageGiB: 128, MaxConnections: 1718,
			Placement: inventory.Placement{Provider: "azure", Region: "westeurope", Zone: "1"}, HighAvailability: &inventory.HighAvailability{Mode: inventory.HAZoneRedundant},
		},
		{ID: "sql-t", Kind: inventory.KindDatabase, Engine: inventory.EngineAzureSQL, Placement: inventory.Placement{Provider: "azure", Region: "northeurope"}},
	}
	if diff := cmp.Diff(want, r.Site.Infrastructure); diff != "" {
		t.Errorf("infrastructure (-want +got):\n%s", diff)
	}
	all := problems(r.Files[0])
	for _, part := range []string{"version = [parameters('none')]", "location = [resourceGroup().location]", "name = [concat('a',parameters('pw'))]", "made in a loop", "links another template", "no resource; it is a number"} {
		if !strings.Contains(all, part) {
			t.Errorf("problems do not tell %q:\n%s", part, all)
		}
	}
	for _, row := range r.Databases {
		if !row.Asked {
			t.Errorf("row %+v is not marked as asked for", row)
		}
	}
	if text, err := json.Marshal(r); err != nil || strings.Contains(string(text), "S3CR3T") {
		t.Errorf("a planted secret is in the result, or %v", err)
	}
}

func TestTemplateCorpus(t *testing.T) {
	root := os.Getenv("MERIDIAN_CORPUS")
	if root == "" {
		t.Skip("MERIDIAN_CORPUS names no folder with data/")
	}
	files, err := folder.Collect([]string{filepath.Join(root, "data", "4_iac", "arm_flexible_server"), filepath.Join(root, "data", "4_iac", "thingworx_on_azure_arm")})
	if err != nil {
		t.Fatal(err)
	}
	r := Import(files, options(t, "templates"))
	valid(t, r.Site)
	counts, products := map[importer.Status]int{}, map[string]int{}
	for _, f := range r.Files {
		counts[f.Status]++
		if f.Status != importer.Understood && (len(f.Problems) == 0 || f.Problems[0].Remedy == "") {
			t.Errorf("%s: %s without reason or remedy", f.Path, f.Status)
		}
	}
	for _, d := range r.Databases {
		products[d.Engine]++
	}
	if diff := cmp.Diff(map[importer.Status]int{importer.Understood: 2, importer.Partial: 7, importer.Refused: 9}, counts); diff != "" {
		t.Errorf("files by status (-want +got):\n%s", diff)
	}
	if products["azure-postgresql-flexible"] != 3 {
		t.Errorf("databases %v, want 3 Flexible Servers", products)
	}
}
