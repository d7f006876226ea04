package rule

// References to the pages that rules rest on.
const (
	RefArchitectures = "PTC Help Center, ThingWorx Deployment Architectures"
	RefSizing        = "PTC Help Center, ThingWorx Sizing Guide: Select Hardware Sizing"
	RefClusterSizing = "PTC Help Center, ThingWorx Cluster Sizing Considerations"
	RefHASettings    = "PTC Help Center, Platform Settings for ThingWorx HA"
	RefCentralZK     = "PTC Help Center, Configuring a Central ZooKeeper Cluster (9.5 to 9.7)"
	RefStorage       = "PTC Help Center, File Storage for ThingWorx HA"
	RefBalancers     = "PTC Help Center, Load Balancers for ThingWorx High Availability"
	RefPostgresHA    = "PTC Help Center, Installing and Configuring PostgreSQL HA"
	RefInflux        = "PTC Help Center, InfluxDB Server High Availability"
	RefDataStorage   = "PTC Help Center, Data Storage Options"
	RefDistributed   = "PTC Help Center, Distributed ThingWorx Deployment"
	RefAzureLatency  = "Microsoft Learn, Azure network round-trip latency statistics"
	RefFlexible      = "Microsoft Learn, Reliability in Azure Database for PostgreSQL Flexible Server"
	RefLimits        = "Microsoft Learn, Limits in Azure Database for PostgreSQL Flexible Server"
	RefPractices     = "Microsoft Learn, Azure Database for PostgreSQL application best practices"
	RefPolicy        = "The policy of this federation"
	RefMeridian      = "Meridian, The built-in rule pack"
)
