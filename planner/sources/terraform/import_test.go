package terraform

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/folder"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

const sub = "/subscriptions/0a1b2c3d-1111-2222-3333-444455556666/resourceGroups/rg-twx/providers/"

// builtin parses the region table once, which takes longer than an import.
var builtin = sync.OnceValues(geo.Builtin)

func options(t testing.TB) importer.Options {
	t.Helper()
	table, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	return importer.Options{Site: "site-a", At: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Regions: table}
}

func one(t testing.TB, bodies ...string) importer.Result {
	t.Helper()
	files := make([]importer.File, len(bodies))
	for i, b := range bodies {
		files[i] = importer.File{Name: "f" + string(rune('0'+i)), Data: []byte(strings.ReplaceAll(b, "{SUB}", sub))}
	}
	r := Import(files, options(t))
	valid(t, &r)
	return r
}

func valid(t testing.TB, r *importer.Result) {
	t.Helper()
	for _, f := range r.Files {
		sum := 0
		for _, n := range f.Types {
			sum += n.Count
		}
		if sum != f.Resources || f.Kind == "" || f.Status == importer.Refused && len(f.Problems) == 0 {
			t.Errorf("report %+v", f)
		}
	}
	if r.Site == nil {
		return
	}
	data, err := json.Marshal(r.Site)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inventory.Parse("imported", data, options(t).Regions.(*geo.Table)); err != nil {
		t.Errorf("invalid document: %v", err)
	}
}

// four writes a state of version 4 from pairs of type and attributes.
func four(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, `{"mode":"managed","type":"`+pairs[i]+`","name":"x","provider":"p","instances":[{"schema_version":0,"attributes":`+pairs[i+1]+`,"private":"S3CR3T"}]}`)
	}
	return `{"version":4,"terraform_version":"1.9.0","resources":[` + strings.Join(out, ",") + `]}`
}

// shown writes what terraform show -json writes, under values or planned_values, the second half in a child module.
func shown(key string, pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, `{"address":"a","mode":"managed","type":"`+pairs[i]+`","name":"x","values":`+pairs[i+1]+`}`)
	}
	half := len(out) / 2
	return `{"format_version":"1.0","terraform_version":"1.9.0","` + key + `":{"root_module":{"resources":[` + strings.Join(out[:half], ",") + `],"child_modules":[{"address":"module.m","resources":[` + strings.Join(out[half:], ",") + `]}]}}}`
}

func problems(f importer.FileReport) string {
	var out []string
	for _, p := range f.Problems {
		out = append(out, p.What)
	}
	return strings.Join(out, "; ")
}

const flexible = `{"id":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/pg-1","name":"pg-1","resource_group_name":"rg-twx","location":"westeurope","zone":"1","sku_name":"GP_Standard_D4ds_v5","storage_mb":131072,"version":"15","geo_redundant_backup_enabled":true,"fqdn":"pg-1.postgres.database.azure.com","administrator_password":"S3CR3T","high_availability":[{"mode":"ZoneRedundant","standby_availability_zone":"2"}]}`

