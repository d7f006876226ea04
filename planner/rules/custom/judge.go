package custom

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/meridian-federation/meridian/planner/rules"
)

// program is a compiled rule. It is immutable; CEL programs may be used by several goroutines.
type program struct {
	rule                      *ruleText
	when, expression, message cel.Program
}

// prepared is the input of one evaluation in the form that expressions see.
type prepared struct {
	site            map[string]any
	clusters        map[string]map[string]any
	infrastructures map[string]map[string]any
}

func (p *program) judge(w *rules.World) rules.Outcome {
	vars, err := variables(w)
	if err != nil {
		return rules.Outcome{Verdict: rules.Unknown, Message: "The inventory cannot be put before the rule: " + err.Error() + ".", Missing: []string{"inventory of " + w.Site.Site.ID}}
	}
	if p.when != nil {
		applies, unknown := p.ask(w, p.when, vars)
		if unknown != nil {
			return *unknown
		}
		if !applies {
			return rules.Outcome{Verdict: rules.NotApplicable, Message: "The rule does not apply to it."}
		}
	}
	fine, unknown := p.ask(w, p.expression, vars)
	switch {
	case unknown != nil:
		return *unknown
	case fine:
		return rules.Outcome{Verdict: rules.Pass, Message: "It is as the rule wants it."}
	}
	out := rules.Outcome{Verdict: rules.Fail, Message: p.rule.Message, Evidence: map[string]any{"expression": p.rule.Expression}}
	if p.message != nil {
		if text, _, err := p.message.Eval(vars); err == nil {
			if s, ok := text.Value().(string); ok && s != "" {
				out.Message = s
			}
		}
	}
	return out
}

// ask evaluates an expression that has to give a bool. What the document does not have is a missing fact.
func (p *program) ask(w *rules.World, program cel.Program, vars map[string]any) (bool, *rules.Outcome) {
	value, _, err := program.Eval(vars)
	if err == nil {
		if b, ok := value.Value().(bool); ok {
			return b, nil
		}
		return false, &rules.Outcome{Verdict: rules.Unknown, Message: fmt.Sprintf("The expression gives %s instead of true or false.", value.Type().TypeName()), Missing: []string{"result of " + p.rule.ID}}
	}
	text := err.Error()
	if _, key, ok := strings.Cut(text, "no such key: "); ok {
		return false, &rules.Outcome{Verdict: rules.Unknown, Message: "A fact that the rule asks for is not known.", Missing: []string{key + " of " + subject(w)}}
	}
	if strings.Contains(text, "cost limit exceeded") {
		text = fmt.Sprintf("it takes more than %d steps", CostLimit)
	}
	return false, &rules.Outcome{Verdict: rules.Unknown, Message: "The expression cannot be evaluated: " + text + ".", Missing: []string{"result of " + p.rule.ID}}
}

func subject(w *rules.World) string {
	switch {
	case w.Infrastructure != nil:
		return w.Site.Site.ID + "/" + w.Infrastructure.ID
	case w.Cluster != nil:
		return w.Site.Key(w.Cluster)
	}
	return w.Site.Site.ID
}

// variables returns what the expressions see of a subject. The inventory is put in their form once per evaluation.
func variables(w *rules.World) (map[string]any, error) {
	p, ok := w.Prepared.(*prepared)
	if !ok {
		var err error
		if p, err = prepare(w); err != nil {
			return nil, err
		}
		w.Prepared = p
	}
	vars := map[string]any{"site": p.site, "at": w.At}
	if w.Cluster != nil {
		vars["cluster"] = p.clusters[w.Cluster.ID]
	}
	if w.Infrastructure != nil {
		vars["infrastructure"] = p.infrastructures[w.Infrastructure.ID]
	}
	if w.Use != nil {
		use, err := object(w.Use)
		if err != nil {
			return nil, err
		}
		vars["use"] = use
	}
	return vars, nil
}

func prepare(w *rules.World) (*prepared, error) {
	site, err := object(w.Site)
	if err != nil {
		return nil, err
	}
	p := &prepared{site: site, clusters: map[string]map[string]any{}, infrastructures: map[string]map[string]any{}}
	index := func(list any, into map[string]map[string]any) {
		items, _ := list.([]any)
		for _, item := range items {
			if o, ok := item.(map[string]any); ok {
				if id, ok := o["id"].(string); ok {
					into[id] = o
				}
			}
		}
	}
	index(site["clusters"], p.clusters)
	index(site["infrastructure"], p.infrastructures)
	return p, nil
}

// object returns a value as its JSON document reads, with whole numbers as int except where the field takes fractions.
func object(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write the inventory as a document: %w", err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("read the inventory as a document: %w", err)
	}
	typed(out)
	return out, nil
}

// fractions are the fields whose numbers are double, whole or not, so that an expression's type does not depend on the data.
const fractions = " cpu memoryGiB storageGiB growthPerYear availability loadsPerUser "

func typed(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if n, ok := e.(float64); ok && !strings.Contains(fractions, " "+k+" ") && n == math.Trunc(n) {
				v[k] = int64(n)
			} else {
				typed(e)
			}
		}
	case []any:
		for _, e := range v {
			typed(e)
		}
	}
}
