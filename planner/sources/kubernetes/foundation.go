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

func (w *work) foundation() {
	v := w.variables()
	f := v.Foundation(w.image.Engine)
	f.Place, f.Title, f.Workload, f.Labels, f.Nodes = w.o.place(), w.o.name, w.key(w.o, w.o.kind+" "+w.o.name), w.labels, w.nodes
	f.Cluster.ThingworxVersion = w.image.Version
	f.Cluster.Environment = environment(w.o.v.Get("metadata", "labels"))
	for _, name := range w.mounts("/ThingworxPlatform") {
		f.Mounts = append(f.Mounts, w.key(w.o, name))
	}
	for i := range f.Uses {
		fullHosts(f.Uses[i].Server.Hosts, w.namespace())
	}
	if path := w.container.Get("readinessProbe", "httpGet", "path").Text(); strings.HasPrefix(path, "/Thingworx/") && len(path) < 64 && !strings.ContainsAny(path, "@?=&{}$") {
		f.Health = path
	}
	w.volumesOf(&f)
	w.out.Foundations = append(w.out.Foundations, f)
}

// environment reads a label that says what the installation is for.
func environment(labels *loose.Value) inventory.Environment {
	for _, key := range []string{"environment", "env", "app.kubernetes.io/environment"} {
		switch strings.ToLower(labels.Get(key).Text()) {
		case "prod", "production":
			return inventory.Production
		case "test", "qa", "staging":
			return inventory.Test
		case "dev", "development":
			return inventory.Development
		}
	}
	return ""
}

// volumesOf reads where Foundation's files are: a claim or an NFS export at /ThingworxStorage. /ThingworxPlatform on a
// claim of several replicas is shared by them; a claim of each replica's own is not.
func (w *work) volumesOf(f *deployment.Foundation) {
	mounts := w.container.Get("volumeMounts")
	for i := range mounts.Len() {
		m := mounts.At(i)
		path := strings.TrimRight(m.Get("mountPath").Text(), "/")
		if path != "/ThingworxStorage" && path != "/ThingworxPlatform" {
			continue
		}
		name := m.Get("name").Text()
		volume := named(w.pod.Get("volumes"), name)
		own := false
		templates := w.o.v.Get("spec", "volumeClaimTemplates")
		for j := range templates.Len() {
			own = own || templates.At(j).Get("metadata", "name").Text() == name
		}
		claim := volume.Get("persistentVolumeClaim", "claimName").Text()
		nfs := volume.Get("nfs")
		if path == "/ThingworxPlatform" {
			if shared := claim != "" || nfs != nil; len(f.Nodes) > 1 && (shared || own) && m.Get("subPath") == nil && m.Get("subPathExpr") == nil {
				for k := range f.Nodes {
					f.Nodes[k].Settings.ThingworxPlatformShared = &shared
				}
			}
			continue
		}
		u := deployment.Use{Use: inventory.Use{As: inventory.AsStorage, Path: path}}
		u.Server.Kind, u.Server.Place = inventory.KindStorage, w.o.place()
		line, column := m.Place()
		u.Server.Line, u.Server.Column = line, column
		switch {
		case own:
			if len(f.Nodes) > 1 {
				w.problem(m, *w.o, "/volumeMounts", "every replica has a claim of its own for /ThingworxStorage, so that they share no files", "mount one claim that several pods may write")
			}
			u.Server.Key = w.key(w.o, "own "+w.o.name)
		case claim != "":
			w.claim(&u, claim)
		case nfs != nil:
			export(&u, nfs)
		default:
			w.report.Note(document.Problem{Line: line, Path: w.o.pointer(), What: "what is mounted at /ThingworxStorage is neither a claim nor an NFS export"})
			continue
		}
		f.Uses = append(f.Uses, u)
	}
}

func named(list *loose.Value, name string) *loose.Value {
	for i := range list.Len() {
		if list.At(i).Get("name").Text() == name {
			return list.At(i)
		}
	}
	return nil
}

