package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// extracted is the input with the texts of extracts in the place of the assessments.
func extracted(t testing.TB, in Input) Input {
	t.Helper()
	var texts []string
	for _, a := range in.Assessments {
		x, err := Of(a)
		if err != nil {
			t.Fatal(err)
		}
		again := new(Extract)
		if err := again.Read(x.Text()); err != nil {
			t.Fatal(err)
		}
		if again.Text() != x.Text() {
			t.Errorf("an extract that was read reads\n%s\nand was\n%s", again.Text(), x.Text())
		}
		texts = append(texts, x.Text())
	}
	in.Assessments, in.Extracts = nil, read(texts)
	return in
}

// read reads all texts with one Extract.
func read(texts []string) iter.Seq2[*Extract, error] {
	return func(yield func(*Extract, error) bool) {
		var x Extract
		for _, text := range texts {
			if !yield(&x, x.Read(text)) {
				return
			}
		}
	}
}

func each(extracts ...*Extract) iter.Seq2[*Extract, error] {
	return func(yield func(*Extract, error) bool) {
		for _, x := range extracts {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// A report of extracts is that of their assessments to the last byte, in every format.
func TestExtracts(t *testing.T) {
	in := federation()
	muc := in.Assessments[1]
	muc.Passed = []assess.Passed{{Subject: "muc-01", Pass: "DQ-001 DQ-001", NotApplicable: "DQ-003"}, {Subject: "muc-01/prod", Pass: "HA-001"}}
	muc.Findings[0].Message = "tab\t, line\nfeed, back\\slash \\t, \u2028 and <&>"
	muc.Inventories[0].Name = "Mün\tchen\n\\"
	muc.Tenancy = append(muc.Tenancy, tenancy.Shared{Infrastructure: "muc-01/a b\tc", Kind: "storage"})
	muc.Clusters[0].Regions.ThingWorx = []string{"a region\\", "", "westeurope"}
	want, got := build(t, in), build(t, extracted(t, in))
	for _, format := range Formats() {
		if !bytes.Equal(write(t, format, want), write(t, format, got)) {
			t.Errorf("%s differs", format)
		}
	}
	if a, b := string(write(t, "json", want)), string(write(t, "json", got)); a != b {
		t.Error(cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n")))
	}
	empty := build(t, extracted(t, Input{At: at(), Assessments: []*assess.Assessment{{At: at().Add(-time.Hour)}}}))
	if empty.Summary.Findings != (Verdicts{}) {
		t.Errorf("an assessment of nothing: %+v", empty.Summary)
	}
}

// What an extract takes of an assessment does not grow with the options and migrations.
func TestExtractLeavesOut(t *testing.T) {
	in := federation()
	x, err := Of(in.Assessments[1])
	if err != nil {
		t.Fatal(err)
	}
	in.Assessments[1].Clusters[0].Sizing.Size = "a size"
	in.Assessments[1].Clusters[0].Availability.Full = 0.5
	again, err := Of(in.Assessments[1])
	if err != nil || again.Text() != x.Text() {
		t.Errorf("%v\n%s", err, again.Text())
	}
}

func TestReadRefuses(t *testing.T) {
	head := "report/1\t2026-11-20T12:00:00Z\tv\th\t1\t1\t0\t4\t5\t1\n"
	for text, want := range map[string]string{
		"":                           "empty",
		"i\ta\tb\tc\td\n":            "the first, and no other",
		head + head:                  "the first, and no other",
		"report/2\tx\n":              "the first, and no other",
		"report/1\tsoon\tv\th\t1\t1": "instant",
		"report/1\t2026-11-20T12:00:00Z\tv\th\t1\t1\t0\t4": "ends too early",
		head + "i\ta":                                  "ends too early",
		head + "z\ta":                                  "unknown kind",
		head + "a\ttext\t-1":                           "a number is none",
		head + "s\ta\tdatabase\t9999999\tx":            "ends too early",
		head + "f\ta\tfail\thigh\ts\t\t\t\t\t[]":       "JSON object",
		head + "f\ta\tfail\thigh\ts\t\t\t\t":           "JSON object",
		head + "f\ta\tfail\thigh\ts\t\t\tW\tnever\t{}": "instant",
	} {
		if err := new(Extract).Read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	in := Input{At: at(), Extracts: each(nil)}
	if _, err := New(in); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("no extract: %v", err)
	}
	x := new(Extract)
	if err := x.Read(head + "f\tR\tfail\thigh\ts\t\t\t\t\t{no JSON}"); err != nil {
		t.Fatal(err)
	}
	r := build(t, Input{At: at(), Extracts: each(x)})
	if err := Write(new(bytes.Buffer), "csv", r); err == nil || !strings.Contains(err.Error(), "rule R") {
		t.Errorf("a text that is no JSON: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, a := range federation().Assessments {
		x, err := Of(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(x.Text())
	}
	f.Fuzz(func(t *testing.T, text string) {
		var x, again Extract
		if err := x.Read(text); err != nil {
			return
		}
		if err := again.Read(x.Text()); err != nil {
			t.Fatalf("what was read from %q cannot be read again: %v", text, err)
		}
		if again.Text() != x.Text() {
			t.Fatalf("%q becomes %q", x.Text(), again.Text())
		}
	})
}

// Strings are written as encoding/json writes them.
func TestEncoderText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		var e encoder
		e.text("", text)
		if want, _ := json.Marshal(text); string(e.b) != string(want) {
			rt.Fatalf("%s, want %s", e.b, want)
		}
	})
}

// BenchmarkExtracts makes the report of 10,000 sites out of texts, as one of the past is made.
func BenchmarkExtracts(b *testing.B) {
	a := federation().Assessments[1]
	for len(a.Findings) < 12 {
		a.Findings = append(a.Findings, a.Findings[0])
	}
	texts, sites := make([]string, 10000), make([]Site, 10000)
	for i := range texts {
		site := fmt.Sprintf("muc-%05d", i)
		sites[i].ID = site
		x := *a
		x.Inventories = []assess.InventoryRef{{Site: site, ObservedAt: at()}}
		x.Clusters = []assess.Cluster{a.Clusters[0]}
		x.Clusters[0].ID, x.Clusters[0].Site = site+"/prod", site
		x.Findings = append([]rules.Finding(nil), a.Findings...)
		for k := range x.Findings {
			x.Findings[k].Subject.Site = site
		}
		e, err := Of(&x)
		if err != nil {
			b.Fatal(err)
		}
		texts[i] = e.Text()
	}
	for b.Loop() {
		in := Input{At: at(), Sites: sites, Extracts: read(texts)}
		if err := Write(io.Discard, "json", build(b, in)); err != nil {
			b.Fatal(err)
		}
	}
}
