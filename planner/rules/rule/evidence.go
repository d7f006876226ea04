package rule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Evidence is the facts that a verdict rests on, as one line of JSON: an object whose members are strings, numbers, bools and lists of
// strings, in order of their names. It is empty when there are none. Hubs hold much of it and read it seldom, so that it is no map.
type Evidence string

// NewEvidence writes facts. A list is never null. What JSON cannot hold is written as the text that fmt prints of it, so that nothing is lost.
func NewEvidence(facts map[string]any) Evidence {
	if len(facts) == 0 {
		return ""
	}
	b := append(make([]byte, 0, 128), '{')
	for i, name := range slices.Sorted(maps.Keys(facts)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendText(b, name), ':')
		switch v := facts[name].(type) {
		case string:
			b = AppendText(b, v)
		case bool:
			b = strconv.AppendBool(b, v)
		case int:
			b = strconv.AppendInt(b, int64(v), 10)
		case []string:
			b = appendTexts(b, v)
		default:
			text, err := appendValue(b, v)
			if err != nil {
				text = AppendText(b, fmt.Sprint(v))
			}
			b = text
		}
	}
	return Evidence(append(b, '}'))
}

func appendTexts(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, s := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendText(b, s)
	}
	return append(b, ']')
}

// AppendText appends a string as encoding/json writes it when it does not escape what HTML would take for its own.
func AppendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			b, _ = appendValue(b, s) // A string cannot fail.
			return b
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendValue(b []byte, v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return b, err //nolint:wrapcheck // the caller writes something else then
	}
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...), nil
}

// Facts are the facts as encoding/json reads them: numbers are float64, lists []any. It is nil when there are none.
func (e Evidence) Facts() map[string]any {
	var facts map[string]any
	_ = json.Unmarshal([]byte(e), &facts) // What NewEvidence or UnmarshalJSON made is an object; the empty text gives none.
	return facts
}

// MarshalJSON implements json.Marshaler.
func (e Evidence) MarshalJSON() ([]byte, error) {
	if e == "" {
		return []byte("{}"), nil
	}
	return []byte(e), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Evidence) UnmarshalJSON(text []byte) error {
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return err //nolint:wrapcheck // the decoder that calls this says where it is
	}
	switch compact := line.String(); {
	case compact == "null" || compact == "{}":
		*e = ""
	case compact[0] != '{':
		return errors.New("evidence is no JSON object")
	default:
		*e = Evidence(compact)
	}
	return nil
}
