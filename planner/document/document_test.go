package document

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

type span time.Duration

func (d *span) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write 90s", b)
	}
	*d = span(v)
	return nil
}

type shouted string

func (s *shouted) UnmarshalJSON(b []byte) error {
	if string(b) == `"refuse"` {
		return errors.New("refused")
	}
	*s = shouted(strings.ToUpper(strings.Trim(string(b), `"`)))
	return nil
}

type common struct {
	Poll span `json:"poll,omitzero"`
	Max  *int `json:"max,omitempty"`
}

type part struct {
	Name   string   `json:"name"`
	Things []string `json:"things,omitempty"`
	common `json:",inline"`
}

type doc struct {
	Kind    string             `json:"kind"`
	At      time.Time          `json:"at,omitzero"`
	Parts   []part             `json:"parts,omitempty"`
	Tags    map[string]string  `json:"tags,omitempty"`
	Shares  map[string]float64 `json:"shares,omitempty"`
	On      *bool              `json:"on,omitempty"`
	Small   int8               `json:"small,omitempty"`
	Count   uint16             `json:"count,omitempty"`
	Ratio   float32            `json:"ratio,omitempty"`
	Any     any                `json:"any,omitempty"`
	Waiver  *part              `json:"waiver"`
	Pair    [2]int             `json:"pair,omitempty"`
	Shout   shouted            `json:"shout,omitempty"`
	Wait    *span              `json:"wait,omitempty"`
	Skipped chan int           `json:"-"`
	NoTag   string
	hidden  int
}

