package assess

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Marshal writes an assessment as the one canonical JSON text of it, indented by two spaces and ended by a newline, as
// files, the bus and REST carry it.
func Marshal(a *Assessment) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a); err != nil {
		return nil, fmt.Errorf("write an assessment as JSON: %w", err)
	}
	return indented(b.Bytes()), nil
}

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
