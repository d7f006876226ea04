package rule_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/rules/rule"
)

// Evidence is the text that encoding/json writes of the facts, and reads as the facts again, however it was laid out.
func TestEvidence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.IntRange(-1e6, 1e6).AsAny(), rapid.Float64().AsAny(), rapid.SliceOf(rapid.String()).AsAny())
		facts := rapid.MapOf(rapid.String(), value).Draw(rt, "facts")
		e := rule.NewEvidence(facts)
		if len(facts) == 0 {
			if e != "" || e.Facts() != nil {
				rt.Fatalf("no facts are %q", e)
			}
			return
		}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(facts); err != nil {
			rt.Fatal(err)
		}
		if string(e)+"\n" != want.String() {
			rt.Fatalf("%s, want %s", e, want.String())
		}
		var read map[string]any
		if err := json.Unmarshal(want.Bytes(), &read); err != nil {
			rt.Fatal(err)
		}
		if !reflect.DeepEqual(e.Facts(), read) {
			rt.Fatalf("the facts of %s are %v", e, e.Facts())
		}
		indented, err := json.MarshalIndent(struct{ E rule.Evidence }{e}, "", "  ")
		if err != nil {
			rt.Fatal(err)
		}
		var again struct{ E rule.Evidence }
		if err := json.Unmarshal(indented, &again); err != nil || !reflect.DeepEqual(again.E.Facts(), e.Facts()) || bytes.ContainsRune([]byte(again.E), '\n') {
			rt.Fatalf("%v: %s is read as %s", err, indented, again.E)
		}
	})
}

func TestEvidenceOfAnything(t *testing.T) {
	for text, want := range map[string]rule.Evidence{`null`: "", `{}`: "", ` { } `: "", `{"a": [ 1, {"b": null} ]}`: `{"a":[1,{"b":null}]}`} {
		var e rule.Evidence
		if err := json.Unmarshal([]byte(text), &e); err != nil || e != want {
			t.Errorf("%s: %q, %v", text, e, err)
		}
	}
	for _, text := range []string{`[]`, `"x"`, `3`, `true`} {
		if err := json.Unmarshal([]byte(text), new(rule.Evidence)); err == nil {
			t.Errorf("%s is evidence", text)
		}
	}
	if text, err := json.Marshal(rule.Evidence("")); err != nil || string(text) != "{}" {
		t.Errorf("%s, %v", text, err)
	}
	if e := rule.NewEvidence(map[string]any{"km": math.Inf(1), "b": []any{1.5, nil}, "c": []string(nil)}); e != `{"b":[1.5,null],"c":[],"km":"+Inf"}` {
		t.Errorf("%s", e)
	}
}
