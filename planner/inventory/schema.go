package inventory

import (
	_ "embed" // the schema
	"slices"
)

//go:embed site-inventory.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of SiteInventory. It refuses what Parse refuses of a single value; that references
// resolve, ids are unique and regions exist is for Parse alone. The slice is the caller's.
func Schema() []byte { return slices.Clone(schema) }