func TestFlexibleServer(t *testing.T) {
	yes := true
	want := inventory.Infrastructure{
		ID: "pg-1", Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Version: "15", Tier: "GeneralPurpose", SKU: "Standard_D4ds_v5",
		CPU: 4, MemoryGiB: 16, StorageGiB: 128, MaxConnections: 1718, GeoRedundantBackup: &yes,
		Identity:         inventory.ResourceIdentity{ARMID: sub + "Microsoft.DBforPostgreSQL/flexibleServers/pg-1", Endpoint: "pg-1.postgres.database.azure.com"},
		Placement:        inventory.Placement{Provider: "azure", Region: "westeurope", Zone: "1"},
		HighAvailability: &inventory.HighAvailability{Mode: inventory.HAZoneRedundant, StandbyZone: "2"},
	}
	flat := `{"version":3,"terraform_version":"0.11.1","modules":[{"path":["root"],"resources":{"azurerm_postgresql_flexible_server.db/1":{"type":"azurerm_postgresql_flexible_server","primary":{"id":"x","attributes":{` +
		`"id":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/pg-1","name":"pg-1","location":"West Europe","zone":"1","sku_name":"GP_Standard_D4ds_v5","storage_mb":"131072","version":"15","geo_redundant_backup_enabled":"true","fqdn":"pg-1.postgres.database.azure.com","high_availability.#":"1","high_availability.0.mode":"ZoneRedundant","high_availability.0.standby_availability_zone":"2","tags.%":"0"}}}}}]}`
	for name, body := range map[string]string{
		"state 4": four("azurerm_postgresql_flexible_server", flexible), "state shown": shown("values", "azurerm_postgresql_flexible_server", flexible),
		"state 3": flat, "plan": shown("planned_values", "azurerm_postgresql_flexible_server", flexible),
		"list":        `[{"type":"azurerm_postgresql_flexible_server","values":` + flexible + `}]`,
		"policy tool": `{"result":[{"expressions":[{"value":[{"type":"azurerm_postgresql_flexible_server","values":` + flexible + `}],"text":"x"}]}]}`,
		"old flat":    `{"version":4,"terraform_version":"0.12.0","resources":[{"type":"azurerm_postgresql_flexible_server","instances":[{"attributes_flat":{"id":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/pg-1","name":"pg-1","location":"westeurope","zone":"1","sku_name":"GP_Standard_D4ds_v5","storage_mb":"131072","version":"15","geo_redundant_backup_enabled":"true","fqdn":"pg-1.postgres.database.azure.com","high_availability.0.mode":"ZoneRedundant","high_availability.0.standby_availability_zone":"2"}}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := one(t, body)
			if diff := cmp.Diff([]inventory.Infrastructure{want}, r.Site.Infrastructure); diff != "" {
				t.Errorf("infrastructure (-want +got):\n%s", diff)
			}
			planned := name == "plan" || name == "list" || name == "policy tool"
			if r.Databases[0].Asked != planned || (r.Site.Provenance[0].Source == SourcePlan) != planned {
				t.Errorf("row %+v, provenance %+v", r.Databases[0], r.Site.Provenance[0])
			}
			if r.Status() != importer.Understood {
				t.Errorf("%s: %s", r.Status(), problems(r.Files[0]))
			}
			text, err := json.Marshal(r)
			if err != nil || strings.Contains(string(text), "S3CR3T") {
				t.Errorf("a planted secret is in the result, or %v", err)
			}
		})
	}
}

func TestObservedWinsOverPlanned(t *testing.T) {
	planned := strings.Replace(flexible, `"zone":"1"`, `"zone":"3"`, 1)
	r := one(t, shown("planned_values", "azurerm_postgresql_flexible_server", planned), four("azurerm_postgresql_flexible_server", flexible))
	if in := r.Site.Infrastructure; len(in) != 1 || in[0].Placement.Zone != "1" || len(r.Notes) == 0 {
		t.Errorf("infrastructure %+v, notes %+v", in, r.Notes)
	}
}

func TestHighAvailability(t *testing.T) {
	for block, want := range map[string]struct {
		mode    inventory.HAMode
		problem string
	}{
		`[]`: {inventory.HANone, ""}, `[{"mode":"SameZone"}]`: {inventory.HASameZone, ""}, `null`: {"", ""}, `[{"mode":"Perhaps"}]`: {"", "neither ZoneRedundant nor SameZone"},
	} {
		r := one(t, four("azurerm_postgresql_flexible_server", `{"name":"a","location":"eastus","sku_name":"Huge","high_availability":`+block+`}`))
		if got := r.Databases[0].Mode; got != want.mode || !strings.Contains(problems(r.Files[0]), want.problem) || !strings.Contains(problems(r.Files[0]), "does not begin with") {
			t.Errorf("%s: %s, %s", block, got, problems(r.Files[0]))
		}
	}
}

func TestReplica(t *testing.T) {
	r := one(t, four("azurerm_postgresql_flexible_server", flexible, "azurerm_postgresql_flexible_server",
		`{"id":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/pg-2","name":"pg-2","location":"northeurope","create_mode":"Replica","source_server_id":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/PG-1"}`))
	if diff := cmp.Diff([]inventory.Replica{{Name: "pg-2", Region: "northeurope", Role: "read"}}, r.Site.Infrastructure[0].Replicas); diff != "" {
		t.Errorf("replicas (-want +got):\n%s", diff)
	}
}

// A plant in one state: machines by name, their interfaces, the load balancer with probe and rule, storage, SQL.
func TestPlant(t *testing.T) {
	vm := func(name, zone string) string {
		return `{"id":"{SUB}Microsoft.Compute/virtualMachines/` + name + `","name":"` + name + `","resource_group_name":"rg-twx","location":"westeurope","size":"Standard_F8s_v2","zone":"` + zone + `","admin_password":"S3CR3T","network_interface_ids":["{SUB}Microsoft.Network/networkInterfaces/` + name + `"]}`
	}
	r := one(t, four(
		"azurerm_linux_virtual_machine", vm("twx-1", "1"), "azurerm_windows_virtual_machine", vm("twx-2", "2"),
		"azurerm_virtual_machine", `{"name":"twx-zk-1","resource_group_name":"rg-twx","location":"westeurope","vm_size":"Standard_D4s_v5","zones":["1"],"tags":{"Meridian:Component":"zookeeper"}}`,
		"azurerm_network_interface", `{"id":"{SUB}Microsoft.Network/networkInterfaces/twx-1","name":"nic","location":"westeurope","virtual_machine_id":"{SUB}Microsoft.Compute/virtualMachines/twx-1"}`,
		"azurerm_network_interface_backend_address_pool_association", `{"network_interface_id":"{SUB}Microsoft.Network/networkInterfaces/twx-1","backend_address_pool_id":"{SUB}Microsoft.Network/loadBalancers/lb/backendAddressPools/p"}`,
		"azurerm_network_interface_backend_address_pool_association", `{}`,
		"azurerm_lb", `{"id":"{SUB}Microsoft.Network/loadBalancers/lb","name":"lb","location":"westeurope","sku":"Standard","frontend_ip_configuration":[{"public_ip_address_id":"{SUB}Microsoft.Network/publicIPAddresses/ip","private_ip_address":"10.0.0.9"}]}`,
		"azurerm_public_ip", `{"id":"{SUB}Microsoft.Network/publicIPAddresses/ip","name":"ip","location":"westeurope","zones":["1","2","3"]}`,
		"azurerm_lb_probe", `{"loadbalancer_id":"{SUB}Microsoft.Network/loadBalancers/lb","request_path":"Thingworx/ready"}`,
		"azurerm_lb_rule", `{"loadbalancer_id":"{SUB}Microsoft.Network/loadBalancers/lb","load_distribution":"SourceIP"}`,
		"azurerm_lb_rule", `{"loadbalancer_id":"{SUB}Microsoft.Network/loadBalancers/other","load_distribution":"Default"}`,
		"azurerm_storage_account", `{"id":"{SUB}Microsoft.Storage/storageAccounts/st","name":"st","resource_group_name":"rg-twx","location":"westeurope","account_kind":"FileStorage","account_tier":"Premium","account_replication_type":"ZRS","primary_file_host":"st.file.core.windows.net","primary_access_key":"S3CR3T"}`,
		"azurerm_storage_share", `{"name":"data","storage_account_name":"st","quota":100,"enabled_protocol":"NFS"}`,
		"azurerm_storage_share", `{"name":"more","resource_manager_id":"{SUB}Microsoft.Storage/storageAccounts/st/fileServices/default/shares/more","quota":50}`,
		"azurerm_netapp_volume", `{"id":"{SUB}Microsoft.NetApp/netAppAccounts/a/capacityPools/p/volumes/v","name":"v","location":"westeurope","zone":"1","service_level":"Premium","volume_path":"twx","protocols":["NFSv4.1"],"mount_ip_addresses":["10.0.0.7"],"storage_quota_in_gb":100,"data_protection_replication":[{"remote_volume_location":"northeurope"}]}`,
		"azurerm_mssql_server", `{"id":"{SUB}Microsoft.Sql/servers/sql","name":"sql","resource_group_name":"other","location":"westeurope","version":"12.0","fully_qualified_domain_name":"sql.database.windows.net","administrator_login_password":"S3CR3T"}`,
		"azurerm_mssql_database", `{"id":"{SUB}Microsoft.Sql/servers/sql/databases/d","name":"d","sku_name":"BC_Gen5_2","zone_redundant":true}`,
		"azurerm_linux_virtual_machine_scale_set", `{"id":"{SUB}Microsoft.Compute/virtualMachineScaleSets/twx-cx","name":"twx-cx","resource_group_name":"rg-twx","location":"westeurope","sku":"Standard_D4s_v5","instances":2,"zones":["1","2"]}`,
		"azurerm_application_gateway", `{"id":"{SUB}Microsoft.Network/applicationGateways/gw","name":"gw","location":"westeurope","zones":["1","2"],"sku":[{"name":"Standard_v2","capacity":2}],"probe":[{"path":"/Thingworx/ready"}],"backend_http_settings":[{"cookie_based_affinity":"Enabled"}]}`,
		"azurerm_key_vault", `{}`, "azurerm_subnet", `{}`, "random_id", `{}`, "azurerm_subnet_network_security_group_association", `{}`,
	))
	if r.Status() != importer.Understood {
		t.Errorf("%s: %s", r.Status(), problems(r.Files[0]))
	}
	c := r.Site.Clusters[0]
	if len(r.Site.Clusters) != 1 || len(c.Nodes(inventory.Foundation)) != 2 || len(c.Nodes(inventory.ConnectionServer)) != 2 {
		t.Errorf("clusters %+v", r.Site.Clusters)
	}
	lb := c.Used(inventory.AsLoadBalancer)
	if len(lb) != 1 || lb[0].Infrastructure != "lb" || lb[0].HealthPath != "/Thingworx/ready" || lb[0].StickySessions == nil || !*lb[0].StickySessions {
		t.Errorf("load balancer %+v", lb)
	}
	for id, check := range map[string]func(*inventory.Infrastructure) bool{
		"lb": func(i *inventory.Infrastructure) bool {
			return i.Redundant != nil && *i.Redundant && i.Identity.Addresses[0] == "10.0.0.9"
		},
		"gw": func(i *inventory.Infrastructure) bool { return i.Redundant != nil && *i.Redundant },
		"st": func(i *inventory.Infrastructure) bool {
			return i.Redundancy == inventory.RedundancyZone && i.Protocol == "nfs" && i.StorageGiB == 150
		},
		"v": func(i *inventory.Infrastructure) bool {
			return i.Redundancy == inventory.RedundancyGeo && i.Identity.Endpoint == "10.0.0.7:/twx" && len(i.Replicas) == 1
		},
		"sql": func(i *inventory.Infrastructure) bool {
			return i.HighAvailability != nil && i.HighAvailability.Mode == inventory.HAZoneRedundant && i.SKU == "BC_Gen5_2"
		},
	} {
		if in := r.Site.Infra(id); in == nil || !check(in) {
			t.Errorf("%s: %+v", id, in)
		}
	}
	text, err := json.Marshal(r)
	if err != nil || strings.Contains(string(text), "S3CR3T") {
		t.Errorf("a planted secret is in the result, or %v", err)
	}
}

func TestVariants(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		kind, attributes string
		want             *bool
	}{
		{"azurerm_lb", `{"name":"x","location":"eastus","sku":"Basic"}`, &no},
		{"azurerm_lb", `{"name":"x","location":"eastus"}`, nil},
		{"azurerm_lb", `{"name":"x","location":"eastus","sku":"Standard","sku_tier":"Global"}`, &yes},
		{"azurerm_lb", `{"name":"x","location":"eastus","sku":"Standard","frontend_ip_configuration":[{"zones":["2"]}]}`, &no},
		{"azurerm_lb", `{"name":"x","location":"eastus","sku":"Standard","frontend_ip_configuration":[{"zones":[]}]}`, nil},
		{"azurerm_application_gateway", `{"name":"x","location":"eastus","sku":[{"name":"Standard_Small","capacity":1}]}`, &no},
		{"azurerm_application_gateway", `{"name":"x","location":"eastus","zones":["1"],"sku":[{"name":"WAF_v2"}],"backend_http_settings":[{"cookie_based_affinity":"Enabled"},{"cookie_based_affinity":"Disabled"}],"probe":[{"path":"?a"},{"path":""}]}`, &no},
		{"azurerm_application_gateway", `{"name":"x","location":"eastus","sku":[{"name":"WAF_v2"}]}`, nil},
	} {
		r := one(t, four(c.kind, c.attributes))
		if diff := cmp.Diff(c.want, r.Site.Infrastructure[0].Redundant); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.attributes, diff)
		}
	}
	for kind, product := range map[string]string{"azurerm_postgresql_server": "azure-postgresql-single", "azurerm_mysql_flexible_server": "azure-mysql-flexible"} {
		if r := one(t, four(kind, `{"name":"x","location":"eastus"}`)); r.Databases[0].Engine != product || len(r.Site.Infrastructure) != 0 {
			t.Errorf("%s: %+v", kind, r.Databases)
		}
	}
	r := one(t, four("azurerm_storage_account", `{"name":"a","location":"eastus","account_type":"Standard_LRS","account_kind":"FileStorage"}`,
		"azurerm_storage_account", `{"name":"b","location":"eastus","account_tier":"Premium","account_replication_type":"XRS","account_kind":"FileStorage"}`))
	if r.Site.Infra("a").Redundancy != inventory.RedundancyLocal || r.Site.Infra("b").Redundancy != "" || r.Status() != importer.Partial {
		t.Errorf("storage %+v", r.Site.Infrastructure)
	}
	r = one(t, four("azurerm_virtual_machine_scale_set", `{"name":"twx","location":"eastus","sku":[{"name":"Standard_F8s_v2","capacity":3}]}`))
	if nodes := r.Site.Clusters[0].Nodes(inventory.Foundation); len(nodes) != 3 || nodes[0].CPU != 8 {
		t.Errorf("nodes %+v", nodes)
	}
	r = one(t, shown("planned_values", "azurerm_storage_account", `{"name":"st","location":"eastus"}`, "azurerm_storage_share", `{"name":"s","storage_account_name":"st","quota":1}`, "azurerm_mssql_database", `{"name":"d"}`,
		"azurerm_storage_share", `{"name":"alone","storage_account_name":"elsewhere","quota":1,"enabled_protocol":"FTP"}`))
	if len(r.Site.Infrastructure) != 2 || r.Status() != importer.Partial {
		t.Errorf("planned shares %+v", r.Site.Infrastructure)
	}
	r = one(t, four("azurerm_netapp_volume", `{"name":"v","location":"eastus","protocols":["CIFS"],"data_protection_replication":[{"remote_volume_location":"eastus"}]}`))
	if in := r.Site.Infrastructure[0]; in.Protocol != "smb" || in.Redundancy != inventory.RedundancyZone {
		t.Errorf("volume %+v", in)
	}
	r = one(t, four("azurerm_mssql_managed_instance", `{"name":"mi","location":"eastus","fqdn":"mi.x.database.windows.net","sku_name":"GP_Gen5","zone_redundant":true}`))
	if in := r.Site.Infrastructure[0]; in.Identity.Endpoint == "" || in.HighAvailability == nil {
		t.Errorf("managed instance %+v", in)
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     importer.Status
		kind, what string
	}{
		{"empty state", four(), importer.Understood, "state version 4", ""},
		{"empty state shown", `{"format_version":"1.0","terraform_version":"1.9"}`, importer.Understood, "empty", ""},
		{"another provider", four("aws_db_instance", `{}`, "google_sql", `{}`, "aws_instance", `{}`), importer.Partial, "state version 4", `2 of provider "aws"`},
		{"no attributes", `{"version":4,"terraform_version":"1","resources":[{"type":"azurerm_lb","instances":[{}]},{"type":"x"},7]}`, importer.Partial, "state version 4", "no resource with attributes"},
		{"no attributes in version 3", `{"version":3,"terraform_version":"0.9","modules":[{"resources":{"a.b":{"type":"azurerm_lb"}}}]}`, importer.Partial, "state version 3", "no resource with attributes"},
		{"a list with something else", `[{"type":"azurerm_lb","values":{"name":"x"}},{"a":1}]`, importer.Partial, "list of planned resources", "it is an object with the keys a"},
		{"a type that is none", four("No Type!", `{}`), importer.Partial, "state version 4", `provider "unknown"`},
		{"a later version", `{"version":9,"terraform_version":"9"}`, importer.Refused, "Terraform document", "not known"},
		{"ARM template", `{"$schema":"x","contentVersion":"1","resources":[]}`, importer.Refused, "ARM template", "not a Terraform document"},
		{"an Azure export", `{"value":[]}`, importer.Refused, "unknown JSON", "neither a state nor a plan"},
		{"text", `resource "azurerm_lb" "x" {}`, importer.Refused, "text", "source text"},
		{"scalar", `7`, importer.Refused, "JSON value", "a number"},
		{"empty list", `[]`, importer.Refused, "JSON value", "a list"},
		{"cut off", `{"version":4`, importer.Refused, "text", "ends too early"},
		{"key twice", `{"version":4,"version":4,"terraform_version":"1","resources":[]}`, importer.Partial, "state version 4", "twice"},
		{"policy tool, something else", `{"result":[{"expressions":[{"value":true}]}]}`, importer.Refused, "unknown JSON", ""},
		{"policy tool, several results", `{"result":[{"expressions":[]}]}`, importer.Refused, "unknown JSON", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := one(t, c.body).Files[0]
			if f.Status != c.status || !strings.Contains(f.Kind, c.kind) || !strings.Contains(problems(f), c.what) {
				t.Errorf("%s, %q, %q; want %s, %q, %q", f.Status, f.Kind, problems(f), c.status, c.kind, c.what)
			}
		})
	}
	r := Import([]importer.File{{Name: "a", Unreadable: "not a regular file"}}, options(t))
	if r.Files[0].Status != importer.Refused || r.Site != nil {
		t.Errorf("%+v", r)
	}
}

func FuzzImport(f *testing.F) {
	for _, folder := range []string{"testdata/state", "testdata/plan"} {
		for _, file := range sourcetest.Folder(f, folder) {
			f.Add(file.Data)
		}
	}
	f.Add([]byte(shown("planned_values", "azurerm_linux_virtual_machine", `{"name":"twx","location":"eastus"}`, "azurerm_storage_share", `{"name":"x"}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := Import([]importer.File{{Name: "fuzz", Data: data}}, options(t))
		sourcetest.CheckImport(t, &r)
	})
}

