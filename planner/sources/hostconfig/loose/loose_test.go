package loose

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// shape writes a value as compact text.
func shape(v *Value) string {
	switch v.Kind() {
	case Object, List:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = shape(v.At(i))
			if v.Kind() == Object {
				parts[i] = v.At(i).Key() + ":" + parts[i]
			}
		}
		if v.Kind() == Object {
			return "{" + strings.Join(parts, " ") + "}"
		}
		return "[" + strings.Join(parts, " ") + "]"
	case Text:
		return fmt.Sprintf("%q", v.Text())
	case Null, Missing:
		return v.Kind().String()
	default:
		return v.Text()
	}
}

// What is certain is read; what could mean two things is left out; both are told with the line.
func TestJSON(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
		faults     string // "line what" of each, "!" for what was left out
	}{
		"valid":                   {`{"a":[1,-2.5e3,true,null,{}],"b":"é\"\u00e9"}`, `{a:[1 -2.5e3 true null {}] b:"é\"é"}`, ""},
		"comments":                {"{ // x\n\"a\":1, /* y\n */ \"b\":2 # z\n}", "{a:1 b:2}", "1 a comment; 2 a comment; 3 a comment"},
		"surplus commas":          {"{,\"a\":[1,,2,],}", "{a:[1 2]}", "1 a comma too many; 1 a comma too many; 1 a comma before; 1 a comma before"},
		"missing commas":          {"{\"a\":1\n\"b\":[1 2]}", "{a:1 b:[1 2]}", "2 a comma is missing; 2 a comma is missing"},
		"missing colon":           {`{"a" {"b":1}}`, "{a:{b:1}}", "1 a colon is missing"},
		"curly quotes":            {"{“a”: „b“, ‘c’: 'd'}", `{a:"b" c:"d"}`, "1 quotation; 1 quotation; 1 quotation; 1 quotation"},
		"curly closes straight":   {"{\"a\": \"b”,\n\"c\": 1}", `{a:"b" c:1}`, "1 quotation"},
		"straight closes curly":   {`{“a": 1}`, "{a:1}", "1 quotation"},
		"curly inside straight":   {`{"a": "x “y” z",}`, `{a:"x “y” z"}`, "1 a comma before"},
		"bare keys":               {"{a: 1, b-c.d: 2}", "{a:1 b-c.d:2}", "1 a key without quotes; 1 a key without quotes"},
		"capital words":           {"{\"a\": True, \"b\": NULL}", "{a:true b:null}", "1 true, false; 1 true, false"},
		"no braces":               {"\"a\": {\n\"b\": 1},\n\"c\": 2", "{a:{b:1} c:2}", "1 the braces around"},
		"one brace too many":      {"{\"a\":{\"b\":1}}, \"c\": 2}", "{a:{b:1} c:2}", "1 a bracket closes nothing; 1 text after; 1 a closing brace that"},
		"stray brackets":          {"{]\"a\":1}\n]", "{a:1}", "1 a closing bracket that; 2 a bracket closes"},
		"brace missing":           {"{\"a\":{\"b\":1\n", "{a:{b:1}}", "2 a closing bracket is missing"},
		"brace missing in a list": {"{\"a\":[{\"b\":1]}", "{a:[{b:1}]}", "1 a closing brace is missing"},
		"bracket missing":         {"{\"a\":[1,2}", "{a:[1 2]}", "1 a closing bracket is missing before"},
		"list open at the end":    {"{\"a\":[1,", "{a:[1]}", "1 a closing bracket is missing, so"},
		"unclosed text":           {"{\"a\":\"b,\n\"c\":1}", "{c:1}", "1 text in quotes does not end in its line!"},
		"unclosed at the end":     {"{\"c\":1,\"a\":\"b", "{c:1}", "1 text in quotes does not end!; 1 a closing bracket is missing"},
		"unclosed key":            {"{\"a:1,\n\"c\":1}", "{c:1}", "1 text in quotes does not end in its line!"},
		"no value":                {"{\"a\":,\"b\":1,\"c\"}", "{b:1}", "1 a key without a value!; 1 a key without a colon!"},
		"words":                   {"{\"a\": 10ms, \"b\": .5, \"c\": hello\n\"d\":1}", "{d:1}", "1 a value that is neither!; 1 a value that is neither!; 1 a value that is neither!"},
		"odd character":           {"{;\"a\":1, \"b\"=2, \"c\":3}", "{c:3}", "1 a character!; 1 a key without a colon!"},
		"words in a list":         {"{\"a\":[x, 1]}", "{a:[1]}", "1 a value that is neither!"},
		"twice":                   {"{\"a\":1,\"a\":2}", "{a:1 a:2}", "1 a key stands twice!"},
		"backslashes":             {`{"a":"D:\ThingworxStorage\files"}`, `{a:"D:\\ThingworxStorage\\files"}`, "1 backslashes"},
		"mixed backslashes":       {`{"a":"D:\\Thing\Worx", "b":1}`, "{b:1}", "1 text with a backslash!"},
		"escapes":                 {`{"a":"x\ty",}`, `{a:"x\ty"}`, "1 a comma before"},
		"blanks of a processor":   {"{\u00a0\"a\":\u00a01,}", "{a:1}", "1 a comma before"},
		"template":                {"{\"a\": \"{{ v(\"x\", \"y\") }}:1\", {% if x %}\"b\": {{ y }}, {# z #} {{ w }} \"c\": 1}", `{a:"{{ v(\"x\", \"y\") }}:1" b:"{{ y }}" c:1}`, "1 a statement; 1 an expression!"},
		"template without end":    {"{\"a\": \"{{ x\", {% if", `{a:"{{ x"}`, "1 a statement; 1 a closing bracket"},
		"text after":              {"[1] x", "[1]", "1 text after!"},
		"nothing after":           {"{\"a\":1} }", "{a:1}", "1 a bracket closes"},
		"text after an object":    {"{\"a\":1} what", "{a:1}", "1 text after; 1 a key without quotes; 1 a key without a colon!"},
		"byte order mark":         {"\xef\xbb\xbf{\"a\":1}", "{a:1}", ""},
		"UTF-16":                  {"\xff\xfe{\x00}\x00", "{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, problem := JSON([]byte(c.text))
			if problem != nil {
				t.Fatal(problem)
			}
			if got := shape(d.Root); got != c.want {
				t.Errorf("read %s, want %s", got, c.want)
			}
			var got []string
			for _, f := range d.Faults {
				s := fmt.Sprintf("%d %s", f.Line, f.What)
				if f.Dropped {
					s += "!"
				}
				got = append(got, s)
			}
			want := strings.Split(c.faults, "; ")
			if c.faults == "" {
				want = nil
			}
			if len(got) != len(want) {
				t.Fatalf("faults %q, want %q", got, want)
			}
			for i, w := range want {
				dropped := strings.HasSuffix(w, "!")
				if !strings.HasPrefix(got[i], strings.TrimSuffix(w, "!")) || dropped != strings.HasSuffix(got[i], "!") {
					t.Errorf("fault %q, want %q", got[i], w)
				}
			}
		})
	}
}

func TestJSONRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "not JSON",
		"hello there":                   "not JSON",
		"<a/>":                          "not JSON",
		"\xff\xfea":                     "UTF-16",
		"{\"a\":\"\xff\"}":              "not UTF-8",
		strings.Repeat("[", MaxDepth+2): "nested deeper",
		"[" + strings.Repeat("1,", MaxValues+1) + "1]": "more than",
		strings.Repeat(" ", MaxBytes+1):                "larger than",
	} {
		if d, problem := JSON([]byte(text)); problem == nil || !strings.Contains(problem.What, want) {
			t.Errorf("%.20q: %+v, %+v, want %q", text, d, problem, want)
		}
	}
	d, problem := JSON([]byte("{" + strings.Repeat("\"a\":1 ", 300) + "}"))
	if problem != nil || len(d.Faults) != maxFaults || d.More == 0 {
		t.Errorf("%v, %d faults and %d more", problem, len(d.Faults), d.More)
	}
}

// A valid document is read without a fault, and as the standard library reads it.
func TestValidJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var draw func(depth int) any
		draw = func(depth int) any {
			kind := rapid.IntRange(0, 6).Draw(t, "kind")
			if depth > 3 {
				kind %= 4
			}
			switch kind {
			case 0:
				return rapid.String().Draw(t, "text")
			case 1:
				return float64(rapid.IntRange(-1000, 1000).Draw(t, "number"))
			case 2:
				return rapid.Bool().Draw(t, "bool")
			case 3:
				return nil
			case 4:
				var list []any
				for range rapid.IntRange(0, 4).Draw(t, "items") {
					list = append(list, draw(depth+1))
				}
				return list
			}
			m := map[string]any{}
			for range rapid.IntRange(0, 4).Draw(t, "members") {
				m[rapid.String().Draw(t, "key")] = draw(depth + 1)
			}
			return m
		}
		data, err := json.Marshal(map[string]any{"root": draw(0)})
		if err != nil {
			t.Fatal(err)
		}
		d, problem := JSON(data)
		if problem != nil || len(d.Faults) > 0 {
			t.Fatalf("%s: %v, %v", data, problem, d.Faults)
		}
		var again any
		if err := json.Unmarshal([]byte(encode(d.Root)), &again); err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(again) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", again, want)
		}
	})
}

