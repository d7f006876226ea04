package catalog

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestExpressions(t *testing.T) {
	d := Demand{Things: 250000, WPS: 1000, Requests: 10, ConnectionServers: 3, FoundationNodes: 2, ReplicationFactor: 4}
	tests := []struct {
		text string
		want int
	}{
		{"3", 3},
		{" 2.5 ", 3},
		{"n", Unbounded},
		{"max(2, connectionServers)", 3},
		{"max(2, connectionServers + 1)", 4},
		{"min(things, wps, requests)", 10},
		{"ceil(things / 100000)", 3},
		{"things / 100000", 3},
		{"(foundationNodes + 1) * 2", 6},
		{"replicationFactor", 4},
		{"2 - 5", 0},
		{"1 / 0", 0},
		{"2 * 3 + 4", 10},
		{"2 + 3 * 4", 14},
		{"9 - 3 - 2", 4},
		{"things * things", Unbounded},
	}
	for _, tt := range tests {
		e, err := Compile(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := e.Count(d); got != tt.want {
			t.Errorf("%q is %d, want %d", tt.text, got, tt.want)
		}
		if e.String() != strings.TrimSpace(tt.text) {
			t.Errorf("%q is written %q", tt.text, e)
		}
	}
	if (Expression{}).Count(d) != 0 || !(Expression{}).Constant() {
		t.Error("the zero expression is not 0")
	}
}

func TestReplicationFactorDefaultsToTwo(t *testing.T) {
	e, err := Compile("replicationFactor")
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Count(Demand{}); got != 2 {
		t.Errorf("not stated is %d, want 2", got)
	}
}

func TestExpressionErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "ends where",
		"2 +":                     "ends where",
		"2 2":                     "unexpected",
		"(2":                      "missing",
		"max 2":                   "missing",
		"max(2":                   "missing",
		"ceil(1, 2)":              "one argument",
		"stars":                   "unknown name",
		"1.2.3":                   "not a number",
		"#":                       "unexpected",
		"n + 1":                   "unknown name",
		"max()":                   "unexpected",
		"2 * (":                   "ends where",
		strings.Repeat("(", 1000): "deeper",
	} {
		if _, err := Compile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: error is %v, want one that says %q", text, err, want)
		}
	}
}

func TestConstant(t *testing.T) {
	for text, want := range map[string]bool{"3": true, "max(1, 2) * (3 - 1)": true, "things": false, "max(2, things)": false, "1 + wps": false, "n": true} {
		e, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if e.Constant() != want {
			t.Errorf("%q constant: %v, want %v", text, !want, want)
		}
	}
}

// Every count of the catalogue grows with the demand: a larger workload never asks for fewer nodes.
func TestCountsGrowWithDemand(t *testing.T) {
	c := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		small := Demand{
			Things: rapid.Float64Range(0, 1e6).Draw(t, "things"), ConnectionServers: float64(rapid.IntRange(0, 50).Draw(t, "cs")),
			FoundationNodes: float64(rapid.IntRange(0, 20).Draw(t, "nodes")), ReplicationFactor: 2,
		}
		large := small
		large.Things += rapid.Float64Range(0, 1e6).Draw(t, "more things")
		large.ConnectionServers += float64(rapid.IntRange(0, 50).Draw(t, "more cs"))
		large.FoundationNodes += float64(rapid.IntRange(0, 20).Draw(t, "more nodes"))
		for _, a := range c.Architectures() {
			for _, p := range a.Parts {
				for _, e := range []Expression{p.Min, p.Max, p.Recommend} {
					if e.Count(small) > e.Count(large) {
						t.Fatalf("%s %s: %s falls from %d to %d", a.ID, p.Kind, e, e.Count(small), e.Count(large))
					}
				}
				if p.Recommend.Count(small) < p.Min.Count(small) || p.Recommend.Count(small) > p.Max.Count(small) {
					t.Fatalf("%s %s: recommends %d outside %d to %d", a.ID, p.Kind, p.Recommend.Count(small), p.Min.Count(small), p.Max.Count(small))
				}
			}
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"3", "n", "max(2, connectionServers + 1)", "((", "1/0", "ceil(things/100000)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text)
		if err != nil {
			return
		}
		if n := e.Count(Demand{Things: 5, WPS: 7}); n < 0 || n > Unbounded {
			t.Errorf("%q counts %d", text, n)
		}
		again, err := Compile(e.String())
		if err != nil || again.Count(Demand{Things: 3}) != e.Count(Demand{Things: 3}) {
			t.Errorf("%q does not survive its own text %q: %v", text, e, err)
		}
	})
}
