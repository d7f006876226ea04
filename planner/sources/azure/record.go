package azure

import (
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// Types that carry facts of an inventory, in lower case.
const (
	typeFlexible      = "microsoft.dbforpostgresql/flexibleservers"
	typeParameter     = "microsoft.dbforpostgresql/flexibleservers/configurations"
	typeSingle        = "microsoft.dbforpostgresql/servers"
	typeHyperscale    = "microsoft.dbforpostgresql/servergroupsv2"
	typeMySQLFlexible = "microsoft.dbformysql/flexibleservers"
	typeMySQL         = "microsoft.dbformysql/servers"
	typeMariaDB       = "microsoft.dbformariadb/servers"
	typeSQL           = "microsoft.sql/servers"
	typeSQLDatabase   = "microsoft.sql/servers/databases"
	typeSQLFailover   = "microsoft.sql/servers/failovergroups"
	typeSQLInstance   = "microsoft.sql/managedinstances"
	typeBalancer      = "microsoft.network/loadbalancers"
	typeGateway       = "microsoft.network/applicationgateways"
	typeInterface     = "microsoft.network/networkinterfaces"
	typeSetInterface  = "microsoft.compute/virtualmachinescalesets/virtualmachines/networkinterfaces"
	typePublicIP      = "microsoft.network/publicipaddresses"
	typeAccount       = "microsoft.storage/storageaccounts"
	typeShare         = "microsoft.storage/storageaccounts/fileservices/shares"
	typeVolume        = "microsoft.netapp/netappaccounts/capacitypools/volumes"
	typeMachine       = "microsoft.compute/virtualmachines"
	typeScaleSet      = "microsoft.compute/virtualmachinescalesets"
	typeInstance      = "microsoft.compute/virtualmachinescalesets/virtualmachines"

	typeRegions = "region list" // has no type of its own
)

// contextPrefixes are types that surround a ThingWorx site and carry no fact of its inventory. Everything else that is
// not listed above is no part of a site.
func contextPrefixes() []string {
	return []string{
		"microsoft.network/virtualnetworks", "microsoft.network/privateendpoints", "microsoft.network/privatednszones",
		"microsoft.network/networksecuritygroups", "microsoft.network/routetables", "microsoft.network/natgateways",
		"microsoft.network/loadbalancers/", "microsoft.network/applicationgateways/", "microsoft.network/networkinterfaces/",
		"microsoft.netapp/", "microsoft.storage/storageaccounts/fileservices",
		"microsoft.compute/availabilitysets", "microsoft.compute/proximityplacementgroups", "microsoft.compute/disks",
		"microsoft.compute/virtualmachines/", "microsoft.compute/virtualmachinescalesets/",
		"microsoft.dbforpostgresql/", "microsoft.sql/", "microsoft.resources/", "microsoft.management/",
	}
}

// record is one resource in one of its shapes: an ARM body with properties, or the flattened output of the command line.
type record struct {
	r     *reader
	v     *tree.Value
	ptr   string
	kind  string
	id    ID
	name  string
	group string
}

// resource reads one object as a resource; it reports false when the object is none.
func (r *reader) resource(v *tree.Value, ptr string) bool {
	rec := record{r: r, v: v, ptr: ptr}
	rec.identify()
	if rec.kind == "" && !rec.shape() {
		return false
	}
	rec.read()
	return true
}

// identify finds type, id, name and group. The type wins over the one in the id, because the ids of some lists name a
// neighbour.
func (rec *record) identify() {
	v := rec.v
	id, hasID := ParseID(v.Get("id").Text())
	if hasID {
		rec.id = id
	}
	if t := strings.ToLower(v.Get("type").Text()); typeName(t) {
		rec.kind = t
		if hasID && id.Kind != t && id.Kind != "" {
			rec.r.note(v.Get("type"), rec.ptr+"/type", "type and id name different types; the type was taken")
		}
	} else if hasID {
		rec.kind = id.Kind
	}
	rec.group = id.Group
	if rec.group == "" {
		rec.group = v.Get("resourceGroup").Text()
	}
	if n := v.Get("name"); n.Kind() == tree.String {
		rec.name = n.Text()
	} else if len(id.Names) > 0 {
		rec.name = id.Names[len(id.Names)-1]
	}
	if i := strings.LastIndexByte(rec.name, '/'); i >= 0 {
		rec.name = rec.name[i+1:]
	}
}

// typeName reports whether a text in lower case is a resource type: a provider with a dot and at least one segment.
func typeName(t string) bool {
	provider, rest, ok := strings.Cut(t, "/")
	return ok && len(t) <= 160 && strings.Contains(provider, ".") && rest != "" &&
		!strings.ContainsFunc(t, func(r rune) bool { return r != '/' && importer.Token(string(r)) == "" })
}

// shape recognises objects without type and id by their keys.
func (rec *record) shape() bool {
	v := rec.v
	has := func(keys ...string) bool { return v.Has(keys...) }
	switch {
	case has("delegatedSubnetsUsage"):
		rec.kind = "subnet usage of a virtual network"
	case has("relationshipStatus", "mirrorState"):
		rec.kind = "replication status of a volume"
	case has("supportedServerEditions"), has("supportedFlexibleServerEditions"), has("zone", "supportedHAMode"):
		rec.kind = "capabilities of a region"
	case has("statuses", "vmAgent"), has("vmAgent", "disks"), has("platformFaultDomain", "statuses"):
		rec.kind = "instance view of a virtual machine"
	case has("regionalDisplayName") || has("displayName", "metadata") && v.Get("metadata", "regionType") != nil:
		rec.kind = typeRegions
	case has("tenantId", "isDefault", "state"):
		rec.kind = "subscription list"
	case has("powerState", "location") && (has("privateIps") || has("privateIpAddress") || has("macAddress")):
		rec.kind = typeMachine
		rec.r.kind("az vm output")
	case has("capacity", "location") && has("upgradePolicy"):
		rec.kind = typeScaleSet
		rec.r.kind("az vmss output")
	default:
		return false
	}
	return true
}

// read turns the record into a resource, by type.
func (rec *record) read() {
	if rec.kind == typeRegions && rec.zoneMap() {
		return
	}
	if class := classOf(rec.kind); class != "" && !neighbour(rec.kind) {
		if strings.Contains(rec.kind, "/") {
			rec.shapeName()
		}
		rec.r.report.Count(rec.kind, class)
		return
	}
	p := rec.r.tree.At(rec.v, rec.ptr, "", "")
	res := importer.Resource{
		Pointer: rec.ptr, Line: p.Line, Column: p.Column, Source: rec.r.source(), Asked: rec.r.asked, Provider: provider,
		Type: rec.kind, Key: rec.id.Key, Name: rec.name, Group: rec.group, Account: strings.ToLower(rec.id.Subscription), Tags: rec.tags(),
	}
	rec.shapeName()
	res.Location = rec.text("location")
	res.Zones = rec.zones(rec.v.Get("zones"), "/zones")
	res.EdgeZone = importer.Token(rec.v.Get("extendedLocation", "name").Text())
	if rec.id.Usable {
		res.ARMID = rec.v.Get("id").Text()
		if res.ARMID == "" {
			res.ARMID = rec.id.Key
		}
	}
	switch rec.kind {
	case typeFlexible:
		rec.flexible(&res)
	case typeParameter:
		rec.parameter(&res)
	case typeSQL, typeSQLInstance:
		rec.sqlServer(&res)
	case typeSQLDatabase:
		rec.sqlDatabase(&res)
	case typeSQLFailover:
		rec.sqlFailover(&res)
	case typeBalancer:
		rec.balancer(&res)
	case typeGateway:
		rec.gateway(&res)
	case typeInterface, typeSetInterface:
		rec.networkInterface(&res)
	case typePublicIP:
		res.PublicIP = true
	case typeAccount:
		rec.account(&res)
	case typeShare:
		rec.share(&res)
	case typeVolume:
		rec.volume(&res)
	case typeMachine, typeInstance:
		rec.machine(&res)
	case typeScaleSet:
		rec.scaleSet(&res)
	default:
		rec.neighbour(&res)
	}
	rec.identity(&res)
	rec.r.resources = append(rec.r.resources, res)
}

// shapeName adds to the report's kind whether resources came as ARM bodies or flattened by the command line.
func (rec *record) shapeName() {
	name := "ARM resources"
	switch {
	case rec.r.asked:
		return
	case rec.v.Get("properties") == nil && rec.v.Get("resourceGroup") != nil:
		name = "flattened by az"
	case rec.v.Get("properties") == nil:
		name = "resource rows"
	}
	if !strings.Contains(rec.r.report.Kind, name) {
		rec.r.kind(name)
	}
}

// identity reports a resource that matters and cannot be told from another one.
func (rec *record) identity(res *importer.Resource) {
	if classOf(rec.kind) != "" {
		return
	}
	id := rec.v.Get("id")
	switch {
	case res.Name == "" && res.Key == "" && rec.r.asked:
		rec.r.problem(rec.v, rec.ptr, "a resource of type "+rec.kind+" whose name is not known, so that it is not in the inventory", "export the deployed resource with az resource show -o json")
	case res.Name == "" && res.Key == "":
		rec.r.problem(rec.v, rec.ptr, "a resource of type "+rec.kind+" with neither name nor id", "export it with its id and name")
	case !id.Blank() && !rec.id.Usable && !rec.r.asked:
		rec.r.note(id, rec.ptr+"/id", "the id of "+importer.Name(res.Name)+" holds a placeholder, so the resource is not recognised in other imports")
	}
}

// neighbour reports whether the type is a database product that is told apart from those ThingWorx runs on.
func neighbour(kind string) bool {
	switch kind {
	case typeSingle, typeHyperscale, typeMySQLFlexible, typeMySQL, typeMariaDB:
		return true
	}
	return false
}

// classOf is the class of a type without facts, "" for one with facts.
func classOf(kind string) importer.Class {
	switch kind {
	case typeFlexible, typeParameter, typeSQL, typeSQLInstance, typeSQLDatabase, typeSQLFailover, typeBalancer, typeGateway, typeInterface, typeSetInterface,
		typePublicIP, typeAccount, typeShare, typeVolume, typeMachine, typeInstance, typeScaleSet:
		return ""
	}
	if neighbour(kind) {
		return importer.ClassNotRelevant
	}
	if slices.ContainsFunc(contextPrefixes(), func(p string) bool { return strings.HasPrefix(kind, p) }) || !strings.Contains(kind, "/") {
		return importer.ClassContext
	}
	return importer.ClassNotRelevant
}

// prop returns a property in either shape: under properties, or flattened beside name and type.
func (rec *record) prop(keys ...string) *tree.Value {
	if v := rec.v.Get("properties"); v.Kind() == tree.Object {
		if p := v.Get(keys...); p != nil {
			return p
		}
	}
	return rec.v.Get(keys...)
}

// text reads a top-level text and reports another kind of value.
func (rec *record) text(key string) string {
	v := rec.v.Get(key)
	switch v.Kind() {
	case tree.Missing, tree.Null, tree.String:
		return v.Text()
	default:
		rec.r.problem(v, rec.ptr+"/"+key, key+" is "+v.Kind().String()+", not text", "")
		return ""
	}
}

// zones reads zones in every form seen: a list, one text, an empty text, null.
func (rec *record) zones(v *tree.Value, path string) []string {
	var out []string
	add := func(s string) {
		if s = importer.Token(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	switch v.Kind() {
	case tree.Missing, tree.Null:
	case tree.String, tree.Number:
		for _, s := range strings.FieldsFunc(v.Text(), func(r rune) bool { return r == ',' || r == ' ' }) {
			add(s)
		}
	case tree.Array:
		for i := range v.Members() {
			switch z := v.Item(i); z.Kind() {
			case tree.String, tree.Number:
				add(z.Text())
			default:
				rec.r.problem(z, rec.ptr+path, "a zone is "+z.Kind().String()+", not text", "")
			}
		}
	default:
		rec.r.problem(v, rec.ptr+path, "zones are "+v.Kind().String()+", not a list", "")
	}
	slices.Sort(out)
	return out
}

// tags keeps Meridian's own tags only; others may hold anything.
func (rec *record) tags() map[string]string {
	var out map[string]string
	tags := rec.v.Get("tags")
	for i, m := range tags.Members() {
		key := strings.ToLower(m.Key)
		if strings.HasPrefix(key, "meridian") && len(m.Key) <= 64 && tags.Item(i).Kind() == tree.String && len(tags.Item(i).Text()) <= 256 {
			if out == nil {
				out = map[string]string{}
			}
			out[key] = tags.Item(i).Text()
		}
	}
	return out
}
