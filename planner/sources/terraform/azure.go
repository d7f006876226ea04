package terraform

import (
	"slices"
	"sort"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// surroundings are types that stand around a site and carry no fact of its inventory.
func surroundings() []string {
	return []string{
		"azurerm_virtual_network", "azurerm_subnet", "azurerm_network_security", "azurerm_resource_group", "azurerm_availability_set",
		"azurerm_proximity_placement_group", "azurerm_managed_disk", "azurerm_private_", "azurerm_route", "azurerm_nat_gateway",
		"azurerm_netapp_", "azurerm_postgresql_", "azurerm_mssql_", "azurerm_sql_", "azurerm_lb_", "azurerm_virtual_machine_", "azurerm_storage_",
		"azurerm_network_interface_", "azurerm_application_security_group", "azurerm_dns_", "azurerm_user_assigned_identity",
	}
}

// read turns the attributes into a resource, by type.
func (i item) read() {
	res := i.base()
	switch i.kind {
	case "azurerm_postgresql_flexible_server":
		i.flexible(&res)
	case "azurerm_postgresql_server", "azurerm_mysql_flexible_server", "azurerm_mysql_server", "azurerm_mariadb_server", "azurerm_cosmosdb_postgresql_cluster":
		i.neighbour(&res)
	case "azurerm_mssql_server", "azurerm_sql_server", "azurerm_mssql_managed_instance":
		i.sqlServer(&res)
	case "azurerm_mssql_database", "azurerm_sql_database":
		i.sqlDatabase(&res)
	case "azurerm_lb":
		i.balancer(&res)
	case "azurerm_application_gateway":
		i.gateway(&res)
	case "azurerm_lb_probe", "azurerm_lb_rule":
		i.r.balancers = append(i.r.balancers, i)
		return
	case "azurerm_public_ip":
		res.PublicIP = true
	case "azurerm_network_interface":
		res.Interface = &importer.Interface{Machine: i.reference("virtual_machine_id")}
	case "azurerm_network_interface_backend_address_pool_association", "azurerm_network_interface_application_gateway_backend_address_pool_association":
		i.association(&res)
	case "azurerm_storage_account":
		i.account(&res)
	case "azurerm_storage_share":
		i.r.shares = append(i.r.shares, i)
		return
	case "azurerm_netapp_volume":
		i.volume(&res)
	case "azurerm_linux_virtual_machine", "azurerm_windows_virtual_machine", "azurerm_virtual_machine":
		i.machine(&res)
	case "azurerm_linux_virtual_machine_scale_set", "azurerm_windows_virtual_machine_scale_set", "azurerm_orchestrated_virtual_machine_scale_set", "azurerm_virtual_machine_scale_set":
		i.scaleSet(&res)
	default:
		class := importer.ClassNotRelevant
		if slices.ContainsFunc(surroundings(), func(p string) bool { return strings.HasPrefix(i.kind, p) }) {
			class = importer.ClassContext
		}
		i.r.report.Count(i.kind, class)
		return
	}
	i.r.resources = append(i.r.resources, res)
}

// base reads what all resources share. Zones are written as zone, zones or, before provider version 3, as
// availability_zone.
func (i item) base() importer.Resource {
	p := i.r.tree.At(i.v, i.ptr, "", "")
	res := importer.Resource{
		Pointer: i.ptr, Line: p.Line, Column: p.Column, Source: i.r.source(), Asked: i.r.planned, Provider: provider, Type: i.kind,
		Name: i.v.Get("name").Text(), Group: i.v.Get("resource_group_name").Text(), Location: i.v.Get("location").Text(),
		EdgeZone: importer.Token(i.v.Get("edge_zone").Text()),
	}
	if id, ok := azure.ParseID(i.v.Get("id").Text()); ok {
		res.Key = id.Key
		if id.Usable {
			res.ARMID = i.v.Get("id").Text()
		}
		if res.Group == "" {
			res.Group = id.Group
		}
	}
	for _, key := range []string{"zone", "zones", "availability_zone"} {
		if zones := i.zones(i.v.Get(key)); len(zones) > 0 {
			res.Zones = zones
			break
		}
	}
	tags := i.v.Get("tags")
	for j, m := range tags.Members() {
		key := strings.ToLower(m.Key)
		if strings.HasPrefix(key, "meridian") && len(key) <= 64 && len(tags.Item(j).Text()) <= 256 {
			if res.Tags == nil {
				res.Tags = map[string]string{}
			}
			res.Tags[key] = tags.Item(j).Text()
		}
	}
	return res
}

// zones reads a zone, a list of them, and the words of provider version 2: No-Zone and Zone-Redundant say nothing of
// which zones.
func (i item) zones(v *tree.Value) []string {
	var out []string
	add := func(s string) {
		if s = importer.Token(s); len(s) == 1 && s[0] >= '1' && s[0] <= '9' && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	add(v.Text())
	for j := range v.Members() {
		add(v.Item(j).Text())
	}
	sort.Strings(out)
	return out
}

func (i item) token(keys ...string) string { return importer.Token(i.v.Get(keys...).Text()) }

func (i item) reference(key string) string {
	id, ok := azure.ParseID(i.v.Get(key).Text())
	if !ok {
		return ""
	}
	return id.Key
}

func (i item) truth(key string) *bool {
	if b, ok := i.v.Get(key).Bool(); ok {
		return &b
	}
	return nil
}

// first is the only block of a list of blocks, the way Terraform writes a nested object.
func first(v *tree.Value) *tree.Value {
	if v.Kind() == tree.Array && v.Len() > 0 {
		return v.Item(0)
	}
	return nil
}

func (i item) problem(key, what string) {
	i.r.report.Problem(i.r.tree.At(i.v.Get(key), i.ptr+"/"+key, what, ""))
}

// balancer follows azure's: Basic is not redundant, Global is, and of Standard the zones decide.
func (i item) balancer(res *importer.Resource) {
	b := &importer.Balancer{SKU: i.token("sku")}
	res.Balancer = b
	res.Zones = nil
	yes, no := true, false
	switch {
	case strings.EqualFold(i.token("sku_tier"), "Global"):
		b.Global, b.Redundant = true, &yes
	case strings.EqualFold(b.SKU, "Basic"):
		b.Redundant = &no
	}
	frontends := i.v.Get("frontend_ip_configuration")
	for j := range frontends.Members() {
		f := frontends.Item(j)
		id, public := azure.ParseID(f.Get("public_ip_address_id").Text())
		switch zones := i.zones(f.Get("zones")); {
		case len(zones) > 0:
			b.Zonal = append(b.Zonal, zones)
		case public:
			b.PublicIPs = append(b.PublicIPs, id.Key)
		default:
			b.Undecided++
		}
	}
	b.Addresses = addresses(frontends)
}

func addresses(frontends *tree.Value) []string {
	var out []string
	for j := range frontends.Members() {
		if a := importer.Address(frontends.Item(j).Get("private_ip_address").Text()); a != "" && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func (i item) gateway(res *importer.Resource) {
	sku := first(i.v.Get("sku"))
	b := &importer.Balancer{SKU: importer.Token(sku.Get("name").Text()), Addresses: addresses(i.v.Get("frontend_ip_configuration"))}
	res.Balancer = b
	yes, no := true, false
	instances, known := sku.Get("capacity").Float()
	switch {
	case len(res.Zones) > 1:
		b.Redundant = &yes
	case len(res.Zones) == 1, known && instances == 1 && !strings.HasSuffix(strings.ToLower(b.SKU), "_v2"):
		b.Redundant = &no
	default:
		b.Undecided = 1
	}
	probes := i.v.Get("probe")
	for j := range probes.Members() {
		addPath(b, probes.Item(j).Get("path").Text())
	}
	b.Sticky = agreed(i.v.Get("backend_http_settings"), "cookie_based_affinity", "Disabled")
}

// agreed is known only when all blocks say the same.
func agreed(blocks *tree.Value, key, off string) *bool {
	on, seen := 0, 0
	for j := range blocks.Members() {
		if v := blocks.Item(j).Get(key); !v.Blank() {
			seen++
			if !strings.EqualFold(v.Text(), off) {
				on++
			}
		}
	}
	if seen == 0 || on != 0 && on != seen {
		return nil
	}
	yes := on > 0
	return &yes
}

func addPath(b *importer.Balancer, path string) {
	if path == "" || len(path) > 128 {
		return
	}
	if path[0] != '/' {
		path = "/" + path
	}
	if strings.ContainsFunc(path, func(r rune) bool { return !strings.ContainsRune("/._-", r) && importer.Token(string(r)) == "" }) {
		return
	}
	if !slices.Contains(b.HealthPaths, path) {
		b.HealthPaths = append(b.HealthPaths, path)
	}
}

// attach adds a probe or a rule to the load balancer it names, when that is in the file.
func (i item) attach() {
	class := importer.ClassContext
	key := i.reference("loadbalancer_id")
	for j := range i.r.resources {
		b := i.r.resources[j].Balancer
		if b == nil || key == "" || i.r.resources[j].Key != key {
			continue
		}
		class = importer.ClassUsed
		if i.kind == "azurerm_lb_probe" {
			addPath(b, i.v.Get("request_path").Text())
			continue
		}
		if i.v.Get("load_distribution").Blank() {
			continue
		}
		vote := &i.r.votes[j]
		if strings.EqualFold(i.v.Get("load_distribution").Text(), "Default") {
			vote.off = true
		} else {
			vote.on = true
		}
		b.Sticky = nil
		if vote.on != vote.off {
			b.Sticky = &vote.on
		}
	}
	i.r.report.Count(i.kind, class)
}

// association tells which pool an interface stands in.
func (i item) association(res *importer.Resource) {
	nic, pool := i.reference("network_interface_id"), i.reference("backend_address_pool_id")
	if nic == "" || pool == "" {
		res.Class = importer.ClassContext
		return
	}
	res.Key, res.ARMID = nic, ""
	res.Interface = &importer.Interface{Pools: []string{pool}}
}

func (i item) account(res *importer.Resource) {
	s := &importer.Storage{
		Account: true, Files: strings.EqualFold(i.token("account_kind"), "FileStorage"),
		Secondary: i.v.Get("secondary_location").Text(), Endpoint: importer.Host(i.v.Get("primary_file_host").Text()),
	}
	res.Storage = s
	if tier, kind := i.token("account_tier"), i.token("account_replication_type"); tier != "" && kind != "" {
		s.SKU = tier + "_" + kind
	} else {
		s.SKU = i.token("account_type")
	}
	if s.Redundancy = azure.RedundancyOf(s.SKU); s.Redundancy == "" && s.SKU != "" {
		i.problem("account_replication_type", "SKU "+importer.Quote(s.SKU)+" names no known redundancy; it stays unknown")
	}
}

// share names its account by id or, before provider version 4, by name, which is looked up in the file.
func (i item) share() {
	res := i.base()
	share := &importer.Share{Protocol: strings.ToLower(i.token("enabled_protocol")), Account: i.reference("storage_account_id"), AccountName: i.token("storage_account_name")}
	if share.Protocol != "nfs" && share.Protocol != "smb" {
		share.Protocol = ""
	}
	if id, ok := azure.ParseID(i.v.Get("resource_manager_id").Text()); ok && share.Account == "" {
		share.Account = id.Parent(2)
	}
	if id, ok := azure.ParseID(share.Account); ok && len(id.Names) > 0 {
		share.AccountName = id.Names[0]
		if id.Usable {
			share.AccountARMID = share.Account
		}
	}
	for j := range i.r.resources {
		if a := &i.r.resources[j]; a.Storage != nil && share.Account == "" && strings.EqualFold(a.Name, share.AccountName) {
			if a.Key == "" {
				a.Key = "planned storage account " + strings.ToLower(a.Name)
			}
			share.Account = a.Key
		}
	}
	if share.Account == "" {
		share.Account = "storage account " + strings.ToLower(share.AccountName)
	}
	if gib, ok := i.v.Get("quota").Float(); ok {
		share.QuotaGiB = importer.Positive(gib)
	}
	res.Share = share
	i.r.resources = append(i.r.resources, res)
}

func (i item) volume(res *importer.Resource) {
	s := &importer.Storage{SKU: i.token("service_level"), Redundancy: inventory.RedundancyLocal}
	res.Storage = s
	if gib, ok := i.v.Get("storage_quota_in_gb").Float(); ok {
		s.SizeGiB = importer.Positive(gib)
	}
	protocols := i.v.Get("protocols")
	for j := range protocols.Members() {
		switch p := strings.ToLower(protocols.Item(j).Text()); {
		case strings.HasPrefix(p, "nfs"):
			s.Protocol = "nfs"
		case p == "cifs" && s.Protocol == "":
			s.Protocol = "smb"
		}
	}
	path := i.token("volume_path")
	targets := i.v.Get("mount_ip_addresses")
	for j := range targets.Members() {
		if a := importer.Address(targets.Item(j).Text()); a != "" && path != "" && s.Endpoint == "" {
			s.Endpoint = a + ":/" + path
		}
	}
	if replication := first(i.v.Get("data_protection_replication")); replication != nil {
		s.Secondary = replication.Get("remote_volume_location").Text()
		s.Redundancy = inventory.RedundancyGeo
		if strings.EqualFold(s.Secondary, res.Location) {
			s.Redundancy = inventory.RedundancyZone
		}
	}
}

func (i item) machine(res *importer.Resource) {
	m := &importer.Machine{SKU: i.token("size"), ScaleSet: i.reference("virtual_machine_scale_set_id")}
	if m.SKU == "" {
		m.SKU = i.token("vm_size")
	}
	if s, ok := azure.SizeOf(m.SKU); ok {
		m.CPU, m.MemoryGiB = s.CPU, s.Memory
	}
	nics := i.v.Get("network_interface_ids")
	for j := range nics.Members() {
		if id, ok := azure.ParseID(nics.Item(j).Text()); ok {
			m.Interfaces = append(m.Interfaces, id.Key)
		}
	}
	res.Machine = m
}

func (i item) scaleSet(res *importer.Resource) {
	m := &importer.Machine{Set: true, SKU: i.token("sku")}
	count := i.v.Get("instances")
	if sku := first(i.v.Get("sku")); sku != nil {
		m.SKU, count = importer.Token(sku.Get("name").Text()), sku.Get("capacity")
	}
	if m.SKU == "" {
		m.SKU = i.token("sku_name")
	}
	if s, ok := azure.SizeOf(m.SKU); ok {
		m.CPU, m.MemoryGiB = s.CPU, s.Memory
	}
	if n, ok := count.Float(); ok && n >= 0 && n <= 1000 {
		m.Count = int(n)
	}
	res.Machine = m
}

func sortedNames(m map[string]int) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}
