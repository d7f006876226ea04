package terraform

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// flexible reads a Flexible Server. sku_name holds tier and size: GP_Standard_D4ds_v5.
func (i item) flexible(res *importer.Resource) {
	d := &importer.Database{Product: string(inventory.EngineAzurePostgreSQLFlexible), Engine: inventory.EngineAzurePostgreSQLFlexible}
	res.Database = d
	d.Endpoint = importer.Host(i.v.Get("fqdn").Text())
	d.Version = i.token("version")
	tier, size, ok := strings.Cut(i.token("sku_name"), "_")
	if ok {
		d.Tier = map[string]string{"B": "Burstable", "GP": "GeneralPurpose", "MO": "MemoryOptimized"}[strings.ToUpper(tier)]
		d.SKU = size
	}
	if d.Tier == "" && !i.v.Get("sku_name").Blank() {
		i.problem("sku_name", "sku_name does not begin with B_, GP_ or MO_; tier and size stay unknown")
		d.SKU = ""
	}
	if s, ok := azure.SizeOf(d.SKU); ok {
		d.CPU, d.MemoryGiB = s.CPU, s.Memory
	}
	d.MaxConnections = azure.MaxConnections(d.SKU)
	if mb, ok := i.v.Get("storage_mb").Float(); ok {
		d.StorageGiB = importer.Positive(mb / 1024)
	}
	d.GeoBackup = i.truth("geo_redundant_backup_enabled")
	i.highAvailability(d)
	d.Role = i.token("create_mode")
	d.Replica = strings.EqualFold(d.Role, "Replica")
	if id, ok := azure.ParseID(i.v.Get("source_server_id").Text()); ok && len(id.Names) > 0 {
		d.SourceKey, d.SourceName = id.Key, id.Names[len(id.Names)-1]
		if id.Usable {
			d.SourceARMID = i.v.Get("source_server_id").Text()
		}
	}
}

// highAvailability: no block is no high availability; a block that is absent from the attributes is not known.
func (i item) highAvailability(d *importer.Database) {
	v := i.v.Get("high_availability")
	block := first(v)
	switch {
	case v.Kind() == tree.Array && v.Len() == 0:
		d.Mode = inventory.HANone
	case block == nil:
	default:
		d.StandbyZone = importer.Token(block.Get("standby_availability_zone").Text())
		switch strings.ToLower(block.Get("mode").Text()) {
		case "zoneredundant":
			d.Mode = inventory.HAZoneRedundant
		case "samezone":
			d.Mode = inventory.HASameZone
		default:
			d.StandbyZone = ""
			i.problem("high_availability", "mode "+importer.Quote(block.Get("mode").Text())+" is neither ZoneRedundant nor SameZone; it stays unknown")
		}
	}
}

func (i item) neighbour(res *importer.Resource) {
	res.Class = importer.ClassNotRelevant
	res.Database = &importer.Database{
		Product: map[string]string{
			"azurerm_postgresql_server": "azure-postgresql-single", "azurerm_mysql_flexible_server": "azure-mysql-flexible", "azurerm_mysql_server": "azure-mysql-single",
			"azurerm_mariadb_server": "azure-mariadb", "azurerm_cosmosdb_postgresql_cluster": "azure-postgresql-hyperscale",
		}[i.kind],
		Endpoint: importer.Host(i.v.Get("fqdn").Text()), Version: i.token("version"),
	}
}

func (i item) sqlServer(res *importer.Resource) {
	d := &importer.Database{Product: string(inventory.EngineAzureSQL), Engine: inventory.EngineAzureSQL, Version: i.token("version"), SKU: i.token("sku_name")}
	res.Database = d
	for _, key := range []string{"fully_qualified_domain_name", "fqdn"} {
		if d.Endpoint == "" {
			d.Endpoint = importer.Host(i.v.Get(key).Text())
		}
	}
	if on := i.truth("zone_redundant"); on != nil && *on {
		d.Mode = inventory.HAZoneRedundant
	}
}

func (i item) sqlDatabase(res *importer.Resource) {
	server := i.reference("server_id")
	if server == "" {
		if id, ok := azure.ParseID(i.v.Get("id").Text()); ok {
			server = id.Parent(1)
		}
	}
	if server == "" && i.r.planned {
		// The server's id is known only after the plan is applied, so the database cannot be joined to it.
		res.Class = importer.ClassContext
		return
	}
	res.Part = &importer.DatabasePart{Server: server, SKU: i.token("sku_name"), ZoneRedundant: i.truth("zone_redundant")}
}