func TestCorpus(t *testing.T) {
	root := os.Getenv("MERIDIAN_CORPUS")
	if root == "" {
		t.Skip("MERIDIAN_CORPUS names no folder with data/")
	}
	files, err := folder.Collect([]string{filepath.Join(root, "data", "4_iac", "tfstate"), filepath.Join(root, "data", "4_iac", "tfplan")})
	if err != nil {
		t.Fatal(err)
	}
	r := Import(files, options(t))
	valid(t, &r)
	counts, servers := map[importer.Status]int{}, 0
	for _, f := range r.Files {
		counts[f.Status]++
	}
	for _, d := range r.Databases {
		if d.Engine == "azure-postgresql-flexible" && d.Asked && d.Known {
			servers++
		}
	}
	want := map[importer.Status]int{importer.Understood: 12, importer.Partial: 1}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("files by status (-want +got):\n%s", diff)
	}
	if servers != 3 {
		t.Errorf("%d planned Flexible Servers, want 3", servers)
	}
	all, err := folder.Collect([]string{filepath.Join(root, "data", "4_iac")})
	if err != nil {
		t.Fatal(err)
	}
	r = Import(all, options(t))
	for _, f := range r.Files {
		if f.Status == importer.Refused && (len(f.Problems) == 0 || f.Problems[0].Remedy == "") {
			t.Errorf("%s: refused without reason and remedy", f.Path)
		}
	}
}

