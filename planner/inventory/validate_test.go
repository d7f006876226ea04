package inventory

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/geo"
)

func TestValidation(t *testing.T) {
	tb := regions(t)
	node := func(s string) string {
		return head + "clusters:\n  - id: c\n    components:\n      - {kind: foundation, nodes: [{name: n, " + s + "}]}\n"
	}
	for _, c := range []struct{ doc, want string }{
		{"site: {id: s}\n", "x.yaml:1:1: /apiVersion: apiVersion is missing; write apiVersion: meridian/v1\nx.yaml:1:1: /kind: kind is missing; write kind: SiteInventory\nx.yaml:1:1: /observedAt: observedAt is missing; write the instant at which the facts were last seen to hold, like 2026-11-20T08:00:00Z"},
		{strings.Replace(head, "2026-11-20T", "1970-01-01T", 1), "x.yaml:3:13: /observedAt: observedAt lies in the year 1970; write the instant at which the facts were last seen to hold"},
		{strings.Replace(head, "meridian/v1", "meridian/v2", 1), `x.yaml:1:13: /apiVersion: "meridian/v2" is not a version read here; write apiVersion: meridian/v1`},
		{strings.Replace(head, "SiteInventory", "Policy", 1), `x.yaml:2:7: /kind: "Policy" is not SiteInventory; give this command an inventory, or write kind: SiteInventory`},
		{strings.Replace(head, "site: {id: s-1}\n", "", 1), "x.yaml:1:1: /site/id: the id is missing; use 1 to 63 lower-case letters, digits and dashes, and begin with a letter or digit"},
		{strings.Replace(head, "s-1", "S 1", 1), `x.yaml:4:12: /site/id: "S 1" is not a valid id; use 1 to 63 lower-case letters, digits and dashes, and begin with a letter or digit`},
		{strings.Replace(head, "s-1", "s-1, country: XX", 1), `x.yaml:4:26: /site/country: "XX" is not the code of a country; write the two letters of ISO 3166-1, like DE`},
		{strings.Replace(head, "s-1", "s-1, role: hubb", 1), `x.yaml:4:23: /site/role: "hubb" is not a known role; did you mean "hub"?`},
		{strings.Replace(head, "s-1", "s-1, role: center", 1), `x.yaml:4:23: /site/role: "center" is not a known role; give one of hub, spoke`},
		{strings.Replace(head, "s-1", "s-1, hub: s-1", 1), "x.yaml:4:22: /site/hub: the site names itself as its hub; name the hub's site id, or leave hub out and write role: hub"},
		{strings.Replace(head, "s-1", "s-1, hub: S", 1), `x.yaml:4:22: /site/hub: "S" is not a valid site id; use 1 to 63 lower-case letters, digits and dashes, and begin with a letter or digit`},
		{strings.Replace(head, "{id: s-1}", "[]", 1), "x.yaml:4:7: /site: an object is expected, not a list; write keys and values below it, or in { }"},
		{head + "clusters:\n  - id: a\n  - id: b\n  - id: a\n", `x.yaml:8:9: /clusters/2/id: cluster "a" is given twice; rename one of them; the other is in line 6`},
		{head + "infrastructure:\n  - {id: a, kind: storage}\n  - {id: a, kind: database}\n", `x.yaml:7:10: /infrastructure/1/id: infrastructure "a" is given twice; rename one of them; the other is in line 6`},
		{head + "clusters: [{id: c, environment: prodction}]\n", `x.yaml:5:33: /clusters/0/environment: "prodction" is not a known environment; did you mean "production"?`},
		{head + "clusters: [{id: c, settings: {modelSyncTimeout: -1s}}]\n", "x.yaml:5:49: /clusters/0/settings/modelSyncTimeout: modelSyncTimeout is negative (-1s); give a duration of at least 0s"},
		{head + "clusters: [{id: c, settings: {modelSyncMaxDBUnavailableErrors: -1}}]\n", "x.yaml:5:64: /clusters/0/settings/modelSyncMaxDBUnavailableErrors: modelSyncMaxDBUnavailableErrors is negative (-1); give a number of at least 0, or leave it out when it is not known"},
		{head + "clusters: [{id: c, workload: {things: [{count: -4}]}}]\n", "x.yaml:5:48: /clusters/0/workload/things/0/count: count is negative (-4); give a number of at least 0, or leave it out when it is not known"},
		{head + "clusters: [{id: c, workload: {things: [{count: 4, properties: [{count: 1}]}]}}]\n", "x.yaml:5:64: /clusters/0/workload/things/0/properties/0/every: every is missing or zero; give a duration, like 5m"},
		{head + "clusters: [{id: c, workload: {mashups: [{users: 1, window: -1h}]}}]\n", "x.yaml:5:60: /clusters/0/workload/mashups/0/window: window is negative (-1h); give a duration, like 1h"},
		{head + "clusters: [{id: c, workload: {growthPerYear: -1.5}}]\n", "x.yaml:5:46: /clusters/0/workload/growthPerYear: growthPerYear is -1.5; nothing would be left; write 0.2 for 20 % more in a year"},
		{head + "clusters: [{id: c, objectives: {availability: 99.9}}]\n", "x.yaml:5:47: /clusters/0/objectives/availability: availability is 99.9, outside 0 to 1; give a share between 0 and 1: 99.9 % is 0.999"},
		{head + "clusters: [{id: c, objectives: {availability: 999}}]\n", "x.yaml:5:47: /clusters/0/objectives/availability: availability is 999, outside 0 to 1; give a share between 0 and 1"},
		{head + "clusters: [{id: c, objectives: {rto: -1s, rpo: -1s}}]\n", "x.yaml:5:38: /clusters/0/objectives/rto: rto is negative (-1s); give a duration of at least 0s\nx.yaml:5:48: /clusters/0/objectives/rpo: rpo is negative (-1s); give a duration of at least 0s"},
		{head + "clusters: [{id: c, objectives: {geographies: [Europa]}}]\n", `x.yaml:5:47: /clusters/0/objectives/geographies/0: "Europa" is not a known geography; did you mean "Europe"?`},
		{head + "clusters: [{id: c, objectives: {geographies: [Narnia]}}]\n", `x.yaml:5:47: /clusters/0/objectives/geographies/0: "Narnia" is not a known geography; give one of Africa, Asia Pacific, Canada, Central America, EU, Europe, Mexico, Middle East, North America, South America, UK, US, or a country`},
		{head + "clusters: [{id: c, objectives: {hosting: ['']}}]\n", "x.yaml:5:43: /clusters/0/objectives/hosting/0: hosting is missing; give one of ptc-cloud, on-premise, azure, aws, gcp"},
		{head + "clusters: [{id: c, objectives: {sharing: {storage: allow}}}]\n", `x.yaml:5:52: /clusters/0/objectives/sharing/storage: "allow" is not a known permission; did you mean "allowed"?`},
		{head + "clusters: [{id: c, components: [{kind: foundaton}]}]\n", `x.yaml:5:40: /clusters/0/components/0/kind: "foundaton" is not a known kind; did you mean "foundation"?`},
		{head + "clusters: [{id: c, components: [{kind: foundation, mode: embedded}]}]\n", "x.yaml:5:58: /clusters/0/components/0/mode: only ignite has a mode; leave mode out"},
		{head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{name: n}]}, {kind: foundation, nodes: [{name: n}]}]}]\n", `x.yaml:5:107: /clusters/0/components/1/nodes/0/name: node "n" is given twice; rename one of them, or remove what is the same node`},
		{head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{machine: m}]}]}]\n", "x.yaml:5:60: /clusters/0/components/0/nodes/0/name: the node has no name; give it one, unique among the nodes of its kind"},
		{node("cpu: -1"), "x.yaml:8:51: /clusters/0/components/0/nodes/0/cpu: cpu is negative (-1); give a number of at least 0, or leave it out when it is not known"},
		{node("availability: 1.5"), "x.yaml:8:60: /clusters/0/components/0/nodes/0/availability: availability is 1.5, outside 0 to 1; give a share between 0 and 1: 1.5 % is 0.015"},
		{node("role: primry"), `x.yaml:8:52: /clusters/0/components/0/nodes/0/role: "primry" is not a known role; did you mean "primary"?`},
		{node("placement: {provider: azur}"), `x.yaml:8:68: /clusters/0/components/0/nodes/0/placement/provider: "azur" is not a known provider; did you mean "azure"?`},
		{node("placement: {provider: azure, region: West Eruope}"), `x.yaml:8:83: /clusters/0/components/0/nodes/0/placement/region: "West Eruope" is not a region of azure; did you mean "westeurope"?`},
		{node("placement: {provider: azure, region: global}"), `x.yaml:8:83: /clusters/0/components/0/nodes/0/placement/region: "global" is not a region of azure; leave the region out: what is global has none`},
		{node("placement: {provider: azure, region: ber-dc1}"), `x.yaml:8:83: /clusters/0/components/0/nodes/0/placement/region: "ber-dc1" is not a region of azure; give the region's code or display name, like westeurope or West Europe`},
		{head + "infrastructure: [{id: pg-1, kind: database}]\nclusters: [{id: c, uses: [{infrastructure: pg1, as: database}]}]\n", `x.yaml:6:44: /clusters/0/uses/0/infrastructure: "pg1" names no infrastructure of this document; did you mean "pg-1"?`},
		{head + "clusters: [{id: c, uses: [{infrastructure: pg1, as: database}]}]\n", `x.yaml:5:44: /clusters/0/uses/0/infrastructure: "pg1" names no infrastructure of this document; list it under infrastructure, or name one that is listed`},
		{head + "infrastructure: [{id: pg-1, kind: database}]\nclusters: [{id: c, uses: [{infrastructure: pg-1, as: zookeeper}]}]\n", `x.yaml:6:54: /clusters/0/uses/0/as: "pg-1" is used as zookeeper, but its kind is "database"; name an infrastructure of kind zookeeper`},
		{head + "infrastructure: [{id: x, kind: storge}]\n", `x.yaml:5:32: /infrastructure/0/kind: "storge" is not a known kind; did you mean "storage"?`},
		{head + "infrastructure: [{id: x, kind: database, engine: azure-sql, replicas: [{region: westeurop, role: reed}]}]\n", "x.yaml:5:81: /infrastructure/0/replicas/0/region: \"westeurop\" is not a region of azure; did you mean \"westeurope\"?\nx.yaml:5:98: /infrastructure/0/replicas/0/role: \"reed\" is not a known role; did you mean \"read\"?"},
		{head + "infrastructure: [{id: x, kind: database, highAvailability: {standbyZone: '1'}}]\n", "x.yaml:5:60: /infrastructure/0/highAvailability/mode: mode is missing; give one of none, same-zone, zone-redundant"},
		{head + "infrastructure: [{id: x, kind: database, maxConnections: -1}]\n", "x.yaml:5:58: /infrastructure/0/maxConnections: maxConnections is negative (-1); give a number of at least 0, or leave it out when it is not known"},
		{head + "provenance: [{path: x}]\n", "x.yaml:5:14: /provenance/0/source: the source is missing; name where the fact was learned, like azure or site-file\nx.yaml:5:21: /provenance/0/path: the path is not a JSON pointer; begin it with a slash, like /infrastructure/0/placement/region"},
		{head + "sources: [{name: x, status: ok, at: 9999-12-31T23:59:59-10:00}]\n", "x.yaml:5:37: /sources/0/at: at lies in the year 10000; write it like 2026-11-20T08:00:00Z"},
		{head + "provenance: [{path: /x, source: y, attestedUntil: 1970-01-01T00:00:00Z}]\n", "x.yaml:5:51: /provenance/0/attestedUntil: attestedUntil lies in the year 1970; write it like 2026-11-20T08:00:00Z"},
		{head + "sources: [{status: OK}]\n", "x.yaml:5:11: /sources/0/name: the source has no name; name it, like azure or site-file\nx.yaml:5:20: /sources/0/status: \"OK\" is not a known status; did you mean \"ok\"?"},
	} {
		_, err := Parse("x.yaml", []byte(c.doc), tb)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", strings.TrimPrefix(c.doc, head), err, c.want)
		}
	}
}

