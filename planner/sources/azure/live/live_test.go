package live

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meridian-federation/meridian/planner/agent"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/collect"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file, or writes it.
func golden(t *testing.T, path string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// A plant over two subscriptions: a cluster by names, its database by the host of the JDBC URL, and an ERP system beside it
// that is no part of the inventory. Every page holds two rows.
func TestPlant(t *testing.T) {
	c := newSky(t)
	c.page = 2
	s, _ := c.source(t, plant(), Options{})
	r := result(t, s)
	golden(t, "testdata/plant.golden.json", r)
}

// However many rows a page has, and however ARM's lists are cut, the inventory is the same.
func TestPages(t *testing.T) {
	var want []byte
	for _, page := range []int{1, 3, 1000} {
		c := newSky(t)
		c.page = page
		c.hook = func(w http.ResponseWriter, r *http.Request) bool {
			body, ok := c.arm[strings.ToLower(r.URL.Path)]
			var list struct {
				Value []json.RawMessage `json:"value"`
			}
			if !ok || json.Unmarshal(body, &list) != nil || len(list.Value) < 2 || page > len(list.Value) {
				return false
			}
			from, _ := strconv.Atoi(r.URL.Query().Get("from"))
			end := min(from+page, len(list.Value))
			next := ""
			if end < len(list.Value) {
				next = "https://management.azure.com" + r.URL.Path + "?from=" + strconv.Itoa(end)
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"value": list.Value[from:end], "nextLink": next})
			return true
		}
		s, _ := c.source(t, plant(), Options{})
		r := result(t, s)
		expect(t, r, nil)
		got, err := json.Marshal(r.Site)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("pages of %d:\n%s", page, diff)
		}
		if page == 1 && c.count("POST "+graphPath) < len(c.rows) {
			t.Errorf("%d queries for %d rows of one a page", c.count("POST "+graphPath), len(c.rows))
		}
	}
}

func TestCollect(t *testing.T) {
	c := newSky(t)
	s, at := c.source(t, plant(), Options{Name: "azure-plant"})
	var source agent.Source = s
	first, sources, err := source.Collect(t.Context())
	if err != nil || len(first.Clusters) != 2 || len(sources) != 8 || source.Name() != "azure-plant" {
		t.Fatalf("%s: %v; %+v", source.Name(), err, sources)
	}
	for _, s := range sources {
		if !strings.HasPrefix(s.Name, "azure-plant/") {
			t.Errorf("entry %s", s.Name)
		}
	}
	first.Clusters = nil // The caller may change what it got.
	c.rows = slices.DeleteFunc(c.rows, func(row map[string]any) bool { return row["name"] == "twx-prod-2" })
	at.move(DefaultInterval)
	again, _, err := source.Collect(t.Context())
	if err != nil || !again.ObservedAt.Equal(at.Now()) || len(again.Clusters[1].Nodes(inventory.Foundation)) != 1 {
		t.Errorf("%v; a machine less: %+v", err, again)
	}
}

// Hosts that another source finds after a collection are worth another one; the same ones again are not.
func TestWatch(t *testing.T) {
	c := newSky(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int32
	hosts := func() []importer.NamedHost {
		switch n := asked.Add(1); {
		case n < 4:
			return nil
		case n == 9:
			cancel()
		}
		return []importer.NamedHost{{Name: "pg-erp.postgres.database.azure.com"}}
	}
	s, _ := c.source(t, Config{}, Options{Hosts: hosts})
	s.poll = time.Millisecond
	changed := 0
	if err := s.Watch(ctx, func() { changed++ }); err != nil || changed != 1 {
		t.Errorf("%v, called %d times", err, changed)
	}
	s, _ = c.source(t, Config{}, Options{})
	if err := s.Watch(ctx, nil); err != nil {
		t.Error(err)
	}
}

func TestMetadata(t *testing.T) {
	answer, err := os.ReadFile("testdata/metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		status int
		body   string
		want   *Self
		fails  bool
	}{
		"on Azure":              {200, string(answer), &Self{Region: "westeurope", Zone: "1", PhysicalZone: "westeurope-az2", Subscription: subA, Machine: "twx-prod-1", Node: "production/twx-prod-1"}, false},
		"a region not in table": {200, strings.Replace(string(answer), "westeurope", "moonbase", 1), &Self{Zone: "1", Subscription: subA, Machine: "twx-prod-1", Node: "production/twx-prod-1"}, false},
		"another service":       {200, `{"hello":"` + secret + `"}`, nil, true},
		"no JSON":               {200, secret, nil, true},
		"refused":               {403, secret, nil, false},
		"elsewhere":             {302, "", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Metadata") != "true" || r.Header.Get("Authorization") != "" {
					t.Errorf("headers %v", r.Header)
				}
				w.Header().Set("Location", "/metadata/elsewhere")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			c := newSky(t)
			s, _ := c.source(t, plant(), Options{})
			s.imds, s.address = metadataClient(), server.URL
			r := result(t, s)
			if diff := cmp.Diff(test.want, r.Self, cmpopts.IgnoreUnexported(Self{})); diff != "" {
				t.Error(diff)
			}
			got := status(t, r, partMetadata)
			if (test.want == nil && !test.fails) != strings.Contains(got.Detail, "does not run on Azure") || test.fails != (got.Status == inventory.SourceFailed) {
				t.Errorf("%+v", got)
			}
			if name == "on Azure" && got.Detail != "the planner runs on twx-prod-1 in westeurope, zone 1 (westeurope-az2), subscription "+subA+", which is node production/twx-prod-1" {
				t.Error(got.Detail)
			}
		})
	}
}

