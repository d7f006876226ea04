package probe

import (
	"context"
	"fmt"
	"strings"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/probe/wire"
	"github.com/meridian-federation/meridian/planner/sources/probe/zk"
)

// zookeeper asks each address of an ensemble and puts the answers together.
func (r *run) zookeeper(ctx context.Context, c *Component, a *aim) {
	asker := &zk.Asker{Dialer: r.dialer, Timeout: r.timeout, TLS: a.secure(wire.Disable)}
	servers := make([]*zk.Server, len(a.addresses))
	for i, address := range a.addresses {
		servers[i] = asker.Ask(ctx, address)
	}
	e := zk.Judge(servers)
	c.Problems = append(c.Problems, e.Problems...)
	heard := false
	for _, s := range servers {
		heard = heard || s.Err == nil
	}
	if !heard {
		c.finish()
		return
	}
	told := fmt.Sprintf("%d of %d members serve", e.Answered, e.Size)
	if e.Answered < e.Size {
		// Counted against the ensemble: one whose address is not known was not asked, which its own problem says.
		c.problem(fmt.Sprintf("%d of %d members do not serve or were not found", e.Size-e.Answered, e.Size))
	}
	roles(c, a, e)
	leader := ""
	if e.Leader != "" {
		leader = "leader " + label(a, e.Leader)
	}
	version := ""
	if e.Version != "" {
		version = "version " + e.Version
		c.fact("", FieldVersion, e.Version)
	}
	c.finish(told, leader, version)
}

// label is a node's name with its address, or the address alone.
func label(a *aim, address string) string {
	if name := a.node(address); name != "" && name != wire.Host(address) {
		return name + " (" + address + ")"
	}
	return address
}

func roles(c *Component, a *aim, e *zk.Ensemble) {
	byID := map[int]string{} // names of the members that answered
	at := map[int]string{}   // and their addresses
	member := map[string]bool{}
	for _, s := range e.Servers {
		name := a.node(s.Address)
		if s.Conf != nil && s.Conf.ServerID > 0 {
			byID[s.Conf.ServerID], at[s.Conf.ServerID] = name, s.Address
		}
		if name == "" && everywhere(wire.Host(s.Address)) {
			name = s.Address
		}
		if name == "" {
			continue
		}
		switch m := s.Mode(); m {
		case zk.Leader, zk.Follower:
			c.fact(name, FieldRole, string(m))
		case "":
			if e.Leader != "" && roleOf(a.infra.Nodes, name) == string(zk.Leader) {
				c.fact(name, FieldRole, "")
			}
		}
	}
	if !e.Known {
		return
	}
	m := &Membership{Count: e.Size, Whole: true, Machine: a.machine()}
	for _, x := range e.Members {
		name, ok := byID[x.ID]
		if !ok || name == "" {
			// One that does not answer is known by its address, as long as that means the same here as it does there.
			if name = a.node(x.Client); name == "" {
				name = match(a.infra.Nodes, x.Host)
			}
		}
		if name == "" && everywhere(x.Host) {
			name = at[x.ID] // several members of one machine are told apart by their ports
		}
		switch {
		case name != "" && !member[name]:
			member[name] = true
			m.Nodes = append(m.Nodes, name)
		case name != "" || everywhere(x.Host):
			m.Whole = false
		default:
			m.Whole = false
			m.Added = append(m.Added, x.Host)
		}
	}
	// A member with a strange name may be a node known under another one: then nothing is added.
	if len(m.Nodes) < len(a.infra.Nodes) {
		m.Added = nil
	}
	c.Members = m
	if n := len(a.infra.Nodes); n > e.Size || n > 0 && n != e.Size && len(m.Nodes)+len(m.Added) != e.Size {
		c.problem(fmt.Sprintf("the inventory lists %d nodes, the ensemble has %d members", n, e.Size))
	}
}

func roleOf(nodes []inventory.Node, name string) string {
	for i := range nodes {
		if nodes[i].Name == name {
			return nodes[i].Role
		}
	}
	return ""
}

// everywhere tells hosts that name no machine beyond the one that wrote them.
func everywhere(host string) bool {
	return host == "localhost" || host == "0.0.0.0" || host == "::" || host == "::1" || strings.HasPrefix(host, "127.")
}
