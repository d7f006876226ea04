package recommend

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/migrate"
)

// base is the cost of the cheapest feasible variant, negative when there is none.
func base(in Input) float64 {
	o := newWorld(in).options()
	if len(o.chosen) == 0 {
		return -1
	}
	return o.base
}

// Asking for less never makes the cheapest option dearer.
func TestRelaxingNeverCostsMore(t *testing.T) {
	e := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		strict := drawn(t, e)
		cost := base(strict)
		if cost < 0 {
			return
		}
		s := inventory.Clone(strict.Site)
		o := s.Clusters[0].Objectives
		what := rapid.SampledFrom([]string{"need", "availability", "rto", "rpo", "recovery", "geographies", "sharing", "hosting"}).Draw(t, "relaxed")
		switch what {
		case "need":
			o.HighAvailability = relaxed(t, o.HighAvailability)
		case "availability":
			o.Availability *= rapid.Float64Range(0, 1).Draw(t, "factor")
		case "rto":
			o.RTO = nil
		case "rpo":
			o.RPO = nil
		case "recovery":
			o.DisasterRecovery = nil
		case "geographies":
			o.Geographies = nil
		case "sharing":
			o.Sharing = inventory.Sharing{ZooKeeper: inventory.Allowed, Database: inventory.Allowed, Storage: inventory.Allowed, LoadBalancer: inventory.Allowed, Timeseries: inventory.Allowed}
		case "hosting":
			if len(o.Hosting) > 0 {
				o.Hosting = append(o.Hosting, inventory.HostingAzure, inventory.HostingOnPremise)
			}
		}
		in := strict
		in.Site, in.Cluster = s, &s.Clusters[0]
		if got := base(in); got < 0 || got > cost+1e-9 {
			t.Fatalf("with %s relaxed the cheapest option costs %v instead of %v", what, got, cost)
		}
	})
}

// Leave to use more database products never makes the cheapest option dearer. A preference for high availability may, when what is
// preferred comes to be had with them.
func TestMoreDatabasesNeverCostMore(t *testing.T) {
	e := builtin(t)
	all := []inventory.Engine{
		inventory.EnginePostgreSQL, inventory.EngineSQLServer, inventory.EngineAzurePostgreSQLFlexible, inventory.EngineAzureSQL, inventory.EngineH2,
	}
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t, e)
		if in.Cluster.Objectives.HighAvailability == inventory.Preferred {
			in.Cluster.Objectives.HighAvailability = inventory.Required
		}
		if rapid.Bool().Draw(t, "new") {
			in.Cluster.Components, in.Cluster.Uses, in.Site.Infrastructure = nil, nil, nil
		}
		order := rapid.Permutation(all).Draw(t, "order")
		last := math.Inf(1)
		for n := 1; n <= len(order); n++ {
			in.Engines = order[:n]
			cost := base(in)
			if cost < 0 {
				if !math.IsInf(last, 1) {
					t.Fatalf("with %v nothing is left, one less cost %v", in.Engines, last)
				}
				continue
			}
			if cost > last+1e-9 {
				t.Fatalf("with %v the cheapest option costs %v, without the last %v", in.Engines, cost, last)
			}
			last = cost
		}
		in.Engines = nil
		if got := base(in); got != last && !math.IsInf(last, 1) {
			t.Fatalf("the cheapest option costs %v with any database, %v with each named", got, last)
		}
	})
}

