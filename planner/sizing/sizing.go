package sizing

import (
	"github.com/meridian-federation/meridian/planner/inventory"
)

// Target is what the workload would run on, as far as it changes the size.
type Target struct {
	Engine           inventory.Engine // of the model database; empty is sized like a self-managed one
	HighAvailability bool             // of the model database
	InfluxDB         bool             // values go to InfluxDB
	Azure            bool             // name Azure machine types
}

// Cluster sizes a cluster's workload. It sees the cluster alone: InfluxDB when the cluster uses a time-series store, and
// no engine or high availability of the database. InSite sees both.
func Cluster(c *inventory.Cluster, p *Pack) Result {
	return Workload(c.Workload, target(nil, c), p)
}

// InSite sizes a cluster's workload with the database and time-series store that its site lists for it.
func InSite(s *inventory.Site, c *inventory.Cluster, p *Pack) Result {
	return Workload(c.Workload, target(s, c), p)
}

// target reads from the inventory what the cluster runs on; s may be nil.
func target(s *inventory.Site, c *inventory.Cluster) Target {
	t := Target{Azure: c.Hosting == inventory.HostingAzure || c.Hosting == ""}
	for i := range c.Uses {
		u := &c.Uses[i]
		switch u.As {
		case inventory.AsTimeseries:
			t.InfluxDB = true
			if s == nil {
				continue
			}
			if store := s.Infra(u.Infrastructure); store != nil && store.Kind != inventory.KindInfluxDB {
				t.InfluxDB = false
			}
		case inventory.AsDatabase:
			if s == nil {
				continue
			}
			if db := s.Infra(u.Infrastructure); db != nil && t.Engine == "" {
				t.Engine = db.Engine
				t.HighAvailability = highlyAvailable(db)
			}
		}
	}
	return t
}

// highlyAvailable reports whether a database keeps a synchronous standby: a managed one by its mode, a self-managed one
// by having a second node.
func highlyAvailable(db *inventory.Infrastructure) bool {
	if h := db.HighAvailability; h != nil && (h.Mode == inventory.HASameZone || h.Mode == inventory.HAZoneRedundant) {
		return true
	}
	return !db.Engine.Managed() && len(db.Nodes) > 1
}

// Workload sizes a workload for a target. Without a workload the result has Known false and asks for one Foundation node.
func Workload(w *inventory.Workload, t Target, p *Pack) Result {
	if w == nil || len(w.Things) == 0 && len(w.Mashups) == 0 {
		return Result{FoundationNodes: 1}
	}
	load, left := Measure(w)
	r := load.Size(t, p)
	r.Assumptions = append(r.Assumptions, left...)
	if len(w.Mashups) == 0 {
		r.Assumptions = append(r.Assumptions, "no mashups are listed; the user load is taken as none")
	}
	if len(w.Things) == 0 {
		r.Assumptions = append(r.Assumptions, "no things are listed; the device load is taken as none")
	}
	return r
}

// Size compares the load with the limits of a pack. Things, writes and requests each ask for the smallest size whose
// limit they do not exceed, and the largest of the three is taken. Among criteria that ask for the same size the one that
// uses the greatest share of the limit decides.
//
// PTC publishes no capacity per node of a cluster. One node of the chosen size is taken to carry that size's limits;
// beyond Large the requests, and the writes as Foundation processes them, divide over as many Large nodes as it takes.
// Things do not divide: every node holds the whole model (ThingWorx help, thingworx_cluster_sizing_considerations).
func (l Load) Size(t Target, p *Pack) Result {
	r := Result{
		Things: l.Things, WPS: l.WPS, RequestsPerSecond: l.Requests,
		FoundationNodes: 1, Known: true, Pack: p.title(),
	}
	if l.Things > 0 {
		r.ConnectionServers = ratio(float64(l.Things), p.ConnectionServer.Things.Value)
	}
	loads := [3]float64{float64(l.Things), l.WPS, l.Requests}
	var asks [3]int // index into p.Sizes; len(p.Sizes) is beyond
	for k := range loads {
		for asks[k] < len(p.Sizes) && loads[k] > p.Sizes[asks[k]].limit(k, t.InfluxDB) {
			asks[k]++
		}
	}
	if k := asks[1]; k < len(p.Sizes) && l.WPS > p.Sizes[k].limit(1, t.InfluxDB)*(1-p.NearThreshold.Share.Value) {
		r.NearThreshold = true
		switch {
		case !t.HighAvailability:
		case k+1 < len(p.Sizes):
			asks[1]++
			r.Assumptions = append(r.Assumptions, "writes are near the threshold of "+string(p.Sizes[k].Size)+
				" and the database is highly available, which slows writes slightly: the next size is taken for them")
		default:
			r.Assumptions = append(r.Assumptions, "writes are near the threshold of "+string(p.Sizes[k].Size)+
				" and the database is highly available, which slows writes slightly: there is no next size")
		}
	}
	r.Sizes = Criteria{Things: p.size(asks[0]), WPS: p.size(asks[1]), Requests: p.size(asks[2])}
	chosen := max(asks[0], asks[1], asks[2])
	r.Size = p.size(chosen)
	class := &p.Sizes[min(chosen, len(p.Sizes)-1)]
	r.Headroom = make(map[string]float64, 3)
	most := -1.0
	for k, load := range loads {
		used := load / class.limit(k, t.InfluxDB)
		r.Headroom[criteria[k]] = min(max(1-used, 0), 1)
		if asks[k] == chosen && used > most {
			most, r.DecidedBy = used, criteria[k]
		}
	}
	if chosen == len(p.Sizes) {
		// The limit without InfluxDB is that of the database, which more Foundation nodes do not lift.
		r.FoundationNodes = max(ratio(l.Requests, class.limit(2, true)), ratio(l.WPS, class.limit(1, true)))
		r.Assumptions = append(r.Assumptions, beyond(asks, len(p.Sizes), t)...)
	}
	r.hardware(class, t)
	r.Assumptions = append(r.Assumptions, p.assumptions(t)...)
	return r
}

