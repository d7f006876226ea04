package kubernetes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/kubernetes"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

func one(t *testing.T, text string) importer.Result {
	t.Helper()
	r := kubernetes.Import([]importer.File{{Name: "a.yaml", Data: []byte(text)}}, sourcetest.Options(t, "s"))
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
	files := append(sourcetest.Corpus(t, "5_thingworx/kubernetes"), sourcetest.Corpus(t, "6_infra/pgpool")[:2]...)
	r := kubernetes.Import(files, sourcetest.Options(t, "corpus"))
	sourcetest.CheckImport(t, &r)
	sourcetest.Golden(t, "testdata/corpus.golden.txt", sourcetest.Summary(&r), *update)
	for i, want := range []importer.Status{importer.Understood, importer.Refused, importer.Understood, importer.Understood, importer.Understood, importer.Understood} {
		if r.Files[i].Status != want {
			t.Errorf("%s: %s, want %s", r.Files[i].Path, r.Files[i].Status, want)
		}
	}
	if len(r.Files) != 6 || len(r.Site.Clusters) != 2 {
		t.Errorf("%d files, %d clusters", len(r.Files), len(r.Site.Clusters))
	}
}

const pod = `apiVersion: apps/v1
kind: KIND
metadata: {name: twx}
spec:
  SPEC
  template:
    spec:
      containers:
      - name: c
        image: IMAGE
        CONTAINER
`

func workload(kind, spec, image, container string) string {
	return strings.NewReplacer("KIND", kind, "SPEC", spec, "IMAGE", image, "CONTAINER", container).Replace(pod)
}

const foundation = "x/thingworx-platform-postgres:9.6"

func TestReplicas(t *testing.T) {
	for name, c := range map[string]struct {
		text, nodes, problem string
	}{
		"default":      {workload("Deployment", "", foundation, ""), "twx", ""},
		"null":         {workload("Deployment", "replicas:", foundation, ""), "twx", ""},
		"none":         {workload("Deployment", "replicas: 0", foundation, ""), "", ""},
		"two":          {workload("Deployment", "replicas: 2", foundation, ""), "twx-0 twx-1", ""},
		"ordinals":     {workload("StatefulSet", "{replicas: 2, ordinals: {start: 1}}\n  #", foundation, ""), "", ""},
		"start":        {workload("StatefulSet", "replicas: 1\n  ordinals: {start: 3}", foundation, ""), "twx-3", ""},
		"expression":   {workload("StatefulSet", "replicas: ${REPLICAS}", foundation, ""), "", "5 the number of replicas is not known: it is the expression ${REPLICAS}"},
		"too many":     {workload("StatefulSet", "replicas: 5000", foundation, ""), "", "5 the number of replicas is not known"},
		"on all nodes": {workload("DaemonSet", "", foundation, ""), "", ""},
		"a pod":        {"apiVersion: v1\nkind: Pod\nmetadata: {name: twx, labels: {a: b}}\nspec: {containers: [{name: c, image: " + foundation + "}]}\n", "twx", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "ordinals" {
				return
			}
			r := one(t, c.text)
			var nodes []string
			for _, n := range r.Site.Clusters[0].Nodes(inventory.Foundation) {
				nodes = append(nodes, n.Name)
			}
			if got := strings.Join(nodes, " "); got != c.nodes || messages(&r) != c.problem {
				t.Errorf("nodes %q, want %q, problems %q", got, c.nodes, messages(&r))
			}
		})
	}
}

