package file

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func TestContract(t *testing.T) {
	dir := t.TempDir()
	n := 0
	sourcetest.Run(t, sourcetest.Contract{
		Collect: func(t testing.TB, inputs []sourcetest.Input) sourcetest.Outcome {
			t.Helper()
			var paths []string
			for _, in := range inputs {
				n++
				paths = append(paths, write(t, filepath.Join(dir, fmt.Sprint(n), filepath.FromSlash(in.Name)), string(in.Data)))
			}
			r := Read(sourcetest.Regions(t), paths...)
			o := sourcetest.Outcome{Whole: r.Err() == nil}
			if r.Err() != nil {
				o.Said = append(o.Said, r.Err().Error())
			}
			for _, d := range r.Documents {
				o.Problems = append(o.Problems, d.Problems...)
			}
			if sites := r.Sites(); len(sites) > 0 {
				o.Site = inventory.Normalise(sites[0], sourcetest.Regions(t))
			}
			return o
		},
		Fixtures: map[string][]sourcetest.Input{"site": sourcetest.Folder(t, "testdata/sites")},
		Written:  true,
		Answers:  true,
		Names:    []string{"site.yaml", "site.json"},
	})
}
