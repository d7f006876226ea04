package inventory_test

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// TestStructure: a structure changes with what a site is made of, and with nothing else.
func TestStructure(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		equal bool
	}{
		{`{"observedAt":"x","site":{"id":"a"}}`, `{"observedAt":"y","site":{"id":"a"}}`, true},
		{`{"site":{"id":"a"},"probes":[{"p50":"1ms"}]}`, `{"site":{"id":"a"},"probes":[]}`, true},
		{`{"site":{"id":"a"},"provenance":[],"sources":[1,{"b":","}]}`, `{"site":{"id":"a"},"provenance":["]"],"sources":[]}`, true},
		{`{"site":{"id":"a"}}`, `{"site":{"id":"b"}}`, false},
		{`{"site":{"observedAt":"x"}}`, `{"site":{"observedAt":"y"}}`, false},
		{`{"site":{"id":"\",\"probes\":[1]"}}`, `{"site":{"id":"\",\"probes\":[2]"}}`, false},
		{`{"Probes":[1]}`, `{"Probes":[2]}`, false},
		{`{"a":{"probes":[1]},"probes":[1]}`, `{"a":{"probes":[2]},"probes":[1]}`, false},
		{`[]`, `{}`, false},
	} {
		if got := inventory.StructureOf([]byte(c.a)).Site == inventory.StructureOf([]byte(c.b)).Site; got != c.equal {
			t.Errorf("%s and %s: equal %v, want %v", c.a, c.b, got, c.equal)
		}
	}
}

// TestSeen: what other sites see of a structure is all but the workload of the clusters.
func TestSeen(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		equal bool
	}{
		{`{"clusters":[{"id":"a","workload":{"things":[1,{"b":"}"}]},"uses":[1]}]}`, `{"clusters":[{"id":"a","workload":{},"uses":[1]}]}`, true},
		{`{"clusters":[{"workload":{"x":1}},{"id":"b","workload":null}]}`, `{"clusters":[{"workload":2},{"id":"b","workload":[]}]}`, true},
		{`{"clusters":[{"workload":{"x":1}}]}`, `{"clusters":[{"workload":{"x":2}}]}`, true},
		{`{"clusters":[{"workload":1,"uses":[1]}],"site":{}}`, `{"clusters":[{"workload":2,"uses":[1]}],"site":{}}`, true},
		{`{"clusters":[{"workload":1,"uses":[1]}]}`, `{"clusters":[{"workload":1,"uses":[2]}]}`, false},
		{`{"clusters":[{"workload":1},{"id":"a"}]}`, `{"clusters":[{"workload":1},{"id":"b"}]}`, false},
		{`{"clusters":[{"workload":1}],"site":1}`, `{"clusters":[{"workload":1}],"site":2}`, false},
		{`{"clusters":[{"x":{"workload":1}}]}`, `{"clusters":[{"x":{"workload":2}}]}`, false},
		{`{"clusters":[{"x":"workload","y":1}]}`, `{"clusters":[{"x":"workload","y":2}]}`, false},
		{`{"clusters":[{"x":["workload",1]}]}`, `{"clusters":[{"x":["workload",2]}]}`, false},
		{`{"clusters":[{"Workload":1}]}`, `{"clusters":[{"Workload":2}]}`, false},
		{`{"workload":1}`, `{"workload":2}`, false},
		{`{"site":{"workload":1}}`, `{"site":{"workload":2}}`, false},
		{`{"infrastructure":[{"workload":1}]}`, `{"infrastructure":[{"workload":2}]}`, false},
	} {
		a, b := inventory.StructureOf([]byte(c.a)), inventory.StructureOf([]byte(c.b))
		if got := a.Seen == b.Seen; got != c.equal {
			t.Errorf("%s and %s: seen as equal %v, want %v", c.a, c.b, got, c.equal)
		}
		if a.Site == b.Site {
			t.Errorf("%s and %s have one structure", c.a, c.b)
		}
	}
}

// TestStructureOfSites: of two documents of one site, the structures are equal exactly when the sites are but for what was measured.
func TestStructureOfSites(t *testing.T) {
	f := sitesim.New(sitesim.Options{Seed: 4, Sites: 20, Chances: sitesim.Chances{Demand: 0.2, Failover: 0.1, Upgrade: 0.1}})
	made := func(s *inventory.Site) (structure inventory.Structure, rest, seen string) {
		text, err := inventory.Canonical(s)
		if err != nil {
			t.Fatal(err)
		}
		s.ObservedAt, s.Probes, s.Provenance, s.Sources = f.Start(), nil, nil, nil
		bare, err := inventory.Canonical(s)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Clusters {
			s.Clusters[i].Workload = nil
		}
		others, err := inventory.Canonical(s)
		if err != nil {
			t.Fatal(err)
		}
		return inventory.StructureOf(text), string(bare), string(others)
	}
	same, other, alone := 0, 0, 0
	for i := range f.Len() {
		before, bare, seen := made(f.Site(i, 0))
		for step := 1; step < 6; step++ {
			now, nowBare, nowSeen := made(f.Site(i, step))
			if (before.Site == now.Site) != (bare == nowBare) || (before.Seen == now.Seen) != (seen == nowSeen) {
				t.Errorf("%s at step %d: equal structures %v and %v, equal sites %v and %v", f.ID(i), step, before.Site == now.Site, before.Seen == now.Seen, bare == nowBare, seen == nowSeen)
			}
			if before.Seen == now.Seen && before != now {
				alone++
			}
			if before == now {
				same++
			} else {
				other++
			}
			before, bare, seen = now, nowBare, nowSeen
		}
	}
	if same == 0 || other == 0 || alone == 0 || alone == other {
		t.Errorf("%d steps changed nothing, %d something, %d of them the workload alone", same, other, alone)
	}
}

func FuzzStructureOf(f *testing.F) {
	f.Add([]byte(`{"a":"\\","probes":[{}]}`))
	f.Add([]byte(`{"a`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if inventory.StructureOf(text) != inventory.StructureOf(append([]byte{}, text...)) {
			t.Error("the same text has two structures")
		}
	})
}
