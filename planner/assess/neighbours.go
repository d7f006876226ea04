package assess

import (
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Neighbours selects from a federation the sites a judgement of site depends on: those that list an infrastructure of the
// same identity, and the hub it names. bySite and byKey look sites up; the result is sorted by id, without the site itself.
func Neighbours(site *inventory.Site, bySite func(id string) (*inventory.Site, bool), byKey func(tenancy.Key) []string) []*inventory.Site {
	ids := tenancy.Related(site, byKey, bySite)
	if hub := site.Site.Hub; hub != "" && hub != site.Site.ID && !slices.Contains(ids, hub) {
		ids = append(ids, hub)
		slices.Sort(ids)
	}
	out := make([]*inventory.Site, 0, len(ids))
	for _, id := range ids {
		if s, ok := bySite(id); ok {
			out = append(out, s)
		}
	}
	return out
}

// Dependants selects the ids of the sites whose judgement depends on site: the sharers of its infrastructure, and the
// spokes that name it as their hub. It is the inverse of Neighbours.
func Dependants(site *inventory.Site, bySite func(id string) (*inventory.Site, bool), byKey func(tenancy.Key) []string, spokes func(hub string) []string) []string {
	ids := append(tenancy.Related(site, byKey, bySite), spokes(site.Site.ID)...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return slices.DeleteFunc(ids, func(id string) bool { return id == site.Site.ID })
}

// index answers the look-ups of Neighbours over a fixed set of sites.
type index struct {
	sites map[string]*inventory.Site
	keys  map[tenancy.Key][]string
}

func newIndex(sites []*inventory.Site) index {
	x := index{sites: make(map[string]*inventory.Site, len(sites)), keys: map[tenancy.Key][]string{}}
	for _, s := range sites {
		x.sites[s.Site.ID] = s
		for i := range s.Infrastructure {
			for _, k := range tenancy.KeysOf(s.Site.ID, &s.Infrastructure[i]) {
				x.keys[k] = append(x.keys[k], s.Site.ID)
			}
		}
	}
	return x
}

func (x index) neighbours(s *inventory.Site) []*inventory.Site {
	return Neighbours(s,
		func(id string) (*inventory.Site, bool) { n, ok := x.sites[id]; return n, ok },
		func(k tenancy.Key) []string { return x.keys[k] })
}

// sortedUnique sorts and removes duplicates and empty strings.
func sortedUnique(in []string) []string {
	slices.SortFunc(in, strings.Compare)
	return slices.DeleteFunc(slices.Compact(in), func(s string) bool { return s == "" })
}
