// Package inventory holds the document a site publishes about itself: its types, strict reading, validation,
// normalisation and the identity of shareable infrastructure. It reads no file and no clock; callers pass bytes and
// instants. Every other package of the planner and the federation works on the normalised form.
package inventory

import "time"

// APIVersion and Kind head every SiteInventory document.
const (
	APIVersion = "meridian/v1"
	Kind       = "SiteInventory"
)

// Site is one SiteInventory document: everything one planner knows about its site at one instant.
type Site struct {
	APIVersion     string           `json:"apiVersion"`
	Kind           string           `json:"kind"`
	ObservedAt     time.Time        `json:"observedAt"` // UTC; when the facts were last seen to hold
	Site           Identity         `json:"site"`
	Clusters       []Cluster        `json:"clusters,omitempty"`
	Infrastructure []Infrastructure `json:"infrastructure,omitempty"`
	Probes         []Probe          `json:"probes,omitempty"`
	Provenance     []Provenance     `json:"provenance,omitempty"`
	Sources        []Source         `json:"sources,omitempty"`
}

// Identity names the site and its place in the federation.
type Identity struct {
	ID      string            `json:"id"` // ^[a-z0-9][a-z0-9-]{0,62}$
	Name    string            `json:"name,omitempty"`
	Country string            `json:"country,omitempty"` // ISO 3166-1 alpha-2, upper case
	Role    Role              `json:"role,omitempty"`
	Hub     string            `json:"hub,omitempty"` // site id of the hub of a spoke
	Tags    map[string]string `json:"tags,omitempty"`
}

// Role is a site's part in a distributed (hub and spokes) deployment.
type Role string

// Roles. A site without a role stands alone.
const (
	RoleHub   Role = "hub"
	RoleSpoke Role = "spoke"
)

// Environment says what a cluster is used for.
type Environment string

// Environments.
const (
	Development Environment = "development"
	Test        Environment = "test"
	Production  Environment = "production"
)

// Cluster is one independent ThingWorx installation, from a single server to many nodes.
type Cluster struct {
	ID               string          `json:"id"` // unique within its site, same pattern as a site id
	Environment      Environment     `json:"environment,omitempty"`
	ThingworxVersion string          `json:"thingworxVersion,omitempty"`
	Hosting          Hosting         `json:"hosting,omitempty"`
	OperatedBy       Operator        `json:"operatedBy,omitempty"`
	ClusteredMode    *bool           `json:"clusteredMode,omitempty"` // nil: not known
	Settings         ClusterSettings `json:"settings,omitzero"`
	Workload         *Workload       `json:"workload,omitempty"`
	Objectives       *Objectives     `json:"objectives,omitempty"`
	Components       []Component     `json:"components,omitempty"`
	Uses             []Use           `json:"uses,omitempty"`
}

// Hosting says on whose infrastructure a cluster runs.
type Hosting string

// Hostings.
const (
	HostingPTCCloud  Hosting = "ptc-cloud"
	HostingOnPremise Hosting = "on-premise"
	HostingAzure     Hosting = "azure"
	HostingAWS       Hosting = "aws"
	HostingGCP       Hosting = "gcp"
)

// Operator says who runs a cluster.
type Operator string

// Operators.
const (
	OperatorSelf                    Operator = "self"
	OperatorPTCCloudServices        Operator = "ptc-cloud-services"
	OperatorPTCProfessionalServices Operator = "ptc-professional-services"
	OperatorPartner                 Operator = "partner"
)

// ClusterSettings are the ThingWorx settings that matter for planning (platform-settings.json). Unset means not known;
// the rules apply PTC's documented default only where they say so.
type ClusterSettings struct {
	ModelSyncPollInterval             Duration `json:"modelSyncPollInterval,omitzero"`
	ModelSyncWaitPeriod               Duration `json:"modelSyncWaitPeriod,omitzero"`
	ModelSyncTimeout                  Duration `json:"modelSyncTimeout,omitzero"`
	ModelSyncMaxDBUnavailableErrors   *int     `json:"modelSyncMaxDBUnavailableErrors,omitempty"`
	ModelSyncMaxCacheUnavailableError *int     `json:"modelSyncMaxCacheUnavailableErrors,omitempty"`
	CoordinatorMaxRetries             *int     `json:"coordinatorMaxRetries,omitempty"`
	CoordinatorSessionTimeout         Duration `json:"coordinatorSessionTimeout,omitzero"`
	CoordinatorConnectionTimeout      Duration `json:"coordinatorConnectionTimeout,omitzero"`
	CoordinatorRetryTimeout           Duration `json:"coordinatorRetryTimeout,omitzero"`
	HACompatibilityImportLevel        string   `json:"haCompatibilityImportLevel,omitempty"` // WARN or DENY
}

