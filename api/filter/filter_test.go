package filter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/api/filter"
)

type item struct {
	site, severity, verdict, rule string
	regions                       []string
	n                             float64
	rtt                           time.Duration
	at                            time.Time
	match                         *bool
	tags                          map[string]string
}

func fields() filter.Fields[item] {
	return filter.Of(
		filter.Text("site", func(i item) string { return i.site }),
		filter.Ordered("severity", []string{"critical", "high", "medium", "low", "info"}, func(i item) string { return i.severity }),
		filter.Enum("verdict", []string{"fail", "unknown"}, func(i item) string { return i.verdict }),
		filter.Text("rule", func(i item) string { return i.rule }),
		filter.Texts("region", func(i item) []string { return i.regions }),
		filter.Number("n", func(i item) (float64, bool) { return i.n, i.n >= 0 }),
		filter.Duration("rtt", func(i item) (time.Duration, bool) { return i.rtt, i.rtt > 0 }),
		filter.Time("at", func(i item) (time.Time, bool) { return i.at, !i.at.IsZero() }),
		filter.Bool("match", func(i item) (bool, bool) {
			if i.match == nil {
				return false, false
			}
			return *i.match, true
		}),
		filter.Keyed("tag", func(i item, k string) string { return i.tags[k] }),
	)
}

func sample() item {
	no := false
	return item{
		site: "muc-01", severity: "high", verdict: "fail", rule: "COL-001", regions: []string{"westeurope", "northeurope"}, n: 3,
		rtt: 20 * time.Millisecond, at: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), match: &no, tags: map[string]string{"division": "drives", "cost.center": "7"},
	}
}

