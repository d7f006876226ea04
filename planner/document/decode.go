package document

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Decoder reads documents into T, a struct with json tags. It is worked out once and may be used from several goroutines.
type Decoder[T any] struct{ plan *plan }

// NewDecoder works out how to read T.
func NewDecoder[T any]() *Decoder[T] {
	return &Decoder[T]{compile(reflect.TypeFor[T](), map[reflect.Type]*plan{})}
}

// Decode reads one document. With an error, which is a *Error, the value holds what could be read, so that a caller may
// look for further problems; it is nil when the text itself is broken or holds no object.
func (d *Decoder[T]) Decode(name string, data []byte) (*T, *Places, error) {
	places, err := single(name, data)
	if err != nil {
		return nil, nil, err
	}
	v := new(T)
	err = read(places, d.plan, reflect.ValueOf(v).Elem())
	if places.root.kind != object {
		return nil, places, err
	}
	return v, places, err
}

// DecodeAt is Decode that also tells where values stand. Places is nil only when the text itself is broken.
func DecodeAt(name string, data []byte, v any) (*Places, error) {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return nil, NewError([]Problem{{File: name, What: fmt.Sprintf("cannot read a document into %T; a pointer is needed", v)}})
	}
	places, err := single(name, data)
	if err != nil {
		return nil, err
	}
	return places, read(places, compile(target.Type().Elem(), map[reflect.Type]*plan{}), target.Elem())
}

func single(name string, data []byte) (*Places, error) {
	roots, problems := parse(name, data)
	if len(problems) > 0 {
		return nil, NewError(problems)
	}
	if len(roots) > 1 {
		return nil, NewError([]Problem{{
			File: name, Line: int(roots[1].line), Column: int(roots[1].column),
			What: fmt.Sprintf("the file holds %d documents, one is expected", len(roots)), Remedy: "give each document a file of its own, or remove the line ---",
		}})
	}
	return &Places{name: name, root: roots[0]}, nil
}

func read(places *Places, p *plan, v reflect.Value) error {
	r := reader{name: places.name, words: make(map[string]string, 64)}
	r.read(places.root, p, v)
	return r.problems.Err()
}

// reader fills a value from a tree and collects what does not fit.
type reader struct {
	name     string
	path     []step
	problems Collector
	words    map[string]string // strings of this document: a repeated word is kept once
}

type step struct {
	key   string
	index int // when key is ""
}

func (r *reader) pointer() string {
	at := ""
	for _, s := range r.path {
		if s.key == "" && s.index >= 0 {
			at += "/" + strconv.Itoa(s.index)
		} else {
			at = Pointer(at, s.key)
		}
	}
	return at
}

func (r *reader) fail(n *node, what, remedy string) {
	if r.problems.Full() {
		r.problems.Add(Problem{})
		return
	}
	r.problems.Add(Problem{File: r.name, Line: int(n.line), Column: int(n.column), Path: r.pointer(), What: what, Remedy: remedy})
}

func (r *reader) read(n *node, p *plan, v reflect.Value) {
	switch p.op {
	case opStruct:
		r.object(n, p, v)
	case opSlice:
		r.slice(n, p, v)
	case opArray:
		r.array(n, p, v)
	case opMap:
		r.mapping(n, p, v)
	case opPointer:
		if v.IsNil() {
			v.Set(reflect.New(p.elem.typ))
		}
		r.read(n, p.elem, v.Elem())
	case opString:
		if r.expect(n, text) {
			v.SetString(r.word(n.text))
		}
	case opBool:
		if r.expect(n, boolean) {
			v.SetBool(n.text == "true")
		}
	case opInt, opUint, opFloat:
		r.number(n, p, v)
	case opTime:
		r.time(n, v)
	case opText:
		r.text(n, v)
	case opJSON:
		r.json(n, v)
	case opAny:
		if n.kind != null {
			v.Set(reflect.ValueOf(plain(n)))
		}
	default:
		r.fail(n, fmt.Sprintf("values of type %s cannot be read", p.typ), "")
	}
}

