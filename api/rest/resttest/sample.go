package resttest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/recommend"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Now is the instant of the sample.
func Now() time.Time { return time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC) }

// Sample returns a fleet of n sites, plant-000 and on. They repeat four kinds: a healthy cluster; one whose database is
// in another region; one whose regions are not known, without inventory workload and stale; and a site with two clusters
// that share a ZooKeeper ensemble with the healthy neighbour before it.
func Sample(n int) *View {
	v := &View{At: 1}
	for i := range n {
		v.Records = append(v.Records, Record(i))
	}
	for i := 3; i < n; i += 4 {
		own, neighbour := SiteID(i), SiteID(i-3)
		s := &tenancy.Shared{
			Infrastructure: neighbour + "/zk-1", Aliases: []string{own + "/zk-central"}, Kind: "zookeeper",
			Tenants: []string{neighbour + "/prod", own + "/prod", own + "/test"}, Regions: []string{"northeurope", "westeurope"},
		}
		v.Shared = append(v.Shared, s)
		for _, k := range []int{i, i - 3} {
			a := *v.Records[k].Assessment
			a.Tenancy = []tenancy.Shared{*s}
			v.Records[k].Assessment = &a
		}
	}
	slices.SortFunc(v.Records, func(a, b *fleet.Record) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(v.Shared, func(a, b *tenancy.Shared) int { return strings.Compare(a.Infrastructure, b.Infrastructure) })
	for i := range min(n, 3) {
		v.Rejected = append(v.Rejected, &fleet.Rejection{
			Site: SiteID(i), Revision: "20261120T080000Z-bad", At: Now().Add(-time.Hour), Reason: "schema", Detail: "unknown key", Sequence: uint64(90 + i), //nolint:gosec // small
			Problems: []fleet.RejectedProblem{{Path: "/site/idd", Line: 4, What: "unknown key idd", Remedy: "write id"}},
		})
	}
	return v
}

// SiteID is the id of the sample's site i.
func SiteID(i int) string { return fmt.Sprintf("plant-%03d", i) }

// Record is the sample's site i.
func Record(i int) *fleet.Record {
	id := SiteID(i)
	inv := &inventory.Site{
		APIVersion: inventory.APIVersion, Kind: inventory.Kind, ObservedAt: Now().Add(-time.Duration(i) * time.Minute),
		Site:    inventory.Identity{ID: id, Name: fmt.Sprintf("Plant %03d", i), Country: []string{"DE", "US", "SG"}[i%3], Role: inventory.RoleSpoke, Hub: SiteID(0), Tags: map[string]string{"division": []string{"drives", "pumps"}[i%2]}},
		Sources: []inventory.Source{{Name: "azure", Status: inventory.SourceOK, At: Now()}},
	}
	r := &fleet.Record{
		ID: id, Revision: fmt.Sprintf("20261120T08%02d00Z-%04x", i%60, i), Sequence: uint64(i + 1), AcceptedAt: Now().Add(-time.Minute), //nolint:gosec // small
		HeardAt: Now().Add(-30 * time.Second), Liveness: fleet.Live, Inventory: inv, Planner: fleet.Planner{Version: "1.0.0", Instance: "a1b2", Sequence: 7, Protocol: 1},
		Entered: fleet.Transitions{Live: Now().Add(-time.Hour)},
	}
	a := &assess.Assessment{
		APIVersion: inventory.APIVersion, Kind: assess.Kind, RulePack: assess.RulePack{Version: "1", Hash: "abc"}, At: Now(),
		Inventories: []assess.InventoryRef{{Site: id, Name: inv.Site.Name, Revision: r.Revision, ObservedAt: inv.ObservedAt}},
		Coverage:    assess.Coverage{Sites: 1, Fresh: 1, FactsKnown: 40 - i%4, FactsNeeded: 44},
	}
	r.Assessment = a
	addCluster(r, "prod", i%4)
	if i%4 == 3 {
		addCluster(r, "test", 0)
		a.Findings = append(a.Findings, shared(r, SiteID(i-3)))
	}
	if i%4 == 2 {
		r.Liveness, r.Planner = fleet.Stale, fleet.Planner{}
		r.Entered.Late, r.Entered.Stale = Now().Add(-30*time.Minute), Now().Add(-20*time.Minute)
	}
	slices.SortFunc(a.Findings, func(x, y rules.Finding) int {
		return slices.Compare([]string{x.Subject.Cluster, x.Rule, x.Subject.Infrastructure}, []string{y.Subject.Cluster, y.Rule, y.Subject.Infrastructure})
	})
	for _, f := range a.Findings {
		if f.Verdict == rules.Fail {
			a.Verdicts.Fail++
		} else {
			a.Verdicts.Unknown++
		}
	}
	a.Verdicts.Pass = 30
	return r
}

func shared(r *fleet.Record, neighbour string) rules.Finding {
	f := finding(r, "prod", "TEN-006", rules.Fail, rules.High, "zk-central")
	f.Subject.Infrastructure = neighbour + "/zk-1"
	f.Message = "ZooKeeper " + neighbour + "/zk-1 is used by " + neighbour + "/prod of Plant " + neighbour[6:] + " as well, and " + neighbour + " does not declare it"
	f.Evidence = rules.NewEvidence(map[string]any{"tenants": []string{neighbour + "/prod", r.ID + "/prod"}, "neighbour": neighbour, "count": 3})
	return f
}

func addCluster(r *fleet.Record, name string, kind int) {
	inv, a := r.Inventory, r.Assessment
	yes := true
	node := func(n, region string) inventory.Node {
		return inventory.Node{Name: n, Machine: n, Placement: inventory.Placement{Provider: "azure", Region: region, Zone: "1"}, CPU: 8, MemoryGiB: 32}
	}
	db := "pg-" + name
	c := inventory.Cluster{
		ID: name, Environment: inventory.Production, ThingworxVersion: "9.6.2", Hosting: inventory.HostingAzure, OperatedBy: inventory.OperatorSelf, ClusteredMode: &yes,
		Objectives: &inventory.Objectives{Availability: 0.999},
		Components: []inventory.Component{{Kind: inventory.Foundation, Nodes: []inventory.Node{node(name+"-1", "westeurope"), node(name+"-2", "westeurope")}}},
		Uses:       []inventory.Use{{Infrastructure: db, As: inventory.AsDatabase, Database: "thingworx"}, {Infrastructure: "zk-central", As: inventory.AsZooKeeper, Namespace: "/" + name}},
	}
	j := assess.Cluster{
		ID: r.ID + "/" + name, Site: r.ID, Cluster: name, Environment: c.Environment,
		Recognised:     recognise.Result{Architecture: "ha-cluster", Name: "High scale + high availability", Distance: 0.1},
		Regions:        assess.Regions{ThingWorx: []string{"westeurope"}, Database: "westeurope", Match: &yes},
		Sizing:         sizing.Result{Things: 12000, WPS: 800, RequestsPerSecond: 1.2, ConnectionServers: 1, FoundationNodes: 1, Size: sizing.Small, DecidedBy: "wps", Known: true},
		Availability:   availability.Result{Serving: 0.9993, Full: 0.999, DowntimePerYear: "6h8m", Known: true, Contributions: []availability.Contribution{{Part: "database", Share: 0.6}}},
		Recommendation: recommend.Pack(recommend.Recommendation{Architecture: "ha-cluster", Reasons: []string{"high availability is required"}}),
	}
	region := "westeurope"
	switch kind {
	case 1:
		no, km := false, 870
		region = "northeurope"
		j.Regions = assess.Regions{ThingWorx: []string{"westeurope"}, Database: region, Match: &no, DistanceKm: &km, RoundTrip: &assess.RoundTrip{P95: inventory.Duration(20 * time.Millisecond), Source: "published"}}
		j.Recommendation.Advice = []recommend.Advice{{Move: "database", To: "westeurope", Residency: "allowed", Preferred: true, Why: "nothing else depends on it"}}
		f := finding(r, name, "COL-001", rules.Fail, rules.Critical, db)
		a.Findings = append(a.Findings, f, finding(r, name, "HA-015", rules.Fail, rules.Medium, db))
	case 2:
		region, j.Regions = "", assess.Regions{ThingWorx: []string{"westeurope"}}
		j.Sizing = sizing.Result{}
		j.Recommendation = recommend.Packed{}
		f := finding(r, name, "COL-003", rules.Unknown, rules.High, db)
		f.Missing = []string{"region of the database"}
		a.Findings = append(a.Findings, f)
	case 3:
		f := finding(r, name, "CFG-003", rules.Fail, rules.Low, "")
		f.Waiver = &rules.Waiver{ID: "w-1", Reason: "planned", Expires: Now().Add(720 * time.Hour)}
		a.Findings = append(a.Findings, f)
	}
	inv.Clusters = append(inv.Clusters, c)
	inv.Infrastructure = append(inv.Infrastructure, inventory.Infrastructure{ID: db, Kind: inventory.KindDatabase, Engine: inventory.EngineAzurePostgreSQLFlexible, Placement: inventory.Placement{Provider: "azure", Region: region}})
	if inv.Infra("zk-central") == nil {
		inv.Infrastructure = append(inv.Infrastructure, inventory.Infrastructure{ID: "zk-central", Kind: inventory.KindZooKeeper, Placement: inventory.Placement{Provider: "azure", Region: "westeurope"}})
	}
	a.Clusters = append(a.Clusters, j)
}

func finding(r *fleet.Record, cluster, rule string, verdict rules.Verdict, sev rules.Severity, infra string) rules.Finding {
	first := Now().Add(-48 * time.Hour)
	f := rules.Finding{
		ID: r.ID + "-" + cluster + "-" + rule, Rule: rule, Title: "Title of " + rule, Verdict: verdict, Severity: sev, Confidence: rules.Official,
		Subject: rules.Subject{Site: r.ID, Cluster: cluster}, Message: rule + " on " + r.ID + "/" + cluster, Evidence: `{"region":"westeurope"}`,
		Remedy: "see the reference", Reference: "https://example.com/" + rule, FirstSeen: &first,
	}
	if infra != "" {
		f.Subject.Infrastructure = r.ID + "/" + infra
	}
	if verdict == rules.Fail {
		f.FailingSince = &first
	}
	return f
}
