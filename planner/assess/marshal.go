package assess

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/rules/rule"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Marshal writes an assessment as the one canonical JSON text of it, indented by two spaces and ended by a newline, as
// files and REST carry it.
func Marshal(a *Assessment) ([]byte, error) {
	text, err := Compact(a)
	if err != nil {
		return nil, err
	}
	return append(indented(text), '\n'), nil
}

// Compact writes the same JSON without a space, as the bus carries it.
func Compact(a *Assessment) ([]byte, error) {
	w := writer{b: make([]byte, 0, 32<<10)}
	w.enc = json.NewEncoder(&w.other)
	w.enc.SetEscapeHTML(false)
	w.assessment(a)
	if w.err != nil {
		return nil, fmt.Errorf("write an assessment as JSON: %w", w.err)
	}
	return w.b, nil
}

// writer appends JSON as encoding/json writes it. What makes up most of a text it writes itself by its fields, and
// recommendations from the text that they are kept as; all else is encoding/json's. A test fills every field, so that none is forgotten.
type writer struct {
	b     []byte
	other bytes.Buffer // what enc writes
	enc   *json.Encoder
	err   error
}

func (w *writer) text(s string) { w.b = append(w.b, s...) }

// value appends what encoding/json writes, less an end that the caller goes on from.
func (w *writer) value(v any, less string) {
	w.other.Reset()
	if err := w.enc.Encode(v); err != nil && w.err == nil {
		w.err = err
	}
	text := bytes.TrimSuffix(w.other.Bytes(), []byte("\n"))
	cut, ok := bytes.CutSuffix(text, []byte(less))
	if !ok && w.err == nil {
		w.err = fmt.Errorf("the text of a %T does not end in %s", v, less)
	}
	w.b = append(w.b, cut...)
}

func (w *writer) assessment(a *Assessment) {
	head := *a
	head.Clusters, head.Findings, head.Tenancy = nil, nil, nil
	w.value(&head, `"clusters":null,"findings":null,"tenancy":null}`)
	w.text(`"clusters":`)
	list(w, a.Clusters, (*writer).cluster)
	w.text(`,"findings":`)
	list(w, a.Findings, (*writer).finding)
	w.text(`,"tenancy":`)
	list(w, a.Tenancy, func(w *writer, s *tenancy.Shared) { w.value(s, "") })
	w.text("}")
}

func list[T any](w *writer, items []T, item func(*writer, *T)) {
	if items == nil {
		w.text("null")
		return
	}
	w.text("[")
	for i := range items {
		if i > 0 {
			w.text(",")
		}
		item(w, &items[i])
	}
	w.text("]")
}

func (w *writer) cluster(c *Cluster) {
	w.member(`{"id":`, c.ID)
	w.member(`,"site":`, c.Site)
	w.member(`,"cluster":`, c.Cluster)
	w.some(`,"environment":`, string(c.Environment))
	w.text(`,"recognised":`)
	w.value(&c.Recognised, "")
	w.text(`,"regions":`)
	w.value(&c.Regions, "")
	w.text(`,"sizing":`)
	w.sizing(&c.Sizing)
	w.text(`,"availability":`)
	w.availability(&c.Availability)
	w.text(`,"recommendation":`)
	var err error
	if w.b, err = c.Recommendation.AppendJSON(w.b); err != nil && w.err == nil {
		w.err = err
	}
	w.text("}")
}

func (w *writer) sizing(s *sizing.Result) {
	w.count(`{"things":`, s.Things)
	w.number(`,"wps":`, s.WPS)
	w.number(`,"requestsPerSecond":`, s.RequestsPerSecond)
	w.count(`,"connectionServers":`, s.ConnectionServers)
	w.count(`,"foundationNodes":`, s.FoundationNodes)
	w.member(`,"size":`, string(s.Size))
	w.member(`,"decidedBy":`, s.DecidedBy)
	if len(s.Headroom) > 0 {
		w.text(`,"headroom":{`)
		for i, key := range slices.Sorted(maps.Keys(s.Headroom)) {
			if i > 0 {
				w.text(",")
			}
			w.string(key)
			w.number(":", s.Headroom[key])
		}
		w.text("}")
	}
	w.text(`,"foundation":`)
	w.hardware(&s.Foundation)
	w.text(`,"database":`)
	w.hardware(&s.Database)
	w.texts(`,"assumptions":`, s.Assumptions)
	w.truth(`,"known":`, s.Known)
	if s.Sizes != (sizing.Criteria{}) {
		w.member(`,"sizes":{"things":`, string(s.Sizes.Things))
		w.member(`,"wps":`, string(s.Sizes.WPS))
		w.member(`,"requests":`, string(s.Sizes.Requests))
		w.text("}")
	}
	if s.NearThreshold {
		w.truth(`,"nearThreshold":`, true)
	}
	if s.Timeseries != nil {
		w.text(`,"timeseries":`)
		w.hardware(s.Timeseries)
	}
	w.some(`,"pack":`, s.Pack)
	w.text("}")
}

