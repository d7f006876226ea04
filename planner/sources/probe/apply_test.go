package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func nodes(names ...string) []inventory.Node {
	var out []inventory.Node
	for _, n := range names {
		name, role, _ := strings.Cut(n, "=")
		out = append(out, inventory.Node{Name: name, Role: role})
	}
	return out
}

func drawSite(t *rapid.T) *inventory.Site {
	s := &inventory.Site{APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: noon.Add(-time.Hour), Site: inventory.Identity{ID: "s"}}
	for i := range rapid.IntRange(0, 3).Draw(t, "infrastructures") {
		x := inventory.Infrastructure{ID: fmt.Sprintf("i%d", i), Kind: inventory.KindZooKeeper, Version: rapid.SampledFrom([]string{"", "3", "3.8.0"}).Draw(t, "version"), MaxConnections: rapid.IntRange(0, 2).Draw(t, "max")}
		for n := range rapid.IntRange(0, 4).Draw(t, "nodes") {
			x.Nodes = append(x.Nodes, inventory.Node{Name: fmt.Sprintf("n%d", n), Role: rapid.SampledFrom([]string{"", "leader", "replica"}).Draw(t, "role")})
			if rapid.Bool().Draw(t, "proved") {
				s.Provenance = append(s.Provenance, inventory.Provenance{Path: fmt.Sprintf("/infrastructure/%d/nodes/%d/role", i, n), Source: "site-file", Declared: rapid.SampledFrom([]string{"", "follower"}).Draw(t, "declared")})
			}
		}
		s.Infrastructure = append(s.Infrastructure, x)
	}
	return s
}

func drawResults(t *rapid.T) *Results {
	r := &Results{Site: "s", From: rapid.SampledFrom([]string{"", "s/c/n"}).Draw(t, "from"), At: noon}
	for i := range rapid.IntRange(0, 4).Draw(t, "components") {
		c := Component{Name: fmt.Sprintf("probe/i%d", i), Infrastructure: fmt.Sprintf("i%d", i), Status: inventory.SourceOK, At: noon}
		for range rapid.IntRange(0, 4).Draw(t, "facts") {
			f := Fact{Field: rapid.SampledFrom([]Field{FieldVersion, FieldMaxConnections, FieldRole, FieldEdition}).Draw(t, "field"), Value: rapid.SampledFrom([]string{"1", "3.8.0", "follower"}).Draw(t, "value")}
			if f.Field == FieldRole {
				f.Node = rapid.SampledFrom([]string{"n0", "n1", "n9"}).Draw(t, "node")
			}
			if !slices.ContainsFunc(c.Facts, func(o Fact) bool { return o.Field == f.Field && o.Node == f.Node }) {
				c.Facts = append(c.Facts, f)
			}
		}
		if rapid.Bool().Draw(t, "members") {
			c.Members = &Membership{Count: rapid.IntRange(0, 4).Draw(t, "count"), Nodes: []string{"n0"}, Whole: rapid.Bool().Draw(t, "whole")}
			if !c.Members.Whole {
				c.Members.Added = []string{"new.example"}
			}
		}
		if rapid.Bool().Draw(t, "round trip") {
			c.RoundTrips = []RoundTrip{{Kind: inventory.ProbeTCPConnect, P50: 1, P95: 2, Samples: 3, At: noon}}
		}
		r.Components = append(r.Components, c)
	}
	return r
}