// The product of the database changes only where it has to or where that is cheaper with its weight, and the option of the fewest
// changes keeps it where it can. What changes is told, and takes a downtime.
func TestDatabasesAreNotConvertedLightly(t *testing.T) {
	e := builtin(t)
	converted := 0
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t, e)
		if rapid.IntRange(0, 3).Draw(t, "decided") == 0 {
			in.Engines = []inventory.Engine{rapid.SampledFrom([]inventory.Engine{inventory.EnginePostgreSQL, inventory.EngineSQLServer, inventory.EngineAzureSQL}).Draw(t, "engine")}
		}
		w := newWorld(in)
		if w.present == nil || w.shape.Engine == "" {
			return
		}
		o := w.options()
		kept := math.Inf(1)
		for _, a := range in.Catalog.Architectures() {
			list, _ := w.feasible(a, w.places(), new(availability.Result))
			for _, v := range list {
				if v.moves != converts {
					kept = min(kept, v.cost)
				}
			}
		}
		for _, c := range o.chosen {
			v := c.variant
			from, to := w.shape.Engine, v.plan.Engine
			if (v.moves == converts) == from.SameFamily(to) || (v.moves == stays) != (from == to) {
				t.Fatalf("%s to %s is move %d", from, to, v.moves)
			}
			if v.moves != converts {
				continue
			}
			converted++
			written := w.option(c, o.base)
			if !slices.ContainsFunc(written.Assumptions, func(s string) bool { return strings.Contains(s, "conversion of model and data") }) {
				t.Fatalf("the conversion is not told: %v", written.Assumptions)
			}
			if migrate.Downtime(w.migration(v)) < 4*time.Hour {
				t.Fatalf("a conversion takes %v: %+v", migrate.Downtime(w.migration(v)), written.Migration)
			}
			if named := append(c.also, c.objective); slices.Contains(named, FewestChanges) && !math.IsInf(kept, 1) && w.objectives.HighAvailability != inventory.Preferred && w.objectives.HighAvailability != inventory.NotNeeded {
				t.Fatalf("the option of the fewest changes converts %s to %s", from, to)
			}
		}
	})
	if converted == 0 {
		t.Error("no option drawn converts its database: the law was not tried")
	}
}

// What is left out of the enumeration would never have been chosen: separate Ignite nodes beside an embedded cache, and InfluxDB
// where the relational database carries the values and no machine becomes smaller, cost more, serve less and change no less.
func TestWhatIsLeftOutIsDominated(t *testing.T) {
	e := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		in := drawn(t, e)
		w := newWorld(in)
		tried := 0
		for _, a := range in.Catalog.Architectures() {
			if w.excluded(a) != "" {
				continue
			}
			for _, at := range w.places() {
				list := w.engines(a, at)
				for i, c := range w.choices(a, at, list) {
					if i%7 != 0 || tried > 20 {
						continue // each shape is alike; a share of them keeps the test short
					}
					more := c
					switch {
					case c.ignite == inventory.IgniteEmbedded && w.shape.Ignite != inventory.IgniteSeparate && a.AllowsIgnite(inventory.IgniteSeparate):
						more.ignite = inventory.IgniteSeparate
					case c.timeseries == catalog.TimeseriesRelational && !slices.Contains(w.timeseries(a, at, c.engine), catalog.TimeseriesInflux) && a.AllowsTimeseries(catalog.TimeseriesInflux) && !w.leaner(a, at, c.engine):
						more.timeseries = catalog.TimeseriesInflux
					default:
						continue
					}
					tried++
					v, u := w.variant(a, c), w.variant(a, more)
					if u.cost < v.cost || u.count < v.count || w.serving(u).Serving > w.serving(v).Serving+slack {
						t.Fatalf("%s with %s and Ignite %s is better than %s and %s: cost %v, %v; changes %d, %d; serving %v, %v", a.ID, more.timeseries, more.ignite, c.timeseries, c.ignite,
							u.cost, v.cost, u.count, v.count, w.serving(u).Serving, w.serving(v).Serving)
					}
				}
			}
		}
	})
}

// relaxed draws a weaker need. A need that is not stated asks for less than a preference; for development it asks for nothing.
func relaxed(t *rapid.T, n inventory.Need) inventory.Need {
	order := []inventory.Need{inventory.Required, inventory.Preferred, "", inventory.NotNeeded}
	return rapid.SampledFrom(order[slices.Index(order, n):]).Draw(t, "need")
}
