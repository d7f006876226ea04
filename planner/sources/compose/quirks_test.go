package compose_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/compose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func one(t *testing.T, name, text string) importer.Result {
	t.Helper()
	r := compose.Import([]importer.File{{Name: name, Data: []byte(text)}}, sourcetest.Options(t, "s"))
	sourcetest.CheckImport(t, &r)
	return r
}

func messages(r *importer.Result) string {
	var out []string
	for _, f := range r.Files {
		for _, p := range f.Problems {
			out = append(out, fmt.Sprintf("%d %s", p.Line, p.What))
		}
	}
	return strings.Join(out, "\n")
}

func TestCorpus(t *testing.T) {
	files := append(sourcetest.Corpus(t, "5_thingworx/compose"), sourcetest.Corpus(t, "6_infra/zookeeper")...)
	r := compose.Import(files, sourcetest.Options(t, "corpus"))
	sourcetest.CheckImport(t, &r)
	sourcetest.Golden(t, "testdata/corpus.golden.txt", sourcetest.Summary(&r), *update)
	for _, f := range r.Files {
		manifest := strings.HasSuffix(f.Path, ".yml")
		if manifest != (f.Status == importer.Understood) || !manifest && f.Status != importer.Refused {
			t.Errorf("%s: %s", f.Path, f.Status)
		}
	}
	if len(r.Files) != 25 || len(r.Site.Clusters) != 10 || len(r.Site.Infrastructure) != 14 {
		t.Errorf("%d files, %d clusters, %d infrastructures", len(r.Files), len(r.Site.Clusters), len(r.Site.Infrastructure))
	}
}

const foundation = "x/thingworx-platform-postgres:9.6"

func TestServices(t *testing.T) {
	for name, c := range map[string]struct{ text, want, problem string }{
		"version 1":       {"thingworx:\n  build: .\n  volumes: [\"C:\\\\data:/ThingworxStorage:rw\"]\n", "cluster:p storage:p-storage", ""},
		"by variables":    {"services:\n  a: {build: ., environment: [TWX_DATABASE_USERNAME=x, THINGWORX_INITIAL_ADMIN_PASSWORD=S3CR3T]}\n", "cluster:p", ""},
		"from the shell":  {"services:\n  a: {image: " + foundation + ", environment: [DATABASE_HOST, \"TWX_DATABASE_SCHEMA=$$x\"]}\n", "cluster:p database:p-database", "2 DATABASE_HOST is not known: it is the expression ${DATABASE_HOST}"},
		"null":            {"services:\n  a:\n    image: " + foundation + "\n    environment: {DATABASE_HOST: }\n", "cluster:p database:p-database", "4 DATABASE_HOST is not known: it is the expression ${DATABASE_HOST}"},
		"default":         {"services:\n  a: {image: " + foundation + ", environment: {DATABASE_HOST: \"${DB:-pg}\"}}\n", "cluster:p database:p-database", "2 DATABASE_HOST is not known: it is the expression ${DB:-pg}"},
		"image hidden":    {"services:\n  a: {image: \"${REGISTRY}/thingworx-platform-postgres:${TAG:-9.6}\"}\n", "cluster:p database:p-database", ""},
		"env_file":        {"services:\n  a: {image: " + foundation + ", env_file: x.env, extends: {service: b}}\n", "cluster:p database:p-database", "2 variables of another file are not read here, and what they set stays unknown\n2 what the service takes from another one is not read"},
		"replicas":        {"services:\n  a: {image: " + foundation + ", deploy: {replicas: 2}, volumes: [\"s:/ThingworxStorage\", \"p:/ThingworxPlatform\", \"odd\"]}\n", "cluster:p database:p-database storage:p-storage", ""},
		"replicas hidden": {"services:\n  a: {image: " + foundation + ", scale: \"${N}\"}\n", "cluster:p database:p-database", "2 the number of replicas is not known: it is the expression ${N}"},
		"replicas odd":    {"services:\n  a: {image: " + foundation + ", scale: 1000}\n", "cluster:p database:p-database", "2 the number of replicas is no number up to 100"},
		"volume hidden":   {"services:\n  a: {image: " + foundation + ", volumes: [\"${DATA}:/ThingworxStorage\"]}\n", "cluster:p database:p-database storage:p-storage", "2 the source of a volume is not known: it is the expression ${DATA}"},
		"swarm":           {"services:\n  a: {image: " + foundation + ", deploy: {placement: {constraints: [a]}}}\n", "cluster:p database:p-database", ""},
		"connection":      {"services:\n  a: {image: x/cxserver, environment: {SERVICE_DISCOVERY_ENDPOINT: \"${ZK}\"}}\n  b: {image: x/cxserver, environment: {SERVICE_DISCOVERY_ENDPOINT: \"a,!\"}}\n", "", "2 SERVICE_DISCOVERY_ENDPOINT is not known: it is the expression ${ZK}\n3 SERVICE_DISCOVERY_ENDPOINT holds a part that is no address"},
		"ignite":          {"services:\n  a: {image: apacheignite/ignite}\n  b: {image: " + foundation + "}\n", "cluster:p database:p-database", ""},
		"influx":          {"services:\n  a: {image: \"influxdb:2\", networks: {n: {aliases: [tsdb]}}}\n  b: {image: \"influxdb:1.8-meta\"}\n", "influxdb:p-a influxdb:p-b", ""},
		"pgpool": {
			"services:\n  a: {image: pgpool/pgpool, environment: {PGPOOL_PARAMS_BACKEND_HOSTNAME0: pg0, PGPOOL_PARAMS_BACKEND_PORT0: x, PGPOOL_PARAMS_BACKEND_HOSTNAME1: \"${B}\"}}\n  pg0: {image: \"postgres:15\"}\n",
			"database:p-a", "2 PGPOOL_PARAMS_BACKEND",
		},
		"pgpool of Bitnami": {"services:\n  a: {image: bitnami/pgpool, environment: [\"PGPOOL_BACKEND_NODES=0:pg0:5432,1:pg1:5432,2:!\"]}\n  pg0: {image: \"postgres:15\"}\n  pg1: {image: \"postgres:15\"}\n", "database:p-a", "2 PGPOOL_BACKEND_NODES holds a part that is no backend"},
		"keepers apart":     {"services:\n  a: {image: \"zookeeper:3.8\", environment: {ZOO_MY_ID: 1}}\n  b: {image: \"zookeeper:3.8\", environment: {ZOO_MY_ID: 1}}\n  c: {image: \"zookeeper:3.8\", environment: {ZOO_SERVERS: \"${S}\"}}\n", "zookeeper:p-a zookeeper:p-b zookeeper:p-c", "4 ZOO_SERVERS is not known: it is the expression ${S}"},
		"keepers listed":    {"services:\n  a: {image: \"bitnami/zookeeper:3.8\", environment: {ZOO_SERVERS: \"a:2888:3888,b:2888:3888\"}}\n  b: {image: \"bitnami/zookeeper:3.8\", environment: {ZOO_SERVERS: \"a:2888:3888,0.0.0.0:2888:3888\"}}\n", "zookeeper:p-a", ""},
		"keepers by id":     {"services:\n  a: {image: \"zookeeper:3.8\", environment: {ZOO_MY_ID: 1}}\n  b: {image: \"zookeeper:3.8\", environment: {ZOO_MY_ID: 2}}\n", "zookeeper:p-zookeeper", ""},
		"no object":         {"services:\n  a: text\n  b: {image: nginx}\n", "", "2 the service is text, not an object"},
		"balancer":          {"services:\n  a: {image: \"haproxy:3.0\"}\n", "load-balancer:p-a", ""},
		"a second document": {"services:\n  b: {image: nginx}\n---\na: [\n", "", "4 not YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			r := one(t, "p/docker-compose.yml", c.text)
			if r.Files[0].Status == importer.Refused {
				t.Fatalf("refused: %+v", r.Files[0].Problems)
			}
			got := map[string]bool{}
			for i := range r.Site.Clusters {
				got["cluster:"+r.Site.Clusters[i].ID] = true
			}
			for _, in := range r.Site.Infrastructure {
				got[string(in.Kind)+":"+in.ID] = true
			}
			for _, want := range strings.Fields(c.want) {
				if !got[want] {
					t.Errorf("%s is not in %v", want, got)
				}
				delete(got, want)
			}
			if len(got) > 0 {
				t.Errorf("more than wanted: %v", got)
			}
			if text := messages(&r); !strings.HasPrefix(text, c.problem) || c.problem == "" && text != "" {
				t.Errorf("problems %q, want %q", text, c.problem)
			}
		})
	}
}

