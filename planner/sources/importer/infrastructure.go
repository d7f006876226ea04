package importer

import (
	"slices"
	"strconv"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// SourceSKU is the provenance of a value that is the documented default of the SKU and was not read from the server.
const SourceSKU = "sku-default"

// infrastructure fills the list of shareable resources that stand in the document by themselves.
func (a *assembly) infrastructure() {
	shares := a.shares()
	for _, i := range a.merged {
		r := &a.all[i]
		switch {
		case r.relevant() && r.Machine == nil && r.Name == "" && r.Key == "":
			r.final = ClassUnknown // Nothing tells it from another one; its source has said so.
		case r.Database != nil && r.Database.Engine != "" && !a.follows(r):
			a.database(r)
		case r.Balancer != nil:
			a.balancer(r)
		case r.Storage != nil:
			a.storage(r, shares[r.Key])
		}
	}
	for _, i := range a.merged {
		r := &a.all[i]
		switch {
		case r.Database != nil && r.Database.Engine != "" && a.follows(r):
			a.replica(r)
		case r.Part != nil:
			a.part(r)
		case r.Share != nil && a.find(r.Share.Account, "storage") == nil:
			a.orphan(r)
		}
	}
}

// add appends an infrastructure for a resource and records where its facts come from.
func (a *assembly) add(r *Resource, in inventory.Infrastructure) int {
	n := len(a.site.Infrastructure)
	in.ID = a.id(r.Name, r.Group, string(in.Kind))
	if in.ID != r.Name && shownName(r.Name) == r.Name && !Placeholder(r.Name) {
		in.Name = r.Name
	}
	in.Identity.ARMID = r.ARMID
	in.Placement = a.placement(r)
	a.site.Infrastructure = append(a.site.Infrastructure, in)
	a.infraOf[r] = n
	r.final = ClassUsed
	base := "/infrastructure/" + strconv.Itoa(n)
	a.prove(base, r.Source, "")
	a.provePlace(nil, base+"/placement", r)
	a.proveDisputes(nil, base, r)
	return n
}

// placement is where the resource runs. An edge zone belongs to its parent region by name only, so it stands as the
// physical zone; several zones are no zone.
func (a *assembly) placement(r *Resource) inventory.Placement {
	p := inventory.Placement{Provider: r.Provider, Region: r.region, PhysicalZone: r.EdgeZone}
	if len(r.Zones) == 1 {
		p.Zone = r.Zones[0]
		if m := a.zoneMap(r); m != nil && p.PhysicalZone == "" {
			p.PhysicalZone = m.ZoneMap[p.Zone]
		}
	}
	return p
}

// zoneMap is how the resource's account numbers the zones of its region, nil when no file tells.
func (a *assembly) zoneMap(r *Resource) *Resource {
	if r.Account == "" || r.region == "" {
		return nil
	}
	if a.zoneMaps == nil {
		a.zoneMaps = map[[2]string]*Resource{}
		for _, i := range a.merged {
			if m := &a.all[i]; m.ZoneMap != nil && m.region != "" {
				a.zoneMaps[[2]string{m.Account, m.region}] = m
			}
		}
	}
	return a.zoneMaps[[2]string{r.Account, r.region}]
}

// provePlace records the source of a placement, with the region as written when it could not be resolved.
func (a *assembly) provePlace(g *group, path string, r *Resource) {
	declared := ""
	if r.region == "" {
		declared = shownName(r.Location)
		if r.Location == "" {
			return
		}
	}
	a.proofs = append(a.proofs, proof{group: g, rest: path + "/region", source: r.Source, declared: declared})
	if len(r.Zones) == 1 {
		a.proofs = append(a.proofs, proof{group: g, rest: path + "/zone", source: r.Source})
		if m := a.zoneMap(r); m != nil && r.EdgeZone == "" && m.ZoneMap[r.Zones[0]] != "" {
			a.proofs = append(a.proofs, proof{group: g, rest: path + "/physicalZone", source: m.Source})
			m.final = ClassUsed
		}
	}
}

func (a *assembly) database(r *Resource) {
	d := r.Database
	in := inventory.Infrastructure{
		Kind: inventory.KindDatabase, Engine: d.Engine, Version: d.Version, Tier: d.Tier, SKU: d.SKU, CPU: d.CPU, MemoryGiB: d.MemoryGiB,
		StorageGiB: d.StorageGiB, MaxConnections: d.MaxConnections, GeoRedundantBackup: d.GeoBackup,
	}
	in.Identity.Endpoint = d.Endpoint
	if d.Mode != "" {
		in.HighAvailability = &inventory.HighAvailability{Mode: d.Mode, StandbyZone: d.StandbyZone}
	}
	n := a.add(r, in)
	if d.MaxConnections > 0 {
		a.prove("/infrastructure/"+strconv.Itoa(n)+"/maxConnections", SourceSKU, "")
	}
	if d.Mode != "" {
		a.prove("/infrastructure/"+strconv.Itoa(n)+"/highAvailability", r.Source, "")
	}
	if d.Replica {
		a.report(r, r.label()+" is a replica and the files do not say of which server; it stands as a server of its own", "export the server it replicates")
	}
}

// follows reports whether a database is a replica of a server that is named.
func (a *assembly) follows(r *Resource) bool {
	return r.Database.Replica && r.Database.SourceKey != "" && r.Database.SourceKey != r.Key
}

// origin is the server at the head of those a replica follows, nil when it is in none of the files.
func (a *assembly) origin(r *Resource) *Resource {
	source := a.find(r.Database.SourceKey, "database")
	for range len(a.all) {
		if source == nil || !a.follows(source) {
			break
		}
		source = a.find(source.Database.SourceKey, "database")
	}
	return source
}

// replica lists a replica under the server it follows, which may itself follow another.
func (a *assembly) replica(r *Resource) {
	source := a.origin(r)
	entry := inventory.Replica{Name: shownName(r.Name), Region: r.region, Zone: a.placement(r).Zone, Role: "read"}
	var n int
	if source != nil && source != r && a.has(source) {
		n = a.infraOf[source]
	} else {
		a.report(r, r.label()+" replicates "+Name(r.Database.SourceName)+", which is in none of the files; its region stays unknown", "export that server too")
		stub := &Resource{File: r.File, Pointer: r.Pointer, Source: r.Source, Asked: r.Asked, Provider: r.Provider, Type: r.Type, Name: r.Database.SourceName, ARMID: r.Database.SourceARMID, Tags: r.Tags, Group: r.Group}
		known, ok := a.nodeInfra["source "+r.Database.SourceKey]
		if !ok {
			known = a.add(stub, inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: r.Database.Engine})
			a.nodeInfra["source "+r.Database.SourceKey] = known
		}
		n = known
	}
	r.final = ClassUsed
	in := &a.site.Infrastructure[n]
	in.Replicas = append(in.Replicas, entry)
	a.prove("/infrastructure/"+strconv.Itoa(n)+"/replicas/"+strconv.Itoa(len(in.Replicas)-1), r.Source, "")
}

