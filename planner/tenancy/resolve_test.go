package tenancy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

func infrastructure(id string, kind inventory.InfrastructureKind, endpoint, region string) inventory.Infrastructure {
	return inventory.Infrastructure{
		ID: id, Kind: kind, Identity: inventory.ResourceIdentity{Endpoint: endpoint}, Placement: inventory.Placement{Provider: "on-premise", Region: region},
	}
}

func site(id, region string, infra ...inventory.Infrastructure) *inventory.Site {
	c := inventory.Cluster{ID: "prod", Components: []inventory.Component{{
		Kind: inventory.Foundation, Nodes: []inventory.Node{{Name: "n", Placement: inventory.Placement{Provider: "on-premise", Region: region}}},
	}}}
	for _, i := range infra {
		c.Uses = append(c.Uses, inventory.Use{Infrastructure: i.ID, As: inventory.UseAs(i.Kind)})
	}
	return &inventory.Site{Site: inventory.Identity{ID: id}, Clusters: []inventory.Cluster{c}, Infrastructure: infra}
}

func TestResolve(t *testing.T) {
	ber := site("ber", "ber-dc", infrastructure("zk", inventory.KindZooKeeper, "zk1.corp.example,zk2.corp.example,zk3.corp.example", "ber-dc"),
		infrastructure("nas", inventory.KindStorage, "nas.corp.example:/export", "ber-dc"))
	ham := site("ham", "ham-dc", infrastructure("central", inventory.KindZooKeeper, "zk3.corp.example:2181,zk1.corp.example:2181/chroot", ""),
		infrastructure("db", inventory.KindDatabase, "nas.corp.example", "ham-dc"))
	got := tenancy.Resolve([]*inventory.Site{ham, ber})
	want := []tenancy.Shared{
		{Infrastructure: "ber/nas", Kind: "storage", Tenants: []string{"ber/prod"}, Regions: []string{"ber-dc"}},
		{Infrastructure: "ber/zk", Aliases: []string{"ham/central"}, Kind: "zookeeper", Tenants: []string{"ber/prod", "ham/prod"}, Regions: []string{"ber-dc", "ham-dc"}},
		{Infrastructure: "ham/db", Kind: "database", Tenants: []string{"ham/prod"}, Regions: []string{"ham-dc"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("resolved (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want[1:], tenancy.Of(ham, []*inventory.Site{ber})); d != "" {
		t.Errorf("of Hamburg (-want +got):\n%s", d)
	}
}

// TestLaws: the result does not depend on the order of the sites, each spelling is in exactly one infrastructure, and
// what one site sees with its related sites is what all sites together show of it.
func TestLaws(t *testing.T) {
	endpoints := []string{"a.corp.example", "b.corp.example", "a.corp.example,b.corp.example", "c.corp.example", "local", "10.0.0.1"}
	rapid.Check(t, func(t *rapid.T) {
		var sites []*inventory.Site
		spellings := 0
		for _, id := range []string{"a", "a-b", "b", "c"} {
			var infra []inventory.Infrastructure
			for i, e := range rapid.SliceOfN(rapid.SampledFrom(endpoints), 0, 3).Draw(t, id) {
				infra = append(infra, infrastructure(string(rune('x'+i)), inventory.KindZooKeeper, e, ""))
			}
			spellings += len(infra)
			sites = append(sites, site(id, id, infra...))
		}
		all := tenancy.Resolve(sites)
		shuffled := rapid.Permutation(sites).Draw(t, "order")
		if d := cmp.Diff(all, tenancy.Resolve(shuffled)); d != "" {
			t.Fatalf("the order of the sites matters:\n%s", d)
		}
		seen := map[string]bool{}
		for _, s := range all {
			for _, name := range append([]string{s.Infrastructure}, s.Aliases...) {
				if seen[name] {
					t.Fatalf("%s is in two infrastructures", name)
				}
				seen[name] = true
			}
		}
		byKey := func(k tenancy.Key) []string {
			var ids []string
			for _, s := range sites {
				for i := range s.Infrastructure {
					if slices.Contains(tenancy.KeysOf(s.Site.ID, &s.Infrastructure[i]), k) {
						ids = append(ids, s.Site.ID)
					}
				}
			}
			return ids
		}
		bySite := func(id string) (*inventory.Site, bool) {
			i := slices.IndexFunc(sites, func(s *inventory.Site) bool { return s.Site.ID == id })
			return sites[i], true
		}
		for _, s := range sites {
			var neighbours []*inventory.Site
			for _, id := range tenancy.Related(s, byKey, bySite) {
				n, _ := bySite(id)
				neighbours = append(neighbours, n)
			}
			own := slices.DeleteFunc(slices.Clone(all), func(x tenancy.Shared) bool {
				return !slices.ContainsFunc(append([]string{x.Infrastructure}, x.Aliases...), func(n string) bool { return strings.HasPrefix(n, s.Site.ID+"/") })
			})
			if d := cmp.Diff(own, tenancy.Of(s, neighbours), cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("%s sees something else with its related sites than all show (-all +own):\n%s", s.Site.ID, d)
			}
		}
		if len(seen) != spellings {
			t.Fatalf("%d of %d spellings are left", len(seen), spellings)
		}
	})
}

// TestNameAndAddress: a site that lists a name and an address of one thing links them for all; a private address links within its site only.
func TestNameAndAddress(t *testing.T) {
	db := func(id, endpoint string, addresses ...string) inventory.Infrastructure {
		i := infrastructure(id, inventory.KindDatabase, endpoint, "")
		i.Engine, i.Identity.Addresses = inventory.EnginePostgreSQL, addresses
		return i
	}
	name, address := site("a", "r", db("x", "PG.corp.example.")), site("b", "r", db("y", "jdbc:postgresql://192.0.2.7:5432/twx"))
	for _, c := range []struct {
		what  string
		third *inventory.Site
		want  int
	}{
		{"nobody lists both", site("c", "r"), 2},
		{"a third lists both", site("c", "r", db("z", "pg.corp.example", "192.0.2.7")), 1},
		{"a third lists both as a cluster of servers", site("c", "r", db("z", "jdbc:postgresql://192.0.2.7,pg.corp.example/t")), 1},
		{"another port of the address", site("c", "r", db("z", "pg.corp.example", "192.0.2.7:6432")), 2},
		{"a private address", site("c", "r", db("z", "pg.corp.example", "10.0.0.7")), 2},
	} {
		if got := tenancy.Resolve([]*inventory.Site{name, address, c.third}); len(got) != c.want {
			t.Errorf("%s: %d infrastructures, want %d: %+v", c.what, len(got), c.want, got)
		}
	}
	private := site("d", "r", db("x", "10.0.0.7"))
	both := site("c", "r", db("z", "pg.corp.example", "10.0.0.7"), db("w", "10.0.0.7"))
	if got := tenancy.Resolve([]*inventory.Site{both, private}); len(got) != 2 || len(got[0].Aliases) != 1 {
		t.Errorf("a private address is one thing in its site and nothing elsewhere: %+v", got)
	}
}
