package kubernetes

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/deployment"
	"github.com/meridian-federation/meridian/planner/sources/hostconfig/loose"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// service gives its name to the pods it selects. One of type LoadBalancer is a load balancer of the cloud.
func (r *reader) service(o *object) {
	spec := o.v.Get("spec")
	name := deployment.Host(o.name)
	r.report.Count("service", importer.ClassContext)
	if name == "" {
		return
	}
	namespace := o.namespace
	if deployment.Host(namespace) == "" {
		namespace = r.scope
	}
	host := full(name, namespace)
	if external := deployment.Host(spec.Get("externalName").Text()); spec.Get("type").Text() == "ExternalName" && external != "" {
		r.report.Note(document.Problem{Line: o.place().Line, Path: o.pointer(), What: "the service stands for a host outside of the cluster"})
		return
	}
	hosts := []deployment.HostPort{{Host: host}}
	ports := spec.Get("ports")
	for i := range min(ports.Len(), 16) {
		if p, ok := ports.At(i).Get("port").Int(); ok && p > 0 && p < 1<<16 {
			hosts = append(hosts, deployment.HostPort{Host: host, Port: p})
		}
	}
	r.out.Aliases = append(r.out.Aliases, deployment.Alias{Hosts: hosts, Selector: labelsOf(spec.Get("selector"), o)})
	if spec.Get("type").Text() != "LoadBalancer" {
		return
	}
	b := r.balancer(o)
	if ip := deployment.Host(spec.Get("loadBalancerIP").Text()); ip != "" {
		b.Hosts = append(b.Hosts, deployment.HostPort{Host: ip})
	}
	sticky := strings.EqualFold(spec.Get("sessionAffinity").Text(), "ClientIP")
	b.Backends = []deployment.Backend{{Name: o.name, Hosts: []deployment.HostPort{{Host: host}}, Sticky: &sticky}}
	r.out.Balancers = append(r.out.Balancers, b)
}

func (r *reader) balancer(o *object) deployment.Balancer {
	b := deployment.Balancer{}
	b.Place, b.Kind, b.ID, b.Key = o.place(), inventory.KindLoadBalancer, importer.Slug(o.name), r.key(o, o.kind+" "+o.name)
	return b
}

// ingress is a load balancer by its host name; the controller's annotations tell whether sessions stick.
func (r *reader) ingress(o *object) {
	b := r.balancer(o)
	notes := o.v.Get("metadata", "annotations")
	var sticky *bool
	for _, key := range []string{"nginx.ingress.kubernetes.io/affinity", "haproxy.org/cookie-persistence", "appgw.ingress.kubernetes.io/cookie-based-affinity", "traefik.ingress.kubernetes.io/service.sticky.cookie"} {
		if v := notes.Get(key); v != nil {
			yes := v.Text() != "" && !strings.EqualFold(v.Text(), "false")
			sticky = &yes
		}
	}
	rules := o.v.Get("spec", "rules")
	back := func(v *loose.Value) {
		name := v.Get("service", "name").Text()
		if name == "" {
			name = v.Get("serviceName").Text()
		}
		if h := deployment.Host(name); h != "" {
			b.Backends = append(b.Backends, deployment.Backend{Name: name, Hosts: []deployment.HostPort{{Host: full(h, r.scope)}}, Sticky: sticky})
		}
	}
	for i := range rules.Len() {
		rule := rules.At(i)
		if h := deployment.Host(rule.Get("host").Text()); h != "" {
			b.Hosts = append(b.Hosts, deployment.HostPort{Host: h})
		} else if rule.Has("host") {
			r.problem(rule.Get("host"), *o, "/spec/rules", "the host of a rule is none", applied)
		}
		paths := rule.Get("http", "paths")
		for j := range paths.Len() {
			back(paths.At(j).Get("backend"))
		}
	}
	back(o.v.Get("spec", "defaultBackend"))
	r.out.Balancers = append(r.out.Balancers, b)
}

