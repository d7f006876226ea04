package importer

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// maxProblems bounds the problems listed of one file; the rest is counted in the last one.
const maxProblems = 200

// Assemble builds the site document from the resources of all files and completes the reports. resources name their
// file by its index in reports; reports come with path, kind, refusals and the problems of reading.
//
// Always part of the document: databases ThingWorx can run on, load balancers, storage accounts known to hold file
// shares, volumes. Clusters exist only where tags or names tell:
//
//   - Tags first, case-insensitive: meridian:cluster (one or several ids), meridian:component (one or several of
//     design.md's component words), meridian:infrastructure (id of the ensemble or server a machine belongs to),
//     meridian:environment, meridian:site (a resource tagged for another site is left out), meridian:application (thingworx
//     says only that the resource belongs to ThingWorx, as its name in a group's name does).
//   - Then names: a machine whose name or group carries "thingworx" or "twx" and whose name tells one component
//     (foundation, cx, zk, ignite, influx, pgpool …; the product's name alone is Foundation). Machines of one group and
//     environment word (prod, test, dev) are one cluster, if one of them is Foundation. A database, load balancer or
//     storage of such a group is used by its cluster if it is the only candidate.
//   - A load balancer whose backend pool holds a cluster's machines is used by that cluster.
//   - A resource that alone answers to one of Options.Hosts belongs to ThingWorx, and to the host's cluster where that is known.
//
// Everything else is listed in Result.Unassigned. The site id is Options.Site, else the only meridian:site tag, else the
// only resource group, else "azure-import".
func Assemble(opts Options, reports []FileReport, resources []Resource) Result {
	a := &assembly{
		opts: opts, all: resources,
		result: &Result{Files: reports},
		byKey:  map[string]int{}, joined: map[int]int{},
		ids: map[string]bool{}, numbers: map[string]int{}, infraOf: map[*Resource]int{}, groups: map[string]*group{}, nodeInfra: map[string]int{},
		linked: map[[2]string]bool{}, inUse: map[string]bool{}, places: map[[2]string]place{},
	}
	for i := range a.all {
		a.resolve(&a.all[i])
	}
	for i := range a.all {
		a.row(&a.all[i])
	}
	a.merge()
	a.hosts()
	a.site = &inventory.Site{APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: opts.At.UTC()}
	a.site.Site.ID = a.siteID()
	a.infrastructure()
	a.clusters()
	a.finish()
	return *a.result
}

type assembly struct {
	opts   Options
	all    []Resource
	result *Result
	site   *inventory.Site

	byKey  map[string]int // key and fact to the resource that stands for all of them
	joined map[int]int    // resource to the one it was merged into
	merged []int          // the resources that remain

	ids       map[string]bool
	numbers   map[string]int    // base of an id to the next number after it that is worth trying
	infraOf   map[*Resource]int // position in site.Infrastructure
	nodeInfra map[string]int    // id of an infrastructure with nodes to its position
	groups    map[string]*group
	order     []*group
	inUse     map[string]bool    // id of an infrastructure that some group uses
	linked    map[[2]string]bool // group key and infrastructure id already joined by a use
	proofs    []proof
	places    map[[2]string]place
	zoneMaps  map[[2]string]*Resource // by account and region
	named     map[*Resource]NamedHost // resources that a host of the options is
	accounts  map[string]string       // group in lower case to its account, see place
}

// proof is a provenance entry whose path is known only once clusters are in order.
type proof struct {
	group    *group
	rest     string
	source   string
	declared string

	overruled []inventory.Overruled
	disputed  bool // it stands for the path alone, whatever else is said of where the fact was learned
}

func (a *assembly) path(r *Resource) string { return a.result.Files[r.File].Path }

func (a *assembly) report(r *Resource, what, remedy string) {
	a.result.Files[r.File].Problem(r.problem(what, remedy))
}

func (a *assembly) note(r *Resource, what, remedy string) {
	a.result.Files[r.File].Note(r.problem(what, remedy))
}

// remark notes something about all files together.
func (a *assembly) remark(what, remedy string) {
	a.result.Notes = append(a.result.Notes, document.Problem{What: what, Remedy: remedy})
}

func (a *assembly) unassigned(r *Resource, reason, remedy string) {
	path := r.Pointer
	if path == "" && r.Line > 0 {
		path = "line " + strconv.Itoa(r.Line)
	}
	a.result.Unassigned = append(a.result.Unassigned, Unassigned{File: a.path(r), Path: path, Type: r.Type, Name: shownName(r.Name), Reason: reason, Remedy: remedy, Key: r.Key})
}

