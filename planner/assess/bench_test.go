package assess_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// demo reads the sample federation, normalised.
func demo(b *testing.B, e *assess.Engine) []*inventory.Site {
	b.Helper()
	paths, err := filepath.Glob("../../deployments/demo/*.yaml")
	if err != nil || len(paths) == 0 {
		b.Fatalf("no sample federation: %v", err)
	}
	sites := make([]*inventory.Site, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		s, err := inventory.Parse(path, text, e.Regions)
		if err != nil {
			b.Fatal(err)
		}
		sites[i] = inventory.Normalise(s, e.Regions)
	}
	return sites
}

// BenchmarkSite judges the sites of the sample federation in turn, as the hub does it: revision and hash are known. decode
// is the yardstick: the same documents from JSON.
func BenchmarkSite(b *testing.B) {
	engine, err := assess.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	sites := demo(b, engine)
	documents, revisions := make([][]byte, len(sites)), make([]string, len(sites))
	for i, s := range sites {
		revisions[i] = inventory.Revision(s)
		if documents[i], err = inventory.Canonical(s); err != nil {
			b.Fatal(err)
		}
	}
	pol := policy.Default()
	hash := engine.Hash(pol)
	each := func(b *testing.B, do func(i int)) {
		b.Helper()
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			do(i)
			if i++; i == len(sites) {
				i = 0
			}
		}
	}
	b.Run("decode", func(b *testing.B) {
		each(b, func(i int) {
			var s inventory.Site
			if err := json.Unmarshal(documents[i], &s); err != nil {
				b.Fatal(err)
			}
		})
	})
	for _, c := range []struct {
		name       string
		without    bool
		neighbours bool
	}{{"verdicts", true, false}, {"verdicts/neighbours=all", true, true}, {"recommendation", false, false}} {
		b.Run(c.name, func(b *testing.B) {
			each(b, func(i int) {
				v := assess.View{Site: sites[i], Revision: revisions[i], Policy: pol, PackHash: hash, At: sites[i].ObservedAt.Add(time.Hour), WithoutRecommendation: c.without}
				if c.neighbours {
					v.Neighbours = append(append(v.Neighbours, sites[:i]...), sites[i+1:]...)
				}
				if a := engine.Site(v); len(a.Clusters) != len(sites[i].Clusters) {
					b.Fatal("clusters are missing")
				}
			})
		})
	}
}

// BenchmarkSites judges the sample federation together, as assess does offline.
func BenchmarkSites(b *testing.B) {
	engine, err := assess.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	sites := demo(b, engine)
	b.ReportAllocs()
	for b.Loop() {
		engine.Sites(sites, assess.View{At: sites[0].ObservedAt.Add(time.Hour), WithoutRecommendation: true})
	}
}
