// Package operation holds the rules on sizing, configuration, federation of ThingWorx servers and the quality of the inventory.
// It judges through rule.Judge and does no I/O; package rules makes a pack of it.
package operation

import (
	"slices"

	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// Rules returns the rules of the package.
func Rules() []rule.Rule {
	return slices.Concat(sizingRules(), configurationRules(), federationRules(), qualityRules())
}
