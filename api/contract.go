// Package api holds the contracts that cross a process boundary as data. It knows no transport; api/rest serves the HTTP
// contract and validates by it.
package api

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI returns the HTTP contract, an OpenAPI 3.0.3 document in YAML.
func OpenAPI() []byte { return []byte(openAPI) }
