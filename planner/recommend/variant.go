package recommend

import (
	"cmp"
	"fmt"
	"math"
	"slices"

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
	price   float64 // of one period
	cost    float64 // the price weighed with what changing the database product takes
	moves   move
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
	ignite     inventory.IgniteMode
	layout     catalog.Layout
	storage    inventory.Redundancy
	shared     catalog.PerKind[bool]
	keep       bool
}

// feasible lists the variants of an architecture that meet the objectives. Where there are none it says why.
//
// The variants that keep the database product come first. What a provider promises of its product and what is computed for nodes
// of one's own differ by too little to change the product for: another one is taken only where nothing else meets the objectives,
// or where it is cheaper with the weight of the change. Whether it can be is known from the price of all but the database, before
// any such variant is planned, and of those that are the cheapest one is enough.
func (w *world) feasible(a *catalog.Architecture, places []place, best *availability.Result) (out []*variant, because string) {
	if because = w.excluded(a); because != "" {
		return nil, because
	}
	if len(places) == 0 {
		return nil, w.nowhere()
	}
	e := enumeration{arch: a, rest: math.Inf(1), because: "no accepted hosting, database and store of logged values fit together"}
	meets := func(v *variant) bool {
		v.result = w.serving(v)
		e.planned, e.top = true, max(e.top, v.result.Serving)
		if v.result.Serving > best.Serving {
			*best = v.result
		}
		return v.result.Serving >= w.objectives.Availability-slack
	}
	for _, e.moves = range [...]move{stays, changes, converts} {
		if len(out) == 0 {
			e.limit = math.Inf(1)
			for _, v := range w.variants(&e, places) {
				if meets(v) {
					out = append(out, v)
				}
			}
			continue
		}
		e.limit = slices.MinFunc(out, cheaper).cost
		others := w.variants(&e, places)
		slices.SortStableFunc(others, cheaper)
		for _, v := range others {
			if meets(v) && w.sound(v) {
				out = append(out, v)
				break
			}
		}
	}
	switch {
	case len(out) > 0:
		return out, ""
	case e.planned:
		return nil, fmt.Sprintf("at best it serves %s of the time, the objective is %s", percent(e.top), percent(w.objectives.Availability))
	}
	return nil, e.because
}

// margin absorbs the rounding of prices.
const margin = 1e-5

func cheaper(a, b *variant) int { return cmp.Or(cmp.Compare(a.cost, b.cost), a.count-b.count) }

// enumeration is how far the variants of one architecture are enumerated.
type enumeration struct {
	arch    *catalog.Architecture
	moves   move
	rest    float64 // the least price of what is planned so far without its database
	limit   float64 // what is not cheaper is not planned
	planned bool
	top     float64 // the highest availability
	because string  // why there is no variant
}

