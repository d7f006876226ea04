package importer

import (
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// merge makes one resource of all that share a key: observed values before asked ones, then in the order of the files.
// What an earlier one leaves open a later one fills; where two say different things the earlier counts and a note
// names both places.
func (a *assembly) merge() {
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
		if r.Key == "" {
			a.merged = append(a.merged, i)
			continue
		}
		key := r.Key + " " + r.fact()
		first, ok := a.byKey[key]
		if !ok {
			a.byKey[key] = i
			a.merged = append(a.merged, i)
			continue
		}
		a.fill(first, i)
		a.joined[i] = first
	}
	slices.Sort(a.merged)
}

// fact names the kind of fact a resource carries, so that only like is merged with like.
func (r *Resource) fact() string {
	switch {
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
type filler struct{ differ []string }

func fillText(f *filler, what string, to *string, from string) {
	switch {
	case from == "" || strings.EqualFold(*to, from):
	case *to == "":
		*to = from
	default:
		f.differ = append(f.differ, what+" "+Quote(*to)+" and "+Quote(from))
	}
}

func fillNumber[T int | float64](f *filler, what string, to *T, from T) {
	switch {
	case from == 0 || *to == from:
	case *to == 0:
		*to = from
	default:
		f.differ = append(f.differ, what)
	}
}

func fillBool(f *filler, what string, to **bool, from *bool) {
	switch {
	case from == nil || *to != nil && **to == *from:
	case *to == nil:
		*to = from
	default:
		f.differ = append(f.differ, what)
	}
}

func fillList(to *[]string, from []string) {
	for _, s := range from {
		if !slices.Contains(*to, s) {
			*to = append(*to, s)
		}
	}
}

func (a *assembly) fill(first, second int) {
	to, from := &a.all[first], &a.all[second]
	f := &filler{}
	if to.Location == "" {
		to.Location, to.region = from.Location, from.region
	} else if from.region != "" && to.region != "" && from.region != to.region {
		f.differ = append(f.differ, "region "+Quote(to.region)+" and "+Quote(from.region))
	} else if to.region == "" && from.region != "" {
		to.Location, to.region = from.Location, from.region
	}
	if len(to.Zones) == 0 {
		to.Zones = from.Zones
	} else if len(from.Zones) > 0 && !slices.Equal(to.Zones, from.Zones) {
		f.differ = append(f.differ, "zone "+Quote(strings.Join(to.Zones, " "))+" and "+Quote(strings.Join(from.Zones, " ")))
	}
	fillText(f, "edge zone", &to.EdgeZone, from.EdgeZone)
	fillText(f, "name", &to.Name, from.Name)
	fillText(&filler{}, "group", &to.Group, from.Group)
	fillText(&filler{}, "id", &to.ARMID, from.ARMID)
	for k, v := range from.Tags {
		if to.Tags == nil {
			to.Tags = map[string]string{}
		}
		if to.Tags[k] == "" {
			to.Tags[k] = v
		}
	}
	f.facts(to, from)
	if len(f.differ) > 0 {
		a.result.Notes = append(a.result.Notes, document.Problem{
			File: a.path(to), Line: to.Line, Column: to.Column, Path: to.Pointer,
			What:   to.label() + " is described differently in " + a.path(from) + ": " + strings.Join(f.differ, ", ") + "; the first was taken",
			Remedy: "import only the newer of the two files",
		})
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
		fillText(f, "SKU", &m.SKU, n.SKU)
		fillNumber(f, "processors", &m.CPU, n.CPU)
		fillNumber(f, "memory", &m.MemoryGiB, n.MemoryGiB)
		fillNumber(f, "instances", &m.Count, n.Count)
		fillText(f, "scale set", &m.ScaleSet, n.ScaleSet)
		fillList(&m.Interfaces, n.Interfaces)
	case to.Interface != nil:
		fillText(f, "machine", &to.Interface.Machine, from.Interface.Machine)
		fillList(&to.Interface.Pools, from.Interface.Pools)
	}
}

func (f *filler) database(d, e *Database) {
	fillText(f, "host name", &d.Endpoint, e.Endpoint)
	fillText(f, "version", &d.Version, e.Version)
	fillText(f, "tier", &d.Tier, e.Tier)
	fillText(f, "SKU", &d.SKU, e.SKU)
	mode := string(d.Mode)
	fillText(f, "high availability", &mode, string(e.Mode))
	d.Mode = inventory.HAMode(mode)
	fillText(f, "standby zone", &d.StandbyZone, e.StandbyZone)
	fillNumber(f, "storage", &d.StorageGiB, e.StorageGiB)
	fillNumber(&filler{}, "processors", &d.CPU, e.CPU)
	fillNumber(&filler{}, "memory", &d.MemoryGiB, e.MemoryGiB)
	fillNumber(&filler{}, "connections", &d.MaxConnections, e.MaxConnections)
	fillBool(f, "geo-redundant backup", &d.GeoBackup, e.GeoBackup)
	fillText(f, "replication role", &d.Role, e.Role)
	fillText(f, "source server", &d.SourceKey, e.SourceKey)
	fillText(&filler{}, "source server", &d.SourceName, e.SourceName)
	fillText(&filler{}, "source server", &d.SourceARMID, e.SourceARMID)
	d.Replica = d.Replica || e.Replica
}