// criteria in the order of the loads compared; among equals the earlier one decides.
var criteria = [3]string{CriterionThings, CriterionWPS, CriterionRequests}

// beyond says for each criterion that exceeds the largest size what would help.
func beyond(asks [3]int, last int, t Target) []string {
	var notes []string
	if asks[0] == last {
		notes = append(notes, "more things than the largest size carries: every node holds the whole model, so further nodes do not help; divide the things over several clusters or take larger nodes")
	}
	if asks[1] == last && !t.InfluxDB {
		notes = append(notes, "more writes than the relational database carries: further Foundation nodes do not help; store values in InfluxDB")
	}
	if asks[2] == last || asks[1] == last && t.InfluxDB {
		notes = append(notes, "beyond the largest size the peak is divided evenly over Foundation nodes of that size; PTC publishes no capacity per node of a cluster")
	}
	return notes
}

// hardware fills in the machines of a size.
func (r *Result) hardware(c *Class, t Target) {
	r.Foundation = c.Foundation.hardware(t.Azure)
	r.Database = c.Database.hardware(false)
	if t.InfluxDB {
		influx := c.InfluxDB.hardware(false)
		r.Timeseries = &influx
		if c.DatabaseWithInfluxDB.CPU > 0 {
			r.Database = c.DatabaseWithInfluxDB.hardware(false)
		}
	}
	switch t.Engine {
	case inventory.EngineH2:
		r.Database = Hardware{}
		r.Assumptions = append(r.Assumptions, "H2 runs inside Foundation and has no machine of its own")
	case inventory.EngineAzureSQL:
		r.Assumptions = append(r.Assumptions, "PTC gives no size for Azure SQL; that of a self-managed database is taken")
	case inventory.EngineAzurePostgreSQLFlexible:
		m := c.Flexible
		if t.HighAvailability && c.FlexibleHighAvailability.CPU > 0 {
			m = c.FlexibleHighAvailability
		}
		if m.CPU == 0 {
			r.Assumptions = append(r.Assumptions, "the sizing pack gives no Flexible Server of this size; that of a self-managed database is taken")
			return
		}
		r.Database = m.hardware(true)
		if t.InfluxDB {
			r.Assumptions = append(r.Assumptions, "PTC gives no Flexible Server size beside InfluxDB; the one without InfluxDB is taken")
		}
	}
}

func (m Machine) hardware(azure bool) Hardware {
	h := Hardware{CPU: m.CPU, MemoryGiB: m.MemoryGiB, StorageGiB: m.StorageGiB}
	if azure {
		h.SKU = m.AzureSKU
	}
	return h
}

// limit returns what the size carries of criterion k, an index into criteria.
func (c *Class) limit(k int, influx bool) float64 {
	switch {
	case k == 0:
		return c.Limits.Things.Value
	case k == 2:
		return c.Limits.Requests.Value
	case influx:
		return c.Limits.WPSInfluxDB.Value
	}
	return c.Limits.WPS.Value
}

// size names the size of an index; the one past the last is Beyond.
func (p *Pack) size(i int) Size {
	if i >= len(p.Sizes) {
		return Beyond
	}
	return p.Sizes[i].Size
}