// variants enumerates the ways to build an architecture that its own terms, the workload, and the recovery objectives
// allow and that make one move of the database product.
func (w *world) variants(e *enumeration, places []place) (out []*variant) {
	a := e.arch
	for _, at := range places {
		if !a.AllowsHosting(at.hosting) {
			e.because = a.Title + " is not offered for hosting " + string(at.hosting)
			continue
		}
		if o := w.operator(at.hosting); len(a.OperatedBy) > 0 && !slices.Contains(a.OperatedBy, o) {
			e.because = "it is not operated by " + string(o)
			continue
		}
		engines := w.engines(a, at)
		if len(engines) == 0 {
			e.because = w.noEngine(a, at)
		}
		engines = slices.DeleteFunc(engines, func(x inventory.Engine) bool {
			return w.moves(x) != e.moves || !math.IsInf(e.limit, 1) && (e.rest+w.leastDatabase(a, at, x))*e.moves.weight() >= e.limit+margin
		})
		for _, c := range w.choices(a, at, engines) {
			if why := w.unrecoverable(a, &c); why != "" {
				e.because = why
				continue
			}
			v := w.variant(a, c)
			e.rest = min(e.rest, v.price-w.prices.database(v.plan, v.site, &w.tenants))
			if v.cost >= e.limit || slices.ContainsFunc(out, v.same) {
				continue
			}
			if c.layout == catalog.LayoutPresent || w.Cluster.Environment == inventory.Development {
				if r := w.recognised(v); r.Architecture != a.ID {
					e.because = "built for this cluster it is a " + r.Name
					continue
				}
			}
			out = append(out, v)
		}
	}
	return out
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

// choices enumerates database × time series × Ignite mode × layout × sharing × storage at a place, the one that keeps most first.
func (w *world) choices(a *catalog.Architecture, at place, engines []inventory.Engine) []choice {
	var out []choice
	left, kept := w.storages(a, at, false), w.storages(a, at, true)
	storages := func(shared catalog.PerKind[bool]) []inventory.Redundancy {
		if w.sharedNow.Of(catalog.KindStorage) && !shared.Of(catalog.KindStorage) {
			return left // with the clusters that use it
		}
		return kept
	}
	layouts := []catalog.Layout{catalog.LayoutOwn}
	switch {
	case a.Packed:
		layouts[0] = catalog.LayoutPacked
	case w.present != nil:
		layouts = append(layouts, catalog.LayoutPresent)
	}
	ignites := w.ignites(a)
	for _, e := range engines {
		modes := modesOf(a, e, at)
		shares := w.shares(at, e)
		for _, t := range w.timeseries(a, at, e) {
			for _, i := range ignites {
				c := choice{at: at, engine: e, timeseries: t, ignite: i}
				if w.present != nil {
					c.mode, c.layout, c.storage, c.shared, c.keep = w.keptMode(modes, e), layouts[len(layouts)-1], storages(shares[0])[0], shares[0], true
					out = append(out, c)
					c.keep = false
				}
				for _, c.mode = range modes {
					for _, c.layout = range layouts {
						for _, c.shared = range shares {
							for _, c.storage = range storages(c.shared) {
								out = append(out, c)
							}
						}
					}
				}
			}
		}
	}
	return out
}

// ignites lists the modes of Ignite to consider, the present one first; "" is the only one where Ignite is not used. Separate
// nodes are more to pay and more to fail than Ignite inside Foundation, and whether a cache needs them no source puts in figures:
// they are proposed where they are there already or the architecture asks for them.
func (w *world) ignites(a *catalog.Architecture) []inventory.IgniteMode {
	now := w.shape.Ignite
	switch {
	case len(a.Ignite) == 0:
		return []inventory.IgniteMode{""}
	case !slices.Contains(a.Ignite, inventory.IgniteEmbedded):
		return a.Ignite
	case now == inventory.IgniteSeparate && a.AllowsIgnite(now):
		return []inventory.IgniteMode{now, inventory.IgniteEmbedded}
	}
	return []inventory.IgniteMode{inventory.IgniteEmbedded}
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
// as none on a file server of one's own, and is never made less redundant: that would save little and put the data at risk. Without
// keep it is built anew.
func (w *world) storages(a *catalog.Architecture, at place, keep bool) []inventory.Redundancy {
	out := storagesOf(a, at)
	have := w.presentStorage()
	switch {
	case have == "" || have == inventory.RedundancyNone && a.HighlyAvailable:
		return out
	case keep && w.stays(catalog.KindStorage, at):
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

// timeseries lists where logged values may go: where they go now, and the stores that carry the writes, the simplest first. Where
// the relational database carries them, another store besides it is more to fail, and is considered only where it may be cheaper,
// because PTC's sizes make another machine smaller then. InfluxDB Enterprise is not: no price here knows its licence.
func (w *world) timeseries(a *catalog.Architecture, at place, e inventory.Engine) []catalog.TimeseriesChoice {
	var out []catalog.TimeseriesChoice
	for i, t := range [...]catalog.TimeseriesChoice{w.shape.Timeseries, catalog.TimeseriesRelational, catalog.TimeseriesInflux, catalog.TimeseriesEnterprise} {
		now := i == 0
		switch {
		case now && w.present == nil, slices.Contains(out, t), !w.carries(a, t):
		case !now && t == catalog.TimeseriesInflux && a.HighlyAvailable:
			// One InfluxDB node under a highly available cluster is kept where it is, but not proposed anew.
		case !now && t != catalog.TimeseriesRelational && w.carries(a, catalog.TimeseriesRelational) && (t == catalog.TimeseriesEnterprise || !w.leaner(a, at, e)):
		default:
			out = append(out, t)
		}
	}
	return out
}

// carries reports whether an architecture may use a store of logged values and the store takes the writes.
func (w *world) carries(a *catalog.Architecture, t catalog.TimeseriesChoice) bool {
	return a.AllowsTimeseries(t) && (t != catalog.TimeseriesRelational || w.Sizing.WPS <= relationalWrites)
}

// leaner reports whether InfluxDB makes a machine of another part smaller.
func (w *world) leaner(a *catalog.Architecture, at place, e inventory.Engine) bool {
	c := choice{at: at, engine: e, timeseries: catalog.TimeseriesRelational}
	if modes := modesOf(a, e, at); len(modes) > 0 {
		c.mode = modes[0]
	}
	plain := w.size(target(a, &c))
	c.timeseries = catalog.TimeseriesInflux
	with := w.size(target(a, &c))
	less := func(x, y sizing.Hardware) bool { return x.CPU < y.CPU || x.MemoryGiB < y.MemoryGiB }
	return less(with.Foundation, plain.Foundation) || less(with.Database, plain.Database)
}

// shares lists the sets of parts to share: the present sharing as far as it is allowed, none at all, and for a new cluster
// all that may be shared. The first one keeps most. Another database product than the present one is not the one others share.
func (w *world) shares(at place, e inventory.Engine) []catalog.PerKind[bool] {
	var now, all, none catalog.PerKind[bool]
	for _, k := range []catalog.Kind{catalog.KindZooKeeper, catalog.KindDatabase, catalog.KindStorage, catalog.KindLoadBalancer, catalog.KindInflux, catalog.KindInfluxData} {
		now.Set(k, w.sharedNow.Of(k) && w.permission(k) != inventory.Forbidden && w.stays(k, at) && !w.inseparable.Of(k))
		all.Set(k, w.permission(k) == inventory.Allowed)
	}
	if w.moves(e) != stays {
		now.Set(catalog.KindDatabase, false)
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
	v := &variant{arch: a, at: c.at, size: w.size(target(a, &c))}
	p := &catalog.Plan{
		Architecture: a, Demand: v.size.demand, Site: w.Site.Site, ObservedAt: w.Site.ObservedAt, Cluster: w.Cluster.ID,
		Environment: w.Cluster.Environment, Version: w.Cluster.ThingworxVersion, Hosting: c.at.hosting, OperatedBy: w.operator(c.at.hosting),
		Settings: w.Cluster.Settings, Workload: w.Cluster.Workload, Objectives: w.Cluster.Objectives,
		Provider: c.at.provider, Region: c.at.region, Zone: c.at.zone, StandbyZone: c.at.standby,
		Engine: c.engine, Mode: c.mode, Timeseries: c.timeseries, Ignite: c.ignite, Layout: c.layout, Storage: c.storage, Shared: c.shared, Occupied: w.sharedNow,
	}
	for _, k := range catalog.Kinds() {
		if c.shared.Of(k) {
			p.Isolate.Set(k, w.isolate.Of(k))
		}
	}
	if w.present != nil {
		p.Present, p.PresentCluster, p.PresentShape = w.Site, w.Cluster, w.shape
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
	v.price = w.prices.cost(p, v.site, &w.tenants)
	v.moves = w.moves(c.engine)
	v.cost = v.price * v.moves.weight()
	v.state = migrate.StateOf(v.site, &v.site.Clusters[0])
	if w.present != nil {
		v.changes = migrate.Changes(w.present, v.state)
		v.count = migrate.Count(v.changes)
	}
	return v
}

// target is what a choice is sized for.
func target(a *catalog.Architecture, c *choice) sizing.Target {
	return sizing.Target{
		Engine: c.engine, InfluxDB: c.timeseries != catalog.TimeseriesRelational, Azure: c.at.provider == string(inventory.HostingAzure),
		HighAvailability: c.mode != "" && c.mode != inventory.HANone || !c.engine.Managed() && a.HighlyAvailable,
	}
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
