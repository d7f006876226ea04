package inventory

import (
	"strconv"
	"strings"
)

// Tiers of Azure Database for PostgreSQL Flexible Server.
const (
	TierBurstable       = "Burstable" // has neither high availability nor read replicas
	TierGeneralPurpose  = "GeneralPurpose"
	TierMemoryOptimised = "MemoryOptimized"
)

// FlexibleSKU splits the name of a Flexible Server's machine type, such as Standard_D16ds_v5 or Terraform's
// GP_Standard_D16ds_v5, into its series and vCores. The series is 0 when the name has another form.
func FlexibleSKU(sku string) (series byte, cores int) {
	s := strings.ToLower(sku)
	if _, name, ok := strings.Cut(s, "standard_"); ok {
		s = name
	}
	if s == "" {
		return 0, 0
	}
	end := 1
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	cores, err := strconv.Atoi(s[1:end])
	if err != nil {
		return 0, 0
	}
	return s[0] - 'a' + 'A', cores
}

// FlexibleCapacity returns vCPU and GiB of a machine type of the general purpose (D, 4 GiB a vCore) and memory optimised (E,
// 8 GiB a vCore) tiers (Microsoft, Azure Database for PostgreSQL concepts-limits). Burstable and other types do not tell.
func FlexibleCapacity(sku string) (cpu, memoryGiB float64, ok bool) {
	series, cores := FlexibleSKU(sku)
	switch series {
	case 'D':
		return float64(cores), float64(4 * cores), cores > 0
	case 'E':
		return float64(cores), float64(8 * cores), cores > 0
	}
	return 0, 0, false
}

// FlexibleTier returns the tier of a Flexible Server: the one of its machine type, or else the one stated; "" when not known.
func FlexibleTier(tier, sku string) string {
	switch series, _ := FlexibleSKU(sku); series {
	case 'B':
		return TierBurstable
	case 'D':
		return TierGeneralPurpose
	case 'E':
		return TierMemoryOptimised
	}
	return tier
}
