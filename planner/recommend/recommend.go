package recommend

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/geo"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
	"github.com/meridian-federation/meridian/planner/recognise"
	"github.com/meridian-federation/meridian/planner/rules"
	"github.com/meridian-federation/meridian/planner/sizing"
	"github.com/meridian-federation/meridian/planner/tenancy"
)

// Input is the world of one recommendation.
type Input struct {
	Site       *inventory.Site
	Cluster    *inventory.Cluster
	Recognised recognise.Result
	Sizing     sizing.Result
	Catalog    *catalog.Catalog
	Sizes      *sizing.Pack
	Policy     *policy.Policy
	Regions    *geo.Table
	// Shared are the infrastructures of the site with all tenants in view; nil when only the site is known.
	Shared []tenancy.Shared
	// Neighbours are the sites of those tenants, as far as they are in view: an option shares a part only with an isolation that
	// no tenant in view has.
	Neighbours []*inventory.Site
	Prices     *Prices // nil takes DefaultPrices
	// Place and Engines are decided already: no option is anywhere else, or on another database.
	Place   Place
	Engines []inventory.Engine // none accepts any
	// Rules judge the options: one that would fail a critical or high rule of PTC, Microsoft or the policy is not taken. nil
	// leaves that out, and the options rest on how they are built alone.
	Rules *rules.Pack
}

// Place is where a cluster has to run; what is absent is the recommender's choice.
type Place struct {
	Provider string // azure | aws | gcp | on-premise
	Region   string // code of a region of Provider; on the premises the name of the data centre
}

// Cluster recommends an architecture for one cluster. A cluster without components is a new one: its options have no
// changes and their steps no downtime. The same input gives the same result.
func Cluster(in Input) Recommendation {
	w := newWorld(in)
	options := w.options()
	r := Recommendation{Options: []Option{}, Rejected: []Rejected{}, Reasons: []string{}, Advice: w.advice(&options)}
	if len(options.chosen) > 0 {
		r.Architecture = options.chosen[0].variant.arch.ID
	}
	for _, c := range options.chosen {
		r.Options = append(r.Options, w.option(c, options.base))
	}
	r.Rejected = options.rejected
	r.Reasons = w.reasons(&options)
	return r
}

// Inventory returns the inventory of each option of Cluster, in the same order: the site with the one cluster as the
// option describes it. Rules, availability and simulation run on it like on any other.
func Inventory(in Input) []*inventory.Site {
	options := newWorld(in).options()
	out := make([]*inventory.Site, len(options.chosen))
	for i, c := range options.chosen {
		out[i] = c.variant.site
	}
	return out
}

// chosen is a variant with what it is best at.
type chosen struct {
	variant   *variant
	objective Objective
	also      []Objective
}

type options struct {
	chosen   []chosen
	rejected []Rejected
	base     float64 // cost of the cheapest feasible variant
	// best is the highest availability any variant reached, whether or not it met the objective.
	best availability.Result
}

// slack absorbs rounding when availabilities are compared with an objective.
const slack = 1e-12

// options enumerates, filters and ranks.
func (w *world) options() options {
	places := w.places()
	var all []*variant
	out := options{rejected: []Rejected{}}
	because := map[string]string{}
	for _, a := range w.Catalog.Architectures() {
		variants, why := w.feasible(a, places, &out.best)
		if why != "" {
			because[a.ID] = why
		}
		all = append(all, variants...)
	}
	all = w.narrow(all, because)
	if len(all) > 0 {
		out.chosen = w.choose(all)
		out.base = slices.MinFunc(all, func(a, b *variant) int { return cmp.Compare(a.cost, b.cost) }).cost
	}
	for _, a := range w.Catalog.Architectures() {
		if slices.ContainsFunc(out.chosen, func(c chosen) bool { return c.variant.arch == a }) {
			continue
		}
		if because[a.ID] == "" {
			because[a.ID] = w.outdone(a, all, &out)
		}
		out.rejected = append(out.rejected, Rejected{Architecture: a.ID, Because: because[a.ID]})
	}
	return out
}

