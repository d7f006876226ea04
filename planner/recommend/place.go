package recommend

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// place is where an option would run.
type place struct {
	hosting  inventory.Hosting
	provider string
	region   string
	zone     string // of Foundation; "" when the region has no zones or none is known
	standby  string // another zone of the region; "" when there is none
	zones    bool
	note     string // assumption on which the choice rests
}

// hostings lists what the owner accepts. An owner who names none keeps the present one; a new cluster then may be hosted
// on Azure or on the premises, the two PTC gives hardware for.
func (w *world) hostings() []inventory.Hosting {
	return slices.DeleteFunc(w.acceptedHostings(), func(h inventory.Hosting) bool {
		return w.Place.Provider != "" && ProviderOf(h) != w.Place.Provider
	})
}

func (w *world) acceptedHostings() []inventory.Hosting {
	if len(w.objectives.Hosting) > 0 {
		return slices.Clone(w.objectives.Hosting)
	}
	if h := w.presentHosting(); h != "" {
		return []inventory.Hosting{h}
	}
	return []inventory.Hosting{inventory.HostingAzure, inventory.HostingOnPremise}
}

// presentHosting is the cluster's hosting, read off its provider where it is not stated.
func (w *world) presentHosting() inventory.Hosting {
	if w.Cluster.Hosting != "" {
		return w.Cluster.Hosting
	}
	for _, n := range w.shape.Parts.Of(catalog.KindFoundation).Nodes {
		switch h := inventory.Hosting(n.Placement.Provider); h {
		case inventory.HostingAzure, inventory.HostingAWS, inventory.HostingGCP, inventory.HostingOnPremise, inventory.HostingPTCCloud:
			return h
		}
	}
	return ""
}

// places lists where options may run: in the region that is decided, or else for the present hosting in the regions of
// ThingWorx and of its database, and for another one in the nearest region that is allowed.
func (w *world) places() []place {
	var out []place
	for _, h := range w.hostings() {
		out = append(out, w.placesOf(h)...)
	}
	return out
}

func (w *world) placesOf(h inventory.Hosting) []place {
	var out []place
	if w.Place.Region != "" {
		at := inventory.Placement{Provider: ProviderOf(h), Region: w.Place.Region}
		if w.allowed(at.Provider, at.Region) == forbidden {
			return nil
		}
		return []place{w.at(h, at)}
	}
	if h == w.presentHosting() {
		foundation, database := w.regions()
		for _, at := range append(foundation[:len(foundation):len(foundation)], database) {
			if at.Region == "" || len(foundation) > 0 && at.Provider != foundation[0].Provider {
				continue
			}
			p := w.at(h, at)
			if w.allowed(at.Provider, at.Region) == forbidden || slices.ContainsFunc(out, func(o place) bool { return o.region == p.region }) {
				continue
			}
			out = append(out, p)
		}
		// A region without zones bounds the availability, so that one with zones is considered besides.
		zones := slices.ContainsFunc(out, func(o place) bool { return o.zones })
		if len(out) > 0 && (zones || h == inventory.HostingOnPremise || w.Regions == nil || !w.Regions.Knows(out[0].provider)) {
			return out
		}
		if p, ok := w.nearest(h, len(out) > 0); ok && (len(out) == 0 || p.zones) {
			out = append(out, p)
		}
		return out
	}
	if p, ok := w.nearest(h, false); ok {
		out = append(out, p)
	}
	return out
}

// nowhere says why there is no place for an option.
func (w *world) nowhere() string {
	switch {
	case len(w.hostings()) == 0:
		return "no accepted hosting runs on " + w.Place.Provider
	case w.Place.Region != "":
		return w.Place.Region + " does not lie in the allowed geographies"
	}
	return "no region of an accepted hosting lies in the allowed geographies"
}

