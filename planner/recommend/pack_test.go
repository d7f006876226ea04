package recommend_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

func text(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPackedIsTheSameDocument: what is packed opens as it was, and is the same document however its text was laid out.
func TestPackedIsTheSameDocument(t *testing.T) {
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	sim := sitesim.New(sitesim.Options{Seed: 2, Sites: 40, Start: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)})
	advised, options := 0, 0
	for _, a := range engine.Sites(sim.Sites(0), assess.View{At: sim.At(0, 0)}) {
		for i := range a.Clusters {
			packed := a.Clusters[i].Recommendation
			open := packed.Open()
			advised, options = advised+len(open.Advice), options+len(open.Options)
			if again := recommend.Pack(open); !reflect.DeepEqual(again, packed) {
				t.Fatalf("packed again it is another: %+v, %+v", again, packed)
			}
			want := text(t, open)
			if got := text(t, packed); got != want {
				t.Fatalf("packed\n%s\nopen\n%s", got, want)
			}
			indented, err := json.MarshalIndent(packed, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			for _, from := range [][]byte{[]byte(want), indented} {
				var read recommend.Packed
				if err := json.Unmarshal(from, &read); err != nil {
					t.Fatal(err)
				}
				if got := read.Open(); !reflect.DeepEqual(got, open) {
					t.Fatalf("read from\n%s\nit is %+v, want %+v", from, got, open)
				}
				if got, err := json.Marshal(read); err != nil || !bytes.Equal(got, must(json.Marshal(open))) {
					t.Fatalf("read from\n%s\nit is written as\n%s: %v", from, got, err)
				}
			}
		}
	}
	if advised == 0 || options == 0 {
		t.Errorf("%d advices and %d options: nothing was looked at", advised, options)
	}
}

// TestWordsInCommon: the dictionary holds what recommendations say again and again. Run with -update when they say something else.
func TestWordsInCommon(t *testing.T) {
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	sim := sitesim.New(sitesim.Options{Seed: 3, Sites: 150, Start: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)})
	const room = 32 << 10
	var words []byte
	texts, packed := 0, 0
	for _, a := range engine.Sites(sim.Sites(0), assess.View{At: sim.At(0, 0)}) {
		for i := range a.Clusters {
			r := &a.Clusters[i].Recommendation
			text := must(json.Marshal(r))
			texts, packed = texts+len(text), packed+r.Size()
			if len(words) < room {
				words = append(words, text...)
			}
		}
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile("dictionary.txt", words[:room], 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if packed > texts/7 {
		t.Errorf("%d bytes are packed into %d, more than a seventh", texts, packed)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestPackedWithoutLists(t *testing.T) {
	const empty = `{"architecture":"","reasons":[],"options":[],"rejected":[]}`
	for _, from := range []string{`{}`, empty, `{"reasons":null,"options":null}`} {
		var p recommend.Packed
		if err := json.Unmarshal([]byte(from), &p); err != nil {
			t.Fatal(err)
		}
		if got := string(must(json.Marshal(p))); got != empty {
			t.Errorf("%s is written as %s", from, got)
		}
		if r := p.Open(); r.Options == nil || r.Reasons == nil || r.Rejected == nil {
			t.Errorf("%s has lists that are null: %+v", from, r)
		}
	}
	for _, bad := range []string{`{"options":3}`, `{"options":{"a":1}}`, `{"advice":3}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), new(recommend.Packed)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// TestRemeasured: with other measurements a recommendation becomes what would be made anew.
func TestRemeasured(t *testing.T) {
	engine, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	sim := sitesim.New(sitesim.Options{Seed: 2, Sites: 200, Start: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)})
	changed := 0
	judge := func(s *inventory.Site) *assess.Assessment {
		return engine.Sites([]*inventory.Site{s}, assess.View{At: s.ObservedAt})[0]
	}
	for i := range sim.Len() {
		before := sim.Site(i, 0)
		// Between two places of one's own nobody publishes a round trip.
		for k := range before.Infrastructure {
			if x := &before.Infrastructure[k]; x.Kind == inventory.KindDatabase {
				x.Placement = inventory.Placement{Provider: "on-premise", Region: "far-dc9"}
				for n := range x.Nodes {
					x.Nodes[n].Placement = x.Placement
				}
			}
		}
		was := judge(before)
		for k := range was.Clusters {
			r := &was.Clusters[k].Recommendation
			if !r.Measured() {
				continue
			}
			after := inventory.Clone(before)
			for p := range after.Probes {
				after.Probes[p].P95 += inventory.Duration(time.Millisecond)
			}
			without := inventory.Clone(before)
			without.Probes = nil
			for _, s := range []*inventory.Site{before, after, without} {
				want := judge(s).Clusters[k].Recommendation
				got, ok := r.Remeasured(s, was.Clusters[k].Cluster)
				if had := r.Advice[0].RoundTrip != ""; ok != (had == (want.Advice[0].RoundTrip != "")) {
					t.Fatalf("%s: remeasured %t", s.Site.ID, ok)
				}
				if ok && !reflect.DeepEqual(got, want) {
					t.Fatalf("%s: remeasured %+v, want %+v", s.Site.ID, got, want)
				}
				if ok && !reflect.DeepEqual(got, *r) {
					changed++
				}
			}
		}
	}
	if changed == 0 {
		t.Error("no recommendation states a measurement")
	}
}
