package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/plan"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/rules/custom"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

type rulesCommand struct {
	Filter string `arg:"" optional:"" help:"Id of one rule, shown in full; or the beginning of ids, a topic, a severity, or words of the title."`
	rulesFlag
	Verify bool          `help:"Judge the files of kind RuleCases in the folder of --rules by its rules, and tell which do not come out as expected."`
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Run lists the rules with their texts.
func (c *rulesCommand) Run(e *Environment) error {
	engine, err := engine(catalogFlag{}, c.rulesFlag)
	if err != nil {
		return err
	}
	if c.Verify {
		if err := c.verify(e, engine.Regions); err != nil {
			return err
		}
	}
	entries, exact, err := choose(engine.Rules.Entries(), c.Filter)
	if err != nil {
		return err
	}
	if exact && c.Output.ForPeople() {
		_, err := io.WriteString(e.Stdout, page(&entries[0]))
		return err
	}
	return ruleSheet(entries).Write(e.Stdout, c.Output)
}

// verify judges the cases beside the user's rules.
func (c *rulesCommand) verify(e *Environment, regions *geo.Table) error {
	if c.Rules == "" {
		return errors.New("--verify: name the folder of your rules with --rules; the built-in ones are verified already")
	}
	set, err := readRules(c.Rules)
	if err != nil {
		return err
	}
	if len(set.cases) == 0 {
		return fmt.Errorf("--verify: %s holds no cases; write a document of kind %s", c.Rules, custom.CasesKind)
	}
	var problems document.Collector
	for _, f := range set.cases {
		problems.AddError(custom.Verify(set.extras, f.name, f.data, regions))
	}
	if err := problems.Err(); err != nil {
		return &exit{code: ExitFindings, err: err}
	}
	fmt.Fprintf(e.Stderr, "%s verified by %s of cases\n", words.Count(len(set.extras), "rule"), words.Count(len(set.cases), "file"))
	return nil
}

// choose returns the rules a filter means; exact when it is the id of one.
func choose(entries []rules.Entry, filter string) (chosen []rules.Entry, exact bool, err error) {
	filter = strings.TrimSpace(filter)
	if filter == "" {
		return entries, false, nil
	}
	var ids, topics []string
	for i := range entries {
		r := &entries[i]
		if strings.EqualFold(r.ID, filter) {
			return entries[i : i+1], true, nil
		}
		ids = append(ids, r.ID)
		topics = append(topics, strings.ToLower(r.Topic))
		if hasPrefix(r.ID, filter) || strings.EqualFold(r.Topic, filter) || strings.EqualFold(string(r.Severity), filter) || strings.Contains(strings.ToLower(r.Title), strings.ToLower(filter)) {
			chosen = append(chosen, *r)
		}
	}
	if len(chosen) > 0 {
		return chosen, false, nil
	}
	slices.Sort(topics)
	near := document.Nearest(filter, append(ids, slices.Compact(topics)...))
	if near != "" {
		return nil, false, fmt.Errorf("there is no rule %q; did you mean %q?", filter, near)
	}
	return nil, false, fmt.Errorf("there is no rule %q; \"meridian rules\" lists all", filter)
}

func hasPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func ruleSheet(entries []rules.Entry) output.Sheet {
	s := output.Sheet{
		Title: "Rules",
		Columns: []output.Column{
			{Name: "rule"},
			{Name: "severity"},
			{Name: "basis"},
			{Name: "topic", Wide: true},
			{Name: "scope", Wide: true},
			{Name: "title"},
			{Name: "why", Wide: true},
			{Name: "remedy", Wide: true},
			{Name: "reference", Wide: true},
		},
		Value: entries,
	}
	for i := range entries {
		r := &entries[i]
		s.Rows = append(s.Rows, []string{r.ID, string(r.Severity), string(r.Confidence), r.Topic, string(r.Scope), r.Title, r.Why, r.Remedy, r.Reference})
	}
	return s
}

// page is everything the catalogue says about one rule, for a terminal.
func page(r *rules.Entry) string {
	var b strings.Builder
	b.WriteString(r.ID + "  " + r.Title + "\n\n")
	field := func(name, text string) {
		if text = strings.TrimSpace(text); text != "" {
			lines := output.Paragraph(text, "               ", 100)
			b.WriteString(fmt.Sprintf("%-15s", name) + strings.TrimLeftFunc(lines, unicode.IsSpace))
		}
	}
	severity := string(r.Severity)
	if len(r.Severities) > 1 {
		var all []string
		for _, s := range r.Severities {
			all = append(all, string(s))
		}
		severity += " at worst; gives " + strings.Join(all, ", ")
	}
	field("severity", severity)
	field("topic", r.Topic)
	field("judges", string(r.Scope))
	field("basis", string(r.Confidence)+": "+r.Basis)
	if v := r.Versions; v != nil {
		field("versions", versions(v))
	}
	if r.Grace > 0 {
		field("grace", r.Grace.String()+", for which a new failure is shown as info")
	}
	field("why", r.Why)
	field("what to do", r.Remedy)
	field("reference", r.Reference)
	for _, p := range r.Parameters {
		field("parameter", fmt.Sprintf("%s = %s (%s). %s", p.Name, p.Default, p.Kind, p.Meaning))
	}
	if c := r.Contradiction; c != nil {
		field("contradicts", fmt.Sprintf("%s %s says: %s", c.Source, c.Advice, c.Says))
		for _, w := range c.Wins {
			field("", fmt.Sprintf("For %s %s holds: %s", strings.Join(w.Components, ", "), w.Side, w.Why))
		}
		field("", c.Why)
		field("waiver text", c.Waiver)
	}
	return b.String()
}

func versions(v *rules.Versions) string {
	switch {
	case v.Before == "":
		return "ThingWorx " + v.From + " and later"
	case v.From == "":
		return "ThingWorx before " + v.Before
	}
	return "ThingWorx " + v.From + " and later, before " + v.Before
}

type schemaCommand struct {
	Document string `arg:"" optional:"" help:"Which document: ${enum}." enum:"site-inventory,plan-request" default:"site-inventory"`
}

// Run prints the schema that editors and pipelines check documents with.
func (c schemaCommand) Run(e *Environment) error {
	schema := inventory.Schema()
	if c.Document == "plan-request" {
		var err error
		if schema, err = plan.Schema(); err != nil {
			return err
		}
	}
	if _, err := e.Stdout.Write(schema); err != nil {
		return fmt.Errorf("write the schema: %w", err)
	}
	return nil
}
