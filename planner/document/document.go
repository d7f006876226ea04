// Package document reads the YAML and JSON documents people write, strictly: unknown keys are errors, and every problem
// names file, line, column and remedy. It takes bytes and never touches a file system.
package document

import "strings"

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
func (p Problem) String() string { panic("stub") }

// Decode reads one document into v, a pointer to a struct with json tags. name is the file named in problems.
// The error is a *Error.
func Decode(name string, data []byte, v any) error { panic("stub") }
