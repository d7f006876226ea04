// Package opa judges inventories by twenty rules of the built-in pack written in Rego, with Open Policy Agent's own
// library. It is the peer that the product's rules are measured against, and part of no program of the product.
package opa

import (
	"context"
	_ "embed" // For the rules.
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
)

//go:embed rules.rego
var module string

// Rules lists the ids of the rules written in Rego. The slice is the caller's.
func Rules() []string {
	return []string{
		"ARC-002", "ARC-003", "ARC-006", "CFG-001", "CFG-003", "COL-001", "COL-002", "COL-003", "COL-005", "COL-006", "COL-008",
		"HA-001", "HA-002", "HA-004", "HA-005", "HA-006", "HA-007", "HA-014", "HA-016", "SIZ-001",
	}
}

// Finding is one rule's verdict on one subject; Infrastructure is an id within the site, "" for the cluster itself.
type Finding struct{ Rule, Cluster, Infrastructure, Verdict string }

// Compare orders findings by cluster, rule and infrastructure.
func Compare(a, b Finding) int {
	return slices.Compare([]string{a.Cluster, a.Rule, a.Infrastructure, a.Verdict}, []string{b.Cluster, b.Rule, b.Infrastructure, b.Verdict})
}

// Engine is the prepared query. It is safe for concurrent use.
type Engine struct{ query rego.PreparedEvalQuery }

// New compiles the rules and prepares the query, once for all inventories. Which regions have zones becomes the data of
// the policy, kept in the form that the evaluation reads without converting it.
func New(ctx context.Context, regions *geo.Table) (*Engine, error) {
	zoned := map[string]any{}
	for _, r := range regions.Regions() {
		if !r.Zones {
			continue
		}
		of, ok := zoned[r.Provider].(map[string]any)
		if !ok {
			of = map[string]any{}
			zoned[r.Provider] = of
		}
		of[r.Code] = true
	}
	query, err := rego.New(
		rego.Query("x := data.meridian.findings"),
		rego.Module("rules.rego", module),
		rego.Store(inmem.NewFromObjectWithOpts(map[string]any{"zoned": zoned}, inmem.OptReturnASTValuesOnRead(true))),
	).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare the rules in Rego: %w", err)
	}
	return &Engine{query}, nil
}

// Input is an inventory in both forms that OPA takes.
type Input struct {
	Decoded any       // as encoding/json decodes it into an interface
	Parsed  ast.Value // as OPA evaluates it
}

// NewInput makes both forms of a site.
func NewInput(s *inventory.Site) (Input, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return Input{}, fmt.Errorf("write site %s as JSON: %w", s.Site.ID, err)
	}
	var in Input
	if err := json.Unmarshal(text, &in.Decoded); err != nil {
		return Input{}, fmt.Errorf("read site %s as JSON: %w", s.Site.ID, err)
	}
	if in.Parsed, err = ast.InterfaceToValue(in.Decoded); err != nil {
		return Input{}, fmt.Errorf("make a value of OPA of site %s: %w", s.Site.ID, err)
	}
	return in, nil
}

// Parsed evaluates an inventory in OPA's own form and leaves the result in it, which is the least that OPA can do.
func (e *Engine) Parsed(ctx context.Context, in Input) (ast.Value, error) {
	return e.eval(ctx, rego.EvalParsedInput(in.Parsed))
}

// Decoded evaluates an inventory decoded from JSON, which OPA first turns into its own form.
func (e *Engine) Decoded(ctx context.Context, in Input) (ast.Value, error) {
	return e.eval(ctx, rego.EvalInput(in.Decoded))
}

func (e *Engine) eval(ctx context.Context, input rego.EvalOption) (ast.Value, error) {
	results, err := e.query.Eval(ctx, input, rego.EvalGenerateJSON(asIs))
	if err != nil {
		return nil, fmt.Errorf("evaluate the rules in Rego: %w", err)
	}
	if len(results) == 1 {
		if v, ok := results[0].Bindings["x"].(ast.Value); ok {
			return v, nil
		}
	}
	return nil, fmt.Errorf("evaluate the rules in Rego: %d results, none a set of findings", len(results))
}

// asIs spares OPA the conversion of its results.
func asIs(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }

// Findings reads a result, sorted by Compare.
func Findings(v ast.Value) ([]Finding, error) {
	raw, err := ast.JSON(v)
	if err != nil {
		return nil, fmt.Errorf("read the findings of OPA: %w", err)
	}
	list, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("read the findings of OPA: they are a %T and no list", raw)
	}
	out := make([]Finding, 0, len(list))
	for _, x := range list {
		var words []string
		if tuple, ok := x.([]any); ok {
			for _, w := range tuple {
				words = append(words, fmt.Sprint(w))
			}
		}
		if len(words) != 4 {
			return nil, fmt.Errorf("read the findings of OPA: %v is no finding", x)
		}
		out = append(out, Finding{words[0], words[1], words[2], words[3]})
	}
	slices.SortFunc(out, Compare)
	return out, nil
}

// Local returns an infrastructure's id within its site, from site/id.
func Local(name string) string {
	_, id, _ := strings.Cut(name, "/")
	return id
}
