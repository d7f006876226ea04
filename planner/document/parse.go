package document

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

func tooDeep() (what, remedy string) {
	return fmt.Sprintf("the document is nested more than %d levels deep", MaxDepth), "nest it less deeply"
}

func tooMany() (what, remedy string) {
	return fmt.Sprintf("the document holds more than %d values", maxNodes), "split it"
}

// parse reads JSON or YAML, whichever it is, into trees. Every problem names the file.
func parse(name string, data []byte) (roots []*node, problems []Problem) {
	roots, problems = parseAny(name, data)
	for i := range problems {
		problems[i].File = name
	}
	return roots, problems
}

func parseAny(name string, data []byte) ([]*node, []Problem) {
	if len(data) > MaxSize {
		return nil, []Problem{{What: fmt.Sprintf("the document has %d bytes, the limit is %d", len(data), MaxSize), Remedy: "split it"}}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return nil, []Problem{notUTF8(data)}
	}
	start := bytes.TrimLeft(data, " \t\r\n")
	if len(start) == 0 {
		return nil, []Problem{{What: "the document is empty"}}
	}
	isJSON := strings.EqualFold(path.Ext(name), ".json")
	if !isJSON && start[0] != '{' && start[0] != '[' {
		return yamlRoots(data)
	}
	root, problem := parseJSON(string(data))
	if problem == nil {
		return []*node{root}, nil
	}
	if !isJSON {
		// Flow style YAML begins like JSON. Unless it reads as YAML, whoever quotes the first key meant JSON.
		roots, problems := yamlRoots(data)
		if inner := bytes.TrimLeft(start[1:], " \t\r\n"); len(problems) == 0 || len(inner) == 0 || inner[0] != '"' {
			return roots, problems
		}
	}
	return nil, []Problem{*problem}
}

func yamlRoots(data []byte) ([]*node, []Problem) {
	roots, problems := parseYAML(data)
	if len(problems) == 0 && len(roots) == 0 {
		problems = []Problem{{What: "the document is empty"}}
	}
	return roots, problems
}

func notUTF8(data []byte) Problem {
	line, column := 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		data = data[size:]
	}
	return Problem{Line: line, Column: column, What: "the text is not UTF-8", Remedy: "save the file in UTF-8"}
}
