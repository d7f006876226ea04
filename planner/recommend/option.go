package recommend

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/migrate"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// option writes a chosen variant out: bill, assumptions, migration.
func (w *world) option(c chosen, base float64) Option {
	v := c.variant
	o := Option{
		Objective: c.objective, Also: c.also, Architecture: v.arch.ID, Overlays: overlays(v.plan), Components: bill(v.plan, v.site),
		Availability: Availability{Serving: v.result.Serving, Full: v.result.Full},
		CostIndex:    1, Changes: v.count, Assumptions: w.assumptions(v), Migration: []Step{},
	}
	if base > 0 {
		o.CostIndex = math.Round(v.cost/base*1e4) / 1e4
	}
	if w.Prices != nil {
		o.Cost, o.Currency = v.price, w.prices.Currency
	}
	assumed := false
	for i, s := range w.migration(v) {
		o.Migration = append(o.Migration, Step{
			Step: i + 1, Do: s.Do, Downtime: s.Text(), Rollback: s.Rollback, Precondition: s.Precondition, Serving: s.Serving, Assumed: s.Assumed,
		})
		assumed = assumed || s.Assumed
	}
	if assumed {
		o.Assumptions = append(o.Assumptions, "durations of migration steps marked assumed come from no source; measure them in a rehearsal")
	}
	return o
}

func (w *world) migration(v *variant) []migrate.Step {
	in := migrate.Input{From: w.present, To: v.state, Need: w.need(), Chances: w.chances, ToServing: v.result.Serving, Others: w.sharedNow}
	if w.present == nil {
		empty := inventory.Cluster{ID: w.Cluster.ID}
		in.From = migrate.StateOf(w.Site, &empty)
		in.FromServing = math.SmallestNonzeroFloat64 // nothing runs, so that no state is below
		return migrate.Plan(in)
	}
	if !w.presentKnown {
		w.presentServing, w.presentKnown = availability.Cluster(w.Site, w.Cluster, w.need(), w.chances).Serving, true
	}
	in.FromServing = w.presentServing
	return migrate.Plan(in)
}

func overlays(p *catalog.Plan) []string {
	for _, k := range catalog.Kinds() {
		if p.Shared.Of(k) && p.Counts.Of(k) > 0 {
			return []string{catalog.SharedInfrastructure}
		}
	}
	return nil
}

// bill lists the components of a generated site, equal ones in one line, in the order of kinds.
func bill(p *catalog.Plan, site *inventory.Site) []BillItem {
	b := &biller{plan: p, first: map[string]catalog.Kind{}}
	c := &site.Clusters[0]
	for _, k := range []inventory.ComponentKind{inventory.Foundation, inventory.ConnectionServer, inventory.Ignite} {
		for i := range c.Components {
			if c.Components[i].Kind == k {
				b.nodes(catalog.Kind(k), c.Components[i].Nodes, &c.Components[i])
			}
		}
	}
	for i := range site.Infrastructure {
		b.infra(&site.Infrastructure[i])
	}
	slices.SortStableFunc(b.out, func(x, y BillItem) int { return catalog.Kind(x.Kind).Index() - catalog.Kind(y.Kind).Index() })
	return b.out
}

type biller struct {
	plan  *catalog.Plan
	first map[string]catalog.Kind // the first kind billed on each machine
	out   []BillItem
}

// crowded reports whether a machine carries parts of several kinds: the machine type of one part does not fit all of them.
func crowded(site *inventory.Site) (yes bool) {
	first := map[string]catalog.Kind{}
	each := func(nodes []inventory.Node, kind func(*inventory.Node) catalog.Kind) {
		for i := range nodes {
			m, k := nodes[i].Machine, kind(&nodes[i])
			was, taken := first[m]
			yes = yes || m != "" && taken && was != k
			first[m] = k
		}
	}
	c := &site.Clusters[0]
	for i := range c.Components {
		each(c.Components[i].Nodes, func(*inventory.Node) catalog.Kind { return catalog.Kind(c.Components[i].Kind) })
	}
	for i := range site.Infrastructure {
		inf := &site.Infrastructure[i]
		each(inf.Nodes, func(n *inventory.Node) catalog.Kind { return kindOf(inf, n) })
		each(inf.PgPool, func(*inventory.Node) catalog.Kind { return catalog.KindPgPool })
	}
	return yes
}

