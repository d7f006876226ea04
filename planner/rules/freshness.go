package rules

import (
	"time"

	"github.com/meridian-federation/meridian/planner/policy"
)

// Freshness returns the ages of an inventory at which DQ-001 changes its judgement without any new fact, ascending.
func (p *Pack) Freshness(pol *policy.Policy) []time.Duration {
	tuned := p.tune(pol)
	for i := range p.rules {
		if p.rules[i].ID != "DQ-001" {
			continue
		}
		out := make([]time.Duration, len(p.rules[i].Parameters))
		for k := range out {
			out[k] = tuned[i].Duration(k)
		}
		return out
	}
	return nil
}
