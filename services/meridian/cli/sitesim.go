package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/api/bus"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/planner/sitesim/planners"
	"github.com/meridian-federation/meridian/services/internal/boot"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/remote"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

type sitesimCommand struct {
	Sites     int            `help:"How many sites; ${default} when absent." default:"100" placeholder:"N"`
	Seed      uint64         `help:"The same seed makes the same sites; ${default} when absent." default:"1" placeholder:"S"`
	Rate      float64        `help:"Revisions of each site an hour; ${default} when absent." default:"4" placeholder:"R"`
	Duration  time.Duration  `help:"How much of the sites' life is simulated; ${default} when absent." default:"1m" placeholder:"D"`
	Start     remote.Instant `help:"When the sites' life begins, such as 2026-11-20T08:00:00Z, which it is for --out when absent; with --nats it begins now." placeholder:"T"`
	Out       string         `help:"Write each site's last inventory into this folder." type:"path" placeholder:"DIR" xor:"where" required:""`
	NATS      string         `name:"nats" help:"Publish to this NATS server as the planners would." placeholder:"URL" xor:"where" required:""`
	NATSSeed  string         `name:"nats-seed" help:"File with the NKey seed for --nats; it must be allowed to publish for every site." placeholder:"FILE"`
	NATSCreds string         `name:"nats-credentials" help:"NATS credentials file for --nats, instead of a seed." placeholder:"FILE"`
	Conns     int            `help:"Connections that the sites share; ${default} when absent." default:"4" placeholder:"N"`
	Beat      time.Duration  `help:"Interval of each site's heartbeats; ${default} when absent." default:"1m" placeholder:"D"`
	Settle    time.Duration  `help:"How long is waited in the end for the hub to apply what was accepted; ${default} when absent." default:"30s" placeholder:"D"`
	Remote    bool           `name:"allow-remote" help:"Publish to an address that is not of this machine, too. Simulated sites are not told from real ones there."`
	Output    output.Format  `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Help is shown below the usage.
func (sitesimCommand) Help() string {
	return "Each site has twelve nodes and some 8 kB of inventory. Architectures, shared infrastructure, region mismatches and faults come as often " +
		"as in real plants, failovers, upgrades and silences by chance. The simulation ends by itself."
}

const (
	mostConns   = 64
	longestLife = 365 * 24 * time.Hour

	connectWithin = 10 * time.Second
)

// Run simulates.
func (c *sitesimCommand) Run(ctx context.Context, e *Environment) error {
	switch {
	case c.Sites < 1 || c.Sites > sitesim.MostSites:
		return fmt.Errorf("--sites: %d is not between 1 and %d", c.Sites, sitesim.MostSites)
	case c.Rate <= 0 || c.Rate > 3600:
		return fmt.Errorf("--rate: %g is not above 0 and at most 3600, which is one a second", c.Rate)
	case c.Duration < 0 || c.Duration > longestLife:
		return fmt.Errorf("--duration: %s is not between 0 and %s", c.Duration, longestLife)
	case c.Conns < 1 || c.Conns > mostConns:
		return fmt.Errorf("--conns: %d is not between 1 and %d", c.Conns, mostConns)
	case c.Beat < time.Second:
		return fmt.Errorf("--beat: %s is less than one second", c.Beat)
	}
	o := sitesim.Options{Seed: c.Seed, Sites: c.Sites, Start: c.Start.Time, Every: time.Duration(float64(time.Hour) / c.Rate)}
	if c.Out != "" {
		return c.write(ctx, e, sitesim.New(o))
	}
	if err := c.near(); err != nil {
		return err
	}
	if o.Start.IsZero() {
		o.Start = e.Now().UTC().Truncate(time.Millisecond)
	}
	return c.publish(ctx, e, sitesim.New(o))
}

// write leaves in the folder what each site observed last.
func (c *sitesimCommand) write(ctx context.Context, e *Environment, f *sitesim.Fleet) error {
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return fmt.Errorf("write the inventories: %w", err)
	}
	last := make([]int, f.Len())
	for event := range f.Life(f.Start().Add(c.Duration)) {
		if ctx.Err() != nil {
			return fmt.Errorf("simulate the sites: %w", ctx.Err())
		}
		if event.Kind == sitesim.Publish {
			last[event.Site] = event.Step
		}
	}
	for i, step := range last {
		if ctx.Err() != nil {
			return fmt.Errorf("write the inventories: %w", ctx.Err())
		}
		text, err := inventory.Canonical(f.Site(i, step))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(c.Out, f.ID(i)+".json"), append(text, '\n'), 0o600); err != nil {
			return fmt.Errorf("write the inventories: %w", err)
		}
	}
	fmt.Fprintf(e.Stderr, "%s written to %s\n", words.Count(f.Len(), "file"), c.Out)
	return nil
}

func (c *sitesimCommand) publish(ctx context.Context, e *Environment, f *sitesim.Fleet) error {
	logger, err := boot.Logger(e.Stderr, boot.Log{Level: "warn"})
	if err != nil {
		return err
	}
	hubs := make([]planners.Hub, c.Conns)
	for i := range hubs {
		call, cancel := context.WithTimeout(ctx, connectWithin)
		conn, err := bus.Connect(call, bus.Options{Name: "meridian-sitesim", URL: c.NATS, SeedFile: c.NATSSeed, CredentialsFile: c.NATSCreds, WaitConnected: true, Logger: logger})
		cancel()
		if err != nil {
			return err
		}
		defer conn.Close()
		hubs[i] = conn
	}
	counts, err := planners.Run(ctx, planners.Options{
		Fleet: f, Hubs: hubs, Duration: max(c.Duration, time.Nanosecond), Heartbeat: c.Beat, Settle: c.Settle, Version: e.Version, Logger: logger,
	})
	if err != nil {
		return err
	}
	if err := simulated(counts).Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if counts.Unsent > 0 || counts.Behind > 0 {
		return &exit{code: ExitIncomplete, err: fmt.Errorf("%d revisions were not accepted and %d sites not applied in the end; is a hub running, and is it fast enough?", counts.Unsent, counts.Behind)}
	}
	return nil
}

func simulated(n planners.Counts) output.Sheet {
	s := output.Sheet{Value: n, Columns: []output.Column{{Name: "sites"}, {Name: "accepted"}, {Name: "duplicates"}, {Name: "retries"}, {Name: "unsent"}, {Name: "heartbeats"}, {Name: "silences"}, {Name: "applied"}, {Name: "behind"}}}
	row := make([]string, 0, len(s.Columns))
	for _, v := range []int{n.Sites, n.Accepted, n.Duplicates, n.Retries, n.Unsent, n.Heartbeats, n.Silences, n.Applied, n.Behind} {
		row = append(row, fmt.Sprint(v))
	}
	s.Rows = append(s.Rows, row)
	return s
}

// near refuses addresses of other machines unless they are asked for: a federation cannot tell simulated sites from real ones.
func (c *sitesimCommand) near() error {
	if c.Remote {
		return nil
	}
	for address := range strings.SplitSeq(c.NATS, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || u.Hostname() == "" {
			return fmt.Errorf("--nats: %q is no URL like nats://127.0.0.1:4222", address)
		}
		if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return errors.New("--nats: " + u.Host + " is not of this machine, and a federation cannot tell simulated sites from real ones; add --allow-remote if that is what you want")
		}
	}
	return nil
}
