package operation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

func qualityRules() []rule.Rule {
	return []rule.Rule{
		{Site: inventoryAge, Entry: rule.Entry{
			ID: "DQ-001", Topic: "data-quality", Title: "The inventory is old", Scope: rule.OfSite,
			Severity: rule.High, Severities: []rule.Severity{rule.High, rule.Medium}, Confidence: rule.Inferred,
			Basis:     "The age of the inventory at the instant of the judgement. The limits are assumptions.",
			Why:       "Everything said about the site holds for the instant its inventory was observed. The older that is, the less it says about today.",
			Remedy:    "Find out why the site's planner does not report: planner status on the host tells what it waits for.",
			Reference: rule.RefMeridian,
			Parameters: []rule.Parameter{
				{Name: "late", Kind: rule.DurationParameter, Default: "24h", Unit: "duration", Meaning: "Age from which an inventory is late. Assumption."},
				{Name: "stale", Kind: rule.DurationParameter, Default: "72h", Unit: "duration", Meaning: "Age from which it is stale. Assumption."},
				{Name: "lost", Kind: rule.DurationParameter, Default: "7d", Unit: "duration", Meaning: "Age from which the site counts as lost. Assumption."},
			},
		}},
		{Site: sourcesComplete, Entry: rule.Entry{
			ID: "DQ-002", Topic: "data-quality", Title: "A source of the inventory did not deliver everything", Scope: rule.OfSite,
			Severity: rule.Medium, Confidence: rule.Inferred,
			Basis:     "What the planner's sources report about their last collection.",
			Why:       "What a source did not deliver is missing from the inventory or is as old as its last success.",
			Remedy:    "Bring back what does not answer, give the source the access it lacks, or remove it from the configuration of the planner.",
			Reference: rule.RefMeridian,
		}},
		{Site: plannerVersion, Entry: rule.Entry{
			ID: "DQ-003", Topic: "data-quality", Title: "The planner is older than the hub supports", Scope: rule.OfSite,
			Severity: rule.Medium, Confidence: rule.Inferred,
			Basis:     "The protocol and version that the planner names, compared with the oldest the hub supports.",
			Why:       "The hub accepts the two protocol versions before its own. An older planner's inventories are refused at the next upgrade of the hub, if not already.",
			Remedy:    "Upgrade the planner at the site.",
			Reference: rule.RefMeridian,
		}},
		{Site: attestations, Entry: rule.Entry{
			ID: "DQ-004", Topic: "data-quality", Title: "An attested fact has expired", Scope: rule.OfSite,
			Severity: rule.Medium, Confidence: rule.Inferred,
			Basis:     "The date until which somebody vouched for a fact that no source observes.",
			Why:       "Nobody vouches for the fact any more, yet verdicts rest on it.",
			Remedy:    "Have the fact checked and attest it anew in the site file, or let a source observe it.",
			Reference: rule.RefMeridian,
		}},
		{Site: oneVoice, Entry: rule.Entry{
			ID: "DQ-005", Topic: "data-quality", Title: "Two planners speak for one site", Scope: rule.OfSite,
			Severity: rule.High, Confidence: rule.Inferred,
			Basis:     "The outboxes that the site's heartbeats and inventories come from, heard in turns.",
			Why:       "Each of them replaces what the other has said. What is in force is whatever came last, and may be of another machine or an old copy.",
			Remedy:    "Stop all planners of the site but one. A copied machine or state folder needs a site id and a credential of its own.",
			Reference: rule.RefMeridian,
		}},
	}
}

