package merge

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// builder writes the merged document as a tree of values beside the proofs of its leaves.
type builder struct {
	*merger
	proofs map[string]inventory.Provenance // of each leaf, by its path in the merged document
	paths  map[*entity]string              // where each thing of each source came to stand
	names  map[string]string               // cluster/node of a source to the node's final name, both behind the source's rank
}

// build decides every fact and returns the merged site.
func (m *merger) build() (*inventory.Site, error) {
	b := &builder{merger: m, proofs: map[string]inventory.Provenance{}, paths: map[*entity]string{}, names: map[string]string{}}
	roots := make([]*entity, len(m.docs))
	for i, d := range m.docs {
		roots[i] = d.root
	}
	tree := b.object("", roots, nil)
	if list := b.list("/"+clusterKind, m.clusters.groups(), b.cluster); list != nil {
		tree[clusterKind] = list
	}
	if list := b.list("/"+infrastructureKind, m.infrastructure.groups(), b.infra); list != nil {
		tree[infrastructureKind] = list
	}
	if list := b.probes(); list != nil {
		tree[probeKind] = list
	}
	notes := b.annotations(tree)
	tree["apiVersion"], tree["kind"] = inventory.APIVersion, inventory.Kind
	body, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	site := &inventory.Site{}
	if err := json.Unmarshal(body, site); err != nil {
		return nil, err
	}
	for _, d := range m.docs {
		if d.Site.ObservedAt.After(site.ObservedAt) {
			site.ObservedAt = d.Site.ObservedAt
		}
		for _, s := range d.Site.Sources {
			if !slices.Contains(site.Sources, s) {
				site.Sources = append(site.Sources, s)
			}
		}
	}
	for _, key := range []string{siteKind, clusterKind, infrastructureKind, probeKind} {
		if v, ok := tree[key]; ok {
			if p, uniform := b.prove(site, "/"+key, v); uniform {
				b.emit(site, "/"+key, p)
			}
		}
	}
	site.Provenance = append(site.Provenance, notes...)
	slices.SortStableFunc(site.Provenance, func(x, y inventory.Provenance) int {
		return cmp.Or(document.ComparePointers(x.Path, y.Path), cmp.Compare(x.Source, y.Source), cmp.Compare(x.Declared, y.Declared))
	})
	site.Provenance = slices.CompactFunc(site.Provenance, equalProof)
	return site, nil
}

func (b *builder) list(path string, groups [][]*entity, write func(path string, group []*entity) map[string]any) []any {
	var out []any
	for i, g := range groups {
		out = append(out, write(path+"/"+strconv.Itoa(i), g))
	}
	return out
}

func gather(group []*entity, list string) []*entity {
	var out []*entity
	for _, e := range group {
		out = append(out, e.lists[list]...)
	}
	return out
}

func set(tree map[string]any, key string, list []any) {
	if list != nil {
		tree[key] = list
	}
}

func (b *builder) cluster(path string, group []*entity) map[string]any {
	tree := b.object(path, group, map[string]string{"/id": b.ids[group[0]]})
	components := slots(group)
	byKind := map[string]*partition{}
	for _, slot := range components {
		kind := slot[0].word("/kind")
		if byKind[kind] == nil {
			var nodes []*entity
			for _, other := range components {
				if other[0].word("/kind") == kind {
					nodes = append(nodes, gather(other, nodeKind)...)
				}
			}
			slices.SortStableFunc(nodes, func(x, y *entity) int { return x.doc.rank - y.doc.rank })
			byKind[kind] = b.nodes(nodes)
		}
	}
	set(tree, componentKind, b.list(path+"/"+componentKind, components, func(path string, slot []*entity) map[string]any {
		tree := b.object(path, slot, nil)
		var here [][]*entity // a node that one source lists in another component of the kind stands where the first one lists it
		for _, g := range byKind[slot[0].word("/kind")].groups() {
			if slices.Contains(slot, g[0].parent) {
				here = append(here, g)
			}
		}
		set(tree, nodeKind, b.list(path+"/"+nodeKind, here, func(path string, g []*entity) map[string]any {
			for _, e := range g {
				from := strconv.Itoa(e.doc.rank) + " " + e.parent.parent.word("/id") + "/" + e.word("/name")
				if _, known := b.names[from]; !known {
					b.names[from] = b.ids[group[0]] + "/" + g[0].word("/name")
				}
			}
			return b.node(path, g)
		}))
		return tree
	}))
	set(tree, useKind, b.list(path+"/"+useKind, b.uses(gather(group, useKind)).groups(), func(path string, g []*entity) map[string]any {
		id := g[0].word("/infrastructure")
		if infra := find(g[0].doc, id); infra != nil {
			id = b.ids[infra]
		}
		return b.object(path, g, map[string]string{"/infrastructure": id})
	}))
	return tree
}

