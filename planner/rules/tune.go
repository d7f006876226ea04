package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// tune applies a policy to the pack's defaults. What the policy says wrongly is left at its default; Validate tells.
func (p *Pack) tune(pol *policy.Policy) []rule.Tuned {
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
		t.Disabled = set.Enabled != nil && !*set.Enabled
		if s := Severity(set.Severity); s.Rank() != rule.NoSeverity {
			t.Severity = s
		}
		if set.Grace > 0 {
			t.Grace = time.Duration(set.Grace)
		}
		for k, param := range e.Parameters {
			if v, given := set.Parameters[param.Name]; given {
				if n, err := rule.ParseParameter(param.Kind, v); err == nil {
					t.Values[k] = n
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
		if set.Severity != "" && Severity(set.Severity).Rank() == rule.NoSeverity {
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
			param := parameter(e, name)
			if param == nil {
				add(knownParameters(e, name), fmt.Sprintf("%s has no parameter %q", id, name), id, "parameters", name)
			} else if _, err := rule.ParseParameter(param.Kind, set.Parameters[name]); err != nil {
				add("write it like its default, "+param.Default, err.Error(), id, "parameters", name)
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return document.NewError(problems)
}

func parameter(e *Entry, name string) *Parameter {
	for i := range e.Parameters {
		if e.Parameters[i].Name == name {
			return &e.Parameters[i]
		}
	}
	return nil
}

func knownParameters(e *Entry, name string) string {
	if len(e.Parameters) == 0 {
		return "remove it; the rule takes none"
	}
	names := make([]string, len(e.Parameters))
	for i, p := range e.Parameters {
		names[i] = p.Name
	}
	return "use one of " + strings.Join(names, ", ") + meant(name, names)
}

// meant suggests the word of words that is spelled most like word, if any is close.
func meant(word string, words []string) string {
	if near := document.Nearest(word, words); near != "" {
		return "; " + near + " is spelled alike"
	}
	return ""
}
