package catalog

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// ptcTable is one "Number of Components" table of PTC's page: the text under each component, by the component's name.
type ptcTable struct {
	section string
	shared  bool
	cells   map[string]string
}

// component finds the component a cell of the first column names. PTC spells some over two lines.
func component(line, next string) (name string, lines int) {
	joined := line + " " + next
	for _, c := range []struct {
		name string
		re   *regexp.Regexp
	}{
		{"connection-server", regexp.MustCompile(`^ThingWorx Connection( Server)?$`)},
		{"load-balancer", regexp.MustCompile(`^Load Balancer( Instances)?$`)},
		{"foundation", regexp.MustCompile(`^ThingWorx Foundation Server$`)},
		{"storage", regexp.MustCompile(`^(Attached or NAS File Storage|Networked/Enterprise Storage)$`)},
		{"database", regexp.MustCompile(`^(Database|Databases|Relational Database)$`)},
		{"influxdb", regexp.MustCompile(`^InfluxDB \(single-node\)$`)},
		{"influxdb-enterprise", regexp.MustCompile(`^InfluxDB Enterprise$`)},
		{"ignite", regexp.MustCompile(`^Ignite$`)},
		{"zookeeper", regexp.MustCompile(`^ZooKeeper$`)},
	} {
		if c.re.MatchString(joined) {
			return c.name, 2
		}
		if c.re.MatchString(line) {
			if c.name == "connection-server" && next == "Server" {
				return c.name, 2
			}
			return c.name, 1
		}
	}
	return "", 0
}

func readTables(t *testing.T) []ptcTable {
	t.Helper()
	root := os.Getenv("MERIDIAN_CORPUS")
	if root == "" {
		t.Skip("MERIDIAN_CORPUS does not name the folder of PTC's page")
	}
	text, err := os.ReadFile(filepath.Join(root, "thingworx-deployment-architectures.txt"))
	if err != nil {
		t.Fatal(err)
	}
	sections := regexp.MustCompile(`^(ThingWorx Foundation Basic Production System|ThingWorx Foundation Large Production System \(non-HA\)|High Scale \+ High Availability Cluster|Minimum Cluster Footprint|ThingWorx Production Clusters)$`)
	lines := strings.Split(string(text), "\n")
	var tables []ptcTable
	section := ""
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if sections.MatchString(line) {
			section = line
			continue
		}
		if line != "Number of Components" {
			continue
		}
		table := ptcTable{section: section, shared: strings.Contains(lines[i-1], "(Shared)"), cells: map[string]string{}}
		current := ""
		for i+1 < len(lines) {
			next := strings.TrimSpace(lines[i+1])
			if sections.MatchString(next) || strings.HasPrefix(next, "List of Components") || next == "Was this helpful?" {
				break
			}
			following := ""
			if i+2 < len(lines) {
				following = strings.TrimSpace(lines[i+2])
			}
			if name, n := component(next, following); name != "" && !strings.Contains(next, ":") {
				current = name
				table.cells[current] = ""
				i += n
				continue
			}
			table.cells[current] += next + "\n"
			i++
		}
		tables = append(tables, table)
	}
	return tables
}

// The catalogue gives the numbers of every table of PTC's page. Where PTC's prose says less than its table (two
// PostgreSQL nodes, ideally three), the least is the prose and the recommendation the table.
func TestCatalogueSaysWhatPTCsTablesSay(t *testing.T) {
	tables := readTables(t)
	if len(tables) != 5 {
		t.Fatalf("found %d tables, want 5: basic, large, cluster, footprint per node, footprint shared", len(tables))
	}
	ids := map[string]string{
		"ThingWorx Foundation Basic Production System":          BasicProduction,
		"ThingWorx Foundation Large Production System (non-HA)": LargeProduction,
		"High Scale + High Availability Cluster":                HACluster,
		"Minimum Cluster Footprint":                             MinimumFootprint,
	}
	checked := 0
	for _, table := range tables {
		a := get(t, ids[table.section])
		for name, cell := range table.cells {
			checked++
			t.Run(a.ID+"/"+name, func(t *testing.T) { checkCell(t, a, name, cell) })
		}
	}
	if want := 5 + 5 + 8 + 3 + 4; checked != want {
		t.Errorf("checked %d cells, want %d", checked, want)
	}
}

