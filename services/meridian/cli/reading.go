package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/document"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/sources/file"
	"github.com/meridian-federation/meridian/services/internal/conf"
)

// reading is what the inventories named on the command line came to.
type reading struct {
	sites    []*inventory.Site // normalised, in order of id
	paths    map[string]string // by site id
	problems []document.Problem
	refused  int // files
}

// read reads and normalises inventories, tells every problem, and fails only when nothing is left: a file that cannot be
// read stops no other.
func (e *Environment) read(engine *assess.Engine, paths []string, now time.Time) (*reading, error) {
	found := file.Read(engine.Regions, paths...)
	for _, ignored := range found.Ignored {
		fmt.Fprintf(e.Stderr, "%s: left out: %s\n", ignored.Path, ignored.Reason)
	}
	out := &reading{paths: map[string]string{}}
	for _, d := range found.Documents {
		problems := d.Problems
		if len(problems) == 0 {
			if err := inventory.CheckTime(d.Site, now); err != nil {
				problems = problemsOf(conf.Named(d.Path, err))
			}
		}
		if len(problems) > 0 {
			out.refused++
			out.problems = append(out.problems, problems...)
			e.tell(document.NewError(problems))
			continue
		}
		out.sites = append(out.sites, inventory.Normalise(d.Site, engine.Regions))
		out.paths[d.Site.Site.ID] = d.Path
	}
	slices.SortFunc(out.sites, func(a, b *inventory.Site) int { return cmp.Compare(a.Site.ID, b.Site.ID) })
	if len(out.sites) == 0 {
		return nil, errors.New("no inventory could be read; give files of kind SiteInventory, or folders that hold some")
	}
	return out, nil
}

func problemsOf(err error) []document.Problem {
	var d *document.Error
	if !errors.As(err, &d) {
		return nil
	}
	return d.Problems
}

// tenants lists the clusters of the sites with the number of Foundation nodes their peak takes, as an assessment has it.
func (r *reading) tenants(sizes *sizing.Pack) []availability.Tenant {
	var out []availability.Tenant
	for _, s := range r.sites {
		clusters := make([]*inventory.Cluster, len(s.Clusters))
		for i := range s.Clusters {
			clusters[i] = &s.Clusters[i]
		}
		slices.SortFunc(clusters, func(a, b *inventory.Cluster) int { return cmp.Compare(a.ID, b.ID) })
		for _, c := range clusters {
			out = append(out, availability.Tenant{Site: s, Cluster: c, Need: max(1, sizing.InSite(s, c, sizes).FoundationNodes)})
		}
	}
	return out
}
