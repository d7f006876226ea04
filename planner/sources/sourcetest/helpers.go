package sourcetest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/sources/folder"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Import is the Import function of a source.
type Import func(files []importer.File, opts importer.Options) importer.Result

// table is parsed once, which takes longer than an import.
var table = sync.OnceValues(geo.Builtin)

// Regions is the built-in region table.
func Regions(t testing.TB) *geo.Table {
	t.Helper()
	regions, err := table()
	if err != nil {
		t.Fatal(err)
	}
	return regions
}

// Options are those of an import at a fixed instant.
func Options(t testing.TB, site string) importer.Options {
	t.Helper()
	return importer.Options{Site: site, At: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Regions: Regions(t)}
}

// Folder collects the files of a folder under names relative to it.
func Folder(t testing.TB, path string) []importer.File {
	t.Helper()
	files, err := folder.Collect([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		rel, err := filepath.Rel(path, files[i].Name)
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
