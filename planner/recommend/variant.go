package recommend

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/migrate"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// relationalWrites is the rate up to which PTC lets PostgreSQL take logged values (ThingWorx help 9.5, data_storage_options).
const relationalWrites = 15000

// variant is one way to build one architecture, and what it comes to.
type variant struct {
	arch    *catalog.Architecture
	plan    *catalog.Plan
	site    *inventory.Site // the plan as an inventory
	state   *migrate.State
	size    *sized
	at      place
	cost    float64
	changes []migrate.Change
	count   int // of changes
	result  availability.Result
	judged  bool
	broken  string // the hard rule it fails, "" for none
}

// choice is what one variant decides before it is planned.
type choice struct {
	at         place
	engine     inventory.Engine
	mode       inventory.HAMode
	timeseries catalog.TimeseriesChoice
	layout     catalog.Layout
	storage    inventory.Redundancy
	shared     catalog.PerKind[bool]
	keep       bool
}

// variants enumerates the ways to build an architecture that its own terms, the workload, and the recovery objectives
// allow. Where there are none it says why.
func (w *world) variants(a *catalog.Architecture, places []place) (out []*variant, because string) {
	if because = w.excluded(a); because != "" {
		return nil, because
	}
	if len(places) == 0 {
		return nil, w.nowhere()
	}
	because = "no accepted hosting, database and store of logged values fit together"
	for _, at := range places {
		if !a.AllowsHosting(at.hosting) {
			because = a.Title + " is not offered for hosting " + string(at.hosting)
			continue
		}
		if o := w.operator(at.hosting); len(a.OperatedBy) > 0 && !slices.Contains(a.OperatedBy, o) {
			because = "it is not operated by " + string(o)
			continue
		}
		engine, ok := w.engine(a, at)
		if !ok {
			because = w.noEngine(a, at)
			continue
		}
		for _, c := range w.choices(a, at, engine) {
			if why := w.unrecoverable(a, &c); why != "" {
				because = why
				continue
			}
			v := w.variant(a, c)
			if c.layout == catalog.LayoutPresent || w.Cluster.Environment == inventory.Development {
				if r := w.recognised(v); r.Architecture != a.ID {
					because = "built for this cluster it is a " + r.Name
					continue
				}
			}
			if !slices.ContainsFunc(out, v.same) {
				out = append(out, v)
			}
		}
	}
	if len(out) > 0 {
		because = ""
	}
	return out, because
}

// recognised tells what a variant comes to: an HA cluster that keeps its present, fully packed machines is a minimum
// footprint, and one server to develop on is a development system.
func (w *world) recognised(v *variant) recognise.Result {
	return recognise.Cluster(v.site, &v.site.Clusters[0], v.size.Result, len(overlays(v.plan)) > 0, w.Catalog)
}

// same reports whether two variants come to the same plan.
func (v *variant) same(o *variant) bool {
	a, b := v.plan, o.plan
	return v.cost == o.cost && v.count == o.count && a.Region == b.Region && a.Provider == b.Provider && a.Hosting == b.Hosting && a.Engine == b.Engine &&
		a.Mode == b.Mode && a.Timeseries == b.Timeseries && a.Ignite == b.Ignite && a.Storage == b.Storage &&
		a.Counts == b.Counts && a.Machines == b.Machines && a.Shared == b.Shared && sameMachines(v.site, o.site)
}

// sameMachines compares where the components of two generated sites of the same counts run.
func sameMachines(a, b *inventory.Site) bool {
	x, y := a.Clusters[0].Components, b.Clusters[0].Components
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !slices.EqualFunc(x[i].Nodes, y[i].Nodes, func(m, n inventory.Node) bool { return m.Machine == n.Machine }) {
			return false
		}
	}
	return true
}

// choices enumerates mode × time series × layout × sharing × storage at a place, the one that keeps most first.
func (w *world) choices(a *catalog.Architecture, at place, engine inventory.Engine) []choice {
	var out []choice
	series := w.timeseries(a)
	modes := modesOf(a, engine, at)
	storages := w.storages(a, at)
	layouts := []catalog.Layout{catalog.LayoutOwn}
	switch {
	case a.Packed:
		layouts[0] = catalog.LayoutPacked
	case w.present != nil:
		layouts = append(layouts, catalog.LayoutPresent)
	}
	shares := w.shares(at)
	for _, t := range series {
		if w.present != nil {
			for _, s := range shares[:1] {
				out = append(out, choice{
					at: at, engine: engine, mode: w.keptMode(modes, engine), timeseries: t, layout: layouts[len(layouts)-1],
					storage: storages[0], shared: s, keep: true,
				})
			}
		}
		for _, m := range modes {
			for _, l := range layouts {
				for _, s := range shares {
					for _, r := range storages {
						out = append(out, choice{at: at, engine: engine, mode: m, timeseries: t, layout: l, storage: r, shared: s})
					}
				}
			}
		}
	}
	return out
}

