// Package policy holds the Policy document: what an owner allows, which rules are tuned, and the chances of failure used
// by the availability model. It reads no file; the engine takes a Policy as an argument.
package policy

import "github.com/meridian-federation/meridian/planner/inventory"

// Kind heads every Policy document.
const Kind = "Policy"

// Policy tunes the engine for one federation.
type Policy struct {
	APIVersion   string              `json:"apiVersion"`
	Kind         string              `json:"kind"`
	Name         string              `json:"name,omitempty"`
	Geographies  []GeographyRule     `json:"geographies,omitempty"`
	Rules        map[string]RuleTune `json:"rules,omitempty"` // by rule id
	Availability Availability        `json:"availability,omitzero"`
}

// GeographyRule allows geographies to the sites it matches. A site that no rule matches may use any.
type GeographyRule struct {
	Match Match    `json:"match"`
	Allow []string `json:"allow"`
}

// Match selects sites; every field given must agree.
type Match struct {
	Site    string            `json:"site,omitempty"`
	Country string            `json:"country,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
}

// RuleTune overrides a rule's catalogue entry.
type RuleTune struct {
	Enabled    *bool              `json:"enabled,omitempty"`
	Severity   string             `json:"severity,omitempty"`
	Parameters map[string]string  `json:"parameters,omitempty"` // by parameter name, in the notation of the rule's default
	Grace      inventory.Duration `json:"grace,omitzero"`
}

// Availability holds chances of being up, 0..1. A zero field takes the default of Defaults.
type Availability struct {
	Machine   float64                                           `json:"machine,omitempty"`
	Zone      float64                                           `json:"zone,omitempty"`
	Region    float64                                           `json:"region,omitempty"`
	Redundant float64                                           `json:"redundant,omitempty"` // redundant load balancer or storage
	Managed   map[inventory.Engine]map[inventory.HAMode]float64 `json:"managed,omitempty"`
}
