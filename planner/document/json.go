package document

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonParser builds the tree of one JSON document (RFC 8259) in one pass.
type jsonParser struct {
	src       string
	pos       int
	line      int32
	lineStart int    // column is pos - lineStart + 1; moved along by continuation bytes, so that columns count characters
	stack     []node // finished values whose parents are still open
	free      []node // room for kids of closed parents
	nodes     int
	problem   *Problem
}

// parseJSON returns the root of a JSON text, or what is wrong with it. src must be valid UTF-8.
func parseJSON(src string) (*node, *Problem) {
	p := &jsonParser{src: src, line: 1, stack: make([]node, 0, 64)}
	p.space()
	root, ok := p.value(0)
	if !ok {
		return nil, p.problem
	}
	p.space()
	if p.pos < len(p.src) {
		p.fail("there is more text after the end of the document", "give one document a file")
		return nil, p.problem
	}
	return &root, nil
}

func (p *jsonParser) fail(what, remedy string) bool {
	p.problem = &Problem{Line: int(p.line), Column: p.pos - p.lineStart + 1, What: what, Remedy: remedy}
	return false
}

func (p *jsonParser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\r':
		case '\n':
			p.line++
			p.lineStart = p.pos + 1
		default:
			return
		}
		p.pos++
	}
}

func (p *jsonParser) value(depth int) (n node, ok bool) {
	if depth > MaxDepth {
		return n, p.fail(tooDeep())
	}
	if p.nodes++; p.nodes > maxNodes {
		return n, p.fail(tooMany())
	}
	n.line, n.column = p.line, int32(p.pos-p.lineStart+1)
	if p.pos >= len(p.src) {
		return n, p.fail("the document ends where a value is expected", "close every bracket that is open")
	}
	switch c := p.src[p.pos]; {
	case c == '{':
		n.kind = object
		n.kids, ok = p.members(object, '}', depth)
	case c == '[':
		n.kind = list
		n.kids, ok = p.members(list, ']', depth)
	case c == '"':
		n.kind = text
		n.text, ok = p.string()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = number
		n.text, ok = p.number()
	case p.word("true"), p.word("false"):
		n.kind, n.text, ok = boolean, strconv.FormatBool(c == 't'), true
	case p.word("null"):
		n.kind, ok = null, true
	default:
		p.fail("a value is expected here", "write text in double quotes")
	}
	return n, ok
}

func (p *jsonParser) word(w string) bool {
	if !strings.HasPrefix(p.src[p.pos:], w) {
		return false
	}
	p.pos += len(w)
	return true
}

// members reads an object or a list, whose opening bracket is next.
func (p *jsonParser) members(of kind, end byte, depth int) ([]node, bool) {
	p.pos++
	mark := len(p.stack)
	p.space()
	if p.pos < len(p.src) && p.src[p.pos] == end {
		p.pos++
		return nil, true
	}
	for {
		if of == object && !p.key() {
			return nil, false
		}
		child, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		p.push(child)
		p.space()
		if p.pos >= len(p.src) {
			return nil, p.fail("the document ends inside "+of.String(), "close every bracket that is open")
		}
		c := p.src[p.pos]
		if c != ',' && c != end {
			return nil, p.fail("a comma or "+string(end)+" is expected here", "")
		}
		p.pos++
		if c == end {
			return p.pop(mark), true
		}
		p.space()
	}
}

func (p *jsonParser) key() bool {
	k := node{kind: text, line: p.line, column: int32(p.pos - p.lineStart + 1)}
	if p.pos >= len(p.src) || p.src[p.pos] != '"' {
		return p.fail("a key in double quotes is expected here", "")
	}
	var ok bool
	if k.text, ok = p.string(); !ok {
		return false
	}
	p.space()
	if p.pos >= len(p.src) || p.src[p.pos] != ':' {
		return p.fail("a colon is expected after the key", "")
	}
	p.pos++
	p.space()
	if p.nodes++; p.nodes > maxNodes {
		return p.fail(tooMany())
	}
	p.push(k)
	return true
}

// many is the number of nodes from which the memory of a list counts more than the time to look ahead.
const many = 4096

// push adds a finished value. A long stack grows once, to what the rest of the text can hold, because growing it step by
// step takes several times its memory.
func (p *jsonParser) push(n node) {
	if len(p.stack) >= many && len(p.stack) == cap(p.stack) {
		rest := p.src[p.pos:]
		p.stack = slices.Grow(p.stack, min(strings.Count(rest, ",")+strings.Count(rest, ":")+2, maxNodes))
	}
	p.stack = append(p.stack, n)
}