func TestSelects(t *testing.T) {
	empty := item{n: -1}
	cases := []struct {
		expr          string
		sample, empty bool
	}{
		{"", true, true},
		{"site=muc-01", true, false},
		{"site!=muc-01", false, true},
		{"site = 'muc-01'", true, false},
		{`site="muc-01"`, true, false},
		{"site=MUC-01", false, false},
		{"site~MUC-*", true, false},
		{"site~m?c-01", true, false},
		{"site~*01*", true, false},
		{"site~muc", false, false},
		{"site!~muc*", false, true},
		{"site>=a and site<n", true, false},
		{"site>a", true, false},
		{"site<=a", false, false},
		{"site in (ber-02, muc-01)", true, false},
		{"site not in (ber-02, muc-01)", false, true},
		{"severity=high", true, false},
		{"severity>=high", true, false},
		{"severity>high", false, false},
		{"severity<=critical", true, false},
		{"severity<medium", false, false},
		{"severity in (low, High)", true, false},
		{"severity!=high", false, true},
		{"verdict in (fail,unknown)", true, false},
		{"verdict~f*", true, false},
		{`rule~"COL-*"`, true, false},
		{"region=northeurope", true, false},
		{"region!=northeurope", false, true},
		{"region not in (eastus)", true, true},
		{"region~*EUROPE", true, false},
		{"n=3", true, false},
		{"n>2.5", true, false},
		{"n!=3", false, true},
		{"n in (1,2,3)", true, false},
		{"rtt>=20ms", true, false},
		{"rtt<1ms", false, false},
		{"at<2026-11-20T08:00:01Z", true, false},
		{"at>=2026-11-20", true, false},
		{"at>2026-11-20T09:00:00+01:00", false, false},
		{"match=false", true, false},
		{"match=TRUE", false, false},
		{"match!=true", true, true},
		{"tag.division=drives", true, false},
		{"tag.cost.center=7", true, false},
		{"has(tag.division)", true, false},
		{"not has(match)", false, true},
		{"has(n)", true, false},
		{"HAS(region)", true, false},
		{"site=muc-01 AND severity>=high and rule~COL-* and verdict in (fail,unknown)", true, false},
		{"site=x or site=muc-01 and n=3", true, false},
		{"(site=x or site=muc-01) and n=4", false, false},
		{"not site=x and n=3", true, false},
		{"not (site=muc-01 or n=9)", false, true},
		{"not not n=3", true, false},
	}
	for _, c := range cases {
		e, err := filter.Parse(c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		f, err := filter.Compile(e, fields())
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if got := f(sample()); got != c.sample {
			t.Errorf("%s selects the sample: %v", c.expr, got)
		}
		if got := f(empty); got != c.empty {
			t.Errorf("%s selects the empty item: %v", c.expr, got)
		}
		again, err := filter.Parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Errorf("%s prints as %s, which reads as %v (%v)", c.expr, e, again, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	cases := []struct {
		expr string
		at   int
		what string
	}{
		{"site", 5, "ends too early"},
		{"site=", 6, "ends too early"},
		{"=x", 1, "unexpected ="},
		{"site==x", 5, "=="},
		{"site=~x", 5, "=~"},
		{"site<>x", 5, "<>"},
		{"site!x", 5, "! is no operator"},
		{"site=x and", 11, "ends too early"},
		{"site=x site=y", 8, "unexpected site"},
		{"(site=x", 8, "ends too early"},
		{"site=x)", 7, "unexpected )"},
		{"site in x", 9, "unexpected x"},
		{"site in (x", 11, "ends too early"},
		{"site in ()", 10, "unexpected )"},
		{"site not x", 10, "unexpected x"},
		{`site="x`, 6, "not closed"},
		{"site=x & n=1", 8, "unexpected character"},
		{"has site", 5, "unexpected site"},
		{"has(", 5, "ends too early"},
		{"has(site", 9, "ends too early"},
		{"nope=1", 1, "unknown field nope"},
		{"tag=1", 1, "unknown field tag"},
		{"tag.=1", 1, "unknown field tag."},
		{"site.x=1", 1, "unknown field site.x"},
		{"n=three", 3, "does not fit n"},
		{"n=NaN", 3, "does not fit n"},
		{"rtt>20", 5, "does not fit rtt"},
		{"at<yesterday", 4, "does not fit at"},
		{"match>true", 1, "no order"},
		{"match=maybe", 7, "does not fit match"},
		{"severity~h*", 1, "no text"},
		{"severity=huge", 10, "does not fit severity"},
		{"verdict=pass", 9, "does not fit verdict"},
		{"site=ä and nope=1", 12, "unknown field"},
		{"\xff", 1, "UTF-8"},
		{strings.Repeat("(", 80) + "n=1", 52, "too deeply"},
		{strings.Repeat("not ", 80) + "n=1", 205, "too deeply"},
		{"n in (" + strings.Repeat("1,", 200) + "1)", 0, "too many"},
		{strings.Repeat("x", filter.MaxLength+1), 1, "too long"},
	}
	for _, c := range cases {
		e, err := filter.Parse(c.expr)
		if err == nil {
			_, err = filter.Compile(e, fields())
		}
		var fe *filter.Error
		if !errors.As(err, &fe) {
			t.Errorf("%.40s: no error", c.expr)
			continue
		}
		if (c.at > 0 && fe.Position != c.at) || !strings.Contains(fe.Error(), c.what) {
			t.Errorf("%.40s: %v, want %q at %d", c.expr, fe, c.what, c.at)
		}
	}
}

func TestMentionsAndNames(t *testing.T) {
	e, err := filter.Parse("not (site=x or verdict=fail)")
	if err != nil {
		t.Fatal(err)
	}
	if !e.Mentions("verdict") || e.Mentions("rule") || (*filter.Expr)(nil).Mentions("x") || (&filter.Expr{}).String() != "" {
		t.Error("Mentions is wrong")
	}
	if got := fields().Names(); !slices.IsSorted(got) || !slices.Contains(got, "tag.*") || len(got) != 10 {
		t.Error(got)
	}
}

// TestLaws: not negates, and/or follow De Morgan, and printing keeps the meaning.
func TestLaws(t *testing.T) {
	atoms := []string{"site=muc-01", "severity>=high", "n<2", "has(match)", "region~west*", "rule in (COL-001,HA-001)", "tag.division!=drives"}
	rapid.Check(t, func(t *rapid.T) {
		i := sample()
		i.site = rapid.SampledFrom([]string{"", "muc-01", "ber-02"}).Draw(t, "site")
		i.n = rapid.SampledFrom([]float64{-1, 0, 1, 3}).Draw(t, "n")
		i.severity = rapid.SampledFrom([]string{"", "low", "critical"}).Draw(t, "severity")
		a, b, c := rapid.SampledFrom(atoms).Draw(t, "a"), rapid.SampledFrom(atoms).Draw(t, "b"), rapid.SampledFrom(atoms).Draw(t, "c")
		is := func(expr string) bool {
			e, err := filter.Parse(expr)
			if err != nil {
				t.Fatal(expr, err)
			}
			printed, err := filter.Parse(e.String())
			if err != nil {
				t.Fatal(e.String(), err)
			}
			f, err := filter.Compile(e, fields())
			if err != nil {
				t.Fatal(expr, err)
			}
			g, err := filter.Compile(printed, fields())
			if err != nil {
				t.Fatal(expr, err)
			}
			if f(i) != g(i) {
				t.Fatalf("%s and its printed form %s differ", expr, e)
			}
			return f(i)
		}
		if is("not ("+a+" and "+b+")") != is("not "+a+" or not "+b) {
			t.Fatal("De Morgan")
		}
		if is(a+" or "+b+" and "+c) != is(a+" or ("+b+" and "+c+")") {
			t.Fatal("and binds stronger than or")
		}
		if is("("+a+" or "+b+") and "+c) != ((is(a) || is(b)) && is(c)) {
			t.Fatal("parentheses")
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a=b", `a~"x*" and not (b in (1,2) or has(c.d))`, "((", "a!='\\''", "é=1", "a not in (x)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := filter.Parse(s)
		if err != nil {
			var fe *filter.Error
			if !errors.As(err, &fe) || fe.Position < 1 {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := filter.Parse(e.String())
		if err != nil {
			if len(e.String()) > filter.MaxLength {
				return
			}
			t.Fatalf("%q prints as %q: %v", s, e, err)
		}
		if again.String() != e.String() {
			t.Fatalf("%q: %q is not canonical, it prints as %q", s, e, again)
		}
		if m, err := filter.Compile(e, fields()); err == nil {
			m(sample())
		}
	})
}
