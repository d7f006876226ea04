package migrate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// database moves, converts or changes the model database. Its text follows what the products offer: read replicas of
// Flexible Server reach any region, are asynchronous, and have no high availability after promotion.
func (p *planner) database(c sorted, base []int) []int {
	if !c.has(catalog.KindDatabase) && !c.has(catalog.KindPgPool) {
		return nil
	}
	a, b := p.in.From.infra(catalog.KindDatabase), p.in.To.infra(catalog.KindDatabase)
	if b == nil {
		return nil
	}
	apply := func(ph *phase) { ph.database = atTo }
	if a == nil {
		return []int{p.add(Step{
			Do:       fmt.Sprintf("Set up %s as %s, create the ThingWorx database and schema%s.", b.Engine.Title(), b.ID, protection(b)),
			Rollback: "Remove it; nothing uses it yet.",
		}, apply, base...)}
	}
	var s Step
	switch {
	case a.Engine != b.Engine && a.Engine.SameFamily(b.Engine):
		s = Step{
			Do:       fmt.Sprintf("Set up %s as %s%s, stop Foundation, dump the database of %s and restore it there, point ThingWorx to it and start again.", b.Engine.Title(), b.ID, protection(b), a.Engine.Title()),
			Downtime: copyDatabase, Assumed: true,
			Rollback:     "Start again with the former database, which is kept unchanged; what was written in between is lost.",
			Precondition: "A rehearsal of the dump and restore on a copy, with its duration measured, and a version of the product that ThingWorx supports on both sides.",
		}
	case a.Engine != b.Engine:
		s = Step{
			Do:       fmt.Sprintf("Set up %s as %s%s, stop Foundation, export the model and data from %s and import them, then start with the new persistence provider.", b.Engine.Title(), b.ID, protection(b), a.Engine.Title()),
			Downtime: convertDatabase, Assumed: true,
			Rollback:     "Start again with the former database, which is kept unchanged; what was written in between is lost.",
			Precondition: convertFirst,
		}
	case a.ID != b.ID && p.left(catalog.KindDatabase):
		s = Step{
			Do:       fmt.Sprintf("Set up %s as a database of this cluster alone, stop Foundation, export this cluster's database from %s and import it there, point ThingWorx to it and start again. %s stays with the clusters that use it.", b.ID, a.ID, a.ID),
			Downtime: convertDatabase, Assumed: true,
			Rollback:     "Point ThingWorx back to the former database, which is kept unchanged; what was written in between is lost.",
			Precondition: "A rehearsal of the export and import on a copy, with its duration measured.",
		}
	case a.ID != b.ID:
		s = p.moveDatabase(a, b)
	default:
		s = p.changeDatabase(c, a, b)
		if text := schemaText(p.in.From, p.in.To); text != "" {
			s = separated(s, text, c)
		}
	}
	return []int{p.add(s, apply, base...)}
}

// separated joins to a change of the database that the cluster leaves a schema which another one uses as well.
func separated(s Step, schema string, c sorted) Step {
	own := Step{
		Do:       "Create the " + schema + " and a user for this cluster alone, stop Foundation, copy the cluster's model and data there, point ThingWorx to it and start again.",
		Downtime: switchDatabase, Assumed: true,
		Rollback:     "Point ThingWorx back to the former schema; what was written in between is lost.",
		Precondition: "It is known which entities and values in the former schema belong to this cluster, because another one wrote to the same tables.",
	}
	if c.details(catalog.KindDatabase) == schema && len(c.names(catalog.KindDatabase, Added, Moved, Removed)) == 0 && !c.has(catalog.KindPgPool) {
		return own
	}
	s.Do += " " + own.Do
	s.Downtime, s.Assumed = s.Downtime+own.Downtime, true
	s.Rollback += " " + own.Rollback
	s.Precondition = strings.TrimSpace(s.Precondition + " " + own.Precondition)
	return s
}

// protection says what keeps a new database from being lost.
func protection(b *inventory.Infrastructure) string {
	text := ""
	if m := modeOf(b); m != "" && m != inventory.HANone || len(b.Nodes) > 1 {
		text = ", check its failover"
	}
	for _, r := range b.Replicas {
		if r.Region != "" && r.Region != b.Placement.Region {
			text += ", add its copy " + r.Name + " in " + r.Region
		}
	}
	return text
}

