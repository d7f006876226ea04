package recommend

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSituations(t *testing.T) {
	e := builtin(t)
	for name, in := range e.situations(t) {
		t.Run(name, func(t *testing.T) {
			got := marshal(t, Cluster(in))
			path := filepath.Join("testdata", name+".golden.json")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the recommendation changed (-want +got); check it and run with -update:\n%s", diff)
			}
		})
	}
}

// What each situation must come to, whatever the wording.
func TestSituationsAreAnsweredAsAnArchitectWould(t *testing.T) {
	in := builtin(t).situations(t)
	for name, want := range map[string]string{
		"far-database": "ha-cluster", "shared-boxes": "minimum-footprint", "silent-tenant": "ha-cluster", "central": "basic-production",
		"meters": "large-production", "bench": "development", "new-plant": "ha-cluster",
	} {
		r := Cluster(in[name])
		if r.Architecture != want {
			t.Errorf("%s: recommended %q, want %q (%v)", name, r.Architecture, want, r.Rejected)
		}
		if got := in[name].Recognised.Architecture; name != "new-plant" && got != want {
			t.Errorf("%s: recognised as %q, want %q", name, got, want)
		}
	}
}
