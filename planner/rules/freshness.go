package rules

import (
	"time"

	"github.com/meridian-federation/meridian/planner/policy"
)

// Number returns what a policy makes of a rule's parameter that is a number. ok is false when the pack has none of that name.
func (p *Pack) Number(pol *policy.Policy, id, parameter string) (value float64, ok bool) {
	tuned := p.tune(pol)
	for i := range p.rules {
		if p.rules[i].ID != id {
			continue
		}
		for k := range p.rules[i].Parameters {
			if x := &p.rules[i].Parameters[k]; x.Name == parameter && x.Kind == NumberParameter {
				return tuned[i].Values[k], true
			}
		}
	}
	return 0, false
}

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
