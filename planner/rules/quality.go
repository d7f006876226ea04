package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
)

func qualityRules() []rule {
	return []rule{
		{site: inventoryAge, Entry: Entry{ID: "DQ-001", Topic: "data-quality", Title: "The inventory is old", Scope: OfSite,
			Severity: High, Severities: []Severity{High, Medium}, Confidence: Inferred,
			Basis:     "The age of the inventory at the instant of the judgement. The limits are assumptions.",
			Why:       "Everything said about the site holds for the instant its inventory was observed. The older that is, the less it says about today.",
			Remedy:    "Find out why the site's planner does not report: planner status on the host tells what it waits for.",
			Reference: refMeridian,
			Parameters: []Parameter{
				{Name: "late", Kind: DurationParameter, Default: "24h", Unit: "duration", Meaning: "Age from which an inventory is late. Assumption."},
				{Name: "stale", Kind: DurationParameter, Default: "72h", Unit: "duration", Meaning: "Age from which it is stale. Assumption."},
				{Name: "lost", Kind: DurationParameter, Default: "7d", Unit: "duration", Meaning: "Age from which the site counts as lost. Assumption."}}}},
		{site: sourcesComplete, Entry: Entry{ID: "DQ-002", Topic: "data-quality", Title: "A source of the inventory did not deliver everything", Scope: OfSite,
			Severity: Medium, Confidence: Inferred,
			Basis:     "What the planner's sources report about their last collection.",
			Why:       "What a source did not deliver is missing from the inventory or is as old as its last success.",
			Remedy:    "Give the source the access it lacks, or remove it from the planner's configuration.",
			Reference: refMeridian}},
		{site: plannerVersion, Entry: Entry{ID: "DQ-003", Topic: "data-quality", Title: "The planner is older than the hub supports", Scope: OfSite,
			Severity: Medium, Confidence: Inferred,
			Basis:     "The protocol and version that the planner names, compared with the oldest the hub supports.",
			Why:       "The hub accepts the two protocol versions before its own. An older planner's inventories are refused at the next upgrade of the hub, if not already.",
			Remedy:    "Upgrade the planner at the site.",
			Reference: refMeridian}},
		{site: attestations, Entry: Entry{ID: "DQ-004", Topic: "data-quality", Title: "An attested fact has expired", Scope: OfSite,
			Severity: Medium, Confidence: Inferred,
			Basis:     "The date until which somebody vouched for a fact that no source observes.",
			Why:       "Nobody vouches for the fact any more, yet verdicts rest on it.",
			Remedy:    "Have the fact checked and attest it anew in the site file, or let a source observe it.",
			Reference: refMeridian}},
	}
}

// inventoryAge is DQ-001. The failure began when the inventory became late, also when it is stale or lost by now.
func inventoryAge(j *judge) {
	s := j.ofSite()
	if j.site.ObservedAt.IsZero() {
		j.unknown(s, "When the inventory was observed is not known.", "observedAt of "+s.Site)
		return
	}
	age, late, stale, lost := j.At.Sub(j.site.ObservedAt), j.tuned.duration(0), j.tuned.duration(1), j.tuned.duration(2)
	state, severity := "", Severity("")
	switch {
	case age >= lost:
		state, severity = "lost", High
	case age >= stale:
		state, severity = "stale", High
	case age >= late:
		state, severity = "late", Medium
	default:
		j.pass(s, "The inventory is recent.")
		return
	}
	since := j.site.ObservedAt.Add(min(late, stale, lost))
	j.fail(s, failure{severity: severity, since: since, evidence: map[string]any{"state": state, "observedAt": j.site.ObservedAt.UTC().Format(time.RFC3339)},
		message: fmt.Sprintf("%s is %s: its inventory was observed at %s, %s or more before.", s.Site, state, j.site.ObservedAt.UTC().Format("2006-01-02 15:04 MST"), j.limit(state))})
}

