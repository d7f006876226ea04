package mirror_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/federation/state/mirror"
)

// TestAMirrorIsTheNewestOfEachKey: whatever the order in which revisions are heard, and however often, the newest of each
// key is known, and a snapshot stays as it was.
func TestAMirrorIsTheNewestOfEachKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := mirror.New[string]()
		want := map[string]mirror.Entry[string]{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			key := rapid.StringMatching("[a-c]{1,2}").Draw(t, "key")
			snapshot, before := m.All(), maps.Clone(want)
			if rapid.IntRange(0, 4).Draw(t, "remove") == 0 {
				m.Remove(key)
				delete(want, key)
			} else {
				e := mirror.Entry[string]{Key: key, Revision: rapid.Uint64Range(1, 9).Draw(t, "revision"), Value: rapid.String().Draw(t, "value")}
				known, ok := want[key]
				newer := !ok || e.Revision > known.Revision
				if m.Put(e) != newer {
					t.Fatalf("%+v after %+v", e, known)
				}
				if newer {
					want[key] = e
				}
			}
			check(t, "snapshot", snapshot, before)
			check(t, "mirror", m.All(), want)
			got, ok := m.Get(key)
			if wanted, known := want[key]; ok != known || got != wanted {
				t.Fatalf("%s is %+v, want %+v", key, got, wanted)
			}
		}
	})
}

func check(t *rapid.T, what string, all func(func(mirror.Entry[string]) bool), want map[string]mirror.Entry[string]) {
	got := slices.Collect(all)
	sorted := slices.SortedFunc(maps.Values(want), func(a, b mirror.Entry[string]) int { return strings.Compare(a.Key, b.Key) })
	if !slices.Equal(got, sorted) {
		t.Fatalf("the %s holds %v, want %v", what, got, sorted)
	}
}
