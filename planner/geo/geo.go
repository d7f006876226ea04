// Package geo knows providers, regions, zones, geographies and the round-trip times providers publish between their
// regions. The data are embedded and immutable; a Table is built once by the caller and passed on. No I/O, no clock.
package geo

import "time"

// Region is one region of a provider.
type Region struct {
	Provider  string  `json:"provider"`
	Code      string  `json:"code"` // westeurope
	Name      string  `json:"name"` // West Europe
	Geography string  `json:"geography"`
	Country   string  `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Latitude  float64 `json:"latitude"`          // 0 with Longitude 0 means not known
	Longitude float64 `json:"longitude"`
	Zones     bool    `json:"zones"`            // has availability zones
	Pair      string  `json:"pair,omitempty"`   // code of the paired region, "" when it has none
	Access    Access  `json:"access,omitempty"` // "" when open to every customer
}

// Access says who may use a region. Only a region open to all, or restricted, is fit to be recommended.
type Access string

// Accesses other than open to all.
const (
	Restricted Access = "restricted" // on request, for disaster recovery within the country
	Canary     Access = "canary"     // early updates (EUAP)
	Staging    Access = "staging"    // the provider's own test region
	Sovereign  Access = "sovereign"  // in a separate cloud: Azure Government, Azure China, the closed Azure Germany
	Unlisted   Access = "unlisted"   // named in usage data, absent from the provider's list of regions
)

// Located reports whether the coordinates are known.
func (r Region) Located() bool { return r.Latitude != 0 || r.Longitude != 0 }

// Table answers questions about regions. The zero value knows nothing; Builtin returns the embedded one.
type Table struct{ data }

// Builtin parses the embedded tables. It fails only when the embedded data are broken, which a test excludes.
func Builtin() (*Table, error) { return builtin() }

// Find resolves a code, display name or known alias of a region, without regard to case, spaces and dashes.
func (t *Table) Find(provider, name string) (Region, bool) { return t.find(provider, name) }

// Nearest returns the code or name of the known region spelled most like name, "" when none is close.
func (t *Table) Nearest(provider, name string) string { return t.nearest(provider, name) }

// Knows reports whether the table lists the regions of a provider, so that a name not found is a mistake
// and not merely outside its knowledge (on-premise data centres are never listed).
func (t *Table) Knows(provider string) bool { return t.knows(provider) }

// RoundTrip returns the published 95th percentile of the round trip between two region codes of one provider: the larger of both directions.
func (t *Table) RoundTrip(provider, a, b string) (time.Duration, bool) {
	return t.roundTrip(provider, a, b)
}

// DistanceKm returns the great-circle distance between two regions of one provider in whole kilometres.
func (t *Table) DistanceKm(provider, a, b string) (int, bool) { return t.distanceKm(provider, a, b) }

// CountryGeography returns the geography a country (ISO 3166-1 alpha-2) lies in, for regions that are data centres of one's own.
func (t *Table) CountryGeography(country string) (string, bool) { return t.countryGeography(country) }

// CountryName returns the short English name of a country (ISO 3166-1 alpha-2).
func (t *Table) CountryName(country string) (string, bool) { return t.countryName(country) }

// Geographies returns all geographies known, sorted: the words objectives and policies may use. They may overlap: EU lies in Europe.
func (t *Table) Geographies() []string { return t.geographies() }

// Geography returns a geography, or a country's name, in the table's own spelling for any spelling of it or a country code.
func (t *Table) Geography(word string) (string, bool) { return t.geography(word) }

// KnowsGeography reports whether a word names a geography, or one country by name or ISO 3166-1 alpha-2 code.
func (t *Table) KnowsGeography(word string) bool { return t.knowsGeography(word) }

// NearestGeography returns the geography or country name spelled most like word, "" when none is close.
func (t *Table) NearestGeography(word string) string { return t.nearestGeography(word) }

// Within reports whether a region lies in an allowed geography or country, as KnowsGeography understands the word.
// known is false when the word is not understood or the region's place is not known; within is false then.
func (t *Table) Within(r Region, allowed string) (within, known bool) { return t.within(r, allowed) }

// CountryWithin is Within for a place of which only the country (ISO 3166-1 alpha-2) is known.
func (t *Table) CountryWithin(country, allowed string) (within, known bool) {
	return t.countryWithin(country, allowed)
}

// Covers reports whether everything in the geography or country narrow lies in wide: Europe covers EU and Germany.
func (t *Table) Covers(wide, narrow string) bool { return t.covering(wide, narrow) }

// Regions returns all regions, sorted by provider and code. The slice is the caller's.
func (t *Table) Regions() []Region { return t.regions() }
