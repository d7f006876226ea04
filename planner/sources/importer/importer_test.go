package importer

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"pgregory.net/rapid"
)

// two knows two regions, which is enough to tell known from unknown.
type two struct{}

func (two) Find(_, name string) (geo.Region, bool) {
	switch strings.ToLower(strings.ReplaceAll(name, " ", "")) {
	case "westeurope", "northeurope":
		return geo.Region{Provider: "azure", Code: strings.ToLower(strings.ReplaceAll(name, " ", ""))}, true
	}
	return geo.Region{}, false
}

func (two) Nearest(_, name string) string {
	if strings.HasPrefix(name, "west") {
		return "westeurope"
	}
	return ""
}

func assemble(site string, resources ...Resource) Result {
	for i := range resources {
		resources[i].Source, resources[i].Provider = "azure", "azure"
		if resources[i].Location == "" {
			resources[i].Location = "westeurope"
		}
	}
	return Assemble(Options{Site: site, At: time.Unix(0, 0), Regions: two{}}, []FileReport{{Path: "a.json", Kind: "test"}}, resources)
}

func vm(group, name string, tags map[string]string) Resource {
	return Resource{Type: "vm", Key: "/" + group + "/" + name, ARMID: "/" + group + "/" + name, Group: group, Name: name, Tags: tags, Machine: &Machine{}}
}

func pg(group, name string, tags map[string]string) Resource {
	return Resource{
		Type: "pg", Key: "/" + group + "/" + name, ARMID: "/" + group + "/" + name, Group: group, Name: name, Tags: tags,
		Database: &Database{Product: "pg", Engine: inventory.EngineAzurePostgreSQLFlexible},
	}
}

func tags(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m["meridian:"+pairs[i]] = pairs[i+1]
	}
	return m
}

