package assess_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// recorded is what one engine made of one corpus.
type recorded struct {
	Corpus  string `json:"corpus"`  // hash of the inventories
	Engine  string `json:"engine"`  // Engine.Hash, which covers the reasoning
	Results string `json:"results"` // hash of their assessments, the engine's hash in them apart
}

// TestEqualHashesMeanEqualAssessments holds what Engine.Hash promises. Results that change for the same inventories under the same
// hash would make replicas of two versions publish different assessments under one identity, and leave stored ones unjudged.
func TestEqualHashesMeanEqualAssessments(t *testing.T) {
	const path = "testdata/reasoning.golden.json"
	e := engine(t)
	got := map[string]recorded{
		"sample federation":    record(t, e, all(sample(t, e))),
		"reference and ruined": record(t, e, instances(t, e)),
	}
	var want map[string]recorded
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &want)
	}
	if err != nil && !*update {
		t.Fatal(err)
	}
	stale := false
	for name, g := range got {
		switch w := want[name]; {
		case g == w:
		case g.Corpus == w.Corpus && g.Engine == w.Engine:
			t.Errorf("the assessments of the %s changed and Engine.Hash did not: raise the constant reasoning in engine.go, then run with -update", name)
		default:
			stale = true
		}
	}
	switch {
	case t.Failed() || !stale:
	case !*update:
		t.Errorf("%s is of other inventories or another engine; run with -update", path)
	default:
		data, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func record(t testing.TB, e *assess.Engine, sites []*inventory.Site) recorded {
	t.Helper()
	corpus, results := sha256.New(), sha256.New()
	for _, a := range e.Sites(sites, assess.View{At: at, All: true}) {
		a.RulePack = assess.RulePack{}
		results.Write([]byte(text(t, a)))
		corpus.Write([]byte(a.Inventories[0].Revision))
	}
	return recorded{Corpus: hex.EncodeToString(corpus.Sum(nil)[:16]), Engine: e.Hash(policy.Default()), Results: hex.EncodeToString(results.Sum(nil)[:16])}
}

// instances are sites of every architecture with every database it allows: as the catalogue builds them, and with the last node
// of each part gone, under demands and objectives that differ from site to site.
func instances(t testing.TB, e *assess.Engine) []*inventory.Site {
	t.Helper()
	var out []*inventory.Site
	needs := []inventory.Need{inventory.Required, inventory.Preferred, inventory.NotNeeded, ""}
	for _, a := range e.Catalog.Architectures() {
		for _, d := range a.Databases {
			for _, ruined := range []bool{false, true} {
				n := len(out)
				p := a.NewPlan(catalog.Demand{ConnectionServers: 1, FoundationNodes: 1})
				p.Site = inventory.Identity{ID: fmt.Sprintf("site-%02d", n), Country: "DE"}
				p.Engine, p.Mode, p.Version, p.ObservedAt = d.Engine, a.BestMode(d.Engine), "9.4.1", at.Add(-time.Hour)
				p.Timeseries = a.Timeseries[n%len(a.Timeseries)]
				if len(a.Ignite) > 0 {
					p.Ignite = a.Ignite[n%len(a.Ignite)]
				}
				if d.Engine.Managed() || n%3 == 0 {
					p.Hosting, p.Provider, p.Region, p.Zone, p.StandbyZone = inventory.HostingAzure, "azure", "westeurope", "1", "2"
				}
				p.Workload = &inventory.Workload{Things: []inventory.ThingGroup{{
					Count: 2000 << (n % 8), Properties: []inventory.PropertyGroup{{Count: 5, Every: inventory.Duration(30 * time.Second)}},
				}}}
				p.Objectives = &inventory.Objectives{HighAvailability: needs[n%len(needs)], Availability: 0.99}
				p.Recount()
				s := catalog.Generate(p)
				if ruined {
					ruin(s)
				}
				out = append(out, inventory.Normalise(s, e.Regions))
			}
		}
	}
	return out
}

func ruin(s *inventory.Site) {
	less := func(nodes *[]inventory.Node) {
		if len(*nodes) > 1 {
			*nodes = (*nodes)[:len(*nodes)-1]
		}
	}
	for i := range s.Clusters[0].Components {
		less(&s.Clusters[0].Components[i].Nodes)
	}
	for i := range s.Infrastructure {
		inf := &s.Infrastructure[i]
		less(&inf.Nodes)
		less(&inf.PgPool)
		if inf.Kind == inventory.KindDatabase {
			inf.Placement.Region = "northeurope"
		}
	}
}
