package kubernetes_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/kubernetes"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestPlant(t *testing.T) {
	files := sourcetest.Folder(t, "testdata/plant")
	r := kubernetes.Import(files, sourcetest.Options(t, "plant"))
	sourcetest.CheckImport(t, &r)
	sourcetest.Golden(t, "testdata/plant.golden.json", sourcetest.JSON(t, r), *update)
}

func FuzzImport(f *testing.F) {
	for _, file := range sourcetest.Folder(f, "testdata/plant") {
		f.Add(file.Data)
		for part := range strings.SplitSeq(string(file.Data), "\n---\n") {
			f.Add([]byte(part))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = []byte(strings.ReplaceAll(string(data), sourcetest.Secret, "x"))
		r := kubernetes.Import([]importer.File{{Name: "fuzz.yaml", Data: data}}, sourcetest.Options(t, "s"))
		sourcetest.CheckImport(t, &r)
	})
}
