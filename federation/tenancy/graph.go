// Package tenancy keeps the relation between the sites of a federation incrementally: which sites list an infrastructure
// of the same identity, and which spokes name which hub. One site's change costs in proportion to what that site lists.
// It holds no documents; fleet asks it whom a change concerns.
package tenancy

import (
	"maps"
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Graph is the relation. The zero value is not usable; New makes one. It is not safe for concurrent use.
type Graph struct {
	keys   map[string][]tenancy.Key // of each site, sorted
	hub    map[string]string        // of each spoke
	sites  map[tenancy.Key][]string // sorted
	spokes map[string]map[string]struct{}
}

// New returns an empty graph.
func New() *Graph {
	return &Graph{
		keys: map[string][]tenancy.Key{}, hub: map[string]string{},
		sites: map[tenancy.Key][]string{}, spokes: map[string]map[string]struct{}{},
	}
}

// Set records what a normalised site lists, in place of what it listed before.
func (g *Graph) Set(s *inventory.Site) {
	id := s.Site.ID
	var now []tenancy.Key
	for i := range s.Infrastructure {
		now = append(now, tenancy.KeysOf(id, &s.Infrastructure[i])...)
	}
	slices.Sort(now)
	now = slices.Compact(now)
	before := g.keys[id]
	for _, k := range before {
		if _, kept := slices.BinarySearch(now, k); !kept {
			g.drop(k, id)
		}
	}
	for _, k := range now {
		if at, known := slices.BinarySearch(g.sites[k], id); !known {
			g.sites[k] = slices.Insert(g.sites[k], at, id)
		}
	}
	g.keys[id] = now
	g.setHub(id, s.Site.Hub)
}

// Sites returns the ids of the sites that list an infrastructure with the key, sorted. The slice must not be changed.
func (g *Graph) Sites(k tenancy.Key) []string { return g.sites[k] }

// Spokes returns the ids of the sites that name the hub, sorted.
func (g *Graph) Spokes(hub string) []string { return slices.Sorted(maps.Keys(g.spokes[hub])) }

func (g *Graph) setHub(id, hub string) {
	if was, ok := g.hub[id]; ok && was != hub {
		delete(g.spokes[was], id)
		if len(g.spokes[was]) == 0 {
			delete(g.spokes, was)
		}
		delete(g.hub, id)
	}
	if hub == "" {
		return
	}
	if g.spokes[hub] == nil {
		g.spokes[hub] = map[string]struct{}{}
	}
	g.spokes[hub][id] = struct{}{}
	g.hub[id] = hub
}

func (g *Graph) drop(k tenancy.Key, id string) {
	if len(g.sites[k]) == 1 {
		delete(g.sites, k)
		return
	}
	if at, ok := slices.BinarySearch(g.sites[k], id); ok {
		g.sites[k] = slices.Delete(g.sites[k], at, at+1)
	}
}