// Outside Azure nothing answers at the link-local address, for as long as one waits.
func TestMetadataDoesNotWait(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if self, err := metadata(ctx, metadataClient(), server.URL, regions(t)); self != nil || err != nil {
		t.Errorf("%+v, %v", self, err)
	}
	if c := metadataClient(); c.Timeout != metadataTimeout || c.Transport.(*http.Transport).Proxy != nil {
		t.Error("the service is asked without a bound or through a proxy")
	}
}

func TestMetadataOff(t *testing.T) {
	c := newSky(t)
	config := plant()
	config.Metadata = "off"
	s, _ := c.source(t, config, Options{})
	s.imds = c // which fails the test for a request without a token
	if r := result(t, s); r.Self != nil {
		t.Errorf("%+v", r.Self)
	}
}

// Beside a site's own file, Azure tells where things run; what people call them stays theirs.
func TestMergedWithTheSitesFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plant-a.yaml")
	if err := os.WriteFile(file, []byte(`apiVersion: meridian/v1
kind: SiteInventory
observedAt: 2026-11-01T00:00:00Z
site: {id: plant-a, name: Plant A}
clusters:
  - id: assembly
    environment: production
    components:
      - {kind: foundation, nodes: [{name: twx-prod-1}, {name: twx-prod-2}]}
    uses: [{infrastructure: db, as: database, database: thingworx}]
infrastructure:
  - id: db
    kind: database
    engine: azure-postgresql-flexible
    identity: {endpoint: "jdbc:postgresql://pg-plant.privatelink.postgres.database.azure.com:5432/thingworx"}
    placement: {provider: azure, region: northeurope}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newSky(t)
	s, at := c.source(t, Config{}, Options{Hosts: func() []importer.NamedHost {
		return []importer.NamedHost{{Name: "pg-plant.postgres.database.azure.com:5432", Elsewhere: true}}
	}})
	all, err := collect.New(collect.Options{Site: "plant-a", Regions: regions(t), Now: at.Now, Members: []collect.Member{
		{Source: collect.SiteFile{Title: "site-file", Path: file, Regions: regions(t)}}, {Source: s, Observed: true, Interval: DefaultInterval, Refresh: time.Hour},
	}})
	if err != nil {
		t.Fatal(err)
	}
	site, sources, err := all.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db := site.Infra("db")
	if db == nil || db.Placement.Region != "westeurope" || db.Placement.PhysicalZone != "westeurope-az3" || db.MaxConnections != 1500 || db.HighAvailability == nil || db.Identity.ARMID == "" {
		t.Errorf("the database of both: %+v", db)
	}
	i := slices.IndexFunc(site.Clusters, func(c inventory.Cluster) bool { return c.ID == "assembly" })
	if i < 0 || len(site.Clusters) != 2 {
		t.Fatalf("%d clusters", len(site.Clusters))
	}
	for _, n := range site.Clusters[i].Nodes(inventory.Foundation) {
		if n.Placement.Region != "westeurope" || n.SKU != "Standard_D16s_v5" {
			t.Errorf("%+v", n)
		}
	}
	if len(sources) != 9 {
		t.Errorf("%d outcomes: %+v", len(sources), sources)
	}
}