func TestDecode(t *testing.T) {
	for name, text := range map[string]string{
		"a.yaml": `
# a comment
kind: X
at: 2026-11-20T08:00:00+01:00
parts:
  - {name: a, things: [x, "1", 2026-11-20], poll: 1m30s, max: 3}
  - &b
    name: b
    <<: {max: 4}
  - *b
tags: {2: two, "a/b": "~"}
shares: {x: 1, y: .5, z: 1e-3}
on: true
small: -128
count: 0x10
ratio: 0.25
any: {a: [1, 2.5, yes, true, null], b: ~}
waiver: null
pair: [1, 2]
shout: loud
wait: 5s
NoTag: here
`,
		"a.json": `{"kind":"X","at":"2026-11-20T08:00:00+01:00",
"parts":[{"name":"a","things":["x","1","2026-11-20"],"poll":"1m30s","max":3},{"name":"b","max":4},{"name":"b","max":4.0}],
"tags":{"2":"two","a/b":"~"},"shares":{"x":1,"y":0.5,"z":1E-3},"on":true,"small":-128,"count":16,"ratio":0.25,
"any":{"a":[1,2.5,"yes",true,null],"b":null},"waiver":null,"pair":[1,2],"shout":"loud","wait":"5s","NoTag":"he\u0072e"}`,
	} {
		var d doc
		if err := Decode(name, []byte(text), &d); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d.hidden = 0
		got := fmt.Sprintf("%s %s %d %v %v %v %v %v %v %v %v %v %s %v %s", d.Kind, d.At.UTC().Format(time.RFC3339), len(d.Parts), d.Parts[0].Things, time.Duration(d.Parts[0].Poll),
			*d.Parts[0].Max, *d.Parts[1].Max, *d.Parts[2].Max, d.Tags, d.Shares, *d.On, d.Any, d.Shout, time.Duration(*d.Wait), d.NoTag)
		want := "X 2026-11-20T07:00:00Z 3 [x 1 2026-11-20] 1m30s 3 4 4 map[2:two a/b:~] map[x:1 y:0.5 z:0.001] true map[a:[1 2.5 yes true <nil>] b:<nil>] LOUD 5s here"
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		if d.Small != -128 || d.Count != 16 || d.Ratio != 0.25 || d.Pair != [2]int{1, 2} || d.Waiver != nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.yaml", "kind: X\nparts:\n  - name: a\n    thing: [x]\n", `a.yaml:4:5: /parts/0/thing: unknown key "thing"; did you mean "things"?`},
		{"a.yaml", "kind: X\nfrobnicate: 1\n", `a.yaml:2:1: /frobnicate: unknown key "frobnicate"; known keys: NoTag, any, at, count, kind, on, pair, parts, ratio, shares, shout, small, tags, wait, waiver`},
		{"a.yaml", "Kind: X\n", `a.yaml:1:1: /Kind: unknown key "Kind"; did you mean "kind"?`},
		{"a.yaml", "kind: X\nkind: Y\n", `a.yaml:2:1: /kind: the key "kind" is given twice, first in line 1; keep one of them`},
		{"a.yaml", "tags: {a: b, a: c}\n", `a.yaml:1:14: /tags/a: the key is given twice, first in line 1; keep one of them`},
		{"a.yaml", "kind: 1\n", `a.yaml:1:7: /kind: text is expected, not the number 1; put it in quotes`},
		{"a.yaml", "kind: true\n", `a.yaml:1:7: /kind: text is expected, not true; put it in quotes`},
		{"a.yaml", "kind:\n", `a.yaml:1:6: /kind: there is no value; text is expected; give one, or leave the key out`},
		{"a.yaml", "kind: [x]\n", `a.yaml:1:7: /kind: text is expected, not a list`},
		{"a.yaml", "kind: {x: y}\n", `a.yaml:1:7: /kind: text is expected, not an object`},
		{"a.yaml", "parts: x\n", `a.yaml:1:8: /parts: a list is expected, not the text "x"; begin each item with a dash, or put the items in [ ]`},
		{"a.yaml", "parts: [x]\n", `a.yaml:1:9: /parts/0: an object is expected, not the text "x"; write keys and values below it, or in { }`},
		{"a.yaml", "tags: [x]\n", `a.yaml:1:7: /tags: an object is expected, not a list; write keys and values below it, or in { }`},
		{"a.yaml", "on: yes\n", `a.yaml:1:5: /on: true or false is expected, not the text "yes"; write true or false, without quotes`},
		{"a.yaml", "small: 1.5\n", `a.yaml:1:8: /small: a whole number is expected, not the number 1.5`},
		{"a.yaml", "small: 200\n", `a.yaml:1:8: /small: the number is too large`},
		{"a.yaml", "small: 1e300\n", `a.yaml:1:8: /small: the number is too large`},
		{"a.yaml", "count: -1\n", `a.yaml:1:8: /count: the number must not be negative`},
		{"a.yaml", "count: 70000\n", `a.yaml:1:8: /count: the number is too large`},
		{"a.yaml", "count: 4 GiB\n", `a.yaml:1:8: /count: a number is expected, not the text "4 GiB"; write a number without quotes and unit`},
		{"a.yaml", "ratio: .inf\n", `a.yaml:1:8: /ratio: the number is too large, or not written in decimal digits; write it like 12, 0.5 or 1e-3`},
		{"a.yaml", "ratio: .nan\n", `a.yaml:1:8: /ratio: the number is too large, or not written in decimal digits; write it like 12, 0.5 or 1e-3`},
		{"a.yaml", "ratio: 1e99\n", `a.yaml:1:8: /ratio: the number is too large`},
		{"a.yaml", "at: 2026-11-20\n", `a.yaml:1:5: /at: the text "2026-11-20" is not an instant with date, time and zone; write it like 2026-11-20T08:00:00Z`},
		{"a.yaml", "at: 5\n", `a.yaml:1:5: /at: an instant is expected, not the number 5; write it like 2026-11-20T08:00:00Z`},
		{"a.yaml", "at:\n", `a.yaml:1:4: /at: there is no value; text is expected; give one, or leave the key out`},
		{"a.yaml", "wait: soon\n", `a.yaml:1:7: /wait: "soon" is not a duration; write 90s`},
		{"a.yaml", "wait: 5\n", `a.yaml:1:7: /wait: text is expected, not the number 5; add the unit, or put it in quotes`},
		{"a.yaml", "wait: [5]\n", `a.yaml:1:7: /wait: text is expected, not a list`},
		{"a.yaml", "pair: [1]\n", `a.yaml:1:7: /pair: a list of 2 items is expected, not of 1`},
		{"a.yaml", "pair: 1\n", `a.yaml:1:7: /pair: a list is expected, not the number 1; begin each item with a dash, or put the items in [ ]`},
		{"a.yaml", "shout: refuse\n", `a.yaml:1:8: /shout: the value is not understood`},
		{"a.yaml", "- a\n", `a.yaml:1:1: an object is expected, not a list; write keys and values below it, or in { }`},
		{"a.yaml", "", "a.yaml: the document is empty"},
		{"a.yaml", "# nothing\n", "a.yaml: the document is empty"},
		{"a.yaml", "kind: X\n---\nkind: Y\n", "a.yaml:3:1: the file holds 2 documents, one is expected; give each document a file of its own, or remove the line ---"},
		{"a.yaml", "kind: \xff\n", "a.yaml:1:7: the text is not UTF-8; save the file in UTF-8"},
		{"a.yaml", "\xc3\xa4: 1\nb: \xff\n", "a.yaml:2:4: the text is not UTF-8; save the file in UTF-8"},
		{"a.yaml", "kind: *a\n", "a.yaml:1: an alias refers to no anchor; put text that begins with * in quotes"},
		{"a.yaml", "any: &a [*a]\n", "a.yaml:1:10: the alias refers to what it is part of; write the value out"},
		{"a.yaml", "kind: !secret x\n", "a.yaml:1:7: this tag is not supported here; leave the tag out, and put text that begins with ! in quotes"},
		{"a.yaml", "any: {[a]: b}\n", "a.yaml:1:7: a key must be text; put text that begins with [ or { in quotes"},
		{"a.yaml", "parts:\n  - <<: x\n", "a.yaml:2:9: << must be given an object, or a list of objects"},
		{"a.yaml", "kind: X\n\tparts: []\n", "a.yaml:2:1: a character stands where none may begin a value; indent with spaces, never with tabs, and put text that begins with @, %, ` or a tab in quotes"},
		{"a.yaml", "kind: X\nparts:\n  - name: a\n   things: []\n", "a.yaml:4:4: an item of a list is expected here; begin it with a dash at the same indentation as the others"},
		{"a.yaml", "kind: a: b\n", "a.yaml:1:7: a colon stands where no key may be; check the indentation, and put text that holds a colon and a space in quotes"},
		{"a.yaml", "parts: [a\nkind: X\n", "a.yaml:2:1: a comma or the closing bracket is expected here; close every bracket that is open"},
		{"a.yaml", "kind: 'a\n", "a.yaml:1:7: the document ends inside quoted text; close the text with the same quote"},
		{"a.yaml", "kind: - a\n", "a.yaml:1:7: a dash stands where no list may begin; begin the list on a line of its own"},
		{"a.yaml", "kind: \"\\q\"\n", "a.yaml:1:9: a backslash stands before a character that needs none; put the text in single quotes"},
		{"a.yaml", "{a: b}\nc: d\n", "a.yaml:2:1: text follows the end of the document; indent what belongs to the value above it"},
		{"a.yaml", "%foo\n", "a.yaml:1:1: this is not valid YAML: found unknown directive name"},
		{"a.yaml", `{"kind":"X",]`, `a.yaml:1:13: a key in double quotes is expected here`},
		{"a.json", `{"kind":"X",}`, `a.json:1:13: a key in double quotes is expected here`},
		{"a.json", "{\n \"kind\" \"X\"}", `a.json:2:9: a colon is expected after the key`},
		{"a.json", `{"kind":"X"`, `a.json:1:12: the document ends inside an object; close every bracket that is open`},
		{"a.json", `{"kind":`, `a.json:1:9: the document ends where a value is expected; close every bracket that is open`},
		{"a.json", `{"kind":"X`, `a.json:1:11: the document ends inside text; close the text with a double quote`},
		{"a.json", `{"kind":"\n`, `a.json:1:12: the document ends inside text; close the text with a double quote`},
		{"a.json", `{"kind":X}`, `a.json:1:9: a value is expected here; write text in double quotes`},
		{"a.json", `{"any":[1 2]}`, `a.json:1:11: a comma or ] is expected here`},
		{"a.json", `{} x`, `a.json:1:4: there is more text after the end of the document; give one document a file`},
		{"a.json", `{"small":01}`, `a.json:1:11: this is not a number; write it like 12, 0.5 or 1e-3`},
		{"a.json", `{"small":1.}`, `a.json:1:12: this is not a number; write it like 12, 0.5 or 1e-3`},
		{"a.json", `{"small":-}`, `a.json:1:11: this is not a number; write it like 12, 0.5 or 1e-3`},
		{"a.json", `{"kind":"\x"}`, `a.json:1:10: a backslash stands before a character that needs none; write \\ for a backslash`},
		{"a.json", `{"kind":"\u12"}`, `a.json:1:10: \u is not followed by four hexadecimal digits`},
		{"a.json", `{"kind":"\ud800"}`, `a.json:1:16: half of a surrogate pair stands alone; write both halves, or the character itself`},
		{"a.json", "{\"kind\":\"a\nb\"}", `a.json:1:11: a control character stands inside text; write \n for a line end and \t for a tab`},
		{"a.json", "{\"kind\":\"\\t\nb\"}", `a.json:1:12: a control character stands inside text; write \n for a line end and \t for a tab`},
		{"a.json", "{\"kind\":\"äöü\",\"small\":\"x\"}", `a.json:1:23: /small: a number is expected, not the text "x"; write a number without quotes and unit`},
		{"a.json", `{"kind":"X","kind":"Y"}`, `a.json:1:13: /kind: the key "kind" is given twice, first in line 1; keep one of them`},
		{"a.json", `{"tags":{"a/b~":1}}`, `a.json:1:17: /tags/a~1b~0: text is expected, not the number 1; put it in quotes`},
		{"a.json", strings.Repeat("[", 100), `a.json:1:66: the document is nested more than 64 levels deep; nest it less deeply`},
		{"a.yaml", strings.Repeat("- ", 100) + "a", `a.yaml:1:131: the document is nested more than 64 levels deep; nest it less deeply`},
		{"a.yaml", "any: " + strings.Repeat("[", 12000), `a.yaml:1: the document is nested more than 64 levels deep; nest it less deeply`},
	} {
		var d doc
		err := Decode(c.name, []byte(c.text), &d)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.60q: error %v is no *Error", c.text, err)
			continue
		}
		if err.Error() != c.want {
			t.Errorf("%.60q:\n got %s\nwant %s", c.text, err, c.want)
		}
	}
}