func (w *writer) hardware(h *sizing.Hardware) {
	w.number(`{"cpu":`, h.CPU)
	w.number(`,"memoryGiB":`, h.MemoryGiB)
	w.some(`,"sku":`, h.SKU)
	if h.StorageGiB != 0 {
		w.number(`,"storageGiB":`, h.StorageGiB)
	}
	w.text("}")
}

func (w *writer) availability(r *availability.Result) {
	w.number(`{"serving":`, r.Serving)
	w.number(`,"full":`, r.Full)
	w.member(`,"downtimePerYear":`, r.DowntimePerYear)
	w.text(`,"contributions":`)
	list(w, r.Contributions, func(w *writer, c *availability.Contribution) {
		w.member(`{"part":`, c.Part)
		w.number(`,"share":`, c.Share)
		w.text("}")
	})
	w.truth(`,"known":`, r.Known)
	w.texts(`,"unknown":`, r.Unknown)
	w.texts(`,"assumptions":`, r.Assumptions)
	w.text("}")
}

// texts leaves an empty list out.
func (w *writer) texts(name string, texts []string) {
	if len(texts) > 0 {
		w.text(name)
		list(w, texts, func(w *writer, s *string) { w.string(*s) })
	}
}

func (w *writer) truth(name string, v bool) {
	w.text(name)
	w.b = strconv.AppendBool(w.b, v)
}

func (w *writer) count(name string, n int) {
	w.text(name)
	w.b = strconv.AppendInt(w.b, int64(n), 10)
}

// number writes usual magnitudes; encoding/json has a form of its own for very large and very small ones.
func (w *writer) number(name string, f float64) {
	w.text(name)
	if size := math.Abs(f); f != 0 && (size < 1e-6 || !(size < 1e21)) {
		w.value(f, "")
		return
	}
	w.b = strconv.AppendFloat(w.b, f, 'f', -1, 64)
}

func (w *writer) finding(f *rules.Finding) {
	w.member(`{"id":`, f.ID)
	w.member(`,"rule":`, f.Rule)
	w.member(`,"title":`, f.Title)
	w.member(`,"verdict":`, string(f.Verdict))
	w.member(`,"severity":`, string(f.Severity))
	w.member(`,"confidence":`, string(f.Confidence))
	w.member(`,"subject":{"site":`, f.Subject.Site)
	w.some(`,"cluster":`, f.Subject.Cluster)
	w.some(`,"infrastructure":`, f.Subject.Infrastructure)
	w.some(`,"node":`, f.Subject.Node)
	w.member(`},"message":`, f.Message)
	if f.Evidence != "" {
		w.text(`,"evidence":`)
		w.text(string(f.Evidence))
	}
	w.texts(`,"missing":`, f.Missing)
	w.some(`,"remedy":`, f.Remedy)
	w.some(`,"reference":`, f.Reference)
	w.instant(`,"firstSeen":`, f.FirstSeen)
	w.instant(`,"failingSince":`, f.FailingSince)
	w.text(`,"waiver":`)
	if f.Waiver == nil {
		w.text("null}")
		return
	}
	w.value(f.Waiver, "")
	w.text("}")
}

func (w *writer) member(name, value string) {
	w.text(name)
	w.string(value)
}

// some leaves an empty value out.
func (w *writer) some(name, value string) {
	if value != "" {
		w.member(name, value)
	}
}

func (w *writer) instant(name string, at *time.Time) {
	if at == nil {
		return
	}
	w.text(name)
	if y := at.Year(); at.Location() != time.UTC || y < 0 || y > 9999 {
		w.value(at, "")
		return
	}
	w.b = append(at.AppendFormat(append(w.b, '"'), time.RFC3339Nano), '"')
}

func (w *writer) string(s string) { w.b = rule.AppendText(w.b, s) }

// indented is json.Indent for what the encoder has just written without a space: that it is JSON need not be found out
// again, which takes longer than writing it.
func indented(text []byte) []byte {
	out, depth := make([]byte, 0, 2*len(text)), 0
	line := func() {
		out = append(out, '\n')
		for range depth {
			out = append(out, "  "...)
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			end := i + 1
			for text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			out, i = append(out, text[i:end+1]...), end
		case '{', '[':
			out = append(out, c)
			if next := text[i+1]; next == c+2 { // '}' and ']' lie two behind '{' and '['
				out, i = append(out, next), i+1
				continue
			}
			depth++
			line()
		case '}', ']':
			depth--
			line()
			out = append(out, c)
		case ',':
			out = append(out, c)
			line()
		case ':':
			out = append(out, ':', ' ')
		default:
			out = append(out, c)
		}
	}
	return out
}
