package kubernetes

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/loose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// work is a workload with the container that gives it its role.
type work struct {
	*reader
	o         *object
	pod       *loose.Value // spec of the pods
	container *loose.Value
	image     hostconfig.Image
	nodes     []inventory.Node
	labels    map[string]string
	env       map[string]variable
}

type variable struct {
	value string
	line  int
	known bool // false for a value from a secret, a field or a ConfigMap that is not in the file
}

func (r *reader) workload(o *object) {
	w := &work{reader: r, o: o, pod: o.v.Get("spec", "template", "spec"), labels: labelsOf(o.v.Get("spec", "template", "metadata", "labels"), o)}
	if o.kind == "Pod" {
		w.pod, w.labels = o.v.Get("spec"), labelsOf(o.v.Get("metadata", "labels"), o)
	}
	containers := w.pod.Get("containers")
	for i := range containers.Len() {
		c := containers.At(i)
		image := hostconfig.ReadImage(c.Get("image").Text())
		if w.container == nil || w.image.Role == hostconfig.RoleOther || w.image.Role == hostconfig.RoleUnknown {
			w.container, w.image = c, image
		}
	}
	if w.container == nil || w.image.Role == hostconfig.RoleUnknown {
		reason := "it has no container"
		if w.container != nil {
			reason = "its image does not tell what it runs"
		}
		r.out.Open = append(r.out.Open, deployment.Open{Place: o.place(), Type: strings.ToLower(o.kind), Name: o.name, Reason: reason, Remedy: applied})
		return
	}
	if w.image.Role == hostconfig.RoleOther {
		r.report.Count(strings.ToLower(o.kind), importer.ClassNotRelevant)
		return
	}
	w.environment()
	w.replicas()
	switch w.image.Role {
	case hostconfig.RoleFoundation:
		w.foundation()
	case hostconfig.RoleConnection:
		s := deployment.Satellite{Place: o.place(), Name: o.name, Nodes: w.nodes, Labels: w.labels}
		s.ZooKeeper = w.connect("SERVICE_DISCOVERY_ENDPOINT")
		r.out.Connections = append(r.out.Connections, s)
	case hostconfig.RoleIgnite:
		r.out.Ignites = append(r.out.Ignites, w.ignite())
	case hostconfig.RoleZooKeeper:
		r.out.Servers = append(r.out.Servers, w.server(inventory.KindZooKeeper))
	case hostconfig.RoleDatabase:
		x := w.server(inventory.KindDatabase)
		x.Engine = w.image.Engine
		r.out.Servers = append(r.out.Servers, x)
	case hostconfig.RoleInflux:
		x := w.server(inventory.KindInfluxDB)
		if tag := w.container.Get("image").Text(); !strings.Contains(tag, "meta") && !strings.HasSuffix(tag, "data") {
			x.Edition = inventory.EditionOSS
		}
		r.out.Servers = append(r.out.Servers, x)
	case hostconfig.RolePgpool:
		w.pgpool()
	case hostconfig.RoleBalancer:
		b := deployment.Balancer{Server: w.server(inventory.KindLoadBalancer)}
		for _, name := range w.mounts("") {
			b.Backends = append(b.Backends, r.backends(r.key(o, name))...)
		}
		r.out.Balancers = append(r.out.Balancers, b)
	case hostconfig.RoleUnknown, hostconfig.RoleOther:
	}
}

// labelsOf reads labels or a selector. The namespace counts as a label, because services select in their own only.
func labelsOf(v *loose.Value, o *object) map[string]string {
	if v.Len() == 0 {
		return nil
	}
	out := map[string]string{"": o.namespace}
	for i := range v.Len() {
		out[v.At(i).Key()] = v.At(i).Text()
	}
	return out
}

// environment collects the variables of the container. Values from secrets are never followed.
func (w *work) environment() {
	w.env = map[string]variable{}
	from := w.container.Get("envFrom")
	for i := range from.Len() {
		name := from.At(i).Get("configMapRef", "name").Text()
		if name == "" {
			continue
		}
		data, ok := w.configs[w.key(w.o, name)]
		if !ok && w.image.Role == hostconfig.RoleFoundation {
			w.problem(from.At(i).Get("configMapRef", "name"), *w.o, "/envFrom", "variables come from a ConfigMap that is not in the file; what they set stays unknown", "put it into the same file")
		}
		for j := range data.Len() {
			v := data.At(j)
			line, _ := v.Place()
			w.env[from.At(i).Get("prefix").Text()+v.Key()] = variable{v.Text(), line, true}
		}
	}
	list := w.container.Get("env")
	for i := range list.Len() {
		e := list.At(i)
		line, _ := e.Place()
		x := variable{value: e.Get("value").Text(), line: line, known: e.Has("value")}
		if ref := e.Get("valueFrom", "configMapKeyRef"); ref != nil {
			if v := w.configs[w.key(w.o, ref.Get("name").Text())].Get(ref.Get("key").Text()); v != nil {
				x.value, x.known = v.Text(), true
			}
		}
		w.env[e.Get("name").Text()] = x
	}
}

