package hub

import (
	"context"

	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/whatif"
)

// branch puts changes over a view of the federation.
func (h *Hub) branch(_ context.Context, v fleet.View, r *whatif.Request, allowed func(string) bool) (*whatif.Branch, error) {
	return whatif.New(h.base(v), r, allowed)
}

func (h *Hub) base(v fleet.View) whatif.Base {
	return whatif.Base{View: v, Engine: h.o.Engine, Policy: h.o.Policy, PackHash: h.fleet.PackHash(), Listing: h.fleet.Listing, Spokes: h.fleet.Spokes}
}
