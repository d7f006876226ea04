package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sources/file"
	"github.com/meridian-federation/meridian/services/internal/conf"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

type assessCommand struct {
	Paths  []string      `arg:"" name:"path" help:"Inventories (YAML or JSON) and folders of them."`
	Policy string        `help:"Policy file." placeholder:"FILE"`
	All    bool          `help:"Also show what passes and what does not apply."`
	FailOn string        `help:"Exit with 1 when a finding is at least this severe: ${enum}." enum:"critical,high,medium,low,info,never" default:"high"`
	At     time.Time     `help:"Judge as of this instant (RFC 3339); now when absent." placeholder:"TIME"`
	Only   []string      `help:"Print these sites only; the others stay in view as neighbours." placeholder:"SITE"`
	Output output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md,sarif,junit" default:"table"`
}

// Run judges all inventories together. A file that cannot be read is told and left out; the rest goes on.
func (c *assessCommand) Run(e *Environment) error {
	engine, err := assess.Builtin()
	if err != nil {
		return err
	}
	pol, err := conf.Policy(c.Policy, engine.Rules)
	if err != nil {
		return err
	}
	at := c.At
	if at.IsZero() {
		at = e.Now().UTC().Truncate(time.Second)
	}
	sites, refused, err := e.load(engine, c.Paths, at)
	if err != nil {
		return err
	}
	parts := engine.Sites(sites, assess.View{Policy: pol, At: at, All: c.All})
	if parts, err = only(parts, c.Only); err != nil {
		return err
	}
	whole := assess.Merge(parts)
	if err := c.write(e, whole, len(sites), refused); err != nil {
		return err
	}
	return verdict(whole.Findings, rules.Severity(c.FailOn), refused)
}

// load reads and normalises inventories, tells every problem, and fails only when nothing is left.
func (e *Environment) load(engine *assess.Engine, paths []string, now time.Time) (sites []*inventory.Site, refused int, err error) {
	read := file.Read(engine.Regions, paths...)
	for _, ignored := range read.Ignored {
		fmt.Fprintf(e.Stderr, "%s: left out: %s\n", ignored.Path, ignored.Reason)
	}
	for _, d := range read.Documents {
		problems := d.Problems
		if len(problems) == 0 {
			if err := inventory.CheckTime(d.Site, now); err != nil {
				e.tell(conf.Named(d.Path, err))
				refused++
				continue
			}
			sites = append(sites, inventory.Normalise(d.Site, engine.Regions))
			continue
		}
		refused++
		e.tell(document.NewError(problems))
	}
	if len(sites) == 0 {
		return nil, refused, errors.New("no inventory could be read")
	}
	return sites, refused, nil
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
			return nil, fmt.Errorf("--only %s: there is no inventory of that site; there are %s", id, strings.Join(known, ", "))
		}
		out = append(out, p)
	}
	return out, nil
}

func (c *assessCommand) write(e *Environment, a *assess.Assessment, sites, refused int) error {
	switch c.Output {
	case output.JSON:
		data, err := assess.Marshal(a)
		if err != nil {
			return err
		}
		_, err = e.Stdout.Write(data)
		return err
	case output.YAML:
		return output.WriteYAML(e.Stdout, a)
	case "sarif":
		return writeSARIF(e.Stdout, a, e.Version)
	case "junit":
		return writeJUnit(e.Stdout, a)
	case output.CSV:
		return findingSheet(a.Findings).Write(e.Stdout, c.Output)
	default:
		if err := clusterSheet(a.Clusters).Write(e.Stdout, c.Output); err != nil {
			return err
		}
		fmt.Fprintln(e.Stdout)
		if err := findingSheet(a.Findings).Write(e.Stdout, c.Output); err != nil {
			return err
		}
		v := a.Verdicts
		fmt.Fprintf(e.Stderr, "%d sites judged, %d files refused; %d fail, %d unknown, %d pass, %d not applicable; %d of %d facts known\n",
			sites, refused, v.Fail, v.Unknown, v.Pass, v.NotApplicable, a.Coverage.FactsKnown, a.Coverage.FactsNeeded)
		return nil
	}
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
		Columns: []output.Column{
			{Name: "cluster"}, {Name: "architecture"}, {Name: "distance"}, {Name: "recommended"}, {Name: "thingworx in"}, {Name: "database in"},
			{Name: "round trip"}, {Name: "size"}, {Name: "serving"}, {Name: "downtime/year"}, {Name: "overlays", Wide: true}, {Name: "full", Wide: true},
		},
		Value: clusters, Empty: "No clusters.",
	}
	for i := range clusters {
		c := &clusters[i]
		trip := ""
		if c.Regions.RoundTrip != nil {
			trip = c.Regions.RoundTrip.P95.String() + " " + c.Regions.RoundTrip.Source
		}
		size := "unknown"
		if c.Sizing.Known {
			size = string(c.Sizing.Size)
		}
		s.Rows = append(s.Rows, []string{
			c.ID, c.Recognised.Architecture, strconv.FormatFloat(c.Recognised.Distance, 'f', 2, 64), c.Recommendation.Architecture,
			strings.Join(c.Regions.ThingWorx, " "), c.Regions.Database, trip, size,
			strconv.FormatFloat(c.Availability.Serving, 'f', 6, 64), c.Availability.DowntimePerYear,
			strings.Join(c.Recognised.Overlays, " "), strconv.FormatFloat(c.Availability.Full, 'f', 6, 64),
		})
	}
	return s
}

func findingSheet(findings []rules.Finding) output.Sheet {
	s := output.Sheet{
		Columns: []output.Column{
			{Name: "severity"}, {Name: "verdict"}, {Name: "rule"}, {Name: "subject"}, {Name: "message"}, {Name: "basis", Wide: true},
			{Name: "failing since", Wide: true}, {Name: "remedy", Wide: true}, {Name: "reference", Wide: true},
		},
		Value: findings, Empty: "No findings.",
	}
	for i := range findings {
		f := &findings[i]
		since := ""
		if f.FailingSince != nil {
			since = f.FailingSince.UTC().Format(time.RFC3339)
		}
		s.Rows = append(s.Rows, []string{
			string(f.Severity), string(f.Verdict), f.Rule, subject(f.Subject), f.Message, string(f.Confidence), since, f.Remedy, f.Reference,
		})
	}
	return s
}

// subject writes a subject the way people say it: the cluster, or the infrastructure, or the site, and the node.
func subject(s rules.Subject) string {
	out := s.Site
	if s.Cluster != "" {
		out += "/" + s.Cluster
	}
	if s.Infrastructure != "" {
		if s.Cluster == "" {
			out = s.Infrastructure
		} else {
			out += " " + s.Infrastructure
		}
	}
	if s.Node != "" {
		out += " " + s.Node
	}
	return out
}