// engine is the present database product where the architecture, the hosting and the version allow it, else the usual
// one of the hosting.
func (w *world) engine(a *catalog.Architecture, at place) (inventory.Engine, bool) {
	fits := func(e inventory.Engine) bool {
		d, ok := a.Database(e)
		if e == inventory.EngineH2 && (w.recovers() || w.Cluster.Environment != inventory.Development && w.Cluster.Environment != "") {
			return false // H2 is a file of the one server: it has no copy elsewhere
		}
		return ok && w.accepts(e) && d.Versions.Contains(w.Cluster.ThingworxVersion) && (!e.Managed() || at.provider == string(inventory.HostingAzure))
	}
	if w.shape.Engine != "" && fits(w.shape.Engine) {
		return w.shape.Engine, true
	}
	usual := []inventory.Engine{inventory.EnginePostgreSQL, inventory.EngineSQLServer}
	if at.provider == string(inventory.HostingAzure) && a.Production {
		usual = append([]inventory.Engine{inventory.EngineAzurePostgreSQLFlexible}, usual...)
	}
	for _, e := range usual {
		if fits(e) {
			return e, true
		}
	}
	for _, d := range a.Databases {
		if fits(d.Engine) {
			return d.Engine, true
		}
	}
	return "", false
}

// accepts reports whether the constraints leave a database product.
func (w *world) accepts(e inventory.Engine) bool {
	return len(w.Engines) == 0 || slices.Contains(w.Engines, e)
}

// noEngine says why an architecture finds no database at a place.
func (w *world) noEngine(a *catalog.Architecture, at place) string {
	if len(w.Engines) == 0 || slices.ContainsFunc(a.Databases, func(d catalog.DatabaseChoice) bool { return w.accepts(d.Engine) }) {
		return "no database that is accepted and that " + a.Title + " may use runs on " + string(at.hosting)
	}
	return fmt.Sprintf("the database is to be %s, and it uses one of %s", titles(w.Engines, " or "), titles(engines(a), ", "))
}

func engines(a *catalog.Architecture) []inventory.Engine {
	out := make([]inventory.Engine, len(a.Databases))
	for i := range a.Databases {
		out[i] = a.Databases[i].Engine
	}
	return out
}

func titles(list []inventory.Engine, between string) string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].Title()
	}
	return strings.Join(out, between)
}

// operator is who runs an option: whoever runs the cluster now, but for what PTC Cloud Services hosts, which it operates.
func (w *world) operator(h inventory.Hosting) inventory.Operator {
	switch o := w.Cluster.OperatedBy; {
	case h == inventory.HostingPTCCloud:
		return inventory.OperatorPTCCloudServices
	case o == inventory.OperatorPTCCloudServices || o == "":
		return inventory.OperatorSelf
	default:
		return o
	}
}

// alternatives lists the other databases an architecture allows at a place.
func (w *world) alternatives(a *catalog.Architecture, at place, chosen inventory.Engine) []string {
	var out []string
	for _, d := range a.Databases {
		if d.Engine == chosen || d.Engine == inventory.EngineH2 || !w.accepts(d.Engine) || d.Engine.Managed() && at.provider != string(inventory.HostingAzure) {
			continue
		}
		text := d.Engine.Title()
		if d.Why != "" {
			text += " (" + d.Why + ")"
		}
		out = append(out, text)
	}
	return out
}

// modesOf lists the modes of a managed database: those the architecture names, else none and the best one. Zone-redundant
// needs a region with zones.
func modesOf(a *catalog.Architecture, e inventory.Engine, at place) []inventory.HAMode {
	if e != inventory.EngineAzurePostgreSQLFlexible {
		return []inventory.HAMode{""}
	}
	best := inventory.HASameZone
	if at.zones {
		best = inventory.HAZoneRedundant
	}
	d, _ := a.Database(e)
	if len(d.Modes) == 0 {
		return []inventory.HAMode{inventory.HANone, best}
	}
	var out []inventory.HAMode
	for _, m := range d.Modes {
		if m != inventory.HAZoneRedundant || at.zones {
			out = append(out, m)
		}
	}
	return out
}

