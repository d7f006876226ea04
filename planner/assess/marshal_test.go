package assess_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/recommend"
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
		{Message: `a "quoted" \\ back\slash, {brace}: [bracket] <&> ` + "\n\t\u2028\xff", Evidence: rules.NewEvidence(map[string]any{"empty": map[string]any{}, "none": []any{}, "null": nil, "n": 1.5e-9, `k"{`: []any{true, []any{[]any{}}}, "texts": []string{"<a>", "\u2028"}})},
	}}
	full := &assess.Assessment{}
	fill(reflect.ValueOf(full).Elem(), 3)
	full.Clusters[0].Recommendation = recommend.Pack(recommend.Recommendation{Architecture: "a", Reasons: []string{`<"ü">`}, Advice: []recommend.Advice{{Move: "<x>"}}})
	extreme := &assess.Assessment{Clusters: make([]assess.Cluster, 1)}
	extreme.Clusters[0].Sizing.Headroom = map[string]float64{"a": 1e-7, "b": -1e-6, "c": 1e21, "d": 123456789012345680000, "e": 0.1, "f": 0, "g": 1e-6}
	all := []*assess.Assessment{{}, odd, full, extreme}
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
			t.Fatalf("error %v; got\n%s\nwant\n%s", err, got, want.Bytes())
		}
	}
}

// fill gives every exported field a value that is written, so that one that is new and not written is noticed.
func fill(v reflect.Value, n int) {
	if v.Type() == reflect.TypeFor[rules.Evidence]() {
		v.SetString(`{"a":["x","<y>"],"b":3}`)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 20, 8, 0, 0, 123456700, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n+i)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n+1)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"b", "a"} {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(e, n+len(key))
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf([]string{"x", "y"}))
	case reflect.String:
		v.SetString("text <" + string(rune('a'+n%26)) + ">")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n + 1))
	case reflect.Float64:
		v.SetFloat(float64(n) + 0.25)
	}
}
