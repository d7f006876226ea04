package migrate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Durations of interruptions. Azure states the failover of Flexible Server (60 to 120 s); no source gives the others, so
// steps that take them are marked Assumed.
const (
	flexibleFailover = 2 * time.Minute
	restart          = 15 * time.Minute // all Foundation nodes stop and start
	switchDatabase   = 15 * time.Minute // writes stop, the copy catches up, clients follow
	copyDatabase     = time.Hour        // dump and restore within one family of products
	convertDatabase  = 4 * time.Hour    // export and import into another product
	copyStorage      = 30 * time.Minute // the last changes are copied while Foundation is stopped
	clusteredSwitch  = 30 * time.Minute // first start in clustered mode
	moveRegion       = time.Hour        // everything stops in one place and starts in another
)

// convertFirst is what goes before a conversion of the database.
const convertFirst = "A rehearsal of the export and import on a copy, with its duration measured: no source describes a conversion in place between these products."

// sorted holds the changes by kind and way.
type sorted []Change

func (c sorted) names(k catalog.Kind, ways ...What) []string {
	var out []string
	for i := range c {
		if c[i].Kind == k && slices.Contains(ways, c[i].What) {
			out = append(out, c[i].Names...)
		}
	}
	return out
}

// left reports whether the cluster leaves a part that other clusters go on using.
func (p *planner) left(k catalog.Kind) bool {
	switch k {
	case catalog.KindPgPool:
		k = catalog.KindDatabase
	case catalog.KindInfluxMeta:
		k = catalog.KindInfluxData
	}
	a, b := p.in.From.infra(k), p.in.To.infra(k)
	return p.in.Others.Of(k) && a != nil && (b == nil || a.ID != b.ID)
}

// former lists what is no longer needed: nodes that are removed or move, and infrastructures that are removed or replaced, but
// for what others go on using.
func (p *planner) former(c sorted) []string {
	var out []string
	for _, k := range catalog.Kinds() {
		for i := range c {
			switch x := &c[i]; {
			case x.Kind != k || p.left(k):
			case x.What == Replaced:
				out = append(out, listed([]string{x.Was}, noun(k, p.in.From, x.Was)))
			case x.What == Removed || x.What == Moved:
				out = append(out, listed(x.Names, noun(k, p.in.From, x.Names[0])))
			}
		}
	}
	return out
}

func (c sorted) has(k catalog.Kind) bool {
	return slices.ContainsFunc(c, func(x Change) bool { return x.Kind == k })
}

func (c sorted) details(k catalog.Kind, ways ...What) string {
	var out []string
	for i := range c {
		if c[i].Kind == k && c[i].Detail != "" && (len(ways) == 0 || slices.Contains(ways, c[i].What)) {
			out = append(out, c[i].Detail)
		}
	}
	return strings.Join(out, ", ")
}

func (p *planner) add(s Step, apply func(*phase), after ...int) int {
	if p.fresh {
		s.Downtime, s.Assumed = 0, false
	}
	p.actions = append(p.actions, action{step: s, apply: apply, after: after})
	return len(p.actions) - 1
}

// collect turns the changes into actions in PTC's order.
func (p *planner) collect(changes []Change) {
	c := sorted(changes)
	var base []int
	if !p.fresh {
		base = append(base, p.add(Step{
			Do:       "Back up the database, ThingworxStorage and the platform settings of every node, and test that they can be restored.",
			Rollback: "Nothing to take back.",
		}, nil))
	}
	base = append(base, p.upgrade()...)
	base = append(base, p.provision(c, base)...)
	if p.relocates(c) {
		p.relocate(c, base)
		return
	}
	single := p.in.From.Cluster.Clustered() && !p.in.To.Cluster.Clustered()
	if single {
		// A cluster is taken down to one server before it loses what only clusters need.
		base = append(base, p.foundation(c, base)...)
	}
	zk := p.zookeeper(c, base)
	storage := p.storage(c, base)
	db := p.database(c, base)
	p.timeseries(c, slices.Concat(base, db))
	cs := p.connections(c, slices.Concat(base, zk))
	if !single {
		p.foundation(c, slices.Concat(base, zk, storage, db, cs))
	}
	p.balancer(c, base)
	p.remove(c)
}

// upgrade asks for a version the target architecture runs on.
func (p *planner) upgrade() []int {
	from, to := p.in.From.Cluster.ThingworxVersion, p.in.To.Cluster.ThingworxVersion
	if from == "" || from == to || p.fresh {
		return nil
	}
	return []int{p.add(Step{
		Do:       fmt.Sprintf("Upgrade ThingWorx from %s to %s in its present architecture, with every federated server on the same version.", from, to),
		Downtime: restart, Assumed: true,
		Rollback:     "Restore the backup taken before; an upgraded database cannot be read by the older version.",
		Precondition: "A tested backup, and extensions that are released for the new version.",
	}, nil)}
}

