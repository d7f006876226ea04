package recommend

import (
	"github.com/meridian-federation/meridian/planner/rules"
)

// sound reports whether a variant fails no hard rule, and remembers the first one it fails.
func (w *world) sound(v *variant) bool {
	if w.Rules == nil {
		return true
	}
	if !v.judged {
		v.judged = true
		v.broken = w.judge(v)
	}
	return v.broken == ""
}

// judge evaluates the rules on a variant's inventory and returns the first hard failure, "" for none. A rule is hard when it
// is critical or high and rests on PTC, Microsoft or the owner's policy; what merely is our inference ranks no option out.
func (w *world) judge(v *variant) string {
	site := v.site
	findings, _ := w.Rules.Judge(rules.Input{
		Site: site, Policy: w.Policy, Regions: w.Regions, At: site.ObservedAt,
		Clusters: []rules.ClusterFacts{{Recognised: w.recognised(v), Sizing: v.size.Result, Availability: v.result, Recommended: v.arch.ID}},
	}, false)
	for i := range findings {
		f := &findings[i]
		if f.Verdict == rules.Fail && f.Severity.Rank() <= rules.High.Rank() && (f.Confidence == rules.Official || f.Confidence == rules.ByPolicy) {
			return f.Rule + ": " + f.Message
		}
	}
	return ""
}
