package azure

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// zoneMap reads a region of a subscription's list of regions (GET /subscriptions/{id}/locations, az account
// list-locations), which alone tells which physical zone each logical zone of that subscription is. It reports false when
// the entry tells no zones, as for a region without any.
func (rec *record) zoneMap() bool {
	list := rec.v.Get("availabilityZoneMappings")
	parts := strings.Split(rec.v.Get("id").Text(), "/")
	if list.Len() == 0 || len(parts) != 5 || !strings.EqualFold(parts[1], "subscriptions") || !strings.EqualFold(parts[3], "locations") || !guid(parts[2]) {
		return false
	}
	zones := map[string]string{}
	for i := range list.Members() {
		logical, physical := importer.Token(list.Item(i).Get("logicalZone").Text()), importer.Token(list.Item(i).Get("physicalZone").Text())
		if logical == "" || physical == "" {
			rec.r.problem(list.Item(i), rec.ptr+"/availabilityZoneMappings", "an entry without a logical and a physical zone", "")
			continue
		}
		zones[logical] = physical
	}
	p := rec.r.tree.At(rec.v, rec.ptr, "", "")
	rec.r.resources = append(rec.r.resources, importer.Resource{
		Pointer: rec.ptr, Line: p.Line, Column: p.Column, Source: SourceZones, Provider: provider, Type: typeRegions,
		Key: strings.ToLower(strings.Join(parts, "/")), Name: importer.Token(parts[4]), Account: strings.ToLower(parts[2]),
		Location: rec.v.Get("name").Text(), ZoneMap: zones,
	})
	return true
}
