// The bench command measures the figures of the engine and of the hub as ratios, all in one run on one machine: each side several
// rounds in turn, the medians compared. It is a module of its own, because the peers that it measures against are no
// dependencies of the product.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"

	clickhouseembedded "github.com/meridian-federation/meridian/federation/history/embedded"
)

func main() {
	clickhouseembedded.Main() // Returns at once unless this process was started as the embedded ClickHouse.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

// run measures what the arguments ask for. Results go to out, progress to talk.
func run(ctx context.Context, args []string, out, talk io.Writer) (err error) {
	var c config
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(talk)
	flags.BoolVar(&c.quick, "quick", false, "small inputs and one round: seconds instead of minutes, and figures that only show that it runs")
	flags.IntVar(&c.rounds, "rounds", 5, "rounds of each measurement; the median counts")
	flags.IntVar(&c.sites, "sites", 20_000, "sites of the large fleet of B5, B6 and B7; the goals are for 100000, which takes 8 GB of memory and half an hour")
	flags.IntVar(&c.past, "past", 1000, "sites of the report of the past in B10; the goal is for 10000, which takes a quarter of an hour")
	flags.Uint64Var(&c.seed, "seed", 1, "seed of the inventories")
	only := flags.String("only", "", "comma-separated ids of the figures to measure, such as B3,B4; empty measures all")
	format := flags.String("o", "table", "table or json")
	profile := flags.String("cpuprofile", "", "write a CPU profile of the whole run to this file")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read the arguments: %w", err)
	}
	if c.quick {
		c.rounds = 1
	}
	if flags.NArg() > 0 || c.rounds < 1 || c.sites < 1000 || c.past < 20 || *format != "table" && *format != "json" {
		return fmt.Errorf("read the arguments: use -o table or json, -rounds of one or more, -sites of 1000 or more, -past of 20 or more, and no further words")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return fmt.Errorf("write a CPU profile: %w", err)
		}
		defer func() {
			pprof.StopCPUProfile()
			if e := f.Close(); e != nil && err == nil {
				err = fmt.Errorf("write a CPU profile: %w", e)
			}
		}()
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("write a CPU profile: %w", err)
		}
	}
	report := newReport(c)
	for _, b := range chosen {
		if b.full && c.quick {
			continue
		}
		_, _ = fmt.Fprintf(talk, "%s …\n", strings.Join(b.ids, ", "))
		figures, err := b.measure(ctx, c)
		if err != nil {
			return fmt.Errorf("measure %s: %w", strings.Join(b.ids, ", "), err)
		}
		report.Figures = append(report.Figures, figures...)
	}
	if *format == "json" {
		return report.json(out)
	}
	return report.table(out)
}

// bench is a measurement that gives one or more figures.
type bench struct {
	ids     []string
	measure func(context.Context, config) ([]Figure, error)
	full    bool // left out of a quick run: it builds programs of others
}

func benches() []bench {
	return []bench{
		{ids: []string{"B1", "B2"}, measure: throughput},
		{ids: []string{"B5", "B6", "B7"}, measure: scale},
		{ids: []string{"B8"}, measure: reads},
		{ids: []string{"B9"}, measure: writes},
		{ids: []string{"B10"}, measure: pastReport},
		{ids: []string{"B3"}, measure: assessment},
		{ids: []string{"B15"}, measure: recommendation},
		{ids: []string{"B4"}, measure: againstOPA},
		{ids: []string{"B11"}, measure: availabilityOfMany},
		{ids: []string{"B12"}, measure: sweeps},
		{ids: []string{"B14"}, measure: daemons, full: true},
	}
}

func choose(only string) ([]bench, error) {
	if only == "" {
		return benches(), nil
	}
	var out []bench
	for id := range strings.SplitSeq(only, ",") {
		found := false
		for _, b := range benches() {
			for _, known := range b.ids {
				if strings.EqualFold(known, strings.TrimSpace(id)) {
					found = true
					if !slices.ContainsFunc(out, func(o bench) bool { return o.ids[0] == b.ids[0] }) {
						out = append(out, b)
					}
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("choose the figures: there is no %q; use B1 to B12, B14 or B15", id)
		}
	}
	return out, nil
}
