package availability_test

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/availability/availabilitytest"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

func foundation(n ...inventory.Node) []inventory.Component {
	return []inventory.Component{{Kind: inventory.Foundation, Nodes: n}}
}

// onDatabase is a cluster that cannot fail but for its database.
func onDatabase(f inventory.Infrastructure) *inventory.Site {
	off, sure := false, 1.0
	f.ID = "x"
	as := map[inventory.InfrastructureKind]inventory.UseAs{
		inventory.KindDatabase: inventory.AsDatabase, inventory.KindStorage: inventory.AsStorage,
		inventory.KindLoadBalancer: inventory.AsLoadBalancer, inventory.KindInfluxDB: inventory.AsTimeseries,
	}[f.Kind]
	return &inventory.Site{
		Site: inventory.Identity{ID: "s"},
		Clusters: []inventory.Cluster{{
			ID: "c", ClusteredMode: &off, Components: foundation(inventory.Node{Name: "f", Availability: &sure}),
			Uses: []inventory.Use{{Infrastructure: "x", As: as}},
		}},
		Infrastructure: []inventory.Infrastructure{f},
	}
}

func TestOwnChances(t *testing.T) {
	p := policy.Availability{Machine: 0.9, Zone: 0.8, Region: 0.7, Redundant: 0.99}
	yes, no := true, false
	at := inventory.Placement{Provider: "azure", Region: "westeurope", Zone: "1"}
	flex := func(m inventory.HAMode) inventory.Infrastructure {
		return inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Placement: at, HighAvailability: &inventory.HighAvailability{Mode: m}}
	}
	for _, c := range []struct {
		name string
		f    inventory.Infrastructure
		full float64
		says string
	}{
		{"flexible none", flex(inventory.HANone), 0.999 * 0.8 * 0.7, ""},
		{"flexible same zone", flex(inventory.HASameZone), 0.9995 * 0.8 * 0.7, ""},
		{"flexible zone-redundant", flex(inventory.HAZoneRedundant), 0.9999 * 0.7, ""},
		{"flexible unsaid", inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible}, 0.999, ""},
		{"flexible in a mode nobody knows", flex("triple"), 0.9 * 0.8 * 0.7, "gives no chance"},
		{"self-managed without nodes", inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL}, 0.9, ""},
		{"pgpool without database nodes", inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, PgPool: []inventory.Node{{Name: "q"}}}, 0.81, ""},
		{"two nodes and two pgpool", inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Nodes: make([]inventory.Node, 2), PgPool: make([]inventory.Node, 2)}, 0.99 * 0.99, ""},
		{"two nodes on the pgpool machines", inventory.Infrastructure{
			Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL,
			Nodes: []inventory.Node{{Machine: "a"}, {Machine: "b"}}, PgPool: []inventory.Node{{Machine: "a"}, {Machine: "b"}},
		}, 0.99, ""},
		{"H2", inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EngineH2}, 0.9, ""},
		{"storage none", inventory.Infrastructure{Kind: inventory.KindStorage, Redundancy: inventory.RedundancyNone, Placement: at}, 0.9 * 0.8 * 0.7, ""},
		{"storage unsaid", inventory.Infrastructure{Kind: inventory.KindStorage, Placement: at}, 0.9 * 0.8 * 0.7, "redundancy of storage x"},
		{"storage local", inventory.Infrastructure{Kind: inventory.KindStorage, Redundancy: inventory.RedundancyLocal, Placement: at}, 0.99 * 0.8 * 0.7, ""},
		{"storage zone", inventory.Infrastructure{Kind: inventory.KindStorage, Redundancy: inventory.RedundancyZone, Placement: at}, 0.99 * 0.7, ""},
		{"storage geo", inventory.Infrastructure{Kind: inventory.KindStorage, Redundancy: inventory.RedundancyGeo, Placement: at}, 0.99 * 0.7, ""},
		{"load balancer", inventory.Infrastructure{Kind: inventory.KindLoadBalancer, Redundant: &yes, Placement: at}, 0.99 * 0.7, ""},
		{"single load balancer", inventory.Infrastructure{Kind: inventory.KindLoadBalancer, Redundant: &no, Placement: at}, 0.9 * 0.8 * 0.7, ""},
		{"load balancer unsaid", inventory.Infrastructure{Kind: inventory.KindLoadBalancer, Placement: at}, 0.9 * 0.8 * 0.7, "whether load balancer x"},
		{"InfluxDB", inventory.Infrastructure{Kind: inventory.KindInfluxDB, Placement: at}, 0.9 * 0.8 * 0.7, ""},
		{"InfluxDB node", inventory.Infrastructure{Kind: inventory.KindInfluxDB, Nodes: make([]inventory.Node, 1)}, 0.9, ""},
		{"InfluxDB Enterprise 3+2, two copies", influx(2, "meta", "meta", "meta", "data", "data"), (0.9*0.9*0.9 + 3*0.9*0.9*0.1) * 0.99, ""},
		{"InfluxDB Enterprise 3+2, factor unsaid", influx(0, "meta", "meta", "meta", "data", "data"), (0.9*0.9*0.9 + 3*0.9*0.9*0.1) * 0.81, "replication factor of x"},
		{"InfluxDB Enterprise, more copies than nodes", influx(3, "meta", "data", "data"), 0.9 * 0.99, ""},
		{"InfluxDB Enterprise without data nodes", influx(2, "meta"), 0.9, "data nodes of x"},
		{"InfluxDB Enterprise without meta nodes", influx(2, "data", "data"), 0.99, "meta nodes of x"},
		{"several nodes of the open source edition", inventory.Infrastructure{Kind: inventory.KindInfluxDB, ReplicationFactor: 2, Nodes: make([]inventory.Node, 2)}, 0.81, ""},
		{"roles tell the edition", inventory.Infrastructure{Kind: inventory.KindInfluxDB, ReplicationFactor: 2, Nodes: influx(2, "meta", "data", "data").Nodes}, 0.9 * 0.99, ""},
	} {
		s := onDatabase(c.f)
		got := availability.Cluster(s, &s.Clusters[0], 1, p)
		if math.Abs(got.Full-c.full) > exact {
			t.Errorf("%s: %v, want %v", c.name, got.Full, c.full)
		}
		if serving := c.full; c.f.Kind != inventory.KindInfluxDB && math.Abs(got.Serving-serving) > exact || c.f.Kind == inventory.KindInfluxDB && got.Serving != 1 {
			t.Errorf("%s: serving %v", c.name, got.Serving)
		}
		if !strings.Contains(strings.Join(append(got.Unknown, got.Assumptions...), "\n"), c.says) {
			t.Errorf("%s: %v and %v do not say %q", c.name, got.Unknown, got.Assumptions, c.says)
		}
	}
	// Values in the model database need what the model needs.
	s := onDatabase(flex(inventory.HANone))
	s.Clusters[0].Uses = append(s.Clusters[0].Uses, inventory.Use{Infrastructure: "x", As: inventory.AsTimeseries})
	if got := availability.Cluster(s, &s.Clusters[0], 1, p); math.Abs(got.Full-0.999*0.8*0.7) > exact || got.Full != got.Serving {
		t.Errorf("values in the model database: %v and %v", got.Serving, got.Full)
	}
}