func encode(v *Value) string {
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = encode(v.At(i))
		if v.Kind() == Object {
			key, _ := json.Marshal(v.At(i).Key())
			parts[i] = string(key) + ":" + parts[i]
		}
	}
	switch v.Kind() {
	case Object:
		return "{" + strings.Join(parts, ",") + "}"
	case List:
		return "[" + strings.Join(parts, ",") + "]"
	case Text:
		text, _ := json.Marshal(v.Text())
		return string(text)
	case Null:
		return "null"
	default:
		return v.Text()
	}
}

func TestYAML(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string // documents one after the other
		problems   string
	}{
		"stream":           {"a: 1\n---\n- x\n- y: true\n--- \n# nothing\n---\nb: ~\n", "{a:1} [\"x\" {y:true}] {b:null}", ""},
		"a broken one":     {"a: 1\n---\nb: [1\n---\nc: 2\n", "{a:1} {c:2}", "2 not YAML"},
		"merge":            {"x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: {<<: [*x, {c: 4}]}\n", "{x:{a:1 b:2} y:{b:3 a:1} z:{a:1 b:2 c:4}}", ""},
		"alias":            {"x: &x [1]\ny: *x\n? *x\n: 1\n", "", "3 a key that is no text"},
		"alias of a key":   {"x: &x k\n*x : 1\n", `{x:"k" k:1}`, ""},
		"alias to itself":  {"x: &x\n  y: *x\n", "", "2 an alias refers"},
		"template":         {"a: {{ .Values.x }}\n  - b\n", "", "1 not YAML: it holds expressions"},
		"kinds":            {"a: 1.5\nb: 'true'\nc: true\nd:\n", `{a:1.5 b:"true" c:true d:null}`, ""},
		"too many aliases": {"a: &a [" + strings.Repeat("1,", 5000) + "1]\nb: [" + strings.Repeat("*a,", 5) + "*a]\n", "", "2 aliases repeat"},
		"too deep":         {strings.Repeat("[", MaxDepth+3) + strings.Repeat("]", MaxDepth+3), "", "1 nested deeper"},
		"marks":            {strings.Repeat("\n", maxMarks+1), "", "0 more than"},
		"documents":        {strings.Repeat("---\na\n", maxDocuments+2), strings.TrimSpace(strings.Repeat(`"a" `, maxDocuments)), "1000"},
		"large":            {strings.Repeat(" ", MaxBytes+1), "", "0 larger"},
		"not UTF-8":        {"a: \xff\n", "", "0 the text is not UTF-8"},
		"cut UTF-16":       {"\xff\xfea", "", "0 UTF-16"},
		"panicking":        {"{&=0\n#0.\n:0", "", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			docs, problems := YAML([]byte(c.text))
			var got []string
			for _, d := range docs {
				got = append(got, shape(d))
			}
			if text := strings.Join(got, " "); text != c.want && !strings.HasPrefix(name, "panic") {
				t.Errorf("read %.200s, want %.200s", text, c.want)
			}
			var found string
			for _, p := range problems {
				found += fmt.Sprintf("%d %s; ", p.Line, p.What)
			}
			if !strings.HasPrefix(found, c.problems) || c.problems == "" && found != "" {
				t.Errorf("problems %q, want %q", found, c.problems)
			}
		})
	}
}

