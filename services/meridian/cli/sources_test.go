package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/collect"
	"github.com/meridian-federation/meridian/planner/sources/probe"
	"github.com/meridian-federation/meridian/services/meridian/cli"
	"github.com/meridian-federation/meridian/services/planner/daemon"
)

const sourcesSite = `apiVersion: meridian/v1
kind: SiteInventory
observedAt: 2026-11-20T08:00:00Z
site: {id: muc-01, country: DE}
clusters:
  - id: prod
    environment: production
    components: [{kind: foundation, nodes: [{name: twx-1, machine: twx-1}]}]
    uses: [{infrastructure: pg-1, as: database, database: thingworx, poolMax: 100}]
infrastructure:
  - {id: pg-1, kind: database, engine: postgresql, nodes: [{name: pg1, role: standby}]}
`

const sourcesSettings = `{"PersistenceProviderPackageConfigs": {"PostgresPersistenceProviderPackage": {"ConnectionInformation": {
  "jdbcUrl": "jdbc:postgresql://planted:planted@pg-1.example.com:5432/thingworx?password=planted", "username": "planted", "password": "planted", "maxPoolSize": "80"}}}}`

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSourcesOfFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/site.yaml", sourcesSite)
	put(t, dir+"/twx-1/platform-settings.json", sourcesSettings)
	code, stdout, stderr := run(context.Background(), "sources", dir, "-o", "json")
	var a struct {
		Site      string
		Conflicts int
		Facts     []struct {
			Path, Source, Standing, Why string
			Value                       any
			InForce                     bool
		}
		Sources []inventory.Source
		Missing []struct {
			Fact        string
			Rules, From []string
		}
	}
	if err := json.Unmarshal([]byte(stdout), &a); err != nil || code != cli.ExitClean {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, stdout, stderr)
	}
	values := map[string]any{}
	for _, f := range a.Facts {
		if f.Path == "/clusters/0/uses/0/poolMax" {
			values[f.Source] = f.Value
			if f.InForce != (f.Source == "hostconfig") || (f.Why == "") != f.InForce {
				t.Errorf("%+v", f)
			}
		}
	}
	if a.Site != "muc-01" || a.Conflicts != 1 || values["hostconfig"] != 80.0 || values["site-file"] != 100.0 || len(a.Sources) != 2 {
		t.Errorf("%+v", a)
	}
	told := false
	for _, m := range a.Missing {
		told = told || strings.HasPrefix(m.Fact, "placement.region of twx-1") && len(m.Rules) > 0 && m.From[0] == "azure"
		if strings.HasPrefix(m.Fact, "recommended") {
			t.Errorf("a recommendation is no fact: %+v", m)
		}
	}
	if !told {
		t.Errorf("the region is not told to be missing: %+v", a.Missing)
	}
	for _, format := range []string{"table", "wide", "yaml", "csv", "md"} {
		code, stdout, stderr := run(context.Background(), "sources", dir, "-o", format, "--conflicts", "--under", "/clusters/0")
		if code != cli.ExitClean || !strings.Contains(stdout, "overruled: hostconfig observed 80") || strings.Contains(stdout, "machine") {
			t.Errorf("%s: exit %d\n%s\n%s", format, code, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, "planted") {
			t.Errorf("%s: a secret is told", format)
		}
	}
}

func TestSourcesOfAPlanner(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	site := put(t, dir+"/site.yaml", sourcesSite)
	data, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := inventory.Parse(site, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		daemon.KeptFile: []collect.Kept{{Name: "site-file", Site: parsed}},
		daemon.ProbesFile: &probe.Results{Site: "muc-01", Components: []probe.Component{{
			Name: "probe/pg-1", Infrastructure: "pg-1", Status: inventory.SourceOK, At: at, Facts: []probe.Fact{{Node: "pg1", Field: probe.FieldRole, Value: "primary"}},
		}}},
		"status.json": &agent.Status{Site: "muc-01", Sources: []inventory.Source{{Name: "site-file", Status: inventory.SourceOK}, {Name: "probe/pg-1", Status: inventory.SourcePartial, Detail: "half"}}},
	} {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), string(body))
	}
	code, stdout, stderr := run(context.Background(), "sources", "--state", dir)
	if code != cli.ExitIncomplete {
		t.Errorf("exit %d, %s", code, stderr)
	}
	for _, want := range []string{"primary", "overruled: probe observed primary", "probe/pg-1", "half"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	for _, args := range [][]string{{"sources"}, {"sources", "--state", dir, dir}, {"sources", "--state", t.TempDir()}, {"sources", dir + "/none"}} {
		if code, _, stderr := run(context.Background(), args...); code != cli.ExitError || stderr == "" {
			t.Errorf("%v: exit %d, %s", args, code, stderr)
		}
	}
}
