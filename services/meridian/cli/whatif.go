package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/services/meridian/branch"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/remote"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

// maxWhatIf bounds a file of changes, which a person writes.
const maxWhatIf = 1 << 20

type whatifCommand struct {
	File  string   `arg:"" help:"Changes (YAML or JSON, kind WhatIf); - reads standard input."`
	Paths []string `arg:"" optional:"" name:"path" help:"Inventories (YAML or JSON) and folders of them; without any, the server is asked."`
	policyFlag
	remote.Flags
	At     remote.Instant `help:"Instant of the judgement (RFC 3339); now when absent. Inventories from files only." placeholder:"TIME"`
	Output output.Format  `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Help is shown below the usage.
func (whatifCommand) Help() string {
	return "The changes are made over the federation without touching it: do: move-database (cluster, to), lose (what: region:azure/westeurope), merge (site, into), " +
		"upgrade (cluster or site, version), set (site, pointer, value). The answer has the findings that would open, close or change, the availability of " +
		"each cluster before and after, what is left of it while something is lost, and who would share what. csv has the findings only."
}

// Run answers what would be.
func (c *whatifCommand) Run(ctx context.Context, e *Environment) error {
	name, data, err := e.input(c.File, maxWhatIf)
	if err != nil {
		return fmt.Errorf("read the changes: %w", err)
	}
	r, err := whatif.Parse(name, data)
	if err != nil {
		return err
	}
	refused := 0
	var a *whatif.Answer
	if len(c.Paths) == 0 {
		api, err := c.Client(e.remote())
		if err != nil {
			return err
		}
		if a, err = api.Simulate(ctx, r); err != nil {
			return api.Explain(err)
		}
	} else if a, refused, err = c.offline(e, r); err != nil {
		return err
	}
	if err := branch.Document(a).Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if c.Output.ForPeople() {
		fmt.Fprintln(e.Stderr, strings.Join(a.Steps, "\n"))
		for _, assumption := range a.Assumptions {
			fmt.Fprintln(e.Stderr, "assumed: "+assumption)
		}
		fmt.Fprintf(e.Stderr, "%s concerned; %d opened, %d closed, %d changed; %d down, %d degraded\n",
			words.Count(a.Judged, "site"), len(a.Findings.Opened), len(a.Findings.Closed), len(a.Findings.Changed), a.Down, a.Degraded)
	}
	if refused > 0 {
		return &exit{code: ExitIncomplete}
	}
	return nil
}

func (c *whatifCommand) offline(e *Environment, r *whatif.Request) (*whatif.Answer, int, error) {
	engine, pol, err := judge(catalogFlag{}, rulesFlag{}, c.policyFlag)
	if err != nil {
		return nil, 0, err
	}
	read, err := e.read(engine, c.Paths, e.present())
	if err != nil {
		return nil, 0, err
	}
	at := c.At.Time
	if at.IsZero() {
		at = e.present()
	}
	base, err := branch.Base(engine, pol, read.sites, at)
	if err != nil {
		return nil, 0, err
	}
	a, err := branch.Offline(base, r)
	return a, read.refused, err
}
