package fleet

import (
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meridian-federation/meridian/planner/assess"
	"github.com/meridian-federation/meridian/planner/inventory"
)

// batch is what updates change before it is committed.
type batch struct {
	view    View
	changed map[string]*Record // over the view
	order   []string           // of changed, as they came in
	judged  []*Record          // every judgement, the intermediate ones of a site as well
	chains  [][]*judgement     // of one site each, in order
	chain   map[string]int     // of a site, in chains
}

func newBatch(v View) *batch {
	return &batch{view: v, changed: map[string]*Record{}, chain: map[string]int{}}
}

// Site is the latest record of a site. Its assessment may still have to be made.
func (b *batch) Site(id string) (*Record, bool) {
	if r, ok := b.changed[id]; ok {
		return r, true
	}
	return b.view.Site(id)
}

func (b *batch) set(r *Record) {
	if _, ok := b.changed[r.ID]; !ok {
		b.order = append(b.order, r.ID)
	}
	b.changed[r.ID] = r
}

// judgement is one that is to be made. But for the assessment before it of the same site, nothing that it looks at is still
// to come, so that the judgements of different sites are made side by side, with the same result as one by one.
type judgement struct {
	record     *Record
	neighbours []*inventory.Site
	structures structures
	previous   *assess.Assessment
	at         time.Time
}

// plan has a judgement made after those of the same site before it.
func (b *batch) plan(j *judgement) {
	b.set(j.record)
	b.judged = append(b.judged, j.record)
	i, ok := b.chain[j.record.ID]
	if !ok {
		i = len(b.chains)
		b.chain[j.record.ID], b.chains = i, append(b.chains, nil)
	}
	b.chains[i] = append(b.chains[i], j)
}

// judgedAt is the instant of a record's latest judgement, made or planned; zero for none.
func (b *batch) judgedAt(r *Record) time.Time {
	if i, ok := b.chain[r.ID]; ok {
		return b.chains[i][len(b.chains[i])-1].at
	}
	if r.Assessment == nil {
		return time.Time{}
	}
	return r.Assessment.At
}

// judgeAll makes the judgements of a batch.
func (f *Fleet) judgeAll(b *batch) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, chain := range b.chains {
		group.Go(func() error {
			for i, j := range chain {
				if i > 0 {
					j.previous = chain[i-1].record.Assessment
				}
				f.make(j)
			}
			return nil
		})
	}
	_ = group.Wait() // None fails.
}

// prepare looks up what a judgement of a record rests on.
func (f *Fleet) prepare(r *Record, previous *assess.Assessment, at time.Time, lookup func(string) (*Record, bool)) *judgement {
	j := &judgement{record: r, previous: previous, at: at}
	j.neighbours = assess.Neighbours(r.Inventory, inventories(lookup), f.o.Graph.Sites)
	j.structures = structuresOf(r, j.neighbours, lookup)
	r.judged = r.planners()
	return j
}

// make gives a record its assessment.
func (f *Fleet) make(j *judgement) {
	f.evaluations.Add(1)
	t := f.terms.Load()
	g := t.at(j.at)
	v := assess.View{
		Site: j.record.Inventory, Revision: j.record.Revision, Neighbours: j.neighbours,
		Planner: f.PlannerOf(j.record), At: j.at, HubInView: true, Previous: j.previous,
	}
	on := j.structures.under(g.hash)
	if rests(j.previous, on) {
		v.Same = j.previous
	}
	j.record.Assessment = f.under(t, g, v)
	j.record.Assessment.Basis = on
}

// catchUp makes a judgement and every later one until now that time alone makes due. The last record is returned beside all.
func (f *Fleet) catchUp(j *judgement, now time.Time) (judged []*Record, last *Record) {
	for {
		f.make(j)
		judged = append(judged, j.record)
		at, due := f.due(j.record, now)
		if !due {
			return judged, j.record
		}
		again := *j.record
		j = &judgement{record: &again, neighbours: j.neighbours, structures: j.structures, previous: j.record.Assessment, at: at}
	}
}

func (f *Fleet) judge(r *Record, previous *assess.Assessment, at time.Time, lookup func(string) (*Record, bool)) {
	f.make(f.prepare(r, previous, at, lookup))
}