func checkCell(t *testing.T, a *Architecture, name, cell string) {
	want := func(k Kind, e inventory.Engine, ts TimeseriesChoice, i inventory.IgniteMode, least, most, recommend int) {
		t.Helper()
		d := Demand{ReplicationFactor: 2}
		lo, hi, ok := a.Limits(k, e, ts, i, d)
		if !ok {
			t.Errorf("%s has no %s; PTC: %q", a.ID, k, cell)
			return
		}
		counts := a.Counts(e, ts, i, d)
		if got := counts.Of(k); lo != least || hi != most || got != recommend {
			t.Errorf("%s %s: %d to %d, recommended %d; want %d to %d, recommended %d; PTC: %q", a.ID, k, lo, hi, got, least, most, recommend, cell)
		}
	}
	embedded, postgres, relational := inventory.IgniteEmbedded, inventory.EnginePostgreSQL, TimeseriesRelational
	if !a.HighlyAvailable {
		embedded, relational = "", a.Timeseries[0]
	}
	switch name {
	case "ignite":
		if strings.Contains(cell, "None - Running in embedded mode") {
			if len(a.Ignite) != 1 || a.Ignite[0] != inventory.IgniteEmbedded {
				t.Errorf("%s allows Ignite %v, PTC embeds it", a.ID, a.Ignite)
			}
			return
		}
		n := cellNumber(t, `(\d+) or more separate nodes`, cell)
		want(KindIgnite, postgres, relational, inventory.IgniteSeparate, n, Unbounded, n)
		if !strings.Contains(cell, "Embedded") || !a.AllowsIgnite(inventory.IgniteEmbedded) {
			t.Errorf("%s: Ignite may also be embedded; PTC: %q", a.ID, cell)
		}
	case "database":
		if strings.Contains(cell, "See previous diagram") {
			ha := get(t, HACluster)
			for _, d := range ha.Databases {
				x, y := ha.Counts(d.Engine, relational, embedded, Demand{}), a.Counts(d.Engine, relational, embedded, Demand{})
				if x.Of(KindDatabase) != y.Of(KindDatabase) || x.Of(KindPgPool) != y.Of(KindPgPool) {
					t.Errorf("%s: databases of %s differ from those of %s", d.Engine, a.ID, ha.ID)
				}
			}
			return
		}
		if !a.HighlyAvailable {
			n := cellNumber(t, `^(\d+)`, cell)
			want(KindDatabase, postgres, relational, "", n, n, n)
			return
		}
		nodes := cellNumber(t, `PostgreSQL: (\d+) database nodes`, cell)
		pools := cellNumber(t, `\+ (\d+) pgpool-II nodes`, cell)
		servers := cellNumber(t, `SQL Server[^:]*: minimum (\d+)`, cell)
		want(KindDatabase, postgres, relational, embedded, 2, nodes, nodes)
		want(KindPgPool, postgres, relational, embedded, pools, 3, pools)
		want(KindDatabase, inventory.EngineSQLServer, relational, embedded, servers, Unbounded, servers)
	case "influxdb-enterprise":
		all := cellNumber(t, `^(\d+) \(or more\)`, cell)
		meta := cellNumber(t, `(\d+) Meta nodes`, cell)
		data := cellNumber(t, `(\d+) or more Data Nodes`, cell)
		if meta+data != all {
			t.Errorf("PTC's own numbers do not add up: %q", cell)
		}
		want(KindInfluxMeta, postgres, TimeseriesEnterprise, embedded, meta, Unbounded, meta)
		want(KindInfluxData, postgres, TimeseriesEnterprise, embedded, data, Unbounded, data)
		counts := a.Counts(postgres, TimeseriesEnterprise, embedded, Demand{ReplicationFactor: 3})
		if n := counts.Of(KindInfluxData); n%3 != 0 {
			t.Errorf("%d data nodes are not divisible by the replication factor 3", n)
		}
	case "zookeeper":
		n := cellNumber(t, `Minimum of (\d+)`, cell)
		want(KindZooKeeper, postgres, relational, embedded, n, Unbounded, n)
		for _, p := range a.Parts {
			if p.Kind == KindZooKeeper && !p.Odd {
				t.Error("ZooKeeper should be in odd numbers")
			}
		}
	case "load-balancer":
		if !a.HighlyAvailable {
			n := cellNumber(t, `^(\d+)`, cell)
			want(KindLoadBalancer, postgres, relational, "", n, n, n)
			return
		}
		least, most := cellNumber(t, `^(\d+) or \d+`, cell), cellNumber(t, `^\d+ or (\d+)`, cell)
		want(KindLoadBalancer, postgres, relational, embedded, least, most, least)
		want(KindLoadBalancer, postgres, TimeseriesEnterprise, embedded, least, most, most)
	case "storage":
		n := 1
		if !a.HighlyAvailable {
			n = cellNumber(t, `^(\d+)`, cell)
		}
		want(KindStorage, postgres, relational, embedded, n, n, n)
	case "influxdb":
		n := cellNumber(t, `^(\d+)`, cell)
		want(KindInflux, postgres, TimeseriesInflux, "", n, n, n)
	default:
		k := Kind(name)
		switch {
		case strings.Contains(cell, "per cluster node"):
			if n := cellNumber(t, `^(\d+)`, cell); n != 1 {
				t.Errorf("PTC has %d per cluster node", n)
			}
			p := a.NewPlan(Demand{ConnectionServers: 3})
			if f, cs := p.Counts.Of(KindFoundation), p.Counts.Of(KindConnectionServer); f != cs {
				t.Errorf("%d Foundation nodes and %d connection servers, PTC has one each per cluster node", f, cs)
			}
		case regexp.MustCompile(`\d+ ?\.\. ?n`).MatchString(cell):
			n := cellNumber(t, `^(\d+) ?\.\.`, cell)
			want(k, postgres, relational, embedded, n, Unbounded, n)
		default:
			n := cellNumber(t, `^(\d+)`, cell)
			want(k, postgres, relational, embedded, n, n, n)
		}
	}
}

func cellNumber(t *testing.T, pattern, cell string) int {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(cell)
	if m == nil {
		t.Fatalf("%q is not in PTC's cell %q", pattern, cell)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
