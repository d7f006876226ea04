// Package whatif answers what would be if the federation changed: it puts a set of changes over a view of the federation without
// touching it, judges what they concern and nothing else, and compares. It is pure; the hub gives it a view, and the command line one
// over files.
package whatif

import (
	"errors"
	"fmt"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/simulate"
)

// Kind heads a document of changes.
const Kind = "WhatIf"

// maxChanges bounds a request.
const maxChanges = 100

// Request is a set of changes, made one after the other; what is lost is lost at the end, all at once.
type Request struct {
	APIVersion string   `json:"apiVersion,omitempty"`
	Kind       string   `json:"kind,omitempty"`
	Changes    []Change `json:"changes"`
}

// Change is one change. Which fields it takes depends on Do.
type Change struct {
	Do Action `json:"do"`
	// Cluster, site/cluster, is the one whose database moves or that is upgraded.
	Cluster string `json:"cluster,omitempty"`
	// Site is the one that is merged into another, upgraded whole, or whose document is set.
	Site    string `json:"site,omitempty"`
	Into    string `json:"into,omitempty"`    // site that takes the other's clusters and infrastructure
	To      string `json:"to,omitempty"`      // region, or provider/region
	Version string `json:"version,omitempty"` // of ThingWorx
	What    string `json:"what,omitempty"`    // what is lost, KIND:ID as simulate has it
	// Pointer is a JSON pointer into the site's document. Instead of a position in a list it may have the id, name or kind of an item, as
	// in /clusters/prod/objectives/availability.
	Pointer string `json:"pointer,omitempty"`
	Value   any    `json:"value,omitempty"` // absent or null removes
}

// Action is what a change does.
type Action string

// Actions.
const (
	MoveDatabase Action = "move-database"
	Lose         Action = "lose"
	Merge        Action = "merge"
	Upgrade      Action = "upgrade"
	Set          Action = "set"
)

// Actions lists all.
func Actions() []Action { return []Action{MoveDatabase, Lose, Merge, Upgrade, Set} }

// Parse reads a document of changes (YAML or JSON). The error is a *document.Error.
func Parse(name string, data []byte) (*Request, error) {
	r := new(Request)
	places, err := document.DecodeAt(name, data, r)
	if err != nil {
		return nil, err
	}
	problems := r.problems()
	if r.APIVersion != inventory.APIVersion {
		problems = append(problems, problem{"/apiVersion", fmt.Sprintf("apiVersion is %q", r.APIVersion), "write " + inventory.APIVersion})
	}
	if r.Kind != Kind {
		problems = append(problems, problem{"/kind", fmt.Sprintf("kind is %q", r.Kind), "write " + Kind})
	}
	var out []document.Problem
	for _, p := range problems {
		out = append(out, places.Problem(p.path, p.what, p.remedy))
	}
	if err := document.NewError(out); err != nil {
		return nil, err
	}
	return r, nil
}

// Validate checks a request that came without a document's head. The error is a *document.Error.
func (r *Request) Validate() error {
	var out []document.Problem
	for _, p := range r.problems() {
		out = append(out, document.Problem{Path: p.path, What: p.what, Remedy: p.remedy})
	}
	return document.NewError(out)
}

type problem struct{ path, what, remedy string }

func (r *Request) problems() []problem {
	var out []problem
	if n := len(r.Changes); n == 0 || n > maxChanges {
		out = append(out, problem{"/changes", fmt.Sprintf("there are %d changes", n), fmt.Sprintf("give 1 to %d", maxChanges)})
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		at := fmt.Sprintf("/changes/%d", i)
		need := func(field, value, example string) {
			if value == "" {
				out = append(out, problem{at, fmt.Sprintf("%s needs %s", c.Do, field), "write " + field + ": " + example})
			}
		}
		switch c.Do {
		case MoveDatabase:
			need("cluster", c.Cluster, "muc-01/prod")
			need("to", c.To, "westeurope")
		case Lose:
			if _, err := simulate.ParseFailure(c.What); err != nil {
				out = append(out, problem{at + "/what", fmt.Sprintf("%q names nothing that could be lost", c.What), "write KIND:ID, for example region:azure/westeurope"})
			}
		case Merge:
			need("site", c.Site, "ham-03")
			need("into", c.Into, "ber-02")
			if c.Site != "" && c.Site == c.Into {
				out = append(out, problem{at + "/into", "a site is merged into itself", "name two sites"})
			}
		case Upgrade:
			need("version", c.Version, `"9.6.2"`)
			if (c.Cluster == "") == (c.Site == "") {
				out = append(out, problem{at, "an upgrade needs either cluster or site", "write cluster: muc-01/prod, or site: muc-01 for all its clusters"})
			}
		case Set:
			need("site", c.Site, "muc-01")
			need("pointer", c.Pointer, "/clusters/prod/objectives/availability")
		default:
			remedy := "write one of move-database, lose, merge, upgrade, set"
			if near := document.Nearest(string(c.Do), []string{"move-database", "lose", "merge", "upgrade", "set"}); near != "" {
				remedy = "write " + near + ", or another of move-database, lose, merge, upgrade, set"
			}
			out = append(out, problem{at + "/do", fmt.Sprintf("%q is no change", c.Do), remedy})
		}
	}
	return out
}

// Error tells which change is not possible and why.
type Error struct {
	Change int // position in the request
	Err    error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("change %d: %v", e.Change+1, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrTooWide is returned when changes concern more sites than are judged for one answer.
var ErrTooWide = errors.New("the changes concern too many sites to be judged for one answer")
