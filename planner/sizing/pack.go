package sizing

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
)

// PackKind heads every sizing pack.
const PackKind = "SizingPack"

// Confidence says how sure a figure of a pack is.
type Confidence string

// Confidences: in PTC's text, following from PTC's text, or chosen by whoever wrote the pack.
const (
	Official   Confidence = "official"
	Inferred   Confidence = "inferred"
	Assumption Confidence = "assumption"
)

// Basis says where figures come from.
type Basis struct {
	Confidence Confidence `json:"confidence"`
	Source     string     `json:"source"`
}

// Figure is one number with its basis.
type Figure struct {
	Value      float64    `json:"value"`
	Confidence Confidence `json:"confidence"`
	Source     string     `json:"source"`
}

// Limits are the largest loads a size carries.
type Limits struct {
	Things      Figure `json:"things"`
	Requests    Figure `json:"requests"`    // per second
	WPS         Figure `json:"wps"`         // property writes per second, values in the relational database
	WPSInfluxDB Figure `json:"wpsInfluxDB"` // property writes per second, values in InfluxDB
}

// Machine is one entry of the hardware table. CPU is in vCPU; zero means that PTC's table has no such entry.
type Machine struct {
	CPU        float64 `json:"cpu"`
	MemoryGiB  float64 `json:"memoryGiB"`
	StorageGiB float64 `json:"storageGiB,omitempty"`
	AzureSKU   string  `json:"azureSku,omitempty"`
}

// Class is one size with its limits and machines.
type Class struct {
	Size                     Size    `json:"size"`
	Limits                   Limits  `json:"limits"`
	Foundation               Machine `json:"foundation"` // each node
	Database                 Machine `json:"database"`   // self-managed, values in it
	DatabaseWithInfluxDB     Machine `json:"databaseWithInfluxDB,omitzero"`
	InfluxDB                 Machine `json:"influxDB,omitzero"` // single node, or each data node
	Flexible                 Machine `json:"flexible,omitzero"` // Azure Database for PostgreSQL Flexible Server
	FlexibleHighAvailability Machine `json:"flexibleHighAvailability,omitzero"`
}

// ConnectionServerLimit is what one connection server carries.
type ConnectionServerLimit struct {
	Things Figure `json:"things"`
}

// NearThreshold is the share of a threshold below it that counts as near.
type NearThreshold struct {
	Share Figure `json:"share"`
}

// Pack holds the size thresholds and the hardware table. It is read-only once parsed.
type Pack struct {
	APIVersion       string                `json:"apiVersion"`
	Kind             string                `json:"kind"`
	Name             string                `json:"name"`
	Version          string                `json:"version"`
	ConnectionServer ConnectionServerLimit `json:"connectionServer"`
	NearThreshold    NearThreshold         `json:"nearThreshold"`
	Sizes            []Class               `json:"sizes"` // small, medium, large
	Hardware         Basis                 `json:"hardware"`
	AzureSKUs        Basis                 `json:"azureSkus"`

	heading string   // name and version, as results carry it
	notes   []string // assumptions every result rests on, for relational storage of values
	influx  []string // the same with InfluxDB
}

//go:embed data/ptc-9.6.yaml
var builtin []byte

// Builtin returns the embedded data pack: PTC's formulas and hardware table of help 9.6, with the thresholds that PTC
// does not publish labelled as assumptions.
func Builtin() (*Pack, error) { return ParsePack("ptc-9.6.yaml", builtin) }

