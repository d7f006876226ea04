package merge

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// partition divides things of several sources into groups that are one each. No group holds two things of one source.
type partition struct {
	items  []*entity // in the order of the sources, then of their lists
	parent []int
	at     map[*entity]int
	open   []undecided
	notes  *[]document.Problem
}

func newPartition(items []*entity, notes *[]document.Problem) *partition {
	p := &partition{items: items, parent: make([]int, len(items)), at: make(map[*entity]int, len(items)), notes: notes}
	for i, e := range items {
		p.parent[i], p.at[e] = i, i
	}
	return p
}

// root is the first member of a group.
func (p *partition) root(i int) int {
	for p.parent[i] != i {
		i = p.parent[i]
	}
	return i
}

func (p *partition) groups() [][]*entity {
	members := map[int][]*entity{}
	for i, e := range p.items {
		r := p.root(i)
		members[r] = append(members[r], e)
	}
	out := make([][]*entity, 0, len(members))
	for _, r := range slices.Sorted(maps.Keys(members)) {
		out = append(out, members[r])
	}
	return out
}

// group is the number of the group a thing is in.
func (p *partition) group(e *entity) int { return p.root(p.at[e]) }

// join makes one of all groups that share a key. Keys are taken in their order, so that the outcome does not depend on
// that of the sources. A key that fits two things of one source joins nothing.
func (p *partition) join(keys func(*entity) []string, contradict func(x, y []*entity) bool) {
	byKey := map[string][]int{}
	for i, e := range p.items {
		for _, k := range keys(e) {
			byKey[k] = append(byKey[k], i)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		roots := map[int]bool{}
		for _, i := range byKey[key] {
			roots[p.root(i)] = true
		}
		if len(roots) < 2 {
			continue
		}
		order := slices.Sorted(maps.Keys(roots))
		if !p.apart(order, contradict) {
			p.open = append(p.open, undecided{key, byKey[key]})
			continue
		}
		for _, r := range order[1:] {
			p.parent[r] = order[0]
		}
	}
}

// apart reports whether groups hold each source at most once and nothing contradicts.
func (p *partition) apart(roots []int, contradict func(x, y []*entity) bool) bool {
	groups := make([][]*entity, len(roots))
	docs := map[*doc]bool{}
	for i, e := range p.items {
		at := slices.Index(roots, p.root(i))
		if at < 0 {
			continue
		}
		if docs[e.doc] {
			return false
		}
		docs[e.doc] = true
		groups[at] = append(groups[at], e)
	}
	for i := range groups {
		for j := range i {
			if contradict != nil && contradict(groups[i], groups[j]) {
				return false
			}
		}
	}
	return true
}

// undecided is a key that fits several groups, by one thing of each.
type undecided struct {
	key   string
	items []int
}

// tell notes the things that stand apart although a key says that they may be one.
func (p *partition) tell() {
	for _, u := range p.open {
		roots := map[int]bool{}
		for _, i := range u.items {
			roots[p.root(i)] = true
		}
		if !p.strangers(slices.Sorted(maps.Keys(roots))) {
			continue // what was undecided has been decided by another key, or a source tells its own things apart
		}
		var names []string
		for _, i := range u.items {
			names = append(names, p.items[i].label())
		}
		slices.Sort(names)
		what, _, _ := strings.Cut(u.key, " ")
		*p.notes = append(*p.notes, document.Problem{
			What:   "what is one among " + strings.Join(slices.Compact(names), ", ") + " cannot be told: they share the same " + what + ", and they contradict each other or one source lists several of them; they stand apart",
			Remedy: "give what is one the same id in the site's file",
		})
	}
}

// strangers reports whether two of the groups have no source in common, so that they could be one.
func (p *partition) strangers(roots []int) bool {
	docs := map[int]map[*doc]bool{}
	for i, e := range p.items {
		if r := p.root(i); slices.Contains(roots, r) {
			if docs[r] == nil {
				docs[r] = map[*doc]bool{}
			}
			docs[r][e.doc] = true
		}
	}
	for i, x := range roots {
		for _, y := range roots[:i] {
			common := false
			for d := range docs[x] {
				common = common || docs[y][d]
			}
			if !common {
				return true
			}
		}
	}
	return false
}

// match finds the infrastructure and the clusters that are one.
func (m *merger) match() {
	var infra, clusters []*entity
	for _, d := range m.docs {
		infra = append(infra, d.root.lists[infrastructureKind]...)
		clusters = append(clusters, d.root.lists[clusterKind]...)
	}
	m.infrastructure = newPartition(infra, &m.result.Notes)
	m.infrastructure.join(func(e *entity) []string {
		return infraKeys(e, func(k string) bool { return strings.HasPrefix(k, "arm:") })
	}, nil)
	m.infrastructure.join(func(e *entity) []string {
		return infraKeys(e, func(k string) bool { return !strings.HasPrefix(k, "arm:") })
	}, otherResource)
	m.infrastructure.join(func(e *entity) []string {
		i := e.infra()
		if derived(i) {
			return []string{"id " + string(i.Kind) + " " + i.ID + " " + e.doc.Source} // other sources number other things
		}
		return []string{"id " + string(i.Kind) + " " + i.ID}
	}, otherResource)

	m.clusters = newPartition(clusters, &m.result.Notes)
	m.clusters.join(func(e *entity) []string { return []string{"id " + e.cluster().ID} }, nil)
	m.clusters.join(foundationKeys, m.otherCluster)
	m.clusters.join(m.tenancyKeys, m.otherCluster)
	m.roles()
	m.infrastructure.tell()
	m.clusters.tell()
	m.name()
}

func infraKeys(e *entity, want func(string) bool) []string {
	i := e.infra()
	var out []string
	for _, k := range inventory.Keys(e.doc.Site.Site.ID, i) {
		if want(k) {
			out = append(out, "identity "+string(i.Kind)+" "+k)
		}
	}
	return out
}

// derived reports whether an id is one that an import makes up where nothing names a thing: its kind, numbered.
func derived(i *inventory.Infrastructure) bool {
	rest, ok := strings.CutPrefix(i.ID, string(i.Kind))
	return ok && strings.Trim(rest, "-0123456789") == ""
}

// otherResource reports whether two groups are resources of a cloud with different ids.
func otherResource(x, y []*entity) bool {
	arm := func(group []*entity) string {
		for _, e := range group {
			if id := e.infra().Identity.ARMID; id != "" {
				return id
			}
		}
		return ""
	}
	a, b := arm(x), arm(y)
	return a != "" && b != "" && a != b
}

func short(name string) string {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	if strings.Contains(name, ":") || strings.Trim(name, "0123456789.") == "" {
		return name // an address is whole
	}
	label, _, _ := strings.Cut(name, ".")
	return label
}

func foundationKeys(e *entity) []string {
	var out []string
	for _, n := range e.cluster().Nodes(inventory.Foundation) {
		if n.Settings.PlatformID != "" {
			out = append(out, "PlatformId "+n.Settings.PlatformID)
		}
		if n.Machine != "" {
			out = append(out, "machine "+short(n.Machine))
		}
		if name := short(n.Name); !strings.HasPrefix(name, string(inventory.Foundation)) {
			out = append(out, "node "+name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// find returns the infrastructure that a use of a cluster names, nil when its document has none.
func find(d *doc, id string) *entity {
	for _, e := range d.root.lists[infrastructureKind] {
		if e.infra().ID == id {
			return e
		}
	}
	return nil
}

// tenancyKeys are what only one cluster may have: a namespace of an ensemble, a database or schema of a server.
func (m *merger) tenancyKeys(e *entity) []string {
	var out []string
	for i := range e.cluster().Uses {
		u := &e.cluster().Uses[i]
		infra := find(e.doc, u.Infrastructure)
		if infra == nil {
			continue
		}
		at := strconv.Itoa(m.infrastructure.group(infra))
		switch {
		case u.As == inventory.AsZooKeeper && u.Namespace != "":
			out = append(out, "namespace "+at+" "+u.Namespace)
		case u.As == inventory.AsDatabase && u.Database != "" && u.Schema != "":
			out = append(out, "database "+at+" "+u.Database+" "+u.Schema)
		}
	}
	return out
}

// otherCluster reports whether two groups cannot be one cluster: another environment, another namespace or another
// database on the same infrastructure.
func (m *merger) otherCluster(x, y []*entity) bool {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	for _, a := range x {
		for _, b := range y {
			if differ(string(a.cluster().Environment), string(b.cluster().Environment)) {
				return true
			}
			for i := range a.cluster().Uses {
				for j := range b.cluster().Uses {
					u, v := &a.cluster().Uses[i], &b.cluster().Uses[j]
					if u.As != v.As || u.As == inventory.AsStorage || u.As == inventory.AsLoadBalancer {
						continue
					}
					p, q := find(a.doc, u.Infrastructure), find(b.doc, v.Infrastructure)
					if p != nil && q != nil && m.infrastructure.group(p) == m.infrastructure.group(q) &&
						(differ(u.Namespace, v.Namespace) || differ(u.Database, v.Database) || differ(u.Schema, v.Schema)) {
						return true
					}
				}
			}
		}
	}
	return false
}

// roles joins infrastructure of which one source gives no identity, when one cluster uses it in one role: the other
// source says the same in more words.
func (m *merger) roles() {
	for _, cluster := range m.clusters.groups() {
		for _, as := range []inventory.UseAs{inventory.AsZooKeeper, inventory.AsDatabase, inventory.AsStorage, inventory.AsLoadBalancer, inventory.AsTimeseries} {
			var only []*entity // of each source that names exactly one
			for _, e := range cluster {
				if used := e.cluster().Used(as); len(used) == 1 {
					if infra := find(e.doc, used[0].Infrastructure); infra != nil {
						only = append(only, infra)
					}
				}
			}
			m.role(only, as)
		}
	}
}

func (m *merger) role(only []*entity, as inventory.UseAs) {
	p := m.infrastructure
	for i, x := range only {
		for _, y := range only[:i] {
			a, b := p.group(x), p.group(y)
			if a == b || x.infra().Kind != y.infra().Kind {
				continue
			}
			if (m.nameless(a) || m.nameless(b)) && p.apart([]int{min(a, b), max(a, b)}, otherResource) {
				p.parent[max(a, b)] = min(a, b)
				continue
			}
			names := []string{x.label(), y.label()}
			slices.Sort(names)
			m.result.Notes = append(m.result.Notes, document.Problem{
				What:   "one cluster uses " + names[0] + " and " + names[1] + " as " + string(as) + ", and nothing tells whether they are one; they stand apart",
				Remedy: "list the other's address among identity.addresses of the one in the site's file, if they are",
			})
		}
	}
}

// nameless reports whether nobody gives an identity of the infrastructure.
func (m *merger) nameless(group int) bool {
	for i, e := range m.infrastructure.items {
		if m.infrastructure.root(i) == group && len(inventory.Keys(e.doc.Site.Site.ID, e.infra())) > 0 {
			return false
		}
	}
	return true
}

// name gives infrastructure and clusters their ids: those of the first source that has them.
func (m *merger) name() {
	m.ids = map[*entity]string{}
	for _, p := range []*partition{m.infrastructure, m.clusters} {
		taken := map[string]bool{}
		for _, group := range p.groups() {
			id := unique(group[0].word("/id"), taken)
			for _, e := range group {
				m.ids[e] = id
			}
		}
	}
}

func unique(id string, taken map[string]bool) string {
	for n := 1; ; n++ {
		c := id
		if n > 1 {
			suffix := "-" + strconv.Itoa(n)
			c = strings.TrimRight(id[:min(len(id), 63-len(suffix))], "-") + suffix
		}
		if !taken[c] {
			taken[c] = true
			return c
		}
	}
}

// nodes joins the nodes of one group: by name, by its first label, by PlatformId, by machine.
func (m *merger) nodes(items []*entity) *partition {
	p := newPartition(items, &m.result.Notes)
	p.join(func(e *entity) []string { return []string{"name " + strings.ToLower(e.word("/name"))} }, nil)
	p.join(func(e *entity) []string { return keyed("name", short(e.word("/name"))) }, nil)
	p.join(func(e *entity) []string { return keyed("PlatformId", e.word("/settings/platformId")) }, nil)
	p.join(func(e *entity) []string {
		return append(keyed("host", short(e.word("/machine"))), keyed("host", short(e.word("/name")))...)
	}, nil)
	p.tell()
	return p
}

func keyed(kind, word string) []string {
	if word == "" {
		return nil
	}
	return []string{kind + " " + word}
}

// uses joins the uses of one cluster: of one infrastructure in one role with the same isolation, then with any.
func (m *merger) uses(items []*entity) *partition {
	p := newPartition(items, &m.result.Notes)
	what := func(e *entity) string {
		at := e.word("/infrastructure")
		if infra := find(e.doc, at); infra != nil {
			at = m.ids[infra]
		}
		return e.word("/as") + " " + at
	}
	p.join(func(e *entity) []string {
		return []string{what(e) + " " + strings.Join([]string{e.word("/database"), e.word("/schema"), e.word("/path"), e.word("/namespace")}, " ")}
	}, nil)
	p.join(func(e *entity) []string { return []string{what(e)} }, nil)
	p.tell()
	return p
}

func (m *merger) replicas(items []*entity) *partition {
	p := newPartition(items, &m.result.Notes)
	p.join(func(e *entity) []string { return keyed("name", strings.ToLower(e.word("/name"))) }, nil)
	p.join(func(e *entity) []string { return keyed("region", e.word("/region")) }, func(x, y []*entity) bool {
		a, b := x[0].word("/name"), y[0].word("/name")
		return a != "" && b != "" && a != b
	})
	p.tell()
	return p
}

// slots are the components of a cluster: those of one kind in their order.
func slots(cluster []*entity) [][]*entity {
	type slot struct {
		kind string
		at   int
	}
	found := map[slot][]*entity{}
	var order []slot
	for _, c := range cluster {
		for _, x := range c.lists[componentKind] {
			s := slot{x.word("/kind"), x.previous}
			if _, ok := found[s]; !ok {
				order = append(order, s)
			}
			found[s] = append(found[s], x)
		}
	}
	// A second component of a kind stands where its source lists it; ties cannot be, since a slot is listed once.
	slices.SortStableFunc(order, func(x, y slot) int {
		return cmp.Compare(found[x][0].doc.rank, found[y][0].doc.rank)
	})
	out := make([][]*entity, len(order))
	for i, s := range order {
		out[i] = found[s]
	}
	return out
}