func TestSeveralProblemsAtOnce(t *testing.T) {
	text := "kind: 1\nparts:\n  - naem: a\n    max: x\n  - things: {}\nunknown: 2\nsmall: 1\nsmall: 2\n"
	err := Decode("x.yaml", []byte(text), &doc{})
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 6 {
		t.Fatalf("got %v", err)
	}
	for i, line := range []int{1, 3, 4, 5, 6, 8} {
		if e.Problems[i].Line != line {
			t.Errorf("problem %d is in line %d, want %d", i, e.Problems[i].Line, line)
		}
	}
}

func TestHopelessDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("{")
	for i := range 150_000 {
		fmt.Fprintf(&b, `"knid%d":1,`, i)
	}
	b.WriteString(`"kind":"X"}`)
	start := time.Now()
	err := Decode("x.json", []byte(b.String()), &doc{})
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 100 || e.More != 149_900 || !strings.HasSuffix(e.Error(), "and 149900 more problems") {
		t.Fatalf("%d problems and %d more", len(e.Problems), e.More)
	}
	if d := time.Since(start); d > 15*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"size":         {"x.json", strings.Repeat(" ", MaxSize) + "{}", "the limit is"},
		"values":       {"x.json", "[" + strings.Repeat("0,", maxNodes) + "0]", "values"},
		"keys":         {"x.json", "{" + strings.Repeat(`"a":0,`, maxNodes/2) + `"a":0}`, "values"},
		"yaml":         {"x.yaml", strings.Repeat("- a\n", maxYAMLMarks+1), "separators"},
		"billion":      {"x.yaml", bomb(), "aliases repeat"},
		"merge":        {"x.yaml", mergeBomb(), "aliases repeat"},
		"merge of ten": {"x.yaml", "a: &a {b: c}\nd: {<<: [*a, 1]}\n", "<<"},
	} {
		err := Decode(c.file, []byte(c.text), &doc{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

func bomb() string {
	s := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		s += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return s
}

func mergeBomb() string {
	s := "a: &a {" + strings.TrimSuffix(strings.Repeat("x: y, ", 1000), ", ") + "}\nb:\n"
	return s + strings.Repeat("  - {<<: *a}\n", 200)
}

func TestJSONAndYAMLLookAlikes(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"x.yaml", "{kind: X}"},
		{"x.yaml", "{\"kind\": X}"},
		{"x.yml", "{\n  kind: X, # why\n}"},
		{"", "\ufeff{\"kind\":\"X\"}"},
		{"x.json", "\ufeff \n{\"kind\":\"X\"}\n"},
		{"x.yaml", "\ufeffkind: X"},
		{"x.yaml", "--- \nkind: X\n...\n"},
	} {
		var d doc
		if err := Decode(c.name, []byte(c.text), &d); err != nil || d.Kind != "X" {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

func TestSurrogatesAndEscapes(t *testing.T) {
	var d doc
	if err := Decode("x.json", []byte(`{"kind":"ä\ud83d\ude00\u00E4\"\\\/\b\f\n\r\tü"}`), &d); err != nil || d.Kind != "ä😀ä\"\\/\b\f\n\r\tü" {
		t.Errorf("%q, %v", d.Kind, err)
	}
}

func TestTargets(t *testing.T) {
	var d *doc
	for _, v := range []any{nil, doc{}, d, 5} {
		if err := Decode("x", []byte("kind: X"), v); err == nil {
			t.Errorf("%T was read into", v)
		}
	}
	var bad struct {
		C chan int     `json:"c"`
		F fmt.Stringer `json:"f"`
	}
	if err := Decode("x", []byte("{c: 1, f: 2}"), &bad); err == nil || strings.Count(err.Error(), "cannot be read") != 2 {
		t.Errorf("got %v", err)
	}
	var wide struct {
		A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, D0, D1 int
		E0, E1, E2, E3, E4, E5, E6, E7, E8, E9, F0, F1, F2, F3, F4, F5, F6, F7, F8, F9, G0, G1, G2, G3, G4, G5, G6, G7, G8, G9, H0, H1 int
		I0, I1                                                                                                                         int
	}
	if err := Decode("x", []byte("I1: 1\nA0: 2\nI1: 3\n"), &wide); err == nil || !strings.Contains(err.Error(), "twice") || wide.I1 != 1 {
		t.Errorf("got %v", err)
	}
}

func TestDecoder(t *testing.T) {
	dec := NewDecoder[doc]()
	d, places, err := dec.Decode("x.yaml", []byte("kind: X\nparts:\n  - name: a\n    things: [x,\n      y]\ntags: {\"a/b\": c}\n"))
	if err != nil || d.Kind != "X" {
		t.Fatal(err)
	}
	for pointer, want := range map[string][2]int{
		"": {1, 1}, "/kind": {1, 7}, "/parts/0": {3, 5}, "/parts/0/things/1": {5, 7}, "/parts/0/max": {3, 5}, "/parts/9": {3, 3},
		"/parts/x": {3, 3}, "/tags/a~1b": {6, 15}, "/kind/deeper": {1, 7}, "/none": {1, 1},
	} {
		line, column := places.At(pointer)
		if line != want[0] || column != want[1] {
			t.Errorf("%q is at %d:%d, want %v", pointer, line, column, want)
		}
	}
	if p := places.Problem("/kind", "bad", "mend it"); p.String() != "x.yaml:1:7: /kind: bad; mend it" {
		t.Error(p)
	}
	var none *Places
	if p := none.Problem("/kind", "bad", ""); p.String() != "/kind: bad" {
		t.Error(p)
	}
	if d, _, err := dec.Decode("x.yaml", []byte("kind: 1\nsmall: 3\n")); err == nil || d == nil || d.Small != 3 {
		t.Error("what could be read is not returned with the problems")
	}
	if d, _, err := dec.Decode("x.yaml", []byte("[]")); err == nil || d != nil {
		t.Error("a list was read as an object")
	}
	if d, places, err := dec.Decode("x.yaml", []byte("[")); err == nil || d != nil || places != nil {
		t.Error("broken text was read")
	}
}

func TestProblemString(t *testing.T) {
	for want, p := range map[string]Problem{
		"a.yaml: broken":             {File: "a.yaml", What: "broken"},
		"line 3:4: /x: broken; mend": {Line: 3, Column: 4, Path: "/x", What: "broken", Remedy: "mend"},
		"a:3: broken":                {File: "a", Line: 3, What: "broken"},
		"":                           {},
	} {
		if p.String() != want {
			t.Errorf("got %q, want %q", p.String(), want)
		}
	}
}

func TestCollector(t *testing.T) {
	var c Collector
	if c.Err() != nil || NewError(nil) != nil {
		t.Error("nothing is a problem")
	}
	c.AddError(nil)
	c.AddError(errors.New("plain"))
	c.AddError(&Error{Problems: []Problem{{Line: 2, Path: "/a", What: "b"}}, More: 3})
	c.Add(Problem{Line: 2, Column: 5, What: "c"}, Problem{Line: 1, What: "a"})
	if got := c.Err().Error(); got != "line 1: a\nline 2: /a: b\nline 2:5: c\nplain\nand 3 more problems" {
		t.Error(got)
	}
	for pointer, want := range map[string]bool{"/a": true, "/a/b": true, "/ab": false, "": false} {
		if c.Under(pointer) != want {
			t.Errorf("Under(%q) is %v", pointer, !want)
		}
	}
	if c.Full() {
		t.Error("four problems fill it")
	}
}

func TestValues(t *testing.T) {
	got, err := Values("x.yaml", []byte("a: {b: [1, 2.5, x, true, ~]}\n---\n- 18446744073709551615\n"))
	if err != nil || fmt.Sprint(got) != "[map[a:map[b:[1 2.5 x true <nil>]]] [1.8446744073709552e+19]]" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Values("x.yaml", []byte("a: [")); err == nil {
		t.Error("broken text was read")
	}
}

func TestNothingSecretIsCited(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{
		"kind: {password: hunter2}\n", "parts: jdbc:postgresql://u:hunter2@h/db\n", "count: 'password=hunter2'\n",
		"kind: *hunter2\n", "kind: !hunter2 x\n", "any: !!int hunter2\n", "on: 'pw hunter2;x'\n", "at: https://u:hunter2@host/\n", "wait: 'a@hunter2'\n",
		"password=hunter2: x\n", "kind: @hunter2\n", "kind: 'hunter2\n", "kind: %hunter2: : \n", "kind: hunter2: x\n", "{\"kind\": \"hunter2\\q\"}", "any: !!bool hunter2\n",
		"at: 'pw=hunter2'\n", "kind: {<<: hunter2}\n", "? [hunter2]\n: x\n", "tags:\n  dbPassword: [hunter2]\n", "shares: {passwd: hunter2, secretKey: hunter2}\n",
	} {
		var d doc
		err := Decode("x.yaml", []byte(text), &d)
		if err == nil {
			t.Errorf("%q was accepted", text)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the message cites it: %v", text, err)
		}
	}
}

func TestCite(t *testing.T) {
	for _, c := range []struct {
		key, value string
		ok         bool
	}{
		{"kind", "foundaton", true},
		{"observedAt", "2026-11-20T08:00:00Z", true},
		{"password", "x", false},
		{"endpoint", "x", false},
		{"name", "a@b", false},
		{"name", "myPassword1", false},
		{"name", strings.Repeat("x", 49), false},
		{"jdbcUrl", "x", false},
	} {
		if _, ok := Cite(c.key, c.value); ok != c.ok {
			t.Errorf("Cite(%q, %q) is %v", c.key, c.value, ok)
		}
	}
	if Nearest(strings.Repeat("a", 100), []string{strings.Repeat("a", 100)}) != "" {
		t.Error("overlong words are compared")
	}
}
