package live

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/azure"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// recorded returns the files of folders of the real answers that MERIDIAN_CORPUS points at.
func recorded(t *testing.T, patterns ...string) []string {
	t.Helper()
	root := os.Getenv("MERIDIAN_CORPUS")
	if root == "" {
		t.Skip("MERIDIAN_CORPUS names no folder with data/")
	}
	var out []string
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(root, "data", p))
		if err != nil || len(found) == 0 {
			t.Fatalf("nothing at %s: %v", p, err)
		}
		out = append(out, found...)
	}
	return out
}

// Recorded bodies of ARM, served as Azure would serve them, give the infrastructure that their import gives.
func TestCorpusLiveAndOfflineAgree(t *testing.T) {
	c := newSky(t)
	c.rows, c.arm = nil, map[string]json.RawMessage{}
	ids, lists, offline := map[string]bool{}, map[string][]any{}, []any{}
	for _, path := range recorded(t, "1_flexible_server/recorded_arm/*.json", "2_compute_network_storage/recorded_arm/*.json", "2_compute_network_storage/subscription_lists/*.json") {
		var v any
		read(t, path, &v)
		rows := []any{v}
		if m, ok := v.(map[string]any); ok && m["value"] != nil {
			rows, _ = m["value"].([]any)
		}
		for _, r := range rows {
			row, ok := r.(map[string]any)
			if !ok {
				continue
			}
			text, _ := row["id"].(string)
			kind, _ := row["type"].(string)
			id, ok := azure.ParseID(text)
			if !ok || !id.Usable || ids[id.Key] || !strings.EqualFold(id.Kind, kind) || row["properties"] == nil {
				continue // another recording of the same, or a row of a list that tells no more than its name
			}
			ids[id.Key] = true
			row["type"] = strings.ToLower(kind)
			switch id.Kind {
			case "microsoft.compute/virtualmachinescalesets/virtualmachines":
				lists[id.Parent(1)+"/virtualmachines"] = append(lists[id.Parent(1)+"/virtualmachines"], row)
			case "microsoft.storage/storageaccounts/fileservices/shares":
				continue // of an account that was not recorded, so that Azure would not be asked for it
			default:
				if !slices.ContainsFunc(queries(), func(q query) bool { return slices.Contains(q.types, id.Kind) }) {
					continue
				}
				c.rows = append(c.rows, row)
			}
			offline = append(offline, row)
		}
	}
	for path, rows := range lists {
		body, err := json.Marshal(map[string]any{"value": rows})
		if err != nil {
			t.Fatal(err)
		}
		c.arm[path] = body
	}
	c.arm["/subscriptions"] = []byte(`{"value":[{"subscriptionId":"00000000-0000-0000-0000-000000000000","state":"Enabled"}]}`)
	c.page = 7
	c.hook = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/resourceGroups/") && c.arm[strings.ToLower(r.URL.Path)] == nil {
			refuse(w, http.StatusForbidden, "AuthorizationFailed") // what was not recorded is not known
			return true
		}
		return false
	}
	s, at := c.source(t, Config{Names: []NameRule{{Pattern: "."}}}, Options{})
	r := result(t, s)

	text, err := json.Marshal(offline)
	if err != nil {
		t.Fatal(err)
	}
	imported := azure.Import([]importer.File{{Name: "all.json", Data: text}}, importer.Options{Site: "plant-a", At: at.Now(), Regions: regions(t)})
	want, got := byID(imported.Site.Infrastructure), byID(r.Site.Infrastructure)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("infrastructure, imported and live:\n%s", diff)
	}
	kinds := map[inventory.InfrastructureKind]int{}
	for _, in := range got {
		kinds[in.Kind]++
	}
	t.Logf("%d rows, %v", len(offline), kinds)
	if kinds[inventory.KindDatabase] < 20 || kinds[inventory.KindLoadBalancer] < 40 || kinds[inventory.KindStorage] < 2 {
		t.Errorf("too little came of the corpus: %v", kinds)
	}
}

// byID orders by ARM id, without the ids of the document, which follow the order of its rows.
func byID(list []inventory.Infrastructure) []inventory.Infrastructure {
	out := slices.Clone(list)
	for i := range out {
		out[i].ID, out[i].Name = "", ""
		slices.SortFunc(out[i].Replicas, func(a, b inventory.Replica) int { return strings.Compare(a.Name, b.Name) })
	}
	slices.SortFunc(out, func(a, b inventory.Infrastructure) int {
		return strings.Compare(strings.ToLower(a.Identity.ARMID), strings.ToLower(b.Identity.ARMID))
	})
	return out
}

// Recorded answers of Resource Graph itself: pages, rows that are hardly more than an id, and an error.
func TestCorpusResourceGraph(t *testing.T) {
	files := recorded(t, "2_compute_network_storage/resource_graph/recorded_*.json")
	for _, path := range files {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := newSky(t)
		pages := 0
		c.hook = func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case !about(t, r, databaseQuery):
				return false
			case strings.Contains(path, "error_400"):
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write(body)
			case about(t, r, "skipToken"):
				_, _ = io.WriteString(w, `{"count":0,"totalRecords":3,"resultTruncated":"false","data":[]}`)
			default:
				pages++
				_, _ = w.Write(body)
			}
			return true
		}
		s, _ := c.source(t, plant(), Options{})
		started := time.Now()
		got := status(t, result(t, s), partDatabases)
		failed := strings.Contains(path, "error_400")
		if failed != (got.Status == inventory.SourceFailed) || !failed && pages != 1 || failed && !strings.Contains(got.Detail, "Azure refused the request (400, BadRequest)") {
			t.Errorf("%s: %d pages in %s, %+v", filepath.Base(path), pages, time.Since(started), got)
		}
	}
}