func influx(factor int, roles ...string) inventory.Infrastructure {
	f := inventory.Infrastructure{Kind: inventory.KindInfluxDB, Edition: inventory.EditionEnterprise, ReplicationFactor: factor}
	for i, r := range roles {
		f.Nodes = append(f.Nodes, inventory.Node{Name: fmt.Sprint(i), Role: r})
	}
	return f
}

func TestMissingFactsAreUnknown(t *testing.T) {
	on := true
	bare := &inventory.Site{Site: inventory.Identity{ID: "s"}, Clusters: []inventory.Cluster{{ID: "c"}}}
	got := availability.Cluster(bare, &bare.Clusters[0], 1, ninetyNine)
	if got.Known || got.Serving != 0 || got.Full != 0 || got.DowntimePerYear != "8760h" {
		t.Errorf("without a Foundation node: %+v", got)
	}
	want := []string{"no foundation node is listed", "clusteredMode is not given; taken as off", "no database is listed; taken as up"}
	if diff := cmp.Diff(want, got.Unknown); diff != "" {
		t.Error(diff)
	}
	s := &inventory.Site{Site: inventory.Identity{ID: "s"}, Clusters: []inventory.Cluster{{
		ID: "c", ClusteredMode: &on,
		Components: append(foundation(inventory.Node{Name: "f"}),
			inventory.Component{Kind: inventory.ConnectionServer}, inventory.Component{Kind: inventory.LoadBalancerNode},
			inventory.Component{Kind: inventory.Ignite, Mode: inventory.IgniteSeparate}),
		Uses: []inventory.Use{{Infrastructure: "gone", As: inventory.AsDatabase}},
	}}}
	got = availability.Cluster(s, &s.Clusters[0], 1, ninetyNine)
	if !got.Known || math.Abs(got.Serving-0.99) > exact {
		t.Errorf("%+v", got)
	}
	for _, say := range []string{"infrastructure gone", "load-balancer is listed without nodes", "connection-server is listed without nodes", "no zookeeper is listed", "ignite is listed without nodes"} {
		if !slices.ContainsFunc(got.Unknown, func(u string) bool { return strings.Contains(u, say) }) {
			t.Errorf("%v does not say %q", got.Unknown, say)
		}
	}
	got = availability.Cluster(s, &s.Clusters[0], 2, ninetyNine)
	if got.Serving != 0 || !got.Known || len(got.Assumptions) != 1 || got.Contributions[0] != (availability.Contribution{Part: "foundation", Share: 1}) {
		t.Errorf("two needed, one listed: %+v", got)
	}
}

