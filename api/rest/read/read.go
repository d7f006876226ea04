// Package read turns a consistent view of the federation into the rows, pages and documents of the HTTP contract, narrowed
// to what a caller may see. It knows no HTTP and keeps nothing but what it derived from immutable records; api/rest calls
// it, and exports use its filter of findings.
package read

import (
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/api/rest/read/follow"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/rules"
)

// Reader holds the collections and what was derived from the latest view. It is safe for concurrent use.
type Reader struct {
	table     *geo.Table
	entries   []rules.Entry
	summaries *follow.Latest[*summary]

	sites           *collection[siteItem]
	clusters        *collection[clusterItem]
	findings        *collection[findingItem]
	mismatches      *collection[mismatchItem]
	recommendations *collection[clusterItem]
	shared          *collection[gen.Tenancy]
	infrastructures *collection[gen.InfrastructureRow]
	rejections      *collection[*fleet.Rejection]
	rules           *collection[rules.Entry]
	architectures   *collection[catalog.Architecture]
	regions         *collection[geo.Region]
}

// New returns a reader over the reference data in force.
func New(table *geo.Table, entries []rules.Entry, architectures []catalog.Architecture) *Reader {
	return &Reader{
		table: table, entries: slices.Clone(entries), summaries: follow.New(summarise),
		sites: siteCollection(), clusters: clusterCollection(), findings: findingCollection(), mismatches: mismatchCollection(),
		recommendations: recommendationCollection(), shared: tenancyCollection(), infrastructures: infrastructureCollection(), rejections: rejectionCollection(),
		rules: ruleCollection(entries), architectures: architectureCollection(architectures), regions: regionCollection(table.Regions()),
	}
}

// Snapshot begins a read of a view for a scope.
func (r *Reader) Snapshot(v fleet.View, s Scope) *Snapshot { return &Snapshot{r, v, s} }

// Fields lists the filter fields of every collection by the operation id of its list, sorted.
func (r *Reader) Fields() map[string][]string {
	return map[string][]string{
		"listSites": r.sites.fields.Names(), "listClusters": r.clusters.fields.Names(), "listFindings": r.findings.fields.Names(),
		"getComplianceReport": r.findings.fields.Names(), "listRegionMismatches": r.mismatches.fields.Names(),
		"listRecommendations": r.recommendations.fields.Names(), "listTenancy": r.shared.fields.Names(), "listRejections": r.rejections.fields.Names(),
		"listRules": r.rules.fields.Names(), "listArchitectures": r.architectures.fields.Names(), "listRegions": r.regions.fields.Names(),
		"listWaivers": waiverFields().Names(), "listPolicies": policyFields().Names(), "listAudit": auditFields().Names(), "listTokens": tokenFields().Names(),
		"listEnrolments": enrolmentFields().Names(), "listWebhooks": webhookFields().Names(), "listDeadLetters": deadLetterFields().Names(),
		"listInfrastructure": r.infrastructures.fields.Names(),
		"listChanges":        changeFields(nil).Names(), "listDifferences": differenceFields().Names(),
	}
}

// Scope is the set of sites a caller may see. The zero value is none.
type Scope struct {
	all   bool
	sites []string // sorted
	key   string
}

// Everything is the scope of all sites.
func Everything() Scope { return Scope{all: true, key: "*"} }

// Only is the scope of the sites given.
func Only(sites []string) Scope {
	if !slices.IsSorted(sites) {
		sites = slices.Sorted(slices.Values(sites))
	}
	return Scope{sites: sites, key: strings.Join(sites, ",")}
}

// All reports whether the scope has no bounds.
func (s *Scope) All() bool { return s.all }

// Sites are the sites of a scope with bounds, sorted; nil without.
func (s *Scope) Sites() []string { return s.sites }

// Key is the same for equal scopes only.
func (s *Scope) Key() string { return s.key }

// Allows reports whether a site is in the scope.
func (s *Scope) Allows(site string) bool {
	if s.all {
		return true
	}
	_, ok := slices.BinarySearch(s.sites, site)
	return ok
}

// NotFound tells that something does not exist or lies outside the caller's scope; which of the two is not told.
type NotFound struct {
	What    string
	Kind    string // what the name in the address is of, as the parameter is called
	Nearest string // the name in the caller's scope that may have been meant, empty when none is like it
}

// Error implements error.
func (e *NotFound) Error() string { return "there is no " + e.What }

// ParameterError tells that a parameter of the query has no meaning.
type ParameterError struct{ Name, Detail string }

// Error implements error.
func (e *ParameterError) Error() string { return e.Name + ": " + e.Detail }

func parameter(name, detail string) error { return &ParameterError{name, detail} }
