// Package loose reads the JSON and YAML of configuration files that people edit by hand, into values that know their
// line. What is certain despite a mistake (a comment, a missing comma, curly quotes) is read and the mistake reported;
// what could mean two things is left out and reported. No message holds text of the file. It knows nothing of
// ThingWorx; the sources hostconfig, kubernetes and compose call it.
package loose

import (
	"strconv"
	"strings"
)

// Limits of one document. Settings files and manifests stay far below them.
const (
	MaxBytes  = 4 << 20
	MaxDepth  = 64
	MaxValues = 200_000
	maxFaults = 100
)

// Kind is the kind of a value.
type Kind uint8

// Kinds of a value. Missing is that of a nil value.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	Text
	List
	Object
)

// String names the kind for a message.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "true or false", "a number", "text", "a list", "an object"}[k]
}

// Value is one value with its place. All methods work on nil, which is a value that is not there.
type Value struct {
	kind         Kind
	line, column int32
	key          string // of a member of an object
	text         string // of a text, number or bool
	kids         []Value
}

// Kind returns the kind of the value.
func (v *Value) Kind() Kind {
	if v == nil {
		return Missing
	}
	return v.kind
}

// Place returns line and column, both from 1; 0 and 0 of a missing value.
func (v *Value) Place() (line, column int) {
	if v == nil {
		return 0, 0
	}
	return int(v.line), int(v.column)
}

// Key is the key under which the value stands in its object.
func (v *Value) Key() string {
	if v == nil {
		return ""
	}
	return v.key
}

// Text returns the text of a text, number or bool, and "" of anything else.
func (v *Value) Text() string {
	if v == nil {
		return ""
	}
	return v.text
}

// Bool returns a truth value, also one written as text.
func (v *Value) Bool() (value, ok bool) {
	if v == nil || v.kind != Bool && v.kind != Text {
		return false, false
	}
	switch {
	case strings.EqualFold(v.text, "true"):
		return true, true
	case strings.EqualFold(v.text, "false"):
		return false, true
	}
	return false, false
}

// Int returns a whole number, also one written as text.
func (v *Value) Int() (int, bool) {
	if v == nil || v.kind != Number && v.kind != Text {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(v.text))
	return n, err == nil
}

// Len is the number of items or members.
func (v *Value) Len() int {
	if v == nil {
		return 0
	}
	return len(v.kids)
}

// At returns the i-th item or member.
func (v *Value) At(i int) *Value { return &v.kids[i] }

// Get follows keys into objects. The exact key wins over one that differs in case only, the last of two equal ones over
// the first.
func (v *Value) Get(keys ...string) *Value {
	for _, key := range keys {
		if v = v.member(key); v == nil {
			return nil
		}
	}
	return v
}

func (v *Value) member(key string) *Value {
	if v == nil || v.kind != Object {
		return nil
	}
	var folded *Value
	for i := len(v.kids) - 1; i >= 0; i-- {
		if v.kids[i].key == key {
			return &v.kids[i]
		}
		if folded == nil && strings.EqualFold(v.kids[i].key, key) {
			folded = &v.kids[i]
		}
	}
	return folded
}

// Has reports whether the object has any of the keys.
func (v *Value) Has(keys ...string) bool {
	for _, key := range keys {
		if v.member(key) != nil {
			return true
		}
	}
	return false
}

// Fault is one mistake in a text. Dropped tells that something was left out because of it.
type Fault struct {
	Line, Column int
	What         string
	Dropped      bool
}

// Document is one document with the mistakes found in it.
type Document struct {
	Root     *Value
	Faults   []Fault // in the order of their places, at most a hundred
	More     int     // further ones
	Template bool    // expressions of a template engine stand in it; values that hold them keep them as written
	Unclosed bool    // closing brackets are missing at the end, so that it is not certain what contains what
}

func (d *Document) fault(line, column int, what string, dropped bool) {
	if len(d.Faults) == maxFaults {
		d.More++
		return
	}
	d.Faults = append(d.Faults, Fault{Line: line, Column: column, What: what, Dropped: dropped})
}
