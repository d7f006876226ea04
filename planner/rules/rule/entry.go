package rule

import (
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
)

// Scope is the kind of subject a rule judges.
type Scope string

// Scopes. An infrastructure rule judges each use of an infrastructure by a cluster, or the infrastructure itself when its
// subject names no cluster.
const (
	OfSite           Scope = "site"
	OfCluster        Scope = "cluster"
	OfInfrastructure Scope = "infrastructure"
)

// Rule is a catalogue entry with its evaluation: over the site, over each cluster, or both.
type Rule struct {
	Entry
	Site    func(*Judge)
	Cluster func(*Judge, *facts.Cluster)
}

// Entry is a rule's page in the catalogue. All texts a person reads about a rule come from it.
type Entry struct {
	ID         string     `json:"id"`
	Topic      string     `json:"topic"`
	Title      string     `json:"title"`
	Scope      Scope      `json:"scope"`
	Severity   Severity   `json:"severity"`             // the worst it gives
	Severities []Severity `json:"severities,omitempty"` // all it gives, when more than one
	Confidence Confidence `json:"confidence"`
	Basis      string     `json:"basis"` // what it rests on, and what of it is inferred
	Why        string     `json:"why"`
	Remedy     string     `json:"remedy"`
	Reference  string     `json:"reference"`
	// Versions is the range of ThingWorx versions it applies to; a cluster known to be outside is not-applicable.
	Versions      *Versions          `json:"versions,omitempty"`
	Parameters    []Parameter        `json:"parameters,omitempty"`
	Grace         inventory.Duration `json:"grace,omitzero"` // for how long a new failure is shown as info only
	Contradiction *Contradiction     `json:"contradiction,omitempty"`
}

// Versions is a range of ThingWorx versions, major.minor, the first included and the last excluded; "" is open.
type Versions struct {
	From   string `json:"from,omitempty"`
	Before string `json:"before,omitempty"`
}

// ParameterKind says how a parameter is written.
type ParameterKind string

// Kinds of parameter: 20ms, 168h or 7d; 15000; 10%.
const (
	DurationParameter ParameterKind = "duration"
	NumberParameter   ParameterKind = "number"
	PercentParameter  ParameterKind = "percent"
)

// Parameter is a number of a rule that policy may set.
type Parameter struct {
	Name    string        `json:"name"`
	Kind    ParameterKind `json:"kind"`
	Default string        `json:"default"`
	Unit    string        `json:"unit"`
	Meaning string        `json:"meaning"` // with the source of the default, or that it is an assumption
}

// Contradiction is advice of a generic cloud adviser that says the opposite of a rule, and what to do about it.
type Contradiction struct {
	Source string `json:"source"`
	Advice string `json:"advice"` // its id there
	Says   string `json:"says"`
	Wins   []Win  `json:"wins"`
	Why    string `json:"why"`
	Waiver string `json:"waiver"` // ready text for an exemption in the other tool
}

// Win says which side holds for which components.
type Win struct {
	Components []string `json:"components"`
	Side       string   `json:"side"`
	Why        string   `json:"why"`
}

// Active is the range of versions with active-active clustering, whose settings and parts the clustering rules name.
func Active() *Versions { return &Versions{From: "9.0"} }

// Copy returns the entry with lists of its own.
func (e Entry) Copy() Entry {
	e.Severities = append([]Severity(nil), e.Severities...)
	e.Parameters = append([]Parameter(nil), e.Parameters...)
	if e.Versions != nil {
		v := *e.Versions
		e.Versions = &v
	}
	if e.Contradiction != nil {
		c := *e.Contradiction
		c.Wins = append([]Win(nil), c.Wins...)
		e.Contradiction = &c
	}
	return e
}
