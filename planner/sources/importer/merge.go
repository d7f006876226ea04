package importer

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// merge makes one resource of all that share a key: observed values before asked ones, then in the order of the files.
// What an earlier one leaves open a later one fills; where two say different things the earlier counts, and provenance
// and a note name both places. Two that contradict each other under an id with a placeholder are two.
func (a *assembly) merge() {
	a.alias()
	order := make([]int, 0, len(a.all))
	for i := range a.all {
		if !a.all[i].Asked {
			order = append(order, i)
		}
	}
	for i := range a.all {
		if a.all[i].Asked {
			order = append(order, i)
		}
	}
	for _, i := range order {
		r := &a.all[i]
		key := r.Key + " " + r.fact()
		first, ok := a.byKey[key]
		switch {
		case r.Key == "":
			a.merged = append(a.merged, i)
		case !ok:
			a.byKey[key] = i
			a.merged = append(a.merged, i)
		case a.fill(first, r):
			a.joined[i] = first
		default:
			r.Key = ""
			a.merged = append(a.merged, i)
		}
	}
	slices.Sort(a.merged)
}

// alias gives resources without an id the key of the only one with the same type, group and name, or a key made of
// these three: tables and computed rows name a resource only so.
func (a *assembly) alias() {
	keys := map[string]string{}
	for i := range a.all {
		r := &a.all[i]
		name := r.alias()
		if r.Key == "" || name == "" {
			continue
		}
		if known, ok := keys[name]; ok && known != r.Key {
			keys[name] = ""
			continue
		}
		keys[name] = r.Key
	}
	for i := range a.all {
		r := &a.all[i]
		name := r.alias()
		if r.Key != "" || name == "" {
			continue
		}
		if key, ok := keys[name]; ok {
			r.Key = key
		} else {
			r.Key = name
		}
	}
}

func (r *Resource) alias() string {
	if r.Name == "" || r.Group == "" || r.fact() == "nothing" || Placeholder(r.Name) || Placeholder(r.Group) {
		return ""
	}
	return strings.ToLower(r.Type + " " + r.Group + " " + r.Name)
}

// fact names the kind of fact a resource carries, so that only like is merged with like.
func (r *Resource) fact() string {
	switch {
	case r.Database != nil && r.Database.Engine == "":
		return "other database"
	case r.Database != nil:
		return "database"
	case r.Part != nil:
		return "part"
	case r.Balancer != nil:
		return "balancer"
	case r.Storage != nil:
		return "storage"
	case r.Share != nil:
		return "share"
	case r.Machine != nil:
		return "machine"
	case r.Interface != nil:
		return "interface"
	case r.PublicIP:
		return "public address"
	case r.ZoneMap != nil:
		return "zone map"
	}
	return "nothing"
}

// find returns the merged resource of a key that carries the fact, or nil.
func (a *assembly) find(key, fact string) *Resource {
	if key == "" {
		return nil
	}
	if i, ok := a.byKey[key+" "+fact]; ok {
		return &a.all[i]
	}
	return nil
}

// filler fills the first of two resources from the second and collects where they differ.
type filler struct{ differ []dispute }

func fillText(f *filler, what string, to *string, from string) {
	switch {
	case from == "" || strings.EqualFold(*to, from):
	case *to == "":
		*to = from
	default:
		f.disagree(what, *to, from)
	}
}

