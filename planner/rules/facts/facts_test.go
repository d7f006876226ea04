package facts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		version    string
		yes, known bool // at least 9.5
	}{
		{"9.5", true, true},
		{"9.5.1", true, true},
		{"9.9", true, true},
		{"9.09", true, true},
		{"9.4.9", false, true},
		{"10.1.0-b12", true, true},
		{"v9.6", true, true},
		{"9", false, true},
		{"10", true, true},
		{" 9.7 ", true, true},
		{"", false, false},
		{"latest", false, false},
		{"9.x", false, false},
		{"9.", false, false},
	} {
		if yes, known := facts.AtLeast(c.version, 9, 5); yes && known != (c.yes && c.known) || known != c.known {
			t.Errorf("%q: %v %v", c.version, yes, known)
		}
	}
}

func TestAVersionOfOneNumberIsItsFirst(t *testing.T) {
	if major, minor, ok := facts.MajorMinor("9"); major != 9 || minor != 0 || !ok {
		t.Errorf("9 is %d.%d", major, minor)
	}
}

func zk(endpoint string, nodes ...inventory.Node) *inventory.Infrastructure {
	return &inventory.Infrastructure{Kind: inventory.KindZooKeeper, Identity: inventory.ResourceIdentity{Endpoint: endpoint}, Nodes: nodes}
}

func TestEnsemble(t *testing.T) {
	for _, c := range []struct {
		infra *inventory.Infrastructure
		n     int
		known bool
	}{
		{zk("a:2181,b:2181,c:2181"), 3, true},
		{zk("a:2181, b:2181/twx"), 2, true},
		{zk("a:2181,"), 1, false},
		{zk("a"), 1, false},
		{zk(""), 0, false},
		{zk("a,b,c", inventory.Node{Name: "a"}), 1, true},
	} {
		if n, known := facts.Ensemble(c.infra); n != c.n || known != c.known {
			t.Errorf("%q: %d %v", c.infra.Identity.Endpoint, n, known)
		}
	}
}

func TestPathsInZooKeeper(t *testing.T) {
	for _, c := range []struct {
		endpoint, namespace, version, ignite, separate string
		wantNamespace, wantIgnite                      string
	}{
		{"a,b", "/prod/", "9.6", "/ig", "", "prod", "ig"},
		{"a,b", "", "9.6", "", "", "", "services"},
		{"a,b", "", "9.2.8", "", "/own", "ThingWorx", "own"},
		{"a,b", "", "", "/services/", "", "", "services"},
		{"a,b/plant", "", "9.6", "", "", "plant", "plant/services"},
		{"a,b/plant/", "x", "9.6", "y", "", "plant/x", "plant/y"},
	} {
		cluster := &inventory.Cluster{ThingworxVersion: c.version, Components: []inventory.Component{{Kind: inventory.Foundation}, {Kind: inventory.Ignite, Mode: inventory.IgniteSeparate, BasePath: c.separate}}}
		tenant := &facts.Tenant{Cluster: cluster, Use: &inventory.Use{Namespace: c.namespace, IgniteBasePath: c.ignite}, Infra: zk(c.endpoint)}
		if got := facts.Namespace(tenant); got != c.wantNamespace {
			t.Errorf("namespace of %+v: %q", c, got)
		}
		if got := facts.IgnitePath(tenant); got != c.wantIgnite {
			t.Errorf("Ignite path of %+v: %q", c, got)
		}
	}
}

