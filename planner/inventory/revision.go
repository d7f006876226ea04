package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// revisionTime keeps revisions of one site sortable as text.
const revisionTime = "20060102T150405.000Z"

// Canonical returns the canonical JSON of a normalised site: fields in the order of the types, maps sorted by key.
func Canonical(s *Site) ([]byte, error) { return json.Marshal(s) }

// Revision names the exact content of a normalised site: observation time and a hash of its canonical JSON, sortable by time.
// It looks like 20261120T080000.000Z-0123456789ab.
func Revision(s *Site) string {
	var hash [sha256.Size]byte
	// Only a number that JSON cannot hold makes this fail, and validation refuses those; such a site has the hash of nothing.
	if data, err := Canonical(s); err == nil {
		hash = sha256.Sum256(data)
	}
	return s.ObservedAt.UTC().Format(revisionTime) + "-" + hex.EncodeToString(hash[:6])
}