func (b *biller) add(i BillItem) {
	for j := range b.out {
		o := b.out[j]
		o.Count = i.Count
		if o == i {
			b.out[j].Count += i.Count
			return
		}
	}
	b.out = append(b.out, i)
}

func (b *biller) shared(k catalog.Kind) bool {
	switch k {
	case catalog.KindPgPool:
		k = catalog.KindDatabase
	case catalog.KindInfluxMeta:
		k = catalog.KindInfluxData
	}
	return b.plan.Shared.Of(k)
}

func (b *biller) nodes(k catalog.Kind, nodes []inventory.Node, c *inventory.Component) {
	for i := range nodes {
		n := &nodes[i]
		item := BillItem{
			Kind: string(k), Count: 1, CPU: n.CPU, MemoryGiB: n.MemoryGiB, SKU: n.SKU,
			Provider: n.Placement.Provider, Region: n.Placement.Region, Zone: n.Placement.Zone, Shared: b.shared(k),
		}
		if c != nil {
			item.Mode = string(c.Mode)
		}
		if k == catalog.KindDatabase {
			item.Engine = string(b.plan.Engine)
		}
		if n.Machine != "" {
			if on, taken := b.first[n.Machine]; taken && on != k {
				item.SharedOn = string(on)
			} else {
				b.first[n.Machine] = k
			}
		}
		b.add(item)
	}
	if len(nodes) == 0 && c != nil && c.Kind == inventory.Ignite {
		b.out = append(b.out, BillItem{Kind: string(k), Count: b.plan.Counts.Of(catalog.KindFoundation), Mode: string(c.Mode), SharedOn: string(catalog.KindFoundation)})
	}
}

func (b *biller) infra(inf *inventory.Infrastructure) {
	item := BillItem{
		Provider: inf.Placement.Provider, Region: inf.Placement.Region, Zone: inf.Placement.Zone, Redundancy: string(inf.Redundancy),
		CPU: inf.CPU, MemoryGiB: inf.MemoryGiB, StorageGiB: inf.StorageGiB, SKU: inf.SKU, Count: 1,
	}
	switch inf.Kind {
	case inventory.KindLoadBalancer:
		item.Kind, item.Count = string(catalog.KindLoadBalancer), b.plan.Counts.Of(catalog.KindLoadBalancer)
		if inf.Redundant != nil && *inf.Redundant {
			item.Redundancy = "redundant"
		}
	case inventory.KindStorage:
		item.Kind = string(catalog.KindStorage)
	case inventory.KindZooKeeper:
		b.nodes(catalog.KindZooKeeper, inf.Nodes, nil)
		if len(inf.Nodes) > 0 {
			return
		}
		item.Kind, item.Count = string(catalog.KindZooKeeper), b.plan.Counts.Of(catalog.KindZooKeeper)
	case inventory.KindDatabase:
		b.nodes(catalog.KindDatabase, inf.Nodes, nil)
		b.nodes(catalog.KindPgPool, inf.PgPool, nil)
		defer b.replicas(inf) // after the server they copy
		if len(inf.Nodes) > 0 {
			return
		}
		item.Kind, item.Engine = string(catalog.KindDatabase), string(inf.Engine)
		if inf.HighAvailability != nil {
			item.Mode = string(inf.HighAvailability.Mode)
		}
	default:
		for i := range inf.Nodes {
			b.nodes(kindOf(inf, &inf.Nodes[i]), inf.Nodes[i:i+1], nil)
		}
		return
	}
	item.Shared = b.shared(catalog.Kind(item.Kind))
	b.out = append(b.out, item)
}

func (b *biller) replicas(inf *inventory.Infrastructure) {
	m := b.plan.Machines.Of(catalog.KindDatabase)
	for _, r := range inf.Replicas {
		b.add(BillItem{
			Kind: string(catalog.KindDatabase), Count: 1, CPU: m.CPU, MemoryGiB: m.MemoryGiB, SKU: m.SKU, Engine: string(inf.Engine),
			Mode: "recovery", Provider: inf.Placement.Provider, Region: r.Region, Zone: r.Zone,
		})
	}
}