// A server in a state and in an export of az is one, and each file finds its reader.
func TestBesideAzure(t *testing.T) {
	export := `[{"id":"{SUB}Microsoft.DBforPostgreSQL/flexibleServers/PG-1","name":"pg-1","resourceGroup":"rg-twx","type":"Microsoft.DBforPostgreSQL/flexibleServers","location":"West Europe","availabilityZone":"1","state":"Ready"}]`
	var files []importer.File
	for name, body := range map[string]string{"state": four("azurerm_postgresql_flexible_server", flexible), "az": export, "error": `{"error":{"code":"Forbidden"}}`, "plan": `[{"type":"azurerm_key_vault","values":{"name":"x"}}]`} {
		files = append(files, importer.File{Name: name, Data: []byte(strings.ReplaceAll(body, "{SUB}", sub))})
	}
	r := importer.Import(files, options(t), Read, azure.Read)
	valid(t, &r)
	kinds := map[string]string{}
	for _, f := range r.Files {
		kinds[f.Path] = f.Kind
	}
	want := map[string]string{"state": "state version 4", "az": "az list output, flattened by az", "error": "error answer", "plan": "list of planned resources"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if len(r.Site.Infrastructure) != 1 || len(r.Site.Sources) != 3 || len(r.Notes) != 0 {
		t.Errorf("infrastructure %+v, sources %+v, notes %+v", r.Site.Infrastructure, r.Site.Sources, r.Notes)
	}
}
