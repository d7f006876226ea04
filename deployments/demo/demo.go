// Package demo holds the sample federation that up --demo loads: eight plants around the world, each showing something
// that the planner finds.
package demo

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed *.yaml
var files embed.FS

// Inventories returns the SiteInventory documents by file name, as written, observed at a fixed instant.
func Inventories() (map[string][]byte, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the sample federation: %w", err)
	}
	out := make(map[string][]byte, len(names))
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the sample federation: %w", err)
		}
		out[name] = data
	}
	return out, nil
}