// inventoryAge is DQ-001. The failure began when the inventory became late, also when it is stale or lost by now.
func inventoryAge(j *rule.Judge) {
	s := j.OfSite()
	if j.View.ObservedAt.IsZero() {
		j.Unknown(s, "When the inventory was observed is not known.", "observedAt of "+s.Site)
		return
	}
	age, late, stale, lost := j.At.Sub(j.View.ObservedAt), j.Duration(0), j.Duration(1), j.Duration(2)
	state, severity := "", rule.Severity("")
	switch {
	case age >= lost:
		state, severity = "lost", rule.High
	case age >= stale:
		state, severity = "stale", rule.High
	case age >= late:
		state, severity = "late", rule.Medium
	default:
		j.Pass(s, "The inventory is recent.")
		return
	}
	since := j.View.ObservedAt.Add(min(late, stale, lost))
	j.Fail(s, rule.Failure{
		Severity: severity, Since: since, Evidence: map[string]any{"state": state, "observedAt": j.View.ObservedAt.UTC().Format(time.RFC3339)},
		Message: fmt.Sprintf("%s is %s: its inventory was observed at %s, %s or more before.", s.Site, state, j.View.ObservedAt.UTC().Format("2006-01-02 15:04 MST"), limitOf(j, state)),
	})
}

// limitOf writes the limit that an inventory in a state has passed, in days where it is whole days.
func limitOf(j *rule.Judge, state string) string {
	d := j.Duration(map[string]int{"late": 0, "stale": 1, "lost": 2}[state])
	if day := 24 * time.Hour; d >= 2*day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + " days"
	}
	return inventory.Duration(d).String()
}

// sourcesComplete is DQ-002.
func sourcesComplete(j *rule.Judge) {
	s := j.OfSite()
	if len(j.View.Sources) == 0 {
		j.Skip(s, "The inventory names no sources.")
		return
	}
	var wrong []string
	var since time.Time
	for i := range j.View.Sources {
		src := &j.View.Sources[i]
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
		j.Fail(s, rule.Failure{Since: since, Evidence: map[string]any{"sources": wrong}, Message: "Sources of " + s.Site + " did not deliver everything: " + strings.Join(wrong, ", ") + "."})
		return
	}
	j.Pass(s, "All sources delivered everything.")
}

// plannerVersion is DQ-003.
func plannerVersion(j *rule.Judge) {
	s, p := j.OfSite(), j.Planner
	if p == nil {
		j.Skip(s, "The site is judged without a planner in view.")
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
		j.Fail(s, rule.Failure{Evidence: evidence, Message: fmt.Sprintf("The planner of %s has %s.", s.Site, rule.Joined(wrong))})
	case len(lacking) > 0:
		j.Unknown(s, "How old the planner is is not known.", lacking...)
	default:
		j.Pass(s, "The hub supports the planner.")
	}
}

// oneVoice is DQ-005. The failure began when the second planner was first heard.
func oneVoice(j *rule.Judge) {
	s := j.OfSite()
	switch {
	case j.Planner == nil:
		j.Skip(s, "The site is judged without a planner in view.")
	case len(j.Planner.Instances) > 1:
		j.Fail(s, rule.Failure{
			Since: j.Planner.Since, Evidence: map[string]any{"instances": j.Planner.Instances},
			Message: fmt.Sprintf("%s is spoken for by %d planners in turns, with the instances %s.", s.Site, len(j.Planner.Instances), rule.Joined(j.Planner.Instances)),
		})
	default:
		j.Pass(s, "One planner speaks for the site.")
	}
}

// attestations is DQ-004. The failure began when the first attestation ran out.
func attestations(j *rule.Judge) {
	s := j.OfSite()
	attested := 0
	var expired []string
	var since time.Time
	for i := range j.View.Provenance {
		p := &j.View.Provenance[i]
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
		j.Skip(s, "No fact is attested.")
	case len(expired) > 0:
		slices.Sort(expired)
		j.Fail(s, rule.Failure{Since: since, Evidence: map[string]any{"expired": expired}, Message: fmt.Sprintf("Of %s %s: %s.", s.Site, rule.Count(len(expired), "attested fact has expired", "attested facts have expired"), strings.Join(expired, ", "))})
	default:
		j.Pass(s, "All attested facts are valid.")
	}
}
