package cli

import (
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

type rulesCommand struct {
	Output output.Format `short:"o" help:"Format: ${formats}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Run lists the built-in rules with their texts.
func (c *rulesCommand) Run(e *Environment) error {
	entries := rules.Builtin().Entries()
	s := output.Sheet{
		Columns: []output.Column{{Name: "rule"}, {Name: "severity"}, {Name: "basis"}, {Name: "title"}, {Name: "why", Wide: true}, {Name: "remedy", Wide: true}, {Name: "reference", Wide: true}},
		Value:   entries,
	}
	for i := range entries {
		r := &entries[i]
		s.Rows = append(s.Rows, []string{r.ID, string(r.Severity), string(r.Confidence), r.Title, r.Why, r.Remedy, r.Reference})
	}
	return s.Write(e.Stdout, c.Output)
}

type schemaCommand struct{}

// Run prints the schema that editors and pipelines check documents with.
func (schemaCommand) Run(e *Environment) error {
	_, err := e.Stdout.Write(inventory.Schema())
	return err
}
