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
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Zones     bool    `json:"zones"`          // has availability zones
	Pair      string  `json:"pair,omitempty"` // code of the paired region, "" when it has none
}

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

// Geographies returns all geographies known, sorted: the words objectives and policies may use.
func (t *Table) Geographies() []string { return t.geographies() }

// Regions returns all regions, sorted by provider and code. The slice is the caller's.
func (t *Table) Regions() []Region { return t.regions() }
