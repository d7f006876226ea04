package sitesim_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sitesim"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

func nodes(s *inventory.Site) int {
	n := 0
	for i := range s.Clusters {
		for k := range s.Clusters[i].Components {
			n += len(s.Clusters[i].Components[k].Nodes)
		}
	}
	for i := range s.Infrastructure {
		n += len(s.Infrastructure[i].Nodes) + len(s.Infrastructure[i].PgPool)
	}
	return n
}

// TestSites holds what the figures rest on: valid documents in canonical spelling, of twelve nodes and some 8 kB.
func TestSites(t *testing.T) {
	regions, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	f := sitesim.New(sitesim.Options{Seed: 1, Sites: 400})
	var sizes []int
	ids := map[string]bool{}
	for i, s := range f.Sites(3) {
		if n := nodes(s); n != sitesim.Nodes {
			t.Errorf("site %d has %d nodes", i, n)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(text))
		read, err := inventory.Parse(s.Site.ID, text, regions)
		if err != nil {
			t.Errorf("site %d is not valid: %v", i, err)
			continue
		}
		if d := cmp.Diff(s, inventory.Normalise(read, regions)); d != "" {
			t.Errorf("site %d is not in canonical spelling (-is +normalised):\n%s", i, d)
		}
		if ids[s.Site.ID] {
			t.Errorf("%s is there twice", s.Site.ID)
		}
		ids[s.Site.ID] = true
		if s.Site.Hub != "" && !ids[s.Site.Hub] {
			t.Errorf("%s names the hub %s, which comes later or never", s.Site.ID, s.Site.Hub)
		}
		if want := f.At(i, 3); !s.ObservedAt.Equal(want) || s.Site.ID != f.ID(i) {
			t.Errorf("site %d is %s of %s", i, s.Site.ID, s.ObservedAt)
		}
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median < 7500 || median > 9000 {
		t.Errorf("the median document has %d bytes, from %d to %d", median, sizes[0], sizes[len(sizes)-1])
	}
}

// TestDeterministic: a site depends on the seed, its number and the step, and on no other site.
func TestDeterministic(t *testing.T) {
	small, large := sitesim.New(sitesim.Options{Seed: 7, Sites: 20}), sitesim.New(sitesim.Options{Seed: 7, Sites: 2000})
	if small.Len() != 20 {
		t.Errorf("%d sites", small.Len())
	}
	for i, s := range small.Sites(0) {
		if d := cmp.Diff(s, large.Site(i, 0)); d != "" {
			t.Fatalf("site %d depends on the size of its fleet:\n%s", i, d)
		}
		later := large.Site(i, 1)
		if cmp.Equal(s, later) {
			t.Errorf("site %d does not live", i)
		}
		if d := cmp.Diff(s.Infrastructure, later.Infrastructure); d != "" {
			t.Errorf("site %d is rebuilt from step to step:\n%s", i, d)
		}
		if cmp.Equal(s.Clusters, sitesim.New(sitesim.Options{Seed: 8, Sites: 20}).Site(i, 0).Clusters) {
			t.Errorf("site %d does not depend on the seed", i)
		}
	}
}

// TestSharing: some infrastructure has tenants in several sites, most has not.
func TestSharing(t *testing.T) {
	across, total := 0, 0
	for _, s := range tenancy.Resolve(sitesim.New(sitesim.Options{Seed: 1, Sites: 400}).Sites(0)) {
		total++
		if len(s.Aliases) > 0 {
			across++
		}
	}
	if across < total/100 || across > total/5 {
		t.Errorf("%d of %d infrastructures are shared across sites", across, total)
	}
}
