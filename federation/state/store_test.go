package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

func store(t interface{ Fatal(...any) }) *Store {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ids(v fleet.View, after string) []string {
	var out []string
	for r := range v.Sites(after) {
		out = append(out, r.ID)
	}
	return out
}

func TestViewKeepsWhatItSaw(t *testing.T) {
	s := store(t)
	first, err := s.Commit([]*fleet.Record{{ID: "b", Revision: "1"}, {ID: "a", Revision: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	before := s.View()
	second, err := s.Commit([]*fleet.Record{{ID: "a", Revision: "2"}, {ID: "a-b", Revision: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if second <= first {
		t.Errorf("index went from %d to %d", first, second)
	}
	if r, ok := before.Site("a"); !ok || r.Revision != "1" || before.Count() != 2 || before.Index() != first {
		t.Errorf("the earlier view shows %+v, %d sites at %d", r, before.Count(), before.Index())
	}
	after := s.View()
	if r, ok := after.Site("a"); !ok || r.Revision != "2" || after.Count() != 3 || after.Index() != second {
		t.Errorf("the later view shows %+v, %d sites at %d", r, after.Count(), after.Index())
	}
	if _, ok := after.Site("nobody"); ok {
		t.Error("a site that was never stored is found")
	}
}

func TestSitesAreInOrderFromAnyCursor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := store(t)
		names := rapid.SliceOfDistinct(rapid.StringMatching(`[a-c0-1-]{1,4}`), rapid.ID[string]).Draw(t, "ids")
		for _, id := range names {
			if _, err := s.Commit([]*fleet.Record{{ID: id}}); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(names)
		v := s.View()
		if got := ids(v, ""); !slices.Equal(got, names) {
			t.Fatalf("all: %q, want %q", got, names)
		}
		for i, after := range names {
			if got := ids(v, after); !slices.Equal(got, names[i+1:]) {
				t.Fatalf("after %q: %q, want %q", after, got, names[i+1:])
			}
		}
	})
}

func TestCommitBeyondOneTransaction(t *testing.T) {
	s := store(t)
	var records []*fleet.Record
	for i := range 2*maxObjects + 1 {
		records = append(records, &fleet.Record{ID: fmt.Sprintf("s%05d", i)})
	}
	index, err := s.Commit(records)
	if err != nil {
		t.Fatal(err)
	}
	if v := s.View(); v.Count() != len(records) || v.Index() != index || index != 3 {
		t.Errorf("%d sites at %d, want %d in three commits", v.Count(), v.Index(), len(records))
	}
}

func TestRejectionsAreBoundedPerSiteNewestFirst(t *testing.T) {
	s := store(t)
	for seq := uint64(1); seq <= rejectionsKept+5; seq++ {
		for _, site := range []string{"b", "a", "a-b"} {
			if _, err := s.Reject(&fleet.Rejection{Site: site, Sequence: seq}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	for r := range s.View().Rejections() {
		got = append(got, fmt.Sprintf("%s %d", r.Site, r.Sequence))
	}
	var want []string
	for _, site := range []string{"a", "a-b", "b"} {
		for seq := uint64(rejectionsKept + 5); seq > 5; seq-- {
			want = append(want, fmt.Sprintf("%s %d", site, seq))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// TestTenancyListsEachInfrastructureOnce: two sites know one infrastructure; the one whose spelling names it lists it.
func TestTenancyListsEachInfrastructureOnce(t *testing.T) {
	shared := func(name string, tenants ...string) tenancy.Shared {
		return tenancy.Shared{Infrastructure: name, Tenants: tenants}
	}
	s := store(t)
	both := []tenancy.Shared{shared("a/db", "a/x", "b/x"), shared("a/zk", "a/x", "b/x")}
	_, err := s.Commit([]*fleet.Record{
		{ID: "a", Assessment: &assess.Assessment{Tenancy: append(both, shared("a/nas", "a/x"))}},
		{ID: "b", Assessment: &assess.Assessment{Tenancy: append(both, shared("b/lb", "b/x", "b/y"))}},
		{ID: "c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	list := func(after string) string {
		var out []string
		for x := range s.View().Tenancy(after) {
			out = append(out, x.Infrastructure)
		}
		return strings.Join(out, " ")
	}
	for after, want := range map[string]string{"": "a/db a/zk b/lb", "a/db": "a/zk b/lb", "a/zk": "b/lb", "b/lb": "", "zzz/x": ""} {
		if got := list(after); got != want {
			t.Errorf("after %q: %q, want %q", after, got, want)
		}
	}
}

// TestChangedNamesWhatIsAnother: between any two indexes, exactly the sites that were stored; after too many commits nothing is known.
func TestChangedNamesWhatIsAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := store(t)
		views := []fleet.View{s.View()}
		for range rapid.IntRange(1, 10).Draw(t, "commits") {
			if rapid.Bool().Draw(t, "a rejection") {
				if _, err := s.Reject(&fleet.Rejection{Site: "a"}); err != nil {
					t.Fatal(err)
				}
				views = append(views, s.View())
				continue
			}
			var records []*fleet.Record
			for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 3, rapid.ID[string]).Draw(t, "sites") {
				records = append(records, &fleet.Record{ID: id})
			}
			if _, err := s.Commit(records); err != nil {
				t.Fatal(err)
			}
			views = append(views, s.View())
		}
		for i, before := range views {
			for _, now := range views[i:] {
				var want []string
				for r := range now.Sites("") {
					if was, ok := before.Site(r.ID); !ok || was != r {
						want = append(want, r.ID)
					}
				}
				if got, known := now.Changed(before.Index()); !known || !slices.Equal(got, want) {
					t.Fatalf("from %d to %d: %v %v, want %v", before.Index(), now.Index(), got, known, want)
				}
			}
			if _, known := before.Changed(before.Index() + 1); known {
				t.Fatal("what comes later is known")
			}
		}
	})
	s := store(t)
	first := s.View().Index()
	for range changesKept {
		if _, err := s.Commit([]*fleet.Record{{ID: "a"}}); err != nil {
			t.Fatal(err)
		}
	}
	if got, known := s.View().Changed(first); !known || !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v %v after as many commits as are kept", got, known)
	}
	if _, err := s.Commit([]*fleet.Record{{ID: "b"}}); err != nil {
		t.Fatal(err)
	}
	if got, known := s.View().Changed(first); known {
		t.Errorf("%v is said to be all, but a change is forgotten", got)
	}
}
