package azure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// FuzzImport holds for any bytes: no panic, one report with a status, a reason for every refusal, classes that add up,
// and a document that the strict reader accepts.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/plant/*")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"parameters":{},"responses":{"200":{"body":{"value":[]}}}}`))
	table := regions(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := Import([]importer.File{{Name: "fuzz", Data: data}}, importer.Options{Site: "s", At: at(), Regions: table})
		rep := r.Files[0]
		if rep.Status == importer.Refused && (len(rep.Problems) == 0 || rep.Kind == "") {
			t.Errorf("refused without a reason: %+v", rep)
		}
		sum := 0
		for _, n := range rep.Types {
			sum += n.Count
		}
		if sum != rep.Resources {
			t.Errorf("%d resources, %d in classes", rep.Resources, sum)
		}
		if r.Site == nil {
			return
		}
		text, err := json.Marshal(r.Site)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := inventory.Parse("fuzz", text, table); err != nil {
			t.Errorf("invalid document: %v\n%s", err, text)
		}
	})
}

// A megabyte of the worst shapes stays below a second and a hundred megabytes.
func TestLimits(t *testing.T) {
	const size = 1 << 20
	row := `{"id":"/subscriptions/0a1b2c3d-1111-2222-3333-444455556666/resourceGroups/thingworx/providers/Microsoft.Compute/virtualMachines/twx-#","type":"Microsoft.Compute/virtualMachines","location":"nowhere"},`
	var rows strings.Builder
	for i := 0; rows.Len() < size; i++ {
		rows.WriteString(strings.Replace(row, "#", string(rune('a'+i%26))+strings.Repeat("x", i%40), 1))
	}
	for name, text := range map[string]string{
		"scalars":      "[" + strings.Repeat("1,", size/2) + "1]",
		"empty lists":  "[" + strings.Repeat("[],", size/3) + "[]]",
		"objects":      "[" + strings.Repeat(`{"a":1},`, size/8) + "{}]",
		"open lists":   strings.Repeat("[", size),
		"one object":   "{" + strings.Repeat(`"a":1,`, size/6) + `"b":1}`,
		"machines":     "[" + strings.TrimSuffix(rows.String(), ",") + "]",
		"long text":    `{"id":"` + strings.Repeat("/providers/a.b", size/14) + `"}`,
		"table":        "Name  Location  PowerState\n----  --------  ----------\n" + strings.Repeat("a  b  c  d\n", size/11),
		"table, wide":  strings.Repeat("a  ", size/6) + "\n" + strings.Repeat("-  ", size/6) + "\n",
		"blanks":       strings.Repeat(" ", size),
		"one long row": "Name  Location  PowerState\n----  --------  ----------\n" + strings.Repeat("a  ", size/3),
	} {
		t.Run(name, func(t *testing.T) {
			// The best counts, because other work on the machine only ever makes it slower.
			best, held := time.Hour, int64(0)
			for range tries {
				took, bytes := measure(t, text)
				best, held = min(best, took), max(held, bytes)
			}
			t.Logf("%v, holds %d MB", best, held>>20)
			if best > limit {
				t.Errorf("took %v", best)
			}
			if held > 100<<20 {
				t.Errorf("holds %d MB", held>>20)
			}
		})
	}
}

// measure imports once and returns the time taken and the memory that the result holds.
func measure(t *testing.T, text string) (time.Duration, int64) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	r := Import([]importer.File{{Name: "big", Data: []byte(text)}}, options(t, "s"))
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(r)
	return took, int64(after.HeapAlloc) - int64(before.HeapAlloc)
}
