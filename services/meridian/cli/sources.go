package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sources/collect"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/merge"
	"github.com/meridian-federation/meridian/planner/sources/probe"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/planner/daemon"
)

type sourcesCommand struct {
	Paths     []string      `arg:"" optional:"" name:"path" help:"SiteInventories, raw exports, and folders of them, of one site."`
	State     string        `help:"State folder of a planner instead of paths." placeholder:"DIR"`
	Site      string        `help:"Id of the site; that of the SiteInventory when absent." placeholder:"ID"`
	Under     string        `help:"Show only facts at and below this JSON pointer, for example /infrastructure/0." placeholder:"POINTER"`
	Conflicts bool          `help:"Show only facts on which sources disagree."`
	Output    output.Format `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Help is shown below the usage.
func (sourcesCommand) Help() string {
	return "Merges what several sources say about one site, as the planner does, and tells of each fact who said it, whether it was declared or " +
		"observed, how old it is and which values it overruled; how each source fared; and what the rules lack, with the source that could " +
		"tell. With --state it shows what a planner on this machine has collected. CSV prints the facts. Exit code 3 when a source failed or was understood in part."
}

// sourcesAnswer is the command's answer.
type sourcesAnswer struct {
	Site     string             `json:"site"`
	Facts    []sourcedFact      `json:"facts"`
	Total    int                `json:"total"` // facts before --under and --conflicts
	Conflict int                `json:"conflicts"`
	Sources  []inventory.Source `json:"sources"`
	Missing  []missingFact      `json:"missing"`
	Notes    []document.Problem `json:"notes"`
}

type sourcedFact struct {
	merge.Fact
	Age inventory.Duration `json:"age,omitzero"`
}

// missingFact is what rules lack for a verdict.
type missingFact struct {
	Fact     string   `json:"fact"`
	Rules    []string `json:"rules"`
	Subjects []string `json:"subjects"`
	From     []string `json:"from"` // sources that could tell
}

// Run merges and tells.
func (c *sourcesCommand) Run(e *Environment) error {
	engine, err := assess.Builtin()
	if err != nil {
		return err
	}
	var kept []collect.Kept
	var outcomes []inventory.Source
	var probed *probe.Results
	switch {
	case c.State != "" && len(c.Paths) > 0, c.State == "" && len(c.Paths) == 0:
		return errors.New("give paths, or the state folder of a planner with --state")
	case c.State != "":
		kept, outcomes, probed, err = c.planner()
	default:
		kept, err = c.read(e, engine)
	}
	if err != nil {
		return err
	}
	merged, err := merge.Merge(collect.Inputs(kept), engine.Regions)
	if err != nil {
		return err
	}
	if outcomes == nil {
		for _, k := range kept {
			outcomes = append(outcomes, k.Sources...)
		}
	}
	if err := observe(merged, probed); err != nil {
		return err
	}
	merged.Site.Sources = outcomes
	answer := c.answer(merged, e.present())
	answer.Sources = outcomes
	answer.Missing = missing(engine, merged.Site, e.present())
	if err := answer.document(c.Output).Write(e.Stdout, c.Output); err != nil {
		return err
	}
	for _, n := range merged.Notes {
		fmt.Fprintln(e.Stderr, n.String())
	}
	if slices.ContainsFunc(outcomes, func(s inventory.Source) bool { return s.Status != inventory.SourceOK }) {
		return &exit{code: ExitIncomplete}
	}
	return nil
}

// planner reads what a planner collected, and what its probes learned.
func (c *sourcesCommand) planner() ([]collect.Kept, []inventory.Source, *probe.Results, error) {
	kept, err := collect.Read(filepath.Join(c.State, daemon.KeptFile))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: give the state folder that the planner's configuration names", err)
	}
	status, err := agent.ReadStatus(c.State)
	if err != nil {
		return nil, nil, nil, err
	}
	probed, err := probe.ReadResults(filepath.Join(c.State, daemon.ProbesFile))
	return kept, status.Sources, probed, err
}

// observe puts what the probes learned over the merged inventory, as the planner does, and lists it among the facts.
func observe(r *merge.Result, probed *probe.Results) error {
	if probed == nil {
		return nil
	}
	r.Site = probe.Apply(r.Site, probed)
	body, err := inventory.Canonical(r.Site)
	if err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return err
	}
	var learned []merge.Fact
	for _, p := range r.Site.Provenance {
		if p.Source != probe.Source {
			continue
		}
		v := valueAt(tree, p.Path)
		switch list := v.(type) {
		case []any:
			v = count(len(list), "item")
		case map[string]any:
			v = "measured"
		}
		learned = append(learned, merge.Fact{Path: p.Path, Value: v, Source: p.Source, Standing: merge.Observed, ObservedAt: p.ObservedAt, InForce: true})
		for i := range r.Facts {
			if f := &r.Facts[i]; f.Path == p.Path && f.InForce && fmt.Sprint(f.Value) != fmt.Sprint(v) {
				f.InForce, f.Why = false, fmt.Sprintf("overruled: probe observed %v", v)
			}
		}
	}
	r.Facts = append(r.Facts, learned...)
	merge.Sort(r.Facts)
	return nil
}

// valueAt is the value at a JSON pointer, nil when there is none.
func valueAt(tree any, pointer string) any {
	for _, token := range strings.Split(pointer, "/")[1:] {
		switch v := tree.(type) {
		case map[string]any:
			tree = v[strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			tree = v[i]
		default:
			return nil
		}
	}
	return tree
}

// read takes SiteInventories as they are and gives everything else to the import.
func (c *sourcesCommand) read(e *Environment, engine *assess.Engine) ([]collect.Kept, error) {
	files, err := importer.Collect(c.Paths)
	if err != nil {
		return nil, err
	}
	var kept []collect.Kept
	var raw []importer.File
	site := c.Site
	for _, f := range files {
		if f.Unreadable != "" || !isInventory.Match(f.Data) {
			raw = append(raw, f)
			continue
		}
		s, err := inventory.Parse(f.Name, f.Data, engine.Regions)
		if err != nil {
			return nil, err
		}
		if site == "" {
			site = s.Site.ID
		}
		name := daemon.SourceName
		if len(kept) > 0 {
			name += "-" + strconv.Itoa(len(kept)+1)
		}
		kept = append(kept, collect.Kept{Name: name, Site: s, Sources: append([]inventory.Source{{Name: name, Status: inventory.SourceOK, At: s.ObservedAt, Detail: f.Name}}, s.Sources...)})
	}
	if len(raw) == 0 {
		return kept, nil
	}
	command := importCommand{From: "auto"}
	result := command.read(raw, importer.Options{Site: site, At: collect.Newest(raw, e.present()), Regions: engine.Regions})
	command.report(e.Stderr, &result)
	if result.Site == nil {
		return kept, nil
	}
	sources := result.Site.Sources
	result.Site.Sources = nil
	return append(kept, collect.Kept{Name: "import", Observed: true, Site: result.Site, Sources: sources}), nil
}

func (c *sourcesCommand) answer(r *merge.Result, now time.Time) *sourcesAnswer {
	a := &sourcesAnswer{Site: r.Site.Site.ID, Facts: []sourcedFact{}, Total: len(r.Facts), Notes: r.Notes}
	disputed := map[string]bool{}
	for _, f := range r.Facts {
		if f.Conflicts() {
			disputed[f.Path] = true
		}
	}
	a.Conflict = len(disputed)
	under := strings.TrimRight(c.Under, "/")
	for _, f := range r.Facts {
		if under != "" && f.Path != under && !strings.HasPrefix(f.Path, under+"/") || c.Conflicts && !disputed[f.Path] {
			continue
		}
		s := sourcedFact{Fact: f}
		if age := now.Sub(f.ObservedAt); !f.ObservedAt.IsZero() && age > 0 {
			s.Age = inventory.Duration(age.Truncate(time.Second))
		}
		a.Facts = append(a.Facts, s)
	}
	return a
}

func (a *sourcesAnswer) document(f output.Format) output.Document {
	facts := output.Sheet{
		Title: "Facts", Empty: "No facts.",
		Columns: []output.Column{{Name: "path"}, {Name: "value"}, {Name: "source"}, {Name: "standing"}, {Name: "age"}, {Name: "observedAt", Wide: true}, {Name: "inForce"}, {Name: "why"}},
	}
	for _, x := range a.Facts {
		at, age, force := "", "", "yes"
		if !x.ObservedAt.IsZero() {
			at, age = x.ObservedAt.Format(time.RFC3339), x.Age.String()
		}
		if !x.InForce {
			force = "no"
		}
		facts.Rows = append(facts.Rows, []string{x.Path, fmt.Sprint(x.Value), x.Source, x.Standing.String(), age, at, force, x.Why})
	}
	sources := output.Sheet{Title: "Sources", Empty: "No sources.", Columns: []output.Column{{Name: "source"}, {Name: "status"}, {Name: "at"}, {Name: "detail"}}}
	for _, s := range a.Sources {
		at := ""
		if !s.At.IsZero() {
			at = s.At.Format(time.RFC3339)
		}
		sources.Rows = append(sources.Rows, []string{s.Name, string(s.Status), at, s.Detail})
	}
	lacking := output.Sheet{Title: "Missing", Empty: "No rule lacks a fact.", Columns: []output.Column{{Name: "missing"}, {Name: "rules"}, {Name: "subjects", Wide: true}, {Name: "from"}}}
	for _, m := range a.Missing {
		lacking.Rows = append(lacking.Rows, []string{m.Fact, strings.Join(m.Rules, " "), strings.Join(m.Subjects, ", "), strings.Join(m.From, ", ")})
	}
	return output.Document{Value: a, Sheets: []output.Sheet{facts, sources, lacking}}
}

// isInventory finds a SiteInventory among raw exports.
var isInventory = regexp.MustCompile(`(?m)(^|[{,])\s*["']?kind["']?\s*:\s*["']?SiteInventory\b`)

// tellers are the sources that can tell a fact, by the words with which rules name it. The site's file can declare all.
func tellers(fact string) []string {
	what, _, _ := strings.Cut(fact, " of ")
	for _, t := range []struct {
		words string
		from  []string
	}{
		{"cpu memoryGiB region placement.region placement.zone placement.physicalZone tier sku highAvailability redundancy redundant geoRedundantBackup storageGiB", []string{"azure", "terraform"}},
		{"maxConnections", []string{"probes", "azure"}},
		{"role version roundTrip round probe database-round-trip edition", []string{"probes"}},
		{"poolMax platformId connectionServerBasePath igniteBasePath basePath haCompatibilityImportLevel clusteredMode namespace database schema storage thingworxPlatformShared", []string{"hostconfig", "kubernetes", "compose"}},
		{"thingworxVersion foundation connection-server ignite zookeeper nodes", []string{"hostconfig", "kubernetes", "compose"}},
		{"healthPath stickySessions load-balancer", []string{"hostconfig", "azure"}},
		{"infrastructure", []string{"azure", "terraform", "hostconfig"}},
	} {
		first, _, _ := strings.Cut(what, " ")
		if slices.Contains(strings.Fields(t.words), first) {
			return append(t.from, daemon.SourceName)
		}
	}
	return []string{daemon.SourceName}
}

// missing are the facts that rules reported as unknown, each with the sources that could tell.
func missing(engine *assess.Engine, site *inventory.Site, now time.Time) []missingFact {
	judged := engine.Site(assess.View{Site: site, At: now})
	byFact := map[string]*missingFact{}
	for _, f := range judged.Findings {
		if f.Verdict != rules.Unknown {
			continue
		}
		for _, fact := range f.Missing {
			m := byFact[fact]
			if m == nil {
				m = &missingFact{Fact: fact, From: tellers(fact)}
				byFact[fact] = m
			}
			subject := cmp.Or(f.Subject.Cluster, f.Subject.Infrastructure, f.Subject.Site)
			if !slices.Contains(m.Rules, f.Rule) {
				m.Rules = append(m.Rules, f.Rule)
			}
			if !slices.Contains(m.Subjects, subject) {
				m.Subjects = append(m.Subjects, subject)
			}
		}
	}
	out := make([]missingFact, 0, len(byFact))
	for _, m := range byFact {
		slices.Sort(m.Rules)
		slices.Sort(m.Subjects)
		out = append(out, *m)
	}
	slices.SortFunc(out, func(x, y missingFact) int {
		return cmp.Or(-cmp.Compare(len(x.Rules), len(y.Rules)), cmp.Compare(x.Fact, y.Fact))
	})
	return out
}
