package azure

import (
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

func TestEnvelopes(t *testing.T) {
	vm := `{"id":"{SUB}Microsoft.Compute/virtualMachines/vm-1","name":"vm-1","type":"microsoft.compute/virtualmachines","location":"eastus"}`
	for _, c := range []struct {
		name, body string
		status     importer.Status
		kind       string
		resources  int
		what       string
	}{
		{"ARM list", `{"value":[` + vm + `]}`, importer.Understood, "list envelope", 1, ""},
		{"empty list", `{"value":[]}`, importer.Understood, "list envelope", 0, ""},
		{"paged list", `{"value":[` + vm + `],"nextLink":"https://management.azure.com/x?$skiptoken=abc"}`, importer.Partial, "list envelope", 1, "another page"},
		{"az list", `[` + vm + `]`, importer.Understood, "az list output", 1, ""},
		{"empty az list", `[]`, importer.Understood, "az list output", 0, ""},
		{"byte order mark", "\ufeff[" + vm + `]`, importer.Understood, "az list output", 1, ""},
		{"row of text", `[` + vm + `,"x"]`, importer.Partial, "az list output", 2, "a row is text"},
		{"row of something", `[{"colour":"red"}]`, importer.Partial, "az list output", 1, "it has the keys colour"},
		{"graph objects", `{"totalRecords":1,"count":1,"resultTruncated":"false","facets":[],"data":[` + vm + `]}`, importer.Understood, "Resource Graph answer, objects", 1, ""},
		{"graph of az", `{"count":1,"data":[` + vm + `],"skip_token":null,"total_records":1}`, importer.Understood, "Resource Graph answer, objects", 1, ""},
		{"graph, paged", `{"totalRecords":9,"count":1,"data":[` + vm + `],"$skipToken":"ew0"}`, importer.Partial, "Resource Graph answer, objects", 1, "only 1 of 9 rows"},
		{"graph of az, paged", `{"count":1,"data":[` + vm + `],"skip_token":"x"}`, importer.Partial, "Resource Graph answer, objects", 1, "only one page"},
		{"graph, truncated", `{"totalRecords":9,"count":1,"resultTruncated":"true","data":[` + vm + `]}`, importer.Partial, "Resource Graph answer, objects", 1, "cut the answer short"},
		{"graph table", `{"count":1,"data":{"columns":[{"name":"id"},{"name":"location"}],"rows":[["{SUB}Microsoft.Compute/virtualMachines/vm-1","eastus"]]}}`, importer.Understood, "Resource Graph answer, table", 1, ""},
		{"graph table, short row", `{"count":1,"data":{"columns":[{"name":"id"},{"name":"location"}],"rows":[["x"]]}}`, importer.Partial, "Resource Graph answer, table", 1, "2 cells"},
		{"graph counts", `{"count":1,"data":[{"location":"eastus","count_":3}]}`, importer.Understood, "Resource Graph answer, objects", 1, ""},
		{"graph odd rows", `{"count":2,"data":[7,{"id":"x","colour":1}]}`, importer.Partial, "Resource Graph answer, objects", 2, "a row is a number"},
		{"graph history", `{"count":1,"snapshots":{"columns":[{"name":"id"}],"rows":[["{SUB}Microsoft.Cache/Redis/r"]]}}`, importer.Understood, "Resource Graph answer, table", 1, ""},
		{"API example", `{"parameters":{"subscriptionId":"x"},"responses":{"202":{},"200":{"body":` + vm + `}}}`, importer.Understood, "API example, resource rows", 1, ""},
		{"API example, created", `{"parameters":{},"responses":{"201":{"body":` + vm + `}}}`, importer.Understood, "API example", 1, ""},
		{"API example without anything", `{"parameters":{},"responses":{"202":{}}}`, importer.Refused, "API example", 0, "neither an answer nor"},
		{"API example, request of nobody knows what", `{"parameters":{"parameters":{"location":"eastus"}},"responses":{"202":{}}}`, importer.Refused, "API example, request", 0, "tells the type"},
		{"error", `{"error":{"code":"AuthorizationFailed","message":"secret","details":[{"code":"A"},{"code":"B"},{"code":"C"},{"code":"D"},{"code":"E"}]}}`, importer.Refused, "error answer", 0, "AuthorizationFailed"},
		{"Terraform state", `{"version":4,"terraform_version":"1.8","resources":[]}`, importer.Refused, "Terraform", 0, "Terraform document"},
		{"ARM template", `{"$schema":"https://x/deploymentTemplate.json#","contentVersion":"1","resources":[]}`, importer.Understood, "ARM template", 0, ""},
		{"ARM parameters", `{"$schema":"https://x/deploymentParameters.json#","contentVersion":"1","parameters":{}}`, importer.Refused, "ARM template parameters", 0, "no resources"},
		{"unknown object", `{"colour":"red","this is my password":1}`, importer.Refused, "unknown JSON", 0, "colour, 1 further key"},
		{"empty object", `{}`, importer.Refused, "unknown JSON", 0, "no keys"},
		{"scalar", `"x"`, importer.Refused, "a JSON value", 0, "is text, not an export"},
		{"null", `[null]`, importer.Partial, "az list output", 1, "a row is null"},
		{"text", `hello`, importer.Refused, "text that is no export", 0, "in no format that is read"},
		{"empty", ``, importer.Refused, "text that is no export", 0, "empty"},
		{"cut off", `[` + vm, importer.Refused, "text that is no export", 0, "ends too early"},
		{"broken", "[\n {\"a\": 1,}]", importer.Refused, "text that is no export", 0, "unexpected character"},
		{"two documents", `[] []`, importer.Refused, "text that is no export", 0, "something follows"},
		{"too deep", strings.Repeat("[", 80) + strings.Repeat("]", 80), importer.Refused, "text that is no export", 0, "nested deeper"},
		{"key twice", `{"id":"{SUB}Microsoft.Cache/Redis/r","id":"{SUB}Microsoft.Cache/Redis/r"}`, importer.Partial, "resource rows", 1, "twice"},
		{"instance view", `{"vmAgent":{},"disks":[],"statuses":[]}`, importer.Understood, "", 1, ""},
		{"subnet usage", `{"delegatedSubnetsUsage":[]}`, importer.Understood, "", 1, ""},
		{"replication status", `{"relationshipStatus":"Idle","mirrorState":"Mirrored"}`, importer.Understood, "", 1, ""},
		{"capabilities", `{"value":[{"zone":"1","supportedHAMode":["ZoneRedundant"]},{"supportedServerEditions":[]},{"supportedFlexibleServerEditions":[]}]}`, importer.Understood, "list envelope", 3, ""},
		{"regions", `[{"displayName":"East US","metadata":{"regionType":"Physical"}},{"regionalDisplayName":"(US) East US"}]`, importer.Understood, "az list output", 2, ""},
		{"subscriptions", `[{"tenantId":"x","isDefault":true,"state":"Enabled"}]`, importer.Understood, "az list output", 1, ""},
		{"resource group", `{"id":"/subscriptions/s/resourceGroups/rg","name":"rg","location":"eastus"}`, importer.Understood, "", 1, ""},
		{"az vm create", `{"id":"...","location":"<region>","powerState":"VM running","macAddress":"x","resourceGroup":"<rg>","zones":""}`, importer.Partial, "az vm output", 1, "neither name nor id"},
		{"az vm list -d", `{"name":"a","location":"eastus","powerState":"VM running","privateIps":"10.0.0.4"}`, importer.Understood, "az vm output", 1, ""},
		{"az vmss show", `{"name":"a","location":"canadacentral","capacity":1,"upgradePolicy":"Automatic"}`, importer.Understood, "az vmss output", 1, ""},
		{"type and id differ", `{"id":"{SUB}Microsoft.DBforPostgreSQL/servers/x","type":"Microsoft.DBforPostgreSQL/flexibleServers","location":"eastus"}`, importer.Understood, "", 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := one(t, c.body)
			f := r.Files[0]
			if f.Status != c.status || !strings.Contains(f.Kind, c.kind) || f.Resources != c.resources || !strings.Contains(problems(f), c.what) {
				t.Errorf("status %s, kind %q, %d resources, problems %q; want %s, %q, %d, %q", f.Status, f.Kind, f.Resources, problems(f), c.status, c.kind, c.resources, c.what)
			}
			sum := 0
			for _, n := range f.Types {
				sum += n.Count
			}
			if sum != f.Resources {
				t.Errorf("%d resources and %d in the classes", f.Resources, sum)
			}
			for _, p := range f.Problems {
				if p.File != f.Path {
					t.Errorf("a problem without its file: %+v", p)
				}
			}
			if c.status == importer.Refused && (len(f.Problems) == 0 || r.Site != nil || r.ExitCode() != 2) {
				t.Errorf("refused without a reason, or with a document: %+v", r)
			}
			kind, ok := Recognises(importer.File{Data: []byte(strings.ReplaceAll(c.body, "{SUB}", sub))})
			if ok != (c.status != importer.Refused) || !strings.Contains(kind, c.kind) {
				t.Errorf("recognised %v as %q", ok, kind)
			}
		})
	}
}

