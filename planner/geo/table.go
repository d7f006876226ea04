package geo

import (
	"math"
	"slices"
	"strings"
	"time"
)

// earthRadiusKm is the mean radius of the earth (IUGG).
const earthRadiusKm = 6371.0088

// data are sorted by provider and code, so that an index stands for a region.
type data struct {
	list       []Region
	spellings  map[string]map[string]int // provider → code as listed, or folded spelling → index in list
	trips      map[trip]time.Duration
	countries  map[string]country // by code
	words      map[string]place   // folded word → what it names
	geographic []string           // sorted words of Geographies
}

type trip struct {
	provider, a, b string // a before b
}

type country struct {
	code, name, geography string
	eu                    bool
}

// place is what a geography word names: a geography, or one country.
type place struct {
	geography, country string
}

// Geographies that are no geography group of a provider's: they cover several, or cut through one.
const (
	northAmerica  = "North America"
	europeanUnion = "EU"
)

// fold leaves out what people write differently in one name: case, spaces, dashes, dots, underscores, brackets.
func fold(s string) string {
	clean := true
	for i := range len(s) {
		if c := s[i]; c < '0' || c > '9' && c < 'a' || c > 'z' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '_', '.', '(', ')', '\t', '\'', '’', ',', '&':
			return -1
		}
		return r
	}, strings.ToLower(s))
}

func (d *data) index(provider, name string) (int, bool) {
	known, ok := d.spellings[provider]
	if !ok {
		known = d.spellings[fold(provider)]
	}
	i, ok := known[name]
	if !ok && name != "" {
		i, ok = known[fold(name)]
	}
	return i, ok
}

func (d *data) find(provider, name string) (Region, bool) {
	if i, ok := d.index(provider, name); ok {
		return d.list[i], true
	}
	return Region{}, false
}

func (d *data) knows(provider string) bool {
	if _, ok := d.spellings[provider]; ok {
		return true
	}
	_, ok := d.spellings[fold(provider)]
	return ok
}

func (d *data) nearest(provider, name string) string {
	var n near
	for _, r := range d.list {
		if r.Provider == fold(provider) {
			n.try(fold(name), r.Code, r.Code)
			n.try(fold(name), fold(r.Name), r.Name)
		}
	}
	return n.best
}

func (d *data) roundTrip(provider, a, b string) (time.Duration, bool) {
	i, ok := d.index(provider, a)
	j, ok2 := d.index(provider, b)
	if !ok || !ok2 {
		return 0, false
	}
	if i > j {
		i, j = j, i
	}
	t, ok := d.trips[trip{d.list[i].Provider, d.list[i].Code, d.list[j].Code}]
	return t, ok
}

func (d *data) distanceKm(provider, a, b string) (int, bool) {
	x, ok := d.find(provider, a)
	y, ok2 := d.find(provider, b)
	if !ok || !ok2 || !x.Located() || !y.Located() {
		return 0, false
	}
	return int(math.Round(haversineKm(x.Latitude, x.Longitude, y.Latitude, y.Longitude))), true
}

// haversineKm is the great-circle distance of two points given in degrees.
func haversineKm(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	sinLat, sinLon := math.Sin((lat2-lat1)*rad/2), math.Sin((lon2-lon1)*rad/2)
	h := sinLat*sinLat + math.Cos(lat1*rad)*math.Cos(lat2*rad)*sinLon*sinLon
	return 2 * earthRadiusKm * math.Asin(math.Min(1, math.Sqrt(h)))
}

func (d *data) country(code string) (country, bool) {
	c, ok := d.countries[code]
	if !ok {
		c, ok = d.countries[strings.ToUpper(strings.TrimSpace(code))]
	}
	return c, ok
}

func (d *data) countryGeography(code string) (string, bool) {
	c, ok := d.country(code)
	return c.geography, ok && c.geography != ""
}

func (d *data) countryName(code string) (string, bool) {
	c, ok := d.country(code)
	return c.name, ok
}

func (d *data) geographies() []string { return slices.Clone(d.geographic) }

func (d *data) knowsGeography(word string) bool {
	_, ok := d.words[fold(word)]
	return ok
}

func (d *data) geography(word string) (string, bool) {
	p, ok := d.words[fold(word)]
	if p.country != "" {
		return d.countries[p.country].name, true
	}
	return p.geography, ok
}

func (d *data) nearestGeography(word string) string {
	var n near
	for _, g := range d.geographic {
		n.try(fold(word), fold(g), g)
	}
	for _, c := range sortedKeys(d.countries) {
		n.try(fold(word), fold(d.countries[c].name), d.countries[c].name)
	}
	return n.best
}

func (d *data) within(r Region, allowed string) (within, known bool) {
	p, ok := d.words[fold(allowed)]
	if !ok {
		return false, false
	}
	return d.covers(p, r.Geography, r.Country)
}

func (d *data) countryWithin(code, allowed string) (within, known bool) {
	p, ok := d.words[fold(allowed)]
	c, ok2 := d.country(code)
	if !ok || !ok2 {
		return false, false
	}
	return d.covers(p, c.geography, c.code)
}

// covers tells whether a place holds what lies in a geography and country, each of them "" when not known.
func (d *data) covers(p place, geography, code string) (within, known bool) {
	switch {
	case p.country != "":
		return p.country == code, code != ""
	case p.geography == europeanUnion:
		return d.countries[code].eu, code != ""
	case p.geography == northAmerica:
		switch geography {
		case "US", "Canada", "Mexico":
			return true, true
		}
		return false, geography != ""
	}
	return p.geography == geography, geography != ""
}

func (d *data) covering(wide, narrow string) bool {
	w, ok := d.words[fold(wide)]
	n, ok2 := d.words[fold(narrow)]
	if !ok || !ok2 {
		return false
	}
	members := 0
	for _, c := range d.countries {
		if in, _ := d.covers(n, c.geography, c.code); !in {
			continue
		}
		if in, _ := d.covers(w, c.geography, c.code); !in {
			return false
		}
		members++
	}
	return members > 0
}

func (d *data) regions() []Region { return slices.Clone(d.list) }
