package catalog

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Demand is what the workload asks of an architecture, as the expressions of the catalogue see it.
type Demand struct {
	Things            float64 // connected things
	WPS               float64 // property writes per second
	Requests          float64 // requests per second
	ConnectionServers float64 // needed for the things, without spare
	FoundationNodes   float64 // needed for the peak, without spare
	ReplicationFactor float64 // of InfluxDB Enterprise; 0 is read as 2, the smallest that survives a data node
}

// Unbounded is the value of the expression "n": no upper limit is published.
const Unbounded = math.MaxInt32

// Expression is a compiled count such as "3" or "max(2, connectionServers + 1)". The zero value is 0.
type Expression struct {
	text  string
	root  node
	fixed bool // value is the count for every demand
	value int
}

// String returns the expression as written.
func (e Expression) String() string { return e.text }

// MarshalText writes the expression as it was read.
func (e Expression) MarshalText() ([]byte, error) { return []byte(e.text), nil }

// Count evaluates the expression and rounds up to a whole number in [0, Unbounded].
func (e Expression) Count(d Demand) int {
	switch {
	case e.root == nil:
		return 0
	case e.fixed:
		return e.value
	}
	v := math.Ceil(e.root.eval(d) - 1e-9)
	switch {
	case !(v > 0):
		return 0
	case v >= Unbounded:
		return Unbounded
	}
	return int(v)
}

// Constant reports whether the expression gives the same count for every workload.
func (e Expression) Constant() bool { return e.root == nil || e.fixed }

// Compile reads an expression: numbers, the names of Demand's fields in lower camel case, + - * /, parentheses, and the
// functions min, max and ceil. "n" alone means without upper limit.
func Compile(text string) (Expression, error) {
	p := &exprParser{rest: text}
	if strings.TrimSpace(text) == "n" {
		return Expression{text: "n", root: number(Unbounded), fixed: true, value: Unbounded}, nil
	}
	root, err := p.sum()
	if err != nil {
		return Expression{}, err
	}
	if p.skip(); p.rest != "" {
		return Expression{}, fmt.Errorf("unexpected %q", p.rest)
	}
	e := Expression{text: strings.TrimSpace(text), root: root}
	if root.constant() {
		e.value = e.Count(Demand{})
		e.fixed = true
	}
	return e, nil
}

type node interface {
	eval(d Demand) float64
	constant() bool
}

type number float64

func (n number) eval(Demand) float64 { return float64(n) }
func (n number) constant() bool      { return true }

type variable func(d Demand) float64

func (v variable) eval(d Demand) float64 { return v(d) }
func (v variable) constant() bool        { return false }

type operation struct {
	op   byte
	a, b node
}

func (o operation) constant() bool { return o.a.constant() && o.b.constant() }

func (o operation) eval(d Demand) float64 {
	a, b := o.a.eval(d), o.b.eval(d)
	switch o.op {
	case '+':
		return a + b
	case '-':
		return a - b
	case '*':
		return a * b
	default:
		if b == 0 {
			return 0
		}
		return a / b
	}
}

type call struct {
	name string
	args []node
}

func (c call) constant() bool {
	for _, a := range c.args {
		if !a.constant() {
			return false
		}
	}
	return true
}

func (c call) eval(d Demand) float64 {
	v := c.args[0].eval(d)
	if c.name == "ceil" {
		return math.Ceil(v - 1e-9)
	}
	for _, a := range c.args[1:] {
		if c.name == "max" {
			v = max(v, a.eval(d))
		} else {
			v = min(v, a.eval(d))
		}
	}
	return v
}

const exprNames = "things, wps, requests, connectionServers, foundationNodes, replicationFactor"

func lookup(name string) (variable, bool) {
	switch name {
	case "things":
		return func(d Demand) float64 { return d.Things }, true
	case "wps":
		return func(d Demand) float64 { return d.WPS }, true
	case "requests":
		return func(d Demand) float64 { return d.Requests }, true
	case "connectionServers":
		return func(d Demand) float64 { return d.ConnectionServers }, true
	case "foundationNodes":
		return func(d Demand) float64 { return d.FoundationNodes }, true
	case "replicationFactor":
		return func(d Demand) float64 {
			if d.ReplicationFactor <= 0 {
				return 2
			}
			return d.ReplicationFactor
		}, true
	}
	return nil, false
}

// maxExprDepth bounds the nesting of an expression from a user's file.
const maxExprDepth = 50

type exprParser struct {
	rest  string
	depth int
}

func (p *exprParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t") }

// peek returns the next byte after white space, 0 at the end.
func (p *exprParser) peek() byte {
	p.skip()
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

func (p *exprParser) sum() (node, error) {
	if p.depth++; p.depth > maxExprDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxExprDepth)
	}
	defer func() { p.depth-- }()
	a, err := p.product()
	for err == nil && (p.peek() == '+' || p.peek() == '-') {
		op := p.rest[0]
		p.rest = p.rest[1:]
		var b node
		b, err = p.product()
		a = operation{op, a, b}
	}
	return a, err
}

func (p *exprParser) product() (node, error) {
	a, err := p.factor()
	for err == nil && (p.peek() == '*' || p.peek() == '/') {
		op := p.rest[0]
		p.rest = p.rest[1:]
		var b node
		b, err = p.factor()
		a = operation{op, a, b}
	}
	return a, err
}

func (p *exprParser) factor() (node, error) {
	c := p.peek()
	switch {
	case c == 0:
		return nil, fmt.Errorf("the expression ends where a number or a name is expected")
	case c == '(':
		p.rest = p.rest[1:]
		n, err := p.sum()
		if err != nil {
			return nil, err
		}
		return n, p.expect(')')
	case c >= '0' && c <= '9' || c == '.':
		return p.number()
	case isLetter(c):
		return p.name()
	}
	return nil, fmt.Errorf("unexpected %q", string(c))
}

func (p *exprParser) number() (node, error) {
	end := 0
	for end < len(p.rest) && (p.rest[end] >= '0' && p.rest[end] <= '9' || p.rest[end] == '.') {
		end++
	}
	v, err := strconv.ParseFloat(p.rest[:end], 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number", p.rest[:end])
	}
	p.rest = p.rest[end:]
	return number(v), nil
}

func (p *exprParser) name() (node, error) {
	end := 0
	for end < len(p.rest) && isLetter(p.rest[end]) {
		end++
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	switch name {
	case "min", "max", "ceil":
		return p.call(name)
	}
	v, ok := lookup(name)
	if !ok {
		return nil, fmt.Errorf("unknown name %q; known are %s, min(…), max(…), ceil(…)", name, exprNames)
	}
	return v, nil
}

func (p *exprParser) call(name string) (node, error) {
	if err := p.expect('('); err != nil {
		return nil, err
	}
	c := call{name: name}
	for {
		a, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, a)
		if p.peek() != ',' {
			break
		}
		p.rest = p.rest[1:]
	}
	if name == "ceil" && len(c.args) != 1 {
		return nil, fmt.Errorf("ceil takes one argument, not %d", len(c.args))
	}
	return c, p.expect(')')
}

func (p *exprParser) expect(c byte) error {
	if p.peek() != c {
		return fmt.Errorf("%q is missing before %q", string(c), p.rest)
	}
	p.rest = p.rest[1:]
	return nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
