package importer

import (
	"net/netip"
	"strings"
)

// Token returns a short product code, size, zone or version as it is, and "" for anything else.
func Token(s string) string {
	if len(s) > 40 {
		return ""
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-' {
			return ""
		}
	}
	return s
}

// Host returns a host name in lower case, and "" for anything else.
func Host(s string) string {
	s = strings.ToLower(strings.TrimRight(s, "."))
	if s == "" || len(s) > 253 {
		return ""
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' {
			return ""
		}
	}
	return s
}

// Address returns an IP address as it is, and "" for anything else.
func Address(s string) string {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return a.String()
	}
	return ""
}

// Positive returns an amount that can be one, and 0, which means not known, for anything else.
func Positive(f float64) float64 {
	if f > 0 && f < 1e9 {
		return f
	}
	return 0
}