// What runs in one project runs on one machine, unless a swarm places it.
func TestMachines(t *testing.T) {
	text := "services:\n  a: {image: " + foundation + ", scale: 2DEPLOY, volumes: [\"p:/ThingworxPlatform\"]}\n"
	r := one(t, "compose.yaml", strings.Replace(text, "DEPLOY", "", 1))
	nodes := r.Site.Clusters[0].Nodes(inventory.Foundation)
	if len(nodes) != 2 || nodes[0].Machine != "docker-host" || nodes[1].Machine != "docker-host" || nodes[0].Settings.ThingworxPlatformShared == nil {
		t.Errorf("%s", sourcetest.JSON(t, nodes))
	}
	r = one(t, "compose.yaml", strings.Replace(text, "DEPLOY", ", deploy: {mode: replicated}", 1))
	if nodes = r.Site.Clusters[0].Nodes(inventory.Foundation); nodes[0].Machine != "" {
		t.Errorf("%s", sourcetest.JSON(t, nodes))
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":            "it has no services",
		"just text":   "it has no services",
		"a: {b: c}\n": "it has no services",
		"{}":          "it has no services",
		"apiVersion: v1\nservices: {a: {image: b}}\n": "it has no services",
		"services:\n  a: [\n":                         "not YAML",
		"a: [\n":                                      "not YAML",
		"services: [a]\n":                             "it has no services",
		"{\"a\": {\"image\": 1}}":                     "it has no services",
	} {
		r := one(t, "x.yml", text)
		if f := r.Files[0]; f.Status != importer.Refused || !strings.Contains(f.Problems[0].What, want) {
			t.Errorf("%q: %s %+v, want %q", text, f.Status, f.Problems, want)
		}
	}
	r := compose.Import([]importer.File{{Name: "x", Unreadable: "a socket"}}, sourcetest.Options(t, "s"))
	if r.Files[0].Status != importer.Refused {
		t.Error("an unreadable file")
	}
}
