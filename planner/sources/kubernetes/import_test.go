package kubernetes_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/sources/hostconfig/sourcetest"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/kubernetes"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestPlant(t *testing.T) {
	files := sourcetest.Folder(t, "testdata/plant")
	r := kubernetes.Import(files, sourcetest.Options(t, "plant"))
	sourcetest.Check(t, &r)
	sourcetest.Golden(t, "testdata/plant.golden.json", sourcetest.JSON(t, r), *update)
	sourcetest.Repeatable(t, files, kubernetes.Import)
}

func TestPlantedSecrets(t *testing.T) {
	sourcetest.Plant(t, sourcetest.Folder(t, "testdata/plant"), kubernetes.Import, true)
}

func TestCutOff(t *testing.T) {
	sourcetest.Cut(t, sourcetest.Folder(t, "testdata/plant"), kubernetes.Import)
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
		sourcetest.Check(t, &r)
	})
}
