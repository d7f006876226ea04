package read

import (
	"iter"
	"slices"

	"github.com/meridian-federation/meridian/api/filter"
	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

func tenancyCollection() *collection[gen.Tenancy] {
	return &collection[gen.Tenancy]{
		fields: tenancyFields(),
		key:    func(t gen.Tenancy) []string { return inOrder(t.Infrastructure) },
		each:   func(s *Snapshot) iter.Seq[gen.Tenancy] { return s.sharing() },
	}
}

// sharing yields the infrastructures that more than one cluster uses, in order, narrowed to the scope.
func (s *Snapshot) sharing() iter.Seq[gen.Tenancy] {
	if !s.scope.all {
		return s.scopedTenancy
	}
	return func(yield func(gen.Tenancy) bool) {
		for t := range s.view.Tenancy("") {
			if !yield(s.tenancyItem(t)) {
				return
			}
		}
	}
}

// scopedTenancy yields what the scope's sites share. A narrowed item may have another name than the whole one, so the
// order has to be made anew.
func (s *Snapshot) scopedTenancy(yield func(gen.Tenancy) bool) {
	var items []gen.Tenancy
	for t := range s.view.Tenancy("") {
		if slices.ContainsFunc(t.Tenants, s.mayName) {
			items = append(items, s.tenancyItem(t))
		}
	}
	slices.SortFunc(items, func(a, b gen.Tenancy) int {
		return slices.Compare(inOrder(a.Infrastructure), inOrder(b.Infrastructure))
	})
	for _, t := range items {
		if !yield(t) {
			return
		}
	}
}

func tenancyFields() filter.Fields[gen.Tenancy] {
	type t = gen.Tenancy
	return filter.Of(
		filter.Text("infrastructure", func(i t) string { return i.Infrastructure }),
		filter.Texts("alias", func(i t) []string { return i.Aliases }),
		filter.Text("kind", func(i t) string { return string(i.Kind) }),
		filter.Texts("tenant", func(i t) []string { return i.Tenants }),
		filter.Texts("site", func(i t) []string { return sitesOf(i.Tenants) }),
		filter.Texts("region", func(i t) []string { return i.Regions }),
		filter.Number("tenants", func(i t) (float64, bool) { return float64(len(i.Tenants) + i.OtherTenants), true }),
		filter.Number("sites", func(i t) (float64, bool) { return float64(len(sitesOf(i.Tenants))), true }),
	)
}

// sitesOf lists the sites of keys, which are sorted.
func sitesOf(keys []string) []string {
	var out []string
	for _, k := range keys {
		if site, _ := splitKey(k); len(out) == 0 || out[len(out)-1] != site {
			out = append(out, site)
		}
	}
	return out
}

func (s *Snapshot) mayName(k string) bool {
	site, _ := splitKey(k)
	return s.scope.Allows(site)
}

// tenancyItem narrows a shared infrastructure to the caller's scope: foreign tenants become a count, foreign names of the
// infrastructure are dropped, and only the regions in which the scope's own parts lie remain.
func (s *Snapshot) tenancyItem(t *tenancy.Shared) gen.Tenancy {
	out := gen.Tenancy{Infrastructure: t.Infrastructure, Aliases: orEmpty(t.Aliases), Kind: inventory.InfrastructureKind(t.Kind), Tenants: orEmpty(t.Tenants), Regions: orEmpty(t.Regions)}
	if s.scope.all {
		return out
	}
	names := []string{}
	for _, n := range append([]string{t.Infrastructure}, t.Aliases...) {
		if s.mayName(n) {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return slices.Compare(inOrder(a), inOrder(b)) })
	out.Infrastructure, out.Aliases = anotherSite, []string{}
	if len(names) > 0 {
		out.Infrastructure, out.Aliases = names[0], names[1:]
	}
	out.Tenants = []string{}
	for _, k := range t.Tenants {
		if s.mayName(k) {
			out.Tenants = append(out.Tenants, k)
		} else {
			out.OtherTenants++
		}
	}
	own := s.ownRegions(out.Tenants, names)
	out.Regions = slices.DeleteFunc(slices.Clone(out.Regions), func(r string) bool { return !own[r] })
	return out
}

func (s *Snapshot) ownRegions(tenants, names []string) map[string]bool {
	own := map[string]bool{}
	for _, k := range append(slices.Clone(tenants), names...) {
		site, id := splitKey(k)
		r, ok := s.view.Site(site)
		if !ok || r.Inventory == nil {
			continue
		}
		if infra := r.Inventory.Infra(id); infra != nil {
			own[infra.Placement.Region] = true
			for i := range infra.Nodes {
				own[infra.Nodes[i].Placement.Region] = true
			}
		}
		for i := range r.Inventory.Clusters {
			if c := &r.Inventory.Clusters[i]; c.ID == id {
				for _, n := range c.Nodes(inventory.Foundation) {
					own[n.Placement.Region] = true
				}
			}
		}
	}
	return own
}

// Tenancy lists one page of the collection.
func (s *Snapshot) Tenancy(q Query) (*gen.TenancyList, error) {
	p, err := s.reader.shared.page(s, q)
	if err != nil {
		return nil, err
	}
	return &gen.TenancyList{Items: orEmpty(p.items), Next: p.next, Total: p.total, Coverage: p.coverage}, nil
}
