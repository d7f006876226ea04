// Package sitesim simulates the sites of a federation: deterministic, realistic inventories of twelve nodes each, some eight
// kilobytes as JSON, with the faults and the sharing that real ones have, and what happens to each site as time passes.
// It does no I/O and reads no clock; benchmarks, tests and the planners of sitesim/planners call it. Each site is made by
// itself from the seed and its number, so that a fleet of any size takes no memory and can be made in parallel.
package sitesim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/inventory"
)

// Options describe a fleet. Equal options make equal fleets.
type Options struct {
	Seed  uint64
	Sites int
	// Start is the observation time of step 0; the zero value takes 2026-11-20 08:00 UTC.
	Start time.Time
	// Every is the time between two steps of a site's life; zero takes 15 minutes.
	Every time.Duration
	// Chances say how often things happen; the zero value takes DefaultChances.
	Chances Chances
}

// Nodes is how many nodes each site lists over all its clusters and infrastructures.
const Nodes = 12

// MostSites is the largest fleet that programs offer to simulate: what the product is measured with.
const MostSites = 100_000

// groupSize is how many sites form one division: one hub with its spokes, which may share what the division runs centrally.
const groupSize = 8

// Fleet makes sites. It is immutable and safe for concurrent use.
type Fleet struct{ o Options }

// New returns the fleet of the options.
func New(o Options) *Fleet {
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	}
	if o.Every <= 0 {
		o.Every = 15 * time.Minute
	}
	if o.Chances == (Chances{}) {
		o.Chances = DefaultChances()
	}
	return &Fleet{o: o}
}

// Len is the number of sites.
func (f *Fleet) Len() int { return f.o.Sites }

// Start is the observation time of step 0.
func (f *Fleet) Start() time.Time { return f.o.Start }

// At is the instant at which site i makes the inventory of a step: all make their first at the start, later ones each at
// its own moment of the interval.
func (f *Fleet) At(i, step int) time.Time {
	if step == 0 {
		return f.o.Start
	}
	phase := time.Duration(f.random(i, purposePhase).Int64N(int64(f.o.Every)))
	return f.o.Start.Add(time.Duration(step-1)*f.o.Every + phase.Truncate(time.Millisecond))
}

// ID returns the id of site i.
func (f *Fleet) ID(i int) string { return fmt.Sprintf("%s-%05d", f.place(i).code, i) }

// Sites returns all sites at a step.
func (f *Fleet) Sites(step int) []*inventory.Site {
	out := make([]*inventory.Site, f.o.Sites)
	for i := range out {
		out[i] = f.Site(i, step)
	}
	return out
}

// Site returns site i at a step of its life, in canonical spelling. From step to step the observation time and the measured
// round trips move; demand, database roles and versions do when something happens (Life). The result is the caller's.
func (f *Fleet) Site(i, step int) *inventory.Site {
	b := &builder{
		Fleet: f, Rand: f.random(i, purposeBuild), number: i, where: f.place(i), now: f.At(i, step),
		site: &inventory.Site{APIVersion: inventory.APIVersion, Kind: inventory.Kind},
	}
	b.site.ObservedAt = b.now
	b.identity()
	b.build()
	b.evidence()
	b.happened(f.past(i, step))
	b.probes(f.random(i, purposeProbe+uint64(step)))
	return b.site
}

// What a stream of chance is for.
const (
	purposeBuild  = 0
	purposePhase  = 1 << 39
	purposePlace  = 1 << 40
	purposeProbe  = 1 << 41 // and the step
	purposeLife   = 1 << 42 // and the step
	purposeDemand = 1 << 43 // and how often it changed
)

// random is a stream of its own for each site and purpose, so that sites do not depend on one another.
func (f *Fleet) random(site int, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(f.o.Seed^uint64(site)*0x9e3779b97f4a7c15, purpose))
}

// place is where site i stands: mostly where its division is.
func (f *Fleet) place(i int) place {
	all := places()
	home := int(f.random(-1-i/groupSize, purposeBuild).Uint64N(uint64(len(all))))
	if r := f.random(i, purposePlace); i%groupSize != 0 && r.Float64() < 0.3 {
		return all[(home+1+r.IntN(len(all)-1))%len(all)]
	}
	return all[home]
}

// builder makes one site.
type builder struct {
	*Fleet
	*rand.Rand
	number   int
	where    place
	now      time.Time
	site     *inventory.Site
	onAzure  bool
	apart    bool // the database lies in another region
	machines int
}

func (b *builder) chance(p float64) bool { return b.Float64() < p }

func pick[T any](b *builder, of ...T) T { return of[b.IntN(len(of))] }

func yes() *bool { v := true; return &v }

func no() *bool { v := false; return &v }

func (b *builder) identity() {
	hub := b.number - b.number%groupSize
	id := inventory.Identity{
		ID: b.ID(b.number), Name: b.where.city, Country: b.where.country,
		Tags: map[string]string{
			"division":    fmt.Sprintf("division-%02d", b.number/groupSize%40),
			"criticality": pick(b, "high", "medium", "low"),
			"owner":       "plant-it-" + b.where.code,
		},
		Role: inventory.RoleSpoke, Hub: b.ID(hub),
	}
	if b.number == hub {
		id.Role, id.Hub = inventory.RoleHub, ""
	}
	b.site.Site = id
}

// build chooses what the site is made of, by what is common in plants.
func (b *builder) build() {
	b.apart = b.chance(0.12)
	switch r := b.Float64(); {
	case r < 0.28:
		b.onAzure = true
		b.managedCluster()
	case r < 0.35:
		b.onAzure = true
		b.enterpriseCluster()
	case r < 0.60:
		b.onAzure = b.chance(0.5)
		b.postgresCluster()
	case r < 0.70:
		b.sqlServerCluster()
	case r < 0.85:
		b.onAzure = b.chance(0.3)
		b.footprint()
	case r < 0.92:
		b.onAzure = b.chance(0.5)
		b.large()
	default:
		b.onAzure = b.chance(0.4)
		b.singles()
	}
}

// here is the placement of the site's own machines, in the zone with the number.
func (b *builder) here(zone int) inventory.Placement {
	if !b.onAzure {
		return inventory.Placement{Provider: "on-premise", Region: b.where.code + "-dc1"}
	}
	p := inventory.Placement{Provider: "azure", Region: b.where.region}
	if b.where.zones {
		p.Zone = fmt.Sprint(zone)
	}
	return p
}

func (b *builder) name(words ...string) string {
	return fmt.Sprintf("%s%d-%s", b.where.code, b.number, strings.Join(words, "-"))
}

func (b *builder) host(words ...string) string { return b.name(words...) + ".plants.example" }

// machine names a machine of its own.
func (b *builder) machine() string {
	b.machines++
	return b.name("vm", fmt.Sprintf("%02d", b.machines))
}

// nodes makes n nodes on machines of their own in one zone.
func (b *builder) nodes(n int, name string, zone int, cpu, memory float64) []inventory.Node {
	out := make([]inventory.Node, n)
	for i := range out {
		out[i] = inventory.Node{
			Name: fmt.Sprintf("%s-%d", name, i+1), Machine: b.machine(), Placement: b.here(zone), CPU: cpu, MemoryGiB: memory,
		}
		if b.onAzure {
			out[i].SKU = fmt.Sprintf("Standard_F%.0fs_v2", max(2, cpu))
		}
	}
	return out
}