// get returns a variable. One whose value is elsewhere is an expression that names no secret.
func (w *work) get(name string) (string, int, bool) {
	x, ok := w.env[name]
	if !ok {
		return "", 0, false
	}
	if !x.known {
		return "$(" + name + ")", x.line, true
	}
	// $(NAME) refers to another variable of the container.
	if inner, cut := strings.CutPrefix(x.value, "$("); cut && strings.HasSuffix(inner, ")") {
		if y, ok := w.env[strings.TrimSuffix(inner, ")")]; ok && y.known {
			return y.value, x.line, true
		}
	}
	return x.value, x.line, true
}

func (w *work) variables() hostconfig.Variables {
	return hostconfig.Variables{
		Get: w.get,
		Problem: func(line int, name, what string) {
			w.report.Problem(document.Problem{Line: line, Path: w.o.pointer() + "/env/" + name, What: what, Remedy: applied})
		},
	}
}

func (w *work) connect(name string) []deployment.HostPort {
	value, line, _ := w.get(name)
	if e := hostconfig.Expression(value); e != "" {
		w.variables().Problem(line, name, name+" is not known: it is the expression "+e)
		return nil
	}
	hosts, odd := deployment.ParseHosts(value)
	if odd > 0 {
		w.variables().Problem(line, name, name+" holds a part that is no address")
	}
	fullHosts(hosts, w.namespace())
	return hosts
}

func (w *work) namespace() string {
	if deployment.Host(w.o.namespace) != "" {
		return w.o.namespace
	}
	return w.scope
}

// maxReplicas bounds the nodes of one workload.
const maxReplicas = 1000

// maxPods bounds the nodes of one file.
const maxPods = 5000

// replicas makes one node for each replica; without a number there is one, which is Kubernetes' default.
func (w *work) replicas() {
	n, start := 1, 0
	v := w.o.v.Get("spec", "replicas")
	count, ok := v.Int()
	switch {
	case w.o.kind == "DaemonSet":
		n = 0
		w.report.Note(document.Problem{Line: w.o.place().Line, Path: w.o.pointer(), What: "a DaemonSet runs on every node of the cluster, whose number is not in the file"})
	case v == nil || v.Kind() == loose.Null || w.o.kind == "Pod":
	case ok && count >= 0 && count <= maxReplicas:
		n = count
	default:
		n = 0
		w.problem(v, *w.o, "/spec/replicas", "the number of replicas is not known", applied)
	}
	if s, ok := w.o.v.Get("spec", "ordinals", "start").Int(); ok && s > 0 && s < 1<<20 {
		start = s
	}
	node := inventory.Node{Placement: w.placement()}
	node.CPU, node.MemoryGiB = w.resources()
	name := strings.ToLower(w.o.name)
	if deployment.Host(name) == "" {
		name = string(w.image.Role)
	}
	if w.pods += n; w.pods > maxPods {
		w.problem(v, *w.o, "/spec/replicas", "the file has more than "+strconv.Itoa(maxPods)+" replicas; these were left out", "split the file")
		n = 0
	}
	for i := range n {
		if node.Name = name; n > 1 || w.o.kind == "StatefulSet" {
			node.Name += "-" + strconv.Itoa(start+i)
		}
		w.nodes = append(w.nodes, node)
	}
}