// relocates reports whether Foundation leaves its region or zone. Foundation nodes in two places at once would form the
// spread cluster that PTC does not support, so such a move is made in one window.
func (p *planner) relocates(c sorted) bool {
	if p.fresh || len(c.names(catalog.KindFoundation, Moved, Added, Removed)) == 0 {
		return false
	}
	for _, a := range p.in.From.nodes(catalog.KindFoundation) {
		for _, b := range p.in.To.nodes(catalog.KindFoundation) {
			x, y := a.Placement, b.Placement
			if x.Region != "" && y.Region != "" && x.Region != y.Region || x.Provider != "" && x.Provider != y.Provider || x.Zone != "" && y.Zone != "" && x.Zone != y.Zone {
				return true
			}
		}
	}
	return false
}

func (p *planner) relocate(c sorted, base []int) {
	to := regionOf(p.in.To)
	if to == "" {
		to = "the new place"
	}
	copied := p.add(Step{
		Do:           fmt.Sprintf("Set up ZooKeeper, storage and the database in %s, start copying: a replica of the database where its product has them, and a first copy of ThingworxStorage.", to),
		Rollback:     "Remove the copies; nothing uses them yet.",
		Precondition: "Network between both places, and leave of the policy for the data to be in " + to + ".",
	}, nil, base...)
	moved := p.add(Step{
		Do:       fmt.Sprintf("Stop Foundation and the connection servers, wait until the copies have caught up, promote the database in %s, start ZooKeeper, then the connection servers, then the Foundation nodes one by one, and point the load balancer and DNS to them.", to),
		Downtime: moveRegion, Assumed: true,
		Rollback:     "Stop the new nodes, point the load balancer and DNS back and start the old nodes; what was written in between is lost.",
		Precondition: "The copies lag by no more than the window allows. A promoted replica of Flexible Server has no high availability: switch it on before the window ends.",
	}, func(ph *phase) { *ph = phase{atTo, atTo, atTo, atTo, atTo, atTo, atTo, atTo, atTo} }, copied)
	if a, b := p.in.From.infra(catalog.KindDatabase), p.in.To.infra(catalog.KindDatabase); a != nil && b != nil && a.Engine != "" && a.Engine != b.Engine {
		exchange(&p.actions[copied].step, &p.actions[moved].step, a, b)
	}
	p.add(Step{
		Do:       "Remove what is left in the old place after a week of undisturbed service: " + list(p.former(c)) + ".",
		Rollback: "Restore from the last backup of the old place.",
	}, nil, moved)
}

// exchange has a move to another place change the database product as well, which no replica does.
func exchange(copied, moved *Step, a, b *inventory.Infrastructure) {
	to := b.Placement.Region
	if to == "" {
		to = "the new place"
	}
	how, takes, before := "dump the database of "+a.Engine.Title()+" and restore it in "+b.Engine.Title(), copyDatabase, "A rehearsal of the dump and restore on a copy, with its duration measured."
	if !a.Engine.SameFamily(b.Engine) {
		how, takes, before = "export the model and data from "+a.Engine.Title()+" and import them into "+b.Engine.Title(), convertDatabase, convertFirst
	}
	copied.Do = fmt.Sprintf("Set up ZooKeeper, storage and %s in %s, and start a first copy of ThingworxStorage.", b.Engine.Title(), to)
	copied.Precondition = strings.TrimSpace(copied.Precondition + " " + before)
	moved.Do = fmt.Sprintf("Stop Foundation and the connection servers, wait until the copy of ThingworxStorage has caught up, %s, start ZooKeeper, then the connection servers, then the Foundation nodes one by one, with the new persistence provider, and point the load balancer and DNS to them.", how)
	moved.Downtime += takes
	moved.Precondition = "The copy lags by no more than the window allows."
}

func list(names []string) string {
	if len(names) == 0 {
		return "the old resources"
	}
	return strings.Join(names, "; ")
}

// noun says what a name of a kind stands for: a node or an infrastructure.
func noun(k catalog.Kind, of *State, name string) string {
	node := find(of.nodes(k), name) != nil
	switch k {
	case catalog.KindLoadBalancer:
		return "load balancer"
	case catalog.KindConnectionServer:
		return "connection server"
	case catalog.KindFoundation:
		return "Foundation node"
	case catalog.KindIgnite:
		return "Ignite node"
	case catalog.KindZooKeeper:
		if node {
			return "ZooKeeper member"
		}
		return "ZooKeeper ensemble"
	case catalog.KindDatabase:
		if node {
			return "database node"
		}
	case catalog.KindPgPool:
		return "pgpool-II node"
	case catalog.KindInflux:
		return "InfluxDB node"
	case catalog.KindInfluxMeta:
		return "InfluxDB meta node"
	case catalog.KindInfluxData:
		return "InfluxDB data node"
	}
	return string(k)
}

