package output_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

func sheet() output.Sheet {
	return output.Sheet{
		Title:   "Things",
		Columns: []output.Column{{Name: "id"}, {Name: "size", Wide: true}, {Name: "message"}},
		Rows:    [][]string{{"a", "1", "first\nline"}, {"longer", "", "=1+1 | <b>"}},
		Value:   map[string]any{"items": []string{"a", "longer"}},
		Empty:   "No things.",
	}
}

func TestSheet(t *testing.T) {
	for f, want := range map[output.Format]string{
		output.Table:    "ID      MESSAGE\na       first line\nlonger  =1+1 | <b>\n",
		output.Wide:     "ID      SIZE  MESSAGE\na       1     first line\nlonger  -     =1+1 | <b>\n",
		output.JSON:     "{\n  \"items\": [\n    \"a\",\n    \"longer\"\n  ]\n}\n",
		output.YAML:     "items:\n  - a\n  - longer\n",
		output.CSV:      "id,size,message\r\na,1,\"first\r\nline\"\r\nlonger,,'=1+1 | <b>\r\n",
		output.Markdown: "| id | size | message |\n|---|---|---|\n| a | 1 | first line |\n| longer |  | =1+1 \\| &lt;b> |\n",
	} {
		var b bytes.Buffer
		if err := sheet().Write(&b, f); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("%s:\n%q\nwant\n%q", f, b.String(), want)
		}
	}
}

func TestNothingFoundIsSaid(t *testing.T) {
	s := sheet()
	s.Rows = nil
	for f, want := range map[output.Format]string{output.Table: "No things.\n", output.Wide: "No things.\n", output.Markdown: "No things.\n", output.CSV: "id,size,message\r\n"} {
		var b bytes.Buffer
		if err := s.Write(&b, f); err != nil || b.String() != want {
			t.Errorf("%s: %q %v", f, b.String(), err)
		}
	}
	s.Empty = ""
	var b bytes.Buffer
	if err := s.Write(&b, output.Table); err != nil || b.String() != "ID  MESSAGE\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}

func TestDocument(t *testing.T) {
	d := output.Document{Value: []int{1}, Sheets: []output.Sheet{sheet(), {Columns: []output.Column{{Name: "other"}}, Rows: [][]string{{"x"}}}}}
	for f, want := range map[output.Format]string{
		output.Table:    "ID      MESSAGE\na       first line\nlonger  =1+1 | <b>\n\nOTHER\nx\n",
		output.Markdown: "## Things\n\n| id | size | message |\n|---|---|---|\n| a | 1 | first line |\n| longer |  | =1+1 \\| &lt;b> |\n\n| other |\n|---|\n| x |\n",
		output.CSV:      "id,size,message\r\na,1,\"first\r\nline\"\r\nlonger,,'=1+1 | <b>\r\n",
		output.JSON:     "[\n  1\n]\n",
	} {
		var b bytes.Buffer
		if err := d.Write(&b, f); err != nil || b.String() != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", f, err, b.String(), want)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestErrors(t *testing.T) {
	for _, f := range []output.Format{output.Table, output.Wide, output.JSON, output.YAML, output.CSV, output.Markdown} {
		if err := sheet().Write(broken{}, f); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: %v", f, err)
		}
	}
	var b bytes.Buffer
	if err := sheet().Write(&b, "pdf"); err == nil || !strings.Contains(err.Error(), "use table, wide, json") {
		t.Errorf("%v", err)
	}
	for _, write := range []func() error{
		func() error { return output.WriteJSON(&b, math.NaN()) },
		func() error { return output.WriteYAML(&b, math.Inf(1)) },
	} {
		if err := write(); err == nil || b.Len() > 0 {
			t.Errorf("%v, %q", err, b.String())
		}
	}
	if !output.Table.ForPeople() || !output.Wide.ForPeople() || output.JSON.ForPeople() || output.Markdown.ForPeople() {
		t.Error("who reads what")
	}
}

// Whatever a cell holds: CSV and YAML parse, tables keep to one line a row, and nothing commands a terminal or a spreadsheet.
func TestAnyCell(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cell := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"=1", "+1", "-1", "@x", "\tx", "\x1b[2J", "a\vb\fc", "\u009b31m", "\r\n", "| `x` <y> *z* _w_"})).Draw(rt, "cell")
		s := output.Sheet{Columns: []output.Column{{Name: "a"}, {Name: "b"}}, Rows: [][]string{{cell, "end"}, {"x", cell}}, Value: map[string]string{"cell": cell}}
		var b bytes.Buffer
		if err := s.Write(&b, output.Table); err != nil {
			rt.Fatal(err)
		}
		if n := strings.Count(b.String(), "\n"); n != 3 {
			rt.Errorf("%d lines: %q", n, b.String())
		}
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }); i >= 0 {
			rt.Errorf("control character in %q", b.String())
		}
		b.Reset()
		if err := s.Write(&b, output.Markdown); err != nil {
			rt.Fatal(err)
		}
		if n := strings.Count(b.String(), "\n"); n != 4 {
			rt.Errorf("%d lines: %q", n, b.String())
		}
		b.Reset()
		if err := s.Write(&b, output.CSV); err != nil {
			rt.Fatal(err)
		}
		records, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(records) != 3 {
			rt.Fatalf("%v %q", err, records)
		}
		if first := records[1][0]; first != "" && strings.ContainsRune("=+-@\t\r", rune(first[0])) {
			rt.Errorf("a spreadsheet would run %q", first)
		}
		if !utf8.ValidString(cell) {
			return
		}
		b.Reset()
		if err := s.Write(&b, output.YAML); err != nil {
			rt.Fatal(err)
		}
		var back map[string]string
		if err := yaml.Unmarshal(b.Bytes(), &back); err != nil {
			rt.Errorf("%v\n%s", err, b.String())
		} else if back["cell"] != cell {
			rt.Errorf("%q came back as %q from %q", cell, back["cell"], b.String())
		}
	})
}

