package migrate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// What says how a part differs.
type What string

// Ways to differ.
const (
	Added      What = "added"      // nodes or an infrastructure that are new
	Removed    What = "removed"    // nodes or an infrastructure no longer needed
	Moved      What = "moved"      // the same nodes on other machines
	Resized    What = "resized"    // the same nodes or server with another size
	Replaced   What = "replaced"   // an infrastructure by another of the same kind
	Configured What = "configured" // settings of a part that stays
)

// Change is one difference between two inventories of a cluster.
type Change struct {
	Kind   catalog.Kind
	What   What
	Names  []string // of the nodes or infrastructures concerned; of what is replaced the new one
	Was    string   // what is replaced
	Detail string   // for people; "" when the names say it
}

// Count is the number of parts that differ: every node and every infrastructure counts once for each way.
func Count(changes []Change) int {
	n := 0
	for i := range changes {
		n += max(1, len(changes[i].Names))
	}
	return n
}

// State is one inventory of a cluster with the parts found in it.
type State struct {
	Site    *inventory.Site
	Cluster *inventory.Cluster
	Shape   *catalog.Shape
}

// StateOf finds the parts of a cluster; the cluster must be one of the site's.
func StateOf(s *inventory.Site, c *inventory.Cluster) *State {
	return &State{Site: s, Cluster: c, Shape: catalog.ShapeOf(s, c)}
}

func (s *State) nodes(k catalog.Kind) []*inventory.Node { return s.Shape.Parts.Of(k).Nodes }

func (s *State) infra(k catalog.Kind) *inventory.Infrastructure {
	if l := s.Shape.Parts.Of(k).Infra; len(l) > 0 {
		return l[0]
	}
	return nil
}

func (s *State) use(as inventory.UseAs) *inventory.Use {
	for i := range s.Cluster.Uses {
		if s.Cluster.Uses[i].As == as {
			return &s.Cluster.Uses[i]
		}
	}
	return nil
}

// Changes lists what differs between two states of a cluster, in the order of the kinds. What one side does not know does not differ.
func Changes(from, to *State) []Change {
	d := differ{from: from, to: to}
	for _, k := range catalog.Kinds() {
		d.kind(k)
	}
	d.cluster()
	return d.out
}

type differ struct {
	from, to *State
	out      []Change
}

func (d *differ) add(k catalog.Kind, w What, detail string, names ...string) {
	if len(names) > 0 {
		d.out = append(d.out, Change{Kind: k, What: w, Names: names, Detail: detail})
	}
}

func (d *differ) kind(k catalog.Kind) {
	d.nodes(k)
	a, b := d.from.infra(k), d.to.infra(k)
	if k == catalog.KindPgPool || k == catalog.KindInfluxMeta {
		return // parts of an infrastructure that is compared under another kind
	}
	switch {
	case a == nil && b == nil:
	case a == nil:
		// The nodes of an infrastructure that has some say already that it is new.
		if len(b.Nodes) == 0 {
			d.add(k, Added, "", b.ID)
		}
	case b == nil:
		if len(a.Nodes) == 0 {
			d.add(k, Removed, "", a.ID)
		}
	case a.ID == b.ID:
		d.infra(k, a, b)
	case len(a.Nodes) == 0 && len(b.Nodes) == 0:
		d.out = append(d.out, Change{Kind: k, What: Replaced, Names: []string{b.ID}, Was: a.ID, Detail: replacedText(a, b)})
	case len(a.Nodes) == 0:
		d.add(k, Removed, "", a.ID)
	case len(b.Nodes) == 0:
		d.add(k, Added, "", b.ID)
	}
}

func replacedText(a, b *inventory.Infrastructure) string {
	switch {
	case a.Engine != b.Engine:
		return fmt.Sprintf("%s becomes %s", a.Engine.Title(), b.Engine.Title())
	case a.Placement.Region != b.Placement.Region:
		return fmt.Sprintf("from %s to %s", orUnknown(a.Placement.Region), b.Placement.Region)
	}
	return "a new one"
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown region"
	}
	return s
}

