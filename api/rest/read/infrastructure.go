package read

import (
	"iter"
	"slices"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/diagram"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

func infrastructureCollection() *collection[gen.InfrastructureRow] {
	return &collection[gen.InfrastructureRow]{
		fields: infrastructureFields(),
		key:    func(r gen.InfrastructureRow) []string { return inOrder(r.Infrastructure) },
		each:   func(s *Snapshot) iter.Seq[gen.InfrastructureRow] { return s.infrastructures },
	}
}

// inOrder is a key of site/id that sorts by site first, as sites are.
func inOrder(key string) []string {
	site, id := splitKey(key)
	return []string{site, id}
}

// infrastructures yields everything that the scope's sites list or use, each once, under its first name within the scope. An
// infrastructure is told by the site whose name that is.
func (s *Snapshot) infrastructures(yield func(gen.InfrastructureRow) bool) {
	for r := range s.records() {
		if r.Assessment == nil || r.Inventory == nil {
			continue
		}
		rows := make([]gen.InfrastructureRow, 0, len(r.Assessment.Tenancy))
		for i := range r.Assessment.Tenancy {
			row := s.infrastructureRow(&r.Assessment.Tenancy[i])
			if site, _ := splitKey(row.Infrastructure); site == r.ID {
				rows = append(rows, row)
			}
		}
		slices.SortFunc(rows, func(a, b gen.InfrastructureRow) int {
			return slices.Compare(inOrder(a.Infrastructure), inOrder(b.Infrastructure))
		})
		for i := range rows {
			if !yield(rows[i]) {
				return
			}
		}
	}
}

func (s *Snapshot) infrastructureRow(t *tenancy.Shared) gen.InfrastructureRow {
	item := s.tenancyItem(t)
	row := gen.InfrastructureRow{
		Infrastructure: item.Infrastructure, Aliases: item.Aliases, Kind: item.Kind,
		Tenants: item.Tenants, OtherTenants: item.OtherTenants, Regions: item.Regions,
	}
	if x := s.listed(item.Infrastructure); x != nil {
		row.Name, row.Engine, row.Version, row.Placement = x.Name, string(x.Engine), x.Version, x.Placement
		row.Shared = x.Shared != nil && *x.Shared
	}
	return row
}

// listed is the entry of a site's inventory by its key.
func (s *Snapshot) listed(key string) *inventory.Infrastructure {
	site, id := splitKey(key)
	if r, ok := s.view.Site(site); ok && r.Inventory != nil && s.scope.Allows(site) {
		return r.Inventory.Infra(id)
	}
	return nil
}

func infrastructureFields() filter.Fields[gen.InfrastructureRow] {
	type t = gen.InfrastructureRow
	return filter.Of(
		filter.Text("infrastructure", func(i t) string { return i.Infrastructure }),
		filter.Texts("alias", func(i t) []string { return i.Aliases }),
		filter.Text("kind", func(i t) string { return string(i.Kind) }),
		filter.Text("name", func(i t) string { return i.Name }),
		filter.Text("engine", func(i t) string { return i.Engine }),
		filter.Text("version", func(i t) string { return i.Version }),
		filter.Texts("tenant", func(i t) []string { return i.Tenants }),
		filter.Texts("site", func(i t) []string { return sitesOf(append([]string{i.Infrastructure}, i.Aliases...)) }),
		filter.Texts("region", func(i t) []string { return i.Regions }),
		filter.Number("tenants", func(i t) (float64, bool) { return float64(len(i.Tenants) + i.OtherTenants), true }),
		filter.Bool("shared", func(i t) (bool, bool) { return i.Shared, true }),
	)
}

// Infrastructures lists one page of the collection.
func (s *Snapshot) Infrastructures(q Query) (*gen.InfrastructureList, error) {
	p, err := s.reader.infrastructures.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.InfrastructureList{Items: orEmpty(p.items), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}

// Infrastructure returns one infrastructure as its site lists it, with the uses of the scope's clusters and what fails or is unknown about it.
func (s *Snapshot) Infrastructure(site, id string) (*gen.InfrastructureDetail, error) {
	sum, err := s.site(site)
	if err != nil {
		return nil, err
	}
	name := key(site, id)
	x := sum.inventory.Infra(id)
	i := slices.IndexFunc(sum.assessment.Tenancy, func(t tenancy.Shared) bool {
		return t.Infrastructure == name || slices.Contains(t.Aliases, name)
	})
	if x == nil || i < 0 {
		known := make([]string, len(sum.inventory.Infrastructure))
		for i := range known {
			known[i] = sum.inventory.Infrastructure[i].ID
		}
		return nil, &NotFound{"infrastructure " + name, "infrastructure", document.Nearest(id, known)}
	}
	out := &gen.InfrastructureDetail{Row: s.infrastructureRow(&sum.assessment.Tenancy[i]), Inventory: *x, Uses: []gen.InfrastructureUse{}, Findings: []rules.Finding{}}
	names := append([]string{out.Row.Infrastructure}, out.Row.Aliases...)
	for _, tenant := range out.Row.Tenants {
		site, cluster := splitKey(tenant)
		r, ok := s.view.Site(site)
		if !ok || r.Inventory == nil {
			continue
		}
		for c := range r.Inventory.Clusters {
			if r.Inventory.Clusters[c].ID != cluster {
				continue
			}
			for _, u := range r.Inventory.Clusters[c].Uses {
				if slices.Contains(names, key(site, u.Infrastructure)) {
					out.Uses = append(out.Uses, gen.InfrastructureUse{Cluster: tenant, Use: u})
				}
			}
		}
	}
	red := s.redactor(sum)
	sum.each(func(f *rules.Finding) bool {
		if f.Subject.Infrastructure == name && isOpen(f) {
			out.Findings = append(out.Findings, *red.finding(f))
		}
		return true
	})
	return out, nil
}

// Graph draws the infrastructure that more than one cluster uses, as far as the caller sees it.
func (s *Snapshot) Graph() *diagram.Graph {
	var shared []diagram.Infrastructure
	for t := range s.sharing() {
		x := diagram.Infrastructure{ID: t.Infrastructure, Kind: string(t.Kind), Aliases: t.Aliases, Tenants: t.Tenants, Others: t.OtherTenants}
		if infra := s.listed(t.Infrastructure); infra != nil {
			p := infra.Placement
			if p.Region == "" && len(infra.Nodes) > 0 {
				p = infra.Nodes[0].Placement
			}
			x.Region = regionName(p)
		}
		shared = append(shared, x)
	}
	return diagram.New(shared, func(id string) diagram.Cluster {
		out := diagram.Cluster{ID: id}
		site, cluster := splitKey(id)
		r, ok := s.view.Site(site)
		if !ok || r.Inventory == nil {
			return out
		}
		for i := range r.Inventory.Clusters {
			c := &r.Inventory.Clusters[i]
			if c.ID != cluster {
				continue
			}
			out.Environment = string(c.Environment)
			for _, n := range c.Nodes(inventory.Foundation) {
				if name := regionName(n.Placement); name != "" {
					out.Regions = append(out.Regions, name)
				}
			}
		}
		slices.Sort(out.Regions)
		out.Regions = slices.Compact(out.Regions)
		return out
	})
}

func regionName(p inventory.Placement) string {
	if p.Region == "" || p.Provider == "" {
		return p.Region
	}
	return p.Provider + "/" + p.Region
}