// at describes a region; its zone is the one most Foundation nodes are in, else the first.
func (w *world) at(h inventory.Hosting, at inventory.Placement) place {
	p := place{hosting: h, provider: at.Provider, region: at.Region}
	if p.provider == "" {
		p.provider = ProviderOf(h)
	}
	counts := map[string]int{}
	for _, n := range w.shape.Parts.Of(catalog.KindFoundation).Nodes {
		if n.Placement.Region == at.Region && n.Placement.Zone != "" {
			counts[n.Placement.Zone]++
		}
	}
	for _, z := range sortedKeys(counts) {
		if p.zone == "" || counts[z] > counts[p.zone] {
			p.zone = z
		}
	}
	r, known := w.find(p.provider, p.region)
	p.zones = known && r.Zones || !known && p.zone != ""
	if p.zones {
		if p.zone == "" {
			p.zone = "1"
		}
		p.standby = "1"
		if p.zone == "1" {
			p.standby = "2"
		}
	}
	return p
}

func sortedKeys(m map[string]int) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (w *world) find(provider, region string) (geo.Region, bool) {
	if w.Regions == nil {
		return geo.Region{}, false
	}
	return w.Regions.Find(provider, region)
}

// ProviderOf is where a hosting runs. PTC Cloud Services runs in commercial clouds; Azure is taken.
func ProviderOf(h inventory.Hosting) string {
	if h == inventory.HostingPTCCloud {
		return string(inventory.HostingAzure)
	}
	return string(h)
}

// nearest chooses a region of a hosting for a cluster that is not there yet: an allowed one, with zones if there is one,
// in the site's country, else nearest to where the cluster or an allowed neighbour of its country is. With zones only
// regions that have some are considered.
func (w *world) nearest(h inventory.Hosting, zones bool) (place, bool) {
	provider := ProviderOf(h)
	if h == inventory.HostingOnPremise {
		if w.allowed(provider, "") == forbidden {
			return place{}, false
		}
		return place{hosting: h, provider: provider, region: w.Site.Site.ID, note: "the data centre of the site is called " + w.Site.Site.ID}, true
	}
	if w.Regions == nil || !w.Regions.Knows(provider) {
		return place{hosting: h, provider: provider, note: "the region is to be chosen: no region table of " + provider + " is at hand"}, true
	}
	foundation, database := w.regions()
	from := database
	if len(foundation) > 0 {
		from = foundation[0]
	}
	home, _ := w.Regions.CountryGeography(w.Site.Site.Country)
	var best geo.Region
	var bestRank [4]int
	for _, r := range w.Regions.Regions() {
		if r.Provider != provider || zones && !r.Zones || w.allowed(provider, r.Code) == forbidden {
			continue
		}
		rank := [4]int{boolRank(r.Country == w.Site.Site.Country && r.Country != ""), boolRank(home != "" && r.Geography == home), boolRank(r.Zones), 1 << 30}
		if km, ok := w.Regions.DistanceKm(provider, from.Region, r.Code); ok {
			rank[3] = km
		}
		if best.Code == "" || slices.Compare(rank[:], bestRank[:]) < 0 {
			best, bestRank = r, rank
		}
	}
	if best.Code == "" {
		return place{}, false
	}
	p := w.at(h, inventory.Placement{Provider: provider, Region: best.Code})
	p.note = "region " + best.Code + " is taken: allowed, and the nearest known to the site"
	return p, true
}

func boolRank(ok bool) int {
	if ok {
		return 0
	}
	return 1
}

// residency is whether data may be somewhere.
type residency uint8

const (
	permitted residency = iota
	undecided
	forbidden
)

// allowed judges a region by the objectives and the policy: every list that applies must allow it.
func (w *world) allowed(provider, region string) residency {
	verdict := permitted
	judge := func(list []string) {
		if r := w.within(provider, region, list); r > verdict {
			verdict = r
		}
	}
	if len(w.objectives.Geographies) > 0 {
		judge(w.objectives.Geographies)
	}
	for _, list := range w.Policy.GeographyLists(w.Site.Site) {
		judge(list)
	}
	return verdict
}

func (w *world) within(provider, region string, list []string) residency {
	if w.Regions == nil {
		return undecided
	}
	known := false
	for _, word := range list {
		var in, ok bool
		if provider == string(inventory.HostingOnPremise) {
			in, ok = w.Regions.CountryWithin(w.Site.Site.Country, word)
		} else if r, found := w.Regions.Find(provider, region); found {
			in, ok = w.Regions.Within(r, word)
		}
		if ok && in {
			return permitted
		}
		known = known || ok
	}
	if !known && len(list) > 0 {
		return undecided
	}
	return forbidden
}