// pop takes the nodes from mark on. Most of a long stack are taken as they are instead of copied.
func (p *jsonParser) pop(mark int) []node {
	n := len(p.stack)
	if n-mark >= many && (n-mark)*2 > cap(p.stack) {
		kids := p.stack[mark:n:n]
		p.stack = slices.Clone(p.stack[:mark])
		return kids
	}
	kids := p.keep(p.stack[mark:])
	p.stack = p.stack[:mark]
	return kids
}

// keep copies nodes to where they stay. One block serves many parents.
func (p *jsonParser) keep(nodes []node) []node {
	if len(p.free) < len(nodes) {
		p.free = make([]node, max(len(nodes), min(1024, 16+len(p.src)/64)))
	}
	out := p.free[:len(nodes):len(nodes)]
	p.free = p.free[len(nodes):]
	copy(out, nodes)
	return out
}

func (p *jsonParser) string() (string, bool) {
	p.pos++
	start := p.pos
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			p.pos++
			return p.src[start : p.pos-1], true
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.fail("a control character stands inside text", `write \n for a line end and \t for a tab`)
		case c&0xC0 == 0x80:
			p.lineStart++
		}
		p.pos++
	}
	return "", p.fail("the document ends inside text", "close the text with a double quote")
}

// escaped reads the rest of a string from its first backslash on.
func (p *jsonParser) escaped(start int) (string, bool) {
	buf := append(make([]byte, 0, 2*(p.pos-start)+32), p.src[start:p.pos]...)
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		switch {
		case c == '"':
			p.pos++
			return string(buf), true
		case c < ' ':
			return "", p.fail("a control character stands inside text", `write \n for a line end and \t for a tab`)
		case c != '\\':
			if c&0xC0 == 0x80 {
				p.lineStart++
			}
			buf = append(buf, c)
			p.pos++
		case p.pos+1 < len(p.src) && p.src[p.pos+1] == 'u':
			r, ok := p.unicode()
			if !ok {
				return "", false
			}
			buf = utf8.AppendRune(buf, r)
		default:
			i := -1
			if p.pos+1 < len(p.src) {
				i = strings.IndexByte(`"\/bfnrt`, p.src[p.pos+1])
			}
			if i < 0 {
				return "", p.fail("a backslash stands before a character that needs none", `write \\ for a backslash`)
			}
			buf = append(buf, "\"\\/\b\f\n\r\t"[i])
			p.pos += 2
		}
	}
	return "", p.fail("the document ends inside text", "close the text with a double quote")
}

// unicode reads \uXXXX, two of them for a surrogate pair.
func (p *jsonParser) unicode() (rune, bool) {
	r, ok := hex4(p.src[p.pos+2:])
	if !ok {
		return 0, p.fail(`\u is not followed by four hexadecimal digits`, "")
	}
	p.pos += 6
	if !utf16.IsSurrogate(r) {
		return r, true
	}
	if strings.HasPrefix(p.src[p.pos:], `\u`) {
		if low, ok := hex4(p.src[p.pos+2:]); ok {
			if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
				p.pos += 6
				return whole, true
			}
		}
	}
	return 0, p.fail(`half of a surrogate pair stands alone`, `write both halves, or the character itself`)
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (p *jsonParser) number() (string, bool) {
	start := p.pos
	digits := func() bool {
		from := p.pos
		for p.pos < len(p.src) && p.src[p.pos] >= '0' && p.src[p.pos] <= '9' {
			p.pos++
		}
		return p.pos > from
	}
	at := func(chars string) bool {
		if p.pos < len(p.src) && strings.IndexByte(chars, p.src[p.pos]) >= 0 {
			p.pos++
			return true
		}
		return false
	}
	at("-")
	ok := at("0") || digits()
	if ok && at(".") {
		ok = digits()
	}
	if ok && at("eE") {
		at("+-")
		ok = digits()
	}
	if !ok || p.pos < len(p.src) && (p.src[p.pos] >= '0' && p.src[p.pos] <= '9' || p.src[p.pos] == '.') {
		return "", p.fail("this is not a number", "write it like 12, 0.5 or 1e-3")
	}
	return p.src[start:p.pos], true
}
