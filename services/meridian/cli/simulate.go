package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/simulate"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

type simulateCommand struct {
	Paths    []string      `arg:"" name:"path" help:"Inventories (YAML or JSON) and folders of them."`
	Fail     []string      `help:"Fail this, for example zone:azure/westeurope/1; may be repeated. All fail at once." placeholder:"KIND:ID" xor:"what"`
	Sweep    int           `help:"Fail every single thing (1) or every two things (2), and rank them by the clusters they take down." placeholder:"N" xor:"what"`
	Kinds    []string      `help:"Kinds that a sweep fails; all but site when absent." placeholder:"KIND"`
	Limit    int           `help:"How many outcomes of a sweep are listed; ${default} when absent." default:"20" placeholder:"N"`
	Together bool          `help:"List only pairs that take down a cluster which neither takes down alone."`
	FailOn   string        `help:"Exit with 1 when a cluster is: ${enum}." enum:"down,degraded,never" default:"never"`
	Output   output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Help is shown below the usage.
func (simulateCommand) Help() string {
	return "KIND is node, machine, zone, region, infrastructure or site. The id of a node is SITE/CLUSTER/NAME or SITE/INFRASTRUCTURE/NAME, of a machine " +
		"SITE/MACHINE, of a zone PROVIDER/REGION/ZONE, of a region PROVIDER/REGION, of an infrastructure SITE/ID. A sweep answers with the " +
		"ranking and with the state of every cluster under the worst outcome."
}

// simulation is the answer: the clusters under what failed, and for a sweep the ranking, whose first outcome it is.
type simulation struct {
	simulate.Report
	Sweep *simulate.Sweep `json:"sweep,omitempty"`
}

// Run fails what was asked for and tells what is left.
func (c *simulateCommand) Run(e *Environment) error {
	engine, err := assess.Builtin()
	if err != nil {
		return err
	}
	failures, paths, err := c.failures()
	if err != nil {
		return err
	}
	read, err := e.read(engine, paths, e.present())
	if err != nil {
		return err
	}
	model := simulate.New(read.tenants(engine.Sizes), policy.Defaults())
	var out simulation
	if c.Sweep != 0 {
		sweep, err := model.Sweep(simulate.Options{Depth: c.Sweep, Kinds: c.kinds(), Limit: c.Limit, OnlyTogether: c.Together})
		if err != nil {
			return fmt.Errorf("--sweep: %w", err)
		}
		out.Sweep = &sweep
		if len(sweep.Failures) > 0 {
			failures = sweep.Failures[0].Failed
		}
	}
	if out.Report, err = model.Fail(failures...); err != nil {
		return unlisted(model, err)
	}
	if err := out.write(e, c.Output); err != nil {
		return err
	}
	switch {
	case c.FailOn == "down" && out.Down > 0, c.FailOn == "degraded" && out.Down+out.Degraded > 0:
		return &exit{code: ExitFindings}
	case read.refused > 0:
		return &exit{code: ExitIncomplete}
	}
	return nil
}

// failures reads --fail. Further failures may follow the first without the flag, among the paths: none is the name of a
// file that exists.
func (c *simulateCommand) failures() (failures []simulate.Failure, paths []string, err error) {
	texts := slices.Clone(c.Fail)
	for _, p := range c.Paths {
		_, parses := simulate.ParseFailure(p)
		if _, err := os.Stat(p); parses == nil && errors.Is(err, os.ErrNotExist) && len(c.Fail) > 0 {
			texts = append(texts, p)
			continue
		}
		paths = append(paths, p)
	}
	switch {
	case len(c.Fail) == 0 && c.Sweep == 0:
		return nil, nil, errors.New("say what fails: --fail KIND:ID, or --sweep 1 for every single failure, or --sweep 2 for every two")
	case len(paths) == 0:
		return nil, nil, errors.New("name the inventories after what fails")
	}
	for _, t := range texts {
		f, err := simulate.ParseFailure(t)
		if err != nil {
			return nil, nil, fmt.Errorf("--fail: %w", err)
		}
		failures = append(failures, f)
	}
	return failures, paths, nil
}

func (c *simulateCommand) kinds() []simulate.Kind {
	var out []simulate.Kind
	for _, k := range c.Kinds {
		out = append(out, simulate.Kind(k))
	}
	return out
}

// unlisted adds to an unknown id what a person does next.
func unlisted(m *simulate.Model, err error) error {
	var unknown *simulate.UnknownError
	if !errors.As(err, &unknown) || len(unknown.Nearest) > 0 {
		return err
	}
	if len(m.Failures(unknown.Failure.Kind)) == 0 {
		return fmt.Errorf("%w; the inventories list no %s at all", err, unknown.Failure.Kind)
	}
	return err
}

func (s *simulation) write(e *Environment, f output.Format) error {
	d := output.Document{Value: s, Sheets: []output.Sheet{s.clusterSheet()}}
	if s.Sweep != nil {
		d.Sheets = []output.Sheet{s.sweepSheet()}
	}
	if err := d.Write(e.Stdout, f); err != nil {
		return err
	}
	if !f.ForPeople() {
		return nil
	}
	if w := s.Sweep; w != nil {
		fmt.Fprintf(e.Stderr, "%s tried, %d of them take at least one cluster down; %d listed\n", words.Count(w.Total, "failure"), w.Losing, len(w.Failures))
		return nil
	}
	fmt.Fprintf(e.Stderr, "%s failed: of %s, %d down, %d degraded, %d up\n",
		names(s.Failed), words.Count(len(s.Clusters), "cluster"), s.Down, s.Degraded, len(s.Clusters)-s.Down-s.Degraded)
	return nil
}

func names(failures []simulate.Failure) string {
	out := make([]string, len(failures))
	for i, f := range failures {
		out[i] = f.String()
	}
	return strings.Join(out, " and ")
}

// clusterSheet has a line for each cause, clusters that are down first.
func (s *simulation) clusterSheet() output.Sheet {
	out := output.Sheet{Title: "Clusters", Columns: []output.Column{{Name: "cluster"}, {Name: "state"}, {Name: "cause"}}, Empty: "No clusters."}
	for _, state := range []simulate.State{simulate.Down, simulate.Degraded, simulate.Up} {
		for _, c := range s.Clusters {
			if c.State != state {
				continue
			}
			causes := c.Causes
			if len(causes) == 0 {
				causes = []string{""}
			}
			for _, cause := range causes {
				out.Rows = append(out.Rows, []string{c.ID, string(c.State), cause})
			}
		}
	}
	return out
}

func (s *simulation) sweepSheet() output.Sheet {
	out := output.Sheet{
		Title:   "Failures, the worst first",
		Columns: []output.Column{{Name: "down"}, {Name: "degraded"}, {Name: "only together", Wide: s.Sweep.Depth == 1}, {Name: "failed"}, {Name: "clusters down"}},
		Empty:   "Nothing that the inventories list can fail.",
	}
	for _, o := range s.Sweep.Failures {
		out.Rows = append(out.Rows, []string{
			strconv.Itoa(o.Down), strconv.Itoa(o.Degraded), strconv.Itoa(o.Together), names(o.Failed), strings.Join(o.Clusters, " "),
		})
	}
	return out
}
