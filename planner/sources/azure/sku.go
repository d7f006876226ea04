package azure

import (
	"regexp"
	"strconv"
	"strings"
)

// Size is what the name of a machine size tells.
type Size struct {
	Family string  // D, E or F
	CPU    float64 // vCPU
	Memory float64 // GiB
}

// SizeOf reads a size name such as Standard_D4ds_v5. Memory per vCPU: D 4 GiB and E 8 GiB (Microsoft's limits page of
// Flexible Server, which runs on these sizes), Fs_v2 2 GiB (the family PTC tested on). Other families and constrained
// sizes (E8-4s_v5) are not known.
func SizeOf(sku string) (Size, bool) {
	m := sizePattern.FindStringSubmatch(sku)
	if m == nil {
		return Size{}, false
	}
	n, err := strconv.Atoi(m[2])
	if err != nil || n == 0 {
		return Size{}, false
	}
	s := Size{Family: strings.ToUpper(m[1]), CPU: float64(n)}
	switch version, _ := strconv.Atoi(m[4]); {
	case s.Family == "D" && version >= 3 && !strings.Contains(m[3], "l"):
		s.Memory = 4 * float64(n)
	case s.Family == "E" && version >= 3 && n <= 32:
		s.Memory = 8 * float64(n)
	case s.Family == "F" && version == 2:
		s.Memory = 2 * float64(n)
	default:
		return Size{}, false
	}
	return s, true
}

var sizePattern = regexp.MustCompile(`^(?i:standard_)?([DEFdef])(\d{1,3})([a-z]*)_v(\d)$`)

// MaxConnections is Flexible Server's default of max_connections for a size (Microsoft's limits page): 0 where the page
// names none.
func MaxConnections(sku string) int {
	switch strings.ToLower(strings.TrimPrefix(strings.ToLower(sku), "standard_")) {
	case "b1ms":
		return 50
	case "b2s":
		return 429
	case "b2ms":
		return 859
	}
	s, ok := SizeOf(sku)
	switch {
	case !ok:
		return 0
	case s.Family == "D":
		switch {
		case s.CPU == 2:
			return 859
		case s.CPU == 4:
			return 1718
		case s.CPU == 8:
			return 3437
		case s.CPU >= 16 && s.CPU <= 96:
			return 5000
		}
	case s.Family == "E" && s.CPU == 2:
		return 1718
	case s.Family == "E" && s.CPU == 4:
		return 3437
	}
	return 0
}