// assumptions lists what an option rests on that no source and no inventory says.
func (w *world) assumptions(v *variant) []string {
	p := v.plan
	var out []string
	add := func(s string) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	add(v.at.note)
	if v.at.hosting == inventory.HostingPTCCloud && w.presentHosting() != inventory.HostingPTCCloud {
		add("PTC Cloud Services decides region and products; Azure is taken for it")
	}
	if !v.size.Known {
		add("no workload is given: machines keep their size, or take PTC's least one of 4 vCPU and 16 GiB")
	}
	for _, s := range v.size.Assumptions {
		add(s)
	}
	if g := w.growth(); g > 0 {
		add(fmt.Sprintf("sized for the load of today; it grows by %s a year", strings.TrimSuffix(percentWhole(g), " ")))
	}
	var assumed []string
	for _, k := range []catalog.Kind{catalog.KindConnectionServer, catalog.KindIgnite, catalog.KindPgPool, catalog.KindInfluxMeta} {
		if m := p.Machines.Of(k); p.Counts.Of(k) > 0 && m == assumedMachine(k) {
			assumed = append(assumed, fmt.Sprintf("%s %g vCPU and %g GiB", k, m.CPU, m.MemoryGiB))
		}
	}
	if len(assumed) > 0 {
		add("PTC publishes no machine for these; assumed: " + strings.Join(assumed, ", "))
	}
	if crowded(v.site) {
		add("a machine that carries several components needs the sum of their sizes; a machine type given is that of the one component")
	}
	if w.Prices == nil {
		add(costAssumption)
	}
	licensed := p.Engine == inventory.EngineSQLServer || p.Engine == inventory.EngineAzureSQL
	switch {
	case licensed && w.Prices == nil:
		add(fmt.Sprintf("a licence of %s is taken to cost as much as %g vCPU for each vCPU", p.Engine.Title(), w.prices.Licences[p.Engine]))
	case licensed && w.prices.Licences[p.Engine] == 0:
		add("the price file names no licence of " + p.Engine.Title() + ": its cost comes on top, or is paid already")
	}
	switch v.moves {
	case changes:
		add(fmt.Sprintf("going from %s to %s is weighed as %s of the cost", w.shape.Engine.Title(), p.Engine.Title(), percentWhole(changeWeight-1)))
	case converts:
		add(fmt.Sprintf("going from %s to %s is a conversion of model and data, for which no source describes a way in place; it is weighed as %s of the cost",
			w.shape.Engine.Title(), p.Engine.Title(), percentWhole(conversionWeight-1)))
	}
	if len(overlays(p)) > 0 {
		add("what is shared is paid by all its tenants in equal parts, at least two")
	}
	if p.Timeseries == catalog.TimeseriesInflux && v.arch.HighlyAvailable {
		add("logged values are not highly available: InfluxDB stays a single node")
	}
	if p.Timeseries == catalog.TimeseriesEnterprise && p.Demand.ReplicationFactor == 0 {
		add("InfluxDB Enterprise keeps two copies of every value")
	}
	if v.arch.Clustered {
		add("the cluster tolerates the loss of its database for " + inventory.Duration(catalog.Failover).String() + ", half as long again as the longest usual failover of Flexible Server")
		if w.objectives.RPO != nil {
			add("a Foundation node that crashes loses its queued writes, whatever the database keeps")
		}
	}
	if w.recovers() {
		own := w.Site.Site.ID + "-recovery"
		switch p.RecoveryRegion {
		case "":
			add("disaster recovery needs a second place, which is not known: name an allowed region or data centre")
		case own:
			add("disaster recovery needs a second region or data centre; it is called " + own + " here")
			fallthrough
		default:
			add("the copy of the database in " + p.RecoveryRegion + " is asynchronous, and Foundation is installed there anew after a disaster")
		}
	}
	if w.allowed(p.Provider, p.Region) == undecided {
		add("whether data may be in " + orNone(p.Region) + " is not known: its geography is not")
	}
	return out
}

func (w *world) growth() float64 {
	if w.Cluster.Workload == nil {
		return 0
	}
	return w.Cluster.Workload.GrowthPerYear
}

func percentWhole(p float64) string { return fmt.Sprintf("%g %%", math.Round(p*1000)/10) }

func orNone(s string) string {
	if s == "" {
		return "a region that is not known"
	}
	return s
}

