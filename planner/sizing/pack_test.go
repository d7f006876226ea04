package sizing_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/sizing"
)

func builtin(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("data/ptc-9.6.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestBuiltinKeepsToWhatPTCPublishes holds the assumed thresholds to the bounds that PTC's first example implies, and the
// hardware to PTC's table.
func TestBuiltinKeepsToWhatPTCPublishes(t *testing.T) {
	p := pack(t)
	small, _ := p.Class(sizing.Small)
	medium, _ := p.Class(sizing.Medium)
	large, _ := p.Class(sizing.Large)
	for _, c := range []struct {
		what string
		ok   bool
	}{
		{"small carries 6,667 writes/s", small.Limits.WPS.Value >= 6667},
		{"small carries less than 61 requests/s", small.Limits.Requests.Value < 61},
		{"small carries less than 100,000 things", small.Limits.Things.Value < 100000},
		{"medium carries 100,000 things", medium.Limits.Things.Value >= 100000},
		{"medium carries 61.1 requests/s", medium.Limits.Requests.Value >= 61.2},
		{"PostgreSQL carries 15,000 writes/s", large.Limits.WPS.Value == 15000 && large.Limits.WPS.Confidence == sizing.Official},
		{"one connection server carries 100,000 things", p.ConnectionServer.Things.Value == 100000 && p.ConnectionServer.Things.Confidence == sizing.Official},
	} {
		if !c.ok {
			t.Errorf("not so: %s", c.what)
		}
	}
	m := func(cpu, memory float64) sizing.Machine { return sizing.Machine{CPU: cpu, MemoryGiB: memory} }
	azure := func(m sizing.Machine, storage float64, sku string) sizing.Machine {
		m.StorageGiB, m.AzureSKU = storage, sku
		return m
	}
	type row struct{ Foundation, Database, WithInflux, Influx, Flexible, HA sizing.Machine }
	for _, c := range []struct {
		class sizing.Class
		want  row
	}{
		{small, row{azure(m(8, 16), 0, "Standard_F8s_v2"), m(8, 16), m(4, 8), m(4, 8), azure(m(16, 64), 1024, "Standard_D16ds_v5"), sizing.Machine{}}},
		{medium, row{azure(m(16, 32), 0, "Standard_F16s_v2"), m(16, 32), m(8, 16), m(8, 16), azure(m(16, 64), 1024, "Standard_D16ds_v5"), sizing.Machine{}}},
		{large, row{azure(m(32, 64), 0, "Standard_F32s_v2"), m(32, 64), m(16, 32), m(16, 32), azure(m(32, 128), 8192, "Standard_D32ds_v5"), azure(m(48, 192), 8192, "Standard_D48ds_v5")}},
	} {
		got := row{c.class.Foundation, c.class.Database, c.class.DatabaseWithInfluxDB, c.class.InfluxDB, c.class.Flexible, c.class.FlexibleHighAvailability}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.class.Size, diff)
		}
	}
	if p.AzureSKUs.Confidence != sizing.Inferred {
		t.Errorf("the mapping to Azure sizes is labelled %s", p.AzureSKUs.Confidence)
	}
	if beyond, ok := p.Class(sizing.Beyond); !ok || beyond.Size != sizing.Large {
		t.Errorf("beyond has the machines of %s", beyond.Size)
	}
	if _, ok := p.Class("huge"); ok {
		t.Error("a size that the pack does not have is found")
	}
}

func TestPacksAreReplaceable(t *testing.T) {
	data := bytes.Replace(builtin(t), []byte("things: {value: 50000, confidence: assumption,"), []byte("things: {value: 300, confidence: official,"), 1)
	p, err := sizing.ParsePack("own.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	w := example2()
	w.Things[0].Properties = nil
	w.Things[0].Count = 301
	if r := sizing.Workload(w, sizing.Target{}, p); r.Size != sizing.Medium || r.DecidedBy != sizing.CriterionThings {
		t.Errorf("301 things under a limit of 300 are %s by %s", r.Size, r.DecidedBy)
	}
	w.Things[0].Count = 300
	if r := sizing.Workload(w, sizing.Target{}, p); r.Size != sizing.Small {
		t.Errorf("300 things under a limit of 300 are %s", r.Size)
	}
}

func TestBadPacksAreRefused(t *testing.T) {
	for _, c := range []struct{ name, old, new, says string }{
		{"not a document", "apiVersion", "{", "own.yaml"},
		{"other kind", "kind: SizingPack", "kind: Policy", "write SizingPack"},
		{"other version", "meridian/v1", "meridian/v9", "write meridian/v1"},
		{"no version", `version: "2026.11"`, `version: ""`, "version is missing"},
		{"unknown key", "nearThreshold:", "nearTreshold:", "nearTreshold"},
		{"no number", "value: 50000", "value: 0", "sizes/small.limits.things"},
		{"shrinking limit", "value: 50000", "value: 150000", "sizes/medium.limits.things"},
		{"negative", "value: 40,", "value: -40,", "sizes/small.limits.requests"},
		{"no confidence", "value: 40, confidence: assumption", "value: 40, confidence: guess", "official, inferred or assumption"},
		{"no source", `source: "not published; twice small, as its machine is twice"`, `source: " "`, "source is missing"},
		{"share of one", "value: 0.1,", "value: 1,", "nearThreshold.share"},
		{"no machine", "foundation: {cpu: 8, memoryGiB: 16", "foundation: {cpu: 0, memoryGiB: 16", "sizes/small.foundation"},
		{"shrinking machine", "foundation: {cpu: 32, memoryGiB: 64", "foundation: {cpu: 12, memoryGiB: 64", "sizes/large.foundation"},
		{"size missing", "size: medium", "size: middling", "in this order"},
	} {
		data := strings.Replace(string(builtin(t)), c.old, c.new, 1)
		if data == string(builtin(t)) {
			t.Fatalf("%s: %q is not in the pack", c.name, c.old)
		}
		_, err := sizing.ParsePack("own.yaml", []byte(data))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v does not say %q", c.name, err, c.says)
		}
	}
}

func FuzzParsePack(f *testing.F) {
	f.Add(builtin(f))
	f.Add([]byte("apiVersion: meridian/v1\nkind: SizingPack\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := sizing.ParsePack("fuzz.yaml", data)
		if err != nil {
			return
		}
		r := sizing.Workload(example1(), sizing.Target{}, p)
		if !r.Known || r.FoundationNodes < 1 {
			t.Fatalf("an accepted pack gives %+v", r)
		}
	})
}

func TestThousands(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 6667: "6,667", 750000: "750,000", 1234567.5: "1,234,567.5", -1000: "-1,000", -999: "-999", -123456: "-123,456"} {
		if got := sizing.Thousands(n); got != want {
			t.Errorf("%v is written %q, want %q", n, got, want)
		}
	}
	if got := sizing.Thousands(15000); got != "15,000" {
		t.Errorf("15000 is written %q", got)
	}
}
