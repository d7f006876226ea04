package azure

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// flexible reads Azure Database for PostgreSQL Flexible Server, in the shape of the API of 2021 and later and in that of
// 2020-02-14-preview (haEnabled, standbyAvailabilityZone, storageProfile).
func (rec *record) flexible(res *importer.Resource) {
	d := &importer.Database{Product: string(inventory.EngineAzurePostgreSQLFlexible), Engine: inventory.EngineAzurePostgreSQLFlexible}
	res.Database = d
	rec.server(res)
	rec.tier(d)
	if zone := rec.zones(rec.prop("availabilityZone"), "/properties/availabilityZone"); len(zone) > 0 {
		res.Zones = zone[:1]
	}
	rec.highAvailability(res)
	if gib, ok := rec.prop("storage", "storageSizeGB").Float(); ok {
		d.StorageGiB = importer.Positive(gib)
	} else if mb, ok := rec.prop("storageProfile", "storageMB").Float(); ok {
		d.StorageGiB = importer.Positive(mb / 1024)
	}
	d.GeoBackup = rec.enabled(rec.prop("backup", "geoRedundantBackup"), "/properties/backup/geoRedundantBackup")
	if s, ok := SizeOf(d.SKU); ok {
		d.CPU, d.MemoryGiB = s.CPU, s.Memory
	}
	d.MaxConnections = MaxConnections(d.SKU)
	if d.MaxConnections == 0 && d.SKU != "" {
		rec.r.note(rec.v.Get("sku"), rec.ptr+"/sku", "the default of max_connections for "+importer.Quote(d.SKU)+" is not known; maxConnections is left out")
	}
	rec.replication(d)
}

// parameter reads a server parameter, of which only max_connections tells something an inventory holds.
func (rec *record) parameter(res *importer.Resource) {
	res.Class = importer.ClassContext
	if !strings.EqualFold(rec.name, "max_connections") {
		return
	}
	value := rec.prop("value")
	n, ok := value.Float()
	if !ok || n < 1 || n > maxConnectionsSet || n != float64(int(n)) {
		rec.r.problem(value, rec.ptr+"/properties/value", "max_connections is no whole number from 1 to 262143; the default of the size stands", "")
		return
	}
	res.Part = &importer.DatabasePart{Server: rec.id.Parent(1), MaxConnections: int(n)}
}

// maxConnectionsSet is the most that PostgreSQL accepts as max_connections.
const maxConnectionsSet = 262143

// neighbour reads database products that ThingWorx does not run on, or no longer exist, so that the table of databases
// tells them apart from Flexible Server.
func (rec *record) neighbour(res *importer.Resource) {
	d := &importer.Database{}
	res.Database, res.Class = d, importer.ClassNotRelevant
	switch rec.kind {
	case typeSingle:
		d.Product = "azure-postgresql-single"
	case typeHyperscale:
		d.Product = "azure-postgresql-hyperscale"
	case typeMySQLFlexible:
		d.Product = "azure-mysql-flexible"
	case typeMySQL:
		d.Product = "azure-mysql-single"
	case typeMariaDB:
		d.Product = "azure-mariadb"
	}
	rec.server(res)
	if zone := rec.zones(rec.prop("availabilityZone"), "/properties/availabilityZone"); len(zone) > 0 {
		res.Zones = zone[:1]
	}
	if rec.prop("highAvailability", "mode") != nil {
		rec.highAvailability(res)
	}
	rec.replication(d)
}

// server reads what all database servers share.
func (rec *record) server(res *importer.Resource) {
	d := res.Database
	fqdn := rec.prop("fullyQualifiedDomainName")
	d.Endpoint = importer.Host(fqdn.Text())
	if d.Endpoint == "" && !fqdn.Blank() {
		rec.r.note(fqdn, rec.ptr+"/properties/fullyQualifiedDomainName", "not a host name; the endpoint of "+importer.Name(res.Name)+" stays unknown")
	}
	d.Version = importer.Token(rec.prop("version").Text())
	d.SKU = importer.Token(rec.v.Get("sku", "name").Text())
}

func (rec *record) tier(d *importer.Database) {
	v := rec.v.Get("sku", "tier")
	for _, t := range []string{"Burstable", "GeneralPurpose", "MemoryOptimized"} {
		if strings.EqualFold(v.Text(), t) {
			d.Tier = t
		}
	}
	if d.Tier == "" && !v.Blank() {
		rec.r.problem(v, rec.ptr+"/sku/tier", "tier "+importer.Quote(v.Text())+" is none of Burstable, GeneralPurpose, MemoryOptimized", "")
	}
}

