package custom

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// scope holds the types of the variables in view, by name; nil is a type that nothing is known of.
type scope map[string]reflect.Type

func roots() scope {
	return scope{
		"site": reflect.TypeFor[inventory.Site](), "cluster": reflect.TypeFor[inventory.Cluster](),
		"infrastructure": reflect.TypeFor[inventory.Infrastructure](), "use": reflect.TypeFor[inventory.Use](),
	}
}

// fields finds the fields that an inventory can never have. CEL itself takes them for facts that are merely not known, and a slip of
// the pen would leave the rule unknown for ever.
func (c *compiler) fields(field string, ast *celast.AST) {
	w := walker{unknown: func(e celast.Expr, name string, of reflect.Type) {
		known := slices.Sorted(maps.Keys(fieldsOf(of)))
		remedy := "use one of " + strings.Join(known, ", ")
		if near := document.Nearest(name, known); near != "" {
			remedy = "did you mean " + near + "?"
		}
		p := c.places.Problem(c.pointer+"/"+field, fmt.Sprintf("an inventory has no field %q here", name), remedy)
		at := ast.SourceInfo().GetStartLocation(e.ID())
		c.locate(&p, at.Line(), at.Column())
		c.problems.Add(p)
	}}
	w.walk(ast.Expr(), roots())
}

type walker struct {
	unknown func(e celast.Expr, name string, of reflect.Type)
}

// walk returns the type an expression has in the document, nil when that is not known.
func (w *walker) walk(e celast.Expr, in scope) reflect.Type {
	switch e.Kind() {
	case celast.IdentKind:
		return in[e.AsIdent()]
	case celast.SelectKind:
		s := e.AsSelect()
		of := plain(w.walk(s.Operand(), in))
		switch {
		case of == nil:
		case of.Kind() == reflect.Map:
			return of.Elem()
		case of.Kind() == reflect.Struct:
			t, ok := fieldsOf(of)[s.FieldName()]
			if !ok {
				w.unknown(e, s.FieldName(), of)
			}
			return t
		}
	case celast.CallKind:
		call := e.AsCall()
		var first reflect.Type
		if call.IsMemberFunction() {
			w.walk(call.Target(), in)
		}
		for i, a := range call.Args() {
			if t := plain(w.walk(a, in)); i == 0 {
				first = t
			}
		}
		if call.FunctionName() == operators.Index && first != nil && (first.Kind() == reflect.Slice || first.Kind() == reflect.Map) {
			return first.Elem()
		}
	case celast.ListKind:
		for _, x := range e.AsList().Elements() {
			w.walk(x, in)
		}
	case celast.ComprehensionKind:
		w.comprehension(e.AsComprehension(), in)
	}
	return nil
}

// comprehension is what exists, all, map and filter become.
func (w *walker) comprehension(c celast.ComprehensionExpr, in scope) {
	over := plain(w.walk(c.IterRange(), in))
	inner := maps.Clone(in)
	inner[c.AccuVar()], inner[c.IterVar()] = nil, nil
	if c.HasIterVar2() {
		inner[c.IterVar2()] = nil
	} else if over != nil && over.Kind() == reflect.Slice {
		inner[c.IterVar()] = over.Elem()
	}
	w.walk(c.AccuInit(), in)
	for _, x := range []celast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()} {
		w.walk(x, inner)
	}
}

// plain looks through pointers. What writes itself into the document in a form of its own is not looked into.
func plain(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	own := reflect.TypeFor[json.Marshaler]()
	if t == nil || t.Implements(own) || reflect.PointerTo(t).Implements(own) {
		return nil
	}
	return t
}

// fieldsOf lists the keys of a struct in the document, with their types.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			out[name] = f.Type
		}
	}
	return out
}