func (p *planner) moveDatabase(a, b *inventory.Infrastructure) Step {
	s := Step{
		Do:       fmt.Sprintf("Move the database from %s to %s: build %s as a replica of %s, stop Foundation, wait until it has caught up, promote it, point ThingWorx to it and start again.", orUnknown(a.Placement.Region), b.Placement.Region, b.ID, a.ID),
		Downtime: switchDatabase, Assumed: true,
		Rollback:     "Point ThingWorx back to the former database, which is kept stopped; what was written in between is lost.",
		Precondition: "The replica lags by no more than the window allows.",
	}
	if b.Engine == inventory.EngineAzurePostgreSQLFlexible {
		available, promoted := "", "Promotion is manual."
		if m := modeOf(b); m != "" && m != inventory.HANone {
			available, promoted = " switch its high availability on,", "Promotion is manual and the promoted server has no high availability."
		}
		s.Do = fmt.Sprintf("Move the database from %s to %s: create a read replica of %s there, stop Foundation, wait until the replica has caught up, promote it,%s point ThingWorx to it and start again.", orUnknown(a.Placement.Region), b.Placement.Region, a.ID, available)
		s.Precondition = "A general purpose or memory optimised tier, since burstable servers have no replicas; a network in the new region, since private access needs one in the server's own region. " + promoted
	}
	return s
}

