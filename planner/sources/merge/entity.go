package merge

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// doc is one source's inventory, taken apart into things with an identity and their facts.
type doc struct {
	Input
	rank   int
	text   []byte // canonical
	root   *entity
	proofs map[string]inventory.Provenance
	spent  map[string]bool // provenance that a fact has taken up
}

// Kinds of entity: the keys of the lists in which they stand.
const (
	siteKind           = "site"
	clusterKind        = "clusters"
	infrastructureKind = "infrastructure"
	componentKind      = "components"
	nodeKind           = "nodes"
	poolKind           = "pgpool"
	useKind            = "uses"
	replicaKind        = "replicas"
	probeKind          = "probes"
)

// addresses is the one list of words that is a set: all sources' names for a thing hold at once.
const addresses = "/identity/addresses"

func children(kind string) []string {
	switch kind {
	case siteKind:
		return []string{clusterKind, infrastructureKind, probeKind}
	case clusterKind:
		return []string{componentKind, useKind}
	case infrastructureKind:
		return []string{nodeKind, poolKind, replicaKind}
	case componentKind:
		return []string{nodeKind}
	}
	return nil
}

// entity is one thing as one source describes it.
type entity struct {
	doc      *doc
	kind     string
	index    int // in its list
	pointer  string
	parent   *entity
	leaves   []leaf
	lists    map[string][]*entity
	previous int // of a component: how many of its kind stand before it
}

// leaf is one fact. Lists without identities, such as the things of a workload, are one fact each.
type leaf struct {
	path  string // JSON pointer below the entity
	value any
	inventory.Provenance
	standing Standing
}

func (d *doc) read() error {
	var err error
	if d.text, err = inventory.Canonical(d.Site); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(d.text))
	decoder.UseNumber()
	var tree map[string]any
	if err := decoder.Decode(&tree); err != nil {
		return err
	}
	d.proofs, d.spent = make(map[string]inventory.Provenance, len(d.Site.Provenance)), map[string]bool{}
	for _, p := range d.Site.Provenance {
		d.proofs[p.Path] = p
	}
	for _, key := range []string{"apiVersion", "kind", "observedAt", "provenance", "sources"} {
		delete(tree, key)
	}
	d.root = d.entity(nil, siteKind, "", 0, tree)
	return nil
}

func (d *doc) entity(parent *entity, kind, pointer string, index int, fields map[string]any) *entity {
	e := &entity{doc: d, kind: kind, pointer: pointer, index: index, parent: parent, lists: map[string][]*entity{}}
	lists := children(kind)
	before := map[any]int{}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		items, isList := fields[key].([]any)
		if !isList || !slices.Contains(lists, key) {
			e.walk(document.Pointer("", key), fields[key])
			continue
		}
		for i, item := range items {
			fields, ok := item.(map[string]any)
			if !ok {
				continue // null, which no inventory writes
			}
			child := d.entity(e, key, pointer+"/"+key+"/"+strconv.Itoa(i), i, fields)
			if key == componentKind {
				child.previous = before[fields["kind"]]
				before[fields["kind"]]++
			}
			e.lists[key] = append(e.lists[key], child)
		}
	}
	return e
}

func (e *entity) walk(path string, v any) {
	if fields, ok := v.(map[string]any); ok {
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			e.walk(document.Pointer(path, key), fields[key])
		}
		return
	}
	if items, ok := v.([]any); ok && path == addresses {
		for i, item := range items {
			e.leaves = append(e.leaves, e.leaf(path, path+"/"+strconv.Itoa(i), item))
		}
		return
	}
	e.leaves = append(e.leaves, e.leaf(path, path, v))
}

// leaf finds out who said a fact: the provenance at its path, else that of what it is a part of, else the source itself.
func (e *entity) leaf(path, at string, v any) leaf {
	l := leaf{path: path, value: v, Provenance: inventory.Provenance{Source: e.doc.Source, ObservedAt: e.doc.Site.ObservedAt}, standing: standing("", e.kind, &e.doc.Input)}
	whole := e.pointer + at
	for p := whole; p != ""; p = p[:strings.LastIndexByte(p, '/')] {
		proof, ok := e.doc.proofs[p]
		if !ok || p != whole && proof.Declared != "" {
			continue // it tells of the whole, such as the length of a list, and not of its parts
		}
		l.Source, l.AttestedUntil = proof.Source, proof.AttestedUntil
		if !proof.ObservedAt.IsZero() {
			l.ObservedAt = proof.ObservedAt
		}
		l.standing = standing(proof.Source, e.kind, &e.doc.Input)
		if p == whole {
			l.Declared, l.Overruled = proof.Declared, proof.Overruled
			if proof.Declared != "" {
				l.standing = Observed
			}
		}
		e.doc.spent[p] = true
		break
	}
	return l
}

func (e *entity) word(path string) string {
	for i := range e.leaves {
		if e.leaves[i].path == path {
			return text(e.leaves[i].value)
		}
	}
	return ""
}

// cluster and infra are the thing in its document.
func (e *entity) cluster() *inventory.Cluster      { return &e.doc.Site.Clusters[e.index] }
func (e *entity) infra() *inventory.Infrastructure { return &e.doc.Site.Infrastructure[e.index] }

// label names the thing for a message.
func (e *entity) label() string {
	name := e.word("/id")
	if name == "" {
		name = e.word("/name")
	}
	if e.kind == useKind {
		name = e.word("/infrastructure") + " as " + e.word("/as")
	}
	return strings.TrimSpace(name) + " of " + e.doc.Source
}
