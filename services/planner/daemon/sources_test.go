package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sources/collect"
	"github.com/meridian-federation/meridian/planner/sources/importer"
)

// What the other sources know ThingWorx to connect to is handed to the one that looks for it in Azure.
func TestHostsOfOtherSources(t *testing.T) {
	o := &Options{Site: "muc-01", Dir: t.TempDir()}
	if got := o.hosts("azure"); got != nil {
		t.Errorf("before anything was said: %+v", got)
	}
	site := &inventory.Site{
		Clusters: []inventory.Cluster{
			{ID: "prod", Uses: []inventory.Use{{Infrastructure: "db", As: inventory.AsDatabase}, {Infrastructure: "zk", As: inventory.AsZooKeeper}}},
			{ID: "test", Uses: []inventory.Use{{Infrastructure: "zk", As: inventory.AsZooKeeper}}},
		},
		Infrastructure: []inventory.Infrastructure{
			{ID: "db", Kind: inventory.KindDatabase, Engine: inventory.EnginePostgreSQL, Identity: inventory.ResourceIdentity{
				Endpoint: "jdbc:postgresql://pg.privatelink.postgres.database.azure.com/twx?user=u", ARMID: "/subscriptions/x/resourceGroups/g/providers/p/t/n",
			}},
			{ID: "zk", Kind: inventory.KindZooKeeper, Identity: inventory.ResourceIdentity{Endpoint: "10.0.0.4:2181,10.0.0.5:2181"}},
			{ID: "nas", Kind: inventory.KindStorage, Identity: inventory.ResourceIdentity{Endpoint: "10.0.0.9:/export"}},
		},
	}
	kept, err := json.Marshal([]collect.Kept{{Name: "hostconfig", Site: site}, {Name: "azure", Site: site}, {Name: "compose"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, KeptFile), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	want := []importer.NamedHost{
		{Name: "pg.postgres.database.azure.com:5432", Cluster: "prod", Elsewhere: true},
		{Name: "10.0.0.4:2181", Elsewhere: true},
		{Name: "10.0.0.5:2181", Elsewhere: true},
		{Name: "10.0.0.9", Elsewhere: true},
	}
	if diff := cmp.Diff(want, o.hosts("azure")); diff != "" {
		t.Error(diff)
	}
}
