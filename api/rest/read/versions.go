package read

import (
	"cmp"
	"slices"

	"github.com/meridian-federation/meridian/api/rest/gen"
	"github.com/meridian-federation/meridian/federation/fleet"
)

// Versions counts the planners by what they speak, oldest first, and names the sites whose planner is behind. The caller
// fills in the hub.
func (s *Snapshot) Versions() *gen.VersionReport {
	out := &gen.VersionReport{Behind: []string{}}
	type kind struct {
		version  string
		protocol int
		behind   bool
	}
	counts := map[kind]int{}
	for r := range s.records() {
		out.Total++
		if r.Planner == (fleet.Planner{}) {
			out.WithoutPlanner++
			continue
		}
		counts[kind{r.Planner.Version, r.Planner.Protocol, r.Planner.Behind}]++
		if r.Planner.Behind {
			out.Behind = append(out.Behind, r.ID)
		}
	}
	for k, n := range counts {
		row := gen.PlannerVersion{Version: k.version, Protocol: k.protocol, Sites: n, Behind: k.behind}
		out.Planners = append(out.Planners, row)
	}
	out.Planners = orEmpty(out.Planners)
	slices.SortFunc(out.Planners, func(a, b gen.PlannerVersion) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Version, b.Version))
	})
	return out
}