// Workload is the demand on a cluster, in the terms of PTC's sizing formulas.
type Workload struct {
	Things        []ThingGroup `json:"things,omitempty"`
	Mashups       []Mashup     `json:"mashups,omitempty"`
	GrowthPerYear float64      `json:"growthPerYear,omitempty"` // 0.2 is 20 % more of everything in a year
}

// ThingGroup is one device type: Count things, each with the logged properties listed.
type ThingGroup struct {
	Name       string          `json:"name,omitempty"`
	Count      int             `json:"count"`
	Properties []PropertyGroup `json:"properties,omitempty"`
}

// PropertyGroup is Count logged properties written once Every.
type PropertyGroup struct {
	Count int      `json:"count"`
	Every Duration `json:"every"`
}

// Mashup is a user interface: Services called per load, Users in the peak Window, LoadsPerUser within it.
type Mashup struct {
	Name         string   `json:"name,omitempty"`
	Services     int      `json:"services"`
	Users        int      `json:"users"`
	LoadsPerUser float64  `json:"loadsPerUser"`
	Window       Duration `json:"window"`
}

// Objectives are what the owner asks of a cluster.
type Objectives struct {
	HighAvailability Need      `json:"highAvailability,omitempty"`
	Availability     float64   `json:"availability,omitempty"` // 0..1; 0 means not stated
	RTO              *Duration `json:"rto,omitempty"`
	RPO              *Duration `json:"rpo,omitempty"` // nil means not stated, 0s means no loss
	DisasterRecovery *bool     `json:"disasterRecovery,omitempty"`
	Geographies      []string  `json:"geographies,omitempty"`
	Hosting          []Hosting `json:"hosting,omitempty"` // hostings the owner accepts; empty accepts any
	Sharing          Sharing   `json:"sharing,omitzero"`
}

// Need says whether something is wanted.
type Need string

// Needs. An absent need is unknown.
const (
	Required  Need = "required"
	Preferred Need = "preferred"
	NotNeeded Need = "not-needed"
)

// Sharing says which infrastructure a cluster may share with other clusters.
type Sharing struct {
	ZooKeeper    Permission `json:"zookeeper,omitempty"`
	Database     Permission `json:"database,omitempty"`
	Storage      Permission `json:"storage,omitempty"`
	LoadBalancer Permission `json:"loadBalancer,omitempty"`
	Timeseries   Permission `json:"timeseries,omitempty"`
}

// Permission allows or forbids; absent is not stated.
type Permission string

// Permissions.
const (
	Allowed   Permission = "allowed"
	Forbidden Permission = "forbidden"
)

// ComponentKind is a role within a cluster.
type ComponentKind string

// Kinds of component that belong to one cluster alone. What could be shared is Infrastructure.
const (
	Foundation       ComponentKind = "foundation"
	ConnectionServer ComponentKind = "connection-server"
	Ignite           ComponentKind = "ignite"
	LoadBalancerNode ComponentKind = "load-balancer"
)

// IgniteMode says where Ignite runs.
type IgniteMode string

// Modes of Ignite: inside each Foundation process, or on nodes of its own.
const (
	IgniteEmbedded IgniteMode = "embedded"
	IgniteSeparate IgniteMode = "separate"
)

// Component is a group of nodes of one kind in a cluster.
type Component struct {
	Kind     ComponentKind `json:"kind"`
	Mode     IgniteMode    `json:"mode,omitempty"`     // ignite only
	BasePath string        `json:"basePath,omitempty"` // ignite with mode separate: TcpDiscoveryZookeeperIpFinder.basePath of the standalone nodes
	Nodes    []Node        `json:"nodes,omitempty"`
}

// Node is one running instance of a component or of an infrastructure.
type Node struct {
	Name         string       `json:"name"`
	Machine      string       `json:"machine,omitempty"` // several nodes may share one; empty means a machine of its own
	Placement    Placement    `json:"placement,omitzero"`
	CPU          float64      `json:"cpu,omitempty"`          // vCPU; 0 means not known
	MemoryGiB    float64      `json:"memoryGiB,omitempty"`    // 0 means not known
	SKU          string       `json:"sku,omitempty"`          // machine type as the provider names it
	Role         string       `json:"role,omitempty"`         // primary | standby | replica | meta | data | leader | follower
	Availability *float64     `json:"availability,omitempty"` // chance that its machine is up, 0..1; nil takes the policy's
	Settings     NodeSettings `json:"settings,omitzero"`
}

// NodeSettings are settings read on one node. Those shared with ClusterSettings are given where nodes are read one by one.
type NodeSettings struct {
	PlatformID              string `json:"platformId,omitempty"`
	ThingworxVersion        string `json:"thingworxVersion,omitempty"`
	ThingworxPlatformShared *bool  `json:"thingworxPlatformShared,omitempty"` // /ThingworxPlatform lies on a share
	ClusterSettings         `json:",inline"`
}

