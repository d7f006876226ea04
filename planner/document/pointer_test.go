package document_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/document"
)

func TestComparePointers(t *testing.T) {
	want := []string{"", "/a", "/a/0", "/a/1", "/a/2", "/a/2/b", "/a/2/c", "/a/10", "/a/10/b", "/a/b", "/ab", "/b", "/b/0/zone"}
	for range 20 {
		got := slices.Clone(want)
		rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, document.ComparePointers)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}
