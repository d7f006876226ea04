// Package catalog holds the reference architectures as data: one file each, embedded, overridable by the user, with the
// counts as expressions over the workload and the placements each asks for. It also turns an architecture into an inventory
// (Generate) and an inventory into the parts an architecture speaks of (ShapeOf). It reads no file system; callers pass bytes.
package catalog

import "github.com/meridian-federation/meridian/planner/inventory"

// Ids of the architectures and overlays that ship with the product.
const (
	Development          = "development"
	BasicProduction      = "basic-production"
	LargeProduction      = "large-production"
	HACluster            = "ha-cluster"
	MinimumFootprint     = "minimum-footprint"
	SharedInfrastructure = "shared-infrastructure"
	Distributed          = "distributed"
)

// Catalog is the set of architectures in force, immutable.
type Catalog struct {
	all []Architecture // by order, then id
}

// All returns the architectures and overlays in order, simplest first. The slice is the caller's.
func (c *Catalog) All() []Architecture { return append([]Architecture(nil), c.all...) }

// Architectures returns what a cluster can be, in order, without the overlays. The pointers are read-only.
func (c *Catalog) Architectures() []*Architecture { return c.pick(false) }

// Overlays returns the overlays, in order. The pointers are read-only.
func (c *Catalog) Overlays() []*Architecture { return c.pick(true) }

// Get returns the architecture or overlay with the id. The pointer is read-only.
func (c *Catalog) Get(id string) (*Architecture, bool) {
	for i := range c.all {
		if c.all[i].ID == id {
			return &c.all[i], true
		}
	}
	return nil, false
}

func (c *Catalog) pick(overlay bool) []*Architecture {
	out := make([]*Architecture, 0, len(c.all))
	for i := range c.all {
		if c.all[i].Overlay == overlay {
			out = append(out, &c.all[i])
		}
	}
	return out
}

// Architecture is one reference architecture, or an overlay that describes how several clusters stand together.
type Architecture struct {
	ID              string               `json:"id"`
	Order           int                  `json:"order"` // simplest first
	Title           string               `json:"title"`
	Summary         string               `json:"summary"` // one sentence
	Text            string               `json:"text"`    // for people: what it is, whom it suits, what it costs
	Overlay         bool                 `json:"overlay,omitempty"`
	Production      bool                 `json:"production"`
	HighlyAvailable bool                 `json:"highlyAvailable"`
	Clustered       bool                 `json:"clustered"` // runs in clustered mode
	Packed          bool                 `json:"packed,omitempty"`
	Versions        Versions             `json:"versions,omitzero"`
	Hosting         []inventory.Hosting  `json:"hosting,omitempty"`
	OperatedBy      []inventory.Operator `json:"operatedBy,omitempty"`
	Ignite          []IgniteChoice       `json:"ignite,omitempty"` // empty: Ignite is not used
	Databases       []DatabaseChoice     `json:"databases,omitempty"`
	Timeseries      []TimeseriesChoice   `json:"timeseries,omitempty"`
	Parts           []Part               `json:"parts,omitempty"`
	Placement       []Placement          `json:"placement,omitempty"`
	Signs           []Sign               `json:"signs,omitempty"`
	Sharing         []Isolation          `json:"sharing,omitempty"` // overlays: what may be shared and what keeps tenants apart
	Sources         []Source             `json:"sources"`
}

// Versions is a range of ThingWorx versions: From is included, Before is not. Empty ends are open.
type Versions struct {
	From   string `json:"from,omitempty"`
	Before string `json:"before,omitempty"`
}

// IgniteChoice is one way to run Ignite.
type IgniteChoice = inventory.IgniteMode

// DatabaseChoice is a database product an architecture allows.
type DatabaseChoice struct {
	Engine   inventory.Engine   `json:"engine"`
	Modes    []inventory.HAMode `json:"modes,omitempty"` // managed: allowed modes, best first; empty allows any
	Versions Versions           `json:"versions,omitzero"`
	Why      string             `json:"why,omitempty"`
}

// TimeseriesChoice says where logged values are stored.
type TimeseriesChoice string

// Stores of logged values.
const (
	TimeseriesRelational TimeseriesChoice = "relational"
	TimeseriesInflux     TimeseriesChoice = "influxdb"
	TimeseriesEnterprise TimeseriesChoice = "influxdb-enterprise"
)

// Kind is a role of design's list of components.
type Kind string

// Kinds of parts, in the order of bills and lists.
const (
	KindLoadBalancer     Kind = "load-balancer"
	KindConnectionServer Kind = "connection-server"
	KindFoundation       Kind = "foundation"
	KindIgnite           Kind = "ignite"
	KindZooKeeper        Kind = "zookeeper"
	KindDatabase         Kind = "database"
	KindPgPool           Kind = "pgpool"
	KindInflux           Kind = "influxdb"
	KindInfluxMeta       Kind = "influxdb-meta"
	KindInfluxData       Kind = "influxdb-data"
	KindStorage          Kind = "storage"
)

// kindCount is the number of kinds.
const kindCount = 11

// Kinds lists all kinds in order. The array is a copy.
func Kinds() [kindCount]Kind {
	return [kindCount]Kind{
		KindLoadBalancer, KindConnectionServer, KindFoundation, KindIgnite, KindZooKeeper, KindDatabase, KindPgPool,
		KindInflux, KindInfluxMeta, KindInfluxData, KindStorage,
	}
}