// TestApplyLaws: the original stays as it is, applying again changes nothing, and every provenance points at something.
func TestApplyLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		site, r := drawSite(t), drawResults(t)
		before := inventory.Clone(site)
		one := Apply(site, r)
		if d := cmp.Diff(before, site); d != "" {
			t.Fatalf("the original changed: %s", d)
		}
		two := Apply(one, r)
		for i := range two.Provenance {
			// What was declared is replaced by what was observed, so that a second look finds them equal.
			if one.Provenance[i].Path != two.Provenance[i].Path {
				t.Fatalf("provenance moved: %+v %+v", one.Provenance, two.Provenance)
			}
			one.Provenance[i].Declared, two.Provenance[i].Declared = "", ""
		}
		if d := cmp.Diff(one, two); d != "" {
			t.Fatalf("applied twice: %s", d)
		}
		seen := map[string]bool{}
		for _, p := range one.Provenance {
			if seen[p.Path] {
				t.Fatalf("%s has two", p.Path)
			}
			seen[p.Path] = true
			var i, n int
			if k, _ := fmt.Sscanf(p.Path, "/infrastructure/%d/nodes/%d", &i, &n); k == 2 && n >= len(one.Infrastructure[i].Nodes) {
				t.Fatalf("%s points at nothing", p.Path)
			}
		}
	})
}

func TestApplyKeepsWhatWasDeclared(t *testing.T) {
	site := &inventory.Site{
		Site: inventory.Identity{ID: "s"}, ObservedAt: noon.Add(-time.Hour),
		Infrastructure: []inventory.Infrastructure{{ID: "other"}, {ID: "zk", Version: "3.8", Nodes: nodes("a", "b=leader", "c=follower", "d=replica")}},
		Provenance: []inventory.Provenance{
			{Path: "/infrastructure/1/nodes/0/cpu", Source: "azure"},
			{Path: "/infrastructure/1/nodes/2/cpu", Source: "azure", Declared: "8"},
			{Path: "/infrastructure/1/nodes/2", Source: "azure"},
			{Path: "/infrastructure/1/nodes/2/role", Source: "azure", Declared: "leader"},
		},
		Sources: []inventory.Source{{Name: "site-file"}, {Name: "probe/zk", Status: inventory.SourceFailed}},
		Probes:  []inventory.Probe{{From: "s/c/n", To: "zk", Kind: inventory.ProbeTCPConnect, Samples: 1}},
	}
	r := &Results{Site: "s", From: "s/c/n", At: noon, Components: []Component{{
		Name: "probe/zk", Infrastructure: "zk", Status: inventory.SourceOK, At: noon,
		Facts: []Fact{
			{"", FieldVersion, "3.8.4"}, {"b", FieldRole, "follower"}, {"c", FieldRole, "follower"}, {"d", FieldRole, "standby"},
		},
		Members:    &Membership{Count: 3, Nodes: []string{"b", "c", "d"}, Whole: true},
		RoundTrips: []RoundTrip{{Kind: inventory.ProbeTCPConnect, P50: 1000, P95: 2000, Samples: 9, At: noon}},
	}}}
	got := Apply(site, r)
	want := []inventory.Provenance{
		{Path: "/infrastructure/1/nodes/1/cpu", Source: "azure", Declared: "8"},
		{Path: "/infrastructure/1/nodes/1", Source: "azure"},
		{Path: "/infrastructure/1/nodes/1/role", Source: Source, ObservedAt: noon, Declared: "leader"},
		{Path: "/infrastructure/1/nodes", Source: Source, ObservedAt: noon, Declared: "4"},
		{Path: "/infrastructure/1/version", Source: Source, ObservedAt: noon},
		{Path: "/infrastructure/1/nodes/0/role", Source: Source, ObservedAt: noon, Declared: "leader"},
		{Path: "/probes/0", Source: Source, ObservedAt: noon},
	}
	if d := cmp.Diff(want, got.Provenance); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(nodes("b=follower", "c=follower", "d=replica"), got.Infrastructure[1].Nodes); d != "" {
		t.Error(d)
	}
	if len(got.Sources) != 2 || got.Sources[1].Status != inventory.SourceOK || len(got.Probes) != 1 || got.Probes[0].Samples != 9 || !got.ObservedAt.Equal(noon) {
		t.Errorf("%+v", got)
	}
	r.Site = "other"
	if d := cmp.Diff(site, Apply(site, r)); d != "" {
		t.Errorf("another site's results: %s", d)
	}
}

