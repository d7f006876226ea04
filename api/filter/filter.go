// Package filter is the one filter language of Meridian: REST lists, exports and the command line select items with it.
// It parses an expression into an Expr and compiles that against the fields of a kind of item into a predicate. It does
// no I/O and knows nothing of the items themselves; api/rest, the exports and the routes of notifications call it.
//
// Grammar, keywords without regard to case:
//
//	expr       = and { "or" and }
//	and        = unary { "and" unary }
//	unary      = "not" unary | "(" expr ")" | "has" "(" field ")" | comparison
//	comparison = field op value | field [ "not" ] "in" "(" value { "," value } ")"
//	op         = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
//	value      = bare word | text in double or single quotes
package filter

import (
	"fmt"
	"strings"
)

// Limits of an expression. They bound the cost of parsing and of one evaluation.
const (
	MaxLength = 4096 // bytes
	MaxTerms  = 200  // comparisons, list members included
	maxDepth  = 50
)

// Error is a mistake in an expression.
type Error struct {
	Position int    // character, from 1
	What     string // what is wrong there
	Remedy   string // what to write instead, "" when What says it
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("filter, character %d: %s", e.Position, e.What)
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Op is a comparison operator.
type Op string

// Operators. In and NotIn take a list, Has takes no value.
const (
	Equal          Op = "="
	NotEqual       Op = "!="
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
	Match          Op = "~"
	NotMatch       Op = "!~"
	In             Op = "in"
	NotIn          Op = "not in"
	Has            Op = "has"
)

// Expr is a parsed expression. The zero value selects everything.
type Expr struct{ root node }

type node interface {
	write(b *strings.Builder, parent int)
	walk(func(*comparison))
}

// Binding strengths, used to print no more parentheses than needed.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
)

type binary struct {
	and         bool
	left, right node
}

type negation struct{ of node }

type comparison struct {
	field  string
	at     int // character of the field
	op     Op
	values []value
}

type value struct {
	text string
	at   int
}

func (n *binary) walk(f func(*comparison))     { n.left.walk(f); n.right.walk(f) }
func (n *negation) walk(f func(*comparison))   { n.of.walk(f) }
func (n *comparison) walk(f func(*comparison)) { f(n) }

func (n *binary) write(b *strings.Builder, parent int) {
	bind, word := bindOr, " or "
	if n.and {
		bind, word = bindAnd, " and "
	}
	if bind < parent {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	n.left.write(b, bind)
	b.WriteString(word)
	n.right.write(b, bind)
}

func (n *negation) write(b *strings.Builder, _ int) {
	b.WriteString("not ")
	n.of.write(b, bindNot)
}

func (n *comparison) write(b *strings.Builder, _ int) {
	switch n.op {
	case Has:
		b.WriteString("has(" + n.field + ")")
	case In, NotIn:
		b.WriteString(n.field + " " + string(n.op) + " (")
		for i, v := range n.values {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quote(v.text))
		}
		b.WriteByte(')')
	default:
		b.WriteString(n.field + string(n.op) + quote(n.values[0].text))
	}
}

// String prints the expression in canonical form; parsing it gives an equal expression.
func (e *Expr) String() string {
	if e == nil || e.root == nil {
		return ""
	}
	var b strings.Builder
	e.root.write(&b, 0)
	return b.String()
}

// Mentions reports whether any comparison is about the field.
func (e *Expr) Mentions(field string) bool {
	found := false
	if e != nil && e.root != nil {
		e.root.walk(func(c *comparison) { found = found || c.field == field })
	}
	return found
}

func quote(s string) string {
	if s != "" && !isKeyword(s) && strings.IndexFunc(s, func(r rune) bool { return !isBare(r) }) < 0 {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func isKeyword(s string) bool {
	switch strings.ToLower(s) {
	case "and", "or", "not", "in", "has":
		return true
	}
	return false
}