func TestDatabase(t *testing.T) {
	for _, c := range []struct{ use, endpoint, want string }{
		{"a", "jdbc:postgresql://h/b", "a"}, {"", "jdbc:postgresql://h:5432/b?ssl=true", "b"}, {"", "h:5432", ""}, {"", "jdbc:postgresql://h", ""},
	} {
		got := facts.Database(&facts.Tenant{Use: &inventory.Use{Database: c.use}, Infra: &inventory.Infrastructure{Identity: inventory.ResourceIdentity{Endpoint: c.endpoint}}})
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestPlacesOfNodes gives nodes the placement of their infrastructure where they have none of their own.
func TestPlacesOfNodes(t *testing.T) {
	of := func(p inventory.Placement) inventory.Placement {
		return facts.Of(&inventory.Infrastructure{
			Placement: inventory.Placement{Provider: "azure", Region: "westeurope", Zone: "1", PhysicalZone: "az1"},
			Nodes:     []inventory.Node{{Name: "n", Placement: p}},
		})[0].Placement
	}
	for _, c := range [][2]inventory.Placement{
		{{}, {Provider: "azure", Region: "westeurope", Zone: "1", PhysicalZone: "az1"}},
		{{Zone: "2"}, {Provider: "azure", Region: "westeurope", Zone: "2"}},
		{{Provider: "azure", Region: "northeurope"}, {Provider: "azure", Region: "northeurope"}},
	} {
		if diff := cmp.Diff(c[1], of(c[0])); diff != "" {
			t.Errorf("%+v: %s", c[0], diff)
		}
	}
}

func TestStoragePath(t *testing.T) {
	for _, c := range []struct{ path, endpoint, protocol, want string }{
		{"/export/a/", "nas:/export", "nfs", "/export/a"},
		{"/a", "nas:/export", "nfs", "/export/a"},
		{"a//b", "", "", "/a/b"},
		{"/export2", "nas:/export", "nfs", "/export/export2"},
		{`Data\A`, `\\NAS\Share`, "smb", "/share/data/a"},
		{`\Share\A`, "//nas/Share", "SMB", "/share/a"},
		{"/a", "nfs://nas/x", "nfs", "/x/a"},
		{"", "nas:/export", "nfs", ""},
		{"nas:/export/a", "nas:/export", "nfs", "/export/a"},
		{"nfs://nas/export/a/", "nas", "nfs", "/export/a"},
		{`\\nas\Share\A`, `\\NAS\Share`, "smb", "/share/a"},
		{`C:\ThingworxStorage`, "", "smb", "/c:/thingworxstorage"},
	} {
		got := facts.StoragePath(&facts.Tenant{Use: &inventory.Use{Path: c.path}, Infra: &inventory.Infrastructure{Protocol: c.protocol, Identity: inventory.ResourceIdentity{Endpoint: c.endpoint}}})
		if got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{"/a", "/a", true}, {"/a", "/a/b", true}, {"/a/b", "/a", true}, {"/a", "/ab", false}, {"/", "/x", true}, {"/a/b", "/a/c", false}} {
		if facts.Overlap(c.a, c.b) != c.want {
			t.Errorf("%s and %s", c.a, c.b)
		}
	}
}

func TestSKUs(t *testing.T) {
	for _, c := range []struct {
		sku         string
		cpu, memory float64
		connections int
	}{
		{"Standard_D2s_v3", 2, 8, 859},
		{"Standard_D4ds_v5", 4, 16, 1718},
		{"standard_d8ds_v5", 8, 32, 3437},
		{"D16ds_v5", 16, 64, 5000},
		{"Standard_D96ads_v5", 96, 384, 5000},
		{"Standard_E2ds_v5", 2, 16, 1718},
		{"Standard_E4ds_v5", 4, 32, 3437},
		{"Standard_E8ds_v5", 8, 64, 0},
		{"Standard_D48ds_v5", 48, 192, 5000},
		{"Standard_B1ms", 0, 0, 50},
		{"Standard_B2s", 0, 0, 429},
		{"Standard_B2ms", 0, 0, 859},
		{"Standard_B4ms", 0, 0, 0},
		{"GP_Standard_D4ds_v5", 4, 16, 1718},
		{"B_Standard_B1ms", 0, 0, 50},
		{"", 0, 0, 0},
		{"Standard_", 0, 0, 0},
		{"Dxl", 0, 0, 0},
	} {
		cpu, memory, _ := inventory.FlexibleCapacity(c.sku)
		connections, _ := facts.DefaultConnections(c.sku)
		if cpu != c.cpu || memory != c.memory || connections != c.connections {
			t.Errorf("%q: %v vCPU, %v GiB, %d connections", c.sku, cpu, memory, connections)
		}
	}
}

func table(t *testing.T) *geo.Table {
	t.Helper()
	g, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestRegions(t *testing.T) {
	place := func(name, provider, region string) facts.Place {
		return facts.Place{Name: name, Placement: inventory.Placement{Provider: provider, Region: region}}
	}
	regions, without := facts.RegionsOf([]facts.Place{place("a", "azure", "westeurope"), place("b", "azure", "northeurope"), place("c", "", "westeurope"), place("d", "azure", "")})
	if diff := cmp.Diff([]facts.Region{{Provider: "azure", Code: "northeurope"}, {Provider: "azure", Code: "westeurope"}}, regions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"d"}, without); diff != "" {
		t.Error(diff)
	}
	s := facts.New(&inventory.Site{Site: inventory.Identity{ID: "a", Country: "DE"}}, nil, nil, table(t))
	span, apart := s.Farthest([]facts.Region{{Provider: "azure", Code: "westeurope"}}, []facts.Region{{Provider: "azure", Code: "northeurope"}, {Provider: "azure", Code: "eastus"}, {Provider: "azure", Code: "westeurope"}})
	if !apart || span.To.Code != "eastus" || !span.Published || span.RoundTrip < 50*time.Millisecond {
		t.Errorf("farthest %+v", span)
	}
	if _, apart := s.Farthest([]facts.Region{{Code: "x"}}, []facts.Region{{Provider: "azure", Code: "X"}}); apart {
		t.Error("one region is apart from itself")
	}
	if g, ok := s.Geography(facts.Region{Provider: "on-premise", Code: "dc1"}); !ok || g != "Europe" {
		t.Errorf("geography of a data centre: %q", g)
	}
	if _, ok := s.Geography(facts.Region{Provider: "azure", Code: "nowhere"}); ok {
		t.Error("an unknown region has a geography")
	}
	if g, ok := s.Geography(facts.Region{Provider: "on-premise"}); !ok || g != "Europe" {
		t.Errorf("geography of a data centre without a name: %q", g)
	}
	if _, ok := s.Geography(facts.Region{Provider: "azure"}); ok {
		t.Error("no region has a geography")
	}
	if _, ok := s.Pair(facts.Region{Code: "westeurope"}); ok {
		t.Error("a region of no provider has a pair")
	}
	none := facts.New(s.Site, nil, nil, nil)
	if _, ok := none.Geography(facts.Region{Provider: "azure", Code: "westeurope"}); ok {
		t.Error("a geography without a table")
	}
	if _, ok := none.Pair(facts.Region{Provider: "azure", Code: "westeurope"}); ok {
		t.Error("a pair without a table")
	}
	if none.HasZones(&facts.Place{Placement: inventory.Placement{Provider: "azure", Region: "westeurope"}}) {
		t.Error("zones without a table")
	}
}

func TestMeasured(t *testing.T) {
	site := &inventory.Site{Site: inventory.Identity{ID: "a"}, Clusters: []inventory.Cluster{{ID: "prod"}}, Probes: []inventory.Probe{
		{From: "a/prod/n1", To: "pg", Kind: inventory.ProbeDatabaseRoundTrip, P95: inventory.Duration(time.Millisecond)},
		{From: "a/prod", To: "a/pg", Kind: inventory.ProbeDatabaseRoundTrip, P95: inventory.Duration(3 * time.Millisecond)},
		{From: "a/prod-2/n1", To: "pg", Kind: inventory.ProbeDatabaseRoundTrip, P95: inventory.Duration(50 * time.Millisecond)},
		{From: "a/prod/n1", To: "xpg", Kind: inventory.ProbeDatabaseRoundTrip, P95: inventory.Duration(60 * time.Millisecond)},
		{From: "a/prod/n1", To: "pg", Kind: inventory.ProbeTCPConnect, P95: inventory.Duration(70 * time.Millisecond)},
		{From: "a/prod/n1", To: "pg", Kind: inventory.ProbeDatabaseRoundTrip},
	}}
	s := facts.New(site, nil, nil, nil)
	if got, ok := s.Measured(&s.Clusters[0], "pg"); !ok || got != 3*time.Millisecond {
		t.Errorf("measured %v %v", got, ok)
	}
	if _, ok := s.Measured(&s.Clusters[0], "other"); ok {
		t.Error("a measurement to something else")
	}
}

func TestContradictedMachines(t *testing.T) {
	at := func(region, zone string) inventory.Placement { return inventory.Placement{Region: region, Zone: zone} }
	site := &inventory.Site{
		Clusters:       []inventory.Cluster{{ID: "c", Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: []inventory.Node{{Name: "1", Machine: "a", Placement: at("r", "")}, {Name: "2", Machine: "b", Placement: at("r", "1")}, {Name: "3"}}}}}},
		Infrastructure: []inventory.Infrastructure{{ID: "i", Nodes: []inventory.Node{{Name: "4", Machine: "a", Placement: at("R", "2")}}, PgPool: []inventory.Node{{Name: "5", Machine: "b", Placement: at("r", "2")}}}},
	}
	s := facts.New(site, nil, nil, nil)
	for machine, want := range map[string]struct {
		contradicted bool
		nodes        int
	}{"a": {false, 2}, "b": {true, 2}, "": {false, 0}, "z": {false, 0}} {
		if got, nodes := s.Contradicted(machine); got != want.contradicted || nodes != want.nodes {
			t.Errorf("machine %q: %v on %d nodes", machine, got, nodes)
		}
	}
}