// word keeps the text apart from the document, which would stay in memory as long as any part of it.
func (r *reader) word(s string) string {
	if s == "" {
		return ""
	}
	if w, ok := r.words[s]; ok {
		return w
	}
	w := strings.Clone(s)
	r.words[w] = w
	return w
}

// expect reports whether a value is of a kind, or else notes the problem.
func (r *reader) expect(n *node, want kind) bool {
	if n.kind == want {
		return true
	}
	remedy := ""
	switch {
	case n.kind == null:
		r.fail(n, "there is no value; "+want.String()+" is expected", "give one, or leave the key out")
		return false
	case want == text && (n.kind == number || n.kind == boolean):
		remedy = "put it in quotes"
	case want == boolean:
		remedy = "write true or false, without quotes"
	case want == number && n.kind == text:
		remedy = "write a number without quotes and unit"
	case want == list:
		remedy = "begin each item with a dash, or put the items in [ ]"
	case want == object:
		remedy = "write keys and values below it, or in { }"
	}
	r.fail(n, want.String()+" is expected, not "+r.found(n), remedy)
	return false
}

// found names a value for a message, and cites it only where that gives nothing away.
func (r *reader) found(n *node) string {
	key := ""
	for _, s := range r.path {
		if s.key != "" {
			key = s.key
		}
	}
	switch n.kind {
	case number, boolean:
		if shown, ok := Cite(key, n.text); ok && n.kind == number {
			return "the number " + strings.Trim(shown, `"`)
		} else if ok {
			return strings.Trim(shown, `"`)
		}
	case text:
		if shown, ok := Cite(key, n.text); ok {
			return "the text " + shown
		}
	}
	return n.kind.String()
}

func (r *reader) object(n *node, p *plan, v reflect.Value) {
	if !r.expect(n, object) {
		return
	}
	var firsts [64]int32 // line+1 by field; more fields than that are checked in a map
	var more map[int]int32
	next := 0
	for i := 0; i+1 < len(n.kids); i += 2 {
		key, value := &n.kids[i], &n.kids[i+1]
		f, ok := p.find(key.text, next)
		if !ok {
			r.unknown(key, p)
			continue
		}
		next = f + 1
		r.path = append(r.path, step{key: key.text, index: -1})
		first := int32(0)
		if f < len(firsts) {
			first, firsts[f] = firsts[f], max(firsts[f], key.line)
		} else {
			if more == nil {
				more = map[int]int32{}
			}
			first, more[f] = more[f], key.line
		}
		if first != 0 {
			r.fail(key, fmt.Sprintf("the key %q is given twice, first in line %d", key.text, first), "keep one of them")
		} else if fl := &p.fields[f]; value.kind != null || !fl.nullable {
			r.read(value, fl.plan, fl.of(v))
		}
		r.path = r.path[:len(r.path)-1]
	}
}

func (r *reader) unknown(key *node, p *plan) {
	if r.problems.Full() {
		r.fail(key, "", "") // nobody reads the advice, and making it is the expensive part
		return
	}
	if !harmlessKey(key.text) {
		// A stray value may have become a key, so neither message nor pointer may cite it.
		r.fail(key, "unknown key", "known keys: "+strings.Join(p.names, ", "))
		return
	}
	remedy := "known keys: " + strings.Join(p.names, ", ")
	if near := Nearest(key.text, p.names); near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	}
	r.path = append(r.path, step{key: key.text, index: -1})
	r.fail(key, fmt.Sprintf("unknown key %q", key.text), remedy)
	r.path = r.path[:len(r.path)-1]
}

func (r *reader) slice(n *node, p *plan, v reflect.Value) {
	if !r.expect(n, list) {
		return
	}
	out := reflect.MakeSlice(p.typ, len(n.kids), len(n.kids))
	r.items(n, p, out)
	v.Set(out)
}

func (r *reader) array(n *node, p *plan, v reflect.Value) {
	if !r.expect(n, list) {
		return
	}
	if len(n.kids) != v.Len() {
		r.fail(n, fmt.Sprintf("a list of %d items is expected, not of %d", v.Len(), len(n.kids)), "")
		return
	}
	r.items(n, p, v)
}

