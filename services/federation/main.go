// Command federation is the daemon meridian-federation: one replica of the hub over an existing NATS and ClickHouse.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/meridian-federation/meridian/services/internal/conf"
)

// version is set by the linker.
var version = "unknown"

type flags struct {
	Config      string           `help:"Configuration file." placeholder:"FILE" env:"MERIDIAN_CONFIG"`
	CheckConfig bool             `help:"Check the configuration and end."`
	Version     kong.VersionFlag `help:"Print the version and end."`
}

func main() {
	var f flags
	kong.Parse(&f, kong.Name("meridian-federation"), kong.Description("One replica of Meridian's hub."), kong.Vars{"version": version})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := start(ctx, f)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "meridian-federation: %v\n", err)
		os.Exit(2)
	}
}

func start(ctx context.Context, f flags) error {
	c := defaults()
	if err := conf.Load(f.Config, "MERIDIAN", &c); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if f.CheckConfig {
		return nil
	}
	d := &daemon{config: c, version: version, stderr: os.Stderr}
	return d.run(ctx)
}
