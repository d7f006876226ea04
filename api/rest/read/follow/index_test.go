package follow

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/state"
	"github.com/meridian-federation/meridian/planner/assess"
)

// shown is what the test makes of a record.
type shown struct{ record *fleet.Record }

func (s *shown) Record() *fleet.Record { return s.record }

func show(r *fleet.Record) *shown { return &shown{r} }

// TestIndexFollowsTheStore: an index and a selection that follow a store from commit to commit are those that are made anew, and
// look again at no site that did not change.
func TestIndexFollowsTheStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, err := state.New()
		if err != nil {
			t.Fatal(err)
		}
		var followed, kept Selections[*shown, string]
		sums := New(show)
		looked := 0
		items := func(s *shown, yield func(string) bool) bool { return yield(s.record.ID + " " + s.record.Revision) }
		match := func(string) bool { looked++; return true }
		commits := rapid.IntRange(1, 12).Draw(t, "commits")
		revision := 0
		for range commits {
			// Many sites, so that chunks are split, and few, so that most are kept; names in and between those that are there.
			n := rapid.SampledFrom([]int{1, 2, 7, 150}).Draw(t, "sites")
			changed := map[string]bool{}
			var records []*fleet.Record
			for _, k := range rapid.SliceOfN(rapid.IntRange(0, 400), n, n).Draw(t, "which") {
				id := fmt.Sprintf("s%03d", k)
				if changed[id] {
					continue
				}
				changed[id] = true
				revision++
				records = append(records, &fleet.Record{ID: id, Revision: fmt.Sprint(revision), Liveness: fleet.Live, Assessment: &assess.Assessment{Coverage: assess.Coverage{FactsKnown: revision}}})
			}
			if _, err := store.Commit(records); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "nobody reads now") {
				continue
			}
			view := store.View()
			before := sums.last.Load()
			f := sums.At(view)
			fresh := New(show).At(view)
			if f.coverage != fresh.coverage || f.index != fresh.index {
				t.Fatalf("coverage %+v at %d, made anew %+v at %d", f.coverage, f.index, fresh.coverage, fresh.index)
			}
			var got, want []*fleet.Record
			for _, c := range f.chunks {
				if len(c.made) == 0 || len(c.made) >= 2*chunkSites {
					t.Fatalf("a chunk of %d sites", len(c.made))
				}
				for _, s := range c.made {
					got = append(got, s.record)
				}
			}
			for r := range view.Sites("") {
				want = append(want, r)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%d sites, want %d", len(got), len(want))
			}
			looked = 0
			sel := followed.Of(f, "", items, match)
			if before != nil {
				others := 0
				for _, r := range want {
					if _, known := before.of(r); !known {
						others++
					}
				}
				if looked != others {
					t.Fatalf("looked at %d sites of which %d had changed", looked, others)
				}
			}
			anew := kept.Of(fresh, fmt.Sprint(fresh.index), items, match)
			if sel.total != anew.total || sel.total != len(want) {
				t.Fatalf("%d selected, anew %d", sel.total, anew.total)
			}
			for _, from := range []string{"", "s000", "s2", want[len(want)/2].ID, "s9"} {
				after := func(s *Selection[*shown, string]) (out []string) {
					for hits := range s.From(from) {
						for _, h := range hits {
							if h >= from {
								out = append(out, h)
							}
						}
					}
					return out
				}
				if a, b := after(sel), after(anew); !reflect.DeepEqual(a, b) {
					t.Fatalf("from %q: %v, anew %v", from, a, b)
				}
			}
		}
	})
}