// provision lists what is to be set up before anything changes.
func (p *planner) provision(c sorted, base []int) []int {
	var what []string
	for _, k := range catalog.Kinds() {
		if names := c.names(k, Added, Moved, Replaced); len(names) > 0 {
			what = append(what, fmt.Sprintf("%s (%s)", counted(len(names), noun(k, p.in.To, names[0])), strings.Join(names, ", ")))
		}
	}
	if len(what) == 0 {
		return nil
	}
	where := ""
	if r := regionOf(p.in.To); r != "" {
		where = " in " + r
	}
	return []int{p.add(Step{
		Do:       "Provision machines and services" + where + ", with network and firewall rules: " + strings.Join(what, "; ") + ".",
		Rollback: "Remove them; nothing uses them yet.",
	}, nil, base...)}
}

func (p *planner) zookeeper(c sorted, base []int) []int {
	if !c.has(catalog.KindZooKeeper) {
		return nil
	}
	if !p.in.To.Cluster.Clustered() {
		return nil // removed at the end, when nothing asks it any more
	}
	running := p.in.From.Cluster.Clustered() && p.in.From.Shape.Parts.Of(catalog.KindZooKeeper).Count > 0
	apply := func(ph *phase) { ph.zookeeper = atTo }
	namespace := c.details(catalog.KindZooKeeper, Configured)
	s := Step{Rollback: "Restore the previous zoo.cfg on every member and restart them one at a time."}
	members := len(p.in.To.nodes(catalog.KindZooKeeper))
	switch {
	case p.left(catalog.KindZooKeeper):
		u := p.in.To.use(inventory.AsZooKeeper)
		s.Do = fmt.Sprintf("Install a ZooKeeper ensemble of %d members for this cluster alone and check that it has a leader. Stop all Foundation nodes and connection servers, set the coordinator hosts to it, with ZKNamespace %s, the Ignite base path %s and the connection servers' base path %s, and start them one by one.", members, u.Namespace, u.IgniteBasePath, u.ConnectionServerBasePath)
		s.Downtime, s.Assumed = restart, true
		s.Rollback = "Set the former coordinator hosts and paths on every node and restart them."
	case !running:
		s.Do = fmt.Sprintf("Install a ZooKeeper ensemble of %d members and check that it has a leader.", members)
		s.Rollback = "Stop it; nothing uses it yet."
	case namespace != "" && strings.Contains(namespace, "namespace"):
		u := p.in.To.use(inventory.AsZooKeeper)
		s.Do = fmt.Sprintf("Stop all Foundation nodes and connection servers, set ZKNamespace %s, the Ignite base path %s and the connection servers' base path %s, and start them one by one.", u.Namespace, u.IgniteBasePath, u.ConnectionServerBasePath)
		if len(c.names(catalog.KindZooKeeper, Added, Moved, Removed, Replaced)) > 0 {
			s.Do = fmt.Sprintf("Bring the ZooKeeper ensemble to its %d members and check that it has a leader. ", members) + s.Do
		}
		s.Downtime, s.Assumed = restart, true
		s.Rollback = "Set the former paths on every node and restart them."
	default:
		s.Do = fmt.Sprintf("Bring the ZooKeeper ensemble to its %d members: add new ones, restart the members one at a time with the leader last, then update the coordinator hosts of every node.", members)
		s.Precondition = "All present members are up, so that the restart of one leaves a majority."
	}
	return []int{p.add(s, apply, base...)}
}

func (p *planner) storage(c sorted, base []int) []int {
	if !c.has(catalog.KindStorage) || len(c.names(catalog.KindStorage, Removed)) > 0 && p.in.To.infra(catalog.KindStorage) == nil {
		return nil
	}
	s := Step{Rollback: "Mount the former storage again."}
	switch {
	case p.fresh:
		s.Do = "Set up the storage for ThingworxStorage and mount it on every Foundation node. /ThingworxPlatform stays local to each node."
		s.Rollback = "Remove it; nothing uses it yet."
	case len(c.names(catalog.KindStorage, Added, Replaced)) > 0:
		s.Do = "Copy ThingworxStorage and the repositories to the new shared storage while serving, stop Foundation, copy the last changes, mount it on every node and start again. /ThingworxPlatform stays local to each node."
		s.Downtime, s.Assumed = copyStorage, true
	case pathText(p.in.From, p.in.To) != "":
		s.Do = "Change the storage: " + c.details(catalog.KindStorage) + ". Copy what is this cluster's of ThingworxStorage to the new path while serving, stop Foundation, copy the last changes, mount the new path on every node and start again."
		s.Downtime, s.Assumed = copyStorage, true
		s.Rollback = "Mount the former path again."
		s.Precondition = "It is known which repositories belong to this cluster, because another one uses the same path."
	default:
		s.Do = "Change the storage: " + c.details(catalog.KindStorage) + "."
		s.Precondition = "The storage product allows the change while it is mounted; otherwise copy to a new share in a maintenance window."
	}
	return []int{p.add(s, func(ph *phase) { ph.storage = atTo }, base...)}
}