func (b *builder) node(path string, group []*entity) map[string]any {
	return b.object(path, group, map[string]string{"/name": group[0].word("/name")})
}

func (b *builder) infra(path string, group []*entity) map[string]any {
	tree := b.object(path, group, map[string]string{"/id": b.ids[group[0]]})
	for _, key := range []string{nodeKind, poolKind} {
		set(tree, key, b.list(path+"/"+key, b.nodes(gather(group, key)).groups(), b.node))
	}
	set(tree, replicaKind, b.list(path+"/"+replicaKind, b.replicas(gather(group, replicaKind)).groups(), func(path string, g []*entity) map[string]any {
		return b.object(path, g, nil)
	}))
	return tree
}

func (b *builder) probes() []any {
	to := func(e *entity) string {
		id := e.word("/to")
		if infra := find(e.doc, id); infra != nil {
			return b.ids[infra]
		}
		return id
	}
	from := func(e *entity) string {
		site, node, _ := strings.Cut(e.word("/from"), "/")
		if name, ok := b.names[strconv.Itoa(e.doc.rank)+" "+node]; ok {
			node = name
		}
		return site + "/" + node
	}
	var items []*entity
	for _, d := range b.docs {
		items = append(items, d.root.lists[probeKind]...)
	}
	p := newPartition(items, &b.result.Notes)
	p.join(func(e *entity) []string { return []string{"probe " + e.word("/kind") + " " + from(e) + " " + to(e)} }, nil)
	return b.list("/"+probeKind, p.groups(), func(path string, g []*entity) map[string]any {
		return b.object(path, g, map[string]string{"/from": from(g[0]), "/to": to(g[0])})
	})
}

// object decides the facts of one group and writes them into a new tree.
func (b *builder) object(path string, group []*entity, labels map[string]string) map[string]any {
	for _, e := range group {
		b.paths[e] = path
	}
	d := newDecision(group, labels)
	tree := map[string]any{}
	for _, key := range d.order {
		v := d.decide(key)
		if key == addresses {
			b.addresses(path, tree, d)
			continue
		}
		for i := range d.said[key] {
			c := &d.said[key][i]
			b.result.Facts = append(b.result.Facts, Fact{
				Path: path + key, Value: c.value, Source: c.Source, Standing: c.standing, ObservedAt: c.ObservedAt, InForce: c.why == "", Why: c.why,
			})
			// What another place of the same source said, which it settled by itself.
			for _, o := range c.Overruled {
				b.result.Facts = append(b.result.Facts, Fact{
					Path: path + key, Value: o.Value, Source: o.Source, Standing: standing(o.Source, c.entity.kind, &c.entity.doc.Input), ObservedAt: o.ObservedAt,
					Why: "overruled: " + c.Source + " " + verb(c.standing) + " " + text(c.value),
				})
			}
		}
		if v != nil {
			put(tree, key, v.value)
			b.proofs[path+key] = v.Provenance
		}
	}
	return tree
}

// addresses writes all names that sources give a thing, and the endpoints that another one's took the place of, as far as
// they name it otherwise.
func (b *builder) addresses(path string, tree map[string]any, d *decision) {
	var list []any
	known := map[string]string{}
	for _, c := range d.said[addresses] {
		at := known[text(c.value)]
		if at == "" {
			at = path + addresses + "/" + strconv.Itoa(len(list))
			known[text(c.value)] = at
			list = append(list, c.value)
			b.proofs[at] = inventory.Provenance{Source: c.Source, ObservedAt: c.ObservedAt, AttestedUntil: c.AttestedUntil}
		}
		b.result.Facts = append(b.result.Facts, Fact{Path: at, Value: c.value, Source: c.Source, Standing: c.standing, ObservedAt: c.ObservedAt, InForce: true})
	}
	if list != nil {
		put(tree, addresses, list)
	}
}

