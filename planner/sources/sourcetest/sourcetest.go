// Package sourcetest is the contract of every source of inventories, whatever it reads: files, answers of a cloud, answers
// of servers. A source's test calls Run with a function that makes the source over given inputs and collects once, and with
// some small fixtures in which Secret stands wherever an input has a secret. Only tests call it.
package sourcetest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Input is one thing that a source reads: a file by its name, an answer by the path of its request.
type Input = importer.File

// Outcome is all that comes out of one collection.
type Outcome struct {
	Site     *inventory.Site    // nil when the source refused everything; Problems say why
	Sources  []inventory.Source // one per component; those in Site when nil
	Whole    bool               // the source says that it understood all of its inputs
	Problems []document.Problem // what was not understood
	Said     []any              // everything else that people or programs get to see: text, or values written as JSON
}

// Contract is a source under test.
type Contract struct {
	// Collect makes the source over the inputs and collects once. It must not keep anything from one call to the next.
	Collect func(t testing.TB, inputs []Input) Outcome
	// Fixtures are inputs by what they are, which the source understands at least in part. Small ones: each is collected
	// some thousand times.
	Fixtures map[string][]Input
	// Hostile texts are added to those of every format, by the name of the input they come as.
	Hostile map[string]Text
	// Names are the names of the inputs that the hostile texts of every format come as; none leaves those texts out.
	Names []string

	// IDs: names of the input become ids, so that a word in the place of a name may come out in an id's spelling.
	IDs bool
	// Written: the inputs are inventories, whose facts need no provenance but the document's own, and whose sources the
	// daemon names.
	Written bool
	// Answers: the inputs are answers of servers of fixed names; their names and their order mean nothing.
	Answers bool
	// Step plants secrets in every Step-th place only, and cuts there only; for sources whose collection is slow.
	Step int
}

// limitsChild marks the process that measures.
const limitsChild = "MERIDIAN_SOURCETEST_LIMITS"

// Run holds a source against the contract:
//
//   - every outcome is an inventory that Parse and the JSON Schema accept, or a refusal with place and remedy;
//   - every component reports ok, partial or failed, with the reason when it is not ok; no source is ok when an input was
//     not understood;
//   - every fact is covered by a provenance whose JSON pointer exists, with source and time;
//   - the same inputs give the same bytes, in any order;
//   - no secret comes out of any place of any input, however broken;
//   - an input cut off anywhere never panics, and one of JSON never passes for whole;
//   - a megabyte of the worst shapes stays within a second of processor time and a hundred megabytes, and twice the input
//     is about twice the work.
func Run(t *testing.T, c Contract) {
	t.Helper()
	if len(c.Fixtures) == 0 {
		t.Fatal("no fixtures: nothing would be tested")
	}
	if os.Getenv(limitsChild) != "" {
		c.measure(t)
		return
	}
	c.Step = max(1, c.Step) * min(slower, 3)
	for _, name := range slices.Sorted(maps.Keys(c.Fixtures)) {
		inputs := c.Fixtures[name]
		t.Run(name, func(t *testing.T) {
			o := c.collect(t, inputs)
			if o.Site == nil {
				t.Fatalf("the source refuses its own fixture: %+v", o.Problems)
			}
			t.Run("repeatable", func(t *testing.T) { c.repeatable(t, inputs, &o) })
			t.Run("secrets", func(t *testing.T) { c.secrets(t, inputs) })
			t.Run("cut off", func(t *testing.T) { c.cut(t, inputs) })
		})
	}
	t.Run("limits", func(t *testing.T) { c.limits(t) })
}

// collect collects once and checks the outcome.
func (c *Contract) collect(t testing.TB, inputs []Input) Outcome {
	t.Helper()
	o := c.Collect(t, inputs)
	if ok := check(t, &o, c.Written); ok && !o.Whole && !c.Written {
		t.Errorf("not everything was understood, and every component is ok; problems %+v", o.Problems)
	}
	return o
}

var took = regexp.MustCompile(`[0-9.]+(?:ns|µs|ms|s)\b`)

