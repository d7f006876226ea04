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
		if got := inventory.StructureOf([]byte(c.a)) == inventory.StructureOf([]byte(c.b)); got != c.equal {
			t.Errorf("%s and %s: equal %v, want %v", c.a, c.b, got, c.equal)
		}
	}
}

// TestStructureOfSites: of two documents of one site, the structures are equal exactly when the sites are but for what was measured.
func TestStructureOfSites(t *testing.T) {
	f := sitesim.New(sitesim.Options{Seed: 4, Sites: 20, Chances: sitesim.Chances{Demand: 0.2, Failover: 0.1, Upgrade: 0.1}})
	made := func(s *inventory.Site) (structure inventory.Structure, rest string) {
		text, err := inventory.Canonical(s)
		if err != nil {
			t.Fatal(err)
		}
		s.ObservedAt, s.Probes, s.Provenance, s.Sources = f.Start(), nil, nil, nil
		bare, err := inventory.Canonical(s)
		if err != nil {
			t.Fatal(err)
		}
		return inventory.StructureOf(text), string(bare)
	}
	same, other := 0, 0
	for i := range f.Len() {
		before, bare := made(f.Site(i, 0))
		for step := 1; step < 6; step++ {
			now, nowBare := made(f.Site(i, step))
			if (before == now) != (bare == nowBare) {
				t.Errorf("%s at step %d: equal structures %v, equal sites %v", f.ID(i), step, before == now, bare == nowBare)
			}
			if before == now {
				same++
			} else {
				other++
			}
			before, bare = now, nowBare
		}
	}
	if same == 0 || other == 0 {
		t.Errorf("%d steps changed nothing, %d something", same, other)
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
