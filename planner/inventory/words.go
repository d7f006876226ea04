package inventory

// Words replaces texts that documents of different sites have in common, kinds and roles, places, machine types and versions, by what word gives
// for them: a reader of many documents keeps one copy of each. word must give an equal text.
func Words(s *Site, word func(string) string) {
	w := words{word}
	common(w, &s.APIVersion)
	common(w, &s.Kind)
	common(w, &s.Site.Country)
	common(w, &s.Site.Role)
	common(w, &s.Site.Hub)
	for k, v := range s.Site.Tags {
		s.Site.Tags[w.word(k)] = w.word(v)
	}
	for i := range s.Clusters {
		w.cluster(&s.Clusters[i])
	}
	for i := range s.Infrastructure {
		w.infrastructure(&s.Infrastructure[i])
	}
	for i := range s.Probes {
		common(w, &s.Probes[i].Kind)
	}
	for i := range s.Provenance {
		common(w, &s.Provenance[i].Path)
		common(w, &s.Provenance[i].Source)
	}
	for i := range s.Sources {
		common(w, &s.Sources[i].Name)
		common(w, &s.Sources[i].Status)
		common(w, &s.Sources[i].Detail)
	}
}

type words struct{ word func(string) string }

func common[T ~string](w words, text *T) {
	if *text != "" {
		*text = T(w.word(string(*text)))
	}
}

func (w words) cluster(c *Cluster) {
	common(w, &c.ID)
	common(w, &c.Environment)
	common(w, &c.ThingworxVersion)
	common(w, &c.Hosting)
	common(w, &c.OperatedBy)
	common(w, &c.Settings.HACompatibilityImportLevel)
	if c.Workload != nil {
		for i := range c.Workload.Things {
			common(w, &c.Workload.Things[i].Name)
		}
		for i := range c.Workload.Mashups {
			common(w, &c.Workload.Mashups[i].Name)
		}
	}
	if o := c.Objectives; o != nil {
		common(w, &o.HighAvailability)
		for i := range o.Geographies {
			common(w, &o.Geographies[i])
		}
		for i := range o.Hosting {
			common(w, &o.Hosting[i])
		}
	}
	for i := range c.Components {
		x := &c.Components[i]
		common(w, &x.Kind)
		common(w, &x.Mode)
		common(w, &x.BasePath)
		w.nodes(x.Nodes)
	}
	for i := range c.Uses {
		u := &c.Uses[i]
		common(w, &u.Infrastructure)
		common(w, &u.As)
		common(w, &u.Namespace)
		common(w, &u.IgniteBasePath)
		common(w, &u.ConnectionServerBasePath)
		common(w, &u.Database)
		common(w, &u.Schema)
		common(w, &u.Path)
		common(w, &u.HealthPath)
	}
}

func (w words) nodes(nodes []Node) {
	for i := range nodes {
		n := &nodes[i]
		common(w, &n.Name)
		w.placement(&n.Placement)
		common(w, &n.SKU)
		common(w, &n.Role)
		common(w, &n.Settings.ThingworxVersion)
		common(w, &n.Settings.HACompatibilityImportLevel)
	}
}

func (w words) placement(p *Placement) {
	common(w, &p.Provider)
	common(w, &p.Region)
	common(w, &p.Zone)
	common(w, &p.PhysicalZone)
}

func (w words) infrastructure(x *Infrastructure) {
	common(w, &x.ID)
	common(w, &x.Kind)
	w.placement(&x.Placement)
	w.nodes(x.Nodes)
	w.nodes(x.PgPool)
	common(w, &x.Version)
	common(w, &x.Engine)
	if x.HighAvailability != nil {
		common(w, &x.HighAvailability.Mode)
		common(w, &x.HighAvailability.StandbyZone)
	}
	common(w, &x.Tier)
	common(w, &x.SKU)
	for i := range x.Replicas {
		r := &x.Replicas[i]
		common(w, &r.Region)
		common(w, &r.Zone)
		common(w, &r.Role)
	}
	common(w, &x.Protocol)
	common(w, &x.Redundancy)
	common(w, &x.Edition)
}