func TestUTF16AndUnreadable(t *testing.T) {
	data := []byte{0xFF, 0xFE}
	for _, c := range `[{"name":"a","location":"eastus","powerState":"on","privateIps":""}]` {
		data = append(data, byte(c), 0)
	}
	r := Import([]importer.File{{Name: "a", Data: data}, {Name: "b", Data: data[:9]}, {Name: "c", Unreadable: "not a regular file"}}, options(t, ""))
	if r.Files[0].Status != importer.Understood || r.Files[1].Status != importer.Refused || r.Files[2].Status != importer.Refused {
		t.Errorf("statuses %+v", r.Files)
	}
}

func TestRequestWithoutAnAnswer(t *testing.T) {
	request := `{"parameters":{"serverName":"pg-9","resourceGroupName":"rg","subscriptionId":"0a1b2c3d-1111-2222-3333-444455556666","parameters":{"location":"eastus","sku":{"name":"Standard_D4ds_v5","tier":"GeneralPurpose"},"properties":{"administratorLoginPassword":"S3CR3T","highAvailability":{"mode":"SameZone"},"availabilityZone":"1"}}},"responses":{"202":{"headers":{"Retry":"1","Location":"https://management.azure.com/subscriptions/x/providers/Microsoft.DBforPostgreSQL/locations/eastus"}}}}`
	r := one(t, request)
	in := r.Site.Infrastructure[0]
	if in.HighAvailability.Mode != inventory.HASameZone || r.Files[0].Status != importer.Partial || !r.Databases[0].Asked {
		t.Errorf("server %+v, report %+v", in, r.Files[0])
	}
	if r.Site.Provenance[0].Source != SourceRequest {
		t.Errorf("provenance %+v", r.Site.Provenance[0])
	}
	observed := `{"id":"/subscriptions/0A1B2C3D-1111-2222-3333-444455556666/resourceGroups/RG/providers/Microsoft.DBforPostgreSQL/flexibleServers/PG-9","type":"Microsoft.DBforPostgreSQL/flexibleServers","name":"pg-9","location":"eastus","properties":{"availabilityZone":"1","highAvailability":{"mode":"Disabled"}}}`
	r = one(t, request, observed)
	if len(r.Site.Infrastructure) != 1 || r.Site.Infrastructure[0].HighAvailability.Mode != inventory.HANone {
		t.Errorf("the observed value does not win: %+v", r.Site.Infrastructure)
	}
	if r = one(t, strings.NewReplacer("Standard_D4ds_v5", "GP_Gen5_4", `"highAvailability":{"mode":"SameZone"},`, "").Replace(request)); r.Databases[0].Engine != "azure-postgresql-single" {
		t.Errorf("engine %s", r.Databases[0].Engine)
	}
}

