package fleet

import (
	"maps"
	"reflect"
	"time"

	"github.com/meridian-federation/meridian/federation/waiver"
	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/policy"
)

// terms are what judgements are made under beside the inventories. They say for every instant what was in force at it, so
// that a judgement depends on its instant and not on when it is made. They are immutable.
type terms struct {
	regimes []regime // by their beginning; the first has none
	waivers *waiver.Set
}

// regime is a policy in force from an instant on.
type regime struct {
	from      time.Time
	policy    *policy.Policy
	ref       assess.PolicyRef
	hash      string
	freshness []time.Duration // ages of an inventory at which a judgement changes by itself, ascending
}

// Regime is a policy in force from an instant on.
type Regime struct {
	From    time.Time
	Version string
	Policy  *policy.Policy
}

func (o Options) regime(from time.Time, version string, p *policy.Policy) regime {
	ref := assess.RefOf(p)
	ref.Version = version
	return regime{from, p, ref, o.hash(p), o.Engine.Rules.Freshness(p)}
}

func (t *terms) at(at time.Time) *regime {
	for i := len(t.regimes) - 1; i > 0; i-- {
		if !t.regimes[i].from.After(at) {
			return &t.regimes[i]
		}
	}
	return &t.regimes[0]
}

func (t *terms) knows(hash string) bool {
	for i := range t.regimes {
		if t.regimes[i].hash == hash {
			return true
		}
	}
	return false
}

// under judges a site under a regime and the waivers in force at the judgement's instant.
func (f *Fleet) under(t *terms, g *regime, v assess.View) *assess.Assessment {
	v.Policy, v.PackHash, v.PolicyRef = g.policy, g.hash, g.ref
	a := f.o.Engine.Site(v)
	waiver.Apply(t.waivers.Of(v.Site.Site), a, waiver.Own(v.Site.Site))
	return a
}

// Policy returns the policy in force at an instant.
func (f *Fleet) Policy(at time.Time) (*policy.Policy, assess.PolicyRef) {
	g := f.terms.Load().at(at)
	return g.policy, g.ref
}

// Waivers returns the waivers that judgements are made with.
func (f *Fleet) Waivers() *waiver.Set { return f.terms.Load().waivers }

// Try judges a record of a view under another policy at the instant of its assessment. Recommendations are taken as they
// are. It changes nothing.
func (f *Fleet) Try(r *Record, v View, p *policy.Policy, packHash string) *assess.Assessment {
	return f.o.Engine.Site(assess.View{
		Site: r.Inventory, Revision: r.Revision, Neighbours: f.neighbours(r, v.Site), Policy: p, PackHash: packHash,
		Recommended: recommended(r.Assessment), Planner: f.PlannerOf(r), At: r.Assessment.At, HubInView: true, Previous: r.Assessment,
	})
}

// SetWaivers takes over the waivers. The next Tick judges the sites whose findings they change.
func (f *Fleet) SetWaivers(set *waiver.Set) {
	before := f.change(func(t *terms) { t.waivers = set })
	old := map[string]waiver.Waiver{}
	for _, w := range before.waivers.All() {
		old[w.ID()] = w
	}
	var changed []waiver.Waiver
	for _, w := range set.All() {
		was, known := old[w.ID()]
		delete(old, w.ID())
		switch {
		case !known:
			changed = append(changed, w)
		case !reflect.DeepEqual(was.Document(), w.Document()):
			changed = append(changed, was, w)
		}
	}
	for w := range maps.Values(old) {
		changed = append(changed, w)
	}
	if len(changed) == 0 {
		return
	}
	affected := waiver.NewSet(changed)
	f.wake(func(r *Record) bool { return len(affected.Of(r.Inventory.Site)) > 0 })
}

// SetPolicies takes over what was and is in force after the policy of the options, by its beginning. The next Ticks judge
// every site that has no judgement under it yet, all at the instant at which the policy came into force.
func (f *Fleet) SetPolicies(regimes []Regime) {
	known := f.terms.Load().regimes
	made := map[*policy.Policy]regime{} // of versions: to hash one costs more than a judgement
	for i := range known[1:] {
		made[known[1+i].policy] = known[1+i]
	}
	next := known[:1:1]
	for _, r := range regimes {
		g, ok := made[r.Policy]
		if !ok {
			g = f.o.regime(r.From, r.Version, r.Policy)
			made[r.Policy] = g
		}
		g.from = r.From
		next = append(next, g)
	}
	f.change(func(t *terms) { t.regimes = next })
	if len(next) != len(known) || !next[len(next)-1].from.Equal(known[len(known)-1].from) {
		f.wake(func(*Record) bool { return true })
	}
}

func (f *Fleet) change(do func(*terms)) (before *terms) {
	for {
		before = f.terms.Load()
		next := *before
		do(&next)
		if f.terms.CompareAndSwap(before, &next) {
			return before
		}
	}
}

// wake has the next tick look at sites. What is being judged meanwhile is committed before that tick.
func (f *Fleet) wake(which func(*Record) bool) {
	view := f.o.Store.View()
	f.life.Lock()
	defer f.life.Unlock()
	for r := range view.Sites("") {
		if which(r) {
			f.woken[r.ID] = struct{}{}
		}
	}
}

// due reports the first instant until now at which a record's judgement became another one: its inventory reached an age
// that changes it, a waiver of one of its findings began or ended, or another policy came into force. Ages that passed
// together count once. A judgement that says something else than what is known of its own instant, as of one that was made
// before a change of that instant was heard of, is due right behind itself.
func (f *Fleet) due(r *Record, now time.Time) (time.Time, bool) {
	t := f.terms.Load()
	if r.Assessment == nil {
		return aged(t.at(now), r, now)
	}
	at, site := r.Assessment.At, waiver.Own(r.Inventory.Site)
	waivers := t.waivers.Of(r.Inventory.Site)
	in := t.at(at)
	if in.hash != r.Assessment.RulePack.Hash && t.knows(r.Assessment.RulePack.Hash) || waiver.Differs(waivers, r.Assessment, site, at) {
		return at.Add(1), !at.Add(1).After(now)
	}
	next, due := aged(in, r, now)
	due = due && next.After(at)
	sooner := func(at time.Time) {
		if !at.After(now) && (!due || at.Before(next)) {
			next, due = at, true
		}
	}
	for i := range t.regimes {
		if g := &t.regimes[i]; g.from.After(at) && g.hash != in.hash {
			sooner(g.from)
			break
		}
	}
	for _, b := range waiver.Boundaries(waivers, at) {
		if waiver.Differs(waivers, r.Assessment, site, b) {
			sooner(b)
			break
		}
	}
	return next, due
}

// aged is the latest instant until now at which the age of the inventory changed a judgement.
func aged(g *regime, r *Record, now time.Time) (time.Time, bool) {
	for i := len(g.freshness) - 1; i >= 0; i-- {
		if at := r.Inventory.ObservedAt.Add(g.freshness[i]); !at.After(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

func endOfTime() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// next is the first instant at which a record is due, however far it lies ahead.
func (f *Fleet) next(r *Record) (time.Time, bool) {
	at, due := f.due(r, endOfTime())
	g := f.terms.Load().at(endOfTime())
	if r.Assessment != nil {
		g = f.terms.Load().at(r.Assessment.At)
	}
	for _, age := range g.freshness {
		if first := r.Inventory.ObservedAt.Add(age); r.Assessment == nil || r.Assessment.At.Before(first) {
			if !due || first.Before(at) {
				return first, true
			}
			break
		}
	}
	return at, due
}
