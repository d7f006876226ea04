// Package location holds the rules on where parts run: colocation of ThingWorx with what it depends on, and residency of
// data. It judges through rule.Judge and does no I/O; package rules makes a pack of it.
package location

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// Rules returns the rules of the package.
func Rules() []rule.Rule { return slices.Concat(colocationRules(), residencyRules()) }
