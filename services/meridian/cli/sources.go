package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/collect"
	"github.com/meridian-federation/meridian/planner/sources/folder"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/merge"
	"github.com/meridian-federation/meridian/planner/sources/probe"
	"github.com/meridian-federation/meridian/services/meridian/origin"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/planner/daemon"
)

type sourcesCommand struct {
	Paths     []string      `arg:"" optional:"" name:"path" help:"SiteInventories, raw exports, and folders of them, of one site."`
	State     string        `help:"State folder of a planner instead of paths." placeholder:"DIR"`
	Site      string        `help:"Id of the site; that of the SiteInventory when absent." placeholder:"ID"`
	Under     string        `help:"Show only facts at and below this JSON pointer, for example /infrastructure/0." placeholder:"POINTER"`
	Conflicts bool          `help:"Show only facts on which sources disagree."`
	Output    output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Help is shown below the usage.
func (sourcesCommand) Help() string {
	return "Merges what several sources say about one site, as the planner does, and tells of each fact who said it, whether it was declared or " +
		"observed, how old it is and which values it overruled; how each source fared; and what the rules lack, with the source that could " +
		"tell. With --state it shows what a planner on this machine has collected. CSV prints the facts. Exit code 3 when a source failed or was understood in part."
}

// Run merges and tells.
func (c *sourcesCommand) Run(e *Environment) error {
	engine, err := assess.Builtin()
	if err != nil {
		return err
	}
	var kept []collect.Kept
	var outcomes []inventory.Source
	var probed *probe.Results
	switch {
	case c.State != "" && len(c.Paths) > 0, c.State == "" && len(c.Paths) == 0:
		return errors.New("give paths, or the state folder of a planner with --state")
	case c.State != "":
		kept, outcomes, probed, err = c.planner()
	default:
		kept, err = c.read(e, engine)
	}
	if err != nil {
		return err
	}
	merged, err := merge.Merge(collect.Inputs(kept), engine.Regions)
	if err != nil {
		return err
	}
	if outcomes == nil {
		for _, k := range kept {
			outcomes = append(outcomes, k.Sources...)
		}
	}
	answer, err := origin.Of(engine, merged, probed, outcomes, e.present())
	if err != nil {
		return err
	}
	answer.Keep(c.Under, c.Conflicts)
	if err := answer.Document().Write(e.Stdout, c.Output); err != nil {
		return err
	}
	for _, n := range merged.Notes {
		fmt.Fprintln(e.Stderr, n.String())
	}
	if slices.ContainsFunc(outcomes, func(s inventory.Source) bool { return s.Status != inventory.SourceOK }) {
		return &exit{code: ExitIncomplete}
	}
	return nil
}

// planner reads what a planner collected, and what its probes learned.
func (c *sourcesCommand) planner() ([]collect.Kept, []inventory.Source, *probe.Results, error) {
	kept, err := collect.Read(filepath.Join(c.State, daemon.KeptFile))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: give the state folder that the planner's configuration names", err)
	}
	status, err := agent.ReadStatus(c.State)
	if err != nil {
		return nil, nil, nil, err
	}
	probed, err := probe.ReadResults(filepath.Join(c.State, daemon.ProbesFile))
	return kept, status.Sources, probed, err
}

// read takes SiteInventories as they are and gives everything else to the import.
func (c *sourcesCommand) read(e *Environment, engine *assess.Engine) ([]collect.Kept, error) {
	files, err := folder.Collect(c.Paths)
	if err != nil {
		return nil, err
	}
	var kept []collect.Kept
	var raw []importer.File
	site := c.Site
	for _, f := range files {
		if f.Unreadable != "" || !isInventory.Match(f.Data) {
			raw = append(raw, f)
			continue
		}
		f.Name = importer.CleanName(f.Name)
		s, err := inventory.Parse(f.Name, f.Data, engine.Regions)
		if err != nil {
			return nil, err
		}
		if site == "" {
			site = s.Site.ID
		}
		name := daemon.SourceName
		if len(kept) > 0 {
			name += "-" + strconv.Itoa(len(kept)+1)
		}
		kept = append(kept, collect.Kept{Name: name, Site: s, Sources: append([]inventory.Source{{Name: name, Status: inventory.SourceOK, At: s.ObservedAt, Detail: f.Name}}, s.Sources...)})
	}
	if len(raw) == 0 {
		return kept, nil
	}
	command := importCommand{From: "auto"}
	result := command.read(raw, importer.Options{Site: site, At: collect.Newest(raw, e.present()), Regions: engine.Regions})
	command.report(e.Stderr, &result)
	if result.Site == nil {
		return kept, nil
	}
	sources := result.Site.Sources
	result.Site.Sources = nil
	return append(kept, collect.Kept{Name: "import", Observed: true, Site: result.Site, Sources: sources}), nil
}

// isInventory finds a SiteInventory among raw exports.
var isInventory = regexp.MustCompile(`(?m)(^|[{,])\s*["']?kind["']?\s*:\s*["']?SiteInventory\b`)
