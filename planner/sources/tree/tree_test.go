package tree

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTree(t *testing.T) {
	text := "{\n \"a\": [1, \"é\", true, null, {\"B\": \"x\"}],\n \"n\": \"2.5\", \"t\": \"True\", \"f\": false\n}"
	doc, problem := Parse([]byte(text))
	if problem != nil {
		t.Fatal(problem)
	}
	v := doc.Root
	if v.Get("A").Len() != 5 || v.Get("a").Item(4).Get("b").Text() != "x" || v.Get("a", "b") != nil || v.Get("x").Kind() != Missing {
		t.Error("Get does not follow keys without case")
	}
	if f, ok := v.Get("n").Float(); !ok || f != 2.5 {
		t.Errorf("Float %v, %v", f, ok)
	}
	if _, ok := v.Get("a").Float(); ok {
		t.Error("a list is a number")
	}
	for key, want := range map[string]bool{"t": true, "f": false} {
		if got, ok := v.Get(key).Bool(); !ok || got != want {
			t.Errorf("%s: %v, %v", key, got, ok)
		}
	}
	if _, ok := v.Get("n").Bool(); ok {
		t.Error("a number is true or false")
	}
	if _, ok := v.Get("none").Bool(); ok || v.Has() || !v.Has("a", "N") || v.Has("a", "z") || v.Get("none").Members() != nil {
		t.Error("missing values")
	}
	if p := doc.At(v.Get("a").Item(4), "/a/4", "x", ""); p.Line != 2 || p.Column != 28 {
		t.Errorf("place %d:%d, want 2:28", p.Line, p.Column)
	}
	if !v.Get("none").Blank() || !v.Get("a").Item(3).Blank() || v.Get("a").Item(0).Blank() || v.Get("a").KeyNames(3) != "" {
		t.Error("blank values")
	}
}

func TestTreeProblems(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
		line int
		col  int
	}{
		{"", "empty", 0, 0},
		{" \n\t", "empty", 0, 0},
		{"{\n  \"a\": nope\n}", "unexpected character", 2, 9},
		{"{\"a\": 1", "ends too early", 1, 7},
		{"[] x", "something follows", 1, 4},
		{strings.Repeat("[", MaxDepth+2) + strings.Repeat("]", MaxDepth+2), "nested deeper", 1, MaxDepth + 2},
		{"\xff\xfea", "UTF-16", 0, 0},
	} {
		_, p := Parse([]byte(c.text))
		if p == nil || !strings.Contains(p.What, c.want) || p.Line != c.line || p.Column != c.col {
			t.Errorf("%.20q: %+v, want %q at %d:%d", c.text, p, c.want, c.line, c.col)
		}
	}
	doc, p := Parse([]byte("\xfe\xff\x00[\x00]"))
	if p != nil || doc.Root.Kind() != Array {
		t.Errorf("UTF-16 in big endian: %+v", p)
	}
	doc, _ = Parse([]byte(`{"a":1,"a":2,"p w":1,"p w":2}`))
	if len(doc.Twice) != 2 || doc.Root.Get("a").Text() != "2" || strings.Contains(doc.Twice[1].What, "p w") {
		t.Errorf("keys given twice: %+v", doc.Twice)
	}
}

// Places agree with counting characters from the beginning.
func TestPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "é", "\n", strings.Repeat("ä", 700)}), 0, 40).Draw(t, "text"), "")
		off := rapid.IntRange(0, len(text)).Draw(t, "offset")
		for off < len(text) && !utf8.RuneStart(text[off]) {
			off++
		}
		doc := &Document{data: []byte(text)}
		line, column := doc.Place(uint32(off))
		head := text[:off]
		wantLine, wantColumn := strings.Count(head, "\n")+1, utf8.RuneCountInString(head[strings.LastIndexByte(head, '\n')+1:])+1
		if line != wantLine || column != wantColumn {
			t.Errorf("%d:%d, want %d:%d", line, column, wantLine, wantColumn)
		}
	})
}

