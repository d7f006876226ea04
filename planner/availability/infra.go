package availability

import (
	"cmp"
	"slices"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// record finds the record of an infrastructure by its id in a site; -1 when the site does not list it.
func (b *builder) record(s *inventory.Site, id string) int32 {
	f := s.Infra(id)
	if f == nil {
		return -1
	}
	if b.byInfra != nil {
		return b.byInfra[f]
	}
	for i := range b.records {
		if b.records[i].infra == f {
			return int32(i)
		}
	}
	b.records = append(b.records, record{infra: f, site: s.Site.ID, at: -1})
	return int32(len(b.records) - 1)
}

// infra makes the units and groups of an infrastructure for a role, unless they are made, and notes its use by a cluster.
func (b *builder) infra(at int32, role inventory.UseAs, s *Structure) {
	r := &b.records[at]
	if role == inventory.AsTimeseries && r.infra.Kind == inventory.KindDatabase {
		role = inventory.AsDatabase // values in the relational database need what the model needs
	}
	if r.at < 0 {
		r.at = int32(len(b.Infras))
		b.Infras = append(b.Infras, Infra{Site: r.site, ID: r.infra.ID, Kind: r.infra.Kind, Units: b.units(r), Aliases: r.aliases})
	}
	if r.count == 0 || r.role != role {
		r.role, r.groups = role, int32(len(b.Groups))
		b.groupsOf(r, role)
		r.count = int32(len(b.Groups)) - r.groups
	}
	if !slices.Contains(s.Infra, r.at) {
		s.Infra = append(s.Infra, r.at)
		s.Unknown = append(s.Unknown, r.unknown...)
		s.Assumptions = append(s.Assumptions, r.assumed...)
	}
}

// units makes the units of an infrastructure: its nodes and then its pgpool nodes, after itself when it has no nodes.
func (b *builder) units(r *record) []int32 {
	f := r.infra
	from := b.begin()
	if len(f.Nodes) == 0 {
		up, redundant := b.own(r)
		u := Unit{Site: r.site, Owner: f.ID, Infrastructure: true, Own: b.fresh(Chance, r.site, f.ID, "", up)}
		u.Zone, u.Region = b.place(&f.Placement)
		if redundant {
			u.Zone = -1
		}
		b.Units = append(b.Units, u)
		b.pool = append(b.pool, int32(len(b.Units)-1))
	}
	for i := range f.Nodes {
		b.pool = append(b.pool, b.node(r.site, f.ID, true, &f.Nodes[i]))
	}
	if f.Kind == inventory.KindDatabase && !f.Engine.Managed() {
		for i := range f.PgPool {
			b.pool = append(b.pool, b.node(r.site, f.ID, true, &f.PgPool[i]))
		}
	}
	return b.end(from)
}

// own returns the own chance of an infrastructure without nodes, and whether it outlives the loss of its zone.
func (b *builder) own(r *record) (up float64, redundant bool) {
	f := r.infra
	switch f.Kind {
	case inventory.KindDatabase:
		if !f.Engine.Managed() {
			break
		}
		mode := inventory.HANone
		if f.HighAvailability != nil && f.HighAvailability.Mode != "" {
			mode = f.HighAvailability.Mode
		}
		redundant = mode == inventory.HAZoneRedundant
		if up = b.managed(f.Engine, mode); up > 0 {
			return up, redundant
		}
		r.assumed = append(r.assumed, "the policy gives no chance for "+string(f.Engine)+" in mode "+string(mode)+"; that of a machine is taken for "+f.ID)
	case inventory.KindStorage:
		switch f.Redundancy {
		case inventory.RedundancyNone:
		case "":
			r.unknown = append(r.unknown, "redundancy of storage "+f.ID+" is not given; taken as none")
		default:
			return b.chances.Redundant, f.Redundancy == inventory.RedundancyZone || f.Redundancy == inventory.RedundancyGeo
		}
	case inventory.KindLoadBalancer:
		if f.Redundant == nil {
			r.unknown = append(r.unknown, "whether load balancer "+f.ID+" is redundant is not given; taken as not")
		} else if *f.Redundant {
			return b.chances.Redundant, true
		}
	}
	return b.chances.Machine, redundant
}

// groupsOf makes the groups that a user in the role needs.
func (b *builder) groupsOf(r *record, role inventory.UseAs) {
	f := r.infra
	all := b.Infras[r.at].Units
	nodes := all[:max(len(f.Nodes), 1)]
	part := partOf(role)
	switch role {
	case inventory.AsZooKeeper:
		b.Groups[b.group(part, len(nodes)/2+1, nodes, "zookeeper")].Majority = true
	case inventory.AsTimeseries:
		b.timeseries(r, nodes)
	default:
		b.group(part, 1, nodes, part.String())
		if rest := all[len(nodes):]; len(rest) > 0 {
			b.group(part, 1, rest, "pgpool")
		}
	}
}

// timeseries makes the groups of an InfluxDB: itself when it is one node or lists none; for Enterprise a majority of its
// meta nodes, and more data nodes than its data nodes less the replication factor. Several nodes of the open source
// edition hold different values, so that all of them are needed.
func (b *builder) timeseries(r *record, nodes []int32) {
	f := r.infra
	enterprise := f.Edition == inventory.EditionEnterprise
	for i := range f.Nodes {
		enterprise = enterprise || f.Edition == "" && (f.Nodes[i].Role == "meta" || f.Nodes[i].Role == "data")
	}
	if !enterprise || len(f.Nodes) == 0 {
		b.group(Timeseries, len(nodes), nodes, "timeseries")
		return
	}
	split := func(meta bool) []int32 {
		from := b.begin()
		for i := range f.Nodes {
			if (f.Nodes[i].Role == "meta") == meta {
				b.pool = append(b.pool, nodes[i])
			}
		}
		return b.end(from)
	}
	if meta := split(true); len(meta) > 0 {
		b.Groups[b.group(Timeseries, len(meta)/2+1, meta, "timeseries meta")].Majority = true
	} else {
		r.unknown = append(r.unknown, metaNodes+f.ID+" are not listed; "+takenUp)
	}
	data := split(false)
	if len(data) == 0 {
		r.unknown = append(r.unknown, dataNodes+f.ID+" are not listed; "+takenUp)
		return
	}
	factor := f.ReplicationFactor
	if factor <= 0 {
		factor = 1
		r.unknown = append(r.unknown, "replication factor of "+f.ID+" is not given; taken as 1")
	}
	// A replication factor above the number of data nodes cannot be met; one copy on each node is what there is.
	b.group(Timeseries, len(data)-min(factor, len(data))+1, data, "timeseries data")
}

func partOf(role inventory.UseAs) Part {
	switch role {
	case inventory.AsZooKeeper:
		return ZooKeeper
	case inventory.AsDatabase:
		return Database
	case inventory.AsStorage:
		return Storage
	case inventory.AsTimeseries:
		return Timeseries
	}
	return LoadBalancer
}

// identify makes one record of all spellings of each infrastructure, and one machine of those on which the spellings put
// the same node.
func (b *builder) identify(tenants []Tenant) {
	type spelling struct {
		site  string
		infra *inventory.Infrastructure
	}
	var all []spelling
	seen := make(map[*inventory.Site]bool, len(tenants))
	for i := range tenants {
		s := tenants[i].Site
		if seen[s] {
			continue
		}
		seen[s] = true
		for j := range s.Infrastructure {
			all = append(all, spelling{s.Site.ID, &s.Infrastructure[j]})
		}
	}
	parent := make([]int, len(all))
	owner := make(map[tenancy.Key]int, len(all))
	find := func(x int) int {
		for parent[x] != x {
			parent[x] = parent[parent[x]]
			x = parent[x]
		}
		return x
	}
	for i := range all {
		parent[i] = i
		for _, k := range tenancy.KeysOf(all[i].site, all[i].infra) {
			if o, ok := owner[k]; ok {
				parent[find(i)] = find(o)
			} else {
				owner[k] = i
			}
		}
	}
	classes := make(map[int][]int, len(all))
	for i := range all {
		classes[find(i)] = append(classes[find(i)], i)
	}
	b.byInfra = make(map[*inventory.Infrastructure]int32, len(all))
	for i := range all {
		members := classes[find(i)]
		if members[0] != i {
			continue
		}
		best := slices.MinFunc(members, func(x, y int) int {
			return cmp.Or(facts(all[y].infra)-facts(all[x].infra), cmp.Compare(all[x].site, all[y].site), cmp.Compare(all[x].infra.ID, all[y].infra.ID))
		})
		at := int32(len(b.records))
		b.records = append(b.records, record{infra: all[best].infra, site: all[best].site, at: -1})
		for _, m := range members {
			b.byInfra[all[m].infra] = at
			if m == best {
				continue
			}
			b.records[at].aliases = append(b.records[at].aliases, [2]string{all[m].site, all[m].infra.ID})
			b.sameMachines(all[best].site, all[best].infra.Nodes, all[m].site, all[m].infra.Nodes)
			b.sameMachines(all[best].site, all[best].infra.PgPool, all[m].site, all[m].infra.PgPool)
		}
	}
}

// facts counts how much a spelling tells; nodes outweigh everything else.
func facts(f *inventory.Infrastructure) int {
	n := 16 * (len(f.Nodes) + len(f.PgPool))
	for _, told := range []bool{
		f.Engine != "", f.HighAvailability != nil, f.Redundancy != "", f.Redundant != nil, f.Edition != "",
		f.Placement.Region != "", f.Placement.Zone != "",
	} {
		if told {
			n++
		}
	}
	return n
}

// sameMachines notes the machines under nodes of the same name in two spellings of one infrastructure: the node is one,
// and so is its machine.
func (b *builder) sameMachines(site string, nodes []inventory.Node, otherSite string, others []inventory.Node) {
	for i := range others {
		o := &others[i]
		if o.Machine == "" || o.Name == "" {
			continue
		}
		for j := range nodes {
			n := &nodes[j]
			if n.Name != o.Name || n.Machine == "" {
				continue
			}
			to, from := b.machine(site, n.Machine), b.machine(otherSite, o.Machine)
			if to == from {
				break
			}
			if b.Machines == nil {
				b.Machines = make(map[[2]string][2]string)
			}
			for k, v := range b.Machines {
				if v == from {
					b.Machines[k] = to
				}
			}
			b.Machines[from] = to
			break
		}
	}
}
