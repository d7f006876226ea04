// Command planner is the daemon meridian-planner of one site: it collects the site's inventory, judges it locally, and
// sends it to the federation.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/meridian-federation/meridian/services/internal/conf"
)

// version is set by the linker.
var version = "unknown"

type grammar struct {
	Run    runCommand    `cmd:"" default:"withargs" help:"Run the planner."`
	Join   joinCommand   `cmd:"" help:"Join a federation with a token that \"meridian enrol\" printed, and end."`
	Status statusCommand `cmd:"" help:"Tell how the planner on this machine stands."`

	Version kong.VersionFlag `help:"Print the version and end."`
}

type configFlag struct {
	Config string `help:"Configuration file." placeholder:"FILE" env:"MERIDIAN_CONFIG"`
}

func (f configFlag) load() (config, error) {
	c := defaults()
	if err := conf.Load(f.Config, "MERIDIAN", &c); err != nil {
		return config{}, err
	}
	return c, c.check(false)
}

type runCommand struct {
	configFlag
	CheckConfig bool `help:"Check the configuration and end."`
}

// Run runs the daemon until the context ends.
func (r *runCommand) Run(ctx context.Context, stderr io.Writer) error {
	c, err := r.load()
	if err != nil {
		return err
	}
	if r.CheckConfig {
		return c.check(true)
	}
	return run(ctx, c, version, stderr)
}

type statusCommand struct {
	configFlag
	JSON bool `help:"Print everything as JSON."`
}

type joinCommand struct {
	configFlag
	Server    string `help:"Address of the federation; join.server of the configuration when absent." placeholder:"URL"`
	TokenFile string `help:"File with the join token; join.tokenFile of the configuration when absent." placeholder:"FILE"`
	Again     bool   `help:"Replace the credential of a planner that has joined already."`
}

func main() {
	var g grammar
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	k := kong.Parse(&g, kong.Name("meridian-planner"), kong.Description("The planner of one ThingWorx site."), kong.Vars{"version": version})
	k.BindTo(ctx, (*context.Context)(nil))
	k.BindTo(os.Stderr, (*io.Writer)(nil))
	err := k.Run()
	stop()
	if err == nil {
		return
	}
	fmt.Fprintf(os.Stderr, "meridian-planner: %v\n", err)
	if errors.As(err, new(notWell)) {
		os.Exit(1)
	}
	os.Exit(2)
}
