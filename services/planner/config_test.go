package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/services/internal/conf"
	"github.com/meridian-federation/meridian/services/planner/daemon"
)

func load(t *testing.T, text string) (config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "planner.yaml")
	if err := os.WriteFile(path, []byte("site: muc-01\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := defaults()
	err := conf.Load(path, "MERIDIAN", &c)
	return c, err
}

func TestSourcesConfiguration(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	inventory := filepath.Join(dir, "my-plant.yaml")
	write := func(hosting string) {
		text := "apiVersion: meridian/v1\nkind: SiteInventory\nobservedAt: 2026-11-20T08:00:00Z\nsite: {id: muc-01}\nclusters: [{id: prod, hosting: " + hosting + "}]\n"
		if err := os.WriteFile(inventory, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("on-premise")
	c, err := load(t, `
inventory: `+inventory+`
sources:
  - hostconfig: {paths: [`+dir+`], inPlace: true, cluster: prod}
  - name: test-hosts
    hostconfig: {paths: [`+dir+`], cluster: test}
  - terraform: {paths: [`+dir+`]}
  - kubernetes: {paths: [`+dir+`]}
  - compose: {paths: [`+dir+`]}
  - azureExport: {paths: [`+dir+`]}
  - azure:
      credential: managed-identity
      subscriptions: [aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa]
      tags: {cluster: app-cluster, component: app-role}
      belongs: [{tag: application, value: thingworx}]
      names: [{pattern: "^p7app[0-9]+$", component: foundation, cluster: prod}]
      hosts: [{host: "10.1.2.3:5432", cluster: prod}]
      interval: 30m
  - probes:
      from: prod/twx-1
      interval: 1m
      targets: [{infrastructure: pg-1, user: probe, passwordFile: `+secret+`}]
`)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(true); err != nil {
		t.Fatal(err)
	}
	write("cellar")
	if err := c.check(true); err == nil || !strings.Contains(err.Error(), inventory+":5:") || !strings.Contains(err.Error(), "cellar") {
		t.Errorf("an inventory that no planner would take: %v", err)
	}
	if len(c.sources()) != 9 || !c.Sources[0].Hostconfig.InPlace || c.Sources[7].Probes.Targets[0].User != "probe" {
		t.Errorf("%+v", c)
	}
}

// TestExamplesOfTheReadme loads every planner.yaml that the README shows.
func TestExamplesOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```yaml\n# planner.yaml\nsite: my-plant\n")
	if len(blocks) != 3 {
		t.Fatalf("%d examples", len(blocks)-1)
	}
	for _, b := range blocks[1:] {
		text, _, _ := strings.Cut(b, "```")
		c, err := load(t, text)
		if err == nil {
			err = c.check(false)
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}

func TestSourcesConfigurationIsRefusedWithItsPlace(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown kind":     {"sources: [{hostconf: {paths: [/x]}}]\n", `planner.yaml:2:12: /sources/0/hostconf: unknown key "hostconf"; did you mean "hostconfig"?`},
		"unknown option":   {"sources: [{terraform: {path: /x}}]\n", `unknown key "path"; did you mean "paths"?`},
		"unknown target":   {"sources:\n  - probes: {targets: [{infrastructur: pg-1}]}\n", `planner.yaml:3:25: /sources/0/probes/targets/0/infrastructur: unknown key`},
		"no kind":          {"sources: [{name: x}]\n", "sources/0: it has 0 kinds"},
		"two kinds":        {"sources: [{compose: {paths: [/x]}, kubernetes: {paths: [/x]}}]\n", "sources/0: it has 2 kinds"},
		"no path":          {"sources: [{siteFile: {}}]\n", "sources/0: the path is missing"},
		"one name twice":   {"sources: [{compose: {paths: [/x]}}, {compose: {paths: [/y]}}]\n", "sources/1: the name compose is that of sources/0 too"},
		"odd name":         {"sources: [{name: a/b, compose: {paths: [/x]}}]\n", "sources/0: name"},
		"odd cluster":      {"sources: [{compose: {paths: [/x], cluster: A B}}]\n", "sources/0: cluster"},
		"missing file":     {"sources: [{compose: {paths: [/nowhere/at/all]}}]\n", "sources/0: stat /nowhere/at/all"},
		"only probes":      {"sources: [{probes: {all: true}}]\n", "there are only probes"},
		"odd azure":        {"sources: [{azure: {credential: password}}]\n", `sources/0: configuration of the azure source: credential: "password" is none of auto`},
		"unknown in azure": {"sources: [{azure: {subscription: x}}]\n", `/sources/0/azure/subscription: unknown key "subscription"; did you mean "subscriptions"?`},
		"two probes":       {"sources: [{probes: {all: true}}, {name: p, probes: {all: true}}]\n", "sources/1: there are two entries of probes"},
		"odd probe":        {"inventory: /x\nsources: [{probes: {interval: 1s}}]\n", "sources/1: the configuration of the probes: interval: 1s lies outside"},
		"file and inline":  {"inventory: /x\nsources: [{probes: {file: /x, all: true}}]\n", "give either file or the options"},
		"no secret file":   {"inventory: /x\nsources: [{probes: {targets: [{infrastructure: pg, user: u, passwordFile: /nowhere/secret}]}}]\n", "targets/0: open /nowhere/secret"},
	} {
		t.Run(name, func(t *testing.T) {
			conf, err := load(t, c.text)
			if err == nil {
				err = conf.check(true)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
	if err := daemon.CheckSources(nil, true); err != nil {
		t.Errorf("no sources: %v", err)
	}
}
