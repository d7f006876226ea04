package custom

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// Kind heads every file of rules.
const Kind = "RuleSet"

// CostLimit is the most that one expression may cost on one subject, in CEL's units: about one for each step. A rule over
// all nodes of a large site takes some thousands.
const CostLimit = 1_000_000

// reserved are the prefixes of the built-in pack, whose ids are never given to other rules.
const reserved = " ARC CFG COL DQ FED HA RES SIZ TEN "

type ruleSet struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Name       string     `json:"name,omitempty"`
	Rules      []ruleText `json:"rules"`
}

type ruleText struct {
	ID        string             `json:"id"`
	Title     string             `json:"title"`
	Topic     string             `json:"topic,omitempty"`
	Scope     rules.Scope        `json:"scope"`
	Severity  rules.Severity     `json:"severity"`
	Versions  *rules.Versions    `json:"versions,omitempty"`
	Grace     inventory.Duration `json:"grace,omitzero"`
	Basis     string             `json:"basis,omitempty"`
	Why       string             `json:"why,omitempty"`
	Remedy    string             `json:"remedy"`
	Reference string             `json:"reference,omitempty"`

	When              string `json:"when,omitempty"`              // true where the rule applies
	Expression        string `json:"expression"`                  // true where the subject is as it should be
	Message           string `json:"message"`                     // of a failure
	MessageExpression string `json:"messageExpression,omitempty"` // of a failure, instead of Message when it can be computed
}

