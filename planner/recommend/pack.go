package recommend

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/klauspost/compress/s2"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Packed is a recommendation at rest. Options, reasons and what was rejected are most of an assessment's text and are read
// seldom, so they are kept as the compressed text of the document: a hub holds one of every cluster, and sends it again with every new measurement.
// Its JSON is that of a Recommendation whose lists are never null. It is immutable; copies share the text.
type Packed struct {
	Architecture string
	Advice       []Advice
	lists        []byte // compressed JSON members "reasons", "options" and "rejected"; nil when all are empty
}

// Recommendations say much in the same words, so that what they have in common is kept once. The words are of no meaning to what is
// packed and never leave the process: others only pack less.
//
//go:embed dictionary.txt
var words []byte

var dictionary = s2.MakeDict(words, nil)

const noLists = `"reasons":[],"options":[],"rejected":[]`

// lists are the members of a recommendation that are packed, in the order of its document.
type lists struct {
	Reasons  []string   `json:"reasons"`
	Options  []Option   `json:"options"`
	Rejected []Rejected `json:"rejected"`
}

// Pack packs a recommendation.
func Pack(r Recommendation) Packed {
	l := lists{orEmpty(r.Reasons), orEmpty(r.Options), orEmpty(r.Rejected)}
	for i := range l.Options {
		if o := &l.Options[i]; o.Components == nil || o.Migration == nil {
			o.Components, o.Migration = orEmpty(o.Components), orEmpty(o.Migration)
		}
	}
	p := Packed{Architecture: r.Architecture, Advice: r.Advice}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		// Only a number that JSON cannot hold makes this fail, and none of availability and cost is one.
		panic(fmt.Errorf("pack a recommendation: %w", err))
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	p.pack(text[1 : len(text)-1])
	return p
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (p *Packed) pack(members []byte) {
	if string(members) != noLists {
		p.lists = bytes.Clone(dictionary.Encode(nil, members))
	}
}

// Open returns the recommendation. A text that came from elsewhere and is no list of options is left out.
func (p *Packed) Open() Recommendation {
	var l lists
	_ = json.Unmarshal(append(p.appendLists([]byte{'{'}), '}'), &l)
	return Recommendation{p.Architecture, orEmpty(l.Reasons), orEmpty(l.Options), orEmpty(l.Rejected), p.Advice}
}

func (p *Packed) appendLists(to []byte) []byte {
	if p.lists == nil {
		return append(to, noLists...)
	}
	// What was packed here can be unpacked.
	text, err := dictionary.Decode(to[len(to):cap(to)], p.lists)
	if err != nil {
		return append(to, noLists...)
	}
	return append(to, text...)
}

// AppendJSON appends the compact JSON text.
func (p *Packed) AppendJSON(to []byte) ([]byte, error) {
	name, err := json.Marshal(p.Architecture)
	if err != nil {
		return nil, fmt.Errorf("write a recommendation: %w", err)
	}
	to = append(append(append(to, `{"architecture":`...), name...), ',')
	to = p.appendLists(to)
	if len(p.Advice) > 0 {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(p.Advice); err != nil {
			return nil, fmt.Errorf("write a recommendation: %w", err)
		}
		to = append(append(to, `,"advice":`...), bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
	}
	return append(to, '}'), nil
}

// MarshalJSON implements json.Marshaler.
func (p Packed) MarshalJSON() ([]byte, error) { return p.AppendJSON(nil) }

// UnmarshalJSON implements json.Unmarshaler. What is in the lists is looked at when they are opened.
func (p *Packed) UnmarshalJSON(text []byte) error {
	var d struct {
		Architecture string          `json:"architecture"`
		Reasons      json.RawMessage `json:"reasons"`
		Options      json.RawMessage `json:"options"`
		Rejected     json.RawMessage `json:"rejected"`
		Advice       []Advice        `json:"advice"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return err //nolint:wrapcheck // the decoder that calls this says where it is
	}
	*p = Packed{Architecture: d.Architecture, Advice: d.Advice}
	b := bytes.NewBuffer(make([]byte, 0, len(text)))
	for i, list := range []struct {
		name string
		text json.RawMessage
	}{{`"reasons":`, d.Reasons}, {`,"options":`, d.Options}, {`,"rejected":`, d.Rejected}} {
		b.WriteString(list.name)
		switch {
		case len(list.text) == 0 || string(list.text) == "null":
			b.WriteString("[]")
		case list.text[0] != '[':
			return fmt.Errorf("%s is no list", [...]string{"reasons", "options", "rejected"}[i])
		case bytes.IndexByte(list.text, '\n') < 0:
			b.Write(list.text)
		default:
			if err := json.Compact(b, list.text); err != nil {
				return err //nolint:wrapcheck // as above
			}
		}
	}
	p.pack(b.Bytes())
	return nil
}

// Measured reports whether the recommendation states a measurement, or would if there were one. All else in it follows from
// what the sites are made of.
func (p *Packed) Measured() bool { return measured(p.Advice) }

// Remeasured is a recommendation that holds but for the measured round trip that it states, as it is with the measurements of a site; false when
// it cannot be told without making it anew.
func (p *Packed) Remeasured(s *inventory.Site, cluster string) (Packed, bool) {
	out := *p
	if !p.Measured() {
		return out, true
	}
	trip := measuredTrip(s, cluster)
	out.Advice = make([]Advice, len(p.Advice))
	for i, a := range p.Advice {
		switch {
		case a.RoundTrip == trip:
		case trip == "" || a.RoundTrip == "":
			return Packed{}, false
		default:
			a.Why = strings.Replace(a.Why, tripText(a.RoundTrip), tripText(trip), 1)
			a.RoundTrip = trip
		}
		out.Advice[i] = a
	}
	return out, true
}

// Shares reports whether both are one and the same in memory but for advice, and not only equal.
func (p *Packed) Shares(o *Packed) bool {
	return len(p.lists) > 0 && len(o.lists) > 0 && &p.lists[0] == &o.lists[0]
}
