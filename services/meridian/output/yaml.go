package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteYAML prints a value as YAML with the keys and their order of its JSON. Every string comes back as it was: what is
// not plainly a word is quoted, which the encoders at hand do not do for all that needs it.
func WriteYAML(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := WriteJSON(&text, v); err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	y := yamlWriter{from: json.NewDecoder(&text)}
	y.from.UseNumber()
	if err := y.value(-1, false); err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	if _, err := w.Write(y.out.Bytes()); err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	return nil
}

// yamlWriter turns the tokens of a JSON text into block style.
type yamlWriter struct {
	from *json.Decoder
	out  bytes.Buffer
}

// value writes the next value. Its container is at the depth given; item tells that it follows the dash of a list, whose
// first line then goes on behind it.
func (y *yamlWriter) value(depth int, item bool) error {
	token, err := y.from.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case json.Delim:
		return y.container(t, depth+1, item)
	case string:
		y.scalar(yamlString(t), depth)
	case nil:
		y.scalar("null", depth)
	default:
		y.scalar(fmt.Sprint(t), depth)
	}
	return nil
}

func (y *yamlWriter) scalar(text string, depth int) {
	if depth >= 0 {
		y.out.WriteByte(' ')
	}
	y.out.WriteString(text + "\n")
}

func (y *yamlWriter) container(open json.Delim, depth int, item bool) error {
	object := open == '{'
	if !y.from.More() {
		empty := "[]"
		if object {
			empty = "{}"
		}
		y.scalar(empty, depth-1)
		_, err := y.from.Token()
		return err
	}
	// An item's first line follows its dash; all else begins on a line of its own.
	behind := item
	if depth > 0 && !item {
		y.out.WriteByte('\n')
	}
	for y.from.More() {
		switch {
		case behind:
			y.out.WriteByte(' ')
			behind = false
		default:
			y.out.WriteString(strings.Repeat("  ", depth))
		}
		if !object {
			y.out.WriteByte('-')
			if err := y.value(depth, true); err != nil {
				return err
			}
			continue
		}
		key, err := y.from.Token()
		if err != nil {
			return err
		}
		text, _ := key.(string)
		y.out.WriteString(yamlString(text) + ":")
		if err := y.value(depth, false); err != nil {
			return err
		}
	}
	_, err := y.from.Token()
	return err
}

// yamlString writes words as they are and quotes the rest. JSON's quotes are YAML's, but for characters that YAML calls
// not printable.
func yamlString(s string) string {
	if plain(s) {
		return s
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // A string always has a JSON form.
	var out strings.Builder
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		if r >= 0x7f && r < 0xa0 || r == 0xfeff || r == 0xfffe || r == 0xffff {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// plain reports whether a text is a string to every YAML reader without quotes: words of letters that are no other value.
func plain(s string) bool {
	if s == "" || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 && c != '/' || !strings.ContainsRune("0123456789 -_./(),;", rune(c))) {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf":
		return false
	}
	return true
}
