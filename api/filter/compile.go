package filter

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Field tells how to read one field of an item. Make one with Text, Texts, Number, Duration, Time, Bool, Ordered or Keyed.
type Field[T any] struct {
	name string
	// compile returns a predicate for one comparison; key is what follows the dot of a keyed field.
	compile func(c *comparison, key string) (func(T) bool, error)
	keyed   bool
}

// Name is the field's name as written in an expression; "tag.*" for a keyed field.
func (f Field[T]) Name() string {
	if f.keyed {
		return f.name + ".*"
	}
	return f.name
}

// Fields are the fields of one kind of item, by name.
type Fields[T any] map[string]Field[T]

// Of collects fields.
func Of[T any](fields ...Field[T]) Fields[T] {
	out := make(Fields[T], len(fields))
	for _, f := range fields {
		out[f.name] = f
	}
	return out
}

// Names lists the fields, sorted.
func (fs Fields[T]) Names() []string {
	out := make([]string, 0, len(fs))
	for _, f := range fs {
		out = append(out, f.Name())
	}
	sort.Strings(out)
	return out
}

// Compile binds an expression to the fields of an item. The error is a *Error. The predicate is safe for concurrent use.
func Compile[T any](e *Expr, fields Fields[T]) (func(T) bool, error) {
	if e == nil || e.root == nil {
		return func(T) bool { return true }, nil
	}
	return compileNode(e.root, fields)
}

func compileNode[T any](n node, fields Fields[T]) (func(T) bool, error) {
	switch n := n.(type) {
	case *binary:
		l, err := compileNode(n.left, fields)
		if err != nil {
			return nil, err
		}
		r, err := compileNode(n.right, fields)
		if err != nil {
			return nil, err
		}
		if n.and {
			return func(t T) bool { return l(t) && r(t) }, nil
		}
		return func(t T) bool { return l(t) || r(t) }, nil
	case *negation:
		f, err := compileNode(n.of, fields)
		if err != nil {
			return nil, err
		}
		return func(t T) bool { return !f(t) }, nil
	default:
		c := n.(*comparison)
		name, key, dotted := strings.Cut(c.field, ".")
		f, ok := fields[c.field]
		if !ok && dotted && key != "" {
			f, ok = fields[name]
			ok = ok && f.keyed
		} else if ok && f.keyed {
			ok = false
		}
		if !ok {
			return nil, &Error{c.at, "unknown field " + c.field, "fields are " + strings.Join(fields.Names(), ", ")}
		}
		return f.compile(c, key)
	}
}

// Text is a field with one text; "" means not known.
func Text[T any](name string, get func(T) string) Field[T] {
	return Field[T]{name: name, compile: func(c *comparison, _ string) (func(T) bool, error) {
		m, err := textMatcher(c)
		if err != nil {
			return nil, err
		}
		return func(t T) bool { return m.one(get(t)) }, nil
	}}
}

// Enum is a text field that takes only the values given, so that a misspelt one is an error and not an empty list.
func Enum[T any](name string, values []string, get func(T) string) Field[T] {
	f := Text(name, get)
	inner := f.compile
	f.compile = func(c *comparison, key string) (func(T) bool, error) {
		if c.op == Equal || c.op == NotEqual || c.op == In || c.op == NotIn {
			for _, v := range c.values {
				if !slices.Contains(values, v.text) {
					return nil, &Error{v.at, quote(v.text) + " does not fit " + name, "write one of " + strings.Join(values, ", ")}
				}
			}
		}
		return inner(c, key)
	}
	return f
}

// Keyed is a family of text fields, name.key; "" means not known.
func Keyed[T any](name string, get func(t T, key string) string) Field[T] {
	return Field[T]{name: name, keyed: true, compile: func(c *comparison, key string) (func(T) bool, error) {
		m, err := textMatcher(c)
		if err != nil {
			return nil, err
		}
		return func(t T) bool { return m.one(get(t, key)) }, nil
	}}
}

// Texts is a field with several texts; none means not known.
func Texts[T any](name string, get func(T) []string) Field[T] {
	return Field[T]{name: name, compile: func(c *comparison, _ string) (func(T) bool, error) {
		m, err := textMatcher(c)
		if err != nil {
			return nil, err
		}
		return func(t T) bool {
			for _, s := range get(t) {
				if s != "" && m.positive(s) {
					return !m.negate
				}
			}
			return m.negate
		}, nil
	}}
}

type matcher struct {
	positive func(string) bool
	negate   bool
}

func (m matcher) one(s string) bool {
	if s == "" {
		return m.negate
	}
	return m.positive(s) != m.negate
}

