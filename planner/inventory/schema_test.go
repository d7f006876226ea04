package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/meridian-federation/meridian/planner/document"
)

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:meridian:v1:site-inventory", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:meridian:v1:site-inventory")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance reads YAML or JSON the way a schema validator wants it.
func instance(t testing.TB, data []byte) any {
	t.Helper()
	docs, err := document.Values("x.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(docs[0])
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaAcceptsDocuments(t *testing.T) {
	schema := compiled(t)
	files := []string{"testdata/full.yaml", "testdata/full.golden.json"}
	if corpus := os.Getenv("MERIDIAN_CORPUS"); corpus != "" {
		more, err := filepath.Glob(filepath.Join(corpus, "examples", "*.yaml"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no examples: %v", err)
		}
		files = append(files, more...)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance(t, data)); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	s := Schema()
	s[0] = 'x'
	if Schema()[0] == 'x' {
		t.Error("the caller can change the schema")
	}
}

const head = `apiVersion: meridian/v1
kind: SiteInventory
observedAt: 2026-11-20T08:00:00Z
site: {id: s-1}
`

// Each document is wrong in one way that needs no other part of the document to be seen.
func TestSchemaAndParserAgree(t *testing.T) {
	schema, tb := compiled(t), regions(t)
	for _, body := range []string{
		"[]", "{}", "kind: SiteInventory", strings.Replace(head, "meridian/v1", "meridian/v2", 1), strings.Replace(head, "SiteInventory", "Policy", 1),
		strings.Replace(head, "observedAt: 2026-11-20T08:00:00Z\n", "", 1), strings.Replace(head, "T08:00:00Z", "", 1), strings.Replace(head, "2026-11-20T08:00:00Z", "5", 1),
		strings.Replace(head, "{id: s-1}", "{id: S_1}", 1), strings.Replace(head, "{id: s-1}", "{id: -s}", 1), strings.Replace(head, "{id: s-1}", "{name: x}", 1), strings.Replace(head, "{id: s-1}", "x", 1),
		strings.Replace(head, "s-1", "s-1, country: DEU", 1), strings.Replace(head, "s-1", "s-1, role: boss", 1), strings.Replace(head, "s-1", "s-1, hub: H", 1), strings.Replace(head, "s-1", "s-1, tags: {a: 1}", 1),
		strings.Replace(head, "s-1", "s-1, nam: x", 1), strings.Replace(head, "s-1", strings.Repeat("a", 64), 1),
		head + "cluster: []", head + "clusters: {}", head + "clusters: [{}]", head + "clusters: [{id: c, environment: prod}]", head + "clusters: [{id: c, thingworxVersion: 9.6}]",
		head + "clusters: [{id: c, hosting: cloud}]", head + "clusters: [{id: c, operatedBy: me}]", head + "clusters: [{id: c, clusteredMode: yes}]", head + "clusters: [{id: c, settings: {modelSyncPollInterval: 100}}]",
		head + "clusters: [{id: c, settings: {modelSyncPollInterval: -1s}}]", head + "clusters: [{id: c, settings: {coordinatorMaxRetries: -1}}]", head + "clusters: [{id: c, settings: {haCompatibilityImportLevel: warn}}]",
		head + "clusters: [{id: c, settings: {coordinatorMaxRetries: 1.5}}]", head + "clusters: [{id: c, workload: {things: [{count: -1}]}}]", head + "clusters: [{id: c, workload: {things: [{properties: [{count: 1}]}]}}]",
		head + "clusters: [{id: c, workload: {things: [{properties: [{count: 1, every: 0s}]}]}}]", head + "clusters: [{id: c, workload: {mashups: [{users: 1}]}}]", head + "clusters: [{id: c, workload: {mashups: [{users: 1.5, window: 1h}]}}]",
		head + "clusters: [{id: c, workload: {growthPerYear: -1}}]", head + "clusters: [{id: c, objectives: {highAvailability: true}}]", head + "clusters: [{id: c, objectives: {availability: 99.9}}]",
		head + "clusters: [{id: c, objectives: {availability: -0.1}}]", head + "clusters: [{id: c, objectives: {rto: 15}}]", head + "clusters: [{id: c, objectives: {rpo: 1 day}}]", head + "clusters: [{id: c, objectives: {geographies: Europe}}]",
		head + "clusters: [{id: c, objectives: {geographies: ['']}}]", head + "clusters: [{id: c, objectives: {hosting: [cloud]}}]", head + "clusters: [{id: c, objectives: {sharing: {zookeeper: yes}}}]", head + "clusters: [{id: c, objectives: {sharing: {zoo: allowed}}}]",
		head + "clusters: [{id: c, components: [{}]}]", head + "clusters: [{id: c, components: [{kind: database}]}]", head + "clusters: [{id: c, components: [{kind: foundation, mode: embedded}]}]", head + "clusters: [{id: c, components: [{kind: ignite, mode: shared}]}]",
		head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{}]}]}]", head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{name: a/b}]}]}]", head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{name: n, cpu: -1}]}]}]",
		head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{name: n, placement: {provider: Azure}}]}]}]", head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{name: n, placement: {zone: 1}}]}]}]",
		head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{name: n, role: master}]}]}]", head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{name: n, availability: 2}]}]}]",
		head + "clusters: [{id: c, components: [{kind: foundation, nodes: [{name: n, settings: {platformid: x}}]}]}]", head + "clusters: [{id: c, uses: [{}]}]", head + "infrastructure: [{id: x, kind: database}]\nclusters: [{id: c, uses: [{infrastructure: x}]}]",
		head + "infrastructure: [{id: x, kind: database}]\nclusters: [{id: c, uses: [{infrastructure: x, as: db}]}]", head + "infrastructure: [{id: x, kind: database}]\nclusters: [{id: c, uses: [{infrastructure: x, as: database, poolMax: -1}]}]",
		head + "infrastructure: [{}]", head + "infrastructure: [{id: x}]", head + "infrastructure: [{id: x, kind: postgres}]", head + "infrastructure: [{id: x, kind: database, engine: oracle}]", head + "infrastructure: [{id: x, kind: database, highAvailability: {}}]",
		head + "infrastructure: [{id: x, kind: database, highAvailability: {mode: ZoneRedundant}}]", head + "infrastructure: [{id: x, kind: database, maxConnections: -5}]", head + "infrastructure: [{id: x, kind: database, storageGiB: '5'}]",
		head + "infrastructure: [{id: x, kind: database, replicas: [{role: reader}]}]", head + "infrastructure: [{id: x, kind: storage, redundancy: LRS}]", head + "infrastructure: [{id: x, kind: storage, protocol: NFS}]", head + "infrastructure: [{id: x, kind: influxdb, edition: cloud}]",
		head + "infrastructure: [{id: x, kind: influxdb, replicationFactor: -1}]", head + "infrastructure: [{id: x, kind: database, identity: {endpoints: x}}]", head + "infrastructure: [{id: x, kind: database, version: 15}]", head + "infrastructure: null",
		head + "probes: [{}]", head + "probes: [{from: a, to: b, kind: tcp-connect}]", head + "provenance: [{path: x, source: y}]", head + "provenance: [{path: /x}]", head + "sources: [{name: x}]", head + "sources: [{status: ok}]", head + "sources: [{name: x, status: good}]",
		head + "sources: [{name: x, status: ok, at: yesterday}]",
	} {
		_, err := Parse("x.yaml", []byte(body), tb)
		invalid := schema.Validate(instance(t, []byte(body)))
		if err == nil || invalid == nil {
			t.Errorf("%s\nparser: %v\nschema: %v", strings.TrimPrefix(body, head), err, invalid)
		}
	}
}