// limit writes the limit that an inventory in a state has passed, in days where it is whole days.
func (j *judge) limit(state string) string {
	d := j.tuned.duration(map[string]int{"late": 0, "stale": 1, "lost": 2}[state])
	if day := 24 * time.Hour; d >= 2*day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + " days"
	}
	return inventory.Duration(d).String()
}

// sourcesComplete is DQ-002.
func sourcesComplete(j *judge) {
	s := j.ofSite()
	if len(j.site.Sources) == 0 {
		j.skip(s, "The inventory names no sources.")
		return
	}
	var wrong []string
	var since time.Time
	for i := range j.site.Sources {
		src := &j.site.Sources[i]
		if src.Status == inventory.SourceOK {
			continue
		}
		text := src.Name + " " + string(src.Status)
		if src.Detail != "" {
			text += " (" + src.Detail + ")"
		}
		wrong = append(wrong, text)
		if !src.At.IsZero() && (since.IsZero() || src.At.Before(since)) {
			since = src.At
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		j.fail(s, failure{since: since, evidence: map[string]any{"sources": wrong}, message: "Sources of " + s.Site + " did not deliver everything: " + strings.Join(wrong, ", ") + "."})
		return
	}
	j.pass(s, "All sources delivered everything.")
}

// plannerVersion is DQ-003.
func plannerVersion(j *judge) {
	s, p := j.ofSite(), j.Planner
	if p == nil {
		j.skip(s, "The site is judged without a planner in view.")
		return
	}
	var lacking, wrong []string
	evidence := map[string]any{}
	switch {
	case p.OldestProtocol == 0:
	case p.Protocol == 0:
		lacking = append(lacking, "protocol of the planner of "+s.Site)
	case p.Protocol < p.OldestProtocol:
		wrong = append(wrong, fmt.Sprintf("protocol %d where the hub supports %d and later", p.Protocol, p.OldestProtocol))
		evidence["protocol"], evidence["oldestProtocol"] = p.Protocol, p.OldestProtocol
	}
	if p.OldestVersion != "" {
		major, minor, _ := facts.MajorMinor(p.OldestVersion)
		switch recent, known := facts.AtLeast(p.Version, major, minor); {
		case !known:
			lacking = append(lacking, "version of the planner of "+s.Site)
		case !recent:
			wrong = append(wrong, fmt.Sprintf("version %s where it supports %s and later", p.Version, p.OldestVersion))
			evidence["version"], evidence["oldestVersion"] = p.Version, p.OldestVersion
		}
	}
	switch {
	case len(wrong) > 0:
		j.fail(s, failure{evidence: evidence, message: fmt.Sprintf("The planner of %s has %s.", s.Site, joined(wrong))})
	case len(lacking) > 0:
		j.unknown(s, "How old the planner is is not known.", lacking...)
	default:
		j.pass(s, "The hub supports the planner.")
	}
}

// attestations is DQ-004. The failure began when the first attestation ran out.
func attestations(j *judge) {
	s := j.ofSite()
	attested := 0
	var expired []string
	var since time.Time
	for i := range j.site.Provenance {
		p := &j.site.Provenance[i]
		if p.AttestedUntil.IsZero() {
			continue
		}
		attested++
		if p.AttestedUntil.After(j.At) {
			continue
		}
		expired = append(expired, p.Path+" ("+p.AttestedUntil.UTC().Format("2006-01-02")+")")
		if since.IsZero() || p.AttestedUntil.Before(since) {
			since = p.AttestedUntil
		}
	}
	switch {
	case attested == 0:
		j.skip(s, "No fact is attested.")
	case len(expired) > 0:
		slices.Sort(expired)
		j.fail(s, failure{since: since, evidence: map[string]any{"expired": expired}, message: fmt.Sprintf("Of %s %s: %s.", s.Site, count(len(expired), "attested fact has expired", "attested facts have expired"), strings.Join(expired, ", "))})
	default:
		j.pass(s, "All attested facts are valid.")
	}
}
