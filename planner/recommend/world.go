package recommend

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/migrate"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/rules/facts"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// world is what one recommendation looks at, computed once.
type world struct {
	Input
	objectives inventory.Objectives
	chances    policy.Availability
	prices     *Prices
	shape      *catalog.Shape
	present    *migrate.State // nil for a new cluster
	// presentServing is the availability of what is there; presentKnown tells whether it was computed.
	presentServing float64
	presentKnown   bool
	// sharedNow and tenants tell which parts are used together with other clusters, and by how many.
	sharedNow catalog.PerKind[bool]
	tenants   catalog.PerKind[int]
	// isolate are the names by which this cluster is kept apart in shared parts where another tenant in view has its present
	// isolation, and inseparable the parts in which no name does that.
	isolate     catalog.PerKind[string]
	inseparable catalog.PerKind[bool]
	sizes       map[sizing.Target]*sized
	served      map[servingKey]availability.Result
}

// sized is the sizing for one target.
type sized struct {
	sizing.Result
	demand catalog.Demand
}

func newWorld(in Input) *world {
	w := &world{Input: in, prices: in.Prices, sizes: map[sizing.Target]*sized{}, served: map[servingKey]availability.Result{}}
	if w.Policy == nil {
		w.Policy = policy.Default()
	}
	w.chances = w.Policy.Availability
	if in.Cluster.Objectives != nil {
		w.objectives = *in.Cluster.Objectives
	}
	// A system to develop on that says nothing about high availability does not need it.
	if w.objectives.HighAvailability == "" && in.Cluster.Environment == inventory.Development {
		w.objectives.HighAvailability = inventory.NotNeeded
	}
	if w.prices == nil {
		w.prices = DefaultPrices()
	}
	w.shape = catalog.ShapeOf(in.Site, in.Cluster)
	for i := range w.shape.Parts {
		if w.shape.Parts[i].Present() {
			w.present = &migrate.State{Site: in.Site, Cluster: in.Cluster, Shape: w.shape}
			break
		}
	}
	w.sharing()
	return w
}

// sharing finds which parts are shared now: declared so, or seen with several tenants.
func (w *world) sharing() {
	for i := range w.Cluster.Uses {
		u := &w.Cluster.Uses[i]
		inf := w.Site.Infra(u.Infrastructure)
		if inf == nil {
			continue
		}
		tenants := w.tenantsOf(inf.ID)
		declared := inf.Shared != nil && *inf.Shared
		if u.Shared != nil {
			declared = *u.Shared
		}
		if !declared && len(tenants) < 2 {
			continue
		}
		k := kindOfUse(u.As, inf)
		w.sharedNow.Set(k, true)
		w.tenants.Set(k, max(2, len(tenants)))
	}
	w.collisions()
}

// collisions finds the shared parts in which another tenant in view is not kept apart from this cluster, as TEN-001 to TEN-004 do.
func (w *world) collisions() {
	view := facts.New(w.Site, w.Neighbours, w.Shared, w.Regions)
	for i := range view.Clusters {
		c := &view.Clusters[i]
		if c.Cluster != w.Cluster {
			continue
		}
		for j := range c.Uses {
			u := &c.Uses[j]
			if u.Infra == nil {
				continue
			}
			if !collides(u.Use, c, u) {
				continue
			}
			kind := kindOfUse(u.As, u.Infra)
			if name := w.freeName(kind, c, u); name != "" {
				w.isolate.Set(kind, name)
			} else {
				w.inseparable.Set(kind, true)
			}
		}
	}
}

// freeName is a name for the cluster in a shared part under which no tenant in view has the same isolation, "" when there is none,
// as on a storage that another tenant uses from its root.
func (w *world) freeName(k catalog.Kind, c *facts.Cluster, u *facts.Use) string {
	tenant := (&catalog.Plan{Site: w.Site.Site, Cluster: w.Cluster.ID}).Tenant()
	name := tenant
	for n := 2; n < len(u.Tenants)+3; n++ {
		own := catalog.Isolated(k, name)
		own.As = u.As
		if !collides(&own, c, u) {
			return name
		}
		name = tenant + "-" + strconv.Itoa(n)
	}
	return ""
}

// collides reports whether a use of a shared part by a cluster has the isolation of another tenant in view.
func collides(own *inventory.Use, c *facts.Cluster, u *facts.Use) bool {
	me := facts.Tenant{Key: c.Key, Cluster: c.Cluster, Use: own, Infra: u.Infra}
	for i := range u.Tenants {
		if t := &u.Tenants[i]; t.Key != c.Key && t.Use.As == own.As && collide(&me, t) {
			return true
		}
	}
	return false
}

// collide reports whether two tenants of one infrastructure are known to have the same isolation in it.
func collide(a, b *facts.Tenant) bool {
	switch a.Use.As {
	case inventory.AsZooKeeper:
		return facts.Namespace(a) == facts.Namespace(b) || facts.IgnitePath(a) == facts.IgnitePath(b)
	case inventory.AsDatabase:
		return facts.Database(a) != "" && strings.EqualFold(facts.Database(a), facts.Database(b)) && a.Use.Schema != "" && strings.EqualFold(a.Use.Schema, b.Use.Schema)
	case inventory.AsStorage:
		x, y := facts.StoragePath(a), facts.StoragePath(b)
		return x != "" && y != "" && facts.Overlap(x, y)
	}
	return false
}