// resolve finds the region of a resource. What cannot be resolved is a problem only where the place matters.
func (a *assembly) resolve(r *Resource) {
	r.final = r.Class
	if r.EdgeZone != "" && r.relevant() {
		a.note(r, r.label()+" is in the edge zone "+Quote(r.EdgeZone)+", which is outside the data centres of its region", "")
	}
	if r.Location == "" {
		if r.relevant() && !r.Asked && r.Machine == nil {
			a.note(r, r.label()+" gives no location; its region stays unknown", "")
		}
		return
	}
	found := a.region(r.Provider, r.Location)
	r.region = found.code
	if found.code != "" || !r.relevant() {
		return
	}
	remedy := "write the region's name or code"
	if Placeholder(r.Location) {
		a.report(r, "location "+Quote(r.Location)+" is a placeholder; the region stays unknown", "replace it by the region the resource is in")
		return
	}
	if found.nearest != "" {
		remedy = "did you mean " + found.nearest + "?"
	}
	a.report(r, "region "+Quote(r.Location)+" is none of the region table; it stays unknown", remedy)
}

// place is what the region table answered for one spelling; files repeat few spellings many times.
type place struct{ code, nearest string }

func (a *assembly) region(provider, location string) place {
	key := [2]string{provider, location}
	p, ok := a.places[key]
	if ok || a.opts.Regions == nil {
		return p
	}
	if region, ok := a.opts.Regions.Find(provider, location); ok {
		p.code = region.Code
	} else if len(location) <= maxName && len(a.places) < maxProblems { // beyond, a report lists none
		p.nearest = a.opts.Regions.Nearest(provider, location)
	}
	a.places[key] = p
	return p
}

func (a *assembly) row(r *Resource) {
	d := r.Database
	if d == nil {
		return
	}
	row := DatabaseRegion{
		File: a.path(r), Server: shownName(r.Name), Engine: d.Product, Region: r.region, Known: r.region != "",
		Zone: strings.Join(r.Zones, " "), Mode: d.Mode, Standby: d.StandbyZone, Role: d.Role, Source: d.SourceName, Asked: r.Asked,
	}
	if !row.Known && r.Location != "" {
		row.Region = shownName(r.Location)
	}
	a.result.Databases = append(a.result.Databases, row)
}

func (a *assembly) siteID() string {
	if a.opts.Site != "" {
		return a.opts.Site
	}
	tags, groups := map[string]bool{}, map[string]bool{}
	for _, i := range a.merged {
		r := &a.all[i]
		if s := Slug(r.Tag("site")); s != "" {
			tags[s] = true
		}
		if s := Slug(r.Group); s != "" && r.relevant() && !Placeholder(r.Group) {
			groups[s] = true
		}
	}
	id, how := "azure-import", "the files hold several resource groups or none"
	switch {
	case len(tags) == 1:
		id, how = only(tags), "by the tag meridian:site"
	case len(tags) == 0 && len(groups) == 1:
		id, how = only(groups), "by the only resource group"
	case len(tags) > 1:
		how = "the files are tagged for " + plural(len(tags), "site", "sites")
	}
	a.remark("no site was given; the document is for site "+id+" ("+how+")", "name the site with --site")
	return id
}

func only(set map[string]bool) string {
	for s := range set {
		return s
	}
	return ""
}

// finish puts clusters in order, turns proofs into provenance, lists sources and closes the reports.
func (a *assembly) finish() {
	for i := range a.all {
		r := &a.all[i]
		if first, ok := a.joined[i]; ok {
			r.final = a.all[first].final
		}
		if r.final == "" {
			r.final = ClassContext
		}
	}
	a.result.Used, a.result.Tied = map[string]bool{}, map[string]bool{}
	for i := range a.all {
		r := &a.all[i]
		if r.Key == "" {
			continue
		}
		if r.final == ClassUsed {
			a.result.Used[r.Key] = true
		}
		if a.tied(r) {
			a.result.Tied[r.Key] = true
		}
	}
	a.tally()
	sort.SliceStable(a.order, func(i, j int) bool { return a.order[i].cluster.ID < a.order[j].cluster.ID })
	position := map[*group]int{}
	for _, g := range a.order {
		position[g] = len(a.site.Clusters)
		a.site.Clusters = append(a.site.Clusters, g.cluster)
	}
	disputed := map[string]bool{}
	for _, p := range a.proofs {
		path := p.rest
		if p.group != nil {
			path = "/clusters/" + strconv.Itoa(position[p.group]) + p.rest
		}
		a.site.Provenance = append(a.site.Provenance, inventory.Provenance{Path: path, Source: p.source, ObservedAt: a.opts.At.UTC(), Declared: p.declared, Overruled: p.overruled})
		disputed[path] = disputed[path] || p.disputed
	}
	a.site.Provenance = slices.DeleteFunc(a.site.Provenance, func(p inventory.Provenance) bool {
		return disputed[p.Path] && p.Declared == "" && p.Overruled == nil
	})
	SortProvenance(a.site.Provenance)
	if a.result.Status() != Refused {
		a.sources()
		a.result.Site = a.site
	}
}

