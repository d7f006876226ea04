package tree

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/meridian-federation/meridian/planner/document"
)

type limitError struct {
	off  uint32
	what string
}

func (e *limitError) Error() string { return e.what }

// builder reads a document that is known to be valid JSON, so that every syntax check is made already.
type builder struct {
	doc    *Document
	at     int
	values int
	limit  int               // of values
	sizes  []uint32          // of the groups, in the order in which they begin
	groups int               // begun
	keys   map[string]string // one copy of each key, since every row has the same ones
}

// skip moves to the next byte that is no blank, comma or colon.
func (b *builder) skip() {
	for {
		switch b.doc.data[b.at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			b.at++
		default:
			return
		}
	}
}

func (b *builder) value(depth int) (Value, error) {
	b.skip()
	v := Value{off: uint32(b.at)}
	if depth > MaxDepth {
		return v, &limitError{v.off, fmt.Sprintf("nested deeper than %d", MaxDepth)}
	}
	if b.values++; b.values > b.limit {
		return v, &limitError{v.off, fmt.Sprintf("more than %d values", b.limit)}
	}
	switch c := b.doc.data[b.at]; c {
	case 'n':
		v.kind = Null
		b.at += len("null")
	case 't':
		v.kind, v.text = Bool, "true"
		b.at += len(v.text)
	case 'f':
		v.kind, v.text = Bool, "false"
		b.at += len(v.text)
	case '"':
		v.kind, v.text = String, b.text()
	case '[', '{':
		return b.group(v, depth, c == '{')
	default:
		start := b.at
		for b.at < len(b.doc.data) && strings.IndexByte("+-.eE0123456789", b.doc.data[b.at]) >= 0 {
			b.at++
		}
		v.kind, v.text = Number, string(b.doc.data[start:b.at])
	}
	return v, nil
}

// group reads a list or an object.
func (b *builder) group(v Value, depth int, object bool) (Value, error) {
	v.kind = Array
	if object {
		v.kind = Object
	}
	size := b.sizes[b.groups]
	b.groups++
	var kids []Member
	for b.at++; ; {
		b.skip()
		if c := b.doc.data[b.at]; c == ']' || c == '}' {
			b.at++
			if len(kids) > 0 {
				v.kids = &kids
			}
			return v, nil
		}
		if kids == nil {
			kids = make([]Member, 0, min(int(size), b.limit-b.values+1))
		}
		var m Member
		at := uint32(b.at)
		if object {
			m.Key = b.key()
		}
		var err error
		if m.Value, err = b.value(depth + 1); err != nil {
			return v, err
		}
		if object {
			b.twice(kids, m.Key, at)
		}
		kids = append(kids, m)
	}
}

// sizes counts the members of each list and object of valid JSON, in the order in which they begin, down to the deepest
// that is read; an empty one counts as one. Lists that grow while they are read would need several times their memory.
func sizes(data []byte) []uint32 {
	var out []uint32
	var open [MaxDepth + 2]int
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			if depth++; depth == len(open) {
				return out
			}
			open[depth] = len(out)
			out = append(out, 1)
		case ']', '}':
			depth--
		case ',':
			out[open[depth]]++
		}
	}
	return out
}

func (b *builder) key() string {
	k := b.text()
	if known, ok := b.keys[k]; ok {
		return known
	}
	if len(b.keys) < maxKeys {
		b.keys[k] = k
	}
	return k
}

// maxKeys bounds the keys kept; exports have some hundreds.
const maxKeys = 4096

// text reads a string, which it copies so that the result does not keep the file in memory.
func (b *builder) text() string {
	start := b.at
	plain := true
	for b.at++; b.doc.data[b.at] != '"'; b.at++ {
		switch c := b.doc.data[b.at]; {
		case c == '\\':
			plain = false
			b.at++
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	b.at++
	if plain {
		return string(b.doc.data[start+1 : b.at-1])
	}
	var s string
	if err := json.Unmarshal(b.doc.data[start:b.at], &s); err != nil {
		return ""
	}
	return s
}

// maxTwice bounds the list of doubled keys and the size of the objects searched for them, since the search is quadratic.
const maxTwice = 64

func (b *builder) twice(kids []Member, key string, at uint32) {
	if len(kids) > maxTwice || len(b.doc.Twice) >= maxTwice {
		return
	}
	for i := range kids {
		if kids[i].Key == key {
			line, column := b.doc.Place(at)
			name := "a key"
			if keyName(key) {
				name = `key "` + key + `"`
			}
			b.doc.Twice = append(b.doc.Twice, document.Problem{Line: line, Column: column, What: name + " stands twice in one object; the last one was read", Remedy: "remove one of them"})
			return
		}
	}
}
