package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
)

var update = flag.Bool("update", false, "rewrite golden files")

func regions(t testing.TB) *geo.Table {
	t.Helper()
	tb, err := geo.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

func full(t testing.TB) ([]byte, *Site) {
	t.Helper()
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse("full.yaml", data, regions(t))
	if err != nil {
		t.Fatal(err)
	}
	return data, s
}

func TestFullDocument(t *testing.T) {
	_, s := full(t)
	n := Normalise(s, regions(t))
	got, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile("testdata/full.golden.json", got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/full.golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the normalised document changed; -update after checking:\n%s", cmp.Diff(string(want), string(got)))
	}
	again, err := Parse("full.golden.json", got, regions(t))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(n, Normalise(again, regions(t))); d != "" {
		t.Errorf("the normalised document reads differently: %s", d)
	}
	if r := Revision(n); r != Revision(Normalise(again, regions(t))) || !strings.HasPrefix(r, "20261120T080000.000Z-") || len(r) != len("20261120T080000.000Z-0123456789ab") {
		t.Errorf("revision %s", r)
	}
}

// fill sets every field of a value to something, so that a copy that forgets one is found out.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(*n), 0)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		fill(e, n)
		v.SetMapIndex(reflect.ValueOf("k"), e)
	case reflect.String:
		v.SetString("Text " + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n))
	default:
		panic(v.Kind())
	}
}

// overwrite changes everything that can be reached through a value.
func overwrite(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		overwrite(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Time{}))
			return
		}
		for i := range v.NumField() {
			overwrite(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			overwrite(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			v.SetMapIndex(k, reflect.Zero(v.Type().Elem()))
		}
	default:
		v.SetZero()
	}
}

func TestCloneSharesNothing(t *testing.T) {
	make2 := func() *Site { s, n := &Site{}, 0; fill(reflect.ValueOf(s).Elem(), &n); return s }
	s, same := make2(), make2()
	c := Clone(s)
	if d := cmp.Diff(s, c); d != "" {
		t.Fatalf("the copy differs: %s", d)
	}
	overwrite(reflect.ValueOf(c).Elem())
	if d := cmp.Diff(same, s); d != "" {
		t.Errorf("changing the copy changed the original: %s", d)
	}
	if Clone(nil) != nil {
		t.Error("a copy of nothing is something")
	}
	before := make2()
	Normalise(s, regions(t))
	if d := cmp.Diff(before, s); d != "" {
		t.Errorf("Normalise changed its argument: %s", d)
	}
}

