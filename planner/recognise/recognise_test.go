package recognise

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
)

func builtin(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sizeOf(d catalog.Demand) sizing.Result {
	return sizing.Result{
		Known: true, Things: int(d.Things), WPS: d.WPS, RequestsPerSecond: d.Requests,
		ConnectionServers: int(d.ConnectionServers), FoundationNodes: int(d.FoundationNodes),
	}
}

// An instance built after an architecture is recognised as it, at distance 0, with every choice the architecture allows.
func TestPerfectInstancesAreRecognised(t *testing.T) {
	cat := builtin(t)
	for _, a := range cat.Architectures() {
		for _, db := range a.Databases {
			for _, ts := range a.Timeseries {
				for _, shared := range []bool{false, true} {
					d := catalog.Demand{Things: 90000, ConnectionServers: 1, FoundationNodes: 1}
					p := a.NewPlan(d)
					p.Engine, p.Mode, p.Timeseries = db.Engine, a.BestMode(db.Engine), ts
					if shared {
						p.Shared.Set(catalog.KindZooKeeper, true)
						p.Shared.Set(catalog.KindDatabase, true)
					}
					p.Recount()
					s := catalog.Generate(p)
					got := Cluster(s, &s.Clusters[0], sizeOf(d), shared, cat)
					name := fmt.Sprintf("%s/%s/%s/shared %v", a.ID, db.Engine, ts, shared)
					if got.Distance != 0 || len(got.Missing)+len(got.Extra)+len(got.Misplaced) > 0 {
						t.Errorf("%s: distance %v, %+v", name, got.Distance, got)
					}
					if got.Architecture != a.ID || got.Name != a.Title {
						t.Errorf("%s: recognised as %q", name, got.Architecture)
					}
					if slices.Contains(got.Overlays, catalog.SharedInfrastructure) != shared {
						t.Errorf("%s: overlays are %v", name, got.Overlays)
					}
				}
			}
		}
	}
}

func situation(t testing.TB, path string) *inventory.Site {
	t.Helper()
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := inventory.Parse(filepath.Base(path), data, regions)
	if err != nil {
		t.Fatal(err)
	}
	return inventory.Normalise(s, regions)
}

func recognised(t testing.TB, s *inventory.Site, shared bool) Result {
	t.Helper()
	sizes, err := sizing.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return Cluster(s, &s.Clusters[0], sizing.InSite(s, &s.Clusters[0], sizes), shared, builtin(t))
}

// The examples of the shared material, by the shape their authors say they have.
func TestExamples(t *testing.T) {
	root := os.Getenv("MERIDIAN_CORPUS")
	if root == "" {
		t.Skip("MERIDIAN_CORPUS does not name the folder of the examples")
	}
	for name, want := range map[string]struct {
		architecture string
		overlays     []string
	}{
		"muc-01": {catalog.HACluster, []string{catalog.Distributed}},
		"ber-02": {catalog.MinimumFootprint, []string{catalog.SharedInfrastructure, catalog.Distributed}},
		"sin-04": {catalog.LargeProduction, []string{catalog.Distributed}},
		"hq-01":  {catalog.BasicProduction, []string{catalog.Distributed}},
	} {
		got := recognised(t, situation(t, filepath.Join(root, "examples", name+".yaml")), false)
		if got.Architecture != want.architecture || !slices.Equal(got.Overlays, want.overlays) {
			t.Errorf("%s: %s with %v, want %s with %v", name, got.Architecture, got.Overlays, want.architecture, want.overlays)
		}
		if got.Distance > 0.2 {
			t.Errorf("%s: distance %v is far for an example of it", name, got.Distance)
		}
	}
}

func TestDeviationsAreNamed(t *testing.T) {
	tests := []struct {
		file, list, kind string
		have, need       int
		why              string
	}{
		{"meters", "missing", "connection-server", 2, 3, "100,000"},
		{"meters", "misplaced", "influxdb", 0, 0, "japanwest"},
		{"far-database", "misplaced", "database", 0, 0, "northeurope"},
		{"far-database", "misplaced", "connection-server", 0, 0, "shares machine v1"},
		{"shared-boxes", "missing", "storage", 1, 2, "redundancy"},
		{"silent-tenant", "missing", "load-balancer", 0, 2, ""},
		{"silent-tenant", "missing", "connection-server", 1, 2, ""},
	}
	for _, tt := range tests {
		r := recognised(t, situation(t, "../recommend/testdata/"+tt.file+".yaml"), false)
		found := false
		switch tt.list {
		case "missing":
			for _, d := range r.Missing {
				found = found || d.Kind == tt.kind && d.Have == tt.have && d.Need == tt.need && strings.Contains(d.Why, tt.why)
			}
		case "misplaced":
			for _, d := range r.Misplaced {
				found = found || d.Kind == tt.kind && strings.Contains(d.Why, tt.why)
			}
		}
		if !found {
			t.Errorf("%s: %s %s %d/%d %q is not in %+v", tt.file, tt.list, tt.kind, tt.have, tt.need, tt.why, r)
		}
	}
}

// edit builds an instance and changes it before it is recognised.
func edit(t testing.TB, id string, change func(s *inventory.Site, c *inventory.Cluster)) Result {
	t.Helper()
	cat := builtin(t)
	a, _ := cat.Get(id)
	d := catalog.Demand{ConnectionServers: 1, FoundationNodes: 1}
	s := catalog.Generate(a.NewPlan(d))
	change(s, &s.Clusters[0])
	return Cluster(s, &s.Clusters[0], sizeOf(d), false, cat)
}

func off() *bool { b := false; return &b }

func TestEdits(t *testing.T) {
	tests := []struct {
		name, id string
		change   func(s *inventory.Site, c *inventory.Cluster)
		want     string // architecture
		says     string // in the printed result
	}{
		{"fourth ZooKeeper", catalog.HACluster, func(s *inventory.Site, _ *inventory.Cluster) {
			zk := s.Infra("zookeeper")
			zk.Nodes = append(zk.Nodes, inventory.Node{Name: "z4"})
		}, catalog.HACluster, "even count"},
		{"two ZooKeepers", catalog.HACluster, func(s *inventory.Site, _ *inventory.Cluster) {
			zk := s.Infra("zookeeper")
			zk.Nodes = zk.Nodes[:2]
		}, catalog.HACluster, "{zookeeper 2 3"},
		{"ZooKeeper on one machine", catalog.HACluster, func(s *inventory.Site, _ *inventory.Cluster) {
			for i := range s.Infra("zookeeper").Nodes {
				s.Infra("zookeeper").Nodes[i].Machine = "one"
			}
		}, catalog.HACluster, "shares machine one with another zookeeper"},
		{"Foundation in two zones", catalog.HACluster, func(_ *inventory.Site, c *inventory.Cluster) {
			f := c.Nodes(inventory.Foundation)
			f[0].Placement.Zone, f[1].Placement.Zone = "1", "2"
		}, catalog.HACluster, "zone 2, others are in data-centre zone 1"},
		{"clustered mode off", catalog.HACluster, func(_ *inventory.Site, c *inventory.Cluster) { c.ClusteredMode = off() }, catalog.HACluster, "clustered mode is off"},
		{"database beside Foundation", catalog.BasicProduction, func(s *inventory.Site, c *inventory.Cluster) {
			s.Infra("database").Nodes[0].Machine = c.Nodes(inventory.Foundation)[0].Machine
		}, catalog.BasicProduction, "with foundation; PTC recommends the database on a separate server"},
		{"database elsewhere", catalog.BasicProduction, func(s *inventory.Site, _ *inventory.Cluster) {
			s.Infra("database").Nodes[0].Placement.Region = "far"
		}, catalog.BasicProduction, "is in far, foundation in data-centre"},
		{"H2 in production", catalog.BasicProduction, func(s *inventory.Site, _ *inventory.Cluster) {
			s.Infra("database").Engine = inventory.EngineH2
		}, catalog.BasicProduction, "h2 is not a database for Basic production"},
		{"ZooKeeper without a cluster", catalog.BasicProduction, func(s *inventory.Site, c *inventory.Cluster) {
			s.Infrastructure = append(s.Infrastructure, inventory.Infrastructure{ID: "zk", Kind: inventory.KindZooKeeper, Nodes: []inventory.Node{{Name: "z"}}})
			c.Uses = append(c.Uses, inventory.Use{Infrastructure: "zk", As: inventory.AsZooKeeper})
		}, catalog.BasicProduction, "has no part of this kind"},
		{"two storages", catalog.BasicProduction, func(s *inventory.Site, c *inventory.Cluster) {
			s.Infrastructure = append(s.Infrastructure, inventory.Infrastructure{ID: "nas2", Kind: inventory.KindStorage})
			c.Uses = append(c.Uses, inventory.Use{Infrastructure: "nas2", As: inventory.AsStorage})
		}, catalog.BasicProduction, "{storage 2 1"},
		{"storage elsewhere", catalog.BasicProduction, func(s *inventory.Site, _ *inventory.Cluster) {
			s.Infra("storage").Placement.Region = "far"
		}, catalog.BasicProduction, "is in far, foundation in data-centre"},
		{"no Foundation", catalog.BasicProduction, func(_ *inventory.Site, c *inventory.Cluster) { c.Components = c.Components[1:] }, catalog.BasicProduction, "foundation is missing"},
		{"a box for everything in production", catalog.Development, func(_ *inventory.Site, c *inventory.Cluster) { c.Environment = inventory.Production }, catalog.Development, "used for production"},
		{"basic production used for development", catalog.BasicProduction, func(_ *inventory.Site, c *inventory.Cluster) { c.Environment = inventory.Development }, catalog.Development, "[]"},
		{"unpacked node", catalog.MinimumFootprint, func(_ *inventory.Site, c *inventory.Cluster) {
			c.Nodes(inventory.ConnectionServer)[2].Machine = "elsewhere"
		}, catalog.MinimumFootprint, "a Foundation machine runs no connection server"},
		{"footprint with its own ZooKeeper machines", catalog.MinimumFootprint, func(s *inventory.Site, _ *inventory.Cluster) {
			for i := range s.Infra("zookeeper").Nodes {
				s.Infra("zookeeper").Nodes[i].Machine = fmt.Sprint("zk", i)
			}
		}, catalog.HACluster, "shares machine"},
		{"single load balancer", catalog.HACluster, func(s *inventory.Site, _ *inventory.Cluster) { s.Infra("load-balancer").Redundant = off() }, catalog.HACluster, "{load-balancer 1 2"},
		{"no high availability of the database", catalog.HACluster, func(s *inventory.Site, _ *inventory.Cluster) {
			db := s.Infra("database")
			db.Engine, db.Nodes, db.PgPool = inventory.EngineAzurePostgreSQLFlexible, nil, nil
			db.HighAvailability = &inventory.HighAvailability{Mode: inventory.HANone}
		}, catalog.HACluster, "{database 1 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := edit(t, tt.id, tt.change)
			if got.Architecture != tt.want || !strings.Contains(fmt.Sprint(got), tt.says) {
				t.Errorf("recognised as %s, %+v; want %s, saying %q", got.Architecture, got, tt.want, tt.says)
			}
		})
	}
}

