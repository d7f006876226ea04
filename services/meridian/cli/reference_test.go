package cli

import (
	"testing"

	"github.com/meridian-federation/meridian/planner/rules"
)

func TestVersions(t *testing.T) {
	for want, v := range map[string]rules.Versions{
		"ThingWorx 9.0 and later":              {From: "9.0"},
		"ThingWorx before 9.5":                 {Before: "9.5"},
		"ThingWorx 9.0 and later, before 10.0": {From: "9.0", Before: "10.0"},
	} {
		if got := versions(&v); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
