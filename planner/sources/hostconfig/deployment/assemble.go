package deployment

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// Import reads every file with the first reader that does not refuse it, those of deployments before those of cloud
// resources, and assembles one document:
//
//   - Foundation nodes are one cluster when they run in clustered mode, name the same ZooKeeper and namespace, and do not
//     disagree about database, schema or Ignite's base path; or when one workload (a StatefulSet) runs them; or when the
//     cloud resources hold a cluster with a node of that name. Every other Foundation is a cluster of its own.
//   - Infrastructure is one when it shares an identity (inventory.Keys). Addresses of the machine itself belong to the
//     machine of the file, names of container networks to their project or namespace.
//   - Connection servers and separate Ignite nodes belong to the only cluster on the ZooKeeper they name, or to the one
//     whose paths fit; load balancers to the cluster of the hosts behind them, or to the only cluster when their paths or
//     names tell ThingWorx.
//
// What nothing ties to a cluster is listed in Result.Unassigned. A region that no file names stays unknown. Every source
// that read a file is listed in the document's sources with what it did not understand, which is what rule CFG-005 judges.
func Import(files []importer.File, opts importer.Options, readers []Reader, others ...importer.Reader) importer.Result {
	files, restore := importer.Ordered(files)
	reports := make([]importer.FileReport, len(files))
	fragments := make([]Fragment, len(files))
	var resources []importer.Resource
	mine, cloud := false, false
	for i, f := range files {
		if read(f, readers, &reports[i], &fragments[i]) {
			mine = true
			continue
		}
		for _, other := range others {
			report, found := other(f)
			if report.Status == importer.Refused && fragments[i].Source != "" {
				continue // The reader whose file it is has said why it cannot be read.
			}
			reports[i] = report
			if report.Status == importer.Refused {
				continue
			}
			cloud = true
			fragments[i] = Fragment{}
			for j := range found {
				found[j].File = i
			}
			resources = append(resources, found...)
			break
		}
	}
	named := opts.Site != ""
	if !named && !cloud {
		opts.Site = "import"
	}
	for i := range fragments {
		reports[i].Claimed = fragments[i].Source != ""
		count(&reports[i], &fragments[i])
	}
	a := &assembly{opts: opts, fragments: fragments, byKey: map[string]*merged{}, ids: map[string]bool{}, numbers: map[string]int{}, services: map[string][]map[string]string{}}
	a.result = importer.Assemble(opts, reports, resources)
	if !named && !cloud {
		a.result.Notes = append(a.result.Notes, document.Problem{What: "no site was given; the document is for site import", Remedy: "name the site with --site"})
	}
	if a.result.Site != nil {
		a.site = a.result.Site
		if mine {
			a.run()
		}
		a.sources()
	}
	restore(a.result.Files)
	return a.result
}

// read asks the readers in their order. A file that one of them knows as its own and refuses stays refused for its reason.
func read(f importer.File, readers []Reader, report *importer.FileReport, fragment *Fragment) bool {
	for _, r := range readers {
		got, found := r(f)
		if got.Status != importer.Refused {
			*report, *fragment = got, found
			return true
		}
		if fragment.Source == "" {
			*report, *fragment = got, Fragment{Source: found.Source}
		}
	}
	return false
}

// count tells the report what the file contributes.
func count(r *importer.FileReport, f *Fragment) {
	if r.Status == importer.Refused {
		return
	}
	for i := range f.Foundations {
		r.Count("foundation", importer.ClassUsed)
		for range f.Foundations[i].Uses {
			r.Count("use", importer.ClassUsed)
		}
	}
	for range f.Connections {
		r.Count("connection-server", importer.ClassUsed)
	}
	for range f.Ignites {
		r.Count("ignite", importer.ClassUsed)
	}
	for i := range f.Servers {
		r.Count(string(f.Servers[i].Kind), importer.ClassUsed)
	}
	for range f.Balancers {
		r.Count("load-balancer", importer.ClassUsed)
	}
	for i := range f.Sightings {
		class := importer.ClassUsed
		if f.Sightings[i].Host == "" {
			class = importer.ClassUnassigned
		}
		r.Count("zookeeper server", class)
	}
	for i := range f.Open {
		r.Count(f.Open[i].Type, importer.ClassUnassigned)
	}
}

type assembly struct {
	opts      importer.Options
	fragments []Fragment
	result    importer.Result
	site      *inventory.Site
	byKey     map[string]*merged
	servers   []*merged
	clusters  []*cluster
	ids       map[string]bool
	numbers   map[string]int                 // kind and base of an id to the next number after it that is worth trying
	services  map[string][]map[string]string // scope and host of a service to what it selects
}