func TestUnevenInfluxEnterprise(t *testing.T) {
	cat := builtin(t)
	a, _ := cat.Get(catalog.HACluster)
	p := a.NewPlan(catalog.Demand{})
	p.Timeseries = catalog.TimeseriesEnterprise
	p.Recount()
	s := catalog.Generate(p)
	inf := s.Infra("influxdb")
	inf.Nodes = append(inf.Nodes, inventory.Node{Name: "d3", Role: "data"})
	got := Cluster(s, &s.Clusters[0], sizing.Result{}, false, cat)
	if !strings.Contains(fmt.Sprint(got.Extra), "not divisible by the replication factor 2") {
		t.Errorf("three data nodes at replication factor 2: %+v", got)
	}
}

func TestNothingToJudgeBy(t *testing.T) {
	cat := builtin(t)
	s := &inventory.Site{Site: inventory.Identity{ID: "x", Role: inventory.RoleHub}, Clusters: []inventory.Cluster{{ID: "c"}}}
	got := Cluster(s, &s.Clusters[0], sizing.Result{}, false, cat)
	if got.Architecture != "" || got.Distance != 1 || !slices.Equal(got.Overlays, []string{catalog.Distributed}) {
		t.Errorf("an empty cluster is %+v", got)
	}
	full := edit(t, catalog.HACluster, func(*inventory.Site, *inventory.Cluster) {})
	if full.Architecture == "" {
		t.Error("a full cluster is nothing")
	}
	none := &catalog.Catalog{}
	if got := Cluster(catalog.Generate(mustGet(t, catalog.HACluster).NewPlan(catalog.Demand{})), &inventory.Cluster{}, sizing.Result{}, false, none); got.Architecture != "" || got.Distance != 1 {
		t.Errorf("without a catalogue it is %+v", got)
	}
}