// TestValuesInARelationalDatabase keeps the values in a database of two nodes, of which one is enough.
func TestValuesInARelationalDatabase(t *testing.T) {
	s := onDatabase(inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Nodes: make([]inventory.Node, 2)})
	s.Clusters[0].Uses[0].As = inventory.AsTimeseries
	if got := availability.Cluster(s, &s.Clusters[0], 1, ninetyNine); got.Serving != 1 || math.Abs(got.Full-0.9999) > exact {
		t.Errorf("serving %v, full %v", got.Serving, got.Full)
	}
}

// TestFavoured leaves out what was taken against the cluster, and what bears on full service alone.
func TestFavoured(t *testing.T) {
	s := &inventory.Site{Site: inventory.Identity{ID: "s"}, Clusters: []inventory.Cluster{{ID: "c", Components: foundation(inventory.Node{Name: "f"})}}}
	for _, f := range []inventory.Infrastructure{
		{ID: "nas", Kind: inventory.KindStorage},
		{ID: "meta", Kind: inventory.KindInfluxDB, Edition: inventory.EditionEnterprise, ReplicationFactor: 1, Nodes: []inventory.Node{{Name: "d", Role: "data"}}},
		{ID: "data", Kind: inventory.KindInfluxDB, Edition: inventory.EditionEnterprise, ReplicationFactor: 1, Nodes: []inventory.Node{{Name: "m", Role: "meta"}}},
	} {
		s.Infrastructure = append(s.Infrastructure, f)
		as := inventory.AsTimeseries
		if f.Kind == inventory.KindStorage {
			as = inventory.AsStorage
		}
		s.Clusters[0].Uses = append(s.Clusters[0].Uses, inventory.Use{Infrastructure: f.ID, As: as})
	}
	got := availability.Cluster(s, &s.Clusters[0], 1, ninetyNine)
	if len(got.Unknown) != 5 {
		t.Errorf("unknown is %q", got.Unknown)
	}
	if diff := cmp.Diff([]string{"clusteredMode is not given", "no database is listed"}, got.Favoured()); diff != "" {
		t.Error(diff)
	}
}