func (a *assembly) has(r *Resource) bool {
	_, ok := a.infraOf[r]
	return ok
}

// part adds what a database or a failover group tells about its server. A server is zone-redundant when every database
// known of it is.
func (a *assembly) part(r *Resource) {
	server := a.find(r.Part.Server, "database")
	if server != nil && a.follows(server) {
		return // A replica stands in the inventory with its place only.
	}
	if server == nil || !a.has(server) {
		a.report(r, r.label()+" belongs to a server that is in none of the files", "export that server too")
		r.final = ClassUnknown
		return
	}
	r.final = ClassUsed
	n := a.infraOf[server]
	in := &a.site.Infrastructure[n]
	base := "/infrastructure/" + strconv.Itoa(n)
	if p := r.Part; p.ZoneRedundant != nil && a.zoneRedundant(r.Part.Server) {
		if in.HighAvailability == nil {
			a.prove(base+"/highAvailability", r.Source, "")
		}
		in.HighAvailability = &inventory.HighAvailability{Mode: inventory.HAZoneRedundant}
	}
	if in.SKU == "" {
		in.SKU, in.Tier = r.Part.SKU, r.Part.Tier
	}
	if in.FailoverEndpoint == "" && r.Part.FailoverEndpoint != "" {
		in.FailoverEndpoint = r.Part.FailoverEndpoint
		a.prove(base+"/failoverEndpoint", r.Source, "")
	}
	if p := r.Part; p.MaxConnections > 0 {
		in.MaxConnections = p.MaxConnections
		a.reprove(base+"/maxConnections", r.Source)
	}
	for _, replica := range r.Part.Replicas {
		replica.Region = a.code(r, replica.Region)
		in.Replicas = append(in.Replicas, replica)
		a.prove(base+"/replicas/"+strconv.Itoa(len(in.Replicas)-1), r.Source, "")
	}
}

func (a *assembly) zoneRedundant(server string) bool {
	for _, i := range a.merged {
		if p := a.all[i].Part; p != nil && p.Server == server && p.ZoneRedundant != nil && !*p.ZoneRedundant {
			return false
		}
	}
	return true
}

// code resolves a further region that a resource names; an unknown one is a problem and "".
func (a *assembly) code(r *Resource, location string) string {
	if location == "" {
		return ""
	}
	if code := a.region(r.Provider, location).code; code != "" {
		return code
	}
	a.report(r, "region "+Quote(location)+" is none of the region table; it stays unknown", "write the region's name or code")
	return ""
}

func (a *assembly) balancer(r *Resource) {
	b := r.Balancer
	redundant, zones, why := a.redundancy(b)
	if len(r.Zones) == 0 && len(zones) == 1 {
		r.Zones = zones
	}
	in := inventory.Infrastructure{Kind: inventory.KindLoadBalancer, SKU: b.SKU, Redundant: redundant}
	in.Identity.Addresses = b.Addresses
	if b.Global {
		// A balancer of tier Global answers from every participating region; its own region only holds the object, so
		// a failure of that region must not count as a failure of the balancer.
		r.region, r.Location = "", ""
	}
	n := a.add(r, in)
	base := "/infrastructure/" + strconv.Itoa(n)
	switch {
	case b.Global:
		a.note(r, r.label()+" is a cross-region load balancer; the region it names is not that of its backends, so none is set", "")
	case redundant == nil:
		a.note(r, "whether "+r.label()+" is redundant is not known: "+why, "")
	default:
		a.prove(base+"/redundant", r.Source, "")
	}
}

