package sourcetest

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Size is that of the hostile texts.
const Size = 1 << 20

// Text is a hostile input of any size: Head, then Row as often as it fits, then Tail. {#} in a Row is its number.
type Text struct{ Head, Row, Tail string }

// Of returns the text with at most size bytes.
func (x Text) Of(size int) string {
	var b strings.Builder
	b.WriteString(x.Head)
	for n := 0; ; n++ {
		row := strings.ReplaceAll(x.Row, "{#}", strconv.Itoa(n))
		if b.Len()+len(row)+len(x.Tail) > size {
			return b.String() + x.Tail
		}
		b.WriteString(row)
	}
}

// hostile are shapes that the parsers of all formats meet.
func hostile() map[string]Text {
	return map[string]Text{
		"open lists":      {Row: "["},
		"open objects":    {Row: `{"a":`},
		"deep":            {Row: "[", Tail: "]"},
		"scalars":         {Head: "[", Row: "1,", Tail: "1]"},
		"empty lists":     {Head: "[", Row: "[],", Tail: "1]"},
		"empty objects":   {Head: "[", Row: "{},", Tail: "1]"},
		"one key":         {Head: "{", Row: `"a":1,`, Tail: `"b":1}`},
		"huge number":     {Head: `{"version":`, Row: "9", Tail: "}"},
		"long text":       {Head: `{"id":"`, Row: "/providers/a.b", Tail: `"}`},
		"escapes":         {Head: `{"id":"`, Row: `\u00e9`, Tail: `"}`},
		"quotes":          {Row: "\"a\n"},
		"one long line":   {Row: "a b  "},
		"blanks":          {Row: " "},
		"lines":           {Row: "\n"},
		"lines of a word": {Row: "a\n"},
		"settings":        {Row: "a=b\n"},
		"expressions":     {Row: "${A:-${B}} "},
		"comments":        {Row: "# a\n"},
		"YAML keys":       {Row: "a: b\n"},
		"YAML items":      {Row: "- a\n"},
		"YAML nested":     {Row: "- - - - \n"},
		"YAML documents":  {Row: "---\na: 1\n"},
		"YAML anchors":    {Head: "a: &a [1]\nb:\n", Row: "- *a\n"},
		"YAML bomb":       {Head: "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh:\n", Row: "- *g\n"},
		"XML open":        {Head: "<beans>", Row: "<a b=\"c\">"},
		"zero bytes":      {Row: "\x00"},
		"no UTF-8":        {Row: "\xff"},
	}
}

// Limits of one input of Size bytes, in the processor time of the whole process and in memory at its highest.
const (
	maxTime   = slower * time.Second
	maxMemory = 100 << 20
)

// enough is so little that how it grows does not matter.
const enough = 150 * time.Millisecond

// limits measures in a process of its own, whose heap has never been larger than for this.
func (c *Contract) limits(t *testing.T) {
	t.Helper()
	if len(c.Names) == 0 && len(c.Hostile) == 0 {
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root, _, _ := strings.Cut(t.Name(), "/")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, program, "-test.run=^"+root+"$", "-test.v")
	child.Env = append(os.Environ(), limitsChild+"=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), measured) {
		t.Errorf("nothing was measured:\n%s", out)
	}
	t.Logf("%s", out)
}

const measured = "processor time for a megabyte"

func (c *Contract) measure(t *testing.T) {
	t.Helper()
	texts := maps.Clone(c.Hostile)
	if texts == nil {
		texts = map[string]Text{}
	}
	names := map[string]string{}
	for name := range texts {
		names[name] = name
	}
	for _, name := range c.Names {
		for shape, text := range hostile() {
			texts[name+", "+shape], names[name+", "+shape] = text, name
		}
	}
	debug.SetGCPercent(50)
	c.Collect(t, []Input{{Name: "small", Data: []byte("x")}}) // what is made once is made now
	runtime.GC()
	var base runtime.MemStats
	runtime.ReadMemStats(&base)
	debug.SetMemoryLimit(int64(base.Sys) + maxMemory*9/10)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		input := func(size int) []Input {
			return []Input{{Name: names[name], Data: []byte(texts[name].Of(size))}}
		}
		whole, half := c.work(t, input(Size)), time.Duration(0)
		if whole > slower*enough {
			half = c.work(t, input(Size/2))
		}
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		peak := int64(now.HeapSys) - int64(base.HeapInuse)
		t.Logf("%s: %v %s, %v for half, highest heap so far %d MB", name, whole, measured, half, peak>>20)
		if whole > maxTime {
			t.Errorf("%s: %v of processor time, more than %v", name, whole, maxTime)
		}
		// Four times the work for twice the input is what a search through all that came before costs.
		if half > 0 && whole > 3*half {
			t.Errorf("%s: %v, and %v for half of it: the work grows faster than the input", name, whole, half)
		}
		if peak > maxMemory {
			t.Fatalf("%s: the heap was %d MB", name, peak>>20)
		}
	}
}

// work is the processor time of one collection; the least of three counts, because other work on the machine only ever
// adds to it.
func (c *Contract) work(t *testing.T, inputs []Input) time.Duration {
	t.Helper()
	least := time.Hour
	for range 3 {
		runtime.GC()
		before := processorTime(t)
		c.Collect(t, inputs)
		took := processorTime(t) - before
		if least = min(least, took); least < slower*enough {
			break
		}
	}
	return least
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