func TestMachineGivenTwoChancesTakesTheLower(t *testing.T) {
	low, high, bad := 0.5, 0.7, 1.5
	for _, order := range [][2]*float64{{&low, &high}, {&high, &low}, {&bad, &low}} {
		s := &inventory.Site{Site: inventory.Identity{ID: "s"}, Clusters: []inventory.Cluster{
			{ID: "c", Components: foundation(inventory.Node{Name: "f", Machine: "m"})},
			{ID: "d", Components: foundation(inventory.Node{Name: "g", Machine: "m", Availability: order[0]}, inventory.Node{Name: "h", Machine: "m", Availability: order[1]}, inventory.Node{Name: "i", Machine: "n", Availability: order[1]})},
		}}
		got := availability.Cluster(s, &s.Clusters[0], 1, ninetyNine)
		if math.Abs(got.Serving-0.5) > exact || len(got.Assumptions) != 1 || !strings.Contains(got.Assumptions[0], "machine m") {
			t.Errorf("%v then %v: %+v", *order[0], *order[1], got)
		}
	}
}

func TestEmbeddedIgniteNeedsNoNode(t *testing.T) {
	s := shape(1, 1, 1, ownMachine2)
	want := availability.Cluster(s, &s.Clusters[0], 1, ninetyNine).Serving
	c := &s.Clusters[0]
	c.Components[2].Nodes = nodes("i", 1, ownMachine("i"))
	if got := availability.Cluster(s, c, 1, ninetyNine).Serving; got != want {
		t.Errorf("embedded with nodes: %v, want %v", got, want)
	}
	c.Components[2].Mode = ""
	if got := availability.Cluster(s, c, 1, ninetyNine).Serving; math.Abs(got-want*0.99) > exact {
		t.Errorf("nodes without a mode: %v, want %v", got, want*0.99)
	}
}

// TestOneInfrastructureUsedTwiceIsOne uses a load balancer for two ports.
func TestOneInfrastructureUsedTwiceIsOne(t *testing.T) {
	s := onDatabase(inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EngineH2})
	s.Infrastructure = append(s.Infrastructure, inventory.Infrastructure{ID: "lb", Kind: inventory.KindLoadBalancer})
	c := &s.Clusters[0]
	lb := inventory.Use{Infrastructure: "lb", As: inventory.AsLoadBalancer}
	for range 2 {
		c.Uses = append(c.Uses, lb)
		if got := availability.Cluster(s, c, 1, ninetyNine).Serving; math.Abs(got-0.99*0.99) > exact {
			t.Errorf("%d uses: %v, want %v", len(c.Uses)-1, got, 0.99*0.99)
		}
	}
}

func TestDowntime(t *testing.T) {
	for _, c := range []struct {
		up   float64
		want string
	}{{1, "0s"}, {0.999, "8h46m"}, {0.9999, "52m34s"}, {0.99999, "5m15s"}, {0.9999999, "3s"}, {0.5, "4380h"}} {
		s := onDatabase(inventory.Infrastructure{Kind: inventory.KindDatabase, Engine: inventory.EngineH2, Nodes: []inventory.Node{{Name: "n", Availability: &c.up}}})
		if got := availability.Cluster(s, &s.Clusters[0], 1, ninetyNine).DowntimePerYear; got != c.want {
			t.Errorf("%v: %s, want %s", c.up, got, c.want)
		}
	}
}