// redundancy decides from the frontends' zones: all zone-redundant is redundant, all in one and the same zone is not,
// and anything that is not said stays unknown.
func (a *assembly) redundancy(b *Balancer) (redundant *bool, zones []string, why string) {
	if b.Redundant != nil {
		return b.Redundant, nil, ""
	}
	yes, no := true, false
	single, several, open := map[string]bool{}, 0, b.Undecided
	count := func(zones []string) {
		switch len(zones) {
		case 0:
			open++
		case 1:
			single[zones[0]] = true
		default:
			several++
		}
	}
	for _, z := range b.Zonal {
		count(z)
	}
	missing := 0
	for _, key := range b.PublicIPs {
		if ip := a.find(key, "public address"); ip != nil {
			count(ip.Zones)
			ip.final = ClassUsed
			continue
		}
		missing++
	}
	switch {
	case missing > 0:
		return nil, nil, "its public address is in none of the files"
	case open > 0:
		return nil, nil, "a frontend names no zone"
	case several > 0 && len(single) == 0:
		return &yes, nil, ""
	case several == 0 && len(single) == 1:
		return &no, sortedKeys(single), ""
	case several == 0 && len(single) == 0:
		return nil, nil, "it lists no frontend"
	}
	return nil, nil, "its frontends are in different zones, and which of them is used is not said"
}

func sortedKeys(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for s := range set {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// shares groups the file shares by the key of their account.
func (a *assembly) shares() map[string][]*Resource {
	out := map[string][]*Resource{}
	for _, i := range a.merged {
		if r := &a.all[i]; r.Share != nil {
			out[r.Share.Account] = append(out[r.Share.Account], r)
		}
	}
	return out
}

func (a *assembly) storage(r *Resource, shares []*Resource) {
	s := r.Storage
	switch {
	case !s.Account || s.Files || len(shares) > 0 || r.Tag("cluster") != "":
	case a.opts.Selective: // All there is, is there, so that the account has no file share.
		r.final = ClassContext
		return
	default:
		r.final = ClassUnassigned
		a.unassigned(r, "no file share of this storage account is in the files", "add the output of az storage share-rm list, or tag it meridian:cluster")
		return
	}
	in := inventory.Infrastructure{Kind: inventory.KindStorage, Protocol: s.Protocol, Redundancy: s.Redundancy, SKU: s.SKU, StorageGiB: s.SizeGiB}
	in.Identity.Endpoint, in.Identity.Addresses = s.Endpoint, s.Addresses
	a.protocol(r, &in, shares)
	if s.Secondary != "" {
		in.Replicas = []inventory.Replica{{Region: a.code(r, s.Secondary), Role: "failover"}}
	}
	n := a.add(r, in)
	base := "/infrastructure/" + strconv.Itoa(n)
	if s.Redundancy != "" {
		a.prove(base+"/redundancy", r.Source, "")
	}
	if s.Secondary != "" {
		declared := ""
		if in.Replicas[0].Region == "" {
			declared = shownName(s.Secondary)
		}
		a.prove(base+"/replicas/0/region", r.Source, declared)
	}
}

func (a *assembly) protocol(r *Resource, in *inventory.Infrastructure, shares []*Resource) {
	for _, share := range shares {
		share.final = ClassUsed
		in.StorageGiB += share.Share.QuotaGiB
		switch p := share.Share.Protocol; {
		case p == "" || p == in.Protocol:
		case in.Protocol == "":
			in.Protocol = p
		default:
			a.note(r, r.label()+" has shares of several protocols; "+in.Protocol+" was taken", "")
		}
	}
}

// orphan stands for the storage account of shares whose account was not exported: a share has no region of its own.
func (a *assembly) orphan(r *Resource) {
	r.final = ClassUsed
	key := "account " + r.Share.Account
	n, ok := a.nodeInfra[key]
	if !ok {
		stub := &Resource{File: r.File, Pointer: r.Pointer, Source: r.Source, Provider: r.Provider, Type: r.Type, Name: r.Share.AccountName, ARMID: r.Share.AccountARMID, Group: r.Group}
		n = a.add(stub, inventory.Infrastructure{Kind: inventory.KindStorage, Protocol: r.Share.Protocol})
		a.nodeInfra[key] = n
	}
	in := &a.site.Infrastructure[n]
	in.StorageGiB += r.Share.QuotaGiB
	if in.Protocol == "" {
		in.Protocol = r.Share.Protocol
	}
	a.report(r, "share "+r.label()+" is where its storage account "+Name(r.Share.AccountName)+" is, which is in none of the files; region and redundancy stay unknown", "export the account too (az storage account show)")
}