func TestProbeEnds(t *testing.T) {
	const doc = head + "clusters: [{id: prod, components: [{kind: foundation, nodes: [{name: twx-1}]}]}]\ninfrastructure: [{id: pg-1, kind: database}]\nprobes: [{from: %s, to: pg-1, kind: tcp-connect, %s}]\n"
	for _, c := range []struct{ from, more, want string }{
		{"s-1/prod/twx-1", "samples: 1", ""},
		{"twx-1", "samples: 1", `/probes/0/from: "twx-1" does not name a node; write site/cluster/node, like muc-01/prod/twx-1`},
		{"s-2/prod/twx-1", "samples: 1", `/probes/0/from: "s-2" is not this site's id; a probe starts in its own site; write site/cluster/node, like muc-01/prod/twx-1`},
		{"s-1/prd/twx-1", "samples: 1", `/probes/0/from: the site has no cluster "prd"; did you mean "prod"?`},
		{"s-1/x/twx-1", "samples: 1", `/probes/0/from: the site has no cluster "x"; name one of its clusters`},
		{"s-1/prod/twx-2", "samples: 1", `/probes/0/from: cluster "prod" has no node "twx-2"; did you mean "twx-1"?`},
		{"s-1/prod/x", "samples: 1", `/probes/0/from: cluster "prod" has no node "x"; name one of its nodes`},
		{"s-1/prod/twx-1", "p50: 5ms, p95: 4ms", "/probes/0/p50: p50 (5ms) is above p95 (4ms); exchange them if they were mixed up"},
		{"s-1/prod/twx-1", "p95: -4ms", "/probes/0/p95: p95 is negative (-4ms); give a duration of at least 0s"},
		{"s-1/prod/twx-1", "samples: -1", "/probes/0/samples: samples is negative (-1); give a number of at least 0, or leave it out when it is not known"},
		{"s-1/prod/twx-1", "at: 2026-11-20T08:10:00Z", ""},
		{"s-1/prod/twx-1", "at: 2026-11-20T09:00:00Z", "/probes/0/at: the probe lies 1h0m0s after observedAt; observedAt is the time of the newest fact"},
	} {
		_, err := Parse("x", fmt.Appendf(nil, doc, c.from, c.more), nil)
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s, %s:\n got %v\nwant %s", c.from, c.more, err, c.want)
		}
	}
	_, err := Parse("x", []byte(head+"probes: [{from: s-1/a/b, to: pg, kind: ping}]\n"), nil)
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestAllProblemsAtOnceInTheOrderOfLines(t *testing.T) {
	doc := head + `clusters:
  - id: PROD
    environmnt: production
    workload: {things: [{count: many}]}
    uses:
      - {infrastructure: zk, as: zookeper}
infrastructure:
  - id: zk
    kind: zookeeper
    nodes: [{name: a, cpu: -1}, {name: a}]
`
	_, err := Parse("x.yaml", []byte(doc), regions(t))
	var e *document.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var lines []int
	for _, p := range e.Problems {
		lines = append(lines, p.Line)
		if p.File != "x.yaml" || p.Remedy == "" {
			t.Errorf("%+v", p)
		}
	}
	if fmt.Sprint(lines) != "[6 7 8 10 14 14]" {
		t.Errorf("lines %v:\n%v", lines, err)
	}
}

