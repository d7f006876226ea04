package custom

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// CasesKind heads every file of cases.
const CasesKind = "RuleCases"

type caseSet struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Cases      []ruleCase `json:"cases"`
}

// ruleCase says which verdict a rule has to give on an inventory. With several subjects one of them has to get it, and for
// pass and not-applicable none may fail or be unknown.
type ruleCase struct {
	Name      string          `json:"name"`
	Rule      string          `json:"rule"`
	Expect    rules.Verdict   `json:"expect"`
	At        time.Time       `json:"at,omitzero"` // of the judgement; the inventory's observation when not given
	Inventory json.RawMessage `json:"inventory"`
}

// Verify judges the cases of a file by rules compiled before. The error is a *document.Error that names the place of every
// case that is not as expected, and every rule that has no case that fails and none that passes.
func Verify(extras []rules.Extra, name string, data []byte, regions *geo.Table) error {
	var set caseSet
	places, err := document.DecodeAt(name, data, &set)
	if err != nil {
		return err
	}
	pack, err := rules.Builtin().With(extras)
	if err != nil {
		return fmt.Errorf("verify cases: %w", err)
	}
	var problems document.Collector
	if set.APIVersion != inventory.APIVersion || set.Kind != CasesKind {
		problems.Add(places.Problem("/kind", "this is not a file of cases", "write apiVersion: "+inventory.APIVersion+" and kind: "+CasesKind))
	}
	tried := map[string]map[rules.Verdict]bool{}
	for i := range set.Cases {
		c, pointer := &set.Cases[i], "/cases/"+strconv.Itoa(i)
		if !known(extras, c.Rule) {
			problems.Add(places.Problem(pointer+"/rule", fmt.Sprintf("there is no rule %q", c.Rule), "name a rule of the files beside it"))
			continue
		}
		site, err := inventory.Parse(name, c.Inventory, regions)
		if err != nil {
			problems.Add(places.Problem(pointer+"/inventory", "the inventory is not valid: "+err.Error(), ""))
			continue
		}
		site = inventory.Normalise(site, regions)
		in := rules.Input{Site: site, Shared: tenancy.Of(site, nil), Regions: regions, At: c.At}
		if c.At.IsZero() {
			in.At = site.ObservedAt
		}
		if tried[c.Rule] == nil {
			tried[c.Rule] = map[rules.Verdict]bool{}
		}
		tried[c.Rule][c.Expect] = true
		if got, message := worst(c.Rule, pack.Evaluate(in)); got != c.Expect {
			problems.Add(places.Problem(pointer+"/expect", fmt.Sprintf("%s of case %q is %s, not %s: %s", c.Rule, c.Name, got, c.Expect, message), "correct the rule or the case"))
		}
	}
	for _, x := range extras {
		for _, v := range []rules.Verdict{rules.Fail, rules.Pass} {
			if !tried[x.Entry.ID][v] {
				problems.Add(places.Problem("/cases", fmt.Sprintf("rule %s has no case that expects %s", x.Entry.ID, v), "add one"))
			}
		}
	}
	return problems.Err()
}

func known(extras []rules.Extra, id string) bool {
	for _, x := range extras {
		if x.Entry.ID == id {
			return true
		}
	}
	return false
}

// worst returns the worst verdict of a rule over all subjects: fail, unknown, pass, not-applicable.
func worst(rule string, findings []rules.Finding) (rules.Verdict, string) {
	for _, v := range []rules.Verdict{rules.Fail, rules.Unknown, rules.Pass, rules.NotApplicable} {
		for i := range findings {
			if findings[i].Rule == rule && findings[i].Verdict == v {
				return v, findings[i].Message
			}
		}
	}
	return rules.NotApplicable, "the inventory has no subject for it"
}
