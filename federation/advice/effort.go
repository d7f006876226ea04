package advice

import (
	_ "embed"
	"fmt"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
)

// EffortKind heads a file of efforts.
const EffortKind = "Effort"

//go:embed effort.json
var effortFile []byte

// Effort says how many hours of work things take and what a gain counts. Nobody publishes such figures: all of them are assumptions, and a
// file of the user's replaces them.
type Effort struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Name       string             `json:"name,omitempty"`
	Actions    map[string]float64 `json:"actions"` // hours for consolidate, separate, upgrade (of one cluster) and move-database
	Rules      map[string]float64 `json:"rules"`   // hours to mend one finding of a rule
	Other      float64            `json:"other"`   // hours for whatever has no figure of its own
	Weights    Weights            `json:"weights"`
}

// Weights make one figure of gains: what an hour of downtime a year less, a region mismatch less, and a finding less count.
type Weights struct {
	Hour     float64 `json:"hour"`
	Mismatch float64 `json:"mismatch"`
	Critical float64 `json:"critical"`
	High     float64 `json:"high"`
	Medium   float64 `json:"medium"`
	Low      float64 `json:"low"`
	Info     float64 `json:"info"`
}

func (w *Weights) of(s rules.Severity) float64 {
	switch s {
	case rules.Critical:
		return w.Critical
	case rules.High:
		return w.High
	case rules.Medium:
		return w.Medium
	case rules.Low:
		return w.Low
	}
	return w.Info
}

// DefaultEffort are the built-in assumptions. It fails only when the embedded file is broken, which tests exclude.
func DefaultEffort() (*Effort, error) { return ParseEffort("effort.json", effortFile) }

// ParseEffort reads a file of efforts (YAML or JSON). The error is a *document.Error.
func ParseEffort(name string, data []byte) (*Effort, error) {
	e := new(Effort)
	places, err := document.DecodeAt(name, data, e)
	if err != nil {
		return nil, err
	}
	var problems []document.Problem
	fail := func(path, what, remedy string) { problems = append(problems, places.Problem(path, what, remedy)) }
	if e.APIVersion != inventory.APIVersion {
		fail("/apiVersion", fmt.Sprintf("apiVersion is %q", e.APIVersion), "write "+inventory.APIVersion)
	}
	if e.Kind != EffortKind {
		fail("/kind", fmt.Sprintf("kind is %q", e.Kind), "write "+EffortKind)
	}
	positive := func(path string, v float64) {
		if !(v > 0) {
			fail(path, fmt.Sprintf("%v hours is no effort", v), "write a number above 0")
		}
	}
	positive("/other", e.Other)
	for k, v := range e.Actions {
		positive(document.Pointer("/actions", k), v)
	}
	for k, v := range e.Rules {
		positive(document.Pointer("/rules", k), v)
	}
	w := e.Weights
	for _, v := range []float64{w.Hour, w.Mismatch, w.Critical, w.High, w.Medium, w.Low, w.Info} {
		if !(v >= 0) {
			fail("/weights", fmt.Sprintf("%v is no weight", v), "write a number of at least 0")
		}
	}
	if err := document.NewError(problems); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Effort) action(name string) float64 {
	if v, ok := e.Actions[name]; ok {
		return v
	}
	return e.Other
}

func (e *Effort) rule(id string) float64 {
	if v, ok := e.Rules[id]; ok {
		return v
	}
	return e.Other
}