// shape writes clusters as words: id(environment) component=nodes … use:infrastructure.
func shape(s *inventory.Site) string {
	var b strings.Builder
	for _, c := range s.Clusters {
		b.WriteString(c.ID + "(" + string(c.Environment) + ")")
		for _, comp := range c.Components {
			b.WriteString(" " + string(comp.Kind) + "=")
			for i, n := range comp.Nodes {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(n.Name)
			}
		}
		for _, u := range c.Uses {
			b.WriteString(" " + string(u.As) + ":" + u.Infrastructure)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestClusters(t *testing.T) {
	for _, c := range []struct {
		name       string
		resources  []Resource
		want       string
		unassigned string // a reason that must be given, "" for none at all
	}{
		{
			"names",
			[]Resource{vm("rg-twx", "twx-prod-1", nil), vm("rg-twx", "twx-prod-2", nil), vm("rg-twx", "twx-prod-cx1", nil), vm("rg-twx", "twx-prod-zk1", nil), vm("rg-twx", "twx-prod-ignite-1", nil), vm("rg-twx", "twx-prod-haproxy", nil)},
			"production(production) foundation=twx-prod-1,twx-prod-2 connection-server=twx-prod-cx1 ignite=twx-prod-ignite-1 load-balancer=twx-prod-haproxy zookeeper:production-zookeeper\n", "",
		},
		{
			"names by the group",
			[]Resource{vm("rg-thingworx-muc", "foundation1", nil), vm("rg-thingworx-muc", "muc-pg-1", nil), vm("rg-thingworx-muc", "muc-pgpool-1", nil), vm("rg-thingworx-muc", "muc-influx-meta-1", nil), vm("rg-thingworx-muc", "muc-influxdata1", nil)},
			"thingworx() foundation=foundation1 database:thingworx-database timeseries:thingworx-influxdb\n", "",
		},
		{"the product's name with a word of the group", []Resource{vm("rg-muc", "twx-muc-1", nil)}, "thingworx() foundation=twx-muc-1\n", ""},
		{"the product's name with another word", []Resource{vm("rg-muc", "twx-jump", nil)}, "", "its name tells no component"},
		{"several components in a name", []Resource{vm("rg", "twx-zk-cx", nil)}, "", "its name tells several components"},
		{"a role without the product", []Resource{vm("rg", "zk-1", nil)}, "", "nothing ties it to ThingWorx"},
		{"no Foundation", []Resource{vm("rg", "twx-zk-1", nil)}, "", "named like zookeeper"},
		{
			"environments apart",
			[]Resource{vm("rg", "twx-prod-1", nil), vm("rg", "twx-test-1", nil), vm("rg", "twx-dev-1", nil)},
			"development(development) foundation=twx-dev-1\nproduction(production) foundation=twx-prod-1\ntest(test) foundation=twx-test-1\n", "",
		},
		{
			"groups apart",
			[]Resource{vm("rg-a", "twx-prod-1", nil), vm("rg-b", "twx-prod-1", nil)},
			"production-rg-a(production) foundation=twx-prod-1-rg-a\nproduction-rg-b(production) foundation=twx-prod-1-rg-b\n", "",
		},
		{
			"tags",
			[]Resource{vm("g", "a", tags("cluster", "Prod One", "component", "foundation, zookeeper", "environment", "production")), vm("h", "b", tags("cluster", "prod-one", "component", "CX"))},
			"prod-one(production) foundation=a connection-server=b zookeeper:prod-one-zookeeper\n", "",
		},
		{"a node of two clusters", []Resource{vm("g", "a", tags("cluster", "a; b", "component", "foundation"))}, "", "belongs to one"},
		{"tags win over names", []Resource{vm("g", "twx-zk-1", tags("cluster", "c", "component", "foundation"))}, "c() foundation=twx-zk-1\n", ""},
		{"a cluster tag and a name", []Resource{vm("g", "zk-1", tags("cluster", "c"))}, "c() zookeeper:c-zookeeper\n", ""},
		{"a cluster tag alone", []Resource{vm("g", "host", tags("cluster", "c"))}, "", "neither tag nor name tells its component"},
		{"a component tag with the product in the name", []Resource{vm("g", "twx-x", tags("component", "platform"))}, "thingworx() foundation=twx-x\n", ""},
		{"an unknown component", []Resource{vm("g", "twx", tags("cluster", "c", "component", "kafka"))}, "", "which is no component"},
		{"another site", []Resource{vm("g", "twx-1", tags("site", "other"))}, "", "tagged for site"},
		{"a database machine of no product", []Resource{vm("g", "x", tags("cluster", "c", "component", "database"))}, "", "which database it runs"},
		{"SQL Server", []Resource{vm("g", "mssql-1", tags("cluster", "c", "component", "database"))}, "c() database:c-database\n", ""},
		{"a storage machine", []Resource{vm("g", "nfs-1", tags("cluster", "c", "component", "storage"))}, "c() storage:c-storage\n", ""},
		{
			"one ensemble of two clusters",
			[]Resource{vm("g", "z1", tags("cluster", "b,a", "component", "zookeeper", "infrastructure", "zk")), vm("g", "z2", tags("cluster", "a,b", "component", "zookeeper", "infrastructure", "zk"))},
			"a() zookeeper:zk\nb() zookeeper:zk\n", "",
		},
		{"no name", []Resource{vm("twx", "", tags("cluster", "c", "component", "foundation"))}, "", "it has no name"},
		{"names join the cluster of tags", []Resource{vm("rg", "x", tags("cluster", "main", "component", "foundation")), vm("rg", "twx-cx-1", nil)}, "main() foundation=x connection-server=twx-cx-1\n", ""},
		{"a database by tag", []Resource{pg("g", "pg", tags("cluster", "a, b"))}, "a() database:pg\nb() database:pg\n", ""},
		{"a database by its group", []Resource{pg("rg-twx", "db7", nil), vm("rg-twx", "twx-1", nil)}, "thingworx() foundation=twx-1 database:db7\n", ""},
		{"two databases in the group", []Resource{pg("rg-twx", "db7", nil), pg("rg-twx", "db8", nil), vm("rg-twx", "twx-1", nil)}, "thingworx() foundation=twx-1\n", "several of its kind"},
		{"two databases, one named", []Resource{pg("rg-twx", "twx-db", nil), pg("rg-twx", "db8", nil), vm("rg-twx", "twx-1", nil)}, "thingworx() foundation=twx-1 database:twx-db\n", "several of its kind"},
		{"a database of two clusters", []Resource{pg("rg", "twx-db", nil), vm("rg", "twx-test-1", nil), vm("rg", "twx-dev-1", nil)}, "development(development) foundation=twx-dev-1\ntest(test) foundation=twx-test-1\n", "several clusters"},
		{"a database of another environment", []Resource{pg("rg", "twx-test-db", nil), vm("rg", "twx-dev-1", nil)}, "development(development) foundation=twx-dev-1\n", "no cluster is known"},
		{"a database of another site", []Resource{pg("rg", "twx-db", tags("site", "other")), vm("rg", "twx-1", nil)}, "thingworx() foundation=twx-1\n", "tagged for site"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := assemble("s", c.resources...)
			if diff := cmp.Diff(c.want, shape(r.Site)); diff != "" {
				t.Errorf("clusters (-want +got):\n%s", diff)
			}
			var reasons []string
			for _, u := range r.Unassigned {
				reasons = append(reasons, u.Reason)
			}
			if all := strings.Join(reasons, "; "); c.unassigned == "" && all != "" || !strings.Contains(all, c.unassigned) {
				t.Errorf("unassigned %q, want %q", all, c.unassigned)
			}
		})
	}
}

func TestEnsemblesHaveTheirParts(t *testing.T) {
	r := assemble("s", vm("rg-twx", "twx-1", nil), vm("rg-twx", "pg-1", nil), vm("rg-twx", "pgpool-1", nil), vm("rg-twx", "influx-meta-1", nil), vm("rg-twx", "influx-data-1", nil))
	byKind := map[inventory.InfrastructureKind]inventory.Infrastructure{}
	for _, in := range r.Site.Infrastructure {
		byKind[in.Kind] = in
	}
	if db := byKind[inventory.KindDatabase]; db.Engine != inventory.EnginePostgreSQL || len(db.Nodes) != 1 || len(db.PgPool) != 1 {
		t.Errorf("database %+v", db)
	}
	if in := byKind[inventory.KindInfluxDB]; in.Edition != inventory.EditionEnterprise || len(in.Nodes) != 2 || in.Nodes[0].Role != "meta" || in.Nodes[1].Role != "data" {
		t.Errorf("influx %+v", in)
	}
	shared := assemble("s", vm("g", "z1", tags("cluster", "a,b", "component", "zookeeper"))).Site.Infrastructure
	if len(shared) != 1 || shared[0].Shared == nil || !*shared[0].Shared || len(shared[0].Nodes) != 1 {
		t.Errorf("shared ensemble %+v", shared)
	}
}

func TestLoadBalancerByBackend(t *testing.T) {
	lb := Resource{Type: "lb", Key: "/lb", ARMID: "/lb", Group: "net", Name: "front", Balancer: &Balancer{Backends: []string{"/nic1"}}}
	nic := Resource{Type: "nic", Key: "/nic1", ARMID: "/nic1", Interface: &Interface{Machine: "/rg/twx-1"}}
	pool := Resource{Type: "nic", Key: "/nic2", ARMID: "/nic2", Interface: &Interface{Machine: "/rg/twx-1", Pools: []string{"/lb/pools/p"}}}
	machine := vm("rg", "twx-1", nil)
	set := vm("rg", "twx-1", nil)
	set.Machine.Interfaces = []string{"/nic1"}
	other := vm("rg", "twx-zk-1", nil)
	other.Machine.Interfaces = []string{"/nic1"}
	for name, resources := range map[string][]Resource{
		"by the balancer's list": {lb, nic, machine}, "by the interface's pool": {lb, pool, machine}, "by the machine's interface": {lb, set},
	} {
		r := assemble("s", resources...)
		if got := shape(r.Site); got != "thingworx() foundation=twx-1 load-balancer:front\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := shape(assemble("s", lb, other, machine).Site); strings.Contains(got, "load-balancer") {
		t.Errorf("a balancer before ZooKeeper is not the cluster's: %q", got)
	}
}

func TestSiteID(t *testing.T) {
	for _, c := range []struct {
		given string
		in    []Resource
		want  string
	}{
		{"muc-01", []Resource{vm("RG_Plant", "x", nil)}, "muc-01"},
		{"", []Resource{vm("RG_Plant", "x", nil), vm("rg_plant", "y", nil)}, "rg-plant"},
		{"", []Resource{vm("a", "x", nil), vm("b", "y", nil)}, "azure-import"},
		{"", []Resource{vm("a", "x", tags("site", "Ber 02")), vm("b", "y", nil)}, "ber-02"},
		{"", []Resource{vm("a", "x", tags("site", "p")), vm("a", "y", tags("site", "q"))}, "azure-import"},
		{"", nil, "azure-import"},
	} {
		r := assemble(c.given, c.in...)
		if r.Site.Site.ID != c.want || (c.given == "") != (len(r.Notes) == 1) {
			t.Errorf("site %q, notes %v, want %q", r.Site.Site.ID, r.Notes, c.want)
		}
	}
}

func TestMerging(t *testing.T) {
	first, second := pg("g", "pg", nil), pg("g", "pg", nil)
	first.Database.SKU, second.Database.SKU = "", "D4"
	second.Database.CPU, second.Location, second.Zones = 4, "West Europe", []string{"1"}
	r := assemble("s", first, second)
	if in := r.Site.Infrastructure; len(in) != 1 || in[0].SKU != "D4" || in[0].CPU != 4 || in[0].Placement.Zone != "1" || len(r.Notes) != 0 {
		t.Errorf("two spellings of one server: %+v, %+v", in, r.Notes)
	}
	second.Location = "North Europe"
	r = assemble("s", first, second)
	if in := r.Site.Infrastructure; len(in) != 1 || in[0].SKU != "" || len(r.Notes) != 1 || !strings.Contains(r.Notes[0].What, "westeurope") {
		t.Errorf("a server in two regions: %+v, %+v", in, r.Notes)
	}
	first.ARMID, second.ARMID = "", ""
	if r = assemble("s", first, second); len(r.Site.Infrastructure) != 2 {
		t.Errorf("a placeholder id joins two servers: %+v", r.Site.Infrastructure)
	}
	for name, change := range map[string]func(*Database){
		"version": func(d *Database) { d.Version = "13" }, "standby": func(d *Database) { d.StandbyZone = "3" }, "mode": func(d *Database) { d.Mode = inventory.HANone },
		"source": func(d *Database) { d.SourceKey = "/x" }, "backup": func(d *Database) { no := false; d.GeoBackup = &no }, "storage": func(d *Database) { d.StorageGiB = 1 },
	} {
		a, b := pg("g", "pg", nil), pg("g", "pg", nil)
		yes := true
		a.Database = &Database{Engine: inventory.EngineAzureSQL, Version: "15", Mode: inventory.HAZoneRedundant, StandbyZone: "2", SourceKey: "/s", GeoBackup: &yes, StorageGiB: 2}
		copied := *a.Database
		b.Database = &copied
		change(b.Database)
		if r := assemble("s", a, b); len(r.Notes) != 1 {
			t.Errorf("%s: %d notes, want one that tells the difference", name, len(r.Notes))
		}
	}
}

// TestAskedAndObserved has a plan say of a server otherwise than what runs does: the plan's value is the declared one.
func TestAskedAndObserved(t *testing.T) {
	runs, asked, other := pg("g", "twx-pg", nil), pg("g", "twx-pg", nil), pg("g", "twx-pg", nil)
	runs.Location, runs.Line = "northeurope", 7
	asked.Database.Tier, runs.Database.Tier = "Burstable", "GeneralPurpose"
	asked.Asked, other.Asked, other.Location, other.Zones, runs.Zones = true, true, "northeurope", []string{"2"}, []string{"1"}
	r := assemble("s", asked, runs, other)
	got := map[string]inventory.Provenance{}
	for _, p := range r.Site.Provenance {
		if _, twice := got[p.Path]; twice {
			t.Errorf("two entries of %s", p.Path)
		}
		got[p.Path] = p
	}
	if p := got["/infrastructure/0/placement/region"]; p.Source != "azure/a.json:7" || p.Declared != "westeurope" || len(p.Overruled) != 0 || r.Site.Infrastructure[0].Placement.Region != "northeurope" {
		t.Errorf("%+v of %+v", p, r.Site.Infrastructure)
	}
	if p := got["/infrastructure/0/placement/zone"]; p.Declared != "2" {
		t.Errorf("%+v", p)
	}
	if p := got["/infrastructure/0/tier"]; p.Declared != "Burstable" {
		t.Errorf("%+v", p)
	}
	if len(r.Notes) != 2 || !strings.Contains(r.Notes[0].What, `is asked for otherwise in a.json: region "northeurope" and "westeurope", tier "GeneralPurpose" and "Burstable"; what was observed counts`) {
		t.Errorf("%+v", r.Notes)
	}
}

func TestMergingOfEveryKind(t *testing.T) {
	yes := true
	same := func(change func(*Resource)) []Resource {
		a := Resource{Type: "x", Key: "/k", ARMID: "/k", Name: "k", Group: "g"}
		b := a
		change(&a)
		change(&b)
		b.Tags = tags("cluster", "c")
		return []Resource{a, b}
	}
	for name, resources := range map[string][]Resource{
		"balancer": same(func(r *Resource) {
			r.Balancer = &Balancer{Redundant: &yes, Sticky: &yes, SKU: "S", Addresses: []string{"10.0.0.1"}, Zonal: [][]string{{"1"}}}
		}),
		"storage":   same(func(r *Resource) { r.Storage = &Storage{Files: true, Protocol: "nfs", SizeGiB: 1} }),
		"share":     same(func(r *Resource) { r.Share = &Share{Account: "/a", AccountName: "a", Protocol: "nfs", QuotaGiB: 1} }),
		"machine":   same(func(r *Resource) { r.Machine = &Machine{SKU: "D4", CPU: 4, Interfaces: []string{"/n"}} }),
		"interface": same(func(r *Resource) { r.Interface = &Interface{Machine: "/m", Pools: []string{"/p"}} }),
		"address":   same(func(r *Resource) { r.PublicIP = true }),
		"part":      {pg("g", "k", nil), {Type: "x", Key: "/p", Part: &DatabasePart{Server: "/g/k"}}, {Type: "x", Key: "/p", Part: &DatabasePart{Server: "/g/k"}}},
	} {
		r := assemble("s", resources...)
		if len(r.Notes) != 0 {
			t.Errorf("%s: %v", name, r.Notes)
		}
		if r.Files[0].Resources != len(resources) {
			t.Errorf("%s: %d resources", name, r.Files[0].Resources)
		}
	}
}

func TestRegions(t *testing.T) {
	for location, want := range map[string]string{"westeuropa": "did you mean westeurope?", "moon": "write the region", "<region>": "replace it"} {
		r := pg("g", "pg", nil)
		r.Location = location
		got := assemble("s", r)
		if ps := got.Files[0].Problems; len(ps) != 1 || !strings.Contains(ps[0].Remedy, want) {
			t.Errorf("%s: %+v", location, ps)
		}
		if got.Status() != Partial || got.Databases[0].Known {
			t.Errorf("%s: %s, %+v", location, got.Status(), got.Databases)
		}
	}
	r := Assemble(Options{Site: "s"}, []FileReport{{Path: "a"}}, []Resource{pg("g", "pg", nil)})
	if r.Site.Infrastructure[0].Placement.Region != "" || len(r.Files[0].Notes) != 1 {
		t.Errorf("without a location: %+v", r.Files[0])
	}
}

func TestStatusAndExitCode(t *testing.T) {
	for _, c := range []struct {
		in   []Status
		want Status
		code int
	}{
		{nil, Refused, 2},
		{[]Status{Understood, Understood}, Understood, 0},
		{[]Status{Refused, Refused}, Refused, 2},
		{[]Status{Understood, Refused}, Partial, 3},
		{[]Status{Partial}, Partial, 3},
	} {
		r := Result{}
		for _, s := range c.in {
			r.Files = append(r.Files, FileReport{Status: s})
		}
		if r.Status() != c.want || r.ExitCode() != c.code {
			t.Errorf("%v: %s, %d", c.in, r.Status(), r.ExitCode())
		}
	}
}

func TestBoundedReports(t *testing.T) {
	var in []Resource
	for i := range maxProblems + 50 {
		r := pg("g", "pg"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+string(rune('a'+i/26)), nil)
		r.Location, r.Key, r.Line = "moon", "", i+1
		in = append(in, r)
	}
	f := assemble("s", in...).Files[0]
	if len(f.Problems) != maxProblems+1 || !strings.Contains(f.Problems[maxProblems].What, "50 further ones") {
		t.Errorf("%d problems, the last %+v", len(f.Problems), f.Problems[len(f.Problems)-1])
	}
	f = FileReport{Path: "a"}
	for range maxProblems + 1 {
		f.Note(in[0].problem("x", ""))
	}
	f.close()
	if last := f.Notes[len(f.Notes)-1]; !strings.Contains(last.What, "1 further one") {
		t.Errorf("the last note %+v", last)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "West Europe": `"West Europe"`, "<azurelocation>": `"<azurelocation>"`, "p@ss": "a value of 4 bytes", strings.Repeat("a", 41): "a value of 41 bytes",
		strings.Repeat("ab ", 30): "a value of 90 bytes",
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
	if got := Name(strings.Repeat("a", 60)); len(got) != 62 {
		t.Errorf("a long name is shown as %s", got)
	}
	for _, odd := range []string{"", "a\nb", strings.Repeat("a", 91)} {
		if got := Name(odd); strings.Contains(got, "aaa") || strings.Contains(got, "\n") {
			t.Errorf("Name(%q) = %s", odd, got)
		}
	}
	if got := List([]string{"a", "b", "c"}, 2); got != "a, b and 1 other" {
		t.Errorf("List = %q", got)
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{"RG_Plant--A ": "rg-plant-a", "---": "", "ÄÖ1": "1", strings.Repeat("a", 62) + "--b": strings.Repeat("a", 62)} {
		if got := Slug(in); got != want {
			t.Errorf("Slug(%q) = %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Slug(rapid.String().Draw(t, "name"))
		if s != Slug(s) || len(s) > 63 || strings.HasPrefix(s, "-") || strings.HasSuffix(s, "-") || strings.Contains(s, "--") {
			t.Errorf("slug %q", s)
		}
	})
}

// Ids are unique and of the allowed form whatever the names are.
func TestIDsAreUnique(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &assembly{ids: map[string]bool{}, numbers: map[string]int{}}
		seen := map[string]bool{}
		for _, name := range rapid.SliceOf(rapid.SampledFrom([]string{"a", "A", "a-g", "", "ä", strings.Repeat("x", 70), strings.Repeat("x", 80)})).Draw(t, "names") {
			id := a.id(name, rapid.SampledFrom([]string{"", "g", "G"}).Draw(t, "group"), "storage")
			if seen[id] || Slug(id) != id || id == "" {
				t.Errorf("id %q", id)
			}
			seen[id] = true
		}
	})
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestDatabaseTable(t *testing.T) {
	rows := []DatabaseRegion{
		{File: "a.json", Server: "pg", Engine: "azure-postgresql-flexible", Region: "westeurope", Known: true, Zone: "1", Mode: inventory.HAZoneRedundant, Standby: "2"},
		{File: "b.json", Server: "x", Engine: "azure-sql", Region: "moon", Asked: true},
	}
	var b bytes.Buffer
	if err := WriteDatabaseRegions(&b, rows); err != nil {
		t.Fatal(err)
	}
	want := "SERVER  ENGINE                     REGION      ZONE  HA                ROLE  SOURCE  FILE\n" +
		"pg      azure-postgresql-flexible  westeurope  1     zone-redundant 2  -     -       a.json\n" +
		"x       azure-sql                  (moon)      -     -                 -     -       b.json (asked for)\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if err := WriteDatabaseRegions(full{}, rows); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}
