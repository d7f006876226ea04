// Package sharing holds the rules on infrastructure that several clusters use: their isolation in it, and whether they should
// share it at all. It judges through rule.Judge and does no I/O; package rules makes a pack of it.
package sharing

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// Rules returns the rules of the package.
func Rules() []rule.Rule { return slices.Concat(tenancyRules(), sharingRules()) }