func TestWorkloads(t *testing.T) {
	for name, c := range map[string]struct{ text, want, problem string }{
		"unknown variables": {
			workload("StatefulSet", "", foundation, "envFrom: [{configMapRef: {name: gone}}, {secretRef: {name: s}}]\n        env: [{name: DATABASE_HOST, valueFrom: {secretKeyRef: {name: a, key: b}}}, {name: PLATFORM_ID, value: x}, {name: COORDINATOR_HOSTS, valueFrom: {configMapKeyRef: {name: gone, key: k}}}]"),
			"database:twx-database zookeeper:twx-zookeeper", "variables come from a ConfigMap that is not in the file",
		},
		"Influx":             {workload("StatefulSet", "", "influxdb:1.8-meta", ""), "influxdb:twx", ""},
		"Influx OSS":         {workload("StatefulSet", "", "influxdb:2.7", ""), "influxdb:twx", ""},
		"HAProxy":            {workload("Deployment", "", "haproxy:3.0", ""), "load-balancer:twx", ""},
		"SQL Server":         {workload("StatefulSet", "", "mcr.microsoft.com/mssql/server:2022-latest", ""), "database:twx", ""},
		"no image":           {workload("StatefulSet", "", "${IMAGE}", ""), "", ""},
		"another":            {workload("StatefulSet", "", "nginx", ""), "", ""},
		"no pods":            {"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: x}\n", "", ""},
		"own claims":         {workload("StatefulSet", "replicas: 2\n  volumeClaimTemplates: [{metadata: {name: f}}]", foundation, "volumeMounts: [{name: f, mountPath: /ThingworxStorage}, {name: f, mountPath: /ThingworxPlatform}]"), "database:twx-database storage:twx-storage", "every replica has a claim of its own"},
		"empty":              {workload("StatefulSet", "", foundation, "volumeMounts: [{name: f, mountPath: /ThingworxStorage}]"), "database:twx-database", ""},
		"NFS":                {strings.Replace(workload("StatefulSet", "", foundation, "volumeMounts: [{name: f, mountPath: /ThingworxStorage}]"), "      containers:", "      volumes: [{name: f, nfs: {server: nas.x.example, path: /e}}]\n      containers:", 1), "database:twx-database storage:twx-storage", ""},
		"pgpool":             {workload("Deployment", "", "pgpool/pgpool", "env: [{name: PGPOOL_PARAMS_BACKEND_HOSTNAME0, value: \"${A}\"}, {name: PGPOOL_PARAMS_BACKEND_PORT0, value: x}]"), "database:twx", "PGPOOL_PARAMS_BACKEND_HOSTNAME0 is not known: it is the expression ${A}"},
		"CX":                 {workload("Deployment", "", "x/cxserver:9", "env: [{name: SERVICE_DISCOVERY_ENDPOINT, value: \"${A}\"}]"), "", "SERVICE_DISCOVERY_ENDPOINT is not known: it is the expression ${A}"},
		"CX, odd":            {workload("Deployment", "", "x/cxserver:9", "env: [{name: SERVICE_DISCOVERY_ENDPOINT, value: \"!\"}]"), "", "SERVICE_DISCOVERY_ENDPOINT holds a part that is no address"},
		"Ignite":             {workload("StatefulSet", "", "apacheignite/ignite:2", "env: [{name: JVM_OPTS, value: \"-Xmx1g -DZK_CONNECTION=zk.x.example:2181\"}]"), "", ""},
		"a list":             {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n  spec: {type: ExternalName, externalName: db.x.example}\n- {a: b}\n", "", ""},
		"a sequence":         {"- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n", "", ""},
		"a bad name":         {"apiVersion: v1\nkind: Service\nmetadata: {name: \"{{ x }}\"}\n", "", "the name of the object is none: it is the expression {{ x }}"},
		"custom":             {"apiVersion: a/v1\nkind: Whatever It Is\nmetadata: {name: a}\n", "", ""},
		"a broken one":       {"apiVersion: v1\nkind: Secret\n---\na: [\n", "", "not YAML"},
		"operator":           {"apiVersion: x/v1\nkind: ThingWorxCluster\nmetadata: {name: a, labels: {env: test}}\nspec: {enableHA: maybe, images: {platform: \"x/thingworx-platform:9.6\"}, database: {host: \"${DB}\", database: \"a/b\"}}\n", "database:a-database", "enableHA is neither true nor false"},
		"operator, external": {"apiVersion: x/v1\nkind: ThingWorxCluster\nmetadata: {name: a, namespace: n, labels: {env: dev}}\nspec: {enableHA: true, database: {host: pg, port: 5433}}\n", "database:a-database", ""},
		"load balancer":      {"apiVersion: v1\nkind: Service\nmetadata: {name: twx}\nspec: {type: LoadBalancer, loadBalancerIP: 10.0.0.1, sessionAffinity: ClientIP, selector: {app: a}}\n---\n" + strings.Replace(workload("StatefulSet", "", foundation, ""), "    spec:", "    metadata: {labels: {app: a}}\n    spec:", 1), "database:twx-database load-balancer:twx", ""},
		"pgpool's map":       {workload("Deployment", "", "pgpool/pgpool", "volumeMounts: [{name: c, mountPath: /etc}]\n      volumes: [{name: c, configMap: {name: h}}]") + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: h}\ndata:\n  pgpool.conf: |\n    num_init_children = 1\n    backend_hostname0 = 'pg'\n", "database:twx", ""},
		"old ingress":        {"apiVersion: networking.k8s.io/v1beta1\nkind: Ingress\nmetadata: {name: i}\nspec: {rules: [{host: \"*.x\", http: {paths: [{backend: {serviceName: twx}}]}}]}\n", "load-balancer:i", "the host of a rule is none"},
		"haproxy's map":      {workload("Deployment", "", "haproxy:3.0", "volumeMounts: [{name: c, mountPath: /etc}]\n      volumes: [{name: c, configMap: {name: h}}]") + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: h}\ndata:\n  haproxy.cfg: |\n    global\n    what\n    backend b\n      server\n      server s twx:8080\n", "load-balancer:twx", "haproxy.cfg\": a server has no address"},
	} {
		t.Run(name, func(t *testing.T) {
			r := one(t, c.text)
			if r.Files[0].Status == importer.Refused {
				t.Fatalf("refused: %+v", r.Files[0].Problems)
			}
			got := map[string]bool{}
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
			if text := messages(&r); !strings.Contains(text, c.problem) || c.problem == "" && text != "" {
				t.Errorf("problems %q, want %q", text, c.problem)
			}
		})
	}
}