// highAvailability reads the mode in both shapes. The API of 2020 says Enabled only; the zones then tell the mode.
func (rec *record) highAvailability(res *importer.Resource) {
	d := res.Database
	if standby := rec.zones(rec.prop("highAvailability", "standbyAvailabilityZone"), "/properties/highAvailability/standbyAvailabilityZone"); len(standby) > 0 {
		d.StandbyZone = standby[0]
	} else if standby := rec.zones(rec.prop("standbyAvailabilityZone"), "/properties/standbyAvailabilityZone"); len(standby) > 0 {
		d.StandbyZone = standby[0]
	}
	zone := ""
	if len(res.Zones) == 1 {
		zone = res.Zones[0]
	}
	if v := rec.prop("highAvailability", "mode"); !v.Blank() {
		switch strings.ToLower(v.Text()) {
		case "disabled":
			d.Mode, d.StandbyZone = inventory.HANone, ""
		case "samezone":
			d.Mode = inventory.HASameZone
		case "zoneredundant":
			d.Mode = inventory.HAZoneRedundant
			if zone != "" && zone == d.StandbyZone {
				rec.r.note(v, rec.ptr+"/properties/highAvailability", importer.Name(res.Name)+" is set to zone-redundant and its standby is in the zone of the primary at present")
			}
		default:
			rec.r.problem(v, rec.ptr+"/properties/highAvailability/mode", "high-availability mode "+importer.Quote(v.Text())+" is none of Disabled, SameZone, ZoneRedundant; it stays unknown", "")
		}
		return
	}
	v := rec.prop("haEnabled")
	if v.Blank() {
		return
	}
	on := rec.enabled(v, "/properties/haEnabled")
	switch {
	case on == nil:
	case !*on:
		d.Mode, d.StandbyZone = inventory.HANone, ""
	case d.StandbyZone == "" || zone == "":
		rec.r.problem(v, rec.ptr+"/properties/haEnabled", "high availability is on, and without the zones of "+importer.Name(res.Name)+" and its standby the mode stays unknown", "export it again with a current version of az")
	case d.StandbyZone == zone:
		d.Mode = inventory.HASameZone
	default:
		d.Mode = inventory.HAZoneRedundant
	}
}

// enabled reads Enabled and Disabled, and reports anything else.
func (rec *record) enabled(v *tree.Value, path string) *bool {
	if v.Blank() {
		return nil
	}
	yes, no := true, false
	switch strings.ToLower(v.Text()) {
	case "enabled", "true":
		return &yes
	case "disabled", "false":
		return &no
	}
	rec.r.problem(v, rec.ptr+path, "neither Enabled nor Disabled; it stays unknown", "")
	return nil
}

// replication reads role and source. A request beside an answer tells what a restored server was made from, which the
// answer does not.
func (rec *record) replication(d *importer.Database) {
	role := rec.prop("replicationRole")
	if role.Blank() {
		role = rec.prop("replica", "role")
	}
	d.Role = importer.Token(role.Text())
	d.Replica = strings.Contains(strings.ToLower(d.Role), "replica")
	for _, key := range []string{"sourceServerResourceId", "sourceServerId", "masterServerId"} {
		rec.origin(d, rec.prop(key))
	}
	request := rec.r.request.Get("properties")
	if mode := strings.ToLower(request.Get("createMode").Text()); d.Role == "" && (strings.Contains(mode, "restore") || strings.Contains(mode, "replica")) {
		d.Role = importer.Token(request.Get("createMode").Text())
	}
	if d.SourceKey == "" && request != nil {
		for _, key := range []string{"sourceServerResourceId", "sourceServerId"} {
			rec.origin(d, request.Get(key))
		}
		if d.SourceName == "" {
			d.SourceName = importer.Token(request.Get("sourceServerName").Text())
		}
	}
}

func (rec *record) origin(d *importer.Database, v *tree.Value) {
	id, ok := ParseID(v.Text())
	if !ok || d.SourceKey != "" || len(id.Names) == 0 {
		return
	}
	d.SourceKey, d.SourceName = id.Key, id.Names[len(id.Names)-1]
	if id.Usable {
		d.SourceARMID = v.Text()
	}
}

// sqlServer reads a logical server of Azure SQL or a managed instance.
func (rec *record) sqlServer(res *importer.Resource) {
	d := &importer.Database{Product: string(inventory.EngineAzureSQL), Engine: inventory.EngineAzureSQL}
	res.Database = d
	rec.server(res)
	if tier := importer.Token(rec.v.Get("sku", "tier").Text()); tier != "" {
		d.Tier = tier
	}
	if on, ok := rec.prop("zoneRedundant").Bool(); ok && on {
		d.Mode = inventory.HAZoneRedundant
	}
	if gib, ok := rec.prop("storageSizeInGB").Float(); ok {
		d.StorageGiB = importer.Positive(gib)
	}
}

// sqlDatabase reads a database of a logical server, which holds the tier and the zone redundancy; master tells nothing.
func (rec *record) sqlDatabase(res *importer.Resource) {
	if strings.EqualFold(rec.name, "master") {
		res.Class = importer.ClassContext
		return
	}
	part := &importer.DatabasePart{Server: rec.id.Parent(1), SKU: importer.Token(rec.v.Get("sku", "name").Text()), Tier: importer.Token(rec.v.Get("sku", "tier").Text())}
	if on, ok := rec.prop("zoneRedundant").Bool(); ok {
		part.ZoneRedundant = &on
	}
	res.Part = part
}

// sqlFailover reads a failover group: the listener that follows the primary, and the regions of the partners.
func (rec *record) sqlFailover(res *importer.Resource) {
	part := &importer.DatabasePart{Server: rec.id.Parent(1)}
	if h := importer.Host(rec.name); h != "" {
		part.FailoverEndpoint = h + ".database.windows.net"
	}
	partners := rec.prop("partnerServers")
	for i := range partners.Members() {
		p := partners.Item(i)
		replica := inventory.Replica{Region: p.Get("location").Text(), Role: "failover"}
		if id, ok := ParseID(p.Get("id").Text()); ok && len(id.Names) > 0 {
			replica.Name = importer.Token(id.Names[len(id.Names)-1])
		}
		part.Replicas = append(part.Replicas, replica)
	}
	res.Part = part
}