func mustGet(t testing.TB, id string) *catalog.Architecture {
	t.Helper()
	a, ok := builtin(t).Get(id)
	if !ok {
		t.Fatal(id)
	}
	return a
}

func TestSharingIsDeclaredByUseOrInfrastructure(t *testing.T) {
	on := true
	for name, tt := range map[string]struct {
		infra, use *bool
		want       bool
	}{
		"neither": {nil, nil, false}, "infrastructure": {&on, nil, true}, "use": {nil, &on, true}, "use denies": {&on, off(), false},
	} {
		got := edit(t, catalog.HACluster, func(s *inventory.Site, c *inventory.Cluster) {
			s.Infra("storage").Shared, c.Used(inventory.AsStorage)[0].Shared = tt.infra, tt.use
		})
		if slices.Contains(got.Overlays, catalog.SharedInfrastructure) != tt.want {
			t.Errorf("%s: overlays are %v", name, got.Overlays)
		}
	}
}

// randomPlan draws an instance of any architecture with any of its choices.
func randomPlan(t *rapid.T, cat *catalog.Catalog) (*catalog.Plan, catalog.Demand) {
	a := rapid.SampledFrom(cat.Architectures()).Draw(t, "architecture")
	d := catalog.Demand{ConnectionServers: float64(rapid.IntRange(0, 3).Draw(t, "cs")), FoundationNodes: float64(rapid.IntRange(1, 3).Draw(t, "nodes"))}
	p := a.NewPlan(d)
	db := rapid.SampledFrom(a.Databases).Draw(t, "database")
	p.Engine, p.Mode = db.Engine, a.BestMode(db.Engine)
	p.Timeseries = rapid.SampledFrom(a.Timeseries).Draw(t, "series")
	if len(a.Ignite) > 0 {
		p.Ignite = rapid.SampledFrom(a.Ignite).Draw(t, "ignite")
	}
	p.Recount()
	return p, d
}