// hopping is a cluster with n infrastructures of two nodes each on one machine, which is in one zone for the one and in the
// next for the other.
func hopping(n int, kind inventory.InfrastructureKind, as inventory.UseAs) *inventory.Site {
	s := &inventory.Site{Site: inventory.Identity{ID: "s"}, Clusters: []inventory.Cluster{{ID: "c", Components: foundation(inventory.Node{Name: "f"})}}}
	for i := range n {
		f := inventory.Infrastructure{ID: fmt.Sprint(i), Kind: kind, Engine: inventory.EnginePostgreSQL}
		for z := range 2 {
			f.Nodes = append(f.Nodes, inventory.Node{Name: fmt.Sprint(z), Machine: fmt.Sprint(i), Placement: inventory.Placement{Provider: "azure", Region: "r", Zone: fmt.Sprint((i + z) % n)}})
		}
		s.Infrastructure = append(s.Infrastructure, f)
		s.Clusters[0].Uses = append(s.Clusters[0].Uses, inventory.Use{Infrastructure: f.ID, As: as})
	}
	return s
}

// TestHopping compares with the enumeration by hand: all machines must be up and no two neighbouring zones down.
func TestHopping(t *testing.T) {
	const n, zone, region = 16, 0.9, 0.8
	s := hopping(n, inventory.KindDatabase, inventory.AsDatabase)
	zones := 0.0
	for state := range 1 << n {
		next := state>>1 | state&1<<(n-1)
		if (state|next)&(1<<n-1) == 1<<n-1 {
			up := bits.OnesCount(uint(state))
			zones += math.Pow(zone, float64(up)) * math.Pow(1-zone, float64(n-up))
		}
	}
	want := 0.99 * math.Pow(0.99, n) * region * zones
	got := availability.Cluster(s, &s.Clusters[0], 1, policy.Availability{Machine: 0.99, Zone: zone, Region: region})
	if !got.Known || math.Abs(got.Serving-want) > exact {
		t.Errorf("%v, want %v; unknown is %v", got.Serving, want, got.Unknown)
	}
}

// TestEntangledClusterIsUnknown has machines hop between more zones than can be enumerated.
func TestEntangledClusterIsUnknown(t *testing.T) {
	s := hopping(17, inventory.KindDatabase, inventory.AsDatabase)
	got := availability.Cluster(s, &s.Clusters[0], 1, ninetyNine)
	if got.Known || got.Serving != 0 || !slices.ContainsFunc(got.Unknown, func(u string) bool { return strings.Contains(u, "to compute the availability") }) {
		t.Errorf("%+v", got)
	}
	if w := availability.Weakest(s, &s.Clusters[0], 1, ninetyNine); w != nil {
		t.Errorf("weakest %v", w)
	}
	s = hopping(18, inventory.KindDatabase, inventory.AsDatabase) // the pairs below know the state of one zone
	s.Clusters = append(s.Clusters, s.Clusters[0], s.Clusters[0])
	s.Clusters[1].ID, s.Clusters[2].ID = "d", "e"
	// The third shares one zone with the others and can be computed by itself.
	s.Clusters[2].Components = foundation(inventory.Node{Name: "f", Placement: s.Infrastructure[0].Nodes[0].Placement})
	s.Clusters[2].Uses = nil
	j := availability.Pairs(tenantsOf(s), ninetyNine)
	if len(j) != 3 || !j[0].Unknown || !j[1].Unknown || !j[2].Unknown {
		t.Errorf("pairs %v", j)
	}
	s = hopping(17, inventory.KindInfluxDB, inventory.AsTimeseries)
	got = availability.Cluster(s, &s.Clusters[0], 1, ninetyNine)
	if !got.Known || math.Abs(got.Serving-0.99) > exact || got.Full != 0 || !slices.ContainsFunc(got.Unknown, func(u string) bool { return strings.Contains(u, "to compute full service") }) {
		t.Errorf("for full service alone: %+v", got)
	}
}