// TestTenants resolves one ensemble under two spellings within a site and one abroad, and one tenant that is not in view.
func TestTenants(t *testing.T) {
	use := func(id string) []inventory.Use {
		return []inventory.Use{{Infrastructure: id, As: inventory.AsZooKeeper}}
	}
	early, late := time.Unix(100, 0), time.Unix(200, 0)
	site := &inventory.Site{
		ObservedAt: early, Site: inventory.Identity{ID: "a"},
		Clusters:       []inventory.Cluster{{ID: "y", Uses: use("z1")}, {ID: "x", Uses: use("z2")}, {ID: "w", Uses: use("gone")}},
		Infrastructure: []inventory.Infrastructure{{ID: "z2"}, {ID: "z1", Nodes: make([]inventory.Node, 3)}, {ID: "own"}},
	}
	other := &inventory.Site{ObservedAt: late, Site: inventory.Identity{ID: "b"}, Clusters: []inventory.Cluster{{ID: "x", Uses: use("z")}}, Infrastructure: []inventory.Infrastructure{{ID: "z"}}}
	shared := []tenancy.Shared{{Infrastructure: "a/z1", Aliases: []string{"a/z2", "b/z", "c/z", "b/gone"}, Tenants: []string{"a/x", "a/y", "b/x", "c/x"}}}
	s := facts.New(site, []*inventory.Site{other}, shared, nil)
	if got := []string{s.Clusters[0].ID, s.Clusters[1].ID, s.Clusters[2].ID, s.Listed[0].Infra.ID, s.Listed[1].Infra.ID}; !slices.IsSorted(got[:3]) || !slices.IsSorted(got[3:]) || s.Clusters[1].Index != 1 || s.Listed[2].Index != 0 {
		t.Errorf("not in order: %v", got)
	}
	x := &s.Clusters[1].Uses[0]
	if diff := cmp.Diff([]string{"a/y", "b/x", "c/x"}, x.Others("a/x")); diff != "" {
		t.Errorf("others: %s", diff)
	}
	if !x.SharedBeyond("a/x") || !x.Observed().Equal(late) || !slices.Equal(x.Unseen, []string{"c/x"}) {
		t.Errorf("use %+v", x)
	}
	if n, ok := x.Spelling(facts.Ensemble); !ok || n != 3 {
		t.Errorf("the other spelling lists three nodes: %d %v", n, ok)
	}
	if w := &s.Clusters[0].Uses[0]; w.Infra != nil || w.Name != "a/gone" {
		t.Errorf("a use of nothing: %+v", w)
	}
	if own := s.Listed[0]; own.Name != "a/own" || len(own.Tenants) != 0 {
		t.Errorf("an infrastructure nobody uses: %+v", own)
	}
	alone := facts.New(site, nil, nil, nil)
	if u := &alone.Clusters[1].Uses[0]; u.SharedBeyond("a/x") || len(u.Others("a/x")) != 0 {
		t.Errorf("without tenancies each spelling is its own: %+v", u)
	}
}

