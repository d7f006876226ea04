package loose

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/sources/tree"
)

// JSON reads one JSON document, with comments, surplus and missing commas, curly or single quotes, bare keys, missing
// outer braces or closing brackets, text after the end and expressions of template engines. The problem returned says
// why nothing could be read; it has no file.
func JSON(data []byte) (*Document, *document.Problem) {
	if len(data) > MaxBytes {
		return nil, &document.Problem{What: fmt.Sprintf("larger than the %d MiB a configuration file may have", MaxBytes>>20), Remedy: "import the configuration file alone"}
	}
	data, problem := tree.DecodeText(data)
	if problem != nil {
		return nil, problem
	}
	text := string(data)
	valid := json.Valid(data)
	r := &scanner{s: text, line: 1, column: 1, doc: &Document{}}
	r.doc.Template = !valid && (strings.Contains(text, "{{") || strings.Contains(text, "{%"))
	r.lenient = !valid
	if !utf8.ValidString(text) {
		return nil, &document.Problem{What: "the text is not UTF-8", Remedy: "save the file in UTF-8"}
	}
	root, ok := r.root()
	if r.stop != "" {
		line, column := r.place(r.at)
		return nil, &document.Problem{Line: line, Column: column, What: r.stop, Remedy: "nest it less deeply, or split the file"}
	}
	if !ok {
		line, column := r.place(r.at)
		return nil, &document.Problem{Line: line, Column: column, What: "not JSON: neither an object nor members of one begin here", Remedy: "give the file as ThingWorx reads it"}
	}
	r.doc.Root = &root
	return r.doc, nil
}

// scanner moves forward only, so that the work grows with the text alone.
type scanner struct {
	s       string
	at      int
	mark    int // the offset that line and column are of
	line    int
	column  int
	lenient bool
	values  int
	lists   int    // open lists
	objects int    // open objects
	stop    string // why reading ended before the end
	doc     *Document
}

// place returns line and column of an offset at or after the one asked for before.
func (r *scanner) place(at int) (line, column int) {
	for r.mark < at && r.mark < len(r.s) {
		c, size := utf8.DecodeRuneInString(r.s[r.mark:])
		r.mark += size
		r.column++
		if c == '\n' {
			r.line, r.column = r.line+1, 1
		}
	}
	return r.line, r.column
}

func (r *scanner) fault(what string, dropped bool) {
	line, column := r.place(r.at)
	r.doc.fault(line, column, what, dropped)
}

func (r *scanner) end() bool { return r.at >= len(r.s) || r.stop != "" }

func (r *scanner) peek() rune {
	if r.end() {
		return 0
	}
	c, _ := utf8.DecodeRuneInString(r.s[r.at:])
	return c
}

func (r *scanner) next() {
	_, size := utf8.DecodeRuneInString(r.s[r.at:])
	r.at += size
}

func (r *scanner) has(prefix string) bool { return strings.HasPrefix(r.s[r.at:], prefix) }

// skip passes blanks, comments and statements of a template.
func (r *scanner) skip() {
	for !r.end() {
		c := r.peek()
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			r.at++
		case !r.lenient:
			return
		case c == '\u00a0' || c == '\u200b' || c == '\ufeff' || c == '\u202f':
			r.next()
		case r.has("//") || c == '#':
			r.fault("a comment, which JSON does not have", false)
			r.past("\n")
		case r.has("/*"):
			r.fault("a comment, which JSON does not have", false)
			r.at += 2
			r.past("*/")
		case r.doc.Template && r.has("{%"):
			r.fault("a statement of a template; what it makes of the lines around it is not known", false)
			r.past("%}")
		case r.doc.Template && r.has("{#"):
			r.past("#}")
		default:
			return
		}
	}
}

// past moves behind the next occurrence of a text, or to the end.
func (r *scanner) past(text string) {
	if i := strings.Index(r.s[r.at:], text); i >= 0 {
		r.at += i + len(text)
	} else {
		r.at = len(r.s)
	}
}

