package azure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/importer"
	"github.com/meridian-federation/meridian/planner/sources/sourcetest"
)

// summary is counts and our own words only: the golden file must hold nothing of the corpus.
func summary(r *importer.Result) string {
	var b strings.Builder
	status, kinds, classes, products := map[importer.Status]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for _, f := range r.Files {
		status[f.Status]++
		kinds[f.Kind]++
		for _, c := range f.Types {
			classes[string(c.Class)] += c.Count
		}
	}
	for _, d := range r.Databases {
		products[d.Engine]++
	}
	infra := map[string]int{}
	for _, in := range r.Site.Infrastructure {
		infra[string(in.Kind)]++
	}
	fmt.Fprintf(&b, "files %d: %d understood, %d partial, %d refused\n", len(r.Files), status[importer.Understood], status[importer.Partial], status[importer.Refused])
	for _, part := range []struct {
		name string
		m    map[string]int
	}{{"kind", kinds}, {"resources", classes}, {"database rows", products}, {"infrastructure", infra}} {
		keys := make([]string, 0, len(part.m))
		for k := range part.m {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			fmt.Fprintf(&b, "%s: %s %d\n", part.name, k, part.m[k])
		}
	}
	fmt.Fprintf(&b, "clusters %d, unassigned %d, replicas %d\n", len(r.Site.Clusters), len(r.Unassigned), replicas(r.Site))
	return b.String()
}

func replicas(s *inventory.Site) int {
	n := 0
	for _, in := range s.Infrastructure {
		n += len(in.Replicas)
	}
	return n
}

