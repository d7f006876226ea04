package exchange

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/meridian-federation/meridian/planner/rules"
)

const sited = `apiVersion: meridian/v1
kind: SiteInventory
observedAt: 2026-11-20T08:00:00Z
site: {id: lyo-07}
clusters:
  - id: test
  - id: prod
    components:
      - kind: connection-server
        nodes:
          - {name: cx}
      - kind: foundation
        nodes:
          - {name: f1}
          - {name: f2}
infrastructure:
  - id: zk
    kind: zookeeper
  - id: pg
    kind: database
    nodes:
      - {name: pg1}
    pgpool:
      - {name: pp1}
`

// A finding leads to the closest thing to its subject that the file lists.
func TestPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lyo-07.yaml")
	if err := os.WriteFile(path, []byte(sited), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(t.TempDir(), "gone.yaml")
	p := NewPlaces(map[string]string{"lyo-07": path, "gone-01": gone})
	for _, c := range []struct {
		subject rules.Subject
		path    string
		line    int
	}{
		{rules.Subject{Site: "lyo-07"}, path, 4},
		{rules.Subject{Site: "lyo-07", Cluster: "test"}, path, 6},
		{rules.Subject{Site: "lyo-07", Cluster: "prod"}, path, 7},
		{rules.Subject{Site: "lyo-07", Cluster: "prod", Node: "f2"}, path, 15},
		{rules.Subject{Site: "lyo-07", Cluster: "prod", Node: "other"}, path, 7},
		{rules.Subject{Site: "lyo-07", Cluster: "prod", Infrastructure: "lyo-07/zk"}, path, 17},
		{rules.Subject{Site: "lyo-07", Infrastructure: "lyo-07/pg"}, path, 19},
		{rules.Subject{Site: "lyo-07", Infrastructure: "lyo-07/pg", Node: "pg1"}, path, 22},
		{rules.Subject{Site: "lyo-07", Infrastructure: "lyo-07/pg", Node: "pp1"}, path, 24},
		{rules.Subject{Site: "lyo-07", Cluster: "prod", Infrastructure: "ber-02/zk"}, path, 7},
		{rules.Subject{Site: "lyo-07", Infrastructure: "ber-02/zk"}, path, 4},
		{rules.Subject{Site: "gone-01"}, gone, 0},
	} {
		if at, ok := p.Of(c.subject); !ok || at.Path != c.path || at.Line != c.line {
			t.Errorf("%+v: %v, want line %d", c.subject, at, c.line)
		}
	}
	if at, ok := p.Of(rules.Subject{Site: "ber-02"}); ok {
		t.Errorf("a site that no file is of: %v", at)
	}
	if got := (Place{Path: "a"}).String() + " " + (Place{Path: "a", Line: 7}).String(); got != "a a:7" {
		t.Error(got)
	}
}

func TestFileURI(t *testing.T) {
	for path, want := range map[string]string{
		"sites/lyo 07.yaml": "sites/lyo%2007.yaml",
		"./a.yaml":          "a.yaml",
		"../a.yaml":         "../a.yaml",
		"/srv/a.yaml":       "file:///srv/a.yaml",
		"a:b.yaml":          "./a:b.yaml",
	} {
		if got := fileURI(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestWebAddress(t *testing.T) {
	for reference, want := range map[string]string{
		"https://example.com/a":                        "https://example.com/a",
		"PTC Help Center, Sizing":                      "",
		"https://example.com/a; https://example.com/b": "",
		"http://example.com":                           "",
	} {
		if got := webAddress(reference); got != want {
			t.Errorf("%s: %q", reference, got)
		}
	}
}

func TestSubject(t *testing.T) {
	for want, s := range map[string]rules.Subject{
		"a":          {Site: "a"},
		"a/b":        {Site: "a", Cluster: "b"},
		"a/b c/d":    {Site: "a", Cluster: "b", Infrastructure: "c/d"},
		"c/d":        {Site: "a", Infrastructure: "c/d"},
		"a/b n1":     {Site: "a", Cluster: "b", Node: "n1"},
		"a/b c/d n1": {Site: "a", Cluster: "b", Infrastructure: "c/d", Node: "n1"},
	} {
		if got := Subject(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