func (p *planner) changeDatabase(c sorted, a, b *inventory.Infrastructure) Step {
	s := Step{Rollback: "Restore the former settings."}
	added := c.names(catalog.KindDatabase, Added, Moved)
	pool := c.names(catalog.KindPgPool, Added, Moved)
	switch {
	case len(added)+len(pool) > 0 && a.Engine == inventory.EngineSQLServer:
		s.Do = fmt.Sprintf("Add %s to SQL Server as a failover partner, let it synchronise, and point ThingWorx to the listener.", strings.Join(added, ", "))
		s.Downtime, s.Assumed = restart, true
		s.Rollback = "Point ThingWorx back to the first server and remove the partner."
	case len(added)+len(pool) > 0:
		s.Do = fmt.Sprintf("Bring PostgreSQL to %s with synchronous replication and %s behind one virtual address, and test the failover.", counted(len(p.in.To.nodes(catalog.KindDatabase)), "node"), counted(len(p.in.To.nodes(catalog.KindPgPool)), "pgpool-II node"))
		s.Precondition = "PTC technical support does not support the installation and configuration of pgpool-II: have the skill in the house."
		s.Rollback = "Take the new nodes out of the replication and stop them."
		if len(c.names(catalog.KindPgPool, Added)) == len(p.in.To.nodes(catalog.KindPgPool)) && len(pool) > 0 {
			s.Do += " Then point ThingWorx to that address."
			s.Downtime, s.Assumed = restart, true // every Foundation node gets another address of the database
			s.Rollback = "Point ThingWorx back to the primary and remove the standbys."
		}
	case len(c.names(catalog.KindDatabase, Resized)) > 0:
		s.Do = "Change the size of the database " + c.details(catalog.KindDatabase, Resized) + ", the standby first where there is one."
		if more := c.details(catalog.KindDatabase, Configured); more != "" {
			s.Do += " Then change: " + more + "."
		}
		s.Downtime = flexibleFailover
		if modeOf(a) == inventory.HANone || modeOf(a) == "" && len(a.Nodes) < 2 {
			s.Downtime, s.Assumed = restart, true
		}
		if !b.Engine.Managed() {
			s.Assumed = true
		}
		s.Rollback = "Change it back in the same way."
	default:
		s.Do = "Change the database: " + strings.TrimPrefix(joined(c.details(catalog.KindDatabase), c.details(catalog.KindPgPool)), ", ") + "."
		if len(c.names(catalog.KindDatabase, Removed))+len(c.names(catalog.KindPgPool, Removed)) > 0 {
			s.Do = "Take the nodes that are no longer needed out of the replication."
		}
	}
	return s
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

// foundation switches clustered mode and brings the Foundation nodes to their target, one by one. It returns its actions.
func (p *planner) foundation(c sorted, after []int) []int {
	first := len(p.actions)
	from, to := p.in.From.Cluster, p.in.To.Cluster
	on := !p.fresh && !from.Clustered() && to.Clustered()
	off := from.Clustered() && !to.Clustered()
	names := c.names(catalog.KindFoundation, Added, Moved)
	switch {
	case p.fresh:
		p.add(Step{
			Do:       fmt.Sprintf("Install ThingWorx on %s, the first alone because it sets up the database, the others one by one, each with its own platform id and licence.", strings.Join(names, ", ")),
			Rollback: "Stop the nodes.",
		}, func(ph *phase) { ph.foundation, ph.mode, ph.ignite, ph.connections = atTo, atTo, atTo, atTo }, after...)
		return []int{first}
	case on:
		s := Step{
			Do:       "Stop Foundation, switch to clustered mode (EnableClusteredMode, platform ids, coordinator hosts, cache on Ignite, sync window longer than a failover of the database), start the first node, then join the others one by one, each when the one before answers on /Thingworx/ready: " + list(names) + ".",
			Downtime: clusteredSwitch, Assumed: true,
			Rollback:     "Stop all nodes, restore the former platform settings and start the one server.",
			Precondition: "ZooKeeper has a leader, the shared storage is mounted on every node, two connection servers answer, and every extension is compatible with high availability.",
		}
		p.add(s, func(ph *phase) { ph.foundation, ph.mode, ph.ignite = atTo, atTo, atTo }, after...)
	case off:
		p.add(Step{
			Do:       "Stop all Foundation nodes, switch clustered mode off on the one that stays, and start it.",
			Downtime: restart, Assumed: true,
			Rollback: "Restore the clustered settings and start all nodes.",
		}, func(ph *phase) { ph.foundation, ph.mode, ph.ignite = atTo, atTo, atTo }, after...)
	case len(names) > 0:
		s := Step{
			Do:       "Add the Foundation nodes one by one, each with its own platform id and licence, and let the load balancer send to it when it answers on /Thingworx/ready: " + strings.Join(names, ", ") + ".",
			Rollback: "Take the node out of the load balancer and stop it.",
		}
		apply := func(ph *phase) { ph.foundation = atBoth }
		if !to.Clustered() {
			s.Do = "Stop Foundation, start it on its new machine with the same storage and database: " + strings.Join(names, ", ") + "."
			s.Downtime, s.Assumed = restart, true
			s.Rollback = "Stop it and start the former server."
			apply = func(ph *phase) { ph.foundation = atTo }
		}
		p.add(s, apply, after...)
	}
	p.resize(c, after)
	p.settings(c, after)
	done := make([]int, 0, len(p.actions)-first)
	for i := first; i < len(p.actions); i++ {
		done = append(done, i)
	}
	return done
}

// resize replaces Foundation nodes by ones of another size. In a cluster the new one joins before the old one leaves.
func (p *planner) resize(c sorted, after []int) {
	names := c.names(catalog.KindFoundation, Resized)
	if len(names) == 0 {
		return
	}
	s := Step{
		Do:       "Replace the Foundation nodes by ones of the new size, " + strings.TrimPrefix(c.details(catalog.KindFoundation, Resized), "to ") + ", one at a time, starting the new before draining and stopping the old: " + strings.Join(names, ", ") + ".",
		Rollback: "Start the former nodes again and stop the new ones.",
	}
	if !p.in.To.Cluster.Clustered() || !p.in.From.Cluster.Clustered() {
		s.Do = "Stop Foundation, change its machine's size " + c.details(catalog.KindFoundation, Resized) + " and start it: " + strings.Join(names, ", ") + "."
		s.Downtime, s.Assumed = restart, true
		s.Rollback = "Change the size back in the same way."
	}
	p.add(s, nil, after...)
}

// settings changes what belongs to the cluster as a whole while it stays in clustered mode.
func (p *planner) settings(c sorted, after []int) {
	from, to := p.in.From.Cluster, p.in.To.Cluster
	if !from.Clustered() || !to.Clustered() {
		return
	}
	if text := settingsText(p.in.From, p.in.To); text != "" {
		p.add(Step{
			Do:       "Set " + text + " in platform-settings.json and restart the nodes one at a time, each after the one before answers on /Thingworx/ready.",
			Rollback: "Restore the former values and restart in the same way.",
		}, func(ph *phase) { ph.mode = atTo }, after...)
	}
	if c.has(catalog.KindIgnite) {
		p.add(Step{
			Do:       "Stop all Foundation nodes, switch the cache to Ignite " + string(p.in.To.Shape.Ignite) + " and start them one by one.",
			Downtime: restart, Assumed: true,
			Rollback: "Restore the former cache settings and restart.",
		}, func(ph *phase) { ph.ignite = atTo }, after...)
	}
}

// Downtime sums the interruptions of a migration.
func Downtime(steps []Step) time.Duration {
	var sum time.Duration
	for i := range steps {
		sum += steps[i].Downtime
	}
	return sum
}