func TestNodesAreMatched(t *testing.T) {
	all := []inventory.Node{{Name: "zk1", Machine: "vm-a"}, {Name: "zk2", Machine: "vm-b"}, {Name: "zk3", Machine: "vm-b"}, {Name: "10", Machine: "10.0.0.7"}}
	for host, want := range map[string]string{"zk1": "zk1", "ZK1": "zk1", "zk2.muc.example": "zk2", "vm-a.example": "zk1", "vm-b": "", "10.0.0.7": "10", "10.0.0.8": "", "zk9": ""} {
		if got := match(all, host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func TestSealIsTheSecondLock(t *testing.T) {
	c := &Component{Facts: []Fact{{"", FieldVersion, "1." + planted}, {"", FieldVersion, "1"}}, Problems: []string{planted}}
	c.finish("told " + planted + strings.Repeat("x", 2*maxDetail))
	c.seal([]string{"", planted})
	if text := fmt.Sprintf("%+v", c); strings.Contains(text, planted) || len(c.Facts) != 1 || len(c.Detail) > maxDetail+10 {
		t.Error(text)
	}
}

type base struct {
	site    *inventory.Site
	sources []inventory.Source
	err     error
}

func (base) Name() string { return "site-file" }
func (b *base) Collect(context.Context) (*inventory.Site, []inventory.Source, error) {
	return b.site, b.sources, b.err
}

func (*base) Watch(ctx context.Context, changed func()) error {
	changed()
	<-ctx.Done()
	return nil
}

func TestLiveSource(t *testing.T) {
	address, n := sourcetest.Serve(t, sourcetest.Silent)
	b := &base{site: &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, Site: inventory.Identity{ID: "s"}, ObservedAt: noon.Add(-time.Hour),
		Infrastructure: []inventory.Infrastructure{{ID: "nas", Kind: inventory.KindStorage, Identity: inventory.ResourceIdentity{Endpoint: "nas.example:/x"}}},
	}}
	now := noon
	p, err := New(Config{Targets: []Target{{Infrastructure: "nas", Addresses: []string{address}}}, Samples: 1, Interval: inventory.Duration(time.Minute), Refresh: inventory.Duration(time.Hour)}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	live := Over(b, p)
	collect := func(connections int64) []inventory.Source {
		t.Helper()
		site, sources, err := live.Collect(context.Background())
		if err != nil || site == b.site || len(sources) != 2 || live.Name() != "site-file" || sources[0].Name != "site-file" || sources[1].Name != "probe/nas" {
			t.Fatalf("%+v, %v", sources, err)
		}
		reach(t, n, connections)
		return sources
	}
	first := collect(1)
	now = now.Add(10 * time.Second)
	collect(1) // the interval has not passed
	b.site = inventory.Clone(b.site)
	b.site.Infrastructure[0].Name = "changed"
	collect(2) // another inventory is asked at once
	now = now.Add(time.Minute)
	same := collect(3)
	if live.kept == live.last || same[1].Detail == "" || first[1].Name != same[1].Name {
		// A loopback connect may take longer than the noise allows on a busy machine; then the newer one is rightly kept.
		if live.kept.says(live.last) && live.kept != live.last {
			t.Error("a result that says the same took the place of the one before")
		}
	}
	now = now.Add(2 * time.Hour)
	collect(4)
	if live.kept != live.last {
		t.Error("a result stays although its time is up")
	}
	b.err = errors.New("no")
	if _, _, err := live.Collect(context.Background()); !errors.Is(err, b.err) {
		t.Errorf("%v", err)
	}
	b.err = nil
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := live.Collect(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a collection that was stopped: %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	called := 0
	if err := live.Watch(ctx, func() { called++; cancel() }); err != nil || called != 1 {
		t.Errorf("%d, %v", called, err)
	}
}

func TestWhatDoesNotAnswerStaysAsItWas(t *testing.T) {
	then := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	site := &inventory.Site{
		Site: inventory.Identity{ID: "s"}, ObservedAt: then.Add(-time.Hour),
		Infrastructure: []inventory.Infrastructure{{ID: "pg", Kind: inventory.KindDatabase, Nodes: []inventory.Node{{Name: "pg1", Role: "primary"}}}},
	}
	last := &Results{Site: "s", Components: []Component{{Name: "probe/pg", Infrastructure: "pg", Status: inventory.SourceOK, At: then, Facts: []Fact{{"pg1", FieldRole, "standby"}}}}}
	now := &Results{Site: "s", Components: []Component{{Name: "probe/pg", Infrastructure: "pg", Status: inventory.SourceFailed, At: then.Add(time.Hour), Detail: "refused"}}}
	now.remember(last)
	again := &Results{Site: "s", Components: []Component{{Name: "probe/pg", Infrastructure: "pg", Status: inventory.SourceFailed, At: then.Add(2 * time.Hour), Detail: "refused"}}}
	again.remember(now)
	applied := Apply(site, again)
	if applied.Infrastructure[0].Nodes[0].Role != "standby" || !applied.ObservedAt.Equal(then) || !applied.Provenance[0].ObservedAt.Equal(then) || applied.Provenance[0].Declared != "primary" {
		t.Errorf("%+v", applied)
	}
	if again.Components[0].Detail != "refused; what it said at 2026-11-20T08:00:00Z is kept" {
		t.Error(again.Components[0].Detail)
	}
	site.Provenance = []inventory.Provenance{{Path: "/infrastructure/0/nodes/0/role", Source: "azure", Declared: "replica", Overruled: []inventory.Overruled{{Source: "x", Value: "standby"}, {Source: "y", Value: "leader"}}}}
	if p := Apply(site, again).Provenance[0]; p.Declared != "replica" || len(p.Overruled) != 2 || p.Overruled[0].Source != "y" || p.Overruled[1].Value != "primary" {
		t.Errorf("what others said is lost: %+v", p)
	}

	path := filepath.Join(t.TempDir(), "probes.json")
	p, err := New(Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := Over(nil, p)
	if err := one.Remember(path); err != nil {
		t.Fatal(err)
	}
	one.last = again
	one.write()
	two := Over(nil, p)
	if err := two.Remember(path); err != nil || !two.last.says(again) {
		t.Errorf("after a restart: %v %+v", err, two.last)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := two.Remember(path); err == nil {
		t.Error("a broken file is no error")
	}
}

func TestSays(t *testing.T) {
	result := func(change func(*Component)) *Results {
		c := Component{Name: "a", Status: inventory.SourceOK, Facts: []Fact{{"n", FieldRole, "leader"}}, Members: &Membership{Count: 3, Nodes: []string{"n"}}, RoundTrips: []RoundTrip{{P50: 10 * time.Millisecond, P95: 20 * time.Millisecond}}}
		change(&c)
		return &Results{Site: "s", Components: []Component{c}}
	}
	same := func(*Component) {}
	for name, c := range map[string]struct {
		change func(*Component)
		want   bool
	}{
		"nothing":      {same, true},
		"noise":        {func(c *Component) { c.RoundTrips[0].P95 += 3 * time.Millisecond; c.Detail = "other numbers" }, true},
		"slower":       {func(c *Component) { c.RoundTrips[0].P95 += 9 * time.Millisecond }, false},
		"no samples":   {func(c *Component) { c.RoundTrips = nil }, false},
		"other role":   {func(c *Component) { c.Facts[0].Value = "follower" }, false},
		"other status": {func(c *Component) { c.Status = inventory.SourcePartial }, false},
		"problem":      {func(c *Component) { c.Problems = []string{"x"} }, false},
		"member gone":  {func(c *Component) { c.Members.Count = 2 }, false},
		"no members":   {func(c *Component) { c.Members = nil }, false},
	} {
		if got := result(same).says(result(c.change)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