// placement is where selectors bind every pod to: one zone, one region. A constraint that spreads pods over zones tells
// no pod's zone.
func (w *work) placement() inventory.Placement {
	var p inventory.Placement
	take := func(key, value string) {
		if value = importer.Token(value); value == "" {
			return
		}
		switch key {
		case "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone":
			p.Zone = value
		case "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region":
			p.Region = value
		}
	}
	selector := w.pod.Get("nodeSelector")
	for i := range selector.Len() {
		take(selector.At(i).Key(), selector.At(i).Text())
	}
	terms := w.pod.Get("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
	if terms.Len() == 1 {
		list := terms.At(0).Get("matchExpressions")
		for i := range list.Len() {
			if m := list.At(i); m.Get("operator").Text() == "In" && m.Get("values").Len() == 1 {
				take(m.Get("key").Text(), m.Get("values").At(0).Text())
			}
		}
	}
	// Azure names zones westeurope-1; the number is the logical zone.
	if rest, ok := strings.CutPrefix(p.Zone, p.Region+"-"); ok && p.Region != "" {
		p.Zone = rest
	}
	return p
}

// resources are the container's limits, else what it requests.
func (w *work) resources() (cpu, memory float64) {
	for _, kind := range []string{"limits", "requests"} {
		r := w.container.Get("resources", kind)
		if cpu == 0 {
			cpu = quantity(r.Get("cpu").Text())
		}
		if memory == 0 {
			memory = quantity(r.Get("memory").Text()) / (1 << 30)
		}
	}
	return importer.Positive(math.Round(cpu*1000) / 1000), importer.Positive(math.Round(memory*1000) / 1000)
}

// quantity reads a number of Kubernetes with its suffix; 0 for anything else.
func quantity(s string) float64 {
	scale := 1.0
	for _, u := range []struct {
		suffix string
		scale  float64
	}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}, {"m", 0.001}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}} {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, scale = rest, u.scale
			break
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 1e15 {
		return 0
	}
	return f * scale
}

// server is the infrastructure that a workload runs; its services join by their selectors.
func (w *work) server(kind inventory.InfrastructureKind) deployment.Server {
	x := deployment.Server{Place: w.o.place(), Key: w.key(w.o, w.o.kind+" "+w.o.name), Labels: w.labels}
	x.Kind, x.Version, x.Nodes, x.ID = kind, w.image.Version, w.nodes, importer.Slug(w.o.name)
	if service := deployment.Host(w.o.v.Get("spec", "serviceName").Text()); service != "" && kind != inventory.KindLoadBalancer {
		for _, n := range w.nodes {
			x.Hosts = append(x.Hosts, deployment.HostPort{Host: full(n.Name+"."+service, w.namespace())})
		}
	}
	return x
}

func (w *work) ignite() deployment.Satellite {
	s := deployment.Satellite{Place: w.o.place(), Name: w.o.name, Nodes: w.nodes, Labels: w.labels}
	for _, name := range w.mounts("") {
		data := w.configs[w.key(w.o, name)]
		for i := range data.Len() {
			_, f := hostconfig.Read(importer.File{Name: "ignite.xml", Data: []byte(data.At(i).Text())})
			for _, found := range f.Ignites {
				s.BasePath, s.ZooKeeper = found.BasePath, found.ZooKeeper
			}
		}
	}
	if len(s.ZooKeeper) == 0 {
		options, _, _ := w.get("JVM_OPTS")
		for _, o := range strings.Fields(options) {
			if list, ok := strings.CutPrefix(o, "-DZK_CONNECTION="); ok {
				s.ZooKeeper, _ = deployment.ParseHosts(list)
			}
		}
	}
	fullHosts(s.ZooKeeper, w.namespace())
	return s
}

func (w *work) pgpool() {
	var p hostconfig.Pgpool
	names := make([]string, 0, len(w.env))
	for name := range w.env {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		key, ok := strings.CutPrefix(name, "PGPOOL_PARAMS_")
		if key = strings.ToLower(key); !ok || !hostconfig.Known(key) {
			continue
		}
		value, line, _ := w.get(name)
		if e := hostconfig.Expression(value); e != "" {
			w.variables().Problem(line, name, name+" is not known: it is the expression "+e)
		} else if !p.Set(line, key, value) {
			w.variables().Problem(line, name, name+" has a value that it cannot have")
		}
	}
	x, _ := p.Server(inventory.Node{})
	x.Place, x.Key, x.Labels, x.PgPool, x.ID = w.o.place(), w.key(w.o, w.o.kind+" "+w.o.name), w.labels, w.nodes, importer.Slug(w.o.name)
	fullHosts(x.Hosts, w.namespace())
	for _, name := range w.mounts("") {
		for _, s := range w.servers(w.key(w.o, name)) {
			if s.Kind == inventory.KindDatabase {
				x.Hosts = append(x.Hosts, s.Hosts...)
			}
		}
	}
	w.out.Servers = append(w.out.Servers, x)
}

// mounts are the ConfigMaps that the container mounts; with a path, those mounted there.
func (w *work) mounts(path string) []string {
	var out []string
	volumes := w.pod.Get("volumes")
	mounts := w.container.Get("volumeMounts")
	for i := range volumes.Len() {
		v := volumes.At(i)
		name := v.Get("configMap", "name").Text()
		if name == "" {
			continue
		}
		for j := range mounts.Len() {
			m := mounts.At(j)
			if m.Get("name").Text() == v.Get("name").Text() && strings.HasPrefix(m.Get("mountPath").Text(), path) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}
