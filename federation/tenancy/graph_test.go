package tenancy

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

func site(id, hub string, endpoints ...string) *inventory.Site {
	s := &inventory.Site{Site: inventory.Identity{ID: id, Hub: hub}}
	for i, e := range endpoints {
		s.Infrastructure = append(s.Infrastructure, inventory.Infrastructure{
			ID: string(rune('a' + i)), Kind: inventory.KindDatabase, Identity: inventory.ResourceIdentity{Endpoint: e},
		})
	}
	return s
}

// TestGraphEqualsOneBuiltAnew: however sites change, the graph is what a new one over their last states would be.
func TestGraphEqualsOneBuiltAnew(t *testing.T) {
	endpoints := []string{"db1.corp.example:5432", "db2.corp.example:5432", "db3.corp.example:5432"}
	rapid.Check(t, func(t *rapid.T) {
		g := New()
		last := map[string]*inventory.Site{}
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "site")
			s := site(id, rapid.SampledFrom([]string{"", "hq", "hq2"}).Draw(t, "hub"),
				rapid.SliceOfN(rapid.SampledFrom(endpoints), 0, 3).Draw(t, "endpoints")...)
			g.Set(s)
			last[id] = s
		}
		fresh := New()
		for _, s := range last {
			fresh.Set(s)
		}
		for _, e := range endpoints {
			for _, k := range tenancy.KeysOf("x", &site("x", "", e).Infrastructure[0]) {
				if got, want := g.Sites(k), fresh.Sites(k); !slices.Equal(got, want) {
					t.Fatalf("sites of %s: %v, want %v", k, got, want)
				}
			}
		}
		for _, hub := range []string{"hq", "hq2"} {
			if got, want := g.Spokes(hub), fresh.Spokes(hub); !slices.Equal(got, want) {
				t.Fatalf("spokes of %s: %v, want %v", hub, got, want)
			}
		}
		if len(g.sites) != len(fresh.sites) || len(g.spokes) != len(fresh.spokes) {
			t.Fatalf("%d keys and %d hubs are kept, want %d and %d", len(g.sites), len(g.spokes), len(fresh.sites), len(fresh.spokes))
		}
	})
}