// put writes a value at a JSON pointer of a tree, making the objects around it.
func put(tree map[string]any, path string, v any) {
	keys := strings.Split(path[1:], "/")
	for _, key := range keys[:len(keys)-1] {
		next, ok := tree[unescape(key)].(map[string]any)
		if !ok {
			next = map[string]any{}
			tree[unescape(key)] = next
		}
		tree = next
	}
	tree[unescape(keys[len(keys)-1])] = v
}

func unescape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
}

// prove writes provenance below a path, and returns that of the path itself when all of it has the same: one entry stands
// for everything beneath it.
func (b *builder) prove(site *inventory.Site, path string, v any) (inventory.Provenance, bool) {
	if p, leaf := b.proofs[path]; leaf {
		if p.Declared != "" || len(p.Overruled) > 0 {
			b.emit(site, path, p)
			return p, false
		}
		return p, true
	}
	var keys []string
	var values []any
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for i, key := range keys {
			values = append(values, v[key])
			keys[i] = document.Pointer("", key)
		}
	case []any:
		for i := range v {
			keys = append(keys, "/"+strconv.Itoa(i))
		}
		values = v
	}
	proofs, same := make([]inventory.Provenance, len(keys)), len(keys) > 0
	uniform := make([]bool, len(keys))
	for i := range keys {
		proofs[i], uniform[i] = b.prove(site, path+keys[i], values[i])
		same = same && uniform[i] && equalProof(proofs[i], proofs[0])
	}
	if same {
		return proofs[0], true
	}
	for i := range keys {
		if uniform[i] {
			b.emit(site, path+keys[i], proofs[i])
		}
	}
	return inventory.Provenance{}, false
}

func (b *builder) emit(site *inventory.Site, path string, p inventory.Provenance) {
	p.Path = path
	site.Provenance = append(site.Provenance, p)
}

func equalProof(x, y inventory.Provenance) bool {
	return x.Path == y.Path && x.Source == y.Source && x.ObservedAt.Equal(y.ObservedAt) && x.AttestedUntil.Equal(y.AttestedUntil) && x.Declared == y.Declared && slices.Equal(x.Overruled, y.Overruled)
}

// annotations are the sources' entries of provenance that no value took up: an expression that hides a value, the length
// of a list. They move with what they are about; one that hides a value that another source knows is overruled.
func (b *builder) annotations(tree map[string]any) []inventory.Provenance {
	var out []inventory.Provenance
	for _, d := range b.docs {
		where := map[string]string{"": ""}
		for e, path := range b.paths {
			if e.doc == d {
				where[e.pointer] = path
			}
		}
		for _, p := range d.Site.Provenance {
			if d.spent[p.Path] {
				continue
			}
			path, ok := moved(where, p.Path)
			at := p.ObservedAt
			if at.IsZero() {
				at = d.Site.ObservedAt
			}
			why := ""
			switch {
			case !ok:
				why = "its path names nothing in the source's own inventory"
			case p.Declared != "" && has(b.proofs, path):
				why = "another source knows the value"
			}
			if p.Declared != "" || why == "" {
				b.result.Facts = append(b.result.Facts, Fact{Path: path, Value: p.Declared, Source: p.Source, Standing: Declared, ObservedAt: at, Why: cmp.Or(why, "it is not a value")})
			}
			if why == "" && (p.Declared != "" || !p.AttestedUntil.IsZero()) {
				p.Path = path
				out = append(out, p)
			}
		}
	}
	return out
}

func has(proofs map[string]inventory.Provenance, path string) bool {
	_, ok := proofs[path]
	return ok
}

// moved is where a path of a source's inventory came to stand.
func moved(where map[string]string, path string) (string, bool) {
	for p := path; ; p = p[:strings.LastIndexByte(p, '/')] {
		if to, ok := where[p]; ok {
			rest := path[len(p):]
			// What stands below the site as a whole and is a thing of a list was not found in the list.
			if p == "" && (strings.HasPrefix(rest, "/"+clusterKind+"/") || strings.HasPrefix(rest, "/"+infrastructureKind+"/") || strings.HasPrefix(rest, "/"+probeKind+"/")) {
				return path, false
			}
			return to + rest, true
		}
		if p == "" || !strings.Contains(p, "/") {
			return path, false
		}
	}
}

// equalValue compares two values as JSON writes them.
func equalValue(x, y any) bool {
	if a, ok := x.(string); ok {
		b, ok := y.(string)
		return ok && a == b
	}
	a, errA := json.Marshal(x)
	b, errB := json.Marshal(y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
