// Package resilience holds the rules on availability and on the architecture of one cluster. It judges through rule.Judge
// and does no I/O; package rules makes a pack of it.
package resilience

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// Rules returns the rules of the package.
func Rules() []rule.Rule {
	return slices.Concat(haClusterRules(), haDatabaseRules(), haServiceRules(), architectureRules())
}
