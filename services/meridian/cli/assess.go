package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/services/meridian/exchange"
	"github.com/meridian-federation/meridian/services/meridian/govern"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/remote"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

// Formats that carry findings to other tools.
const (
	formatSARIF output.Format = "sarif"
	formatJUnit output.Format = "junit"
)

// failOnFlag sets the threshold of exit code 1.
type failOnFlag struct {
	FailOn string `help:"Exit with 1 when a finding is at least this severe: ${enum}." enum:"critical,high,medium,low,info,never" default:"high"`
}

type assessCommand struct {
	Paths []string `arg:"" name:"path" help:"Inventories (YAML or JSON) and folders of them."`
	policyFlag
	catalogFlag
	rulesFlag
	waiversFlag
	All bool `help:"Also show what passes and what does not apply."`
	failOnFlag
	At     remote.Instant `help:"Judge as of this instant (RFC 3339); now when absent." placeholder:"TIME"`
	Only   []string       `help:"Print these sites only; the others stay in view as neighbours." placeholder:"SITE"`
	Output output.Format  `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md,sarif,junit" default:"table"`
}

// Help is shown below the usage.
func (assessCommand) Help() string {
	return "The inventories are judged together, each with the others in view. table shows clusters and findings, csv the findings, " +
		"json and yaml the whole Assessment, sarif and junit the findings for code scanning and CI."
}

// Run judges all inventories together. A file that cannot be read is told and left out; the rest goes on.
func (c *assessCommand) Run(e *Environment) error {
	engine, pol, err := judge(c.catalogFlag, c.rulesFlag, c.policyFlag)
	if err != nil {
		return err
	}
	at := c.At.Time
	if at.IsZero() {
		at = e.present()
	}
	read, err := e.read(engine, c.Paths, at)
	if err != nil {
		return err
	}
	parts := engine.Sites(read.sites, assess.View{Policy: pol, At: at, All: c.All})
	if err := govern.Waive(c.Waivers, parts, read.sites); err != nil {
		return err
	}
	if parts, err = only(parts, c.Only); err != nil {
		return err
	}
	whole := assess.Merge(parts)
	if err := c.write(e, engine, whole, read); err != nil {
		return err
	}
	return verdict(whole.Findings, rules.Severity(c.FailOn), read.refused)
}