func (r *scanner) root() (Value, bool) {
	r.skip()
	if r.end() {
		return Value{}, false
	}
	line, column := r.place(r.at)
	v := Value{kind: Object, line: int32(line), column: int32(column)}
	switch c := r.peek(); {
	case c == '{':
		r.at++
		r.objects++
		r.members(&v, 0)
	case c == '[':
		v, _ = r.value(0)
	case r.lenient && (quote(c) || letter(c)) && r.keyAhead():
		r.fault("the braces around the document are missing", false)
		r.members(&v, 0)
		return v, true
	default:
		return v, false
	}
	for r.skip(); r.lenient && !r.end(); r.skip() {
		if v.kind != Object {
			r.fault("text after the end of the document", true)
			return v, true
		}
		if c := r.peek(); c == ',' || c == '}' || c == ']' {
			r.fault("a bracket closes nothing, or a comma follows the end", false)
			r.at++
			continue
		}
		before := r.at
		r.fault("text after the end of the document was read as part of its top level", false)
		r.members(&v, 0)
		if r.at == before {
			r.next()
		}
	}
	return v, true
}

// keyAhead reports whether a key and a colon follow within a line or two.
func (r *scanner) keyAhead() bool {
	ahead := r.s[r.at:min(len(r.s), r.at+200)]
	i := strings.IndexAny(ahead, ":{}[],;=")
	return i > 0 && ahead[i] == ':'
}

func letter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' }

func quote(c rune) bool { return strings.ContainsRune("\"'“”„‟″‘’‚«»", c) }

// resume moves to where the next member or item may begin: behind a comma or a line, or before a closing bracket.
func (r *scanner) resume() {
	i := strings.IndexAny(r.s[r.at:], ",\n}]")
	if i < 0 {
		r.at = len(r.s)
		return
	}
	if r.at += i; r.s[r.at] == ',' || r.s[r.at] == '\n' {
		r.at++
	}
}

// members reads an object behind its opening brace, or to the end of the text at the top.
func (r *scanner) members(v *Value, depth int) {
	seen := make(map[string]bool, 8)
	for _, k := range v.kids {
		seen[k.key] = true
	}
	comma, first, dropped := true, true, false // no comma is needed before the first member
	for {
		r.skip()
		if r.end() {
			if r.objects > 0 && !r.doc.Unclosed {
				r.doc.Unclosed = true
				r.fault("a closing bracket is missing, so that it is not certain what contains what", false)
			}
			return
		}
		if r.doc.Template && r.has("{{") {
			r.fault("an expression of a template in the place of a member", true)
			r.past("}}")
			comma, first = true, true
			continue
		}
		switch c := r.peek(); c {
		case '}':
			if comma && !first {
				r.fault("a comma before the closing brace", false)
			}
			r.at++
			if r.objects--; r.objects < 0 {
				r.objects = 0
				r.fault("a closing brace that closes nothing", false)
				continue
			}
			return
		case ']':
			if r.lists > 0 {
				r.fault("a closing brace is missing before this bracket", false)
				r.objects--
				return
			}
			r.fault("a closing bracket that closes nothing", false)
			r.at++
			continue
		case ',':
			if comma && !dropped {
				r.fault("a comma too many", false)
			}
			comma, dropped = true, false
			r.at++
			continue
		}
		if !comma {
			r.fault("a comma is missing before this", false)
		}
		if r.member(v, depth, seen) {
			comma, first, dropped = false, false, false
		} else {
			comma, first, dropped = true, true, true // what was left out may have ended with the comma or without it
		}
	}
}

// member reads a key and its value; false when they were left out.
func (r *scanner) member(v *Value, depth int, seen map[string]bool) bool {
	key, ok := r.key()
	if !ok {
		r.resume()
		return false
	}
	r.skip()
	switch r.peek() {
	case ':':
		r.at++
		r.skip()
	case '{', '[':
		r.fault("a colon is missing before this bracket", false)
	default:
		r.fault("a key without a colon and a value", true)
		r.resume()
		return false
	}
	if c := r.peek(); c == ',' || c == '}' || c == ']' || c == 0 {
		r.fault("a key without a value", true)
		return true
	}
	value, ok := r.value(depth + 1)
	if !ok {
		return false
	}
	value.key = key
	if seen[key] {
		r.doc.fault(int(value.line), int(value.column), "a key stands twice in one object; the last one was read", true)
	}
	seen[key] = true
	v.kids = append(v.kids, value)
	return true
}

