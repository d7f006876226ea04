// Package tree reads JSON into values that know their place in the file, so that a source of raw exports can say where
// something is that it does not understand. It bounds depth and size, accepts what Windows writes (byte order marks,
// UTF-16), and lets no value of a file into a message. The sources of raw exports use it; it knows none of their formats.
package tree

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/meridian-federation/meridian/planner/document"
)

// Limits of one document.
const (
	MaxDepth  = 64        // nesting; Azure's deepest exports stay below 20
	MaxValues = 2_000_000 // values in one document
)

// Kind is the kind of a JSON value.
type Kind uint8

// Kinds of a value. Missing is that of a nil value.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String names the kind for a message.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "true or false", "a number", "text", "a list", "an object"}[k]
}

// Value is one JSON value with its place. All methods work on nil, which is a value that is not there.
type Value struct {
	kind Kind
	off  uint32
	text string    // of a string, number or bool
	kids *[]Member // of a list or an object that is not empty; a pointer, because most values are neither
}

// Member is one entry of an object, or of a list with an empty key.
type Member struct {
	Key   string
	Value Value
}

// Kind returns the kind of the value.
func (v *Value) Kind() Kind {
	if v == nil {
		return Missing
	}
	return v.kind
}

// Blank reports whether the value is missing, null or an empty text: the three ways an export says "not known".
func (v *Value) Blank() bool {
	return v == nil || v.kind == Null || v.kind == String && v.text == ""
}

// Text returns the text of a string, number or bool, and "" of anything else.
func (v *Value) Text() string {
	if v == nil {
		return ""
	}
	return v.text
}

// Float returns a number, also one written as text.
func (v *Value) Float() (float64, bool) {
	if v == nil || v.kind != Number && v.kind != String {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}

// Bool returns a truth value, also one written as text.
func (v *Value) Bool() (value, ok bool) {
	if v == nil || v.kind != Bool && v.kind != String {
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

// Len returns the number of members or items.
func (v *Value) Len() int { return len(v.Members()) }

// Members returns the entries of an object or the items of a list, not to be changed.
func (v *Value) Members() []Member {
	if v == nil || v.kids == nil {
		return nil
	}
	return *v.kids
}

// Item returns the i-th member's value.
func (v *Value) Item(i int) *Value { return &(*v.kids)[i].Value }

// Get follows keys into objects without regard to case, because the command line and the API differ in it. Of two keys
// that differ in case only the exact one wins, of two equal ones the last.
func (v *Value) Get(keys ...string) *Value {
	for _, key := range keys {
		if v == nil || v.kind != Object {
			return nil
		}
		v = v.member(key)
	}
	return v
}

func (v *Value) member(key string) *Value {
	var folded *Value
	kids := v.Members()
	for i := len(kids) - 1; i >= 0; i-- {
		if kids[i].Key == key {
			return &kids[i].Value
		}
		if folded == nil && strings.EqualFold(kids[i].Key, key) {
			folded = &kids[i].Value
		}
	}
	return folded
}

// Has reports whether the object has all the keys, without regard to case and whatever their values.
func (v *Value) Has(keys ...string) bool {
	for _, key := range keys {
		if v.Get(key) == nil {
			return false
		}
	}
	return len(keys) > 0
}

// KeyNames lists an object's keys for a message: those that are plainly names, up to limit; the rest is counted.
func (v *Value) KeyNames(limit int) string {
	if v.Kind() != Object {
		return ""
	}
	if v.Len() == 0 {
		return "no keys"
	}
	var names []string
	odd := 0
	for _, m := range v.Members() {
		if !keyName(m.Key) {
			odd++
			continue
		}
		names = append(names, m.Key)
	}
	if len(names) > limit {
		odd += len(names) - limit
		names = names[:limit]
	}
	switch {
	case odd == 1:
		names = append(names, "1 further key")
	case odd > 1:
		names = append(names, strconv.Itoa(odd)+" further keys")
	}
	return strings.Join(names, ", ")
}

func keyName(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.$@", r) {
			return false
		}
	}
	return true
}

// Document is one parsed JSON document.
type Document struct {
	Root   *Value
	data   []byte
	lines  []uint32 // offsets at which lines begin, filled by the first Place
	counts []uint32 // characters before each block
	// Twice lists the places of keys that an object has twice, of which the last counts.
	Twice []document.Problem
}

// Parse reads one JSON document within MaxDepth and MaxValues. It accepts a byte order mark and UTF-16, which
// Windows PowerShell writes when output is redirected. The problem returned has line and column but no file.
func Parse(data []byte) (*Document, *document.Problem) { return parse(data, MaxValues) }

func parse(data []byte, limit int) (*Document, *document.Problem) {
	data, problem := DecodeText(data)
	if problem != nil {
		return nil, problem
	}
	d := &Document{data: data}
	if !json.Valid(data) {
		var raw json.RawMessage
		return nil, d.syntax(json.Unmarshal(data, &raw))
	}
	b := &builder{doc: d, limit: limit, sizes: sizes(data), keys: map[string]string{}}
	root, err := b.value(0)
	if err != nil {
		return nil, d.syntax(err)
	}
	d.Root = &root
	return d, nil
}

// DecodeText strips a byte order mark and turns UTF-16 into UTF-8.
func DecodeText(data []byte) ([]byte, *document.Problem) {
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return data[3:], nil
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return fromUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return fromUTF16(data[2:], binary.BigEndian)
	}
	return data, nil
}