func fillNumber[T int | float64](f *filler, what string, to *T, from T) {
	switch {
	case from == 0 || *to == from:
	case *to == 0:
		*to = from
	default:
		f.disagree(what, number(float64(*to)), number(float64(from)))
	}
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func fillBool(f *filler, what string, to **bool, from *bool) {
	switch {
	case from == nil || *to != nil && **to == *from:
	case *to == nil:
		*to = from
	default:
		f.disagree(what, strconv.FormatBool(**to), strconv.FormatBool(*from))
	}
}

func fillList(to *[]string, from []string) {
	for _, s := range from {
		if !slices.Contains(*to, s) {
			*to = append(*to, s)
		}
	}
}

// fill completes the resource at first from another one of its key. It reports false, and changes nothing, when the
// two contradict each other and their id does not name one resource.
func (a *assembly) fill(first int, from *Resource) bool {
	to := a.all[first].copy()
	f := &filler{}
	f.place(&to, from)
	moved := len(f.differ) > 0
	f.facts(&to, from)
	if len(f.differ) > 0 && to.ARMID == "" {
		return false
	}
	if len(f.differ) > 0 {
		a.disagree(&to, from, f.differ)
	}
	// One that says another place was described at another time, or is another one altogether; its further facts do
	// not belong to the first.
	if moved {
		a.all[first].disputes = to.disputes
	} else {
		a.all[first] = to
	}
	return true
}

// copy is deep in what fill changes.
func (r *Resource) copy() Resource {
	c := *r
	c.Tags = maps.Clone(r.Tags)
	c.Zones, c.disputes = slices.Clone(r.Zones), slices.Clone(r.disputes)
	switch {
	case r.Database != nil:
		d := *r.Database
		c.Database = &d
	case r.Balancer != nil:
		b := *r.Balancer
		b.PublicIPs, b.Addresses, b.Backends, b.HealthPaths = slices.Clone(b.PublicIPs), slices.Clone(b.Addresses), slices.Clone(b.Backends), slices.Clone(b.HealthPaths)
		c.Balancer = &b
	case r.Storage != nil:
		s := *r.Storage
		s.Addresses = slices.Clone(s.Addresses)
		c.Storage = &s
	case r.Share != nil:
		s := *r.Share
		c.Share = &s
	case r.Machine != nil:
		m := *r.Machine
		m.Interfaces = slices.Clone(m.Interfaces)
		c.Machine = &m
	case r.Interface != nil:
		n := *r.Interface
		n.Pools, n.Addresses = slices.Clone(n.Pools), slices.Clone(n.Addresses)
		c.Interface = &n
	}
	return c
}

func (f *filler) place(to, from *Resource) {
	switch {
	case to.region == "" && (from.region != "" || to.Location == ""):
		to.Location, to.region = from.Location, from.region
	case to.region != "" && from.region != "" && to.region != from.region:
		f.disagree("region", to.region, from.region)
	}
	switch {
	case len(to.Zones) == 0:
		to.Zones = from.Zones
	case len(from.Zones) > 0 && !slices.Equal(to.Zones, from.Zones):
		f.disagree("zone", strings.Join(to.Zones, " "), strings.Join(from.Zones, " "))
	}
	fillText(f, "edge zone", &to.EdgeZone, from.EdgeZone)
	fillText(f, "name", &to.Name, from.Name)
	fillText(&filler{}, "group", &to.Group, from.Group)
	fillText(&filler{}, "id", &to.ARMID, from.ARMID)
	fillText(&filler{}, "account", &to.Account, from.Account)
	for k, v := range from.Tags {
		if to.Tags == nil {
			to.Tags = map[string]string{}
		}
		if to.Tags[k] == "" {
			to.Tags[k] = v
		}
	}
}

func (f *filler) facts(to, from *Resource) {
	switch {
	case to.Database != nil:
		f.database(to.Database, from.Database)
	case to.Balancer != nil:
		b, c := to.Balancer, from.Balancer
		fillBool(f, "redundancy", &b.Redundant, c.Redundant)
		fillBool(f, "sticky sessions", &b.Sticky, c.Sticky)
		fillText(f, "SKU", &b.SKU, c.SKU)
		fillList(&b.PublicIPs, c.PublicIPs)
		fillList(&b.Addresses, c.Addresses)
		fillList(&b.Backends, c.Backends)
		fillList(&b.HealthPaths, c.HealthPaths)
		if len(b.Zonal) == 0 {
			b.Zonal = c.Zonal
		}
		b.Global = b.Global || c.Global
		b.Undecided = max(b.Undecided, c.Undecided)
	case to.Storage != nil:
		s, t := to.Storage, from.Storage
		s.Files = s.Files || t.Files
		fillText(f, "protocol", &s.Protocol, t.Protocol)
		fillText(f, "redundancy", (*string)(&s.Redundancy), string(t.Redundancy))
		fillText(f, "second region", &s.Secondary, t.Secondary)
		fillText(f, "endpoint", &s.Endpoint, t.Endpoint)
		fillText(f, "SKU", &s.SKU, t.SKU)
		fillNumber(f, "size", &s.SizeGiB, t.SizeGiB)
		fillList(&s.Addresses, t.Addresses)
	case to.Share != nil:
		fillText(f, "protocol", &to.Share.Protocol, from.Share.Protocol)
		fillNumber(f, "quota", &to.Share.QuotaGiB, from.Share.QuotaGiB)
	case to.Machine != nil:
		m, n := to.Machine, from.Machine
		if m.SKU == "" {
			m.SKU, m.CPU, m.MemoryGiB = n.SKU, n.CPU, n.MemoryGiB
		}
		fillText(f, "SKU", &m.SKU, n.SKU)
		m.Set = m.Set || n.Set
		fillNumber(f, "instances", &m.Count, n.Count)
		fillText(f, "scale set", &m.ScaleSet, n.ScaleSet)
		fillList(&m.Interfaces, n.Interfaces)
	case to.Interface != nil:
		fillText(f, "machine", &to.Interface.Machine, from.Interface.Machine)
		fillList(&to.Interface.Pools, from.Interface.Pools)
		fillList(&to.Interface.Addresses, from.Interface.Addresses)
	}
}

// database fills in groups: a size and what follows from it, a mode and its standby zone, a source and its id.
func (f *filler) database(d, e *Database) {
	fillText(f, "host name", &d.Endpoint, e.Endpoint)
	fillText(f, "version", &d.Version, e.Version)
	if d.SKU == "" {
		d.SKU, d.CPU, d.MemoryGiB, d.MaxConnections = e.SKU, e.CPU, e.MemoryGiB, e.MaxConnections
	}
	fillText(f, "SKU", &d.SKU, e.SKU)
	fillText(f, "tier", &d.Tier, e.Tier)
	if d.Mode == "" {
		d.Mode, d.StandbyZone = e.Mode, e.StandbyZone
	} else if e.Mode != "" && e.Mode != d.Mode {
		f.disagree("high availability", string(d.Mode), string(e.Mode))
	} else {
		fillText(f, "standby zone", &d.StandbyZone, e.StandbyZone)
	}
	fillNumber(f, "storage", &d.StorageGiB, e.StorageGiB)
	fillBool(f, "geo-redundant backup", &d.GeoBackup, e.GeoBackup)
	fillText(f, "replication role", &d.Role, e.Role)
	if d.SourceKey == "" {
		d.SourceKey, d.SourceName, d.SourceARMID = e.SourceKey, e.SourceName, e.SourceARMID
	} else if e.SourceKey != "" && e.SourceKey != d.SourceKey {
		f.disagree("source server", d.SourceName, e.SourceName)
	}
	d.Replica = d.Replica || e.Replica
}