func (r *scanner) key() (string, bool) {
	c := r.peek()
	if quote(c) {
		return r.quoted()
	}
	start := r.at
	for !r.end() && (letter(r.peek()) || r.s[r.at] >= '0' && r.s[r.at] <= '9' || r.s[r.at] == '-' || r.s[r.at] == '.') {
		r.at++
	}
	if r.at == start {
		r.fault("a character that begins neither a key nor a value", true)
		r.next()
		return "", false
	}
	word := r.s[start:r.at]
	r.fault("a key without quotes", false)
	return word, true
}

// value reads one value; false when it was left out.
func (r *scanner) value(depth int) (Value, bool) {
	line, column := r.place(r.at)
	v := Value{line: int32(line), column: int32(column)}
	if depth > MaxDepth {
		r.stop = fmt.Sprintf("nested deeper than %d", MaxDepth)
		return v, false
	}
	if r.values++; r.values > MaxValues {
		r.stop = fmt.Sprintf("more than %d values", MaxValues)
		return v, false
	}
	switch c := r.peek(); {
	case c == '{' && (!r.doc.Template || !r.has("{{")):
		r.at++
		r.objects++
		v.kind = Object
		r.members(&v, depth)
		return v, r.stop == ""
	case c == '[':
		r.at++
		r.lists++
		v.kind = List
		r.items(&v, depth)
		return v, r.stop == ""
	case quote(c):
		text, ok := r.quoted()
		if !ok {
			return v, false
		}
		if r.lenient && !r.endsThere() {
			r.fault("text in quotes that other text follows, so that it is not certain where it ends", true)
			r.resume()
			return v, false
		}
		v.kind, v.text = Text, text
		return v, true
	}
	return r.word(v)
}

// items reads a list behind its opening bracket.
func (r *scanner) items(v *Value, depth int) {
	comma, first := true, true
	for {
		r.skip()
		if r.end() {
			if !r.doc.Unclosed {
				r.doc.Unclosed = true
				r.fault("a closing bracket is missing, so that it is not certain what contains what", false)
			}
			return
		}
		switch c := r.peek(); c {
		case ']':
			if comma && !first {
				r.fault("a comma before the closing bracket", false)
			}
			r.at++
			r.lists--
			return
		case '}':
			if r.objects > 0 {
				r.fault("a closing bracket is missing before this brace", false)
				r.lists--
				return
			}
			r.fault("a closing brace that closes nothing", false)
			r.at++
			continue
		case ',':
			if comma {
				r.fault("a comma too many", false)
			}
			comma = true
			r.at++
			continue
		}
		if !comma {
			r.fault("a comma is missing before this", false)
		}
		item, ok := r.value(depth + 1)
		if ok {
			v.kids = append(v.kids, item)
		}
		comma, first = !ok, !ok
	}
}

// word reads a number, a truth value, null, or an expression of a template.
func (r *scanner) word(v Value) (Value, bool) {
	start := r.at
	if r.doc.Template && r.has("{{") {
		r.past("}}")
		v.kind, v.text = Text, r.s[start:r.at]
		return v, true
	}
	if i := strings.IndexAny(r.s[r.at:], ",}] \t\r\n\"'{[:#/"); i >= 0 {
		r.at += i
	} else {
		r.at = len(r.s)
	}
	word := r.s[start:r.at]
	switch lower := strings.ToLower(word); {
	case lower == "null":
		v.kind = Null
	case lower == "true" || lower == "false":
		v.kind, v.text = Bool, lower
	case word != "" && len(word) < 400 && (word[0] == '-' || word[0] >= '0' && word[0] <= '9') && json.Valid([]byte(word)):
		v.kind, v.text = Number, word
		return v, true
	default:
		r.fault("a value that is neither text in quotes nor a number, true, false or null", true)
		r.resume()
		return v, false
	}
	if lower := strings.ToLower(word); lower != word {
		r.fault("true, false or null in capital letters", false)
	}
	return v, true
}