// The schema lists the fields of the types, no more and no fewer, and describes each.
func TestSchemaFollowsTheTypes(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	defs, _ := root["$defs"].(map[string]any)
	resolve := func(node map[string]any) map[string]any {
		if r, ok := node["$ref"].(string); ok {
			return defs[strings.TrimPrefix(r, "#/$defs/")].(map[string]any)
		}
		return node
	}
	var check func(path string, node map[string]any, typ reflect.Type)
	check = func(path string, node map[string]any, typ reflect.Type) {
		described := node["description"] != nil
		node = resolve(node)
		if !described && node["description"] == nil && node["type"] != "string" {
			t.Errorf("%s has no description", path)
		}
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch {
		case typ == reflect.TypeFor[time.Time](), typ == reflect.TypeFor[Duration](), typ.Kind() == reflect.Map:
			return
		case typ.Kind() == reflect.Slice:
			if node["type"] != "array" {
				t.Errorf("%s is no array", path)
				return
			}
			check(path+"[]", node["items"].(map[string]any), typ.Elem())
		case typ.Kind() == reflect.Struct:
			if node["additionalProperties"] != false {
				t.Errorf("%s allows further keys", path)
			}
			fields := map[string]reflect.Type{}
			var collect func(reflect.Type)
			collect = func(st reflect.Type) {
				for i := range st.NumField() {
					f := st.Field(i)
					if f.Anonymous {
						collect(f.Type)
						continue
					}
					name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
					fields[name] = f.Type
				}
			}
			collect(typ)
			props, _ := node["properties"].(map[string]any)
			if a, b := slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(props)); !slices.Equal(a, b) {
				t.Errorf("%s: the type has %v, the schema %v", path, a, b)
				return
			}
			for name, ft := range fields {
				check(path+"/"+name, props[name].(map[string]any), ft)
			}
		default:
			want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Float64: "number"}[typ.Kind()]
			if node["type"] != want && node["const"] == nil {
				t.Errorf("%s: the type is %s, the schema says %v", path, typ, node["type"])
			}
		}
	}
	check("", root, reflect.TypeFor[Site]())
}

func ExampleParse() {
	_, err := Parse("muc.yaml", []byte("apiVersion: meridian/v1\nkind: SiteInventory\nobservedAt: 2026-11-20T08:00:00Z\nsite: {id: muc-01}\nclusters:\n  - id: prod\n    workload:\n      thing: []\n"), nil)
	fmt.Println(err)
	// Output: muc.yaml:8:7: /clusters/0/workload/thing: unknown key "thing"; did you mean "things"?
}
