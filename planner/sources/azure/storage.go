package azure

import (
	"net/url"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// account reads a storage account. The SKU names its redundancy; the region of the second copy is given beside it.
func (rec *record) account(res *importer.Resource) {
	s := &importer.Storage{Account: true, SKU: importer.Token(rec.v.Get("sku", "name").Text())}
	res.Storage = s
	s.Files = strings.EqualFold(rec.v.Get("kind").Text(), "FileStorage")
	s.Redundancy = RedundancyOf(s.SKU)
	if s.Redundancy == "" && s.SKU != "" {
		rec.r.problem(rec.v.Get("sku"), rec.ptr+"/sku/name", "SKU "+importer.Quote(s.SKU)+" names no known redundancy; it stays unknown", "")
	}
	if res.Location == "" {
		res.Location = rec.prop("primaryLocation").Text()
	}
	s.Secondary = rec.prop("secondaryLocation").Text()
	if u, err := url.Parse(rec.prop("primaryEndpoints", "file").Text()); err == nil {
		s.Endpoint = importer.Host(u.Hostname())
	}
}

// RedundancyOf reads Standard_LRS, Premium_ZRS, Standard_RAGZRS … Copies in a second region are geo, whatever holds
// within the first.
func RedundancyOf(sku string) inventory.Redundancy {
	_, kind, ok := strings.Cut(strings.ToUpper(sku), "_")
	if !ok {
		return ""
	}
	switch kind {
	case "LRS":
		return inventory.RedundancyLocal
	case "ZRS":
		return inventory.RedundancyZone
	case "GRS", "RAGRS", "GZRS", "RAGZRS":
		return inventory.RedundancyGeo
	}
	return ""
}

// share reads a file share, which is where its account is.
func (rec *record) share(res *importer.Resource) {
	s := &importer.Share{Account: rec.id.Parent(2)}
	if id, ok := ParseID(s.Account); ok && len(id.Names) > 0 {
		s.AccountName = id.Names[0]
		if rec.id.Usable {
			s.AccountARMID = s.Account
		}
	} else {
		rec.r.problem(rec.v.Get("id"), rec.ptr+"/id", "a file share whose id does not name its storage account", "export it with its id")
	}
	protocol := rec.prop("enabledProtocols")
	switch strings.ToUpper(protocol.Text()) {
	case "NFS":
		s.Protocol = "nfs"
	case "SMB":
		s.Protocol = "smb"
	case "":
	default:
		rec.r.problem(protocol, rec.ptr+"/properties/enabledProtocols", "protocol "+importer.Quote(protocol.Text())+" is neither NFS nor SMB", "")
	}
	if gib, ok := rec.prop("shareQuota").Float(); ok {
		s.QuotaGiB = importer.Positive(gib)
	}
	res.Share = s
}

// volume reads an Azure NetApp Files volume: zonal, and copied to another zone or region only by replication.
func (rec *record) volume(res *importer.Resource) {
	s := &importer.Storage{SKU: importer.Token(rec.prop("serviceLevel").Text()), Redundancy: inventory.RedundancyLocal}
	res.Storage = s
	if len(res.Zones) == 0 {
		if zones := rec.zones(rec.prop("provisionedAvailabilityZone"), "/properties/provisionedAvailabilityZone"); len(zones) == 1 {
			res.Zones = zones
		}
	}
	if bytes, ok := rec.prop("usageThreshold").Float(); ok {
		s.SizeGiB = importer.Positive(bytes / (1 << 30))
	}
	rec.volumeProtocol(s)
	path := importer.Token(rec.prop("creationToken").Text())
	targets := rec.prop("mountTargets")
	for i := range targets.Members() {
		a := importer.Address(targets.Item(i).Get("ipAddress").Text())
		switch {
		case a == "":
		case s.Endpoint == "" && path != "":
			s.Endpoint = a + ":/" + path
		default:
			s.Addresses = append(s.Addresses, a)
		}
	}
	replication := rec.prop("dataProtection", "replication")
	if replication.Kind() != tree.Object {
		return
	}
	s.Secondary = replication.Get("remoteVolumeRegion").Text()
	s.Redundancy = inventory.RedundancyGeo
	if s.Secondary != "" && sameName(s.Secondary, res.Location) {
		s.Redundancy = inventory.RedundancyZone
	}
	if strings.EqualFold(replication.Get("endpointType").Text(), "Dst") {
		rec.r.note(replication, rec.ptr+"/properties/dataProtection/replication", importer.Name(res.Name)+" is the destination of a replication: a copy of a volume elsewhere")
	}
}

func (rec *record) volumeProtocol(s *importer.Storage) {
	list := rec.prop("protocolTypes")
	for i := range list.Members() {
		p := strings.ToLower(list.Item(i).Text())
		switch {
		case strings.HasPrefix(p, "nfs"):
			s.Protocol = "nfs"
		case p == "cifs" && s.Protocol == "":
			s.Protocol = "smb"
		}
	}
}

// sameName compares region names without regard to case and spaces.
func sameName(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, " ", ""), strings.ReplaceAll(b, " ", ""))
}
