package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/plan"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/services/internal/conf"
	"github.com/meridian-federation/meridian/services/meridian/output"
	"github.com/meridian-federation/meridian/services/meridian/remote"
	"github.com/meridian-federation/meridian/services/meridian/words"
)

type planCommand struct {
	File string `arg:"" help:"PlanRequest (YAML or JSON); - reads standard input."`
	policyFlag
	catalogFlag
	rulesFlag
	Prices    string         `help:"Price file; without one, costs are relative." placeholder:"FILE"`
	Inventory int            `help:"Print option N as a SiteInventory, for assess, simulate and availability, instead of the plan." placeholder:"N"`
	At        remote.Instant `help:"Instant of the plan (RFC 3339); now when absent." placeholder:"TIME"`
	Output    output.Format  `short:"o" help:"Format: ${enum}." enum:"table,wide,json,yaml,csv,md" default:"table"`
}

// Help is shown below the usage.
func (planCommand) Help() string {
	return "The request has a workload, objectives and constraints; \"meridian schema plan-request\" describes it. The answer has up to three options, each " +
		"with components, availability, cost, assumptions and steps, and says why every other reference architecture was rejected. csv has " +
		"the components of all options. Exit code 1 means that nothing meets the objectives, 3 that the request has no workload to size."
}

// Run plans one cluster.
func (c *planCommand) Run(e *Environment) error {
	engine, pol, err := judge(c.catalogFlag, c.rulesFlag, c.policyFlag)
	if err != nil {
		return err
	}
	view := plan.View{Policy: pol, At: c.At.Time}
	if view.At.IsZero() {
		view.At = e.present()
	}
	if c.Prices != "" {
		data, err := os.ReadFile(c.Prices)
		if err != nil {
			return fmt.Errorf("--prices: %w", err)
		}
		if view.Prices, err = recommend.ParsePrices(c.Prices, data); err != nil {
			return err
		}
	}
	name, data, err := e.input(c.File, plan.MaxDocument)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	request, err := plan.Parse(name, data, engine.Regions)
	if err != nil {
		return err
	}
	p, err := plan.Make(engine, request, view)
	if err != nil {
		return conf.Named(name, err)
	}
	if err := c.write(e, p); err != nil {
		return err
	}
	switch {
	case len(p.Options) == 0:
		return &exit{code: ExitFindings}
	case !p.Sizing.Known:
		return &exit{code: ExitIncomplete}
	}
	return nil
}

// input reads a file, or standard input for "-", and one byte more than the limit at most.
func (e *Environment) input(path string, limit int64) (name string, data []byte, err error) {
	r := e.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return path, nil, err
		}
		defer func() { _ = f.Close() }()
		r = f
	} else if path = "standard input"; r == nil {
		r = strings.NewReader("")
	}
	data, err = io.ReadAll(io.LimitReader(r, limit+1))
	return path, data, err
}

func (c *planCommand) write(e *Environment, p *plan.Plan) error {
	if c.Inventory != 0 {
		return c.inventory(e, p)
	}
	d := output.Document{Value: p, Sheets: []output.Sheet{componentSheet(p)}}
	switch c.Output {
	case output.JSON, output.YAML, output.CSV:
		return d.Write(e.Stdout, c.Output)
	}
	d.Sheets = []output.Sheet{optionSheet(p), reasonSheet(p)}
	if len(p.Options) > 0 {
		d.Sheets = append(d.Sheets, componentSheet(p), stepSheet(p), assumptionSheet(p))
	}
	d.Sheets = append(d.Sheets, rejectedSheet(p))
	for i := range d.Sheets {
		d.Sheets[i].Width = 100
	}
	if err := d.Write(e.Stdout, c.Output); err != nil {
		return err
	}
	if c.Output.ForPeople() {
		fmt.Fprintf(e.Stderr, "%s: %s, %s rejected\n", cmp.Or(p.Name, p.Cluster), words.Count(len(p.Options), "option"), words.Count(len(p.Rejected), "architecture"))
	}
	return nil
}

func (c *planCommand) inventory(e *Environment, p *plan.Plan) error {
	n := c.Inventory
	if n < 1 || n > len(p.Inventories) {
		return fmt.Errorf("--inventory %d: there is no such option; the plan has %s", n, words.Count(len(p.Inventories), "option"))
	}
	if c.Output == output.JSON {
		return output.WriteJSON(e.Stdout, p.Inventories[n-1])
	}
	return output.WriteYAML(e.Stdout, p.Inventories[n-1])
}