func (c *Contract) repeatable(t *testing.T, inputs []Input, first *Outcome) {
	t.Helper()
	text := func(o *Outcome) string {
		if !c.Answers {
			return JSON(t, o.Site)
		}
		return took.ReplaceAllString(JSON(t, o.Site), "some time") // the one thing that two measurements differ in
	}
	want := text(first)
	for turn := range len(inputs) {
		order := slices.Concat(inputs[turn:], inputs[:turn])
		if turn%2 == 1 {
			slices.Reverse(order)
		}
		again := c.collect(t, order)
		if diff := cmp.Diff(want, text(&again)); diff != "" {
			t.Fatalf("the same inputs in another order give another inventory:\n%s", diff)
		}
		if c.Answers {
			return
		}
	}
}

// maxCuts bounds the places at which one input is cut; a small one is cut at every byte.
const maxCuts = 2048

func (c *Contract) cut(t *testing.T, inputs []Input) {
	t.Helper()
	for i := range inputs {
		data := inputs[i].Data
		step := c.Step * max(1, (len(data)+maxCuts-1)/maxCuts)
		end := len(bytes.TrimRight(data, " \t\r\n"))
		for n := 0; n < len(data); n += step {
			one := []Input{{Name: inputs[i].Name, Data: data[:n]}}
			if c.Answers {
				one = slices.Clone(inputs)
				one[i].Data = data[:n]
			}
			o := c.collect(t, one)
			if n < end && jsonLike(data) && o.Whole {
				t.Errorf("%s cut off at byte %d of %d passes for whole", inputs[i].Name, n, len(data))
			}
			if t.Failed() {
				t.Fatalf("with %s cut off at byte %d", inputs[i].Name, n)
			}
		}
		lines := bytes.SplitAfter(data, []byte("\n"))
		for n := 0; n < len(lines); n += c.Step {
			without := slices.Clone(inputs)
			without[i].Data = bytes.Join(slices.Delete(slices.Clone(lines), n, n+1), nil)
			c.collect(t, without)
			if t.Failed() {
				t.Fatalf("with line %d of %s left out", n+1, inputs[i].Name)
			}
		}
	}
}

func jsonLike(data []byte) bool {
	start := bytes.TrimLeft(data, "\ufeff \t\r\n")
	return len(start) > 0 && (start[0] == '{' || start[0] == '[') && json.Valid(bytes.TrimPrefix(data, []byte("\ufeff")))
}

// Imported adapts the Import function of a source of files.
func Imported(run Import) func(t testing.TB, inputs []Input) Outcome {
	return func(t testing.TB, inputs []Input) Outcome {
		t.Helper()
		r := run(inputs, Options(t, "s"))
		checkReports(t, &r)
		return outcome(t, &r)
	}
}

func outcome(t testing.TB, r *importer.Result) Outcome {
	t.Helper()
	o := Outcome{Site: r.Site, Whole: r.Status() == importer.Understood, Said: []any{r}}
	for i := range r.Files {
		o.Problems = append(o.Problems, r.Files[i].Problems...)
	}
	return o
}

// CheckImport holds one import against the contract.
func CheckImport(t testing.TB, r *importer.Result) {
	t.Helper()
	checkReports(t, r)
	o := outcome(t, r)
	check(t, &o, false)
}

// Base is a source as the planner's agent takes one.
type Base interface {
	Collect(ctx context.Context) (*inventory.Site, []inventory.Source, error)
}

// Collected is the outcome of one collection of a live source. logs are what it wrote meanwhile.
func Collected(ctx context.Context, source Base, logs ...any) Outcome {
	site, sources, err := source.Collect(ctx)
	o := Outcome{Site: site, Sources: sources, Whole: err == nil, Said: logs}
	for i := range sources {
		if sources[i].Status != inventory.SourceOK {
			o.Whole = false
		}
	}
	if err != nil {
		o.Said = append(o.Said, err.Error())
		if site == nil {
			o.Problems = []document.Problem{{What: err.Error()}}
		}
	}
	return o
}
