package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/services/meridian/output"
)

// instances yields a perfect instance of every architecture of the catalogue on every database product, store of logged values and
// mode of Ignite it allows, where they may run, alone and with each overlay it can have.
func instances(t *testing.T, each func(p *catalog.Plan, overlays []string)) {
	t.Helper()
	known, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range known.Architectures() {
		ignites := a.Ignite
		if len(ignites) == 0 {
			ignites = []inventory.IgniteMode{""}
		}
		for _, d := range a.Databases {
			for _, series := range a.Timeseries {
				for _, ignite := range ignites {
					for _, overlay := range []string{"", catalog.SharedInfrastructure, catalog.Distributed} {
						p := a.NewPlan(catalog.Demand{ConnectionServers: 1, FoundationNodes: 1})
						p.Site = inventory.Identity{ID: fmt.Sprintf("site-%03d", n), Country: "DE"}
						n++
						p.Engine, p.Mode, p.Timeseries, p.Ignite, p.Version = d.Engine, a.BestMode(d.Engine), series, ignite, "9.4.1"
						if d.Engine.Managed() {
							p.Hosting, p.Provider, p.Region, p.Zone, p.StandbyZone = inventory.HostingAzure, "azure", "westeurope", "1", "2"
						}
						var overlays []string
						switch overlay {
						case catalog.SharedInfrastructure:
							p.Shared.Set(catalog.KindDatabase, true)
							p.Shared.Set(catalog.KindZooKeeper, a.Clustered)
							overlays = []string{overlay}
						case catalog.Distributed:
							p.Site.Role, p.Site.Hub = inventory.RoleSpoke, "site-000"
							overlays = []string{overlay}
						}
						p.Workload = &inventory.Workload{Things: []inventory.ThingGroup{{
							Count: 3000, Properties: []inventory.PropertyGroup{{Count: 5, Every: inventory.Duration(time.Minute)}},
						}}}
						p.Recount()
						each(p, overlays)
					}
				}
			}
		}
	}
}

// What the catalogue describes is found again: a perfect instance written to a file is recognised without any deviation, is sized,
// and every architecture is either among its options or rejected with a reason.
func TestEveryArchitectureComesBack(t *testing.T) {
	type want struct {
		architecture string
		overlays     []string
	}
	dir := t.TempDir()
	wanted := map[string]want{}
	tried := map[string]bool{}
	instances(t, func(p *catalog.Plan, overlays []string) {
		p.ObservedAt = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		f, err := os.Create(filepath.Join(dir, p.Site.ID+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := output.WriteYAML(f, catalog.Generate(p)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		wanted[p.Site.ID] = want{p.Architecture.ID, overlays}
		for _, id := range append(overlays, p.Architecture.ID) {
			tried[id] = true
		}
	})
	code, stdout, stderr := run(t.Context(), "assess", "-o", "json", "--fail-on", "never", "--at", "2026-03-01T00:10:00Z", dir)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var got assess.Assessment
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	known, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range known.All() {
		if !tried[a.ID] {
			t.Errorf("%s is not tried", a.ID)
		}
	}
	if len(got.Clusters) != len(wanted) {
		t.Fatalf("%d clusters of %d instances are judged", len(got.Clusters), len(wanted))
	}
	recommended := map[string]bool{}
	for i := range got.Clusters {
		c := &got.Clusters[i]
		w, r := wanted[c.Site], &c.Recognised
		if r.Architecture != w.architecture || r.Distance != 0 || len(r.Missing)+len(r.Extra)+len(r.Misplaced) > 0 {
			t.Errorf("%s, a perfect %s, is recognised as %+v", c.ID, w.architecture, *r)
		}
		if !slices.Equal(r.Overlays, w.overlays) {
			t.Errorf("%s, a %s, has overlays %v, want %v", c.ID, w.architecture, r.Overlays, w.overlays)
		}
		if !c.Sizing.Known || c.Sizing.Size == "" || c.Sizing.Foundation.CPU == 0 {
			t.Errorf("%s is not sized: %+v", c.ID, c.Sizing)
		}
		if !(c.Availability.Serving > 0.9 && c.Availability.Serving < 1) {
			t.Errorf("%s serves %v", c.ID, c.Availability.Serving)
		}
		said := map[string]bool{}
		recommendation := c.Recommendation.Open()
		for _, o := range recommendation.Options {
			said[o.Architecture], recommended[o.Architecture] = true, true
		}
		for _, x := range recommendation.Rejected {
			if said[x.Architecture] || x.Because == "" {
				t.Errorf("%s: %s is rejected because %q", c.ID, x.Architecture, x.Because)
			}
			said[x.Architecture] = true
		}
		for _, a := range known.Architectures() {
			if !said[a.ID] {
				t.Errorf("%s: nothing is said about %s", c.ID, a.ID)
			}
		}
		if len(recommendation.Options) == 0 {
			t.Errorf("%s, a perfect %s, has no option: %+v", c.ID, w.architecture, recommendation.Rejected)
		}
	}
	for _, a := range known.Architectures() {
		if !recommended[a.ID] {
			t.Errorf("%s is never an option", a.ID)
		}
	}
}
