// Package demo holds the sample federation that up --demo loads: nine sites around the world, each showing something
// that the planner finds.
package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"time"
)

//go:embed *.yaml
var files embed.FS

// instant finds the times of the documents.
var instant = regexp.MustCompile(`2026-11-20T\d\d:\d\d:\d\dZ`)

// Inventories returns the SiteInventory documents by file name, with all their instants moved so that the sites were
// observed in the minutes before now.
func Inventories(now time.Time) (map[string][]byte, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the sample federation: %w", err)
	}
	written := time.Date(2026, 11, 20, 8, 15, 0, 0, time.UTC)
	shift := now.UTC().Truncate(time.Minute).Sub(written)
	out := make(map[string][]byte, len(names))
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the sample federation: %w", err)
		}
		out[name] = instant.ReplaceAllFunc(data, func(text []byte) []byte {
			at, err := time.Parse(time.RFC3339, string(text))
			if err != nil {
				return text
			}
			return []byte(at.Add(shift).Format(time.RFC3339))
		})
	}
	return out, nil
}