func (a *assembly) note(file int, p Place, what, remedy string) {
	a.result.Notes = append(a.result.Notes, document.Problem{File: a.result.Files[file].Path, Line: p.Line, Column: p.Column, Path: p.Pointer, What: what, Remedy: remedy})
}

func (a *assembly) unassigned(file int, p Place, kind, name, reason, remedy string) {
	path := p.Pointer
	if path == "" && p.Line > 0 {
		path = "line " + strconv.Itoa(p.Line)
	}
	if importer.Quote(name) != `"`+name+`"` {
		name = ""
	}
	a.result.Unassigned = append(a.result.Unassigned, importer.Unassigned{File: a.result.Files[file].Path, Path: path, Type: kind, Name: name, Reason: reason, Remedy: remedy})
}

func (a *assembly) run() {
	proven := a.proven()
	for i := range a.site.Clusters {
		a.ids["cluster "+a.site.Clusters[i].ID] = true
		c := &cluster{at: i, existing: true, cluster: a.site.Clusters[i], said: proven["/clusters/"+strconv.Itoa(i)]}
		for _, x := range c.cluster.Components {
			c.know(x.Kind, x.Nodes)
		}
		a.clusters = append(a.clusters, c)
	}
	for i := range a.site.Infrastructure {
		in := a.site.Infrastructure[i]
		a.ids["infrastructure "+in.ID] = true
		m := &merged{infra: in, existing: true, at: i, used: true, said: proven["/infrastructure/"+strconv.Itoa(i)]}
		a.servers = append(a.servers, m)
		for _, k := range inventory.Keys("", &in) {
			if strings.HasPrefix(k, "site/") && !strings.ContainsAny(k, ".[") {
				k = " " + k
			}
			a.byKey[string(in.Kind)+" "+k] = m
		}
	}
	a.hosts()
	a.aliases()
	for i := range a.fragments {
		for j := range a.fragments[i].Servers {
			a.server(&a.fragments[i].Servers[j], i)
		}
	}
	a.foundations()
	for i := range a.fragments {
		for j := range a.fragments[i].Connections {
			a.satellite(&a.fragments[i].Connections[j], i, inventory.ConnectionServer)
		}
		for j := range a.fragments[i].Ignites {
			a.satellite(&a.fragments[i].Ignites[j], i, inventory.Ignite)
		}
		for j := range a.fragments[i].Sightings {
			a.sighting(&a.fragments[i].Sightings[j], i)
		}
	}
	for i := range a.fragments {
		for j := range a.fragments[i].Balancers {
			a.balancer(&a.fragments[i].Balancers[j], i)
		}
	}
	for i := range a.fragments {
		for _, o := range a.fragments[i].Open {
			a.unassigned(i, o.Place, o.Type, o.Name, o.Reason, o.Remedy)
		}
	}
	a.endpoints()
	a.finish()
}

// hosts takes back the machine of files in one folder that cannot all be of one machine.
func (a *assembly) hosts() {
	count := map[string]int{}
	for i := range a.fragments {
		if a.fragments[i].Scope != "" {
			continue // A project's machine is one for all of its containers.
		}
		for _, f := range a.fragments[i].Foundations {
			for _, n := range f.Nodes {
				if f.Workload == "" && n.Machine != "" {
					count[n.Machine]++
				}
			}
		}
	}
	for i := range a.fragments {
		f := &a.fragments[i]
		for j := range f.Foundations {
			for k := range f.Foundations[j].Nodes {
				n := &f.Foundations[j].Nodes[k]
				if f.Scope != "" || count[n.Machine] < 2 {
					continue
				}
				n.Machine = ""
				if id := importer.Slug(n.Settings.PlatformID); id != "" {
					n.Name = id
				} else {
					n.Name += "-" + strconv.Itoa(i+1)
				}
			}
		}
		for j := range f.Servers {
			if s := &f.Servers[j]; f.Scope == "" && count[s.Host] > 1 {
				s.Host = ""
				for k := range s.Nodes {
					s.Nodes[k].Machine = ""
				}
			}
		}
	}
}

// id makes an id unique among those of its kind.
func (a *assembly) id(kind, fallback string, wanted ...string) string {
	base := fallback
	for _, w := range wanted {
		if s := importer.Slug(w); s != "" {
			base = s
			break
		}
	}
	for n := max(1, a.numbers[kind+" "+base]); ; n++ {
		c := base
		if n > 1 {
			suffix := "-" + strconv.Itoa(n)
			c = strings.TrimRight(base[:min(len(base), 63-len(suffix))], "-") + suffix
		}
		if !a.ids[kind+" "+c] {
			a.ids[kind+" "+c], a.numbers[kind+" "+base] = true, n+1
			return c
		}
	}
}