func TestKindsAndKeyNames(t *testing.T) {
	doc, problem := Parse([]byte(`{"n":null,"b":true,"i":1,"s":"\u00e9\"x","l":[],"o":{"id":1,"pass word":2,"` + strings.Repeat("k", 40) + `":3},"one":{"p w":1},"e":{}}`))
	if problem != nil {
		t.Fatal(problem)
	}
	v := doc.Root
	for key, want := range map[string]string{"n": "null", "b": "true or false", "i": "a number", "s": "text", "l": "a list", "o": "an object", "x": "nothing"} {
		if got := v.Get(key).Kind().String(); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	for _, c := range []struct {
		of    *Value
		limit int
		want  string
	}{{v, 2, "n, b, 6 further keys"}, {v.Get("o"), 5, "id, 2 further keys"}, {v.Get("one"), 5, "1 further key"}, {v.Get("e"), 5, "no keys"}, {v.Get("l"), 5, ""}} {
		if got := c.of.KeyNames(c.limit); got != c.want {
			t.Errorf("keys %q, want %q", got, c.want)
		}
	}
	if got := v.Get("s").Text(); got != `é"x` || v.Get("none").Text() != "" || v.Get("none").Len() != 0 {
		t.Errorf("text %q", got)
	}
	if ps := doc.At(nil, "/x", "what", "remedy"); ps.Line != 0 || ps.Path != "/x" || ps.What != "what" || ps.Remedy != "remedy" {
		t.Errorf("a problem without a value: %+v", ps)
	}
}

func TestMoreLimits(t *testing.T) {
	_, problem := parse([]byte("["+strings.Repeat("1,", 100)+"1]"), 100)
	if problem == nil || !strings.Contains(problem.What, "values") {
		t.Errorf("problem %+v", problem)
	}
	_, problem = Parse([]byte(strings.Repeat("[", 20000)))
	if problem == nil || !strings.Contains(problem.What, "nested deeper") {
		t.Errorf("problem %+v", problem)
	}
	many := make([]string, 0, 5000)
	for i := range 5000 {
		many = append(many, `"k`+strings.Repeat("x", i%50)+string(rune('a'+i%26))+`":1,"z":1`)
	}
	doc, problem := Parse([]byte("[{" + strings.Join(many, "},{") + "}]"))
	if problem != nil || doc.Root.Len() != 5000 {
		t.Errorf("%d objects, %+v", doc.Root.Len(), problem)
	}
}

func TestUnflatten(t *testing.T) {
	doc, problem := Parse([]byte(`{"id":"x","nic.#":"2","nic.0":"a","nic.1":"b","os.123.name":"n","os.123.kind":"k","tags.%":"1","tags.Env":"prod","id.sub":"y"}`))
	if problem != nil {
		t.Fatal(problem)
	}
	v := Unflatten(doc.Root)
	if v.Get("nic").Kind() != Array || v.Get("nic").Len() != 2 || v.Get("nic").Item(1).Text() != "b" {
		t.Errorf("a list is %s of %d", v.Get("nic").Kind(), v.Get("nic").Len())
	}
	if os := v.Get("os"); os.Kind() != Array || os.Item(0).Get("name").Text() != "n" || os.Item(0).Get("kind").Text() != "k" {
		t.Error("a block keyed by its hash is no list")
	}
	if v.Get("tags", "Env").Text() != "prod" || v.Get("tags").Len() != 1 {
		t.Error("a map")
	}
	if list := doc.Root.Get("nic.0"); Unflatten(list) != list {
		t.Error("a text is changed")
	}
}

func TestReplaceAndObjectOf(t *testing.T) {
	doc, problem := Parse([]byte(`{"a":["x","y"],"b":{"c":"x"},"n":1}`))
	if problem != nil {
		t.Fatal(problem)
	}
	var paths []string
	got := Replace(doc.Root, func(path []string, text string) (*Value, bool) {
		paths = append(paths, strings.Join(path, "/"))
		switch text {
		case "x":
			return doc.Root.Get("n"), true
		case "y":
			return nil, true
		}
		return nil, false
	})
	if got.Get("a").Item(0).Kind() != Number || got.Get("a").Item(1).Kind() != Null || got.Get("b", "c").Text() != "1" || doc.Root.Get("b", "c").Text() != "x" {
		t.Error("texts are not replaced, or in the original")
	}
	if strings.Join(paths, " ") != "a/ a/ b/c" {
		t.Errorf("paths %q", paths)
	}
	o := ObjectOf([]string{"first", "second"}, doc.Root.Get("a"))
	if o.Get("second").Text() != "y" || o.Kind() != Object {
		t.Error("an object of names and a list")
	}
}

// FuzzParse holds for any bytes: a document or a problem, and every place inside the text.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5e3,"é\n",true,null,{}],"a":2}`))
	f.Add([]byte("\xff\xfe[\x00]\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, problem := Parse(data)
		if (doc == nil) == (problem == nil) {
			t.Fatal("neither a document nor a problem, or both")
		}
		if doc == nil {
			return
		}
		var walk func(v *Value)
		walk = func(v *Value) {
			if p := doc.At(v, "", "", ""); p.Line < 1 || p.Column < 1 || p.Line > strings.Count(string(doc.data), "\n")+1 {
				t.Errorf("place %+v", p)
			}
			for i := range v.Members() {
				walk(v.Item(i))
			}
		}
		walk(doc.Root)
		Unflatten(doc.Root)
	})
}
