package loose

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/sources/tree"
	"go.yaml.in/yaml/v3"
)

const (
	// maxMarks bounds the places where a YAML value can begin, because its reader spends some 200 bytes on each.
	maxMarks = 100_000
	// maxAliased bounds the values that aliases repeat, so that a few lines cannot stand for millions.
	maxAliased   = 20_000
	maxDocuments = 5_000
)

// YAML reads a stream of YAML documents, each by itself, so that a broken one does not hide the others. It returns the
// documents that could be read and a problem for each that could not; problems have lines and no file.
func YAML(data []byte) ([]*Value, []document.Problem) {
	if len(data) > MaxBytes {
		return nil, []document.Problem{{What: fmt.Sprintf("larger than the %d MiB a configuration file may have", MaxBytes>>20), Remedy: "split the file"}}
	}
	data, problem := tree.DecodeText(data)
	if problem != nil {
		return nil, []document.Problem{*problem}
	}
	if !utf8.Valid(data) {
		return nil, []document.Problem{{What: "the text is not UTF-8", Remedy: "save the file in UTF-8"}}
	}
	marks := 0
	for _, c := range data {
		if c == '\n' || c == ',' || c == '[' || c == '{' {
			marks++
		}
	}
	if marks > maxMarks {
		return nil, []document.Problem{{What: fmt.Sprintf("more than %d lines and separators", maxMarks), Remedy: "split the file"}}
	}
	var out []*Value
	var problems []document.Problem
	for line, rest := 1, data; ; {
		part, more := rest, false
		if i := separator(rest); i >= 0 {
			part, more = rest[:i], true
			rest = rest[i:]
		}
		v, p := one(part, line)
		switch {
		case p != nil && len(problems) < maxFaults:
			problems = append(problems, *p)
		case v != nil:
			out = append(out, v)
		}
		if !more {
			return out, problems
		}
		line += bytes.Count(part, []byte("\n"))
		if len(out) == maxDocuments {
			return out, append(problems, document.Problem{Line: line, What: fmt.Sprintf("more than %d documents", maxDocuments), Remedy: "split the file"})
		}
	}
}

// separator finds the next line, but for the first, that begins a document.
func separator(data []byte) int {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte("\n---"))
		if i < 0 {
			return -1
		}
		at += i + 1
		if end := at + 3; end == len(data) || data[end] == '\n' || data[end] == '\r' || data[end] == ' ' || data[end] == '\t' {
			return at
		}
	}
}

// one reads one document whose first line has the number given.
func one(data []byte, line int) (v *Value, problem *document.Problem) {
	// The library reports some malformed input by panicking; the input is a stranger's, so that must not end the program.
	defer func() {
		if recover() != nil {
			v, problem = nil, &document.Problem{Line: line, What: "not YAML", Remedy: "correct the text at this place"}
		}
	}()
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, yamlProblem(data, err, line)
	}
	if doc.Kind == 0 || len(doc.Content) == 0 {
		return nil, nil
	}
	c := converter{offset: line - 1, anchors: map[*yaml.Node]int{}}
	root := c.value(doc.Content[0], 0)
	if c.problem != nil {
		return nil, c.problem
	}
	if root.kind == Null {
		return nil, nil
	}
	return &root, nil
}

// yamlProblem takes the line alone from the library's message, which may cite the text.
func yamlProblem(data []byte, err error, line int) *document.Problem {
	p := &document.Problem{Line: line, What: "not YAML", Remedy: "check indentation, colons and quotes at this place"}
	if rest, ok := strings.CutPrefix(err.Error(), "yaml: line "); ok {
		number, _, _ := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(number); err == nil {
			p.Line = line + min(max(n, 1), bytes.Count(data, []byte("\n"))+1) - 1
		}
	}
	if bytes.Contains(data, []byte("{{")) {
		p.What, p.Remedy = "not YAML: it holds expressions of a template", "give the manifest as it is applied (helm template, kubectl get -o yaml)"
	}
	return p
}

// converter turns the library's nodes into values. An alias shares the members of its anchor.
type converter struct {
	offset  int
	values  int
	aliased int
	anchors map[*yaml.Node]int // values below an anchor, to count what its aliases repeat; 0 while it is open
	problem *document.Problem
}

func (c *converter) fail(y *yaml.Node, what string) Value {
	if c.problem == nil {
		c.problem = &document.Problem{Line: y.Line + c.offset, Column: y.Column, What: what, Remedy: "write the document with fewer levels and aliases, or split the file"}
	}
	return Value{}
}

func (c *converter) value(y *yaml.Node, depth int) Value {
	if depth > MaxDepth {
		return c.fail(y, fmt.Sprintf("nested deeper than %d", MaxDepth))
	}
	if c.values++; c.values > MaxValues {
		return c.fail(y, fmt.Sprintf("more than %d values", MaxValues))
	}
	v := Value{line: int32(y.Line + c.offset), column: int32(y.Column)}
	before := c.values
	if y.Anchor != "" {
		c.anchors[y] = 0
		defer func() { c.anchors[y] = c.values - before + 1 }()
	}
	switch y.Kind {
	case yaml.AliasNode:
		size := c.anchors[y.Alias]
		if size == 0 {
			return c.fail(y, "an alias refers to what it is part of")
		}
		if c.aliased += size; c.aliased > maxAliased {
			return c.fail(y, fmt.Sprintf("aliases repeat more than %d values", maxAliased))
		}
		again := c.value(y.Alias, depth)
		again.line, again.column = v.line, v.column
		return again
	case yaml.SequenceNode:
		v.kind = List
		v.kids = make([]Value, 0, len(y.Content))
		for _, item := range y.Content {
			if c.problem != nil {
				return v
			}
			v.kids = append(v.kids, c.value(item, depth+1))
		}
	case yaml.MappingNode:
		c.mapping(&v, y, depth)
	case yaml.ScalarNode:
		v.text = y.Value
		switch y.ShortTag() {
		case "!!int", "!!float":
			v.kind = Number
		case "!!bool":
			v.kind = Bool
		case "!!null":
			v.kind, v.text = Null, ""
		default:
			v.kind = Text
		}
	}
	return v
}

func (c *converter) mapping(v *Value, y *yaml.Node, depth int) {
	v.kind = Object
	v.kids = make([]Value, 0, len(y.Content)/2)
	var merged []Value
	for i := 0; i+1 < len(y.Content); i += 2 {
		if c.problem != nil {
			return
		}
		k := y.Content[i]
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		kid := c.value(y.Content[i+1], depth+1)
		switch {
		case k.Kind != yaml.ScalarNode:
			c.fail(y.Content[i], "a key that is no text")
			return
		case k.ShortTag() == "!!merge":
			from := []Value{kid}
			if kid.kind == List {
				from = kid.kids
			}
			for j := range from {
				merged = append(merged, from[j].kids...)
			}
		default:
			kid.key = k.Value
			v.kids = append(v.kids, kid)
		}
	}
	if len(merged) == 0 {
		return
	}
	if c.aliased += len(merged); c.aliased > maxAliased {
		c.fail(y, fmt.Sprintf("aliases repeat more than %d values", maxAliased))
		return
	}
	have := make(map[string]bool, len(v.kids))
	for i := range v.kids {
		have[v.kids[i].key] = true
	}
	for _, m := range merged {
		if !have[m.key] {
			have[m.key] = true
			v.kids = append(v.kids, m)
		}
	}
}
