package simulate

import (
	"fmt"
	"slices"

	"github.com/meridian-federation/meridian/planner/availability"
)

// Given returns the chance that each cluster serves while the failures last, by its position in a report: all else fails as ever. An
// id that no site lists is an *UnknownError.
func (m *Model) Given(failures ...Failure) (func(cluster int) availability.Result, error) {
	sys := *m.sys
	sys.Elements = slices.Clone(m.sys.Elements)
	for _, f := range failures {
		i, err := m.find(f)
		if err != nil {
			return nil, fmt.Errorf("simulate %s: %w", f, err)
		}
		for _, e := range m.targets[i].elements {
			sys.Elements[e].Up = 0
		}
		for _, u := range m.targets[i].units {
			// A node that shares its machine takes that with it: the model knows no smaller thing that could stay down.
			if own := sys.Units[u].Own; own >= 0 {
				sys.Elements[own].Up = 0
			}
		}
	}
	return sys.Result, nil
}
