package assess_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// TestMarshalIsTheEncoders: the text is what encoding/json indents, whatever strings hold.
func TestMarshalIsTheEncoders(t *testing.T) {
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	odd := &assess.Assessment{Findings: []rules.Finding{
		{Message: `a "quoted" \\ back\slash, {brace}: [bracket] <&> ` + "\n\t\u2028\xff", Evidence: map[string]any{"empty": map[string]any{}, "none": []any{}, "null": nil, "n": 1.5e-9, `k"{`: []any{true, []any{[]any{}}}}},
	}}
	all := []*assess.Assessment{{}, odd}
	for _, s := range sitesim.New(sitesim.Options{Seed: 1, Sites: 20}).Sites(0) {
		all = append(all, engine.Site(assess.View{Site: s, At: s.ObservedAt}))
	}
	for _, a := range all {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(a); err != nil {
			t.Fatal(err)
		}
		got, err := assess.Marshal(a)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("error %v; got\n%s\nwant\n%s", err, got, want.Bytes())
		}
	}
}
