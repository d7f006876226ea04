package inventory_test

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/inventory"
)

func TestFlexibleTier(t *testing.T) {
	for _, c := range []struct{ tier, sku, want string }{
		{"", "Standard_B2s", inventory.TierBurstable},
		{"", "B_Standard_B1ms", inventory.TierBurstable},
		{"MemoryOptimized", "Standard_D16ds_v5", inventory.TierGeneralPurpose},
		{"", "MO_Standard_E4ds_v5", inventory.TierMemoryOptimised},
		{"Burstable", "", inventory.TierBurstable},
		{"GeneralPurpose", "custom", inventory.TierGeneralPurpose},
		{"", "", ""},
	} {
		if got := inventory.FlexibleTier(c.tier, c.sku); got != c.want {
			t.Errorf("tier %q of %q: %q, want %q", c.tier, c.sku, got, c.want)
		}
	}
}

func TestFlexibleCapacity(t *testing.T) {
	for _, c := range []struct {
		sku         string
		cpu, memory float64
	}{
		{"Standard_D16ds_v5", 16, 64},
		{"GP_Standard_D4ds_v5", 4, 16},
		{"D2s_v3", 2, 8},
		{"Standard_E4ds_v5", 4, 32},
		{"Standard_D96ads_v5", 96, 384},
		{"Standard_B2s", 0, 0},
		{"", 0, 0},
		{"Standard_", 0, 0},
		{"D", 0, 0},
		{"Dx", 0, 0},
		{"D0s", 0, 0},
		{"D123456789012345678901s", 0, 0},
	} {
		cpu, memory, ok := inventory.FlexibleCapacity(c.sku)
		if cpu != c.cpu || memory != c.memory || ok != (c.cpu > 0) {
			t.Errorf("%q: %v, %v, %v", c.sku, cpu, memory, ok)
		}
	}
}