func (r *reader) items(n *node, p *plan, v reflect.Value) {
	r.path = append(r.path, step{})
	for i := range n.kids {
		r.path[len(r.path)-1].index = i
		r.read(&n.kids[i], p.elem, v.Index(i))
	}
	r.path = r.path[:len(r.path)-1]
}

func (r *reader) mapping(n *node, p *plan, v reflect.Value) {
	if !r.expect(n, object) {
		return
	}
	out := reflect.MakeMapWithSize(p.typ, len(n.kids)/2)
	lines := make(map[string]int32, len(n.kids)/2)
	for i := 0; i+1 < len(n.kids); i += 2 {
		key, value := &n.kids[i], &n.kids[i+1]
		r.path = append(r.path, step{key: key.text, index: -1})
		if first, twice := lines[key.text]; twice {
			r.fail(key, fmt.Sprintf("the key is given twice, first in line %d", first), "keep one of them")
		} else {
			lines[key.text] = key.line
			elem := reflect.New(p.elem.typ).Elem()
			r.read(value, p.elem, elem)
			out.SetMapIndex(reflect.ValueOf(r.word(key.text)).Convert(p.typ.Key()), elem)
		}
		r.path = r.path[:len(r.path)-1]
	}
	v.Set(out)
}

func (r *reader) number(n *node, p *plan, v reflect.Value) {
	if !r.expect(n, number) {
		return
	}
	f, err := strconv.ParseFloat(n.text, 64)
	if math.IsInf(f, 0) || math.IsNaN(f) || err != nil {
		r.fail(n, "the number is too large, or not written in decimal digits", "write it like 12, 0.5 or 1e-3")
		return
	}
	if p.op == opFloat {
		if v.OverflowFloat(f) {
			r.fail(n, "the number is too large", "")
			return
		}
		v.SetFloat(f)
		return
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	if err != nil {
		// 1e3 and 12.0 are whole numbers in another notation, exact up to 2^53.
		if f != math.Trunc(f) {
			r.fail(n, "a whole number is expected, not "+r.found(n), "")
			return
		}
		if math.Abs(f) > 1<<53 {
			r.fail(n, "the number is too large", "")
			return
		}
		i = int64(f)
	}
	switch {
	case p.op == opUint && i < 0:
		r.fail(n, "the number must not be negative", "")
	case p.op == opUint && v.OverflowUint(uint64(i)), p.op == opInt && v.OverflowInt(i):
		r.fail(n, "the number is too large", "")
	case p.op == opUint:
		v.SetUint(uint64(i))
	default:
		v.SetInt(i)
	}
}

func (r *reader) time(n *node, v reflect.Value) {
	const remedy = "write it like 2026-11-20T08:00:00Z"
	if n.kind != text {
		if n.kind == null {
			r.expect(n, text)
			return
		}
		r.fail(n, "an instant is expected, not "+r.found(n), remedy)
		return
	}
	at, err := time.Parse(time.RFC3339Nano, n.text)
	if err != nil {
		r.fail(n, r.found(n)+" is not an instant with date, time and zone", remedy)
		return
	}
	v.Set(reflect.ValueOf(at))
}

func (r *reader) text(n *node, v reflect.Value) {
	if n.kind == number {
		r.fail(n, "text is expected, not "+r.found(n), "add the unit, or put it in quotes")
		return
	}
	if !r.expect(n, text) {
		return
	}
	err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text))
	if err == nil {
		return
	}
	// The type's own message may cite the text.
	if shown := r.found(n); shown != n.kind.String() {
		what, remedy, _ := strings.Cut(err.Error(), "; ")
		r.fail(n, what, remedy)
		return
	}
	r.fail(n, "the text is not understood", "")
}

func (r *reader) json(n *node, v reflect.Value) {
	data, err := json.Marshal(plain(n))
	if err == nil {
		err = v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(data)
	}
	if err != nil {
		r.fail(n, "the value is not understood", "")
	}
}
