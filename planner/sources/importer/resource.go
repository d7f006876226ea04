package importer

import (
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Resource is one resource of one file as a source understood it. A source fills at most one of the facts; a resource
// without any is counted under its Class alone.
type Resource struct {
	File     int    // index of the file's report
	Pointer  string // JSON pointer, or "" for a file that is not JSON
	Line     int
	Column   int
	Source   string // name in provenance, e.g. azure, or azure-request for values asked for and not observed
	Asked    bool   // values of a request, a plan or a template: another file's observed values win
	Provider string // azure
	Type     string // the provider's type in lower case
	Key      string // identity within this import in lower case; resources of one key are one; "" has none
	ARMID    string // identity across imports; "" when not known or a placeholder
	Name     string
	Account  string            // the account (Azure: subscription) within which the logical zones are numbered; "" when not known
	Group    string            // resource group, or whatever groups the resources that belong together
	Tags     map[string]string // keys in lower case
	TagsFrom string            // provenance of what Tags tell; "" is Source with "-tag"
	Location string            // region as written
	Zones    []string          // logical zones; several for a zone-redundant resource
	EdgeZone string            // extended location: the resource lies outside the region's own data centres
	Class    Class             // of a resource without facts: context or not-relevant

	Database  *Database
	Part      *DatabasePart
	Balancer  *Balancer
	Storage   *Storage
	Share     *Share
	Machine   *Machine
	Interface *Interface
	PublicIP  bool
	ZoneMap   map[string]string // of a region as an account sees it: the physical zone of each logical one

	region   string // code, once resolved
	final    Class  // once assembled
	disputes []dispute
}

// Database is a database server.
type Database struct {
	Product        string           // as the database table names it
	Engine         inventory.Engine // "" for a product ThingWorx does not run on
	Endpoint       string           // host name
	Version        string
	Tier           string
	SKU            string
	Mode           inventory.HAMode // "" when not known
	StandbyZone    string
	CPU            float64
	MemoryGiB      float64
	StorageGiB     float64
	MaxConnections int // the default of the SKU, so it is marked in provenance
	GeoBackup      *bool
	Role           string // as written: Primary, AsyncReplica, None …
	Replica        bool
	SourceKey      string // Key of the server this one replicates or was made from
	SourceName     string
	SourceARMID    string
}

// DatabasePart is something that belongs to a database server and tells about it: a database of it, a failover group.
type DatabasePart struct {
	Server           string // Key of the server
	ZoneRedundant    *bool
	SKU              string
	Tier             string
	FailoverEndpoint string
	Replicas         []inventory.Replica // regions as written
	MaxConnections   int                 // as set on the server; 0 when not told
}

// Balancer is a load balancer or an application gateway.
type Balancer struct {
	Redundant   *bool // nil: not known, or to be learned from the public addresses
	Global      bool  // serves from many regions; its own region is an administrative one
	PublicIPs   []string
	Zonal       [][]string // the zones of each frontend that says them
	Undecided   int        // frontends without zones and without a public address
	Addresses   []string
	Backends    []string // Keys of network interfaces and machines behind it
	HealthPaths []string
	Sticky      *bool
	SKU         string
}

// Storage is a storage account (Account true, relevant when it has shares) or a volume.
type Storage struct {
	Account    bool
	Files      bool // an account made for file shares
	Protocol   string
	Redundancy inventory.Redundancy
	Secondary  string // region of the second copy as written
	Endpoint   string
	Addresses  []string
	SKU        string
	SizeGiB    float64
}

// Share is a file share of a storage account; it has no place of its own.
type Share struct {
	Account      string // Key of the account
	AccountName  string
	AccountARMID string
	Protocol     string
	QuotaGiB     float64
}

// Machine is a virtual machine, an instance of a scale set, or a scale set.
type Machine struct {
	SKU        string
	CPU        float64
	MemoryGiB  float64
	Interfaces []string // Keys
	Set        bool     // a scale set
	Count      int      // of a scale set: its instances, 0 when not known
	ScaleSet   string   // of an instance: Key of its scale set
}

// Interface joins a machine to the load balancers in front of it.
type Interface struct {
	Machine   string // Key
	Pools     []string
	Addresses []string // private
}

// Tag returns the value of Meridian's own tag of that name: meridian:site, meridian:cluster, meridian:component,
// meridian:infrastructure, meridian:environment, meridian:application. Case does not matter, and - . _ may stand for the colon, which some
// tools refuse in keys.
func (r *Resource) Tag(name string) string {
	for _, sep := range []string{":", "-", ".", "_"} {
		if v := r.Tags["meridian"+sep+name]; v != "" {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// tagSource is the provenance of what the tags tell.
func (r *Resource) tagSource() string {
	if r.TagsFrom != "" {
		return r.TagsFrom
	}
	return r.Source + "-tag"
}

// relevant reports whether the resource could stand in an inventory, so that its place matters.
func (r *Resource) relevant() bool {
	return r.Database != nil && r.Database.Engine != "" || r.Balancer != nil || r.Storage != nil || r.Machine != nil
}

func (r *Resource) problem(what, remedy string) document.Problem {
	return document.Problem{Path: r.Pointer, Line: r.Line, Column: r.Column, What: what, Remedy: remedy}
}

// label names the resource for a message.
func (r *Resource) label() string { return Name(r.Name) }

// Slug turns a name into an id: lower case, digits and single dashes, at most 63 characters; "" when nothing remains.
func Slug(name string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
		default:
			dash = true
		}
	}
	s := b.String()
	if len(s) > 63 {
		s = strings.TrimRight(s[:63], "-")
	}
	return s
}
