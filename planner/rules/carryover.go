package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// CarryOver returns current with the histories of previous, the findings of an earlier assessment of the same subjects in
// any order. A finding that fails or is unknown keeps FirstSeen and FailingSince of one that failed or was unknown before;
// so unknown neither resets nor ends a failure. A finding that passes or is not applicable has no history, and one that
// fails after that starts anew. A grace that has run out since the failure began is lifted. Neither argument is changed.
func CarryOver(previous, current []Finding) []Finding {
	index := make(map[string]int, len(previous))
	for i := range previous {
		if open(previous[i].Verdict) {
			index[previous[i].ID] = i
		}
	}
	out := slices.Clone(current)
	for i := range out {
		f := &out[i]
		if !open(f.Verdict) {
			f.FirstSeen, f.FailingSince = nil, nil
			continue
		}
		at, known := index[f.ID]
		if !known {
			continue
		}
		if p := &previous[at]; p.FirstSeen != nil {
			f.FirstSeen = p.FirstSeen
		}
		if p := &previous[at]; p.FailingSince != nil {
			moveGrace(f, *p.FailingSince)
			f.FailingSince = p.FailingSince
		}
	}
	return out
}

func open(v Verdict) bool { return v == Fail || v == Unknown }

// moveGrace counts a finding's grace from the instant its failure began.
func moveGrace(f *Finding, since time.Time) {
	if f.FailingSince == nil || !strings.Contains(string(f.Evidence), `"`+rule.GraceUntil+`"`) {
		return
	}
	facts := f.Evidence.Facts()
	until, graced := instant(facts, rule.GraceUntil)
	judged, known := instant(facts, rule.JudgedAt)
	if !graced || !known {
		return
	}
	if until = until.Add(since.Sub(*f.FailingSince)); until.After(judged) {
		facts[rule.GraceUntil] = until.UTC().Format(time.RFC3339Nano)
	} else {
		if s, ok := facts[rule.SeverityAfterGrace].(string); ok {
			f.Severity = Severity(s)
		}
		delete(facts, rule.GraceUntil)
		delete(facts, rule.SeverityAfterGrace)
		delete(facts, rule.JudgedAt)
	}
	f.Evidence = rule.NewEvidence(facts)
}

func instant(facts map[string]any, key string) (time.Time, bool) {
	s, ok := facts[key].(string)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}
