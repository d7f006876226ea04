package azure

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/[prt]*/*.json")
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
	f.Fuzz(func(t *testing.T, data []byte) {
		r := Import([]importer.File{{Name: "fuzz", Data: data}}, options(t, "s"))
		sourcetest.CheckImport(t, &r)
	})
}
