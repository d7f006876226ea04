package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	clickhouseembedded "github.com/meridian-federation/meridian/federation/history/embedded"
)

func TestMain(m *testing.M) {
	clickhouseembedded.Main() // Returns at once unless this process was started as the embedded ClickHouse.
	os.Exit(m.Run())
}

// TestQuick runs every measurement on small inputs: all figures are there, and each side did something. How fast it was is
// not judged, since tests run on busy machines.
func TestQuick(t *testing.T) {
	var out, talk bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-o", "json"}, &out, &talk); err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("stdout is not JSON: %v\n%s", err, out.Bytes())
	}
	var ids []string
	for _, f := range r.Figures {
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
			if f.Target == "" || f.Met == nil {
				t.Errorf("%s has no target: %+v", f.ID, f)
			}
		}
		if f.Ours.Nano <= 0 || f.Raw.Nano <= 0 || f.Ratio <= 0 || f.Spread[0] > f.Ratio || f.Spread[1] < f.Ratio || f.Rounds != 1 || f.Figure == "" || f.Is == "" {
			t.Errorf("incomplete figure %+v", f)
		}
	}
	if want := []string{"B1", "B2", "B5", "B6", "B7", "B8", "B9", "B10", "B3", "B15", "B4", "B11", "B12"}; !slices.Equal(ids, want) {
		t.Errorf("figures %v, want %v", ids, want)
	}
}

// TestDrawnLayoutsAreKnown holds that no layout of 60 nodes is given up, however its nodes are strewn.
func TestDrawnLayoutsAreKnown(t *testing.T) {
	for clusters := 1; clusters <= 2; clusters++ {
		for _, stray := range []float64{0, 0.1, 1} {
			l := layout{Rand: rand.New(rand.NewPCG(1, 2)), nodes: 60, machines: 40, zones: 5, clusters: clusters, stray: stray}
			for i := range 100 {
				if tenants := l.tenants(); !answer(tenants) {
					t.Fatalf("layout %d of %d clusters with %g of the nodes elsewhere is unknown", i, clusters, stray)
				}
			}
		}
	}
}

func TestTable(t *testing.T) {
	var out, talk bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-only", "b12, B3"}, &out, &talk); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"RAW OR PEER", "B3 ", "B12 ", "raw: System.Judge", "A quick run"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "B4 ") {
		t.Errorf("what was not asked for was measured:\n%s", text)
	}
}

func TestRefuses(t *testing.T) {
	for _, args := range [][]string{{"-only", "B99"}, {"-o", "xml"}, {"-rounds", "0"}, {"-sites", "1"}, {"word"}, {"-cpuprofile", "/no/such/folder/x"}} {
		var out, talk bytes.Buffer
		if err := run(t.Context(), args, &out, &talk); err == nil || out.Len() > 0 {
			t.Errorf("%v: error %v, stdout %q", args, err, out.String())
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		nano float64
		want string
	}{
		{12, "12 ns"}, {1234, "1.23 µs"}, {5.6e6, "5.6 ms"}, {2e9, "2 s"}, {90e9, "1m30s"}, {3.1536e17, "10 years"}, {3.1536e25, "1.00e+09 years"},
	} {
		if got := duration(c.nano); got != c.want {
			t.Errorf("%g ns is written %q, want %q", c.nano, got, c.want)
		}
	}
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median %g", got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("median %g", got)
	}
}