func only(parts []*assess.Assessment, sites []string) ([]*assess.Assessment, error) {
	if len(sites) == 0 {
		return parts, nil
	}
	byID := map[string]*assess.Assessment{}
	var known []string
	for _, p := range parts {
		byID[p.Inventories[0].Site] = p
		known = append(known, p.Inventories[0].Site)
	}
	var out []*assess.Assessment
	for _, id := range sites {
		p, ok := byID[id]
		if !ok {
			remedy := "there are " + strings.Join(known, ", ")
			if near := document.Nearest(id, known); near != "" {
				remedy = fmt.Sprintf("did you mean %q?", near)
			}
			return nil, fmt.Errorf("--only %s: there is no inventory of that site; %s", id, remedy)
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (c *assessCommand) write(e *Environment, engine *assess.Engine, a *assess.Assessment, read *reading) error {
	switch c.Output {
	case output.JSON:
		data, err := assess.Marshal(a)
		if err != nil {
			return err
		}
		if _, err = e.Stdout.Write(data); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		return nil
	case output.YAML:
		return output.WriteYAML(e.Stdout, a)
	case formatSARIF, formatJUnit:
		return e.exchange(c.Output, exchange.Export{
			Findings: a.Findings, Entries: engine.Rules.Entries(), At: a.At, Sites: siteIDs(a), Places: exchange.NewPlaces(read.paths), Problems: read.problems,
		})
	case output.CSV:
		return findingSheet(a.Findings, exchange.NewPlaces(read.paths)).Write(e.Stdout, c.Output)
	}
	var at *exchange.Places
	if c.Output == output.Wide {
		at = exchange.NewPlaces(read.paths)
	}
	d := output.Document{Sheets: []output.Sheet{clusterSheet(a.Clusters), findingSheet(a.Findings, at)}}
	if err := d.Write(e.Stdout, c.Output); err != nil {
		return err
	}
	v := a.Verdicts
	fmt.Fprintf(e.Stderr, "%s judged, %s refused; %d fail%s, %d unknown, %d pass, %d not applicable; %d of %d facts known\n",
		words.Count(len(a.Inventories), "site"), words.Count(read.refused, "file"), v.Fail, bySeverity(a.Findings), v.Unknown, v.Pass, v.NotApplicable, a.Coverage.FactsKnown, a.Coverage.FactsNeeded)
	return nil
}

// bySeverity says how many fail of each severity, worst first, in parentheses; "" when nothing fails.
func bySeverity(findings []rules.Finding) string {
	var out []string
	for _, s := range rules.Severities() {
		n := 0
		for i := range findings {
			if findings[i].Verdict == rules.Fail && findings[i].Severity == s {
				n++
			}
		}
		if n > 0 {
			out = append(out, strconv.Itoa(n)+" "+string(s))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}

func siteIDs(a *assess.Assessment) []string {
	out := make([]string, len(a.Inventories))
	for i := range a.Inventories {
		out[i] = a.Inventories[i].Site
	}
	return out
}

// verdict is the exit code of a judgement. A rule at or above the threshold that could not be judged, or an input that could not be
// read, is incomplete: unknown is never clean.
func verdict(findings []rules.Finding, failOn rules.Severity, refused int) error {
	incomplete := refused > 0
	if failOn != "never" {
		for i := range findings {
			f := &findings[i]
			if f.Waiver != nil || f.Severity.Rank() > failOn.Rank() {
				continue
			}
			switch f.Verdict {
			case rules.Fail:
				return &exit{code: ExitFindings}
			case rules.Unknown:
				incomplete = true
			}
		}
	}
	if incomplete {
		return &exit{code: ExitIncomplete}
	}
	return nil
}

func clusterSheet(clusters []assess.Cluster) output.Sheet {
	s := output.Sheet{
		Title: "Clusters",
		Columns: []output.Column{
			{Name: "cluster"},
			{Name: "architecture"},
			{Name: "distance"},
			{Name: "recommended"},
			{Name: "thingworx in"},
			{Name: "database in"},
			{Name: "size"},
			{Name: "serving"},
			{Name: "downtime/year", Wide: true},
			{Name: "full", Wide: true},
			{Name: "round trip", Wide: true},
			{Name: "overlays", Wide: true},
		},
		Value: clusters, Empty: "No clusters.",
	}
	for i := range clusters {
		c := &clusters[i]
		trip := ""
		if c.Regions.RoundTrip != nil {
			trip = c.Regions.RoundTrip.P95.String() + " " + c.Regions.RoundTrip.Source
		}
		size, serving, downtime, full := "unknown", "unknown", "", ""
		if c.Sizing.Known {
			size = string(c.Sizing.Size)
		}
		if c.Availability.Known {
			serving, downtime, full = probability(c.Availability.Serving), c.Availability.DowntimePerYear, probability(c.Availability.Full)
		}
		s.Rows = append(s.Rows, []string{
			c.ID, c.Recognised.Architecture, strconv.FormatFloat(c.Recognised.Distance, 'f', 2, 64), c.Recommendation.Architecture,
			words.OrUnknown(strings.Join(c.Regions.ThingWorx, " ")), words.OrUnknown(c.Regions.Database), size,
			serving, downtime, full, trip, strings.Join(c.Recognised.Overlays, " "),
		})
	}
	return s
}

// probability writes a chance with the digits that people compare; JSON and YAML have all of them.
func probability(p float64) string { return strconv.FormatFloat(p, 'f', 6, 64) }

// findingSheet shows findings; at tells where files list their subjects, nil when nothing does.
func findingSheet(findings []rules.Finding, at *exchange.Places) output.Sheet {
	s := output.Sheet{
		Title: "Findings",
		Columns: []output.Column{
			{Name: "severity"},
			{Name: "verdict"},
			{Name: "rule"},
			{Name: "subject"},
			{Name: "basis", Wide: true},
			{Name: "failing since", Wide: true},
			{Name: "place", Wide: true},
			{Name: "message"},
			{Name: "remedy", Wide: true},
			{Name: "reference", Wide: true},
		},
		Value: findings, Empty: "No findings.",
	}
	for i := range findings {
		f := &findings[i]
		since, where := "", ""
		if f.FailingSince != nil {
			since = f.FailingSince.UTC().Format(time.RFC3339)
		}
		if at != nil {
			if p, ok := at.Of(f.Subject); ok {
				where = p.String()
			}
		}
		verdict := string(f.Verdict)
		if f.Waiver != nil {
			verdict = "waived"
		}
		s.Rows = append(s.Rows, []string{
			string(f.Severity), verdict, f.Rule, exchange.Subject(f.Subject), string(f.Confidence), since, where, f.Message, f.Remedy, f.Reference,
		})
	}
	return s
}

// exchange writes findings for another tool.
func (e *Environment) exchange(f output.Format, x exchange.Export) error {
	if f == formatSARIF {
		return exchange.SARIF(e.Stdout, x, e.Version)
	}
	return exchange.JUnit(e.Stdout, x)
}

type findingsCommand struct {
	remote.Flags
	remote.FilterFlags
	All bool `help:"Also show what passes and what does not apply."`
	failOnFlag
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md,sarif,junit" default:"table"`
}

// Run lists findings and answers with the exit code of a judgement.
func (c *findingsCommand) Run(ctx context.Context, e *Environment) error {
	api, err := c.Client(e.remote())
	if err != nil {
		return err
	}
	q := c.Query()
	q.All = c.All
	page, err := api.Findings(q).Collect(ctx)
	if err != nil {
		return api.Explain(err)
	}
	if c.Output == formatSARIF || c.Output == formatJUnit {
		err = e.exchange(c.Output, exchange.Export{Findings: page.Items})
	} else {
		s := findingSheet(page.Items, nil)
		s.Value = page
		err = s.Write(e.Stdout, c.Output)
	}
	if err != nil {
		return err
	}
	if c.Output.ForPeople() {
		fmt.Fprintf(e.Stderr, "%s; %s\n", words.Count(page.Total, "finding"), words.Coverage(page.Coverage))
	}
	return verdict(page.Items, rules.Severity(c.FailOn), 0)
}

// waiversFlag names a file of waivers.
type waiversFlag struct {
	Waivers string `help:"File of approved waivers (kind Waivers); what they cover still fails, says so, and does not count for --fail-on." placeholder:"FILE"`
}