func TestValues(t *testing.T) {
	d, problem := JSON([]byte(`{"A":1,"a":"2","t":"TRUE","f":false,"l":[1],"n":null,"x":"no"}`))
	if problem != nil {
		t.Fatal(problem)
	}
	v := d.Root
	if v.Get("A").Text() != "1" || v.Get("L").Len() != 1 || v.Get("l", "x") != nil || v.Get("none", "x") != nil || !v.Has("z", "n") || v.Has("z") {
		t.Error("members")
	}
	if n, ok := v.Get("a").Int(); n != 2 || !ok {
		t.Error("a number in quotes")
	}
	if _, ok := v.Get("l").Int(); ok {
		t.Error("a list is a number")
	}
	for key, want := range map[string]string{"t": "true true", "f": "false true", "x": "false false", "l": "false false"} {
		if b, ok := v.Get(key).Bool(); fmt.Sprint(b, ok) != want {
			t.Errorf("%s: %v %v", key, b, ok)
		}
	}
	var none *Value
	line, column := none.Place()
	if none.Kind() != Missing || none.Kind().String() != "nothing" || none.Key() != "" || none.Text() != "" || none.Len() != 0 || line+column != 0 {
		t.Error("a value that is not there")
	}
	if line, column := v.Get("a").Place(); line != 1 || column != 12 {
		t.Errorf("place %d:%d", line, column)
	}
}

// FuzzJSON holds for any bytes: a document or a problem, places within the text, and no text of the file in a message.
// A quotation mark within a text ends it too early, so that what stands before it is not what was meant.
func TestQuoteWithinText(t *testing.T) {
	for text, kept := range map[string]bool{
		`{"a": "x"y", "b": 1,}`:             false,
		`{"a": "x" y@z", "b": 1,}`:          false,
		"{\"a\": \"x\" // why\n \"b\": 1,}": true,
		`{"a": "x" "b": 1}`:                 true,
		"{\"a\": \"x\"\n\"b\": 1,}":         true,
	} {
		d, problem := JSON([]byte(text))
		if problem != nil {
			t.Fatalf("%s: %+v", text, problem)
		}
		if got := d.Root.Get("a").Text() == "x"; got != kept || d.Root.Get("b").Text() != "1" {
			t.Errorf("%s: a is %q, b is %q", text, d.Root.Get("a").Text(), d.Root.Get("b").Text())
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{}]}`, "{a: “b”, // c\n}", "\"a\": {\n\"b\": {{ c }}", "{\"a\":\"\\T\",]", "{% x %}{\"a\":\"{{ \"b\" }}\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, problem := JSON(data)
		if (d == nil) == (problem == nil) {
			t.Fatal("neither a document nor a problem, or both")
		}
		if d == nil {
			return
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, x := range d.Faults {
			if x.Line < 1 || x.Column < 1 || len(data) > 2 && data[0] < 0x80 && x.Line > lines {
				t.Errorf("fault %+v", x)
			}
		}
		if json.Valid(data) && len(d.Faults) > 0 && !strings.Contains(d.Faults[0].What, "twice") {
			t.Errorf("faults of a valid document: %+v", d.Faults)
		}
	})
}

// FuzzYAML holds for any bytes: it ends, and every problem says something.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{"a: 1\n---\nb: [x, {y: z}]\n", "a: &a [1]\nb: *a\n<<: {c: d}\n", "{{ x }}", "? [a]\n: b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, problems := YAML(data)
		for _, p := range problems {
			// YAML knows further line breaks; two bytes are at most two of them.
			if p.What == "" || p.Line > len(data)+1 {
				t.Errorf("problem %+v", p)
			}
		}
		for _, d := range docs {
			shape(d)
		}
	})
}
