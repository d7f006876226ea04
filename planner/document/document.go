// Package document reads the YAML and JSON documents people write, strictly: unknown keys are errors, and every problem
// names file, line, column and remedy. It takes bytes and never touches a file system, and no message of its repeats a
// value that may be a secret. The packages of the inventory, the policy and the configuration files call it.
package document

import (
	"cmp"
	"errors"
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

// Error lists the problems of a document, in the order of their places.
type Error struct {
	Problems []Problem
	More     int // further problems found and not listed
}

// Error implements error: one problem a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more problems", e.More))
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

// Collector gathers problems and keeps the first hundred, so that a hopeless document costs no more than a bad one.
type Collector struct {
	problems []Problem
	more     int
}

// Full reports whether a further problem would only be counted: time to stop looking for good advice.
func (c *Collector) Full() bool { return len(c.problems) >= maxProblems }

// Add notes a problem.
func (c *Collector) Add(problems ...Problem) {
	room := min(len(problems), maxProblems-len(c.problems))
	c.problems = append(c.problems, problems[:room]...)
	c.more += len(problems) - room
}

// AddError notes the problems of an error of this package, and any other error as a problem without a place.
func (c *Collector) AddError(err error) {
	var e *Error
	switch {
	case errors.As(err, &e):
		c.Add(e.Problems...)
		c.more += e.More
	case err != nil:
		c.Add(Problem{What: err.Error()})
	}
}

// Under reports whether a problem is known of the value at a JSON pointer or of one around it.
func (c *Collector) Under(pointer string) bool {
	for i := range c.problems {
		path := c.problems[i].Path
		if rest, ok := strings.CutPrefix(pointer, path); ok && path != "" && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// Problems returns what was kept, in the order of places; what has no place comes last.
func (c *Collector) Problems() []Problem {
	sorted := slices.Clone(c.problems)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		switch {
		case (a.Line == 0) != (b.Line == 0):
			return b.Line - a.Line
		case a.Line != b.Line:
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return sorted
}

// Err returns the problems as a *Error, nil when there are none.
func (c *Collector) Err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return &Error{Problems: c.Problems(), More: c.more}
}

// NewError returns the problems as a *Error in the order of their places, nil when there are none.
func NewError(problems []Problem) error {
	var c Collector
	c.Add(problems...)
	return c.Err()
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

// ComparePointers orders JSON pointers as a document does: indexes of lists by number, keys by name.
func ComparePointers(x, y string) int {
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	start := strings.LastIndexByte(x[:n], '/') + 1
	a, _, _ := strings.Cut(x[start:], "/")
	b, _, _ := strings.Cut(y[start:], "/")
	switch {
	case a == b:
		return cmp.Compare(len(x), len(y))
	case digits(a) && digits(b):
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

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
