package inventory

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
)

// Remeasured reads a document of which all but the measurements has been read before: known is the normalised site of a document that was valid
// under the same regions and whose StructureOf is that of this one. It gives what Validate finds in the document and, where that is nothing, what
// Normalise makes of it, which shares with known what is the same. ok is false when the document has to be read whole, because it is not laid out as
// documents are that programs write, or cannot be read.
func Remeasured(text []byte, known *Site, regions *geo.Table) (s *Site, problems []document.Problem, ok bool) {
	var d struct {
		ObservedAt time.Time    `json:"observedAt"`
		Probes     []Probe      `json:"probes"`
		Provenance []Provenance `json:"provenance"`
		Sources    []Source     `json:"sources"`
	}
	part, ok := measuredPart(text)
	if !ok || json.Unmarshal(part, &d) != nil {
		return nil, nil, false
	}
	if regions == nil {
		regions = &geo.Table{}
	}
	site := *known
	site.ObservedAt, site.Probes, site.Provenance, site.Sources = d.ObservedAt, d.Probes, d.Provenance, d.Sources
	var found document.Collector
	v := newValidator(&site, regions, nil, &found)
	v.head()
	v.probes()
	v.evidence()
	if problems = found.Problems(); len(problems) > 0 {
		return nil, problems, true
	}
	dropSecretsOfEvidence(&site)
	normaliser{regions}.measured(&site)
	return &site, nil, true
}

// measuredPart is the object of those members of a document that are no part of its structure. ok is false when a key of the document is not written
// as the types name it, or comes twice: encoding/json would take the last of several spellings.
func measuredPart(text []byte) (part []byte, ok bool) {
	if len(text) == 0 || text[0] != '{' {
		return nil, false
	}
	part = append(make([]byte, 0, len(text)/2), '{')
	var seen []string
	last := false // the document's end came with a member that is taken
	for key, member := range members(text) {
		if slices.Contains(seen, string(key)) || !slices.Contains(documentKeys(), string(key)) {
			return nil, false
		}
		seen = append(seen, string(key))
		if last = measuredKey(key); !last {
			continue
		}
		if len(part) > 1 {
			part = append(part, ',')
		}
		part = append(part, member[1:]...) // without the comma or brace before it
	}
	if !last {
		part = append(part, '}')
	}
	return part, true
}

// documentKeys are the keys of Site as documents write them. A test compares them with the type.
func documentKeys() []string {
	return []string{`"apiVersion"`, `"kind"`, `"observedAt"`, `"site"`, `"clusters"`, `"infrastructure"`, `"probes"`, `"provenance"`, `"sources"`}
}
