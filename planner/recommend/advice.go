package recommend

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// advice compares both ways to bring ThingWorx and its database together, nil when they are together or one of the places
// is not known.
//
// The database moves by default: it is one resource with a replica to move by, while ThingWorx takes everything around it
// along. ThingWorx moves when the database may not leave, or when more clusters use it where it is. Where both may move, the
// side is that of the recommended option, so that advice and option never contradict each other.
func (w *world) advice(o *options) []Advice {
	foundation, db := w.regions()
	if len(foundation) != 1 || db.Region == "" || foundation[0].Region == db.Region && sameProvider(foundation[0], db) {
		return nil
	}
	twx := foundation[0]
	others := w.otherTenants()
	near := w.tenantsIn(others, db.Region)
	trip := w.roundTrip(twx, db)

	moveDB := Advice{Move: "database", To: twx.Region, RoundTrip: trip, Residency: w.residencyText(twx), Dependants: others}
	moveTWX := Advice{Move: "thingworx", To: db.Region, RoundTrip: trip, Residency: w.residencyText(db), Dependants: w.around(twx)}
	dbMay, twxMay := w.allowed(twx.Provider, twx.Region) != forbidden, w.allowed(db.Provider, db.Region) != forbidden
	now := ""
	if trip != "" {
		now = tripText(trip)
	}
	lead, beside := "", w.side() == db.Region
	if len(o.chosen) > 0 {
		lead = o.chosen[0].variant.plan.Region
	}
	switch lead {
	case twx.Region:
		beside = false
	case db.Region:
		beside = true
	}
	switch {
	case !dbMay && !twxMay:
		moveDB.Why = "Neither region lies in the allowed geographies: move both to one that does." + now
		if lead != "" {
			moveDB.Why = "Neither region lies in the allowed geographies: move both to one that does, as the recommended option does to " + lead + "." + now
		}
		moveTWX.Why = moveDB.Why
	case !dbMay:
		moveTWX.Preferred = true
		moveTWX.Why = "The database may not be moved to " + twx.Region + "." + now
		moveDB.Why = twx.Region + " does not lie in the allowed geographies."
	case !twxMay:
		moveDB.Preferred = true
		moveDB.Why = "ThingWorx and its data may not be in " + db.Region + "." + now
		moveTWX.Why = db.Region + " does not lie in the allowed geographies."
	case beside && len(near) > 0:
		moveTWX.Preferred = true
		moveTWX.Why = fmt.Sprintf("The database is also used by %s in %s, from which it would be far.%s", strings.Join(near, ", "), db.Region, now)
		moveDB.Why = "It would take the database away from its other users; a database of its own would be needed."
	case beside:
		moveTWX.Preferred = true
		moveTWX.Why = "The recommended option is there; everything around ThingWorx moves along." + now
		moveDB.Why = "One resource would move, but the recommended option is in " + db.Region + "."
	case len(near) > 0:
		moveDB.Preferred = true
		moveDB.Why = fmt.Sprintf("The database also serves %s in %s, so this cluster gets one of its own; users and devices keep their way to ThingWorx.%s", strings.Join(near, ", "), db.Region, now)
		moveTWX.Why = "It would be beside the database and its other users, but everything around ThingWorx moves along, and users and devices get a longer way."
	default:
		moveDB.Preferred = true
		moveDB.Why = "One resource moves, and users and devices keep their way to ThingWorx." + now
		moveTWX.Why = "Everything around ThingWorx moves along, and users and devices get a longer way."
	}
	return []Advice{moveDB, moveTWX}
}

// side is the region in which ThingWorx and its database should come together, all else being equal; "" when they are together
// or neither place is known or allowed.
func (w *world) side() string {
	foundation, db := w.regions()
	if len(foundation) != 1 || db.Region == "" || foundation[0].Region == db.Region && sameProvider(foundation[0], db) {
		return ""
	}
	twx := foundation[0]
	dbMay, twxMay := w.allowed(twx.Provider, twx.Region) != forbidden, w.allowed(db.Provider, db.Region) != forbidden
	switch {
	case !dbMay && !twxMay:
		return ""
	case !twxMay, dbMay && len(w.tenantsIn(w.otherTenants(), db.Region)) == 0:
		return twx.Region
	}
	return db.Region
}

func sameProvider(a, b inventory.Placement) bool {
	return a.Provider == b.Provider || a.Provider == "" || b.Provider == ""
}

// published ends a round trip that the provider publishes.
const published = " (published p95)"

// roundTrip is the published round trip between both sides, else the measured one; "" when neither is known.
func (w *world) roundTrip(twx, db inventory.Placement) string {
	if w.Regions != nil && sameProvider(twx, db) {
		if d, ok := w.Regions.RoundTrip(twx.Provider, twx.Region, db.Region); ok {
			return inventory.Duration(d).String() + published
		}
	}
	return measuredTrip(w.Site, w.Cluster.ID)
}

// tripText is the sentence that says what the distance costs.
func tripText(trip string) string {
	return fmt.Sprintf(" Each of ThingWorx's many round trips to the database takes %s now.", trip)
}

