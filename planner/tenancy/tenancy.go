// Package tenancy resolves which infrastructures of several sites are one and the same thing and who uses it. It is
// pure; the federation keeps the same relation incrementally by the same keys.
package tenancy

// Shared is one infrastructure with all its tenants, over all sites in view.
type Shared struct {
	Infrastructure string   `json:"infrastructure"`    // site/id of the first spelling in order
	Aliases        []string `json:"aliases,omitempty"` // the other spellings, site/id, sorted
	Kind           string   `json:"kind"`
	Tenants        []string `json:"tenants"` // site/cluster, sorted
	Regions        []string `json:"regions"` // of the tenants' Foundation nodes and of the infrastructure, sorted
}
