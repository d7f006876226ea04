package whatif_test

import (
	"fmt"
	"testing"

	"github.com/meridian-federation/meridian/federation/whatif"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/sitesim"
)

// BenchmarkChange is one change of one site that shares with its neighbours, in federations of a hundred and of ten thousand sites: the cost is
// that of what the change concerns. With -benchtime=1x it shows that it runs.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{100, 10000} {
		sites := sitesim.New(sitesim.Options{Seed: 3, Sites: n}).Sites(0)
		base := judged(b, sites, true)
		base.PackHash = base.Engine.Hash(policy.Default())
		for name, change := range map[string]whatif.Change{
			"upgrade": {Do: whatif.Upgrade, Site: sites[1].Site.ID, Version: "9.7.0"},
			"move":    {Do: whatif.MoveDatabase, Cluster: sites[1].Site.ID + "/" + sites[1].Clusters[0].ID, To: "azure/westeurope"},
		} {
			b.Run(fmt.Sprintf("%s/sites=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					branch, err := whatif.New(base, request(change), nil)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := branch.Answer(sight(base.View), sight(branch), nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
