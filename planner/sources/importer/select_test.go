package importer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/inventory"
)

func selected(hosts []NamedHost, resources ...Resource) Result {
	for i := range resources {
		resources[i].Source, resources[i].Provider = "azure", "azure"
		if resources[i].Location == "" {
			resources[i].Location = "westeurope"
		}
	}
	return Assemble(Options{Site: "s", At: time.Unix(0, 0), Regions: two{}, Hosts: hosts, Selective: true}, []FileReport{{Path: "a.json", Kind: "test"}}, resources)
}

func ids(s *inventory.Site) []string {
	var out []string
	for _, in := range s.Infrastructure {
		out = append(out, in.ID)
	}
	return out
}

func reasons(r *Result) []string {
	var out []string
	for _, u := range r.Unassigned {
		out = append(out, u.Name+": "+u.Reason)
	}
	for _, n := range r.Notes {
		out = append(out, n.What)
	}
	slices.Sort(out)
	return out
}

// Of everything that an account holds only what something ties to ThingWorx stays, with the paths of its provenance.
func TestSelective(t *testing.T) {
	alien := pg("erp", "pg-a", nil)
	tied := pg("rg", "twx-pg", nil)
	tied.Database.Endpoint, tied.Database.MaxConnections = "twx-pg.x.example", 100
	replica := pg("erp", "pg-a-r", nil)
	replica.Database.Replica, replica.Database.SourceKey = true, alien.Key
	parameter := Resource{Type: "parameter", Key: tied.Key + "/max", Name: "max_connections", Part: &DatabasePart{Server: tied.Key, MaxConnections: 300}}
	account := Resource{Type: "account", Key: "/rg/st", Group: "rg", Name: "st", Storage: &Storage{Account: true}}
	r := selected(nil, alien, replica, tied, parameter, account)
	if diff := cmp.Diff([]string{"twx-pg"}, ids(r.Site)); diff != "" {
		t.Fatal(diff)
	}
	if r.Site.Infrastructure[0].MaxConnections != 300 {
		t.Errorf("%+v", r.Site.Infrastructure[0])
	}
	sources := map[string]string{}
	for _, p := range r.Site.Provenance {
		sources[p.Path] = p.Source
	}
	want := map[string]string{"/infrastructure/0": "azure", "/infrastructure/0/maxConnections": "azure", "/infrastructure/0/placement/region": "azure"}
	if diff := cmp.Diff(want, sources); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"pg-a: " + Unrelated, "twx-pg: in the inventory, but no cluster is known to use it"}, reasons(&r)); diff != "" {
		t.Error(diff)
	}
	if r.Used[alien.Key] || r.Used[replica.Key] || !r.Used[tied.Key] || !r.Tied[tied.Key] || r.Tied[alien.Key] {
		t.Errorf("used %v, tied %v", r.Used, r.Tied)
	}
	// A replica that is tied keeps the server it follows.
	replica.Tags = tags("application", "thingworx")
	if r := selected(nil, alien, replica); !slices.Equal(ids(r.Site), []string{"pg-a"}) || len(r.Site.Infrastructure[0].Replicas) != 1 {
		t.Errorf("%+v", r.Site.Infrastructure)
	}
	// Without the option everything stays: someone chose to export it.
	if r := assemble("s", alien, tied); len(r.Site.Infrastructure) != 2 {
		t.Errorf("%v", ids(r.Site))
	}
}

func TestHosts(t *testing.T) {
	database := pg("x", "db", nil)
	database.Database.Endpoint = "db.postgres.example"
	balancer := Resource{Type: "lb", Key: "/x/lb", Name: "lb", Group: "x", Balancer: &Balancer{Addresses: []string{"10.0.0.9"}}}
	volume := Resource{Type: "volume", Key: "/x/vol", Name: "vol", Group: "x", Storage: &Storage{Endpoint: "10.0.0.7:/share"}}
	listener := Resource{Type: "group", Key: "/x/fg", Name: "fg", Part: &DatabasePart{Server: database.Key, FailoverEndpoint: "fg.database.example"}}
	for host, want := range map[string]string{
		"db.postgres.example":                   "db",
		"DB.postgres.example.:5432":             "db",
		"DB.Postgres.example:5432":              "db",
		"db.privatelink.postgres.example":       "db",
		"fg.database.example":                   "db",
		"10.0.0.9:443":                          "lb",
		"[10.0.0.9]:443":                        "lb",
		"10.0.0.7":                              "vol",
		"db.postgres.example:port":              "",
		"jdbc:postgresql://db.postgres.example": "",
		"":                                      "",
		"other.example":                         "",
	} {
		r := selected([]NamedHost{{Name: host}}, database, balancer, volume, listener)
		if got := strings.Join(ids(r.Site), " "); got != want {
			t.Errorf("%q is %q, want %q", host, got, want)
		}
	}
}