// Placement says where something runs.
type Placement struct {
	Provider string `json:"provider,omitempty"` // azure | aws | gcp | on-premise | ptc-cloud
	Region   string `json:"region,omitempty"`   // the provider's code once normalised, e.g. westeurope
	Zone     string `json:"zone,omitempty"`     // logical zone
	// PhysicalZone is the provider's own zone, the same for every subscription (Azure: westeurope-az1).
	PhysicalZone string `json:"physicalZone,omitempty"`
}

// UseAs is the role in which a cluster uses an infrastructure.
type UseAs string

// Roles of a used infrastructure.
const (
	AsZooKeeper    UseAs = "zookeeper"
	AsDatabase     UseAs = "database"
	AsStorage      UseAs = "storage"
	AsLoadBalancer UseAs = "load-balancer"
	AsTimeseries   UseAs = "timeseries"
)

// Use is a tenancy: one cluster's use of one infrastructure, with its isolation.
type Use struct {
	Infrastructure string `json:"infrastructure"` // id within the same document
	As             UseAs  `json:"as"`

	Namespace                string `json:"namespace,omitempty"`                // zookeeper: ClusteredModeSettings.ZKNamespace
	IgniteBasePath           string `json:"igniteBasePath,omitempty"`           // zookeeper: cache.ignite.address-resolver.basePath
	ConnectionServerBasePath string `json:"connectionServerBasePath,omitempty"` // zookeeper: discovery base path of the connection servers

	Database string `json:"database,omitempty"` // database and timeseries
	Schema   string `json:"schema,omitempty"`   // database
	PoolMax  int    `json:"poolMax,omitempty"`  // database: maximum pool size per Foundation node; 0 means not known

	Path string `json:"path,omitempty"` // storage

	HealthPath     string `json:"healthPath,omitempty"`     // load-balancer
	StickySessions *bool  `json:"stickySessions,omitempty"` // load-balancer

	Shared *bool `json:"shared,omitempty"` // this cluster declares the sharing; nil defers to the infrastructure's own flag
}

// InfrastructureKind is the kind of a shareable resource.
type InfrastructureKind string

// Kinds of infrastructure.
const (
	KindDatabase     InfrastructureKind = "database"
	KindZooKeeper    InfrastructureKind = "zookeeper"
	KindStorage      InfrastructureKind = "storage"
	KindLoadBalancer InfrastructureKind = "load-balancer"
	KindInfluxDB     InfrastructureKind = "influxdb"
)

// HAMode is the high-availability mode of a managed database.
type HAMode string

// High-availability modes of Azure Database for PostgreSQL Flexible Server.
const (
	HANone          HAMode = "none"
	HASameZone      HAMode = "same-zone"
	HAZoneRedundant HAMode = "zone-redundant"
)

// Redundancy is the redundancy of a storage.
type Redundancy string

// Redundancies. Absent is not known.
const (
	RedundancyNone  Redundancy = "none"
	RedundancyLocal Redundancy = "local"
	RedundancyZone  Redundancy = "zone"
	RedundancyGeo   Redundancy = "geo"
)

// Edition is an InfluxDB edition.
type Edition string

// Editions of InfluxDB: the single-node open source one and the clustered Enterprise one.
const (
	EditionOSS        Edition = "oss"
	EditionEnterprise Edition = "enterprise"
)

// Infrastructure is a shareable resource with an identity of its own.
type Infrastructure struct {
	ID        string             `json:"id"` // unique within the document
	Kind      InfrastructureKind `json:"kind"`
	Name      string             `json:"name,omitempty"`
	Identity  ResourceIdentity   `json:"identity,omitzero"`
	Placement Placement          `json:"placement,omitzero"`
	Shared    *bool              `json:"shared,omitempty"` // declared to be shared by several clusters
	Nodes     []Node             `json:"nodes,omitempty"`
	Version   string             `json:"version,omitempty"`

	Engine             Engine            `json:"engine,omitempty"` // database
	HighAvailability   *HighAvailability `json:"highAvailability,omitempty"`
	Tier               string            `json:"tier,omitempty"` // Burstable | GeneralPurpose | MemoryOptimized
	SKU                string            `json:"sku,omitempty"`
	CPU                float64           `json:"cpu,omitempty"`
	MemoryGiB          float64           `json:"memoryGiB,omitempty"`
	StorageGiB         float64           `json:"storageGiB,omitempty"`
	MaxConnections     int               `json:"maxConnections,omitempty"` // 0 means not known
	GeoRedundantBackup *bool             `json:"geoRedundantBackup,omitempty"`
	Replicas           []Replica         `json:"replicas,omitempty"`
	FailoverEndpoint   string            `json:"failoverEndpoint,omitempty"` // virtual IP, listener or DNS name that follows the primary
	PgPool             []Node            `json:"pgpool,omitempty"`

	Protocol   string     `json:"protocol,omitempty"` // storage: nfs | smb | disk
	Redundancy Redundancy `json:"redundancy,omitempty"`

	Redundant *bool `json:"redundant,omitempty"` // load-balancer

	Edition           Edition `json:"edition,omitempty"` // influxdb
	ReplicationFactor int     `json:"replicationFactor,omitempty"`
}