// Index is a kind's place in Kinds, -1 for an unknown one.
func (k Kind) Index() int {
	switch k {
	case KindLoadBalancer:
		return 0
	case KindConnectionServer:
		return 1
	case KindFoundation:
		return 2
	case KindIgnite:
		return 3
	case KindZooKeeper:
		return 4
	case KindDatabase:
		return 5
	case KindPgPool:
		return 6
	case KindInflux:
		return 7
	case KindInfluxMeta:
		return 8
	case KindInfluxData:
		return 9
	case KindStorage:
		return 10
	}
	return -1
}

// Part is one line of an architecture's component list.
type Part struct {
	Kind       Kind       `json:"kind"`
	Min        Expression `json:"min"`       // fewer is a missing part
	Max        Expression `json:"max"`       // more is an extra part; n is no limit
	Recommend  Expression `json:"recommend"` // what a new installation gets
	Odd        bool       `json:"odd,omitempty"`
	MultipleOf Expression `json:"multipleOf,omitzero"` // 0: any
	Redundant  bool       `json:"redundant,omitempty"` // load balancer and storage: must survive a failure of its own
	When       When       `json:"when,omitzero"`
	Weight     float64    `json:"weight"`
	Published  string     `json:"published,omitempty"` // the count as PTC's table prints it
	Why        string     `json:"why,omitempty"`
	Confidence string     `json:"confidence"` // official | inferred
}

// When limits a part to some choices; an empty list does not limit.
type When struct {
	Engines    []inventory.Engine     `json:"engines,omitempty"`
	Timeseries []TimeseriesChoice     `json:"timeseries,omitempty"`
	Ignite     []inventory.IgniteMode `json:"ignite,omitempty"`
}

// PlacementRule is a required separation or togetherness.
type PlacementRule string

// Placement rules.
const (
	Apart      PlacementRule = "apart"       // Part's nodes are not on a machine of Others
	OnMachine  PlacementRule = "on-machine"  // every node of Part is on a machine of Others, one each
	Spread     PlacementRule = "spread"      // Part's nodes are on distinct machines
	SameRegion PlacementRule = "same-region" // Part is in the region of Others
	OneZone    PlacementRule = "one-zone"    // Part's nodes are in one zone of one region
)

// Placement is one placement an architecture asks for.
type Placement struct {
	Rule       PlacementRule `json:"rule"`
	Part       Kind          `json:"part"`
	Others     []Kind        `json:"others,omitempty"`
	Required   bool          `json:"required"` // false: advised
	Why        string        `json:"why"`
	Confidence string        `json:"confidence"`
}

// SignName names a property of a whole cluster that tells architectures apart.
type SignName string

// Signs known to the recogniser.
const (
	SignClustered        SignName = "clustered"
	SignNotClustered     SignName = "not-clustered"
	SignProduction       SignName = "production"
	SignNotProduction    SignName = "not-production"
	SignPackedOrShared   SignName = "packed-or-shared"   // the whole ZooKeeper ensemble runs on Foundation machines, or infrastructure is shared
	SignConnectionsShare SignName = "connections-packed" // every Foundation machine also runs a connection server
)

// Sign is a property of a whole cluster with its weight.
type Sign struct {
	Sign   SignName `json:"sign"`
	Weight float64  `json:"weight"`
	Why    string   `json:"why"`
}

// Isolation says what keeps the tenants of a shared infrastructure apart.
type Isolation struct {
	Kind       Kind   `json:"kind"`
	Isolation  string `json:"isolation"`
	Confidence string `json:"confidence"`
}

// Source is where an architecture or a number comes from.
type Source struct {
	Title      string `json:"title"`
	Where      string `json:"where"`
	Confidence string `json:"confidence"` // official | community | inferred
}

// Applies reports whether a part belongs to an instance with the choices given.
func (w When) Applies(e inventory.Engine, t TimeseriesChoice, i inventory.IgniteMode) bool {
	return allows(w.Engines, e) && allows(w.Timeseries, t) && allows(w.Ignite, i)
}

// Database returns the choice for an engine.
func (a *Architecture) Database(e inventory.Engine) (DatabaseChoice, bool) {
	for _, d := range a.Databases {
		if d.Engine == e {
			return d, true
		}
	}
	return DatabaseChoice{}, false
}

// AllowsTimeseries reports whether an architecture may store logged values so.
func (a *Architecture) AllowsTimeseries(t TimeseriesChoice) bool {
	for _, x := range a.Timeseries {
		if x == t {
			return true
		}
	}
	return false
}

// AllowsHosting reports whether an architecture may be hosted so.
func (a *Architecture) AllowsHosting(h inventory.Hosting) bool { return allows(a.Hosting, h) }

// AllowsIgnite reports whether an architecture may run Ignite so. The empty mode stands for no Ignite.
func (a *Architecture) AllowsIgnite(m inventory.IgniteMode) bool {
	if len(a.Ignite) == 0 {
		return m == ""
	}
	return allows(a.Ignite, m)
}

// Contains reports whether a version lies in the range. A version that is not known or cannot be read does.
func (v Versions) Contains(version string) bool {
	if version == "" {
		return true
	}
	return (v.From == "" || compareVersions(version, v.From) >= 0) && (v.Before == "" || compareVersions(version, v.Before) < 0)
}

// compareVersions compares dotted numbers part by part; a missing part is 0 and anything else than digits ends a part.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y int
		x, a = leadingNumber(a)
		y, b = leadingNumber(b)
		if x != y {
			if x < y {
				return -1
			}
			return 1
		}
	}
	return 0
}

func leadingNumber(s string) (int, string) {
	n, i := 0, 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9' && i < 9; i++ {
		n = n*10 + int(s[i]-'0')
	}
	for ; i < len(s) && s[i] != '.'; i++ {
		continue
	}
	if i < len(s) {
		i++
	}
	return n, s[i:]
}

func allows[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return len(list) == 0
}