// operator reads a ThingWorxCluster, the resource from which a public operator makes a cluster. It names images and
// connections; how many nodes there are the operator decides, so that none is listed. Without high availability the
// images of Ignite and the connection server are named and not used.
func (r *reader) operator(o *object) {
	spec := o.v.Get("spec")
	image := func(key string) (hostconfig.Image, bool) {
		v := spec.Get("images", key)
		return hostconfig.ReadImage(v.Text()), v.Text() != ""
	}
	f := deployment.Foundation{Place: o.place(), Title: o.name, Workload: r.key(o, o.kind+" "+o.name)}
	if ha, ok := spec.Get("enableHA").Bool(); ok {
		f.Clustered, f.Joins = &ha, ha
	} else if spec.Has("enableHA") {
		r.problem(spec.Get("enableHA"), *o, "/spec/enableHA", "enableHA is neither true nor false", applied)
	}
	platform, _ := image("platform")
	f.Cluster.ThingworxVersion = platform.Version
	f.Cluster.Environment = environment(o.v.Get("metadata", "labels"))
	r.operatorDatabase(o, &f)
	storage := spec.Get("storage")
	if storage != nil {
		u := deployment.Use{Use: inventory.Use{As: inventory.AsStorage, Path: "/ThingworxStorage"}}
		u.Server.Kind, u.Server.Place, u.Server.Key, u.Server.ID = inventory.KindStorage, o.place(), r.key(o, "claim "+o.name+"-shared"), importer.Slug(o.name+"-shared")
		u.Server.StorageGiB = importer.Positive(quantity(storage.Get("sharedStorageSize").Text()) / (1 << 30))
		f.Uses = append(f.Uses, u)
	}
	ha := f.Clustered != nil && *f.Clustered
	if zk, ok := image("zookeeper"); ha && ok {
		u := deployment.Use{Use: inventory.Use{As: inventory.AsZooKeeper}}
		u.Server.Kind, u.Server.Place, u.Server.Key, u.Server.ID, u.Server.Version = inventory.KindZooKeeper, o.place(), r.key(o, "StatefulSet "+o.name+"-zookeeper"), importer.Slug(o.name+"-zookeeper"), zk.Version
		f.Uses = append(f.Uses, u)
	}
	if _, ok := image("haProxy"); ha && ok {
		u := deployment.Use{Use: inventory.Use{As: inventory.AsLoadBalancer}}
		u.Server.Kind, u.Server.Place, u.Server.Key, u.Server.ID = inventory.KindLoadBalancer, o.place(), r.key(o, "Deployment "+o.name+"-haproxy"), importer.Slug(o.name+"-haproxy")
		if h := deployment.Host(spec.Get("ingress", "host").Text()); h != "" {
			u.Server.Hosts = []deployment.HostPort{{Host: h}}
		}
		f.Uses = append(f.Uses, u)
	}
	if _, ok := image("ignite"); ha && ok {
		f.HasIgnite, f.Ignite = true, inventory.IgniteSeparate
	}
	if _, ok := image("cxServer"); ha && ok {
		f.Extra = append(f.Extra, inventory.ConnectionServer)
	}
	r.out.Foundations = append(r.out.Foundations, f)
	r.report.Note(document.Problem{Line: o.place().Line, Path: o.pointer(), What: "how many nodes the operator starts is not in the file; the components are listed without nodes"})
}

func (r *reader) operatorDatabase(o *object, f *deployment.Foundation) {
	db := o.v.Get("spec", "database")
	if db == nil {
		return
	}
	d := hostconfig.Database{Engine: inventory.EnginePostgreSQL}
	d.Name, d.Schema = plain(db.Get("database").Text()), plain(db.Get("schema").Text())
	internal, _ := db.Get("internal").Bool()
	if host := db.Get("host"); !internal && host != nil {
		h, ok := deployment.ParseHost(host.Text())
		if !ok {
			r.problem(host, *o, "/spec/database/host", "the host of the database is not known", applied)
		} else {
			h.Host = full(h.Host, r.scope)
			if port, ok := db.Get("port").Int(); ok && port > 0 && port < 1<<16 {
				h.Port = port
			}
			d.Hosts = append(d.Hosts, h)
		}
	}
	u := d.Use()
	u.Server.Place = o.place()
	if internal {
		u.Server.Key, u.Server.ID = r.key(o, "Deployment "+o.name+"-postgres"), importer.Slug(o.name+"-postgres")
		u.Server.Version = hostconfig.ReadImage(db.Get("image").Text()).Version
	}
	f.Uses = append(f.Uses, u)
}

// plain returns the name of a database or schema, "" for anything else.
func plain(s string) string {
	if h := strings.ReplaceAll(s, "_", "-"); s == "" || importer.Host(h) == "" {
		return ""
	}
	return s
}