// claim reads a PersistentVolumeClaim and the volume bound to it, as far as they are in the file.
func (w *work) claim(u *deployment.Use, name string) {
	u.Server.Key = w.key(w.o, "claim "+name)
	u.Server.ID = importer.Slug(name)
	spec, ok := w.claims[w.key(w.o, name)]
	if !ok {
		return
	}
	if size := quantity(spec.Get("resources", "requests", "storage").Text()); size > 0 {
		u.Server.StorageGiB = importer.Positive(size / (1 << 30))
	}
	volume := w.volumes["claim "+w.key(w.o, name)]
	if v := spec.Get("volumeName").Text(); volume == nil && v != "" {
		volume = w.volumes[v]
	}
	export(u, volume.Get("nfs"))
}

// export takes server and path of an NFS volume.
func export(u *deployment.Use, nfs *loose.Value) {
	host := deployment.Host(nfs.Get("server").Text())
	path := nfs.Get("path").Text()
	if host == "" {
		return
	}
	u.Server.Protocol, u.Mount = "nfs", u.Path
	u.Server.Hosts = []deployment.HostPort{{Host: host}}
	if strings.HasPrefix(path, "/") && len(path) < 200 && !strings.ContainsAny(path, "@?;#=${} ") {
		u.Path = path
	}
}

// configFiles reads the configuration files in a ConfigMap. Foundation's settings belong to the workload that mounts them.
func (r *reader) configFiles(o *object) {
	data := o.v.Get("data")
	for i := range data.Len() {
		v := data.At(i)
		if !strings.Contains(v.Key(), ".") || len(v.Key()) > 80 {
			continue
		}
		report, f := hostconfig.Read(importer.File{Name: v.Key(), Data: []byte(v.Text())})
		if f.Source == "" {
			continue
		}
		line, _ := v.Place()
		for _, p := range report.Problems {
			if p.Line > 0 {
				p.Line += line // A text in block style begins in the line after its key.
			}
			p.Column, p.Path, p.What = 0, o.pointer()+"/data"+p.Path, importer.Name(v.Key())+": "+p.What
			r.report.Problem(p)
		}
		namespace := o.namespace
		if deployment.Host(namespace) == "" {
			namespace = r.scope
		}
		for j := range f.Foundations {
			x := &f.Foundations[j]
			x.Place, x.Provides, x.Nodes, x.Title = o.place(), r.key(o, o.name), nil, ""
			for k := range x.Uses {
				fullHosts(x.Uses[k].Server.Hosts, namespace)
			}
			r.out.Foundations = append(r.out.Foundations, *x)
		}
		for j := range f.Servers {
			x := f.Servers[j]
			x.Place, x.PgPool = o.place(), nil
			fullHosts(x.Hosts, namespace)
			if x.Kind == inventory.KindZooKeeper && len(x.Hosts) == 1 && deployment.Loopback(x.Hosts[0].Host) {
				continue // The file of each server of a workload, which is listed by itself.
			}
			r.out.Servers = append(r.out.Servers, x)
		}
	}
}

// servers are those in the configuration files of a ConfigMap.
func (r *reader) servers(config string) []deployment.Server {
	var out []deployment.Server
	data := r.configs[config]
	for i := range data.Len() {
		_, f := hostconfig.Read(importer.File{Name: data.At(i).Key(), Data: []byte(data.At(i).Text())})
		for _, s := range f.Servers {
			fullHosts(s.Hosts, r.scope)
			out = append(out, s)
		}
	}
	return out
}

// backends are those in the haproxy.cfg of a ConfigMap.
func (r *reader) backends(config string) []deployment.Backend {
	var out []deployment.Backend
	data := r.configs[config]
	for i := range data.Len() {
		_, f := hostconfig.Read(importer.File{Name: data.At(i).Key(), Data: []byte(data.At(i).Text())})
		for _, b := range f.Balancers {
			for _, back := range b.Backends {
				fullHosts(back.Hosts, r.scope)
				out = append(out, back)
			}
		}
	}
	return out
}
