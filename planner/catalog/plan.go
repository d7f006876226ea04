package catalog

import (
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Layout says which parts share machines.
type Layout string

// Layouts.
const (
	LayoutOwn     Layout = "own"     // every component has machines of its own
	LayoutPacked  Layout = "packed"  // connection servers, and ZooKeeper unless it is shared, run on the Foundation machines
	LayoutPresent Layout = "present" // nodes stay where they are as long as no required placement forbids it
)

// Machine is the size of a node or of a managed server.
type Machine struct {
	CPU        float64
	MemoryGiB  float64
	StorageGiB float64
	SKU        string
}

// Covers reports whether m is at least as large as need; a size of m that is not known is not.
func (m Machine) Covers(need Machine) bool { return m.CPU >= need.CPU && m.MemoryGiB >= need.MemoryGiB }

// Plan says how one cluster is built after an architecture. NewPlan fills it in; callers change what they decide otherwise.
type Plan struct {
	Architecture *Architecture
	Demand       Demand

	Site        inventory.Identity
	ObservedAt  time.Time
	Cluster     string
	Environment inventory.Environment
	Version     string
	Hosting     inventory.Hosting
	OperatedBy  inventory.Operator
	Settings    inventory.ClusterSettings
	Workload    *inventory.Workload
	Objectives  *inventory.Objectives

	Provider string
	Region   string
	Zone     string // of the Foundation nodes and of all else that has one; "" when the region has none
	// StandbyZone is where a zone-redundant database has its standby.
	StandbyZone string

	Engine     inventory.Engine
	Mode       inventory.HAMode // managed databases only
	Timeseries TimeseriesChoice
	Ignite     inventory.IgniteMode
	Layout     Layout
	Storage    inventory.Redundancy
	Shared     PerKind[bool] // parts used together with other clusters
	// Occupied are the parts that other clusters use now. Where the plan does not share such a part, the cluster leaves it to
	// them and gets one of its own.
	Occupied PerKind[bool]
	// Isolate are the names under which the cluster goes in shared parts where its present isolation is not kept, because
	// another tenant has the same: ZooKeeper paths, database and schema, storage path. "" keeps it.
	Isolate  PerKind[string]
	Counts   PerKind[int]
	Machines PerKind[Machine]
	// RecoveryRegion has a replica of the database for disaster recovery; "" for none.
	RecoveryRegion string

	// Present is the inventory the plan starts from, and PresentCluster the cluster in it: names, machines and identities
	// are kept where the plan leaves a part as it is. Both nil for a new cluster.
	Present        *inventory.Site
	PresentCluster *inventory.Cluster
	// PresentShape saves finding the parts of PresentCluster anew for every plan; nil finds them.
	PresentShape *Shape
}

// Redundancies lists what a new storage may have at a provider, least first, in a region with zones or without. Azure keeps
// several copies in one data centre (LRS) of every disk and share, in several zones (ZRS) where the region has some, and offers no
// geo-redundancy for NFS (Microsoft, reliability in Azure Files). No source says what others have at least, so that there may be none.
func Redundancies(provider string, zones bool) []inventory.Redundancy {
	out := []inventory.Redundancy{inventory.RedundancyNone, inventory.RedundancyLocal, inventory.RedundancyZone}
	if !zones {
		out = out[:2]
	}
	if provider == string(inventory.HostingAzure) {
		out = out[1:]
	}
	return out
}

// NewPlan returns the plan of a perfect new instance of an architecture: recommended counts, the architecture's first
// database, store of logged values and Ignite mode, and its own layout.
func (a *Architecture) NewPlan(d Demand) *Plan {
	p := &Plan{
		Architecture: a, Demand: d, Site: inventory.Identity{ID: "site"}, Cluster: "cluster", Environment: inventory.Production,
		Hosting: inventory.HostingOnPremise, OperatedBy: inventory.OperatorSelf, Provider: "on-premise", Region: "data-centre",
		Timeseries: TimeseriesRelational, Layout: LayoutOwn, Storage: inventory.RedundancyNone,
	}
	if !a.Production {
		p.Environment = inventory.Development
	}
	if a.Packed {
		p.Layout = LayoutPacked
	}
	if a.HighlyAvailable {
		p.Storage = inventory.RedundancyLocal
	}
	if len(a.Databases) > 0 {
		p.Engine = a.Databases[0].Engine
		p.Mode = a.BestMode(p.Engine)
	}
	if len(a.Timeseries) > 0 {
		p.Timeseries = a.Timeseries[0]
	}
	if len(a.Ignite) > 0 {
		p.Ignite = a.Ignite[0]
	}
	p.Recount()
	return p
}

// BestMode is the first mode an architecture allows for a managed engine, none when it allows any; "" for other engines.
func (a *Architecture) BestMode(e inventory.Engine) inventory.HAMode {
	if !e.Managed() {
		return ""
	}
	d, _ := a.Database(e)
	if len(d.Modes) > 0 {
		return d.Modes[0]
	}
	return inventory.HANone
}

// Recount sets the counts to the recommended ones for the plan's choices. Packed machines that carry the whole ZooKeeper
// ensemble must be as many as it has members.
func (p *Plan) Recount() {
	a := p.Architecture
	p.Counts = a.Counts(p.Engine, p.Timeseries, p.Ignite, p.Demand)
	if p.Layout == LayoutPacked {
		n := p.Counts.Of(KindFoundation)
		n = max(n, p.Counts.Of(KindConnectionServer))
		if !p.Shared.Of(KindZooKeeper) {
			n = max(n, p.Counts.Of(KindZooKeeper))
		}
		p.Counts.Set(KindFoundation, n)
		p.Counts.Set(KindConnectionServer, n)
	}
}

// Counts are the recommended counts of an architecture's parts for some choices.
func (a *Architecture) Counts(e inventory.Engine, t TimeseriesChoice, i inventory.IgniteMode, d Demand) PerKind[int] {
	var out PerKind[int]
	for k := range a.Parts {
		p := &a.Parts[k]
		if !p.When.Applies(e, t, i) {
			continue
		}
		n := max(p.Recommend.Count(d), p.Min.Count(d))
		if p.Odd && n > 0 && n%2 == 0 {
			n++
		}
		if m := p.MultipleOf.Count(d); m > 1 && n%m != 0 {
			n += m - n%m
		}
		out.Set(p.Kind, n)
	}
	return out
}

// Limits returns the least and the most instances of a kind an architecture allows for some choices. ok is false when the
// architecture has no such part.
func (a *Architecture) Limits(k Kind, e inventory.Engine, t TimeseriesChoice, i inventory.IgniteMode, d Demand) (least, most int, ok bool) {
	for j := range a.Parts {
		p := &a.Parts[j]
		if p.Kind == k && p.When.Applies(e, t, i) {
			return p.Min.Count(d), p.Max.Count(d), true
		}
	}
	return 0, 0, false
}
