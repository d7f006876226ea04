package recommend

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
)

// Times to recover. Azure states 60 to 120 s for a failover of Flexible Server, and PTC a session time-out of ZooKeeper of
// 90 s; recovery counts half as long again. No source gives the others: they are assumptions, told wherever they decide.
const (
	recoverByFailover = catalog.Failover
	recoverByRebuild  = 4 * time.Hour   // one server restarted or rebuilt from its backup by people
	loseLogBackup     = 5 * time.Minute // managed database without standby: restored from its continuous log backup
	loseNightBackup   = 24 * time.Hour  // self-managed database without standby: restored from last night's backup
)

// excluded says why an architecture is out of the question whatever it is built of; "" when it is not.
func (w *world) excluded(a *catalog.Architecture) string {
	s := &w.Sizing
	switch env := w.Cluster.Environment; {
	case !a.Production && env == inventory.Production:
		return "it is not for production"
	case !a.Production && env == "" && w.Recognised.Architecture != a.ID:
		return "it is not for production, and the cluster does not say that it is used for development or test"
	case w.objectives.HighAvailability == inventory.Required && !a.HighlyAvailable:
		return "high availability is required, and its only Foundation server is a single point of failure"
	case !a.Versions.Contains(w.Cluster.ThingworxVersion):
		return fmt.Sprintf("it needs ThingWorx %s, the cluster runs %s", rangeText(a.Versions), w.Cluster.ThingworxVersion)
	}
	if because := w.oversized(a); because != "" {
		return because
	}
	if !s.Known {
		return ""
	}
	d := catalog.DemandOf(s.Things, s.WPS, s.RequestsPerSecond, s.ConnectionServers, s.FoundationNodes, w.shape)
	for i := range a.Parts {
		p := &a.Parts[i]
		most := p.Max.Count(d)
		switch {
		case p.Kind == catalog.KindFoundation && s.FoundationNodes > most:
			return fmt.Sprintf("the peak takes %d Foundation nodes, it has %d", s.FoundationNodes, most)
		case p.Kind == catalog.KindConnectionServer && s.ConnectionServers > most:
			return fmt.Sprintf("%s things take %d connection servers, it has %d", sizing.Thousands(s.Things), s.ConnectionServers, most)
		}
	}
	if s.WPS > relationalWrites && !slices.ContainsFunc(a.Timeseries, func(t catalog.TimeseriesChoice) bool { return w.carries(a, t) }) {
		return fmt.Sprintf("%s property writes per second are more than the %s PTC gives for a relational database, and it has no InfluxDB", sizing.Thousands(int(math.Ceil(s.WPS))), sizing.Thousands(relationalWrites))
	}
	return ""
}

// oversized says why an architecture that must have InfluxDB is more than the workload asks for: the writes fit the
// relational database, and the things one connection server.
func (w *world) oversized(a *catalog.Architecture) string {
	s := &w.Sizing
	if a.HighlyAvailable || a.AllowsTimeseries(catalog.TimeseriesRelational) || w.shape.Timeseries != catalog.TimeseriesRelational {
		return ""
	}
	if !s.Known {
		if w.Recognised.Architecture == a.ID {
			return ""
		}
		return "no workload is given that would ask for InfluxDB or for several connection servers"
	}
	if s.WPS > relationalWrites || s.ConnectionServers > 1 || s.Size == sizing.Large || s.Size == sizing.Beyond {
		return ""
	}
	return fmt.Sprintf("it is more than the workload asks for: %s things take one connection server, and %s property writes per second fit the relational database",
		sizing.Thousands(s.Things), sizing.Thousands(int(math.Ceil(s.WPS))))
}

func rangeText(v catalog.Versions) string {
	switch {
	case v.Before == "":
		return v.From + " or later"
	case v.From == "":
		return "before " + v.Before
	}
	return "from " + v.From + " and before " + v.Before
}

// unrecoverable says why a choice misses the recovery objectives, "" when it meets them.
func (w *world) unrecoverable(a *catalog.Architecture, c *choice) string {
	if o := w.objectives.RTO; o != nil {
		takes, how := recoverByRebuild, "restarting or rebuilding its one server takes an assumed "
		if a.HighlyAvailable {
			takes, how = recoverByFailover, "a failover takes up to "
		}
		if time.Duration(*o) < takes {
			return fmt.Sprintf("the time to recover is to be at most %s; %s%s", *o, how, inventory.Duration(takes))
		}
	}
	if o := w.objectives.RPO; o != nil {
		var lost time.Duration
		switch {
		case c.engine == inventory.EngineAzureSQL, c.mode != "" && c.mode != inventory.HANone, !c.engine.Managed() && a.HighlyAvailable:
		case c.engine.Managed():
			lost = loseLogBackup
		default:
			lost = loseNightBackup
		}
		if time.Duration(*o) < lost {
			return fmt.Sprintf("at most %s of data may be lost; a database without standby loses an assumed %s", *o, inventory.Duration(lost))
		}
	}
	return ""
}

// recovers reports whether the objectives ask for disaster recovery.
func (w *world) recovers() bool {
	return w.objectives.DisasterRecovery != nil && *w.objectives.DisasterRecovery
}

// recoveryRegion is where the database's copy for disaster recovery goes: the paired region where that is allowed, else the
// nearest allowed one. Where regions are not known, as for data centres of one's own, it is a second one yet to be named. ""
// when the known regions have none that is allowed.
func (w *world) recoveryRegion(at place) string {
	home, ok := w.find(at.provider, at.region)
	if !ok {
		return w.Site.Site.ID + "-recovery"
	}
	if home.Pair != "" && w.allowed(at.provider, home.Pair) == permitted {
		return home.Pair
	}
	best, nearest := "", math.MaxInt
	for _, r := range w.Regions.Regions() {
		if r.Provider != home.Provider || r.Code == home.Code || w.allowed(r.Provider, r.Code) != permitted {
			continue
		}
		km, ok := w.Regions.DistanceKm(r.Provider, home.Code, r.Code)
		if !ok {
			km = math.MaxInt - 1 // better than no copy at all
		}
		if km < nearest {
			best, nearest = r.Code, km
		}
	}
	return best
}
