package recommend

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// move says what becomes of the database product.
type move uint8

const (
	stays    move = iota // the present product, or there is none yet
	changes              // another product of the family: the database is dumped and restored
	converts             // another family: model and data are exported from one product and imported into the other
)

// What changing the database product is worth, as a factor on the price of an option: our assumption, since no source gives
// figures. Another product of the family must save a third of the price, a conversion half of it.
const (
	changeWeight     = 1.5
	conversionWeight = 2
)

func (m move) weight() float64 {
	switch m {
	case changes:
		return changeWeight
	case converts:
		return conversionWeight
	}
	return 1
}

func (w *world) moves(to inventory.Engine) move {
	switch was := w.shape.Engine; {
	case w.present == nil || was == "" || was == to:
		return stays
	case was.SameFamily(to):
		return changes
	}
	return converts
}

// engines lists the database products to consider at a place: all that the catalogue, the hosting, the version, the
// environment and the constraints leave. The present one comes first, then the usual ones of the hosting.
func (w *world) engines(a *catalog.Architecture, at place) []inventory.Engine {
	order := [...]inventory.Engine{
		w.shape.Engine, inventory.EngineAzurePostgreSQLFlexible, inventory.EnginePostgreSQL, inventory.EngineSQLServer, inventory.EngineAzureSQL, inventory.EngineH2,
	}
	if !a.Production {
		order[1], order[2], order[3] = inventory.EnginePostgreSQL, inventory.EngineSQLServer, inventory.EngineAzurePostgreSQLFlexible
	}
	var out []inventory.Engine
	for _, e := range order {
		if !slices.Contains(out, e) && w.fits(a, at, e) {
			out = append(out, e)
		}
	}
	return out
}

func (w *world) fits(a *catalog.Architecture, at place, e inventory.Engine) bool {
	if e == inventory.EngineH2 && (w.recovers() || w.Cluster.Environment != inventory.Development && w.Cluster.Environment != "") {
		return false // H2 is a file of the one server: it has no copy elsewhere
	}
	d, ok := a.Database(e)
	return ok && w.accepts(e) && d.Versions.Contains(w.Cluster.ThingworxVersion) && offered(e, at)
}

// offered reports whether a place has a database product: the managed ones are Azure's.
func offered(e inventory.Engine, at place) bool {
	return !e.Managed() || at.provider == string(inventory.HostingAzure)
}

// accepts reports whether the constraints leave a database product.
func (w *world) accepts(e inventory.Engine) bool {
	return len(w.Engines) == 0 || slices.Contains(w.Engines, e)
}

// noEngine says why an architecture finds no database at a place.
func (w *world) noEngine(a *catalog.Architecture, at place) string {
	if len(w.Engines) == 0 || slices.ContainsFunc(a.Databases, func(d catalog.DatabaseChoice) bool { return w.accepts(d.Engine) }) {
		return "no database that is accepted and that " + a.Title + " may use runs on " + string(at.hosting)
	}
	return fmt.Sprintf("the database is to be %s, and it uses one of %s", titles(w.Engines, " or "), titles(engines(a), ", "))
}

func engines(a *catalog.Architecture) []inventory.Engine {
	out := make([]inventory.Engine, len(a.Databases))
	for i := range a.Databases {
		out[i] = a.Databases[i].Engine
	}
	return out
}

func titles(list []inventory.Engine, between string) string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].Title()
	}
	return strings.Join(out, between)
}

// leastDatabase is less than any database of one product costs in a plan that does not share it.
func (w *world) leastDatabase(a *catalog.Architecture, at place, e inventory.Engine) float64 {
	least := math.Inf(1)
	for _, t := range w.timeseries(a, at, e) {
		for _, m := range modesOf(a, e, at) {
			c := choice{at: at, engine: e, mode: m, timeseries: t}
			size := w.size(target(a, &c))
			copies, factor := 1, w.prices.managed()
			if !e.Managed() {
				copies, _, _ = a.Limits(catalog.KindDatabase, e, t, "", size.demand)
				factor = 1
			}
			for _, keep := range [...]bool{false, true} {
				machine := w.machine(catalog.KindDatabase, e, size, keep)
				least = min(least, float64(copies)*(w.prices.machine(machine, factor, 0)+w.prices.Licences[e]*machine.CPU))
			}
		}
	}
	return least
}

// alternatives lists the other databases an architecture allows at a place.
func (w *world) alternatives(a *catalog.Architecture, at place, chosen inventory.Engine) []string {
	var out []string
	for _, d := range a.Databases {
		if d.Engine == chosen || d.Engine == inventory.EngineH2 || !w.accepts(d.Engine) || !offered(d.Engine, at) {
			continue
		}
		text := d.Engine.Title()
		if d.Why != "" {
			text += " (" + d.Why + ")"
		}
		out = append(out, text)
	}
	return out
}

// modesOf lists the modes of a managed database: those the architecture names, else none and the best one. Zone-redundant
// needs a region with zones.
func modesOf(a *catalog.Architecture, e inventory.Engine, at place) []inventory.HAMode {
	if e != inventory.EngineAzurePostgreSQLFlexible {
		return []inventory.HAMode{""}
	}
	best := inventory.HASameZone
	if at.zones {
		best = inventory.HAZoneRedundant
	}
	d, _ := a.Database(e)
	if len(d.Modes) == 0 {
		return []inventory.HAMode{inventory.HANone, best}
	}
	var out []inventory.HAMode
	for _, m := range d.Modes {
		if m != inventory.HAZoneRedundant || at.zones {
			out = append(out, m)
		}
	}
	return out
}

func (w *world) keptMode(modes []inventory.HAMode, e inventory.Engine) inventory.HAMode {
	if e == w.shape.Engine && (slices.Contains(modes, w.shape.Mode) || w.shape.Mode == inventory.HASameZone && len(modes) > 1) {
		return w.shape.Mode
	}
	return modes[0]
}
