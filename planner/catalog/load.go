package catalog

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

//go:embed data/*.yaml
var embedded embed.FS

// Builtin returns the embedded catalogue. It fails only when the embedded files are broken, which a test excludes.
func Builtin() (*Catalog, error) {
	entries, err := embedded.ReadDir("data")
	if err != nil {
		return nil, fmt.Errorf("list the embedded catalogue: %w", err)
	}
	files := make(map[string][]byte, len(entries))
	for _, e := range entries {
		data, err := embedded.ReadFile("data/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read the embedded catalogue: %w", err)
		}
		files[e.Name()] = data
	}
	return Load(files)
}

// Load reads a catalogue from files by name, one architecture each. The error is a *document.Error with every problem of every file.
func Load(files map[string][]byte) (*Catalog, error) {
	c := &Catalog{}
	var problems []document.Problem
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a, places, bad := read(name, files[name])
		if len(bad) == 0 && owner[a.ID] != "" {
			bad = append(bad, places.Problem("/id", fmt.Sprintf("architecture %q is also described by %s", a.ID, owner[a.ID]), "give it another id or remove one file"))
		}
		if len(bad) > 0 {
			problems = append(problems, bad...)
			continue
		}
		owner[a.ID] = name
		c.all = append(c.all, a)
	}
	if len(problems) > 0 {
		return nil, &document.Error{Problems: problems}
	}
	c.sort()
	return c, nil
}

// Override returns a catalogue in which the architectures of files are added to c, or replace those of the same id.
func (c *Catalog) Override(files map[string][]byte) (*Catalog, error) {
	more, err := Load(files)
	if err != nil {
		return nil, err
	}
	out := &Catalog{}
	for _, a := range c.all {
		if _, replaced := more.Get(a.ID); !replaced {
			out.all = append(out.all, a)
		}
	}
	out.all = append(out.all, more.all...)
	out.sort()
	return out, nil
}

