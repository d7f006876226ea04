package availability_test

import (
	"fmt"
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

// system draws a system that no inventory need give: few elements, so that all their states can be looked at, under groups
// that share them without any order.
func system(t *rapid.T) *availability.System {
	pick := func(label string, low, high int) int { return rapid.IntRange(low, high).Draw(t, label) }
	s := &availability.System{}
	steady := rapid.Bool().Draw(t, "steady")
	element := func(kind availability.ElementKind) {
		up := float64(pick("up", 0, 10)) / 10
		if steady && up > 0 {
			up = 1 - math.Pow(10, -10*up)
		}
		s.Elements = append(s.Elements, availability.Element{Kind: kind, Up: up, A: "e", B: fmt.Sprint(len(s.Elements))})
	}
	regions, zones, machines := pick("regions", 0, 3), pick("zones", 0, 5), pick("machines", 1, 6)
	for range regions {
		element(availability.Region)
	}
	regionOf := make([]int32, zones)
	for z := range zones {
		element(availability.Zone)
		regionOf[z] = int32(pick("region of the zone", 0, regions) - 1)
	}
	for range machines {
		element(availability.Machine)
	}
	tidy := rapid.Bool().Draw(t, "tidy") // every machine in one place
	placed := make(map[int][2]int32)
	for range pick("groups", 1, 7) {
		g := availability.Group{Part: availability.Part(pick("part", 0, 6))}
		for range pick("units", 1, 6) {
			m := pick("machine", 0, machines-1)
			zone, region := int32(-1), int32(pick("region", 0, regions)-1)
			if z := pick("zone", -1, zones-1); z >= 0 {
				zone, region = int32(regions+z), regionOf[z]
			}
			if at, ok := placed[m]; tidy && ok {
				zone, region = at[0], at[1]
			}
			placed[m] = [2]int32{zone, region}
			g.Units = append(g.Units, int32(len(s.Units)))
			s.Units = append(s.Units, availability.Unit{Own: int32(regions + zones + m), Zone: zone, Region: region})
		}
		g.Need = pick("need", 1, len(g.Units))
		s.Groups = append(s.Groups, g)
	}
	for _, id := range []string{"a", "b"} {
		c := availability.Structure{Site: "s", Cluster: id, Known: true}
		for g := range s.Groups {
			switch pick("use", 0, 3) {
			case 0:
				c.Extra = append(c.Extra, int32(g))
			case 1, 2:
				c.Serving = append(c.Serving, int32(g))
			}
		}
		s.Clusters = append(s.Clusters, c)
	}
	return s
}

// outcome is what all states of a system's elements add up to.
type outcome struct {
	serving, full, down [2]float64
	without             [2]map[availability.Part]float64 // lost by this part alone
	bothDown            float64
}

func enumerate(t *rapid.T, s *availability.System) outcome {
	st := s.Whole()
	out := outcome{without: [2]map[availability.Part]float64{{}, {}}}
	for state := range 1 << len(s.Elements) {
		p := 1.0
		for e := range s.Elements {
			if st.Elements[e] = state>>e&1 == 0; st.Elements[e] {
				p *= 1 - s.Elements[e].Up
			} else {
				p *= s.Elements[e].Up
			}
		}
		if p == 0 {
			continue
		}
		lost := make([]bool, len(s.Groups))
		for g := range s.Groups {
			up := 0
			for _, u := range s.Groups[g].Units {
				is := true
				for _, e := range []int32{s.Units[u].Own, s.Units[u].Zone, s.Units[u].Region} {
					is = is && (e < 0 || state>>e&1 == 1)
				}
				if is {
					up++
				}
			}
			lost[g] = up < s.Groups[g].Need
		}
		downs := 0
		for c := range s.Clusters {
			parts, full := map[availability.Part]bool{}, true
			for _, g := range s.Clusters[c].Serving {
				if lost[g] {
					parts[s.Groups[g].Part] = true
				}
			}
			for _, g := range s.Clusters[c].Extra {
				full = full && !lost[g]
			}
			if serving, all := s.Judge(st, int32(c)); serving != (len(parts) == 0) || all != (serving && full) {
				t.Fatalf("state %b is judged serving %v, full %v", state, serving, all)
			}
			if len(parts) == 0 {
				out.serving[c] += p
				if full {
					out.full[c] += p
				}
				continue
			}
			downs++
			out.down[c] += p
			for part := range parts {
				if len(parts) == 1 {
					out.without[c][part] += p
				}
			}
		}
		if downs == 2 {
			out.bothDown += p
		}
	}
	return out
}

// TestAnySystemAgreesWithEnumeration has zones of several regions, machines that hop between them, groups that need nearly
// all their units, and elements that are always or never up. Small chances must be right in proportion, too.
func TestAnySystemAgreesWithEnumeration(t *testing.T) {
	rounds(t, 30, func(t *rapid.T) {
		s := system(t)
		want := enumerate(t, s)
		proportional := func(what string, got, want float64) {
			if !(math.Abs(got-want) <= 1e-9*want) {
				t.Fatalf("%s is %.17g, every state enumerated gives %.17g", what, got, want)
			}
		}
		for c := range s.Clusters {
			got := s.Result(c)
			near(t, "serving", got.Serving, want.serving[c])
			near(t, "full", got.Full, want.full[c])
			for _, k := range got.Contributions {
				for part := range availability.Timeseries {
					if part.String() == k.Part && want.down[c] > 0 {
						proportional("share of "+k.Part, k.Share, want.without[c][part]/want.down[c])
					}
				}
			}
		}
		both, unknown := s.Together(0, 1)
		if unknown {
			t.Fatal("unknown in one question")
		}
		near(t, "both down in one question", both, want.bothDown)
		proportional("both down in one question", both, want.bothDown)
		for _, j := range s.Pairs() {
			if j.Unknown {
				t.Fatal("unknown")
			}
			near(t, "both down", j.AllDown, want.bothDown)
			proportional("both down", j.AllDown, want.bothDown)
		}
	})
}
