package availability_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/availability/availabilitytest"
)

const exact = 1e-12

func near(t *rapid.T, what string, got, want float64) {
	if !(math.Abs(got-want) <= exact) {
		t.Fatalf("%s is %.17g, every state enumerated gives %.17g", what, got, want)
	}
}

// rounds multiplies the checks that rapid makes of a property.
func rounds(t *testing.T, n int, check func(t *rapid.T)) {
	t.Helper()
	for range n {
		rapid.Check(t, check)
	}
}

func TestAgreesWithEnumeration(t *testing.T) {
	rounds(t, 20, func(t *rapid.T) {
		d := &availabilitytest.Draw{T: t, Budget: 9, Consistent: rapid.Bool().Draw(t, "consistent")}
		s := d.Site(1)
		need := d.Pick("need", 1, 3)
		c := &s.Clusters[0]
		got := availability.Cluster(s, c, need, availabilitytest.Chances())

		b := newBrute(availabilitytest.Chances())
		j := b.judge(s, c, need)
		if len(b.up) > 14 {
			return
		}
		var serving, full float64
		without := map[string]float64{}
		b.each(func(st []bool, p float64) {
			if j.serving(st, "") {
				serving += p
				if j.store(st) {
					full += p
				}
			}
			for part := range j.terms {
				if j.serving(st, part) {
					without[part] += p
				}
			}
		})
		near(t, "serving", got.Serving, serving)
		near(t, "full", got.Full, full)
		seen := map[string]bool{}
		for _, k := range got.Contributions {
			seen[k.Part] = true
			if k.Part == "timeseries" {
				if k.Share != 0 {
					t.Fatalf("timeseries contributes %v to serving", k.Share)
				}
				continue
			}
			if k.Share < 0 || k.Share > 1 {
				t.Fatalf("%s has share %v", k.Part, k.Share)
			}
			if down := 1 - serving; down > 1e-9 {
				near(t, "share of "+k.Part+" times unavailability", k.Share*down, without[k.Part]-serving)
			}
		}
		for part := range j.terms {
			if !seen[part] {
				t.Fatalf("no contribution of %s", part)
			}
		}
	})
}