func (c *Catalog) sort() {
	slices.SortFunc(c.all, func(a, b Architecture) int {
		if a.Order != b.Order {
			return a.Order - b.Order
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// The file types mirror the exported ones, with counts as people write them: a number or an expression.
type fileArchitecture struct {
	ID              string                 `json:"id"`
	Order           int                    `json:"order"`
	Title           string                 `json:"title"`
	Summary         string                 `json:"summary"`
	Text            string                 `json:"text"`
	Overlay         bool                   `json:"overlay"`
	Production      bool                   `json:"production"`
	HighlyAvailable bool                   `json:"highlyAvailable"`
	Clustered       bool                   `json:"clustered"`
	Packed          bool                   `json:"packed"`
	Versions        Versions               `json:"versions"`
	Hosting         []inventory.Hosting    `json:"hosting"`
	OperatedBy      []inventory.Operator   `json:"operatedBy"`
	Ignite          []inventory.IgniteMode `json:"ignite"`
	Databases       []DatabaseChoice       `json:"databases"`
	Timeseries      []TimeseriesChoice     `json:"timeseries"`
	Parts           []filePart             `json:"parts"`
	Placement       []Placement            `json:"placement"`
	Signs           []Sign                 `json:"signs"`
	Sharing         []Isolation            `json:"sharing"`
	Sources         []Source               `json:"sources"`
}

type filePart struct {
	Kind       Kind    `json:"kind"`
	Min        any     `json:"min"`
	Max        any     `json:"max"`
	Recommend  any     `json:"recommend"`
	Odd        bool    `json:"odd"`
	MultipleOf any     `json:"multipleOf"`
	Redundant  bool    `json:"redundant"`
	When       When    `json:"when"`
	Weight     float64 `json:"weight"`
	Published  any     `json:"published"`
	Why        string  `json:"why"`
	Confidence string  `json:"confidence"`
}

func read(name string, data []byte) (Architecture, *document.Places, []document.Problem) {
	var f fileArchitecture
	places, err := document.DecodeAt(name, data, &f)
	if err != nil {
		var bad *document.Error
		if errors.As(err, &bad) {
			return Architecture{}, nil, bad.Problems
		}
		return Architecture{}, nil, []document.Problem{{File: name, What: err.Error()}}
	}
	c := &checker{places: places}
	a := Architecture{
		ID: f.ID, Order: f.Order, Title: f.Title, Summary: f.Summary, Text: strings.TrimSpace(f.Text), Overlay: f.Overlay,
		Production: f.Production, HighlyAvailable: f.HighlyAvailable, Clustered: f.Clustered, Packed: f.Packed,
		Versions: f.Versions, Hosting: f.Hosting, OperatedBy: f.OperatedBy, Ignite: f.Ignite, Databases: f.Databases,
		Timeseries: f.Timeseries, Placement: f.Placement, Signs: f.Signs, Sharing: f.Sharing, Sources: f.Sources,
	}
	for i := range f.Parts {
		a.Parts = append(a.Parts, c.part(i, &f.Parts[i]))
	}
	c.architecture(&a)
	return a, places, c.bad
}

// checker collects what is wrong with one file beyond its syntax.
type checker struct {
	places *document.Places
	bad    []document.Problem
}

func (c *checker) fail(path, what, remedy string) {
	c.bad = append(c.bad, c.places.Problem(path, what, remedy))
}

func (c *checker) part(i int, f *filePart) Part {
	path := "/parts/" + strconv.Itoa(i)
	p := Part{Kind: f.Kind, Odd: f.Odd, Redundant: f.Redundant, When: f.When, Weight: f.Weight, Why: f.Why, Confidence: f.Confidence}
	if f.Published != nil {
		p.Published = fmt.Sprint(f.Published)
	}
	if p.Weight == 0 {
		p.Weight = 1
	}
	if p.Weight < 0 {
		c.fail(path+"/weight", "the weight is negative", "give a weight above 0")
	}
	c.kind(path+"/kind", f.Kind)
	c.confidence(path, f.Confidence)
	p.Min = c.expression(path+"/min", f.Min, true)
	p.Max = c.expression(path+"/max", f.Max, true)
	p.Recommend = c.expression(path+"/recommend", f.Recommend, false)
	if f.Recommend == nil {
		p.Recommend = p.Min
	}
	p.MultipleOf = c.expression(path+"/multipleOf", f.MultipleOf, false)
	if lo, hi := p.Min.Count(Demand{}), p.Max.Count(Demand{}); f.Min != nil && f.Max != nil && lo > hi {
		c.fail(path+"/max", fmt.Sprintf("at most %s is less than at least %s", p.Max, p.Min), "swap or correct them")
	}
	return p
}

func (c *checker) expression(path string, v any, needed bool) Expression {
	if v == nil {
		if needed {
			c.fail(strings.TrimSuffix(path, path[strings.LastIndexByte(path, '/'):]), fmt.Sprintf("the part has no %q", path[strings.LastIndexByte(path, '/')+1:]), "give a number, an expression over the workload, or n for no limit")
		}
		return Expression{}
	}
	text, ok := v.(string)
	if !ok {
		text = fmt.Sprint(v)
	}
	e, err := Compile(text)
	if err != nil {
		c.fail(path, fmt.Sprintf("%q is not a count: %s", text, err), "give a number, an expression over the workload, or n for no limit")
	}
	return e
}

func (c *checker) architecture(a *Architecture) {
	if !validID(a.ID) {
		c.fail("/id", fmt.Sprintf("%q is not an id", a.ID), "use lower-case letters, digits and dashes, beginning with a letter or digit, at most 63")
	}
	if a.Title == "" {
		c.fail("/title", "the architecture has no title", "add title")
	}
	if a.Summary == "" {
		c.fail("/summary", "the architecture has no summary", "add summary, one sentence for people")
	}
	if len(a.Sources) == 0 {
		c.fail("/sources", "the architecture names no source", "add sources with title, where and confidence")
	}
	for i, s := range a.Sources {
		c.confidence("/sources/"+strconv.Itoa(i), s.Confidence)
	}
	if !a.Overlay {
		c.choices(a)
	}
	for i, p := range a.Placement {
		c.placement("/placement/"+strconv.Itoa(i), p)
	}
	for i, s := range a.Signs {
		switch s.Sign {
		case SignClustered, SignNotClustered, SignProduction, SignNotProduction, SignPackedOrShared, SignConnectionsShare:
		default:
			c.fail("/signs/"+strconv.Itoa(i)+"/sign", fmt.Sprintf("unknown sign %q", s.Sign), "use clustered, not-clustered, production, not-production, packed-or-shared or connections-packed")
		}
		if s.Weight <= 0 {
			c.fail("/signs/"+strconv.Itoa(i)+"/weight", "the sign has no weight", "give a weight above 0")
		}
	}
	for i, s := range a.Sharing {
		c.kind("/sharing/"+strconv.Itoa(i)+"/kind", s.Kind)
		c.confidence("/sharing/"+strconv.Itoa(i), s.Confidence)
	}
}

func (c *checker) choices(a *Architecture) {
	if !slices.ContainsFunc(a.Parts, func(p Part) bool { return p.Kind == KindFoundation }) {
		c.fail("/parts", "no part is foundation", "every architecture has Foundation servers; add the part")
	}
	if len(a.Databases) == 0 {
		c.fail("/databases", "no database is allowed", "list the engines this architecture allows")
	}
	for i, d := range a.Databases {
		c.engine("/databases/"+strconv.Itoa(i)+"/engine", d.Engine)
		for j, m := range d.Modes {
			if m != inventory.HANone && m != inventory.HASameZone && m != inventory.HAZoneRedundant {
				c.fail(fmt.Sprintf("/databases/%d/modes/%d", i, j), fmt.Sprintf("unknown mode %q", m), "use none, same-zone or zone-redundant")
			}
		}
	}
	if len(a.Timeseries) == 0 {
		c.fail("/timeseries", "no store of logged values is allowed", "list relational, influxdb or influxdb-enterprise")
	}
	for i, t := range a.Timeseries {
		c.timeseries("/timeseries/"+strconv.Itoa(i), t)
	}
	for i, p := range a.Parts {
		for j, e := range p.When.Engines {
			c.engine(fmt.Sprintf("/parts/%d/when/engines/%d", i, j), e)
		}
		for j, t := range p.When.Timeseries {
			c.timeseries(fmt.Sprintf("/parts/%d/when/timeseries/%d", i, j), t)
		}
	}
}

func (c *checker) placement(path string, p Placement) {
	c.kind(path+"/part", p.Part)
	for i, k := range p.Others {
		c.kind(path+"/others/"+strconv.Itoa(i), k)
	}
	c.confidence(path, p.Confidence)
	switch p.Rule {
	case Apart, OnMachine, SameRegion:
		if len(p.Others) == 0 {
			c.fail(path, fmt.Sprintf("%q says nothing without others", p.Rule), "list the kinds it relates to under others")
		}
	case Spread, OneZone:
		if len(p.Others) > 0 {
			c.fail(path+"/others", fmt.Sprintf("%q concerns one part alone", p.Rule), "remove others")
		}
	default:
		c.fail(path+"/rule", fmt.Sprintf("unknown placement rule %q", p.Rule), "use apart, on-machine, spread, same-region or one-zone")
	}
}

func (c *checker) kind(path string, k Kind) {
	if k.Index() < 0 {
		c.fail(path, fmt.Sprintf("unknown kind %q", k), "use one of "+kindNames())
	}
}

func (c *checker) engine(path string, e inventory.Engine) {
	switch e {
	case inventory.EnginePostgreSQL, inventory.EngineAzurePostgreSQLFlexible, inventory.EngineSQLServer, inventory.EngineAzureSQL, inventory.EngineH2:
	default:
		c.fail(path, fmt.Sprintf("unknown engine %q", e), "use postgresql, azure-postgresql-flexible, sqlserver, azure-sql or h2")
	}
}

func (c *checker) timeseries(path string, t TimeseriesChoice) {
	switch t {
	case TimeseriesRelational, TimeseriesInflux, TimeseriesEnterprise:
	default:
		c.fail(path, fmt.Sprintf("unknown store of logged values %q", t), "use relational, influxdb or influxdb-enterprise")
	}
}

func (c *checker) confidence(path, v string) {
	switch v {
	case "official", "community", "inferred":
	default:
		c.fail(path+"/confidence", fmt.Sprintf("confidence %q is not known", v), "use official, community or inferred")
	}
}

func kindNames() string {
	names := make([]string, 0, kindCount)
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func validID(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}
