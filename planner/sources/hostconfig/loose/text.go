package loose

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// maxExpression bounds the search for the end of a template's expression.
const maxExpression = 4096

// quoted reads text in quotes; false when it was left out.
func (r *scanner) quoted() (string, bool) {
	open := r.peek()
	r.next()
	closers := "\""
	switch open {
	case '"':
	case '\'', '‘', '’', '‚':
		closers = "'‘’"
	default:
		closers = "\"“”″»«"
	}
	start, curly := r.at, -1
	for r.at < len(r.s) {
		c, size := utf8.DecodeRuneInString(r.s[r.at:])
		switch {
		case c == '\\' && r.at+1 < len(r.s) && r.s[r.at+1] != '\n':
			r.at++
			_, size = utf8.DecodeRuneInString(r.s[r.at:])
		case r.doc.Template && (r.has("{{") || r.has("{%")):
			size = r.expression()
		case strings.ContainsRune(closers, c):
			text := r.s[start:r.at]
			if open != '"' || c != '"' {
				r.fault("quotation marks that JSON does not have", false)
			}
			r.at += size
			return r.unescape(text)
		case c == '\n':
			if curly >= 0 {
				// A straight mark that opens and a curly one that closes at the end of the line: an editor changed one.
				text := r.s[start:curly]
				r.at = curly
				r.fault("quotation marks that JSON does not have", false)
				r.next()
				return r.unescape(text)
			}
			r.fault("text in quotes does not end in its line", true)
			return "", false
		case open == '"' && (c == '”' || c == '“') && closes(r.s[r.at+size:]):
			if curly < 0 {
				curly = r.at
			}
		}
		r.at += size
	}
	r.fault("text in quotes does not end", true)
	return "", false
}

// endsThere reports whether what follows a text in quotes may follow one: a separator, the end of the line, a comment, or
// after a blank the next key. Anything else says that a quotation mark stands within the text.
func (r *scanner) endsThere() bool {
	rest := strings.TrimLeft(r.s[r.at:min(len(r.s), r.at+80)], " \t\r\u00a0")
	if rest == "" {
		return true
	}
	c, _ := utf8.DecodeRuneInString(rest)
	if strings.ContainsRune(",}]\n#\u200b\ufeff\u202f", c) || strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*") || r.doc.Template && c == '{' {
		return true
	}
	return quote(c) && !strings.HasPrefix(r.s[r.at:], rest)
}

// closes reports whether what follows a mark is what may follow a text.
func closes(rest string) bool {
	rest = strings.TrimLeft(rest[:min(len(rest), 80)], " \t\r")
	return rest == "" || strings.ContainsRune(",:}]\n", rune(rest[0]))
}

// expression returns the length of the template expression that begins here, or of its first character when it has no end.
func (r *scanner) expression() int {
	end := "}}"
	if r.has("{%") {
		end = "%}"
	}
	ahead := r.s[r.at:min(len(r.s), r.at+maxExpression)]
	if i := strings.Index(ahead, end); i >= 0 && !strings.Contains(ahead[:i], "\n") {
		return i + len(end)
	}
	return 1
}

// unescape reads the escapes of a text. A text with an escape that JSON does not have is one whose writer did not know of
// them: its backslashes stand for themselves, unless it also doubles some.
func (r *scanner) unescape(text string) (string, bool) {
	if !strings.Contains(text, `\`) || r.doc.Template && strings.Contains(text, "{") {
		return text, true
	}
	var s string
	if json.Unmarshal([]byte(`"`+text+`"`), &s) == nil {
		return s, true
	}
	if strings.Contains(text, `\\`) || strings.Contains(text, `\"`) || strings.Contains(text, `\u`) {
		r.fault("text with a backslash before a character that JSON does not escape", true)
		return "", false
	}
	r.fault("backslashes that are not doubled; they were taken as they stand", false)
	return text, true
}
