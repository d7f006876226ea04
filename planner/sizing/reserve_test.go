package sizing_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
)

func TestReverse(t *testing.T) {
	p := pack(t)
	s := plant(inventory.Infrastructure{Engine: inventory.EnginePostgreSQL, Nodes: []inventory.Node{{CPU: 32, MemoryGiB: 64}}}, nil)
	c := &s.Clusters[0]
	c.Workload.Mashups = example1().Mashups
	c.Workload.GrowthPerYear = 0.1
	// Three medium nodes of which one is spare: 160 requests/s against 61.1, things 100,000 against 250, and the large
	// database's 15,000 writes/s against 11,333.7.
	r := sizing.ReverseInSite(s, c, p)
	if !r.Known || r.Size != sizing.Medium || r.Nodes != 3 || r.Usable != 2 {
		t.Fatalf("%+v", r)
	}
	if r.BreaksFirst != sizing.CriterionWPS || math.Abs(r.Factor-15000/11333.68) > 1e-4 {
		t.Errorf("%s at %v", r.BreaksFirst, r.Factor)
	}
	if want := math.Log(15000/11333.68) / math.Log(1.1); r.Years == nil || math.Abs(*r.Years-want) > 1e-3 {
		t.Errorf("years %v, want %v", r.Years, want)
	}
	last := 0.0
	for _, m := range r.Criteria {
		if m.Factor < last || m.Load <= 0 {
			t.Errorf("criteria not in order: %+v", r.Criteria)
		}
		last = m.Factor
	}
	if len(r.Criteria) != 4 {
		t.Errorf("criteria %+v", r.Criteria)
	}
	// The cluster alone does not know its database; it is taken to match the nodes.
	if r := sizing.Reverse(c, p); math.Abs(r.Factor-12000/11333.68) > 1e-4 || !strings.Contains(strings.Join(r.Assumptions, "\n"), "taken to match") {
		t.Errorf("%+v", r)
	}
	// A database too small for the smallest size promises nothing.
	s.Infrastructure[0].Nodes[0].CPU = 2
	if r := sizing.ReverseInSite(s, c, p); r.Factor != 0 || r.Years == nil || *r.Years != 0 {
		t.Errorf("%+v", r)
	}
	// Managed: by its own size.
	s.Infrastructure[0] = inventory.Infrastructure{ID: "db", Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, CPU: 16, MemoryGiB: 64}
	if r := sizing.ReverseInSite(s, c, p); math.Abs(r.Factor-12000/11333.68) > 1e-4 {
		t.Errorf("%+v", r)
	}
	// Or by its machine type.
	s.Infrastructure[0] = inventory.Infrastructure{ID: "db", Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, SKU: "Standard_D32ds_v5"}
	if r := sizing.ReverseInSite(s, c, p); math.Abs(r.Factor-15000/11333.68) > 1e-4 {
		t.Errorf("%+v", r)
	}
	// InfluxDB leaves the nodes' own limit.
	s.Infrastructure = append(s.Infrastructure, inventory.Infrastructure{ID: "ts", Kind: inventory.KindInfluxDB})
	c.Uses = append(c.Uses, inventory.Use{Infrastructure: "ts", As: inventory.AsTimeseries})
	if r := sizing.ReverseInSite(s, c, p); r.BreaksFirst != sizing.CriterionRequests || math.Abs(r.Factor-160/61.111) > 1e-3 {
		t.Errorf("%+v", r)
	}
}

func TestReverseOfTooLittle(t *testing.T) {
	p := pack(t)
	s := plant(inventory.Infrastructure{}, nil)
	c := &s.Clusters[0]
	c.Components[0].Nodes[0].CPU = 4
	if r := sizing.Reverse(c, p); !r.Known || r.Size != "" || r.Factor != 0 {
		t.Errorf("nodes below the smallest size: %+v", r)
	}
	c.Components[0].Nodes[0].CPU = 0
	if r := sizing.Reverse(c, p); r.Known {
		t.Errorf("nodes of unknown size: %+v", r)
	}
	if r := sizing.Reverse(&inventory.Cluster{Workload: example1()}, p); r.Known {
		t.Errorf("no nodes: %+v", r)
	}
	c.Components[0].Nodes[0].CPU = 16
	c.Workload = &inventory.Workload{Things: []inventory.ThingGroup{{Count: 0}}}
	if r := sizing.Reverse(c, p); r.BreaksFirst != "" || r.Years != nil {
		t.Errorf("no load: %+v", r)
	}
}

// TestReverseAgreesWithSizing grows a workload to just what Reverse promises and just beyond, on one node.
func TestReverseAgreesWithSizing(t *testing.T) {
	p := pack(t)
	rapid.Check(t, func(t *rapid.T) {
		class, _ := p.Class(rapid.SampledFrom([]sizing.Size{sizing.Small, sizing.Medium, sizing.Large}).Draw(t, "size"))
		things := rapid.IntRange(1, 100).Draw(t, "things")
		w := example1()
		w.Things[0].Count = things * 1000
		c := &inventory.Cluster{Workload: w, Components: []inventory.Component{{
			Kind: inventory.Foundation, Nodes: []inventory.Node{{CPU: class.Foundation.CPU, MemoryGiB: class.Foundation.MemoryGiB}},
		}}}
		r := sizing.Reverse(c, p)
		load, _ := sizing.Measure(w)
		grown := func(f float64) sizing.Size {
			return sizing.Load{Things: int(float64(load.Things) * f), WPS: load.WPS * f, Requests: load.Requests * f}.Size(sizing.Target{}, p).Size
		}
		if got := grown(r.Factor * 0.999); got == sizing.Beyond || index(got) > index(class.Size) {
			t.Fatalf("within the promise of %v: %s on %s", r.Factor, got, class.Size)
		}
		if got := grown(r.Factor * 1.001); index(got) <= index(class.Size) {
			t.Fatalf("beyond the promise of %v: %s on %s", r.Factor, got, class.Size)
		}
	})
}

func index(s sizing.Size) int {
	for i, known := range []sizing.Size{sizing.Small, sizing.Medium, sizing.Large, sizing.Beyond} {
		if s == known {
			return i
		}
	}
	return -1
}