// TestTooWideClusterIsUnknown has a machine for every two of many databases, so that none can be decided before nearly all.
func TestTooWideClusterIsUnknown(t *testing.T) {
	wide := func(n int) availability.Result {
		s := &inventory.Site{Site: inventory.Identity{ID: "s"}, Clusters: []inventory.Cluster{{ID: "c", Components: foundation(inventory.Node{Name: "f"})}}}
		for i := range n {
			f := inventory.Infrastructure{ID: fmt.Sprint(i), Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL}
			for j := range n {
				if i != j {
					f.Nodes = append(f.Nodes, inventory.Node{Name: fmt.Sprint(j), Machine: fmt.Sprint(min(i, j), " ", max(i, j))})
				}
			}
			s.Infrastructure = append(s.Infrastructure, f)
			s.Clusters[0].Uses = append(s.Clusters[0].Uses, inventory.Use{Infrastructure: f.ID, As: inventory.AsDatabase})
		}
		return availability.Cluster(s, &s.Clusters[0], 1, policy.Availability{Machine: 0.5})
	}
	if got := wide(40); got.Known || len(got.Unknown) != 2 {
		t.Errorf("%+v", got)
	}
	// Of four databases with six machines none is lost in 41 of 64 states, and Foundation is up in half of them.
	if got := wide(4); !got.Known || math.Abs(got.Serving-41.0/128) > exact {
		t.Errorf("%+v", got)
	}
}

// TestBetterElementsNeverServeLess raises one chance after another.
func TestBetterElementsNeverServeLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &availabilitytest.Draw{T: t, Budget: 14, Consistent: rapid.Bool().Draw(t, "consistent")}
		s := d.Site(2)
		tenants := []availability.Tenant{{Site: s, Cluster: &s.Clusters[0], Need: 1}, {Site: s, Cluster: &s.Clusters[1], Need: 1}}
		sys := availability.Compile(tenants, availabilitytest.Chances())
		before := sys.Result(0)
		joint := sys.Pairs()
		e := &sys.Elements[rapid.IntRange(0, len(sys.Elements)-1).Draw(t, "element")]
		e.Up += (1 - e.Up) * rapid.Float64Range(0, 1).Draw(t, "better")
		after := sys.Result(0)
		if after.Serving < before.Serving-exact || after.Full < before.Full-exact {
			t.Fatalf("%v to %v, full %v to %v", before.Serving, after.Serving, before.Full, after.Full)
		}
		for i, j := range sys.Pairs() {
			if j.AllDown > joint[i].AllDown+exact {
				t.Fatalf("all down %v to %v", joint[i].AllDown, j.AllDown)
			}
			if j.AllDown > 1-after.Serving+exact {
				t.Fatalf("both are down more often than one: %v, %v", j.AllDown, 1-after.Serving)
			}
		}
		if after.Full > after.Serving {
			t.Fatalf("full %v above serving %v", after.Full, after.Serving)
		}
	})
}

// TestNamesDoNotMatter renames everything and reverses every list.
func TestNamesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &availabilitytest.Draw{T: t, Budget: 14, Consistent: rapid.Bool().Draw(t, "consistent")}
		s := d.Site(1)
		before := availability.Cluster(s, &s.Clusters[0], 1, availabilitytest.Chances())
		rename := func(nodes []inventory.Node) {
			slices.Reverse(nodes)
			for i := range nodes {
				nodes[i].Name += "x"
				if nodes[i].Machine != "" {
					nodes[i].Machine = "z" + nodes[i].Machine
				}
				if nodes[i].Placement.Region != "" {
					nodes[i].Placement.Region = "z" + nodes[i].Placement.Region
				}
			}
		}
		for i := range s.Clusters[0].Components {
			rename(s.Clusters[0].Components[i].Nodes)
		}
		for i := range s.Infrastructure {
			f := &s.Infrastructure[i]
			f.ID = "q" + f.ID
			if f.Placement.Region != "" {
				f.Placement.Region = "z" + f.Placement.Region
			}
			rename(f.Nodes)
			rename(f.PgPool)
		}
		for i := range s.Clusters[0].Uses {
			s.Clusters[0].Uses[i].Infrastructure = "q" + s.Clusters[0].Uses[i].Infrastructure
		}
		slices.Reverse(s.Clusters[0].Components)
		slices.Reverse(s.Clusters[0].Uses)
		slices.Reverse(s.Infrastructure)
		after := availability.Cluster(s, &s.Clusters[0], 1, availabilitytest.Chances())
		if math.Abs(before.Serving-after.Serving) > exact || math.Abs(before.Full-after.Full) > exact {
			t.Fatalf("%v and %v, renamed %v and %v", before.Serving, before.Full, after.Serving, after.Full)
		}
	})
}

