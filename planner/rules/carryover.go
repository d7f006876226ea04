package rules

import (
	"maps"
	"slices"
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
	until, graced := evidenceTime(f, rule.GraceUntil)
	judged, known := evidenceTime(f, rule.JudgedAt)
	if !graced || !known || f.FailingSince == nil {
		return
	}
	f.Evidence = maps.Clone(f.Evidence)
	if until = until.Add(since.Sub(*f.FailingSince)); until.After(judged) {
		f.Evidence[rule.GraceUntil] = until.UTC().Format(time.RFC3339Nano)
		return
	}
	if s, ok := f.Evidence[rule.SeverityAfterGrace].(string); ok {
		f.Severity = Severity(s)
	}
	delete(f.Evidence, rule.GraceUntil)
	delete(f.Evidence, rule.SeverityAfterGrace)
	delete(f.Evidence, rule.JudgedAt)
	if len(f.Evidence) == 0 {
		f.Evidence = nil
	}
}

func evidenceTime(f *Finding, key string) (time.Time, bool) {
	s, ok := f.Evidence[key].(string)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}
