// Package document reads the YAML and JSON documents people write, strictly: unknown keys are errors, and every problem
// names file, line, column and remedy. It takes bytes and never touches a file system, and no message of its repeats a
// value that may be a secret. The packages of the inventory, the policy and the configuration files call it.
package document

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of one document. What exceeds them is refused before memory is spent on it.
const (
	MaxSize  = 16 << 20  // bytes
	MaxDepth = 64        // nesting of objects and lists
	maxNodes = 2_000_000 // values and keys, aliases counted as often as they are used
	// maxYAMLMarks bounds the places of a YAML text where a value can begin, because its reader spends some 200 bytes on each.
	maxYAMLMarks = 300_000
	maxProblems  = 100
)

// Problem is one thing wrong with a document.
type Problem struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"` // from 1; 0 when the place is not known
	Column int    `json:"column,omitempty"`
	Path   string `json:"path,omitempty"` // JSON pointer
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"`
}

// Error lists every problem of a document, in the order of their places.
type Error struct{ Problems []Problem }

// Error implements error: one problem a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// String formats as file:line:column: path: what; remedy.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		if p.File == "" {
			b.WriteString("line ")
		} else {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	for _, part := range []string{p.Path, p.What} {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(part)
	}
	if p.Remedy != "" {
		b.WriteString("; ")
		b.WriteString(p.Remedy)
	}
	return b.String()
}

// NewError returns the problems as an error in the order of their places, nil when there are none.
func NewError(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	sorted := slices.Clone(problems)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if len(sorted) > maxProblems {
		more := len(sorted) - maxProblems
		sorted = append(sorted[:maxProblems:maxProblems], Problem{File: sorted[0].File, What: fmt.Sprintf("%d more problems", more), Remedy: "mend these first"})
	}
	return &Error{Problems: sorted}
}

// Decode reads one document into v, a pointer to a struct with json tags. name is the file named in problems.
// The error is a *Error.
func Decode(name string, data []byte, v any) error {
	_, err := DecodeAt(name, data, v)
	return err
}

// Values reads the documents of a YAML stream, or one JSON document, as plain values: map[string]any, []any, string,
// int64, float64, bool and nil. It is for documents whose shape is somebody else's. The error is a *Error.
func Values(name string, data []byte) ([]any, error) {
	roots, problems := parse(name, data)
	if len(problems) > 0 {
		return nil, NewError(problems)
	}
	out := make([]any, 0, len(roots))
	for _, r := range roots {
		out = append(out, plain(r))
	}
	return out, nil
}

// Places finds where the values of a document stand.
type Places struct {
	name string
	root *node
}

// At returns line and column, from 1, of the value at a JSON pointer, or of the closest value around it that the
// document has: the object that lacks a key. Zero when nothing is known.
func (p *Places) At(pointer string) (line, column int) {
	if p == nil || p.root == nil {
		return 0, 0
	}
	n := p.root
	for _, token := range tokens(pointer) {
		next := n.child(token)
		if next == nil {
			break
		}
		n = next
	}
	return int(n.line), int(n.column)
}

// Problem returns a problem with its place filled in.
func (p *Places) Problem(pointer, what, remedy string) Problem {
	line, column := p.At(pointer)
	name := ""
	if p != nil {
		name = p.name
	}
	return Problem{File: name, Line: line, Column: column, Path: pointer, What: what, Remedy: remedy}
}

// Pointer appends one token to a JSON pointer (RFC 6901).
func Pointer(parent, token string) string {
	if strings.ContainsAny(token, "~/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
	}
	return parent + "/" + token
}

func tokens(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, t := range parts {
		if strings.Contains(t, "~") {
			parts[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
		}
	}
	return parts
}