func TestWeakest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &availabilitytest.Draw{T: t, Budget: 10, Consistent: rapid.Bool().Draw(t, "consistent")}
		s := d.Site(1)
		got := availability.Weakest(s, &s.Clusters[0], 1, availabilitytest.Chances())
		sys := availability.Compile([]availability.Tenant{{Site: s, Cluster: &s.Clusters[0], Need: 1}}, availabilitytest.Chances())
		serving := sys.Result(0).Serving
		var shares []float64
		for i := range sys.Elements {
			held := sys.Elements[i].Up
			sys.Elements[i].Up = 1
			if s := (sys.Result(0).Serving - serving) / (1 - serving); s > 1e-9 {
				shares = append(shares, s)
			}
			sys.Elements[i].Up = held
		}
		slices.Sort(shares)
		slices.Reverse(shares)
		for i, c := range got {
			if c.Share < 0 || c.Share > 1 || c.Part == "" {
				t.Fatalf("%+v", c)
			}
			want := 0.0
			if i < len(shares) {
				want = shares[i]
			}
			if math.Abs(c.Share-want) > 1e-8 {
				t.Fatalf("share %d of %v is %v, want %v", i, got, c.Share, want)
			}
		}
	})
	s := shape(1, 1, 1, ownMachine2)
	s.Clusters[0].Components[0].Nodes[0].Machine = ""
	s.Clusters[0].Components[1].Nodes[0].Placement = inventory.Placement{Provider: "azure", Region: "r", Zone: "1"}
	s.Infrastructure = append(s.Infrastructure, inventory.Infrastructure{ID: "nas", Kind: inventory.KindStorage})
	s.Clusters[0].Uses = append(s.Clusters[0].Uses, inventory.Use{Infrastructure: "nas", As: inventory.AsStorage})
	var parts []string
	for _, c := range availability.Weakest(s, &s.Clusters[0], 1, ninetyNine) {
		parts = append(parts, c.Part)
	}
	slices.Sort(parts)
	if diff := cmp.Diff([]string{"infrastructure:s/nas", "machine:s/c-1", "machine:s/z-1", "node:s/c/f1", "region:azure/r", "zone:azure/r/1"}, parts); diff != "" {
		t.Error(diff)
	}
}

// TestTwoBalancersStandInForEachOther has two load balancers of their own and nothing else that may fail but one server.
func TestTwoBalancersStandInForEachOther(t *testing.T) {
	p, q := 0.99, 0.01
	s := &inventory.Site{
		Site: inventory.Identity{ID: "s"},
		Clusters: []inventory.Cluster{{
			ID: "c", ClusteredMode: new(false), Components: foundation(inventory.Node{Name: "f"}),
			Uses: []inventory.Use{{Infrastructure: "one", As: inventory.AsLoadBalancer}, {Infrastructure: "two", As: inventory.AsLoadBalancer}},
		}},
		Infrastructure: []inventory.Infrastructure{
			{ID: "one", Kind: inventory.KindLoadBalancer, Redundant: new(false)},
			{ID: "two", Kind: inventory.KindLoadBalancer, Redundant: new(false)},
		},
	}
	got := availability.Cluster(s, &s.Clusters[0], 1, ninetyNine)
	if math.Abs(got.Serving-p*(1-q*q)) > exact {
		t.Errorf("serves %v, want %v", got.Serving, p*(1-q*q))
	}
	if diff := cmp.Diff([]string{"no database is listed; taken as up"}, got.Unknown); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"no database is listed"}, got.Favoured()); diff != "" {
		t.Error(diff)
	}
}