func fromUTF16(data []byte, order binary.ByteOrder) ([]byte, *document.Problem) {
	if len(data)%2 != 0 {
		return nil, &document.Problem{What: "UTF-16 text with an odd number of bytes, so it is cut off", Remedy: "export it again"}
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}

// syntax turns a decoding error into a problem with its place and without the text of the file.
func (d *Document) syntax(err error) *document.Problem {
	var broken *json.SyntaxError
	var limit *limitError
	switch {
	case len(bytes.TrimSpace(d.data)) == 0:
		return &document.Problem{What: "the file is empty", Remedy: "export it again; an empty list is written []"}
	case errors.As(err, &limit):
		line, column := d.Place(limit.off)
		return &document.Problem{Line: line, Column: column, What: limit.what, Remedy: "export fewer resources at a time"}
	case errors.As(err, &broken):
		off := uint32(max(broken.Offset-1, 0))
		line, column := d.Place(off)
		what, remedy := "not JSON: unexpected character", "correct the file at this place or export it again with -o json"
		switch {
		case strings.Contains(broken.Error(), "max depth"):
			what, remedy = fmt.Sprintf("nested deeper than %d", MaxDepth), "export fewer resources at a time"
		case int(broken.Offset) >= len(d.data) && strings.Contains(broken.Error(), "unexpected end"):
			what, remedy = "not JSON: the file ends too early", "the export was cut off; export it again"
		case strings.Contains(broken.Error(), "after top-level value"):
			what, remedy = "not JSON: something follows the end of the document", "put one document in a file"
		}
		return &document.Problem{Line: line, Column: column, What: what, Remedy: remedy}
	default:
		return &document.Problem{What: "not JSON", Remedy: "export it again with -o json"}
	}
}

// Place returns line and column, both from 1, the column in characters, of an offset.
func (d *Document) Place(off uint32) (line, column int) {
	if d.lines == nil {
		d.index()
	}
	off = min(off, uint32(len(d.data)))
	lo, hi := 0, len(d.lines)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; d.lines[mid] <= off {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + 1, d.characters(off) - d.characters(d.lines[lo]) + 1
}

// block is the distance of the offsets whose characters are counted beforehand, so that a place in a file of one line
// costs no more than one in a short line.
const block = 1024

func (d *Document) index() {
	d.lines = []uint32{0}
	n := uint32(0)
	for i, b := range d.data {
		if i%block == 0 {
			d.counts = append(d.counts, n)
		}
		if b&0xC0 != 0x80 {
			n++
		}
		if b == '\n' {
			d.lines = append(d.lines, uint32(i)+1)
		}
	}
	d.counts = append(d.counts, n)
}

// characters counts those that begin before an offset: bytes that do not continue a UTF-8 sequence.
func (d *Document) characters(off uint32) int {
	at := min(int(off)/block, len(d.counts)-1)
	n := int(d.counts[at])
	for i := at * block; i < int(off); i++ {
		if d.data[i]&0xC0 != 0x80 {
			n++
		}
	}
	return n
}

// At returns a problem at a value.
func (d *Document) At(v *Value, pointer, what, remedy string) document.Problem {
	p := document.Problem{Path: pointer, What: what, Remedy: remedy}
	if v != nil {
		p.Line, p.Column = d.Place(v.off)
	}
	return p
}

// ObjectOf joins names and the items of a list of the same length into an object at the list's place.
func ObjectOf(names []string, list *Value) *Value {
	kids := make([]Member, len(names))
	for i, name := range names {
		kids[i] = Member{Key: name, Value: *list.Item(i)}
	}
	return &Value{kind: Object, off: list.off, kids: &kids}
}
