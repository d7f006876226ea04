package azure

import (
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// balancer reads an Azure Load Balancer. SKU Basic has no zones and is not redundant; tier Global is served from
// several regions; of SKU Standard the zones of its frontends or of their public addresses decide.
func (rec *record) balancer(res *importer.Resource) {
	b := &importer.Balancer{SKU: importer.Token(rec.v.Get("sku", "name").Text())}
	res.Balancer = b
	yes, no := true, false
	switch {
	case strings.EqualFold(rec.v.Get("sku", "tier").Text(), "Global"):
		b.Global, b.Redundant = true, &yes
	case strings.EqualFold(b.SKU, "Basic"):
		b.Redundant = &no
	}
	rec.frontends(b)
	rec.backends(b, rec.prop("backendAddressPools"))
	rec.health(b, "requestPath")
	rec.sticky(b, rec.prop("loadBalancingRules"), "loadDistribution", "default")
}

// gateway reads an Application Gateway. Version 2 in two or more zones is redundant, in one it is not; version 1 with a
// single instance is not; anything else stays unknown.
func (rec *record) gateway(res *importer.Resource) {
	b := &importer.Balancer{SKU: importer.Token(rec.prop("sku", "name").Text())}
	res.Balancer = b
	yes, no := true, false
	instances, known := rec.prop("sku", "capacity").Float()
	v2 := strings.HasSuffix(strings.ToLower(b.SKU), "_v2")
	switch {
	case len(res.Zones) > 1:
		b.Redundant = &yes
	case len(res.Zones) == 1, !v2 && known && instances == 1:
		b.Redundant = &no
	default:
		b.Undecided = 1
	}
	rec.addresses(b)
	rec.backends(b, rec.prop("backendAddressPools"))
	rec.health(b, "path")
	rec.sticky(b, rec.prop("backendHttpSettingsCollection"), "cookieBasedAffinity", "disabled")
}

func (rec *record) frontends(b *importer.Balancer) {
	list := rec.prop("frontendIPConfigurations")
	for i := range list.Members() {
		f := list.Item(i)
		public := reference(nested(f, "publicIPAddress").Get("id"))
		zones := rec.zones(f.Get("zones"), "/properties/frontendIPConfigurations")
		switch {
		case len(zones) > 0:
			b.Zonal = append(b.Zonal, zones)
		case public != "":
			b.PublicIPs = append(b.PublicIPs, public)
		default:
			b.Undecided++
		}
	}
	rec.addresses(b)
}

func (rec *record) addresses(b *importer.Balancer) {
	list := rec.prop("frontendIPConfigurations")
	for i := range list.Members() {
		if a := importer.Address(nested(list.Item(i), "privateIPAddress").Text()); a != "" && !slices.Contains(b.Addresses, a) {
			b.Addresses = append(b.Addresses, a)
		}
	}
}

// backends lists the keys of what stands in the pools: the network interface, and the machine that its id names when
// it belongs to a scale set.
func (rec *record) backends(b *importer.Balancer, pools *tree.Value) {
	for i := range pools.Members() {
		members := nested(pools.Item(i), "backendIPConfigurations")
		for j := range members.Members() {
			id, ok := ParseID(members.Item(j).Get("id").Text())
			if !ok {
				continue
			}
			for _, level := range []int{1, 2, 3} {
				if key := id.Parent(level); strings.Contains(key, "/networkinterfaces/") || strings.Contains(key, "/virtualmachine") {
					if !slices.Contains(b.Backends, key) {
						b.Backends = append(b.Backends, key)
					}
				}
			}
		}
	}
}

// health lists the paths that HTTP probes ask for.
func (rec *record) health(b *importer.Balancer, key string) {
	probes := rec.prop("probes")
	for i := range probes.Members() {
		path := nested(probes.Item(i), key).Text()
		if !strings.HasPrefix(strings.ToLower(nested(probes.Item(i), "protocol").Text()), "http") || path == "" || len(path) > 128 {
			continue
		}
		if path[0] != '/' {
			path = "/" + path
		}
		if strings.ContainsFunc(path, func(r rune) bool { return !strings.ContainsRune("/._-", r) && importer.Token(string(r)) == "" }) {
			continue
		}
		if !slices.Contains(b.HealthPaths, path) {
			b.HealthPaths = append(b.HealthPaths, path)
		}
	}
}

// sticky is known only when all rules agree.
func (rec *record) sticky(b *importer.Balancer, rules *tree.Value, key, off string) {
	on, seen := 0, 0
	for i := range rules.Members() {
		v := nested(rules.Item(i), key)
		if v.Blank() {
			continue
		}
		seen++
		if !strings.EqualFold(v.Text(), off) {
			on++
		}
	}
	if seen > 0 && (on == 0 || on == seen) {
		yes := on > 0
		b.Sticky = &yes
	}
}

// nested returns a property of a part, in either shape.
func nested(v *tree.Value, key string) *tree.Value {
	if p := v.Get("properties", key); p != nil {
		return p
	}
	return v.Get(key)
}

// networkInterface joins a machine to the pools it stands in.
func (rec *record) networkInterface(res *importer.Resource) {
	n := &importer.Interface{Machine: reference(rec.prop("virtualMachine", "id"))}
	if n.Machine == "" && rec.kind == typeSetInterface {
		n.Machine = rec.id.Parent(1)
	}
	configs := rec.prop("ipConfigurations")
	for i := range configs.Members() {
		if a := importer.Address(nested(configs.Item(i), "privateIPAddress").Text()); a != "" && !slices.Contains(n.Addresses, a) {
			n.Addresses = append(n.Addresses, a)
		}
		for _, key := range []string{"loadBalancerBackendAddressPools", "applicationGatewayBackendAddressPools"} {
			pools := nested(configs.Item(i), key)
			for j := range pools.Members() {
				if pool := reference(pools.Item(j).Get("id")); pool != "" {
					n.Pools = append(n.Pools, pool)
				}
			}
		}
	}
	res.Interface = n
}
