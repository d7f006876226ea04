package live

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// details asks for what Resource Graph lacks, of the resources that belong to ThingWorx and of no other: max_connections of
// Flexible Servers and their high availability where the row does not tell it, the instances of scale sets, and the file
// shares of storage accounts that could be the cluster's.
func (d *discovery) details(ctx context.Context, first *importer.Result) {
	var requests []request
	add := func(part, what string, r *importer.Resource, suffix, version string, many bool) {
		requests = append(requests, request{part: d.part(part), what: what + " of " + importer.Name(r.Name), key: r.Key, path: r.ARMID + suffix, version: version, many: many})
	}
	groups, listed := map[string]bool{}, map[string]bool{}
	for i := range d.seen {
		r := &d.seen[i]
		if r.Group != "" && (first.Used[r.Key] || first.Tied[r.Key]) {
			groups[r.Account+" "+strings.ToLower(r.Group)] = true
		}
		if r.Machine != nil && r.Machine.ScaleSet != "" {
			listed[r.Machine.ScaleSet] = true // an instance that is a machine of its own
		}
	}
	asked := map[string]bool{}
	for i := range d.seen {
		r := &d.seen[i]
		belongs := first.Used[r.Key] || first.Tied[r.Key]
		if r.ARMID == "" || asked[r.Key] {
			continue
		}
		switch {
		case belongs && r.Database != nil && r.Database.Engine == inventory.EngineAzurePostgreSQLFlexible && (!r.Database.Replica || r.Database.SourceKey == ""):
			add(partDatabases, "max_connections", r, "/configurations/max_connections", versionDatabase, false)
			if r.Database.Mode == "" {
				add(partDatabases, "high availability", r, "", versionDatabase, false)
			}
		case belongs && r.Machine != nil && r.Machine.Set && !listed[r.Key]:
			add(partMachines, "instances", r, "/virtualMachines", versionCompute, true)
		case r.Storage != nil && r.Storage.Account && (belongs || groups[r.Account+" "+strings.ToLower(r.Group)]) && !slices.Contains([]string{"BlobStorage", "BlockBlobStorage"}, d.kinds[r.Key]):
			add(partStorage, "file shares", r, "/fileServices/default/shares", versionStorage, true)
		default:
			continue
		}
		asked[r.Key] = true
	}
	if len(requests) > maxRequests {
		d.part(partSubscriptions).problem(fmt.Sprintf("details of %d resources are not asked for, which is more than one collection does; name fewer subscriptions", len(requests)-maxRequests))
		requests = requests[:maxRequests]
	}
	d.send(ctx, requests)
	d.learn(requests)
}

// learn takes what the requests for details brought. A resource that is not found any more was deleted since it was listed,
// and is no part of the inventory.
func (d *discovery) learn(requests []request) {
	for i := range requests {
		r := &requests[i]
		if len(r.rows) > 0 {
			d.addDetail(r)
		}
		if r.err == nil {
			continue
		}
		switch why := explain(r.err); {
		case why.gone:
			d.gone[r.key] = true
		case why.code == "FeatureNotSupportedForAccount": // A storage account that cannot hold file shares has none.
		default:
			d.fail(r.part, r.what, why)
		}
	}
}

func (d *discovery) addDetail(r *request) {
	from := len(d.of)
	d.add(r.part.name, "ARM", r.rows)
	for i := range d.of[from:] {
		d.of[from+i].about = r.key
	}
}

// zoneMaps asks each subscription that holds something of ThingWorx how it numbers the zones.
func (d *discovery) zoneMaps(ctx context.Context, first *importer.Result, subscriptions []string) {
	p := d.part(partZones)
	var ids []string
	for i := range d.seen {
		if r := &d.seen[i]; r.Account != "" && (first.Used[r.Key] || first.Tied[r.Key]) {
			ids = append(ids, r.Account)
		}
	}
	if d.self != nil && slices.Contains(subscriptions, strings.ToLower(d.self.Subscription)) {
		ids = append(ids, d.self.Subscription)
	}
	ids = lower(ids)
	var requests []request
	for _, id := range ids {
		requests = append(requests, request{part: p, what: "subscription " + id, key: id, path: "/subscriptions/" + id + "/locations", version: versionResources, many: true})
	}
	d.send(ctx, requests)
	mapped := 0
	for i := range requests {
		r := &requests[i]
		if r.err != nil {
			d.fail(p, r.what, explain(r.err))
			continue
		}
		before := len(d.zones)
		d.add(partZones, "ARM", r.rows)
		for _, row := range r.rows {
			d.zone(r.key, row)
		}
		if len(d.zones) > before {
			mapped++
		} else {
			p.problem(r.what + ": Azure tells no physical zones")
		}
	}
	p.failed = len(ids) > 0 && mapped == 0
	p.told = "physical zones of " + count(mapped, "subscription", "subscriptions") + ", in placement.physicalZone; zone is the subscription's own number"
}

// zone keeps a region's zones for the planner's own place.
func (d *discovery) zone(subscription string, row json.RawMessage) {
	var l struct {
		Name                     string
		AvailabilityZoneMappings []struct{ LogicalZone, PhysicalZone string }
	}
	if json.Unmarshal(row, &l) != nil || len(l.AvailabilityZoneMappings) == 0 || d.options.Regions == nil {
		return
	}
	region, ok := d.options.Regions.Find("azure", l.Name)
	if !ok {
		return
	}
	m := map[string]string{}
	for _, z := range l.AvailabilityZoneMappings {
		m[z.LogicalZone] = importer.Token(z.PhysicalZone)
	}
	d.zones[subscription+" "+region.Code] = m
}
