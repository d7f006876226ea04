package document

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// hostile returns texts of about a megabyte that parsers are known to be slow or greedy on.
func hostile() map[string]string {
	mega := 1 << 20
	if raced {
		mega = 64 << 10
	}
	fill := func(s string) string { return strings.Repeat(s, mega/len(s)) }
	var keys strings.Builder
	for i := 0; keys.Len() < mega; i++ {
		fmt.Fprintf(&keys, "k%d: v\n", i)
	}
	var jsonKeys strings.Builder
	jsonKeys.WriteByte('{')
	for i := 0; jsonKeys.Len() < mega; i++ {
		fmt.Fprintf(&jsonKeys, `"k%d":1,`, i)
	}
	return map[string]string{
		"keys": keys.String(), "broken keys": keys.String() + "x: [\n", "json keys": jsonKeys.String() + `"z":0}`,
		"items": fill("- a\n"), "empty items": fill("-\n"), "flow items": "[" + fill("a,") + "]", "flow keys": "{" + fill("a,") + "}",
		"flow pairs": "[" + fill("a:,") + "]", "empty lists": "[" + fill("[],") + "]", "json items": "[" + fill("0,") + "0]", "json lists": "[" + fill("[],") + "0]",
		"json text": `["` + fill("x") + `"]`, "json escapes": `["` + fill(`\u00e4`) + `"]`, "brackets": fill("["), "braces": fill(`{"a":`), "dashes": fill("- "),
		"colons": fill(":"), "questions": fill("? "), "spaces": fill(" "), "lines": fill("\n"), "comments": fill("# c\n") + "a: b", "late comments": fill("- a # c\n"),
		"quoted": `a: "` + fill(`\n`) + `"`, "block": "a: |\n" + fill("  x\n"), "folded": "a: >\n" + fill("  x\n\n"), "plain": "a: b\n" + fill("  xx\n"),
		"anchors": fill("- &a x\n"), "aliases": "- &a x\n" + fill("- *a\n"), "tags": fill("!!str "), "stars": fill("*a "), "documents": fill("---\n"), "tabs": "a:\n" + fill("\t"),
	}
}

func TestHostileTexts(t *testing.T) {
	for name, text := range hostile() {
		for _, file := range []string{"x.yaml", "x.json"} {
			if file == "x.json" && !strings.Contains("[{", text[:1]) {
				continue
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			var d doc
			err := Decode(file, []byte(text), &d)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			// What was allocated in all is an upper limit of what was in use at once, and a generous one.
			if mem := (after.TotalAlloc - before.TotalAlloc) >> 20; mem > 250 {
				t.Errorf("%s as %s: %d MB allocated", name, file, mem)
			}
			// A second is the target on an idle machine; what is not linear takes minutes.
			if took > 15*time.Second {
				t.Errorf("%s as %s: took %v", name, file, took)
			}
			if err == nil {
				t.Errorf("%s as %s: accepted", name, file)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"kind: X\nparts:\n  - name: a\n    things: [x, y]\n", `{"kind":"X","parts":[{"name":"a","max":1e3}],"any":{"a":[null,true,"\u00e4"]}}`,
		"a: &a [x, *a]", "<<: {kind: X}", "kind: |\n  text\n", "? [a]\n: b", "{kind: X, at: 2026-11-20T08:00:00Z, wait: 5s}", "--- a\n--- b", "tags: {1: 2}", "!!int x", "{\"a\":\"\\ud800\\udc00\"}",
		"\t", "%YAML 1.1\n---\nkind: x", "a: 'b\n\n c'", "- - - -", "[[[[", "a: \"\\x41\"", "\xef\xbb\xbf{}", "kind: 0x1_0\nsmall: 0o17\ncount: .inf\nratio: -.5",
	} {
		f.Add(false, []byte(s))
		f.Add(true, []byte(s))
	}
	f.Fuzz(func(t *testing.T, isJSON bool, data []byte) {
		name := "x.yaml"
		if isJSON {
			name = "x.json"
		}
		var d doc
		start := time.Now()
		err := Decode(name, data, &d)
		if took := time.Since(start); len(data) < 1<<20 && took > 15*time.Second {
			t.Fatalf("%d bytes took %v", len(data), took)
		}
		if err == nil {
			return
		}
		var e *Error
		if !errors.As(err, &e) || len(e.Problems) == 0 {
			t.Fatalf("error %v is no list of problems", err)
		}
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 2
		for _, p := range e.Problems {
			if p.What == "" || p.Line < 0 || p.Line > lines || p.Column < 0 || !utf8.ValidString(p.String()) {
				t.Fatalf("problem %+v", p)
			}
		}
		if _, err := Values(name, data); err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
	})
}

func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var d doc
				if err := Decode("x.yaml", []byte(text), &d); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