func (p *planner) timeseries(c sorted, base []int) {
	kinds := []catalog.Kind{catalog.KindInflux, catalog.KindInfluxData, catalog.KindInfluxMeta}
	if !slices.ContainsFunc(kinds, c.has) {
		return
	}
	s := Step{
		Do:       "Set up InfluxDB with its nodes, create the database, and point the value streams' persistence provider to it; migrate the values that are still needed.",
		Rollback: "Point the value streams back to the former provider; values written in between stay in InfluxDB.",
		Downtime: restart, Assumed: true,
		Precondition: "The relational database stays: the model needs it.",
	}
	switch {
	case p.in.To.Shape.Timeseries == catalog.TimeseriesRelational:
		s.Do = "Point the value streams' persistence provider to the relational database and migrate the values that are still needed."
		s.Precondition = "The relational database carries the writes."
	case p.in.From.Shape.Timeseries == p.in.To.Shape.Timeseries:
		s.Do = "Change InfluxDB: " + p.changed(c, kinds) + "."
		s.Precondition = ""
	}
	p.add(s, func(ph *phase) { ph.series = atTo }, base...)
}

// listed names one thing or several of a kind.
func listed(names []string, what string) string {
	if len(names) > 1 {
		what += "s"
	}
	return what + " " + strings.Join(names, ", ")
}

func (p *planner) changed(c sorted, kinds []catalog.Kind) string {
	var out []string
	for _, x := range c {
		if slices.Contains(kinds, x.Kind) {
			text := "the " + listed(x.Names, noun(x.Kind, p.in.To, x.Names[0])) + " " + string(x.What)
			if x.What == Moved {
				text += " to new machines"
			}
			out = append(out, strings.TrimSpace(text+" "+x.Detail))
		}
	}
	return strings.Join(out, "; ")
}

func (p *planner) connections(c sorted, after []int) []int {
	names := c.names(catalog.KindConnectionServer, Added, Moved)
	switch {
	case len(names) > 0:
		return []int{p.add(Step{
			Do:       "Start the " + listed(names, "connection server") + ", and let the load balancer send to each once its health port answers 200.",
			Rollback: "Take out of the load balancer what was added, and stop it.",
		}, func(ph *phase) { ph.connections = atBoth }, after...)}
	case c.has(catalog.KindConnectionServer) && len(c.names(catalog.KindConnectionServer, Resized)) > 0:
		return []int{p.add(Step{
			Do:       "Replace the connection servers by ones of the new size, one at a time, starting the new before stopping the old: " + strings.Join(c.names(catalog.KindConnectionServer, Resized), ", ") + ".",
			Rollback: "Start the former ones again.",
		}, nil, after...)}
	}
	return nil
}

func (p *planner) balancer(c sorted, base []int) {
	if !c.has(catalog.KindLoadBalancer) {
		return
	}
	s := Step{
		Do:       "Set up the load balancer with sticky sessions, the health check /Thingworx/ready for Foundation, and the WebSocket paths to the connection servers; then let DNS point to it.",
		Rollback: "Let DNS point to the former entry.",
	}
	switch {
	case p.in.To.infra(catalog.KindLoadBalancer) == nil && len(p.in.To.nodes(catalog.KindLoadBalancer)) == 0:
		return // removed at the end
	case len(c.names(catalog.KindLoadBalancer, Added, Replaced)) == 0:
		s.Do = "Change the load balancer: " + c.details(catalog.KindLoadBalancer) + "."
		s.Rollback = "Restore its former configuration."
	}
	p.add(s, func(ph *phase) { ph.balancer = atTo }, base...)
}

// remove takes down what the target no longer has, last of all.
func (p *planner) remove(c sorted) {
	what := p.former(c)
	all := make([]int, len(p.actions))
	for i := range all {
		all[i] = i
	}
	finish := func(ph *phase) { *ph = phase{atTo, atTo, atTo, atTo, atTo, atTo, atTo, atTo, atTo} }
	if len(what) == 0 {
		return
	}
	p.add(Step{
		Do:       "Drain and stop what is no longer needed, one at a time, and remove it after a week of undisturbed service: the former " + strings.Join(what, "; ") + ".",
		Rollback: "Start it again as long as it is not removed.",
	}, finish, all...)
}