func TestCorpus(t *testing.T) {
	for folder, want := range map[string]struct{ files, refused int }{"1_flexible_server": {59, 0}, "2_compute_network_storage": {90, 1}} {
		t.Run(folder, func(t *testing.T) {
			files := sourcetest.Corpus(t, folder)
			r := Import(files, options(t, "corpus"))
			if len(r.Files) != want.files {
				t.Errorf("%d reports, want %d", len(r.Files), want.files)
			}
			refused := 0
			for _, f := range r.Files {
				if f.Kind == "" {
					t.Errorf("%s: not said what it is", f.Path)
				}
				if f.Status == importer.Refused {
					refused++
				}
				if f.Status != importer.Understood && len(f.Problems) == 0 {
					t.Errorf("%s: %s without a reason", f.Path, f.Status)
				}
				for _, p := range f.Problems {
					if p.File != f.Path || p.Line == 0 || p.What == "" {
						t.Errorf("a problem without its place: %+v", p)
					}
				}
			}
			if refused != want.refused {
				t.Errorf("%d refused, want %d", refused, want.refused)
			}
			valid(t, r.Site)
			again := Import(files, options(t, "corpus"))
			if diff := cmp.Diff(jsonOf(t, r), jsonOf(t, again)); diff != "" {
				t.Errorf("a second import differs:\n%s", diff)
			}
			got, golden := summary(&r), filepath.Join("testdata", "corpus_"+folder[:1]+".golden.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Every file alone: the same status whatever stands beside it, and every single one a valid document.
func TestCorpusOneByOne(t *testing.T) {
	for _, folder := range []string{"1_flexible_server", "2_compute_network_storage"} {
		for _, f := range sourcetest.Corpus(t, folder) {
			r := Import([]importer.File{f}, options(t, ""))
			if r.Files[0].Kind == "" {
				t.Errorf("%s: not said what it is", f.Name)
			}
			if r.Site != nil {
				valid(t, r.Site)
			}
		}
	}
}

func TestCorpusFacts(t *testing.T) {
	first := Import(sourcetest.Corpus(t, "1_flexible_server"), options(t, "corpus"))
	rows := map[string][]importer.DatabaseRegion{}
	for _, row := range first.Databases {
		rows[filepath.Base(row.File)] = append(rows[filepath.Base(row.File)], row)
	}
	for file, want := range map[string]importer.DatabaseRegion{
		"byok_geo_restored_westus_nozone.json":                  {Region: "westus", Mode: inventory.HANone},
		"georestore_target_westus_public.json":                  {Region: "westus", Mode: inventory.HANone},
		"georestore_target_westus_vnet.json":                    {Region: "westus", Mode: inventory.HANone},
		"georestore_source_eastus_public.json":                  {Region: "eastus", Zone: "1", Mode: inventory.HANone},
		"georestore_source_eastus_vnet.json":                    {Region: "eastus", Zone: "3", Mode: inventory.HANone},
		"backups_primary_zone3.json":                            {Region: "eastus", Zone: "3", Mode: inventory.HANone},
		"pitr_restored_zone2.json":                              {Region: "eastus", Zone: "2", Mode: inventory.HANone},
		"api2020_mgmt.json":                                     {Region: "eastus2euap", Zone: "2", Mode: inventory.HANone},
		"list_by_rg_1.json":                                     {Region: "eastus", Zone: "1", Mode: inventory.HAZoneRedundant, Standby: "2"},
		"mysql_flexible_eastus2euap_emptystandby.json":          {Region: "eastus2euap", Mode: inventory.HANone},
		"2025-06-01-preview_ServersCreateSameZoneHA.json":       {Region: "eastus", Zone: "1", Mode: inventory.HASameZone, Asked: true},
		"2020-02-14-preview_ServerCreate.json":                  {Region: "westus", Zone: "1", Mode: inventory.HAZoneRedundant, Standby: "2"},
		"2021-04-10-privatepreview_ServerCreateGeoRestore.json": {Region: "westus", Zone: "1", Mode: inventory.HANone},
	} {
		got := rows[file]
		if len(got) != 1 {
			t.Errorf("%s: %d rows", file, len(got))
			continue
		}
		g := got[0]
		if g.Region != want.Region || g.Zone != want.Zone || g.Mode != want.Mode || g.Standby != want.Standby || g.Asked != want.Asked || !g.Known {
			t.Errorf("%s: %+v, want %+v", file, g, want)
		}
	}
	for file, n := range map[string]int{"2020-02-14-preview_ServerList.json": 4, "replica_list_empty.json": 0, "replica_list.json": 1, "single_server_2017-12-01_ReplicasListByServer.json": 5, "hsc_2020-10-05_ServerGroupListByResourceGroup.json": 3} {
		if len(rows[file]) != n {
			t.Errorf("%s: %d rows, want %d", file, len(rows[file]), n)
		}
	}
	for _, file := range []string{"replica_async.json", "replica_list.json", "byok_async_replica.json"} {
		if r := rows[file][0]; r.Role != "AsyncReplica" || r.Source == "" {
			t.Errorf("%s: %+v", file, r)
		}
	}
	var table bytes.Buffer
	if err := importer.WriteDatabaseRegions(&table, importer.DatabaseRegions(&first)); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(table.String(), "\n"); lines != len(first.Databases)+1 {
		t.Errorf("%d lines in the table of %d rows", lines, len(first.Databases))
	}

	second := Import(sourcetest.Corpus(t, "2_compute_network_storage"), options(t, "corpus"))
	counts := map[string]importer.FileReport{}
	for _, f := range second.Files {
		counts[filepath.Base(f.Path)] = f
	}
	for file, want := range map[string][2]int{
		"sql_servers_40.json": {40, 40}, "storage_accounts_97.json": {97, 0}, "load_balancers_44.json": {44, 44}, "pg_single_servers_20.json": {20, 0},
		"vnets_33.json": {33, 0}, "nics_28.json": {28, 0}, "resources_136.json": {136, 0}, "public_ips_54.json": {54, 26}, "vm_list_d_table_2017.txt": {4, 0},
		"network_watchers_12.json": {12, 0}, "netapp_volume_show.json": {1, 1}, "fileshare_nfs.json": {1, 1}, "recorded_error_400.json": {0, 0},
	} {
		if f := counts[file]; f.Resources != want[0] || f.Used != want[1] {
			t.Errorf("%s: %d resources, %d used, want %v", file, f.Resources, f.Used, want)
		}
	}
	sql, edge, global := 0, 0, 0
	for _, in := range second.Site.Infrastructure {
		switch {
		case in.Engine == inventory.EngineAzureSQL:
			sql++
		case in.Kind == inventory.KindLoadBalancer && in.Placement.PhysicalZone != "":
			edge++
		case in.Kind == inventory.KindLoadBalancer && in.Placement.Region == "" && in.Redundant != nil && *in.Redundant:
			global++
		case in.Kind == inventory.KindStorage && in.Redundancy == inventory.RedundancyGeo && len(in.Replicas) == 1 && in.Replicas[0].Region != "westus2":
			t.Errorf("the replicated volume's other region is %q", in.Replicas[0].Region)
		}
	}
	if sql != 40 || edge != 1 || global != 3 {
		t.Errorf("%d Azure SQL servers, %d load balancers in an edge zone, %d cross-region ones", sql, edge, global)
	}
}
