package cli

import (
	"fmt"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

// export is what goes to other tools: findings, and what could not be read.
type export struct {
	findings []rules.Finding
	entries  []rules.Entry // of the rules that judged, as far as they are known here
	at       time.Time
	sites    []string
	places   *places // nil when no file lists the subjects
	problems []document.Problem
}

func (e *Environment) exchange(f output.Format, x export) error {
	if f == formatSARIF {
		return writeSARIF(e.Stdout, x, e.Version)
	}
	if f == formatJUnit {
		return writeJUnit(e.Stdout, x)
	}
	return fmt.Errorf("output format %q: it does not carry findings", f)
}

func (x *export) entry(id string) (rules.Entry, bool) {
	for i := range x.entries {
		if x.entries[i].ID == id {
			return x.entries[i], true
		}
	}
	return rules.Entry{}, false
}

func (x *export) place(s rules.Subject) (place, bool) {
	if x.places == nil {
		return place{}, false
	}
	return x.places.of(s)
}