func textMatcher(c *comparison) (matcher, error) {
	switch c.op {
	case Has:
		return matcher{func(string) bool { return true }, false}, nil
	case Equal, NotEqual:
		want := c.values[0].text
		return matcher{func(s string) bool { return s == want }, c.op == NotEqual}, nil
	case Match, NotMatch:
		pattern := strings.ToLower(c.values[0].text)
		return matcher{func(s string) bool { return glob(pattern, strings.ToLower(s)) }, c.op == NotMatch}, nil
	case In, NotIn:
		set := make(map[string]bool, len(c.values))
		for _, v := range c.values {
			set[v.text] = true
		}
		return matcher{func(s string) bool { return set[s] }, c.op == NotIn}, nil
	case Less, LessOrEqual, Greater, GreaterOrEqual:
		want, op := c.values[0].text, c.op
		return matcher{func(s string) bool { return ordered(op, strings.Compare(s, want)) }, false}, nil
	}
	return matcher{}, &Error{c.at, "unknown operator " + string(c.op), ""}
}

// glob matches * and ? in linear space and without backtracking over more than the last star.
func glob(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	pi, ti, star, mark := 0, 0, -1, 0
	for ti < len(t) {
		switch {
		case pi < len(p) && p[pi] == '*':
			star, mark = pi, ti
			pi++
		case pi < len(p) && (p[pi] == '?' || p[pi] == t[ti]):
			pi++
			ti++
		case star >= 0:
			mark++
			pi, ti = star+1, mark
		default:
			return false
		}
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}

func ordered(op Op, cmp int) bool {
	switch op {
	case Less:
		return cmp < 0
	case LessOrEqual:
		return cmp <= 0
	case Greater:
		return cmp > 0
	case GreaterOrEqual:
		return cmp >= 0
	case Equal:
		return cmp == 0
	}
	return false
}

// Number is a numeric field; the second result is false when it is not known.
func Number[T any](name string, get func(T) (float64, bool)) Field[T] {
	return scalar(name, "a number, for example 10 or 0.5", func(s string) (float64, bool) {
		v, err := strconv.ParseFloat(s, 64)
		return v, err == nil && v == v
	}, compareOrdered[float64], get)
}

// Duration is a field with a span of time, written the Go way.
func Duration[T any](name string, get func(T) (time.Duration, bool)) Field[T] {
	return scalar(name, "a duration, for example 90s, 15m or 24h", func(s string) (time.Duration, bool) {
		v, err := time.ParseDuration(s)
		return v, err == nil
	}, compareOrdered[time.Duration], get)
}

// Time is a field with an instant, written as RFC 3339 or as a date (midnight UTC).
func Time[T any](name string, get func(T) (time.Time, bool)) Field[T] {
	return scalar(name, "a time, for example 2026-11-20T08:00:00Z or 2026-11-20", func(s string) (time.Time, bool) {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			v, err = time.Parse(time.DateOnly, s)
		}
		return v, err == nil
	}, time.Time.Compare, get)
}

// Bool is a field that is true or false.
func Bool[T any](name string, get func(T) (bool, bool)) Field[T] {
	f := scalar(name, "true or false", func(s string) (bool, bool) {
		return strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
	}, func(a, b bool) int {
		if a == b {
			return 0
		}
		return 1
	}, get)
	inner := f.compile
	f.compile = func(c *comparison, key string) (func(T) bool, error) {
		switch c.op {
		case Less, LessOrEqual, Greater, GreaterOrEqual:
			return nil, &Error{c.at, name + " has no order", "use = or !="}
		}
		return inner(c, key)
	}
	return f
}

// Ordered is a field whose texts have an order of their own, given from the greatest to the least; "" means not known.
func Ordered[T any](name string, greatestFirst []string, get func(T) string) Field[T] {
	rank := make(map[string]int, len(greatestFirst))
	for i, s := range greatestFirst {
		rank[s] = len(greatestFirst) - i
	}
	return scalar(name, "one of "+strings.Join(greatestFirst, ", "), func(s string) (int, bool) {
		r, ok := rank[strings.ToLower(s)]
		return r, ok
	}, compareOrdered[int], func(t T) (int, bool) {
		r, ok := rank[get(t)]
		return r, ok
	})
}

func compareOrdered[V int | float64 | time.Duration](a, b V) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func scalar[T, V any](name, want string, parse func(string) (V, bool), compare func(a, b V) int, get func(T) (V, bool)) Field[T] {
	return Field[T]{name: name, compile: func(c *comparison, _ string) (func(T) bool, error) {
		if c.op == Has {
			return func(t T) bool { _, ok := get(t); return ok }, nil
		}
		if c.op == Match || c.op == NotMatch {
			return nil, &Error{c.at, name + " is no text", "use = != < <= > >= in"}
		}
		values := make([]V, len(c.values))
		for i, v := range c.values {
			var ok bool
			if values[i], ok = parse(v.text); !ok {
				return nil, &Error{v.at, quote(v.text) + " does not fit " + name, "write " + want}
			}
		}
		op, negate := c.op, c.op == NotEqual || c.op == NotIn
		if op == NotEqual || op == In || op == NotIn {
			op = Equal
		}
		return func(t T) bool {
			got, ok := get(t)
			if !ok {
				return negate
			}
			for _, v := range values {
				if ordered(op, compare(got, v)) {
					return !negate
				}
			}
			return negate
		}, nil
	}}
}
