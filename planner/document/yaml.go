package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	goccy "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"go.yaml.in/yaml/v3"
)

// maxAliased bounds the values that aliases repeat, so that a few lines cannot stand for millions.
const maxAliased = 50_000

// maxDocuments bounds the documents of one YAML stream.
const maxDocuments = 5_000

// parseYAML returns the roots of a YAML stream. Broken text gives one problem, at the first place it breaks.
func parseYAML(data []byte) (roots []*node, problems []Problem) {
	if marks(data) > maxYAMLMarks {
		return nil, []Problem{{What: fmt.Sprintf("the YAML text has more than %d lines and separators", maxYAMLMarks), Remedy: "write large documents as JSON, or split them"}}
	}
	// The library reports some malformed input by panicking; the input is a stranger's, so that must not end the program.
	defer func() {
		if r := recover(); r != nil {
			roots, problems = nil, []Problem{{What: "this is not valid YAML"}}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, []Problem{yamlProblem(data, err)}
		}
		c := converter{anchors: map[*yaml.Node]*anchor{}}
		root, ok := c.convert(&doc, 0)
		if !ok {
			return nil, []Problem{c.problem}
		}
		if len(roots) == maxDocuments {
			return nil, []Problem{{Line: int(root.line), Column: int(root.column), What: fmt.Sprintf("the file holds more than %d documents", maxDocuments), Remedy: "split it"}}
		}
		roots = append(roots, &root)
	}
}

// marks counts the characters after which a value may begin.
func marks(data []byte) int {
	n := 0
	for i, c := range data {
		switch c {
		case '\n', ',', '[', '{':
			n++
		case '-', ':', '?':
			if i+1 < len(data) && data[i+1] == ' ' {
				n++
			}
		}
	}
	return n
}

type anchor struct {
	node node
	size int
	done bool
}

// converter turns the library's nodes into ours. An alias shares the kids of its anchor.
type converter struct {
	anchors map[*yaml.Node]*anchor
	nodes   int
	aliased int
	problem Problem
}

func (c *converter) fail(at *yaml.Node, what, remedy string) (node, bool) {
	c.problem = Problem{Line: at.Line, Column: at.Column, What: what, Remedy: remedy}
	return node{}, false
}

func (c *converter) convert(y *yaml.Node, depth int) (node, bool) {
	if depth > MaxDepth+1 { // the document itself is one level
		what, remedy := tooDeep()
		return c.fail(y, what, remedy)
	}
	c.nodes++
	if y.Anchor == "" {
		return c.plain(y, depth)
	}
	a := &anchor{}
	c.anchors[y] = a
	before := c.nodes + c.aliased
	n, ok := c.plain(y, depth)
	if !ok {
		return n, false
	}
	a.node, a.size, a.done = n, 1+c.nodes+c.aliased-before, true
	return n, true
}

func (c *converter) plain(y *yaml.Node, depth int) (node, bool) {
	n := node{line: int32(y.Line), column: int32(y.Column)}
	switch y.Kind {
	case yaml.DocumentNode:
		return c.convert(y.Content[0], depth+1)
	case yaml.AliasNode:
		a := c.anchors[y.Alias]
		if a == nil || !a.done {
			return c.fail(y, "the alias refers to what it is part of", "write the value out")
		}
		if c.aliased += a.size; c.aliased > maxAliased {
			return c.fail(y, fmt.Sprintf("aliases repeat more than %d values", maxAliased), "write the values out, or repeat less")
		}
		n.kind, n.text, n.kids = a.node.kind, a.node.text, a.node.kids
		return n, true
	case yaml.SequenceNode:
		n.kind = list
		n.kids = make([]node, len(y.Content))
		for i, item := range y.Content {
			var ok bool
			if n.kids[i], ok = c.convert(item, depth+1); !ok {
				return n, false
			}
		}
		return n, true
	case yaml.MappingNode:
		return c.mapping(n, y, depth)
	}
	return c.scalar(n, y)
}

func (c *converter) mapping(n node, y *yaml.Node, depth int) (node, bool) {
	n.kind = object
	n.kids = make([]node, 0, len(y.Content))
	var merged []node
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		value, ok := c.convert(v, depth+1)
		if !ok {
			return n, false
		}
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if k.Kind != yaml.ScalarNode {
			return c.fail(k, "a key must be text", "put text that begins with [ or { in quotes")
		}
		if k.ShortTag() == "!!merge" {
			if merged, ok = c.merge(merged, &value); !ok {
				return c.fail(v, "<< must be given an object, or a list of objects", "")
			}
			continue
		}
		c.nodes++
		n.kids = append(n.kids, node{kind: text, line: int32(k.Line), column: int32(k.Column), text: k.Value}, value)
	}
	for i := 0; i+1 < len(merged); i += 2 {
		if n.child(merged[i].text) == nil {
			n.kids = append(n.kids, merged[i], merged[i+1])
		}
	}
	return n, true
}