// SortProvenance puts entries in the order of the document.
func SortProvenance(list []inventory.Provenance) {
	slices.SortStableFunc(list, func(x, y inventory.Provenance) int { return document.ComparePointers(x.Path, y.Path) })
}

// sources names each source once, with the outcome over all files.
func (a *assembly) sources() {
	names, gave := map[string]bool{}, map[int]bool{}
	for i := range a.all {
		names[a.all[i].Source], gave[a.all[i].File] = true, true
	}
	for i := range a.result.Files {
		names[a.result.Files[i].Source] = true
	}
	delete(names, "")
	var files []*FileReport
	for i := range a.result.Files {
		// A file that nobody read could have been of any of the sources.
		if r := &a.result.Files[i]; !r.Claimed && (gave[i] || names[r.Source] || r.Status == Refused) {
			files = append(files, r)
		}
	}
	status, detail := Outcome(files)
	for _, name := range sortedKeys(names) {
		a.site.Sources = append(a.site.Sources, inventory.Source{Name: name, Status: status, At: a.opts.At.UTC(), Detail: detail})
	}
}

// maxDetail bounds the files that the detail of a source names.
const maxDetail = 10

// Outcome is how the source of some files fared, with the first thing not understood of each.
func Outcome(files []*FileReport) (inventory.SourceStatus, string) {
	refused, odd := 0, 0
	var told []string
	for _, r := range files {
		if r.Status == Understood {
			continue
		}
		if r.Status == Refused {
			refused++
		}
		if odd++; odd <= maxDetail && len(r.Problems) > 0 {
			p := r.Problems[0]
			told = append(told, document.Problem{File: p.File, Line: p.Line, Column: p.Column, What: p.What}.String())
		}
	}
	if odd == 0 {
		return inventory.SourceOK, plural(len(files), "file", "files") + " read"
	}
	detail := strings.Join(told, "; ")
	if odd > len(told) {
		detail += "; and " + plural(odd-len(told), "further file", "further files")
	}
	if refused == len(files) {
		return inventory.SourceFailed, detail
	}
	return inventory.SourcePartial, detail
}

// tally counts the resources of each file by type and class.
func (a *assembly) tally() {
	for i := range a.all {
		r := &a.all[i]
		a.result.Files[r.File].Count(r.Type, r.final)
	}
	for i := range a.result.Files {
		a.result.Files[i].close()
	}
}

func (r *FileReport) close() {
	for t, n := range r.counts {
		t.Count = n
		r.Types = append(r.Types, t)
		r.Resources += n
		if t.Class == ClassUsed {
			r.Used += n
		}
	}
	r.counts = nil
	sort.Slice(r.Types, func(i, j int) bool {
		x, y := r.Types[i], r.Types[j]
		return x.Type < y.Type || x.Type == y.Type && x.Class < y.Class
	})
	switch {
	case r.Status == Refused:
	case len(r.Problems) > 0:
		r.Status = Partial
	default:
		r.Status = Understood
	}
	r.Problems = bounded(r.Problems, r.more)
	r.Notes = bounded(r.Notes, r.moreNotes)
}

func bounded(ps []document.Problem, more int) []document.Problem {
	slices.SortStableFunc(ps, func(x, y document.Problem) int {
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return x.Column - y.Column
	})
	if more == 0 {
		return ps
	}
	return append(ps, document.Problem{File: ps[0].File, What: "and " + plural(more, "further one", "further ones") + " of this file"})
}

// prove records where a fact under /infrastructure was learned.
func (a *assembly) prove(path, source, declared string) {
	a.proofs = append(a.proofs, proof{rest: path, source: source, declared: declared})
}

// reprove records a better source of a fact that may have one already.
func (a *assembly) reprove(path, source string) {
	for i := range a.proofs {
		if p := &a.proofs[i]; p.group == nil && p.rest == path {
			p.source, p.declared = source, ""
			return
		}
	}
	a.prove(path, source, "")
}

// id makes an id unique in the document: the name, else name and group, else a number after it.
func (a *assembly) id(name, group, fallback string) string {
	base := Slug(name)
	if base == "" {
		base = fallback
	}
	candidates := []string{base}
	if s := Slug(group); s != "" && !strings.HasPrefix(base, s) {
		candidates = append(candidates, Slug(base+"-"+s))
	}
	for _, c := range candidates {
		if !a.ids[c] {
			a.ids[c] = true
			return c
		}
	}
	for n := max(2, a.numbers[base]); ; n++ {
		suffix := "-" + strconv.Itoa(n)
		c := base
		if len(c)+len(suffix) > 63 {
			c = strings.TrimRight(c[:63-len(suffix)], "-")
		}
		if c += suffix; !a.ids[c] {
			a.ids[c], a.numbers[base] = true, n+1
			return c
		}
	}
}
