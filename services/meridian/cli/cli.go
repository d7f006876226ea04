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
	"github.com/meridian-federation/meridian/services/meridian/remote"
	"github.com/meridian-federation/meridian/services/meridian/up"
	"github.com/meridian-federation/meridian/services/meridian/words"
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
	Getenv  func(string) string // nil is an empty environment
	Version string
	Now     func() time.Time // nil takes the clock
}

type grammar struct {
	Up           upCommand           `cmd:"" help:"Run everything in one process: NATS, ClickHouse, hub, REST, web client and planners."`
	Assess       assessCommand       `cmd:"" help:"Judge inventories offline." group:"offline"`
	Availability availabilityCommand `cmd:"" help:"Compute how available clusters are, and pairs of them together." group:"offline"`
	Simulate     simulateCommand     `cmd:"" help:"Fail machines, zones, regions and more, and tell which clusters go down and why." group:"offline"`
	Whatif       whatifCommand       `cmd:"" help:"Tell what would differ if the federation changed: a database moves, a region is lost, sites merge." group:"offline"`
	Recommend    recommendCommand    `cmd:"" help:"Recommend for the federation." group:"offline"`
	Plan         planCommand         `cmd:"" help:"Plan a new cluster: up to three options for a workload, objectives and constraints." group:"offline"`
	Import       importCommand       `cmd:"" help:"Turn raw exports into a SiteInventory." group:"offline"`
	Sources      sourcesCommand      `cmd:"" help:"Show which fact of a site came from which source, where sources disagree, and what is missing." group:"offline"`
	Rules        rulesCommand        `cmd:"" help:"List the rules, or show one in full." group:"offline"`
	Schema       schemaCommand       `cmd:"" help:"Print the JSON Schema of a document." group:"offline"`
	Sitesim      sitesimCommand      `cmd:"" help:"Simulate sites: write their inventories, or publish them as planners would." group:"offline"`
	Findings     findingsCommand     `cmd:"" help:"List the findings of a federation." group:"server"`
	remote.Commands
	Version versionCommand `cmd:"" help:"Print the version."`
}

// upCommand is up.Command with the environment of this package.
type upCommand struct{ up.Command }

// Run runs everything in one process until the context ends.
func (c *upCommand) Run(ctx context.Context, e *Environment) error {
	return c.Command.Run(ctx, up.Environment{Stdout: e.Stdout, Stderr: e.Stderr, Version: e.Version, Now: e.Now, Tell: e.tell})
}

const description = "Plans and governs a federation of ThingWorx sites.\n\n" +
	"Data go to stdout, all else to stderr. Exit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage or an error, " +
	"3 nothing failed but not everything could be judged."

// exit asks for an exit code; err, when set, is told on stderr first.
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
	if e.Getenv == nil {
		e.Getenv = func(string) string { return "" }
	}
	var g grammar
	args, stdout := e.Args, e.Stdout
	if len(args) == 0 {
		args, stdout = []string{"--help"}, e.Stderr // Nobody asked for it, so that it is no data.
	}
	ended := -1
	parser, err := kong.New(&g,
		kong.Name("meridian"),
		kong.Description(description),
		kong.Writers(stdout, e.Stderr),
		kong.Exit(func(code int) { ended = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"local": remote.DefaultServer},
		kong.ExplicitGroups([]kong.Group{{Key: "offline", Title: "Offline, on files:"}, {Key: "server", Title: "Of a federation, from its server:"}}),
	)
	if err != nil {
		fmt.Fprintf(e.Stderr, "meridian: %v\n", err)
		return ExitError
	}
	k, err := parser.Parse(args)
	if ended >= 0 {
		if len(e.Args) == 0 {
			return ExitError
		}
		return ended
	}
	if err != nil {
		fmt.Fprintf(e.Stderr, "meridian: %v\nRun \"%s --help\" for what there is.\n", err, failed(err))
		return ExitError
	}
	k.BindTo(ctx, (*context.Context)(nil))
	return e.code(k.Run(&e, e.remote()))
}

// failed is the command whose arguments are wrong, as far as it is known.
func failed(err error) string {
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil && p.Context.Command() != "" {
		if node := p.Context.Selected(); node != nil {
			return node.FullPath()
		}
	}
	return "meridian"
}

// present is the present instant as documents write it.
func (e *Environment) present() time.Time { return e.Now().UTC().Truncate(time.Second) }

func (e *Environment) remote() *remote.Environment {
	return &remote.Environment{Stdout: e.Stdout, Stderr: e.Stderr, Getenv: e.Getenv, Version: e.Version, Now: e.Now}
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
	if !errors.As(err, &d) {
		fmt.Fprintf(e.Stderr, "meridian: %v\n", err)
		return
	}
	for _, p := range d.Problems {
		fmt.Fprintln(e.Stderr, p.String())
	}
	if d.More > 0 {
		fmt.Fprintf(e.Stderr, "and %s more\n", words.Count(d.More, "problem"))
	}
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(e *Environment) error {
	if _, err := fmt.Fprintf(e.Stdout, "meridian %s\n", e.Version); err != nil {
		return fmt.Errorf("write the version: %w", err)
	}
	return nil
}
