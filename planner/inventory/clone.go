package inventory

import (
	"maps"
	"slices"
)

// Clone returns a copy that shares nothing with the original that could be changed through it.
func Clone(s *Site) *Site {
	if s == nil {
		return nil
	}
	c := *s
	c.Site.Tags = maps.Clone(s.Site.Tags)
	c.Clusters = slices.Clone(s.Clusters)
	for i := range c.Clusters {
		cloneCluster(&c.Clusters[i])
	}
	c.Infrastructure = slices.Clone(s.Infrastructure)
	for i := range c.Infrastructure {
		cloneInfrastructure(&c.Infrastructure[i])
	}
	c.Probes = slices.Clone(s.Probes)
	c.Provenance = slices.Clone(s.Provenance)
	for i := range c.Provenance {
		c.Provenance[i].Overruled = slices.Clone(c.Provenance[i].Overruled)
	}
	c.Sources = slices.Clone(s.Sources)
	return &c
}

func pointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func cloneCluster(c *Cluster) {
	c.ClusteredMode = pointer(c.ClusteredMode)
	cloneSettings(&c.Settings)
	if c.Workload = pointer(c.Workload); c.Workload != nil {
		c.Workload.Things = slices.Clone(c.Workload.Things)
		for i := range c.Workload.Things {
			c.Workload.Things[i].Properties = slices.Clone(c.Workload.Things[i].Properties)
		}
		c.Workload.Mashups = slices.Clone(c.Workload.Mashups)
	}
	if c.Objectives = pointer(c.Objectives); c.Objectives != nil {
		c.Objectives.RTO = pointer(c.Objectives.RTO)
		c.Objectives.RPO = pointer(c.Objectives.RPO)
		c.Objectives.DisasterRecovery = pointer(c.Objectives.DisasterRecovery)
		c.Objectives.Geographies = slices.Clone(c.Objectives.Geographies)
		c.Objectives.Hosting = slices.Clone(c.Objectives.Hosting)
	}
	c.Components = slices.Clone(c.Components)
	for i := range c.Components {
		c.Components[i].Nodes = cloneNodes(c.Components[i].Nodes)
	}
	c.Uses = slices.Clone(c.Uses)
	for i := range c.Uses {
		c.Uses[i].StickySessions = pointer(c.Uses[i].StickySessions)
		c.Uses[i].Shared = pointer(c.Uses[i].Shared)
	}
}

func cloneSettings(s *ClusterSettings) {
	s.ModelSyncMaxDBUnavailableErrors = pointer(s.ModelSyncMaxDBUnavailableErrors)
	s.ModelSyncMaxCacheUnavailableError = pointer(s.ModelSyncMaxCacheUnavailableError)
	s.CoordinatorMaxRetries = pointer(s.CoordinatorMaxRetries)
}

func cloneNodes(nodes []Node) []Node {
	out := slices.Clone(nodes)
	for i := range out {
		out[i].Availability = pointer(out[i].Availability)
		out[i].Settings.ThingworxPlatformShared = pointer(out[i].Settings.ThingworxPlatformShared)
		cloneSettings(&out[i].Settings.ClusterSettings)
	}
	return out
}

func cloneInfrastructure(i *Infrastructure) {
	i.Identity.Addresses = slices.Clone(i.Identity.Addresses)
	i.Shared = pointer(i.Shared)
	i.Nodes = cloneNodes(i.Nodes)
	i.PgPool = cloneNodes(i.PgPool)
	i.HighAvailability = pointer(i.HighAvailability)
	i.GeoRedundantBackup = pointer(i.GeoRedundantBackup)
	i.Replicas = slices.Clone(i.Replicas)
	i.Redundant = pointer(i.Redundant)
}