func draw(t *rapid.T) *Site {
	text := rapid.SampledFrom([]string{"", "azure", "Azure", "on-premise", "aws", "West Europe", "westeurope", "north-europe", "ber-dc1", " x ", "1", "v9.6", "9.6.2", "/a//b/", "a/", "PG.Example.:5432", "zk2:2181,zk1/c", `\\n\s\`, "jdbc:sqlserver://h;user=x;database=d", "http://u:p@h:8086/?x=1", "de", "Europe", "APAC", "smb://u@h//s/", "//", "a=b?password=c", "/"})
	num := rapid.IntRange(0, 2)
	at := func(l string) time.Time {
		return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, l), 0).In(time.FixedZone("x", 3600))
	}
	place := func() Placement {
		return Placement{text.Draw(t, "provider"), text.Draw(t, "region"), text.Draw(t, "zone"), text.Draw(t, "pzone")}
	}
	nodes := func() (out []Node) {
		for range num.Draw(t, "nodes") {
			out = append(out, Node{Name: text.Draw(t, "node"), Machine: text.Draw(t, "machine"), Placement: place(), Settings: NodeSettings{ThingworxVersion: text.Draw(t, "version")}})
		}
		return out
	}
	s := &Site{ObservedAt: at("observed"), Site: Identity{Country: text.Draw(t, "country")}}
	for range num.Draw(t, "clusters") {
		c := Cluster{ThingworxVersion: text.Draw(t, "version"), Components: []Component{{BasePath: text.Draw(t, "base"), Nodes: nodes()}}}
		if rapid.Bool().Draw(t, "objectives") {
			c.Objectives = &Objectives{Geographies: []string{text.Draw(t, "geo")}}
		}
		c.Uses = []Use{{Namespace: text.Draw(t, "ns"), IgniteBasePath: text.Draw(t, "ib"), ConnectionServerBasePath: text.Draw(t, "cb"), Database: text.Draw(t, "db"), Schema: text.Draw(t, "sc"), Path: text.Draw(t, "path"), HealthPath: text.Draw(t, "hp")}}
		s.Clusters = append(s.Clusters, c)
	}
	for range num.Draw(t, "infrastructure") {
		s.Infrastructure = append(s.Infrastructure, Infrastructure{
			Kind:   rapid.SampledFrom([]InfrastructureKind{KindDatabase, KindZooKeeper, KindStorage, KindLoadBalancer, KindInfluxDB}).Draw(t, "kind"),
			Engine: rapid.SampledFrom([]Engine{"", EnginePostgreSQL, EngineAzureSQL}).Draw(t, "engine"), Version: text.Draw(t, "version"), Placement: place(),
			Identity: ResourceIdentity{ARMID: text.Draw(t, "arm"), Endpoint: text.Draw(t, "endpoint"), Addresses: []string{text.Draw(t, "address")}}, FailoverEndpoint: text.Draw(t, "failover"),
			Nodes: nodes(), PgPool: nodes(), Replicas: []Replica{{Region: text.Draw(t, "rr"), Zone: text.Draw(t, "rz")}}, HighAvailability: &HighAvailability{StandbyZone: text.Draw(t, "sz")},
		})
	}
	s.Probes = []Probe{{At: at("probe")}}
	s.Provenance = []Provenance{{ObservedAt: at("prov"), AttestedUntil: at("attested"), Declared: text.Draw(t, "declared")}}
	s.Sources = []Source{{At: at("source"), Detail: text.Draw(t, "detail")}}
	return s
}

func TestNormaliseIsIdempotentAndPure(t *testing.T) {
	tb := regions(t)
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		before := Clone(s)
		once := Normalise(s, tb)
		if d := cmp.Diff(before, s); d != "" {
			t.Fatalf("Normalise changed its argument: %s", d)
		}
		twice := Normalise(once, tb)
		if d := cmp.Diff(once, twice); d != "" {
			t.Fatalf("normalising twice changes something: %s", d)
		}
		if Revision(once) != Revision(twice) {
			t.Fatal("revisions differ")
		}
		for i := range s.Infrastructure {
			if d := cmp.Diff(Keys("s", &s.Infrastructure[i]), Keys("s", &once.Infrastructure[i])); d != "" {
				t.Fatalf("keys differ: %s", d)
			}
		}
	})
}

func TestRevision(t *testing.T) {
	_, s := full(t)
	n := Normalise(s, regions(t))
	r := Revision(n)
	n.Clusters[0].Uses[1].PoolMax++
	if changed := Revision(n); changed == r || changed[:20] != r[:20] {
		t.Errorf("revision %s after a change, %s before", changed, r)
	}
	n.ObservedAt = n.ObservedAt.Add(time.Millisecond)
	if later := Revision(n); later <= r || !strings.HasPrefix(later, "20261120T080000.001Z-") {
		t.Errorf("a later revision %s does not sort after %s", later, r)
	}
}

func TestCheckTime(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for ahead, ok := range map[time.Duration]bool{-time.Hour: true, 0: true, MaxAhead: true, MaxAhead + time.Second: false, 24 * time.Hour: false} {
		err := CheckTime(&Site{ObservedAt: now.Add(ahead)}, now)
		var e *document.Error
		if (err == nil) != ok || err != nil && (!errors.As(err, &e) || e.Problems[0].Path != "/observedAt") {
			t.Errorf("%v ahead: %v", ahead, err)
		}
	}
}

func TestPlacementConflicts(t *testing.T) {
	place := func(region, zone string) Placement { return Placement{Provider: "azure", Region: region, Zone: zone} }
	s := &Site{
		Clusters: []Cluster{{ID: "a", Components: []Component{{Nodes: []Node{
			{Name: "n1", Machine: "vm-b", Placement: place("westeurope", "1")},
			{Name: "n2", Machine: "vm-a", Placement: place("westeurope", "1")},
			{Name: "n3", Placement: place("eastus", "")},
			{Name: "n4", Machine: "vm-c", Placement: place("westeurope", "")},
		}}}}},
		Infrastructure: []Infrastructure{{ID: "zk", Nodes: []Node{{Name: "z1", Machine: "vm-b", Placement: place("westeurope", "2")}, {Name: "z2", Machine: "vm-c", Placement: place("", "3")}}, PgPool: []Node{{Name: "p", Machine: "vm-a", Placement: place("northeurope", "")}}}},
	}
	want := []PlacementConflict{
		{Machine: "vm-a", Nodes: []string{"a/n2", "zk/p"}, Placements: []Placement{place("westeurope", "1"), place("northeurope", "")}},
		{Machine: "vm-b", Nodes: []string{"a/n1", "zk/z1"}, Placements: []Placement{place("westeurope", "1"), place("westeurope", "2")}},
	}
	if d := cmp.Diff(want, PlacementConflicts(s)); d != "" {
		t.Error(d)
	}
	if got := PlacementConflicts(&Site{}); got != nil {
		t.Errorf("%v", got)
	}
}

func TestSize(t *testing.T) {
	_, err := Parse("big.yaml", make([]byte, MaxDocument+1), nil)
	if err == nil || err.Error() != "big.yaml: the document has 8388609 bytes, the limit is 8388608; split the site in two, or leave out what planning does not need" {
		t.Error(err)
	}
}

func TestTypes(t *testing.T) {
	_, s := full(t)
	c := &s.Clusters[0]
	if s.Key(c) != "lyo-07/prod" || s.Infra("zk").Kind != KindZooKeeper || s.Infra("none") != nil || len(c.Used(AsDatabase)) != 1 || len(c.Used("none")) != 0 ||
		len(c.Nodes(Foundation)) != 2 || !c.Clustered() || (&Cluster{}).Clustered() || EnginePostgreSQL.Managed() || !EngineAzureSQL.Managed() {
		t.Error("a look-up is wrong")
	}
	for text, d := range map[string]time.Duration{"0s": 0, "15m": 15 * time.Minute, "1h": time.Hour, "1h5m": 65 * time.Minute, "90s": 0, "1m30s": 90 * time.Second, "100ms": 100 * time.Millisecond, "10h": 10 * time.Hour, "20m": 20 * time.Minute} {
		if d == 0 && text != "0s" {
			continue
		}
		if got := Duration(d).String(); got != text {
			t.Errorf("%v is written %s, want %s", d, got, text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(rapid.Int64().Draw(t, "d"))
		text, err := d.MarshalText()
		var back Duration
		if err != nil || back.UnmarshalText(text) != nil || back != d {
			t.Fatalf("%v is written %s and read %v", time.Duration(d), text, back)
		}
	})
	var d Duration
	if err := d.UnmarshalText([]byte("soon")); err == nil {
		t.Error("soon is a duration")
	}
}

// The examples and recorded documents of the corpus are read in place when it is there.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("MERIDIAN_CORPUS")
	if corpus == "" {
		t.Skip("MERIDIAN_CORPUS is not set")
	}
	files, err := filepath.Glob(filepath.Join(corpus, "examples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	tb := regions(t)
	keys := map[string][]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(f, data, tb)
		if err != nil {
			t.Error(err)
			continue
		}
		n := Normalise(s, tb)
		for i := range n.Infrastructure {
			x := &n.Infrastructure[i]
			keys[n.Site.ID+"/"+x.ID] = Keys(n.Site.ID, x)
			if r := x.Placement.Region; x.Placement.Provider == "azure" && strings.ToLower(r) != r {
				t.Errorf("%s: region %q", f, r)
			}
		}
	}
	for _, pair := range [][2]string{{"ber-02/zk", "ham-03/zk-central"}, {"ber-02/pg", "ham-03/db"}} {
		if d := cmp.Diff(keys[pair[0]], keys[pair[1]]); d != "" || len(keys[pair[0]]) == 0 {
			t.Errorf("%v are one infrastructure: %s", pair, d)
		}
	}
	if cmp.Equal(keys["ber-02/nas"], keys["ham-03/share"]) {
		t.Error("two filers are one")
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"apiVersion":"meridian/v1","kind":"SiteInventory","observedAt":"2026-11-20T08:00:00Z","site":{"id":"a"},"probes":[{"from":"a/b/c","to":"d","kind":"tcp-connect"}]}`))
	tb := regions(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("x.yaml", data, tb)
		if err != nil {
			var e *document.Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *document.Error", err)
			}
			return
		}
		n := Normalise(s, tb)
		if problems := Validate(n, tb); len(problems) > 0 {
			t.Fatalf("the normalised site is invalid: %v", problems)
		}
		text, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("x.json", text, tb)
		if err != nil {
			t.Fatalf("the normalised site cannot be read: %v", err)
		}
		if Revision(Normalise(again, tb)) != Revision(n) {
			t.Fatalf("%s", text)
		}
	})
}

func BenchmarkSite(b *testing.B) {
	tb := regions(b)
	yaml, s := full(b)
	data, err := json.Marshal(s)
	if err != nil {
		b.Fatal(err)
	}
	n := Normalise(s, tb)
	for name, f := range map[string]func(){
		"encoding-json": func() { var s Site; _ = json.Unmarshal(data, &s) },
		"parse-json":    func() { _, _ = Parse("x.json", data, tb) },
		"parse-yaml":    func() { _, _ = Parse("x.yaml", yaml, tb) },
		"validate":      func() { Validate(s, tb) },
		"normalise":     func() { Normalise(s, tb) },
		"revision":      func() { Revision(n) },
		"keys": func() {
			for i := range n.Infrastructure {
				Keys("x", &n.Infrastructure[i])
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
