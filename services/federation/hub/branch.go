package hub

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/meridian-federation/meridian/federation/advice"
	"github.com/meridian-federation/meridian/federation/fleet"
	"github.com/meridian-federation/meridian/federation/whatif"
)

// branch puts changes over a view of the federation.
func (h *Hub) branch(_ context.Context, v fleet.View, r *whatif.Request, allowed func(string) bool) (*whatif.Branch, error) {
	return whatif.New(h.base(v), r, allowed)
}

// fleetPlan recommends for the whole federation, or for what a scope sees of it. Callers share the plan: nobody changes it.
func (h *Hub) fleetPlan(_ context.Context, v fleet.View, within func(string) bool) (*advice.Plan, error) {
	effort, err := advice.DefaultEffort()
	if err != nil {
		return nil, err
	}
	base := h.base(v)
	return h.plans.of(fingerprint(&base, within), func() *advice.Plan {
		return advice.Fleet(base, advice.Options{Effort: effort, Within: within})
	}), nil
}

// fingerprint is of everything that a plan depends on: which documents and which judgements of them are in view, which of the sites
// the reader sees, and the policy. Heartbeats, which change a view as well, are not part of it.
func fingerprint(base *whatif.Base, within func(string) bool) plan {
	hash := sha256.New()
	write := func(texts ...string) {
		for _, t := range texts {
			_, _ = io.WriteString(hash, t+"\x00") // A hash takes everything.
		}
	}
	write(base.Engine.Hash(base.Policy))
	for r := range base.View.Sites("") {
		seen := strconv.FormatBool(within == nil || within(r.ID))
		if r.Assessment == nil {
			write(r.ID, r.Revision, seen, "")
			continue
		}
		write(r.ID, r.Revision, seen, r.Assessment.At.Format(time.RFC3339Nano), r.Assessment.RulePack.Hash)
	}
	return plan(hash.Sum(nil))
}

// plan names one plan for the fleet by all that it depends on.
type plan [sha256.Size]byte

// plansKept bounds how many are kept: one for each scope that asks, of the present.
const plansKept = 16

// plans keeps the plans for the fleet that were asked for last. The zero value is empty.
type plans struct {
	mu   sync.Mutex
	kept []*kept // the one used last at the end
}

type kept struct {
	name plan
	make sync.Once
	plan *advice.Plan
}

// of returns the plan of a name, which is made when nobody has asked for it yet. Who asks while it is made waits for it.
func (p *plans) of(name plan, make func() *advice.Plan) *advice.Plan {
	p.mu.Lock()
	at := slices.IndexFunc(p.kept, func(k *kept) bool { return k.name == name })
	var k *kept
	if at < 0 {
		k = &kept{name: name}
	} else {
		k = p.kept[at]
		p.kept = slices.Delete(p.kept, at, at+1)
	}
	p.kept = append(p.kept, k)
	if len(p.kept) > plansKept {
		p.kept = slices.Delete(p.kept, 0, 1)
	}
	p.mu.Unlock()
	k.make.Do(func() { k.plan = make() })
	return k.plan
}

func (h *Hub) base(v fleet.View) whatif.Base {
	pol, _ := h.fleet.Policy(h.o.Now())
	return whatif.Base{
		View: v, Engine: h.o.Engine, Policy: pol, Listing: h.fleet.Listing, Spokes: h.fleet.Spokes, Planner: h.fleet.PlannerOf, Waivers: h.fleet.Waivers().Of,
	}
}