// blemish moves nodes to other machines, regions and zones.
func blemish(t *rapid.T, s *inventory.Site) {
	for _, nodes := range nodeLists(s) {
		for i := range *nodes {
			n := &(*nodes)[i]
			switch rapid.IntRange(0, 9).Draw(t, "blemish") {
			case 0:
				n.Machine = rapid.SampledFrom([]string{"m1", "m2", ""}).Draw(t, "machine")
			case 1:
				n.Placement.Region = rapid.SampledFrom([]string{"far", ""}).Draw(t, "region")
			case 2:
				n.Placement.Zone = rapid.SampledFrom([]string{"1", "2"}).Draw(t, "zone")
			}
		}
	}
}

func nodeLists(s *inventory.Site) []*[]inventory.Node {
	var out []*[]inventory.Node
	for i := range s.Clusters[0].Components {
		out = append(out, &s.Clusters[0].Components[i].Nodes)
	}
	for i := range s.Infrastructure {
		out = append(out, &s.Infrastructure[i].Nodes, &s.Infrastructure[i].PgPool)
	}
	return out
}

// Removing a required instance of a part never brings a cluster nearer to the architecture that needs it.
func TestRemovingARequiredPartNeverHelps(t *testing.T) {
	cat := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		p, d := randomPlan(t, cat)
		// With no more than the least of each part, every instance is required.
		for _, k := range catalog.Kinds() {
			if least, _, ok := p.Architecture.Limits(k, p.Engine, p.Timeseries, p.Ignite, p.Demand); ok {
				p.Counts.Set(k, least)
			}
		}
		if p.Layout == catalog.LayoutPacked {
			p.Layout = catalog.LayoutPresent
		}
		s := catalog.Generate(p)
		blemish(t, s)
		shared := rapid.Bool().Draw(t, "shared")
		distance := func() float64 { return Distance(s, &s.Clusters[0], sizeOf(d), shared, p.Architecture) }
		before := distance()
		kind := removeOne(t, s)
		if kind == "" {
			return
		}
		if after := distance(); after < before-1e-9 {
			t.Fatalf("without one %s the distance to %s falls from %v to %v", kind, p.Architecture.ID, before, after)
		}
	})
}

