package diagram_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/federation/diagram"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // a fixture
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; run with -update and read the difference:\n%s", path, got)
	}
}

func cluster(id string) diagram.Cluster {
	regions := []string{"azure/westeurope"}
	switch {
	case strings.HasPrefix(id, "ham"):
		regions = []string{"azure/northeurope", "azure/westeurope"}
	case strings.HasPrefix(id, "x"):
		regions = nil
	}
	return diagram.Cluster{ID: id, Regions: regions, Environment: map[bool]string{true: "test", false: "production"}[strings.HasSuffix(id, "test")]}
}

// small has what a drawing must get right: two names of one thing, unknown regions, other sites, and texts that the formats would read.
func small() []diagram.Infrastructure {
	return []diagram.Infrastructure{
		{ID: "ber/zk", Kind: "zookeeper", Aliases: []string{"ham/central"}, Region: "azure/westeurope", Tenants: []string{"ber/prod", "ber/test", "ham/prod"}},
		{ID: "ber/db", Kind: "database", Region: "azure/westeurope", Tenants: []string{"ber/prod", "ber/test"}},
		{ID: `x/na"s#1`, Kind: "storage", Tenants: []string{"x/prod"}, Others: 2},
		{ID: "x/lb", Kind: "load-balancer", Tenants: []string{"x/prod"}},
		{ID: "x/none", Kind: "influxdb"},
	}
}

// large has n clusters in sites of four, each site with a database of its own, and a ZooKeeper for every three sites.
func large(n int) []diagram.Infrastructure {
	var out []diagram.Infrastructure
	for s := 0; s*4 < n; s++ {
		site := fmt.Sprintf("site-%03d", s)
		var tenants []string
		for c := range 4 {
			tenants = append(tenants, fmt.Sprintf("%s/c%d", site, c))
		}
		out = append(out, diagram.Infrastructure{ID: site + "/db", Kind: "database", Region: region(site), Tenants: tenants})
		if s%3 == 0 {
			out = append(out, diagram.Infrastructure{ID: site + "/zk", Kind: "zookeeper", Region: region(site), Tenants: tenants})
			continue
		}
		zk := slices.IndexFunc(out, func(i diagram.Infrastructure) bool { return i.ID == fmt.Sprintf("site-%03d/zk", s/3*3) })
		out[zk].Tenants = append(out[zk].Tenants, tenants...)
	}
	return out
}

func region(site string) string {
	var n int
	_, _ = fmt.Sscanf(site, "site-%03d", &n)
	return "azure/" + []string{"northeurope", "westeurope", "eastus"}[n%3]
}

func placed(id string) diagram.Cluster {
	site, _, _ := strings.Cut(id, "/")
	return diagram.Cluster{ID: id, Regions: []string{region(site)}, Environment: "production"}
}

func TestDrawings(t *testing.T) {
	g := diagram.New(small(), cluster)
	data, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "small.json", string(data)+"\n")
	golden(t, "small.dot", g.DOT())
	golden(t, "small.mmd", g.Mermaid())
	g = diagram.New(large(360), placed) // 500 nodes: 360 clusters, 90 databases, 30 ensembles and what else
	golden(t, "large.dot", g.DOT())
	golden(t, "large.mmd", g.Mermaid())
	if empty := diagram.New(nil, cluster); len(empty.Nodes) != 0 || !strings.HasPrefix(empty.DOT(), "digraph") || empty.Mermaid() != "flowchart LR\n" {
		t.Errorf("nothing is drawn as %q", empty.DOT())
	}
}

// TestDrawingsStayReadable: whatever the size, a drawing has few enough edges and characters for Mermaid, each box is closed, and each
// edge joins nodes that are drawn.
func TestDrawingsStayReadable(t *testing.T) {
	for _, n := range []int{4, 40, 500, 2000} {
		g := diagram.New(large(n), placed)
		folded, note := g.Fold()
		if (note != "") != (folded != g) || len(folded.Edges) > 500 {
			t.Errorf("%d clusters: %d edges, %q", n, len(folded.Edges), note)
		}
		m := g.Mermaid()
		if len(m) > 50_000 || strings.Count(m, "subgraph ") != strings.Count(m, "end\n") {
			t.Errorf("%d clusters: %d characters", n, len(m))
		}
		if d := g.DOT(); strings.Count(d, "{\n") != strings.Count(d, "}\n") {
			t.Errorf("%d clusters: boxes are left open", n)
		}
		clusters := 0
		for _, x := range folded.Nodes {
			clusters += x.Clusters
		}
		if clusters != n {
			t.Errorf("%d clusters: %d are drawn", n, clusters)
		}
	}
}

// TestOrderDoesNotMatter: the same relation has the same texts.
func TestOrderDoesNotMatter(t *testing.T) {
	all := append(small(), large(200)...)
	both := func(id string) diagram.Cluster {
		if strings.HasPrefix(id, "site-") {
			return placed(id)
		}
		return cluster(id)
	}
	want := diagram.New(all, both)
	rapid.Check(t, func(t *rapid.T) {
		got := diagram.New(rapid.Permutation(all).Draw(t, "order"), both)
		if got.DOT() != want.DOT() || got.Mermaid() != want.Mermaid() {
			t.Fatal("another order is another drawing")
		}
	})
}