// nodes compares the nodes of a kind by name and machine.
func (d *differ) nodes(k catalog.Kind) {
	old, now := d.from.nodes(k), d.to.nodes(k)
	if len(old) == 0 && len(now) == 0 {
		return
	}
	var added, moved, resized, removed []string
	for _, n := range now {
		was := find(old, n.Name)
		switch {
		case was == nil:
			added = append(added, n.Name)
		case !sameMachine(was, n):
			moved = append(moved, n.Name)
		case sizeDiffers(was, n):
			resized = append(resized, n.Name)
		}
	}
	for _, n := range old {
		if find(now, n.Name) == nil {
			removed = append(removed, n.Name)
		}
	}
	d.add(k, Added, "", added...)
	d.add(k, Moved, "", moved...)
	if len(resized) > 0 {
		d.add(k, Resized, sizeText(find(now, resized[0]).CPU, find(now, resized[0]).MemoryGiB), resized...)
	}
	d.add(k, Removed, "", removed...)
}

func find(nodes []*inventory.Node, name string) *inventory.Node {
	for _, n := range nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// sameMachine compares machines. A name given to a machine that had none is no move.
func sameMachine(a, b *inventory.Node) bool {
	return (a.Machine == b.Machine || a.Machine == "") &&
		(a.Placement.Region == b.Placement.Region || a.Placement.Region == "") && (a.Placement.Zone == b.Placement.Zone || a.Placement.Zone == "")
}

func sizeDiffers(a, b *inventory.Node) bool {
	return a.CPU != 0 && b.CPU != 0 && a.CPU != b.CPU || a.MemoryGiB != 0 && b.MemoryGiB != 0 && a.MemoryGiB != b.MemoryGiB
}

func sizeText(cpu, memory float64) string {
	return "to " + number(cpu) + " vCPU and " + number(memory) + " GiB"
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// infra compares an infrastructure that stays.
func (d *differ) infra(k catalog.Kind, a, b *inventory.Infrastructure) {
	if a.CPU != 0 && b.CPU != 0 && (a.CPU != b.CPU || a.MemoryGiB != 0 && a.MemoryGiB != b.MemoryGiB) || a.SKU != "" && b.SKU != "" && a.SKU != b.SKU {
		d.add(k, Resized, sizeText(b.CPU, b.MemoryGiB), b.ID)
	}
	if m := modeOf(b); m != "" && m != modeOf(a) {
		text := "high availability " + string(m)
		if m == inventory.HANone {
			text = "high availability off"
		}
		d.add(k, Configured, text, b.ID)
	}
	if a.Tier != "" && a.Tier != b.Tier {
		d.add(k, Configured, "tier "+b.Tier, b.ID)
	}
	if k == catalog.KindStorage && a.Redundancy != "" && a.Redundancy != b.Redundancy {
		d.add(k, Configured, "redundancy "+string(b.Redundancy), b.ID)
	}
	if a.Protocol != "" && a.Protocol != b.Protocol {
		d.add(k, Configured, "protocol "+b.Protocol, b.ID)
	}
	if k == catalog.KindLoadBalancer && a.Redundant != nil && b.Redundant != nil && *a.Redundant != *b.Redundant {
		d.add(k, Configured, "redundant", b.ID)
	}
	if len(b.Replicas) > len(a.Replicas) {
		d.add(k, Configured, "a replica in "+b.Replicas[len(b.Replicas)-1].Region, b.ID)
	}
	if a.MaxConnections != 0 && a.MaxConnections != b.MaxConnections {
		d.add(k, Configured, "max_connections "+strconv.Itoa(b.MaxConnections), b.ID)
	}
	if !shared(a) && shared(b) {
		d.add(k, Configured, "shared", b.ID)
	}
}

func shared(i *inventory.Infrastructure) bool { return i.Shared != nil && *i.Shared }

func modeOf(i *inventory.Infrastructure) inventory.HAMode {
	if i.HighAvailability == nil {
		return ""
	}
	return i.HighAvailability.Mode
}

// cluster compares what belongs to the cluster as a whole.
func (d *differ) cluster() {
	a, b := d.from.Cluster, d.to.Cluster
	if a.ClusteredMode != nil && b.ClusteredMode != nil && *a.ClusteredMode != *b.ClusteredMode {
		text := "clustered mode on"
		if *a.ClusteredMode {
			text = "clustered mode off"
		}
		d.add(catalog.KindFoundation, Configured, text, a.ID)
	}
	if text := settingsText(d.from, d.to); a.Clustered() && b.Clustered() && text != "" {
		d.add(catalog.KindFoundation, Configured, text, a.ID)
	}
	if d.from.Shape.Ignite != "" && d.to.Shape.Ignite != "" && d.from.Shape.Ignite != d.to.Shape.Ignite {
		d.add(catalog.KindIgnite, Configured, string(d.to.Shape.Ignite), a.ID)
	}
	if a.Hosting != "" && a.Hosting != b.Hosting {
		d.add(catalog.KindFoundation, Configured, "hosting "+string(b.Hosting), a.ID)
	}
	if u, v := d.from.use(inventory.AsZooKeeper), d.to.use(inventory.AsZooKeeper); u != nil && v != nil && isolationDiffers(u, v) {
		d.add(catalog.KindZooKeeper, Configured, "namespace "+v.Namespace, v.Infrastructure)
	}
	if text := schemaText(d.from, d.to); text != "" {
		d.add(catalog.KindDatabase, Configured, text, d.to.use(inventory.AsDatabase).Infrastructure)
	}
	if text := pathText(d.from, d.to); text != "" {
		d.add(catalog.KindStorage, Configured, text, d.to.use(inventory.AsStorage).Infrastructure)
	}
	if u, v := d.from.use(inventory.AsLoadBalancer), d.to.use(inventory.AsLoadBalancer); u != nil && v != nil &&
		(u.HealthPath != "" && u.HealthPath != v.HealthPath || u.StickySessions != nil && !*u.StickySessions) {
		d.add(catalog.KindLoadBalancer, Configured, "health path "+v.HealthPath+" and sticky sessions", v.Infrastructure)
	}
}

// schemaText says that a cluster gets another database or schema on the server it stays on, "" when it does not.
func schemaText(from, to *State) string {
	u, v := from.use(inventory.AsDatabase), to.use(inventory.AsDatabase)
	if u == nil || v == nil || u.Infrastructure != v.Infrastructure || (u.Database == "" || u.Database == v.Database) && (u.Schema == "" || u.Schema == v.Schema) {
		return ""
	}
	return "database " + v.Database + " with schema " + v.Schema
}

// pathText says that a cluster gets another path on the storage it stays on, "" when it does not.
func pathText(from, to *State) string {
	u, v := from.use(inventory.AsStorage), to.use(inventory.AsStorage)
	if u == nil || v == nil || u.Infrastructure != v.Infrastructure || u.Path == "" || u.Path == v.Path {
		return ""
	}
	return "path " + v.Path
}

func isolationDiffers(a, b *inventory.Use) bool {
	return a.Namespace != b.Namespace || a.IgniteBasePath != b.IgniteBasePath || a.ConnectionServerBasePath != "" && a.ConnectionServerBasePath != b.ConnectionServerBasePath
}

// settingsText says which settings of platform-settings.json differ. What the start does not state is not known to differ.
func settingsText(from, to *State) string {
	x, y := from.Cluster.Settings, to.Cluster.Settings
	var out []string
	if x.ModelSyncMaxDBUnavailableErrors != nil && y.ModelSyncMaxDBUnavailableErrors != nil && *x.ModelSyncMaxDBUnavailableErrors != *y.ModelSyncMaxDBUnavailableErrors {
		out = append(out, "ModelSyncMaxDBUnavailableErrors "+strconv.Itoa(*y.ModelSyncMaxDBUnavailableErrors))
	}
	if x.HACompatibilityImportLevel != "" && x.HACompatibilityImportLevel != y.HACompatibilityImportLevel {
		out = append(out, "haCompatibilityImportLevel "+y.HACompatibilityImportLevel)
	}
	for _, n := range to.nodes(catalog.KindFoundation) {
		was := find(from.nodes(catalog.KindFoundation), n.Name)
		if was != nil && was.Settings.PlatformID != "" && was.Settings.PlatformID != n.Settings.PlatformID {
			out = append(out, "PlatformId "+n.Settings.PlatformID+" on "+n.Name)
		}
	}
	return strings.Join(out, ", ")
}