// reasons says in a few sentences why the first option is recommended.
func (w *world) reasons(o *options) []string {
	if len(o.chosen) == 0 {
		return w.hopeless(o)
	}
	v := o.chosen[0].variant
	var out []string
	switch need := w.objectives.HighAvailability; {
	case need == inventory.Required:
		out = append(out, "High availability is required; "+v.arch.Title+" survives the loss of any one machine.")
	case need == inventory.Preferred && v.arch.HighlyAvailable:
		out = append(out, "High availability is preferred and to be had: "+v.arch.Title+" meets the other objectives, too.")
	case need == inventory.NotNeeded && !v.arch.HighlyAvailable:
		out = append(out, "You do not need high availability: "+v.arch.Title+" meets the objectives.")
	case need == inventory.NotNeeded:
		out = append(out, "High availability is not asked for, but nothing simpler meets the other objectives.")
	case need == "":
		out = append(out, "The objectives do not say whether high availability is needed; the cheapest option that meets the rest is taken.")
	}
	if o.chosen[0].objective != Cheapest {
		why := "It keeps the present architecture"
		if slices.ContainsFunc(o.chosen, func(c chosen) bool {
			return c.objective == Cheapest && c.variant.arch == v.arch && c.variant.moves != stays
		}) {
			why = "It keeps the present database"
		}
		if side := w.side(); side != "" && v.plan.Region == side && v.arch.ID != w.Recognised.Architecture {
			why = "It brings ThingWorx and its database together in " + side
		}
		out = append(out, fmt.Sprintf("%s at %s of the cost of the cheapest option, which is too little to be saved.", why, ratio(v.cost, o.base)))
	}
	if w.objectives.Availability > 0 {
		out = append(out, fmt.Sprintf("It serves %s of the time; the objective is %s.", percent(v.result.Serving), percent(w.objectives.Availability)))
	}
	if v.size.Known {
		text := fmt.Sprintf("%s things and %s property writes per second are %s by PTC's sizing, decided by %s", sizing.Thousands(v.size.Things), sizing.Thousands(int(math.Round(v.size.WPS))), v.size.Size, sizing.CriterionText(v.size.DecidedBy))
		if n := v.size.ConnectionServers; n > 1 {
			text += fmt.Sprintf("; the things take %d connection servers", n)
		}
		out = append(out, text+".")
	}
	if v.size.WPS > relationalWrites {
		out = append(out, fmt.Sprintf("Logged values go to InfluxDB: PTC gives relational databases up to %s writes per second.", sizing.Thousands(relationalWrites)))
	}
	if foundation, database := w.regions(); len(foundation) > 0 && database.Region != "" && (len(foundation) > 1 || foundation[0].Region != database.Region) {
		out = append(out, "ThingWorx and its database are brought together in "+v.plan.Region+".")
	}
	if w.present != nil && v.arch.ID == w.Recognised.Architecture && len(v.changes) == 0 {
		out = append(out, "Nothing has to change.")
	}
	why := "with it the option would cost more, the change weighed in"
	if o.chosen[0].objective == MostAvailable {
		why = "the option is more available"
	}
	return append(out, w.databaseReason(v, why))
}

// databaseReason names the database product. why tells what speaks against the present one where it would fit, too.
func (w *world) databaseReason(v *variant, why string) string {
	e := v.plan.Engine
	others := w.alternatives(v.arch, v.at, e)
	text := "The database is " + e.Title()
	switch was := w.shape.Engine; {
	case was == e:
		text += ", as now"
	case was != "" && !w.accepts(was):
		text += fmt.Sprintf(" instead of %s, as is decided", was.Title())
	case was != "" && w.fits(v.arch, v.at, was):
		text += fmt.Sprintf(" instead of %s, because %s", was.Title(), why)
	case was != "":
		text += fmt.Sprintf(" instead of %s, which %s on %s cannot use", was.Title(), v.arch.Title, v.at.hosting)
	}
	if len(others) > 0 {
		text += "; alternatives: " + strings.Join(others, ", ")
	}
	return text + "."
}

// hopeless says what stands in the way where no option meets the objectives.
func (w *world) hopeless(o *options) []string {
	out := []string{"No reference architecture meets the objectives; the rejections say what each lacks."}
	if o.best.Serving > 0 && o.best.Serving < w.objectives.Availability {
		out = append(out, fmt.Sprintf("The best variant serves %s of the time. PTC keeps the Foundation nodes of a cluster in one zone, so that zone and region bound what any architecture reaches; relax the availability objective of %s or the chances of the policy.",
			percent(o.best.Serving), percent(w.objectives.Availability)))
	}
	return out
}
