package sizing_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
)

func pack(t testing.TB) *sizing.Pack {
	t.Helper()
	p, err := sizing.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func every(d time.Duration) inventory.Duration { return inventory.Duration(d) }

// example1 is PTC's sizing example 1: 100,000 pumps.
func example1() *inventory.Workload {
	w := &inventory.Workload{Things: []inventory.ThingGroup{{
		Name: "pump", Count: 100000, Properties: []inventory.PropertyGroup{{Count: 20, Every: every(5 * time.Minute)}},
	}}}
	for range 10 {
		w.Mashups = append(w.Mashups, inventory.Mashup{Services: 10, Users: 1000, LoadsPerUser: 2, Window: every(time.Hour)})
	}
	return w
}

// example2 is the device side of PTC's sizing example 2: 250 machines.
func example2() *inventory.Workload {
	return &inventory.Workload{Things: []inventory.ThingGroup{{
		Name: "machine", Count: 250, Properties: []inventory.PropertyGroup{
			{Count: 10, Every: every(30 * time.Second)}, {Count: 45, Every: every(time.Second)}, {Count: 5, Every: every(time.Hour)},
		},
	}}}
}

func TestPublishedExamples(t *testing.T) {
	p := pack(t)
	r := sizing.Workload(example1(), sizing.Target{Engine: inventory.EngineSQLServer}, p)
	if !r.Known || math.Ceil(r.WPS) != 6667 || math.Abs(r.WPS-6666.67) > 0.005 {
		t.Errorf("example 1: %v writes/s, PTC says 6,667", r.WPS)
	}
	if math.Abs(r.RequestsPerSecond-61.1) > 0.05 {
		t.Errorf("example 1: %v requests/s, PTC says 61.1", r.RequestsPerSecond)
	}
	if r.ConnectionServers != 1 || r.Size != sizing.Medium || r.FoundationNodes != 1 {
		t.Errorf("example 1: %d connection servers, %s; PTC says 1, medium", r.ConnectionServers, r.Size)
	}
	if want := (sizing.Criteria{Things: sizing.Medium, WPS: sizing.Small, Requests: sizing.Medium}); r.Sizes != want {
		t.Errorf("example 1: %+v, PTC says %+v", r.Sizes, want)
	}
	if want := (sizing.Hardware{CPU: 16, MemoryGiB: 32}); r.Foundation != want || r.Database != want {
		t.Errorf("example 1: %+v and %+v, PTC's table says %+v", r.Foundation, r.Database, want)
	}
	one, _ := sizing.Measure(&inventory.Workload{Mashups: example1().Mashups[:1]})
	if math.Abs(one.Requests-6.11) > 0.005 {
		t.Errorf("example 1: %v requests/s of one mashup, PTC says 6.11", one.Requests)
	}
	r = sizing.Workload(example2(), sizing.Target{}, p)
	if math.Round(r.WPS) != 11334 || r.ConnectionServers != 1 {
		t.Errorf("example 2: %v writes/s and %d connection servers, PTC says 11,334 and 1", r.WPS, r.ConnectionServers)
	}
}

func TestLargestCriterionDecides(t *testing.T) {
	p := pack(t)
	for _, c := range []struct {
		load    sizing.Load
		size    sizing.Size
		decided string
		nodes   int
	}{
		{sizing.Load{Things: 10}, sizing.Small, "things", 1},
		{sizing.Load{Things: 50000}, sizing.Small, "things", 1},
		{sizing.Load{Things: 50001}, sizing.Medium, "things", 1},
		{sizing.Load{Things: 50001, WPS: 12001}, sizing.Large, "wps", 1},
		{sizing.Load{Requests: 160}, sizing.Large, "requests", 1},
		{sizing.Load{Requests: 161}, sizing.Beyond, "requests", 2},
		{sizing.Load{Requests: 321}, sizing.Beyond, "requests", 3},
		{sizing.Load{WPS: 15001}, sizing.Beyond, "wps", 1},
		{sizing.Load{WPS: 60001}, sizing.Beyond, "wps", 2},
		{sizing.Load{Things: 1000000}, sizing.Beyond, "things", 1},
	} {
		r := c.load.Size(sizing.Target{}, p)
		if r.Size != c.size || r.DecidedBy != c.decided || r.FoundationNodes != c.nodes {
			t.Errorf("%+v is %s by %s on %d nodes, want %s by %s on %d", c.load, r.Size, r.DecidedBy, r.FoundationNodes, c.size, c.decided, c.nodes)
		}
	}
	if r := (sizing.Load{Things: 100001}).Size(sizing.Target{}, p); r.ConnectionServers != 2 {
		t.Errorf("100,001 things take %d connection servers", r.ConnectionServers)
	}
	// InfluxDB takes the writes off the relational database.
	if r := (sizing.Load{WPS: 15001}).Size(sizing.Target{InfluxDB: true}, p); r.Size != sizing.Medium || r.Timeseries == nil {
		t.Errorf("15,001 writes/s with InfluxDB are %s", r.Size)
	}
	if r := (sizing.Load{WPS: 60001}).Size(sizing.Target{InfluxDB: true}, p); r.Size != sizing.Beyond || r.FoundationNodes != 2 {
		t.Errorf("60,001 writes/s with InfluxDB are %s on %d", r.Size, r.FoundationNodes)
	}
}

func TestNearThresholdOnHighlyAvailableDatabase(t *testing.T) {
	p := pack(t)
	ha := sizing.Target{HighAvailability: true}
	for _, c := range []struct {
		wps    float64
		target sizing.Target
		size   sizing.Size
		near   bool
	}{
		{6750, ha, sizing.Small, false},
		{6751, ha, sizing.Medium, true},
		{6751, sizing.Target{}, sizing.Small, true},
		{7500, ha, sizing.Medium, true},
		{7501, ha, sizing.Medium, false},
		{10801, ha, sizing.Large, true},
		{14000, ha, sizing.Large, true},
	} {
		r := sizing.Load{WPS: c.wps}.Size(c.target, p)
		if r.Size != c.size || r.NearThreshold != c.near {
			t.Errorf("%v writes/s on %+v: %s, near %v; want %s, %v", c.wps, c.target, r.Size, r.NearThreshold, c.size, c.near)
		}
		if said := strings.Contains(strings.Join(r.Assumptions, "\n"), "near the threshold"); said != (c.near && c.target == ha) {
			t.Errorf("%v writes/s on %+v: %v", c.wps, c.target, r.Assumptions)
		}
	}
}

func TestHardware(t *testing.T) {
	p := pack(t)
	large := sizing.Load{Requests: 100}
	medium := sizing.Load{Requests: 50}
	flex := inventory.EngineAzurePostgreSQLFlexible
	for _, c := range []struct {
		name   string
		load   sizing.Load
		target sizing.Target
		want   sizing.Hardware
		says   string
	}{
		{"self-managed", large, sizing.Target{Engine: inventory.EnginePostgreSQL, Azure: true}, sizing.Hardware{CPU: 32, MemoryGiB: 64}, ""},
		{"beside InfluxDB", large, sizing.Target{Engine: inventory.EnginePostgreSQL, InfluxDB: true}, sizing.Hardware{CPU: 16, MemoryGiB: 32}, ""},
		{"flexible", medium, sizing.Target{Engine: flex}, sizing.Hardware{CPU: 16, MemoryGiB: 64, StorageGiB: 1024, SKU: "Standard_D16ds_v5"}, "inferred"},
		{"flexible large", large, sizing.Target{Engine: flex}, sizing.Hardware{CPU: 32, MemoryGiB: 128, StorageGiB: 8192, SKU: "Standard_D32ds_v5"}, ""},
		{"flexible large HA", large, sizing.Target{Engine: flex, HighAvailability: true}, sizing.Hardware{CPU: 48, MemoryGiB: 192, StorageGiB: 8192, SKU: "Standard_D48ds_v5"}, ""},
		{"flexible medium HA", medium, sizing.Target{Engine: flex, HighAvailability: true}, sizing.Hardware{CPU: 16, MemoryGiB: 64, StorageGiB: 1024, SKU: "Standard_D16ds_v5"}, ""},
		{"flexible beside InfluxDB", medium, sizing.Target{Engine: flex, InfluxDB: true}, sizing.Hardware{CPU: 16, MemoryGiB: 64, StorageGiB: 1024, SKU: "Standard_D16ds_v5"}, "beside InfluxDB"},
		{"H2", medium, sizing.Target{Engine: inventory.EngineH2}, sizing.Hardware{}, "H2"},
		{"Azure SQL", medium, sizing.Target{Engine: inventory.EngineAzureSQL}, sizing.Hardware{CPU: 16, MemoryGiB: 32}, "Azure SQL"},
	} {
		r := c.load.Size(c.target, p)
		if diff := cmp.Diff(c.want, r.Database); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if !strings.Contains(strings.Join(r.Assumptions, "\n"), c.says) {
			t.Errorf("%s: %v does not say %s", c.name, r.Assumptions, c.says)
		}
	}
	if r := medium.Size(sizing.Target{Azure: true}, p); r.Foundation.SKU != "Standard_F16s_v2" {
		t.Errorf("medium on Azure is %+v", r.Foundation)
	}
	if r := medium.Size(sizing.Target{}, p); r.Foundation.SKU != "" {
		t.Errorf("medium elsewhere is %+v", r.Foundation)
	}
	without, err := sizing.ParsePack("own.yaml", []byte(strings.ReplaceAll(string(builtin(t)), "    flexible: {cpu: 16, memoryGiB: 64, storageGiB: 1024, azureSku: Standard_D16ds_v5}\n", "")))
	if err != nil {
		t.Fatal(err)
	}
	if r := medium.Size(sizing.Target{Engine: flex}, without); r.Database.CPU != 16 || r.Database.MemoryGiB != 32 {
		t.Errorf("a pack without Flexible Server gives %+v", r.Database)
	}
}

func TestUncountableLoadsAreNamed(t *testing.T) {
	w := &inventory.Workload{
		Things: []inventory.ThingGroup{
			{Name: "press", Count: 10, Properties: []inventory.PropertyGroup{{Count: 5}, {Count: 2, Every: every(time.Second)}}},
			{Count: -4, Properties: []inventory.PropertyGroup{{Count: -1, Every: every(time.Second)}}},
			{Count: math.MaxInt},
		},
		Mashups: []inventory.Mashup{{Users: 5, LoadsPerUser: 1}, {Name: "andon", Users: 5, LoadsPerUser: 1, Services: -3, Window: every(time.Second)}, {Users: -1}},
	}
	load, left := sizing.Measure(w)
	if want := (sizing.Load{Things: math.MaxInt, WPS: 20, Requests: 5}); load != want {
		t.Errorf("%+v, want %+v", load, want)
	}
	want := []string{"properties of press without a write interval are not counted", "loads of a mashup without a window are not counted"}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
	if r := sizing.Workload(w, sizing.Target{}, pack(t)); !slices.Contains(r.Assumptions, want[0]) || r.ConnectionServers < 1 {
		t.Errorf("%+v", r)
	}
}

func TestClusterWithoutWorkloadIsUnknown(t *testing.T) {
	for _, w := range []*inventory.Workload{nil, {}, {GrowthPerYear: 0.3}} {
		if r := sizing.Cluster(&inventory.Cluster{Workload: w}, pack(t)); r.Known || r.FoundationNodes != 1 || r.Size != "" {
			t.Errorf("%+v", r)
		}
	}
}

// plant is a site with one cluster on a database, and InfluxDB if asked.
func plant(db inventory.Infrastructure, store *inventory.Infrastructure) *inventory.Site {
	on := true
	db.ID, db.Kind = "db", inventory.KindDatabase
	c := inventory.Cluster{
		ID: "prod", ClusteredMode: &on, Hosting: inventory.HostingAzure, Workload: example2(),
		Uses: []inventory.Use{{Infrastructure: "db", As: inventory.AsDatabase}},
	}
	s := &inventory.Site{Site: inventory.Identity{ID: "s"}, Infrastructure: []inventory.Infrastructure{db}}
	if store != nil {
		store.ID = "ts"
		s.Infrastructure = append(s.Infrastructure, *store)
		c.Uses = append(c.Uses, inventory.Use{Infrastructure: "ts", As: inventory.AsTimeseries})
	}
	for i := range 3 {
		n := inventory.Node{Name: fmt.Sprint(i), CPU: 16, MemoryGiB: 32}
		for _, kind := range []inventory.ComponentKind{inventory.Foundation, inventory.ConnectionServer} {
			c.Components = append(c.Components, inventory.Component{Kind: kind, Nodes: []inventory.Node{n}})
		}
	}
	s.Clusters = []inventory.Cluster{c}
	return s
}

func TestInSiteSeesDatabaseAndStore(t *testing.T) {
	p := pack(t)
	two := []inventory.Node{{Name: "a"}, {Name: "b"}}
	for _, c := range []struct {
		name string
		s    *inventory.Site
		size sizing.Size
	}{
		{"single PostgreSQL", plant(inventory.Infrastructure{Engine: inventory.EnginePostgreSQL, Nodes: two[:1]}, nil), sizing.Medium},
		{"replicated PostgreSQL", plant(inventory.Infrastructure{Engine: inventory.EnginePostgreSQL, Nodes: two}, nil), sizing.Large},
		{"managed without standby", plant(inventory.Infrastructure{Engine: inventory.EngineAzurePostgreSQLFlexible, HighAvailability: &inventory.HighAvailability{Mode: inventory.HANone}}, nil), sizing.Medium},
		{"managed with standby", plant(inventory.Infrastructure{Engine: inventory.EngineAzurePostgreSQLFlexible, HighAvailability: &inventory.HighAvailability{Mode: inventory.HASameZone}}, nil), sizing.Large},
		{"InfluxDB", plant(inventory.Infrastructure{Engine: inventory.EnginePostgreSQL}, &inventory.Infrastructure{Kind: inventory.KindInfluxDB}), sizing.Small},
		{"values in a database", plant(inventory.Infrastructure{Engine: inventory.EnginePostgreSQL}, &inventory.Infrastructure{Kind: inventory.KindDatabase}), sizing.Medium},
	} {
		if r := sizing.InSite(c.s, &c.s.Clusters[0], p); r.Size != c.size || r.Foundation.SKU == "" {
			t.Errorf("%s: %s on %+v, want %s", c.name, r.Size, r.Foundation, c.size)
		}
	}
	s := plant(inventory.Infrastructure{}, &inventory.Infrastructure{Kind: inventory.KindInfluxDB})
	if r := sizing.Cluster(&s.Clusters[0], p); r.Size != sizing.Small || r.Timeseries == nil {
		t.Errorf("alone: %s, %+v", r.Size, r.Timeseries)
	}
}

func load(t *rapid.T, name string) sizing.Load {
	return sizing.Load{
		Things:   rapid.IntRange(0, 500000).Draw(t, name+" things"),
		WPS:      rapid.Float64Range(0, 100000).Draw(t, name+" wps"),
		Requests: rapid.Float64Range(0, 1000).Draw(t, name+" requests"),
	}
}

// TestMoreLoadNeverTakesLess holds the law of monotony, and that headroom is a share.
func TestMoreLoadNeverTakesLess(t *testing.T) {
	p := pack(t)
	order := []sizing.Size{sizing.Small, sizing.Medium, sizing.Large, sizing.Beyond}
	rapid.Check(t, func(t *rapid.T) {
		a, more := load(t, "load"), load(t, "more")
		b := sizing.Load{Things: a.Things + more.Things, WPS: a.WPS + more.WPS, Requests: a.Requests + more.Requests}
		target := sizing.Target{InfluxDB: rapid.Bool().Draw(t, "influx"), HighAvailability: rapid.Bool().Draw(t, "ha")}
		x, y := a.Size(target, p), b.Size(target, p)
		if slices.Index(order, y.Size) < slices.Index(order, x.Size) || y.FoundationNodes < x.FoundationNodes || y.ConnectionServers < x.ConnectionServers {
			t.Fatalf("%+v gives %+v, %+v gives %+v", a, x, b, y)
		}
		for _, r := range []sizing.Result{x, y} {
			for k, v := range r.Headroom {
				if !(v >= 0 && v <= 1) {
					t.Fatalf("headroom of %s is %v", k, v)
				}
			}
			if _, ok := r.Headroom[r.DecidedBy]; !ok || len(r.Headroom) != 3 {
				t.Fatalf("decided by %q, headroom %v", r.DecidedBy, r.Headroom)
			}
		}
	})
}

func TestGrow(t *testing.T) {
	l := sizing.Load{Things: 100, WPS: 10, Requests: 1}.Grow(0.2, 2)
	if l.Things != 144 || math.Abs(l.WPS-14.4) > 1e-9 || math.Abs(l.Requests-1.44) > 1e-9 {
		t.Errorf("%+v", l)
	}
	if l := (sizing.Load{Things: 7}).Grow(-1, 2); l.Things != 7 {
		t.Errorf("a growth to nothing is applied: %+v", l)
	}
	if l := (sizing.Load{Things: math.MaxInt}).Grow(1, 5); l.Things <= 0 {
		t.Errorf("overflow: %+v", l)
	}
}