func (w *world) keptMode(modes []inventory.HAMode, e inventory.Engine) inventory.HAMode {
	if e == w.shape.Engine && (slices.Contains(modes, w.shape.Mode) || w.shape.Mode == inventory.HASameZone && len(modes) > 1) {
		return w.shape.Mode
	}
	return modes[0]
}

// storagesOf lists the redundancies of storage to consider: where it must be redundant the best of the place, else the least too.
func storagesOf(a *catalog.Architecture, at place) []inventory.Redundancy {
	offered := catalog.Redundancies(at.provider, at.zones)
	least, best := offered[0], offered[len(offered)-1]
	switch {
	case a.HighlyAvailable:
		return []inventory.Redundancy{best}
	case !a.Production || least == best:
		return []inventory.Redundancy{least}
	}
	return []inventory.Redundancy{least, best}
}

// storages lists the redundancies to consider, the one that keeps most first. A storage that stays may keep what it has, such
// as none on a file server of one's own, and is never made less redundant: that would save little and put the data at risk.
func (w *world) storages(a *catalog.Architecture, at place) []inventory.Redundancy {
	out := storagesOf(a, at)
	have := w.presentStorage()
	switch {
	case have == "" || have == inventory.RedundancyNone && a.HighlyAvailable:
		return out
	case w.stays(catalog.KindStorage, at):
		out = slices.DeleteFunc(out, func(r inventory.Redundancy) bool { return redundancyRank(r) <= redundancyRank(have) })
	case slices.Contains(catalog.Redundancies(at.provider, at.zones), have):
		out = slices.DeleteFunc(out, func(r inventory.Redundancy) bool { return r == have })
	default:
		return out // what is built anew can only have what the place offers
	}
	return slices.Insert(out, 0, have)
}

// presentStorage is the redundancy of the storage now, "" when there is none or it is not known.
func (w *world) presentStorage() inventory.Redundancy {
	for _, inf := range w.shape.Parts.Of(catalog.KindStorage).Infra {
		if inf.Redundancy != "" {
			return inf.Redundancy
		}
	}
	return ""
}

func redundancyRank(r inventory.Redundancy) int {
	return slices.Index([]inventory.Redundancy{inventory.RedundancyNone, inventory.RedundancyLocal, inventory.RedundancyZone, inventory.RedundancyGeo}, r)
}

// timeseries lists where logged values may go: where they go now, and the simplest store that carries the writes.
func (w *world) timeseries(a *catalog.Architecture) []catalog.TimeseriesChoice {
	heavy := w.Sizing.WPS > relationalWrites
	fits := func(t catalog.TimeseriesChoice) bool {
		return a.AllowsTimeseries(t) && (t != catalog.TimeseriesRelational || !heavy)
	}
	var out []catalog.TimeseriesChoice
	if w.present != nil && fits(w.shape.Timeseries) {
		out = append(out, w.shape.Timeseries)
	}
	order := []catalog.TimeseriesChoice{catalog.TimeseriesRelational, catalog.TimeseriesInflux, catalog.TimeseriesEnterprise}
	if a.HighlyAvailable {
		// One InfluxDB node under a highly available cluster is kept where it is, but not proposed anew.
		order = []catalog.TimeseriesChoice{catalog.TimeseriesRelational, catalog.TimeseriesEnterprise}
	}
	for _, t := range order {
		if fits(t) {
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
			break
		}
	}
	return out
}

// shares lists the sets of parts to share: the present sharing as far as it is allowed, none at all, and for a new cluster
// all that may be shared. The first one keeps most.
func (w *world) shares(at place) []catalog.PerKind[bool] {
	var now, all, none catalog.PerKind[bool]
	for _, k := range []catalog.Kind{catalog.KindZooKeeper, catalog.KindDatabase, catalog.KindStorage, catalog.KindLoadBalancer, catalog.KindInflux, catalog.KindInfluxData} {
		now.Set(k, w.sharedNow.Of(k) && w.permission(k) != inventory.Forbidden && w.stays(k, at) && !w.inseparable.Of(k))
		all.Set(k, w.permission(k) == inventory.Allowed)
	}
	out := []catalog.PerKind[bool]{now}
	if w.present == nil {
		out = append(out, all)
	}
	out = append(out, none)
	var unique []catalog.PerKind[bool]
	for _, s := range out {
		if !slices.Contains(unique, s) {
			unique = append(unique, s)
		}
	}
	return unique
}

