package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Figure is one line of the report.
type Figure struct {
	ID     string     `json:"id"`
	Figure string     `json:"figure"`
	Ours   Side       `json:"ours"`
	Raw    Side       `json:"raw"`
	Ratio  float64    `json:"ratio"`  // median over the rounds
	Spread [2]float64 `json:"spread"` // least and greatest ratio of a round
	Is     string     `json:"ratioIs"`
	Target string     `json:"target,omitempty"`
	Met    *bool      `json:"met,omitempty"`
	Rounds int        `json:"rounds"`
	Unit   string     `json:"unit,omitempty"` // of both sides where it is no time
	Notes  []string   `json:"notes,omitempty"`
}

// Side is what one side of a comparison does, and the median of its time for one unit.
type Side struct {
	Does string  `json:"does"`
	Nano float64 `json:"nanoseconds"`
}

// compared makes a figure of ours over raw, or with faster of raw over ours.
func compared(f Figure, r rounds, faster bool) Figure {
	f.Ours.Nano, f.Raw.Nano, f.Rounds = median(r.ours), median(r.raw), len(r.ours)
	f.Is = "ours / raw"
	all := ratios(r.ours, r.raw)
	if faster {
		f.Is, all = "raw / ours", ratios(r.raw, r.ours)
	}
	return f.with(all)
}

func (f Figure) with(ratios []float64) Figure {
	f.Ratio = median(ratios)
	f.Spread = [2]float64{math.Inf(1), math.Inf(-1)}
	for _, x := range ratios {
		f.Spread = [2]float64{min(f.Spread[0], x), max(f.Spread[1], x)}
	}
	return f
}

// atMost and atLeast set a target for the ratio.
func (f Figure) atMost(limit float64) Figure {
	met := f.Ratio <= limit
	f.Target, f.Met = "≤ "+number(limit), &met
	return f
}

func (f Figure) atLeast(limit float64) Figure {
	met := f.Ratio >= limit
	f.Target, f.Met = "≥ "+number(limit), &met
	return f
}

// Report is the result of a run.
type Report struct {
	Go      string   `json:"go"`
	System  string   `json:"system"`
	CPUs    int      `json:"cpus"`
	Rounds  int      `json:"rounds"`
	Clock   string   `json:"clock"`
	Quick   bool     `json:"quick,omitempty"`
	Seed    uint64   `json:"seed"`
	Figures []Figure `json:"figures"`
}

func newReport(c config) *Report {
	return &Report{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0), Rounds: c.rounds, Clock: clockIs, Quick: c.quick, Seed: c.seed, Figures: []Figure{}}
}

func (r *Report) json(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (r *Report) table(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ID\tFIGURE\tOURS\tRAW OR PEER\tRATIO\tLEAST..GREATEST\tTARGET\tMET")
	for _, f := range r.Figures {
		met := ""
		if f.Met != nil {
			met = map[bool]string{true: "yes", false: "NO"}[*f.Met]
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s..%s\t%s\t%s\n", f.ID, f.Figure, f.amount(f.Ours.Nano), f.amount(f.Raw.Nano),
			number(f.Ratio), number(f.Spread[0]), number(f.Spread[1]), f.Target, met)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	_, _ = fmt.Fprintf(&b, "\n%s %s, %d CPUs; %s; both sides in turn, medians of %d rounds, seed %d.\n", r.Go, r.System, r.CPUs, r.Clock, r.Rounds, r.Seed)
	if r.Quick {
		b.WriteString("A quick run on small inputs: it shows that everything runs, and measures nothing.\n")
	}
	for _, f := range r.Figures {
		if f.Ours.Does == "" && len(f.Notes) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(&b, "\n%s %s (%s, %d rounds)\n", f.ID, f.Figure, f.Is, f.Rounds)
		for _, line := range append([]string{"ours: " + f.Ours.Does, "raw: " + f.Raw.Does}, f.Notes...) {
			if !strings.HasSuffix(line, ": ") {
				b.WriteString("  " + line + "\n")
			}
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// amount writes one side of a figure.
func (f *Figure) amount(x float64) string {
	if f.Unit != "" {
		return number(x) + " " + f.Unit
	}
	return duration(x)
}

// duration writes nanoseconds with three digits; beyond a year in years.
func duration(nanoseconds float64) string {
	switch year := 365 * 24 * float64(time.Hour); {
	case nanoseconds > year:
		return number(nanoseconds/year) + " years"
	case nanoseconds > float64(time.Minute):
		return time.Duration(nanoseconds).Round(time.Second).String()
	case nanoseconds >= 1e9:
		return number(nanoseconds/1e9) + " s"
	case nanoseconds >= 1e6:
		return number(nanoseconds/1e6) + " ms"
	case nanoseconds >= 1e3:
		return number(nanoseconds/1e3) + " µs"
	}
	return number(nanoseconds) + " ns"
}

// number writes a number with three significant digits.
func number(x float64) string {
	switch {
	case math.Abs(x) >= 1e6:
		return strconv.FormatFloat(x, 'e', 2, 64)
	case math.Abs(x) >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}
