// Package merge joins what several sources say about one site into one inventory by identity, and keeps of every fact who
// said it, when, and who said otherwise. It is pure: the caller reads the sources and knows the time. The planner's daemon
// merges its sources with it at each collection, and "meridian sources" shows what came of it.
package merge

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Input is what one source said.
type Input struct {
	Source   string          // name of facts that carry no provenance of their own
	Observed bool            // such facts were seen on what runs; false: a person or a plan declares them
	Site     *inventory.Site // nil said nothing
}

// Standing is what a fact rests on.
type Standing int

// Standings, the weaker first. A stronger one counts against a weaker one, however old it is.
const (
	Assumed  Standing = iota // the default of a product, or read out of a name, or told by a rule about names and tags
	Declared                 // a person, a manifest or a plan says so
	Observed                 // seen on what runs
)

// String returns the standing's word.
func (s Standing) String() string { return [...]string{"assumed", "declared", "observed"}[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Standing) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Fact is one value that one source said.
type Fact struct {
	Path       string    `json:"path"` // JSON pointer into the merged inventory
	Value      any       `json:"value"`
	Source     string    `json:"source"`
	Standing   Standing  `json:"standing"`
	ObservedAt time.Time `json:"observedAt,omitzero"`
	InForce    bool      `json:"inForce"`       // the inventory holds this value
	Why        string    `json:"why,omitempty"` // it does not
}

// Conflicts reports whether the fact says otherwise than the inventory. Another name for a thing does not.
func (f *Fact) Conflicts() bool { return !f.InForce && f.Why != alias }

// Result is the outcome of a merge.
type Result struct {
	Site *inventory.Site
	// Facts are all facts of all sources in the order of their paths. Nothing that a source said is missing: what the
	// inventory does not hold is listed with the reason.
	Facts []Fact
	// Notes are identities that could not be decided, so that things stand apart that may be one.
	Notes []document.Problem
}

// Merge joins the sources' inventories, which are of one site. It does not depend on the order of the inputs. One input
// alone is returned as it is, normalised.
//
//   - Infrastructure of one kind is one when it shares an identity (inventory.Keys) or an id, or when one cluster uses it in
//     one role and one of the two has no identity. Clusters are one when they share an id, a Foundation node's PlatformId,
//     machine or name, or the same namespace or database of one infrastructure. Nodes are one by name, PlatformId or
//     machine; uses by infrastructure and role. Two things of one source are never made one: where an identity fits several
//     of them, nothing is joined and a note says so.
//   - Of two values the better founded counts, then the later, then the one of the source whose name sorts first. Names and
//     ids are those of declaring sources, which people refer to.
//   - What belongs together stays together: a zone comes with its region, a standby zone with its mode, CPU and memory with
//     their SKU.
//   - The value that was declared where another was observed is kept in provenance, as are all values overruled.
func Merge(inputs []Input, regions *geo.Table) (*Result, error) {
	m := &merger{result: &Result{}}
	for _, in := range inputs {
		if in.Site != nil {
			in.Site = inventory.Normalise(in.Site, regions)
			m.docs = append(m.docs, &doc{Input: in})
		}
	}
	if len(m.docs) == 0 {
		return nil, errors.New("merge the sources: none of them has delivered anything")
	}
	for _, d := range m.docs {
		if id := m.docs[0].Site.Site.ID; d.Site.Site.ID != id {
			return nil, fmt.Errorf("merge the sources: %s describes site %.80q and %s site %.80q: correct site.id of the one that is wrong", m.docs[0].Source, id, d.Source, d.Site.Site.ID)
		}
		if err := d.read(); err != nil {
			return nil, fmt.Errorf("merge the sources: %s: %w", d.Source, err)
		}
	}
	slices.SortStableFunc(m.docs, func(x, y *doc) int {
		return cmp.Or(rank(x)-rank(y), cmp.Compare(x.Source, y.Source), bytes.Compare(x.text, y.text))
	})
	for i, d := range m.docs {
		d.rank = i
	}
	m.match()
	site, err := m.build()
	if err != nil {
		return nil, fmt.Errorf("merge the sources: %w", err)
	}
	m.result.Site = inventory.Normalise(site, regions) // a region of one source may need another's provider
	if len(m.docs) == 1 {
		m.result.Site = m.docs[0].Site
	}
	Sort(m.result.Facts)
	return m.result, nil
}

// Sort puts facts in the order of their paths, those in force first.
func Sort(facts []Fact) {
	slices.SortStableFunc(facts, func(x, y Fact) int {
		return cmp.Or(document.ComparePointers(x.Path, y.Path), -cmp.Compare(number(x.InForce), number(y.InForce)), cmp.Compare(x.Source, y.Source), cmp.Compare(text(x.Value), text(y.Value)))
	})
}

// rank puts declaring sources first: ids and names are theirs, and so is the order of lists.
func rank(d *doc) int { return number(d.Observed) }

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

type merger struct {
	docs   []*doc
	result *Result

	infrastructure, clusters *partition
	ids                      map[*entity]string // final id of infrastructure and clusters
}

// standing tells what a fact about a thing of a kind rests on by the name in its provenance, "" when it has none. What a
// name, or a person's rule about names and tags, tells is to which cluster a node belongs, not the node's own facts.
func standing(source, kind string, in *Input) Standing {
	observed := Declared
	if in.Observed {
		observed = Observed
	}
	base, _, _ := strings.Cut(source, "/")
	if kind == nodeKind {
		base = strings.TrimSuffix(strings.TrimSuffix(base, "-name"), "-rule")
	}
	switch {
	case source == "":
		return observed
	case base == "sku-default", strings.HasSuffix(base, "-name"), strings.HasSuffix(base, "-rule"):
		return Assumed
	case strings.HasSuffix(base, "-request"), strings.HasSuffix(base, "-plan"):
		return Declared
	}
	switch strings.TrimSuffix(base, "-tag") {
	case "azure", "terraform", "hostconfig", "probe":
		return Observed
	case "site-file", "kubernetes", "compose":
		return Declared
	}
	return observed
}

// text is a value as provenance writes it.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // never: it was decoded from JSON
	}
	return string(b)
}
