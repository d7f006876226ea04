// Package kubernetes reads manifests as they are applied: streams of YAML, rendered Helm charts, and lists as kubectl
// prints them. It finds the workloads of Foundation, connection servers, Ignite, ZooKeeper, databases and load balancers,
// one node for each replica, with their services, volumes and configuration. A node's zone is only what a selector fixes;
// of secrets only the names are read. It asks no cluster and hands fragments to package deployment; `meridian import
// --from kubernetes` calls Import.
package kubernetes

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/loose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Source is the name of this source in provenance and among the sources of a document.
const Source = "kubernetes"

const applied = "give the manifest as it is applied (helm template, kubectl get -o yaml)"

// Import reads the files and assembles one document. Every file has a report; none is skipped.
func Import(files []importer.File, opts importer.Options) importer.Result {
	return deployment.Import(files, opts, []deployment.Reader{Read})
}

// Read reads one file; it is the deployment.Reader of this source. Names of services are
// completed by their namespace; where no object names one, they mean something among the files of that kind only.
func Read(f importer.File) (importer.FileReport, deployment.Fragment) {
	r := &reader{report: importer.FileReport{Path: f.Name, Kind: "other file"}, configs: map[string]*loose.Value{}, claims: map[string]*loose.Value{}, volumes: map[string]*loose.Value{}}
	refuse := func(p document.Problem) (importer.FileReport, deployment.Fragment) {
		r.report.Refuse(p)
		return r.report, deployment.Fragment{Source: r.out.Source}
	}
	if f.Unreadable != "" {
		r.report.Kind = "unreadable file"
		return refuse(f.Unread())
	}
	const remedy = "this source reads manifests of Kubernetes"
	switch {
	case goSource.Match(f.Data):
		r.report.Kind = "source text"
		return refuse(document.Problem{Line: 1, What: "source text of a program, which names objects and holds no manifest", Remedy: applied})
	case !bytes.Contains(f.Data, []byte("apiVersion")) || !bytes.Contains(f.Data, []byte("kind")):
		return refuse(document.Problem{Line: 1, What: "no manifest: no object has apiVersion and kind", Remedy: remedy})
	}
	docs, problems := loose.YAML(f.Data)
	for _, d := range docs {
		r.collect(d, 0)
	}
	if len(r.objects) == 0 {
		if manifestLine.Match(f.Data) && len(problems) > 0 {
			r.out.Source, r.report.Kind = Source, "manifest that cannot be read"
			return refuse(problems[0])
		}
		p := document.Problem{Line: 1, What: "no manifest: no object has apiVersion and kind", Remedy: remedy}
		if len(problems) > 0 {
			p = problems[0]
		}
		return refuse(p)
	}
	r.out.Source, r.report.Kind = Source, "manifest"
	for _, p := range problems {
		r.report.Problem(p)
	}
	r.read()
	return r.report, r.out
}

var (
	goSource     = regexp.MustCompile(`(?m)\A(//.*\n|\s*\n)*package \w+\s*$|\A\s*(import |public |using )`)
	manifestLine = regexp.MustCompile(`(?m)^(apiVersion|kind):`)
)

// object is one Kubernetes object.
type object struct {
	v         *loose.Value
	kind      string
	group     string // of the API
	name      string
	namespace string
}

type reader struct {
	report  importer.FileReport
	out     deployment.Fragment
	objects []object
	scope   string
	pods    int                     // replicas of all workloads so far
	configs map[string]*loose.Value // data of ConfigMaps by name
	claims  map[string]*loose.Value // PersistentVolumeClaims by name
	volumes map[string]*loose.Value // PersistentVolumes by the claim they are bound to, or their own name
}

// maxObjects bounds the objects of one file.
const maxObjects = 2_000

// collect takes the objects of a document, and of lists in it.
func (r *reader) collect(d *loose.Value, depth int) {
	if d.Kind() == loose.List {
		for i := range d.Len() {
			if depth < 4 {
				r.collect(d.At(i), depth+1)
			}
		}
		return
	}
	kind := d.Get("kind").Text()
	if items := d.Get("items"); items.Kind() == loose.List && strings.HasSuffix(kind, "List") && depth < 4 {
		for i := range items.Len() {
			r.collect(items.At(i), depth+1)
		}
		return
	}
	if kind == "" || d.Get("apiVersion").Text() == "" || len(r.objects) > maxObjects {
		return
	}
	if len(r.objects) == maxObjects {
		line, _ := d.Place()
		r.report.Problem(document.Problem{Line: line, What: "more than " + strconv.Itoa(maxObjects) + " objects; the rest was left out", Remedy: "split the file"})
	}
	group, _, _ := strings.Cut(d.Get("apiVersion").Text(), "/")
	o := object{v: d, kind: kind, group: group, name: d.Get("metadata", "name").Text(), namespace: d.Get("metadata", "namespace").Text()}
	if importer.Token(o.name) == "" && len(o.name) > 40 && deployment.Host(o.name) == "" || strings.ContainsAny(o.name, "/{}") {
		r.problem(d.Get("metadata", "name"), o, "/metadata/name", "the name of the object is none", applied)
		o.name = ""
	}
	r.objects = append(r.objects, o)
}