// merge collects the members that << brings in; what comes first wins.
func (c *converter) merge(have []node, from *node) ([]node, bool) {
	switch from.kind {
	case object:
		if c.aliased += len(from.kids); c.aliased > maxAliased {
			return have, false
		}
		return append(have, from.kids...), true
	case list:
		for i := range from.kids {
			var ok bool
			if have, ok = c.merge(have, &from.kids[i]); !ok || from.kids[i].kind != object {
				return have, false
			}
		}
		return have, true
	}
	return have, false
}

func (c *converter) scalar(n node, y *yaml.Node) (node, bool) {
	n.text = y.Value
	fits := true
	switch tag := y.ShortTag(); tag {
	case "!!str", "!!timestamp", "!!merge":
		n.kind = text
	case "!!int", "!!float":
		n.kind = number
		if i, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 64); err == nil {
			n.text = strconv.FormatInt(i, 10)
		} else if _, err := strconv.ParseFloat(n.text, 64); err != nil {
			fits = y.Style&yaml.TaggedStyle == 0 // what remains is .inf and .nan
		}
	case "!!bool":
		n.kind, n.text = boolean, strings.ToLower(n.text)
		fits = n.text == "true" || n.text == "false"
	case "!!null":
		n.kind = null
	default:
		fits = false
	}
	if !fits {
		return c.fail(y, "this tag is not supported here", "leave the tag out, and put text that begins with ! in quotes")
	}
	return n, true
}

// quotes finds what the library's messages cite from the text.
var quotes = regexp.MustCompile("['`\"][^'`\"]*['`\"]")

// yamlProblem words an error of the library. Its messages may cite the text, so what they cite is left out.
func yamlProblem(data []byte, err error) Problem {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	var p Problem
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		if num, what, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(num); err == nil {
				p.Line, msg = line, what
			}
		}
	}
	switch {
	case strings.Contains(msg, "unknown anchor"):
		p.What, p.Remedy = "an alias refers to no anchor", "put text that begins with * in quotes"
	case strings.Contains(msg, "cannot start any token"), strings.Contains(msg, "tab character"):
		p.What, p.Remedy = "a character stands where none may begin a value", "indent with spaces, never with tabs, and put text that begins with @, %, ` or a tab in quotes"
	case strings.Contains(msg, "mapping values are not allowed"):
		p.What, p.Remedy = "a colon stands where no key may be", "check the indentation, and put text that holds a colon and a space in quotes"
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "could not find expected ':'"):
		p.What, p.Remedy = "a key is expected here", "check the indentation and that every key has a colon and a space after it"
	case strings.Contains(msg, "expected '-' indicator"):
		p.What, p.Remedy = "an item of a list is expected here", "begin it with a dash at the same indentation as the others"
	case strings.Contains(msg, "expected ',' or"):
		p.What, p.Remedy = "a comma or the closing bracket is expected here", "close every bracket that is open"
	case strings.Contains(msg, "expected node content"):
		p.What, p.Remedy = "a value is expected here", "close every bracket that is open, and put text that begins with a sign in quotes"
	case strings.Contains(msg, "block sequence entries are not allowed"):
		p.What, p.Remedy = "a dash stands where no list may begin", "begin the list on a line of its own"
	case strings.Contains(msg, "unknown escape character"):
		p.What, p.Remedy = "a backslash stands before a character that needs none", "put the text in single quotes"
	case strings.Contains(msg, "expected <document start>"):
		p.What, p.Remedy = "text follows the end of the document", "indent what belongs to the value above it"
	case strings.Contains(msg, "unexpected end of stream"):
		p.What, p.Remedy = "the document ends inside quoted text", "close the text with the same quote"
	case strings.Contains(msg, "exceeded max depth"):
		// The second parser has no such limit and would follow the nesting all the way down.
		p.What, p.Remedy = tooDeep()
		p.Line = max(p.Line, 1)
		return p
	default:
		p.What = "this is not valid YAML: " + quotes.ReplaceAllString(msg, "…")
	}
	if line, column := breakingPoint(data); line > 0 {
		p.Line, p.Column = line, column
	} else if total := bytes.Count(data, []byte("\n")) + 1; p.Line > total || p.Line == 0 {
		p.Line = min(max(p.Line, 1), total)
	}
	return p
}

// maxRetold is the largest text that the second parser is given: its time grows with the square of the number of keys.
const maxRetold = 64 << 10

// breakingPoint asks a second parser, whose places are exact where the first one names the line its construct began in.
func breakingPoint(data []byte) (line, column int) {
	if len(data) > maxRetold {
		return 0, 0
	}
	defer func() {
		if recover() != nil {
			line, column = 0, 0
		}
	}()
	var at *goccy.SyntaxError
	if _, err := parser.ParseBytes(data, 0); errors.As(err, &at) && at.Token != nil && at.Token.Position != nil {
		return at.Token.Position.Line, at.Token.Position.Column
	}
	return 0, 0
}
