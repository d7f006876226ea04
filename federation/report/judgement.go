package report

import (
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/rules"
)

// judgement collects what decides about a status.
type judgement struct {
	counts                Verdicts
	fails, unknown, waive []string // ids of rules at or above the threshold, each once
}

func (j *judgement) count(f *Finding, threshold rules.Severity) {
	j.counts.add(f)
	d := &f.decides
	if d.severity.Rank() > threshold.Rank() {
		return
	}
	note := func(of *[]string) {
		if !slices.Contains(*of, d.rule) {
			*of = append(*of, d.rule)
		}
	}
	switch {
	case f.Waived:
		note(&j.waive)
	case d.verdict == rules.Fail:
		note(&j.fails)
	case d.verdict != rules.Pass && d.verdict != rules.NotApplicable:
		note(&j.unknown)
	}
}

func (v *Verdicts) add(f *Finding) {
	switch {
	case f.Waived:
		v.Waived++
	case f.decides.verdict == rules.Fail:
		v.Fail++
	case f.decides.verdict == rules.Pass:
		v.Pass++
	case f.decides.verdict == rules.NotApplicable:
		v.NotApplicable++
	default:
		v.Unknown++
	}
}

// status decides, with the reasons. freshness is that of the site.
func (j *judgement) status(freshness string) (Status, []string) {
	var because []string
	list := func(what string, of []string) {
		if len(of) > 0 {
			slices.Sort(of)
			because = append(because, what+" "+strings.Join(of, ", "))
		}
	}
	list("fails", j.fails)
	list("cannot be judged by", j.unknown)
	switch freshness {
	case NoData:
		because = append(because, "no assessment at or before the instant of the report")
	case Stale:
		because = append(because, "the observation is too old")
	}
	list("waived for", j.waive)
	switch {
	case len(j.fails) > 0:
		return NonCompliant, because
	case len(j.unknown) > 0 || freshness != Fresh:
		return NotKnown, because
	case len(j.waive) > 0:
		return Waived, because
	}
	return Compliant, nil
}
