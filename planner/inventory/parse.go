package inventory

import "github.com/meridian-federation/meridian/planner/geo"

// MaxDocument is the largest SiteInventory read, in bytes.
const MaxDocument = 8 << 20

// Parse reads one SiteInventory document (YAML or JSON), refuses unknown keys and invalid values, and returns it as
// written. name is used in error messages. The error is a *document.Error that lists every problem with its place and remedy.
func Parse(name string, data []byte, regions *geo.Table) (*Site, error) { panic("stub") }

// Normalise returns a copy in canonical spelling: region codes, lower-case ARM ids and host names, default ports left out,
// sorted keys; the order of lists is kept. It never fails: what it cannot resolve stays as written.
func Normalise(s *Site, regions *geo.Table) *Site { panic("stub") }

// Revision names the exact content of a normalised site: observation time and a hash of its canonical JSON, sortable by time.
func Revision(s *Site) string { panic("stub") }

// Keys returns the identities under which an infrastructure is known beyond its document, sorted: "arm:…", "host:…",
// "zk:host:port" for each member, "nfs:host". Two infrastructures of the same kind that share a key are one. Names that only mean
// something inside a site (no dot, loopback, private addresses) are prefixed with the site.
func Keys(site string, i *Infrastructure) []string { panic("stub") }
