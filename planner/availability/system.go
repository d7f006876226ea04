package availability

import "github.com/meridian-federation/meridian/planner/inventory"

// Part is a part of a cluster, the grain at which contributions are told.
type Part uint8

// Parts of a cluster. Timeseries is needed for full service only.
const (
	LoadBalancer Part = iota
	ConnectionServer
	Foundation
	ZooKeeper
	Ignite
	Database
	Storage
	Timeseries
	parts // their number
)

// String names the part as Contribution.Part does.
func (p Part) String() string {
	switch p {
	case LoadBalancer:
		return "load-balancer"
	case ConnectionServer:
		return "connection-server"
	case Foundation:
		return "foundation"
	case ZooKeeper:
		return "zookeeper"
	case Ignite:
		return "ignite"
	case Database:
		return "database"
	case Storage:
		return "storage"
	case Timeseries:
		return "timeseries"
	}
	return "unknown"
}

// ElementKind says what an element is.
type ElementKind uint8

// Kinds of element. A Chance is the own chance of an infrastructure that lists no nodes.
const (
	Region ElementKind = iota
	Zone
	Machine
	Chance
)

// Element fails independently of all others.
type Element struct {
	Kind ElementKind
	Up   float64 // chance of being up
	// A and B are provider and region of a region or zone, site and name of a machine (no name: a machine of one node),
	// site and id of an infrastructure's chance. C is the zone.
	A, B, C string
}

// Unit is a node, or an infrastructure that lists no nodes. It is up when its own element, its zone and its region are.
type Unit struct {
	Own, Zone, Region int32 // indexes of elements; -1 when it has none that could fail
	// Site and Owner name the cluster or infrastructure it belongs to, Infrastructure tells which of the two.
	Site           string
	Owner          string
	Node           string // empty for an infrastructure without nodes
	Infrastructure bool
}

// Group is a set of units of which Need must be up. A group that needs more units than it has is never satisfied.
type Group struct {
	Part  Part
	Need  int
	Units []int32 // indexes of units
	// What names the group in the causes of a simulation, e.g. "zookeeper", "pgpool", "timeseries meta".
	What     string
	Majority bool // Need is a majority of the units
}

// Structure is what one cluster needs: it serves when all groups of Serving are satisfied, and is full when those of
// Extra are as well.
type Structure struct {
	Site, Cluster string
	Serving       []int32 // indexes of groups, in the order of Part
	Extra         []int32
	Infra         []int32 // indexes of the infrastructures it uses, each once
	// Idle are units the cluster lists and does not need, such as the ZooKeeper of a cluster that is not clustered.
	Idle        []int32
	Known       bool     // at least one Foundation node is listed
	Unknown     []string // facts that are missing, as sentences
	Assumptions []string // readings taken where the inventory contradicts itself or the policy is silent
}

// ID is the fleet-wide key of the cluster.
func (s *Structure) ID() string { return s.Site + "/" + s.Cluster }

// Infra is one infrastructure under all its spellings.
type Infra struct {
	Site, ID string // the spelling whose facts are used
	Kind     inventory.InfrastructureKind
	Units    []int32     // its nodes, pgpool included, or itself; nil when no cluster needs it
	Aliases  [][2]string // the other spellings, site and id
}

// System is the compiled form of one or more clusters. It is read-only once compiled.
type System struct {
	Elements []Element
	Units    []Unit
	Groups   []Group
	Clusters []Structure
	Infras   []Infra
	// Machines maps the site and name of a machine to those of the one machine compiled, where spellings of one
	// infrastructure put the same node on differently named machines.
	Machines map[[2]string][2]string
}