// Settings and the workload that mounts them are one cluster, also when they are in different files.
func TestSettingsInAnotherFile(t *testing.T) {
	config := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata:\n  notes: x\n  platform-settings.json: |\n    {\n     \"PlatformSettingsConfig\": {\"BasicSettings\": {\"EnableClusteredMode\": true,}}\n    }\n  zoo.cfg: |\n    tickTime=1\n  other.txt: hello\n"
	work := workload("StatefulSet", "replicas: 2", foundation, "volumeMounts: [{name: c, mountPath: /ThingworxPlatform}]\n      volumes: [{name: c, configMap: {name: conf}}]")
	for name, files := range map[string][]importer.File{
		"settings first": {{Name: "a.yaml", Data: []byte(config)}, {Name: "b.yaml", Data: []byte(work)}},
		"settings last":  {{Name: "b.yaml", Data: []byte(work)}, {Name: "a.yaml", Data: []byte(config)}},
	} {
		r := kubernetes.Import(files, sourcetest.Options(t, "s"))
		sourcetest.CheckImport(t, &r)
		if c := r.Site.Clusters; len(c) != 1 || !c[0].Clustered() || len(c[0].Nodes(inventory.Foundation)) != 2 {
			t.Errorf("%s: %s", name, sourcetest.JSON(t, c))
		}
		if text := messages(&r); text != `8 "platform-settings.json": a comma before the closing brace` {
			t.Errorf("%s: problems %q", name, text)
		}
	}
}

// Two objects of one name in two namespaces are two.
func TestNamespaces(t *testing.T) {
	zk := strings.Replace(workload("StatefulSet", "serviceName: zk", "zookeeper:3.8", ""), "name: twx", "name: zk, namespace: NS", 1)
	r := one(t, strings.ReplaceAll(zk, "NS", "a")+"---\n"+strings.ReplaceAll(zk, "NS", "b"))
	if in := r.Site.Infrastructure; len(in) != 2 || in[0].Identity.Endpoint != "zk-0.zk.a.svc.cluster.local:2181" || in[1].Identity.Endpoint != "zk-0.zk.b.svc.cluster.local:2181" {
		t.Errorf("%s", sourcetest.JSON(t, r.Site.Infrastructure))
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "no manifest",
		"a: b\n":                             "no manifest",
		"x: apiVersion\ny: kind\n":           "no manifest",
		"x: apiVersion kind [\n - }\ny: }":   "not YAML",
		"package main\n\n// apiVersion kind": "source text",
		"apiVersion: v1\nkind: [\n":          "not YAML",
		"apiVersion: v1\nkind: {{ .Values.kind }}\n  a: {{ b }}\n": "not YAML: it holds expressions",
	} {
		r := one(t, text)
		if f := r.Files[0]; f.Status != importer.Refused || !strings.Contains(f.Problems[0].What, want) {
			t.Errorf("%q: %s %+v, want %q", text, f.Status, f.Problems, want)
		}
	}
	r := kubernetes.Import([]importer.File{{Name: "x", Unreadable: "a socket"}}, sourcetest.Options(t, "s"))
	if r.Files[0].Status != importer.Refused {
		t.Error("an unreadable file")
	}
}