// Compile reads a file of rules and compiles its expressions. Variables are site, at, and by scope cluster, use and
// infrastructure, in the form of the inventory document; a field that the document leaves out is a missing fact and
// makes the verdict unknown unless the expression asks for it with has(); one that no inventory can have is a mistake. The error is a *document.Error that names file
// and line of every mistake.
func Compile(name string, data []byte) ([]rules.Extra, error) {
	var set ruleSet
	places, err := document.DecodeAt(name, data, &set)
	if err != nil {
		return nil, err
	}
	var problems document.Collector
	if set.APIVersion != inventory.APIVersion {
		problems.Add(places.Problem("/apiVersion", fmt.Sprintf("%q is not a version of this document", set.APIVersion), "write apiVersion: "+inventory.APIVersion))
	}
	if set.Kind != Kind {
		problems.Add(places.Problem("/kind", fmt.Sprintf("%q is not the kind of this document", set.Kind), "write kind: "+Kind))
	}
	if len(set.Rules) == 0 {
		problems.Add(places.Problem("/rules", "the file has no rules", "add one"))
	}
	out := make([]rules.Extra, 0, len(set.Rules))
	for i := range set.Rules {
		c := compiler{rule: &set.Rules[i], places: places, pointer: "/rules/" + strconv.Itoa(i), problems: &problems, lines: strings.Split(string(data), "\n")}
		if slices.ContainsFunc(out, func(x rules.Extra) bool { return x.Entry.ID == c.rule.ID }) {
			c.fail("id", fmt.Sprintf("the id %s is used twice", c.rule.ID), "give each rule an id of its own")
		}
		out = append(out, c.compile())
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

type compiler struct {
	rule     *ruleText
	places   *document.Places
	pointer  string
	problems *document.Collector
	lines    []string
}

func (c *compiler) fail(field, what, remedy string) {
	c.problems.Add(c.places.Problem(c.pointer+"/"+field, what, remedy))
}

func (c *compiler) compile() rules.Extra {
	r := c.rule
	if !validID(r.ID) {
		c.fail("id", fmt.Sprintf("%q is not an id of a rule", r.ID), "write capital letters and digits, a dash and three or four digits, for example ACME-001")
	} else if prefix, _, _ := strings.Cut(r.ID, "-"); strings.Contains(reserved, " "+prefix+" ") {
		c.fail("id", fmt.Sprintf("the prefix %s belongs to the built-in rules", prefix), "take a prefix of your own")
	}
	for field, text := range map[string]string{"title": r.Title, "remedy": r.Remedy, "message": r.Message, "expression": r.Expression} {
		if strings.TrimSpace(text) == "" {
			c.fail(field, "the rule has no "+field, "add one")
		}
	}
	if r.Severity.Rank() == rule.NoSeverity {
		c.fail("severity", fmt.Sprintf("%q is not a severity", r.Severity), "use critical, high, medium, low or info")
	}
	if r.Scope != rules.OfSite && r.Scope != rules.OfCluster && r.Scope != rules.OfInfrastructure {
		c.fail("scope", fmt.Sprintf("%q is not a scope", r.Scope), "use site, cluster or infrastructure")
		return rules.Extra{Entry: rules.Entry{ID: r.ID}}
	}
	p := &program{rule: r}
	env, err := environment(r.Scope)
	if err != nil {
		c.fail("expression", "the expressions cannot be compiled: "+err.Error(), "")
		return rules.Extra{Entry: rules.Entry{ID: r.ID}}
	}
	p.when = c.program(env, "when", r.When, cel.BoolType)
	p.expression = c.program(env, "expression", r.Expression, cel.BoolType)
	p.message = c.program(env, "messageExpression", r.MessageExpression, cel.StringType)
	return rules.Extra{Entry: r.entry(), Digest: r.digest(), Judge: p.judge}
}

func validID(id string) bool {
	prefix, number, ok := strings.Cut(id, "-")
	if !ok || len(prefix) < 2 || len(prefix) > 16 || len(number) < 3 || len(number) > 4 || prefix[0] < 'A' {
		return false
	}
	capital := func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' }
	digit := func(r rune) bool { return r >= '0' && r <= '9' }
	return strings.IndexFunc(prefix, func(r rune) bool { return !capital(r) }) < 0 && strings.IndexFunc(number, func(r rune) bool { return !digit(r) }) < 0
}

func (r *ruleText) entry() rules.Entry {
	or := func(text, otherwise string) string {
		if text == "" {
			return otherwise
		}
		return text
	}
	return rules.Entry{
		ID: r.ID, Topic: or(r.Topic, "custom"), Title: r.Title, Scope: r.Scope, Severity: r.Severity, Confidence: rules.UserRule,
		Basis: or(r.Basis, "A rule of the user's own."), Why: or(r.Why, r.Message), Remedy: r.Remedy, Reference: or(r.Reference, "Rules of this federation"),
		Versions: r.Versions, Grace: r.Grace,
	}
}

func (r *ruleText) digest() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{r.When, r.Expression, r.Message, r.MessageExpression}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// environment declares the variables of a scope.
func environment(scope rules.Scope) (*cel.Env, error) {
	object := cel.MapType(cel.StringType, cel.DynType)
	options := []cel.EnvOption{
		cel.Variable("site", object), cel.Variable("at", cel.TimestampType),
		cel.CrossTypeNumericComparisons(true), ext.Strings(), ext.Math(), ext.Sets(),
	}
	if scope != rules.OfSite {
		options = append(options, cel.Variable("cluster", object))
	}
	if scope == rules.OfInfrastructure {
		options = append(options, cel.Variable("infrastructure", object), cel.Variable("use", object))
	}
	return cel.NewEnv(options...)
}

// program compiles one expression; nil when there is none or it is wrong.
func (c *compiler) program(env *cel.Env, field, text string, want *cel.Type) cel.Program {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			p := c.places.Problem(c.pointer+"/"+field, e.Message, "")
			c.locate(&p, e.Location.Line(), e.Location.Column())
			c.problems.Add(p)
		}
		return nil
	}
	c.fields(field, ast.NativeRep())
	if got := ast.OutputType(); !got.IsExactType(want) && !got.IsExactType(cel.DynType) {
		c.fail(field, fmt.Sprintf("the expression gives %s, not %s", got, want), "make it give "+want.String())
		return nil
	}
	program, err := env.Program(ast, cel.CostLimit(CostLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		c.fail(field, "the expression cannot be planned: "+err.Error(), "simplify it")
		return nil
	}
	return program
}

// locate moves a problem from the beginning of an expression to the line and column within it. A block of lines begins
// below its key; whatever else goes over several lines is folded and keeps the place of its beginning.
func (c *compiler) locate(p *document.Problem, line, column int) {
	if p.Line < 1 || p.Line > len(c.lines) || p.Column < 1 || p.Column > len(c.lines[p.Line-1])+1 {
		return
	}
	rest := c.lines[p.Line-1][p.Column-1:]
	switch {
	case strings.HasPrefix(rest, "|"):
		if p.Line < len(c.lines) {
			first := c.lines[p.Line]
			p.Column = len(first) - len(strings.TrimLeft(first, " ")) + column + 1
		}
		p.Line += line
	case strings.HasPrefix(rest, ">"):
	case line == 1 && (strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "'")):
		p.Column += column + 1
	case line == 1:
		p.Column += column
	}
}