func (r *reader) problem(v *loose.Value, o object, pointer, what, remedy string) {
	line, column := v.Place()
	if line == 0 {
		line, column = o.v.Place()
	}
	if e := hostconfig.Expression(v.Text()); e != "" {
		what += ": it is the expression " + e
	}
	r.report.Problem(document.Problem{Line: line, Column: column, Path: o.pointer() + pointer, What: what, Remedy: remedy})
}

// pointer names the object as kubectl does, because a file holds many documents.
func (o *object) pointer() string {
	if importer.Token(o.kind) == "" || deployment.Host(o.name) == "" {
		return ""
	}
	return "/" + o.kind + "/" + o.name
}

func (o *object) place() deployment.Place {
	line, column := o.v.Place()
	return deployment.Place{Line: line, Column: column, Pointer: o.pointer()}
}

func (r *reader) read() {
	for i := range r.objects {
		o := &r.objects[i]
		if r.scope == "" && o.namespace != "" && o.kind != "Namespace" {
			r.scope = o.namespace
		}
		switch o.kind {
		case "ConfigMap":
			r.configs[r.key(o, o.name)] = o.v.Get("data")
		case "PersistentVolumeClaim":
			r.claims[r.key(o, o.name)] = o.v.Get("spec")
		case "PersistentVolume":
			spec := o.v.Get("spec")
			r.volumes[o.name] = spec
			if claim := spec.Get("claimRef", "name").Text(); claim != "" {
				r.volumes["claim "+spec.Get("claimRef", "namespace").Text()+"/"+claim] = spec
			}
		}
	}
	if deployment.Host(r.scope) == "" {
		r.scope = ""
	}
	r.out.Scope = "kubernetes " + r.scope
	for i := range r.objects {
		o := &r.objects[i]
		switch o.kind {
		case "StatefulSet", "Deployment", "DaemonSet", "ReplicaSet", "Pod", "ReplicationController":
			r.workload(o)
		case "Service":
			r.service(o)
		case "Ingress":
			r.ingress(o)
		case "ConfigMap", "PersistentVolumeClaim", "PersistentVolume", "Secret", "Job", "CronJob", "Namespace":
			r.report.Count(strings.ToLower(o.kind), importer.ClassContext)
		case "ThingWorxCluster":
			r.operator(o)
		case "Thingworx", "ThingWorx":
			if o.v.Get("spec").Len() == 0 {
				r.report.Note(document.Problem{Line: o.place().Line, Path: o.pointer(), What: "the resource has no spec, so that it tells nothing but that ThingWorx is wanted"})
			}
			r.out.Open = append(r.out.Open, deployment.Open{Place: o.place(), Type: "thingworx", Name: o.name, Reason: "what its operator makes of it is not in the file", Remedy: applied})
		default:
			r.report.Count(kindName(o.kind), importer.ClassContext)
		}
	}
	// Settings whose workload is not in the file meet it in the assembly.
	for i := range r.objects {
		if o := &r.objects[i]; o.kind == "ConfigMap" {
			r.configFiles(o)
		}
	}
}

func kindName(kind string) string {
	if name := strings.ToLower(importer.Token(kind)); name != "" {
		return name
	}
	return "object"
}

// key names what belongs to an object's namespace.
func (r *reader) key(o *object, name string) string { return o.namespace + "/" + name }

// full writes a host name of the cluster's network in full: the service of a namespace, or a pod behind one. A name of
// another network is left as it is.
func full(host, namespace string) string {
	if strings.HasSuffix(host, ".svc") {
		return host + ".cluster.local"
	}
	if namespace == "" || strings.HasSuffix(host, ".cluster.local") || strings.ContainsAny(host, ":_") || deployment.Loopback(host) {
		return host
	}
	labels := strings.Split(host, ".")
	if strings.Trim(host, "0123456789.") == "" {
		return host
	}
	last := labels[len(labels)-1]
	switch {
	case len(labels) == 1, len(labels) == 2 && ordinal.MatchString(labels[0]) && last != namespace:
		return host + "." + namespace + ".svc.cluster.local"
	case len(labels) <= 3 && last == namespace:
		return host + ".svc.cluster.local"
	}
	return host
}

var ordinal = regexp.MustCompile(`-\d+$`)

func fullHosts(hosts []deployment.HostPort, namespace string) {
	for i := range hosts {
		hosts[i].Host = full(hosts[i].Host, namespace)
	}
}