// removeOne takes one node or one whole infrastructure away and says what it was. An infrastructure whose last node goes
// goes with it, since one without nodes means that they are not known.
func removeOne(t *rapid.T, s *inventory.Site) string {
	c := &s.Clusters[0]
	pick := rapid.IntRange(0, len(c.Components)+len(s.Infrastructure)-1).Draw(t, "pick")
	if pick < len(c.Components) {
		comp := &c.Components[pick]
		if len(comp.Nodes) == 0 {
			return ""
		}
		i := rapid.IntRange(0, len(comp.Nodes)-1).Draw(t, "node")
		comp.Nodes = slices.Delete(slices.Clone(comp.Nodes), i, i+1)
		return string(comp.Kind)
	}
	inf := &s.Infrastructure[pick-len(c.Components)]
	drop := func() string {
		kind := string(inf.Kind)
		c.Uses = slices.DeleteFunc(c.Uses, func(u inventory.Use) bool { return u.Infrastructure == inf.ID })
		return kind
	}
	if len(inf.Nodes) < 2 {
		return drop()
	}
	if inf.Kind == inventory.KindInfluxDB {
		return "" // a node of the whole counts as meta or data, which a single node is not
	}
	i := rapid.IntRange(0, len(inf.Nodes)-1).Draw(t, "node")
	inf.Nodes = slices.Delete(slices.Clone(inf.Nodes), i, i+1)
	return string(inf.Kind)
}

// Names mean nothing: other names of nodes, machines and infrastructures change neither architecture nor distance.
func TestRenamingChangesNothing(t *testing.T) {
	cat := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		p, d := randomPlan(t, cat)
		s := catalog.Generate(p)
		blemish(t, s)
		before := Cluster(s, &s.Clusters[0], sizeOf(d), false, cat)
		prefix := rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "prefix")
		for _, nodes := range nodeLists(s) {
			for i := range *nodes {
				n := &(*nodes)[i]
				n.Name = prefix + n.Name
				if n.Machine != "" {
					n.Machine = prefix + n.Machine
				}
			}
		}
		for i := range s.Infrastructure {
			s.Infrastructure[i].ID = prefix + s.Infrastructure[i].ID
		}
		for i := range s.Clusters[0].Uses {
			s.Clusters[0].Uses[i].Infrastructure = prefix + s.Clusters[0].Uses[i].Infrastructure
		}
		after := Cluster(s, &s.Clusters[0], sizeOf(d), false, cat)
		if before.Architecture != after.Architecture || before.Distance != after.Distance ||
			len(before.Missing) != len(after.Missing) || len(before.Misplaced) != len(after.Misplaced) || len(before.Extra) != len(after.Extra) {
			t.Fatalf("renamed, %+v became %+v", before, after)
		}
	})
}

// A distance lies in [0,1] whatever the inventory, and 0 means that nothing is missing, extra or misplaced.
func TestDistanceIsADistance(t *testing.T) {
	cat := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		p, d := randomPlan(t, cat)
		s := catalog.Generate(p)
		blemish(t, s)
		for range rapid.IntRange(0, 6).Draw(t, "removed") {
			if len(s.Clusters[0].Components) > 0 && len(s.Infrastructure) > 0 {
				removeOne(t, s)
			}
		}
		got := Cluster(s, &s.Clusters[0], sizeOf(d), false, cat)
		if got.Distance < 0 || got.Distance > 1 {
			t.Fatalf("distance is %v", got.Distance)
		}
		if got.Architecture == "" {
			return // nothing is left to judge by
		}
		if deviations := len(got.Missing) + len(got.Extra) + len(got.Misplaced); (got.Distance == 0) != (deviations == 0) {
			t.Fatalf("distance %v with %d deviations: %+v", got.Distance, deviations, got)
		}
		for _, a := range cat.Architectures() {
			if Distance(s, &s.Clusters[0], sizeOf(d), false, a) < got.Distance-1e-12 {
				t.Fatalf("%s is nearer than the recognised %s", a.ID, got.Architecture)
			}
		}
	})
}

func BenchmarkCluster(b *testing.B) {
	cat := builtin(b)
	s := situation(b, "../recommend/testdata/far-database.yaml")
	sizes, err := sizing.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	size := sizing.InSite(s, &s.Clusters[0], sizes)
	b.ReportAllocs()
	for b.Loop() {
		Cluster(s, &s.Clusters[0], size, false, cat)
	}
}