// ParsePack reads a sizing pack (YAML or JSON). Unknown keys, missing figures and thresholds that do not grow with the
// size are errors; name is the file they are reported for.
func ParsePack(name string, data []byte) (*Pack, error) {
	p := new(Pack)
	if err := document.Decode(name, data, p); err != nil {
		return nil, fmt.Errorf("read sizing pack: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("check sizing pack %s: %w", name, err)
	}
	p.heading = strings.TrimSpace(p.Name + " " + p.Version)
	p.notes, p.influx = p.describe(false), p.describe(true)
	return p, nil
}

// title names the pack in results.
func (p *Pack) title() string { return p.heading }

// assumptions returns what every result under this pack rests on.
func (p *Pack) assumptions(t Target) []string {
	if t.InfluxDB {
		return p.influx
	}
	return p.notes
}

// CriterionText names a criterion in sentences.
func CriterionText(name string) string {
	switch name {
	case CriterionWPS:
		return "property writes per second"
	case CriterionRequests:
		return "requests per second"
	}
	return name
}

// Thousands writes a number as PTC's examples do: 6,667.
func Thousands[N int | float64](n N) string {
	whole, part, fraction := strings.Cut(strconv.FormatFloat(float64(n), 'f', -1, 64), ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction {
		return whole + "." + part
	}
	return whole
}

// describe says once per criterion which thresholds are not PTC's, and that the machine types are a mapping.
func (p *Pack) describe(influx bool) []string {
	var out []string
	for k, name := range criteria {
		var values []string
		for i := range p.Sizes {
			l := &p.Sizes[i].Limits
			f := [3]Figure{l.Things, l.WPS, l.Requests}[k]
			if k == 1 && influx {
				f = l.WPSInfluxDB
			}
			if f.Confidence == Assumption {
				values = append(values, string(p.Sizes[i].Size)+" "+Thousands(f.Value))
			}
		}
		if len(values) > 0 {
			out = append(out, fmt.Sprintf("limits of %s are assumptions, PTC publishes none: %s", CriterionText(name), strings.Join(values, ", ")))
		}
	}
	if p.AzureSKUs.Confidence != Official {
		out = append(out, "machine types are "+string(p.AzureSKUs.Confidence)+" from vCPU and memory")
	}
	return out
}

// Class returns the entry of a size. Beyond has the entry of the largest size, whose machines it takes several of.
func (p *Pack) Class(s Size) (Class, bool) {
	if s == Beyond && len(p.Sizes) > 0 {
		return p.Sizes[len(p.Sizes)-1], true
	}
	for i := range p.Sizes {
		if p.Sizes[i].Size == s {
			return p.Sizes[i], true
		}
	}
	return Class{}, false
}

// check lists everything wrong with the pack.
func (p *Pack) check() error {
	var bad []error
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Errorf(format, args...)) }
	if p.APIVersion != "meridian/v1" {
		wrong("apiVersion is %q; write meridian/v1", p.APIVersion)
	}
	if p.Kind != PackKind {
		wrong("kind is %q; write %s", p.Kind, PackKind)
	}
	if p.Version == "" {
		wrong("version is missing; every pack carries one, so that results name it")
	}
	figure := func(where string, f Figure) {
		if !(f.Value > 0) || math.IsInf(f.Value, 0) {
			wrong("%s: value %v is not a positive number", where, f.Value)
		}
		basis(where, Basis{f.Confidence, f.Source}, wrong)
	}
	figure("connectionServer.things", p.ConnectionServer.Things)
	figure("nearThreshold.share", p.NearThreshold.Share)
	if p.NearThreshold.Share.Value >= 1 {
		wrong("nearThreshold.share: value %v is not below 1; write 0.1 for 10 %%", p.NearThreshold.Share.Value)
	}
	basis("hardware", p.Hardware, wrong)
	basis("azureSkus", p.AzureSKUs, wrong)
	var names []Size
	for i := range p.Sizes {
		c := &p.Sizes[i]
		names = append(names, c.Size)
		at := "sizes/" + string(c.Size)
		for _, f := range c.Limits.all() {
			figure(at+".limits."+f.name, f.Figure)
		}
		machine(at+".foundation", c.Foundation, wrong)
		machine(at+".database", c.Database, wrong)
		if i == 0 {
			continue
		}
		before := p.Sizes[i-1].Limits.all()
		for j, f := range c.Limits.all() {
			if f.Value < before[j].Value {
				wrong("%s.limits.%s: %v is below the %v of %s; limits grow with the size", at, f.name, f.Value, before[j].Value, p.Sizes[i-1].Size)
			}
		}
		if c.Foundation.CPU < p.Sizes[i-1].Foundation.CPU || c.Foundation.MemoryGiB < p.Sizes[i-1].Foundation.MemoryGiB {
			wrong("%s.foundation: smaller than that of %s; machines grow with the size", at, p.Sizes[i-1].Size)
		}
	}
	if want := []Size{Small, Medium, Large}; !slices.Equal(names, want) {
		wrong("sizes are %v; list %v in this order", names, want)
	}
	return errors.Join(bad...)
}

type namedFigure struct {
	name string
	Figure
}

func (l *Limits) all() [4]namedFigure {
	return [4]namedFigure{{"things", l.Things}, {"requests", l.Requests}, {"wps", l.WPS}, {"wpsInfluxDB", l.WPSInfluxDB}}
}

func basis(where string, b Basis, wrong func(string, ...any)) {
	switch b.Confidence {
	case Official, Inferred, Assumption:
	default:
		wrong("%s: confidence is %q; write official, inferred or assumption", where, b.Confidence)
	}
	if strings.TrimSpace(b.Source) == "" {
		wrong("%s: source is missing; say where the figure comes from", where)
	}
}

func machine(where string, m Machine, wrong func(string, ...any)) {
	if !(m.CPU > 0) || !(m.MemoryGiB > 0) {
		wrong("%s: cpu %v and memoryGiB %v must both be positive", where, m.CPU, m.MemoryGiB)
	}
}