func TestClusterParts(t *testing.T) {
	c := inventory.Cluster{ID: "x", Components: []inventory.Component{{Kind: inventory.Ignite, Nodes: []inventory.Node{{Name: "i", Placement: inventory.Placement{Region: "r"}}}}, {Kind: inventory.LoadBalancerNode}}}
	site := &inventory.Site{Site: inventory.Identity{ID: "a"}, Clusters: []inventory.Cluster{c, {ID: "y", Components: []inventory.Component{{Kind: inventory.Ignite}}}}}
	s := facts.New(site, nil, nil, nil)
	x, y := &s.Clusters[0], &s.Clusters[1]
	if x.IgniteMode() != inventory.IgniteSeparate || len(x.Ignite) != 1 || y.IgniteMode() != "" {
		t.Errorf("Ignite modes %q and %q", x.IgniteMode(), y.IgniteMode())
	}
	if !x.Lists(inventory.LoadBalancerNode) || x.Lists(inventory.Foundation) || x.SeparateIgnitePath() != "" {
		t.Error("components are not told apart")
	}
	cluster := func(c ...inventory.Component) *facts.Cluster {
		return &facts.New(&inventory.Site{Clusters: []inventory.Cluster{{ID: "z", Components: c}}}, nil, nil, nil).Clusters[0]
	}
	for _, c := range []struct {
		comp inventory.Component
		want string
	}{
		{inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteSeparate, BasePath: "/p"}, "/p"},
		{inventory.Component{Kind: inventory.Ignite, BasePath: "/p"}, "/p"},
		{inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteEmbedded, BasePath: "/p"}, ""},
		{inventory.Component{Kind: inventory.ConnectionServer, BasePath: "/p"}, ""},
	} {
		if got := cluster(c.comp).SeparateIgnitePath(); got != c.want {
			t.Errorf("%+v: path %q", c.comp, got)
		}
	}
	if x.Has(inventory.AsDatabase) || x.UsesKind(inventory.AsDatabase, inventory.KindDatabase) {
		t.Error("a use that is not there")
	}
}
