package azure

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

const sub = "/subscriptions/0a1b2c3d-1111-2222-3333-444455556666/resourceGroups/rg-a/providers/"

// one imports single documents; {SUB} stands for an id up to the provider.
func one(t testing.TB, bodies ...string) importer.Result {
	t.Helper()
	files := make([]importer.File, len(bodies))
	for i, b := range bodies {
		files[i] = importer.File{Name: "f" + string(rune('0'+i)) + ".json", Data: []byte(strings.ReplaceAll(b, "{SUB}", sub))}
	}
	r := Import(files, options(t, "site-a"))
	if r.Site != nil {
		valid(t, r.Site)
	}
	return r
}

func flexible(properties, rest string) string {
	return `{"id":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/pg-1","name":"pg-1","type":"Microsoft.DBforPostgreSQL/flexibleServers",` + rest + `"properties":{` + properties + `}}`
}

func problems(f importer.FileReport) string {
	var out []string
	for _, p := range f.Problems {
		out = append(out, p.Path+": "+p.What)
	}
	return strings.Join(out, "\n")
}

func notes(f importer.FileReport) string {
	var out []string
	for _, p := range f.Notes {
		out = append(out, p.What)
	}
	return strings.Join(out, "\n")
}

func TestFlexibleServer(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name, body string
		want       inventory.Infrastructure // without id, kind, engine, identity, provider
		problem    string
	}{
		{
			"display name, HA off", flexible(`"availabilityZone":"1","highAvailability":{"mode":"Disabled","standbyAvailabilityZone":""}`, `"location":"West Europe",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "westeurope", Zone: "1"}, HighAvailability: &inventory.HighAvailability{Mode: inventory.HANone}},
			"",
		},
		{
			"same zone", flexible(`"availabilityZone":"1","highAvailability":{"mode":"SameZone"}`, `"location":"westeurope",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "westeurope", Zone: "1"}, HighAvailability: &inventory.HighAvailability{Mode: inventory.HASameZone}},
			"",
		},
		{
			"zone-redundant", flexible(`"availabilityZone":"1","highAvailability":{"mode":"ZoneRedundant","standbyAvailabilityZone":"3"}`, `"location":"westeurope",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "westeurope", Zone: "1"}, HighAvailability: &inventory.HighAvailability{Mode: inventory.HAZoneRedundant, StandbyZone: "3"}},
			"",
		},
		{
			"unknown mode", flexible(`"highAvailability":{"mode":"Sometimes"}`, `"location":"westeurope",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "westeurope"}},
			"none of Disabled, SameZone, ZoneRedundant",
		},
		{
			"2020: two zones", flexible(`"haEnabled":"Enabled","availabilityZone":"1","standbyAvailabilityZone":"2","standbyCount":1,"storageProfile":{"storageMB":262144}`, `"location":"East US",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus", Zone: "1"}, StorageGiB: 256, HighAvailability: &inventory.HighAvailability{Mode: inventory.HAZoneRedundant, StandbyZone: "2"}},
			"",
		},
		{
			"2020: one zone", flexible(`"haEnabled":"Enabled","availabilityZone":"1","standbyAvailabilityZone":"1"`, `"location":"East US",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus", Zone: "1"}, HighAvailability: &inventory.HighAvailability{Mode: inventory.HASameZone, StandbyZone: "1"}},
			"",
		},
		{
			"2020: no standby zone", flexible(`"haEnabled":"Enabled","availabilityZone":"1"`, `"location":"East US",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus", Zone: "1"}},
			"the mode stays unknown",
		},
		{
			"2020: off", flexible(`"haEnabled":"Disabled","standbyCount":0`, `"location":"East US",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus"}, HighAvailability: &inventory.HighAvailability{Mode: inventory.HANone}},
			"",
		},
		{
			"2020: neither", flexible(`"haEnabled":"Perhaps"`, `"location":"East US",`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus"}},
			"neither Enabled nor Disabled",
		},
		{
			"size", flexible(`"version":"15","backup":{"geoRedundantBackup":"Enabled"},"storage":{"storageSizeGB":512}`, `"location":"eastus","sku":{"name":"Standard_D4ds_v5","tier":"generalpurpose"},`),
			inventory.Infrastructure{
				Placement: inventory.Placement{Region: "eastus"}, Version: "15", SKU: "Standard_D4ds_v5", Tier: "GeneralPurpose", CPU: 4, MemoryGiB: 16,
				MaxConnections: 1718, StorageGiB: 512, GeoRedundantBackup: &yes,
			},
			"",
		},
		{
			"unknown tier", flexible(`"backup":{"geoRedundantBackup":"Disabled"}`, `"location":"eastus","sku":{"name":"Standard_B1ms","tier":"Huge"},`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus"}, SKU: "Standard_B1ms", MaxConnections: 50, GeoRedundantBackup: &no},
			"none of Burstable",
		},
		{
			"sparse row", flexible(`"storage":{"storageSizeGB":0}`, `"location":"eastus","sku":{"name":""},"tags":null,`),
			inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus"}},
			"",
		},
		{"unknown region", flexible(``, `"location":"westeuropa",`), inventory.Infrastructure{}, `region "westeuropa" is none of the region table`},
		{"placeholder region", flexible(``, `"location":"<region>",`), inventory.Infrastructure{}, "placeholder"},
		{"location is no text", flexible(``, `"location":["westeurope"],`), inventory.Infrastructure{}, "location is a list, not text"},
		{"zone is no text", flexible(`"availabilityZone":{"a":1}`, `"location":"eastus",`), inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus"}}, "zones are an object"},
		{"zone is a number", flexible(`"availabilityZone":2`, `"location":"eastus",`), inventory.Infrastructure{Placement: inventory.Placement{Region: "eastus", Zone: "2"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := one(t, c.body)
			got := r.Site.Infrastructure[0]
			c.want.ID, c.want.Kind, c.want.Engine, c.want.Placement.Provider = "pg-1", inventory.KindDatabase, inventory.EngineAzurePostgreSQLFlexible, "azure"
			c.want.Identity.ARMID = sub + "Microsoft.DBforPostgreSQL/flexibleServers/pg-1"
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("infrastructure (-want +got):\n%s", diff)
			}
			if p := problems(r.Files[0]); c.problem == "" && p != "" || !strings.Contains(p, c.problem) {
				t.Errorf("problems %q, want %q", p, c.problem)
			}
			want := importer.Understood
			if c.problem != "" {
				want = importer.Partial
			}
			if r.Files[0].Status != want {
				t.Errorf("status %s, want %s", r.Files[0].Status, want)
			}
		})
	}
}

func TestUnknownRegionKeepsTheText(t *testing.T) {
	r := one(t, flexible(``, `"location":"moonbase1",`))
	for _, p := range r.Site.Provenance {
		if p.Path == "/infrastructure/0/placement/region" {
			if p.Declared != "moonbase1" {
				t.Errorf("declared %q, want the text of the file", p.Declared)
			}
			return
		}
	}
	t.Error("no provenance of the region")
}

func TestMaxConnectionsIsMarkedAsDefault(t *testing.T) {
	r := one(t, flexible(``, `"location":"eastus","sku":{"name":"Standard_E4ds_v5","tier":"MemoryOptimized"},`))
	if got := r.Site.Infrastructure[0].MaxConnections; got != 3437 {
		t.Errorf("maxConnections %d, want 3437", got)
	}
	found := false
	for _, p := range r.Site.Provenance {
		found = found || p.Path == "/infrastructure/0/maxConnections" && p.Source == importer.SourceSKU
	}
	if !found {
		t.Error("maxConnections is not marked as the SKU's default")
	}
}

func TestReplicas(t *testing.T) {
	replica := `{"id":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/pg-2","name":"pg-2","type":"microsoft.dbforpostgresql/FLEXIBLESERVERS","location":"North Europe","properties":{"replicationRole":"AsyncReplica","availabilityZone":"2","sourceServerResourceId":"{SUB}microsoft.dbforpostgresql/flexibleservers/PG-1"}}`
	third := strings.NewReplacer("pg-2", "pg-3", "PG-1", "pg-2").Replace(replica)
	t.Run("of a known server and of a replica", func(t *testing.T) {
		r := one(t, third, replica, flexible(``, `"location":"westeurope",`))
		if len(r.Site.Infrastructure) != 1 {
			t.Fatalf("%d infrastructures, want the source alone", len(r.Site.Infrastructure))
		}
		want := []inventory.Replica{{Name: "pg-3", Region: "northeurope", Zone: "2", Role: "read"}, {Name: "pg-2", Region: "northeurope", Zone: "2", Role: "read"}}
		if diff := cmp.Diff(want, r.Site.Infrastructure[0].Replicas); diff != "" {
			t.Errorf("replicas (-want +got):\n%s", diff)
		}
		if r.Status() != importer.Understood {
			t.Errorf("status %s", r.Status())
		}
	})
	t.Run("of a server that is not exported", func(t *testing.T) {
		r := one(t, replica)
		in := r.Site.Infrastructure[0]
		if in.Name != "PG-1" || in.Placement.Region != "" || len(in.Replicas) != 1 || in.Identity.ARMID == "" {
			t.Errorf("source %+v, want one of unknown region with its replica", in)
		}
		if p := problems(r.Files[0]); !strings.Contains(p, "in none of the files") {
			t.Errorf("problems %q", p)
		}
	})
	t.Run("of itself, and of nobody", func(t *testing.T) {
		r := one(t, strings.ReplaceAll(replica, "PG-1", "pg-2"))
		if len(r.Site.Infrastructure) != 1 || len(r.Site.Infrastructure[0].Replicas) != 0 {
			t.Errorf("infrastructure %+v", r.Site.Infrastructure)
		}
	})
	t.Run("in a circle", func(t *testing.T) {
		r := one(t, third, strings.ReplaceAll(replica, "PG-1", "pg-3"))
		if r.Files[0].Status != importer.Partial {
			t.Errorf("status %s", r.Files[0].Status)
		}
	})
}

func TestNeighboursAreToldApart(t *testing.T) {
	for kind, product := range map[string]string{
		"Microsoft.DBforPostgreSQL/servers": "azure-postgresql-single", "Microsoft.DBforPostgreSQL/serverGroupsv2": "azure-postgresql-hyperscale",
		"Microsoft.DBforMySQL/flexibleServers": "azure-mysql-flexible", "Microsoft.DBforMySQL/servers": "azure-mysql-single", "Microsoft.DBforMariaDB/servers": "azure-mariadb",
	} {
		r := one(t, `{"id":"{SUB}`+kind+`/db","name":"db","type":"`+kind+`","location":"East US 2 EUAP","properties":{"availabilityZone":"","highAvailability":{"mode":"Disabled","standbyAvailabilityZone":""},"masterServerId":"","replicationRole":""}}`)
		if len(r.Site.Infrastructure) != 0 || len(r.Databases) != 1 || r.Databases[0].Engine != product || r.Files[0].Types[0].Class != importer.ClassNotRelevant {
			t.Errorf("%s: %+v, %+v", kind, r.Databases, r.Files[0].Types)
		}
	}
}

func TestAzureSQL(t *testing.T) {
	server := `{"id":"{SUB}Microsoft.Sql/servers/sql-1","name":"sql-1","kind":"v12.0","type":"Microsoft.Sql/servers","location":"westeurope","properties":{"fullyQualifiedDomainName":"sql-1.database.windows.net","version":"12.0"}}`
	database := func(name, zones string) string {
		return `{"id":"{SUB}Microsoft.Sql/servers/sql-1/databases/` + name + `","name":"` + name + `","type":"Microsoft.Sql/servers/databases","location":"westeurope","sku":{"name":"BC_Gen5","tier":"BusinessCritical"},"properties":{"zoneRedundant":` + zones + `}}`
	}
	failover := `{"id":"{SUB}Microsoft.Sql/servers/sql-1/failoverGroups/fog","name":"fog","type":"Microsoft.Sql/servers/failoverGroups","properties":{"partnerServers":[{"id":"{SUB}Microsoft.Sql/servers/sql-2","location":"North Europe","replicationRole":"Secondary"}]}}`
	r := one(t, server, database("master", "false"), database("twx", "true"), failover)
	in := r.Site.Infrastructure[0]
	if in.Engine != inventory.EngineAzureSQL || in.HighAvailability == nil || in.HighAvailability.Mode != inventory.HAZoneRedundant || in.SKU != "BC_Gen5" {
		t.Errorf("server %+v", in)
	}
	if in.FailoverEndpoint != "fog.database.windows.net" || len(in.Replicas) != 1 || in.Replicas[0].Region != "northeurope" {
		t.Errorf("failover %+v", in)
	}
	if r = one(t, server, database("twx", "true"), database("other", "false")); r.Site.Infrastructure[0].HighAvailability != nil {
		t.Error("a server with a database in one zone is not zone-redundant")
	}
	if r = one(t, database("twx", "true")); r.Files[0].Status != importer.Partial {
		t.Error("a database without its server is not understood")
	}
	if r = one(t, `{"id":"{SUB}Microsoft.Sql/managedInstances/mi","name":"mi","type":"Microsoft.Sql/managedInstances","location":"westeurope","sku":{"name":"GP_Gen5","tier":"GeneralPurpose"},"properties":{"zoneRedundant":true,"storageSizeInGB":64}}`); r.Site.Infrastructure[0].StorageGiB != 64 || r.Site.Infrastructure[0].HighAvailability == nil {
		t.Errorf("managed instance %+v", r.Site.Infrastructure[0])
	}
}

func TestBalancers(t *testing.T) {
	yes, no := true, false
	lb := func(sku, frontends string) string {
		return `{"id":"{SUB}Microsoft.Network/loadBalancers/lb","name":"lb","type":"Microsoft.Network/loadBalancers","location":"westeurope","sku":` + sku + `,"properties":{"frontendIPConfigurations":[` + frontends + `]}}`
	}
	ip := func(zones string) string {
		return `{"id":"{SUB}Microsoft.Network/publicIPAddresses/ip","name":"ip","type":"Microsoft.Network/publicIPAddresses","location":"westeurope","zones":` + zones + `,"properties":{}}`
	}
	inner := func(zones string) string {
		return `{"zones":` + zones + `,"properties":{"privateIPAddress":"10.0.0.4"}}`
	}
	public := `{"properties":{"publicIPAddress":{"id":"{SUB}microsoft.network/PUBLICIPADDRESSES/ip"}}}`
	gateway := func(sku, zones string) string {
		return `{"id":"{SUB}Microsoft.Network/applicationGateways/gw","name":"gw","type":"Microsoft.Network/applicationGateways","location":"westeurope","zones":` + zones + `,"properties":{"sku":` + sku + `,"backendHttpSettingsCollection":[{"properties":{"cookieBasedAffinity":"Enabled"}}],"probes":[{"properties":{"protocol":"Https","path":"/Thingworx/ready"}}]}}`
	}
	for _, c := range []struct {
		name   string
		bodies []string
		want   *bool
		zone   string
		note   string
	}{
		{"basic", []string{lb(`{"name":"Basic"}`, public)}, &no, "", ""},
		{"standard, one zone", []string{lb(`{"name":"Standard"}`, inner(`["2"]`))}, &no, "2", ""},
		{"standard, three zones", []string{lb(`{"name":"Standard"}`, inner(`["1","2","3"]`))}, &yes, "", ""},
		{"standard, zones null", []string{lb(`{"name":"Standard"}`, inner(`null`))}, nil, "", "names no zone"},
		{"standard, zones empty text", []string{lb(`{"name":"Standard"}`, inner(`""`))}, nil, "", "names no zone"},
		{"standard, two single zones", []string{lb(`{"name":"Standard"}`, inner(`["1"]`)+","+inner(`["2"]`))}, nil, "", "different zones"},
		{"standard, address not exported", []string{lb(`{"name":"Standard"}`, public)}, nil, "", "in none of the files"},
		{"standard, zonal address", []string{lb(`{"name":"Standard"}`, public), ip(`["1"]`)}, &no, "1", ""},
		{"standard, zone-redundant address", []string{ip(`["3","1","2"]`), lb(`{"name":"Standard"}`, public)}, &yes, "", ""},
		{"standard, address without zones", []string{ip(`[]`), lb(`{"name":"Standard"}`, public)}, nil, "", "names no zone"},
		{"no frontend", []string{lb(`{"name":"Standard"}`, ``)}, nil, "", "lists no frontend"},
		{"global", []string{lb(`{"name":"Standard","tier":"Global"}`, public)}, &yes, "", "cross-region"},
		{"gateway v2, two zones", []string{gateway(`{"name":"Standard_v2"}`, `["1","2"]`)}, &yes, "", ""},
		{"gateway v2, one zone", []string{gateway(`{"name":"WAF_v2"}`, `["1"]`)}, &no, "1", ""},
		{"gateway v2, no zone", []string{gateway(`{"name":"Standard_v2"}`, `null`)}, nil, "", "not known"},
		{"gateway v1, one instance", []string{gateway(`{"name":"Standard_Medium","capacity":1}`, `null`)}, &no, "", ""},
		{"gateway v1, two instances", []string{gateway(`{"name":"Standard_Medium","capacity":2}`, `null`)}, nil, "", "not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := one(t, c.bodies...)
			in := r.Site.Infrastructure[0]
			if diff := cmp.Diff(c.want, in.Redundant); diff != "" {
				t.Errorf("redundant (-want +got):\n%s", diff)
			}
			if in.Placement.Zone != c.zone {
				t.Errorf("zone %q, want %q", in.Placement.Zone, c.zone)
			}
			all := notes(r.Files[0])
			if len(r.Files) > 1 {
				all += notes(r.Files[1])
			}
			if !strings.Contains(all, c.note) || c.note == "" && all != "" {
				t.Errorf("notes %q, want %q", all, c.note)
			}
			if c.name == "global" && in.Placement.Region != "" {
				t.Errorf("a cross-region load balancer is pinned to %s", in.Placement.Region)
			}
			if r.Status() != importer.Understood {
				t.Errorf("status %s", r.Status())
			}
		})
	}
}

func TestStorage(t *testing.T) {
	account := func(sku, kind, rest string) string {
		return `{"id":"{SUB}Microsoft.Storage/storageAccounts/st1","name":"st1","type":"Microsoft.Storage/storageAccounts","kind":"` + kind + `","location":"westeurope","sku":{"name":"` + sku + `"},"properties":{"primaryEndpoints":{"file":"https://st1.file.core.windows.net/"}` + rest + `}}`
	}
	share := `{"id":"{SUB}Microsoft.Storage/storageAccounts/ST1/fileServices/default/shares/data","name":"data","type":"Microsoft.Storage/storageAccounts/fileServices/shares","properties":{"enabledProtocols":"NFS","shareQuota":100}}`
	for sku, want := range map[string]inventory.Redundancy{
		"Standard_LRS": inventory.RedundancyLocal, "Premium_LRS": inventory.RedundancyLocal, "Premium_ZRS": inventory.RedundancyZone, "Standard_ZRS": inventory.RedundancyZone,
		"Standard_GRS": inventory.RedundancyGeo, "Standard_RAGRS": inventory.RedundancyGeo, "Standard_GZRS": inventory.RedundancyGeo, "Standard_RAGZRS": inventory.RedundancyGeo,
	} {
		r := one(t, account(sku, "StorageV2", ""), share)
		in := r.Site.Infrastructure[0]
		if in.Redundancy != want || in.Protocol != "nfs" || in.Placement.Region != "westeurope" || in.StorageGiB != 100 || in.Identity.Endpoint != "st1.file.core.windows.net" {
			t.Errorf("%s: %+v", sku, in)
		}
	}
	r := one(t, account("Standard_GRS", "StorageV2", `,"secondaryLocation":"northeurope"`), share)
	if diff := cmp.Diff([]inventory.Replica{{Region: "northeurope", Role: "failover"}}, r.Site.Infrastructure[0].Replicas); diff != "" {
		t.Errorf("second region (-want +got):\n%s", diff)
	}
	if r = one(t, account("Standard_New", "FileStorage", `,"secondaryLocation":"nowhere"`)); r.Site.Infrastructure[0].Redundancy != "" || len(r.Files[0].Problems) != 2 {
		t.Errorf("unknown SKU and region: %+v", r.Files[0].Problems)
	}
	if r = one(t, account("Standard_LRS", "StorageV2", "")); len(r.Site.Infrastructure) != 0 || len(r.Unassigned) != 1 {
		t.Errorf("an account without shares: %+v, %+v", r.Site.Infrastructure, r.Unassigned)
	}
	r = one(t, share, strings.ReplaceAll(share, "data", "more"))
	if in := r.Site.Infrastructure; len(in) != 1 || in[0].Name != "" || in[0].ID != "st1" || in[0].Placement.Region != "" || in[0].StorageGiB != 200 || r.Status() != importer.Partial {
		t.Errorf("shares without their account: %+v", in)
	}
	r = one(t, account("Premium_LRS", "FileStorage", ""), share, strings.NewReplacer("data", "smb", `"NFS"`, `"SMB"`).Replace(share))
	if !strings.Contains(notes(r.Files[0]), "several protocols") {
		t.Errorf("notes %q", notes(r.Files[0]))
	}
	r = one(t, strings.ReplaceAll(share, `"NFS"`, `"FTP"`), `{"id":"{SUB}Microsoft.Storage/storageAccounts/fileServices/shares","name":"x","type":"Microsoft.Storage/storageAccounts/fileServices/shares"}`)
	if !strings.Contains(problems(r.Files[0]), "neither NFS nor SMB") {
		t.Errorf("problems %q", problems(r.Files[0]))
	}
}

func TestVolumes(t *testing.T) {
	volume := func(properties string) string {
		return `{"id":"{SUB}Microsoft.NetApp/netAppAccounts/a/capacityPools/p/volumes/v","name":"a/p/v","type":"Microsoft.NetApp/netAppAccounts/capacityPools/volumes","location":"eastus","properties":{"usageThreshold":107374182400,"creationToken":"twx","protocolTypes":["NFSv4.1"],"mountTargets":[{"ipAddress":"10.0.1.4"},{"ipAddress":"10.0.1.5"},{"ipAddress":"x"}],"provisionedAvailabilityZone":"2"` + properties + `}}`
	}
	in := one(t, volume("")).Site.Infrastructure[0]
	want := inventory.Infrastructure{
		ID: "v", Kind: inventory.KindStorage, Placement: inventory.Placement{Provider: "azure", Region: "eastus", Zone: "2"}, Protocol: "nfs",
		Redundancy: inventory.RedundancyLocal, StorageGiB: 100,
		Identity: inventory.ResourceIdentity{ARMID: sub + "Microsoft.NetApp/netAppAccounts/a/capacityPools/p/volumes/v", Endpoint: "10.0.1.4:/twx", Addresses: []string{"10.0.1.5"}},
	}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	in = one(t, volume(`,"dataProtection":{"replication":{"endpointType":"Dst","remoteVolumeRegion":"West US 2"}}`)).Site.Infrastructure[0]
	if in.Redundancy != inventory.RedundancyGeo || len(in.Replicas) != 1 || in.Replicas[0].Region != "westus2" {
		t.Errorf("replicated volume: %+v", in)
	}
	in = one(t, volume(`,"dataProtection":{"replication":{"endpointType":"Src","remoteVolumeRegion":"East US"}}`)).Site.Infrastructure[0]
	if in.Redundancy != inventory.RedundancyZone {
		t.Errorf("volume copied within its region: %+v", in)
	}
	in = one(t, strings.ReplaceAll(volume(""), `"NFSv4.1"`, `"CIFS"`)).Site.Infrastructure[0]
	if in.Protocol != "smb" {
		t.Errorf("protocol %q", in.Protocol)
	}
}

func TestEdgeZoneAndScaleSets(t *testing.T) {
	set := `{"id":"{SUB}Microsoft.Compute/virtualMachineScaleSets/twx-prod","name":"twx-prod","type":"Microsoft.Compute/virtualMachineScaleSets","location":"westus","extendedLocation":{"type":"EdgeZone","name":"losangeles"},"sku":{"name":"Standard_F8s_v2","capacity":2},"zones":["1","3"],"properties":{}}`
	r := one(t, set)
	nodes := r.Site.Clusters[0].Nodes(inventory.Foundation)
	if len(nodes) != 2 || nodes[0].Placement.PhysicalZone != "losangeles" || nodes[0].Placement.Zone != "" || nodes[0].CPU != 8 {
		t.Errorf("nodes %+v", nodes)
	}
	if !strings.Contains(notes(r.Files[0]), "edge zone") {
		t.Errorf("notes %q", notes(r.Files[0]))
	}
	instance := `{"id":"{SUB}Microsoft.Compute/virtualMachineScaleSets/twx-prod/virtualMachines/0","name":"twx-prod_0","instanceId":"0","type":"Microsoft.Compute/virtualMachineScaleSets/virtualMachines","location":"westus","zones":["1"],"sku":{"name":"Standard_F8s_v2"},"properties":{}}`
	r = one(t, set, instance)
	if nodes := r.Site.Clusters[0].Nodes(inventory.Foundation); len(nodes) != 1 || nodes[0].Name != "twx-prod_0" || nodes[0].Placement.Zone != "1" {
		t.Errorf("instances %+v", nodes)
	}
	r = one(t, strings.Replace(set, `,"capacity":2`, "", 1))
	if len(r.Unassigned) != 1 || !strings.Contains(r.Unassigned[0].Reason, "number of instances") {
		t.Errorf("unassigned %+v", r.Unassigned)
	}
	if r = one(t, strings.Replace(set, `"capacity":2`, `"capacity":"many"`, 1)); r.Files[0].Status != importer.Partial {
		t.Errorf("status %s", r.Files[0].Status)
	}
}

// Secrets planted at every key that exports use for them, at every depth, as values and as keys.
func TestSecretsNeverEnter(t *testing.T) {
	const secret = "Sup3r~S3cret-Value!"
	body := flexible(`"administratorLogin":"`+secret+`","administratorLoginPassword":"`+secret+`","primaryKey":"`+secret+`","connectionString":"Server=x;Password=`+secret+`","customData":"`+secret+`","fullyQualifiedDomainName":"u:`+secret+`@h","version":"`+secret+`","availabilityZone":"`+secret+`","highAvailability":{"mode":"`+secret+`"},"replicationRole":"`+secret+`"`,
		`"location":"`+secret+`","sku":{"name":"`+secret+`","tier":"`+secret+`"},"tags":{"Password":"`+secret+`","meridian:component":"`+secret+`"},"sshKeys":["`+secret+`"],`)
	bodies := []string{
		body, `[` + body + `]`, `{"` + secret + `":1,"other":"` + secret + `"}`, `{"value":[{"` + secret + `":"` + secret + `"}],"nextLink":"https://x?sig=` + secret + `"}`,
		`{"error":{"code":"` + secret + `","message":"` + secret + `"}}`, `{"count":1,"data":[{"` + secret + `":"` + secret + `"}],"$skipToken":"` + secret + `"}`,
		`["` + secret + `"`, secret, `{"type":"` + secret + `/x.y/z","id":"/subscriptions/` + secret + `/resourceGroups/` + secret + `/providers/` + secret + `/x/y"}`,
		`{"id":"{SUB}Microsoft.Compute/virtualMachines/twx-1","name":"twx-1","location":"eastus","properties":{"hardwareProfile":{"vmSize":"` + secret + `"},"osProfile":{"adminPassword":"` + secret + `"},"userData":"` + secret + `"}}`,
		`{"parameters":{"parameters":{"properties":{"administratorLoginPassword":"` + secret + `","createMode":"GeoRestore","sourceServerName":"` + secret + `"}}},"responses":{"200":{"body":` + body + `}}}`,
		`{"id":"{SUB}Microsoft.Network/loadBalancers/lb","type":"Microsoft.Network/loadBalancers","sku":{"name":"` + secret + `"},"properties":{"probes":[{"properties":{"protocol":"Http","requestPath":"/x?key=` + secret + `"}}],"frontendIPConfigurations":[{"properties":{"privateIPAddress":"` + secret + `"}}]}}`,
		`{"id":"{SUB}Microsoft.Storage/storageAccounts/st","type":"Microsoft.Storage/storageAccounts","kind":"FileStorage","sku":{"name":"Premium_` + secret + `"},"properties":{"secondaryLocation":"` + secret + `","primaryEndpoints":{"file":"https://st.file.core.windows.net/?sig=` + secret + `"}}}`,
		"Name    Location    PowerState\n------  ----------  ----------\nvm      " + secret + "     on\n",
	}
	r := one(t, bodies...)
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if i := strings.Index(string(got), "S3cret"); i >= 0 {
		t.Errorf("the secret is in the result: … %s", got[max(0, i-200):min(len(got), i+40)])
	}
}
