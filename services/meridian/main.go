// Command meridian is the command line of Meridian and, with up, the whole of it in one process.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/meridian-federation/meridian/federation/history/embedded"
	"github.com/meridian-federation/meridian/services/meridian/cli"
)

// version is set by the linker.
var version = "unknown"

func main() {
	embedded.Main() // Returns at once unless this process was started as the embedded ClickHouse.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := cli.Run(ctx, cli.Environment{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Version: version,
	})
	stop()
	os.Exit(code)
}
