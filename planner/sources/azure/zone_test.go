package azure

import (
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/importer"
)

const zoned = "/subscriptions/0a1b2c3d-1111-2222-3333-444455556666"

// The list of regions that az account list-locations exports tells the physical zones of a subscription.
func TestPhysicalZones(t *testing.T) {
	locations := `[
	  {"id":"` + zoned + `/locations/westeurope","name":"westeurope","type":"Region","displayName":"West Europe","regionalDisplayName":"(Europe) West Europe","metadata":{"regionType":"Physical"},
	   "availabilityZoneMappings":[{"logicalZone":"1","physicalZone":"westeurope-az3"},{"logicalZone":"2","physicalZone":"westeurope-az1"},{"logicalZone":"","physicalZone":"x"}]},
	  {"id":"` + zoned + `/locations/westus","name":"westus","type":"Region","displayName":"West US","regionalDisplayName":"(US) West US","availabilityZoneMappings":null},
	  {"id":"/subscriptions/{id}/locations/northeurope","name":"northeurope","type":"Region","displayName":"North Europe","regionalDisplayName":"(Europe) North Europe","availabilityZoneMappings":[{"logicalZone":"1","physicalZone":"northeurope-az1"}]}]`
	server := `[{"id":"` + zoned + `/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg","name":"pg","type":"Microsoft.DBforPostgreSQL/flexibleServers","location":"West Europe","sku":{"name":"Standard_D4ds_v5","tier":"GeneralPurpose"},"properties":{"availabilityZone":"1"}}]`
	r := Import([]importer.File{{Name: "locations.json", Data: []byte(locations)}, {Name: "pg.json", Data: []byte(server)}}, options(t, "s"))
	valid(t, r.Site)
	if p := r.Site.Infrastructure[0].Placement; p.Zone != "1" || p.PhysicalZone != "westeurope-az3" {
		t.Errorf("%+v", p)
	}
	source := ""
	for _, p := range r.Site.Provenance {
		if strings.HasSuffix(p.Path, "/physicalZone") {
			source = p.Source
		}
	}
	if source != SourceZones {
		t.Errorf("the physical zone is said to come from %q", source)
	}
	f := r.Files[0]
	if f.Status != importer.Partial || len(f.Problems) != 1 || f.Problems[0].Path != "/0/availabilityZoneMappings" && f.Problems[0].Line == 0 || f.Used != 1 || f.Resources != 3 {
		t.Errorf("%+v", f)
	}
}

// max_connections as set counts against the default of the size, and is said to be seen.
func TestMaxConnections(t *testing.T) {
	id := zoned + "/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg"
	server := `{"id":"` + id + `","name":"pg","type":"Microsoft.DBforPostgreSQL/flexibleServers","location":"westeurope","sku":{"name":"Standard_D4ds_v5","tier":"GeneralPurpose"},"properties":{}}`
	for value, want := range map[string]struct {
		connections int
		source      string
		status      importer.Status
	}{
		`"900"`:    {900, Source, importer.Understood},
		`900`:      {900, Source, importer.Understood},
		`"0"`:      {1718, importer.SourceSKU, importer.Partial},
		`"9.5"`:    {1718, importer.SourceSKU, importer.Partial},
		`"262144"`: {1718, importer.SourceSKU, importer.Partial},
		`"many"`:   {1718, importer.SourceSKU, importer.Partial},
		`null`:     {1718, importer.SourceSKU, importer.Partial},
	} {
		parameter := `{"id":"` + id + `/configurations/max_connections","name":"max_connections","type":"Microsoft.DBforPostgreSQL/flexibleServers/configurations","properties":{"value":` + value + `}}`
		other := `{"id":"` + id + `/configurations/work_mem","name":"work_mem","type":"Microsoft.DBforPostgreSQL/flexibleServers/configurations","properties":{"value":"4"}}`
		r := Import([]importer.File{{Name: "a.json", Data: []byte("[" + parameter + "," + other + "," + server + "]")}}, options(t, "s"))
		source := ""
		for _, p := range r.Site.Provenance {
			if strings.HasSuffix(p.Path, "/maxConnections") {
				source = p.Source
			}
		}
		if got := r.Site.Infrastructure[0].MaxConnections; got != want.connections || source != want.source || r.Files[0].Status != want.status {
			t.Errorf("%s: %d from %s, %s: %+v", value, got, source, r.Files[0].Status, r.Files[0].Problems)
		}
	}
}