// stays reports whether a part is, as far as is known, in the region of a place. A part that has to move away leaves its
// other tenants behind.
func (w *world) stays(k catalog.Kind, at place) bool {
	part := w.shape.Parts.Of(k)
	for _, p := range part.Placements() {
		if p.Region != "" && p.Region != at.region {
			return false
		}
	}
	for _, inf := range part.Infra {
		if inf.Placement.Region != "" && inf.Placement.Region != at.region {
			return false
		}
	}
	return true
}

// variant plans a choice and computes what it comes to, but for its availability.
func (w *world) variant(a *catalog.Architecture, c choice) *variant {
	t := sizing.Target{
		Engine: c.engine, InfluxDB: c.timeseries != catalog.TimeseriesRelational, Azure: c.at.provider == string(inventory.HostingAzure),
		HighAvailability: c.mode != "" && c.mode != inventory.HANone || !c.engine.Managed() && a.HighlyAvailable,
	}
	v := &variant{arch: a, at: c.at, size: w.size(t)}
	p := &catalog.Plan{
		Architecture: a, Demand: v.size.demand, Site: w.Site.Site, ObservedAt: w.Site.ObservedAt, Cluster: w.Cluster.ID,
		Environment: w.Cluster.Environment, Version: w.Cluster.ThingworxVersion, Hosting: c.at.hosting, OperatedBy: w.operator(c.at.hosting),
		Settings: w.Cluster.Settings, Workload: w.Cluster.Workload, Objectives: w.Cluster.Objectives,
		Provider: c.at.provider, Region: c.at.region, Zone: c.at.zone, StandbyZone: c.at.standby,
		Engine: c.engine, Mode: c.mode, Timeseries: c.timeseries, Layout: c.layout, Storage: c.storage, Shared: c.shared, Occupied: w.sharedNow,
	}
	for _, k := range catalog.Kinds() {
		if c.shared.Of(k) {
			p.Isolate.Set(k, w.isolate.Of(k))
		}
	}
	if w.present != nil {
		p.Present, p.PresentCluster, p.PresentShape = w.Site, w.Cluster, w.shape
	}
	if len(a.Ignite) > 0 {
		p.Ignite = a.Ignite[0]
		if w.shape.Ignite != "" && a.AllowsIgnite(w.shape.Ignite) {
			p.Ignite = w.shape.Ignite
		}
	}
	if w.recovers() {
		p.RecoveryRegion = w.recoveryRegion(c.at)
	}
	p.Recount()
	if c.keep {
		w.keepCounts(p)
	}
	w.machines(p, v.size, c.keep)
	v.plan = p
	v.site = catalog.Generate(p)
	v.cost = w.prices.cost(p, v.site, &w.tenants)
	v.state = migrate.StateOf(v.site, &v.site.Clusters[0])
	if w.present != nil {
		v.changes = migrate.Changes(w.present, v.state)
		v.count = migrate.Count(v.changes)
	}
	return v
}

// keepCounts keeps what the cluster has beyond the recommended counts, and fewer where the architecture's least is enough.
func (w *world) keepCounts(p *catalog.Plan) {
	for _, k := range catalog.Kinds() {
		part := w.shape.Parts.Of(k)
		have := part.Count
		least, most, ok := p.Architecture.Limits(k, p.Engine, p.Timeseries, p.Ignite, p.Demand)
		if !ok || have == 0 {
			continue
		}
		want := p.Counts.Of(k)
		switch k {
		case catalog.KindFoundation, catalog.KindConnectionServer:
			want = max(want, min(have, most))
		case catalog.KindZooKeeper:
			if odd := have - 1 + have%2; odd >= least {
				want = odd
			}
		case catalog.KindStorage, catalog.KindLoadBalancer:
			want = max(want, least)
		default:
			if have >= least && have <= most && (k != catalog.KindInfluxData && k != catalog.KindInfluxMeta || have >= want) {
				want = have
			}
		}
		p.Counts.Set(k, want)
	}
	if p.Layout == catalog.LayoutPacked {
		n := max(p.Counts.Of(catalog.KindFoundation), p.Counts.Of(catalog.KindConnectionServer))
		if !p.Shared.Of(catalog.KindZooKeeper) {
			n = max(n, p.Counts.Of(catalog.KindZooKeeper))
		}
		p.Counts.Set(catalog.KindFoundation, n)
		p.Counts.Set(catalog.KindConnectionServer, n)
	}
}
