package recommend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// engine holds the data all tests share.
type engine struct {
	catalog *catalog.Catalog
	sizes   *sizing.Pack
	regions *geo.Table
	rules   *rules.Pack
}

func builtin(t testing.TB) *engine {
	t.Helper()
	cat, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := sizing.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return &engine{cat, sizes, regions, rules.Builtin()}
}

// input prepares the first cluster of a site as assess does.
func (e *engine) input(s *inventory.Site) Input {
	c := &s.Clusters[0]
	size := sizing.InSite(s, c, e.sizes)
	return Input{
		Site: s, Cluster: c, Sizing: size, Recognised: recognise.Cluster(s, c, size, false, e.catalog),
		Catalog: e.catalog, Sizes: e.sizes, Policy: policy.Default(), Regions: e.regions, Rules: e.rules,
	}
}

func (e *engine) read(t testing.TB, path string) *inventory.Site {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := inventory.Parse(filepath.Base(path), data, e.regions)
	if err != nil {
		t.Fatal(err)
	}
	return inventory.Normalise(s, e.regions)
}

// situations returns the inputs of testdata by name.
func (e *engine) situations(t testing.TB) map[string]Input {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 7 {
		t.Fatalf("found %d situations: %v", len(files), err)
	}
	out := map[string]Input{}
	for _, f := range files {
		out[strings.TrimSuffix(filepath.Base(f), ".yaml")] = e.input(e.read(t, f))
	}
	return out
}
