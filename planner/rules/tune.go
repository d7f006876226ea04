package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/policy"
)

// tuned is a rule's catalogue entry under a policy. Durations are in seconds, percentages in shares of one.
type tuned struct {
	disabled bool
	severity Severity // "" leaves the rule's own
	grace    time.Duration
	values   [3]float64 // in the order of Entry.Parameters
}

func (t *tuned) number(i int) float64 { return t.values[i] }
func (t *tuned) duration(i int) time.Duration {
	return time.Duration(t.values[i] * float64(time.Second))
}

// defaults holds for every built-in entry; a test proves that every default parses.
func defaults(e *Entry) tuned {
	t := tuned{grace: time.Duration(e.Grace)}
	for i, p := range e.Parameters {
		t.values[i], _ = parseParameter(p.Kind, p.Default)
	}
	return t
}

// tune applies a policy to the pack's defaults. What the policy says wrongly is left at its default; Validate tells.
func (p *Pack) tune(pol *policy.Policy) []tuned {
	if pol == nil || len(pol.Rules) == 0 {
		return p.defaults
	}
	out := slices.Clone(p.defaults)
	for i := range p.rules {
		e := &p.rules[i].Entry
		set, ok := pol.Rules[e.ID]
		if !ok {
			continue
		}
		t := &out[i]
		t.disabled = set.Enabled != nil && !*set.Enabled
		if s := Severity(set.Severity); s.Rank() < len(Severities()) {
			t.severity = s
		}
		if set.Grace > 0 {
			t.grace = time.Duration(set.Grace)
		}
		for k, param := range e.Parameters {
			if v, given := set.Parameters[param.Name]; given {
				if n, err := parseParameter(param.Kind, v); err == nil {
					t.values[k] = n
				}
			}
		}
	}
	return out
}

// Validate reports everything in a policy's rules that the pack does not understand: unknown rules, severities and
// parameters, and values of the wrong kind. The error is a *document.Error; paths are JSON pointers into the policy.
func (p *Pack) Validate(pol *policy.Policy) error {
	if pol == nil {
		return nil
	}
	var problems []document.Problem
	add := func(remedy, what string, path ...string) {
		pointer := "/rules"
		for _, token := range path {
			pointer = document.Pointer(pointer, token)
		}
		problems = append(problems, document.Problem{Path: pointer, What: what, Remedy: remedy})
	}
	ids := make([]string, 0, len(pol.Rules))
	for id := range pol.Rules {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		set := pol.Rules[id]
		e := p.find(id)
		if e == nil {
			add("use an id of the rule pack"+meant(id, p.ids()), fmt.Sprintf("there is no rule %q", id), id)
			continue
		}
		if set.Severity != "" && Severity(set.Severity).Rank() == len(Severities()) {
			add("use critical, high, medium, low or info", fmt.Sprintf("%q is not a severity", set.Severity), id, "severity")
		}
		if set.Grace < 0 {
			add("use a duration of zero or more", fmt.Sprintf("the grace %s is negative", set.Grace), id, "grace")
		}
		names := make([]string, 0, len(set.Parameters))
		for name := range set.Parameters {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			param := e.parameter(name)
			if param == nil {
				add(e.knownParameters(name), fmt.Sprintf("%s has no parameter %q", id, name), id, "parameters", name)
			} else if _, err := parseParameter(param.Kind, set.Parameters[name]); err != nil {
				add("write it like its default, "+param.Default, err.Error(), id, "parameters", name)
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return document.NewError(problems)
}

func (e *Entry) parameter(name string) *Parameter {
	for i := range e.Parameters {
		if e.Parameters[i].Name == name {
			return &e.Parameters[i]
		}
	}
	return nil
}

func (e *Entry) knownParameters(name string) string {
	if len(e.Parameters) == 0 {
		return "remove it; the rule takes none"
	}
	names := make([]string, len(e.Parameters))
	for i, p := range e.Parameters {
		names[i] = p.Name
	}
	return "use one of " + strings.Join(names, ", ") + meant(name, names)
}

// parseParameter reads a parameter by its kind. Spaces between digits and before a unit are allowed; d stands for 24h.
func parseParameter(kind ParameterKind, text string) (float64, error) {
	s := strings.ReplaceAll(strings.TrimSpace(text), " ", "")
	switch kind {
	case DurationParameter:
		days, ok := strings.CutSuffix(s, "d")
		if n, err := strconv.ParseFloat(days, 64); ok && err == nil && n >= 0 && n <= 36500 {
			return n * 24 * 3600, nil
		}
		if d, err := time.ParseDuration(s); err == nil && d >= 0 {
			return d.Seconds(), nil
		}
		return 0, fmt.Errorf("%q is not a duration; write a number and a unit, for example 20ms, 24h or 7d", text)
	case PercentParameter:
		share, ok := strings.CutSuffix(s, "%")
		if n, err := strconv.ParseFloat(share, 64); ok && err == nil && n >= 0 && n <= 100 {
			return n / 100, nil
		}
		return 0, fmt.Errorf("%q is not a percentage; write a number from 0 to 100 and %%, for example 10%%", text)
	default:
		if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 && !math.IsInf(n, 0) {
			return n, nil
		}
		return 0, fmt.Errorf("%q is not a number of zero or more", text)
	}
}

// meant suggests the word of words that is spelled most like word, if any is close.
func meant(word string, words []string) string {
	if near := document.Nearest(word, words); near != "" {
		return "; " + near + " is spelled alike"
	}
	return ""
}
