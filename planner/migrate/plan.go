package migrate

import (
	"strings"
	"time"

	"github.com/meridian-federation/meridian/planner/availability"
	"github.com/meridian-federation/meridian/planner/catalog"
	"github.com/meridian-federation/meridian/planner/inventory"
	"github.com/meridian-federation/meridian/planner/policy"
)

// Step is one step of a migration.
type Step struct {
	Do           string
	Downtime     time.Duration // the cluster does not serve for so long
	Assumed      bool          // no source gives the duration
	Rollback     string
	Precondition string
	// Serving is the computed availability of the state the step leaves.
	Serving float64
	// After is the state the step leaves: the site with the one cluster.
	After *inventory.Site
}

// Text formats the downtime for people: 0s, 15m, 4h.
func (s *Step) Text() string { return inventory.Duration(s.Downtime).String() }

// Input is one migration.
type Input struct {
	From, To *State
	// Others are the parts of From that other clusters use as well. Where To has another one, they are left to them.
	Others  catalog.PerKind[bool]
	Need    int // Foundation nodes the peak takes; 0 is read as 1
	Chances policy.Availability
	// FromServing and ToServing are the availabilities of both ends where the caller has them; 0 computes them.
	FromServing, ToServing float64
}

// Plan orders the steps from one state to another. Two states without a difference need none. A state without any node
// is a new installation: its steps have no downtime.
//
// No state between two steps has a lower availability than the lower of both ends: steps are taken in PTC's order as long
// as that holds, another one is taken first where it does not, and where no order helps steps are joined into one
// maintenance window with its downtime stated.
func Plan(in Input) []Step {
	changes := Changes(in.From, in.To)
	if len(changes) == 0 {
		return nil
	}
	p := planner{in: in, at: start}
	if in.Need < 1 {
		p.in.Need = 1
	}
	p.fresh = len(in.From.Shape.Parts.Of("foundation").Nodes) == 0
	p.collect(changes)
	p.floor = p.lower()
	return p.order()
}

// slack absorbs rounding when availabilities are compared.
const slack = 1e-12

type planner struct {
	in      Input
	fresh   bool // nothing runs yet
	at      phase
	actions []action
	floor   float64
	steps   []Step
}

// action is one thing to do: its text, and the phase of the parts it brings about.
type action struct {
	step  Step
	apply func(*phase)
	// after lists the actions, by index, that must be done before.
	after []int
	done  bool
}

// lower computes both ends where the caller has not, and returns the lower one.
func (p *planner) lower() float64 {
	if p.in.FromServing == 0 {
		p.in.FromServing = p.serving(p.in.From.Site, p.in.From.Cluster)
	}
	if p.in.ToServing == 0 {
		p.in.ToServing = p.serving(p.in.To.Site, p.in.To.Cluster)
	}
	return min(p.in.FromServing, p.in.ToServing)
}

func (p *planner) serving(s *inventory.Site, c *inventory.Cluster) float64 {
	return availability.Cluster(s, c, p.in.Need, p.in.Chances).Serving
}

// order takes the actions in their order where the floor holds, the next possible one where it does not, and joins
// actions when none is possible alone.
func (p *planner) order() []Step {
	for p.undone() > 0 {
		if !p.one() {
			p.window()
		}
	}
	return p.steps
}

func (p *planner) undone() int {
	n := 0
	for i := range p.actions {
		if !p.actions[i].done {
			n++
		}
	}
	return n
}

func (p *planner) ready(a *action) bool {
	if a.done {
		return false
	}
	for _, i := range a.after {
		if !p.actions[i].done {
			return false
		}
	}
	return true
}

// one takes the first action that may be taken alone.
func (p *planner) one() bool {
	for i := range p.actions {
		a := &p.actions[i]
		if !p.ready(a) {
			continue
		}
		next := p.at
		if a.apply != nil {
			a.apply(&next)
		}
		site, serving := p.state(next, p.undone() == 1)
		if serving < p.floor-slack {
			continue
		}
		p.take(a, next, site, serving)
		return true
	}
	return false
}

func (p *planner) take(a *action, next phase, site *inventory.Site, serving float64) {
	a.done = true
	p.at = next
	a.step.Serving, a.step.After = serving, site
	p.steps = append(p.steps, a.step)
}

// window joins the next actions into one until the state they leave is not below the floor. All of them leave the target.
func (p *planner) window() {
	next := p.at
	joined := Step{Assumed: true}
	var do, back, before []string
	for {
		for i := range p.actions {
			a := &p.actions[i]
			if !p.ready(a) {
				continue
			}
			a.done = true
			if a.apply != nil {
				a.apply(&next)
			}
			do, back = append(do, a.step.Do), append(back, a.step.Rollback)
			if a.step.Precondition != "" {
				before = append(before, a.step.Precondition)
			}
			joined.Downtime += a.step.Downtime
			break
		}
		site, serving := p.state(next, p.undone() == 0)
		if serving >= p.floor-slack || p.undone() == 0 {
			joined.Serving, joined.After = serving, site
			break
		}
	}
	joined.Downtime = max(joined.Downtime, restart)
	joined.Do = "In one maintenance window, because each alone would leave the cluster less available than before and after: " + strings.Join(do, " Then: ")
	joined.Rollback = strings.Join(back, " ")
	joined.Precondition = strings.Join(before, " ")
	p.at = next
	p.steps = append(p.steps, joined)
}

// state composes the inventory of a phase and computes its availability. The last one is the target itself, which may
// also tell what the start did not know.
func (p *planner) state(ph phase, last bool) (*inventory.Site, float64) {
	if last {
		return p.in.To.Site, p.in.ToServing
	}
	if len(p.steps) > 0 && ph == p.at {
		before := &p.steps[len(p.steps)-1]
		return before.After, before.Serving
	}
	site := p.compose(ph)
	return site, p.serving(site, &site.Clusters[0])
}