// measuredTrip is the worst round trip to the database that was measured from a cluster's nodes; "" for none.
func measuredTrip(s *inventory.Site, cluster string) string {
	prefix := s.Site.ID + "/" + cluster + "/"
	var worst inventory.Duration
	for i := range s.Probes {
		p := &s.Probes[i]
		if p.Kind == inventory.ProbeDatabaseRoundTrip && strings.HasPrefix(p.From, prefix) {
			worst = max(worst, p.P95)
		}
	}
	if worst > 0 {
		return worst.String() + " (measured p95)"
	}
	return ""
}

func (w *world) residencyText(at inventory.Placement) string {
	where := at.Region
	if r, ok := w.find(at.Provider, at.Region); ok && r.Geography != "" {
		where += " in " + r.Geography
	}
	lists := []string{}
	if g := w.objectives.Geographies; len(g) > 0 {
		lists = append(lists, "the objectives allow "+strings.Join(g, ", "))
	}
	for _, list := range w.Policy.GeographyLists(w.Site.Site) {
		lists = append(lists, "the policy allows "+strings.Join(list, ", "))
	}
	if len(lists) == 0 {
		return "allowed: neither objectives nor policy name geographies"
	}
	why := where + "; " + strings.Join(lists, " and ")
	switch w.allowed(at.Provider, at.Region) {
	case permitted:
		return "allowed: " + why
	case forbidden:
		return "forbidden: " + why
	}
	return "unknown: the geography of " + why
}

// otherTenants lists the other clusters that use the model database, sorted.
func (w *world) otherTenants() []string {
	var out []string
	own := w.Site.Key(w.Cluster)
	for _, inf := range w.shape.Parts.Of(catalog.KindDatabase).Infra {
		for _, t := range w.tenantsOf(inf.ID) {
			if t != own && !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
		for i := range w.Site.Clusters {
			c := &w.Site.Clusters[i]
			if key := w.Site.Key(c); key != own && !slices.Contains(out, key) && slices.ContainsFunc(c.Uses, func(u inventory.Use) bool { return u.Infrastructure == inf.ID }) {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return out
}

// tenantsIn lists which of the tenants are known, or taken, to be in a region: those of this site by their nodes, those of
// other sites when the shared infrastructure spans no other region than that and this cluster's own.
func (w *world) tenantsIn(tenants []string, region string) []string {
	var out []string
	for _, t := range tenants {
		if here, known := w.clusterRegion(t); known {
			if here == region {
				out = append(out, t)
			}
			continue
		}
		for _, inf := range w.shape.Parts.Of(catalog.KindDatabase).Infra {
			for i := range w.Shared {
				s := &w.Shared[i]
				if slices.Contains(s.Tenants, t) && (s.Infrastructure == w.Site.Site.ID+"/"+inf.ID || slices.Contains(s.Aliases, w.Site.Site.ID+"/"+inf.ID)) && w.onlyRegion(s.Regions, region) && !slices.Contains(out, t) {
					out = append(out, t)
				}
			}
		}
	}
	return out
}

// onlyRegion reports whether regions hold none but the database's and those of this cluster.
func (w *world) onlyRegion(regions []string, region string) bool {
	foundation, _ := w.regions()
	for _, r := range regions {
		if r != region && !slices.ContainsFunc(foundation, func(p inventory.Placement) bool { return p.Region == r }) {
			return false
		}
	}
	return true
}

func (w *world) clusterRegion(key string) (string, bool) {
	for i := range w.Site.Clusters {
		c := &w.Site.Clusters[i]
		if w.Site.Key(c) != key {
			continue
		}
		for _, n := range c.Nodes(inventory.Foundation) {
			if n.Placement.Region != "" {
				return n.Placement.Region, true
			}
		}
	}
	return "", false
}

// around lists what would have to move with ThingWorx, or would be far from it afterwards.
func (w *world) around(twx inventory.Placement) []string {
	var out []string
	for i := range w.Cluster.Uses {
		u := &w.Cluster.Uses[i]
		inf := w.Site.Infra(u.Infrastructure)
		if inf == nil || u.As == inventory.AsDatabase {
			continue
		}
		region := inf.Placement.Region
		if region == "" && len(inf.Nodes) > 0 {
			region = inf.Nodes[0].Placement.Region
		}
		if region == twx.Region {
			out = append(out, string(u.As)+" "+inf.ID)
		}
	}
	for _, n := range w.Cluster.Nodes(inventory.ConnectionServer) {
		if n.Placement.Region == twx.Region {
			out = append(out, "connection server "+n.Name)
		}
	}
	switch w.Site.Site.Role {
	case inventory.RoleHub:
		out = append(out, "the spokes that send to this hub")
	case inventory.RoleSpoke:
		out = append(out, "the hub "+w.Site.Site.Hub+" that pulls from this spoke")
	}
	out = append(out, "users and devices of the plant "+w.Site.Site.ID)
	return out
}
