// Package sourcetest holds what every source of deployments must satisfy: each file has a report with a reason, the
// document is valid, no planted secret gets out whatever is planted, an import is repeatable, and a megabyte of the worst
// shapes stays within a second and a hundred megabytes. Tests of the sources call it; nothing else does.
package sourcetest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Secret is what fixtures hold in every place of a secret.
const Secret = "S3CR3T"

// Import is the Import function of a source.
type Import func(files []importer.File, opts importer.Options) importer.Result

// table is parsed once, which takes longer than an import.
var table = sync.OnceValues(geo.Builtin)

// Options are those of an import at a fixed instant.
func Options(t testing.TB, site string) importer.Options {
	t.Helper()
	regions, err := table()
	if err != nil {
		t.Fatal(err)
	}
	return importer.Options{Site: site, At: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Regions: regions}
}

// Folder collects the files of a folder under names relative to it.
func Folder(t testing.TB, folder string) []importer.File {
	t.Helper()
	files, err := importer.Collect([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		rel, err := filepath.Rel(folder, files[i].Name)
		if err != nil {
			t.Fatal(err)
		}
		files[i].Name = filepath.ToSlash(rel)
	}
	return files
}

// Corpus collects a folder of the real files that MERIDIAN_CORPUS points at.
func Corpus(t *testing.T, folder string) []importer.File {
	t.Helper()
	root := os.Getenv("MERIDIAN_CORPUS")
	if root == "" {
		t.Skip("MERIDIAN_CORPUS names no folder with data/")
	}
	return Folder(t, filepath.Join(root, "data", folder))
}

// JSON is a value as text.
func JSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Check holds for every import: reports with kind, status and reason, classes that add up, a valid document, nothing of
// a secret anywhere, and no source that says ok of a file that was not understood.
func Check(t testing.TB, r *importer.Result) {
	t.Helper()
	for i := range r.Files {
		f := &r.Files[i]
		if f.Kind == "" || f.Status == "" {
			t.Errorf("%s: status %q, kind %q", f.Path, f.Status, f.Kind)
		}
		if f.Status != importer.Understood && len(f.Problems) == 0 {
			t.Errorf("%s: %s without a reason", f.Path, f.Status)
		}
		sum := 0
		for _, n := range f.Types {
			sum += n.Count
		}
		if sum != f.Resources {
			t.Errorf("%s: %d resources, %d in classes", f.Path, f.Resources, sum)
		}
		for _, p := range f.Problems {
			if p.File != f.Path || p.What == "" {
				t.Errorf("a problem without its file: %+v", p)
			}
		}
	}
	text := JSON(t, r)
	if at := strings.Index(text, Secret); at >= 0 {
		t.Errorf("a secret got out: %s", text[max(0, at-200):min(len(text), at+60)])
	}
	if r.Site == nil {
		return
	}
	data, err := json.Marshal(r.Site)
	if err != nil {
		t.Fatal(err)
	}
	regions, err := table()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inventory.Parse("imported.json", data, regions); err != nil {
		t.Errorf("the document is not valid: %v\n%s", err, data)
	}
	if r.Status() == importer.Understood {
		return
	}
	for _, s := range r.Site.Sources {
		if s.Status != inventory.SourceOK && s.Detail == "" {
			t.Errorf("source %s is %s without a detail", s.Name, s.Status)
		}
	}
}

var word = regexp.MustCompile(`[A-Za-z0-9_./\\-]{2,}`)

// Plant puts a secret in the place of every single word of every file, one at a time, and checks each import: whatever
// field holds a secret, nothing of it gets out. The secret is no name, as passwords seldom are. With ids, names that
// become ids in the document (of a project, of an object) may come out in the spelling of ids.
func Plant(t *testing.T, files []importer.File, run Import, ids bool) {
	t.Helper()
	for i := range files {
		data := files[i].Data
		for _, at := range word.FindAllIndex(data, -1) {
			changed := append([]importer.File(nil), files...)
			text := string(data[:at[0]]) + Secret + "!x%" + string(data[at[1]:])
			changed[i].Data = []byte(text)
			r := run(changed, Options(t, "s"))
			Check(t, &r)
			if !ids && strings.Contains(JSON(t, r), strings.ToLower(Secret)) {
				t.Errorf("a secret got out in small letters: %s", JSON(t, r))
			}
			if t.Failed() {
				t.Fatalf("with a secret in the place of %q in %s", data[at[0]:at[1]], files[i].Name)
			}
		}
	}
}

// Cut imports every file cut off at many places, and with every line left out.
func Cut(t *testing.T, files []importer.File, run Import) {
	t.Helper()
	for i := range files {
		data := files[i].Data
		step := max(1, len(data)/97)
		for n := 0; n < len(data); n += step {
			r := run([]importer.File{{Name: files[i].Name, Data: data[:n]}}, Options(t, "s"))
			Check(t, &r)
		}
		lines := strings.SplitAfter(string(data), "\n")
		for n := range lines {
			text := strings.Join(lines[:n], "") + strings.Join(lines[n+1:], "")
			r := run([]importer.File{{Name: files[i].Name, Data: []byte(text)}}, Options(t, "s"))
			Check(t, &r)
		}
	}
}

// Repeatable imports twice and compares.
func Repeatable(t *testing.T, files []importer.File, run Import) {
	t.Helper()
	x, y := run(files, Options(t, "s")), run(files, Options(t, "s"))
	if diff := cmp.Diff(JSON(t, x), JSON(t, y)); diff != "" {
		t.Errorf("a second import differs:\n%s", diff)
	}
}

// Golden compares a text with a file, or rewrites the file.
func Golden(t *testing.T, name, got string, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// Summary is counts and our own words only, for golden files that must hold nothing of the corpus.
func Summary(r *importer.Result) string {
	var b strings.Builder
	counts := map[string]int{}
	for _, f := range r.Files {
		counts["status: "+string(f.Status)]++
		counts["kind: "+f.Kind+", "+string(f.Status)]++
		for _, c := range f.Types {
			counts["resource: "+c.Type+", "+string(c.Class)] += c.Count
		}
	}
	if r.Site != nil {
		for _, in := range r.Site.Infrastructure {
			counts["infrastructure: "+string(in.Kind)+" "+string(in.Engine)]++
			counts["infrastructure nodes: "+string(in.Kind)] += len(in.Nodes) + len(in.PgPool)
			if in.Placement.Region != "" {
				counts["infrastructure with a region"]++
			}
		}
		for i := range r.Site.Clusters {
			c := &r.Site.Clusters[i]
			counts["clusters"]++
			for _, x := range c.Components {
				counts["component: "+string(x.Kind)]++
				counts["nodes: "+string(x.Kind)] += len(x.Nodes)
			}
			for _, u := range c.Uses {
				counts["use: "+string(u.As)]++
			}
		}
	}
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	fmt.Fprintf(&b, "files %d, unassigned %d\n", len(r.Files), len(r.Unassigned))
	for _, k := range keys {
		fmt.Fprintf(&b, "%s: %d\n", strings.TrimSpace(k), counts[k])
	}
	return b.String()
}

// Size is that of the texts given to Limits.
const Size = 1 << 20

// Limits imports each text, which should have Size bytes, and holds time and memory against the limits.
func Limits(t *testing.T, run Import, texts map[string]string) {
	t.Helper()
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			best, held := time.Hour, uint64(0)
			for range tries {
				took, bytes := measure(t, run, name, text)
				best, held = min(best, took), max(held, bytes)
			}
			t.Logf("%v, %d MB", best, held>>20)
			if best > limit {
				t.Errorf("took %v", best)
			}
			if held > 100<<20 {
				t.Errorf("holds %d MB", held>>20)
			}
		})
	}
}

// measure returns the time of one import and the memory at its highest, as far as sampling sees it.
func measure(t *testing.T, run Import, name, text string) (time.Duration, uint64) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	opts := Options(t, "s")
	start := time.Now()
	r := run([]importer.File{{Name: name, Data: []byte(text)}}, opts)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(r)
	if after.HeapAlloc < before.HeapAlloc {
		return took, 0
	}
	return took, after.HeapAlloc - before.HeapAlloc
}
