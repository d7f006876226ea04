// Package cli is the command line: it reads arguments and files, calls the engine or a server, and prints. What it prints
// on stdout is data; everything else goes to stderr. main and the tests call Run.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"

	"github.com/meridian-federation/meridian/planner/document"
)

// Exit codes of every command.
const (
	ExitClean      = 0
	ExitFindings   = 1 // findings at or above --fail-on
	ExitError      = 2 // usage or tool error
	ExitIncomplete = 3 // nothing failed, but not everything could be judged
)

// Environment is what the program has from outside, so that tests can hold it.
type Environment struct {
	Args    []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string
	Version string
	Now     func() time.Time // nil takes the clock
}

type grammar struct {
	Up              upCommand              `cmd:"" help:"Run everything in one process: NATS, ClickHouse, hub, REST, web client and planners."`
	Assess          assessCommand          `cmd:"" help:"Judge inventories offline."`
	Import          importCommand          `cmd:"" help:"Turn raw exports into a SiteInventory."`
	Report          reportCommand          `cmd:"" help:"Write reports of a federation."`
	Sites           sitesCommand           `cmd:"" help:"List the sites of a federation."`
	Clusters        clustersCommand        `cmd:"" help:"List the clusters of a federation."`
	Findings        findingsCommand        `cmd:"" help:"List the findings of a federation."`
	Recommendations recommendationsCommand `cmd:"" help:"List the recommended architecture of each cluster."`
	Tenancy         tenancyCommand         `cmd:"" help:"List the infrastructure that several clusters share."`
	Rules           rulesCommand           `cmd:"" help:"List the built-in rules."`
	Schema          schemaCommand          `cmd:"" help:"Print the JSON Schema of the SiteInventory document."`
	Version         versionCommand         `cmd:"" help:"Print the version."`
}

// Exit asks for an exit code; Err, when set, is told on stderr first.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// Run runs one command and returns its exit code.
func Run(ctx context.Context, e Environment) int {
	if e.Now == nil {
		e.Now = time.Now
	}
	var g grammar
	ended := -1
	parser, err := kong.New(&g,
		kong.Name("meridian"),
		kong.Description("Plans and governs a federation of ThingWorx sites."),
		kong.Writers(e.Stdout, e.Stderr),
		kong.Exit(func(code int) { ended = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"formats": "table,wide,json,yaml,csv,md"},
	)
	if err != nil {
		fmt.Fprintf(e.Stderr, "meridian: %v\n", err)
		return ExitError
	}
	k, err := parser.Parse(e.Args)
	if ended >= 0 {
		return ended
	}
	if err != nil {
		fmt.Fprintf(e.Stderr, "meridian: %v\nRun \"meridian --help\" for the commands and their flags.\n", err)
		return ExitError
	}
	k.BindTo(ctx, (*context.Context)(nil))
	return e.code(k.Run(&e))
}

// code tells an error on stderr and returns the exit code it stands for.
func (e *Environment) code(err error) int {
	if err == nil {
		return ExitClean
	}
	var x *exit
	if errors.As(err, &x) {
		if x.err != nil {
			e.tell(x.err)
		}
		return x.code
	}
	e.tell(err)
	return ExitError
}

// tell prints an error. The problems of a document are lines of their own, which editors can follow to the place.
func (e *Environment) tell(err error) {
	var d *document.Error
	if errors.As(err, &d) {
		for _, p := range d.Problems {
			fmt.Fprintln(e.Stderr, p.String())
		}
		return
	}
	fmt.Fprintf(e.Stderr, "meridian: %v\n", err)
}

type versionCommand struct{}

func (versionCommand) Run(e *Environment) error {
	_, err := fmt.Fprintf(e.Stdout, "meridian %s\n", e.Version)
	return err
}