func TestRestoredServerNamesItsSource(t *testing.T) {
	r := one(t, `{"parameters":{"parameters":{"properties":{"createMode":"GeoRestore","sourceServerResourceId":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/old"}}},"responses":{"200":{"body":`+flexible(``, `"location":"westus",`)+`}}}`,
		strings.ReplaceAll(`{"parameters":{"parameters":{"properties":{"createMode":"PointInTimeRestore","sourceServerName":"old"}}},"responses":{"200":{"body":`+flexible(``, `"location":"westus",`)+`}}}`, "pg-1", "pg-2"))
	for _, row := range r.Databases {
		if row.Source != "old" || row.Region != "westus" || !strings.HasSuffix(row.Role, "Restore") {
			t.Errorf("row %+v", row)
		}
	}
}

func TestTables(t *testing.T) {
	head := "$ az vm list -d -o table\nName    ResourceGroup    PowerState    Fqdns    Location    Zones\n------  ---------------  ------------  -------  ----------  -------\n"
	for _, c := range []struct {
		name, text string
		status     importer.Status
		resources  int
		what       string
	}{
		{"aligned", head + "vm-1    RG-A             VM running             eastus      1\r\n", importer.Understood, 1, ""},
		{"too many cells", head + "a  b  c  d  e  f  g\n", importer.Partial, 1, "more cells"},
		{"other columns", "Name    Colour\n------  ------\na       red\n", importer.Refused, 0, "without the columns"},
		{"resources", "Name    ResourceGroup    Location    Type\n------  ---------------  ----------  ---------------------------------------\npg      rg               eastus      Microsoft.DBforPostgreSQL/flexibleServers\nkv      rg               eastus      Microsoft.KeyVault/vaults\n", importer.Partial, 2, "only name and place"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Import([]importer.File{{Name: "t.txt", Data: []byte(c.text)}}, options(t, "s"))
			f := r.Files[0]
			if f.Status != c.status || f.Resources != c.resources || !strings.Contains(problems(f), c.what) {
				t.Errorf("%s, %d resources, %q", f.Status, f.Resources, problems(f))
			}
		})
	}
	files := []importer.File{
		{Name: "t.txt", Data: []byte(head + "twx-1   RG-A           VM running             eastus      1\n")},
		{Name: "v.json", Data: []byte(strings.ReplaceAll(`[{"id":"{SUB}Microsoft.Compute/virtualMachines/twx-1","name":"twx-1","location":"East US"}]`, "{SUB}", sub))},
	}
	r := Import(files, options(t, "s"))
	if nodes := r.Site.Clusters[0].Nodes(inventory.Foundation); len(nodes) != 1 || nodes[0].Placement.Zone != "1" {
		t.Errorf("a table and a list of one machine give %+v", nodes)
	}
	if n := notes(r.Files[0]); !strings.Contains(n, "not aligned") {
		t.Errorf("notes %q", n)
	}
}