// narrow applies what the owner says about high availability. Preferred keeps the highly available variants where there
// are any; not needed drops them where a simpler one meets the objectives at no higher cost: the answer then is that high
// availability is not needed.
func (w *world) narrow(all []*variant, because map[string]string) []*variant {
	cheapest := map[string]*variant{}
	var simple, available *variant
	for _, v := range all {
		if c := cheapest[v.arch.ID]; c == nil || v.cost < c.cost {
			cheapest[v.arch.ID] = v
		}
		best := &simple
		if v.arch.HighlyAvailable {
			best = &available
		}
		if (*best == nil || v.cost < (*best).cost) && w.sound(v) {
			*best = v
		}
	}
	drop := func(*variant) string { return "" }
	switch {
	case simple == nil || available == nil:
		return all
	case w.objectives.HighAvailability == inventory.Preferred:
		drop = func(c *variant) string {
			if c.arch.HighlyAvailable {
				return ""
			}
			return fmt.Sprintf("high availability is preferred and to be had: %s serves %s of the time, this one %s at %s of its cost",
				available.arch.Title, percent(available.result.Serving), percent(c.result.Serving), ratio(c.cost, available.cost))
		}
	case w.objectives.HighAvailability == inventory.NotNeeded:
		drop = func(c *variant) string {
			if !c.arch.HighlyAvailable || c.cost < simple.cost {
				return ""
			}
			return fmt.Sprintf("you do not need high availability: %s serves %s of the time, which meets the objectives, at %s of its cost",
				simple.arch.Title, percent(simple.result.Serving), ratio(simple.cost, c.cost))
		}
	}
	return slices.DeleteFunc(all, func(v *variant) bool {
		text := drop(cheapest[v.arch.ID])
		if text != "" {
			because[v.arch.ID] = text
		}
		return text != ""
	})
}

// staySaving is how much cheaper another architecture must be to be recommended over the present one: our assumption of
// what a change of architecture is worth.
const staySaving = 0.25

// choose names the best variants by objective and puts the recommended one first.
func (w *world) choose(all []*variant) []chosen {
	all = slices.Clone(all)
	best := func(order func(a, b *variant) int) *variant {
		for len(all) > 0 {
			v := slices.MinFunc(all, order)
			if w.sound(v) {
				return v
			}
			all = slices.DeleteFunc(all, func(x *variant) bool { return x == v })
		}
		return nil
	}
	cheapest := best(func(a, b *variant) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), a.count-b.count, cmp.Compare(b.result.Serving, a.result.Serving))
	})
	if cheapest == nil {
		return nil
	}
	named := []chosen{{variant: cheapest, objective: Cheapest}}
	add := func(v *variant, o Objective) {
		for i := range named {
			if named[i].variant == v {
				named[i].also = append(named[i].also, o)
				return
			}
		}
		named = append(named, chosen{variant: v, objective: o})
	}
	if w.present != nil {
		add(best(func(a, b *variant) int {
			return cmp.Or(int(a.moves)-int(b.moves), a.count-b.count, cmp.Compare(a.cost, b.cost), cmp.Compare(b.result.Serving, a.result.Serving))
		}), FewestChanges)
	}
	add(best(func(a, b *variant) int {
		return cmp.Or(compareServing(b, a), cmp.Compare(a.cost, b.cost), a.count-b.count)
	}), MostAvailable)
	lead := w.lead(named)
	if lead > 0 {
		first := named[lead]
		named = slices.Insert(slices.Delete(named, lead, lead+1), 0, first)
	}
	return named
}

// compareServing compares availabilities; differences of less than three seconds a year are none.
func compareServing(a, b *variant) int {
	return cmp.Or(cmp.Compare(told(a.result.Serving), told(b.result.Serving)), cmp.Compare(told(a.result.Full), told(b.result.Full)))
}

func told(availability float64) float64 { return math.Round(availability * 1e7) }

// lead is the index of the option to recommend: the cheapest one, unless one on the side that advice prefers, or one of the
// present architecture and database product that takes no more changes, costs little more.
func (w *world) lead(named []chosen) int {
	cheapest := named[0].variant
	little := func(v *variant) bool { return v.cost*(1-staySaving) <= cheapest.cost }
	if side := w.side(); side != "" && cheapest.plan.Region != side {
		for i, c := range named {
			if c.variant.plan.Region == side && little(c.variant) {
				return i
			}
		}
	}
	keeps := func(v *variant) bool { return v.arch.ID == w.Recognised.Architecture && v.moves == stays }
	if keeps(cheapest) {
		return 0
	}
	for i, c := range named {
		if keeps(c.variant) && little(c.variant) && c.variant.count <= cheapest.count {
			return i
		}
	}
	return 0
}

// outdone says why an architecture that meets the objectives is not among the options.
func (w *world) outdone(a *catalog.Architecture, all []*variant, o *options) string {
	var best *variant
	for _, v := range all {
		if v.arch == a && (best == nil || v.cost < best.cost) {
			best = v
		}
	}
	if best == nil {
		return "no variant of it meets the objectives"
	}
	if best.broken != "" {
		return "it would break a rule: " + best.broken
	}
	text := fmt.Sprintf("it meets the objectives, but costs %s times the cheapest option", ratio(best.cost, o.base))
	if w.present != nil {
		text += fmt.Sprintf(", takes %d changes", best.count)
	}
	return text + fmt.Sprintf(" and serves %s of the time: no objective is met better by it", percent(best.result.Serving))
}

// percent prints a probability with as many digits as tell it from 1.
func percent(p float64) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(p*100, 'f', 4, 64), "0"), ".") + " %"
}

// ratio prints a cost relative to another.
func ratio(a, b float64) string {
	if b == 0 {
		return "the same"
	}
	return strconv.FormatFloat(a/b, 'f', 2, 64)
}