func kindOfUse(as inventory.UseAs, inf *inventory.Infrastructure) catalog.Kind {
	switch as {
	case inventory.AsZooKeeper:
		return catalog.KindZooKeeper
	case inventory.AsDatabase:
		return catalog.KindDatabase
	case inventory.AsStorage:
		return catalog.KindStorage
	case inventory.AsLoadBalancer:
		return catalog.KindLoadBalancer
	}
	if inf.Edition == inventory.EditionEnterprise {
		return catalog.KindInfluxData
	}
	return catalog.KindInflux
}

// tenantsOf lists the clusters, site/cluster, that use an infrastructure of the site as far as they are in view.
func (w *world) tenantsOf(id string) []string {
	key := w.Site.Site.ID + "/" + id
	for i := range w.Shared {
		if s := &w.Shared[i]; s.Infrastructure == key || slices.Contains(s.Aliases, key) {
			return s.Tenants
		}
	}
	return nil
}

// permission is what the objectives say about sharing a part.
func (w *world) permission(k catalog.Kind) inventory.Permission {
	s := &w.objectives.Sharing
	switch k {
	case catalog.KindZooKeeper:
		return s.ZooKeeper
	case catalog.KindDatabase:
		return s.Database
	case catalog.KindStorage:
		return s.Storage
	case catalog.KindLoadBalancer:
		return s.LoadBalancer
	case catalog.KindInflux, catalog.KindInfluxData:
		return s.Timeseries
	}
	return inventory.Forbidden
}

// size sizes the workload for a target, once each.
func (w *world) size(t sizing.Target) *sized {
	if s, ok := w.sizes[t]; ok {
		return s
	}
	s := &sized{Result: w.Sizing}
	if w.Sizes != nil && w.Sizing.Known {
		s.Result = sizing.Workload(w.Cluster.Workload, t, w.Sizes)
	}
	s.demand = catalog.DemandOf(s.Things, s.WPS, s.RequestsPerSecond, s.ConnectionServers, s.FoundationNodes, w.shape)
	w.sizes[t] = s
	return s
}

// need is the number of Foundation nodes the peak takes.
func (w *world) need() int { return max(1, w.Sizing.FoundationNodes) }

// servingKey is what the availability of a generated inventory depends on besides the policy.
type servingKey struct {
	architecture string
	where        [4]string // provider, region, zone, database zone
	engine       inventory.Engine
	mode         inventory.HAMode
	timeseries   catalog.TimeseriesChoice
	ignite       inventory.IgniteMode
	layout       catalog.Layout
	storage      inventory.Redundancy
	shared       catalog.PerKind[bool]
	counts       catalog.PerKind[int]
}

// serving computes an option's availability, once for every shape.
func (w *world) serving(v *variant) availability.Result {
	p := v.plan
	key := servingKey{
		architecture: p.Architecture.ID, where: [4]string{p.Provider, p.Region, p.Zone, p.StandbyZone}, engine: p.Engine, mode: p.Mode,
		timeseries: p.Timeseries, ignite: p.Ignite, layout: p.Layout, storage: p.Storage, shared: p.Shared, counts: p.Counts,
	}
	if !p.Engine.Managed() && p.Engine != inventory.EngineH2 && p.Layout != catalog.LayoutPresent {
		key.engine = "" // nodes of their own fail alike, whatever runs on them
	}
	if r, ok := w.served[key]; ok {
		return r
	}
	r := availability.Cluster(v.site, &v.site.Clusters[0], w.need(), w.chances)
	w.served[key] = r
	return r
}

// regions returns the regions of the Foundation nodes and of the database, most nodes first.
func (w *world) regions() (foundation []inventory.Placement, database inventory.Placement) {
	counts := map[inventory.Placement]int{}
	for _, n := range w.shape.Parts.Of(catalog.KindFoundation).Nodes {
		if n.Placement.Region == "" {
			continue
		}
		at := inventory.Placement{Provider: n.Placement.Provider, Region: n.Placement.Region}
		if counts[at]++; counts[at] == 1 {
			foundation = append(foundation, at)
		}
	}
	slices.SortStableFunc(foundation, func(a, b inventory.Placement) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a.Region, b.Region), strings.Compare(a.Provider, b.Provider))
	})
	db := w.shape.Parts.Of(catalog.KindDatabase)
	for _, at := range db.Placements() {
		if at.Region != "" {
			return foundation, inventory.Placement{Provider: at.Provider, Region: at.Region}
		}
	}
	for _, inf := range db.Infra {
		if inf.Placement.Region != "" {
			return foundation, inventory.Placement{Provider: inf.Placement.Provider, Region: inf.Placement.Region}
		}
	}
	return foundation, inventory.Placement{}
}
