package document

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

type op uint8

const (
	opUnsupported op = iota
	opStruct
	opSlice
	opArray
	opMap
	opPointer
	opString
	opInt
	opUint
	opFloat
	opBool
	opText // encoding.TextUnmarshaler
	opTime
	opJSON // json.Unmarshaler
	opAny
)

// plan is how a Go type is read: worked out once, used for every document.
type plan struct {
	op     op
	typ    reflect.Type
	elem   *plan
	fields []field
	byName map[string]int
	names  []string // sorted
}

type field struct {
	name     string
	index    []int
	nullable bool // null stands for absent
	plan     *plan
}

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonType = reflect.TypeFor[json.Unmarshaler]()
	timeType = reflect.TypeFor[time.Time]()
)

func compile(t reflect.Type, known map[reflect.Type]*plan) *plan {
	if p, ok := known[t]; ok {
		return p
	}
	p := &plan{typ: t}
	known[t] = p
	switch pointer := reflect.PointerTo(t); {
	case t == timeType:
		p.op = opTime
		return p
	case t.Kind() != reflect.Pointer && pointer.Implements(jsonType):
		p.op = opJSON
		return p
	case t.Kind() != reflect.Pointer && pointer.Implements(textType):
		p.op = opText
		return p
	}
	switch t.Kind() {
	case reflect.String:
		p.op = opString
	case reflect.Bool:
		p.op = opBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.op = opInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.op = opUint
	case reflect.Float32, reflect.Float64:
		p.op = opFloat
	case reflect.Interface:
		if t.NumMethod() == 0 {
			p.op = opAny
		}
	case reflect.Pointer:
		p.op, p.elem = opPointer, compile(t.Elem(), known)
	case reflect.Slice:
		p.op, p.elem = opSlice, compile(t.Elem(), known)
	case reflect.Array:
		p.op, p.elem = opArray, compile(t.Elem(), known)
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			p.op, p.elem = opMap, compile(t.Elem(), known)
		}
	case reflect.Struct:
		p.op = opStruct
		p.collect(t, nil, known)
		p.byName = make(map[string]int, len(p.fields))
		for i, f := range p.fields {
			p.byName[f.name] = i
			p.names = append(p.names, f.name)
		}
		slices.Sort(p.names)
	}
	return p
}

// collect lists the fields of a struct; those of embedded structs without a name of their own count as the struct's.
func (p *plan) collect(t reflect.Type, index []int, known map[reflect.Type]*plan) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		at := append(slices.Clone(index), i)
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			p.collect(f.Type, at, known)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		nullable := false
		switch f.Type.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
			nullable = !strings.Contains(options, "omit")
		}
		p.fields = append(p.fields, field{name: name, index: at, nullable: nullable, plan: compile(f.Type, known)})
	}
}

// find returns the index of the field of a name. Documents mostly hold the keys in the order of the type, so the search
// begins after the field found last.
func (p *plan) find(name string, next int) (int, bool) {
	for i := next; i < len(p.fields) && i < next+4; i++ {
		if p.fields[i].name == name {
			return i, true
		}
	}
	i, ok := p.byName[name]
	return i, ok
}

func (f *field) of(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	return v.FieldByIndex(f.index)
}
