package probe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Apply returns a copy of an inventory with what a run learned: observed values in place of declared ones, each with its
// provenance, which keeps what was declared where it differs; probes and sources replaced by their newer ones. observedAt
// becomes the time of the newest fact. What a run did not learn stays as it is. Results of another site change nothing.
func Apply(site *inventory.Site, results *Results) *inventory.Site {
	out := inventory.Clone(site)
	if results == nil || results.Site != site.Site.ID {
		return out
	}
	for i := range results.Components {
		c := &results.Components[i]
		for k := range out.Infrastructure {
			if c.Infrastructure != "" && out.Infrastructure[k].ID == c.Infrastructure {
				m := &merger{out, &out.Infrastructure[k], "/infrastructure/" + strconv.Itoa(k), c}
				m.members()
				m.facts()
				m.roundTrips(results.From)
				break
			}
		}
	}
	for _, s := range results.Sources() {
		if at := slices.IndexFunc(out.Sources, func(o inventory.Source) bool { return o.Name == s.Name }); at >= 0 {
			out.Sources[at] = s
		} else {
			out.Sources = append(out.Sources, s)
		}
	}
	return out
}

type merger struct {
	site  *inventory.Site
	infra *inventory.Infrastructure
	path  string
	c     *Component
}

func (m *merger) facts() {
	for _, f := range m.c.Facts {
		i, path := m.infra, m.path
		switch {
		case f.Node != "":
			m.role(f)
		case f.Field == FieldVersion:
			before := i.Version
			i.Version = f.Value
			if strings.HasPrefix(f.Value, before+".") {
				before = "" // 15 is no other version than 15.18
			}
			m.prove(path+"/version", before, f.Value)
		case f.Field == FieldEdition:
			before := string(i.Edition)
			i.Edition = inventory.Edition(f.Value)
			m.prove(path+"/edition", before, f.Value)
		case f.Field == FieldMaxConnections:
			n, err := strconv.Atoi(f.Value)
			if err != nil || n <= 0 {
				continue
			}
			before := ""
			if i.MaxConnections > 0 {
				before = strconv.Itoa(i.MaxConnections)
			}
			i.MaxConnections = n
			m.prove(path+"/maxConnections", before, f.Value)
		}
	}
}

func (m *merger) role(f Fact) {
	if f.Field != FieldRole {
		return
	}
	for k := range m.infra.Nodes {
		n := &m.infra.Nodes[k]
		if n.Name != f.Node {
			continue
		}
		if n.Role == "replica" && f.Value == "standby" {
			return // a read replica recovers like a standby; only its owner knows what it is for
		}
		before := n.Role
		n.Role = f.Value
		m.prove(m.path+"/nodes/"+strconv.Itoa(k)+"/role", before, f.Value)
		return
	}
}

// prove notes where a value comes from. What a person declared outlives what another source observed in its place.
func (m *merger) prove(path, before, value string) {
	m.newest(m.c.learned())
	p := inventory.Provenance{Path: path, Source: Source, ObservedAt: m.c.learned()}
	if before != value {
		p.Declared = before
	}
	at := slices.IndexFunc(m.site.Provenance, func(o inventory.Provenance) bool { return o.Path == path })
	if at < 0 {
		m.site.Provenance = append(m.site.Provenance, p)
		return
	}
	old := m.site.Provenance[at]
	p.Overruled = slices.DeleteFunc(slices.Clone(old.Overruled), func(o inventory.Overruled) bool { return o.Value == value })
	if old.Declared != "" {
		if before != value && before != old.Declared && before != "" && old.Source != Source {
			p.Overruled = append(p.Overruled, inventory.Overruled{Source: old.Source, Value: before, ObservedAt: old.ObservedAt})
		}
		p.Declared = ""
		if old.Declared != value {
			p.Declared = old.Declared
		}
	}
	m.site.Provenance[at] = p
}

func (m *merger) newest(at time.Time) {
	if at.After(m.site.ObservedAt) {
		m.site.ObservedAt = at
	}
}

// members brings the list of nodes in line with the infrastructure's own account of them.
func (m *merger) members() {
	members := m.c.Members
	if members == nil {
		return
	}
	before := len(m.infra.Nodes)
	for k := len(m.infra.Nodes) - 1; k >= 0; k-- {
		name := m.infra.Nodes[k].Name
		if slices.Contains(members.Strangers, name) || members.Whole && !slices.Contains(members.Nodes, name) {
			m.infra.Nodes = slices.Delete(m.infra.Nodes, k, k+1)
			m.removed(k)
		}
	}
	m.infra.Nodes = m.added(m.infra.Nodes, "nodes", slices.Concat(members.Nodes, members.Added))
	m.infra.PgPool = m.added(m.infra.PgPool, "pgpool", members.PgPool)
	if len(m.infra.Nodes) != members.Count {
		return // the account names members that cannot be told apart here
	}
	declared := ""
	if before > 0 {
		declared = strconv.Itoa(before)
	}
	m.prove(m.path+"/nodes", declared, strconv.Itoa(members.Count))
}

// added appends the nodes that are not yet there.
func (m *merger) added(nodes []inventory.Node, list string, names []string) []inventory.Node {
	for _, name := range names {
		if slices.ContainsFunc(nodes, func(n inventory.Node) bool { return n.Name == name }) {
			continue
		}
		nodes = append(nodes, inventory.Node{Name: name, Machine: m.c.Members.Machine})
		m.prove(fmt.Sprintf("%s/%s/%d", m.path, list, len(nodes)-1), "", name)
	}
	return nodes
}

// removed takes a node's provenance away and moves that of the nodes after it.
func (m *merger) removed(k int) {
	prefix := m.path + "/nodes/"
	m.site.Provenance = slices.DeleteFunc(m.site.Provenance, func(p inventory.Provenance) bool {
		rest, ok := strings.CutPrefix(p.Path, prefix)
		index, _, _ := strings.Cut(rest, "/")
		return ok && index == strconv.Itoa(k)
	})
	for i := range m.site.Provenance {
		p := &m.site.Provenance[i]
		rest, ok := strings.CutPrefix(p.Path, prefix)
		if !ok {
			continue
		}
		index, tail, more := strings.Cut(rest, "/")
		if n, err := strconv.Atoi(index); err == nil && n > k {
			p.Path = prefix + strconv.Itoa(n-1)
			if more {
				p.Path += "/" + tail
			}
		}
	}
}

func (m *merger) roundTrips(from string) {
	if from == "" {
		return
	}
	for _, t := range m.c.RoundTrips {
		p := inventory.Probe{From: from, To: m.infra.ID, Kind: t.Kind, P50: inventory.Duration(t.P50), P95: inventory.Duration(t.P95), Samples: t.Samples, At: t.At}
		m.newest(t.At)
		same := func(o inventory.Probe) bool { return o.From == p.From && o.To == p.To && o.Kind == p.Kind }
		at := slices.IndexFunc(m.site.Probes, same)
		if at < 0 {
			at = len(m.site.Probes)
			m.site.Probes = append(m.site.Probes, p)
		}
		m.site.Probes[at] = p
		m.prove("/probes/"+strconv.Itoa(at), "", "")
	}
}
