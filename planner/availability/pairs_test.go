package availability_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/availability/availabilitytest"
)

func TestJointAgreesWithEnumeration(t *testing.T) {
	rounds(t, 10, func(t *rapid.T) {
		d := &availabilitytest.Draw{T: t, Budget: 11, Consistent: rapid.Bool().Draw(t, "consistent")}
		s := d.Site(2)
		needs := [2]int{d.Pick("need", 1, 2), d.Pick("need", 1, 2)}
		b := newBrute(availabilitytest.Chances())
		one := b.judge(s, &s.Clusters[0], needs[0])
		two := b.judge(s, &s.Clusters[1], needs[1])
		if len(b.up) > 14 {
			return
		}
		var down float64
		b.each(func(st []bool, p float64) {
			if !one.serving(st, "") && !two.serving(st, "") {
				down += p
			}
		})
		tenants := []availability.Tenant{{Site: s, Cluster: &s.Clusters[0], Need: needs[0]}, {Site: s, Cluster: &s.Clusters[1], Need: needs[1]}}
		sys := availability.Compile(tenants, availabilitytest.Chances())
		for _, j := range sys.Pairs() {
			if j.Clusters != [2]string{"s/c0", "s/c1"} {
				t.Fatalf("pair %v", j.Clusters)
			}
			near(t, "all down", j.AllDown, down)
		}
		direct, _ := sys.Together(0, 1)
		near(t, "all down in one question", direct, down)
	})
}
