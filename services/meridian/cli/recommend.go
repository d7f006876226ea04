package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/services/meridian/branch"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/remote"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

type recommendCommand struct {
	Fleet fleetCommand `cmd:"" help:"What the federation should do beyond each cluster: share, separate, upgrade in waves, and mend first."`
}

type fleetCommand struct {
	Paths []string `arg:"" optional:"" name:"path" help:"Inventories (YAML or JSON) and folders of them; without any, the server is asked."`
	policyFlag
	remote.Flags
	Effort string         `help:"File of your own with hours of work and weights (kind Effort) instead of the built-in assumptions. Inventories from files only." placeholder:"FILE"`
	At     remote.Instant `help:"Instant of the judgement (RFC 3339); now when absent. Inventories from files only." placeholder:"TIME"`
	Output output.Format  `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Help is shown below the usage.
func (fleetCommand) Help() string {
	return "Every proposal was applied to a copy and judged there: a consolidation that would fail a rule, or a separation that would lower an availability, is not " +
		"proposed. The queue ranks what fails by the downtime and the mismatches that mending it saves, and by severity, for each hour of work. csv has the queue only."
}

// Run prints the plan.
func (c *fleetCommand) Run(ctx context.Context, e *Environment) error {
	var p *advice.Plan
	refused := 0
	if len(c.Paths) == 0 {
		if c.Effort != "" {
			return fmt.Errorf("--effort: the server reckons with its own file; name inventories to reckon with yours")
		}
		api, err := c.Client(e.remote())
		if err != nil {
			return err
		}
		if p, err = api.FleetPlan(ctx); err != nil {
			return api.Explain(err)
		}
	} else {
		var err error
		if p, refused, err = c.offline(e); err != nil {
			return err
		}
	}
	if err := branch.PlanDocument(p).Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if c.Output.ForPeople() {
		for _, a := range p.Assumptions {
			fmt.Fprintln(e.Stderr, "assumed: "+a)
		}
		fmt.Fprintf(e.Stderr, "%s; %d to mend, %d listed; %d changes judged, %d not\n", words.Count(p.Sites, "site"), p.QueueTotal, len(p.Queue), p.Tried, p.Untried)
	}
	if refused > 0 {
		return &exit{code: ExitIncomplete}
	}
	return nil
}

func (c *fleetCommand) offline(e *Environment) (*advice.Plan, int, error) {
	engine, pol, err := judge(catalogFlag{}, rulesFlag{}, c.policyFlag)
	if err != nil {
		return nil, 0, err
	}
	effort, err := advice.DefaultEffort()
	if err != nil {
		return nil, 0, err
	}
	if c.Effort != "" {
		data, err := os.ReadFile(c.Effort)
		if err != nil {
			return nil, 0, fmt.Errorf("--effort: %w", err)
		}
		if effort, err = advice.ParseEffort(c.Effort, data); err != nil {
			return nil, 0, err
		}
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
	return advice.Fleet(base, advice.Options{Effort: effort}), read.refused, nil
}