func TestUnreadableValueIsNotMissingToo(t *testing.T) {
	_, err := Parse("x.yaml", []byte("apiVersion: 1\nkind: [x]\nobservedAt: never\nsite: {id: {}}\n"), nil)
	if err == nil || strings.Contains(err.Error(), "missing") || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("got %v", err)
	}
}

func TestProvidersOutsideTheTable(t *testing.T) {
	doc := head + "infrastructure:\n  - {id: a, kind: storage, placement: {provider: aws, region: eu-central-1}}\n  - {id: b, kind: storage, placement: {provider: on-premise, region: BER-DC1}}\n  - {id: c, kind: storage, placement: {provider: azure, region: West Europe}}\n"
	if _, err := Parse("x", []byte(doc), regions(t)); err != nil {
		t.Error(err)
	}
	if _, err := Parse("x", []byte(strings.Replace(doc, "West Europe", "Atlantis", 1)), &geo.Table{}); err != nil {
		t.Errorf("an empty table knows no region, and so none is wrong: %v", err)
	}
}

func TestManyProblemsAreCheap(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "clusters:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  - {id: c%d, uses: [{infrastructure: none, as: databse}]}\n", i)
	}
	b.WriteString("infrastructure:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  - {id: x%d, kind: stor}\n", i)
	}
	start := time.Now()
	_, err := Parse("x.yaml", []byte(b.String()), regions(t))
	var e *document.Error
	if !errors.As(err, &e) || len(e.Problems) != 100 || e.More != 29_900 {
		t.Errorf("%d problems and %d more", len(e.Problems), e.More)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestValidateWithoutPlaces(t *testing.T) {
	if problems := Validate(&Site{APIVersion: APIVersion, Kind: Kind, ObservedAt: time.Unix(2e9, 0), Site: Identity{ID: "a"}}, nil); len(problems) != 0 {
		t.Errorf("%v", problems)
	}
	if problems := Validate(&Site{}, regions(t)); len(problems) != 4 || problems[0].Line != 0 {
		t.Errorf("%v", problems)
	}
}