// A table of a given width breaks its last column and no other, and sums up wide columns in a narrow one.
func TestWidth(t *testing.T) {
	s := output.Sheet{
		Width:   40,
		Columns: []output.Column{{Name: "step"}, {Name: "size", Wide: true}, {Name: "region"}, {Name: "what", Narrow: true}},
		Rows: [][]string{
			{"1", "8", "westeurope", "eight vCPU on the machines of Foundation, an ünbreakable-word-that-is-long at the end"},
			{"2", "16", "", ""},
		},
	}
	for format, want := range map[output.Format]string{
		output.Table: `STEP  REGION      WHAT
1     westeurope  eight vCPU on the
                  machines of
                  Foundation, an
                  ünbreakable-word-that-is-long
                  at the end
2     -           -
`,
		output.Wide: `STEP  SIZE  REGION
1     8     westeurope
2     16    -
`,
		output.CSV:      "step,size,region\r\n1,8,westeurope\r\n2,16,\r\n",
		output.Markdown: "| step | size | region |\n|---|---|---|\n| 1 | 8 | westeurope |\n| 2 | 16 |  |\n",
	} {
		var b bytes.Buffer
		if err := s.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestParagraph(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "\n"},
		{"one", "> one\n"},
		{"one two  three\nfour", "> one two\n> three four\n"},
		{"unbreakablelong word", "> unbreakablelong\n> word\n"},
		{"äöü äöü äö", "> äöü äöü äö\n"},
	} {
		if got := output.Paragraph(c.text, "> ", 12); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestYAML(t *testing.T) {
	type inner struct {
		A any `json:"a"`
		B any `json:"b,omitempty"`
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{"word", "word\n"},
		{nil, "null\n"},
		{[]int{}, "[]\n"},
		{map[string]int{}, "{}\n"},
		{[]any{1, []any{2, []any{}}, inner{A: []inner{{A: 1, B: "x"}, {A: map[string]int{}}}, B: true}}, "- 1\n- - 2\n  - []\n- a:\n    - a: 1\n      b: x\n    - a: {}\n  b: true\n"},
		{inner{A: inner{A: 1.5, B: nil}}, "a:\n  a: 1.5\n"},
		{inner{A: "yes", B: "9.6"}, "a: \"yes\"\nb: \"9.6\"\n"},
		{inner{A: "a: b", B: "/Thingworx/ready"}, "a: \"a: b\"\nb: /Thingworx/ready\n"},
		{map[string]string{"COL-001": "2026-11-20T08:00:00Z", "1": " x"}, "\"1\": \" x\"\nCOL-001: \"2026-11-20T08:00:00Z\"\n"},
	} {
		var b bytes.Buffer
		if err := output.WriteYAML(&b, c.v); err != nil || b.String() != c.want {
			t.Errorf("%v: %v\n%s\nwant\n%s", c.v, err, b.String(), c.want)
		}
	}
}

// Any tree comes back from YAML as from JSON.
func TestYAMLIsTheJSON(t *testing.T) {
	var tree func(depth int) *rapid.Generator[any]
	tree = func(depth int) *rapid.Generator[any] {
		words := rapid.Map(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"yes", "~", "1e3", "0x1", "- a", "a: b", "#", "? x", "&a", "*a", "!t", "%", "@", "`", "...", "---", " a", "a ", ""})), func(s string) string {
			return strings.ToValidUTF8(s, "?")
		})
		scalar := rapid.OneOf(rapid.Map(words, func(s string) any { return s }), rapid.Map(rapid.Int64Range(-1e9, 1e9), func(n int64) any { return n }), rapid.SampledFrom([]any{true, false, nil, 0.25}))
		if depth == 0 {
			return scalar
		}
		return rapid.OneOf(scalar,
			rapid.Map(rapid.SliceOfN(tree(depth-1), 0, 3), func(l []any) any { return l }),
			rapid.Map(rapid.MapOfN(words, tree(depth-1), 0, 3), func(m map[string]any) any { return m }))
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := tree(3).Draw(rt, "tree")
		want, err := json.Marshal(v)
		if err != nil {
			rt.Fatal(err)
		}
		var b bytes.Buffer
		if err := output.WriteYAML(&b, v); err != nil {
			rt.Fatal(err)
		}
		docs, err := document.Values("out.yaml", b.Bytes())
		if err != nil || len(docs) != 1 {
			rt.Fatalf("%v, %d documents\n%s", err, len(docs), b.String())
		}
		if got, err := json.Marshal(docs[0]); err != nil || string(got) != string(want) {
			rt.Errorf("%v\n%s\nwant %s\n%s", err, got, want, b.String())
		}
	})
}