func optionSheet(p *plan.Plan) output.Sheet {
	s := output.Sheet{
		Title: "Options",
		Columns: []output.Column{
			{Name: "option"}, {Name: "objective"}, {Name: "architecture"}, {Name: "region"}, {Name: "serving"}, {Name: "full", Wide: true}, {Name: "cost index"}, {Name: "cost", Wide: !slices.ContainsFunc(p.Options, func(o recommend.Option) bool { return o.Cost > 0 })}, {Name: "shared"},
		},
		Empty: "No reference architecture meets the objectives within the constraints.",
	}
	for i := range p.Options {
		o := &p.Options[i]
		best := []string{string(o.Objective)}
		for _, a := range o.Also {
			best = append(best, string(a))
		}
		cost := ""
		if o.Cost > 0 {
			cost = strings.TrimSpace(strconv.FormatFloat(o.Cost, 'f', 2, 64) + " " + o.Currency)
		}
		s.Rows = append(s.Rows, []string{
			strconv.Itoa(i + 1), strings.Join(best, ", "), o.Architecture, foundationRegion(o), probability(o.Availability.Serving), probability(o.Availability.Full),
			strconv.FormatFloat(o.CostIndex, 'f', 2, 64), cost, sharedKinds(o),
		})
	}
	return s
}

func foundationRegion(o *recommend.Option) string {
	for _, c := range o.Components {
		if c.Kind == "foundation" {
			return strings.Trim(c.Provider+"/"+c.Region, "/")
		}
	}
	return ""
}

func sharedKinds(o *recommend.Option) string {
	var out []string
	for _, c := range o.Components {
		if c.Shared {
			out = append(out, c.Kind)
		}
	}
	return strings.Join(out, " ")
}

func reasonSheet(p *plan.Plan) output.Sheet {
	s := output.Sheet{Title: "Why", Columns: []output.Column{{Name: "why"}}}
	for _, r := range p.Reasons {
		s.Rows = append(s.Rows, []string{r})
	}
	return s
}

func componentSheet(p *plan.Plan) output.Sheet {
	s := output.Sheet{
		Title: "Components",
		Columns: []output.Column{
			{Name: "option"},
			{Name: "component"},
			{Name: "count"},
			{Name: "vcpu"},
			{Name: "gib"},
			{Name: "storage gib", Wide: true},
			{Name: "machine type", Wide: true},
			{Name: "product", Wide: true},
			{Name: "redundancy", Wide: true},
			{Name: "provider", Wide: true},
			{Name: "region"},
			{Name: "zone"},
			{Name: "shares machines with", Wide: true},
			{Name: "shared", Wide: true},
			{Name: "what", Narrow: true},
		},
	}
	for i := range p.Options {
		for _, c := range p.Options[i].Components {
			redundancy := c.Redundancy
			if c.Kind == "database" {
				redundancy = c.Mode
			}
			product := c.Engine
			if c.Kind == "ignite" {
				product = c.Mode
			}
			s.Rows = append(s.Rows, []string{
				strconv.Itoa(i + 1), c.Kind, strconv.Itoa(c.Count), number(c.CPU), number(c.MemoryGiB), number(c.StorageGiB), c.SKU, product,
				redundancy, c.Provider, c.Region, c.Zone, c.SharedOn, yes(c.Shared), what(&c, product, redundancy),
			})
		}
	}
	return s
}

// what sums up the columns of a component for which a table has no room.
func what(c *recommend.BillItem, product, redundancy string) string {
	parts := []string{product, redundancy, c.SKU}
	if c.SharedOn != "" {
		parts = append(parts, "on the machines of "+c.SharedOn)
	}
	if c.Shared {
		parts = append(parts, "shared")
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func stepSheet(p *plan.Plan) output.Sheet {
	s := output.Sheet{
		Title: "Steps",
		Columns: []output.Column{
			{Name: "option"}, {Name: "step"}, {Name: "downtime", Wide: true}, {Name: "precondition", Wide: true}, {Name: "do"}, {Name: "rollback", Wide: true},
		},
	}
	for i := range p.Options {
		for _, m := range p.Options[i].Migration {
			s.Rows = append(s.Rows, []string{strconv.Itoa(i + 1), strconv.Itoa(m.Step), m.Downtime, m.Precondition, m.Do, m.Rollback})
		}
	}
	return s
}

func assumptionSheet(p *plan.Plan) output.Sheet {
	s := output.Sheet{Title: "Assumptions", Columns: []output.Column{{Name: "option"}, {Name: "assumed"}}, Empty: "Nothing is assumed."}
	at := map[string]int{}
	for i := range p.Options {
		for _, a := range p.Options[i].Assumptions {
			if row, ok := at[a]; ok {
				s.Rows[row][0] += " " + strconv.Itoa(i+1)
				continue
			}
			at[a] = len(s.Rows)
			s.Rows = append(s.Rows, []string{strconv.Itoa(i + 1), a})
		}
	}
	return s
}

func rejectedSheet(p *plan.Plan) output.Sheet {
	s := output.Sheet{Title: "Rejected", Columns: []output.Column{{Name: "rejected"}, {Name: "because"}}, Empty: "Nothing was rejected."}
	for _, r := range p.Rejected {
		s.Rows = append(s.Rows, []string{r.Architecture, r.Because})
	}
	return s
}

// number writes a size, empty when it is not known.
func number(n float64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