// ResourceIdentity holds what identifies an infrastructure outside the document.
type ResourceIdentity struct {
	ARMID     string   `json:"armId,omitempty"`
	Endpoint  string   `json:"endpoint,omitempty"`  // host[:port], JDBC URL, ZooKeeper connect string, NFS export or URL
	Addresses []string `json:"addresses,omitempty"` // further names or IP addresses seen for the same thing
}

// HighAvailability is a managed database's failover set-up.
type HighAvailability struct {
	Mode        HAMode `json:"mode"`
	StandbyZone string `json:"standbyZone,omitempty"`
}

// Replica is a read replica or failover target of a database.
type Replica struct {
	Name   string `json:"name,omitempty"`
	Region string `json:"region,omitempty"`
	Zone   string `json:"zone,omitempty"`
	Role   string `json:"role,omitempty"` // read | geo-backup | failover
}

// Probe is a measurement between two things of the inventory.
type Probe struct {
	From    string    `json:"from"` // site/cluster/node
	To      string    `json:"to"`   // infrastructure id
	Kind    ProbeKind `json:"kind"`
	P50     Duration  `json:"p50,omitzero"`
	P95     Duration  `json:"p95,omitzero"`
	Samples int       `json:"samples,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// ProbeKind says what a probe measured.
type ProbeKind string

// Kinds of probe.
const (
	ProbeDatabaseRoundTrip ProbeKind = "database-round-trip"
	ProbeTCPConnect        ProbeKind = "tcp-connect"
)

// Provenance says where one fact, named by JSON pointer, was learned.
type Provenance struct {
	Path          string    `json:"path"` // JSON pointer into this document
	Source        string    `json:"source"`
	ObservedAt    time.Time `json:"observedAt,omitzero"`
	Declared      string    `json:"declared,omitempty"` // what a person or file declared, where the document holds the observed value
	AttestedUntil time.Time `json:"attestedUntil,omitzero"`
	// Overruled are further values that sources gave for the fact and that neither the document nor Declared holds.
	Overruled []Overruled `json:"overruled,omitempty"`
}

// Overruled is a source's value of a fact for which another source's counts.
type Overruled struct {
	Source     string    `json:"source"`
	Value      string    `json:"value"`
	ObservedAt time.Time `json:"observedAt,omitzero"`
}

// SourceStatus is the outcome of one source's collection.
type SourceStatus string

// Outcomes of a source.
const (
	SourceOK      SourceStatus = "ok"
	SourcePartial SourceStatus = "partial"
	SourceFailed  SourceStatus = "failed"
)

// Source reports one source's last collection.
type Source struct {
	Name   string       `json:"name"`
	Status SourceStatus `json:"status"`
	At     time.Time    `json:"at,omitzero"`
	Detail string       `json:"detail,omitempty"`
}

// Key is the fleet-wide key of a cluster: site/cluster.
func (s *Site) Key(c *Cluster) string { return s.Site.ID + "/" + c.ID }

// Infra returns the infrastructure with the id, or nil.
func (s *Site) Infra(id string) *Infrastructure {
	for i := range s.Infrastructure {
		if s.Infrastructure[i].ID == id {
			return &s.Infrastructure[i]
		}
	}
	return nil
}

// Used returns the cluster's uses in a role, in document order.
func (c *Cluster) Used(as UseAs) []*Use {
	var out []*Use
	for i := range c.Uses {
		if c.Uses[i].As == as {
			out = append(out, &c.Uses[i])
		}
	}
	return out
}

// Nodes returns all nodes of a kind over all components of that kind, in document order.
func (c *Cluster) Nodes(kind ComponentKind) []*Node {
	var out []*Node
	for i := range c.Components {
		if c.Components[i].Kind != kind {
			continue
		}
		for j := range c.Components[i].Nodes {
			out = append(out, &c.Components[i].Nodes[j])
		}
	}
	return out
}

// Clustered reports whether clustered mode is known to be on.
func (c *Cluster) Clustered() bool { return c.ClusteredMode != nil && *c.ClusteredMode }
