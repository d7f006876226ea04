package azure

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/folder"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func at() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }

// builtin parses the region table once, which takes longer than an import.
var builtin = sync.OnceValues(geo.Builtin)

func regions(t testing.TB) *geo.Table {
	t.Helper()
	table, err := builtin()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func options(t testing.TB, site string) importer.Options {
	return importer.Options{Site: site, At: at(), Regions: regions(t)}
}

// valid puts a document through the strict reader, as publishing it would.
func valid(t testing.TB, site *inventory.Site) {
	t.Helper()
	data, err := json.Marshal(site)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inventory.Parse("imported.json", data, regions(t)); err != nil {
		t.Errorf("the imported document is not valid: %v", err)
	}
}

// A whole plant: two clusters, one by names and one by tags, from eight shapes of export, with secrets planted in every
// place where exports have them.
func TestPlant(t *testing.T) {
	files, err := folder.Collect([]string{"testdata/plant"})
	if err != nil {
		t.Fatal(err)
	}
	result := Import(files, options(t, "plant-a"))
	if result.Status() != importer.Partial || result.ExitCode() != 3 {
		t.Errorf("status %s, exit code %d, want partial and 3", result.Status(), result.ExitCode())
	}
	valid(t, result.Site)
	for i := range result.Files {
		result.Files[i].Path = filepath.Base(result.Files[i].Path)
	}
	got, err := json.MarshalIndent(result, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, []byte("S3CR3T")) {
		t.Error("a planted secret is in the result")
	}
	got = append(bytes.ReplaceAll(got, []byte("testdata/plant/"), nil), '\n')
	golden := filepath.Join("testdata", "plant.golden.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the result differs (-want +got):\n%s", diff)
	}
	var table bytes.Buffer
	if err := importer.WriteDatabaseRegions(&table, importer.DatabaseRegions(&result)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "pg-plant-dr") {
		t.Errorf("the table has no replica:\n%s", table.String())
	}
}