func TestHostThatNothingIs(t *testing.T) {
	for elsewhere, want := range map[bool]int{false: 1, true: 0} {
		if r := selected([]NamedHost{{Name: "db.example", Elsewhere: elsewhere}}, pg("x", "db", nil)); len(r.Notes) != want {
			t.Errorf("elsewhere %v: %+v", elsewhere, r.Notes)
		}
	}
}

// Two clusters that connect to one database: no cluster is made its user by the host, which the merge of sources knows better.
func TestHostOfTwoClusters(t *testing.T) {
	database := pg("x", "db", nil)
	database.Database.Endpoint = "db.example"
	one := vm("rg", "app1", tags("cluster", "c1", "component", "foundation"))
	r := selected([]NamedHost{{Name: "db.example", Cluster: "c1"}, {Name: "db.example", Cluster: "c2"}}, database, one)
	if len(r.Site.Clusters[0].Uses) != 0 || len(r.Site.Infrastructure) != 1 {
		t.Errorf("%+v", r.Site)
	}
	if r = selected([]NamedHost{{Name: "db.example", Cluster: "c1"}, {Name: "db.example:5432", Cluster: "c1"}}, database, one); len(r.Site.Clusters[0].Uses) != 1 {
		t.Errorf("%+v", r.Site.Clusters)
	}
}

// Logical zones are an account's own numbers: zone 1 of one is zone 2 of another.
func TestZoneMaps(t *testing.T) {
	in := func(r Resource, account, zone string) Resource {
		r.Account, r.Zones = account, []string{zone}
		r.Key, r.ARMID = "/"+account+r.Key, "/"+account+r.ARMID
		return r
	}
	regionOf := func(account, name string, zones map[string]string) Resource {
		return Resource{Type: "region list", Key: "/" + account + "/" + name, Account: account, Location: name, ZoneMap: zones}
	}
	r := assemble("s",
		in(vm("rg", "twx-1", nil), "a", "1"), in(pg("rg", "twx-db", nil), "b", "1"), in(pg("rg", "twx-edge", nil), "b", "3"), in(pg("rg", "twx-c", nil), "c", "1"),
		regionOf("a", "West Europe", map[string]string{"1": "westeurope-az2"}), regionOf("b", "westeurope", map[string]string{"1": "westeurope-az1"}),
		regionOf("b", "northeurope", map[string]string{"3": "northeurope-az3"}),
	)
	got := map[string]string{r.Site.Clusters[0].Components[0].Nodes[0].Name: r.Site.Clusters[0].Components[0].Nodes[0].Placement.PhysicalZone}
	for _, i := range r.Site.Infrastructure {
		got[i.Name+i.ID] = i.Placement.PhysicalZone
	}
	want := map[string]string{"twx-1": "westeurope-az2", "twx-db": "westeurope-az1", "twx-edge": "", "twx-c": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Resource groups of one name in two accounts are two places, so that their machines are two clusters.
func TestGroupsOfOneNameInTwoAccounts(t *testing.T) {
	in := func(account string, r Resource) Resource {
		r.Account = account
		r.Key, r.ARMID = "/"+account+r.Key, "/"+account+r.ARMID
		return r
	}
	r := assemble("s", in("a", vm("twx", "twx-prod-1", nil)), in("b", vm("TWX", "twx-prod-9", nil)), in("a", pg("twx", "db-a", nil)), in("b", pg("twx", "db-b", nil)))
	uses := map[string]string{}
	for _, c := range r.Site.Clusters {
		uses[c.Components[0].Nodes[0].Name] = c.Uses[0].Infrastructure
	}
	if diff := cmp.Diff(map[string]string{"twx-prod-1": "db-a", "twx-prod-9": "db-b"}, uses); diff != "" {
		t.Errorf("%s\n%+v", diff, r.Unassigned)
	}
}

func TestApplicationTag(t *testing.T) {
	r := assemble("s", vm("rg", "foundation-1", tags("application", "ThingWorx")), vm("rg", "foundation-2", tags("application", "sap")), vm("rg", "srv", tags("application", "twx")))
	if len(r.Site.Clusters) != 1 || len(r.Site.Clusters[0].Components[0].Nodes) != 1 {
		t.Errorf("%+v", r.Site.Clusters)
	}
	if diff := cmp.Diff([]string{"foundation-2: " + Unrelated, "srv: its name tells no component"}, reasons(&r)); diff != "" {
		t.Error(diff)
	}
}