// finish writes servers and clusters into the document.
func (a *assembly) finish() {
	proofs := 2 * len(a.servers)
	for _, c := range a.clusters {
		proofs += 1 + len(c.proofs) + len(c.disputes)
	}
	a.site.Provenance = slices.Grow(a.site.Provenance, proofs)
	for _, m := range a.servers {
		if m.gone != nil {
			continue
		}
		if m.existing {
			id := a.site.Infrastructure[m.at].ID
			a.site.Infrastructure[m.at] = m.infra
			m.infra.ID = id
			a.proveDisputes("/infrastructure/"+strconv.Itoa(m.at), m.disputes)
			continue
		}
		m.at = len(a.site.Infrastructure)
		m.infra.ID = a.id("infrastructure", string(m.infra.Kind), m.infra.ID, m.infra.Name, m.name())
		a.region(m)
		for n := 1; len(m.infra.Nodes) < m.size; n++ {
			m.infra.Nodes = append(m.infra.Nodes, inventory.Node{Name: m.infra.ID + "-unnamed-" + strconv.Itoa(n)})
		}
		a.site.Infrastructure = append(a.site.Infrastructure, m.infra)
		path := "/infrastructure/" + strconv.Itoa(m.at)
		a.prove(path, m.source, "")
		if m.unknown != "" && m.infra.Identity.Endpoint == "" {
			a.prove(path+"/identity/endpoint", m.source, m.unknown)
		}
		a.proveDisputes(path, m.disputes)
		if !m.used {
			a.unassigned(m.file, m.place, string(m.infra.Kind), m.infra.ID, "in the inventory, but no cluster is known to use it", "import the platform-settings.json of the cluster that uses it too")
		}
	}
	for _, c := range a.clusters {
		if !c.existing {
			c.at = len(a.site.Clusters)
			a.site.Clusters = append(a.site.Clusters, inventory.Cluster{})
			a.prove("/clusters/"+strconv.Itoa(c.at), c.source, "")
		}
		path := "/clusters/" + strconv.Itoa(c.at)
		for i, s := range c.servers {
			if s != nil {
				c.cluster.Uses[i].Infrastructure = s.root().infra.ID
			}
		}
		a.site.Clusters[c.at] = c.cluster
		for _, p := range c.proofs {
			a.prove(path+p.Path, p.Source, p.Declared)
		}
		a.proveDisputes(path, c.disputes)
	}
	importer.SortProvenance(a.site.Provenance)
}

// region drops a region of a provider whose regions the table knows and does not have, and adds a database to the table of
// databases, which lists those without a region too.
func (a *assembly) region(m *merged) {
	p := &m.infra.Placement
	table, checks := a.opts.Regions.(interface{ Knows(provider string) bool })
	if p.Region != "" && checks && table.Knows(p.Provider) {
		if found, ok := a.opts.Regions.Find(p.Provider, p.Region); ok {
			p.Region = found.Code
		} else {
			a.note(m.file, m.place, "region "+importer.Quote(p.Region)+" is none of the region table; it stays unknown", "")
			p.Region = ""
		}
	}
	if m.infra.Kind == inventory.KindDatabase {
		a.result.Databases = append(a.result.Databases, importer.DatabaseRegion{
			File: a.result.Files[m.file].Path, Server: m.infra.ID, Engine: string(m.infra.Engine), Region: p.Region, Known: p.Region != "",
		})
	}
}

// name is the first label of a database's host, by which people know it; of an ensemble no member stands for it.
func (m *merged) name() string {
	if m.infra.Kind != inventory.KindDatabase || len(m.infra.Identity.Endpoint) == 0 || len(m.hosts) == 0 || strings.Contains(short(m.hosts[0].Host), ":") {
		return ""
	}
	return short(m.hosts[0].Host)
}

func (a *assembly) prove(path, source, declared string) {
	a.site.Provenance = append(a.site.Provenance, inventory.Provenance{Path: path, Source: source, ObservedAt: a.opts.At.UTC(), Declared: declared})
}

// sources lists every source that knew a file as its own, with the first thing not understood of each file.
func (a *assembly) sources() {
	names := map[string]bool{}
	for i := range a.fragments {
		names[a.fragments[i].Source] = true
	}
	delete(names, "")
	order := make([]string, 0, len(names))
	for n := range names {
		order = append(order, n)
	}
	slices.Sort(order)
	for _, name := range order {
		var files []*importer.FileReport
		for i := range a.fragments {
			if a.fragments[i].Source == name {
				files = append(files, &a.result.Files[i])
			}
		}
		status, detail := importer.Outcome(files)
		s := inventory.Source{Name: name, Status: status, At: a.opts.At.UTC(), Detail: detail}
		a.site.Sources = append(a.site.Sources, s)
	}
}
