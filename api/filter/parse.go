package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads an expression. An empty one selects everything. The error is a *Error.
func Parse(text string) (*Expr, error) {
	if len(text) > MaxLength {
		return nil, &Error{1, "the filter is too long", "write at most 4096 bytes"}
	}
	if !utf8.ValidString(text) {
		return nil, &Error{1, "the filter is not UTF-8", ""}
	}
	p := &parser{lexer: lexer{text: []rune(text)}}
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.kind == tokEnd {
		return &Expr{}, nil
	}
	root, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, p.unexpected("and, or, or the end")
	}
	return &Expr{root}, nil
}

type tokenKind int

const (
	tokEnd tokenKind = iota
	tokWord
	tokText // quoted
	tokOp
	tokOpen
	tokClose
	tokComma
)

type token struct {
	kind tokenKind
	text string
	at   int // character, from 1
}

type lexer struct {
	text []rune
	pos  int
}

// isBare reports whether a character may be part of a word without quotes. Colons, slashes and plus signs are in, so
// that times, durations, cluster keys and versions need no quotes.
func isBare(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-.*?:/+%@", r)
}

func (l *lexer) scan() (token, error) {
	for l.pos < len(l.text) && unicode.IsSpace(l.text[l.pos]) {
		l.pos++
	}
	at := l.pos + 1
	if l.pos >= len(l.text) {
		return token{tokEnd, "", at}, nil
	}
	r := l.text[l.pos]
	switch {
	case r == '(':
		l.pos++
		return token{tokOpen, "(", at}, nil
	case r == ')':
		l.pos++
		return token{tokClose, ")", at}, nil
	case r == ',':
		l.pos++
		return token{tokComma, ",", at}, nil
	case r == '"' || r == '\'':
		return l.quoted(r, at)
	case strings.ContainsRune("=!<>~", r):
		return l.operator(at)
	case isBare(r):
		start := l.pos
		for l.pos < len(l.text) && isBare(l.text[l.pos]) {
			l.pos++
		}
		return token{tokWord, string(l.text[start:l.pos]), at}, nil
	}
	return token{}, &Error{at, "unexpected character " + string(r), "put text with special characters in quotes"}
}

func (l *lexer) quoted(q rune, at int) (token, error) {
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch r := l.text[l.pos]; {
		case r == q:
			l.pos++
			return token{tokText, b.String(), at}, nil
		case r == '\\' && l.pos+1 < len(l.text):
			l.pos++
			b.WriteRune(l.text[l.pos])
		default:
			b.WriteRune(r)
		}
	}
	return token{}, &Error{at, "the quote is not closed", "add " + string(q) + " after the text"}
}

func (l *lexer) operator(at int) (token, error) {
	two := string(l.text[l.pos:min(l.pos+2, len(l.text))])
	switch two {
	case "!=", "<=", ">=", "!~":
		l.pos += 2
		return token{tokOp, two, at}, nil
	case "==", "=~", "<>":
		return token{}, &Error{at, two + " is no operator", "write =, ~ or !="}
	}
	l.pos++
	if two[0] == '!' {
		return token{}, &Error{at, "! is no operator", "write != or !~, or not before a condition"}
	}
	return token{tokOp, two[:1], at}, nil
}

type parser struct {
	lexer
	tok   token
	terms int
}

func (p *parser) next() error {
	t, err := p.scan()
	if err != nil {
		return err
	}
	p.tok = t
	return nil
}

func (p *parser) keyword(word string) bool {
	return p.tok.kind == tokWord && strings.EqualFold(p.tok.text, word)
}

func (p *parser) unexpected(want string) error {
	if p.tok.kind == tokEnd {
		return &Error{p.tok.at, "the filter ends too early", "expected " + want}
	}
	return &Error{p.tok.at, "unexpected " + p.tok.text, "expected " + want}
}

func (p *parser) or(depth int) (node, error) {
	return p.chain(depth, "or", p.and)
}

func (p *parser) and(depth int) (node, error) {
	return p.chain(depth, "and", p.unary)
}

func (p *parser) chain(depth int, word string, operand func(int) (node, error)) (node, error) {
	left, err := operand(depth)
	if err != nil {
		return nil, err
	}
	for p.keyword(word) {
		if err := p.next(); err != nil {
			return nil, err
		}
		right, err := operand(depth)
		if err != nil {
			return nil, err
		}
		left = &binary{word == "and", left, right}
	}
	return left, nil
}

func (p *parser) unary(depth int) (node, error) {
	if depth > maxDepth {
		return nil, &Error{p.tok.at, "the filter is nested too deeply", "write fewer parentheses"}
	}
	switch {
	case p.keyword("not"):
		if err := p.next(); err != nil {
			return nil, err
		}
		of, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		return &negation{of}, nil
	case p.tok.kind == tokOpen:
		if err := p.next(); err != nil {
			return nil, err
		}
		n, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		return n, p.expect(tokClose, ")")
	case p.tok.kind == tokWord && !isKeyword(p.tok.text), p.keyword("has"):
		return p.comparison()
	}
	return nil, p.unexpected("a field, not, has or (")
}

func (p *parser) expect(kind tokenKind, what string) error {
	if p.tok.kind != kind {
		return p.unexpected(what)
	}
	return p.next()
}

func (p *parser) comparison() (node, error) {
	if err := p.count(); err != nil {
		return nil, err
	}
	if p.keyword("has") {
		return p.has()
	}
	c := &comparison{field: p.tok.text, at: p.tok.at}
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.kind == tokOp {
		c.op = Op(p.tok.text)
		if err := p.next(); err != nil {
			return nil, err
		}
		return c, p.value(c)
	}
	c.op = In
	if p.keyword("not") {
		c.op = NotIn
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if !p.keyword("in") {
		return nil, p.unexpected("one of = != < <= > >= ~ !~ in not in")
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	return c, p.list(c)
}

func (p *parser) has() (node, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect(tokOpen, "("); err != nil {
		return nil, err
	}
	if p.tok.kind != tokWord {
		return nil, p.unexpected("a field")
	}
	c := &comparison{field: p.tok.text, at: p.tok.at, op: Has}
	if err := p.next(); err != nil {
		return nil, err
	}
	return c, p.expect(tokClose, ")")
}

func (p *parser) list(c *comparison) error {
	if err := p.expect(tokOpen, "("); err != nil {
		return err
	}
	for {
		if err := p.value(c); err != nil {
			return err
		}
		if p.tok.kind != tokComma {
			return p.expect(tokClose, ", or )")
		}
		if err := p.count(); err != nil {
			return err
		}
		if err := p.next(); err != nil {
			return err
		}
	}
}

func (p *parser) value(c *comparison) error {
	if p.tok.kind != tokText && (p.tok.kind != tokWord || isKeyword(p.tok.text)) {
		return p.unexpected("a value")
	}
	c.values = append(c.values, value{p.tok.text, p.tok.at})
	return p.next()
}

func (p *parser) count() error {
	if p.terms++; p.terms > MaxTerms {
		return &Error{p.tok.at, "the filter has too many conditions", "write at most 200, list members included"}
	}
	return nil
}
